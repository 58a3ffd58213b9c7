//! Keywords for the index of searches across patients. Their one law: whatever a query matches carries, for each list that
//! the query offers, at least one keyword of that list. The matcher decides afterwards, so a keyword may mean too much.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use super::date::{Span, day_number, month_number};
use super::extract::rest_tail;
use super::fold;
use super::query::{Filter, Place, Query, Test};
use super::sound;
use super::table::{self, Kind, Param};
use super::values::{Value, ValuesRef};
use super::wanted::{Prefix, Wanted, WantedTarget, contact_bytes};

/// At most so many per resource; the table of postings is checked against it.
pub const KEYWORDS_MAX: usize = 36;

const POSTINGS: &str = include_str!("../../tables/search_keywords.txt");

/// A query that needs more keywords than this for one parameter does not use that parameter.
const ALTERNATIVES_MAX: usize = 62;
/// Letters in the two lengths of name keywords.
const NAME_SHORT: usize = 1;
const NAME_LONG: usize = 3;
const SEPARATOR: u8 = 0x1F;

/// Canonical bytes of (type, parameter, rule, normalized value). ePHI: no `Debug`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Keyword(pub Vec<u8>);

struct Posting {
    param: &'static Param,
    rule: Rule,
    max: usize,
    /// Parameters whose values are all among those of `param`.
    also: Vec<&'static str>,
}

/// In order of how few resources one keyword names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rule {
    Identifier,
    Uri,
    Contact,
    Day,
    Reference,
    Name,
    Sound,
    Token,
    Month,
}

/// Appends the keywords of a resource: its type, and what the postings table says of it.
pub fn keywords(resource_type: &str, values: ValuesRef<'_>, out: &mut Vec<Keyword>) {
    out.push(Keyword(resource_type.into()));
    for posting in postings(resource_type) {
        let mut found = BTreeSet::new();
        let held = values.values(posting.param.id);
        let complete = match posting.rule {
            Rule::Day | Rule::Month => posting.put_time(held, &mut found),
            _ => {
                held.for_each(|value| posting.put(&value, &mut found));
                true
            }
        };
        if complete && found.len() <= posting.max {
            out.extend(found);
        } else {
            out.push(posting.overflow());
        }
    }
}

impl Query {
    /// Lists to choose from, best first; the union of the candidates of any one list contains every match. The last is
    /// always the type alone.
    pub fn keywords(&self) -> Vec<Vec<Keyword>> {
        let mut ranked: Vec<(Rule, usize, Vec<Keyword>)> = Vec::new();
        for posting in postings(self.resource_type) {
            let mut push = |mut list: BTreeSet<Keyword>| {
                if (1..=ALTERNATIVES_MAX).contains(&list.len()) {
                    list.insert(posting.overflow());
                    ranked.push((posting.rule, list.len(), list.into_iter().collect()));
                }
            };
            let filters = self.filters.iter().filter(|f| f.test == Test::Any && posting.serves(f));
            if let Rule::Day | Rule::Month = posting.rule {
                filters.clone().filter_map(|f| posting.times_of(f)).for_each(&mut push);
                if let Some(window) = window(filters) {
                    push(posting.buckets(window));
                }
            } else {
                filters.filter_map(|f| posting.keywords_of(f)).for_each(&mut push);
            }
        }
        ranked.sort_by_key(|(rule, count, _)| (*rule, *count));
        let mut lists: Vec<Vec<Keyword>> = ranked.into_iter().map(|(_, _, list)| list).collect();
        lists.push(vec![Keyword(self.resource_type.into())]);
        lists
    }
}

impl Posting {
    fn serves(&self, filter: &Filter) -> bool {
        match filter.place {
            Place::Param(param) => param.id == self.param.id || self.also.contains(&param.code),
            Place::Id | Place::LastUpdated => false,
        }
    }

    fn keyword(&self, mark: u8, value: impl IntoIterator<Item = u8>) -> Keyword {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend_from_slice(self.param.resource_type.as_bytes());
        bytes.push(SEPARATOR);
        bytes.extend_from_slice(self.param.code.as_bytes());
        bytes.extend_from_slice(&[SEPARATOR, mark]);
        bytes.extend(value);
        Keyword(bytes)
    }

    /// Stands for "more values than are listed one by one"; every query asks for it too.
    fn overflow(&self) -> Keyword {
        self.keyword(b'+', [])
    }

