//! Searches one type, everywhere or in a compartment, by address or by form.

use access::TypeRef;
use axum::body::Body;
use http::StatusCode;
use record::{ResourceKey, SearchRequest};

use super::Asked;
use crate::error::ApiError;
use crate::extract::{Expected, OwnedPairs, encode_pairs, parse_pairs};
use crate::respond::page::{self, Links};
use crate::respond::reply::Reply;

pub async fn search(asked: Asked<'_>, kind: TypeRef, compartment: Option<ResourceKey>) -> Result<Reply, ApiError> {
    run(&asked, kind, compartment, &asked.pairs, Some(asked.query)).await
}

/// Parameters of the address count as well (R4 http.html#search).
pub async fn search_by_form(
    asked: Asked<'_>,
    kind: TypeRef,
    compartment: Option<ResourceKey>,
    body: Body,
) -> Result<Reply, ApiError> {
    let form = asked.body(body, Expected::Form).await?;
    let form = std::str::from_utf8(&form).map_err(|_| ApiError::Encoding)?;
    let mut pairs = asked.pairs.clone();
    pairs.extend(parse_pairs(form)?);
    run(&asked, kind, compartment, &pairs, None).await
}

/// `query` is the text that `pairs` were read from, if it was one.
async fn run(
    asked: &Asked<'_>,
    kind: TypeRef,
    compartment: Option<ResourceKey>,
    pairs: &OwnedPairs<'_>,
    query: Option<&str>,
) -> Result<Reply, ApiError> {
    let base = asked.api.base();
    let path = match &compartment {
        None => kind.name.to_owned(),
        Some(key) => format!("{}/{}/{}", key.kind.name, key.id, kind.name),
    };
    let request = SearchRequest { kind, compartment, pairs, lenient: asked.prefer.lenient };
    let page = asked.api.record().search(&asked.caller, &request).await?.into_inner();
    // The link repeats what was used, not what was ignored.
    let used = match query.filter(|_| page.ignored.is_empty()) {
        Some(query) => query.to_owned(),
        None => encode_pairs(pairs.iter().filter(|(name, _)| !page.ignored.iter().any(|ignored| ignored == name))),
    };
    let body = page::searchset(&page, &Links { base, path: &path, query: &used, kept: "" })?;
    Ok(Reply::json(StatusCode::OK, body).notice(page.is_part2()))
}
