//! The R4 primitive types and their formats (FHIR R4 §2.24.0.1), coded by hand: exact, and no regex engine on the write path.

use crate::json::Json;

/// Longest string, in bytes (R4: "strings SHALL NOT exceed 1MB in size").
pub const STRING_BYTES_MAX: usize = 1024 * 1024;
const ID_CHARACTERS_MAX: usize = 64;
const UTC_OFFSET_HOURS_MAX: u32 = 14;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Primitive {
    Base64Binary,
    Boolean,
    Canonical,
    Code,
    Date,
    DateTime,
    Decimal,
    Id,
    Instant,
    Integer,
    Markdown,
    Oid,
    PositiveInt,
    String,
    Time,
    UnsignedInt,
    Uri,
    Url,
    Uuid,
    Xhtml,
}

/// What is wrong with a primitive; never its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrimitiveFault {
    /// Another JSON kind: the one that is right.
    Kind(&'static str),
    /// The JSON kind is right, the content is not: what it must be.
    Format(&'static str),
    Empty,
    TooLong,
}

const ALL: [(&str, Primitive); 20] = [
    ("base64Binary", Primitive::Base64Binary),
    ("boolean", Primitive::Boolean),
    ("canonical", Primitive::Canonical),
    ("code", Primitive::Code),
    ("date", Primitive::Date),
    ("dateTime", Primitive::DateTime),
    ("decimal", Primitive::Decimal),
    ("id", Primitive::Id),
    ("instant", Primitive::Instant),
    ("integer", Primitive::Integer),
    ("markdown", Primitive::Markdown),
    ("oid", Primitive::Oid),
    ("positiveInt", Primitive::PositiveInt),
    ("string", Primitive::String),
    ("time", Primitive::Time),
    ("unsignedInt", Primitive::UnsignedInt),
    ("uri", Primitive::Uri),
    ("url", Primitive::Url),
    ("uuid", Primitive::Uuid),
    ("xhtml", Primitive::Xhtml),
];

impl Primitive {
    pub fn named(name: &str) -> Option<Self> {
        ALL.iter().find(|(held, _)| *held == name).map(|(_, p)| *p)
    }

    pub fn name(self) -> &'static str {
        ALL.iter().find(|(_, held)| *held == self).map(|(n, _)| *n).unwrap_or_default()
    }

    /// Checks kind and format of one value. An `xhtml` value is checked here as text only.
    pub fn check(self, value: &Json<'_>) -> Result<(), PrimitiveFault> {
        match self {
            Primitive::Boolean => value.as_bool().map(|_| ()).ok_or(PrimitiveFault::Kind("true or false")),
            // Every JSON number is a FHIR decimal.
            Primitive::Decimal => value.as_number().map(|_| ()).ok_or(PrimitiveFault::Kind("a JSON number")),
            Primitive::Integer | Primitive::PositiveInt | Primitive::UnsignedInt => {
                let text = value.as_number().ok_or(PrimitiveFault::Kind("a JSON number"))?;
                self.check_integer(text)
            }
            _ => {
                let text = value.as_str().ok_or(PrimitiveFault::Kind("a JSON string"))?;
                self.check_text(text)
            }
        }
    }

    fn check_integer(self, text: &str) -> Result<(), PrimitiveFault> {
        let (min, expected) = match self {
            Primitive::PositiveInt => (1, "a whole number from 1 to 2147483647"),
            Primitive::UnsignedInt => (0, "a whole number from 0 to 2147483647"),
            _ => (i32::MIN, "a whole number from -2147483648 to 2147483647"),
        };
        let fits = text != "-0" && text.parse::<i32>().is_ok_and(|n| n >= min);
        fits.then_some(()).ok_or(PrimitiveFault::Format(expected))
    }

    fn check_text(self, text: &str) -> Result<(), PrimitiveFault> {
        if text.is_empty() {
            return Err(PrimitiveFault::Empty);
        }
        if text.len() > STRING_BYTES_MAX && self != Primitive::Base64Binary {
            return Err(PrimitiveFault::TooLong);
        }
        let (holds, expected) = match self {
            Primitive::Id => (is_id(text), "1 to 64 letters, digits, '-' or '.'"),
            Primitive::Code => (is_code(text), "without whitespace at the ends or two spaces in a row"),
            Primitive::Date => (is_date(text), "a real date: YYYY, YYYY-MM or YYYY-MM-DD"),
            Primitive::DateTime => {
                (is_date_time(text), "a real date (YYYY, YYYY-MM, YYYY-MM-DD) or YYYY-MM-DDThh:mm:ss with a time zone")
            }
            Primitive::Instant => (is_instant(text), "a real YYYY-MM-DDThh:mm:ss.sss with a time zone"),
            Primitive::Time => (is_time(text), "hh:mm:ss on a 24-hour clock, without a time zone"),
            Primitive::Oid => (is_oid(text), "urn:oid: and digits with dots, starting 0, 1 or 2"),
            Primitive::Uuid => (is_uuid(text), "urn:uuid: and a UUID in small letters"),
            Primitive::Base64Binary => (is_base64(text), "base64 with padding"),
            Primitive::Uri | Primitive::Url | Primitive::Canonical => (!has_whitespace(text), "without whitespace"),
            _ => (!has_control_characters(text), "without control characters other than tab, line feed and return"),
        };
        holds.then_some(()).ok_or(PrimitiveFault::Format(expected))
    }
}

