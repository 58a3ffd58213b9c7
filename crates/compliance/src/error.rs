//! What can go wrong here. Never carries a login, a chart or a word of anybody's.

use access::AccessError;
use store::StoreError;
use store::log::LogError;

#[derive(Debug, thiserror::Error)]
pub enum ComplianceError {
    #[error("this is not for the caller's role")]
    Denied,
    #[error("there is no such entry")]
    NotFound,
    #[error("the alert is closed")]
    Closed,
    #[error("nobody takes or closes an alert about themselves")]
    AboutOneself,
    #[error("somebody else has taken this alert")]
    TakenByAnother,
    #[error("closing words have {min} to {max} characters")]
    Words { min: usize, max: usize },
    #[error("the author of a policy version does not activate it")]
    ByTheAuthor,
    #[error("this policy version is in force already")]
    InForce,
    #[error("policy file {file}: {reason}")]
    Policy { file: String, reason: String },
    #[error("more than {0} are not kept")]
    TooMany(usize),
    #[error("the country table {what}")]
    Countries { what: String },
    #[error("an entry of {0} on the desk cannot be read")]
    Damaged(&'static str),
    #[error("a task of the server was cut off")]
    CutOff,
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Audit(#[from] audit::AuditError),
}
