//! A copy of the rows that agrees with the audit log, taken while the server goes on.

use std::path::Path;
use std::time::{Duration, Instant};

use super::{Sqlite, pool, writer};
use crate::StoreError;
use crate::backend::Seq;
use crate::log::LogError;

/// How long commits may be held up until the log has their events.
const HOLD_MAX: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// What a copy holds.
pub struct Copied {
    /// The last commit in the copied rows.
    pub seq: Seq,
    /// The text of a checkpoint that covers the events of all these commits, and of none after them.
    pub checkpoint: String,
}

impl Sqlite {
    /// Copies the record to `destination` under the same database key, and names the checkpoint that belongs to it.
    ///
    /// Commits wait for the moment it takes to see rows and log agree; the copy itself is made beside them. Blocking.
    pub fn copy_with_log(&self, destination: &Path) -> Result<Copied, StoreError> {
        self.record.with_own_transaction(|source| {
            self.record.with_own_transaction(|barrier| {
                // The writer needs this lock for a commit; it waits for it.
                barrier.execute_batch("BEGIN IMMEDIATE")?;
                let agreed = (|| {
                    let snapshot = source.unchecked_transaction()?;
                    let seq = writer::last_seq(&snapshot)?;
                    self.wait_until_moved(seq)?;
                    let checkpoint = self.log.checkpoint_now().map_err(StoreError::Log)?;
                    Ok::<_, StoreError>((snapshot, Copied { seq, checkpoint }))
                })();
                barrier.execute_batch("ROLLBACK")?;
                let (snapshot, copied) = agreed?;
                let mut copy = self.record.create_at(destination)?;
                pool::copy_all(&snapshot, &mut copy)?;
                copy.execute_batch("PRAGMA journal_mode = DELETE;")?;
                Ok(copied)
            })
        })
    }

    /// Until the log holds the event of every commit up to `seq`.
    fn wait_until_moved(&self, seq: Seq) -> Result<(), StoreError> {
        let since = Instant::now();
        while self.log.moved_up_to() < seq as u64 {
            if since.elapsed() > HOLD_MAX || !self.log.is_available() {
                return Err(StoreError::Log(LogError::Unavailable));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }
}
