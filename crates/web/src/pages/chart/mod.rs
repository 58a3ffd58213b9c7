//! The chart on one page: who the patient is, what is going on, what comes next. Opening it is in the log, part by part.

pub mod measures;
pub mod notes;
pub mod panels;
mod parts;
pub mod reading;
mod since;
mod spark;
mod waiting;
mod withheld;

use std::collections::HashMap;

use access::{Action, Purpose};
use askama::Template;
use fhir::Json;
use futures_util::future::try_join;
use http::StatusCode;
use identity::Session;
use record::{PART2_NOTICE, RecordError, Refusal as Denied};

use super::Answer;
use super::patients::asking;
use crate::answer;
use crate::assets::Frame;
use crate::client::Asked;
use crate::clinic::addenda;
use crate::clinic::ask::{Asking, Sheet};
use crate::clinic::banner::{Allergies, Banner, Glass, holds};
use crate::clinic::day::{self, Day};
use crate::clinic::names::Names;
use crate::clinic::read::{text, words};
use crate::clinic::shell::{Place, Shell, reviews_results};
use crate::clinic::time;
use crate::clinic::visit;
use crate::clinic::ways::Ways;
use crate::refusal::Refusal;

use measures::{Measure, Results};
use notes::Note;
use panels::{Member, Plan, Row};
use parts::{Part, Parts, Standing, When};
use reading::{Reading, zone_name};
use since::Since;
use waiting::Waiting;

use withheld::Offer;

pub use withheld::{break_glass, close_glass};

/// How far back the courses of vital signs are drawn.
const COURSE_MONTHS: i64 = 24;
const MONTH_MS: i64 = 2_629_746_000;
/// Conditions looked up for the visits shown.
const REASONS_MAX: usize = 50;

#[derive(Template)]
#[template(path = "chart.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    banner: Banner,
    ways: Ways,
    /// None at a first look.
    since: Option<Since>,
    /// Allergies that came or changed since then, by id.
    allergy_news: Vec<(String, &'static str)>,
    /// Results that nobody acknowledged.
    waiting: Vec<Waiting>,
    problems: Option<Panel<Row>>,
    problems_over: Vec<Row>,
    medicines: Option<Panel<Row>>,
    /// Prescriptions that nobody signed: of no effect yet.
    unsigned: Vec<Row>,
    team: Option<Panel<Member>>,
    vitals: Option<Panel<Measure>>,
    vitals_since: String,
    enters_vitals: bool,
    enters_allergies: bool,
    reconciles: bool,
    enters_problems: bool,
    enters_doses: bool,
    results: Option<(Results, bool)>,
    /// How many were looked at, where there are more.
    results_of: Option<usize>,
    notes: Option<Panel<Note>>,
    may_write: bool,
    plans: Option<Panel<Plan>>,
    visits: Option<Panel<Row>>,
    appointments: Option<Panel<Row>>,
    orders: Option<Panel<Row>>,
    orders_tests: bool,
    immunizations: Option<Panel<Row>>,
    documents: Option<Panel<Row>>,
    part2_notice: Option<&'static str>,
    opened: String,
    zone: String,
    purpose: &'static str,
}

/// What the record gave for a page.
struct Held<'h> {
    patient: &'h Json<'h>,
    parts: &'h Parts,
    /// The two parts that are large, read once.
    vitals: Vec<Json<'h>>,
    results: Vec<Json<'h>>,
    /// Reports that nobody acknowledged.
    reports: &'h Sheet,
    since_ms: Option<i64>,
    /// Vital signs older than the latest readings.
    rare: &'h Sheet,
    /// What was added to the notes that are shown.
    added: &'h [Sheet],
    /// What visits were about, by id.
    reasons: &'h HashMap<String, String>,
}

/// Rows of a part. An empty panel says that there is none only if the part is open as a whole.
struct Panel<T> {
    rows: Vec<T>,
    is_whole: bool,
    /// Of how many, where only the first were asked for.
    of: Option<u64>,
}

