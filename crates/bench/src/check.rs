//! Looks into sampled answers, so that a fast wrong answer fails.

use serde_json::Value;

use crate::BenchError;
use crate::clinic;
use crate::drive::Sample;
use crate::wire::{Connection, Target, header};

pub const PAGE: usize = 20;

/// Where the loaded resources are.
pub struct Loaded {
    /// `Patient/ID` by number
    pub patients: Vec<String>,
    /// `Observation/ID` by patient number and code number
    pub observations: Vec<Vec<String>>,
}

/// The answer to the read of patient `which` is that patient.
pub fn read(sample: &Sample, loaded: &Loaded) -> Result<(), BenchError> {
    let patient = json(&sample.body)?;
    let number = number(sample);
    let id = format!("Patient/{}", text(&patient, "/id"));
    same("id", &id, &loaded.patients[number])?;
    same("identifier", text(&patient, "/identifier/0/value"), &clinic::identifier(number))?;
    same(
        "family",
        text(&patient, "/name/0/family"),
        clinic::patient(number, "")["name"][0]["family"].as_str().unwrap_or_default(),
    )
}

/// A full page of patients whose family name starts with stem number `which`, each a different one.
pub fn name(sample: &Sample) -> Result<(), BenchError> {
    let bundle = json(&sample.body)?;
    let stem = clinic::STEMS[number(sample)];
    let matches = matches(&bundle)?;
    same("page", &matches.len().to_string(), &PAGE.to_string())?;
    let mut ids = Vec::new();
    for patient in matches {
        same("type", text(patient, "/resourceType"), "Patient")?;
        let family = text(patient, "/name/0/family");
        if !family.starts_with(stem) {
            return Err(BenchError::Answer(format!("family name without the prefix {stem}")));
        }
        ids.push(text(patient, "/id").to_owned());
    }
    ids.sort_unstable();
    ids.dedup();
    same("different patients", &ids.len().to_string(), &PAGE.to_string())?;
    if let Some(total) = bundle.get("total") {
        let expected = clinic::PATIENTS / clinic::STEMS.len();
        same("total", &total.to_string(), &expected.to_string())?;
    }
    let next = bundle["link"].as_array().is_some_and(|links| links.iter().any(|l| l["relation"] == "next"));
    if next { Ok(()) } else { Err(BenchError::Answer("a full page without a next link".to_owned())) }
}

/// Exactly the one Observation of that patient with that code; `which` = patient · 10 + code.
pub fn observation(sample: &Sample, loaded: &Loaded) -> Result<(), BenchError> {
    let bundle = json(&sample.body)?;
    let (patient, code) = (number(sample) / clinic::CODES.len(), number(sample) % clinic::CODES.len());
    let matches = matches(&bundle)?;
    same("matches", &matches.len().to_string(), "1")?;
    same("id", &format!("Observation/{}", text(matches[0], "/id")), &loaded.observations[patient][code])?;
    same("code", text(matches[0], "/code/coding/0/code"), clinic::CODES[code].0)?;
    same("subject", text(matches[0], "/subject/reference"), &loaded.patients[patient])
}

/// What was created is there and is what was sent.
pub async fn create(sample: &Sample, target: &Target, connection: &mut Connection) -> Result<(), BenchError> {
    let location = header(&sample.head, "location").ok_or_else(|| BenchError::Answer("no Location".to_owned()))?;
    let patient = fetch(&key(location)?, target, connection).await?;
    same("identifier", text(&patient, "/identifier/0/value"), &format!("NEW-{:010}", sample.which))
}

/// Every entry was created; the first and the last are there and belong together.
pub async fn transaction(
    sample: &Sample,
    resources: usize,
    target: &Target,
    connection: &mut Connection,
) -> Result<(), BenchError> {
    let bundle = json(&sample.body)?;
    let locations = locations(&bundle)?;
    same("entries", &locations.len().to_string(), &resources.to_string())?;
    let patient = fetch(&locations[0], target, connection).await?;
    same("identifier", text(&patient, "/identifier/0/value"), &format!("TX-{:010}", sample.which))?;
    let last = fetch(&locations[resources - 1], target, connection).await?;
    same("subject", text(&last, "/subject/reference"), &locations[0])
}

/// `Type/id` of every entry of a transaction's answer, each of which must say 201.
pub fn locations(bundle: &Value) -> Result<Vec<String>, BenchError> {
    let entries = bundle["entry"].as_array().ok_or_else(|| BenchError::Answer("no entries".to_owned()))?;
    let mut keys = Vec::with_capacity(entries.len());
    for entry in entries {
        let status = text(entry, "/response/status");
        if !status.starts_with("201") {
            return Err(BenchError::Answer(format!("an entry answered {status}")));
        }
        keys.push(key(text(entry, "/response/location"))?);
    }
    Ok(keys)
}

pub async fn fetch(key: &str, target: &Target, connection: &mut Connection) -> Result<Value, BenchError> {
    let answer = connection.exchange(&target.get(key)).await?;
    if answer.status != 200 {
        return Err(BenchError::Answer(format!("GET of what was written answered {}", answer.status)));
    }
    json(answer.body)
}

pub fn json(body: &[u8]) -> Result<Value, BenchError> {
    serde_json::from_slice(body).map_err(|e| BenchError::Answer(format!("not JSON: {e}")))
}

/// `Type/id` out of an absolute or relative location, with or without `_history`.
fn key(location: &str) -> Result<String, BenchError> {
    let current = location.split("/_history/").next().unwrap_or_default();
    let mut parts = current.rsplit('/');
    match (parts.next(), parts.next()) {
        (Some(id), Some(kind)) if !id.is_empty() && !kind.is_empty() => Ok(format!("{kind}/{id}")),
        _ => Err(BenchError::Answer("an unusable location".to_owned())),
    }
}

/// Resources of a search set that matched, without included ones and outcomes.
fn matches(bundle: &Value) -> Result<Vec<&Value>, BenchError> {
    same("type", text(bundle, "/type"), "searchset")?;
    let entries = bundle["entry"].as_array().map_or(&[][..], Vec::as_slice);
    Ok(entries
        .iter()
        .filter(|e| e.pointer("/search/mode").is_none_or(|m| m == "match"))
        .map(|e| &e["resource"])
        .collect())
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn number(sample: &Sample) -> usize {
    usize::try_from(sample.which).unwrap_or_default()
}

fn same(what: &str, found: &str, expected: &str) -> Result<(), BenchError> {
    if found == expected {
        return Ok(());
    }
    Err(BenchError::Answer(format!("{what} is {found:?}, expected {expected:?}")))
}
