//! Signing in: a password and then a second factor, or a passkey, which is both. Nothing else makes a session.

use std::collections::HashMap;
use std::sync::Arc;

use access::UserId;
use audit::Action;
use audit::event::Outcome;
use crypto::DeviceKey;
use webauthn_rs::prelude::{DiscoverableAuthentication, PasskeyAuthentication};
use zeroize::Zeroizing;

use crate::account::{Account, AccountState, Kind};
use crate::device::DEVICES_MAX;
use crate::event::Actor;
use crate::factors::{Means, Proven, totp_step};
use crate::networks::subscriber;
use crate::open::Pen;
use crate::password::normalized;
use crate::secret::{base64, fresh, number, presented};
use crate::session::{Ending, SESSIONS_MAX};
use crate::state::{Bound, Device, DeviceState, Live, StoredSession};
use crate::throttle::Tries;
use crate::{Connection, DeviceClaim, Identity, IdentityError, SignInRefusal, lock};

/// Between the first and the second factor.
pub const TICKET_MS: i64 = 5 * 60_000;
/// Wrong second factors before one has to begin again.
pub const ATTEMPTS_MAX: u8 = 5;
/// Sign-ins under way at once; the oldest makes room.
const TICKETS_MAX: usize = 4_096;
const LOGIN_CHARS_MAX: usize = 128;

/// The password was right. Not a session: nothing opens with it but the second step.
pub struct FirstFactor {
    pub ticket: Zeroizing<String>,
    pub has_totp: bool,
    pub has_passkey: bool,
    pub has_recovery: bool,
}

pub struct SignedIn {
    /// The value of `__Host-wardstone`.
    pub cookie: Zeroizing<String>,
    pub session: u64,
    pub user: UserId,
    pub csrf: String,
    pub device: Option<u64>,
    pub device_state: Option<DeviceState>,
    /// Recovery codes that are left, where one was used.
    pub recovery_left: Option<usize>,
}

/// Somebody who proved both factors to a command on the machine itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub user: UserId,
    pub login: String,
    pub roles: access::RoleSet,
}

#[derive(Default)]
pub(crate) struct Tickets(HashMap<[u8; 32], Ticket>);

#[derive(Clone)]
pub(crate) struct Ticket {
    /// None until a discoverable passkey names somebody.
    pub user: Option<u64>,
    pub expires_ms: i64,
    pub bound: Bound,
    pub key: Option<DeviceKey>,
    pub tries: Tries,
    pub attempts: u8,
    pub ceremony: Option<Ceremony>,
}

#[derive(Clone)]
pub(crate) enum Ceremony {
    Named(Box<PasskeyAuthentication>),
    Discoverable(Box<DiscoverableAuthentication>),
}

impl Identity {
    /// The first step. Unknown accounts, accounts without a password and wrong passwords cost and answer the same.
    /// `claim` tells a device that this account used before, which nobody else's failures delay.
    pub async fn sign_in_password(
        &self,
        login: &str,
        password: &str,
        claim: Option<&DeviceClaim>,
        from: &Connection<'_>,
    ) -> Result<FirstFactor, SignInRefusal> {
        let key = claim.and_then(|claim| self.claimed(claim));
        let account = self.by_login(login);
        let tries = self.tries(login, account.as_deref(), key.as_ref(), from);
        let now_ms = self.now_ms();
        if let Some(seconds) = self.inner().throttles.wait(&tries, now_ms) {
            return Err(SignInRefusal::Wait { seconds });
        }
        let stored = account.as_deref().filter(|account| account.can_sign_in());
        let stored = stored.and_then(|account| account.proofs.password.clone()).map(Zeroizing::new);
        let matched =
            self.inner().pool.matches(stored.as_ref().map(|hash| hash.as_slice()), normalized(password)).await?;
        let (Some(account), Some(_), true) = (&account, &stored, matched) else {
            self.inner().throttles.failed(&tries, now_ms);
            let actor =
                account.as_deref().map_or_else(Actor::nobody, |account| Actor::person(&account.profile, now_ms));
            self.failed(&actor, from, "password", &tries).await?;
            return Err(SignInRefusal::DoesNotMatch);
        };
        let proofs = &account.proofs;
        let first = FirstFactor {
            ticket: fresh(&self.settings().random)?,
            has_totp: proofs.totp.is_some(),
            has_passkey: !proofs.passkeys.is_empty(),
            has_recovery: !proofs.recovery.is_empty(),
        };
        let ticket = Ticket {
            user: Some(account.profile.user),
            expires_ms: now_ms + TICKET_MS,
            bound: self.bound_to(from),
            key,
            tries,
            attempts: 0,
            ceremony: None,
        };
        self.keep_ticket(&first.ticket, ticket);
        self.rehash(account, password).await?;
        Ok(first)
    }

