//! Follows the log by leaf index, feeds the rules, hands what they find to the queue. The mark, the alerts and the places
//! learned are one write: after a restart it goes on where it was, and no event makes two alerts.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use audit::{Event, LeafIndex};
use serde::{Deserialize, Serialize};
use store::desk::{Change, EntryKey};
use store::log::{AuditLog, Entry, LogError, LogReader};
use store::{Desk, Shelf};
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::engine::{Engine, Learned, MEMORY_MS};
use crate::queue::{Queue, blocking};
use crate::rules::places::Places;
use crate::rules::stalled::Health;
use crate::rules::{Finding, Rule, Severity};
use crate::{ComplianceError, Limits, Seen, Whereabouts};

/// How often the log is asked for more.
pub const POLL_MS: u64 = 200;
/// Leaves of one step.
pub const BATCH_LEAVES_MAX: u64 = 2_000;
/// Leaves before the mark that are read at start to fill the rules' windows.
pub const WARM_LEAVES_MAX: u64 = 200_000;

/// A mark that says nothing else is written as rarely as this.
pub const MARK_EVERY_MS: u64 = 5_000;

/// What an entry of the shelf `Mark` holds.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mark {
    /// The next leaf to look at.
    Followed { next: LeafIndex },
    /// Where an account was used from.
    Places { account: String, places: Vec<(String, u64)> },
}

pub struct Follower {
    log: Arc<AuditLog>,
    reader: LogReader,
    queue: Queue,
    engine: Engine,
    next: LeafIndex,
    heartbeat_ms: u64,
    /// A leaf that could not be read and was told of.
    told_unreadable: Option<LeafIndex>,
    /// What the rules said of events that they have seen, not kept yet: it is kept before they see more.
    pending: Option<Pending>,
    marked_ms: u64,
}

#[derive(Default)]
struct Pending {
    findings: Vec<Finding>,
    learned: HashMap<String, Places>,
    next: LeafIndex,
}

impl Follower {
    /// Takes up where the last one ended. `limits` are those from now on.
    pub async fn open(
        log: Arc<AuditLog>,
        reader: LogReader,
        queue: Queue,
        limits: Limits,
    ) -> Result<Follower, ComplianceError> {
        let (desk, from) = (queue.desk().clone(), reader.clone());
        let (engine, next) = blocking(move || {
            let (next, places) = restore(&desk)?;
            // A log shorter than the mark is another log, as after a restore: it is read from its beginning.
            let next = if next > from.size() { 0 } else { next };
            let mut engine = Engine::restored(limits, places);
            warm(&mut engine, &from, next)?;
            Ok((engine, next))
        })
        .await?;
        let now_ms = queue.door().now_ms();
        let (heartbeat_ms, marked_ms) = (now_ms, now_ms);
        Ok(Follower { log, reader, queue, engine, next, heartbeat_ms, told_unreadable: None, pending: None, marked_ms })
    }

    /// The next leaf to look at: how far it is.
    pub fn next(&self) -> LeafIndex {
        self.next
    }

    /// Until told to stop. An error is logged and tried again: nothing is skipped.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut poll = tokio::time::interval(Duration::from_millis(POLL_MS));
        poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut was_failing = false;
        loop {
            tokio::select! {
                _ = poll.tick() => {}
                changed = stop.changed() => if changed.is_err() || *stop.borrow() { return },
            }
            let done = self.turn().await;
            if let Err(error) = &done
                && !was_failing
            {
                tracing::error!(%error, next = self.next, "alerts do not keep up with the audit log");
            }
            was_failing = done.is_err();
        }
    }

    /// One turn: the log's health, then every event there is.
    pub async fn turn(&mut self) -> Result<(), ComplianceError> {
        self.tick().await?;
        while self.step().await? > 0 {}
        Ok(())
    }

    /// Looks at the next events and answers how many there were.
    pub async fn step(&mut self) -> Result<u64, ComplianceError> {
        self.keep_pending().await?;
        let (from, size) = (self.next, self.reader.size());
        if from >= size {
            return Ok(0);
        }
        let to = size.min(from + BATCH_LEAVES_MAX);
        let reader = self.reader.clone();
        let read = blocking(move || Ok(read(&reader, from, to))).await?;
        let mut pending = Pending { next: from + read.entries.len() as u64, ..Pending::default() };
        for entry in &read.entries {
            match seen(entry) {
                Ok(Some(seen)) => {
                    if let Some(Learned { account, places }) = self.engine.see(&seen, &mut pending.findings) {
                        pending.learned.insert(account, places);
                    }
                }
                // The day's key was destroyed: the leaf says that something was, and no rule asks for more.
                Ok(None) => {}
                Err(words) => pending.findings.push(unreadable(entry.index, entry.leaf.time_ms, words)),
            }
        }
        self.next = pending.next;
        if read.failure.is_some() && self.told_unreadable != Some(self.next) {
            self.told_unreadable = Some(self.next);
            let words = "the audit log cannot be read";
            pending.findings.push(unreadable(self.next, self.queue.door().now_ms(), words));
        }
        self.pending = Some(pending);
        self.keep_pending().await?;
        match read.failure {
            Some(error) => Err(error.into()),
            None => Ok(read.entries.len() as u64),
        }
    }

    /// One write for alerts, places and the mark. Where there is nothing but the mark it may wait: reading again finds nothing again.
    async fn keep_pending(&mut self) -> Result<(), ComplianceError> {
        let Some(pending) = &self.pending else { return Ok(()) };
        let now_ms = self.queue.door().now_ms();
        let is_due = now_ms >= self.marked_ms.saturating_add(MARK_EVERY_MS);
        if !pending.findings.is_empty() || !pending.learned.is_empty() || is_due {
            let mut beside = vec![mark(&Mark::Followed { next: pending.next }, MARK_KEY)?];
            for (account, places) in &pending.learned {
                let places = places.iter().map(|(place, last_ms)| (place.word(), *last_ms)).collect();
                beside.push(mark(&Mark::Places { account: account.clone(), places }, places_key(account))?);
            }
            self.queue.note(&pending.findings, self.engine.limits().aggregate_ms, beside).await?;
            self.marked_ms = now_ms;
        }
        self.pending = None;
        Ok(())
    }

    /// Asks how the log is, and gives a quiet one a heartbeat.
    pub async fn tick(&mut self) -> Result<(), ComplianceError> {
        let now_ms = self.queue.door().now_ms();
        let metrics = self.log.metrics();
        let health = Health {
            is_available: metrics.is_available,
            size: self.log.size(),
            unanchored: metrics.unanchored_leaves,
            anchored_ms: metrics.last_checkpoint_ms,
            is_sink_healthy: metrics.is_sink_healthy,
        };
        if let Some(finding) = self.engine.tick(now_ms, health) {
            self.queue.note(&[finding], self.engine.limits().aggregate_ms, Vec::new()).await?;
        }
        if metrics.is_available {
            self.queue.pay_owed().await?;
            let beat_ms = self.engine.limits().heartbeat_ms;
            if beat_ms > 0 && now_ms >= self.heartbeat_ms.saturating_add(beat_ms) {
                self.heartbeat_ms = now_ms;
                self.queue.door().note_system(audit::Action::Heartbeat, None).await?;
            }
        }
        Ok(())
    }
}

