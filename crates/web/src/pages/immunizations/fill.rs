//! An Immunization (US Core 6.1.0) of what was typed.

use fhir::Json;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::KIND;
use crate::client::Asked;
use crate::clinic::codes::VACCINES;
use crate::clinic::day::Day;
use crate::clinic::deed::{self, Author};
use crate::clinic::time;
use crate::clinic::typed::Typed;

pub const FIELDS: [&str; 11] =
    ["vaccine", "way", "day", "lot", "maker", "expires", "site", "route", "origin", "reason", "note"];
pub const WAYS: [(&str, &str); 3] =
    [("given", "Given here, by me"), ("reported", "Given elsewhere or before: told of"), ("refused", "Not given")];
/// R4, immunization-site; the thighs are said in words.
pub const SITES: [(&str, &str); 4] =
    [("LA", "Left arm"), ("RA", "Right arm"), ("left-thigh", "Left thigh"), ("right-thigh", "Right thigh")];
/// R4, immunization-route.
pub const ROUTES: [(&str, &str); 5] = [
    ("IM", "Into the muscle"),
    ("SQ", "Under the skin"),
    ("IDINJ", "Into the skin"),
    ("PO", "By mouth"),
    ("NASINHLC", "Into the nose"),
];
/// R4, immunization-origin.
pub const ORIGINS: [(&str, &str); 5] = [
    ("recall", "The patient or family remembers"),
    ("record", "A written record"),
    ("provider", "Another clinic or pharmacy"),
    ("jurisdiction", "A registry"),
    ("school", "A school record"),
];
/// R4, immunization-status-reason.
pub const REASONS: [(&str, &str); 4] = [
    ("PATOBJ", "Patient or parent declined"),
    ("MEDPREC", "Medical reason against it"),
    ("IMMUNE", "Immune already"),
    ("OSTOCK", "Out of stock"),
];
const SITE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActSite";
const ROUTE: &str = "http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration";
const ORIGIN: &str = "http://terminology.hl7.org/CodeSystem/immunization-origin";
const REASON: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
const PERFORMER: &str = "http://terminology.hl7.org/CodeSystem/v2-0443";
const PROFILE: &str = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-immunization";

pub fn blank(today: &str) -> Typed {
    Typed::of([("way", "given".to_owned()), ("day", today.to_owned())])
}

pub fn made(typed: &mut Typed, asked: &Asked<'_>, birth: Option<&str>, author: &Author) -> Value {
    let day = time::typed(typed.get("day"));
    check(typed, day.as_deref(), birth, Day::of(asked.web.record().now_ms(), asked.web.zone()).date());
    let way = typed.get("way").to_owned();
    let is_given = way == "given";
    let mut made = json!({
        "resourceType": KIND,
        "meta": { "profile": [PROFILE] },
        "status": if way == "refused" { "not-done" } else { "completed" },
        "vaccineCode": VACCINES.concept(typed.get("vaccine")),
        "patient": { "reference": format!("Patient/{}", asked.ids[0]) },
        "occurrenceDateTime": day,
        "recorded": author.now,
        "primarySource": way != "reported",
    });
    let chosen = |name: &str, choices: &[(&'static str, &'static str)], system: &str| {
        typed.choice(name, choices).map(|(code, words)| match code.contains('-') {
            true => json!({ "text": words }),
            false => deed::coded(system, code, words),
        })
    };
    match way.as_str() {
        "refused" => made["statusReason"] = chosen("reason", &REASONS, REASON).unwrap_or_default(),
        "reported" => made["reportOrigin"] = chosen("origin", &ORIGINS, ORIGIN).unwrap_or_default(),
        _ => {}
    }
    if way != "refused" {
        if !typed.get("lot").is_empty() {
            made["lotNumber"] = json!(typed.get("lot"));
        }
        if !typed.get("maker").is_empty() {
            made["manufacturer"] = json!({ "display": typed.get("maker") });
        }
        if let Some(expires) = time::typed(typed.get("expires")) {
            made["expirationDate"] = json!(expires);
        }
    }
    if is_given {
        for (element, value) in [("site", chosen("site", &SITES, SITE)), ("route", chosen("route", &ROUTES, ROUTE))] {
            if let Some(value) = value {
                made[element] = value;
            }
        }
        if let Some(who) = author.reference() {
            made["performer"] =
                json!([{ "function": deed::coded(PERFORMER, "AP", "Administering Provider"), "actor": who }]);
        }
    }
    if !typed.get("note").is_empty() {
        made["note"] = json!([author.note(typed.get("note"))]);
    }
    made
}

/// Entered by mistake: it stays, says so, and why.
pub fn mistaken(one: &mut Json<'static>, why: &str, author: &Author) {
    deed::set(one, "status", json!("entered-in-error"));
    deed::add_note(one, why, author);
}

/// What a dose that is given here must say: 42 U.S.C. 300aa-25(a) asks for day, maker, lot and who gave it.
fn check(typed: &mut Typed, day: Option<&str>, birth: Option<&str>, today: Date) {
    if typed.get("vaccine").is_empty() {
        typed.slip("vaccine", "Say which vaccine.");
    }
    let way = typed.choice("way", &WAYS).map(|(code, _)| code);
    match (day, way) {
        (None, _) => typed.slip("day", "Say when: a day, or for an old dose a month or a year."),
        (Some(day), Some("given" | "refused")) if day.len() != 10 => {
            typed.slip("day", "Say the day, such as 14-Jul-2019.")
        }
        (Some(day), _) if time::is_to_come(day, today) => {
            typed.slip("day", "This day is still to come.");
        }
        (Some(day), _) if birth.is_some_and(|birth| day.len() == 10 && birth.len() == 10 && day < birth) => {
            typed.slip("day", "This day is before the patient was born.");
        }
        _ => {}
    }
    let expires = time::typed(typed.get("expires"));
    match way {
        None => typed.slip("way", "Say whether it was given here, told of, or not given."),
        Some("given") => {
            for (name, words) in [("lot", "Type the lot: it stands on the vial."), ("maker", "Type who made it.")] {
                if typed.get(name).is_empty() {
                    typed.slip(name, words);
                }
            }
            if typed.choice("site", &SITES).is_none() && !typed.is("route", "PO") && !typed.is("route", "NASINHLC") {
                typed.slip("site", "Choose where it was given.");
            }
            if typed.choice("route", &ROUTES).is_none() {
                typed.slip("route", "Choose how it was given.");
            }
            if expires.as_deref().zip(day).is_some_and(|(expires, day)| expires.len() == 10 && expires < day) {
                typed.slip(
                    "expires",
                    "The lot had expired on that day. Check the vial, and tell who is in charge if it was given.",
                );
            }
        }
        Some("reported") if typed.choice("origin", &ORIGINS).is_none() => typed.slip("origin", "Choose who says so."),
        Some("refused") if typed.choice("reason", &REASONS).is_none() => {
            typed.slip("reason", "Choose why it was not given.")
        }
        Some(_) => {}
    }
    if !typed.get("expires").is_empty() && expires.is_none_or(|day| day.len() != 10) {
        typed.slip("expires", "Type a day such as 14-Jul-2027.");
    }
}
