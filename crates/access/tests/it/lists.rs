//! A search shows exactly what single reads would: by construction, and checked here over every label and pair of roles.

use wardstone_access::{Action, Charts, Denial, Facts, Labels, Object, Purpose, Role, RoleSet};

use crate::{GOOD, OTHER_CHART, OWN_CHART, PRACTITIONER_ROW, caller, kind, policies};

const TYPES: [&str; 6] = ["Patient", "Observation", "Claim", "DocumentReference", "Practitioner", "AuditEvent"];

#[test]
fn a_list_equals_the_checks_of_its_items() {
    let mut hits = 0;
    for_every_pair_of_roles(|roles, purpose| {
        let caller = caller(roles, purpose, GOOD);
        for type_name in TYPES {
            let scope = policies().scope(&caller, Action::Search, kind(type_name));
            for object in objects(type_name) {
                let alone = policies().decide(&caller, Action::Search, &object);
                let listed = scope.as_ref().is_ok_and(|scope| scope.permits(&object).is_ok());
                // One exception: who searched by elements that are hidden on a hit must not learn of the match.
                let alone =
                    alone.is_ok_and(|permit| scope.as_ref().is_ok_and(|scope| permit.view().covers(scope.view())));
                assert_eq!(alone, listed, "{roles:?} {purpose:?} {type_name} {:?}", object.labels);
                hits += usize::from(listed);
            }
        }
    });
    assert!(hits > 1_000, "lists were nearly empty: {hits}");
}

#[test]
fn the_excluded_labels_and_the_charts_never_skip_a_permitted_hit() {
    for_every_pair_of_roles(|roles, purpose| {
        let caller = caller(roles, purpose, Facts { glass_broken: true, ..GOOD });
        for type_name in TYPES {
            let Ok(scope) = policies().scope(&caller, Action::Search, kind(type_name)) else { continue };
            for object in objects(type_name) {
                let skipped = object.labels.intersects(scope.excluded())
                    || matches!(scope.charts(), Charts::Only(charts) if !object.chart.is_some_and(|chart| charts.contains(&chart)));
                let permitted = scope.permits(&object).is_ok();
                assert!(!(skipped && permitted), "{roles:?} {purpose:?} {type_name} {:?}", object.labels);
            }
        }
    });
}

#[test]
fn only_a_narrower_view_of_a_second_role_keeps_a_readable_hit_out_of_a_list() {
    let both = caller(RoleSet::of(Role::Physician).with(Role::FrontDesk), Purpose::Treatment, GOOD);
    let scope = policies().scope(&both, Action::Search, kind("Patient")).unwrap();
    let secret = Object { labels: Labels::VERY_RESTRICTED, ..Object::of(kind("Patient"), Some(1), Some(OTHER_CHART)) };
    assert!(policies().decide(&both, Action::Search, &secret).is_ok());
    assert!(matches!(scope.permits(&secret), Err(Denial::Absent(_))));
}

#[test]
fn a_patient_searches_their_own_chart() {
    let ana = caller(RoleSet::of(Role::Patient), Purpose::PatientRequest, GOOD);
    let scope = policies().scope(&ana, Action::Search, kind("Observation")).unwrap();
    assert_eq!(*scope.charts(), Charts::Only([OWN_CHART].into()));
    assert!(scope.excluded().contains(Labels::PSYCHOTHERAPY));
    assert!(!scope.excluded().intersects(Labels::HIV));
    let other = scope.permits(&Object::of(kind("Observation"), Some(5), Some(OTHER_CHART)));
    assert!(matches!(other, Err(Denial::Absent(_))));
    // What a hit includes is decided by its own type.
    assert!(scope.permits(&Object::of(kind("Practitioner"), Some(6), None)).is_ok());
    assert!(scope.permits(&Object::of(kind("ResearchSubject"), Some(6), Some(OWN_CHART))).is_err());
}

#[test]
fn a_scope_opens_only_its_own_action() {
    let billing = caller(RoleSet::of(Role::Billing), Purpose::Payment, GOOD);
    assert!(policies().scope(&billing, Action::Search, kind("Claim")).is_ok());
    assert!(matches!(policies().scope(&billing, Action::Search, kind("Observation")), Err(Denial::Never(_))));
    assert!(matches!(policies().scope(&billing, Action::HistoryType, kind("Patient")), Err(Denial::Never(_))));
}

fn for_every_pair_of_roles(mut check: impl FnMut(RoleSet, Purpose)) {
    for one in Role::ALL {
        for other in Role::ALL {
            if one > other {
                continue;
            }
            for purpose in [Purpose::Treatment, Purpose::Payment, Purpose::PatientRequest] {
                check(RoleSet::of(*one).with(*other), purpose);
            }
        }
    }
}

/// Every single label and some combinations, in and out of the caller's own chart, written by the caller or not.
fn objects(type_name: &str) -> Vec<Object> {
    let mut labels: Vec<Labels> = std::iter::once(Labels::NONE).chain(Labels::ALL.iter()).collect();
    labels.push(Labels::HIV.union(Labels::SUBSTANCE_USE));
    labels.push(Labels::PSYCHOTHERAPY.union(Labels::VERY_RESTRICTED));
    labels.push(Labels::GOVERNMENT_ID.union(Labels::RESTRICTED));
    labels.push(Labels::ALL);
    let mut objects = Vec::new();
    for labels in labels {
        for chart in [None, Some(OWN_CHART), Some(OTHER_CHART)] {
            for originator in [None, Some(PRACTITIONER_ROW)] {
                let plain = Object::of(kind(type_name), Some(9), chart);
                objects.push(Object { labels, originator, ..plain });
            }
        }
    }
    objects
}
