//! Words that answers share: instants, ids, countries.

use serde_json::Value;

use super::problem::Problem;

/// RFC 3339 in UTC, to the second.
pub fn instant(ms: i64) -> Value {
    jiff::Timestamp::from_millisecond(ms).map_or(Value::Null, |instant| format!("{instant:.0}").into())
}

pub fn maybe_instant(ms: Option<i64>) -> Value {
    ms.map_or(Value::Null, instant)
}

/// Ids are text, so that no reader of JSON rounds them.
pub fn id(number: u64) -> Value {
    number.to_string().into()
}

pub fn country(code: Option<[u8; 2]>) -> Value {
    code.and_then(|code| String::from_utf8(code.to_vec()).ok()).map_or(Value::Null, Value::from)
}

/// The end of a last day, `YYYY-MM-DD`, in UTC.
pub fn end_of_day(day: &str) -> Result<i64, Problem> {
    let bad = || Problem::invalid("a date is written YYYY-MM-DD");
    let date: jiff::civil::Date = day.parse().map_err(|_| bad())?;
    let next = date.tomorrow().and_then(|next| next.to_zoned(jiff::tz::TimeZone::UTC)).map_err(|_| bad())?;
    Ok(next.timestamp().as_millisecond())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_last_day_ends_at_midnight_after_it() {
        assert_eq!(instant(end_of_day("2026-12-31").unwrap()), "2027-01-01T00:00:00Z");
        for text in ["2026-13-01", "31.12.2026", ""] {
            assert!(end_of_day(text).is_err(), "{text}");
        }
    }
}
