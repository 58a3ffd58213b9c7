//! What changed since one last looked at a chart: each person's own, of what they were shown, without what they wrote themselves.

use http::StatusCode;
use identity::Connection;
use record::{Preconditions, ResourceKey, Target};

use crate::clinic::{Clinic, MINUTE_MS};
use crate::ward::{self, look, ward};

const SUBJECT: &str = r#""subject":{"reference":"Patient/p1"}"#;

async fn result(clinic: &Clinic, id: &str, name: &str) {
    let members = format!(
        r#"{SUBJECT},"status":"final","category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}}]}}],
        "code":{{"text":"{name}"}},"effectiveDateTime":"2027-01-04","valueQuantity":{{"value":4.1,"unit":"mmol/L"}}"#
    );
    clinic.put("Observation", id, &members).await;
}

async fn note(clinic: &Clinic, id: &str) {
    let members = format!(
        r#"{SUBJECT},"status":"current","docStatus":"final","type":{{"text":"Progress note"}},"date":"2027-01-04T16:00:00Z",
        "category":[{{"coding":[{{"code":"clinical-note"}}]}}],"content":[{{"attachment":{{"contentType":"text/plain","data":"QTogV2VsbC4="}}}}]"#
    );
    clinic.put("DocumentReference", id, &members).await;
}

fn line(body: &str) -> String {
    let Some((_, rest)) = body.split_once(r#"<section class="since""#) else { return String::new() };
    let html = rest.split_once('>').unwrap().1.split("</section>").next().unwrap();
    let mut words = String::new();
    for part in html.split('<') {
        let text = part.split_once('>').map_or(part, |(_, text)| text).trim();
        words.push_str(text);
        words.push(' ');
    }
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_chart_says_what_is_new_since_each_person_last_looked() {
    let clinic = ward().await;
    for login in ["asha", "nora"] {
        let (_, first) = look(&clinic, login, "/patients/p1").await;
        assert_eq!((first.status, line(&first.body).as_str()), (StatusCode::OK, ""), "a first look says nothing");
        assert!(!first.body.contains(r#"class="fresh""#));
    }
    clinic.advance(60 * MINUTE_MS);
    result(&clinic, "new-result", "Potassium").await;
    note(&clinic, "new-note").await;
    let (mut browser, page) = look(&clinic, "asha", "/patients/p1").await;
    let said = line(&page.body);
    assert!(said.starts_with("Since you last looked, 04-Jan-2027 10:0") && said.ends_with("1 result 1 note"), "{said}");
    assert!(page.body.contains(r##"href="#results">1 result"##) && page.body.contains("/patients/p1/notes/new-note"));
    assert!(page.body.contains(r#"Potassium <span class="fresh">new</span>"#), "{}", page.body);
    // Back from another page it still says so.
    clinic.advance(5 * MINUTE_MS);
    assert_eq!(line(&browser.get(&clinic, "/patients/p1").await.body), said);
    // A nurse reads notes too.
    let (_, page) = look(&clinic, "nora", "/patients/p1").await;
    let said = line(&page.body);
    assert!(said.ends_with("1 result 1 note"), "{said}");
    clinic.advance(60 * MINUTE_MS);
    let (_, page) = look(&clinic, "asha", "/patients/p1").await;
    assert!(line(&page.body).starts_with("Nothing new since you last looked, 04-Jan-2027 "), "{}", line(&page.body));
}

#[tokio::test]
async fn what_one_wrote_oneself_is_not_new_and_what_ended_is_told() {
    let clinic = ward().await;
    ward::team(&clinic, "p1", &["asha", "nora", "leo", "zoe"]).await;
    for login in ["asha", "nora", "zoe"] {
        look(&clinic, login, "/patients/p1").await;
    }
    clinic.advance(60 * MINUTE_MS);
    let asha = clinic.identity.bearer("demo-asha", &Connection::LOCAL).unwrap();
    let key = ResourceKey::parse("MedicationRequest", "medicine").unwrap();
    let stopped = format!(
        r#"{{"resourceType":"MedicationRequest","id":"medicine",{SUBJECT},"status":"stopped","intent":"order",
        "medicationCodeableConcept":{{"text":"allopurinol 100 MG"}},"requester":{{"reference":"Practitioner/asha"}}}}"#
    );
    clinic.record.update(&asha, Target::Id(key), stopped.as_bytes(), Preconditions::default()).await.unwrap();
    // Policy opens to a nurse what is current: what is not any more is in no line of theirs.
    let (_, page) = look(&clinic, "nora", "/patients/p1").await;
    assert!(line(&page.body).starts_with("Nothing new since"), "{}", line(&page.body));
    let (_, page) = look(&clinic, "zoe", "/patients/p1").await;
    let said = line(&page.body);
    assert!(said.ends_with("No longer among the medicines: allopurinol 100 mg (stopped)"), "{said}");
    let (_, page) = look(&clinic, "asha", "/patients/p1").await;
    assert!(line(&page.body).starts_with("Nothing new since"), "{}", line(&page.body));

    // A draft that nobody signed was never among the medicines.
    clinic.advance(60 * MINUTE_MS);
    for status in ["draft", "cancelled"] {
        let members = format!(
            r#"{SUBJECT},"status":"{status}","intent":"order","medicationCodeableConcept":{{"text":"colchicine 0.6 MG"}}"#
        );
        clinic.put("MedicationRequest", "never", &members).await;
    }
    let (_, page) = look(&clinic, "zoe", "/patients/p1").await;
    let said = line(&page.body);
    assert!(said.ends_with("Cancelled prescriptions: colchicine 0.6 mg") && !said.contains("No longer"), "{said}");
}
