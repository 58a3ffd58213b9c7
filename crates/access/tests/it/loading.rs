//! Policies load strictly: anything the validator or the reader finds stops the start.

use wardstone_access::{AccessError, Action, Labels, Policies, PolicySource, Purpose, Role, Use};

use crate::policies;

fn load(text: &str) -> Result<Policies, AccessError> {
    Policies::load(&[PolicySource { file: "one.cedar", text }])
}

#[test]
fn the_shipped_policies_are_valid() {
    assert!(policies().describe().count() > 25);
    assert!(policies().describe().all(|(id, description)| !id.is_empty() && description.ends_with('.')));
}

#[test]
fn a_policy_that_does_not_fit_is_refused() {
    let head = "@id(\"a\") @description(\"b.\") @view(\"full\")";
    let refused = [
        ("no annotation", "permit (principal, action, resource);".to_string()),
        (
            "unknown view",
            "@id(\"a\") @description(\"b.\") @view(\"all\") permit (principal, action, resource);".to_string(),
        ),
        ("unknown category", format!("{head} @categories(\"hvi\") permit (principal, action, resource);")),
        ("unknown type", format!("{head} permit (principal, action, resource == Type::\"Patiant\");")),
        ("unknown role", format!("{head} permit (principal in Role::\"doctor\", action, resource);")),
        ("unknown group", format!("{head} permit (principal, action, resource in Group::\"clincal\");")),
        ("unknown action", format!("{head} permit (principal, action == Action::\"raed\", resource);")),
        (
            "unknown label",
            format!("{head} permit (principal, action, resource) when {{ context.labels.contains(Label::\"hvi\") }};"),
        ),
        (
            "unknown use",
            format!("{head} permit (principal, action, resource) when {{ context.purpose in Use::\"tpo\" }};"),
        ),
        ("unknown attribute", format!("{head} permit (principal, action, resource) when {{ context.mfa }};")),
        (
            "same id twice",
            format!("{head} permit (principal, action, resource); {head} permit (principal, action, resource);"),
        ),
        ("not cedar", "allow everyone".to_string()),
    ];
    for (what, text) in refused {
        assert!(load(&text).is_err(), "{what} was accepted");
    }
    assert!(load(&format!("{head} permit (principal, action, resource);")).is_ok());
}

#[test]
fn no_policy_permits_nothing() {
    let none = Policies::load(&[]).unwrap();
    for role in Role::ALL {
        let caller = crate::caller(wardstone_access::RoleSet::of(*role), role.usual_purpose(), crate::GOOD);
        for action in Action::ALL {
            let object = wardstone_access::Object::of(crate::kind("Patient"), Some(1), Some(crate::OWN_CHART));
            assert!(none.decide(&caller, *action, &object).is_err());
        }
    }
}

#[test]
fn a_changed_policy_is_another_version() {
    let mut sources = Policies::sources().to_vec();
    let same = Policies::load(&sources).unwrap();
    assert_eq!(same.version(), policies().version());
    sources.pop();
    assert_ne!(Policies::load(&sources).unwrap().version(), policies().version());
}

#[test]
fn the_schema_knows_every_word_of_the_code() {
    let schema = include_str!("../../../../policies/wardstone.cedarschema");
    for word in Role::ALL
        .iter()
        .map(|role| role.name())
        .chain(Use::ALL.iter().map(|word| word.name()))
        .chain(Labels::ALL.names())
    {
        assert!(schema.contains(&format!("\"{word}\"")), "{word}");
    }
    for (_, group) in wardstone_access::resource_types() {
        assert!(schema.contains(&format!("\"{group}\"")), "{group}");
    }
    for purpose in Purpose::ALL {
        assert_eq!(Purpose::from_name(purpose.name()), Some(*purpose));
    }
}
