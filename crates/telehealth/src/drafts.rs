//! What somebody typed into a form before a visit and has not sent yet: an entry of its own on the desk for each form and person, so that
//! keeping it writes nothing else anew.

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use store::Desk;
use store::desk::{Change, ENTRY_BYTES_MAX, EntryKey, Shelf};
use zeroize::Zeroizing;

use crate::hall::Clock;
use crate::sheets::SheetError;
use crate::{Hashed, Secret, UnixMs};

/// From the last change on, or from the visit where that is still to come.
const KEPT_MS: i64 = 7 * 86_400_000;
/// Persons of a visit who want to fill in what is asked later.
const LATER_MAX: usize = 16;

/// Whose draft it is, and of which form.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub visit: &'a str,
    /// The Task that asks for it.
    pub task: &'a str,
    /// Of the visit: who types it.
    pub person: &'a str,
}

/// Fields as they were sent, and what the form said. With no `Debug`, like what becomes of it.
pub struct Typed {
    pub fields: Vec<(String, String)>,
    pub print: String,
    /// Of the Task, as it was on the page.
    pub version: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    Yes,
    /// It is too much to keep: what was kept stays.
    TooLong,
    /// From this page, or one before it, the form was sent: nothing of it is left behind.
    Sent,
}

/// Names and values of fields. With no `Debug`: it is what a patient typed.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    pub fields: Vec<(String, String)>,
    /// What the form said when it was typed.
    pub print: String,
    pub at_ms: UnixMs,
    until_ms: UnixMs,
    /// It was sent from this version of the Task: there is no draft, and what comes late from such a page is none.
    sent: Option<u32>,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Drafts {
    desk: Arc<Desk>,
    clock: Clock,
    /// One change after the other.
    pen: Arc<Mutex<()>>,
}

impl Drafts {
    pub fn new(desk: Arc<Desk>, clock: Clock) -> Self {
        Self { desk, clock, pen: Arc::default() }
    }

    /// What this person typed, and when.
    pub fn of(&self, place: Place<'_>) -> Result<Option<Draft>, SheetError> {
        Ok(self.held(place)?.filter(|draft| draft.sent.is_none()))
    }

    fn held(&self, place: Place<'_>) -> Result<Option<Draft>, SheetError> {
        let Some(plain) = self.desk.get(Shelf::FormDraft, &place.key())? else { return Ok(None) };
        serde_json::from_slice(&plain).map(Some).map_err(|_| SheetError::Damaged)
    }

    /// In place of what they typed before, until a week after a visit that starts then.
    pub fn keep(&self, place: Place<'_>, typed: Typed, start_ms: UnixMs) -> Result<Kept, SheetError> {
        let _pen = self.pen.lock().unwrap_or_else(PoisonError::into_inner);
        if self.held(place)?.is_some_and(|held| held.sent >= Some(typed.version)) {
            return Ok(Kept::Sent);
        }
        let at_ms = (self.clock)();
        let Typed { fields, print, .. } = typed;
        let draft = Draft { fields, print, at_ms, until_ms: at_ms.max(start_ms) + KEPT_MS, sent: None };
        let plain = Zeroizing::new(serde_json::to_vec(&draft).map_err(|_| SheetError::Damaged)?);
        if plain.len() > ENTRY_BYTES_MAX {
            return Ok(Kept::TooLong);
        }
        self.desk.write(&[Change::Put { shelf: Shelf::FormDraft, key: place.key(), plain }])?;
        Ok(Kept::Yes)
    }

    /// It was sent from this version of the Task: nothing of what was typed is left, and nothing that comes late is kept.
    pub fn sent(&self, place: Place<'_>, version: u32) -> Result<(), SheetError> {
        let _pen = self.pen.lock().unwrap_or_else(PoisonError::into_inner);
        let until_ms = (self.clock)() + KEPT_MS;
        let draft = Draft { sent: Some(version), until_ms, ..Draft::default() };
        let plain = Zeroizing::new(serde_json::to_vec(&draft).map_err(|_| SheetError::Damaged)?);
        Ok(self.desk.write(&[Change::Put { shelf: Shelf::FormDraft, key: place.key(), plain }])?)
    }

    /// Removes what was kept long enough.
    pub fn sweep(&self) -> Result<(), SheetError> {
        let _pen = self.pen.lock().unwrap_or_else(PoisonError::into_inner);
        let now_ms = (self.clock)();
        let mut changes = Vec::new();
        for entry in self.desk.load(Shelf::FormDraft)? {
            let draft: Draft = serde_json::from_slice(&entry.plain).map_err(|_| SheetError::Damaged)?;
            if now_ms > draft.until_ms {
                changes.push(Change::Remove { shelf: Shelf::FormDraft, key: entry.key });
            }
        }
        if changes.is_empty() { Ok(()) } else { Ok(self.desk.write(&changes)?) }
    }
}