    /// The second step by authenticator app.
    pub async fn sign_in_totp(
        &self,
        ticket: &str,
        code: &str,
        device_label: &str,
        from: &Connection<'_>,
    ) -> Result<SignedIn, SignInRefusal> {
        let (held, account) = self.second_step(ticket, from)?;
        let proven = match &account.proofs.totp {
            Some(totp) => totp_step(totp, code, self.now_ms())?.map(|step| Proven::Totp { step }),
            None => None,
        };
        self.second(ticket, held, account, proven, "totp", device_label, from).await
    }

    /// The second step by one of the codes that were shown at enrolment.
    pub async fn sign_in_recovery(
        &self,
        ticket: &str,
        code: &str,
        device_label: &str,
        from: &Connection<'_>,
    ) -> Result<SignedIn, SignInRefusal> {
        let (held, account) = self.second_step(ticket, from)?;
        let hash = self.hashes().recovery_code(account.profile.user, code);
        let is_held = account.proofs.recovery.iter().any(|held| crypto::hash::equal(held, &hash));
        let proven = is_held.then_some(Proven::Recovery { hash });
        self.second(ticket, held, account, proven, "recovery code", device_label, from).await
    }

    /// For a command that works without a running server: both factors, an event, and who it is.
    pub async fn verify_person(&self, login: &str, password: &str, totp: &str) -> Result<Person, SignInRefusal> {
        let from = Connection::LOCAL;
        let first = self.sign_in_password(login, password, None, &from).await?;
        let (held, account) = self.second_step(&first.ticket, &from)?;
        let step = match &account.proofs.totp {
            Some(held) => totp_step(held, totp, self.now_ms())?,
            None => None,
        };
        self.drop_ticket(&first.ticket);
        let now_ms = self.now_ms();
        let actor = Actor::person(&account.profile, now_ms);
        let pen = self.pen().await;
        let mut next = Account::clone(&*self.account(account.profile.user)?);
        let is_spent = step.is_some_and(|step| Proven::Totp { step }.spend(&mut next.proofs));
        if !is_spent || !next.can_sign_in() {
            self.inner().throttles.failed(&held.tries, now_ms);
            self.failed(&actor, &from, "totp", &held.tries).await?;
            return Err(SignInRefusal::DoesNotMatch);
        }
        let person =
            Person { user: next.profile.id(), login: next.profile.login.clone(), roles: next.profile.roles(now_ms) };
        let event = self.evidence(Action::SignIn, Outcome::Success, &actor, &from, "password and totp, offline")?;
        let change = self.put_account(&next)?;
        self.commit_account(pen, vec![event], vec![change], next).await?;
        self.inner().throttles.succeeded(&held.tries);
        Ok(person)
    }

    pub(crate) fn by_login(&self, login: &str) -> Option<Arc<Account>> {
        let login: String = login.trim().chars().take(LOGIN_CHARS_MAX).collect();
        self.state().account_of(&login).cloned()
    }

