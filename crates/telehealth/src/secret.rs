//! Secrets of 128 bits that travel once, and the hashes that stay.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use store::desk::EntryKey;
use zeroize::Zeroize;

use crate::TelehealthError;

pub const SECRET_BYTES: usize = 16;

/// 128 random bits that the caller drew. Shown once, never kept.
#[derive(Clone, Zeroize)]
#[zeroize(drop)]
pub struct Secret([u8; SECRET_BYTES]);

/// SHA-256 of a secret under a label of its use. 128 random bits need no salt and no slow hash.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hashed([u8; 32]);

impl Secret {
    pub fn new(random: [u8; SECRET_BYTES]) -> Self {
        Self(random)
    }

    /// For a letter that carries it.
    pub fn bytes(&self) -> &[u8; SECRET_BYTES] {
        &self.0
    }

    /// For a URL or a header: base64url, 22 characters.
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    pub fn parse(text: &str) -> Result<Self, TelehealthError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| TelehealthError::Malformed)?;
        Ok(Self(bytes.try_into().map_err(|_| TelehealthError::Malformed)?))
    }

    pub fn hashed(&self, usage: &str) -> Hashed {
        Hashed::of(usage, &self.0)
    }
}

impl Hashed {
    pub fn of(usage: &str, value: &[u8]) -> Self {
        let mut hash = crypto::hash::Sha256::new();
        hash.update(b"wardstone-telehealth/");
        hash.update(usage.as_bytes());
        hash.update(&[0]);
        hash.update(value);
        Self(hash.finish())
    }

    /// Half of it, which names an entry of the desk as well as all of it would.
    pub(crate) fn entry_key(&self) -> EntryKey {
        std::array::from_fn(|at| self.0[at])
    }

    /// In constant time.
    pub fn is(&self, other: &Self) -> bool {
        crypto::hash::equal(&self.0, &other.0)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl std::fmt::Debug for Hashed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_secret_reads_as_it_was_written_and_shows_itself_to_no_log() {
        let secret = Secret::new([7; 16]);
        let read = Secret::parse(&secret.text()).unwrap();
        assert!(read.hashed("a").is(&secret.hashed("a")));
        assert!(!read.hashed("a").is(&secret.hashed("b")));
        assert_eq!(format!("{secret:?}{:?}", secret.hashed("a")), "[redacted][redacted]");
        assert!(Secret::parse("short").is_err());
    }
}
