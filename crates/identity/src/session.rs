//! Sessions: a cookie that works only where the device proved its key, until it has been idle or has lasted too long.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use access::{Action, Caller, UserId};
use audit::event::Outcome;
use store::Evidence;
use store::desk::Change;
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::account::{Account, AccountState, Kind};
use crate::event::Actor;
use crate::open::Pen;
use crate::secret::{base64, fresh, from_base64, presented};
use crate::state::{Asked, Bound, CONNECTIONS_MAX, DeviceState, Live, State};
use crate::{Connection, Identity, IdentityError, SessionRefusal, lock};

/// A connection that used the cookie has this long to prove the device key, then the cookie counts as replayed.
pub const PROOF_MS: i64 = 20_000;
/// Replays of one cookie are reported at most this often.
const REPLAY_REPORT_MS: i64 = 60_000;
/// How long requests that were on their way with the cookie before are still let in.
const PREVIOUS_MS: i64 = 10_000;
/// Sessions of one account; the one that was idle longest makes room.
pub const SESSIONS_MAX: usize = 32;

/// A session as one request sees it.
#[derive(Clone)]
pub struct Session {
    pub number: u64,
    pub user: UserId,
    pub login: String,
    pub display_name: String,
    pub kind: Kind,
    /// Who asks; none while the account has no role, when only its own sessions and devices open.
    pub caller: Option<Caller>,
    pub device: Option<u64>,
    pub device_state: Option<DeviceState>,
    /// What forms and scripts send back, in `x-wardstone-csrf` or a field.
    pub csrf: String,
    /// Roles changed: call `renew` and set the new cookie.
    pub is_rotation_due: bool,
    /// Single letters are no keys to this person, on no device of theirs.
    pub letters_off: bool,
    /// The security guidance is to be read before anything else.
    pub is_guidance_due: bool,
    ended: watch::Receiver<bool>,
}

/// A session or step-up under a new cookie.
pub struct Renewed {
    pub cookie: Zeroizing<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remaining {
    /// Until the session ends for want of activity.
    pub idle_s: i64,
    /// Until it ends anyway.
    pub absolute_s: i64,
}

#[derive(Clone)]
pub struct SessionView {
    pub number: u64,
    pub user: UserId,
    pub device: Option<u64>,
    pub started_ms: i64,
    pub active_ms: i64,
    pub address: IpAddr,
    pub country: Option<[u8; 2]>,
    pub phishing_resistant: bool,
}

/// Why sessions end, as events say it.
#[derive(Clone, Copy)]
pub(crate) enum Ending {
    SignedOut,
    Locked,
    Idle,
    Absolute,
    Revoked,
    DeviceLost,
    DeviceRetired,
    Deactivated,
    Recovery,
    Replaced,
}

impl Session {
    /// Completes when the session has ended: what streams to it stops then.
    pub async fn ended(&self) {
        let mut ended = self.ended.clone();
        // A sender that is gone means the same.
        let _ = ended.wait_for(|ended| *ended).await;
    }

    pub fn has_ended(&self) -> bool {
        *self.ended.borrow()
    }

    /// Compares in constant time.
    pub fn is_csrf(&self, sent: &str) -> bool {
        crypto::hash::equal(self.csrf.as_bytes(), sent.as_bytes())
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session({}, [redacted])", self.number)
    }
}

impl Identity {
    /// The session behind a cookie, on a connection that proved its device. Does not count as activity.
    pub async fn session(&self, cookie: &str, from: &Connection<'_>) -> Result<Session, SessionRefusal> {
        let live = self.live(cookie).await?;
        self.check_place(&live, from).await?;
        self.look(&live, from).ok_or(SessionRefusal::Unknown)
    }

    /// Real activity of the person: a key, a click, a page. Polling is none.
    pub fn touch(&self, session: &Session) {
        if let Some(live) = self.state().session_numbers.get(&session.number) {
            live.active_ms.fetch_max(self.now_ms(), Ordering::Relaxed);
        }
    }

    /// How long the session still lives. Extends nothing.
    pub fn remaining(&self, session: &Session) -> Option<Remaining> {
        let live = self.state().session_numbers.get(&session.number)?.clone();
        let now_ms = self.now_ms();
        let idle_ms = live.active_ms.load(Ordering::Relaxed) + self.settings().idle_ms() - now_ms;
        let absolute_ms = live.stored.started_ms + self.settings().absolute_ms() - now_ms;
        let (idle_s, absolute_s) = (idle_ms.max(0) / 1_000, absolute_ms.max(0) / 1_000);
        Some(Remaining { idle_s: idle_s.min(absolute_s), absolute_s })
    }

