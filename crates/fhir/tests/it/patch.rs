//! JSON Patch: RFC 6902's appendix A, FHIR's needs, and the limits.

use wardstone_fhir::Json;
use wardstone_fhir::patch::{OPERATIONS_MAX, PatchError, PatchFault, apply};

fn patched(document: &str, patch: &str) -> Result<String, PatchFault> {
    let document = Json::parse_str(document).unwrap();
    let before = document.to_vec();
    let result = apply(&document, &Json::parse_str(patch).unwrap());
    assert!(document.to_vec() == before, "the document given is never changed");
    match result {
        Ok(tree) => Ok(String::from_utf8(tree.to_vec()).unwrap()),
        Err(PatchError::Operation { fault, .. }) => Err(fault),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn the_examples_of_rfc_6902_hold() {
    for (document, patch, expected) in [
        (r#"{"foo":"bar"}"#, r#"[{"op":"add","path":"/baz","value":"qux"}]"#, r#"{"foo":"bar","baz":"qux"}"#),
        (
            r#"{"foo":["bar","baz"]}"#,
            r#"[{"op":"add","path":"/foo/1","value":"qux"}]"#,
            r#"{"foo":["bar","qux","baz"]}"#,
        ),
        (r#"{"baz":"qux","foo":"bar"}"#, r#"[{"op":"remove","path":"/baz"}]"#, r#"{"foo":"bar"}"#),
        (r#"{"foo":["bar","qux","baz"]}"#, r#"[{"op":"remove","path":"/foo/1"}]"#, r#"{"foo":["bar","baz"]}"#),
        (
            r#"{"baz":"qux","foo":"bar"}"#,
            r#"[{"op":"replace","path":"/baz","value":"boo"}]"#,
            r#"{"baz":"boo","foo":"bar"}"#,
        ),
        (
            r#"{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}"#,
            r#"[{"op":"move","from":"/foo/waldo","path":"/qux/thud"}]"#,
            r#"{"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}"#,
        ),
        (
            r#"{"foo":["all","grass","cows","eat"]}"#,
            r#"[{"op":"move","from":"/foo/1","path":"/foo/3"}]"#,
            r#"{"foo":["all","cows","eat","grass"]}"#,
        ),
        (
            r#"{"baz":"qux","foo":["a",2,"c"]}"#,
            r#"[{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2}]"#,
            r#"{"baz":"qux","foo":["a",2,"c"]}"#,
        ),
        (r#"{"foo":"bar"}"#, r#"[{"op":"add","path":"/child","value":{"x":{}}}]"#, r#"{"foo":"bar","child":{"x":{}}}"#),
        (r#"{"foo":"bar"}"#, r#"[{"op":"add","path":"/baz","value":"qux","xyz":123}]"#, r#"{"foo":"bar","baz":"qux"}"#),
        (r#"{"/":9,"~1":10}"#, r#"[{"op":"test","path":"/~01","value":10}]"#, r#"{"/":9,"~1":10}"#),
        (
            r#"{"foo":["bar"]}"#,
            r#"[{"op":"add","path":"/foo/-","value":["abc","def"]}]"#,
            r#"{"foo":["bar",["abc","def"]]}"#,
        ),
        (r#"{"a":1}"#, r#"[{"op":"add","path":"/a","value":null}]"#, r#"{"a":null}"#),
        (r#"{"a":1}"#, r#"[{"op":"replace","path":"","value":{"b":2}}]"#, r#"{"b":2}"#),
        (r#"{"a":[1]}"#, r#"[{"op":"copy","from":"/a","path":"/b"}]"#, r#"{"a":[1],"b":[1]}"#),
        (r#"{"":1,"a/b":2}"#, r#"[{"op":"remove","path":"/"},{"op":"remove","path":"/a~1b"}]"#, "{}"),
        (r#"{"a":1}"#, r#"[{"op":"move","from":"/a","path":"/a"}]"#, r#"{"a":1}"#),
    ] {
        assert_eq!(patched(document, patch).as_deref(), Ok(expected), "{patch}");
    }
}

#[test]
fn test_compares_by_meaning() {
    let test = |held: &str, value: &str| {
        patched(&format!(r#"{{"a":{held}}}"#), &format!(r#"[{{"op":"test","path":"/a","value":{value}}}]"#)).is_ok()
    };
    for (a, b) in [
        ("1.50", "1.5"),
        ("100", "1e2"),
        ("0.0", "-0"),
        ("-12.5", "-125e-1"),
        (r#"{"x":1,"y":[2]}"#, r#"{"y":[2.0],"x":1}"#),
    ] {
        assert!(test(a, b), "{a} {b}");
    }
    for (a, b) in [
        ("10", "1"),
        ("1", "-1"),
        ("1", "\"1\""),
        ("[1,2]", "[2,1]"),
        ("{}", r#"{"x":1}"#),
        ("null", "false"),
        ("1e9", "1e10"),
    ] {
        assert!(!test(a, b), "{a} {b}");
    }
}

#[test]
fn what_cannot_be_done_is_named() {
    let document = r#"{"foo":["bar"],"s":"x"}"#;
    for (operation, expected) in [
        (r#""x""#, PatchFault::Malformed),
        (r#"{"path":"/foo"}"#, PatchFault::Malformed),
        (r#"{"op":"merge","path":"/foo"}"#, PatchFault::UnknownOperation),
        (r#"{"op":"remove"}"#, PatchFault::NoPath),
        (r#"{"op":"copy","path":"/a"}"#, PatchFault::NoFrom),
        (r#"{"op":"add","path":"/a"}"#, PatchFault::NoValue),
        (r#"{"op":"remove","path":"foo"}"#, PatchFault::Pointer),
        (r#"{"op":"remove","path":"/~2"}"#, PatchFault::Pointer),
        (r#"{"op":"remove","path":"/a~"}"#, PatchFault::Pointer),
        (r#"{"op":"add","path":"/a/b","value":1}"#, PatchFault::NotFound),
        (r#"{"op":"add","path":"/s/b","value":1}"#, PatchFault::NotFound),
        (r#"{"op":"replace","path":"/a","value":1}"#, PatchFault::NotFound),
        (r#"{"op":"remove","path":"/foo/1"}"#, PatchFault::NotFound),
        (r#"{"op":"add","path":"/foo/2","value":1}"#, PatchFault::Index),
        (r#"{"op":"add","path":"/foo/00","value":1}"#, PatchFault::Index),
        (r#"{"op":"add","path":"/foo/x","value":1}"#, PatchFault::Index),
        (r#"{"op":"remove","path":"/foo/-"}"#, PatchFault::Index),
        (r#"{"op":"remove","path":""}"#, PatchFault::Root),
        (r#"{"op":"move","from":"/foo","path":"/foo/0"}"#, PatchFault::IntoItself),
        (r#"{"op":"test","path":"/foo","value":"bar"}"#, PatchFault::TestFailed),
    ] {
        assert_eq!(patched(document, &format!("[{operation}]")), Err(expected), "{operation}");
    }
}

#[test]
fn a_failed_patch_names_the_operation_and_changes_nothing() {
    let patch = r#"[{"op":"remove","path":"/a"},{"op":"test","path":"/b","value":"Zyxw"}]"#;
    let document = Json::parse_str(r#"{"a":1,"b":"Vuts"}"#).unwrap();
    let error = apply(&document, &Json::parse_str(patch).unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "operation 1: the value is another");
}

#[test]
fn a_patch_is_bounded() {
    let document = Json::parse_str("{}").unwrap();
    assert_eq!(apply(&document, &document), Err(PatchError::NotAnArray));
    let many = vec![r#"{"op":"test","path":"","value":{}}"#; OPERATIONS_MAX + 1].join(",");
    let patch = format!("[{many}]");
    assert_eq!(apply(&document, &Json::parse_str(&patch).unwrap()), Err(PatchError::TooManyOperations));

    let doubling: String = (0..40).map(|i| format!(r#"{{"op":"copy","from":"","path":"/k{i}"}},"#)).collect();
    let bomb = format!("[{}]", doubling.trim_end_matches(','));
    assert_eq!(patched(r#"{"a":1}"#, &bomb), Err(PatchFault::TooLarge));

    let deepening: String =
        (0..70).map(|_| r#"{"op":"copy","from":"/a","path":"/b"},{"op":"move","from":"/b","path":"/a/a"},"#).collect();
    let deep = patched(r#"{"a":{}}"#, &format!("[{}]", deepening.trim_end_matches(',')));
    assert_eq!(deep, Err(PatchFault::TooDeep));
}
