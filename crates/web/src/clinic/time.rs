//! Dates as clinicians read them, dd-Mmm-yyyy and a 24 h clock (NHS CUI, D+Tc). A partial date stays partial; a time is shown as
//! it was written, at the place where it was written.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

pub const NOT_KNOWN: &str = "Not known";
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// Below these ages months and days say more than years do.
const YEARS_FROM: i32 = 2;
const MONTHS_FROM: i32 = 2;

/// `14-Jul-1968`, `Jul-1968` or `1968` of a FHIR date, dateTime or instant.
pub fn day(fhir: &str) -> String {
    let date = fhir.split('T').next().unwrap_or_default();
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    if year.len() != 4 || !year.bytes().all(|byte| byte.is_ascii_digit()) {
        return NOT_KNOWN.to_owned();
    }
    match (month.and_then(month_name), day) {
        (Some(month), Some(day)) => format!("{day}-{month}-{year}"),
        (Some(month), None) => format!("{month}-{year}"),
        (None, _) => year.to_owned(),
    }
}

/// `02-Nov-2026 10:12`, or the day alone where no time was written.
pub fn moment(fhir: &str) -> String {
    match fhir.split_once('T').and_then(|(_, clock)| clock.get(..5)) {
        Some(clock) => format!("{} {clock}", day(fhir)),
        None => day(fhir),
    }
}

/// In UTC: for ages. A day that people mean is the clinic’s, `Day::of`.
pub fn today(now_ms: i64) -> Date {
    let now = Timestamp::from_millisecond(now_ms).unwrap_or_default();
    now.to_zoned(TimeZone::UTC).date()
}

/// Whether a FHIR date, whole or partial, lies after a day.
pub fn is_to_come(fhir: &str, today: Date) -> bool {
    let (today, date) = (today.to_string(), fhir.split('T').next().unwrap_or_default());
    today.get(..date.len()).is_some_and(|today| date > today)
}

/// `58y`, `14m`, `9d`; `about 58y` where the birth date is partial. None for a date to come.
pub fn age(birth: &str, on: Date) -> Option<String> {
    let mut parts = birth.splitn(3, '-');
    let year: i16 = parts.next()?.parse().ok()?;
    let month = parts.next().and_then(|month| month.parse::<i8>().ok());
    let day = parts.next().and_then(|day| day.parse::<i8>().ok());
    let (Some(month), Some(day)) = (month, day) else {
        let years = i32::from(on.year()) - i32::from(year) - i32::from(month.is_some_and(|month| on.month() < month));
        return (years >= 0).then(|| format!("about {years}y"));
    };
    let born = Date::new(year, month, day).ok().filter(|born| *born <= on)?;
    let had = i32::from((on.month(), on.day()) < (born.month(), born.day()));
    let years = i32::from(on.year()) - i32::from(born.year()) - had;
    if years >= YEARS_FROM {
        return Some(format!("{years}y"));
    }
    let months = (i32::from(on.year()) - i32::from(born.year())) * 12 + i32::from(on.month()) - i32::from(born.month());
    let months = months - i32::from(on.day() < born.day());
    if months >= MONTHS_FROM {
        return Some(format!("{months}m"));
    }
    Some(format!("{}d", on.since(born).map_or(0, |span| span.get_days())))
}

/// Where a FHIR date or time lies, in milliseconds since 1970: the beginning of what is partial.
pub fn instant_ms(fhir: &str) -> Option<i64> {
    fhir::search::date_span_ms(fhir).map(|(from, _)| from)
}

