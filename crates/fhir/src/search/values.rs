//! The stored form of a resource's search values: small, self-contained, read in place.
//!
//! ```text
//! version  width (2 or 4: bytes of every number below)  count
//! count × { param id (2 bytes), end: where this parameter's offsets end, counted in offsets }
//! offsets into the pool, one per value
//! pool: tagged values, each stored once however many parameters see it
//! ```
//! A change of layout, tags, the known systems or type numbers raises [`VALUES_VERSION`]; nothing reads older heads then, so it needs a
//! step that extracts them again. A parameter that is added at the end does not: what was written before has no value of it.

use super::date::{DAY, MINUTE, SECOND, Span};
use super::decimal::Decimal;
use super::systems::{self, System};

pub const VALUES_VERSION: u8 = 1;

/// A longer text is searchable by its beginning only.
pub const TEXT_BYTES_MAX: usize = 1024;

/// Values are compared with this many before them; equal ones share their bytes.
const SHARED_BACK: usize = 48;

/// Extracted search values. They are ePHI: no `Debug`, no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct SearchValues(pub Vec<u8>);

impl SearchValues {
    pub fn as_ref(&self) -> ValuesRef<'_> {
        // INVARIANT: made by `Writer`, whose version is the one read.
        ValuesRef::new(&self.0).unwrap_or(ValuesRef::EMPTY)
    }
}

/// Borrowed reader. Damaged bytes yield missing values, never a panic.
#[derive(Clone, Copy)]
pub struct ValuesRef<'a> {
    index: &'a [u8],
    offsets: &'a [u8],
    pool: &'a [u8],
    wide: bool,
}

pub(super) enum Value<'a> {
    Token {
        system: System<'a>,
        code: &'a [u8],
    },
    /// A plain code, whose system the parameter implies.
    Code(&'a [u8]),
    Contact {
        system: System<'a>,
        value: &'a [u8],
    },
    /// There is an element, but nothing in it that can be compared.
    Present,
    Text(&'a [u8]),
    Date(Span),
    Local {
        kind: u8,
        id: &'a [u8],
    },
    /// Absolute and canonical URLs, URNs.
    Other(&'a [u8]),
    Identifier {
        system: System<'a>,
        code: &'a [u8],
    },
    Number(Extent),
    Quantity {
        extent: Extent,
        system: System<'a>,
        code: &'a [u8],
        unit: &'a [u8],
    },
    Uri(&'a [u8]),
}

/// From `low` to `high`, both included unless open; `None` is without end.
#[derive(Clone, Copy)]
pub(super) struct Extent {
    pub low: Option<Decimal>,
    pub high: Option<Decimal>,
    pub low_open: bool,
    pub high_open: bool,
}

mod tag {
    pub const TOKEN: u8 = 1;
    pub const CODE: u8 = 2;
    pub const CONTACT: u8 = 3;
    pub const PRESENT: u8 = 4;
    pub const TEXT: u8 = 5;
    pub const DATE: u8 = 6;
    pub const LOCAL: u8 = 7;
    pub const OTHER: u8 = 8;
    pub const IDENTIFIER: u8 = 9;
    pub const NUMBER: u8 = 10;
    pub const QUANTITY: u8 = 11;
    pub const URI: u8 = 12;
}

const POINT: u8 = 1;
const NO_LOW: u8 = 2;
const NO_HIGH: u8 = 4;
const LOW_OPEN: u8 = 8;
const HIGH_OPEN: u8 = 16;

/// Widths of the usual precisions; anything else stores its end.
const WIDTHS: [i64; 5] = [0, SECOND, 1000, MINUTE, DAY];

impl<'a> ValuesRef<'a> {
    pub const EMPTY: ValuesRef<'static> = ValuesRef { index: &[], offsets: &[], pool: &[], wide: false };

    /// `None`: another version, or not search values at all.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        let (&[version, width], rest) = bytes.split_first_chunk::<2>()?;
        if version != VALUES_VERSION || !matches!(width, 2 | 4) {
            return None;
        }
        let wide = width == 4;
        let count = number(rest, wide)?;
        let rest = &rest[usize::from(width)..];
        let (index, rest) = rest.split_at_checked(count.checked_mul(2 + usize::from(width))?)?;
        let total = index.len().checked_sub(usize::from(width)).map_or(Some(0), |at| number(&index[at..], wide))?;
        let (offsets, pool) = rest.split_at_checked(total.checked_mul(usize::from(width))?)?;
        Some(Self { index, offsets, pool, wide })
    }

    /// Codes of `Type/id` references of a parameter as (type, id).
    pub fn references(self, param: &super::Param) -> impl Iterator<Item = (&'static str, &'a str)> + use<'a> {
        self.values(param.id).filter_map(|value| match value {
            Value::Local { kind, id } => Some((super::table::type_name(kind)?, std::str::from_utf8(id).ok()?)),
            _ => None,
        })
    }

    /// References that are not `Type/id`: absolute and canonical URLs as they were written.
    pub fn foreign_references(self, param: &super::Param) -> impl Iterator<Item = &'a str> + use<'a> {
        self.values(param.id).filter_map(|value| match value {
            Value::Other(url) => std::str::from_utf8(url).ok(),
            _ => None,
        })
    }

    /// Times of a date parameter in milliseconds, from and to; an open end is as far as numbers go.
    pub fn spans_ms(self, param: &super::Param) -> impl Iterator<Item = (i64, i64)> + use<'a> {
        self.values(param.id).filter_map(|value| match value {
            Value::Date(Span { low, high }) => Some((low / 1_000, high / 1_000)),
            _ => None,
        })
    }

    #[inline]
    pub(super) fn values(self, id: u16) -> impl Iterator<Item = Value<'a>> + use<'a> {
        let width = if self.wide { 4 } else { 2 };
        let (from, to) = self.range(id).unwrap_or((0, 0));
        let offsets = self.offsets.get(from * width..to * width).unwrap_or_default();
        offsets.chunks_exact(width).filter_map(move |o| read(self.pool.get(number(o, self.wide)?..)?))
    }

    pub(super) fn is_missing(self, id: u16) -> bool {
        self.range(id).is_none()
    }

    #[inline]
    fn range(self, id: u16) -> Option<(usize, usize)> {
        let stride = if self.wide { 6 } else { 4 };
        let wanted = id.to_le_bytes();
        let at = self.index.chunks_exact(stride).position(|e| e[0] == wanted[0] && e[1] == wanted[1])?;
        let end = |at: usize| number(&self.index[at * stride + 2..], self.wide);
        Some((if at == 0 { 0 } else { end(at - 1)? }, end(at)?))
    }
}

