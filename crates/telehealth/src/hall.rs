//! The rooms that are open now, and who is connected to them. A room lives in memory alone: after a restart people come in anew,
//! and the links and the day's list are where they were.

mod told;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};

use crate::room::{Audit, ConnectionId, Input, Invite, Output, Room, Settings};
use crate::signal::Role;
use crate::status::{EndReason, VisitStatus};
use crate::turn::{IceServer, Relays};
use crate::{MINUTE_MS, Secret, UnixMs};

pub use told::{Happened, KeepEvent, LinkEvent, Present, What};

/// How often rooms are looked at for who went silent.
pub const TICK_MS: u64 = 1_000;
/// Messages that wait for a connection that does not read; then it is dropped.
pub const WAITING_MAX: usize = 256;
pub const ROOMS_MAX: usize = 1_024;
/// Those who wait are told of lateness in steps, so that the words do not change each minute.
const LATE_STEP_MINUTES: i64 = 5;
/// How long a relay can be tried before a call.
const TRY_MS: i64 = 5 * MINUTE_MS;

pub type Clock = Arc<dyn Fn() -> UnixMs + Send + Sync>;
/// Fills the bytes with randomness that nobody guesses. False where there is none.
pub type Fill = Arc<dyn Fn(&mut [u8]) -> bool + Send + Sync>;
/// Where what happened goes: opaque ids and closed words.
pub type Tell = Arc<dyn Fn(Happened) + Send + Sync>;

/// When a visit is planned, and with whom.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Slot {
    pub start_ms: UnixMs,
    /// Opaque id of the clinician.
    pub clinician: String,
}

/// A room as the day's list shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    pub status: VisitStatus,
    pub has_host: bool,
    /// Since when the patient, or who stands for them, waits to be let in.
    pub waits_since: Option<UnixMs>,
}

/// What goes to one connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    Text(String),
    Close,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Hall(Arc<Inner>);

struct Inner {
    open: Mutex<HashMap<String, Open>>,
    relays: Arc<Relays>,
    relay_only: bool,
    clock: Clock,
    fill: Fill,
    tell: Tell,
    next: AtomicU64,
    changed: watch::Sender<()>,
}

struct Open {
    room: Room,
    slot: Option<Slot>,
    lines: HashMap<ConnectionId, mpsc::Sender<Said>>,
}

/// One connection into one room. It is gone when this is dropped.
pub struct Line {
    hall: Hall,
    visit: String,
    connection: ConnectionId,
}

impl Hall {
    /// `relay_only`: the organization lets nobody see the address of the other.
    pub fn new(relays: Relays, relay_only: bool, clock: Clock, fill: Fill, tell: Tell) -> Self {
        let (open, next, changed) = (Mutex::default(), AtomicU64::new(1), watch::Sender::new(()));
        Self(Arc::new(Inner { open, relays: Arc::new(relays), relay_only, clock, fill, tell, next, changed }))
    }

    /// A ticket into the room of a visit, which opens with the first. None when there is no room for it, or no randomness.
    pub fn invite(&self, mut settings: Settings, invite: Invite) -> Option<Secret> {
        settings.relay_only |= self.0.relay_only;
        let mut random = [0; 16];
        if !(self.0.fill)(&mut random) {
            return None;
        }
        let secret = Secret::new(random);
        let mut open = self.open();
        if !open.contains_key(&settings.visit) && open.len() >= ROOMS_MAX {
            return None;
        }
        let held = open.entry(settings.visit.clone()).or_insert_with(|| Open {
            room: Room::new(settings, self.0.relays.clone(), VisitStatus::Scheduled),
            slot: None,
            lines: HashMap::new(),
        });
        held.room.ticket(&secret, invite, (self.0.clock)()).then_some(secret)
    }

    /// When the visit of an open room is planned: what those who wait are told of hangs on it.
    pub fn plan(&self, visit: &str, slot: Slot) {
        if let Some(held) = self.open().get_mut(visit) {
            held.slot = Some(slot);
        }
    }

    /// The room of a visit, if it is open.
    pub fn view(&self, visit: &str) -> Option<View> {
        self.open().get(visit).map(|Open { room, .. }| View {
            status: room.status(),
            has_host: room.has_host(),
            waits_since: room.waits_since(),
        })
    }

    /// The visits whose rooms are open.
    pub fn visits(&self) -> Vec<String> {
        self.open().keys().cloned().collect()
    }

