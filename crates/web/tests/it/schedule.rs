//! The calendar: what is free, two people at one time, moving, cancelling, walking in, and closed days.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};
use web::{Web, WebState};

use crate::clinic::{Answer, Browser, MINUTE_MS, ORIGIN, ZONE};
use crate::today::{Day, created, system};

/// 10:00 in New York of Monday, when the clinic's clock stands a little later.
const MORNING: &str = "2027-01-04T15:00:00Z";
/// Tuesday, 11:00 in New York.
const FREE: &str = "2027-01-05T16:00:00Z";

fn minutes(instant: &str) -> i64 {
    instant.parse::<jiff::Timestamp>().unwrap().as_second() / 60
}

/// What the form of a time sends for one of the patients.
fn booking(page: &Answer, day: &Day, at: &str, patient: usize) -> Vec<(&'static str, String)> {
    vec![
        ("csrf", page.csrf()),
        ("who", day.doctor.clone()),
        ("at", minutes(at).to_string()),
        ("patient", day.patients[patient].clone()),
        ("name", "Adeyemi".into()),
        ("number", "14-Jul-1968".into()),
        ("kind", "video".into()),
    ]
}

impl Day {
    async fn at(&self, start: &str) -> Vec<Value> {
        let all = self.all("Appointment", "actor", &format!("Practitioner/{}", self.doctor)).await;
        all.into_iter().filter(|one| one["start"] == start && one["status"] != "cancelled").collect()
    }

    async fn slot(&self, appointment: &Value) -> Value {
        let reference = appointment["slot"][0]["reference"].as_str().unwrap();
        self.held("Slot", reference.strip_prefix("Slot/").unwrap()).await
    }

    async fn offers(&self, browser: &mut Browser, at: &str) -> bool {
        let page = browser.get(&self.clinic, &format!("/schedule?who={}&day=2027-01-05", self.doctor)).await;
        page.body.contains(&format!("at={}\"", minutes(at)))
    }
}

#[tokio::test]
async fn a_patient_is_found_by_two_fields_and_booked() {
    let day = Day::with(&[("Adeyemi", MORNING, false)]).await;
    let clinic = &day.clinic;
    let mut desk = day.browser("fay").await;
    assert!(
        day.offers(&mut desk, FREE).await && !day.offers(&mut desk, MORNING).await,
        "what is over or taken is not offered"
    );
    let page = desk.get(clinic, &format!("/schedule/book?who={}&at={}", day.doctor, minutes(FREE))).await;
    assert!(page.body.contains("Tuesday 05-Jan-2027 11:00") && page.body.contains("Asha Rao MD"), "{}", page.body);

    let asked = |name: &str, number: &str| {
        let form = booking(&page, &day, FREE, 0)
            .into_iter()
            .filter(|(name, _)| !matches!(*name, "name" | "number" | "patient"));
        form.chain([("name", name.to_owned()), ("number", number.to_owned())]).collect::<Vec<_>>()
    };
    for (name, number) in [("Adeyemi", ""), ("", "14-Jul-1968")] {
        let alone = desk.post(clinic, "/schedule/find", &asked(name, number)).await;
        assert!(alone.status == StatusCode::UNPROCESSABLE_ENTITY && !alone.body.contains("ADEYEMI"), "{name}{number}");
    }
    for (name, number) in [("A", "14-Jul-1968"), ("Adeyemi", "1968"), ("Adeyemi", "Jul 1968")] {
        let part = desk.post(clinic, "/schedule/find", &asked(name, number)).await;
        assert!(part.status == StatusCode::UNPROCESSABLE_ENTITY && !part.body.contains("ADEYEMI"), "{name} {number}");
    }
    let by_sound = desk.post(clinic, "/schedule/find", &asked("Adayemy", "14-Jul-1968")).await;
    assert!(by_sound.body.contains("ADEYEMI, Ruth"), "who sounds like it: {}", by_sound.body);
    let other = desk.post(clinic, "/schedule/find", &asked("Adeyemi", "15-Jul-1968")).await;
    assert!(other.body.contains("Nobody has this name and number"), "{}", other.body);
    let found = desk.post(clinic, "/schedule/find", &asked("adeyemi", "7/14/1968")).await;
    assert!(
        found.body.contains("ADEYEMI, Ruth") && found.body.contains("Book Tuesday 05-Jan-2027 11:00"),
        "{}",
        found.body
    );

    let booked = desk.post(clinic, "/schedule/book", &booking(&page, &day, FREE, 0)).await;
    assert_eq!(booked.location(), format!("/today?day=2027-01-05&who={}", day.doctor), "{}", booked.body);
    let [appointment] = &day.at(FREE).await[..] else { panic!("one appointment") };
    assert_eq!((&appointment["status"], &appointment["end"]), (&json!("booked"), &json!("2027-01-05T16:30:00Z")));
    assert_eq!(appointment["serviceType"][0]["coding"][0]["code"], "448337001");
    assert_eq!(day.slot(appointment).await["status"], "busy");
    assert!(!day.offers(&mut desk, FREE).await);
    assert!(desk.get(clinic, "/today?day=2027-01-05").await.body.contains("ADEYEMI, Ruth"));
}

