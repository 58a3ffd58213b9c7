//! The JSON tree against serde_json, and where it is stricter.

use proptest::prelude::*;
use wardstone_fhir::json::{DEPTH_MAX, Json, JsonErrorKind, Object};

fn kind(text: &str) -> JsonErrorKind {
    Json::parse_str(text).unwrap_err().kind
}

fn written(text: &str) -> String {
    String::from_utf8(Json::parse_str(text).unwrap().to_vec()).unwrap()
}

/// The tree as serde_json has it; numbers through their text.
fn as_serde(value: &Json<'_>) -> serde_json::Value {
    match value {
        Json::Null => serde_json::Value::Null,
        Json::Bool(b) => (*b).into(),
        Json::Number(text) => serde_json::from_str(text).unwrap(),
        Json::String(text) => text.as_ref().into(),
        Json::Array(items) => items.iter().map(as_serde).collect(),
        Json::Object(members) => members.iter().map(|(k, v)| (k.to_owned(), as_serde(v))).collect(),
    }
}

#[test]
fn decimals_and_order_are_kept() {
    for text in ["1.50", "-0", "0.0", "1e2", "1E+2", "100000000000000000000000000001", "-12.5e-10"] {
        assert_eq!(written(text), text);
    }
    assert_eq!(written(r#" { "b" : 1.10 , "a" : [ true , null ] } "#), r#"{"b":1.10,"a":[true,null]}"#);
}

#[test]
fn a_key_twice_is_refused_however_it_is_written() {
    assert_eq!(kind(r#"{"a":1,"b":2,"a":3}"#), JsonErrorKind::DuplicateKey);
    assert_eq!(kind(r#"{"a":1,"\u0061":3}"#), JsonErrorKind::DuplicateKey);
    assert_eq!(kind(r#"[{"x":{"a":1,"a":1}}]"#), JsonErrorKind::DuplicateKey);
    let many: Vec<String> = (0..100).map(|i| format!("\"k{i}\":{i}")).collect();
    assert_eq!(Json::parse_str(&format!("{{{}}}", many.join(","))).unwrap().as_object().unwrap().len(), 100);
    for repeated in [3, 30, 99] {
        assert_eq!(kind(&format!("{{{},\"k{repeated}\":0}}", many.join(","))), JsonErrorKind::DuplicateKey);
    }
}

#[test]
fn errors_name_the_place() {
    let place = |text: &[u8]| {
        let e = Json::parse(text).unwrap_err();
        (e.kind, e.offset, e.line, e.column)
    };
    assert_eq!(place(b"{\n  \"a\": tru\n}"), (JsonErrorKind::UnexpectedCharacter, 9, 2, 8));
    assert_eq!(place(b"[1,\n2,\n\n3,]"), (JsonErrorKind::UnexpectedCharacter, 10, 4, 3));
    assert_eq!(place(b"{\"a\":1,\n\"a\":2}"), (JsonErrorKind::DuplicateKey, 8, 2, 1));
    assert_eq!(place(b"[1] x"), (JsonErrorKind::TrailingText, 4, 1, 5));
    assert_eq!(place(b"\"\xff\""), (JsonErrorKind::NotUtf8, 1, 1, 2));
    assert_eq!(place(b"[1"), (JsonErrorKind::UnexpectedEnd, 2, 1, 3));
    assert_eq!(place(b""), (JsonErrorKind::UnexpectedEnd, 0, 1, 1));
    assert_eq!(Json::parse_str("[\n 01]").unwrap_err().to_string(), "malformed number at line 2, column 2");
}

#[test]
fn malformed_texts_are_refused() {
    for (text, expected) in [
        ("01", JsonErrorKind::Number),
        ("-", JsonErrorKind::Number),
        ("1.", JsonErrorKind::Number),
        ("1e", JsonErrorKind::Number),
        ("-a", JsonErrorKind::Number),
        (".5", JsonErrorKind::UnexpectedCharacter),
        ("+1", JsonErrorKind::UnexpectedCharacter),
        ("NaN", JsonErrorKind::UnexpectedCharacter),
        ("{a:1}", JsonErrorKind::UnexpectedCharacter),
        ("{\"a\":1,}", JsonErrorKind::UnexpectedCharacter),
        ("'a'", JsonErrorKind::UnexpectedCharacter),
        ("\u{feff}{}", JsonErrorKind::UnexpectedCharacter),
        ("\"a\nb\"", JsonErrorKind::ControlCharacter),
        ("\"a\\n\u{1}\"", JsonErrorKind::ControlCharacter),
        ("\"a", JsonErrorKind::UnexpectedEnd),
        ("\"\\", JsonErrorKind::Escape),
        (r#""\x""#, JsonErrorKind::Escape),
        (r#""\u12G4""#, JsonErrorKind::Escape),
    ] {
        assert_eq!(kind(text), expected, "{text}");
    }
}

#[test]
fn surrogates_come_in_pairs() {
    let text = |json: &str| Json::parse_str(json).unwrap().as_str().unwrap().to_owned();
    assert_eq!(text(r#""\ud83d\ude00""#), "😀");
    assert_eq!(text(r#""x\uD83D\uDE00y\u00e9""#), "x😀yé");
    for lone in
        [r#""\ud83d""#, r#""\ude00""#, r#""\ud83dx""#, r#""\ud83d\u0041""#, r#""\ud83d\ud83d""#, r#""\ud83d\n""#]
    {
        assert_eq!(kind(lone), JsonErrorKind::Escape, "{lone}");
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    assert!(Json::parse_str(&nested(DEPTH_MAX)).is_ok());
    assert_eq!(kind(&nested(DEPTH_MAX + 1)), JsonErrorKind::TooDeep);
    assert_eq!(kind(&"{\"a\":".repeat(1_000_000)), JsonErrorKind::TooDeep);
}

#[test]
fn debug_shows_no_value() {
    let tree = Json::parse_str(r#"{"family":"Zyxw"}"#).unwrap();
    assert_eq!(format!("{tree:?} {:?}", tree.as_object().unwrap()), "Json[redacted] Object[redacted]");
}

#[test]
fn members_are_set_in_place_and_removed() {
    let mut tree = Json::parse_str(r#"{"a":1,"b":2}"#).unwrap();
    let members = tree.as_object_mut().unwrap();
    members.set("a", Json::Null);
    members.set("c", Json::Bool(true));
    assert!(members.remove("b").is_some() && members.remove("b").is_none());
    assert_eq!(tree.to_vec(), br#"{"a":null,"c":true}"#);
    let twice: Object<'_> = [("a".into(), Json::Null), ("a".into(), Json::Bool(true))].into_iter().collect();
    assert_eq!(Json::Object(twice).to_vec(), br#"{"a":true}"#);
}

#[test]
fn pretty_text_reads_back_the_same() {
    let text = r#"{"a":[],"b":{},"c":[1,{"d":"e"}]}"#;
    let tree = Json::parse_str(text).unwrap();
    let mut pretty = Vec::new();
    tree.write_pretty(0, &mut pretty);
    let expected = "{\n  \"a\": [],\n  \"b\": {},\n  \"c\": [\n    1,\n    {\n      \"d\": \"e\"\n    }\n  ]\n}";
    assert_eq!(String::from_utf8(pretty.clone()).unwrap(), expected);
    assert!(Json::parse(&pretty).unwrap() == tree);
}

fn any_tree() -> impl Strategy<Value = Json<'static>> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        "-?(0|[1-9][0-9]{0,9})(\\.[0-9]{1,6})?([eE][+-]?[0-9]{1,2})?".prop_map(|n| Json::Number(n.into())),
        any::<String>().prop_map(Json::string),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        let members = prop::collection::vec((any::<String>(), inner.clone()), 0..8);
        prop_oneof![
            prop::collection::vec(inner, 0..8).prop_map(Json::Array),
            members.prop_map(|m| Json::Object(m.into_iter().map(|(k, v)| (k.into(), v)).collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_reads_back_the_same(tree in any_tree()) {
        let bytes = tree.to_vec();
        prop_assert!(Json::parse(&bytes).unwrap() == tree);
        let theirs: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        prop_assert_eq!(as_serde(&tree), theirs);
    }

    /// Accepts and refuses what serde_json does, but for what is stricter on purpose.
    #[test]
    fn any_text_is_judged_as_by_serde_json(text in "[\\[\\]{}\",:0-9eE.+\\-a\\\\u dtrufalsn]{0,24}") {
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        match (Json::parse_str(&text), theirs) {
            (Ok(ours), Ok(theirs)) => prop_assert_eq!(as_serde(&ours), theirs),
            (Err(e), Ok(_)) => prop_assert_eq!(e.kind, JsonErrorKind::DuplicateKey),
            // serde_json reads numbers as floats, which we do not.
            (Ok(_), Err(e)) => prop_assert!(e.to_string().contains("number out of range"), "{}", e),
            (Err(_), Err(_)) => {}
        }
    }
}
