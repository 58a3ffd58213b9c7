//! Laboratory results: every one of them is on a page, with its range, its course and its flag, for whom they are open to.

use audit::Action;
use http::StatusCode;
use record::types;

use crate::chart::events;
use crate::clinic::{Clinic, MINUTE_MS};
use crate::ward::{look, ward};

const PAGE: &str = "/patients/p1/labs";

/// One value of a test in Ruth's chart.
async fn result(clinic: &Clinic, patient: &str, (id, code, name): (&str, &str, &str), day: &str, value: &str) {
    let members = format!(
        r#""subject":{{"reference":"Patient/{patient}"}},"status":"final",
        "category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}}]}}],
        "code":{{"text":"{name}","coding":[{{"system":"http://loinc.org","code":"{code}"}}]}},"effectiveDateTime":"{day}",
        "performer":[{{"reference":"Practitioner/zoe"}}],
        "referenceRange":[{{"low":{{"value":4.0,"unit":"%","code":"%"}},"high":{{"value":5.6,"unit":"%","code":"%"}}}}],
        "valueQuantity":{{"value":{value},"unit":"%","system":"http://unitsofmeasure.org","code":"%"}}"#
    );
    clinic.put("Observation", id, &members).await;
}

const HBA1C: (&str, &str) = ("4548-4", "Hemoglobin A1c");

async fn hba1c(clinic: &Clinic, id: &str, day: &str, value: &str) {
    result(clinic, "p1", (id, HBA1C.0, HBA1C.1), day, value).await;
}