/// Names what a form says: a draft, and what is sent, is of the questions that were read, and of no others.
pub fn print_of(form: &[u8]) -> String {
    Secret::new(Hashed::of("form-print", form).entry_key()).text()
}

impl Place<'_> {
    fn key(&self) -> EntryKey {
        let named = [self.visit, self.task, self.person].map(|part| format!("{}:{part}", part.len())).concat();
        Hashed::of("form-draft", named.as_bytes()).entry_key()
    }
}

/// Persons of a visit who are not asked for forms again on their way in.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Later {
    later: Vec<String>,
}

impl Later {
    pub fn put_off(&mut self, person: &str) {
        if !self.has(person) && self.later.len() < LATER_MAX {
            self.later.push(person.to_owned());
        }
    }

    pub fn has(&self, person: &str) -> bool {
        self.later.iter().any(|one| one == person)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use crypto::SealKey;

    use super::*;

    struct Bench {
        drafts: Drafts,
        now: Arc<AtomicI64>,
        _directory: tempfile::TempDir,
    }

    fn bench() -> Bench {
        let directory = tempfile::tempdir().unwrap();
        let desk = Arc::new(Desk::open(directory.path(), Zeroizing::new([1; 32]), SealKey::new(&[2; 32])).unwrap());
        let now = Arc::new(AtomicI64::new(1_800_000_000_000));
        let clock = now.clone();
        let drafts = Drafts::new(desk, Arc::new(move || clock.load(Ordering::SeqCst)));
        Bench { drafts, now, _directory: directory }
    }

    fn of<'a>(task: &'a str, person: &'a str) -> Place<'a> {
        Place { visit: "v", task, person }
    }

    fn fields(value: &str) -> Typed {
        Typed { fields: vec![("a.1".to_owned(), value.to_owned())], print: print_of(b"form"), version: 3 }
    }

    #[test]
    fn a_draft_is_of_one_person_and_one_form_and_no_more_than_is_kept() {
        let Bench { drafts, .. } = &bench();
        let held = |place| drafts.of(place).unwrap().map(|draft| draft.fields[0].1.clone());
        for typed in ["first", "second"] {
            assert_eq!(drafts.keep(of("t", "ruth"), fields(typed), 0).unwrap(), Kept::Yes);
        }
        assert_eq!(drafts.keep(of("t", "tom"), fields("his"), 0).unwrap(), Kept::Yes);
        assert_eq!(held(of("t", "ruth")).as_deref(), Some("second"));
        assert_eq!(held(of("t", "tom")).as_deref(), Some("his"));
        assert!(held(of("other", "ruth")).is_none());
        assert!(held(Place { visit: "w", task: "t", person: "ruth" }).is_none(), "of another visit");
        let keep = |chars: usize| drafts.keep(of("t", "ruth"), fields(&"x".repeat(chars)), 0).unwrap();
        assert_eq!([keep(ENTRY_BYTES_MAX), keep(ENTRY_BYTES_MAX - 1024)], [Kept::TooLong, Kept::Yes]);
    }

    #[test]
    fn what_comes_late_from_a_page_that_was_sent_is_not_kept() {
        let Bench { drafts, .. } = &bench();
        let is_there = |person| drafts.of(of("t", person)).unwrap().is_some();
        for person in ["ruth", "tom"] {
            drafts.keep(of("t", person), fields("x"), 0).unwrap();
        }
        drafts.sent(of("t", "ruth"), 3).unwrap();
        assert!(!is_there("ruth") && is_there("tom"));
        assert_eq!(drafts.keep(of("t", "ruth"), fields("late"), 0).unwrap(), Kept::Sent);
        assert!(!is_there("ruth"));
        // Asked for once more: another version of the Task.
        let again = Typed { version: 5, ..fields("again") };
        assert_eq!(drafts.keep(of("t", "ruth"), again, 0).unwrap(), Kept::Yes);
        assert!(is_there("ruth"));
    }

    #[test]
    fn a_draft_goes_a_week_after_its_visit_or_its_last_change() {
        let Bench { drafts, now, .. } = &bench();
        let start_ms = now.load(Ordering::SeqCst) + 30 * 86_400_000;
        drafts.keep(of("t", "ruth"), fields("early"), start_ms).unwrap();
        drafts.keep(of("t", "tom"), fields("late"), 0).unwrap();
        for (at_ms, kept) in [(start_ms, [true, false]), (start_ms + KEPT_MS + 1, [false, false])] {
            now.store(at_ms, Ordering::SeqCst);
            drafts.sweep().unwrap();
            assert_eq!(["ruth", "tom"].map(|person| drafts.of(of("t", person)).unwrap().is_some()), kept, "{at_ms}");
        }
    }

    #[test]
    fn who_wants_to_do_it_later_is_known_by_name() {
        let mut later = Later::default();
        later.put_off("ruth");
        assert!(later.has("ruth") && !later.has("tom"));
    }
}
