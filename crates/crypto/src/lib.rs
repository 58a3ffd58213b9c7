//! Keys and ciphers: the only room that names one. Everything at rest is sealed here and opened here.
//!
//! AES-256-GCM with random 96-bit nonces under per-chart keys, HKDF-SHA-256 for purposes, HMAC-SHA-256 as PRF,
//! Ed25519 for checkpoints, ECDSA on P-256 for devices, one AES block for resource ids, Argon2id for passphrases and
//! passwords. All of it from `aws-lc-rs`,
//! except Argon2id.

pub mod device_key;
pub mod hash;
pub mod id;
pub mod kek;
pub mod keyring;
pub mod memory;
pub mod password;
pub mod seal;
pub mod sign;

pub use device_key::DeviceKey;
pub use id::IdCipher;
pub use kek::{EnvironmentClass, Kek, RootFile};
pub use keyring::{ChartKey, Keyring, Part};
pub use password::PasswordHash;
pub use seal::SealKey;

/// Says what failed and never with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CryptoError {
    #[error("a sealed part does not open: wrong key, or altered, or moved")]
    DoesNotOpen,
    #[error("the key-encryption key does not open this root key")]
    WrongKek,
    #[error("this data belongs to a {held} environment and this process runs as {asked}")]
    WrongEnvironment { held: EnvironmentClass, asked: EnvironmentClass },
    #[error("the key file is malformed: {0}")]
    Malformed(&'static str),
    #[error("the system's random generator failed")]
    Random,
    #[error("the passphrase is shorter than {} characters", kek::PASSPHRASE_CHARS_MIN)]
    PassphraseTooShort,
}

/// Fills `out` from the system's generator.
pub fn random(out: &mut [u8]) -> Result<(), CryptoError> {
    aws_lc_rs::rand::fill(out).map_err(|_| CryptoError::Random)
}

pub fn random_array<const N: usize>() -> Result<[u8; N], CryptoError> {
    let mut out = [0; N];
    random(&mut out)?;
    Ok(out)
}