    /// The device key signed the challenge of this very connection: from now on the cookie works on it.
    /// A wrong signature is a replayed cookie, and is audited as one.
    pub async fn prove(&self, cookie: &str, from: &Connection<'_>, signature: &str) -> Result<(), SessionRefusal> {
        let live = self.live(cookie).await?;
        let Some(device) = live.stored.device else { return self.check_place(&live, from).await };
        let device = self.state().devices.get(&device).cloned().ok_or(SessionRefusal::Unknown)?;
        let key = crypto::DeviceKey::from_point(&device.point).map_err(IdentityError::Crypto)?;
        let challenge = self.challenge(&live, from.number);
        let is_proven =
            from_base64(signature).is_some_and(|signature| key.has_signed(challenge.as_bytes(), &signature));
        if !is_proven {
            self.report_replay(&live, from.address, from).await?;
            return Err(SessionRefusal::OtherDevice);
        }
        lock(&live.connections).prove(from.number);
        Ok(())
    }

    /// A new cookie for the same session, as after a change of roles. The one before works for a few seconds more.
    pub async fn renew(&self, session: &Session) -> Result<Renewed, IdentityError> {
        let pen = self.pen().await;
        let live = self.live_by_number(session.number)?;
        let (renewed, next) = self.rotated(&live)?;
        let change = self.put_session(&next.stored)?;
        self.commit(pen, vec![], vec![change], move |state| drop(state.put_session(next))).await?;
        Ok(renewed)
    }

    pub async fn sign_out(&self, session: &Session, from: &Connection<'_>) -> Result<(), IdentityError> {
        let pen = self.pen().await;
        let account = self.account(session.user.0)?;
        let actor = self.actor_in(&account, session.number, session.device);
        let subject = format!("session {}", session.number);
        let out = self.evidence(audit::Action::SignOut, Outcome::Success, &actor, from, &subject)?;
        self.end(pen, vec![out], vec![], vec![session.number], Ending::SignedOut, &actor, from, |_| ()).await
    }

    /// The sessions of an account, those used last first.
    pub fn sessions_of(&self, user: UserId) -> Vec<SessionView> {
        let state = self.state();
        let mut sessions: Vec<SessionView> = state.sessions_of(user.0).map(|live| live.view()).collect();
        sessions.sort_by_key(|session| std::cmp::Reverse(session.active_ms));
        sessions
    }

    /// Ends one of one's own sessions.
    pub async fn end_own_session(
        &self,
        session: &Session,
        number: u64,
        from: &Connection<'_>,
    ) -> Result<(), IdentityError> {
        let pen = self.pen().await;
        let other = self.live_by_number(number).ok().filter(|live| live.stored.user == session.user.0);
        let Some(other) = other else { return Err(IdentityError::Unknown("session")) };
        let actor = self.actor_in(&*self.account(session.user.0)?, session.number, session.device);
        self.end(pen, vec![], vec![], vec![other.stored.number], Ending::Revoked, &actor, from, |_| ()).await
    }

    /// Ends all of one's own sessions, this one too unless `keep_this`.
    pub async fn end_own_sessions(
        &self,
        session: &Session,
        keep_this: bool,
        from: &Connection<'_>,
    ) -> Result<(), IdentityError> {
        let pen = self.pen().await;
        let keep = keep_this.then_some(session.number);
        let numbers = self.numbers_of(session.user.0).into_iter().filter(|number| Some(*number) != keep).collect();
        let actor = self.actor_in(&*self.account(session.user.0)?, session.number, session.device);
        let user = session.user.0;
        self.end(pen, vec![], vec![], numbers, Ending::Revoked, &actor, from, move |state| {
            state.let_go_of_user(user, keep);
        })
        .await
    }

    /// Ends somebody's sessions; with `number`, only that one.
    pub async fn end_sessions_of(
        &self,
        by: &Caller,
        user: UserId,
        number: Option<u64>,
        from: &Connection<'_>,
    ) -> Result<(), IdentityError> {
        self.require(by, Action::ManageAccounts, from, false).await?;
        let pen = self.pen().await;
        let numbers: Vec<u64> =
            self.numbers_of(user.0).into_iter().filter(|held| number.is_none_or(|one| one == *held)).collect();
        if number.is_some() && numbers.is_empty() {
            return Err(IdentityError::Unknown("session"));
        }
        let is_all = number.is_none();
        self.end(pen, vec![], vec![], numbers, Ending::Revoked, &Actor::caller(by), from, move |state| {
            if is_all {
                state.let_go_of_user(user.0, None);
            }
        })
        .await
    }

    pub(crate) fn numbers_of(&self, user: u64) -> Vec<u64> {
        self.state().sessions_of(user).map(|live| live.stored.number).collect()
    }