#[tokio::test]
async fn of_two_who_book_one_time_at_once_one_wins_and_the_other_is_told() {
    let day = Day::with(&[("Adeyemi", MORNING, false), ("Brook", MORNING, true)]).await;
    day.clinic.seed("gil", access::Role::FrontDesk).await;
    let (mut fay, mut gil) = (day.browser("fay").await, day.browser("gil").await);
    let address = format!("/schedule/book?who={}&at={}", day.doctor, minutes(FREE));
    let pages = [fay.get(&day.clinic, &address).await, gil.get(&day.clinic, &address).await];
    let forms = [booking(&pages[0], &day, FREE, 0), booking(&pages[1], &day, FREE, 1)];
    let (one, two) = tokio::join!(
        fay.post(&day.clinic, "/schedule/book", &forms[0]),
        gil.post(&day.clinic, "/schedule/book", &forms[1]),
    );
    let mut statuses = [one.status, two.status];
    statuses.sort();
    assert_eq!(statuses, [StatusCode::SEE_OTHER, StatusCode::CONFLICT], "{} {}", one.body, two.body);
    let told = if one.status == StatusCode::CONFLICT { one } else { two };
    for kept in ["Somebody has this time already", r#"value="Adeyemi""#, r#"value="14-Jul-1968""#, "Another time"] {
        assert!(told.body.contains(kept), "{kept}: {}", told.body);
    }
    assert_eq!(day.at(FREE).await.len(), 1);
    // Sent again, it still books nothing.
    assert_eq!(fay.post(&day.clinic, "/schedule/book", &forms[0]).await.status, StatusCode::CONFLICT);
    assert_eq!(day.at(FREE).await.len(), 1);
}

#[tokio::test]
async fn moving_gives_the_time_back_and_takes_the_other() {
    let day = Day::with(&[("Adeyemi", MORNING, false)]).await;
    let clinic = &day.clinic;
    let mut desk = day.browser("fay").await;
    let page = desk.get(clinic, "/me").await;
    desk.post(clinic, "/schedule/book", &booking(&page, &day, FREE, 0)).await;
    let before = day.at(FREE).await.remove(0);
    let id = before["id"].as_str().unwrap();
    let later = "2027-01-05T19:30:00Z";
    let calendar = desk.get(clinic, &format!("/schedule?who={}&day=2027-01-05&move={id}", day.doctor)).await;
    assert!(calendar.body.contains("Move here") && calendar.body.contains("ADEYEMI, Ruth"), "{}", calendar.body);
    let page = desk.get(clinic, &format!("/schedule/book?who={}&at={}&move={id}", day.doctor, minutes(later))).await;
    assert!(page.body.contains("Tuesday 05-Jan-2027 14:30") && page.body.contains("Born 14-Jul-1968"), "{}", page.body);
    let form = |version: &str| {
        vec![
            ("csrf", page.csrf()),
            ("who", day.doctor.clone()),
            ("at", minutes(later).to_string()),
            ("move", id.to_owned()),
            ("version", version.to_owned()),
        ]
    };
    assert_eq!(desk.post(clinic, "/schedule/book", &form("7")).await.status, StatusCode::CONFLICT);
    assert!(day.at(later).await.is_empty());
    let done = desk.post(clinic, "/schedule/book", &form("1")).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    let [after] = &day.at(later).await[..] else { panic!("one appointment") };
    assert_eq!((&after["id"], &after["end"]), (&before["id"], &json!("2027-01-05T20:00:00Z")));
    assert_eq!(
        (day.slot(&before).await["status"].clone(), day.slot(after).await["status"].clone()),
        (json!("free"), json!("busy"))
    );
    assert!(day.offers(&mut desk, FREE).await && !day.offers(&mut desk, later).await);
}

