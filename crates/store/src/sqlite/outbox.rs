//! A write's audit event rides in its data transaction, sealed, and moves to the log right after or at the next start.

use audit::{Class, Hash, LeafOutcome};
use rusqlite::Connection;

use crate::StoreError;
use crate::backend::Seq;
use crate::log::{AuditLog, DetailSealer, LogError, PendingEvent, SealError};

const MS_PER_DAY: u64 = 86_400_000;
/// day, class, outcome, time, written root: in clear, as in the leaf.
const CLEAR_BYTES: usize = 4 + 1 + 1 + 8 + 32;

pub fn seal(event: &PendingEvent, sealer: &dyn DetailSealer) -> Result<Vec<u8>, StoreError> {
    let day = (event.time_ms / MS_PER_DAY) as i32;
    let mut out = Vec::with_capacity(CLEAR_BYTES + event.detail.len() + 32);
    out.extend_from_slice(&day.to_be_bytes());
    out.push(event.class as u8);
    out.push(event.outcome as u8);
    out.extend_from_slice(&event.time_ms.to_be_bytes());
    out.extend_from_slice(&event.written_root);
    sealer.seal(day, &aad(event.seq, &out), &event.detail, &mut out).map_err(|_| unreadable())?;
    Ok(out)
}

/// What a sealed event says its commit wrote; none when it does not open for this commit.
pub fn written_root(seq: Seq, sealed: &[u8], sealer: &dyn DetailSealer) -> Option<Hash> {
    open(seq, sealed, sealer).ok().map(|event| event.written_root)
}

fn open(seq: Seq, sealed: &[u8], sealer: &dyn DetailSealer) -> Result<PendingEvent, StoreError> {
    let (clear, detail) = sealed.split_at_checked(CLEAR_BYTES).ok_or_else(unreadable)?;
    let day = i32::from_be_bytes(clear[..4].try_into().map_err(|_| unreadable())?);
    Ok(PendingEvent {
        class: Class::from_code(clear[4]).map_err(|_| unreadable())?,
        outcome: match clear[5] {
            0 => LeafOutcome::Success,
            1 => LeafOutcome::Denied,
            2 => LeafOutcome::Failed,
            _ => return Err(unreadable()),
        },
        time_ms: u64::from_be_bytes(clear[6..14].try_into().map_err(|_| unreadable())?),
        seq: seq as u64,
        written_root: clear[14..46].try_into().map_err(|_| unreadable())?,
        detail: sealer.open(day, &aad(seq as u64, clear), detail).map_err(|_| unreadable())?,
    })
}

/// Submits what is above `moved` to the log, in order: what a crash left, or what an unavailable log refused.
pub fn replay(
    connection: &Connection,
    log: &AuditLog,
    sealer: &dyn DetailSealer,
    moved: u64,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached("SELECT seq, event FROM outbox WHERE seq > ?1 ORDER BY seq")?;
    let mut rows = statement.query([moved as i64])?;
    while let Some(row) = rows.next()? {
        let (seq, sealed): (Seq, Vec<u8>) = (row.get(0)?, row.get(1)?);
        log.submit_outbox(seq as u64, open(seq, &sealed, sealer)?).map_err(StoreError::Log)?;
    }
    Ok(())
}

fn aad(seq: u64, clear: &[u8]) -> Vec<u8> {
    let mut aad = b"wardstone/outbox/v1".to_vec();
    aad.extend_from_slice(&seq.to_be_bytes());
    aad.extend_from_slice(clear);
    aad
}

fn unreadable() -> StoreError {
    StoreError::Log(LogError::Seal(SealError::DoesNotOpen))
}
