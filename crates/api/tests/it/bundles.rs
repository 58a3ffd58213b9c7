//! Batch and transaction.

use crate::clinic::{BASE, Clinic};
use crate::{patient, weight};

fn bundle(kind: &str, entries: &[String]) -> String {
    format!(r#"{{"resourceType":"Bundle","type":"{kind}","entry":[{}]}}"#, entries.join(","))
}

fn entry(full_url: &str, resource: &str, method: &str, url: &str) -> String {
    let resource = if resource.is_empty() { String::new() } else { format!(r#""resource":{resource},"#) };
    let full_url = if full_url.is_empty() { String::new() } else { format!(r#""fullUrl":"{full_url}","#) };
    format!(r#"{{{full_url}{resource}"request":{{"method":"{method}","url":"{url}"}}}}"#)
}

#[tokio::test]
async fn a_transaction_is_one_unit_and_answers_in_order() {
    let clinic = Clinic::new().await;
    let urn = "urn:uuid:0c4b1f62-7d7a-4c1e-8a53-6b0e2a7b5f10";
    let mine = weight("x", "70.50").replace("Patient/x", urn);
    let entries = [entry(urn, &patient("Okafor", "M-1"), "POST", "Patient"), entry("", &mine, "POST", "Observation")];
    for path in ["", "/"] {
        let answer = clinic.send("POST", path, &[], &bundle("transaction", &entries)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.assert_valid();
        assert_eq!(answer.text("type"), "transaction-response");
        assert_eq!(answer.entries(), 2);
        assert_eq!(answer.text("entry.0.response.status"), "201 Created");
        assert_eq!(answer.text("entry.0.response.etag"), "W/\"1\"");
        let location = answer.text("entry.0.response.location");
        let id = location.strip_prefix("Patient/").unwrap().strip_suffix("/_history/1").unwrap();
        let found = clinic.get(&format!("/Observation?subject=Patient/{id}")).await;
        assert_eq!(found.text("entry.0.resource.subject.reference"), format!("Patient/{id}"));
        assert!(!answer.body.contains("\"resource\":"), "resources come back only on request");
    }
    let whole = [("prefer", "return=representation")];
    let answer = clinic.send("POST", "", &whole, &bundle("transaction", &entries)).await;
    assert_eq!(answer.text("entry.1.resource.valueQuantity.value"), "70.50");
}

#[tokio::test]
async fn a_failed_transaction_changes_nothing_and_names_the_entry() {
    let clinic = Clinic::new().await;
    let wrong = patient("Reyes", "M-2").replace("female", "unheard-of");
    let entries = [entry("", &patient("Okafor", "M-1"), "POST", "Patient"), entry("", &wrong, "POST", "Patient")];
    let answer = clinic.send("POST", "", &[], &bundle("transaction", &entries)).await;
    assert!(answer.outcome().starts_with("422"), "{}", answer.body);
    assert_eq!(answer.text("issue.0.expression.0"), "Bundle.entry[1].resource.gender");
    assert_eq!(clinic.get("/Patient").await.entries(), 0);
}

#[tokio::test]
async fn a_batch_answers_each_entry_by_itself() {
    let clinic = Clinic::new().await;
    let id = clinic.create("Patient", &patient("Okafor", "M-1")).await;
    let entries = [
        entry("", "", "GET", &format!("Patient/{id}")),
        entry("", "", "GET", "Patient/nobody"),
        entry("", "", "GET", "Patient?family=okafor"),
        entry("", "", "GET", &format!("Patient/{id}/_history")),
        entry("", "", "DELETE", &format!("Patient/{id}")),
    ];
    let answer = clinic.send("POST", "", &[], &bundle("batch", &entries)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.assert_valid();
    let status = |at: usize| answer.text(&format!("entry.{at}.response.status"));
    assert_eq!(answer.text("entry.0.fullUrl"), format!("{BASE}/Patient/{id}"));
    assert_eq!(answer.text("entry.0.resource.name.0.family"), "Okafor");
    assert_eq!(status(1), "404 Not Found");
    assert_eq!(answer.text("entry.1.response.outcome.issue.0.code"), "not-found");
    assert_eq!(answer.text("entry.2.resource.type"), "searchset");
    assert_eq!(answer.text("entry.2.resource.entry.0.resource.id"), id);
    assert_eq!(answer.text("entry.3.resource.type"), "history");
    assert_eq!(status(4), "204 No Content");
}

#[tokio::test]
async fn what_is_no_batch_and_no_transaction_is_refused() {
    let clinic = Clinic::new().await;
    assert_eq!(clinic.send("POST", "", &[], &bundle("collection", &[])).await.outcome(), "400 invalid");
    assert_eq!(clinic.send("POST", "", &[], &patient("a", "b")).await.outcome(), "400 invalid");
    assert_eq!(clinic.send("POST", "", &[], "[").await.outcome(), "400 structure");
}
