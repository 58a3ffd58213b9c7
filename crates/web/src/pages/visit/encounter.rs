//! What a visit by video leaves in its Encounter (FHIR R4): who was there and when, where the patient was, and, as an extension of our own, how
//! they were known, what they agreed to, and when sound was all there was.

use fhir::Json;
use telehealth::identity_check::Checked;
use telehealth::sheets::{Sheet, Stay};
use telehealth::signal::Role;

use crate::clinic::day::instant;
use crate::clinic::moves::{coding, object};
use crate::clinic::read::{all, text};

pub const BY_VIDEO: &str = "urn:wardstone:fhir:visit-by-video";
const PARTICIPANT_TYPE: &str = "http://terminology.hl7.org/CodeSystem/participant-type";

/// Replaces what was told before: a visit that went on after it had ended is told as a whole.
pub fn tell(encounter: &mut Json<'_>, sheet: &Sheet) {
    let others = sheet.course.stays.iter().filter(|stay| !stay.role.is_host() && !stay.role.is_visited());
    let others: Vec<Json<'static>> = others.map(participant).collect();
    let kept = |name: &str, is_ours: &dyn Fn(&Json<'_>) -> bool| -> Vec<Json<'static>> {
        all(encounter, name).iter().filter(|one| !is_ours(one)).map(|one| one.clone().into_owned()).collect()
    };
    let has_nobody = |one: &Json<'_>| one.get("individual").is_none();
    let mut participants = kept("participant", &has_nobody);
    participants.extend(others);
    let is_only_said = |one: &Json<'_>| one.get("location").is_some_and(|place| place.get("reference").is_none());
    let mut locations = kept("location", &is_only_said);
    locations.extend(sheet.whereabouts.as_ref().map(|place| {
        let parts = [place.address.as_str(), place.state.as_str(), place.country.as_str()];
        let said: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let display = Json::string(format!("Where the patient was: {}", said.join(", ")));
        object([("location", object([("display", display)])), ("status", Json::string("completed"))])
    }));
    let is_by_video = |one: &Json<'_>| text(one, "url") == Some(BY_VIDEO);
    let mut extensions = kept("extension", &is_by_video);
    extensions.extend(by_video(sheet));
    let history = history(sheet);
    let Some(members) = encounter.as_object_mut() else { return };
    for (name, values) in
        [("participant", participants), ("location", locations), ("extension", extensions), ("statusHistory", history)]
    {
        if !values.is_empty() {
            members.set(name, Json::Array(values));
        }
    }
    if let Some(ended_ms) = sheet.course.ended_ms
        && let Some(period) = members.get_mut("period").and_then(Json::as_object_mut)
    {
        period.set("end", Json::string(instant(ended_ms)));
    }
}

/// Nobody of the directory: what they were to the visit, and how the room named them.
fn participant(stay: &Stay) -> Json<'static> {
    let mut kind = Vec::new();
    if stay.role == Role::Interpreter {
        kind.push(("coding", Json::Array(vec![coding(PARTICIPANT_TYPE, "translator", "Translator")])));
    }
    let role = match stay.role {
        Role::Interpreter => "Interpreter",
        Role::Family => "Family",
        _ => "Guest",
    };
    kind.push(("text", Json::string(format!("{role}: {}", stay.label))));
    object([("type", Json::Array(vec![object(kind)])), ("period", span(stay.from_ms, stay.to_ms))])
}

/// Waiting, then being seen.
fn history(sheet: &Sheet) -> Vec<Json<'static>> {
    let course = &sheet.course;
    let of = |status: &'static str, from_ms: Option<i64>, to_ms: Option<i64>| {
        Some(object([("status", Json::string(status)), ("period", span(from_ms?, Some(to_ms?)))]))
    };
    [of("arrived", course.arrived_ms, course.started_ms), of("in-progress", course.started_ms, course.ended_ms)]
        .into_iter()
        .flatten()
        .collect()
}

