//! Prescriptions: drafted, signed by whom policy lets, asked about once where an allergy is direct and severe, printed, ended.

use http::StatusCode;

use crate::clinic::{Answer, Browser, Clinic};
use crate::lists::{Fill, fill, form_with, held, rowed, sent};
use crate::ward::{look, team, ward};

pub const NEW: &str = "/patients/p1/prescriptions/new";
pub const PAGE: &str = "/patients/p1/prescriptions";
pub const AMOXICILLIN: [(&str, &str); 12] = [
    ("medicine", "amoxicillin 500 mg oral tablet"),
    ("amount", "1"),
    ("unit", "{tbl}"),
    ("route", "26643006"),
    ("often", "3/1/d"),
    ("days", "7"),
    ("quantity", "21"),
    ("refills", "0"),
    ("reason", "Gouty arthritis"),
    ("note", "Label in large print"),
    ("exact", "yes"),
    ("act", "save"),
];

pub const IBUPROFEN: [(&str, &str); 9] = [
    ("medicine", "ibuprofen 200 mg oral tablet"),
    ("amount", "1"),
    ("unit", "{tbl}"),
    ("route", "26643006"),
    ("often", "3/1/d"),
    ("days", "7"),
    ("quantity", "21"),
    ("refills", "0"),
    ("act", "save"),
];

pub fn with(typed: Fill<'static>, over: Fill<'static>) -> Vec<(&'static str, &'static str)> {
    let kept = typed.iter().filter(|(name, _)| !over.iter().any(|(one, _)| one == name));
    kept.chain(over).copied().collect()
}

pub async fn draft(clinic: &Clinic, browser: &mut Browser, typed: Fill<'_>) -> Answer {
    let form = fill(clinic, browser, NEW, typed).await;
    browser.post(clinic, PAGE, &form).await
}

