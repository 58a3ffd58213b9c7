//! One answer before it is sent, and the headers that versions bring along.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use fhir::Json;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::time;

const FHIR_JSON: HeaderValue = HeaderValue::from_static("application/fhir+json; charset=utf-8");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");

const PART2: HeaderName = HeaderName::from_static("x-part2-notice");

pub struct Reply {
    pub status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Reply {
    pub fn json(status: StatusCode, body: impl Into<Bytes>) -> Self {
        let mut reply = Self::empty(status);
        reply.body = body.into();
        reply.header(header::CONTENT_TYPE, FHIR_JSON);
        reply
    }

    pub fn empty(status: StatusCode) -> Self {
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(header::CACHE_CONTROL, NO_STORE);
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
        Self { status, headers, body: Bytes::new() }
    }

    pub fn header(&mut self, name: HeaderName, value: HeaderValue) {
        self.headers.insert(name, value);
    }

    /// Text from ASCII parts of our own; what no header can hold is left out.
    pub fn header_text(&mut self, name: HeaderName, value: String) {
        if let Ok(value) = HeaderValue::try_from(value) {
            self.headers.append(name, value);
        }
    }

    /// The notice of 42 CFR 2.32 accompanies what it is about, outside of the resources, so that they stay as they are.
    pub fn notice(mut self, is_part2: bool) -> Self {
        if is_part2 {
            self.header(PART2, HeaderValue::from_static(record::PART2_NOTICE));
        }
        self
    }

    /// `ETag` and `Last-Modified`.
    pub fn version(&mut self, version: u32, last_updated_ms: i64) {
        self.header_text(header::ETAG, etag(version));
        self.header_text(header::LAST_MODIFIED, time::http_date(last_updated_ms));
    }

    /// `_pretty=true`.
    pub fn indent(&mut self) {
        if let Ok(json) = Json::parse(&self.body) {
            let mut indented = Vec::with_capacity(self.body.len() * 2);
            json.write_pretty(0, &mut indented);
            indented.push(b'\n');
            self.body = Bytes::from(indented);
        }
    }

    /// The answer to HEAD: all of GET's headers.
    pub fn drop_body(&mut self) {
        if !self.body.is_empty() {
            self.header(header::CONTENT_LENGTH, HeaderValue::from(self.body.len()));
            self.body = Bytes::new();
        }
    }

    pub fn into_response(self) -> Response {
        let body = if self.body.is_empty() { Body::empty() } else { Body::from(self.body) };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

pub fn etag(version: u32) -> String {
    format!("W/\"{version}\"")
}
