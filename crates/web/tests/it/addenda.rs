//! What is added to a signed note: it is read under the note, and the lists do not take it for a note or for a plan.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::clinic::Clinic;
use crate::ward::{look, ward};

async fn addendum(clinic: &Clinic, id: &str, to: &str, date: &str, said: &str, more: &str) {
    let data = STANDARD.encode(said);
    let members = format!(
        r#""subject":{{"reference":"Patient/p1"}},"status":"current","docStatus":"final",
        "author":[{{"reference":"Practitioner/asha"}}],"date":"{date}",
        "category":[{{"coding":[{{"code":"clinical-note"}}]}}],
        "relatesTo":[{{"code":"appends","target":{{"reference":"DocumentReference/{to}"}}}}],
        "content":[{{"attachment":{{"contentType":"text/plain","data":"{data}"}}}}],{more}"#
    );
    clinic.put("DocumentReference", id, &members).await;
}

const PROGRESS: &str = r#""type":{"text":"Progress note"}"#;

#[tokio::test]
async fn addenda_are_read_under_their_note_and_are_neither_notes_nor_plans_of_their_own() {
    let clinic = ward().await;
    addendum(&clinic, "late", "early", "2026-12-04T15:00:00Z", "Subjective: It was the <left> toe.", PROGRESS).await;
    addendum(&clinic, "early", "note", "2026-12-03T15:00:00Z", "Plan: Stop colchicine.", PROGRESS).await;
    let (mut browser, page) = look(&clinic, "asha", "/patients/p1/notes/note").await;
    let under = page.body.split("Gout flare.").nth(1).unwrap();
    let (early, late) =
        (under.find("Stop colchicine.").unwrap(), under.find("It was the &#60;left&#62; toe.").unwrap());
    assert!(early < late, "oldest first: {under}");
    assert!(under.contains("03-Dec-2026 10:00 · signed") && under.contains(r##"href="#addendum-late""##), "{under}");
    // Of one that was entered in error only that.
    let members = format!(
        r#""subject":{{"reference":"Patient/p1"}},"status":"entered-in-error","relatesTo":[{{"code":"appends","target":{{"reference":"DocumentReference/note"}}}}],
        "content":[{{"attachment":{{"contentType":"text/plain","data":"{}"}}}}]"#,
        STANDARD.encode("Another patient's.")
    );
    clinic.put("DocumentReference", "mistake", &members).await;
    let page = browser.get(&clinic, "/patients/p1/notes/note").await;
    assert!(page.body.contains("entered in error") && !page.body.contains("Another patient"), "{}", page.body);

    let chart = browser.get(&clinic, "/patients/p1").await.body;
    let plans = chart.split(r#"id="notes">"#).nth(1).unwrap().split("</section>").next().unwrap();
    assert!(plans.starts_with("Last plans</h2><p>1 note<"), "{plans}");
    assert_eq!(plans.matches("<article").count(), 1, "{plans}");
    let (note, plan) = (plans.find("Colchicine.").unwrap(), plans.find("Addendum, plan: Stop colchicine.").unwrap());
    assert!(note < plan && plans.contains("/patients/p1/notes/note#addendum-late"), "{plans}");
    assert!(!plans.contains("Another patient"), "{plans}");
    let filed = r#"<a href="/patients/p1/notes/early">Addendum to Progress note</a>"#;
    assert!(chart.contains(filed), "among the documents: {chart}");

    let documents = browser.get(&clinic, "/patients/p1/documents").await.body;
    let row = documents
        .split("<th scope=\"row\"><a href=\"/patients/p1/notes/early\">")
        .nth(1)
        .unwrap()
        .split("</tr>")
        .next()
        .unwrap();
    assert!(row.starts_with("Addendum to Progress note</a>") && row.contains("/patients/p1/notes/note\""), "{row}");
}

#[tokio::test]
async fn each_addendum_that_is_shown_is_in_the_log_and_one_that_is_closed_is_not_hinted_at() {
    let clinic = ward().await;
    addendum(&clinic, "open", "note", "2026-12-03T10:00:00Z", "Subjective: Left toe.", PROGRESS).await;
    let sealed = r#""type":{"coding":[{"system":"http://loinc.org","code":"11488-4"}]},
        "meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"PSYTHPN"}]}"#;
    addendum(&clinic, "sealed", "note", "2026-12-03T11:00:00Z", "Subjective: What was told in confidence.", sealed)
        .await;
    let (mut browser, _) = look(&clinic, "asha", "/me").await;
    let before = clinic.record.store().log_reader().size();
    let page = browser.get(&clinic, "/patients/p1/notes/note").await.body;
    assert!(page.contains("Left toe.") && !page.contains("confidence") && !page.contains("addendum-sealed"), "{page}");
    assert!(page.contains(">Addendum</h3>"), "not numbered, as there is one: {page}");
    let chart = browser.get(&clinic, "/patients/p1").await.body;
    assert!(chart.contains("addendum-open") && !chart.contains("sealed") && !chart.contains("confidence"), "{chart}");
    let reader = clinic.record.store().log_reader();
    let shown = (before..reader.size()).any(|index| {
        let detail = reader.get(index).unwrap().unwrap().detail.unwrap();
        let event = audit::Event::decode(&detail).unwrap();
        event.action == audit::Action::Search
            && event.search.is_some_and(|search| search.query.contains("relatesto"))
            && event.objects.len() == 1
    });
    assert!(shown, "the log has what was shown of them");
}
