//! From the form into a Patient: only what changed is written, into the entry it was read from, so that nothing is lost that the
//! form does not show.

use std::borrow::Cow;

use fhir::{Json, Object};

use super::read::{self, CONTACTS, PARTS};
use super::{
    BIRTHSEX, ETHNICITY, IDENTITY, INTERPRETER, Kind, PRONOUN, RACE, SSN, TRIBE, US_CORE, Values, field_of, said,
};
use crate::clinic::moves::object;
use crate::clinic::time;

const SNOMED: &str = "http://snomed.info/sct";
const LOINC: &str = "http://loinc.org";
const NULL_FLAVOR: &str = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor";
const CDC_RACE: &str = "urn:oid:2.16.840.1.113883.6.238";
const MARITAL: &str = "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus";
const ROLE_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-RoleCode";
const CONTACT_ROLE: &str = "http://terminology.hl7.org/CodeSystem/v2-0131";
const IDENTIFIER_TYPE: &str = "http://terminology.hl7.org/CodeSystem/v2-0203";
const LANGUAGE: &str = "urn:ietf:bcp:47";

/// Writes the parts in which `after` differs from `before`.
pub fn apply(patient: &mut Json<'static>, before: &Values, after: &Values) {
    for part in PARTS.iter().filter(|part| !before.is_same(after, part)) {
        write(patient, part[0], after);
    }
}

fn write(patient: &mut Json<'static>, part: &'static str, values: &Values) {
    let value = values.text(part).to_owned();
    match part {
        "family" => entry(patient, "name", read::official, |old| {
            let mut name = kept(old, "official");
            put(&mut name, "family", &value);
            let given = [values.text("given"), values.text("middle")];
            put_list(&mut name, "given", &given);
            put_list(&mut name, "prefix", &[values.text("prefix")]);
            put_list(&mut name, "suffix", &[values.text("suffix")]);
            // A text that was made of the parts would say what they said before.
            name.remove("text");
            (name.len() > 1).then_some(Json::Object(name))
        }),
        "preferred" => entry(patient, "name", read::preferred, |old| {
            let mut name = kept(old, "usual");
            name.remove("text");
            put_list(&mut name, "given", &[&value]);
            (!value.is_empty()).then_some(Json::Object(name))
        }),
        "former" => entry(patient, "name", read::former, |old| {
            let mut name = kept(old, "old");
            name.remove("text");
            put(&mut name, "family", &value);
            (!value.is_empty()).then_some(Json::Object(name))
        }),
        "birth" => member(patient, "birthDate", time::typed(&value).map(Json::string)),
        "died" => {
            let date = time::typed(&value).map(Json::string);
            // Of the two that say so only one may stand.
            if date.is_some() {
                member(patient, "deceasedBoolean", None);
            }
            member(patient, "deceasedDateTime", date);
        }
        "gender" => member(patient, "gender", filled(&value)),
        "birthsex" => extend(patient, BIRTHSEX, filled(&value).map(|code| vec![("valueCode", code)])),
        "identity" => {
            extend(patient, IDENTITY, filled(&value).map(|_| vec![("valueCodeableConcept", chosen(part, &value))]))
        }
        "pronouns" => {
            let inner = filled(&value).map(|_| {
                let one = object([("url", Json::string("value")), ("valueCodeableConcept", chosen(part, &value))]);
                vec![("extension", Json::Array(vec![one]))]
            });
            extend(patient, PRONOUN, inner);
        }
        "ssn" => entry(
            patient,
            "identifier",
            |held| held.iter().position(|one| text(one, "system") == Some(SSN)),
            |_| {
                let kind = concept(coding(IDENTIFIER_TYPE, "SS", None), "Social Security number");
                filled(&value).map(|number| object([("type", kind), ("system", Json::string(SSN)), ("value", number)]))
            },
        ),
        "mobile" | "phone" | "work" | "email" => {
            let (system, usage) = read::use_of(part);
            entry(
                patient,
                "telecom",
                |held| read::contact_point(held, part),
                |old| {
                    let mut point = old.unwrap_or_default();
                    point.set("system", Json::string(system));
                    put(&mut point, "value", &value);
                    if let Some(usage) = usage {
                        point.set("use", Json::string(usage));
                    }
                    (!value.is_empty()).then_some(Json::Object(point))
                },
            );
        }
        "line" => address(patient, read::home, "home", [&["line", "line2"], &["city"], &["state"], &["zip"]], values),
        "old-line" => {
            address(patient, read::before, "old", [&["old-line"], &["old-city"], &["old-state"], &["old-zip"]], values)
        }
        "language" => entry(patient, "communication", read::language, |old| {
            let mut spoken = old.unwrap_or_default();
            spoken.set("language", chosen(part, &value));
            spoken.set("preferred", Json::Bool(true));
            (!value.is_empty()).then_some(Json::Object(spoken))
        }),
        "interpreter" => {
            extend(patient, INTERPRETER, (value == "yes").then(|| vec![("valueBoolean", Json::Bool(true))]))
        }
        "race" => extend(patient, RACE, origins(part, CDC_RACE, &value)),
        "ethnicity" => extend(patient, ETHNICITY, origins(part, CDC_RACE, &value)),
        "tribe" => {
            let inner = filled(&value).map(|name| {
                let named = object([("text", name)]);
                let mut parts =
                    vec![object([("url", Json::string("tribalAffiliation")), ("valueCodeableConcept", named)])];
                if let Ok(is_enrolled) = values.text("enrolled").parse() {
                    parts
                        .push(object([("url", Json::string("isEnrolled")), ("valueBoolean", Json::Bool(is_enrolled))]));
                }
                vec![("extension", Json::Array(parts))]
            });
            extend(patient, TRIBE, inner);
        }
        "marital" => member(patient, "maritalStatus", filled(&value).map(|_| chosen(part, &value))),
        _ => {
            for (role, fields) in CONTACTS.iter().filter(|(_, fields)| fields[0] == part) {
                person(patient, role, fields, values);
            }
        }
    }
}

