//! Whether the log goes on: it takes events, checkpoints follow, and what is written is read back.

use super::{Finding, Limits, Rule};
use crate::LogHealth;
use crate::alert::{About, Severity};

/// Fed by time instead of events.
#[derive(Default)]
pub struct Stall {
    /// Since when each thing is wrong.
    unavailable_ms: Option<u64>,
    unanchored_ms: Option<u64>,
    anchored: u64,
    unread_ms: Option<u64>,
    silent_ms: Option<u64>,
    failures: Option<u64>,
}

impl Stall {
    /// `is_read`: the follower read what is there; `beat_age_ms`: since the last event that was written and read back.
    pub fn tick(
        &mut self,
        now_ms: u64,
        health: LogHealth,
        is_read: bool,
        beat_age_ms: Option<u64>,
        limits: &Limits,
    ) -> Vec<Finding> {
        let mut out = Vec::new();
        let stall_ms = limits.stall_seconds * 1_000;
        // A refused event is a request without an answer: that is told at once.
        if lasts(&mut self.unavailable_ms, now_ms, !health.is_available, 0) {
            out.push(finding("the log takes no events", Severity::Critical, now_ms));
        }
        // Under load events always wait; what must not stand is the checkpoint.
        if std::mem::replace(&mut self.anchored, health.anchored) != health.anchored {
            self.unanchored_ms = None;
        }
        if lasts(&mut self.unanchored_ms, now_ms, health.is_behind, stall_ms) {
            out.push(finding("events without a checkpoint", Severity::High, now_ms));
        }
        if lasts(&mut self.unread_ms, now_ms, !is_read, stall_ms) {
            out.push(finding("the log cannot be read", Severity::High, now_ms));
        }
        let is_silent = beat_age_ms.is_some_and(|age_ms| age_ms > limits.heartbeat_seconds * 1_000 + stall_ms);
        if lasts(&mut self.silent_ms, now_ms, is_silent, 0) {
            out.push(finding("heartbeats are missing", Severity::High, now_ms));
        }
        let before = self.failures.replace(health.failures);
        if before.is_some_and(|before| health.failures > before) {
            out.push(finding("writing failed", Severity::High, now_ms));
        }
        out
    }
}

/// True once, when something has been wrong for so long; anew after it was right.
fn lasts(since: &mut Option<u64>, now_ms: u64, is_wrong: bool, long_ms: u64) -> bool {
    const TOLD: u64 = u64::MAX;
    if !is_wrong {
        *since = None;
        return false;
    }
    let started_ms = *since.get_or_insert(now_ms);
    let is_due = started_ms != TOLD && now_ms.saturating_sub(started_ms) >= long_ms;
    if is_due {
        *since = Some(TOLD);
    }
    is_due
}

fn finding(what: &str, severity: Severity, now_ms: u64) -> Finding {
    Finding {
        rule: Rule::AuditStalled,
        severity,
        about: About { what: Some(what.to_owned()), ..About::default() },
        evidence: Vec::new(),
        first_ms: now_ms,
        last_ms: now_ms,
        count: 1,
        is_running_total: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WELL: LogHealth = LogHealth { is_available: true, is_behind: false, anchored: 9, failures: 0 };

    fn words(found: Vec<Finding>) -> Vec<String> {
        found.into_iter().filter_map(|finding| finding.about.what).collect()
    }

    #[test]
    fn a_log_that_takes_no_events_is_told_at_once_and_once() {
        let (mut stall, limits) = (Stall::default(), Limits::default());
        let away = LogHealth { is_available: false, ..WELL };
        assert!(stall.tick(0, WELL, true, None, &limits).is_empty());
        assert_eq!(words(stall.tick(200, away, true, None, &limits)), ["the log takes no events"]);
        assert!(stall.tick(400, away, true, None, &limits).is_empty());
        assert!(stall.tick(600, WELL, true, None, &limits).is_empty());
        assert_eq!(stall.tick(800, away, true, None, &limits).len(), 1, "again, so told again");
    }

    #[test]
    fn what_may_be_slow_is_told_when_it_lasts() {
        let (mut stall, limits) = (Stall::default(), Limits::default());
        let behind = LogHealth { is_behind: true, ..WELL };
        assert!(stall.tick(0, behind, false, Some(1), &limits).is_empty());
        assert!(stall.tick(29_999, behind, false, Some(330_000), &limits).is_empty());
        let found = words(stall.tick(30_000, behind, false, Some(330_001), &limits));
        assert_eq!(found, ["events without a checkpoint", "the log cannot be read", "heartbeats are missing"]);
        let busy = |at: u64| LogHealth { anchored: at, ..behind };
        for second in 31..200 {
            assert!(stall.tick(second * 1_000, busy(second), true, Some(0), &limits).is_empty(), "checkpoints go on");
        }
        let failed = LogHealth { failures: 3, ..WELL };
        assert_eq!(words(stall.tick(200_000, failed, true, Some(0), &limits)), ["writing failed"]);
    }
}
