//! What is looked at before the protocol library sees a message: credentials and their end, peers, methods.

use std::net::{IpAddr, SocketAddr};

use turn_server_proto::types::attribute::XorPeerAddress;
use turn_server_proto::types::message::{ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION, REFRESH};
use turn_server_proto::types::stun::attribute::{
    AttributeWrite, ErrorCode, Nonce, Realm, Userhash, Username, XorMappedAddress,
};
use turn_server_proto::types::stun::message::{
    BINDING, IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageClass, MessageIntegrityCredentials,
    MessageWrite, MessageWriteExt, MessageWriteVec,
};

use super::challenge::Challenges;
use crate::UnixMs;
use crate::turn::TurnSecrets;
use crate::turn::credential::valid_until;
use crate::turn::peer::is_denied;

/// Peers in one request.
const PEERS_MAX: usize = 16;

pub enum Verdict {
    /// Data.
    Pass,
    /// A request of a credential that holds: the library has to know it.
    Known {
        username: String,
        password: String,
        key: (MessageIntegrityCredentials, IntegrityAlgorithm),
        /// Not the answer to a challenge of ours: to one of the library, or this is what to say.
        stale: Option<Vec<u8>>,
    },
    Answer(Vec<u8>),
    Drop,
}

pub struct Gate {
    pub challenges: Challenges,
    pub realm: String,
    pub secrets: TurnSecrets,
    /// Where relayed ports are.
    pub own: Vec<IpAddr>,
    /// What else this machine is.
    pub machine: Vec<IpAddr>,
}

impl Gate {
    pub fn look(&self, frame: &[u8], from: SocketAddr, now_ms: UnixMs) -> Verdict {
        if frame.first().is_some_and(|first| first >> 6 == 1) {
            return Verdict::Pass;
        }
        let Ok(message) = Message::from_bytes(frame) else { return Verdict::Drop };
        match message.class() {
            MessageClass::Request => {}
            MessageClass::Indication => return Verdict::Pass,
            _ => return Verdict::Drop,
        }
        let method = message.method();
        // The library (0.7) addresses this one answer to itself.
        if method == BINDING {
            return seen(&message, from);
        }
        if ![ALLOCATE, REFRESH, CREATE_PERMISSION, CHANNEL_BIND].contains(&method) {
            return Verdict::Drop;
        }
        // Names behind a hash could not be checked for their end.
        if message.attribute::<Userhash>().is_ok() {
            return answer(&message, ErrorCode::UNAUTHORIZED, &[], None);
        }
        let Ok(username) = message.attribute::<Username>() else {
            return self.challenge(&message, ErrorCode::UNAUTHORIZED, from, now_ms);
        };
        let username = username.username().to_owned();
        if valid_until(&username, now_ms).is_none() {
            return answer(&message, ErrorCode::UNAUTHORIZED, &[], None);
        }
        let matching = self.secrets.both().find_map(|secret| {
            let password = secret.password(&username);
            let key = LongTermKeyCredentials::new(username.clone(), password.clone(), self.realm.clone());
            let credentials = MessageIntegrityCredentials::LongTerm(key);
            let algorithm = message.validate_integrity(&credentials).ok()?;
            Some((password, credentials, algorithm))
        });
        let Some((password, credentials, algorithm)) = matching else {
            return answer(&message, ErrorCode::UNAUTHORIZED, &[], None);
        };
        if method == CREATE_PERMISSION || method == CHANNEL_BIND {
            for place in 0..=PEERS_MAX {
                let Ok(peer) = message.nth_attribute::<XorPeerAddress>(place) else { break };
                let address = peer.addr(message.transaction_id()).ip();
                if place == PEERS_MAX || self.refuses(address) {
                    return answer(&message, ErrorCode::FORBIDDEN, &[], Some((credentials, algorithm)));
                }
            }
        }
        let nonce = message.attribute::<Nonce>().ok();
        let mut stale = None;
        if !nonce.is_some_and(|nonce| self.challenges.is_ours(nonce.nonce(), from, now_ms)) {
            let Verdict::Answer(answer) = self.challenge(&message, ErrorCode::STALE_NONCE, from, now_ms) else {
                return Verdict::Drop;
            };
            stale = Some(answer);
        }
        Verdict::Known { username, password, key: (credentials, algorithm), stale }
    }

    /// Asks for a credential (RFC 8489, 9.2.3).
    fn challenge(&self, message: &Message<'_>, code: u16, from: SocketAddr, now_ms: UnixMs) -> Verdict {
        let nonce = self.challenges.nonce(from, now_ms);
        let (Ok(realm), Ok(nonce)) = (Realm::new(&self.realm), Nonce::new(&nonce)) else { return Verdict::Drop };
        answer(message, code, &[&realm, &nonce], None)
    }

    /// Permissions are by address without a port: our own is let through here, and only its relayed ports later.
    pub fn refuses(&self, peer: IpAddr) -> bool {
        self.is_near(peer) && !self.own.contains(&peer)
    }

    /// What no packet is relayed to or from, but between relayed ports.
    pub fn is_near(&self, peer: IpAddr) -> bool {
        is_denied(peer) || self.machine.contains(&peer)
    }
}

/// The address that a request came from (RFC 8489, 2).
fn seen(message: &Message<'_>, from: SocketAddr) -> Verdict {
    let mut builder = Message::builder_success(message, MessageWriteVec::new());
    let added = builder.add_attribute(&XorMappedAddress::new(from, message.transaction_id()));
    if added.is_err() || builder.add_fingerprint().is_err() {
        return Verdict::Drop;
    }
    Verdict::Answer(builder.finish())
}

fn answer(
    message: &Message<'_>,
    code: u16,
    with: &[&dyn AttributeWrite],
    signed: Option<(MessageIntegrityCredentials, IntegrityAlgorithm)>,
) -> Verdict {
    let Ok(error) = ErrorCode::builder(code).build() else { return Verdict::Drop };
    let mut builder = Message::builder_error(message, MessageWriteVec::new());
    let all = std::iter::once(&error as &dyn AttributeWrite).chain(with.iter().copied());
    if all.map(|attribute| builder.add_attribute(attribute)).any(|added| added.is_err()) {
        return Verdict::Drop;
    }
    if let Some((credentials, algorithm)) = signed
        && builder.add_message_integrity(&credentials, algorithm).is_err()
    {
        return Verdict::Drop;
    }
    Verdict::Answer(builder.finish())
}
