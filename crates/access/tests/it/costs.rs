//! What loading and deciding cost: `cargo nextest run -p wardstone-access --run-ignored only costs --no-capture`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use wardstone_access::{Action, Labels, Object, Policies, Purpose, Relations, Role, RoleSet};

use crate::{GOOD, OTHER_CHART, caller, kind};

const ROUNDS: u32 = 5;

#[test]
#[ignore = "a measurement"]
fn the_costs_of_loading_and_deciding() {
    let loading = (0..ROUNDS).map(|_| timed(|| drop(black_box(Policies::embedded().unwrap())))).min().unwrap();
    let policies = Policies::embedded().unwrap();
    let physician = caller(RoleSet::of(Role::Physician), Purpose::Treatment, GOOD);
    let objects = unseen();
    let decide =
        || objects.iter().for_each(|object| drop(black_box(policies.decide(&physician, Action::Read, object))));
    let first = timed(decide) / objects.len() as u32;
    let again = timed(decide) / objects.len() as u32;
    let count = policies.describe().count();
    eprintln!("{count} policies: load {loading:?}, decide anew {first:?}, decide cached {again:?}");
}

/// Permitted and denied ones: every standing towards the chart, beside every label.
fn unseen() -> Vec<Object> {
    let relations = (0..=Relations::OF_CHART.bits()).filter_map(Relations::from_bits);
    relations
        .filter(|relations| Relations::OF_CHART.contains(*relations))
        .flat_map(|relations| Labels::ALL.iter().map(move |labels| (relations, labels)))
        .map(|(relations, labels)| Object {
            relations,
            labels,
            ..Object::of(kind("Observation"), Some(1), Some(OTHER_CHART))
        })
        .collect()
}

fn timed(work: impl FnOnce()) -> Duration {
    let started = Instant::now();
    work();
    started.elapsed()
}
