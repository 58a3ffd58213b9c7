//! Those who come by a link: made by a clinician for one visit, opened by one browser, entered after a check of who they are. Kept
//! sealed on the desk, and removed a day after they have closed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use store::desk::{Change, EntryKey, Shelf};
use store::{Desk, StoreError};
use zeroize::Zeroizing;

use crate::hall::{Clock, Fill, Happened, LinkEvent, Tell, What};
use crate::identity_check::{Checked, IdentityCheck, OnFile, Refused, Second, Verified};
use crate::link::{LinkEntry, Purpose};
use crate::room::Invite;
use crate::signal::Role;
use crate::{Hashed, Secret, TelehealthError, UnixMs};

const DAY_MS: i64 = 86_400_000;
pub const LINKS_MAX_PER_VISIT: usize = 16;
pub const LABEL_CHARS_MAX: usize = 80;

/// Who is asked to come.
pub struct NewGuest<'a> {
    pub visit: &'a str,
    pub purpose: Purpose,
    /// Shown to those in the room.
    pub label: &'a str,
    pub start_ms: UnixMs,
    pub end_ms: UnixMs,
    /// Of a patient: `YYYY-MM-DD`, and the record number. Others are known to the clinician by name.
    pub birth_date: Option<String>,
    pub number: Option<String>,
}

/// What is kept. Sealed with the desk: the birth date and the number are compared and never shown.
#[derive(Serialize, Deserialize)]
struct Guest {
    link: LinkEntry,
    check: IdentityCheck,
    label: String,
    person: String,
    birth_date: Option<String>,
    number: Option<String>,
    verified: Option<Verified>,
}

/// A guest as the server knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub visit: String,
    pub purpose: Purpose,
    /// Has still to say who they are.
    pub is_to_check: bool,
    pub attempts_left: u8,
    /// How they were known, once they were.
    pub verified: Option<Verified>,
}

/// One link, for whoever made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Names it to be revoked; opens nothing.
    pub name: String,
    /// The same as bytes: what is sent about the link has it for a name.
    pub key: EntryKey,
    pub purpose: Purpose,
    pub label: String,
    pub is_revoked: bool,
    pub checked: Vec<Checked>,
}

