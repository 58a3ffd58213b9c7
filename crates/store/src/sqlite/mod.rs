//! The embedded backend: three SQLCipher files (record, keys, index), one writer thread, a pool of readers.
//!
//! Readers work on the thread that asks: a point read costs microseconds, less than handing it over would.

mod checkpointer;
mod copy;
mod day_sealer;
mod index;
mod keys;
mod offline;
mod outbox;
pub(crate) mod pool;
mod read;
pub(crate) mod schema;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use zeroize::Zeroizing;

use crate::backend::{Backend, Batch, BodyRow, ChartNo, Committed, HeadRow, Keyword, PastRow, RowNo, Run, Seq};
use crate::log::{AuditLog, DetailSealer, LogReader};
use crate::{Evidence, Receipt, StoreError};
use crypto::keyring::WrappedChartKey;

use checkpointer::Checkpointer;
pub use copy::Copied;
pub use day_sealer::DaySealer;
pub use keys::KeyDatabase;
pub use offline::{Rows, Waiting, dump_at, rows_at};
use pool::Pool;
use writer::{Seqs, Writer};

pub const RECORD_FILE: &str = "record.db";
pub const KEYS_FILE: &str = "keys.db";
pub const INDEX_FILE: &str = "index.db";

/// The raw keys of the three database files.
pub struct DatabaseKeys {
    pub record: Zeroizing<[u8; 32]>,
    pub keys: Zeroizing<[u8; 32]>,
    pub index: Zeroizing<[u8; 32]>,
}

/// Milliseconds since 1970: the clock is an argument.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

pub struct Sqlite {
    directory: PathBuf,
    record: Arc<Pool>,
    index: Arc<Pool>,
    keys: Arc<KeyDatabase>,
    index_writer: std::sync::Mutex<rusqlite::Connection>,
    writer: Writer,
    log: Arc<AuditLog>,
    sealer: Arc<dyn DetailSealer>,
    last_seq: Arc<AtomicI64>,
    checkpointer: Checkpointer,
    index_lost: bool,
}

impl Sqlite {
    /// Opens the key database alone: its keys are needed to open the log, and the log to open the rest.
    pub fn open_keys(directory: &Path, keys: &DatabaseKeys) -> Result<Arc<KeyDatabase>, StoreError> {
        Ok(Arc::new(KeyDatabase::open(&directory.join(KEYS_FILE), keys.keys.clone())?))
    }

    /// Opens or creates the files in `directory`, and moves audit events that a crash left in the data transaction's
    /// outbox to the log before anything is served.
    pub fn open(
        directory: &Path,
        database_keys: &DatabaseKeys,
        keys: Arc<KeyDatabase>,
        log: Arc<AuditLog>,
        sealer: Arc<dyn DetailSealer>,
        clock: Clock,
    ) -> Result<Self, StoreError> {
        let record_path = directory.join(RECORD_FILE);
        let record_writer = pool::open_writer(&record_path, &database_keys.record, RECORD_FILE)?;
        schema::migrate(&record_writer, RECORD_FILE, schema::RECORD)?;
        let last = writer::last_seq(&record_writer)?;
        if log.moved_up_to() > last as u64 {
            return Err(StoreError::RolledBack);
        }
        outbox::replay(&record_writer, &log, sealer.as_ref(), log.moved_up_to())?;

        let index_path = directory.join(INDEX_FILE);
        let (index_writer, index_lost) = index::open_or_recreate(&index_path, &database_keys.index)?;

        let last_seq = Arc::new(AtomicI64::new(last));
        let shown_seq = Arc::new(AtomicI64::new(last));
        let record_key = database_keys.record.clone();
        let record = Arc::new(Pool::new(record_path.clone(), record_key, RECORD_FILE, Some(shown_seq.clone())));
        let checkpointer = Checkpointer::start(&record_path, &database_keys.record, record.clone())?;
        let writer = Writer::start(
            record_writer,
            log.clone(),
            sealer.clone(),
            clock,
            Seqs { shown: shown_seq, last: last_seq.clone() },
            checkpointer.signal(),
        )?;
        Ok(Self {
            directory: directory.to_owned(),
            record,
            index: Arc::new(Pool::new(index_path, database_keys.index.clone(), INDEX_FILE, None)),
            keys,
            index_writer: std::sync::Mutex::new(index_writer),
            writer,
            log,
            sealer,
            last_seq,
            checkpointer,
            index_lost,
        })
    }

