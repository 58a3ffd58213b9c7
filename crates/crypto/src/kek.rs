//! The key-encryption key and the root key it wraps.
//!
//! The KEK never lies in the data directory. The root key does, wrapped, in a small text file whose clear lines (class,
//! organization, provider) are bound to it as AAD: changing one of them makes the root key unopenable.

use std::fmt;

use zeroize::Zeroizing;

use crate::{CryptoError, SealKey, random_array};

pub const PASSPHRASE_CHARS_MIN: usize = 20;
/// Argon2id: 64 MiB, three passes, one lane.
const ARGON2_MEMORY_KIB: u32 = 64 * 1024;
const ARGON2_PASSES: u32 = 3;
const FIRST_LINE: &str = "wardstone root key, format 1";

/// Bound into the key material, so that a demo never opens production data and production never opens a demo's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnvironmentClass {
    Demo,
    Production,
}

impl fmt::Display for EnvironmentClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EnvironmentClass::Demo => "demo",
            EnvironmentClass::Production => "production",
        })
    }
}

/// Where the wrapping key comes from. Cloud KMS and PKCS#11 providers join here.
pub enum Kek {
    /// 32 bytes kept by somebody else: a file on another volume, a systemd credential.
    Bytes(Zeroizing<[u8; 32]>),
    /// Stretched by Argon2id with the root file's salt.
    Passphrase(Zeroizing<String>),
}

impl Kek {
    pub fn generate() -> Result<Self, CryptoError> {
        Ok(Kek::Bytes(Zeroizing::new(random_array()?)))
    }

    /// From 64 hexadecimal digits, white space around them ignored.
    pub fn from_hex(text: &str) -> Result<Self, CryptoError> {
        let bytes =
            Zeroizing::new(hex_decode(text.trim()).ok_or(CryptoError::Malformed("the KEK is not hexadecimal"))?);
        let key = bytes.as_slice().try_into().map_err(|_| CryptoError::Malformed("the KEK is not 32 bytes"))?;
        Ok(Kek::Bytes(Zeroizing::new(key)))
    }

    pub fn from_passphrase(text: Zeroizing<String>) -> Result<Self, CryptoError> {
        if text.trim().chars().count() < PASSPHRASE_CHARS_MIN {
            return Err(CryptoError::PassphraseTooShort);
        }
        Ok(Kek::Passphrase(Zeroizing::new(text.trim().to_owned())))
    }

    /// The hexadecimal text of a KEK of bytes, to be written where its owner keeps it.
    pub fn to_hex(&self) -> Option<Zeroizing<String>> {
        match self {
            Kek::Bytes(key) => Some(Zeroizing::new(hex_encode(key.as_ref()))),
            Kek::Passphrase(_) => None,
        }
    }

    fn provider(&self) -> &'static str {
        match self {
            Kek::Bytes(_) => "bytes",
            Kek::Passphrase(_) => "passphrase argon2id",
        }
    }

    fn wrapping_key(&self, salt: &[u8; 16]) -> Result<SealKey, CryptoError> {
        match self {
            Kek::Bytes(key) => Ok(SealKey::new(&crate::hash::derive(key.as_ref(), "wardstone/kek/v1"))),
            Kek::Passphrase(text) => {
                let params = argon2::Params::new(ARGON2_MEMORY_KIB, ARGON2_PASSES, 1, Some(32))
                    .map_err(|_| CryptoError::Malformed("argon2 parameters"))?;
                let mut key = Zeroizing::new([0; 32]);
                argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
                    .hash_password_into(text.as_bytes(), salt, key.as_mut())
                    .map_err(|_| CryptoError::Malformed("argon2 input"))?;
                Ok(SealKey::new(&key))
            }
        }
    }
}

/// The root key's file: who it belongs to, in clear and bound; the key, wrapped.
#[derive(Clone, PartialEq, Eq)]
pub struct RootFile {
    pub class: EnvironmentClass,
    pub organization: [u8; 16],
    provider: String,
    salt: [u8; 16],
    wrapped: Vec<u8>,
}

impl RootFile {
    /// Makes a new root key for a new organization.
    pub fn create(class: EnvironmentClass, kek: &Kek) -> Result<(Self, Zeroizing<[u8; 32]>), CryptoError> {
        let root = Zeroizing::new(random_array()?);
        let file = Self::wrap(class, random_array()?, kek, &root)?;
        Ok((file, root))
    }

