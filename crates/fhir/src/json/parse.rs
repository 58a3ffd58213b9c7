//! From text to a tree: RFC 8259, with a bound on depth and each name once.

use std::borrow::Cow;

use super::{DEPTH_MAX, Json, JsonErrorKind, Object};

/// Objects with more members than this check for duplicate keys through a set instead of by comparing pairs.
const LINEAR_KEYS_MAX: usize = 24;

pub(super) struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

pub(super) type Fault = (usize, JsonErrorKind);

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0 }
    }

    pub(super) fn document(&mut self) -> Result<Json<'a>, Fault> {
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
