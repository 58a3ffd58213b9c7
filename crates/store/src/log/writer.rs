//! The writer thread: takes every event that is ready, seals them together, makes them durable with one fdatasync,
//! and only then answers. While one group is on its way to the disk the next one gathers.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, RwLock};
use std::time::{Duration, Instant};

use audit::leaf::{LEAF_BYTES, Leaf, SALT_BYTES, commitment};
use audit::{LeafIndex, calendar};
use tokio::sync::oneshot;

use super::format::{RECORD_HEADER_BYTES, RecordHeader, SEGMENT_HEADER_BYTES, aad, finish_record};
use super::metrics::Counters;
use super::recover::Recovered;
use super::segment::{SegmentFile, Tail};
use super::{
    Clock, DetailSealer, Entropy, GROUP_DETAIL_BYTES_MAX, GROUP_LEAVES_MAX, LogError, LogOptions, PendingEvent,
    QUEUE_EVENTS_MAX, RETRY_MS, UNANCHORED_LEAVES_MAX,
};

const DAY_MS: u64 = 86_400_000;

pub(super) enum Reply {
    Future(oneshot::Sender<Result<LeafIndex, LogError>>),
    Blocking(std::sync::mpsc::SyncSender<Result<LeafIndex, LogError>>),
    None,
}

impl Reply {
    /// Whoever stopped waiting does not mind.
    fn answer(self, answer: Result<LeafIndex, LogError>) {
        match self {
            Reply::Future(sender) => {
                let _ = sender.send(answer);
            }
            Reply::Blocking(sender) => {
                let _ = sender.send(answer);
            }
            Reply::None => {}
        }
    }
}

pub(super) struct Item {
    pub event: PendingEvent,
    pub outbox: Option<u64>,
    pub reply: Reply,
}

/// What the threads of one log share.
pub(super) struct Shared {
    pub dir: PathBuf,
    pub moved: Arc<AtomicU64>,
    pub metrics: Counters,
    pub catalog: RwLock<Catalog>,
    queue: Mutex<Queue>,
    ready: Condvar,
    is_available: AtomicBool,
    backlog: Mutex<Backlog>,
    backlog_ready: Condvar,
    backlog_served: Condvar,
}

pub(super) struct Queue {
    pub items: Vec<Item>,
    pub outbox_accepted: u64,
    pub outbox_refused: bool,
    is_closed: bool,
}

/// What is durable, for readers: segments with their first leaves, and the end of the last.
pub(super) struct Catalog {
    pub segments: Vec<(SegmentFile, LeafIndex)>,
    pub end_leaf: LeafIndex,
    pub end_offset: u64,
}

/// Where the leaf after the last one lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Position {
    pub segment: u32,
    pub offset: u64,
    pub outbox: u64,
}

/// Durable leaves on their way under a checkpoint.
#[derive(Default)]
pub(super) struct Backlog {
    pub leaves: Vec<[u8; LEAF_BYTES]>,
    pub position: Position,
    pub requested: u64,
    pub is_closed: bool,
    served: u64,
    failure: Option<LogError>,
}

impl Shared {
    pub(super) fn new(dir: &Path, recovered: &Recovered) -> Self {
        let outbox = recovered.position.outbox;
        Shared {
            dir: dir.to_owned(),
            moved: Arc::new(AtomicU64::new(outbox)),
            metrics: Counters::new(recovered.checkpoint_size),
            catalog: RwLock::new(Catalog {
                segments: recovered.segments.clone(),
                end_leaf: recovered.edge.size(),
                end_offset: recovered.position.offset,
            }),
            queue: Mutex::new(Queue {
                items: Vec::new(),
                outbox_accepted: outbox,
                outbox_refused: false,
                is_closed: false,
            }),
            ready: Condvar::new(),
            is_available: AtomicBool::new(true),
            backlog: Mutex::new(Backlog { position: recovered.position, ..Backlog::default() }),
            backlog_ready: Condvar::new(),
            backlog_served: Condvar::new(),
        }
    }

    pub(super) fn is_available(&self) -> bool {
        self.is_available.load(Ordering::Acquire)
    }

