//! Delays that grow with failures and never lock out: a counter for each account, address and device.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Mutex;

use crate::lock;

/// Counters of each kind; the oldest make room.
const COUNTERS_MAX: usize = 65_536;
/// Failures after which delays begin, and how they are forgotten: one each quarter of an hour without a new one.
const FREE_ACCOUNT: u32 = 5;
const FREE_ADDRESS: u32 = 20;
const FREE_DEVICE: u32 = 5;
const DELAY_MS: i64 = 1_000;
const DELAY_MS_MAX: i64 = 60_000;
const FORGET_MS: i64 = 15 * 60_000;

#[derive(Default)]
pub(crate) struct Throttles {
    /// By keyed label of the login, whether such an account exists or not.
    accounts: Mutex<Counters<[u8; 16]>>,
    addresses: Mutex<Counters<u128>>,
    /// Known devices count for themselves: nobody else's failures delay them.
    devices: Mutex<Counters<u64>>,
}

/// Who tries.
#[derive(Clone, Copy)]
pub(crate) struct Tries {
    pub account: [u8; 16],
    pub address: u128,
    /// A device that proved its key and was used by this account before.
    pub device: Option<u64>,
}

impl Throttles {
    /// Seconds to wait, if any.
    pub fn wait(&self, tries: &Tries, now_ms: i64) -> Option<u32> {
        let wait_ms = match tries.device {
            Some(device) => lock(&self.devices).wait_ms(&device, now_ms),
            None => {
                let account = lock(&self.accounts).wait_ms(&tries.account, now_ms);
                account.max(lock(&self.addresses).wait_ms(&tries.address, now_ms))
            }
        };
        (wait_ms > 0).then(|| ((wait_ms + 999) / 1_000) as u32)
    }

    pub fn failed(&self, tries: &Tries, now_ms: i64) {
        match tries.device {
            Some(device) => lock(&self.devices).failed(device, FREE_DEVICE, now_ms),
            None => {
                lock(&self.accounts).failed(tries.account, FREE_ACCOUNT, now_ms);
                lock(&self.addresses).failed(tries.address, FREE_ADDRESS, now_ms);
            }
        }
    }

    /// Both factors were right: what counted against the account is forgotten, what counts against the address is not.
    pub fn succeeded(&self, tries: &Tries) {
        match tries.device {
            Some(device) => lock(&self.devices).0.remove(&device),
            None => lock(&self.accounts).0.remove(&tries.account),
        };
    }
}

struct Counters<K>(HashMap<K, Counter>);

#[derive(Clone, Copy)]
struct Counter {
    failures: u32,
    last_ms: i64,
    until_ms: i64,
}

impl<K> Default for Counters<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash + Copy> Counters<K> {
    fn wait_ms(&self, key: &K, now_ms: i64) -> i64 {
        self.0.get(key).map_or(0, |counter| (counter.until_ms - now_ms).max(0))
    }

    fn failed(&mut self, key: K, free: u32, now_ms: i64) {
        if self.0.len() >= COUNTERS_MAX && !self.0.contains_key(&key) {
            self.make_room(now_ms);
        }
        let counter = self.0.entry(key).or_insert(Counter { failures: 0, last_ms: now_ms, until_ms: 0 });
        let forgotten = (now_ms - counter.last_ms).max(0) / FORGET_MS;
        counter.failures = counter.failures.saturating_sub(forgotten as u32).saturating_add(1);
        counter.last_ms = now_ms;
        if counter.failures >= free {
            let delay_ms = DELAY_MS << (counter.failures - free).min(16);
            counter.until_ms = now_ms + delay_ms.min(DELAY_MS_MAX);
        }
    }

    /// Those that are forgotten go first, else the quarter that failed longest ago.
    fn make_room(&mut self, now_ms: i64) {
        self.0.retain(|_, counter| now_ms - counter.last_ms < FORGET_MS);
        if self.0.len() >= COUNTERS_MAX {
            let mut times: Vec<i64> = self.0.values().map(|counter| counter.last_ms).collect();
            let (_, edge, _) = times.select_nth_unstable(COUNTERS_MAX / 4);
            let edge = *edge;
            let mut surplus = COUNTERS_MAX / 4;
            self.0.retain(|_, counter| {
                let goes = counter.last_ms <= edge && surplus > 0;
                surplus -= usize::from(goes);
                !goes
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_a_minute_and_are_forgotten() {
        let throttles = Throttles::default();
        let tries = Tries { account: [1; 16], address: 1, device: None };
        let mut waits = Vec::new();
        let mut now_ms = 0;
        for _ in 0..14 {
            throttles.failed(&tries, now_ms);
            let wait = throttles.wait(&tries, now_ms).unwrap_or(0);
            waits.push(wait);
            now_ms += i64::from(wait) * 1_000;
            assert_eq!(throttles.wait(&tries, now_ms), None, "a delay ends");
        }
        assert_eq!(waits, [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
        now_ms += 20 * FORGET_MS;
        throttles.failed(&tries, now_ms);
        assert_eq!(throttles.wait(&tries, now_ms), None);
    }

    #[test]
    fn a_known_device_does_not_wait_for_what_others_did() {
        let throttles = Throttles::default();
        let others = Tries { account: [1; 16], address: 1, device: None };
        (0..100).for_each(|_| throttles.failed(&others, 0));
        assert!(throttles.wait(&others, 0).is_some());
        assert!(throttles.wait(&Tries { device: Some(7), ..others }, 0).is_none());
        assert!(throttles.wait(&Tries { account: [2; 16], ..others }, 0).is_some(), "the address waits too");
        assert!(throttles.wait(&Tries { account: [2; 16], address: 2, ..others }, 0).is_none());
    }

    #[test]
    fn counters_are_bounded() {
        let mut counters = Counters::default();
        (0..COUNTERS_MAX as u64 + 10).for_each(|key| counters.failed(key, 5, key as i64));
        assert!(counters.0.len() <= COUNTERS_MAX);
        assert!(counters.0.contains_key(&(COUNTERS_MAX as u64 + 9)));
    }
}
