//! The only SQL, the only files: sealed rows, wrapped keys, index runs, the audit log, and the receipts it gives.
//!
//! Nothing in here sees plaintext. What a [`Backend`] keeps and promises is in `backend`; `sqlite` is the embedded one.

pub mod backend;
pub mod desk;
pub mod disclosed;
pub mod log;
pub mod sqlite;
mod witness;

pub use backend::{
    Backend, Batch, BodyRow, ChartNo, Committed, Expected, HeadRow, Keyword, NoNewMatch, PastRow, RowNo, Run, Seq,
    Write,
};
pub use desk::{Desk, Shelf};
pub use disclosed::{Disclosed, Discloses, Evidence, Mismatch, Receipt, Subject};
pub use sqlite::Sqlite;
pub use witness::Witness;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("version {held} is current, {given} was expected")]
    VersionConflict { row: RowNo, held: u32, given: u32 },
    #[error("the row exists already")]
    Exists { row: RowNo },
    #[error("a resource that may match the condition was written meanwhile")]
    NewMatch,
    #[error("this piece of an import was committed before")]
    Done,
    #[error("the disk is full")]
    Full,
    #[error("the data directory cannot be written: {0}")]
    ReadOnly(&'static str),
    #[error("{file}: not a database, damaged, or opened with the wrong key")]
    Damaged { file: &'static str },
    #[error("{file} has schema {held}, this program knows up to {known}")]
    SchemaTooNew { file: &'static str, held: u32, known: u32 },
    #[error(
        "the record is older than its audit log: commits that the log knows are not in it. It was rolled back; restore a backup"
    )]
    RolledBack,
    #[error("the store is shutting down")]
    Closed,
    #[error("the audit log is unavailable")]
    Log(#[source] log::LogError),
    #[error("database: {0}")]
    Database(String),
    #[error("{what}: {kind}")]
    Io { what: &'static str, kind: std::io::ErrorKind },
    #[error(transparent)]
    Crypto(#[from] crypto::CryptoError),
}

impl From<rusqlite::Error> for StoreError {
    /// Keeps SQLite's code and drops its text, which may quote values.
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::*;
        match error.sqlite_error_code() {
            Some(DiskFull) => StoreError::Full,
            Some(ReadOnly | PermissionDenied) => StoreError::ReadOnly("read-only"),
            Some(CannotOpen) => StoreError::ReadOnly("cannot open"),
            Some(NotADatabase | DatabaseCorrupt) => StoreError::Damaged { file: "database" },
            Some(code) => StoreError::Database(format!("{code:?}")),
            None => StoreError::Database("unexpected answer".into()),
        }
    }
}
