//! What the audit log is made of: events, leaves, the RFC 6962 tree in C2SP tiles, checkpoints and proofs.
//! Pure: no files, no clock, no randomness. The files are in `store::log`, their bytes in `docs/formats/audit-log.md`.

pub mod calendar;
pub mod checkpoint;
mod codec;
pub mod event;
mod event_codec;
pub mod leaf;
pub mod proof;
pub mod render;
mod render_json;
pub mod tile;
pub mod tree;

pub use checkpoint::{Checkpoint, VerifierKey};
pub use event::{Action, Event, Object, Outcome, Purpose, Search, Whence, Who};
pub use leaf::{Class, LEAF_BYTES, Leaf, LeafOutcome, SALT_BYTES, commitment};
pub use tree::{CompactRange, Hash};

/// The position of a leaf in its log, from 0.
pub type LeafIndex = u64;

/// Why bytes or proofs of the audit log are refused. Never carries a value from an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    #[error("{0} ends early")]
    Truncated(&'static str),
    #[error("{what} is longer than {limit}")]
    TooLong { what: &'static str, limit: usize },
    #[error("{what} {found} is not known")]
    Unknown { what: &'static str, found: u64 },
    #[error("{0} is not well formed")]
    Malformed(&'static str),
    #[error("no signature by the expected key")]
    NotSigned,
    #[error("the signature by the expected key is wrong")]
    BadSignature,
    #[error("the checkpoint is of another log")]
    OtherLog,
    #[error("index or size is outside the tree")]
    OutOfRange,
    #[error("the proof does not lead to the root")]
    ProofFailed,
    #[error("a hash of the tree is missing")]
    HashMissing,
}
