//! Appointments under a sensitive label: the front desk checks in whoever comes and learns nothing of what for.

use access::Role;
use record::{Preconditions, RecordError, SearchRequest, Target, types};

use crate::clinic::{Clinic, caller};
use crate::world::*;

const HIV: &str = r#"{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}"#;
const WHY: &str = r#""serviceType":[{"text":"Counselling"}],"specialty":[{"text":"Psychiatry"}],"appointmentType":{"text":"Crisis"},
    "description":"panic","comment":"brings her sister","reasonCode":[{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"F41.1"}]}]"#;
const WORDS: [&str; 8] = ["Counselling", "Psychiatry", "Crisis", "panic", "sister", "F41", "HIV", "security"];

fn times(status: &str) -> String {
    format!(
        r#""status":"{status}","start":"2026-11-22T09:00:00Z","end":"2026-11-22T09:30:00Z","participant":[{{"actor":{},"status":"accepted"}}]"#,
        reference("Patient", "ana")
    )
}

/// Ana comes for what her appointment's reason and a label that was put on it say.
async fn with_appointment() -> Clinic {
    let clinic = Clinic::new().await;
    patient(&clinic, "ana", "").await;
    let labels = format!(r#""meta":{{"security":[{HIV}],"tag":[{{"code":"mine"}}]}}"#);
    put(&clinic, "Appointment", "at-nine", &format!("{labels},{},{WHY}", times("booked"))).await;
    clinic
}

fn at_nine() -> Target<'static> {
    Target::Id(key("Appointment", "at-nine"))
}

async fn shown_to(clinic: &Clinic, role: Role) -> String {
    let read = clinic.record.read(&caller(role), &key("Appointment", "at-nine")).await.unwrap();
    String::from_utf8(read.into_inner().json().to_vec()).unwrap()
}

fn says_nothing(text: &str) {
    for word in WORDS {
        assert!(!text.contains(word), "{word}: {text}");
    }
}

#[tokio::test]
async fn the_front_desk_sees_who_comes_when_and_nothing_of_what_for() {
    let clinic = with_appointment().await;
    let text = shown_to(&clinic, Role::FrontDesk).await;
    assert!(text.contains("Patient/ana") && text.contains("T09:00:00Z") && text.contains(r#""code":"mine""#), "{text}");
    says_nothing(&text);
    let desk = caller(Role::FrontDesk);
    for query in [&[("date", "2026-11-22")][..], &[("patient", "ana"), ("status", "booked")]] {
        assert_eq!(found(&clinic, &desk, "Appointment", query).await, ["Appointment/at-nine"], "{query:?}");
    }
    // What is not shown is not looked for: it is refused, or finds nobody.
    let all = "http://terminology.hl7.org/CodeSystem/v3-ActCode|HIV";
    for (name, value) in [
        ("_security", all),
        ("_security:not", "http://terminology.hl7.org/CodeSystem/v3-ActCode|SUD"),
        ("reason-code", "F41.1"),
        ("reason-code:missing", "false"),
        ("service-type:missing", "false"),
        ("specialty:missing", "false"),
        ("appointment-type:missing", "false"),
    ] {
        let pairs = [(name.into(), value.into())];
        let request = SearchRequest {
            kind: types::parse("Appointment").unwrap(),
            compartment: None,
            pairs: &pairs,
            lenient: false,
        };
        match clinic.record.search(&desk, &request).await {
            Ok(page) => assert!(page.into_inner().entries.is_empty(), "{name}"),
            Err(RecordError::HiddenParameter { .. }) => {}
            Err(other) => panic!("{name}: {other}"),
        }
    }
    let by_label = [("_has:Appointment:patient:_security".into(), all.into())];
    let request =
        SearchRequest { kind: types::parse("Patient").unwrap(), compartment: None, pairs: &by_label, lenient: false };
    assert!(!matches!(clinic.record.search(&desk, &request).await, Ok(page) if !page.get().entries.is_empty()));
}

#[tokio::test]
async fn who_checks_in_loses_nothing_of_what_they_do_not_see() {
    let clinic = with_appointment().await;
    let desk = caller(Role::FrontDesk);
    let seen = shown_to(&clinic, Role::FrontDesk).await;
    let arrived = seen.replace("booked", "arrived");
    clinic.record.update(&desk, at_nine(), arrived.as_bytes(), Preconditions::default()).await.unwrap();
    let patch = br#"[{"op":"replace","path":"/status","value":"checked-in"}]"#;
    clinic.record.patch(&desk, at_nine(), patch, Preconditions::default()).await.unwrap();
    // Without any meta of their own too.
    put_as(&clinic, &desk, "Appointment", "at-nine", &times("checked-in")).await.unwrap();
    let whole = shown_to(&clinic, Role::Integration).await;
    for word in WORDS {
        assert!(whole.contains(word), "{word} is lost: {whole}");
    }
    assert!(whole.contains("checked-in") && !whole.contains("SUBSETTED"), "{whole}");
    says_nothing(&shown_to(&clinic, Role::FrontDesk).await);
    // Nor do they say what is not theirs to see, here or of somebody new.
    let labels = format!(r#""meta":{{"security":[{HIV}]}},{}"#, times("booked"));
    assert!(put_as(&clinic, &desk, "Appointment", "at-nine", &labels).await.is_err());
    assert!(put_as(&clinic, &desk, "Appointment", "at-nine", &format!("{},{WHY}", times("booked"))).await.is_err());
    assert!(put_as(&clinic, &desk, "Appointment", "at-ten", &labels).await.is_err());
    assert!(clinic.record.delete(&desk, at_nine(), Preconditions::default()).await.is_err());
}

#[tokio::test]
async fn appointments_of_a_part_2_program_stay_closed() {
    let clinic = with_appointment().await;
    let part_2 = HIV.replace("\"HIV\"", "\"42CFRPart2\"");
    put(&clinic, "Appointment", "at-ten", &format!(r#""meta":{{"security":[{part_2}]}},{}"#, times("booked"))).await;
    let desk = caller(Role::FrontDesk);
    assert!(!sees(&clinic, &desk, "Appointment", "at-ten").await);
    assert_eq!(found(&clinic, &desk, "Appointment", &[("date", "2026-11-22")]).await, ["Appointment/at-nine"]);
}
