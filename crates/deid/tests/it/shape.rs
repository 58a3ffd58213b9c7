//! Generated resources are valid R4, shaped by US Core, and carry no identifier that could be somebody's.

use std::collections::HashSet;

use fhir::{Json, Severity, validate};

use crate::tree::{PATIENTS, at, by_full_url, clinic, each_patient, members, of_type, resources, text};

/// What each US Core 6.1.0 profile demands beyond its type, as paths that must hold something.
const MANDATORY: &[(&str, &[&str])] = &[
    ("us-core-patient", &["identifier.system", "identifier.value", "name.family", "name.given", "gender", "birthDate"]),
    ("us-core-practitioner", &["identifier.system", "identifier.value", "name.family"]),
    ("us-core-practitionerrole", &["practitioner", "organization", "code", "specialty", "telecom.value"]),
    ("us-core-organization", &["active", "name"]),
    ("us-core-location", &["name"]),
    ("us-core-condition-problems-health-concerns", &["clinicalStatus", "category", "code", "subject", "onsetDateTime"]),
    ("us-core-condition-encounter-diagnosis", &["clinicalStatus", "category", "code", "subject", "encounter"]),
    ("us-core-allergyintolerance", &["clinicalStatus", "verificationStatus", "code", "patient"]),
    (
        "us-core-medicationrequest",
        &[
            "status",
            "intent",
            "medicationCodeableConcept",
            "subject",
            "encounter",
            "authoredOn",
            "requester",
            "dosageInstruction.text",
        ],
    ),
    ("us-core-immunization", &["status", "vaccineCode", "patient", "occurrenceDateTime", "primarySource"]),
    (
        "us-core-encounter",
        &[
            "identifier.value",
            "status",
            "class.code",
            "type",
            "subject",
            "participant.individual",
            "period.start",
            "location.location",
        ],
    ),
    ("us-core-procedure", &["status", "code", "subject", "performedDateTime"]),
    ("us-core-careplan", &["text.div", "status", "intent", "category.coding.code", "subject"]),
    ("us-core-goal", &["lifecycleStatus", "description.text", "subject", "startDate", "target.dueDate"]),
    ("us-core-careteam", &["status", "subject", "participant.role", "participant.member"]),
    (
        "us-core-coverage",
        &["identifier.value", "status", "type", "subscriberId", "beneficiary", "relationship", "period", "payor"],
    ),
    (
        "us-core-documentreference",
        &[
            "status",
            "type",
            "category",
            "subject",
            "date",
            "author",
            "content.attachment.contentType",
            "content.attachment.data",
            "context.encounter",
        ],
    ),
    ("us-core-servicerequest", &["status", "intent", "category", "code", "subject", "authoredOn", "requester"]),
    (
        "us-core-diagnosticreport-lab",
        &["status", "category", "code", "subject", "effectiveDateTime", "issued", "performer", "result"],
    ),
    ("us-core-observation-lab", &["status", "category", "code", "subject", "effectiveDateTime"]),
    (
        "us-core-observation-screening-assessment",
        &["status", "category", "code", "subject", "effectiveDateTime", "valueQuantity"],
    ),
    (
        "us-core-observation-pregnancystatus",
        &["status", "code", "subject", "effectiveDateTime", "valueCodeableConcept"],
    ),
    ("us-core-smokingstatus", &["status", "category", "code", "subject", "effectiveDateTime", "valueCodeableConcept"]),
    (
        "us-core-blood-pressure",
        &["status", "category", "code", "subject", "effectiveDateTime", "component.valueQuantity.code"],
    ),
    ("us-core-heart-rate", VITAL),
    ("us-core-respiratory-rate", VITAL),
    ("us-core-body-temperature", VITAL),
    ("us-core-body-weight", VITAL),
    ("us-core-body-height", VITAL),
    ("us-core-bmi", VITAL),
    ("us-core-pulse-oximetry", VITAL),
];
const VITAL: &[&str] =
    &["status", "category", "code", "subject", "effectiveDateTime", "valueQuantity.value", "valueQuantity.code"];

const UNPROFILED: &[&str] = &[
    "Appointment",
    "Schedule",
    "Slot",
    "HealthcareService",
    "Observation",
    "Task",
    "Communication",
    "PractitionerRole",
    "Questionnaire",
    "QuestionnaireResponse",
];

