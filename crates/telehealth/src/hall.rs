//! The rooms that are open now, and who is connected to them. A room lives in memory alone: after a restart people come in anew,
//! and the links and the day's list are where they were.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};

use crate::consent::Language;
use crate::room::{Audit, ConnectionId, Input, Invite, Output, Room, Settings};
use crate::signal::{ParticipantId, Role};
use crate::status::{EndReason, VisitEvent, VisitStatus};
use crate::turn::{IceServer, Relays};
use crate::{MINUTE_MS, Secret, UnixMs};

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

/// What happened in the room of a visit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    pub visit: String,
    pub at_ms: UnixMs,
    pub role: Option<Role>,
    /// To whom, where it happened to somebody in the room.
    pub who: Option<Present>,
    pub what: What,
}

/// Somebody in a room.
#[derive(Clone, PartialEq, Eq)]
pub struct Present {
    pub id: ParticipantId,
    /// Of the ticket: opaque.
    pub person: String,
    pub label: String,
}

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

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Room { what: Audit, detail: Option<String> },
    Visit { event: VisitEvent, status: VisitStatus },
    Link(LinkEvent),
    Keep(KeepEvent),
}

/// What becomes of what was sent in a call when it is to come into the chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepEvent {
    /// In the chart; the record's own events say who wrote what.
    FileKept,
    /// Kept without anything having looked into it, as no scanner is set up.
    FileKeptUnscanned,
    /// Something was found in it.
    HeldFound,
    /// The scanner did not answer, or not in time.
    HeldUnscanned,
    /// Thrown away by a clinician.
    HeldDropped,
    /// Nobody dealt with it for a month.
    HeldExpired,
    TalkKept,
}

impl KeepEvent {
    pub fn is_failure(self) -> bool {
        matches!(self, Self::HeldFound | Self::HeldUnscanned)
    }
}

/// What becomes of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkEvent {
    Made,
    Opened,
    /// Early, late, closed, or in another browser.
    Refused,
    /// Who came said who they are.
    Checked,
    CheckFailed,
    Closed,
    /// A one-time code went to what is on file.
    CodeSent,
    /// Agreed to a visit by video, in these words.
    Agreed {
        version: u16,
        language: Language,
    },
    /// Came in by an account of theirs.
    SignedIn,
    /// Was given a way through a relay, to try it.
    RelayTried,
    /// Answered a form; the record's own events say which.
    FormAnswered,
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

impl Present {
    fn of(room: &Room, id: ParticipantId) -> Option<Self> {
        let invite = room.invite(&id)?;
        Some(Self { person: invite.person.clone(), label: invite.label.clone(), id })
    }
}

impl std::fmt::Debug for Present {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Present").field("id", &self.id).finish_non_exhaustive()
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
mod tests {
    use std::sync::atomic::AtomicI64;

    use super::*;
    use crate::room::GRACE_MS;

    const KEYS: &str = r#""keys":{"sign":"a","seal":"b","commit":"c"}"#;

    struct Clinic {
        hall: Hall,
        now: Arc<AtomicI64>,
        told: Arc<Mutex<Vec<Happened>>>,
    }

    fn clinic() -> Clinic {
        let (now, told) = (Arc::new(AtomicI64::new(1_800_000_000_000)), Arc::new(Mutex::new(Vec::new())));
        let (clock, tell, count) = (now.clone(), told.clone(), AtomicU64::new(1));
        let hall = Hall::new(
            Relays::none(),
            false,
            Arc::new(move || clock.load(Ordering::SeqCst)),
            Arc::new(move |bytes: &mut [u8]| {
                bytes.fill(count.fetch_add(1, Ordering::SeqCst) as u8);
                true
            }),
            Arc::new(move |happened| tell.lock().unwrap().push(happened)),
        );
        Clinic { hall, now, told }
    }

