//! One request from its arrival to its answer: request id, caller, route, interaction, headers that every answer has, log.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::any;
use futures_util::FutureExt;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};

use crate::error::ApiError;
use crate::extract::{Authenticated, Prefer, accept, find, parse_pairs};
use crate::interactions::{self, Asked};
use crate::respond::error::refusal;
use crate::respond::reply::Reply;
use crate::route::Route;
use crate::state::{Api, ApiState};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const METADATA_CACHE: HeaderValue = HeaderValue::from_static("private, max-age=300");

/// The base address and every path below it, to be merged into a server's router. (`nest` would lose `/fhir/`.)
pub fn router(state: ApiState) -> Router {
    let path = state.base.path().to_owned();
    let api = Api::new(state);
    let handler = any(move |request: Request| {
        let api = api.clone();
        async move { serve(&api, request).await }
    });
    let below =
        Router::new().route(&format!("{path}/"), handler.clone()).route(&format!("{path}/{{*below}}"), handler.clone());
    if path.is_empty() { below } else { below.route(&path, handler) }
}

/// Answers one request. For a server that dispatches without a router.
pub async fn serve(api: &Api, request: Request) -> Response {
    let started = Instant::now();
    let request_id = (api.state().request_id)();
    let (parts, body) = request.into_parts();
    let route = below(parts.uri.path(), api.base().path()).ok_or(ApiError::NoRoute).and_then(Route::parse);
    let template = route.as_ref().map_or("unknown", Route::template);

    // A panic must cost one request and show nothing of what it worked on.
    let answered = AssertUnwindSafe(answer(api, &parts, body, route, request_id)).catch_unwind().await;
    let mut reply = answered.unwrap_or(Err(ApiError::Panicked)).unwrap_or_else(|error| {
        log_defect(&error, request_id);
        refusal(&error)
    });

    if parts.uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "_pretty=true")) {
        reply.indent();
    }
    if parts.method == Method::HEAD {
        reply.drop_body();
    }
    reply.header(REQUEST_ID, hexadecimal(request_id));
    log(&parts.method, template, reply.status, started, request_id);
    reply.into_response()
}

fn below<'p>(path: &'p str, base: &str) -> Option<&'p str> {
    path.strip_prefix(base).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

async fn answer(
    api: &Api,
    parts: &Parts,
    body: Body,
    route: Result<Route, ApiError>,
    request_id: u128,
) -> Result<Reply, ApiError> {
    let query = parts.uri.query().unwrap_or_default();
    if let Ok(Route::Metadata) = route {
        if parts.method == Method::OPTIONS {
            return options(Route::Metadata);
        }
        allow(&Route::Metadata, &parts.method)?;
        accept(&parts.headers, find(&parse_pairs(query)?, "_format"))?;
        let mut reply = Reply::json(StatusCode::OK, api.capability());
        reply.header(header::CACHE_CONTROL, METADATA_CACHE);
        return Ok(reply);
    }
    let Authenticated(caller) = Authenticated::of(api, parts, request_id)?;
    let route = match route {
        // What cannot be an id names nothing; only a write is told how ids look.
        Err(ApiError::Id) if parts.method != Method::PUT => return Err(record::RecordError::NotFound.into()),
        other => other?,
    };
    if parts.method == Method::OPTIONS {
        return options(route);
    }
    allow(&route, &parts.method)?;
    let pairs = parse_pairs(query)?;
    accept(&parts.headers, find(&pairs, "_format"))?;
    let prefer = Prefer::of(&parts.headers);
    interactions::perform(route, Asked { api, caller, parts, query, pairs, prefer }, body).await
}

fn allow(route: &Route, method: &Method) -> Result<(), ApiError> {
    if route.allows(method) { Ok(()) } else { Err(ApiError::Method { allow: route.methods() }) }
}

fn options(route: Route) -> Result<Reply, ApiError> {
    let mut reply = Reply::empty(StatusCode::NO_CONTENT);
    reply.header(header::ALLOW, HeaderValue::from_static(route.methods()));
    Ok(reply)
}

fn hexadecimal(id: u128) -> HeaderValue {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0u8; 32];
    for (at, digit) in text.iter_mut().rev().enumerate() {
        *digit = DIGITS[(id >> (at * 4)) as usize & 15];
    }
    HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static(""))
}

/// What went well is told only to who asks for it: one line for each read would cost more than the read.
fn log(method: &Method, route: &'static str, status: StatusCode, started: Instant, request_id: u128) {
    let (status, method) = (status.as_u16(), method.as_str());
    if status < 300 || status == 304 {
        let duration_us = || started.elapsed().as_micros() as u64;
        tracing::debug!(method, route, status, duration_us = duration_us(), request = %format_args!("{request_id:032x}"), "answered");
    } else {
        let duration_us = started.elapsed().as_micros() as u64;
        tracing::info!(method, route, status, duration_us, request = %format_args!("{request_id:032x}"), "answered");
    }
}

/// The client gets no details of a defect, the operator does.
fn log_defect(error: &ApiError, request_id: u128) {
    use record::RecordError::{Damaged, Full, Store, Unavailable};
    if let ApiError::Panicked | ApiError::NoPeer | ApiError::Record(Damaged | Full | Store(_) | Unavailable) = error {
        tracing::error!(%error, request = %format_args!("{request_id:032x}"), "cannot answer");
    }
}
