//! A passkey for visits without a browser: made in the device check, worth nothing by itself, seen and removed by the patient and by staff.

use http::StatusCode;
use identity::VisitPatient;
use serde_json::{Value, json};
use telehealth::guests::PASSKEYS_MAX;
use telehealth::signal::Role;

use crate::authenticator::Authenticator;
use crate::clinic::{Browser, Clinic, MINUTE_MS};
use crate::visit::{agreement, booked, host, link};
use crate::visit_before::seed_patient;
use crate::visit_risk::{RISK, SEEN, Side, patient, posted, prove, ticket, told};
use crate::ward::{MRN, look, ward};

/// Asha made it a visit of high risk.
async fn raised(clinic: &Clinic) -> (Browser, String) {
    booked(clinic).await;
    let (mut asha, csrf) = host(clinic).await;
    posted(clinic, &mut asha, RISK, Some(&csrf), json!({})).await;
    (asha, csrf)
}

async fn offered(clinic: &Clinic, browser: &mut Browser) -> Value {
    let (status, shown) = posted(clinic, browser, "/visit/open", None, json!({})).await;
    assert_eq!(status, StatusCode::OK, "{shown}");
    shown["passkey"].clone()
}

async fn begin(clinic: &Clinic, browser: &mut Browser) -> (StatusCode, Value) {
    posted(clinic, browser, "/visit/passkey", None, json!({})).await
}

async fn finish(clinic: &Clinic, browser: &mut Browser, key: &mut Authenticator, asked: &Value) -> StatusCode {
    let made: Value = serde_json::from_str(&key.create(&asked["enrol"].to_string())).unwrap();
    posted(clinic, browser, "/visit/passkey/new", None, json!({ "credential": made })).await.0
}

/// In the device check, before they knock.
async fn made(clinic: &Clinic, browser: &mut Browser) -> Authenticator {
    let mut key = Authenticator::new();
    let (status, asked) = begin(clinic, browser).await;
    assert_eq!(status, StatusCode::OK, "{asked}");
    assert_eq!(finish(clinic, browser, &mut key, &asked).await, StatusCode::OK);
    key
}

/// Ruth is in a call that her passkey vouched for.
async fn in_call(clinic: &Clinic) -> (Browser, String, Side, Side, String, Browser, Authenticator) {
    let (mut asha, csrf) = raised(clinic).await;
    let mut ruth = patient(clinic).await;
    let mut key = made(clinic, &mut ruth).await;
    let mut room = Side::join(clinic, &ticket(clinic, &mut asha, Some(&csrf)).await, "aG9zdA");
    let mut home = Side::join(clinic, &ticket(clinic, &mut ruth, None).await, "cnV0aA");
    let who = home.last("welcome")["you"].as_str().unwrap().to_owned();
    assert_eq!(prove(clinic, &mut ruth, &mut key).await, StatusCode::OK);
    assert!(room.admits(&who));
    (asha, csrf, room, home, who, ruth, key)
}

