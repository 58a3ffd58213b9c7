//! Finding a patient: by name, birth date or number, without a name in any address.

use access::Role;
use http::StatusCode;
use identity::Connection;
use serde_json::Value;

use crate::clinic::{Answer, Browser, Clinic};
use crate::ward::{self, look, ward};

async fn find(clinic: &Clinic, browser: &mut Browser, name: &str, number: &str) -> Answer {
    let csrf = browser.get(clinic, "/patients").await.csrf();
    let form = [("csrf", csrf), ("name", name.to_owned()), ("number", number.to_owned())];
    browser.seek(clinic, "/patients", &form).await
}

#[tokio::test]
async fn a_patient_is_found_by_any_name_by_birth_date_and_by_number() {
    let clinic = ward().await;
    let (mut browser, page) = look(&clinic, "asha", "/patients").await;
    assert_eq!(page.status, StatusCode::OK);
    for (name, number) in
        [("ade", ""), ("Ruth Adeyemi", ""), ("ADEYEMI, Ruth", "14-Jul-1968"), ("", "7/14/1968"), ("", "mr-004718")]
    {
        let found = find(&clinic, &mut browser, name, number).await;
        assert_eq!(found.status, StatusCode::OK);
        for part in ["1 patient<", "ADEYEMI, Ruth", "14-Jul-1968 (58y)", "Female", ward::MRN, r#"href="/patients/p1""#]
        {
            assert!(found.body.contains(part), "{name} {number}: {part} in {}", found.body);
        }
        assert!(!found.body.contains("BRANDT"), "{name} {number}");
    }
    // The directory shows patients whom one does not treat, too.
    assert!(find(&clinic, &mut browser, "brandt", "").await.body.contains("BRANDT, Max"));
    let nobody = find(&clinic, &mut browser, "nobody", "").await;
    assert!(nobody.status == StatusCode::OK && nobody.body.contains("No patient found"), "{}", nobody.body);
    let nothing = find(&clinic, &mut browser, " , ", "").await;
    assert_eq!(nothing.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(nothing.body.contains("Type a name"), "{}", nothing.body);
}

#[tokio::test]
async fn what_is_found_is_escaped_and_what_was_typed_too() {
    let clinic = ward().await;
    let (mut browser, _) = look(&clinic, "asha", "/patients").await;
    let found = find(&clinic, &mut browser, "adeyemi", "").await;
    assert!(found.body.contains("Ruth &#60;i&#62;Ada") && !found.body.contains("<i>"), "{}", found.body);
    let typed = find(&clinic, &mut browser, "\"><script>x</script>", "").await;
    assert!(!typed.body.contains("<script>x"), "{}", typed.body);
}

#[tokio::test]
async fn two_records_that_could_be_one_person_are_marked() {
    let clinic = ward().await;
    ward::patient(&clinic, "d1", "Sato", "Yui", "1980-03-04", "MR-8").await;
    ward::patient(&clinic, "d2", "Sato", "Yui", "1980-03-04", "MR-9").await;
    ward::patient(&clinic, "d3", "Sato", "Yui", "1981-03-04", "MR-7").await;
    let (mut browser, _) = look(&clinic, "fay", "/patients").await;
    let found = find(&clinic, &mut browser, "sato", "").await;
    assert!(found.body.contains("3 patients"), "{}", found.body);
    assert_eq!(found.body.matches("Same name and birth date as another").count(), 2);
}

#[tokio::test]
async fn a_long_list_goes_on_by_post_and_its_cursor_is_its_askers() {
    let clinic = ward().await;
    for number in 0..27 {
        ward::patient(&clinic, &format!("m{number}"), "Moreno", &format!("N{number:02}"), "1990-01-01", "x").await;
    }
    let (mut browser, _) = look(&clinic, "asha", "/patients").await;
    let first = find(&clinic, &mut browser, "moreno", "").await;
    assert!(first.body.contains("27 patients") && first.body.contains("MORENO, N24"), "{}", first.body);
    assert!(!first.body.contains("MORENO, N25"));
    let cursor = first.after(r#"name="cursor" value=""#);
    let further = |csrf: String| [("csrf", csrf), ("name", "moreno".into()), ("cursor", cursor.clone())];
    let second = browser.seek(&clinic, "/patients", &further(first.csrf())).await;
    assert!(second.body.contains("MORENO, N25") && second.body.contains("MORENO, N26"), "{}", second.body);
    assert!(!second.body.contains("MORENO, N24") && !second.body.contains(r#"name="cursor""#));
    // Lent to somebody else it opens nothing.
    let (mut other, page) = look(&clinic, "zoe", "/patients").await;
    let lent = other.seek(&clinic, "/patients", &further(page.csrf())).await;
    assert!(lent.status == StatusCode::UNPROCESSABLE_ENTITY && !lent.body.contains("MORENO"), "{}", lent.body);
}

#[tokio::test]
async fn who_finds_no_patients_has_no_entry_and_no_page() {
    let clinic = ward().await;
    for login in ["asha", "nora", "leo", "fay", "ben", "petra"] {
        let (mut browser, home) = look(&clinic, login, "/").await;
        let first = if home.location() == "/today" { "/today" } else { "/patients" };
        assert_eq!((home.status, home.location()), (StatusCode::SEE_OTHER, first), "{login}");
        assert_eq!(first == "/today", !["ben", "petra"].contains(&login), "{login} begins at {first}");
        assert!(browser.get(&clinic, "/me").await.body.contains(r#"href="/patients""#), "{login}");
    }
    let (mut browser, home) = look(&clinic, "root", "/").await;
    assert_eq!((home.status, home.location()), (StatusCode::SEE_OTHER, "/me"));
    let me = browser.get(&clinic, "/me").await;
    assert!(!me.body.contains(r#"href="/patients""#), "{}", me.body);
    for path in ["/patients", "/patients/p1", "/patients/nobody"] {
        assert_eq!(browser.get(&clinic, path).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    let form = [("csrf", me.csrf()), ("name", "adeyemi".into())];
    let tried = browser.post(&clinic, "/patients", &form).await;
    assert!(tried.status == StatusCode::FORBIDDEN && !tried.body.contains("ADEYEMI"), "{}", tried.body);
}

/// How many searches in the log name the patient.
async fn searches(clinic: &Clinic) -> usize {
    let auditor = clinic.identity.bearer("demo-otto", &Connection::LOCAL).unwrap();
    let events = clinic.record.audit_events(&auditor, &[("_count".into(), "100".into())]).await.unwrap();
    let events: Vec<Value> = { events.get().entries.iter() }.map(|one| serde_json::from_slice(one).unwrap()).collect();
    let is_search = |event: &Value| event["subtype"].to_string().contains("search-type");
    events.iter().filter(|event| is_search(event) && event["entity"].to_string().contains("Patient/p1")).count()
}

#[tokio::test]
async fn a_list_has_an_address_that_tells_nothing_and_opens_in_its_session_alone() {
    let clinic = ward().await;
    clinic.seed("otto", Role::Auditor).await;
    let (mut browser, page) = look(&clinic, "asha", "/patients").await;
    let form = [("csrf", page.csrf()), ("name", "adeyemi".to_owned()), ("number", ward::MRN.to_owned())];
    let led = browser.post(&clinic, "/patients", &form).await;
    let address = led.location().to_owned();
    let (path, reference) = address.split_once("?asked=").unwrap();
    assert!(path == "/patients" && reference.len() == 32 && !address.to_lowercase().contains("adeyemi"), "{address}");
    // Back and reload: asked of the record anew, each time in the log.
    for _ in 0..2 {
        let before = searches(&clinic).await;
        let found = browser.get(&clinic, &address).await;
        assert!(found.status == StatusCode::OK && found.body.contains("ADEYEMI, Ruth"), "{}", found.body);
        assert!(found.body.contains(r#"value="adeyemi""#), "{}", found.body);
        assert!(searches(&clinic).await > before, "it is in the log");
    }
    let calm = |answer: &Answer| {
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.body.contains("That search is no longer kept. Search again."), "{}", answer.body);
        assert!(!answer.body.to_lowercase().contains("adeyemi"), "{}", answer.body);
    };
    calm(&browser.get(&clinic, "/patients?asked=00000000000000000000000000000000").await);
    // Another session's, also of the same person.
    for login in ["fay", "asha"] {
        let (mut other, _) = look(&clinic, login, "/patients").await;
        calm(&other.get(&clinic, &address).await);
    }
}
