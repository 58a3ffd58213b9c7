//! A session on its connection, its time, its stream and its end.

use std::time::{Duration, Instant};

use access::{Role, UserId};
use axum::body::Body;
use http::StatusCode;
use http_body_util::BodyExt;
use identity::Connection;
use web::CSRF_HEADER;

use crate::clinic::{Browser, Clinic, MINUTE_MS, PASSWORD};

const JSON: (&str, &str) = ("accept", "application/json");
const OURS: (&str, &str) = ("sec-fetch-site", "same-origin");

#[tokio::test]
async fn a_cookie_works_where_the_device_proved_itself_and_nowhere_else() {
    let clinic = Clinic::new().await;
    let mut browser = Browser::new();
    clinic.signed_in("ana", &mut browser).await;
    assert!(browser.get(&clinic, "/me").await.body.contains("ANA"));

    browser.reconnects();
    let asked = browser.get(&clinic, "/me").await;
    assert_eq!(asked.status, StatusCode::UNAUTHORIZED);
    assert!(!asked.body.contains("ANA") && asked.body.contains("<noscript>"), "{}", asked.body);
    let challenge = asked.after(r#"data-challenge=""#);
    let scripted = browser.ask(&clinic, "GET", "/me", &[JSON], Body::empty()).await;
    assert_eq!(scripted.status, StatusCode::UNAUTHORIZED);
    assert!(scripted.body.contains(&challenge), "{}", scripted.body);

    let signature = browser.sign(&challenge);
    let proof = Body::from(format!(r#"{{"signature":"{signature}"}}"#));
    assert_eq!(browser.ask(&clinic, "POST", "/session/prove", &[OURS], proof).await.status, StatusCode::OK);
    assert_eq!(browser.get(&clinic, "/me").await.status, StatusCode::OK);

    // That signature is good for that connection.
    browser.reconnects();
    let proof = Body::from(format!(r#"{{"signature":"{signature}"}}"#));
    assert_eq!(browser.ask(&clinic, "POST", "/session/prove", &[OURS], proof).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(browser.get(&clinic, "/me").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn times_of_ones_own_account_are_the_clinics() {
    let clinic = Clinic::new().await;
    let mut browser = Browser::new();
    clinic.signed_in("ana", &mut browser).await;
    for path in ["/me", "/me/proofs"] {
        assert!(!browser.get(&clinic, path).await.body.contains("UTC"), "{path}");
    }
    // 15:00 in UTC.
    let me = browser.get(&clinic, "/me").await;
    assert!(me.body.contains("<time>04-Jan-2027 10:0"), "{}", me.body);
}

#[tokio::test]
async fn without_scripts_a_session_stays_where_it_began() {
    let clinic = Clinic::new().await;
    let mut browser = Browser::without_scripts();
    clinic.signed_in("ana", &mut browser).await;
    browser.reconnects();
    let page = browser.get(&clinic, "/me").await;
    assert!(page.status == StatusCode::OK && page.body.contains("scripts are off"), "{}", page.body);
    let mut thief = Browser::without_scripts().at("198.51.100.7");
    thief.cookies.clone_from(&browser.cookies);
    let answer = thief.get(&clinic, "/me").await;
    assert!(answer.status == StatusCode::UNAUTHORIZED && !answer.body.contains("ANA"), "{}", answer.body);
}

#[tokio::test]
async fn a_change_of_roles_brings_a_new_cookie_with_the_next_page_whichever_it_is() {
    let clinic = Clinic::new().await;
    let mut browser = Browser::new();
    clinic.signed_in("ana", &mut browser).await;
    browser.get(&clinic, "/me/proofs").await;
    let before = browser.cookie().map(str::to_owned);
    let root = clinic.identity.bearer("demo-root", &Connection::LOCAL).unwrap();
    let ana = clinic.identity.accounts().into_iter().find(|profile| profile.login == "ana").unwrap();
    let granted =
        clinic.identity.grant_role(&root, UserId(ana.user), Role::Auditor, None, "audit week", &Connection::LOCAL);
    granted.await.unwrap();
    // There is more to read in the new role.
    let due = browser.get(&clinic, "/me/proofs").await;
    assert_eq!(due.location(), "/guidance?next=%2Fme%2Fproofs");
    let page = browser.get(&clinic, due.location()).await;
    let form = [("csrf", page.csrf()), ("version", "1".to_owned())];
    assert_eq!(browser.post(&clinic, due.location(), &form).await.location(), "/me/proofs");
    assert_eq!(browser.get(&clinic, "/me/proofs").await.status, StatusCode::OK);
    let after = browser.cookie().map(str::to_owned);
    assert!(before.is_some() && after.is_some() && before != after);
    assert_eq!(browser.get(&clinic, "/me/proofs").await.status, StatusCode::OK);
    assert_eq!(browser.cookie().map(str::to_owned), after, "once");
}

#[tokio::test]
async fn looking_by_itself_keeps_no_session_alive_and_a_person_does() {
    let clinic = Clinic::new().await;
    let mut browser = Browser::new();
    clinic.signed_in("ana", &mut browser).await;
    let csrf = browser.get(&clinic, "/me").await.csrf();
    for _ in 0..2 {
        clinic.advance(14 * MINUTE_MS);
        let headers = [OURS, (CSRF_HEADER, csrf.as_str())];
        let answer = browser.ask(&clinic, "POST", "/session/active", &headers, Body::empty()).await;
        assert!(answer.status == StatusCode::OK && answer.body.contains("\"idle_s\":900"), "{}", answer.body);
    }
    clinic.advance(14 * MINUTE_MS);
    let mut stream = browser.send(&clinic, "GET", "/me/events", &[], Body::empty()).await.into_body();
    assert_eq!(event(&mut stream).await, "event: warning\ndata: {\"idle_s\":60}\n\n");
    clinic.advance(MINUTE_MS);
    let answer = browser.get(&clinic, "/me").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert!(answer.location().starts_with("/lock?next="), "{}", answer.location());
    // And the stream learns of it at once.
    assert_eq!(event(&mut stream).await, "event: ended\ndata: {}\n\n");
    assert!(stream.frame().await.is_none());
}

#[tokio::test]
async fn a_stream_ends_with_its_session_within_a_second() {
    let clinic = Clinic::new().await;
    let mut browser = Browser::new();
    clinic.signed_in("ana", &mut browser).await;
    let csrf = browser.get(&clinic, "/me").await.csrf();
    let response = browser.send(&clinic, "GET", "/me/events", &[], Body::empty()).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut stream = response.into_body();
    assert_eq!(event(&mut stream).await, "event: remaining\ndata: {\"idle_s\":900}\n\n");
    let waiting =
        tokio::spawn(async move { (event(&mut stream).await, stream.frame().await.is_none(), Instant::now()) });
    let answer = browser.post(&clinic, "/signout", &[("csrf", csrf)]).await;
    let signed_out = Instant::now();
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let (last, is_over, ended) = waiting.await.unwrap();
    assert_eq!((last.as_str(), is_over), ("event: ended\ndata: {}\n\n", true));
    assert!(ended.saturating_duration_since(signed_out) < Duration::from_secs(1));
}

#[tokio::test]
async fn a_step_up_gives_another_cookie_and_the_one_before_dies() {
    let clinic = Clinic::new().await;
    let mut browser = Browser::new();
    clinic.signed_in("ana", &mut browser).await;
    clinic.advance(6 * MINUTE_MS);
    let page = browser.get(&clinic, "/me").await;
    assert!(page.body.contains("confirm again"), "{}", page.body);
    let token = [("csrf", page.csrf()), ("label", "x".into()), ("scopes", "user/*.rs".into()), ("days", "1".into())];
    let answer = browser.post(&clinic, "/me/tokens", &token).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/stepup"));

    let before = browser.cookies.clone();
    let answer = browser.post(&clinic, "/stepup", &[("csrf", page.csrf()), ("code", clinic.totp())]).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/me"));
    assert_ne!(browser.cookies, before);
    let answer = browser.post(&clinic, "/me/tokens", &token).await;
    assert!(answer.status == StatusCode::CREATED && answer.body.contains("wst_"), "{}", answer.body);

    clinic.advance(MINUTE_MS);
    let after = std::mem::replace(&mut browser.cookies, before);
    assert_eq!(browser.get(&clinic, "/me").await.location(), "/signin");
    browser.cookies = after;
    assert_eq!(browser.get(&clinic, "/me").await.status, StatusCode::OK);
}

#[tokio::test]
async fn proofs_change_in_a_fresh_session_only() {
    let clinic = Clinic::new().await;
    let mut browser = Browser::new();
    clinic.signed_in("ana", &mut browser).await;
    let csrf = browser.get(&clinic, "/me").await.csrf();
    let new = "a quiet reed by the water";
    let form = |current: &str| {
        let fields = [("current", current), ("password", new), ("again", new), ("csrf", csrf.as_str())];
        fields.map(|(name, value)| (name, value.to_owned()))
    };
    let wrong = browser.post(&clinic, "/me/proofs/password", &form("not the password")).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", wrong.body);
    clinic.advance(MINUTE_MS);
    let codes = browser.post(&clinic, "/me/proofs/recovery", &[("csrf", csrf.clone())]).await;
    assert_eq!(codes.body.matches("<li><code>").count(), 10, "{}", codes.body);

    clinic.advance(5 * MINUTE_MS);
    let page = browser.get(&clinic, "/me/proofs").await;
    assert!(page.body.contains("10 left") && !page.body.contains("<form method=\"post\" action=\"/me/proofs"));
    for (path, form) in
        [("/me/proofs/password", &form(PASSWORD)[..]), ("/me/proofs/recovery", &[("csrf", csrf.clone())])]
    {
        let answer = browser.post(&clinic, path, form).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/stepup"), "{path}");
    }
    browser.post(&clinic, "/stepup", &[("csrf", csrf.clone()), ("code", clinic.totp())]).await;
    let changed = browser.post(&clinic, "/me/proofs/password", &form(PASSWORD)).await;
    assert_eq!((changed.status, changed.location()), (StatusCode::SEE_OTHER, "/me/proofs"), "{}", changed.body);
    let (login, password) = (("login", "ana".to_owned()), ("password", new.to_owned()));
    assert_eq!(Browser::new().post(&clinic, "/signin", &[login, password]).await.status, StatusCode::OK);
}

async fn event(stream: &mut Body) -> String {
    let frame = stream.frame().await.unwrap().unwrap();
    String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()
}
