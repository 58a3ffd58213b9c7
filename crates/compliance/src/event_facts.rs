//! What the rules see of an event: its words made plain, decision keys read, addresses placed. Pure.

use std::collections::BTreeSet;
use std::net::IpAddr;

use access::{DecisionKey, PackedKey, Relations, Traits, TypeRef};
use audit::event::{Event, Outcome};
use audit::{Action, LeafIndex};

/// One event of the log, as the rules see it.
#[derive(Clone, PartialEq)]
pub struct Seen {
    pub leaf: LeafIndex,
    pub time_ms: u64,
    pub action: Action,
    pub ended: Ended,
    /// Login; empty when nobody had signed in.
    pub user: String,
    pub role: String,
    pub address: Option<IpAddr>,
    pub whereabouts: Whereabouts,
    /// Distinct charts of patients that were disclosed or written.
    pub charts: Vec<u64>,
    /// Rows disclosed or written.
    pub rows: u64,
    /// Matches, lines of an export, noise.
    pub count: u64,
    /// Of what was allowed to somebody who is neither the patient nor acts for them nor treats them.
    pub stranger_traits: Traits,
    /// At least one decision was made outside working hours.
    pub is_after_hours: bool,
    pub subject: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Success,
    Denied,
    Failed,
}

/// Where an event came from, as far as that can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Whereabouts {
    /// A public address of no known country: equal to no place, not even to itself.
    Unknown,
    /// Loopback and private addresses.
    Organization,
    /// ISO 3166 alpha-2.
    Country([u8; 2]),
}

/// The first chart number that is a patient's, as `record` numbers them; those below are shared compartments.
pub const PATIENTS_FROM: u64 = 16;

impl Seen {
    pub fn of(leaf: LeafIndex, event: &Event<'_>) -> Seen {
        let charts: BTreeSet<u64> = event.objects.iter().map(|o| o.chart).filter(|c| *c >= PATIENTS_FROM).collect();
        let mut stranger_traits = Traits::NONE;
        let mut is_after_hours = false;
        for decided in event.decisions.iter() {
            let Some(key) = read(decided.key) else { continue };
            is_after_hours |= !key.facts.within_hours;
            if decided.allowed && key.relations.intersection(CLOSE) == Relations::NONE {
                stranger_traits = stranger_traits.union(key.traits);
            }
        }
        Seen {
            leaf,
            time_ms: event.time_ms,
            action: event.action,
            ended: match event.outcome {
                Outcome::Success => Ended::Success,
                Outcome::Denied { .. } => Ended::Denied,
                Outcome::Failed { .. } => Ended::Failed,
            },
            user: event.who.user.to_owned(),
            role: event.who.role.to_owned(),
            address: event.whence.address,
            whereabouts: Whereabouts::of(event.whence.address, event.whence.country),
            charts: charts.into_iter().collect(),
            rows: event.objects.len() as u64,
            count: event.count.unwrap_or(0),
            stranger_traits,
            is_after_hours,
            subject: event.subject.unwrap_or_default().to_owned(),
        }
    }

    pub fn is_success(&self) -> bool {
        self.ended == Ended::Success
    }

    /// Signed in as somebody: neither the system itself nor nobody.
    pub fn is_person(&self) -> bool {
        !self.user.is_empty() && self.role != "system"
    }

    /// Works here: whose looking at patients' records is watched.
    pub fn is_workforce(&self) -> bool {
        access::Role::from_name(&self.role).is_some_and(|role| {
            use access::Role::*;
            !matches!(role, Patient | Proxy | Integration | Research)
        })
    }

    pub fn is_clinician(&self) -> bool {
        matches!(self.role.as_str(), "physician" | "psychiatrist" | "nurse" | "medical_assistant" | "pharmacist")
    }

    /// The address as one subscriber: IPv6 by its /64.
    pub fn subscriber(&self) -> Option<String> {
        Some(match self.address?.to_canonical() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
        })
    }
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Seen({}, {:?})", self.leaf, self.action)
    }
}

impl Whereabouts {
    pub fn of(address: Option<IpAddr>, country: Option<[u8; 2]>) -> Whereabouts {
        match (country, address.map(|address| address.to_canonical())) {
            (Some(country), _) => Whereabouts::Country(country),
            (None, Some(address)) if is_local(address) => Whereabouts::Organization,
            (None, _) => Whereabouts::Unknown,
        }
    }

    /// `DE`, `organization` or `unknown`.
    pub fn word(self) -> String {
        match self {
            Whereabouts::Unknown => "unknown".to_owned(),
            Whereabouts::Organization => "organization".to_owned(),
            Whereabouts::Country(code) => code.iter().map(|byte| char::from(*byte)).collect(),
        }
    }

    /// The reverse of `word`.
    pub fn from_word(word: &str) -> Option<Whereabouts> {
        match word {
            "unknown" => Some(Whereabouts::Unknown),
            "organization" => Some(Whereabouts::Organization),
            code => code.as_bytes().try_into().ok().map(Whereabouts::Country),
        }
    }
}

/// Of those who have reason to look: the patient, who acts for them, who treats them.
const CLOSE: Relations = Relations::SELF_CHART.union(Relations::PROXY).union(Relations::TREATING);

/// Bits of a decision key; the type's name is not needed here.
fn read(key: u128) -> Option<DecisionKey> {
    DecisionKey::unpack(PackedKey(key), |code| Some(TypeRef { name: "", code }))
}

/// IPv4 private, link-local, shared (RFC 6598) and loopback; IPv6 loopback, unique local and link-local.
fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [a, b, ..] = address.octets();
            address.is_loopback() || address.is_private() || address.is_link_local() || a == 100 && b & 0xc0 == 64
        }
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local(),
    }
}
