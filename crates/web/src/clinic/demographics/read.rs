//! What a Patient says, as the form has it. Each field reads one entry; what else there is stays as it is.

use fhir::Json;

use super::{BIRTHSEX, ETHNICITY, IDENTITY, INTERPRETER, PRONOUN, RACE, SSN, TRIBE, Values};
use crate::clinic::read::{all, any_code, at, extension, text};
use crate::clinic::time;

/// Fields that are one entry of the resource: they are written together or not at all.
pub const PARTS: &[&[&str]] = &[
    &["family", "given", "middle", "suffix", "prefix"],
    &["preferred"],
    &["former"],
    &["birth"],
    &["died"],
    &["gender"],
    &["birthsex"],
    &["identity"],
    &["pronouns"],
    &["ssn"],
    &["mobile"],
    &["phone"],
    &["work"],
    &["email"],
    &["line", "line2", "city", "state", "zip"],
    &["old-line", "old-city", "old-state", "old-zip"],
    &["language"],
    &["interpreter"],
    &["race"],
    &["ethnicity"],
    &["tribe", "enrolled"],
    &["marital"],
    &["kin-family", "kin-given", "kin-relation", "kin-phone"],
    &["call-family", "call-given", "call-relation", "call-phone"],
];

pub fn read(patient: &Json<'_>) -> Values {
    let mut values = Values::default();
    let names = all(patient, "name");
    if let Some(name) = official(names).and_then(|at| names.get(at)) {
        let mut given = all(name, "given").iter().filter_map(Json::as_str);
        values.set("family", text(name, "family").unwrap_or_default());
        values.set("given", given.next().unwrap_or_default());
        values.set("middle", given.collect::<Vec<_>>().join(" "));
        values.set("prefix", joined(name, "prefix"));
        values.set("suffix", joined(name, "suffix"));
    }
    if let Some(name) = preferred(names).and_then(|at| names.get(at)) {
        let given = joined(name, "given");
        values
            .set("preferred", if given.is_empty() { text(name, "text").unwrap_or_default().to_owned() } else { given });
    }
    if let Some(name) = former(names).and_then(|at| names.get(at)) {
        values.set("former", text(name, "family").or_else(|| text(name, "text")).unwrap_or_default());
    }
    values.set("birth", text(patient, "birthDate").map(time::day).unwrap_or_default());
    values.set("died", text(patient, "deceasedDateTime").map(time::day).unwrap_or_default());
    values.set("gender", text(patient, "gender").unwrap_or_default());
    values.set("birthsex", extension(patient, BIRTHSEX, "valueCode").and_then(Json::as_str).unwrap_or_default());
    let identity = extension(patient, IDENTITY, "valueCodeableConcept");
    values.set("identity", identity.and_then(any_code).unwrap_or_default());
    let pronoun = extended(patient, PRONOUN).and_then(|one| extension(one, "value", "valueCodeableConcept"));
    values.set("pronouns", pronoun.and_then(any_code).unwrap_or_default());
    let ssn = all(patient, "identifier").iter().find(|one| text(one, "system") == Some(SSN));
    values.set("ssn", ssn.and_then(|one| text(one, "value")).unwrap_or_default());
    let contacts = all(patient, "telecom");
    for name in ["mobile", "phone", "work", "email"] {
        let value = contact_point(contacts, name).and_then(|at| text(contacts.get(at)?, "value"));
        values.set(name, value.unwrap_or_default());
    }
    let addresses = all(patient, "address");
    if let Some(home) = home(addresses).and_then(|at| addresses.get(at)) {
        let mut lines = all(home, "line").iter().filter_map(Json::as_str);
        values.set("line", lines.next().unwrap_or_default());
        values.set("line2", lines.collect::<Vec<_>>().join(", "));
        for (name, member) in [("city", "city"), ("state", "state"), ("zip", "postalCode")] {
            values.set(name, text(home, member).unwrap_or_default());
        }
    }
    if let Some(before) = before(addresses).and_then(|at| addresses.get(at)) {
        values.set("old-line", all(before, "line").iter().filter_map(Json::as_str).collect::<Vec<_>>().join(", "));
        for (name, member) in [("old-city", "city"), ("old-state", "state"), ("old-zip", "postalCode")] {
            values.set(name, text(before, member).unwrap_or_default());
        }
    }
    origin(patient, &mut values);
    let spoken = all(patient, "communication");
    let language = language(spoken).and_then(|at| spoken.get(at)?.get("language"));
    values.set("language", language.and_then(any_code).unwrap_or_default());
    let needs = extension(patient, INTERPRETER, "valueBoolean").and_then(Json::as_bool) == Some(true);
    values.set("interpreter", if needs { "yes" } else { "" });
    values.set("marital", patient.get("maritalStatus").and_then(any_code).unwrap_or_default());
    let people = all(patient, "contact");
    for (role, [family, given, relation, phone]) in CONTACTS {
        let Some(one) = contact(people, role).and_then(|at| people.get(at)) else { continue };
        values.set(family, one.get("name").and_then(|name| text(name, "family")).unwrap_or_default());
        values.set(given, one.get("name").map(|name| joined(name, "given")).unwrap_or_default());
        let mut relations = all(one, "relationship").iter().filter_map(any_code);
        values.set(relation, relations.rfind(|code| *code != role).unwrap_or_default());
        let number = all(one, "telecom").iter().find(|point| text(point, "system") == Some("phone"));
        values.set(phone, number.and_then(|point| text(point, "value")).unwrap_or_default());
    }
    values
}

