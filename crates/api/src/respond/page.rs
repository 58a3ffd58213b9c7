//! Bundles around resources: searchset, history, and the responses to batch and transaction.

use http::StatusCode;
use record::{BundleAnswer, BundleKind, Effect, EntryAnswer, EntryMode, Page, Version, Written};

use super::error::explain_record;
use super::json::Writer;
use super::outcome::Outcome;
use super::projection::Projection;
use super::{reply, time};
use crate::error::ApiError;
use crate::extract::Return;
use crate::state::BaseUrl;

/// Room for links, and for what surrounds each entry.
const FRAME_BYTES: usize = 512;
const ENTRY_FRAME_BYTES: usize = 160;

/// The links of a page: `self` as it was asked, `next` by its cursor alone.
pub struct Links<'l> {
    pub base: &'l BaseUrl,
    /// Below the base, without a slash in front: `Patient`.
    pub path: &'l str,
    /// Of the `self` link, encoded; may be empty.
    pub query: &'l str,
    /// Goes along to further pages, encoded; empty or with a `&` in front.
    pub kept: &'l str,
}

pub fn searchset(page: &Page, links: &Links<'_>) -> Result<Vec<u8>, ApiError> {
    let mut json = Writer::with_capacity(size(page.entries.iter().map(|(_, version)| version)));
    write_searchset(&mut json, page, links)?;
    Ok(json.into_bytes())
}

pub fn history(page: &Page, links: &Links<'_>, projection: &Projection) -> Result<Vec<u8>, ApiError> {
    let mut json = Writer::with_capacity(size(page.entries.iter().map(|(_, version)| version)));
    write_history(&mut json, page, links, projection)?;
    Ok(json.into_bytes())
}

/// Resources that are JSON already, with their ids: audit events.
pub fn rendered(kind: &str, resources: &[(String, Vec<u8>)], next: Option<&str>, links: &Links<'_>) -> Vec<u8> {
    let mut json = Writer::with_capacity(FRAME_BYTES + resources.iter().map(|(_, r)| r.len() + 160).sum::<usize>());
    json.object(|json| {
        head(json, "searchset", None);
        write_links(json, links, next);
        entries(json, resources.iter(), |json, (id, resource)| {
            json.name("fullUrl").joined(&[links.base.as_str(), "/", kind, "/", id]);
            json.name("resource").raw(resource);
            json.name("search").object(|json| json.member("mode", "match"));
        });
    });
    json.into_bytes()
}

/// The answers in the order of the request's entries.
pub fn responses(answer: &BundleAnswer, base: &BaseUrl, returning: Option<Return>) -> Result<Vec<u8>, ApiError> {
    let mut json = Writer::with_capacity(FRAME_BYTES + answer.entries.len() * ENTRY_FRAME_BYTES * 2);
    let mut failed = None;
    json.object(|json| {
        let kind = match answer.kind {
            BundleKind::Batch => "batch-response",
            BundleKind::Transaction => "transaction-response",
        };
        head(json, kind, None);
        entries(json, answer.entries.iter(), |json, entry| {
            let written = match &entry.result {
                Ok(EntryAnswer::Written(written)) => response_to_write(json, written, base, returning),
                Ok(EntryAnswer::Version(version)) => response_to_read(json, version.get(), base),
                Ok(EntryAnswer::Page(page, path)) => response_to_page(json, page.get(), path, base),
                Ok(EntryAnswer::NotModified) => response(json, StatusCode::NOT_MODIFIED, |_| ()),
                Err(error) => {
                    let (status, outcome) = explain_record(error);
                    response(json, status, |json| outcome.write(json.name("outcome")))
                }
            };
            if let Err(error) = written {
                failed = Some(error);
            }
        });
    });
    failed.map_or(Ok(json.into_bytes()), Err)
}

fn size<'v>(versions: impl Iterator<Item = &'v Version>) -> usize {
    FRAME_BYTES + versions.map(|version| version.json().len() + ENTRY_FRAME_BYTES).sum::<usize>()
}

fn head(json: &mut Writer, kind: &str, total: Option<u64>) {
    json.member("resourceType", "Bundle");
    json.member("type", kind);
    if let Some(total) = total {
        json.name("total").raw(total.to_string().as_bytes());
    }
}

/// FHIR has no empty arrays: without entries, no `entry`.
fn entries<T>(json: &mut Writer, items: impl ExactSizeIterator<Item = T>, mut each: impl FnMut(&mut Writer, T)) {
    if items.len() > 0 {
        json.name("entry").array(|json| items.for_each(|item| json.object(|json| each(json, item))));
    }
}

fn write_links(json: &mut Writer, links: &Links<'_>, next: Option<&str>) {
    let Links { base, path, query, kept } = links;
    json.name("link").array(|json| {
        let mark = if query.is_empty() { "" } else { "?" };
        json.object(|json| {
            json.member("relation", "self");
            json.name("url").joined(&[base.as_str(), "/", path, mark, query]);
        });
        if let Some(cursor) = next {
            json.object(|json| {
                json.member("relation", "next");
                json.name("url").joined(&[base.as_str(), "/", path, "?_cursor=", cursor, kept]);
            });
        }
    });
}

