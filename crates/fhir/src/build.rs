//! Trees built by hand: the shapes that recur in what is written here. Strings are copied: what is built borrows nothing.

use crate::Json;

pub fn object<'a>(members: impl IntoIterator<Item = (&'static str, Json<'a>)>) -> Json<'a> {
    Json::Object(members.into_iter().map(|(name, value)| (name.into(), value)).collect())
}

pub fn list<'a>(items: impl IntoIterator<Item = Json<'a>>) -> Json<'a> {
    Json::Array(items.into_iter().collect())
}

pub fn text(text: &str) -> Json<'static> {
    Json::string(text.to_owned())
}

pub fn coding(system: &str, code: &str, display: &str) -> Json<'static> {
    object([("system", text(system)), ("code", text(code)), ("display", text(display))])
}

/// A CodeableConcept of one coding.
pub fn concept(coding: Json<'_>) -> Json<'_> {
    object([("coding", list([coding]))])
}

/// `Patient/p1`, or a `fullUrl`.
pub fn reference(to: &str) -> Json<'static> {
    object([("reference", text(to))])
}

pub fn identifier(system: &str, value: &str) -> Json<'static> {
    object([("system", text(system)), ("value", text(value))])
}
