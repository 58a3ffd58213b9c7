//! Forms that another page sends, or that lack the session's token, change nothing.

use axum::body::Body;
use http::StatusCode;
use web::{CSRF_HEADER, ROUTES};

use crate::clinic::{Browser, Clinic, ORIGIN, filled};

#[tokio::test]
async fn what_does_not_come_from_a_page_of_ours_is_refused_on_every_route() {
    let clinic = Clinic::new().await;
    let mut browser = Browser::new();
    clinic.signed_in("ana", &mut browser).await;
    let csrf = browser.get(&clinic, "/me").await.csrf();
    let foreign: [&[(&str, &str)]; 8] = [
        &[],
        &[("origin", "null")],
        &[("origin", "https://evil.example")],
        &[("origin", "https://clinic.example.evil.example")],
        &[("sec-fetch-site", "cross-site"), ("origin", ORIGIN)],
        &[("sec-fetch-site", "same-site"), ("origin", "null")],
        &[("sec-fetch-site", "none")],
        &[("sec-fetch-site", "same-origin"), ("origin", "https://evil.example")],
    ];
    for (_, path) in ROUTES.iter().filter(|(method, _)| *method == "POST") {
        let path = &filled(path);
        for headers in foreign {
            let answer = browser.post_from(&clinic, path, &[("csrf", csrf.clone())], headers).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {headers:?}");
        }
    }
    assert_eq!(browser.get(&clinic, "/me").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_session_changes_nothing_without_its_token() {
    let clinic = Clinic::new().await;
    let (mut browser, mut other) = (Browser::new(), Browser::new());
    clinic.signed_in("ana", &mut browser).await;
    clinic.signed_in("root", &mut other).await;
    let foreign = other.get(&clinic, "/me").await.csrf();
    let forms = [
        "/stepup",
        "/me/sessions/end",
        "/me/sessions/end-others",
        "/me/devices/close",
        "/me/tokens",
        "/me/tokens/revoke",
        "/me/proofs/password",
        "/me/proofs/totp",
        "/me/proofs/totp/confirm",
        "/me/proofs/passkey/remove",
        "/me/proofs/recovery",
        "/signout",
    ];
    for path in forms {
        for csrf in ["", "AAAA", foreign.as_str()] {
            let answer = browser.post(&clinic, path, &[("csrf", csrf.to_owned()), ("number", "1".into())]).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        }
    }
    let scripted = [
        "/session/active",
        "/stepup/passkey",
        "/stepup/passkey/finish",
        "/me/proofs/passkey",
        "/me/proofs/passkey/finish",
    ];
    for path in scripted {
        let ours = ("sec-fetch-site", "same-origin");
        for headers in [&[ours][..], &[ours, (CSRF_HEADER, foreign.as_str())]] {
            let answer = browser.ask(&clinic, "POST", path, headers, Body::from("{}")).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        }
    }
    let csrf = browser.get(&clinic, "/me").await.csrf();
    let answer = browser.post(&clinic, "/signout", &[("csrf", csrf)]).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/signin"));
    assert_eq!(browser.cookie(), None);
}

#[tokio::test]
async fn a_page_is_read_and_nothing_changes_by_reading() {
    let clinic = Clinic::new().await;
    let mut browser = Browser::new();
    clinic.signed_in("ana", &mut browser).await;
    for path in ROUTES.iter().filter(|(method, _)| *method == "POST").map(|(_, path)| path) {
        let is_read_too = ROUTES.contains(&("GET", path));
        let answer = browser.get(&clinic, &filled(path)).await;
        assert!(is_read_too || answer.status == StatusCode::METHOD_NOT_ALLOWED, "{path} {}", answer.status);
    }
    assert_eq!(browser.get(&clinic, "/me").await.status, StatusCode::OK);
}