/// A date as people type one, as FHIR writes it: `14-Jul-1968`, `14 July 1968`, `7/14/1968` (month first, as in the United States),
/// `1968-07-14`, `Jul 1968`, `1968`.
pub fn typed(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split(['-', '/', ' ', '.', ',']).filter(|word| !word.is_empty()).collect();
    let digits = |word: &str, len: std::ops::RangeInclusive<usize>| {
        (len.contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| word.parse::<i16>().ok())?
    };
    let (year, month, day) = match words.as_slice() {
        [year] => (digits(year, 4..=4)?, None, None),
        [month, year] => (digits(year, 4..=4)?, Some(month_number(month)?), None),
        [year, month, day] if digits(year, 4..=4).is_some() => {
            (digits(year, 4..=4)?, Some(i8::try_from(digits(month, 1..=2)?).ok()?), Some(digits(day, 1..=2)?))
        }
        [first, second, year] => {
            let year = digits(year, 4..=4)?;
            match (month_number(first), month_number(second)) {
                (Some(month), None) => (year, Some(month), Some(digits(second, 1..=2)?)),
                (None, Some(month)) => (year, Some(month), Some(digits(first, 1..=2)?)),
                _ => (year, Some(i8::try_from(digits(first, 1..=2)?).ok()?), Some(digits(second, 1..=2)?)),
            }
        }
        _ => return None,
    };
    match (month, day) {
        (Some(month), Some(day)) => Some(Date::new(year, month, i8::try_from(day).ok()?).ok()?.to_string()),
        (Some(month), None) => (1..=12).contains(&month).then(|| format!("{year:04}-{month:02}")),
        _ => Some(format!("{year:04}")),
    }
}

fn month_name(digits: &str) -> Option<&'static str> {
    let number: usize = digits.parse().ok()?;
    MONTHS.get(number.checked_sub(1)?).copied()
}

/// By its first three letters.
fn month_number(word: &str) -> Option<i8> {
    let start = word.get(..3)?;
    let at = MONTHS.iter().position(|month| month.eq_ignore_ascii_case(start))?;
    i8::try_from(at + 1).ok().filter(|_| word.bytes().all(|byte| byte.is_ascii_alphabetic()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partial_date_stays_partial() {
        for (fhir, shown) in [
            ("1968-07-14", "14-Jul-1968"),
            ("1968-07", "Jul-1968"),
            ("1968", "1968"),
            ("2026-11-02T10:12:00-07:00", "02-Nov-2026"),
            ("", NOT_KNOWN),
            ("soon", NOT_KNOWN),
        ] {
            assert_eq!(day(fhir), shown, "{fhir}");
        }
        assert_eq!(moment("2026-11-02T10:12:00-07:00"), "02-Nov-2026 10:12");
        assert_eq!(moment("2026-11"), "Nov-2026");
    }

    #[test]
    fn an_age_is_in_the_unit_that_says_something() {
        let on = Date::constant(2026, 11, 22);
        for (birth, shown) in [
            ("1968-07-14", Some("58y")),
            ("1968-11-22", Some("58y")),
            ("1968-11-23", Some("57y")),
            ("2024-11-22", Some("2y")),
            ("2024-11-23", Some("23m")),
            ("2026-09-22", Some("2m")),
            ("2026-09-23", Some("60d")),
            ("2026-11-22", Some("0d")),
            ("2026-11-23", None),
            ("1968", Some("about 58y")),
            ("1968-12", Some("about 57y")),
            ("x", None),
        ] {
            assert_eq!(age(birth, on).as_deref(), shown, "{birth}");
        }
    }

    #[test]
    fn dates_are_taken_as_people_type_them() {
        for (text, fhir) in [
            ("14-Jul-1968", Some("1968-07-14")),
            ("14 july 1968", Some("1968-07-14")),
            ("July 14, 1968", Some("1968-07-14")),
            ("7/14/1968", Some("1968-07-14")),
            ("1968-07-14", Some("1968-07-14")),
            ("Jul 1968", Some("1968-07")),
            ("1968", Some("1968")),
            ("31-Feb-1968", None),
            ("14/7/1968", None),
            ("WS-100001", None),
            ("100001", None),
            ("", None),
        ] {
            assert_eq!(typed(text).as_deref(), fhir, "{text}");
        }
    }
}
