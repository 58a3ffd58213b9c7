//! The outbox: messages that wait, sealed on the desk, until they are delivered or given up. One id is one message however often
//! it is put in; each is sent at least once, and at most as often as it has tries.

mod entry;
mod worker;

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock, RwLockReadGuard};

use compliance::{Clock, Register, Service};
use store::desk::Change;
use store::{Desk, Shelf, Witness};
use tokio::sync::Notify;

use crate::{Adapter, Clinic, OutwardError};
use entry::Entry;

pub use entry::{Delivery, DeliveryState, Message, MessageId};
pub use worker::{TRIES_MAX, delay_ms};

/// Messages that wait; more are refused.
const WAITING_MAX: usize = 10_000;
/// How long it is remembered what became of a message, and that its id was used.
const REMEMBERED_MS: i64 = 30 * 86_400_000;

/// What there is to send with.
#[derive(Clone, Default)]
pub struct Adapters {
    pub email: Option<Arc<dyn Adapter>>,
    pub sms: Option<Arc<dyn Adapter>>,
}

pub struct OutboxParts {
    pub desk: Arc<Desk>,
    pub witness: Witness,
    pub register: Register,
    pub clock: Clock,
    pub clinic: Clinic,
    pub adapters: Adapters,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Outbox(Arc<Inner>);

struct Inner {
    parts: OutboxParts,
    entries: RwLock<BTreeMap<MessageId, Arc<Entry>>>,
    /// Who changes anything holds it.
    pen: tokio::sync::Mutex<()>,
    /// Who sends holds it, so that nothing is sent twice at a time.
    counter: tokio::sync::Mutex<()>,
    news: Notify,
}

impl Adapters {
    pub(crate) fn of(&self, service: Service) -> Option<&Arc<dyn Adapter>> {
        match service {
            Service::Email => self.email.as_ref(),
            Service::Sms => self.sms.as_ref(),
            _ => None,
        }
    }
}

impl Outbox {
    /// Loads what waits. Blocks for the time of that.
    pub fn open(parts: OutboxParts) -> Result<Outbox, OutwardError> {
        let mut entries = BTreeMap::new();
        for held in parts.desk.load(Shelf::Outbox)? {
            let entry = Entry::read(&held.plain)?;
            entries.insert(entry.id, Arc::new(entry));
        }
        let entries = RwLock::new(entries);
        Ok(Outbox(Arc::new(Inner {
            parts,
            entries,
            pen: Default::default(),
            counter: Default::default(),
            news: Notify::new(),
        })))
    }

    /// Takes a message; it is durable when this answers. The same message again changes nothing. Refused where it could not be
    /// sent now: nothing is configured for it, or nothing covers that.
    pub async fn put(&self, message: Message) -> Result<Delivery, OutwardError> {
        let service = message.to.service();
        let adapter = self.0.parts.adapters.of(service).ok_or(OutwardError::NotConfigured(service.name()))?;
        let print = message.fingerprint();
        let same =
            |entry: &Entry| if entry.print == print { Ok(entry.delivery()) } else { Err(OutwardError::OtherMessage) };
        if let Some(held) = self.get(message.id) {
            return same(&held);
        }
        self.0.parts.register.cover(adapter.party(), service).await?;
        let _pen = self.0.pen.lock().await;
        if let Some(held) = self.get(message.id) {
            return same(&held);
        }
        let now_ms = self.now_ms();
        if message.until_ms <= now_ms {
            return Err(OutwardError::TooLate);
        }
        if self.entries().values().filter(|entry| entry.state.waits()).count() >= WAITING_MAX {
            return Err(OutwardError::Full);
        }
        let entry = Entry::queued(message, print, now_ms);
        let delivery = entry.delivery();
        self.keep(entry).await?;
        self.0.news.notify_one();
        Ok(delivery)
    }

    /// Whether there is something to send with; whether it may be used is the register's word.
    pub fn has(&self, service: Service) -> bool {
        self.0.parts.adapters.of(service).is_some()
    }

    /// Takes a message back that still waits: nothing of it goes out after this answers, unless it was being sent.
    pub async fn withdraw(&self, id: MessageId) -> Result<Delivery, OutwardError> {
        let _pen = self.0.pen.lock().await;
        let entry = self.get(id).filter(|entry| entry.state.waits()).ok_or(OutwardError::Unknown)?;
        let settled = Entry::clone(&entry).settled(DeliveryState::GivenUp, "withdrawn", self.now_ms());
        let delivery = settled.delivery();
        self.keep(settled).await?;
        Ok(delivery)
    }

    /// What became of a message; nothing is known of one that was settled long ago.
    pub fn delivery(&self, id: MessageId) -> Option<Delivery> {
        self.get(id).map(|entry| entry.delivery())
    }

    /// Messages that wait, and those that were given up and are remembered.
    pub fn counts(&self) -> (usize, usize) {
        let entries = self.entries();
        let count = |holds: fn(DeliveryState) -> bool| entries.values().filter(|entry| holds(entry.state)).count();
        (count(DeliveryState::waits), count(|state| state == DeliveryState::GivenUp))
    }

    fn get(&self, id: MessageId) -> Option<Arc<Entry>> {
        self.entries().get(&id).cloned()
    }

    /// Desk, then memory.
    async fn keep(&self, entry: Entry) -> Result<(), OutwardError> {
        self.write(vec![entry.put()?]).await?;
        self.entries_mut(|entries| {
            entries.insert(entry.id, Arc::new(entry));
        });
        Ok(())
    }

    async fn write(&self, changes: Vec<Change>) -> Result<(), OutwardError> {
        let desk = self.0.parts.desk.clone();
        let written = tokio::task::spawn_blocking(move || desk.write(&changes)).await;
        Ok(written.map_err(|_| OutwardError::Ended)??)
    }

    fn entries(&self) -> RwLockReadGuard<'_, BTreeMap<MessageId, Arc<Entry>>> {
        self.0.entries.read().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn entries_mut(&self, change: impl FnOnce(&mut BTreeMap<MessageId, Arc<Entry>>)) {
        change(&mut self.0.entries.write().unwrap_or_else(|poisoned| poisoned.into_inner()));
    }

    fn now_ms(&self) -> i64 {
        (self.0.parts.clock)()
    }
}