    /// Wraps an existing root key, as when the KEK is rotated.
    pub fn wrap(
        class: EnvironmentClass,
        organization: [u8; 16],
        kek: &Kek,
        root: &[u8; 32],
    ) -> Result<Self, CryptoError> {
        let provider = kek.provider().to_owned();
        let mut file = Self { class, organization, provider, salt: random_array()?, wrapped: Vec::new() };
        file.wrapped = kek.wrapping_key(&file.salt)?.seal(file.clear_lines().as_bytes(), root)?;
        Ok(file)
    }

    /// Opens the root key for a process of class `asked`.
    pub fn unwrap(&self, kek: &Kek, asked: EnvironmentClass) -> Result<Zeroizing<[u8; 32]>, CryptoError> {
        if self.class != asked {
            return Err(CryptoError::WrongEnvironment { held: self.class, asked });
        }
        let opened = kek
            .wrapping_key(&self.salt)?
            .open_secret(self.clear_lines().as_bytes(), &self.wrapped)
            .map_err(|_| CryptoError::WrongKek)?;
        let root = opened.as_slice().try_into().map_err(|_| CryptoError::Malformed("the root key is not 32 bytes"))?;
        Ok(Zeroizing::new(root))
    }

    pub fn parse(text: &str) -> Result<Self, CryptoError> {
        let mut lines = text.lines();
        if lines.next() != Some(FIRST_LINE) {
            return Err(CryptoError::Malformed("unknown root key format"));
        }
        let mut field = |name: &str| {
            lines
                .next()
                .and_then(|l| l.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned))
                .ok_or(CryptoError::Malformed("a line of the root key file is missing"))
        };
        let class = match field("class")?.as_str() {
            "demo" => EnvironmentClass::Demo,
            "production" => EnvironmentClass::Production,
            _ => return Err(CryptoError::Malformed("unknown environment class")),
        };
        let bad = CryptoError::Malformed("the root key file has a malformed line");
        let organization = hex_array(&field("organization")?).ok_or(bad)?;
        let provider = field("provider")?;
        let salt = hex_array(&field("salt")?).ok_or(bad)?;
        let wrapped = hex_decode(&field("wrapped")?).ok_or(bad)?;
        Ok(Self { class, organization, provider, salt, wrapped })
    }

    pub fn to_text(&self) -> String {
        format!("{}wrapped {}\n", self.clear_lines(), hex_encode(&self.wrapped))
    }

    fn clear_lines(&self) -> String {
        format!(
            "{FIRST_LINE}\nclass {}\norganization {}\nprovider {}\nsalt {}\n",
            self.class,
            hex_encode(&self.organization),
            self.provider,
            hex_encode(&self.salt)
        )
    }
}

pub fn hex_encode(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}

pub fn hex_decode(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()).collect()
}

fn hex_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    hex_decode(text)?.try_into().ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_root_key_opens_only_with_its_kek_and_in_its_environment() {
        let kek = Kek::generate().unwrap();
        let (file, root) = RootFile::create(EnvironmentClass::Demo, &kek).unwrap();
        let read = RootFile::parse(&file.to_text()).unwrap();
        assert_eq!(read.unwrap(&kek, EnvironmentClass::Demo).unwrap(), root);
        let stranger = Kek::generate().unwrap();
        assert_eq!(read.unwrap(&stranger, EnvironmentClass::Demo), Err(CryptoError::WrongKek));
        assert!(matches!(read.unwrap(&kek, EnvironmentClass::Production), Err(CryptoError::WrongEnvironment { .. })));
    }

    #[test]
    fn relabelling_a_demo_as_production_makes_its_key_unopenable() {
        let kek = Kek::generate().unwrap();
        let (file, _) = RootFile::create(EnvironmentClass::Demo, &kek).unwrap();
        let forged = RootFile::parse(&file.to_text().replace("class demo", "class production")).unwrap();
        assert_eq!(forged.unwrap(&kek, EnvironmentClass::Production), Err(CryptoError::WrongKek));
    }

    #[test]
    fn a_short_passphrase_is_refused_and_a_long_one_opens_its_root_key() {
        assert!(matches!(
            Kek::from_passphrase(Zeroizing::new("too short".into())),
            Err(CryptoError::PassphraseTooShort)
        ));
        let kek = Kek::from_passphrase(Zeroizing::new("correct horse battery staple\n".into())).unwrap();
        let (file, root) = RootFile::create(EnvironmentClass::Production, &kek).unwrap();
        assert_eq!(file.unwrap(&kek, EnvironmentClass::Production).unwrap(), root);
    }
}
