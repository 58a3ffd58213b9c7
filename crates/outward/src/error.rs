//! What can go wrong. No message carries an address, a text that is sent, or a secret.

use std::path::Path;

#[derive(Debug, thiserror::Error)]
pub enum OutwardError {
    /// A setting that cannot work, said by the name of its line.
    #[error("outward: {0}")]
    Setting(&'static str),
    #[error("{path}: {reason}")]
    File { path: String, reason: String },
    #[error("this is no {0}")]
    Address(&'static str),
    #[error("a link's token has 16 to 64 random bytes")]
    Token,
    #[error("{0} is not configured")]
    NotConfigured(&'static str),
    #[error("it would be sent when it is of no use any more")]
    TooLate,
    #[error("the outbox is full")]
    Full,
    /// The same id was given to something else before.
    #[error("another message has this id")]
    OtherMessage,
    #[error("there is no such message, or it is settled")]
    Unknown,
    #[error("an entry of the outbox cannot be read")]
    Damaged,
    #[error("the work was given up")]
    Ended,
    /// Among others that no agreement covers it.
    #[error(transparent)]
    Compliance(#[from] compliance::ComplianceError),
    #[error(transparent)]
    Audit(#[from] audit::AuditError),
    #[error(transparent)]
    Store(#[from] store::StoreError),
}

impl OutwardError {
    pub(crate) fn file(path: &Path, reason: impl Into<String>) -> OutwardError {
        OutwardError::File { path: path.display().to_string(), reason: reason.into() }
    }
}
