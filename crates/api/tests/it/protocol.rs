//! What holds for every request: who may ask, what is spoken, which addresses there are, and no detail of a defect.

use std::sync::atomic::Ordering;

use tower::ServiceExt;

use crate::clinic::{Answer, BODY_BYTES_MAX, Clinic};
use crate::patient;

#[tokio::test]
async fn nobody_gets_anything_without_a_token() {
    let clinic = Clinic::new().await;
    for path in ["/Patient/1", "/Patient", "/_history", "/nothing", "/Patient/1/$everything", "/AuditEvent"] {
        let answer = clinic.bare("GET", path, &[], "").await;
        assert_eq!(answer.outcome(), "401 login", "{path}");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    for token in ["Bearer nobody", "Basic cGh5c2ljaWFu", "Bearer", "physician"] {
        let answer = clinic.bare("GET", "/Patient", &[("authorization", token)], "").await;
        assert_eq!(answer.outcome(), "401 login", "{token}");
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
    }
    assert_eq!(clinic.desk.noise.load(Ordering::Relaxed), 10);
    assert_eq!(clinic.bare("GET", "/Patient", &[("authorization", "bearer physician")], "").await.status, 200);
}

#[tokio::test]
async fn the_capability_statement_is_open_to_all_and_valid() {
    let clinic = Clinic::new().await;
    let answer = clinic.bare("GET", "/metadata", &[], "").await;
    assert_eq!(answer.status, 200);
    answer.assert_valid();
    assert_eq!(answer.text("fhirVersion"), "4.0.1");
    assert_eq!(answer.text("implementation.url"), crate::clinic::BASE);
    assert_eq!(clinic.bare("POST", "/metadata", &[], "").await.outcome(), "405 not-supported");
    assert_eq!(clinic.bare("GET", "/metadata?_format=xml", &[], "").await.outcome(), "406 not-supported");
}

#[tokio::test]
async fn addresses_and_methods_that_do_not_exist_say_so() {
    let clinic = Clinic::new().await;
    for path in ["/Patiant", "/Patiant/1", "/nothing", "/Patient/1/2/3/4", "/Patient/$merge", "/Patient/1/Medication"] {
        assert_eq!(clinic.get(path).await.outcome(), "404 not-supported", "{path}");
    }
    assert_eq!(clinic.get("/Patient/no%20id").await.outcome(), "404 not-found");
    assert_eq!(clinic.get("/Patient/%zz").await.outcome(), "400 invalid");
    assert_eq!(clinic.get("/Patient?family=%zz").await.outcome(), "400 invalid");
    for (method, path, allow) in [
        ("POST", "/Patient/1", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"),
        ("DELETE", "/_history", "GET, HEAD, OPTIONS"),
        ("GET", "/Patient/_search", "POST, OPTIONS"),
        ("GET", "", "POST, OPTIONS"),
        ("GET", "/", "POST, OPTIONS"),
        ("BREW", "/Patient", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
    ] {
        let answer = clinic.send(method, path, &[], "").await;
        assert_eq!(answer.outcome(), "405 not-supported", "{method} {path}");
        assert_eq!(answer.header("allow"), allow);
        let options = clinic.send("OPTIONS", path, &[], "").await;
        assert_eq!((options.status.as_u16(), options.header("allow")), (204, allow));
        assert_eq!(clinic.bare("OPTIONS", path, &[], "").await.status, 401, "{path}: not to a stranger");
    }
}

#[tokio::test]
async fn only_json_is_spoken() {
    let clinic = Clinic::new().await;
    let xml = clinic.send("GET", "/Patient", &[("accept", "application/fhir+xml")], "").await;
    assert_eq!(xml.outcome(), "406 not-supported");
    assert_eq!(clinic.get("/Patient?_format=xml").await.outcome(), "406 not-supported");
    assert_eq!(clinic.send("GET", "/Patient?_format=json", &[("accept", "text/html")], "").await.status, 200);
    let refused = clinic.send("POST", "/Patient?_format=ttl", &[], &patient("Okafor", "M-1")).await;
    assert_eq!(refused.outcome(), "406 not-supported");
    assert_eq!(clinic.get("/Patient").await.entries(), 0, "what cannot be answered is not done");
    for content_type in ["application/fhir+xml", "text/plain", "application/fhir+json; charset=latin1", ""] {
        let answer = clinic.send("POST", "/Patient", &[("content-type", content_type)], &patient("a", "b")).await;
        assert_eq!(answer.outcome(), "415 not-supported", "{content_type}");
    }
    let json = [("content-type", "application/json; charset=utf-8")];
    assert_eq!(clinic.send("POST", "/Patient", &json, &patient("Okafor", "M-1")).await.status, 201);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let clinic = Clinic::new().await;
    let long = patient(&"a".repeat(BODY_BYTES_MAX), "M-1");
    assert_eq!(clinic.send("POST", "/Patient", &[], &long).await.outcome(), "413 too-long");
}

#[tokio::test]
async fn without_the_listeners_address_there_is_no_answer() {
    let clinic = Clinic::new().await;
    let request = http::Request::get("/fhir/Patient").header("authorization", "Bearer physician");
    let request = request.body(axum::body::Body::empty()).unwrap();
    let answer = Answer::of(clinic.router.clone().oneshot(request).await.unwrap()).await;
    assert_eq!(answer.outcome(), "500 exception");
}

#[tokio::test]
async fn a_defect_costs_one_request_and_shows_nothing() {
    let clinic = Clinic::new().await;
    let answer = clinic.as_role("defect", "GET", "/Patient", &[], "").await;
    assert_eq!(answer.outcome(), "500 exception");
    assert!(!answer.body.contains("Okafor"));
    assert_eq!(answer.header("x-request-id").len(), 32);
    assert_eq!(clinic.get("/Patient").await.status, 200);
}

#[tokio::test]
async fn a_role_is_held_to_its_policy() {
    let clinic = Clinic::new().await;
    let id = clinic.create("Patient", &patient("Okafor", "M-1")).await;
    let billing = clinic.as_role("billing", "DELETE", &format!("/Patient/{id}"), &[], "").await;
    assert!(matches!(billing.outcome().as_str(), "403 forbidden" | "404 not-found"), "{}", billing.body);
    assert_eq!(clinic.get(&format!("/Patient/{id}")).await.status, 200);
}
