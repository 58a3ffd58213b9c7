//! A search shows exactly what single reads would: by construction, and checked here over every label and pair of roles.

use wardstone_access::{
    Action, Charts, Denial, Facts, Labels, LastRuling, Object, Purpose, Relations, Role, RoleSet, Traits, View,
};

use crate::{GOOD, OTHER_CHART, OWN_CHART, PRACTITIONER_ROW, caller, kind, policies};

/// What a search filters or sorts by: nothing, what a directory shows, what it hides.
const MATCHED_ON: [&[&str]; 3] = [&[], &["name", "birthDate"], &["name", "text"]];
const TYPES: [&str; 6] = ["Patient", "Observation", "Claim", "DocumentReference", "Practitioner", "AuditEvent"];

#[test]
fn a_list_equals_the_checks_of_its_items() {
    let mut hits = 0;
    // Kept from hit to hit, caller to caller: whatever was ruled before, each is decided for itself.
    let mut last = LastRuling::default();
    for_every_pair_of_roles(|roles, purpose| {
        let caller = caller(roles, purpose, GOOD);
        for type_name in TYPES {
            let scope = policies().scope(&caller, Action::Search, kind(type_name));
            for object in objects(type_name) {
                let alone = policies().decide(&caller, Action::Search, &object);
                for matched_on in MATCHED_ON {
                    let listed =
                        scope.as_ref().is_ok_and(|scope| scope.permits_after(&mut last, &object, matched_on).is_ok());
                    // One exception: who searched by elements that are hidden on a hit must not learn of the match.
                    let shows = |element: &&str| alone.as_ref().is_ok_and(|p| p.view().allows(type_name, element));
                    let alone = alone.is_ok() && matched_on.iter().all(shows);
                    assert_eq!(alone, listed, "{roles:?} {purpose:?} {type_name} {:?}", object.labels);
                    hits += usize::from(listed);
                }
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
                let permitted = scope.permits(&object, &[]).is_ok();
                assert!(!(skipped && permitted), "{roles:?} {purpose:?} {type_name} {:?}", object.labels);
            }
        }
    });
}

#[test]
fn a_match_never_tells_what_the_hit_does_not_show() {
    let ana = caller(RoleSet::of(Role::Physician), Purpose::Treatment, GOOD);
    let scope = policies().scope(&ana, Action::Search, kind("Patient")).unwrap();
    assert_eq!(*scope.charts(), Charts::All);
    assert!(scope.view().allows("Patient", "text"), "patients whom they treat are searched by anything");
    let stranger = Object::of(kind("Patient"), Some(1), Some(OTHER_CHART));
    let treated = Object { relations: Relations::TREATING, ..stranger };
    assert_eq!(scope.permits(&stranger, &["name"]).unwrap().view(), View::from_name("directory").unwrap());
    assert!(scope.permits(&treated, &["name"]).unwrap().view().is_full());
    let hidden = scope.permits(&stranger, &["name", "text"]).unwrap_err();
    assert!(matches!(hidden, Denial::Absent(_)));
    assert_eq!(hidden.explain().attributes, ["view"]);
    assert!(scope.permits(&treated, &["name", "text"]).is_ok());
}

#[test]
fn who_is_also_a_patient_still_searches_those_they_treat() {
    let both = caller(RoleSet::of(Role::Nurse).with(Role::Patient), Purpose::Treatment, GOOD);
    let scope = policies().scope(&both, Action::Search, kind("Observation")).unwrap();
    assert_eq!(*scope.charts(), Charts::Related);
    let other = Object::of(kind("Observation"), Some(1), Some(OTHER_CHART));
    assert!(scope.permits(&other, &[]).is_err());
    assert!(scope.permits(&Object { relations: Relations::TREATING, ..other }, &[]).is_ok());
    assert!(scope.permits(&Object { chart: Some(OWN_CHART), ..other }, &["code"]).unwrap().view().is_full());
}

#[test]
fn a_patient_searches_their_own_chart() {
    let ana = caller(RoleSet::of(Role::Patient), Purpose::PatientRequest, GOOD);
    let scope = policies().scope(&ana, Action::Search, kind("Observation")).unwrap();
    assert_eq!(*scope.charts(), Charts::Only([OWN_CHART].into()));
    assert!(scope.excluded().contains(Labels::PSYCHOTHERAPY));
    assert!(!scope.excluded().intersects(Labels::HIV));
    let other = scope.permits(&Object::of(kind("Observation"), Some(5), Some(OTHER_CHART)), &[]);
    assert!(matches!(other, Err(Denial::Absent(_))));
    // What a hit includes is decided by its own type.
    assert!(scope.permits(&Object::of(kind("Practitioner"), Some(6), None), &[]).is_ok());
    assert!(scope.permits(&Object::of(kind("ResearchSubject"), Some(6), Some(OWN_CHART)), &[]).is_err());
}

#[test]
fn a_scope_opens_only_its_own_action() {
    let billing = caller(RoleSet::of(Role::Billing), Purpose::Payment, GOOD);
    assert!(policies().scope(&billing, Action::Search, kind("Claim")).is_ok());
    assert!(matches!(policies().scope(&billing, Action::Search, kind("Observation")), Err(Denial::Never(_))));
    assert!(matches!(policies().scope(&billing, Action::HistoryType, kind("Patient")), Err(Denial::Never(_))));
}

const RELATIONS: [Relations; 4] = [
    Relations::NONE,
    Relations::TREATING,
    Relations::UNASSIGNED.union(Relations::PART2_CONSENT),
    Relations::TREATING.union(Relations::CONSENT_DENIES),
];

/// Every role alone and beside those that change most.
fn for_every_pair_of_roles(mut check: impl FnMut(RoleSet, Purpose)) {
    for one in Role::ALL {
        for other in [*one, Role::Physician, Role::FrontDesk, Role::Patient] {
            for purpose in [one.usual_purpose(), other.usual_purpose()] {
                check(RoleSet::of(*one).with(other), purpose);
            }
        }
    }
}

/// In and out of the caller's own chart, near and far, by what the labels close.
fn objects(type_name: &str) -> Vec<Object> {
    let labels = [
        Labels::NONE,
        Labels::HIV.union(Labels::SUBSTANCE_USE),
        Labels::PART2,
        Labels::PSYCHOTHERAPY,
        Labels::VERY_RESTRICTED,
        Labels::GOVERNMENT_ID.union(Labels::RESTRICTED),
        Labels::ALL,
    ];
    let mut objects = Vec::new();
    for labels in labels {
        for chart in [None, Some(OWN_CHART), Some(OTHER_CHART)] {
            let plain = Object { traits: Traits::CURRENT, labels, ..Object::of(kind(type_name), Some(9), chart) };
            objects.push(Object { originator: Some(PRACTITIONER_ROW), ..plain });
            objects.extend(RELATIONS.map(|relations| Object { relations, ..plain }));
        }
    }
    objects
}
