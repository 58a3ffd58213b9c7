//! Prescriptions: nobody signs or overwrites what they did not see. What changed meanwhile, what was not compared, and what nobody chose.

use http::StatusCode;

use crate::clinic::{Browser, Clinic};
use crate::lists::{fill, form_with, held, rowed, sent};
use crate::prescriptions::{AMOXICILLIN, IBUPROFEN, NEW, PAGE, draft, with};
use crate::ward::{look, ward};

const MISSPELT: &str = "amoxicilin 500 mg capsule";

async fn drafted(clinic: &Clinic, asha: &mut Browser) -> String {
    let made = draft(clinic, asha, &IBUPROFEN).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.body);
    made.location().to_owned()
}

#[tokio::test]
async fn who_was_overtaken_at_a_draft_sees_what_it_says_now_before_it_is_replaced() {
    let clinic = ward().await;
    let (mut asha, _) = look(&clinic, "asha", NEW).await;
    let address = drafted(&clinic, &mut asha).await;
    let change = format!("{address}?change");
    let first = [("amount", "2"), ("often", "2/1/d"), ("note", "no lactose"), ("needed", "yes"), ("act", "save")];
    let first = fill(&clinic, &mut asha, &change, &first).await;
    let mut second = fill(&clinic, &mut asha, &change, &[("amount", "3"), ("days", "5"), ("act", "save")]).await;
    assert_eq!(asha.post(&clinic, &address, &first).await.status, StatusCode::SEE_OTHER);
    let late = asha.post(&clinic, &address, &second).await;
    assert_eq!(late.status, StatusCode::CONFLICT, "{}", late.body);
    for part in [
        "This draft was changed meanwhile",
        "How much at a time: the draft says now 2; you typed 3.",
        "How often: the draft says now twice daily; you typed three times daily.",
        "For how many days: the draft says now 7; you typed 5.",
        "To the pharmacist: the draft says now no lactose; you typed nothing.",
        "Only as needed: the draft says now yes; you typed no.",
        r#"name="amount" value="3""#,
    ] {
        assert!(late.body.contains(part), "{part} in {}", late.body);
    }
    assert!(!late.body.contains("Refills: the draft"), "what is the same is not listed: {}", late.body);
    assert!(asha.get(&clinic, &address).await.body.contains("no lactose"));
    // Something wrong in the form does not make it a form of what was not seen.
    rowed(&mut second, "amount", "many");
    let wrong = asha.post(&clinic, &address, &second).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", wrong.body);
    let mut right = sent(&wrong.body);
    rowed(&mut right, "amount", "3");
    rowed(&mut right, "act", "save");
    let late = asha.post(&clinic, &address, &right).await;
    assert!(late.status == StatusCode::CONFLICT && late.body.contains("the draft says now 2"), "{}", late.body);
    // Seen, it is replaced by who wants it so; sent twice, once.
    let mut seen = sent(&late.body);
    rowed(&mut seen, "act", "save");
    for _ in 0..2 {
        assert_eq!(asha.post(&clinic, &address, &seen).await.location(), address);
    }
    let page = asha.get(&clinic, &address).await;
    assert!(page.body.contains("Take 3 tablets") && !page.body.contains("no lactose"), "{}", page.body);
}

