//! The room of one visit, without I/O: connections, messages and time go in, messages, audit events and status changes
//! come out, and the caller sends, keeps and stores them. Nothing here reads a sealed body.
//!
//! A room is entered with a one-time ticket, waited in until the host admits, and left by will, by removal, by the end
//! for all, or by being away longer than the grace.

mod away;
mod door;
mod host;
mod member;
mod relay;
mod risk;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

pub use away::{AWAY_IN_MS, AWAY_TOLD_MS, AWAY_WAITING_MS};
pub use host::TOLD_MAX;
use member::Participant;
pub use member::{BYTES_BURST, BYTES_PER_SECOND, Invite, MESSAGES_BURST, MESSAGES_PER_SECOND};

use crate::signal::{BEAT_MS, FromClient, ParticipantId, Refusal, Report, Role, Roster, ToClient, parse};
use crate::status::{CallEvent, EndReason, VisitEvent, VisitStatus};
use crate::turn::Relays;
use crate::{Hashed, Secret, UnixMs};

pub type ConnectionId = u64;

pub const TICKET_MS: i64 = 30_000;
pub const TICKETS_MAX: usize = 64;
pub const HELLO_MS_MAX: i64 = 10_000;
pub const SILENCE_MS_MAX: i64 = 3 * BEAT_MS;
/// Whoever is away while nobody else is there.
pub const GRACE_MS: i64 = 60_000;
pub const WAITING_MAX: usize = 16;
pub const CONNECTIONS_MAX: usize = 64;
/// Of them, those that have not said hello.
pub const STRANGERS_MAX: usize = 8;
/// People of one room over its whole life, removed and gone ones included.
pub const PEOPLE_MAX: usize = 128;
pub const BACKLOG_MESSAGES_MAX: usize = 200;
pub const BACKLOG_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Randomness of the caller.
pub type Random<'a> = &'a mut dyn FnMut(&mut [u8]);

#[derive(Debug, Clone)]
pub struct Settings {
    /// Opaque id of the visit.
    pub visit: String,
    pub relay_only: bool,
    pub high_risk: bool,
}

#[derive(Debug)]
pub enum Input<'a> {
    Opened {
        connection: ConnectionId,
    },
    Text {
        connection: ConnectionId,
        text: &'a str,
    },
    Closed {
        connection: ConnectionId,
    },
    /// At least every second or two.
    Tick,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    Send {
        connection: ConnectionId,
        seq: u64,
        message: ToClient,
    },
    /// Close after what was sent. What comes from it later is ignored.
    Close {
        connection: ConnectionId,
    },
    Audit {
        who: Option<ParticipantId>,
        role: Option<Role>,
        what: Audit,
        detail: Option<String>,
    },
    Visit {
        event: VisitEvent,
        status: VisitStatus,
    },
    /// Nobody is or comes in any more: forget the room.
    Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audit {
    TicketRefused,
    Joined,
    Resumed,
    Replaced,
    Admitted,
    Held,
    Removed,
    Locked,
    Unlocked,
    Left,
    Lost,
    /// Whoever it is has not been back for a while: their place is kept, and nobody is told that they wait.
    Away,
    EndedForAll,
    Revoked,
    RateLimited,
    NotHost,
    Reported(Report),
    /// A passkey and words read aloud are asked for.
    RiskRaised,
    /// They are not, or not any more.
    RiskWaived,
    /// Somebody was not let in without them.
    RiskRefused,
    /// A passkey signed the keys of this call.
    Vouched,
    VouchRefused,
    /// A passkey was made: nothing is proven by it yet.
    Enrolled,
    /// A passkey that stood for somebody in this visit was removed, and what it vouched for with it.
    Unvouched,
    /// Both sides told that the words are the same.
    RiskCleared,
    RiskOpen,
    /// The clinician knows them by sight.
    ByEye,
    SomebodyElse,
    /// Of this visit: nobody sees the address of the other, or they may.
    RelayOnly,
    RelayOrNot,
}

struct Ticket {
    hash: Hashed,
    invite: Invite,
    expires_ms: UnixMs,
}

struct Connection {
    opened_ms: UnixMs,
    heard_ms: UnixMs,
    seq_in: Option<u64>,
    seq_out: u64,
    who: Option<ParticipantId>,
}

pub struct Room {
    settings: Settings,
    relays: Arc<Relays>,
    status: VisitStatus,
    tickets: Vec<Ticket>,
    connections: BTreeMap<ConnectionId, Connection>,
    participants: BTreeMap<ParticipantId, Participant>,
    joined: u64,
    locked: bool,
    over: bool,
    ahead: u16,
    late_minutes: u16,
    roster: Option<(ParticipantId, Roster)>,
    backlog: VecDeque<(ParticipantId, u64, String)>,
    backlog_bytes: usize,
    said: u64,
    proven: risk::Proven,
    out: Vec<Output>,
}

