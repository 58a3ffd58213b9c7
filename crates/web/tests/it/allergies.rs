//! Allergies: listed, known to be none, or not recorded; each an act of somebody, made once and never over somebody else's.

use http::StatusCode;

use crate::clinic::{Answer, Browser, Clinic};
use crate::lists::{Fill, fill, held, rowed, sent};
use crate::ward::{look, patient, team, ward};

const PAGE: &str = "/patients/p3/allergies";

/// Ines, of whom nothing is known yet.
async fn with_ines() -> Clinic {
    let clinic = ward().await;
    patient(&clinic, "p3", "Castro", "Ines", "1980-05-05", "MR-3").await;
    team(&clinic, "p3", &["asha", "nora", "leo"]).await;
    clinic
}

async fn send(clinic: &Clinic, browser: &mut Browser, page: &str, typed: Fill<'_>) -> Answer {
    let form = fill(clinic, browser, page, typed).await;
    browser.post(clinic, page, &form).await
}

#[tokio::test]
async fn not_recorded_none_known_and_listed_are_three_states_and_each_is_an_act() {
    let clinic = with_ines().await;
    let (mut browser, page) = look(&clinic, "leo", PAGE).await;
    assert!(page.body.contains("Not recorded: ask the patient"), "{}", page.body);
    let none = send(&clinic, &mut browser, PAGE, &[("act", "none")]).await;
    assert_eq!((none.status, none.location()), (StatusCode::SEE_OTHER, "/patients/p3/allergies?none"), "{}", none.body);
    let page = browser.get(&clinic, none.location()).await;
    assert!(page.body.contains("No known allergies") && page.body.contains("04-Jan-2027, Dr leo"), "{}", page.body);
    let made = held(&clinic, "AllergyIntolerance", "p3").await;
    for part in
        ["716186003", r#""asserter":{"reference":"Patient/p3"}"#, r#""recorder":{"reference":"Practitioner/leo"}"#]
    {
        assert!(made[0].contains(part), "{part} in {}", made[0]);
    }
    // An allergy takes its place.
    let typed = [
        ("substance", "Penicillin"),
        ("reaction", "hives, swelling of face or throat"),
        ("severity", "severe"),
        ("risk", "high"),
        ("certainty", "confirmed"),
        ("onset", "Jul 2019"),
        ("act", "add"),
    ];
    let added = send(&clinic, &mut browser, PAGE, &typed).await;
    assert_eq!(added.location(), "/patients/p3/allergies?saved", "{}", added.body);
    let page = browser.get(&clinic, PAGE).await;
    assert!(!page.body.contains("No known allergies</span>"), "{}", page.body);
    assert!(page.body.contains("penicillin") && page.body.contains("04-Jan-2027, Dr leo"), "{}", page.body);
    let all = held(&clinic, "AllergyIntolerance", "p3").await;
    let (none, penicillin): (Vec<_>, Vec<_>) = all.iter().partition(|one| one.contains("716186003"));
    assert!(none[0].contains("refuted") && none[0].contains("inactive"), "{}", none[0]);
    for part in [
        "91936005",
        "247472004",
        r#"{"text":"swelling of face or throat"}"#,
        r#""criticality":"high""#,
        r#""onsetDateTime":"2019-07""#,
        r#""severity":"severe""#,
        "us-core-allergyintolerance",
    ] {
        assert!(penicillin[0].contains(part), "{part} in {}", penicillin[0]);
    }
    // None known is refused now: by the page, and by a page from before.
    let stale = send(&clinic, &mut browser, PAGE, &[("act", "none")]).await;
    assert_eq!(stale.status, StatusCode::CONFLICT);
    assert!(stale.body.contains("was not recorded"), "{}", stale.body);
    assert_eq!(held(&clinic, "AllergyIntolerance", "p3").await.len(), 2);
}

#[tokio::test]
async fn a_statement_about_medicines_stands_beside_an_allergy_to_food() {
    let clinic = with_ines().await;
    let no_drug = r#""patient":{"reference":"Patient/p3"},"code":{"coding":[{"system":"http://snomed.info/sct","code":"409137002"}]},
        "clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical","code":"active"}]}"#;
    clinic.put("AllergyIntolerance", "no-drug", no_drug).await;
    let (mut browser, _) = look(&clinic, "nora", PAGE).await;
    send(&clinic, &mut browser, PAGE, &[("substance", "peanut"), ("kind", "food"), ("act", "add")]).await;
    let all = held(&clinic, "AllergyIntolerance", "p3").await;
    assert!(all.len() == 2 && !all.iter().any(|one| one.contains("refuted")), "{all:?}");
}

