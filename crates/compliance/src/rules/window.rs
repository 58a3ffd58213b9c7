//! Things counted over the last so many milliseconds, each in bounded memory.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// People, addresses: what a rule keeps a state for. Beyond it those unused for longest are forgotten.
pub const KEYS_MAX: usize = 20_000;
/// Things in one window.
pub const ITEMS_MAX: usize = 10_000;

/// The last things, by time.
pub struct Recent<T> {
    items: VecDeque<(u64, T)>,
}

/// The distinct things of a window.
pub struct Distinct {
    last_ms: HashMap<u64, u64>,
    order: VecDeque<(u64, u64)>,
}

/// A sum over a window, kept by minute.
#[derive(Default)]
pub struct Sum {
    minutes: VecDeque<(u64, u64)>,
    total: u64,
}

/// States by key, bounded.
pub struct Keyed<K, S> {
    states: HashMap<K, (u64, S)>,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Recent { items: VecDeque::new() }
    }
}

impl<T> Recent<T> {
    pub fn add(&mut self, time_ms: u64, window_ms: u64, item: T) {
        self.prune(time_ms, window_ms);
        if self.items.len() == ITEMS_MAX {
            self.items.pop_front();
        }
        self.items.push_back((time_ms, item));
    }

    pub fn prune(&mut self, now_ms: u64, window_ms: u64) {
        while self.items.front().is_some_and(|(time_ms, _)| time_ms + window_ms <= now_ms) {
            self.items.pop_front();
        }
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter().map(|(_, item)| item)
    }

    pub fn clear(&mut self) {
        self.items.clear();
    }
}

impl Default for Distinct {
    fn default() -> Self {
        Distinct { last_ms: HashMap::new(), order: VecDeque::new() }
    }
}

impl Distinct {
    /// Adds one and says whether it is new in the window. Beyond the bound the oldest is dropped: the limits are far below.
    pub fn add(&mut self, time_ms: u64, window_ms: u64, item: u64) -> bool {
        while let Some((then_ms, old)) = self.order.front().copied() {
            if then_ms + window_ms > time_ms && self.order.len() < ITEMS_MAX {
                break;
            }
            self.order.pop_front();
            if self.last_ms.get(&old) == Some(&then_ms) {
                self.last_ms.remove(&old);
            }
        }
        let before = self.last_ms.insert(item, time_ms);
        if before != Some(time_ms) {
            self.order.push_back((time_ms, item));
        }
        before.is_none()
    }

    pub fn len(&self) -> u64 {
        self.last_ms.len() as u64
    }
}

impl Sum {
    pub fn add(&mut self, time_ms: u64, window_ms: u64, amount: u64) -> u64 {
        while let Some((minute, old)) = self.minutes.front().copied() {
            if minute * 60_000 + window_ms > time_ms {
                break;
            }
            self.minutes.pop_front();
            self.total -= old;
        }
        let minute = time_ms / 60_000;
        match self.minutes.back_mut() {
            Some((last, held)) if *last >= minute => *held += amount,
            _ => self.minutes.push_back((minute, amount)),
        }
        self.total += amount;
        self.total
    }
}

impl<K, S> Default for Keyed<K, S> {
    fn default() -> Self {
        Keyed { states: HashMap::new() }
    }
}

impl<K: Eq + Hash + Clone, S: Default> Keyed<K, S> {
    pub fn of(&mut self, key: K, now_ms: u64) -> &mut S {
        if self.states.len() >= KEYS_MAX && !self.states.contains_key(&key) {
            self.forget_oldest();
        }
        let (used_ms, state) = self.states.entry(key).or_default();
        *used_ms = now_ms;
        state
    }

    /// Drops the older half: one costly step now and then, instead of an order that every event keeps.
    fn forget_oldest(&mut self) {
        let mut used: Vec<u64> = self.states.values().map(|(used_ms, _)| *used_ms).collect();
        let middle = used.len() / 2;
        let (_, middle_ms, _) = used.select_nth_unstable(middle);
        let middle_ms = *middle_ms;
        self.states.retain(|_, (used_ms, _)| *used_ms > middle_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_the_window_is_not_counted() {
        let (mut recent, mut distinct, mut sum) = (Recent::default(), Distinct::default(), Sum::default());
        for minute in 0..100 {
            recent.add(minute * 60_000, 10 * 60_000, minute);
            distinct.add(minute * 60_000, 10 * 60_000, minute % 50);
            sum.add(minute * 60_000, 10 * 60_000, 2);
        }
        assert_eq!((recent.len(), distinct.len(), sum.total), (10, 10, 20));
        assert!(!distinct.add(99 * 60_000 + 1, 10 * 60_000, 45));
        assert!(distinct.add(99 * 60_000 + 1, 10 * 60_000, 7));
    }

    #[test]
    fn states_are_bounded_and_the_latest_stay() {
        let mut keyed: Keyed<u64, u64> = Keyed::default();
        for key in 0..(3 * KEYS_MAX as u64) {
            *keyed.of(key, key) = key;
            assert!(keyed.states.len() <= KEYS_MAX);
        }
        let last = 3 * KEYS_MAX as u64 - 1;
        assert_eq!(*keyed.of(last, last), last);
    }
}
