//! Orders: drafted by whom policy and licence let, signed with two identifiers typed again, waited for until they are answered.

use access::Role;
use fhir::Json;
use http::StatusCode;
use identity::{Connection, Licence};

use crate::clinic::{Answer, Browser, Clinic, MINUTE_MS};
use crate::ward::{self, look, ward};

const PAGE: &str = "/patients/p1/orders";
const NEW: &str = "/patients/p1/orders/new";
const REFER: &str = "/patients/p1/orders/refer";
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

type Fields = Vec<(&'static str, String)>;

/// The ward, with licences for its physicians.
pub async fn licensed_ward() -> Clinic {
    let clinic = ward().await;
    for login in ["asha", "zoe"] {
        license(&clinic, login, Some(Licence::new("A-1", "NY", "2026-01-01", "2027-12-31").unwrap())).await;
    }
    clinic
}

async fn license(clinic: &Clinic, login: &str, licence: Option<Licence>) {
    let root = clinic.identity.bearer("demo-root", &Connection::LOCAL).unwrap();
    let user = clinic.identity.bearer(&format!("demo-{login}"), &Connection::LOCAL).unwrap().user();
    clinic.identity.set_licence(&root, user, licence, &Connection::LOCAL).await.unwrap();
}

/// What the record holds of a type in Ruth's chart.
async fn held(clinic: &Clinic, kind: &str) -> Vec<String> {
    clinic.all(kind, &[("patient", "p1"), ("_sort", "_id")]).await
}

/// Orders that were made here, not those of the ward.
async fn orders(clinic: &Clinic) -> Vec<String> {
    held(clinic, "ServiceRequest").await.into_iter().filter(|one| one.contains("urn:wardstone:order")).collect()
}

fn status(resource: &str) -> String {
    Json::parse_str(resource).unwrap().get("status").unwrap().as_str().unwrap().to_owned()
}

fn id(resource: &str) -> String {
    Json::parse_str(resource).unwrap().get("id").unwrap().as_str().unwrap().to_owned()
}

fn with(page: &Answer, more: &[(&'static str, &str)]) -> Fields {
    let mut form = vec![("csrf", page.csrf()), ("token", page.after(r#"name="token" value=""#))];
    form.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    form
}

async fn draft(clinic: &Clinic, browser: &mut Browser, items: &[&str]) {
    let page = browser.get(clinic, NEW).await;
    let mut form = with(&page, &[("reason", "problem"), ("priority", "routine")]);
    form.extend(items.iter().map(|item| ("item", (*item).to_owned())));
    let answer = browser.post(clinic, NEW, &form).await;
    assert_eq!(
        (answer.status, answer.location()),
        (StatusCode::SEE_OTHER, "/patients/p1/orders?done=added"),
        "{}",
        answer.body
    );
}

/// The form of the signature with everything ticked.
pub fn signature(page: &Answer, initials: &str, year: &str) -> Fields {
    let mut form = vec![("csrf", page.csrf()), ("initials", initials.to_owned()), ("birth-year", year.to_owned())];
    for part in page.body.split(r#"name="order" value=""#).skip(1) {
        form.push(("order", part.split('"').next().unwrap().to_owned()));
    }
    form
}

async fn sign(clinic: &Clinic, browser: &mut Browser) -> Answer {
    let page = browser.get(clinic, PAGE).await;
    browser.post(clinic, PAGE, &signature(&page, "RA", "1968")).await
}

/// What the log says last of the two identifiers: outcome and the number of things it was about.
async fn confirmations(clinic: &Clinic) -> Vec<(String, usize)> {
    let log = clinic.record.store().log_reader();
    let mut found = Vec::new();
    for index in 0.. {
        let Some(entry) = log.get(index).unwrap() else { break };
        let Some(detail) = entry.detail else { continue };
        let event = audit::Event::decode(&detail).unwrap();
        if let Some(said) = event.subject.filter(|said| said.starts_with("identifiers typed again")) {
            found.push((said.to_owned(), event.objects.len()));
        }
    }
    found
}

#[tokio::test]
async fn tests_are_ordered_signed_and_waited_for_until_the_answer_was_seen() {
    let clinic = licensed_ward().await;
    let (mut browser, page) = look(&clinic, "asha", PAGE).await;
    assert!(page.body.contains("Order tests") && page.body.contains("Foot radiograph"), "{}", page.body);
    let page = browser.get(&clinic, NEW).await;
    assert!(page.body.contains("Gouty arthritis") && page.body.contains("Diabetes follow-up"), "{}", page.body);
    draft(&clinic, &mut browser, &["a1c", "lipid"]).await;
    let drafts = orders(&clinic).await;
    assert_eq!(drafts.iter().map(|one| status(one)).collect::<Vec<_>>(), ["draft", "draft"]);
    for part in [
        "us-core-servicerequest",
        "108252007",
        "Condition/problem",
        "Gouty arthritis",
        "Practitioner/asha",
        r#""intent":"order""#,
    ] {
        assert!(drafts[0].contains(part), "{part} in {}", drafts[0]);
    }
    assert!(drafts.iter().any(|one| one.contains("4548-4")) && drafts.iter().any(|one| one.contains("24331-1")));
    let signed = sign(&clinic, &mut browser).await;
    assert_eq!(
        (signed.status, signed.location()),
        (StatusCode::SEE_OTHER, "/patients/p1/orders?done=signed"),
        "{}",
        signed.body
    );
    let signed = orders(&clinic).await;
    assert!(
        signed.iter().all(|one| status(one) == "active" && one.contains("urn:wardstone:requisition")),
        "{signed:?}"
    );
    let tasks = held(&clinic, "Task").await;
    assert_eq!(tasks.len(), 2);
    for task in &tasks {
        // 14 days for a routine laboratory test.
        for part in
            ["Practitioner/asha", "ServiceRequest/", r#""end":"2027-01-18""#, r#""status":"requested""#, "Patient/p1"]
        {
            assert!(task.contains(part), "{part} in {task}");
        }
        assert!(!task.contains("Hemoglobin"), "it says nothing of what is ordered");
    }
    assert_eq!(held(&clinic, "Provenance").await.len(), 1);
    assert_eq!(confirmations(&clinic).await, [("identifiers typed again: they fit".to_owned(), 3)]);

    // It comes late, and then it comes.
    let a1c = id(signed.iter().find(|one| one.contains("4548-4")).unwrap());
    let place = format!("{PAGE}/{a1c}");
    clinic.advance(15 * DAY_MS);
    clinic.signed_in("asha", &mut browser).await;
    let mine = browser.get(&clinic, "/orders").await;
    assert!(
        mine.body.contains("2 open, 2 overdue, 0 with an answer") && mine.body.contains("ADEYEMI, Ruth"),
        "{}",
        mine.body
    );
    let report = format!(
        r#""status":"final","subject":{{"reference":"Patient/p1"}},"basedOn":[{{"reference":"ServiceRequest/{a1c}"}}],
        "code":{{"text":"A1c report"}},"issued":"2027-01-19T10:00:00Z""#
    );
    clinic.put("DiagnosticReport", "report", &report).await;
    let result = format!(
        r#""status":"final","subject":{{"reference":"Patient/p1"}},"basedOn":[{{"reference":"ServiceRequest/{a1c}"}}],
        "code":{{"text":"Hemoglobin A1c"}},"effectiveDateTime":"2027-01-19","valueQuantity":{{"value":7.4,"unit":"%"}}"#
    );
    clinic.put("Observation", "a1c-result", &result).await;
    let mine = browser.get(&clinic, "/orders").await;
    assert!(mine.body.contains("2 open, 1 overdue, 1 with an answer"), "{}", mine.body);
    let page = browser.get(&clinic, &place).await;
    for part in ["result in", "A1c report", "7.4 %", "The answer is seen: done"] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
    let version = |name: &str| page.after(&format!(r#"name="{name}" value=""#));
    let form = [
        ("csrf", page.csrf()),
        ("act", "seen".to_owned()),
        ("version", version("version")),
        ("task-version", version("task-version")),
    ];
    for _ in 0..2 {
        let seen = browser.post(&clinic, &place, &form).await;
        assert_eq!(seen.location(), "/patients/p1/orders?done=closed", "{}", seen.body);
    }
    let task = held(&clinic, "Task").await.into_iter().find(|task| task.contains(&a1c)).unwrap();
    assert!(status(&task) == "completed" && task.contains("DiagnosticReport/report"), "{task}");
    assert!(browser.get(&clinic, "/orders").await.body.contains("1 open, 1 overdue, 0 with an answer"));
}

#[tokio::test]
async fn what_does_not_fit_the_patient_signs_nothing_loses_nothing_and_is_in_the_log() {
    let clinic = licensed_ward().await;
    let (mut browser, _) = look(&clinic, "asha", PAGE).await;
    draft(&clinic, &mut browser, &["cbc", "tsh"]).await;
    let page = browser.get(&clinic, PAGE).await;
    for (initials, year, said) in [
        ("MB", "1950", "initials: does not fit"),
        ("RA", "1950", "year of birth: does not fit"),
        ("", "", "initials: does not fit"),
    ] {
        let mut form = signature(&page, initials, year);
        // One of the two was not ticked.
        form.pop();
        let refused = browser.post(&clinic, PAGE, &form).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.body.contains("Nothing was signed") && refused.body.contains(said), "{said}: {}", refused.body);
        assert!(refused.body.contains(&format!(r#"value="{initials}""#)) || initials.is_empty());
        assert_eq!(refused.body.matches(" checked>").count(), 1, "what was left out stays out");
    }
    assert!(orders(&clinic).await.iter().all(|one| status(one) == "draft"));
    assert!(held(&clinic, "Task").await.is_empty());
    let tried = confirmations(&clinic).await;
    assert_eq!(tried, vec![("identifiers typed again: they do not fit".to_owned(), 2); 3]);
    let none = browser.post(&clinic, PAGE, &signature(&page, "RA", "1968")[..3]).await;
    assert!(none.body.contains("tick at least one draft"), "{}", none.body);
    // However they are typed.
    let signed = browser.post(&clinic, PAGE, &signature(&page, " r.a. ", "1968")).await;
    assert_eq!(signed.location(), "/patients/p1/orders?done=signed", "{}", signed.body);
}

#[tokio::test]
async fn forms_sent_twice_and_at_once_draft_and_sign_once() {
    let clinic = licensed_ward().await;
    let (mut browser, page) = look(&clinic, "asha", NEW).await;
    let mut form = with(&page, &[("item", "a1c"), ("item", "bmp"), ("reason", "problem")]);
    for _ in 0..2 {
        assert_eq!(browser.post(&clinic, NEW, &form).await.location(), "/patients/p1/orders?done=added");
    }
    assert_eq!(orders(&clinic).await.len(), 2);
    // Back, and something else in it.
    form.push(("priority", "urgent".to_owned()));
    let stale = browser.post(&clinic, NEW, &form).await;
    assert_eq!(stale.status, StatusCode::CONFLICT);
    assert!(
        stale.body.contains("was sent before") && stale.body.contains(r#"value="urgent" checked"#),
        "{}",
        stale.body
    );
    assert_eq!(orders(&clinic).await.len(), 2);
    form.iter_mut().find(|(name, _)| *name == "token").unwrap().1 = stale.after(r#"name="token" value=""#);
    assert_eq!(browser.post(&clinic, NEW, &form).await.status, StatusCode::SEE_OTHER);
    assert_eq!(orders(&clinic).await.len(), 4);
    let page = browser.get(&clinic, PAGE).await;
    let form = signature(&page, "RA", "1968");
    let mut other = Browser::new();
    clinic.signed_in("asha", &mut other).await;
    let csrf = other.get(&clinic, PAGE).await.csrf();
    let mut second = form.clone();
    second[0].1 = csrf;
    let (one, two) = tokio::join!(browser.post(&clinic, PAGE, &form), other.post(&clinic, PAGE, &second));
    assert_eq!([one.location(), two.location()], ["/patients/p1/orders?done=signed"; 2], "{} {}", one.body, two.body);
    assert_eq!((held(&clinic, "Task").await.len(), held(&clinic, "Provenance").await.len()), (4, 1));
}

#[tokio::test]
async fn a_draft_that_changed_is_not_signed_and_nothing_typed_is_lost() {
    let clinic = licensed_ward().await;
    ward::team(&clinic, "p1", &["asha", "zoe", "nora"]).await;
    let (mut asha, _) = look(&clinic, "asha", PAGE).await;
    draft(&clinic, &mut asha, &["cbc"]).await;
    let page = asha.get(&clinic, PAGE).await;
    let place = format!("{PAGE}/{}", id(&orders(&clinic).await[0]));
    let (mut zoe, order) = look(&clinic, "zoe", &place).await;
    let change = |version: &str, note: &str| {
        vec![
            ("csrf", order.csrf()),
            ("act", "change".to_owned()),
            ("version", version.to_owned()),
            ("reason-text", "Tired for weeks".to_owned()),
            ("priority", "urgent".to_owned()),
            ("note", note.to_owned()),
        ]
    };
    assert_eq!(zoe.post(&clinic, &place, &change("1", "With differential")).await.status, StatusCode::SEE_OTHER);
    let stale = asha.post(&clinic, PAGE, &signature(&page, "RA", "1968")).await;
    assert!(
        stale.status == StatusCode::CONFLICT && stale.body.contains("a draft changed after you looked"),
        "{}",
        stale.body
    );
    let late = zoe.post(&clinic, &place, &change("1", "Fasting, please")).await;
    assert!(late.status == StatusCode::CONFLICT && late.body.contains("Fasting, please"), "{}", late.body);
    let now = orders(&clinic).await;
    assert!(
        now[0].contains("With differential") && now[0].contains("58410-2") && !now[0].contains("Condition/problem"),
        "{now:?}"
    );
    // Without a reason it is not saved, and what was typed stays.
    let mut empty = change("2", "kept text");
    empty.retain(|(name, _)| *name != "reason-text");
    let refused = zoe.post(&clinic, &place, &empty).await;
    assert!(
        refused.status == StatusCode::UNPROCESSABLE_ENTITY && refused.body.contains("kept text"),
        "{}",
        refused.body
    );
    let discard = [("csrf", order.csrf()), ("act", "discard".to_owned()), ("version", "2".to_owned())];
    assert_eq!(zoe.post(&clinic, &place, &discard).await.location(), "/patients/p1/orders?done=discarded");
    assert!(!asha.get(&clinic, PAGE).await.body.contains("Complete blood count"));
}

#[tokio::test]
async fn an_order_is_cancelled_or_closed_with_a_reason_by_whom_policy_lets() {
    let clinic = licensed_ward().await;
    let (mut asha, _) = look(&clinic, "asha", PAGE).await;
    draft(&clinic, &mut asha, &["cbc", "tsh"]).await;
    sign(&clinic, &mut asha).await;
    let all = orders(&clinic).await;
    let place = |at: usize| format!("{PAGE}/{}", id(&all[at]));
    let form = |page: &Answer, act: &str, why: &str| {
        let version = |name: &str| page.after(&format!(r#"name="{name}" value=""#));
        vec![
            ("csrf", page.csrf()),
            ("act", act.to_owned()),
            ("version", version("version")),
            ("task-version", version("task-version")),
            ("why", why.to_owned()),
        ]
    };
    let page = asha.get(&clinic, &place(0)).await;
    let silent = asha.post(&clinic, &place(0), &form(&page, "cancel", " - ")).await;
    assert!(silent.status == StatusCode::UNPROCESSABLE_ENTITY && silent.body.contains("Say why"), "{}", silent.body);
    let done = asha.post(&clinic, &place(0), &form(&page, "cancel", "Drawn elsewhere yesterday")).await;
    assert_eq!(done.location(), "/patients/p1/orders?done=cancelled", "{}", done.body);
    // Sent twice it is done once; who was second with another reason is told, and reads both.
    let twice = asha.post(&clinic, &place(0), &form(&page, "cancel", "Drawn elsewhere yesterday")).await;
    assert_eq!(twice.location(), "/patients/p1/orders?done=cancelled", "{}", twice.body);
    let second = asha.post(&clinic, &place(0), &form(&page, "cancel", "Patient refused <it>")).await;
    assert_eq!(second.status, StatusCode::CONFLICT);
    for said in ["ended before you", "Patient refused &#60;it&#62;", "Drawn elsewhere yesterday"] {
        assert!(second.body.contains(said), "{said}: {}", second.body);
    }
    let other = asha.post(&clinic, &place(0), &form(&page, "close", "Came by letter")).await;
    assert!(other.status == StatusCode::CONFLICT && other.body.contains("Came by letter"), "{}", other.body);
    let held_order = orders(&clinic).await.into_iter().find(|one| id(one) == id(&all[0])).unwrap();
    assert!(status(&held_order) == "revoked" && held_order.contains("Drawn elsewhere yesterday"), "{held_order}");
    // A nurse sees what was ordered, closes the waiting, and cancels nothing.
    let (mut nora, page) = look(&clinic, "nora", &place(1)).await;
    assert!(page.body.contains("Close without a result") && !page.body.contains("Cancel the order"), "{}", page.body);
    let refused = nora.post(&clinic, &place(1), &form(&page, "cancel", "not hers to cancel")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let closed = nora.post(&clinic, &place(1), &form(&page, "close", "Patient moved away")).await;
    assert_eq!(closed.location(), "/patients/p1/orders?done=closed", "{}", closed.body);
    let page = asha.get(&clinic, &place(1)).await;
    assert!(page.body.contains("closed without a result") && page.body.contains("Patient moved away"), "{}", page.body);
}

#[tokio::test]
async fn each_role_does_what_policy_and_licence_let_it() {
    let clinic = licensed_ward().await;
    ward::team(&clinic, "p1", &["asha", "nora", "leo", "zed"]).await;
    clinic.seed_practitioner("zed", Role::Physician).await;
    license(&clinic, "zed", None).await;
    for (login, page_status, may) in [
        ("asha", StatusCode::OK, true),
        // A physician without a licence in force reads orders and makes none.
        ("zed", StatusCode::OK, false),
        ("nora", StatusCode::OK, false),
        ("zoe", StatusCode::SEE_OTHER, false),
        ("leo", StatusCode::FORBIDDEN, false),
        ("ruth", StatusCode::FORBIDDEN, false),
        ("fay", StatusCode::FORBIDDEN, false),
        ("ben", StatusCode::FORBIDDEN, false),
        ("petra", StatusCode::FORBIDDEN, false),
    ] {
        let (mut browser, page) = look(&clinic, login, PAGE).await;
        assert_eq!(page.status, page_status, "{login}: {}", page.body);
        assert_eq!(page.body.contains("Order tests"), may, "{login}");
        assert_eq!(page.body.contains(r#"href="/orders""#), may, "{login}");
        if may {
            continue;
        }
        let me = browser.get(&clinic, "/me").await;
        let form = [("csrf", me.csrf()), ("item", "cbc".to_owned()), ("reason-text", "because".to_owned())];
        for place in [NEW, REFER, PAGE] {
            let answer = browser.post(&clinic, place, &form).await;
            assert_ne!(answer.status, StatusCode::OK, "{login} {place}");
        }
        assert!(orders(&clinic).await.is_empty(), "{login}");
        if login != "zoe" {
            assert_eq!(browser.get(&clinic, "/orders").await.status, StatusCode::FORBIDDEN, "{login}");
        }
    }
}

#[tokio::test]
async fn sets_and_favourites_fill_the_form_and_favourites_are_ones_own() {
    let clinic = licensed_ward().await;
    let (mut asha, page) = look(&clinic, "asha", NEW).await;
    let ticked = |page: &Answer, item: &str| page.body.contains(&format!(r#"name="item" value="{item}" checked"#));
    let set = asha.post(&clinic, NEW, &with(&page, &[("set", "diabetes"), ("item", "cbc"), ("note", "Fasting")])).await;
    for item in ["a1c", "bmp", "lipid", "uacr", "cbc"] {
        assert!(ticked(&set, item), "{item}");
    }
    assert!(!ticked(&set, "tsh") && set.body.contains("Fasting"), "{}", set.body);
    let starred = asha.post(&clinic, NEW, &with(&page, &[("star", "+tsh"), ("item", "cbc")])).await;
    assert!(starred.body.contains("Take TSH off my favourites") && ticked(&starred, "cbc"), "{}", starred.body);
    asha.post(&clinic, NEW, &with(&page, &[("star", "+tsh")])).await;
    asha.post(&clinic, NEW, &with(&page, &[("star", "+chest")])).await;
    let page = asha.get(&clinic, NEW).await;
    assert_eq!(page.body.matches("off my favourites").count(), 2);
    assert_eq!(page.body.matches(r#"name="item" value="tsh""#).count(), 1, "each order stands once");
    let (_, other) = look(&clinic, "zoe", "/patients/p2/orders/new").await;
    assert!(!other.body.contains("off my favourites"), "{}", other.body);
    let off = asha.post(&clinic, NEW, &with(&page, &[("star", "-tsh")])).await;
    assert_eq!(off.body.matches("off my favourites").count(), 1);
    assert!(held(&clinic, "List").await.is_empty(), "they lie in no chart");
}

#[tokio::test]
async fn bad_input_is_refused_with_all_that_was_filled_in_kept() {
    let clinic = licensed_ward().await;
    let (mut browser, page) = look(&clinic, "asha", NEW).await;
    let long = "x".repeat(201);
    for (typed, said) in [
        (vec![("reason", "problem")], "Tick at least one order"),
        (vec![("item", "cbc")], "Say why"),
        (vec![("item", "cbc"), ("reason", "elsewhere")], "no longer on the list"),
        (vec![("item", "cbc"), ("reason", "problem"), ("wanted", "2027-01-03")], "This day is over"),
        (vec![("item", "cbc"), ("reason", "problem"), ("wanted", "2030-01-03")], "more than two years"),
        (vec![("item", "cbc"), ("reason", "problem"), ("wanted", "soon")], "This is no day"),
        (vec![("other", &*long), ("reason", "problem")], "name of the order is too long"),
    ] {
        let refused = browser.post(&clinic, NEW, &with(&page, &typed)).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{said}");
        assert!(refused.body.contains(said) && refused.body.contains("still here"), "{said}: {}", refused.body);
        assert!(typed.iter().all(|(_, value)| *value == "elsewhere" || refused.body.contains(value)), "{typed:?}");
    }
    let markup = browser.post(&clinic, NEW, &with(&page, &[("other", "\"><script>x</script>")])).await;
    assert!(!markup.body.contains("<script>x"), "{}", markup.body);
    let refused = browser.post(&clinic, REFER, &with(&page, &[("reason", "problem"), ("to", "Dr Who")])).await;
    for part in ["Choose a specialty", "Write the question", "Dr Who"] {
        assert!(refused.body.contains(part), "{part} in {}", refused.body);
    }
    assert!(orders(&clinic).await.is_empty());
}

#[tokio::test]
async fn a_referral_has_a_letter_with_what_goes_along_and_says_that_nothing_is_sent() {
    let clinic = licensed_ward().await;
    let (mut browser, page) = look(&clinic, "asha", REFER).await;
    assert!(page.body.contains("Progress note, 02-Dec-2026"), "{}", page.body);
    let form = with(
        &page,
        &[
            ("specialty", "394579002"),
            ("to", "Dr Lund, Heart Practice, fax 555-0100"),
            ("note", "Is this angina?\nPlease take over."),
            ("reason", "problem"),
            ("priority", "urgent"),
            ("attach", "note"),
            ("attach", "of-somebody-else"),
        ],
    );
    let drafted = browser.post(&clinic, REFER, &form).await;
    assert_eq!(drafted.status, StatusCode::SEE_OTHER, "{}", drafted.body);
    let order = orders(&clinic).await.remove(0);
    for part in ["3457005", "394579002", "Referral to cardiology", "DocumentReference/note", "Dr Lund"] {
        assert!(order.contains(part), "{part} in {order}");
    }
    assert!(!order.contains("of-somebody-else"));
    let letter = format!("{PAGE}/{}/letter", id(&order));
    assert_eq!(browser.get(&clinic, &letter).await.status, StatusCode::NOT_FOUND, "no letter before it is signed");
    assert_eq!(sign(&clinic, &mut browser).await.status, StatusCode::SEE_OTHER);
    let page = browser.get(&clinic, &letter).await;
    for part in [
        "Nothing is transmitted",
        "Is this angina?",
        "Dr Lund, Heart Practice",
        "ADEYEMI",
        "14-Jul-1968",
        ward::MRN,
        "Gouty arthritis",
        "allopurinol 100 mg",
        "Penicillin: anaphylaxis, severe",
        "Gout flare",
        "Dr asha",
        "Urgent",
    ] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
    // Two weeks for an urgent one; a letter that comes back and names it answers it.
    assert!(held(&clinic, "Task").await[0].contains(r#""end":"2027-01-18""#));
    let reply = format!(
        r#""subject":{{"reference":"Patient/p1"}},"status":"current","type":{{"text":"Consult note"}},"date":"2027-01-10T10:00:00Z",
        "context":{{"related":[{{"reference":"ServiceRequest/{}"}}]}},
        "content":[{{"attachment":{{"contentType":"text/plain","data":"aGk="}}}}]"#,
        id(&order)
    );
    clinic.put("DocumentReference", "reply", &reply).await;
    let page = browser.get(&clinic, PAGE).await;
    assert!(page.body.contains("result in"), "{}", page.body);
}

#[tokio::test]
async fn an_order_of_another_chart_is_no_order_here() {
    let clinic = licensed_ward().await;
    ward::team(&clinic, "p2", &["zoe", "asha"]).await;
    let (mut browser, _) = look(&clinic, "asha", PAGE).await;
    draft(&clinic, &mut browser, &["cbc"]).await;
    let draft_id = id(&orders(&clinic).await[0]);
    assert_eq!(browser.get(&clinic, &format!("/patients/p2/orders/{draft_id}")).await.status, StatusCode::NOT_FOUND);
    // Signed from the other patient's page, with that patient's identifiers.
    let page = browser.get(&clinic, "/patients/p2/orders").await;
    let form = [
        ("csrf", page.csrf()),
        ("initials", "MB".to_owned()),
        ("birth-year", "1950".to_owned()),
        ("order", format!("{draft_id}.1")),
    ];
    let refused = browser.post(&clinic, "/patients/p2/orders", &form).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.body);
    assert_eq!(status(&orders(&clinic).await[0]), "draft");
}

/// The inbox's form of a task, with an act.
async fn inbox_act(clinic: &Clinic, browser: &mut Browser, path: &str, more: &[(&'static str, &str)]) -> Answer {
    let page = browser.get(clinic, path).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let mut form = with(&page, more);
    form.push(("version", page.after(r#"name="version" value=""#)));
    browser.post(clinic, path, &form).await
}

#[tokio::test]
async fn the_inbox_leads_to_an_order_and_does_not_end_its_waiting() {
    let clinic = licensed_ward().await;
    let (mut browser, _) = look(&clinic, "asha", PAGE).await;
    draft(&clinic, &mut browser, &["a1c"]).await;
    assert_eq!(sign(&clinic, &mut browser).await.status, StatusCode::SEE_OTHER);
    let task = id(&held(&clinic, "Task").await[0]);
    let order = format!("{PAGE}/{}", id(&orders(&clinic).await[0]));
    let list = browser.get(&clinic, "/inbox").await;
    let item = list.body.split(&format!(r#"<li id="i-{task}""#)).nth(1).unwrap().split("</li>").next().unwrap();
    assert!(item.contains(&format!(r#"href="{order}""#)) && item.contains("Order"), "{item}");
    assert!(!item.contains(r#"value="done""#) && !item.contains(r#"data-key="e""#), "{item}");
    let path = format!("/inbox/tasks/{task}");
    let page = browser.get(&clinic, &path).await;
    assert!(
        page.body.contains(&format!(r#"href="{order}""#)) && !page.body.contains(r#"value="done""#),
        "{}",
        page.body
    );
    let refused = inbox_act(&clinic, &mut browser, &path, &[("act", "done")]).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.body);
    assert_eq!(status(&held(&clinic, "Task").await[0]), "requested");
    assert!(browser.get(&clinic, "/orders").await.body.contains("1 open, 0 overdue"), "it still waits");
}

#[tokio::test]
async fn an_order_is_due_until_the_end_of_the_clinics_day_and_keeps_its_day_while_it_is_snoozed() {
    let clinic = licensed_ward().await;
    let (mut browser, _) = look(&clinic, "asha", PAGE).await;
    draft(&clinic, &mut browser, &["a1c"]).await;
    assert_eq!(sign(&clinic, &mut browser).await.status, StatusCode::SEE_OTHER);
    let path = format!("/inbox/tasks/{}", id(&held(&clinic, "Task").await[0]));
    // Due on 18-Jan; it is 22:00 of that day in New York, and the next one by the clock of Greenwich.
    clinic.advance(14 * DAY_MS + 12 * 60 * MINUTE_MS);
    clinic.signed_in("asha", &mut browser).await;
    let page = browser.get(&clinic, &path).await;
    assert!(page.body.contains("Due by <time>18-Jan-2027") && !page.body.contains("Overdue"), "{}", page.body);
    // On its day, and past it.
    for until in ["2027-01-19", "2027-01-25"] {
        let snoozed = inbox_act(&clinic, &mut browser, &path, &[("act", "snooze"), ("until", until)]).await;
        assert_eq!(snoozed.status, StatusCode::SEE_OTHER, "{}", snoozed.body);
        let page = browser.get(&clinic, &path).await;
        assert!(page.body.contains("18-Jan-2027"), "{until}: {}", page.body);
    }
    let task = Json::parse_str(&held(&clinic, "Task").await[0]).unwrap().into_owned();
    let period = task.get("restriction").unwrap().get("period").unwrap();
    assert!(
        period.get("start").is_some() && period.get("end").is_none(),
        "a period that is over before it begins is none"
    );
    clinic.advance(DAY_MS);
    clinic.signed_in("asha", &mut browser).await;
    assert!(browser.get(&clinic, "/orders").await.body.contains("1 open, 1 overdue"), "asleep, and overdue");
    clinic.advance(10 * DAY_MS);
    clinic.signed_in("asha", &mut browser).await;
    assert!(browser.get(&clinic, &path).await.body.contains("Overdue since <time>18-Jan-2027"));
    // Back in the list it is as it was.
    assert_eq!(
        inbox_act(&clinic, &mut browser, &path, &[("act", "snooze"), ("until", "2027-02-25")]).await.status,
        303
    );
    assert_eq!(inbox_act(&clinic, &mut browser, &path, &[("act", "wake")]).await.status, StatusCode::SEE_OTHER);
    let task = held(&clinic, "Task").await.remove(0);
    assert!(task.contains(r#""period":{"end":"2027-01-18"}"#) && !task.contains("extension"), "{task}");
}

#[tokio::test]
async fn a_signature_that_comes_after_another_is_told_so_when_no_draft_is_left() {
    let clinic = licensed_ward().await;
    let (mut browser, _) = look(&clinic, "asha", PAGE).await;
    draft(&clinic, &mut browser, &["cbc"]).await;
    let form = signature(&browser.get(&clinic, PAGE).await, "RA", "1968");
    // The only draft goes.
    let draft = orders(&clinic).await.remove(0);
    let place = format!("{PAGE}/{}", id(&draft));
    let page = browser.get(&clinic, &place).await;
    let discard =
        [("csrf", page.csrf()), ("act", "discard".to_owned()), ("version", page.after(r#"name="version" value=""#))];
    let gone = browser.post(&clinic, &place, &discard).await;
    assert_eq!(gone.status, StatusCode::SEE_OTHER, "{}", gone.body);
    let late = browser.post(&clinic, PAGE, &form).await;
    assert_eq!(late.status, StatusCode::CONFLICT, "{}", late.body);
    assert!(late.body.contains("Nothing was signed"), "{}", late.body);
}
