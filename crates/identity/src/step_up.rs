//! Step-up: the person proves to be there once more, and for five minutes may do what asks for that. The cookie changes.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use audit::Action;
use audit::event::Outcome;
use webauthn_rs::prelude::{PasskeyAuthentication, PasskeyRegistration};
use zeroize::Zeroizing;

use crate::account::Account;
use crate::factors::{Means, Proven, totp_step};
use crate::networks::subscriber;
use crate::passkey::parse;
use crate::sign_in::{Ceremony, TICKET_MS};
use crate::throttle::Tries;
use crate::{Connection, Identity, Renewed, Session, SignInRefusal, lock};

/// What was begun in a session and waits for its answer, each with its end, by session.
#[derive(Default)]
pub(crate) struct StepUps {
    ceremonies: HashMap<u64, (i64, Box<PasskeyAuthentication>)>,
    pub registrations: HashMap<u64, (i64, PasskeyRegistration)>,
    pub secrets: HashMap<u64, (i64, Zeroizing<Vec<u8>>)>,
}

impl Identity {
    /// By authenticator app.
    pub async fn step_up_totp(
        &self,
        session: &Session,
        code: &str,
        from: &Connection<'_>,
    ) -> Result<Renewed, SignInRefusal> {
        let account = self.account(session.user.0)?;
        let tries = self.step_up_tries(session, from)?;
        let step = match &account.proofs.totp {
            Some(totp) => totp_step(totp, code, self.now_ms())?,
            None => None,
        };
        self.step_up(session, account, step.map(|step| Proven::Totp { step }), "totp", &tries, from).await
    }

    /// The options for `navigator.credentials.get`.
    pub fn begin_step_up_passkey(&self, session: &Session) -> Result<String, SignInRefusal> {
        let account = self.account(session.user.0)?;
        let (options, ceremony) = self.ask_passkey(&account)?;
        let until_ms = self.now_ms() + TICKET_MS;
        lock(&self.inner().step_ups).ceremonies.insert(session.number, (until_ms, Box::new(ceremony)));
        Ok(options)
    }

    pub async fn finish_step_up_passkey(
        &self,
        session: &Session,
        credential: &str,
        from: &Connection<'_>,
    ) -> Result<Renewed, SignInRefusal> {
        let account = self.account(session.user.0)?;
        let tries = self.step_up_tries(session, from)?;
        let begun = lock(&self.inner().step_ups).ceremonies.remove(&session.number);
        let (until_ms, ceremony) = begun.ok_or(SignInRefusal::Expired)?;
        if self.now_ms() >= until_ms {
            return Err(SignInRefusal::Expired);
        }
        let result =
            parse(credential).and_then(|answer| self.check_passkey(&answer, Ceremony::Named(ceremony), &account));
        let proven = result.map(|result| Proven::Passkey { result });
        self.step_up(session, account, proven, "passkey", &tries, from).await
    }

    async fn step_up(
        &self,
        session: &Session,
        account: Arc<Account>,
        proven: Option<Proven>,
        what: &str,
        tries: &Tries,
        from: &Connection<'_>,
    ) -> Result<Renewed, SignInRefusal> {
        let now_ms = self.now_ms();
        let actor = self.actor_in(&account, session.number, session.device);
        let pen = self.pen().await;
        let live = self.live_by_number(session.number)?;
        let mut next = Account::clone(&*self.account(account.profile.user)?);
        let is_spent = proven.as_ref().is_some_and(|proven| proven.spend(&mut next.proofs));
        let (Some(proven), true) = (proven, is_spent) else {
            self.inner().throttles.failed(tries, now_ms);
            self.witness(Action::StepUp, Outcome::Failed { code: 401 }, &actor, from, what).await?;
            return Err(SignInRefusal::DoesNotMatch);
        };
        let event = self.evidence(Action::StepUp, Outcome::Success, &actor, from, what)?;
        let (renewed, stronger) = self.rotated(&live)?;
        stronger.verified_ms.store(now_ms, Ordering::Relaxed);
        stronger.active_ms.fetch_max(now_ms, Ordering::Relaxed);
        stronger.phishing_resistant.fetch_or(proven.means() == Means::Passkey, Ordering::Relaxed);
        let changes = vec![self.put_account(&next)?, self.put_session(&stronger.snapshot())?];
        let identity = self.clone();
        self.commit(pen, vec![event], changes, move |state| {
            state.put_account(next, identity.hashes());
            state.put_session(stronger);
        })
        .await?;
        self.inner().throttles.succeeded(tries);
        Ok(renewed)
    }

    /// Counted by session: whoever is in one is not delayed by what others do at the door.
    pub(crate) fn step_up_tries(&self, session: &Session, from: &Connection<'_>) -> Result<Tries, SignInRefusal> {
        let tries = Tries {
            account: self.hashes().label("step-up", session.number),
            address: subscriber(from.address),
            device: Some(session.number),
        };
        match self.inner().throttles.wait(&tries, self.now_ms()) {
            Some(seconds) => Err(SignInRefusal::Wait { seconds }),
            None => Ok(tries),
        }
    }
}

impl StepUps {
    pub(crate) fn sweep(&mut self, now_ms: i64) {
        self.ceremonies.retain(|_, (until_ms, _)| now_ms < *until_ms);
        self.registrations.retain(|_, (until_ms, _)| now_ms < *until_ms);
        self.secrets.retain(|_, (until_ms, _)| now_ms < *until_ms);
    }
}
