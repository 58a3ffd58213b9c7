//! The files of one organization's audit log: one writer that makes groups of events durable, checkpoints behind it,
//! a reader, and an offline verifier. Formats: `docs/formats/audit-log.md`. What leaves and proofs are: crate `audit`.

mod anchor;
mod copy;
mod durable;
mod format;
mod metrics;
mod reader;
mod recover;
mod segment;
mod shared;
mod tiles;
mod verify;
mod verify_report;
mod verify_tiles;
mod writer;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use audit::{AuditError, Class, Event, Hash, LeafIndex, LeafOutcome, VerifierKey};
use crypto::sign::SigningKey;
use tokio::sync::oneshot;

pub use copy::copy_prefix;
pub use durable::durable_leaves_at;
pub use metrics::LogMetrics;
pub use reader::{Entries, Entry, LogReader};
use shared::{Item, Reply, Shared};
pub use verify::{VerifyOptions, Written, verify};
pub use verify_report::{Anchor, Problem, ProblemKind, Report};

/// A segment is rolled when it is this long, and each month.
pub const SEGMENT_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Space is reserved in such steps, and a new step when less than half of one is left.
pub const RESERVE_STEP_BYTES: u64 = 16 * 1024 * 1024;
pub const GROUP_LEAVES_MAX: usize = 4096;
/// A group takes no further event when its details are this long.
pub const GROUP_DETAIL_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Events waiting for the writer: beyond this, submissions fail at once.
pub const QUEUE_EVENTS_MAX: usize = 65_536;
/// Leaves durable but not yet under a checkpoint: beyond this the log refuses events, since they could not be anchored.
pub const UNANCHORED_LEAVES_MAX: u64 = 1_000_000;
/// How often an unavailable log tries to open a fresh segment.
pub const RETRY_MS: u64 = 500;
pub const CHECKPOINT_INTERVAL_MS: u64 = 1000;
/// How often tiles are made durable; a crash replays the leaves since then.
pub const STATE_INTERVAL_MS: u64 = 60_000;

/// Seals and opens the details of one audit day. The store implements it over the keyring.
pub trait DetailSealer: Send + Sync {
    /// Appends the sealed form of `plain` to `out`.
    fn seal(&self, day: i32, aad: &[u8], plain: &[u8], out: &mut Vec<u8>) -> Result<(), SealError>;
    fn open(&self, day: i32, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("the audit day's key cannot be had now")]
    KeyUnavailable,
    #[error("the audit day's key was destroyed")]
    KeyDestroyed,
    #[error("a sealed detail does not open: wrong key, or altered, or moved")]
    DoesNotOpen,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    #[error("the audit log cannot be written")]
    Unavailable,
    #[error("the audit log has too many events waiting")]
    Overloaded,
    #[error("the audit log is closed")]
    Closed,
    #[error("an audit event is too large")]
    TooLarge,
    #[error("outbox events were refused and have to be replayed from the watermark")]
    OutboxRefused,
    #[error("the audit log is open in another process")]
    Locked,
    #[error("the origin cannot name a log")]
    BadOrigin,
    #[error("the system's random generator failed")]
    Random,
    #[error("{doing} failed: {kind}")]
    Io { doing: &'static str, kind: std::io::ErrorKind },
    #[error("the audit log is damaged at {place}: {what}")]
    Corrupt { place: String, what: &'static str },
    #[error("the audit log has {held} leaves and its checkpoint {anchored}: it was rolled back")]
    RolledBack { held: u64, anchored: u64 },
    #[error("the audit log differs from its external checkpoint of size {size}")]
    Forked { size: u64 },
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(transparent)]
    Audit(#[from] AuditError),
}

impl LogError {
    fn io(doing: &'static str) -> impl Fn(std::io::Error) -> LogError {
        move |error| LogError::Io { doing, kind: error.kind() }
    }

    fn corrupt(path: &Path, what: &'static str) -> LogError {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        LogError::Corrupt { place: name, what }
    }
}

pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;
pub type Entropy = Arc<dyn Fn(&mut [u8]) -> Result<(), LogError> + Send + Sync>;

/// What a log is opened with.
pub struct LogOptions {
    pub sealer: Arc<dyn DetailSealer>,
    pub signing_key: SigningKey,
    /// Names the log in checkpoints, for example `clinic.example/audit`.
    pub origin: String,
    /// Milliseconds since 1970.
    pub clock: Clock,
    /// Fills salts.
    pub entropy: Entropy,
    /// Where checkpoints are copied to: a directory that this machine's administrator cannot rewrite.
    pub sink: Option<PathBuf>,
    pub segment_bytes_max: u64,
    pub reserve_step_bytes: u64,
    pub checkpoint_interval_ms: u64,
}

impl LogOptions {
    pub fn new(
        sealer: Arc<dyn DetailSealer>,
        signing_key: SigningKey,
        origin: impl Into<String>,
        clock: Clock,
        entropy: Entropy,
    ) -> Self {
        LogOptions {
            sealer,
            signing_key,
            origin: origin.into(),
            clock,
            entropy,
            sink: None,
            segment_bytes_max: SEGMENT_BYTES_MAX,
            reserve_step_bytes: RESERVE_STEP_BYTES,
            checkpoint_interval_ms: CHECKPOINT_INTERVAL_MS,
        }
    }
}

/// An event as it is submitted. `detail` is `Event::encode`d; it exists outside this struct only sealed.
#[derive(Clone)]
pub struct PendingEvent {
    pub class: Class,
    pub outcome: LeafOutcome,
    pub time_ms: u64,
    /// Commit sequence of the write, 0 for anything else.
    pub seq: u64,
    pub written_root: Hash,
    pub detail: Vec<u8>,
}

impl PendingEvent {
    pub fn new(event: &Event<'_>, seq: u64, written_root: Hash) -> Result<Self, AuditError> {
        Ok(PendingEvent {
            class: event.action,
            outcome: LeafOutcome::of(&event.outcome),
            time_ms: event.time_ms,
            seq,
            written_root,
            detail: event.encode()?,
        })
    }

    /// An event that wrote nothing.
    pub fn reading(event: &Event<'_>) -> Result<Self, AuditError> {
        Self::new(event, 0, [0; 32])
    }
}

/// The open log. One per directory; shared behind an `Arc`. Dropping it closes it.
pub struct AuditLog {
    shared: Arc<Shared>,
    verifier_key: VerifierKey,
    threads: std::sync::Mutex<Vec<JoinHandle<()>>>,
    lock: std::sync::Mutex<Option<std::fs::File>>,
}

impl AuditLog {
    /// Opens or creates the log, replaying what lies beyond the last state. Refuses a log that is damaged at or before its
    /// checkpoint, or that is behind or beside the newest checkpoint in the sink.
    pub fn open(dir: &Path, options: LogOptions) -> Result<AuditLog, LogError> {
        let recovered = recover::recover(dir, &options)?;
        let verifier_key = VerifierKey::new(&options.origin, options.signing_key.verifying_key());
        let shared = Arc::new(Shared::new(dir, &recovered));
        let writer = writer::Writer::new(shared.clone(), &options, recovered.tail, recovered.edge.size());
        let (lock, size) = (recovered.lock, recovered.checkpoint_size);
        let anchor = anchor::Anchorer::new(shared.clone(), options, recovered.edge, recovered.files, size);
        let threads = vec![spawn("audit-log", move || writer.run())?, spawn("audit-anchor", move || anchor.run())?];
        Ok(AuditLog { shared, verifier_key, threads: threads.into(), lock: Some(lock).into() })
    }

    /// Queues the event at once; the future answers when it is durable.
    pub fn submit(
        &self,
        event: PendingEvent,
    ) -> impl Future<Output = Result<LeafIndex, LogError>> + Send + 'static + use<> {
        let (sender, receiver) = oneshot::channel();
        let queued = self.shared.enqueue(Item { event, outbox: None, reply: Reply::Future(sender) });
        async move {
            queued?;
            receiver.await.unwrap_or(Err(LogError::Closed))
        }
    }

    /// Blocks until the event is durable. Not for async code.
    pub fn append_now(&self, event: PendingEvent) -> Result<LeafIndex, LogError> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        self.shared.enqueue(Item { event, outbox: None, reply: Reply::Blocking(sender) })?;
        receiver.recv().unwrap_or(Err(LogError::Closed))
    }

