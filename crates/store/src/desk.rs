//! What is not the record and changes often: accounts, sessions, devices, alerts, policy versions, drafts. Sealed entries by
//! shelf and key in a database file of their own, so that writing them does not cool the readers of the record.
//!
//! The narrow door of `identity`, `compliance` and `telehealth` to storage: nothing behind it can name a resource table. What
//! `record` puts here is sealed under its chart's key before.

use std::path::Path;
use std::sync::Mutex;

use crypto::SealKey;
use rusqlite::{Connection, OptionalExtension, params};
use zeroize::Zeroizing;

use crate::StoreError;
use crate::sqlite::{pool, schema};

pub const DESK_FILE: &str = "desk.db";
/// Bytes of one entry, before sealing.
pub const ENTRY_BYTES_MAX: usize = 1024 * 1024;
/// Entries are padded to a multiple of this, so that lengths tell less.
const PAD_BYTES: usize = 256;
const LENGTH_BYTES: usize = 4;

/// A kind of entry. Numbers are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Shelf {
    Account = 1,
    Session = 2,
    Device = 3,
    Token = 4,
    Invitation = 5,
    Glass = 6,
    Settings = 7,
    Alert = 8,
    Policy = 9,
    Mark = 10,
    /// Notes that are being written, and what they said before.
    Draft = 11,
    DraftText = 12,
    /// What people keep for the notes they write: one entry a person.
    Own = 13,
    /// When somebody last looked at a chart.
    Look = 14,
    /// Links into visits, with what is compared when somebody comes by one.
    VisitLink = 17,
    /// Business associate agreements.
    Agreement = 15,
    /// Messages that go out, and what became of them.
    Outbox = 16,
    /// What is known of a visit by video, until a week after it.
    VisitSheet = 18,
    /// Files of visits that are held back until something has looked into them.
    Quarantine = 19,
    /// Passkeys of patients who come by links, by a keyed hash of who they are.
    VisitPasskey = 20,
    /// Forms before visits that are half filled in.
    FormDraft = 21,
}

/// The key of an entry on its shelf: random, or a keyed hash.
pub type EntryKey = [u8; 16];

#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    pub key: EntryKey,
    pub plain: Zeroizing<Vec<u8>>,
}

/// One change; several in one call are all or nothing.
pub enum Change {
    Put { shelf: Shelf, key: EntryKey, plain: Zeroizing<Vec<u8>> },
    Remove { shelf: Shelf, key: EntryKey },
}

/// Sealed entries in `desk.db`. Calls block for the time of a flush.
pub struct Desk {
    connection: Mutex<Connection>,
    key: Zeroizing<[u8; 32]>,
    seal: SealKey,
}

impl Desk {
    /// `key` opens the file, `seal` its entries.
    pub fn open(directory: &Path, key: Zeroizing<[u8; 32]>, seal: SealKey) -> Result<Self, StoreError> {
        let connection = pool::open_writer(&directory.join(DESK_FILE), &key, DESK_FILE)?;
        connection.execute_batch("PRAGMA secure_delete = ON; PRAGMA wal_autocheckpoint = 256;")?;
        schema::migrate(&connection, DESK_FILE, schema::DESK)?;
        Ok(Self { connection: Mutex::new(connection), key, seal })
    }

    /// Every entry of a shelf, opened, by key.
    pub fn load(&self, shelf: Shelf) -> Result<Vec<Entry>, StoreError> {
        const SQL: &str = "SELECT key, sealed FROM entry WHERE shelf = ?1 ORDER BY key";
        self.with(|c| {
            let mut statement = c.prepare_cached(SQL)?;
            let rows = statement
                .query_map([shelf as u8], |r| Ok((r.get::<_, EntryKey>(0)?, r.get::<_, Vec<u8>>(1)?)))?
                .collect::<Result<Vec<_>, _>>()?;
            rows.into_iter()
                .map(|(key, sealed)| {
                    let padded = self.seal.open_secret(&aad(shelf, &key), &sealed)?;
                    let plain = unpadded(&padded).ok_or(StoreError::Damaged { file: DESK_FILE })?;
                    Ok(Entry { key, plain })
                })
                .collect()
        })
    }

