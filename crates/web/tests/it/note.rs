//! A visit note without a browser's help: what a form sends is kept whatever became of its session, and shown to its author alone.

use access::Role;
use axum::body::Body;
use http::StatusCode;
use serde_json::{Value, json};
use web::CSRF_HEADER;

use crate::clinic::{Answer, Browser, Clinic, MINUTE_MS, PASSWORD};
use crate::lock::unlocked;
use crate::ward::{self, look, ward};

const SAID: &str = "toe hurts since <Monday> & cannot walk";
const ESCAPED: &str = "toe hurts since &#60;Monday&#62; &#38; cannot walk";

/// What a page holds that a browser would send back.
struct Sheet {
    address: String,
    fields: Vec<(&'static str, String)>,
}

impl Sheet {
    fn of(page: &Answer) -> Self {
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        let form = page.body.split(r#"id="note" method="post" action=""#).nth(1).expect(&page.body);
        let address = form.split('"').next().unwrap().to_owned();
        let names = ["csrf", "ticket", "based_on", "addendum", "encounter"];
        let field = |name: &str| {
            let rest = form.split(&format!(r#"name="{name}" value=""#)).nth(1).unwrap();
            rest.split('"').next().unwrap().to_owned()
        };
        Self { address, fields: names.into_iter().map(|name| (name, field(name))).collect() }
    }

    fn with(&self, more: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
        let mut fields = self.fields.clone();
        fields.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        fields
    }

    fn field(&self, name: &str) -> &str {
        &self.fields.iter().find(|(held, _)| *held == name).unwrap().1
    }
}

async fn begun(clinic: &Clinic, login: &str) -> (Browser, Sheet) {
    let (browser, page) = look(clinic, login, "/patients/p1/notes/new").await;
    (browser, Sheet::of(&page))
}

async fn saved(clinic: &Clinic, browser: &mut Browser, sheet: &Sheet, more: &[(&'static str, &str)]) -> Sheet {
    let answer = browser.post(clinic, &sheet.address, &sheet.with(more)).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, sheet.address.as_str()), "{}", answer.body);
    Sheet::of(&browser.get(clinic, &sheet.address).await)
}

async fn again(clinic: &Clinic, login: &str, browser: &mut Browser) -> Answer {
    let mut form = vec![("login", login.to_owned()), ("password", PASSWORD.to_owned())];
    form.extend(browser.claim(&clinic.identity));
    browser.post(clinic, "/signin", &form).await;
    browser.post(clinic, "/signin/second", &[("code", clinic.totp())]).await
}

#[tokio::test]
async fn a_note_is_written_previewed_signed_once_and_added_to_without_scripts() {
    let clinic = ward().await;
    let (mut browser, sheet) = begun(&clinic, "asha").await;
    let sheet = saved(&clinic, &mut browser, &sheet, &[("subjective", SAID), ("plan", "rest ***")]).await;
    let page = browser.get(&clinic, &sheet.address).await;
    for part in ["ADEYEMI, Ruth", "14-Jul-1968", "Penicillin", ESCAPED, "Saved 10:"] {
        assert!(page.body.contains(part) || part == "ADEYEMI, Ruth" && page.body.contains("<b>ADEYEMI</b>"), "{part}");
    }
    // Something is still to be filled in: there is nothing to sign.
    let answer = browser.post(&clinic, &sheet.address, &sheet.with(&[("plan", "rest ***"), ("act", "preview")])).await;
    assert_eq!(answer.location(), format!("{}/preview", sheet.address));
    let preview = browser.get(&clinic, answer.location()).await;
    assert!(
        preview.body.contains("Still to be filled in") && !preview.body.contains("Sign the note"),
        "{}",
        preview.body
    );
    let forced = [("csrf", sheet.field("csrf").to_owned()), ("version", "2".to_owned())];
    let refused = browser.post(&clinic, &format!("{}/sign", sheet.address), &forced).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("Not signed"), "{}", refused.body);

    let sheet = Sheet::of(&browser.get(&clinic, &sheet.address).await);
    let more = [("subjective", SAID), ("plan", "rest"), ("instructions", "Keep the foot up."), ("act", "preview")];
    browser.post(&clinic, &sheet.address, &sheet.with(&more)).await;
    let preview = browser.get(&clinic, &format!("{}/preview", sheet.address)).await.body;
    let (instructions, plan) = (preview.find("Keep the foot up.").unwrap(), preview.find("<h4>Plan</h4>").unwrap());
    assert!(instructions < plan, "what the patient is to do stands first");
    let signing = preview.split("You sign for").nth(1).unwrap();
    assert!(signing.contains("ADEYEMI, Ruth") && signing.contains("born 14-Jul-1968"), "two identifiers: {signing}");
    let version = preview.split(r#"name="version" value=""#).nth(1).unwrap().split('"').next().unwrap().to_owned();
    let form = [("csrf", sheet.field("csrf").to_owned()), ("version", version)];
    for _ in 0..2 {
        let signed = browser.post(&clinic, &format!("{}/sign", sheet.address), &form).await;
        assert_eq!((signed.status, signed.location()), (StatusCode::SEE_OTHER, sheet.address.as_str()));
    }
    let note = browser.get(&clinic, &sheet.address).await.body;
    assert!(note.contains(ESCAPED) && note.contains("signed") && note.contains("Add an addendum"), "{note}");
    // The chart says it under the last plans.
    assert!(browser.get(&clinic, "/patients/p1").await.body.contains("rest"));

    // A tab that was still open sends its form: that text becomes an addendum to be.
    let late = browser.post(&clinic, &sheet.address, &sheet.with(&[("subjective", "and fever")])).await;
    assert_eq!(late.status, StatusCode::SEE_OTHER);
    assert_ne!(late.location(), sheet.address);
    let addendum = browser.get(&clinic, late.location()).await;
    assert!(addendum.body.contains("Addendum to a") && addendum.body.contains("and fever"), "{}", addendum.body);
}

#[tokio::test]
async fn a_form_that_comes_after_the_session_is_kept_and_its_author_comes_back_to_it() {
    let clinic = ward().await;
    for is_new in [true, false] {
        let mut browser = Browser::without_scripts();
        clinic.signed_in("asha", &mut browser).await;
        let mut sheet = Sheet::of(&browser.get(&clinic, "/patients/p1/notes/new").await);
        if !is_new {
            sheet = saved(&clinic, &mut browser, &sheet, &[("subjective", "first")]).await;
        }
        clinic.advance(40 * MINUTE_MS);
        let answer = browser.post(&clinic, &sheet.address, &sheet.with(&[("subjective", SAID)])).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, sheet.address.as_str()));
        assert!(!answer.body.contains("Monday"));
        let door = browser.get(&clinic, &sheet.address).await;
        let back = unlocked(&clinic, &mut browser, door.location()).await;
        assert_eq!(back.location(), sheet.address, "back to the same place");
        let page = browser.get(&clinic, &sheet.address).await;
        assert!(page.body.contains(ESCAPED), "{}", page.body);
    }
}

#[tokio::test]
async fn somebody_else_at_the_workstation_sees_nothing_of_it_also_with_the_page_still_open() {
    let clinic = ward().await;
    let mut browser = Browser::without_scripts();
    clinic.signed_in("asha", &mut browser).await;
    let sheet = Sheet::of(&browser.get(&clinic, "/patients/p1/notes/new").await);
    let sheet = saved(&clinic, &mut browser, &sheet, &[("subjective", "tophus")]).await;
    clinic.advance(40 * MINUTE_MS);
    browser.get(&clinic, &sheet.address).await;
    // Nora treats the same patient and signs in where Asha was.
    again(&clinic, "nora", &mut browser).await;
    for path in ["", "/preview", "?version=1"] {
        let answer = browser.get(&clinic, &format!("{}{path}", sheet.address)).await;
        assert!(!answer.body.contains("tophus"), "{path}: {}", answer.body);
        assert_ne!(answer.status, StatusCode::OK, "{path}");
    }
    assert!(!browser.get(&clinic, "/patients/p1/notes/new").await.body.contains("Unfinished here"));
    // The page that Asha left open saves: that is Asha's still.
    let answer = browser.post(&clinic, &sheet.address, &sheet.with(&[("subjective", SAID)])).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert!(!browser.get(&clinic, answer.location()).await.body.contains("Monday"));
    let (_, page) = look(&clinic, "asha", &sheet.address).await;
    assert!(page.body.contains(ESCAPED), "{}", page.body);
}

#[tokio::test]
async fn two_tabs_end_in_one_page_with_both_texts() {
    let clinic = ward().await;
    let (mut browser, sheet) = begun(&clinic, "asha").await;
    let sheet = saved(&clinic, &mut browser, &sheet, &[("plan", "rest")]).await;
    saved(&clinic, &mut browser, &sheet, &[("plan", "rest and ice")]).await;
    let answer = browser.post(&clinic, &sheet.address, &sheet.with(&[("plan", "walk")])).await;
    assert_eq!(answer.location(), sheet.address);
    let page = browser.get(&clinic, &sheet.address).await.body;
    for part in ["Two texts of this note", "rest and ice", "walk", "Go on with both"] {
        assert!(page.contains(part), "{part} in {page}");
    }
    // Nothing is signed before.
    assert_eq!(browser.get(&clinic, &format!("{}/preview", sheet.address)).await.location(), sheet.address);
    let chosen = page.split(r#"name="chosen_from" value=""#).nth(1).unwrap().split('"').next().unwrap();
    let based_on = page.split(r#"name="based_on" value=""#).nth(1).unwrap().split('"').next().unwrap();
    let mut form = sheet.with(&[("plan", "rest and ice\nwalk"), ("chosen_from", chosen)]);
    form.retain(|(name, _)| *name != "based_on");
    form.push(("based_on", based_on.to_owned()));
    browser.post(&clinic, &sheet.address, &form).await;
    let page = browser.get(&clinic, &sheet.address).await;
    Sheet::of(&page);
    assert!(page.body.contains("rest and ice\nwalk") && page.body.contains("earlier texts"), "{}", page.body);
    let version = page.body.split("?version=").nth(1).unwrap().split('"').next().unwrap();
    let earlier = browser.get(&clinic, &format!("{}?version={version}", sheet.address)).await;
    assert!(earlier.body.contains("Bring this one back"), "{}", earlier.body);
}

#[tokio::test]
async fn a_script_saves_and_is_told_where_to_go_on() {
    let clinic = ward().await;
    let (mut browser, sheet) = begun(&clinic, "asha").await;
    let ours = ("sec-fetch-site", "same-origin");
    let csrf = sheet.field("csrf").to_owned();
    let body = |based_on: u32, turn: u64, plan: &str| {
        json!({ "content": { "plan": plan }, "ticket": sheet.field("ticket"), "based_on": based_on, "tab": "77", "turn": turn })
            .to_string()
    };
    let headers =
        [ours, ("content-type", "application/json"), ("accept", "application/json"), (CSRF_HEADER, csrf.as_str())];
    let said = |answer: &Answer| serde_json::from_str::<Value>(&answer.body).unwrap();
    let first = browser.ask(&clinic, "POST", &sheet.address, &headers, Body::from(body(0, 1, "rest"))).await;
    assert_eq!((first.status, &said(&first)["version"]), (StatusCode::OK, &json!(1)));
    assert_eq!(said(&first)["place"], sheet.address);
    // The acknowledgement was lost, and the next one overtook an older.
    let next = browser.ask(&clinic, "POST", &sheet.address, &headers, Body::from(body(0, 3, "rest and ice"))).await;
    assert_eq!(said(&next)["version"], 2);
    let old = browser.ask(&clinic, "POST", &sheet.address, &headers, Body::from(body(1, 2, "rest an"))).await;
    assert_eq!((old.status, &said(&old)["version"]), (StatusCode::OK, &json!(2)));
    assert!(browser.get(&clinic, &sheet.address).await.body.contains("rest and ice"));

    let phrase = |phrase: &str| Body::from(json!({ "phrase": phrase }).to_string());
    let place = format!("{}/phrase", sheet.address);
    let meds = browser.ask(&clinic, "POST", &place, &headers, phrase(".meds")).await;
    assert_eq!(said(&meds)["text"], "[chart 04-Jan-2027: allopurinol 100 mg, 1 tablet daily]");
    for (asked, brings) in [
        (".allergies", "Penicillin (anaphylaxis, severe)"),
        (".problems", "Gouty arthritis"),
        (".vitals", "83.4 kg"),
        (".bp", "no blood pressure is recorded"),
    ] {
        let answer = browser.ask(&clinic, "POST", &place, &headers, phrase(asked)).await;
        assert!(said(&answer)["text"].as_str().unwrap().contains(brings), "{asked}: {}", answer.body);
    }

    // What was taken back comes into no note, however new it is.
    for (id, status, systolic) in [("good", "final", 128), ("void", "entered-in-error", 210)] {
        let part = |code: &str, value: u32| {
            format!(
                r#"{{"code":{{"coding":[{{"system":"http://loinc.org","code":"{code}"}}]}},"valueQuantity":{{"value":{value},"code":"mm[Hg]","system":"http://unitsofmeasure.org"}}}}"#
            )
        };
        let when = if status == "final" { "2027-01-03T12:00:00Z" } else { "2027-01-04T12:00:00Z" };
        let members = format!(
            r#""status":"{status}","category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}}]}}],
            "code":{{"coding":[{{"system":"http://loinc.org","code":"85354-9"}}]}},"subject":{{"reference":"Patient/p1"}},
            "effectiveDateTime":"{when}","component":[{},{}]"#,
            part("8480-6", systolic),
            part("8462-4", 80)
        );
        clinic.put("Observation", id, &members).await;
    }
    for asked in [".bp", ".vitals"] {
        let answer = browser.ask(&clinic, "POST", &place, &headers, phrase(asked)).await;
        let said = said(&answer)["text"].as_str().unwrap().to_owned();
        assert!(said.contains("128/80") && !said.contains("210"), "{asked}: {said}");
    }
    clinic.advance(40 * MINUTE_MS);
    let late = browser.ask(&clinic, "POST", &sheet.address, &headers, Body::from(body(2, 4, "rest, ice, up"))).await;
    assert_eq!((late.status, said(&late)["next"].as_str()), (StatusCode::UNAUTHORIZED, Some(sheet.address.as_str())));
    let (_, page) = look(&clinic, "asha", &sheet.address).await;
    assert!(page.body.contains("rest, ice, up"), "{}", page.body);
}

/// Evening in New York is the next day in UTC, and not for who writes.
#[tokio::test]
async fn a_note_that_is_written_in_the_evening_is_of_the_day_that_it_is_in_the_clinic() {
    let clinic = ward().await;
    clinic.advance(10 * 60 * MINUTE_MS);
    let (mut browser, sheet) = begun(&clinic, "asha").await;
    browser.post(&clinic, &sheet.address, &sheet.with(&[("act", "template"), ("template", "reconcile")])).await;
    let page = browser.get(&clinic, &sheet.address).await.body;
    assert!(page.contains("[chart 04-Jan-2027: Gouty arthritis]"), "{page}");
    let list = browser.get(&clinic, "/patients/p1/allergies").await.body;
    assert!(page.contains("Saved 20:") && list.contains("recorded at 20:"), "{page}{list}");
    assert!(!page.contains("UTC") && !list.contains("UTC"));
}

#[tokio::test]
async fn templates_and_phrases_are_filled_in_by_the_server() {
    let clinic = ward().await;
    let (mut browser, sheet) = begun(&clinic, "asha").await;
    let form = sheet.with(&[("subjective", SAID), ("act", "template"), ("template", "reconcile")]);
    browser.post(&clinic, &sheet.address, &form).await;
    let page = browser.get(&clinic, &sheet.address).await.body;
    assert!(page.contains(ESCAPED), "what stood there stays");
    for part in ["Problems: [chart 04-Jan-2027: Gouty arthritis]", "Medicines: [chart 04-Jan-2027: allopurinol", "***"]
    {
        assert!(page.contains(part), "{part} in {page}");
    }
    let preview = browser.get(&clinic, &format!("{}/preview", sheet.address)).await.body;
    assert!(preview.contains(r#"<mark class="pulled">[chart 04-Jan-2027: Gouty arthritis]</mark>"#), "{preview}");
    assert!(preview.contains(r#"<mark class="open">***</mark>"#));
}

#[tokio::test]
async fn a_chart_that_is_closed_has_no_notes_and_a_role_that_writes_none_neither() {
    let clinic = ward().await;
    // Asha does not treat p2: its page says how it stands.
    let (mut browser, page) = look(&clinic, "asha", "/patients/p2/notes/new").await;
    assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/patients/p2"));
    let absent = browser.get(&clinic, "/patients/nobody/notes/new").await;
    assert_eq!(absent.status, StatusCode::NOT_FOUND);
    for login in ["fay", "ben", "root", "leo"] {
        let (_, page) = look(&clinic, login, "/patients/p1/notes/new").await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{login}");
    }
    // Asha stops treating Ruth with the page open: kept, and closed.
    let sheet = Sheet::of(&browser.get(&clinic, "/patients/p1/notes/new").await);
    let sheet = saved(&clinic, &mut browser, &sheet, &[("plan", "rest")]).await;
    ward::team(&clinic, "p1", &["zoe"]).await;
    let answer = browser.post(&clinic, &sheet.address, &sheet.with(&[("plan", "rest and ice")])).await;
    assert!(answer.status == StatusCode::FORBIDDEN && answer.body.contains("is kept"), "{}", answer.body);
    ward::team(&clinic, "p1", &["asha"]).await;
    assert!(browser.get(&clinic, &sheet.address).await.body.contains("rest and ice"));
    assert!(clinic.by(Role::Physician).practitioner().is_none());
}

#[tokio::test]
async fn a_note_kept_from_the_patient_says_why_or_is_not_signed() {
    let clinic = ward().await;
    let (mut browser, sheet) = begun(&clinic, "asha").await;
    let sheet = saved(&clinic, &mut browser, &sheet, &[("plan", "rest"), ("keep", "harm"), ("why", "short")]).await;
    let form = |version: &str| [("csrf", sheet.field("csrf").to_owned()), ("version", version.to_owned())];
    let refused = browser.post(&clinic, &format!("{}/sign", sheet.address), &form("1")).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let why = "would endanger her brother at home";
    saved(&clinic, &mut browser, &sheet, &[("plan", "rest"), ("keep", "harm"), ("why", why)]).await;
    let preview = browser.get(&clinic, &format!("{}/preview", sheet.address)).await.body;
    assert!(preview.contains("The patient will not see this note") && preview.contains(why), "{preview}");
    let signed = browser.post(&clinic, &format!("{}/sign", sheet.address), &form("2")).await;
    assert_eq!(signed.status, StatusCode::SEE_OTHER, "{}", signed.body);
    assert!(browser.get(&clinic, &sheet.address).await.body.contains("Kept from the patient"));
}

#[tokio::test]
async fn a_draft_is_discarded_by_its_author_if_it_is_the_one_they_saw() {
    let clinic = ward().await;
    let (mut browser, sheet) = begun(&clinic, "asha").await;
    let sheet = saved(&clinic, &mut browser, &sheet, &[("plan", "rest")]).await;
    saved(&clinic, &mut browser, &sheet, &[("plan", "rest and ice")]).await;
    let form = |version: &str| [("csrf", sheet.field("csrf").to_owned()), ("version", version.to_owned())];
    let place = format!("{}/discard", sheet.address);
    assert_eq!(browser.post(&clinic, &place, &form("1")).await.location(), sheet.address);
    assert!(browser.get(&clinic, &sheet.address).await.body.contains("rest and ice"));
    assert_eq!(browser.post(&clinic, &place, &form("2")).await.location(), "/patients/p1");
    assert_eq!(browser.get(&clinic, &sheet.address).await.status, StatusCode::NOT_FOUND);
}

/// Writes and previews a note; answers its sheet, and the version to sign.
async fn previewed(clinic: &Clinic, login: &str) -> (Browser, Sheet, String) {
    let (mut browser, sheet) = begun(clinic, login).await;
    let sheet = saved(clinic, &mut browser, &sheet, &[("subjective", SAID)]).await;
    let preview = browser.get(clinic, &format!("{}/preview", sheet.address)).await.body;
    let version = preview.split(r#"name="version" value=""#).nth(1).expect(&preview).split('"').next().unwrap();
    (browser, sheet, version.to_owned())
}

fn field(page: &str, form: &str, name: &str) -> String {
    let form = page.split(form).nth(1).expect(page);
    form.split(&format!(r#"name="{name}" value=""#)).nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn who_is_asked_to_co_sign_finds_the_note_reads_it_and_signs_it_once() {
    let clinic = ward().await;
    let (mut nora, sheet, version) = previewed(&clinic, "nora").await;
    let form = |cosigner: &str| {
        let csrf = sheet.field("csrf").to_owned();
        [("csrf", csrf), ("version", version.clone()), ("cosigner", cosigner.to_owned())]
    };
    let address = sheet.address.clone();
    // Somebody who treats this patient by name, and not oneself.
    for nobody in ["zoe", "nora", "leo", "nobody"] {
        let refused = nora.post(&clinic, &format!("{address}/sign"), &form(nobody)).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{nobody}: {}", refused.body);
    }
    let signed = nora.post(&clinic, &format!("{address}/sign"), &form("asha")).await;
    assert_eq!((signed.status, signed.location()), (StatusCode::SEE_OTHER, address.as_str()), "{}", signed.body);
    let page = nora.get(&clinic, &address).await.body;
    assert!(page.contains("Waits to be co-signed by <b>Dr asha") && !page.contains("Co-sign the note"), "{page}");

    let (mut asha, inbox) = look(&clinic, "asha", "/inbox").await;
    assert!(inbox.body.contains("Note to co-sign") && inbox.body.contains(&address), "{}", inbox.body);
    let task = inbox.body.split("/inbox/tasks/").nth(1).unwrap().split(['"', '?']).next().unwrap().to_owned();
    let page = asha.get(&clinic, &address).await.body;
    assert!(page.contains(ESCAPED) && page.contains("Co-sign the note"), "{page}");
    let cosign = |name: &str| field(&page, "/cosign\"", name);
    let form = [("csrf", cosign("csrf")), ("version", cosign("version")), ("task", cosign("task"))];
    // "Done" does not sign.
    let done = [("csrf", cosign("csrf")), ("version", cosign("task")), ("act", "done".to_owned())];
    let refused = asha.post(&clinic, &format!("/inbox/tasks/{task}"), &done).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.body);
    // Neither does a page that shows another version.
    let stale = [("csrf", cosign("csrf")), ("version", "9".to_owned()), ("task", cosign("task"))];
    asha.post(&clinic, &format!("{address}/cosign"), &stale).await;
    assert!(asha.get(&clinic, &address).await.body.contains("Waits to be co-signed"));
    for _ in 0..2 {
        let answer = asha.post(&clinic, &format!("{address}/cosign"), &form).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, address.as_str()), "{}", answer.body);
    }
    for browser in [&mut asha, &mut nora] {
        let page = browser.get(&clinic, &address).await.body;
        assert!(page.contains("Co-signed by <b>Dr asha") && !page.contains("Co-sign the note"), "{page}");
    }
    assert!(!asha.get(&clinic, "/inbox").await.body.contains("Note to co-sign"));
}

#[tokio::test]
async fn nobody_co_signs_what_was_given_to_somebody_else() {
    let clinic = ward().await;
    clinic.seed_practitioner("otto", Role::Physician).await;
    ward::team(&clinic, "p1", &["asha", "nora", "otto"]).await;
    let (mut nora, sheet, version) = previewed(&clinic, "nora").await;
    let csrf = sheet.field("csrf").to_owned();
    let form = [("csrf", csrf.clone()), ("version", version), ("cosigner", "asha".to_owned())];
    let signed = nora.post(&clinic, &format!("{}/sign", sheet.address), &form).await;
    assert_eq!(signed.status, StatusCode::SEE_OTHER);
    for login in ["nora", "otto"] {
        let (mut browser, page) = look(&clinic, login, &sheet.address).await;
        assert!(!page.body.contains("Co-sign the note"), "{login}");
        let form = [("csrf", page.csrf()), ("version", "1".to_owned()), ("task", "1".to_owned())];
        let refused = browser.post(&clinic, &format!("{}/cosign", sheet.address), &form).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{login}: {}", refused.body);
    }
    assert!(nora.get(&clinic, &sheet.address).await.body.contains("Waits to be co-signed by"));
}

/// A note of Nora's that Asha is asked to co-sign; the address of the note, and of the task.
async fn asked_of_asha(clinic: &Clinic) -> (Browser, String, String) {
    clinic.seed_practitioner("otto", Role::Physician).await;
    ward::team(clinic, "p1", &["asha", "nora", "leo", "ruth", "otto"]).await;
    let (mut nora, sheet, version) = previewed(clinic, "nora").await;
    let preview = nora.get(clinic, &format!("{}/preview", sheet.address)).await.body;
    let (_, offered) = preview.split_once(r#"<select id="cosigner""#).expect(&preview);
    let offered = offered.split("</select>").next().unwrap();
    let offers = |login: &str| offered.contains(&format!(r#"value="{login}""#));
    assert_eq!(["asha", "otto", "nora", "leo", "ruth"].map(offers), [true, true, false, false, false], "{offered}");
    let csrf = sheet.field("csrf").to_owned();
    for nobody in ["leo", "ruth"] {
        let form = [("csrf", csrf.clone()), ("version", version.clone()), ("cosigner", nobody.to_owned())];
        let refused = nora.post(clinic, &format!("{}/sign", sheet.address), &form).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{nobody}");
    }
    let form = [("csrf", csrf), ("version", version), ("cosigner", "asha".to_owned())];
    assert_eq!(nora.post(clinic, &format!("{}/sign", sheet.address), &form).await.status, StatusCode::SEE_OTHER);
    let (_, inbox) = look(clinic, "asha", "/inbox").await;
    let task = inbox.body.split("/inbox/tasks/").nth(1).unwrap().split(['"', '?']).next().unwrap().to_owned();
    (nora, sheet.address.clone(), format!("/inbox/tasks/{task}"))
}

async fn act_on(clinic: &Clinic, browser: &mut Browser, task: &str, more: &[(&'static str, &str)]) -> Answer {
    let page = browser.get(clinic, task).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let mut form = vec![("csrf", page.csrf()), ("version", page.after(r#"name="version" value=""#))];
    form.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    let answer = browser.post(clinic, task, &form).await;
    if answer.status == StatusCode::SEE_OTHER {
        let again = browser.post(clinic, task, &form).await;
        assert_eq!(again.status, StatusCode::SEE_OTHER, "twice is once: {}", again.body);
    }
    answer
}

#[tokio::test]
async fn a_co_signature_is_declined_given_on_and_withdrawn_with_a_reason() {
    let clinic = ward().await;
    let (mut nora, note, task) = asked_of_asha(&clinic).await;
    let (mut asha, page) = look(&clinic, "asha", &task).await;
    for part in ["Read and co-sign…", "Decline", r#"value="otto""#] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
    assert!(!page.body.contains("The team</option>") && !page.body.contains(r#"value="nora""#), "{}", page.body);
    for (act, owner, why) in [("decline", "", ""), ("assign", "", "x"), ("assign", "nora", "x"), ("assign", "leo", "x")]
    {
        let refused = act_on(&clinic, &mut asha, &task, &[("act", act), ("owner", owner), ("why", why)]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{act} {owner}: {}", refused.body);
    }
    let refused = act_on(&clinic, &mut asha, &task, &[("act", "withdraw"), ("why", "x")]).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "who asked withdraws");
    let declined = act_on(&clinic, &mut asha, &task, &[("act", "decline"), ("why", "I was not there")]).await;
    assert_eq!(declined.location(), "/inbox?done=decline", "{}", declined.body);
    assert!(asha.get(&clinic, &note).await.body.contains("It was declined"));
    // It is with its author, who reads why and asks somebody else.
    let page = nora.get(&clinic, &task).await;
    for part in ["Dr asha: I was not there", "Read your note…", "Ask nobody any more"] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
    assert!(nora.get(&clinic, "/inbox?show=mine").await.body.contains("I was not there"));
    let given = act_on(&clinic, &mut nora, &task, &[("act", "assign"), ("owner", "otto"), ("why", "You were")]).await;
    assert_eq!(given.status, StatusCode::SEE_OTHER, "{}", given.body);
    assert!(nora.get(&clinic, &note).await.body.contains("Waits to be co-signed by <b>Dr otto"));
    let withdrawn = act_on(&clinic, &mut nora, &task, &[("act", "withdraw"), ("why", "Not needed")]).await;
    assert_eq!(withdrawn.location(), "/inbox?done=withdraw", "{}", withdrawn.body);
    let (_, page) = look(&clinic, "otto", &note).await;
    assert!(page.body.contains("Nobody is asked to co-sign it any more") && !page.body.contains("Co-sign the note"));
}

#[tokio::test]
async fn who_cannot_read_a_note_that_they_are_to_co_sign_is_told_so_and_declines() {
    let clinic = ward().await;
    // As it was made before, or by another program.
    let task = r#""status":"requested","intent":"order","code":{"coding":[{"system":"urn:wardstone:task","code":"cosign-note"}]},
        "focus":{"reference":"DocumentReference/note"},"for":{"reference":"Patient/p1"},"authoredOn":"2027-01-04T12:00:00Z",
        "requester":{"reference":"Practitioner/asha"},"owner":{"reference":"Practitioner/leo"}"#;
    clinic.put("Task", "asked", task).await;
    let (mut leo, list) = look(&clinic, "leo", "/inbox").await;
    assert!(list.body.contains("/inbox/tasks/asked") && !list.body.contains("Read and co-sign"), "{}", list.body);
    let page = leo.get(&clinic, "/inbox/tasks/asked").await;
    assert!(!page.body.contains(r#"<option value="asha""#), "an author does not co-sign: {}", page.body);
    assert!(
        page.body.contains("The note is not open to you") && !page.body.contains("Read and co-sign"),
        "{}",
        page.body
    );
    let declined = act_on(&clinic, &mut leo, "/inbox/tasks/asked", &[("act", "decline"), ("why", "I may not")]).await;
    assert_eq!(declined.status, StatusCode::SEE_OTHER, "{}", declined.body);
    let (_, list) = look(&clinic, "asha", "/inbox?show=mine").await;
    assert!(list.body.contains("I may not") && list.body.contains("Read your note"), "{}", list.body);
}

#[tokio::test]
async fn notes_that_are_not_signed_are_counted_and_listed_for_their_author_alone() {
    let clinic = ward().await;
    let (mut nora, sheet, _) = previewed(&clinic, "nora").await;
    let list = nora.get(&clinic, "/notes").await.body;
    assert!(list.contains("ADEYEMI") && list.contains(&sheet.address) && list.contains("Visit note"), "{list}");
    let today = nora.get(&clinic, "/today").await.body;
    assert!(today.contains(r#"<a href="/notes"><b class="n">1</b> note to sign</a>"#), "{today}");
    let (mut asha, list) = look(&clinic, "asha", "/notes").await;
    assert!(list.body.contains("None.") && !list.body.contains(&sheet.address), "{}", list.body);
    assert!(!asha.get(&clinic, "/today").await.body.contains("to sign"));
}

#[tokio::test]
async fn a_thirteenth_diagnosis_is_said_and_not_dropped() {
    let clinic = ward().await;
    let (mut browser, sheet) = begun(&clinic, "asha").await;
    let twelve: Vec<Value> = (1..=12).map(|at| json!({ "words": format!("Problem {at}") })).collect();
    let twelve = Value::from(twelve).to_string();
    let more = [("subjective", SAID), ("diagnoses", twelve.as_str()), ("dx", "Gout"), ("act", "dx-add")];
    browser.post(&clinic, &sheet.address, &sheet.with(&more)).await;
    let page = browser.get(&clinic, &sheet.address).await.body;
    assert!(page.contains("Twelve are as many") && page.contains(r#"name="dx" value="Gout""#), "{page}");
    let preview = browser.get(&clinic, &format!("{}/preview", sheet.address)).await.body;
    assert!(preview.contains("“Gout” is typed") && !preview.contains("Sign the note"), "{preview}");
    let forced = [("csrf", sheet.field("csrf").to_owned()), ("version", "1".to_owned())];
    let refused = browser.post(&clinic, &format!("{}/sign", sheet.address), &forced).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.body);
}
