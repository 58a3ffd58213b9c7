//! The chart: what each role sees of it, what it does not tell, and what the log says of a look.

use audit::{Action, Event, Purpose};
use http::StatusCode;
use record::types;

use crate::clinic::{Clinic, MINUTE_MS};
use crate::ward::{self, look, ward};

/// A mark of each part of Ruth's chart.
const MARKS: [(&str, &str); 11] = [
    ("allergies", "Penicillin"),
    ("problems", "Gouty arthritis"),
    ("medicines", "allopurinol 100 mg"),
    ("vitals", "83.4 kg"),
    ("results", "Uric acid"),
    ("notes", "Colchicine."),
    ("orders", "Foot radiograph"),
    ("immunizations", "Influenza vaccine"),
    ("appointments", "20-Jan-2027 04:00"),
    ("visits", "Follow-up"),
    ("team", "Care team"),
];

#[tokio::test]
async fn each_role_sees_its_part_of_a_chart_and_nothing_else() {
    let clinic = ward().await;
    let all: Vec<&str> = MARKS.iter().map(|(part, _)| *part).collect();
    for (login, sees) in [
        ("asha", all.as_slice()),
        ("nora", all.as_slice()),
        ("leo", &["allergies", "vitals", "appointments"]),
        ("fay", &["appointments"]),
        ("ben", &["visits"]),
    ] {
        let (_, page) = look(&clinic, login, "/patients/p1").await;
        assert_eq!(page.status, StatusCode::OK, "{login}: {}", page.body);
        for (part, mark) in MARKS {
            assert_eq!(page.body.contains(mark), sees.contains(&part), "{login}: {part}");
        }
        for always in ["<b>ADEYEMI</b>", "14-Jul-1968 (58y)", ward::MRN, "was recorded at"] {
            assert!(page.body.contains(always), "{login}: {always}");
        }
    }
    // Nothing of a chart, and that is no secret.
    let (_, page) = look(&clinic, "petra", "/patients/p1").await;
    assert!(page.status == StatusCode::FORBIDDEN && page.body.contains("nothing of any chart"), "{}", page.body);
    let (_, page) = look(&clinic, "ruth", "/patients/p1").await;
    assert!(page.status == StatusCode::FORBIDDEN && page.body.contains("not known to work for this one"));
    assert!(MARKS.iter().all(|(_, mark)| !page.body.contains(mark)), "{}", page.body);
}

#[tokio::test]
async fn a_chart_says_values_flags_and_sources_in_words() {
    let clinic = ward().await;
    let (_, page) = look(&clinic, "asha", "/patients/p1").await;
    for part in [
        "Penicillin – anaphylaxis, severe",
        "(183.9 lb)",
        "Weight: 2 readings, 80.10 kg on 01-Mar-2026 to 83.4 kg on 01-Dec-2026",
        r#"<span aria-hidden="true">▲ </span>9.1 mg/dL <small>high</small>"#,
        "<b>Gout flare.</b> Colchicine.",
        "overdue",
        "since 2014",
        "Dr asha",
    ] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
    assert!(!page.body.contains("<i>Ada") && page.body.contains("Ruth &#60;i&#62;Ada&#60;/i&#62;"));
    // Nobody recorded any for Max, and nobody said that there are none.
    let (_, page) = look(&clinic, "zoe", "/patients/p2").await;
    assert!(page.body.contains("Not recorded: ask the patient"), "{}", page.body);
    assert!(page.body.contains("No active problems") && page.body.contains("No vital signs"));
}

