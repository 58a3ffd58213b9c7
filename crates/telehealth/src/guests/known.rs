//! What may be told of a guest: to themselves, and to whoever made their link.

use store::desk::EntryKey;

use super::{Guest, GuestError};
use crate::choices::Choice;
use crate::consent;
use crate::identity_check::{Checked, Verified};
use crate::link::Purpose;
use crate::signal::Role;

/// A guest as the server knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub visit: String,
    pub purpose: Purpose,
    /// Has still to say who they are.
    pub is_to_check: bool,
    /// Has still to agree to a visit by video, and to say where they are.
    pub is_to_agree: bool,
    pub attempts_left: u8,
    pub ways: Ways,
    /// How they were known, once they were.
    pub verified: Option<Verified>,
}

/// How somebody can say who they are, beside their birth date. None of it is on file to the eye: a way is there or not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ways {
    pub number: bool,
    pub choices: Vec<Choice>,
    pub email: bool,
    pub phone: bool,
    pub codes_left: u8,
}

/// One link, for whoever made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Names it to be revoked; opens nothing.
    pub name: String,
    /// Names the letter in which it was sent.
    pub key: EntryKey,
    /// Names the last letter about it, where one was due: first the link, then what became of the visit.
    pub letter: Option<EntryKey>,
    pub purpose: Purpose,
    pub label: String,
    pub is_revoked: bool,
    pub checked: Vec<Checked>,
}

pub(super) fn known(guest: &Guest) -> Known {
    Known {
        visit: guest.link.visit.clone(),
        purpose: guest.link.purpose,
        is_to_check: is_to_check(guest),
        is_to_agree: is_to_agree(guest),
        attempts_left: guest.check.attempts_left(),
        ways: if is_to_check(guest) { ways(guest) } else { Ways::default() },
        verified: guest.verified.clone(),
    }
}

pub(super) fn is_to_check(guest: &Guest) -> bool {
    guest.link.purpose.is_visited() && guest.verified.is_none()
}

/// To the words that are shown now.
pub(super) fn is_to_agree(guest: &Guest) -> bool {
    guest.link.purpose.is_visited() && guest.agreed != Some(consent::VERSION)
}

/// Who comes in said who they are, and agreed.
pub(super) fn came(guest: &Guest) -> Result<(), GuestError> {
    match (is_to_check(guest), is_to_agree(guest)) {
        (true, _) => Err(GuestError::Unchecked),
        (false, true) => Err(GuestError::NotAgreed),
        (false, false) => Ok(()),
    }
}

fn ways(guest: &Guest) -> Ways {
    let choices = guest.choices.as_ref().filter(|_| guest.check.may_pick());
    Ways {
        number: guest.number.is_some(),
        choices: choices.map(|choices| choices.all().to_vec()).unwrap_or_default(),
        email: guest.email.is_some(),
        phone: guest.phone.is_some(),
        codes_left: guest.check.codes_left(),
    }
}

pub(super) fn role_of(purpose: Purpose) -> Role {
    match purpose {
        Purpose::Patient => Role::Patient,
        Purpose::Proxy => Role::Proxy,
        Purpose::Interpreter => Role::Interpreter,
        Purpose::Family => Role::Family,
        Purpose::Guest => Role::Guest,
    }
}
