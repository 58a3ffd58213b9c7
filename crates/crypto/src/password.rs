//! Argon2id (RFC 9106) for the passwords of people, with its parameters beside each hash so that they can be raised.

use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

use crate::hash::equal;
use crate::{CryptoError, random_array};

/// OWASP's first choice: 46 MiB, one pass, one lane.
const MEMORY_KIB: u32 = 46 * 1024;
const PASSES: u32 = 1;
const SALT_LEN: usize = 16;
const HASH_LEN: usize = 32;
/// Memory (4), passes (1), salt, hash.
const STORED_LEN: usize = 4 + 1 + SALT_LEN + HASH_LEN;

/// A stored password. Comparing costs tens of milliseconds and 46 MiB: callers bound how many run at once.
#[derive(Clone)]
pub struct PasswordHash {
    memory_kib: u32,
    passes: u32,
    salt: [u8; SALT_LEN],
    hash: Zeroizing<[u8; HASH_LEN]>,
}

impl PasswordHash {
    pub fn of(password: &[u8]) -> Result<Self, CryptoError> {
        let salt = random_array()?;
        Ok(Self { memory_kib: MEMORY_KIB, passes: PASSES, salt, hash: stretch(password, &salt, MEMORY_KIB, PASSES)? })
    }

    /// What no password matches: who is unknown costs as much as who is known.
    pub fn of_nobody() -> Result<Self, CryptoError> {
        let hash = Zeroizing::new(random_array()?);
        Ok(Self { memory_kib: MEMORY_KIB, passes: PASSES, salt: random_array()?, hash })
    }

    pub fn matches(&self, password: &[u8]) -> Result<bool, CryptoError> {
        let found = stretch(password, &self.salt, self.memory_kib, self.passes)?;
        Ok(equal(found.as_ref(), self.hash.as_ref()))
    }

    /// Made with other parameters than those of today.
    pub fn is_outdated(&self) -> bool {
        (self.memory_kib, self.passes) != (MEMORY_KIB, PASSES)
    }

    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::with_capacity(STORED_LEN));
        out.extend_from_slice(&self.memory_kib.to_be_bytes());
        out.push(self.passes as u8);
        out.extend_from_slice(&self.salt);
        out.extend_from_slice(self.hash.as_ref());
        out
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CryptoError> {
        const SHORT: CryptoError = CryptoError::Malformed("a stored password has another length");
        let (memory, rest) = bytes.split_first_chunk::<4>().ok_or(SHORT)?;
        let (passes, rest) = rest.split_first_chunk::<1>().ok_or(SHORT)?;
        let (salt, rest) = rest.split_first_chunk::<SALT_LEN>().ok_or(SHORT)?;
        let hash: [u8; HASH_LEN] = rest.try_into().map_err(|_| SHORT)?;
        let (memory_kib, passes) = (u32::from_be_bytes(*memory), u32::from(passes[0]));
        Ok(Self { memory_kib, passes, salt: *salt, hash: Zeroizing::new(hash) })
    }
}

fn stretch(
    password: &[u8],
    salt: &[u8; SALT_LEN],
    memory_kib: u32,
    passes: u32,
) -> Result<Zeroizing<[u8; HASH_LEN]>, CryptoError> {
    const REFUSED: CryptoError = CryptoError::Malformed("Argon2 refuses these parameters");
    let params = Params::new(memory_kib, passes, 1, Some(HASH_LEN)).map_err(|_| REFUSED)?;
    let mut out = Zeroizing::new([0; HASH_LEN]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password, salt, out.as_mut())
        .map_err(|_| REFUSED)?;
    Ok(out)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_password_matches_its_own_hash_after_storing_and_no_other() {
        let hash = PasswordHash::from_bytes(&PasswordHash::of(b"a long pass phrase").unwrap().to_bytes()).unwrap();
        assert!(hash.matches(b"a long pass phrase").unwrap());
        assert!(!hash.matches(b"a long pass phrasf").unwrap());
        assert!(!PasswordHash::of_nobody().unwrap().matches(b"a long pass phrase").unwrap());
        assert!(!hash.is_outdated());
    }

    #[test]
    fn hashes_of_other_parameters_still_match_and_ask_to_be_made_anew() {
        let salt = [7; SALT_LEN];
        let hash = stretch(b"old", &salt, 19 * 1024, 2).unwrap();
        let old = PasswordHash { memory_kib: 19 * 1024, passes: 2, salt, hash };
        let held = PasswordHash::from_bytes(&old.to_bytes()).unwrap();
        assert!(held.matches(b"old").unwrap() && held.is_outdated());
        assert!(PasswordHash::from_bytes(&old.to_bytes()[1..]).is_err());
    }
}
