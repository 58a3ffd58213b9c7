//! How many connections one address holds, so that one cannot take the room of all.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard};

/// Of an IPv6 address this much is one client: it chooses the rest itself.
const IPV6_NETWORK: u128 = !0 << 64;

pub struct Seats {
    per_address_max: u32,
    taken: Mutex<HashMap<IpAddr, u32>>,
}

/// One connection's seat; free again when it is dropped.
pub struct Seat {
    seats: Arc<Seats>,
    address: IpAddr,
}

impl Seats {
    pub fn new(per_address_max: u32) -> Self {
        Self { per_address_max, taken: Mutex::default() }
    }

    /// None when the address holds as many connections as it may.
    pub fn take(self: &Arc<Self>, address: IpAddr) -> Option<Seat> {
        let address = match address {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & IPV6_NETWORK).into(),
            address => address,
        };
        let mut taken = self.lock();
        let count = taken.entry(address).or_default();
        if *count >= self.per_address_max {
            return None;
        }
        *count += 1;
        Some(Seat { seats: self.clone(), address })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, u32>> {
        self.taken.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        if let Some(count) = taken.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_address_gets_its_seats_and_a_network_of_ipv6_counts_as_one() {
        let seats = Arc::new(Seats::new(2));
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let first = seats.take(address("2001:db8::1")).unwrap();
        let _second = seats.take(address("2001:db8::2")).unwrap();
        assert!(seats.take(address("2001:db8::3")).is_none());
        assert!(seats.take(address("2001:db8:0:1::3")).is_some());
        drop(first);
        assert!(seats.take(address("2001:db8::3")).is_some());
    }
}
