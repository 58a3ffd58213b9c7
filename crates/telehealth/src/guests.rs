//! Those who come by a link: made by a clinician for one visit, opened by one browser, entered after a check of who they are. Kept
//! sealed on the desk, and removed a day after they have closed.

mod check;
mod known;
mod letters;

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use store::desk::{Change, EntryKey, Shelf};
use store::{Desk, StoreError};
use zeroize::Zeroizing;

use crate::choices::Choices;
use crate::hall::{Clock, Fill, Happened, LinkEvent, Tell, What};
use crate::identity_check::{IdentityCheck, Refused, Verified};
use crate::link::{LinkEntry, Purpose};
use crate::room::Invite;
use crate::window::{Window, household};
use crate::{Hashed, MINUTE_MS, Secret, TelehealthError, UnixMs};

pub use check::{Visited, person_of, place_of};
pub use known::{Known, Listed, Ways};
pub use letters::{Concerned, Correspondent, Way};

use known::{came, is_to_agree, is_to_check, known, role_of};
use letters::Written;

const DAY_MS: i64 = 86_400_000;
pub const LINKS_MAX_PER_VISIT: usize = 16;
pub const LABEL_CHARS_MAX: usize = 80;
/// Links that are nobody's from one address, within `STRANGE_MS`.
pub const STRANGE_MAX: u32 = 20;
const STRANGE_MS: i64 = 10 * MINUTE_MS;
/// Ways through a relay to try, within `RELAYS_MS`.
pub const RELAYS_MAX: u32 = 10;
const RELAYS_MS: i64 = 10 * MINUTE_MS;
/// Passkeys that a guest begins to make, within `PASSKEYS_MS`.
pub const PASSKEYS_MAX: u32 = 10;
const PASSKEYS_MS: i64 = 10 * MINUTE_MS;
/// Times that a page keeps what is typed into a form, within `KEEPS_MS`: a script keeps it once a second at most, and people pause.
pub const KEEPS_MAX: u32 = 240;
const KEEPS_MS: i64 = 10 * MINUTE_MS;

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
    /// Days to pick a recent appointment from.
    pub choices: Option<Choices>,
    /// Where a one-time code could go.
    pub email: Option<String>,
    pub phone: Option<String>,
}

/// Somebody who signed in and comes into a visit of their own, or of whom they stand for.
pub struct SignedIn<'a> {
    pub visit: &'a str,
    pub purpose: Purpose,
    pub label: &'a str,
    pub start_ms: UnixMs,
    pub end_ms: UnixMs,
    /// Of their account, opaque: the same person however often they come.
    pub account: &'a str,
}

/// What is kept. Sealed with the desk: what is on file is compared, or written to, and never shown.
#[derive(Serialize, Deserialize)]
struct Guest {
    link: LinkEntry,
    check: IdentityCheck,
    label: String,
    person: String,
    birth_date: Option<String>,
    number: Option<String>,
    verified: Option<Verified>,
    #[serde(default)]
    choices: Option<Choices>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    phone: Option<String>,
    /// The version of the words that they agreed to.
    #[serde(default)]
    agreed: Option<u16>,
    #[serde(default)]
    account: Option<String>,
    /// What was written to them about it.
    #[serde(default)]
    written: Option<Written>,
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
    #[error("a visit by video is still to be agreed to")]
    NotAgreed,
    #[error("this is said by the patient, or by who stands for them")]
    NotTheirs,
    #[error("they were taken out of the visit")]
    TakenOut,
    #[error("the words have changed")]
    OtherWords,
    #[error("no code goes there, or enough were sent")]
    NoCode,
    #[error("too many attempts: wait {seconds} s")]
    Wait { seconds: u32 },
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
    /// Links that are nobody's, by who brings them.
    strangers: Arc<Window<u128>>,
    /// Ways through a relay that were asked for, by guest or host.
    relays: Arc<Window<EntryKey>>,
    /// Passkeys that were begun, by guest.
    passkeys: Arc<Window<EntryKey>>,
    /// Forms that were kept while they are filled in, by guest.
    keeps: Arc<Window<EntryKey>>,
}

