//! ECDSA on P-256 as browsers make it (WebCrypto): the key of a device, which never leaves it.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey, UnparsedPublicKey};

use crate::CryptoError;
use crate::hash::sha256;

/// SubjectPublicKeyInfo (RFC 5480) of an uncompressed P-256 point, up to the point.
const SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const POINT_LEN: usize = 65;
const UNCOMPRESSED: u8 = 4;
/// `r ‖ s`, as WebCrypto signs.
pub const SIGNATURE_LEN: usize = 64;

/// A public key on the curve.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DeviceKey([u8; POINT_LEN]);

impl DeviceKey {
    /// From what `exportKey("spki")` gives.
    pub fn from_spki(spki: &[u8]) -> Result<Self, CryptoError> {
        Self::from_point(spki.strip_prefix(&SPKI_PREFIX).ok_or(NO_KEY)?)
    }

    /// From the coordinates of a JWK (RFC 7518, 6.2.1).
    pub fn from_coordinates(x: &[u8; 32], y: &[u8; 32]) -> Result<Self, CryptoError> {
        let mut point = [UNCOMPRESSED; POINT_LEN];
        point[1..33].copy_from_slice(x);
        point[33..].copy_from_slice(y);
        Self::from_point(&point)
    }

    /// From an uncompressed point (SEC 1, 2.3.3).
    pub fn from_point(point: &[u8]) -> Result<Self, CryptoError> {
        let point: [u8; POINT_LEN] = point.try_into().map_err(|_| NO_KEY)?;
        if point[0] != UNCOMPRESSED || ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).is_err() {
            return Err(NO_KEY);
        }
        Ok(Self(point))
    }

    pub fn point(&self) -> &[u8] {
        &self.0
    }

    /// Names the key wherever it turns up.
    pub fn thumbprint(&self) -> [u8; 32] {
        sha256(&self.0)
    }

    pub fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.0).verify(message, signature).is_ok()
    }
}

const NO_KEY: CryptoError = CryptoError::Malformed("not a public key on P-256");

impl std::fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeviceKey")
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};

    use super::*;

    #[test]
    fn a_signature_is_good_for_its_message_and_key_in_every_spelling() {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point = pair.public_key().as_ref();
        let key = DeviceKey::from_spki(&[&SPKI_PREFIX[..], point].concat()).unwrap();
        assert_eq!(
            key,
            DeviceKey::from_coordinates(point[1..33].try_into().unwrap(), point[33..].try_into().unwrap()).unwrap()
        );
        let signature = pair.sign(&SystemRandom::new(), b"challenge").unwrap();
        assert_eq!(signature.as_ref().len(), SIGNATURE_LEN);
        assert!(key.has_signed(b"challenge", signature.as_ref()));
        assert!(!key.has_signed(b"challengf", signature.as_ref()));
        assert!(!key.has_signed(b"challenge", &signature.as_ref()[1..]));
        let other = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        assert!(
            !DeviceKey::from_point(other.public_key().as_ref()).unwrap().has_signed(b"challenge", signature.as_ref())
        );
    }

    #[test]
    fn what_is_not_on_the_curve_is_no_key() {
        assert!(DeviceKey::from_coordinates(&[1; 32], &[1; 32]).is_err());
        assert!(DeviceKey::from_point(&[4; 64]).is_err());
        assert!(DeviceKey::from_spki(b"").is_err());
    }
}
