//! The same strict headers on every answer, and cookies that stay where they belong.

use axum::body::Body;
use http::{HeaderMap, header};
use web::ROUTES;

use crate::clinic::{Browser, Clinic, filled};

const CALLING: &str = "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
    connect-src 'self'; media-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
    trusted-types wardstone-visit";
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
const OURS: [(&str, &str); 1] = [("sec-fetch-site", "same-origin")];

#[tokio::test]
async fn every_answer_has_every_header_whoever_asks() {
    let clinic = Clinic::new().await;
    let mut member = Browser::new();
    clinic.signed_in("ana", &mut member).await;
    let cookies = member.cookies.clone();
    for browser in [&mut Browser::new(), &mut member] {
        for (method, path) in ROUTES.iter().chain(&[("GET", "/nowhere"), ("POST", "/"), ("PUT", "/me")]) {
            let path = &filled(path);
            for accept in ["text/html", "application/json"] {
                let headers = [OURS[0], ("accept", accept)];
                // A stream's body ends with its session.
                let response = browser.send(&clinic, method, path, &headers, Body::empty()).await;
                check(response.headers(), &format!("{method} {path} {}", response.status()));
                let caching = &response.headers()[header::CACHE_CONTROL];
                assert_eq!(caching, "no-store", "{method} {path}");
            }
        }
        // Signing out took the cookies; the session they named is over.
        browser.cookies.clone_from(&cookies);
    }
}

fn check(headers: &HeaderMap, asked: &str) {
    // A call has a worker, whose address one policy lets through, and may ask for camera, microphone and screen.
    let is_call = asked.starts_with("GET /visit 200") || asked.starts_with("HEAD /visit 200");
    let policy = if is_call { CALLING } else { POLICY };
    let expected = [
        ("content-security-policy", policy),
        ("strict-transport-security", "max-age=31536000"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-embedder-policy", "require-corp"),
    ];
    for (name, value) in expected {
        assert_eq!(headers.get(name).map(|held| held.to_str().unwrap()), Some(value), "{asked}: {name}");
    }
    let permissions = headers["permissions-policy"].to_str().unwrap();
    assert!(
        permissions.contains(if is_call { "camera=(self)" } else { "camera=()" })
            && permissions.contains("publickey-credentials-get=(self)"),
        "{asked}"
    );
    assert!(headers.contains_key(header::CONTENT_TYPE), "{asked}");
    for cookie in headers.get_all(header::SET_COOKIE) {
        let cookie = cookie.to_str().unwrap();
        assert!(cookie.starts_with("__Host-"), "{asked}");
        for rule in ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"] {
            assert!(cookie.split("; ").any(|held| held == rule), "{asked}: {rule}");
        }
        assert!(!cookie.contains("Domain"), "{asked}");
    }
}
