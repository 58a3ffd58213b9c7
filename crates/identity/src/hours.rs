//! When the organization works: weekly hours and holidays in its own time zone.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::IdentityError;

const MINUTE_MS: i64 = 60_000;
const DAY_MINUTES: u16 = 24 * 60;
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
/// Intervals of one day, at most.
const INTERVALS_MAX: usize = 8;

/// Open and closed minutes. Civil time decides, so that hours move with daylight saving as people do: a minute that the clocks
/// skip never comes, and one that comes twice is open both times.
pub struct Hours {
    weekly: Option<Weekly>,
    /// The last minute that was asked for, and its answer in the lowest bit.
    last: AtomicI64,
}

struct Weekly {
    zone: TimeZone,
    /// By day from Monday: minutes of the day, from and up to.
    open: [Vec<(u16, u16)>; 7],
    holidays: BTreeSet<Date>,
}

impl Hours {
    /// Round the clock.
    pub fn always() -> Self {
        Self { weekly: None, last: AtomicI64::new(-1) }
    }

    /// `zone` is an IANA name; `text` says days and hours, as in `Mon-Fri 08:00-18:00; Sat 09:00-13:00`; days not named are
    /// closed, and so are `holidays` (`YYYY-MM-DD`).
    pub fn weekly(zone: &str, text: &str, holidays: &[&str]) -> Result<Self, IdentityError> {
        const HOURS: IdentityError = IdentityError::Setting("hours are written `Mon-Fri 08:00-18:00; Sat 09:00-13:00`");
        let zone = TimeZone::get(zone).map_err(|_| IdentityError::Setting("the time zone is not an IANA name"))?;
        let mut open: [Vec<(u16, u16)>; 7] = Default::default();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let (days, hours) = part.split_once(' ').ok_or(HOURS)?;
            let (first, last) = days.split_once('-').unwrap_or((days, days));
            let (first, last) = (day(first).ok_or(HOURS)?, day(last).ok_or(HOURS)?);
            let (from, to) = hours.trim().split_once('-').ok_or(HOURS)?;
            let (from, to) = (minute(from).ok_or(HOURS)?, minute(to).ok_or(HOURS)?);
            if from >= to || first > last {
                return Err(HOURS);
            }
            for day in &mut open[first..=last] {
                if day.len() == INTERVALS_MAX {
                    return Err(HOURS);
                }
                day.push((from, to));
            }
        }
        let holidays = holidays
            .iter()
            .map(|text| text.parse())
            .collect::<Result<_, _>>()
            .map_err(|_| IdentityError::Setting("a holiday is not a date"))?;
        Ok(Self { weekly: Some(Weekly { zone, open, holidays }), last: AtomicI64::new(-1) })
    }

    /// Whether the organization works at this time, in milliseconds since 1970.
    pub fn are_open(&self, now_ms: i64) -> bool {
        let Some(weekly) = &self.weekly else { return true };
        let this_minute = now_ms.div_euclid(MINUTE_MS);
        let last = self.last.load(Ordering::Relaxed);
        if last >= 0 && last >> 1 == this_minute {
            return last & 1 == 1;
        }
        let is_open = weekly.is_open(now_ms);
        self.last.store(this_minute << 1 | i64::from(is_open), Ordering::Relaxed);
        is_open
    }
}

impl Weekly {
    fn is_open(&self, now_ms: i64) -> bool {
        // A time that no calendar knows is closed.
        let Ok(time) = Timestamp::from_millisecond(now_ms) else { return false };
        let local = time.to_zoned(self.zone.clone());
        if self.holidays.contains(&local.date()) {
            return false;
        }
        let minute = local.hour() as u16 * 60 + local.minute() as u16;
        let day = &self.open[local.weekday().to_monday_zero_offset() as usize];
        day.iter().any(|(from, to)| (*from..*to).contains(&minute))
    }
}

fn day(text: &str) -> Option<usize> {
    DAYS.iter().position(|day| day.eq_ignore_ascii_case(text))
}

fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    (minute < 60 && hour * 60 + minute <= DAY_MINUTES).then_some(hour * 60 + minute)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn clinic() -> Hours {
        Hours::weekly("America/New_York", "Mon-Fri 08:00-18:00; Sat 09:00-13:00; Sun 01:00-03:00", &["2026-12-25"])
            .unwrap()
    }

    #[test]
    fn the_closing_minute_is_closed_and_the_one_before_is_open() {
        let hours = clinic();
        // Thursday, 26 November 2026, UTC-5
        for (time, open) in [
            ("2026-11-26T12:59:59.999Z", false),
            ("2026-11-26T13:00:00Z", true),
            ("2026-11-26T22:59:59.999Z", true),
            ("2026-11-26T23:00:00Z", false),
            ("2026-11-28T17:59:59Z", true),
            ("2026-11-28T18:00:00Z", false),
        ] {
            assert_eq!(hours.are_open(at(time)), open, "{time}");
        }
    }

    #[test]
    fn a_holiday_is_closed_in_local_time() {
        let hours = clinic();
        assert!(!hours.are_open(at("2026-12-25T15:00:00Z")));
        assert!(hours.are_open(at("2026-12-24T22:30:00Z")));
        assert!(hours.are_open(at("2026-12-28T15:00:00Z")));
    }

    #[test]
    fn hours_move_with_daylight_saving() {
        let hours = clinic();
        // Spring forward on 8 March 2026: 01:59 EST is followed by 03:00 EDT, so the hour from 02:00 never comes.
        assert!(!hours.are_open(at("2026-03-08T05:59:59Z")));
        assert!(hours.are_open(at("2026-03-08T06:00:00Z")));
        assert!(hours.are_open(at("2026-03-08T06:59:59Z")));
        assert!(!hours.are_open(at("2026-03-08T07:00:00Z")));
        // Fall back on 1 November 2026: 01:30 comes twice and is open both times, in all three hours long.
        for (time, open) in [
            ("2026-11-01T04:59:59Z", false),
            ("2026-11-01T05:30:00Z", true),
            ("2026-11-01T06:30:00Z", true),
            ("2026-11-01T07:59:59Z", true),
            ("2026-11-01T08:00:00Z", false),
        ] {
            assert_eq!(hours.are_open(at(time)), open, "{time}");
        }
        // The same hour of the day in winter and summer.
        assert!(hours.are_open(at("2026-07-01T12:00:00Z")) && !hours.are_open(at("2026-01-07T12:00:00Z")));
    }

    #[test]
    fn round_the_clock_is_always_open_and_nonsense_is_refused() {
        assert!(Hours::always().are_open(at("2026-12-25T03:00:00Z")));
        for (zone, text) in [
            ("Mars/Base", ""),
            ("UTC", "Mon"),
            ("UTC", "Mon 8-25:00"),
            ("UTC", "Fri-Mon 08:00-09:00"),
            ("UTC", "Mon 09:00-09:00"),
        ] {
            assert!(Hours::weekly(zone, text, &[]).is_err(), "{zone} {text}");
        }
        assert!(Hours::weekly("UTC", "", &["25.12."]).is_err());
        assert!(!Hours::weekly("UTC", "", &[]).unwrap().are_open(0));
    }
}
