//! Checkpoints: C2SP tlog-checkpoint as a signed note with one Ed25519 signature, and the key that checks it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use crypto::sign::{SigningKey, VerifyingKey};

use crate::AuditError;
use crate::tree::Hash;

/// Bounds what is parsed: 16 signatures with post-quantum sizes fit.
pub const CHECKPOINT_BYTES_MAX: usize = 128 * 1024;
const SIGNATURE_TYPE_ED25519: u8 = 1;
const BAD: AuditError = AuditError::Malformed("checkpoint");

/// What a log says about itself at one size. The origin is also the name of the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

impl Checkpoint {
    /// The signed note: three lines, a blank line, the signature line.
    pub fn sign(&self, key: &SigningKey) -> String {
        let body = self.body();
        let verifier = VerifierKey::new(&self.origin, key.verifying_key());
        let mut signature = verifier.id.to_vec();
        signature.extend_from_slice(&key.sign(body.as_bytes()));
        format!("{body}\n\u{2014} {} {}\n", self.origin, BASE64.encode(signature))
    }

    /// The checkpoint of a note that carries a valid signature by `key`; signatures by others are ignored.
    pub fn verify(note: &str, key: &VerifierKey) -> Result<Self, AuditError> {
        let (body, signatures) = split(note)?;
        let mut is_signed = false;
        for line in signatures {
            let (name, signature) = line.strip_prefix("\u{2014} ").and_then(|rest| rest.split_once(' ')).ok_or(BAD)?;
            let signature = BASE64.decode(signature).map_err(|_| BAD)?;
            let (id, signature) = signature.split_first_chunk::<4>().ok_or(BAD)?;
            if name != key.name || *id != key.id {
                continue;
            }
            let signature = signature.try_into().map_err(|_| AuditError::BadSignature)?;
            key.key.verify(body.as_bytes(), signature).map_err(|()| AuditError::BadSignature)?;
            is_signed = true;
        }
        if !is_signed {
            return Err(AuditError::NotSigned);
        }
        let checkpoint = Self::parse_unverified(note)?;
        if checkpoint.origin != key.name {
            return Err(AuditError::OtherLog);
        }
        Ok(checkpoint)
    }

    /// What the note says, whoever signed it. For messages about notes that failed to verify.
    pub fn parse_unverified(note: &str) -> Result<Self, AuditError> {
        let (body, _) = split(note)?;
        let mut lines = body.split('\n');
        let origin = lines.next().filter(|origin| !origin.is_empty()).ok_or(BAD)?;
        let size = lines.next().and_then(parse_decimal).ok_or(BAD)?;
        let root = lines.next().and_then(parse_hash).ok_or(BAD)?;
        Ok(Checkpoint { origin: origin.to_owned(), size, root })
    }

    fn body(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(self.root))
    }
}

/// A log's public key with its name and C2SP key id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    pub name: String,
    pub id: [u8; 4],
    pub key: VerifyingKey,
}

impl VerifierKey {
    pub fn new(name: &str, key: VerifyingKey) -> Self {
        let mut hasher = crypto::hash::Sha256::new();
        hasher.update(name.as_bytes());
        hasher.update(&[b'\n', SIGNATURE_TYPE_ED25519]);
        hasher.update(&key.to_bytes());
        let [a, b, c, d, ..] = hasher.finish();
        VerifierKey { name: name.to_owned(), id: [a, b, c, d], key }
    }

    /// The customary text form: `name+hex(id)+base64(type ‖ key)`.
    pub fn to_text(&self) -> String {
        let mut typed = vec![SIGNATURE_TYPE_ED25519];
        typed.extend_from_slice(&self.key.to_bytes());
        format!("{}+{:08x}+{}", self.name, u32::from_be_bytes(self.id), BASE64.encode(typed))
    }

    pub fn parse(text: &str) -> Result<Self, AuditError> {
        const BAD_KEY: AuditError = AuditError::Malformed("verifier key");
        let mut parts = text.trim_end().splitn(3, '+');
        let (Some(name), Some(id), Some(typed)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(BAD_KEY);
        };
        let typed = BASE64.decode(typed).map_err(|_| BAD_KEY)?;
        let Some((&SIGNATURE_TYPE_ED25519, bytes)) = typed.split_first() else {
            return Err(BAD_KEY);
        };
        let key = VerifierKey::new(name, VerifyingKey::from_bytes(bytes.try_into().map_err(|_| BAD_KEY)?));
        if !is_key_name(name) || id != format!("{:08x}", u32::from_be_bytes(key.id)) {
            return Err(BAD_KEY);
        }
        Ok(key)
    }
}

/// Whether a text may name a key, and so be an origin: not empty, no spaces, no plus, no control characters.
pub fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

/// A decimal number without leading zeroes.
pub(crate) fn parse_decimal(text: &str) -> Option<u64> {
    let canonical = text == "0" || !text.starts_with(['0', '+']);
    text.parse().ok().filter(|_| canonical)
}

pub(crate) fn parse_hash(text: &str) -> Option<Hash> {
    BASE64.decode(text).ok()?.try_into().ok()
}

/// The text with its last newline, and the signature lines.
fn split(note: &str) -> Result<(&str, std::str::Split<'_, char>), AuditError> {
    if note.len() > CHECKPOINT_BYTES_MAX || note.chars().any(|c| c < ' ' && c != '\n') {
        return Err(BAD);
    }
    let at = note.rfind("\n\n").ok_or(BAD)?;
    let signatures = note[at + 2..].strip_suffix('\n').filter(|lines| !lines.is_empty()).ok_or(BAD)?;
    Ok((&note[..at + 1], signatures.split('\n')))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// The key and note that Go's golang.org/x/mod/sumdb/note documents as its example.
    #[test]
    fn a_note_of_another_implementation_verifies() {
        let key = VerifierKey::parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW").unwrap();
        let note = "If you think cryptography is the answer to your problem,\n\
            then you don't know what your problem is.\n\n\
            \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
        // Signed by the key, and not a checkpoint: only the form is refused.
        assert_eq!(Checkpoint::verify(note, &key), Err(BAD));
        let altered = note.replacen("then", "Then", 1);
        assert_eq!(Checkpoint::verify(&altered, &key), Err(AuditError::BadSignature));
    }

    #[test]
    fn a_checkpoint_verifies_only_with_its_key_name_and_bytes() {
        let key = SigningKey::from_seed(&[7; 32]);
        let verifier = VerifierKey::new("clinic.example/audit", key.verifying_key());
        let checkpoint = Checkpoint { origin: "clinic.example/audit".into(), size: 70_000, root: [9; 32] };
        let note = checkpoint.sign(&key);
        assert_eq!(Checkpoint::verify(&note, &verifier), Ok(checkpoint));
        assert_eq!(VerifierKey::parse(&verifier.to_text()), Ok(verifier.clone()));
        let other = VerifierKey::new("clinic.example/audit", SigningKey::from_seed(&[8; 32]).verifying_key());
        assert_eq!(Checkpoint::verify(&note, &other), Err(AuditError::NotSigned));
        for at in 0..note.len() {
            let mut bytes = note.clone().into_bytes();
            bytes[at] ^= 1;
            let refused = String::from_utf8(bytes).map_or(true, |note| Checkpoint::verify(&note, &verifier).is_err());
            assert!(refused, "byte {at} of the note was changed and it still verified");
        }
    }
}
