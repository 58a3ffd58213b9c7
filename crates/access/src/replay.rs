//! What another policy version would have said to decisions already made.

use std::collections::HashMap;

use crate::engine::Ruling;
use crate::key::{DecisionKey, PackedKey};
use crate::policies::Policies;

/// Distinct keys that an answer lists; more are counted only.
pub const REPLAY_KEYS_MAX: usize = 10_000;

/// Decisions made that would come out otherwise.
#[derive(Debug, Default)]
pub struct Replay {
    /// Decisions looked at.
    pub decisions: u64,
    /// Denied then, permitted by these policies. The most frequent first.
    pub would_open: Vec<Replayed>,
    /// Permitted then, denied by these policies.
    pub would_close: Vec<Replayed>,
    /// Changed decisions whose keys did not fit.
    pub unlisted: u64,
}

#[derive(Debug)]
pub struct Replayed {
    pub key: DecisionKey,
    pub count: u64,
}

impl Policies {
    /// Replays decisions, each with whether it was permitted and how often it was made.
    pub fn replay(&self, decisions: impl IntoIterator<Item = (DecisionKey, bool, u64)>) -> Replay {
        let mut replay = Replay::default();
        let mut changed: HashMap<(PackedKey, bool), Replayed> = HashMap::new();
        for (key, was_permitted, count) in decisions {
            replay.decisions += count;
            if matches!(self.rule(&key), Ruling::Open { .. }) == was_permitted {
                continue;
            }
            let place = (key.packed(), was_permitted);
            if changed.len() < REPLAY_KEYS_MAX || changed.contains_key(&place) {
                changed.entry(place).or_insert(Replayed { key, count: 0 }).count += count;
            } else {
                replay.unlisted += count;
            }
        }
        for ((_, was_permitted), replayed) in changed {
            match was_permitted {
                true => replay.would_close.push(replayed),
                false => replay.would_open.push(replayed),
            }
        }
        for list in [&mut replay.would_open, &mut replay.would_close] {
            list.sort_unstable_by_key(|replayed| (std::cmp::Reverse(replayed.count), replayed.key.packed()));
        }
        replay
    }
}
