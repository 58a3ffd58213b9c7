//! What everyone may rely on: how the demo starts, who gets in, what continues.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use serde_json::json;
use testkit::Request;

use crate::house::{House, patient};

#[test]
fn the_demo_keeps_its_contract() {
    let house = House::start(2);
    let credentials = house.credentials();
    let base_url = credentials["base_url"].as_str().unwrap();
    assert!(base_url.starts_with("https://localhost:"), "{base_url}");
    assert_eq!(credentials["fhir_url"].as_str().unwrap(), format!("{base_url}/fhir"));
    let authority = std::path::Path::new(credentials["ca_cert"].as_str().unwrap());
    assert!(authority.is_absolute() && authority.is_file());
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&house.folder.path().join("credentials.json")), 0o600);
    assert_eq!(mode(&house.data()), 0o700);
    assert_eq!(mode(&house.folder.path().join("data.kek")), 0o600);
    for role in ["physician", "nurse", "billing", "front_desk", "admin", "auditor", "patient"] {
        let user = house.user(role);
        for member in ["username", "password", "totp_secret", "token"] {
            assert!(user[member].as_str().is_some_and(|text| !text.is_empty()), "{role} has no {member}");
        }
    }

    // Without a token: the capabilities and nothing else.
    let mut nobody = house.anonymous();
    let metadata = nobody.get("/fhir/metadata").unwrap();
    assert_eq!(metadata.status, 200);
    assert_eq!(metadata.json()["resourceType"], "CapabilityStatement");
    assert_eq!(metadata.header("strict-transport-security"), Some("max-age=31536000; includeSubDomains"));
    for path in
        ["/fhir/Patient", "/fhir/Patient/x", "/fhir/AuditEvent", "/fhir/_history", "/fhir/Patient/x/$everything"]
    {
        let answer = nobody.get(path).unwrap();
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(answer.json()["resourceType"], "OperationOutcome", "{path}");
    }
    assert_eq!(nobody.post("/fhir/Patient", &patient("a", "B")).unwrap().status, 401);
    assert_eq!(house.anonymous().with_token(Some("wrong")).get("/fhir/Patient").unwrap().status, 401);

    // With the integration's: all interactions.
    let mut integration = house.integration();
    let found = integration.get("/fhir/Patient?_count=10").unwrap();
    assert_eq!(found.status, 200);
    assert_eq!(found.json()["entry"].as_array().unwrap().len(), 2);
    let id = house.user("patient")["patient"].as_str().unwrap().to_owned();
    let read = integration.get(&format!("/fhir/{id}")).unwrap();
    assert_eq!((read.status, read.json()["resourceType"].as_str()), (200, Some("Patient")));
    assert_eq!(integration.get("/fhir/Patient/absent").unwrap().status, 404);
    let created = integration.post("/fhir/Patient", &patient("ignored", "Made")).unwrap();
    assert_eq!(created.status, 201);
    let invalid = json!({"resourceType": "Patient", "gender": 5}).to_string();
    assert!(matches!(integration.post("/fhir/Patient", invalid.as_bytes()).unwrap().status, 400 | 422));
    let slash = integration.get("/fhir/Patient/").unwrap();
    assert_eq!(slash.status, 200);

    // A role that never may: 403. What one may not know exists: 404, as if it did not.
    assert_eq!(house.as_role("admin").get(&format!("/fhir/{id}")).unwrap().status, 403);
    let own = house.as_role("patient").get(&format!("/fhir/{id}")).unwrap();
    assert_eq!(own.status, 200);
    let entries = found.json()["entry"].as_array().unwrap().clone();
    let other = entries
        .iter()
        .map(|entry| format!("Patient/{}", entry["resource"]["id"].as_str().unwrap()))
        .find(|other| *other != id)
        .unwrap();
    assert_eq!(house.as_role("patient").get(&format!("/fhir/{other}")).unwrap().status, 404);
    assert_eq!(house.as_role("patient").get("/fhir/Patient/absent").unwrap().status, 404);

    // A transaction of 10,000 entries fits, and so does one of 32 MB.
    let wide = transaction((0..10_000).map(|n| json!({"resourceType": "Basic", "code": {"text": format!("{n}")}})));
    assert_eq!(integration.post("/fhir", &wide).unwrap().status, 200);
    let blob = "QUJD".repeat(1024 * 1024);
    let heavy =
        transaction((0..8).map(|_| json!({"resourceType": "Binary", "contentType": "text/plain", "data": blob})));
    assert!(heavy.len() > 32_000_000);
    assert_eq!(integration.post("/fhir/", &heavy).unwrap().status, 200);
}

