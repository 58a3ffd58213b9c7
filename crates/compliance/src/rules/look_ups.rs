//! Look-ups of somebody whom one knows: the same family name, a co-worker, a person in the public eye.

use access::Traits;
use audit::Action;

use super::{Finding, Rule};
use crate::{Limits, Seen};

pub fn see(seen: &Seen, limits: &Limits, out: &mut Vec<Finding>) {
    let opens = matches!(
        seen.action,
        Action::Read | Action::VRead | Action::Search | Action::History | Action::Everything | Action::Export
    );
    let is_look_up = (1..=limits.look_up_charts_max).contains(&seen.charts.len());
    if !opens || !is_look_up || !seen.is_success() || !seen.is_workforce() {
        return;
    }
    for (rule, of, words) in [
        (Rule::Vip, Traits::VIP, "opened the chart of a person in the public eye"),
        (Rule::CoWorker, Traits::EMPLOYEE, "opened the chart of somebody who works here"),
        (Rule::SameName, Traits::SAME_NAME, "opened the chart of a patient of the same family name"),
    ] {
        if seen.stranger_traits.contains(of) {
            let mut finding = Finding::about(rule, seen, words);
            finding.chart = seen.charts.first().copied();
            out.push(finding);
        }
    }
}
