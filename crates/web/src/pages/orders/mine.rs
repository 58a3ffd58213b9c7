//! What one clinician waits for, of all patients: overdue first. An order is on this list until it is answered and seen, or closed.

use std::collections::HashMap;

use askama::Template;
use fhir::Json;
use http::StatusCode;
use jiff::tz::TimeZone;
use record::PART2_NOTICE;

use super::{Line, lines, may_order, rank};
use crate::answer;
use crate::assets::{Asset, Frame, ORDERS_CSS};
use crate::client::Asked;
use crate::clinic::ask::{Asking, Sheet};
use crate::clinic::banner::record_number;
use crate::clinic::day::{self, Day};
use crate::clinic::name::Name;
use crate::clinic::names::Names;
use crate::clinic::orders::State;
use crate::clinic::read::{reference, text};
use crate::clinic::shell::{Place, Shell};
use crate::clinic::time;
use crate::pages::Answer;
use crate::pages::medicines::lines::{doses, name_of};
use crate::pages::prescriptions::may_prescribe;
use crate::refusal::Refusal;

/// Open loops of one person that a page lists.
const OPEN_MAX: &str = "200";
const DRAFTS_MAX: &str = "100";

#[derive(Template)]
#[template(path = "orders_mine.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    style: &'static Asset,
    open: Vec<Row>,
    overdue: usize,
    answered: usize,
    drafts: Vec<Row>,
    /// Prescriptions of one's own that nobody signed.
    prescriptions: Vec<Unsigned>,
    is_tied: bool,
    is_cut: bool,
    part2_notice: Option<&'static str>,
}

/// An order of somebody.
struct Row {
    who: Who,
    line: Line,
}

struct Unsigned {
    who: Who,
    id: String,
    name: String,
    dose: String,
    drafted: String,
}

/// Whose it is.
#[derive(Clone)]
struct Who {
    id: String,
    patient: String,
    born: String,
    mrn: String,
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let caller = session.caller.as_ref().ok_or(Refusal::NotYours)?;
    let asking = Asking { record: asked.web.record(), caller };
    if !lists_own(&asking) {
        return Err(Refusal::NotYours);
    }
    let own = asking.record.own_practitioner(asking.caller).await?;
    let today = Day::of(asking.record.now_ms(), asked.web.zone());
    let (mut open, mut drafts, mut prescriptions, mut is_part2, mut is_cut) =
        (Vec::new(), Vec::new(), Vec::new(), false, false);
    if let Some(own) = &own {
        let mine = format!("Practitioner/{own}");
        let pairs = [
            ("owner", &*mine),
            ("status", record::TASK_OPEN),
            ("_include", "Task:focus"),
            ("_include", "Task:patient"),
            ("_sort", "authored-on"),
            ("_count", OPEN_MAX),
        ];
        let tasks = asking.search("Task", &pairs).await?;
        let pairs = [
            ("requester", &*mine),
            ("status", "draft"),
            ("_include", "ServiceRequest:patient"),
            ("_sort", "-authored"),
            ("_count", DRAFTS_MAX),
        ];
        let written = asking.search("ServiceRequest", &pairs).await?;
        let unsigned = match may_prescribe(&asking) {
            true => asking.search("MedicationRequest", &drafted(&mine)).await?,
            false => Sheet::default(),
        };
        is_part2 = tasks.is_part2() || written.is_part2() || unsigned.is_part2();
        is_cut = tasks.next().is_some();
        open = rows(&asking, &tasks, &today).await?;
        drafts = rows(&asking, &written, &today).await?;
        prescriptions = unsigned_of(&asking, &unsigned, asked.web.zone()).await?;
    }
    open.retain(|row| row.line.state.is_open());
    drafts.retain(|row| row.line.state == State::Draft);
    // What is overdue has been waited for longest.
    let first = |row: &Row| match row.line.state {
        State::Overdue => 0,
        _ => 1 + rank(&row.line),
    };
    open.sort_by(|a, b| first(a).cmp(&first(b)).then_with(|| super::sooner(&a.line).cmp(&super::sooner(&b.line))));
    let count = |states: &[State]| open.iter().filter(|row| states.contains(&row.line.state)).count();
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, &session, Place::Orders),
        style: &ORDERS_CSS,
        overdue: count(&[State::Overdue]),
        answered: count(&[State::Answered, State::Partial]),
        open,
        drafts,
        prescriptions,
        is_tied: own.is_some(),
        is_cut,
        part2_notice: is_part2.then_some(PART2_NOTICE),
    };
    Ok(answer::page(StatusCode::OK, &page))
}

