//! A set becomes US Core Observations (6.1.0), in one transaction: all of it is there, or nothing.

use fhir::Json;
use jiff::tz::TimeZone;

use super::entry::{Entry, Field, written};
use crate::clinic::moves::{coding, object};
use crate::clinic::read::LOINC;
use crate::clinic::token;
use crate::clinic::vitals::limits::Age;
use crate::clinic::vitals::{Measure, bmi};

/// Each Observation bears the name of its set and its own code: the set is found by it, and made once.
pub const SET_SYSTEM: &str = "urn:wardstone:vitals-set";
const PROFILE: &str = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-";
const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
const UCUM: &str = "http://unitsofmeasure.org";
const PRESSURE: &str = "85354-9";
const O2_SAT: &str = "2708-6";

/// For whom and by whom.
pub struct Of<'a> {
    pub patient_id: &'a str,
    pub practitioner: Option<&'a str>,
    pub encounter: Option<&'a str>,
    pub age: Option<Age>,
}

/// The codes of what a set holds, as its identifiers name them.
pub fn identifiers(entry: &Entry) -> String {
    let codes = [PRESSURE]
        .into_iter()
        .chain(Measure::TYPED.iter().map(|measure| measure.loinc()))
        .chain([Measure::Bmi.loinc()]);
    let each = codes.map(|code| format!("{SET_SYSTEM}|{}.{code}", entry.token));
    each.collect::<Vec<_>>().join(",")
}

/// The Observations of a set, each with its code.
pub fn observations(entry: &Entry, of: &Of<'_>, zone: &TimeZone) -> Vec<(&'static str, Json<'static>)> {
    let mut made = Vec::new();
    let at = written(entry.at_ms, zone);
    let frame = |code: &'static str, profile: &'static str, codings: Vec<Json<'static>>, text: &'static str| {
        frame(entry, of, &at, code, profile, codings, text)
    };
    let typed = |measure| entry.field(measure).filter(|field| field.typed.is_some());
    if let (Some(above), Some(below)) = (typed(Measure::Systolic), typed(Measure::Diastolic)) {
        let component = |field: &Field, display: &'static str| {
            let code = concept(vec![coding(LOINC, field.measure.loinc(), display)], display);
            object([("code", code), ("valueQuantity", quantity(field))])
        };
        let display = "Blood pressure panel with all children optional";
        let mut members = frame(PRESSURE, "blood-pressure", vec![coding(LOINC, PRESSURE, display)], "Blood pressure");
        let parts = vec![component(above, "Systolic blood pressure"), component(below, "Diastolic blood pressure")];
        members.push(("component", Json::Array(parts)));
        made.push((PRESSURE, object(members)));
    }
    for (measure, profile, display) in [
        (Measure::Pulse, "heart-rate", "Heart rate"),
        (Measure::Breaths, "respiratory-rate", "Respiratory rate"),
        (Measure::Temperature, "body-temperature", "Body temperature"),
        (Measure::Saturation, "pulse-oximetry", "Oxygen saturation in Arterial blood by Pulse oximetry"),
        (Measure::Weight, "body-weight", "Body weight"),
        (Measure::Height, "body-height", "Body height"),
        // US Core has no profile for it.
        (Measure::Pain, "", "Pain severity - 0-10 verbal numeric rating [Score] - Reported"),
    ] {
        let Some(field) = typed(measure) else { continue };
        let mut codings = vec![coding(LOINC, measure.loinc(), display)];
        if measure == Measure::Saturation {
            codings.push(coding(LOINC, O2_SAT, "Oxygen saturation in Arterial blood"));
        }
        let mut members = frame(measure.loinc(), profile, codings, measure.words());
        members.push(("valueQuantity", quantity(field)));
        made.push((measure.loinc(), object(members)));
    }
    let both = entry.typed(Measure::Weight).zip(entry.typed(Measure::Height));
    if let Some((weight, height)) = both.filter(|_| of.age.is_none_or(Age::has_bmi)) {
        let code = Measure::Bmi.loinc();
        let display = "Body mass index (BMI) [Ratio]";
        let mut members = frame(code, "bmi", vec![coding(LOINC, code, display)], "BMI");
        members.push(("valueQuantity", quantity_of(format!("{:.1}", bmi(weight, height)), "kg/m2", "kg/m2")));
        let from = [Measure::Weight, Measure::Height].map(|measure| reference(full_url(entry, measure.loinc())));
        members.push(("derivedFrom", Json::Array(from.into())));
        made.push((code, object(members)));
    }
    made
}

