//! Folds the write-ahead log into the record file, off the writer's path.

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use super::pool::Pool;
use super::{RECORD_FILE, pool};
use crate::StoreError;

/// Sealed bytes written after which folding begins.
pub const BYTES_START: usize = 4 * 1024 * 1024;
/// Log pages from which the log is made to begin anew: 32 MiB.
const PAGES_RESTART: i64 = 8_192;
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// From the writer: "folding is worth while".
#[derive(Clone)]
pub struct Signal(SyncSender<()>);

impl Signal {
    pub fn fold(&self) {
        let _ = self.0.try_send(());
    }
}

pub struct Checkpointer {
    signal: Signal,
    stop: Mutex<Option<(SyncSender<()>, JoinHandle<()>)>>,
}

impl Checkpointer {
    pub fn start(path: &Path, key: &[u8; 32], readers: Arc<Pool>) -> Result<Self, StoreError> {
        let connection = pool::open_folder(path, key, RECORD_FILE)?;
        let (wake_sender, wake) = sync_channel::<()>(1);
        let signal = Signal(wake_sender);
        let (stop, stopped) = sync_channel::<()>(1);
        let thread = std::thread::Builder::new()
            .name("wal-checkpoint".into())
            .spawn(move || {
                loop {
                    let woken = wake.recv_timeout(LOOK_EVERY);
                    if stopped.try_recv().is_ok() || woken == Err(RecvTimeoutError::Disconnected) {
                        break;
                    }
                    // Looked at without a signal too: what a reader was in the way of is tried again.
                    let is_long = readers.while_folding(|| fold(&connection, "PASSIVE")) > PAGES_RESTART;
                    if is_long {
                        // Little is left to copy, so the writer waits for little.
                        readers.while_folding(|| fold(&connection, "RESTART"));
                    }
                }
                readers.while_folding(|| fold(&connection, "TRUNCATE"));
            })
            .map_err(|e| StoreError::Io { what: "start a thread", kind: e.kind() })?;
        Ok(Self { signal, stop: Mutex::new(Some((stop, thread))) })
    }

    /// Where the writer says that folding is worth while.
    pub fn signal(&self) -> Signal {
        self.signal.clone()
    }

    pub fn close(&self) {
        let Some((stop, thread)) = self.stop.lock().ok().and_then(|mut s| s.take()) else { return };
        let _ = stop.try_send(());
        self.signal.fold();
        let _ = thread.join();
    }
}

/// Answers the log's length in pages. A fold that cannot run now (a reader is in the way, the disk is full) is tried
/// again later: the log keeps all.
fn fold(connection: &Connection, mode: &str) -> i64 {
    match connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |r| r.get::<_, i64>(1)) {
        Ok(pages) => pages,
        Err(error) => {
            tracing::warn!(error = %StoreError::from(error), "the write-ahead log could not be folded");
            0
        }
    }
}
