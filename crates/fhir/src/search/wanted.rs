//! One value of a query, prepared once, and whether a stored value satisfies it. The rules of R4 search.html by kind.

use super::date::{self, Span};
use super::decimal::{Decimal, Searched};
use super::error::Problem;
use super::extract::{is_id, local_reference, unversioned};
use super::fold;
use super::query::{QueryOptions, split, unescape};
use super::sound;
use super::systems::System;
use super::table::{self, Kind, Param};
use super::values::{Extent, TEXT_BYTES_MAX, Value};

/// How a modifier has the value read.
#[derive(Clone, Copy)]
pub(super) enum Reading {
    Plain,
    Exact,
    Contains,
    Sounds,
    Identifier,
    OfType(u8),
}

pub(super) enum Wanted {
    Id(Box<str>),
    Token(WantedToken),
    Starts(Box<str>),
    Exact(Box<str>),
    Contains(Box<str>),
    /// The codes of how it sounds: any of them is enough.
    Sounds(Box<[String]>),
    Date {
        prefix: Prefix,
        span: Span,
        about: Span,
    },
    Reference(WantedReference),
    Identifier(WantedToken),
    Number {
        prefix: Prefix,
        searched: Searched,
    },
    Quantity {
        prefix: Prefix,
        searched: Searched,
        unit: WantedUnit,
    },
    Uri(Box<str>),
}

pub(super) struct WantedToken {
    system: WantedSystem,
    /// `None`: any code of the system.
    pub code: Option<Box<str>>,
    /// The code as contact points compare it.
    pub contact: Box<str>,
    /// Elements of type `code` belong to the system asked for.
    implied: bool,
}

enum WantedSystem {
    Any,
    None,
    Known(u8),
    Other(Box<str>),
}

pub(super) struct WantedReference {
    pub kind: Option<u8>,
    pub to: WantedTarget,
    /// Own base with a slash behind it: stored URLs below it are local.
    base: Box<str>,
}

pub(super) enum WantedTarget {
    Local(Box<str>),
    Url(Box<str>),
}

pub(super) enum WantedUnit {
    Any,
    /// The code or the printed unit.
    Either(Box<str>),
    Coded(WantedCode),
}

pub(super) struct WantedCode {
    system: WantedSystem,
    code: Box<str>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Prefix {
    Eq,
    Ne,
    Gt,
    Lt,
    Ge,
    Le,
    Sa,
    Eb,
    Ap,
}

impl Wanted {
    pub fn parse(
        kind: Kind,
        param: Option<&Param>,
        reading: Reading,
        text: &str,
        options: &QueryOptions<'_>,
    ) -> Result<Self, Problem> {
        if text.is_empty() {
            return Err(Problem::Empty);
        }
        match kind {
            Kind::Token if param.is_none() => {
                Ok(Wanted::Id(Some(unescape(text)).filter(|t| is_id(t)).ok_or(Problem::Value)?.into()))
            }
            Kind::Token => token(text, param).map(Wanted::Token),
            Kind::String => string(&unescape(text), reading),
            Kind::Date => date(text, options.now_ms),
            Kind::Reference => match reading {
                Reading::Identifier => token(text, None).map(Wanted::Identifier),
                Reading::OfType(kind) => reference(text, Some(kind), options.base_url),
                _ => reference(text, None, options.base_url),
            },
            Kind::Number => {
                let (prefix, number) = prefixed(text)?;
                Ok(Wanted::Number { prefix, searched: Searched::parse(number).ok_or(Problem::Value)? })
            }
            Kind::Quantity => quantity(text),
            Kind::Uri => Ok(Wanted::Uri(unescape(text).into())),
        }
    }

