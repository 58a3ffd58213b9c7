//! Read, version read, conditional read, parts of a resource, history.

use crate::clinic::{BASE, Clinic};
use crate::{patient, weight, with_id};

#[tokio::test]
async fn a_read_gives_the_resource_to_the_digit_with_its_version_and_time() {
    let clinic = Clinic::new().await;
    let id = clinic.create("Patient", &patient("Okafor", "M-1")).await;
    let weight = clinic.create("Observation", &weight(&id, "70.50")).await;
    let answer = clinic.get(&format!("/Observation/{weight}")).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains(r#""value":70.50,"#), "{}", answer.body);
    assert_eq!(answer.header("etag"), "W/\"1\"");
    assert!(answer.header("last-modified").ends_with(" GMT"));
    assert_eq!(answer.header("content-type"), "application/fhir+json; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("x-request-id"), "00000000000000000000000000000abc");
}

#[tokio::test]
async fn head_has_the_headers_of_get_and_no_body() {
    let clinic = Clinic::new().await;
    let id = clinic.create("Patient", &patient("Okafor", "M-1")).await;
    let get = clinic.get(&format!("/Patient/{id}")).await;
    let head = clinic.send("HEAD", &format!("/Patient/{id}"), &[], "").await;
    assert_eq!(head.status, 200);
    assert_eq!(head.body, "");
    assert_eq!(head.header("etag"), get.header("etag"));
    assert_eq!(head.header("content-length"), get.body.len().to_string());
    assert_eq!(clinic.send("HEAD", "/Patient/nobody", &[], "").await.status, 404);
}

#[tokio::test]
async fn a_conditional_read_saves_what_the_client_has() {
    let clinic = Clinic::new().await;
    let id = clinic.create("Patient", &patient("Okafor", "M-1")).await;
    let path = format!("/Patient/{id}");
    let modified = clinic.get(&path).await.header("last-modified").to_owned();
    for (header, value, status) in [
        ("if-none-match", "W/\"1\"", 304),
        ("if-none-match", "\"7\", W/\"1\"", 304),
        ("if-none-match", "*", 304),
        ("if-none-match", "W/\"2\"", 200),
        ("if-modified-since", modified.as_str(), 304),
        ("if-modified-since", "Sat, 01 Jan 2000 00:00:00 GMT", 200),
        ("if-modified-since", "yesterday", 200),
    ] {
        let answer = clinic.send("GET", &path, &[(header, value)], "").await;
        assert_eq!(answer.status, status, "{header}: {value}");
        assert_eq!(answer.body.is_empty(), status == 304);
        assert_eq!(answer.header("etag"), "W/\"1\"");
    }
    let both = [("if-none-match", "W/\"2\""), ("if-modified-since", modified.as_str())];
    assert_eq!(clinic.send("GET", &path, &both, "").await.status, 200, "the tag stands above the date");
}

#[tokio::test]
async fn parts_and_indentation_come_on_request() {
    let clinic = Clinic::new().await;
    let id = clinic.create("Patient", &patient("Okafor", "M-1")).await;
    let elements = clinic.get(&format!("/Patient/{id}?_elements=birthDate")).await;
    assert_eq!(elements.text("birthDate"), "1980-02-03");
    assert!(elements.json().get("gender").is_none());
    assert_eq!(elements.text("meta.tag.0.code"), "SUBSETTED");
    let summary = clinic.get(&format!("/Patient/{id}?_summary=text")).await;
    assert!(summary.json().get("name").is_none());
    assert_eq!(clinic.get(&format!("/Patient/{id}?_summary=count")).await.outcome(), "400 invalid");
    let pretty = clinic.get(&format!("/Patient/{id}?_pretty=true&_format=json")).await;
    assert!(pretty.body.starts_with("{\n  \"resourceType\": \"Patient\","), "{}", pretty.body);
}

#[tokio::test]
async fn versions_history_and_deletion_tell_what_happened() {
    let clinic = Clinic::new().await;
    let id = clinic.create("Patient", &patient("Okafor", "M-1")).await;
    let path = format!("/Patient/{id}");
    let second = with_id(&patient("Reyes", "M-1"), &id);
    assert_eq!(clinic.send("PUT", &path, &[], &second).await.status, 200);
    let deleted = clinic.send("DELETE", &path, &[], "").await;
    assert_eq!((deleted.status.as_u16(), deleted.body.as_str()), (204, ""));

    assert_eq!(clinic.get(&path).await.outcome(), "410 deleted");
    assert_eq!(clinic.get(&format!("{path}/_history/1")).await.text("name.0.family"), "Okafor");
    let old = clinic.get(&format!("{path}/_history/2")).await;
    assert_eq!((old.text("name.0.family").as_str(), old.header("etag")), ("Reyes", "W/\"2\""));
    assert_eq!(clinic.get(&format!("{path}/_history/3")).await.outcome(), "410 deleted");
    assert_eq!(clinic.get(&format!("{path}/_history/9")).await.outcome(), "404 not-found");
    assert_eq!(clinic.get(&format!("{path}/_history/x")).await.outcome(), "404 not-found");

    let history = clinic.get(&format!("{path}/_history")).await;
    history.assert_valid();
    assert_eq!(history.text("type"), "history");
    assert_eq!(history.entries(), 3);
    let line = |at: usize| {
        let text = |path: &str| history.text(&format!("entry.{at}.{path}"));
        format!(
            "{} {} {} {}",
            text("request.method"),
            text("request.url"),
            text("response.status"),
            text("response.etag")
        )
    };
    assert_eq!(line(0), format!("DELETE Patient/{id} 204 No Content W/\"3\""));
    assert_eq!(line(1), format!("PUT Patient/{id} 200 OK W/\"2\""));
    assert_eq!(line(2), "POST Patient 201 Created W/\"1\"");
    assert!(history.json().get("entry").unwrap().items()[0].get("resource").is_none());
    assert_eq!(history.text("entry.1.fullUrl"), format!("{BASE}/Patient/{id}"));
    assert_eq!(history.text("link.0.url"), format!("{BASE}/Patient/{id}/_history"));
}

#[tokio::test]
async fn histories_page_through_sealed_links() {
    let clinic = Clinic::new().await;
    let id = clinic.create("Patient", &patient("Okafor", "M-1")).await;
    for value in ["1.0", "2.0", "3.0"] {
        clinic.create("Observation", &weight(&id, value)).await;
    }
    let mut path = "/Observation/_history?_count=2&_elements=value".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = clinic.get(&path).await;
        assert_eq!(page.status, 200, "{}", page.body);
        page.assert_valid();
        seen.extend((0..page.entries()).map(|at| page.text(&format!("entry.{at}.resource.valueQuantity.value"))));
        let json = page.json();
        let Some(next) = json.get("link").unwrap().items().get(1) else { break };
        assert_eq!(next.get("relation").unwrap().as_str(), Some("next"));
        path = next.get("url").unwrap().as_str().unwrap().strip_prefix(BASE).unwrap().to_owned();
    }
    assert_eq!(seen, ["3.0", "2.0", "1.0"]);
    assert!(clinic.as_role("admin", "GET", "/_history", &[], "").await.outcome().starts_with("403"));
    assert_eq!(clinic.get("/Patient/_history?_since=2000-01-01T00:00:00Z").await.entries(), 1);
    assert_eq!(clinic.get("/Patient/_history?_since=2050-01-01T00:00:00Z").await.entries(), 0);
    assert_eq!(clinic.get("/Patient/_history?_since=2000").await.outcome(), "400 invalid");
    assert_eq!(clinic.get("/Patient/_history?_at=2000").await.outcome(), "400 not-supported");
    assert_eq!(clinic.get("/Patient/_history?_cursor=00").await.outcome(), "400 invalid");
}