pub fn is_id(text: &str) -> bool {
    (1..=ID_CHARACTERS_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
}

/// `YYYY`, `YYYY-MM` or `YYYY-MM-DD`, years 0001 to 9999.
pub fn is_date(text: &str) -> bool {
    date_precision(text.as_bytes()).is_some()
}

/// A date, or a full date, time and zone.
pub fn is_date_time(text: &str) -> bool {
    match text.as_bytes().get(10) {
        Some(b'T') => is_instant(text),
        _ => is_date(text),
    }
}

pub fn is_instant(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() < 20 || bytes[10] != b'T' || date_precision(&bytes[..10]) != Some(Precision::Day) {
        return false;
    }
    let Some(rest) = after_time(&bytes[11..]) else { return false };
    is_zone(rest)
}

/// `hh:mm:ss` with an optional fraction; second 60 is a leap second.
pub fn is_time(text: &str) -> bool {
    after_time(text.as_bytes()).is_some_and(<[u8]>::is_empty)
}

#[derive(PartialEq)]
enum Precision {
    Year,
    Month,
    Day,
}

fn date_precision(bytes: &[u8]) -> Option<Precision> {
    let year = number(bytes.get(..4)?)?;
    if year == 0 {
        return None;
    }
    if bytes.len() == 4 {
        return Some(Precision::Year);
    }
    let month = number(bytes.get(5..7)?)?;
    if bytes[4] != b'-' || !(1..=12).contains(&month) {
        return None;
    }
    if bytes.len() == 7 {
        return Some(Precision::Month);
    }
    let day = number(bytes.get(8..10)?)?;
    let holds = bytes.len() == 10 && bytes[7] == b'-' && (1..=days_in(year, month)).contains(&day);
    holds.then_some(Precision::Day)
}

fn days_in(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

/// What follows a leading `hh:mm:ss(.s+)?`.
fn after_time(bytes: &[u8]) -> Option<&[u8]> {
    let clock = bytes.get(..8)?;
    let hour = number(&clock[..2])?;
    let minute = number(&clock[3..5])?;
    let second = number(&clock[6..])?;
    if clock[2] != b':' || clock[5] != b':' || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let rest = &bytes[8..];
    let Some(fraction) = rest.strip_prefix(b".") else { return Some(rest) };
    let digits = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
    (digits > 0).then(|| &fraction[digits..])
}

fn is_zone(bytes: &[u8]) -> bool {
    match bytes {
        b"Z" => true,
        [b'+' | b'-', h1, h2, b':', m1, m2] => {
            let (Some(hours), Some(minutes)) = (number(&[*h1, *h2]), number(&[*m1, *m2])) else { return false };
            minutes <= 59 && (hours < UTC_OFFSET_HOURS_MAX || (hours == UTC_OFFSET_HOURS_MAX && minutes == 0))
        }
        _ => false,
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    let mut value = 0;
    for d in digits {
        value = value * 10 + u32::from(d.is_ascii_digit().then(|| d - b'0')?);
    }
    Some(value)
}

/// Tokens with single whitespace between them. As in XML Schema, a no-break space is not whitespace.
fn is_code(text: &str) -> bool {
    let mut blank_before = true;
    for b in text.bytes() {
        let blank = b.is_ascii_whitespace();
        if blank && blank_before {
            return false;
        }
        blank_before = blank;
    }
    !blank_before
}

fn is_oid(text: &str) -> bool {
    let Some(arcs) = text.strip_prefix("urn:oid:") else { return false };
    let mut arcs = arcs.split('.');
    let root = arcs.next().is_some_and(|arc| matches!(arc, "0" | "1" | "2"));
    let mut depth = 0;
    for arc in arcs {
        let number = !arc.is_empty() && arc.bytes().all(|b| b.is_ascii_digit());
        if !number || (arc.len() > 1 && arc.starts_with('0')) {
            return false;
        }
        depth += 1;
    }
    root && depth > 0
}

fn is_uuid(text: &str) -> bool {
    let Some(uuid) = text.strip_prefix("urn:uuid:") else { return false };
    uuid.len() == 36
        && uuid.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => matches!(b, b'0'..=b'9' | b'a'..=b'f'),
        })
}

/// Groups of four, whitespace between them, padding only at the end.
fn is_base64(text: &str) -> bool {
    let (mut letters, mut padding) = (0_usize, 0_usize);
    for b in text.bytes() {
        match b {
            b'=' => padding += 1,
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' if padding == 0 => letters += 1,
            b' ' | b'\t' | b'\r' | b'\n' => {}
            _ => return false,
        }
    }
    letters > 0 && padding <= 2 && (letters + padding).is_multiple_of(4)
}

fn has_whitespace(text: &str) -> bool {
    text.bytes().any(|b| b <= b' ')
}

fn has_control_characters(text: &str) -> bool {
    text.bytes().any(|b| b < b' ' && !matches!(b, b'\t' | b'\r' | b'\n'))
}
