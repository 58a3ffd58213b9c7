//! A browser: an address, a name, connections, and perhaps a key of its own.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity::{Connection, DeviceClaim, Identity};

static NUMBERS: AtomicU64 = AtomicU64::new(100);

pub struct Browser {
    key: EcdsaKeyPair,
    number: u64,
    address: IpAddr,
    user_agent: &'static str,
}

impl Browser {
    pub fn new() -> Self {
        Self::at("192.0.2.10")
    }

    pub fn at(address: &str) -> Self {
        Self {
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            number: NUMBERS.fetch_add(1, Ordering::SeqCst),
            address: address.parse().unwrap(),
            user_agent: "Firefox",
        }
    }

    pub fn named(self, user_agent: &'static str) -> Self {
        Self { user_agent, ..self }
    }

    pub fn connection(&self) -> Connection<'static> {
        Connection { number: self.number, address: self.address, user_agent: self.user_agent, request_id: 1 }
    }

    /// Another TLS connection of the same browser.
    pub fn other_connection(&self) -> Connection<'static> {
        Connection { number: NUMBERS.fetch_add(1, Ordering::SeqCst), ..self.connection() }
    }

    pub fn claim(&self, identity: &Identity) -> DeviceClaim {
        let challenge = identity.door_challenge();
        let signature = self.sign(&challenge);
        DeviceClaim { public_key: self.jwk(), challenge, signature }
    }

    pub fn sign(&self, message: &str) -> String {
        let signature = self.key.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        URL_SAFE_NO_PAD.encode(signature.as_ref())
    }

    fn jwk(&self) -> String {
        let point = self.key.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}","ext":true,"key_ops":["verify"]}}"#)
    }
}
