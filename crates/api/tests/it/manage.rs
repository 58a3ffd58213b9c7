//! `/manage` through its door: who comes in, what a page of another site cannot do, what asks for a fresh proof, and that no
//! number reaches what is another's.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use access::{Object, Role, TypeRef};
use api::manage::{COOKIE_NAME, CSRF_HEADER, Gate, Manage, ManageState, ROUTES};
use api::{ConnectionNo, Peer};
use axum::body::Body;
use compliance::{PolicyDesk, PolicyDeskParts, Queue, QueueParts, Register, RegisterParts};
use crypto::EnvironmentClass;
use http::Request;
use identity::{DemoOnly, Identity, Kind, SeedAccount, Settings};
use serde_json::{Value, json};
use store::Witness;
use totp_rs::{Algorithm, Builder};

use crate::clinic::{Answer, Clinic, START_MS};

const ORIGIN: &str = "https://clinic.example";
const PASSWORD: &str = "correct horse battery staple";
const UNKNOWN: &str = "9007199254740991";
const STEP_MS: i64 = 30_000;
const FRESH_MS: u64 = 5 * 60_000;

struct Office {
    clinic: Clinic,
    manage: Manage,
    identity: Identity,
}

/// A session of the command line.
#[derive(Clone)]
struct Signed {
    token: String,
    user: String,
    session: String,
}

