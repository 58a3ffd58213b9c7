//! What people change of their own proofs, in a session and freshly verified: password, app, passkeys, recovery codes. And whether
//! letters are keys to them.

use audit::event::Outcome;
use zeroize::Zeroizing;

use crate::account::{Account, HeldTotp, PASSKEYS_MAX};
use crate::enrol::busy;
use crate::factors::{TOTP_SECRET_BYTES, totp};
use crate::password::{check, normalized};
use crate::secret::base64;
use crate::session::Ending;
use crate::sign_in::TICKET_MS;
use crate::{Connection, EnrolRefusal, Identity, IdentityError, Session, SignInRefusal, TotpSetup, lock};

/// One of one's own passkeys.
#[derive(Clone, Debug)]
pub struct PasskeyView {
    pub id: String,
    pub label: String,
    pub added_ms: i64,
}

/// What proves somebody, as they see it themselves.
#[derive(Clone, Debug)]
pub struct ProofsView {
    pub has_password: bool,
    pub has_totp: bool,
    pub recovery_codes: usize,
    pub passkeys: Vec<PasskeyView>,
}

impl Identity {
    pub fn proofs_of(&self, session: &Session) -> Result<ProofsView, IdentityError> {
        let account = self.account(session.user.0)?;
        let proofs = &account.proofs;
        let passkeys = proofs.passkeys.iter().map(|held| PasskeyView {
            id: base64(held.passkey.cred_id()),
            label: held.label.clone(),
            added_ms: held.added_ms,
        });
        Ok(ProofsView {
            has_password: proofs.password.is_some(),
            has_totp: proofs.totp.is_some(),
            recovery_codes: proofs.recovery.len(),
            passkeys: passkeys.collect(),
        })
    }

    /// Sets a new password; the other sessions end. The one before is asked for, if there is one.
    pub async fn change_password(
        &self,
        session: &Session,
        current: &str,
        new: &str,
        from: &Connection<'_>,
    ) -> Result<(), EnrolRefusal> {
        let account = self.fresh_account(session)?;
        let profile = &account.profile;
        if let Some(stored) = account.proofs.password.clone().map(Zeroizing::new) {
            let tries = match self.step_up_tries(session, from) {
                Ok(tries) => tries,
                Err(SignInRefusal::Wait { seconds }) => return Err(IdentityError::Wait { seconds }.into()),
                Err(other) => return Err(busy(other).into()),
            };
            let matched = self.inner().pool.matches(Some(&stored), normalized(current)).await.map_err(busy)?;
            if !matched {
                self.inner().throttles.failed(&tries, self.now_ms());
                let actor = self.actor_in(&account, session.number, session.device);
                let failed = Outcome::Failed { code: 401 };
                self.witness(audit::Action::AccountChange, failed, &actor, from, "password").await?;
                return Err(EnrolRefusal::WrongPassword);
            }
        }
        check(new, &[&profile.login, &profile.display_name, &self.settings().organization])?;
        let hash = self.inner().pool.hash(normalized(new)).await.map_err(busy)?;
        self.change_proofs(session, "password changed", true, from, move |account| {
            account.proofs.password = Some(hash.to_vec());
            Ok(())
        })
        .await
    }

    /// A secret for another authenticator app; the one before works until a code of this one was typed.
    pub fn begin_own_totp(&self, session: &Session) -> Result<TotpSetup, EnrolRefusal> {
        let account = self.fresh_account(session)?;
        let mut secret = Zeroizing::new(vec![0; TOTP_SECRET_BYTES]);
        (self.settings().random)(&mut secret).map_err(IdentityError::from)?;
        let setup = self.totp_setup(&account.profile.login, &secret);
        let until_ms = self.now_ms() + TICKET_MS;
        lock(&self.inner().step_ups).secrets.insert(session.number, (until_ms, secret));
        Ok(setup)
    }

    pub async fn finish_own_totp(
        &self,
        session: &Session,
        code: &str,
        from: &Connection<'_>,
    ) -> Result<(), EnrolRefusal> {
        self.fresh_account(session)?;
        let now_ms = self.now_ms();
        let pending = lock(&self.inner().step_ups).secrets.remove(&session.number);
        let (_, secret) = pending.filter(|(until_ms, _)| now_ms < *until_ms).ok_or(EnrolRefusal::WrongTotp)?;
        let code: String = code.chars().filter(|c| !c.is_whitespace()).take(8).collect();
        let step = totp(&secret)?.check(&code, now_ms.max(0) as u64 / 1_000).ok_or(EnrolRefusal::WrongTotp)?;
        self.change_proofs(session, "authenticator app changed", false, from, move |account| {
            account.proofs.totp = Some(HeldTotp { secret: secret.to_vec(), last_step: step });
            Ok(())
        })
        .await
    }

