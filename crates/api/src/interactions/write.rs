//! Creates, updates, patches and deletes one resource, named by its id or found by a condition.

use std::borrow::Cow;

use access::TypeRef;
use axum::body::Body;
use http::{HeaderName, StatusCode, header};
use record::{Effect, Target, Written};

use super::Asked;
use crate::error::ApiError;
use crate::extract::{Expected, OwnedPairs, Return, parse_pairs, preconditions};
use crate::respond::outcome::Outcome;
use crate::respond::page::{outcome_of, status_of};
use crate::respond::reply::Reply;

const IF_NONE_EXIST: &str = "if-none-exist";
/// Headers are small; the outcome, on request, has all.
const WARNINGS_MAX: usize = 5;

/// What is done to the resource that a condition finds.
pub enum Change {
    Update(Body),
    Patch(Body),
    Delete,
}

pub async fn create(asked: Asked<'_>, kind: TypeRef, body: Body) -> Result<Reply, ApiError> {
    let body = asked.body(body, Expected::Resource).await?;
    let condition = match asked.parts.headers.get(IF_NONE_EXIST) {
        None => None,
        Some(value) => {
            let problem = "expected search parameters as in an address";
            let malformed = || ApiError::Header { name: "If-None-Exist", problem };
            let text = value.to_str().map_err(|_| malformed())?;
            let query = text.rsplit_once('?').map_or(text, |(_, query)| query);
            Some(condition(parse_pairs(query).map_err(|_| malformed())?)?)
        }
    };
    let record = asked.api.record();
    let written = record.create(&asked.caller, kind, &body, condition.as_deref()).await?;
    Ok(answer(&asked, written))
}

pub async fn update(asked: Asked<'_>, target: Target<'_>, body: Body) -> Result<Reply, ApiError> {
    let preconditions = preconditions(&asked.parts.headers)?;
    let body = asked.body(body, Expected::Resource).await?;
    let written = asked.api.record().update(&asked.caller, target, &body, preconditions).await?;
    Ok(answer(&asked, written))
}

pub async fn patch(asked: Asked<'_>, target: Target<'_>, body: Body) -> Result<Reply, ApiError> {
    let preconditions = preconditions(&asked.parts.headers)?;
    let body = asked.body(body, Expected::JsonPatch).await?;
    let written = asked.api.record().patch(&asked.caller, target, &body, preconditions).await?;
    Ok(answer(&asked, written))
}

pub async fn delete(asked: Asked<'_>, target: Target<'_>) -> Result<Reply, ApiError> {
    let preconditions = preconditions(&asked.parts.headers)?;
    let written = asked.api.record().delete(&asked.caller, target, preconditions).await?;
    Ok(answer(&asked, written))
}

pub async fn conditional(mut asked: Asked<'_>, kind: TypeRef, change: Change) -> Result<Reply, ApiError> {
    let condition = condition(std::mem::take(&mut asked.pairs))?;
    let target = Target::Matching(kind, Cow::Owned(condition));
    match change {
        Change::Update(body) => update(asked, target, body).await,
        Change::Patch(body) => patch(asked, target, body).await,
        Change::Delete => delete(asked, target).await,
    }
}

/// Without a parameter that selects, a condition would mean any resource.
fn condition(mut pairs: OwnedPairs<'_>) -> Result<OwnedPairs<'_>, ApiError> {
    pairs.retain(|(name, _)| !matches!(name.as_ref(), "_format" | "_pretty"));
    if pairs.is_empty() { Err(ApiError::NoCondition) } else { Ok(pairs) }
}

fn answer(asked: &Asked<'_>, written: Written) -> Reply {
    let returning = asked.prefer.returning.unwrap_or(Return::Representation);
    let is_deleted = written.effect == Effect::Deleted;
    let status = status_of(written.effect);
    let base = asked.api.base().as_str();
    let location = format!("{base}/{}/{}/_history/{}", written.type_name, written.id, written.version);
    let (version, last_updated_ms) = (written.version, written.last_updated_ms);
    let warnings = warnings(&written);

    let has_outcome = returning == Return::OperationOutcome || (is_deleted && !written.issues.is_empty());
    let mut reply = if has_outcome {
        let status = if is_deleted { StatusCode::OK } else { status };
        Reply::json(status, outcome_of(&written).to_bytes())
    } else if is_deleted || returning == Return::Minimal {
        Reply::empty(status)
    } else {
        match written.resource {
            Some(resource) => {
                let is_part2 = resource.get().is_part2();
                Reply::json(status, resource.into_inner().into_json()).notice(is_part2)
            }
            None => Reply::json(status, Outcome::information("done; this role does not see the result").to_bytes()),
        }
    };
    reply.version(version, last_updated_ms);
    if !is_deleted {
        reply.header_text(header::LOCATION, location);
    }
    if !has_outcome {
        warnings.into_iter().for_each(|warning| reply.header_text(HeaderName::from_static("warning"), warning));
    }
    reply
}

/// `199 wardstone "Patient.photo: left out by the collection policy"` (RFC 7234 section 5.5).
fn warnings(written: &Written) -> Vec<String> {
    let quotable = |c: char| if c.is_ascii_graphic() && !matches!(c, '"' | '\\') { c } else { ' ' };
    let warning = |issue: &fhir::Issue| {
        let text: String = format!("{}: {}", issue.expression, issue.message).chars().map(quotable).collect();
        format!("199 wardstone \"{text}\"")
    };
    written.issues.iter().take(WARNINGS_MAX).map(warning).collect()
}