/// The page of a chart that shows who the patient is, and no more.
#[derive(Template)]
#[template(path = "chart_closed.html")]
struct Closed<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    banner: Option<Banner>,
    patient_id: &'a str,
    standing: Standing,
    offer: withheld::Offer,
    ways: Ways,
    error: Option<String>,
    reason: &'a str,
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let patient_id = asked.ids[0];
    let asking = asking(asked, &session)?;
    let patient = match asking.read("Patient", patient_id).await {
        Ok(patient) => patient,
        Err(RecordError::Denied(Denied::Withheld)) => return closed(asked, &session, None, Standing::Withheld).await,
        Err(error) => return Err(error.into()),
    };
    if let Some(surviving) = asking.record.surviving(patient_id).await? {
        return super::merge::merged(asked, &session, &asking, &surviving).await;
    }
    let outlook = parts::outlook(&asking, patient.get()).await?;
    let (zone, now_ms) = (asked.web.zone(), asking.record.now_ms());
    let today = Day::of(now_ms, zone).date();
    let json = patient.get().tree()?;
    match parts::standing(&outlook) {
        Standing::Open => {}
        standing => return closed(asked, &session, Some(Banner::of(&json, today)), standing).await,
    }
    let look = asking.record.look(asking.caller, outlook.chart).await?;
    let when = When { today: today.to_string(), since: look.since_ms.map(instant) };
    let reviews = reviews_results(asked.web, asking.caller);
    let reports = async { if reviews { waiting::asked(&asking, patient_id).await } else { Ok(Sheet::default()) } };
    let (parts, reports) = try_join(Parts::of(&asking, &outlook, patient_id, &when), reports).await?;
    let visits = parts.get(Part::Encounters).map(|(sheet, _)| sheet);
    let reasons = reasons(&asking, visits).await?;
    let (vitals, results) = (parts.resources(Part::Vitals), parts.resources(Part::Results));
    let rare = rare_vitals(&asking, &parts, &vitals, patient_id).await?;
    let added = added(&asking, &parts, patient_id).await?;
    // The patient's own resource names those to whom it is attributed.
    let named = std::iter::once(&json).chain(&vitals).chain(&results);
    let others = parts.sheets_beside(&[Part::Vitals, Part::Results]);
    let names = Names::of(&asking, named, others.chain(&added)).await?;
    let mut page = Page::of(
        asked,
        &session,
        &asking,
        Held {
            patient: &json,
            parts: &parts,
            vitals,
            results,
            reports: &reports,
            since_ms: look.since_ms,
            rare: &rare,
            added: &added,
            reasons: &reasons,
        },
        &names,
    );
    page.ways = Ways::of(asked, &asking, true).await?;
    page.banner.glass = Glass::of(asked.web, &session, outlook.chart);
    page.banner.note = visit::writing(&asking, patient_id).await?.map(|note| note.id);
    let is_part2 = patient.get().is_part2() || reports.is_part2() || parts.sheets().chain(&added).any(Sheet::is_part2);
    page.part2_notice = is_part2.then_some(PART2_NOTICE);
    Ok(answer::page(StatusCode::OK, &page))
}

