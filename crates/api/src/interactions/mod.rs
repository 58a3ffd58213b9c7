//! The interactions of R4 http.html, each a call into the record and an answer built from what it gives.

mod audit_event;
mod bundle;
mod everything;
mod history;
mod read;
mod search;
mod write;

use access::Caller;
use axum::body::Body;
use bytes::Bytes;
use http::Method;
use http::request::Parts;

use crate::error::ApiError;
use crate::extract::{Expected, OwnedPairs, Prefer, read_body};
use crate::respond::reply::Reply;
use crate::route::Route;
use crate::state::Api;

/// A request that is authenticated and acceptable.
pub struct Asked<'r> {
    pub api: &'r Api,
    pub caller: Caller,
    pub parts: &'r Parts,
    /// Of the address, still encoded.
    pub query: &'r str,
    pub pairs: OwnedPairs<'r>,
    pub prefer: Prefer,
}

/// The method is one the route allows.
pub async fn perform(route: Route, asked: Asked<'_>, body: Body) -> Result<Reply, ApiError> {
    let method = &asked.parts.method;
    match route {
        Route::Instance(key) => match *method {
            Method::PUT => write::update(asked, record::Target::Id(key), body).await,
            Method::PATCH => write::patch(asked, record::Target::Id(key), body).await,
            Method::DELETE => write::delete(asked, record::Target::Id(key)).await,
            _ => read::read(asked, key).await,
        },
        Route::Type(kind) => match *method {
            Method::POST => write::create(asked, kind, body).await,
            Method::PUT => write::conditional(asked, kind, write::Change::Update(body)).await,
            Method::PATCH => write::conditional(asked, kind, write::Change::Patch(body)).await,
            Method::DELETE => write::conditional(asked, kind, write::Change::Delete).await,
            _ => search::search(asked, kind, None).await,
        },
        Route::InstanceVersion(key, version) => read::vread(asked, key, version).await,
        Route::TypeSearch(kind) => search::search_by_form(asked, kind, None, body).await,
        Route::Compartment(key, kind) => search::search(asked, kind, Some(key)).await,
        Route::CompartmentSearch(key, kind) => search::search_by_form(asked, kind, Some(key), body).await,
        Route::InstanceHistory(key) => history::history(asked, record::HistoryOf::Instance(key)).await,
        Route::TypeHistory(kind) => history::history(asked, record::HistoryOf::Type(kind)).await,
        Route::SystemHistory => history::history(asked, record::HistoryOf::System).await,
        Route::Everything(key) if *method == Method::POST => everything::everything_by_body(asked, key, body).await,
        Route::Everything(key) => everything::everything(asked, key).await,
        Route::System => bundle::bundle(asked, body).await,
        Route::AuditEvents => audit_event::search(asked, None).await,
        Route::AuditEventSearch => audit_event::search_by_form(asked, body).await,
        Route::PatientAuditEvents(key) => audit_event::search(asked, Some(key)).await,
        Route::AuditEvent(id) => audit_event::read(asked, &id).await,
        // Answered before anyone is asked who they are.
        Route::Metadata => Err(ApiError::NoRoute),
    }
}

impl Asked<'_> {
    async fn body(&self, body: Body, expected: Expected) -> Result<Bytes, ApiError> {
        read_body(&self.parts.headers, body, expected, self.api.state().limits.body_bytes_max).await
    }
}
