//! The clinic's days and clock: local dates in the organization's zone, with the 23 and 25 hours that daylight saving makes.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::time;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
/// Years that a page may be asked for.
const YEARS: std::ops::RangeInclusive<i16> = 1900..=2200;

#[derive(Clone, PartialEq, Eq)]
pub struct Day {
    date: Date,
    zone: TimeZone,
}

impl Day {
    /// The day that it is at the clinic.
    pub fn of(now_ms: i64, zone: &TimeZone) -> Self {
        Self { date: local(now_ms, zone).date(), zone: zone.clone() }
    }

    pub fn date(&self) -> Date {
        self.date
    }

    /// The clinic’s.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// `2026-11-26`, as addresses and forms name a day.
    pub fn parse(text: &str, zone: &TimeZone) -> Option<Self> {
        let date: Date = text.parse().ok().filter(|_| text.len() == "2026-11-26".len())?;
        YEARS.contains(&date.year()).then(|| Self { date, zone: zone.clone() })
    }

    pub fn iso(&self) -> String {
        self.date.to_string()
    }

    /// `Thursday 26-Nov-2026`.
    pub fn title(&self) -> String {
        format!("{} {}", self.weekday(), self.short())
    }

    pub fn weekday(&self) -> &'static str {
        WEEKDAYS[self.date.weekday().to_monday_zero_offset() as usize]
    }

    /// `26-Nov-2026`.
    pub fn short(&self) -> String {
        let month = MONTHS[self.date.month() as usize - 1];
        format!("{:02}-{month}-{:04}", self.date.day(), self.date.year())
    }

    pub fn plus(&self, days: i64) -> Self {
        Self { date: self.date.saturating_add(days.days()), zone: self.zone.clone() }
    }

    pub fn monday(&self) -> Self {
        self.plus(-i64::from(self.date.weekday().to_monday_zero_offset()))
    }

    /// Its first millisecond.
    pub fn begins_ms(&self) -> i64 {
        self.date.to_zoned(self.zone.clone()).map_or(0, |midnight| midnight.timestamp().as_millisecond())
    }

    /// The first millisecond of the day after.
    pub fn ends_ms(&self) -> i64 {
        self.plus(1).begins_ms()
    }

    /// The minute of the day that its clocks show.
    pub fn minute_of(&self, ms: i64) -> u16 {
        let at = local(ms, &self.zone);
        at.hour() as u16 * 60 + at.minute() as u16
    }

    pub fn holds(&self, ms: i64) -> bool {
        (self.begins_ms()..self.ends_ms()).contains(&ms)
    }

    /// When its clocks show this minute: the first time where they show it twice, and a minute that they skip comes with the shift.
    pub fn at_minute(&self, minute: u16) -> i64 {
        let Ok(time) = Time::new((minute / 60) as i8, (minute % 60) as i8, 0, 0) else { return self.ends_ms() };
        let shown = DateTime::from_parts(self.date, time).to_zoned(self.zone.clone());
        shown.map_or(0, |at| at.timestamp().as_millisecond())
    }
}

/// `09:41` at the clinic.
pub fn clock(ms: i64, zone: &TimeZone) -> String {
    let at = local(ms, zone);
    format!("{:02}:{:02}", at.hour(), at.minute())
}

/// The day that FHIR means; where it is an instant, the day that the clinic has then.
pub fn day_of(fhir: &str, zone: &TimeZone) -> String {
    match time::instant_ms(fhir) {
        Some(at_ms) if fhir.len() > 10 => time::day(&Day::of(at_ms, zone).iso()),
        _ => time::day(fhir),
    }
}

/// `24 min`, `1 h 05 min`.
pub fn span(minutes: i64) -> String {
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes:02} min"),
    }
}

/// `14-Jul-2027 09:41`, in the clinic's time.
pub fn moment(ms: i64, zone: &TimeZone) -> String {
    format!("{} {}", super::time::day(&Day::of(ms, zone).iso()), clock(ms, zone))
}

/// The same of what FHIR says; the day alone where no time was written.
pub fn moment_of(fhir: &str, zone: &TimeZone) -> String {
    match time::instant_ms(fhir) {
        Some(at_ms) if fhir.len() > 10 => moment(at_ms, zone),
        _ => time::day(fhir),
    }
}

/// As FHIR writes an instant, in UTC.
pub fn instant(ms: i64) -> String {
    Timestamp::from_millisecond(ms).unwrap_or_default().to_string()
}

fn local(ms: i64, zone: &TimeZone) -> DateTime {
    Timestamp::from_millisecond(ms).unwrap_or_default().to_zoned(zone.clone()).datetime()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    fn new_york() -> TimeZone {
        TimeZone::get("America/New_York").unwrap()
    }

    fn ms(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn the_day_turns_at_the_clinics_midnight_and_not_at_that_of_utc() {
        let zone = new_york();
        for (now, day) in [
            ("2026-11-26T04:59:59Z", "2026-11-25"),
            ("2026-11-26T05:00:00Z", "2026-11-26"),
            ("2026-07-01T03:59:59Z", "2026-06-30"),
            ("2026-07-01T04:00:00Z", "2026-07-01"),
        ] {
            assert_eq!(Day::of(ms(now), &zone).iso(), day, "{now}");
            assert!(Day::of(ms(now), &zone).holds(ms(now)));
        }
        let day = Day::parse("2026-11-26", &zone).unwrap();
        assert_eq!((day.begins_ms(), day.ends_ms()), (ms("2026-11-26T05:00:00Z"), ms("2026-11-27T05:00:00Z")));
        assert_eq!((day.title().as_str(), day.monday().iso().as_str()), ("Thursday 26-Nov-2026", "2026-11-23"));
    }

    #[test]
    fn the_days_on_which_clocks_change_have_23_and_25_hours() {
        let zone = new_york();
        for (day, hours) in [("2026-03-08", 23), ("2026-11-01", 25), ("2026-11-02", 24)] {
            let day = Day::parse(day, &zone).unwrap();
            assert_eq!(day.ends_ms() - day.begins_ms(), hours * HOUR_MS, "{}", day.iso());
            // Nine o'clock is what the clock on the wall shows, whatever came before.
            assert_eq!(clock(day.at_minute(9 * 60), &zone), "09:00");
        }
        let autumn = Day::parse("2026-11-01", &zone).unwrap();
        assert_eq!(autumn.at_minute(90), ms("2026-11-01T05:30:00Z"), "the first of two");
        let spring = Day::parse("2026-03-08", &zone).unwrap();
        assert_eq!(clock(spring.at_minute(150), &zone), "03:30", "a minute that never comes");
    }

    #[test]
    fn what_is_no_day_is_none() {
        for text in
            ["", "2026-02-30", "26-11-2026", "2026-1-1", "9999-01-01", "2026-11-26T00:00", "today", "-00001-01-01"]
        {
            assert!(Day::parse(text, &TimeZone::UTC).is_none(), "{text}");
        }
    }
}