    /// Changes each time something happens in a room.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.0.changed.subscribe()
    }

    /// Whether this person is in the room of the visit, or on the way into it.
    pub fn knows(&self, visit: &str, person: &str) -> bool {
        self.open().get(visit).is_some_and(|held| held.room.knows(person))
    }

    /// A way through the relays for some minutes, to try whether it works. Empty where there is none.
    pub fn relays_to_try(&self) -> Vec<IceServer> {
        let fill = self.0.fill.clone();
        let mut is_random = true;
        let servers = self.0.relays.servers_for(TRY_MS, (self.0.clock)(), &mut |bytes| is_random &= fill(bytes));
        if is_random { servers } else { Vec::new() }
    }

    /// A connection that has said nothing yet. None where no room is open.
    pub fn connect(&self, visit: &str) -> Option<(Line, mpsc::Receiver<Said>)> {
        let connection = self.0.next.fetch_add(1, Ordering::Relaxed);
        let (to, said) = mpsc::channel(WAITING_MAX);
        self.open().get_mut(visit)?.lines.insert(connection, to);
        self.take(visit, Input::Opened { connection });
        Some((Line { hall: self.clone(), visit: visit.to_owned(), connection }, said))
    }

    /// To be called each `TICK_MS`.
    pub fn tick(&self) {
        let visits: Vec<String> = self.open().keys().cloned().collect();
        for visit in visits {
            self.take(&visit, Input::Tick);
        }
        let mut open = self.open();
        let empty: Vec<String> =
            open.iter().filter(|(_, held)| held.room.is_empty()).map(|(visit, _)| visit.clone()).collect();
        for visit in empty {
            let outputs = open.get_mut(&visit).map(|held| held.room.abandoned()).unwrap_or_default();
            self.deliver(&mut open, &visit, outputs);
            open.remove(&visit);
        }
        self.tell_delays(&mut open);
    }

    /// What those who wait are told: how many are before them, and how late it is.
    fn tell_delays(&self, open: &mut HashMap<String, Open>) {
        let now_ms = (self.0.clock)();
        let waiting: Vec<(String, Slot)> = open
            .iter()
            .filter(|(_, held)| held.room.waits_since().is_some())
            .filter_map(|(visit, held)| Some((visit.clone(), held.slot.clone()?)))
            .collect();
        for (visit, slot) in waiting {
            let is_before = |other: &Open| {
                let planned = other.slot.as_ref();
                planned.is_some_and(|other| other.clinician == slot.clinician && other.start_ms < slot.start_ms)
                    && !other.room.status().is_final()
            };
            let ahead = open.values().filter(|other| is_before(other)).count();
            let late = (now_ms - slot.start_ms).max(0) / crate::MINUTE_MS / LATE_STEP_MINUTES * LATE_STEP_MINUTES;
            let (ahead, late) = (u16::try_from(ahead).unwrap_or(u16::MAX), u16::try_from(late).unwrap_or(u16::MAX));
            let outputs = open.get_mut(&visit).map(|held| held.room.delay(ahead, late)).unwrap_or_default();
            self.deliver(open, &visit, outputs);
        }
    }

    /// Ends a visit from outside its room: cancelled, or over.
    pub fn close(&self, visit: &str, reason: EndReason) {
        let mut open = self.open();
        let Some(held) = open.get_mut(visit) else { return };
        let outputs = held.room.close(reason);
        self.deliver(&mut open, visit, outputs);
    }

    /// Does something in an open room, and tells what came of it.
    pub(crate) fn with<T>(&self, visit: &str, act: impl FnOnce(&mut Room) -> (T, Vec<Output>)) -> Option<T> {
        let mut open = self.open();
        let (said, outputs) = act(&mut open.get_mut(visit)?.room);
        self.deliver(&mut open, visit, outputs);
        Some(said)
    }

    pub(crate) fn noted(&self, visit: &str, role: Role, what: Audit, detail: Option<String>) {
        self.happened(visit, Some(role), None, What::Room { what, detail });
    }

    /// Who is in the room is told again who is there, and looks again at what is known of the visit.
    pub fn remind(&self, visit: &str) {
        self.with(visit, |room| ((), room.remind()));
        self.0.changed.send_replace(());
    }

    /// Puts one person out of the room of a visit, wherever in it they are.
    pub fn expel(&self, visit: &str, person: &str) {
        let mut open = self.open();
        let Some(held) = open.get_mut(visit) else { return };
        let outputs = held.room.expel(person);
        self.deliver(&mut open, visit, outputs);
    }

    /// Whether a host took this person out of the room that is open.
    pub fn was_removed(&self, visit: &str, person: &str) -> bool {
        self.open().get(visit).is_some_and(|held| held.room.was_removed(person))
    }

    fn take(&self, visit: &str, input: Input<'_>) {
        let mut open = self.open();
        let Some(held) = open.get_mut(visit) else { return };
        let fill = self.0.fill.clone();
        // INVARIANT: without randomness tickets are refused before, so nobody says hello; what is left at zero opens nothing.
        let mut random = move |bytes: &mut [u8]| {
            if !fill(bytes) {
                tracing::error!("no randomness for a room");
            }
        };
        let outputs = held.room.handle(input, (self.0.clock)(), &mut random);
        self.deliver(&mut open, visit, outputs);
    }

    fn deliver(&self, open: &mut HashMap<String, Open>, visit: &str, outputs: Vec<Output>) {
        let mut is_over = false;
        let Some(held) = open.get_mut(visit) else { return };
        let mut stuck = Vec::new();
        for output in outputs {
            match output {
                Output::Send { connection, seq, message } => {
                    let sent = held.lines.get(&connection).map(|line| line.try_send(Said::Text(message.text(seq))));
                    if matches!(sent, Some(Err(_))) {
                        stuck.push(connection);
                    }
                }
                Output::Close { connection } => {
                    if let Some(line) = held.lines.remove(&connection) {
                        let _ = line.try_send(Said::Close);
                    }
                }
                Output::Audit { who, role, what, detail } => {
                    let who = who.and_then(|id| Present::of(&held.room, id));
                    self.happened(visit, role, who, What::Room { what, detail });
                }
                Output::Visit { event, status } => self.happened(visit, None, None, What::Visit { event, status }),
                Output::Over => is_over = true,
            }
        }
        // Who does not read is cut off: its end tells the room.
        for connection in stuck {
            held.lines.remove(&connection);
        }
        if is_over {
            open.remove(visit);
        }
    }

    fn happened(&self, visit: &str, role: Option<Role>, who: Option<Present>, what: What) {
        (self.0.tell)(Happened { visit: visit.to_owned(), at_ms: (self.0.clock)(), role, who, what });
        self.0.changed.send_replace(());
    }

    fn open(&self) -> MutexGuard<'_, HashMap<String, Open>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    pub fn heard(&self, text: &str) {
        self.hall.take(&self.visit, Input::Text { connection: self.connection, text });
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if let Some(held) = self.hall.open().get_mut(&self.visit) {
            held.lines.remove(&self.connection);
        }
        self.hall.take(&self.visit, Input::Closed { connection: self.connection });
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
