//! What another policy version would have said to last week's decisions: the log is walked, distinct keys are asked again.

use std::collections::{BTreeMap, HashMap};

use access::{DecisionKey, PackedKey, Policies};
use audit::Event;
use serde::Serialize;
use store::log::LogReader;

use crate::ComplianceError;
use crate::limits::DAY_MS;

/// How far back decisions are asked again.
pub const REPLAY_DAYS: u64 = 7;
/// Leaves that one replay reads: what lies before them is said to be left out.
pub const REPLAY_LEAVES_MAX: u64 = 5_000_000;
/// Distinct decisions that are kept apart; more are counted as left out.
pub const DISTINCT_MAX: usize = 500_000;

/// The distinct decisions of a time, each with how often it was made.
#[derive(Default)]
pub struct Decisions {
    pub counts: HashMap<(u128, bool), u64>,
    pub events: u64,
    /// The log holds more of the time than was read, or more distinct decisions than are kept.
    pub is_cut: bool,
}

/// What would change. Rows are by what a reviewer reads: who, what, which type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReplayReport {
    pub from_ms: u64,
    pub to_ms: u64,
    pub events: u64,
    pub decisions: u64,
    pub distinct: u64,
    pub newly_allowed: Vec<Changed>,
    pub newly_denied: Vec<Changed>,
    /// Changed decisions that no row names, and keys that this program cannot read.
    pub unlisted: u64,
    pub unreadable: u64,
    pub is_cut: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Changed {
    pub roles: String,
    pub action: &'static str,
    pub kind: &'static str,
    pub count: u64,
    /// Distinct keys behind the row.
    pub distinct: u64,
}

impl Decisions {
    /// Adds one event's; false when there is no room.
    pub fn add(&mut self, event: &Event<'_>) {
        self.events += 1;
        for decided in event.decisions.iter() {
            let key = (decided.key, decided.allowed);
            if self.counts.len() >= DISTINCT_MAX && !self.counts.contains_key(&key) {
                self.is_cut = true;
                continue;
            }
            *self.counts.entry(key).or_default() += u64::from(decided.count.max(1));
        }
    }

    /// Those of the log since a time. Blocking, and long for a busy week.
    pub fn since(reader: &LogReader, since_ms: u64) -> Result<Decisions, ComplianceError> {
        let mut decisions = Decisions::default();
        let size = reader.size();
        let from = size.saturating_sub(REPLAY_LEAVES_MAX);
        let mut is_reached = from == 0;
        for entry in reader.backwards(from, size) {
            let entry = entry?;
            // Leaves lie nearly in the order of their times: an event that waited is at most an hour late.
            if entry.leaf.time_ms < since_ms.saturating_sub(crate::limits::HOUR_MS) {
                is_reached = true;
                break;
            }
            if entry.leaf.time_ms < since_ms {
                continue;
            }
            if let Some(detail) = &entry.detail {
                decisions.add(&Event::decode(detail)?);
            }
        }
        decisions.is_cut |= !is_reached;
        Ok(decisions)
    }
}

/// Asks a candidate what it would have said.
pub fn report(candidate: &Policies, decisions: &Decisions, from_ms: u64, to_ms: u64) -> ReplayReport {
    let (mut unreadable, mut asked) = (0, Vec::with_capacity(decisions.counts.len()));
    for ((key, allowed), count) in &decisions.counts {
        match DecisionKey::unpack(PackedKey(*key), |code| Some(record::types::reference(code))) {
            Some(key) => asked.push((key, *allowed, *count)),
            None => unreadable += count,
        }
    }
    let replay = candidate.replay(asked);
    ReplayReport {
        from_ms,
        to_ms,
        events: decisions.events,
        decisions: replay.decisions,
        distinct: decisions.counts.len() as u64,
        newly_allowed: rows(replay.would_open.iter().map(|replayed| (&replayed.key, replayed.count))),
        newly_denied: rows(replay.would_close.iter().map(|replayed| (&replayed.key, replayed.count))),
        unlisted: replay.unlisted,
        unreadable,
        is_cut: decisions.is_cut,
    }
}

/// The beginning of the time that a replay looks at.
pub fn since(now_ms: u64) -> u64 {
    now_ms.saturating_sub(REPLAY_DAYS * DAY_MS)
}

/// The most frequent first.
fn rows<'a>(changed: impl Iterator<Item = (&'a DecisionKey, u64)>) -> Vec<Changed> {
    let mut rows: BTreeMap<(String, &'static str, &'static str), (u64, u64)> = BTreeMap::new();
    for (key, count) in changed {
        let roles: Vec<_> = key.roles.iter().map(access::Role::name).collect();
        let row = rows.entry((roles.join(", "), key.action.name(), key.kind.name)).or_default();
        *row = (row.0 + count, row.1 + 1);
    }
    let row = |((roles, action, kind), (count, distinct))| Changed { roles, action, kind, count, distinct };
    let mut rows: Vec<_> = rows.into_iter().map(row).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.count));
    rows
}
