//! The rooms that are open now, and who is connected to them. A room lives in memory alone: after a restart people come in anew,
//! and the links and the day's list are where they were.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use crate::consent::Language;
use crate::room::{Audit, ConnectionId, Input, Invite, Output, Room, Settings};
use crate::signal::Role;
use crate::status::{EndReason, VisitEvent, VisitStatus};
use crate::turn::{IceServer, Relays};
use crate::{MINUTE_MS, Secret, UnixMs};

/// How often rooms are looked at for who went silent.
pub const TICK_MS: u64 = 1_000;
/// Messages that wait for a connection that does not read; then it is dropped.
pub const WAITING_MAX: usize = 256;
pub const ROOMS_MAX: usize = 1_024;
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
    pub role: Option<Role>,
    pub what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Room { what: Audit, detail: Option<String> },
    Visit { event: VisitEvent, status: VisitStatus },
    Link(LinkEvent),
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
}

struct Open {
    room: Room,
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
        let (open, next) = (Mutex::default(), AtomicU64::new(1));
        Self(Arc::new(Inner { open, relays: Arc::new(relays), relay_only, clock, fill, tell, next }))
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
            lines: HashMap::new(),
        });
        held.room.ticket(&secret, invite, (self.0.clock)()).then_some(secret)
    }

    /// Where the visit is, if its room is open.
    pub fn status(&self, visit: &str) -> Option<VisitStatus> {
        self.open().get(visit).map(|held| held.room.status())
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
        self.open().retain(|_, held| !held.room.is_empty());
    }

    /// Ends a visit from outside its room: cancelled, or over.
    pub fn close(&self, visit: &str, reason: EndReason) {
        let mut open = self.open();
        let Some(held) = open.get_mut(visit) else { return };
        let outputs = held.room.close(reason);
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
                Output::Audit { role, what, detail, .. } => {
                    (self.0.tell)(Happened { visit: visit.to_owned(), role, what: What::Room { what, detail } });
                }
                Output::Visit { event, status } => {
                    (self.0.tell)(Happened {
                        visit: visit.to_owned(),
                        role: None,
                        what: What::Visit { event, status },
                    });
                }
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
        assert!(clinic.hall.status("v1").is_some(), "a refresh is not an end");
        clinic.now.fetch_add(GRACE_MS + 1, Ordering::SeqCst);
        clinic.hall.tick();
        clinic.hall.tick();
        assert_eq!(clinic.hall.status("v1"), None);
        assert!(clinic.hall.connect("v1").is_none());
        let (_host, mut said) = clinic.join("asha", Role::Clinician);
        assert!(heard(&mut said).contains(r#""type":"welcome""#));
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
