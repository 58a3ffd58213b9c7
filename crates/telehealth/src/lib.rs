//! Visits by video: links, statuses, identity at the start, the room and its signalling, calendar files and relays.
//!
//! Everything but `turn::embedded` and `scan` is pure: time and randomness are arguments, nothing else here opens a socket.
//! No ePHI is in a link, a calendar file, a relay's user name or an error.

pub mod choices;
pub mod consent;
pub mod drafts;
pub mod guests;
pub mod hall;
pub mod ics;
pub mod identity_check;
pub mod link;
pub mod quarantine;
pub mod risk;
pub mod room;
pub mod scan;
pub mod secret;
pub mod sheets;
pub mod signal;
pub mod status;
pub mod turn;
pub mod window;

pub use secret::{Hashed, Secret};

/// Unix time in milliseconds.
pub type UnixMs = i64;

pub const MINUTE_MS: i64 = 60_000;

/// Says what was refused and never for whom.
#[derive(Debug, thiserror::Error)]
pub enum TelehealthError {
    #[error("the link is unknown or was closed")]
    LinkRefused,
    #[error("the link is not open yet")]
    LinkEarly,
    #[error("the link is over")]
    LinkLate,
    #[error("the link belongs to another browser")]
    LinkBound,
    #[error("too many attempts")]
    Attempts,
    #[error("the secret is malformed")]
    Malformed,
    #[error("a visit ends after it starts")]
    Slot,
    #[error("{event} does not follow {status}")]
    Transition { status: &'static str, event: &'static str },
    #[error("a calendar value is not allowed: {0}")]
    Calendar(&'static str),
    #[error("relay configuration: {0}")]
    Relay(&'static str),
    #[error("the relay's socket")]
    Socket(#[from] std::io::Error),
}
