//! The command palette: patients from one field, what may be done and where one may go, by policy; letters as keys, on and off.

use axum::body::Body;
use http::StatusCode;
use serde_json::{Value, json};
use web::CSRF_HEADER;

use crate::clinic::{Answer, Browser, Clinic};
use crate::visit_before::seed_patient;
use crate::ward::{self, look, ward};

async fn ask(clinic: &Clinic, browser: &mut Browser, path: &str, body: Value) -> Answer {
    let csrf = browser.get(clinic, "/me").await.csrf();
    let headers = [
        ("accept", "application/json"),
        ("content-type", "application/json"),
        ("sec-fetch-site", "same-origin"),
        (CSRF_HEADER, csrf.as_str()),
    ];
    browser.ask(clinic, "POST", path, &headers, Body::from(body.to_string())).await
}

async fn find(clinic: &Clinic, browser: &mut Browser, text: &str) -> Value {
    let answer = ask(clinic, browser, "/palette/patients", json!({ "text": text })).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

fn lines(found: &Value) -> Vec<String> {
    let text = |hit: &Value, name: &str| hit[name].as_str().unwrap().to_owned();
    let hits = found["patients"].as_array().unwrap().iter();
    hits.map(|hit| format!("{} · {} · {}", text(hit, "name"), text(hit, "born"), text(hit, "number"))).collect()
}

/// The names of the ways of each group.
async fn ways(clinic: &Clinic, login: &str, patient: &str) -> Vec<(String, Vec<String>)> {
    let (mut browser, _) = look(clinic, login, "/me").await;
    let answer = ask(clinic, &mut browser, "/palette", json!({ "patient": patient })).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let told: Value = serde_json::from_str(&answer.body).unwrap();
    let mut groups = Vec::new();
    for group in told["groups"].as_array().unwrap() {
        for way in group["ways"].as_array().unwrap() {
            let address = way["address"].as_str().unwrap();
            let status = browser.get(clinic, address).await.status;
            assert!(status.is_success() || status.is_redirection(), "{login}: {address} is listed and says {status}");
        }
        let names = group["ways"].as_array().unwrap().iter().map(|way| way["name"].as_str().unwrap().to_owned());
        groups.push((group["name"].as_str().unwrap().to_owned(), names.collect()));
    }
    groups
}

#[tokio::test]
async fn two_patients_of_one_name_are_told_apart_from_one_field() {
    let clinic = ward().await;
    ward::patient(&clinic, "r2", "Adeyemi", "Ruth", "1971-02-03", "MR-9").await;
    let (mut browser, _) = look(&clinic, "asha", "/patients").await;
    let both = find(&clinic, &mut browser, "ruth adeyemi").await;
    let expected = [
        format!("ADEYEMI, Ruth <i>Ada</i> · born 14-Jul-1968 (58y) · MRN {}", ward::MRN),
        "ADEYEMI, Ruth · born 03-Feb-1971 (55y) · MRN MR-9".to_owned(),
    ];
    let mut said = lines(&both);
    said.sort_by_key(|line| !line.contains("1968"));
    assert_eq!(said, expected);
    for text in ["ruth 03-Feb-1971", "2/3/1971 adeyemi", "mr-9", "Adeyemi, Ruth 1971"] {
        assert_eq!(lines(&find(&clinic, &mut browser, text).await), expected[1..], "{text}");
    }
    // By sound.
    assert_eq!(lines(&find(&clinic, &mut browser, "adeyemmi 1971").await), expected[1..]);
    let nobody = find(&clinic, &mut browser, "nobodyelse").await;
    assert_eq!(
        (lines(&nobody).len(), nobody["words"].as_str()),
        (0, Some("Nobody whom you may see is written like that."))
    );
    // One letter looks for nobody.
    assert_eq!(find(&clinic, &mut browser, "a").await, json!({ "patients": [], "words": "" }));
}

#[tokio::test]
async fn who_only_sounds_alike_is_marked_and_comes_last() {
    let clinic = ward().await;
    // Before the other in every order that a name gives.
    ward::patient(&clinic, "r3", "Addeyemy", "Abe", "1950-02-03", "MR-10").await;
    let (mut browser, _) = look(&clinic, "asha", "/patients").await;
    let found = find(&clinic, &mut browser, "adeyemi").await;
    let marks: Vec<(&str, bool)> = { found["patients"].as_array().unwrap().iter() }
        .map(|hit| {
            let is_marked = hit["marks"].as_array().unwrap().iter().any(|mark| mark == "sounds alike");
            (hit["name"].as_str().unwrap(), is_marked)
        })
        .collect();
    assert_eq!(marks, [("ADEYEMI, Ruth <i>Ada</i>", false), ("ADDEYEMY, Abe", true)]);
}

#[tokio::test]
async fn more_patients_than_fit_are_not_disclosed() {
    let clinic = ward().await;
    for number in 0..12 {
        ward::patient(&clinic, &format!("m{number}"), "Moreno", &format!("N{number:02}"), "1990-01-01", "x").await;
    }
    let (mut browser, _) = look(&clinic, "asha", "/patients").await;
    let found = find(&clinic, &mut browser, "moreno").await;
    assert_eq!(found["patients"].as_array().unwrap().len(), 8);
    assert!(found["words"].as_str().unwrap().starts_with("There are more."), "{found}");
}

#[tokio::test]
async fn each_role_is_offered_what_it_may_do_and_nothing_else() {
    let clinic = ward().await;
    let physician = ways(&clinic, "asha", "p1").await;
    let (name, of_patient) = &physician[0];
    assert_eq!(name, "This patient");
    for way in ["Chart", "Write a note", "Enter vital signs", "Order tests and images", "Prescribe", "Allergies"] {
        assert!(of_patient.iter().any(|held| held == way), "{way} in {of_patient:?}");
    }
    assert_eq!(physician[1].0, "Actions");
    assert_eq!(physician[2].0, "Pages");
    let desk = ways(&clinic, "fay", "p1").await;
    let all: Vec<&String> = desk.iter().flat_map(|(_, ways)| ways).collect();
    assert!(all.iter().any(|way| *way == "Register a patient") && all.iter().any(|way| *way == "Edit who this is"));
    for way in ["Write a note", "Enter vital signs", "Prescribe", "Order tests and images", "Problems", "Results"] {
        assert!(!all.iter().any(|held| *held == way), "{way}");
    }
    // Without a patient there is nothing of one; a made-up id is none.
    assert!(ways(&clinic, "asha", "").await.iter().all(|(name, _)| name != "This patient"));
    assert!(ways(&clinic, "asha", "../x").await.iter().all(|(name, _)| name != "This patient"));
    // Who finds no patients has the own pages, and finds none here either.
    let root = ways(&clinic, "root", "p1").await;
    assert!(root.iter().all(|(name, _)| name != "This patient"), "{root:?}");
    // Nor does a patient, who may see what was found about themselves.
    seed_patient(&clinic, "pat", "p1").await;
    let patient = ways(&clinic, "pat", "").await;
    assert!(patient.iter().flat_map(|(_, ways)| ways).all(|way| way != "Allergy warnings signed over"), "{patient:?}");
    let (mut browser, _) = look(&clinic, "root", "/me").await;
    let refused = ask(&clinic, &mut browser, "/palette/patients", json!({ "text": "adeyemi" })).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.body);
}

