//! Vital signs: a set is made once, as it was typed or not at all, by whom policy lets, and read by whom it is open to.

use fhir::Json;
use http::StatusCode;

use crate::clinic::{Answer, Browser, Clinic, MINUTE_MS};
use crate::ward::{self, look, ward};

const PAGE: &str = "/patients/p1/vitals";
const FULL: [(&str, &str); 10] = [
    ("systolic", "128"),
    ("diastolic", "76"),
    ("pulse", "72"),
    ("breaths", "16"),
    ("temperature", "98.6"),
    ("saturation", "97"),
    ("weight", "184.5"),
    ("height", "66"),
    ("pain", "2"),
    ("temperature-unit", "F"),
];

/// A form of the page, with what it brings and what is typed.
async fn form(clinic: &Clinic, browser: &mut Browser, typed: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let page = browser.get(clinic, PAGE).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let mut form = vec![
        ("csrf", page.csrf()),
        ("token", page.after(r#"name="token" value=""#)),
        ("day", page.after(r#"type="date" value=""#)),
        ("clock", page.after(r#"type="time" value=""#)),
    ];
    for (name, value) in typed {
        form.retain(|(held, _)| held != name);
        form.push((name, (*value).to_owned()));
    }
    form
}

async fn send(clinic: &Clinic, browser: &mut Browser, typed: &[(&'static str, &str)]) -> Answer {
    let form = form(clinic, browser, typed).await;
    browser.post(clinic, PAGE, &form).await
}

/// Ruth's vital signs as the record has them.
async fn held(clinic: &Clinic) -> Vec<String> {
    clinic.all("Observation", &[("patient", "p1"), ("category", "vital-signs"), ("_sort", "_id")]).await
}

fn code(observation: &str) -> String {
    let json = Json::parse_str(observation).unwrap();
    let coding = json.get("code").unwrap().get("coding").unwrap().items()[0].get("code").unwrap();
    coding.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_nurse_saves_one_set_as_us_core_observations() {
    let clinic = ward().await;
    let (mut browser, page) = look(&clinic, "nora", PAGE).await;
    assert!(
        page.body.contains("last 83.4 kg (183.9 lb), 01-Dec-2026") && page.body.contains("Penicillin"),
        "{}",
        page.body
    );
    let before = held(&clinic).await.len();
    let saved = send(&clinic, &mut browser, &FULL).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    let all = held(&clinic).await;
    let new: Vec<&String> = all.iter().filter(|one| one.contains("vitals-set")).collect();
    let mut codes: Vec<String> = new.iter().map(|one| code(one)).collect();
    codes.sort();
    assert_eq!(all.len(), before + 9);
    assert_eq!(codes, ["29463-7", "39156-5", "59408-5", "72514-3", "8302-2", "8310-5", "85354-9", "8867-4", "9279-1"]);
    for (code_wanted, parts) in [
        ("29463-7", vec![r#""value":184.5,"unit":"lb""#, r#""code":"[lb_av]""#, "us-core-body-weight"]),
        ("8302-2", vec![r#""value":66,"unit":"in""#, "us-core-body-height"]),
        ("8310-5", vec![r#""value":98.6"#, "[degF]"]),
        ("85354-9", vec![r#""value":128"#, r#""value":76"#, "8480-6", "8462-4", "mm[Hg]", "us-core-blood-pressure"]),
        ("59408-5", vec!["2708-6", "us-core-pulse-oximetry"]),
        ("39156-5", vec![r#""value":29.8"#, "derivedFrom"]),
    ] {
        let one = new.iter().find(|one| code(one) == code_wanted).unwrap();
        let always =
            ["Practitioner/nora", "Patient/p1", r#""effectiveDateTime":"2027-01-04T10:"#, "-05:00", "vital-signs"];
        for part in parts.iter().chain(&always) {
            assert!(one.contains(part), "{code_wanted}: {part} in {one}");
        }
        assert!(!one.contains("urn:uuid"), "{one}");
    }
    let page = browser.get(&clinic, saved.location()).await;
    for part in [
        "Saved.",
        "128/76 mmHg",
        "97 %",
        "184.5 lb",
        "83.7 kg",
        "98.6 °F",
        "29.8 kg/m²",
        "Dr nora",
        "<td class=\"new\">",
    ] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
    assert!(!saved.location().contains("128"));
}

#[tokio::test]
async fn a_form_that_is_sent_twice_makes_one_set() {
    let clinic = ward().await;
    let (mut browser, _) = look(&clinic, "nora", PAGE).await;
    let mut form = form(&clinic, &mut browser, &FULL).await;
    let (first, again) = (browser.post(&clinic, PAGE, &form).await, browser.post(&clinic, PAGE, &form).await);
    assert_eq!((first.status, first.location()), (again.status, again.location()));
    let count = held(&clinic).await.len();
    assert_eq!(again.status, StatusCode::SEE_OTHER);
    // Back, and another value: it is told that it was not saved, and nothing is changed.
    form.iter_mut().find(|(name, _)| *name == "pulse").unwrap().1 = "75".to_owned();
    let stale = browser.post(&clinic, PAGE, &form).await;
    assert_eq!(stale.status, StatusCode::CONFLICT);
    assert!(stale.body.contains("saved before, with other values") && stale.body.contains(r#"value="75""#));
    assert_eq!(held(&clinic).await.len(), count);
    // As another set it is one.
    form.iter_mut().find(|(name, _)| *name == "token").unwrap().1 = stale.after(r#"name="token" value=""#);
    assert_eq!(browser.post(&clinic, PAGE, &form).await.status, StatusCode::SEE_OTHER);
    assert_eq!(held(&clinic).await.len(), count + 9);
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_all_that_was_typed_kept() {
    let clinic = ward().await;
    let (mut browser, _) = look(&clinic, "nora", PAGE).await;
    let before = held(&clinic).await.len();
    for (typed, said) in [
        (vec![("pulse", "720"), ("weight", "83.4"), ("weight-unit", "kg")], "type a value from 10 to 350 /min"),
        (vec![("temperature", "37"), ("temperature-unit", "F")], "from 77 to 113 °F, or choose another unit"),
        (vec![("systolic", "76"), ("diastolic", "128")], "are they exchanged?"),
        (vec![("systolic", "128")], "Type the diastolic pressure too"),
        (vec![("pain", "eleven")], "Pain must be a number, such as 3"),
        (vec![("pulse", "72"), ("day", "2027-02-01")], "still to come"),
        (vec![("pulse", "72"), ("day", "1950-01-01")], "before the patient was born"),
        (vec![("pulse", "72"), ("clock", "25:00")], "Say when it was measured"),
        (vec![], "Nothing was typed"),
    ] {
        let answer = send(&clinic, &mut browser, &typed).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{said}");
        assert!(answer.body.contains(said) && answer.body.contains("Nothing was saved yet"), "{said}: {}", answer.body);
        for (_, value) in typed.iter().filter(|(name, _)| !name.ends_with("-unit")) {
            assert!(answer.body.contains(&format!(r#"value="{value}""#)), "{value}");
        }
    }
    assert_eq!(held(&clinic).await.len(), before);
    let markup = send(&clinic, &mut browser, &[("pulse", "\"><script>x</script>")]).await;
    assert!(!markup.body.contains("<script>x"), "{}", markup.body);
}

#[tokio::test]
async fn what_is_unlikely_is_asked_once_and_saved_as_confirmed_only() {
    let clinic = ward().await;
    let (mut browser, _) = look(&clinic, "nora", PAGE).await;
    let before = held(&clinic).await.len();
    // Kilograms with the unit of pounds left as it was.
    let mut form = form(&clinic, &mut browser, &[("weight", "84.2"), ("pulse", "140")]).await;
    let asked = browser.post(&clinic, PAGE, &form).await;
    assert_eq!(asked.status, StatusCode::UNPROCESSABLE_ENTITY);
    for part in [
        "84.2 lb (38.2 kg) is 54 % less than the last, 183.9 lb",
        "140 /min is unusual at this age",
        "41 /min to 130 /min",
    ] {
        assert!(asked.body.contains(part), "{part} in {}", asked.body);
    }
    assert_eq!(held(&clinic).await.len(), before);
    let confirm = asked.after(r#"name="confirm" value=""#);
    form.push(("confirm", confirm));
    // What was confirmed is not what is sent now.
    let mut other = form.clone();
    other.iter_mut().find(|(name, _)| *name == "pulse").unwrap().1 = "150".to_owned();
    assert_eq!(browser.post(&clinic, PAGE, &other).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(held(&clinic).await.len(), before);
    assert_eq!(browser.post(&clinic, PAGE, &form).await.status, StatusCode::SEE_OTHER);
    assert_eq!(held(&clinic).await.len(), before + 2);
    let page = browser.get(&clinic, PAGE).await;
    assert!(page.body.contains("very high") && page.body.contains("▲▲"), "{}", page.body);
}

#[tokio::test]
async fn a_part_of_a_set_may_be_the_patients_own_report_of_another_day() {
    let clinic = ward().await;
    let (mut browser, _) = look(&clinic, "leo", PAGE).await;
    let typed =
        [("systolic", "135"), ("diastolic", "70"), ("reported", "yes"), ("day", "2027-01-02"), ("clock", "07:30")];
    let saved = send(&clinic, &mut browser, &typed).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    let all = held(&clinic).await;
    let one = all.iter().find(|one| one.contains("vitals-set")).unwrap();
    assert!(one.contains(r#""performer":[{"reference":"Patient/p1"},{"reference":"Practitioner/leo"}]"#), "{one}");
    assert!(one.contains("2027-01-02T07:30:00-05:00"), "{one}");
    let page = browser.get(&clinic, PAGE).await;
    for part in ["<b>Patient</b>, noted by Dr leo", "135/70 mmHg <small>high</small>", "02-Jan-2027"] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
}

#[tokio::test]
async fn units_are_remembered_of_a_person_and_never_a_value() {
    let clinic = ward().await;
    let (mut browser, page) = look(&clinic, "nora", PAGE).await;
    let chosen = |page: &Answer, name: &str| {
        page.body.contains(&format!(r#"<option value="{name}""#)) && {
            let (_, rest) = page.body.split_once(&format!(r#"<option value="{name}""#)).unwrap();
            rest.split('>').next().unwrap().contains("selected")
        }
    };
    assert!(chosen(&page, "lb") && chosen(&page, "F"));
    let saved =
        send(&clinic, &mut browser, &[("weight", "83.9"), ("weight-unit", "kg"), ("temperature-unit", "F")]).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    let page = browser.get(&clinic, PAGE).await;
    assert!(chosen(&page, "kg") && chosen(&page, "F"));
    let cookie = browser.cookies.iter().find(|(name, _)| name == "__Host-wardstone-units").unwrap().1.clone();
    assert!(cookie.split('.').skip(1).eq(["F", "kg", "in"]), "{cookie}");
    // The next person at the same workstation has their own.
    browser.cookies.retain(|(name, _)| name == "__Host-wardstone-units");
    clinic.signed_in("leo", &mut browser).await;
    let page = browser.get(&clinic, PAGE).await;
    assert!(chosen(&page, "lb"), "{}", page.body);
}

#[tokio::test]
async fn each_role_does_what_policy_lets_it_and_a_closed_chart_says_so_on_its_own_page() {
    let clinic = ward().await;
    for (login, may) in [
        ("asha", "write"),
        ("nora", "write"),
        ("leo", "write"),
        ("zoe", "closed"),
        ("ruth", "closed"),
        ("fay", "never"),
        ("ben", "never"),
        ("petra", "never"),
    ] {
        let (mut browser, page) = look(&clinic, login, PAGE).await;
        match may {
            "write" => {
                assert!(page.status == StatusCode::OK && page.body.contains("Save the set"), "{login}: {}", page.body)
            }
            "closed" => assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/patients/p1"), "{login}"),
            _ => assert_eq!(page.status, StatusCode::FORBIDDEN, "{login}"),
        }
        assert_eq!(page.body.contains("83.4 kg"), may == "write", "{login}");
        if may == "write" {
            continue;
        }
        // Who does not see the form does not send one either.
        let csrf = browser.get(&clinic, "/me").await.csrf();
        let before = held(&clinic).await.len();
        let form = [
            ("csrf", csrf),
            ("pulse", "72".to_owned()),
            ("day", "2027-01-04".to_owned()),
            ("clock", "09:00".to_owned()),
        ];
        let answer = browser.post(&clinic, PAGE, &form).await;
        assert_ne!(answer.status, StatusCode::OK, "{login}");
        assert_eq!(held(&clinic).await.len(), before, "{login}");
    }
}

#[tokio::test]
async fn a_visit_that_goes_on_is_the_one_that_it_was_measured_at() {
    let clinic = ward().await;
    let visit = r#""subject":{"reference":"Patient/p1"},"status":"in-progress","class":{"code":"AMB"},"period":{"start":"2027-01-04T14:50:00Z"}"#;
    clinic.put("Encounter", "now", visit).await;
    let (mut browser, _) = look(&clinic, "nora", PAGE).await;
    assert_eq!(send(&clinic, &mut browser, &[("pulse", "72")]).await.status, StatusCode::SEE_OTHER);
    let of_now = |all: Vec<String>| all.iter().filter(|one| one.contains("Encounter/now")).count();
    assert_eq!(of_now(held(&clinic).await), 1);
}

#[tokio::test]
async fn a_course_is_plotted_on_true_time_with_axis_band_and_words() {
    let clinic = ward().await;
    let (mut browser, _) = look(&clinic, "nora", PAGE).await;
    for pulse in ["72", "104"] {
        assert_eq!(send(&clinic, &mut browser, &[("pulse", pulse)]).await.status, StatusCode::SEE_OTHER);
        clinic.advance(30 * MINUTE_MS / 10);
    }
    let page = browser.get(&clinic, PAGE).await;
    for part in [
        "<figcaption>Heart rate (/min)</figcaption>",
        "Shaded: expected at this age, 60 to 100 /min",
        r#"<path class="up" d="M"#,
        r#"<td class="up">104 /min, high"#,
        "Heart rate (/min) as a table",
        "<figcaption>Weight (kg)</figcaption>",
    ] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
    assert!(!page.body.contains("style="));
    assert!(page.body.contains(ward::MRN) && page.body.contains("<title>Vital signs –"));
}

#[tokio::test]
async fn the_chart_leads_to_the_page_whoever_sees_vital_signs_and_nobody_else() {
    let clinic = ward().await;
    for (login, words) in
        [("nora", "Enter a set, flowsheet and trends"), ("leo", "Enter a set"), ("fay", ""), ("ben", "")]
    {
        let (_, page) = look(&clinic, login, "/patients/p1").await;
        assert_eq!(page.body.contains(&format!(r#"href="{PAGE}""#)), !words.is_empty(), "{login}");
        assert!(page.body.contains(words), "{login}");
    }
}
