//! What the patient has booked already, said once before another time is booked: as policy shows it to who books, and asked for as any
//! search is, so that the log knows.

use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::book::{Around, Status, Visit};
use crate::clinic::day::{self, Day};
use crate::refusal::Refusal;

/// Another time with the same clinician is said within these days, before and after.
const NEAR_DAYS: i64 = 14;
/// Appointments of one patient that are looked at; nobody has more in four weeks.
const ASKED_MAX: &str = "100";

/// The times that there are, and what they are called when one says that another is wanted all the same.
pub struct Also {
    pub patient: String,
    pub times: Vec<String>,
    pub names: String,
}

/// What this patient has on the day, and near it with the same clinician; none if that is nothing.
pub async fn of(
    asked: &Asked<'_>,
    asking: &Asking<'_>,
    patient: &str,
    practitioner: &str,
    start_ms: i64,
) -> Result<Option<Also>, Refusal> {
    let (zone, now_ms) = (asked.web.zone(), asked.web.record().now_ms());
    let (day, today) = (Day::of(start_ms, zone), Day::of(now_ms, zone));
    let first_ms = day.plus(-NEAR_DAYS).begins_ms().max(today.begins_ms());
    let (from, until) =
        (format!("ge{}", day::instant(first_ms)), format!("lt{}", day::instant(day.plus(NEAR_DAYS).ends_ms())));
    let mut pairs = vec![("patient", patient), ("date", from.as_str()), ("date", &until), ("_sort", "date")];
    pairs.extend([("_count", ASKED_MAX), ("_include", "Appointment:patient")]);
    pairs.push(("_include", "Appointment:practitioner"));
    let sheet = asking.search("Appointment", &pairs).await?;
    let around = Around::of(&[&sheet], &today);
    let resources = sheet.resources();
    let visits = { resources.iter() }
        .filter(|one| one.resource_type() == Some("Appointment"))
        .filter_map(|one| Visit::of(one, &around, now_ms, zone));
    let found: Vec<Visit> = visits.filter(|visit| is_near(visit, &day, practitioner)).collect();
    if found.is_empty() {
        return Ok(None);
    }
    let said = |visit: &Visit| {
        let with: Vec<&str> = visit.clinicians.iter().map(|one| one.name.as_str()).collect();
        let with = if with.is_empty() { String::new() } else { format!(" with {}", with.join(", ")) };
        format!("{} {}{with}", Day::of(visit.start_ms, zone).title(), visit.time)
    };
    let mut names: Vec<&str> = found.iter().map(|visit| visit.id.as_str()).collect();
    names.sort_unstable();
    Ok(Some(Also {
        names: names.join(" "),
        times: found.iter().map(said).collect(),
        patient: around.patient(patient).map_or_else(|| "This patient".to_owned(), |person| person.name),
    }))
}

/// What is over is no reason to ask.
fn is_near(visit: &Visit, day: &Day, practitioner: &str) -> bool {
    let is_same = visit.clinicians.iter().any(|one| one.id == practitioner);
    match visit.status {
        Status::Done | Status::Missed | Status::Cancelled => false,
        Status::Expected if is_same => true,
        _ => day.holds(visit.start_ms),
    }
}
