//! The addresses of a record that was merged into another: they lead to the chart that goes on, nothing is written there any more, and
//! nothing that was typed is lost.

use access::Role;
use http::StatusCode;

use crate::clinic::Browser;
use crate::lists::{Fill, fill, form_with, held, rowed, sent};
use crate::merge::{merged, two, undone};
use crate::ward::look;

const AMOXICILLIN: Fill<'static> = &[
    ("medicine", "amoxicillin 500 mg oral tablet"),
    ("amount", "1"),
    ("unit", "{tbl}"),
    ("route", "26643006"),
    ("often", "3/1/d"),
    ("days", "7"),
    ("quantity", "21"),
    ("refills", "0"),
    ("reason", "Gouty arthritis"),
    ("act", "save"),
];

#[tokio::test]
async fn a_prescription_from_a_task_of_the_old_record_is_compared_with_the_allergies_of_both() {
    let clinic = two().await;
    let medicine = r#""subject":{"reference":"Patient/p9"},"status":"active","intent":"order",
        "medicationCodeableConcept":{"text":"amoxicillin 500 MG"},"dosageInstruction":[{"text":"1 capsule daily"}]"#;
    clinic.put("MedicationRequest", "old-medicine", medicine).await;
    let task = r#""status":"requested","intent":"order","for":{"reference":"Patient/p9"},
        "code":{"coding":[{"system":"urn:wardstone:task","code":"refill-request"}]},
        "focus":{"reference":"MedicationRequest/old-medicine"},"authoredOn":"2027-01-06T12:00:00Z",
        "description":"Runs out on Friday","owner":{"reference":"Practitioner/asha"}"#;
    clinic.put("Task", "refill", task).await;
    let (mut asha, _) = look(&clinic, "asha", "/patients/p1").await;
    merged(&clinic, &mut asha).await;
    // What waits names the allergies of the whole patient, and leads on.
    let item = asha.get(&clinic, "/inbox/tasks/refill").await;
    assert!(item.body.contains("Penicillin") && item.body.contains("Latex"), "{}", item.body);
    let renew = item.after(r#"<a class="button" href=""#);
    assert!(renew.ends_with("/prescriptions/new?of=old-medicine"), "{renew}");
    let led = asha.get(&clinic, "/patients/p9/prescriptions/new?of=old-medicine").await;
    let new = "/patients/p1/prescriptions/new?of=old-medicine";
    assert_eq!((led.status, led.location()), (StatusCode::SEE_OTHER, new), "{}", led.body);
    let form = fill(&clinic, &mut asha, new, AMOXICILLIN).await;
    let drafted = asha.post(&clinic, "/patients/p1/prescriptions", &form).await;
    assert_eq!(drafted.status, StatusCode::SEE_OTHER, "{}", drafted.body);
    let address = drafted.location().to_owned();
    let page = asha.get(&clinic, &address).await;
    let stopped = asha.post(&clinic, &address, &form_with(&page, "sign", &[])).await;
    assert_eq!(stopped.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(stopped.body.contains("Not signed: this patient is allergic"), "{}", stopped.body);
    assert_eq!(held(&clinic, "MedicationRequest", "p9").await.len(), 1);
}

#[tokio::test]
async fn a_prescription_drafted_before_the_merge_is_compared_with_the_allergies_of_both() {
    let clinic = two().await;
    let (mut asha, _) = look(&clinic, "asha", "/patients/p1").await;
    let form = fill(&clinic, &mut asha, "/patients/p9/prescriptions/new", AMOXICILLIN).await;
    let drafted = asha.post(&clinic, "/patients/p9/prescriptions", &form).await;
    let old = drafted.location().to_owned();
    let page = asha.get(&clinic, &old).await;
    assert!(page.status == StatusCode::OK && !page.body.contains("Penicillin"), "{}", page.body);
    merged(&clinic, &mut asha).await;
    // The page is still open: its button signs nothing.
    let form = form_with(&page, "sign", &[]);
    let asked = asha.post(&clinic, &old, &form).await;
    assert_eq!(asked.status, StatusCode::CONFLICT, "{}", asked.body);
    assert!(asked.body.contains("Nothing was saved") && asked.body.contains("MR-004718"), "{}", asked.body);
    // And goes on in the chart that goes on, where it is compared with both.
    let address = old.replace("/p9/", "/p1/");
    assert!(asked.body.contains(&format!(r#"action="{address}""#)), "{}", asked.body);
    let stopped = asha.post(&clinic, &address, &sent(&asked.body)).await;
    assert_eq!(stopped.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", stopped.body);
    assert!(stopped.body.contains("Not signed: this patient is allergic"), "{}", stopped.body);
    assert!(held(&clinic, "MedicationRequest", "p9").await[0].contains(r#""status":"draft""#));
}

#[tokio::test]
async fn every_page_of_the_old_record_leads_to_the_one_that_goes_on() {
    let clinic = two().await;
    let (mut asha, _) = look(&clinic, "asha", "/patients/p1").await;
    merged(&clinic, &mut asha).await;
    // The page that says so and undoes it, and what it looks like, are its own.
    let own = ["/patients/{}", "/patients/{}/picture"];
    let pages = web::ROUTES.iter().filter(|(method, path)| *method == "GET" && path.starts_with("/patients/{}"));
    let mut led = 0;
    for (_, path) in pages.filter(|(_, path)| !own.contains(path)) {
        let rest = path.replacen("/patients/{}", "", 1).replace("{}", "some-thing");
        let answer = asha.get(&clinic, &format!("/patients/p9{rest}?a=b")).await;
        let place = format!("/patients/p1{rest}?a=b");
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, &*place), "{path}");
        led += 1;
    }
    assert!(led > 20, "{led}");
    assert!(asha.get(&clinic, "/patients/p9").await.body.contains("This record was merged"));
    undone(&clinic, &mut asha).await;
    assert_eq!(asha.get(&clinic, "/patients/p9/allergies").await.status, StatusCode::OK);
}

#[tokio::test]
async fn no_form_of_the_old_record_writes_and_what_was_typed_goes_along() {
    let clinic = two().await;
    let (mut asha, _) = look(&clinic, "asha", "/patients/p9").await;
    let typed = [("substance", "Peanut"), ("note", "said <b>so</b> & wept"), ("act", "add")];
    let allergy = fill(&clinic, &mut asha, "/patients/p9/allergies", &typed).await;
    let who = fill(&clinic, &mut asha, "/patients/p9/edit", &[("family", "Adeyemi-Moss")]).await;
    merged(&clinic, &mut asha).await;
    let before = held(&clinic, "AllergyIntolerance", "p9").await;
    let asked = asha.post(&clinic, "/patients/p9/allergies", &allergy).await;
    assert_eq!(asked.status, StatusCode::CONFLICT, "{}", asked.body);
    assert!(asked.body.contains("Peanut") && !asked.body.contains("<b>so</b>"), "{}", asked.body);
    assert_eq!(held(&clinic, "AllergyIntolerance", "p9").await, before);
    let mut on = sent(&asked.body);
    rowed(&mut on, "note", "said so");
    let saved = asha.post(&clinic, "/patients/p1/allergies", &on).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    assert!(held(&clinic, "AllergyIntolerance", "p1").await.iter().any(|one| one.to_lowercase().contains("peanut")));
    assert_eq!(held(&clinic, "AllergyIntolerance", "p9").await, before);
    // Who somebody is, is of one record: it is shown again and goes along to no other.
    let asked = asha.post(&clinic, "/patients/p9/edit", &who).await;
    assert_eq!(asked.status, StatusCode::CONFLICT, "{}", asked.body);
    assert!(asked.body.contains("Adeyemi-Moss") && !asked.body.contains("/patients/p1/edit\""), "{}", asked.body);
    let old = asha.get(&clinic, "/patients/p9").await.body.to_uppercase();
    assert!(old.contains("ADEYEMY") && !old.contains("MOSS"), "{old}");
}

#[tokio::test]
async fn a_note_begun_on_a_page_of_the_old_record_is_saved_in_the_one_that_goes_on() {
    let clinic = two().await;
    let (mut asha, page) = look(&clinic, "asha", "/patients/p9/notes/new").await;
    let mut form: Vec<_> = ["csrf", "ticket", "based_on", "addendum", "encounter"]
        .into_iter()
        .map(|name| (name, page.after(&format!(r#"name="{name}" value=""#))))
        .collect();
    form.push(("subjective", "wheezes since Monday".to_owned()));
    let address = page.after(r#"id="note" method="post" action=""#);
    merged(&clinic, &mut asha).await;
    let saved = asha.post(&clinic, &address, &form).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    assert!(saved.location().starts_with("/patients/p1/notes/"), "{}", saved.location());
    let page = asha.get(&clinic, saved.location()).await;
    assert!(page.body.contains("wheezes since Monday") && page.body.contains("Penicillin"), "{}", page.body);
}

#[tokio::test]
async fn who_does_not_see_the_old_record_learns_of_no_other() {
    let clinic = two().await;
    let (mut asha, _) = look(&clinic, "asha", "/patients/p1").await;
    merged(&clinic, &mut asha).await;
    clinic.seed("ada", Role::Admin).await;
    let mut nobody = Browser::new();
    let (mut ada, _) = look(&clinic, "ada", "/me").await;
    for path in ["/patients/p9/allergies", "/patients/p9/prescriptions/new", "/patients/p9/notes/new"] {
        let answer = ada.get(&clinic, path).await;
        assert!(!answer.location().contains("p1") && !answer.body.contains("/p1"), "{path}: {}", answer.body);
        let answer = nobody.get(&clinic, path).await;
        assert_eq!(answer.location(), "/signin", "{path}");
    }
    let csrf = ada.get(&clinic, "/me").await.csrf();
    let answer = ada.post(&clinic, "/patients/p9/allergies", &[("csrf", csrf), ("substance", "Egg".to_owned())]).await;
    assert!(!answer.location().contains("p1") && !answer.body.contains("/p1"), "{}", answer.body);
    assert_eq!(held(&clinic, "AllergyIntolerance", "p9").await.len(), 1);
    // Who sees of both that they are there is led on, and finds the chart as closed as it is.
    let (mut zoe, led) = look(&clinic, "zoe", "/patients/p9/allergies").await;
    assert_eq!(led.location(), "/patients/p1/allergies");
    assert_eq!(zoe.get(&clinic, "/patients/p1/allergies").await.location(), "/patients/p1");
    let closed = zoe.get(&clinic, "/patients/p1").await;
    assert!(closed.status == StatusCode::FORBIDDEN && !closed.body.contains("Penicillin"), "{}", closed.body);
}
