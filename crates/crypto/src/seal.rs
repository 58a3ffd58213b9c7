//! AES-256-GCM with a random 96-bit nonce: `nonce ‖ ciphertext ‖ tag`.
//!
//! A key seals far fewer than 2^32 messages (SP 800-38D §8.3): one chart's versions, one audit day's groups.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::{CryptoError, random};

const TAG_LEN: usize = 16;
/// Bytes that sealing adds.
pub const OVERHEAD: usize = NONCE_LEN + TAG_LEN;

pub struct SealKey(LessSafeKey);

impl SealKey {
    pub fn new(key: &[u8; 32]) -> Self {
        // INVARIANT: AES-256 takes exactly 32 bytes.
        #[expect(clippy::unwrap_used, reason = "see the invariant above")]
        let key = UnboundKey::new(&AES_256_GCM, key).unwrap();
        Self(LessSafeKey::new(key))
    }

    /// Appends the sealed form of `plain` to `out`.
    pub fn seal_into(&self, aad: &[u8], plain: &[u8], out: &mut Vec<u8>) -> Result<(), CryptoError> {
        let mut nonce = [0; NONCE_LEN];
        random(&mut nonce)?;
        out.reserve(plain.len() + OVERHEAD);
        out.extend_from_slice(&nonce);
        let from = out.len();
        out.extend_from_slice(plain);
        let tag = self
            .0
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut out[from..])
            .map_err(|_| CryptoError::DoesNotOpen)?;
        out.extend_from_slice(tag.as_ref());
        Ok(())
    }

    pub fn seal(&self, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let mut out = Vec::new();
        self.seal_into(aad, plain, &mut out)?;
        Ok(out)
    }

    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(CryptoError::DoesNotOpen)?;
        let mut buffer = rest.to_vec();
        let length = self
            .0
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(aad), &mut buffer)
            .map_err(|_| CryptoError::DoesNotOpen)?
            .len();
        buffer.truncate(length);
        Ok(buffer)
    }

    /// As [`open`](Self::open), zeroized when dropped: for keys.
    pub fn open_secret(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        self.open(aad, sealed).map(Zeroizing::new)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_changed_bit_of_a_sealed_part_is_refused() {
        let key = SealKey::new(&[1; 32]);
        let sealed = key.seal(b"row 7", b"sinus rhythm").unwrap();
        assert_eq!(key.open(b"row 7", &sealed).unwrap(), b"sinus rhythm");
        assert_eq!(key.open(b"row 8", &sealed), Err(CryptoError::DoesNotOpen));
        for bit in 0..sealed.len() * 8 {
            let mut altered = sealed.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key.open(b"row 7", &altered), Err(CryptoError::DoesNotOpen));
        }
        for length in 0..sealed.len() {
            assert_eq!(key.open(b"row 7", &sealed[..length]), Err(CryptoError::DoesNotOpen));
        }
    }
}
