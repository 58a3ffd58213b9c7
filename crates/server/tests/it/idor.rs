//! Ids of another organization, of another patient, of another person: wherever they are put, the answer is to the byte the one
//! for what was never there.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use testkit::{Answer, Client, Request, TestServer, totp_code};

const JSON: (&str, &str) = ("content-type", "application/json");
const FHIR: (&str, &str) = ("content-type", "application/fhir+json");
const JSON_PATCH: (&str, &str) = ("content-type", "application/json-patch+json");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const ROLES: [&str; 8] =
    ["physician", "nurse", "billing", "front_desk", "admin", "privacy_officer", "auditor", "patient"];
const NOBODYS: &str = "9007199254740991";

/// The ways an id is asked for: method, address, content type, body; `{t}` is its type. What makes something under an id, or
/// names it in a resource, is in `write`.
const ANY_TYPE: &[(&str, &str, (&str, &str), &str)] = &[
    ("GET", "/fhir/{t}/{id}", FHIR, ""),
    ("HEAD", "/fhir/{t}/{id}", FHIR, ""),
    ("GET", "/fhir/{t}/{id}/_history", FHIR, ""),
    ("GET", "/fhir/{t}/{id}/_history/1", FHIR, ""),
    ("GET", "/fhir/{t}?_id={id}", FHIR, ""),
    ("GET", "/fhir/{t}?_id={id}&_total=accurate", FHIR, ""),
    ("POST", "/fhir/{t}/_search", FORM, "_id={id}"),
    ("PATCH", "/fhir/{t}/{id}", JSON_PATCH, r#"[{"op":"add","path":"/language","value":"en"}]"#),
    ("PATCH", "/fhir/{t}?_id={id}", JSON_PATCH, r#"[{"op":"add","path":"/language","value":"en"}]"#),
    ("DELETE", "/fhir/{t}?_id={id}", FHIR, ""),
    ("DELETE", "/fhir/{t}/{id}", FHIR, ""),
    (
        "POST",
        "/fhir",
        FHIR,
        r#"{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"{t}/{id}"}}]}"#,
    ),
    (
        "POST",
        "/fhir",
        FHIR,
        r#"{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"GET","url":"{t}/{id}"}}]}"#,
    ),
    (
        "POST",
        "/fhir",
        FHIR,
        r#"{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"DELETE","url":"{t}/{id}"}}]}"#,
    ),
];
const COMPARTMENT: &[(&str, &str, (&str, &str), &str)] = &[
    ("GET", "/fhir/{t}/{id}/Observation", FHIR, ""),
    ("POST", "/fhir/{t}/{id}/Observation/_search", FORM, "_count=1"),
];
const PATIENT: &[(&str, &str, (&str, &str), &str)] = &[
    ("GET", "/fhir/Patient/{id}/$everything", FHIR, ""),
    ("POST", "/fhir/Patient/{id}/$everything", FHIR, r#"{"resourceType":"Parameters"}"#),
    ("GET", "/fhir/Patient/{id}/AuditEvent", FHIR, ""),
    ("GET", "/fhir/AuditEvent?patient={id}", FHIR, ""),
    ("GET", "/fhir/Observation?patient={id}", FHIR, ""),
    ("GET", "/fhir/Observation?subject=Patient/{id}&_include=Observation:subject", FHIR, ""),
    ("GET", "/fhir/Patient?_id={id}&_revinclude=Observation:subject", FHIR, ""),
];

/// As `ROUTES` of `/manage` name a patient or a resource in a body.
const NAMED: &[(&str, &str, &str)] = &[
    ("POST", "/manage/glass", r#"{"patient":"{id}","reason":"unconscious in the waiting room"}"#),
    (
        "POST",
        "/manage/labels",
        r#"{"resource":"Patient/{id}","add":["restricted"],"remove":[],"reason":"entered by mistake"}"#,
    ),
    ("PUT", "/manage/users/{user}/chart", r#"{"value":"{id}"}"#),
    ("PUT", "/manage/users/{user}/practitioner", r#"{"value":"{id}"}"#),
    (
        "POST",
        "/manage/users/{user}/proxies",
        r#"{"patient":"{id}","categories":["scheduling"],"labels":[],"until":"2099-01-31","reason":"the mother"}"#,
    ),
    ("DELETE", "/manage/users/{user}/proxies/{id}", r#"{"reason":"ended by mistake"}"#),
];

#[test]
fn ids_of_another_organization_are_ids_of_nothing() {
    let (here, there) = (TestServer::start(2).unwrap(), TestServer::start(2).unwrap());
    let foreign = one_of_each_type(&there, None);
    assert!(foreign.len() >= 20, "{} types", foreign.len());
    let mut asking: Vec<(&str, Client)> = ROLES.map(|role| (role, here.as_role(role))).into();
    asking.push(("integration", here.integration()));
    asking.push(("nobody", here.anonymous()));
    for (who, client) in &mut asking {
        for (type_name, resource) in &foreign {
            sweep(who, client, type_name, id_of(resource));
        }
    }
    // What they were let in with there opens nothing here.
    for secret in [there.users[0].token.as_str(), session_of(&there, "admin").1.as_str()] {
        for path in ["/fhir/Patient?_count=1", "/fhir/_history", "/manage/session", "/manage/users"] {
            let mut stranger = here.anonymous().with_token(Some(secret));
            let mut nobody = here.anonymous().with_token(Some("wst_made-up"));
            assert_eq!(shown(&stranger.get(path).unwrap(), ""), shown(&nobody.get(path).unwrap(), ""), "{path}");
            assert_eq!(stranger.get(path).unwrap().status, 401);
        }
    }
    let patient = id_of(&foreign["Patient"]);
    for role in ROLES {
        named(&here, role, patient);
    }
    // Last, for some of them may make what they name.
    for (who, client) in &mut asking {
        foreign.values().for_each(|resource| write(who, client, resource, patient));
    }
}

#[test]
fn ids_of_another_patient_are_ids_of_nothing() {
    let server = TestServer::start(3).unwrap();
    let patients: Vec<_> = server.users.iter().filter(|user| user.role == "patient").collect();
    let (own, other) = (patients[0], patients[1].patient.clone().unwrap());
    let others = one_of_each_type(&server, Some(&other));
    assert!(others.len() >= 10, "{} types", others.len());
    let mut client = server.anonymous().with_token(Some(&own.token));
    for (type_name, resource) in &others {
        let id = id_of(resource);
        // That they are there is no accident of the sweep.
        assert_eq!(server.integration().get(&format!("/fhir/{type_name}/{id}")).unwrap().status, 200);
        sweep("the patient", &mut client, type_name, id);
        write("the patient", &mut client, resource, &other);
        assert_eq!(server.integration().get(&format!("/fhir/{type_name}/{id}")).unwrap().status, 200, "{type_name}");
    }
    // Events that name the other patient alone.
    let events = server.as_role("auditor").get(&format!("/fhir/Patient/{other}/AuditEvent?_count=5")).unwrap().json();
    for event in events["entry"].as_array().into_iter().flatten() {
        let id = event["resource"]["id"].as_str().unwrap();
        alike("the patient", &mut client, ("GET", "/fhir/AuditEvent/{id}", FHIR, ""), "AuditEvent", id, NOBODYS);
    }
}

#[test]
fn numbers_of_another_person_are_numbers_of_nothing() {
    let server = TestServer::start(1).unwrap();
    let (mut nurse, _) = session_of(&server, "nurse");
    let (mut physician, _) = session_of(&server, "physician");
    let made =
        send(&mut nurse, "POST", "/manage/tokens", JSON, r#"{"name":"script","scopes":"user/Patient.rs","days":1}"#);
    let token = made.json()["id"].as_str().map(str::to_owned).unwrap_or_else(|| panic!("{}", shown(&made, "")));
    let session = nurse.get("/manage/sessions").unwrap().json()["sessions"][0]["id"].as_str().unwrap().to_owned();
    for (path, number) in [("/manage/tokens/{id}", &token), ("/manage/sessions/{id}", &session)] {
        alike("physician", &mut physician, ("DELETE", path, JSON, ""), "", number, NOBODYS);
    }
    let count = |client: &mut Client| client.get("/manage/tokens").unwrap().json()["tokens"].as_array().map(Vec::len);
    let tokens = count(&mut nurse);
    // Who manages accounts asks for one person's and gets no other's.
    let (mut admin, _) = session_of(&server, "admin");
    let users = admin.get("/manage/users").unwrap().json();
    let user = |role: &str| {
        let login = &server.users.iter().find(|user| user.role == role).unwrap().username;
        let found = users["users"].as_array().unwrap().iter().find(|user| user["login"] == login.as_str());
        found.unwrap()["id"].as_str().unwrap().to_owned()
    };
    for (path, number) in [("tokens", &token), ("sessions", &session)] {
        let path = format!("/manage/users/{}/{path}/{{id}}", user("physician"));
        alike("admin", &mut admin, ("DELETE", &path, JSON, ""), "", number, NOBODYS);
    }
    assert_eq!(nurse.get("/manage/session").unwrap().status, 200, "it goes on");
    assert_eq!(count(&mut nurse), tokens);
}

/// Asks with an id in every place an id can stand, and with one of nothing.
fn sweep(who: &str, client: &mut Client, type_name: &str, id: &str) {
    let nothing = made_up(id);
    let of_type: &[_] = if type_name == "Patient" { PATIENT } else { &[] };
    let compartments = ["Device", "Encounter", "Patient", "Practitioner", "RelatedPerson"];
    let of_compartment: &[_] = if compartments.contains(&type_name) { COMPARTMENT } else { &[] };
    for case in ANY_TYPE.iter().chain(of_compartment).chain(of_type) {
        alike(who, client, *case, type_name, id, &nothing);
    }
}

/// Puts a resource of elsewhere under its id, and names its patient in a new one. Ids that the server gives differ, so of a new
/// one the status alone counts. What names nothing names the patient of nothing too: who made an encounter of a patient here treats
/// them, and lets in who works with them.
fn write(who: &str, client: &mut Client, resource: &Value, patient: &str) {
    let (type_name, id) = (resource["resourceType"].as_str().unwrap(), id_of(resource));
    let nothing = made_up(id);
    let mut put = |id: &str, patient_there: &str| {
        let body = resource.to_string().replace(patient, patient_there).replace(id_of(resource), id);
        let answer = send(client, "PUT", &format!("/fhir/{type_name}/{id}"), FHIR, &body);
        shown(&answer, id).replace(patient_there, "PATIENT")
    };
    let found = put(id, patient);
    assert_eq!(found, put(&nothing, &made_up(patient)), "{who}: PUT of {type_name}");
    assert!(!found.starts_with('5'), "{who}: PUT of {type_name}: {found}");
    if type_name == "Patient" {
        let mut named = |id: &str| {
            let subject = json!({"reference": format!("Patient/{id}")});
            let body = json!({
                "resourceType": "Observation", "status": "final", "code": {"text": "pulse"}, "subject": subject,
            });
            send(client, "POST", "/fhir/Observation", FHIR, &body.to_string()).status
        };
        assert_eq!(named(id), named(&nothing), "{who}: an Observation of a patient of elsewhere");
    }
}

fn id_of(resource: &Value) -> &str {
    resource["id"].as_str().unwrap()
}

/// The same person, in a session of `/manage`, names a patient of somewhere else in a body.
fn named(server: &TestServer, role: &str, patient: &str) {
    let (mut client, _) = session_of(server, role);
    for (method, path, body) in NAMED {
        let path = path.replace("{user}", "2");
        alike(role, &mut client, (method, &path, JSON, body), "Patient", patient, &made_up(patient));
    }
}

fn alike(
    who: &str,
    client: &mut Client,
    case: (&str, &str, (&str, &str), &str),
    type_name: &str,
    id: &str,
    nothing: &str,
) {
    let (method, path, content, body) = case;
    let mut ask = |id: &str| {
        let fill = |text: &str| text.replace("{t}", type_name).replace("{id}", id);
        shown(&send(client, method, &fill(path), content, &fill(body)), id)
    };
    let (found, absent) = (ask(id), ask(nothing));
    assert_eq!(found, absent, "{who}: {method} {path} of {type_name} {body}");
    assert!(!found.starts_with("5"), "{who}: {method} {path} of {type_name}: {found}");
}

fn send(client: &mut Client, method: &str, path: &str, content: (&str, &str), body: &str) -> Answer {
    let body = (!body.is_empty()).then_some(body.as_bytes());
    let content = [content];
    let headers = if body.is_some() { &content[..] } else { &[] };
    client.send(&Request { method, path, headers, body }).unwrap()
}

/// Status, headers and body, without what differs between any two answers: times, numbers of requests, the id that was asked.
fn shown(answer: &Answer, id: &str) -> String {
    let varies = ["date", "x-request-id", "last-modified"];
    let mut headers: Vec<String> =
        answer.headers.iter().map(|(name, value)| format!("{}: {value}", name.to_lowercase())).collect();
    headers.retain(|line| !varies.iter().any(|name| line.starts_with(&format!("{name}:"))));
    headers.sort();
    let body = match serde_json::from_slice::<Value>(&answer.body) {
        Ok(mut json) => {
            forget_times(&mut json);
            json.to_string()
        }
        Err(_) => String::from_utf8_lossy(&answer.body).into_owned(),
    };
    let told = format!("{}\n{}\n{body}", answer.status, headers.join("\n"));
    if id.is_empty() { told } else { told.replace(id, "ID") }
}

fn forget_times(json: &mut Value) {
    match json {
        Value::Object(members) => {
            for name in ["timestamp", "lastUpdated"] {
                members.remove(name);
            }
            members.values_mut().for_each(forget_times);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_times),
        _ => {}
    }
}

/// An id of the same form that nothing has.
fn made_up(id: &str) -> String {
    let turned = |at: char| if at == '0' { '1' } else { '0' };
    let mut made: Vec<char> = id.chars().collect();
    let last = made.len() - 1;
    made[last] = turned(made[last]);
    made.into_iter().collect()
}

/// A resource of each type that a server holds; of one patient's chart alone, if that is given.
fn one_of_each_type(server: &TestServer, patient: Option<&str>) -> BTreeMap<String, Value> {
    let mut client = server.integration();
    let mut found = BTreeMap::new();
    let mut path = match patient {
        Some(id) => format!("/fhir/Patient/{id}/$everything?_count=1000"),
        None => "/fhir/_history?_count=1000".to_owned(),
    };
    loop {
        let page = client.get(&path).unwrap();
        assert_eq!(page.status, 200, "{path}");
        let page = page.json();
        for entry in page["entry"].as_array().into_iter().flatten() {
            let resource = &entry["resource"];
            let text = |name: &str| resource[name].as_str().map(str::to_owned);
            let (Some(type_name), Some(id)) = (text("resourceType"), text("id")) else { continue };
            let is_theirs = patient
                .is_none_or(|patient| id == patient || resource.to_string().contains(&format!("Patient/{patient}")));
            if is_theirs {
                found.entry(type_name).or_insert_with(|| resource.clone());
            }
        }
        let links = page["link"].as_array().cloned().unwrap_or_default();
        match links.iter().find(|link| link["relation"] == "next").and_then(|link| link["url"].as_str()) {
            Some(next) => path = next[next.find("/fhir").unwrap()..].to_owned(),
            None => return found,
        }
    }
}

/// Signed in with both factors, as the command line does it.
fn session_of(server: &TestServer, role: &str) -> (Client, String) {
    let user = server.users.iter().find(|user| user.role == role).unwrap_or_else(|| panic!("the demo has no {role}"));
    let code = totp_code(&user.totp_secret, server::clock::now_ms(), 0).unwrap();
    let body = json!({"login": user.username, "password": user.password, "totp": code}).to_string();
    let answer = send(&mut server.anonymous(), "POST", "/manage/session", JSON, &body);
    assert_eq!(answer.status, 201, "{role}: {}", String::from_utf8_lossy(&answer.body));
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    (server.anonymous().with_token(Some(&token)), token)
}
