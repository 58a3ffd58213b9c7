//! The day: what each role sees of it, what is done with an appointment, and what happens when two do it at once.

use access::{Caller, CallerParts, Facts, Purpose, Role, RoleSet, UserId};
use http::StatusCode;
use http_body_util::BodyExt;
use identity::Connection;
use record::ResourceKey;
use serde_json::{Value, json};

use crate::clinic::{Answer, Browser, Clinic, MINUTE_MS};

/// 10:00 in New York on the day on which the clinic stands.
const MORNING: &str = "2027-01-04T15:00:00Z";
const DAY: &str = "2027-01-04";

/// A clinic with a doctor, a colleague, a front desk, and people who come.
pub struct Day {
    pub clinic: Clinic,
    pub doctor: String,
    pub colleague: String,
    pub appointments: Vec<String>,
    pub patients: Vec<String>,
}

impl Day {
    /// Each appointment is family name, start, and whether it is with the colleague.
    pub async fn with(appointments: &[(&str, &str, bool)]) -> Self {
        let clinic = Clinic::new().await;
        let system = system();
        let root = clinic.identity.bearer("demo-root", &Connection::LOCAL).unwrap();
        let mut staff = Vec::new();
        for (given, family) in [("Asha", "Rao"), ("Daniel", "Osei")] {
            let person = json!({"resourceType": "Practitioner", "name": [{"family": family, "given": [given], "suffix": ["MD"]}]});
            staff.push(created(&clinic, &system, &person).await);
        }
        let row = clinic.record.practitioner_link(&root, &staff[0]).await.unwrap().row;
        clinic.seed_as("asha", Role::Physician, Some(row)).await;
        clinic.seed("fay", Role::FrontDesk).await;
        clinic.seed("ben", Role::Billing).await;
        for id in &staff {
            let actor = json!([{"reference": format!("Practitioner/{id}")}]);
            created(&clinic, &system, &json!({"resourceType": "Schedule", "active": true, "actor": actor})).await;
        }
        let (mut ids, mut patients) = (Vec::new(), Vec::new());
        for (family, start, is_with_colleague) in appointments {
            let with = &staff[usize::from(*is_with_colleague)];
            let patient = json!({"resourceType": "Patient", "name": [{"family": family, "given": ["Ruth"]}], "birthDate": "1968-07-14",
                "generalPractitioner": [{"reference": format!("Practitioner/{with}")}],
                "communication": [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "es"}], "text": "Spanish"}}]});
            let patient = created(&clinic, &system, &patient).await;
            let end = start.parse::<jiff::Timestamp>().unwrap() + jiff::SignedDuration::from_mins(30);
            let participant = json!([
                {"actor": {"reference": format!("Patient/{patient}")}, "status": "accepted"},
                {"actor": {"reference": format!("Practitioner/{with}")}, "status": "accepted"},
                {"type": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/participant-type", "code": "translator"}]}], "status": "needs-action"}]);
            let appointment = json!({"resourceType": "Appointment", "status": "booked", "start": start, "end": end.to_string(),
                "reasonCode": [{"text": format!("Knee of {family}")}], "participant": participant});
            ids.push(created(&clinic, &system, &appointment).await);
            patients.push(patient);
        }
        let [doctor, colleague] = staff.try_into().unwrap();
        Self { clinic, doctor, colleague, appointments: ids, patients }
    }

    pub async fn browser(&self, login: &str) -> Browser {
        let mut browser = Browser::new();
        self.clinic.signed_in(login, &mut browser).await;
        browser
    }

    pub async fn held(&self, kind: &str, id: &str) -> Value {
        self.clinic.one(kind, id).await
    }

    async fn encounters(&self, patient: &str) -> Vec<Value> {
        self.all("Encounter", "patient", patient).await
    }

    pub async fn all(&self, kind: &str, param: &str, value: &str) -> Vec<Value> {
        self.clinic.all(kind, &[(param, value)]).await.iter().map(|one| serde_json::from_str(one).unwrap()).collect()
    }
}

/// What fills the record, as an interface would.
pub fn system() -> Caller {
    let parts = CallerParts {
        user: UserId(999),
        login: "system".to_owned(),
        roles: RoleSet::of(Role::Integration),
        purpose: Purpose::Treatment,
        own_chart: None,
        proxies: Vec::new(),
        broken_glass: Vec::new(),
        scopes: None,
        practitioner: None,
        family: None,
        session: 1,
        device: None,
        facts: Facts::GOOD,
        network: std::net::Ipv4Addr::LOCALHOST.into(),
        country: None,
        user_agent: "test".to_owned(),
        request_id: 1,
        time_ms: 1_799_074_800_000,
    };
    Caller::established(parts).unwrap()
}

