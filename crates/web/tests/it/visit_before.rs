//! What happens before a call, without a browser: who somebody is, what they agree to, where they are, and who learns of it.

use http::StatusCode;
use serde_json::{Value, json};
use telehealth::sheets::{Consent, Whereabouts};
use telehealth::signal::Role;

use crate::clinic::{Browser, Clinic};
use crate::visit::{booked, host, link, send};
use crate::ward::{MRN, look, ward};

const ABOUT: &str = "/appointments/video/visit/about";

async fn about(clinic: &Clinic, browser: &mut Browser) -> Value {
    let answer = browser.get(clinic, ABOUT).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

fn whereabouts(state: &str, country: &str) -> Whereabouts {
    Whereabouts {
        address: "12 Larch Lane, Albany".into(),
        state: state.into(),
        country: country.into(),
        emergency_number: "911".into(),
        contact_name: "Tom".into(),
        contact_phone: "+1 555 0100".into(),
        at_ms: 0,
    }
}

#[tokio::test]
async fn the_clinician_sees_how_the_patient_was_known_and_where_they_are_and_nobody_else_does() {
    let clinic = ward().await;
    booked(&clinic).await;
    let (mut asha, _) = host(&clinic).await;
    let before = about(&clinic, &mut asha).await;
    assert_eq!(before, json!({ "identity": null, "consent": null, "where": null, "caution": null }));

    let link = link(&clinic, "patient", "").await;
    let mut ruth = Browser::without_scripts();
    send(&clinic, &mut ruth, "/visit/open", None, &json!({ "link": link })).await;
    let right = json!({ "birth_date": "14-Jul-1968", "number": MRN });
    send(&clinic, &mut ruth, "/visit/check", None, &right).await;
    let keep = |sheet: &mut telehealth::sheets::Sheet| {
        let (version, language) = ("1".into(), "es".into());
        sheet.consent = Some(Consent { version, language, role: Role::Patient, at_ms: 0 });
        sheet.whereabouts = Some(whereabouts("NY", "US"));
    };
    clinic.sheets.change("video", keep).unwrap();
    let told = about(&clinic, &mut asha).await;
    assert_eq!(told["identity"]["how"], json!(["link of this visit", "birth date", "record number"]));
    assert_eq!(told["consent"]["language"], "Spanish");
    assert_eq!((&told["where"]["number"], &told["where"]["contact"]), (&json!("911"), &json!("Tom")));
    assert_eq!(told["caution"], Value::Null, "Asha is licensed in New York");
    for (state, country, caution) in
        [("TX", "US", "No licence for TX is on record."), ("", "MX", "The patient is outside of the United States.")]
    {
        clinic.sheets.change("video", |sheet| sheet.whereabouts = Some(whereabouts(state, country))).unwrap();
        assert_eq!(about(&clinic, &mut asha).await["caution"], caution);
    }
    for login in ["fay", "ben", "petra", "zoe", "leo"] {
        let (_, answer) = look(&clinic, login, ABOUT).await;
        let is_refused = answer.status == StatusCode::FORBIDDEN || answer.status == StatusCode::NOT_FOUND;
        assert!(is_refused && !answer.body.contains("Larch"), "{login}: {}", answer.status);
    }
    // The cookie of a guest is no session.
    assert_eq!(ruth.get(&clinic, ABOUT).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_qualification_of_the_practitioner_is_a_licence_as_well() {
    let clinic = ward().await;
    booked(&clinic).await;
    clinic.sheets.change("video", |sheet| sheet.whereabouts = Some(whereabouts("TX", "US"))).unwrap();
    let (mut asha, _) = host(&clinic).await;
    assert_eq!(about(&clinic, &mut asha).await["caution"], "No licence for TX is on record.");
    let members = r#""name":[{"family":"asha","given":["Dr"]}],"qualification":[{"code":{"text":"MD"},
        "extension":[{"url":"http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition/practitioner-qualification",
        "extension":[{"url":"status","valueCode":"active"},
        {"url":"whereValid","valueCodeableConcept":{"coding":[{"system":"https://www.usps.com/","code":"TX"}]}}]}]}]"#;
    clinic.put("Practitioner", "asha", members).await;
    assert_eq!(about(&clinic, &mut asha).await["caution"], Value::Null);
}