#[tokio::test]
async fn a_visit_that_is_moved_takes_along_what_was_decided_and_not_what_was_said_of_another_day() {
    let day = Day::with(&[("Adeyemi", MORNING, false)]).await;
    let clinic = &day.clinic;
    let mut desk = day.browser("fay").await;
    let page = desk.get(clinic, "/me").await;
    let mut form = booking(&page, &day, FREE, 0);
    form.retain(|(name, _)| *name != "kind");
    form.push(("kind", "video".to_owned()));
    desk.post(clinic, "/schedule/book", &form).await;
    let visit = day.at(FREE).await.remove(0);
    let id = visit["id"].as_str().unwrap();
    let said = |sheet: &mut telehealth::sheets::Sheet| {
        (sheet.risk.by_hand, sheet.relay_only, sheet.brings) = (true, true, Some("a cough".into()));
        sheet.identity = Some(telehealth::identity_check::Verified { checked: vec![], at_ms: 1, by_eye: None });
        sheet.course.arrived_ms = Some(1);
    };
    clinic.sheets.change(id, said).unwrap();
    // As another program may have booked it: without an end.
    let mut open = visit.clone();
    for name in ["resourceType", "id", "meta", "end"] {
        open.as_object_mut().unwrap().remove(name);
    }
    clinic.put("Appointment", id, open.to_string().trim_matches(['{', '}'])).await;
    let later = "2027-01-05T19:30:00Z";
    let form = [("who", day.doctor.clone()), ("at", minutes(later).to_string()), ("move", id.to_owned())];
    let form = [&[("csrf", page.csrf()), ("version", "2".into())][..], &form].concat();
    let moved = desk.post(clinic, "/schedule/book", &form).await;
    assert_eq!(moved.status, StatusCode::SEE_OTHER, "{}", moved.body);
    assert_eq!(day.at(later).await[0]["end"], "2027-01-05T20:00:00Z");
    let sheet = clinic.sheets.of(id).unwrap();
    assert!(sheet.settings(id).high_risk && sheet.relay_only && sheet.brings.is_some());
    assert!(sheet.identity.is_none() && sheet.course.arrived_ms.is_none());
    assert_eq!(sheet.slot.unwrap().start_ms, minutes(later) * MINUTE_MS);
}

