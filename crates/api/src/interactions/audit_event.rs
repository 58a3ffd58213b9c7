//! The audit log as AuditEvent resources: read and search, nothing else.

use std::borrow::Cow;

use axum::body::Body;
use fhir::Json;
use http::StatusCode;
use record::{RecordError, ResourceKey, types};

use super::Asked;
use crate::error::ApiError;
use crate::extract::{Expected, OwnedPairs, encode_pairs, parse_pairs};
use crate::respond::page::{self, Links};
use crate::respond::projection::Projection;
use crate::respond::reply::Reply;

pub async fn read(asked: Asked<'_>, id: &str) -> Result<Reply, ApiError> {
    let projection = Projection::of(&asked.pairs)?;
    let event = asked.api.record().audit_event(&asked.caller, id).await?;
    let event = event.get().entries.first().ok_or(RecordError::NotFound)?;
    Ok(Reply::json(StatusCode::OK, projection.apply(event)?.into_owned()))
}

/// With a patient, only who touched that patient's record.
pub async fn search(mut asked: Asked<'_>, patient: Option<ResourceKey>) -> Result<Reply, ApiError> {
    let mut pairs = std::mem::take(&mut asked.pairs);
    let path = match &patient {
        None => types::AUDIT_EVENT.to_owned(),
        Some(key) => format!("Patient/{}/{}", key.id, types::AUDIT_EVENT),
    };
    if let Some(key) = patient {
        pairs.push((Cow::Borrowed("patient"), Cow::Owned(format!("Patient/{}", key.id))));
    }
    run(&asked, &pairs, &path, asked.query).await
}

pub async fn search_by_form(asked: Asked<'_>, body: Body) -> Result<Reply, ApiError> {
    let form = asked.body(body, Expected::Form).await?;
    let form = std::str::from_utf8(&form).map_err(|_| ApiError::Encoding)?;
    let mut pairs = asked.pairs.clone();
    pairs.extend(parse_pairs(form)?);
    let query = encode_pairs(pairs.iter());
    run(&asked, &pairs, types::AUDIT_EVENT, &query).await
}

async fn run(asked: &Asked<'_>, pairs: &OwnedPairs<'_>, path: &str, query: &str) -> Result<Reply, ApiError> {
    let page = asked.api.record().audit_events(&asked.caller, pairs).await?.into_inner();
    let mut events = Vec::with_capacity(page.entries.len());
    for event in page.entries {
        let json = Json::parse(&event).map_err(|_| RecordError::Damaged)?;
        let id = json.get("id").and_then(Json::as_str).ok_or(RecordError::Damaged)?.to_owned();
        drop(json);
        events.push((id, event));
    }
    let links = Links { base: asked.api.base(), path, query, kept: "" };
    Ok(Reply::json(StatusCode::OK, page::rendered(types::AUDIT_EVENT, &events, page.next.as_deref(), &links)))
}
