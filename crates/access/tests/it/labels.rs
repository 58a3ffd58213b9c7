//! Automatic labels, from well-known codes.

use wardstone_access::{Labeler, Labels, is_government_id};

const ICD10: &str = "http://hl7.org/fhir/sid/icd-10-cm";
const LOINC: &str = "http://loinc.org";
const SNOMED: &str = "http://snomed.info/sct";
const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
const CONFIDENTIALITY: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";

fn labels(system: &str, code: &str) -> Labels {
    let mut labeler = Labeler::default();
    labeler.label(system, code);
    labeler.labels()
}

#[test]
fn sensitive_codes_get_their_category() {
    let cases = [
        (ICD10, "B20", Labels::HIV),
        (ICD10, "O98.711", Labels::HIV.union(Labels::REPRODUCTIVE)),
        (ICD10, "F11.20", Labels::SUBSTANCE_USE),
        (ICD10, "Z3A.20", Labels::REPRODUCTIVE),
        // Schizophrenia: mental health, not a psychotherapy note.
        (ICD10, "F20.9", Labels::MENTAL_HEALTH),
        (ICD10, "F32.A", Labels::MENTAL_HEALTH),
        (ICD10, "R45.851", Labels::MENTAL_HEALTH),
        (LOINC, "28627-8", Labels::MENTAL_HEALTH),
        (LOINC, "34788-0", Labels::MENTAL_HEALTH),
        (LOINC, "34865-6", Labels::PSYCHOTHERAPY),
        (ICD10, "Z15.01", Labels::GENETIC),
        (LOINC, "56888-1", Labels::HIV),
        (LOINC, "51969-4", Labels::GENETIC),
        (LOINC, "34864-9", Labels::PSYCHOTHERAPY),
        (SNOMED, "86406008", Labels::HIV),
        (SNOMED, "77386006", Labels::REPRODUCTIVE),
        (ACT_CODE, "PSYTHPN", Labels::PSYCHOTHERAPY),
        (ACT_CODE, "42CFRPart2", Labels::PART2),
        (ACT_CODE, "SUD", Labels::SUBSTANCE_USE),
        (ACT_CODE, "NOPAT", Labels::KEPT_FROM_PATIENT),
        (CONFIDENTIALITY, "R", Labels::RESTRICTED),
        (CONFIDENTIALITY, "V", Labels::VERY_RESTRICTED),
    ];
    for (system, code, expected) in cases {
        assert_eq!(labels(system, code), expected, "{code}");
    }
}

#[test]
fn ordinary_codes_get_none() {
    let ordinary = [
        (ICD10, "F17.210"), // nicotine
        (ICD10, "F70"),     // intellectual disability
        (ICD10, "B19.20"),  // hepatitis C
        (ICD10, "Z38.00"),  // the newborn, not the mother
        (ICD10, "E11.9"),
        (LOINC, "8480-6"),    // systolic pressure
        (LOINC, "24467-3"),   // CD4 count
        (LOINC, "B20"),       // another system's code
        (SNOMED, "38341003"), // hypertension
        (CONFIDENTIALITY, "N"),
        ("urn:unknown", "B20"),
        (ICD10, ""),
        (ICD10, "é"),
    ];
    for (system, code) in ordinary {
        assert_eq!(labels(system, code), Labels::NONE, "{system} {code}");
    }
}

#[test]
fn labels_add_up_over_a_resource() {
    let mut labeler = Labeler::of_type("MolecularSequence");
    labeler.label(ICD10, "B20");
    labeler.identifier("http://hl7.org/fhir/sid/us-ssn", []);
    assert_eq!(labeler.labels(), Labels::GENETIC.union(Labels::HIV).union(Labels::GOVERNMENT_ID));
}

#[test]
fn government_numbers_are_known_by_system_or_type() {
    assert!(is_government_id("http://hl7.org/fhir/sid/us-ssn", []));
    assert!(is_government_id("urn:oid:2.16.840.1.113883.4.3.25", []));
    assert!(is_government_id("http://example.org", ["PPN"]));
    assert!(is_government_id("http://example.org", ["MR", "DL"]));
    assert!(!is_government_id("http://hospital.example/mrn", ["MR"]));
    assert!(!is_government_id("http://hl7.org/fhir/sid/us-npi", ["NPI"]));
}

/// LOINC and SNOMED CT codes end in a check digit, so a mistyped code of the table does not pass unseen.
#[test]
fn every_code_of_the_table_has_its_check_digit() {
    let (mut system, mut checked) = ("", 0);
    for line in include_str!("../../../../policies/labels.txt").lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["system", uri, ..] => system = uri,
            [category, "=", codes @ ..] if !category.starts_with('#') => {
                for code in codes {
                    let holds = match system {
                        LOINC => luhn(&code.replace('-', "")),
                        SNOMED => verhoeff(code),
                        _ => continue,
                    };
                    assert!(holds, "{system} {code}");
                    checked += 1;
                }
            }
            _ => {}
        }
    }
    assert!(checked > 80, "{checked}");
    assert!(!luhn("578881") && !verhoeff("86406009"));
}

fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, digit)| {
            let value = u32::from(digit - b'0') * if at % 2 == 1 { 2 } else { 1 };
            value / 10 + value % 10
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The dihedral group D5: `a·b`, with the permutation (1 5 8 9 4 2 7 0)(3 6) applied once more at each place.
fn verhoeff(digits: &str) -> bool {
    const PERMUTED: [usize; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let product = |a: usize, b: usize| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b - 5) % 5 + 5,
        (false, true) => (a - 5 + 5 - b) % 5 + 5,
        (false, false) => (a + 5 - b) % 5,
    };
    let mut check = 0;
    for (at, digit) in digits.bytes().rev().enumerate() {
        let permuted = (0..at % 8).fold(usize::from(digit - b'0'), |value, _| PERMUTED[value]);
        check = product(check, permuted);
    }
    check == 0
}
