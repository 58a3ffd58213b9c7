//! Today: the schedule and the waiting room in one list, by clinician and day, and what is done with each appointment.

pub mod act;
mod back;
mod cancel;
mod events;
mod forms;
mod interpreter;
mod said;
mod whose;

use askama::Template;
use http::StatusCode;
use identity::Session;

use super::Answer;
use crate::answer;
use crate::assets::{Asset, Frame, ONCE, PRINT, TODAY};
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::book::{Around, Status, Visit};
use crate::clinic::day::{self, Day};
use crate::clinic::moves::{Act, May};
use crate::clinic::read::{reference, text};
use crate::clinic::shell::{Place, Shell, sees_the_day};
use crate::refusal::Refusal;

pub use act::{act, freed};
pub use cancel::page as cancel;
pub use events::stream as events;
pub use interpreter::{page as interpreter, save as save_interpreter, set as interpreted};
pub use whose::Whose;

use forms::Forms;
use whose::{Choices, Who};

/// Appointments of one day that a page lists; a clinic with more looks by clinician.
pub const VISITS_MAX: usize = 500;
/// Visits of earlier days that were never ended, on top of one's own list.
const STILL_OPEN_MAX: &str = "8";

#[derive(Template)]
#[template(path = "today.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    script: &'static Asset,
    once: &'static Asset,
    print: &'static Asset,
    list: List<'a>,
    /// What was done on the page before.
    said: Option<String>,
    choices: Choices,
    still_open: Vec<Open>,
    may_book: bool,
    /// What else waits for whoever looks.
    work: Vec<Work>,
}

pub struct Work {
    pub count: u64,
    pub words: &'static str,
    pub address: &'static str,
}

/// What the script asks for when something changed.
#[derive(Template)]
#[template(path = "today_part.html")]
struct Part<'a> {
    list: List<'a>,
}

/// The list and what stands right above it.
struct List<'a> {
    csrf: &'a str,
    title: String,
    day: String,
    before: String,
    after: String,
    today: String,
    is_today: bool,
    whose: Whose,
    /// Whose list it is in words; empty for everybody's.
    with: String,
    as_of: String,
    tallies: Vec<Tally>,
    rows: Vec<Row>,
    has_reasons: bool,
    is_part2: bool,
    is_cut: bool,
}

struct Tally {
    count: usize,
    words: &'static str,
    more: Option<String>,
}

struct Row {
    visit: Visit,
    /// Forms that the patient was asked to fill in, and how many of them are.
    forms: Option<Forms>,
    first: Option<Act>,
    others: Vec<Act>,
    /// Why there is no way back, where one would look for it.
    never: Option<&'static str>,
    may_cancel: bool,
    may_move: bool,
    /// Says who interprets, for who needs it or speaks another language.
    may_interpret: bool,
    /// The room of a video visit, for who may open it.
    has_room: bool,
    /// Since when the patient is in the waiting room of the video visit.
    knocks: Option<String>,
    /// The one filled button of the page: the next step.
    is_next: bool,
}

/// One's own visit of an earlier day that nobody ended.
struct Open {
    patient: Option<crate::clinic::book::Person>,
    since: String,
}

/// Which list is asked for: in the query, where a day and an opaque id tell nothing of a patient.
pub struct Chosen {
    pub day: Day,
    pub whose: Whose,
    own: Option<String>,
    choices: Choices,
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let chosen = Chosen::of(asked, &asking, &query(asked)).await?;
    let still_open = still_open(asked, &asking, &chosen).await?;
    let list = List::of(asked, &session, &asking, &chosen).await?;
    let said = said::of(&query(asked), list.rows.iter().map(|row| &row.visit), asked.web.zone());
    let page = Page {
        said,
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, &session, Place::Today),
        script: &TODAY,
        once: &ONCE,
        print: &PRINT,
        list,
        choices: chosen.choices,
        still_open,
        may_book: super::schedule::may_book(&asking),
        work: super::inbox::counts(asked, &asking).await?,
    };
    Ok(answer::page(StatusCode::OK, &page))
}

/// Asked for by the script by itself: no sign of a person.
pub async fn part(asked: &Asked<'_>) -> Answer {
    let session = asked.watcher().await?;
    let asking = asking(asked, &session)?;
    let chosen = Chosen::of(asked, &asking, &query(asked)).await?;
    let list = List::of(asked, &session, &asking, &chosen).await?;
    Ok(answer::page(StatusCode::OK, &Part { list }))
}

