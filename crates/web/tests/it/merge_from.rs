//! What lies in a record that was merged into another opens and changes from the chart that goes on, and stays where it lies.

use http::StatusCode;

use crate::clinic::{Answer, Browser, Clinic};
use crate::lists::{form_with, held, rowed, sent};
use crate::merge::{merged, two, undone};
use crate::orders::{licensed_ward, signature};
use crate::ward::{self, look};

const OF: &str = r#""subject":{"reference":"Patient/p9"}"#;

/// Of each what a list of the chart links to, all in the record that is merged.
async fn old_record(clinic: &Clinic) {
    let medicine = format!(
        r#"{OF},"status":"active","intent":"order","medicationCodeableConcept":{{"text":"amoxicillin 500 MG"}},
        "requester":{{"reference":"Practitioner/asha"}},"dosageInstruction":[{{"text":"1 capsule daily"}}]"#
    );
    clinic.put("MedicationRequest", "old-medicine", &medicine).await;
    let problem = format!(
        r#"{OF},"code":{{"text":"Asthma"}},
        "category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/condition-category","code":"problem-list-item"}}]}}],
        "clinicalStatus":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}}]}}"#
    );
    clinic.put("Condition", "old-problem", &problem).await;
    // U2VlbiBpbiBhbm90aGVyIGNsaW5pYy4= is "Seen in another clinic."
    let content =
        r#""content":[{"attachment":{"contentType":"text/plain","data":"U2VlbiBpbiBhbm90aGVyIGNsaW5pYy4="}}]"#;
    let note = format!(
        r#"{OF},"status":"current","docStatus":"final","type":{{"text":"Progress note"}},"date":"2026-12-02T10:00:00Z",
        "category":[{{"coding":[{{"code":"clinical-note"}}]}}],{content}"#
    );
    clinic.put("DocumentReference", "old-note", &note).await;
    let scan = format!(
        r#"{OF},"status":"current","docStatus":"preliminary","type":{{"text":"Outside record"}},
        "date":"2026-12-02T10:00:00Z","description":"Old scan",{content}"#
    );
    clinic.put("DocumentReference", "old-scan", &scan).await;
    let dose = r#""patient":{"reference":"Patient/p9"},"status":"completed","vaccineCode":{"text":"Tetanus vaccine"},
        "occurrenceDateTime":"2026-10-10""#;
    clinic.put("Immunization", "old-dose", dose).await;
}

