//! Files that are to come into a chart and are held back: something was found in them, or nothing could look into them. Sealed on the
//! desk, few and not for ever, until a clinician tries again or throws them away.

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use store::desk::{Change, EntryKey, Shelf};
use store::{Desk, StoreError};
use zeroize::Zeroizing;

use crate::hall::{Clock, Happened, KeepEvent, Tell, What};
use crate::signal::Role;
use crate::{Hashed, UnixMs};

pub const FILES_MAX: usize = 32;
pub const VISIT_FILES_MAX: usize = 8;
pub const BYTES_MAX: usize = 128 * 1024 * 1024;
const KEPT_MS: UnixMs = 30 * 86_400_000;
/// An entry of the desk is a megabyte at most.
const PIECE_BYTES: usize = 1_000_000;

/// With no `Debug`: a title may say what somebody has.
#[derive(Clone, Serialize, Deserialize)]
pub struct Held {
    /// Opaque, of this file.
    pub name: String,
    pub visit: String,
    pub why: Why,
    pub size: usize,
    pub at_ms: UnixMs,
    /// How it is to be filed, as who wanted it said: of the caller.
    pub form: String,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Why {
    /// The name of what was found.
    Found(String),
    Unscanned,
}

#[derive(Debug, thiserror::Error)]
pub enum QuarantineError {
    #[error("the desk")]
    Desk(#[from] StoreError),
    #[error("what is held back cannot be read")]
    Damaged,
    #[error("as many files are held back as may be")]
    Full,
    #[error("no such file is held back in this visit")]
    Absent,
}

/// Cheap to clone. Calls block for the time of a flush.
#[derive(Clone)]
pub struct Quarantine {
    desk: Arc<Desk>,
    clock: Clock,
    tell: Tell,
    /// One change after the other.
    pen: Arc<Mutex<()>>,
}

impl Quarantine {
    pub fn new(desk: Arc<Desk>, clock: Clock, tell: Tell) -> Self {
        Self { desk, clock, tell, pen: Arc::default() }
    }

    /// Holds a file back. The same name again takes the place of the one before.
    pub fn hold(&self, name: &str, visit: &str, why: Why, form: String, bytes: &[u8]) -> Result<(), QuarantineError> {
        let _pen = self.pen.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut list, mut changes) = self.fresh()?;
        let at = list.iter().position(|held| held.name == name);
        let before = at.map(|at| list.remove(at));
        let of_visit = list.iter().filter(|held| held.visit == visit).count();
        let total: usize = list.iter().map(|held| held.size).sum();
        if list.len() >= FILES_MAX || of_visit >= VISIT_FILES_MAX || total + bytes.len() > BYTES_MAX {
            return Err(QuarantineError::Full);
        }
        changes.extend(before.iter().flat_map(gone));
        let event = if why == Why::Unscanned { KeepEvent::HeldUnscanned } else { KeepEvent::HeldFound };
        let at_ms = (self.clock)();
        list.push(Held { name: name.to_owned(), visit: visit.to_owned(), why, size: bytes.len(), at_ms, form });
        for (at, piece) in bytes.chunks(PIECE_BYTES).enumerate() {
            let plain = Zeroizing::new(piece.to_vec());
            changes.push(Change::Put { shelf: Shelf::Quarantine, key: piece_key(name, at), plain });
        }
        self.write(&list, changes)?;
        self.tell(visit, event);
        Ok(())
    }

    pub fn of_visit(&self, visit: &str) -> Result<Vec<Held>, QuarantineError> {
        let _pen = self.pen.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut list, changes) = self.fresh()?;
        if !changes.is_empty() {
            self.write(&list, changes)?;
        }
        list.retain(|held| held.visit == visit);
        Ok(list)
    }

    /// Removes what nobody dealt with for a month.
    pub fn sweep(&self) -> Result<(), QuarantineError> {
        let _pen = self.pen.lock().unwrap_or_else(PoisonError::into_inner);
        let (list, changes) = self.fresh()?;
        if changes.is_empty() { Ok(()) } else { self.write(&list, changes) }
    }

    pub fn open(&self, visit: &str, name: &str) -> Result<(Held, Zeroizing<Vec<u8>>), QuarantineError> {
        let _pen = self.pen.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |held: &Held| held.visit == visit && held.name == name;
        let held = self.list()?.into_iter().find(is_it).ok_or(QuarantineError::Absent)?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(held.size));
        for at in 0..pieces(held.size) {
            let piece = self.desk.get(Shelf::Quarantine, &piece_key(name, at))?.ok_or(QuarantineError::Damaged)?;
            bytes.extend_from_slice(&piece);
        }
        if bytes.len() == held.size { Ok((held, bytes)) } else { Err(QuarantineError::Damaged) }
    }

    /// Removes it: `is_kept` when it went into the chart, else it was thrown away.
    pub fn remove(&self, visit: &str, name: &str, is_kept: bool) -> Result<(), QuarantineError> {
        let _pen = self.pen.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut list, mut changes) = self.fresh()?;
        let is_it = |held: &Held| held.visit == visit && held.name == name;
        let at = list.iter().position(is_it).ok_or(QuarantineError::Absent)?;
        changes.extend(gone(&list.remove(at)));
        self.write(&list, changes)?;
        self.tell(visit, if is_kept { KeepEvent::FileKept } else { KeepEvent::HeldDropped });
        Ok(())
    }

    /// What came of keeping something that was never held back.
    pub fn tell(&self, visit: &str, event: KeepEvent) {
        let (visit, at_ms, role) = (visit.to_owned(), (self.clock)(), Some(Role::Clinician));
        (self.tell)(Happened { visit, at_ms, role, who: None, what: What::Keep(event) });
    }

    /// What is held, without what is too old, and the changes that remove that.
    fn fresh(&self) -> Result<(Vec<Held>, Vec<Change>), QuarantineError> {
        let until_ms = (self.clock)() - KEPT_MS;
        let (old, list): (Vec<Held>, Vec<Held>) = self.list()?.into_iter().partition(|held| held.at_ms < until_ms);
        for held in &old {
            self.tell(&held.visit, KeepEvent::HeldExpired);
        }
        Ok((list, old.iter().flat_map(gone).collect()))
    }

    fn list(&self) -> Result<Vec<Held>, QuarantineError> {
        let Some(plain) = self.desk.get(Shelf::Quarantine, &list_key())? else { return Ok(Vec::new()) };
        serde_json::from_slice(&plain).map_err(|_| QuarantineError::Damaged)
    }

    fn write(&self, list: &[Held], mut changes: Vec<Change>) -> Result<(), QuarantineError> {
        let plain = Zeroizing::new(serde_json::to_vec(list).map_err(|_| QuarantineError::Damaged)?);
        changes.push(Change::Put { shelf: Shelf::Quarantine, key: list_key(), plain });
        Ok(self.desk.write(&changes)?)
    }
}

