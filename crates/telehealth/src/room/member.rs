//! One participant of a room, and how much they may say.

use super::ConnectionId;
use crate::signal::{Keys, MediaState, ParticipantId, Role};
use crate::status::CallState;
use crate::{Hashed, UnixMs};

/// Messages at once (ICE candidates come in a burst) and a second.
pub const MESSAGES_BURST: i64 = 120;
pub const MESSAGES_PER_SECOND: i64 = 20;
pub const BYTES_BURST: i64 = 2 * 1024 * 1024;
pub const BYTES_PER_SECOND: i64 = 512 * 1024;

/// Who may join, as the server found out before it gave the ticket.
#[derive(Clone)]
pub struct Invite {
    /// Opaque: an account's or a link's number. The same person gets the same place again.
    pub person: String,
    pub role: Role,
    /// Shown to those in the room.
    pub label: String,
}

impl std::fmt::Debug for Invite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invite").field("role", &self.role).field("label", &"[redacted]").finish_non_exhaustive()
    }
}

pub(super) struct Participant {
    pub id: ParticipantId,
    pub invite: Invite,
    pub keys: Keys,
    pub call: CallState,
    pub connection: Option<ConnectionId>,
    /// When the connection was lost.
    pub gone_ms: Option<UnixMs>,
    /// The others were told that they are away.
    pub is_away: bool,
    /// For longer than a refresh or a short call takes.
    pub is_missed: bool,
    pub resume: Hashed,
    /// The one before, until something is heard on the line that was given the new one: that line may have died first.
    pub resume_before: Option<Hashed>,
    /// The number of their message that was obeyed last.
    pub heard: u64,
    /// How often they said something that was written to the log.
    pub told: u32,
    pub state: Option<MediaState>,
    pub allowance: Allowance,
    /// When the relay credentials were given.
    pub ice_ms: UnixMs,
    pub joined: u64,
    pub came_ms: UnixMs,
}

impl Participant {
    pub fn is_in(&self) -> bool {
        self.call.is_in()
    }

    pub fn is_waiting(&self) -> bool {
        matches!(self.call, CallState::Waiting | CallState::Held)
    }

    pub fn is_over(&self) -> bool {
        matches!(self.call, CallState::Ended(_))
    }

    pub fn is_host(&self) -> bool {
        self.invite.role.is_host()
    }
}

/// A token bucket for messages and one for bytes, in thousandths.
pub(super) struct Allowance {
    messages_milli: i64,
    bytes_milli: i64,
    at_ms: UnixMs,
}

impl Allowance {
    pub fn new(now_ms: UnixMs) -> Self {
        Self { messages_milli: MESSAGES_BURST * 1000, bytes_milli: BYTES_BURST * 1000, at_ms: now_ms }
    }

    pub fn take(&mut self, bytes: usize, now_ms: UnixMs) -> bool {
        // A clock that goes back refills nothing; beyond a minute everything is full anyway.
        let passed = (now_ms - self.at_ms).clamp(0, 60_000);
        self.at_ms = self.at_ms.max(now_ms);
        self.messages_milli = (self.messages_milli + passed * MESSAGES_PER_SECOND).min(MESSAGES_BURST * 1000);
        self.bytes_milli = (self.bytes_milli + passed * BYTES_PER_SECOND).min(BYTES_BURST * 1000);
        let bytes_milli = i64::try_from(bytes).unwrap_or(i64::MAX / 1000).saturating_mul(1000);
        if self.messages_milli < 1000 || self.bytes_milli < bytes_milli {
            return false;
        }
        self.messages_milli -= 1000;
        self.bytes_milli -= bytes_milli;
        true
    }
}
