//! The calendar: a week of one clinician or a day of all, with what is taken, what is closed, and, for who sees every appointment, what
//! is free to book.

mod also;
mod book;
mod hold;
mod make;
mod wanted;

use access::{Action, Charts};
use askama::Template;
use http::StatusCode;
use identity::Session;

use super::Answer;
use super::today::{asking, query};
use crate::answer;
use crate::assets::{Asset, CALENDAR_CSS, Frame, PRINT};
use crate::client::Asked;
use crate::clinic::ask::{Asking, Sheet, known};
use crate::clinic::book::{Around, Person, Visit};
use crate::clinic::day::{self, Day};
use crate::clinic::moves;
use crate::clinic::read::{all, reference, text};
use crate::clinic::rules::Rules;
use crate::clinic::shell::{Place, Shell};
use crate::clinic::slots::{self, Held};
use crate::clinic::ties;
use crate::refusal::Refusal;

pub use book::{book, find, page as booking};

const CALENDARS_MAX: &str = "200";
const ROLES_MAX: &str = "500";
/// Appointments and slots of a week; beyond that nothing is offered, for it could be taken.
const WEEK_MAX: &str = "1000";
const WEEK_DAYS: i64 = 7;

#[derive(Template)]
#[template(path = "schedule.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    css: &'static Asset,
    print: &'static Asset,
    title: String,
    day: String,
    before: String,
    after: String,
    today: String,
    who: String,
    calendars: Vec<Calendar>,
    columns: Vec<Column>,
    rows: Vec<Row>,
    may_book: bool,
    /// Says when they see patients.
    keeps_times: bool,
    is_week: bool,
    is_cut: bool,
    is_part2: bool,
    /// The appointment that looks for another time, and who it is of.
    moving: Option<Moving>,
    /// Who is to be booked, where one comes from a chart.
    patient: Option<Person>,
    /// Either again, for addresses.
    more: String,
}

struct Moving {
    id: String,
    name: String,
    when: String,
}

/// A clinician's calendar.
#[derive(Clone)]
pub struct Calendar {
    pub schedule: String,
    pub practitioner: String,
    pub name: String,
    pub rules: Rules,
}

struct Column {
    heading: String,
    under: String,
    is_today: bool,
    /// In a narrow window a week shows the day that was asked for, and a way to the others.
    is_other: bool,
    iso: String,
    /// Why there is no time at all.
    closed: Option<String>,
}

struct Row {
    time: String,
    cells: Vec<Cell>,
}

struct Cell {
    lines: Vec<Line>,
    state: &'static str,
    /// Whose calendar and when, where it can be booked.
    offer: Option<Offer>,
}

struct Offer {
    who: String,
    at: i64,
    label: String,
}

struct Line {
    visit_day: String,
    id: String,
    who: String,
    time: String,
    name: String,
    /// `14-Jul-1968 · MRN 4718`, on paper.
    known_by: String,
    status: &'static str,
    is_off: bool,
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let asked_for = query(asked);
    let value = |wanted: &str| asked_for.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let (zone, now_ms) = (asked.web.zone(), asked.web.record().now_ms());
    let day = match value("day") {
        Some(text) => Day::parse(text, zone).ok_or(Refusal::Invalid("a day is written 2026-11-26"))?,
        None => Day::of(now_ms, zone),
    };
    let calendars = calendars(asked, &asking).await?;
    let own = asking.record.own_practitioner(asking.caller).await?;
    let named = |id: &str| calendars.iter().find(|one| one.practitioner == id);
    let chosen = match value("who") {
        Some("all") => None,
        Some(id) => Some(named(id).ok_or(Refusal::Invalid("there is no such calendar"))?),
        None => own.as_deref().and_then(named),
    };
    let moving = match value("move") {
        Some(id) => Some(moving(asked, &asking, id).await?),
        None => None,
    };
    let patient = match value("patient").filter(|_| moving.is_none() && may_book(&asking)) {
        Some(id) => Some(book::one(asked, &asking, id).await?.person),
        None => None,
    };
    let view = View { day, calendars: &calendars, chosen, moving, patient };
    let page = shown(asked, &session, &asking, view).await?;
    Ok(answer::page(StatusCode::OK, &page))
}

