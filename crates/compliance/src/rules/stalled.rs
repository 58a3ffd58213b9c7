//! A stalled audit log: nothing in it says so, hence a clock asks.

use super::{Finding, Rule};
use crate::Limits;

/// What the log says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    pub is_available: bool,
    /// Durable leaves.
    pub size: u64,
    /// Durable and under no checkpoint yet.
    pub unanchored: u64,
    pub anchored_ms: u64,
    pub is_sink_healthy: bool,
}

#[derive(Default)]
pub struct Stalled {
    unavailable_since_ms: Option<u64>,
    size: u64,
    grew_ms: Option<u64>,
    unanchored_since_ms: Option<u64>,
    told: Option<u64>,
}

impl Stalled {
    /// Says once for each standstill that the log stands still.
    pub fn tick(&mut self, now_ms: u64, health: Health, limits: &Limits) -> Option<Finding> {
        let since = |since_ms: &mut Option<u64>, holds: bool| {
            *since_ms = if holds { since_ms.or(Some(now_ms)) } else { None };
            since_ms.is_some_and(|since_ms| now_ms.saturating_sub(since_ms) >= limits.stalled_after_ms)
        };
        let is_refused = since(&mut self.unavailable_since_ms, !health.is_available);
        // Anchoring runs behind by a second; what matters is that it runs at all.
        let is_behind = health.unanchored > 0 && now_ms.saturating_sub(health.anchored_ms) >= limits.stalled_after_ms;
        let is_unanchored = since(&mut self.unanchored_since_ms, is_behind || !health.is_sink_healthy);
        if health.size != self.size || self.grew_ms.is_none() {
            (self.size, self.grew_ms) = (health.size, Some(now_ms));
        }
        let quiet_ms = now_ms.saturating_sub(self.grew_ms.unwrap_or(now_ms));
        let is_quiet = limits.heartbeat_ms > 0 && quiet_ms >= 2 * limits.heartbeat_ms + limits.stalled_after_ms;
        let words = match (is_refused, is_quiet, is_unanchored) {
            (true, _, _) => "the audit log takes no events: nothing is disclosed meanwhile",
            (_, true, _) => "the audit log has stopped growing: not even its heartbeat is in it",
            (_, _, true) => "the audit log is not anchored: a rollback could not be told",
            _ => {
                self.told = None;
                return None;
            }
        };
        if self.told.is_some() {
            return None;
        }
        self.told = Some(now_ms);
        Some(Finding {
            rule: Rule::StalledAudit,
            severity: Rule::StalledAudit.severity(),
            time_ms: now_ms,
            leaves: Vec::new(),
            subject: "system".to_owned(),
            about: Vec::new(),
            about_user: None,
            chart: None,
            count: 1,
            words: words.to_owned(),
        })
    }
}
