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
        ApiError::MediaType { expected } if expected.contains("json-patch") => Some((
            header::HeaderName::from_static("accept-patch"),
            HeaderValue::from_static("application/json-patch+json"),
        )),
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use fhir::{Issue, IssueCode, Json, Severity};

    /// `status code @ expression: diagnostics`, a line for each issue. Every outcome must be valid FHIR.
    fn shown(error: impl Into<ApiError>) -> String {
        let (status, outcome) = explain(&error.into());
        let bytes = outcome.to_bytes();
        let json = Json::parse(&bytes).unwrap();
        let problems = fhir::validate(&json);
        assert!(problems.is_empty(), "{problems:?}");
        let issues = json.get("issue").unwrap().items().iter().map(|issue| {
            let text = |name: &str| issue.get(name).and_then(|v| v.items()[0].as_str()).unwrap_or("-").to_owned();
            format!("{} {} @ {}: {}", text("severity"), text("code"), text("expression"), text("diagnostics"))
        });
        format!("{} {}", status.as_u16(), issues.collect::<Vec<_>>().join(" | "))
    }

    fn issue(expression: &str) -> Issue {
        let (severity, code) = (Severity::Error, IssueCode::Required);
        Issue { severity, code, expression: expression.to_owned(), message: "at least 1 is required".to_owned() }
    }

    #[test]
    fn what_may_not_be_known_looks_like_what_is_not_there() {
        assert_eq!(shown(RecordError::Denied(Refusal::Absent)), "404 error not-found @ -: no such resource");
        assert_eq!(shown(RecordError::Denied(Refusal::Absent)), shown(RecordError::NotFound));
    }

    #[test]
    fn every_refusal_has_its_status_and_code() {
        for (error, expected) in [
            (RecordError::Denied(Refusal::Never), "403 error forbidden"),
            (RecordError::Denied(Refusal::Withheld), "403 error suppressed"),
            (RecordError::Gone, "410 error deleted"),
            (RecordError::Json(Json::parse(b"{").unwrap_err()), "400 error structure"),
            (RecordError::Malformed("x"), "400 error invalid"),
            (RecordError::HiddenParameter { param: "name".into() }, "403 error forbidden"),
            (RecordError::TooCostly { limit: 9 }, "403 error too-costly"),
            (RecordError::Cursor, "400 error invalid"),
            (RecordError::PreconditionFailed { held: 3 }, "412 error conflict"),
            (RecordError::ExistsAlready, "412 error duplicate"),
            (RecordError::MultipleMatches, "412 error multiple-matches"),
            (RecordError::Conflict, "409 error conflict"),
            (RecordError::TooMany { what: "entries", limit: 9 }, "413 error too-long"),
            (RecordError::NotSupported("x"), "400 error not-supported"),
            (RecordError::Done, "409 error duplicate"),
            (RecordError::Unavailable, "503 error transient"),
            (RecordError::Full, "503 error no-store"),
            (RecordError::Damaged, "500 error exception"),
            (RecordError::Patch(PatchError::NotAnArray), "400 error invalid"),
            (operation(PatchFault::UnknownOperation), "400 error invalid"),
            (operation(PatchFault::TestFailed), "422 error processing"),
        ] {
            let shown = shown(error);
            assert!(shown.starts_with(expected), "{shown} is not {expected}");
        }
        for (error, expected) in [
            (ApiError::NoToken, "401 error login"),
            (ApiError::InvalidToken, "401 error login"),
            (ApiError::NoRoute, "404 error not-supported"),
            (ApiError::UnknownType, "404 error not-supported"),
            (ApiError::Method { allow: "GET" }, "405 error not-supported"),
            (ApiError::NotAcceptable, "406 error not-supported"),
            (ApiError::MediaType { expected: "x" }, "415 error not-supported"),
            (ApiError::BodyTooLarge { limit: 9 }, "413 error too-long"),
            (ApiError::Encoding, "400 error invalid"),
            (ApiError::UnknownTag, "412 error conflict"),
            (ApiError::Panicked, "500 error exception"),
        ] {
            let shown = shown(error);
            assert!(shown.starts_with(expected), "{shown} is not {expected}");
        }
    }

    #[test]
    fn a_failed_transaction_names_the_entry_and_its_elements() {
        let entry = |error| RecordError::Entry { index: 3, error: Box::new(error) };
        let two = vec![issue("Patient.name[0].family"), issue("Observation")];
        assert_eq!(
            shown(entry(RecordError::Invalid(two))),
            "422 error required @ Bundle.entry[3].resource.name[0].family: at least 1 is required | \
             error required @ Bundle.entry[3].resource: at least 1 is required"
        );
        assert_eq!(
            shown(entry(RecordError::Conflict)),
            shown(RecordError::Conflict).replace("@ -", "@ Bundle.entry[3]")
        );
        let unresolved = RecordError::Unresolved { expression: "Bundle.entry[3].resource.subject".into() };
        assert!(shown(entry(unresolved)).contains("@ Bundle.entry[3].resource.subject:"));
    }

    #[test]
    fn headers_say_what_to_do_next() {
        let header = |error: ApiError, name: &str| {
            let response = refuse(&error);
            response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(header(ApiError::NoToken, "www-authenticate").unwrap(), "Bearer");
        assert_eq!(header(ApiError::InvalidToken, "www-authenticate").unwrap(), "Bearer error=\"invalid_token\"");
        assert_eq!(header(ApiError::Method { allow: "GET, HEAD" }, "allow").unwrap(), "GET, HEAD");
        assert_eq!(header(RecordError::Unavailable.into(), "retry-after").unwrap(), "5");
        assert_eq!(header(ApiError::NoRoute, "cache-control").unwrap(), "no-store");
        assert_eq!(header(ApiError::NoRoute, "content-type").unwrap(), "application/fhir+json; charset=utf-8");
    }

    fn operation(fault: PatchFault) -> RecordError {
        RecordError::Patch(PatchError::Operation { index: 0, fault })
    }
}
