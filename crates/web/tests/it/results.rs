//! Results: each waits in its owner's list until somebody acknowledges it, once; nothing is half done, and what lies too long goes on.

use access::Role;
use http::StatusCode;

use crate::clinic::{Answer, Browser, Clinic, MINUTE_MS};
use crate::ward::{look, patient, team, ward};

const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
/// The clinic's clock stands at 10:00 in New York.
pub const TODAY: &str = "2027-01-04";

/// A report with one value, and the value before it.
pub struct Lab<'a> {
    pub id: &'a str,
    pub patient: &'a str,
    pub value: &'a str,
    pub flag: &'a str,
    pub issued: &'a str,
    pub requester: Option<&'a str>,
}

pub async fn lab(clinic: &Clinic, lab: &Lab<'_>) {
    let Lab { id, patient, value, flag, issued, requester } = lab;
    let of = format!(r#""subject":{{"reference":"Patient/{patient}"}}"#);
    let code = r#""code":{"coding":[{"system":"http://loinc.org","code":"2823-3"}],"text":"Potassium"}"#;
    let category = |code: &str| format!(r#""category":[{{"coding":[{{"code":"{code}"}}]}}]"#);
    let observation = |value: &str, flag: &str, when: &str| {
        format!(
            r#"{of},{code},{},"status":"final","effectiveDateTime":"{when}","interpretation":[{{"coding":[{{"code":"{flag}"}}]}}],
            "valueQuantity":{{"value":{value},"unit":"mmol/L"}},"referenceRange":[{{"low":{{"value":3.5}},"high":{{"value":5.1}}}}]"#,
            category("laboratory")
        )
    };
    clinic.put("Observation", &format!("{id}-before"), &observation("4.4", "N", "2026-06-01T10:00:00Z")).await;
    clinic.put("Observation", &format!("{id}-value"), &observation(value, flag, issued)).await;
    let mut based_on = String::new();
    if let Some(requester) = requester {
        let order = format!(
            r#"{of},"status":"completed","intent":"order",{code},"requester":{{"reference":"Practitioner/{requester}"}}"#
        );
        clinic.put("ServiceRequest", &format!("{id}-order"), &order).await;
        based_on = format!(r#""basedOn":[{{"reference":"ServiceRequest/{id}-order"}}],"#);
    }
    report(clinic, id, patient, "final", issued, &based_on).await;
}

async fn report(clinic: &Clinic, id: &str, patient: &str, status: &str, issued: &str, more: &str) {
    let members = format!(
        r#"{more}"status":"{status}","category":[{{"coding":[{{"code":"LAB"}}]}}],"code":{{"text":"Panel of {id}"}},
        "subject":{{"reference":"Patient/{patient}"}},"issued":"{issued}","result":[{{"reference":"Observation/{id}-value"}}]"#
    );
    clinic.put("DiagnosticReport", id, &members).await;
}

/// Ruth has one result of each kind.
async fn lab_ward() -> Clinic {
    let clinic = ward().await;
    let one = |id, value, flag, issued, requester| Lab { id, patient: "p1", value, flag, issued, requester };
    lab(&clinic, &one("calm", "4.1", "N", "2027-01-03T10:00:00Z", Some("asha"))).await;
    lab(&clinic, &one("high", "5.6", "H", "2027-01-04T14:00:00Z", Some("asha"))).await;
    lab(&clinic, &one("worst", "6.9", "HH", "2027-01-04T14:30:00Z", Some("asha"))).await;
    lab(&clinic, &Lab { patient: "p2", ..one("other", "6.5", "HH", "2027-01-04T14:00:00Z", Some("zoe")) }).await;
    clinic
}

/// What the record has of a type for Ruth.
async fn held(clinic: &Clinic, kind: &str) -> Vec<String> {
    clinic.all(kind, &[("patient", "p1")]).await
}

fn form(page: &Answer, more: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let mut form = vec![
        ("csrf", page.csrf()),
        ("version", page.after(r#"name="version" value=""#)),
        ("token", page.after(r#"name="token" value=""#)),
    ];
    form.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    form
}

async fn acknowledge(clinic: &Clinic, browser: &mut Browser, id: &str, more: &[(&'static str, &str)]) -> Answer {
    let page = browser.get(clinic, &format!("/results/{id}")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    browser.post(clinic, &format!("/results/{id}"), &form(&page, more)).await
}

fn order(page: &str) -> Vec<&str> {
    page.split(r#"<li id="r-"#).skip(1).map(|item| item.split('"').next().unwrap()).collect()
}

#[tokio::test]
async fn what_is_worst_comes_first_with_range_and_the_value_before() {
    let clinic = lab_ward().await;
    let (_, page) = look(&clinic, "asha", "/results").await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(order(&page.body), ["worst", "high", "calm"]);
    for part in [
        "ADEYEMI",
        "Born 14-Jul-1968",
        "MR-004718",
        "6.9 mmol/L",
        "critically high",
        "3.5–5.1",
        "4.4 mmol/L",
        "01-Jun-2026",
        "30 min",
        "29 h",
        "Dr asha",
        "<b>3</b> results wait",
        "<b>1</b> critical",
        "Look and acknowledge",
    ] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
    assert!(!page.body.contains("BRANDT") && !page.body.contains("Panel of other"), "not hers to see");
    assert!(!page.body.contains(r#"action="/results/worst""#), "what is critical is acknowledged on its own page");
}

#[tokio::test]
async fn only_who_looks_after_results_has_the_place() {
    let clinic = lab_ward().await;
    for (login, status) in [
        ("asha", StatusCode::OK),
        ("nora", StatusCode::OK),
        ("leo", StatusCode::NOT_FOUND),
        ("ruth", StatusCode::NOT_FOUND),
        ("fay", StatusCode::NOT_FOUND),
        ("ben", StatusCode::NOT_FOUND),
        ("petra", StatusCode::NOT_FOUND),
        ("root", StatusCode::NOT_FOUND),
    ] {
        let (mut browser, page) = look(&clinic, login, "/results?show=all").await;
        assert_eq!(page.status, status, "{login}");
        assert_eq!(browser.get(&clinic, "/me").await.body.contains(r#"href="/results""#), status == StatusCode::OK);
        if status == StatusCode::OK {
            assert_eq!(order(&page.body), ["worst", "high", "calm"], "{login}");
            for closed in ["/results/other", "/results/none"] {
                assert_ne!(browser.get(&clinic, closed).await.status, StatusCode::OK, "{login} {closed}");
            }
            let form = [
                ("csrf", browser.get(&clinic, "/me").await.csrf()),
                ("version", "1".into()),
                ("token", "0".repeat(32)),
            ];
            let answer = browser.post(&clinic, "/results/other", &form).await;
            assert!(!matches!(answer.status, StatusCode::OK | StatusCode::SEE_OTHER), "{login} {}", answer.status);
        }
    }
    // Zoe's own patient's result waits as it did.
    let (_, page) = look(&clinic, "zoe", "/results").await;
    assert_eq!(order(&page.body), ["other"]);
}

#[tokio::test]
async fn a_result_is_its_requesters_else_its_practitioners_else_the_teams() {
    let clinic = ward().await;
    for (id, members) in
        [("p4", r#","generalPractitioner":[{"reference":"Practitioner/asha"}]"#), ("p5", ""), ("p6", "")]
    {
        let members = format!(r#""name":[{{"family":"Of {id}"}}]{members}"#);
        clinic.put("Patient", id, &members).await;
    }
    team(&clinic, "p5", &["zoe", "asha"]).await;
    let one =
        |id, patient| Lab { id, patient, value: "5.6", flag: "H", issued: "2027-01-04T14:00:00Z", requester: None };
    for lab_ in [one("gp", "p4"), one("team", "p5"), one("nobody", "p6")] {
        lab(&clinic, &lab_).await;
    }
    lab(&clinic, &Lab { requester: Some("zoe"), ..one("asked", "p4") }).await;
    let (mut browser, page) = look(&clinic, "asha", "/results?show=all").await;
    for (id, owner) in
        [("gp", "Dr asha"), ("team", "Dr zoe"), ("nobody", "Nobody named: the team’s"), ("asked", "Dr zoe")]
    {
        let (_, item) = page.body.split_once(&format!(r#"<li id="r-{id}""#)).unwrap_or_else(|| panic!("{id}"));
        let (_, said) = item.split_once("Owner</span> ").unwrap();
        assert!(said.starts_with(owner), "{id}: {}", &said[..40]);
    }
    assert_eq!(order(&browser.get(&clinic, "/results?show=mine").await.body), ["gp"]);
    assert_eq!(order(&browser.get(&clinic, "/results?show=team").await.body), ["nobody"]);
}

#[tokio::test]
async fn one_step_acknowledges_tells_the_patient_and_makes_the_task() {
    let clinic = lab_ward().await;
    let (mut browser, _) = look(&clinic, "asha", "/results").await;
    let more = [
        ("message", "Your potassium is high.\r\nPlease come in."),
        ("what", "Repeat potassium"),
        ("due", TODAY),
        ("owner", "nora"),
    ];
    let saved = acknowledge(&clinic, &mut browser, "worst", &more).await;
    assert_eq!((saved.status, saved.location()), (StatusCode::SEE_OTHER, "/results?done=both"), "{}", saved.body);
    let page = browser.get(&clinic, saved.location()).await;
    assert_eq!(order(&page.body), ["high", "calm"]);
    assert!(page.body.contains("The message is in the patient’s record"), "{}", page.body);
    let (tasks, messages) = (held(&clinic, "Task").await, held(&clinic, "Communication").await);
    assert_eq!((tasks.len(), messages.len()), (2, 1));
    let find = |code: &str| tasks.iter().find(|one| one.contains(code)).unwrap();
    for part in [
        r#""status":"completed""#,
        "DiagnosticReport/worst",
        "Patient/p1",
        r#""owner":{"reference":"Practitioner/asha"}"#,
    ] {
        assert!(find("acknowledge-result").contains(part), "{part}");
    }
    for part in [
        r#""status":"requested""#,
        "Repeat potassium",
        r#""owner":{"reference":"Practitioner/nora"}"#,
        r#""end":"2027-01-05T04:59:59.999Z""#,
    ] {
        assert!(find("follow-up").contains(part), "{part} in {}", find("follow-up"));
    }
    for part in [
        r"Your potassium is high.\nPlease come in.",
        r#""recipient":[{"reference":"Patient/p1"}]"#,
        r#""sender":{"reference":"Practitioner/asha"}"#,
    ] {
        assert!(messages[0].contains(part), "{part} in {}", messages[0]);
    }
    let page = browser.get(&clinic, "/results/worst").await;
    assert!(page.body.contains("by Dr asha") && !page.body.contains(r#"name="message""#), "{}", page.body);
}

#[tokio::test]
async fn a_follow_up_goes_to_who_can_open_it() {
    let clinic = lab_ward().await;
    team(&clinic, "p1", &["asha", "nora", "leo", "ruth"]).await;
    let (mut asha, page) = look(&clinic, "asha", "/results/high").await;
    let offers = |login: &str| page.body.contains(&format!(r#"<option value="{login}""#));
    assert_eq!(["asha", "nora", "leo", "ruth"].map(offers), [true, true, true, false], "{}", page.body);
    let more = |owner| [("what", "Call about it"), ("due", TODAY), ("owner", owner)];
    let refused = acknowledge(&clinic, &mut asha, "high", &more("ruth")).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.body);
    let saved = acknowledge(&clinic, &mut asha, "high", &more("leo")).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    let (mut leo, inbox) = look(&clinic, "leo", "/inbox").await;
    assert!(inbox.status == StatusCode::OK && inbox.body.contains("Call about it"), "{}", inbox.body);
    assert_eq!(leo.get(&clinic, "/results").await.status, StatusCode::NOT_FOUND, "and no results");
}

#[tokio::test]
async fn what_today_counts_is_what_its_link_opens() {
    let clinic = lab_ward().await;
    for login in ["asha", "nora"] {
        let (mut browser, today) = look(&clinic, login, "/today").await;
        let (_, said) = today.body.split_once(r#"<a href="/results?"#).expect(&today.body);
        let (address, said) = said.split_once('"').unwrap();
        assert!(said.starts_with(r#"><b class="n">3</b> results to acknowledge, yours and"#), "{login}: {said}");
        let list = browser.get(&clinic, &format!("/results?{address}")).await;
        assert_eq!(order(&list.body).len(), 3, "{login}");
    }
}

#[tokio::test]
async fn what_cannot_be_done_keeps_what_was_typed_and_does_nothing() {
    let clinic = lab_ward().await;
    let (mut browser, _) = look(&clinic, "asha", "/results").await;
    for (more, said) in [
        (vec![("message", "m-1"), ("what", "Call")], "Say by what day it is due"),
        (vec![("message", "m-2"), ("what", "Call"), ("due", "2027-01-03")], "is over"),
        (vec![("message", "m-3"), ("due", TODAY)], "Say what is to be done"),
        (vec![("message", "m-4"), ("what", "Call"), ("due", TODAY), ("owner", "zoe")], "Choose who does it"),
    ] {
        let answer = acknowledge(&clinic, &mut browser, "worst", &more).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{said}");
        for part in [said, more[0].1, "Nothing was saved yet", r#"aria-invalid="true""#] {
            assert!(answer.body.contains(part), "{part} in {}", answer.body);
        }
    }
    assert!(held(&clinic, "Task").await.is_empty() && held(&clinic, "Communication").await.is_empty());
    let markup =
        acknowledge(&clinic, &mut browser, "worst", &[("message", "</textarea><script>x</script>"), ("due", TODAY)])
            .await;
    assert!(!markup.body.contains("<script>x"));
    assert_eq!(order(&browser.get(&clinic, "/results").await.body).len(), 3);
}

#[tokio::test]
async fn the_second_of_two_is_told_who_was_first_and_keeps_what_they_typed() {
    let clinic = lab_ward().await;
    let (mut asha, page) = look(&clinic, "asha", "/results/high").await;
    let (mut nora, other) = look(&clinic, "nora", "/results/high").await;
    let first = form(&page, &[("message", "From Asha")]);
    let second = form(&other, &[("message", "From Nora"), ("what", "Call"), ("due", TODAY), ("owner", "nora")]);
    let done = asha.post(&clinic, "/results/high", &first).await;
    assert_eq!(done.location(), "/results?done=message");
    // The same form again is the same deed.
    let again = asha.post(&clinic, "/results/high", &first).await;
    assert_eq!((again.status, again.location()), (done.status, done.location()));
    let told = nora.post(&clinic, "/results/high", &second).await;
    assert_eq!(told.status, StatusCode::CONFLICT);
    for part in [
        "Dr asha acknowledged this result before you",
        "04-Jan-2027 10:01",
        "From Nora",
        r#"value="Call""#,
        "was not saved",
    ] {
        assert!(told.body.contains(part), "{part} in {}", told.body);
    }
    assert_eq!((held(&clinic, "Task").await.len(), held(&clinic, "Communication").await.len()), (1, 1));
    // Asha goes back and sends another message with a new form: she is told, too.
    let mut changed = first.clone();
    changed.retain(|(name, _)| !matches!(*name, "message" | "token"));
    changed.extend([("message", "Another".to_owned()), ("token", "f".repeat(32))]);
    assert_eq!(asha.post(&clinic, "/results/high", &changed).await.status, StatusCode::CONFLICT);
    // All the same, once.
    let mut rest =
        form(&told, &[("message", "From Nora"), ("what", "Call"), ("due", TODAY), ("owner", "nora"), ("act", "rest")]);
    for _ in 0..2 {
        assert_eq!(nora.post(&clinic, "/results/high", &rest).await.status, StatusCode::SEE_OTHER);
    }
    assert_eq!((held(&clinic, "Task").await.len(), held(&clinic, "Communication").await.len()), (2, 2));
    rest.retain(|(name, _)| !matches!(*name, "message" | "what" | "due"));
    assert_eq!(nora.post(&clinic, "/results/high", &rest).await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_form_sent_again_with_other_words_is_not_said_to_be_saved() {
    let clinic = lab_ward().await;
    let (mut asha, page) = look(&clinic, "asha", "/results/high").await;
    assert!(page.body.contains("/assets/once.js"), "{}", page.body);
    let first = form(&page, &[("message", "Come in"), ("what", "Call"), ("due", TODAY), ("owner", "nora")]);
    for _ in 0..2 {
        assert_eq!(asha.post(&clinic, "/results/high", &first).await.location(), "/results?done=both");
    }
    let with = |form: &[(&'static str, String)], name: &str, to: &str| {
        let one =
            |(held, value): &(&'static str, String)| (*held, if *held == name { to.to_owned() } else { value.clone() });
        form.iter().map(one).collect::<Vec<_>>()
    };
    for (name, to) in [("message", "Come in at once"), ("message", ""), ("what", "Call twice"), ("due", "2027-01-05")] {
        let told = asha.post(&clinic, "/results/high", &with(&first, name, to)).await;
        assert_eq!(told.status, StatusCode::CONFLICT, "{name} {to}");
        assert!(told.body.contains("was sent before") && told.body.contains(to), "{}", told.body);
    }
    let told = asha.post(&clinic, "/results/high", &with(&first, "message", "Come in at once")).await;
    let rest = form(&told, &[("message", "Come in at once"), ("act", "rest")]);
    for _ in 0..2 {
        assert_eq!(asha.post(&clinic, "/results/high", &rest).await.status, StatusCode::SEE_OTHER);
    }
    let told = asha.post(&clinic, "/results/high", &with(&rest, "message", "Come in tomorrow")).await;
    assert_eq!(told.status, StatusCode::CONFLICT);
    assert!(told.body.contains("Come in tomorrow"), "{}", told.body);
    let sent = held(&clinic, "Communication").await;
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert_eq!(held(&clinic, "Task").await.len(), 2);
}

#[tokio::test]
async fn at_the_same_moment_one_of_two_wins() {
    let clinic = lab_ward().await;
    let (mut asha, page) = look(&clinic, "asha", "/results/high").await;
    let (mut nora, other) = look(&clinic, "nora", "/results/high").await;
    let (first, second) = (form(&page, &[("message", "A")]), form(&other, &[("message", "N")]));
    let (a, n) =
        tokio::join!(asha.post(&clinic, "/results/high", &first), nora.post(&clinic, "/results/high", &second));
    let mut statuses = [a.status, n.status];
    statuses.sort();
    assert_eq!(statuses, [StatusCode::SEE_OTHER, StatusCode::CONFLICT]);
    assert_eq!((held(&clinic, "Task").await.len(), held(&clinic, "Communication").await.len()), (1, 1));
}

#[tokio::test]
async fn what_the_laboratory_changes_waits_again() {
    let clinic = lab_ward().await;
    let (mut browser, page) = look(&clinic, "asha", "/results/high").await;
    let stale = form(&page, &[("message", "kept")]);
    report(&clinic, "high", "p1", "amended", "2027-01-04T14:50:00Z", "").await;
    let told = browser.post(&clinic, "/results/high", &stale).await;
    assert_eq!(told.status, StatusCode::CONFLICT);
    assert!(told.body.contains("The laboratory changed this result") && told.body.contains("kept"), "{}", told.body);
    assert!(held(&clinic, "Task").await.is_empty());
    assert_eq!(acknowledge(&clinic, &mut browser, "high", &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(order(&browser.get(&clinic, "/results?show=all").await.body), ["worst", "calm"]);
    report(&clinic, "high", "p1", "corrected", "2027-01-04T14:55:00Z", "").await;
    let page = browser.get(&clinic, "/results?show=all").await;
    assert_eq!(order(&page.body), ["worst", "high", "calm"]);
    assert!(page.body.contains("corrected"));
    // Preliminary ones are not there, and those taken back neither.
    report(&clinic, "high", "p1", "entered-in-error", "2027-01-04T14:55:00Z", "").await;
    report(&clinic, "calm", "p1", "preliminary", "2027-01-04T14:55:00Z", "").await;
    assert_eq!(order(&browser.get(&clinic, "/results?show=all").await.body), ["worst"]);
}

#[tokio::test]
async fn an_acknowledgement_counts_in_its_own_chart_and_when_it_is_one() {
    let clinic = lab_ward().await;
    patient(&clinic, "p3", "Else", "Some", "1970-01-01", "MR-3").await;
    let task = |patient: &str, status: &str| {
        format!(r#""status":"{status}","intent":"order","for":{{"reference":"Patient/{patient}"}}"#)
    };
    clinic.put("Task", "ack.high.1", &task("p3", "completed")).await;
    clinic.put("Task", "ack.worst.1", &task("p1", "requested")).await;
    let (_, page) = look(&clinic, "asha", "/results").await;
    assert_eq!(order(&page.body), ["worst", "high", "calm"]);
}

#[tokio::test]
async fn what_lies_too_long_goes_on_and_says_so() {
    let clinic = lab_ward().await;
    clinic.advance(5 * HOUR_MS);
    let (_, page) = look(&clinic, "nora", "/results").await;
    assert_eq!(order(&page.body), ["worst"], "the team's is what is critical and lay for hours");
    assert!(page.body.contains("Critical and unacknowledged for over 4 hours: now the team’s"), "{}", page.body);
    clinic.advance(7 * DAY_MS);
    let mut nora_later = Browser::new();
    clinic.signed_in("nora", &mut nora_later).await;
    let page = nora_later.get(&clinic, "/results").await;
    assert_eq!(order(&page.body), ["worst", "high", "calm"]);
    assert!(page.body.contains("Unacknowledged for over 7 days"), "{}", page.body);
}

/// The form that ends one of the covers of a page.
fn ending(page: &Answer, absent: &str, which: usize) -> Vec<(&'static str, String)> {
    let value = |name: &str| {
        let part = page.body.split(&format!(r#"name="{name}" value=""#)).nth(which + 1).unwrap();
        part.split('"').next().unwrap().to_owned()
    };
    vec![
        ("csrf", page.csrf()),
        ("id", value("id")),
        ("version", value("version")),
        ("whose", absent.to_owned()),
        ("act", "end".to_owned()),
    ]
}

#[tokio::test]
async fn a_later_cover_stands_beside_the_one_that_runs_and_each_ends_by_itself() {
    let clinic = lab_ward().await;
    clinic.seed_practitioner("max", Role::Physician).await;
    let (mut asha, page) = look(&clinic, "asha", "/cover").await;
    let set = |by: &str, from: &str, until: &str| {
        vec![
            ("csrf", page.csrf()),
            ("version", page.body.split(r#"name="version" value=""#).nth(1).map_or("0", |_| "0").to_owned()),
            ("whose", "asha".to_owned()),
            ("by", by.to_owned()),
            ("from", from.to_owned()),
            ("until", until.to_owned()),
        ]
    };
    assert_eq!(asha.post(&clinic, "/cover", &set("max", TODAY, "2027-01-05")).await.location(), "/cover?saved=yes");
    let (mut max, page) = look(&clinic, "max", "/results").await;
    assert!(page.body.contains("You cover Dr asha until 05-Jan-2027"), "{}", page.body);
    let later = set("zoe", "2027-12-20", "2027-12-31");
    let mut later: Vec<_> = later.into_iter().filter(|(name, _)| *name != "version").collect();
    // As the page has it now: on an older one the form named the cover that was there.
    let page = asha.get(&clinic, "/cover").await;
    later.push(("version", page.after(r#"name="version" value=""#)));
    assert_eq!(asha.post(&clinic, "/cover", &later).await.location(), "/cover?saved=yes");
    let page = max.get(&clinic, "/results?show=covered").await;
    assert!(page.body.contains("You cover Dr asha until 05-Jan-2027") && order(&page.body).len() == 3, "{}", page.body);
    assert_eq!(max.get(&clinic, "/patients/p1").await.status, StatusCode::OK, "and still treats");
    let page = asha.get(&clinic, "/cover").await;
    assert!(page.body.contains("05-Jan-2027") && page.body.contains("31-Dec-2027"), "{}", page.body);
    // Across the running one, and within the later one.
    for (from, until) in [("2027-01-05", "2027-01-09"), ("2027-12-22", "2027-12-23")] {
        let refused = asha.post(&clinic, "/cover", &set("zoe", from, until)).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{from}");
        assert!(refused.body.contains("already") && refused.body.contains(until), "{}", refused.body);
    }
    assert_eq!(asha.post(&clinic, "/cover", &ending(&page, "asha", 0)).await.status, StatusCode::SEE_OTHER);
    assert!(order(&max.get(&clinic, "/results?show=covered").await.body).is_empty());
    let page = asha.get(&clinic, "/cover").await;
    assert!(!page.body.contains("05-Jan-2027") && page.body.contains("31-Dec-2027"), "{}", page.body);
    // Ended on its first day, and set anew.
    assert_eq!(asha.post(&clinic, "/cover", &set("max", TODAY, "2027-01-06")).await.location(), "/cover?saved=yes");
    assert!(max.get(&clinic, "/results").await.body.contains("You cover Dr asha until 06-Jan-2027"));
}

#[tokio::test]
async fn who_is_away_names_who_covers_and_their_results_are_in_both_lists() {
    let clinic = lab_ward().await;
    clinic.seed_practitioner("max", Role::Physician).await;
    team(&clinic, "p1", &["asha", "nora", "leo", "max"]).await;
    let (mut asha, page) = look(&clinic, "asha", "/cover").await;
    let set = |page: &Answer, absent: &str, by: &str, until: &str| {
        vec![
            ("csrf", page.csrf()),
            ("whose", absent.to_owned()),
            ("by", by.to_owned()),
            ("from", TODAY.to_owned()),
            ("until", until.to_owned()),
        ]
    };
    for (by, until, said) in [
        ("asha", TODAY, "Nobody covers for themselves"),
        ("max", "2027-01-03", "before the first"),
        ("", TODAY, "Choose who covers"),
    ] {
        let answer = asha.post(&clinic, "/cover", &set(&page, "asha", by, until)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{said}");
        assert!(answer.body.contains(said) && answer.body.contains(until), "{said}: {}", answer.body);
    }
    let zoes = asha.post(&clinic, "/cover", &set(&page, "zoe", "max", TODAY)).await;
    assert_eq!(zoes.status, StatusCode::FORBIDDEN, "nobody sends others away");
    let form = set(&page, "asha", "max", "2027-01-05");
    assert_eq!(asha.post(&clinic, "/cover", &form).await.location(), "/cover?saved=yes");
    // A second tab that knew of none.
    let stale = asha.post(&clinic, "/cover", &set(&page, "asha", "zoe", "2027-01-06")).await;
    assert_eq!(stale.status, StatusCode::CONFLICT);
    assert!(
        stale.body.contains("Dr max covers from 04-Jan-2027 to 05-Jan-2027 already")
            && stale.body.contains(r#"value="2027-01-06""#),
        "{}",
        stale.body
    );
    // The same once more is the same.
    assert_eq!(asha.post(&clinic, "/cover", &form).await.location(), "/cover?saved=yes");
    let (mut max, page) = look(&clinic, "max", "/results").await;
    assert_eq!(order(&page.body), ["worst", "high", "calm"]);
    assert!(page.body.contains("You cover Dr asha until 05-Jan-2027") && page.body.contains("covered by Dr max"));
    assert_eq!(order(&asha.get(&clinic, "/results?show=mine").await.body).len(), 3, "the owner keeps them");
    assert!(order(&max.get(&clinic, "/results?show=mine").await.body).is_empty());
    clinic.advance(5 * HOUR_MS);
    let (mut max, page) = look(&clinic, "max", "/results?show=mine").await;
    assert_eq!(order(&page.body), ["worst"]);
    assert!(page.body.contains("now also with Dr max, who covers"), "{}", page.body);
    // It ends when she is back, or says so.
    let (mut asha, page) = look(&clinic, "asha", "/cover").await;
    let end = ending(&page, "asha", 0);
    assert_eq!(asha.post(&clinic, "/cover", &end).await.status, StatusCode::SEE_OTHER);
    assert!(order(&max.get(&clinic, "/results?show=covered").await.body).is_empty());
}

#[tokio::test]
async fn an_administrator_sets_covers_and_who_keeps_no_directory_does_not() {
    let clinic = lab_ward().await;
    let (mut root, page) = look(&clinic, "root", "/cover").await;
    assert!(page.body.contains("Who is away"), "{}", page.body);
    let form = [
        ("csrf", page.csrf()),
        ("whose", "zoe".to_owned()),
        ("by", "asha".to_owned()),
        ("from", TODAY.to_owned()),
        ("until", TODAY.to_owned()),
    ];
    assert_eq!(root.post(&clinic, "/cover", &form).await.status, StatusCode::SEE_OTHER);
    let (_, page) = look(&clinic, "asha", "/results").await;
    assert!(page.body.contains("You cover Dr zoe"));
    // Who covers treats meanwhile, and not a day longer.
    let (_, page) = look(&clinic, "asha", "/patients/p2").await;
    assert!(page.status == StatusCode::OK && page.body.contains("BRANDT"), "{}", page.body);
    clinic.advance(24 * HOUR_MS);
    let (_, page) = look(&clinic, "asha", "/patients/p2").await;
    assert!(page.status == StatusCode::FORBIDDEN, "{}", page.status);
    for login in ["nora", "fay", "leo", "petra"] {
        let (_, page) = look(&clinic, login, "/cover").await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{login}");
    }
}

#[tokio::test]
async fn what_is_sensitive_is_acknowledged_as_everything_else_and_stays_sensitive() {
    let clinic = ward().await;
    let one = Lab {
        id: "viral",
        patient: "p1",
        value: "9",
        flag: "H",
        issued: "2027-01-04T14:00:00Z",
        requester: Some("asha"),
    };
    lab(&clinic, &one).await;
    let hiv = r#""code":{"coding":[{"system":"http://loinc.org","code":"20447-9"}],"text":"HIV-1 RNA"}"#;
    let of = r#""subject":{"reference":"Patient/p1"},"issued":"2027-01-04T14:00:00Z","result":[{"reference":"Observation/viral-value"}]"#;
    clinic.put("DiagnosticReport", "viral", &format!(r#""status":"final",{hiv},{of}"#)).await;
    let (mut browser, page) = look(&clinic, "asha", "/results").await;
    assert_eq!(order(&page.body), ["viral"]);
    let more = [("message", "Good news"), ("what", "Book a visit"), ("due", TODAY), ("owner", "nora")];
    let version = browser.get(&clinic, "/results/viral").await.after(r#"name="version" value=""#);
    assert_eq!(version, "2");
    assert_eq!(acknowledge(&clinic, &mut browser, "viral", &more).await.location(), "/results?done=both");
    assert!(order(&browser.get(&clinic, "/results?show=all").await.body).is_empty());
    let page = browser.get(&clinic, "/results/viral").await;
    assert!(page.body.contains("by Dr asha"), "{}", page.body);
    let written: Vec<String> = [held(&clinic, "Task").await, held(&clinic, "Communication").await].concat();
    assert!(written.len() == 3 && written.iter().all(|one| one.contains("20447-9")), "{written:?}");
}
