//! Why a command fails, in one sentence that says where. Never a value from a record, never a key.

use std::path::Path;

#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The command was called in a way that cannot work: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// The command works and says no: a wrong environment, a directory in use, a destination that is not empty.
    #[error("{0}")]
    Refused(String),
    #[error("{path}: {doing}: {kind}")]
    Io { doing: &'static str, path: String, kind: std::io::ErrorKind },
    #[error("{path}: {reason}")]
    Malformed { path: String, reason: String },
    #[error("TLS: {0}")]
    Tls(String),
    #[error(transparent)]
    Crypto(#[from] crypto::CryptoError),
    #[error(transparent)]
    Store(store::StoreError),
    #[error("audit log: {0}")]
    Log(#[from] store::log::LogError),
    #[error("record: {0}")]
    Record(#[from] record::RecordError),
    #[error("access: {0}")]
    Access(#[from] access::AccessError),
    #[error("identity: {0}")]
    Identity(#[from] identity::IdentityError),
    #[error("compliance: {0}")]
    Compliance(#[from] compliance::ComplianceError),
    #[error(transparent)]
    Outward(#[from] outward::OutwardError),
    #[error("audit: {0}")]
    Audit(#[from] audit::AuditError),
}

impl ServerError {
    pub fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> ServerError {
        let path = path.display().to_string();
        move |error| ServerError::Io { doing, path, kind: error.kind() }
    }

    /// 1 for a failure, 2 for a call that cannot work.
    pub fn exit_code(&self) -> u8 {
        match self {
            ServerError::Usage(_) => 2,
            _ => 1,
        }
    }
}

impl From<store::StoreError> for ServerError {
    fn from(error: store::StoreError) -> Self {
        match error {
            // The log says what is wrong, and says it better than the store.
            store::StoreError::Log(error) => ServerError::Log(error),
            other => ServerError::Store(other),
        }
    }
}
