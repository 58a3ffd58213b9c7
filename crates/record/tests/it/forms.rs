//! The one thing that a patient writes: the answer to a form that the clinic asked for, and that the Task is done with it.

use access::{Caller, CallerParts, Role};
use record::{Preconditions, RecordError, Target};

use crate::clinic::{Clinic, caller, parts};
use crate::world::*;

const FORM: &str = r#""intent":"order","code":{"coding":[{"system":"http://hl7.org/fhir/uv/sdc/CodeSystem/temp","code":"complete-questionnaire"}]}"#;

async fn asked(clinic: &Clinic, id: &str, patient: &str, status: &str) {
    let members =
        format!(r#"{FORM},"status":"{status}","description":"Intake","for":{{"reference":"Patient/{patient}"}}"#);
    put(clinic, "Task", id, &members).await;
}

fn response(patient: &str) -> Vec<u8> {
    format!(
        r#"{{"resourceType":"QuestionnaireResponse","status":"completed","subject":{{"reference":"Patient/{patient}"}},
        "item":[{{"linkId":"a","answer":[{{"valueString":"fine"}}]}}]}}"#
    )
    .into_bytes()
}

async fn patient_of(clinic: &Clinic, id: &str) -> Caller {
    let chart = clinic.record.own_chart_link(&caller(Role::FrontDesk), id).await.unwrap();
    Caller::established(CallerParts { own_chart: Some(chart), ..parts(Role::Patient) }).unwrap()
}

async fn clinic_of_two() -> Clinic {
    let clinic = Clinic::new().await;
    for id in ["ana", "ben"] {
        patient(&clinic, id, r#""gender":"female""#).await;
    }
    asked(&clinic, "form", "ana", "requested").await;
    clinic
}

#[tokio::test]
async fn a_patient_answers_their_own_form_once_and_the_task_is_done_with_the_response() {
    let clinic = clinic_of_two().await;
    let ana = patient_of(&clinic, "ana").await;
    let id = clinic.record.answer_form(&ana, "form", 1, &response("ana")).await.unwrap();
    let task = clinic.record.read(&ana, &key("Task", "form")).await.unwrap();
    let task = String::from_utf8(task.get().json().to_vec()).unwrap();
    assert!(
        task.contains(r#""status":"completed""#) && task.contains(&format!("QuestionnaireResponse/{id}")),
        "{task}"
    );
    assert!(task.contains(r#""description":"Intake""#), "{task}");
    assert!(sees(&clinic, &ana, "QuestionnaireResponse", &id).await);
    let again = clinic.record.answer_form(&ana, "form", 1, &response("ana")).await;
    assert!(matches!(again, Err(RecordError::PreconditionFailed { held: 2 })));
    let done = clinic.record.answer_form(&ana, "form", 2, &response("ana")).await;
    assert!(matches!(done, Err(RecordError::Malformed(_))));
    assert_eq!(found(&clinic, &ana, "QuestionnaireResponse", &[("subject", "Patient/ana")]).await.len(), 1);
}

#[tokio::test]
async fn no_form_of_anybody_else_and_nothing_that_is_no_open_form_is_answered() {
    let clinic = clinic_of_two().await;
    let (ana, ben) = (patient_of(&clinic, "ana").await, patient_of(&clinic, "ben").await);
    let theirs = clinic.record.answer_form(&ben, "form", 1, &response("ben")).await;
    assert!(matches!(theirs, Err(RecordError::NotFound | RecordError::Denied(_))));
    let into_theirs = clinic.record.answer_form(&ana, "form", 1, &response("ben")).await;
    assert!(matches!(into_theirs, Err(RecordError::Malformed(_))));
    let absent = clinic.record.answer_form(&ana, "none", 1, &response("ana")).await;
    assert!(matches!(absent, Err(RecordError::NotFound | RecordError::Denied(_))));
    asked(&clinic, "off", "ana", "cancelled").await;
    put(&clinic, "Task", "other", r#""intent":"order","status":"requested","for":{"reference":"Patient/ana"}"#).await;
    for id in ["off", "other"] {
        let refused = clinic.record.answer_form(&ana, id, 1, &response("ana")).await;
        assert!(matches!(refused, Err(RecordError::Malformed(_))), "{id}");
    }
    let invalid = clinic.record.answer_form(&ana, "form", 1, br#"{"resourceType":"Observation"}"#).await;
    assert!(invalid.is_err());
    for role in [Role::Physician, Role::Nurse, Role::Integration, Role::FrontDesk, Role::Admin] {
        let refused = clinic.record.answer_form(&caller(role), "form", 1, &response("ana")).await;
        assert!(matches!(refused, Err(RecordError::Denied(_))), "{}", role.name());
    }
    // Nor does a patient write it by any other door.
    let kind = record::types::parse("QuestionnaireResponse").unwrap();
    assert!(matches!(clinic.record.create(&ana, kind, &response("ana"), None).await, Err(RecordError::Denied(_))));
    let done = format!(
        r#"{{"resourceType":"Task","id":"form",{FORM},"status":"completed","for":{{"reference":"Patient/ana"}}}}"#
    );
    let target = Target::Id(key("Task", "form"));
    let updated = clinic.record.update(&ana, target, done.as_bytes(), Preconditions::default()).await;
    assert!(matches!(updated, Err(RecordError::Denied(_))));
    assert!(found(&clinic, &ana, "QuestionnaireResponse", &[("subject", "Patient/ana")]).await.is_empty());
}
