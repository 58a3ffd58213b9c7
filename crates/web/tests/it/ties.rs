//! Who works with whom: said by whose patients they are, and what it opens to who rooms them.

use http::StatusCode;

use crate::clinic::{Answer, Browser, Clinic};
use crate::ward::{look, patient, ward};

const HOUR_MS: i64 = 3_600_000;
const SAVED: &str = "/colleagues?saved=yes";
const TODAY: &str = "2027-01-04";

fn naming(page: &Answer, whose: &str, by: &str, until: &str) -> Vec<(&'static str, String)> {
    vec![("csrf", page.csrf()), ("whose", whose.to_owned()), ("by", by.to_owned()), ("until", until.to_owned())]
}

/// The form that ends the one that stands first.
fn ending(page: &Answer, whose: &str) -> Vec<(&'static str, String)> {
    vec![
        ("csrf", page.csrf()),
        ("id", page.after(r#"name="id" value=""#)),
        ("version", page.after(r#"name="version" value=""#)),
        ("whose", whose.to_owned()),
        ("act", "end".to_owned()),
    ]
}

/// Somebody new, booked with a clinician: no care team names anybody.
async fn newcomer(clinic: &Clinic, id: &str, with: &str) {
    patient(clinic, id, "Newcomer", "Ivy", "1961-05-06", &format!("MR-{id}")).await;
    let booked = format!(
        r#""status":"booked","start":"2027-01-04T20:00:00Z","end":"2027-01-04T20:30:00Z","participant":[
        {{"actor":{{"reference":"Patient/{id}"}},"status":"accepted"}},
        {{"actor":{{"reference":"Practitioner/{with}"}},"status":"accepted"}}]"#
    );
    clinic.put("Appointment", &format!("{id}-visit"), &booked).await;
}

async fn chart_of(clinic: &Clinic, login: &str, id: &str) -> StatusCode {
    look(clinic, login, &format!("/patients/{id}")).await.1.status
}

#[tokio::test]
async fn a_new_patient_is_on_the_day_of_who_works_with_their_clinician_and_their_chart_opens() {
    let clinic = ward().await;
    newcomer(&clinic, "ivy", "asha").await;
    for login in ["nora", "leo"] {
        let (_, today) = look(&clinic, login, "/today").await;
        assert!(today.status == StatusCode::OK && !today.body.contains("NEWCOMER"), "{login}");
        assert_eq!(chart_of(&clinic, login, "ivy").await, StatusCode::FORBIDDEN, "{login}");
    }
    let (mut asha, page) = look(&clinic, "asha", "/colleagues").await;
    assert!(page.body.contains("Who works with me") && page.body.contains("Nobody yet"), "{}", page.body);
    for login in ["nora", "leo"] {
        assert_eq!(asha.post(&clinic, "/colleagues", &naming(&page, "asha", login, "")).await.location(), SAVED);
        let (_, today) = look(&clinic, login, "/today").await;
        assert!(today.body.contains("NEWCOMER"), "{login}: {}", today.body);
        assert_eq!(chart_of(&clinic, login, "ivy").await, StatusCode::OK, "{login}");
        let (_, vitals) = look(&clinic, login, "/patients/ivy/vitals").await;
        assert!(vitals.status == StatusCode::OK && vitals.body.contains("Systolic"), "{login}");
        // Of a colleague whom they do not work with nothing opens.
        assert_eq!(chart_of(&clinic, login, "p2").await, StatusCode::FORBIDDEN, "{login}");
    }
    // Nor do her results come into their list of what they cover.
    let (_, results) = look(&clinic, "nora", "/results").await;
    assert!(!results.body.contains("You cover"), "{}", results.body);
    let page = asha.get(&clinic, "/colleagues").await;
    assert!(page.body.contains("Dr leo") && page.body.contains("open"), "{}", page.body);
    assert_eq!(asha.post(&clinic, "/colleagues", &ending(&page, "asha")).await.location(), SAVED);
    assert_eq!(chart_of(&clinic, "leo", "ivy").await, StatusCode::FORBIDDEN);
    assert_eq!(chart_of(&clinic, "nora", "ivy").await, StatusCode::OK);
}

#[tokio::test]
async fn a_last_day_is_the_last_and_what_was_typed_stays() {
    let clinic = ward().await;
    newcomer(&clinic, "ivy", "asha").await;
    let (mut asha, page) = look(&clinic, "asha", "/colleagues").await;
    for (by, until, said) in [
        ("", "", "Choose a colleague"),
        ("asha", "", "their own colleague"),
        ("nobody", "", "Choose a colleague"),
        ("nora", "2027-01-03", "The last day is over"),
        ("nora", "soon", "Say a last day, or leave it open"),
    ] {
        let answer = asha.post(&clinic, "/colleagues", &naming(&page, "asha", by, until)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{said}");
        assert!(answer.body.contains(said) && answer.body.contains(until), "{said}: {}", answer.body);
    }
    let form = naming(&page, "asha", "nora", TODAY);
    assert_eq!(asha.post(&clinic, "/colleagues", &form).await.location(), SAVED);
    assert_eq!(asha.post(&clinic, "/colleagues", &form).await.location(), SAVED, "the same once more is the same");
    assert_eq!(asha.get(&clinic, "/colleagues").await.body.matches("End it now").count(), 1);
    let other = asha.post(&clinic, "/colleagues", &naming(&page, "asha", "nora", "2027-01-09")).await;
    assert_eq!(other.status, StatusCode::CONFLICT);
    assert!(
        other.body.contains("Dr nora is named already until 04-Jan-2027")
            && other.body.contains(r#"value="2027-01-09""#)
            && other.body.contains(r#"value="nora" selected"#),
        "{}",
        other.body
    );
    assert_eq!(chart_of(&clinic, "nora", "ivy").await, StatusCode::OK);
    clinic.advance(24 * HOUR_MS);
    assert_eq!(chart_of(&clinic, "nora", "ivy").await, StatusCode::FORBIDDEN);
    // It takes the place of the one that is over.
    let (mut asha, page) = look(&clinic, "asha", "/colleagues").await;
    assert!(page.body.contains("Nobody yet"), "{}", page.body);
    assert_eq!(asha.post(&clinic, "/colleagues", &naming(&page, "asha", "nora", "")).await.location(), SAVED);
    assert_eq!(chart_of(&clinic, "nora", "ivy").await, StatusCode::OK);
}

#[tokio::test]
async fn of_two_who_end_and_set_it_the_second_is_told() {
    let clinic = ward().await;
    let (mut asha, page) = look(&clinic, "asha", "/colleagues").await;
    asha.post(&clinic, "/colleagues", &naming(&page, "asha", "nora", "")).await;
    let before = asha.get(&clinic, "/colleagues").await;
    let (mut root, page) = look(&clinic, "root", "/colleagues").await;
    assert!(page.body.contains("Who works with whom") && page.body.contains("Dr asha"), "{}", page.body);
    assert_eq!(root.post(&clinic, "/colleagues", &ending(&page, "asha")).await.location(), SAVED);
    // Ended already is ended.
    assert_eq!(asha.post(&clinic, "/colleagues", &ending(&before, "asha")).await.location(), SAVED);
    assert_eq!(root.post(&clinic, "/colleagues", &naming(&page, "asha", "nora", "2027-01-09")).await.location(), SAVED);
    // What she saw is not what stands now.
    let stale = asha.post(&clinic, "/colleagues", &ending(&before, "asha")).await;
    assert_eq!(stale.status, StatusCode::CONFLICT);
    assert!(stale.body.contains("set differently before you") && stale.body.contains("09-Jan-2027"), "{}", stale.body);
}

#[tokio::test]
async fn nobody_names_who_works_with_others_and_who_keeps_no_directory_names_nobody() {
    let clinic = ward().await;
    let (mut asha, page) = look(&clinic, "asha", "/colleagues").await;
    assert_eq!(
        asha.post(&clinic, "/colleagues", &naming(&page, "zoe", "asha", "")).await.status,
        StatusCode::FORBIDDEN
    );
    for login in ["nora", "leo", "fay", "petra"] {
        let (mut browser, answer): (Browser, _) = look(&clinic, login, "/colleagues").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{login}");
        let me = browser.get(&clinic, "/me").await;
        assert!(!me.body.contains("/colleagues"), "{login}");
        let refused = browser.post(&clinic, "/colleagues", &naming(&me, "asha", login, "")).await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND, "{login}");
    }
    let (mut root, page) = look(&clinic, "root", "/me").await;
    assert!(page.body.contains(r#"href="/colleagues""#), "{}", page.body);
    let page = root.get(&clinic, "/colleagues").await;
    assert_eq!(root.post(&clinic, "/colleagues", &naming(&page, "zoe", "nora", "")).await.location(), SAVED);
    assert_eq!(chart_of(&clinic, "nora", "p2").await, StatusCode::OK);
    // To Asha it is not shown as hers, and she does not end it.
    assert!(asha.get(&clinic, "/colleagues").await.body.contains("Nobody yet"));
    let page = root.get(&clinic, "/colleagues").await;
    let mut end = ending(&page, "zoe");
    end[0].1 = asha.get(&clinic, "/colleagues").await.csrf();
    assert_eq!(asha.post(&clinic, "/colleagues", &end).await.status, StatusCode::FORBIDDEN);
    // One that another program wrote without a time is here too, and can be ended.
    clinic
        .put(
            "PractitionerRole",
            "theirs",
            r#""practitioner":{"reference":"Practitioner/leo"},
        "code":[{"coding":[{"system":"urn:wardstone:practitioner-role","code":"working-with"}]}],
        "extension":[{"url":"urn:wardstone:works-with","valueReference":{"reference":"Practitioner/asha"}}]"#,
        )
        .await;
    let page = asha.get(&clinic, "/colleagues").await;
    assert!(page.body.contains("Dr leo") && page.body.contains("Not said"), "{}", page.body);
    assert_eq!(asha.post(&clinic, "/colleagues", &ending(&page, "asha")).await.location(), SAVED);
    assert!(asha.get(&clinic, "/colleagues").await.body.contains("Nobody yet"));
}
