//! What a policy version would have said to the decisions of the last days: by role, action and type, never by chart.

use std::collections::{BTreeMap, HashMap};

use access::{DecisionKey, Labels, PackedKey, Relations};
use audit::Event;
use serde::Serialize;
use store::log::LogReader;

use crate::ComplianceError;

pub const DAYS_MAX: u32 = 31;
const DAY_MS: u64 = 86_400_000;
/// Events that one replay looks at, the newest.
const EVENTS_MAX: u64 = 2_000_000;
/// Distinct decisions that one replay asks; more are counted only.
const KEYS_MAX: usize = 200_000;
/// Lines of an answer; the most frequent ones.
const CHANGES_MAX: usize = 1_000;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReplayReport {
    pub days: u32,
    pub events: u64,
    /// Whether these are all events of the days: one replay looks at the newest two million.
    pub is_whole: bool,
    /// Decisions asked again, and how many different ones they were.
    pub decisions: u64,
    pub distinct: u64,
    pub newly_allowed: u64,
    pub newly_denied: u64,
    /// Allowed then and now, and shown in another view.
    pub shown_otherwise: u64,
    /// Decisions of another version of the program, or beyond the limits: not asked.
    pub not_asked: u64,
    /// The most frequent first.
    pub changes: Vec<Change>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Change {
    /// `allowed`, `denied` or `shown otherwise`.
    pub change: &'static str,
    pub roles: String,
    pub action: &'static str,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub labels: String,
    pub relations: String,
    pub count: u64,
}

/// Log and clock may part for a moment when the clock is set: so much older than asked for ends the reading.
const SLACK_MS: u64 = 3_600_000;

/// The distinct decisions of the log since a time, each with whether it was allowed and how often it was made.
#[derive(Clone, Debug, Default)]
pub struct Decisions {
    made: HashMap<(u128, bool), u64>,
    events: u64,
    beyond: u64,
    is_cut: bool,
}

/// What a version answers to a key: nothing, or the view.
pub(crate) type Answer<'a> = &'a dyn Fn(&DecisionKey) -> Option<(access::View, Labels)>;

/// Reads the log backwards from its end. Blocks for as long as that takes.
pub fn decisions_since(reader: &LogReader, now_ms: u64, days: u32) -> Result<Decisions, ComplianceError> {
    let since_ms = now_ms.saturating_sub(u64::from(days.min(DAYS_MAX)) * DAY_MS);
    let size = reader.size();
    let from = size.saturating_sub(EVENTS_MAX);
    let mut decisions = Decisions { is_cut: from > 0, ..Decisions::default() };
    for entry in reader.backwards(from, size) {
        let entry = entry?;
        if entry.leaf.time_ms < since_ms.saturating_sub(SLACK_MS) {
            decisions.is_cut = false;
            break;
        }
        if entry.leaf.time_ms < since_ms {
            continue;
        }
        let Some(detail) = entry.detail else { continue };
        let Ok(event) = Event::decode(&detail) else { continue };
        decisions.events += 1;
        for made in event.decisions.iter() {
            decisions.add(made.key, made.allowed, made.count.into());
        }
    }
    Ok(decisions)
}

impl Decisions {
    pub(crate) fn add(&mut self, key: u128, allowed: bool, count: u64) {
        if self.made.len() < KEYS_MAX || self.made.contains_key(&(key, allowed)) {
            *self.made.entry((key, allowed)).or_default() += count;
        } else {
            self.beyond += count;
        }
    }

    /// `then` is asked only for views; whether it was allowed is what the log says.
    pub(crate) fn ask(&self, days: u32, then: Answer<'_>, now: Answer<'_>) -> ReplayReport {
        let (events, is_whole, not_asked) = (self.events, !self.is_cut, self.beyond);
        let mut report = ReplayReport { days, events, is_whole, not_asked, ..ReplayReport::default() };
        let mut changes: BTreeMap<Change, u64> = BTreeMap::new();
        for ((packed, was_allowed), count) in &self.made {
            let kind = |code| Some(record::types::reference(code));
            let Some(key) = DecisionKey::unpack(PackedKey(*packed), kind) else {
                report.not_asked += count;
                continue;
            };
            report.decisions += count;
            report.distinct += 1;
            let answer = now(&key);
            let (change, total) = match (was_allowed, &answer) {
                (false, Some(_)) => ("allowed", &mut report.newly_allowed),
                (true, None) => ("denied", &mut report.newly_denied),
                (true, Some(shown)) if then(&key).is_some_and(|before| before != *shown) => {
                    ("shown otherwise", &mut report.shown_otherwise)
                }
                _ => continue,
            };
            *total += count;
            *changes.entry(Change::of(change, &key)).or_default() += count;
        }
        let mut changes: Vec<Change> = changes.into_iter().map(|(change, count)| Change { count, ..change }).collect();
        changes.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.cmp(b)));
        changes.truncate(CHANGES_MAX);
        report.changes = changes;
        report
    }
}

impl Change {
    fn of(change: &'static str, key: &DecisionKey) -> Change {
        let words = |words: Vec<&'static str>| words.join(",");
        let relations = RELATIONS.iter().filter(|(bit, _)| key.relations.contains(*bit)).map(|(_, name)| *name);
        Change {
            change,
            roles: words(key.roles.iter().map(access::Role::name).collect()),
            action: key.action.name(),
            kind: key.kind.name,
            labels: words(key.labels.names().collect()),
            relations: words(relations.collect()),
            count: 0,
        }
    }
}

const RELATIONS: [(Relations, &str); 10] = [
    (Relations::SELF_CHART, "self"),
    (Relations::ORIGINATOR, "originator"),
    (Relations::PART2_CONSENT, "part2_consent"),
    (Relations::TREATING, "treating"),
    (Relations::UNASSIGNED, "unassigned"),
    (Relations::PROXY, "proxy"),
    (Relations::ADOLESCENT, "adolescent"),
    (Relations::CONSENT_DENIES, "consent_denies"),
    (Relations::SELF_PAY, "self_pay"),
    (Relations::RESEARCH_CONSENT, "research_consent"),
];
