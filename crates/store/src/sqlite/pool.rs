//! Connections to one SQLCipher file: raw key, no PBKDF2, HMAC-SHA-256 pages, nothing temporary on disk.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use rusqlite::{Connection, OpenFlags};
use zeroize::Zeroizing;

use crate::StoreError;
use crate::backend::Seq;

/// Idle reading connections kept; more may be open at once for a moment.
const IDLE_MAX: usize = 6;
/// Prepared statements kept per connection.
const STATEMENTS_MAX: usize = 64;
/// Page cache of one connection, in KiB.
const CACHE_KIB: i32 = 12 * 1024;

pub struct Pool {
    path: PathBuf,
    key: Zeroizing<[u8; 32]>,
    file: &'static str,
    /// The last commit that readers are to see, where they may share a snapshot until the next one.
    shown_seq: Option<Arc<AtomicI64>>,
    idle: Mutex<Vec<Reader>>,
    /// While the write-ahead log is folded no snapshot outlives its read.
    is_folding: AtomicBool,
}

/// A connection, and the commit up to which its open snapshot is known to show.
struct Reader {
    connection: Connection,
    snapshot: Option<Seq>,
}

impl Pool {
    pub fn new(path: PathBuf, key: Zeroizing<[u8; 32]>, file: &'static str, shown_seq: Option<Arc<AtomicI64>>) -> Self {
        Self { path, key, file, shown_seq, idle: Mutex::new(Vec::new()), is_folding: AtomicBool::new(false) }
    }

    /// Lends a reading connection. Taking and giving back the locks of a read costs more than a point read does, so the
    /// snapshot stays open until something is committed.
    pub fn with<T>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut reader = self.take()?;
        if let Some(shown_seq) = &self.shown_seq {
            // Read before the snapshot is begun: it shows this commit, or a later one.
            let now = shown_seq.load(Ordering::Acquire);
            if reader.snapshot != Some(now) {
                reader.end_snapshot()?;
                reader.connection.prepare_cached("BEGIN")?.execute([])?;
                reader.snapshot = Some(now);
            }
        }
        let result = work(&reader.connection);
        // Whatever went wrong, the next reader begins anew.
        if result.is_err() || self.is_folding.load(Ordering::Acquire) {
            let _ = reader.end_snapshot();
        }
        self.give_back(reader);
        result
    }

    /// Lends a connection without a snapshot, for who begins a transaction of the own.
    pub fn with_own_transaction<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut reader = self.take()?;
        reader.end_snapshot()?;
        let result = work(&reader.connection);
        if reader.connection.is_autocommit() {
            self.give_back(reader);
        }
        result
    }

    /// Folds the write-ahead log with `fold` while no idle connection holds a snapshot, which would keep the log from
    /// beginning anew, and none that is given back keeps one.
    pub fn while_folding<T>(&self, fold: impl FnOnce() -> T) -> T {
        self.is_folding.store(true, Ordering::Release);
        if let Ok(mut idle) = self.idle.lock() {
            idle.retain_mut(|reader| reader.end_snapshot().is_ok());
        }
        let result = fold();
        self.is_folding.store(false, Ordering::Release);
        result
    }

    /// A new file elsewhere under the same key.
    pub fn create_at(&self, path: &Path) -> Result<Connection, StoreError> {
        open(path, &self.key, self.file, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)
    }

    fn take(&self) -> Result<Reader, StoreError> {
        match self.idle.lock().ok().and_then(|mut idle| idle.pop()) {
            Some(reader) => Ok(reader),
            None => {
                let connection = open(&self.path, &self.key, self.file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
                Ok(Reader { connection, snapshot: None })
            }
        }
    }

    fn give_back(&self, reader: Reader) {
        if let Ok(mut idle) = self.idle.lock()
            && idle.len() < IDLE_MAX
        {
            idle.push(reader);
        }
    }
}

impl Reader {
    fn end_snapshot(&mut self) -> Result<(), StoreError> {
        if self.snapshot.take().is_some() {
            self.connection.prepare_cached("COMMIT")?.execute([])?;
        }
        Ok(())
    }
}

/// How long folding waits for readers that are in the way; then it is left for later.
const FOLD_WAIT_MS: u32 = 50;

/// A connection that folds the write-ahead log and does nothing else.
pub fn open_folder(path: &Path, key: &[u8; 32], file: &'static str) -> Result<Connection, StoreError> {
    let connection = open_writer(path, key, file)?;
    connection.execute_batch(&format!("PRAGMA busy_timeout = {FOLD_WAIT_MS}"))?;
    Ok(connection)
}

/// The one connection that writes a file: WAL, every commit flushed, checkpoints left to others.
pub fn open_writer(path: &Path, key: &[u8; 32], file: &'static str) -> Result<Connection, StoreError> {
    let connection = open(path, key, file, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    let mode: String =
        connection.query_row("PRAGMA journal_mode = WAL", [], |r| r.get(0)).map_err(|e| damaged_or(e, file))?;
    if mode != "wal" {
        return Err(StoreError::ReadOnly("no write-ahead log"));
    }
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;")?;
    Ok(connection)
}

pub fn open(path: &Path, key: &[u8; 32], file: &'static str, flags: OpenFlags) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    let mut pragmas = Zeroizing::new(String::with_capacity(256));
    pragmas.push_str("PRAGMA key = \"x'");
    for byte in key {
        let _ = write!(pragmas, "{byte:02x}");
    }
    let _ = write!(
        pragmas,
        "'\"; PRAGMA cipher_hmac_algorithm = HMAC_SHA256; PRAGMA temp_store = MEMORY; \
         PRAGMA cache_size = -{CACHE_KIB}; PRAGMA busy_timeout = 10000; PRAGMA trusted_schema = OFF;"
    );
    connection.execute_batch(&pragmas).map_err(|e| damaged_or(e, file))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    // The first real read is what tells a wrong key.
    connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get::<_, i64>(0))
        .map_err(|e| damaged_or(e, file))?;
    Ok(connection)
}

/// Copies every page in one step, under one read snapshot.
pub fn copy_all(from: &Connection, to: &mut Connection) -> Result<(), StoreError> {
    const ALL_PAGES: i32 = -1;
    match rusqlite::backup::Backup::new(from, to)?.step(ALL_PAGES)? {
        rusqlite::backup::StepResult::Done => Ok(()),
        _ => Err(StoreError::Database("the copy was interrupted; try again".into())),
    }
}

pub fn damaged_or(error: rusqlite::Error, file: &'static str) -> StoreError {
    match StoreError::from(error) {
        StoreError::Damaged { .. } => StoreError::Damaged { file },
        other => other,
    }
}
