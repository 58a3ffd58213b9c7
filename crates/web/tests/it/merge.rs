//! Two records of one patient: merged by who may, shown as one on every page that asks, and taken apart again.

use http::StatusCode;

use crate::clinic::{Answer, Browser, Clinic};
use crate::ward::{self, look, ward};

const REASON: &str = "passport and phone number agree";

/// Ruth, and a second record of hers under a misspelt name, registered today: nobody is attributed to it.
pub async fn two() -> Clinic {
    let clinic = ward().await;
    ward::patient(&clinic, "p9", "Adeyemy", "Ruth", ward::BIRTH, "MR-900000").await;
    let allergy = r#""patient":{"reference":"Patient/p9"},"code":{"text":"Latex"},
        "clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical","code":"active"}]}"#;
    clinic.put("AllergyIntolerance", "latex", allergy).await;
    clinic
}

/// As who signed in with a fresh second factor.
pub async fn fresh(clinic: &Clinic, browser: &mut Browser) {
    let page = browser.get(clinic, "/stepup").await;
    let form = [("csrf", page.csrf()), ("code", clinic.totp())];
    let confirmed = browser.post(clinic, "/stepup", &form).await;
    assert_eq!(confirmed.status, StatusCode::SEE_OTHER, "{}", confirmed.body);
}

pub async fn laid(clinic: &Clinic, browser: &mut Browser, number: &str) -> Answer {
    let page = browser.get(clinic, "/patients/p1/merge").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let form = [("csrf", page.csrf()), ("step", "compare".to_owned()), ("number", number.to_owned())];
    browser.post(clinic, "/patients/p1/merge", &form).await
}

