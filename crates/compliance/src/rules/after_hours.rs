//! Charts opened outside working hours by who works here. Clinicians keep care at night: theirs is told of from a few charts on.

use super::window::{Distinct, Keyed};
use super::{Finding, Rule};
use crate::{Limits, Seen};

#[derive(Default)]
pub struct AfterHours {
    people: Keyed<String, Distinct>,
}

impl AfterHours {
    pub fn see(&mut self, seen: &Seen, limits: &Limits, out: &mut Vec<Finding>) {
        if !seen.is_after_hours || !seen.is_success() || !seen.is_workforce() || seen.charts.is_empty() {
            return;
        }
        let charts = self.people.of(seen.user.clone(), seen.time_ms);
        let mut is_news = false;
        for chart in &seen.charts {
            is_news |= charts.add(seen.time_ms, limits.after_hours_window_ms, *chart);
        }
        let limit = if seen.is_clinician() { limits.after_hours_charts_of_clinicians } else { 1 };
        if is_news && charts.len() >= u64::from(limit.max(1)) {
            let words = format!("{} charts outside working hours", charts.len());
            out.push(Finding::about(Rule::AfterHours, seen, words));
        }
    }
}