#[tokio::test]
async fn what_was_typed_into_a_prescription_that_is_no_draft_any_more_is_kept_and_begins_another() {
    let clinic = ward().await;
    let (mut asha, _) = look(&clinic, "asha", NEW).await;
    for (act, said) in [("sign", "was signed meanwhile"), ("discard", "was discarded meanwhile")] {
        let address = drafted(&clinic, &mut asha).await;
        let typed = [("amount", "2"), ("note", "Spanish <b>label</b>"), ("act", "save")];
        let form = fill(&clinic, &mut asha, &format!("{address}?change"), &typed).await;
        let page = asha.get(&clinic, &address).await;
        asha.post(&clinic, &address, &form_with(&page, act, &[])).await;
        let before = held(&clinic, "MedicationRequest", "p1").await;
        let late = asha.post(&clinic, &address, &form).await;
        assert_eq!(late.status, StatusCode::CONFLICT, "{}", late.body);
        for part in [said, "<dt>How much at a time</dt><dd>2</dd>", "<dt>How often</dt><dd>three times daily</dd>"] {
            assert!(late.body.contains(part), "{part} in {}", late.body);
        }
        assert!(late.body.contains("Spanish &#60;b&#62;label") && !late.body.contains("<b>label"), "{}", late.body);
        // The sheet is as it was, and nothing was written.
        assert!(late.body.contains("Take 1 tablet by mouth"), "{}", late.body);
        assert_eq!(held(&clinic, "MedicationRequest", "p1").await, before);
        let mut another = form_with(&late, "save", &[]);
        rowed(&mut another, "note", "Label in Spanish");
        let (made, again) = (asha.post(&clinic, PAGE, &another).await, asha.post(&clinic, PAGE, &another).await);
        assert_eq!((made.status, made.location()), (StatusCode::SEE_OTHER, again.location()), "{}", made.body);
        assert_ne!(made.location(), address);
        let page = asha.get(&clinic, made.location()).await;
        for part in ["Draft, not signed", "Take 2 tablets by mouth three times daily", "Label in Spanish"] {
            assert!(page.body.contains(part), "{part} in {}", page.body);
        }
    }
}

#[tokio::test]
async fn a_name_that_was_not_compared_reassures_nobody_and_is_signed_by_who_looked() {
    let clinic = ward().await;
    let (mut asha, _) = look(&clinic, "asha", NEW).await;
    let typed = with(&AMOXICILLIN, &[("medicine", MISSPELT), ("unit", "{capsule}")]);
    let address = draft(&clinic, &mut asha, &typed).await.location().to_owned();
    let page = asha.get(&clinic, &address).await;
    let checked = page.body.split(r#"id="checked""#).nth(1).unwrap().split("</section>").next().unwrap();
    for part in [
        "Not compared:</b> the program knows no ingredient in this name. Look at the allergies yourself:",
        r#"<span aria-hidden="true">▲ </span><b>Penicillin</b> – anaphylaxis, severe"#,
        "age, weight, kidneys, liver, pregnancy, problems.",
    ] {
        assert!(checked.contains(part), "{part} in {checked}");
    }
    assert!(!checked.contains("None of the listed allergies"), "{checked}");
    let mut sign = form_with(&page, "sign", &[]);
    assert!(!sign.iter().any(|(name, _)| *name == "looked"), "nobody ticked it yet: {sign:?}");
    let refused = asha.post(&clinic, &address, &sign).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.body);
    for part in ["Not signed: the program knows no ingredient", "I looked at the allergies", "Draft, not signed"] {
        assert!(refused.body.contains(part), "{part} in {}", refused.body);
    }
    assert!(!refused.body.contains("this patient is allergic"), "{}", refused.body);
    // They looked at the allergies that were listed, and at no other.
    rowed(&mut sign, "looked", "yes");
    let more = r#""patient":{"reference":"Patient/p1"},"code":{"text":"Sulfa"},"criticality":"high""#;
    clinic.put("AllergyIntolerance", "sulfa", more).await;
    let refused = asha.post(&clinic, &address, &sign).await;
    assert!(refused.status == StatusCode::UNPROCESSABLE_ENTITY && refused.body.contains("Sulfa"), "{}", refused.body);
    let sign = form_with(&refused, "sign", &[("looked", "yes")]);
    assert_eq!(asha.post(&clinic, &address, &sign).await.location(), format!("{address}?signed"));
    assert!(held(&clinic, "DetectedIssue", "p1").await.is_empty(), "to have looked is no override");
    // What is in a brand is known, and is asked about.
    let typed = with(&AMOXICILLIN, &[("medicine", "Augmentin 875 mg tablet")]);
    let address = draft(&clinic, &mut asha, &typed).await.location().to_owned();
    let page = asha.get(&clinic, &address).await;
    assert!(page.body.contains("amoxicillin is one of the penicillins"), "{}", page.body);
    assert!(!page.body.contains("I looked at the allergies"), "{}", page.body);
    let stopped = asha.post(&clinic, &address, &form_with(&page, "sign", &[])).await;
    assert!(stopped.body.contains("Not signed: this patient is allergic"), "{}", stopped.body);
}

