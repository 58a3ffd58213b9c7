//! Charts that people open out of curiosity: of somebody with their name, of a co-worker, of a person of public interest.
//! Whoever treats the patient, or stands by the patient as proxy, has a reason that the record knows.

use access::{Action, DecisionKey, Relations, Traits};

use super::{Finding, Rule, Seen, is_workforce};
use crate::alert::{About, Severity};

const LOOKED_FOR: [(Traits, Rule, Severity); 3] = [
    (Traits::SAME_NAME, Rule::SameName, Severity::Medium),
    (Traits::EMPLOYEE, Rule::CoWorker, Severity::High),
    (Traits::VIP, Rule::Vip, Severity::High),
];
const REASONS: [Relations; 3] = [Relations::TREATING, Relations::SELF_CHART, Relations::PROXY];

pub fn observe(seen: Seen<'_>, out: &mut Vec<Finding>) {
    let mut traits = Traits::NONE;
    for (key, is_allowed) in seen.decisions() {
        if is_workforce(key.roles) && opens_a_chart(&key, is_allowed) && !has_reason(&key) {
            traits = traits.union(key.traits);
        }
    }
    if traits == Traits::NONE {
        return;
    }
    let chart = match seen.charts().as_slice() {
        [chart] => Some(*chart),
        _ => None,
    };
    for (looked_for, rule, severity) in LOOKED_FOR {
        if traits.contains(looked_for) {
            out.push(Finding::of(rule, severity, seen, About { chart, ..seen.person() }));
        }
    }
}

/// Who looks for a patient by name sees every entry of that name in the directory, and means one. What was denied in a list
/// nobody saw; what was asked for by itself and denied was tried.
fn opens_a_chart(key: &DecisionKey, is_allowed: bool) -> bool {
    match key.action {
        Action::Read
        | Action::VRead
        | Action::HistoryInstance
        | Action::Everything
        | Action::Update
        | Action::Patch
        | Action::BreakGlass => true,
        Action::Search | Action::SearchSystem | Action::HistoryType | Action::HistorySystem => {
            is_allowed && key.kind.name != "Patient"
        }
        _ => false,
    }
}

fn has_reason(key: &DecisionKey) -> bool {
    REASONS.into_iter().any(|relation| key.relations.contains(relation))
}
