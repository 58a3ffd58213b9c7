//! The inbox: who finds what in it, and what becomes of it; done sends nothing, and of two who act one is told.

use access::Role;
use http::StatusCode;

use crate::clinic::{Answer, Browser, Clinic, MINUTE_MS};
use crate::ward::{look, team, ward};

const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// Ruth wrote to Asha and to the clinic; a task is Asha's, one Nora's, one nobody's, and one of Max's is not theirs to see.
async fn busy_ward() -> Clinic {
    let clinic = ward().await;
    clinic.put("Organization", "house", r#""name":"Lakeside Clinic""#).await;
    for login in ["asha", "nora"] {
        let role = format!(
            r#""practitioner":{{"reference":"Practitioner/{login}"}},"organization":{{"reference":"Organization/house"}}"#
        );
        clinic.put("PractitionerRole", &format!("{login}-role"), &role).await;
    }
    for (id, to, words) in
        [("to-asha", "Practitioner/asha", "Short <b>of breath</b>"), ("to-house", "Organization/house", "Is it ready?")]
    {
        message(&clinic, id, "Patient/p1", to, words).await;
    }
    message(&clinic, "to-ruth", "Practitioner/asha", "Patient/p1", "Please come in").await;
    for (id, patient, owner, code, due) in [
        ("ashas", "p1", Some("asha"), "follow-up", "2027-01-03T12:00:00Z"),
        ("noras", "p1", Some("nora"), "follow-up", "2027-01-09T12:00:00Z"),
        ("refill", "p1", None, "refill-request", "2027-01-06T12:00:00Z"),
        ("maxs", "p2", None, "follow-up", "2027-01-06T12:00:00Z"),
    ] {
        let owner =
            owner.map_or_else(String::new, |owner| format!(r#","owner":{{"reference":"Practitioner/{owner}"}}"#));
        let task = format!(
            r#""status":"requested","intent":"order","code":{{"coding":[{{"system":"urn:wardstone:task","code":"{code}"}}]}},
            "description":"Do {id}","for":{{"reference":"Patient/{patient}"}},"authoredOn":"2027-01-02T12:00:00Z",
            "requester":{{"reference":"Practitioner/zoe"}},"restriction":{{"period":{{"end":"{due}"}}}}{owner}"#
        );
        clinic.put("Task", id, &task).await;
    }
    clinic
}

async fn message(clinic: &Clinic, id: &str, from: &str, to: &str, words: &str) {
    let members = format!(
        r#""status":"completed","subject":{{"reference":"Patient/p1"}},"sender":{{"reference":"{from}"}},"sent":"2027-01-04T12:00:00Z",
        "recipient":[{{"reference":"{to}"}}],"payload":[{{"contentString":"{words}"}}]"#
    );
    clinic.put("Communication", id, &members).await;
}

async fn held(clinic: &Clinic, kind: &str) -> Vec<String> {
    clinic.all(kind, &[("patient", "p1")]).await
}

fn order(page: &Answer) -> Vec<&str> {
    page.body.split(r#"<li id="i-"#).skip(1).map(|item| item.split('"').next().unwrap()).collect()
}

async fn list(clinic: &Clinic, browser: &mut Browser, show: &str) -> Vec<String> {
    let page = browser.get(clinic, &format!("/inbox?show={show}")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    order(&page).into_iter().map(str::to_owned).collect()
}

/// A form of the item's page, as it stands.
async fn form(
    clinic: &Clinic,
    browser: &mut Browser,
    path: &str,
    more: &[(&'static str, &str)],
) -> Vec<(&'static str, String)> {
    let page = browser.get(clinic, path).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let mut form = vec![
        ("csrf", page.csrf()),
        ("version", page.after(r#"name="version" value=""#)),
        ("token", page.after(r#"name="token" value=""#)),
    ];
    form.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    form
}

async fn act(clinic: &Clinic, browser: &mut Browser, path: &str, more: &[(&'static str, &str)]) -> Answer {
    let form = form(clinic, browser, path, more).await;
    browser.post(clinic, path, &form).await
}

#[tokio::test]
async fn everybody_finds_what_is_theirs_and_the_teams_and_nothing_of_other_charts() {
    let clinic = busy_ward().await;
    let (mut asha, page) = look(&clinic, "asha", "/inbox").await;
    assert_eq!(order(&page), ["ashas", "to-asha"], "what is overdue first");
    for part in
        ["Overdue since", "03-Jan-2027", "Short &#60;b&#62;of breath", "Born 14-Jul-1968", "MR-004718", "the patient"]
    {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
    assert_eq!(list(&clinic, &mut asha, "team").await, ["to-house", "refill"]);
    assert_eq!(list(&clinic, &mut asha, "all").await, ["ashas", "to-asha", "to-house", "refill", "noras"]);
    let (mut nora, page) = look(&clinic, "nora", "/inbox").await;
    assert_eq!(order(&page), ["noras"]);
    assert_eq!(list(&clinic, &mut nora, "team").await, ["to-house", "refill"]);
    let (mut zoe, _) = look(&clinic, "zoe", "/inbox").await;
    assert_eq!(list(&clinic, &mut zoe, "all").await, ["maxs"]);
    for path in ["/inbox/tasks/refill", "/inbox/messages/to-asha"] {
        let page = zoe.get(&clinic, path).await;
        assert!(page.status != StatusCode::OK && !page.body.contains("breath"), "{path} {}", page.status);
    }
    // Who rooms Ruth has her tasks, and no message of hers.
    let (mut leo, _) = look(&clinic, "leo", "/inbox").await;
    assert_eq!(list(&clinic, &mut leo, "all").await, ["ashas", "refill", "noras"]);
    for path in ["/inbox/tasks/maxs", "/inbox/messages/to-asha"] {
        let page = leo.get(&clinic, path).await;
        assert!(page.status != StatusCode::OK && !page.body.contains("breath"), "{path} {}", page.status);
    }
    for login in ["ruth", "fay", "ben", "petra", "root"] {
        let (mut browser, page) = look(&clinic, login, "/inbox?show=all").await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{login}");
        assert!(!browser.get(&clinic, "/me").await.body.contains(r#"href="/inbox""#), "{login}");
    }
}

#[tokio::test]
async fn the_messages_of_a_chart_are_read_in_it_by_who_may_and_by_nobody_else() {
    let clinic = busy_ward().await;
    let path = "/patients/p1/messages";
    let (_, page) = look(&clinic, "asha", path).await;
    for part in [
        "Short &#60;b&#62;of breath",
        "Is it ready?",
        "from the patient to Lakeside Clinic",
        "from Dr asha to the patient",
        r#"href="/inbox/messages/to-asha""#,
    ] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
    assert!(!page.body.contains(r#"href="/inbox/messages/to-ruth""#), "what went to the patient waits for nobody here");
    for login in ["zoe", "leo", "ruth", "fay", "ben", "petra", "root"] {
        let (_, page) = look(&clinic, login, path).await;
        assert!(page.status != StatusCode::OK && !page.body.contains("breath"), "{login}: {}", page.status);
    }
    // Who reads no message anywhere is told so before the patient is looked up for them.
    let (_, page) = look(&clinic, "fay", path).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN, "{}", page.body);
}

#[tokio::test]
async fn done_is_done_once_and_sends_nothing() {
    let clinic = busy_ward().await;
    let (mut nora, _) = look(&clinic, "nora", "/inbox").await;
    let before = held(&clinic, "Communication").await;
    for path in ["/inbox/messages/to-house", "/inbox/tasks/refill"] {
        let form = form(&clinic, &mut nora, path, &[("act", "done")]).await;
        for _ in 0..2 {
            let answer = nora.post(&clinic, path, &form).await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
            assert!(answer.location().starts_with("/inbox?done=done&"), "{}", answer.location());
        }
    }
    assert!(list(&clinic, &mut nora, "team").await.is_empty());
    assert_eq!(held(&clinic, "Communication").await, before, "no message was sent, and none changed");
    let tasks = held(&clinic, "Task").await;
    let handled = tasks.iter().find(|one| one.contains("handle-message")).unwrap();
    for part in [r#""status":"completed""#, "Communication/to-house", r#""owner":{"reference":"Practitioner/nora"}"#] {
        assert!(handled.contains(part), "{part} in {handled}");
    }
    let page = nora.get(&clinic, "/inbox/tasks/refill").await;
    assert!(page.body.contains("You are done with this"), "{}", page.body);
    let (_, page) = look(&clinic, "asha", "/inbox/tasks/refill").await;
    assert!(page.body.contains("Somebody is done with this") && !page.body.contains("Take it back"), "{}", page.body);
}

#[tokio::test]
async fn who_is_done_takes_it_back_and_it_is_whose_and_where_it_was() {
    let clinic = busy_ward().await;
    let (mut nora, _) = look(&clinic, "nora", "/inbox").await;
    let (mut asha, _) = look(&clinic, "asha", "/inbox").await;
    let before = held(&clinic, "Task").await.len();
    for (path, id) in [("/inbox/messages/to-house", "to-house"), ("/inbox/tasks/refill", "refill")] {
        let listed = list(&clinic, &mut nora, "team").await;
        let done = act(&clinic, &mut nora, path, &[("act", "done"), ("show", "team")]).await;
        assert!(!list(&clinic, &mut nora, "team").await.contains(&id.to_owned()));
        let notice = nora.get(&clinic, done.location()).await;
        assert!(notice.body.contains("Take it back"), "{}", notice.body);
        let version = notice.body.split("class=\"undo\"").nth(1).unwrap();
        let version = version.split(r#"name="version" value=""#).nth(1).unwrap().split('"').next().unwrap();
        let reopen = |csrf: String| vec![("csrf", csrf), ("version", version.to_owned()), ("act", "reopen".to_owned())];
        // Nobody else takes back what she did.
        let page = asha.get(&clinic, "/inbox").await;
        let refused = asha.post(&clinic, path, &reopen(page.csrf())).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.body);
        for _ in 0..2 {
            let answer = nora.post(&clinic, path, &reopen(notice.csrf())).await;
            assert_eq!(
                (answer.status, answer.location()),
                (StatusCode::SEE_OTHER, "/inbox?done=reopen"),
                "{}",
                answer.body
            );
        }
        assert_eq!(list(&clinic, &mut nora, "team").await, listed, "{id} is nobody's again");
        // And from the page of what is done, too.
        assert_eq!(act(&clinic, &mut nora, path, &[("act", "done")]).await.status, StatusCode::SEE_OTHER);
        let page = nora.get(&clinic, path).await;
        let form =
            [("csrf", page.csrf()), ("version", page.after(r#"name="version" value=""#)), ("act", "reopen".into())];
        assert_eq!(nora.post(&clinic, path, &form).await.location(), "/inbox?done=reopen");
        assert_eq!(list(&clinic, &mut nora, "team").await, listed);
    }
    assert_eq!(held(&clinic, "Task").await.len(), before + 1, "what becomes of the message is one Task");
}

#[tokio::test]
async fn what_is_taken_back_sleeps_until_its_day_if_it_slept() {
    let clinic = busy_ward().await;
    let (mut asha, _) = look(&clinic, "asha", "/inbox").await;
    for path in ["/inbox/messages/to-asha", "/inbox/tasks/ashas"] {
        act(&clinic, &mut asha, path, &[("act", "snooze"), ("until", "2027-01-06")]).await;
        let done = act(&clinic, &mut asha, path, &[("act", "done")]).await;
        let version = done.location().split("version=").nth(1).unwrap().to_owned();
        let page = asha.get(&clinic, done.location()).await;
        let form = [("csrf", page.csrf()), ("version", version), ("act", "reopen".into())];
        assert_eq!(asha.post(&clinic, path, &form).await.location(), "/inbox?done=reopen");
    }
    let page = asha.get(&clinic, "/inbox?show=mine").await;
    assert!(order(&page).is_empty() && page.body.contains("2 snoozed") && page.body.contains("until 06-Jan-2027"));
}

#[tokio::test]
async fn what_is_snoozed_comes_back_on_its_day() {
    let clinic = busy_ward().await;
    let (mut asha, _) = look(&clinic, "asha", "/inbox").await;
    for (until, said) in
        [("", "Say on which day"), ("2027-01-04", "Choose a day after today"), ("2029-01-04", "within a year")]
    {
        let answer = act(&clinic, &mut asha, "/inbox/messages/to-asha", &[("act", "snooze"), ("until", until)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{until}");
        assert!(answer.body.contains(said), "{said} in {}", answer.body);
    }
    for path in ["/inbox/messages/to-asha", "/inbox/tasks/ashas"] {
        let answer = act(&clinic, &mut asha, path, &[("act", "snooze"), ("until", "2027-01-06")]).await;
        assert_eq!(answer.location(), "/inbox?done=snooze", "{path} {}", answer.body);
    }
    let page = asha.get(&clinic, "/inbox?show=mine").await;
    assert!(order(&page).is_empty() && page.body.contains("2 snoozed") && page.body.contains("until 06-Jan-2027"));
    let woken = act(&clinic, &mut asha, "/inbox/tasks/ashas", &[("act", "wake")]).await;
    assert_eq!(woken.status, StatusCode::SEE_OTHER, "{}", woken.body);
    assert_eq!(list(&clinic, &mut asha, "mine").await, ["ashas"]);
    clinic.advance(2 * DAY_MS);
    let (mut asha, _) = look(&clinic, "asha", "/inbox").await;
    assert_eq!(list(&clinic, &mut asha, "mine").await, ["ashas", "to-asha"]);
}

#[tokio::test]
async fn what_is_given_on_says_why_and_to_whom_and_is_theirs() {
    let clinic = busy_ward().await;
    let (mut asha, _) = look(&clinic, "asha", "/inbox").await;
    for (owner, why, said) in [("nora", "", "Say why"), ("zoe", "she knows", "Choose who takes it over")] {
        let more = [("act", "assign"), ("owner", owner), ("why", why)];
        let answer = act(&clinic, &mut asha, "/inbox/messages/to-asha", &more).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{said}");
        assert!(answer.body.contains(said), "{said} in {}", answer.body);
    }
    let more = [("act", "assign"), ("owner", "nora"), ("why", "You spoke with her")];
    for path in ["/inbox/messages/to-asha", "/inbox/tasks/ashas"] {
        assert_eq!(act(&clinic, &mut asha, path, &more).await.location(), "/inbox?done=assign", "{path}");
    }
    assert!(list(&clinic, &mut asha, "mine").await.is_empty());
    let (mut nora, page) = look(&clinic, "nora", "/inbox").await;
    assert_eq!(order(&page), ["ashas", "to-asha", "noras"]);
    assert!(page.body.contains("Dr asha: You spoke with her"), "{}", page.body);
    // And to the team.
    let more = [("act", "assign"), ("owner", ""), ("why", "I am off")];
    assert_eq!(act(&clinic, &mut nora, "/inbox/tasks/noras", &more).await.status, StatusCode::SEE_OTHER);
    assert!(list(&clinic, &mut asha, "team").await.contains(&"noras".to_owned()));
}

/// Everybody who may be chosen on the page of an item.
async fn offered(clinic: &Clinic, browser: &mut Browser, path: &str) -> Vec<String> {
    let page = browser.get(clinic, path).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let (_, select) = page.body.split_once(r#"<select id="owner""#).unwrap();
    let options = select.split("</select>").next().unwrap().split(r#"<option value=""#).skip(1);
    options.map(|option| option.split('"').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn nothing_is_given_to_who_could_not_open_it() {
    let clinic = busy_ward().await;
    // On the team are an adviser on medicines, who has no inbox, and somebody without an account.
    clinic.put("Practitioner", "sam", r#""name":[{"family":"sam","given":["Dr"]}]"#).await;
    team(&clinic, "p1", &["asha", "nora", "leo", "ruth", "sam"]).await;
    let label = r#""meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]}"#;
    let members = r#""status":"requested","intent":"order","description":"Call","for":{"reference":"Patient/p1"},
        "authoredOn":"2027-01-04T12:00:00Z","requester":{"reference":"Practitioner/asha"}"#;
    clinic.put("Task", "sealed", &format!("{label},{members}")).await;
    let (mut asha, _) = look(&clinic, "asha", "/inbox").await;
    for (path, people) in [
        ("/inbox/tasks/ashas", vec!["asha", "nora", "leo", ""]),
        ("/inbox/tasks/sealed", vec!["asha", "nora", ""]),
        ("/inbox/messages/to-asha", vec!["asha", "nora", ""]),
    ] {
        let mut offered = offered(&clinic, &mut asha, path).await;
        offered.retain(|id| id != "zoe");
        assert_eq!(offered, people, "{path}");
        for nobody in ["ruth", "sam"].into_iter().chain((people.len() < 4).then_some("leo")) {
            let more = [("act", "assign"), ("owner", nobody), ("why", "You call")];
            let refused = act(&clinic, &mut asha, path, &more).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{path} {nobody}");
        }
    }
    let more = [("act", "assign"), ("owner", "leo"), ("why", "Call her about it")];
    assert_eq!(act(&clinic, &mut asha, "/inbox/tasks/ashas", &more).await.status, StatusCode::SEE_OTHER);
    let (mut leo, page) = look(&clinic, "leo", "/inbox").await;
    assert_eq!(order(&page), ["ashas"]);
    assert!(page.body.contains("Call her about it") && page.body.contains("ADEYEMI"), "{}", page.body);
    assert!(leo.get(&clinic, "/today").await.body.contains(r#"href="/inbox""#));
    // Back to who asked, or done.
    let back = offered(&clinic, &mut leo, "/inbox/tasks/ashas").await;
    assert_eq!(back, ["leo", "zoe", ""], "Zoe asked for it");
    let done = act(&clinic, &mut leo, "/inbox/tasks/ashas", &[("act", "done")]).await;
    assert!(done.location().starts_with("/inbox?done=done&task=ashas&version="), "{}", done.location());
    assert!(list(&clinic, &mut leo, "mine").await.is_empty());
    assert_eq!(clinic.one("Task", "ashas").await["status"], "completed");
}

#[tokio::test]
async fn of_two_who_act_the_second_is_told_and_keeps_what_they_typed() {
    let clinic = busy_ward().await;
    let (mut asha, _) = look(&clinic, "asha", "/inbox").await;
    let (mut nora, _) = look(&clinic, "nora", "/inbox").await;
    for path in ["/inbox/messages/to-house", "/inbox/tasks/refill"] {
        let late =
            form(&clinic, &mut nora, path, &[("act", "assign"), ("owner", "asha"), ("why", "Kept reason")]).await;
        let snoozed = act(&clinic, &mut asha, path, &[("act", "snooze"), ("until", "2027-01-06")]).await;
        assert_eq!(snoozed.status, StatusCode::SEE_OTHER);
        let told = nora.post(&clinic, path, &late).await;
        assert_eq!(told.status, StatusCode::CONFLICT, "{path}");
        for part in ["Somebody was here before you", "Snoozed until", "Kept reason"] {
            assert!(told.body.contains(part), "{part} in {}", told.body);
        }
        assert_eq!(act(&clinic, &mut asha, path, &[("act", "done")]).await.status, StatusCode::SEE_OTHER);
        let told = nora.post(&clinic, path, &late).await;
        assert_eq!(told.status, StatusCode::CONFLICT);
        assert!(told.body.contains("Somebody is done with this") && told.body.contains("Kept reason"), "{}", told.body);
    }
}

#[tokio::test]
async fn an_answer_is_in_the_chart_once_and_done_is_apart_from_it() {
    let clinic = busy_ward().await;
    let (mut asha, _) = look(&clinic, "asha", "/inbox").await;
    let path = "/inbox/messages/to-asha";
    let empty = act(&clinic, &mut asha, path, &[("act", "answer"), ("answer", " ")]).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    let form = form(&clinic, &mut asha, path, &[("act", "answer"), ("answer", "Come at two")]).await;
    for _ in 0..2 {
        assert_eq!(asha.post(&clinic, path, &form).await.location(), "/inbox?done=answer");
    }
    let sent: Vec<String> =
        held(&clinic, "Communication").await.into_iter().filter(|one| one.contains("Come at two")).collect();
    assert_eq!(sent.len(), 1);
    for part in [
        r#""recipient":[{"reference":"Patient/p1"}]"#,
        "Communication/to-asha",
        r#""sender":{"reference":"Practitioner/asha"}"#,
    ] {
        assert!(sent[0].contains(part), "{part} in {}", sent[0]);
    }
    assert!(list(&clinic, &mut asha, "mine").await.contains(&"to-asha".to_owned()));
    let done = act(&clinic, &mut asha, path, &[("act", "answer-done"), ("answer", "And bring the letter")]).await;
    assert!(done.location().starts_with("/inbox?done=answer-done&message=to-asha&version="), "{}", done.location());
    assert_eq!(list(&clinic, &mut asha, "mine").await, ["ashas"]);
    // What is no message is not answered.
    let task = act(&clinic, &mut asha, "/inbox/tasks/ashas", &[("act", "answer"), ("answer", "x")]).await;
    assert_eq!(task.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_lies_too_long_is_the_teams_too() {
    let clinic = busy_ward().await;
    clinic.advance(4 * DAY_MS);
    let (mut nora, _) = look(&clinic, "nora", "/inbox").await;
    let page = nora.get(&clinic, "/inbox?show=team").await;
    assert!(order(&page).contains(&"ashas"), "{:?}", order(&page));
    assert!(page.body.contains("Overdue for over 3 days: now also the team’s"), "{}", page.body);
}

#[tokio::test]
async fn today_counts_what_waits_and_tells_nothing_of_it() {
    let clinic = busy_ward().await;
    let (_, page) = look(&clinic, "asha", "/today").await;
    for part in [r#"<b class="n">1</b> message to you"#, r#"<b class="n">1</b> task of yours"#] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
    assert!(!page.body.contains("breath"));
    assert!(page.body.contains(r#"<a href="/inbox?show=mine"><b class="n">1</b> task of yours"#), "{}", page.body);
    clinic.seed("dora", Role::FrontDesk).await;
    let (_, page) = look(&clinic, "dora", "/today").await;
    assert!(page.status == StatusCode::OK && !page.body.contains("waits-too"), "{}", page.body);
}

#[tokio::test]
async fn what_is_snoozed_past_its_day_keeps_the_day() {
    let clinic = busy_ward().await;
    let (mut asha, _) = look(&clinic, "asha", "/inbox").await;
    let path = "/inbox/tasks/noras";
    let more = [("act", "snooze"), ("until", "2027-01-20")];
    assert_eq!(act(&clinic, &mut asha, path, &more).await.location(), "/inbox?done=snooze");
    assert!(asha.get(&clinic, path).await.body.contains("Due by <time>09-Jan-2027"));
    clinic.advance(17 * DAY_MS);
    let (mut nora, page) = look(&clinic, "nora", "/inbox?show=mine").await;
    assert!(order(&page).contains(&"noras") && page.body.contains("Overdue since"), "{}", page.body);
    assert!(list(&clinic, &mut nora, "team").await.contains(&"noras".to_owned()), "and it lay too long");
}

#[tokio::test]
async fn an_answer_sent_again_with_other_words_is_not_said_to_be_sent() {
    let clinic = busy_ward().await;
    let (mut asha, page) = look(&clinic, "asha", "/inbox/messages/to-asha").await;
    assert!(page.body.contains("/assets/once.js"), "{}", page.body);
    let path = "/inbox/messages/to-asha";
    let mut form = form(&clinic, &mut asha, path, &[("act", "answer"), ("answer", "Come at two")]).await;
    let set = |form: &mut Vec<(&'static str, String)>, name: &str, to: &str| {
        form.iter_mut().find(|(held, _)| *held == name).unwrap().1 = to.to_owned();
    };
    assert_eq!(asha.post(&clinic, path, &form).await.location(), "/inbox?done=answer");
    // Back, and other words: once as an answer, once with being done.
    for (name, words) in [("answer", "Come at three"), ("answer-done", "Come at four")] {
        set(&mut form, "answer", words);
        set(&mut form, "act", name);
        let told = asha.post(&clinic, path, &form).await;
        assert_eq!(told.status, StatusCode::CONFLICT, "{name}: {}", told.body);
        assert!(told.body.contains("was sent before") && told.body.contains(words), "{}", told.body);
        // The same words as before, and now with being done: the answer is not sent once more.
        set(&mut form, "answer", if name == "answer" { "Come at two" } else { "Come at three" });
        set(&mut form, "act", "answer-done");
        let known = asha.post(&clinic, path, &form).await;
        assert!(known.body.contains("The message is not done yet"), "{}", known.body);
        let fresh = told.after(r#"name="token" value=""#);
        assert_ne!(fresh, form.iter().find(|(held, _)| *held == "token").unwrap().1);
        for (field, to) in [("token", fresh.as_str()), ("answer", words), ("act", name)] {
            set(&mut form, field, to);
        }
        for times in ["once", "twice is once"] {
            let sent = asha.post(&clinic, path, &form).await;
            assert_eq!(sent.location().split('&').next(), Some(format!("/inbox?done={name}").as_str()), "{times}");
        }
    }
    let sent = held(&clinic, "Communication").await;
    let count = |words: &str| sent.iter().filter(|one| one.contains(words)).count();
    assert_eq!(["Come at two", "Come at three", "Come at four"].map(count), [1, 1, 1]);
}

#[tokio::test]
async fn what_names_a_role_a_team_or_nobody_is_in_a_list() {
    let clinic = busy_ward().await;
    let role = r#""organization":{"reference":"Organization/house"}"#;
    clinic.put("PractitionerRole", "on-call", role).await;
    for (id, to) in [("to-role", "PractitionerRole/asha-role"), ("to-team", "CareTeam/p1-team")] {
        message(&clinic, id, "Patient/p1", to, "Words").await;
    }
    let nobody = r#""status":"completed","subject":{"reference":"Patient/p1"},"sender":{"reference":"Patient/p1"},
        "sent":"2027-01-04T12:00:00Z","payload":[{"contentString":"Hello"}]"#;
    clinic.put("Communication", "to-nobody", nobody).await;
    for (id, owner) in [
        ("of-role", "PractitionerRole/asha-role"),
        ("of-house", "Organization/house"),
        ("of-team", "CareTeam/p1-team"),
        ("of-call", "PractitionerRole/on-call"),
    ] {
        let task = format!(
            r#""status":"requested","intent":"order","code":{{"text":"Do"}},"for":{{"reference":"Patient/p1"}},
            "authoredOn":"2027-01-04T12:00:00Z","owner":{{"reference":"{owner}"}}"#
        );
        clinic.put("Task", id, &task).await;
    }
    let sorted = |mut ids: Vec<String>| {
        ids.retain(|id| !["ashas", "noras", "refill", "to-asha", "to-house"].contains(&id.as_str()));
        ids.sort();
        ids
    };
    let team = ["of-call", "of-house", "of-team", "to-nobody", "to-team"];
    for (login, mine) in [("asha", vec!["of-role", "to-role"]), ("nora", vec![])] {
        let (mut browser, _) = look(&clinic, login, "/inbox").await;
        assert_eq!(sorted(list(&clinic, &mut browser, "mine").await), mine, "{login}");
        assert_eq!(sorted(list(&clinic, &mut browser, "team").await), team, "{login}");
        let all = sorted(list(&clinic, &mut browser, "all").await);
        assert_eq!(all, ["of-call", "of-house", "of-role", "of-team", "to-nobody", "to-role", "to-team"], "{login}");
    }
    // Who takes it stays who was written to.
    let (mut asha, page) = look(&clinic, "asha", "/today").await;
    assert!(page.body.contains(r#"<b class="n">2</b> messages to you"#), "{}", page.body);
    let path = "/inbox/messages/to-role";
    assert_eq!(act(&clinic, &mut asha, path, &[("act", "snooze"), ("until", "2027-01-06")]).await.status, 303);
    assert_eq!(act(&clinic, &mut asha, path, &[("act", "wake")]).await.status, StatusCode::SEE_OTHER);
    assert!(list(&clinic, &mut asha, "mine").await.contains(&"to-role".to_owned()));
    let (mut zoe, _) = look(&clinic, "zoe", "/inbox").await;
    assert_eq!(list(&clinic, &mut zoe, "all").await, ["maxs"], "and nothing of other charts");
}

#[tokio::test]
async fn a_message_says_what_of_it_is_not_shown_and_who_is_another_patient() {
    let clinic = busy_ward().await;
    let path = "/patients/p1/messages";
    let payload = r#""payload":[{"contentAttachment":{"contentType":"image/png","title":"Rash <b>"}},{"contentReference":{"reference":"DocumentReference/x"}}]"#;
    let members = format!(
        r#""status":"completed","subject":{{"reference":"Patient/p1"}},"sender":{{"reference":"Patient/p2"}},"sent":"2027-01-03T12:00:00Z",
        "recipient":[{{"reference":"Patient/p1"}}],{payload}"#
    );
    clinic.put("Communication", "picture", &members).await;
    clinic
        .put(
            "Communication",
            "empty",
            r#""status":"completed","subject":{"reference":"Patient/p1"},"sent":"2027-01-03T12:00:00Z""#,
        )
        .await;
    let (_, page) = look(&clinic, "asha", path).await;
    for part in [
        "An attachment, not shown here: a picture (image/png), “Rash &#60;b&#62;”.",
        "Something else, not shown here: DocumentReference.",
        "from another patient to the patient",
        "There are no words in this message.",
        "from the patient to Lakeside Clinic",
    ] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
}

#[tokio::test]
async fn all_messages_of_a_chart_are_reached_page_by_page_and_in_that_chart_alone() {
    let clinic = busy_ward().await;
    for at in 0..120 {
        let members = format!(
            r#""status":"completed","subject":{{"reference":"Patient/p1"}},"sent":"2026-12-01T12:00:{:02}Z","payload":[{{"contentString":"Old word {at}."}}]"#,
            at % 60
        );
        clinic.put("Communication", &format!("old-{at}"), &members).await;
    }
    let path = "/patients/p1/messages";
    let (mut asha, first) = look(&clinic, "asha", path).await;
    let from = first.after("/patients/p1/messages?from=");
    let second = asha.get(&clinic, &format!("{path}?from={from}")).await;
    assert!(second.body.contains("To the newest") && !second.body.contains("?from="), "{}", second.body);
    let is_on = |page: &Answer, at: i32| page.body.contains(&format!("Old word {at}."));
    for at in 0..120 {
        assert!(is_on(&first, at) != is_on(&second, at), "{at} is on one of them");
    }
    let other = asha.get(&clinic, &format!("/patients/p2/messages?from={from}")).await;
    assert!(other.status != StatusCode::OK && !other.body.contains("Old word"), "{}", other.status);
    let made_up = asha.get(&clinic, &format!("{path}?from=made-up")).await;
    assert!(made_up.status.is_client_error(), "{}", made_up.status);
}

const BEGIN: &str = "/patients/p1/tasks/new";

async fn begin(clinic: &Clinic, browser: &mut Browser, more: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let page = browser.get(clinic, BEGIN).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let mut form = vec![("csrf", page.csrf()), ("token", page.after(r#"name="token" value=""#))];
    form.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    form
}

#[tokio::test]
async fn a_task_of_no_result_is_begun_once_and_has_an_owner() {
    let clinic = busy_ward().await;
    let (mut asha, page) = look(&clinic, "asha", "/inbox").await;
    assert!(page.body.contains(r#"href="/patients?for=task""#), "{}", page.body);
    let find = [("csrf", page.csrf()), ("name", "adeyemi".to_owned()), ("number", String::new())];
    let found = asha.post(&clinic, "/patients?for=task", &find).await;
    let found = asha.get(&clinic, found.location()).await;
    assert!(found.body.contains(&format!(r#"href="{BEGIN}""#)), "{}", found.body);
    assert!(asha.get(&clinic, "/patients/p1").await.body.contains(BEGIN), "and from the chart");
    let before = held(&clinic, "Task").await.len();
    for (more, said) in [
        (vec![("subject", "Call about the knee")], "Say whose it is"),
        (vec![("owner", "leo")], "Say in a few words"),
        (vec![("owner", "ruth"), ("subject", "Call")], "Choose whose it is from the list"),
        (vec![("owner", "leo"), ("subject", "Call"), ("due", "2026-12-01")], "is over"),
        (vec![("owner", "leo"), ("subject", "Kept subject"), ("kind", "message"), ("words", "x")], "read no messages"),
    ] {
        let form = begin(&clinic, &mut asha, &more).await;
        let refused = asha.post(&clinic, BEGIN, &form).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{said}: {}", refused.body);
        assert!(refused.body.contains(said), "{said} in {}", refused.body);
        let kept = more.iter().find(|(name, _)| *name == "subject");
        assert!(kept.is_none_or(|(_, words)| refused.body.contains(words)), "{said}");
    }
    assert_eq!(held(&clinic, "Task").await.len(), before);
    let more = [
        ("kind", "task"),
        ("owner", "leo"),
        ("subject", "Call about the knee"),
        ("words", "She fell <b>"),
        ("due", "2027-01-06"),
    ];
    let form = begin(&clinic, &mut asha, &more).await;
    for _ in 0..2 {
        let saved = asha.post(&clinic, BEGIN, &form).await;
        assert_eq!(saved.location(), "/inbox?done=begun-task", "{}", saved.body);
    }
    let mut other = form.clone();
    other.iter_mut().filter(|(name, _)| *name == "subject").for_each(|(_, said)| *said = "Other words".to_owned());
    let told = asha.post(&clinic, BEGIN, &other).await;
    assert_eq!(told.status, StatusCode::CONFLICT, "{}", told.body);
    assert!(told.body.contains("sent before, with other words") && told.body.contains("Other words"), "{}", told.body);
    assert_eq!(held(&clinic, "Task").await.len(), before + 1, "once");
    let (mut leo, page) = look(&clinic, "leo", "/inbox?show=mine").await;
    for part in ["Call about the knee", "Dr asha: She fell &#60;b&#62;", "06-Jan-2027", "ADEYEMI"] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
    // Who makes no tasks learns of no such page, and nobody begins anything about whom they do not treat.
    assert_eq!(leo.get(&clinic, BEGIN).await.status, StatusCode::NOT_FOUND);
    assert!(!page.body.contains("for=task"), "{}", page.body);
    for login in ["zoe", "ruth", "fay", "petra"] {
        let (_, page) = look(&clinic, login, BEGIN).await;
        assert_ne!(page.status, StatusCode::OK, "{login}");
    }
}

#[tokio::test]
async fn a_message_is_begun_to_a_colleague_or_to_the_team() {
    let clinic = busy_ward().await;
    let (mut asha, _) = look(&clinic, "asha", "/inbox").await;
    let (mut nora, _) = look(&clinic, "nora", "/inbox").await;
    for (owner, list) in [("nora", "mine"), ("team", "team")] {
        let words = format!("Is she well, {owner}?");
        let more = [("kind", "message"), ("owner", owner), ("subject", "After the fall"), ("words", words.as_str())];
        let form = begin(&clinic, &mut asha, &more).await;
        for _ in 0..2 {
            let saved = asha.post(&clinic, BEGIN, &form).await;
            assert_eq!(saved.location(), "/inbox?done=begun-message", "{}", saved.body);
        }
        let page = nora.get(&clinic, &format!("/inbox?show={list}")).await;
        assert_eq!(page.body.matches(&words).count(), 1, "{}", page.body);
        assert!(page.body.contains("Message from Dr asha: After the fall"), "{}", page.body);
    }
    let chart = asha.get(&clinic, "/patients/p1/messages").await;
    assert!(chart.body.contains("Is she well, nora?") && chart.body.contains("After the fall"), "{}", chart.body);
}