    impl Clinic {
        fn join(&self, person: &str, role: Role) -> (Line, mpsc::Receiver<Said>) {
            let settings = Settings { visit: "v1".into(), relay_only: false, high_risk: false };
            let invite = Invite { person: person.into(), role, label: "Somebody".into() };
            let ticket = self.hall.invite(settings, invite).unwrap().text();
            let (line, said) = self.hall.connect("v1").unwrap();
            line.heard(&format!(r#"{{"v":1,"seq":1,"type":"hello","ticket":"{ticket}","resume":null,{KEYS}}}"#));
            (line, said)
        }

        fn happened(&self) -> Vec<What> {
            self.told.lock().unwrap().iter().map(|one| one.what.clone()).collect()
        }
    }

    fn heard(said: &mut mpsc::Receiver<Said>) -> String {
        let mut all = String::new();
        while let Ok(Said::Text(text)) = said.try_recv() {
            all.push_str(&text);
            all.push('\n');
        }
        all
    }

    #[test]
    fn who_is_let_in_is_heard_by_the_others_and_what_happens_is_told_with_closed_words() {
        let clinic = clinic();
        let (host, mut to_host) = clinic.join("asha", Role::Clinician);
        let (_patient, mut to_patient) = clinic.join("link", Role::Patient);
        assert!(heard(&mut to_patient).contains(r#""type":"waiting""#));
        let present = heard(&mut to_host);
        let id = present.rsplit(r#""id":""#).next().unwrap().split('"').next().unwrap().to_owned();
        host.heard(&format!(r#"{{"v":1,"seq":2,"type":"admit","who":"{id}"}}"#));
        assert!(heard(&mut to_patient).contains(r#""type":"present""#));
        let told = clinic.happened();
        let status = |wanted| told.iter().any(|what| matches!(what, What::Visit { status, .. } if *status == wanted));
        assert!(status(VisitStatus::Arrived) && status(VisitStatus::InProgress), "{told:?}");
        assert!(told.iter().any(|what| matches!(what, What::Room { what: Audit::Admitted, .. })));
    }

    #[test]
    fn a_room_is_forgotten_when_everybody_is_gone_and_opens_anew() {
        let clinic = clinic();
        let (host, said) = clinic.join("asha", Role::Clinician);
        drop((host, said));
        assert!(clinic.hall.view("v1").is_some(), "a refresh is not an end");
        clinic.now.fetch_add(GRACE_MS + 1, Ordering::SeqCst);
        clinic.hall.tick();
        clinic.hall.tick();
        assert_eq!(clinic.hall.view("v1"), None);
        assert!(clinic.hall.connect("v1").is_none());
        let (_host, mut said) = clinic.join("asha", Role::Clinician);
        assert!(heard(&mut said).contains(r#""type":"welcome""#));
    }

    #[test]
    fn who_waits_is_told_how_many_are_before_them_and_how_late_it_is() {
        let clinic = clinic();
        let start_ms = clinic.now.load(Ordering::SeqCst);
        let (_line, mut said) = clinic.join("link", Role::Patient);
        clinic.hall.plan("v1", Slot { start_ms, clinician: "asha".into() });
        assert!(clinic.hall.view("v1").unwrap().waits_since == Some(start_ms) && clinic.hall.knows("v1", "link"));
        clinic.hall.tick();
        heard(&mut said);
        clinic.now.fetch_add(12 * crate::MINUTE_MS, Ordering::SeqCst);
        clinic.hall.tell_delays(&mut clinic.hall.open());
        assert!(heard(&mut said).contains(r#""late_minutes":10"#));
        for (visit, before, clinician) in [("v0", 1, "asha"), ("v2", 1, "daniel"), ("v3", -1, "asha")] {
            let settings = Settings { visit: visit.into(), relay_only: false, high_risk: false };
            let invite = Invite { person: visit.into(), role: Role::Patient, label: "Somebody".into() };
            clinic.hall.invite(settings, invite).unwrap();
            let start_ms = start_ms - before * crate::MINUTE_MS;
            clinic.hall.plan(visit, Slot { start_ms, clinician: clinician.into() });
        }
        clinic.hall.tell_delays(&mut clinic.hall.open());
        assert!(heard(&mut said).contains(r#""place":2"#));
    }

    #[test]
    fn a_host_who_may_not_any_more_ends_the_room_and_finishes_no_visit() {
        let clinic = clinic();
        let (_host, mut said) = clinic.join("asha", Role::Clinician);
        clinic.hall.close("v1", EndReason::Revoked);
        assert!(heard(&mut said).contains(r#""type":"ended","reason":"revoked""#));
        assert!(clinic.hall.view("v1").is_none() && !clinic.hall.knows("v1", "asha"));
        let finished = |what: &What| matches!(what, What::Visit { event: VisitEvent::Finish, .. });
        assert!(!clinic.happened().iter().any(finished));
    }

    #[test]
    fn a_guest_who_may_not_any_more_is_out_and_the_others_go_on() {
        let clinic = clinic();
        let (_host, mut to_host) = clinic.join("asha", Role::Clinician);
        let (_patient, mut said) = clinic.join("ruth", Role::Patient);
        clinic.hall.expel("v1", "ruth");
        assert!(heard(&mut said).contains(r#""type":"removed""#) && said.is_closed());
        assert!(clinic.hall.view("v1").unwrap().has_host && !clinic.hall.knows("v1", "ruth"));
        let told = heard(&mut to_host);
        let present = told.lines().rfind(|line| line.contains(r#""type":"present""#)).unwrap();
        assert_eq!(present.matches(r#""role":"#).count(), 1, "the host alone is left: {present}");
    }

    #[test]
    fn who_does_not_read_is_cut_off_and_nobody_waits_for_them() {
        let clinic = clinic();
        let (host, mut to_host) = clinic.join("asha", Role::Clinician);
        let (_patient, mut to_patient) = clinic.join("link", Role::Patient);
        let present = heard(&mut to_host);
        let id = present.rsplit(r#""id":""#).next().unwrap().split('"').next().unwrap().to_owned();
        host.heard(&format!(r#"{{"v":1,"seq":2,"type":"admit","who":"{id}"}}"#));
        for seq in 0..2 * WAITING_MAX as u64 {
            clinic.now.fetch_add(100, Ordering::SeqCst);
            let state = r#""type":"state","audio":true,"video":true,"screen":false,"modality":"video","reason":null"#;
            host.heard(&format!(r#"{{"v":1,"seq":{},{state}}}"#, seq + 3));
        }
        let mut count = 0;
        while to_patient.try_recv().is_ok() {
            count += 1;
        }
        assert!(count <= WAITING_MAX);
        assert!(to_patient.is_closed());
    }
}
