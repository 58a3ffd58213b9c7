//! The walk over a resource, element by element, with its structure beside it.

use std::collections::HashSet;

use crate::json::{DEPTH_MAX, Json, Object};
use crate::primitive::{Primitive, PrimitiveFault};
use crate::structure::{self, Element, Kind, Shape, Slot, Structure, ValueSet};

use super::issue::{ISSUES_MAX, Issue, IssueCode, Severity, list};
use super::path::Path;
use super::{narrative, reference};

/// Contained resources of one resource: local references are looked up one by one.
pub const CONTAINED_MAX: usize = 1_000;

#[derive(Default)]
pub struct Walk {
    pub issues: Vec<Issue>,
}

/// The resource whose `contained` a local reference is looked up in.
#[derive(Clone, Copy)]
pub struct Scope<'r, 'a> {
    pub container: &'r Object<'a>,
    pub inside_contained: bool,
}

impl Walk {
    pub fn root(&mut self, resource: &Json<'_>) {
        let name = resource.resource_type().filter(|t| structure::is_resource_type(t)).unwrap_or("Resource");
        self.resource(resource, &Path::root(name), None);
    }

    pub fn error(&mut self, code: IssueCode, path: &Path<'_>, message: impl Into<String>) {
        self.issue(Severity::Error, code, path, message.into());
    }

    pub fn warning(&mut self, code: IssueCode, path: &Path<'_>, message: impl Into<String>) {
        self.issue(Severity::Warning, code, path, message.into());
    }

    /// Nothing more would be said, so nothing more is looked at.
    fn is_full(&self) -> bool {
        self.issues.len() >= ISSUES_MAX
    }

    fn issue(&mut self, severity: Severity, code: IssueCode, path: &Path<'_>, message: String) {
        if !self.is_full() {
            self.issues.push(Issue { severity, code, expression: path.to_string(), message });
        }
    }

    /// `container` is the resource this one is contained in, nothing for a resource that stands for itself.
    fn resource(&mut self, value: &Json<'_>, path: &Path<'_>, container: Option<Scope<'_, '_>>) {
        let Some(members) = value.as_object() else {
            return self.error(IssueCode::Structure, path, "a resource is a JSON object");
        };
        let Some(name) = members.get("resourceType") else {
            return self.error(IssueCode::Required, path, "resourceType is missing");
        };
        let Some(shape) = name.as_str().and_then(structure::resource) else {
            return self.error(IssueCode::Structure, path, "resourceType is not the name of an R4 resource type");
        };
        match container {
            None => {
                let scope = Scope { container: members, inside_contained: false };
                self.object(members, shape, path, scope);
                if let Some(contained) = members.get("contained") {
                    self.contained_ids(members, contained.items(), path);
                }
            }
            Some(scope) => {
                self.contained_limits(members, path);
                self.object(members, shape, path, Scope { inside_contained: true, ..scope });
            }
        }
    }

    /// dom-2, dom-4, dom-5: what a contained resource cannot have.
    fn contained_limits(&mut self, members: &Object<'_>, path: &Path<'_>) {
        if members.get("contained").is_some() {
            let path = path.child("contained");
            self.error(IssueCode::Invariant, &path, "a contained resource cannot contain resources");
        }
        let Some(meta) = members.get("meta").and_then(Json::as_object) else { return };
        for name in ["versionId", "lastUpdated", "security"] {
            if meta.get(name).is_some() {
                let message = format!("a contained resource has no meta.{name}");
                self.error(IssueCode::Invariant, &path.child("meta").child(name), message);
            }
        }
    }

