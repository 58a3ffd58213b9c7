//! How this room's entries lie on the desk: JSON under keys that follow from what they are.

use serde::Serialize;
use serde::de::DeserializeOwned;
use store::desk::{Change, ENTRY_BYTES_MAX, Entry, EntryKey};
use store::{Shelf, StoreError};
use zeroize::Zeroizing;

use crate::ComplianceError;

/// Shelves are sealed and their keys too: a plain hash of numbers tells nobody anything.
pub fn key(parts: &[&[u8]]) -> EntryKey {
    let mut hashed = Vec::new();
    for part in parts {
        hashed.extend_from_slice(&(part.len() as u64).to_be_bytes());
        hashed.extend_from_slice(part);
    }
    let mut key = EntryKey::default();
    key.copy_from_slice(&crypto::hash::sha256(&hashed)[..16]);
    key
}

pub fn put(shelf: Shelf, key: EntryKey, value: &impl Serialize) -> Result<Change, ComplianceError> {
    let plain = Zeroizing::new(serde_json::to_vec(value).map_err(|_| ComplianceError::Damaged)?);
    if plain.len() > ENTRY_BYTES_MAX {
        return Err(StoreError::Database(format!("an entry is limited to {ENTRY_BYTES_MAX} bytes")).into());
    }
    Ok(Change::Put { shelf, key, plain })
}

pub fn read<T: DeserializeOwned>(entry: &Entry) -> Result<T, ComplianceError> {
    serde_json::from_slice(&entry.plain).map_err(|_| ComplianceError::Damaged)
}
