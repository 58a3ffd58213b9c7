//! The history of a resource, of a type, of everything.

use http::StatusCode;
use record::{HistoryOf, HistoryRequest};

use super::Asked;
use crate::error::ApiError;
use crate::extract::{encode_pairs, find};
use crate::respond::page::{self, Links};
use crate::respond::projection::Projection;
use crate::respond::reply::Reply;
use crate::respond::time;

const SUPPORTED: [&str; 7] = ["_count", "_since", "_cursor", "_summary", "_elements", "_format", "_pretty"];

pub async fn history(asked: Asked<'_>, of: HistoryOf) -> Result<Reply, ApiError> {
    only_supported(&asked, &SUPPORTED)?;
    let projection = Projection::of(&asked.pairs)?;
    let path = match &of {
        HistoryOf::Instance(key) => format!("{}/{}/_history", key.kind.name, key.id),
        HistoryOf::Type(kind) => format!("{}/_history", kind.name),
        HistoryOf::System => "_history".to_owned(),
    };
    let request = HistoryRequest {
        of,
        count: count(find(&asked.pairs, "_count"))?,
        since_ms: since_ms(find(&asked.pairs, "_since"))?,
        cursor: find(&asked.pairs, "_cursor"),
    };
    let page = asked.api.record().history(&asked.caller, &request).await?.into_inner();
    let kept = kept(&asked, &["_count", "_since", "_summary", "_elements"]);
    let links = Links { base: asked.api.base(), path: &path, query: asked.query, kept: &kept };
    Ok(Reply::json(StatusCode::OK, page::history(&page, &links, &projection)?).notice(page.is_part2()))
}

/// An ignored filter would answer with more than was asked for, so it is refused unless the client is lenient.
pub fn only_supported(asked: &Asked<'_>, supported: &[&str]) -> Result<(), ApiError> {
    let unknown = asked.pairs.iter().map(|(name, _)| name.as_ref()).find(|name| !supported.contains(name));
    match unknown.filter(|_| !asked.prefer.lenient) {
        Some(name) if fhir::primitive::is_id(name.trim_start_matches('_')) => {
            Err(ApiError::UnsupportedParameter { name: name.to_owned() })
        }
        Some(_) => Err(ApiError::UnsupportedParameter { name: "(unnamed)".to_owned() }),
        None => Ok(()),
    }
}

pub fn count(text: Option<&str>) -> Result<Option<u32>, ApiError> {
    let parsed = text.map(str::parse).transpose();
    parsed.map_err(|_| ApiError::Parameter { name: "_count", problem: "expected a number" })
}

pub fn since_ms(text: Option<&str>) -> Result<Option<i64>, ApiError> {
    let problem = "expected an instant with a time zone: 2026-01-31T12:00:00Z (a plus is written %2B)";
    text.map(|text| time::parse_instant(text).ok_or(ApiError::Parameter { name: "_since", problem })).transpose()
}

/// The named parameters for the link to the next page: none of them holds ePHI.
pub fn kept(asked: &Asked<'_>, names: &[&str]) -> String {
    let mut kept = encode_pairs(asked.pairs.iter().filter(|(name, _)| names.contains(&name.as_ref())));
    if !kept.is_empty() {
        kept.insert(0, '&');
    }
    kept
}
