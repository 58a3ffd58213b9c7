//! What follows a commit before it is acknowledged: index tail and caches show it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use store::{Backend, ChartNo, Expected, Keyword, Seq};

use crate::head::{ChartHeads, Head};
use crate::index::Place;
use crate::prepare::Prepared;
use crate::{Record, calendar, facts};

impl<B: Backend> Record<B> {
    /// What has to follow a commit before it is acknowledged: the index tail and the caches.
    pub(crate) fn follower<'p>(&self, prepared: impl IntoIterator<Item = &'p Prepared>) -> Box<dyn FnOnce(Seq) + Send> {
        let steps: Vec<Step> = prepared.into_iter().map(Step::of).collect();
        let (index, heads, chart_heads) = (self.0.index.clone(), self.0.heads.clone(), self.0.chart_heads.clone());
        let (held_facts, directory) = (self.0.facts.clone(), self.0.directory.clone());
        let days = self.0.calendar.clone();
        Box::new(move |seq| {
            index.add_commit(seq, steps.iter().map(|step| (step.place, step.keywords.as_slice())));
            let mut by_chart: HashMap<ChartNo, Vec<&Step>> = HashMap::new();
            // What stood before, which the caches will not hold any more.
            let dated: Vec<_> = { steps.iter() }
                .filter(|step| calendar::is_of_calendar(step.type_code))
                .map(|step| (step, heads.get(step.place.row).ok()))
                .collect();
            for step in &steps {
                heads.commit(step.place.row, |_| step.head(seq).map(|head| (head.clone(), head.bytes())));
                if let Some(before) = step.chart_before {
                    chart_heads.commit(before, |_| None);
                }
                by_chart.entry(step.place.chart).or_default().push(step);
            }
            for (chart, steps) in by_chart {
                chart_heads.commit(chart, |held| with_steps(held, &steps, seq));
            }
            // Last, for facts are gathered from what was changed above: who begins after this finds it changed.
            for step in steps.iter().filter(|step| facts::is_of_chart(step.type_code)) {
                for chart in step.chart_before.into_iter().chain([step.place.chart]) {
                    held_facts.commit(chart, |_| None);
                }
            }
            if steps.iter().any(|step| facts::is_of_directory(step.type_code)) {
                directory.fetch_add(1, Ordering::AcqRel);
            }
            for (step, before) in dated {
                if let Some(now) = step.head(seq) {
                    days.changed(before.as_deref(), &now);
                }
            }
        })
    }
}

/// What caches and index need of one committed version.
struct Step {
    place: Place,
    chart_before: Option<ChartNo>,
    type_code: u16,
    version: u32,
    id: String,
    head: Vec<u8>,
    keywords: Vec<Keyword>,
}

impl Step {
    fn of(prepared: &Prepared) -> Self {
        Self {
            place: Place { row: prepared.row, chart: prepared.chart },
            chart_before: match prepared.write.expected {
                Expected::Current { chart, .. } if chart != prepared.chart => Some(chart),
                _ => None,
            },
            type_code: prepared.kind.code,
            version: prepared.version,
            id: prepared.id.clone(),
            head: prepared.head_plain.clone(),
            keywords: prepared.keywords.clone(),
        }
    }

    fn head(&self, seq: Seq) -> Option<Arc<Head>> {
        let place = (self.place.chart, self.place.row, self.version, seq);
        Head::decode(place, self.head.clone(), |_| Ok(self.id.clone())).ok().map(Arc::new)
    }
}

/// A chart's cached heads with those of a commit; `None` drops the chart from the cache.
fn with_steps(held: &ChartHeads, steps: &[&Step], seq: Seq) -> Option<(Arc<ChartHeads>, usize)> {
    let mut list = held.to_vec();
    for step in steps {
        let head = step.head(seq)?;
        match list.binary_search_by_key(&step.place.row, |h| h.row) {
            Ok(at) => list[at] = head,
            Err(at) => list.insert(at, head),
        }
    }
    let list = ChartHeads::new(list);
    let bytes = list.bytes();
    Some((Arc::new(list), bytes))
}
