//! What happens before a call, without a browser: who somebody is, what they agree to, where they are, and who learns of it.

use access::Role as Job;
use http::{StatusCode, header};
use identity::{DemoOnly, Kind, SeedAccount};
use serde_json::{Value, json};
use telehealth::guests::{RELAYS_MAX, STRANGE_MAX};
use telehealth::sheets::{Consent, Whereabouts};
use telehealth::signal::Role;

use crate::clinic::{Browser, Clinic, MINUTE_MS, PASSWORD};
use crate::visit::{agreement, booked, host, link, send};
use crate::visit_risk::{Side, ticket};
use crate::ward::{BIRTH, MRN, look, ward};

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
    let nothing =
        json!({ "identity": null, "consent": null, "where": null, "brings": null, "caution": null, "links": [] });
    assert_eq!(before, nothing);

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
    // Who comes back to the page later still sees the links, and closes them.
    let [link] = &told["links"].as_array().unwrap()[..] else { panic!("{told}") };
    assert_eq!((&link["revoked"], &link["sent"]), (&json!(false), &Value::Null));
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

/// Ruth, with her link open.
async fn opened(clinic: &Clinic) -> (Browser, Value) {
    let link = link(clinic, "patient", "").await;
    let mut ruth = Browser::without_scripts();
    let opened = send(clinic, &mut ruth, "/visit/open", None, &json!({ "link": link })).await;
    assert_eq!(opened.status, StatusCode::OK, "{}", opened.body);
    (ruth, serde_json::from_str(&opened.body).unwrap())
}

/// Ruth, who said who she is.
async fn known(clinic: &Clinic) -> Browser {
    let (mut ruth, _) = opened(clinic).await;
    let right = json!({ "birth_date": "14-Jul-1968", "number": MRN });
    let checked = send(clinic, &mut ruth, "/visit/check", None, &right).await;
    assert_eq!(checked.status, StatusCode::OK, "{}", checked.body);
    ruth
}