    pub(crate) fn tries(
        &self,
        login: &str,
        account: Option<&Account>,
        key: Option<&DeviceKey>,
        from: &Connection<'_>,
    ) -> Tries {
        let login: String = login.trim().chars().take(LOGIN_CHARS_MAX).flat_map(char::to_lowercase).collect();
        // Looked up for nobody's account too: both cost the same.
        let known = key.and_then(|key| self.device_of(account.map_or(0, |account| account.profile.user), key));
        let known = known.filter(|device| matches!(device.state, DeviceState::New | DeviceState::Verified));
        Tries {
            account: self.hashes().label.label(&[b"login", login.as_bytes()].concat()),
            address: subscriber(from.address),
            device: known.map(|device| device.number),
        }
    }

    /// A failure is told with the person if there is such a person; a login that is nobody's may be a password typed in the
    /// wrong place, so the log only gets its keyed label.
    pub(crate) async fn failed(
        &self,
        actor: &Actor,
        from: &Connection<'_>,
        what: &str,
        tries: &Tries,
    ) -> Result<(), IdentityError> {
        let subject = format!("{what}, login {}", base64(&tries.account[..8]));
        let actor = Actor { device: tries.device, ..actor.clone() };
        self.witness(Action::SignIn, Outcome::Failed { code: 401 }, &actor, from, &subject).await
    }

    /// Counts a failure and tells it. Of those who have to wait already only the number is kept, so that nobody fills the log.
    pub(crate) async fn missed(
        &self,
        actor: &Actor,
        from: &Connection<'_>,
        what: &str,
        tries: &Tries,
    ) -> Result<(), IdentityError> {
        let now_ms = self.now_ms();
        let is_waiting = self.inner().throttles.wait(tries, now_ms).is_some();
        self.inner().throttles.failed(tries, now_ms);
        if is_waiting {
            (self.settings().noise)(from.address);
            return Ok(());
        }
        self.failed(actor, from, what, tries).await
    }

    pub(crate) fn keep_ticket(&self, secret: &str, ticket: Ticket) {
        let hash = self.hashes().ticket.compute(secret.as_bytes());
        let now_ms = self.now_ms();
        lock(&self.inner().tickets).keep(hash, ticket, now_ms);
    }

    /// A ticket where it belongs: not expired, from the same client.
    pub(crate) fn ticket(&self, secret: &str, from: &Connection<'_>) -> Result<Ticket, SignInRefusal> {
        let hash = presented(&self.hashes().ticket, secret).ok_or(SignInRefusal::Expired)?;
        let ticket = lock(&self.inner().tickets).0.get(&hash).cloned().ok_or(SignInRefusal::Expired)?;
        if self.now_ms() >= ticket.expires_ms || ticket.bound != self.bound_to(from) {
            return Err(SignInRefusal::Expired);
        }
        Ok(ticket)
    }

    pub(crate) fn drop_ticket(&self, secret: &str) {
        if let Some(hash) = presented(&self.hashes().ticket, secret) {
            lock(&self.inner().tickets).0.remove(&hash);
        }
    }

    pub(crate) fn change_ticket(&self, secret: &str, change: impl FnOnce(&mut Ticket)) {
        if let Some(hash) = presented(&self.hashes().ticket, secret)
            && let Some(ticket) = lock(&self.inner().tickets).0.get_mut(&hash)
        {
            change(ticket);
        }
    }

    fn second_step(&self, ticket: &str, from: &Connection<'_>) -> Result<(Ticket, Arc<Account>), SignInRefusal> {
        let held = self.ticket(ticket, from)?;
        if let Some(seconds) = self.inner().throttles.wait(&held.tries, self.now_ms()) {
            return Err(SignInRefusal::Wait { seconds });
        }
        let account = self.account(held.user.ok_or(SignInRefusal::Expired)?)?;
        Ok((held, account))
    }

