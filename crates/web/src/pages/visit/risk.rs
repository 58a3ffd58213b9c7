//! A visit of high risk, for its clinician: why it is one, what was done about it, and what they decide instead; that they know who they
//! see; and that nobody sees the address of the other.

use access::{Labeler, Labels};
use fhir::Json;
use http::StatusCode;
use identity::Session;
use serde::Deserialize;
use serde_json::{Value, json};
use telehealth::identity_check::{self, Start, Steps, Verified};
use telehealth::room::Audit;
use telehealth::sheets::{Patient, Sheet, Signed};
use telehealth::signal::Role;

use super::host::{Room, hosting, listed};
use super::{Answer, account_of};
use crate::answer;
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::day::{Day, clock};
use crate::clinic::read::{all, at, text};
use crate::refusal::Refusal;

/// What the record seals under keys of their own because of what it says, and what was restricted by hand.
const SENSITIVE: Labels = Labels::ALL.without(Labels::GOVERNMENT_ID).without(Labels::KEPT_FROM_PATIENT);
const SNOMED: &str = "http://snomed.info/sct";
/// Practice settings (HL7 c80-practice-codes): psychiatry, that of children, psychotherapy, adult mental illness.
const SPECIALTIES: [&str; 4] = ["394587001", "394588006", "394913002", "408467006"];
/// Of an appointment, what may say what it is about.
const SAID_IN: [&str; 5] = ["serviceCategory", "serviceType", "specialty", "appointmentType", "reasonCode"];

/// What the appointment and the patient themselves tell of it.
#[derive(Default)]
pub(super) struct Told {
    pub is_sensitive: bool,
    pub has_photo: bool,
}

