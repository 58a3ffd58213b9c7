//! A note of a visit: its template, diagnoses, and what was ordered in it.

use access::Role;
use http::StatusCode;
use serde_json::Value;

use crate::clinic::{Answer, Browser, Clinic};
use crate::ward::{look, ward};

const NEW: &str = "/patients/p1/notes/new";

/// The form of a note, as a browser without scripts sends it back.
pub fn sheet(page: &Answer) -> (String, Vec<(&'static str, String)>) {
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let form = page.body.split(r#"id="note" method="post" action=""#).nth(1).expect(&page.body);
    let field = |name: &str| {
        let rest = form.split(&format!(r#"name="{name}" value=""#)).nth(1).unwrap_or_else(|| panic!("{name}"));
        rest.split('"').next().unwrap().replace("&#34;", "\"").replace("&#39;", "'").replace("&#38;", "&")
    };
    let area = |name: &str| {
        let rest = form.split(&format!(r#"name="{name}" rows"#)).nth(1).unwrap();
        rest.split_once(">\n").unwrap().1.split("</textarea>").next().unwrap().replace("&#39;", "'")
    };
    let held = ["csrf", "ticket", "based_on", "addendum", "encounter", "diagnoses"];
    let parts = ["subjective", "objective", "assessment", "plan", "instructions"];
    let fields =
        held.into_iter().map(|name| (name, field(name))).chain(parts.into_iter().map(|part| (part, area(part))));
    (form.split('"').next().unwrap().to_owned(), fields.collect())
}

/// Presses a button of the note's form, and goes where it leads.
pub async fn press(
    clinic: &Clinic,
    browser: &mut Browser,
    page: &Answer,
    act: &str,
    typed: &[(&'static str, &str)],
) -> Answer {
    let (address, mut form) = sheet(page);
    form.retain(|(name, _)| !typed.iter().any(|(typed, _)| typed == name));
    form.extend(typed.iter().map(|(name, value)| (*name, (*value).to_owned())));
    form.push(("act", act.to_owned()));
    let answer = browser.post(clinic, &address, &form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{act}: {}", answer.body);
    let next = answer.location().split('#').next().unwrap().to_owned();
    browser.get(clinic, &next).await
}

pub async fn held(clinic: &Clinic, kind: &str) -> Vec<Value> {
    let all = clinic.all(kind, &[("patient", "p1"), ("_sort", "_lastUpdated")]).await;
    all.iter().map(|one| serde_json::from_str(one).unwrap()).collect()
}

/// A visit that is open now.
pub async fn open_visit(clinic: &Clinic, id: &str, class: &str) {
    let members = format!(
        r#""status":"in-progress","class":{{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"{class}"}},
        "type":[{{"text":"Visit"}}],"subject":{{"reference":"Patient/p1"}},"period":{{"start":"2027-01-04T14:50:00Z"}},
        "reasonCode":[{{"text":"Toe pain"}}]"#
    );
    clinic.put("Encounter", id, &members).await;
}

pub async fn sign(clinic: &Clinic, browser: &mut Browser, place: &str, more: &[(&'static str, &str)]) -> Answer {
    let preview = browser.get(clinic, &format!("{place}/preview")).await;
    let mut form = vec![("csrf", preview.csrf()), ("version", preview.after(r#"name="version" value=""#))];
    form.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    browser.post(clinic, &format!("{place}/sign"), &form).await
}

pub fn place_of(page: &Answer) -> String {
    sheet(page).0
}

#[tokio::test]
async fn the_kind_of_visit_chooses_the_template_and_the_role_which_there_are() {
    let clinic = ward().await;
    open_visit(&clinic, "now", "VR").await;
    let (_, page) = look(&clinic, "asha", NEW).await;
    assert!(page.body.contains(r#"<option value="telehealth" selected>"#), "{}", page.body);
    assert!(page.body.contains(r#"name="encounter" value="now""#) && page.body.contains("Annual physical"));
    assert!(!page.body.contains("Psychotherapy progress"), "who keeps no psychotherapy notes");
    let (_, page) = look(&clinic, "nora", NEW).await;
    assert!(page.body.contains("Nurse visit") && !page.body.contains("Annual physical"), "{}", page.body);
    clinic.seed_practitioner("ines", Role::Psychiatrist).await;
    crate::ward::team(&clinic, "p1", &["asha", "nora", "leo", "ines"]).await;
    let (_, page) = look(&clinic, "ines", NEW).await;
    assert!(page.body.contains("Psychotherapy progress"));
}

#[tokio::test]
async fn templates_and_phrases_of_ones_own_are_ones_own_alone() {
    let clinic = ward().await;
    let (mut browser, page) = look(&clinic, "asha", "/notes/own").await;
    let form = |page: &Answer, more: &[(&'static str, &str)]| {
        let mut form = vec![("csrf", page.csrf()), ("version", page.after(r#"name="version" value=""#))];
        form.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        form
    };
    let wrong = [("act", "phrase"), ("name", "Ankle"), ("text", "Stable, <no> swelling.")];
    let refused = browser.post(&clinic, "/notes/own", &form(&page, &wrong)).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("Stable, &#60;no&#62; swelling."), "what was typed is there");
    let phrase = [("act", "phrase"), ("name", ".ankle"), ("text", "Stable, <no> swelling. .meds ***")];
    for _ in 0..2 {
        let saved = browser.post(&clinic, "/notes/own", &form(&page, &phrase)).await;
        assert_eq!((saved.status, saved.location()), (StatusCode::SEE_OTHER, "/notes/own?saved"), "{}", saved.body);
    }
    // Another tab that was opened before does not overwrite, and loses nothing.
    let template =
        [("act", "template"), ("title", "Ankle & foot"), ("subjective", "Twisted: ***"), ("objective", ".ankle ")];
    let late = browser.post(&clinic, "/notes/own", &form(&page, &template)).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(late.body.contains("Twisted: ***") && late.body.contains(".ankle"), "{}", late.body);
    let saved = browser.post(&clinic, "/notes/own", &form(&late, &template)).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);

    let page = browser.get(&clinic, NEW).await;
    assert!(page.body.contains(r#"<option value="own:Ankle &#38; foot">"#), "{}", page.body);
    let typed = [("template", "own:Ankle & foot"), ("plan", "Mine stays.")];
    let page = press(&clinic, &mut browser, &page, "template", &typed).await;
    let (_, fields) = sheet(&page);
    let field = |name: &str| &fields.iter().find(|(held, _)| *held == name).unwrap().1;
    assert_eq!((field("subjective").as_str(), field("plan").as_str()), ("Twisted: ***", "Mine stays."));
    assert!(field("objective").contains("swelling. [chart 04-Jan-2027: allopurinol"), "{}", field("objective"));
    let preview = press(&clinic, &mut browser, &page, "preview", &[]).await;
    assert!(preview.body.contains("Still to be filled in") && !preview.body.contains("Sign the note"));

    let (mut other, page) = look(&clinic, "zoe", "/notes/own").await;
    assert!(page.body.contains("None yet") && !page.body.contains("nkle &"), "{}", page.body);
    assert!(!other.get(&clinic, "/patients/p2/notes/new").await.body.contains("swelling"));
    let (_, page) = look(&clinic, "fay", "/notes/own").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN, "who writes no notes has none");
    let page = browser.get(&clinic, "/notes/own").await;
    let removed = [("act", "remove-phrase"), ("which", ".ankle")];
    browser.post(&clinic, "/notes/own", &form(&page, &removed)).await;
    assert!(browser.get(&clinic, "/notes/own").await.body.contains("Save one below"));
}

#[tokio::test]
async fn diagnoses_are_put_in_order_and_signed_with_the_note_in_the_visit() {
    let clinic = ward().await;
    open_visit(&clinic, "now", "AMB").await;
    let (mut browser, page) = look(&clinic, "asha", NEW).await;
    let page =
        press(&clinic, &mut browser, &page, "dx-add", &[("plan", "Colchicine."), ("dx", "acute bronchitis")]).await;
    assert!(page.body.contains("Colchicine.") && page.body.contains("SNOMED CT 10509002"), "{}", page.body);
    let page = press(&clinic, &mut browser, &page, "dx-take:problem", &[]).await;
    let page = press(&clinic, &mut browser, &page, "dx-up:1", &[]).await;
    let page = press(&clinic, &mut browser, &page, "dx-list:1", &[]).await;
    let (first, second) = (page.body.find("<b>Gouty arthritis</b>"), page.body.find("<b>Acute bronchitis</b>"));
    assert!(first.unwrap() < second.unwrap() && page.body.contains("on the problem list"), "{}", page.body);
    // Typed and not added: it is meant all the same.
    let place = place_of(&page);
    let preview = press(&clinic, &mut browser, &page, "preview", &[("dx", "Writer's block")]).await;
    assert!(
        preview.body.contains("1. Gouty arthritis\n2. Acute bronchitis (SNOMED CT 10509002)\n3. Writer&#39;s block"),
        "{}",
        preview.body
    );
    // Somebody writes in the encounter meanwhile.
    open_visit(&clinic, "now", "AMB").await;
    for _ in 0..2 {
        let signed = sign(&clinic, &mut browser, &place, &[("version", "5")]).await;
        assert_eq!(signed.status, StatusCode::SEE_OTHER, "{}", signed.body);
        if signed.location() == place {
            break;
        }
    }
    let conditions = held(&clinic, "Condition").await;
    let of = |category: &str| {
        let is = |one: &&Value| one["category"][0]["coding"][0]["code"] == category;
        conditions.iter().filter(is).collect::<Vec<_>>()
    };
    let diagnoses = of("encounter-diagnosis");
    assert_eq!(diagnoses.len(), 3, "{conditions:#?}");
    assert!(diagnoses.iter().all(|one| one["encounter"]["reference"] == "Encounter/now"));
    assert_eq!(of("problem-list-item").len(), 1);
    let visits = held(&clinic, "Encounter").await;
    let visit = visits.iter().find(|one| one["id"] == "now").unwrap();
    let named: Vec<&Value> =
        visit["diagnosis"].as_array().unwrap().iter().map(|one| &one["condition"]["reference"]).collect();
    assert_eq!(named.len(), 3);
    let primary = diagnoses.iter().find(|one| one["code"]["text"] == "Gouty arthritis").unwrap();
    assert_eq!(
        (named[0], &visit["diagnosis"][0]["rank"]),
        (&Value::from(format!("Condition/{}", primary["id"].as_str().unwrap())), &Value::from(1))
    );
    let composition = &held(&clinic, "Composition").await[0];
    assert_eq!(composition["section"][1]["entry"].as_array().unwrap().len(), 3, "{composition:#}");
    assert_eq!(
        composition["section"][0]["entry"][0]["reference"],
        format!("DocumentReference/{}", place.rsplit('/').next().unwrap())
    );
    // The list of problems says it now, and the diagnoses of visits are not among them.
    let problems = browser.get(&clinic, "/patients/p1/problems").await.body;
    assert_eq!(problems.matches("<th scope=\"row\">Acute bronchitis").count(), 1, "{problems}");
    // Another note adds it no second time.
    let page = browser.get(&clinic, NEW).await;
    let page = press(&clinic, &mut browser, &page, "dx-add", &[("plan", "Rest."), ("dx", "Acute bronchitis")]).await;
    let page = press(&clinic, &mut browser, &page, "dx-list:0", &[]).await;
    let signed = sign(&clinic, &mut browser, &place_of(&page), &[]).await;
    assert_eq!(signed.status, StatusCode::SEE_OTHER, "{}", signed.body);
    let conditions = held(&clinic, "Condition").await;
    assert_eq!(
        conditions.iter().filter(|one| one["category"][0]["coding"][0]["code"] == "problem-list-item").count(),
        1
    );
}

#[tokio::test]
async fn a_diagnosis_without_a_code_or_twice_is_pointed_out_and_signed_all_the_same() {
    let clinic = ward().await;
    let (mut browser, page) = look(&clinic, "asha", NEW).await;
    let page = press(&clinic, &mut browser, &page, "dx-add", &[("plan", "Rest."), ("dx", "acute bronchitis")]).await;
    let place = place_of(&page);
    let preview = press(&clinic, &mut browser, &page, "preview", &[]).await;
    assert!(!preview.body.contains("Worth a look"), "{}", preview.body);
    let page = browser.get(&clinic, &place).await;
    let page = press(&clinic, &mut browser, &page, "dx-add", &[("dx", "Acute-bronchitis")]).await;
    let preview = press(&clinic, &mut browser, &page, "preview", &[]).await;
    let pointed = preview.body.split("Worth a look").nth(1).expect(&preview.body);
    assert!(pointed.contains("“Acute-bronchitis” has no code and stays in words"), "{pointed}");
    assert!(pointed.contains("“Acute bronchitis” and “Acute-bronchitis” look like the same diagnosis."), "{pointed}");
    let version = preview.body.split(r#"name="version" value=""#).nth(1).unwrap().split('"').next().unwrap();
    let signed = sign(&clinic, &mut browser, &place, &[("version", version)]).await;
    assert_eq!((signed.status, signed.location()), (StatusCode::SEE_OTHER, &*place), "{}", signed.body);
}

#[tokio::test]
async fn diagnoses_of_a_note_that_is_kept_from_the_patient_are_named_nowhere_they_see() {
    let clinic = ward().await;
    open_visit(&clinic, "now", "AMB").await;
    let (mut browser, page) = look(&clinic, "asha", NEW).await;
    let why = "would endanger her brother at home";
    let typed = [("plan", "Rest."), ("dx", "Acute bronchitis"), ("keep", "harm"), ("why", why)];
    let page = press(&clinic, &mut browser, &page, "dx-add", &typed).await;
    let place = place_of(&page);
    let page = press(&clinic, &mut browser, &page, "save", &typed[2..]).await;
    assert!(page.body.contains("<b>Acute bronchitis</b>"), "{}", page.body);
    let signed = sign(&clinic, &mut browser, &place, &[]).await;
    assert_eq!((signed.status, signed.location()), (StatusCode::SEE_OTHER, place.as_str()), "{}", signed.body);
    let visits = held(&clinic, "Encounter").await;
    assert!(visits.iter().all(|one| one["id"] != "now" || one.get("diagnosis").is_none()));
    for kind in ["Condition", "Composition"] {
        let made = held(&clinic, kind).await;
        let made = made.iter().find(|one| one["id"] != "problem").unwrap();
        assert!(made["meta"]["security"].to_string().contains("NOPAT"), "{made:#}");
    }
}

#[tokio::test]
async fn what_is_ordered_from_a_note_is_of_its_visit_and_comes_into_the_plan() {
    let clinic = ward().await;
    open_visit(&clinic, "now", "AMB").await;
    let (mut browser, page) = look(&clinic, "asha", NEW).await;
    let place = place_of(&page);
    let orders = press(&clinic, &mut browser, &page, "order", &[("plan", "Uric acid again.")]).await;
    assert!(
        orders.body.contains("New orders") && orders.body.contains("Back to the note you are writing"),
        "{}",
        orders.body
    );
    assert!(orders.body.contains(&format!(r#"href="{place}""#)));
    let form = [
        ("csrf", orders.csrf()),
        ("token", orders.after(r#"name="token" value=""#)),
        ("item", "a1c".to_owned()),
        ("reason", "problem".to_owned()),
        ("act", "add".to_owned()),
    ];
    let added = browser.post(&clinic, "/patients/p1/orders/new", &form).await;
    assert_eq!(added.status, StatusCode::SEE_OTHER, "{}", added.body);
    assert!(browser.get(&clinic, added.location()).await.body.contains("Back to the note you are writing"));
    let ordered = held(&clinic, "ServiceRequest").await;
    let ordered = ordered.iter().find(|one| one["status"] == "draft").unwrap();
    assert_eq!(ordered["encounter"]["reference"], "Encounter/now");
    let page = browser.get(&clinic, &place).await;
    assert!(page.body.contains("Uric acid again.") && page.body.contains("not signed"), "{}", page.body);
    let page = press(&clinic, &mut browser, &page, "pull", &[]).await;
    let (_, fields) = sheet(&page);
    let plan = &fields.iter().find(|(name, _)| *name == "plan").unwrap().1;
    assert!(plan.starts_with("Uric acid again.\n[chart 04-Jan-2027: ") && plan.ends_with("(not signed)]"), "{plan}");
    let signed = sign(&clinic, &mut browser, &place, &[]).await;
    assert_eq!(signed.location(), place, "{}", signed.body);
    let composition = &held(&clinic, "Composition").await[0];
    assert_eq!(composition["section"][1]["title"], "Plan", "{composition:#}");
    // Nothing is written any more: there is nothing to go back to.
    assert!(!browser.get(&clinic, "/patients/p1/orders").await.body.contains("Back to the note"));
    let (_, page) = look(&clinic, "nora", NEW).await;
    assert!(!page.body.contains("Order tests") && !page.body.contains(r#"value="prescribe""#), "who may not order");
}

#[tokio::test]
async fn a_diagnosis_of_the_note_is_offered_as_the_reason_of_an_order_and_stays_one() {
    let clinic = ward().await;
    open_visit(&clinic, "now", "AMB").await;
    let (mut browser, page) = look(&clinic, "asha", NEW).await;
    let page = press(&clinic, &mut browser, &page, "dx-take:problem", &[("plan", "Look again.")]).await;
    let page = press(&clinic, &mut browser, &page, "dx-add", &[("dx", "acute bronchitis")]).await;
    let place = place_of(&page);
    let orders = press(&clinic, &mut browser, &page, "order", &[]).await;
    let offered = orders.body.split(r#"<optgroup label="Diagnoses of this visit">"#).nth(1).expect(&orders.body);
    let (diagnoses, listed) = offered.split_once(r#"<optgroup label="Problem list">"#).unwrap();
    let value = "note:http://snomed.info/sct|10509002";
    assert!(diagnoses.contains(&format!(r#"value="{value}">Acute bronchitis"#)), "{diagnoses}");
    assert!(!diagnoses.contains("Gouty arthritis") && listed.contains("Gouty arthritis"), "offered once: {offered}");
    let form = |page: &Answer, reason: &str| {
        [
            ("csrf", page.csrf()),
            ("token", page.after(r#"name="token" value=""#)),
            ("item", "a1c".to_owned()),
            ("reason", reason.to_owned()),
            ("act", "add".to_owned()),
        ]
    };
    let made_up = browser.post(&clinic, "/patients/p1/orders/new", &form(&orders, "note:x|y")).await;
    assert_eq!(made_up.status, StatusCode::UNPROCESSABLE_ENTITY);
    let added = browser.post(&clinic, "/patients/p1/orders/new", &form(&orders, value)).await;
    assert_eq!(added.status, StatusCode::SEE_OTHER, "{}", added.body);
    let ordered = async || held(&clinic, "ServiceRequest").await.into_iter().find(|one| one["id"] != "order").unwrap();
    let order = ordered().await;
    assert_eq!(order["reasonCode"][0]["coding"][0]["code"], "10509002", "{order:#}");
    assert!(order.get("reasonReference").is_none(), "the note is not signed: {order:#}");

    // A draft that is changed keeps its code, also once the note no longer has it.
    let page = browser.get(&clinic, &place).await;
    press(&clinic, &mut browser, &page, "dx-remove:1", &[]).await;
    let address = format!("/patients/p1/orders/{}", order["id"].as_str().unwrap());
    let page = browser.get(&clinic, &address).await;
    assert!(page.body.contains(&format!(r#"value="{value}" selected>Acute bronchitis"#)), "{}", page.body);
    let form = [
        ("csrf", page.csrf()),
        ("version", page.after(r#"name="version" value=""#)),
        ("reason", value.to_owned()),
        ("note", "Fasting.".to_owned()),
        ("act", "change".to_owned()),
    ];
    let changed = browser.post(&clinic, &address, &form).await;
    assert_eq!(changed.status, StatusCode::SEE_OTHER, "{}", changed.body);
    let order = ordered().await;
    assert_eq!(
        (&order["note"][0]["text"], &order["reasonCode"][0]["coding"][0]["code"]),
        (&"Fasting.".into(), &"10509002".into())
    );
}

#[tokio::test]
async fn what_a_note_keeps_from_the_patient_is_no_reason_that_an_order_shows_them() {
    let clinic = ward().await;
    open_visit(&clinic, "now", "AMB").await;
    let (mut browser, page) = look(&clinic, "asha", NEW).await;
    let typed =
        [("plan", "Rest."), ("dx", "acute bronchitis"), ("keep", "harm"), ("why", "would endanger her brother")];
    let page = press(&clinic, &mut browser, &page, "dx-add", &typed).await;
    let place = place_of(&page);
    let page = press(&clinic, &mut browser, &page, "save", &typed[2..]).await;
    assert!(page.body.contains("<b>Acute bronchitis</b>"), "{}", page.body);
    let orders = browser.get(&clinic, "/patients/p1/orders/new").await;
    assert!(orders.body.contains("Gouty arthritis") && !orders.body.contains("Acute bronchitis"), "{}", orders.body);
    let signed = sign(&clinic, &mut browser, &place, &[]).await;
    assert_eq!(signed.status, StatusCode::SEE_OTHER, "{}", signed.body);
    let orders = browser.get(&clinic, "/patients/p1/orders/refer").await;
    assert!(orders.body.contains("Gouty arthritis") && !orders.body.contains("Acute bronchitis"), "{}", orders.body);
}

#[tokio::test]
async fn the_summary_that_goes_home_says_what_to_do_and_nothing_that_is_kept() {
    let clinic = ward().await;
    open_visit(&clinic, "now", "AMB").await;
    for (id, status) in [("rx", "active"), ("rx-draft", "draft")] {
        let members = format!(
            r#""status":"{status}","intent":"order","subject":{{"reference":"Patient/p1"}},"encounter":{{"reference":"Encounter/now"}},
            "medicationCodeableConcept":{{"text":"colchicine {id}"}},"dosageInstruction":[{{"text":"1 tablet twice daily"}}]"#
        );
        clinic.put("MedicationRequest", id, &members).await;
    }
    let (mut browser, page) = look(&clinic, "asha", NEW).await;
    let typed = [("subjective", "Secretly smokes."), ("instructions", "Rest.\n\nCall us."), ("dx", "Acute bronchitis")];
    let page = press(&clinic, &mut browser, &page, "dx-add", &typed).await;
    let place = place_of(&page);
    let summary = format!("{place}/summary");
    let before = browser.get(&clinic, &summary).await;
    sign(&clinic, &mut browser, &place, &[]).await;
    let after = browser.get(&clinic, &summary).await;
    assert!(before.body.contains("not signed yet") && !after.body.contains("not signed yet"));
    for page in [&before, &after] {
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        for part in [
            "Toe pain",
            "Rest.\n\nCall us.",
            "<li>Acute bronchitis</li>",
            "colchicine rx, 1 tablet twice daily",
            "20-Jan-2027",
        ] {
            assert!(page.body.contains(part), "{part}: {}", page.body);
        }
        assert!(!page.body.contains("smokes") && !page.body.contains("rx-draft"), "{}", page.body);
    }
    assert!(browser.get(&clinic, &place).await.body.contains(&summary));
    // Of another chart, or for who does not see the note, there is none.
    let elsewhere = summary.replace("/p1/", "/p2/");
    assert_ne!(browser.get(&clinic, &elsewhere).await.status, StatusCode::OK);
    let (_, page) = look(&clinic, "leo", &summary).await;
    assert_ne!(page.status, StatusCode::OK);
    // Kept from the patient: nothing goes home.
    let page = browser.get(&clinic, NEW).await;
    let typed = [("plan", "x"), ("instructions", "Secret."), ("keep", "harm"), ("why", "would endanger her brother")];
    let page = press(&clinic, &mut browser, &page, "save", &typed).await;
    let kept = browser.get(&clinic, &format!("{}/summary", place_of(&page))).await;
    assert_eq!((kept.status, kept.location()), (StatusCode::SEE_OTHER, place_of(&page).as_str()));
}

#[tokio::test]
async fn what_was_done_in_the_evening_is_of_the_day_that_it_was_in_the_clinic() {
    const EVENING: &str = "2027-01-04T02:50:00Z";
    let clinic = ward().await;
    let subject = r#""subject":{"reference":"Patient/p1"}"#;
    let visit = format!(
        r#""status":"in-progress","class":{{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"}},
        {subject},"period":{{"start":"{EVENING}"}},"reasonCode":[{{"text":"Toe pain"}}]"#
    );
    clinic.put("Encounter", "now", &visit).await;
    let order = format!(
        r#""status":"active","intent":"order",{subject},"code":{{"text":"Urate"}},"authoredOn":"{EVENING}","requester":{{"reference":"Practitioner/asha"}}"#
    );
    clinic.put("ServiceRequest", "urate", &order).await;
    let problem = format!(
        r#""clinicalStatus":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}}]}},
        {subject},"code":{{"text":"Sore toe"}},"recordedDate":"{EVENING}","note":[{{"time":"{EVENING}","text":"Told at the desk"}}]"#
    );
    clinic.put("Condition", "toe", &problem).await;
    let letter = format!(
        r#""status":"current","docStatus":"final",{subject},"date":"{EVENING}","description":"Evening letter",
        "content":[{{"attachment":{{"contentType":"text/plain","data":"eA=="}}}}]"#
    );
    clinic.put("DocumentReference", "letter", &letter).await;
    let medicine = format!(
        r#""status":"active","intent":"order",{subject},"medicationCodeableConcept":{{"text":"colchicine"}},"authoredOn":"{EVENING}""#
    );
    clinic.put("MedicationRequest", "rx", &medicine).await;
    let (mut browser, page) = look(&clinic, "asha", NEW).await;
    let page = press(&clinic, &mut browser, &page, "save", &[("instructions", "Rest.")]).await;
    let chart = browser.get(&clinic, "/patients/p1").await;
    for named in ["Evening letter", "colchicine"] {
        let row = chart.body.split(named).nth(1).unwrap().split("</li>").next().unwrap();
        assert!(row.contains("03-Jan-2027"), "{named}: {row}");
    }
    let summary = browser.get(&clinic, &format!("{}/summary", place_of(&page))).await;
    assert!(summary.body.contains("<dt>Visit</dt><dd>03-Jan-2027"), "{}", summary.body);
    for (path, said) in [
        ("", ["ordered 03-Jan-2027", "recorded 03-Jan-2027"]),
        ("/orders", ["Urate", ">03-Jan-2027<"]),
        ("/problems", ["Told at the desk (03-Jan-2027)", "03-Jan-2027"]),
    ] {
        let page = browser.get(&clinic, &format!("/patients/p1{path}")).await;
        for said in said {
            assert!(page.body.contains(said), "{said} at {path}: {}", page.body);
        }
    }
}