#[tokio::test]
async fn what_is_cancelled_is_free_again_and_what_is_free_again_can_be_booked() {
    let day = Day::with(&[("Adeyemi", MORNING, false)]).await;
    let clinic = &day.clinic;
    let mut desk = day.browser("fay").await;
    let page = desk.get(clinic, "/me").await;
    desk.post(clinic, "/schedule/book", &booking(&page, &day, FREE, 0)).await;
    let id = day.at(FREE).await[0]["id"].as_str().unwrap().to_owned();
    let cancel = desk.get(clinic, &format!("/appointments/{id}/cancel")).await;
    let fields =
        ["csrf", "id", "version", "day", "who"].map(|name| (name, cancel.after(&format!(r#"name="{name}" value=""#))));
    let form: Vec<_> = fields.into_iter().chain([("act", "cancel".into()), ("reason", "pat".into())]).collect();
    assert_eq!(desk.post(clinic, "/today/act", &form).await.status, StatusCode::SEE_OTHER);
    assert!(day.offers(&mut desk, FREE).await);
    let again = desk.post(clinic, "/schedule/book", &booking(&page, &day, FREE, 0)).await;
    assert_eq!(again.status, StatusCode::SEE_OTHER, "{}", again.body);
    assert_eq!(day.at(FREE).await.len(), 1);
}

#[tokio::test]
async fn who_walks_in_waits_from_now_on() {
    let day = Day::with(&[("Adeyemi", "2027-01-06T15:00:00Z", false)]).await;
    let clinic = &day.clinic;
    let mut desk = day.browser("fay").await;
    assert!(desk.get(clinic, "/today").await.body.contains("/schedule/book?walk-in=yes"));
    let page = desk.get(clinic, &format!("/schedule/book?walk-in=yes&who={}", day.doctor)).await;
    let mut form = booking(&page, &day, FREE, 0);
    form.retain(|(name, _)| !matches!(*name, "at" | "kind"));
    form.push(("walk-in", "yes".into()));
    assert_eq!(desk.post(clinic, "/schedule/book", &form).await.status, StatusCode::SEE_OTHER);
    clinic.advance(9 * MINUTE_MS);
    let page = day.browser("fay").await.get(clinic, "/today").await;
    assert!(page.body.contains("ADEYEMI, Ruth") && page.body.contains("Arrived"), "{}", page.body);
    // The clock of the clinic also goes on with each sign-in.
    assert!(page.after(r#"data-minutes=""#).parse::<i64>().unwrap() >= 9);
}

#[tokio::test]
async fn a_form_sent_twice_lets_in_once_and_books_once() {
    let day = Day::with(&[("Adeyemi", "2027-01-06T15:00:00Z", false), ("Brook", "2027-01-06T16:00:00Z", true)]).await;
    let clinic = &day.clinic;
    let mut desk = day.browser("fay").await;
    let mine = |start: &str| start.starts_with("2027-01-04") || start == FREE;
    let made = async || {
        let all = day.all("Appointment", "actor", &format!("Practitioner/{}", day.doctor)).await;
        all.into_iter().filter(|one| mine(one["start"].as_str().unwrap())).count()
    };
    for is_walk_in in [true, false] {
        let before = made().await;
        let address = match is_walk_in {
            true => format!("/schedule/book?walk-in=yes&who={}", day.doctor),
            false => format!("/schedule/book?who={}&at={}", day.doctor, minutes(FREE)),
        };
        let page = desk.get(clinic, &address).await;
        let mut form = booking(&page, &day, FREE, 0);
        form.retain(|(name, _)| !(is_walk_in && matches!(*name, "at" | "kind")));
        form.extend(is_walk_in.then(|| ("walk-in", "yes".to_owned())));
        let found = desk.post(clinic, "/schedule/find", &form).await;
        form.push(("token", found.after(r#"name="token" value=""#)));
        for _ in 0..2 {
            let answer = desk.post(clinic, "/schedule/book", &form).await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{is_walk_in}: {}", answer.body);
            // A minute later it is the same form.
            clinic.advance(MINUTE_MS);
        }
        assert_eq!(made().await, before + 1, "{is_walk_in}");
        // Somebody else with the form that was used is told.
        form.iter_mut().find(|(name, _)| *name == "patient").unwrap().1 = day.patients[1].clone();
        let other = desk.post(clinic, "/schedule/book", &form).await;
        assert_eq!(other.status, StatusCode::CONFLICT, "{is_walk_in}");
        assert!(other.body.contains(r#"role="alert" tabindex="-1" autofocus"#), "{}", other.body);
        assert!(!is_walk_in || other.body.contains("was sent before"), "{}", other.body);
        assert_eq!(made().await, before + 1, "{is_walk_in}");
    }
}

#[tokio::test]
async fn who_does_not_see_every_appointment_is_offered_no_time() {
    let day = Day::with(&[("Adeyemi", MORNING, false)]).await;
    let clinic = &day.clinic;
    let mut physician = day.browser("asha").await;
    let page = physician.get(clinic, "/schedule").await;
    assert!(page.body.contains("ADEYEMI") && page.body.contains("booking is for the front desk"), "{}", page.body);
    assert!(!page.body.contains("/schedule/book") && !physician.get(clinic, "/today").await.body.contains("Walk-in"));
    let me = physician.get(clinic, "/me").await;
    let refused = physician.post(clinic, "/schedule/book", &booking(&me, &day, FREE, 0)).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(day.browser("ben").await.get(clinic, "/schedule").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn holidays_and_hours_close_the_calendar() {
    let mut day = Day::with(&[("Adeyemi", MORNING, false)]).await;
    let hours = identity::Hours::weekly(ZONE, "Mon-Fri 09:00-12:00", &["2027-01-05"]).unwrap();
    day.clinic.web = Web::new(WebState {
        record: day.clinic.record.clone(),
        identity: day.clinic.identity.clone(),
        agreements: day.clinic.agreements.clone(),
        origin: ORIGIN.into(),
        zone: jiff::tz::TimeZone::get(ZONE).unwrap(),
        hours: Some(Arc::new(hours)),
        hall: day.clinic.hall.clone(),
        guests: day.clinic.guests.clone(),
        sheets: day.clinic.sheets.clone(),
        hosts: web::Hosts::default(),
        scanner: None,
        quarantine: day.clinic.quarantine.clone(),
        phone: None,
        outbox: day.clinic.outbox.clone(),
        organization: "Lakeside Clinic".into(),
        request_id: Arc::new(|| 1),
    });
    let clinic = &day.clinic;
    let mut desk = day.browser("fay").await;
    let week = desk.get(clinic, &format!("/schedule?who={}&day=2027-01-05", day.doctor)).await;
    assert!(!day.offers(&mut desk, FREE).await, "a holiday");
    assert!(
        day.offers(&mut desk, "2027-01-06T16:30:00Z").await && !day.offers(&mut desk, "2027-01-06T17:00:00Z").await
    );
    // Tuesday, Saturday and Sunday.
    assert_eq!(week.body.matches("<small>closed</small>").count(), 3, "{}", week.body);
    let holiday = desk.get(clinic, "/schedule?who=all&day=2027-01-05").await;
    assert!(holiday.body.contains("Closed on this day"), "{}", holiday.body);
    let closed = desk.get(clinic, &format!("/schedule/book?who={}&at={}", day.doctor, minutes(FREE))).await;
    assert_eq!(closed.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_clinician_is_booked_when_they_are_there_and_at_no_other_time() {
    let day = Day::with(&[("Adeyemi", MORNING, false)]).await;
    let clinic = &day.clinic;
    let mut desk = day.browser("fay").await;
    assert!(day.offers(&mut desk, FREE).await);
    let stale = desk.get(clinic, &format!("/schedule/book?who={}&at={}", day.doctor, minutes(FREE))).await;
    let role = json!({"resourceType": "PractitionerRole", "active": true,
        "practitioner": {"reference": format!("Practitioner/{}", day.doctor)},
        "availableTime": [{"daysOfWeek": ["mon", "tue"], "availableStartTime": "09:00:00", "availableEndTime": "11:00:00"}],
        "notAvailable": [{"description": "On leave", "during": {"start": "2027-01-06", "end": "2027-01-08"}}]});
    created(clinic, &system(), &role).await;
    // Tuesday is there until eleven; a page from before books no later one.
    assert!(day.offers(&mut desk, "2027-01-05T15:30:00Z").await && !day.offers(&mut desk, FREE).await);
    let refused = desk.post(clinic, "/schedule/book", &booking(&stale, &day, FREE, 0)).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.body);
    assert!(refused.body.contains("clinician not there") && day.at(FREE).await.is_empty());
    let page = desk.get(clinic, &format!("/schedule?who={}&day=2027-01-05", day.doctor)).await;
    assert_eq!(page.body.matches("On leave").count(), 3, "{}", page.body);
    // A colleague who says nothing is there whenever the clinic is.
    let page = desk.get(clinic, &format!("/schedule?who={}&day=2027-01-05", day.colleague)).await;
    assert!(page.body.contains(&format!("at={}\"", minutes(FREE))));
}
