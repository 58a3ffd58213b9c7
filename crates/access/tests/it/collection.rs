//! What an organization does not need it does not keep.

use wardstone_access::{CollectAction, CollectValue, CollectionPolicy};

const SSN: &str = "http://hl7.org/fhir/sid/us-ssn";

#[test]
fn social_security_numbers_are_not_kept() {
    let standard = CollectionPolicy::standard().unwrap();
    let rule = |system, types: &[&str]| {
        let value = CollectValue { system: Some(system), type_codes: types, ..CollectValue::default() };
        standard.rule_for("Patient", "identifier", value).map(|rule| rule.action)
    };
    assert_eq!(rule(SSN, &[]), Some(CollectAction::Drop));
    assert_eq!(rule("urn:x", &["SS"]), Some(CollectAction::Drop));
    assert_eq!(rule("urn:x", &["MR"]), None);
    assert!(standard.concerns("identifier") && !standard.concerns("name"));
}

#[test]
fn the_first_rule_that_matches_decides() {
    let policy = CollectionPolicy::parse(
        "keep-practitioners: keep Practitioner.identifier\nssn: drop *.identifier system=http://hl7.org/fhir/sid/us-ssn\nphoto: refuse Patient.photo\nkin: drop Patient.contact.name",
    )
    .unwrap();
    let action = |kind, element, system| {
        policy
            .rule_for(kind, element, CollectValue { system, ..CollectValue::default() })
            .map(|rule| (rule.name.as_str(), rule.action))
    };
    assert_eq!(action("Practitioner", "identifier", Some(SSN)), Some(("keep-practitioners", CollectAction::Keep)));
    assert_eq!(action("Person", "identifier", Some(SSN)), Some(("ssn", CollectAction::Drop)));
    assert_eq!(action("Patient", "photo", None), Some(("photo", CollectAction::Refuse)));
    assert_eq!(action("Person", "photo", None), None);
    assert!(policy.concerns("contact") && policy.concerns("contact.name") && !policy.concerns("contact.name.family"));
}

#[test]
fn a_rule_may_speak_of_one_extension() {
    let policy = CollectionPolicy::parse("belief: drop Patient.extension url=http://x/religion").unwrap();
    let keeps = |url| policy.keeps("Patient", "extension", CollectValue { url: Some(url), ..CollectValue::default() });
    assert!(!keeps("http://x/religion") && keeps("http://x/race") && policy.concerns("extension"));
}

#[test]
fn a_rule_that_cannot_be_read_is_refused_with_its_line() {
    for text in [
        "drop Patient.photo",
        "a: lose Patient.photo",
        "a: drop Patient",
        "a: drop Patiant.photo",
        "a: drop *.x colour=red",
        "a: keep *.x\na: drop *.y",
    ] {
        assert!(CollectionPolicy::parse(text).is_err(), "{text}");
    }
    let error = CollectionPolicy::parse("# one\na: lose Patient.photo").unwrap_err();
    assert_eq!(error.to_string(), "collection line 2: no action: keep, drop or refuse");
}