    pub(super) fn durable_leaves(&self) -> u64 {
        self.catalog.read().unwrap_or_else(|poisoned| poisoned.into_inner()).end_leaf
    }

    pub(super) fn lock_queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn lock_backlog(&self) -> MutexGuard<'_, Backlog> {
        self.backlog.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub(super) fn enqueue(&self, item: Item) -> Result<(), LogError> {
        let unanchored = self.durable_leaves().saturating_sub(self.metrics.checkpoint_size.load(Ordering::Relaxed));
        let mut queue = self.lock_queue();
        let refusal = if queue.is_closed {
            Some(LogError::Closed)
        } else if !self.is_available() {
            Some(LogError::Unavailable)
        } else if item.event.detail.len() > audit::event::DETAIL_BYTES_MAX {
            Some(LogError::TooLarge)
        } else if queue.items.len() >= QUEUE_EVENTS_MAX || unanchored > UNANCHORED_LEAVES_MAX {
            Some(LogError::Overloaded)
        } else {
            None
        };
        if let Some(number) = item.outbox {
            if queue.outbox_refused {
                return Err(LogError::OutboxRefused);
            }
            if refusal.is_some() {
                queue.outbox_refused = true;
            } else if number <= queue.outbox_accepted {
                return Ok(());
            } else {
                queue.outbox_accepted = number;
            }
        }
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
        let was_empty = queue.items.is_empty();
        queue.items.push(item);
        drop(queue);
        if was_empty {
            self.ready.notify_one();
        }
        Ok(())
    }

    pub(super) fn close_queue(&self) {
        self.lock_queue().is_closed = true;
        self.ready.notify_all();
    }

    pub(super) fn close_anchor(&self) {
        self.lock_backlog().is_closed = true;
        self.backlog_ready.notify_all();
    }

    /// Waits until a checkpoint covers what is durable now.
    pub(super) fn request_checkpoint(&self) -> Result<(), LogError> {
        let mut backlog = self.lock_backlog();
        backlog.requested += 1;
        let ticket = backlog.requested;
        self.backlog_ready.notify_all();
        while backlog.served < ticket {
            if backlog.is_closed {
                return Err(LogError::Closed);
            }
            backlog = self.backlog_served.wait(backlog).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
        backlog.failure.clone().map_or(Ok(()), Err)
    }

    /// What the anchoring thread works on next: after `interval`, or at once when asked for or closed.
    pub(super) fn take_backlog(&self, interval: Duration) -> Backlog {
        let backlog = self.lock_backlog();
        let (mut backlog, _) = self
            .backlog_ready
            .wait_timeout_while(backlog, interval, |backlog| !backlog.is_closed && backlog.requested == backlog.served)
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        Backlog {
            leaves: std::mem::take(&mut backlog.leaves),
            position: backlog.position,
            requested: backlog.requested,
            is_closed: backlog.is_closed,
            ..Backlog::default()
        }
    }

    pub(super) fn backlog_done(&self, requested: u64, result: Result<(), LogError>) {
        let mut backlog = self.lock_backlog();
        backlog.served = requested;
        backlog.failure = result.err();
        self.backlog_served.notify_all();
    }
}

/// The end that writes.
pub(super) struct Writer {
    shared: Arc<Shared>,
    sealer: Arc<dyn DetailSealer>,
    clock: Clock,
    entropy: Entropy,
    origin: String,
    segment_bytes_max: u64,
    reserve_step: u64,
    tail: Option<Tail>,
    last_segment: u32,
    next_leaf: LeafIndex,
    outbox: u64,
    record: Vec<u8>,
    plain: Vec<u8>,
    salts: Vec<u8>,
    leaves: Vec<[u8; LEAF_BYTES]>,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, options: &LogOptions, tail: Option<Tail>, next_leaf: LeafIndex) -> Self {
        let last_segment = {
            let catalog = shared.catalog.read().unwrap_or_else(|poisoned| poisoned.into_inner());
            catalog.segments.last().map_or(0, |(segment, _)| segment.number)
        };
        Writer {
            outbox: shared.moved.load(Ordering::Acquire),
            shared,
            sealer: options.sealer.clone(),
            clock: options.clock.clone(),
            entropy: options.entropy.clone(),
            origin: options.origin.clone(),
            segment_bytes_max: options.segment_bytes_max,
            reserve_step: options.reserve_step_bytes,
            tail,
            last_segment,
            next_leaf,
            record: Vec::new(),
            plain: Vec::new(),
            salts: Vec::new(),
            leaves: Vec::new(),
        }
    }

