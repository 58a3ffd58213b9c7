//! SHA-256, HMAC-SHA-256 as a PRF, HKDF-SHA-256, and comparison in constant time.

use aws_lc_rs::{constant_time, digest, hkdf, hmac};
use zeroize::Zeroizing;

pub fn sha256(data: &[u8]) -> [u8; 32] {
    array(digest::digest(&digest::SHA256, data).as_ref())
}

/// SHA-1, where a standard has it: it says that two texts are the same by accident, never that nobody changed one.
pub fn sha1(data: &[u8]) -> [u8; 20] {
    let mut out = [0; 20];
    out.copy_from_slice(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, data).as_ref());
    out
}

/// SHA-256 over pieces.
pub struct Sha256(digest::Context);

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}

impl Sha256 {
    pub fn new() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    pub fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    pub fn finish(self) -> [u8; 32] {
        array(self.0.finish().as_ref())
    }
}

/// A keyed pseudo-random function (HMAC-SHA-256). The key never leaves it.
#[derive(Clone)]
pub struct Prf(hmac::Key);

impl Prf {
    pub fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    pub fn compute(&self, input: &[u8]) -> [u8; 32] {
        array(hmac::sign(&self.0, input).as_ref())
    }

    /// The first 16 bytes: enough for labels, whose collisions are only false candidates.
    pub fn label(&self, input: &[u8]) -> [u8; 16] {
        let mut out = [0; 16];
        out.copy_from_slice(&self.compute(input)[..16]);
        out
    }
}

/// HKDF-SHA-256 (RFC 5869) with an empty salt: 32 bytes for one named purpose.
pub fn derive(key: &[u8], purpose: &str) -> Zeroizing<[u8; 32]> {
    let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(key);
    let mut out = Zeroizing::new([0; 32]);
    // INVARIANT: 32 bytes are one HKDF block, far below the 255-block limit that expand and fill check.
    #[expect(clippy::unwrap_used, reason = "see the invariant above")]
    prk.expand(&[purpose.as_bytes()], hkdf::HKDF_SHA256).and_then(|okm| okm.fill(out.as_mut())).unwrap();
    out
}

/// HMAC-SHA-1, as relays ask for it (TURN REST credentials, RFC 8489 message integrity) and nothing else does.
pub fn hmac_sha1(key: &[u8], input: &[u8]) -> [u8; 20] {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
    let mut out = [0; 20];
    out.copy_from_slice(hmac::sign(&key, input).as_ref());
    out
}

pub fn equal(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}

fn array(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(bytes);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha256_in_pieces_equals_sha256_at_once() {
        let mut pieces = Sha256::new();
        pieces.update(b"a");
        pieces.update(b"bc");
        assert_eq!(pieces.finish(), sha256(b"abc"));
        // FIPS 180-2, appendix B.1
        assert_eq!(sha256(b"abc")[..4], [0xba, 0x78, 0x16, 0xbf]);
    }

    #[test]
    fn hmac_sha1_is_that_of_rfc_2202() {
        // RFC 2202, section 3, test cases 1 and 2
        assert_eq!(hmac_sha1(&[0x0b; 20], b"Hi There")[..4], [0xb6, 0x17, 0x31, 0x86]);
        assert_eq!(hmac_sha1(b"Jefe", b"what do ya want for nothing?")[..4], [0xef, 0xfc, 0xdf, 0x6a]);
    }

    #[test]
    fn purposes_have_unrelated_keys() {
        assert_ne!(*derive(&[7; 32], "one"), *derive(&[7; 32], "two"));
        assert_eq!(*derive(&[7; 32], "one"), *derive(&[7; 32], "one"));
    }
}