#[tokio::test]
async fn a_mild_allergy_that_was_not_compared_is_listed_and_asks_for_no_tick() {
    let clinic = ward().await;
    let mild = r#""patient":{"reference":"Patient/p2"},"code":{"text":"Penicillin"},
        "reaction":[{"manifestation":[{"text":"Rash"}],"severity":"mild"}]"#;
    clinic.put("AllergyIntolerance", "mild", mild).await;
    let (mut zoe, _) = look(&clinic, "zoe", "/patients/p2/prescriptions/new").await;
    let mut typed = with(&AMOXICILLIN, &[("medicine", MISSPELT), ("unit", "{capsule}")]);
    typed.retain(|(name, _)| *name != "reason");
    let form = fill(&clinic, &mut zoe, "/patients/p2/prescriptions/new", &typed).await;
    let made = zoe.post(&clinic, "/patients/p2/prescriptions", &form).await;
    let address = made.location().to_owned();
    let page = zoe.get(&clinic, &address).await;
    assert!(page.body.contains("<li><b>Penicillin</b> – rash, mild</li>"), "{}", page.body);
    assert!(!page.body.contains("I looked at the allergies"), "{}", page.body);
    let signed = zoe.post(&clinic, &address, &form_with(&page, "sign", &[])).await;
    assert_eq!(signed.location(), format!("{address}?signed"), "{}", signed.body);
}

#[tokio::test]
async fn a_prescription_begins_with_nothing_chosen_and_what_does_not_fit_its_name_is_pointed_out() {
    let clinic = ward().await;
    let (mut asha, page) = look(&clinic, "asha", NEW).await;
    let begun = sent(&page.body);
    for name in ["unit", "route", "often"] {
        assert!(begun.iter().any(|(field, value)| *field == name && value.is_empty()), "{name} in {begun:?}");
    }
    let mut unchosen = with(&IBUPROFEN, &[]);
    unchosen.retain(|(name, _)| !matches!(*name, "unit" | "route"));
    let refused = draft(&clinic, &mut asha, &unchosen).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.body);
    for part in ["Choose what is counted.", "Choose how it is taken."] {
        assert!(refused.body.contains(part), "{part} in {}", refused.body);
    }
    // Nor does a renewal choose what the one before did not say.
    let renewed = asha.get(&clinic, &format!("{NEW}?of=medicine")).await;
    let begun = sent(&renewed.body);
    assert!(begun.iter().any(|(name, value)| *name == "route" && value.is_empty()), "{begun:?}");
    let typed = with(&IBUPROFEN, &[("medicine", "ibuprofen 100 mg/5 mL oral suspension")]);
    let address = draft(&clinic, &mut asha, &typed).await.location().to_owned();
    let page = asha.get(&clinic, &address).await;
    let pointed = page.body.split("Worth a look").nth(1).expect(&page.body).split("</section>").next().unwrap();
    let said = "The name says “suspension”, and the directions count in tablets.";
    assert!(pointed.contains(said), "{pointed}");
    let signed = asha.post(&clinic, &address, &form_with(&page, "sign", &[])).await;
    assert_eq!(signed.location(), format!("{address}?signed"), "{}", signed.body);
}

#[tokio::test]
async fn what_is_typed_about_a_patient_is_left_to_no_history_of_the_browser() {
    let clinic = ward().await;
    let (mut asha, form) = look(&clinic, "asha", NEW).await;
    let address = draft(&clinic, &mut asha, &AMOXICILLIN).await.location().to_owned();
    let page = asha.get(&clinic, &address).await;
    let stopped = asha.post(&clinic, &address, &form_with(&page, "sign", &[])).await;
    let address = drafted(&clinic, &mut asha).await;
    let page = asha.get(&clinic, &address).await;
    asha.post(&clinic, &address, &form_with(&page, "sign", &[])).await;
    let signed = asha.get(&clinic, &address).await;
    for (page, typed) in [(&form, "medicine"), (&stopped, "why"), (&signed, "why")] {
        let forms = page.body.split("<form").filter(|form| form.contains(&format!(r#"name="{typed}""#)));
        let tags: Vec<&str> = forms.map(|form| form.split('>').next().unwrap()).collect();
        assert!(!tags.is_empty() && tags.iter().all(|tag| tag.contains(r#"autocomplete="off""#)), "{tags:?}");
    }
}
