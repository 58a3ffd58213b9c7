//! What booking and moving write: the appointment and the slots of its time, together or not at all.

use fhir::Json;
use record::RecordError;

use super::hold;
use super::wanted::Wanted;
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::book::{Visit, actors};
use crate::clinic::day;
use crate::clinic::demographics::INTERPRETER;
use crate::clinic::moves::{self, Change, object};
use crate::clinic::read::{extension, text};
use crate::forms::Form;
use crate::refusal::Refusal;

const SNOMED: &str = "http://snomed.info/sct";

/// Why somebody comes, on one line.
pub fn reason(form: &Form) -> String {
    form.text("reason")
        .split(|letter: char| letter.is_whitespace() || letter.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

pub fn name_of(token: &str) -> String {
    format!("book.{token}")
}

pub async fn booked(
    asked: &Asked<'_>,
    asking: &Asking<'_>,
    wanted: &Wanted<'_>,
    form: &Form,
    token: &str,
) -> Result<Vec<Change>, Refusal> {
    let now_ms = asked.web.record().now_ms();
    let (now, start_ms) = (day::instant(now_ms), wanted.at_ms(now_ms));
    let refer = |to: String| object([("reference", Json::string(to))]);
    let accepted = || ("status", Json::string("accepted"));
    let mut patient = vec![("actor", refer(format!("Patient/{}", form.text("patient")))), accepted()];
    if wanted.at.is_none() {
        patient.push(("period", object([("start", Json::string(now.clone()))])));
    }
    let clinician = [("actor", refer(format!("Practitioner/{}", wanted.calendar.practitioner))), accepted()];
    let (code, display) = match wanted.is_video {
        true => ("448337001", "Telemedicine consultation with patient (procedure)"),
        false => ("185349003", "Encounter for check up (procedure)"),
    };
    let service = object([("coding", Json::Array(vec![moves::coding(SNOMED, code, display)]))]);
    let (kind, display) = if wanted.at.is_none() {
        ("WALKIN", "A previously unscheduled walk-in visit")
    } else {
        ("ROUTINE", "Routine appointment - default if not valued")
    };
    let kind = object([(
        "coding",
        Json::Array(vec![moves::coding("http://terminology.hl7.org/CodeSystem/v2-0276", kind, display)]),
    )]);
    let mut members = vec![
        ("resourceType", Json::string("Appointment")),
        ("id", Json::string(name_of(token))),
        ("status", Json::string(if wanted.at.is_none() { "arrived" } else { "booked" })),
        ("serviceType", Json::Array(vec![service])),
        ("appointmentType", kind),
        ("start", Json::string(day::instant(start_ms))),
        ("end", Json::string(day::instant(wanted.end_ms(now_ms)))),
        ("created", Json::string(now.clone())),
        ("participant", Json::Array(vec![object(patient), object(clinician)])),
    ];
    let reason = reason(form);
    if !reason.is_empty() {
        members.push(("reasonCode", Json::Array(vec![object([("text", Json::string(reason))])])));
    }
    let mut changes = Vec::new();
    if wanted.at.is_some() {
        let (ids, taken) = hold::slots(asking, wanted, start_ms, &[], &now).await?;
        members.push(("slot", Json::Array(ids.iter().map(|id| refer(format!("Slot/{id}"))).collect())));
        changes.extend(taken);
    }
    let mut resource = object(members);
    // What the record of the patient says of it is not in every list of who comes.
    if needs_interpreter(asking, form.text("patient")).await? {
        crate::pages::today::interpreted(&mut resource, "needs-action", "");
    }
    let url = format!("Appointment/{}", name_of(token));
    changes.push(Change { method: "PUT", url, if_match: None, is_new: true, resource });
    Ok(changes)
}

async fn needs_interpreter(asking: &Asking<'_>, patient: &str) -> Result<bool, Refusal> {
    match asking.read("Patient", patient).await {
        Ok(held) => {
            let needs = extension(&held.get().tree()?, INTERPRETER, "valueBoolean").and_then(Json::as_bool);
            Ok(needs == Some(true))
        }
        Err(RecordError::Denied(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

pub async fn moved(
    asked: &Asked<'_>,
    asking: &Asking<'_>,
    wanted: &Wanted<'_>,
    visit: &Visit,
    form: &Form,
) -> Result<Vec<Change>, Refusal> {
    let now_ms = asked.web.record().now_ms();
    let (now, start_ms) = (day::instant(now_ms), wanted.at_ms(now_ms));
    let seen = form.version()?;
    let held = asking.read("Appointment", &visit.id).await?;
    let mut appointment = held.get().tree()?.into_owned();
    let mut changes = crate::pages::today::freed(asking, &appointment).await?;
    let own: Vec<String> = moves::slots(&appointment).map(str::to_owned).collect();
    let (ids, taken) = hold::slots(asking, wanted, start_ms, &own, &now).await?;
    // A half hour that it has before and after is neither given back nor taken.
    changes.retain(|freed| !ids.iter().any(|id| freed.url == format!("Slot/{id}")));
    changes.extend(taken);
    let with: Vec<String> = actors(&appointment, "Practitioner").map(str::to_owned).collect();
    let to = format!("Practitioner/{}", wanted.calendar.practitioner);
    if let Some(members) = appointment.as_object_mut() {
        members.set("start", Json::string(day::instant(start_ms)));
        members.set("end", Json::string(day::instant(wanted.end_ms(now_ms))));
        let refer = |id: &String| object([("reference", Json::string(format!("Slot/{id}")))]);
        members.set("slot", Json::Array(ids.iter().map(refer).collect()));
        for participant in members.get_mut("participant").and_then(Json::as_array_mut).into_iter().flatten() {
            let Some(actor) = participant.as_object_mut().and_then(|one| one.get_mut("actor")) else { continue };
            let is_first =
                text(actor, "reference").is_some_and(|held| with.first().is_some_and(|id| held.ends_with(id)));
            if let Some(actor) = actor.as_object_mut().filter(|_| is_first) {
                actor.set("reference", Json::string(to.clone()));
                actor.remove("display");
            }
        }
    }
    let url = format!("Appointment/{}", visit.id);
    changes.push(Change { method: "PUT", url, if_match: Some(seen), is_new: false, resource: appointment });
    Ok(changes)
}
