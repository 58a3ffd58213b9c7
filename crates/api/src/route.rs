//! Paths read by hand: one pass over the segments, no router, no captures to allocate.

use std::borrow::Cow;

use access::TypeRef;
use http::Method;
use record::{ResourceKey, types};

use crate::error::ApiError;

/// Where a request goes. `key.kind` and `kind` are types R4 knows.
pub enum Route {
    System,
    Metadata,
    SystemHistory,
    Type(TypeRef),
    TypeSearch(TypeRef),
    TypeHistory(TypeRef),
    Instance(ResourceKey),
    InstanceHistory(ResourceKey),
    /// The version is `None` if the text is no number of a version.
    InstanceVersion(ResourceKey, Option<u32>),
    Everything(ResourceKey),
    /// `Patient/123/Observation`.
    Compartment(ResourceKey, TypeRef),
    CompartmentSearch(ResourceKey, TypeRef),
    AuditEvents,
    AuditEventSearch,
    AuditEvent(String),
    /// `Patient/123/AuditEvent`: who opened this patient's record.
    PatientAuditEvents(ResourceKey),
}

const COMPARTMENTS: [&str; 5] = ["Device", "Encounter", "Patient", "Practitioner", "RelatedPerson"];
/// No path of this API has more.
const SEGMENTS_MAX: usize = 4;

impl Route {
    /// `path` is below the base, still percent-encoded.
    pub fn parse(path: &str) -> Result<Route, ApiError> {
        let path = decode(path)?;
        let path = path.strip_prefix('/').unwrap_or(&path);
        let path = path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path);
        let mut segments = [""; SEGMENTS_MAX];
        let mut count = 0;
        for segment in path.split('/').filter(|_| !path.is_empty()) {
            *segments.get_mut(count).ok_or(ApiError::NoRoute)? = segment;
            count += 1;
        }
        match &segments[..count] {
            [] => Ok(Route::System),
            ["metadata"] => Ok(Route::Metadata),
            ["_history"] => Ok(Route::SystemHistory),
            [name, rest @ ..] => {
                let kind = types::parse(name).ok_or_else(|| no_type(name))?;
                if kind.name == types::AUDIT_EVENT { audit_route(rest) } else { type_route(kind, rest) }
            }
        }
    }

    /// What the log says instead of the path.
    pub fn template(&self) -> &'static str {
        match self {
            Route::System => "/",
            Route::Metadata => "/metadata",
            Route::SystemHistory => "/_history",
            Route::Type(_) => "/{type}",
            Route::TypeSearch(_) => "/{type}/_search",
            Route::TypeHistory(_) => "/{type}/_history",
            Route::Instance(_) => "/{type}/{id}",
            Route::InstanceHistory(_) => "/{type}/{id}/_history",
            Route::InstanceVersion(..) => "/{type}/{id}/_history/{vid}",
            Route::Everything(_) => "/Patient/{id}/$everything",
            Route::Compartment(..) => "/{compartment}/{id}/{type}",
            Route::CompartmentSearch(..) => "/{compartment}/{id}/{type}/_search",
            Route::AuditEvents => "/AuditEvent",
            Route::AuditEventSearch => "/AuditEvent/_search",
            Route::AuditEvent(_) => "/AuditEvent/{id}",
            Route::PatientAuditEvents(_) => "/Patient/{id}/AuditEvent",
        }
    }

    /// The `Allow` header.
    pub fn methods(&self) -> &'static str {
        match self {
            Route::System | Route::TypeSearch(_) | Route::CompartmentSearch(..) | Route::AuditEventSearch => {
                "POST, OPTIONS"
            }
            Route::Type(_) => "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
            Route::Instance(_) => "GET, HEAD, PUT, PATCH, DELETE, OPTIONS",
            Route::Everything(_) => "GET, HEAD, POST, OPTIONS",
            Route::Metadata
            | Route::SystemHistory
            | Route::TypeHistory(_)
            | Route::InstanceHistory(_)
            | Route::InstanceVersion(..)
            | Route::Compartment(..)
            | Route::AuditEvents
            | Route::AuditEvent(_)
            | Route::PatientAuditEvents(_) => "GET, HEAD, OPTIONS",
        }
    }

    pub fn allows(&self, method: &Method) -> bool {
        self.methods().split(", ").any(|allowed| allowed == method.as_str())
    }
}

