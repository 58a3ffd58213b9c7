//! Folds the write-ahead log into the record file, off the writer's path.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use super::pool::Pool;
use super::{RECORD_FILE, pool};
use crate::StoreError;

/// Rows written after which folding begins.
pub const ROWS_START: usize = 2_000;
/// Log pages after which the writer itself waits for folding, so that the log stays bounded.
const PAGES_MAX: i64 = 65_536;
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Between the writer and the checkpointer: "it is worth while" one way, "the log is too long" the other.
#[derive(Clone)]
pub struct Signal {
    wake: SyncSender<()>,
    too_long: Arc<AtomicBool>,
    readers: Arc<Pool>,
}

impl Signal {
    pub fn fold(&self) {
        let _ = self.wake.try_send(());
    }

    /// By the writer itself, once each time the log was found too long: it waits until the log can begin anew.
    pub fn fold_now_if_too_long(&self, writer: &Connection) -> bool {
        let is_too_long = self.too_long.swap(false, Ordering::Relaxed);
        if is_too_long {
            self.readers.end_snapshots();
            fold(writer, "RESTART");
        }
        is_too_long
    }
}

pub struct Checkpointer {
    signal: Signal,
    stop: Mutex<Option<(SyncSender<()>, JoinHandle<()>)>>,
}

impl Checkpointer {
    pub fn start(path: &Path, key: &[u8; 32], readers: Arc<Pool>) -> Result<Self, StoreError> {
        let connection = pool::open_writer(path, key, RECORD_FILE)?;
        let (wake_sender, wake) = sync_channel::<()>(1);
        let too_long = Arc::new(AtomicBool::new(false));
        let signal = Signal { wake: wake_sender, too_long: too_long.clone(), readers: readers.clone() };
        let (stop, stopped) = sync_channel::<()>(1);
        let thread = std::thread::Builder::new()
            .name("wal-checkpoint".into())
            .spawn(move || {
                loop {
                    let woken = wake.recv_timeout(LOOK_EVERY);
                    if stopped.try_recv().is_ok() || woken == Err(RecvTimeoutError::Disconnected) {
                        break;
                    }
                    if woken.is_ok() {
                        readers.end_snapshots();
                        if fold(&connection, "PASSIVE") > PAGES_MAX {
                            too_long.store(true, Ordering::Relaxed);
                        }
                        // What was begun meanwhile would hold the log just as well.
                        readers.end_snapshots();
                    }
                }
                readers.end_snapshots();
                fold(&connection, "TRUNCATE");
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
