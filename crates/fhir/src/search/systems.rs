//! Code systems as stored values name them: the usual ones by number.

use super::values::{counted, put_counted};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum System<'a> {
    None,
    Known(u8),
    Other(&'a [u8]),
}

const NONE: u8 = 0;
const OTHER: u8 = 255;

/// Append only, at most 254: stored values hold the position.
const KNOWN: &[&str] = &[
    "http://loinc.org",
    "http://snomed.info/sct",
    "http://unitsofmeasure.org",
    "http://www.nlm.nih.gov/research/umls/rxnorm",
    "http://hl7.org/fhir/sid/icd-10-cm",
    "http://hl7.org/fhir/sid/icd-10",
    "http://hl7.org/fhir/sid/icd-9-cm",
    "http://hl7.org/fhir/sid/cvx",
    "http://hl7.org/fhir/sid/ndc",
    "http://hl7.org/fhir/sid/us-npi",
    "http://hl7.org/fhir/sid/us-ssn",
    "http://www.ama-assn.org/go/cpt",
    "http://www.cms.gov/Medicare/Coding/ICD10",
    "urn:iso:std:iso:4217",
    "urn:iso:std:iso:3166",
    "urn:ietf:bcp:47",
    "urn:ietf:bcp:13",
    "urn:ietf:rfc:3986",
    "urn:oid:2.16.840.1.113883.4.3.25",
    "urn:oid:2.16.840.1.113883.6.238",
    "http://terminology.hl7.org/CodeSystem/observation-category",
    "http://terminology.hl7.org/CodeSystem/condition-category",
    "http://terminology.hl7.org/CodeSystem/condition-clinical",
    "http://terminology.hl7.org/CodeSystem/condition-ver-status",
    "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical",
    "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification",
    "http://terminology.hl7.org/CodeSystem/v3-ActCode",
    "http://terminology.hl7.org/CodeSystem/v3-RoleCode",
    "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus",
    "http://terminology.hl7.org/CodeSystem/v3-ParticipationType",
    "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation",
    "http://terminology.hl7.org/CodeSystem/v3-Confidentiality",
    "http://terminology.hl7.org/CodeSystem/v3-NullFlavor",
    "http://terminology.hl7.org/CodeSystem/v2-0203",
    "http://terminology.hl7.org/CodeSystem/v2-0074",
    "http://terminology.hl7.org/CodeSystem/diagnostic-service-sections",
    "http://terminology.hl7.org/CodeSystem/data-absent-reason",
    "http://terminology.hl7.org/CodeSystem/medicationrequest-category",
    "http://terminology.hl7.org/CodeSystem/claim-type",
    "http://terminology.hl7.org/CodeSystem/processpriority",
    "http://terminology.hl7.org/CodeSystem/organization-type",
    "http://terminology.hl7.org/CodeSystem/goal-achievement",
    "http://terminology.hl7.org/CodeSystem/provenance-participant-type",
    "http://hl7.org/fhir/us/core/CodeSystem/us-core-category",
    "http://hl7.org/fhir/us/core/CodeSystem/condition-category",
    "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category",
    "http://hl7.org/fhir/us/core/CodeSystem/careplan-category",
    "http://nucc.org/provider-taxonomy",
    "https://github.com/synthetichealth/synthea",
    "http://hospital.smarthealthit.org",
    "http://terminology.hl7.org/CodeSystem/special-values",
    // Contact points: the kind of contact stands where other tokens have a system.
    "phone",
    "email",
    "fax",
    "url",
    "sms",
    "pager",
    "other",
];

const UCUM: System<'static> = System::Known(3);

impl<'a> System<'a> {
    /// Equal systems are equal here, whichever way they were written; an empty one is none.
    pub fn new(uri: &'a str) -> Self {
        if uri.is_empty() {
            return System::None;
        }
        match KNOWN.iter().position(|known| *known == uri) {
            Some(at) => System::Known(at as u8 + 1),
            None => System::Other(uri.as_bytes()),
        }
    }

    /// The URI of one of the usual systems.
    pub fn known_uri(number: u8) -> Option<&'static str> {
        KNOWN.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// R4 search.html#token: "when in doubt, servers SHOULD treat tokens in a case-insensitive manner, on the grounds
    /// that including undesired data has less safety implications than excluding desired behavior". UCUM is the system
    /// where case tells units apart; nowhere else is it heeded.
    pub fn is_case_sensitive(self) -> bool {
        self == UCUM
    }
}

pub(super) fn put(system: System<'_>, out: &mut Vec<u8>) {
    match system {
        System::None => out.push(NONE),
        System::Known(number) => out.push(number),
        System::Other(uri) => {
            out.push(OTHER);
            put_counted(uri, out);
        }
    }
}

pub(super) fn read<'a>(bytes: &mut &'a [u8]) -> Option<System<'a>> {
    let (&first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(match first {
        NONE => System::None,
        OTHER => System::Other(counted(bytes)?),
        number => System::Known(number),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_systems_are_distinct_and_few() {
        let distinct: std::collections::BTreeSet<_> = KNOWN.iter().collect();
        assert_eq!(distinct.len(), KNOWN.len());
        assert!(KNOWN.len() < usize::from(OTHER));
        assert!(System::new("http://unitsofmeasure.org").is_case_sensitive());
    }
}