impl Office {
    async fn new() -> Self {
        let clinic = Clinic::new().await;
        let keyring = clinic.keyring.clone();
        let desk = clinic.shelves.clone();
        let policies = clinic.record.clone();
        let settings = Settings {
            may: Arc::new(move |caller, action| {
                policies.policies().decide(caller, action, &Object::of(TypeRef::SYSTEM, None, None)).is_ok()
            }),
            ..Settings::new("Clinic", ORIGIN, "clinic.example", clinic.clock.clone())
        };
        let witness = Witness::of(&clinic.store);
        let identity = Identity::open(settings, desk.clone(), witness.clone(), &keyring).unwrap();
        let demo = DemoOnly::of(EnvironmentClass::Demo).unwrap();
        for (login, role) in
            [("ada", Role::Admin), ("bob", Role::Admin), ("nora", Role::Nurse), ("phil", Role::Physician)]
        {
            let seed = SeedAccount {
                login: login.into(),
                display_name: login.to_uppercase(),
                family_name: None,
                kind: Kind::Workforce,
                roles: vec![role],
                own_chart: None,
                practitioner: None,
                licence: None,
                proxies: Vec::new(),
                npi: None,
                password: Some(PASSWORD.to_owned().into()),
                totp_secret: Some(secret(login).into()),
                token: Some(format!("demo-{login}").into()),
            };
            identity.seed(&demo, seed).await.unwrap();
        }
        let queue =
            Queue::open(QueueParts { desk: desk.clone(), witness: witness.clone(), clock: clinic.clock.clone() });
        let (queue, live) = (queue.unwrap(), clinic.record.clone());
        let agreements = Register::open(RegisterParts {
            desk: desk.clone(),
            witness: witness.clone(),
            clock: clinic.clock.clone(),
            zone: jiff::tz::TimeZone::UTC,
        });
        let parts = PolicyDeskParts {
            desk,
            witness,
            reader: clinic.store.log_reader(),
            clock: clinic.clock.clone(),
            go_live: Arc::new(move |policies| live.set_policies(policies)),
        };
        let policies = PolicyDesk::open(parts).unwrap();
        let state = ManageState {
            record: clinic.record.clone(),
            identity: identity.clone(),
            queue,
            policies,
            agreements: agreements.unwrap(),
            origin: ORIGIN.to_owned(),
            request_id: Arc::new(|| 0xdef),
        };
        Self { manage: Manage::new(state), clinic, identity }
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("user-agent", "test");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            Value::Null => Body::empty(),
            body => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
        };
        let mut request = request.body(body).unwrap();
        request.extensions_mut().insert(Peer(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        request.extensions_mut().insert(ConnectionNo(7));
        Answer::of(api::manage::serve(&self.manage, request).await).await
    }

    async fn sign_in(&self, login: &str) -> Signed {
        let body = json!({"login": login, "password": PASSWORD, "totp": self.code(login, 0)});
        let answer = self.send("POST", "/manage/session", &[], &body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        Signed { token: answer.text("token"), user: answer.text("session.user"), session: answer.text("session.id") }
    }

    /// The code of now, or of a step ahead.
    fn code(&self, login: &str, ahead: i64) -> String {
        let now_ms = START_MS + self.clinic.ticks.load(Ordering::Relaxed) as i64 + ahead * STEP_MS;
        let totp = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6).with_secret(secret(login)).build();
        totp.unwrap().generate(now_ms as u64 / 1_000).to_string()
    }

    async fn as_signed(&self, who: &Signed, method: &str, path: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {}", who.token);
        self.send(method, &format!("/manage{path}"), &[("authorization", &bearer)], body).await
    }
}

fn secret(login: &str) -> Vec<u8> {
    format!("{login:*<20}").into_bytes()
}

/// `404 not-found`; a problem that no cache keeps.
fn problem(answer: &Answer) -> String {
    assert_eq!(answer.header("content-type"), "application/problem+json", "{}", answer.body);
    assert_eq!(answer.header("cache-control"), "no-store");
    let kind = answer.text("type");
    format!("{} {}", answer.status.as_u16(), kind.strip_prefix("urn:wardstone:problem:").unwrap())
}

/// A body that the address takes, so that what is refused is refused for its ids.
fn valid_body(template: &str) -> Value {
    let because = json!({"reason": "a reason that says something"});
    match template {
        "/users/{}/roles" => json!({"role": "nurse", "reason": "ward 2"}),
        "/users/{}/recovery" | "/users/{}/reactivate" => json!({"checked": "colleague", "reason": "lost the phone"}),
        "/users/{}/licence" | "/users/{}/npi" | "/users/{}/practitioner" | "/users/{}/chart" => json!({"value": null}),
        "/users/{}/proxies" => json!({"patient": "absent", "until": "2099-01-01", "reason": "mother"}),
        "/users/{}/tokens" | "/tokens" => json!({"name": "script", "scopes": "user/Patient.r", "days": 1}),
        "/users/{}/deactivate" | "/users/{}/roles/{}/end" | "/users/{}/proxies/{}" => because,
        "/policies/{}/replay" => json!({"days": 7}),
        "/alerts/{}/note" => json!({"words": "asked the ward for the plan"}),
        "/alerts/{}/close" => json!({"verdict": "justified", "words": "spoke with the physician"}),
        "/baa/{}" | "/baa/{}/end" => json!({"version": 1, "words": "as decided by the board"}),
        "/policies/{}/activate" => json!({"words": "as decided by the board"}),
        "/glass" => json!({"patient": "absent", "reason": "unconscious in the waiting room"}),
        "/labels" => json!({"resource": "Patient/absent", "add": ["hiv"], "reason": "a reason that says something"}),
        _ => Value::Null,
    }
}

#[tokio::test]
async fn nobody_learns_anything_without_a_session() {
    let office = Office::new().await;
    let first = office.send("GET", "/manage/session", &[], &Value::Null).await;
    assert_eq!(problem(&first), "401 not-signed-in");
    for route in ROUTES.iter().filter(|route| route.gate != Gate::Open) {
        let path = format!("/manage{}", route.template.replace("{}", "1"));
        for headers in [&[][..], &[("authorization", "Bearer wrong")], &[("cookie", "__Host-wardstone=wrong")]] {
            let mut headers = headers.to_vec();
            headers.push(("sec-fetch-site", "same-origin"));
            let answer = office.send(route.method.as_str(), &path, &headers, &valid_body(route.template)).await;
            assert_eq!(answer.body, first.body, "{} {}", route.method, route.template);
        }
    }
    let unknown = office.send("GET", "/manage/nothing/here", &[], &Value::Null).await;
    assert_eq!(unknown.body, first.body, "which addresses there are is for who is signed in");
}

#[tokio::test]
async fn a_token_for_programs_is_no_session() {
    let office = Office::new().await;
    for route in ROUTES.iter().filter(|route| route.gate != Gate::Open) {
        let path = format!("/manage{}", route.template.replace("{}", "1"));
        let headers = [("authorization", "Bearer demo-ada")];
        let answer = office.send(route.method.as_str(), &path, &headers, &valid_body(route.template)).await;
        assert_eq!(problem(&answer), "403 no-session", "{} {}", route.method, route.template);
    }
}

#[tokio::test]
async fn what_policy_does_not_give_is_refused_whatever_the_address_names() {
    let office = Office::new().await;
    let nora = office.sign_in("nora").await;
    for route in ROUTES.iter().filter(|route| matches!(route.gate, Gate::May(_))) {
        for id in [UNKNOWN, nora.user.as_str(), "not-a-number"] {
            let path = route.template.replace("{}", id);
            let answer = office.as_signed(&nora, route.method.as_str(), &path, &valid_body(route.template)).await;
            assert_eq!(problem(&answer), "403 not-permitted", "{} {path}", route.method);
        }
    }
}

#[tokio::test]
async fn no_number_reaches_what_is_anothers() {
    let office = Office::new().await;
    let (ada, nora) = (office.sign_in("ada").await, office.sign_in("nora").await);
    let absent = office.as_signed(&ada, "GET", &format!("/users/{UNKNOWN}"), &Value::Null).await;
    assert_eq!(problem(&absent), "404 not-found");

    // Unknown ids, numbers that are written otherwise, and what is no number at all.
    for route in ROUTES.iter().filter(|route| route.template.contains("{}")) {
        for id in [UNKNOWN, "0x1", "+1", "01", "-1", "1%2F2", "%00"] {
            let path = route.template.replace("{}", id);
            let answer = office.as_signed(&ada, route.method.as_str(), &path, &valid_body(route.template)).await;
            // An administrator does not explain.
            if answer.status != 403 {
                assert_eq!(answer.body, absent.body, "{} {path}", route.method);
            }
        }
    }

    // Somebody else's session under one's own address, and under that of a third.
    let made = json!({"name": "script", "scopes": "user/Practitioner.r", "days": 1});
    let token = office.as_signed(&ada, "POST", "/tokens", &made).await;
    assert_eq!(token.status, 201, "{}", token.body);
    let token = token.text("id");
    for (who, path) in [
        (&nora, format!("/sessions/{}", ada.session)),
        (&nora, format!("/tokens/{token}")),
        (&ada, format!("/users/{}/sessions/{}", nora.user, ada.session)),
        (&ada, format!("/users/{}/tokens/{token}", nora.user)),
        (&ada, format!("/sessions/{}", nora.session)),
    ] {
        let answer = office.as_signed(who, "DELETE", &path, &Value::Null).await;
        assert_eq!(answer.body, absent.body, "{path}");
    }
    for who in [&ada, &nora] {
        assert_eq!(office.as_signed(who, "GET", "/session", &Value::Null).await.status, 200);
    }
    assert_eq!(
        office.identity.tokens_of(access::UserId(ada.user.parse().unwrap())).len(),
        2,
        "the demo's and the script's"
    );

    // The right address ends it, and then it is as if it had never been.
    let path = format!("/users/{}/sessions/{}", nora.user, nora.session);
    assert_eq!(office.as_signed(&ada, "DELETE", &path, &Value::Null).await.status, 204);
    assert_eq!(office.as_signed(&ada, "DELETE", &path, &Value::Null).await.body, absent.body);
    assert_eq!(office.as_signed(&nora, "GET", "/session", &Value::Null).await.status, 401);
}

#[tokio::test]
async fn a_page_of_another_site_changes_nothing() {
    let office = Office::new().await;
    let ada = office.sign_in("ada").await;
    let cookie = format!("{COOKIE_NAME}={}", ada.token);
    let me = office.send("GET", "/manage/session", &[("cookie", &cookie)], &Value::Null).await;
    let csrf = me.text("csrf");
    let invite = json!({"login": "zoe", "name": "Zoe", "kind": "workforce", "reason": "joins"});
    let own: [(&str, &str); 3] = [("cookie", &cookie), ("sec-fetch-site", "same-origin"), ("origin", ORIGIN)];
    let token = (CSRF_HEADER, csrf.as_str());
    let cases: [(&str, Vec<(&str, &str)>); 6] = [
        ("no token", own.to_vec()),
        ("a wrong token", own.iter().copied().chain([(CSRF_HEADER, "wrong")]).collect()),
        ("another site", vec![own[0], ("sec-fetch-site", "cross-site"), own[2], token]),
        ("a sibling site", vec![own[0], ("sec-fetch-site", "same-site"), own[2], token]),
        ("another origin", vec![own[0], ("origin", "https://evil.example"), token]),
        ("no sign of where from", vec![own[0], token]),
    ];
    for (what, headers) in cases {
        let answer = office.send("POST", "/manage/users", &headers, &invite).await;
        assert_eq!(problem(&answer), "403 cross-site", "{what}");
        assert_eq!(office.identity.user_of("zoe"), None, "{what}");
    }
    let right: Vec<_> = own.iter().copied().chain([token]).collect();
    let answer = office.send("POST", "/manage/users", &right, &invite).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    // Nobody is signed in as somebody else by a form of another site.
    let body = json!({"login": "bob", "password": PASSWORD, "totp": office.code("bob", 0)});
    let answer = office.send("POST", "/manage/session", &[("origin", "https://evil.example")], &body).await;
    assert_eq!(problem(&answer), "403 cross-site");
}

#[tokio::test]
async fn grave_acts_ask_for_a_fresh_proof_and_the_session_gets_a_new_secret() {
    let office = Office::new().await;
    let mut ada = office.sign_in("ada").await;
    let nora = office.identity.user_of("nora").unwrap().0;
    let grant = json!({"role": "medical_assistant", "reason": "covers for a colleague"});
    let path = format!("/users/{nora}/roles");
    assert_eq!(office.as_signed(&ada, "POST", &path, &grant).await.status, 204);

    office.clinic.ticks.fetch_add(FRESH_MS + 1_000, Ordering::Relaxed);
    for (method, path, body) in [
        ("POST", path.as_str(), &grant),
        ("POST", "/tokens", &json!({"name": "script", "scopes": "user/Patient.r", "days": 1})),
        ("POST", "/users", &json!({"login": "zoe", "name": "Zoe", "kind": "workforce", "reason": "joins"})),
    ] {
        assert_eq!(problem(&office.as_signed(&ada, method, path, body).await), "403 step-up", "{path}");
    }
    let wrong = office.as_signed(&ada, "POST", "/session/step-up", &json!({"totp": "000000"})).await;
    assert_eq!(problem(&wrong), "401 does-not-match");
    let answer = office.as_signed(&ada, "POST", "/session/step-up", &json!({"totp": office.code("ada", 0)})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_ne!(answer.text("token"), ada.token);
    ada.token = answer.text("token");
    assert_eq!(office.as_signed(&ada, "POST", &path, &grant).await.status, 204);
}

#[tokio::test]
async fn nobody_gives_themselves_anything() {
    let office = Office::new().await;
    let ada = office.sign_in("ada").await;
    let own = format!("/users/{}", ada.user);
    for (method, below, body) in [
        ("POST", "/roles", json!({"role": "physician", "reason": "I would like to"})),
        ("POST", "/roles/admin/confirm", Value::Null),
        ("POST", "/recovery", json!({"checked": "colleague", "reason": "lost the phone"})),
        ("POST", "/deactivate", json!({"reason": "tired"})),
        ("PUT", "/licence", json!({"value": null})),
    ] {
        let answer = office.as_signed(&ada, method, &format!("{own}{below}"), &body).await;
        assert_eq!(problem(&answer), "403 second-person", "{below}");
    }
}

#[tokio::test]
async fn bodies_queries_and_methods_are_what_an_address_takes() {
    let office = Office::new().await;
    let ada = office.sign_in("ada").await;
    for (method, path, body, expected) in [
        ("PATCH", "/users", Value::Null, "405 method"),
        ("GET", "/users?staet=active", Value::Null, "400 invalid"),
        ("GET", "/users?state=happy", Value::Null, "400 invalid"),
        ("GET", "/users?login=a&login=b", Value::Null, "400 invalid"),
        ("POST", "/users", json!({"login": "zoe"}), "400 invalid"),
        ("POST", "/users", json!([]), "400 invalid"),
        ("GET", "/recertification?days=many", Value::Null, "400 invalid"),
    ] {
        assert_eq!(problem(&office.as_signed(&ada, method, path, &body).await), expected, "{method} {path}");
    }
    let bearer = format!("Bearer {}", ada.token);
    let headers = [("authorization", bearer.as_str()), ("content-type", "text/plain")];
    let mut request = Request::builder().method("POST").uri("/manage/users");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let mut request = request.header("user-agent", "test").body(Body::from("{}")).unwrap();
    request.extensions_mut().insert(Peer(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    request.extensions_mut().insert(ConnectionNo(7));
    let answer = Answer::of(api::manage::serve(&office.manage, request).await).await;
    assert_eq!(problem(&answer), "415 media-type");
    let large = json!({"login": "x".repeat(api::manage::BODY_BYTES_MAX)});
    assert_eq!(problem(&office.as_signed(&ada, "POST", "/users", &large).await), "413 too-large");
}
