//! Why the record refuses. Carries expressions, types and rules, never a value.

use access::Denial;
use fhir::Issue;
use store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// 403, or 404 where even existence must stay unknown.
    #[error("denied")]
    Denied(Refusal),
    #[error("no such resource")]
    NotFound,
    #[error("the resource was deleted")]
    Gone,
    #[error("{0}")]
    Json(#[from] fhir::JsonError),
    #[error("the content is not valid FHIR R4")]
    Invalid(Vec<Issue>),
    #[error("the organization's collection policy refuses {expression}")]
    CollectionRefused { expression: String },
    #[error("{0}")]
    Malformed(&'static str),
    #[error("{0}")]
    Query(#[from] fhir::search::QueryError),
    #[error("search parameter {param} looks at content that this role does not see")]
    HiddenParameter { param: String },
    #[error("the search would look at more than {limit} resources: narrow it by patient, identifier, code or date")]
    TooCostly { limit: usize },
    #[error("the paging link is not valid for this caller and search, or has expired")]
    Cursor,
    #[error("version {held} is current")]
    PreconditionFailed { held: u32 },
    #[error("the resource exists already")]
    ExistsAlready,
    #[error("the condition matches more than one resource")]
    MultipleMatches,
    #[error("another change came first; read the resource again")]
    Conflict,
    #[error("{0}")]
    Patch(#[from] fhir::patch::PatchError),
    #[error("{what} are limited to {limit}")]
    TooMany { what: &'static str, limit: usize },
    #[error("{0} is not supported")]
    NotSupported(&'static str),
    #[error("{expression}: the reference resolves to nothing in this bundle or record")]
    Unresolved { expression: String },
    #[error("entry {index}: {error}")]
    Entry { index: usize, error: Box<RecordError> },
    /// This piece of an import was committed before.
    #[error("imported before")]
    Done,
    #[error("the audit log or the store is unavailable")]
    Unavailable,
    #[error("the disk is full")]
    Full,
    #[error("stored data is damaged")]
    Damaged,
    #[error("store: {0}")]
    Store(StoreError),
}

impl RecordError {
    /// Another write came first: from the version that was seen, or under this name, nothing can be made any more.
    pub fn is_overtaken(&self) -> bool {
        matches!(self, RecordError::PreconditionFailed { .. } | RecordError::ExistsAlready | RecordError::Conflict)
    }
}

/// How a denial looks from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// This role never does this: 403.
    Never,
    /// As if it did not exist: 404.
    Absent,
    /// It exists, as this caller may know, and is withheld: 403 with an offer to break the glass.
    Withheld,
}

impl From<&Denial> for Refusal {
    fn from(denial: &Denial) -> Self {
        match denial {
            Denial::Never(_) => Refusal::Never,
            Denial::Absent(_) => Refusal::Absent,
            Denial::Withheld(_) => Refusal::Withheld,
        }
    }
}

impl From<StoreError> for RecordError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::VersionConflict { .. } | StoreError::Exists { .. } | StoreError::NewMatch => {
                RecordError::Conflict
            }
            StoreError::Done => RecordError::Done,
            StoreError::Full => RecordError::Full,
            StoreError::Log(_) | StoreError::Closed | StoreError::ReadOnly(_) => RecordError::Unavailable,
            StoreError::Damaged { .. } | StoreError::Crypto(_) => RecordError::Damaged,
            other => RecordError::Store(other),
        }
    }
}

impl From<crypto::CryptoError> for RecordError {
    fn from(_: crypto::CryptoError) -> Self {
        RecordError::Damaged
    }
}

impl From<store::Mismatch> for RecordError {
    /// A disclosure that its receipt does not cover is a defect of this crate: refuse it.
    fn from(_: store::Mismatch) -> Self {
        RecordError::Damaged
    }
}

impl From<audit::AuditError> for RecordError {
    fn from(_: audit::AuditError) -> Self {
        RecordError::TooMany { what: "items in one audit record", limit: audit::event::OBJECTS_MAX }
    }
}
