//! Takes the search values out of a resource: one walk, every element looked at once.

use super::date::{self, Span};
use super::decimal::Decimal;
use super::systems::System;
use super::table::{self, End, Node, Reader, Step};
use super::values::{Extent, Offset, SearchValues, Value, Writer};
use crate::Json;

const CURRENCIES: &str = "urn:iso:std:iso:4217";

/// Search values of a resource; empty for an unknown type.
pub fn extract(resource: &Json<'_>) -> SearchValues {
    let mut extractor = Extractor { writer: Writer::with_capacity(), found: Vec::with_capacity(8) };
    if let Some(entry) = resource.resource_type().and_then(table::entry) {
        extractor.walk(&entry.tree, resource);
        let missing = entry.else_false.iter().filter(|p| !extractor.writer.has(**p)).copied().collect::<Vec<_>>();
        for param in missing {
            let value = extractor.writer.value(&Value::Code(b"false"));
            extractor.writer.note(param, value);
        }
    }
    extractor.writer.finish()
}

/// The type and id that a literal reference names, without version; `None` for URNs, fragments and other URLs.
pub(super) fn local_reference(text: &str) -> Option<(u8, &str)> {
    let (kind, rest) = text.split_once('/')?;
    let id = rest.split_once("/_history/").map_or(rest, |(id, _)| id);
    is_id(id).then_some(())?;
    Some((table::type_number(kind)?, id))
}

/// The last two segments of an absolute REST URL as (type, id).
pub(super) fn rest_tail(url: &str) -> Option<(u8, &str)> {
    let end = url.rfind('/')?;
    let kind = url[..end].rfind('/')? + 1;
    (kind > 1).then(|| local_reference(&url[kind..])).flatten()
}

/// A URL without `/_history/version`.
pub(super) fn unversioned(url: &str) -> &str {
    url.split_once("/_history/").map_or(url, |(url, _)| url)
}

pub(super) fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
}

pub(super) fn holds(element: &Json<'_>, step: &Step) -> bool {
    step.condition.is_none_or(|(member, value)| element.get(member).and_then(Json::as_str) == Some(value))
}

struct Extractor {
    writer: Writer,
    /// Values of the element at hand, with the type that a reference names.
    found: Vec<(Offset, Option<u8>)>,
}

impl Extractor {
    fn walk(&mut self, node: &Node, element: &Json<'_>) {
        for end in &node.ends {
            self.read(end, element);
        }
        let Some(object) = element.as_object().filter(|_| !node.edges.is_empty()) else { return };
        for (name, member) in object.iter() {
            let from = node.edges.partition_point(|(step, _)| step.member < name);
            for (step, next) in node.edges[from..].iter().take_while(|(step, _)| step.member == name) {
                for item in member.items().iter().filter(|item| holds(item, step)) {
                    self.walk(next, item);
                }
            }
        }
    }

    fn read(&mut self, end: &End, element: &Json<'_>) {
        if matches!(element, Json::Null) {
            return;
        }
        self.found.clear();
        self.values(end.reader, element);
        if self.found.is_empty() {
            self.put(&Value::Present);
        }
        for (param, target) in &end.params {
            for (value, kind) in &self.found {
                if target.is_none() || target == kind {
                    self.writer.note(*param, *value);
                }
            }
        }
    }

    fn put(&mut self, value: &Value<'_>) {
        self.put_of_type(value, None);
    }

    fn put_of_type(&mut self, value: &Value<'_>, kind: Option<u8>) {
        let offset = self.writer.value(value);
        self.found.push((offset, kind));
    }

    fn values(&mut self, reader: Reader, element: &Json<'_>) {
        match reader {
            Reader::Concept => {
                element.get("coding").map(Json::items).unwrap_or_default().iter().for_each(|c| self.coding(c));
            }
            Reader::Coding => self.coding(element),
            Reader::Identifier => {
                if let Some((system, code)) = identifier(element) {
                    self.put(&Value::Token { system, code });
                }
            }
            Reader::Contact => {
                if let Some(value) = text(element, "value") {
                    let system = System::new(text(element, "system").unwrap_or_default());
                    self.put(&Value::Contact { system, value: value.as_bytes() });
                }
            }
            Reader::Boolean => {
                if let Some(is) = element.as_bool() {
                    self.put(&Value::Code(if is { b"true" } else { b"false" }));
                }
            }
            Reader::Exists => self.put(&Value::Code(b"true")),
            Reader::Code => self.plain(element, |code| Value::Code(code)),
            Reader::Text => self.plain(element, |text| Value::Text(text)),
            Reader::Uri => self.plain(element, |uri| Value::Uri(uri)),
            Reader::Canonical => {
                if let Some(url) = element.as_str() {
                    self.literal(url);
                }
            }
            Reader::ConceptText => self.texts(element, &["text"]),
            Reader::Name => self.texts(element, &["text", "family", "given", "prefix", "suffix"]),
            Reader::Address => {
                self.texts(element, &["text", "line", "city", "district", "state", "postalCode", "country"]);
            }
            Reader::Date => {
                if let Some(span) = element.as_str().and_then(date::parse) {
                    self.put(&Value::Date(span));
                }
            }
            Reader::Period => {
                if let Some(span) = period(element) {
                    self.put(&Value::Date(span));
                }
            }
            Reader::Timing => {
                if let Some(span) = timing(element) {
                    self.put(&Value::Date(span));
                }
            }
            Reader::Reference => self.reference(element),
            Reader::Number => {
                if let Some(number) = element.as_number().and_then(Decimal::parse) {
                    self.put(&Value::Number(point(number)));
                }
            }
            Reader::NumberRange => {
                if let Some((extent, _)) = range(element) {
                    self.put(&Value::Number(extent));
                }
            }
            Reader::Quantity => self.quantity(element),
            Reader::QuantityRange => {
                if let Some((extent, unit)) = range(element) {
                    self.put(&with_unit(extent, unit));
                }
            }
            Reader::Money => {
                if let Some(number) = decimal(element) {
                    let code = text(element, "currency").unwrap_or_default().as_bytes();
                    let system = System::new(CURRENCIES);
                    self.put(&Value::Quantity { extent: point(number), system, code, unit: code });
                }
            }
        }
    }

