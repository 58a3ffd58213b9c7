//! The follower: reads the log by leaf index, feeds the rules and hands what they find to the queue. Its mark is written
//! with the alerts, so a restart repeats nothing; the rules stand where they stood once the last day is seen again.

use std::sync::Arc;
use std::time::Duration;

use audit::event::Outcome;
use audit::{Action, Event, Hash, LeafIndex};
use serde::{Deserialize, Serialize};
use store::Shelf;
use store::desk::Change;
use store::log::{AuditLog, LogReader};
use tokio::sync::watch;

use crate::rules::{Finding, Limits, Remembered, Rules, Stall, WARM_MS};
use crate::{ComplianceError, Queue, keep, queue};

/// How often new events are looked for.
pub const POLL_MS: u64 = 200;
/// Events between two looks at the desk.
const BATCH_LEAVES: u64 = 4_096;
/// Events that are seen again at a start, at most: beyond, limits of a day begin anew.
const WARM_LEAVES_MAX: u64 = 500_000;
/// Without alerts the mark is kept after so many events, or after so long.
const MARK_LEAVES: u64 = 5_000;
const MARK_MS: i64 = 10_000;

const MARK: &[u8] = b"mark/follower";
const PLACES: &[u8] = b"mark/places";

/// What the log says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogHealth {
    pub is_available: bool,
    /// Events are waiting for a checkpoint, and how many the last one covers.
    pub is_behind: bool,
    pub anchored: u64,
    /// Writes, seals, anchors and copies to the sink that failed since the start.
    pub failures: u64,
}

impl LogHealth {
    pub fn of(log: &AuditLog) -> LogHealth {
        let metrics = log.metrics();
        LogHealth {
            is_available: metrics.is_available,
            is_behind: metrics.unanchored_leaves > 0,
            anchored: metrics.last_checkpoint_size,
            failures: metrics.write_failures + metrics.seal_failures + metrics.anchor_failures + metrics.sink_failures,
        }
    }
}

pub struct FollowerParts {
    pub queue: Queue,
    pub reader: LogReader,
    pub limits: Limits,
    pub health: Arc<dyn Fn() -> LogHealth + Send + Sync>,
}

pub struct Follower {
    queue: Queue,
    reader: LogReader,
    health: Arc<dyn Fn() -> LogHealth + Send + Sync>,
    rules: Option<Rules>,
    limits: Limits,
    stall: Stall,
    /// The next event to be read, and up to where the desk knows it.
    next: LeafIndex,
    /// What the event before it is committed to: tells this log from another.
    last: Hash,
    kept: LeafIndex,
    kept_ms: i64,
    /// Found and not yet in the queue.
    found: Vec<Finding>,
    is_read: bool,
    beat: Beat,
}

/// The last event that the follower wrote itself, and when it came back.
#[derive(Default)]
struct Beat {
    written_ms: Option<i64>,
    back_ms: Option<i64>,
    started_ms: i64,
}

#[derive(Serialize, Deserialize)]
struct Mark {
    next: LeafIndex,
    last: Hash,
}

#[derive(Serialize, Deserialize)]
struct Places {
    shard: u8,
    people: Remembered,
}

/// What one look brought.
struct Batch {
    rules: Rules,
    found: Vec<Finding>,
    next: LeafIndex,
    last: Option<Hash>,
    has_beat: bool,
    error: Option<ComplianceError>,
}

impl Follower {
    /// Finds the mark and brings the rules to where they stood. A first start begins with the first event.
    pub async fn open(parts: FollowerParts) -> Result<Follower, ComplianceError> {
        let FollowerParts { queue, reader, limits, health } = parts;
        let rules = Rules::new(limits.clone())?;
        let now_ms = queue.now_ms();
        let (desk, at) = (queue.desk().clone(), reader.clone());
        let warming = tokio::task::spawn_blocking(move || warm(&desk, &at, rules));
        let (rules, Mark { next, last }) = warming.await.map_err(|_| ComplianceError::Ended)??;
        let beat = Beat { started_ms: now_ms, ..Beat::default() };
        let (found, stall) = (Vec::new(), Stall::default());
        let rules = Some(rules);
        Ok(Follower {
            queue,
            reader,
            health,
            rules,
            limits,
            stall,
            next,
            last,
            kept: next,
            kept_ms: now_ms,
            found,
            is_read: true,
            beat,
        })
    }

