//! One agreement: with whom, for what, from when to when, which document says so, and who changed what of it. Pure.

use std::collections::BTreeSet;
use std::sync::Arc;

use access::Caller;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::Day;
use crate::ComplianceError;

const VENDOR_BYTES_MAX: usize = 120;
const REVIEWER_BYTES_MAX: usize = 200;
const NOTES_BYTES_MAX: usize = 4_096;
/// Changes of one agreement; one that needs more is another agreement.
pub(super) const HISTORY_MAX: usize = 200;

macro_rules! services {
    ($($(#[$doc:meta])* $service:ident = $word:literal),+ $(,)?) => {
        /// What a business associate does for the organization. Closed, so that nothing is covered by a word nobody checks.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Service { $($(#[$doc])* $service),+ }

        impl Service {
            pub const ALL: &'static [Service] = &[$(Service::$service),+];

            pub fn name(self) -> &'static str {
                match self { $(Service::$service => $word),+ }
            }

            pub fn from_name(name: &str) -> Option<Service> {
                match name { $($word => Some(Service::$service),)+ _ => None }
            }
        }
    };
}

services! {
    Email = "email",
    Sms = "sms",
    Video = "video",
    Storage = "storage",
    /// Where logs go.
    Siem = "siem",
    Turn = "turn",
    /// What nothing of this program uses.
    Other = "other",
}

/// SHA-256 of the document as it was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

/// What an agreement says, as a person enters it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    pub vendor: String,
    pub services: BTreeSet<Service>,
    pub signed: Day,
    /// Its last day. One without an end has the day by which it is reviewed.
    pub expires: Day,
    pub document: Digest,
    /// Who read it for the organization.
    pub reviewer: String,
    pub notes: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    pub id: u64,
    pub terms: Terms,
    pub ended: Option<Ended>,
    /// Oldest first; its length is the agreement's version.
    pub history: Vec<Amendment>,
}

/// Ended before its last day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    pub time_ms: i64,
    pub by: String,
    pub words: String,
}

/// One step of an agreement's life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amendment {
    pub time_ms: i64,
    pub who: String,
    /// `added`, `amended`, `ended`.
    pub did: String,
    pub changes: Vec<FieldChange>,
    pub words: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    pub field: String,
    pub before: String,
    pub after: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    InForce,
    Expired,
    Ended,
}

impl Standing {
    pub fn name(self) -> &'static str {
        match self {
            Standing::InForce => "in_force",
            Standing::Expired => "expired",
            Standing::Ended => "ended",
        }
    }
}

impl Digest {
    pub fn of(document: &[u8]) -> Digest {
        Digest(crypto::hash::sha256(document))
    }
}

impl std::str::FromStr for Digest {
    type Err = ComplianceError;

    fn from_str(text: &str) -> Result<Digest, ComplianceError> {
        let malformed = || ComplianceError::Agreement("a SHA-256 is 64 hexadecimal digits");
        let digits = text.as_bytes();
        let mut bytes = [0; 32];
        if digits.len() != 64 {
            return Err(malformed());
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |letter: u8| char::from(letter).to_digit(16);
            let (high, low) = (digit(pair[0]).ok_or_else(malformed)?, digit(pair[1]).ok_or_else(malformed)?);
            *byte = (high << 4 | low) as u8;
        }
        Ok(Digest(bytes))
    }
}

impl TryFrom<String> for Digest {
    type Error = ComplianceError;

    fn try_from(text: String) -> Result<Digest, ComplianceError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.to_string()
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Terms {
    /// Trimmed, and refused where something cannot be.
    pub(super) fn checked(mut self, today: Day) -> Result<Terms, ComplianceError> {
        self.vendor = line(&self.vendor, VENDOR_BYTES_MAX)
            .ok_or(ComplianceError::Agreement("the vendor is named in one line of at most 120 bytes"))?;
        self.reviewer = line(&self.reviewer, REVIEWER_BYTES_MAX)
            .ok_or(ComplianceError::Agreement("the reviewer is named in one line of at most 200 bytes"))?;
        self.notes = self.notes.trim().to_owned();
        if self.notes.len() > NOTES_BYTES_MAX {
            return Err(ComplianceError::Agreement("notes take at most 4096 bytes"));
        }
        if self.services.is_empty() {
            return Err(ComplianceError::Agreement("it covers at least one service"));
        }
        if self.signed > today {
            return Err(ComplianceError::Agreement("it was signed today or before"));
        }
        if self.expires < self.signed {
            return Err(ComplianceError::Agreement("it expires on the day it was signed or after"));
        }
        Ok(self)
    }

    fn fields(&self) -> [(&'static str, String); 7] {
        [
            ("vendor", self.vendor.clone()),
            ("services", self.services_said()),
            ("signed", self.signed.to_string()),
            ("expires", self.expires.to_string()),
            ("document", self.document.to_string()),
            ("reviewer", self.reviewer.clone()),
            ("notes", self.notes.clone()),
        ]
    }

    pub fn services_said(&self) -> String {
        self.services.iter().map(|service| service.name()).collect::<Vec<_>>().join(", ")
    }

    /// What other terms change of these.
    pub(super) fn changes(&self, to: &Terms) -> Vec<FieldChange> {
        let pairs = self.fields().into_iter().zip(to.fields());
        let changed = pairs.filter(|((_, before), (_, after))| before != after);
        changed.map(|((field, before), (_, after))| FieldChange { field: field.into(), before, after }).collect()
    }
}

impl Agreement {
    pub(super) fn added(id: u64, terms: Terms, by: &Caller, now_ms: i64, words: &str) -> Agreement {
        let mut agreement = Agreement { id, terms, ended: None, history: Vec::new() };
        agreement.step("added", Vec::new(), by, now_ms, words);
        agreement
    }

    pub(super) fn step(&mut self, did: &str, changes: Vec<FieldChange>, by: &Caller, now_ms: i64, words: &str) {
        let (who, words) = (by.login().to_owned(), words.to_owned());
        self.history.push(Amendment { time_ms: now_ms, who, did: did.into(), changes, words });
    }

    /// Rises with each change: who amends says which one they saw.
    pub fn version(&self) -> usize {
        self.history.len()
    }

    pub fn standing(&self, now_ms: i64, zone: &TimeZone) -> Standing {
        match &self.ended {
            Some(_) => Standing::Ended,
            None if now_ms >= self.terms.expires.end_ms(zone) => Standing::Expired,
            None => Standing::InForce,
        }
    }

    pub fn covers(&self, vendor: &str, service: Service) -> bool {
        self.terms.services.contains(&service) && is_same(&self.terms.vendor, vendor)
    }
}

/// The agreement that lets a vendor do something now: of several the one that lasts longest.
pub fn covering<'a>(
    agreements: impl IntoIterator<Item = &'a Arc<Agreement>>,
    vendor: &str,
    service: Service,
    now_ms: i64,
    zone: &TimeZone,
) -> Option<&'a Arc<Agreement>> {
    let held = agreements.into_iter().filter(|agreement| agreement.covers(vendor, service));
    held.filter(|agreement| agreement.standing(now_ms, zone) == Standing::InForce)
        .max_by_key(|agreement| agreement.terms.expires)
}

/// One vendor however it is spaced and capitalized.
fn is_same(one: &str, other: &str) -> bool {
    let words = |text: &str| text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>();
    words(one) == words(other)
}

fn line(text: &str, bytes_max: usize) -> Option<String> {
    let text = text.trim();
    let is_line = !text.is_empty() && text.len() <= bytes_max && !text.chars().any(char::is_control);
    is_line.then(|| text.to_owned())
}
