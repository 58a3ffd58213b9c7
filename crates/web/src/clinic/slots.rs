//! The times of a clinician's calendar: open, free, taken. A free time is a rule (the organization's hours, in half hours) less what is
//! there; only once somebody books it is it a Slot, under an id that follows from calendar and time. So two who book one time write
//! one resource, and the record lets one of them win.

use fhir::Json;
use identity::Hours;

use super::book::Visit;
use super::day::Day;
use super::moves::object;
use super::read::text;
use super::rules::Rules;
use super::time;

pub const SLOT_MINUTES: u16 = 30;
const SLOT_MS: i64 = SLOT_MINUTES as i64 * 60_000;
const DAY_MINUTES: u16 = 24 * 60;
/// Where the organization sets no hours.
const USUAL: std::ops::Range<u16> = 8 * 60..17 * 60;

/// One time of one column.
pub struct Cell<'v> {
    pub start_ms: i64,
    pub is_open: bool,
    pub is_past: bool,
    /// What begins in it.
    pub visits: Vec<&'v Visit>,
    /// Something that began before goes on, or the time is blocked.
    pub is_held: bool,
}

/// A Slot that somebody made.
pub struct Held {
    status: String,
    start_ms: i64,
    end_ms: i64,
}

impl Cell<'_> {
    pub fn is_free(&self) -> bool {
        self.is_open && !self.is_past && !self.is_held && self.visits.iter().all(|visit| !visit.status.holds_time())
    }
}

impl Held {
    pub fn of(slot: &Json<'_>) -> Option<Self> {
        let ms = |name| text(slot, name).and_then(time::instant_ms);
        Some(Self { status: text(slot, "status")?.to_owned(), start_ms: ms("start")?, end_ms: ms("end")? })
    }

    /// Something between these; also where policy shows nobody whose appointment it is.
    pub fn blocks(&self, start_ms: i64, end_ms: i64) -> bool {
        self.status.starts_with("busy") && self.start_ms < end_ms && self.end_ms > start_ms
    }
}

/// Minutes of a day at which a slot begins while the organization is open and the clinician there.
pub fn open_minutes(day: &Day, hours: Option<&Hours>, rules: &Rules) -> Vec<u16> {
    let is_there = |minute: &u16| rules.are_open(day, *minute, SLOT_MINUTES);
    let is_open = |minute: u16| match hours {
        Some(hours) => {
            let last = day.at_minute(minute) + SLOT_MS - 1;
            hours.are_open(day.at_minute(minute)) && hours.are_open(last)
        }
        None => USUAL.contains(&minute),
    };
    // A minute that the clocks skip is none.
    let is_shown = |minute: &u16| day.minute_of(day.at_minute(*minute)) == *minute;
    (0..DAY_MINUTES)
        .step_by(usize::from(SLOT_MINUTES))
        .filter(|minute| is_open(*minute))
        .filter(is_shown)
        .filter(is_there)
        .collect()
}

/// The row in which a time stands.
pub fn row_of(minute: u16) -> u16 {
    minute - minute % SLOT_MINUTES
}

/// One column: its cells at the given minutes.
pub fn column<'v>(
    day: &Day,
    minutes: &[u16],
    open: &[u16],
    visits: &[&'v Visit],
    held: &[Held],
    now_ms: i64,
) -> Vec<Cell<'v>> {
    let cell = |minute: &u16| {
        let start_ms = day.at_minute(*minute);
        let end_ms = start_ms + SLOT_MS;
        let begins = |visit: &&&Visit| (start_ms..end_ms).contains(&visit.start_ms);
        let goes_on = |visit: &&Visit| {
            visit.status.holds_time() && visit.start_ms < start_ms && visit.start_ms + visit.minutes * 60_000 > start_ms
        };
        Cell {
            start_ms,
            is_open: open.contains(minute),
            is_past: end_ms <= now_ms,
            visits: visits.iter().filter(begins).copied().collect(),
            is_held: visits.iter().any(goes_on) || held.iter().any(|slot| slot.blocks(start_ms, end_ms)),
        }
    };
    minutes.iter().map(cell).collect()
}

/// Whether somebody has the time of a Slot.
pub fn is_busy(slot: &Json<'_>) -> bool {
    text(slot, "status").is_some_and(|status| status.starts_with("busy"))
}

/// The id of the Slot of a time in a calendar.
pub fn id(schedule: &str, start_ms: i64) -> String {
    format!("{schedule}.{}", start_ms / 60_000)
}

/// The Slot of a time, taken. The comment says when, so that taking it again is another version.
pub fn busy(schedule: &str, start_ms: i64, now: &str) -> Json<'static> {
    use super::day::instant;
    object([
        ("resourceType", Json::string("Slot")),
        ("id", Json::string(id(schedule, start_ms))),
        ("schedule", object([("reference", Json::string(format!("Schedule/{schedule}")))])),
        ("status", Json::string("busy")),
        ("start", Json::string(instant(start_ms))),
        ("end", Json::string(instant(start_ms + SLOT_MS))),
        ("comment", Json::string(format!("taken {now}"))),
    ])
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text, &TimeZone::get("America/New_York").unwrap()).unwrap()
    }

    #[test]
    fn hours_holidays_and_the_skipped_hour_close_times() {
        assert_eq!(
            open_minutes(&day("2026-11-26"), None, &Rules::default()),
            (480..1020).step_by(30).collect::<Vec<u16>>()
        );
        let hours = Hours::weekly("America/New_York", "Mon-Fri 09:00-11:15; Sun 01:00-04:00", &["2026-11-26"]).unwrap();
        assert_eq!(open_minutes(&day("2026-11-25"), Some(&hours), &Rules::default()), [540, 570, 600, 630]);
        assert!(open_minutes(&day("2026-11-26"), Some(&hours), &Rules::default()).is_empty(), "a holiday");
        assert!(open_minutes(&day("2026-11-28"), Some(&hours), &Rules::default()).is_empty(), "a Saturday");
        assert_eq!(
            open_minutes(&day("2026-03-08"), Some(&hours), &Rules::default()),
            [60, 90, 180, 210],
            "two o'clock never comes"
        );
    }
}
