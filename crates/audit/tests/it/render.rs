//! Rendered AuditEvents are valid JSON with the elements R4 and BALP require.

use std::net::Ipv4Addr;

use audit::render::{Named, Recorder, render};
use audit::{Action, Event, Object, Outcome, Purpose, Search, Whence, Who};
use serde_json::Value;

const RECORDER: Recorder<'_> = Recorder { site: "clinic.example", base_url: "https://clinic.example/fhir" };

fn sample(action: Action) -> Event<'static> {
    let who = Who { user: "u-7", role: "nurse", session: Some("s-1"), on_behalf_of: None };
    let mut event = Event::new(1_795_341_600_123, action, Purpose::Treatment, who);
    event.whence =
        Whence { address: Some(Ipv4Addr::LOCALHOST.into()), request_id: Some("r-\"1\"\u{1}"), ..Whence::default() };
    event
}

fn to_json(event: &Event<'_>, chart: Option<u64>) -> Value {
    let resolve = |named: Named<'_>| match named {
        Named::Row(object) => Some(format!("Observation/{}", object.row)),
        Named::Chart(chart) => Some(format!("Patient/{chart}")),
    };
    serde_json::from_str(&render(event, 42, chart, RECORDER, &resolve)).unwrap()
}

#[test]
fn a_read_is_a_balp_patient_read() {
    let mut event = sample(Action::Read);
    event.objects = vec![Object { row: 5, chart: 9, version: 3, type_code: 96, part: 0 }].into();
    let json = to_json(&event, None);
    assert_eq!(
        json["meta"]["profile"][0],
        "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientRead"
    );
    assert_eq!(json["type"]["code"], "rest");
    assert_eq!(json["subtype"][0]["code"], "read");
    assert_eq!((&json["action"], &json["outcome"]), (&"R".into(), &"0".into()));
    assert_eq!(json["recorded"], "2026-11-22T10:00:00.123Z");
    let types: Vec<&Value> =
        json["agent"].as_array().unwrap().iter().map(|agent| &agent["type"]["coding"][0]["code"]).collect();
    assert_eq!(types, ["IRCP", "110152", "110153"]);
    assert_eq!(json["entity"][0]["what"]["reference"], "Patient/9");
    assert_eq!(json["entity"][1]["what"]["reference"], "Observation/5");
    assert_eq!(json["entity"][2]["what"]["identifier"]["value"], "r-\"1\"\u{1}");
}

#[test]
fn a_search_over_several_patients_gives_each_their_own_event() {
    let mut event = sample(Action::Search);
    event.search = Some(Search { type_code: 96, query: "code=1234-5" });
    let row = |row, chart| Object { row, chart, version: 1, type_code: 96, part: 0 };
    event.objects = vec![row(5, 9), row(6, 8), row(7, 9)].into();
    assert_eq!(to_json(&event, None)["meta"], Value::Null, "two patients fit no BALP profile");
    let json = to_json(&event, Some(9));
    assert_eq!(json["id"], "42-1");
    assert!(json["meta"]["profile"][0].as_str().unwrap().ends_with("PatientQuery"));
    let entities = json["entity"].as_array().unwrap();
    assert_eq!(entities.iter().filter(|entity| entity["what"]["reference"] == "Patient/9").count(), 1);
    assert!(entities.iter().all(|entity| entity["what"]["reference"] != "Observation/6"));
    assert!(entities.iter().any(|entity| entity["query"] == "Y29kZT0xMjM0LTU="));
}

#[test]
fn a_denial_says_by_which_policy() {
    let mut event = sample(Action::Read);
    event.outcome = Outcome::Denied { policy: "part2-label" };
    let json = to_json(&event, None);
    assert_eq!((&json["outcome"], &json["outcomeDesc"]), (&"4".into(), &"denied by policy part2-label".into()));
    assert_eq!(json["meta"], Value::Null, "BALP profiles are for successes");
}

/// R4 requires type, recorded, agent with requestor, source.observer; codes of action, outcome and network are bound; strings
/// are never empty; an entity has not both name and query (sev-1).
#[test]
fn every_action_renders_as_valid_r4() {
    for action in Action::ALL {
        let mut event = sample(*action);
        event.view = Some("");
        event.count = Some(3);
        event.break_glass = Some("line one\nline two");
        let json = to_json(&event, None);
        assert_eq!(json["resourceType"], "AuditEvent");
        assert!(json["type"]["system"].is_string() && json["type"]["code"].is_string());
        assert!("CRUDE".contains(json["action"].as_str().unwrap()));
        assert!(json["source"]["observer"]["display"].is_string());
        let agents = json["agent"].as_array().unwrap();
        assert!(agents.iter().all(|agent| agent["requestor"].is_boolean()));
        no_empty_values(&json);
    }
}

fn no_empty_values(json: &Value) {
    match json {
        Value::String(text) => assert!(!text.trim().is_empty()),
        Value::Array(items) => {
            assert!(!items.is_empty());
            items.iter().for_each(no_empty_values);
        }
        Value::Object(fields) => {
            assert!(!fields.is_empty());
            fields.values().for_each(no_empty_values);
        }
        _ => {}
    }
}
