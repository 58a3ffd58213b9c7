//! What a permit carries, how a denial explains itself, and that answers do not depend on what came before.

use wardstone_access::{
    Action, Caller, CallerParts, Denial, Explanation, Facts, Grantee, Labels, Object, Permit, Policies, Purpose,
    Relations, Role, RoleSet, SystemPurpose, TypeRef, UserId,
};

use crate::{GOOD, OTHER_CHART, OWN_CHART, caller, kind, policies};

fn physician() -> Caller {
    caller(RoleSet::of(Role::Physician), Purpose::Treatment, GOOD)
}

fn explain(caller: &Caller, action: Action, object: &Object) -> Explanation {
    policies().decide(caller, action, object).unwrap_err().explain()
}

#[test]
fn a_permit_names_whom_and_what_it_was_given_for() {
    let observation =
        Object { relations: Relations::TREATING, ..Object::of(kind("Observation"), Some(12), Some(OTHER_CHART)) };
    let permit = policies().decide(&physician(), Action::Read, &observation).unwrap();
    assert_eq!(permit.grantee(), Grantee::Caller { user: UserId(1), session: 2 });
    assert_eq!(permit.policy().and_then(|policy| policies().policy_id(policy)), Some("physician-look"));
    assert!(permit.covers(kind("Observation"), 12, Some(OTHER_CHART)));
    assert!(!permit.covers(kind("Observation"), 13, Some(OTHER_CHART)));
    assert!(!permit.covers(kind("Observation"), 12, Some(OWN_CHART)));
    assert!(!permit.covers(kind("Condition"), 12, Some(OTHER_CHART)));
    assert!(!permit.shows_all(Labels::GOVERNMENT_ID), "a physician does not need social security numbers");
    assert!(permit.shows_all(Labels::HIV));
}

#[test]
fn a_system_permit_covers_all_and_says_why() {
    let permit = Permit::system(SystemPurpose::IndexRebuild);
    assert_eq!(permit.grantee(), Grantee::System(SystemPurpose::IndexRebuild));
    assert!(permit.covers(kind("Patient"), 1, Some(OWN_CHART)) && permit.shows_all(Labels::ALL));
}

#[test]
fn denials_explain_themselves_without_values() {
    let ana = caller(RoleSet::of(Role::Patient), Purpose::PatientRequest, GOOD);
    let note = Object::of(kind("DocumentReference"), Some(1), Some(OTHER_CHART));
    let secret = Object { labels: Labels::VERY_RESTRICTED, relations: Relations::TREATING, ..note };
    let cases = [
        (explain(&ana, Action::Read, &note), vec![], vec!["relation"]),
        (explain(&ana, Action::Create, &note), vec![], vec!["roles"]),
        (explain(&physician(), Action::Read, &secret), vec!["physician-look"], vec!["labels", "glass_broken"]),
        (explain(&physician(), Action::Read, &note), vec![], vec!["treating", "glass_broken"]),
    ];
    for (explanation, policies, attributes) in cases {
        assert_eq!(explanation.policies, policies);
        assert_eq!(explanation.attributes, attributes);
    }
}

#[test]
fn a_missing_second_factor_can_be_asked_for() {
    let tired = caller(RoleSet::of(Role::Physician), Purpose::Treatment, Facts { mfa_fresh: false, ..GOOD });
    let denial = policies().decide(&tired, Action::Export, &Object::of(TypeRef::SYSTEM, None, None)).unwrap_err();
    assert!(denial.wants_step_up());
    assert_eq!(denial.explain().policies, ["step-up"]);
    let nurse = caller(RoleSet::of(Role::Nurse), Purpose::Treatment, Facts { mfa_fresh: false, ..GOOD });
    let denial = policies().decide(&nurse, Action::Export, &Object::of(TypeRef::SYSTEM, None, None)).unwrap_err();
    assert!(!denial.wants_step_up(), "no second factor lets a nurse export");
}

#[test]
fn a_missing_row_tells_nobody_more_than_a_hidden_one() {
    let ana = caller(RoleSet::of(Role::Patient), Purpose::PatientRequest, GOOD);
    assert!(policies().ever(&ana, Action::Read, kind("Observation")).is_ok());
    assert!(matches!(policies().ever(&ana, Action::Create, kind("Observation")), Err(Denial::Never(_))));
    assert!(matches!(policies().ever(&ana, Action::Read, kind("ResearchStudy")), Err(Denial::Never(_))));
}

#[test]
fn the_second_answer_is_the_first() {
    let fresh = Policies::embedded().unwrap();
    for role in Role::ALL {
        for purpose in [Purpose::Treatment, Purpose::Payment] {
            let caller = caller(RoleSet::of(*role), purpose, GOOD);
            for labels in [Labels::NONE, Labels::PART2, Labels::VERY_RESTRICTED] {
                let object = Object { labels, ..Object::of(kind("Encounter"), Some(1), Some(OWN_CHART)) };
                let answer = |p: &Policies| {
                    p.decide(&caller, Action::Read, &object).map_err(|d| (d.name(), d.explain())).map(|p| p.view())
                };
                let (first, second) = (answer(&fresh), answer(&fresh));
                assert_eq!(first, second);
            }
        }
    }
}