    /// The options for `navigator.credentials.create`.
    pub fn begin_own_passkey(&self, session: &Session) -> Result<String, EnrolRefusal> {
        let account = self.fresh_account(session)?;
        let held = account.proofs.passkeys.iter().map(|held| held.passkey.cred_id().clone()).collect();
        let (options, registration) = self.ask_registration(session.user.0, held)?;
        let until_ms = self.now_ms() + TICKET_MS;
        lock(&self.inner().step_ups).registrations.insert(session.number, (until_ms, registration));
        Ok(options)
    }

    pub async fn finish_own_passkey(
        &self,
        session: &Session,
        credential: &str,
        label: &str,
        from: &Connection<'_>,
    ) -> Result<(), EnrolRefusal> {
        self.fresh_account(session)?;
        let now_ms = self.now_ms();
        let begun = lock(&self.inner().step_ups).registrations.remove(&session.number);
        let begun = begun.filter(|(until_ms, _)| now_ms < *until_ms).map(|(_, registration)| registration);
        let passkey = self.check_registration(begun.as_ref(), credential, label)?;
        self.change_proofs(session, "passkey added", false, from, move |account| {
            if account.proofs.passkeys.len() >= PASSKEYS_MAX {
                return Err(EnrolRefusal::WrongPasskey);
            }
            account.proofs.passkeys.push(passkey);
            Ok(())
        })
        .await
    }

    /// Not the last one of an account that has nothing else.
    pub async fn remove_own_passkey(
        &self,
        session: &Session,
        id: &str,
        from: &Connection<'_>,
    ) -> Result<(), EnrolRefusal> {
        self.fresh_account(session)?;
        self.change_proofs(session, "passkey removed", false, from, |account| {
            let proofs = &mut account.proofs;
            let before = proofs.passkeys.len();
            proofs.passkeys.retain(|held| base64(held.passkey.cred_id()) != id);
            if proofs.passkeys.len() == before {
                return Err(IdentityError::Unknown("passkey").into());
            }
            if proofs.are_enough() { Ok(()) } else { Err(EnrolRefusal::Incomplete) }
        })
        .await
    }

    /// Ten new codes; the ones before are void.
    pub async fn new_recovery_codes(
        &self,
        session: &Session,
        from: &Connection<'_>,
    ) -> Result<Vec<Zeroizing<String>>, EnrolRefusal> {
        self.fresh_account(session)?;
        let (codes, hashes) = self.recovery_codes(session.user.0)?;
        self.change_proofs(session, "recovery codes renewed", false, from, move |account| {
            account.proofs.recovery = hashes;
            Ok(())
        })
        .await?;
        Ok(codes)
    }

    /// Whether single letters are keys to this person, wherever they sign in.
    pub async fn set_letters(&self, session: &Session, are_keys: bool) -> Result<(), IdentityError> {
        let pen = self.pen().await;
        self.live_by_number(session.number)?;
        let mut next = Account::clone(&*self.account(session.user.0)?);
        next.letters_off = !are_keys;
        let put = self.put_account(&next)?;
        let identity = self.clone();
        self.commit(pen, vec![], vec![put], move |state| state.put_account(next, identity.hashes())).await
    }

    /// Whether the person was verified within the last minutes: then what is above will do.
    pub fn is_fresh(&self, session: &Session) -> bool {
        let live = self.live_by_number(session.number);
        live.is_ok_and(|live| self.now_ms() - live.verified_ms() <= crate::caller::FRESH_MS)
    }

    /// For how long that still holds; 0 where it does not.
    pub fn fresh_s(&self, session: &Session) -> i64 {
        let live = self.live_by_number(session.number);
        live.map_or(0, |live| (live.verified_ms() + crate::caller::FRESH_MS - self.now_ms()).max(0) / 1_000)
    }

    fn fresh_account(&self, session: &Session) -> Result<std::sync::Arc<Account>, IdentityError> {
        if !self.is_fresh(session) {
            return Err(IdentityError::StepUp);
        }
        self.account(session.user.0)
    }

    async fn change_proofs(
        &self,
        session: &Session,
        what: &str,
        ends_others: bool,
        from: &Connection<'_>,
        change: impl FnOnce(&mut Account) -> Result<(), EnrolRefusal>,
    ) -> Result<(), EnrolRefusal> {
        let pen = self.pen().await;
        self.live_by_number(session.number)?;
        let mut next = Account::clone(&*self.account(session.user.0)?);
        change(&mut next)?;
        let actor = self.actor_in(&next, session.number, session.device);
        let event = self.account_event(&actor, from, &format!("user {}: {what}", session.user.0))?;
        let put = self.put_account(&next)?;
        let identity = self.clone();
        let (user, this) = (session.user.0, session.number);
        let ended = match ends_others {
            true => self.numbers_of(user).into_iter().filter(|number| *number != this).collect(),
            false => vec![],
        };
        let apply = move |state: &mut crate::state::State| {
            state.put_account(next, identity.hashes());
            if ends_others {
                state.let_go_of_user(user, Some(this));
            }
        };
        Ok(self.end(pen, vec![event], vec![put], ended, Ending::Revoked, &actor, from, apply).await?)
    }
}
