//! REST credentials (draft-uberti-behave-turn-rest-00): `<unix expiry>:<opaque>` and the base64 of its HMAC-SHA-1.
//!
//! The opaque part is drawn for each credential and means nobody: relays log user names in full.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::{TelehealthError, UnixMs};

pub const LIFETIME_MS_MAX: i64 = 60 * 60 * 1000;
const SECRET_BYTES_MIN: usize = 16;
const OPAQUE_CHARS_MAX: usize = 64;
const URLS_MAX: usize = 8;

#[derive(Clone)]
pub struct TurnSecret(Zeroizing<String>);

impl TurnSecret {
    /// Text, since coturn takes it as text.
    pub fn new(text: &str) -> Result<Self, TelehealthError> {
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'+' | b'/'));
        if text.len() < SECRET_BYTES_MIN || !plain {
            return Err(TelehealthError::Relay("the secret has at least 16 letters, digits or -_+/"));
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// The password of a user name.
    pub(crate) fn password(&self, username: &str) -> String {
        STANDARD.encode(crypto::hash::hmac_sha1(self.0.as_bytes(), username.as_bytes()))
    }
}

impl std::fmt::Debug for TurnSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// New credentials are of `current`; those of `previous` hold until they end.
#[derive(Debug, Clone)]
pub struct TurnSecrets {
    pub current: TurnSecret,
    pub previous: Option<TurnSecret>,
}

impl TurnSecrets {
    pub(crate) fn both(&self) -> impl Iterator<Item = &TurnSecret> {
        std::iter::once(&self.current).chain(&self.previous)
    }
}

/// RTCIceServer, as a browser takes it.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct IceServer {
    pub urls: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub username: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub credential: String,
}

impl std::fmt::Debug for IceServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IceServer").field("urls", &self.urls).field("credential", &"[redacted]").finish_non_exhaustive()
    }
}

/// Whether the relays may be used now: somebody else's only under an agreement in force.
pub type MayUse = Arc<dyn Fn() -> bool + Send + Sync>;

/// Where the relays are and how to make credentials for them.
#[derive(Clone)]
pub struct Relays {
    urls: Vec<String>,
    secrets: Option<TurnSecrets>,
    lifetime_ms: i64,
    may_use: Option<MayUse>,
}

impl std::fmt::Debug for Relays {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relays").field("urls", &self.urls).finish_non_exhaustive()
    }
}

impl Relays {
    /// `urls`: udp first, then tcp, then `turns:`. No more than an hour.
    pub fn new(urls: Vec<String>, secrets: TurnSecrets, lifetime_ms: i64) -> Result<Self, TelehealthError> {
        if !(1000..=LIFETIME_MS_MAX).contains(&lifetime_ms) {
            return Err(TelehealthError::Relay("a credential lives an hour at most"));
        }
        let known = |url: &String| url.starts_with("turn:") || url.starts_with("turns:");
        if urls.is_empty() || urls.len() > URLS_MAX || !urls.iter().all(known) {
            return Err(TelehealthError::Relay("one to eight addresses, turn: or turns:"));
        }
        Ok(Self { urls, secrets: Some(secrets), lifetime_ms, may_use: None })
    }

    /// No relay: calls work where the two see each other.
    pub fn none() -> Self {
        Self { urls: Vec::new(), secrets: None, lifetime_ms: LIFETIME_MS_MAX, may_use: None }
    }

    /// `may_use` is asked each time before a browser is told of them.
    pub fn asking(self, may_use: MayUse) -> Self {
        Self { may_use: Some(may_use), ..self }
    }

    pub fn lifetime_ms(&self) -> i64 {
        self.lifetime_ms
    }

    pub fn servers(&self, now_ms: UnixMs, random: &mut dyn FnMut(&mut [u8])) -> Vec<IceServer> {
        self.servers_for(self.lifetime_ms, now_ms, random)
    }

