//! A search as it was asked: parameters, modifiers, result controls. Parsed once, then matched against many heads.

use std::borrow::Cow;

use super::error::{Problem, QueryError};
use super::table::{self, Kind, Param};
use super::wanted::{Reading, Wanted};

pub const FILTERS_MAX: usize = 64;
pub const VALUES_MAX: usize = 256;
pub const SORTS_MAX: usize = 8;
pub const INCLUDES_MAX: usize = 16;

/// What a search depends on beyond its own text.
#[derive(Clone, Copy)]
pub struct QueryOptions<'a> {
    /// Own FHIR base; references below it are local.
    pub base_url: &'a str,
    /// `Prefer: handling=lenient`: unknown and empty parameters are ignored instead of refused.
    pub lenient: bool,
    pub default_count: u32,
    pub count_max: u32,
    /// For `ap` on dates, which widens with the distance from now.
    pub now_ms: i64,
}

/// Holds what was searched for, which may be ePHI: no `Debug`.
pub struct Query {
    pub(super) resource_type: &'static str,
    pub(super) filters: Vec<Filter>,
    pub(super) sort: Vec<Sort>,
    count: u32,
    total: Total,
    summary: Option<Summary>,
    elements: Vec<String>,
    includes: Vec<Include>,
    revincludes: Vec<Include>,
    ignored: Vec<String>,
}

pub(super) struct Filter {
    pub place: Place,
    pub test: Test,
    /// Any of these is enough.
    pub any: Vec<Wanted>,
}

#[derive(Clone, Copy)]
pub(super) enum Place {
    Id,
    LastUpdated,
    Param(&'static Param),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Test {
    Any,
    None,
    Missing(bool),
}

pub(super) struct Sort {
    pub place: Place,
    pub descending: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Total {
    None,
    Estimate,
    Accurate,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Summary {
    True,
    Text,
    Data,
    Count,
    False,
}

/// `_include` and `_revinclude`: follow `param` of `source`, to resources of type `target` if that is given.
#[derive(Clone, Copy)]
pub struct Include {
    pub source: &'static str,
    pub param: &'static Param,
    pub target: Option<&'static str>,
    pub iterate: bool,
}

impl Query {
    /// Reads percent-decoded pairs.
    pub fn parse(
        resource_type: &str,
        pairs: &[(Cow<'_, str>, Cow<'_, str>)],
        options: &QueryOptions<'_>,
    ) -> Result<Self, QueryError> {
        let number = table::type_number(resource_type).and_then(table::type_name);
        let resource_type = number.ok_or_else(|| QueryError::new("", Problem::UnknownType))?;
        let mut query = Self {
            resource_type,
            filters: Vec::new(),
            sort: Vec::new(),
            count: options.default_count.min(options.count_max),
            total: Total::None,
            summary: None,
            elements: Vec::new(),
            includes: Vec::new(),
            revincludes: Vec::new(),
            ignored: Vec::new(),
        };
        for (name, value) in pairs {
            match query.pair(name, value, options) {
                Err(problem) if options.lenient && problem.is_ignored_when_lenient() => {
                    query.ignored.push(QueryError::new(name, problem).param);
                }
                other => other.map_err(|problem| QueryError::new(name, problem))?,
            }
        }
        Ok(query)
    }

    pub fn resource_type(&self) -> &'static str {
        self.resource_type
    }

    pub fn count(&self) -> u32 {
        self.count
    }

    pub fn total(&self) -> Total {
        self.total
    }

    /// `_summary`; `_count=0` asks for `count` as well (R4 search.html#count).
    pub fn summary(&self) -> Option<Summary> {
        self.summary
    }

    /// `_elements`, as sent.
    pub fn elements(&self) -> &[String] {
        &self.elements
    }

    pub fn includes(&self) -> &[Include] {
        &self.includes
    }

    pub fn revincludes(&self) -> &[Include] {
        &self.revincludes
    }

    /// Names of parameters that lenient handling left out, for the outcome in the answer.
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    pub fn is_sorted(&self) -> bool {
        !self.sort.is_empty()
    }

    /// Every parameter that the caller must be allowed to see the elements of: filters, sorts, reverse includes.
    pub fn params(&self) -> impl Iterator<Item = &'static Param> {
        self.matched_on().chain(self.includes.iter().chain(&self.revincludes).map(|i| i.param))
    }

