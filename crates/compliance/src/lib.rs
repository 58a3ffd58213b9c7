//! Compliance: what the audit log says is wrong, who looks after it, and how it was closed; and which policies are in force.
//!
//! Rules are pure ([`Rules`]: events in, findings out, the clock is the events' own). The [`Follower`] reads the log and feeds
//! them, the [`Queue`] keeps alerts until a person closes them, the [`PolicyDesk`] keeps policy versions, the [`Register`]
//! keeps business associate agreements and is asked before anything goes to somebody else's machine.

mod alert;
mod baa;
mod countries;
mod engine;
mod error;
mod keep;
mod queue;
mod replay;
mod review;
mod rules;
mod versions;

pub use alert::{About, Alert, AlertState, Severity, Step, Verdict, WORDS_BYTES_MAX, WORDS_CHARS_MIN};
pub use baa::{
    Agreement, Amendment, Cover, Day, Digest, Ended, FieldChange, Party, Register, RegisterParts, Service, Standing,
    Terms, covering,
};
pub use countries::{COUNTRIES_BYTES_MAX, Countries};
pub use engine::{Follower, FollowerParts, LogHealth, POLL_MS};
pub use error::ComplianceError;
pub use queue::{Filter, LIST_MAX, Queue, QueueParts};
pub use replay::{Change, DAYS_MAX, ReplayReport, decisions_since};
pub use review::{Counted, SignedReview, Weekly};
pub use rules::{Finding, Limits, OwnerRole, Rule, Rules, Volume};
pub use versions::{Activation, BUILT_IN, GoLive, PolicyDesk, PolicyDeskParts, PolicyVersion, Source, VersionState};

/// Milliseconds since 1970: the clock is an argument.
pub type Clock = std::sync::Arc<dyn Fn() -> i64 + Send + Sync>;