const SYSTEMS: &[&str] = &[
    "http://hl7.org/fhir/uv/sdc/CodeSystem/temp",
    "http://snomed.info/sct",
    "http://loinc.org",
    "http://www.nlm.nih.gov/research/umls/rxnorm",
    "http://hl7.org/fhir/sid/cvx",
    "http://hl7.org/fhir/sid/icd-10-cm",
    "http://hl7.org/fhir/sid/us-npi",
    "http://hl7.org/fhir/sid/us-ssn",
    "http://nucc.org/provider-taxonomy",
    "https://www.usps.com/",
    "https://nahdo.org/sopt",
    "http://unitsofmeasure.org",
    "urn:oid:2.16.840.1.113883.6.238",
    "urn:ietf:bcp:47",
    "phone",
    "email",
];
const SYSTEM_FAMILIES: &[&str] = &[
    "http://terminology.hl7.org/CodeSystem/",
    "http://hl7.org/fhir/us/core/CodeSystem/",
    "https://wardstone.example/id/",
    "urn:wardstone:",
];

const UNITS: &[&str] = &[
    "%",
    "/min",
    "mm[Hg]",
    "[degF]",
    "kg",
    "cm",
    "kg/m2",
    "mg/dL",
    "mmol/L",
    "mL/min/{1.73_m2}",
    "m[IU]/L",
    "ng/dL",
    "10*3/uL",
    "10*6/uL",
    "g/dL",
    "fL",
    "mg/g{creat}",
    "U/L",
    "{copies}/mL",
    "{cells}/uL",
    "{score}",
    "{tbl}",
    "{capsule}",
    "{puff}",
    "{inhaler}",
];

fn each_bundle(mut check: impl FnMut(u32, &Json<'_>)) {
    let staff = clinic().staff_bundle();
    check(0, &Json::parse_str(&staff.json).unwrap());
    each_patient(check);
}

#[test]
fn every_resource_is_valid_r4() {
    each_bundle(|n, bundle| {
        for resource in std::iter::once(bundle).chain(resources(bundle)) {
            let issues = validate(resource);
            let first = issues.iter().find(|i| i.severity == Severity::Error);
            assert!(first.is_none(), "bundle {n}: {first:?}");
        }
    });
}

#[test]
fn every_resource_meets_its_us_core_profile() {
    let mut seen = HashSet::new();
    each_bundle(|n, bundle| {
        for resource in resources(bundle) {
            let kind = resource.resource_type().unwrap();
            let Some(url) = text(resource, "meta.profile") else {
                assert!(UNPROFILED.contains(&kind), "bundle {n}: {kind} without a profile");
                continue;
            };
            let name = url.strip_prefix("http://hl7.org/fhir/us/core/StructureDefinition/").unwrap();
            let (name, paths) = MANDATORY.iter().find(|(known, _)| *known == name).unwrap();
            for path in *paths {
                assert!(at(resource, path).is_some(), "bundle {n}: {name} without {path}");
            }
            seen.insert(*name);
        }
    });
    let unseen: Vec<_> = MANDATORY.iter().filter(|(name, _)| !seen.contains(name)).collect();
    assert!(unseen.is_empty(), "{unseen:?}");
}

#[test]
fn patients_carry_race_ethnicity_and_birth_sex() {
    each_patient(|n, bundle| {
        let patient = resources(bundle).next().unwrap();
        let urls: Vec<&str> = patient.get("extension").unwrap().items().iter().filter_map(|e| text(e, "url")).collect();
        for part in ["us-core-race", "us-core-ethnicity", "us-core-birthsex"] {
            assert!(urls.iter().any(|u| u.ends_with(part)), "patient {n}");
        }
    });
}

#[test]
fn every_reference_resolves() {
    let clinic = clinic();
    let staff = clinic.staff_bundle();
    let staff = Json::parse_str(&staff.json).unwrap();
    let mut held = HashSet::new();
    for resource in resources(&staff) {
        for identifier in resource.get("identifier").unwrap().items() {
            let (system, value) = (text(identifier, "system").unwrap(), text(identifier, "value").unwrap());
            held.insert(format!("{}?identifier={system}|{value}", resource.resource_type().unwrap()));
        }
    }
    each_bundle(|n, bundle| {
        let urls = by_full_url(bundle);
        assert_eq!(urls.len(), resources(bundle).count(), "bundle {n}: a fullUrl twice");
        members(bundle, &mut |name, value| {
            if name == "reference" {
                let target = value.as_str().unwrap();
                assert!(urls.contains_key(target) || held.contains(target), "bundle {n}: {target}");
            }
        });
    });
}

#[test]
fn only_known_code_systems_and_units_are_used() {
    each_bundle(|n, bundle| {
        let mut see = |name: &str, value: &Json<'_>| {
            if name == "system" {
                let system = value.as_str().unwrap();
                let known = SYSTEMS.contains(&system) || SYSTEM_FAMILIES.iter().any(|f| system.starts_with(f));
                assert!(known, "bundle {n}: {system}");
            }
            if text(value, "system") == Some("http://unitsofmeasure.org") {
                let code = text(value, "code").unwrap();
                assert!(UNITS.contains(&code), "bundle {n}: {code}");
            }
        };
        members(bundle, &mut see);
    });
}