#[inline]
fn number(bytes: &[u8], wide: bool) -> Option<usize> {
    if wide {
        bytes.first_chunk::<4>().map(|b| u32::from_le_bytes(*b) as usize)
    } else {
        bytes.first_chunk::<2>().map(|b| usize::from(u16::from_le_bytes(*b)))
    }
}

#[inline]
fn read(bytes: &[u8]) -> Option<Value<'_>> {
    let (&tag, mut rest) = bytes.split_first()?;
    let b = &mut rest;
    Some(match tag {
        tag::TOKEN => Value::Token { system: systems::read(b)?, code: counted(b)? },
        tag::CODE => Value::Code(counted(b)?),
        tag::CONTACT => Value::Contact { system: systems::read(b)?, value: counted(b)? },
        tag::PRESENT => Value::Present,
        tag::TEXT => Value::Text(counted(b)?),
        tag::DATE => Value::Date(span(b)?),
        tag::LOCAL => Value::Local { kind: byte(b)?, id: counted(b)? },
        tag::OTHER => Value::Other(counted(b)?),
        tag::IDENTIFIER => Value::Identifier { system: systems::read(b)?, code: counted(b)? },
        tag::NUMBER => Value::Number(extent(b)?),
        tag::QUANTITY => {
            Value::Quantity { extent: extent(b)?, system: systems::read(b)?, code: counted(b)?, unit: counted(b)? }
        }
        tag::URI => Value::Uri(counted(b)?),
        _ => return None,
    })
}