fn by_video(sheet: &Sheet) -> Option<Json<'static>> {
    let mut parts = Vec::new();
    let part = |url: &'static str, kind: &'static str, value: Json<'static>| {
        object([("url", Json::string(url)), (kind, value)])
    };
    let at = |ms: i64| Json::string(instant(ms));
    if let Some(identity) = &sheet.identity {
        parts.extend(identity.checked.iter().map(|one| part("identity", "valueCode", Json::string(code(*one)))));
        parts.push(part("identity-at", "valueDateTime", at(identity.at_ms)));
        parts.extend(identity.by_eye.as_ref().map(|seen| part("confirmed-by-eye", "valueDateTime", at(seen.at_ms))));
    }
    if let Some(consent) = &sheet.consent {
        let said = vec![
            part("version", "valueString", Json::string(consent.version.clone())),
            part("language", "valueCode", Json::string(consent.language.clone())),
            part("by", "valueCode", Json::string(if consent.role == Role::Proxy { "proxy" } else { "patient" })),
            part("at", "valueDateTime", at(consent.at_ms)),
        ];
        parts.push(object([("url", Json::string("consent")), ("extension", Json::Array(said))]));
    }
    if sheet.risk.is_high() {
        parts.push(part("high-risk", "valueBoolean", Json::Bool(true)));
        parts.extend(sheet.steps.reason.clone().map(|why| part("went-on-because", "valueString", Json::string(why))));
    }
    if let Some(to_audio) = &sheet.course.to_audio {
        let mut said = vec![part("at", "valueDateTime", at(to_audio.at_ms))];
        if !to_audio.reason.is_empty() {
            said.push(part("reason", "valueString", Json::string(to_audio.reason.clone())));
        }
        parts.push(object([("url", Json::string("to-audio")), ("extension", Json::Array(said))]));
    }
    let is_told = !parts.is_empty();
    is_told.then(|| object([("url", Json::string(BY_VIDEO)), ("extension", Json::Array(parts))]))
}

/// As the sheet writes it.
fn code(checked: Checked) -> String {
    serde_json::to_value(checked).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn span(from_ms: i64, to_ms: Option<i64>) -> Json<'static> {
    let mut members = vec![("start", Json::string(instant(from_ms)))];
    members.extend(to_ms.map(|to_ms| ("end", Json::string(instant(to_ms)))));
    object(members)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use telehealth::identity_check::Verified;
    use telehealth::sheets::{Consent, Course, ToAudio, Whereabouts};

    use super::*;

    const AT: i64 = 1_795_706_280_000;

    #[test]
    fn an_encounter_tells_who_was_there_how_they_were_known_and_where_the_patient_was_once() {
        let text = r#"{"resourceType":"Encounter","status":"in-progress","period":{"start":"2026-11-26T15:18:00Z"},
            "participant":[{"individual":{"reference":"Practitioner/d"}}],
            "location":[{"location":{"reference":"Location/l"}}],"extension":[{"url":"urn:other","valueBoolean":true}]}"#;
        let mut encounter = Json::parse_str(text).unwrap().into_owned();
        let stay = |role, label: &str| Stay {
            who: "a".into(),
            role,
            label: label.into(),
            from_ms: AT,
            to_ms: Some(AT + 60_000),
        };
        let mut sheet = Sheet::default();
        sheet.identity = Some(Verified { checked: vec![Checked::Link, Checked::BirthDate], at_ms: AT, by_eye: None });
        sheet.consent =
            Some(Consent { version: "2026-11".into(), language: "es".into(), role: Role::Patient, at_ms: AT });
        sheet.whereabouts = Some(Whereabouts {
            address: "12 Elm Street, Springfield".into(),
            state: "IL".into(),
            country: "US".into(),
            emergency_number: "911".into(),
            contact_name: String::new(),
            contact_phone: String::new(),
            at_ms: AT,
        });
        sheet.course = Course {
            stays: vec![
                stay(Role::Clinician, "Dr Rao"),
                stay(Role::Patient, "The patient"),
                stay(Role::Interpreter, "Ines"),
            ],
            to_audio: Some(ToAudio { at_ms: AT, reason: "loss".into() }),
            arrived_ms: Some(AT - 60_000),
            started_ms: Some(AT),
            ended_ms: Some(AT + 60_000),
            ..Course::default()
        };
        tell(&mut encounter, &sheet);
        let once = String::from_utf8(encounter.to_vec()).unwrap();
        tell(&mut encounter, &sheet);
        assert_eq!(String::from_utf8(encounter.to_vec()).unwrap(), once, "told as a whole");
        for said in [
            "Practitioner/d",
            "Location/l",
            "urn:other",
            "translator",
            "Interpreter: Ines",
            "12 Elm Street, Springfield, IL, US",
            r#"{"url":"identity","valueCode":"birth-date"}"#,
            r#"{"url":"version","valueString":"2026-11"}"#,
            r#"{"url":"to-audio""#,
            r#""status":"arrived""#,
            r#""end":"2026-11-26T15:19:00Z""#,
        ] {
            assert!(once.contains(said), "{said}: {once}");
        }
        assert!(!once.contains("Dr Rao") && !once.contains("The patient"), "{once}");
    }
}
