//! How stories are told: people, charts and events of a small clinic, each event marked with the rules that should find it.

use std::net::IpAddr;

use access::{DecisionKey, Facts, Labels, Purpose, Relations, Role, RoleSet, Traits};
use audit::event::{Decided, Object, Outcome, Whence, Who};
use audit::{Action, Event};
use compliance::Rule;

/// Monday, 2026-11-23T00:00:00Z; the clinic is open from 8 to 18.
pub const MONDAY_MS: u64 = 1_795_392_000_000;
pub const MINUTE_MS: u64 = 60_000;
pub const HOUR_MS: u64 = 60 * MINUTE_MS;
pub const DAY_MS: u64 = 24 * HOUR_MS;

pub const CLINIC: &str = "10.0.0.7";
pub const HOME: &str = "203.0.113.9";

pub struct Told {
    pub time_ms: u64,
    pub bytes: Vec<u8>,
    pub hostile: Vec<Rule>,
}

pub struct Story {
    pub name: String,
    pub told: Vec<Told>,
    /// Rules that have to find something in it.
    pub expected: Vec<Rule>,
}

/// Writes one story. Events may be written in any order: they are told by time.
pub struct Teller {
    name: String,
    told: Vec<Told>,
    expected: Vec<Rule>,
    /// Marks put on the next events.
    marks: Vec<Rule>,
}

/// What a person opens, as policy saw it.
#[derive(Clone, Copy)]
pub struct Look {
    pub action: Action,
    pub asked: access::Action,
    pub chart: u64,
    pub rows: u64,
    pub relations: Relations,
    pub traits: Traits,
    pub kind: &'static str,
    pub allowed: bool,
    pub count: Option<u64>,
}

impl Look {
    pub fn read(chart: u64) -> Look {
        Look {
            action: Action::Read,
            asked: access::Action::Read,
            chart,
            rows: 1,
            relations: Relations::TREATING,
            traits: Traits::CURRENT,
            kind: "Observation",
            allowed: true,
            count: None,
        }
    }

    pub fn stranger(chart: u64) -> Look {
        Look { relations: Relations::NONE, ..Look::read(chart) }
    }

    pub fn of(self, traits: Traits) -> Look {
        Look { traits: self.traits.union(traits), ..self }
    }
}

#[derive(Clone, Copy)]
pub struct Person {
    pub login: &'static str,
    pub role: Role,
    pub at: &'static str,
    pub country: Option<[u8; 2]>,
    pub session: &'static str,
}

pub const fn staff(login: &'static str, role: Role) -> Person {
    Person { login, role, at: CLINIC, country: None, session: "1" }
}

impl Person {
    pub fn from(self, at: &'static str, country: Option<&[u8; 2]>, session: &'static str) -> Person {
        Person { at, country: country.copied(), session, ..self }
    }
}

impl Teller {
    pub fn of(name: impl Into<String>) -> Teller {
        Teller { name: name.into(), told: Vec::new(), expected: Vec::new(), marks: Vec::new() }
    }

    /// What follows is hostile, and these rules have to find it.
    pub fn hostile(&mut self, rules: &[Rule]) -> &mut Self {
        self.expected.extend(rules);
        self.marks = rules.to_vec();
        self
    }

    pub fn story(mut self) -> Story {
        self.told.sort_by_key(|told| told.time_ms);
        Story { name: self.name, told: self.told, expected: self.expected }
    }

    pub fn act(&mut self, time_ms: u64, who: Person, action: Action, subject: Option<&'static str>) -> &mut Self {
        self.event(time_ms, who, action, |event| event.subject = subject)
    }

    pub fn denied(&mut self, time_ms: u64, who: Person, action: Action, subject: &'static str) -> &mut Self {
        self.event(time_ms, who, action, |event| {
            event.subject = Some(subject);
            event.outcome = Outcome::Denied { policy: "" };
        })
    }

    pub fn failed(&mut self, time_ms: u64, who: Person) -> &mut Self {
        self.event(time_ms, who, Action::SignIn, |event| event.outcome = Outcome::Failed { code: 401 })
    }

    pub fn look(&mut self, time_ms: u64, who: Person, look: Look) -> &mut Self {
        let hour = time_ms % DAY_MS / HOUR_MS;
        let weekday = (time_ms - MONDAY_MS) / DAY_MS % 7;
        let key = DecisionKey {
            roles: RoleSet::of(who.role),
            action: look.asked,
            kind: record::types::parse(look.kind).unwrap(),
            labels: Labels::NONE,
            traits: look.traits,
            relations: look.relations,
            purpose: Purpose::Treatment,
            facts: Facts { within_hours: (8..18).contains(&hour) && weekday < 5, ..Facts::GOOD },
            in_scope: true,
        };
        let object =
            |row| Object { row: look.chart * 1_000_000 + row, chart: look.chart, version: 1, type_code: 96, part: 0 };
        let objects: Vec<Object> = (0..look.rows).map(object).collect();
        self.event(time_ms, who, look.action, move |event| {
            event.objects = objects.into();
            event.count = look.count;
            event.decisions = vec![Decided { key: key.packed().0, allowed: look.allowed, count: 1 }].into();
            if !look.allowed {
                event.outcome = Outcome::Denied { policy: "" };
            }
        })
    }

    pub fn noise(&mut self, time_ms: u64, at: &'static str, count: u64) -> &mut Self {
        let nobody = Person { login: "", role: Role::Patient, at, country: None, session: "" };
        self.event(time_ms, nobody, Action::Noise, |event| {
            event.who = Who::default();
            event.count = Some(count);
        })
    }

    /// A document of a chart that is not what was filed.
    pub fn damaged(&mut self, time_ms: u64, who: Person, chart: u64) -> &mut Self {
        let object = |row| Object { row: chart * 1_000_000 + row, chart, version: 1, type_code: 40, part: 0 };
        let objects: Vec<Object> = (0..2).map(object).collect();
        self.event(time_ms, who, Action::Verify, move |event| {
            event.objects = objects.into();
            event.subject = Some("a document does not match its hash");
            event.outcome = Outcome::Failed { code: 409 };
        })
    }

    /// A command on the machine.
    pub fn command(&mut self, time_ms: u64, operator: &'static str, action: Action, failed: bool) -> &mut Self {
        let who = Person { login: operator, role: Role::Admin, at: CLINIC, country: None, session: "" };
        self.event(time_ms, who, action, |event| {
            event.who = Who {
                user: operator,
                role: if operator == "system" { "system" } else { "operator" },
                ..Who::default()
            };
            event.whence = Whence::default();
            if failed {
                event.outcome = Outcome::Failed { code: 500 };
            }
        })
    }

    fn event<'e>(
        &mut self,
        time_ms: u64,
        who: Person,
        action: Action,
        finish: impl FnOnce(&mut Event<'e>),
    ) -> &mut Self {
        let actor = Who { user: who.login, role: who.role.name(), session: Some(who.session), on_behalf_of: None };
        let mut event = Event::new(time_ms, action, audit::Purpose::Treatment, actor);
        event.whence =
            Whence { address: Some(who.at.parse::<IpAddr>().unwrap()), country: who.country, ..Whence::default() };
        finish(&mut event);
        self.told.push(Told { time_ms, bytes: event.encode().unwrap(), hostile: self.marks.clone() });
        self
    }
}

pub fn decode(bytes: &[u8]) -> Event<'_> {
    Event::decode(bytes).unwrap()
}

/// Numbers that are the same in every run (splitmix64).
pub struct Dice(u64);

impl Dice {
    pub fn of(seed: u64) -> Dice {
        Dice(seed)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ z >> 31) % limit
    }
}
