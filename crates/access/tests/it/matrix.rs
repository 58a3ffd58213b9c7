//! The whole table of role × type × action, checked in, so that a change of policy is seen in review.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use wardstone_access::{Action, Object, Role, RoleSet, group_of, resource_types};

use crate::{GOOD, OTHER_CHART, OWN_CHART, caller, kind, policies};

/// Set to write the table instead of comparing it.
const BLESS: &str = "WARDSTONE_BLESS";

#[test]
fn the_matrix_is_the_one_checked_in() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/cases/matrix.snapshot");
    let matrix = matrix();
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(&path, &matrix).unwrap();
    }
    let held = std::fs::read_to_string(&path).unwrap();
    assert!(
        held == matrix,
        "policy changed: run with {BLESS}=1 and review the difference in policies/cases/matrix.snapshot"
    );
}

fn matrix() -> String {
    let mut matrix = String::from(
        "# What each role may do, in its usual purpose, on unlabelled resources, with good facts. Made by the matrix test.\n\
         # `~` marks what is open in the caller's own chart only. Types that are not listed are closed to the role.\n",
    );
    for role in Role::ALL {
        // (group, what is open) → types
        let mut rows: BTreeMap<(&str, String), Vec<&str>> = BTreeMap::new();
        for (name, group) in resource_types() {
            let open = open(*role, name);
            if !open.is_empty() {
                rows.entry((group, open)).or_default().push(name);
            }
        }
        let _ = writeln!(matrix, "\n{}", role.name());
        for ((group, open), types) in rows {
            let whole = types.len() == resource_types().filter(|(name, _)| group_of(name) == Some(group)).count();
            let types = if whole { "(all)".to_string() } else { types.join(" ") };
            let _ = writeln!(matrix, "  {group} {types}\n    {open}");
        }
    }
    matrix
}

fn open(role: Role, type_name: &str) -> String {
    let caller = caller(RoleSet::of(role), role.usual_purpose(), GOOD);
    let mut open: Vec<String> = Vec::new();
    for action in Action::ALL {
        let decide = |chart| policies().decide(&caller, *action, &Object::of(kind(type_name), Some(1), Some(chart)));
        let (other, own) = (decide(OTHER_CHART), decide(OWN_CHART));
        let view = |mark: &str, permit: wardstone_access::Permit| {
            let views: Vec<_> = permit.view().names().collect();
            let view = if permit.view().is_full() { String::new() } else { format!("({})", views.join("+")) };
            format!("{mark}{}{view}", action.name())
        };
        match (other, own) {
            (Ok(permit), _) => open.push(view("", permit)),
            (Err(_), Ok(permit)) => open.push(view("~", permit)),
            (Err(_), Err(_)) => {}
        }
    }
    open.join(" ")
}
