//! Whether a stored resource is found by a query, and where it sorts.

use std::cmp::Ordering;

use super::date::Span;
use super::decimal::Decimal;
use super::fold;
use super::query::{Filter, Place, Query, Test};
use super::table::{self, Param};
use super::values::{Value, ValuesRef};
use super::wanted::{Wanted, span_meets};

/// What a head says about the version itself.
#[derive(Clone, Copy)]
pub struct HeadMeta<'a> {
    pub id: &'a str,
    pub last_updated_ms: i64,
}

/// What a result sorts by, one key per `_sort` rule. ePHI: no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct SortKeys(Vec<(SortKey, bool)>);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum SortKey {
    Time(i64),
    Number(Decimal),
    Text(String),
    Missing,
}

impl Query {
    pub fn matches(&self, meta: &HeadMeta<'_>, values: ValuesRef<'_>) -> bool {
        self.filters.iter().all(|filter| filter.matches(meta, values))
    }

    /// R4 leaves the place of resources without the value open; here they come last in both directions. Several values
    /// count by the one that comes first in the direction asked for; spans of time by their beginning.
    pub fn sort_key(&self, meta: &HeadMeta<'_>, values: ValuesRef<'_>) -> SortKeys {
        let key = |place: Place, descending: bool| match place {
            Place::Id => SortKey::Text(meta.id.to_owned()),
            Place::LastUpdated => SortKey::Time(meta.last_updated_ms),
            Place::Param(param) => {
                let keys = values.values(param.id).map(|value| SortKey::of(&value)).filter(|k| *k != SortKey::Missing);
                let first = if descending { keys.max() } else { keys.min() };
                first.unwrap_or(SortKey::Missing)
            }
        };
        SortKeys(self.sort.iter().map(|s| (key(s.place, s.descending), s.descending)).collect())
    }
}

impl Filter {
    #[inline]
    fn matches(&self, meta: &HeadMeta<'_>, values: ValuesRef<'_>) -> bool {
        match self.place {
            Place::Param(param) => self.matches_param(param, values),
            Place::Id => match self.test {
                Test::Missing(missing) => !missing,
                _ => {
                    self.any.iter().any(|w| matches!(w, Wanted::Id(id) if **id == *meta.id)) == (self.test == Test::Any)
                }
            },
            Place::LastUpdated => {
                let low = meta.last_updated_ms.saturating_mul(1000);
                let held = Span { low, high: low.saturating_add(1000) };
                match self.test {
                    Test::Missing(missing) => !missing,
                    _ => self.any.iter().any(|w| {
                        matches!(w, Wanted::Date { prefix, span, about } if span_meets(held, *prefix, *span, *about))
                    }),
                }
            }
        }
    }

    #[inline]
    fn matches_param(&self, param: &Param, values: ValuesRef<'_>) -> bool {
        let found = || values.values(param.id).any(|value| self.any.iter().any(|w| w.is_met_by(&value)));
        match self.test {
            Test::Any => found(),
            Test::None => !found(),
            Test::Missing(missing) => values.is_missing(param.id) == missing,
        }
    }
}

impl SortKey {
    fn of(value: &Value<'_>) -> Self {
        let text = |bytes: &[u8]| SortKey::Text(fold::text(bytes).to_lowercase());
        match value {
            Value::Token { code, .. } | Value::Code(code) | Value::Identifier { code, .. } => text(code),
            Value::Contact { value, .. } => text(value),
            Value::Text(raw) => SortKey::Text(fold::fold(&fold::text(raw))),
            Value::Date(span) => SortKey::Time(span.low),
            Value::Local { kind, id } => {
                SortKey::Text(format!("{}/{}", table::type_name(*kind).unwrap_or_default(), fold::text(id)))
            }
            Value::Other(url) | Value::Uri(url) => SortKey::Text(fold::text(url).into_owned()),
            Value::Number(extent) | Value::Quantity { extent, .. } => {
                extent.low.or(extent.high).map_or(SortKey::Missing, SortKey::Number)
            }
            Value::Present => SortKey::Missing,
        }
    }
}

impl Ord for SortKeys {
    fn cmp(&self, other: &Self) -> Ordering {
        for ((a, descending), (b, _)) in self.0.iter().zip(&other.0) {
            let order = match (a, b) {
                (SortKey::Missing, _) | (_, SortKey::Missing) => a.cmp(b),
                _ if *descending => b.cmp(a),
                _ => a.cmp(b),
            };
            if order != Ordering::Equal {
                return order;
            }
        }
        Ordering::Equal
    }
}

impl PartialOrd for SortKeys {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
