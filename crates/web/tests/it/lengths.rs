//! Appointments that are longer than a half hour hold all of it: booked, moved, given back and taken again.

use http::StatusCode;
use serde_json::{Value, json};

use crate::clinic::{Answer, Browser};
use crate::schedule::{booking, minutes};
use crate::today::Day;

/// 10:00 in New York of Monday.
const MORNING: &str = "2027-01-04T15:00:00Z";
/// Tuesday in New York: 10:00, 10:30, 11:00, 11:30, 12:00 and 16:30.
const TEN: &str = "2027-01-05T15:00:00Z";
const HALF_PAST_TEN: &str = "2027-01-05T15:30:00Z";
const ELEVEN: &str = "2027-01-05T16:00:00Z";
const HALF_PAST_ELEVEN: &str = "2027-01-05T16:30:00Z";
const NOON: &str = "2027-01-05T17:00:00Z";
const LAST: &str = "2027-01-05T21:30:00Z";

async fn booked(day: &Day, desk: &mut Browser, page: &Answer, at: &str, patient: usize, length: &str) -> Answer {
    let mut form = booking(page, day, at, patient);
    form.push(("minutes", length.to_owned()));
    let first = desk.post(&day.clinic, "/schedule/book", &form).await;
    if !first.body.contains("Book this one too?") {
        return first;
    }
    form.retain(|(name, _)| *name != "also");
    form.push(("also", first.after(r#"name="also" value=""#)));
    desk.post(&day.clinic, "/schedule/book", &form).await
}

fn moving(page: &Answer, day: &Day, held: &Value, at: &str) -> Vec<(&'static str, String)> {
    vec![
        ("csrf", page.csrf()),
        ("who", day.doctor.clone()),
        ("at", minutes(at).to_string()),
        ("move", held["id"].as_str().unwrap().to_owned()),
        ("version", held["meta"]["versionId"].as_str().unwrap().to_owned()),
    ]
}

/// Which of these times of the doctor are offered.
async fn offers(day: &Day, desk: &mut Browser) -> [bool; 5] {
    let mut offered = [false; 5];
    for (at, offered) in [TEN, HALF_PAST_TEN, ELEVEN, HALF_PAST_ELEVEN, NOON].iter().zip(&mut offered) {
        *offered = day.offers(desk, at).await;
    }
    offered
}

#[tokio::test]
async fn an_hour_holds_both_of_its_halves() {
    let day = Day::with(&[("Adeyemi", MORNING, false), ("Brook", MORNING, true)]).await;
    let mut desk = day.browser("fay").await;
    let page = desk.get(&day.clinic, &format!("/schedule/book?who={}&at={}", day.doctor, minutes(ELEVEN))).await;
    let done = booked(&day, &mut desk, &page, ELEVEN, 0, "60").await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    let [hour] = &day.at(ELEVEN).await[..] else { panic!("one appointment") };
    assert_eq!((&hour["end"], hour["slot"].as_array().unwrap().len()), (&json!("2027-01-05T17:00:00Z"), 2));
    assert_eq!(offers(&day, &mut desk).await, [true, true, false, false, true]);

    // Nothing of it goes to somebody else, and what was typed stays.
    for (at, length, said) in [
        (HALF_PAST_ELEVEN, "30", "Somebody has this time already"),
        (HALF_PAST_TEN, "60", "Not all of this time is free"),
        (TEN, "90", "choose a shorter one"),
        // The clinic closes at 17:00.
        (LAST, "60", "Not all of this time is free"),
    ] {
        let refused = booked(&day, &mut desk, &page, at, 1, length).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{at}: {}", refused.body);
        assert!(refused.body.contains(said) && refused.body.contains(r#"value="Adeyemi""#), "{at}: {}", refused.body);
        assert!(refused.body.contains(&format!(r#"value="{length}" selected"#)), "{at}: {}", refused.body);
        assert!(day.at(at).await.is_empty());
    }
    assert_eq!(booked(&day, &mut desk, &page, TEN, 1, "45").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(booked(&day, &mut desk, &page, TEN, 1, "60").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn an_hour_is_moved_whole_and_is_not_in_its_own_way() {
    let day = Day::with(&[("Adeyemi", MORNING, false), ("Brook", MORNING, true)]).await;
    let mut desk = day.browser("fay").await;
    let page = desk.get(&day.clinic, "/me").await;
    booked(&day, &mut desk, &page, ELEVEN, 0, "60").await;
    let hour = day.at(ELEVEN).await.remove(0);
    // By a half hour: one half of it is the other half of before.
    let done = desk.post(&day.clinic, "/schedule/book", &moving(&page, &day, &hour, HALF_PAST_ELEVEN)).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    let hour = day.at(HALF_PAST_ELEVEN).await.remove(0);
    assert_eq!(hour["end"], "2027-01-05T17:30:00Z");
    assert_eq!(offers(&day, &mut desk).await, [true, true, true, false, false]);

    // Only where all of it is free.
    assert_eq!(booked(&day, &mut desk, &page, HALF_PAST_TEN, 1, "30").await.status, StatusCode::SEE_OTHER);
    let refused = desk.post(&day.clinic, "/schedule/book", &moving(&page, &day, &hour, TEN)).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.body.contains("Not all of the time that this appointment takes"), "{}", refused.body);
    assert_eq!(day.at(HALF_PAST_ELEVEN).await.len(), 1);

    // Called off it gives both back, and booked again it has both.
    let act = |act: &str, version: &str| {
        let id = hour["id"].as_str().unwrap().to_owned();
        let fields = [("id", id), ("version", version.to_owned()), ("act", act.to_owned())];
        let form = [("day", "2027-01-05".to_owned()), ("who", "all".to_owned()), ("reason", "oth-err".to_owned())];
        [&[("csrf", page.csrf())][..], &fields, &form].concat()
    };
    for (what, version, offered) in [("cancel", "2", true), ("rebook", "3", false)] {
        let done = desk.post(&day.clinic, "/today/act", &act(what, version)).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{what}: {}", done.body);
        assert_eq!(offers(&day, &mut desk).await, [true, false, true, offered, offered], "{what}");
    }
}

#[tokio::test]
async fn of_an_hour_and_its_second_half_booked_at_once_one_wins() {
    let day = Day::with(&[("Adeyemi", MORNING, false), ("Brook", MORNING, true)]).await;
    day.clinic.seed("gil", access::Role::FrontDesk).await;
    let (mut fay, mut gil) = (day.browser("fay").await, day.browser("gil").await);
    let pages = [fay.get(&day.clinic, "/me").await, gil.get(&day.clinic, "/me").await];
    let mut hour = booking(&pages[0], &day, ELEVEN, 0);
    hour.push(("minutes", "60".to_owned()));
    let half = booking(&pages[1], &day, HALF_PAST_ELEVEN, 1);
    let (one, two) =
        tokio::join!(fay.post(&day.clinic, "/schedule/book", &hour), gil.post(&day.clinic, "/schedule/book", &half),);
    let mut statuses = [one.status, two.status];
    statuses.sort();
    assert_eq!(statuses, [StatusCode::SEE_OTHER, StatusCode::CONFLICT], "{} {}", one.body, two.body);
    assert_eq!(day.at(ELEVEN).await.len() + day.at(HALF_PAST_ELEVEN).await.len(), 1);
}