#[tokio::test]
async fn every_value_of_a_test_is_in_the_flowsheet_and_on_its_plot() {
    let clinic = ward().await;
    hba1c(&clinic, "a1", "2025-12-01T09:00:00Z", "7.9").await;
    hba1c(&clinic, "a2", "2026-06-01T09:00:00Z", "6.83").await;
    hba1c(&clinic, "a3", "2026-12-01T09:00:00Z", "5.4").await;
    let (mut browser, chart) = look(&clinic, "asha", "/patients/p1").await;
    assert!(chart.body.contains(&format!(r#"<a href="{PAGE}">"#)), "{}", chart.body);
    let before = clinic.record.store().log_reader().size();
    let page = browser.get(&clinic, PAGE).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    for part in [
        "<td>5.4 %</td>",
        "6.83 % <small>high</small>",
        "7.9 % <small>high</small>",
        "4.0–5.6",
        "01-Dec-2025",
        "Uric acid",
        "<td>Dr zoe</td>",
        // The plot: its axis, its band, its points in words, and the same as a table.
        "<figcaption>Hemoglobin A1c (%)</figcaption>",
        "3 readings: 7.9 %, high on 01-Dec-2025 04:00, to 5.4 % on 01-Dec-2026 04:00",
        r#"<rect class="band""#,
        "Shaded: the reference range of the latest value, 4.0–5.6 %",
        r#"<tr><th>01-Jun-2026 05:00<td class="up">6.83 %, high"#,
        "Hemoglobin A1c (%) as a table",
    ] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
    // One value has no course; vital signs are another page.
    assert!(!page.body.contains("Uric acid (mg/dL)") && !page.body.contains("83.4"), "{}", page.body);
    let kind = types::parse("Observation").unwrap().code;
    let events = events(&clinic, before);
    let asked: Vec<_> = events.iter().filter(|event| event.kind == Some(kind)).collect();
    assert!(asked.len() == 1 && asked[0].action == Action::Search && asked[0].went_well);
}

#[tokio::test]
async fn older_times_and_further_trends_are_behind_the_newest() {
    let clinic = ward().await;
    for at in 0..10 {
        hba1c(&clinic, &format!("a{at}"), &format!("2026-{:02}-11", at + 1), &format!("4.{at}")).await;
    }
    for test in ["1", "2", "3", "4", "5", "6", "7"] {
        for day in ["2026-02-01", "2026-03-01"] {
            result(&clinic, "p1", (&format!("t{test}-{day}"), test, &format!("Test {test}")), day, "5").await;
        }
    }
    let (mut browser, page) = look(&clinic, "asha", PAGE).await;
    assert!(page.body.contains("<td>4.9 %</td>") && !page.body.contains("<td>4.0 %</td>"), "{}", page.body);
    // Thirteen times, six on a page.
    assert_eq!(page.after("labs?older="), "1");
    let middle = browser.get(&clinic, &format!("{PAGE}?older=1")).await;
    assert!(
        !["4.9", "4.0"].iter().any(|value| middle.body.contains(&format!("<td>{value} %</td>"))),
        "{}",
        middle.body
    );
    assert_eq!(middle.after("labs?older="), "2");
    let older = browser.get(&clinic, &format!("{PAGE}?older=2")).await;
    assert!(older.body.contains("<td>4.0 %</td>") && !older.body.contains("<td>4.9 %</td>"), "{}", older.body);
    assert!(older.body.contains("To the newest") && !older.body.contains("Older results"), "{}", older.body);
    let drawn = |body: &str| body.matches("<figure>").count();
    assert!(page.body.contains("1 to 6 of 8 tests") && drawn(&page.body) == 6, "{}", page.body);
    let more = browser.get(&clinic, &format!("{PAGE}?trends=1")).await;
    assert!(more.body.contains("7 to 8 of 8 tests") && drawn(&more.body) == 2, "{}", more.body);
    assert!(more.body.contains("Trends before") && !more.body.contains("More trends"));
    // What nobody has is no page that fails.
    let none = browser.get(&clinic, &format!("{PAGE}?older=999&trends=65535")).await;
    assert!(none.status == StatusCode::OK && none.body.contains("There are no older ones"), "{}", none.body);
}

#[tokio::test]
async fn more_results_than_a_page_looks_at_go_on_behind_it_and_only_in_their_own_chart() {
    let clinic = ward().await;
    for at in 0..251 {
        let day = format!("2024-{:02}-{:02}T{:02}:00:00Z", at % 12 + 1, at % 28 + 1, at % 24);
        hba1c(&clinic, &format!("b{at}"), &day, "5.1").await;
    }
    hba1c(&clinic, "oldest", "2019-02-03", "4.77").await;
    let (mut browser, _) = look(&clinic, "asha", PAGE).await;
    let mut path = PAGE.to_owned();
    let mut pages = 0;
    loop {
        let page = browser.get(&clinic, &path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        pages += 1;
        if page.body.contains("<td>4.77 %</td>") {
            break;
        }
        let older = page.body.split_once(r#"labs?"#).and_then(|_| page.body.split_once(">Older results<"));
        let (before, _) = older.unwrap_or_else(|| panic!("no way to the oldest after {pages}: {}", page.body));
        path = before.rsplit_once("href=\"").unwrap().1.trim_end_matches('"').replace("&#38;", "&").to_owned();
        assert!(pages < 60, "{path}");
    }
    let (_, cursor) = path.split_once("from=").unwrap();
    crate::ward::team(&clinic, "p2", &["asha"]).await;
    clinic.advance(MINUTE_MS);
    let other = browser.get(&clinic, &format!("/patients/p2/labs?from={cursor}")).await;
    assert!(other.status == StatusCode::NOT_FOUND && !other.body.contains("4.77"), "{}", other.body);
}

#[tokio::test]
async fn the_page_opens_to_whom_results_are_open_and_sends_others_to_the_chart() {
    let clinic = ward().await;
    hba1c(&clinic, "a1", "2025-12-01T09:00:00Z", "7.9").await;
    for (login, path, status) in [
        ("nora", PAGE, StatusCode::OK),
        ("leo", PAGE, StatusCode::SEE_OTHER),
        ("asha", "/patients/p2/labs", StatusCode::SEE_OTHER),
        ("fay", PAGE, StatusCode::FORBIDDEN),
    ] {
        let (mut browser, page) = look(&clinic, login, path).await;
        assert_eq!(page.status, status, "{login}: {}", page.body);
        assert_eq!(page.body.contains("7.9 %"), status == StatusCode::OK, "{login}");
        let chart = browser.get(&clinic, path.strip_suffix("/labs").unwrap()).await;
        assert_eq!(chart.body.contains("/labs\""), status == StatusCode::OK, "{login}");
    }
}
