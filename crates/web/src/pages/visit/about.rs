//! What is known of a visit before and while it happens, for its clinician: who the patient is and how that was found out, what they
//! agreed to, where they are and whom to call there; and the links into it, with what became of what was sent.

use fhir::Json;
use http::StatusCode;
use identity::Session;
use serde_json::{Value, json};
use telehealth::identity_check::{Checked, Verified};
use telehealth::sheets::{Consent, Sheet, Whereabouts};
use telehealth::signal::Role;

use super::Answer;
use super::host::{Room, hosting, listed};
use crate::answer;
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::day::clock;
use crate::clinic::licence::is_licensed_in;
use crate::refusal::Refusal;

const HOME: &str = "US";

/// As JSON, for the panel that stays beside the call. The script of the page asks for it by itself: no activity.
pub async fn about(asked: &Asked<'_>) -> Answer {
    let session = asked.watcher().await?;
    let asking = hosting(asked, &session)?;
    let room = Room::of(asked, &asking).await?;
    let sheet = asked.web.sheets().of(&room.visit.id).map_err(super::unread)?;
    let caution = match &sheet.whereabouts {
        Some(held) => caution(asked, &session, &asking, held).await?,
        None => None,
    };
    let mut told = told(asked, &sheet);
    told["caution"] = json!(caution);
    told["links"] = listed(asked, &room.visit.id)?;
    if let Some(forms) = super::about_forms::told(asked, &asking, &room).await? {
        told["forms"] = forms;
    }
    Ok(answer::json(StatusCode::OK, &told))
}

fn told(asked: &Asked<'_>, sheet: &Sheet) -> Value {
    let at = |ms: i64| clock(ms, asked.web.zone());
    let identity = |held: &Verified| json!({ "how": held.checked.iter().map(|one| words(*one)).collect::<Vec<_>>(), "at": at(held.at_ms), "by_eye": held.by_eye.as_ref().map(|by| at(by.at_ms)) });
    let consent = |held: &Consent| json!({ "version": held.version, "language": language(&held.language), "who": role(held.role), "at": at(held.at_ms) });
    let place = |held: &Whereabouts| {
        json!({ "address": held.address, "state": held.state, "country": held.country, "number": held.emergency_number,
            "contact": held.contact_name, "phone": held.contact_phone, "at": at(held.at_ms) })
    };
    json!({
        "identity": sheet.identity.as_ref().map(identity),
        "consent": sheet.consent.as_ref().map(consent),
        "where": sheet.whereabouts.as_ref().map(place),
        "brings": sheet.brings,
    })
}

/// A warning and no more: who may treat whom where is for people to judge.
async fn caution(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    held: &Whereabouts,
) -> Result<Option<String>, Refusal> {
    if held.country != HOME {
        return Ok(Some("The patient is outside of the United States.".to_owned()));
    }
    let own = asking.record.own_practitioner(asking.caller).await?;
    let practitioner = match &own {
        Some(id) => Some(asking.read("Practitioner", id).await?),
        None => None,
    };
    let json = practitioner.as_ref().and_then(|one| Json::parse(one.get().json()).ok());
    let account = asked.web.identity().profile(session.user).and_then(|profile| profile.licence);
    let is_licensed = is_licensed_in(&held.state, account.as_ref(), json.as_ref(), asked.web.record().now_ms());
    Ok((!is_licensed).then(|| format!("No licence for {} is on record.", held.state)))
}

fn words(checked: Checked) -> &'static str {
    match checked {
        Checked::SignedIn => "signed in to their account",
        Checked::Link => "link of this visit",
        Checked::BirthDate => "birth date",
        Checked::PatientId => "record number",
        Checked::RecentAppointment => "recent appointment",
        Checked::CodeBySms => "code sent to the telephone on file",
        Checked::CodeByEmail => "code sent to the e-mail address on file",
        Checked::CodeByVoice => "code spoken to the telephone on file",
    }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Patient => "the patient",
        Role::Proxy => "who stands for the patient",
        Role::Clinician => "the clinician",
        Role::Interpreter => "the interpreter",
        Role::Family => "family",
        Role::Guest => "a guest",
    }
}

fn language(code: &str) -> &str {
    match code {
        "en" => "English",
        "es" => "Spanish",
        other => other,
    }
}
