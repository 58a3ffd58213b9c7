//! Bodies: of a known content type, and never larger than the limit.

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http::HeaderMap;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::media;
use crate::error::ApiError;

/// What the body of a request must be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    Resource,
    JsonPatch,
    /// May be absent.
    Form,
}

impl Expected {
    fn content_types(self) -> (&'static [&'static str], &'static str) {
        match self {
            Expected::Resource => {
                (&["application/fhir+json", "application/json"], "application/fhir+json, application/json (UTF-8)")
            }
            Expected::JsonPatch => (&["application/json-patch+json"], "application/json-patch+json (UTF-8)"),
            Expected::Form => (&["application/x-www-form-urlencoded"], "application/x-www-form-urlencoded (UTF-8)"),
        }
    }
}

pub async fn read_body(headers: &HeaderMap, body: Body, expected: Expected, limit: usize) -> Result<Bytes, ApiError> {
    let is_absent = body.is_end_stream();
    if is_absent && expected == Expected::Form {
        return Ok(Bytes::new());
    }
    let (known, shown) = expected.content_types();
    // A compressed body read as if it were none would be refused for the wrong reason.
    if headers.get(http::header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(ApiError::MediaType { expected: shown });
    }
    if !media::is_content_type(headers, known) {
        return Err(ApiError::MediaType { expected: shown });
    }
    if body.size_hint().lower() > limit as u64 {
        return Err(ApiError::BodyTooLarge { limit });
    }
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(ApiError::BodyTooLarge { limit }),
        Err(_) => Err(ApiError::BodyBroken),
    }
}
