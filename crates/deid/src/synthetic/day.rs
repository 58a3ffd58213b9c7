//! Days as numbers and the text FHIR wants for them. The clinic lives in Arizona, which keeps UTC-7 all year.

use std::fmt;

use jiff::civil::Date;

/// Days since 1970-01-01 in the proleptic Gregorian calendar.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day(pub(super) i32);

/// A minute of a day at the clinic; displays as an R4 dateTime or instant with offset.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    pub(super) day: Day,
    pub(super) minute: i32,
}

impl Day {
    pub(super) fn from_date(date: Date) -> Self {
        Self::new(i32::from(date.year()), date.month() as u32, date.day() as u32)
    }

    /// Days from civil date, after Howard Hinnant's public-domain algorithm.
    pub(super) fn new(year: i32, month: u32, day: u32) -> Self {
        let y = if month <= 2 { year - 1 } else { year };
        let era = y.div_euclid(400);
        let year_of_era = y.rem_euclid(400);
        let day_of_year = (153 * ((month as i32 + 9) % 12) + 2) / 5 + day as i32 - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Day(era * 146_097 + day_of_era - 719_468)
    }

    pub(super) fn civil(self) -> (i32, u32, u32) {
        let z = self.0 + 719_468;
        let era = z.div_euclid(146_097);
        let day_of_era = z.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let mp = (5 * day_of_year + 2) / 153;
        let day = (day_of_year - (153 * mp + 2) / 5 + 1) as u32;
        let month = if mp < 10 { mp + 3 } else { mp - 9 } as u32;
        (year_of_era + era * 400 + i32::from(month <= 2), month, day)
    }

    pub(super) fn plus(self, days: i32) -> Self {
        Day(self.0 + days)
    }

    /// The same day or the Monday after it.
    pub(super) fn workday(self) -> Self {
        match (self.0 + 3).rem_euclid(7) {
            5 => self.plus(2),
            6 => self.plus(1),
            _ => self,
        }
    }

    /// The same day or the Friday before it.
    pub(super) fn workday_before(self) -> Self {
        match (self.0 + 3).rem_euclid(7) {
            5 => self.plus(-1),
            6 => self.plus(-2),
            _ => self,
        }
    }

    pub(super) fn year(self) -> i32 {
        self.civil().0
    }

    /// Completed years between `birth` and this day.
    pub(super) fn age(self, birth: Day) -> i32 {
        let (y, m, d) = self.civil();
        let (by, bm, bd) = birth.civil();
        y - by - i32::from((m, d) < (bm, bd))
    }

    pub(super) fn at(self, hour: i32, minute: i32) -> Moment {
        Moment { day: self, minute: hour * 60 + minute }
    }
}

impl Moment {
    pub(super) fn later(self, minutes: i32) -> Self {
        let minute = self.minute + minutes;
        Moment { day: self.day.plus(minute.div_euclid(1440)), minute: minute.rem_euclid(1440) }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}T{:02}:{:02}:00-07:00", self.day, self.minute / 60, self.minute % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::Day;

    #[test]
    fn civil_and_back_over_two_centuries() {
        for n in -30_000..40_000 {
            let (y, m, d) = Day(n).civil();
            assert_eq!(Day::new(y, m, d).0, n);
        }
        assert_eq!(Day::new(2024, 2, 29).to_string(), "2024-02-29");
        assert_eq!(Day::new(1970, 1, 1).0, 0);
        assert_eq!(Day::new(2026, 11, 22).workday().to_string(), "2026-11-23");
        assert_eq!(Day::new(2026, 11, 22).workday_before().to_string(), "2026-11-20");
    }
}