    /// Follows until `stop` turns true or its sender is gone.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut is_behind = false;
        loop {
            let looked = self.look().await;
            // Once, not at every look; the words are closed, no error of this room carries a value.
            if let (Err(error), false) = (&looked, is_behind) {
                tracing::warn!(%error, "alerts are behind the audit log");
            }
            is_behind = looked.is_err();
            let stopped = tokio::time::timeout(Duration::from_millis(POLL_MS), stop.wait_for(|is_over| *is_over));
            if stopped.await.is_ok() {
                break;
            }
        }
        if let Err(error) = self.keep(true).await {
            tracing::warn!(%error, "the mark of the alerts was not kept: events since will be read again");
        }
    }

    /// One look: everything new is read, what it says is in the queue, and the log itself is looked at.
    pub async fn look(&mut self) -> Result<(), ComplianceError> {
        let caught_up = self.catch_up().await;
        let ticked = self.tick().await;
        caught_up.and(ticked)
    }

    /// Reads what is new and hands over what it says. Answers with the number of events.
    pub async fn catch_up(&mut self) -> Result<u64, ComplianceError> {
        let from = self.next;
        // What the queue could not take comes first: while the log is away nothing new comes anyway.
        self.keep(false).await?;
        while self.next < self.reader.size() {
            let Some(rules) = self.rules.take() else { return Err(ComplianceError::Ended) };
            let (reader, next) = (self.reader.clone(), self.next);
            let batch = tokio::task::spawn_blocking(move || read(&reader, next, rules)).await;
            let Batch { rules, found, next, last, has_beat, error } = batch.map_err(|_| ComplianceError::Ended)?;
            self.rules = Some(rules);
            self.next = next;
            self.last = last.unwrap_or(self.last);
            self.found.extend(found);
            self.is_read = error.is_none();
            if has_beat {
                self.beat.back_ms = Some(self.queue.now_ms());
            }
            if let Some(error) = error {
                return Err(error);
            }
            self.keep(false).await?;
        }
        self.is_read = true;
        Ok(self.next - from)
    }

    /// Looks at the log itself, by the clock.
    pub async fn tick(&mut self) -> Result<(), ComplianceError> {
        let now_ms = self.queue.now_ms();
        let age_ms = now_ms.saturating_sub(self.beat.back_ms.unwrap_or(self.beat.started_ms)).max(0) as u64;
        let health = (self.health)();
        let found = self.stall.tick(now_ms.max(0) as u64, health, self.is_read, Some(age_ms), &self.limits);
        for finding in found {
            if !health.is_available || self.queue.admit(vec![finding.clone()], Vec::new()).await.is_err() {
                self.queue.admit_unwitnessed(finding).await?;
            }
        }
        if !health.is_available {
            return Ok(());
        }
        self.queue.witness_late().await?;
        self.heartbeat(now_ms).await
    }

    async fn heartbeat(&mut self, now_ms: i64) -> Result<(), ComplianceError> {
        let every_ms = (self.limits.heartbeat_seconds * 1_000) as i64;
        if self.beat.written_ms.is_some_and(|written_ms| now_ms.saturating_sub(written_ms) < every_ms) {
            return Ok(());
        }
        self.beat.written_ms = Some(now_ms);
        let event = queue::act(Action::Heartbeat, Outcome::Success, None, now_ms, "alerts follow the log")?;
        Ok(self.queue.witness().record(event).await?)
    }

    /// Hands findings and marks to the queue in one piece.
    async fn keep(&mut self, is_last: bool) -> Result<(), ComplianceError> {
        let Some(rules) = &mut self.rules else { return Err(ComplianceError::Ended) };
        let now_ms = self.queue.now_ms();
        let read = self.next - self.kept;
        let is_due = read >= MARK_LEAVES || read > 0 && now_ms.saturating_sub(self.kept_ms) >= MARK_MS;
        let people = rules.places().take_changed();
        if self.found.is_empty() && people.is_empty() && !(is_due || is_last && read > 0) {
            return Ok(());
        }
        let shards: Vec<u8> = people.iter().map(|(shard, _)| *shard).collect();
        let next = self.next;
        let kept = match marks(Mark { next, last: self.last }, people) {
            Ok(marks) => self.queue.admit(self.found.clone(), marks).await,
            Err(error) => Err(error),
        };
        if let Err(error) = kept {
            rules.places().put_back(&shards);
            return Err(error);
        }
        self.found.clear();
        (self.kept, self.kept_ms) = (next, now_ms);
        Ok(())
    }
}