#[derive(Deserialize)]
struct Decision {
    /// Instead of what is asked for; without it the visit is of high risk from now on.
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Relayed {
    only: bool,
}

#[derive(Deserialize)]
struct Seen {
    /// This is the person whom the clinician knows, or who the picture shows.
    same: bool,
}

impl Told {
    pub fn of(appointment: Option<&Json<'_>>, patient: Option<&Json<'_>>) -> Self {
        let is_sensitive = appointment.is_some_and(is_sensitive) || patient.is_some_and(is_restricted);
        let has_photo = patient.is_some_and(|one| !all(one, "photo").is_empty());
        Self { is_sensitive, has_photo }
    }
}

fn is_sensitive(appointment: &Json<'_>) -> bool {
    let concepts = SAID_IN.iter().flat_map(|name| match appointment.get(name) {
        Some(Json::Array(items)) => items.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    });
    let mut codings = concepts.flat_map(|concept| all(concept, "coding"));
    is_restricted(appointment) || codings.any(|coding| is_about(coding))
}

fn is_restricted(resource: &Json<'_>) -> bool {
    at(resource, &["meta"]).is_some_and(|meta| all(meta, "security").iter().any(|coding| is_about(coding)))
}

fn is_about(coding: &Json<'_>) -> bool {
    let (Some(system), Some(code)) = (text(coding, "system"), text(coding, "code")) else { return false };
    let mut labeler = Labeler::default();
    labeler.label(system, code);
    labeler.labels().intersects(SENSITIVE) || system == SNOMED && SPECIALTIES.contains(&code)
}

/// What the record says goes to the sheet before anybody comes in: whose passkeys are known, and how sensitive this is.
pub(super) async fn prepare(asked: &Asked<'_>, asking: &Asking<'_>, room: &Room) -> Result<Sheet, Refusal> {
    let sheet = asked.web.sheets().of(&room.visit.id).map_err(super::unread)?;
    let Some(person) = room.visit.patient.as_ref() else { return Ok(sheet) };
    let is_same = sheet.patient.as_ref().is_some_and(|held| held.id == person.id);
    let slot = Some(room.slot());
    if is_same && sheet.risk.by_label == room.told.is_sensitive && sheet.slot == slot {
        return Ok(sheet);
    }
    let chart = asking.record.chart_number(asking.caller, &person.id).await?.0;
    let patient = Patient { id: person.id.clone(), chart };
    let changed = asked.web.sheets().change(&room.visit.id, |sheet| {
        (sheet.patient, sheet.risk.by_label, sheet.slot) = (Some(patient), room.told.is_sensitive, slot);
        sheet.clone()
    });
    let sheet = changed.map_err(super::unread)?;
    asked.web.hall().ask(&room.visit.id, sheet.settings(&room.visit.id).high_risk);
    Ok(sheet)
}

/// As JSON, for the panel beside the call. The script of the page asks for it by itself: no activity.
pub async fn risk(asked: &Asked<'_>) -> Answer {
    let session = asked.watcher().await?;
    let asking = hosting(asked, &session)?;
    let room = Room::of(asked, &asking).await?;
    let sheet = asked.web.sheets().of(&room.visit.id).map_err(super::unread)?;
    Ok(answer::json(StatusCode::OK, &told(asked, &room, &sheet)))
}

fn told(asked: &Asked<'_>, room: &Room, sheet: &Sheet) -> Value {
    let zone = asked.web.zone();
    let signed = |held: &Signed| {
        let (known, today) = (Day::of(held.known_ms, zone), Day::of(asked.web.record().now_ms(), zone));
        let since = if held.of_account {
            "passkey of their account".to_owned()
        } else if known.date() == today.date() {
            "passkey enrolled today: nobody knew it before".to_owned()
        } else {
            format!("passkey known since {}", known.short())
        };
        let whose = if held.role == Role::Proxy { ", of who stands for the patient" } else { "" };
        json!({ "since": format!("{since}{whose}"), "at": clock(held.at_ms, zone) })
    };
    let by_eye = sheet.identity.as_ref().and_then(|held| held.by_eye.as_ref());
    json!({
        "high": sheet.risk.is_high(), "asked": sheet.settings(&room.visit.id).high_risk, "label": sheet.risk.by_label,
        "reason": sheet.steps.reason, "passkey": sheet.signed.last().map(signed), "words": sheet.steps.sas,
        "came": sheet.identity.is_some(), "eye": by_eye.map(|held| clock(held.at_ms, zone)), "relay": sheet.relay_only,
        "open": asked.web.hall().view(&room.visit.id).is_some(),
    })
}

/// Raises the risk, or goes on without what it asks for.
pub async fn decide(asked: &Asked<'_>) -> Answer {
    let (session, room) = acting(asked).await?;
    let sent: Decision = asked.json()?;
    let visit = room.visit.id.as_str();
    let Some(reason) = sent.reason else {
        let sheet = changed(asked, visit, |sheet| {
            sheet.risk.by_hand = true;
            sheet.steps.reason = None;
            sheet.clone()
        })?;
        note(asked, &session, visit, Audit::RiskRaised, None);
        asked.web.hall().ask(visit, true);
        return Ok(answer::json(StatusCode::OK, &told(asked, &room, &sheet)));
    };
    let reason = reason.trim().to_owned();
    let steps = Steps { reason: Some(reason.clone()), ..Steps::default() };
    let sheet = asked.web.sheets().of(visit).map_err(super::unread)?;
    match identity_check::start(sheet.risk, &steps) {
        Some(Start::WithReason) => {}
        Some(_) => return Err(Refusal::Invalid("this visit asks for nothing that a reason would stand for")),
        None => return Err(Refusal::Invalid("say in ten to 500 letters why you go on without it")),
    }
    note(asked, &session, visit, Audit::RiskWaived, Some(&reason));
    let sheet = changed(asked, visit, |sheet| {
        sheet.steps.reason = Some(reason);
        sheet.clone()
    })?;
    asked.web.hall().ask(visit, false);
    Ok(answer::json(StatusCode::OK, &told(asked, &room, &sheet)))
}

/// Before the room is open: connections that are there already have shown their addresses.
pub async fn relay(asked: &Asked<'_>) -> Answer {
    let (session, room) = acting(asked).await?;
    let sent: Relayed = asked.json()?;
    let visit = room.visit.id.as_str();
    if asked.web.hall().view(visit).is_some() {
        return Err(Refusal::Invalid("the room is open: this is decided before it is"));
    }
    note(asked, &session, visit, if sent.only { Audit::RelayOnly } else { Audit::RelayOrNot }, None);
    let sheet = changed(asked, visit, |sheet| {
        sheet.relay_only = sent.only;
        sheet.clone()
    })?;
    Ok(answer::json(StatusCode::OK, &told(asked, &room, &sheet)))
}

/// The clinician knows them, or the picture does; or it is somebody else, and then the visit ends and their links with it.
pub async fn seen(asked: &Asked<'_>) -> Answer {
    let (session, room) = acting(asked).await?;
    let sent: Seen = asked.json()?;
    let visit = room.visit.id.as_str();
    let now_ms = asked.web.record().now_ms();
    if sent.same {
        note(asked, &session, visit, Audit::ByEye, None);
        let clinician = account_of(session.user);
        let sheet = changed(asked, visit, |sheet| {
            let unknown = Verified { checked: Vec::new(), at_ms: now_ms, by_eye: None };
            sheet.identity.get_or_insert(unknown).confirm_by_eye(&clinician, now_ms);
            sheet.clone()
        })?;
        return Ok(answer::json(StatusCode::OK, &told(asked, &room, &sheet)));
    }
    note(asked, &session, visit, Audit::SomebodyElse, None);
    super::somebody_else::put_out(asked, &session, &room).await?;
    let sheet = asked.web.sheets().of(visit).map_err(super::unread)?;
    let mut told = told(asked, &room, &sheet);
    told["links"] = listed(asked, visit)?;
    Ok(answer::json(StatusCode::OK, &told))
}

async fn acting(asked: &Asked<'_>) -> Result<(Session, Room), Refusal> {
    let session = asked.scripted().await?;
    let room = {
        let asking = hosting(asked, &session)?;
        let room = Room::of(asked, &asking).await?;
        prepare(asked, &asking, &room).await?;
        room
    };
    Ok((session, room))
}

fn changed<T>(asked: &Asked<'_>, visit: &str, change: impl FnOnce(&mut Sheet) -> T) -> Result<T, Refusal> {
    asked.web.sheets().change(visit, change).map_err(super::unread)
}

/// Who decided it, and in which words, where there are any.
fn note(asked: &Asked<'_>, session: &Session, visit: &str, what: Audit, words: Option<&str>) {
    let by = account_of(session.user);
    let detail = words.map_or_else(|| by.clone(), |words| format!("{by}: {words}"));
    asked.web.hall().note(visit, Role::Clinician, what, detail);
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_is_labelled_sensitive_or_of_psychiatry_is_of_high_risk_and_an_ordinary_visit_is_not() {
        let sensitive = |appointment: &str, patient: &str| {
            let json = |text: &str| Json::parse(text.as_bytes()).unwrap().into_owned();
            Told::of(Some(&json(appointment)), Some(&json(patient))).is_sensitive
        };
        let coded = |name: &str, system: &str, code: &str| {
            format!(r#"{{"{name}":[{{"coding":[{{"system":"{system}","code":"{code}"}}]}}]}}"#)
        };
        let secured = |code: &str| {
            let system = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
            format!(r#"{{"meta":{{"security":[{{"system":"{system}","code":"{code}"}}]}}}}"#)
        };
        assert!(!sensitive(&coded("serviceType", SNOMED, "448337001"), "{}"));
        assert!(!sensitive(&secured("N"), &secured("N")));
        for appointment in [
            coded("specialty", SNOMED, "394587001"),
            coded("reasonCode", "http://hl7.org/fhir/sid/icd-10-cm", "F11.20"),
            coded("reasonCode", "http://hl7.org/fhir/sid/icd-10-cm", "B20"),
            secured("R"),
            secured("V"),
        ] {
            assert!(sensitive(&appointment, "{}"), "{appointment}");
        }
        assert!(sensitive("{}", &secured("V")), "of the patient");
    }
}
