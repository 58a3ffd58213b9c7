//! Bundles and bulk files come in once, whatever happens on the way.

use std::process::{Command, Stdio};
use std::time::Duration;

use deid::synthetic::{Plan, generate};
use serde_json::{Value, json};

use crate::house::{House, wardstone, wardstone_ok};

fn count(house: &House, query: &str) -> u64 {
    house.integration().get(&format!("/fhir/{query}")).unwrap().json()["total"].as_u64().unwrap()
}

#[test]
fn bundles_and_bulk_files_come_in_once_and_what_is_refused_is_said() {
    let mut house = House::start(0);
    house.stop();
    let input = house.folder.path().join("input");
    std::fs::create_dir_all(input.join("deeper")).unwrap();
    let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [
        {"fullUrl": "urn:uuid:7b2f0f5e-5c4b-4f0e-9d3b-0d8a5c1e2f30",
         "resource": {"resourceType": "Patient", "name": [{"family": "Bundled"}], "identifier": [
            {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "999-12-3456"},
            {"system": "http://example.org/mrn", "value": "77"}]},
         "request": {"method": "POST", "url": "Patient"}},
        {"resource": {"resourceType": "Observation", "status": "final", "code": {"text": "weight"},
                      "subject": {"reference": "urn:uuid:7b2f0f5e-5c4b-4f0e-9d3b-0d8a5c1e2f30"}},
         "request": {"method": "POST", "url": "Observation"}}]});
    std::fs::write(input.join("deeper/one.json"), bundle.to_string()).unwrap();
    // Observations first by name, and still sealed under their patients' keys.
    let observation = |id: &str, patient: &str, status: Value| {
        json!({"resourceType": "Observation", "id": id, "status": status, "code": {"text": "pulse"},
               "subject": {"reference": format!("Patient/{patient}")}})
    };
    let lines = [
        observation("o1", "p1", json!("final")).to_string(),
        observation("o2", "p2", json!("final")).to_string(),
        observation("o3", "p2", json!("Zanzibar")).to_string(),
        "this is no JSON".to_owned(),
    ];
    std::fs::write(input.join("Observation.ndjson"), lines.join("\n")).unwrap();
    let lines: Vec<String> = ["p1", "p2"]
        .iter()
        .map(|id| json!({"resourceType": "Patient", "id": id, "active": true}).to_string())
        .collect();
    std::fs::write(input.join("Patient.ndjson"), lines.join("\n")).unwrap();

    let (data, folder, report) = (house.path("data"), input.display().to_string(), house.path("report.jsonl"));
    let arguments = ["import", "--data", &data, "--operator", "ana", "--report", &report, &folder];
    let output = wardstone(&arguments);
    let said = crate::house::text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("3 Patient") && said.contains("3 Observation") && said.contains("2 refused"), "{said}");
    assert!(said.contains("collection rule ssn"), "{said}");
    let report_text = std::fs::read_to_string(&report).unwrap();
    assert!(!report_text.contains("Zanzibar") && !report_text.contains("999-12-3456"), "{report_text}");
    let entries: Vec<Value> = report_text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let has = |line: u64, outcome: &str| {
        entries.iter().any(|entry| entry["line"].as_u64() == Some(line) && entry["outcome"] == outcome)
    };
    assert!(has(3, "failed") && has(4, "failed") && has(1, "dropped"), "{report_text}");
    assert!(entries.iter().any(|entry| entry["expression"].as_str().unwrap().starts_with("Observation.status")));

    let again = crate::house::text(&wardstone(&arguments));
    assert!(again.contains("6 already there") && again.contains("0 resources"), "{again}");

    house.start_again();
    assert_eq!(count(&house, "Patient?_summary=count"), 3);
    assert_eq!(count(&house, "Observation?_summary=count"), 3);
    assert_eq!(count(&house, "Patient/p2/Observation?_summary=count"), 1);
    let read = house.integration().get("/fhir/Patient?identifier=77").unwrap().json();
    assert_eq!(read["entry"][0]["resource"]["identifier"].as_array().unwrap().len(), 1);
    house.stop();
    let verified = wardstone_ok(&["audit", "verify", "--data", &data]);
    assert!(verified.contains("the log is intact"), "{verified}");
    let events = house.path("events.ndjson");
    wardstone_ok(&["audit", "export", "--data", &data, "--out", &events]);
    assert!(std::fs::read_to_string(&events).unwrap().contains("\"ana\""));
}