/// Each is created unless the set has it already, whoever else sends the same form at the same time.
pub fn transaction(entry: &Entry, patient_id: &str, made: Vec<(&'static str, Json<'static>)>) -> Vec<u8> {
    let entries = made.into_iter().map(|(code, resource)| {
        let condition = format!("identifier={SET_SYSTEM}|{}.{code}&patient={patient_id}", entry.token);
        let request = object([
            ("method", Json::string("POST")),
            ("url", Json::string("Observation")),
            ("ifNoneExist", Json::string(condition)),
        ]);
        object([("fullUrl", Json::string(full_url(entry, code))), ("resource", resource), ("request", request)])
    });
    let bundle = object([
        ("resourceType", Json::string("Bundle")),
        ("type", Json::string("transaction")),
        ("entry", Json::Array(entries.collect())),
    ]);
    bundle.to_vec()
}

fn frame(
    entry: &Entry,
    of: &Of<'_>,
    at: &str,
    code: &'static str,
    profile: &'static str,
    codings: Vec<Json<'static>>,
    text: &'static str,
) -> Vec<(&'static str, Json<'static>)> {
    let mut members = vec![("resourceType", Json::string("Observation"))];
    if !profile.is_empty() {
        members.push(("meta", object([("profile", Json::Array(vec![Json::string(format!("{PROFILE}{profile}"))]))])));
    }
    let own =
        object([("system", Json::string(SET_SYSTEM)), ("value", Json::string(format!("{}.{code}", entry.token)))]);
    members.push(("identifier", Json::Array(vec![own])));
    members.push(("status", Json::string("final")));
    let category = concept(vec![coding(CATEGORY, "vital-signs", "Vital Signs")], "Vital Signs");
    members.push(("category", Json::Array(vec![category])));
    members.push(("code", concept(codings, text)));
    members.push(("subject", reference(format!("Patient/{}", of.patient_id))));
    if let Some(encounter) = of.encounter {
        members.push(("encounter", reference(format!("Encounter/{encounter}"))));
    }
    members.push(("effectiveDateTime", Json::string(at.to_owned())));
    // Who says so, then who wrote it down.
    let reported = entry.is_reported.then(|| format!("Patient/{}", of.patient_id));
    let wrote = of.practitioner.map(|id| format!("Practitioner/{id}"));
    let performers: Vec<Json<'static>> = reported.into_iter().chain(wrote).map(reference).collect();
    if !performers.is_empty() {
        members.push(("performer", Json::Array(performers)));
    }
    members
}

fn quantity(field: &Field) -> Json<'static> {
    let written = field.typed.as_ref().map_or_else(String::new, |typed| typed.written.clone());
    // UCUM's own code where people's sign is no ASCII or no unit of measure.
    let unit = match field.unit.code {
        "[degF]" => "degF",
        "{score}" => "{score}",
        "Cel" => "Cel",
        _ => field.unit.shown,
    };
    quantity_of(written, unit, field.unit.code)
}

fn quantity_of(written: String, unit: &'static str, code: &'static str) -> Json<'static> {
    object([
        ("value", Json::Number(written.into())),
        ("unit", Json::string(unit)),
        ("system", Json::string(UCUM)),
        ("code", Json::string(code)),
    ])
}

fn concept(codings: Vec<Json<'static>>, text: &'static str) -> Json<'static> {
    object([("coding", Json::Array(codings)), ("text", Json::string(text))])
}

fn reference(to: String) -> Json<'static> {
    object([("reference", Json::string(to))])
}

/// Within the bundle: the name of the set with the digits of the code at its end.
fn full_url(entry: &Entry, code: &str) -> String {
    let digits = code.bytes().filter(u8::is_ascii_digit);
    token::full_url(&entry.token, digits.fold(0, |number, digit| number * 10 + usize::from(digit - b'0')))
}