pub async fn created(clinic: &Clinic, caller: &Caller, resource: &Value) -> String {
    let kind = record::types::parse(resource["resourceType"].as_str().unwrap()).unwrap();
    clinic.record.create(caller, kind, resource.to_string().as_bytes(), None).await.unwrap().id
}

/// The fields of an act on the first line of a page.
fn form(page: &Answer, act: &str) -> Vec<(&'static str, String)> {
    let field = |name: &str| page.after(&format!(r#"name="{name}" value=""#));
    let names = ["csrf", "id", "version", "day", "who"];
    names.into_iter().map(|name| (name, field(name))).chain([("act", act.to_owned())]).collect()
}

#[tokio::test]
async fn each_role_sees_what_policy_shows_it_of_the_day() {
    let day = Day::with(&[("Adeyemi", MORNING, false), ("Brook", MORNING, true)]).await;
    let clinic = &day.clinic;

    let desk = day.browser("fay").await.get(clinic, "/today").await;
    for shown in [
        "ADEYEMI, Ruth",
        "BROOK, Ruth",
        "14-Jul-1968",
        "(58y)",
        "Spanish",
        "interpreter to be found",
        "Daniel Osei MD",
        ">10:00<",
    ] {
        assert!(desk.body.contains(shown), "{shown}: {}", desk.body);
    }
    assert!(!desk.body.contains("Knee of") && !desk.body.contains("Reason"), "never why they come");
    assert!(desk.body.contains("Check in") && !desk.body.contains("Start visit"));

    // Oneself by default; of a colleague's only whom one treats.
    let mut physician = day.browser("asha").await;
    let own = physician.get(clinic, "/today").await;
    assert!(own.body.contains("Knee of Adeyemi") && !own.body.contains("BROOK"), "{}", own.body);
    let all = physician.get(clinic, "/today?who=all").await;
    assert!(all.body.contains("ADEYEMI") && !all.body.contains("BROOK"));
    let theirs = physician.get(clinic, &format!("/today?who={}", day.colleague)).await;
    assert!(theirs.body.contains("No appointments with Daniel Osei MD"), "{}", theirs.body);

    for login in ["ben", "root"] {
        let mut browser = day.browser(login).await;
        for path in ["/today", "/today/list", "/today/events?day=2027-01-04"] {
            assert_eq!(browser.get(clinic, path).await.status, StatusCode::NOT_FOUND, "{login} {path}");
        }
        assert!(!browser.get(clinic, "/me").await.body.contains("/today"), "{login} has no entry");
    }
    assert_eq!(Browser::new().get(clinic, "/today").await.location(), "/signin");
}

#[tokio::test]
async fn the_days_list_is_that_of_the_clinics_own_day() {
    let early = "2027-01-04T05:00:00Z";
    let lines = [
        ("Eve", "2027-01-04T04:59:00Z", false),
        ("Early", early, false),
        ("Late", "2027-01-05T04:59:00Z", false),
        ("After", "2027-01-05T05:00:00Z", false),
    ];
    let day = Day::with(&lines).await;
    let mut desk = day.browser("fay").await;
    let today = desk.get(&day.clinic, "/today").await;
    assert!(today.body.contains("Monday 04-Jan-2027"), "{}", today.body);
    let shown = |page: &Answer| ["EVE,", "EARLY,", "LATE,", "AFTER,"].map(|name| page.body.contains(name));
    assert_eq!(shown(&today), [false, true, true, false]);
    assert!(today.body.contains(">00:00<") && today.body.contains(">23:59<"));
    let before = desk.get(&day.clinic, "/today?day=2027-01-03").await;
    assert_eq!(shown(&before), [true, false, false, false]);
    // The clock of the clinic passes midnight, five hours after that of UTC; the front desk is still at work.
    day.clinic.advance(13 * 60 * MINUTE_MS + 59 * MINUTE_MS);
    let mut late = day.browser("fay").await;
    let next = late.get(&day.clinic, "/today").await;
    assert!(next.body.contains("Tuesday 05-Jan-2027") && shown(&next) == [false, false, false, true], "{}", next.body);
    for wrong in ["/today?day=2027-02-30", "/today?day=yesterday", "/today?who=a%20b"] {
        assert_eq!(late.get(&day.clinic, wrong).await.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
}

#[tokio::test]
async fn somebody_is_checked_in_called_in_and_leaves() {
    let day = Day::with(&[("Adeyemi", MORNING, false)]).await;
    let (clinic, id) = (&day.clinic, &day.appointments[0]);
    let mut desk = day.browser("fay").await;
    let page = desk.get(clinic, "/today").await;
    let done = desk.post(clinic, "/today/act", &form(&page, "check-in")).await;
    assert_eq!(
        (done.status, done.location()),
        (StatusCode::SEE_OTHER, format!("/today?day={DAY}&who=all#a-{id}").as_str())
    );
    assert_eq!(day.held("Appointment", id).await["status"], "checked-in");
    // The front desk has no business with encounters; what it does not see it does not lose.
    assert!(day.encounters(&day.patients[0]).await.is_empty());
    assert_eq!(day.held("Appointment", id).await["reasonCode"][0]["text"], "Knee of Adeyemi");

    clinic.advance(24 * MINUTE_MS);
    let mut physician = day.browser("asha").await;
    let page = physician.get(clinic, "/today").await;
    assert!(page.body.contains("Checked in") && page.body.contains(r#"data-minutes="2"#), "{}", page.body);
    assert_eq!(physician.post(clinic, "/today/act", &form(&page, "start")).await.status, StatusCode::SEE_OTHER);
    let [encounter] = &day.encounters(&day.patients[0]).await[..] else { panic!("one encounter") };
    assert_eq!((&encounter["status"], &encounter["class"]["code"]), (&json!("in-progress"), &json!("AMB")));
    assert_eq!(encounter["appointment"][0]["reference"], format!("Appointment/{id}"));
    assert_eq!(encounter["participant"][0]["individual"]["reference"], format!("Practitioner/{}", day.doctor));
    let seen = day.browser("fay").await.get(clinic, "/today").await;
    assert!(seen.body.contains("With clinician") && !seen.body.contains("Visit done"), "the front desk sees it, too");

    clinic.advance(12 * MINUTE_MS);
    let page = physician.get(clinic, "/today").await;
    assert_eq!(physician.post(clinic, "/today/act", &form(&page, "finish")).await.status, StatusCode::SEE_OTHER);
    let [encounter] = &day.encounters(&day.patients[0]).await[..] else { panic!("one encounter") };
    assert!(encounter["status"] == "finished" && encounter["period"]["end"].is_string(), "{encounter}");
    let appointment = day.held("Appointment", id).await;
    assert_eq!(appointment["status"], "fulfilled");
    for at in 0..2 {
        assert!(appointment["participant"][at]["period"]["end"].is_string(), "{appointment}");
    }
}

#[tokio::test]
async fn who_comes_for_something_sensitive_is_checked_in_like_everybody() {
    let day = Day::with(&[("Adeyemi", MORNING, false)]).await;
    let (clinic, id) = (&day.clinic, &day.appointments[0]);
    let mut appointment = day.held("Appointment", id).await;
    appointment["reasonCode"] =
        json!([{"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "F41.1"}], "text": "Panic"}]);
    appointment["meta"]["security"] =
        json!([{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSY"}]);
    let target = record::Target::Id(ResourceKey::parse("Appointment", id).unwrap());
    let body = appointment.to_string();
    clinic.record.update(&system(), target, body.as_bytes(), record::Preconditions::default()).await.unwrap();

    let mut desk = day.browser("fay").await;
    let page = desk.get(clinic, "/today").await;
    assert!(page.body.contains("ADEYEMI, Ruth") && page.body.contains("Check in"), "{}", page.body);
    for hidden in ["Panic", "F41", "PSY", "Knee"] {
        assert!(!page.body.contains(hidden), "{hidden}");
    }
    let done = desk.post(clinic, "/today/act", &form(&page, "check-in")).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    let held = day.held("Appointment", id).await;
    assert_eq!((&held["status"], &held["reasonCode"][0]["text"]), (&json!("checked-in"), &json!("Panic")));
    assert_eq!(held["meta"]["security"], appointment["meta"]["security"], "{held}");
    let physician = day.browser("asha").await.get(clinic, "/today").await;
    assert!(physician.body.contains("Panic") && physician.body.contains("Checked in"), "{}", physician.body);
}

#[tokio::test]
async fn a_visit_that_was_begun_too_early_goes_back_to_waiting() {
    let day = Day::with(&[("Adeyemi", MORNING, false)]).await;
    let (clinic, id) = (&day.clinic, &day.appointments[0]);
    let mut physician = day.browser("asha").await;
    for act in ["check-in", "start"] {
        let page = physician.get(clinic, "/today").await;
        assert_eq!(
            physician.post(clinic, "/today/act", &form(&page, act)).await.status,
            StatusCode::SEE_OTHER,
            "{act}"
        );
    }
    let page = physician.get(clinic, "/today").await;
    assert!(page.body.contains("Back to waiting"), "{}", page.body);
    for _ in 0..2 {
        let back = physician.post(clinic, "/today/act", &form(&page, "wait")).await;
        assert_eq!(back.status, StatusCode::SEE_OTHER, "{}", back.body);
    }
    let [encounter] = &day.encounters(&day.patients[0]).await[..] else { panic!("one encounter") };
    assert!(encounter["status"] == "arrived" && encounter["period"]["end"].is_null(), "{encounter}");
    let appointment = day.held("Appointment", id).await;
    assert!(
        appointment["status"] == "checked-in" && appointment["participant"][1]["period"].is_null(),
        "{appointment}"
    );
    // Of what was written for it nobody says that it did not begin.
    let page = physician.get(clinic, "/today").await;
    assert!(page.body.contains("Checked in"), "{}", page.body);
    physician.post(clinic, "/today/act", &form(&page, "start")).await;
    let note = json!({"resourceType": "DocumentReference", "status": "current", "docStatus": "final",
        "type": {"text": "Note"}, "subject": {"reference": format!("Patient/{}", day.patients[0])},
        "context": {"encounter": [{"reference": format!("Encounter/{}", encounter["id"].as_str().unwrap())}]},
        "content": [{"attachment": {"contentType": "text/plain", "data": "QQ=="}}]});
    created(clinic, &system(), &note).await;
    let page = physician.get(clinic, "/today").await;
    let refused = physician.post(clinic, "/today/act", &form(&page, "wait")).await;
    assert!(
        refused.status == StatusCode::BAD_REQUEST && refused.body.contains("A note of this visit is signed"),
        "{}",
        refused.body
    );
}

#[tokio::test]
async fn a_visit_that_was_not_over_goes_on_as_it_was_the_same_day() {
    let day = Day::with(&[("Adeyemi", MORNING, false), ("Brandt", "2027-01-04T16:00:00Z", false)]).await;
    let (clinic, id) = (&day.clinic, &day.appointments[0]);
    let mut physician = day.browser("asha").await;
    for act in ["start", "finish"] {
        if act == "finish" {
            clinic.advance(2 * MINUTE_MS);
        }
        let page = physician.get(clinic, &format!("/today?day={DAY}")).await;
        assert_eq!(physician.post(clinic, "/today/act", &form(&page, act)).await.status, StatusCode::SEE_OTHER);
    }
    let ended = day.held("Appointment", id).await;
    // The front desk neither ends a visit nor takes it back.
    let mut desk = day.browser("fay").await;
    let page = desk.get(clinic, "/today").await;
    assert!(page.body.contains("Done") && !page.body.contains("Back to with clinician"), "{}", page.body);
    assert_eq!(desk.post(clinic, "/today/act", &form(&page, "reopen")).await.status, StatusCode::CONFLICT);

    let page = physician.get(clinic, "/today").await;
    assert!(page.body.contains("Back to with clinician"), "{}", page.body);
    for _ in 0..2 {
        let done = physician.post(clinic, "/today/act", &form(&page, "reopen")).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    }
    let open = day.held("Appointment", id).await;
    assert_eq!((&open["status"], &open["meta"]["versionId"]), (&json!("checked-in"), &json!("4")));
    for at in 0..2 {
        let (was, is) = (&ended["participant"][at]["period"], &open["participant"][at]["period"]);
        assert!(was["end"].is_string() && is.get("end").is_none() && was["start"] == is["start"], "{open}");
    }
    let [encounter] = &day.encounters(&day.patients[0]).await[..] else { panic!("one encounter") };
    assert!(encounter["status"] == "in-progress" && encounter["period"].get("end").is_none(), "{encounter}");

    // Ended again, it does not come back on another day.
    let page = physician.get(clinic, "/today").await;
    assert_eq!(physician.post(clinic, "/today/act", &form(&page, "finish")).await.status, StatusCode::SEE_OTHER);
    clinic.advance(24 * 60 * MINUTE_MS);
    let mut physician = day.browser("asha").await;
    let page = physician.get(clinic, &format!("/today?day={DAY}")).await;
    assert!(page.body.contains("Done") && !page.body.contains("Back to with clinician"), "{}", page.body);
    let sent = [("csrf", page.csrf()), ("id", id.clone()), ("version", "5".to_owned()), ("day", DAY.to_owned())];
    let sent = [&sent[..], &[("who", "all".to_owned()), ("act", "reopen".to_owned())]].concat();
    let late = physician.post(clinic, "/today/act", &sent).await;
    assert_eq!(late.status, StatusCode::BAD_REQUEST, "{}", late.body);
    assert!(late.body.contains("on the day on which it ended"), "{}", late.body);
}

#[tokio::test]
async fn a_visit_by_video_that_was_ended_does_not_come_back_and_that_is_said() {
    let day = Day::with(&[("Adeyemi", MORNING, false)]).await;
    let (clinic, id) = (&day.clinic, &day.appointments[0]);
    let mut video = day.held("Appointment", id).await;
    video["serviceType"] = json!([{"coding": [{"system": "http://snomed.info/sct", "code": "448337001"}]}]);
    video["status"] = json!("fulfilled");
    let target = record::Target::Id(ResourceKey::parse("Appointment", id).unwrap());
    let bytes = serde_json::to_vec(&video).unwrap();
    clinic.record.update(&system(), target, &bytes, Default::default()).await.unwrap();
    let mut physician = day.browser("asha").await;
    let page = physician.get(clinic, "/today").await;
    assert!(page.body.contains("by video that was ended does not come back"), "{}", page.body);
    assert!(!page.body.contains("Back to with clinician"), "{}", page.body);
    let sent = [("csrf", page.csrf()), ("id", id.clone()), ("version", "2".to_owned()), ("day", DAY.to_owned())];
    let sent = [&sent[..], &[("who", "all".to_owned()), ("act", "reopen".to_owned())]].concat();
    assert_eq!(physician.post(clinic, "/today/act", &sent).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(day.held("Appointment", id).await["status"], "fulfilled");
}

#[tokio::test]
async fn a_form_sent_twice_does_it_once_and_a_stale_one_overwrites_nothing() {
    let day = Day::with(&[("Adeyemi", MORNING, false)]).await;
    let (clinic, id) = (&day.clinic, &day.appointments[0]);
    let (mut desk, mut physician) = (day.browser("fay").await, day.browser("asha").await);
    let (at_desk, at_doctor) = (desk.get(clinic, "/today").await, physician.get(clinic, "/today").await);
    let check_in = form(&at_desk, "check-in");
    for _ in 0..2 {
        assert_eq!(desk.post(clinic, "/today/act", &check_in).await.status, StatusCode::SEE_OTHER);
    }
    assert_eq!(day.held("Appointment", id).await["meta"]["versionId"], "2", "once");

    // The physician's page is older than that.
    let mut cancel = form(&at_doctor, "cancel");
    cancel.extend([("reason", "prov".to_owned()), ("note", "ill <today>".to_owned())]);
    let stale = physician.post(clinic, "/today/act", &cancel).await;
    assert_eq!(stale.status, StatusCode::CONFLICT);
    for shown in ["ADEYEMI", "Expected", "Checked in", "Status", "ill &#60;today&#62;", "all the same"] {
        assert!(stale.body.contains(shown), "{shown}: {}", stale.body);
    }
    assert_eq!(day.held("Appointment", id).await["status"], "checked-in");
    // What was typed is on the page, with the version of now.
    let mut again = form(&stale, "cancel");
    again.extend(["reason", "note"].map(|name| (name, stale.after(&format!(r#"name="{name}" value=""#)))));
    let note = again.last_mut().unwrap();
    assert_eq!(note.1, "ill &#60;today&#62;");
    note.1 = "ill <today>".to_owned();
    for _ in 0..2 {
        assert_eq!(physician.post(clinic, "/today/act", &again).await.status, StatusCode::SEE_OTHER);
    }
    // Who cancels it after that for another reason is told which was kept.
    let mut other = form(&at_desk, "cancel");
    other.extend([("reason", "pat".to_owned()), ("note", String::new())]);
    let told = desk.post(clinic, "/today/act", &other).await;
    assert_eq!(told.status, StatusCode::CONFLICT);
    for shown in
        ["for another reason or without one", "“Patient cancelled”", "Clinician cannot come: ill &#60;today&#62;"]
    {
        assert!(told.body.contains(shown), "{shown}: {}", told.body);
    }
    let held = day.held("Appointment", id).await;
    assert_eq!(
        (&held["status"], &held["cancelationReason"]["text"]),
        (&json!("cancelled"), &json!("Clinician cannot come: ill <today>"))
    );
}

#[tokio::test]
async fn acts_are_for_who_may_and_where_they_fit() {
    let day = Day::with(&[("Adeyemi", MORNING, false)]).await;
    let (clinic, id) = (&day.clinic, &day.appointments[0]);
    let mut desk = day.browser("fay").await;
    let page = desk.get(clinic, "/today").await;
    // No reason, no cancelling.
    assert_eq!(desk.post(clinic, "/today/act", &form(&page, "cancel")).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(desk.post(clinic, "/today/act", &form(&page, "explode")).await.status, StatusCode::BAD_REQUEST);
    // To begin a visit is not the front desk's.
    assert_eq!(desk.post(clinic, "/today/act", &form(&page, "start")).await.status, StatusCode::CONFLICT);
    let mut forged = form(&page, "check-in");
    forged[0].1 = "x".to_owned();
    assert_eq!(desk.post(clinic, "/today/act", &forged).await.status, StatusCode::FORBIDDEN);
    let mut foreign = form(&page, "check-in");
    foreign[1].1 = "no-such-appointment".to_owned();
    assert_eq!(desk.post(clinic, "/today/act", &foreign).await.status, StatusCode::NOT_FOUND);
    assert_eq!(day.held("Appointment", id).await["meta"]["versionId"], "1");

    let page = desk.get(clinic, "/today").await;
    assert_eq!(desk.post(clinic, "/today/act", &form(&page, "miss")).await.status, StatusCode::SEE_OTHER);
    let page = desk.get(clinic, "/today").await;
    assert!(page.body.contains("No-show") && page.body.contains("Back to expected"), "{}", page.body);
    assert_eq!(desk.post(clinic, "/today/act", &form(&page, "expect")).await.status, StatusCode::SEE_OTHER);
    assert_eq!(day.held("Appointment", id).await["status"], "booked");

    let page = desk.get(clinic, &format!("/appointments/{id}/cancel")).await;
    assert!(page.body.contains("ADEYEMI, Ruth") && page.body.contains("Keep it"), "{}", page.body);
    let mut cancel = form(&page, "cancel");
    cancel.push(("reason", "pat".to_owned()));
    assert_eq!(desk.post(clinic, "/today/act", &cancel).await.status, StatusCode::SEE_OTHER);
    let gone = desk.get(clinic, &format!("/appointments/{id}/cancel")).await;
    assert_eq!(gone.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_open_page_hears_of_its_own_day_and_of_nothing_else() {
    let day = Day::with(&[("Adeyemi", MORNING, false), ("Brook", "2027-01-05T15:00:00Z", false)]).await;
    let clinic = &day.clinic;
    let mut desk = day.browser("fay").await;
    let headers = [("accept", "text/event-stream")];
    let answer =
        desk.send(clinic, "GET", &format!("/today/events?day={DAY}"), &headers, axum::body::Body::empty()).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let mut events = answer.into_body();
    let mut next =
        async || String::from_utf8(events.frame().await.unwrap().unwrap().into_data().unwrap().to_vec()).unwrap();
    assert_eq!(next().await, "event: ready\ndata: {}\n\n");

    // First tomorrow, then today: only the second is told.
    for (date, expected) in [("2027-01-05", 1), (DAY, 2)] {
        let page = desk.get(clinic, &format!("/today?day={date}")).await;
        assert_eq!(
            desk.post(clinic, "/today/act", &form(&page, "check-in")).await.status,
            StatusCode::SEE_OTHER,
            "{expected}"
        );
    }
    assert_eq!(next().await, "event: changed\ndata: {}\n\n");
    // Before it and after it: told once for what stood there and once for what does.
    assert_eq!(next().await, "event: changed\ndata: {}\n\n");
    let page = desk.get(clinic, "/me").await;
    desk.post(clinic, "/signout", &[("csrf", page.csrf())]).await;
    assert_eq!(next().await, "event: ended\ndata: {}\n\n");
    assert!(events.frame().await.is_none());
}

#[tokio::test]
async fn looking_and_acting_are_in_the_log_with_why_and_only_a_person_counts_as_there() {
    let day = Day::with(&[("Adeyemi", MORNING, false)]).await;
    let clinic = &day.clinic;
    clinic.seed("otto", Role::Auditor).await;
    let mut desk = day.browser("fay").await;
    let page = desk.get(clinic, "/today").await;
    let done = desk.post(clinic, "/today/act", &form(&page, "check-in")).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    let auditor = clinic.identity.bearer("demo-otto", &Connection::LOCAL).unwrap();
    let events = clinic.record.audit_events(&auditor, &[("_count".into(), "100".into())]).await.unwrap();
    let events: Vec<Value> = { events.get().entries.iter() }.map(|one| serde_json::from_slice(one).unwrap()).collect();
    let of_fay = |code: &str| {
        events
            .iter()
            .filter(|event| {
                event["agent"][0]["who"]["identifier"]["value"] == "fay"
                    && event["subtype"].as_array().unwrap().iter().any(|subtype| subtype["code"] == code)
            })
            .collect::<Vec<_>>()
    };
    let searches = of_fay("search-type");
    let named = searches.iter().filter(|event| event["entity"].to_string().contains(&day.appointments[0]));
    assert!(named.clone().count() >= 1, "{events:#?}");
    assert!(named.clone().all(|event| event["agent"][0]["purposeOfUse"][0]["coding"][0]["code"] == "PATADMIN"));
    assert!(
        named.clone().all(|event| event["entity"].to_string().contains(&day.patients[0])),
        "and the patient is named"
    );
    assert_eq!(of_fay("transaction").len(), 1);

    // The list that a script asks for by itself keeps nobody signed in.
    for _ in 0..4 {
        clinic.advance(4 * MINUTE_MS);
        desk.get(clinic, "/today/list").await;
    }
    assert!(desk.get(clinic, "/today").await.location().starts_with("/lock?next="));
}

#[tokio::test]
async fn the_list_is_of_a_clinician_a_team_or_a_place_and_the_acts_lead_back_to_it() {
    let day = Day::with(&[("Adeyemi", "2027-01-04T15:30:00Z", false), ("Brandt", "2027-01-04T16:00:00Z", true)]).await;
    let system = system();
    // One team and one place are no choice.
    let mut fay = day.browser("fay").await;
    let page = fay.get(&day.clinic, &format!("/today?day={DAY}&who=all")).await;
    assert!(!page.body.contains("Teams") && !page.body.contains("Where"), "{}", page.body);
    for (at, (team, name)) in [("207Q", "Family medicine"), ("2084P", "Psychiatry")].into_iter().enumerate() {
        let who = [&day.doctor, &day.colleague][at];
        let specialty =
            json!([{"coding": [{"system": "http://nucc.org/provider-taxonomy", "code": team, "display": name}]}]);
        let actor = json!([{"reference": format!("Practitioner/{who}")}]);
        let calendar = json!({"resourceType": "Schedule", "active": true, "actor": actor, "specialty": specialty});
        created(&day.clinic, &system, &calendar).await;
    }
    let mut places = Vec::new();
    for name in ["Lakeside", "Hilltop"] {
        let place = json!({"resourceType": "Location", "status": "active", "name": name});
        places.push(created(&day.clinic, &system, &place).await);
    }
    let mut appointment = day.held("Appointment", &day.appointments[1]).await;
    let there = json!({"actor": {"reference": format!("Location/{}", places[1])}, "status": "accepted"});
    appointment["participant"].as_array_mut().unwrap().push(there);
    let target = record::Target::Id(ResourceKey::parse("Appointment", &day.appointments[1]).unwrap());
    let bytes = serde_json::to_vec(&appointment).unwrap();
    day.clinic.record.update(&system, target, &bytes, Default::default()).await.unwrap();

    let (ruth, max) = ("ADEYEMI", "BRANDT");
    for (list, has_ruth, has_max) in [
        ("who=all".to_owned(), true, true),
        ("who=team.207Q".to_owned(), true, false),
        ("who=team.2084P".to_owned(), false, true),
        ("who=team.none".to_owned(), false, false),
        (format!("who=all&place={}", places[1]), false, true),
        (format!("who=all@{}", places[0]), false, false),
        (format!("who=team.207Q&place={}", places[1]), false, false),
        (format!("who={}&place=", day.doctor), true, false),
    ] {
        let page = fay.get(&day.clinic, &format!("/today?day={DAY}&{list}")).await;
        assert_eq!(page.status, StatusCode::OK, "{list}: {}", page.body);
        assert_eq!((page.body.contains(ruth), page.body.contains(max)), (has_ruth, has_max), "{list}");
    }
    for wrong in ["who=team.", "who=all&place=a%20b", "who=%3Cb%3E"] {
        let page = fay.get(&day.clinic, &format!("/today?day={DAY}&{wrong}")).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let list = format!("team.2084P@{}", places[1]);
    let page = fay.get(&day.clinic, &format!("/today?day={DAY}&who={list}")).await;
    assert!(
        page.body.contains("Teams")
            && page.body.contains("Hilltop")
            && page.body.contains(&format!(r#"value="{list}""#))
    );
    let form = [
        ("csrf", page.csrf()),
        ("id", day.appointments[1].clone()),
        ("version", "2".to_owned()),
        ("day", DAY.to_owned()),
        ("who", list.clone()),
        ("act", "arrive".to_owned()),
    ];
    let done = fay.post(&day.clinic, "/today/act", &form).await;
    assert_eq!(done.location(), format!("/today?day={DAY}&who={list}#a-{}", day.appointments[1]), "{}", done.body);
}

#[tokio::test]
async fn forms_that_patients_were_asked_for_are_counted_where_tasks_may_be_seen() {
    let day = Day::with(&[("Adeyemi", "2027-01-04T15:30:00Z", false), ("Brandt", "2027-01-04T16:00:00Z", false)]).await;
    let system = system();
    for status in ["completed", "requested", "cancelled"] {
        let patient = json!({"reference": format!("Patient/{}", day.patients[0])});
        let code = json!({"coding": [{"system": "http://hl7.org/fhir/uv/sdc/CodeSystem/temp", "code": "complete-questionnaire"}]});
        let task = json!({"resourceType": "Task", "status": status, "intent": "order", "code": code, "for": patient, "owner": patient,
            "authoredOn": "2026-12-01T12:00:00Z"});
        created(&day.clinic, &system, &task).await;
    }
    let mut asha = day.browser("asha").await;
    let page = asha.get(&day.clinic, &format!("/today?day={DAY}&who=all")).await;
    assert_eq!(
        (page.body.matches("forms 1 of 2").count(), page.body.matches("forms ").count()),
        (1, 1),
        "{}",
        page.body
    );
    // What the patient is to do is in nobody's inbox here, however long it lies.
    let page = asha.get(&day.clinic, "/inbox?show=all").await;
    assert!(page.status == StatusCode::OK && !page.body.contains("ADEYEMI"), "{}", page.body);
    let mut fay = day.browser("fay").await;
    let page = fay.get(&day.clinic, &format!("/today?day={DAY}&who=all")).await;
    assert!(page.body.contains("ADEYEMI") && !page.body.contains("forms "), "{}", page.body);
}

#[tokio::test]
async fn who_interprets_is_said_on_a_page_of_its_own_and_two_at_once_are_told() {
    let day = Day::with(&[("Adeyemi", MORNING, false)]).await;
    let (clinic, id) = (&day.clinic, &day.appointments[0]);
    let place = format!("/appointments/{id}/interpreter");
    let mut desk = day.browser("fay").await;
    let list = desk.get(clinic, "/today").await;
    assert!(list.body.contains(&format!("{place}?who=all")), "{}", list.body);
    let page = desk.get(clinic, &place).await;
    assert!(page.body.contains("ADEYEMI, Ruth") && !page.body.contains("Knee of"), "{}", page.body);
    let form = |page: &Answer, state: &str, name: &str| {
        let field = |name: &str| page.after(&format!(r#"name="{name}" value=""#));
        [
            ("csrf", field("csrf")),
            ("version", field("version")),
            ("who", "all".into()),
            ("state", state.into()),
            ("name", name.into()),
        ]
    };
    let booked = desk.post(clinic, &place, &form(&page, "accepted", "Ines Vidal")).await;
    assert_eq!(booked.status, StatusCode::SEE_OTHER, "{}", booked.body);
    let list = desk.get(clinic, "/today").await;
    assert!(list.body.contains("interpreter booked") && !list.body.contains("to be found"), "{}", list.body);
    // Who has the page of before is told, and keeps what was typed.
    let late = desk.post(clinic, &place, &form(&page, "declined", "Tom Reyes")).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(late.body.contains("changed before you") && late.body.contains(r#"value="Tom Reyes""#), "{}", late.body);
    let again = desk.post(clinic, &place, &form(&late, "declined", "Tom Reyes")).await;
    assert_eq!(again.status, StatusCode::SEE_OTHER, "{}", again.body);
    assert!(desk.get(clinic, "/today").await.body.contains("interpreter declined"));
    let page = desk.get(clinic, &place).await;
    let long = desk.post(clinic, &place, &form(&page, "accepted", &"x".repeat(81))).await;
    assert!(long.status == StatusCode::UNPROCESSABLE_ENTITY && long.body.contains(&"x".repeat(81)), "{}", long.body);
    let strange = desk.post(clinic, &place, &form(&page, "fulfilled", "")).await;
    assert_eq!(strange.status, StatusCode::BAD_REQUEST, "{}", strange.body);
    assert_eq!(desk.post(clinic, &place, &form(&page, "", "")).await.status, StatusCode::SEE_OTHER);
    let list = desk.get(clinic, "/today").await;
    assert!(!list.body.contains(">interpreter "), "{}", list.body);
    assert_ne!(day.browser("ben").await.get(clinic, &place).await.status, StatusCode::OK);
}
