//! What can go wrong outside a decision: policies and tables that do not load, callers that cannot exist.

#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error("policy schema: {0}")]
    Schema(String),
    #[error("policy file {file}: {reason}")]
    Policy { file: String, reason: String },
    #[error("policies do not fit the schema: {0}")]
    Validation(String),
    #[error("{table} line {line}: {reason}")]
    Table { table: &'static str, line: usize, reason: &'static str },
    #[error("a caller needs at least one role")]
    NoRole,
    #[error("a patient's caller names their own chart, and nobody else's does")]
    OwnChart,
    #[error("broken glass names its chart")]
    BrokenGlass,
    #[error("a proxy's caller names whom it acts for, and nobody else's does")]
    Proxy,
    #[error("scopes are words like user/Observation.rs, {} at most", crate::scopes::SCOPES_MAX)]
    Scope,
    #[error("caller login is longer than {max} bytes")]
    LoginTooLong { max: usize },
}
