//! What is known of a visit beside its room: what was decided before, what the patient said, and what became of it. One sealed entry
//! on the desk for each visit; the chart gets what belongs there, and the entry goes a week after the visit.

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use store::desk::{Change, EntryKey, Shelf};
use store::{Desk, StoreError};
use zeroize::Zeroizing;

use crate::drafts::{Drafts, Later};
use crate::hall::{Clock, Happened, Slot, What};
use crate::identity_check::{Risk, Steps, Verified, start};
use crate::room::{Audit, Settings};
use crate::signal::{Report, Role};
use crate::status::VisitEvent;
use crate::{Hashed, UnixMs};

const KEPT_MS: i64 = 7 * 86_400_000;
/// Comings and goings of one visit; more are in the audit log alone.
const STAYS_MAX: usize = 64;

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
    pub slot: Option<Slot>,
    pub consent: Option<Consent>,
    pub whereabouts: Option<Whereabouts>,
    /// What brings the patient, in their words.
    pub brings: Option<String>,
    pub course: Course,
    /// Of the record: whose passkeys are known.
    pub patient: Option<Patient>,
    /// The passkeys that signed keys of this visit: of each role the last.
    pub signed: Vec<Signed>,
    /// Passkeys that were made in this visit, which are no proof of anything by themselves.
    pub enrolled: Vec<Enrolled>,
    /// Who fills in forms later.
    pub later: Later,
}

/// A passkey that who came made, in the device check or in the waiting room.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    pub role: Role,
    pub at_ms: UnixMs,
}

/// The patient of a visit, as the record numbers them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patient {
    pub id: String,
    pub chart: u64,
}

/// A passkey that signed the keys of a call.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    pub role: Role,
    /// Of the room: who held it.
    #[serde(default)]
    pub person: String,
    pub at_ms: UnixMs,
    /// Since when it is known to be theirs.
    pub known_ms: UnixMs,
    /// The passkey of their account, enrolled when they were given it.
    pub of_account: bool,
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
    /// When the patient, or who stands for them, came to the waiting room.
    pub arrived_ms: Option<UnixMs>,
    pub started_ms: Option<UnixMs>,
    pub ended_ms: Option<UnixMs>,
    /// A host ended it for all, and none has come since.
    pub is_over: bool,
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
    /// Forms that are half filled in.
    pub drafts: Drafts,
    desk: Arc<Desk>,
    clock: Clock,
    /// One change after the other.
    pen: Arc<Mutex<()>>,
}

impl Sheet {
    pub fn settings(&self, visit: &str) -> Settings {
        // A reason stands in for the steps; nothing else does before the room has seen them.
        let reason = Steps { reason: self.steps.reason.clone(), ..Steps::default() };
        let high_risk = start(self.risk, &reason).is_none();
        Settings { visit: visit.to_owned(), relay_only: self.relay_only, high_risk }
    }

