//! The one writer: takes whatever batches are ready, checks each against its preconditions, commits the group with one
//! flush, then tells caches, the audit log and the callers, in that order.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::oneshot;

use super::{Clock, checkpointer, outbox, read};
use crate::backend::{Batch, ChartNo, Committed, Expected, Keyword, SEQ_COUNTER_BITS, Seq, Write};
use crate::disclosed::Subject;
use crate::log::{AuditLog, DetailSealer, PendingEvent};
use crate::{Receipt, StoreError};

/// Batches committed with one flush at most.
const GROUP_BATCHES_MAX: usize = 512;
/// Rows after which a group takes no further batch.
const GROUP_ROWS_MAX: usize = 4_096;
/// Keywords of recent commits that conditions are checked against; older conditions are evaluated again.
const RECENT_KEYWORDS_MAX: usize = 100_000;

type Answer = oneshot::Sender<Result<Committed, StoreError>>;

pub struct Writer {
    queue: Mutex<Option<Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// How far commits have come: what readers are shown, and behind it what caches and index have followed.
pub struct Seqs {
    pub shown: Arc<AtomicI64>,
    pub last: Arc<AtomicI64>,
}

struct Job {
    batch: Batch,
    root: [u8; 32],
    answer: Answer,
}

impl Writer {
    pub fn start(
        connection: Connection,
        log: Arc<AuditLog>,
        sealer: Arc<dyn DetailSealer>,
        clock: Clock,
        seqs: Seqs,
        fold: checkpointer::Signal,
    ) -> Result<Self, StoreError> {
        let (queue, jobs) = channel();
        let horizon = seqs.last.load(Ordering::Acquire);
        let mut state = State {
            connection,
            log,
            sealer,
            clock,
            seqs,
            recent: Recent { seqs: HashMap::new(), order: VecDeque::new(), horizon },
            fold,
            outbox_deleted: 0,
            bytes_unfolded: 0,
        };
        let thread = std::thread::Builder::new()
            .name("record-writer".into())
            .spawn(move || state.run(&jobs))
            .map_err(|e| StoreError::Io { what: "start a thread", kind: e.kind() })?;
        Ok(Self { queue: Mutex::new(Some(queue)), thread: Mutex::new(Some(thread)) })
    }

