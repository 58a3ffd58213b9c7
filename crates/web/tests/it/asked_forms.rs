//! Forms of one patient: called off from the version that was looked at, and from no other; and asked in whichever of merged records.

use http::StatusCode;

use crate::merge::{merged, two};
use crate::visit_forms::{ASKED, LIST, asked, come_as, filled, responses, task};
use crate::ward::{look, ward};

const OVERTAKEN: &str = "Somebody was faster";
/// Steps of one thread between which an answer may come in while a form is called off.
const MOMENTS: usize = 20;
const ROUNDS: usize = 5;

#[tokio::test]
async fn a_form_that_changed_since_its_page_was_shown_is_not_called_off() {
    let clinic = ward().await;
    asked(&clinic).await;
    let (mut asha, forms) = look(&clinic, "asha", "/patients/p1/forms").await;
    let call_off = [("csrf", forms.csrf()), ("version", "1".to_owned()), ("why", "Not needed".to_owned())];
    for status in ["in-progress", "completed"] {
        task(&clinic, "asked", "p1", status, "").await;
        let late = asha.post(&clinic, "/patients/p1/forms/asked/off", &call_off).await;
        assert!(late.status == StatusCode::CONFLICT && late.body.contains(OVERTAKEN), "{status}: {}", late.body);
        assert_eq!(clinic.one("Task", "asked").await["status"], status);
    }
}

#[tokio::test]
async fn answers_that_come_in_while_a_form_is_called_off_are_never_lost() {
    let clinic = ward().await;
    asked(&clinic).await;
    let (mut asha, forms) = look(&clinic, "asha", "/patients/p1/forms").await;
    for (round, moment) in (0..ROUNDS).flat_map(|round| (0..MOMENTS).map(move |moment| (round, moment))) {
        let id = format!("form-{round}-{moment}");
        task(&clinic, &id, "p1", "requested", "").await;
        let call_off = [("csrf", forms.csrf()), ("version", "1".to_owned()), ("why", "Not needed".to_owned())];
        let path = format!("/patients/p1/forms/{id}/off");
        let completed = async {
            for _ in 0..moment {
                tokio::task::yield_now().await;
            }
            task(&clinic, &id, "p1", "completed", "").await;
        };
        let (off, ()) = tokio::join!(asha.post(&clinic, &path, &call_off), completed);
        assert!([StatusCode::SEE_OTHER, StatusCode::CONFLICT].contains(&off.status), "{moment}: {}", off.body);
        // What completes it here asks for no version: only who called it off from a later version than they saw comes after it.
        assert_eq!(clinic.one("Task", &id).await["status"], "completed", "{moment}: {}", off.status);
    }
}

#[tokio::test]
async fn a_form_of_the_surviving_record_opens_in_a_visit_that_names_the_merged_one() {
    let clinic = two().await;
    asked(&clinic).await;
    let appointment = r#""status":"booked","start":"2027-01-04T15:00:00Z","end":"2027-01-04T15:20:00Z",
        "serviceType":[{"coding":[{"system":"http://snomed.info/sct","code":"448337001"}]}],
        "participant":[{"actor":{"reference":"Patient/p9"},"status":"accepted"},{"actor":{"reference":"Practitioner/asha"},"status":"accepted"}]"#;
    clinic.put("Appointment", "video", appointment).await;
    let (mut asha, _) = look(&clinic, "asha", "/patients/p1").await;
    merged(&clinic, &mut asha).await;
    let (mut ruth, told) = come_as(&clinic, "patient", "MR-900000").await;
    assert_eq!(told["forms"], 1, "{told}");
    let list = ruth.get(&clinic, LIST).await;
    assert!(list.body.contains(ASKED), "{}", list.body);
    let page = ruth.get(&clinic, ASKED).await;
    assert_eq!(page.status, StatusCode::OK, "what is listed opens: {}", page.body);
    let sent = ruth.post(&clinic, ASKED, &filled(&page, &[("a.pain", "0")])).await;
    assert_eq!((sent.status, sent.location()), (StatusCode::SEE_OTHER, "/visit/forms?sent"), "{}", sent.body);
    // And is read in the chart that goes on, to which the address of the other leads.
    let id = responses(&clinic).await[0]["id"].as_str().unwrap().to_owned();
    let address = format!("/patients/p1/forms/{id}");
    assert_eq!(asha.get(&clinic, &address).await.status, StatusCode::OK);
    assert_eq!(asha.get(&clinic, &address.replace("p1", "p9")).await.location(), address);
}

#[tokio::test]
async fn forms_stand_among_the_lists_of_a_chart() {
    let clinic = ward().await;
    let forms = r#"<a href="/patients/p1/forms" aria-current="page">Forms</a>"#;
    let (mut asha, page) = look(&clinic, "asha", "/patients/p1/forms").await;
    assert!(page.body.contains(forms) && page.body.contains(r#"<a href="/patients/p1/allergies">"#), "{}", page.body);
    let allergies = asha.get(&clinic, "/patients/p1/allergies").await;
    assert!(allergies.body.contains(r#"<a href="/patients/p1/forms">Forms</a>"#), "{}", allergies.body);
}
