//! Between a Condition of the problem list (US Core 6.1.0) and the fields of its form.

use fhir::Json;
use serde_json::{Value, json};

use super::KIND;
use crate::client::Asked;
use crate::clinic::codes::PROBLEMS;
use crate::clinic::day::Day;
use crate::clinic::deed::{self, Author};
use crate::clinic::read::{any_code, text, words};
use crate::clinic::time;
use crate::clinic::typed::Typed;

pub const FIELDS: [&str; 6] = ["problem", "onset", "certainty", "standing", "ended", "note"];
pub const CERTAINTIES: [(&str, &str); 2] = [("confirmed", "Confirmed"), ("provisional", "Provisional: not sure yet")];
pub const STANDINGS: [(&str, &str); 4] =
    [("active", "Holds"), ("resolved", "Over"), ("refuted", "Ruled out: never was"), ("mistake", "Entered by mistake")];
const CLINICAL: &str = "http://terminology.hl7.org/CodeSystem/condition-clinical";
const VERIFIED: &str = "http://terminology.hl7.org/CodeSystem/condition-ver-status";
const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/condition-category";
const PROFILE: &str = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-condition-problems-health-concerns";

pub fn blank() -> Typed {
    Typed::of([("certainty", "confirmed".to_owned()), ("standing", "active".to_owned())])
}

pub fn holds(one: &Json<'_>) -> bool {
    filled(one).is("standing", "active")
}

pub fn filled(one: &Json<'_>) -> Typed {
    let code = |name: &str| one.get(name).and_then(any_code);
    let standing = match (code("verificationStatus"), code("clinicalStatus")) {
        (Some("entered-in-error"), _) => "mistake",
        (Some("refuted"), _) => "refuted",
        (_, Some("inactive" | "remission" | "resolved")) => "resolved",
        _ => "active",
    };
    let certainty = match code("verificationStatus") {
        Some("provisional" | "differential" | "unconfirmed") => "provisional",
        _ => "confirmed",
    };
    let day = |name: &str| text(one, name).map(time::day).unwrap_or_default();
    Typed::of([
        ("problem", one.get("code").and_then(words).unwrap_or_default()),
        ("onset", day("onsetDateTime")),
        ("certainty", certainty.to_owned()),
        ("standing", standing.to_owned()),
        ("ended", day("abatementDateTime")),
        ("note", String::new()),
    ])
}

pub fn made(typed: &mut Typed, asked: &Asked<'_>, birth: Option<&str>, author: &Author) -> Value {
    if typed.get("problem").is_empty() {
        typed.slip("problem", "Say what the problem is.");
    }
    let born_ms = birth.and_then(time::instant_ms);
    let today = Day::of(asked.web.record().now_ms(), asked.web.zone()).date();
    for name in ["onset", "ended"] {
        let day = time::typed(typed.get(name));
        let at_ms = day.as_deref().and_then(time::instant_ms);
        if day.is_none() && !typed.get(name).is_empty() {
            typed.slip(name, "Type a date such as 14-Jul-2019, Jul 2019 or 2019.");
        } else if day.as_deref().is_some_and(|day| time::is_to_come(day, today)) {
            typed.slip(name, "This day is still to come.");
        } else if at_ms
            .zip(born_ms)
            .is_some_and(|(at_ms, born_ms)| at_ms < born_ms && day.as_deref().map(str::len) == Some(10))
        {
            typed.slip(name, "This day is before the patient was born.");
        }
    }
    let (from, to) = (time::typed(typed.get("onset")), time::typed(typed.get("ended")));
    if from.zip(to).is_some_and(|(from, to)| to.len() == from.len() && to < from) {
        typed.slip("ended", "It ends before it begins.");
    }
    let mut made = json!({
        "resourceType": KIND,
        "meta": { "profile": [PROFILE] },
        "clinicalStatus": coded(CLINICAL, "active"),
        "verificationStatus": coded(VERIFIED, if typed.is("certainty", "provisional") { "provisional" } else { "confirmed" }),
        "category": [deed::coded(CATEGORY, "problem-list-item", "Problem List Item")],
        "code": PROBLEMS.concept(typed.get("problem")),
        "subject": { "reference": format!("Patient/{}", asked.ids[0]) },
        "recordedDate": author.now,
    });
    if let Some(onset) = time::typed(typed.get("onset")) {
        made["onsetDateTime"] = json!(onset);
    }
    if !typed.get("note").is_empty() {
        made["note"] = json!([author.note(typed.get("note"))]);
    }
    author.sign(&mut made, "recorder");
    made
}

/// What differs between the fields is set; the rest of the resource stays as it is.
pub fn change(one: &mut Json<'static>, now: &Typed, typed: &Typed, author: &Author) {
    if typed.differs(now, "problem") {
        deed::set(one, "code", PROBLEMS.concept(typed.get("problem")));
    }
    for (name, element) in [("onset", "onsetDateTime"), ("ended", "abatementDateTime")] {
        if typed.differs(now, name) {
            match time::typed(typed.get(name)) {
                Some(day) => deed::set(one, element, json!(day)),
                None => deed::remove(one, element),
            }
        }
    }
    if typed.differs(now, "standing") || typed.differs(now, "certainty") {
        stand(one, typed);
    }
    deed::add_note(one, typed.get("note"), author);
}

/// R4, con-3 to con-5: a mistake has no clinical status, and what holds has no end.
fn stand(one: &mut Json<'static>, typed: &Typed) {
    let certainty = if typed.is("certainty", "provisional") { "provisional" } else { "confirmed" };
    let (clinical, verified) = match typed.get("standing") {
        "mistake" => (None, "entered-in-error"),
        "refuted" => (Some("inactive"), "refuted"),
        "resolved" => (Some("resolved"), certainty),
        _ => (Some("active"), certainty),
    };
    match clinical {
        Some(code) => deed::set(one, "clinicalStatus", coded(CLINICAL, code)),
        None => deed::remove(one, "clinicalStatus"),
    }
    if matches!(clinical, None | Some("active")) {
        deed::remove(one, "abatementDateTime");
    }
    deed::set(one, "verificationStatus", coded(VERIFIED, verified));
}

pub fn differences(now: &Typed, typed: &Typed) -> Vec<String> {
    let names = [
        ("problem", "problem"),
        ("onset", "since"),
        ("certainty", "certainty"),
        ("standing", "standing"),
        ("ended", "until"),
    ];
    let words = |name: &str| {
        let choices: &[(&'static str, &'static str)] = match name {
            "certainty" => &CERTAINTIES,
            "standing" => &STANDINGS,
            _ => &[],
        };
        let said = now.choice(name, choices).map_or(now.get(name), |(_, words)| words);
        if said.is_empty() { "nothing".to_owned() } else { said.to_owned() }
    };
    let differing = names.iter().filter(|(name, _)| typed.differs(now, name));
    differing.map(|(name, called)| format!("The chart says now, {called}: {}", words(name))).collect()
}

fn coded(system: &str, code: &str) -> Value {
    json!({ "coding": [{ "system": system, "code": code }] })
}
