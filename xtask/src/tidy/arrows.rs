//! Which crate may use which: the drawing in docs/ARCHITECTURE.md as a table.

use serde_json::Value;

use super::Findings;

/// Crate and what it may use. `Everything` is for the binary and for tools of development.
const ARROWS: [(&str, Allowed); 17] = [
    ("wardstone", Allowed::Everything),
    ("wardstone-bench", Allowed::Everything),
    ("wardstone-testkit", Allowed::Everything),
    ("wardstone-api", Allowed::Only(&["record", "identity", "compliance", "access", "fhir"])),
    ("wardstone-web", Allowed::Only(&["telehealth", "outward", "record", "identity", "compliance", "access", "fhir"])),
    ("wardstone-identity", Allowed::Only(&["store", "audit", "access", "crypto"])),
    ("wardstone-compliance", Allowed::Only(&["record", "store", "audit", "access", "crypto"])),
    ("wardstone-telehealth", Allowed::Only(&["record", "store", "audit", "access", "crypto"])),
    ("wardstone-outward", Allowed::Only(&["telehealth", "compliance", "store", "audit", "access", "crypto"])),
    ("wardstone-record", Allowed::Only(&["store", "audit", "access", "crypto", "fhir"])),
    ("wardstone-store", Allowed::Only(&["audit", "access", "crypto"])),
    ("wardstone-audit", Allowed::Only(&["crypto"])),
    ("wardstone-deid", Allowed::Only(&["fhir"])),
    ("wardstone-access", Allowed::Only(&[])),
    ("wardstone-crypto", Allowed::Only(&[])),
    ("wardstone-fhir", Allowed::Only(&[])),
    ("xtask", Allowed::Only(&[])),
];

/// Only as dev-dependencies, and of one another.
const DEVELOPMENT: [&str; 3] = ["wardstone-testkit", "wardstone-bench", "xtask"];

/// Libraries that have one room, and who may use them besides tests.
const ROOMS: [(&str, &[&str]); 9] = [
    ("rusqlite", &["wardstone-store"]),
    ("tokio-postgres", &["wardstone-store"]),
    ("cedar-policy", &["wardstone-access"]),
    ("aws-lc-rs", &["wardstone-crypto"]),
    ("argon2", &["wardstone-crypto"]),
    ("axum", &["wardstone-api", "wardstone-web", "wardstone", "wardstone-bench"]),
    ("http", &["wardstone-api", "wardstone-web", "wardstone-outward", "wardstone", "wardstone-bench"]),
    ("hyper", &["wardstone-api", "wardstone-web", "wardstone-outward", "wardstone", "wardstone-bench"]),
    ("lettre", &["wardstone-outward"]),
];

enum Allowed {
    Everything,
    Only(&'static [&'static str]),
}

/// `members` is `cargo metadata --no-deps`.
pub fn check(members: &Value, findings: &mut Findings) {
    let none = Vec::new();
    for package in members["packages"].as_array().unwrap_or(&none) {
        let name = text(package, "name");
        let arrows = ARROWS.iter().find(|(of, _)| *of == name).map(|(_, allowed)| allowed);
        if arrows.is_none() {
            findings.breaches.push(format!("{name}: say in xtask/src/tidy/arrows.rs what this crate may use"));
        }
        for dependency in package["dependencies"].as_array().unwrap_or(&none) {
            // Tests may use any room; a kind is null for what ships.
            if text(dependency, "kind") == "dev" {
                continue;
            }
            let used = text(dependency, "name");
            if let Some((_, rooms)) = ROOMS.iter().find(|(library, _)| *library == used)
                && !rooms.contains(&name)
            {
                findings.breaches.push(format!("{name} → {used}: only {} may use it", rooms.join(", ")));
            }
            if dependency["path"].is_null() {
                continue;
            }
            let short = used.strip_prefix("wardstone-").unwrap_or(used);
            let allowed = match arrows {
                Some(Allowed::Only(few)) => few.contains(&short),
                Some(Allowed::Everything) => true,
                None => false,
            };
            if !allowed || DEVELOPMENT.contains(&used) && !DEVELOPMENT.contains(&name) {
                findings.breaches.push(format!("{name} → {used}: a forbidden arrow"));
            }
        }
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn breaches(package: &str, dependency: Value) -> Vec<String> {
        let mut findings = Findings::default();
        check(&json!({"packages": [{"name": package, "dependencies": [dependency]}]}), &mut findings);
        findings.breaches
    }

    #[test]
    fn the_api_cannot_use_the_store() {
        let found = breaches("wardstone-api", json!({"name": "wardstone-store", "kind": null, "path": "crates/store"}));
        assert_eq!(found, ["wardstone-api → wardstone-store: a forbidden arrow"]);
        let found =
            breaches("wardstone-api", json!({"name": "wardstone-record", "kind": null, "path": "crates/record"}));
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn the_testkit_is_for_tests_only() {
        let testkit = |kind: Value| json!({"name": "wardstone-testkit", "kind": kind, "path": "crates/testkit"});
        assert_eq!(breaches("wardstone", testkit(Value::Null)).len(), 1);
        assert_eq!(breaches("wardstone", testkit("dev".into())).len(), 0);
        assert_eq!(breaches("wardstone-bench", testkit(Value::Null)).len(), 0);
    }

    #[test]
    fn sql_has_one_room_and_an_unknown_crate_none() {
        assert_eq!(breaches("wardstone-record", json!({"name": "rusqlite", "kind": null, "path": null})).len(), 1);
        assert_eq!(breaches("wardstone-store", json!({"name": "rusqlite", "kind": null, "path": null})).len(), 0);
        assert_eq!(breaches("wardstone-new", json!({"name": "serde", "kind": null, "path": null})).len(), 1);
    }
}