#[test]
fn an_export_holds_what_was_imported() {
    let mut house = House::start(2);
    let total = count(&house, "Observation?_summary=count");
    house.stop();
    let (data, key) = (house.path("data"), house.path("export.key"));
    wardstone_ok(&["export", "--data", &data, "--export-key", &key, &house.path("sealed")]);
    let sealed = house.folder.path().join("sealed/Observation.ndjson.sealed");
    let bytes = std::fs::read(&sealed).unwrap();
    assert!(!bytes.windows(11).any(|window| window == b"Observation"));
    let opened = wardstone_ok(&["export", "--open", &sealed.display().to_string(), "--export-key", &key]);
    assert_eq!(opened.lines().count() as u64, total);
    assert!(opened.lines().all(|line| serde_json::from_str::<Value>(line).unwrap()["resourceType"] == "Observation"));

    crate::house::wardstone_refused(&["export", "--data", &data, "--plaintext", &house.path("clear")], 2);
    let named = ["--plaintext", "--operator", "ana", "--reason", "a test", "--type", "Patient"];
    let destination = house.path("clear");
    let arguments: Vec<&str> =
        ["export", "--data", &data].into_iter().chain(named).chain([destination.as_str()]).collect();
    wardstone_ok(&arguments);
    let clear = std::fs::read_to_string(house.folder.path().join("clear/Patient.ndjson")).unwrap();
    assert_eq!(clear.lines().count(), 2);
}

#[test]
fn an_import_that_was_killed_goes_on_and_takes_nothing_twice() {
    let mut house = House::start(0);
    house.stop();
    let input = house.folder.path().join("input");
    std::fs::create_dir_all(&input).unwrap();
    let plan = Plan { seed: 3, patients: 60, today: jiff::civil::date(2026, 1, 1), now: jiff::civil::time(9, 0, 0, 0) };
    let clinic = generate(&plan);
    let staff = clinic.staff_bundle();
    // Named as generators name what others refer to: it comes first.
    std::fs::write(input.join("practitionerInformation1.json"), &staff.json).unwrap();
    let mut resources = staff.resources;
    for (number, bundle) in clinic.patient_bundles().enumerate() {
        std::fs::write(input.join(format!("patient-{number}.json")), &bundle.json).unwrap();
        resources += bundle.resources;
    }
    let (data, folder) = (house.path("data"), input.display().to_string());
    let arguments = ["import", "--data", &data, &folder];
    for round in 1..=3 {
        let mut child = Command::new(crate::house::binary()).args(arguments).stdout(Stdio::null()).spawn().unwrap();
        let log = house.data().join("record.db-wal");
        // Each time a little further; a round that ended by itself is no harm.
        while child.try_wait().unwrap().is_none() {
            let written = std::fs::metadata(&log).map_or(0, |metadata| metadata.len());
            if written > round * 1_500_000 {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let _ = child.kill();
        child.wait().unwrap();
    }
    let said = wardstone_ok(&arguments);
    assert!(said.contains("already there"), "nothing was committed before the kills: {said}");
    let said = wardstone_ok(&arguments);
    assert!(said.contains(&format!("{resources} already there")), "{said}");
    let verified = wardstone_ok(&["audit", "verify", "--data", &data]);
    assert!(verified.contains(&format!("{resources} stored versions")), "{verified}");
    house.start_again();
    assert_eq!(count(&house, "Patient?_summary=count"), 60);
}
