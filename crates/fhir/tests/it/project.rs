//! Summaries, element lists and views: what is kept, what is left out, and the mark of a part.

use wardstone_fhir::project::{SummaryMode, elements, summary, view};
use wardstone_fhir::{Json, validate};

const TAG: &str = r#"{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}"#;

const OBSERVATION: &str = r#"{"resourceType":"Observation","id":"o","meta":{"versionId":"2"},"language":"en",
    "text":{"status":"generated","div":"<div>x</div>"},"extension":[{"url":"http://x","valueCode":"y"}],"status":"final",
    "category":[{"text":"vital"}],"code":{"text":"pulse"},"_issued":{"extension":[{"url":"http://x","valueCode":"unknown"}]},
    "valueQuantity":{"value":61.50,"_value":{"id":"v"},"extension":[{"url":"http://x","valueCode":"y"}]},"note":[{"text":"n"}],
    "component":[{"id":"c","code":{"text":"d"},"interpretation":[{"text":"i"}],"valueString":"s"}]}"#;

fn check(part: &Json<'_>, expected: &str) {
    let expected: String = expected.replace("TAG", TAG).lines().map(str::trim).collect();
    assert_eq!(String::from_utf8(part.to_vec()).unwrap(), expected);
    assert_eq!(validate(part), [], "a part of a valid resource is valid");
}

#[test]
fn a_summary_keeps_what_r4_marks() {
    let resource = Json::parse_str(OBSERVATION).unwrap();
    check(
        &summary(&resource, SummaryMode::True),
        r#"{"resourceType":"Observation","id":"o","meta":{"versionId":"2","tag":[TAG]},"status":"final","code":{"text":"pulse"},
        "_issued":{"extension":[{"url":"http://x","valueCode":"unknown"}]},"valueQuantity":{"value":61.50},
        "component":[{"code":{"text":"d"},"valueString":"s"}]}"#,
    );
    check(
        &summary(&resource, SummaryMode::Text),
        r#"{"resourceType":"Observation","id":"o","meta":{"versionId":"2","tag":[TAG]},
        "text":{"status":"generated","div":"<div>x</div>"},"status":"final","code":{"text":"pulse"}}"#,
    );
    let data = summary(&resource, SummaryMode::Data);
    assert!(data.get("text").is_none() && data.get("note").is_some() && data.get("meta").unwrap().get("tag").is_some());
    assert!(summary(&resource, SummaryMode::False) == resource);
}

#[test]
fn a_summary_reaches_the_resources_of_a_bundle() {
    let bundle = format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{{"resource":{OBSERVATION}}}]}}"#);
    let short = summary(&Json::parse_str(&bundle).unwrap(), SummaryMode::True);
    let observation = short.get("entry").unwrap().items()[0].get("resource").unwrap();
    assert!(observation.get("note").is_none() && observation.get("status").is_some());
}

#[test]
fn elements_keep_what_is_asked_mandatory_or_modifying() {
    let resource = Json::parse_str(OBSERVATION).unwrap();
    for names in [["note", "value"], ["note", "value[x]"]] {
        check(
            &elements(&resource, &names),
            r#"{"resourceType":"Observation","id":"o","meta":{"versionId":"2","tag":[TAG]},"status":"final","code":{"text":"pulse"},
            "valueQuantity":{"value":61.50,"_value":{"id":"v"},"extension":[{"url":"http://x","valueCode":"y"}]},"note":[{"text":"n"}]}"#,
        );
    }
    let patient =
        Json::parse_str(r#"{"resourceType":"Patient","active":false,"gender":"male","birthDate":"1970"}"#).unwrap();
    check(
        &elements(&patient, &["gender"]),
        r#"{"resourceType":"Patient","active":false,"gender":"male","meta":{"tag":[TAG]}}"#,
    );
}

#[test]
fn a_view_lets_through_only_what_it_names() {
    let patient = Json::parse_str(
        r#"{"resourceType":"Patient","id":"p","active":true,"gender":"male","birthDate":"1970","_birthDate":{"id":"b"},"secret":1,
        "name":[{"family":"x"}],"contained":[{"resourceType":"Patient","id":"q"}]}"#,
    )
    .unwrap();
    let part = view(&patient, |name| matches!(name, "birthDate" | "secret"));
    check(
        &part,
        r#"{"resourceType":"Patient","id":"p","birthDate":"1970","_birthDate":{"id":"b"},"meta":{"tag":[TAG]}}"#,
    );
    let unknown = Json::parse_str(r#"{"resourceType":"Nothing","id":"n","a":1}"#).unwrap();
    let part = view(&unknown, |_| true);
    assert!(part.get("a").is_none() && part.get("id").is_some());
}

#[test]
fn the_mark_is_set_once() {
    let resource = Json::parse_str(OBSERVATION).unwrap();
    let once = view(&resource, |_| true);
    assert!(view(&once, |_| true) == once);
}