impl Guests {
    pub fn new(desk: Arc<Desk>, clock: Clock, fill: Fill, tell: Tell) -> Self {
        let strangers = Arc::new(Window::new(STRANGE_MAX, STRANGE_MS));
        let relays = Arc::new(Window::new(RELAYS_MAX, RELAYS_MS));
        let passkeys = Arc::new(Window::new(PASSKEYS_MAX, PASSKEYS_MS));
        let keeps = Arc::new(Window::new(KEEPS_MAX, KEEPS_MS));
        Self { desk, clock, fill, tell, pen: Arc::default(), strangers, relays, passkeys, keeps }
    }

    /// The secret of a new link: shown once, never kept.
    pub async fn invite(&self, new: NewGuest<'_>) -> Result<Secret, GuestError> {
        let label = new.label.trim();
        if label.is_empty() || label.chars().count() > LABEL_CHARS_MAX || label.chars().any(char::is_control) {
            return Err(GuestError::Label);
        }
        let (secret, person) = (self.secret()?, self.secret()?);
        let _pen = self.pen.lock().await;
        let mut changes = self.room_for(new.visit, None)?;
        let guest = Guest {
            link: LinkEntry::new(new.visit, new.purpose, &secret, new.start_ms, new.end_ms)?,
            check: IdentityCheck::default(),
            label: label.to_owned(),
            person: person.text(),
            birth_date: new.birth_date,
            number: new.number,
            verified: None,
            choices: new.choices,
            email: new.email,
            phone: new.phone,
            agreed: None,
            account: None,
            written: None,
        };
        changes.push(put(key_of(&secret), &guest)?);
        self.desk.write(&changes)?;
        self.happened(&guest, LinkEvent::Made);
        Ok(secret)
    }

    /// What is old goes, and what this account had before: what is left has to leave room for one more.
    fn room_for(&self, visit: &str, account: Option<&str>) -> Result<Vec<Change>, GuestError> {
        let now_ms = (self.clock)();
        let (mut changes, mut of_visit) = (Vec::new(), 0);
        for (key, guest) in self.all()? {
            let is_of_visit = guest.link.visit == visit;
            let is_theirs = is_of_visit && account.is_some() && guest.account.as_deref() == account;
            if is_theirs || now_ms > guest.link.closes_ms() + DAY_MS {
                changes.push(Change::Remove { shelf: Shelf::VisitLink, key });
            } else if is_of_visit && !guest.link.is_revoked() {
                of_visit += 1;
            }
        }
        if of_visit >= LINKS_MAX_PER_VISIT { Err(GuestError::TooMany) } else { Ok(changes) }
    }

    /// The links into a visit.
    pub fn of_visit(&self, visit: &str) -> Result<Vec<Listed>, GuestError> {
        let all = self.all()?.into_iter().filter(|(_, guest)| guest.link.visit == visit);
        let listed = all.map(|(key, guest)| Listed {
            name: Secret::new(key).text(),
            key,
            letter: guest.written.as_ref().map(|written| written.last),
            purpose: guest.link.purpose,
            label: guest.label,
            is_revoked: guest.link.is_revoked(),
            checked: guest.verified.map(|verified| verified.checked).unwrap_or_default(),
        });
        Ok(listed.collect())
    }

    /// The link opens nothing any more, wherever it is. Says who came by it: the hall puts them out.
    pub async fn revoke(&self, visit: &str, name: &str) -> Result<String, GuestError> {
        let _pen = self.pen.lock().await;
        let named =
            self.all()?.into_iter().find(|(key, guest)| guest.link.visit == visit && Secret::new(*key).text() == name);
        let Some((key, mut guest)) = named else { return Err(TelehealthError::LinkRefused.into()) };
        guest.link.revoke();
        self.desk.write(&[put(key, &guest)?])?;
        self.happened(&guest, LinkEvent::Closed);
        Ok(guest.person)
    }

    /// The visit is not to be: none of its links opens anything any more. `version` is that of its appointment, as it is now. Says whom
    /// that concerns.
    pub async fn revoke_all(&self, visit: &str, version: u32) -> Result<Concerned, GuestError> {
        let _pen = self.pen.lock().await;
        let open = self.all()?.into_iter().filter(|(_, guest)| guest.link.visit == visit && !guest.link.is_revoked());
        let mut concerned = Concerned::default();
        for (key, mut guest) in open {
            guest.link.revoke();
            concerned.add(key, &mut guest, version);
            self.desk.write(&[put(key, &guest)?])?;
            self.happened(&guest, LinkEvent::Closed);
        }
        Ok(concerned)
    }

