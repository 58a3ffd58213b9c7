//! What sends: one endpoint for one service, which does nothing without the register's word.

use std::pin::Pin;

use compliance::{Cover, Party, Service};

use crate::{MessageId, Recipient, Rendered};

pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 'a>>;

/// One endpoint. [`crate::Smtp`] and [`crate::HttpSms`] are the two there are.
pub trait Adapter: Send + Sync {
    fn service(&self) -> Service;

    /// Whose machine it is.
    fn party(&self) -> &Party;

    /// Hands one message over. `now_ms` is the date that it bears.
    fn send<'a>(
        &'a self,
        cover: Cover,
        id: MessageId,
        to: &'a Recipient,
        letter: &'a Rendered,
        now_ms: i64,
    ) -> Sending<'a>;
}

/// Why it was not taken: a closed word and a number of the protocol, never what the other side wrote, which may repeat an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// May go well later.
    Later(String),
    /// Will not.
    Refused(String),
}

impl Failure {
    pub fn reason(&self) -> &str {
        match self {
            Failure::Later(reason) | Failure::Refused(reason) => reason,
        }
    }

    /// For an adapter that was given the word for another.
    pub(crate) fn not_covered() -> Failure {
        Failure::Refused("not covered".into())
    }
}
