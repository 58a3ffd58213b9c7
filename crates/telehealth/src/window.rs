//! So many in so long a time: of those who bring links that are nobody's, and of who asks for a relay to try.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::UnixMs;

/// Counted at a time; whoever began longest ago makes room.
const COUNTED_MAX: usize = 16_384;

pub struct Window<K> {
    most: u32,
    ms: i64,
    counted: Mutex<HashMap<K, Counted>>,
}

#[derive(Clone, Copy)]
struct Counted {
    since_ms: UnixMs,
    times: u32,
}

impl<K: Hash + Eq + Copy> Window<K> {
    pub fn new(most: u32, ms: i64) -> Self {
        Self { most, ms, counted: Mutex::default() }
    }

    /// Seconds to wait, where there were as many as there may be.
    pub fn wait_s(&self, key: &K, now_ms: UnixMs) -> Option<u32> {
        self.left_s(&self.held(), key, now_ms)
    }

    /// Counts once more, or answers the seconds to wait: one step, however many ask at the same moment.
    pub fn take(&self, key: K, now_ms: UnixMs) -> Result<(), u32> {
        let mut counted = self.held();
        if let Some(seconds) = self.left_s(&counted, &key, now_ms) {
            return Err(seconds);
        }
        self.add(&mut counted, key, now_ms);
        Ok(())
    }

    pub fn count(&self, key: K, now_ms: UnixMs) {
        self.add(&mut self.held(), key, now_ms);
    }

    fn held(&self) -> MutexGuard<'_, HashMap<K, Counted>> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn left_s(&self, counted: &HashMap<K, Counted>, key: &K, now_ms: UnixMs) -> Option<u32> {
        let held = counted.get(key).filter(|held| held.times >= self.most)?;
        let left_ms = held.since_ms + self.ms - now_ms;
        (left_ms > 0).then(|| u32::try_from((left_ms + 999) / 1_000).unwrap_or(u32::MAX))
    }

    fn add(&self, counted: &mut HashMap<K, Counted>, key: K, now_ms: UnixMs) {
        if counted.len() >= COUNTED_MAX && !counted.contains_key(&key) {
            counted.retain(|_, held| now_ms < held.since_ms + self.ms);
            let oldest = counted.iter().min_by_key(|(_, held)| held.since_ms).map(|(key, _)| *key);
            if let Some(oldest) = oldest.filter(|_| counted.len() >= COUNTED_MAX) {
                counted.remove(&oldest);
            }
        }
        let held = counted.entry(key).or_insert(Counted { since_ms: now_ms, times: 0 });
        if now_ms >= held.since_ms + self.ms {
            *held = Counted { since_ms: now_ms, times: 0 };
        }
        held.times += 1;
    }
}

/// Who is behind one address: a network of 64 bits is one household (RFC 6177).
pub fn household(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits() >> 64 << 64,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn who_was_counted_often_enough_waits_until_the_window_is_over_and_others_do_not() {
        let window = Window::new(3, 600_000);
        for _ in 0..2 {
            window.count(1, 1_000);
        }
        assert_eq!(window.wait_s(&1, 1_000), None);
        window.count(1, 2_000);
        assert_eq!(window.wait_s(&1, 2_000), Some(599));
        assert_eq!(window.wait_s(&2, 2_000), None);
        assert_eq!(window.wait_s(&1, 600_999), Some(1));
        assert_eq!(window.wait_s(&1, 601_000), None);
        window.count(1, 601_000);
        assert_eq!(window.wait_s(&1, 601_000), None, "it begins anew");
    }

    #[test]
    fn there_is_room_for_so_many_and_one_network_is_one() {
        let window = Window::new(1, 600_000);
        (0..COUNTED_MAX as u128 + 5).for_each(|key| window.count(key, key as i64));
        assert!(window.counted.lock().unwrap().len() <= COUNTED_MAX);
        let of = |text: &str| household(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
