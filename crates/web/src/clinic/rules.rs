//! When a clinician sees patients, within the organization's hours: `availableTime` and `notAvailable` of their PractitionerRole (R4).
//! Who says nothing is there whenever the organization is.

use fhir::Json;
use jiff::tz::TimeZone;

use super::day::Day;
use super::read::{all, text};
use super::ties;
use super::time;

/// Minutes of a day until midnight.
pub const DAY_MINUTES: u16 = 24 * 60;

#[derive(Clone, Default)]
pub struct Rules {
    times: Vec<Times>,
    away: Vec<Away>,
}

/// One span of some days of the week, in minutes of the day.
#[derive(Clone)]
pub struct Times {
    /// Of FHIR: `mon`. None: every day.
    pub days: Vec<String>,
    pub from: u16,
    pub until: u16,
}

/// From the first millisecond until the last, not included.
#[derive(Clone, PartialEq, Eq)]
pub struct Away {
    pub from_ms: i64,
    pub until_ms: i64,
    pub why: String,
}

impl Rules {
    /// Of the roles of one person. A role by which they treat along with somebody says nothing about when.
    pub fn of<'j>(roles: impl Iterator<Item = &'j Json<'j>>, zone: &TimeZone) -> Self {
        let mut rules = Self::default();
        for role in roles.filter(|role| !ties::is_tie(role)) {
            rules.times.extend(all(role, "availableTime").iter().filter_map(Times::of));
            rules.away.extend(Away::all(role, zone));
        }
        rules
    }

    /// Whether all of a time on one day is theirs to give.
    pub fn are_open(&self, day: &Day, minute: u16, minutes: u16) -> bool {
        let (from_ms, until_ms) = (day.at_minute(minute), day.at_minute(minute) + i64::from(minutes) * 60_000);
        let is_away = self.away.iter().any(|away| away.from_ms < until_ms && from_ms < away.until_ms);
        let fits = |times: &Times| times.holds(day) && times.from <= minute && minute + minutes <= times.until;
        !is_away && (self.times.is_empty() || self.times.iter().any(fits))
    }

    /// Why all of a day is taken off it, where somebody said so.
    pub fn away(&self, day: &Day) -> Option<&str> {
        let of_day = |away: &&Away| away.from_ms <= day.begins_ms() && day.ends_ms() <= away.until_ms;
        self.away.iter().find(of_day).map(|away| away.why.as_str())
    }
}

impl Times {
    pub fn of(times: &Json<'_>) -> Option<Self> {
        let days = all(times, "daysOfWeek").iter().filter_map(Json::as_str).map(str::to_owned).collect();
        if times.get("allDay").and_then(Json::as_bool) == Some(true) {
            return Some(Self { days, from: 0, until: DAY_MINUTES });
        }
        let (from, until) = (minute(text(times, "availableStartTime")?)?, minute(text(times, "availableEndTime")?)?);
        Some(Self { days, from, until })
    }

    fn holds(&self, day: &Day) -> bool {
        let name = day.weekday().to_ascii_lowercase();
        self.days.is_empty() || self.days.iter().any(|wanted| name.starts_with(wanted.as_str()))
    }
}

impl Away {
    pub fn all<'z>(role: &'z Json<'_>, zone: &'z TimeZone) -> impl Iterator<Item = Self> + use<'z> {
        all(role, "notAvailable").iter().filter_map(|away| Self::of(away, zone))
    }

    /// Without an end it goes on; a bound that is no time says nothing.
    pub fn of(away: &Json<'_>, zone: &TimeZone) -> Option<Self> {
        let during = away.get("during")?;
        let bound = |name: &str, of_day: fn(&Day) -> i64| match text(during, name) {
            None => Some(None),
            Some(text) => {
                let ms = Day::parse(text, zone).map(|day| of_day(&day)).or_else(|| time::instant_ms(text));
                ms.map(Some)
            }
        };
        Some(Self {
            from_ms: bound("start", Day::begins_ms)?.unwrap_or(i64::MIN),
            // The last day is a day away.
            until_ms: bound("end", Day::ends_ms)?.unwrap_or(i64::MAX),
            why: text(away, "description").unwrap_or("away").to_owned(),
        })
    }
}

/// `08:30:00`.
fn minute(text: &str) -> Option<u16> {
    let mut pieces = text.split(':').map(|piece| piece.parse::<u16>().ok());
    let (hour, minute) = (pieces.next()??, pieces.next()??);
    (hour <= 24 && minute < 60).then_some(hour * 60 + minute)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn times_days_and_absences_bound_what_can_be_given() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let role = Json::parse_str(
            r#"{"availableTime":[
                {"daysOfWeek":["mon","tue"],"availableStartTime":"08:00:00","availableEndTime":"12:00:00"},
                {"daysOfWeek":["wed"],"allDay":true},
                {"daysOfWeek":["fri"],"availableStartTime":"nine"}],
            "notAvailable":[{"description":"Leave","during":{"start":"2027-01-05","end":"2027-01-05"}},
                {"description":"Meeting","during":{"start":"2027-01-04T09:30:00-05:00","end":"2027-01-04T10:30:00-05:00"}}]}"#,
        )
        .unwrap();
        let covering = Json::parse_str(
            r#"{"code":[{"coding":[{"code":"covering"}]}],"availableTime":[{"daysOfWeek":["sun"],"allDay":true}]}"#,
        )
        .unwrap();
        let rules = Rules::of([&role, &covering].into_iter(), &zone);
        let day = |text: &str| Day::parse(text, &zone).unwrap();
        let (monday, tuesday, wednesday) = (day("2027-01-04"), day("2027-01-05"), day("2027-01-06"));
        for (day, minute, open) in [
            (&monday, 480, true),
            (&monday, 450, false),
            (&monday, 690, true),
            (&monday, 700, false),
            (&monday, 540, true),
            (&monday, 541, false),
            (&monday, 630, true),
            (&tuesday, 480, false),
            (&wednesday, 1_410, true),
            (&wednesday.plus(2), 540, false),
            (&wednesday.plus(4), 540, false),
        ] {
            assert_eq!(rules.are_open(day, minute, 30), open, "{} {minute}", day.iso());
        }
        assert_eq!((rules.away(&monday), rules.away(&tuesday)), (None, Some("Leave")));
        assert!(Rules::default().are_open(&monday, 0, 30), "who says nothing is there");
    }
}