    /// The index file could not be used and was begun anew: it must be rebuilt.
    pub fn index_lost(&self) -> bool {
        self.index_lost
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    pub fn keys(&self) -> &Arc<KeyDatabase> {
        &self.keys
    }

    pub fn log(&self) -> &Arc<AuditLog> {
        &self.log
    }

    /// Reads the log's events, opened.
    pub fn log_reader(&self) -> LogReader {
        self.log.reader(self.sealer.clone())
    }

    /// Every version's place and digest, in commit order: what the audit log is compared with.
    pub fn digests(&self, each: &mut dyn FnMut(Seq, RowNo, u32, [u8; 32])) -> Result<(), StoreError> {
        self.record.with(|c| read::digests(c, each))
    }

    /// Sizes in bytes of the files and the write-ahead log, for metrics and `doctor`.
    pub fn file_sizes(&self) -> Vec<(&'static str, u64)> {
        [RECORD_FILE, KEYS_FILE, INDEX_FILE, "record.db-wal"]
            .into_iter()
            .map(|name| (name, std::fs::metadata(self.directory.join(name)).map_or(0, |m| m.len())))
            .collect()
    }

    /// Ends the writer after what it holds, flushes the log, and folds the write-ahead log into the file.
    pub fn close(&self) {
        self.writer.close();
        self.log.close();
        self.checkpointer.close();
    }
}

impl Drop for Sqlite {
    /// No thread of ours may use SQLCipher while the process takes its libraries down.
    fn drop(&mut self) {
        self.close();
    }
}

impl Backend for Sqlite {
    async fn body(&self, row: RowNo) -> Result<Option<BodyRow>, StoreError> {
        self.record.with(|c| read::body(c, row))
    }

    async fn head(&self, chart: ChartNo, row: RowNo) -> Result<Option<HeadRow>, StoreError> {
        self.record.with(|c| read::head(c, chart, row))
    }

    async fn heads_of_chart(&self, chart: ChartNo, limit: usize) -> Result<Vec<HeadRow>, StoreError> {
        self.record.with(|c| read::heads_of_chart(c, chart, limit))
    }

    async fn heads_after(&self, after: (ChartNo, RowNo), limit: usize) -> Result<Vec<HeadRow>, StoreError> {
        self.record.with(|c| read::heads_after(c, after, limit))
    }

    async fn heads_since(&self, seq: Seq, row: RowNo, limit: usize) -> Result<Vec<HeadRow>, StoreError> {
        self.record.with(|c| read::heads_since(c, seq, row, limit))
    }

    async fn heads_before(&self, seq: Seq, row: RowNo, limit: usize) -> Result<Vec<HeadRow>, StoreError> {
        self.record.with(|c| read::heads_before(c, seq, row, limit))
    }

    async fn past(&self, row: RowNo, version: u32) -> Result<Option<PastRow>, StoreError> {
        self.record.with(|c| read::past(c, row, version))
    }

    async fn past_of(&self, row: RowNo, version: u32, limit: usize) -> Result<Vec<PastRow>, StoreError> {
        self.record.with(|c| read::past_of(c, row, version, limit))
    }

    async fn past_before(&self, seq: Seq, row: RowNo, limit: usize) -> Result<Vec<PastRow>, StoreError> {
        self.record.with(|c| read::past_before(c, seq, row, limit))
    }

    async fn locate(&self, locator: &Keyword) -> Result<Option<RowNo>, StoreError> {
        self.record.with(|c| read::locate(c, locator))
    }

    async fn was_done(&self, once: &Keyword) -> Result<bool, StoreError> {
        self.record.with(|c| read::was_done(c, once))
    }

    fn last_seq(&self) -> Seq {
        self.last_seq.load(Ordering::Acquire)
    }

    async fn high_water(&self) -> Result<(RowNo, ChartNo), StoreError> {
        self.record.with(read::high_water)
    }

    async fn commit(&self, batch: Batch) -> Result<Committed, StoreError> {
        self.writer.commit(batch).await
    }

    async fn record_event(&self, evidence: Evidence) -> Result<Receipt, StoreError> {
        let (event, subjects) = evidence.into_pending(0, [0; 32]);
        let leaf = self.log.submit(event).await.map_err(StoreError::Log)?;
        Ok(Receipt::mint(subjects, Some(leaf)))
    }

    async fn chart_key(&self, chart: ChartNo) -> Result<Option<WrappedChartKey>, StoreError> {
        self.keys.chart_key(chart)
    }

    async fn add_chart_keys(&self, keys: Vec<(ChartNo, WrappedChartKey)>) -> Result<(), StoreError> {
        self.keys.add_chart_keys(&keys)
    }

    async fn chart_key_max(&self) -> Result<ChartNo, StoreError> {
        self.keys.chart_max()
    }

    async fn runs(&self) -> Result<Vec<Run>, StoreError> {
        self.index.with(index::runs)
    }

    async fn write_run(
        &self,
        run: Run,
        replaces: Vec<u32>,
        postings: Vec<(Keyword, Vec<u8>)>,
    ) -> Result<(), StoreError> {
        let mut connection = self.index_writer.lock().map_err(|_| StoreError::Closed)?;
        index::write_run(&mut connection, run, &replaces, &postings)
    }

    async fn posting(&self, run: u32, label: &Keyword) -> Result<Option<Vec<u8>>, StoreError> {
        self.index.with(|c| index::posting(c, run, label))
    }
}
