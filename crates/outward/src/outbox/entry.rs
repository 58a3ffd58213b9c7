//! One message in the outbox, and what became of it. Address, text and link go with the last try.

use std::fmt;

use compliance::Service;
use serde::{Deserialize, Serialize};
use store::Shelf;
use store::desk::Change;
use zeroize::Zeroizing;

use crate::{Letter, OutwardError, Recipient};

/// Of whoever puts a message in: random, or a keyed hash, so that it tells nothing where it is written down.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MessageId(pub [u8; 16]);

#[derive(Clone, Debug)]
pub struct Message {
    pub id: MessageId,
    pub to: Recipient,
    pub letter: Letter,
    /// From then on it is of no use, and is not sent.
    pub until_ms: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    Queued,
    /// The other side took it.
    Sent,
    /// A try failed; another comes.
    Failed,
    GivenUp,
}

/// What may be told of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub state: DeliveryState,
    pub tries: u32,
    /// Why the last try failed: closed words.
    pub reason: Option<String>,
    pub queued_ms: i64,
    /// When it was sent or given up.
    pub settled_ms: Option<i64>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Entry {
    pub id: MessageId,
    /// Of whom, what and until when: the same id with another is refused.
    pub print: [u8; 32],
    pub service: Service,
    pub contents: Option<Contents>,
    pub until_ms: i64,
    pub queued_ms: i64,
    pub state: DeliveryState,
    pub tries: u32,
    pub next_ms: i64,
    pub reason: Option<String>,
    pub settled_ms: Option<i64>,
}

/// Gone once a message is settled.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Contents {
    pub to: Recipient,
    pub letter: Letter,
}

impl DeliveryState {
    pub fn name(self) -> &'static str {
        match self {
            DeliveryState::Queued => "queued",
            DeliveryState::Sent => "sent",
            DeliveryState::Failed => "failed",
            DeliveryState::GivenUp => "given_up",
        }
    }

    pub(super) fn waits(self) -> bool {
        matches!(self, DeliveryState::Queued | DeliveryState::Failed)
    }
}

impl Message {
    pub(super) fn fingerprint(&self) -> [u8; 32] {
        let letter = Zeroizing::new(serde_json::to_vec(&(&self.to, &self.letter, self.until_ms)).unwrap_or_default());
        crypto::hash::sha256(&letter)
    }
}

impl Entry {
    pub fn queued(message: Message, print: [u8; 32], now_ms: i64) -> Entry {
        let Message { id, to, letter, until_ms } = message;
        Entry {
            id,
            print,
            service: to.service(),
            contents: Some(Contents { to, letter }),
            until_ms,
            queued_ms: now_ms,
            state: DeliveryState::Queued,
            tries: 0,
            next_ms: now_ms,
            reason: None,
            settled_ms: None,
        }
    }

    pub fn settled(mut self, state: DeliveryState, reason: &str, now_ms: i64) -> Entry {
        self.state = state;
        self.reason = (!reason.is_empty()).then(|| reason.to_owned());
        self.settled_ms = Some(now_ms);
        self.contents = None;
        self
    }

    pub fn delivery(&self) -> Delivery {
        Delivery {
            state: self.state,
            tries: self.tries,
            reason: self.reason.clone(),
            queued_ms: self.queued_ms,
            settled_ms: self.settled_ms,
        }
    }

    pub fn put(&self) -> Result<Change, OutwardError> {
        let plain = Zeroizing::new(serde_json::to_vec(self).map_err(|_| OutwardError::Damaged)?);
        Ok(Change::Put { shelf: Shelf::Outbox, key: self.id.0, plain })
    }

    pub fn read(plain: &[u8]) -> Result<Entry, OutwardError> {
        serde_json::from_slice(plain).map_err(|_| OutwardError::Damaged)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageId({self})")
    }
}
