//! Courses of vital signs: each number by itself, everything that there is, and all of it in a page of its weight.

use std::collections::BTreeSet;
use std::path::Path;

use http::StatusCode;

use crate::clinic::{Clinic, MINUTE_MS};
use crate::ward::{look, team, ward};

const PAGE: &str = "/patients/p1/vitals";
/// HTML, styles, scripts and letters. The bench holds every page to 150 kB.
const PAGE_BYTES_MAX: u64 = 147_000;
/// What a plot of a page of many has at least.
const READINGS_MIN: usize = 24;
const MEASURES: [(&str, &str, f64); 8] = [
    ("8867-4", "/min", 72.0),
    ("9279-1", "/min", 16.0),
    ("8310-5", "Cel", 36.8),
    ("59408-5", "%", 97.0),
    ("29463-7", "kg", 83.4),
    ("8302-2", "cm", 168.0),
    ("39156-5", "kg/m2", 29.5),
    ("72514-3", "{score}", 2.0),
];

async fn observation(clinic: &Clinic, id: &str, when: &str, code: &str, value: &str) {
    let members = format!(
        r#""subject":{{"reference":"Patient/p1"}},"status":"final","effectiveDateTime":"{when}","performer":[{{"reference":"Practitioner/nora"}}],
        "category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}}]}}],
        "code":{{"coding":[{{"system":"http://loinc.org","code":"{code}"}}]}},{value}"#
    );
    clinic.put("Observation", id, &members).await;
}