pub fn filled(pair: &Answer, goes_on: &str, reason: &str) -> Vec<(&'static str, String)> {
    vec![
        ("csrf", pair.csrf()),
        ("step", "merge".to_owned()),
        ("other", pair.after(r#"name="other" value=""#)),
        ("version", pair.after(r#"name="version" value=""#)),
        ("other-version", pair.after(r#"name="other-version" value=""#)),
        ("goes-on", goes_on.to_owned()),
        ("reason", reason.to_owned()),
    ]
}

/// p9 goes on as p1.
pub async fn merged(clinic: &Clinic, browser: &mut Browser) {
    fresh(clinic, browser).await;
    let pair = laid(clinic, browser, "MR-900000").await;
    let merged = browser.post(clinic, "/patients/p1/merge", &filled(&pair, "p1", REASON)).await;
    assert_eq!((merged.status, merged.location()), (StatusCode::SEE_OTHER, "/patients/p1?merged"), "{}", merged.body);
}

/// And the merge is undone.
pub async fn undone(clinic: &Clinic, browser: &mut Browser) {
    let old = browser.get(clinic, "/patients/p9").await;
    let undo = [
        ("csrf", old.csrf()),
        ("version", old.after(r#"name="version" value=""#)),
        ("other-version", old.after(r#"name="other-version" value=""#)),
        ("reason", "two sisters, both called Ruth".to_owned()),
    ];
    let undone = browser.post(clinic, "/patients/p9/unmerge", &undo).await;
    assert_eq!(undone.location(), "/patients/p9?unmerged", "{}", undone.body);
}

#[tokio::test]
async fn a_physician_merges_two_records_and_undoes_it() {
    let clinic = two().await;
    let (mut asha, before) = look(&clinic, "asha", "/patients/p1").await;
    assert!(before.body.contains("Penicillin") && !before.body.contains("Latex"), "{}", before.body);
    fresh(&clinic, &mut asha).await;
    let choice = asha.get(&clinic, "/patients/p1/merge").await;
    assert!(choice.body.contains("MR-900000") && choice.body.contains("same birth date"), "{}", choice.body);
    let pair = laid(&clinic, &mut asha, "mr-900000").await;
    assert!(pair.body.contains("Are these of the same patient?") && pair.body.contains("ADEYEMY"), "{}", pair.body);
    // Without a reason nothing happens, and what was chosen stays.
    let short = asha.post(&clinic, "/patients/p1/merge", &filled(&pair, "p1", "same")).await;
    assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(short.body.contains("ten letters at least") && short.body.contains(">same</textarea>"), "{}", short.body);
    let form = filled(&pair, "p1", REASON);
    let merged = asha.post(&clinic, "/patients/p1/merge", &form).await;
    assert_eq!((merged.status, merged.location()), (StatusCode::SEE_OTHER, "/patients/p1?merged"), "{}", merged.body);
    // Sent twice it is done once.
    assert_eq!(asha.post(&clinic, "/patients/p1/merge", &form).await.location(), "/patients/p1?merged");
    for path in ["/patients/p1", "/patients/p1/vitals"] {
        let chart = asha.get(&clinic, path).await;
        assert!(chart.body.contains("Penicillin") && chart.body.contains("Latex"), "{path}: {}", chart.body);
    }
    let old = asha.get(&clinic, "/patients/p9").await;
    assert!(old.body.contains("This record was merged") && old.body.contains(r#"href="/patients/p1""#), "{}", old.body);
    // Found under both names, and the old one says so.
    let csrf = asha.get(&clinic, "/patients").await.csrf();
    let find = [("csrf", csrf), ("name", "adeyemy".to_owned())];
    assert!(asha.seek(&clinic, "/patients", &find).await.body.contains("Merged into another record"));
    let undo = [
        ("csrf", old.csrf()),
        ("version", old.after(r#"name="version" value=""#)),
        ("other-version", old.after(r#"name="other-version" value=""#)),
        ("reason", "two sisters, both called Ruth".to_owned()),
    ];
    let undone = asha.post(&clinic, "/patients/p9/unmerge", &undo).await;
    assert_eq!(undone.location(), "/patients/p9?unmerged", "{}", undone.body);
    assert!(!asha.get(&clinic, "/patients/p1").await.body.contains("Latex"));
    assert!(asha.get(&clinic, "/patients/p9").await.body.contains("Latex"));
    // Undone twice is undone.
    assert_eq!(asha.post(&clinic, "/patients/p9/unmerge", &undo).await.location(), "/patients/p9");
}

#[tokio::test]
async fn merging_asks_for_a_fresh_factor_and_for_both_records_as_they_were_seen() {
    let clinic = two().await;
    let (mut asha, _) = look(&clinic, "asha", "/patients/p1").await;
    fresh(&clinic, &mut asha).await;
    let pair = laid(&clinic, &mut asha, "MR-900000").await;
    let form = filled(&pair, "p9", REASON);
    // Somebody edits the other meanwhile.
    ward::patient(&clinic, "p9", "Adeyemy", "Ruthie", ward::BIRTH, "MR-900000").await;
    let overtaken = asha.post(&clinic, "/patients/p1/merge", &form).await;
    assert_eq!(overtaken.status, StatusCode::CONFLICT);
    assert!(overtaken.body.contains("Ruthie") && overtaken.body.contains(REASON), "{}", overtaken.body);
    // Ten minutes later the factor is not fresh any more.
    clinic.advance(10 * crate::clinic::MINUTE_MS);
    let page = asha.get(&clinic, "/patients/p1/merge").await;
    assert!(page.body.contains("Confirm that it is you"), "{}", page.body);
    let late = asha.post(&clinic, "/patients/p1/merge", &filled(&overtaken, "p9", REASON)).await;
    assert_eq!(late.location(), "/stepup?next=/patients/p1/merge");
    assert!(clinic.record.merged_into("p9").await.unwrap().is_empty());
}

#[tokio::test]
async fn who_may_not_merge_is_offered_nothing_and_gets_nothing() {
    let clinic = two().await;
    for login in ["nora", "fay", "leo", "ben"] {
        let (mut browser, chart) = look(&clinic, login, "/patients/p1").await;
        assert!(!chart.body.contains("/merge"), "{login}");
        assert_eq!(browser.get(&clinic, "/patients/p1/merge").await.status, StatusCode::FORBIDDEN, "{login}");
        let me = browser.get(&clinic, "/me").await;
        let form = [
            ("csrf", me.csrf()),
            ("step", "merge".to_owned()),
            ("other", "p9".to_owned()),
            ("version", "1".to_owned()),
            ("other-version", "1".to_owned()),
            ("reason", REASON.to_owned()),
        ];
        assert_eq!(browser.post(&clinic, "/patients/p1/merge", &form).await.status, StatusCode::FORBIDDEN, "{login}");
        assert_eq!(browser.post(&clinic, "/patients/p9/unmerge", &form).await.status, StatusCode::FORBIDDEN, "{login}");
    }
    // Max is in Zoe's care: Asha learns that, and nothing happens.
    let (mut asha, _) = look(&clinic, "asha", "/patients/p1").await;
    fresh(&clinic, &mut asha).await;
    let pair = laid(&clinic, &mut asha, "MR-2").await;
    let tried = asha.post(&clinic, "/patients/p1/merge", &filled(&pair, "p1", REASON)).await;
    assert_eq!(tried.status, StatusCode::FORBIDDEN);
    assert!(
        tried.body.contains("in somebody else’s care") || tried.body.contains("somebody else&#39;s care"),
        "{}",
        tried.body
    );
    assert!(clinic.record.merged_into("p1").await.unwrap().is_empty());
}
