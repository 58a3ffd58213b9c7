//! JSON as FHIR needs it: decimals keep their text, duplicate keys are an error, order is kept, depth is bounded.
//!
//! A parsed [`Json`] borrows from its input; only strings with escapes are copied. Writing a parsed tree gives the same
//! JSON value back, to the digit of every decimal (FHIR R4 §2.6.2: "1.50" and "1.5" are different decimals).

use std::borrow::Cow;
use std::fmt;

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
        let mut parser = Parser { text, bytes: text.as_bytes(), at: 0 };
        let value = parser.document().map_err(|(at, kind)| error_at(text.as_bytes(), at, kind))?;
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

/// Objects with more members than this check for duplicate keys through a set instead of by comparing pairs.
const LINEAR_KEYS_MAX: usize = 24;

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

type Fault = (usize, JsonErrorKind);

impl<'a> Parser<'a> {
    fn document(&mut self) -> Result<Json<'a>, Fault> {
        self.space();
        let value = self.value(0)?;
        self.space();
        if self.at < self.bytes.len() {
            return Err((self.at, JsonErrorKind::TrailingText));
        }
        Ok(value)
    }

    fn value(&mut self, depth: usize) -> Result<Json<'a>, Fault> {
        match self.peek()? {
            b'{' => self.object(depth + 1),
            b'[' => self.array(depth + 1),
            b'"' => Ok(Json::String(self.string()?)),
            b't' => self.word("true", Json::Bool(true)),
            b'f' => self.word("false", Json::Bool(false)),
            b'n' => self.word("null", Json::Null),
            b'-' | b'0'..=b'9' => self.number(),
            _ => Err((self.at, JsonErrorKind::UnexpectedCharacter)),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json<'a>, Fault> {
        self.enter(depth)?;
        let mut members: Vec<(Cow<'a, str>, Json<'a>)> = Vec::with_capacity(4);
        let mut names = std::collections::HashSet::new();
        if self.peek()? == b'}' {
            self.at += 1;
            return Ok(Json::Object(Object(members)));
        }
        loop {
            let name_at = self.at;
            if self.peek()? != b'"' {
                return Err((self.at, JsonErrorKind::UnexpectedCharacter));
            }
            let name = self.string()?;
            let twice = if members.len() < LINEAR_KEYS_MAX {
                members.iter().any(|(held, _)| *held == name)
            } else {
                if names.is_empty() {
                    names.extend(members.iter().map(|(held, _)| held.clone()));
                }
                !names.insert(name.clone())
            };
            if twice {
                return Err((name_at, JsonErrorKind::DuplicateKey));
            }
            self.space();
            self.expect(b':')?;
            self.space();
            let value = self.value(depth)?;
            members.push((name, value));
            self.space();
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Ok(Json::Object(Object(members)));
                }
                _ => return Err((self.at, JsonErrorKind::UnexpectedCharacter)),
            }
            self.space();
        }
    }

    fn array(&mut self, depth: usize) -> Result<Json<'a>, Fault> {
        self.enter(depth)?;
        let mut items = Vec::new();
        if self.peek()? == b']' {
            self.at += 1;
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value(depth)?);
            self.space();
            match self.peek()? {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Ok(Json::Array(items));
                }
                _ => return Err((self.at, JsonErrorKind::UnexpectedCharacter)),
            }
            self.space();
        }
    }

    /// Steps over the opening bracket and the space behind it.
    fn enter(&mut self, depth: usize) -> Result<(), Fault> {
        if depth > DEPTH_MAX {
            return Err((self.at, JsonErrorKind::TooDeep));
        }
        self.at += 1;
        self.space();
        Ok(())
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Fault> {
        self.at += 1;
        let from = self.at;
        loop {
            match self.bytes.get(self.at) {
                None => return Err((self.at, JsonErrorKind::UnexpectedEnd)),
                Some(b'"') => {
                    let text = &self.text[from..self.at];
                    self.at += 1;
                    return Ok(Cow::Borrowed(text));
                }
                Some(b'\\') => return self.escaped_string(from),
                Some(0..0x20) => return Err((self.at, JsonErrorKind::ControlCharacter)),
                Some(_) => self.at += 1,
            }
        }
    }

    fn escaped_string(&mut self, from: usize) -> Result<Cow<'a, str>, Fault> {
        let mut out = String::from(&self.text[from..self.at]);
        let mut clean_from = self.at;
        loop {
            match self.bytes.get(self.at) {
                None => return Err((self.at, JsonErrorKind::UnexpectedEnd)),
                Some(b'"') => {
                    out.push_str(&self.text[clean_from..self.at]);
                    self.at += 1;
                    return Ok(Cow::Owned(out));
                }
                Some(0..0x20) => return Err((self.at, JsonErrorKind::ControlCharacter)),
                Some(b'\\') => {
                    out.push_str(&self.text[clean_from..self.at]);
                    out.push(self.escape()?);
                    clean_from = self.at;
                }
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<char, Fault> {
        let at = self.at;
        let bad = (at, JsonErrorKind::Escape);
        let letter = *self.bytes.get(at + 1).ok_or(bad)?;
        self.at += 2;
        Ok(match letter {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.hex4().ok_or(bad)?;
                if (0xDC00..0xE000).contains(&first) {
                    return Err(bad);
                }
                if !(0xD800..0xDC00).contains(&first) {
                    return char::from_u32(first).ok_or(bad);
                }
                if self.bytes.get(self.at..self.at + 2) != Some(b"\\u") {
                    return Err(bad);
                }
                self.at += 2;
                let second = self.hex4().ok_or(bad)?;
                if !(0xDC00..0xE000).contains(&second) {
                    return Err(bad);
                }
                char::from_u32(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)).ok_or(bad)?
            }
            _ => return Err(bad),
        })
    }

    fn hex4(&mut self) -> Option<u32> {
        let digits = self.bytes.get(self.at..self.at + 4)?;
        let mut value = 0;
        for &d in digits {
            value = value * 16 + char::from(d).to_digit(16)?;
        }
        self.at += 4;
        Some(value)
    }

    fn number(&mut self) -> Result<Json<'a>, Fault> {
        let from = self.at;
        let bad = (from, JsonErrorKind::Number);
        if self.bytes[self.at] == b'-' {
            self.at += 1;
        }
        let whole = self.digits();
        if whole == 0 || (whole > 1 && self.bytes[self.at - whole] == b'0') {
            return Err(bad);
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(bad);
            }
        }
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.bytes.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                return Err(bad);
            }
        }
        Ok(Json::Number(Cow::Borrowed(&self.text[from..self.at])))
    }

    fn digits(&mut self) -> usize {
        let from = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        self.at - from
    }

    fn word(&mut self, word: &str, value: Json<'a>) -> Result<Json<'a>, Fault> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return Err((self.at, JsonErrorKind::UnexpectedCharacter));
        }
        self.at += word.len();
        Ok(value)
    }

    fn space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Result<u8, Fault> {
        self.bytes.get(self.at).copied().ok_or((self.at, JsonErrorKind::UnexpectedEnd))
    }

    fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.peek()? != byte {
            return Err((self.at, JsonErrorKind::UnexpectedCharacter));
        }
        self.at += 1;
        Ok(())
    }
}

fn error_at(input: &[u8], offset: usize, kind: JsonErrorKind) -> JsonError {
    let before = &input[..offset.min(input.len())];
    let line = 1 + before.iter().filter(|&&b| b == b'\n').count();
    let column = 1 + before.iter().rev().take_while(|&&b| b != b'\n').count();
    JsonError { kind, offset, line, column }
}