    pub(crate) fn live_by_number(&self, number: u64) -> Result<Arc<Live>, IdentityError> {
        self.state().session_numbers.get(&number).cloned().ok_or(IdentityError::Unknown("session"))
    }

    pub(crate) fn actor_in(&self, account: &Account, session: u64, device: Option<u64>) -> Actor {
        Actor::person(&account.profile, self.now_ms()).in_session(session, device)
    }

    /// Ends sessions together with what else changes: events, desk, memory, then everybody who watches them.
    #[expect(clippy::too_many_arguments, reason = "one step that must not be taken apart")]
    pub(crate) async fn end(
        &self,
        pen: Pen,
        mut evidence: Vec<Evidence>,
        mut changes: Vec<Change>,
        numbers: Vec<u64>,
        why: Ending,
        actor: &Actor,
        from: &Connection<'_>,
        apply: impl FnOnce(&mut State) + Send + 'static,
    ) -> Result<(), IdentityError> {
        for number in &numbers {
            let subject = format!("session {number}: {}", why.word());
            evidence.push(self.evidence(audit::Action::SessionEnd, Outcome::Success, actor, from, &subject)?);
            changes.push(self.remove_session(*number));
        }
        let now_ms = self.now_ms();
        self.commit(pen, evidence, changes, move |state| {
            apply(state);
            for number in numbers {
                let live = state.session_numbers.get(&number).cloned();
                if let Some(live) = &live {
                    state.keep_ended(live, why, now_ms);
                }
                state.end_session(number);
                if let Some(live) = live {
                    state.let_go_of_session(number, live.stored.user, live.stored.device, why);
                }
            }
        })
        .await
    }

    /// The cookie of the session's next life, and that life.
    pub(crate) fn rotated(&self, live: &Live) -> Result<(Renewed, Live), IdentityError> {
        let cookie = fresh(&self.settings().random)?;
        let hash = self.hashes().session.compute(cookie.as_bytes());
        Ok((Renewed { cookie }, live.rotated(hash, self.now_ms() + PREVIOUS_MS)))
    }

    pub(crate) fn bound_to(&self, from: &Connection<'_>) -> Bound {
        let user_agent = self.hashes().user_agent.compute(from.user_agent.as_bytes());
        Bound { address: from.address.to_canonical(), user_agent }
    }

    /// Whether the session is over by now, and why.
    pub(crate) fn is_over(&self, live: &Live, now_ms: i64) -> Option<Ending> {
        if now_ms - live.stored.started_ms >= self.settings().absolute_ms() {
            return Some(Ending::Absolute);
        }
        (now_ms - live.active_ms.load(Ordering::Relaxed) >= self.settings().idle_ms()).then_some(Ending::Idle)
    }

    pub(crate) async fn end_over(&self, live: &Live, why: Ending) -> Result<(), IdentityError> {
        let pen = self.pen().await;
        if self.live_by_number(live.stored.number).is_err() {
            return Ok(());
        }
        let actor = match self.account(live.stored.user) {
            Ok(account) => self.actor_in(&account, live.stored.number, live.stored.device),
            Err(_) => Actor::nobody(),
        };
        let from = Connection { address: live.stored.address, user_agent: "", number: 0, request_id: 0 };
        self.end(pen, vec![], vec![], vec![live.stored.number], why, &actor, &from, |_| ()).await
    }

    /// Says once a minute at most that a cookie is used where it does not belong.
    pub(crate) async fn report_replay(
        &self,
        live: &Live,
        address: IpAddr,
        from: &Connection<'_>,
    ) -> Result<(), IdentityError> {
        let now_ms = self.now_ms();
        {
            let mut connections = lock(&live.connections);
            if connections.reported_ms.is_some_and(|last_ms| now_ms - last_ms < REPLAY_REPORT_MS) {
                return Ok(());
            }
            connections.reported_ms = Some(now_ms);
        }
        let actor = match self.account(live.stored.user) {
            Ok(account) => self.actor_in(&account, live.stored.number, live.stored.device),
            Err(_) => Actor::nobody(),
        };
        let from = Connection { address, ..*from };
        let subject = format!("session {}", live.stored.number);
        self.witness(audit::Action::CookieReplay, Outcome::Failed { code: 401 }, &actor, &from, &subject).await
    }

    async fn live(&self, cookie: &str) -> Result<Arc<Live>, SessionRefusal> {
        let hash = presented(&self.hashes().session, cookie).ok_or(SessionRefusal::Unknown)?;
        let live = self.state().sessions.get(&hash).cloned().ok_or(SessionRefusal::Unknown)?;
        let now_ms = self.now_ms();
        if hash != live.stored.hash && !matches!(*lock(&live.previous), Some((_, until_ms)) if now_ms < until_ms) {
            return Err(SessionRefusal::Unknown);
        }
        if let Some(why) = self.is_over(&live, now_ms) {
            self.end_over(&live, why).await?;
            return Err(SessionRefusal::Unknown);
        }
        Ok(live)
    }