impl Room {
    pub fn new(settings: Settings, relays: Arc<Relays>, status: VisitStatus) -> Self {
        Self {
            settings,
            relays,
            status,
            tickets: Vec::new(),
            connections: BTreeMap::new(),
            participants: BTreeMap::new(),
            joined: 0,
            locked: false,
            over: false,
            ahead: 0,
            late_minutes: 0,
            roster: None,
            backlog: VecDeque::new(),
            backlog_bytes: 0,
            said: 0,
            proven: risk::Proven::default(),
            out: Vec::new(),
        }
    }

    /// Nobody is here, nobody may come back to their place, and nobody has a ticket. Who has said nothing yet is nobody.
    pub fn is_empty(&self) -> bool {
        self.tickets.is_empty() && self.participants.values().all(Participant::is_over)
    }

    pub fn status(&self) -> VisitStatus {
        self.status
    }

    /// Whom an id of this room names.
    pub fn invite(&self, who: &ParticipantId) -> Option<&Invite> {
        self.participants.get(who).map(|one| &one.invite)
    }

    /// Whether this person has a place here, or a ticket for one.
    pub fn knows(&self, person: &str) -> bool {
        let is_them = |invite: &Invite| invite.person == person;
        self.participants.values().any(|one| !one.is_over() && is_them(&one.invite))
            || self.tickets.iter().any(|ticket| is_them(&ticket.invite))
    }

    pub fn has_host(&self) -> bool {
        self.participants.values().any(|one| one.is_host() && one.is_in())
    }

    /// Since when the patient, or who stands for them, waits to be let in.
    pub fn waits_since(&self) -> Option<UnixMs> {
        let waits = |one: &&Participant| one.is_waiting() && !one.is_missed && one.invite.role.is_visited();
        self.participants.values().filter(waits).map(|one| one.came_ms).min()
    }

    /// Somebody may not be here any more: they are out, and the others go on.
    pub fn expel(&mut self, person: &str) -> Vec<Output> {
        self.tickets.retain(|ticket| ticket.invite.person != person);
        let is_them = |one: &&Participant| !one.is_over() && one.invite.person == person;
        let theirs: Vec<ParticipantId> = self.participants.values().filter(is_them).map(|one| one.id.clone()).collect();
        for id in theirs {
            if let Some(connection) = self.participants.get(&id).and_then(|one| one.connection) {
                self.send(connection, ToClient::Removed);
            }
            self.part(&id, EndReason::Revoked, Audit::Revoked);
        }
        std::mem::take(&mut self.out)
    }

    /// Everybody went without ending it.
    pub fn abandoned(&mut self) -> Vec<Output> {
        self.visit(VisitEvent::Finish);
        std::mem::take(&mut self.out)
    }

    /// Lets somebody in up to the waiting room (a host: into the room), once, within half a minute. False when the room
    /// takes no more tickets.
    #[must_use]
    pub fn ticket(&mut self, secret: &Secret, invite: Invite, now_ms: UnixMs) -> bool {
        self.tickets.retain(|ticket| ticket.expires_ms > now_ms);
        if self.over || self.tickets.len() >= TICKETS_MAX {
            return false;
        }
        self.tickets.push(Ticket { hash: secret.hashed("join-ticket"), invite, expires_ms: now_ms + TICKET_MS });
        true
    }

    /// What the clinic's day says: visits before this one, and minutes that the clinician runs late.
    pub fn delay(&mut self, ahead: u16, late_minutes: u16) -> Vec<Output> {
        if (self.ahead, self.late_minutes) != (ahead, late_minutes) {
            (self.ahead, self.late_minutes) = (ahead, late_minutes);
            self.tell_waiting();
        }
        std::mem::take(&mut self.out)
    }

    /// The server ends the visit: cancelled, or over its time.
    pub fn close(&mut self, reason: EndReason) -> Vec<Output> {
        self.end(None, reason);
        std::mem::take(&mut self.out)
    }

    pub fn handle(&mut self, input: Input<'_>, now_ms: UnixMs, random: Random<'_>) -> Vec<Output> {
        match input {
            Input::Opened { connection } => self.opened(connection, now_ms),
            Input::Closed { connection } => self.lost(connection, now_ms),
            Input::Tick => self.tick(now_ms, random),
            Input::Text { connection, text } => self.heard(connection, text, now_ms, random),
        }
        std::mem::take(&mut self.out)
    }

    fn opened(&mut self, connection: ConnectionId, now_ms: UnixMs) {
        let strangers = self.connections.iter().filter(|(_, state)| state.who.is_none());
        let oldest = strangers.clone().min_by_key(|(_, state)| state.opened_ms).map(|(connection, _)| *connection);
        // Whoever has a place or a ticket says so at once: who does not makes way.
        if strangers.count() >= STRANGERS_MAX {
            oldest.into_iter().for_each(|oldest| self.refuse_and_close(oldest, Refusal::Silent, now_ms));
        }
        if self.over || self.connections.len() >= CONNECTIONS_MAX || self.connections.contains_key(&connection) {
            self.out.push(Output::Close { connection });
            return;
        }
        let fresh = Connection { opened_ms: now_ms, heard_ms: now_ms, seq_in: None, seq_out: 0, who: None };
        self.connections.insert(connection, fresh);
    }

