//! The calendar: what is free, two people at one time, moving, cancelling, walking in, and closed days.

use std::sync::Arc;

use http::StatusCode;
use record::ResourceKey;
use serde_json::{Value, json};
use web::{Web, WebState};

use crate::clinic::{Answer, Browser, MINUTE_MS, ORIGIN, ZONE};
use crate::today::{Day, created, system};

/// 10:00 in New York of Monday, when the clinic's clock stands a little later.
const MORNING: &str = "2027-01-04T15:00:00Z";
/// Tuesday, 11:00 in New York.
const FREE: &str = "2027-01-05T16:00:00Z";

pub fn minutes(instant: &str) -> i64 {
    instant.parse::<jiff::Timestamp>().unwrap().as_second() / 60
}

/// What the form of a time sends for one of the patients, who has that one appointment already.
pub fn booking(page: &Answer, day: &Day, at: &str, patient: usize) -> Vec<(&'static str, String)> {
    vec![
        ("csrf", page.csrf()),
        ("who", day.doctor.clone()),
        ("at", minutes(at).to_string()),
        ("patient", day.patients[patient].clone()),
        ("name", "Adeyemi".into()),
        ("number", "14-Jul-1968".into()),
        ("kind", "video".into()),
        ("also", day.appointments[patient].clone()),
    ]
}

impl Day {
    pub async fn at(&self, start: &str) -> Vec<Value> {
        let all = self.all("Appointment", "actor", &format!("Practitioner/{}", self.doctor)).await;
        all.into_iter().filter(|one| one["start"] == start && one["status"] != "cancelled").collect()
    }