fn csrf(page: &str) -> String {
    page.split(r#"data-csrf=""#).nth(1).unwrap().split('"').next().unwrap().to_owned()
}

fn named(page: &str) -> String {
    page.split(r#"name="id" value=""#).nth(1).expect(page).split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_passkey_is_offered_in_the_device_check_of_a_visit_of_high_risk_to_who_was_checked_and_agreed() {
    let clinic = ward().await;
    raised(&clinic).await;
    let link = link(&clinic, "patient", "").await;
    let mut ruth = Browser::without_scripts();
    let (_, shown) = posted(&clinic, &mut ruth, "/visit/open", None, json!({ "link": link })).await;
    assert_eq!(shown["passkey"], Value::Null, "nobody knows who this is");
    assert_eq!(begin(&clinic, &mut ruth).await.0, StatusCode::BAD_REQUEST);
    let who = json!({ "birth_date": "14-Jul-1968", "number": MRN });
    let (_, shown) = posted(&clinic, &mut ruth, "/visit/check", None, who).await;
    assert_eq!(shown["passkey"], Value::Null, "they have not agreed");
    assert_eq!(begin(&clinic, &mut ruth).await.0, StatusCode::BAD_REQUEST);
    let (_, shown) = posted(&clinic, &mut ruth, "/visit/agree", None, agreement()).await;
    assert_eq!(shown["passkey"], "make");
    // Of a browser without the binding it is nobody's.
    assert_eq!(begin(&clinic, &mut Browser::without_scripts()).await.0, StatusCode::BAD_REQUEST);
    made(&clinic, &mut ruth).await;
    assert_eq!(offered(&clinic, &mut ruth).await, "known");
    // Who has one makes no second one, in this browser or with another link.
    for mut browser in [ruth, patient(&clinic).await] {
        let (status, asked) = begin(&clinic, &mut browser).await;
        assert!(status == StatusCode::BAD_REQUEST && asked.get("enrol").is_none(), "{asked}");
    }
    let interpreter = crate::visit::link(&clinic, "interpreter", "Ida").await;
    let mut ida = Browser::without_scripts();
    let (_, shown) = posted(&clinic, &mut ida, "/visit/open", None, json!({ "link": interpreter })).await;
    assert_eq!(shown["passkey"], Value::Null);
    assert_eq!(begin(&clinic, &mut ida).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn in_an_ordinary_visit_and_in_one_that_goes_on_with_a_reason_nobody_makes_one() {
    let clinic = ward().await;
    booked(&clinic).await;
    let (mut asha, csrf) = host(&clinic).await;
    let mut ruth = patient(&clinic).await;
    assert_eq!(offered(&clinic, &mut ruth).await, Value::Null);
    assert_eq!(begin(&clinic, &mut ruth).await.0, StatusCode::BAD_REQUEST);
    posted(&clinic, &mut asha, RISK, Some(&csrf), json!({})).await;
    let (_, asked) = begin(&clinic, &mut ruth).await;
    posted(&clinic, &mut asha, RISK, Some(&csrf), json!({ "reason": "known to me for years" })).await;
    assert_eq!(offered(&clinic, &mut ruth).await, Value::Null);
    let mut key = Authenticator::new();
    assert_eq!(finish(&clinic, &mut ruth, &mut key, &asked).await, StatusCode::BAD_REQUEST, "begun before");
    assert!(clinic.sheets.of("video").unwrap().enrolled.is_empty());
}

#[tokio::test]
async fn having_made_one_is_no_proof_and_one_press_in_the_waiting_room_is() {
    let clinic = ward().await;
    let (mut asha, csrf) = raised(&clinic).await;
    let mut ruth = patient(&clinic).await;
    let mut key = made(&clinic, &mut ruth).await;
    let mut room = Side::join(&clinic, &ticket(&clinic, &mut asha, Some(&csrf)).await, "aG9zdA");
    let mut home = Side::join(&clinic, &ticket(&clinic, &mut ruth, None).await, "cnV0aA");
    let who = home.last("welcome")["you"].as_str().unwrap().to_owned();
    assert!(!room.admits(&who), "enrolled, and not proven");
    assert_eq!(room.last("risk")["vouched"].as_array().map_or(0, Vec::len), 0);
    assert_eq!(told(&clinic, &mut asha).await["passkey"], Value::Null);
    let (_, asked) = begin(&clinic, &mut ruth).await;
    assert!(asked.get("enrol").is_none() && asked.get("prove").is_some(), "{asked}");
    assert_eq!(prove(&clinic, &mut ruth, &mut key).await, StatusCode::OK);
    assert!(room.admits(&who));
}

#[tokio::test]
async fn an_enrolment_is_of_the_link_that_began_it_and_only_so_many_are_begun() {
    let clinic = ward().await;
    raised(&clinic).await;
    let (mut ruth, mut other) = (patient(&clinic).await, patient(&clinic).await);
    let (_, asked) = begin(&clinic, &mut ruth).await;
    let mut key = Authenticator::new();
    assert_eq!(finish(&clinic, &mut other, &mut key, &asked).await, StatusCode::BAD_REQUEST);
    // Begun in both before either was done: one stands.
    let (_, asked) = begin(&clinic, &mut ruth).await;
    let (_, second) = begin(&clinic, &mut other).await;
    assert_eq!(finish(&clinic, &mut ruth, &mut key, &asked).await, StatusCode::OK);
    assert_eq!(finish(&clinic, &mut other, &mut Authenticator::new(), &second).await, StatusCode::BAD_REQUEST);

    let clinic = ward().await;
    raised(&clinic).await;
    let mut ruth = patient(&clinic).await;
    for _ in 0..PASSKEYS_MAX {
        assert_eq!(begin(&clinic, &mut ruth).await.0, StatusCode::OK);
    }
    assert_eq!(begin(&clinic, &mut ruth).await.0, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_patient_who_is_signed_in_sees_the_own_passkey_and_removes_it_and_the_call_that_stood_on_it_asks_again() {
    let clinic = ward().await;
    seed_patient(&clinic, "ruthie", "p1").await;
    seed_patient(&clinic, "max", "p2").await;
    let (mut asha, _, mut room, mut home, who, mut ruth, mut key) = in_call(&clinic).await;
    let (mut own, me) = look(&clinic, "ruthie", "/me").await;
    assert!(me.body.contains("Passkey for video visits") && !me.body.contains("not yet"), "{}", me.body);
    let id = named(&me.body);
    // Not by somebody else, not by staff on their own page, not without the session's word, not without a fresh confirmation.
    let (mut max, of_max) = look(&clinic, "max", "/me").await;
    assert!(!of_max.body.contains("Passkey for video visits"));
    let path = "/me/visit-passkeys/remove";
    let form = |csrf: String| vec![("csrf", csrf), ("id", id.clone())];
    assert_eq!(max.post(&clinic, path, &form(csrf(&of_max.body))).await.status, StatusCode::NOT_FOUND);
    let word = csrf(&asha.get(&clinic, "/me").await.body);
    assert_eq!(asha.post(&clinic, path, &form(word)).await.status, StatusCode::FORBIDDEN);
    assert_eq!(own.post(&clinic, path, &form("x".into())).await.status, StatusCode::FORBIDDEN);
    clinic.advance(6 * MINUTE_MS);
    let stale = own.post(&clinic, path, &form(csrf(&me.body))).await;
    assert_eq!((stale.status, stale.location()), (StatusCode::SEE_OTHER, "/stepup?next=/me"));
    assert!(told(&clinic, &mut asha).await["passkey"].is_object());
    own.post(&clinic, stale.location(), &[("csrf", csrf(&me.body)), ("code", clinic.totp())]).await;
    let gone = own.post(&clinic, path, &form(csrf(&me.body))).await;
    assert_eq!((gone.status, gone.location()), (StatusCode::SEE_OTHER, "/me"));

    assert!(!own.get(&clinic, "/me").await.body.contains("Passkey for video visits"));
    assert_eq!(told(&clinic, &mut asha).await["passkey"], Value::Null);
    assert_eq!(room.last("risk")["vouched"], json!([]));
    assert_eq!(home.last("waiting")["place"], 1, "they are out of the call");
    assert!(!room.admits(&who));
    // The device that is left proves nothing any more, and another is made.
    let (_, asked) = begin(&clinic, &mut ruth).await;
    assert!(asked.get("enrol").is_some(), "{asked}");
    assert_eq!(prove(&clinic, &mut ruth, &mut key).await, StatusCode::OK);
    assert!(room.admits(&who));
}

#[tokio::test]
async fn who_gives_patients_their_access_removes_a_passkey_with_a_reason_and_nobody_else_does() {
    let clinic = ward().await;
    let (mut asha, _, mut room, _home, who, mut ruth, mut key) = in_call(&clinic).await;
    let asked = begin(&clinic, &mut ruth).await.1;
    let (mut fay, page) = look(&clinic, "fay", "/patients/p1/access").await;
    assert!(page.body.contains("Passkeys for video visits") && page.body.contains("Of the patient"), "{}", page.body);
    let (id, path) = (named(&page.body), "/patients/p1/access/passkeys/remove");
    let form = |csrf: String, id: &str, reason: &str| {
        vec![("csrf", csrf), ("id", id.to_owned()), ("of", "patient".into()), ("reason", reason.to_owned())]
    };
    for login in ["nora", "ben", "petra", "zoe"] {
        let (mut browser, _) = look(&clinic, login, "/me").await;
        let word = csrf(&browser.get(&clinic, "/me").await.body);
        let answer = browser.post(&clinic, path, &form(word, &id, "the telephone was stolen")).await;
        assert!(matches!(answer.status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND), "{login}: {}", answer.status);
    }
    for reason in ["", "too short", "          ", &"x".repeat(501)] {
        let answer = fay.post(&clinic, path, &form(page.csrf(), &id, reason)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{reason}");
        assert!(answer.body.contains("Nothing was removed"), "{}", answer.body);
    }
    let unknown = fay.post(&clinic, path, &form(page.csrf(), "AAAA", "the telephone was stolen")).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    let elsewhere = "/patients/p2/access/passkeys/remove";
    let other = fay.post(&clinic, elsewhere, &form(page.csrf(), &id, "the telephone was stolen")).await;
    assert_eq!(other.status, StatusCode::NOT_FOUND, "of another patient");
    assert!(told(&clinic, &mut asha).await["passkey"].is_object());
    clinic.advance(6 * MINUTE_MS);
    let stale = fay.post(&clinic, path, &form(page.csrf(), &id, "the telephone was stolen")).await;
    assert_eq!((stale.status, stale.location()), (StatusCode::SEE_OTHER, "/stepup?next=/patients/p1/access"));
    fay.post(&clinic, stale.location(), &[("csrf", page.csrf()), ("code", clinic.totp())]).await;
    let gone = fay.post(&clinic, path, &form(page.csrf(), &id, "the telephone was stolen")).await;
    assert_eq!((gone.status, gone.location()), (StatusCode::SEE_OTHER, "/patients/p1/access"));
    assert!(!fay.get(&clinic, "/patients/p1/access").await.body.contains("Passkeys for video visits"));
    assert_eq!(room.last("risk")["vouched"], json!([]));
    assert!(!room.admits(&who));
    // What was asked for while it was there is answered in vain.
    let late: Value = serde_json::from_str(&key.get(&asked["prove"].to_string())).unwrap();
    let proof = json!({ "credential": late });
    assert_eq!(posted(&clinic, &mut ruth, "/visit/passkey/proof", None, proof).await.0, StatusCode::BAD_REQUEST);
    assert!(!room.admits(&who));
}

#[tokio::test]
async fn a_passkey_that_is_removed_vouches_no_more_whoever_else_signed_since() {
    let clinic = ward().await;
    let (mut asha, _, mut room, _home, who, _ruth, _key) = in_call(&clinic).await;
    let (mut daughter, _) = crate::visit_forms::come(&clinic, "proxy").await;
    let mut own = made(&clinic, &mut daughter).await;
    let mut beside = Side::join(&clinic, &ticket(&clinic, &mut daughter, None).await, "ZGF1Z2h0ZXI");
    let other = beside.last("welcome")["you"].as_str().unwrap().to_owned();
    assert_eq!(prove(&clinic, &mut daughter, &mut own).await, StatusCode::OK);
    assert!(told(&clinic, &mut asha).await["passkey"]["since"].as_str().unwrap().contains("who stands for"));
    let (mut fay, page) = look(&clinic, "fay", "/patients/p1/access").await;
    let reason = "the telephone was stolen".to_owned();
    let form = [("csrf", page.csrf()), ("id", named(&page.body)), ("of", "patient".into()), ("reason", reason)];
    let gone = fay.post(&clinic, "/patients/p1/access/passkeys/remove", &form).await;
    assert_eq!(gone.status, StatusCode::SEE_OTHER, "{}", gone.body);
    assert!(!room.admits(&who), "the patient proves anew");
    assert!(room.admits(&other), "and the daughter need not");
}

#[tokio::test]
async fn what_somebody_else_made_in_a_visit_is_not_the_patients_the_next_time() {
    let clinic = ward().await;
    let (mut asha, csrf) = raised(&clinic).await;
    let mut stranger = patient(&clinic).await;
    made(&clinic, &mut stranger).await;
    let (mut daughter, _) = crate::visit_forms::come(&clinic, "proxy").await;
    made(&clinic, &mut daughter).await;
    let enrolled = clinic.sheets.of("video").unwrap();
    assert_eq!(enrolled.enrolled.iter().map(|made| made.role).collect::<Vec<_>>(), [Role::Patient, Role::Proxy]);
    let held = enrolled.patient.unwrap();
    let ruth = VisitPatient { id: &held.id, chart: held.chart, is_proxy: false };
    let proxy = VisitPatient { is_proxy: true, ..ruth };
    assert!([ruth, proxy].iter().all(|one| clinic.identity.has_visit_passkey(*one).unwrap()));
    posted(&clinic, &mut asha, SEEN, Some(&csrf), json!({ "same": false })).await;
    assert!([ruth, proxy].iter().all(|one| !clinic.identity.has_visit_passkey(*one).unwrap()));
}
