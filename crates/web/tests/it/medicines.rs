//! Medicines: gone through line by line, saved once with who and when, and never over what somebody else saved meanwhile.

use http::StatusCode;

use crate::clinic::{Browser, Clinic};
use crate::lists::{Fill, fill, held, rowed};
use crate::ward::{look, patient, team, ward};

const PAGE: &str = "/patients/p1/medicines";

async fn reported(clinic: &Clinic) {
    let members = r#""subject":{"reference":"Patient/p1"},"status":"active","medicationCodeableConcept":{"text":"ibuprofen 200 MG"},
        "dosage":[{"text":"as needed"}],"informationSource":{"reference":"Patient/p1"},"dateAsserted":"2026-11-01""#;
    clinic.put("MedicationStatement", "reported", members).await;
}

async fn send(clinic: &Clinic, browser: &mut Browser, typed: Fill<'_>) -> crate::clinic::Answer {
    let form = fill(clinic, browser, PAGE, typed).await;
    browser.post(clinic, PAGE, &form).await
}

#[tokio::test]
async fn a_nurse_goes_through_them_and_all_is_saved_together() {
    let clinic = ward().await;
    reported(&clinic).await;
    let (mut nora, page) = look(&clinic, "nora", PAGE).await;
    for part in
        ["Not gone through yet", "allopurinol 100 mg", "1 tablet daily", "ibuprofen 200 mg", "as needed", "the patient"]
    {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
    let typed = [
        ("say-0", "differently"),
        ("how-0", "every other day"),
        ("say-1", "stopped"),
        ("how-1", "stomach pain"),
        ("new-0", "Aspirin 81 mg oral tablet"),
        ("detail-0", "1 daily"),
        ("new-1", "Grandmother's tea"),
        ("act", "save"),
    ];
    let saved = send(&clinic, &mut nora, &typed).await;
    assert_eq!(
        (saved.status, saved.location()),
        (StatusCode::SEE_OTHER, "/patients/p1/medicines?saved"),
        "{}",
        saved.body
    );
    let lists = held(&clinic, "List", "p1").await;
    assert_eq!(lists.len(), 1);
    for part in [
        "medicines-p1",
        "10160-0",
        r#""source":{"reference":"Practitioner/nora"}"#,
        r#""date":"2027-01-04T10:"#,
        "Takes it differently: every other day",
        "Does not take it: stomach pain",
        "New to the chart",
        r#""code":"05""#,
    ] {
        assert!(lists[0].contains(part), "{part} in {}", lists[0]);
    }
    assert!(!lists[0].contains("urn:uuid"), "{}", lists[0]);
    let all = held(&clinic, "MedicationStatement", "p1").await;
    assert_eq!(all.len(), 4);
    let of = |part: &str| all.iter().find(|one| one.contains(part)).unwrap_or_else(|| panic!("{part} in {all:?}"));
    assert!(of("every other day").contains(r#""basedOn":[{"reference":"MedicationRequest/medicine"}]"#));
    assert!(of("ibuprofen").contains(r#""status":"stopped""#) && of("ibuprofen").contains("stomach pain"));
    assert!(of("1 daily").contains("243670") && of("tea").contains(r#""status":"active""#));
    // The prescription is as it was.
    assert!(held(&clinic, "MedicationRequest", "p1").await[0].contains(r#""versionId":"1""#));
    let page = nora.get(&clinic, PAGE).await;
    for part in [
        "Gone through with the patient on 04-Jan-2027 by Dr nora",
        "The patient takes it differently: every other day",
        "Grandmother",
    ] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
    assert!(!page.body.contains("as needed"), "{}", page.body);
}

#[tokio::test]
async fn a_prescription_the_patient_does_not_take_says_so_to_who_prescribes_and_to_who_asked() {
    let clinic = ward().await;
    let (mut nora, _) = look(&clinic, "nora", PAGE).await;
    let typed = [("say-0", "stopped"), ("how-0", "made her dizzy"), ("none", "yes"), ("act", "save")];
    assert_eq!(send(&clinic, &mut nora, &typed).await.status, StatusCode::SEE_OTHER);
    for login in ["nora", "asha"] {
        let (_, page) = look(&clinic, login, PAGE).await;
        assert!(
            page.body.contains("The patient does not take it: made her dizzy (04-Jan-2027)"),
            "{login}: {}",
            page.body
        );
        assert!(page.body.contains("Takes no medicines."), "{login}");
    }
    // Taken again: it is told so, and what was said before is over.
    assert_eq!(send(&clinic, &mut nora, &[("say-0", "still"), ("act", "save")]).await.status, StatusCode::SEE_OTHER);
    assert!(!nora.get(&clinic, PAGE).await.body.contains("made her dizzy (04"));
}

#[tokio::test]
async fn a_medicine_closed_to_some_who_see_the_chart_is_named_where_its_label_is_and_nowhere_else() {
    let labelled =
        r#""meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]},"#;
    let reasoned = r#""reasonCode":[{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"B20"}]}],"#;
    // The label of a prescription is that of what is said of it; where its content alone tells, what is said of it has no name.
    let ordinary =
        r#""meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"N"}]},"#;
    let both = format!("{ordinary}{reasoned}");
    for (login, closed_by, is_named) in [
        ("asha", labelled, true),
        ("nora", labelled, true),
        ("asha", reasoned, false),
        ("nora", reasoned, false),
        ("asha", &*both, false),
    ] {
        let hiv = format!(
            r#"{closed_by}"subject":{{"reference":"Patient/p1"}},"status":"active","intent":"order","medicationCodeableConcept":{{"text":"zidovudine 300 MG"}}"#
        );
        let clinic = ward().await;
        clinic.put("MedicationRequest", "closed", &hiv).await;
        let (mut browser, page) = look(&clinic, login, PAGE).await;
        assert!(page.body.contains("zidovudine"), "{login}: {}", page.body);
        let typed = [("say-0", "still"), ("say-1", "stopped"), ("how-1", "felt sick"), ("act", "save")];
        let saved = send(&clinic, &mut browser, &typed).await;
        assert_eq!(saved.status, StatusCode::SEE_OTHER, "{login}: {}", saved.body);
        let list = held(&clinic, "List", "p1").await.join(" ");
        assert!(list.contains("allopurinol") && list.contains("MedicationRequest/medicine"), "{list}");
        for closed in ["zidovudine", "MedicationRequest/closed", "felt sick"] {
            assert!(!list.contains(closed), "{login}: {closed} in {list}");
        }
        let said = held(&clinic, "MedicationStatement", "p1").await.join(" ");
        for part in [r#""status":"not-taken""#, "felt sick", "MedicationRequest/closed"] {
            assert!(said.contains(part), "{login}: {part} in {said}");
        }
        assert_eq!(
            (said.contains("zidovudine"), said.contains(r#""code":"HIV""#)),
            (is_named, is_named),
            "{login}: {said}"
        );
        assert_eq!(said.contains(r#""valueCode":"masked""#), !is_named, "{login}: {said}");
        // It stands with the prescription, and is no line of its own, here and in the chart.
        let page = browser.get(&clinic, PAGE).await;
        assert!(page.body.contains("The patient does not take it: felt sick (04-Jan-2027)"), "{login}: {}", page.body);
        assert_eq!(page.body.matches(r#"type="hidden" name="line-"#).count(), 2, "{login}");
        let typed = [("say-0", "still"), ("say-1", "differently"), ("how-1", "half of it"), ("act", "save")];
        assert_eq!(send(&clinic, &mut browser, &typed).await.status, StatusCode::SEE_OTHER);
        assert_eq!(held(&clinic, "MedicationStatement", "p1").await.len(), 1, "{login}: the same statement");
        let page = browser.get(&clinic, PAGE).await;
        assert!(page.body.contains("The patient takes it differently: half of it"), "{login}: {}", page.body);
        let chart = browser.get(&clinic, "/patients/p1").await;
        assert!(!chart.body.contains("Medicine without a name"), "{login}");
        assert_eq!(chart.body.matches("zidovudine").count(), 2, "{login}: prescribed, and what is said of it");
        // A medical assistant sees neither.
        let (_, page) = look(&clinic, "leo", PAGE).await;
        assert!(!page.body.contains("zidovudine") && !page.body.contains("half of it"), "{login}: {}", page.body);
    }
}

#[tokio::test]
async fn who_may_not_write_under_a_label_keeps_the_form_and_leaves_the_line_open() {
    let clinic = ward().await;
    let program = r#""meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"42CFRPart2"}]},
        "subject":{"reference":"Patient/p1"},"status":"active","intent":"order","medicationCodeableConcept":{"text":"buprenorphine 8 MG"}"#;
    clinic.put("MedicationRequest", "program", program).await;
    let permit = r#""status":"active","scope":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}]},
        "category":[{"coding":[{"system":"http://loinc.org","code":"59284-0"}]}],"patient":{"reference":"Patient/p1"},
        "policyRule":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"42CFRPart2"}]},"provision":{"type":"permit"}"#;
    clinic.put("Consent", "yes", permit).await;
    let (mut nora, page) = look(&clinic, "nora", PAGE).await;
    assert!(page.body.contains("buprenorphine"), "{}", page.body);
    let typed =
        [("say-0", "still"), ("say-1", "differently"), ("how-1", "half of it"), ("new-0", "tea"), ("act", "save")];
    let refused = send(&clinic, &mut nora, &typed).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.body);
    for part in ["you may not write down what is said of it", r#"value="half of it""#, r#"value="tea""#] {
        assert!(refused.body.contains(part), "{part} in {}", refused.body);
    }
    assert!(held(&clinic, "List", "p1").await.is_empty());
    let mut form = crate::lists::sent(&refused.body);
    rowed(&mut form, "act", "save");
    let saved = nora.post(&clinic, PAGE, &form).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    let list = held(&clinic, "List", "p1").await.join(" ");
    assert!(list.contains("allopurinol") && list.contains("tea") && !list.contains("program"), "{list}");
}

#[tokio::test]
async fn that_somebody_takes_nothing_is_an_act_and_an_empty_form_is_not() {
    let clinic = ward().await;
    patient(&clinic, "p3", "Castro", "Ines", "1980-05-05", "MR-3").await;
    team(&clinic, "p3", &["nora"]).await;
    let page = "/patients/p3/medicines";
    let (mut nora, _) = look(&clinic, "nora", page).await;
    let empty = fill(&clinic, &mut nora, page, &[("act", "save")]).await;
    let refused = nora.post(&clinic, page, &empty).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("or tick that they take no medicines"), "{}", refused.body);
    let none = fill(&clinic, &mut nora, page, &[("none", "yes"), ("act", "save")]).await;
    assert_eq!(nora.post(&clinic, page, &none).await.status, StatusCode::SEE_OTHER);
    assert!(held(&clinic, "List", "p3").await[0].contains("nilknown"));
    assert!(nora.get(&clinic, page).await.body.contains("Takes no medicines."));
}

#[tokio::test]
async fn what_is_left_open_or_does_not_fit_is_named_and_more_lines_keep_all() {
    let clinic = ward().await;
    let (mut nora, _) = look(&clinic, "nora", PAGE).await;
    for (typed, said) in [
        (vec![], "allopurinol 100 mg: say whether the patient takes it."),
        (vec![("say-0", "stopped")], "say why it is not taken"),
        (vec![("say-0", "differently")], "say how it is taken"),
        (vec![("say-0", "still"), ("none", "yes")], "does not fit"),
        (vec![("say-0", "still"), ("detail-1", "2 daily")], "Say which medicine"),
    ] {
        let answer = send(&clinic, &mut nora, &[&typed[..], &[("act", "save")]].concat()).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{said}: {}", answer.body);
        assert!(answer.body.contains(said), "{said}: {}", answer.body);
    }
    let typed = [("say-0", "stopped"), ("how-0", "a <b>reason</b>"), ("new-2", "tea"), ("act", "more")];
    let more = send(&clinic, &mut nora, &typed).await;
    assert_eq!(more.status, StatusCode::OK);
    for part in [r#"name="new-5""#, r#"name="rows" value="6""#, r#"value="tea""#, r#"value="stopped" checked"#] {
        assert!(more.body.contains(part), "{part} in {}", more.body);
    }
    assert!(!more.body.contains("<b>reason"));
    assert!(held(&clinic, "List", "p1").await.is_empty());
}

#[tokio::test]
async fn sent_twice_it_is_saved_once_and_two_people_do_not_save_over_one_another() {
    let clinic = ward().await;
    let (mut nora, _) = look(&clinic, "nora", PAGE).await;
    let (mut asha, _) = look(&clinic, "asha", PAGE).await;
    let mut noras = fill(&clinic, &mut nora, PAGE, &[("say-0", "still"), ("new-0", "tea"), ("act", "save")]).await;
    let ashas = fill(&clinic, &mut asha, PAGE, &[("say-0", "stopped"), ("how-0", "no gout"), ("act", "save")]).await;
    for _ in 0..2 {
        let saved = nora.post(&clinic, PAGE, &noras).await;
        assert_eq!(saved.location(), "/patients/p1/medicines?saved", "{}", saved.body);
    }
    assert_eq!(held(&clinic, "MedicationStatement", "p1").await.len(), 1);
    // Back, and something else.
    rowed(&mut noras, "new-0", "coffee");
    let stale = nora.post(&clinic, PAGE, &noras).await;
    assert_eq!(stale.status, StatusCode::CONFLICT);
    assert!(
        stale.body.contains("saved before, with something else") && stale.body.contains("coffee"),
        "{}",
        stale.body
    );
    // Somebody else, with a page from before.
    let late = asha.post(&clinic, PAGE, &ashas).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    for part in ["Gone through meanwhile", "Dr nora", "tea: new since you opened the page", r#"value="no gout""#] {
        assert!(late.body.contains(part), "{part} in {}", late.body);
    }
    assert_eq!(held(&clinic, "MedicationStatement", "p1").await.len(), 1);
    // A prescription that changed under the form is not passed as gone through.
    let form = fill(&clinic, &mut asha, PAGE, &[("say-0", "still"), ("say-1", "still"), ("act", "save")]).await;
    let changed = r#""subject":{"reference":"Patient/p1"},"status":"active","intent":"order","medicationCodeableConcept":{"text":"allopurinol 300 MG"}"#;
    clinic.put("MedicationRequest", "medicine", changed).await;
    assert!(
        asha.post(&clinic, PAGE, &form).await.body.contains("allopurinol 300 mg: changed since you opened the page")
    );
}

#[tokio::test]
async fn only_who_may_goes_through_them() {
    let clinic = ward().await;
    for (login, status) in
        [("leo", StatusCode::FORBIDDEN), ("fay", StatusCode::FORBIDDEN), ("zoe", StatusCode::SEE_OTHER)]
    {
        let (mut browser, page) = look(&clinic, login, PAGE).await;
        assert_eq!(page.status, status, "{login}: {}", page.body);
        let csrf = browser.get(&clinic, "/me").await.csrf();
        let sent = browser.post(&clinic, PAGE, &[("csrf", csrf), ("none", "yes".into()), ("act", "save".into())]).await;
        assert_ne!(sent.location(), "/patients/p1/medicines?saved", "{login}");
    }
    assert!(held(&clinic, "List", "p1").await.is_empty());
    // A pharmacist on the team looks, and changes nothing.
    team(&clinic, "p1", &["ruth", "nora"]).await;
    let (_, page) = look(&clinic, "ruth", PAGE).await;
    assert!(
        page.body.contains("allopurinol") && !page.body.contains("gone through with the patient</button>"),
        "{}",
        page.body
    );
}
