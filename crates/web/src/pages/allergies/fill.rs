//! Between an AllergyIntolerance (US Core 6.1.0) and the fields of its form. A change touches what was changed and nothing else.

use fhir::Json;
use serde_json::{Value, json};

use super::{KIND, NO_KNOWN_ALLERGY, name_of, status_code};
use crate::client::Asked;
use crate::clinic::codes::{ALLERGENS, REACTIONS};
use crate::clinic::day::Day;
use crate::clinic::deed::{self, Author};
use crate::clinic::read::{all, has_code, text, words_of};
use crate::clinic::time;
use crate::clinic::typed::Typed;

pub const FIELDS: [&str; 9] =
    ["substance", "kind", "reaction", "severity", "risk", "certainty", "onset", "standing", "note"];
pub const KINDS: [(&str, &str); 4] =
    [("medication", "Medicine"), ("food", "Food"), ("environment", "Environment"), ("biologic", "Biologic")];
pub const SEVERITIES: [(&str, &str); 3] = [("mild", "Mild"), ("moderate", "Moderate"), ("severe", "Severe")];
/// Criticality: how bad the next time could be, however the last one was.
pub const RISKS: [(&str, &str); 3] =
    [("low", "Low"), ("high", "High: could kill or harm for good"), ("unable-to-assess", "Cannot be said")];
pub const CERTAINTIES: [(&str, &str); 3] =
    [("confirmed", "Confirmed"), ("unconfirmed", "Unconfirmed: reported"), ("presumed", "Presumed")];
pub const STANDINGS: [(&str, &str); 4] = [
    ("active", "Holds"),
    ("resolved", "Over: no longer allergic"),
    ("refuted", "Ruled out: never was"),
    ("mistake", "Entered by mistake"),
];
const CLINICAL: &str = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical";
const VERIFIED: &str = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification";
const PROFILE: &str = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-allergyintolerance";
/// What each statement that none are known speaks of; all kinds where it is not here.
const NONE_OF: [(&str, &str); 3] = [("409137002", "medication"), ("428607008", "environment"), ("429625007", "food")];

const SNOMED: &str = "http://snomed.info/sct";

pub fn blank() -> Typed {
    Typed::of([("certainty", "unconfirmed".to_owned())])
}

/// The fields as the resource says them.
pub fn filled(one: &Json<'_>) -> Typed {
    let reactions = all(one, "reaction");
    let first = reactions.first();
    let manifested: Vec<String> = reactions.iter().filter_map(|reaction| words_of(reaction, "manifestation")).collect();
    let verified = status_code(one, "verificationStatus").unwrap_or_default();
    let standing = match (verified, status_code(one, "clinicalStatus")) {
        ("entered-in-error", _) => "mistake",
        ("refuted", _) => "refuted",
        (_, Some("inactive" | "resolved")) => "resolved",
        _ => "active",
    };
    let certainty = if CERTAINTIES.iter().any(|(code, _)| *code == verified) { verified } else { "" };
    let category = all(one, "category").first().and_then(Json::as_str).unwrap_or_default();
    Typed::of([
        ("substance", name_of(one)),
        ("kind", category.to_owned()),
        ("reaction", manifested.join(", ")),
        ("severity", first.and_then(|reaction| text(reaction, "severity")).unwrap_or_default().to_owned()),
        ("risk", text(one, "criticality").unwrap_or_default().to_owned()),
        ("certainty", certainty.to_owned()),
        ("onset", text(one, "onsetDateTime").map(time::day).unwrap_or_default()),
        ("standing", standing.to_owned()),
        ("note", String::new()),
    ])
}

/// A new one of what was typed, with what is wrong noted beside the fields.
pub fn made(typed: &mut Typed, asked: &Asked<'_>, author: &Author) -> Value {
    if typed.get("substance").is_empty() {
        typed.slip("substance", "Say what the patient is allergic to.");
    }
    if typed.get("reaction").is_empty() && !typed.get("severity").is_empty() {
        typed.slip("reaction", "Say what happened, or leave the severity out.");
    }
    // What the table knows is of the kind that the table says.
    if let Some(row) = ALLERGENS.row(typed.get("substance")) {
        typed.set("kind", row.rest);
    }
    let onset = time::typed(typed.get("onset"));
    if onset.is_none() && !typed.get("onset").is_empty() {
        typed.slip("onset", "Type a date such as 14-Jul-2019, Jul 2019 or 2019.");
    }
    let today = Day::of(asked.web.record().now_ms(), asked.web.zone()).date();
    if onset.as_deref().is_some_and(|day| time::is_to_come(day, today)) {
        typed.slip("onset", "This day is still to come.");
    }
    let code = |name: &str, choices: &[(&'static str, &'static str)]| typed.choice(name, choices).map(|(code, _)| code);
    let mut made = json!({
        "resourceType": KIND,
        "meta": { "profile": [PROFILE] },
        "clinicalStatus": clinical("active"),
        "verificationStatus": verified(code("certainty", &CERTAINTIES).unwrap_or("unconfirmed")),
        "code": ALLERGENS.concept(typed.get("substance")),
        "patient": { "reference": format!("Patient/{}", asked.ids[0]) },
        "recordedDate": author.now,
    });
    if let Some(kind) = code("kind", &KINDS) {
        made["category"] = json!([kind]);
    }
    if let Some(risk) = code("risk", &RISKS) {
        made["criticality"] = json!(risk);
    }
    if let Some(onset) = onset {
        made["onsetDateTime"] = json!(onset);
    }
    if let Some(reaction) = reaction(typed) {
        made["reaction"] = json!([reaction]);
    }
    if !typed.get("note").is_empty() {
        made["note"] = json!([author.note(typed.get("note"))]);
    }
    author.sign(&mut made, "recorder");
    made
}

