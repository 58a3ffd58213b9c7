//! Writes JSON text straight through: no tree, and every number keeps the digits it is given.

use std::fmt::{Display, Write as _};

use super::terms::Coding;

#[derive(Default)]
pub(super) struct Writer {
    pub(super) out: String,
    pub(super) entries: usize,
}

impl Writer {
    /// A comma, unless this is the first thing in its object or array or the value of a member.
    fn separate(&mut self) {
        if !matches!(self.out.as_bytes().last(), None | Some(b'{' | b'[' | b':')) {
            self.out.push(',');
        }
    }

    fn key(&mut self, name: &str) {
        self.separate();
        self.out.push('"');
        self.out.push_str(name);
        self.out.push_str("\":");
    }

    /// An object as an array item or at the top.
    pub(super) fn item(&mut self, body: impl FnOnce(&mut Self)) {
        self.separate();
        self.out.push('{');
        body(self);
        self.out.push('}');
    }

    pub(super) fn object(&mut self, name: &str, body: impl FnOnce(&mut Self)) {
        self.key(name);
        self.out.push('{');
        body(self);
        self.out.push('}');
    }

    pub(super) fn array(&mut self, name: &str, body: impl FnOnce(&mut Self)) {
        self.key(name);
        self.out.push('[');
        body(self);
        self.out.push(']');
    }

    /// An array of one object.
    pub(super) fn one(&mut self, name: &str, body: impl FnOnce(&mut Self)) {
        self.array(name, |w| w.item(body));
    }

    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.key(name);
        self.quoted(value);
    }

    /// A value whose display needs no escapes: dates, ids, urns.
    pub(super) fn plain(&mut self, name: &str, value: impl Display) {
        self.key(name);
        self.out.push('"');
        let _ = write!(self.out, "{value}");
        self.out.push('"');
    }

    /// A number or boolean as it stands.
    pub(super) fn raw(&mut self, name: &str, value: impl Display) {
        self.key(name);
        let _ = write!(self.out, "{value}");
    }

    pub(super) fn text_item(&mut self, value: &str) {
        self.separate();
        self.quoted(value);
    }

    /// The members of an object that is written as JSON already.
    pub(super) fn members(&mut self, object: &str) {
        let inner = object.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        self.separate();
        self.out.push_str(inner.unwrap_or_default().trim());
    }

    fn quoted(&mut self, value: &str) {
        self.out.push('"');
        for c in value.chars() {
            match c {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                c if c < ' ' => {
                    let _ = write!(self.out, "\\u{:04x}", c as u32);
                }
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }

    pub(super) fn coding_body(&mut self, coding: &Coding) {
        self.text("system", coding.system);
        self.text("code", coding.code);
        self.text("display", coding.display);
    }

    fn concept_body(&mut self, codings: &[Coding], text: &str) {
        self.array("coding", |w| {
            for coding in codings {
                w.item(|w| w.coding_body(coding));
            }
        });
        self.text("text", text);
    }

    pub(super) fn concept(&mut self, name: &str, codings: &[Coding], text: &str) {
        self.object(name, |w| w.concept_body(codings, text));
    }

    /// A list of one CodeableConcept with one coding; its text is the coding's display.
    pub(super) fn concepts(&mut self, name: &str, coding: &Coding) {
        self.one(name, |w| w.concept_body(std::slice::from_ref(coding), coding.display));
    }

    pub(super) fn reference(&mut self, name: &str, target: impl Display) {
        self.object(name, |w| w.plain("reference", target));
    }

    pub(super) fn references<T: Display>(&mut self, name: &str, targets: &[T]) {
        self.array(name, |w| {
            for target in targets {
                w.item(|w| w.plain("reference", target));
            }
        });
    }

    pub(super) fn quantity(&mut self, name: &str, value: impl Display, unit: &str, code: &str) {
        self.object(name, |w| {
            w.raw("value", value);
            w.text("unit", unit);
            w.text("system", super::terms::UCUM);
            w.text("code", code);
        });
    }

    pub(super) fn identifier(&mut self, system: &str, value: impl Display) {
        self.one("identifier", |w| {
            w.text("system", system);
            w.plain("value", value);
        });
    }

    pub(super) fn profile(&mut self, url: &str) {
        self.object("meta", |w| w.array("profile", |w| w.text_item(url)));
    }

    pub(super) fn period(&mut self, name: &str, start: impl Display, end: Option<impl Display>) {
        self.object(name, |w| {
            w.plain("start", start);
            if let Some(end) = end {
                w.plain("end", end);
            }
        });
    }
}
