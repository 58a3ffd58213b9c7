//! Create, update, patch, delete, their conditions and what they answer with.

use crate::clinic::{BASE, Clinic};
use crate::{patient, with_id};

const PATCH: (&str, &str) = ("content-type", "application/json-patch+json");

#[tokio::test]
async fn a_create_answers_as_the_client_prefers() {
    let clinic = Clinic::new().await;
    let plain = clinic.send("POST", "/Patient", &[], &patient("Okafor", "M-1")).await;
    assert_eq!(plain.status, 201);
    let id = plain.text("id");
    assert_eq!(plain.header("location"), format!("{BASE}/Patient/{id}/_history/1"));
    assert_eq!(plain.header("etag"), "W/\"1\"");
    assert_eq!(plain.text("meta.versionId"), "1");

    let minimal = clinic.send("POST", "/Patient", &[("prefer", "return=minimal")], &patient("Okafor", "M-2")).await;
    assert_eq!((minimal.status.as_u16(), minimal.body.as_str()), (201, ""));
    assert!(minimal.header("location").starts_with(&format!("{BASE}/Patient/")));

    let outcome =
        clinic.send("POST", "/Patient", &[("prefer", "return=OperationOutcome")], &patient("Okafor", "M-3")).await;
    assert_eq!(outcome.outcome(), "201 informational");
}

#[tokio::test]
async fn what_the_collection_policy_left_out_is_said_without_the_value() {
    let clinic = Clinic::new().await;
    let ssn = r#"{"resourceType":"Patient","identifier":[{"system":"http://hl7.org/fhir/sid/us-ssn","value":"999-12-3456"}]}"#;
    let plain = clinic.send("POST", "/Patient", &[], ssn).await;
    assert_eq!(plain.status, 201);
    assert!(plain.header("warning").starts_with("199 wardstone \"Patient.identifier[0]: "), "{:?}", plain.headers);
    assert!(!format!("{:?}{}", plain.headers, plain.body).contains("999-12"));
    let outcome = clinic.send("POST", "/Patient", &[("prefer", "return=OperationOutcome")], ssn).await;
    assert_eq!(outcome.status, 201);
    assert_eq!(outcome.text("issue.0.expression.0"), "Patient.identifier[0]");
    assert_eq!(outcome.header("warning"), "");
}

