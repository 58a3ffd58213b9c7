//! The weekly review (45 CFR 164.308(a)(1)(ii)(D)): what was told, what came of it, what lies open for too long. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::limits::DAY_MS;
use crate::{Alert, AlertId, AlertState, Place, Rule};

pub const REVIEW_DAYS: u64 = 7;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Review {
    pub from_ms: u64,
    pub to_ms: u64,
    /// Every rule, those that said nothing too: silence is to be seen.
    pub rules: Vec<RuleReview>,
    /// Not closed for longer than the limit, the oldest first.
    pub overdue: Vec<Overdue>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleReview {
    pub rule: Rule,
    /// Alerts whose first event is of the week.
    pub opened: u64,
    /// Alerts closed in the week, by how they ended.
    pub closed: BTreeMap<&'static str, u64>,
    /// Open or taken now, however old.
    pub open: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Overdue {
    pub id: AlertId,
    pub rule: Rule,
    pub days: u64,
    pub is_taken: bool,
}

pub fn review(alerts: &[Arc<Alert>], now_ms: u64, open_days_max: u32) -> Review {
    let from_ms = now_ms.saturating_sub(REVIEW_DAYS * DAY_MS);
    let week = from_ms..=now_ms;
    let mut rules: Vec<RuleReview> =
        Rule::ALL.iter().map(|rule| RuleReview { rule: *rule, opened: 0, closed: BTreeMap::new(), open: 0 }).collect();
    let mut overdue = Vec::new();
    for alert in alerts {
        // INVARIANT: `Rule::ALL` is in the order of the enum.
        let row = &mut rules[alert.rule as usize];
        row.opened += u64::from(week.contains(&alert.first_ms));
        match &alert.state {
            AlertState::Closed { at_ms, outcome, .. } => {
                if week.contains(at_ms) {
                    *row.closed.entry(outcome.word()).or_default() += 1;
                }
            }
            AlertState::Open | AlertState::Taken { .. } => {
                row.open += 1;
                let days = now_ms.saturating_sub(alert.first_ms) / DAY_MS;
                if days >= u64::from(open_days_max) {
                    let is_taken = alert.place() == Place::Taken;
                    overdue.push(Overdue { id: alert.id, rule: alert.rule, days, is_taken });
                }
            }
        }
    }
    overdue.sort_by_key(|late| (std::cmp::Reverse(late.days), late.id));
    Review { from_ms, to_ms: now_ms, rules, overdue }
}
