//! Large reads and exports, against what a role needs: distinct charts and rows an hour and a day, matches counted unseen.

use audit::Action;

use super::window::{Distinct, Keyed, Sum};
use super::{Finding, Rule, Severity};
use crate::limits::{DAY_MS, HOUR_MS};
use crate::{Limits, Seen};

#[derive(Default)]
pub struct Volume {
    people: Keyed<String, Person>,
}

#[derive(Default)]
struct Person {
    charts_hour: Distinct,
    charts_day: Distinct,
    rows_hour: Sum,
    rows_day: Sum,
    counted_day: Sum,
    /// How many times each limit was reached when it was last told of.
    told: [u64; 5],
}

impl Volume {
    pub fn see(&mut self, seen: &Seen, limits: &Limits, out: &mut Vec<Finding>) {
        let opens = matches!(
            seen.action,
            Action::Read | Action::VRead | Action::Search | Action::History | Action::Everything | Action::Export
        );
        if !opens || !seen.is_success() || !seen.is_person() {
            return;
        }
        let limit = limits.volume_of(&seen.role);
        let lines = seen.count.max(seen.rows);
        if seen.action == Action::Export && limit.export_lines > 0 && lines >= limit.export_lines {
            let mut finding = Finding::about(Rule::LargeExport, seen, format!("exported {lines} lines"));
            finding.count = lines;
            out.push(finding);
        }
        let person = self.people.of(seen.user.clone(), seen.time_ms);
        for chart in &seen.charts {
            person.charts_hour.add(seen.time_ms, HOUR_MS, *chart);
            person.charts_day.add(seen.time_ms, DAY_MS, *chart);
        }
        let rows = if seen.action == Action::Export { lines } else { seen.rows };
        let counted = if seen.rows == 0 { seen.count } else { 0 };
        let reached = [
            (person.charts_hour.len(), u64::from(limit.charts_per_hour), "charts in an hour"),
            (person.charts_day.len(), u64::from(limit.charts_per_day), "charts in a day"),
            (person.rows_hour.add(seen.time_ms, HOUR_MS, rows), limit.rows_per_hour, "rows in an hour"),
            (person.rows_day.add(seen.time_ms, DAY_MS, rows), limit.rows_per_day, "rows in a day"),
            (person.counted_day.add(seen.time_ms, DAY_MS, counted), limit.counted_per_day, "matches counted in a day"),
        ];
        for ((amount, limit, what), told) in reached.into_iter().zip(&mut person.told) {
            if limit == 0 {
                continue;
            }
            // Told at the limit and at each multiple of it, not at every event beyond.
            let times = amount / limit;
            if times > *told {
                let mut finding = Finding::about(Rule::LargeReads, seen, format!("{amount} {what}, {limit} are usual"));
                if times >= 3 {
                    finding.severity = Severity::Critical;
                }
                out.push(finding);
            }
            *told = times;
        }
    }
}
