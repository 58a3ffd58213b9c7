//! Challenges without memory: a nonce (RFC 8489, 9.2) that only this process can have made, for one address and one hour.
//! Who asks without a credential is answered and forgotten.

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crypto::hash::Prf;
use turn_server_proto::types::message::ALLOCATE;
use turn_server_proto::types::stun::attribute::{
    Attribute, AttributeStaticType, AttributeType, Fingerprint, MessageIntegrity, MessageIntegritySha256, Nonce,
};
use turn_server_proto::types::stun::message::{
    IntegrityAlgorithm, Message, MessageClass, MessageIntegrityCredentials, MessageType, MessageWrite, MessageWriteExt,
    MessageWriteVec, TransactionId,
};

use crate::UnixMs;

const NONCE_MS: i64 = 60 * 60 * 1_000;

pub struct Challenges(Prf);

impl Challenges {
    pub fn new() -> Result<Self, crypto::CryptoError> {
        Ok(Self(Prf::new(&crypto::random_array::<32>()?)))
    }

    pub fn nonce(&self, to: SocketAddr, now_ms: UnixMs) -> String {
        format!("{now_ms:x}.{}", URL_SAFE_NO_PAD.encode(self.mac(to, now_ms)))
    }

    pub fn is_ours(&self, nonce: &str, from: SocketAddr, now_ms: UnixMs) -> bool {
        let Some((made, mac)) = nonce.split_once('.') else { return false };
        let (Ok(made_ms), Ok(mac)) = (i64::from_str_radix(made, 16), URL_SAFE_NO_PAD.decode(mac)) else { return false };
        crypto::hash::equal(&mac, &self.mac(from, made_ms)) && (0..NONCE_MS).contains(&(now_ms - made_ms))
    }

    fn mac(&self, address: SocketAddr, made_ms: UnixMs) -> [u8; 16] {
        self.0.label(format!("{made_ms} {address}").as_bytes())
    }
}

/// What makes the library say the nonce that it keeps for an address.
pub fn question() -> Vec<u8> {
    let kind = MessageType::from_class_method(MessageClass::Request, ALLOCATE);
    Message::builder(kind, TransactionId::generate(), MessageWriteVec::new()).finish()
}

pub fn nonce_of(answer: &[u8]) -> Option<String> {
    Some(Message::from_bytes(answer).ok()?.attribute::<Nonce>().ok()?.nonce().to_owned())
}

/// The same request with another nonce, signed anew with the credential that it was signed with.
pub fn with_nonce(
    request: &[u8],
    nonce: &str,
    (credentials, algorithm): &(MessageIntegrityCredentials, IntegrityAlgorithm),
) -> Option<Vec<u8>> {
    const RENEWED: [AttributeType; 4] =
        [Nonce::TYPE, MessageIntegrity::TYPE, MessageIntegritySha256::TYPE, Fingerprint::TYPE];
    let request = Message::from_bytes(request).ok()?;
    let mut builder = Message::builder(request.get_type(), request.transaction_id(), MessageWriteVec::new());
    for (_, attribute) in request.iter_attributes() {
        if !RENEWED.contains(&attribute.get_type()) {
            builder.add_attribute(&attribute).ok()?;
        }
    }
    builder.add_attribute(&Nonce::new(nonce).ok()?).ok()?;
    builder.add_message_integrity(credentials, *algorithm).ok()?;
    Some(builder.finish())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_of_one_process_one_address_and_one_hour() {
        let (here, there) = ("192.0.2.1:40000".parse().unwrap(), "192.0.2.1:40001".parse().unwrap());
        let ours = Challenges::new().unwrap();
        let nonce = ours.nonce(here, 1_000);
        assert!(ours.is_ours(&nonce, here, 1_000) && ours.is_ours(&nonce, here, 999 + NONCE_MS));
        assert!(!ours.is_ours(&nonce, here, 1_000 + NONCE_MS), "too old");
        assert!(!ours.is_ours(&nonce, here, 999), "of later");
        assert!(!ours.is_ours(&nonce, there, 1_000), "of another address");
        assert!(!Challenges::new().unwrap().is_ours(&nonce, here, 1_000), "of another process");
        let later = nonce.replacen("3e8", "3e9", 1);
        assert!(later != nonce && !ours.is_ours(&later, here, 1_001), "a changed time");
        for invented in ["", ".", "3e8", "3e8.", "zz.AAAA", "obMatJos2AAAA"] {
            assert!(!ours.is_ours(invented, here, 1_000), "{invented}");
        }
    }
}