#[tokio::test]
async fn a_form_sent_twice_makes_one_and_another_content_is_not_taken_for_it() {
    let clinic = with_ines().await;
    let (mut browser, _) = look(&clinic, "nora", PAGE).await;
    let mut form = fill(&clinic, &mut browser, PAGE, &[("substance", "Latex"), ("act", "add")]).await;
    let (first, again) = (browser.post(&clinic, PAGE, &form).await, browser.post(&clinic, PAGE, &form).await);
    assert_eq!((first.status, first.location()), (again.status, again.location()), "{}", again.body);
    assert_eq!(held(&clinic, "AllergyIntolerance", "p3").await.len(), 1);
    rowed(&mut form, "substance", "Wheat");
    let stale = browser.post(&clinic, PAGE, &form).await;
    assert_eq!(stale.status, StatusCode::CONFLICT);
    assert!(stale.body.contains("saved before, with something else") && stale.body.contains(r#"value="Wheat""#));
    assert_eq!(held(&clinic, "AllergyIntolerance", "p3").await.len(), 1);
    rowed(&mut form, "token", &stale.after(r#"name="token" value=""#));
    // What is listed is not listed twice.
    rowed(&mut form, "substance", "latex");
    assert!(browser.post(&clinic, PAGE, &form).await.body.contains("on the list already"));
}

#[tokio::test]
async fn what_is_wrong_is_named_at_its_field_and_all_is_kept() {
    let clinic = with_ines().await;
    let (mut browser, _) = look(&clinic, "nora", PAGE).await;
    for (typed, said) in [
        (vec![("reaction", "hives")], "Say what the patient is allergic to"),
        (vec![("substance", "Latex"), ("severity", "mild")], "Say what happened"),
        (vec![("substance", "Latex"), ("onset", "long ago")], "Type a date"),
        (vec![("substance", "Latex"), ("onset", "2030")], "still to come"),
    ] {
        let answer = send(&clinic, &mut browser, PAGE, &[&typed[..], &[("act", "add")]].concat()).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{said}");
        assert!(
            answer.body.contains(said) && answer.body.contains(r#"aria-invalid="true""#),
            "{said}: {}",
            answer.body
        );
        for (name, value) in typed.iter().filter(|(name, _)| *name != "severity") {
            assert!(answer.body.contains(&format!(r#"value="{value}""#)), "{name}");
        }
    }
    assert!(held(&clinic, "AllergyIntolerance", "p3").await.is_empty());
}

#[tokio::test]
async fn two_people_do_not_change_one_over_another() {
    let clinic = ward().await;
    let one = "/patients/p1/allergies/allergy";
    let (mut nora, _) = look(&clinic, "nora", "/patients/p1/allergies").await;
    let (mut asha, _) = look(&clinic, "asha", "/patients/p1/allergies").await;
    let noras = fill(&clinic, &mut nora, one, &[("reaction", "hives"), ("severity", "mild")]).await;
    let ashas = fill(&clinic, &mut asha, one, &[("risk", "low")]).await;
    assert_eq!(nora.post(&clinic, one, &noras).await.status, StatusCode::SEE_OTHER);
    let late = asha.post(&clinic, one, &ashas).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(late.body.contains("The chart says now, reaction: hives"), "{}", late.body);
    // Something wrong in the form does not make it a form of what was not seen.
    let mut wrong = ashas.clone();
    rowed(&mut wrong, "onset", "some day");
    let refused = asha.post(&clinic, one, &wrong).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.body);
    let mut right = sent(&refused.body);
    rowed(&mut right, "onset", "");
    assert_eq!(asha.post(&clinic, one, &right).await.status, StatusCode::CONFLICT);
    // The same form again is done already, and not a conflict.
    assert_eq!(nora.post(&clinic, one, &noras).await.status, StatusCode::SEE_OTHER);
    // Over, ruled out, mistake: with a reason, which is kept.
    let over = fill(&clinic, &mut asha, one, &[("standing", "mistake")]).await;
    assert!(asha.post(&clinic, one, &over).await.body.contains("Say why"));
    let over = fill(&clinic, &mut asha, one, &[("standing", "mistake"), ("note", "wrong chart")]).await;
    assert_eq!(asha.post(&clinic, one, &over).await.status, StatusCode::SEE_OTHER);
    let held = held(&clinic, "AllergyIntolerance", "p1").await;
    assert!(
        held[0].contains("entered-in-error") && held[0].contains("wrong chart") && !held[0].contains("clinicalStatus")
    );
    // The list is empty again, which is not "none known".
    assert!(asha.get(&clinic, "/patients/p1/allergies").await.body.contains("Not recorded: ask the patient"));
}

#[tokio::test]
async fn who_may_not_write_sees_no_form_and_who_may_not_look_no_page() {
    let clinic = ward().await;
    for (login, status) in [
        ("fay", StatusCode::FORBIDDEN),
        ("ben", StatusCode::FORBIDDEN),
        ("ruth", StatusCode::SEE_OTHER),
        ("zoe", StatusCode::SEE_OTHER),
    ] {
        let (mut browser, page) = look(&clinic, login, "/patients/p1/allergies").await;
        assert_eq!(page.status, status, "{login}: {}", page.body);
        let me = browser.get(&clinic, "/me").await;
        let form = [("csrf", me.csrf()), ("act", "add".to_owned()), ("substance", "Latex".to_owned())];
        let sent = browser.post(&clinic, "/patients/p1/allergies", &form).await;
        assert_ne!(sent.location(), "/patients/p1/allergies?saved", "{login}");
    }
    assert_eq!(held(&clinic, "AllergyIntolerance", "p1").await.len(), 1);
    // Another patient's entry is not there under this one's address.
    let (mut browser, _) = look(&clinic, "asha", "/patients/p1/allergies").await;
    assert_eq!(browser.get(&clinic, "/patients/p2/allergies/allergy").await.status, StatusCode::SEE_OTHER);
}