    pub(super) fn run(mut self) {
        while let Some(mut items) = self.wait() {
            while !items.is_empty() {
                let group = take_group(&mut items);
                self.write_group(group, &mut items);
            }
        }
        if let Some(tail) = &self.tail {
            // Reserved space that cannot be given back is only space.
            let _ = tail.trim();
        }
    }

    /// Everything that is queued, as soon as there is something; none when closed and done. An unavailable log is tried anew
    /// at intervals meanwhile.
    fn wait(&mut self) -> Option<VecDeque<Item>> {
        let shared = self.shared.clone();
        let mut queue = shared.lock_queue();
        loop {
            if !queue.items.is_empty() {
                return Some(std::mem::take(&mut queue.items).into());
            }
            if queue.is_closed {
                return None;
            }
            if shared.is_available() {
                queue = shared.ready.wait(queue).unwrap_or_else(|poisoned| poisoned.into_inner());
                continue;
            }
            let retry = Duration::from_millis(RETRY_MS);
            queue = shared.ready.wait_timeout(queue, retry).unwrap_or_else(|poisoned| poisoned.into_inner()).0;
            if !queue.is_closed {
                drop(queue);
                let is_back = self.roll((self.clock)()).is_ok();
                queue = shared.lock_queue();
                shared.is_available.store(is_back, Ordering::Release);
            }
        }
    }

    fn write_group(&mut self, group: Vec<Item>, waiting: &mut VecDeque<Item>) {
        let now_ms = (self.clock)();
        let outbox = group.iter().filter_map(|item| item.outbox).fold(self.outbox, u64::max);
        let sealed = self.seal_group(&group, now_ms, outbox);
        self.plain.fill(0);
        if let Err(error) = sealed {
            self.shared.metrics.seal_failures.fetch_add(1, Ordering::Relaxed);
            self.refuse(group, waiting, error, false);
            return;
        }
        let started = Instant::now();
        if self.append(now_ms).is_err() {
            self.shared.metrics.write_failures.fetch_add(1, Ordering::Relaxed);
            if let Some(tail) = self.tail.take() {
                // Best effort: if the record did reach the disk, the next segment's first leaf says that it is void.
                let _ = tail.trim();
            }
            self.refuse(group, waiting, LogError::Unavailable, true);
            return;
        }
        self.shared.metrics.synced(group.len() as u64, started.elapsed().as_micros() as u64);
        self.outbox = outbox;
        let first_leaf = self.next_leaf;
        self.next_leaf += group.len() as u64;
        self.publish();
        for (index, item) in (first_leaf..).zip(group) {
            item.reply.answer(Ok(index));
        }
    }

    /// Builds the record of a group in `self.record`.
    fn seal_group(&mut self, group: &[Item], now_ms: u64, outbox: u64) -> Result<(), LogError> {
        let day = (now_ms / DAY_MS) as i32;
        let bound = RecordHeader::bound(self.next_leaf, group.len() as u32, day, outbox);
        self.record.clear();
        self.record.extend_from_slice(&bound);
        self.record.resize(RECORD_HEADER_BYTES, 0);
        self.plain.clear();
        self.leaves.clear();
        self.salts.resize(group.len() * SALT_BYTES, 0);
        (self.entropy)(&mut self.salts)?;
        let (salts, _) = self.salts.as_chunks::<SALT_BYTES>();
        for (item, salt) in group.iter().zip(salts) {
            let event = &item.event;
            let leaf = Leaf {
                class: event.class,
                outcome: event.outcome,
                time_ms: event.time_ms,
                seq: event.seq,
                written_root: event.written_root,
                commitment: commitment(salt, &event.detail),
            };
            let leaf = leaf.encode();
            self.record.extend_from_slice(&leaf);
            self.leaves.push(leaf);
            self.plain.extend_from_slice(salt);
            self.plain.extend_from_slice(&(event.detail.len() as u32).to_be_bytes());
            self.plain.extend_from_slice(&event.detail);
        }
        let before = self.record.len();
        self.sealer.seal(day, &aad(&self.origin, &bound), &self.plain, &mut self.record)?;
        let sealed_bytes = self.record.len() - before;
        finish_record(&mut self.record, sealed_bytes);
        Ok(())
    }

