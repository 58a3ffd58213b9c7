//! The access matrix of `/manage`: every address as every role in a session, as nobody, and as a program with a token. Ids
//! are of nothing and bodies are empty: 404 and 400 say that the gate was passed. `WARDSTONE_BLESS=1` writes it anew.

use std::fmt::Write as _;
use std::path::Path;

use api::manage::{Gate, ROUTES};
use serde_json::json;
use testkit::{Client, Request, TestServer, totp_code};

const SNAPSHOT: &str = "tests/it/matrix_manage.txt";
const JSON: (&str, &str) = ("content-type", "application/json");
const NOBODYS: &str = "9007199254740991";
const ROLES: [&str; 8] =
    ["physician", "nurse", "billing", "front_desk", "admin", "privacy_officer", "auditor", "patient"];

#[test]
fn every_management_route_answers_every_role_as_the_table_says() {
    let server = TestServer::start(2).unwrap();
    let mut asking: Vec<(&str, Client)> = vec![("nobody", server.anonymous())];
    asking.extend(ROLES.map(|role| (role, signed_in(&server, role))));
    asking.push(("a program", server.integration()));

    let width = asking.iter().map(|(name, _)| name.len()).max().unwrap() + 2;
    let mut table = String::new();
    write!(table, "{:44}", "").unwrap();
    asking.iter().for_each(|(name, _)| write!(table, "{name:width$}").unwrap());
    table.push('\n');
    // Signing in opens what is closed, and signing out would end the sessions of this test.
    let rows = ROUTES.iter().filter(|route| route.gate != Gate::Open);
    for route in rows.filter(|route| (route.method.as_str(), route.template) != ("DELETE", "/session")) {
        write!(table, "{:44}", format!("{} {}", route.method, route.template)).unwrap();
        let path = format!("/manage{}", route.template.replace("{}", NOBODYS));
        let body: Option<&[u8]> = if route.method == "GET" { None } else { Some(b"{}") };
        for (_, client) in &mut asking {
            let request = Request { method: route.method.as_str(), path: &path, headers: &[JSON], body };
            write!(table, "{:<width$}", client.send(&request).unwrap().status).unwrap();
        }
        table.push('\n');
    }

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

fn signed_in(server: &TestServer, role: &str) -> Client {
    let user = server.users.iter().find(|user| user.role == role).unwrap_or_else(|| panic!("the demo has no {role}"));
    let code = totp_code(&user.totp_secret, server::clock::now_ms(), 0).unwrap();
    let body = json!({"login": user.username, "password": user.password, "totp": code}).to_string();
    let request = Request { method: "POST", path: "/manage/session", headers: &[JSON], body: Some(body.as_bytes()) };
    let answer = server.anonymous().send(&request).unwrap();
    assert_eq!(answer.status, 201, "{role}: {}", String::from_utf8_lossy(&answer.body));
    server.anonymous().with_token(answer.json()["token"].as_str())
}