struct View<'v> {
    day: Day,
    calendars: &'v [Calendar],
    chosen: Option<&'v Calendar>,
    moving: Option<Moving>,
    patient: Option<Person>,
}

async fn shown<'a>(
    asked: &Asked<'a>,
    session: &'a Session,
    asking: &Asking<'_>,
    view: View<'_>,
) -> Result<Page<'a>, Refusal> {
    let View { day, calendars, chosen, moving, patient } = view;
    let (zone, now_ms) = (asked.web.zone(), asked.web.record().now_ms());
    let is_week = chosen.is_some();
    // A column is a calendar on a day.
    let columns: Vec<(Day, &Calendar)> = match chosen {
        Some(one) => (0..WEEK_DAYS).map(|at| (day.monday().plus(at), one)).collect(),
        None => calendars.iter().map(|one| (day.clone(), one)).collect(),
    };
    let (first, last) =
        if is_week { (day.monday(), day.monday().plus(WEEK_DAYS - 1)) } else { (day.clone(), day.clone()) };
    let taken = Taken::between(asking, &first, &last, chosen).await?;
    let around = Around::of(&[&taken.booked], &day);
    let resources = taken.booked.resources();
    let visits: Vec<Visit> = { resources.iter() }
        .filter(|one| one.resource_type() == Some("Appointment"))
        .filter_map(|one| Visit::of(one, &around, now_ms, zone))
        .collect();
    let may_book = may_book(asking) && !taken.is_cut();
    let open: Vec<Vec<u16>> = { columns.iter() }
        .map(|(day, calendar)| slots::open_minutes(day, asked.web.hours(), &calendar.rules))
        .collect();
    let of_column = |day: &Day, calendar: &Calendar| -> Vec<&Visit> {
        let is_with = |visit: &&Visit| visit.clinicians.iter().any(|one| one.id == calendar.practitioner);
        visits.iter().filter(is_with).filter(|visit| day.holds(visit.start_ms)).collect()
    };
    // What was booked outside the hours has its row, too.
    let mut minutes: Vec<u16> = open.iter().flatten().copied().collect();
    for (day, calendar) in &columns {
        minutes.extend(of_column(day, calendar).iter().map(|visit| slots::row_of(day.minute_of(visit.start_ms))));
    }
    minutes.sort_unstable();
    minutes.dedup();
    let mut rows: Vec<Row> = minutes.iter().map(|minute| Row { time: clock_of(*minute), cells: Vec::new() }).collect();
    let (mut heads, chosen_day) = (Vec::new(), day.clone());
    for ((day, calendar), open) in columns.iter().zip(&open) {
        let (visits, held) = (of_column(day, calendar), taken.held(&calendar.schedule));
        let cells = slots::column(day, &minutes, open, &visits, &held, now_ms);
        for (row, cell) in rows.iter_mut().zip(&cells) {
            row.cells.push(Cell::of(cell, day, calendar, may_book, zone));
        }
        heads.push(Column {
            heading: if is_week { day.weekday().to_owned() } else { calendar.name.clone() },
            under: if is_week { day.short() } else { String::new() },
            is_today: day.holds(now_ms),
            is_other: is_week && *day != chosen_day,
            iso: day.iso(),
            closed: { open.is_empty() }.then(|| calendar.rules.away(day).unwrap_or("closed").to_owned()),
        });
    }
    let step = if is_week { WEEK_DAYS } else { 1 };
    Ok(Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Schedule),
        css: &CALENDAR_CSS,
        print: &PRINT,
        title: match chosen {
            Some(one) => format!("{}, {} to {}", one.name, first.short(), last.short()),
            None => day.title(),
        },
        before: day.plus(-step).iso(),
        after: day.plus(step).iso(),
        today: Day::of(now_ms, zone).iso(),
        day: day.iso(),
        who: chosen.map_or_else(|| "all".to_owned(), |one| one.practitioner.clone()),
        calendars: calendars.to_vec(),
        columns: heads,
        rows,
        may_book,
        keeps_times: ties::keeps(asking),
        is_week,
        is_cut: taken.is_cut(),
        is_part2: taken.booked.is_part2(),
        more: match (&moving, &patient) {
            (Some(moving), _) => format!("&move={}", moving.id),
            (None, Some(patient)) => format!("&patient={}", patient.id),
            (None, None) => String::new(),
        },
        moving,
        patient,
    })
}

