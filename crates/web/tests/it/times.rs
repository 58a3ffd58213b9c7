//! When a clinician sees patients: what they and administrators keep of it, and what the calendar offers by it.

use http::StatusCode;
use serde_json::{Value, json};

use crate::clinic::{Answer, Browser};
use crate::today::{Day, created, system};

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// Tuesday, 11:00 in New York.
const TUESDAY: &str = "2027-01-05T16:00:00Z";

/// A clinic whose doctor has a role in the directory.
async fn clinic_with_role() -> (Day, String) {
    let day = Day::with(&[("Adeyemi", TUESDAY, false)]).await;
    let role = json!({"resourceType": "PractitionerRole", "active": true, "code": [{"text": "Family doctor"}],
        "practitioner": {"reference": format!("Practitioner/{}", day.doctor)}});
    let role = created(&day.clinic, &system(), &role).await;
    (day, role)
}

/// The week that a page shows, with these lines in it.
fn week(page: &Answer, who: &str, lines: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let field = |name: &str| page.after(&format!(r#"name="{name}" value=""#));
    let mut form = vec![
        ("csrf", page.csrf()),
        ("who", who.to_owned()),
        ("act", "week".to_owned()),
        ("role", field("role")),
        ("version", field("version")),
    ];
    form.extend(DAYS.map(|day| {
        let typed = lines.iter().find(|(name, _)| *name == day);
        (day, typed.map_or_else(String::new, |(_, line)| (*line).to_owned()))
    }));
    form
}

fn away(page: &Answer, who: &str, fields: [&str; 4]) -> Vec<(&'static str, String)> {
    let names = ["from", "until", "hours", "why"].into_iter().zip(fields.map(str::to_owned));
    [("csrf", page.csrf()), ("who", who.to_owned()), ("act", "away".to_owned())].into_iter().chain(names).collect()
}

/// Takes out the one that stands first.
fn back(page: &Answer, who: &str) -> Vec<(&'static str, String)> {
    let key = page.after(r#"name="key" value=""#);
    vec![("csrf", page.csrf()), ("who", who.to_owned()), ("act", "back".to_owned()), ("key", key)]
}

/// Times of the doctor's Tuesday and Wednesday that the front desk is offered, as the clinic's clock says them.
async fn offered(day: &Day, date: &str) -> Vec<String> {
    let mut desk = day.browser("fay").await;
    let page = desk.get(&day.clinic, &format!("/schedule?who={}&day={date}", day.doctor)).await;
    let at: jiff::civil::Date = date.parse().unwrap();
    let label = format!("Free, book {}", at.strftime("%d-%b-%Y"));
    page.body.split(&label).skip(1).map(|rest| rest.trim_start()[..5].to_owned()).collect()
}

async fn held(day: &Day, role: &str) -> Value {
    day.held("PractitionerRole", role).await
}

/// As another program writes it.
async fn changed(day: &Day, role: &Value) {
    let key = record::ResourceKey::parse("PractitionerRole", role["id"].as_str().unwrap()).unwrap();
    let (target, body) = (record::Target::Id(key), role.to_string());
    let whatever = record::Preconditions::default();
    day.clinic.record.update(&system(), target, body.as_bytes(), whatever).await.unwrap();
}

async fn opened(day: &Day, login: &str) -> (Browser, Answer) {
    let mut browser = day.browser(login).await;
    let page = browser.get(&day.clinic, "/times").await;
    (browser, page)
}

#[tokio::test]
async fn a_clinician_keeps_their_week_and_the_calendar_offers_it() {
    let (day, role) = clinic_with_role().await;
    let (mut asha, page) = opened(&day, "asha").await;
    assert!(page.body.contains("My times") && page.body.contains("All are empty: you are there"), "{}", page.body);
    assert!(offered(&day, "2027-01-06").await.len() > 10, "whenever the clinic is open");

    // What cannot be read is said at its field, and all of it stays.
    let wrong = week(&page, &day.doctor, &[("mon", "8-12"), ("tue", "8-5"), ("wed", "<b>")]);
    let refused = asha.post(&day.clinic, "/times", &wrong).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    for said in ["Tuesday: “8-5” ends before it begins", "Wednesday: “&#60;b&#62;” is no time", r#"value="8-12""#]
    {
        assert!(refused.body.contains(said), "{said}: {}", refused.body);
    }
    assert!(held(&day, &role).await["availableTime"].is_null());

    let form = week(&page, &day.doctor, &[("tue", "9-10, 10:30-11:30"), ("wed", "13:00–14:00")]);
    for _ in 0..2 {
        let saved = asha.post(&day.clinic, "/times", &form).await;
        assert_eq!(saved.location(), "/times?saved=yes", "{}", saved.body);
    }
    let kept = held(&day, &role).await;
    assert_eq!((&kept["meta"]["versionId"], &kept["code"][0]["text"]), (&json!("2"), &json!("Family doctor")), "once");
    assert_eq!(kept["availableTime"][1]["availableStartTime"], "10:30:00");
    let page = asha.get(&day.clinic, "/times?saved=yes").await;
    assert!(page.body.contains("09:00–10:00, 10:30–11:30") && page.body.contains("Saved."), "{}", page.body);
    assert_eq!(offered(&day, "2027-01-05").await, ["09:00", "09:30", "10:30"], "eleven is taken");
    assert_eq!(offered(&day, "2027-01-06").await, ["13:00", "13:30"]);
    assert!(offered(&day, "2027-01-07").await.is_empty(), "no line is no time");

    // Nothing typed: there whenever the clinic is open.
    assert_eq!(asha.post(&day.clinic, "/times", &week(&page, &day.doctor, &[])).await.location(), "/times?saved=yes");
    assert!(held(&day, &role).await["availableTime"].is_null());
}

#[tokio::test]
async fn of_two_who_keep_one_week_the_second_sees_both() {
    let (day, role) = clinic_with_role().await;
    let (mut asha, page) = opened(&day, "asha").await;
    let mut root = day.browser("root").await;
    let theirs = root.get(&day.clinic, &format!("/times?who={}", day.doctor)).await;
    assert!(theirs.body.contains("Times of Asha Rao MD") && !theirs.body.contains("Booked then"), "{}", theirs.body);
    let first = week(&theirs, &day.doctor, &[("mon", "8-12")]);
    let saved = root.post(&day.clinic, "/times", &first).await;
    assert_eq!(saved.location(), format!("/times?who={}&saved=yes", day.doctor));

    let second = asha.post(&day.clinic, "/times", &week(&page, &day.doctor, &[("mon", "9-13"), ("fri", "9-10")])).await;
    assert_eq!(second.status, StatusCode::CONFLICT);
    for said in ["set differently before you", r#"value="9-13""#, "now: 08:00–12:00", "now: not there"] {
        assert!(second.body.contains(said), "{said}: {}", second.body);
    }
    assert_eq!(held(&day, &role).await["availableTime"][0]["availableEndTime"], "12:00:00");
    let again = week(&second, &day.doctor, &[("mon", "9-13"), ("fri", "9-10")]);
    assert_eq!(asha.post(&day.clinic, "/times", &again).await.location(), "/times?saved=yes");
    assert_eq!(held(&day, &role).await["availableTime"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_time_away_closes_the_calendar_and_says_who_is_booked_in_it() {
    let (day, role) = clinic_with_role().await;
    let (mut asha, page) = opened(&day, "asha").await;
    for (fields, said) in [
        (["", "", "", ""], "Say on which day it begins"),
        (["2027-01-03", "", "", ""], "This is over"),
        (["2027-01-06", "2027-01-05", "", ""], "before the first"),
        (["2027-01-06", "2029-01-05", "", ""], "a year at most"),
        (["2027-01-06", "2027-01-07", "9-10", ""], "Hours are of one day"),
        (["2027-01-06", "", "9-10, 11-12", ""], "one time at once"),
        (["2027-01-06", "", "noon", "x < y"], "no time of a day"),
        (["2027-01-04", "", "5-6", ""], "These hours are over"),
    ] {
        let refused = asha.post(&day.clinic, "/times", &away(&page, &day.doctor, fields)).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{said}");
        assert!(refused.body.contains(said), "{said}: {}", refused.body);
        assert!(fields[3].is_empty() || refused.body.contains("x &#60; y"), "{}", refused.body);
    }
    assert!(held(&day, &role).await["notAvailable"].is_null());

    let leave = away(&page, &day.doctor, ["2027-01-05", "2027-01-06", "", "On leave"]);
    let hours = away(&page, &day.doctor, ["2027-01-07", "", "8-12", ""]);
    for form in [&leave, &leave, &hours] {
        assert_eq!(asha.post(&day.clinic, "/times", form).await.location(), "/times?saved=yes");
    }
    assert_eq!(held(&day, &role).await["notAvailable"].as_array().unwrap().len(), 2, "each once");
    let page = asha.get(&day.clinic, "/times").await;
    for said in ["05-Jan-2027 to 06-Jan-2027", "On leave", "1 to move or tell", "07-Jan-2027 08:00 to 12:00", "nobody"]
    {
        assert!(page.body.contains(said), "{said}: {}", page.body);
    }
    for (date, first) in [("2027-01-05", None), ("2027-01-06", None), ("2027-01-07", Some("12:00"))] {
        assert_eq!(offered(&day, date).await.first().map(String::as_str), first, "{date}");
    }
    let calendar =
        day.browser("fay").await.get(&day.clinic, &format!("/schedule?who={}&day=2027-01-05", day.doctor)).await;
    assert!(calendar.body.contains("On leave") && calendar.body.contains("ADEYEMI"), "what is booked stays booked");

    // Taken out, also twice.
    let form = back(&page, &day.doctor);
    for _ in 0..2 {
        assert_eq!(asha.post(&day.clinic, "/times", &form).await.location(), "/times?saved=yes");
    }
    assert_eq!(held(&day, &role).await["notAvailable"].as_array().unwrap().len(), 1);
    assert!(!offered(&day, "2027-01-06").await.is_empty());
    // A day later the one that is over is not listed any more, and stands in the record.
    day.clinic.advance(5 * 24 * 3_600_000);
    let (_, page) = opened(&day, "asha").await;
    assert!(page.body.contains("No time away is entered"), "{}", page.body);
    assert!(held(&day, &role).await["notAvailable"].is_array());
}

#[tokio::test]
async fn what_else_changes_in_a_role_is_no_matter_and_what_no_line_can_say_stays() {
    let (day, role) = clinic_with_role().await;
    let mut written = held(&day, &role).await;
    let night = json!({"daysOfWeek": ["fri"], "availableStartTime": "22:00:00", "availableEndTime": "06:00:00"});
    written["availableTime"] = json!([night]);
    changed(&day, &written).await;
    let (mut asha, page) = opened(&day, "asha").await;
    assert!(
        page.body.contains("1 more that another program wrote") && !page.body.contains("All are empty"),
        "{}",
        page.body
    );
    assert!(offered(&day, "2027-01-06").await.is_empty(), "by day they are not there");
    // Meanwhile, in another tab.
    let leave = away(&page, &day.doctor, ["2027-01-07", "", "", ""]);
    assert_eq!(asha.post(&day.clinic, "/times", &leave).await.location(), "/times?saved=yes");
    let saved = asha.post(&day.clinic, "/times", &week(&page, &day.doctor, &[("wed", "9-10")])).await;
    assert_eq!(saved.location(), "/times?saved=yes", "{}", saved.body);
    let kept = held(&day, &role).await;
    assert_eq!(kept["availableTime"].as_array().unwrap().last().unwrap(), &night);
    assert_eq!(
        (kept["availableTime"].as_array().unwrap().len(), kept["notAvailable"].as_array().unwrap().len()),
        (2, 1)
    );
    assert_eq!(offered(&day, "2027-01-06").await, ["09:00", "09:30"]);
}

#[tokio::test]
async fn nobody_keeps_the_times_of_a_colleague_and_an_administrator_begins_them() {
    let day = Day::with(&[]).await;
    // The front desk and who treats nobody keep none.
    // Nor does who treats and is nobody of the directory: it is not everybody's that they keep.
    for login in ["fay", "ben", "ana"] {
        assert_eq!(opened(&day, login).await.1.status, StatusCode::NOT_FOUND, "{login}");
    }
    // A role stands for somebody in charts: who has none does not make their own.
    let (mut asha, page) = opened(&day, "asha").await;
    assert!(page.body.contains("does not say yet in which role"), "{}", page.body);
    let me = asha.get(&day.clinic, "/me").await;
    let refused = asha.post(&day.clinic, "/times", &away(&me, &day.doctor, ["2027-01-05", "", "", ""])).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    let other = asha.post(&day.clinic, "/times", &away(&me, &day.colleague, ["2027-01-05", "", "", ""])).await;
    assert_eq!(other.status, StatusCode::FORBIDDEN, "{}", other.body);

    let (mut root, chosen) = opened(&day, "root").await;
    assert!(chosen.body.contains("Of whom") && !chosen.body.contains("Save the week"), "{}", chosen.body);
    assert_eq!(root.get(&day.clinic, "/times?who=nobody").await.status, StatusCode::NOT_FOUND);
    let page = root.get(&day.clinic, &format!("/times?who={}", day.doctor)).await;
    let form = week(&page, &day.doctor, &[("wed", "9-10")]);
    for _ in 0..2 {
        let saved = root.post(&day.clinic, "/times", &form).await;
        assert_eq!(saved.location(), format!("/times?who={}&saved=yes", day.doctor), "{}", saved.body);
    }
    let roles = day.all("PractitionerRole", "practitioner", &format!("Practitioner/{}", day.doctor)).await;
    assert_eq!(roles.len(), 1, "once");
    assert_eq!(offered(&day, "2027-01-06").await, ["09:00", "09:30"]);
    // One that was laid to rest is woken, and not made twice.
    let mut resting = held(&day, roles[0]["id"].as_str().unwrap()).await;
    resting["active"] = json!(false);
    changed(&day, &resting).await;
    assert!(offered(&day, "2027-01-06").await.len() > 10, "it counts no more");
    let page = root.get(&day.clinic, &format!("/times?who={}", day.doctor)).await;
    let saved = root.post(&day.clinic, "/times", &week(&page, &day.doctor, &[("wed", "9-10")])).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    assert_eq!(offered(&day, "2027-01-06").await, ["09:00", "09:30"]);
    // From then on it is hers.
    let (mut asha, page) = opened(&day, "asha").await;
    let mine = asha.post(&day.clinic, "/times", &week(&page, &day.doctor, &[("wed", "9-11")])).await;
    assert_eq!(mine.location(), "/times?saved=yes", "{}", mine.body);
}
