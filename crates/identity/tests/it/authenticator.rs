//! An authenticator in software, honest or not: WebAuthn Level 3 registrations and assertions, made by hand.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::clinic::{ORIGIN, RP_ID};

const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 1 << 2;
const ATTESTED: u8 = 1 << 6;

pub struct Authenticator {
    key: EcdsaKeyPair,
    id: [u8; 32],
    pub origin: String,
    pub rp_id: String,
    pub verifies_user: bool,
    pub counter: u32,
    handle: String,
}

impl Authenticator {
    pub fn new() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let mut id = [0; 32];
        id.copy_from_slice(&key.public_key().as_ref()[1..33]);
        let (origin, rp_id) = (ORIGIN.to_owned(), RP_ID.to_owned());
        Self { key, id, origin, rp_id, verifies_user: true, counter: 0, handle: String::new() }
    }

    /// Answers `navigator.credentials.create`.
    pub fn create(&mut self, options: &str) -> String {
        let options: Value = serde_json::from_str(options).unwrap();
        self.handle = options["publicKey"]["user"]["id"].as_str().unwrap().to_owned();
        let client_data = self.client_data("webauthn.create", &options);
        let mut data = self.data(ATTESTED);
        data.extend_from_slice(&[0; 16]);
        data.extend_from_slice(&[0, 32]);
        data.extend_from_slice(&self.id);
        let point = self.key.public_key().as_ref();
        // COSE_Key (RFC 9053, 7.1): {1: 2, 3: -7, -1: 1, -2: x, -3: y}
        data.extend_from_slice(&[0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]);
        data.extend_from_slice(&point[1..33]);
        data.extend_from_slice(&[0x22, 0x58, 0x20]);
        data.extend_from_slice(&point[33..]);
        let mut attestation = vec![0xa3];
        attestation.extend_from_slice(b"\x63fmt\x64none\x67attStmt\xa0\x68authData\x58");
        attestation.push(data.len() as u8);
        attestation.extend_from_slice(&data);
        json!({
            "id": encode(&self.id),
            "rawId": encode(&self.id),
            "type": "public-key",
            "response": {"attestationObject": encode(&attestation), "clientDataJSON": encode(&client_data)},
            "extensions": {},
        })
        .to_string()
    }

    /// Answers `navigator.credentials.get`.
    pub fn get(&mut self, options: &str) -> String {
        let options: Value = serde_json::from_str(options).unwrap();
        let client_data = self.client_data("webauthn.get", &options);
        let data = self.data(0);
        let signed = [&data[..], digest(&SHA256, &client_data).as_ref()].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        json!({
            "id": encode(&self.id),
            "rawId": encode(&self.id),
            "type": "public-key",
            "response": {
                "authenticatorData": encode(&data),
                "clientDataJSON": encode(&client_data),
                "signature": encode(signature.as_ref()),
                "userHandle": self.handle,
            },
            "extensions": {},
        })
        .to_string()
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let challenge = &options["publicKey"]["challenge"];
        json!({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false}).to_string().into()
    }

    fn data(&mut self, flags: u8) -> Vec<u8> {
        let mut data = digest(&SHA256, self.rp_id.as_bytes()).as_ref().to_vec();
        data.push(flags | USER_PRESENT | if self.verifies_user { USER_VERIFIED } else { 0 });
        data.extend_from_slice(&self.counter.to_be_bytes());
        self.counter += 1;
        data
    }
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