    /// The parameters that decide what matches and in what order: a match tells what they look at.
    pub fn matched_on(&self) -> impl Iterator<Item = &'static Param> {
        let places = self.filters.iter().map(|f| f.place).chain(self.sort.iter().map(|s| s.place));
        places.filter_map(|place| match place {
            Place::Param(param) => Some(param),
            Place::Id | Place::LastUpdated => None,
        })
    }

    /// The systems that the filters of a token parameter name.
    pub fn systems<'q>(&'q self, code: &'q str) -> impl Iterator<Item = &'q str> {
        let named = move |f: &&Filter| matches!(f.place, Place::Param(param) if param.code == code);
        self.filters.iter().filter(named).flat_map(|f| &f.any).filter_map(|wanted| match wanted {
            Wanted::Token(token) => token.system(),
            _ => None,
        })
    }

    fn pair(&mut self, name: &str, value: &str, options: &QueryOptions<'_>) -> Result<(), Problem> {
        let (code, modifier) = name.split_once(':').map_or((name, None), |(code, m)| (code, Some(m)));
        match (code, modifier) {
            ("_format" | "_pretty", None) => return Ok(()),
            ("_sort", None) => return self.sort_by(value),
            ("_count", None) => return self.count_of(value, options),
            ("_total", None) => return self.total_of(value),
            ("_summary", None) => return self.summary_of(value),
            ("_elements", None) => return self.elements_of(value),
            ("_include", modifier) => return self.include(value, modifier, false),
            ("_revinclude", modifier) => return self.include(value, modifier, true),
            ("_has", _) => return Err(Problem::ReverseChain),
            _ if name.contains('.') => return Err(Problem::Chain),
            _ => {}
        }
        let (place, sounds) = match table::sounding(self.resource_type, code) {
            Some(name) => (Place::Param(name), true),
            None => (self.place(code)?, false),
        };
        if self.filters.len() == FILTERS_MAX {
            return Err(Problem::TooMany);
        }
        if value.is_empty() {
            return Err(Problem::Empty);
        }
        let filter = filter(place, modifier, sounds, value, options)?;
        self.filters.push(filter);
        Ok(())
    }

    fn place(&self, code: &str) -> Result<Place, Problem> {
        let param = table::find(self.resource_type, code).ok_or(Problem::Unknown)?;
        Ok(match code {
            "_id" => Place::Id,
            "_lastUpdated" => Place::LastUpdated,
            _ => Place::Param(param),
        })
    }

    fn sort_by(&mut self, value: &str) -> Result<(), Problem> {
        for rule in value.split(',') {
            let (code, descending) = rule.strip_prefix('-').map_or((rule, false), |code| (code, true));
            let place = self.place(code).map_err(|_| Problem::SortKey)?;
            if self.sort.len() == SORTS_MAX {
                return Err(Problem::TooMany);
            }
            self.sort.push(Sort { place, descending });
        }
        Ok(())
    }

    fn count_of(&mut self, value: &str, options: &QueryOptions<'_>) -> Result<(), Problem> {
        let count: u32 = value.parse().map_err(|_| Problem::Value)?;
        self.count = count.min(options.count_max);
        if count == 0 {
            self.summary = Some(Summary::Count);
        }
        Ok(())
    }

    fn total_of(&mut self, value: &str) -> Result<(), Problem> {
        self.total = match value {
            "none" => Total::None,
            "estimate" => Total::Estimate,
            "accurate" => Total::Accurate,
            _ => return Err(Problem::Value),
        };
        Ok(())
    }

    fn summary_of(&mut self, value: &str) -> Result<(), Problem> {
        self.summary = Some(match value {
            "true" => Summary::True,
            "text" => Summary::Text,
            "data" => Summary::Data,
            "count" => Summary::Count,
            "false" => Summary::False,
            _ => return Err(Problem::Value),
        });
        Ok(())
    }