/// Nobody else learns that there is such a page.
pub fn asking<'a>(asked: &Asked<'a>, session: &'a Session) -> Result<Asking<'a>, Refusal> {
    let caller = session.caller.as_ref().filter(|caller| sees_the_day(asked.web, caller)).ok_or(Refusal::NotFound)?;
    Ok(Asking { record: asked.web.record(), caller })
}

/// Parameters of the address.
pub fn query(asked: &Asked<'_>) -> Vec<(String, String)> {
    let query = asked.parts.uri.query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).into_owned().take(8).collect()
}

impl May {
    pub fn of(asking: &Asking<'_>) -> Self {
        use access::Action::{Create, Update};
        Self {
            book: asking.may_ever(Update, "Appointment"),
            treat: asking.may_ever(Create, "Encounter"),
            offer: super::schedule::may_book(asking),
        }
    }
}

impl Chosen {
    async fn of(asked: &Asked<'_>, asking: &Asking<'_>, query: &[(String, String)]) -> Result<Self, Refusal> {
        let value = |wanted: &str| query.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        let zone = asked.web.zone();
        let day = match value("day") {
            Some(text) => Day::parse(text, zone).ok_or(Refusal::Invalid("a day is written 2026-11-26"))?,
            None => Day::of(asked.web.record().now_ms(), zone),
        };
        let choices = Choices::of(asked, asking).await?;
        let own = asking.record.own_practitioner(asking.caller).await?;
        let mine = own.as_ref().filter(|own| choices.clinicians.iter().any(|one| one.id == **own));
        let mine = || mine.map_or_else(Whose::default, |own| Whose::of_clinician(own));
        let whose = Whose::asked(query)?.unwrap_or_else(mine);
        Ok(Self { day, whose, own, choices })
    }
}

impl<'a> List<'a> {
    async fn of(
        asked: &Asked<'_>,
        session: &'a Session,
        asking: &Asking<'_>,
        chosen: &Chosen,
    ) -> Result<List<'a>, Refusal> {
        let (day, zone, now_ms) = (&chosen.day, asked.web.zone(), asked.web.record().now_ms());
        let (from, until) =
            (format!("ge{}", day::instant(day.begins_ms())), format!("lt{}", day::instant(day.ends_ms())));
        let actors = chosen.whose.actors(&chosen.choices);
        let count = VISITS_MAX.to_string();
        let mut pairs = vec![("date", from.as_str()), ("date", &until), ("_sort", "date"), ("_count", &count)];
        pairs.extend([("_include", "Appointment:patient"), ("_include", "Appointment:practitioner")]);
        pairs.extend(actors.iter().map(|any_of| ("actor", any_of.as_str())));
        let booked = asking.search("Appointment", &pairs).await?;
        let mut pairs = vec![("date", from.as_str()), ("date", &until), ("status", "in-progress,onleave,finished")];
        pairs.push(("_count", &count));
        if chosen.whose.who != Who::Everybody {
            pairs.extend(actors.first().map(|any_of| ("participant", any_of.as_str())));
        }
        let begun = asking.search_if_ever("Encounter", &pairs).await?;
        let around = Around::of(&[&booked, &begun], day);
        let may = May::of(asking);
        let may_move = super::schedule::may_book(asking);
        let today = Day::of(now_ms, zone);
        let appointments = booked.resources();
        let mut rows: Vec<Row> = { appointments.iter() }
            .filter(|resource| resource.resource_type() == Some("Appointment"))
            .filter_map(|appointment| Visit::of(appointment, &around, now_ms, zone))
            .map(|visit| Row::of(visit, may, may_move, &today))
            .collect();
        let asked_for = forms::of(asking, rows.iter().filter_map(|row| row.visit.patient.as_ref())).await?;
        let may_host = super::visit::may_host(asking);
        for row in &mut rows {
            let is_over = matches!(row.visit.status, Status::Done | Status::Missed | Status::Cancelled);
            row.has_room = may_host && row.visit.is_video && !is_over && row.visit.patient.is_some();
            let room = asked.web.hall().view(&row.visit.id).filter(|_| row.visit.is_video);
            row.knocks = room.and_then(|room| room.waits_since).map(|since_ms| day::clock(since_ms, zone));
            row.forms = row.visit.patient.as_ref().and_then(|patient| asked_for.get(&patient.id).copied());
        }
        rows.sort_by_key(|row| (row.visit.start_ms, row.visit.status == Status::Cancelled));
        let waits = |row: &Row| (row.visit.status.waits() && row.first.is_some()) || row.may_let_in();
        if let Some(next) = rows.iter_mut().find(|row| waits(row)) {
            next.is_next = true;
        }
        let is_today = day.holds(now_ms);
        Ok(List {
            csrf: &session.csrf,
            title: if is_today { format!("Today, {}", day.title()) } else { day.title() },
            day: day.iso(),
            before: day.plus(-1).iso(),
            after: day.plus(1).iso(),
            today: today.iso(),
            is_today,
            with: chosen.whose.words(&chosen.choices),
            whose: chosen.whose.clone(),
            as_of: day::clock(now_ms, zone),
            tallies: tallies(&rows),
            has_reasons: rows.iter().any(|row| row.visit.reason.is_some()),
            is_part2: booked.is_part2() || begun.is_part2(),
            is_cut: booked.next().is_some(),
            rows,
        })
    }
}