async fn of_old(clinic: &Clinic, kind: &str, id: &str) -> String {
    let all = held(clinic, kind, "p9").await;
    all.into_iter().find(|one| one.contains(&format!(r#""id":"{id}""#))).unwrap_or_else(|| panic!("{kind}/{id}"))
}

#[tokio::test]
async fn what_the_surviving_chart_lists_opens_there_and_only_while_they_are_merged() {
    let clinic = two().await;
    old_record(&clinic).await;
    let (mut asha, _) = look(&clinic, "asha", "/patients/p1").await;
    const ITEMS: [&str; 9] = [
        "allergies/latex",
        "problems/old-problem",
        "prescriptions/old-medicine",
        "prescriptions/new?of=old-medicine",
        "notes/old-note",
        "notes/old-note/summary",
        "notes/new?addendum=old-note",
        "documents/old-scan",
        "documents/old-scan/file",
    ];
    for item in ITEMS {
        let path = format!("/patients/p1/{item}");
        assert_eq!(asha.get(&clinic, &path).await.status, StatusCode::NOT_FOUND, "before: {path}");
    }
    merged(&clinic, &mut asha).await;
    for item in ITEMS {
        let path = format!("/patients/p1/{item}");
        let page = asha.get(&clinic, &path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.body);
        assert!(item.ends_with("/file") || page.body.contains("MR-004718"), "{path} is not of p1: {}", page.body);
        assert!(!page.body.contains(r#"href="/patients/p9"#), "{path} leads to the old record: {}", page.body);
    }
    let scan = asha.get(&clinic, "/patients/p1/documents/old-scan/file").await;
    assert!(scan.body.contains("Seen in another clinic."), "{}", scan.body);
    // Of a patient whose record is not merged: as before.
    assert_eq!(asha.get(&clinic, "/patients/p1/problems/nowhere").await.status, StatusCode::NOT_FOUND);
    undone(&clinic, &mut asha).await;
    for item in ITEMS {
        let path = format!("/patients/p1/{item}");
        assert_eq!(asha.get(&clinic, &path).await.status, StatusCode::NOT_FOUND, "after: {path}");
    }
}

#[tokio::test]
async fn what_is_corrected_or_ended_from_the_surviving_chart_stays_in_the_record_in_which_it_lies() {
    let clinic = two().await;
    old_record(&clinic).await;
    let (mut asha, _) = look(&clinic, "asha", "/patients/p1").await;
    merged(&clinic, &mut asha).await;

    let path = "/patients/p1/prescriptions/old-medicine";
    let page = asha.get(&clinic, path).await;
    let ended = asha.post(&clinic, path, &form_with(&page, "end", &[("why", "is over")])).await;
    assert_eq!(ended.location(), "/patients/p1/medicines?stopped", "{}", ended.body);
    assert!(of_old(&clinic, "MedicationRequest", "old-medicine").await.contains(r#""status":"stopped""#));

    let path = "/patients/p1/allergies/latex";
    let page = asha.get(&clinic, path).await;
    let saved = asha.post(&clinic, path, &form_with(&page, "add", &[("note", "only gloves")])).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    assert!(of_old(&clinic, "AllergyIntolerance", "latex").await.contains("only gloves"));

    let path = "/patients/p1/problems/old-problem";
    let list = asha.get(&clinic, "/patients/p1/problems").await;
    let row = list.body.split("<form").find(|form| form.contains(path)).unwrap();
    let mut form = sent(&format!("<form{row}"));
    rowed(&mut form, "act", "resolve");
    let over = asha.post(&clinic, path, &form).await;
    assert_eq!(over.status, StatusCode::SEE_OTHER, "{}", over.body);
    assert!(of_old(&clinic, "Condition", "old-problem").await.contains("resolved"));

    let path = "/patients/p1/documents/old-scan";
    let page = asha.get(&clinic, path).await;
    let signed = asha.post(&clinic, path, &form_with(&page, "sign", &[])).await;
    assert_eq!(signed.location(), "/patients/p1/documents/old-scan?done=signed", "{}", signed.body);
    assert!(of_old(&clinic, "DocumentReference", "old-scan").await.contains(r#""docStatus":"final""#));
    // Who signed lies beside it, so that it is there when the merge is undone.
    let traced = held(&clinic, "Provenance", "p9").await;
    assert!(traced.iter().any(|one| one.contains("DocumentReference/old-scan")), "{traced:?}");

    let path = "/patients/p1/immunizations/old-dose";
    let page = asha.get(&clinic, "/patients/p1/immunizations").await;
    let row = page.body.split("<form").find(|form| form.contains(path)).unwrap_or_else(|| panic!("{}", page.body));
    let mut form = sent(&format!("<form{row}"));
    rowed(&mut form, "why", "given to her sister");
    let mistake = asha.post(&clinic, path, &form).await;
    assert_eq!(mistake.status, StatusCode::SEE_OTHER, "{}", mistake.body);
    assert!(of_old(&clinic, "Immunization", "old-dose").await.contains("entered-in-error"));
}

/// Writes into the note of the page, and answers where it is.
async fn written(clinic: &Clinic, browser: &mut Browser, page: &Answer, words: &str) -> String {
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let form = page.body.split(r#"id="note" method="post" action=""#).nth(1).expect(&page.body);
    let address = form.split('"').next().unwrap().to_owned();
    let field =
        |name: &str| form.split(&format!(r#"name="{name}" value=""#)).nth(1).unwrap().split('"').next().unwrap();
    let mut fields: Vec<_> = ["csrf", "ticket", "based_on", "addendum", "encounter"]
        .into_iter()
        .map(|name| (name, field(name).to_owned()))
        .collect();
    fields.push(("subjective", words.to_owned()));
    let answer = browser.post(clinic, &address, &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    answer.location().to_owned()
}

async fn signed(clinic: &Clinic, browser: &mut Browser, address: &str) -> Answer {
    let preview = browser.get(clinic, &format!("{address}/preview")).await;
    let form = preview.body.split("/sign\"").nth(1).unwrap_or_else(|| panic!("{}", preview.body));
    let version = form.split(r#"name="version" value=""#).nth(1).unwrap().split('"').next().unwrap();
    let fields = [("csrf", preview.csrf()), ("version", version.to_owned())];
    browser.post(clinic, &format!("{address}/sign"), &fields).await
}

#[tokio::test]
async fn a_note_begun_before_the_merge_is_finished_from_the_surviving_chart_and_one_is_added_to() {
    let clinic = two().await;
    old_record(&clinic).await;
    let (mut asha, page) = look(&clinic, "asha", "/patients/p9/notes/new").await;
    let begun = written(&clinic, &mut asha, &page, "wheezes since Monday").await;
    merged(&clinic, &mut asha).await;
    let begun = begun.replace("/p9/", "/p1/");
    let page = asha.get(&clinic, &begun).await;
    assert!(page.body.contains("wheezes since Monday") && page.body.contains("Penicillin"), "{}", page.body);
    let begun = written(&clinic, &mut asha, &page, "wheezes since Tuesday").await;
    let answer = signed(&clinic, &mut asha, &begun).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, &*begun), "{}", answer.body);
    assert!(asha.get(&clinic, &begun).await.body.contains("wheezes since Tuesday"));
    // An addendum to a note of the old record, from the chart that goes on.
    let page = asha.get(&clinic, "/patients/p1/notes/new?addendum=old-note").await;
    let added = written(&clinic, &mut asha, &page, "was in Albany").await;
    let answer = signed(&clinic, &mut asha, &added).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, &*added), "{}", answer.body);
    let id = added.rsplit('/').next().unwrap();
    assert!(asha.get(&clinic, "/patients/p1/notes/old-note").await.body.contains(id));
}

#[tokio::test]
async fn a_note_names_no_visit_of_another_patient() {
    let clinic = two().await;
    ward::team(&clinic, "p2", &["asha", "zoe"]).await;
    for (id, patient) in [("others", "p2"), ("old-visit", "p9")] {
        let visit = format!(
            r#""subject":{{"reference":"Patient/{patient}"}},"status":"finished","class":{{"code":"AMB"}},
            "period":{{"start":"2026-12-02T09:00:00Z","end":"2026-12-02T09:30:00Z"}}"#
        );
        clinic.put("Encounter", id, &visit).await;
    }
    let (mut asha, _) = look(&clinic, "asha", "/patients/p1").await;
    for id in ["others", "old-visit", "nowhere"] {
        let page = asha.get(&clinic, &format!("/patients/p1/notes/new?encounter={id}")).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{id}: {}", page.body);
    }
    // A form that says so all the same is kept and not signed.
    let mut page = asha.get(&clinic, "/patients/p1/notes/new?encounter=visit").await;
    page.body = page.body.replace(r#"name="encounter" value="visit""#, r#"name="encounter" value="others""#);
    let address = written(&clinic, &mut asha, &page, "toe hurts").await;
    let preview = asha.get(&clinic, &format!("{address}/preview")).await;
    let refused =
        asha.post(&clinic, &format!("{address}/sign"), &[("csrf", preview.csrf()), ("version", "1".to_owned())]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.body);
    assert!(refused.body.contains("the visit of this note is another patient"), "{}", refused.body);
    assert!(!held(&clinic, "DocumentReference", "p1").await.iter().any(|one| one.contains("Encounter/others")));
    // While the records are merged their visits are one patient's.
    merged(&clinic, &mut asha).await;
    let page = asha.get(&clinic, "/patients/p1/notes/new?encounter=old-visit").await;
    let address = written(&clinic, &mut asha, &page, "came back").await;
    assert_eq!(signed(&clinic, &mut asha, &address).await.location(), address);
    assert!(held(&clinic, "DocumentReference", "p1").await.iter().any(|one| one.contains("Encounter/old-visit")));
}

#[tokio::test]
async fn orders_drafted_in_the_old_record_are_signed_from_the_surviving_chart_and_stay_there() {
    let clinic = licensed_ward().await;
    ward::patient(&clinic, "p9", "Adeyemy", "Ruth", ward::BIRTH, "MR-900000").await;
    for patient in ["p1", "p9"] {
        let draft = format!(
            r#""subject":{{"reference":"Patient/{patient}"}},"status":"draft","intent":"order",
            "code":{{"text":"Full blood count of {patient}"}},"requester":{{"reference":"Practitioner/asha"}}"#
        );
        clinic.put("ServiceRequest", &format!("draft-{patient}"), &draft).await;
    }
    let (mut asha, _) = look(&clinic, "asha", "/patients/p1").await;
    merged(&clinic, &mut asha).await;
    let page = asha.get(&clinic, "/patients/p1/orders").await;
    assert!(page.body.contains("Full blood count of p9"), "{}", page.body);
    let done = asha.post(&clinic, "/patients/p1/orders", &signature(&page, "RA", "1968")).await;
    assert_eq!(done.location(), "/patients/p1/orders?done=signed", "{}", done.body);
    for patient in ["p1", "p9"] {
        let order = format!("ServiceRequest/draft-{patient}");
        let signed = held(&clinic, "ServiceRequest", patient).await;
        let is_signed =
            |one: &String| one.contains(&format!("draft-{patient}")) && one.contains(r#""status":"active""#);
        assert!(signed.iter().any(is_signed), "{signed:?}");
        for kind in ["Task", "Provenance"] {
            let beside = held(&clinic, kind, patient).await;
            assert!(beside.iter().any(|one| one.contains(&order)), "{kind} of {patient}: {beside:?}");
        }
    }
}