    fn append(&mut self, now_ms: u64) -> std::io::Result<()> {
        let length = self.record.len() as u64;
        let fits = self.tail.as_ref().is_some_and(|tail| {
            let is_empty = tail.end == SEGMENT_HEADER_BYTES as u64;
            tail.segment.month == month(now_ms) && (is_empty || tail.end + length <= self.segment_bytes_max)
        });
        if !fits {
            self.roll(now_ms)?;
        }
        // INVARIANT: `roll` leaves a tail.
        #[expect(clippy::unwrap_used, reason = "see the invariant above")]
        let tail = self.tail.as_mut().unwrap();
        let is_reserved = tail.append(&self.record, self.reserve_step)?;
        self.shared.metrics.is_space_reserved.store(is_reserved, Ordering::Relaxed);
        Ok(())
    }

    /// Begins a new segment at the next leaf.
    fn roll(&mut self, now_ms: u64) -> std::io::Result<()> {
        if let Some(tail) = self.tail.take() {
            tail.trim()?;
        }
        let number = self.last_segment + 1;
        let tail = Tail::create(&self.shared.dir, number, month(now_ms), self.next_leaf, self.reserve_step)?;
        self.last_segment = number;
        let mut catalog = self.shared.catalog.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        catalog.segments.push((tail.segment.clone(), self.next_leaf));
        catalog.end_offset = tail.end;
        drop(catalog);
        self.tail = Some(tail);
        Ok(())
    }

    /// Shows what is durable to readers, to the anchoring thread and to the outbox.
    fn publish(&mut self) {
        let position = Position {
            segment: self.last_segment,
            offset: self.tail.as_ref().map_or(0, |tail| tail.end),
            outbox: self.outbox,
        };
        let mut catalog = self.shared.catalog.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        catalog.end_leaf = self.next_leaf;
        catalog.end_offset = position.offset;
        drop(catalog);
        let mut backlog = self.shared.lock_backlog();
        backlog.leaves.extend_from_slice(&self.leaves);
        backlog.position = position;
        drop(backlog);
        self.shared.moved.store(self.outbox, Ordering::Release);
    }

    /// Fails a group; with it every outbox event behind it (none may overtake), and, when the log is down, everything queued.
    fn refuse(&mut self, group: Vec<Item>, waiting: &mut VecDeque<Item>, error: LogError, is_down: bool) {
        let mut queue = self.shared.lock_queue();
        let has_outbox = group.iter().any(|item| item.outbox.is_some());
        let mut failed = group;
        if is_down {
            self.shared.is_available.store(false, Ordering::Release);
            failed.extend(waiting.drain(..));
            failed.append(&mut queue.items);
        } else if has_outbox {
            waiting.retain(|item| item.outbox.is_none());
            queue.items.retain(|item| item.outbox.is_none());
        }
        if failed.iter().any(|item| item.outbox.is_some()) {
            queue.outbox_refused = true;
            queue.outbox_accepted = self.outbox;
        }
        drop(queue);
        for item in failed {
            item.reply.answer(Err(error.clone()));
        }
    }
}

pub(super) fn month(time_ms: u64) -> (i64, u8) {
    let (year, month, _) = calendar::date_of_day((time_ms / DAY_MS) as i64);
    (year, month)
}

fn take_group(items: &mut VecDeque<Item>) -> Vec<Item> {
    let mut detail_bytes = 0;
    let count = items
        .iter()
        .take(GROUP_LEAVES_MAX)
        .take_while(|item| {
            let has_room = detail_bytes < GROUP_DETAIL_BYTES_MAX;
            detail_bytes += item.event.detail.len();
            has_room
        })
        .count();
    items.drain(..count).collect()
}