    /// Ends the second step: a session, or one attempt less.
    #[expect(clippy::too_many_arguments, reason = "the two doors above share it")]
    pub(crate) async fn second(
        &self,
        ticket: &str,
        held: Ticket,
        account: Arc<Account>,
        proven: Option<Proven>,
        what: &str,
        device_label: &str,
        from: &Connection<'_>,
    ) -> Result<SignedIn, SignInRefusal> {
        let now_ms = self.now_ms();
        let actor = Actor::person(&account.profile, now_ms);
        let pen = self.pen().await;
        // Looked at again under the pen: nobody uses a ticket, a step or a code twice.
        self.ticket(ticket, from)?;
        let mut next = Account::clone(&*self.account(account.profile.user)?);
        let is_spent = proven.as_ref().is_some_and(|proven| proven.spend(&mut next.proofs));
        let (Some(proven), true, true) = (proven, is_spent, next.can_sign_in()) else {
            if held.attempts + 1 >= ATTEMPTS_MAX {
                self.drop_ticket(ticket);
            } else {
                self.change_ticket(ticket, |ticket| ticket.attempts += 1);
            }
            self.missed(&actor, from, what, &held.tries).await?;
            return Err(SignInRefusal::DoesNotMatch);
        };
        self.drop_ticket(ticket);
        if held.key.as_ref().is_some_and(|key| self.is_closed(key)) {
            // What was used up stays used up.
            let failed = Outcome::Failed { code: 403 };
            let event = self.evidence(Action::SignIn, failed, &actor, from, "device lost or retired")?;
            let change = self.put_account(&next)?;
            self.commit_account(pen, vec![event], vec![change], next).await?;
            return Err(SignInRefusal::DeviceRefused);
        }
        let signed_in = self.open_session(pen, next, proven.means(), held.key, device_label, from).await?;
        self.inner().throttles.succeeded(&held.tries);
        Ok(signed_in)
    }

    /// Makes the session: one event, one write, and the cookie that nobody had before.
    pub(crate) async fn open_session(
        &self,
        pen: Pen,
        account: Account,
        means: Means,
        key: Option<DeviceKey>,
        device_label: &str,
        from: &Connection<'_>,
    ) -> Result<SignedIn, IdentityError> {
        let now_ms = self.now_ms();
        let user = account.profile.user;
        let by_passkey = means == Means::Passkey;
        let device = match &key {
            Some(key) => Some(self.used_device(user, key, device_label, by_passkey)?),
            None => None,
        };
        let cookie = fresh(&self.settings().random)?;
        let stored = StoredSession {
            number: number(&self.settings().random)?,
            hash: self.hashes().session.compute(cookie.as_bytes()),
            user,
            device: device.as_ref().map(|device| device.number),
            bound: device.is_none().then(|| self.bound_to(from)),
            started_ms: now_ms,
            active_ms: now_ms,
            verified_ms: now_ms,
            phishing_resistant: by_passkey,
            country: (self.settings().country)(from.address),
            address: from.address,
        };
        let live = Live::new(stored);
        // It was this connection that brought both factors.
        lock(&live.connections).prove(from.number);
        let signed_in = SignedIn {
            cookie,
            session: live.stored.number,
            user: UserId(user),
            csrf: base64(&self.hashes().csrf.compute(&live.stored.number.to_be_bytes())),
            device: live.stored.device,
            device_state: device.as_ref().map(|device| device.state),
            recovery_left: (means == Means::PasswordAndRecoveryCode).then_some(account.proofs.recovery.len()),
        };
        let actor = Actor::person(&account.profile, now_ms).in_session(live.stored.number, live.stored.device);
        let mut evidence = vec![self.evidence(Action::SignIn, Outcome::Success, &actor, from, means.word())?];
        let mut changes = vec![self.put_account(&account)?, self.put_session(&live.stored)?];
        if let Some(device) = &device {
            if !self.state().devices.contains_key(&device.number) {
                let subject = format!("device {} of user {user}: {}", device.number, device.state.word());
                evidence.push(self.evidence(Action::DeviceChange, Outcome::Success, &actor, from, &subject)?);
            }
            changes.push(self.put_device(device)?);
        }
        let forgotten = self.device_to_forget(user, device.as_ref());
        changes.extend(forgotten.map(|number| self.remove_device(number)));
        let replaced = self.session_to_replace(user);
        let identity = self.clone();
        self.end(
            pen,
            evidence,
            changes,
            replaced.into_iter().collect(),
            Ending::Replaced,
            &actor,
            from,
            move |state| {
                state.put_account(account, identity.hashes());
                device.into_iter().for_each(|device| state.put_device(device));
                forgotten.into_iter().for_each(|number| state.remove_device(number));
                state.put_session(live);
            },
        )
        .await?;
        Ok(signed_in)
    }

