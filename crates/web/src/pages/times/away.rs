//! Days, or hours of one day, on which a clinician is away: `notAvailable` of their PractitionerRole.

use access::{Action, Charts};
use fhir::Json;
use jiff::tz::TimeZone;

use crate::clinic::ask::Asking;
use crate::clinic::book::Status;
use crate::clinic::day::{self, Day};
use crate::clinic::moves::object;
use crate::clinic::read::{all, text};
use crate::clinic::rules::Away;
use crate::clinic::time;
use crate::clinic::typed::Typed;
use crate::clinic::week;
use crate::refusal::Refusal;

pub const FIELDS: [&str; 4] = ["from", "until", "hours", "why"];
/// Who is away for longer hands their patients over.
const DAYS_MAX: i64 = 366;
const DAY_MS: i64 = 86_400_000;
/// That are not over.
const AWAY_MAX: usize = 100;
const WHY_CHARS_MAX: usize = 60;
/// Of all that is looked at for who is booked.
const BOOKED_MAX: &str = "500";

/// Which appointments the caller sees of what is booked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Booked {
    All,
    /// Those of patients whom they treat.
    Some,
    Unseen,
}

pub struct Row {
    away: Away,
    /// Names it among all.
    pub key: String,
    pub when: String,
    pub why: String,
    pub holds: bool,
    /// Of the day on which it begins, in the calendar.
    pub day: String,
    /// How many are booked in it.
    pub booked: usize,
    /// Of more appointments than were looked at.
    pub is_cut: bool,
}

impl Booked {
    pub fn of(asking: &Asking<'_>) -> Self {
        let Some(kind) = record::types::parse("Appointment") else { return Self::Unseen };
        match asking.record.policies().scope(asking.caller, Action::Search, kind) {
            Ok(scope) if matches!(scope.charts(), Charts::All) => Self::All,
            Ok(_) => Self::Some,
            Err(_) => Self::Unseen,
        }
    }
}

/// Whether a role says this already, over or not.
pub fn says(role: &Json<'_>, absence: &Json<'_>, zone: &TimeZone) -> bool {
    Away::of(absence, zone).is_some_and(|wanted| Away::all(role, zone).any(|away| away == wanted))
}

/// Those that are not over, the next first.
pub fn rows(roles: &[Json<'static>], now_ms: i64, zone: &TimeZone) -> Vec<Row> {
    let mut away: Vec<Away> = roles.iter().flat_map(|role| Away::all(role, zone)).collect();
    away.retain(|away| away.until_ms > now_ms);
    away.sort_by_key(|away| away.from_ms);
    let row = |away: Away| Row {
        key: key(&away),
        when: when(&away, zone),
        why: away.why.clone(),
        holds: away.from_ms <= now_ms,
        day: Day::of(away.from_ms.max(now_ms), zone).iso(),
        booked: 0,
        is_cut: false,
        away,
    };
    away.into_iter().map(row).collect()
}

/// As a form asks for it; what is wrong with it is said in the form.
pub fn weigh(typed: &mut Typed, held: usize, now_ms: i64, zone: &TimeZone) -> Option<Json<'static>> {
    let from = Day::parse(typed.get("from"), zone);
    let until = match typed.get("until") {
        "" => from.clone(),
        text => Day::parse(text, zone),
    };
    match (&from, &until) {
        (None, _) => typed.slip("from", "Say on which day it begins."),
        (_, None) => typed.slip("until", "Say which day is the last, or leave it empty."),
        (Some(from), Some(until)) if until.date() < from.date() => {
            typed.slip("until", "The last day is before the first.");
        }
        (Some(_), Some(until)) if until.ends_ms() <= now_ms => typed.slip("from", "This is over."),
        (Some(from), Some(until)) if until.ends_ms() - from.begins_ms() > DAYS_MAX * DAY_MS => {
            typed.slip("until", "A time away lasts a year at most.");
        }
        _ => {}
    }
    let hours = week::spans(typed.get("hours"));
    match (&hours, &from, &until) {
        (Err(slip), ..) => typed.slip("hours", slip.clone()),
        (Ok(spans), ..) if spans.len() > 1 => typed.slip("hours", "Say one time at once, such as 10:00–12:00."),
        (Ok(spans), Some(from), Some(until)) if !spans.is_empty() && from != until => {
            typed.slip("hours", "Hours are of one day: leave the last day empty, or the hours.");
        }
        _ => {}
    }
    if typed.get("why").chars().count() > WHY_CHARS_MAX {
        typed.slip("why", format!("Say it in {WHY_CHARS_MAX} letters."));
    }
    if held >= AWAY_MAX {
        typed.slip("from", format!("There are {AWAY_MAX} to come already. Take some out first."));
    }
    let ((from, until), hours) = from.zip(until).zip(hours.ok()).filter(|_| typed.slips.is_empty())?;
    if hours.first().is_some_and(|span| from.at_minute(span.until) <= now_ms) {
        typed.slip("hours", "These hours are over.");
        return None;
    }
    let (start, end) = match hours.first() {
        Some(span) => (day::instant(from.at_minute(span.from)), day::instant(from.at_minute(span.until))),
        None => (from.iso(), until.iso()),
    };
    let why = Some(typed.get("why")).filter(|why| !why.is_empty()).unwrap_or("Away");
    let during = object([("start", Json::string(start)), ("end", Json::string(end))]);
    Some(object([("description", Json::string(why.to_owned())), ("during", during)]))
}