impl<'a> Page<'a> {
    fn of(asked: &'a Asked<'_>, session: &'a Session, asking: &Asking<'_>, held: Held<'_>, names: &Names) -> Self {
        let Held { patient, parts, vitals, results: observations, reports, since_ms, reasons, rare, added } = held;
        let news_from = parts.sheets().chain(added);
        let added: Vec<Vec<Json<'_>>> = added.iter().map(Sheet::resources).collect();
        let (now_ms, zone) = (asking.record.now_ms(), asked.web.zone());
        let today = Day::of(now_ms, zone).date();
        let mut reading = Reading::at(names, zone);
        if let Some(since_ms) = since_ms {
            reading.add_news(news_from, asking.caller, since_ms);
        }
        let waiting = waiting::reports(reports, &observations, &mut reading);
        let reading = &reading;
        let mut allergy_news = Vec::new();
        let mut banner = Banner::of(patient, today);
        if let Some((sheet, _)) = parts.get(Part::Allergies) {
            let held = sheet.resources();
            banner.allergies = Allergies::of(&held, names, zone);
            let holding = held.iter().filter(|one| holds(one));
            allergy_news.extend(holding.filter_map(|one| Some((text(one, "id")?.to_owned(), reading.news(one)?))));
        }
        if let Some((sheet, _)) = parts.get(Part::Flags) {
            banner.add_flags(&sheet.resources());
        }
        let mut problems_over = Vec::new();
        let problems = panel(parts, Part::Problems, |held| {
            let (active, over) = panels::problems(held, reading);
            problems_over = over;
            active
        });
        let (vitals, from_ms) = vitals_of(parts, vitals, rare, text(patient, "birthDate"), reading, now_ms);
        let (medicines, unsigned) = medicines(parts, &banner.id, reading);
        let orders_open = parts.get(Part::Orders).filter(|(_, is_whole)| *is_whole).map(|_| banner.id.clone());
        let documents = parts.get(Part::Documents).map(|(sheet, _)| sheet.resources()).unwrap_or_default();
        let notes_of_visits = panels::notes_of_visits(&documents, &banner.id);
        let results = parts.get(Part::Results);
        let documents = panel(parts, Part::Documents, |held| panels::documents(held, &banner.id, reading));
        let mut page = Self {
            frame: Frame::of(asked.web),
            shell: Shell::of(asked.web, session, Place::Patients),
            banner,
            ways: Ways::default(),
            since: None,
            allergy_news,
            waiting,
            problems,
            problems_over,
            medicines,
            unsigned,
            team: panel(parts, Part::CareTeam, |held| panels::care_team(held, patient, reading)),
            vitals,
            vitals_since: month(from_ms),
            enters_allergies: asking.may_ever(Action::Create, "AllergyIntolerance"),
            reconciles: asking.may_ever(Action::Create, "List"),
            enters_problems: asking.may_ever(Action::Create, "Condition"),
            enters_doses: asking.may_ever(Action::Create, "Immunization"),
            enters_vitals: asking.may_ever(Action::Create, "Observation"),
            results: results.map(|(_, is_whole)| (measures::results(&observations, reading), is_whole)),
            results_of: results.and_then(|(sheet, _)| sheet.next().map(|_| observations.len())),
            notes: panel(parts, Part::Notes, |held| notes::notes(held, &added, reading)),
            may_write: asking.may_ever(Action::Create, "DocumentReference"),
            plans: panel(parts, Part::Plans, |held| panels::plans(held, reading)),
            visits: panel(parts, Part::Encounters, |held| panels::encounters(held, reasons, &notes_of_visits, reading)),
            appointments: panel(parts, Part::Appointments, |held| panels::appointments(held, reading)),
            orders: panel(parts, Part::Orders, |held| panels::orders(held, orders_open.as_deref(), reading, today)),
            orders_tests: super::orders::may_order(asking),
            immunizations: panel(parts, Part::Immunizations, |held| panels::immunizations(held, reading)),
            documents,
            part2_notice: None,
            opened: day::clock(now_ms, zone),
            zone: zone_name(zone, now_ms),
            purpose: purpose(asking.caller.purpose()),
        };
        page.leave_notes_to_their_panel(parts);
        page.since = since_ms.map(|since_ms| {
            let ended = parts.get(Part::Ended).map(|(sheet, _)| panels::ended(&sheet.resources(), reading));
            Since::of(&page, since_ms, zone, ended.unwrap_or_default())
        });
        page
    }

    /// A note that is new among the notes is not new once more among the documents.
    fn leave_notes_to_their_panel(&mut self, parts: &Parts) {
        let (Some(documents), Some((sheet, _))) = (&mut self.documents, parts.get(Part::Documents)) else { return };
        let is_note = |one: &Json<'_>| {
            let notes = self.notes.iter().flat_map(|panel| &panel.rows);
            let is_it = |note: &Note, id: &str| note.id == id || note.addenda.iter().any(|added| added.id == id);
            text(one, "id").is_some_and(|id| { notes }.any(|note| is_it(note, id)))
        };
        let held = sheet.resources();
        let shown = held.iter().filter(|one| text(one, "status") != Some("entered-in-error"));
        for (row, one) in documents.rows.iter_mut().zip(shown) {
            if is_note(one) {
                row.news = None;
            }
        }
    }

    /// `new` or `changed`, of an allergy.
    fn allergy_mark(&self, id: &str) -> Option<&'static str> {
        self.allergy_news.iter().find(|(held, _)| held == id).map(|(_, mark)| *mark)
    }
}

