//! Allergies, problems and immunizations, gone through with the patient: saved together with who asked and when, over nobody, and the
//! List says nothing of what is closed to some who see the chart.

use http::StatusCode;

use crate::clinic::{Answer, Browser, Clinic};
use crate::lists::{Fill, fill, held, rowed};
use crate::ward::{look, patient, team, ward};

const ALLERGIES: &str = "/patients/p1/gone-through/allergies";
const PROBLEMS: &str = "/patients/p1/gone-through/problems";
const IMMUNIZATIONS: &str = "/patients/p1/gone-through/immunizations";

async fn send(clinic: &Clinic, browser: &mut Browser, page: &str, typed: Fill<'_>) -> Answer {
    let form = fill(clinic, browser, page, &[typed, &[("act", "save")]].concat()).await;
    browser.post(clinic, page, &form).await
}

/// What the List of this kind says.
async fn listed(clinic: &Clinic, id: &str, patient: &str) -> String {
    let lists = held(clinic, "List", patient).await;
    let of: Vec<&String> = lists.iter().filter(|one| one.contains(&format!(r#""id":"{id}""#))).collect();
    assert_eq!(of.len(), 1, "{lists:?}");
    of[0].clone()
}

fn has_all(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[tokio::test]
async fn allergies_are_answered_line_by_line_and_all_is_saved_together() {
    let clinic = ward().await;
    let (mut nora, page) = look(&clinic, "nora", "/patients/p1/allergies").await;
    has_all(&page.body, &["Not gone through with the patient yet", r#"href="/patients/p1/gone-through/allergies""#]);
    let page = nora.get(&clinic, ALLERGIES).await;
    has_all(&page.body, &["Penicillin", "anaphylaxis, severe", "Still so", "No longer", "Entered by mistake"]);
    let typed = [
        ("say-0", "over"),
        ("how-0", "took amoxicillin since"),
        ("new-0", "Latex"),
        ("detail-0", "hives"),
        ("pick-0", "mild"),
        ("new-2", "Grandmother's soap"),
    ];
    let saved = send(&clinic, &mut nora, ALLERGIES, &typed).await;
    assert_eq!(
        (saved.status, saved.location()),
        (StatusCode::SEE_OTHER, "/patients/p1/allergies?gone-through"),
        "{}",
        saved.body
    );
    let list = listed(&clinic, "allergies-p1", "p1").await;
    has_all(
        &list,
        &[
            "48765-2",
            r#""source":{"reference":"Practitioner/nora"}"#,
            r#""date":"2027-01-04T10:"#,
            "No longer: took amoxicillin since",
            r#""code":"05""#,
            r#""reference":"AllergyIntolerance/allergy""#,
            "New to the chart",
        ],
    );
    assert!(!list.contains("urn:uuid") && !list.contains("emptyReason"), "{list}");
    let all = held(&clinic, "AllergyIntolerance", "p1").await;
    assert_eq!(all.len(), 3);
    let of = |part: &str| all.iter().find(|one| one.contains(part)).unwrap_or_else(|| panic!("{part} in {all:?}"));
    has_all(of("Penicillin"), &[r#""code":"resolved""#, "No longer: took amoxicillin since (gone through"]);
    has_all(
        of("atex"),
        &["unconfirmed", "247472004", r#""severity":"mild""#, r#""asserter":{"reference":"Patient/p1"}"#],
    );
    let page = nora.get(&clinic, saved.location()).await;
    has_all(
        &page.body,
        &["Saved: the allergies were gone through", "Gone through with the patient on 04-Jan-2027 by Dr nora"],
    );
}

#[tokio::test]
async fn no_known_allergies_is_ticked_and_made_once_however_it_came_to_it() {
    let clinic = ward().await;
    patient(&clinic, "p3", "Castro", "Ines", "1980-05-05", "MR-3").await;
    team(&clinic, "p3", &["asha", "nora"]).await;
    let page = "/patients/p3/gone-through/allergies";
    let (mut nora, _) = look(&clinic, "nora", page).await;
    let refused = send(&clinic, &mut nora, page, &[]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    has_all(&refused.body, &["or tick “The patient knows of no allergies”"]);
    for version in ["1", "2"] {
        let saved = send(&clinic, &mut nora, page, &[("none", "yes")]).await;
        assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
        let all = held(&clinic, "AllergyIntolerance", "p3").await;
        assert_eq!(all.len(), 1);
        has_all(&all[0], &["716186003", &format!(r#""versionId":"{version}""#)]);
    }
    has_all(&listed(&clinic, "allergies-p3", "p3").await, &["nilknown", r#""versionId":"2""#]);
    has_all(&nora.get(&clinic, "/patients/p3/allergies").await.body, &["None known.", "No known allergies"]);
    // One that is named is one that is known.
    let saved = send(&clinic, &mut nora, page, &[("new-0", "peanut")]).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    let all = held(&clinic, "AllergyIntolerance", "p3").await;
    assert!(all.iter().any(|one| one.contains("716186003") && one.contains("refuted")), "{all:?}");
    assert!(!listed(&clinic, "allergies-p3", "p3").await.contains("nilknown"));
    // The only one was a mistake: it is known again that there are none.
    let wrong = [("say-0", "mistake"), ("how-0", "wrong chart"), ("none", "yes")];
    let saved = send(&clinic, &mut nora, page, &wrong).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    let page = nora.get(&clinic, "/patients/p3/allergies").await;
    has_all(&page.body, &["No known allergies", "None known.", "wrong chart"]);
}

#[tokio::test]
async fn a_problem_is_over_a_mistake_or_new_and_that_there_is_none_is_an_act() {
    let clinic = ward().await;
    let (mut asha, _) = look(&clinic, "asha", PROBLEMS).await;
    for (typed, said) in [
        (vec![], "Gouty arthritis: say what the patient says of it."),
        (vec![("say-0", "mistake")], "Gouty arthritis: say why, in a few words."),
        (vec![("say-0", "still"), ("none", "yes")], "does not fit what else is filled in"),
        (vec![("say-0", "still"), ("new-0", "gouty ARTHRITIS")], "this is on the list already"),
        (vec![("say-0", "still"), ("new-0", "Back pain"), ("new-1", "back pain")], "this is on the list already"),
        (vec![("say-0", "still"), ("new-0", "Back pain"), ("detail-0", "long ago")], "Back pain: Type a date"),
        (vec![("say-0", "still"), ("detail-1", "2019")], "Say what the problem is."),
    ] {
        let answer = send(&clinic, &mut asha, PROBLEMS, &typed).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{said}: {}", answer.body);
        has_all(&answer.body, &[said]);
    }
    assert!(held(&clinic, "List", "p1").await.is_empty());
    let saved = send(&clinic, &mut asha, PROBLEMS, &[("say-0", "still"), ("new-0", "Back pain"), ("detail-0", "2021")]);
    assert_eq!(saved.await.location(), "/patients/p1/problems?gone-through");
    has_all(&listed(&clinic, "problems-p1", "p1").await, &["11450-4", "Still so", "Back pain", r#""code":"01""#]);
    let all = held(&clinic, "Condition", "p1").await;
    let new = all.iter().find(|one| one.contains("Back pain")).unwrap();
    has_all(
        new,
        &["provisional", r#""onsetDateTime":"2021""#, "problem-list-item", r#""asserter":{"reference":"Patient/p1"}"#],
    );
    // What is still so was not touched.
    assert!(all.iter().any(|one| one.contains("Gouty") && one.contains(r#""versionId":"1""#)));
    let over = [("say-0", "over"), ("say-1", "over"), ("none", "yes")];
    assert_eq!(send(&clinic, &mut asha, PROBLEMS, &over).await.status, StatusCode::SEE_OTHER);
    let all = held(&clinic, "Condition", "p1").await;
    assert!(all.len() == 2 && all.iter().all(|one| one.contains(r#""code":"resolved""#)), "{all:?}");
    has_all(&listed(&clinic, "problems-p1", "p1").await, &["nilknown", "No problems known"]);
    let page = asha.get(&clinic, "/patients/p1/problems").await;
    has_all(&page.body, &["None known.", "Gone through with the patient on 04-Jan-2027 by Dr asha"]);
}

#[tokio::test]
async fn doses_are_confirmed_or_mistaken_and_those_of_a_card_are_told_of() {
    let clinic = ward().await;
    let (mut nora, page) = look(&clinic, "nora", IMMUNIZATIONS).await;
    assert!(!page.body.contains("No longer"), "a dose does not end");
    let same = [("say-0", "still"), ("new-0", "influenza vaccine"), ("detail-0", "10-Oct-2026"), ("pick-0", "record")];
    has_all(&send(&clinic, &mut nora, IMMUNIZATIONS, &same).await.body, &["this is on the list already"]);
    let open = [("say-0", "still"), ("new-0", "Tdap")];
    let refused = send(&clinic, &mut nora, IMMUNIZATIONS, &open).await;
    has_all(&refused.body, &["Tdap: Say when", "Tdap: Choose who says so", r##"href="#pick-0""##]);
    let typed = [
        ("say-0", "mistake"),
        ("how-0", "was at work"),
        ("new-0", "Tdap"),
        ("detail-0", "2019"),
        ("pick-0", "record"),
        ("new-1", "Tdap"),
        ("detail-1", "2009"),
        ("pick-1", "recall"),
    ];
    let saved = send(&clinic, &mut nora, IMMUNIZATIONS, &typed).await;
    assert_eq!(saved.location(), "/patients/p1/immunizations?gone-through", "{}", saved.body);
    let all = held(&clinic, "Immunization", "p1").await;
    assert_eq!(all.len(), 3);
    let of = |part: &str| all.iter().find(|one| one.contains(part)).unwrap_or_else(|| panic!("{part} in {all:?}"));
    has_all(of("Influenza"), &["entered-in-error", "was at work"]);
    has_all(of(r#""occurrenceDateTime":"2019""#), &[r#""primarySource":false"#, r#""code":"record""#]);
    has_all(&listed(&clinic, "immunizations-p1", "p1").await, &["11369-6", r#""code":"03""#, "was at work", "Tdap"]);
}

#[tokio::test]
async fn the_list_says_nothing_of_what_is_closed_to_some_who_see_the_chart() {
    let clinic = ward().await;
    let hiv = r#""subject":{"reference":"Patient/p1"},
        "code":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"B20"}],"text":"Human immunodeficiency virus disease"},
        "clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]}"#;
    clinic.put("Condition", "closed", hiv).await;
    let (mut asha, page) = look(&clinic, "asha", PROBLEMS).await;
    has_all(&page.body, &["Human immunodeficiency", "what is closed to you is not gone through"]);
    let typed = [
        ("say-0", "over"),
        ("how-0", "told otherwise"),
        ("say-1", "over"),
        ("how-1", "told otherwise"),
        ("new-0", "Unhealthy alcohol drinking behavior"),
        ("new-1", "Back pain"),
    ];
    let page = asha.get(&clinic, PROBLEMS).await;
    assert_eq!(page.body.matches(r#"type="hidden" name="line-"#).count(), 2);
    let saved = send(&clinic, &mut asha, PROBLEMS, &typed).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    let list = listed(&clinic, "problems-p1", "p1").await;
    has_all(&list, &["Condition/problem", "Back pain"]);
    for closed in ["immunodeficiency", "Condition/closed", "alcohol"] {
        assert!(!list.contains(closed), "{closed} in {list}");
    }
    let all = held(&clinic, "Condition", "p1").await;
    assert!(all.iter().any(|one| one.contains("immunodeficiency") && one.contains("told otherwise")), "{all:?}");
}

#[tokio::test]
async fn sent_twice_it_is_saved_once_and_who_was_overtaken_keeps_what_they_ticked() {
    let clinic = ward().await;
    let (mut nora, _) = look(&clinic, "nora", PROBLEMS).await;
    let (mut asha, _) = look(&clinic, "asha", PROBLEMS).await;
    let save = ("act", "save");
    let mut noras = fill(&clinic, &mut nora, PROBLEMS, &[("say-0", "still"), ("new-0", "Back pain"), save]).await;
    let ashas = fill(&clinic, &mut asha, PROBLEMS, &[("say-0", "over"), ("how-0", "no flare since 2019"), save]).await;
    for _ in 0..2 {
        let saved = nora.post(&clinic, PROBLEMS, &noras).await;
        assert_eq!(saved.location(), "/patients/p1/problems?gone-through", "{}", saved.body);
    }
    assert_eq!(held(&clinic, "Condition", "p1").await.len(), 2);
    rowed(&mut noras, "new-0", "Neck pain");
    let stale = nora.post(&clinic, PROBLEMS, &noras).await;
    assert_eq!(stale.status, StatusCode::CONFLICT);
    has_all(&stale.body, &["saved before, with something else", r#"value="Neck pain""#]);
    let late = asha.post(&clinic, PROBLEMS, &ashas).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    has_all(
        &late.body,
        &[
            "Gone through meanwhile by Dr nora",
            "Back pain: new since you opened the page",
            r#"value="over" checked"#,
            r#"value="no flare since 2019""#,
        ],
    );
    assert!(held(&clinic, "Condition", "p1").await.iter().all(|one| !one.contains("resolved")));
    // What changed under the form is not passed as gone through, and the rest is answered only for what was seen.
    let form = fill(&clinic, &mut asha, PROBLEMS, &[("say-0", "still"), ("say-1", "still"), save]).await;
    let changed = r#""subject":{"reference":"Patient/p1"},"code":{"text":"Gout of the toe"},
        "clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]}"#;
    let mut rest = fill(&clinic, &mut asha, PROBLEMS, &[]).await;
    clinic.put("Condition", "problem", changed).await;
    has_all(&asha.post(&clinic, PROBLEMS, &form).await.body, &["Gout of the toe: changed since you opened the page"]);
    rowed(&mut rest, "act", "rest");
    let answered = asha.post(&clinic, PROBLEMS, &rest).await;
    assert_eq!((answered.status, answered.body.matches(r#"value="still" checked"#).count()), (StatusCode::OK, 1));
}

#[tokio::test]
async fn only_who_writes_the_list_goes_through_it_and_who_does_not_see_it_is_told_nothing() {
    let clinic = ward().await;
    let (mut nora, _) = look(&clinic, "nora", ALLERGIES).await;
    assert_eq!(send(&clinic, &mut nora, ALLERGIES, &[("say-0", "still")]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(nora.get(&clinic, "/patients/p1/gone-through/everything").await.status, StatusCode::NOT_FOUND);
    // A medical assistant keeps allergies, and Lists are closed to them.
    let (mut leo, page) = look(&clinic, "leo", "/patients/p1/allergies").await;
    assert!(page.body.contains("Penicillin") && !page.body.contains("one through with the patient"), "{}", page.body);
    assert_eq!(leo.get(&clinic, ALLERGIES).await.status, StatusCode::FORBIDDEN);
    let none = listed(&clinic, "allergies-p1", "p1").await;
    for (login, page) in [("leo", ALLERGIES), ("fay", PROBLEMS), ("ruth", PROBLEMS), ("zoe", ALLERGIES)] {
        let (mut browser, shown) = look(&clinic, login, page).await;
        assert_ne!(shown.status, StatusCode::OK, "{login}");
        let csrf = browser.get(&clinic, "/me").await.csrf();
        let sent = [("csrf", csrf), ("none", "yes".into()), ("act", "save".into())];
        assert!(!browser.post(&clinic, page, &sent).await.location().contains("gone-through"), "{login}");
    }
    assert_eq!(held(&clinic, "List", "p1").await, [none]);
}