/// A Coverage as the form says it, if it says any (US Core 6.1.0). `payer` is the Organization that is known by the name.
pub fn coverage(values: &Values, beneficiary: &str, payer: Option<&str>) -> Option<Json<'static>> {
    let [named, member, group, relation] = ["payer", "member", "group", "insured-as"].map(|name| values.text(name));
    if named.is_empty() {
        return None;
    }
    let mut payor = Object::new();
    if let Some(id) = payer {
        payor.set("reference", Json::string(format!("Organization/{id}")));
    }
    payor.set("display", Json::string(named.to_owned()));
    let mut made = vec![
        ("resourceType", Json::string("Coverage")),
        ("meta", object([("profile", Json::Array(vec![Json::string(format!("{US_CORE}us-core-coverage"))]))])),
        ("status", Json::string("active")),
        ("beneficiary", object([("reference", Json::string(beneficiary.to_owned()))])),
        ("payor", Json::Array(vec![Json::Object(payor)])),
    ];
    if let Some(number) = filled(member) {
        let kind = concept(coding(IDENTIFIER_TYPE, "MB", None), "Member Number");
        made.push(("identifier", Json::Array(vec![object([("type", kind), ("value", number.clone())])])));
        made.push(("subscriberId", number));
    }
    made.push(("relationship", chosen("insured-as", if relation.is_empty() { "self" } else { relation })));
    let period: Vec<_> = [("start", "since"), ("end", "until")]
        .into_iter()
        .filter_map(|(bound, name)| Some((bound, Json::string(time::typed(values.text(name))?))))
        .collect();
    if !period.is_empty() {
        made.push(("period", object(period)));
    }
    if let Some(number) = filled(group) {
        let kind = concept(coding("http://terminology.hl7.org/CodeSystem/coverage-class", "group", None), "Group");
        made.push(("class", Json::Array(vec![object([("type", kind), ("value", number)])])));
    }
    Some(object(made))
}

/// Adds an identifier: the name of the form that made it.
pub fn name(resource: &mut Json<'static>, system: &'static str, value: &str) {
    let made = object([("system", Json::string(system)), ("value", Json::string(value.to_owned()))]);
    entry(resource, "identifier", |_| None, |_| Some(made));
}

