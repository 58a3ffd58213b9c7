//! Problems: added once, over and taken up again by a press, changed from the version that was seen.

use http::StatusCode;

use crate::lists::{fill, held, rowed, sent};
use crate::ward::{look, ward};

const PAGE: &str = "/patients/p1/problems";

#[tokio::test]
async fn a_problem_is_added_coded_or_as_typed_and_once() {
    let clinic = ward().await;
    let (mut nora, page) = look(&clinic, "nora", PAGE).await;
    assert!(page.body.contains("Gouty arthritis") && page.body.contains("2014"), "{}", page.body);
    for (name, part) in [("atrial fibrillation", "49436004"), ("Writer's block", r#"{"text":"Writer's block"}"#)] {
        let form =
            fill(&clinic, &mut nora, PAGE, &[("problem", name), ("onset", "Mar 2025"), ("note", "since the move")])
                .await;
        for _ in 0..2 {
            let saved = nora.post(&clinic, PAGE, &form).await;
            assert_eq!(saved.location(), "/patients/p1/problems?saved", "{}", saved.body);
        }
        let all = held(&clinic, "Condition", "p1").await;
        let one = all.iter().find(|one| one.contains(part)).unwrap_or_else(|| panic!("{part} in {all:?}"));
        for part in [
            "problem-list-item",
            r#""onsetDateTime":"2025-03""#,
            "Practitioner/nora",
            "since the move",
            "us-core-condition-problems",
        ] {
            assert!(one.contains(part), "{part} in {one}");
        }
        let mut other = form.clone();
        rowed(&mut other, "problem", "Acne");
        let stale = nora.post(&clinic, PAGE, &other).await;
        assert!(stale.status == StatusCode::CONFLICT && stale.body.contains(r#"value="Acne""#), "{}", stale.body);
    }
    assert_eq!(held(&clinic, "Condition", "p1").await.len(), 3);
    for (typed, said) in [
        ([("problem", "")], "Say what the problem is"),
        ([("onset", "1950-01-01")], "before the patient was born"),
        ([("onset", "2031")], "still to come"),
        ([("problem", "gouty ARTHRITIS")], "on the list already"),
    ] {
        let mut form = fill(&clinic, &mut nora, PAGE, &[("problem", "Acne")]).await;
        typed.iter().for_each(|(name, value)| rowed(&mut form, name, value));
        let refused = nora.post(&clinic, PAGE, &form).await;
        assert!(
            refused.status == StatusCode::UNPROCESSABLE_ENTITY && refused.body.contains(said),
            "{said}: {}",
            refused.body
        );
    }
}

#[tokio::test]
async fn one_press_ends_it_another_takes_it_up_and_a_page_from_before_does_neither() {
    let clinic = ward().await;
    let one = "/patients/p1/problems/problem";
    let (mut nora, page) = look(&clinic, "nora", PAGE).await;
    let (mut asha, _) = look(&clinic, "asha", PAGE).await;
    let ashas = fill(&clinic, &mut asha, one, &[("onset", "2013")]).await;
    let press = |body: &str, act: &str| {
        let form = body.split("<form").find(|form| form.contains(&format!(r#"value="{act}""#))).unwrap();
        let mut fields = sent(&format!("<form{form}"));
        rowed(&mut fields, "act", act);
        fields
    };
    let over = press(&page.body, "resolve");
    for _ in 0..2 {
        assert_eq!(nora.post(&clinic, one, &over).await.location(), "/patients/p1/problems?saved");
    }
    let now = held(&clinic, "Condition", "p1").await;
    assert!(now[0].contains("resolved") && now[0].contains(r#""abatementDateTime":"2027-01-04""#), "{}", now[0]);
    let late = asha.post(&clinic, one, &ashas).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(
        late.body.contains("The chart says now, standing: Over") && late.body.contains(r#"value="2013""#),
        "{}",
        late.body
    );
    // Something wrong in the form does not make it a form of what was not seen.
    let mut wrong = ashas.clone();
    rowed(&mut wrong, "onset", "some day");
    let refused = asha.post(&clinic, one, &wrong).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.body);
    let mut right = sent(&refused.body);
    rowed(&mut right, "onset", "2013");
    assert_eq!(asha.post(&clinic, one, &right).await.status, StatusCode::CONFLICT);
    let page = nora.get(&clinic, PAGE).await;
    assert!(page.body.contains("No active problems"), "{}", page.body);
    assert_eq!(nora.post(&clinic, one, &press(&page.body, "reactivate")).await.status, StatusCode::SEE_OTHER);
    let now = held(&clinic, "Condition", "p1").await;
    assert!(now[0].contains(r#""code":"active""#) && !now[0].contains("abatement"), "{}", now[0]);
    // A mistake says why, and stays.
    let mistake = fill(&clinic, &mut asha, one, &[("standing", "mistake")]).await;
    assert!(asha.post(&clinic, one, &mistake).await.body.contains("Say why"));
    let mistake = fill(&clinic, &mut asha, one, &[("standing", "mistake"), ("note", "wrong chart")]).await;
    assert_eq!(asha.post(&clinic, one, &mistake).await.status, StatusCode::SEE_OTHER);
    let now = held(&clinic, "Condition", "p1").await;
    assert!(now[0].contains("entered-in-error") && !now[0].contains("clinicalStatus"), "{}", now[0]);
}

#[tokio::test]
async fn who_may_not_sees_no_problems_and_writes_none() {
    let clinic = ward().await;
    for (login, status) in
        [("leo", StatusCode::FORBIDDEN), ("fay", StatusCode::FORBIDDEN), ("zoe", StatusCode::SEE_OTHER)]
    {
        let (mut browser, page) = look(&clinic, login, PAGE).await;
        assert_eq!(page.status, status, "{login}");
        let csrf = browser.get(&clinic, "/me").await.csrf();
        let sent = browser.post(&clinic, PAGE, &[("csrf", csrf), ("problem", "Acne".into())]).await;
        assert_ne!(sent.location(), "/patients/p1/problems?saved", "{login}");
    }
    assert_eq!(held(&clinic, "Condition", "p1").await.len(), 1);
}