/// What lies between two days: appointments that may be seen, and slots that are taken by whomever.
pub struct Taken {
    pub booked: Sheet,
    slots: Sheet,
}

impl Taken {
    pub async fn between(
        asking: &Asking<'_>,
        first: &Day,
        last: &Day,
        chosen: Option<&Calendar>,
    ) -> Result<Self, Refusal> {
        let (from, until) =
            (format!("ge{}", day::instant(first.begins_ms())), format!("lt{}", day::instant(last.ends_ms())));
        let who = chosen.map(|one| format!("Practitioner/{}", one.practitioner));
        let mut pairs = vec![("date", from.as_str()), ("date", &until), ("_count", WEEK_MAX)];
        pairs.extend([("_include", "Appointment:patient"), ("_include", "Appointment:practitioner")]);
        pairs.extend(who.iter().map(|who| ("actor", who.as_str())));
        let booked = asking.search("Appointment", &pairs).await?;
        let schedule = chosen.map(|one| format!("Schedule/{}", one.schedule));
        let mut pairs = vec![("start", from.as_str()), ("start", &until), ("_count", WEEK_MAX)];
        pairs.extend(schedule.iter().map(|schedule| ("schedule", schedule.as_str())));
        let slots = asking.search_if_ever("Slot", &pairs).await?;
        Ok(Self { booked, slots })
    }

    fn is_cut(&self) -> bool {
        self.booked.next().is_some() || self.slots.next().is_some()
    }

    pub fn held(&self, schedule: &str) -> Vec<Held> {
        self.held_by_others(schedule, None)
    }

    /// Without what the named appointment holds.
    pub fn held_by_others(&self, schedule: &str, appointment: Option<&str>) -> Vec<Held> {
        let booked = self.booked.resources();
        let own = booked.iter().find(|one| appointment.is_some() && text(one, "id") == appointment);
        let own: Vec<&str> = own.into_iter().flat_map(moves::slots).collect();
        let is_of =
            |slot: &&fhir::Json<'_>| slot.get("schedule").and_then(reference).is_some_and(|(_, id)| id == schedule);
        let is_theirs = |slot: &&fhir::Json<'_>| text(slot, "id").is_some_and(|id| own.contains(&id));
        let slots = self.slots.resources();
        slots.iter().filter(is_of).filter(|slot| !is_theirs(slot)).filter_map(Held::of).collect()
    }
}

impl Column {
    /// `Mon` of a column that is a day.
    fn letters(&self) -> &str {
        self.heading.get(..3).unwrap_or(&self.heading)
    }

    /// `27` of `27-Nov-2026`.
    fn number(&self) -> &str {
        self.under.get(..2).unwrap_or_default()
    }
}