    /// What the room found out of the steps. True when it changed something.
    pub fn take(&mut self, happened: &Happened) -> bool {
        let is_cleared = matches!(happened.what, What::Room { what: Audit::RiskCleared, .. }) && !self.steps.sas;
        self.steps.sas |= is_cleared;
        self.course.take(happened) | is_cleared
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

    /// A passkey signed the keys of who has this role.
    pub fn sign(&mut self, signed: Signed) {
        self.unsign(signed.role);
        self.signed.push(signed);
        self.steps.passkey = true;
    }

    pub fn unsign(&mut self, role: Role) {
        self.signed.retain(|one| one.role != role);
        self.steps.passkey = !self.signed.is_empty();
    }

    /// Whoever came was not the patient: nothing that they said or showed is the patient's.
    pub fn somebody_else(&mut self) {
        (self.identity, self.steps, self.signed, self.enrolled) = (None, Steps::default(), Vec::new(), Vec::new());
        (self.consent, self.whereabouts, self.brings, self.later) = (None, None, None, Later::default());
    }

    /// The visit is at another time. What was decided about it holds then too; what somebody said of the day that it was to be does
    /// not, where they come anew for it.
    pub fn put_off(&mut self, start_ms: UnixMs, comes_anew: bool) {
        let clinician = self.slot.take().map(|slot| slot.clinician).unwrap_or_default();
        self.slot = Some(Slot { start_ms, clinician });
        if comes_anew {
            (self.identity, self.steps, self.signed) = (None, Steps::default(), Vec::new());
            (self.consent, self.whereabouts) = (None, None);
            if self.course.started_ms.is_none() {
                self.course = Course::default();
            }
        }
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

impl Course {
    /// What happened in the room, as far as the chart keeps it. True when it changed something.
    pub fn take(&mut self, happened: &Happened) -> bool {
        let before = self.clone();
        let at_ms = happened.at_ms;
        match &happened.what {
            What::Room { what, detail } => {
                match what {
                    Audit::EndedForAll => self.is_over = true,
                    Audit::Joined if happened.role.is_some_and(Role::is_host) => self.is_over = false,
                    _ => {}
                }
                if let (Some(who), Some(role)) = (&happened.who, happened.role) {
                    let id = who.id.as_str();
                    match what {
                        Audit::Joined if role.is_visited() => drop(self.arrived_ms.get_or_insert(at_ms)),
                        Audit::Joined if role.is_host() => self.came(id, role, &who.label, at_ms),
                        Audit::Admitted => self.came(id, role, &who.label, at_ms),
                        Audit::Held | Audit::Removed | Audit::Revoked | Audit::Left | Audit::Lost => {
                            self.went(Some(id), at_ms);
                        }
                        Audit::Reported(Report::SwitchedToAudio) if role.is_host() || role.is_visited() => {
                            let reason = detail.clone().unwrap_or_default();
                            self.to_audio.get_or_insert(ToAudio { at_ms, reason });
                        }
                        _ => {}
                    }
                }
                if *what == Audit::EndedForAll || (*what == Audit::Revoked && happened.who.is_none()) {
                    self.went(None, at_ms);
                }
            }
            What::Visit { event: VisitEvent::Start, .. } => drop(self.started_ms.get_or_insert(at_ms)),
            What::Visit { event: VisitEvent::Finish, .. } => {
                self.went(None, at_ms);
                self.ended_ms = Some(at_ms);
            }
            What::Visit { .. } | What::Link(_) | What::Keep(_) => {}
        }
        *self != before
    }

    fn came(&mut self, who: &str, role: Role, label: &str, from_ms: UnixMs) {
        let is_here = self.stays.iter().any(|stay| stay.who == who && stay.to_ms.is_none());
        if !is_here && self.stays.len() < STAYS_MAX {
            self.stays.push(Stay { who: who.to_owned(), role, label: label.to_owned(), from_ms, to_ms: None });
        }
    }

    /// One of them, or everybody.
    fn went(&mut self, who: Option<&str>, at_ms: UnixMs) {
        let is_meant = |stay: &&mut Stay| stay.to_ms.is_none() && who.is_none_or(|who| stay.who == who);
        self.stays.iter_mut().filter(is_meant).for_each(|stay| stay.to_ms = Some(at_ms));
    }
}

impl Sheets {
    pub fn new(desk: Arc<Desk>, clock: Clock) -> Self {
        Self { drafts: Drafts::new(desk.clone(), clock.clone()), desk, clock, pen: Arc::default() }
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

    /// Removes what nobody has changed for a week, counted from the visit where that is still to come.
    pub fn sweep(&self) -> Result<(), SheetError> {
        self.drafts.sweep()?;
        let _pen = self.pen.lock().unwrap_or_else(PoisonError::into_inner);
        let now_ms = (self.clock)();
        let mut changes = Vec::new();
        for entry in self.desk.load(Shelf::VisitSheet)? {
            let sheet: Sheet = serde_json::from_slice(&entry.plain).map_err(|_| SheetError::Damaged)?;
            let visit_ms = sheet.slot.as_ref().map_or(0, |slot| slot.start_ms);
            if now_ms > sheet.changed_ms.max(visit_ms) + KEPT_MS {
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
    Hashed::of("visit-sheet", visit.as_bytes()).entry_key()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use crypto::SealKey;

    use super::*;

    #[test]
    fn the_course_of_a_visit_says_who_was_there_from_when_to_when() {
        use crate::hall::Present;
        use crate::signal::ParticipantId;
        use crate::status::VisitStatus;

        let present =
            |n: u8, label: &str| Present { id: ParticipantId::new([n; 8]), person: "p".into(), label: label.into() };
        let room = |at_ms, n, role, what| Happened {
            visit: "v".into(),
            at_ms,
            role: Some(role),
            who: Some(present(n, "Somebody")),
            what: What::Room { what, detail: Some("loss=30".into()) },
        };
        let visit = |at_ms, event, status| Happened {
            visit: "v".into(),
            at_ms,
            role: None,
            who: None,
            what: What::Visit { event, status },
        };
        let mut course = Course::default();
        assert!(course.take(&room(1, 1, Role::Clinician, Audit::Joined)));
        course.take(&room(2, 2, Role::Patient, Audit::Joined));
        assert_eq!((course.arrived_ms, course.stays.len()), (Some(2), 1), "waits");
        course.take(&room(3, 2, Role::Patient, Audit::Admitted));
        course.take(&visit(3, VisitEvent::Start, VisitStatus::InProgress));
        course.take(&room(4, 3, Role::Interpreter, Audit::Admitted));
        course.take(&room(5, 2, Role::Patient, Audit::Reported(Report::SwitchedToAudio)));
        course.take(&room(6, 3, Role::Interpreter, Audit::Left));
        course.take(&visit(9, VisitEvent::Finish, VisitStatus::Finished));
        let stays: Vec<_> = course.stays.iter().map(|stay| (stay.role, stay.from_ms, stay.to_ms)).collect();
        let expected = [(Role::Clinician, 1, Some(9)), (Role::Patient, 3, Some(9)), (Role::Interpreter, 4, Some(6))];
        assert_eq!(stays, expected);
        assert_eq!((course.started_ms, course.ended_ms), (Some(3), Some(9)));
        assert!(!course.is_over, "everybody went, and may come back");
        course.take(&room(10, 1, Role::Clinician, Audit::EndedForAll));
        assert!(course.is_over);
        course.take(&room(11, 2, Role::Patient, Audit::Joined));
        assert!(course.is_over);
        course.take(&room(12, 1, Role::Clinician, Audit::Joined));
        assert!(!course.is_over);
        assert!(course.to_audio.is_some_and(|to_audio| to_audio.at_ms == 5 && to_audio.reason == "loss=30"));
    }

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

    #[test]
    fn passkeys_are_of_a_role_each() {
        let mut sheet = Sheet::default();
        let signed = |role, at_ms| Signed { role, person: String::new(), at_ms, known_ms: 0, of_account: false };
        for (role, at_ms) in [(Role::Patient, 1), (Role::Proxy, 2), (Role::Patient, 3)] {
            sheet.sign(signed(role, at_ms));
        }
        assert!(sheet.signed.iter().map(|one| one.at_ms).eq([2, 3]) && sheet.steps.passkey);
        sheet.unsign(Role::Patient);
        assert!(sheet.signed.iter().map(|one| one.at_ms).eq([2]) && sheet.steps.passkey);
        sheet.unsign(Role::Proxy);
        assert!(sheet.signed.is_empty() && !sheet.steps.passkey);
    }

    #[test]
    fn a_visit_that_moves_forgets_nothing_where_it_is_open_still_and_keeps_what_happened() {
        let mut sheet = Sheet { brings: Some("a cough".into()), ..Sheet::default() };
        sheet.identity = Some(Verified { checked: Vec::new(), at_ms: 1, by_eye: None });
        sheet.course.arrived_ms = Some(1);
        sheet.put_off(5, false);
        assert!(sheet.identity.is_some() && sheet.course.arrived_ms.is_some());
        assert_eq!(sheet.slot.as_ref().map(|slot| slot.start_ms), Some(5));
        sheet.course.started_ms = Some(2);
        sheet.put_off(9, true);
        assert!(sheet.identity.is_none() && sheet.brings.is_some());
        assert_eq!(sheet.course.started_ms, Some(2), "they met: that goes to the chart");
    }

    #[test]
    fn what_was_decided_long_before_a_visit_holds_when_it_comes() {
        let directory = tempfile::tempdir().unwrap();
        let desk = Arc::new(Desk::open(directory.path(), Zeroizing::new([1; 32]), SealKey::new(&[2; 32])).unwrap());
        let now = Arc::new(AtomicI64::new(1_800_000_000_000));
        let clock = now.clone();
        let sheets = Sheets::new(desk, Arc::new(move || clock.load(Ordering::SeqCst)));
        let start_ms = 1_800_000_000_000 + 30 * 86_400_000;
        let decided = |sheet: &mut Sheet| {
            sheet.risk.by_hand = true;
            sheet.slot = Some(Slot { start_ms, clinician: "asha".into() });
        };
        sheets.change("v1", decided).unwrap();
        for (at_ms, is_kept) in [(start_ms, true), (start_ms + KEPT_MS, true), (start_ms + KEPT_MS + 1, false)] {
            now.store(at_ms, Ordering::SeqCst);
            sheets.sweep().unwrap();
            assert_eq!(sheets.of("v1").unwrap().settings("v1").high_risk, is_kept, "{at_ms}");
        }
    }
}
