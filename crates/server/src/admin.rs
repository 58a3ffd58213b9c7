//! The loopback listener for machines that watch this one: health, readiness, metrics.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use store::Sqlite;

use crate::listener::Handle;
use crate::metrics::{self, Requests};

#[derive(Clone)]
pub struct Admin {
    pub store: Arc<Sqlite>,
    pub requests: Arc<Requests>,
}

impl Handle for Admin {
    async fn handle(&self, request: Request<Body>, _peer: IpAddr) -> Response<Body> {
        if request.method() != Method::GET {
            return text(StatusCode::METHOD_NOT_ALLOWED, "GET only\n");
        }
        match request.uri().path() {
            "/healthz" => text(StatusCode::OK, "ok\n"),
            // Without its audit log the record answers nothing, so it must not be sent requests.
            "/readyz" if self.store.log().is_available() => text(StatusCode::OK, "ready\n"),
            "/readyz" => text(StatusCode::SERVICE_UNAVAILABLE, "the audit log is unavailable\n"),
            "/metrics" => text(StatusCode::OK, metrics::render(&self.requests, &self.store)),
            _ => text(StatusCode::NOT_FOUND, "no such address\n"),
        }
    }
}

fn text(status: StatusCode, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
