//! Dates as search sees them: half-open spans of microseconds UTC, wide as the precision that was written.

/// `low` is in the span, `high` is not. Open ends of a Period are `i64::MIN` and `i64::MAX`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub low: i64,
    pub high: i64,
}

pub const SECOND: i64 = 1_000_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const DAY: i64 = 24 * 60 * MINUTE;

/// Reads a FHIR date, dateTime or instant, and the minute precision that search allows. A time without an offset is UTC;
/// a space before the offset is the `+` that a form decoder took away. `None` for anything else.
pub fn parse(text: &str) -> Option<Span> {
    let b = text.as_bytes();
    let year = digits(b, 0, 4)?;
    if b.len() == 4 {
        return Some(Span { low: days(year, 1, 1) * DAY, high: days(year + 1, 1, 1) * DAY });
    }
    let month = dash(b, 4).and_then(|_| digits(b, 5, 2)).filter(|m| (1..=12).contains(m))?;
    if b.len() == 7 {
        let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        return Some(Span { low: days(year, month, 1) * DAY, high: days(next_year, next_month, 1) * DAY });
    }
    let day = dash(b, 7).and_then(|_| digits(b, 8, 2)).filter(|d| (1..=month_length(year, month)).contains(d))?;
    let date = days(year, month, day) * DAY;
    if b.len() == 10 {
        return Some(Span { low: date, high: date + DAY });
    }
    if b[10] != b'T' {
        return None;
    }
    let hour = digits(b, 11, 2).filter(|h| *h < 24)?;
    let minute = (b.get(13) == Some(&b':')).then(|| digits(b, 14, 2)).flatten().filter(|m| *m < 60)?;
    let mut at = 16;
    let mut low = date + hour * 60 * MINUTE + minute * MINUTE;
    let mut width = MINUTE;
    if b.get(at) == Some(&b':') {
        // A leap second counts as the last second of its minute.
        low += digits(b, 17, 2).filter(|s| *s <= 60)?.min(59) * SECOND;
        (at, width) = (19, SECOND);
        if b.get(at) == Some(&b'.') {
            at += 1;
            let from = at;
            while let Some(d) = b.get(at).filter(|d| d.is_ascii_digit()) {
                if width > 1 {
                    width /= 10;
                    low += i64::from(d - b'0') * width;
                }
                at += 1;
            }
            if at == from {
                return None;
            }
        }
    }
    low -= offset(&b[at..])?;
    Some(Span { low, high: low + width })
}

/// Number of the month since year 0, for buckets.
pub fn month_number(micros: i64) -> i64 {
    let (year, month, _) = civil(micros.div_euclid(DAY));
    year * 12 + month - 1
}

pub fn day_number(micros: i64) -> i64 {
    micros.div_euclid(DAY)
}

fn offset(b: &[u8]) -> Option<i64> {
    match b {
        b"" | b"Z" => Some(0),
        [sign @ (b'+' | b'-' | b' '), rest @ ..] if rest.len() == 5 && rest[2] == b':' => {
            let (hours, minutes) = (digits(rest, 0, 2)?, digits(rest, 3, 2)?);
            let whole = (hours <= 14 && minutes < 60).then_some((hours * 60 + minutes) * MINUTE)?;
            Some(if *sign == b'-' { -whole } else { whole })
        }
        _ => None,
    }
}

fn dash(b: &[u8], at: usize) -> Option<()> {
    (b.get(at) == Some(&b'-')).then_some(())
}

fn digits(b: &[u8], from: usize, count: usize) -> Option<i64> {
    let mut value = 0;
    for d in b.get(from..from + count)? {
        if !d.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(d - b'0');
    }
    Some(value)
}

fn month_length(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar; years count from March so that leap days come last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let (era, day_of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let mp = (5 * day_of_year + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * mp + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendar_arithmetic_turns_back() {
        for day in (-800_000..2_900_000).step_by(37) {
            let (y, m, d) = civil(day);
            assert_eq!(days(y, m, d), day);
        }
        assert_eq!(days(1970, 1, 1), 0);
        assert_eq!(days(2000, 2, 29), 11_016);
    }

    #[test]
    fn precision_is_width() {
        let width = |t: &str| parse(t).map(|s| s.high - s.low);
        assert_eq!(width("2024"), Some(366 * DAY));
        assert_eq!(width("2023-02"), Some(28 * DAY));
        assert_eq!(width("2023-02-28"), Some(DAY));
        assert_eq!(width("2023-02-28T10:00"), Some(MINUTE));
        assert_eq!(width("2023-02-28T10:00:00Z"), Some(SECOND));
        assert_eq!(width("2023-02-28T10:00:00.123Z"), Some(1000));
        for bad in
            ["", "24", "2023-13", "2023-02-30", "2023-02-28T", "2023-02-28T25:00:00Z", "2023-02-28T10:00:00+1:00"]
        {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn an_offset_is_taken_off() {
        let low = |t: &str| parse(t).map(|s| s.low);
        assert_eq!(low("2024-01-01T02:00:00+02:00"), low("2024-01-01"));
        assert_eq!(low("2024-01-01T02:00:00 02:00"), low("2024-01-01"));
        assert_eq!(low("2023-12-31T19:00:00-05:00"), low("2024-01-01T00:00:00Z"));
    }
}
