//! `policies/cases/*.txt`: who, what, expected. One line is one decision.

use std::path::Path;

use wardstone_access::{
    Action, Denial, Facts, Labels, Object, Policies, PolicySource, Purpose, Relations, Role, RoleSet,
};

use crate::{GOOD, OTHER_CHART, OWN_CHART, PRACTITIONER_ROW, caller, kind, policies};

const CASES_MIN: usize = 150;

#[test]
fn every_case_is_decided_as_written() {
    let cases = cases();
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let answer = check(policies(), &case.asked);
            (answer != case.expected)
                .then(|| format!("{}: {} => {answer}, expected {}", case.place, case.asked, case.expected))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases.len() >= CASES_MIN, "only {} cases", cases.len());
}

#[test]
fn every_policy_is_needed_by_some_case() {
    let cases = cases();
    for (id, _) in policies().describe() {
        let fewer = without(id);
        assert!(cases.iter().any(|case| check(&fewer, &case.asked) != case.expected), "no case needs {id}");
    }
}

struct Case {
    place: String,
    asked: String,
    expected: String,
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/cases");
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "txt") {
            continue;
        }
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        for (index, line) in std::fs::read_to_string(&path).unwrap().lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let place = format!("{file}:{}", index + 1);
            let (asked, expected) = line.split_once("=>").unwrap_or_else(|| panic!("{place} has no =>"));
            cases.push(Case { place, asked: asked.trim().to_string(), expected: expected.trim().to_string() });
        }
    }
    cases
}

/// The shipped policies but one.
fn without(id: &str) -> Policies {
    let mark = format!("@id(\"{id}\")");
    let texts: Vec<(&str, String)> = Policies::sources()
        .iter()
        .map(|source| {
            let Some(start) = source.text.find(&mark) else { return (source.file, source.text.to_string()) };
            // A policy ends with the first semicolon that ends a line.
            let end = start + source.text[start..].find(";\n").unwrap() + 2;
            (source.file, format!("{}{}", &source.text[..start], &source.text[end..]))
        })
        .collect();
    let sources: Vec<PolicySource<'_>> = texts.iter().map(|(file, text)| PolicySource { file, text }).collect();
    let fewer = Policies::load(&sources).unwrap();
    assert_eq!(fewer.describe().count() + 1, policies().describe().count(), "{id}");
    fewer
}

/// Decides `roles action Type [label…] [own|originator|consent] [purpose=CODE] [fact|-fact…]`.
fn check(policies: &Policies, asked: &str) -> String {
    let mut words = asked.split_whitespace();
    let roles: RoleSet = words.next().unwrap().split('+').map(|role| Role::from_name(role).unwrap()).collect();
    let action = Action::from_name(words.next().unwrap()).unwrap_or_else(|| panic!("action in {asked}"));
    let mut object = Object::of(kind(words.next().unwrap()), Some(100), Some(OTHER_CHART));
    let mut purpose = roles.iter().next().unwrap().usual_purpose();
    let mut facts = GOOD;
    for word in words {
        if let Some(label) = Labels::from_name(word) {
            object.labels = object.labels.union(label);
        } else if let Some(code) = word.strip_prefix("purpose=") {
            purpose = Purpose::from_name(code).unwrap();
        } else {
            condition(word, &mut object, &mut facts);
        }
    }
    match policies.decide(&caller(roles, purpose, facts), action, &object) {
        Ok(permit) => format!("permit {}", permit.view().names().collect::<Vec<_>>().join("+")),
        Err(Denial::Never(_)) => "never".to_string(),
        Err(Denial::Absent(_)) => "absent".to_string(),
        Err(Denial::Withheld(_)) => "withheld".to_string(),
    }
}

fn condition(word: &str, object: &mut Object, facts: &mut Facts) {
    match word {
        "own" => object.chart = Some(OWN_CHART),
        "shared" => object.chart = None,
        "originator" => object.originator = Some(PRACTITIONER_ROW),
        "consent" => object.relations = object.relations.union(Relations::PART2_CONSENT),
        "glass" => facts.glass_broken = true,
        "-mfa" => facts.mfa_fresh = false,
        "-device" => facts.device_verified = false,
        "-hours" => facts.within_hours = false,
        _ => panic!("unknown condition {word}"),
    }
}
