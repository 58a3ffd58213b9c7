//! What is too large, too much or no request at all is refused, and costs little.

use axum::body::Body;
use http::StatusCode;
use web::{BODY_BYTES_MAX, ROUTES};

use crate::clinic::{Browser, Clinic, filled};

const OURS: (&str, &str) = ("sec-fetch-site", "same-origin");

#[tokio::test]
async fn no_route_takes_more_than_the_largest_form() {
    let clinic = Clinic::new().await;
    for (_, path) in ROUTES.iter().filter(|(method, _)| *method == "POST") {
        let path = &filled(path);
        let body = Body::from(vec![b'x'; BODY_BYTES_MAX + 1]);
        let answer = Browser::new().ask(&clinic, "POST", path, &[OURS], body).await;
        // A document is larger: of it nothing is read from who is not signed in.
        let is_document = path.ends_with("/documents") || path.ends_with("/keep/file");
        let refused = if is_document { StatusCode::SEE_OTHER } else { StatusCode::PAYLOAD_TOO_LARGE };
        assert_eq!(answer.status, refused, "{path}");
    }
}

#[tokio::test]
async fn nothing_of_a_request_comes_back_in_an_error() {
    let clinic = Clinic::new().await;
    let mark = "q7-mark-of-the-request";
    for (method, path) in ROUTES {
        let path = filled(path);
        let body =
            if *method == "POST" { Body::from(format!("{mark}&code={mark}&login={mark}")) } else { Body::empty() };
        let answer = Browser::new().ask(&clinic, method, &format!("{path}?{mark}"), &[OURS], body).await;
        assert!(!answer.body.contains(mark), "{method} {path}: {}", answer.body);
        assert!(!answer.location().contains(mark), "{method} {path}");
    }
    let answer = Browser::new().get(&clinic, &format!("/{mark}")).await;
    assert!(answer.status == StatusCode::NOT_FOUND && !answer.body.contains(mark), "{}", answer.body);
}

#[tokio::test]
async fn two_cookies_of_one_name_open_nothing() {
    let clinic = Clinic::new().await;
    let mut browser = Browser::new();
    clinic.signed_in("ana", &mut browser).await;
    browser.cookies.push(browser.cookies[0].clone());
    assert_eq!(browser.get(&clinic, "/me").await.location(), "/signin");
}