fn quantity(value: f64, unit: &str) -> String {
    format!(r#"{{"value":{value},"unit":"{unit}","system":"http://unitsofmeasure.org","code":"{unit}"}}"#)
}

async fn pulse(clinic: &Clinic, id: &str, when: &str, value: f64) {
    let value = format!(r#""valueQuantity":{}"#, quantity(value, "/min"));
    observation(clinic, id, when, "8867-4", &value).await;
}

/// `flag` is what its maker says of the diastolic number.
async fn pressure(clinic: &Clinic, id: &str, when: &str, (systolic, diastolic): (f64, f64), flag: &str) {
    let part = |code: &str, value: f64, flag: &str| {
        let flag = match flag {
            "" => String::new(),
            flag => format!(r#","interpretation":[{{"coding":[{{"code":"{flag}"}}]}}]"#),
        };
        let value = quantity(value, "mm[Hg]");
        format!(
            r#"{{"code":{{"coding":[{{"system":"http://loinc.org","code":"{code}"}}]}},"valueQuantity":{value}{flag}}}"#
        )
    };
    let parts = [part("8480-6", systolic, ""), part("8462-4", diastolic, flag)].join(",");
    observation(clinic, id, when, "85354-9", &format!(r#""component":[{parts}]"#)).await;
}

/// The figures of a page, each from its caption on.
fn figures(page: &str) -> Vec<&str> {
    page.split("<figure>").skip(1).map(|rest| rest.split("</figure>").next().unwrap()).collect()
}

#[tokio::test]
async fn each_number_of_a_blood_pressure_is_marked_and_shaded_by_itself() {
    let clinic = ward().await;
    pressure(&clinic, "b1", "2026-12-01T09:00:00Z", (134.0, 71.0), "").await;
    pressure(&clinic, "b2", "2026-11-01T09:00:00Z", (118.0, 86.0), "").await;
    pressure(&clinic, "b3", "2026-10-01T09:00:00Z", (120.0, 70.0), "").await;
    let (mut browser, page) = look(&clinic, "nora", PAGE).await;
    let figure = figures(&page.body).into_iter().find(|figure| figure.contains("Blood pressure (mmHg)")).unwrap();
    for part in [
        "134/71 mmHg, systolic high",
        "118/86 mmHg, diastolic high",
        "120/70 mmHg",
        "Shaded: expected at this age, systolic 91 to 129, diastolic 79 and less mmHg",
    ] {
        assert!(figure.contains(part), "{part} in {figure}");
    }
    let marks = figure.split_once(r#"<path class="up" d=""#).unwrap().1.split('"').next().unwrap();
    assert_eq!(marks.matches('M').count(), 2, "one number of each: {figure}");
    assert_eq!(figure.matches(r#"<rect class="band""#).count(), 2, "{figure}");
    // The maker knows better, of the number that it speaks of.
    pressure(&clinic, "b4", "2026-12-20T09:00:00Z", (120.0, 70.0), "LL").await;
    let page = browser.get(&clinic, PAGE).await;
    assert!(page.body.contains("120/70 mmHg, diastolic critically low"), "{}", page.body);
}

#[tokio::test]
async fn every_time_is_on_a_page_and_only_in_its_own_chart() {
    let clinic = ward().await;
    for at in 0..30 {
        pulse(&clinic, &format!("s{at}"), &format!("2026-11-{:02}T09:00:00Z", at + 1), 60.0 + f64::from(at)).await;
    }
    let (mut browser, page) = look(&clinic, "nora", PAGE).await;
    let cell = |value: u32| format!("<td>{value} /min</td>");
    // Of 32 times, two of them of a weight.
    assert!(page.body.contains("the last 12 of 32 times") && page.body.contains(&cell(89)), "{}", page.body);
    assert!(!page.body.contains(&cell(70)) && page.body.contains("Save the set"));
    let next = browser.get(&clinic, &format!("{PAGE}?older=1")).await;
    assert!(next.body.contains(&cell(70)) && !next.body.contains(&cell(89)), "{}", next.body);
    assert!(next.body.contains("To the newest") && !next.body.contains("Save the set"), "{}", next.body);
    let last = browser.get(&clinic, &format!("{PAGE}?{}", next.after("vitals?"))).await;
    assert!(last.body.contains(&cell(60)) && last.body.contains("80.10 kg"), "{}", last.body);
    assert!(!last.body.contains("Older vital signs"), "{}", last.body);
    let none = browser.get(&clinic, &format!("{PAGE}?older=999")).await;
    assert!(none.status == StatusCode::OK && none.body.contains("There are no older ones"), "{}", none.body);

    // More than a page looks at.
    for at in 0..400 {
        let when = format!("2025-{:02}-{:02}T{:02}:00:00Z", at % 12 + 1, at % 28 + 1, at % 24);
        pulse(&clinic, &format!("m{at}"), &when, 71.0).await;
    }
    pulse(&clinic, "oldest", "2019-02-03T09:00:00Z", 99.0).await;
    let (mut path, mut pages) = (PAGE.to_owned(), 0);
    let oldest = loop {
        let page = browser.get(&clinic, &path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        if page.body.contains(&cell(99)) {
            break path;
        }
        pages += 1;
        let (before, _) =
            page.body.split_once(">Older vital signs<").unwrap_or_else(|| panic!("no way on after {pages}"));
        path = before.rsplit_once("href=\"").unwrap().1.trim_end_matches('"').replace("&#38;", "&").to_owned();
        assert!(pages < 60, "{path}");
    };
    let (_, cursor) = oldest.split_once("from=").unwrap();
    team(&clinic, "p2", &["nora"]).await;
    clinic.advance(MINUTE_MS);
    let other = browser.get(&clinic, &format!("/patients/p2/vitals?from={cursor}")).await;
    assert!(other.status == StatusCode::NOT_FOUND && !other.body.contains("99 /min"), "{}", other.body);
}

#[tokio::test]
async fn a_long_history_is_drawn_and_listed_in_a_page_of_its_weight() {
    let clinic = ward().await;
    for at in 0..45 {
        let when = format!("2026-{:02}-{:02}T{:02}:30:00Z", at % 11 + 1, at % 28 + 1, at % 24);
        // Every third is out of range.
        let swing = f64::from(at % 3 == 0) * 0.5;
        for (code, unit, value) in MEASURES {
            let value = (value * (1.0 + swing) * 10.0).round() / 10.0;
            let value = format!(r#""valueQuantity":{}"#, quantity(value, unit));
            observation(&clinic, &format!("v{code}-{at}"), &when, code, &value).await;
        }
        pressure(&clinic, &format!("p{at}"), &when, (128.0 + swing * 20.0, 78.0 + swing * 20.0), "").await;
    }
    let (_, page) = look(&clinic, "nora", PAGE).await;
    let figures = figures(&page.body);
    assert_eq!(figures.len(), MEASURES.len() + 1);
    for figure in figures {
        let rows = figure.split_once("<tbody>").unwrap().1.matches("<tr><th>").count();
        let line = figure.split_once(r#" points=""#).unwrap().1.split('"').next().unwrap();
        assert_eq!(line.split(' ').count(), rows, "what is drawn is in the table: {figure}");
        assert!(rows >= READINGS_MIN, "{rows} in {figure}");
    }
    let weight = page.body.len() as u64 + loaded(&page.body);
    assert!(weight < PAGE_BYTES_MAX, "{weight}, of it {} of HTML", page.body.len());
}

/// Bytes of what a page loads. What its styles load is letters of other languages, where they are met.
fn loaded(page: &str) -> u64 {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    let ends = |letter: char| matches!(letter, '"' | '?');
    let named = page.split("/assets/").skip(1).map(|rest| rest.split(ends).next().unwrap().to_owned());
    let files: BTreeSet<String> = named.collect();
    files.iter().filter_map(|file| Some(std::fs::metadata(folder.join(file)).ok()?.len())).sum()
}