#[tokio::test]
async fn a_prescription_that_nobody_signed_is_no_current_medicine() {
    let clinic = ward().await;
    for patient in ["p1", "p2"] {
        let draft = format!(
            r#""subject":{{"reference":"Patient/{patient}"}},"status":"draft","intent":"order","authoredOn":"2027-01-03",
            "medicationCodeableConcept":{{"text":"naproxen 500 MG"}}"#
        );
        clinic.put("MedicationRequest", &format!("draft-{patient}"), &draft).await;
    }
    let panel = async |login, path| {
        let (_, page) = look(&clinic, login, path).await;
        let (_, rest) = page.body.split_once(r#"aria-labelledby="medicines""#).unwrap();
        rest.split("</section>").next().unwrap().to_owned()
    };
    let medicines = panel("asha", "/patients/p1").await;
    assert!(medicines.contains("<p>1 current</p>"), "{medicines}");
    let (current, unsigned) = medicines.split_once("Not signed yet (1)").unwrap();
    assert!(current.contains("allopurinol 100 mg") && !current.contains("naproxen"), "{medicines}");
    assert!(unsigned.contains("naproxen 500 mg"), "{medicines}");
    let medicines = panel("zoe", "/patients/p2").await;
    let (current, unsigned) = medicines.split_once("Not signed yet (1)").unwrap();
    assert!(current.contains("No current medicines. A prescription is here from the moment it is signed."));
    assert!(!current.contains("1 current") && unsigned.contains("naproxen 500 mg"), "{medicines}");
}

#[tokio::test]
async fn what_has_a_page_is_the_way_to_it() {
    let clinic = ward().await;
    let data = "UzogVG9l";
    let note = format!(
        r#""subject":{{"reference":"Patient/p1"}},"status":"current","docStatus":"final","type":{{"text":"Progress note"}},
        "date":"2026-12-02T11:00:00Z","category":[{{"coding":[{{"code":"clinical-note"}}]}}],
        "context":{{"encounter":[{{"reference":"Encounter/visit"}}]}},
        "content":[{{"attachment":{{"contentType":"text/plain","data":"{data}"}}}}]"#
    );
    let (mut asha, page) = look(&clinic, "asha", "/patients/p1").await;
    assert!(!page.body.contains(">Gouty arthritis</a>"), "a visit without a note has no page");
    clinic.put("DocumentReference", "of-visit", &note).await;
    let draft = r#""subject":{"reference":"Patient/p1"},"status":"draft","intent":"order","medicationCodeableConcept":{"text":"naproxen 500 MG"}"#;
    clinic.put("MedicationRequest", "draft", draft).await;
    let page = asha.get(&clinic, "/patients/p1").await;
    for (address, words) in [
        ("/patients/p1/prescriptions/medicine", "allopurinol 100 mg"),
        ("/patients/p1/prescriptions/draft", "naproxen 500 mg"),
        ("/patients/p1/orders/order", "Foot radiograph"),
        ("/patients/p1/notes/of-visit", "Gouty arthritis"),
    ] {
        let link = format!(r#"<a href="{address}">{words}</a>"#);
        assert!(page.body.contains(&link), "{link} in {}", page.body);
        assert_eq!(asha.get(&clinic, address).await.status, StatusCode::OK, "{address}");
    }
    // Who sees no notes has no way to one.
    let (_, page) = look(&clinic, "ben", "/patients/p1").await;
    assert!(page.body.contains("Follow-up"), "billing sees that there was a visit: {}", page.body);
    assert!(!page.body.contains("/notes/of-visit"), "{}", page.body);
    let (mut nora, page) = look(&clinic, "nora", "/patients/p1").await;
    for address in ["/patients/p1/prescriptions/medicine", "/patients/p1/orders/order"] {
        assert!(page.body.contains(address) && nora.get(&clinic, address).await.status == StatusCode::OK, "{address}");
    }
}

#[tokio::test]
async fn nothing_is_said_to_be_none_that_may_be_closed_to_who_looks() {
    let clinic = ward().await;
    let sensitive = r#""status":"booked","start":"2027-01-21T09:00:00Z","end":"2027-01-21T09:30:00Z",
        "meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"42CFRPart2"}]},
        "participant":[{"actor":{"reference":"Patient/p2"},"status":"accepted"}]"#;
    clinic.put("Appointment", "closed", sensitive).await;
    let (_, page) = look(&clinic, "fay", "/patients/p2").await;
    assert!(page.body.contains("Nothing is booked that is open to you."), "{}", page.body);
    assert!(!page.body.contains("21-Jan-2027"), "{}", page.body);
    // A note that nobody but its author sees.
    let kept = r#""subject":{"reference":"Patient/p2"},"status":"current","category":[{"coding":[{"code":"clinical-note"}]}],
        "meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"PSYTHPN"}]},
        "content":[{"attachment":{"contentType":"text/plain","data":"UzogVG9l"}}]"#;
    clinic.put("DocumentReference", "kept", kept).await;
    ward::team(&clinic, "p2", &["nora"]).await;
    let (_, page) = look(&clinic, "nora", "/patients/p2/documents").await;
    assert!(page.body.contains("No documents that are open to you."), "{}", page.body);
}

#[tokio::test]
async fn no_address_and_no_title_says_who_the_patient_is() {
    let clinic = ward().await;
    let (mut browser, page) = look(&clinic, "asha", "/patients/p1").await;
    let csrf = page.csrf();
    let form = [("csrf", csrf), ("name", "adeyemi".to_owned()), ("number", ward::MRN.to_owned())];
    let found = browser.seek(&clinic, "/patients", &form).await;
    for (html, name) in [(&page.body, "chart"), (&found.body, "found")] {
        let addresses = ["href=\"", "action=\"", "src=\""].into_iter().flat_map(|start| html.split(start).skip(1));
        for address in addresses.map(|rest| rest.split('"').next().unwrap().to_lowercase()) {
            for secret in ["adeyemi", "ruth", "1968", "4718"] {
                assert!(!address.contains(secret), "{name}: {address}");
            }
        }
        let title = html.split("<title>").nth(1).unwrap().split('<').next().unwrap().to_lowercase();
        assert!(!title.contains("adeyemi") && !title.contains("ruth"), "{name}: {title}");
    }
    assert_eq!(page.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn each_part_of_a_look_is_in_the_log_with_its_purpose() {
    let clinic = ward().await;
    let (mut browser, _) = look(&clinic, "asha", "/me").await;
    let before = clinic.record.store().log_reader().size();
    assert_eq!(browser.get(&clinic, "/patients/p1").await.status, StatusCode::OK);
    let events = events(&clinic, before);
    assert!(events.iter().all(|event| event.who == "asha" && event.purpose == Purpose::Treatment && event.went_well));
    let read = events.iter().filter(|event| event.action == Action::Read).count();
    assert_eq!(read, 1, "the patient");
    let asked = |kind: &str, words: &str| {
        let code = types::parse(kind).unwrap().code;
        events.iter().filter(|event| event.kind == Some(code) && event.query.contains(words)).count()
    };
    for (kind, words) in [
        ("AllergyIntolerance", "patient=p1"),
        ("Condition", "category:not=encounter-diagnosis"),
        ("MedicationRequest", "status=active"),
        ("Observation", "vital-signs"),
        ("Observation", "laboratory"),
        ("DocumentReference", "clinical-note"),
        ("Encounter", "patient=p1"),
        ("Appointment", "patient=p1"),
        ("ServiceRequest", "patient=p1"),
        ("CareTeam", "patient=p1"),
        ("Immunization", "patient=p1"),
    ] {
        assert_eq!(asked(kind, words), 1, "{kind} {words}");
    }
    // What a role never sees is not asked for, and leaves no denials behind.
    let (mut desk, _) = look(&clinic, "fay", "/me").await;
    let before = clinic.record.store().log_reader().size();
    assert_eq!(desk.get(&clinic, "/patients/p1").await.status, StatusCode::OK);
    assert!(self::events(&clinic, before).iter().all(|event| event.went_well));
}

#[tokio::test]
async fn a_chart_that_may_not_be_known_looks_like_one_that_is_not_there() {
    let clinic = ward().await;
    // That somebody is in a Part 2 program is itself protected (42 CFR 2.13).
    let part2 = r#""meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"42CFRPart2"}]},
        "name":[{"family":"Hidden"}]"#;
    clinic.put("Patient", "hidden", part2).await;
    ward::team(&clinic, "hidden", &["zoe"]).await;
    let (mut browser, absent) = look(&clinic, "asha", "/patients/nobody").await;
    assert_eq!(absent.status, StatusCode::NOT_FOUND);
    let hidden = browser.get(&clinic, "/patients/hidden").await;
    assert!(hidden == absent, "{} {}", hidden.status, hidden.body);
    // Breaking its glass is refused alike.
    let form = |csrf: String| [("csrf", csrf), ("reason", "found unconscious at the door".to_owned())];
    let csrf = browser.get(&clinic, "/me").await.csrf();
    let tried = browser.post(&clinic, "/patients/nobody/glass", &form(csrf)).await;
    assert_eq!(tried.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_withheld_chart_says_why_and_opens_behind_broken_glass_for_an_hour() {
    let clinic = ward().await;
    let (mut browser, page) = look(&clinic, "asha", "/patients/p2").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    for part in ["<b>BRANDT</b>", "This chart is withheld", "on no care team", r#"action="/patients/p2/glass""#] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
    let form = |csrf: String, reason: &str| [("csrf", csrf), ("reason", reason.to_owned())];
    let short = browser.post(&clinic, "/patients/p2/glass", &form(page.csrf(), "why not")).await;
    assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(short.body.contains("ten letters") && short.body.contains(">why not</textarea>"), "{}", short.body);
    assert_eq!(browser.get(&clinic, "/patients/p2").await.status, StatusCode::FORBIDDEN);

    // A verification that is too old is asked for again, and leads back.
    clinic.advance(6 * MINUTE_MS);
    let stale = browser.get(&clinic, "/patients/p2").await;
    assert!(stale.body.contains(r#"href="/stepup?next=/patients/p2""#) && !stale.body.contains("ask inline"));
    let sent = browser.post(&clinic, "/patients/p2/glass", &form(stale.csrf(), "found unconscious")).await;
    assert_eq!((sent.status, sent.location()), (StatusCode::SEE_OTHER, "/stepup?next=/patients/p2"));
    let confirmed = [("csrf", stale.csrf()), ("code", clinic.totp())];
    let back = browser.post(&clinic, "/stepup?next=/patients/p2", &confirmed).await;
    assert_eq!((back.status, back.location()), (StatusCode::SEE_OTHER, "/patients/p2"));

    let before = clinic.record.store().log_reader().size();
    let csrf = browser.get(&clinic, "/patients/p2").await.csrf();
    let broken = browser.post(&clinic, "/patients/p2/glass", &form(csrf, "found unconscious")).await;
    assert_eq!((broken.status, broken.location()), (StatusCode::SEE_OTHER, "/patients/p2"));
    assert_eq!(events(&clinic, before).iter().filter(|event| event.action == Action::BreakGlass).count(), 1);
    let open = browser.get(&clinic, "/patients/p2").await;
    assert_eq!(open.status, StatusCode::OK, "{}", open.body);
    assert!(open.body.contains("glass of this chart is broken until") && open.body.contains("found unconscious"));
    // Only this one.
    assert!(!browser.get(&clinic, "/patients/p1").await.body.contains("glass of this chart"));

    let closed = browser.post(&clinic, "/patients/p2/glass/close", &[("csrf", open.csrf())]).await;
    assert_eq!((closed.status, closed.location()), (StatusCode::SEE_OTHER, "/patients"));
    assert_eq!(browser.get(&clinic, "/patients/p2").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn after_confirming_one_goes_on_to_a_page_of_ours_and_nowhere_else() {
    let clinic = ward().await;
    let (mut browser, page) = look(&clinic, "asha", "/me").await;
    for next in ["https://evil.example", "//evil.example", "/nowhere", "/assets/door.js", "/patients/p1/glass", "%2fme"]
    {
        let path = format!("/stepup?next={next}");
        let shown = browser.get(&clinic, &path).await.body;
        assert!(!shown.contains(&format!("next={next}")) && !shown.contains(&format!("href=\"{next}\"")), "{next}");
        let form = [("csrf", page.csrf()), ("code", clinic.totp())];
        let answer = browser.post(&clinic, &path, &form).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/me"), "{next}");
    }
}

pub struct Seen {
    pub who: String,
    pub action: Action,
    pub purpose: Purpose,
    pub went_well: bool,
    pub kind: Option<u16>,
    pub query: String,
}

/// What the log says since then.
pub fn events(clinic: &Clinic, since: u64) -> Vec<Seen> {
    let reader = clinic.record.store().log_reader();
    let seen = (since..reader.size()).map(|index| {
        let detail = reader.get(index).unwrap().unwrap().detail.unwrap();
        let event = Event::decode(&detail).unwrap();
        Seen {
            who: event.who.user.to_owned(),
            action: event.action,
            purpose: event.purpose,
            went_well: matches!(event.outcome, audit::Outcome::Success),
            kind: event.search.map(|search| search.type_code),
            query: event.search.map_or_else(String::new, |search| search.query.to_owned()),
        }
    });
    seen.collect()
}
