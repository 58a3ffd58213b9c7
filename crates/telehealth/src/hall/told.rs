//! What happened in a room, in closed words and opaque ids: what the log, the sheet and the chart are told of.

use crate::UnixMs;
use crate::consent::Language;
use crate::room::{Audit, Room};
use crate::signal::{ParticipantId, Role};
use crate::status::{VisitEvent, VisitStatus};

/// What happened in the room of a visit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    pub visit: String,
    pub at_ms: UnixMs,
    pub role: Option<Role>,
    /// To whom, where it happened to somebody in the room.
    pub who: Option<Present>,
    pub what: What,
}

/// Somebody in a room.
#[derive(Clone, PartialEq, Eq)]
pub struct Present {
    pub id: ParticipantId,
    /// Of the ticket: opaque.
    pub person: String,
    pub label: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Room { what: Audit, detail: Option<String> },
    Visit { event: VisitEvent, status: VisitStatus },
    Link(LinkEvent),
    Keep(KeepEvent),
}

/// What becomes of what was sent in a call when it is to come into the chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepEvent {
    /// In the chart; the record's own events say who wrote what.
    FileKept,
    /// Kept without anything having looked into it, as no scanner is set up.
    FileKeptUnscanned,
    /// Something was found in it.
    HeldFound,
    /// The scanner did not answer, or not in time.
    HeldUnscanned,
    /// Thrown away by a clinician.
    HeldDropped,
    /// Nobody dealt with it for a month.
    HeldExpired,
    TalkKept,
}

impl KeepEvent {
    pub fn is_failure(self) -> bool {
        matches!(self, Self::HeldFound | Self::HeldUnscanned)
    }
}

/// What becomes of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkEvent {
    Made,
    Opened,
    /// Early, late, closed, or in another browser.
    Refused,
    /// Who came said who they are.
    Checked,
    CheckFailed,
    Closed,
    /// A one-time code went to what is on file.
    CodeSent,
    /// Agreed to a visit by video, in these words.
    Agreed {
        version: u16,
        language: Language,
    },
    /// Came in by an account of theirs.
    SignedIn,
    /// Was given a way through a relay, to try it.
    RelayTried,
    /// Answered a form; the record's own events say which.
    FormAnswered,
}

impl Present {
    pub(super) fn of(room: &Room, id: ParticipantId) -> Option<Self> {
        let invite = room.invite(&id)?;
        Some(Self { person: invite.person.clone(), label: invite.label.clone(), id })
    }
}

impl std::fmt::Debug for Present {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Present").field("id", &self.id).finish_non_exhaustive()
    }
}