fn panel<T>(parts: &Parts, part: Part, rows: impl FnOnce(&[Json<'_>]) -> Vec<T>) -> Option<Panel<T>> {
    let (sheet, is_whole) = parts.get(part)?;
    let held = sheet.resources();
    let of = sheet.total().filter(|total| *total > held.len() as u64);
    Some(Panel { rows: rows(&held), is_whole, of })
}

/// With courses from two years ago on, or from the oldest of the readings that were asked for.
fn vitals_of<'h>(
    parts: &Parts,
    mut held: Vec<Json<'h>>,
    rare: &'h Sheet,
    birth: Option<&str>,
    reading: &Reading<'_>,
    now_ms: i64,
) -> (Option<Panel<Measure>>, i64) {
    let two_years_ms = now_ms - COURSE_MONTHS * MONTH_MS;
    let Some((sheet, is_whole)) = parts.get(Part::Vitals) else { return (None, two_years_ms) };
    let oldest_ms = sheet.next().and_then(|_| measures::oldest_ms(&held)).unwrap_or(two_years_ms);
    let from_ms = two_years_ms.max(oldest_ms);
    held.extend(rare.resources());
    (Some(Panel { rows: measures::vitals(&held, birth, reading, from_ms, now_ms), is_whole, of: None }), from_ms)
}

/// The latest of vital signs that are measured too rarely to be among the latest readings.
async fn rare_vitals(
    asking: &Asking<'_>,
    parts: &Parts,
    held: &[Json<'_>],
    patient_id: &str,
) -> Result<Sheet, Refusal> {
    let is_cut = parts.get(Part::Vitals).is_some_and(|(sheet, _)| sheet.next().is_some());
    let codes = measures::rare(held).join(",");
    if !is_cut || codes.is_empty() {
        return Ok(Sheet::default());
    }
    let asked =
        [("patient", patient_id), ("code", &codes), ("category", "vital-signs"), ("_sort", "-date"), ("_count", "20")];
    asking.search_if_ever("Observation", &asked).await
}

/// What was added to the notes that are shown.
async fn added(asking: &Asking<'_>, parts: &Parts, patient_id: &str) -> Result<Vec<Sheet>, Refusal> {
    let Some((notes, _)) = parts.get(Part::Notes) else { return Ok(Vec::new()) };
    let notes = notes.resources();
    let ids: Vec<String> = notes.iter().filter_map(|one| text(one, "id").map(str::to_owned)).collect();
    match addenda::of(asking, patient_id, &ids).await {
        // An organization's own policy may hide what is asked by.
        Err(Refusal::Record(RecordError::Denied(_) | RecordError::HiddenParameter { .. })) => Ok(Vec::new()),
        found => found,
    }
}

/// Prescribed and reported, under one heading; and what is prescribed once somebody signs it.
fn medicines(parts: &Parts, patient_id: &str, reading: &Reading<'_>) -> (Option<Panel<Row>>, Vec<Row>) {
    let (prescribed, reported) = (parts.get(Part::Prescriptions), parts.get(Part::Statements));
    if prescribed.is_none() && reported.is_none() {
        return (None, Vec::new());
    }
    let requests = prescribed.map(|(sheet, _)| sheet.resources()).unwrap_or_default();
    let (unsigned, requests): (Vec<_>, Vec<_>) =
        requests.into_iter().partition(|one| text(one, "status") == Some("draft"));
    let statements = reported.map(|(sheet, _)| sheet.resources()).unwrap_or_default();
    let is_whole = [prescribed, reported].iter().all(|part| part.is_some_and(|(_, is_whole)| is_whole));
    // Their pages open to whom all of them are open.
    let chart = prescribed.filter(|(_, is_whole)| *is_whole).map(|_| patient_id);
    let current = Panel { rows: panels::medicines(&requests, &statements, chart, reading), is_whole, of: None };
    (Some(current), panels::medicines(&unsigned, &[], chart, reading))
}

/// What visits refer to as their reason, by id.
pub async fn reasons(asking: &Asking<'_>, visits: Option<&Sheet>) -> Result<HashMap<String, String>, Refusal> {
    let Some(visits) = visits else { return Ok(HashMap::new()) };
    let mut ids = panels::reasons_named(&visits.resources());
    ids.truncate(REASONS_MAX);
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let (ids, count) = (ids.join(","), REASONS_MAX.to_string());
    let sheet = asking.search_if_ever("Condition", &[("_id", &ids), ("_count", &count)]).await?;
    let conditions = sheet.resources();
    let named = conditions.iter().filter_map(|one| Some((text(one, "id")?.to_owned(), words(one.get("code")?)?)));
    Ok(named.collect())
}

async fn closed(asked: &Asked<'_>, session: &Session, banner: Option<Banner>, standing: Standing) -> Answer {
    withheld::page(asked, session, banner, standing, StatusCode::FORBIDDEN, None, "").await
}

/// As FHIR writes an instant.
fn instant(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).unwrap_or_default().to_string()
}

/// `Nov-2024`.
fn month(ms: i64) -> String {
    time::day(time::today(ms).to_string().get(..7).unwrap_or_default())
}

/// Why the chart was opened, as the log has it.
fn purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Treatment => "treatment",
        Purpose::Payment => "payment",
        Purpose::PatientAdministration => "registration",
        Purpose::Operations => "operations",
        Purpose::Compliance => "compliance",
        other => other.name(),
    }
}