    /// One entry, opened.
    pub fn get(&self, shelf: Shelf, key: &EntryKey) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        const SQL: &str = "SELECT sealed FROM entry WHERE shelf = ?1 AND key = ?2";
        self.with(|c| {
            let sealed: Option<Vec<u8>> =
                c.prepare_cached(SQL)?.query_row(params![shelf as u8, key], |r| r.get(0)).optional()?;
            let Some(sealed) = sealed else { return Ok(None) };
            let padded = self.seal.open_secret(&aad(shelf, key), &sealed)?;
            unpadded(&padded).map(Some).ok_or(StoreError::Damaged { file: DESK_FILE })
        })
    }

    /// Writes changes in one transaction, durable when it returns.
    pub fn write(&self, changes: &[Change]) -> Result<(), StoreError> {
        const PUT: &str = "INSERT OR REPLACE INTO entry (shelf, key, sealed) VALUES (?1, ?2, ?3)";
        const REMOVE: &str = "DELETE FROM entry WHERE shelf = ?1 AND key = ?2";
        self.with(|c| {
            let transaction = c.unchecked_transaction()?;
            for change in changes {
                match change {
                    Change::Put { shelf, key, plain } => {
                        let sealed = self.seal.seal(&aad(*shelf, key), &padded(plain)?)?;
                        transaction.prepare_cached(PUT)?.execute(params![*shelf as u8, key, sealed])?;
                    }
                    Change::Remove { shelf, key } => {
                        transaction.prepare_cached(REMOVE)?.execute(params![*shelf as u8, key])?;
                    }
                }
            }
            Ok(transaction.commit()?)
        })
    }

    /// A copy under the same key, for a backup.
    pub fn copy(&self, destination: &Path) -> Result<(), StoreError> {
        self.with(|c| {
            use rusqlite::OpenFlags;
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
            let mut copy = pool::open(destination, &self.key, DESK_FILE, flags)?;
            pool::copy_all(c, &mut copy)?;
            Ok(copy.execute_batch("PRAGMA journal_mode = DELETE;")?)
        })
    }

    fn with<T>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        work(&*self.connection.lock().map_err(|_| StoreError::Closed)?)
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entry[redacted]")
    }
}

/// Binds an entry to its place: entries cannot be exchanged. That an old one was put back is not told by this.
fn aad(shelf: Shelf, key: &EntryKey) -> [u8; 17] {
    let mut aad = [shelf as u8; 17];
    aad[1..].copy_from_slice(key);
    aad
}

fn padded(plain: &[u8]) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    if plain.len() > ENTRY_BYTES_MAX {
        return Err(StoreError::Database(format!("an entry is limited to {ENTRY_BYTES_MAX} bytes")));
    }
    let length = (plain.len() + LENGTH_BYTES).next_multiple_of(PAD_BYTES);
    let mut out = Zeroizing::new(Vec::with_capacity(length));
    out.extend_from_slice(&(plain.len() as u32).to_be_bytes());
    out.extend_from_slice(plain);
    out.resize(length, 0);
    Ok(out)
}

fn unpadded(padded: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (length, rest) = padded.split_first_chunk::<LENGTH_BYTES>()?;
    Some(Zeroizing::new(rest.get(..u32::from_be_bytes(*length) as usize)?.to_vec()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn desk(directory: &Path) -> Desk {
        Desk::open(directory, Zeroizing::new([1; 32]), SealKey::new(&[2; 32])).unwrap()
    }

    fn put(key: u8, plain: &[u8]) -> Change {
        Change::Put { shelf: Shelf::Account, key: [key; 16], plain: Zeroizing::new(plain.to_vec()) }
    }

    #[test]
    fn entries_come_back_after_a_restart_and_a_copy_opens_elsewhere() {
        let directory = tempfile::tempdir().unwrap();
        let held = desk(directory.path());
        held.write(&[put(1, b"ana"), put(2, b"ben")]).unwrap();
        held.write(&[put(1, b"anna"), Change::Remove { shelf: Shelf::Account, key: [2; 16] }]).unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        held.copy(&elsewhere.path().join(DESK_FILE)).unwrap();
        drop(held);
        for place in [directory.path(), elsewhere.path()] {
            let entries = desk(place).load(Shelf::Account).unwrap();
            assert_eq!(entries.len(), 1);
            assert_eq!(entries[0].plain.as_slice(), b"anna");
            assert!(desk(place).load(Shelf::Session).unwrap().is_empty());
            assert_eq!(desk(place).get(Shelf::Account, &[1; 16]).unwrap().unwrap().as_slice(), b"anna");
            assert!(desk(place).get(Shelf::Account, &[2; 16]).unwrap().is_none());
        }
    }

    #[test]
    fn an_entry_moved_to_another_key_does_not_open() {
        let directory = tempfile::tempdir().unwrap();
        let held = desk(directory.path());
        held.write(&[put(1, b"ana")]).unwrap();
        held.with(|c| Ok(c.execute("UPDATE entry SET key = ?1", [[9u8; 16]])?)).unwrap();
        assert!(matches!(held.load(Shelf::Account), Err(StoreError::Crypto(_))));
    }
}
