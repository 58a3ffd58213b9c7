//! Compliance: what the audit log says is wrong, who looks after it, and how it was closed; which policies are in force,
//! and what others would have said.
//!
//! Pure rooms (`event_facts`, `rules`, `engine`, `book`, `replay`, `review`) know neither files nor clocks: the time is the
//! event's. Rooms with I/O around them: `follow` reads the log, `queue` and `versions` keep their entries on the desk.

mod book;
mod countries;
mod door;
mod engine;
mod error;
mod event_facts;
mod follow;
mod limits;
mod queue;
pub mod replay;
mod review;
mod rules;
mod versions;

pub use book::{
    ALERTS_MAX, Alert, AlertId, AlertState, EVIDENCE_MAX, Filter, HISTORY_MAX, OutcomeOfAlert, Place, Step,
    WORDS_CHARS_MAX, WORDS_CHARS_MIN,
};
pub use countries::Countries;
pub use door::{Clock, Door, InForce, Recorder, recorder};
pub use engine::{Engine, Learned};
pub use error::ComplianceError;
pub use event_facts::{Ended, PATIENTS_FROM, Seen, Whereabouts};
pub use follow::{BATCH_LEAVES_MAX, Follower, POLL_MS, WARM_LEAVES_MAX};
pub use limits::{Limits, VolumeLimit};
pub use queue::{AlertChanged, LIST_MAX, Queue};
pub use replay::{Changed, Decisions, ReplayReport};
pub use review::{Overdue, Review, RuleReview, review};
pub use rules::stalled::Health;
pub use rules::{Finding, Rule, Severity};
pub use versions::{Activated, GoLive, PolicyDesk, Source, Started, Version, VersionState};
