//! Secrets that are shown once: cookies, tokens, codes. Kept as keyed hashes.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crypto::Keyring;
use crypto::hash::Prf;
use zeroize::Zeroizing;

use crate::IdentityError;
use crate::settings::Random;

pub(crate) const SECRET_BYTES: usize = 32;
/// Text that is longer is no secret of ours and is not hashed.
const SECRET_CHARS_MAX: usize = 128;
/// Characters of a code that people type: no vowels that make words, nothing that looks like something else.
const CODE_LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The keyed hashes of one organization, each purpose under its own key.
pub(crate) struct Hashes {
    pub session: Prf,
    pub token: Prf,
    pub invitation: Prf,
    pub ticket: Prf,
    pub recovery: Prf,
    pub csrf: Prf,
    pub label: Prf,
    pub handle: Prf,
    pub user_agent: Prf,
    /// Of this process alone: challenges do not outlive it.
    pub challenge: Prf,
}

impl Hashes {
    pub fn new(keyring: &Keyring, random: &Random) -> Result<Self, IdentityError> {
        let mut boot = Zeroizing::new([0; 32]);
        random(boot.as_mut())?;
        Ok(Self {
            session: keyring.prf("wardstone/session/v1"),
            token: keyring.prf("wardstone/token/v1"),
            invitation: keyring.prf("wardstone/invitation/v1"),
            ticket: keyring.prf("wardstone/ticket/v1"),
            recovery: keyring.prf("wardstone/recovery-code/v1"),
            csrf: keyring.prf("wardstone/csrf/v1"),
            label: keyring.prf("wardstone/desk-label/v1"),
            handle: keyring.prf("wardstone/user-handle/v1"),
            user_agent: keyring.prf("wardstone/user-agent/v1"),
            challenge: Prf::new(boot.as_ref()),
        })
    }

    /// The key of an entry on the desk.
    pub fn label(&self, kind: &str, number: u64) -> [u8; 16] {
        self.label.label(&[kind.as_bytes(), &number.to_be_bytes()].concat())
    }

    pub fn recovery_code(&self, user: u64, code: &str) -> [u8; 16] {
        let code = Zeroizing::new(typed(code));
        self.recovery.label(&[&user.to_be_bytes()[..], code.as_bytes()].concat())
    }
}

/// The hash of a secret that somebody presents; none for what cannot be one.
pub(crate) fn presented(prf: &Prf, secret: &str) -> Option<[u8; 32]> {
    (secret.len() <= SECRET_CHARS_MAX).then(|| prf.compute(secret.as_bytes()))
}

/// 256 bits as base64url.
pub(crate) fn fresh(random: &Random) -> Result<Zeroizing<String>, IdentityError> {
    let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
    random(bytes.as_mut())?;
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_ref())))
}

/// A code of `groups` groups of five letters, 25 bits each.
pub(crate) fn code(random: &Random, groups: usize) -> Result<Zeroizing<String>, IdentityError> {
    const GROUP_CHARS: usize = 5;
    let mut bytes = Zeroizing::new(vec![0; groups * GROUP_CHARS]);
    random(&mut bytes)?;
    let mut text = Zeroizing::new(String::with_capacity(bytes.len() + groups));
    for (at, byte) in bytes.iter().enumerate() {
        if at > 0 && at % GROUP_CHARS == 0 {
            text.push('-');
        }
        text.push(char::from(CODE_LETTERS[usize::from(byte % 32)]));
    }
    Ok(text)
}

/// A code as it was meant: case, spaces and hyphens do not matter, nor `o` for `0` and `i` or `l` for `1`.
pub(crate) fn typed(code: &str) -> String {
    code.chars()
        .take(SECRET_CHARS_MAX)
        .filter(|c| !c.is_whitespace() && *c != '-')
        .map(|c| match c.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            other => other,
        })
        .collect()
}

/// A number that names something in events: not zero, and below 2^53 so that JSON keeps it.
pub(crate) fn number(random: &Random) -> Result<u64, IdentityError> {
    let mut bytes = [0; 8];
    random(&mut bytes)?;
    Ok((u64::from_be_bytes(bytes) >> 11).max(1))
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}
