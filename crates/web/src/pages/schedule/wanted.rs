//! Which time somebody wants: of whom, when, for how long, and for what.

use access::Action;

use super::{Calendar, may_book};
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::book::{Around, Status, Visit};
use crate::clinic::day::{self, Day};
use crate::clinic::moves::{Act, May};
use crate::clinic::slots::{self, SLOT_MINUTES};
use crate::refusal::Refusal;

pub const MINUTE_MS: i64 = 60_000;
/// How long an appointment can be booked for, and how that is said.
pub const LENGTHS: [(i64, &str); 4] = [(30, "30 minutes"), (60, "1 hour"), (90, "1½ hours"), (120, "2 hours")];

/// Which time of which calendar, and for what.
pub struct Wanted<'c> {
    pub calendar: &'c Calendar,
    pub calendars: &'c [Calendar],
    /// Minutes since 1970; none for who walks in now.
    pub at: Option<i64>,
    pub when: String,
    /// How long it is.
    pub minutes: i64,
    pub day: String,
    pub is_video: bool,
    /// Nobody said yet whom they see who walk in.
    pub is_unchosen: bool,
    /// Who books reads why people come, too.
    pub sees_reasons: bool,
    /// Who is moved here, instead of somebody who is to be found.
    pub moved: Option<(Visit, u32)>,
    pub moved_from: String,
}

impl<'c> Wanted<'c> {
    pub async fn of<'v>(
        asked: &Asked<'_>,
        asking: &Asking<'_>,
        calendars: &'c [Calendar],
        value: &impl Fn(&str) -> &'v str,
    ) -> Result<Wanted<'c>, Refusal> {
        if !may_book(asking) {
            return Err(Refusal::NotYours);
        }
        let (zone, now_ms) = (asked.web.zone(), asked.web.record().now_ms());
        let who = value("who");
        let first = calendars.first().filter(|_| matches!(who, "" | "all"));
        let named = calendars.iter().find(|one| one.practitioner == who);
        let calendar = named.or(first).ok_or(Refusal::Invalid("there is no such calendar"))?;
        // There is nothing to choose among one.
        let is_unchosen = named.is_none() && calendars.len() > 1;
        let at = match value("at") {
            "" if value("walk-in") == "yes" => None,
            text => Some(text.parse::<i64>().map_err(|_| Refusal::Invalid("there is no such time"))?),
        };
        let start_ms = at.map_or(now_ms - now_ms.rem_euclid(MINUTE_MS), |at| at.saturating_mul(MINUTE_MS));
        let day = Day::of(start_ms, zone);
        let is_open =
            || slots::open_minutes(&day, asked.web.hours(), &calendar.rules).contains(&day.minute_of(start_ms));
        if at.is_some_and(|_| !is_open()) {
            return Err(Refusal::Invalid(
                "this time is not for booking: the organization is closed, or the clinician not there",
            ));
        }
        let moved = match value("move") {
            "" => None,
            id => Some(visit(asked, asking, id).await?),
        };
        let minutes = match (&moved, value("minutes")) {
            (Some((visit, _)), _) => (visit.end_ms() - visit.start_ms) / MINUTE_MS,
            (None, "") => i64::from(SLOT_MINUTES),
            (None, text) => text
                .parse()
                .ok()
                .filter(|minutes| LENGTHS.iter().any(|(length, _)| length == minutes))
                .ok_or(Refusal::Invalid("no appointment is as long as that"))?,
        };
        let when = format!("{} {}", day.title(), day::clock(start_ms, zone));
        let is_video = match &moved {
            Some((visit, _)) => visit.is_video,
            None => value("kind") == "video",
        };
        let moved_from = moved
            .as_ref()
            .map_or_else(String::new, |(visit, _)| format!("{} {}", Day::of(visit.start_ms, zone).title(), visit.time));
        let sees_reasons = asking.shows(Action::Search, "Appointment", "reasonCode");
        let day = day.iso();
        Ok(Wanted {
            calendar,
            calendars,
            at,
            when,
            minutes,
            day,
            is_video,
            is_unchosen,
            sees_reasons,
            moved,
            moved_from,
        })
    }

    /// The list of that day, which says what was done with which appointment.
    pub fn address(&self, done: &str, id: &str) -> String {
        format!("/today?day={}&who={}&{done}={id}", self.day, self.calendar.practitioner)
    }

    /// Behind the address of the page of this time.
    pub fn page(&self) -> String {
        let who = if self.is_unchosen { "" } else { self.calendar.practitioner.as_str() };
        let time = self.at.map_or_else(|| "walk-in=yes".to_owned(), |at| format!("at={at}"));
        let kind = if self.is_video { "&kind=video" } else { "" };
        let length =
            if self.minutes == i64::from(SLOT_MINUTES) { String::new() } else { format!("&minutes={}", self.minutes) };
        format!("who={who}&{time}{kind}{length}")
    }

    /// The appointment that is to move is there.
    pub fn stands(&self) -> bool {
        let Some((visit, _)) = &self.moved else { return false };
        self.at.is_some_and(|at| at * MINUTE_MS == visit.start_ms)
            && visit.clinicians.first().is_some_and(|one| one.id == self.calendar.practitioner)
    }

    pub fn at_ms(&self, now_ms: i64) -> i64 {
        self.at.map_or(now_ms - now_ms.rem_euclid(MINUTE_MS), |at| at * MINUTE_MS)
    }

    /// What is said where somebody has the time, or a part of it.
    pub fn is_taken(&self) -> &'static str {
        match (&self.moved, self.minutes > i64::from(SLOT_MINUTES)) {
            (Some(_), true) => {
                "Not all of the time that this appointment takes is free there. Nothing was moved; choose another time."
            }
            (None, true) => {
                "Not all of this time is free. Nothing was booked; choose a shorter one, or another time. What you typed stays."
            }
            (Some(_), false) => "Somebody has this time already. Nothing was moved; choose another one.",
            (None, false) => {
                "Somebody has this time already. Nothing was booked; choose another one, what you typed stays."
            }
        }
    }

    pub fn end_ms(&self, now_ms: i64) -> i64 {
        self.at_ms(now_ms) + self.minutes * MINUTE_MS
    }

    pub fn at_text(&self) -> String {
        self.at.map_or_else(String::new, |at| at.to_string())
    }

    pub fn is_of(&self, calendar: &Calendar) -> bool {
        !self.is_unchosen && calendar.practitioner == self.calendar.practitioner
    }
}

/// An appointment by id, with its version.
pub async fn visit(asked: &Asked<'_>, asking: &Asking<'_>, id: &str) -> Result<(Visit, u32), Refusal> {
    let pairs = [("_id", id), ("_include", "Appointment:patient"), ("_include", "Appointment:practitioner")];
    let sheet = asking.search("Appointment", &pairs).await?;
    let (zone, now_ms) = (asked.web.zone(), asked.web.record().now_ms());
    let around = Around::of(&[&sheet], &Day::of(now_ms, zone));
    let resources = sheet.resources();
    let held = resources.iter().find(|one| one.resource_type() == Some("Appointment"));
    let visit = held.and_then(|held| Visit::of(held, &around, now_ms, zone)).ok_or(Refusal::NotFound)?;
    if visit.status != Status::Expected || !Act::Cancel.fits(visit.status, May::of(asking)) {
        return Err(Refusal::Invalid("only an appointment that is still to come can be moved"));
    }
    let version = visit.version;
    Ok((visit, version))
}
