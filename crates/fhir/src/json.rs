//! JSON as FHIR needs it: decimals keep their text, duplicate keys are an error, order is kept, depth is bounded.
//!
//! A parsed [`Json`] borrows from its input; only strings with escapes are copied. Writing a parsed tree gives the same
//! JSON value back, to the digit of every decimal (FHIR R4 §2.6.2: "1.50" and "1.5" are different decimals).

mod parse;

use std::borrow::Cow;
use std::fmt;

use parse::Parser;

/// Deepest nesting accepted, counted in arrays and objects.
pub const DEPTH_MAX: usize = 64;

#[derive(Clone, PartialEq)]
pub enum Json<'a> {
    Null,
    Bool(bool),
    /// The number's own text.
    Number(Cow<'a, str>),
    String(Cow<'a, str>),
    Array(Vec<Json<'a>>),
    Object(Object<'a>),
}

/// Members in input order; names are unique.
#[derive(Clone, PartialEq, Default)]
pub struct Object<'a>(Vec<(Cow<'a, str>, Json<'a>)>);

/// Never carries a value: what is wrong and where (byte offset, line and column from 1).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at line {line}, column {column}")]
pub struct JsonError {
    pub kind: JsonErrorKind,
    pub offset: usize,
    pub line: usize,
    pub column: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonErrorKind {
    #[error("the text is not UTF-8")]
    NotUtf8,
    #[error("the text ends too early")]
    UnexpectedEnd,
    #[error("unexpected character")]
    UnexpectedCharacter,
    #[error("malformed number")]
    Number,
    #[error("malformed string escape")]
    Escape,
    #[error("control character in a string")]
    ControlCharacter,
    #[error("the same key twice in one object")]
    DuplicateKey,
    #[error("nested deeper than {DEPTH_MAX}")]
    TooDeep,
    #[error("text after the end of the value")]
    TrailingText,
}

impl<'a> Json<'a> {
    /// Parses one JSON value that fills the whole input (RFC 8259; a byte order mark is refused).
    pub fn parse(input: &'a [u8]) -> Result<Self, JsonError> {
        let text = std::str::from_utf8(input).map_err(|e| error_at(input, e.valid_up_to(), JsonErrorKind::NotUtf8))?;
        Self::parse_str(text)
    }

    pub fn parse_str(text: &'a str) -> Result<Self, JsonError> {
        let value = Parser::new(text).document().map_err(|(at, kind)| error_at(text.as_bytes(), at, kind))?;
        Ok(value)
    }

    pub fn string(text: impl Into<Cow<'a, str>>) -> Self {
        Json::String(text.into())
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Json::String(s) => Some(s),
            _ => None,
        }
    }

    /// The text of a number.
    pub fn as_number(&self) -> Option<&str> {
        match self {
            Json::Number(n) => Some(n),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Json::Bool(b) => Some(*b),
            _ => None,
        }
    }

    pub fn as_array(&self) -> Option<&[Json<'a>]> {
        match self {
            Json::Array(items) => Some(items),
            _ => None,
        }
    }

    pub fn as_object(&self) -> Option<&Object<'a>> {
        match self {
            Json::Object(object) => Some(object),
            _ => None,
        }
    }

    pub fn as_object_mut(&mut self) -> Option<&mut Object<'a>> {
        match self {
            Json::Object(object) => Some(object),
            _ => None,
        }
    }

    pub fn as_array_mut(&mut self) -> Option<&mut Vec<Json<'a>>> {
        match self {
            Json::Array(items) => Some(items),
            _ => None,
        }
    }

    /// A member of an object; `None` for anything else.
    pub fn get(&self, name: &str) -> Option<&Json<'a>> {
        self.as_object()?.get(name)
    }

    /// The elements of an array, the value itself when it is a single one, nothing for null: how FHIRPath sees a member.
    pub fn items(&self) -> &[Json<'a>] {
        match self {
            Json::Array(items) => items,
            Json::Null => &[],
            one => std::slice::from_ref(one),
        }
    }

    /// `resourceType` of an object.
    pub fn resource_type(&self) -> Option<&str> {
        self.get("resourceType")?.as_str()
    }

    /// The same value without borrows.
    pub fn into_owned(self) -> Json<'static> {
        match self {
            Json::Null => Json::Null,
            Json::Bool(b) => Json::Bool(b),
            Json::Number(n) => Json::Number(Cow::Owned(n.into_owned())),
            Json::String(s) => Json::String(Cow::Owned(s.into_owned())),
            Json::Array(items) => Json::Array(items.into_iter().map(Json::into_owned).collect()),
            Json::Object(o) => Json::Object(Object(
                o.0.into_iter().map(|(k, v)| (Cow::Owned(k.into_owned()), v.into_owned())).collect(),
            )),
        }
    }

    /// Appends compact JSON.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Json::Null => out.extend_from_slice(b"null"),
            Json::Bool(true) => out.extend_from_slice(b"true"),
            Json::Bool(false) => out.extend_from_slice(b"false"),
            Json::Number(text) => out.extend_from_slice(text.as_bytes()),
            Json::String(text) => write_string(text, out),
            Json::Array(items) => {
                out.push(b'[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    item.write(out);
                }
                out.push(b']');
            }
            Json::Object(object) => {
                out.push(b'{');
                for (i, (name, value)) in object.0.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    write_string(name, out);
                    out.push(b':');
                    value.write(out);
                }
                out.push(b'}');
            }
        }
    }

    pub fn to_vec(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    /// Appends JSON indented by two spaces (`_pretty=true`).
    pub fn write_pretty(&self, indent: usize, out: &mut Vec<u8>) {
        let line = |depth: usize, out: &mut Vec<u8>| {
            out.push(b'\n');
            out.resize(out.len() + depth * 2, b' ');
        };
        match self {
            Json::Array(items) if !items.is_empty() => {
                out.push(b'[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    line(indent + 1, out);
                    item.write_pretty(indent + 1, out);
                }
                line(indent, out);
                out.push(b']');
            }
            Json::Object(object) if !object.0.is_empty() => {
                out.push(b'{');
                for (i, (name, value)) in object.0.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    line(indent + 1, out);
                    write_string(name, out);
                    out.extend_from_slice(b": ");
                    value.write_pretty(indent + 1, out);
                }
                line(indent, out);
                out.push(b'}');
            }
            other => other.write(out),
        }
    }
}