#[test]
fn a_wrong_type_code_borrows_no_ruling() {
    let fresh = Policies::embedded().unwrap();
    let auditor = caller(RoleSet::of(Role::Auditor), Purpose::Compliance, GOOD);
    let event = TypeRef { name: "AuditEvent", code: 1 };
    let patient = TypeRef { name: "Patient", code: 1 };
    assert!(fresh.decide(&auditor, Action::Read, &Object::of(event, Some(1), None)).is_ok());
    assert!(fresh.decide(&auditor, Action::Read, &Object::of(patient, Some(1), None)).is_err());
}

#[test]
fn an_unknown_type_is_denied_to_everyone() {
    let integration = caller(RoleSet::of(Role::Integration), Purpose::Treatment, GOOD);
    let unknown = Object::of(TypeRef { name: "Chimera", code: 999 }, Some(1), None);
    let denial = policies().decide(&integration, Action::Read, &unknown).unwrap_err();
    assert!(matches!(denial, Denial::Never(_)));
    assert_eq!(denial.explain().attributes, ["type"]);
}

#[test]
fn more_roles_never_take_away_what_one_role_opens() {
    let observation =
        Object { relations: Relations::TREATING, ..Object::of(kind("Observation"), Some(1), Some(OTHER_CHART)) };
    let both = RoleSet::of(Role::Physician).with(Role::Admin);
    assert!(policies().decide(&caller(both, Purpose::Treatment, GOOD), Action::Read, &observation).is_ok());
}

#[test]
fn one_roles_view_is_not_widened_by_another_roles_categories() {
    // The front desk opens very restricted patients in the directory view; the physician role opens patients in full, but not those.
    let both = caller(RoleSet::of(Role::Physician).with(Role::FrontDesk), Purpose::Treatment, GOOD);
    let plain = Object { relations: Relations::TREATING, ..Object::of(kind("Patient"), Some(1), Some(OTHER_CHART)) };
    let secret = Object { labels: Labels::VERY_RESTRICTED, ..plain };
    assert!(policies().decide(&both, Action::Read, &plain).unwrap().view().is_full());
    assert!(!policies().decide(&both, Action::Read, &secret).unwrap().view().is_full());
}

#[test]
fn broken_glass_opens_one_chart() {
    let glass = caller(RoleSet::of(Role::Physician), Purpose::BreakTheGlass, Facts { glass_broken: true, ..GOOD });
    let secret = |chart| Object { labels: Labels::VERY_RESTRICTED, ..Object::of(kind("Observation"), Some(1), chart) };
    assert!(policies().decide(&glass, Action::Read, &secret(Some(OTHER_CHART))).is_ok());
    let elsewhere = policies().decide(&glass, Action::Read, &secret(Some(OWN_CHART)));
    assert!(matches!(elsewhere, Err(Denial::Withheld(_))));
    assert!(policies().decide(&glass, Action::Read, &secret(None)).is_err());
    let scope = policies().scope(&glass, Action::Search, kind("Observation")).unwrap();
    assert!(
        scope.permits(&secret(Some(OTHER_CHART)), &[]).is_ok() && scope.permits(&secret(Some(OWN_CHART)), &[]).is_err()
    );
    assert!(!scope.excluded().intersects(Labels::VERY_RESTRICTED));
}

#[test]
fn a_caller_prints_nothing_of_who_they_are() {
    assert_eq!(format!("{:?}", physician()), "Caller[redacted]");
}

#[test]
fn a_caller_that_cannot_be_is_refused() {
    let parts = |roles, own_chart| CallerParts {
        user: UserId(1),
        login: "ana".to_string(),
        roles,
        purpose: Purpose::Treatment,
        own_chart,
        broken_glass: Vec::new(),
        proxies: Vec::new(),
        scopes: None,
        practitioner: None,
        family: None,
        session: 1,
        device: None,
        facts: GOOD,
        network: std::net::Ipv4Addr::LOCALHOST.into(),
        country: None,
        user_agent: "é".repeat(500),
        request_id: 1,
        time_ms: 1,
    };
    assert!(Caller::established(parts(RoleSet::EMPTY, None)).is_err());
    assert!(Caller::established(parts(RoleSet::of(Role::Patient), None)).is_err());
    assert!(Caller::established(parts(RoleSet::of(Role::Nurse), Some(OWN_CHART))).is_err());
    let nurse = Caller::established(parts(RoleSet::of(Role::Nurse), None)).unwrap();
    assert!(nurse.user_agent().len() <= wardstone_access::USER_AGENT_BYTES_MAX);
}