fn write_searchset(json: &mut Writer, page: &Page, links: &Links<'_>) -> Result<(), ApiError> {
    let projection = Projection::of_search(page.summary, &page.elements);
    let mut failed = None;
    json.object(|json| {
        head(json, "searchset", page.total);
        write_links(json, links, page.next.as_deref());
        if page.entries.is_empty() && page.ignored.is_empty() {
            return;
        }
        json.name("entry").array(|json| {
            for (mode, version) in &page.entries {
                let mode = match mode {
                    EntryMode::Match => "match",
                    EntryMode::Include => "include",
                };
                json.object(|json| {
                    full_url(json, links.base, version);
                    match projection.apply(version.json()) {
                        Ok(resource) => json.name("resource").raw(&resource),
                        Err(error) => failed = Some(error),
                    }
                    json.name("search").object(|json| json.member("mode", mode));
                });
            }
            if !page.ignored.is_empty() {
                let text = format!("ignored, as this server does not support them here: {}", page.ignored.join(", "));
                json.object(|json| {
                    Outcome::warning("not-supported", text).write(json.name("resource"));
                    json.name("search").object(|json| json.member("mode", "outcome"));
                });
            }
        });
    });
    failed.map_or(Ok(()), Err)
}

fn write_history(json: &mut Writer, page: &Page, links: &Links<'_>, projection: &Projection) -> Result<(), ApiError> {
    let mut failed = None;
    json.object(|json| {
        head(json, "history", page.total);
        write_links(json, links, page.next.as_deref());
        entries(json, page.entries.iter().map(|(_, version)| version), |json, version| {
            if let Err(error) = history_entry(json, version, links.base, projection) {
                failed = Some(error);
            }
        });
    });
    failed.map_or(Ok(()), Err)
}

fn full_url(json: &mut Writer, base: &BaseUrl, version: &Version) {
    json.name("fullUrl").joined(&[base.as_str(), "/", version.type_name(), "/", version.id()]);
}

/// What was done and how it went (R4 http.html#history). The first version is shown as a create.
fn history_entry(
    json: &mut Writer,
    version: &Version,
    base: &BaseUrl,
    projection: &Projection,
) -> Result<(), ApiError> {
    full_url(json, base, version);
    if !version.is_deleted() {
        json.name("resource").raw(&projection.apply(version.json())?);
    }
    let (method, status) = match (version.is_deleted(), version.version()) {
        (true, _) => ("DELETE", StatusCode::NO_CONTENT),
        (false, 1) => ("POST", StatusCode::CREATED),
        (false, _) => ("PUT", StatusCode::OK),
    };
    json.name("request").object(|json| {
        json.member("method", method);
        match method {
            "POST" => json.member("url", version.type_name()),
            _ => json.name("url").joined(&[version.type_name(), "/", version.id()]),
        }
    });
    response(json, status, |json| stamp(json, version.version(), version.last_updated_ms()))
}

fn response_to_write(
    json: &mut Writer,
    written: &Written,
    base: &BaseUrl,
    returning: Option<Return>,
) -> Result<(), ApiError> {
    // A bundle's client has what it sent: resources come back only on request.
    if let Some(resource) = written.resource.as_ref().filter(|_| returning == Some(Return::Representation)) {
        full_url(json, base, resource.get());
        json.name("resource").raw(resource.get().json());
    }
    response(json, status_of(written.effect), |json| {
        if written.effect != Effect::Deleted {
            let version = written.version.to_string();
            json.name("location").joined(&[written.type_name, "/", &written.id, "/_history/", &version]);
        }
        stamp(json, written.version, written.last_updated_ms);
        if !written.issues.is_empty() || returning == Some(Return::OperationOutcome) {
            outcome_of(written).write(json.name("outcome"));
        }
    })
}

fn response_to_read(json: &mut Writer, version: &Version, base: &BaseUrl) -> Result<(), ApiError> {
    full_url(json, base, version);
    json.name("resource").raw(version.json());
    response(json, StatusCode::OK, |json| stamp(json, version.version(), version.last_updated_ms()))
}

/// The page of a GET in a bundle: of a search, or of a history.
fn response_to_page(json: &mut Writer, page: &Page, path: &str, base: &BaseUrl) -> Result<(), ApiError> {
    let links = Links { base, path: path.trim_matches('/'), query: "", kept: "" };
    json.name("resource");
    if links.path.ends_with("_history") {
        write_history(json, page, &links, &Projection::default())?;
    } else {
        write_searchset(json, page, &links)?;
    }
    response(json, StatusCode::OK, |_| ())
}

fn response(json: &mut Writer, status: StatusCode, fill: impl FnOnce(&mut Writer)) -> Result<(), ApiError> {
    json.name("response").object(|json| {
        json.name("status").joined(&[status.as_str(), " ", status.canonical_reason().unwrap_or_default()]);
        fill(json);
    });
    Ok(())
}

fn stamp(json: &mut Writer, version: u32, last_updated_ms: i64) {
    json.member("etag", &reply::etag(version));
    json.member("lastModified", &time::instant(last_updated_ms));
}

/// The status of a write that went well.
pub fn status_of(effect: Effect) -> StatusCode {
    match effect {
        Effect::Created => StatusCode::CREATED,
        Effect::Updated | Effect::Unchanged => StatusCode::OK,
        Effect::Deleted => StatusCode::NO_CONTENT,
    }
}

/// What the collection policy left out and validation warned of, or that all went well.
pub fn outcome_of(written: &Written) -> Outcome {
    Outcome::issues(&written.issues, || {
        Outcome::information(match written.effect {
            Effect::Created => "created",
            Effect::Updated => "updated",
            Effect::Deleted => "deleted",
            Effect::Unchanged => "nothing was changed",
        })
    })
}