    fn elements_of(&mut self, value: &str) -> Result<(), Problem> {
        for element in value.split(',').map(str::trim) {
            if element.is_empty() || !element.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.') {
                return Err(Problem::Value);
            }
            if self.elements.len() == VALUES_MAX {
                return Err(Problem::TooMany);
            }
            self.elements.push(element.to_owned());
        }
        Ok(())
    }

    fn include(&mut self, value: &str, modifier: Option<&str>, reverse: bool) -> Result<(), Problem> {
        let iterate = match modifier {
            None => false,
            Some("iterate" | "recurse") => true,
            Some(_) => return Err(Problem::Modifier),
        };
        if value == "*" || value.contains(":*") {
            return Err(Problem::IncludeAll);
        }
        let mut parts = value.split(':');
        let (Some(source), Some(code)) = (parts.next(), parts.next()) else { return Err(Problem::Value) };
        let named = |t: &str| table::type_number(t).and_then(table::type_name).ok_or(Problem::Value);
        let target = parts.next().map(named).transpose()?;
        let source = named(source)?;
        let param = table::find(source, code).filter(|p| p.kind == Kind::Reference).ok_or(Problem::IncludeParam)?;
        if parts.next().is_some() || (!reverse && !iterate && source != self.resource_type) {
            return Err(Problem::Value);
        }
        let list = if reverse { &mut self.revincludes } else { &mut self.includes };
        if list.len() == INCLUDES_MAX {
            return Err(Problem::TooMany);
        }
        list.push(Include { source, param, target, iterate });
        Ok(())
    }
}

fn filter(
    place: Place,
    modifier: Option<&str>,
    sounds: bool,
    value: &str,
    options: &QueryOptions<'_>,
) -> Result<Filter, Problem> {
    let kind = match place {
        Place::Id => Kind::Token,
        Place::LastUpdated => Kind::Date,
        Place::Param(param) => param.kind,
    };
    if modifier == Some("missing") {
        let missing = value.parse().map_err(|_| Problem::Value)?;
        return Ok(Filter { place, test: Test::Missing(missing), any: Vec::new() });
    }
    let (reading, test) = match (kind, modifier) {
        (Kind::String, None) if sounds => (Reading::Sounds, Test::Any),
        (_, Some(_)) if sounds => return Err(Problem::Modifier),
        (_, None) => (Reading::Plain, Test::Any),
        (Kind::Token, Some("not")) => (Reading::Plain, Test::None),
        (Kind::String, Some("exact")) => (Reading::Exact, Test::Any),
        (Kind::String, Some("contains")) => (Reading::Contains, Test::Any),
        (Kind::Reference, Some("identifier")) => (Reading::Identifier, Test::Any),
        (Kind::Reference, Some(name)) if table::type_number(name).is_some() => {
            (Reading::OfType(table::type_number(name).ok_or(Problem::Modifier)?), Test::Any)
        }
        _ => return Err(Problem::Modifier),
    };
    let param = match place {
        Place::Param(param) => Some(param),
        Place::Id | Place::LastUpdated => None,
    };
    let any =
        split(value, b',').map(|v| Wanted::parse(kind, param, reading, v, options)).collect::<Result<Vec<_>, _>>()?;
    if any.len() > VALUES_MAX {
        return Err(Problem::TooMany);
    }
    Ok(Filter { place, test, any })
}

/// Splits where the separator is not escaped; pieces stay escaped.
pub(super) fn split(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let held = rest?;
        let bytes = held.as_bytes();
        let mut at = 0;
        while at < bytes.len() && bytes[at] != separator {
            at += 1 + usize::from(bytes[at] == b'\\');
        }
        rest = held.get(at + 1..).filter(|_| at < bytes.len());
        Some(held.get(..at).unwrap_or(held))
    })
}

/// Takes the escapes of R4 search.html#escaping away: `\,` `\|` `\$` `\\`.
pub(super) fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        match (c, letters.peek()) {
            ('\\', Some(&next)) if matches!(next, ',' | '|' | '$' | '\\') => {
                out.push(next);
                letters.next();
            }
            _ => out.push(c),
        }
    }
    Cow::Owned(out)
}