    #[inline]
    pub fn is_met_by(&self, value: &Value<'_>) -> bool {
        match (self, value) {
            (Wanted::Token(wanted), value) => wanted.is_met_by(value),
            (Wanted::Reference(wanted), value) => wanted.is_met_by(value),
            (Wanted::Date { prefix, span, about }, Value::Date(held)) => span_meets(*held, *prefix, *span, *about),
            (Wanted::Starts(folded), Value::Text(text)) => fold::starts_with(text, folded.as_bytes()),
            (Wanted::Exact(exact), Value::Text(text)) => exact.as_bytes() == *text,
            (Wanted::Contains(folded), Value::Text(text)) => fold::contains(text, folded),
            (Wanted::Sounds(codes), Value::Text(text)) => {
                sound::codes(&fold::text(text)).any(|code| codes.contains(&code))
            }
            (Wanted::Identifier(wanted), Value::Identifier { system, code }) => wanted.is_coded(*system, code),
            (Wanted::Number { prefix, searched }, Value::Number(held)) => extent_meets(held, *prefix, searched),
            (Wanted::Quantity { prefix, searched, unit }, Value::Quantity { extent, system, code, unit: printed }) => {
                unit.is_met_by(*system, code, printed) && extent_meets(extent, *prefix, searched)
            }
            (Wanted::Uri(uri), Value::Uri(held)) => is_canonical(held, uri),
            _ => false,
        }
    }
}

impl WantedToken {
    /// The system that was asked for by name.
    pub fn system(&self) -> Option<&str> {
        self.system.uri()
    }

    #[inline]
    fn is_met_by(&self, value: &Value<'_>) -> bool {
        match value {
            Value::Token { system, code } => self.is_coded(*system, code),
            Value::Code(code) => match self.system {
                WantedSystem::Any | WantedSystem::None => self.is_code(code, false),
                _ => self.implied && self.is_code(code, false),
            },
            Value::Contact { system, value } => {
                self.system.is(*system) && (self.code.is_none() || is_contact(value, &self.contact))
            }
            _ => false,
        }
    }

    #[inline]
    fn is_coded(&self, system: System<'_>, code: &[u8]) -> bool {
        self.system.is(system) && self.is_code(code, system.is_case_sensitive())
    }

    #[inline]
    fn is_code(&self, code: &[u8], case_sensitive: bool) -> bool {
        match &self.code {
            None => true,
            Some(wanted) if case_sensitive => wanted.as_bytes() == code,
            Some(wanted) => wanted.as_bytes().eq_ignore_ascii_case(code),
        }
    }
}

impl WantedSystem {
    fn new(uri: &str) -> Self {
        match System::new(uri) {
            System::None => WantedSystem::None,
            System::Known(number) => WantedSystem::Known(number),
            System::Other(_) => WantedSystem::Other(uri.into()),
        }
    }

    fn uri(&self) -> Option<&str> {
        match self {
            WantedSystem::Known(number) => System::known_uri(*number),
            WantedSystem::Other(uri) => Some(uri),
            WantedSystem::Any | WantedSystem::None => None,
        }
    }