#[test]
fn the_same_code_always_has_the_same_display() {
    let mut displays = std::collections::HashMap::new();
    each_bundle(|_, bundle| {
        members(bundle, &mut |_, value| {
            for coding in value.items() {
                if let (Some(system), Some(code), Some(display)) =
                    (text(coding, "system"), text(coding, "code"), text(coding, "display"))
                {
                    let held = displays.entry(format!("{system}|{code}")).or_insert_with(|| display.to_string());
                    assert_eq!(held, display, "{code}");
                }
            }
        });
    });
}

#[test]
fn no_identifier_was_ever_issued_to_anyone() {
    let mut numbers = 0;
    each_bundle(|n, bundle| {
        for resource in resources(bundle) {
            for contact in at(resource, "telecom").map_or(&[][..], |_| resource.get("telecom").unwrap().items()) {
                let value = text(contact, "value").unwrap();
                let fictitious = match text(contact, "system").unwrap() {
                    "phone" => value[3..].starts_with("-555-01") && value.len() == 12,
                    "email" => {
                        ["@example.com", "@example.org", "@wardstone.example"].iter().any(|d| value.ends_with(d))
                    }
                    _ => false,
                };
                assert!(fictitious, "bundle {n}: {value}");
            }
            for identifier in resource.get("identifier").map_or(&[][..], Json::items) {
                let value = text(identifier, "value").unwrap();
                match text(identifier, "system").unwrap() {
                    "http://hl7.org/fhir/sid/us-ssn" => {
                        numbers += 1;
                        assert!(value.starts_with('9') || value.starts_with("000"), "bundle {n}");
                        assert!(value.len() == 11, "bundle {n}");
                    }
                    "http://hl7.org/fhir/sid/us-npi" => {
                        assert!(value.starts_with('9') && npi_is_valid(value), "{value}")
                    }
                    _ => {}
                }
            }
        }
    });
    assert!(numbers > 10, "no social security number for the collection policy to drop");
}

/// Luhn over 80840 and the ten digits.
fn npi_is_valid(npi: &str) -> bool {
    let digits = format!("80840{npi}");
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(i, b)| u32::from(b - b'0') * (1 + i as u32 % 2))
        .map(|d| d / 10 + d % 10)
        .sum();
    npi.len() == 10 && sum.is_multiple_of(10)
}

#[test]
fn names_are_diverse() {
    let mut names = HashSet::new();
    each_patient(|_, bundle| {
        let patient = resources(bundle).next().unwrap();
        names.insert(format!("{} {}", text(patient, "name.given").unwrap(), text(patient, "name.family").unwrap()));
    });
    assert!(names.len() as u32 + 3 > PATIENTS, "{}", names.len());
}

#[test]
fn demo_users_are_speakable_and_point_at_their_records() {
    let clinic = clinic();
    let staff = clinic.staff_bundle();
    let staff = Json::parse_str(&staff.json).unwrap();
    let people: Vec<&Json<'_>> = resources(&staff).collect();
    let users = clinic.demo_users();
    for user in &users {
        assert!(user.username.bytes().all(|b| b.is_ascii_lowercase() || b == b'.'), "{}", user.username);
        if let Some(i) = user.practitioner {
            assert_eq!(people[i].resource_type(), Some("Practitioner"));
            assert!(user.name.contains(text(people[i], "name.family").unwrap()));
        }
        if let Some(number) = user.patient {
            let bundle = clinic.patient_bundle(number);
            let bundle = Json::parse_str(&bundle.json).unwrap();
            let patient = resources(&bundle).next().unwrap();
            let name = format!("{} {}", text(patient, "name.given").unwrap(), text(patient, "name.family").unwrap());
            assert_eq!(user.name, name);
            let (system, value) = clinic.medical_record_number(number);
            assert_eq!(
                (text(patient, "identifier.system"), text(patient, "identifier.value")),
                (Some(system), Some(&*value))
            );
        }
    }
    let roles = [
        "physician",
        "psychiatrist",
        "nurse",
        "medical_assistant",
        "pharmacist",
        "billing",
        "front_desk",
        "admin",
        "privacy_officer",
        "auditor",
        "patient",
        "proxy",
        "research",
    ];
    for role in roles {
        assert!(users.iter().any(|u| u.role == role), "{role}");
    }
    assert_eq!(users.iter().find(|u| u.role == "proxy").unwrap().stands_for, Some(1));
    let unique: HashSet<&str> = users.iter().map(|u| u.username.as_str()).collect();
    assert_eq!(unique.len(), users.len());
    assert_eq!(of_type(&staff, "Practitioner").count(), 10);
}