    /// The visit is at another time, and its links open with it. Where that is not now, who came says anew who and where they are;
    /// who signed in comes in anew. `version` is that of its appointment, as it is now. Says whom that concerns.
    pub async fn move_to(
        &self,
        visit: &str,
        version: u32,
        start_ms: UnixMs,
        end_ms: UnixMs,
    ) -> Result<Concerned, GuestError> {
        let _pen = self.pen.lock().await;
        let (mut changes, mut concerned, now_ms) = (Vec::new(), Concerned::default(), (self.clock)());
        for (key, mut guest) in self.all()?.into_iter().filter(|(_, guest)| guest.link.visit == visit) {
            if !guest.link.is_revoked() {
                concerned.add(key, &mut guest, version);
            }
            guest.link.move_to(start_ms, end_ms, now_ms)?;
            if !guest.link.is_open(now_ms) {
                (guest.verified, guest.agreed) = (None, None);
                if guest.account.is_some() {
                    guest.link.revoke();
                }
            }
            changes.push(put(key, &guest)?);
        }
        if !changes.is_empty() {
            self.desk.write(&changes)?;
        }
        Ok(concerned)
    }

    /// For how many milliseconds a link still opens something. None: it does not any more.
    pub fn open_for_ms(&self, link: &Secret) -> Result<Option<u64>, GuestError> {
        let held = self.desk.get(Shelf::VisitLink, &key_of(link))?;
        let read = |plain: Zeroizing<Vec<u8>>| serde_json::from_slice::<Guest>(&plain).map_err(|_| GuestError::Damaged);
        let guest = held.map(read).transpose()?.filter(|guest| !guest.link.is_revoked());
        let left = guest.and_then(|guest| u64::try_from(guest.link.closes_ms() - (self.clock)()).ok());
        Ok(left.filter(|left| *left > 0))
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

    /// The visit, and as whom this guest comes in: only who said who they are.
    pub async fn entry(&self, link: &Secret, binding: &Secret) -> Result<(String, Invite), GuestError> {
        let _pen = self.pen.lock().await;
        let guest = self.opened(link, binding)?;
        came(&guest)?;
        let role = role_of(guest.link.purpose);
        Ok((guest.link.visit.clone(), Invite { person: guest.person, role, label: guest.label }))
    }

    /// Somebody at this address brought a link that is nobody's, or waits because they did so too often.
    pub fn strange(&self, address: IpAddr) -> Result<(), GuestError> {
        self.strangers.count(household(address), (self.clock)());
        self.wait(address)
    }

    pub fn wait(&self, address: IpAddr) -> Result<(), GuestError> {
        let wait_s = self.strangers.wait_s(&household(address), (self.clock)());
        wait_s.map_or(Ok(()), |seconds| Err(GuestError::Wait { seconds }))
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
        (self.tell)(Happened { visit, at_ms: (self.clock)(), role, who: None, what: What::Link(event) });
    }

    fn all(&self) -> Result<Vec<(EntryKey, Guest)>, GuestError> {
        let entries = self.desk.load(Shelf::VisitLink)?;
        let read = |entry: store::desk::Entry| {
            serde_json::from_slice(&entry.plain).map(|guest| (entry.key, guest)).map_err(|_| GuestError::Damaged)
        };
        entries.into_iter().map(read).collect()
    }

    /// False where there is no randomness.
    pub fn random(&self, bytes: &mut [u8]) -> bool {
        (self.fill)(bytes)
    }

    fn secret(&self) -> Result<Secret, GuestError> {
        let mut random = [0; 16];
        if (self.fill)(&mut random) { Ok(Secret::new(random)) } else { Err(GuestError::Random) }
    }
}

/// Names the entry of a link.
pub fn key_of(link: &Secret) -> EntryKey {
    Hashed::of("link-entry", link.text().as_bytes()).entry_key()
}

/// Names a visit in calendars: the same for all letters about it, and nothing that leads back to it.
pub fn calendar_name(visit: &str) -> EntryKey {
    Hashed::of("visit-calendar", visit.as_bytes()).entry_key()
}

fn put(key: EntryKey, guest: &Guest) -> Result<Change, GuestError> {
    let plain = Zeroizing::new(serde_json::to_vec(guest).map_err(|_| GuestError::Damaged)?);
    Ok(Change::Put { shelf: Shelf::VisitLink, key, plain })
}

#[cfg(test)]
mod tests;