/// Role of a contact (HL7 v2-0131) and its fields.
pub const CONTACTS: [(&str, [&str; 4]); 2] = [
    ("N", ["kin-family", "kin-given", "kin-relation", "kin-phone"]),
    ("C", ["call-family", "call-given", "call-relation", "call-phone"]),
];

fn origin(patient: &Json<'_>, values: &mut Values) {
    for (name, url) in [("race", RACE), ("ethnicity", ETHNICITY)] {
        let Some(held) = extended(patient, url) else { continue };
        let parts = all(held, "extension").iter().filter(|part| text(part, "url") == Some("ombCategory"));
        let codes: Vec<&str> =
            parts.filter_map(|part| at(part, &["valueCoding"]).and_then(|c| text(c, "code"))).collect();
        values.set(name, codes.join(" "));
    }
    if let Some(tribe) = extended(patient, TRIBE) {
        let named = extension(tribe, "tribalAffiliation", "valueCodeableConcept");
        values.set("tribe", named.and_then(crate::clinic::read::words).unwrap_or_default());
        let enrolled = extension(tribe, "isEnrolled", "valueBoolean").and_then(Json::as_bool);
        values.set("enrolled", enrolled.map(|is| is.to_string()).unwrap_or_default());
    }
}

fn extended<'j, 'a>(patient: &'j Json<'a>, url: &str) -> Option<&'j Json<'a>> {
    all(patient, "extension").iter().find(|one| text(one, "url") == Some(url))
}

/// The name that holds now, as the banner shows it.
pub fn official(names: &[Json<'_>]) -> Option<usize> {
    let used = |wanted: &str| names.iter().position(|name| text(name, "use") == Some(wanted));
    used("official")
        .or_else(|| names.iter().position(|name| !matches!(text(name, "use"), Some("old" | "maiden" | "nickname"))))
}

/// What somebody likes to be called, beside the official name.
pub fn preferred(names: &[Json<'_>]) -> Option<usize> {
    let is_official = official(names);
    let is_kind = |name: &Json<'_>| matches!(text(name, "use"), Some("usual" | "nickname"));
    names.iter().enumerate().position(|(at, name)| is_kind(name) && Some(at) != is_official)
}

pub fn former(names: &[Json<'_>]) -> Option<usize> {
    names.iter().position(|name| matches!(text(name, "use"), Some("old" | "maiden")))
}

/// The entry of a phone or e-mail field.
pub fn contact_point(points: &[Json<'_>], name: &str) -> Option<usize> {
    let (system, usage) = use_of(name);
    points.iter().position(|one| {
        let held = text(one, "use");
        text(one, "system") == Some(system)
            && match usage {
                None => held != Some("old"),
                // A number of which nobody says where it rings is the one at home.
                Some("home") => matches!(held, Some("home") | None),
                usage => held == usage,
            }
    })
}

pub fn use_of(name: &str) -> (&'static str, Option<&'static str>) {
    match name {
        "mobile" => ("phone", Some("mobile")),
        "phone" => ("phone", Some("home")),
        "work" => ("phone", Some("work")),
        _ => ("email", None),
    }
}

pub fn home(addresses: &[Json<'_>]) -> Option<usize> {
    let used = |wanted: Option<&str>| addresses.iter().position(|one| text(one, "use") == wanted);
    used(Some("home")).or_else(|| used(None))
}

pub fn before(addresses: &[Json<'_>]) -> Option<usize> {
    addresses.iter().position(|one| text(one, "use") == Some("old"))
}

pub fn language(spoken: &[Json<'_>]) -> Option<usize> {
    let preferred = |one: &Json<'_>| one.get("preferred").and_then(Json::as_bool) == Some(true);
    spoken.iter().position(preferred).or_else(|| (!spoken.is_empty()).then_some(0))
}

pub fn contact(people: &[Json<'_>], role: &str) -> Option<usize> {
    people.iter().position(|one| all(one, "relationship").iter().any(|held| any_code(held) == Some(role)))
}

fn joined(json: &Json<'_>, member: &str) -> String {
    all(json, member).iter().filter_map(Json::as_str).collect::<Vec<_>>().join(" ")
}
