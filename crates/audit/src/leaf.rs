//! The leaf: what the tree commits to about one event, in 83 canonical bytes without ePHI.
//! The detail is bound by a salted commitment, so it can be shredded while every proof stays valid.

use crate::AuditError;
use crate::event::{Action, Outcome};
use crate::tree::Hash;

pub const LEAF_BYTES: usize = 83;
pub const SALT_BYTES: usize = 16;
const LEAF_VERSION: u8 = 1;

/// The kind of event as the tree shows it: the action's code.
pub type Class = Action;

/// How it ended, without the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum LeafOutcome {
    Success = 0,
    Denied = 1,
    Failed = 2,
}

impl LeafOutcome {
    pub fn of(outcome: &Outcome<'_>) -> Self {
        match outcome {
            Outcome::Success => LeafOutcome::Success,
            Outcome::Denied { .. } => LeafOutcome::Denied,
            Outcome::Failed { .. } => LeafOutcome::Failed,
        }
    }

    fn from_code(code: u8) -> Result<Self, AuditError> {
        match code {
            0 => Ok(LeafOutcome::Success),
            1 => Ok(LeafOutcome::Denied),
            2 => Ok(LeafOutcome::Failed),
            found => Err(AuditError::Unknown { what: "leaf outcome", found: found.into() }),
        }
    }
}

/// One leaf. `seq` is the commit sequence of the write and 0 when nothing was written; `written_root` is the digest of the
/// sealed parts (a Merkle root for a transaction) and all zero when nothing was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    pub class: Class,
    pub outcome: LeafOutcome,
    pub time_ms: u64,
    pub seq: u64,
    pub written_root: Hash,
    pub commitment: Hash,
}

impl Leaf {
    pub fn encode(&self) -> [u8; LEAF_BYTES] {
        let mut bytes = [0; LEAF_BYTES];
        bytes[0] = LEAF_VERSION;
        bytes[1] = self.class as u8;
        bytes[2] = self.outcome as u8;
        bytes[3..11].copy_from_slice(&self.time_ms.to_be_bytes());
        bytes[11..19].copy_from_slice(&self.seq.to_be_bytes());
        bytes[19..51].copy_from_slice(&self.written_root);
        bytes[51..83].copy_from_slice(&self.commitment);
        bytes
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, AuditError> {
        let mut reader = crate::codec::Reader::new("leaf", bytes);
        let version = reader.u8()?;
        if version != LEAF_VERSION {
            return Err(AuditError::Unknown { what: "leaf version", found: version.into() });
        }
        let leaf = Leaf {
            class: Action::from_code(reader.u8()?)?,
            outcome: LeafOutcome::from_code(reader.u8()?)?,
            time_ms: u64::from_be_bytes(reader.array()?),
            seq: u64::from_be_bytes(reader.array()?),
            written_root: reader.array()?,
            commitment: reader.array()?,
        };
        reader.end()?;
        Ok(leaf)
    }
}

/// SHA-256(salt ‖ detail).
pub fn commitment(salt: &[u8; SALT_BYTES], detail: &[u8]) -> Hash {
    let mut hasher = crypto::hash::Sha256::new();
    hasher.update(salt);
    hasher.update(detail);
    hasher.finish()
}
