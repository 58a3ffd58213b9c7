//! Search by address and by form, compartments, $everything, paging, and the audit log as resources.

use crate::clinic::{Answer, BASE, Clinic};
use crate::{patient, weight};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

fn link(answer: &Answer, relation: &str) -> Option<String> {
    let json = answer.json();
    let found =
        json.get("link")?.items().iter().find(|l| l.get("relation").and_then(|r| r.as_str()) == Some(relation))?;
    found.get("url")?.as_str().map(str::to_owned)
}

#[tokio::test]
async fn a_search_answers_with_a_searchset() {
    let clinic = Clinic::new().await;
    let id = clinic.create("Patient", &patient("Okafor", "M-1")).await;
    clinic.create("Patient", &patient("Reyes", "M-2")).await;
    let found = clinic.get("/Patient?family=okafor&_total=accurate").await;
    found.assert_valid();
    assert_eq!(found.text("type"), "searchset");
    assert_eq!(found.text("total"), "1");
    assert_eq!(found.entries(), 1);
    assert_eq!(found.text("entry.0.fullUrl"), format!("{BASE}/Patient/{id}"));
    assert_eq!(found.text("entry.0.search.mode"), "match");
    assert_eq!(found.text("entry.0.resource.name.0.family"), "Okafor");
    assert_eq!(link(&found, "self").unwrap(), format!("{BASE}/Patient?family=okafor&_total=accurate"));
    assert_eq!(link(&found, "next"), None);

    let none = clinic.get("/Patient?family=nobody").await;
    assert_eq!((none.status.as_u16(), none.entries()), (200, 0));
    none.assert_valid();
    let count = clinic.get("/Patient?_summary=count").await;
    assert_eq!((count.text("total").as_str(), count.entries()), ("2", 0));
    let elements = clinic.get("/Patient?_elements=gender&family=okafor").await;
    assert!(elements.body.contains("SUBSETTED") && !elements.body.contains("Okafor"), "{}", elements.body);
}

#[tokio::test]
async fn a_form_says_the_same_as_an_address() {
    let clinic = Clinic::new().await;
    clinic.create("Patient", &patient("Okafor", "M-1")).await;
    let found = clinic.send("POST", "/Patient/_search?gender=female", &[FORM], "family=oka%66or&_count=5").await;
    assert_eq!((found.status.as_u16(), found.entries()), (200, 1));
    assert_eq!(link(&found, "self").unwrap(), format!("{BASE}/Patient?gender=female&family=okafor&_count=5"));
    assert_eq!(clinic.send("POST", "/Patient/_search", &[], "").await.entries(), 1);
    assert_eq!(clinic.send("POST", "/Patient/_search", &[], "{}").await.outcome(), "415 not-supported");
    assert_eq!(clinic.send("POST", "/Patient/_search", &[FORM], "family=%zz").await.outcome(), "400 invalid");
}

#[tokio::test]
async fn unknown_parameters_are_refused_unless_the_client_is_lenient() {
    let clinic = Clinic::new().await;
    clinic.create("Patient", &patient("Okafor", "M-1")).await;
    let strict = clinic.get("/Patient?shoe=44&family=okafor").await;
    assert_eq!(strict.outcome(), "400 not-supported");
    assert!(strict.body.contains("shoe") && !strict.body.contains("44"));
    let lenient = clinic.send("GET", "/Patient?shoe=44&family=okafor", &[("prefer", "handling=lenient")], "").await;
    lenient.assert_valid();
    assert_eq!(lenient.entries(), 2);
    assert_eq!(lenient.text("entry.1.search.mode"), "outcome");
    assert!(lenient.text("entry.1.resource.issue.0.diagnostics").contains("shoe"));
    assert_eq!(link(&lenient, "self").unwrap(), format!("{BASE}/Patient?family=okafor"));
}

#[tokio::test]
async fn the_next_link_is_a_cursor_alone() {
    let clinic = Clinic::new().await;
    for at in 0..5 {
        clinic.create("Patient", &patient("Okafor", &format!("M-{at}"))).await;
    }
    let mut path = "/Patient?family=okafor&_count=2&_sort=_id".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = clinic.get(&path).await;
        assert_eq!(page.status, 200, "{}", page.body);
        seen.extend((0..page.entries()).map(|at| page.text(&format!("entry.{at}.resource.id"))));
        let Some(next) = link(&page, "next") else { break };
        assert!(next.starts_with(&format!("{BASE}/Patient?_cursor=")) && !next.contains('&'), "{next}");
        assert!(!next.contains("okafor"));
        path = next.strip_prefix(BASE).unwrap().to_owned();
    }
    assert_eq!(seen.len(), 5);
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 5, "no patient comes twice");
    let borrowed = clinic.as_role("nurse", "GET", &path, &[], "").await;
    assert_eq!(borrowed.outcome(), "400 invalid", "a link works for who got it");
}