#[derive(Debug, thiserror::Error)]
pub enum GuestError {
    #[error(transparent)]
    Link(#[from] TelehealthError),
    #[error(transparent)]
    Identity(#[from] Refused),
    #[error("there are too many links into this visit")]
    TooMany,
    #[error("a name of at most 80 letters is needed")]
    Label,
    #[error("who somebody is is still to be checked")]
    Unchecked,
    #[error("no randomness")]
    Random,
    #[error("the desk")]
    Desk(#[from] StoreError),
    #[error("an entry of the desk cannot be read")]
    Damaged,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Guests {
    desk: Arc<Desk>,
    clock: Clock,
    fill: Fill,
    tell: Tell,
    /// One after the other: an attempt counts before the next is looked at.
    pen: Arc<tokio::sync::Mutex<()>>,
}

impl Guests {
    pub fn new(desk: Arc<Desk>, clock: Clock, fill: Fill, tell: Tell) -> Self {
        Self { desk, clock, fill, tell, pen: Arc::default() }
    }

    /// The secret of a new link: shown once, never kept.
    pub async fn invite(&self, new: NewGuest<'_>) -> Result<Secret, GuestError> {
        let label = new.label.trim();
        if label.is_empty() || label.chars().count() > LABEL_CHARS_MAX || label.chars().any(char::is_control) {
            return Err(GuestError::Label);
        }
        let (secret, person) = (self.secret()?, self.secret()?);
        let _pen = self.pen.lock().await;
        let now_ms = (self.clock)();
        let mut changes = Vec::new();
        let mut of_visit = 0;
        for (key, guest) in self.all()? {
            if now_ms > guest.link.closes_ms() + DAY_MS {
                changes.push(Change::Remove { shelf: Shelf::VisitLink, key });
            } else if guest.link.visit == new.visit && !guest.link.is_revoked() {
                of_visit += 1;
            }
        }
        if of_visit >= LINKS_MAX_PER_VISIT {
            return Err(GuestError::TooMany);
        }
        let guest = Guest {
            link: LinkEntry::new(new.visit, new.purpose, &secret, new.start_ms, new.end_ms)?,
            check: IdentityCheck::default(),
            label: label.to_owned(),
            person: person.text(),
            birth_date: new.birth_date,
            number: new.number,
            verified: None,
        };
        changes.push(put(key_of(&secret), &guest)?);
        self.desk.write(&changes)?;
        self.happened(&guest, LinkEvent::Made);
        Ok(secret)
    }

    /// The links into a visit.
    pub fn of_visit(&self, visit: &str) -> Result<Vec<Listed>, GuestError> {
        let all = self.all()?.into_iter().filter(|(_, guest)| guest.link.visit == visit);
        let listed = all.map(|(key, guest)| Listed {
            name: Secret::new(key).text(),
            key,
            purpose: guest.link.purpose,
            label: guest.label,
            is_revoked: guest.link.is_revoked(),
            checked: guest.verified.map(|verified| verified.checked).unwrap_or_default(),
        });
        Ok(listed.collect())
    }

    /// The link opens nothing any more, wherever it is.
    pub async fn revoke(&self, visit: &str, name: &str) -> Result<(), GuestError> {
        let _pen = self.pen.lock().await;
        let named =
            self.all()?.into_iter().find(|(key, guest)| guest.link.visit == visit && Secret::new(*key).text() == name);
        let Some((key, mut guest)) = named else { return Err(TelehealthError::LinkRefused.into()) };
        guest.link.revoke();
        self.desk.write(&[put(key, &guest)?])?;
        self.happened(&guest, LinkEvent::Closed);
        Ok(())
    }

    /// A fresh secret by which a browser is known from its first use of a link on.
    pub fn binding(&self) -> Result<Secret, GuestError> {
        self.secret()
    }

    /// Opens a link in the browser that holds `binding`.
    pub async fn open(&self, link: &Secret, binding: &Secret) -> Result<Known, GuestError> {
        let _pen = self.pen.lock().await;
        let guest = self.opened(link, binding)?;
        self.happened(&guest, LinkEvent::Opened);
        Ok(known(&guest))
    }

    /// A birth date and the record number, of who has to say who they are.
    pub async fn check(
        &self,
        link: &Secret,
        binding: &Secret,
        birth_date: &str,
        number: &str,
    ) -> Result<Known, GuestError> {
        let _pen = self.pen.lock().await;
        let mut guest = self.opened(link, binding)?;
        if !is_to_check(&guest) {
            return Ok(known(&guest));
        }
        let on_file = OnFile {
            birth_date: guest.birth_date.as_deref(),
            patient_id: guest.number.as_deref(),
            appointment: None,
            choices: 0,
        };
        let checked = guest.check.by_link(&on_file, birth_date, &Second::PatientId(number), (self.clock)());
        let refused = checked.map(|verified| guest.verified = Some(verified)).err();
        // The attempt counts before it is answered.
        self.desk.write(&[put(key_of(link), &guest)?])?;
        self.happened(&guest, if refused.is_some() { LinkEvent::CheckFailed } else { LinkEvent::Checked });
        match refused {
            Some(refused) => Err(refused.into()),
            None => Ok(known(&guest)),
        }
    }

    /// The visit, and as whom this guest comes in: only who said who they are.
    pub async fn entry(&self, link: &Secret, binding: &Secret) -> Result<(String, Invite), GuestError> {
        let _pen = self.pen.lock().await;
        let guest = self.opened(link, binding)?;
        if is_to_check(&guest) {
            return Err(GuestError::Unchecked);
        }
        let role = role_of(guest.link.purpose);
        Ok((guest.link.visit.clone(), Invite { person: guest.person, role, label: guest.label }))
    }

    fn opened(&self, link: &Secret, binding: &Secret) -> Result<Guest, GuestError> {
        let key = key_of(link);
        let Some(plain) = self.desk.get(Shelf::VisitLink, &key)? else {
            return Err(TelehealthError::LinkRefused.into());
        };
        let mut guest: Guest = serde_json::from_slice(&plain).map_err(|_| GuestError::Damaged)?;
        let before = serde_json::to_vec(&guest.link).map_err(|_| GuestError::Damaged)?;
        let opened = guest.link.open(link, binding, (self.clock)());
        if serde_json::to_vec(&guest.link).map_err(|_| GuestError::Damaged)? != before {
            self.desk.write(&[put(key, &guest)?])?;
        }
        match opened {
            Ok(_) => Ok(guest),
            Err(refused) => {
                self.happened(&guest, LinkEvent::Refused);
                Err(refused.into())
            }
        }
    }

    /// A secret that is nobody's link is told by nothing: there is no visit to tell it of.
    fn happened(&self, guest: &Guest, event: LinkEvent) {
        let (visit, role) = (guest.link.visit.clone(), Some(role_of(guest.link.purpose)));
        (self.tell)(Happened { visit, role, what: What::Link(event) });
    }

    fn all(&self) -> Result<Vec<(EntryKey, Guest)>, GuestError> {
        let entries = self.desk.load(Shelf::VisitLink)?;
        let read = |entry: store::desk::Entry| {
            serde_json::from_slice(&entry.plain).map(|guest| (entry.key, guest)).map_err(|_| GuestError::Damaged)
        };
        entries.into_iter().map(read).collect()
    }

    fn secret(&self) -> Result<Secret, GuestError> {
        let mut random = [0; 16];
        if (self.fill)(&mut random) { Ok(Secret::new(random)) } else { Err(GuestError::Random) }
    }
}

fn known(guest: &Guest) -> Known {
    Known {
        visit: guest.link.visit.clone(),
        purpose: guest.link.purpose,
        is_to_check: is_to_check(guest),
        attempts_left: guest.check.attempts_left(),
        verified: guest.verified.clone(),
    }
}

/// Patients and who stands for them say who they are; whoever else comes the clinician names and sees.
fn is_to_check(guest: &Guest) -> bool {
    matches!(guest.link.purpose, Purpose::Patient | Purpose::Proxy) && guest.verified.is_none()
}

fn role_of(purpose: Purpose) -> Role {
    match purpose {
        Purpose::Patient => Role::Patient,
        Purpose::Proxy => Role::Proxy,
        Purpose::Interpreter => Role::Interpreter,
        Purpose::Family => Role::Family,
        Purpose::Guest => Role::Guest,
    }
}

/// Names the entry of a link: half of its hash.
pub fn key_of(link: &Secret) -> EntryKey {
    let mut key = EntryKey::default();
    key.copy_from_slice(&Hashed::of("link-entry", link.text().as_bytes()).bytes()[..16]);
    key
}

fn put(key: EntryKey, guest: &Guest) -> Result<Change, GuestError> {
    let plain = Zeroizing::new(serde_json::to_vec(guest).map_err(|_| GuestError::Damaged)?);
    Ok(Change::Put { shelf: Shelf::VisitLink, key, plain })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

    use crypto::SealKey;

    use super::*;
    use crate::MINUTE_MS;

    const START: i64 = 1_800_000_000_000;

    struct Clinic {
        guests: Guests,
        desk: Arc<Desk>,
        now: Arc<AtomicI64>,
        told: Arc<std::sync::Mutex<Vec<What>>>,
        _directory: tempfile::TempDir,
    }

    fn clinic() -> Clinic {
        let directory = tempfile::tempdir().unwrap();
        let desk = Arc::new(Desk::open(directory.path(), Zeroizing::new([1; 32]), SealKey::new(&[2; 32])).unwrap());
        let now = Arc::new(AtomicI64::new(START));
        let (clock, count) = (now.clone(), AtomicU8::new(1));
        let fill: Fill = Arc::new(move |bytes: &mut [u8]| {
            bytes.fill(count.fetch_add(1, Ordering::SeqCst));
            true
        });
        let told = Arc::new(std::sync::Mutex::new(Vec::new()));
        let tell = told.clone();
        let tell: Tell = Arc::new(move |happened| tell.lock().unwrap().push(happened.what));
        let guests = Guests::new(desk.clone(), Arc::new(move || clock.load(Ordering::SeqCst)), fill, tell);
        Clinic { guests, desk, now, told, _directory: directory }
    }

    fn patient(visit: &str) -> NewGuest<'_> {
        NewGuest {
            visit,
            purpose: Purpose::Patient,
            label: "The patient",
            start_ms: START,
            end_ms: START + 20 * MINUTE_MS,
            birth_date: Some("1968-07-14".into()),
            number: Some("MR-004718".into()),
        }
    }

    #[tokio::test]
    async fn a_patient_comes_in_with_link_birth_date_and_number_and_with_nothing_less() {
        let clinic = clinic();
        let link = clinic.guests.invite(patient("v1")).await.unwrap();
        let browser = clinic.guests.binding().unwrap();
        assert!(clinic.guests.open(&link, &browser).await.unwrap().is_to_check);
        assert!(matches!(clinic.guests.entry(&link, &browser).await, Err(GuestError::Unchecked)));
        for (born, number) in [("1968-07-15", "MR-004718"), ("1968-07-14", "MR-1"), ("", "")] {
            let refused = clinic.guests.check(&link, &browser, born, number).await;
            assert!(matches!(refused, Err(GuestError::Identity(Refused::Mismatch))));
        }
        assert_eq!(clinic.guests.check(&link, &browser, "1968-07-14", "MR-004718").await.unwrap().attempts_left, 2);
        let (visit, invite) = clinic.guests.entry(&link, &browser).await.unwrap();
        assert_eq!((visit.as_str(), invite.role), ("v1", Role::Patient));
        // Nobody else with the same link, also not after a restart.
        let other = clinic.guests.binding().unwrap();
        let again = Guests::new(
            clinic.desk.clone(),
            clinic.guests.clock.clone(),
            clinic.guests.fill.clone(),
            clinic.guests.tell.clone(),
        );
        assert!(matches!(again.entry(&link, &other).await, Err(GuestError::Link(TelehealthError::LinkBound))));
        assert!(again.entry(&link, &browser).await.is_ok());
        use LinkEvent::{CheckFailed, Checked, Made, Opened};
        let told = [Made, Opened, CheckFailed, CheckFailed, CheckFailed, Checked, LinkEvent::Refused].map(What::Link);
        assert_eq!(*clinic.told.lock().unwrap(), told);
    }

    #[tokio::test]
    async fn attempts_end_and_count_also_across_a_restart() {
        let clinic = clinic();
        let link = clinic.guests.invite(patient("v1")).await.unwrap();
        let browser = clinic.guests.binding().unwrap();
        for at in 0..crate::identity_check::ATTEMPTS_MAX {
            let again = Guests::new(
                clinic.desk.clone(),
                clinic.guests.clock.clone(),
                clinic.guests.fill.clone(),
                clinic.guests.tell.clone(),
            );
            assert!(again.check(&link, &browser, "1990-01-01", "x").await.is_err(), "{at}");
        }
        let right = clinic.guests.check(&link, &browser, "1968-07-14", "MR-004718").await;
        assert!(matches!(right, Err(GuestError::Identity(Refused::Attempts))));
    }

    #[tokio::test]
    async fn a_revoked_or_unknown_link_opens_nothing_and_old_ones_go() {
        let clinic = clinic();
        let link = clinic.guests.invite(patient("v1")).await.unwrap();
        let browser = clinic.guests.binding().unwrap();
        let listed = clinic.guests.of_visit("v1").unwrap();
        assert!(clinic.guests.revoke("v2", &listed[0].name).await.is_err(), "of another visit");
        clinic.guests.revoke("v1", &listed[0].name).await.unwrap();
        for secret in [link, clinic.guests.binding().unwrap()] {
            let refused = clinic.guests.open(&secret, &browser).await;
            assert!(matches!(refused, Err(GuestError::Link(TelehealthError::LinkRefused))));
        }
        clinic.now.fetch_add(3 * DAY_MS, Ordering::SeqCst);
        let later = NewGuest { start_ms: START + 3 * DAY_MS, end_ms: START + 3 * DAY_MS + MINUTE_MS, ..patient("v9") };
        clinic.guests.invite(later).await.unwrap();
        assert!(clinic.guests.of_visit("v1").unwrap().is_empty());
    }
}
