//! Seals audit detail under the key of its day, which is made and durable before its first use.

use std::sync::Arc;

use crypto::{Keyring, SealKey};

use super::KeyDatabase;
use crate::StoreError;
use crate::log::{DetailSealer, SealError};

pub struct DaySealer {
    keyring: Arc<Keyring>,
    keys: Arc<KeyDatabase>,
}

impl DaySealer {
    pub fn new(keyring: Arc<Keyring>, keys: Arc<KeyDatabase>) -> Self {
        Self { keyring, keys }
    }

    fn key(&self, day: i32) -> Result<Option<Arc<SealKey>>, StoreError> {
        self.keyring.day(day, || self.keys.day_key(day))
    }

    fn key_made_if_absent(&self, day: i32) -> Result<Arc<SealKey>, StoreError> {
        if let Some(key) = self.key(day)? {
            return Ok(key);
        }
        // Two threads may make one: the first stays, and both read it back.
        self.keys.add_day_key(day, &self.keyring.make_day_key(day)?)?;
        self.key(day)?.ok_or(StoreError::Closed)
    }
}

impl DetailSealer for DaySealer {
    fn seal(&self, day: i32, aad: &[u8], plain: &[u8], out: &mut Vec<u8>) -> Result<(), SealError> {
        let key = self.key_made_if_absent(day).map_err(|_| SealError::KeyUnavailable)?;
        key.seal_into(aad, plain, out).map_err(|_| SealError::KeyUnavailable)
    }

    fn open(&self, day: i32, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let key = self.key(day).map_err(|_| SealError::KeyUnavailable)?.ok_or(SealError::KeyDestroyed)?;
        key.open(aad, sealed).map_err(|_| SealError::DoesNotOpen)
    }
}
