//! Parts of a resource: `_summary`, `_elements` and the element views of a permit (R4 http.html, search.html#summary).
//!
//! A part is marked `SUBSETTED` in `meta.tag`, so that nobody takes it for the whole and writes it back.

use crate::json::{Json, Object};
use crate::structure::{self, Element, Kind, Shape, Structure};

const SUBSETTED_SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue";
const SUBSETTED: &str = "SUBSETTED";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SummaryMode {
    /// The elements R4 marks as summary.
    True,
    /// Narrative and mandatory elements.
    Text,
    /// All but the narrative.
    Data,
    /// The whole resource, unmarked.
    False,
}

pub fn summary<'a>(resource: &Json<'a>, mode: SummaryMode) -> Json<'a> {
    match mode {
        SummaryMode::False => resource.clone(),
        SummaryMode::Text => part(resource, |e| e.name == "text" || e.is_required),
        SummaryMode::Data => part(resource, |e| e.name != "text"),
        SummaryMode::True => resource.as_object().map_or(Json::Null, |m| marked(summary_of_members(m))),
    }
}

/// The named elements (`name`, `value`, `value[x]`), with mandatory and modifier elements, as R4 advises.
pub fn elements<'a>(resource: &Json<'a>, names: &[&str]) -> Json<'a> {
    let wanted = |e: &Element| names.iter().any(|n| n.strip_suffix("[x]").unwrap_or(n) == e.name);
    part(resource, |e| wanted(e) || e.is_required || e.is_modifier)
}

/// What a permit's view lets through: allowed elements (by name, choices without type: `value`), mandatory ones,
/// resourceType, id and meta. What R4 does not know is left out.
pub fn view<'a>(resource: &Json<'a>, allowed: impl Fn(&str) -> bool) -> Json<'a> {
    part(resource, |e| e.is_required || allowed(e.name))
}

/// The top-level elements that `keep` wants, whole.
fn part<'a>(resource: &Json<'a>, keep: impl Fn(&Element) -> bool) -> Json<'a> {
    let shape = resource.resource_type().and_then(structure::resource);
    let Some(members) = resource.as_object() else { return Json::Null };
    marked(Json::Object(members.filter_map(|key, value| {
        let element = shape.and_then(|s| Some(&s.elements[s.slot(plain(key))?.element]));
        let stays = matches!(key, "resourceType" | "id" | "meta") || element.is_some_and(&keep);
        stays.then(|| value.clone())
    })))
}

fn summary_of_members<'a>(members: &Object<'a>) -> Json<'a> {
    match members.get("resourceType").and_then(Json::as_str).and_then(structure::resource) {
        Some(shape) => summary_of(members, shape),
        None => Json::Object(Object::new()),
    }
}

/// Summary and mandatory elements, in depth. Ids go along; a primitive's extensions only where they stand for a value.
fn summary_of<'a>(members: &Object<'a>, shape: &Structure) -> Json<'a> {
    Json::Object(members.filter_map(|key, value| {
        if key == "resourceType" {
            return Some(value.clone());
        }
        let slot = shape.slot(plain(key))?;
        let element = &shape.elements[slot.element];
        let is_resource_head = shape.kind == Kind::Resource && matches!(element.name, "id" | "meta");
        let has_value = key.starts_with('_') && members.get(plain(key)).is_some_and(|v| v.as_array().is_none());
        if has_value || !(element.is_summary || element.is_required || is_resource_head) {
            return None;
        }
        let short = match slot.shape {
            Shape::Complex(index) if element.name != "meta" => {
                each(value, |m| summary_of(m, structure::by_index(index)))
            }
            Shape::Reference(_) => each(value, |m| summary_of(m, structure::reference())),
            Shape::Resource => each(value, summary_of_members),
            Shape::Primitive(_) | Shape::Complex(_) => value.clone(),
        };
        (!is_hollow(&short)).then_some(short)
    }))
}

fn each<'a>(value: &Json<'a>, short: impl Fn(&Object<'a>) -> Json<'a>) -> Json<'a> {
    match value {
        Json::Object(members) => short(members),
        Json::Array(items) => {
            let shortened = items.iter().filter_map(Json::as_object).map(short);
            Json::Array(shortened.filter(|item| !is_hollow(item)).collect())
        }
        other => other.clone(),
    }
}

fn is_hollow(value: &Json<'_>) -> bool {
    match value {
        Json::Object(members) => members.is_empty(),
        Json::Array(items) => items.is_empty(),
        _ => false,
    }
}

fn plain(key: &str) -> &str {
    key.strip_prefix('_').unwrap_or(key)
}

/// Adds the `SUBSETTED` tag, once.
fn marked(mut resource: Json<'_>) -> Json<'_> {
    let Some(members) = resource.as_object_mut() else { return resource };
    if members.get("meta").and_then(Json::as_object).is_none() {
        members.set("meta", Json::Object(Object::new()));
    }
    let Some(meta) = members.get_mut("meta").and_then(Json::as_object_mut) else { return resource };
    if meta.get("tag").and_then(Json::as_array).is_none() {
        meta.set("tag", Json::Array(Vec::new()));
    }
    let Some(tags) = meta.get_mut("tag").and_then(Json::as_array_mut) else { return resource };
    if !tags.iter().any(|tag| tag.get("code").and_then(Json::as_str) == Some(SUBSETTED)) {
        let mut tag = Object::new();
        tag.set("system", Json::string(SUBSETTED_SYSTEM));
        tag.set("code", Json::string(SUBSETTED));
        tags.push(Json::Object(tag));
    }
    resource
}
