//! Whom a PractitionerRole stands for where a chart names it, and who may say so.

use access::{Caller, Role};
use record::{Preconditions, RecordError, Target, types};

use crate::clinic::{Clinic, caller};
use crate::world::*;

fn standing_for(who: &str) -> String {
    format!(r#""practitioner":{}"#, reference("Practitioner", who))
}

fn role(id: &str) -> Target<'static> {
    Target::Id(key("PractitionerRole", id))
}

fn is_refused<T>(written: Result<T, RecordError>) -> bool {
    matches!(written, Err(RecordError::Denied(_)))
}

/// Ana is the patient of whoever `PractitionerRole/role` stands for.
async fn with_ana() -> Clinic {
    let clinic = clinic().await;
    patient(&clinic, "ana", r#""generalPractitioner":[{"reference":"PractitionerRole/role"}]"#).await;
    clinic
}

async fn opens(clinic: &Clinic, who: &Caller) -> bool {
    sees(clinic, who, "Observation", "ana-pulse").await
}

#[tokio::test]
async fn nobody_opens_charts_to_themselves_by_changing_whom_a_role_stands_for() {
    let clinic = with_ana().await;
    let (asha, ben) = (physician(&clinic, "asha").await, physician(&clinic, "ben").await);
    let set = async |who: &Caller, members: &str| put_as(&clinic, who, "PractitionerRole", "role", members).await;
    // Not under an id that a chart names already and that nothing stands under.
    assert!(is_refused(set(&ben, &standing_for("ben")).await));
    put(&clinic, "PractitionerRole", "role", &standing_for("asha")).await;
    for members in [
        standing_for("ben"),
        standing_for("ben").replace("Practitioner/ben", "https://clinic.example/fhir/Practitioner/ben"),
        format!(r#"{},"active":false"#, standing_for("ben")),
        r#""active":true"#.to_owned(),
    ] {
        assert!(is_refused(set(&ben, &members).await), "{members}");
        // Nor does who it stands for hand it on, which is the directory's to say.
        assert!(is_refused(set(&asha, &members).await), "{members}");
    }
    let patch = br#"[{"op":"replace","path":"/practitioner/reference","value":"Practitioner/ben"}]"#;
    assert!(is_refused(clinic.record.patch(&ben, role("role"), patch, Preconditions::default()).await));
    for who in [&ben, &asha] {
        assert!(is_refused(clinic.record.delete(who, role("role"), Preconditions::default()).await));
    }
    assert!(opens(&clinic, &asha).await && !opens(&clinic, &ben).await);
    // What else the role says may change, by whoever policy lets.
    set(&asha, &format!(r#"{},"availabilityExceptions":"Fridays""#, standing_for("asha"))).await.unwrap();
    set(&caller(Role::Integration), &standing_for("ben")).await.unwrap();
    assert!(opens(&clinic, &ben).await && !opens(&clinic, &asha).await);
}

#[tokio::test]
async fn what_was_deleted_or_is_inactive_is_taken_by_nobody() {
    let clinic = with_ana().await;
    let (asha, ben) = (physician(&clinic, "asha").await, physician(&clinic, "ben").await);
    let set = async |who: &Caller, members: &str| put_as(&clinic, who, "PractitionerRole", "role", members).await;
    let asleep = format!(r#"{},"active":false"#, standing_for("asha"));
    put(&clinic, "PractitionerRole", "role", &asleep).await;
    // A refusal that names a role does not end with it; nor, then, does what opens.
    assert!(opens(&clinic, &asha).await);
    assert!(is_refused(set(&ben, &standing_for("ben")).await));
    clinic.record.delete(&caller(Role::Integration), role("role"), Preconditions::default()).await.unwrap();
    assert!(!opens(&clinic, &asha).await && !opens(&clinic, &ben).await);
    for who in [&ben, &asha] {
        for name in ["asha", "ben"] {
            assert!(is_refused(set(who, &standing_for(name)).await), "{name}");
        }
    }
    assert!(!opens(&clinic, &asha).await && !opens(&clinic, &ben).await);
    set(&caller(Role::Integration), &standing_for("ben")).await.unwrap();
    assert!(opens(&clinic, &ben).await && !opens(&clinic, &asha).await);
}

#[tokio::test]
async fn a_tie_stands_for_nobody_and_is_not_turned_into_what_does() {
    let clinic = with_ana().await;
    let (asha, ben) = (physician(&clinic, "asha").await, physician(&clinic, "ben").await);
    let set = async |who: &Caller, id: &str, members: &str| put_as(&clinic, who, "PractitionerRole", id, members).await;
    let tie = |whose: &str, by: &str| {
        format!(
            r#""extension":[{{"url":"urn:wardstone:works-with","valueReference":{}}}],{},
            "code":[{{"coding":[{{"system":"urn:wardstone:practitioner-role","code":"working-with"}}]}}]"#,
            reference("Practitioner", whose),
            standing_for(by)
        )
    };
    // Who may say who works with them names somebody, and this opens what they treat and no more.
    set(&ben, "role", &tie("ben", "asha")).await.unwrap();
    set(&ben, "role", &tie("ben", "ben")).await.unwrap();
    assert!(!opens(&clinic, &asha).await && !opens(&clinic, &ben).await);
    assert!(is_refused(set(&ben, "role", &standing_for("ben")).await));
    // The other way round would end what it stood for.
    put(&clinic, "PractitionerRole", "bens", &standing_for("ben")).await;
    assert!(is_refused(set(&ben, "bens", &tie("ben", "asha")).await));
    clinic.record.delete(&ben, role("role"), Preconditions::default()).await.unwrap();
    assert!(is_refused(set(&ben, "role", &standing_for("ben")).await));
}

#[tokio::test]
async fn a_role_that_nothing_can_name_yet_is_anybodys_to_make() {
    let clinic = with_ana().await;
    let ben = physician(&clinic, "ben").await;
    let kind = types::parse("PractitionerRole").unwrap();
    let new = format!(r#"{{"resourceType":"PractitionerRole",{}}}"#, standing_for("ben"));
    let made = clinic.record.create(&ben, kind, new.as_bytes(), None).await.unwrap();
    // And from then on it can be named.
    assert!(is_refused(put_as(&clinic, &ben, "PractitionerRole", &made.id, &standing_for("asha")).await));
    put_as(&clinic, &ben, "PractitionerRole", &made.id, &standing_for("ben")).await.unwrap();
}