    fn code(&self, code: &[u8]) -> Keyword {
        self.keyword(b'=', code.iter().map(u8::to_ascii_lowercase))
    }

    fn put(&self, value: &Value<'_>, found: &mut BTreeSet<Keyword>) {
        match (self.rule, value) {
            (Rule::Identifier | Rule::Token, Value::Token { code, .. } | Value::Code(code)) if !code.is_empty() => {
                found.insert(self.code(code));
            }
            (Rule::Contact, Value::Contact { value, .. }) => {
                found.insert(self.keyword(b'=', contact_bytes(value)));
            }
            (Rule::Name, Value::Text(text)) => {
                let folded = fold::fold(&fold::text(text));
                found.extend(self.beginning(&folded, NAME_SHORT));
                found.extend(self.beginning(&folded, NAME_LONG));
            }
            (Rule::Sound, Value::Text(text)) => {
                found.extend(sound::codes(&fold::text(text)).map(|code| self.sound(&code)));
            }
            (Rule::Reference, Value::Local { id, .. }) => {
                found.insert(self.keyword(b'=', id.iter().copied()));
            }
            (Rule::Reference, Value::Other(url)) => {
                found.insert(self.url(&fold::text(url)));
            }
            (Rule::Uri, Value::Uri(uri)) => {
                found.insert(self.keyword(b'=', before_version(&fold::text(uri)).bytes()));
            }
            _ => {}
        }
    }

    /// Whether the one value fits into as many buckets as are posted; several values never do, so that a window made of
    /// two conditions may take them to speak of the same value.
    fn put_time<'a>(&self, mut held: impl Iterator<Item = Value<'a>>, found: &mut BTreeSet<Keyword>) -> bool {
        match (held.next(), held.next()) {
            (None | Some(Value::Present), None) => true,
            (Some(Value::Date(span)), None) => {
                found.extend(self.buckets(span));
                !found.is_empty()
            }
            _ => false,
        }
    }

    /// Keywords of the first letters, if there are so many.
    fn beginning(&self, folded: &str, letters: usize) -> Option<Keyword> {
        let (last, c) = folded.char_indices().nth(letters - 1)?;
        Some(self.keyword(b'0' + letters as u8, folded[..last + c.len_utf8()].bytes()))
    }

    /// References go by id alone: a query may leave the type out, and own URLs may have been stored whole.
    fn url(&self, url: &str) -> Keyword {
        let url = before_version(url);
        let id = rest_tail(url).map(|(_, id)| id);
        self.keyword(b'=', id.unwrap_or(url).bytes())
    }

    /// Every bucket that a span touches; none if there are too many to list.
    fn buckets(&self, span: Span) -> BTreeSet<Keyword> {
        if span.low == i64::MIN || span.high == i64::MAX || span.low >= span.high {
            return BTreeSet::new();
        }
        let number = if self.rule == Rule::Day { day_number } else { month_number };
        let (first, last) = (number(span.low), number(span.high - 1));
        if last - first >= ALTERNATIVES_MAX as i64 {
            return BTreeSet::new();
        }
        (first..=last).map(|n| self.keyword(b'=', n.to_string().into_bytes())).collect()
    }

    /// `None` where a value does not narrow.
    fn keywords_of(&self, filter: &Filter) -> Option<BTreeSet<Keyword>> {
        let mut all = BTreeSet::new();
        for wanted in &filter.any {
            match wanted {
                Wanted::Sounds(codes) if self.rule == Rule::Sound => {
                    all.extend(codes.iter().map(|code| self.sound(code)))
                }
                wanted => all.extend([self.keyword_of(wanted)?]),
            }
        }
        Some(all)
    }

    fn sound(&self, code: &str) -> Keyword {
        self.keyword(b'~', code.bytes())
    }

    fn keyword_of(&self, wanted: &Wanted) -> Option<Keyword> {
        match (self.rule, wanted) {
            (Rule::Contact, Wanted::Token(token)) => {
                token.code.as_ref().map(|_| self.keyword(b'=', token.contact.bytes()))
            }
            (Rule::Identifier | Rule::Token, Wanted::Token(token)) => {
                token.code.as_ref().map(|c| self.code(c.as_bytes()))
            }
            (Rule::Name, Wanted::Starts(folded)) => self.name(folded),
            (Rule::Name, Wanted::Exact(exact)) => self.name(&fold::fold(exact)),
            (Rule::Reference, Wanted::Reference(wanted)) => Some(match &wanted.to {
                WantedTarget::Local(id) => self.keyword(b'=', id.bytes()),
                WantedTarget::Url(url) => self.url(url),
            }),
            (Rule::Uri, Wanted::Uri(uri)) => Some(self.keyword(b'=', before_version(uri).bytes())),
            _ => None,
        }
    }

    fn name(&self, folded: &str) -> Option<Keyword> {
        self.beginning(folded, NAME_LONG).or_else(|| self.beginning(folded, NAME_SHORT))
    }

    /// Buckets of a filter whose values all say "within".
    fn times_of(&self, filter: &Filter) -> Option<BTreeSet<Keyword>> {
        let mut all = BTreeSet::new();
        for wanted in &filter.any {
            let span = match wanted {
                Wanted::Date { prefix: Prefix::Eq, span, .. } => *span,
                Wanted::Date { prefix: Prefix::Ap, about, .. } => *about,
                _ => return None,
            };
            let buckets = self.buckets(span);
            if buckets.is_empty() {
                return None;
            }
            all.extend(buckets);
        }
        Some(all)
    }
}

