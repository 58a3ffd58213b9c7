//! What can go wrong. No message carries a value of the record.

#[derive(Debug, thiserror::Error)]
pub enum ComplianceError {
    #[error("there is no such {0}")]
    Unknown(&'static str),
    #[error("an alert is not looked after by the person it is about")]
    AboutOneself,
    #[error("an alert is closed by who took it")]
    NotTheOwner,
    #[error("the alert is closed")]
    Closed,
    #[error("at least {min} characters of words are needed", min = crate::WORDS_CHARS_MIN)]
    Words,
    #[error("more than {max} bytes of words", max = crate::WORDS_BYTES_MAX)]
    TooManyWords,
    #[error("a policy version is activated by another person than its author")]
    OwnVersion,
    #[error("the policy version is in force already")]
    Active,
    #[error("{0}")]
    Policies(#[from] access::AccessError),
    #[error("policy version {number} was in force and does not load any more: {source}")]
    ActiveVersion { number: u64, source: access::AccessError },
    #[error("agreement: {0}")]
    Agreement(&'static str),
    #[error("the agreement was changed meanwhile")]
    Changed,
    #[error("the agreement has ended")]
    AgreementEnded,
    /// Refused before anything goes out (45 CFR 164.502(e), 164.308(b)).
    #[error("no business associate agreement with {vendor} covers {service} now")]
    NoAgreement { vendor: String, service: &'static str },
    #[error("setting {0}")]
    Setting(&'static str),
    #[error("the table of countries cannot be used: {0}")]
    Countries(String),
    #[error("an entry of the desk cannot be read")]
    Damaged,
    #[error("the work was given up")]
    Ended,
    #[error(transparent)]
    Audit(#[from] audit::AuditError),
    #[error(transparent)]
    Store(#[from] store::StoreError),
    #[error("the audit log cannot be read")]
    Log(#[from] store::log::LogError),
}