    pub async fn commit(&self, batch: Batch) -> Result<Committed, StoreError> {
        let root = written_root(&batch.writes);
        let (answer, answered) = oneshot::channel();
        self.queue
            .lock()
            .ok()
            .and_then(|q| q.as_ref()?.send(Job { batch, root, answer }).ok())
            .ok_or(StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    pub fn close(&self) {
        if let Ok(mut queue) = self.queue.lock() {
            queue.take();
        }
        if let Some(thread) = self.thread.lock().ok().and_then(|mut t| t.take()) {
            let _ = thread.join();
        }
    }
}

/// What the audit leaf of a write commits to: SHA-256 over the digests of the versions written, by row.
pub fn written_root(writes: &[Write]) -> [u8; 32] {
    let mut digests: Vec<(u64, u32, [u8; 32])> =
        writes.iter().map(|w| (w.row, w.version, read::digest(w.chart, w.row, w.version, &w.head, &w.body))).collect();
    digests.sort_unstable_by_key(|d| (d.0, d.1));
    let mut hash = crypto::hash::Sha256::new();
    for (_, _, digest) in &digests {
        hash.update(digest);
    }
    hash.finish()
}

pub fn last_seq(connection: &Connection) -> Result<Seq, StoreError> {
    let mark: Option<Seq> =
        connection.query_row("SELECT value FROM mark WHERE name = 'last_seq'", [], |r| r.get(0)).optional()?;
    Ok(mark.unwrap_or(0))
}

struct State {
    connection: Connection,
    log: Arc<AuditLog>,
    sealer: Arc<dyn DetailSealer>,
    clock: Clock,
    seqs: Seqs,
    recent: Recent,
    fold: checkpointer::Signal,
    outbox_deleted: u64,
    bytes_unfolded: usize,
}

/// A batch that is in the open transaction.
struct Applied {
    seq: Seq,
    bytes: usize,
    event: PendingEvent,
    subjects: Vec<Subject>,
    on_commit: Box<dyn FnOnce(Seq) + Send>,
    answer: Answer,
}

impl State {
    fn run(&mut self, jobs: &Receiver<Job>) {
        while let Ok(first) = jobs.recv() {
            let mut rows = first.batch.writes.len();
            let mut group = vec![first];
            while group.len() < GROUP_BATCHES_MAX && rows < GROUP_ROWS_MAX {
                let Ok(next) = jobs.try_recv() else { break };
                rows += next.batch.writes.len();
                group.push(next);
            }
            self.commit_group(group);
        }
    }

    fn commit_group(&mut self, group: Vec<Job>) {
        if !self.log.is_available() {
            return refuse(group.into_iter().map(|j| j.answer), || StoreError::Log(crate::log::LogError::Unavailable));
        }
        if self.log.is_outbox_refused() {
            let moved = self.log.resume_outbox();
            if let Err(error) = outbox::replay(&self.connection, &self.log, self.sealer.as_ref(), moved) {
                return refuse(group.into_iter().map(|j| j.answer), || copy(&error));
            }
        }
        if let Err(error) = self.connection.execute_batch("BEGIN IMMEDIATE") {
            let error = StoreError::from(error);
            return refuse(group.into_iter().map(|j| j.answer), || copy(&error));
        }
        let mut applied = Vec::with_capacity(group.len());
        // A refusal may rest on a batch of this same group ("done before"): it is told when that one is, and true then.
        let mut refused: Vec<(Answer, StoreError)> = Vec::new();
        let mut seq = self.seqs.last.load(Ordering::Acquire);
        let mut waiting = group.into_iter();
        while let Some(job) = waiting.next() {
            // Strictly rising, also when the clock has gone backwards.
            let next = (seq + 1).max((self.clock)() << SEQ_COUNTER_BITS);
            if let Err(error) = self.check(&job.batch) {
                refused.push((job.answer, error));
                continue;
            }
            let Job { batch, root, answer } = job;
            let Batch { writes, reserved, once, evidence, keywords, on_commit, .. } = batch;
            let (event, subjects) = evidence.into_pending(next as u64, root);
            if let Err(error) = self.apply(next, &writes, &reserved, once.as_ref(), &event) {
                // The engine failed between the checks and the flush: nothing of this group may stay.
                let _ = self.connection.execute_batch("ROLLBACK");
                let answers = applied.into_iter().map(|a: Applied| a.answer).chain([answer]);
                let answers = answers.chain(refused.into_iter().map(|(answer, _)| answer));
                return refuse(answers.chain(waiting.map(|j| j.answer)), || copy(&error));
            }
            self.recent.add(next, &keywords);
            seq = next;
            let bytes = writes.iter().map(|w| w.head.len() + w.body.len()).sum();
            applied.push(Applied { seq, bytes, event, subjects, on_commit, answer });
        }
        if applied.is_empty() {
            let _ = self.connection.execute_batch("ROLLBACK");
            return tell_refused(refused);
        }
        if let Err(error) = self.finish(seq) {
            let _ = self.connection.execute_batch("ROLLBACK");
            let answers = applied.into_iter().map(|a| a.answer);
            return refuse(answers.chain(refused.into_iter().map(|(answer, _)| answer)), || copy(&error));
        }
        // Before the followers: whoever misses in a cache after them must not read through a snapshot from before.
        self.seqs.shown.store(seq, Ordering::Release);
        let bytes = applied.iter().map(|a| a.bytes).sum();
        self.tell(applied, seq);
        tell_refused(refused);
        self.fold_when_long(bytes);
    }

    fn finish(&mut self, seq: Seq) -> Result<(), StoreError> {
        const MARK: &str = "INSERT INTO mark (name, value) VALUES ('last_seq', ?1) \
                            ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        self.connection.prepare_cached(MARK)?.execute([seq])?;
        let moved = self.log.moved_up_to();
        if moved > self.outbox_deleted {
            self.connection.prepare_cached("DELETE FROM outbox WHERE seq <= ?1")?.execute([moved as i64])?;
            self.outbox_deleted = moved;
        }
        Ok(self.connection.execute_batch("COMMIT")?)
    }

    /// Followers first, then the sequence that conditions are evaluated against, then the answers: who evaluates a
    /// condition at a sequence finds in the index all that was committed up to it.
    fn tell(&self, applied: Vec<Applied>, last: Seq) {
        let mut answers = Vec::with_capacity(applied.len());
        for Applied { seq, event, subjects, on_commit, answer, .. } in applied {
            on_commit(seq);
            // The event is durable with the data; if the log is down now, it is replayed when the log is back.
            let _ = self.log.submit_outbox(seq as u64, event);
            answers.push((answer, Committed { seq, receipt: Receipt::mint(subjects, None) }));
        }
        self.seqs.last.store(last, Ordering::Release);
        for (answer, committed) in answers {
            let _ = answer.send(Ok(committed));
        }
    }

    fn fold_when_long(&mut self, bytes: usize) {
        self.bytes_unfolded += bytes;
        if self.bytes_unfolded > checkpointer::BYTES_START {
            self.fold.fold();
            self.bytes_unfolded = 0;
        }
    }

    /// Everything that can refuse a batch, before anything of it is applied.
    fn check(&self, batch: &Batch) -> Result<(), StoreError> {
        for condition in &batch.no_new_match {
            if self.recent.any_after(&condition.any_of, condition.since) {
                return Err(StoreError::NewMatch);
            }
        }
        if let Some(once) = &batch.once
            && read::was_done(&self.connection, once)?
        {
            return Err(StoreError::Done);
        }
        const HELD: &str = "SELECT version, chart FROM body WHERE row = ?1";
        let mut held = self.connection.prepare_cached(HELD)?;
        let mut current = |row: u64| -> Result<Option<(u32, u64)>, StoreError> {
            Ok(held.query_row([row as i64], |r| Ok((r.get(0)?, r.get::<_, i64>(1)? as u64))).optional()?)
        };
        for write in &batch.writes {
            match write.expected {
                Expected::New => {
                    if current(write.row)?.is_some() {
                        return Err(StoreError::Exists { row: write.row });
                    }
                    if let Some(label) = &write.locator
                        && let Some(row) = read::locate(&self.connection, label)?
                    {
                        return Err(StoreError::Exists { row });
                    }
                }
                Expected::Current { version, chart } => {
                    let (held, held_chart) = current(write.row)?.unwrap_or((0, 0));
                    if (held, held_chart) != (version, chart) {
                        return Err(StoreError::VersionConflict { row: write.row, held, given: version });
                    }
                }
            }
        }
        for (label, chart) in &batch.reserved {
            // The patient that the chart waits for may have come, or another writer reserved another chart.
            if read::locate(&self.connection, label)?.is_some_and(|held| held != *chart) {
                return Err(StoreError::NewMatch);
            }
        }
        for &(row, given) in &batch.unchanged {
            let held = current(row)?.map_or(0, |(version, _)| version);
            if held != given {
                return Err(StoreError::VersionConflict { row, held, given });
            }
        }
        Ok(())
    }

    fn apply(
        &self,
        seq: Seq,
        writes: &[Write],
        reserved: &[(Keyword, ChartNo)],
        once: Option<&Keyword>,
        event: &PendingEvent,
    ) -> Result<(), StoreError> {
        let c = &self.connection;
        for write in writes {
            if let Expected::Current { chart, .. } = write.expected {
                const TO_PAST: &str = "INSERT INTO past (row, version, chart, seq, head, body) \
                    SELECT b.row, b.version, b.chart, b.seq, h.head, b.body \
                    FROM body b JOIN head h ON h.chart = b.chart AND h.row = b.row WHERE b.row = ?1";
                c.prepare_cached(TO_PAST)?.execute([write.row as i64])?;
                c.prepare_cached("DELETE FROM head WHERE chart = ?1 AND row = ?2")?
                    .execute(params![chart as i64, write.row as i64])?;
            }
            const HEAD: &str = "INSERT INTO head (chart, row, version, seq, head) VALUES (?1, ?2, ?3, ?4, ?5)";
            c.prepare_cached(HEAD)?.execute(params![
                write.chart as i64,
                write.row as i64,
                write.version,
                seq,
                write.head
            ])?;
            const BODY: &str =
                "INSERT OR REPLACE INTO body (row, chart, version, seq, body) VALUES (?1, ?2, ?3, ?4, ?5)";
            c.prepare_cached(BODY)?.execute(params![
                write.row as i64,
                write.chart as i64,
                write.version,
                seq,
                write.body
            ])?;
            if let (Some(label), Expected::New) = (&write.locator, write.expected) {
                c.prepare_cached("INSERT INTO locator (label, row) VALUES (?1, ?2)")?
                    .execute(params![label.as_slice(), write.row as i64])?;
            }
        }
        for (label, chart) in reserved {
            c.prepare_cached("INSERT OR IGNORE INTO locator (label, row) VALUES (?1, ?2)")?
                .execute(params![label.as_slice(), *chart as i64])?;
        }
        if let Some(once) = once {
            c.prepare_cached("INSERT INTO done (label) VALUES (?1)")?.execute([once.as_slice()])?;
        }
        let sealed = outbox::seal(event, self.sealer.as_ref())?;
        c.prepare_cached("INSERT INTO outbox (seq, event) VALUES (?1, ?2)")?.execute(params![seq, sealed])?;
        Ok(())
    }
}

/// Keywords of recent commits, for "no resource that may match was committed since".
struct Recent {
    seqs: HashMap<Keyword, Seq>,
    order: VecDeque<(Seq, Keyword)>,
    /// Commits up to here are forgotten.
    horizon: Seq,
}

impl Recent {
    fn add(&mut self, seq: Seq, keywords: &[Keyword]) {
        for keyword in keywords {
            self.seqs.insert(*keyword, seq);
            self.order.push_back((seq, *keyword));
        }
        while self.order.len() > RECENT_KEYWORDS_MAX {
            let Some((old, keyword)) = self.order.pop_front() else { break };
            self.horizon = old;
            if self.seqs.get(&keyword) == Some(&old) {
                self.seqs.remove(&keyword);
            }
        }
    }

    /// Also true when it can no longer be known.
    fn any_after(&self, keywords: &[Keyword], since: Seq) -> bool {
        since < self.horizon || keywords.iter().any(|k| self.seqs.get(k).is_some_and(|&seq| seq > since))
    }
}

fn refuse(answers: impl IntoIterator<Item = Answer>, error: impl Fn() -> StoreError) {
    for answer in answers {
        let _ = answer.send(Err(error()));
    }
}

fn tell_refused(refused: Vec<(Answer, StoreError)>) {
    for (answer, error) in refused {
        let _ = answer.send(Err(error));
    }
}

/// One failure of the engine answers every batch of its group.
fn copy(error: &StoreError) -> StoreError {
    match error {
        StoreError::Full => StoreError::Full,
        StoreError::ReadOnly(why) => StoreError::ReadOnly(why),
        StoreError::Damaged { file } => StoreError::Damaged { file },
        other => StoreError::Database(other.to_string()),
    }
}