    /// For less than the usual time.
    pub fn servers_for(&self, ms: i64, now_ms: UnixMs, random: &mut dyn FnMut(&mut [u8])) -> Vec<IceServer> {
        let Some(secrets) = &self.secrets else { return Vec::new() };
        if self.may_use.as_ref().is_some_and(|may_use| !may_use()) {
            return Vec::new();
        }
        let mut opaque = [0; 12];
        random(&mut opaque);
        let (username, credential) = mint(&secrets.current, now_ms + ms.min(self.lifetime_ms), &opaque);
        vec![IceServer { urls: self.urls.clone(), username, credential }]
    }
}

pub fn mint(secret: &TurnSecret, expires_ms: UnixMs, opaque: &[u8]) -> (String, String) {
    let username = format!("{}:{}", expires_ms / 1000, URL_SAFE_NO_PAD.encode(opaque));
    let credential = secret.password(&username);
    (username, credential)
}

/// When a user name of this form ends, in seconds. None: not of this form, over, or further away than any we gave.
pub(crate) fn valid_until(username: &str, now_ms: UnixMs) -> Option<i64> {
    let (expiry, opaque) = username.split_once(':')?;
    let plain = opaque.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if expiry.len() > 11 || !expiry.bytes().all(|byte| byte.is_ascii_digit()) || !plain {
        return None;
    }
    if opaque.is_empty() || opaque.len() > OPAQUE_CHARS_MAX {
        return None;
    }
    let expiry: i64 = expiry.parse().ok()?;
    // A minute for clocks that differ.
    let latest = (now_ms + LIFETIME_MS_MAX) / 1000 + 60;
    (expiry * 1000 > now_ms && expiry <= latest).then_some(expiry)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn secret(text: &str) -> TurnSecret {
        TurnSecret::new(text).unwrap()
    }

    #[test]
    fn a_credential_is_what_openssl_computes() {
        // printf '1800000000:AQID' | openssl dgst -sha1 -hmac north-north-north -binary | base64
        let (username, credential) = mint(&secret("north-north-north"), 1_800_000_000_000, &[1, 2, 3]);
        assert_eq!(username, "1800000000:AQID");
        assert_eq!(credential, "+tyZ9KN38tD59QlsuDgrzh8Jt7I=");
    }

    #[test]
    fn a_credential_lives_an_hour_at_most_and_names_nobody() {
        let secrets = TurnSecrets { current: secret("north-north-north"), previous: None };
        let urls = vec!["turn:turn.example.org:3478?transport=udp".to_owned()];
        assert!(Relays::new(urls.clone(), secrets.clone(), LIFETIME_MS_MAX + 1).is_err());
        let relays = Relays::new(urls, secrets, LIFETIME_MS_MAX).unwrap();
        let servers = relays.servers(0, &mut |bytes| bytes.fill(5));
        assert_eq!(servers[0].username, "3600:BQUFBQUFBQUFBQUF");
        assert!(!format!("{servers:?}").contains(&servers[0].credential));
    }

    #[test]
    fn relays_that_may_not_be_used_now_are_not_told_of() {
        let secrets = TurnSecrets { current: secret("north-north-north"), previous: None };
        let is_covered = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let asked = is_covered.clone();
        let relays = Relays::new(vec!["turn:turn.example.org".to_owned()], secrets, LIFETIME_MS_MAX).unwrap();
        let relays = relays.asking(Arc::new(move || asked.load(std::sync::atomic::Ordering::Relaxed)));
        assert!(relays.servers(0, &mut |bytes| bytes.fill(5)).is_empty());
        is_covered.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(relays.servers(0, &mut |bytes| bytes.fill(5)).len(), 1);
    }

    #[test]
    fn names_that_are_over_or_not_ours_are_refused() {
        let now = 1_800_000_000_000;
        assert_eq!(valid_until("1800000100:abc", now), Some(1_800_000_100));
        for name in [
            "1800000000:abc",
            "1800009999:abc",
            "x:abc",
            "1800000100",
            "1800000100:",
            "1800000100:a b",
            "+1800000100:a",
        ] {
            assert_eq!(valid_until(name, now), None, "{name}");
        }
    }
}
