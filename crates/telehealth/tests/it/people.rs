//! A room with a clock that stands still and people who keep what they received.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use wardstone_telehealth::Secret;
use wardstone_telehealth::room::{Audit, ConnectionId, Input, Invite, Output, Room, Settings};
use wardstone_telehealth::signal::Role;
use wardstone_telehealth::status::{VisitEvent, VisitStatus};
use wardstone_telehealth::turn::{Relays, TurnSecret, TurnSecrets};

pub const KEYS: fn() -> Value = || json!({"sign": "c2lnbg", "seal": "c2VhbA", "commit": "Y29tbWl0"});

pub struct Stage {
    pub room: Room,
    pub now_ms: i64,
    drawn: u64,
    seq: BTreeMap<ConnectionId, u64>,
    pub got: BTreeMap<ConnectionId, Vec<Value>>,
    pub closed: Vec<ConnectionId>,
    pub audit: Vec<Audit>,
    pub visits: Vec<VisitEvent>,
    pub over: bool,
}

impl Stage {
    pub fn new() -> Self {
        let secret = TurnSecret::new("north-north-north").unwrap();
        let secrets = TurnSecrets { current: secret, previous: None };
        let relays = Relays::new(vec!["turn:turn.example.org:3478".into()], secrets, 3_600_000).unwrap();
        let settings = Settings { visit: "v1".into(), relay_only: false, high_risk: false };
        Self {
            room: Room::new(settings, Arc::new(relays), VisitStatus::Scheduled),
            now_ms: 1_800_000_000_000,
            drawn: 0,
            seq: BTreeMap::new(),
            got: BTreeMap::new(),
            closed: Vec::new(),
            audit: Vec::new(),
            visits: Vec::new(),
            over: false,
        }
    }

    pub fn input(&mut self, input: Input<'_>) -> Vec<Output> {
        let drawn = &mut self.drawn;
        let mut random = |bytes: &mut [u8]| {
            *drawn += 1;
            let number = crypto::hash::sha256(&drawn.to_be_bytes());
            let length = bytes.len();
            bytes.copy_from_slice(&number[..length]);
        };
        let outputs = self.room.handle(input, self.now_ms, &mut random);
        self.take(&outputs);
        outputs
    }

    pub fn take(&mut self, outputs: &[Output]) {
        for output in outputs {
            match output {
                Output::Send { connection, seq, message } => {
                    assert!(!self.closed.contains(connection), "a closed connection is sent nothing");
                    let value: Value = serde_json::from_str(&message.text(*seq)).unwrap();
                    self.got.entry(*connection).or_default().push(value);
                }
                Output::Close { connection } => self.closed.push(*connection),
                Output::Audit { what, .. } => self.audit.push(*what),
                Output::Visit { event, .. } => self.visits.push(*event),
                Output::Over => self.over = true,
            }
        }
    }

    pub fn tick(&mut self, passed_ms: i64) {
        self.now_ms += passed_ms;
        self.input(Input::Tick);
    }

    pub fn ticket(&mut self, number: u8, person: &str, role: Role) -> String {
        let secret = Secret::new([number; 16]);
        let invite = Invite { person: person.into(), role, label: person.into() };
        assert!(self.room.ticket(&secret, invite, self.now_ms));
        secret.text()
    }

    pub fn open(&mut self, connection: ConnectionId) {
        self.input(Input::Opened { connection });
    }

    pub fn say(&mut self, connection: ConnectionId, mut message: Value) -> Vec<Output> {
        let seq = self.seq.entry(connection).or_default();
        *seq += 1;
        message["v"] = 1.into();
        message["seq"] = (*seq).into();
        self.input(Input::Text { connection, text: &message.to_string() })
    }

    /// Opens a connection and says hello with a fresh ticket; the participant id.
    pub fn join(&mut self, connection: ConnectionId, person: &str, role: Role) -> String {
        let ticket = self.ticket(u8::try_from(connection).unwrap(), person, role);
        self.open(connection);
        self.say(connection, json!({"type": "hello", "ticket": ticket, "keys": KEYS()}));
        self.last(connection, "welcome")["you"].as_str().unwrap().to_owned()
    }

    pub fn last(&self, connection: ConnectionId, kind: &str) -> Value {
        let found = self.all(connection, kind).last().cloned();
        found.unwrap_or_else(|| panic!("{connection} got no {kind}: {:?}", self.got.get(&connection)))
    }

    pub fn all(&self, connection: ConnectionId, kind: &str) -> Vec<Value> {
        self.got.get(&connection).into_iter().flatten().filter(|value| value["type"] == kind).cloned().collect()
    }

    pub fn error(&self, connection: ConnectionId) -> String {
        self.last(connection, "error")["code"].as_str().unwrap().to_owned()
    }
}
