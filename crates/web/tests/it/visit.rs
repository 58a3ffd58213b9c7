//! The doors of a visit without a browser: who opens its room, what a link opens, and what nobody is told.

use axum::body::Body;
use http::StatusCode;
use serde_json::{Value, json};
use web::CSRF_HEADER;

use crate::clinic::{Answer, Browser, Clinic, MINUTE_MS};
use crate::visit_before::seed_patient;
use crate::ward::{BIRTH, MRN, look, ward};

const OURS: (&str, &str) = ("sec-fetch-site", "same-origin");
const JSON: [(&str, &str); 2] = [("content-type", "application/json"), ("accept", "application/json")];

/// Ruth sees Asha by video, from the first minute of this clinic's clock on.
pub async fn booked(clinic: &Clinic) {
    let appointment = r#""status":"booked","start":"2027-01-04T15:00:00Z","end":"2027-01-04T15:20:00Z",
        "serviceType":[{"coding":[{"system":"http://snomed.info/sct","code":"448337001"}]}],
        "participant":[{"actor":{"reference":"Patient/p1"},"status":"accepted"},{"actor":{"reference":"Practitioner/asha"},"status":"accepted"}]"#;
    clinic.put("Appointment", "video", appointment).await;
}

pub async fn send(clinic: &Clinic, browser: &mut Browser, path: &str, csrf: Option<&str>, body: &Value) -> Answer {
    let mut headers = vec![OURS, JSON[0], JSON[1]];
    headers.extend(csrf.map(|csrf| (CSRF_HEADER, csrf)));
    browser.ask(clinic, "POST", path, &headers, Body::from(body.to_string())).await
}

/// What a patient says before they are let in.
pub fn agreement() -> Value {
    json!({ "version": telehealth::consent::VERSION, "language": "es", "agrees": true, "address": "12 Larch Lane, Albany",
        "state": "NY", "country": "US", "contact_name": "Tom Adeyemi", "contact_phone": "+1 555 010 0199" })
}

