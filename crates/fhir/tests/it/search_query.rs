//! What a search may ask for beyond single values: refusals, result controls, order, charts, the catalogue.

use wardstone_fhir::Json;
use wardstone_fhir::search::{
    HeadMeta, Problem, Query, QueryOptions, SortKeys, Summary, TEXT_BYTES_MAX, Total, extract, find, owner_params,
    owner_reference, parameters,
};

use crate::search::{OPTIONS, PATIENT, pairs, parsed, query};

fn problem(text: &str) -> Problem {
    query(text).err().unwrap_or_else(|| panic!("{text} was accepted")).problem
}

#[test]
fn what_cannot_be_run_is_refused_by_name() {
    for (text, expected) in [
        ("Nothing?x=y", Problem::UnknownType),
        ("Patient?nope=1", Problem::Unknown),
        ("Practitioner?phonetic=x", Problem::Unknown),
        ("Patient?phonetic:exact=x", Problem::Modifier),
        ("Patient?phonetic=42", Problem::NoLetters),
        ("Patient?_text=x", Problem::Unknown),
        ("Patient?name:text=x", Problem::Modifier),
        ("Patient?gender:exact=male", Problem::Modifier),
        ("Patient?gender:in=http://v", Problem::Modifier),
        ("Patient?birthdate:contains=1", Problem::Modifier),
        ("Patient?general-practitioner:Nothing=1", Problem::Modifier),
        ("Observation?subject.name=x", Problem::Chain),
        ("Observation?subject:Patient.name=x", Problem::Chain),
        ("Patient?_has:Observation:patient:code=1", Problem::ReverseChain),
        ("Patient?_include=*", Problem::IncludeAll),
        ("Patient?_include=Patient:*", Problem::IncludeAll),
        ("Patient?_include=Patient:name", Problem::IncludeParam),
        ("Patient?_include=Observation:subject", Problem::Value),
        ("Patient?_sort=nope", Problem::SortKey),
        ("Patient?_count=many", Problem::Value),
        ("Patient?_total=some", Problem::Value),
        ("Patient?_summary=maybe", Problem::Value),
        ("Patient?name=", Problem::Empty),
        ("Patient?name=a,", Problem::Empty),
        ("Patient?name=--", Problem::NoLetters),
        ("Patient?birthdate=yesterday", Problem::Value),
        ("Patient?birthdate=xx2020", Problem::Value),
        ("Patient?birthdate=2020-13", Problem::Value),
        ("Patient?identifier=a|b|c", Problem::Value),
        ("Patient?identifier=|", Problem::Value),
        ("Patient?active:missing=perhaps", Problem::Value),
        ("Patient?_id=not/an/id", Problem::Value),
        ("Observation?value-quantity=5|mg", Problem::Value),
        ("Observation?value-quantity=five", Problem::Value),
        ("Observation?subject=Foo/1", Problem::Value),
        ("Observation?subject:Patient=Group/1", Problem::Value),
    ] {
        assert_eq!(problem(text), expected, "{text}");
    }
    let long = format!("Patient?identifier={}", vec!["a"; 257].join(","));
    assert_eq!(problem(&long), Problem::TooMany);
    assert_eq!(problem(&format!("Patient?name={}", "a".repeat(TEXT_BYTES_MAX))), Problem::TooLong);
}

#[test]
fn no_error_repeats_a_value() {
    for text in ["Patient?birthdate=Canary77", "Patient?_id=Canary/77", "Patient?_sort=Canary77", "Patient?Canary 77=1"]
    {
        let error = query(text).err().unwrap();
        assert!(!format!("{error} {error:?}").contains("Canary"), "{text}");
        assert!(matches!(error.issue_code(), "invalid" | "not-supported"));
    }
    let error = query("Patient?family:sounds=Canary").err().unwrap();
    assert_eq!(error.to_string(), "search parameter family:sounds: the modifier is not supported on this parameter");
}

#[test]
fn lenient_handling_ignores_unknown_parameters_but_no_modifier() {
    let lenient = QueryOptions { lenient: true, ..OPTIONS };
    let query = Query::parse("Patient", &pairs("nope=1&name=&gender=male"), &lenient).unwrap();
    assert_eq!(query.ignored(), ["nope", "name"]);
    assert!(Query::parse("Patient", &pairs("gender:text=x"), &lenient).is_err());
    assert!(Query::parse("Patient", &pairs("birthdate=x"), &lenient).is_err());
}

#[test]
fn result_parameters() {
    let query = parsed(
        "Observation?_count=500&_total=accurate&_summary=data&_elements=code,subject&_format=json&_pretty=true\
         &_include=Observation:subject:Patient&_include:iterate=Encounter:service-provider&_revinclude=Provenance:target",
    );
    assert_eq!((query.count(), query.total(), query.summary()), (100, Total::Accurate, Some(Summary::Data)));
    assert_eq!(query.elements(), ["code", "subject"]);
    assert_eq!(query.includes().len(), 2);
    assert_eq!(query.includes()[0].target, Some("Patient"));
    assert!(query.includes()[1].iterate);
    assert_eq!(query.revincludes()[0].param.code, "target");
    assert_eq!(parsed("Patient?_count=0").summary(), Some(Summary::Count));
    assert_eq!(parsed("Patient").count(), 20);
}

