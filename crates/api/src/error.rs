//! Why a request is refused: by HTTP's rules, or by the record. How each looks to the client is in `respond::error`.

use record::RecordError;

/// Carries names of headers and parameters that this crate knows, never a value that was sent.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error("a bearer token is required")]
    NoToken,
    #[error("the token is not valid, has expired or was revoked")]
    InvalidToken,
    #[error("no such address in this FHIR API")]
    NoRoute,
    #[error("FHIR R4 has no resource type of this name")]
    UnknownType,
    #[error("an id is 1 to 64 letters, digits, '-' and '.'")]
    Id,
    #[error("this address does not take this method, but {allow}")]
    Method { allow: &'static str },
    #[error("only JSON is spoken here: application/fhir+json")]
    NotAcceptable,
    #[error("the content type is not one of: {expected}")]
    MediaType { expected: &'static str },
    #[error("a body is limited to {limit} bytes")]
    BodyTooLarge { limit: usize },
    #[error("the body ended too early")]
    BodyBroken,
    #[error("the address has a malformed percent encoding or is not UTF-8")]
    Encoding,
    #[error("{name}: {problem}")]
    Header { name: &'static str, problem: &'static str },
    #[error("{name}: {problem}")]
    Parameter { name: &'static str, problem: &'static str },
    #[error("parameter {name} is not supported on this interaction")]
    UnsupportedParameter { name: String },
    #[error("a conditional interaction needs search parameters")]
    NoCondition,
    /// An entity tag that this server never gave out.
    #[error("no current version has this entity tag")]
    UnknownTag,
    /// The listener gave no [`crate::Peer`]: an audit record without an address would be worse than no answer.
    #[error("the client's address is not known")]
    NoPeer,
    #[error("a defect stopped this request")]
    Panicked,
    #[error(transparent)]
    Record(#[from] RecordError),
}
