//! The data that is loaded before measuring: patients in ten equal name groups, coded Observations for the first of them.

use serde_json::{Value, json};

pub const PATIENTS: usize = 2_000;
/// The first so many patients have Observations, one per code.
pub const OBSERVED: usize = 500;
pub const STEMS: [&str; 10] = ["Aldr", "Brun", "Calder", "Dorn", "Elsw", "Farr", "Grimm", "Halst", "Ingle", "Jarv"];
/// LOINC code, name, UCUM unit, a usual value
pub const CODES: [(&str, &str, &str, u32); 10] = [
    ("8867-4", "Heart rate", "/min", 72),
    ("8310-5", "Body temperature", "Cel", 37),
    ("9279-1", "Respiratory rate", "/min", 14),
    ("29463-7", "Body weight", "kg", 70),
    ("8302-2", "Body height", "cm", 172),
    ("2708-6", "Oxygen saturation in Arterial blood", "%", 97),
    ("39156-5", "Body mass index (BMI) [Ratio]", "kg/m2", 24),
    ("2339-0", "Glucose [Mass/volume] in Blood", "mg/dL", 95),
    ("718-7", "Hemoglobin [Mass/volume] in Blood", "g/dL", 14),
    ("2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "mg/dL", 1),
];
const ENDINGS: [&str; 8] = ["idge", "ton", "worth", "ley", "man", "stead", "by", "wick"];
const GIVENS: [&str; 8] = ["Mara", "Nolan", "Odette", "Pieter", "Quinn", "Rosa", "Silas", "Thea"];
const TOWNS: [(&str, &str, &str); 4] =
    [("Boston", "MA", "02115"), ("Portland", "OR", "97205"), ("Austin", "TX", "78701"), ("Denver", "CO", "80203")];
const IDENTIFIER_SYSTEM: &str = "urn:oid:2.16.840.1.113883.19.5";

pub fn identifier(patient: usize) -> String {
    format!("BENCH-{patient:06}")
}

/// Patient number `patient`; `identifier` is its medical record number.
pub fn patient(patient: usize, identifier: &str) -> Value {
    let family = format!("{}{}", STEMS[patient % STEMS.len()], ENDINGS[patient / STEMS.len() % ENDINGS.len()]);
    let given = GIVENS[patient / 7 % GIVENS.len()];
    let (city, state, postal_code) = TOWNS[patient / 3 % TOWNS.len()];
    json!({
        "resourceType": "Patient",
        "identifier": [{
            "use": "usual",
            "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]},
            "system": IDENTIFIER_SYSTEM,
            "value": identifier
        }],
        "active": true,
        "name": [{"use": "official", "family": family, "given": [given]}],
        "telecom": [
            {"system": "phone", "value": format!("555-01{:02}-{:04}", patient % 100, patient % 10_000), "use": "home"},
            {"system": "email", "value": format!("{given}.{family}.{patient}@example.org")}
        ],
        "gender": if patient.is_multiple_of(2) { "female" } else { "male" },
        "birthDate": format!("{}-{:02}-{:02}", 1940 + patient % 70, 1 + patient % 12, 1 + patient % 28),
        "address": [{
            "use": "home",
            "line": [format!("{} Chestnut Street", 1 + patient)],
            "city": city, "state": state, "postalCode": postal_code, "country": "US"
        }]
    })
}

/// Observation number `nth` of a patient; its code is `CODES[nth % 10]`.
pub fn observation(subject: &str, nth: usize) -> Value {
    let (code, display, unit, value) = CODES[nth % CODES.len()];
    json!({
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"
        }]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": code, "display": display}], "text": display},
        "subject": {"reference": subject},
        "effectiveDateTime": format!("2024-{:02}-{:02}T09:30:00Z", 1 + nth % 12, 1 + nth % 28),
        "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}
    })
}

/// The transaction that loads patients `from..to` with the Observations of those that have some.
pub fn load_bundle(from: usize, to: usize) -> Value {
    let mut entries = Vec::new();
    for number in from..to {
        let url = urn(number);
        entries.push(entry("Patient", Some(&url), patient(number, &identifier(number))));
        if number < OBSERVED {
            for nth in 0..CODES.len() {
                entries.push(entry("Observation", None, observation(&url, nth)));
            }
        }
    }
    json!({"resourceType": "Bundle", "type": "transaction", "entry": entries})
}

/// The measured transaction: one patient and `observations` resources that refer to it.
pub fn chart_bundle(mrn: &str, observations: usize) -> Value {
    let url = urn(0);
    let mut entries = vec![entry("Patient", Some(&url), patient(observations, mrn))];
    for nth in 0..observations {
        entries.push(entry("Observation", None, observation(&url, nth)));
    }
    json!({"resourceType": "Bundle", "type": "transaction", "entry": entries})
}

fn urn(number: usize) -> String {
    format!("urn:uuid:7d1cbb1e-5b4f-4c07-9a3e-{:012x}", 0x5eed_0000_0000_u64 + number as u64)
}

fn entry(kind: &str, full_url: Option<&str>, resource: Value) -> Value {
    let mut entry = json!({"resource": resource, "request": {"method": "POST", "url": kind}});
    if let Some(url) = full_url {
        entry["fullUrl"] = url.into();
    }
    entry
}