#[test]
fn includes_follow_stored_references() {
    let tree = Json::parse_str(PATIENT).unwrap();
    let values = extract(&tree);
    let found: Vec<_> = values.as_ref().references(find("Patient", "general-practitioner").unwrap()).collect();
    assert_eq!(found, [("Practitioner", "d1")]);
    let foreign: Vec<_> = values.as_ref().foreign_references(find("Patient", "organization").unwrap()).collect();
    assert_eq!(foreign, ["https://clinic.example/fhir/Organization/o1"]);
}

/// Sorts small patients and tells their ids in order.
fn sorted(rule: &str, resources: &[(&str, &str)]) -> String {
    let query = parsed(&format!("Patient?_sort={rule}"));
    let mut keyed: Vec<(SortKeys, &str)> = resources
        .iter()
        .enumerate()
        .map(|(i, (id, rest))| {
            let text = format!(r#"{{"resourceType":"Patient"{rest}}}"#);
            let values = extract(&Json::parse_str(&text).unwrap());
            (query.sort_key(&HeadMeta { id, last_updated_ms: i as i64 }, values.as_ref()), *id)
        })
        .collect();
    keyed.sort_by(|a, b| a.0.cmp(&b.0));
    keyed.into_iter().map(|(_, id)| id).collect::<Vec<_>>().join(" ")
}

#[test]
fn sorting() {
    let people = [
        ("a", r#","birthDate":"1990-05-01","gender":"male","name":[{"family":"Émile"}]"#),
        ("b", r#","birthDate":"1980","gender":"female","name":[{"family":"Zed"},{"family":"Abc"}]"#),
        ("c", r#","gender":"male","name":[{"family":"eMa"}]"#),
        ("d", r#","birthDate":"1990-05-01","gender":"female""#),
    ];
    for (rule, expected) in [
        ("birthdate", "b a d c"),
        ("-birthdate", "a d b c"),
        ("family", "b c a d"),
        ("-family", "b a c d"),
        ("gender,-_id", "d b c a"),
        ("-_lastUpdated", "d c b a"),
        ("-gender,birthdate,_id", "a c b d"),
    ] {
        assert_eq!(sorted(rule, &people), expected, "{rule}");
    }
}

#[test]
fn the_owning_chart_of_a_resource() {
    for (resource, expected) in [
        (r#"{"resourceType":"Observation","subject":{"reference":"Patient/p1"}}"#, Some("Patient/p1")),
        (r#"{"resourceType":"Observation","subject":{"reference":"urn:uuid:1"}}"#, Some("urn:uuid:1")),
        (r#"{"resourceType":"Observation","subject":{"reference":"Group/p1"}}"#, None),
        (
            r#"{"resourceType":"Coverage","subscriber":{"reference":"Patient/s"},"beneficiary":{"reference":"Patient/b"}}"#,
            Some("Patient/b"),
        ),
        (
            r#"{"resourceType":"Appointment","participant":[{"actor":{"reference":"Location/l"}},{"actor":{"reference":"Patient/p"}}]}"#,
            Some("Patient/p"),
        ),
        (r#"{"resourceType":"Organization","id":"o"}"#, None),
        (r#"{"resourceType":"Patient","id":"p"}"#, None),
    ] {
        assert_eq!(owner_reference(&Json::parse_str(resource).unwrap()), expected, "{resource}");
    }
    assert_eq!(owner_params("Observation"), ["subject"]);
    assert!(owner_params("Organization").is_empty());
}

#[test]
fn the_chart_a_search_stays_in() {
    for (text, expected) in [
        ("Observation?subject=Patient/X", Some("X")),
        ("Observation?subject:Patient=X", Some("X")),
        ("Observation?patient=X&code=1", Some("X")),
        ("Observation?patient=https://clinic.example/fhir/Patient/X", Some("X")),
        ("Observation?subject=X", None),
        ("Observation?subject=Group/X", None),
        ("Observation?patient=X,Y", None),
        ("Observation?patient:missing=false", None),
        ("Observation?patient:identifier=X", None),
        ("Observation?performer=Patient/X", None),
        ("Encounter?patient=X", Some("X")),
        ("AllergyIntolerance?patient=X", Some("X")),
        ("Coverage?beneficiary=Patient/X", Some("X")),
        ("Coverage?subscriber=Patient/X", None),
        // Several patients may take part, and the first of them owns the appointment.
        ("Appointment?patient=X", None),
        ("Patient?_id=X", Some("X")),
        ("Patient?_id:not=X", None),
    ] {
        assert_eq!(parsed(text).owner_reference(), expected, "{text}");
    }
    assert_eq!(parsed("Observation?patient=X,Y").owner_references(), Some(vec!["X", "Y"]));
}

#[test]
fn parameters_say_what_they_look_at() {
    let code = find("Observation", "combo-code").unwrap();
    assert_eq!(code.elements(), ["code", "component"]);
    assert_eq!(code.documentation(), "http://hl7.org/fhir/SearchParameter/Observation-combo-code");
    let subject = find("Observation", "subject").unwrap();
    assert!(subject.targets().contains(&"Device"));
    assert_eq!(find("Observation", "patient").unwrap().targets(), ["Patient"]);
    assert!(parameters("Patient").any(|p| p.code == "_lastUpdated"));
    assert_eq!(parameters("Nothing").count(), 0);
    assert!(find("Patient", "code").is_none());
}
