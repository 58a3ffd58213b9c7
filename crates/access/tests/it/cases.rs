//! `policies/cases/*.txt`: who, what, expected. One line is one decision.

use std::path::Path;

use wardstone_access::{
    Action, Denial, Facts, Labels, Object, Policies, PolicySource, ProxyCategories, ProxyGrant, Purpose, Relations,
    Role, RoleSet, Scopes, Traits,
};

use crate::{GOOD, OTHER_CHART, OWN_CHART, PRACTITIONER_ROW, WARD, caller_with, kind, policies};

const CASES_MIN: usize = 400;

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
    let mut cases = cases();
    // A case that is wrong already needs no policy.
    cases.retain(|case| check(policies(), &case.asked) == case.expected);
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
    let texts: Vec<(&str, String)> =
        Policies::sources().iter().map(|source| (source.file, cut(source.text, id))).collect();
    let sources: Vec<PolicySource<'_>> = texts.iter().map(|(file, text)| PolicySource { file, text }).collect();
    let fewer = Policies::load(&sources).unwrap();
    assert_eq!(fewer.describe().count() + 1, policies().describe().count(), "{id}");
    fewer
}

/// A policy file without one policy. A policy ends with the first semicolon that ends a line.
pub(crate) fn cut(text: &str, id: &str) -> String {
    let Some(start) = text.find(&format!("@id(\"{id}\")")) else { return text.to_string() };
    let end = start + text[start..].find(";\n").unwrap() + 2;
    format!("{}{}", &text[..start], &text[end..])
}

/// Decides a line as `policies/README.md` describes it.
fn check(policies: &Policies, asked: &str) -> String {
    let mut words = asked.split_whitespace();
    let roles: RoleSet = words.next().unwrap().split('+').map(|role| Role::from_name(role).unwrap()).collect();
    let action = Action::from_name(words.next().unwrap()).unwrap_or_else(|| panic!("action in {asked}"));
    let mut object = Object::of(kind(words.next().unwrap()), Some(100), Some(OTHER_CHART));
    object.traits = Traits::CURRENT;
    let mut session =
        Session { purpose: roles.iter().next().unwrap().usual_purpose(), facts: GOOD, ward: WARD, scopes: None };
    for word in words {
        if let Some(label) = Labels::from_name(word) {
            object.labels = object.labels.union(label);
        } else if let Some(code) = word.strip_prefix("purpose=") {
            session.purpose = Purpose::from_name(code).unwrap();
        } else if let Some(names) = word.strip_prefix("grant=") {
            session.ward.labels = names.split(',').filter_map(Labels::from_name).fold(Labels::NONE, Labels::union);
            session.ward.categories = names
                .split(',')
                .filter_map(ProxyCategories::from_name)
                .fold(ProxyCategories::default(), ProxyCategories::union);
        } else if let Some(scope) = word.strip_prefix("scope=") {
            session.scopes = Some(Scopes::parse(scope).unwrap());
        } else {
            condition(word, &mut object, &mut session);
        }
    }
    let caller = caller_with(roles, session.purpose, session.facts, |parts| {
        parts.scopes = session.scopes;
        parts.proxies.iter_mut().for_each(|grant| *grant = session.ward);
    });
    match policies.decide(&caller, action, &object) {
        Ok(permit) => format!("permit {}", permit.view().names().collect::<Vec<_>>().join("+")),
        Err(Denial::Never(_)) => "never".to_string(),
        Err(Denial::Absent(_)) => "absent".to_string(),
        Err(Denial::Withheld(_)) => "withheld".to_string(),
    }
}

struct Session {
    purpose: Purpose,
    facts: Facts,
    ward: ProxyGrant,
    scopes: Option<Scopes>,
}

fn condition(word: &str, object: &mut Object, session: &mut Session) {
    let facts = &mut session.facts;
    let relation = match word {
        "treating" => Relations::TREATING,
        "unassigned" => Relations::UNASSIGNED,
        "consent" => Relations::PART2_CONSENT,
        "consent_denies" => Relations::CONSENT_DENIES,
        "self_pay" => Relations::SELF_PAY,
        "research_consent" => Relations::RESEARCH_CONSENT,
        _ => Relations::NONE,
    };
    object.relations = object.relations.union(relation);
    let held = match word {
        "vital_signs" => Traits::VITAL_SIGNS,
        "vip" => Traits::VIP,
        "employee" => Traits::EMPLOYEE,
        "same_name" => Traits::SAME_NAME,
        _ => Traits::NONE,
    };
    object.traits = object.traits.union(held);
    match word {
        "own" => object.chart = Some(OWN_CHART),
        // The ward's chart is the one that a caller in the proxy role acts for.
        "ward" => object.chart = Some(session.ward.chart),
        "shared" => object.chart = None,
        "originator" => object.originator = Some(PRACTITIONER_ROW),
        "notcurrent" => object.traits = Traits::NONE,
        "adolescent" => session.ward.adolescent = true,
        "glass" => facts.glass_broken = true,
        "-mfa" => facts.mfa_fresh = false,
        "-phishing" => facts.phishing_resistant = false,
        "-device" => facts.device_verified = false,
        "-hours" => facts.within_hours = false,
        "-network" => facts.network_trusted = false,
        "-licensed" => facts.licensed = false,
        _ => assert!(relation != Relations::NONE || held != Traits::NONE, "unknown condition {word}"),
    }
}