#[tokio::test]
async fn invalid_content_is_refused_with_every_element_named() {
    let clinic = Clinic::new().await;
    let wrong = r#"{"resourceType":"Patient","gender":"Okafor","birthDate":"someday","shoe":"44"}"#;
    let answer = clinic.send("POST", "/Patient", &[], wrong).await;
    assert!(answer.outcome().starts_with("422"), "{}", answer.body);
    for expression in ["Patient.gender", "Patient.birthDate", "Patient.shoe"] {
        assert!(answer.body.contains(&format!(r#""expression":["{expression}"]"#)), "{}", answer.body);
    }
    assert!(!answer.body.contains("Okafor") && !answer.body.contains("someday"), "no value comes back");
    assert_eq!(clinic.send("POST", "/Patient", &[], "{").await.outcome(), "400 structure");
    assert!(clinic.send("POST", "/Observation", &[], &patient("a", "b")).await.outcome().starts_with('4'));
}

#[tokio::test]
async fn updates_create_replace_and_keep_to_their_version() {
    let clinic = Clinic::new().await;
    let first = clinic.send("PUT", "/Patient/ana", &[], &with_id(&patient("Okafor", "M-1"), "ana")).await;
    assert_eq!((first.status.as_u16(), first.header("etag")), (201, "W/\"1\""));
    let second = with_id(&patient("Reyes", "M-1"), "ana");
    let put = async |headers: &[(&str, &str)]| clinic.send("PUT", "/Patient/ana", headers, &second).await;
    assert_eq!(put(&[("if-match", "W/\"9\"")]).await.outcome(), "412 conflict");
    assert_eq!(put(&[("if-match", "W/\"x\"")]).await.outcome(), "412 conflict");
    assert_eq!(put(&[("if-match", "1")]).await.outcome(), "400 invalid");
    assert_eq!(put(&[("if-none-match", "*")]).await.outcome(), "412 conflict");
    let good = put(&[("if-match", "W/\"1\"")]).await;
    assert_eq!((good.status.as_u16(), good.header("etag")), (200, "W/\"2\""));
    assert_eq!(clinic.get("/Patient/ana").await.text("name.0.family"), "Reyes");
    assert!(clinic.send("PUT", "/Patient/ben", &[], &second).await.outcome().starts_with("400"), "ids differ");
    assert_eq!(clinic.send("PUT", "/Patient/b%20n", &[], &second).await.outcome(), "400 invalid");
}

#[tokio::test]
async fn conditions_find_the_one_resource_that_is_meant() {
    let clinic = Clinic::new().await;
    let mine = [("if-none-exist", "identifier=urn:mrn%7CM-1")];
    let first = clinic.send("POST", "/Patient", &mine, &patient("Okafor", "M-1")).await;
    assert_eq!(first.status, 201);
    let again = clinic.send("POST", "/Patient", &mine, &patient("Okafor", "M-1")).await;
    assert_eq!(again.status, 200, "{}", again.body);
    assert_eq!(again.text("id"), first.text("id"));

    let path = "/Patient?identifier=urn:mrn%7CM-1";
    let updated = clinic.send("PUT", path, &[], &patient("Reyes", "M-1")).await;
    assert_eq!((updated.status.as_u16(), updated.text("id")), (200, first.text("id")));
    let new = clinic.send("PUT", "/Patient?identifier=urn:mrn%7CM-2", &[], &patient("Reyes", "M-2")).await;
    assert_eq!(new.status, 201);
    let patch = r#"[{"op":"replace","path":"/gender","value":"other"}]"#;
    let patched = clinic.send("PATCH", path, &[PATCH], patch).await;
    assert_eq!((patched.status.as_u16(), patched.text("gender")), (200, "other".to_owned()));

    let many = clinic.send("DELETE", "/Patient?family=Reyes", &[], "").await;
    assert_eq!(many.outcome(), "412 multiple-matches");
    assert_eq!(clinic.send("DELETE", path, &[], "").await.status, 204);
    assert_eq!(clinic.get(&format!("/Patient/{}", first.text("id"))).await.status, 410);
    for method in ["PUT", "PATCH", "DELETE"] {
        let answer = clinic.send(method, "/Patient?_format=json", &[], "").await;
        assert_eq!(answer.outcome(), "400 required", "{method} without a condition would mean anyone");
    }
    let empty = clinic.send("POST", "/Patient", &[("if-none-exist", "")], &patient("a", "b")).await;
    assert_eq!(empty.outcome(), "400 required");
}

#[tokio::test]
async fn patches_change_what_they_name_or_nothing() {
    let clinic = Clinic::new().await;
    let id = clinic.create("Patient", &patient("Okafor", "M-1")).await;
    let path = format!("/Patient/{id}");
    let patch = async |body: &str| clinic.send("PATCH", &path, &[PATCH], body).await;
    let good = patch(r#"[{"op":"test","path":"/gender","value":"female"},{"op":"remove","path":"/gender"}]"#).await;
    assert_eq!((good.status.as_u16(), good.header("etag")), (200, "W/\"2\""));
    assert!(good.json().get("gender").is_none());
    assert_eq!(patch(r#"[{"op":"test","path":"/birthDate","value":"x"}]"#).await.outcome(), "422 processing");
    assert_eq!(patch(r#"[{"op":"jump","path":"/birthDate"}]"#).await.outcome(), "400 invalid");
    assert!(patch(r#"[{"op":"replace","path":"/birthDate","value":"x"}]"#).await.outcome().starts_with("422"));
    let wrong = clinic.send("PATCH", &path, &[], "{}").await;
    assert_eq!(wrong.outcome(), "415 not-supported");
    assert_eq!(wrong.header("accept-patch"), "application/json-patch+json");
}

#[tokio::test]
async fn a_deletion_can_be_explained_and_repeated() {
    let clinic = Clinic::new().await;
    let id = clinic.create("Patient", &patient("Okafor", "M-1")).await;
    let path = format!("/Patient/{id}");
    assert_eq!(clinic.send("DELETE", &path, &[("if-match", "W/\"4\"")], "").await.outcome(), "412 conflict");
    let outcome = clinic.send("DELETE", &path, &[("prefer", "return=OperationOutcome")], "").await;
    assert_eq!(outcome.outcome(), "200 informational");
    assert_eq!(outcome.header("etag"), "W/\"2\"");
    assert!(clinic.send("DELETE", &path, &[], "").await.status.is_success(), "deleting twice is no error");
}
