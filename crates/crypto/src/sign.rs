//! Ed25519 (RFC 8032), for the audit log's checkpoints.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

pub struct SigningKey(Ed25519KeyPair);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VerifyingKey([u8; 32]);

impl SigningKey {
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        // INVARIANT: every 32-byte string is an Ed25519 seed.
        #[expect(clippy::unwrap_used, reason = "see the invariant above")]
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).unwrap();
        Self(pair)
    }

    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut out = [0; 64];
        out.copy_from_slice(self.0.sign(message).as_ref());
        out
    }

    pub fn verifying_key(&self) -> VerifyingKey {
        let mut out = [0; 32];
        out.copy_from_slice(self.0.public_key().as_ref());
        VerifyingKey(out)
    }
}

impl VerifyingKey {
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(*bytes)
    }

    pub fn to_bytes(self) -> [u8; 32] {
        self.0
    }

    #[expect(clippy::result_unit_err, reason = "a signature is good or it is not; there is nothing more to say")]
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), ()> {
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, signature).map_err(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_verifies_only_for_its_message_and_key() {
        let key = SigningKey::from_seed(&[3; 32]);
        let signature = key.sign(b"size 5");
        assert!(key.verifying_key().verify(b"size 5", &signature).is_ok());
        assert!(key.verifying_key().verify(b"size 6", &signature).is_err());
        assert!(SigningKey::from_seed(&[4; 32]).verifying_key().verify(b"size 5", &signature).is_err());
    }
}
