//! Where people act from. The first place is the baseline; a country nobody saw them in is new, and one that cannot be told
//! is never the same as another.

use std::collections::BTreeMap;
use std::net::IpAddr;

use audit::Action;

use super::window::Each;
use super::{DAY_MS, Finding, HOUR_MS, Limits, Rule, Seen};
use crate::ComplianceError;
use crate::alert::{About, Severity};

/// People whose places are remembered.
const PEOPLE_MAX: usize = 100_000;
/// A session tells its unknown place once in so long.
const SESSION_MS: u64 = 12 * HOUR_MS;
/// Remembered places lie on the desk in so many entries.
pub const SHARDS: u8 = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// The organization's networks, this machine, and its own country if it names one.
    Organization,
    Country([u8; 2]),
    Unknown,
}

/// One person's places, as two letters (`--` is the organization), with the day of the last time.
pub(crate) type Remembered = BTreeMap<String, BTreeMap<String, u64>>;

const ORGANIZATION: &str = "--";

pub struct Places {
    networks: Vec<Network>,
    country: Option<[u8; 2]>,
    forget_days: u64,
    people: Remembered,
    /// Those whose places changed since they were last kept.
    changed: u32,
    told: Each<(String, String), u64>,
}

impl Places {
    pub fn new(limits: &Limits) -> Result<Self, ComplianceError> {
        const REFUSED: ComplianceError = ComplianceError::Setting("alerts.networks: written as 10.1.0.0/16");
        let networks = limits.networks.iter().map(|text| Network::parse(text).ok_or(REFUSED));
        Ok(Places {
            networks: networks.collect::<Result<_, _>>()?,
            country: limits.country.as_deref().and_then(crate::countries::code),
            forget_days: limits.place_days,
            people: Remembered::new(),
            changed: 0,
            told: Each::new(SESSION_MS),
        })
    }

    pub fn observe(&mut self, seen: Seen<'_>, now_ms: u64, out: &mut Vec<Finding>) {
        let event = seen.event;
        // Who only tries, or shows a copied cookie, teaches no place.
        let is_proven = match event.action {
            Action::SignIn | Action::StepUp => seen.is_success(),
            Action::CookieReplay | Action::Noise => false,
            _ => true,
        };
        let Some(address) = event.whence.address.filter(|_| is_proven && seen.is_signed_in()) else { return };
        let place = self.place(address, event.whence.country);
        let login = event.who.user;
        let day = now_ms / DAY_MS;
        let word = place.word();
        let Some(known) = self.people.get_mut(login) else {
            if self.people.len() < PEOPLE_MAX {
                self.people.insert(login.to_owned(), BTreeMap::from([(word, day)]));
                self.changed |= 1 << shard(login);
            }
            if place == Place::Unknown {
                self.is_first_of_session(seen, now_ms);
            }
            return;
        };
        let last_day = known.insert(word.clone(), day);
        if last_day != Some(day) {
            self.changed |= 1 << shard(login);
        }
        let is_known = last_day.is_some_and(|last_day| day.saturating_sub(last_day) <= self.forget_days);
        let about = About { what: Some(word), ..seen.person() };
        match place {
            Place::Organization => {}
            Place::Country(_) if is_known => {}
            Place::Country(_) => out.push(Finding::of(Rule::NewCountry, Severity::High, seen, about)),
            Place::Unknown => {
                if self.is_first_of_session(seen, now_ms) {
                    out.push(Finding::of(Rule::UnknownCountry, Severity::Low, seen, about));
                }
            }
        }
    }

    /// A session that goes on from the same address says nothing new.
    fn is_first_of_session(&mut self, seen: Seen<'_>, now_ms: u64) -> bool {
        let who = &seen.event.who;
        let address = seen.event.whence.address.map(|address| address.to_string()).unwrap_or_default();
        let key = (who.user.to_owned(), format!("{} {address}", who.session.unwrap_or_default()));
        let told_ms = self.told.of(now_ms, &key);
        let is_first = *told_ms == 0 || now_ms.saturating_sub(*told_ms) > SESSION_MS;
        if is_first {
            *told_ms = now_ms.max(1);
        }
        is_first
    }

    fn place(&self, address: IpAddr, country: Option<[u8; 2]>) -> Place {
        let address = address.to_canonical();
        if is_private(address) || self.networks.iter().any(|network| network.contains(address)) {
            return Place::Organization;
        }
        match country {
            Some(country) if Some(country) == self.country => Place::Organization,
            Some(country) => Place::Country(country),
            None => Place::Unknown,
        }
    }

    /// Shards whose people changed, to be kept; and forgets that they did.
    pub(crate) fn take_changed(&mut self) -> Vec<(u8, Remembered)> {
        let changed = std::mem::take(&mut self.changed);
        let shards = (0..SHARDS).filter(|number| changed & 1 << number != 0);
        let of = |number: u8| self.people.iter().filter(move |(login, _)| shard(login) == number);
        shards.map(|number| (number, of(number).map(|(login, at)| (login.clone(), at.clone())).collect())).collect()
    }

    /// What could not be kept is still to be.
    pub(crate) fn put_back(&mut self, shards: &[u8]) {
        shards.iter().for_each(|number| self.changed |= 1 << number);
    }

    pub(crate) fn remember(&mut self, people: Remembered) {
        self.people.extend(people);
    }
}

impl Place {
    fn word(self) -> String {
        match self {
            Place::Organization => ORGANIZATION.to_owned(),
            Place::Country(letters) => String::from_utf8_lossy(&letters).into_owned(),
            Place::Unknown => "unknown".to_owned(),
        }
    }
}

fn shard(login: &str) -> u8 {
    crypto::hash::sha256(login.as_bytes())[0] % SHARDS
}

/// Addresses that are routed nowhere else: RFC 1918, 4193, 3927, 4291, 6598.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let shared = u32::from(v4) >> 22 == 0b01_1001_0001;
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || shared
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[derive(Clone, Copy)]
struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    fn parse(text: &str) -> Option<Network> {
        let (address, bits) = text.trim().split_once('/')?;
        let (address, bits): (IpAddr, u32) = (address.parse().ok()?, bits.parse().ok()?);
        let most = if address.is_ipv4() { 32 } else { 128 };
        (bits <= most).then_some(Network { address, bits })
    }

    fn contains(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => (u32::from(own) ^ u32::from(other)).leading_zeros() >= self.bits,
            (IpAddr::V6(own), IpAddr::V6(other)) => (u128::from(own) ^ u128::from(other)).leading_zeros() >= self.bits,
            _ => false,
        }
    }
}