/// What several conditions on one time leave: a match touches it, since its value ends after the beginning asked for and
/// begins before the end asked for.
fn window<'f>(filters: impl Iterator<Item = &'f Filter>) -> Option<Span> {
    let mut window = Span { low: i64::MIN, high: i64::MAX };
    for filter in filters {
        let [Wanted::Date { prefix, span, .. }] = filter.any.as_slice() else { continue };
        match prefix {
            Prefix::Ge => window.low = window.low.max(span.low),
            Prefix::Gt | Prefix::Sa => window.low = window.low.max(span.high),
            Prefix::Le => window.high = window.high.min(span.high),
            Prefix::Lt | Prefix::Eb => window.high = window.high.min(span.low),
            Prefix::Eq | Prefix::Ne | Prefix::Ap => {}
        }
    }
    (window.low != i64::MIN && window.high != i64::MAX && window.low < window.high).then_some(window)
}

fn before_version(url: &str) -> &str {
    url.split_once('|').map_or(url, |(url, _)| url)
}

fn postings(resource_type: &str) -> &'static [Posting] {
    static ALL: OnceLock<Vec<Vec<Posting>>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        let mut all: Vec<Vec<Posting>> = table::resource_types().iter().map(|_| Vec::new()).collect();
        for line in POSTINGS.lines().filter(|l| !l.starts_with('#')) {
            if let Some((kind, posting)) = read(line) {
                all[usize::from(kind)].push(posting);
            }
        }
        all
    });
    table::type_number(resource_type).map_or(&[], |n| &all[usize::from(n)])
}

fn read(line: &'static str) -> Option<(u8, Posting)> {
    let mut words = line.split(' ');
    let kind = words.next()?;
    let param = table::find(kind, words.next()?)?;
    let rule = match (words.next()?, param.kind) {
        ("token", Kind::Token) if param.code == "identifier" => Rule::Identifier,
        ("token", Kind::Token) => Rule::Token,
        ("contact", Kind::Token) => Rule::Contact,
        ("name", Kind::String) => Rule::Name,
        ("sound", Kind::String) => Rule::Sound,
        ("day", Kind::Date) => Rule::Day,
        ("month", Kind::Date) => Rule::Month,
        ("reference", Kind::Reference) => Rule::Reference,
        ("uri", Kind::Uri) => Rule::Uri,
        _ => return None,
    };
    let max = words.next()?.parse().ok()?;
    Some((table::type_number(kind)?, Posting { param, rule, max, also: words.collect() }))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_posting_reads_and_no_type_exceeds_the_limit() {
        for line in POSTINGS.lines().filter(|l| !l.starts_with('#')) {
            let (_, posting) = read(line).unwrap_or_else(|| panic!("{line}"));
            for code in posting.also {
                let also = table::find(posting.param.resource_type, code).unwrap();
                let within = |element| posting.param.elements().contains(element);
                assert!(also.kind == posting.param.kind && also.elements().iter().all(within), "{line}");
            }
        }
        for kind in table::resource_types() {
            assert!(postings(kind).iter().map(|p| p.max).sum::<usize>() < KEYWORDS_MAX, "{kind}");
        }
    }
}