    fn plain(&mut self, element: &Json<'_>, value: for<'v> fn(&'v [u8]) -> Value<'v>) {
        if let Some(text) = element.as_str() {
            self.put(&value(text.as_bytes()));
        }
    }

    fn texts(&mut self, element: &Json<'_>, members: &[&str]) {
        for part in members.iter().filter_map(|m| element.get(m)).flat_map(Json::items).filter_map(Json::as_str) {
            self.put(&Value::Text(part.as_bytes()));
        }
    }

    fn coding(&mut self, coding: &Json<'_>) {
        let system = System::new(text(coding, "system").unwrap_or_default());
        let code = text(coding, "code").unwrap_or_default().as_bytes();
        if system != System::None || !code.is_empty() {
            self.put(&Value::Token { system, code });
        }
    }

    fn reference(&mut self, reference: &Json<'_>) {
        let stated = text(reference, "type").and_then(table::type_number);
        if let Some(literal) = text(reference, "reference") {
            if let Some((kind, id)) = local_reference(literal) {
                self.put_of_type(&Value::Local { kind, id: id.as_bytes() }, Some(kind));
            } else if !literal.starts_with('#') {
                let kind = rest_tail(literal).map(|(kind, _)| kind).or(stated);
                self.put_of_type(&Value::Other(unversioned(literal).as_bytes()), kind);
            }
        }
        if let Some((system, code)) = reference.get("identifier").and_then(identifier) {
            self.put_of_type(&Value::Identifier { system, code }, stated);
        }
    }

    fn literal(&mut self, url: &str) {
        match local_reference(url) {
            Some((kind, id)) => self.put_of_type(&Value::Local { kind, id: id.as_bytes() }, Some(kind)),
            None if url.starts_with('#') => {}
            None => self.put(&Value::Other(unversioned(url).as_bytes())),
        }
    }

    fn quantity(&mut self, quantity: &Json<'_>) {
        let Some(number) = decimal(quantity) else { return };
        let mut extent = point(number);
        match text(quantity, "comparator") {
            Some("<") => (extent.low, extent.high_open) = (None, true),
            Some("<=") => extent.low = None,
            Some(">") => (extent.high, extent.low_open) = (None, true),
            Some(">=") => extent.high = None,
            _ => {}
        }
        self.put(&with_unit(extent, quantity));
    }
}

fn text<'a>(element: &'a Json<'_>, member: &str) -> Option<&'a str> {
    element.get(member).and_then(Json::as_str)
}

fn identifier<'a>(element: &'a Json<'_>) -> Option<(System<'a>, &'a [u8])> {
    let system = System::new(text(element, "system").unwrap_or_default());
    let value = text(element, "value").unwrap_or_default().as_bytes();
    (system != System::None || !value.is_empty()).then_some((system, value))
}

fn decimal(quantity: &Json<'_>) -> Option<Decimal> {
    quantity.get("value").and_then(Json::as_number).and_then(Decimal::parse)
}

fn point(number: Decimal) -> Extent {
    Extent { low: Some(number), high: Some(number), low_open: false, high_open: false }
}

/// The ends of a Range and the Quantity that tells the unit.
fn range<'a, 'j>(range: &'a Json<'j>) -> Option<(Extent, &'a Json<'j>)> {
    let (low, high) = (range.get("low"), range.get("high"));
    let extent = Extent { low: low.and_then(decimal), high: high.and_then(decimal), low_open: false, high_open: false };
    let unit = low.or(high)?;
    (extent.low.is_some() || extent.high.is_some()).then_some((extent, unit))
}

fn with_unit<'a>(extent: Extent, quantity: &'a Json<'_>) -> Value<'a> {
    let of = |member| text(quantity, member).unwrap_or_default();
    Value::Quantity {
        extent,
        system: System::new(of("system")),
        code: of("code").as_bytes(),
        unit: of("unit").as_bytes(),
    }
}

fn period(period: &Json<'_>) -> Option<Span> {
    let side = |member| text(period, member).and_then(date::parse);
    let (start, end) = (side("start"), side("end"));
    if start.is_none() && end.is_none() {
        return None;
    }
    Some(Span { low: start.map_or(i64::MIN, |s| s.low), high: end.map_or(i64::MAX, |s| s.high) })
}

/// R4 search.html#date: of a Timing only the outer limits matter.
fn timing(timing: &Json<'_>) -> Option<Span> {
    let events = timing.get("event").map(Json::items).unwrap_or_default();
    let bounds = timing.get("repeat").and_then(|r| r.get("boundsPeriod")).and_then(period);
    events
        .iter()
        .filter_map(|e| e.as_str().and_then(date::parse))
        .chain(bounds)
        .reduce(|a, b| Span { low: a.low.min(b.low), high: a.high.max(b.high) })
}
