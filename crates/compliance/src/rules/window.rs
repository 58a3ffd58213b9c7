//! Counting within a span of time that slides with the events. Bounded: what is told is kept, the rest is forgotten.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use audit::LeafIndex;

/// Things that one rule remembers at once. Beyond, those that were quiet longest are forgotten.
pub const REMEMBERED_MAX: usize = 50_000;
/// Leaves that a finding names.
pub const LEAVES_MAX: usize = 32;

/// State for each thing, forgotten after a span without events.
pub struct Each<K, V> {
    span_ms: u64,
    held: HashMap<K, (u64, V)>,
}

impl<K: Hash + Eq + Clone, V: Default> Each<K, V> {
    pub fn new(span_ms: u64) -> Self {
        Each { span_ms, held: HashMap::new() }
    }

    pub fn of(&mut self, now_ms: u64, key: &K) -> &mut V {
        if self.held.len() >= REMEMBERED_MAX && !self.held.contains_key(key) {
            self.forget(now_ms);
        }
        let (last_ms, value) = self.held.entry(key.clone()).or_default();
        *last_ms = now_ms.max(*last_ms);
        value
    }

    pub fn get(&self, key: &K) -> Option<&V> {
        self.held.get(key).map(|(_, value)| value)
    }

    pub fn remove(&mut self, key: &K) {
        self.held.remove(key);
    }

    /// What is over goes; if that is not a tenth, the quietest tenth goes.
    fn forget(&mut self, now_ms: u64) {
        let span_ms = self.span_ms;
        self.held.retain(|_, (last_ms, _)| now_ms.saturating_sub(*last_ms) <= span_ms);
        if self.held.len() > REMEMBERED_MAX - REMEMBERED_MAX / 10 {
            let mut times: Vec<u64> = self.held.values().map(|(last_ms, _)| *last_ms).collect();
            let (_, at, _) = times.select_nth_unstable(REMEMBERED_MAX / 10);
            let until_ms = *at;
            self.held.retain(|_, (last_ms, _)| *last_ms > until_ms);
        }
    }
}

/// Events with weights within a span, and their sum.
#[derive(Default)]
pub struct Recent {
    events: VecDeque<(u64, LeafIndex, u64)>,
    sum: u64,
    steps: Steps,
}

impl Recent {
    /// Adds one and says whether the sum is to be told.
    pub fn add(&mut self, now_ms: u64, span_ms: u64, leaf: LeafIndex, weight: u64, limit: u64) -> bool {
        self.events.push_back((now_ms, leaf, weight));
        self.sum = self.sum.saturating_add(weight);
        while let Some((time_ms, _, weight)) = self.events.front().copied() {
            let is_over = now_ms.saturating_sub(time_ms) > span_ms;
            if !is_over && self.events.len() <= REMEMBERED_MAX {
                break;
            }
            self.events.pop_front();
            self.sum = self.sum.saturating_sub(weight);
        }
        self.steps.are_crossed(self.sum, limit)
    }

    pub fn sum(&self) -> u64 {
        self.sum
    }

    pub fn first_ms(&self) -> u64 {
        self.events.front().map_or(0, |(time_ms, ..)| *time_ms)
    }

    pub fn last_ms(&self) -> u64 {
        self.events.back().map_or(0, |(time_ms, ..)| *time_ms)
    }

    /// The newest, oldest first.
    pub fn leaves(&self) -> Vec<LeafIndex> {
        let skipped = self.events.len().saturating_sub(LEAVES_MAX);
        self.events.iter().skip(skipped).map(|(_, leaf, _)| *leaf).collect()
    }
}

/// Different things within a span, each counted once.
#[derive(Default)]
pub struct Distinct {
    seen: HashMap<u64, u64>,
    order: VecDeque<(u64, u64, LeafIndex)>,
    steps: Steps,
}

impl Distinct {
    /// Adds things of one event and says whether their number is to be told.
    pub fn add(
        &mut self,
        now_ms: u64,
        span_ms: u64,
        leaf: LeafIndex,
        things: impl IntoIterator<Item = u64>,
        limit: u64,
    ) -> bool {
        self.expire(now_ms, span_ms);
        for thing in things {
            // A thing seen again within a sixteenth of the span is not noted anew: the order stays short.
            let is_known = self.seen.get(&thing).is_some_and(|last_ms| now_ms.saturating_sub(*last_ms) < span_ms / 16);
            if !is_known && (self.seen.len() < REMEMBERED_MAX || self.seen.contains_key(&thing)) {
                self.seen.insert(thing, now_ms);
                self.order.push_back((now_ms, thing, leaf));
            }
        }
        self.steps.are_crossed(self.seen.len() as u64, limit)
    }

    fn expire(&mut self, now_ms: u64, span_ms: u64) {
        while let Some((time_ms, thing, _)) = self.order.front().copied() {
            if now_ms.saturating_sub(time_ms) <= span_ms {
                break;
            }
            self.order.pop_front();
            if self.seen.get(&thing) == Some(&time_ms) {
                self.seen.remove(&thing);
            }
        }
    }

    pub fn len(&self) -> u64 {
        self.seen.len() as u64
    }

    pub fn first_ms(&self) -> u64 {
        self.order.front().map_or(0, |(time_ms, ..)| *time_ms)
    }

    pub fn leaves(&self) -> Vec<LeafIndex> {
        let mut leaves: Vec<LeafIndex> = self.order.iter().rev().map(|(.., leaf)| *leaf).collect();
        leaves.dedup();
        leaves.truncate(LEAVES_MAX);
        leaves.reverse();
        leaves
    }
}

/// Tells when a limit is reached, and then each time the number has doubled.
#[derive(Default)]
struct Steps {
    told: u64,
}

impl Steps {
    fn are_crossed(&mut self, number: u64, limit: u64) -> bool {
        if number < limit {
            self.told = 0;
            return false;
        }
        let is_next = self.told == 0 || number >= self.told.saturating_mul(2);
        if is_next {
            self.told = number.max(1);
        }
        is_next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_told_at_the_limit_and_at_each_doubling_and_anew_after_quiet() {
        let mut recent = Recent::default();
        let told: Vec<u64> = (0..20).filter(|at| recent.add(*at, 1_000, *at, 1, 5)).collect();
        assert_eq!(told, [4, 9, 19]);
        assert!(!recent.add(5_000, 1_000, 20, 1, 5));
        assert_eq!((recent.sum(), recent.leaves()), (1, vec![20]));
    }

    #[test]
    fn a_thing_counts_once_within_the_span_and_again_after_it() {
        let mut distinct = Distinct::default();
        assert!(!distinct.add(0, 1_000, 0, [1, 1, 2], 3));
        assert!(!distinct.add(900, 1_000, 1, [1], 3));
        assert!(distinct.add(950, 1_000, 2, [3], 3), "1, 2 and 3");
        distinct.add(1_500, 1_000, 3, [], 3);
        assert_eq!(distinct.len(), 2, "2 is over, 1 was seen again");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut each: Each<u64, Recent> = Each::new(1_000_000);
        for key in 0..(REMEMBERED_MAX as u64 + 10) {
            each.of(key, &key).add(key, 1_000, key, 1, 9);
        }
        assert!(each.held.len() <= REMEMBERED_MAX);
        assert!(each.get(&(REMEMBERED_MAX as u64 + 9)).is_some());
    }
}