/// What a role says with this one.
pub fn with(role: Option<&Json<'static>>, absence: Json<'static>) -> Vec<Json<'static>> {
    let mut away = role.map_or_else(Vec::new, |role| all(role, "notAvailable").to_vec());
    away.push(absence);
    away
}

/// What a role says without this one, if it says it.
pub fn without(role: &Json<'static>, wanted: &str, zone: &TimeZone) -> Option<Vec<Json<'static>>> {
    let held = all(role, "notAvailable");
    let is_it = |absence: &Json<'_>| Away::of(absence, zone).is_some_and(|away| key(&away) == wanted);
    let rest: Vec<_> = held.iter().filter(|absence| !is_it(absence)).cloned().collect();
    (rest.len() < held.len()).then_some(rest)
}

/// Who is booked in a time away has to be told or moved, and somebody has to see it.
pub async fn count_booked(asking: &Asking<'_>, who: &str, rows: &mut [Row]) -> Result<(), Refusal> {
    let now_ms = asking.record.now_ms();
    let Some(last_ms) = rows.iter().map(|row| row.away.until_ms).max() else { return Ok(()) };
    let last_ms = last_ms.min(now_ms + DAYS_MAX * DAY_MS);
    let (who, from) = (format!("Practitioner/{who}"), format!("ge{}", day::instant(now_ms)));
    let until = format!("lt{}", day::instant(last_ms));
    let pairs = [("actor", who.as_str()), ("date", &from), ("date", &until), ("_sort", "date"), ("_count", BOOKED_MAX)];
    let sheet = asking.search("Appointment", &pairs).await?;
    let held = sheet.resources();
    let held = held.iter().filter(|one| Status::of(one).is_some_and(Status::holds_time));
    let times: Vec<(i64, i64)> = held
        .filter_map(|one| {
            let ms = |name| text(one, name).and_then(time::instant_ms);
            ms("start").map(|start| (start, ms("end").unwrap_or(start + 1)))
        })
        .collect();
    for row in rows {
        let is_in = |(start, end): &&(i64, i64)| *start < row.away.until_ms && row.away.from_ms < *end;
        row.booked = times.iter().filter(is_in).count();
        row.is_cut = sheet.next().is_some();
    }
    Ok(())
}

fn key(away: &Away) -> String {
    format!("{}|{}|{}", away.from_ms, away.until_ms, away.why)
}

/// `05-Jan-2027`, `05-Jan-2027 to 09-Jan-2027`, `05-Jan-2027 10:00 to 12:00`.
fn when(away: &Away, zone: &TimeZone) -> String {
    let first = (away.from_ms != i64::MIN).then(|| Day::of(away.from_ms, zone));
    let last = (away.until_ms != i64::MAX).then(|| Day::of(away.until_ms - 1, zone));
    let is_whole = first.as_ref().is_none_or(|first| first.begins_ms() == away.from_ms)
        && last.as_ref().is_none_or(|last| last.ends_ms() == away.until_ms);
    match (first, last) {
        (None, None) => "Always".to_owned(),
        (Some(first), None) => format!("{}, with no last day", first.short()),
        (None, Some(last)) => format!("until {}", last.short()),
        (Some(first), Some(last)) if is_whole && first == last => first.short(),
        (Some(first), Some(last)) if is_whole => format!("{} to {}", first.short(), last.short()),
        (Some(first), Some(last)) => {
            let (from, until) = (day::clock(away.from_ms, zone), day::clock(away.until_ms, zone));
            match first == last {
                true => format!("{} {from} to {until}", first.short()),
                false => format!("{} {from} to {} {until}", first.short(), last.short()),
            }
        }
    }
}
