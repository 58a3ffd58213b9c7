//! What the threads of one log share: the queue before the writer, the catalog for readers, the backlog for the anchor.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, RwLock};
use std::time::Duration;

use audit::LeafIndex;
use audit::leaf::LEAF_BYTES;
use tokio::sync::oneshot;

use super::metrics::Counters;
use super::recover::Recovered;
use super::segment::SegmentFile;
use super::{LogError, PendingEvent, QUEUE_EVENTS_MAX, UNANCHORED_LEAVES_MAX};

pub(super) enum Reply {
    Future(oneshot::Sender<Result<LeafIndex, LogError>>),
    Blocking(std::sync::mpsc::SyncSender<Result<LeafIndex, LogError>>),
    None,
}

impl Reply {
    /// Whoever stopped waiting does not mind.
    pub(super) fn answer(self, answer: Result<LeafIndex, LogError>) {
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
    pub(super) ready: Condvar,
    pub(super) is_available: AtomicBool,
    backlog: Mutex<Backlog>,
    backlog_ready: Condvar,
    backlog_served: Condvar,
}

pub(super) struct Queue {
    pub items: Vec<Item>,
    pub outbox_accepted: u64,
    pub outbox_refused: bool,
    pub(super) is_closed: bool,
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

    pub(super) fn lock_backlog(&self) -> MutexGuard<'_, Backlog> {
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
        self.backlog_served.notify_all();
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