#[test]
fn a_demos_physician_and_nurse_treat_nearly_everyone() {
    let house = House::start(25);
    let mut integration = house.integration();
    let found = integration.get("/fhir/Patient?_count=100").unwrap().json();
    let patients: Vec<_> = found["entry"].as_array().unwrap().iter().map(|e| e["resource"]["id"].clone()).collect();
    assert_eq!(patients.len(), 25);
    for role in ["physician", "nurse"] {
        let mut client = house.as_role(role);
        let mut treated = 0;
        for id in &patients {
            let id = id.as_str().unwrap();
            // Everybody can be found; whose chart it is decides the rest.
            assert_eq!(client.get(&format!("/fhir/Patient/{id}")).unwrap().status, 200, "{role}");
            let seen = client.get(&format!("/fhir/AllergyIntolerance?patient={id}")).unwrap().json();
            treated += usize::from(seen["total"].as_u64().is_some_and(|total| total > 0));
        }
        assert!(treated >= 22, "a {role} treats {treated} of 25");
    }
    // Whom nobody was attributed to is open to whoever comes first.
    let made = integration.post("/fhir/Patient", &patient("ignored", "Made")).unwrap().json();
    let id = made["id"].as_str().unwrap();
    let pulse = json!({"resourceType": "Observation", "status": "final", "code": {"text": "pulse"}, "subject": {"reference": format!("Patient/{id}")}});
    let answer = house.as_role("physician").post("/fhir/Observation", pulse.to_string().as_bytes()).unwrap();
    assert_eq!(answer.status, 201);
    let observation = answer.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(house.as_role("physician").get(&format!("/fhir/Observation/{observation}")).unwrap().status, 200);
}

fn transaction(resources: impl Iterator<Item = serde_json::Value>) -> Vec<u8> {
    let entries: Vec<_> = resources
        .map(|resource| {
            let url = resource["resourceType"].clone();
            json!({"resource": resource, "request": {"method": "POST", "url": url}})
        })
        .collect();
    json!({"resourceType": "Bundle", "type": "transaction", "entry": entries}).to_string().into_bytes()
}

#[test]
fn a_second_start_continues_with_the_same_data_users_and_tokens() {
    let mut house = House::start(1);
    let (users, token) = (house.credentials()["users"].clone(), house.credentials()["api_token"].clone());
    assert_eq!(house.integration().put("/fhir/Patient/kept", &patient("kept", "Kept")).unwrap().status, 201);
    house.stop();
    house.start_again();
    assert_eq!(house.credentials()["users"], users);
    assert_eq!(house.credentials()["api_token"], token);
    assert_eq!(house.integration().get("/fhir/Patient/kept").unwrap().status, 200);
    let found = house.integration().get("/fhir/Patient?_summary=count").unwrap();
    assert_eq!(found.json()["total"], 2);
}

#[test]
fn plaintext_and_oversized_requests_get_no_further() {
    let house = House::start(0);
    let address = house.credentials()["base_url"].as_str().unwrap().replace("https://", "");
    let mut plain = std::net::TcpStream::connect(&address).unwrap();
    plain.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    plain.write_all(b"GET /fhir/metadata HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/"), "plaintext was answered");

    let long = "x".repeat(200 * 1024);
    let headers = [("x-long", long.as_str())];
    let request = Request { method: "GET", path: "/fhir/metadata", headers: &headers, body: None };
    let refused = house.anonymous().send(&request);
    assert!(refused.is_err() || refused.unwrap().status == 431);

    let body = vec![b' '; 49 * 1024 * 1024];
    let refused = house.integration().post("/fhir", &body);
    assert!(refused.is_err() || refused.unwrap().status == 413);
    assert_eq!(house.anonymous().get("/fhir/metadata").unwrap().status, 200);
}

#[test]
fn requests_without_a_token_are_one_audit_event_for_each_address() {
    let mut house = House::start(0);
    let mut nobody = house.anonymous();
    for _ in 0..40 {
        assert_eq!(nobody.get("/fhir/Patient").unwrap().status, 401);
    }
    house.stop();
    let (data, events) = (house.path("data"), house.path("events.ndjson"));
    crate::house::wardstone_ok(&["audit", "export", "--data", &data, "--out", &events]);
    let text = std::fs::read_to_string(&events).unwrap();
    let noise: Vec<&str> = text.lines().filter(|line| line.contains("code 401")).collect();
    assert_eq!(noise.len(), 1, "{text}");
    assert!(noise[0].contains("127.0.0.1") && noise[0].contains("40"), "{}", noise[0]);
}

#[test]
fn a_request_in_flight_ends_before_the_server_does() {
    let mut house = House::start(0);
    let mut client = house.integration();
    assert_eq!(client.get("/fhir/Patient").unwrap().status, 200);
    let wide = transaction((0..5_000).map(|n| json!({"resourceType": "Basic", "code": {"text": format!("{n}")}})));
    let sending = std::thread::spawn(move || client.post("/fhir", &wide).map(|answer| answer.status));
    std::thread::sleep(Duration::from_millis(60));
    house.stop();
    // Either it came before the stop and was answered, or it never was taken.
    let answered = matches!(sending.join().unwrap(), Ok(200));
    house.start_again();
    let total = house.integration().get("/fhir/Basic?_summary=count").unwrap().json()["total"].as_u64().unwrap();
    assert_eq!(total, if answered { 5_000 } else { 0 });
}
