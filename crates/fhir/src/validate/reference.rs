//! Where a Reference may point: R4 references.html, checked by form and by type of target.

use crate::json::{Json, Object};
use crate::primitive::is_id;
use crate::structure::{self, Targets};

use super::issue::{IssueCode, list};
use super::path::Path;
use super::walk::{CONTAINED_MAX, Scope, Walk};

const STRUCTURE: &str = "http://hl7.org/fhir/StructureDefinition/";

/// The form of a `Reference.reference`.
enum Form<'r> {
    /// `#id`, or `#` for the resource that contains this one.
    Contained(&'r str),
    /// `Patient/123`, perhaps with a version.
    Literal(&'r str),
    /// `Patient?identifier=...`, allowed in transactions.
    Conditional(&'r str),
    /// Another server, or an entry of the same bundle: the type cannot be seen.
    Absolute,
    Malformed,
}

pub fn check(walk: &mut Walk, reference: &Object<'_>, targets: Targets, path: &Path<'_>, scope: Scope<'_, '_>) {
    let declared = reference.get("type").and_then(Json::as_str).and_then(|t| declared_type(walk, t, targets, path));
    let Some(text) = reference.get("reference").and_then(Json::as_str) else {
        let says_something = reference.iter().any(|(name, _)| name != "type" && name != "id");
        if !says_something && !reference.is_empty() {
            walk.warning(
                IssueCode::Invariant,
                path,
                "a reference without reference, identifier or display says nothing",
            );
        }
        return;
    };
    let at = path.child("reference");
    match form(text) {
        Form::Absolute => {}
        Form::Malformed => {
            let message =
                "takes Type/id, an absolute URL, urn:uuid:, urn:oid:, Type?query or #id of a contained resource";
            walk.error(IssueCode::Value, &at, message);
        }
        Form::Contained(id) => contained(walk, id, targets, &at, scope),
        Form::Literal(target) | Form::Conditional(target) => {
            allowed(walk, target, targets, &at);
            if declared.is_some_and(|d| d != target) {
                walk.error(
                    IssueCode::Invariant,
                    &path.child("type"),
                    "type and reference name different resource types",
                );
            }
        }
    }
}

/// `Reference.type` when it names a resource type: relative, or the absolute form of the same.
fn declared_type<'t>(walk: &mut Walk, name: &'t str, targets: Targets, path: &Path<'_>) -> Option<&'t str> {
    let name = name.strip_prefix(STRUCTURE).unwrap_or(name);
    if name.contains(':') {
        return None;
    }
    allowed(walk, name, targets, &path.child("type")).then_some(name)
}

fn allowed(walk: &mut Walk, target: &str, targets: Targets, at: &Path<'_>) -> bool {
    if !structure::is_resource_type(target) {
        walk.error(IssueCode::Value, at, "does not name an R4 resource type");
        return false;
    }
    if !targets.allows(target) {
        let message = format!("cannot point to {target}, only to {}", list(targets.names()));
        walk.error(IssueCode::Structure, at, message);
        return false;
    }
    true
}

fn contained(walk: &mut Walk, id: &str, targets: Targets, at: &Path<'_>, scope: Scope<'_, '_>) {
    if id.is_empty() {
        if !scope.inside_contained {
            walk.error(
                IssueCode::Value,
                at,
                "'#' stands for the container and is used only inside contained resources",
            );
        }
        return;
    }
    let held = scope.container.get("contained").map(Json::items).unwrap_or_default();
    match held.iter().take(CONTAINED_MAX).find(|r| r.get("id").and_then(Json::as_str) == Some(id)) {
        None => walk.error(IssueCode::NotFound, at, "no contained resource has this id"),
        Some(found) => {
            // An unknown type is reported where the contained resource stands.
            if let Some(target) = found.resource_type().filter(|t| structure::is_resource_type(t)) {
                allowed(walk, target, targets, at);
            }
        }
    }
}

fn form(text: &str) -> Form<'_> {
    if let Some(id) = text.strip_prefix('#') {
        return Form::Contained(id);
    }
    let end = text.find(['/', '?', ':', '#']).unwrap_or(text.len());
    let (head, rest) = text.split_at(end);
    match rest.as_bytes().first() {
        Some(b':') if is_scheme(head) && rest.len() > 1 => Form::Absolute,
        Some(b'?') if is_type_name(head) && rest.len() > 1 => Form::Conditional(head),
        Some(b'/') if is_type_name(head) && is_versioned_id(&rest[1..]) => Form::Literal(head),
        _ => Form::Malformed,
    }
}

/// `id` or `id/_history/version`.
fn is_versioned_id(text: &str) -> bool {
    match text.split_once("/_history/") {
        Some((id, version)) => is_id(id) && is_id(version),
        None => is_id(text),
    }
}

fn is_type_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase()) && text.bytes().all(|b| b.is_ascii_alphabetic())
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}
