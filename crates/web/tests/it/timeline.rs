//! The timeline: what happened in one chart by day, for whom it is open, in bounded pages that leave nothing out.

use audit::Action;
use http::StatusCode;
use record::types;

use crate::chart::events;
use crate::clinic::Clinic;
use crate::ward::{look, ward};

const PAGE: &str = "/patients/p1/timeline";

async fn visit(clinic: &Clinic, id: &str, day: &str, more: &str) {
    let members = format!(
        r#""subject":{{"reference":"Patient/p1"}},"status":"finished","class":{{"code":"AMB"}},"type":[{{"text":"Visit {id}"}}],
        "period":{{"start":"{day}T15:00:00Z"}}{more}"#
    );
    clinic.put("Encounter", id, &members).await;
}

async fn told(clinic: &Clinic) {
    let of = r#""subject":{"reference":"Patient/p1"}"#;
    let report = format!(r#"{of},"status":"final","code":{{"text":"Urate panel"}},"issued":"2026-12-02T16:00:00Z""#);
    clinic.put("DiagnosticReport", "report", &report).await;
    let message = format!(
        r#"{of},"status":"completed","sent":"2026-12-03T10:00:00Z","category":[{{"text":"About the toe"}}],
        "sender":{{"reference":"Patient/p1"}},"payload":[{{"contentString":"It is red."}}]"#
    );
    clinic.put("Communication", "message", &message).await;
    let medicine = format!(
        r#"{of},"status":"stopped","intent":"order","medicationCodeableConcept":{{"text":"colchicine 0.6 MG"}},"authoredOn":"2026-12-02""#
    );
    clinic.put("MedicationRequest", "old", &medicine).await;
    let mistake = format!(
        r#"{of},"status":"entered-in-error","intent":"order","code":{{"text":"Wrong leg"}},"authoredOn":"2026-12-02""#
    );
    clinic.put("ServiceRequest", "mistake", &mistake).await;
    visit(clinic, "off", "2026-12-02", "").await;
    let off = format!(
        r#"{of},"status":"cancelled","class":{{"code":"AMB"}},"type":[{{"text":"Called off"}}],"period":{{"start":"2026-12-02T15:00:00Z"}}"#
    );
    clinic.put("Encounter", "off", &off).await;
}

/// Where these stand in a page, each behind the one before.
fn in_order(body: &str, parts: &[&str]) {
    let mut rest = body;
    for part in parts {
        let found = rest.split_once(part);
        rest = found.unwrap_or_else(|| panic!("{part} behind the one before, in {body}")).1;
    }
}

#[tokio::test]
async fn what_happened_stands_by_day_newest_first_with_the_way_to_its_page() {
    let clinic = ward().await;
    told(&clinic).await;
    let (mut browser, chart) = look(&clinic, "asha", "/patients/p1").await;
    assert!(chart.body.contains(&format!(r#"<a href="{PAGE}">"#)), "{}", chart.body);
    let before = clinic.record.store().log_reader().size();
    let page = browser.get(&clinic, PAGE).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    in_order(
        &page.body,
        &[
            ">03-Dec-2026</h3>",
            r#"<a href="/patients/p1/messages#m-message">About the toe</a>"#,
            "from the patient",
            ">02-Dec-2026</h3>",
            r#"<a href="/results/report">Urate panel</a>"#,
            r#"<a href="/patients/p1/notes/note">Progress note</a>"#,
            "Gouty arthritis",
            r#"<a href="/patients/p1/prescriptions/old">colchicine 0.6 mg</a>"#,
            "stopped",
            ">10-Oct-2026</h3>",
            r#"<a href="/patients/p1/immunizations">Influenza vaccine</a>"#,
            ">Without a date</h3>",
            r#"<a href="/patients/p1/prescriptions/medicine">allopurinol 100 mg</a>"#,
            r#"<a href="/patients/p1/orders/order">Foot radiograph</a>"#,
        ],
    );
    // What was taken back never happened, and what a message says is on its own page.
    for hidden in ["Wrong leg", "Called off", "It is red.", ">Older</a>"] {
        assert!(!page.body.contains(hidden), "{hidden} in {}", page.body);
    }
    // One search for each kind is in the log, and with one kind that alone.
    let asked = |since: u64| {
        let kinds = [
            "Encounter",
            "DocumentReference",
            "DiagnosticReport",
            "MedicationRequest",
            "ServiceRequest",
            "Immunization",
            "Communication",
        ];
        let events = events(&clinic, since);
        let of = |kind: &&str| {
            events
                .iter()
                .filter(|one| one.kind == Some(types::parse(kind).unwrap().code) && one.action == Action::Search)
                .count()
        };
        kinds.iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(asked(before), [1; 7]);
    let before = clinic.record.store().log_reader().size();
    let results = browser.get(&clinic, &format!("{PAGE}?kind=results")).await;
    assert!(results.body.contains("Urate panel") && !results.body.contains("colchicine"), "{}", results.body);
    assert_eq!(asked(before), [0, 0, 1, 0, 0, 0, 0]);
}

#[tokio::test]
async fn older_pages_go_on_where_the_newer_ones_end_and_leave_nothing_out() {
    let clinic = ward().await;
    told(&clinic).await;
    for at in 0..120 {
        let day = format!("{}-{:02}-{:02}", 2023 + at / 40, at % 12 + 1, at % 28 + 1);
        visit(&clinic, &format!("v{at}"), &day, "").await;
    }
    let (mut browser, _) = look(&clinic, "asha", PAGE).await;
    for kind in ["", "kind=visits"] {
        let mut path = format!("{PAGE}?{kind}");
        let mut seen = Vec::new();
        for _ in 0..9 {
            let page = browser.get(&clinic, &path).await;
            let entries =
                page.body.split("</small> Visit v").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned());
            seen.extend(entries);
            assert!(page.body.matches("<li>").count() < 90, "{path} is bounded");
            let Some((before, _)) = page.body.split_once(r#"">Older</a>"#) else { break };
            path = before.rsplit_once("href=\"").unwrap().1.replace("&#38;", "&").replace("&amp;", "&");
            assert!(!path.contains("20"), "an address says no day: {path}");
        }
        let mut wanted: Vec<String> = (0..120).map(|at| at.to_string()).collect();
        seen.sort();
        wanted.sort();
        assert_eq!(seen, wanted, "{kind}");
    }
}

#[tokio::test]
async fn each_role_has_the_kinds_that_it_sees() {
    let clinic = ward().await;
    told(&clinic).await;
    for (login, path, status, sees) in [
        ("nora", PAGE, StatusCode::OK, &["Gouty arthritis", "allopurinol", "Foot radiograph", "Influenza"][..]),
        ("ben", PAGE, StatusCode::OK, &["Follow-up"]),
        ("fay", PAGE, StatusCode::FORBIDDEN, &[]),
        ("asha", "/patients/p2/timeline", StatusCode::SEE_OTHER, &[]),
    ] {
        let (_, page) = look(&clinic, login, path).await;
        assert_eq!(page.status, status, "{login}: {}", page.body);
        for mark in ["Gouty arthritis", "allopurinol", "Foot radiograph", "Influenza"] {
            assert_eq!(page.body.contains(mark), sees.contains(&mark), "{login}: {mark}");
        }
        assert!(sees.iter().all(|mark| page.body.contains(mark)), "{login}: {}", page.body);
    }
}