#[tokio::test]
async fn a_draft_says_all_and_is_in_force_once_it_is_signed() {
    let clinic = ward().await;
    let (mut asha, _) = look(&clinic, "asha", NEW).await;
    let typed = with(&AMOXICILLIN, &[("medicine", "Allopurinol 100 mg oral tablet")]);
    let made = draft(&clinic, &mut asha, &typed).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.body);
    let address = made.location().to_owned();
    let page = asha.get(&clinic, &address).await;
    for part in [
        "allopurinol 100 mg oral tablet",
        "Take 1 tablet by mouth three times daily, for 7 days",
        "21 (twenty-one) tablets",
        "0 (zero)",
        "dispense as written",
        "Gouty arthritis",
        "Draft, not signed",
        "None of the listed allergies",
    ] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
    let of = |all: Vec<String>| all.into_iter().find(|one| one.contains("197319")).unwrap();
    let one = of(held(&clinic, "MedicationRequest", "p1").await);
    for part in [
        r#""status":"draft""#,
        r#""intent":"order""#,
        "Condition/problem",
        r#""frequency":3"#,
        r#""numberOfRepeatsAllowed":0"#,
        r#""allowedBoolean":false"#,
        "Practitioner/asha",
        r#""code":"{tbl}""#,
    ] {
        assert!(one.contains(part), "{part} in {one}");
    }
    let form = form_with(&page, "sign", &[]);
    let signed = asha.post(&clinic, &address, &form).await;
    assert_eq!(signed.location(), format!("{address}?signed"), "{}", signed.body);
    // Sent twice: it is signed once.
    assert_eq!(asha.post(&clinic, &address, &form).await.status, StatusCode::SEE_OTHER);
    let one = of(held(&clinic, "MedicationRequest", "p1").await);
    assert!(one.contains(r#""status":"active""#) && one.contains(r#""versionId":"2""#), "{one}");
    let page = asha.get(&clinic, signed.location()).await;
    for part in ["It was not sent anywhere", "Signature", "Dr asha", "Nothing is transmitted"] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
    // Who reads the paper can ask back.
    let paper = page.body.split("<article").nth(1).unwrap();
    assert!(paper.contains("+1 (555) 010-0100"), "{paper}");
    // It ends with a reason.
    let mut end = form_with(&page, "end", &[]);
    assert_eq!(asha.post(&clinic, &address, &end).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    rowed(&mut end, "why", "gout is over");
    assert_eq!(asha.post(&clinic, &address, &end).await.location(), "/patients/p1/medicines?stopped");
    assert!(of(held(&clinic, "MedicationRequest", "p1").await).contains("gout is over"));
}

#[tokio::test]
async fn a_direct_severe_match_interrupts_once_and_its_reason_is_kept_for_review() {
    let clinic = ward().await;
    let (mut asha, _) = look(&clinic, "asha", NEW).await;
    let made = draft(&clinic, &mut asha, &AMOXICILLIN).await;
    let address = made.location().to_owned();
    let page = asha.get(&clinic, &address).await;
    assert!(page.body.contains("amoxicillin is one of the penicillins"), "{}", page.body);
    let stopped = asha.post(&clinic, &address, &form_with(&page, "sign", &[])).await;
    assert_eq!(stopped.status, StatusCode::UNPROCESSABLE_ENTITY);
    for part in ["Not signed: this patient is allergic", "Penicillin", "anaphylaxis, severe"] {
        assert!(stopped.body.contains(part), "{part} in {}", stopped.body);
    }
    let mut on = form_with(&stopped, "sign", &[]);
    // Without a reason, or with one for something else, it does not go on.
    let again = asha.post(&clinic, &address, &on).await;
    assert!(
        again.body.contains("Choose a reason") && again.status == StatusCode::UNPROCESSABLE_ENTITY,
        "{}",
        again.body
    );
    rowed(&mut on, "reason", "23");
    rowed(&mut on, "why", "took it in 2024, no reaction");
    let mut other = on.clone();
    rowed(&mut other, "asked", "another");
    assert_eq!(asha.post(&clinic, &address, &other).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(held(&clinic, "DetectedIssue", "p1").await.is_empty());
    assert_eq!(asha.post(&clinic, &address, &on).await.location(), format!("{address}?signed"));
    let issues = held(&clinic, "DetectedIssue", "p1").await;
    assert_eq!(issues.len(), 1);
    for part in [
        r#""code":"ALGY""#,
        "AllergyIntolerance/allergy",
        r#""code":"23""#,
        "took it in 2024, no reaction",
        "Practitioner/asha",
        r#""severity":"high""#,
    ] {
        assert!(issues[0].contains(part), "{part} in {}", issues[0]);
    }
    let all = held(&clinic, "MedicationRequest", "p1").await;
    assert!(all.iter().any(|one| one.contains(r#""detectedIssue":[{"reference":"DetectedIssue/"#)), "{all:?}");
    let page = asha.get(&clinic, &address).await;
    assert!(page.body.contains("Signed all the same") && page.body.contains("took it in 2024"), "{}", page.body);
    // Who took it without trouble is not asked about again; it is shown.
    let made = draft(&clinic, &mut asha, &AMOXICILLIN).await;
    let again = made.location().to_owned();
    let page = asha.get(&clinic, &again).await;
    assert!(page.body.contains("Gone on before: The patient took it before without trouble"), "{}", page.body);
    assert_eq!(asha.post(&clinic, &again, &form_with(&page, "sign", &[])).await.location(), format!("{again}?signed"));
    // Who reviews reads it; of charts that are not theirs nobody does.
    team(&clinic, "p1", &["ruth", "asha"]).await;
    let (_, review) = look(&clinic, "ruth", "/overrides").await;
    for part in [
        "ADEYEMI",
        "amoxicillin 500 mg oral tablet",
        "Penicillin: anaphylaxis, severe",
        "took it in 2024, no reaction",
        "Dr asha",
    ] {
        assert!(review.body.contains(part), "{part} in {}", review.body);
    }
    // Reviewed once, by somebody else than who signed.
    let own = asha.get(&clinic, "/overrides").await;
    assert!(own.body.contains("waits") && !own.body.contains(">Reviewed</button>"), "{}", own.body);
    let (mut ruth, review) = look(&clinic, "ruth", "/overrides").await;
    let mut form = sent(&review.body[review.body.find(r#"action="/overrides""#).unwrap() - 30..]);
    let mut theirs = form.clone();
    rowed(&mut theirs, "csrf", &own.csrf());
    assert_eq!(asha.post(&clinic, "/overrides", &theirs).await.status, StatusCode::FORBIDDEN);
    rowed(&mut form, "note", "rechallenge is documented");
    let second = form.clone();
    assert_eq!(ruth.post(&clinic, "/overrides", &form).await.location(), "/overrides?reviewed");
    let late = ruth.post(&clinic, "/overrides", &second).await;
    assert!(late.status == StatusCode::CONFLICT && late.body.contains("Somebody was here before you"), "{}", late.body);
    let page = ruth.get(&clinic, "/overrides").await;
    assert!(
        page.body.contains("Reviewed: rechallenge is documented") && page.body.contains("Dr ruth"),
        "{}",
        page.body
    );
    let issues = held(&clinic, "DetectedIssue", "p1").await;
    assert!(issues.len() == 1 && issues[0].contains("took it in 2024") && issues[0].contains(r#""code":"reviewed""#));
    let (mut zoe, review) = look(&clinic, "zoe", "/overrides").await;
    rowed(&mut theirs, "csrf", &review.csrf());
    assert_eq!(zoe.post(&clinic, "/overrides", &theirs).await.status, StatusCode::FORBIDDEN, "not of her patients");
    assert!(review.status == StatusCode::OK && review.body.contains("None. When somebody signs"), "{}", review.body);
    for login in ["fay", "ben", "leo"] {
        assert_eq!(look(&clinic, login, "/overrides").await.1.status, StatusCode::FORBIDDEN, "{login}");
    }
}

#[tokio::test]
async fn an_amount_that_does_not_fit_and_a_second_of_the_same_are_pointed_out_and_stop_nobody() {
    let clinic = ward().await;
    let (mut asha, _) = look(&clinic, "asha", NEW).await;
    let fits = draft(&clinic, &mut asha, &IBUPROFEN).await;
    let page = asha.get(&clinic, fits.location()).await;
    assert!(!page.body.contains("Worth a look"), "{}", page.body);
    // The chart has an allopurinol of which no way is said; one on the skin is another matter than one by mouth.
    let reported = r#""subject":{"reference":"Patient/p1"},"status":"active",
        "medicationCodeableConcept":{"coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"197319"}],"text":"Zyloprim"},
        "dosage":[{"text":"half a tablet at night"}]"#;
    clinic.put("MedicationStatement", "zyloprim", reported).await;
    let other = r#""subject":{"reference":"Patient/p1"},"status":"active",
        "medicationCodeableConcept":{"text":"allopurinol ointment"},
        "dosage":[{"route":{"coding":[{"system":"http://snomed.info/sct","code":"6064005"}]}}]"#;
    clinic.put("MedicationStatement", "ointment", other).await;
    let typed = with(&IBUPROFEN, &[("medicine", "allopurinol 100 mg oral tablet"), ("quantity", "30")]);
    let made = draft(&clinic, &mut asha, &typed).await;
    let address = made.location().to_owned();
    let page = asha.get(&clinic, &address).await;
    let pointed = page.body.split("Worth a look").nth(1).expect(&page.body).split("</section>").next().unwrap();
    for part in [
        "The amount is more than the directions use: 1 tablet three times daily for 7 days is 21 tablets; 30 tablets given out.",
        r#"Also prescribed: <a href="/patients/p1/prescriptions/medicine">allopurinol 100 mg</a>, 1 tablet daily. Both have allopurinol."#,
        r#"Also reported: <a href="/patients/p1/medicines">Zyloprim</a>, half a tablet at night. Both have allopurinol."#,
    ] {
        assert!(pointed.contains(part), "{part} in {pointed}");
    }
    assert!(!pointed.contains("ointment"), "{pointed}");
    assert!(!pointed.contains("role=\"alert\"") && !pointed.contains("<form"), "it asks for nothing: {pointed}");
    let signed = asha.post(&clinic, &address, &form_with(&page, "sign", &[])).await;
    assert_eq!(signed.location(), format!("{address}?signed"), "{}", signed.body);
}

#[tokio::test]
async fn what_only_may_concern_is_shown_and_does_not_interrupt() {
    let clinic = ward().await;
    let (mut asha, _) = look(&clinic, "asha", NEW).await;
    let typed = with(&AMOXICILLIN, &[("medicine", "cefuroxime 250 mg oral tablet")]);
    let address = draft(&clinic, &mut asha, &typed).await.location().to_owned();
    let page = asha.get(&clinic, &address).await;
    assert!(page.body.contains("some who react to penicillins react to them"), "{}", page.body);
    let signed = asha.post(&clinic, &address, &form_with(&page, "sign", &[])).await;
    assert_eq!(signed.location(), format!("{address}?signed"));
    assert!(held(&clinic, "DetectedIssue", "p1").await.is_empty());
}

trait Leak {
    fn leak_pairs(self) -> &'static [(&'static str, &'static str)];
}

impl Leak for [(&'static str, &'static str); 1] {
    fn leak_pairs(self) -> &'static [(&'static str, &'static str)] {
        Box::leak(Box::new(self))
    }
}

#[tokio::test]
async fn what_is_missing_or_misread_is_named_and_all_is_kept() {
    let clinic = ward().await;
    let (mut asha, _) = look(&clinic, "asha", NEW).await;
    for (over, said) in [
        ([("medicine", "")], "Say which medicine"),
        ([("amount", ".5")], "write 0.5, not .5"),
        ([("amount", "1.0")], "write 1, not 1.0"),
        ([("quantity", "many")], "How much is given out: type a number"),
        ([("refills", "12")], "from 0 to 11"),
        ([("often", "")], "Choose how often"),
        ([("days", "0")], "whole number of days"),
    ] {
        let answer = draft(&clinic, &mut asha, &with(&AMOXICILLIN, over.leak_pairs())).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{said}");
        assert!(answer.body.contains(said) && answer.body.contains("Label in large print"), "{said}: {}", answer.body);
    }
    assert_eq!(held(&clinic, "MedicationRequest", "p1").await.len(), 1);
}

#[tokio::test]
async fn a_draft_is_made_once_and_two_people_do_not_sign_what_the_other_changed() {
    let clinic = ward().await;
    clinic.seed_practitioner("zara", access::Role::Physician).await;
    team(&clinic, "p1", &["asha", "nora", "zara"]).await;
    let (mut asha, _) = look(&clinic, "asha", NEW).await;
    let typed = with(&AMOXICILLIN, &[("medicine", "naproxen 500 mg oral tablet")]);
    let mut form = fill(&clinic, &mut asha, NEW, &typed).await;
    let (first, again) = (asha.post(&clinic, PAGE, &form).await, asha.post(&clinic, PAGE, &form).await);
    assert_eq!((first.status, first.location()), (StatusCode::SEE_OTHER, again.location()), "{}", again.body);
    rowed(&mut form, "amount", "2");
    let stale = asha.post(&clinic, PAGE, &form).await;
    assert!(stale.status == StatusCode::CONFLICT && stale.body.contains("saved before"), "{}", stale.body);
    assert_eq!(held(&clinic, "MedicationRequest", "p1").await.len(), 2);
    // One has it open to sign while another changes it.
    let address = first.location().to_owned();
    let (mut zara, page) = look(&clinic, "zara", &address).await;
    let sign = form_with(&page, "sign", &[]);
    let mut change = fill(&clinic, &mut asha, &format!("{address}?change"), &[("amount", "2"), ("act", "save")]).await;
    assert_eq!(asha.post(&clinic, &address, &change).await.status, StatusCode::SEE_OTHER);
    let late = zara.post(&clinic, &address, &sign).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(late.body.contains("changed meanwhile") && late.body.contains("Take 2 tablets"), "{}", late.body);
    // A change from an old page keeps what was typed.
    rowed(&mut change, "amount", "3");
    let late = asha.post(&clinic, &address, &change).await;
    assert!(late.status == StatusCode::CONFLICT && late.body.contains(r#"value="3""#), "{}", late.body);
    let discard = form_with(&zara.get(&clinic, &address).await, "discard", &[]);
    assert_eq!(zara.post(&clinic, &address, &discard).await.location(), "/patients/p1/medicines?cancelled");
    assert!(asha.get(&clinic, &address).await.body.contains("not valid as a prescription"));
}

#[tokio::test]
async fn only_who_may_prescribe_drafts_or_signs() {
    let clinic = ward().await;
    let (mut asha, _) = look(&clinic, "asha", NEW).await;
    let address = draft(&clinic, &mut asha, &with(&AMOXICILLIN, &[("medicine", "naproxen 500 mg oral tablet")]))
        .await
        .location()
        .to_owned();
    let version = ("version", "1".to_owned());
    for login in ["nora", "leo", "fay", "ruth", "zoe"] {
        let (mut browser, page) = look(&clinic, login, NEW).await;
        assert_ne!(page.status, StatusCode::OK, "{login}");
        let csrf = ("csrf", browser.get(&clinic, "/me").await.csrf());
        let sent = browser.post(&clinic, &address, &[csrf, version.clone(), ("act", "sign".into())]).await;
        assert!(
            matches!(sent.status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND) || sent.location() == "/patients/p1",
            "{login}: {}",
            sent.status
        );
    }
    let (mut nora, page) = look(&clinic, "nora", &address).await;
    assert!(page.body.contains("naproxen") && !page.body.contains(r#"value="sign""#), "{}", page.body);
    assert!(!nora.get(&clinic, "/patients/p1/medicines").await.body.contains("Prescribe a medicine"));
    let all = held(&clinic, "MedicationRequest", "p1").await;
    assert!(all.iter().any(|one| one.contains(r#""status":"draft""#)), "{all:?}");
}

#[tokio::test]
async fn pressed_twice_at_once_it_is_signed_once() {
    let clinic = ward().await;
    let (mut asha, _) = look(&clinic, "asha", NEW).await;
    let typed = with(&AMOXICILLIN, &[("medicine", "naproxen 500 mg oral tablet")]);
    let address = draft(&clinic, &mut asha, &typed).await.location().to_owned();
    let form = form_with(&asha.get(&clinic, &address).await, "sign", &[]);
    let (mut one, mut other) = (Browser::new(), Browser::new());
    clinic.signed_in("asha", &mut one).await;
    clinic.signed_in("asha", &mut other).await;
    let csrf = |page: Answer, form: &[(&'static str, String)]| {
        let mut form = form.to_vec();
        rowed(&mut form, "csrf", &page.csrf());
        form
    };
    let forms = (csrf(one.get(&clinic, &address).await, &form), csrf(other.get(&clinic, &address).await, &form));
    let answers = tokio::join!(one.post(&clinic, &address, &forms.0), other.post(&clinic, &address, &forms.1));
    for answer in [&answers.0, &answers.1] {
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    }
    let all = held(&clinic, "MedicationRequest", "p1").await;
    assert!(all.iter().any(|one| one.contains("naproxen") && one.contains(r#""versionId":"2""#)), "{all:?}");
}

#[tokio::test]
async fn a_refill_request_leads_to_a_draft_that_begins_as_the_one_before() {
    let clinic = ward().await;
    let (mut asha, _) = look(&clinic, "asha", NEW).await;
    let typed = with(&AMOXICILLIN, &[("medicine", "Allopurinol 100 mg oral tablet"), ("refills", "2")]);
    let before = draft(&clinic, &mut asha, &typed).await.location().to_owned();
    let page = asha.get(&clinic, &before).await;
    asha.post(&clinic, &before, &form_with(&page, "sign", &[])).await;
    let id = before.rsplit('/').next().unwrap();
    let task = |focus: &str| {
        format!(
            r#""status":"requested","intent":"order","code":{{"coding":[{{"system":"urn:wardstone:task","code":"refill-request"}}]}},
            "description":"Refill of allopurinol","for":{{"reference":"Patient/p1"}},"authoredOn":"2027-01-02T12:00:00Z",
            "focus":{{"reference":"{focus}"}}"#
        )
    };
    clinic.put("Task", "refill", &task(&format!("MedicationRequest/{id}"))).await;
    let renew = format!("/patients/p1/prescriptions/new?of={id}");
    let page = asha.get(&clinic, "/inbox/tasks/refill").await;
    assert!(page.body.contains(&renew), "{}", page.body);
    let page = asha.get(&clinic, &renew).await;
    let form = sent(&page.body);
    let said = |name: &str| form.iter().find(|(field, _)| *field == name).map(|(_, value)| value.as_str());
    for (name, value) in [
        ("medicine", "allopurinol 100 mg oral tablet"),
        ("often", "3/1/d"),
        ("refills", "2"),
        ("reason", "Gouty arthritis"),
    ] {
        assert_eq!(said(name).map(str::to_lowercase).as_deref(), Some(value.to_lowercase().as_str()), "{name}");
    }
    let made = asha.post(&clinic, PAGE, &form).await;
    assert!(made.status == StatusCode::SEE_OTHER && made.location() != before, "{}", made.body);
    // Who does not prescribe is not led there, nor let in.
    let (mut nora, page) = look(&clinic, "nora", "/inbox/tasks/refill").await;
    assert!(page.body.contains("Refill of allopurinol") && !page.body.contains("prescriptions/new"), "{}", page.body);
    assert_eq!(nora.get(&clinic, &renew).await.status, StatusCode::FORBIDDEN);
    // Another patient's is not there.
    assert_eq!(
        asha.get(&clinic, &format!("/patients/p2/prescriptions/new?of={id}")).await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn ones_own_prescriptions_that_are_not_signed_are_listed_and_counted_until_they_are() {
    let clinic = crate::orders::licensed_ward().await;
    let (mut asha, today) = look(&clinic, "asha", "/today").await;
    assert!(!today.body.contains("prescription to sign"), "{}", today.body);
    let made = draft(&clinic, &mut asha, &IBUPROFEN).await;
    let address = made.location().to_owned();
    // One of somebody else.
    let other = r#""subject":{"reference":"Patient/p1"},"status":"draft","intent":"order","requester":{"reference":"Practitioner/zoe"},
        "medicationCodeableConcept":{"text":"digoxin"}"#;
    clinic.put("MedicationRequest", "other", other).await;
    let today = asha.get(&clinic, "/today").await;
    assert!(today.body.contains("prescription to sign"), "{}", today.body);
    let mine = asha.get(&clinic, "/orders").await;
    let row =
        mine.body.split(&format!(r#"href="{address}">ibuprofen 200 mg oral tablet</a>"#)).nth(1).expect(&mine.body);
    assert!(row.contains("Take 1 tablet by mouth three times daily, for 7 days"), "{row}");
    assert!(mine.body.contains("Adeyemi") || mine.body.contains("ADEYEMI"), "{}", mine.body);
    assert!(!mine.body.contains("digoxin"), "{}", mine.body);
    let page = asha.get(&clinic, &address).await;
    asha.post(&clinic, &address, &form_with(&page, "sign", &[])).await;
    let mine = asha.get(&clinic, "/orders").await;
    assert!(!mine.body.contains("ibuprofen") && mine.body.contains("No drafts of yours"), "{}", mine.body);
    assert!(!asha.get(&clinic, "/today").await.body.contains("prescription to sign"));
}