impl<'a> Object<'a> {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn get(&self, name: &str) -> Option<&Json<'a>> {
        self.0.iter().find(|(k, _)| k == name).map(|(_, v)| v)
    }

    pub fn get_mut(&mut self, name: &str) -> Option<&mut Json<'a>> {
        self.0.iter_mut().find(|(k, _)| k == name).map(|(_, v)| v)
    }

    /// Replaces the member in place, or appends it.
    pub fn set(&mut self, name: impl Into<Cow<'a, str>>, value: Json<'a>) {
        let name = name.into();
        match self.get_mut(&name) {
            Some(held) => *held = value,
            None => self.0.push((name, value)),
        }
    }

    pub fn remove(&mut self, name: &str) -> Option<Json<'a>> {
        let at = self.0.iter().position(|(k, _)| k == name)?;
        Some(self.0.remove(at).1)
    }

    pub fn retain(&mut self, mut keep: impl FnMut(&str, &mut Json<'a>) -> bool) {
        self.0.retain_mut(|(k, v)| keep(k, v));
    }

    /// A new object of the members for which `keep` has a value, names and order as here.
    pub fn filter_map(&self, mut keep: impl FnMut(&str, &Json<'a>) -> Option<Json<'a>>) -> Self {
        Object(self.0.iter().filter_map(|(k, v)| Some((k.clone(), keep(k, v)?))).collect())
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Json<'a>)> {
        self.0.iter().map(|(k, v)| (k.as_ref(), v))
    }

    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = (&str, &mut Json<'a>)> {
        self.0.iter_mut().map(|(k, v)| {
            let name: &Cow<'a, str> = k;
            (name.as_ref(), v)
        })
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> FromIterator<(Cow<'a, str>, Json<'a>)> for Object<'a> {
    /// Later members replace earlier ones of the same name.
    fn from_iter<T: IntoIterator<Item = (Cow<'a, str>, Json<'a>)>>(members: T) -> Self {
        let mut object = Object::new();
        for (name, value) in members {
            object.set(name, value);
        }
        object
    }
}

/// A tree may hold ePHI, so its `Debug` shows none of it.
impl fmt::Debug for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Json[redacted]")
    }
}

impl fmt::Debug for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Object[redacted]")
    }
}

/// Appends `text` as a JSON string with the escapes RFC 8259 requires.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut clean_from = 0;
    for (i, &b) in bytes.iter().enumerate() {
        if b >= 0x20 && b != b'"' && b != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[clean_from..i]);
        clean_from = i + 1;
        match b {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(b >> 4)]);
                out.push(HEX[usize::from(b & 15)]);
            }
        }
    }
    out.extend_from_slice(&bytes[clean_from..]);
    out.push(b'"');
}

fn error_at(input: &[u8], offset: usize, kind: JsonErrorKind) -> JsonError {
    let before = &input[..offset.min(input.len())];
    let line = 1 + before.iter().filter(|&&b| b == b'\n').count();
    let column = 1 + before.iter().rev().take_while(|&&b| b != b'\n').count();
    JsonError { kind, offset, line, column }
}