    #[inline]
    fn is(&self, held: System<'_>) -> bool {
        match (self, held) {
            (WantedSystem::Any, _) | (WantedSystem::None, System::None) => true,
            (WantedSystem::Known(wanted), System::Known(held)) => *wanted == held,
            (WantedSystem::Other(wanted), System::Other(held)) => wanted.as_bytes() == held,
            _ => false,
        }
    }
}

impl WantedReference {
    #[inline]
    fn is_met_by(&self, value: &Value<'_>) -> bool {
        match (value, &self.to) {
            (Value::Local { kind, id }, WantedTarget::Local(wanted)) => {
                self.kind.is_none_or(|k| k == *kind) && wanted.as_bytes() == *id
            }
            (Value::Other(held), WantedTarget::Local(wanted)) => {
                let own = std::str::from_utf8(held).ok().and_then(|url| url.strip_prefix(&*self.base));
                own.and_then(local_reference)
                    .is_some_and(|(kind, id)| self.kind.is_none_or(|k| k == kind) && id == &**wanted)
            }
            (Value::Other(held), WantedTarget::Url(wanted)) => is_canonical(held, wanted),
            _ => false,
        }
    }
}

impl WantedUnit {
    fn is_met_by(&self, system: System<'_>, code: &[u8], printed: &[u8]) -> bool {
        match self {
            WantedUnit::Any => true,
            WantedUnit::Either(wanted) => wanted.as_bytes() == code || wanted.as_bytes() == printed,
            WantedUnit::Coded(wanted) => {
                wanted.system.is(system) && (wanted.code.is_empty() || wanted.code.as_bytes() == code)
            }
        }
    }
}

/// A canonical without a version asks for any version.
fn is_canonical(held: &[u8], wanted: &str) -> bool {
    match held.strip_prefix(wanted.as_bytes()) {
        Some(b"") => true,
        Some([b'|', ..]) => !wanted.contains('|'),
        _ => false,
    }
}

/// The part of a contact that comparing heeds: numbers without their punctuation, anything without case.
pub(super) fn contact_bytes(value: &[u8]) -> impl Iterator<Item = u8> {
    let address = value.contains(&b'@');
    let heeded = move |b: &u8| address || !matches!(b, b' ' | b'(' | b')' | b'-' | b'.' | b'/');
    value.iter().copied().filter(heeded).map(|b| b.to_ascii_lowercase())
}

fn is_contact(held: &[u8], wanted: &str) -> bool {
    contact_bytes(held).eq(wanted.bytes())
}

fn token(text: &str, param: Option<&Param>) -> Result<WantedToken, Problem> {
    let mut parts = split(text, b'|').map(unescape);
    let (first, second) = (parts.next().unwrap_or_default(), parts.next());
    if parts.next().is_some() || (first.is_empty() && second.as_ref().is_none_or(|s| s.is_empty())) {
        return Err(Problem::Value);
    }
    let (system, implied, code) = match &second {
        None => (WantedSystem::Any, false, &first),
        Some(code) => (WantedSystem::new(&first), param.is_some_and(|p| p.systems.contains(&first.as_ref())), code),
    };
    // INVARIANT: ASCII lower case keeps UTF-8.
    let contact = String::from_utf8(contact_bytes(code.as_bytes()).collect()).unwrap_or_default();
    Ok(WantedToken { system, code: (!code.is_empty()).then(|| code.as_ref().into()), contact: contact.into(), implied })
}

fn string(text: &str, reading: Reading) -> Result<Wanted, Problem> {
    // As long as what is stored of a longer text would be taken for the whole of it.
    if text.len() >= TEXT_BYTES_MAX {
        return Err(Problem::TooLong);
    }
    if let Reading::Exact = reading {
        return Ok(Wanted::Exact(text.into()));
    }
    if let Reading::Sounds = reading {
        let codes: Box<[String]> = sound::codes(text).collect();
        return if codes.is_empty() { Err(Problem::NoLetters) } else { Ok(Wanted::Sounds(codes)) };
    }
    let folded: Box<str> = fold::fold(text).into();
    if folded.is_empty() {
        return Err(Problem::NoLetters);
    }
    Ok(if let Reading::Contains = reading { Wanted::Contains(folded) } else { Wanted::Starts(folded) })
}

fn date(text: &str, now_ms: i64) -> Result<Wanted, Problem> {
    let (prefix, text) = prefixed(text)?;
    let span = date::parse(text).ok_or(Problem::Value)?;
    // R4 search.html#prefix: a tenth of the gap between now and the date.
    let now = now_ms.saturating_mul(1000);
    let gap = (span.low.saturating_sub(now)).max(now.saturating_sub(span.high)).max(0) / 10;
    let about = Span { low: span.low.saturating_sub(gap), high: span.high.saturating_add(gap) };
    Ok(Wanted::Date { prefix, span, about })
}

fn quantity(text: &str) -> Result<Wanted, Problem> {
    let parts: Vec<_> = split(text, b'|').map(unescape).collect();
    let (number, unit) = match parts.as_slice() {
        [number] => (number, WantedUnit::Any),
        [number, system, code] if system.is_empty() && code.is_empty() => (number, WantedUnit::Any),
        [number, system, code] if system.is_empty() => (number, WantedUnit::Either(code.as_ref().into())),
        [number, system, code] => {
            let (system, code) = (WantedSystem::new(system), code.as_ref().into());
            (number, WantedUnit::Coded(WantedCode { system, code }))
        }
        _ => return Err(Problem::Value),
    };
    let (prefix, number) = prefixed(number)?;
    Ok(Wanted::Quantity { prefix, searched: Searched::parse(number).ok_or(Problem::Value)?, unit })
}

fn reference(text: &str, kind: Option<u8>, base_url: &str) -> Result<Wanted, Problem> {
    let text = unescape(text);
    let base: Box<str> = format!("{}/", base_url.trim_end_matches('/')).into();
    let local = text.strip_prefix(&*base).unwrap_or(&text);
    let (kind, to) = if let Some((stated, id)) = local_reference(local) {
        if kind.is_some_and(|k| k != stated) {
            return Err(Problem::Value);
        }
        (Some(stated), WantedTarget::Local(id.into()))
    } else if is_id(&text) {
        (kind, WantedTarget::Local(text.as_ref().into()))
    } else if text.contains(':') {
        (kind, WantedTarget::Url(unversioned(&text).into()))
    } else {
        return Err(Problem::Value);
    };
    if let (WantedTarget::Url(url), Some(kind)) = (&to, kind) {
        // A URL names its type; `:Type` may only repeat it.
        if super::extract::rest_tail(url).is_some_and(|(stated, _)| stated != kind) {
            return Err(Problem::Value);
        }
    }
    Ok(Wanted::Reference(WantedReference { kind, to, base }))
}

fn prefixed(text: &str) -> Result<(Prefix, &str), Problem> {
    if !text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic()) {
        return Ok((Prefix::Eq, text));
    }
    let (name, rest) = text.split_at_checked(2).ok_or(Problem::Value)?;
    let prefix = match name {
        "eq" => Prefix::Eq,
        "ne" => Prefix::Ne,
        "gt" => Prefix::Gt,
        "lt" => Prefix::Lt,
        "ge" => Prefix::Ge,
        "le" => Prefix::Le,
        "sa" => Prefix::Sa,
        "eb" => Prefix::Eb,
        "ap" => Prefix::Ap,
        _ => return Err(Problem::Value),
    };
    Ok((prefix, rest))
}

