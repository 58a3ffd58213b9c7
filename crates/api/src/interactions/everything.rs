//! `Patient/{id}/$everything`: all that concerns one patient, page by page.

use std::borrow::Cow;

use axum::body::Body;
use axum::body::HttpBody;
use fhir::Json;
use http::StatusCode;
use record::{EverythingRequest, RecordError, ResourceKey, types};

use super::Asked;
use super::history::{count, kept, only_supported, since_ms};
use crate::error::ApiError;
use crate::extract::{Expected, find};
use crate::respond::page::{self, Links};
use crate::respond::reply::Reply;

const SUPPORTED: [&str; 6] = ["_count", "_since", "_type", "_cursor", "_format", "_pretty"];

pub async fn everything(asked: Asked<'_>, key: ResourceKey) -> Result<Reply, ApiError> {
    only_supported(&asked, &SUPPORTED)?;
    let mut kinds = Vec::new();
    for name in find(&asked.pairs, "_type").unwrap_or_default().split(',').map(str::trim).filter(|n| !n.is_empty()) {
        kinds.push(types::parse(name).ok_or(ApiError::Parameter { name: "_type", problem: "no such resource type" })?);
    }
    let request = EverythingRequest {
        patient_id: &key.id,
        count: count(find(&asked.pairs, "_count"))?,
        since_ms: since_ms(find(&asked.pairs, "_since"))?,
        types: kinds,
        cursor: find(&asked.pairs, "_cursor"),
    };
    let page = asked.api.record().everything(&asked.caller, &request).await?.into_inner();
    let path = format!("Patient/{}/$everything", key.id);
    let kept = kept(&asked, &["_count", "_since", "_type"]);
    let links = Links { base: asked.api.base(), path: &path, query: asked.query, kept: &kept };
    Ok(Reply::json(StatusCode::OK, page::searchset(&page, &links)?).notice(page.is_part2()))
}

/// The parameters may come as a Parameters resource; they then count as if they stood in the address.
pub async fn everything_by_body(mut asked: Asked<'_>, key: ResourceKey, body: Body) -> Result<Reply, ApiError> {
    if !body.is_end_stream() {
        let body = asked.body(body, Expected::Resource).await?;
        let parameters = Json::parse(&body).map_err(RecordError::Json)?;
        if parameters.resource_type() != Some("Parameters") {
            return Err(RecordError::Malformed("the body of an operation is a Parameters resource").into());
        }
        for parameter in parameters.get("parameter").map(Json::items).unwrap_or_default() {
            let name = parameter.get("name").and_then(Json::as_str).unwrap_or_default();
            let mut members = parameter.as_object().into_iter().flat_map(|object| object.iter());
            let value = members.find(|(name, _)| name.starts_with("value")).map(|(_, value)| value);
            let value = value.and_then(|value| value.as_str().or_else(|| value.as_number())).unwrap_or_default();
            asked.pairs.push((Cow::Owned(name.to_owned()), Cow::Owned(value.to_owned())));
        }
    }
    everything(asked, key).await
}
