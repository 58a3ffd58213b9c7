//! A bounded cache that can never serve what a commit replaced.
//!
//! Invalidations are counted, by groups of keys. Who fills the cache notes the count before reading the store and hands it in:
//! if a commit touched the group in between, the value is used but not kept. So a value in the cache is always current.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Mutex;

const SHARDS: usize = 64;
/// Where one value may be large: a chart of a long life has to fit into half a shard.
const SHARDS_OF_LARGE: usize = 2;
/// Groups of keys in a shard whose commits are counted together.
const GROUPS: usize = 64;

pub struct Cache<K, V> {
    shards: Vec<Mutex<Shard<K, V>>>,
    hasher: RandomState,
    shard_bytes_max: usize,
}

/// The commits of a key's group before the store was read.
#[derive(Clone, Copy)]
pub struct Ticket(u64);

struct Shard<K, V> {
    invalidations: [u64; GROUPS],
    bytes: usize,
    held: HashMap<K, Slot<V>>,
    /// Second-chance order of eviction.
    queue: std::collections::VecDeque<K>,
}

struct Slot<V> {
    value: V,
    bytes: usize,
    used: bool,
}

impl<K: Hash + Eq + Copy, V: Clone> Cache<K, V> {
    /// For many small values.
    pub fn new(bytes_max: usize) -> Self {
        Self::sharded(bytes_max, SHARDS)
    }

    /// For values of which one may take a quarter of the cache.
    pub fn of_large(bytes_max: usize) -> Self {
        Self::sharded(bytes_max, SHARDS_OF_LARGE)
    }

    fn sharded(bytes_max: usize, shards: usize) -> Self {
        let shard = || Shard { invalidations: [0; GROUPS], bytes: 0, held: HashMap::new(), queue: Default::default() };
        Self {
            shards: (0..shards).map(|_| Mutex::new(shard())).collect(),
            hasher: RandomState::new(),
            shard_bytes_max: bytes_max / shards,
        }
    }

    /// The value, or a ticket to fill it in with.
    pub fn get(&self, key: K) -> Result<V, Ticket> {
        let (shard, group) = self.place(&key);
        let Ok(mut shard) = shard.lock() else { return Err(Ticket(u64::MAX)) };
        match shard.held.get_mut(&key) {
            Some(slot) => {
                slot.used = true;
                Ok(slot.value.clone())
            }
            None => Err(Ticket(shard.invalidations[group])),
        }
    }

    /// Keeps a value that was read after `ticket` was given, unless a commit came between.
    pub fn fill(&self, key: K, value: V, bytes: usize, ticket: Ticket) {
        let (shard, group) = self.place(&key);
        let Ok(mut shard) = shard.lock() else { return };
        if shard.invalidations[group] != ticket.0 || bytes > self.shard_bytes_max / 2 {
            return;
        }
        shard.put(key, value, bytes);
        shard.shrink_to(self.shard_bytes_max);
    }

    /// To be called after a commit and before it is acknowledged: changes what is held, or drops it.
    pub fn commit(&self, key: K, change: impl FnOnce(&V) -> Option<(V, usize)>) {
        let (shard, group) = self.place(&key);
        let Ok(mut shard) = shard.lock() else { return };
        shard.invalidations[group] += 1;
        let Some(changed) = shard.held.get(&key).map(|slot| change(&slot.value)) else { return };
        match changed {
            Some((value, bytes)) => shard.put(key, value, bytes),
            None => shard.drop_key(&key),
        }
        shard.shrink_to(self.shard_bytes_max);
    }

    /// The shard of a key, and its group there.
    fn place(&self, key: &K) -> (&Mutex<Shard<K, V>>, usize) {
        let hash = self.hasher.hash_one(key) as usize;
        (&self.shards[hash % self.shards.len()], hash / self.shards.len() % GROUPS)
    }
}

impl<K: Hash + Eq + Copy, V> Shard<K, V> {
    fn put(&mut self, key: K, value: V, bytes: usize) {
        self.bytes += bytes;
        match self.held.entry(key) {
            Entry::Occupied(mut held) => {
                self.bytes -= held.get().bytes;
                held.insert(Slot { value, bytes, used: true });
            }
            Entry::Vacant(vacant) => {
                vacant.insert(Slot { value, bytes, used: false });
                self.queue.push_back(key);
            }
        }
    }

    fn drop_key(&mut self, key: &K) {
        if let Some(slot) = self.held.remove(key) {
            self.bytes -= slot.bytes;
        }
    }

    fn shrink_to(&mut self, bytes_max: usize) {
        while self.bytes > bytes_max {
            let Some(key) = self.queue.pop_front() else { break };
            match self.held.get_mut(&key) {
                Some(slot) if slot.used => {
                    slot.used = false;
                    self.queue.push_back(key);
                }
                Some(_) => self.drop_key(&key),
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket<V: Clone>(cache: &Cache<u64, V>, key: u64) -> Ticket {
        match cache.get(key) {
            Err(ticket) => ticket,
            Ok(_) => panic!("unexpectedly held"),
        }
    }

    #[test]
    fn a_value_read_before_a_commit_is_not_kept_after_it() {
        let cache = Cache::new(1 << 20);
        let before = ticket(&cache, 7);
        cache.commit(7, |_| None);
        cache.fill(7, "old", 10, before);
        assert!(cache.get(7).is_err());
        let after = ticket(&cache, 7);
        cache.fill(7, "new", 10, after);
        assert!(matches!(cache.get(7), Ok("new")));
    }

    #[test]
    fn a_commit_replaces_or_drops_what_is_held() {
        let cache = Cache::new(1 << 20);
        cache.fill(1, 10, 8, ticket(&cache, 1));
        cache.commit(1, |held| Some((held + 1, 8)));
        assert!(matches!(cache.get(1), Ok(11)));
        cache.commit(1, |_| None);
        assert!(cache.get(1).is_err());
    }

    #[test]
    fn a_large_value_is_kept_where_large_ones_are_expected() {
        for (cache, keeps) in [(Cache::new(64_000), false), (Cache::of_large(64_000), true)] {
            cache.fill(1, "chart", 16_000, ticket(&cache, 1));
            assert_eq!(cache.get(1).is_ok(), keeps);
            cache.fill(2, "too large", 16_001, ticket(&cache, 2));
            assert!(cache.get(2).is_err());
        }
    }

    #[test]
    fn the_cache_stays_within_its_bytes_and_keeps_what_is_used() {
        let cache = Cache::new(SHARDS * 1_000);
        for key in 0..10_000u64 {
            if let Err(t) = cache.get(key) {
                cache.fill(key, key, 100, t);
            }
            let _ = cache.get(0);
        }
        let held: usize = cache.shards.iter().map(|s| s.lock().map_or(0, |s| s.bytes)).sum();
        assert!(held <= SHARDS * 1_000 && held > SHARDS * 500, "{held} bytes held");
        assert!(cache.get(0).is_ok());
    }
}