/// R4 search.html#prefix for dates, where both sides are ranges.
pub(super) fn span_meets(held: Span, prefix: Prefix, wanted: Span, about: Span) -> bool {
    let within = wanted.low <= held.low && held.high <= wanted.high;
    match prefix {
        Prefix::Eq => within,
        Prefix::Ne => !within,
        Prefix::Gt => held.high > wanted.high,
        Prefix::Lt => held.low < wanted.low,
        Prefix::Ge => held.high > wanted.high || within,
        Prefix::Le => held.low < wanted.low || within,
        Prefix::Sa => held.low >= wanted.high,
        Prefix::Eb => held.high <= wanted.low,
        Prefix::Ap => held.low < about.high && about.low < held.high,
    }
}

/// The same for numbers: equality heeds the digits given, the other prefixes take the number as exact.
fn extent_meets(held: &Extent, prefix: Prefix, wanted: &Searched) -> bool {
    let within = || {
        let low = held.low.is_some_and(|low| low >= wanted.low);
        low && held.high.is_some_and(|high| high < wanted.high || (high == wanted.high && held.high_open))
    };
    let x = wanted.exact;
    let above = |x: Decimal, touching: bool| held.high.is_none_or(|high| high > x || (touching && high == x));
    let below = |x: Decimal, touching: bool| held.low.is_none_or(|low| low < x || (touching && low == x));
    match prefix {
        Prefix::Eq => within(),
        Prefix::Ne => !within(),
        Prefix::Gt => above(x, false),
        Prefix::Lt => below(x, false),
        Prefix::Ge => above(x, !held.high_open),
        Prefix::Le => below(x, !held.low_open),
        Prefix::Sa => held.low.is_some_and(|low| low > x || (low == x && held.low_open)),
        Prefix::Eb => held.high.is_some_and(|high| high < x || (high == x && held.high_open)),
        Prefix::Ap => above(wanted.about_low, !held.high_open) && below(wanted.about_high, !held.low_open),
    }
}

impl WantedReference {
    /// The one patient this names, if it can only be a patient.
    pub fn patient<'a>(&'a self, param: &Param) -> Option<&'a str> {
        let patient = table::type_number("Patient");
        match &self.to {
            WantedTarget::Local(id) if self.kind == patient || (self.kind.is_none() && param.only_patients()) => {
                Some(id)
            }
            _ => None,
        }
    }
}
