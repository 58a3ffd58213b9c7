//! Charts opened after hours. Clinicians keep care at night: theirs tell only when they are many, or strangers.

use access::{DecisionKey, Relations, Role};
use audit::event::Outcome;

use super::window::{Distinct, Each};
use super::{Finding, HOUR_MS, Limits, Rule, Seen, is_workforce};
use crate::alert::{About, Severity};

const NIGHT_MS: u64 = 12 * HOUR_MS;
const CLINICIANS: [Role; 5] =
    [Role::Physician, Role::Psychiatrist, Role::Nurse, Role::MedicalAssistant, Role::Pharmacist];

pub struct Hours(Each<(String, bool), Distinct>);

impl Hours {
    pub fn new() -> Self {
        Hours(Each::new(NIGHT_MS))
    }

    pub fn observe(&mut self, seen: Seen<'_>, now_ms: u64, limits: &Limits, out: &mut Vec<Finding>) {
        if seen.event.outcome != Outcome::Success || seen.event.who.user.is_empty() {
            return;
        }
        let charts = seen.charts();
        let late = seen.decisions().filter(|(key, is_allowed)| *is_allowed && is_late(key));
        // Care at night is one thing, strangers' charts are another: each has its count.
        let is_care = late.map(|(key, _)| is_care(&key)).reduce(|a, b| a && b);
        let Some(is_care) = is_care.filter(|_| !charts.is_empty()) else { return };
        let limit = if is_care { limits.after_hours_charts_clinician } else { limits.after_hours_charts };
        let opened = self.0.of(now_ms, &(seen.event.who.user.to_owned(), is_care));
        if opened.add(now_ms, NIGHT_MS, seen.leaf, charts, limit) {
            out.push(Finding {
                rule: Rule::AfterHours,
                severity: if is_care { Severity::Low } else { Severity::Medium },
                about: About { what: is_care.then(|| "care".to_owned()), ..seen.person() },
                evidence: opened.leaves(),
                first_ms: opened.first_ms(),
                last_ms: now_ms,
                count: opened.len(),
                is_running_total: true,
            });
        }
    }
}

/// Broken glass has a review of its own.
fn is_late(key: &DecisionKey) -> bool {
    !key.facts.within_hours && !key.facts.glass_broken && is_workforce(key.roles)
}

/// By a clinician, for somebody whom they treat or whom nobody treats yet.
fn is_care(key: &DecisionKey) -> bool {
    let treats = key.relations.contains(Relations::TREATING) || key.relations.contains(Relations::UNASSIGNED);
    treats && CLINICIANS.into_iter().any(|role| key.roles.contains(role))
}
