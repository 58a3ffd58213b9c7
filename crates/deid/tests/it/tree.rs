//! Reading generated bundles.

use std::collections::HashMap;

use fhir::Json;
use jiff::civil::{Date, Time, date, time};
use wardstone_deid::synthetic::{Clinic, Plan, generate};

pub const TODAY: Date = date(2026, 11, 20);
pub const NOW: Time = time(11, 5, 0, 0);
/// Large enough that every story, companion, episode and a death or two occur.
pub const PATIENTS: u32 = 100;

pub fn clinic() -> Clinic {
    generate(&Plan { seed: 7, patients: PATIENTS, today: TODAY, now: NOW })
}

/// Calls `check` with every patient's number and parsed bundle.
pub fn each_patient(mut check: impl FnMut(u32, &Json<'_>)) {
    for (i, bundle) in clinic().patient_bundles().enumerate() {
        check(i as u32 + 1, &Json::parse_str(&bundle.json).unwrap());
    }
}

pub fn resources<'a, 'b>(bundle: &'a Json<'b>) -> impl Iterator<Item = &'a Json<'b>> {
    bundle.get("entry").unwrap().items().iter().map(|e| e.get("resource").unwrap())
}

pub fn of_type<'a, 'b>(bundle: &'a Json<'b>, kind: &'static str) -> impl Iterator<Item = &'a Json<'b>> {
    resources(bundle).filter(move |r| r.resource_type() == Some(kind))
}

/// The first value along a dotted path; arrays are entered at their first element.
pub fn at<'a, 'b>(json: &'a Json<'b>, path: &str) -> Option<&'a Json<'b>> {
    path.split('.').try_fold(json, |json, name| json.items().first()?.get(name))?.items().first()
}

pub fn text<'a>(json: &'a Json<'_>, path: &str) -> Option<&'a str> {
    at(json, path)?.as_str()
}

pub fn number(json: &Json<'_>, path: &str) -> Option<f64> {
    at(json, path)?.as_number()?.parse().ok()
}

/// Calls `see` with every member of every object below `json`, name first.
pub fn members<'a>(json: &'a Json<'_>, see: &mut impl FnMut(&'a str, &'a Json<'_>)) {
    if let Some(object) = json.as_object() {
        for (name, value) in object.iter() {
            see(name, value);
            members(value, see);
        }
    }
    for item in json.as_array().unwrap_or_default() {
        members(item, see);
    }
}

pub fn by_full_url<'a, 'b>(bundle: &'a Json<'b>) -> HashMap<&'a str, &'a Json<'b>> {
    let entries = bundle.get("entry").unwrap().items();
    entries.iter().map(|e| (e.get("fullUrl").unwrap().as_str().unwrap(), e.get("resource").unwrap())).collect()
}

/// The text of a DocumentReference's attachment.
pub fn note(document: &Json<'_>) -> String {
    use base64::Engine as _;
    let data = text(document, "content.attachment.data").unwrap();
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(data).unwrap()).unwrap()
}