    async fn check_place(&self, live: &Live, from: &Connection<'_>) -> Result<(), SessionRefusal> {
        if let Some(bound) = &live.stored.bound {
            if *bound != self.bound_to(from) {
                self.report_replay(live, from.address, from).await?;
                return Err(SessionRefusal::OtherDevice);
            }
            return Ok(());
        }
        let overdue = {
            let mut connections = lock(&live.connections);
            if connections.proven.contains(&from.number) {
                return Ok(());
            }
            connections.ask(from, self.now_ms())
        };
        if overdue {
            self.report_replay(live, from.address, from).await?;
        }
        Err(SessionRefusal::Unproven { challenge: self.challenge(live, from.number) })
    }

    /// Bound to session, connection and this process: a signature over it is good nowhere else.
    fn challenge(&self, live: &Live, connection: u64) -> String {
        let input = [&b"session"[..], &live.stored.number.to_be_bytes(), &connection.to_be_bytes()].concat();
        format!("wardstone-session.{}", base64(&self.hashes().challenge.compute(&input)))
    }

    fn look(&self, live: &Arc<Live>, from: &Connection<'_>) -> Option<Session> {
        let stored = &live.stored;
        let (account, device, glass) = {
            let state = self.state();
            // Ended since it was found.
            state.session_numbers.get(&stored.number)?;
            let device = stored.device.and_then(|number| state.devices.get(&number)).map(|device| device.state);
            let glass = state.glass.get(&stored.user).cloned().unwrap_or_default();
            (state.accounts.get(&stored.user)?.clone(), device, glass)
        };
        if account.profile.state != AccountState::Active {
            return None;
        }
        let caller = self.caller_in_session(live, &account, device, &glass, from, self.now_ms());
        Some(Session {
            number: stored.number,
            user: UserId(stored.user),
            login: account.profile.login.clone(),
            display_name: account.profile.display_name.clone(),
            kind: account.profile.kind,
            caller,
            device: stored.device,
            device_state: device,
            csrf: base64(&self.hashes().csrf.compute(&stored.number.to_be_bytes())),
            is_rotation_due: live.is_rotation_due.load(Ordering::Relaxed),
            letters_off: account.letters_off,
            is_guidance_due: account.is_guidance_due(self.now_ms()),
            ended: live.ended.subscribe(),
        })
    }
}

impl crate::state::Connections {
    /// Notes that a connection used the cookie unproven. True if it, or one that had to make room, had its time.
    fn ask(&mut self, from: &Connection<'_>, now_ms: i64) -> bool {
        if let Some(asked) = self.asked.iter().find(|asked| asked.connection == from.number) {
            return now_ms - asked.since_ms >= PROOF_MS;
        }
        let is_full = self.asked.len() >= CONNECTIONS_MAX;
        if is_full {
            self.asked.remove(0);
        }
        self.asked.push(Asked { connection: from.number, since_ms: now_ms, address: from.address });
        is_full
    }

    pub(crate) fn prove(&mut self, connection: u64) {
        self.asked.retain(|asked| asked.connection != connection);
        if self.proven.len() >= CONNECTIONS_MAX {
            self.proven.remove(0);
        }
        self.proven.push(connection);
    }

    /// Takes out one connection that had its time and did not prove anything.
    pub(crate) fn overdue(&mut self, now_ms: i64) -> Option<Asked> {
        let at = self.asked.iter().position(|asked| now_ms - asked.since_ms >= PROOF_MS)?;
        Some(self.asked.remove(at))
    }
}

impl Live {
    fn view(&self) -> SessionView {
        SessionView {
            number: self.stored.number,
            user: UserId(self.stored.user),
            device: self.stored.device,
            started_ms: self.stored.started_ms,
            active_ms: self.active_ms.load(Ordering::Relaxed),
            address: self.stored.address,
            country: self.stored.country,
            phishing_resistant: self.phishing_resistant.load(Ordering::Relaxed),
        }
    }
}

impl Ending {
    pub fn word(self) -> &'static str {
        match self {
            Ending::SignedOut => "signed out",
            Ending::Locked => "locked",
            Ending::Idle => "idle",
            Ending::Absolute => "lasted too long",
            Ending::Revoked => "revoked",
            Ending::DeviceLost => "device lost",
            Ending::DeviceRetired => "device retired",
            Ending::Deactivated => "account deactivated",
            Ending::Recovery => "account recovery",
            Ending::Replaced => "too many sessions",
        }
    }
}
