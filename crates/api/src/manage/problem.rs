//! Refusals of `/manage` as problems (RFC 9457): fixed words, so that none can repeat what was sent or tell what exists.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");

/// What every refusal's type begins with.
const TYPE: &str = "urn:wardstone:problem:";

#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    /// Behind [`TYPE`].
    kind: &'static str,
    title: &'static str,
    /// Words of this program's own, never a value.
    detail: Option<String>,
    retry_after_seconds: Option<u32>,
    challenge: Option<String>,
    allow: Option<String>,
}

impl Problem {
    pub const fn new(status: StatusCode, kind: &'static str, title: &'static str) -> Self {
        Self { status, kind, title, detail: None, retry_after_seconds: None, challenge: None, allow: None }
    }

    pub const fn not_signed_in() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "not-signed-in", "nobody is signed in, or no longer")
    }

    /// Wrong, unknown and spent alike.
    pub const fn does_not_match() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "does-not-match", "this does not match")
    }

    /// A token that is narrowed, or belongs to a program: administration is for people in a session.
    pub const fn no_session() -> Self {
        Self::new(StatusCode::FORBIDDEN, "no-session", "this is for a person who signed in, not for a token")
    }

    pub const fn cross_site() -> Self {
        Self::new(StatusCode::FORBIDDEN, "cross-site", "this request did not come from a page of this server")
    }

    pub const fn not_permitted() -> Self {
        Self::new(StatusCode::FORBIDDEN, "not-permitted", "your roles do not allow this")
    }

    pub const fn step_up() -> Self {
        Self::new(StatusCode::FORBIDDEN, "step-up", "this needs a sign-in that is at most 5 minutes old")
    }

    pub const fn second_person() -> Self {
        Self::new(StatusCode::FORBIDDEN, "second-person", "a second person has to do this")
    }

    /// What is not there and what may not be known are the same bytes.
    pub const fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "there is nothing at this address")
    }

    pub const fn conflict() -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "this was changed meanwhile, or is not in a state for it")
    }

    pub fn method(allow: String) -> Self {
        let allow = Some(allow);
        Self { allow, ..Self::new(StatusCode::METHOD_NOT_ALLOWED, "method", "this address does not take this method") }
    }

    pub const fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "the body is larger than this address takes")
    }

    pub const fn media_type() -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", "the body has to be application/json")
    }

    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", "the request is not what this address takes").with(detail)
    }

    pub fn wait(seconds: u32) -> Self {
        let retry_after_seconds = Some(seconds);
        Self { retry_after_seconds, ..Self::new(StatusCode::TOO_MANY_REQUESTS, "wait", "too many attempts") }
    }

    /// A connection that has not proven its device: sign the challenge and prove it.
    pub fn unproven(challenge: String) -> Self {
        let challenge = Some(challenge);
        Self { challenge, ..Self::new(StatusCode::UNAUTHORIZED, "prove", "this connection has not proven its device") }
    }

    pub fn unavailable() -> Self {
        let retry_after_seconds = Some(5);
        Self {
            retry_after_seconds,
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "this is not possible at this moment")
        }
    }

    pub const fn defect() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "defect", "a defect stopped this request")
    }

    #[must_use]
    pub fn with(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    #[cfg(test)]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    pub fn into_response(self) -> Response {
        let mut body = json!({
            "type": format!("{TYPE}{}", self.kind),
            "title": self.title,
            "status": self.status.as_u16(),
        });
        let extensions = [("detail", self.detail), ("challenge", self.challenge)];
        for (name, text) in extensions {
            if let Some(text) = text {
                body[name] = text.into();
            }
        }
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, PROBLEM_JSON);
        protect(headers);
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(allow) = self.allow.and_then(|allow| HeaderValue::try_from(allow).ok()) {
            headers.insert(header::ALLOW, allow);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// What every answer of `/manage` says to caches and browsers.
pub fn protect(headers: &mut http::HeaderMap) {
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
}
