//! Values planted in the record are nowhere on the disk, in no form that a search for them would think of.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::json;

use crate::house::{House, files_below, wardstone_ok};

const FAMILY: &str = "Quillfeather";
const CLIENT_ID: &str = "planted-identity-7731";
const MRN: &str = "MRN-4417-882-X";
const BIRTH_DATE: &str = "1931-07-29";
const CODE: &str = "840539006";
const NOTE: &str = "wheezing beside the lighthouse";
const PHONE: &str = "+1-555-0142-7719";

const PLANTED: [&str; 7] = [FAMILY, CLIENT_ID, MRN, BIRTH_DATE, CODE, NOTE, PHONE];

#[test]
fn no_planted_value_is_on_the_disk_in_any_form() {
    let mut house = House::start(1);
    let mut client = house.integration();
    let patient = json!({"resourceType": "Patient", "id": CLIENT_ID, "birthDate": BIRTH_DATE,
        "name": [{"family": FAMILY}], "identifier": [{"system": "http://example.org/mrn", "value": MRN}],
        "telecom": [{"system": "phone", "value": PHONE}]});
    let condition = json!({"resourceType": "Condition", "code": {"coding": [{"system": "http://snomed.info/sct",
        "code": CODE}]}, "note": [{"text": NOTE}], "onsetDateTime": BIRTH_DATE,
        "subject": {"reference": format!("Patient/{CLIENT_ID}")}});
    let path = format!("/fhir/Patient/{CLIENT_ID}");
    assert_eq!(client.put(&path, patient.to_string().as_bytes()).unwrap().status, 201);
    assert_eq!(client.post("/fhir/Condition", condition.to_string().as_bytes()).unwrap().status, 201);
    let searches = [
        format!("/fhir/Patient?name={FAMILY}"),
        format!("/fhir/Patient?identifier={MRN}"),
        format!("/fhir/Patient?birthdate={BIRTH_DATE}"),
        format!("/fhir/Condition?code={CODE}&patient=Patient/{CLIENT_ID}"),
        path.clone(),
        format!("{path}/$everything"),
    ];
    for search in &searches {
        assert_eq!(client.get(search).unwrap().status, 200, "{search}");
    }
    // What is refused is not logged either.
    let wrong = patient.to_string().replace("birthDate", "birthDay");
    assert!(matches!(client.put(&path, wrong.as_bytes()).unwrap().status, 400 | 422));
    assert_eq!(house.as_role("admin").get(&path).unwrap().status, 403);

    // Once as it lies while the server runs, with its write-ahead log, and again after everything that copies it.
    look_everywhere(&house);
    let data = house.path("data");
    wardstone_ok(&["backup", "--data", &data, &house.path("backup")]);
    house.kill();
    look_everywhere(&house);
    wardstone_ok(&["store", "dump", "--data", &data, &house.path("dump")]);
    assert!(std::fs::read_dir(house.path("dump")).unwrap().count() > 5);
    wardstone_ok(&["reindex", "--data", &data]);
    look_everywhere(&house);
}

/// The whole folder: data, write-ahead logs, temporary files, backup, dump, stderr.
fn look_everywhere(house: &House) {
    let needles: Vec<(String, Vec<u8>)> = PLANTED.iter().flat_map(|value| forms(value)).collect();
    for file in files_below(house.folder.path()) {
        let bytes = std::fs::read(&file).unwrap();
        let lower = bytes.to_ascii_lowercase();
        for (name, needle) in &needles {
            let is_found = find(&bytes, needle) || find(&lower, &needle.to_ascii_lowercase());
            assert!(!is_found, "{name} is in {}", file.display());
        }
    }
}

#[test]
fn the_search_for_planted_values_finds_what_is_there() {
    let text = format!("prefix {} suffix", URL_SAFE_NO_PAD.encode(format!("{{\"family\":\"{FAMILY}\"}}")));
    assert!(forms(FAMILY).iter().any(|(_, needle)| find(text.as_bytes(), needle)));
    for (name, needle) in forms(NOTE) {
        assert!(needle.len() >= 8, "{name}");
    }
}

pub fn forms(value: &str) -> Vec<(String, Vec<u8>)> {
    let bytes = value.as_bytes();
    let mut forms = vec![
        ("plain", bytes.to_vec()),
        ("hexadecimal", crypto::kek::hex_encode(bytes).into_bytes()),
        ("UTF-16LE", value.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("UTF-16BE", value.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        ("JSON-escaped", value.encode_utf16().flat_map(|unit| format!("\\u{unit:04x}").into_bytes()).collect()),
        ("percent-encoded", bytes.iter().flat_map(|byte| format!("%{byte:02x}").into_bytes()).collect()),
    ];
    // Base 64 looks different at each of three places in what surrounds it; the characters at the edges depend on that.
    for before in 0..3 {
        let mut padded = vec![0; before];
        padded.extend_from_slice(bytes);
        for encoded in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            let from = (before * 8).div_ceil(6);
            let to = encoded.len() - usize::from(!padded.len().is_multiple_of(3));
            forms.push(("base 64", encoded.as_bytes()[from..to].to_vec()));
        }
    }
    forms.into_iter().map(|(name, needle)| (format!("{value} ({name})"), needle)).collect()
}

pub fn find(haystack: &[u8], needle: &[u8]) -> bool {
    let Some(&first) = needle.first() else { return false };
    let mut from = 0;
    while let Some(at) = haystack[from..].iter().position(|byte| *byte == first) {
        if haystack[from + at..].starts_with(needle) {
            return true;
        }
        from += at + 1;
    }
    false
}