fn byte(bytes: &mut &[u8]) -> Option<u8> {
    let (&first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(first)
}

/// A length in seven-bit groups, then so many bytes.
#[inline]
pub(super) fn counted<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (mut length, mut shift) = (0usize, 0);
    loop {
        let next = byte(bytes)?;
        length |= usize::from(next & 0x7F) << shift;
        shift += 7;
        if next < 0x80 {
            break;
        }
        if shift > 28 {
            return None;
        }
    }
    let (text, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(text)
}

pub(super) fn put_counted(text: &[u8], out: &mut Vec<u8>) {
    let mut length = text.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(text);
}

fn span(bytes: &mut &[u8]) -> Option<Span> {
    let width = usize::from(byte(bytes)?);
    let low = long(bytes)?;
    let high = if width == 0 { long(bytes)? } else { low.checked_add(*WIDTHS.get(width)?)? };
    Some(Span { low, high })
}

fn long(bytes: &mut &[u8]) -> Option<i64> {
    let (first, rest) = bytes.split_first_chunk::<8>()?;
    *bytes = rest;
    Some(i64::from_le_bytes(*first))
}

fn extent(bytes: &mut &[u8]) -> Option<Extent> {
    let flags = byte(bytes)?;
    let low = if flags & NO_LOW == 0 { Some(Decimal::decode(bytes)?) } else { None };
    let high = match flags {
        f if f & NO_HIGH != 0 => None,
        f if f & POINT != 0 => low,
        _ => Some(Decimal::decode(bytes)?),
    };
    Some(Extent { low, high, low_open: flags & LOW_OPEN != 0, high_open: flags & HIGH_OPEN != 0 })
}

/// Where a value lies in the pool.
pub(super) type Offset = u32;

/// Collects values of one resource.
#[derive(Default)]
pub(super) struct Writer {
    pool: Vec<u8>,
    starts: Vec<Offset>,
    entries: Vec<(u16, Offset)>,
}

impl Writer {
    pub fn with_capacity() -> Self {
        Self { pool: Vec::with_capacity(512), starts: Vec::with_capacity(32), entries: Vec::with_capacity(32) }
    }

    /// Notes that a parameter has the value.
    pub fn note(&mut self, param: u16, value: Offset) {
        self.entries.push((param, value));
    }

    pub fn has(&self, param: u16) -> bool {
        self.entries.iter().any(|(p, _)| *p == param)
    }

    pub fn value(&mut self, value: &Value<'_>) -> Offset {
        let from = self.pool.len();
        let out = &mut self.pool;
        match value {
            Value::Token { system, code } => put_token(tag::TOKEN, *system, code, out),
            Value::Contact { system, value } => put_token(tag::CONTACT, *system, value, out),
            Value::Identifier { system, code } => put_token(tag::IDENTIFIER, *system, code, out),
            Value::Code(code) => put_text(tag::CODE, code, out),
            Value::Text(text) => put_text(tag::TEXT, truncated(text), out),
            Value::Other(url) => put_text(tag::OTHER, url, out),
            Value::Uri(uri) => put_text(tag::URI, uri, out),
            Value::Present => out.push(tag::PRESENT),
            Value::Date(span) => put_span(*span, out),
            Value::Local { kind, id } => {
                out.extend_from_slice(&[tag::LOCAL, *kind]);
                put_counted(id, out);
            }
            Value::Number(extent) => {
                out.push(tag::NUMBER);
                put_extent(extent, out);
            }
            Value::Quantity { extent, system, code, unit } => {
                out.push(tag::QUANTITY);
                put_extent(extent, out);
                systems::put(*system, out);
                put_counted(code, out);
                put_counted(unit, out);
            }
        }
        self.share(from)
    }

    /// The offset of an equal value stored before, or of the one at the end of the pool.
    fn share(&mut self, from: usize) -> Offset {
        let (held, new) = self.pool.split_at(from);
        let recent = &self.starts[self.starts.len().saturating_sub(SHARED_BACK)..];
        // Values are self-delimiting, so an equal beginning is an equal value.
        let same = recent.iter().copied().find(|&s| held[s as usize..].starts_with(new));
        if let Some(start) = same {
            self.pool.truncate(from);
            return start;
        }
        self.starts.push(from as Offset);
        from as Offset
    }

    pub fn finish(mut self) -> SearchValues {
        self.entries.sort_by_key(|(param, _)| *param);
        self.entries.dedup();
        let wide = self.pool.len().max(self.entries.len()) > usize::from(u16::MAX);
        let mut out = Vec::with_capacity(8 + self.entries.len() * 4 + self.pool.len());
        out.extend_from_slice(&[VALUES_VERSION, if wide { 4 } else { 2 }]);
        let put = |n: usize, out: &mut Vec<u8>| {
            let bytes = (n as u32).to_le_bytes();
            out.extend_from_slice(if wide { &bytes } else { &bytes[..2] });
        };
        put(self.entries.chunk_by(|a, b| a.0 == b.0).count(), &mut out);
        let mut end = 0;
        for group in self.entries.chunk_by(|a, b| a.0 == b.0) {
            end += group.len();
            out.extend_from_slice(&group[0].0.to_le_bytes());
            put(end, &mut out);
        }
        self.entries.iter().for_each(|(_, offset)| put(*offset as usize, &mut out));
        out.extend_from_slice(&self.pool);
        SearchValues(out)
    }
}

fn put_text(tag: u8, text: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    put_counted(text, out);
}

fn put_token(tag: u8, system: System<'_>, code: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    systems::put(system, out);
    put_counted(code, out);
}

fn put_span(span: Span, out: &mut Vec<u8>) {
    let width = span.high.checked_sub(span.low).unwrap_or_default();
    let known = WIDTHS.iter().skip(1).position(|w| *w == width).map_or(0, |at| at + 1);
    out.extend_from_slice(&[tag::DATE, known as u8]);
    out.extend_from_slice(&span.low.to_le_bytes());
    if known == 0 {
        out.extend_from_slice(&span.high.to_le_bytes());
    }
}

fn put_extent(extent: &Extent, out: &mut Vec<u8>) {
    let mut flags = 0;
    for (is, flag) in [
        (extent.low.is_none(), NO_LOW),
        (extent.high.is_none(), NO_HIGH),
        (extent.low_open, LOW_OPEN),
        (extent.high_open, HIGH_OPEN),
        (extent.low.is_some() && extent.low == extent.high, POINT),
    ] {
        flags |= if is { flag } else { 0 };
    }
    out.push(flags);
    if let Some(low) = extent.low {
        low.encode(out);
    }
    if let Some(high) = extent.high.filter(|_| flags & POINT == 0) {
        high.encode(out);
    }
}

fn truncated(text: &[u8]) -> &[u8] {
    if text.len() <= TEXT_BYTES_MAX {
        return text;
    }
    let mut end = TEXT_BYTES_MAX;
    while end > 0 && text[end] & 0xC0 == 0x80 {
        end -= 1;
    }
    &text[..end]
}
