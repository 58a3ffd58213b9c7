//! The weekly review: what the queue says of the last seven days.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::alert::{Alert, AlertState, Severity, Verdict};
use crate::rules::Rule;

const DAY_MS: i64 = 86_400_000;
const WEEK_MS: i64 = 7 * DAY_MS;
/// Overdue alerts that a summary names; the others are counted.
const NAMED_MAX: usize = 200;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weekly {
    pub from_ms: i64,
    pub until_ms: i64,
    /// Rules in their order, those that found nothing too: silence is an answer.
    pub rules: Vec<Counted>,
    pub open: u64,
    /// Not closed and raised more than `overdue_days` ago, oldest first.
    pub overdue_days: u32,
    pub overdue: u64,
    pub overdue_ids: Vec<u64>,
    pub glass_reviews_due: u64,
    pub by_verdict: BTreeMap<String, u64>,
    pub recertifications_due: u64,
    pub last_review_ms: Option<i64>,
}

/// What one rule brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    pub rule: Rule,
    pub raised: u64,
    pub closed: u64,
    pub worst: Option<Severity>,
}

/// A week that somebody looked at, as it was then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedReview {
    pub signed_ms: i64,
    pub reviewer: String,
    pub words: String,
    pub week: Weekly,
}

pub(crate) fn summarize<'a>(
    alerts: impl Iterator<Item = &'a Alert>,
    now_ms: i64,
    overdue_days: u32,
    recertifications_due: u64,
    last_review_ms: Option<i64>,
) -> Weekly {
    let from_ms = now_ms - WEEK_MS;
    let none = |rule: &Rule| Counted { rule: *rule, raised: 0, closed: 0, worst: None };
    let mut rules: Vec<Counted> = Rule::ALL.iter().map(none).collect();
    let mut week = Weekly {
        from_ms,
        until_ms: now_ms,
        rules: Vec::new(),
        open: 0,
        overdue_days,
        overdue: 0,
        overdue_ids: Vec::new(),
        glass_reviews_due: 0,
        by_verdict: Verdict::ALL.iter().map(|verdict| (verdict.name().to_owned(), 0)).collect(),
        recertifications_due,
        last_review_ms,
    };
    for alert in alerts {
        let counted = &mut rules[alert.rule as usize];
        if alert.raised_ms > from_ms {
            counted.raised += 1;
            counted.worst = counted.worst.max(Some(alert.severity));
        }
        let closed_ms = alert.history.last().map_or(alert.raised_ms, |step| step.time_ms);
        match &alert.state {
            AlertState::Closed { verdict, .. } if closed_ms > from_ms => {
                counted.closed += 1;
                *week.by_verdict.entry(verdict.name().to_owned()).or_default() += 1;
            }
            AlertState::Closed { .. } => {}
            AlertState::Open | AlertState::Taken { .. } => {
                week.open += 1;
                week.glass_reviews_due += u64::from(alert.rule == Rule::BreakGlass);
                if alert.raised_ms <= now_ms - i64::from(overdue_days) * DAY_MS {
                    week.overdue += 1;
                    if week.overdue_ids.len() < NAMED_MAX {
                        week.overdue_ids.push(alert.id);
                    }
                }
            }
        }
    }
    week.rules = rules;
    week
}