fn reaction(typed: &Typed) -> Option<Value> {
    let said = typed.get("reaction");
    let manifested: Vec<Value> =
        said.split(',').filter(|part| !part.trim().is_empty()).map(|part| REACTIONS.concept(part)).collect();
    if manifested.is_empty() {
        return None;
    }
    let mut reaction = json!({ "manifestation": manifested });
    if let Some((severity, _)) = typed.choice("severity", &SEVERITIES) {
        reaction["severity"] = json!(severity);
    }
    Some(reaction)
}

/// What differs between the fields is set; the rest of the resource stays as it is.
pub fn change(one: &mut Json<'static>, now: &Typed, typed: &Typed, author: &Author) {
    if typed.differs(now, "substance") {
        deed::set(one, "code", ALLERGENS.concept(typed.get("substance")));
    }
    if typed.differs(now, "kind") {
        let kind = typed.choice("kind", &KINDS).map(|(code, _)| json!([code]));
        set_or_remove(one, "category", kind);
    }
    if typed.differs(now, "risk") {
        set_or_remove(one, "criticality", typed.choice("risk", &RISKS).map(|(code, _)| json!(code)));
    }
    if typed.differs(now, "onset") {
        set_or_remove(one, "onsetDateTime", time::typed(typed.get("onset")).map(|onset| json!(onset)));
    }
    if typed.differs(now, "reaction") {
        set_or_remove(one, "reaction", reaction(typed).map(|reaction| json!([reaction])));
    } else if typed.differs(now, "severity") {
        severity(one, typed);
    }
    if typed.differs(now, "standing") || typed.differs(now, "certainty") {
        stand(one, typed.get("standing"), typed.get("certainty"));
    }
    deed::add_note(one, typed.get("note"), author);
}

/// Of the first reaction, which is the one that the form shows.
fn severity(one: &mut Json<'static>, typed: &Typed) {
    let mut reactions: Vec<Json<'static>> = all(one, "reaction").to_vec();
    if let Some(first) = reactions.first_mut() {
        set_or_remove(first, "severity", typed.choice("severity", &SEVERITIES).map(|(code, _)| json!(code)));
    }
    if let Some(members) = one.as_object_mut() {
        members.set("reaction", Json::Array(reactions));
    }
}

/// R4, ait-1 and ait-2: a mistake has no clinical status, everything else has one.
pub fn stand(one: &mut Json<'static>, standing: &str, certainty: &str) {
    let certainty = if certainty.is_empty() { "unconfirmed" } else { certainty };
    let (clinically, verification) = match standing {
        "mistake" => (None, "entered-in-error"),
        "refuted" => (Some("inactive"), "refuted"),
        "resolved" => (Some("resolved"), certainty),
        _ => (Some("active"), certainty),
    };
    set_or_remove(one, "clinicalStatus", clinically.map(clinical));
    deed::set(one, "verificationStatus", verified(verification));
}

fn set_or_remove(one: &mut Json<'static>, name: &'static str, value: Option<Value>) {
    match value {
        Some(value) => deed::set(one, name, value),
        None => deed::remove(one, name),
    }
}

/// That none are known: the patient says so, somebody asked.
pub fn none_known(patient_id: &str, author: &Author) -> Value {
    let patient = json!({ "reference": format!("Patient/{patient_id}") });
    let mut made = json!({
        "resourceType": KIND,
        "clinicalStatus": clinical("active"),
        "verificationStatus": verified("confirmed"),
        "code": deed::coded(SNOMED, NO_KNOWN_ALLERGY, "No known allergy"),
        "patient": patient,
        "recordedDate": author.now,
        "asserter": patient,
    });
    author.sign(&mut made, "recorder");
    made
}

/// Asked again: the day and the person are new. What was said before is in its history.
pub fn asked_again(one: &Json<'static>, author: &Author) -> Json<'static> {
    let mut again = one.clone();
    deed::set(&mut again, "recordedDate", json!(author.now));
    if let Some(recorder) = author.reference() {
        deed::set(&mut again, "recorder", recorder);
    }
    again
}

/// Whether it says that there is none of the kind of which one is added.
pub fn is_contradicted(one: &Json<'_>, kind: &str) -> bool {
    super::is_none_known(one)
        && NONE_OF
            .iter()
            .find(|(code, _)| has_code(one, "code", code))
            .is_none_or(|(_, of)| *of == kind || kind.is_empty())
}

/// What the chart has now where the form has something else.
pub fn differences(now: &Typed, typed: &Typed) -> Vec<String> {
    let names = [
        ("substance", "substance"),
        ("reaction", "reaction"),
        ("severity", "severity"),
        ("risk", "risk"),
        ("certainty", "certainty"),
        ("onset", "since"),
        ("standing", "standing"),
    ];
    let differing = names.iter().filter(|(name, _)| typed.differs(now, name));
    let words = |name: &str| {
        let choices: &[(&'static str, &'static str)] = match name {
            "severity" => &SEVERITIES,
            "risk" => &RISKS,
            "certainty" => &CERTAINTIES,
            "standing" => &STANDINGS,
            _ => &[],
        };
        let said = now.choice(name, choices).map_or(now.get(name), |(_, words)| words);
        if said.is_empty() { "nothing".to_owned() } else { said.to_owned() }
    };
    differing.map(|(name, called)| format!("The chart says now, {called}: {}", words(name))).collect()
}

fn clinical(code: &str) -> Value {
    json!({ "coding": [{ "system": CLINICAL, "code": code }] })
}

fn verified(code: &str) -> Value {
    json!({ "coding": [{ "system": VERIFIED, "code": code }] })
}
