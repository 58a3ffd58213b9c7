//! The chart follows the room of a visit, and the room its host.

use http::StatusCode;
use record::ResourceKey;
use serde_json::{Value, json};
use telehealth::status::VisitEvent;

use crate::clinic::{Browser, Clinic, MINUTE_MS};
use crate::visit::{booked, host, send};
use crate::ward::ward;

async fn hosted() -> (Clinic, Browser, String) {
    let clinic = ward().await;
    booked(&clinic).await;
    let (mut asha, csrf) = host(&clinic).await;
    let ticket = send(&clinic, &mut asha, "/appointments/video/visit/ticket", Some(&csrf), &json!({})).await;
    assert_eq!(ticket.status, StatusCode::OK, "{}", ticket.body);
    (clinic, asha, csrf)
}

async fn appointment(clinic: &Clinic) -> Value {
    let key = ResourceKey::parse("Appointment", "video").unwrap();
    let held = clinic.record.read(&clinic.by(access::Role::Integration), &key).await.unwrap();
    serde_json::from_str(std::str::from_utf8(held.get().json()).unwrap()).unwrap()
}

async fn encounters(clinic: &Clinic) -> Vec<Value> {
    let pairs = [("appointment".into(), "Appointment/video".into())];
    let kind = record::types::parse("Encounter").unwrap();
    let request = record::SearchRequest { kind, compartment: None, pairs: &pairs, lenient: false };
    let found = clinic.record.search(&clinic.by(access::Role::Integration), &request).await.unwrap();
    let entries = &found.get().entries;
    entries.iter().map(|(_, one)| serde_json::from_slice(one.json()).unwrap()).collect()
}

#[tokio::test]
async fn a_visit_begins_and_ends_in_the_chart_with_its_room_and_once() {
    let (clinic, mut asha, _) = hosted().await;
    clinic.web.follow("video", VisitEvent::Arrive).await;
    assert!(encounters(&clinic).await.is_empty(), "who waits is in the room and not yet in the chart");
    let arrived_ms = clinic.now_ms();
    clinic.sheets.change("video", |sheet| sheet.course.arrived_ms = Some(arrived_ms)).unwrap();
    clinic.advance(4 * MINUTE_MS);
    clinic.web.follow("video", VisitEvent::Start).await;
    clinic.web.follow("video", VisitEvent::Start).await;
    let [begun] = &encounters(&clinic).await[..] else { panic!("one encounter") };
    assert_eq!((begun["status"].as_str(), begun["class"]["code"].as_str()), (Some("in-progress"), Some("VR")));
    let held = appointment(&clinic).await;
    assert_eq!(held["status"], "checked-in");
    let came = held["participant"][0]["period"]["start"].as_str().unwrap();
    let seen = held["participant"][1]["period"]["start"].as_str().unwrap();
    assert!(came < seen, "they came before they were let in: {held}");
    clinic.advance(MINUTE_MS);
    let ended_ms = clinic.now_ms();
    clinic.sheets.change("video", |sheet| sheet.course.ended_ms = Some(ended_ms)).unwrap();
    clinic.web.follow("video", VisitEvent::Finish).await;
    let [ended] = &encounters(&clinic).await[..] else { panic!("one encounter") };
    assert_eq!(ended["status"], "finished");
    assert!(ended["period"]["end"].is_string());
    assert_eq!(appointment(&clinic).await["status"], "fulfilled");
    // What goes home is made of the note, which is still to be written.
    let summary = asha.get(&clinic, "/appointments/video/visit/summary").await;
    assert_eq!(summary.location(), "/appointments/video/visit/note");
    let note = asha.get(&clinic, summary.location()).await;
    assert!(note.location().contains("/notes/new?encounter="), "{}", note.location());
    // Once it is signed, it is made of that, whatever was added later.
    let of_it = format!(r#""encounter":[{{"reference":"Encounter/{}"}}]"#, ended["id"].as_str().unwrap());
    for (id, date, more) in [
        ("signed", "2026-12-01T10:00:00Z", ""),
        (
            "added",
            "2026-12-02T10:00:00Z",
            r#""relatesTo":[{"code":"appends","target":{"reference":"DocumentReference/signed"}}],"#,
        ),
    ] {
        let members = format!(
            r#""subject":{{"reference":"Patient/p1"}},"status":"current","date":"{date}",{more}"context":{{{of_it}}},
            "category":[{{"coding":[{{"code":"clinical-note"}}]}}],"content":[{{"attachment":{{"contentType":"text/plain"}}}}]"#
        );
        clinic.put("DocumentReference", id, &members).await;
    }
    let summary = asha.get(&clinic, "/appointments/video/visit/summary").await;
    assert_eq!(summary.location(), "/patients/p1/notes/signed/summary");
    // Nobody hosts any more: nothing is written with the authority of who was there.
    let version = appointment(&clinic).await["meta"]["versionId"].clone();
    clinic.web.follow("video", VisitEvent::Start).await;
    assert_eq!(appointment(&clinic).await["meta"]["versionId"], version);
}

#[tokio::test]
async fn who_pressed_done_on_the_list_first_loses_nothing_and_the_encounter_still_says_how_it_was() {
    let (clinic, mut asha, _) = hosted().await;
    clinic.web.follow("video", VisitEvent::Start).await;
    let today = asha.get(&clinic, "/today").await;
    let version = appointment(&clinic).await["meta"]["versionId"].as_str().unwrap().to_owned();
    let day = today.body.split(r#"name="day" value=""#).nth(1).unwrap().split('"').next().unwrap().to_owned();
    let form = [
        ("csrf", today.csrf()),
        ("id", "video".into()),
        ("version", version),
        ("act", "finish".into()),
        ("day", day),
        ("who", "all".into()),
    ];
    let pressed = asha.post(&clinic, "/today/act", &form).await;
    assert_eq!(pressed.status, StatusCode::SEE_OTHER, "{}", pressed.body);
    clinic.sheets.change("video", |sheet| sheet.risk.by_hand = true).unwrap();
    clinic.web.follow("video", VisitEvent::Finish).await;
    let [ended] = &encounters(&clinic).await[..] else { panic!("one encounter") };
    assert_eq!(ended["status"], "finished");
    assert!(ended["extension"].to_string().contains("high-risk"), "{ended}");
}

#[tokio::test]
async fn a_room_closes_when_its_host_signs_out_and_stays_when_their_screen_locks() {
    for (is_locked, path) in [(true, "/me?lock"), (false, "/signout")] {
        let (clinic, mut asha, csrf) = hosted().await;
        assert!(clinic.hall.view("video").is_some());
        let left = asha.post(&clinic, path, &[("csrf", csrf)]).await;
        assert_eq!(left.status, StatusCode::SEE_OTHER, "{}", left.body);
        // The task that watches the hold runs when this one waits.
        for _ in 0..64 {
            tokio::task::yield_now().await;
        }
        assert_eq!(clinic.hall.view("video").is_some(), is_locked, "{path}");
        let again = send(&clinic, &mut asha, "/appointments/video/visit/ticket", Some(""), &json!({})).await;
        assert_eq!(again.status, StatusCode::UNAUTHORIZED, "no way in without a session");
    }
}
