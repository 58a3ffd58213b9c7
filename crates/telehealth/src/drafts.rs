//! What somebody typed into a form before a visit and has not sent yet: on the sealed sheet of the visit, for who typed it alone.

use serde::{Deserialize, Serialize};

use crate::UnixMs;

/// Forms of one visit that are half filled in, and bytes of one of them. What is more is not kept.
pub const DRAFTS_MAX: usize = 16;
pub const DRAFT_BYTES_MAX: usize = 128 * 1024;

/// Names and values of fields. With no `Debug`: it is what a patient typed.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Drafts {
    held: Vec<Draft>,
    /// Persons of the visit who want to fill in what is asked later.
    later: Vec<String>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Draft {
    /// The Task that asks for it.
    task: String,
    /// Of the visit: who typed it.
    person: String,
    fields: Vec<(String, String)>,
    at_ms: UnixMs,
}

impl Drafts {
    /// What this person typed, and when.
    pub fn of(&self, task: &str, person: &str) -> Option<(&[(String, String)], UnixMs)> {
        let held = self.held.iter().find(|one| one.task == task && one.person == person)?;
        Some((&held.fields, held.at_ms))
    }

    /// In place of what they typed before. False where it is too much to keep.
    pub fn keep(&mut self, task: &str, person: &str, fields: Vec<(String, String)>, at_ms: UnixMs) -> bool {
        let bytes: usize = fields.iter().map(|(name, value)| name.len() + value.len()).sum();
        if bytes > DRAFT_BYTES_MAX {
            return false;
        }
        self.forget(task, person);
        if self.held.len() >= DRAFTS_MAX {
            return false;
        }
        self.held.push(Draft { task: task.to_owned(), person: person.to_owned(), fields, at_ms });
        true
    }

    /// This person is not asked again on their way in.
    pub fn put_off(&mut self, person: &str) {
        if !self.is_later(person) && self.later.len() < DRAFTS_MAX {
            self.later.push(person.to_owned());
        }
    }

    pub fn is_later(&self, person: &str) -> bool {
        self.later.iter().any(|one| one == person)
    }

    pub fn forget(&mut self, task: &str, person: &str) {
        self.held.retain(|one| one.task != task || one.person != person);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_is_of_one_person_and_one_form_and_no_more_than_is_kept() {
        let fields = |value: &str| vec![("a.1".to_owned(), value.to_owned())];
        let mut drafts = Drafts::default();
        assert!(drafts.keep("t", "ruth", fields("first"), 1) && drafts.keep("t", "ruth", fields("second"), 2));
        assert!(drafts.keep("t", "tom", fields("his"), 3));
        assert!(drafts.of("t", "ruth").is_some_and(|(held, at_ms)| held[0].1 == "second" && at_ms == 2));
        assert!(drafts.of("other", "ruth").is_none());
        assert!(!drafts.keep("t", "ruth", fields(&"x".repeat(DRAFT_BYTES_MAX)), 4));
        assert!(drafts.of("t", "ruth").is_some(), "what was kept stays");
        for at in 0..DRAFTS_MAX * 2 {
            drafts.keep(&at.to_string(), "ruth", fields("x"), 5);
        }
        assert_eq!(drafts.held.len(), DRAFTS_MAX);
        drafts.forget("t", "ruth");
        assert!(drafts.of("t", "ruth").is_none() && drafts.of("t", "tom").is_some());
        drafts.put_off("ruth");
        assert!(drafts.is_later("ruth") && !drafts.is_later("tom"));
    }
}