struct Read {
    entries: Vec<Entry>,
    failure: Option<LogError>,
}

fn read(reader: &LogReader, from: LeafIndex, to: LeafIndex) -> Read {
    let mut entries = Vec::new();
    for entry in reader.forwards(from, to) {
        match entry {
            Ok(entry) => entries.push(entry),
            Err(error) => return Read { entries, failure: Some(error) },
        }
    }
    Read { entries, failure: None }
}

/// The event as the rules see it; an error says why its detail is none.
fn seen(entry: &Entry) -> Result<Option<Seen>, &'static str> {
    let Some(detail) = &entry.detail else { return Ok(None) };
    let event = Event::decode(detail).map_err(|_| "an event of the audit log cannot be understood")?;
    Ok(Some(Seen::of(entry.index, &event)))
}

fn unreadable(leaf: LeafIndex, time_ms: u64, words: &str) -> Finding {
    Finding {
        rule: Rule::LogVerification,
        severity: Severity::Critical,
        time_ms,
        leaves: vec![leaf],
        subject: "system".to_owned(),
        about: Vec::new(),
        about_user: None,
        chart: None,
        count: 1,
        words: words.to_owned(),
    }
}

/// Feeds the events before the mark again, without what they would tell: windows are then as if nobody had stopped.
fn warm(engine: &mut Engine, reader: &LogReader, next: LeafIndex) -> Result<(), ComplianceError> {
    let Some(last) = next.checked_sub(1) else { return Ok(()) };
    let Some(newest) = reader.get(last)? else { return Ok(()) };
    let since_ms = newest.leaf.time_ms.saturating_sub(MEMORY_MS);
    let mut from = next;
    for entry in reader.backwards(next.saturating_sub(WARM_LEAVES_MAX), next) {
        let entry = entry?;
        if entry.leaf.time_ms < since_ms {
            break;
        }
        from = entry.index;
    }
    let mut told_before = Vec::new();
    for entry in reader.forwards(from, next) {
        if let Ok(Some(seen)) = seen(&entry?) {
            engine.see(&seen, &mut told_before);
            told_before.clear();
        }
    }
    Ok(())
}

const MARK_KEY: EntryKey = *b"alerts/followed\0";

fn places_key(account: &str) -> EntryKey {
    let mut key = [0; 16];
    key.copy_from_slice(&crypto::hash::sha256(&[b"alerts/places/", account.as_bytes()].concat())[..16]);
    key
}

fn mark(mark: &Mark, key: EntryKey) -> Result<Change, ComplianceError> {
    let plain = serde_json::to_vec(mark).map_err(|_| ComplianceError::Damaged("marks"))?;
    Ok(Change::Put { shelf: Shelf::Mark, key, plain: Zeroizing::new(plain) })
}

/// The mark and the places of every account. Entries of others on this shelf are not ours to judge.
fn restore(desk: &Desk) -> Result<(LeafIndex, HashMap<String, Places>), ComplianceError> {
    let (mut followed, mut by_account) = (0, HashMap::new());
    for entry in desk.load(Shelf::Mark)? {
        match serde_json::from_slice(&entry.plain) {
            Ok(Mark::Followed { next }) if entry.key == MARK_KEY => followed = next,
            Ok(Mark::Places { account, places }) => {
                let places = places.into_iter().filter_map(|(word, ms)| Some((Whereabouts::from_word(&word)?, ms)));
                by_account.insert(account, places.collect());
            }
            _ if entry.key == MARK_KEY => return Err(ComplianceError::Damaged("marks")),
            _ => {}
        }
    }
    Ok((followed, by_account))
}
