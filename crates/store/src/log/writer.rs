//! The writer thread: takes every event that is ready, seals them together, makes them durable with one fdatasync,
//! and only then answers. While one group is on its way to the disk the next one gathers.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use audit::leaf::{LEAF_BYTES, Leaf, SALT_BYTES, commitment};
use audit::{LeafIndex, calendar};

use super::format::{RECORD_HEADER_BYTES, RecordHeader, SEGMENT_HEADER_BYTES, aad, finish_record};
use super::segment::Tail;
use super::shared::{Item, Position, Shared};
use super::{Clock, DetailSealer, Entropy, GROUP_DETAIL_BYTES_MAX, GROUP_LEAVES_MAX, LogError, LogOptions, RETRY_MS};

const DAY_MS: u64 = 86_400_000;

/// A group of so many events says that more are on their way.
const BUSY_EVENTS: usize = 8;
/// How long the next group gathers then.
const BUSY_PAUSE: Duration = Duration::from_micros(100);

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
        let _exit = Exit(self.shared.clone());
        while let Some(mut items) = self.wait() {
            let is_busy = items.len() >= BUSY_EVENTS;
            while !items.is_empty() {
                let group = take_group(&mut items);
                self.write_group(group, &mut items);
            }
            // Under load each flush costs the processors more than the events in it: fewer, larger groups. Who is alone
            // with a request never waits.
            if is_busy {
                std::thread::sleep(BUSY_PAUSE);
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

/// However the writer ends, by a panic too, nobody waits for it forever.
struct Exit(Arc<Shared>);

impl Drop for Exit {
    fn drop(&mut self) {
        let mut queue = self.0.lock_queue();
        queue.is_closed = true;
        queue.outbox_refused = true;
        queue.items.clear();
        self.0.is_available.store(false, Ordering::Release);
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
