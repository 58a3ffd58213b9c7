//! Who treats along: by covering somebody, or by working with them; from when until when, and who may say so.

use access::{Caller, Role};
use record::{Preconditions, RecordError, Target};

use crate::clinic::{Clinic, NOW_MS, caller};
use crate::world::*;

const DAY_MS: i64 = 86_400_000;
const ASHAS: &str = r#""generalPractitioner":[{"reference":"Practitioner/asha"}]"#;
const NOW_AND_ON: &str = r#","period":{"start":"2026-11-20"}"#;

fn cover(absent: &str, by: &str, more: &str) -> String {
    format!(
        r#""extension":[{{"url":"urn:wardstone:covers","valueReference":{}}}],"practitioner":{},
        "code":[{{"coding":[{{"system":"urn:wardstone:practitioner-role","code":"covering"}}]}}],
        "period":{{"start":"2026-11-20","end":"2026-11-24"}}{more}"#,
        reference("Practitioner", absent),
        reference("Practitioner", by)
    )
}

#[tokio::test]
async fn who_covers_treats_as_who_is_away_does_for_as_long() {
    let clinic = clinic().await;
    patient(&clinic, "ana", r#""generalPractitioner":[{"reference":"Practitioner/asha"}]"#).await;
    let ben = practitioner(&clinic, Role::Physician, "ben").await;
    let (before, on, after) =
        (at(clone(&ben), NOW_MS - 7 * DAY_MS), at(clone(&ben), NOW_MS - DAY_MS), at(ben, NOW_MS + 3 * DAY_MS));
    assert!(!sees(&clinic, &on, "Observation", "ana-pulse").await);
    let asha = physician(&clinic, "asha").await;
    put_as(&clinic, &asha, "PractitionerRole", "cover", &cover("asha", "ben", "")).await.unwrap();
    for (who, open) in [(&before, false), (&on, true), (&after, false)] {
        assert_eq!(sees(&clinic, who, "Observation", "ana-pulse").await, open, "{}", who.time_ms());
    }
    assert_eq!(found(&clinic, &on, "Observation", &[]).await, ["Observation/ana-pulse"]);
    // Whom Ben treats is not Asha's, and the one who covers is covered by nobody.
    patient(&clinic, "cyd", r#""generalPractitioner":[{"reference":"Practitioner/ben"}]"#).await;
    assert!(!sees(&clinic, &asha, "Observation", "cyd-pulse").await);
    put_as(&clinic, &asha, "PractitionerRole", "cover", &cover("asha", "ben", r#","active":false"#)).await.unwrap();
    assert!(!sees(&clinic, &on, "Observation", "ana-pulse").await);
    let clinic = clinic.restart().await;
    clinic.record.set_policies(probe());
    put(&clinic, "PractitionerRole", "cover", &cover("asha", "ben", "")).await;
    assert!(sees(&clinic, &on, "Observation", "ana-pulse").await);
}

#[tokio::test]
async fn nobody_opens_charts_to_themselves_by_covering() {
    let clinic = clinic().await;
    patient(&clinic, "ana", r#""generalPractitioner":[{"reference":"Practitioner/asha"}]"#).await;
    let (asha, ben) = (physician(&clinic, "asha").await, physician(&clinic, "ben").await);
    let refused = |written: Result<_, RecordError>| matches!(written, Err(RecordError::Denied(_)));
    assert!(refused(put_as(&clinic, &ben, "PractitionerRole", "cover", &cover("asha", "ben", "")).await.map(drop)));
    let unknown = cover("nobody", "ben", "");
    assert!(refused(put_as(&clinic, &ben, "PractitionerRole", "cover", &unknown).await.map(drop)));
    // Nor by changing one that stands.
    put_as(&clinic, &ben, "PractitionerRole", "cover", &cover("ben", "asha", "")).await.unwrap();
    assert!(refused(put_as(&clinic, &ben, "PractitionerRole", "cover", &cover("asha", "ben", "")).await.map(drop)));
    put_as(&clinic, &asha, "PractitionerRole", "mine", &cover("asha", "ben", r#","active":false"#)).await.unwrap();
    assert!(refused(put_as(&clinic, &ben, "PractitionerRole", "mine", &cover("asha", "ben", "")).await.map(drop)));
    assert!(!sees(&clinic, &ben, "Observation", "ana-pulse").await);
}

/// `by` works with `with`.
fn working(with: &str, by: &str, more: &str) -> String {
    format!(
        r#""extension":[{{"url":"urn:wardstone:works-with","valueReference":{}}}],"practitioner":{},
        "code":[{{"coding":[{{"system":"urn:wardstone:practitioner-role","code":"working-with"}}]}}]{more}"#,
        reference("Practitioner", with),
        reference("Practitioner", by)
    )
}

/// A clinic where Nora is a nurse, and Ana is Asha's.
async fn with_nora() -> Clinic {
    let clinic = clinic().await;
    put(&clinic, "Practitioner", "nora", r#""name":[{"family":"Lind"}]"#).await;
    patient(&clinic, "ana", ASHAS).await;
    clinic
}

async fn nurse(clinic: &Clinic) -> Caller {
    Caller::established(practitioner(clinic, Role::Nurse, "nora").await).unwrap()
}

fn is_refused<T>(written: Result<T, RecordError>) -> bool {
    matches!(written, Err(RecordError::Denied(_)))
}

#[tokio::test]
async fn who_works_with_somebody_treats_whom_they_treat_in_their_own_role_while_it_holds() {
    let clinic = with_nora().await;
    let (asha, nora) = (physician(&clinic, "asha").await, practitioner(&clinic, Role::Nurse, "nora").await);
    let (before, now, later) =
        (at(clone(&nora), NOW_MS - 7 * DAY_MS), at(clone(&nora), NOW_MS), at(nora, NOW_MS + 900 * DAY_MS));
    assert!(!sees(&clinic, &now, "Patient", "ana").await, "closed until somebody says so");
    put_as(&clinic, &asha, "PractitionerRole", "works", &working("asha", "nora", NOW_AND_ON)).await.unwrap();
    for (who, open) in [(&before, false), (&now, true), (&later, true)] {
        assert_eq!(sees(&clinic, who, "Patient", "ana").await, open, "{}", who.time_ms());
    }
    // In her own role: a nurse sees the medicines that are taken now, and no others.
    for (status, open) in [("active", true), ("stopped", false)] {
        let order = format!(
            r#""status":"{status}","intent":"order","medicationCodeableConcept":{{"text":"x"}},"subject":{}"#,
            reference("Patient", "ana")
        );
        put(&clinic, "MedicationRequest", status, &order).await;
        assert_eq!(sees(&clinic, &now, "MedicationRequest", status).await, open, "{status}");
    }
    // Somebody new, from their first appointment on.
    patient(&clinic, "eva", "").await;
    let booked = format!(
        r#""status":"booked","start":"2026-11-22T15:00:00Z","end":"2026-11-22T15:30:00Z","participant":[
        {{"actor":{},"status":"accepted"}},{{"actor":{},"status":"accepted"}}]"#,
        reference("Patient", "eva"),
        reference("Practitioner", "asha")
    );
    put(&clinic, "Appointment", "visit", &booked).await;
    assert!(sees(&clinic, &now, "Appointment", "visit").await && sees(&clinic, &now, "Patient", "eva").await);
    // Asha treats nobody whom Nora alone treats.
    patient(&clinic, "cyd", r#""generalPractitioner":[{"reference":"Practitioner/nora"}]"#).await;
    assert!(sees(&clinic, &now, "Patient", "cyd").await && !sees(&clinic, &asha, "Observation", "cyd-pulse").await);
    let ended = r#","period":{"start":"2026-11-20","end":"2026-11-21T23:00:00Z"}"#;
    put_as(&clinic, &asha, "PractitionerRole", "works", &working("asha", "nora", ended)).await.unwrap();
    assert!(!sees(&clinic, &now, "Patient", "ana").await && !sees(&clinic, &later, "Patient", "ana").await);
}

#[tokio::test]
async fn a_tie_is_gone_with_any_of_what_it_hangs_on_and_back_with_it() {
    let clinic = with_nora().await;
    let (asha, nora) = (physician(&clinic, "asha").await, nurse(&clinic).await);
    let set = async |more: &str| {
        put_as(&clinic, &asha, "PractitionerRole", "works", &working("asha", "nora", more)).await.unwrap();
    };
    set("").await;
    assert!(sees(&clinic, &nora, "Patient", "ana").await, "a period that is not said is open");
    for broken in [r#","active":false"#, r#","period":{"start":"2026-11-23"}"#] {
        set(broken).await;
        assert!(!sees(&clinic, &nora, "Patient", "ana").await, "{broken}");
        set(NOW_AND_ON).await;
        assert!(sees(&clinic, &nora, "Patient", "ana").await);
    }
    // Either is here no more.
    for who in ["asha", "nora"] {
        put(&clinic, "Practitioner", who, r#""active":false,"name":[{"family":"X"}]"#).await;
        assert!(!sees(&clinic, &nora, "Patient", "ana").await, "{who}");
        put(&clinic, "Practitioner", who, r#""active":true,"name":[{"family":"X"}]"#).await;
        assert!(sees(&clinic, &nora, "Patient", "ana").await);
    }
    let works = || Target::Id(key("PractitionerRole", "works"));
    clinic.record.delete(&asha, works(), Preconditions::default()).await.unwrap();
    assert!(!sees(&clinic, &nora, "Patient", "ana").await);
    // The code says what it is: an extension by itself ties nobody.
    put(&clinic, "PractitionerRole", "works", &working("asha", "nora", "").replace("working-with", "nurse")).await;
    assert!(!sees(&clinic, &nora, "Patient", "ana").await);
    // Nor does the wrong one: who left is covered, and works with nobody.
    put(&clinic, "PractitionerRole", "works", &working("asha", "nora", "").replace("works-with", "covers")).await;
    assert!(!sees(&clinic, &nora, "Patient", "ana").await);
    put(&clinic, "PractitionerRole", "cover", &cover("asha", "nora", "")).await;
    put(&clinic, "Practitioner", "asha", r#""active":false,"name":[{"family":"X"}]"#).await;
    assert!(sees(&clinic, &nora, "Patient", "ana").await);
}

#[tokio::test]
async fn ties_do_not_chain() {
    let clinic = with_nora().await;
    let nora = nurse(&clinic).await;
    put(&clinic, "PractitionerRole", "works", &working("ben", "nora", NOW_AND_ON)).await;
    patient(&clinic, "cyd", r#""generalPractitioner":[{"reference":"Practitioner/ben"}]"#).await;
    for tie in [cover("asha", "ben", ""), working("asha", "ben", NOW_AND_ON)] {
        put(&clinic, "PractitionerRole", "tie", &tie).await;
        let ben = physician(&clinic, "ben").await;
        assert!(sees(&clinic, &ben, "Observation", "ana-pulse").await && sees(&clinic, &nora, "Patient", "cyd").await);
        assert!(!sees(&clinic, &nora, "Patient", "ana").await, "{tie}");
    }
    // Whose patients they are stays so while somebody covers: who works with Asha goes on to treat hers.
    put(&clinic, "PractitionerRole", "tie", &cover("asha", "ben", "")).await;
    put(&clinic, "PractitionerRole", "works", &working("asha", "nora", NOW_AND_ON)).await;
    assert!(sees(&clinic, &nora, "Patient", "ana").await && !sees(&clinic, &nora, "Patient", "cyd").await);
}

#[tokio::test]
async fn only_whose_patients_they_are_says_who_works_with_them() {
    let clinic = with_nora().await;
    let (asha, ben, nora) = (physician(&clinic, "asha").await, physician(&clinic, "ben").await, nurse(&clinic).await);
    let ashas = |by: &str| working("asha", by, NOW_AND_ON);
    let set = async |who: &Caller, id: &str, members: &str| put_as(&clinic, who, "PractitionerRole", id, members).await;
    // Neither for oneself, nor for a colleague, nor beside one's own.
    assert!(is_refused(set(&nora, "new", &ashas("nora")).await));
    assert!(is_refused(set(&ben, "new", &ashas("ben")).await));
    assert!(is_refused(set(&ben, "new", &ashas("nora")).await));
    let both = ashas("ben").replace(
        r#""extension":["#,
        r#""extension":[{"url":"urn:wardstone:works-with","valueReference":{"reference":"Practitioner/ben"}},"#,
    );
    assert!(is_refused(set(&ben, "new", &both).await));
    let absolute = ashas("ben").replace("Practitioner/asha", "https://clinic.example/fhir/Practitioner/asha");
    assert!(is_refused(set(&ben, "new", &absolute).await));
    // Nor by changing what is one's own, or a role that says nothing yet, whole or in part.
    set(&ben, "bens", &working("ben", "nora", NOW_AND_ON)).await.unwrap();
    assert!(is_refused(set(&ben, "bens", &ashas("ben")).await));
    let patch = br#"[{"op":"replace","path":"/extension/0/valueReference/reference","value":"Practitioner/asha"}]"#;
    let bens = Target::Id(key("PractitionerRole", "bens"));
    assert!(is_refused(clinic.record.patch(&ben, bens, patch, Preconditions::default()).await));
    let plain = format!(r#""practitioner":{}"#, reference("Practitioner", "ben"));
    put(&clinic, "PractitionerRole", "plain", &plain).await;
    assert!(is_refused(set(&ben, "plain", &ashas("ben")).await));
    // What Asha said stays hers: nobody else takes it over, ends it, or wakes it.
    set(&asha, "ashas", &ashas("nora")).await.unwrap();
    set(&asha, "asleep", &format!(r#"{},"active":false"#, ashas("ben"))).await.unwrap();
    for members in [ashas("ben"), working("ben", "nora", NOW_AND_ON), plain] {
        assert!(is_refused(set(&ben, "ashas", &members).await), "{members}");
        assert!(is_refused(set(&ben, "asleep", &members).await), "{members}");
    }
    let target = || Target::Id(key("PractitionerRole", "ashas"));
    let woken = br#"[{"op":"replace","path":"/practitioner/reference","value":"Practitioner/ben"}]"#;
    assert!(is_refused(clinic.record.patch(&ben, target(), woken, Preconditions::default()).await));
    assert!(is_refused(clinic.record.delete(&ben, target(), Preconditions::default()).await));
    assert!(!sees(&clinic, &ben, "Observation", "ana-pulse").await);
    assert!(sees(&clinic, &nora, "Patient", "ana").await);
    clinic.record.delete(&asha, target(), Preconditions::default()).await.unwrap();
    // What was deleted is not brought back by another.
    assert!(is_refused(set(&ben, "ashas", &ashas("ben")).await));
    set(&caller(Role::Integration), "ashas", &ashas("nora")).await.unwrap();
    assert!(sees(&clinic, &nora, "Patient", "ana").await);
}