fn marks(mark: Mark, people: Vec<(u8, Remembered)>) -> Result<Vec<Change>, ComplianceError> {
    let mut marks = vec![keep::put(Shelf::Mark, keep::key(&[MARK]), &mark)?];
    for (shard, people) in people {
        marks.push(keep::put(Shelf::Mark, keep::key(&[PLACES, &[shard]]), &Places { shard, people })?);
    }
    Ok(marks)
}

/// Blocks.
fn read(reader: &LogReader, from: LeafIndex, mut rules: Rules) -> Batch {
    let (mut found, mut next, mut has_beat) = (Vec::new(), from, false);
    let (mut last, mut error) = (None, None);
    for entry in reader.forwards(from, from.saturating_add(BATCH_LEAVES)) {
        match entry {
            Ok(entry) => {
                next = entry.index + 1;
                last = Some(entry.leaf.commitment);
                // A day whose key was destroyed says nothing any more.
                let Some(detail) = entry.detail else { continue };
                match Event::decode(&detail) {
                    Ok(event) => {
                        has_beat |= event.action == Action::Heartbeat;
                        found.extend(rules.observe(entry.index, &event));
                    }
                    Err(_) => found.push(Finding::unreadable(entry.index, entry.leaf.time_ms)),
                }
            }
            Err(refusal) => {
                error = Some(refusal.into());
                break;
            }
        }
    }
    Batch { rules, found, next, last, has_beat, error }
}

/// The rules as they stood at the mark. Blocks.
fn warm(desk: &store::Desk, reader: &LogReader, mut rules: Rules) -> Result<(Rules, Mark), ComplianceError> {
    let mut mark = Mark { next: 0, last: [0; 32] };
    for entry in desk.load(Shelf::Mark)? {
        if entry.key == keep::key(&[MARK]) {
            mark = keep::read(&entry)?;
        } else if let Ok(places) = keep::read::<Places>(&entry) {
            rules.places().remember(places.people);
        }
    }
    let Mark { next, last } = mark;
    let Some(before) = next.checked_sub(1) else { return Ok((rules, mark)) };
    // A log that is shorter, or says something else there, is not the one that was read: it is read from its beginning.
    let Some(read) = reader.get(before)?.filter(|entry| entry.leaf.commitment == last) else {
        return Ok((rules, Mark { next: 0, last: [0; 32] }));
    };
    let until_ms = read.leaf.time_ms;
    let mut from = next;
    for entry in reader.backwards(next.saturating_sub(WARM_LEAVES_MAX), next) {
        let entry = entry?;
        if until_ms.saturating_sub(entry.leaf.time_ms) > WARM_MS {
            break;
        }
        from = entry.index;
    }
    for entry in reader.forwards(from, next) {
        let entry = entry?;
        if let Some(event) = entry.detail.as_deref().and_then(|detail| Event::decode(detail).ok()) {
            rules.observe(entry.index, &event);
        }
    }
    // Seen again, not new.
    rules.places().take_changed();
    Ok((rules, mark))
}
