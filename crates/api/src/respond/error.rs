//! Every refusal, in one place: its status and its OperationOutcome. Texts name elements, parameters and rules, no values.

use axum::response::Response;
use fhir::patch::{PatchError, PatchFault};
use http::{HeaderValue, StatusCode, header};
use record::{RecordError, Refusal};

use super::outcome::Outcome;
use super::reply::Reply;
use crate::error::ApiError;

/// How long a client should wait when the record cannot answer now.
const RETRY_AFTER_S: HeaderValue = HeaderValue::from_static("5");
const BEARER: HeaderValue = HeaderValue::from_static("Bearer");
const BEARER_INVALID: HeaderValue = HeaderValue::from_static("Bearer error=\"invalid_token\"");

/// The answer to a request that is refused.
pub fn refuse(error: &ApiError) -> Response {
    refusal(error).into_response()
}

pub fn refusal(error: &ApiError) -> Reply {
    let (status, outcome) = explain(error);
    let mut reply = Reply::json(status, outcome.to_bytes());
    let extra = match error {
        ApiError::NoToken => Some((header::WWW_AUTHENTICATE, BEARER)),
        ApiError::InvalidToken => Some((header::WWW_AUTHENTICATE, BEARER_INVALID)),
        ApiError::Method { allow } => Some((header::ALLOW, HeaderValue::from_static(allow))),
        ApiError::Record(RecordError::Unavailable) => Some((header::RETRY_AFTER, RETRY_AFTER_S)),
        ApiError::MediaType { expected } if expected.contains("json-patch") => {
            Some((header::HeaderName::from_static("accept-patch"), HeaderValue::from_static("application/json-patch+json")))
        }
        _ => None,
    };
    if let Some((name, value)) = extra {
        reply.header(name, value);
    }
    reply
}

fn explain(error: &ApiError) -> (StatusCode, Outcome) {
    let (status, code) = match error {
        ApiError::Record(inner) => return explain_record(inner),
        ApiError::NoToken | ApiError::InvalidToken => (StatusCode::UNAUTHORIZED, "login"),
        ApiError::NoRoute | ApiError::UnknownType => (StatusCode::NOT_FOUND, "not-supported"),
        ApiError::Method { .. } => (StatusCode::METHOD_NOT_ALLOWED, "not-supported"),
        ApiError::NotAcceptable => (StatusCode::NOT_ACCEPTABLE, "not-supported"),
        ApiError::MediaType { .. } => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-supported"),
        ApiError::UnsupportedParameter { .. } => (StatusCode::BAD_REQUEST, "not-supported"),
        ApiError::BodyTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too-long"),
        ApiError::BodyBroken => (StatusCode::BAD_REQUEST, "structure"),
        ApiError::Id | ApiError::Encoding | ApiError::Header { .. } | ApiError::Parameter { .. } => {
            (StatusCode::BAD_REQUEST, "invalid")
        }
        ApiError::NoCondition => (StatusCode::BAD_REQUEST, "required"),
        ApiError::UnknownTag => (StatusCode::PRECONDITION_FAILED, "conflict"),
        ApiError::NoPeer | ApiError::Panicked => (StatusCode::INTERNAL_SERVER_ERROR, "exception"),
    };
    (status, Outcome::error(code, error.to_string()))
}

pub fn explain_record(error: &RecordError) -> (StatusCode, Outcome) {
    let (status, code) = match error {
        RecordError::Denied(Refusal::Never) => {
            return (StatusCode::FORBIDDEN, Outcome::error("forbidden", "this role does not do this"));
        }
        RecordError::Denied(Refusal::Withheld) => {
            let text = "this record is withheld from you; breaking the glass, with a reason, may open it";
            return (StatusCode::FORBIDDEN, Outcome::error("suppressed", text));
        }
        // The two must not differ in a single byte.
        RecordError::Denied(Refusal::Absent) | RecordError::NotFound => {
            return (StatusCode::NOT_FOUND, Outcome::error("not-found", RecordError::NotFound.to_string()));
        }
        RecordError::Invalid(issues) => {
            let otherwise = || Outcome::error("invalid", error.to_string());
            return (StatusCode::UNPROCESSABLE_ENTITY, Outcome::issues(issues, otherwise));
        }
        RecordError::CollectionRefused { expression } => {
            let outcome = Outcome::error_at("business-rule", error.to_string(), expression);
            return (StatusCode::UNPROCESSABLE_ENTITY, outcome);
        }
        RecordError::Unresolved { expression } => {
            let text = "the reference resolves to nothing in this bundle or record";
            return (StatusCode::BAD_REQUEST, Outcome::error_at("invalid", text, expression));
        }
        RecordError::Entry { index, error } => {
            let (status, outcome) = explain_record(error);
            return (status, outcome.in_entry(*index));
        }
        RecordError::Damaged | RecordError::Store(_) => {
            let outcome = Outcome::error("exception", "the record cannot answer; the operator was told");
            return (StatusCode::INTERNAL_SERVER_ERROR, outcome);
        }
        RecordError::Patch(PatchError::Operation { fault, .. }) if !is_malformed(*fault) => {
            (StatusCode::UNPROCESSABLE_ENTITY, "processing")
        }
        RecordError::Gone => (StatusCode::GONE, "deleted"),
        RecordError::Json(_) => (StatusCode::BAD_REQUEST, "structure"),
        RecordError::Malformed(_) | RecordError::Cursor | RecordError::Patch(_) => (StatusCode::BAD_REQUEST, "invalid"),
        RecordError::Query(query) => (StatusCode::BAD_REQUEST, query.issue_code()),
        RecordError::HiddenParameter { .. } => (StatusCode::FORBIDDEN, "forbidden"),
        RecordError::TooCostly { .. } => (StatusCode::FORBIDDEN, "too-costly"),
        RecordError::PreconditionFailed { .. } => (StatusCode::PRECONDITION_FAILED, "conflict"),
        RecordError::MultipleMatches => (StatusCode::PRECONDITION_FAILED, "multiple-matches"),
        RecordError::ExistsAlready => (StatusCode::PRECONDITION_FAILED, "duplicate"),
        RecordError::Conflict => (StatusCode::CONFLICT, "conflict"),
        RecordError::Done => (StatusCode::CONFLICT, "duplicate"),
        RecordError::TooMany { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too-long"),
        RecordError::NotSupported(_) => (StatusCode::BAD_REQUEST, "not-supported"),
        RecordError::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "transient"),
        RecordError::Full => (StatusCode::SERVICE_UNAVAILABLE, "no-store"),
    };
    (status, Outcome::error(code, error.to_string()))
}

/// Wrong as a patch, whatever it is applied to.
fn is_malformed(fault: PatchFault) -> bool {
    use PatchFault::*;
    matches!(fault, Malformed | UnknownOperation | NoPath | NoFrom | NoValue | Pointer)
}
