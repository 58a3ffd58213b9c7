//! A day of the calendar, as agreements are dated: it ends where the organization's day ends.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::ComplianceError;

/// `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(Date);

const LENGTH: usize = "2026-11-26".len();

impl Day {
    /// The day that it is at a time.
    pub fn at(ms: i64, zone: &TimeZone) -> Result<Day, ComplianceError> {
        let instant = jiff::Timestamp::from_millisecond(ms).map_err(|_| ComplianceError::Agreement("no such time"))?;
        Ok(Day(instant.to_zoned(zone.clone()).date()))
    }

    /// The first millisecond after it. A day beyond the calendar never ends.
    pub fn end_ms(self, zone: &TimeZone) -> i64 {
        let next = self.0.tomorrow().and_then(|next| next.to_zoned(zone.clone()));
        next.map_or(i64::MAX, |midnight| midnight.timestamp().as_millisecond())
    }
}

impl FromStr for Day {
    type Err = ComplianceError;

    fn from_str(text: &str) -> Result<Day, ComplianceError> {
        let date = text.parse().ok().filter(|_| text.len() == LENGTH);
        date.map(Day).ok_or(ComplianceError::Agreement("a day is written YYYY-MM-DD"))
    }
}

impl TryFrom<String> for Day {
    type Error = ComplianceError;

    fn try_from(text: String) -> Result<Day, ComplianceError> {
        text.parse()
    }
}

impl From<Day> for String {
    fn from(day: Day) -> String {
        day.to_string()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_at_midnight_where_the_organization_is() {
        let day: Day = "2026-12-31".parse().unwrap();
        let zone = TimeZone::get("America/New_York").unwrap();
        assert_eq!(day.end_ms(&zone) - day.end_ms(&TimeZone::UTC), 5 * 3_600_000);
        assert_eq!(Day::at(day.end_ms(&zone) - 1, &zone).unwrap(), day);
        assert!(Day::at(day.end_ms(&zone), &zone).unwrap() > day);
        for text in ["2026-02-30", "31.12.2026", "2026-1-1", "", "2026-12-31T00:00"] {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
    }
}