#[tokio::test]
async fn a_patient_agrees_and_says_where_they_are_before_they_are_let_in() {
    let clinic = ward().await;
    booked(&clinic).await;
    let mut ruth = known(&clinic).await;
    for (name, wrong, words) in [
        ("agrees", json!(false), "agreement"),
        ("version", json!(99), "changed"),
        ("address", json!(""), "where you are"),
        ("state", json!(""), "state"),
        ("country", json!("XX"), "country"),
        ("contact_name", json!(" "), "whom to call"),
        ("contact_phone", json!("none"), "telephone"),
        ("brings", json!("a".repeat(2_001)), "2,000"),
        ("language", json!("fr"), "not what was asked for"),
    ] {
        let mut said = agreement();
        said[name] = wrong;
        let refused = send(&clinic, &mut ruth, "/visit/agree", None, &said).await;
        assert!(refused.status == StatusCode::BAD_REQUEST && refused.body.contains(words), "{name}: {}", refused.body);
        let ticket = send(&clinic, &mut ruth, "/visit/ticket", None, &json!({})).await;
        assert_eq!(ticket.status, StatusCode::BAD_REQUEST, "{name}");
    }
    let mut said = agreement();
    said["brings"] = json!("My ankle is swollen since Monday.");
    let agreed = send(&clinic, &mut ruth, "/visit/agree", None, &said).await;
    assert!(agreed.body.contains(r#""agree":false"#), "{}", agreed.body);
    assert_eq!(send(&clinic, &mut ruth, "/visit/ticket", None, &json!({})).await.status, StatusCode::OK);
    let (mut asha, _) = host(&clinic).await;
    let told = about(&clinic, &mut asha).await;
    assert_eq!((&told["consent"]["version"], &told["consent"]["who"]), (&json!("1"), &json!("the patient")));
    assert_eq!((&told["where"]["address"], &told["where"]["number"]), (&json!("12 Larch Lane, Albany"), &json!("911")));
    assert_eq!(told["brings"], "My ankle is swollen since Monday.");
    // Who stands for the patient does not speak over them.
    let link = link(&clinic, "proxy", "").await;
    let mut tom = Browser::without_scripts();
    send(&clinic, &mut tom, "/visit/open", None, &json!({ "link": link })).await;
    let right = json!({ "birth_date": "14-Jul-1968", "number": MRN });
    send(&clinic, &mut tom, "/visit/check", None, &right).await;
    let mut other = agreement();
    other["address"] = json!("Elsewhere 1");
    assert!(send(&clinic, &mut tom, "/visit/agree", None, &other).await.status.is_success());
    assert_eq!(about(&clinic, &mut asha).await["where"]["address"], "12 Larch Lane, Albany");
    // An interpreter is nobody's patient.
    let link = crate::visit::link(&clinic, "interpreter", "Ines").await;
    let mut ines = Browser::without_scripts();
    let opened = send(&clinic, &mut ines, "/visit/open", None, &json!({ "link": link })).await;
    assert!(opened.body.contains(r#""agree":false"#), "{}", opened.body);
}

#[tokio::test]
async fn a_day_on_which_the_patient_was_seen_is_picked_among_others_and_only_twice() {
    let clinic = ward().await;
    booked(&clinic).await;
    let seen = r#""status":"fulfilled","start":"2026-11-03T15:00:00Z","end":"2026-11-03T15:20:00Z",
        "participant":[{"actor":{"reference":"Patient/p1"},"status":"accepted"}]"#;
    clinic.put("Appointment", "seen", seen).await;
    let (mut ruth, told) = opened(&clinic).await;
    let days = told["ways"]["days"].as_array().unwrap().clone();
    assert_eq!(days.len(), 8, "{told}");
    assert_eq!((&told["ways"]["email"], &told["ways"]["sms"]), (&json!(false), &json!(false)), "nothing to send with");
    let again = send(&clinic, &mut ruth, "/visit/open", None, &json!({})).await;
    let again: Value = serde_json::from_str(&again.body).unwrap();
    assert_eq!(again["ways"]["days"], told["ways"]["days"], "loading it anew tells nothing new");
    let (right, wrong): (Vec<&Value>, Vec<&Value>) =
        days.iter().partition(|day| day["words"] == "Tuesday, 3 November 2026, in the morning");
    assert_eq!(right.len(), 1, "{days:?}");
    // A wrong birth date with the right day is answered like a right one with a wrong day, to the byte.
    let said = |birth: &str, day: &Value| json!({ "birth_date": birth, "day": day["id"] });
    let one = send(&clinic, &mut ruth, "/visit/check", None, &said("15-Jul-1968", right[0])).await;
    let two = send(&clinic, &mut ruth, "/visit/check", None, &said("14-Jul-1968", wrong[0])).await;
    assert_eq!((one.status, &one.body), (StatusCode::BAD_REQUEST, &two.body));
    let third = send(&clinic, &mut ruth, "/visit/check", None, &said("14-Jul-1968", right[0])).await;
    assert!(third.status == StatusCode::BAD_REQUEST && third.body.contains("another way"), "{}", third.body);
    let told = send(&clinic, &mut ruth, "/visit/open", None, &json!({})).await;
    assert!(told.body.contains(r#""days":[]"#), "{}", told.body);
    // Another link, another draw; and the right one opens.
    let (mut ruth, told) = opened(&clinic).await;
    let day = told["ways"]["days"].as_array().unwrap().iter().find(|day| day["words"] == right[0]["words"]).unwrap();
    let known = send(&clinic, &mut ruth, "/visit/check", None, &said("14-Jul-1968", day)).await;
    assert!(known.body.contains(r#""check":false"#), "{}", known.body);
    let (mut asha, _) = host(&clinic).await;
    assert_eq!(about(&clinic, &mut asha).await["identity"]["how"][2], "recent appointment");
}

#[tokio::test]
async fn a_code_is_not_promised_where_none_can_be_sent() {
    let clinic = ward().await;
    booked(&clinic).await;
    let (mut ruth, _) = opened(&clinic).await;
    for _ in 0..5 {
        let refused = send(&clinic, &mut ruth, "/visit/code", None, &json!({ "by": "email" })).await;
        let is_calm = refused.body.contains("another way") && refused.body.contains("not counted");
        assert!(refused.status == StatusCode::BAD_REQUEST && is_calm, "{}", refused.body);
    }
    let refused = send(&clinic, &mut ruth, "/visit/code", None, &json!({ "by": "pigeon" })).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let right = json!({ "birth_date": BIRTH, "number": MRN });
    assert!(send(&clinic, &mut ruth, "/visit/check", None, &right).await.status.is_success());
}

#[tokio::test]
async fn who_brings_links_that_are_nobodys_waits_and_nobody_else_does() {
    let clinic = ward().await;
    booked(&clinic).await;
    let link = link(&clinic, "patient", "").await;
    let mut inside = Browser::without_scripts().at("192.0.2.66");
    send(&clinic, &mut inside, "/visit/open", None, &json!({ "link": link })).await;
    let mut guesser = Browser::without_scripts().at("192.0.2.66");
    for tries in 1..=STRANGE_MAX {
        let link = if tries % 2 == 0 { "AAAAAAAAAAAAAAAAAAAAAA" } else { "not a link" };
        let guess = send(&clinic, &mut guesser, "/visit/open", None, &json!({ "link": link })).await;
        let expected = if tries < STRANGE_MAX { StatusCode::BAD_REQUEST } else { StatusCode::TOO_MANY_REQUESTS };
        assert_eq!(guess.status, expected, "{tries}: {}", guess.body);
    }
    let guess = send(&clinic, &mut guesser, "/visit/open", None, &json!({ "link": link })).await;
    assert_eq!(guess.status, StatusCode::TOO_MANY_REQUESTS, "even with a link that is somebody's");
    assert_eq!(guess.headers[header::RETRY_AFTER], "600");
    // Who is in already goes on, and so does everybody from elsewhere.
    let reload = send(&clinic, &mut inside, "/visit/open", None, &json!({})).await;
    assert_eq!(reload.status, StatusCode::OK, "{}", reload.body);
    let mut other = Browser::without_scripts().at("192.0.2.67");
    let bound = send(&clinic, &mut other, "/visit/open", None, &json!({ "link": link })).await;
    assert!(bound.body.contains("another browser"), "{}", bound.body);
    clinic.advance(10 * MINUTE_MS);
    let later = send(&clinic, &mut guesser, "/visit/open", None, &json!({ "link": "not a link" })).await;
    assert_eq!(later.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_way_through_the_relay_is_for_who_is_known_and_not_for_ever() {
    let clinic = ward().await;
    booked(&clinic).await;
    let mut nobody = Browser::without_scripts();
    let refused = send(&clinic, &mut nobody, "/visit/relay", None, &json!({})).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let (mut ruth, _) = opened(&clinic).await;
    let refused = send(&clinic, &mut ruth, "/visit/relay", None, &json!({})).await;
    assert!(refused.status == StatusCode::BAD_REQUEST && refused.body.contains("who you are"), "{}", refused.body);
    let mut ruth = known(&clinic).await;
    for _ in 0..RELAYS_MAX {
        let given = send(&clinic, &mut ruth, "/visit/relay", None, &json!({})).await;
        assert_eq!((given.status, given.body.as_str()), (StatusCode::OK, r#"{"servers":[]}"#), "this house has none");
    }
    let refused = send(&clinic, &mut ruth, "/visit/relay", None, &json!({})).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    let (mut asha, csrf) = host(&clinic).await;
    let link = link(&clinic, "interpreter", "Ida").await;
    let mut ida = Browser::without_scripts();
    send(&clinic, &mut ida, "/visit/open", None, &json!({ "link": link })).await;
    assert_eq!(send(&clinic, &mut ida, "/visit/relay", None, &json!({})).await.status, StatusCode::OK);
    let mut room = Side::join(&clinic, &ticket(&clinic, &mut asha, Some(&csrf)).await, "aG9zdA");
    let mut beside = Side::join(&clinic, &ticket(&clinic, &mut ida, None).await, "aWRh");
    let who = beside.last("welcome")["you"].clone();
    assert!(room.admits(who.as_str().unwrap()));
    room.say(json!({ "type": "remove", "who": who }));
    beside.last("removed");
    let refused = send(&clinic, &mut ida, "/visit/relay", None, &json!({})).await;
    assert!(refused.status == StatusCode::BAD_REQUEST && refused.body.contains("taken out"), "{}", refused.body);
    let path = "/appointments/video/visit/relay";
    assert_eq!(send(&clinic, &mut asha, path, Some(&csrf), &json!({})).await.status, StatusCode::OK);
    assert_eq!(send(&clinic, &mut asha, path, None, &json!({})).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_page_that_comes_back_by_itself_to_a_visit_that_was_ended_opens_no_room() {
    let clinic = ward().await;
    booked(&clinic).await;
    let mut ruth = known(&clinic).await;
    send(&clinic, &mut ruth, "/visit/agree", None, &agreement()).await;
    let by_itself = json!({ "itself": true });
    let given = send(&clinic, &mut ruth, "/visit/ticket", None, &by_itself).await;
    assert!(given.body.contains("ticket"), "before it began: {}", given.body);
    clinic.hall.close("video", telehealth::status::EndReason::Revoked);
    clinic.sheets.change("video", |sheet| sheet.course.is_over = true).unwrap();
    let over = send(&clinic, &mut ruth, "/visit/ticket", None, &by_itself).await;
    assert_eq!((over.status, over.body.as_str()), (StatusCode::OK, r#"{"over":true}"#));
    assert!(clinic.hall.view("video").is_none());
    let pressed = send(&clinic, &mut ruth, "/visit/ticket", None, &json!({})).await;
    assert!(pressed.body.contains("ticket"), "{}", pressed.body);
    let open = send(&clinic, &mut ruth, "/visit/ticket", None, &by_itself).await;
    assert!(open.body.contains("ticket"), "{}", open.body);
}

/// An account of somebody who opens this chart as their own.
pub async fn seed_patient(clinic: &Clinic, login: &str, patient: &str) {
    let chart = clinic.record.own_chart_link(&clinic.by(Job::Admin), patient).await;
    let chart = match chart {
        Ok(chart) => chart,
        Err(_) => clinic.record.own_chart_link(&clinic.by(Job::FrontDesk), patient).await.unwrap(),
    };
    let demo = DemoOnly::of(crypto::EnvironmentClass::Demo).unwrap();
    let seed = SeedAccount {
        login: login.into(),
        display_name: login.to_uppercase(),
        family_name: None,
        kind: Kind::Patient,
        roles: vec![Job::Patient],
        own_chart: Some(chart.0),
        proxies: Vec::new(),
        practitioner: None,
        licence: None,
        npi: None,
        password: Some(zeroize::Zeroizing::new(PASSWORD.into())),
        totp_secret: Some(zeroize::Zeroizing::new(vec![0x2a; 20])),
        token: None,
    };
    clinic.identity.seed(&demo, seed).await.unwrap();
}

fn csrf(page: &str) -> String {
    page.split(r#"data-csrf=""#).nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_patient_who_is_signed_in_enters_their_own_visit_and_no_other() {
    let clinic = ward().await;
    booked(&clinic).await;
    seed_patient(&clinic, "ruthie", "p1").await;
    seed_patient(&clinic, "max", "p2").await;
    let (mut ruth, me) = look(&clinic, "ruthie", "/me").await;
    assert!(me.body.contains(r#"action="/my/visits/video""#) && me.body.contains("Enter the visit"), "{}", me.body);
    let (mut max, me_of_max) = look(&clinic, "max", "/me").await;
    assert!(!me_of_max.body.contains("/my/visits/"), "{}", me_of_max.body);
    let form = [("csrf", csrf(&me_of_max.body))];
    assert_eq!(max.post(&clinic, "/my/visits/video", &form).await.status, StatusCode::NOT_FOUND);
    assert_eq!(send(&clinic, &mut max, "/visit/open", None, &json!({})).await.status, StatusCode::BAD_REQUEST);
    // Nor do clinicians come in by this door, nor forms without the session's word.
    let (mut asha, word) = host(&clinic).await;
    assert_eq!(asha.post(&clinic, "/my/visits/video", &[("csrf", word)]).await.status, StatusCode::FORBIDDEN);
    let forged = ruth.post(&clinic, "/my/visits/video", &[("csrf", "x".into())]).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);

    let entered = ruth.post(&clinic, "/my/visits/video", &[("csrf", csrf(&me.body))]).await;
    assert_eq!((entered.status, entered.location()), (StatusCode::SEE_OTHER, "/visit"));
    let opened = send(&clinic, &mut ruth, "/visit/open", None, &json!({})).await;
    let told: Value = serde_json::from_str(&opened.body).unwrap();
    assert_eq!((&told["check"], &told["agree"]), (&json!(false), &json!(true)), "{told}");
    assert!(send(&clinic, &mut ruth, "/visit/agree", None, &agreement()).await.status.is_success());
    assert_eq!(send(&clinic, &mut ruth, "/visit/ticket", None, &json!({})).await.status, StatusCode::OK);
    assert_eq!(about(&clinic, &mut asha).await["identity"]["how"], json!(["signed in to their account"]));
    // The door closes with the visit, and whoever signs out leaves no key in the browser.
    let out = ruth.post(&clinic, "/signout", &[("csrf", csrf(&me.body))]).await;
    assert_eq!(out.status, StatusCode::SEE_OTHER);
    assert_eq!(send(&clinic, &mut ruth, "/visit/open", None, &json!({})).await.status, StatusCode::BAD_REQUEST);
    // Nor is there one in a browser that kept it: the task that watches runs when this one waits.
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
    assert!(clinic.guests.of_visit("video").unwrap().iter().all(|one| one.is_revoked));
    clinic.advance(40 * MINUTE_MS);
    let (_, me) = look(&clinic, "ruthie", "/me").await;
    assert!(!me.body.contains("/my/visits/"), "over");
}