    /// What the page that asks sends when one says yes.
    fn of_form(page: &Answer, day: &Day, at: &str) -> Vec<(&'static str, String)> {
        let mut form = booking(page, day, at, 0);
        form.retain(|(name, _)| *name != "also");
        form.push(("also", page.after(r#"name="also" value=""#)));
        form.push(("token", page.after(r#"name="token" value=""#)));
        form
    }

    async fn slot(&self, appointment: &Value) -> Value {
        let reference = appointment["slot"][0]["reference"].as_str().unwrap();
        self.held("Slot", reference.strip_prefix("Slot/").unwrap()).await
    }

    pub async fn offers(&self, browser: &mut Browser, at: &str) -> bool {
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
        let alone = desk.seek(clinic, "/schedule/find", &asked(name, number)).await;
        assert!(alone.status == StatusCode::UNPROCESSABLE_ENTITY && !alone.body.contains("ADEYEMI"), "{name}{number}");
    }
    for (name, number) in [("A", "14-Jul-1968"), ("Adeyemi", "1968"), ("Adeyemi", "Jul 1968")] {
        let part = desk.seek(clinic, "/schedule/find", &asked(name, number)).await;
        assert!(part.status == StatusCode::UNPROCESSABLE_ENTITY && !part.body.contains("ADEYEMI"), "{name} {number}");
    }
    let by_sound = desk.seek(clinic, "/schedule/find", &asked("Adayemy", "14-Jul-1968")).await;
    assert!(by_sound.body.contains("ADEYEMI, Ruth"), "who sounds like it: {}", by_sound.body);
    // It is said that they only sound alike, and a person chooses them.
    assert!(by_sound.body.contains("sounds alike</span>") && by_sound.body.contains("how the name is spelt"));
    assert!(by_sound.body.contains(r#"required>"#) && !by_sound.body.contains(r#"required checked"#));
    let other = desk.seek(clinic, "/schedule/find", &asked("Adeyemi", "15-Jul-1968")).await;
    assert!(other.body.contains("Nobody has this name and number"), "{}", other.body);
    let found = desk.seek(clinic, "/schedule/find", &asked("adeyemi", "7/14/1968")).await;
    assert!(
        found.body.contains("ADEYEMI, Ruth") && found.body.contains("Book Tuesday 05-Jan-2027 11:00"),
        "{}",
        found.body
    );

    let booked = desk.post(clinic, "/schedule/book", &booking(&page, &day, FREE, 0)).await;
    let [appointment] = &day.at(FREE).await[..] else { panic!("one appointment") };
    let id = appointment["id"].as_str().unwrap();
    let there = format!("/today?day=2027-01-05&who={}&booked={id}", day.doctor);
    assert_eq!(booked.location(), there, "{}", booked.body);
    // The list says who it was, the address does not; of what is not in the list nothing is said.
    let told = "Booked: ADEYEMI, Ruth, Tuesday 05-Jan-2027 11:00 with Asha Rao MD, by video.";
    let list = desk.get(clinic, &there).await;
    assert!(list.body.contains(&format!(r#"role="status">{told}</p>"#)), "{}", list.body);
    let elsewhere = desk.get(clinic, &format!("/today?day=2027-01-06&who=all&booked={id}")).await;
    assert!(elsewhere.status == StatusCode::OK && !elsewhere.body.contains("Booked"), "{}", elsewhere.body);
    assert_eq!((&appointment["status"], &appointment["end"]), (&json!("booked"), &json!("2027-01-05T16:30:00Z")));
    assert_eq!(appointment["serviceType"][0]["coding"][0]["code"], "448337001");
    assert_eq!(day.slot(appointment).await["status"], "busy");
    assert!(!day.offers(&mut desk, FREE).await);
    assert!(desk.get(clinic, "/today?day=2027-01-05").await.body.contains("ADEYEMI, Ruth"));
}

/// The record of the patient says it; the lists of the front desk do not show that part of it.
#[tokio::test]
async fn whoever_needs_an_interpreter_is_booked_with_one_to_be_found() {
    let day = Day::with(&[("Adeyemi", MORNING, false)]).await;
    let clinic = &day.clinic;
    let mut patient = day.held("Patient", &day.patients[0]).await;
    patient["extension"] =
        json!([{"url": "http://hl7.org/fhir/StructureDefinition/patient-interpreterRequired", "valueBoolean": true}]);
    let target = record::Target::Id(ResourceKey::parse("Patient", &day.patients[0]).unwrap());
    let body = patient.to_string();
    clinic.record.update(&system(), target, body.as_bytes(), record::Preconditions::default()).await.unwrap();
    let mut desk = day.browser("fay").await;
    let page = desk.get(clinic, &format!("/schedule/book?who={}&at={}", day.doctor, minutes(FREE))).await;
    let booked = desk.post(clinic, "/schedule/book", &booking(&page, &day, FREE, 0)).await;
    assert_eq!(booked.status, StatusCode::SEE_OTHER, "{}", booked.body);
    let list = desk.get(clinic, "/today?day=2027-01-05").await;
    assert!(list.body.contains("interpreter to be found") && list.body.contains("Interpreter…"), "{}", list.body);
}

#[tokio::test]
async fn who_has_a_time_already_is_booked_another_only_after_that_was_said() {
    let near = "2027-01-18T15:00:00Z";
    let day = Day::with(&[("Adeyemi", near, false), ("Brook", "2027-01-20T15:00:00Z", false)]).await;
    let clinic = &day.clinic;
    let mut desk = day.browser("fay").await;
    let page = desk.get(clinic, "/me").await;
    // Further away than two weeks, nothing is said; with somebody else on another day neither.
    for (at, who, patient) in [(FREE, &day.doctor, 1), ("2027-01-06T16:00:00Z", &day.colleague, 0)] {
        let mut form = booking(&page, &day, at, patient);
        form.retain(|(name, _)| *name != "also");
        form[1].1 = who.clone();
        let booked = desk.post(clinic, "/schedule/book", &form).await;
        assert_eq!(booked.status, StatusCode::SEE_OTHER, "{at}: {}", booked.body);
    }
    let at = "2027-01-05T19:00:00Z";
    let mut form = booking(&page, &day, at, 0);
    form.retain(|(name, _)| *name != "also");
    let asks = desk.post(clinic, "/schedule/book", &form).await;
    assert_eq!(asks.status, StatusCode::CONFLICT);
    for said in [
        "<b>ADEYEMI, Ruth</b> has a time already: <b>Monday 18-Jan-2027 10:00 with Asha Rao MD</b>",
        "Nothing was booked yet. Book this one too?",
        r#"value="Adeyemi""#,
        r#"name="kind" value="video" checked"#,
        "Yes, book Tuesday 05-Jan-2027 14:00 too",
    ] {
        assert!(asks.body.contains(said), "{said}: {}", asks.body);
    }
    assert!(asks.body.contains(&format!(r#"value="{}" required checked"#, day.patients[0])), "{}", asks.body);
    assert!(day.at(at).await.is_empty());
    // What turned up since is asked about, too; on the day itself whoever it is with.
    let other = Day::of_form(&asks, &day, at);
    let elsewhere = "2027-01-05T17:00:00Z";
    let mut between = booking(&page, &day, elsewhere, 0);
    between[1].1 = day.colleague.clone();
    let first = desk.post(clinic, "/schedule/book", &between).await;
    assert!(first.body.contains("Wednesday 06-Jan-2027 11:00 with Daniel Osei MD"), "{}", first.body);
    between.iter_mut().find(|(name, _)| *name == "also").unwrap().1 = first.after(r#"name="also" value=""#);
    let booked = desk.post(clinic, "/schedule/book", &between).await;
    assert_eq!(booked.status, StatusCode::SEE_OTHER, "{}", booked.body);
    let again = desk.post(clinic, "/schedule/book", &other).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "{}", again.body);
    assert!(again.body.contains("Tuesday 05-Jan-2027 12:00 with Daniel Osei MD</b>; <b>Monday"), "{}", again.body);
    let yes = Day::of_form(&again, &day, at);
    for _ in 0..2 {
        let booked = desk.post(clinic, "/schedule/book", &yes).await;
        assert_eq!(booked.status, StatusCode::SEE_OTHER, "{}", booked.body);
    }
    assert_eq!(day.at(at).await.len(), 1);

    // Who walks in and is booked for today is said to be.
    let today = "2027-01-04T18:00:00Z";
    let mut form = booking(&page, &day, today, 1);
    form.iter_mut().find(|(name, _)| *name == "also").unwrap().1 = String::new();
    form[1].1 = day.colleague.clone();
    assert_eq!(desk.post(clinic, "/schedule/book", &form).await.status, StatusCode::SEE_OTHER);
    let mut walk_in = booking(&page, &day, today, 1);
    walk_in.retain(|(name, _)| !matches!(*name, "at" | "also" | "kind"));
    walk_in.push(("walk-in", "yes".into()));
    let asks = desk.post(clinic, "/schedule/book", &walk_in).await;
    assert_eq!(asks.status, StatusCode::CONFLICT, "{}", asks.body);
    assert!(asks.body.contains("Let them in as a walk-in too?") && asks.body.contains("BROOK, Ruth"), "{}", asks.body);
    walk_in.push(("also", asks.after(r#"name="also" value=""#)));
    walk_in.push(("token", asks.after(r#"name="token" value=""#)));
    assert_eq!(desk.post(clinic, "/schedule/book", &walk_in).await.status, StatusCode::SEE_OTHER);
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

    // To its own time: nothing changes, and nobody else is blamed. The form of before, sent again, is done.
    let own = format!("/schedule/book?who={}&at={}&move={id}", day.doctor, minutes(later));
    let stands = desk.get(clinic, &own).await;
    assert!(stands.body.contains("stands at this time already") && !stands.body.contains("Move it"), "{}", stands.body);
    for (version, said) in [("2", "stands"), ("1", "moved")] {
        let answer = desk.post(clinic, "/schedule/book", &form(version)).await;
        let there = format!("/today?day=2027-01-05&who={}&{said}={id}", day.doctor);
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, there.as_str()), "{}", answer.body);
    }
    let list = desk.get(clinic, &format!("/today?day=2027-01-05&who={}&stands={id}", day.doctor)).await;
    assert!(list.body.contains("It stands there already, and nothing was changed: ADEYEMI, Ruth"), "{}", list.body);
    let mut held = day.held("Appointment", id).await;
    assert_eq!(held["meta"]["versionId"], "2");

    // One of an hour does not stand in its own way.
    held["end"] = json!("2027-01-05T20:30:00Z");
    let members: Vec<String> = held
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "resourceType" | "id" | "meta"))
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    clinic.put("Appointment", id, &members.join(",")).await;
    let half = "2027-01-05T20:00:00Z";
    let form = [
        ("csrf", page.csrf()),
        ("who", day.doctor.clone()),
        ("at", minutes(half).to_string()),
        ("move", id.to_owned()),
        ("version", "3".to_owned()),
    ];
    let done = desk.post(clinic, "/schedule/book", &form).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    assert_eq!(day.at(half).await[0]["end"], "2027-01-05T21:00:00Z");
}

#[tokio::test]
async fn from_a_chart_one_books_its_patient_and_types_nothing() {
    let day = Day::with(&[("Adeyemi", "2027-03-01T15:00:00Z", false)]).await;
    let (clinic, patient) = (&day.clinic, &day.patients[0]);
    let mut desk = day.browser("fay").await;
    let chart = desk.get(clinic, &format!("/patients/{patient}?registered")).await;
    assert!(chart.body.contains("Registered.") && chart.body.contains("Book a time"), "{}", chart.body);
    assert!(chart.body.contains(&format!(r#"href="/schedule?patient={patient}""#)), "{}", chart.body);
    let calendar = desk.get(clinic, &format!("/schedule?patient={patient}")).await;
    assert!(calendar.body.contains("<b>ADEYEMI, Ruth</b>, born 14-Jul-1968"), "{}", calendar.body);
    let address = format!("/schedule/book?who={}&at={}&patient={patient}", day.doctor, minutes(FREE));
    let week = desk.get(clinic, &format!("/schedule?who={}&day=2027-01-05&patient={patient}", day.doctor)).await;
    let offer = format!("at={}&#38;patient={patient}", minutes(FREE));
    assert!(week.body.contains(&offer), "{}", week.body);
    let page = desk.get(clinic, &address).await;
    assert!(page.body.contains(&format!(r#"value="{patient}" required checked"#)), "{}", page.body);
    assert!(!page.body.contains("Find the patient"));
    let mut form = vec![
        ("csrf", page.csrf()),
        ("token", page.after(r#"name="token" value=""#)),
        ("known", "yes".into()),
        ("who", day.doctor.clone()),
        ("at", minutes(FREE).to_string()),
        ("patient", patient.clone()),
        ("kind", "office".into()),
    ];
    assert_eq!(desk.post(clinic, "/schedule/book", &form).await.status, StatusCode::SEE_OTHER);
    // Somebody has it now: the patient stays chosen.
    form[1].1 = "0".repeat(32);
    let told = desk.post(clinic, "/schedule/book", &form).await;
    assert!(told.status == StatusCode::CONFLICT && told.body.contains("has this time already"), "{}", told.body);
    assert!(told.body.contains(&format!(r#"value="{patient}" required checked"#)), "{}", told.body);

    // Let in from there, with a clinician who was chosen.
    let page = desk.get(clinic, &format!("/schedule/book?walk-in=yes&who=all&patient={patient}")).await;
    assert!(page.body.contains("Choose a clinician") && page.body.contains("ADEYEMI, Ruth"), "{}", page.body);
    // Nobody who may not book is led there.
    let physician = day.browser("asha").await.get(clinic, &format!("/patients/{patient}")).await;
    assert!(physician.status == StatusCode::OK && !physician.body.contains("Book a time"));
    let none = desk.get(clinic, "/schedule?patient=nobody").await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn who_walks_in_without_a_list_sees_whom_somebody_chose() {
    let day = Day::with(&[("Adeyemi", "2027-03-01T15:00:00Z", false)]).await;
    let clinic = &day.clinic;
    let mut desk = day.browser("fay").await;
    let page = desk.get(clinic, "/schedule/book?walk-in=yes&who=all").await;
    assert!(page.body.contains(r#"<option value="" selected>Choose a clinician"#), "{}", page.body);
    let listed = desk.get(clinic, &format!("/schedule/book?walk-in=yes&who={}", day.colleague)).await;
    assert!(!listed.body.contains("Choose a clinician"), "{}", listed.body);
    assert!(listed.body.contains(&format!(r#"value="{}" selected"#, day.colleague)), "{}", listed.body);
    let mut form = booking(&page, &day, FREE, 0);
    form.retain(|(name, _)| !matches!(*name, "at" | "kind" | "who"));
    form.extend([("walk-in", "yes".to_owned()), ("who", String::new())]);
    for is_found in [true, false] {
        let asks = match is_found {
            true => desk.seek(clinic, "/schedule/find", &form).await,
            false => desk.post(clinic, "/schedule/book", &form).await,
        };
        assert_eq!(asks.status, StatusCode::UNPROCESSABLE_ENTITY, "{is_found}");
        for kept in ["Choose which clinician they see", r#"value="Adeyemi""#, r#"value="14-Jul-1968""#] {
            assert!(asks.body.contains(kept), "{kept}: {}", asks.body);
        }
    }
    let all = day.all("Appointment", "patient", &day.patients[0]).await;
    assert_eq!(all.len(), 1, "nobody was let in");
}

#[tokio::test]
async fn a_cancelled_appointment_is_booked_again_while_its_time_is_free() {
    let day = Day::with(&[("Adeyemi", MORNING, false), ("Brook", MORNING, true)]).await;
    let clinic = &day.clinic;
    let mut desk = day.browser("fay").await;
    let page = desk.get(clinic, "/me").await;
    desk.post(clinic, "/schedule/book", &booking(&page, &day, FREE, 0)).await;
    let id = day.at(FREE).await[0]["id"].as_str().unwrap().to_owned();
    let form = |act: &str, version: u32| {
        let fields = [("id", id.clone()), ("version", version.to_string()), ("act", act.to_owned())];
        let form = [("day", "2027-01-05".to_owned()), ("who", "all".to_owned()), ("reason", "oth-err".to_owned())];
        [&[("csrf", page.csrf())][..], &fields, &form].concat()
    };
    assert_eq!(desk.post(clinic, "/today/act", &form("cancel", 1)).await.status, StatusCode::SEE_OTHER);
    let list = desk.get(clinic, "/today?day=2027-01-05&who=all").await;
    assert!(list.body.contains("Book again"), "{}", list.body);
    // Who books nothing is not offered it, and does not do it.
    let mut physician = day.browser("asha").await;
    let seen = physician.get(clinic, "/today?day=2027-01-05&who=all").await;
    assert!(seen.body.contains("Cancelled") && !seen.body.contains("Book again"), "{}", seen.body);
    let mut forged = form("rebook", 2);
    forged[0].1 = seen.csrf();
    assert_eq!(physician.post(clinic, "/today/act", &forged).await.status, StatusCode::CONFLICT);

    for _ in 0..2 {
        let back = desk.post(clinic, "/today/act", &form("rebook", 2)).await;
        assert_eq!(back.status, StatusCode::SEE_OTHER, "{}", back.body);
    }
    let again = day.held("Appointment", &id).await;
    assert_eq!((&again["status"], &again["meta"]["versionId"]), (&json!("booked"), &json!("3")));
    assert!(again.get("cancelationReason").is_none() && day.slot(&again).await["status"] == "busy", "{again}");
    let said = desk.get(clinic, &format!("/today?day=2027-01-05&who=all&rebooked={id}")).await;
    assert!(said.body.contains("Booked again: ADEYEMI, Ruth") && said.body.contains("make new ones"), "{}", said.body);

    // Given to somebody else meanwhile, it stays cancelled.
    assert_eq!(desk.post(clinic, "/today/act", &form("cancel", 3)).await.status, StatusCode::SEE_OTHER);
    assert_eq!(desk.post(clinic, "/schedule/book", &booking(&page, &day, FREE, 1)).await.status, StatusCode::SEE_OTHER);
    let taken = desk.post(clinic, "/today/act", &form("rebook", 4)).await;
    assert_eq!(taken.status, StatusCode::CONFLICT);
    for said in ["Somebody has this time now", "it stays cancelled", "ADEYEMI, Ruth", "Book another time"] {
        assert!(taken.body.contains(said), "{said}: {}", taken.body);
    }
    assert!(!taken.body.contains("BROOK"), "who has it is nobody's business here");
    assert_eq!(day.held("Appointment", &id).await["status"], "cancelled");
    assert_eq!(day.at(FREE).await.len(), 1);
    // A day that is over is not booked.
    clinic.advance(3 * 24 * 60 * MINUTE_MS);
    let mut desk = day.browser("fay").await;
    let mut late = form("rebook", 4);
    let page = desk.get(clinic, "/today?day=2027-01-05&who=all").await;
    late[0].1 = page.csrf();
    assert!(page.body.contains("Cancelled") && !page.body.contains("Book again"), "{}", page.body);
    assert_eq!(desk.post(clinic, "/today/act", &late).await.status, StatusCode::BAD_REQUEST);
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
        let found = desk.seek(clinic, "/schedule/find", &form).await;
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

#[tokio::test]
async fn why_somebody_comes_is_typed_at_the_desk_and_read_by_the_clinician_alone() {
    let day = Day::with(&[("Adeyemi", MORNING, false), ("Brook", MORNING, true)]).await;
    let clinic = &day.clinic;
    let mut desk = day.browser("fay").await;
    let page = desk.get(clinic, "/me").await;
    let with = |reason: &str| [booking(&page, &day, FREE, 0), vec![("reason", reason.to_owned())]].concat();
    // What is found, refused or asked about keeps what was typed.
    let long = "x".repeat(121);
    let refused = desk.post(clinic, "/schedule/book", &with(&long)).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.body);
    assert!(refused.body.contains("The reason is too long") && refused.body.contains(&format!(r#"value="{long}""#)));
    let mut asked = with("Knee \"again\"");
    asked.retain(|(name, _)| *name != "also");
    let asks = desk.post(clinic, "/schedule/book", &asked).await;
    assert_eq!(asks.status, StatusCode::CONFLICT);
    assert!(asks.body.contains(r#"value="Knee &#34;again&#34;""#), "{}", asks.body);
    assert!(asks.body.contains("you do not see it again") && day.at(FREE).await.is_empty(), "{}", asks.body);

    let booked = desk.post(clinic, "/schedule/book", &with(" Knee\r\n hurts <b> ")).await;
    assert_eq!(booked.status, StatusCode::SEE_OTHER, "{}", booked.body);
    let [appointment] = &day.at(FREE).await[..] else { panic!("one appointment") };
    assert_eq!(appointment["reasonCode"], json!([{"text": "Knee hurts <b>"}]));
    let list = format!("/today?day=2027-01-05&who={}", day.doctor);
    let seen = day.browser("asha").await.get(clinic, &list).await;
    assert!(seen.body.contains(r#"<td class="c-why">Knee hurts &#60;b&#62;</td>"#), "{}", seen.body);
    let desk_list = desk.get(clinic, &list).await;
    assert!(desk_list.body.contains("ADEYEMI, Ruth") && !desk_list.body.contains("Knee"), "{}", desk_list.body);
    // It goes along when the desk moves the appointment.
    let id = appointment["id"].as_str().unwrap();
    let later = minutes("2027-01-05T17:00:00Z");
    let form = desk.get(clinic, &format!("/schedule/book?who={}&at={later}&move={id}", day.doctor)).await;
    let version = form.after(r#"name="version" value=""#);
    let moving = [("csrf", form.csrf()), ("who", day.doctor.clone()), ("at", later.to_string())];
    let moving = [&moving[..], &[("move", id.to_owned()), ("version", version)]].concat();
    let moved = desk.post(clinic, "/schedule/book", &moving).await;
    assert_eq!(moved.status, StatusCode::SEE_OTHER, "{}", moved.body);
    assert_eq!(day.held("Appointment", id).await["reasonCode"][0]["text"], "Knee hurts <b>");
}

#[tokio::test]
async fn the_lists_for_paper_tell_two_of_one_name_apart() {
    let day = Day::with(&[("Adeyemi", MORNING, false), ("Adeyemi", "2027-01-04T16:00:00Z", false)]).await;
    for (patient, birth, mrn) in [(0, "1968-07-14", "MR-1"), (1, "1971-02-03", "MR-2")] {
        crate::ward::patient(&day.clinic, &day.patients[patient], "Adeyemi", "Ruth", birth, mrn).await;
    }
    let mut desk = day.browser("fay").await;
    for path in ["/today", "/schedule?who=all&day=2027-01-04"] {
        let page = desk.get(&day.clinic, path).await;
        for part in ["14-Jul-1968", "MRN MR-1", "03-Feb-1971", "MRN MR-2", r#"id="print""#, "/assets/print.js"] {
            assert!(page.body.contains(part), "{path}: {part} in {}", page.body);
        }
    }
}