fn type_route(kind: TypeRef, rest: &[&str]) -> Result<Route, ApiError> {
    let (id, rest) = match rest {
        [] => return Ok(Route::Type(kind)),
        ["_search"] => return Ok(Route::TypeSearch(kind)),
        ["_history"] => return Ok(Route::TypeHistory(kind)),
        [id, ..] if id.starts_with(['$', '_']) => return Err(ApiError::NoRoute),
        [id, rest @ ..] => (id, rest),
    };
    let key = ResourceKey::parse(kind.name, id).ok_or(ApiError::Id)?;
    match rest {
        [] => Ok(Route::Instance(key)),
        ["_history"] => Ok(Route::InstanceHistory(key)),
        ["_history", version] => Ok(Route::InstanceVersion(key, version.parse().ok())),
        ["$everything"] if kind.name == "Patient" => Ok(Route::Everything(key)),
        [inner, ..] if inner.starts_with(['$', '_']) => Err(ApiError::NoRoute),
        [inner, rest @ ..] => {
            let inner = types::parse(inner).ok_or_else(|| no_type(inner))?;
            let is_member =
                COMPARTMENTS.contains(&kind.name) && !fhir::compartment::params(kind.name, inner.name).is_empty();
            match rest {
                _ if !is_member => Err(ApiError::NoRoute),
                [] if inner.name == types::AUDIT_EVENT && kind.name == "Patient" => Ok(Route::PatientAuditEvents(key)),
                _ if inner.name == types::AUDIT_EVENT => Err(ApiError::NoRoute),
                [] => Ok(Route::Compartment(key, inner)),
                ["_search"] => Ok(Route::CompartmentSearch(key, inner)),
                _ => Err(ApiError::NoRoute),
            }
        }
    }
}

fn audit_route(rest: &[&str]) -> Result<Route, ApiError> {
    match rest {
        [] => Ok(Route::AuditEvents),
        ["_search"] => Ok(Route::AuditEventSearch),
        [id] if fhir::primitive::is_id(id) => Ok(Route::AuditEvent((*id).to_owned())),
        _ => Err(ApiError::NoRoute),
    }
}

/// Types start with a capital: anything else is no FHIR path at all.
fn no_type(name: &str) -> ApiError {
    if name.starts_with(|c: char| c.is_ascii_uppercase()) { ApiError::UnknownType } else { ApiError::NoRoute }
}

fn decode(path: &str) -> Result<Cow<'_, str>, ApiError> {
    if path.contains('%') { crate::extract::percent_decode(path, false) } else { Ok(Cow::Borrowed(path)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(path: &str) -> &'static str {
        match Route::parse(path) {
            Ok(route) => route.template(),
            Err(ApiError::UnknownType) => "unknown type",
            Err(ApiError::Id) => "bad id",
            Err(_) => "none",
        }
    }

    #[test]
    fn every_path_of_the_interactions_is_known() {
        for (path, expected) in [
            ("", "/"),
            ("/", "/"),
            ("/metadata", "/metadata"),
            ("/_history", "/_history"),
            ("/Patient", "/{type}"),
            ("/Patient/", "/{type}"),
            ("/Patient/_search", "/{type}/_search"),
            ("/Patient/_history", "/{type}/_history"),
            ("/Patient/1", "/{type}/{id}"),
            ("/Patient/1/_history", "/{type}/{id}/_history"),
            ("/Patient/1/_history/2", "/{type}/{id}/_history/{vid}"),
            ("/Patient/1/$everything", "/Patient/{id}/$everything"),
            ("/Patient/1/%24everything", "/Patient/{id}/$everything"),
            ("/Patient/1/Observation", "/{compartment}/{id}/{type}"),
            ("/Encounter/1/Observation/_search", "/{compartment}/{id}/{type}/_search"),
            ("/AuditEvent", "/AuditEvent"),
            ("/AuditEvent/_search", "/AuditEvent/_search"),
            ("/AuditEvent/12-1", "/AuditEvent/{id}"),
            ("/Patient/1/AuditEvent", "/Patient/{id}/AuditEvent"),
        ] {
            assert_eq!(template(path), expected, "{path}");
        }
    }

    #[test]
    fn what_is_no_path_of_fhir_is_refused() {
        for (path, expected) in [
            ("/Patiant/1", "unknown type"),
            ("/Patient/1/Patiant", "unknown type"),
            ("/DomainResource", "unknown type"),
            ("/Patient/a b", "bad id"),
            ("/Patient/a%20b", "bad id"),
            ("/Patient/$merge", "none"),
            ("/Patient/1/$merge", "none"),
            ("/Observation/1/$everything", "none"),
            ("/Observation/1/Patient", "none"),
            ("/Patient/1/Medication", "none"),
            ("/Patient//1", "bad id"),
            ("//", "none"),
            ("/Patient/1/_history/2/3", "none"),
            ("/Patient/1/2/3/4", "none"),
            ("/AuditEvent/1/_history", "none"),
            ("/AuditEvent/_history", "none"),
            ("/index.html", "none"),
            ("/Patient/%zz", "none"),
        ] {
            let found = template(path);
            assert_eq!(found, expected, "{path}");
        }
    }
}