pub async fn host(clinic: &Clinic) -> (Browser, String) {
    let (browser, page) = look(clinic, "asha", "/appointments/video/visit").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let csrf = page.body.split(r#"data-csrf=""#).nth(1).unwrap().split('"').next().unwrap().to_owned();
    (browser, csrf)
}

pub async fn link(clinic: &Clinic, purpose: &str, label: &str) -> String {
    let (mut browser, csrf) = host(clinic).await;
    let body = json!({ "purpose": purpose, "label": label });
    let made = send(clinic, &mut browser, "/appointments/video/visit/links", Some(&csrf), &body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let told: Value = serde_json::from_str(&made.body).unwrap();
    told["link"].as_str().unwrap().split('#').nth(1).unwrap().to_owned()
}

#[tokio::test]
async fn a_clinician_of_the_patient_opens_the_room_and_nobody_else_does() {
    let clinic = ward().await;
    booked(&clinic).await;
    let (mut asha, csrf) = host(&clinic).await;
    let page = asha.get(&clinic, "/appointments/video/visit").await;
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("trusted-types wardstone-visit") && !policy.contains("unsafe"), "{policy}");
    assert!(page.headers["permissions-policy"].to_str().unwrap().contains("camera=(self)"));
    assert!(!page.body.contains(BIRTH) && !page.body.contains(MRN), "what is compared is shown to nobody");
    let ticket = send(&clinic, &mut asha, "/appointments/video/visit/ticket", Some(&csrf), &json!({})).await;
    assert_eq!(ticket.status, StatusCode::OK, "{}", ticket.body);
    let without = send(&clinic, &mut asha, "/appointments/video/visit/ticket", None, &json!({})).await;
    assert_eq!(without.status, StatusCode::FORBIDDEN);
    for (login, allowed) in [("fay", false), ("ben", false), ("petra", false), ("zoe", false), ("nora", true)] {
        let (mut browser, page) = look(&clinic, login, "/appointments/video/visit").await;
        assert_eq!(page.status == StatusCode::OK, allowed, "{login}: {}", page.status);
        let me = browser.get(&clinic, "/me").await;
        let csrf = me.body.split(r#"data-csrf=""#).nth(1).unwrap().split('"').next().unwrap().to_owned();
        for path in ["ticket", "links"] {
            let path = format!("/appointments/video/visit/{path}");
            let body = json!({ "purpose": "patient", "label": "" });
            let answer = send(&clinic, &mut browser, &path, Some(&csrf), &body).await;
            assert_eq!(answer.status.is_success(), allowed, "{login} {path}: {}", answer.body);
        }
    }
    // Elsewhere the camera stays shut.
    let today = asha.get(&clinic, "/today").await;
    assert!(today.headers["permissions-policy"].to_str().unwrap().contains("camera=()"));
    assert!(today.body.contains("/appointments/video/visit"), "{}", today.body);
}

#[tokio::test]
async fn a_patient_comes_in_by_link_birth_date_and_number_and_by_nothing_less() {
    let clinic = ward().await;
    booked(&clinic).await;
    let link = link(&clinic, "patient", "").await;
    let mut ruth = Browser::without_scripts();
    let ticket = send(&clinic, &mut ruth, "/visit/ticket", None, &json!({})).await;
    assert_eq!(ticket.status, StatusCode::BAD_REQUEST);
    let opened = send(&clinic, &mut ruth, "/visit/open", None, &json!({ "link": link })).await;
    assert_eq!(opened.status, StatusCode::OK, "{}", opened.body);
    assert!(opened.body.contains(r#""check":true"#) && !opened.body.contains("ADEYEMI"), "{}", opened.body);
    let early = send(&clinic, &mut ruth, "/visit/ticket", None, &json!({})).await;
    assert!(early.status == StatusCode::BAD_REQUEST && early.body.contains("who you are"), "{}", early.body);
    for (born, number) in [("01-Jan-1968", MRN), ("14-Jul-1968", "MR-000000"), ("1968", MRN)] {
        let body = json!({ "birth_date": born, "number": number });
        let wrong = send(&clinic, &mut ruth, "/visit/check", None, &body).await;
        assert_eq!(wrong.status, StatusCode::BAD_REQUEST, "{born} {number}");
        assert!(!wrong.body.contains(MRN) && !wrong.body.contains(BIRTH), "{}", wrong.body);
    }
    let right = json!({ "birth_date": "14-Jul-1968", "number": MRN });
    let checked = send(&clinic, &mut ruth, "/visit/check", None, &right).await;
    assert!(checked.body.contains(r#""check":false"#), "{}", checked.body);
    let early = send(&clinic, &mut ruth, "/visit/ticket", None, &json!({})).await;
    assert!(early.status == StatusCode::BAD_REQUEST && early.body.contains("where you are"), "{}", early.body);
    send(&clinic, &mut ruth, "/visit/agree", None, &agreement()).await;
    let ticket = send(&clinic, &mut ruth, "/visit/ticket", None, &json!({})).await;
    assert_eq!(ticket.status, StatusCode::OK, "{}", ticket.body);
    // The cookie of a guest opens no page of anybody.
    for path in ["/me", "/today", "/patients/p1", "/appointments/video/visit"] {
        assert_eq!(ruth.get(&clinic, path).await.status, StatusCode::SEE_OTHER, "{path}");
    }
    // The same link in another browser, and after the visit.
    let mut other = Browser::without_scripts();
    let bound = send(&clinic, &mut other, "/visit/open", None, &json!({ "link": link })).await;
    assert!(bound.status == StatusCode::BAD_REQUEST && bound.body.contains("another browser"), "{}", bound.body);
    clinic.advance(36 * MINUTE_MS);
    let late = send(&clinic, &mut ruth, "/visit/ticket", None, &json!({})).await;
    assert!(late.status == StatusCode::BAD_REQUEST && late.body.contains("over"), "{}", late.body);
}

#[tokio::test]
async fn an_interpreter_is_named_by_the_clinician_and_asked_nothing_about_the_patient() {
    let clinic = ward().await;
    booked(&clinic).await;
    let link = link(&clinic, "interpreter", "Ines, interpreter for Spanish").await;
    let mut ines = Browser::without_scripts();
    let opened = send(&clinic, &mut ines, "/visit/open", None, &json!({ "link": link })).await;
    assert!(opened.body.contains(r#""check":false"#), "{}", opened.body);
    assert_eq!(send(&clinic, &mut ines, "/visit/ticket", None, &json!({})).await.status, StatusCode::OK);
    // A form of another site opens nothing, whatever it knows.
    let headers = [("sec-fetch-site", "cross-site"), JSON[0], JSON[1]];
    let body = Body::from(json!({ "link": link }).to_string());
    assert_eq!(ines.ask(&clinic, "POST", "/visit/open", &headers, body).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_link_that_cannot_be_sent_is_there_to_be_handed_over_and_says_so() {
    let clinic = ward().await;
    booked(&clinic).await;
    let (mut asha, csrf) = host(&clinic).await;
    let path = "/appointments/video/visit/links";
    for (by, purpose, words) in [
        ("email", "patient", "address that can be written to"),
        ("sms", "interpreter", "address is on file"),
        ("pigeon", "patient", "by e-mail or as a text message"),
    ] {
        let body = json!({ "purpose": purpose, "label": "Ines", "by": by });
        let refused = send(&clinic, &mut asha, path, Some(&csrf), &body).await;
        assert!(refused.status == StatusCode::BAD_REQUEST && refused.body.contains(words), "{by}: {}", refused.body);
    }
    let members = format!(
        r#""name":[{{"family":"Adeyemi","given":["Ruth"]}}],"birthDate":"{BIRTH}","gender":"female",
        "telecom":[{{"system":"email","value":"ruth@example.org"}}],
        "identifier":[{{"type":{{"coding":[{{"code":"MR"}}]}},"system":"urn:mrn","value":"{MRN}"}}]"#
    );
    clinic.put("Patient", "p1", &members).await;
    let body = json!({ "purpose": "patient", "by": "email" });
    let made = send(&clinic, &mut asha, path, Some(&csrf), &body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    assert!(made.body.contains("nothing is set up to send with") && made.body.contains("/visit#"), "{}", made.body);
    assert!(!made.body.contains("ruth@example.org"), "the address is the chart's");
}

#[tokio::test]
async fn who_makes_a_token_still_sees_their_visits_on_the_page_that_shows_it() {
    let clinic = ward().await;
    booked(&clinic).await;
    seed_patient(&clinic, "ruthie", "p1").await;
    let (mut ruth, me) = look(&clinic, "ruthie", "/me").await;
    let form = [
        ("csrf", me.csrf()),
        ("label", "diary".to_owned()),
        ("scopes", "patient/Observation.rs".to_owned()),
        ("days", "1".to_owned()),
    ];
    let made = ruth.post(&clinic, "/me/tokens", &form).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    for page in [&me, &made] {
        assert!(page.body.contains("Enter the visit"), "{}", page.body);
    }
}
