//! The register of agreements on its page: who sees it, who changes it, and that a form from elsewhere or of an old page does not.

use access::Role;
use compliance::{Service, Standing};
use http::StatusCode;

use crate::clinic::{Browser, Clinic, MINUTE_MS};

const WORDS: &str = "decided at the meeting of vendors";

fn form(csrf: &str, expires: &str) -> Vec<(&'static str, String)> {
    vec![
        ("csrf", csrf.to_owned()),
        ("vendor", "Courier <Mail>".into()),
        ("service", "email".into()),
        ("service", "sms".into()),
        ("signed", "2027-01-01".into()),
        ("expires", expires.into()),
        ("document", "ab".repeat(32)),
        ("reviewer", String::new()),
        ("notes", String::new()),
        ("words", WORDS.into()),
    ]
}

#[tokio::test]
async fn an_officer_adds_amends_and_ends_an_agreement_on_its_page() {
    let clinic = Clinic::new().await;
    clinic.seed("odera", Role::PrivacyOfficer).await;
    let mut browser = Browser::new();
    clinic.signed_in("odera", &mut browser).await;
    let page = browser.get(&clinic, "/agreements").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    assert!(page.body.contains(r#"<a href="/agreements" data-letter="b" aria-current="page">"#), "{}", page.body);
    let csrf = page.csrf();
    let wrong = browser.post(&clinic, "/agreements", &form(&csrf, "2026-01-01")).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("expires on the day it was signed or after"), "{}", wrong.body);
    assert!(wrong.body.contains("Courier &#60;Mail&#62;"), "what was typed stays: {}", wrong.body);
    let added = browser.post(&clinic, "/agreements", &form(&csrf, "2028-01-01")).await;
    assert_eq!((added.status, added.location()), (StatusCode::SEE_OTHER, "/agreements/1?saved=yes"), "{}", added.body);
    assert!(clinic.agreements.in_force("courier <mail>", Service::Sms, clinic.now_ms()).is_some());
    let one = browser.get(&clinic, "/agreements/1").await;
    assert!(one.body.contains("Read by</dt><dd>odera") && one.body.contains(WORDS), "{}", one.body);

    let mut amended = form(&one.csrf(), "2029-01-01");
    amended.push(("version", "1".into()));
    amended.push(("act", "amend".into()));
    amended.iter_mut().filter(|(name, _)| *name == "reviewer").for_each(|(_, value)| *value = "counsel".into());
    assert_eq!(browser.post(&clinic, "/agreements/1", &amended).await.status, StatusCode::SEE_OTHER);
    let again = browser.post(&clinic, "/agreements/1", &amended).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "a page that was open before");
    let one = browser.get(&clinic, "/agreements/1").await;
    assert!(one.body.contains("expires: 2028-01-01 → 2029-01-01"), "{}", one.body);

    clinic.advance(6 * MINUTE_MS);
    let end = [
        ("csrf", one.csrf()),
        ("version", "2".to_owned()),
        ("act", "end".to_owned()),
        ("words", "we moved to another vendor".to_owned()),
    ];
    let stale = browser.post(&clinic, "/agreements/1", &end).await;
    assert_eq!((stale.status, stale.location()), (StatusCode::SEE_OTHER, "/stepup?next=/agreements/1"));
    let page = browser.get(&clinic, "/agreements/1").await;
    assert!(page.body.contains("Confirm that it is you") && !page.body.contains("End it now"), "{}", page.body);
    let confirmed = [("csrf", page.csrf()), ("code", clinic.totp())];
    let back = browser.post(&clinic, "/stepup?next=/agreements/1", &confirmed).await;
    assert_eq!((back.status, back.location()), (StatusCode::SEE_OTHER, "/agreements/1"), "{}", back.body);
    let end = [&[("csrf", browser.get(&clinic, "/agreements/1").await.csrf())][..], &end[1..]].concat();
    assert_eq!(browser.post(&clinic, "/agreements/1", &end).await.status, StatusCode::SEE_OTHER);
    let held = clinic.agreements.get(1).unwrap();
    assert_eq!(held.standing(clinic.now_ms(), clinic.agreements.zone()), Standing::Ended);
    assert_eq!(browser.get(&clinic, "/agreements/2").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn nobody_else_sees_the_register_and_a_form_from_elsewhere_changes_nothing() {
    let clinic = Clinic::new().await;
    let mut physician = Browser::new();
    clinic.signed_in("ana", &mut physician).await;
    let me = physician.get(&clinic, "/me").await;
    assert!(!me.body.contains("/agreements"), "no entry in the bar");
    assert_eq!(physician.get(&clinic, "/agreements").await.status, StatusCode::FORBIDDEN);
    let refused = physician.post(&clinic, "/agreements", &form(&me.csrf(), "2028-01-01")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(Browser::new().get(&clinic, "/agreements").await.location(), "/signin");

    let mut admin = Browser::new();
    clinic.signed_in("root", &mut admin).await;
    let csrf = admin.get(&clinic, "/agreements").await.csrf();
    let forged = form("guessed", "2028-01-01");
    assert_eq!(admin.post(&clinic, "/agreements", &forged).await.status, StatusCode::FORBIDDEN);
    let elsewhere = [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];
    let sent = admin.post_from(&clinic, "/agreements", &form(&csrf, "2028-01-01"), &elsewhere).await;
    assert_eq!(sent.status, StatusCode::FORBIDDEN);
    assert!(clinic.agreements.list().is_empty());
}
