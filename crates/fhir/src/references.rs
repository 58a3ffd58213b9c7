//! The links of a resource: found, and rewritten when a transaction gives its entries their ids (R4 http.html#trules).

use std::borrow::Cow;

use crate::json::{Json, Object};
use crate::primitive::Primitive;
use crate::structure::{self, Shape, Structure};

/// Calls `visit` with every `Reference.reference` of a resource, a bundle or what they contain. References to
/// contained resources (`#id`) are left out.
pub fn for_each_reference<'v>(resource: &'v Json<'_>, mut visit: impl FnMut(&'v str)) {
    if let Some((members, shape)) = resource_parts(resource) {
        find(members, shape, &mut visit);
    }
}

/// Replaces links for which `replace` has an answer: `Reference.reference` of any form but `#id`, and `urn:uuid:` or
/// `urn:oid:` links in elements of type uri, url, canonical, oid and uuid, and in `href` and `src` of narratives.
/// `Bundle.entry.fullUrl` is what links are matched against, so it stays.
pub fn rewrite(resource: &mut Json<'_>, mut replace: impl FnMut(&str) -> Option<String>) {
    let shape = resource.resource_type().and_then(structure::resource);
    if let (Some(shape), Some(members)) = (shape, resource.as_object_mut()) {
        rewrite_object(members, shape, &mut replace);
    }
}

fn resource_parts<'v, 'a>(resource: &'v Json<'a>) -> Option<(&'v Object<'a>, &'static Structure)> {
    Some((resource.as_object()?, structure::resource(resource.resource_type()?)?))
}

fn find<'v>(members: &'v Object<'_>, shape: &'static Structure, visit: &mut dyn FnMut(&'v str)) {
    for (key, value) in members.iter() {
        let Some(slot) = shape.slot(plain(key)) else { continue };
        let Some(below) = structure_below(slot.shape) else {
            if let Shape::Resource = slot.shape {
                for (members, shape) in value.items().iter().filter_map(resource_parts) {
                    find(members, shape, visit);
                }
            }
            continue;
        };
        for item in value.items().iter().filter_map(Json::as_object) {
            if let (Shape::Reference(_), Some(link)) = (slot.shape, item.get("reference").and_then(Json::as_str))
                && !link.starts_with('#')
            {
                visit(link);
            }
            find(item, below, visit);
        }
    }
}

type Replace<'r> = dyn FnMut(&str) -> Option<String> + 'r;

fn rewrite_object(members: &mut Object<'_>, shape: &'static Structure, replace: &mut Replace<'_>) {
    for (key, value) in members.iter_mut() {
        let Some(slot) = shape.slot(plain(key)) else { continue };
        let is_sibling = key.starts_with('_');
        let is_full_url = shape.name == "Bundle.entry" && slot.name == "fullUrl";
        let is_link = shape.name == "Reference" && slot.name == "reference";
        for item in items_mut(value) {
            match item {
                Json::Object(_) if matches!(slot.shape, Shape::Resource) => rewrite(item, &mut *replace),
                Json::Object(held) => {
                    if let Some(below) = structure_below(slot.shape) {
                        rewrite_object(held, below, replace);
                    }
                }
                Json::String(text) if !is_sibling && !is_full_url => {
                    if let Some(new) = new_text(text, slot.shape, is_link, replace) {
                        *text = Cow::Owned(new);
                    }
                }
                _ => {}
            }
        }
    }
}

fn new_text(text: &str, shape: Shape, is_link: bool, replace: &mut Replace<'_>) -> Option<String> {
    let Shape::Primitive(primitive) = shape else { return None };
    match primitive {
        _ if is_link => {
            if text.starts_with('#') {
                None
            } else {
                replace(text)
            }
        }
        Primitive::Uri | Primitive::Url | Primitive::Canonical | Primitive::Oid | Primitive::Uuid => {
            if is_urn(text) {
                replace(text)
            } else {
                None
            }
        }
        Primitive::Xhtml => rewrite_narrative(text, replace),
        _ => None,
    }
}

/// `href="urn:uuid:..."` and `src="urn:uuid:..."`.
fn rewrite_narrative(div: &str, replace: &mut Replace<'_>) -> Option<String> {
    let mut out = String::new();
    let mut written = 0;
    for (at, _) in div.match_indices("=") {
        let name = div[..at].trim_end();
        let value = div[at + 1..].trim_start();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (Some(quote), true) = (quote, name.ends_with("href") || name.ends_with("src")) else { continue };
        let Some((link, _)) = value[1..].split_once(quote) else { continue };
        let Some(new) = is_urn(link).then(|| replace(link)).flatten() else { continue };
        let from = div.len() - value.len() + 1;
        out.push_str(&div[written..from]);
        out.push_str(&new.replace('&', "&amp;").replace('<', "&lt;").replace(quote, ""));
        written = from + link.len();
    }
    if written == 0 {
        return None;
    }
    out.push_str(&div[written..]);
    Some(out)
}

fn is_urn(text: &str) -> bool {
    text.starts_with("urn:uuid:") || text.starts_with("urn:oid:")
}

/// The structure of the objects under a slot; a primitive has its ids and extensions there.
fn structure_below(shape: Shape) -> Option<&'static Structure> {
    match shape {
        Shape::Complex(index) => Some(structure::by_index(index)),
        Shape::Reference(_) => Some(structure::reference()),
        Shape::Primitive(_) => Some(structure::element()),
        Shape::Resource => None,
    }
}

fn items_mut<'v, 'a>(value: &'v mut Json<'a>) -> &'v mut [Json<'a>] {
    match value {
        Json::Array(items) => items,
        one => std::slice::from_mut(one),
    }
}

fn plain(key: &str) -> &str {
    key.strip_prefix('_').unwrap_or(key)
}