/// Replaces one entry of a list, adds it, or takes it out. A list without entries goes.
fn entry(
    patient: &mut Json<'static>,
    list: &'static str,
    find: impl FnOnce(&[Json<'_>]) -> Option<usize>,
    make: impl FnOnce(Option<Object<'static>>) -> Option<Json<'static>>,
) {
    let Some(members) = patient.as_object_mut() else { return };
    let mut held = match members.remove(list) {
        Some(Json::Array(held)) => held,
        _ => Vec::new(),
    };
    let at = find(&held);
    let old = at.and_then(|at| held.get(at)).and_then(Json::as_object).cloned();
    match (at, make(old)) {
        (Some(at), Some(new)) => held[at] = new,
        (Some(at), None) => drop(held.remove(at)),
        (None, Some(new)) => held.push(new),
        (None, None) => {}
    }
    if !held.is_empty() {
        members.set(list, Json::Array(held));
    }
}

fn extend(patient: &mut Json<'static>, url: &'static str, inner: Option<Vec<(&'static str, Json<'static>)>>) {
    let find = |held: &[Json<'_>]| held.iter().position(|one| text(one, "url") == Some(url));
    entry(patient, "extension", find, |_| {
        inner.map(|inner| object(std::iter::once(("url", Json::string(url))).chain(inner)))
    });
}

fn member(patient: &mut Json<'static>, name: &'static str, value: Option<Json<'static>>) {
    let Some(members) = patient.as_object_mut() else { return };
    match value {
        Some(value) => members.set(name, value),
        None => drop(members.remove(name)),
    }
}

fn address(
    patient: &mut Json<'static>,
    find: impl FnOnce(&[Json<'_>]) -> Option<usize>,
    usage: &'static str,
    [lines, city, state, zip]: [&[&str]; 4],
    values: &Values,
) {
    entry(patient, "address", find, |old| {
        let mut made = kept(old, usage);
        made.remove("text");
        let lines: Vec<&str> = lines.iter().map(|name| values.text(name)).collect();
        put_list(&mut made, "line", &lines);
        for (name, field) in [("city", city), ("state", state), ("postalCode", zip)] {
            put(&mut made, name, values.text(field.first().copied().unwrap_or_default()));
        }
        let says = ["line", "city", "state", "postalCode"].iter().any(|name| made.get(name).is_some());
        if says && made.get("country").is_none() {
            made.set("country", Json::string("US"));
        }
        says.then_some(Json::Object(made))
    });
}

fn person(patient: &mut Json<'static>, role: &'static str, fields: &[&'static str; 4], values: &Values) {
    let [family, given, relation, phone] = fields.map(|name| values.text(name).to_owned());
    entry(
        patient,
        "contact",
        |held| read::contact(held, role),
        |old| {
            let mut made = old.unwrap_or_default();
            let words = if role == "N" { "Next-of-Kin" } else { "Emergency Contact" };
            let mut relations = vec![concept(coding(CONTACT_ROLE, role, None), words)];
            if !relation.is_empty() {
                relations.push(chosen(fields[2], &relation));
            }
            made.set("relationship", Json::Array(relations));
            let mut name = Object::new();
            put(&mut name, "family", &family);
            put_list(&mut name, "given", &[&given]);
            let mut points = match made.remove("telecom") {
                Some(Json::Array(points)) => points,
                _ => Vec::new(),
            };
            let at = points.iter().position(|point| text(point, "system") == Some("phone"));
            match (at, filled(&phone)) {
                (Some(at), Some(number)) => {
                    if let Some(point) = points[at].as_object_mut() {
                        point.set("value", number);
                    }
                }
                (Some(at), None) => drop(points.remove(at)),
                (None, Some(number)) => points.push(object([("system", Json::string("phone")), ("value", number)])),
                (None, None) => {}
            }
            if !points.is_empty() {
                made.set("telecom", Json::Array(points));
            }
            let says = !name.is_empty() || !phone.is_empty();
            match name.is_empty() {
                true => drop(made.remove("name")),
                false => made.set("name", Json::Object(name)),
            }
            says.then_some(Json::Object(made))
        },
    );
}

/// OMB categories with a text that says them all (US Core race and ethnicity).
fn origins(part: &str, system: &'static str, value: &str) -> Option<Vec<(&'static str, Json<'static>)>> {
    let field = field_of(part)?;
    let codes = value.split(' ').filter(|code| !code.is_empty());
    let mut parts: Vec<Json<'static>> = codes
        .map(|code| {
            let system = if is_null_flavor(code) { NULL_FLAVOR } else { system };
            let one = coding(system, code, Some(&said(field.choices(), code)));
            object([("url", Json::string("ombCategory")), ("valueCoding", one)])
        })
        .collect();
    if parts.is_empty() {
        return None;
    }
    parts.push(object([("url", Json::string("text")), ("valueString", Json::string(field.said(value)))]));
    Some(vec![("extension", Json::Array(parts))])
}

/// A choice of the form as a concept, in its words.
fn chosen(part: &str, code: &str) -> Json<'static> {
    let Some(field) = field_of(part) else { return object([]) };
    let system = match part {
        _ if is_null_flavor(code) && part != "language" => NULL_FLAVOR,
        "identity" => SNOMED,
        "pronouns" => LOINC,
        "language" => LANGUAGE,
        "marital" => MARITAL,
        "insured-as" => "http://terminology.hl7.org/CodeSystem/subscriber-relationship",
        _ => ROLE_CODE,
    };
    let words = match field.kind {
        Kind::One(choices) | Kind::Many(choices) => said(choices, code),
        _ => code.to_owned(),
    };
    concept(coding(system, code, None), words)
}

fn is_null_flavor(code: &str) -> bool {
    matches!(code, "ASKU" | "UNK" | "OTH")
}

fn coding(system: &'static str, code: &str, display: Option<&str>) -> Json<'static> {
    let mut made = vec![("system", Json::string(system)), ("code", Json::string(code.to_owned()))];
    if let Some(display) = display {
        made.push(("display", Json::string(display.to_owned())));
    }
    object(made)
}

fn concept(coding: Json<'static>, words: impl Into<Cow<'static, str>>) -> Json<'static> {
    object([("coding", Json::Array(vec![coding])), ("text", Json::string(words))])
}

fn kept(old: Option<Object<'static>>, usage: &'static str) -> Object<'static> {
    let mut made = old.unwrap_or_default();
    if made.get("use").is_none() {
        made.set("use", Json::string(usage));
    }
    made
}

fn filled(value: &str) -> Option<Json<'static>> {
    (!value.is_empty()).then(|| Json::string(value.to_owned()))
}

fn put(object: &mut Object<'static>, name: &'static str, value: &str) {
    match filled(value) {
        Some(value) => object.set(name, value),
        None => drop(object.remove(name)),
    }
}

fn put_list(object: &mut Object<'static>, name: &'static str, values: &[&str]) {
    let items: Vec<Json<'static>> = values.iter().filter_map(|value| filled(value)).collect();
    match items.is_empty() {
        true => drop(object.remove(name)),
        false => object.set(name, Json::Array(items)),
    }
}

fn text<'j>(json: &'j Json<'_>, name: &str) -> Option<&'j str> {
    crate::clinic::read::text(json, name)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::SECTIONS;
    use super::*;

    /// Something for each field.
    fn whole() -> Values {
        let mut values = Values::default();
        for field in SECTIONS.iter().filter(|section| section.id != "insurance").flat_map(|section| section.fields) {
            let value = match field.kind {
                Kind::Day | Kind::AnyDay => "14-Jul-1968",
                Kind::Phone => "(555) 010-4477",
                Kind::Email => "ruth@example.org",
                Kind::Zip => "12207",
                Kind::Ssn => "219-09-9999",
                Kind::Many(_) => "2028-9 2106-3",
                Kind::One(choices) => choices[1].0,
                Kind::Tick => "yes",
                Kind::Text => field.label,
            };
            values.set(field.name, value);
        }
        values
    }

    fn blank() -> Json<'static> {
        object([("resourceType", Json::string("Patient"))])
    }

    #[test]
    fn what_is_written_is_read_back_field_by_field() {
        let (values, mut patient) = (whole(), blank());
        apply(&mut patient, &Values::default(), &values);
        let again = read::read(&patient);
        for field in SECTIONS.iter().filter(|section| section.id != "insurance").flat_map(|section| section.fields) {
            assert_eq!(again.text(field.name), values.text(field.name), "{}", field.name);
        }
        let issues = fhir::validate(&patient);
        assert!(issues.is_empty(), "{}", issues.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
        // And taken away again nothing of it is left but the name, which nobody is without.
        let mut named = Values::default();
        named.set("family", "Moss");
        apply(&mut patient, &values, &named);
        let left = r#"{"resourceType":"Patient","name":[{"use":"official","family":"Moss"}]}"#;
        assert_eq!(String::from_utf8(patient.to_vec()).unwrap(), left);
    }

    #[test]
    fn what_the_form_does_not_show_is_kept() {
        let text = r#"{"resourceType":"Patient","name":[{"use":"official","family":"Moss","given":["Ada"],"period":{"start":"2001"}},
            {"use":"anonymous","text":"X"}],"telecom":[{"system":"fax","value":"1"},{"system":"phone","use":"mobile","value":"2","rank":1}],
            "extension":[{"url":"http://x/birthPlace","valueString":"Lagos"}]}"#;
        let mut patient = Json::parse_str(text).unwrap().into_owned();
        let before = read::read(&patient);
        let mut after = before.clone();
        after.set("family", "Adeyemi");
        after.set("mobile", "5");
        apply(&mut patient, &before, &after);
        let written = String::from_utf8(patient.to_vec()).unwrap();
        for part in [
            r#""family":"Adeyemi","given":["Ada"],"period":{"start":"2001"}"#,
            r#""anonymous""#,
            r#""fax""#,
            r#""value":"5","rank":1"#,
            "birthPlace",
        ] {
            assert!(written.contains(part), "{part} in {written}");
        }
        // Nothing changed, nothing written.
        let mut same = Json::parse_str(text).unwrap().into_owned();
        apply(&mut same, &before, &before.clone());
        assert_eq!(same, Json::parse_str(text).unwrap());
    }
}
