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
    /// Of the last letter: the first, 0, has the link; each after it says what became of the visit.
    sequence: u32,
}

/// One letter about a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Letter {
    /// Names it in the outbox, and leads back to nothing.
    pub name: EntryKey,
    pub sequence: u32,
}

/// Somebody who is to be written to, of what is on file with their link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correspondent {
    pub letter: Letter,
    pub by: Way,
    pub to: String,
}

impl Written {
    pub fn letter(&self, link: &EntryKey) -> Letter {
        let name = match self.sequence {
            0 => *link,
            sequence => {
                let of_link = [&link[..], &sequence.to_be_bytes()].concat();
                Hashed::of("visit-letter", &of_link).entry_key()
            }
        };
        Letter { name, sequence: self.sequence }
    }
}

impl Guests {
    /// The link is on its way.
    pub async fn sent(&self, link: &Secret, by: Way) -> Result<(), GuestError> {
        let _pen = self.pen.lock().await;
        let key = key_of(link);
        let named = self.all()?.into_iter().find(|(held, _)| *held == key);
        let Some((_, mut guest)) = named else { return Err(TelehealthError::LinkRefused.into()) };
        guest.written = Some(Written { by, sequence: 0 });
        self.desk.write(&[put(key, &guest)?])?;
        Ok(())
    }
}

/// The next letter to who was sent this link. None: it was handed over.
pub(super) fn next(key: EntryKey, guest: &mut Guest) -> Option<Correspondent> {
    let written = guest.written.as_mut()?;
    written.sequence = written.sequence.saturating_add(1);
    let to = match written.by {
        Way::Email => guest.email.clone()?,
        Way::Sms => guest.phone.clone()?,
    };
    Some(Correspondent { letter: written.letter(&key), by: written.by, to })
}

/// Who was sent more than one link is told once, by the letter that stands for the most.
pub(super) fn each_once(mut all: Vec<Correspondent>) -> Vec<Correspondent> {
    all.sort_by_key(|one| std::cmp::Reverse(one.letter.sequence));
    let mut once: Vec<Correspondent> = Vec::with_capacity(all.len());
    for one in all {
        if !once.iter().any(|held| held.by == one.by && held.to == one.to) {
            once.push(one);
        }
    }
    once
}
