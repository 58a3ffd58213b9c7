//! Writes the few JSON shapes that an AuditEvent is made of.

use std::fmt::Write as _;

pub(crate) struct Json {
    out: String,
}

impl Json {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Json { out: String::with_capacity(bytes) }
    }

    pub(crate) fn finish(self) -> String {
        self.out
    }

    pub(crate) fn open_object(&mut self) {
        self.comma();
        self.out.push('{');
    }

    pub(crate) fn open_named(&mut self, name: &str, bracket: char) {
        self.name(name);
        self.out.push(bracket);
    }

    pub(crate) fn close(&mut self, bracket: char) {
        self.out.push(bracket);
    }

    /// FHIR has no empty strings: an empty value writes nothing.
    pub(crate) fn text(&mut self, name: &str, value: &str) {
        if !value.trim().is_empty() {
            self.name(name);
            self.quoted(value);
        }
    }

    pub(crate) fn item(&mut self, value: &str) {
        self.comma();
        self.quoted(value);
    }

    pub(crate) fn raw(&mut self, name: &str, value: &str) {
        self.name(name);
        self.out.push_str(value);
    }

    pub(crate) fn coding(&mut self, system: &str, code: &str) {
        self.open_object();
        self.text("system", system);
        self.text("code", code);
        self.close('}');
    }

    pub(crate) fn coding_named(&mut self, name: &str, system: &str, code: &str) {
        self.open_named(name, '{');
        self.text("system", system);
        self.text("code", code);
        self.close('}');
    }

    pub(crate) fn concept(&mut self, system: &str, code: &str) {
        self.open_object();
        self.concept_inside(system, code);
    }

    pub(crate) fn concept_named(&mut self, name: &str, system: &str, code: &str) {
        self.open_named(name, '{');
        self.concept_inside(system, code);
    }

    pub(crate) fn identifier_named(&mut self, name: &str, system: &str, value: &str) {
        self.open_named(name, '{');
        self.open_named("identifier", '{');
        self.text("system", system);
        self.text("value", if value.trim().is_empty() { "unknown" } else { value });
        self.close('}');
        self.close('}');
    }

    pub(crate) fn reference_named(&mut self, name: &str, reference: Option<String>, system: &str, number: u64) {
        match reference {
            Some(reference) => {
                self.open_named(name, '{');
                self.text("reference", &reference);
                self.close('}');
            }
            None => self.identifier_named(name, system, &number.to_string()),
        }
    }

    pub(crate) fn network(&mut self, address: &str, kind: &str) {
        self.open_named("network", '{');
        self.text("address", address);
        self.text("type", kind);
        self.close('}');
    }

    pub(crate) fn detail(&mut self, kind: &str, value: &str) {
        self.open_object();
        self.text("type", kind);
        self.text("valueString", value);
        self.close('}');
    }

    fn concept_inside(&mut self, system: &str, code: &str) {
        self.open_named("coding", '[');
        self.coding(system, code);
        self.close(']');
        self.close('}');
    }

    fn name(&mut self, name: &str) {
        self.comma();
        self.quoted(name);
        self.out.push(':');
    }

    fn comma(&mut self) {
        if !matches!(self.out.as_bytes().last(), None | Some(b'{' | b'[' | b':')) {
            self.out.push(',');
        }
    }

    fn quoted(&mut self, value: &str) {
        self.out.push('"');
        for c in value.chars() {
            match c {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                c if c < ' ' => {
                    let _ = write!(self.out, "\\u{:04x}", c as u32);
                }
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }
}