#[tokio::test]
async fn compartments_and_everything_stay_with_one_patient() {
    let clinic = Clinic::new().await;
    let ana = clinic.create("Patient", &patient("Okafor", "M-1")).await;
    let ben = clinic.create("Patient", &patient("Reyes", "M-2")).await;
    clinic.create("Observation", &weight(&ana, "70.5")).await;
    clinic.create("Observation", &weight(&ben, "80.5")).await;
    let found = clinic.get(&format!("/Patient/{ana}/Observation?code=29463-7")).await;
    found.assert_valid();
    assert_eq!(found.entries(), 1);
    assert_eq!(found.text("entry.0.resource.valueQuantity.value"), "70.5");
    assert_eq!(link(&found, "self").unwrap(), format!("{BASE}/Patient/{ana}/Observation?code=29463-7"));
    let form = clinic.send("POST", &format!("/Patient/{ana}/Observation/_search"), &[FORM], "code=29463-7").await;
    assert_eq!(form.entries(), 1);

    let all = clinic.get(&format!("/Patient/{ana}/$everything")).await;
    all.assert_valid();
    assert_eq!(all.entries(), 2);
    assert!(!all.body.contains("80.5"));
    let one = clinic.get(&format!("/Patient/{ana}/$everything?_type=Observation&_count=1")).await;
    assert_eq!((one.entries(), one.text("entry.0.resource.resourceType").as_str()), (1, "Observation"));
    let parameters = r#"{"resourceType":"Parameters","parameter":[{"name":"_type","valueString":"Patient"}]}"#;
    let posted = clinic.send("POST", &format!("/Patient/{ana}/$everything"), &[], parameters).await;
    assert_eq!((posted.entries(), posted.text("entry.0.resource.resourceType").as_str()), (1, "Patient"));
    let start = clinic.get(&format!("/Patient/{ana}/$everything?start=2020")).await;
    assert_eq!(start.outcome(), "400 not-supported");
    assert_eq!(clinic.get("/Patient/nobody/$everything").await.outcome(), "404 not-found");
}

#[tokio::test]
async fn the_audit_log_is_read_by_the_auditor_and_written_by_nobody() {
    let clinic = Clinic::new().await;
    let id = clinic.create("Patient", &patient("Okafor", "M-1")).await;
    // A read is in the log before it is answered; a write follows right after its answer.
    for _ in 0..2 {
        assert_eq!(clinic.get(&format!("/Patient/{id}")).await.status, 200);
    }
    let log = clinic.as_role("auditor", "GET", "/AuditEvent?_count=1", &[], "").await;
    assert_eq!((log.status.as_u16(), log.entries()), (200, 1), "{}", log.body);
    log.assert_valid();
    let event = log.text("entry.0.resource.id");
    assert_eq!(log.text("entry.0.fullUrl"), format!("{BASE}/AuditEvent/{event}"));
    let next = link(&log, "next").unwrap();
    let more = clinic.as_role("auditor", "GET", next.strip_prefix(BASE).unwrap(), &[], "").await;
    assert_eq!((more.status.as_u16(), more.entries()), (200, 1));
    let one = clinic.as_role("auditor", "GET", &format!("/AuditEvent/{event}"), &[], "").await;
    assert_eq!((one.status.as_u16(), one.text("resourceType").as_str()), (200, "AuditEvent"));
    one.assert_valid();
    let form = clinic.as_role("auditor", "POST", "/AuditEvent/_search", &[FORM], "action=R").await;
    assert_eq!((form.status.as_u16(), form.entries()), (200, 2), "{}", form.body);
    let of_patient = clinic.as_role("auditor", "GET", &format!("/Patient/{id}/AuditEvent?action=R"), &[], "").await;
    assert_eq!((of_patient.status.as_u16(), of_patient.entries()), (200, 2), "{}", of_patient.body);
    assert_eq!(clinic.get("/AuditEvent").await.outcome(), "403 forbidden");
    for (method, path) in [("POST", "/AuditEvent"), ("PUT", "/AuditEvent/1"), ("DELETE", "/AuditEvent/1")] {
        let refused = clinic.as_role("auditor", method, path, &[], "{}").await;
        assert_eq!(refused.outcome(), "405 not-supported");
        assert_eq!(refused.header("allow"), "GET, HEAD, OPTIONS");
    }
}

#[tokio::test]
async fn the_audit_log_answers_every_parameter_that_the_capability_statement_names() {
    let clinic = Clinic::new().await;
    let id = clinic.create("Patient", &patient("Okafor", "M-1")).await;
    assert_eq!(clinic.get(&format!("/Patient/{id}")).await.status, 200);
    let statement = clinic.bare("GET", "/metadata", &[], "").await;
    let statement = statement.json();
    let resources = statement.get("rest").unwrap().items()[0].get("resource").unwrap();
    let of_type =
        |name: &str| resources.items().iter().find(|r| r.get("type").unwrap().as_str() == Some(name)).unwrap();
    let params = of_type("AuditEvent").get("searchParam").unwrap().items();
    assert_eq!(params.len(), 6);
    for param in params {
        let name = param.get("name").unwrap().as_str().unwrap();
        let value = match name {
            "date" => "ge2020-01-01".to_owned(),
            "patient" | "entity" => format!("Patient/{id}"),
            "action" => "R".to_owned(),
            "outcome" => "0".to_owned(),
            _ => "physician".to_owned(),
        };
        let found = clinic.as_role("auditor", "GET", &format!("/AuditEvent?{name}={value}"), &[], "").await;
        assert_eq!(found.status, 200, "{name}: {}", found.body);
        assert!(found.entries() > 0, "{name} finds the read: {}", found.body);
    }
}
