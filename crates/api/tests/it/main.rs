//! The FHIR API through its router, over a real record in a directory of its own.
#![allow(clippy::unwrap_used, reason = "tests")]

extern crate wardstone_api as api;

mod bundles;
mod clinic;
mod manage;
mod protocol;
mod reads;
mod searches;
mod writes;

/// A patient of the clinic, without an id.
pub fn patient(family: &str, mrn: &str) -> String {
    format!(
        r#"{{"resourceType":"Patient","identifier":[{{"system":"urn:mrn","value":"{mrn}"}}],"name":[{{"family":"{family}","given":["Ada"]}}],"gender":"female","birthDate":"1980-02-03"}}"#
    )
}

pub fn weight(patient_id: &str, value: &str) -> String {
    format!(
        r#"{{"resourceType":"Observation","status":"final","code":{{"coding":[{{"system":"http://loinc.org","code":"29463-7"}}]}},"subject":{{"reference":"Patient/{patient_id}"}},"effectiveDateTime":"2026-01-02","valueQuantity":{{"value":{value},"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"}}}}"#
    )
}

/// With an id, as an update wants it.
pub fn with_id(resource: &str, id: &str) -> String {
    resource.replacen(r#","#, &format!(r#","id":"{id}","#), 1)
}