    /// Contained resources are found by their ids, so each has one of its own, and (dom-3) is there for a reference: to
    /// it, or from it to its container.
    fn contained_ids(&mut self, members: &Object<'_>, contained: &[Json<'_>], path: &Path<'_>) {
        if contained.len() > CONTAINED_MAX {
            let message = format!("at most {CONTAINED_MAX} contained resources are accepted");
            return self.error(IssueCode::TooLong, &path.child("contained"), message);
        }
        let mut mentioned = HashSet::new();
        members.iter().for_each(|(_, value)| local_links(value, &mut mentioned));
        let mut ids = HashSet::new();
        for (i, resource) in contained.iter().enumerate().filter(|(_, r)| r.as_object().is_some()) {
            let at = path.child("contained").at(i);
            let Some(id) = resource.get("id").and_then(Json::as_str) else {
                self.error(IssueCode::Required, &at.child("id"), "a contained resource needs an id");
                continue;
            };
            if !ids.insert(id) {
                self.error(IssueCode::Duplicate, &at.child("id"), "another contained resource has this id");
            }
            let mut own = HashSet::new();
            local_links(resource, &mut own);
            if !mentioned.contains(id) && !own.contains("") {
                self.error(IssueCode::Invariant, &at, "nothing in the resource refers to this contained resource");
            }
        }
    }

    fn object(&mut self, members: &Object<'_>, shape: &Structure, path: &Path<'_>, scope: Scope<'_, '_>) {
        self.members(members, shape, path, scope);
        self.content(members, shape, path);
    }

    fn members(&mut self, members: &Object<'_>, shape: &Structure, path: &Path<'_>, scope: Scope<'_, '_>) {
        if path.depth > DEPTH_MAX {
            return self.error(IssueCode::TooLong, path, format!("nested deeper than {DEPTH_MAX} elements"));
        }
        let has_siblings = members.iter().any(|(name, _)| name.starts_with('_'));
        let mut seen = 0_u128;
        for (key, value) in members.iter() {
            if self.is_full() {
                return;
            }
            let plain = key.strip_prefix('_');
            let name = plain.unwrap_or(key);
            let Some(slot) = shape.slot(name) else {
                if key != "resourceType" || shape.kind != Kind::Resource {
                    self.unknown(key, shape, path);
                }
                continue;
            };
            let element = &shape.elements[slot.element];
            let bit = 1_u128 << slot.element;
            if seen & bit != 0 && element.is_choice {
                self.second_choice(members, shape, slot, key, path);
            }
            seen |= bit;
            match (slot.shape, plain) {
                (Shape::Primitive(Primitive::Xhtml), Some(_)) => self.unknown(key, shape, path),
                (Shape::Primitive(primitive), None) => {
                    let sibling = if has_siblings { sibling(members, name) } else { None };
                    self.primitives(value, sibling, primitive, element, slot, path, scope);
                }
                // With the value beside it, the sibling was walked along with it.
                (Shape::Primitive(_), Some(_)) if members.get(name).is_some() => {}
                (Shape::Primitive(_), Some(_)) => self.siblings(value, None, element, slot, path, scope),
                (_, Some(_)) => self.unknown(key, shape, path),
                (_, None) => self.complexes(value, element, slot, path, scope),
            }
        }
        self.missing(shape, shape.required & !seen, path);
    }

    fn missing(&mut self, shape: &Structure, mut bits: u128, path: &Path<'_>) {
        while bits != 0 {
            let element = &shape.elements[bits.trailing_zeros() as usize];
            bits &= bits - 1;
            let suffix = if element.is_choice { "[x]" } else { "" };
            let message = format!("{}{suffix} is required in {}", element.name, shape.name);
            self.error(IssueCode::Required, &path.child(element.name), message);
        }
    }

    /// ele-1 and ext-1: an element has content, an extension a value or extensions.
    fn content(&mut self, members: &Object<'_>, shape: &Structure, path: &Path<'_>) {
        if shape.kind == Kind::Resource {
            return;
        }
        if members.is_empty() {
            self.error(IssueCode::Structure, path, "an object is never empty: leave the element out");
        } else if members.len() == 1 && members.get("id").is_some() {
            self.error(IssueCode::Invariant, path, "an element needs a value, children or extensions beside its id");
        } else if shape.name == "Extension" && members.get("url").is_some() {
            let has_value = members.iter().any(|(key, _)| key.trim_start_matches('_').starts_with("value"));
            match (has_value, members.get("extension").is_some()) {
                (true, true) => {
                    self.error(IssueCode::Invariant, path, "an extension has a value or extensions, not both")
                }
                (false, false) => self.error(IssueCode::Invariant, path, "an extension needs a value or extensions"),
                _ => {}
            }
        }
    }

    /// A choice element was met before: right only as the `_` half of the same member.
    fn second_choice(&mut self, members: &Object<'_>, shape: &Structure, slot: &Slot, key: &str, path: &Path<'_>) {
        let own = |name: &str| name.trim_start_matches('_') == slot.name;
        let earlier = members.iter().take_while(|(name, _)| *name != key);
        let mut others = earlier.filter(|(name, _)| {
            !own(name) && shape.slot(name.trim_start_matches('_')).is_some_and(|s| s.element == slot.element)
        });
        let repeated = members.iter().take_while(|(name, _)| *name != key).any(|(name, _)| own(name));
        if others.next().is_some() && !repeated {
            let name = shape.elements[slot.element].name;
            self.error(IssueCode::Structure, &path.child(name), format!("only one {name}[x] is allowed"));
        }
    }

    fn unknown(&mut self, key: &str, shape: &Structure, path: &Path<'_>) {
        // A member name is the sender's text: it is repeated only when it looks like an element's name.
        let looks_like_a_name = key.len() <= 64 && key.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_');
        if !looks_like_a_name {
            return self.error(
                IssueCode::Structure,
                path,
                format!("a member here is not an element of {}", shape.name),
            );
        }
        let mut message = format!("{key} is not an element of {}", shape.name);
        if let Some(element) = shape.elements.iter().find(|e| e.is_choice && e.name == key) {
            let names = shape.slots().iter().filter(|s| shape.elements[s.element].name == element.name).map(|s| s.name);
            message.push_str(&format!("; its name carries its type: {}", list(names)));
        } else if let Some(near) = nearest(key, shape) {
            message.push_str(&format!("; {near} is"));
        }
        self.error(IssueCode::Structure, &path.child(key), message);
    }

    /// One value or an array of them, as the element's cardinality says.
    fn each<'v, 'a>(
        &mut self,
        value: &'v Json<'a>,
        element: &Element,
        path: &Path<'_>,
        mut visit: impl FnMut(&mut Self, &'v Json<'a>, Option<usize>),
    ) {
        match (value, element.is_list) {
            (Json::Array(items), true) if items.is_empty() => {
                self.error(IssueCode::Structure, path, "an array is never empty: leave the element out");
            }
            (Json::Array(items), true) => {
                for (i, item) in items.iter().enumerate() {
                    if self.is_full() {
                        return;
                    }
                    visit(self, item, Some(i));
                }
            }
            (Json::Array(_), false) => self.error(IssueCode::Structure, path, "takes one value, not an array"),
            (_, true) => self.error(IssueCode::Structure, path, "takes an array, even for one value"),
            (Json::Null, false) => self.error(IssueCode::Structure, path, "null is not a value: leave the element out"),
            (one, false) => visit(self, one, None),
        }
    }

    fn complexes(&mut self, value: &Json<'_>, element: &Element, slot: &Slot, path: &Path<'_>, scope: Scope<'_, '_>) {
        let own = place(path, element, slot);
        self.each(value, element, &own, |walk, item, index| {
            let at = index.map_or(own, |i| own.at(i));
            walk.complex(item, element, slot.shape, &at, scope);
        });
    }

    fn complex(&mut self, item: &Json<'_>, element: &Element, shape: Shape, path: &Path<'_>, scope: Scope<'_, '_>) {
        if let Shape::Resource = shape {
            let container = (element.name == "contained").then_some(scope);
            return self.resource(item, path, container);
        }
        let Some(members) = item.as_object() else {
            return self.error(IssueCode::Structure, path, "takes a JSON object");
        };
        match shape {
            Shape::Reference(targets) => {
                self.object(members, structure::reference(), path, scope);
                reference::check(self, members, targets, path, scope);
            }
            Shape::Complex(index) => {
                self.object(members, structure::by_index(index), path, scope);
                if element.is_simple_quantity && members.get("comparator").is_some() {
                    let message = "a SimpleQuantity has no comparator";
                    self.error(IssueCode::Structure, &path.child("comparator"), message);
                }
                if let Some(value_set) = element.value_set {
                    self.concept(members, value_set, path);
                }
            }
            Shape::Primitive(_) | Shape::Resource => {}
        }
    }

    /// A required binding of a CodeableConcept: one of its codings is in the value set.
    fn concept(&mut self, concept: &Object<'_>, value_set: &ValueSet, path: &Path<'_>) {
        let codings = concept.get("coding").map(Json::items).unwrap_or_default();
        let bound = codings.iter().any(|coding| match (coding.get("system"), coding.get("code")) {
            (Some(Json::String(system)), Some(Json::String(code))) => value_set.has_coding(system, code),
            _ => false,
        });
        if bound {
            return;
        }
        let right_code =
            codings.iter().any(|c| c.get("code").and_then(Json::as_str).is_some_and(|code| value_set.has_code(code)));
        let systems = list(value_set.systems.iter().map(|(system, _)| *system));
        let message = if right_code {
            format!("the coding needs a system of {}: {systems}", value_set.url)
        } else {
            let codes = list(value_set.codes());
            format!("needs a coding from {} (system {systems}): {codes}", value_set.url)
        };
        self.error(IssueCode::CodeInvalid, path, message);
    }

    #[expect(clippy::too_many_arguments, reason = "the walk's position in a primitive")]
    fn primitives(
        &mut self,
        value: &Json<'_>,
        sibling: Option<&Json<'_>>,
        primitive: Primitive,
        element: &Element,
        slot: &Slot,
        path: &Path<'_>,
        scope: Scope<'_, '_>,
    ) {
        let own = place(path, element, slot);
        let beside = sibling.and_then(Json::as_array).unwrap_or_default();
        self.each(value, element, &own, |walk, item, index| {
            let at = index.map_or(own, |i| own.at(i));
            if *item == Json::Null {
                let extended = index.and_then(|i| beside.get(i)).is_some_and(|s| *s != Json::Null);
                if !extended {
                    walk.error(
                        IssueCode::Structure,
                        &at,
                        "null stands only for a value whose extensions are beside it",
                    );
                }
                return;
            }
            walk.primitive(item, primitive, element, &at);
        });
        if let Some(sibling) = sibling {
            self.siblings(sibling, Some(value), element, slot, path, scope);
        }
    }

    fn primitive(&mut self, value: &Json<'_>, primitive: Primitive, element: &Element, at: &Path<'_>) {
        match primitive.check(value) {
            Err(PrimitiveFault::Kind(right) | PrimitiveFault::Format(right)) => {
                self.error(IssueCode::Value, at, format!("{} is {right}", primitive.name()));
            }
            Err(PrimitiveFault::Empty) => {
                self.error(IssueCode::Value, at, "text is never empty: leave the element out")
            }
            Err(PrimitiveFault::TooLong) => self.error(IssueCode::TooLong, at, "text is at most 1 MiB long"),
            Ok(()) => match (primitive, value) {
                (Primitive::Xhtml, Json::String(div)) => {
                    if let Err(fault) = narrative::check(div) {
                        let code = if fault.is_unsafe { IssueCode::Security } else { IssueCode::Invariant };
                        self.error(code, at, fault.message);
                    }
                }
                (Primitive::Code, Json::String(code)) => self.code(code, element, at),
                _ => {}
            },
        }
    }

    fn code(&mut self, code: &str, element: &Element, at: &Path<'_>) {
        let Some(value_set) = element.value_set else { return };
        if !value_set.has_code(code) {
            let message = format!("not a code of {}: {}", value_set.url, list(value_set.codes()));
            self.error(IssueCode::CodeInvalid, at, message);
        }
    }

    /// The `_name` half of a primitive: ids and extensions, aligned with the values when they repeat.
    fn siblings(
        &mut self,
        sibling: &Json<'_>,
        value: Option<&Json<'_>>,
        element: &Element,
        slot: &Slot,
        path: &Path<'_>,
        scope: Scope<'_, '_>,
    ) {
        let own = place(path, element, slot);
        let values = value.and_then(Json::as_array);
        if let (Json::Array(items), Some(values)) = (sibling, values)
            && items.len() != values.len()
        {
            self.error(
                IssueCode::Structure,
                &own,
                "the two arrays of a primitive are equally long, with null as filler",
            );
        }
        self.each(sibling, element, &own, |walk, item, index| {
            let at = index.map_or(own, |i| own.at(i));
            let beside = index.map_or(value, |i| values?.get(i)).is_some_and(|v| *v != Json::Null);
            match item {
                Json::Null if values.is_some() => {}
                // A value makes an id alone enough.
                Json::Object(members) if beside && !members.is_empty() => {
                    walk.members(members, structure::element(), &at, scope);
                }
                Json::Object(members) => walk.object(members, structure::element(), &at, scope),
                _ => walk.error(IssueCode::Structure, &at, "beside a primitive stands an object with id or extension"),
            }
        });
    }
}

