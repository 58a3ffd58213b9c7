//! Whom a link was sent to: what becomes of the visit is written to the same address, in the same way.

use serde::{Deserialize, Serialize};
use store::desk::EntryKey;

use super::{Guest, GuestError, Guests, key_of, put};
use crate::{Hashed, Secret, TelehealthError};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    Email,
    Sms,
}

/// What was written about one link.
#[derive(Serialize, Deserialize)]
pub(super) struct Written {
    by: Way,
    /// Names the last letter in the outbox: that with the link has the name of the link.
    pub last: EntryKey,
}

/// Somebody who was sent a link and is to be told, of what is on file with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correspondent {
    /// Names the letter in which the link was sent: who never got that has no link.
    pub link: EntryKey,
    /// Names the letter before this one: it says what is not so any more.
    pub before: EntryKey,
    /// Names this letter: the same for all links that went to one address.
    pub letter: EntryKey,
    pub by: Way,
    pub to: String,
}

/// Whom a change of a visit concerns, of those whose links were open until then.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Concerned {
    pub written: Vec<Correspondent>,
    /// How many have a link that nobody sent: handed over, or by signing in.
    pub others: usize,
}

impl Guests {
    /// The link is on its way.
    pub async fn sent(&self, link: &Secret, by: Way) -> Result<(), GuestError> {
        let _pen = self.pen.lock().await;
        let key = key_of(link);
        let named = self.all()?.into_iter().find(|(held, _)| *held == key);
        let Some((_, mut guest)) = named else { return Err(TelehealthError::LinkRefused.into()) };
        guest.written = Some(Written { by, last: key });
        self.desk.write(&[put(key, &guest)?])?;
        Ok(())
    }
}

impl Concerned {
    /// Counts who has this link in. `version` is that of the appointment, as it is now.
    pub(super) fn add(&mut self, link: EntryKey, guest: &mut Guest, version: u32) {
        let visit = &guest.link.visit;
        let Some(written) = guest.written.as_mut() else {
            self.others += 1;
            return;
        };
        let to = match written.by {
            Way::Email => guest.email.as_ref(),
            Way::Sms => guest.phone.as_ref(),
        };
        let Some(to) = to else {
            self.others += 1;
            return;
        };
        let named = [visit.as_bytes(), &[0, written.by as u8], to.as_bytes(), &version.to_be_bytes()].concat();
        let letter = Hashed::of("visit-letter", &named).entry_key();
        let before = std::mem::replace(&mut written.last, letter);
        self.written.push(Correspondent { link, before, letter, by: written.by, to: to.clone() });
    }
}