fn pieces(size: usize) -> usize {
    size.div_ceil(PIECE_BYTES)
}

fn gone(held: &Held) -> Vec<Change> {
    let remove = |at| Change::Remove { shelf: Shelf::Quarantine, key: piece_key(&held.name, at) };
    (0..pieces(held.size)).map(remove).collect()
}

fn list_key() -> EntryKey {
    key_of("quarantine")
}

fn piece_key(name: &str, at: usize) -> EntryKey {
    key_of(&format!("quarantine/{name}/{at}"))
}

fn key_of(text: &str) -> EntryKey {
    Hashed::of("quarantine", text.as_bytes()).entry_key()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use crypto::SealKey;

    use super::*;

    struct Room {
        quarantine: Quarantine,
        desk: Arc<Desk>,
        now: Arc<AtomicI64>,
        told: Arc<Mutex<Vec<Happened>>>,
        _directory: tempfile::TempDir,
    }

    fn room() -> Room {
        let directory = tempfile::tempdir().unwrap();
        let desk = Arc::new(Desk::open(directory.path(), Zeroizing::new([1; 32]), SealKey::new(&[2; 32])).unwrap());
        let (now, told) = (Arc::new(AtomicI64::new(1_800_000_000_000)), Arc::new(Mutex::new(Vec::new())));
        let (clock, tell) = (now.clone(), told.clone());
        let quarantine = Quarantine::new(
            desk.clone(),
            Arc::new(move || clock.load(Ordering::SeqCst)),
            Arc::new(move |one| tell.lock().unwrap().push(one)),
        );
        Room { quarantine, desk, now, told, _directory: directory }
    }

    #[test]
    fn a_file_is_held_whole_for_its_visit_alone_and_gone_when_it_is_dealt_with() {
        let Room { quarantine, desk, told, .. } = room();
        let bytes: Vec<u8> = (0..2_500_000u32).map(|at| (at % 251) as u8).collect();
        quarantine.hold("a", "v1", Why::Unscanned, "{}".into(), &bytes).unwrap();
        quarantine.hold("b", "v1", Why::Found("Eicar".into()), "{}".into(), b"x").unwrap();
        assert_eq!(quarantine.of_visit("v1").unwrap().len(), 2);
        assert!(quarantine.of_visit("v2").unwrap().is_empty());
        assert!(quarantine.open("v1", "a").unwrap().1.as_slice() == bytes);
        assert!(matches!(quarantine.open("v2", "a"), Err(QuarantineError::Absent)), "of another visit");
        assert!(matches!(quarantine.remove("v2", "a", false), Err(QuarantineError::Absent)));
        quarantine.remove("v1", "a", true).unwrap();
        quarantine.remove("v1", "b", false).unwrap();
        assert_eq!(desk.load(Shelf::Quarantine).unwrap().len(), 1, "the empty list alone is left");
        let told: Vec<What> = told.lock().unwrap().iter().map(|one| one.what.clone()).collect();
        let events = [KeepEvent::HeldUnscanned, KeepEvent::HeldFound, KeepEvent::FileKept, KeepEvent::HeldDropped];
        assert_eq!(told, events.map(What::Keep));
    }

    #[test]
    fn what_is_held_has_an_end_in_number_and_in_time() {
        let Room { quarantine, desk, now, told, .. } = room();
        for at in 0..VISIT_FILES_MAX {
            quarantine.hold(&format!("f{at}"), "v1", Why::Unscanned, String::new(), b"x").unwrap();
        }
        let more = quarantine.hold("one more", "v1", Why::Unscanned, String::new(), b"x");
        assert!(matches!(more, Err(QuarantineError::Full)));
        quarantine.hold("f0", "v1", Why::Found("E".into()), String::new(), b"y").unwrap();
        assert!(quarantine.open("v1", "f0").unwrap().0.why == Why::Found("E".into()), "tried again, not twice");
        let large = vec![0; BYTES_MAX];
        assert!(matches!(
            quarantine.hold("l", "v2", Why::Unscanned, String::new(), &large),
            Err(QuarantineError::Full)
        ));
        now.fetch_add(KEPT_MS + 1, Ordering::SeqCst);
        quarantine.sweep().unwrap();
        assert!(quarantine.of_visit("v1").unwrap().is_empty());
        assert_eq!(desk.load(Shelf::Quarantine).unwrap().len(), 1, "the empty list");
        assert!(told.lock().unwrap().iter().any(|one| one.what == What::Keep(KeepEvent::HeldExpired)));
    }
}