#[tokio::test]
async fn nobody_is_looked_for_without_the_token_of_the_session() {
    let clinic = ward().await;
    let (mut browser, _) = look(&clinic, "asha", "/me").await;
    for path in ["/palette", "/palette/patients"] {
        for headers in
            [&[("sec-fetch-site", "same-origin")][..], &[("sec-fetch-site", "same-origin"), (CSRF_HEADER, "x")]]
        {
            let body = Body::from(r#"{"text":"adeyemi","patient":""}"#);
            let answer = browser.ask(&clinic, "POST", path, headers, body).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        }
        assert_eq!(browser.get(&clinic, path).await.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
    }
}

#[tokio::test]
async fn letters_as_keys_are_switched_off_for_the_person_on_every_device() {
    let clinic = ward().await;
    let (mut browser, page) = look(&clinic, "asha", "/patients").await;
    assert!(page.body.contains(r#"data-letters="on""#), "{}", page.body);
    let off = [("csrf", page.csrf()), ("letters", "off".to_owned())];
    let saved = browser.post(&clinic, "/me/letters", &off).await;
    assert_eq!((saved.status, saved.location()), (StatusCode::SEE_OTHER, "/me"));
    let (mut elsewhere, page) = look(&clinic, "asha", "/patients").await;
    assert!(page.body.contains(r#"data-letters="off""#), "{}", page.body);
    let (_, other) = look(&clinic, "nora", "/patients").await;
    assert!(other.body.contains(r#"data-letters="on""#), "it is each person's own");
    elsewhere.post(&clinic, "/me/letters", &[("csrf", page.csrf()), ("letters", "on".to_owned())]).await;
    assert!(browser.get(&clinic, "/patients").await.body.contains(r#"data-letters="on""#));
    let forged = browser.post(&clinic, "/me/letters", &[("csrf", "x".into()), ("letters", "off".into())]).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn without_scripts_nothing_of_it_shows() {
    let clinic = ward().await;
    let (_, page) = look(&clinic, "asha", "/patients").await;
    for closed in [r#"id="palette""#, r#"id="key-list""#] {
        let (before, _) = page.body.split_once(closed).unwrap();
        let tag = before.rsplit('<').next().unwrap();
        assert!(tag.starts_with("dialog ") && !tag.contains("open"), "{tag}");
    }
    let (before, _) = page.body.split_once("Search<span> or go to</span> <kbd>").unwrap();
    let tag = before.rsplit('<').next().unwrap();
    assert!(tag.contains("scripted"), "{tag}");
}