/// Whether there is such a page for the role.
pub fn lists_own(asking: &Asking<'_>) -> bool {
    may_order(asking) && asking.ever("Task")
}

/// Orders of a sheet with their patients; one whose order or patient is not open to who looks is not listed.
async fn rows(asking: &Asking<'_>, sheet: &Sheet, today: &Day) -> Result<Vec<Row>, Refusal> {
    let resources = sheet.resources();
    let of = |kind: &str| resources.iter().filter(|one| one.resource_type() == Some(kind)).cloned().collect::<Vec<_>>();
    let (orders, tasks) = (of("ServiceRequest"), of("Task"));
    let patients = patients(&resources);
    let answered = answers(asking, &orders).await?;
    let names = Names::of(asking, &[], std::iter::once(sheet)).await?;
    let lines = lines(&orders, &tasks, &answered, &names, today);
    let row = |line: Line| Some(Row { who: patients.get(&line.order.patient_id)?.clone(), line });
    Ok(lines.into_iter().filter_map(row).collect())
}

fn patients(resources: &[Json<'_>]) -> HashMap<String, Who> {
    let patients = resources.iter().filter(|one| one.resource_type() == Some("Patient"));
    let who = |one: &Json<'_>| {
        let id = text(one, "id")?.to_owned();
        let born = text(one, "birthDate").map_or_else(|| time::NOT_KNOWN.to_owned(), time::day);
        let mrn = record_number(one).unwrap_or("not recorded").to_owned();
        Some((id.clone(), Who { id, patient: Name::of(one).listed(), born, mrn }))
    };
    patients.filter_map(who).collect()
}

/// The search for prescriptions that somebody (a reference) has drafted.
fn drafted(by: &str) -> [(&str, &str); 5] {
    [
        ("requester", by),
        ("status", "draft"),
        ("_include", "MedicationRequest:patient"),
        ("_sort", "-authoredon"),
        ("_count", DRAFTS_MAX),
    ]
}

async fn unsigned_of(asking: &Asking<'_>, sheet: &Sheet, zone: &TimeZone) -> Result<Vec<Unsigned>, Refusal> {
    let resources = sheet.resources();
    let patients = patients(&resources);
    let names = Names::of(asking, &[], std::iter::once(sheet)).await?;
    let unsigned = |one: &Json<'_>| {
        let of = one.get("subject").and_then(reference).map(|(_, id)| id)?;
        Some(Unsigned {
            who: patients.get(of)?.clone(),
            id: text(one, "id")?.to_owned(),
            name: name_of(one, &names),
            dose: doses(one, "dosageInstruction"),
            drafted: text(one, "authoredOn").map(|drafted| day::day_of(drafted, zone)).unwrap_or_default(),
        })
    };
    let requests = resources.iter().filter(|one| one.resource_type() == Some("MedicationRequest"));
    Ok(requests.filter_map(unsigned).collect())
}

/// What answers orders of several patients: pinned to their charts, so that nothing else is looked at.
async fn answers(asking: &Asking<'_>, orders: &[Json<'_>]) -> Result<Vec<Sheet>, Refusal> {
    let ids: Vec<String> =
        orders.iter().filter_map(|one| Some(format!("ServiceRequest/{}", text(one, "id")?))).collect();
    let mut patients: Vec<String> =
        orders.iter().filter_map(|one| Some(reference(one.get("subject")?)?.1.to_owned())).collect();
    patients.sort();
    patients.dedup();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    super::answering(asking, &patients.join(","), &ids.join(",")).await
}
