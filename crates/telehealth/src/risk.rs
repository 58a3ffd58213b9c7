//! Visits of high risk: which keys of a call a passkey vouches for, and how the rooms that are open learn of it.
//!
//! A patient's passkey signs a challenge that is a hash of the visit, their place in it and the public keys of their browser for
//! this call. The server checks the signature and tells the host's browser for which keys it holds; that browser compares them with
//! the keys that it holds itself. A relay that put its own keys in between is seen; a server that lies about the check is not.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crypto::hash::sha256;

use crate::hall::Hall;
use crate::room::Audit;
use crate::signal::{Keys, ParticipantId, Role};

const KEYS: &str = "wardstone-call-keys-v1";
const CHALLENGE: &str = "wardstone-passkey-v1";

/// SHA-256 over the visit, a place in it and the public keys there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeysDigest([u8; 32]);

impl KeysDigest {
    /// base64url, as browsers compare it.
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// What a passkey is asked to sign. `nonce` is the server's, and used once.
    pub fn challenge(&self, nonce: &[u8; 32]) -> [u8; 32] {
        sha256(&fields(&[CHALLENGE.as_bytes(), nonce, &self.0]))
    }
}

/// None where the keys are no base64url: they are somebody's nonsense, and nothing vouches for them.
pub fn digest_of(visit: &str, who: &ParticipantId, keys: &Keys) -> Option<KeysDigest> {
    let raw = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
    let (sign, seal) = (raw(&keys.sign)?, raw(&keys.seal)?);
    let parts = [KEYS.as_bytes(), visit.as_bytes(), who.as_str().as_bytes(), &sign, &seal];
    Some(KeysDigest(sha256(&fields(&parts))))
}

/// `F` of docs/formats/visit.md.
fn fields(parts: &[&[u8]]) -> Vec<u8> {
    let mut all = Vec::new();
    for part in parts {
        let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
        all.extend_from_slice(&length.to_be_bytes());
        all.extend_from_slice(part);
    }
    all
}

impl Hall {
    /// What is asked of whom the visit is for, from now on. A room that opens later asks what its sheet says.
    pub fn ask(&self, visit: &str, high_risk: bool) {
        self.with(visit, |room| ((), room.ask(high_risk)));
    }

    /// The keys of a person in an open room.
    pub fn keys_of(&self, visit: &str, person: &str) -> Option<(ParticipantId, KeysDigest)> {
        self.with(visit, |room| (room.keys_of(person), Vec::new()))?
    }

    /// False where they hold other keys by now, or are not there.
    pub fn vouch(&self, visit: &str, id: &ParticipantId, keys: KeysDigest) -> bool {
        let vouched = self.with(visit, |room| match room.vouch(id, keys) {
            Some(outputs) => (true, outputs),
            None => (false, Vec::new()),
        });
        vouched == Some(true)
    }

    /// The passkey of who has this role in the visit was removed: it vouches for no keys any more.
    pub fn unvouch(&self, visit: &str, role: Role) {
        self.with(visit, |room| ((), room.unvouch(role)));
    }

    /// Writes down what somebody did about a visit beside its room.
    pub fn note(&self, visit: &str, role: Role, what: Audit, detail: String) {
        self.noted(visit, role, what, Some(detail));
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn digest(visit: &str, id: u8, sign: &str, seal: &str) -> KeysDigest {
        let keys = Keys { sign: sign.into(), seal: seal.into(), commit: "Y29tbWl0".into() };
        digest_of(visit, &ParticipantId::new([id; 8]), &keys).unwrap()
    }

    #[test]
    fn a_challenge_is_of_one_visit_one_place_one_pair_of_keys_and_one_asking() {
        let here = digest("v1", 1, "c2lnbg", "c2VhbA");
        assert_eq!(here, digest("v1", 1, "c2lnbg", "c2VhbA"));
        for other in [
            digest("v2", 1, "c2lnbg", "c2VhbA"),
            digest("v1", 2, "c2lnbg", "c2VhbA"),
            digest("v1", 1, "c2lnbA", "c2VhbA"),
            digest("v1", 1, "c2lnbg", "c2VhbQ"),
            digest("v1", 1, "c2VhbA", "c2lnbg"),
        ] {
            assert_ne!(here, other);
        }
        assert_ne!(here.challenge(&[1; 32]), here.challenge(&[2; 32]));
        // printf of the fields | openssl dgst -sha256 -binary | base64url
        assert_eq!(here.text(), "-6bhEwr5ORLOMzIXMxuIpkUf7X4rljddCeYtts4Sls4");
    }

    #[test]
    fn keys_that_are_none_have_no_digest() {
        let keys = Keys { sign: "!".into(), seal: "c2VhbA".into(), commit: String::new() };
        assert!(digest_of("v1", &ParticipantId::new([1; 8]), &keys).is_none());
    }
}