/// Gathers `id` of every `#id` below.
fn local_links<'v>(value: &'v Json<'_>, into: &mut HashSet<&'v str>) {
    match value {
        Json::String(text) => into.extend(text.strip_prefix('#')),
        Json::Array(items) => items.iter().for_each(|item| local_links(item, into)),
        Json::Object(members) => members.iter().for_each(|(_, value)| local_links(value, into)),
        _ => {}
    }
}

/// Where a slot's element is: choice elements name the type that was chosen.
fn place<'p>(path: &'p Path<'p>, element: &Element, slot: &Slot) -> Path<'p> {
    let own = path.child(element.name);
    if element.is_choice { own.of_type(slot.type_name) } else { own }
}

fn sibling<'v, 'a>(members: &'v Object<'a>, name: &str) -> Option<&'v Json<'a>> {
    members.iter().find(|(key, _)| key.strip_prefix('_') == Some(name)).map(|(_, value)| value)
}

/// An element whose name differs by case or by at most two letters.
fn nearest(key: &str, shape: &Structure) -> Option<&'static str> {
    const LETTERS_MAX: usize = 2;
    let names = shape.slots().iter().map(|s| s.name);
    let close = names.map(|name| (distance(key, name), name)).min()?;
    (close.0 <= LETTERS_MAX && close.0 * 2 <= key.len()).then_some(close.1)
}

/// Levenshtein distance, letters compared without case.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let cost = usize::from(!x.eq_ignore_ascii_case(&y));
            let best = (corner + cost).min(row[j] + 1).min(row[j + 1] + 1);
            corner = row[j + 1];
            row[j + 1] = best;
        }
    }
    row[b.len()]
}
