//! Whatever arrives, the rooms answer: no panic, no endless list.

use proptest::prelude::*;
use wardstone_fhir::project::{SummaryMode, elements, summary, view};
use wardstone_fhir::references::{for_each_reference, rewrite};
use wardstone_fhir::{ISSUES_MAX, Json, validate};

fn any_name() -> impl Strategy<Value = String> {
    const KNOWN: &[&str] = &[
        "resourceType",
        "id",
        "meta",
        "text",
        "div",
        "contained",
        "extension",
        "url",
        "valueString",
        "_valueString",
        "valueReference",
        "reference",
        "type",
        "name",
        "_name",
        "given",
        "_given",
        "birthDate",
        "_birthDate",
        "gender",
        "entry",
        "resource",
        "fullUrl",
        "parameter",
        "part",
        "coding",
        "code",
        "maritalStatus",
        "subject",
    ];
    prop_oneof![8 => prop::sample::select(KNOWN).prop_map(str::to_owned), 1 => any::<String>()]
}

fn any_text() -> impl Strategy<Value = String> {
    const KNOWN: &[&str] = &[
        "Patient",
        "Bundle",
        "Parameters",
        "Observation",
        "Patient/1",
        "#a",
        "#",
        "urn:uuid:a",
        "a",
        "2020-01-01",
        "",
    ];
    prop_oneof![
        4 => prop::sample::select(KNOWN).prop_map(str::to_owned),
        1 => any::<String>(),
        1 => "<div>(<[/!]?(a|b|--|img) ?(href=)?['\"]?(url|data:|é|&)?['\">]{0,2}[-/>]{0,3}){0,4}</div>",
    ]
}

fn any_resource() -> impl Strategy<Value = Json<'static>> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        Just(Json::Number("1.0".into())),
        any_text().prop_map(Json::string),
    ];
    leaf.prop_recursive(6, 80, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::Array),
            prop::collection::vec((any_name(), inner), 0..6)
                .prop_map(|m| Json::Object(m.into_iter().map(|(k, v)| (k.into(), v)).collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn any_tree_is_answered(kind in "Patient|Bundle|Parameters|Observation", mut tree in any_resource()) {
        if let Some(members) = tree.as_object_mut() {
            members.set("resourceType", Json::string(kind));
        }
        prop_assert!(validate(&tree).len() <= ISSUES_MAX);
        for mode in [SummaryMode::True, SummaryMode::Text, SummaryMode::Data] {
            summary(&tree, mode);
        }
        elements(&tree, &["name"]);
        view(&tree, |_| true);
        for_each_reference(&tree, |link| assert!(!link.starts_with('#')));
        let before = tree.clone();
        rewrite(&mut tree, |link| Some(link.to_owned()));
        prop_assert!(tree == before, "a link rewritten to itself changes nothing");
    }
}