impl Cell {
    fn of(cell: &slots::Cell<'_>, day: &Day, calendar: &Calendar, may_book: bool, zone: &jiff::tz::TimeZone) -> Self {
        let line = |visit: &&Visit| Line {
            visit_day: day.iso(),
            id: visit.id.clone(),
            who: calendar.practitioner.clone(),
            time: visit.time.clone(),
            name: visit.patient.as_ref().map_or_else(|| "Withheld".to_owned(), |patient| patient.name.clone()),
            known_by: visit.patient.as_ref().map_or_else(String::new, Person::known_by),
            status: visit.status.word(),
            is_off: !visit.status.holds_time(),
        };
        let is_offered = may_book && cell.is_free();
        let state = match () {
            () if !cell.visits.is_empty() && cell.visits.iter().any(|visit| visit.status.holds_time()) => "taken",
            () if cell.is_held => "held",
            () if !cell.is_open => "shut",
            () if cell.is_past => "past",
            () => "open",
        };
        let offer = is_offered.then(|| Offer {
            who: calendar.practitioner.clone(),
            at: cell.start_ms / 60_000,
            label: format!("{} {}, {}", day.short(), day::clock(cell.start_ms, zone), calendar.name),
        });
        Self { lines: cell.visits.iter().map(line).collect(), state, offer }
    }
}

/// Calendars that are kept, by clinician.
pub async fn calendars(asked: &Asked<'_>, asking: &Asking<'_>) -> Result<Vec<Calendar>, Refusal> {
    let pairs = [("active", "true"), ("_include", "Schedule:actor"), ("_count", CALENDARS_MAX)];
    let sheet = asking.search_if_ever("Schedule", &pairs).await?;
    let zone = asked.web.zone();
    let around = Around::of(&[&sheet], &Day::of(asked.web.record().now_ms(), zone));
    let who: Vec<String> = { around.clinicians().into_iter() }.map(|one| format!("Practitioner/{}", one.id)).collect();
    let roles = match who.is_empty() {
        true => Sheet::default(),
        false => {
            let pairs =
                [("practitioner", who.join(",")), ("active", "true".to_owned()), ("_count", ROLES_MAX.to_owned())];
            let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
            asking.search_if_ever("PractitionerRole", &pairs).await?
        }
    };
    let roles = roles.resources();
    let of = |practitioner: &str| {
        let is_theirs = |role: &&fhir::Json<'_>| {
            role.get("practitioner").and_then(reference).is_some_and(|(_, id)| id == practitioner)
        };
        Rules::of(roles.iter().filter(is_theirs), zone)
    };
    let mut calendars = Vec::new();
    for schedule in sheet.resources().iter().filter(|one| one.resource_type() == Some("Schedule")) {
        let actors = all(schedule, "actor").iter().filter_map(reference);
        let practitioner = { actors }.find(|(kind, _)| *kind == "Practitioner").map(|(_, id)| id.to_owned());
        let (Some(id), Some(practitioner)) = (text(schedule, "id"), practitioner) else { continue };
        let (name, rules) = (around.clinician(&practitioner), of(&practitioner));
        calendars.push(Calendar { schedule: id.to_owned(), name, practitioner, rules });
    }
    calendars.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(calendars)
}

/// Only who sees every appointment knows what is free: to others a time looks free that a patient of somebody else has.
pub fn may_book(asking: &Asking<'_>) -> bool {
    let Ok(kind) = known("Appointment") else { return false };
    let scope = asking.record.policies().scope(asking.caller, Action::Search, kind);
    scope.is_ok_and(|scope| matches!(scope.charts(), Charts::All))
        && asking.may_ever(Action::Create, "Appointment")
        && asking.may_ever(Action::Create, "Slot")
}

async fn moving(asked: &Asked<'_>, asking: &Asking<'_>, id: &str) -> Result<Moving, Refusal> {
    let zone = asked.web.zone();
    let visit = wanted::visit(asked, asking, id).await?.0;
    let day = Day::of(visit.start_ms, zone);
    let name = visit.patient.as_ref().map_or_else(|| "Withheld".to_owned(), |patient| patient.name.clone());
    Ok(Moving { id: visit.id, name, when: format!("{} {}", day.short(), visit.time) })
}

fn clock_of(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}
