//! What was done too early is taken back: a visit that was not over yet, and an appointment that is to be after all, if its time is still
//! free. The acts are those of `moves`; here is when they may be, and how the time is taken again.

use askama::Template;
use axum::body::Body;
use fhir::Json;
use http::{Response, StatusCode};
use identity::Session;
use record::RecordError;

use crate::answer;
use crate::assets::Frame;
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::book::{Around, Person, Visit, actors};
use crate::clinic::day::Day;
use crate::clinic::moves::{self, Act, Change, object};
use crate::clinic::read::text;
use crate::clinic::shell::{Place, Shell};
use crate::clinic::slots;
use crate::pages::schedule::{Calendar, Taken, calendars};
use crate::refusal::Refusal;

#[derive(Template)]
#[template(path = "today_taken.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    patient: Option<Person>,
    when: String,
    with: String,
    other: String,
    back: String,
}

/// Why an act that would fit is not for this visit, or not any more.
pub fn barred(act: Act, visit: &Visit, today: &Day) -> Option<&'static str> {
    match act {
        Act::Reopen if visit.is_video => {
            Some("A visit by video that was ended does not come back. Book another time for what is left to say.")
        }
        Act::Reopen if !today.holds(visit.ended_ms.unwrap_or(visit.start_ms)) => {
            Some("A visit goes back to its clinician on the day on which it ended, and not later.")
        }
        Act::Wait if visit.is_video => Some("A visit by video that began is ended in its room, or is done."),
        Act::Rebook if visit.start_ms < today.begins_ms() => {
            Some("The day of this appointment is over, so it cannot be booked again.")
        }
        _ => None,
    }
}

/// Whether something was written for the visit of an appointment: then it was a visit, whoever pressed too early.
pub async fn is_written(asking: &Asking<'_>, appointment: &Json<'_>) -> Result<bool, Refusal> {
    let Some((_, encounter)) = super::act::encounter(asking, appointment).await? else { return Ok(false) };
    let of = format!("Encounter/{}", text(&encounter, "id").unwrap_or_default());
    let patient = actors(appointment, "Patient").next().unwrap_or_default();
    let pairs = [("patient", patient), ("encounter", &*of), ("_count", "1")];
    Ok(!asking.search_if_ever("DocumentReference", &pairs).await?.resources().is_empty())
}

/// The slots of a cancelled appointment, taken again; none if somebody has the time.
pub async fn taken_again(
    asked: &Asked<'_>,
    asking: &Asking<'_>,
    appointment: &mut Json<'static>,
    visit: &Visit,
    now: &str,
) -> Result<Option<Vec<Change>>, Refusal> {
    let start_ms = visit.start_ms;
    let with: Vec<String> = actors(appointment, "Practitioner").map(str::to_owned).collect();
    let kept = calendars(asked, asking).await?;
    let own: Vec<&Calendar> = kept.iter().filter(|one| with.contains(&one.practitioner)).collect();
    let held = moves::slots(appointment).map(str::to_owned).collect::<Vec<_>>();
    for calendar in &own {
        if !is_free(asked, asking, calendar, visit).await? {
            return Ok(None);
        }
    }
    let first = own.first().map(|calendar| (slots::id(&calendar.schedule, start_ms), &calendar.schedule));
    // What was booked elsewhere without one holds its time here from now on.
    let ids = match (&held[..], &first) {
        ([], Some((id, _))) => vec![id.clone()],
        _ => held.clone(),
    };
    let mut changes = Vec::new();
    for id in &ids {
        let url = format!("Slot/{id}");
        match asking.read("Slot", id).await {
            Ok(read) => {
                let mut slot = read.get().tree()?.into_owned();
                if slots::is_busy(&slot) {
                    return Ok(None);
                }
                if let Some(members) = slot.as_object_mut() {
                    members.set("status", Json::string("busy"));
                    members.set("comment", Json::string(format!("taken {now}")));
                }
                let if_match = Some(read.get().version());
                changes.push(Change { method: "PUT", url, if_match, is_new: false, resource: slot });
            }
            Err(RecordError::NotFound) => {
                let Some((_, schedule)) = first.as_ref().filter(|(own, _)| own == id) else { continue };
                let resource = slots::busy(schedule, start_ms, now);
                changes.push(Change { method: "PUT", url, if_match: None, is_new: true, resource });
            }
            Err(RecordError::Gone) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if held.is_empty()
        && let (Some(members), [id]) = (appointment.as_object_mut(), &ids[..])
    {
        let slot = object([("reference", Json::string(format!("Slot/{id}")))]);
        members.set("slot", Json::Array(vec![slot]));
    }
    Ok(Some(changes))
}

/// Nobody else has any of the time with this clinician.
async fn is_free(asked: &Asked<'_>, asking: &Asking<'_>, calendar: &Calendar, visit: &Visit) -> Result<bool, Refusal> {
    let (zone, now_ms) = (asked.web.zone(), asked.web.record().now_ms());
    let day = Day::of(visit.start_ms, zone);
    let taken = Taken::between(asking, &day, &day, Some(calendar)).await?;
    let around = Around::of(&[&taken.booked], &day);
    let resources = taken.booked.resources();
    let visits = resources.iter().filter_map(|one| Visit::of(one, &around, now_ms, zone));
    let (start_ms, end_ms) = (visit.start_ms, visit.end_ms());
    let meets = |other: Visit| {
        other.id != visit.id && other.status.holds_time() && other.start_ms < end_ms && other.end_ms() > start_ms
    };
    let is_held = taken.held(&calendar.schedule).iter().any(|slot| slot.blocks(start_ms, end_ms));
    Ok(!is_held && !{ visits }.any(meets))
}

/// Somebody has the time: what could not be booked again, and where another is found.
pub fn taken(asked: &Asked<'_>, session: &Session, visit: Visit, back: String) -> Response<Body> {
    let day = Day::of(visit.start_ms, asked.web.zone());
    let names: Vec<&str> = visit.clinicians.iter().map(|one| one.name.as_str()).collect();
    let who = visit.clinicians.first().map_or("all", |one| one.id.as_str());
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Today),
        when: format!("{} {}", day.title(), visit.time),
        with: names.join(", "),
        other: format!("/schedule?day={}&who={who}", day.iso()),
        patient: visit.patient,
        back,
    };
    answer::page(StatusCode::CONFLICT, &page)
}
