//! The links of a transaction are found and rewritten, and nothing else is.

use wardstone_fhir::Json;
use wardstone_fhir::references::{for_each_reference, rewrite};

const BUNDLE: &str = r##"{"resourceType":"Bundle","type":"transaction","entry":[
    {"fullUrl":"urn:uuid:a","resource":{"resourceType":"Patient","generalPractitioner":[{"reference":"urn:uuid:b"}],
        "text":{"status":"generated","div":"<div><a href=\"urn:uuid:b\">b</a><img src='urn:uuid:c'/><i title=\"urn:uuid:b\">urn:uuid:b</i></div>"}}},
    {"fullUrl":"urn:uuid:b","resource":{"resourceType":"Provenance","instantiatesUri":"kept",
        "contained":[{"resourceType":"Observation","id":"o","subject":{"reference":"urn:uuid:a"}}],
        "target":[{"reference":"#o"},{"reference":"Patient/7","display":"urn:uuid:a"}],
        "policy":["urn:uuid:b","http://policy"],
        "extension":[{"url":"http://x","valueReference":{"reference":"urn:uuid:b"}},{"url":"http://y","valueString":"urn:uuid:b"},
            {"url":"http://z","valueCanonical":"urn:uuid:b"}],
        "_recorded":{"extension":[{"url":"http://x","valueReference":{"reference":"urn:uuid:c"}}]}}}]}"##;

#[test]
fn every_reference_is_visited_but_local_ones() {
    let bundle = Json::parse_str(BUNDLE).unwrap();
    let mut found = Vec::new();
    for_each_reference(&bundle, |link| found.push(link.to_owned()));
    assert_eq!(found, ["urn:uuid:b", "urn:uuid:a", "Patient/7", "urn:uuid:b", "urn:uuid:c"]);
}

#[test]
fn links_are_rewritten_where_r4_says() {
    let mut bundle = Json::parse_str(BUNDLE).unwrap();
    rewrite(&mut bundle, |link| match link {
        "urn:uuid:a" => Some("Patient/1".to_owned()),
        "urn:uuid:b" => Some("Practitioner/2".to_owned()),
        "Patient/7" => Some("Patient/8".to_owned()),
        "#o" => Some("wrong".to_owned()),
        _ => None,
    });
    let expected = BUNDLE
        .replace(r#""reference":"urn:uuid:a""#, r#""reference":"Patient/1""#)
        .replace(r#""reference":"urn:uuid:b""#, r#""reference":"Practitioner/2""#)
        .replace("Patient/7", "Patient/8")
        .replace(r#"href=\"urn:uuid:b\""#, r#"href=\"Practitioner/2\""#)
        .replace(r#""policy":["urn:uuid:b""#, r#""policy":["Practitioner/2""#)
        .replace(r#""valueCanonical":"urn:uuid:b""#, r#""valueCanonical":"Practitioner/2""#);
    assert_eq!(
        String::from_utf8(bundle.to_vec()).unwrap(),
        String::from_utf8(Json::parse_str(&expected).unwrap().to_vec()).unwrap()
    );
}