    fn session_to_replace(&self, user: u64) -> Option<u64> {
        let views = self.sessions_of(UserId(user));
        (views.len() >= SESSIONS_MAX).then(|| views.last().map(|view| view.number)).flatten()
    }

    /// Lost and retired devices are kept: that is how they stay refused.
    fn device_to_forget(&self, user: u64, now: Option<&Device>) -> Option<u64> {
        let state = self.state();
        if state.devices_of(user).count() < DEVICES_MAX {
            return None;
        }
        let in_use: Vec<u64> = state.sessions_of(user).filter_map(|live| live.stored.device).collect();
        state
            .devices_of(user)
            .filter(|device| device.state == DeviceState::New && !in_use.contains(&device.number))
            .filter(|device| now.is_none_or(|now| now.number != device.number))
            .min_by_key(|device| device.last_ms)
            .map(|device| device.number)
    }

    /// Stores the password under the parameters of today.
    async fn rehash(&self, account: &Account, password: &str) -> Result<(), SignInRefusal> {
        let Some(stored) = &account.proofs.password else { return Ok(()) };
        if !crypto::PasswordHash::from_bytes(stored).map_err(IdentityError::Crypto)?.is_outdated() {
            return Ok(());
        }
        let hash = self.inner().pool.hash(normalized(password)).await?;
        let pen = self.pen().await;
        let mut next = Account::clone(&*self.account(account.profile.user)?);
        if next.proofs.password.as_ref() != Some(stored) {
            return Ok(());
        }
        next.proofs.password = Some(hash.to_vec());
        let actor = Actor::person(&next.profile, self.now_ms());
        let subject = format!("user {}: password hash renewed", next.profile.user);
        let event = self.evidence(Action::AccountChange, Outcome::Success, &actor, &Connection::LOCAL, &subject)?;
        let change = self.put_account(&next)?;
        Ok(self.commit_account(pen, vec![event], vec![change], next).await?)
    }

    pub(crate) async fn commit_account(
        &self,
        pen: Pen,
        evidence: Vec<store::Evidence>,
        changes: Vec<store::desk::Change>,
        account: Account,
    ) -> Result<(), IdentityError> {
        let identity = self.clone();
        self.commit(pen, evidence, changes, move |state| state.put_account(account, identity.hashes())).await
    }
}

impl Account {
    pub(crate) fn can_sign_in(&self) -> bool {
        self.profile.state == AccountState::Active && self.profile.kind != Kind::Service && self.proofs.are_enough()
    }
}

impl Tickets {
    fn keep(&mut self, hash: [u8; 32], ticket: Ticket, now_ms: i64) {
        if self.0.len() >= TICKETS_MAX {
            self.sweep(now_ms);
            if self.0.len() >= TICKETS_MAX
                && let Some(oldest) = self.0.iter().min_by_key(|(_, ticket)| ticket.expires_ms).map(|(hash, _)| *hash)
            {
                self.0.remove(&oldest);
            }
        }
        self.0.insert(hash, ticket);
    }

    pub(crate) fn sweep(&mut self, now_ms: i64) {
        self.0.retain(|_, ticket| now_ms < ticket.expires_ms);
    }
}
