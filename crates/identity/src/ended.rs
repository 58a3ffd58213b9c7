//! Sessions that ended otherwise than by signing out: whose they were, so that their person, and nobody else, comes back to where
//! they were. In memory only: after a restart one signs in without it.

use access::UserId;

use crate::account::AccountState;
use crate::event::Actor;
use crate::secret::{base64, presented};
use crate::session::Ending;
use crate::state::{DeviceState, Live, State};
use crate::{Connection, Identity, IdentityError, Session};

/// Until the next morning nobody comes back to the evening before.
const KEPT_MS: i64 = 12 * 3_600_000;
/// More are not kept: their people sign in without a place to go on at.
const ENDED_MAX: usize = 65_536;

pub(crate) struct EndedSession {
    user: u64,
    device: Option<u64>,
    is_locked: bool,
    until_ms: i64,
}

/// Whose session a cookie was. It opens nothing.
pub struct Ended {
    pub user: UserId,
    pub login: String,
    pub display_name: String,
    /// Locked by its person, or by time: the rest of the day it is theirs to go on with.
    pub is_locked: bool,
}

impl Identity {
    /// The screen is left alone: nothing opens any more before its person has signed in again.
    pub async fn lock(&self, session: &Session, from: &Connection<'_>) -> Result<(), IdentityError> {
        let pen = self.pen().await;
        let account = self.account(session.user.0)?;
        let actor: Actor = self.actor_in(&account, session.number, session.device);
        self.end(pen, vec![], vec![], vec![session.number], Ending::Locked, &actor, from, |_| ()).await
    }

    /// Whose session this cookie was, if that person may still come back on that device.
    pub fn ended(&self, cookie: &str) -> Option<Ended> {
        let hash = presented(&self.hashes().session, cookie)?;
        let now_ms = self.now_ms();
        let state = self.state();
        let held = state.ended.get(&hash).filter(|held| !held.is_over(now_ms))?;
        let profile = &state.accounts.get(&held.user)?.profile;
        let device = held.device.and_then(|number| state.devices.get(&number)).map(|device| device.state);
        let is_closed = matches!(device, Some(DeviceState::Lost | DeviceState::Retired));
        if profile.state != AccountState::Active || is_closed {
            return None;
        }
        Some(Ended {
            user: profile.id(),
            login: profile.login.clone(),
            display_name: profile.display_name.clone(),
            is_locked: held.is_locked,
        })
    }

    /// What a place to come back to is marked with: whose it is, and not who.
    pub fn place_label(&self, user: UserId) -> String {
        base64(&self.hashes().label("place", user.0))
    }
}

impl EndedSession {
    pub fn is_over(&self, now_ms: i64) -> bool {
        now_ms >= self.until_ms
    }
}

impl State {
    pub(crate) fn keep_ended(&mut self, live: &Live, why: Ending, now_ms: i64) {
        if matches!(why, Ending::SignedOut) || self.ended.len() >= ENDED_MAX {
            return;
        }
        let stored = &live.stored;
        let is_locked = matches!(why, Ending::Locked | Ending::Idle);
        let held = EndedSession { user: stored.user, device: stored.device, is_locked, until_ms: now_ms + KEPT_MS };
        self.ended.insert(stored.hash, held);
    }

    pub(crate) fn forget_ended(&mut self, now_ms: i64) {
        self.ended.retain(|_, held| !held.is_over(now_ms));
    }
}
