//! What holds of any caller, any object, any part of the policies.

use std::collections::BTreeSet;

use proptest::prelude::*;
use wardstone_access::{
    Action, Charts, DecisionKey, Facts, Labels, Object, Policies, PolicySource, ProxyCategories, ProxyGrant, Purpose,
    Relations, Role, RoleSet, Scopes, Traits,
};

use crate::{OTHER_CHART, OWN_CHART, PRACTITIONER_ROW, caller_with, kind, policies};

const TYPES: [&str; 10] = [
    "Patient",
    "Observation",
    "MedicationRequest",
    "Condition",
    "DocumentReference",
    "Claim",
    "Appointment",
    "Consent",
    "Practitioner",
    "AuditEvent",
];
const ELEMENTS: [&str; 6] = ["name", "birthDate", "code", "status", "text", "note"];
const KEYS: u32 = 3_000;
const POLICY_SETS: u32 = 40;

proptest! {
    #![proptest_config(ProptestConfig { cases: POLICY_SETS, failure_persistence: None, ..ProptestConfig::default() })]

    /// Of any part of the policies: what a list shows is what single checks allow and show.
    #[test]
    fn a_list_is_its_checks(
        kept in prop::collection::vec(prop::bool::weighted(0.75), policies().describe().count()),
        asking in prop::collection::vec((asking(), prop::sample::select(&TYPES[..])), 6),
        objects in prop::collection::vec(object(), 12),
        matched_on in prop::sample::subsequence(&ELEMENTS[..], 0..3),
    ) {
        let some = part_of_the_policies(&kept);
        for (asking, type_name) in asking {
            let caller = asking.caller();
            for action in [Action::Search, Action::HistoryType, Action::Export] {
                let scope = some.scope(&caller, action, kind(type_name));
                for object in &objects {
                    let object = Object { kind: kind(type_name), ..*object };
                    let shows = |view: wardstone_access::View| matched_on.iter().all(|e| view.allows(type_name, e));
                    let alone = some.decide(&caller, action, &object).is_ok_and(|permit| shows(permit.view()));
                    let listed = scope.as_ref().is_ok_and(|scope| scope.permits(&object, &matched_on).is_ok());
                    prop_assert_eq!(alone, listed, "{:?} {:?} {}", asking, action, type_name);
                    let Ok(scope) = &scope else { continue };
                    if alone {
                        prop_assert!(!object.labels.intersects(scope.excluded()), "{:?}", asking);
                        prop_assert!(shows(scope.view()), "what a hit shows can be searched");
                        if let Charts::Only(charts) = scope.charts() {
                            prop_assert!(object.chart.is_some_and(|chart| charts.contains(&chart)), "{:?}", asking);
                        }
                    }
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: KEYS, failure_persistence: None, ..ProptestConfig::default() })]

    /// One exception is written down: a biller may not tell a health plan what the patient paid, whatever else they are.
    #[test]
    fn more_roles_open_no_less(key in key(), more in roles()) {
        let wider = DecisionKey { roles: more.iter().fold(key.roles, RoleSet::with), ..key };
        let biller = more.contains(Role::Billing) && key.relations.contains(Relations::SELF_PAY);
        prop_assume!(!biller);
        opens_no_less(&wider, &key)?;
    }

    #[test]
    fn a_narrower_token_opens_nothing(key in key()) {
        let narrower = DecisionKey { in_scope: false, ..key };
        prop_assert!(policies().decide_key(&narrower).is_err());
    }

    #[test]
    fn what_closes_never_opens(key in key(), closing in 0..=Relations::ALL.bits()) {
        let closing = Relations::from_bits(closing).unwrap().intersection(Relations::CLOSING);
        opens_no_less(&key, &DecisionKey { relations: key.relations.union(closing), ..key })?;
    }

    /// But of the own chart, which nobody writes through a workforce role.
    #[test]
    fn what_opens_never_closes(key in key(), opening in 0..=Relations::ALL.bits(), traits in 0..=Traits::ALL.bits()) {
        let opening = Relations::from_bits(opening).unwrap().intersection(Relations::OPENING).without(Relations::SELF_CHART);
        let relations = key.relations.union(opening);
        let traits = key.traits.union(Traits::from_bits(traits).unwrap());
        opens_no_less(&DecisionKey { relations, traits, ..key }, &key)?;
    }

    #[test]
    fn a_better_session_opens_no_less(key in key(), better in facts()) {
        let facts = Facts {
            mfa_fresh: key.facts.mfa_fresh || better.mfa_fresh,
            phishing_resistant: key.facts.phishing_resistant || better.phishing_resistant,
            device_verified: key.facts.device_verified || better.device_verified,
            within_hours: key.facts.within_hours || better.within_hours,
            network_trusted: key.facts.network_trusted || better.network_trusted,
            licensed: key.facts.licensed || better.licensed,
            glass_broken: key.facts.glass_broken || better.glass_broken,
        };
        opens_no_less(&DecisionKey { facts, ..key }, &key)?;
    }

    #[test]
    fn a_further_label_opens_nothing(key in key(), label in labels()) {
        opens_no_less(&key, &DecisionKey { labels: key.labels.union(label), ..key })?;
    }

    /// What a denial says follows from the caller and the type: "never" does not depend on what is there.
    #[test]
    fn never_tells_nothing_of_the_resource(key in key(), other in key()) {
        let elsewhere = DecisionKey { labels: other.labels, traits: other.traits, relations: other.relations, ..key };
        let never = |key: &DecisionKey| matches!(policies().decide_key(key), Err(wardstone_access::Denial::Never(_)));
        let closed = |key: &DecisionKey| policies().decide_key(key).is_err();
        prop_assert!(never(&key) == never(&elsewhere) || !closed(&key) || !closed(&elsewhere));
        if never(&key) {
            prop_assert!(closed(&elsewhere));
        }
    }
}

fn opens_no_less(wider: &DecisionKey, narrower: &DecisionKey) -> Result<(), TestCaseError> {
    let Ok((view, categories)) = policies().decide_key(narrower) else { return Ok(()) };
    match policies().decide_key(wider) {
        Ok((wide, all)) => {
            prop_assert!(wide.covers(view), "{narrower:?} shows what {wider:?} hides");
            prop_assert!(all.contains(categories), "{narrower:?} opens what {wider:?} closes");
        }
        Err(denial) => prop_assert!(false, "{narrower:?} is open and {wider:?} {denial:?} by {:?}", denial.policies()),
    }
    Ok(())
}

#[derive(Clone, Debug)]
struct Asking {
    roles: RoleSet,
    purpose: Purpose,
    facts: Facts,
    grant: (u8, Labels, bool),
    is_narrowed: bool,
}

impl Asking {
    fn caller(&self) -> wardstone_access::Caller {
        let (categories, labels, adolescent) = self.grant;
        let categories = ProxyCategories::from_bits(categories).unwrap();
        caller_with(self.roles, self.purpose, self.facts, |parts| {
            if !parts.proxies.is_empty() {
                parts.proxies = vec![ProxyGrant { chart: OWN_CHART, categories, labels, adolescent }];
            }
            parts.scopes = self.is_narrowed.then(|| Scopes::parse("user/Patient.rs user/Observation.rs").unwrap());
        })
    }
}

fn asking() -> impl Strategy<Value = Asking> {
    let grant = (0..=ProxyCategories::ALL.bits(), labels(), any::<bool>());
    (roles(), purpose(), facts(), grant, prop::bool::weighted(0.1))
        .prop_map(|(roles, purpose, facts, grant, is_narrowed)| Asking { roles, purpose, facts, grant, is_narrowed })
}

fn roles() -> impl Strategy<Value = RoleSet> {
    prop::sample::subsequence(Role::ALL, 1..4).prop_map(|roles| roles.into_iter().collect())
}

/// Mostly those that some policy asks for.
fn purpose() -> impl Strategy<Value = Purpose> {
    let usual = Role::ALL.iter().map(|role| role.usual_purpose()).collect::<Vec<_>>();
    prop_oneof![4 => prop::sample::select(usual), 1 => prop::sample::select(Purpose::ALL)]
}

fn facts() -> impl Strategy<Value = Facts> {
    let likely = || prop::bool::weighted(0.8);
    (likely(), likely(), likely(), likely(), likely(), prop::bool::weighted(0.2)).prop_map(
        |(mfa_fresh, device_verified, within_hours, network_trusted, licensed, glass_broken)| Facts {
            mfa_fresh,
            phishing_resistant: mfa_fresh,
            device_verified,
            within_hours,
            network_trusted,
            licensed,
            glass_broken,
        },
    )
}

fn labels() -> impl Strategy<Value = Labels> {
    let each: Vec<Labels> = Labels::ALL.iter().collect();
    prop::sample::subsequence(each, 0..3).prop_map(|some| some.into_iter().fold(Labels::NONE, Labels::union))
}

fn relations(of: Relations) -> impl Strategy<Value = Relations> {
    let each: Vec<u16> = (0..16).map(|bit| 1 << bit).filter(|bit| of.bits() & bit != 0).collect();
    prop::sample::subsequence(each, 0..4).prop_map(|bits| Relations::from_bits(bits.into_iter().sum()).unwrap())
}

fn object() -> impl Strategy<Value = Object> {
    let chart = prop::sample::select(vec![None, Some(OWN_CHART), Some(OTHER_CHART)]);
    let originator = prop::sample::select(vec![None, Some(PRACTITIONER_ROW), Some(9)]);
    (chart, originator, labels(), 0..=Traits::ALL.bits(), relations(Relations::OF_CHART)).prop_map(
        |(chart, originator, labels, traits, relations)| Object {
            labels,
            originator,
            relations,
            traits: Traits::from_bits(traits).unwrap(),
            ..Object::of(kind("Patient"), Some(9), chart)
        },
    )
}

fn key() -> impl Strategy<Value = DecisionKey> {
    let what = (prop::sample::select(Action::ALL), prop::sample::select(&TYPES[..]), labels(), 0..=Traits::ALL.bits());
    (roles(), what, relations(Relations::ALL), purpose(), facts()).prop_map(
        |(roles, (action, type_name, labels, traits), relations, purpose, facts)| DecisionKey {
            roles,
            action,
            kind: kind(type_name),
            labels,
            traits: Traits::from_bits(traits).unwrap(),
            relations,
            purpose,
            facts,
            in_scope: true,
        },
    )
}

/// The shipped policies without those that `kept` leaves out, in the order in which they are described.
fn part_of_the_policies(kept: &[bool]) -> Policies {
    let gone: BTreeSet<&str> =
        policies().describe().zip(kept).filter(|(_, kept)| !**kept).map(|((id, _), _)| id).collect();
    let texts: Vec<(&str, String)> = Policies::sources()
        .iter()
        .map(|source| {
            let text = gone.iter().fold(source.text.to_string(), |text, id| crate::cases::cut(&text, id));
            (source.file, text)
        })
        .collect();
    let sources: Vec<PolicySource<'_>> = texts.iter().map(|(file, text)| PolicySource { file, text }).collect();
    Policies::load(&sources).unwrap()
}
