//! The access matrix: every route as every role, as nobody, as the right patient and the wrong one. The whole table is
//! checked in, so that no change of who gets what goes by unseen. `WARDSTONE_BLESS=1` writes it anew.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use testkit::{Client, Request, TestServer};

const SNAPSHOT: &str = "tests/it/matrix.txt";
const JSON_PATCH: (&str, &str) = ("content-type", "application/json-patch+json");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// One resource of each kind that roles differ on, all of them about one patient.
const TYPES: [&str; 8] =
    ["Patient", "Observation", "Condition", "Coverage", "Appointment", "Practitioner", "Slot", "StructureDefinition"];

#[test]
fn every_route_answers_every_role_as_the_table_says() {
    let server = TestServer::start(2).unwrap();
    let mut table = String::new();
    let patients: Vec<_> = server.users.iter().filter(|user| user.role == "patient").collect();
    let subject = patients[0].patient.clone().unwrap();
    let mut asking: Vec<(&str, Client)> = vec![("nobody", server.anonymous())];
    for role in ["physician", "nurse", "billing", "front_desk", "admin", "auditor"] {
        asking.push((role, server.as_role(role)));
    }
    for (name, user) in ["the patient", "another patient"].into_iter().zip(&patients) {
        asking.push((name, server.anonymous().with_token(Some(&user.token))));
    }
    asking.push(("integration", server.integration()));
    let mut maker = server.integration();

    let width = asking.iter().map(|(name, _)| name.len()).max().unwrap() + 2;
    write!(table, "{:52}", "").unwrap();
    asking.iter().for_each(|(name, _)| write!(table, "{name:width$}").unwrap());
    table.push('\n');
    let mut row = |route: &str, ask: &mut dyn FnMut(&mut Client) -> u16| {
        write!(table, "{route:52}").unwrap();
        for (_, client) in &mut asking {
            write!(table, "{:<width$}", ask(client)).unwrap();
        }
        table.push('\n');
    };

    row("GET /metadata", &mut |c| c.get("/fhir/metadata").unwrap().status);
    row("GET /_history", &mut |c| c.get("/fhir/_history").unwrap().status);
    row("POST / batch of one read", &mut |c| {
        let entry = json!({"request": {"method": "GET", "url": format!("Patient/{subject}")}});
        let bundle = json!({"resourceType": "Bundle", "type": "batch", "entry": [entry]});
        let answer = c.post("/fhir", bundle.to_string().as_bytes()).unwrap();
        match answer.status {
            200 => answer.json()["entry"][0]["response"]["status"].as_str().unwrap()[..3].parse().unwrap(),
            status => status,
        }
    });
    for type_name in TYPES {
        let json = resource(type_name, &subject);
        let made = |maker: &mut Client| match type_name {
            // A patient is what charts and accounts hang on: there is one right one.
            "Patient" => subject.clone(),
            _ => {
                let answer = maker.post(&format!("/fhir/{type_name}"), json.to_string().as_bytes()).unwrap();
                assert_eq!(answer.status, 201, "{type_name}: {}", String::from_utf8_lossy(&answer.body));
                answer.json()["id"].as_str().unwrap().to_owned()
            }
        };
        let id = made(&mut maker);
        let path = format!("/fhir/{type_name}/{id}");
        row(&format!("GET /{type_name}/id"), &mut |c| c.get(&path).unwrap().status);
        row(&format!("GET /{type_name}/absent"), &mut |c| c.get(&format!("/fhir/{type_name}/absent")).unwrap().status);
        row(&format!("GET /{type_name}/id/_history"), &mut |c| c.get(&format!("{path}/_history")).unwrap().status);
        row(&format!("GET /{type_name}/id/_history/1"), &mut |c| c.get(&format!("{path}/_history/1")).unwrap().status);
        row(&format!("GET /{type_name}/_history"), &mut |c| {
            c.get(&format!("/fhir/{type_name}/_history")).unwrap().status
        });
        row(&format!("GET /{type_name}?_id= (matches)"), &mut |c| {
            let answer = c.get(&format!("/fhir/{type_name}?_id={id}")).unwrap();
            match answer.status {
                // A search that may be made and finds nothing for this caller is told apart from one that finds it.
                200 if answer.json()["entry"].as_array().is_none_or(Vec::is_empty) => 204,
                status => status,
            }
        });
        row(&format!("POST /{type_name}/_search"), &mut |c| {
            let request = Request {
                method: "POST",
                path: &format!("/fhir/{type_name}/_search"),
                headers: &[FORM],
                body: Some(b"_count=1"),
            };
            c.send(&request).unwrap().status
        });
        if type_name != "Patient" {
            row(&format!("POST /{type_name}"), &mut |c| {
                c.post(&format!("/fhir/{type_name}"), json.to_string().as_bytes()).unwrap().status
            });
            row(&format!("DELETE /{type_name}/id"), &mut |c| {
                let path = format!("/fhir/{type_name}/{}", made(&mut maker));
                c.send(&Request { method: "DELETE", path: &path, ..Request::default() }).unwrap().status
            });
            row(&format!("DELETE /{type_name}?_id="), &mut |c| {
                let path = format!("/fhir/{type_name}?_id={}", made(&mut maker));
                c.send(&Request { method: "DELETE", path: &path, ..Request::default() }).unwrap().status
            });
        }
        row(&format!("PUT /{type_name}/id"), &mut |c| {
            let id = made(&mut maker);
            let path = format!("/fhir/{type_name}/{id}");
            let mut body = maker.get(&path).unwrap().json();
            body["id"] = Value::String(id);
            c.put(&path, body.to_string().as_bytes()).unwrap().status
        });
        row(&format!("PATCH /{type_name}/id"), &mut |c| {
            let path = format!("/fhir/{type_name}/{}", made(&mut maker));
            let body = br#"[{"op":"add","path":"/language","value":"en"}]"#;
            c.send(&Request { method: "PATCH", path: &path, headers: &[JSON_PATCH], body: Some(body) }).unwrap().status
        });
    }
    let chart = format!("/fhir/Patient/{subject}");
    for below in ["$everything", "Observation", "Coverage", "Appointment", "AuditEvent"] {
        row(&format!("GET /Patient/id/{below}"), &mut |c| c.get(&format!("{chart}/{below}?_count=1")).unwrap().status);
    }
    row("GET /AuditEvent", &mut |c| c.get("/fhir/AuditEvent?_count=1").unwrap().status);
    row("GET /AuditEvent/0", &mut |c| c.get("/fhir/AuditEvent/0").unwrap().status);
    row("POST /AuditEvent", &mut |c| c.post("/fhir/AuditEvent", b"{}").unwrap().status);
    row("PUT /AuditEvent/0", &mut |c| c.put("/fhir/AuditEvent/0", b"{}").unwrap().status);

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(SNAPSHOT);
    let table: String = table.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    if std::env::var_os("WARDSTONE_BLESS").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    for (made, known) in table.lines().zip(expected.lines()) {
        assert_eq!(made, known, "the access matrix changed; if it should, WARDSTONE_BLESS=1 writes it anew");
    }
    assert_eq!(table.lines().count(), expected.lines().count());
}

fn resource(type_name: &str, subject: &str) -> Value {
    let patient = json!({"reference": format!("Patient/{subject}")});
    match type_name {
        "Observation" => {
            json!({"resourceType": type_name, "status": "final", "code": {"text": "pulse"}, "subject": patient})
        }
        "Condition" => json!({"resourceType": type_name, "code": {"text": "cough"}, "subject": patient}),
        "Coverage" => {
            json!({"resourceType": type_name, "status": "active", "beneficiary": patient, "payor": [{"display": "A"}]})
        }
        "Appointment" => json!({
            "resourceType": type_name, "status": "proposed",
            "participant": [{"actor": patient, "status": "needs-action"}],
        }),
        "Slot" => json!({
            "resourceType": type_name, "schedule": {"display": "day"}, "status": "free",
            "start": "2026-01-02T09:00:00Z", "end": "2026-01-02T09:20:00Z",
        }),
        "StructureDefinition" => json!({
            "resourceType": type_name, "url": "https://clinic.example/sd", "name": "Own", "status": "draft",
            "kind": "resource", "abstract": false, "type": "Basic",
        }),
        _ => json!({"resourceType": type_name}),
    }
}
