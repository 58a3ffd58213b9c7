//! How much one person opens and takes out, against the limit of the role.

use audit::Action;
use audit::event::Outcome;

use super::window::{Distinct, Each, Recent};
use super::{DAY_MS, Finding, HOUR_MS, Limits, Rule, Seen};
use crate::alert::{About, Severity};

pub struct Volumes(Each<String, Opened>);

#[derive(Default)]
struct Opened {
    charts_hour: Distinct,
    charts_day: Distinct,
    rows_hour: Distinct,
    rows_day: Distinct,
    exported_day: Recent,
}

impl Volumes {
    pub fn new() -> Self {
        Volumes(Each::new(DAY_MS))
    }

    pub fn observe(&mut self, seen: Seen<'_>, now_ms: u64, limits: &Limits, out: &mut Vec<Finding>) {
        let event = seen.event;
        let reads = matches!(
            event.action,
            Action::Read | Action::VRead | Action::Search | Action::History | Action::Everything | Action::Export
        );
        if !reads || event.outcome != Outcome::Success || event.who.user.is_empty() {
            return;
        }
        let limit = limits.volume_of(event.who.role);
        let opened = self.0.of(now_ms, &event.who.user.to_owned());
        let about = |what: &str| About { what: Some(what.to_owned()), ..seen.person() };
        let charts = seen.charts();
        let rows = || event.objects.iter().map(|object| object.row);
        let counted = [
            (&mut opened.charts_hour, HOUR_MS, limit.charts_hour, "charts in an hour", true),
            (&mut opened.charts_day, DAY_MS, limit.charts_day, "charts in a day", true),
            (&mut opened.rows_hour, HOUR_MS, limit.rows_hour, "rows in an hour", false),
            (&mut opened.rows_day, DAY_MS, limit.rows_day, "rows in a day", false),
        ];
        for (distinct, span_ms, limit, what, is_charts) in counted {
            let is_told = match is_charts {
                true => distinct.add(now_ms, span_ms, seen.leaf, charts.iter().copied(), limit + 1),
                false => distinct.add(now_ms, span_ms, seen.leaf, rows(), limit + 1),
            };
            if is_told {
                out.push(Finding {
                    rule: Rule::LargeReads,
                    severity: if distinct.len() >= 2 * limit { Severity::High } else { Severity::Medium },
                    about: about(what),
                    evidence: distinct.leaves(),
                    first_ms: distinct.first_ms(),
                    last_ms: now_ms,
                    count: distinct.len(),
                    is_running_total: true,
                });
            }
        }
        // A whole chart is a download too.
        if !matches!(event.action, Action::Export | Action::Everything) {
            return;
        }
        let taken = event.count.unwrap_or(0).max(event.objects.len() as u64).max(1);
        let exported = &mut opened.exported_day;
        if exported.add(now_ms, DAY_MS, seen.leaf, taken, limit.exported_day + 1) {
            out.push(Finding {
                rule: Rule::LargeExports,
                severity: Severity::High,
                about: about("rows taken out in a day"),
                evidence: exported.leaves(),
                first_ms: exported.first_ms(),
                last_ms: now_ms,
                count: exported.sum(),
                is_running_total: true,
            });
        }
    }
}
