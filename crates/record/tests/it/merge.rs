//! Two records of one patient: shown and decided as one while they are merged, and as before when that is undone.

use access::{Caller, CallerParts, ChartNo, Role};
use record::{Merging, Preconditions, RecordError, Target};

use crate::clinic::{Clinic, caller, parts};
use crate::world::*;

const REASON: &str = "same person: passport and phone number agree";

fn merging<'a>(surviving: (&'a str, u32), duplicate: (&'a str, u32)) -> Merging<'a> {
    Merging { surviving, duplicate, reason: REASON }
}

/// Ana, whom Asha treats, and a second record of hers that nobody was attributed to, with an allergy.
async fn two() -> (Clinic, Caller, Caller) {
    let clinic = clinic().await;
    put(&clinic, "Practitioner", "cora", r#""name":[{"family":"Lim"}]"#).await;
    patient(&clinic, "ana", r#""active":true,"generalPractitioner":[{"reference":"Practitioner/asha"}]"#).await;
    patient(&clinic, "double", r#""generalPractitioner":[{"reference":"Practitioner/cora"}]"#).await;
    let (asha, ben) = (physician(&clinic, "asha").await, physician(&clinic, "ben").await);
    (clinic, asha, ben)
}

async fn json(clinic: &Clinic, id: &str) -> String {
    let read = clinic.record.read(&caller(Role::Integration), &key("Patient", id)).await.unwrap();
    let text = String::from_utf8(read.get().json().to_vec()).unwrap();
    // All but what every version has of its own.
    let (before, after) = text.split_once(r#""meta":{"#).unwrap();
    format!("{before}{}", after.split_once('}').unwrap().1)
}

#[tokio::test]
async fn who_treats_the_one_sees_the_other_while_they_are_merged_and_no_longer() {
    let (clinic, asha, ben) = two().await;
    let integration = caller(Role::Integration);
    let before = (json(&clinic, "ana").await, json(&clinic, "double").await);
    assert!(!sees(&clinic, &asha, "Observation", "double-pulse").await);
    clinic.record.merge(&integration, &merging(("ana", 1), ("double", 1))).await.unwrap();
    assert_eq!(clinic.record.merged_into("ana").await.unwrap(), ["double"]);
    assert_eq!(clinic.record.surviving("double").await.unwrap().as_deref(), Some("ana"));
    assert!(sees(&clinic, &asha, "Observation", "double-pulse").await);
    assert!(sees(&clinic, &asha, "Observation", "ana-pulse").await);
    assert!(!sees(&clinic, &ben, "Observation", "double-pulse").await);
    let both = found(&clinic, &asha, "Observation", &[("patient", "ana,double")]).await;
    assert_eq!(both.len(), 2, "{both:?}");
    let (one, other) = (json(&clinic, "ana").await, json(&clinic, "double").await);
    assert!(one.contains(r#""link":[{"other":{"reference":"Patient/double"},"type":"replaces"}]"#), "{one}");
    assert!(other.contains(r#""active":false"#) && other.contains("replaced-by"), "{other}");

    clinic.record.unmerge(&integration, &merging(("ana", 2), ("double", 2))).await.unwrap();
    assert_eq!((json(&clinic, "ana").await, json(&clinic, "double").await), before);
    assert!(!sees(&clinic, &asha, "Observation", "double-pulse").await);
    assert!(clinic.record.merged_into("ana").await.unwrap().is_empty());
}

#[tokio::test]
async fn what_was_refused_in_one_record_is_refused_in_both() {
    let (clinic, asha, _) = two().await;
    let consent = r#""status":"active","scope":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}]},
        "category":[{"coding":[{"system":"http://loinc.org","code":"59284-0"}]}],"patient":{"reference":"Patient/double"},"policyRule":{"text":"x"},
        "provision":{"type":"deny"}"#;
    put(&clinic, "Consent", "no", consent).await;
    assert!(sees(&clinic, &asha, "Observation", "ana-pulse").await);
    clinic.record.merge(&caller(Role::Integration), &merging(("ana", 1), ("double", 1))).await.unwrap();
    assert!(!sees(&clinic, &asha, "Observation", "ana-pulse").await);
}

#[tokio::test]
async fn a_patient_sees_both_records_and_nobody_elses() {
    let (clinic, ..) = two().await;
    patient(&clinic, "eve", "").await;
    let link = clinic.record.patient_link(&caller(Role::Admin), "ana").await.unwrap();
    let own = ChartNo(link.chart.0);
    let ana = Caller::established(CallerParts { own_chart: Some(own), ..parts(Role::Patient) }).unwrap();
    let seen = async || found(&clinic, &ana, "Observation", &[]).await.len();
    assert_eq!(seen().await, 1);
    clinic.record.merge(&caller(Role::Integration), &merging(("ana", 1), ("double", 1))).await.unwrap();
    assert_eq!(seen().await, 2);
    assert!(sees(&clinic, &ana, "Observation", "double-pulse").await);
    clinic.record.unmerge(&caller(Role::Integration), &merging(("ana", 2), ("double", 2))).await.unwrap();
    assert_eq!(seen().await, 1);
}

#[tokio::test]
async fn one_sides_word_joins_nothing_and_ordinary_writers_cannot_say_it() {
    let (clinic, asha, _) = two().await;
    // Imported from elsewhere, half of it.
    put(
        &clinic,
        "Patient",
        "ana",
        r#""name":[{"family":"Sato"}],"generalPractitioner":[{"reference":"Practitioner/asha"}],
        "link":[{"other":{"reference":"Patient/double"},"type":"replaces"}]"#,
    )
    .await;
    assert!(!sees(&clinic, &asha, "Observation", "double-pulse").await);
    assert!(clinic.record.merged_into("ana").await.unwrap().is_empty());
    // Cora writes in the chart of the second record, and that does not let her join it with the first; without a link it does.
    let cora = physician(&clinic, "cora").await;
    let members = r#""name":[{"family":"Sato"}],"generalPractitioner":[{"reference":"Practitioner/cora"}]"#;
    put_as(&clinic, &cora, "Patient", "double", members).await.unwrap();
    for (who, id, kind, other) in [(&cora, "double", "replaced-by", "ana"), (&cora, "double", "replaces", "ana")] {
        let read = clinic.record.read(&caller(Role::Integration), &key("Patient", id)).await.unwrap();
        let text = String::from_utf8(read.get().json().to_vec()).unwrap();
        let link = format!(r#","link":[{{"other":{{"reference":"Patient/{other}"}},"type":"{kind}"}}]}}"#);
        let body = format!("{}{link}", text.strip_suffix('}').unwrap());
        let target = Target::Id(key("Patient", id));
        let tried = clinic.record.update(who, target, body.as_bytes(), Preconditions::default()).await;
        assert!(matches!(tried, Err(RecordError::Denied(_))), "{:?}", tried.err());
    }
    assert!(!sees(&clinic, &asha, "Observation", "double-pulse").await);
}

#[tokio::test]
async fn a_merge_asks_for_leave_a_reason_and_the_versions_that_were_seen() {
    let (clinic, asha, _) = two().await;
    let integration = caller(Role::Integration);
    // She does not treat the second record's patient.
    let tried = clinic.record.merge(&asha, &merging(("ana", 1), ("double", 1))).await;
    assert!(matches!(tried, Err(RecordError::Denied(_))), "{tried:?}");
    let tried = clinic.record.merge(&caller(Role::Nurse), &merging(("ana", 1), ("double", 1))).await;
    assert!(matches!(tried, Err(RecordError::Denied(_))), "{tried:?}");
    let short = Merging { reason: "same", ..merging(("ana", 1), ("double", 1)) };
    assert!(matches!(clinic.record.merge(&integration, &short).await, Err(RecordError::Malformed(_))));
    let tried = clinic.record.merge(&integration, &merging(("ana", 1), ("ana", 1))).await;
    assert!(matches!(tried, Err(RecordError::Malformed(_))));
    let tried = clinic.record.merge(&integration, &merging(("ana", 1), ("double", 7))).await;
    assert!(matches!(tried, Err(RecordError::PreconditionFailed { held: 1 })), "{tried:?}");
    clinic.record.merge(&integration, &merging(("ana", 1), ("double", 1))).await.unwrap();
    // Twice, the other way round, and in a row it is refused.
    for (one, other) in [(("ana", 2), ("double", 2)), (("double", 2), ("ana", 2))] {
        let tried = clinic.record.merge(&integration, &merging(one, other)).await;
        assert!(matches!(tried, Err(RecordError::Malformed(_))), "{tried:?}");
    }
    let undone = clinic.record.unmerge(&integration, &merging(("double", 2), ("ana", 2))).await;
    assert!(matches!(undone, Err(RecordError::Malformed(_))), "{undone:?}");
}