    fn heard(&mut self, connection: ConnectionId, text: &str, now_ms: UnixMs, random: Random<'_>) {
        let Some(state) = self.connections.get_mut(&connection) else { return };
        state.heard_ms = now_ms;
        let who = state.who.clone();
        // Counted before it is parsed: parsing is the work that a flood would cost.
        if let Some(participant) = who.as_ref().and_then(|who| self.participants.get_mut(who))
            && !participant.allowance.take(text.len(), now_ms)
        {
            let (id, role) = (participant.id.clone(), participant.invite.role);
            self.audit(Some((id, role)), Audit::RateLimited, None);
            return self.refuse_and_close(connection, Refusal::Rate, now_ms);
        }
        let parsed = match parse(text) {
            Ok(parsed) => parsed,
            Err(refusal) => return self.refuse_and_close(connection, refusal, now_ms),
        };
        let Some(state) = self.connections.get_mut(&connection) else { return };
        if state.seq_in.is_some_and(|last| parsed.seq <= last) {
            return self.refuse_and_close(connection, Refusal::Sequence, now_ms);
        }
        state.seq_in = Some(parsed.seq);
        match (who, parsed.message) {
            (None, FromClient::Hello { ticket, resume, keys }) => {
                self.hello(connection, ticket, resume, keys, now_ms, random);
            }
            (None, _) | (Some(_), FromClient::Hello { .. }) => {
                self.refuse_and_close(connection, Refusal::HelloFirst, now_ms);
            }
            (Some(who), message) => {
                if let Some(participant) = self.participants.get_mut(&who) {
                    participant.heard = parsed.seq;
                    participant.resume_before = None;
                }
                self.obey(connection, &who, message, now_ms, random);
            }
        }
    }

    fn tick(&mut self, now_ms: UnixMs, random: Random<'_>) {
        if self.over {
            return;
        }
        self.tickets.retain(|ticket| ticket.expires_ms > now_ms);
        let silent: Vec<ConnectionId> = self
            .connections
            .iter()
            .filter(|(_, state)| match state.who {
                None => now_ms - state.opened_ms >= HELLO_MS_MAX,
                Some(_) => now_ms - state.heard_ms >= SILENCE_MS_MAX,
            })
            .map(|(connection, _)| *connection)
            .collect();
        for connection in silent {
            self.refuse_and_close(connection, Refusal::Silent, now_ms);
        }
        self.look_for_absent(now_ms);
        self.renew_ice(now_ms, random);
    }

    /// The connection is gone; its person still has their place for a while.
    fn lost(&mut self, connection: ConnectionId, now_ms: UnixMs) {
        let Some(state) = self.connections.remove(&connection) else { return };
        if let Some(participant) = state.who.and_then(|who| self.participants.get_mut(&who))
            && participant.connection == Some(connection)
        {
            participant.connection = None;
            participant.gone_ms = Some(now_ms);
        }
    }

    fn refuse_and_close(&mut self, connection: ConnectionId, code: Refusal, now_ms: UnixMs) {
        self.send(connection, ToClient::Error { code });
        self.out.push(Output::Close { connection });
        self.lost(connection, now_ms);
    }

    fn drop_connection(&mut self, connection: ConnectionId) {
        if self.connections.remove(&connection).is_some() {
            self.out.push(Output::Close { connection });
        }
    }

    fn send(&mut self, connection: ConnectionId, message: ToClient) {
        let Some(state) = self.connections.get_mut(&connection) else { return };
        state.seq_out += 1;
        self.out.push(Output::Send { connection, seq: state.seq_out, message });
    }

    fn audit(&mut self, who: Option<(ParticipantId, Role)>, what: Audit, detail: Option<String>) {
        let (who, role) = who.unzip();
        self.out.push(Output::Audit { who, role, what, detail });
    }

    /// Moves the visit where its rules let it; where they do not, a call alone changes nothing.
    fn visit(&mut self, event: VisitEvent) {
        if let Ok(status) = self.status.after(event) {
            self.status = status;
            self.out.push(Output::Visit { event, status });
        }
    }

    fn move_call(&mut self, id: &ParticipantId, event: CallEvent) -> bool {
        let Some(participant) = self.participants.get_mut(id) else { return false };
        let Ok(call) = participant.call.after(event) else { return false };
        participant.call = call;
        true
    }

    fn count_in(&self) -> usize {
        self.participants.values().filter(|other| other.is_in()).count()
    }
}

fn drawn<const N: usize>(random: Random<'_>) -> [u8; N] {
    let mut bytes = [0; N];
    random(&mut bytes);
    bytes
}