impl Row {
    fn of(visit: Visit, may: May, may_move: bool, today: &Day) -> Self {
        let (first, mut others) = Act::offered(visit.status, may);
        let may_cancel = others.contains(&Act::Cancel);
        // Asks for a reason, on a page of its own.
        others.retain(|act| *act != Act::Cancel);
        let is_of_call = others.contains(&Act::Reopen) && visit.is_video && today.holds(visit.start_ms);
        let never = if is_of_call { back::barred(Act::Reopen, &visit, today) } else { None };
        others.retain(|act| back::barred(*act, &visit, today).is_none());
        let may_move = may_move && visit.status == Status::Expected;
        let speaks_other = visit.interpreter.is_some() || visit.language.is_some();
        let may_interpret = may.book && speaks_other && visit.status.holds_time();
        let (forms, knocks, has_room, is_next) = (None, None, false, false);
        Self { visit, forms, first, others, never, may_cancel, may_move, may_interpret, has_room, knocks, is_next }
    }

    /// Opens the room and lets the patient in, in one press.
    fn may_let_in(&self) -> bool {
        self.has_room && self.knocks.is_some()
    }

    fn has_more(&self) -> bool {
        self.may_cancel || self.may_move || self.may_interpret || self.never.is_some() || !self.others.is_empty()
    }
}

fn tallies(rows: &[Row]) -> Vec<Tally> {
    let count = |wanted: &dyn Fn(Status) -> bool| rows.iter().filter(|row| wanted(row.visit.status)).count();
    let longest = rows.iter().filter_map(|row| row.visit.waited).max();
    let late = rows.iter().filter(|row| row.visit.late.is_some()).count();
    let tally = |count, words, more| Tally { count, words, more };
    let all = [
        tally(count(&Status::waits), "waiting", longest.map(|minutes| format!("longest {}", day::span(minutes)))),
        tally(rows.iter().filter(|row| row.knocks.is_some()).count(), "at the door by video", None),
        tally(count(&|status| status == Status::WithClinician), "with a clinician", None),
        tally(count(&|status| status == Status::Expected), "to come", (late > 0).then(|| format!("{late} late"))),
        tally(count(&|status| status == Status::Done), "done", None),
        tally(count(&|status| status == Status::Missed), "not come", None),
        tally(count(&|status| status == Status::Cancelled), "cancelled", None),
    ];
    // Who waits is said also when nobody does.
    all.into_iter().enumerate().filter(|(at, tally)| *at == 0 || tally.count > 0).map(|(_, tally)| tally).collect()
}

/// One's own visits of earlier days that have begun and were not ended.
async fn still_open(asked: &Asked<'_>, asking: &Asking<'_>, chosen: &Chosen) -> Result<Vec<Open>, Refusal> {
    let Some(own) = chosen.own.as_ref().filter(|own| chosen.whose.is_of(own)) else { return Ok(Vec::new()) };
    let (zone, now_ms) = (asked.web.zone(), asked.web.record().now_ms());
    let today = Day::of(now_ms, zone);
    let (me, before) = (format!("Practitioner/{own}"), format!("lt{}", day::instant(today.begins_ms())));
    let pairs = [("participant", me.as_str()), ("status", "in-progress,onleave"), ("date", &before), ("_sort", "date")];
    let more = [("_count", STILL_OPEN_MAX), ("_include", "Encounter:patient")];
    let pairs: Vec<_> = pairs.into_iter().chain(more).collect();
    let sheet = asking.search_if_ever("Encounter", &pairs).await?;
    let around = Around::of(&[&sheet], &today);
    let open = { sheet.resources().into_iter() }.filter(|resource| resource.resource_type() == Some("Encounter"));
    Ok(open
        .map(|encounter| Open {
            patient: encounter.get("subject").and_then(reference).and_then(|(_, id)| around.patient(id)),
            since: { encounter.get("period").and_then(|period| text(period, "start")) }
                .map_or_else(String::new, |start| day::day_of(start, zone)),
        })
        .collect())
}
