//! Policy versions: proposed, refused with reason, replayed, put in force by four eyes.

use std::sync::{Arc, Mutex};

use access::{Action as Asked, DecisionKey, Facts, Labels, Policies, Purpose, Relations, Role, RoleSet, Traits};
use audit::Action;
use audit::event::Decided;
use compliance::{BUILT_IN, ComplianceError, PolicyDesk, PolicyDeskParts, Source, VersionState};
use store::Witness;

use crate::house::{House, act, person};

const WORDS: &str = "billing no longer looks at coverage";

struct Bench {
    house: House,
    desk: PolicyDesk,
    live: Arc<Mutex<Vec<u64>>>,
}

fn open(house: House) -> Bench {
    let live = Arc::new(Mutex::new(Vec::new()));
    let told = live.clone();
    let parts = PolicyDeskParts {
        desk: house.desk.clone(),
        witness: Witness::on(house.log.clone()),
        reader: house.reader(),
        clock: house.clock(),
        go_live: Arc::new(move |policies: Policies| told.lock().unwrap().push(policies.version())),
    };
    let desk = PolicyDesk::open(parts).unwrap();
    Bench { house, desk, live }
}

/// The shipped policies without one file.
fn without(file: &str) -> Vec<Source> {
    let shipped = Policies::sources().iter().filter(|source| source.file != file);
    shipped.map(|source| Source { file: source.file.into(), text: source.text.into() }).collect()
}

fn key(role: Role, kind: &'static str, purpose: Purpose) -> DecisionKey {
    DecisionKey {
        roles: RoleSet::of(role),
        action: Asked::Read,
        kind: record::types::parse(kind).unwrap(),
        labels: Labels::NONE,
        traits: Traits::CURRENT,
        relations: Relations::TREATING,
        purpose,
        facts: Facts::GOOD,
        in_scope: true,
    }
}

#[tokio::test]
async fn a_version_is_proposed_by_one_and_put_in_force_by_another_and_still_is_after_a_restart() {
    let Bench { house, desk, live } = open(House::new());
    let (author, other) = (person("adams", 1, Role::Admin), person("bright", 2, Role::Admin));
    let version = desk.propose(&author, without("billing.cedar"), WORDS).await.unwrap();
    assert_eq!((version.number, version.state), (2, VersionState::Draft));
    let claim = key(Role::Billing, "Claim", Purpose::Payment);
    assert!(desk.active().decide_key(&claim).is_ok());
    let refused = desk.activate(&author, 2, "I think it is right").await;
    assert!(matches!(refused, Err(ComplianceError::OwnVersion)));
    assert_eq!(live.lock().unwrap().len(), 1);
    desk.activate(&other, 2, "as decided on the twelfth").await.unwrap();
    assert_eq!(live.lock().unwrap().len(), 2);
    assert!(desk.active().decide_key(&claim).is_err());
    assert!(matches!(desk.activate(&other, 2, "as decided again").await, Err(ComplianceError::Active)));
    drop(desk);
    let Bench { house, desk, .. } = open(house.reopen());
    assert!(desk.active().decide_key(&claim).is_err());
    let states: Vec<_> = desk.list().iter().map(|version| (version.number, version.state)).collect();
    assert_eq!(states, [(2, VersionState::Active), (BUILT_IN, VersionState::Retired)]);
    // What the product ships has no author, so that anybody who may can go back to it.
    desk.activate(&author, BUILT_IN, "it was a mistake after all").await.unwrap();
    assert!(desk.active().decide_key(&claim).is_ok());
    assert_eq!(
        house.acts(Action::PolicyChange),
        [
            format!("adams policy version 2 proposed: {WORDS}"),
            "adams policy version 2 by its author".into(),
            "bright policy version 1 -> 2: as decided on the twelfth".into(),
            "adams policy version 2 -> 1: it was a mistake after all".into(),
        ]
    );
}

#[tokio::test]
async fn what_does_not_validate_is_refused_with_file_and_reason_and_nothing_is_kept() {
    let Bench { desk, house, .. } = open(House::new());
    let author = person("adams", 1, Role::Admin);
    let mut broken = without("billing.cedar");
    broken.push(Source { file: "billing.cedar".into(), text: "permit (principal, action".into() });
    let refused = desk.propose(&author, broken, WORDS).await.unwrap_err().to_string();
    assert!(refused.contains("billing.cedar"), "{refused}");
    let unsafe_ones = without("safeguards.cedar");
    assert!(desk.propose(&author, unsafe_ones, WORDS).await.unwrap_err().to_string().contains("safeguards.cedar"));
    assert!(matches!(desk.propose(&author, without("billing.cedar"), "why").await, Err(ComplianceError::Words)));
    assert_eq!(desk.list().len(), 1);
    assert!(house.acts(Action::PolicyChange).is_empty());
}

#[tokio::test]
async fn last_weeks_decisions_are_asked_again() {
    let Bench { house, desk, .. } = open(House::new());
    let claim = key(Role::Billing, "Claim", Purpose::Payment);
    let patient = key(Role::Physician, "Patient", Purpose::Treatment);
    let decided = |key: DecisionKey, allowed, count| Decided { key: key.packed().0, allowed, count };
    let made = |decisions: Vec<Decided>| {
        let mut event = act(Action::Read, "lopez", "billing");
        event.decisions = decisions.into();
        event
    };
    house.event(made(vec![decided(claim, true, 500)])).await;
    house.advance(8 * 86_400_000);
    house.event(made(vec![decided(claim, true, 3), decided(patient, true, 2)])).await;
    house.event(made(vec![decided(claim, true, 4), decided(patient, false, 1)])).await;
    let author = person("adams", 1, Role::Admin);
    desk.propose(&author, without("billing.cedar"), WORDS).await.unwrap();
    let report = desk.replay(&author, 2, 7).await.unwrap();
    assert_eq!((report.decisions, report.distinct), (10, 3), "the older event is not of the week");
    assert_eq!((report.newly_denied, report.newly_allowed, report.not_asked), (7, 1, 0));
    assert!(report.is_whole);
    // Room for fewer events than the days hold is said.
    let since =
        |events_max| compliance::decisions_since(&house.reader(), house.now_ms() as u64, 7, events_max).unwrap();
    assert!(since(1).is_cut() && !since(house.reader().size()).is_cut());
    let lines: Vec<String> = report
        .changes
        .iter()
        .map(|c| format!("{} {} {} {} {} {}", c.change, c.count, c.roles, c.action, c.kind, c.relations))
        .collect();
    assert_eq!(lines, ["denied 7 billing read Claim treating", "allowed 1 physician read Patient treating"]);
}
