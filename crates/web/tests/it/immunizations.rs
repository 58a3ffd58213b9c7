//! Immunizations: a dose given says its lot, a dose told of says by whom, one not given says why, and a mistake stays.

use http::StatusCode;

use crate::lists::{Fill, fill, held, rowed, sent};
use crate::ward::{look, ward};

const PAGE: &str = "/patients/p1/immunizations";
const GIVEN: Fill<'static> = &[
    ("vaccine", "tdap"),
    ("lot", "K7741"),
    ("maker", "Sanofi Pasteur"),
    ("expires", "30-Jun-2027"),
    ("site", "LA"),
    ("route", "IM"),
    ("note", "no reaction"),
];

#[tokio::test]
async fn a_dose_given_says_all_that_the_law_asks_and_is_recorded_once() {
    let clinic = ward().await;
    let (mut nora, page) = look(&clinic, "nora", PAGE).await;
    assert!(page.body.contains("Influenza vaccine") && page.body.contains("10-Oct-2026"), "{}", page.body);
    // By which way is chosen by who gave it.
    let begun = sent(&page.body);
    assert!(begun.iter().any(|(name, value)| *name == "route" && value.is_empty()), "{begun:?}");
    let mut form = fill(&clinic, &mut nora, PAGE, GIVEN).await;
    for _ in 0..2 {
        let saved = nora.post(&clinic, PAGE, &form).await;
        assert_eq!(saved.location(), "/patients/p1/immunizations?saved", "{}", saved.body);
    }
    let all = held(&clinic, "Immunization", "p1").await;
    assert_eq!(all.len(), 2);
    let one = all.iter().find(|one| one.contains("K7741")).unwrap();
    for part in [
        r#""code":"115""#,
        "hl7.org/fhir/sid/cvx",
        r#""status":"completed""#,
        r#""primarySource":true"#,
        r#""occurrenceDateTime":"2027-01-04""#,
        r#""code":"LA""#,
        r#""code":"IM""#,
        "Practitioner/nora",
        "Sanofi Pasteur",
        r#""expirationDate":"2027-06-30""#,
    ] {
        assert!(one.contains(part), "{part} in {one}");
    }
    let page = nora.get(&clinic, PAGE).await;
    for part in ["lot K7741", "Left arm", "Dr nora", "expires 30-Jun-2027"] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
    rowed(&mut form, "lot", "K7742");
    let stale = nora.post(&clinic, PAGE, &form).await;
    assert!(stale.status == StatusCode::CONFLICT && stale.body.contains(r#"value="K7742""#), "{}", stale.body);
    let again = fill(&clinic, &mut nora, PAGE, GIVEN).await;
    assert!(nora.post(&clinic, PAGE, &again).await.body.contains("on the list for that day already"));
}

#[tokio::test]
async fn told_of_and_not_given_are_no_doses_given_here() {
    let clinic = ward().await;
    let (mut asha, _) = look(&clinic, "asha", PAGE).await;
    for (typed, parts) in [
        (
            [("vaccine", "MMR"), ("way", "reported"), ("day", "1974"), ("origin", "recall")],
            [r#""primarySource":false"#, r#""occurrenceDateTime":"1974""#, r#""code":"recall""#],
        ),
        (
            [("vaccine", "zoster"), ("way", "refused"), ("day", "04-Jan-2027"), ("reason", "PATOBJ")],
            [r#""status":"not-done""#, r#""code":"PATOBJ""#, r#""code":"121""#],
        ),
    ] {
        let form = fill(&clinic, &mut asha, PAGE, &typed).await;
        assert_eq!(asha.post(&clinic, PAGE, &form).await.status, StatusCode::SEE_OTHER);
        let all = held(&clinic, "Immunization", "p1").await;
        assert!(all.iter().any(|one| parts.iter().all(|part| one.contains(part))), "{all:?}");
        assert!(!all.iter().any(|one| one.contains("Practitioner/asha")), "{all:?}");
    }
    let page = asha.get(&clinic, PAGE).await;
    for part in ["told of", "The patient or family remembers", "not given", "Patient or parent declined"] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
}

#[tokio::test]
async fn what_is_missing_is_named_and_a_mistake_stays_with_its_reason() {
    let clinic = ward().await;
    let (mut nora, page) = look(&clinic, "nora", PAGE).await;
    for (name, value, said) in [
        ("vaccine", "", "Say which vaccine"),
        ("lot", "", "Type the lot"),
        ("site", "", "Choose where it was given"),
        ("route", "", "Choose how it was given"),
        ("day", "2026", "Say the day"),
        ("day", "05-Jan-2028", "still to come"),
        ("expires", "30-Jun-2025", "had expired on that day"),
        ("way", "reported", "Choose who says so"),
        ("way", "refused", "Choose why it was not given"),
    ] {
        let mut form = fill(&clinic, &mut nora, PAGE, GIVEN).await;
        rowed(&mut form, name, value);
        let refused = nora.post(&clinic, PAGE, &form).await;
        assert!(
            refused.status == StatusCode::UNPROCESSABLE_ENTITY && refused.body.contains(said),
            "{said}: {}",
            refused.body
        );
        assert!(refused.body.contains(r#"value="no reaction""#), "{said}");
    }
    let one = "/patients/p1/immunizations/dose";
    let csrf = page.csrf();
    let mistake = |version: &str, why: &str| {
        vec![("csrf", csrf.clone()), ("version", version.to_owned()), ("why", why.to_owned())]
    };
    assert_eq!(nora.post(&clinic, one, &mistake("1", "")).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(nora.post(&clinic, one, &mistake("7", "wrong")).await.status, StatusCode::CONFLICT);
    for _ in 0..2 {
        assert_eq!(nora.post(&clinic, one, &mistake("1", "wrong chart")).await.status, StatusCode::SEE_OTHER);
    }
    let all = held(&clinic, "Immunization", "p1").await;
    assert!(all.len() == 1 && all[0].contains("entered-in-error") && all[0].contains("wrong chart"), "{all:?}");
    assert!(nora.get(&clinic, PAGE).await.body.contains("1 entered by mistake"));
    for login in ["leo", "fay"] {
        assert_eq!(look(&clinic, login, PAGE).await.1.status, StatusCode::FORBIDDEN, "{login}");
    }
}