    /// Queues an event that is already durable in the data transaction, without waiting. `number` is the event's own outbox
    /// number; calls come in rising order. A number that was already taken is ignored. After any error, every further call
    /// fails with `OutboxRefused` until `resume_outbox`, so that no event can be overtaken and lost.
    pub fn submit_outbox(&self, number: u64, event: PendingEvent) -> Result<(), LogError> {
        self.shared.enqueue(Item { event, outbox: Some(number), reply: Reply::None })
    }

    /// True when outbox events have to be replayed: call `resume_outbox` and submit all above what it returns.
    pub fn is_outbox_refused(&self) -> bool {
        self.shared.lock_queue().outbox_refused
    }

    /// Accepts outbox events again and returns the highest number that needs no replay.
    pub fn resume_outbox(&self) -> u64 {
        let mut queue = self.shared.lock_queue();
        queue.outbox_refused = false;
        queue.outbox_accepted
    }

    /// The highest outbox number that is durable in the log.
    pub fn moved_up_to(&self) -> u64 {
        self.shared.moved.load(Ordering::Acquire)
    }

    /// The same number, to be watched.
    pub fn moved_watermark(&self) -> Arc<AtomicU64> {
        self.shared.moved.clone()
    }

    /// False while events fail: answer 503 and give no data.
    pub fn is_available(&self) -> bool {
        self.shared.is_available()
    }

    /// Durable leaves.
    pub fn size(&self) -> u64 {
        self.shared.durable_leaves()
    }

    pub fn metrics(&self) -> LogMetrics {
        self.shared.metrics.snapshot(&self.shared)
    }

    pub fn reader(&self, sealer: Arc<dyn DetailSealer>) -> LogReader {
        LogReader::new(self.shared.clone(), self.verifier_key.name.clone(), sealer)
    }

    pub fn verifier_key(&self) -> &VerifierKey {
        &self.verifier_key
    }

    /// Signs a checkpoint over everything durable and waits for it (blocking). Returns its text.
    pub fn checkpoint_now(&self) -> Result<String, LogError> {
        self.shared.request_checkpoint()?;
        std::fs::read_to_string(self.shared.dir.join(anchor::CHECKPOINT_FILE))
            .map_err(LogError::io("reading the checkpoint"))
    }

    /// Refuses new events, makes the queued ones durable, signs the last checkpoint. Blocking; later calls do nothing.
    pub fn close(&self) {
        self.shared.close_queue();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
        for (place, thread) in threads.into_iter().enumerate() {
            let _ = thread.join();
            if place == 0 {
                self.shared.close_anchor();
            }
        }
        // Another process may open the log now.
        self.lock.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        self.close();
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, LogError> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run).map_err(LogError::io("starting a thread"))
}
