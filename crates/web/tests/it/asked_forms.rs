//! Forms of one patient: called off from the version that was looked at, and from no other; and asked in whichever of merged records.

use http::StatusCode;

use crate::clinic::Answer;
use crate::merge::{merged, two};
use crate::visit::booked;
use crate::visit_forms::{ASKED, LIST, asked, come, come_as, filled, responses, task};
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

#[tokio::test]
async fn who_may_write_tasks_asks_for_a_form_once_and_others_do_not() {
    let clinic = ward().await;
    booked(&clinic).await;
    asked(&clinic).await;
    let path = "/patients/p1/forms";
    let (mut asha, page) = look(&clinic, "asha", path).await;
    assert!(page.body.contains("Ask for a form") && page.body.contains("Before &#60;b&#62;you"), "{}", page.body);
    let ask = |page: &Answer, form: &str, due: &str| {
        [
            ("csrf", page.csrf()),
            ("token", page.after(r#"name="token" value=""#)),
            ("form", form.to_owned()),
            ("due", due.to_owned()),
        ]
    };
    for (form, due, words) in [
        ("intake", "", "asked for this form already"),
        ("", "", "Choose the form"),
        ("none", "", "Choose the form"),
        ("intake", "soon", "Type a day"),
        ("intake", "1-Jan-2020", "This day is over"),
    ] {
        let refused = asha.post(&clinic, path, &ask(&page, form, due)).await;
        assert!(
            refused.status == StatusCode::UNPROCESSABLE_ENTITY && refused.body.contains(words),
            "{form} {due}: {}",
            refused.body
        );
    }
    task(&clinic, "asked", "p1", "cancelled", "").await;
    let fields = ask(&page, "intake", "14-Jul-2027");
    for _ in 0..2 {
        let asked = asha.post(&clinic, path, &fields).await;
        assert_eq!(
            (asked.status, asked.location()),
            (StatusCode::SEE_OTHER, "/patients/p1/forms?asked"),
            "{}",
            asked.body
        );
    }
    let (mut ruth, told) = come(&clinic, "patient").await;
    assert_eq!(told["forms"], 1);
    assert!(ruth.get(&clinic, LIST).await.body.contains("by 14-Jul-2027"));
    let chart = asha.get(&clinic, "/patients/p1").await;
    assert!(chart.body.contains("/patients/p1/forms"));
    for login in ["fay", "ben", "petra", "zoe", "leo", "ruth"] {
        let (mut browser, answer) = look(&clinic, login, path).await;
        // Who brings patients in sees what they were asked for, and asks for nothing.
        let sees = login == "leo";
        assert_eq!(answer.status == StatusCode::OK, sees, "{login}: {}", answer.status);
        assert!(
            !answer.body.contains("Ask the patient<") && (sees || !answer.body.contains("Before")),
            "{login}: {}",
            answer.body
        );
        let me = browser.get(&clinic, "/me").await;
        let fields = [("csrf", me.csrf()), ("form", "intake".to_owned())];
        let refused = browser.post(&clinic, path, &fields).await;
        assert!(!refused.location().ends_with("?asked"), "{login}: {}", refused.status);
    }
}

#[tokio::test]
async fn the_days_of_forms_are_those_of_the_clinic() {
    let clinic = ward().await;
    booked(&clinic).await;
    asked(&clinic).await;
    // Half past eight in the evening in New York; the day by which it is wanted is a day, wherever one is.
    let late = r#""lastModified":"2027-01-03T01:30:00Z","restriction":{"period":{"end":"2027-01-09"}},"#;
    task(&clinic, "asked", "p1", "completed", late).await;
    let (_, page) = look(&clinic, "asha", "/patients/p1/forms").await;
    assert!(page.body.contains("02-Jan-2027") && !page.body.contains("03-Jan-2027"), "{}", page.body);
    let due = r#""restriction":{"period":{"end":"2027-01-09T02:00:00Z"}},"#;
    task(&clinic, "asked", "p1", "requested", due).await;
    let (_, page) = look(&clinic, "asha", "/patients/p1/forms").await;
    let (mut ruth, _) = come(&clinic, "patient").await;
    let list = ruth.get(&clinic, LIST).await;
    assert!(page.body.contains("08-Jan-2027") && list.body.contains("by 08-Jan-2027"), "{} {}", page.body, list.body);
}

#[tokio::test]
async fn answers_of_another_patient_are_not_said_to_be_of_this_one() {
    let clinic = ward().await;
    let members = r#""status":"completed","subject":{"reference":"Patient/p1"},"author":{"reference":"Patient/p2"},"authored":"2027-01-02T12:00:00Z",
        "item":[{"linkId":"a","text":"Pain","answer":[{"valueString":"None"}]}]"#;
    clinic.put("QuestionnaireResponse", "r1", members).await;
    let (_, page) = look(&clinic, "asha", "/patients/p1/forms/r1").await;
    assert!(page.body.contains("another patient") && !page.body.contains("the patient,"), "{}", page.body);
}
