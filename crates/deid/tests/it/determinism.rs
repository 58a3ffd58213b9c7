//! The same plan gives the same bytes, and patients do not depend on each other.

use crate::tree::{NOW, TODAY, clinic};
use wardstone_deid::synthetic::{Plan, generate};

#[test]
fn the_same_plan_gives_the_same_bytes() {
    let (one, two) = (clinic(), clinic());
    assert_eq!(one.staff_bundle().json, two.staff_bundle().json);
    assert!(one.patient_bundles().zip(two.patient_bundles()).all(|(a, b)| a.json == b.json));
}

#[test]
fn another_seed_gives_other_people() {
    let bundle = |seed| generate(&Plan { seed, patients: 1, today: TODAY, now: NOW }).patient_bundle(1).json;
    assert_ne!(bundle(1), bundle(2));
}

#[test]
fn a_patient_is_the_same_in_a_small_and_a_large_clinic() {
    let small = generate(&Plan { seed: 7, patients: 30, today: TODAY, now: NOW });
    let nth = clinic().patient_bundles().nth(29).unwrap();
    assert_eq!(small.patient_bundle(30).json, nth.json);
}

#[test]
fn no_two_patients_share_a_resource_id() {
    let mut seen = std::collections::HashSet::new();
    crate::tree::each_patient(|number, bundle| {
        for url in crate::tree::by_full_url(bundle).into_keys() {
            assert!(seen.insert(url.to_string()), "patient {number}: {url} drawn twice");
        }
    });
}
