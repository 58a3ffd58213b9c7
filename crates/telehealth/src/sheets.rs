//! What is known of a visit beside its room: what was decided before, what the patient said, and what became of it. One sealed entry
//! on the desk for each visit; the chart gets what belongs there, and the entry goes a week after the visit.

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use store::desk::{Change, EntryKey, Shelf};
use store::{Desk, StoreError};
use zeroize::Zeroizing;

use crate::hall::Clock;
use crate::identity_check::{Risk, Steps, Verified};
use crate::room::Settings;
use crate::signal::Role;
use crate::{Hashed, UnixMs};

const KEPT_MS: i64 = 7 * 86_400_000;

/// Sealed with the desk, and with no `Debug`: it says where somebody is and whom to call.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Sheet {
    pub visit: String,
    changed_ms: UnixMs,
    /// Of this visit; the organization may ask for it of all.
    pub relay_only: bool,
    pub risk: Risk,
    pub steps: Steps,
    /// How the patient, or who stands for them, was known.
    pub identity: Option<Verified>,
    pub consent: Option<Consent>,
    pub whereabouts: Option<Whereabouts>,
    /// What brings the patient, in their words.
    pub brings: Option<String>,
    pub course: Course,
}

/// Agreement to a visit by video, by whom and to which words.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Names the text in the language it was read in.
    pub version: String,
    /// BCP 47.
    pub language: String,
    pub role: Role,
    pub at_ms: UnixMs,
}

/// Where the patient is while they are treated: who helps them there, and whether the clinician may.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whereabouts {
    /// As it would be told to an ambulance.
    pub address: String,
    /// ISO 3166-2 without the country, such as `CA`; empty outside of the United States.
    pub state: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Of the emergency services there.
    pub emergency_number: String,
    pub contact_name: String,
    pub contact_phone: String,
    pub at_ms: UnixMs,
}

/// What became of the visit, for its Encounter.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Course {
    pub stays: Vec<Stay>,
    pub to_audio: Option<ToAudio>,
    pub started_ms: Option<UnixMs>,
    pub ended_ms: Option<UnixMs>,
}

/// One person in the room, from being let in to being gone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stay {
    /// Of the room.
    pub who: String,
    pub role: Role,
    /// How the room named them.
    pub label: String,
    pub from_ms: UnixMs,
    pub to_ms: Option<UnixMs>,
}

/// Sound alone, from when on and why.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToAudio {
    pub at_ms: UnixMs,
    pub reason: String,
}

#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    #[error("the desk")]
    Desk(#[from] StoreError),
    #[error("the sheet of a visit cannot be read")]
    Damaged,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Sheets {
    desk: Arc<Desk>,
    clock: Clock,
    /// One change after the other.
    pen: Arc<Mutex<()>>,
}

impl Sheet {
    pub fn settings(&self, visit: &str) -> Settings {
        Settings { visit: visit.to_owned(), relay_only: self.relay_only, high_risk: self.risk.is_high() }
    }

    /// What the patient said is not replaced by who stands for them.
    pub fn agree(&mut self, consent: Consent, whereabouts: Whereabouts, brings: Option<String>) {
        let is_patients = |role: Role| role == Role::Patient;
        if self.consent.as_ref().is_some_and(|held| is_patients(held.role)) && !is_patients(consent.role) {
            return;
        }
        self.consent = Some(consent);
        self.whereabouts = Some(whereabouts);
        self.brings = brings;
    }

    /// What a clinician confirmed by eye stays with who was confirmed.
    pub fn identify(&mut self, verified: &Verified) {
        let is_held =
            self.identity.as_ref().is_some_and(|held| held.at_ms == verified.at_ms && held.checked == verified.checked);
        if !is_held {
            self.identity = Some(verified.clone());
        }
    }
}

impl Sheets {
    pub fn new(desk: Arc<Desk>, clock: Clock) -> Self {
        Self { desk, clock, pen: Arc::default() }
    }

    /// What is known; an empty sheet where nothing is.
    pub fn of(&self, visit: &str) -> Result<Sheet, SheetError> {
        let Some(plain) = self.desk.get(Shelf::VisitSheet, &key_of(visit))? else {
            return Ok(Sheet { visit: visit.to_owned(), ..Sheet::default() });
        };
        serde_json::from_slice(&plain).map_err(|_| SheetError::Damaged)
    }

    /// Durable when it returns. `change` says what it found to say, and sees every change before it.
    pub fn change<T>(&self, visit: &str, change: impl FnOnce(&mut Sheet) -> T) -> Result<T, SheetError> {
        let _pen = self.pen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sheet = self.of(visit)?;
        let said = change(&mut sheet);
        sheet.changed_ms = (self.clock)();
        let plain = Zeroizing::new(serde_json::to_vec(&sheet).map_err(|_| SheetError::Damaged)?);
        self.desk.write(&[Change::Put { shelf: Shelf::VisitSheet, key: key_of(visit), plain }])?;
        Ok(said)
    }

    /// Removes what nobody has changed for a week.
    pub fn sweep(&self) -> Result<(), SheetError> {
        let _pen = self.pen.lock().unwrap_or_else(PoisonError::into_inner);
        let now_ms = (self.clock)();
        let mut changes = Vec::new();
        for entry in self.desk.load(Shelf::VisitSheet)? {
            let sheet: Sheet = serde_json::from_slice(&entry.plain).map_err(|_| SheetError::Damaged)?;
            if now_ms > sheet.changed_ms + KEPT_MS {
                changes.push(Change::Remove { shelf: Shelf::VisitSheet, key: entry.key });
            }
        }
        if !changes.is_empty() {
            self.desk.write(&changes)?;
        }
        Ok(())
    }
}

fn key_of(visit: &str) -> EntryKey {
    let mut key = EntryKey::default();
    key.copy_from_slice(&Hashed::of("visit-sheet", visit.as_bytes()).bytes()[..16]);
    key
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use crypto::SealKey;

    use super::*;

    #[test]
    fn a_sheet_keeps_what_was_said_of_its_visit_and_goes_a_week_after_the_last_word() {
        let directory = tempfile::tempdir().unwrap();
        let desk = Arc::new(Desk::open(directory.path(), Zeroizing::new([1; 32]), SealKey::new(&[2; 32])).unwrap());
        let now = Arc::new(AtomicI64::new(1_800_000_000_000));
        let clock = now.clone();
        let sheets = Sheets::new(desk, Arc::new(move || clock.load(Ordering::SeqCst)));
        assert!(!sheets.of("v1").unwrap().relay_only);
        let before = sheets.change("v1", |sheet| std::mem::replace(&mut sheet.relay_only, true)).unwrap();
        assert!(!before);
        sheets.change("v1", |sheet| sheet.risk.by_hand = true).unwrap();
        let settings = sheets.of("v1").unwrap().settings("v1");
        assert!(settings.relay_only && settings.high_risk);
        assert!(!sheets.of("v2").unwrap().settings("v2").high_risk, "of another visit");
        now.fetch_add(KEPT_MS, Ordering::SeqCst);
        sheets.sweep().unwrap();
        assert!(sheets.of("v1").unwrap().relay_only);
        now.fetch_add(1, Ordering::SeqCst);
        sheets.sweep().unwrap();
        assert!(!sheets.of("v1").unwrap().relay_only);
    }
}
