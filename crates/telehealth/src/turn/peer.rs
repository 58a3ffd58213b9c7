//! Where a relay may send: the public internet, and nothing that is near it (coturn allows all by default, and relays
//! into private networks have been the rule in practice).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// First and last address of every range that no relay of ours serves, as coturn's `denied-peer-ip` takes them. None begins
/// with `::`: coturn reads that as "from the lowest address of all" and denies every peer. It denies `::` by itself.
pub const DENIED: [(&str, &str); 22] = [
    ("0.0.0.0", "0.255.255.255"),
    ("10.0.0.0", "10.255.255.255"),
    ("100.64.0.0", "100.127.255.255"),
    ("127.0.0.0", "127.255.255.255"),
    ("169.254.0.0", "169.254.255.255"),
    ("172.16.0.0", "172.31.255.255"),
    ("192.0.0.0", "192.0.0.255"),
    ("192.0.2.0", "192.0.2.255"),
    ("192.88.99.0", "192.88.99.255"),
    ("192.168.0.0", "192.168.255.255"),
    ("198.18.0.0", "198.19.255.255"),
    ("198.51.100.0", "198.51.100.255"),
    ("203.0.113.0", "203.0.113.255"),
    ("240.0.0.0", "255.255.255.255"),
    ("::1", "::1"),
    ("::ffff:0.0.0.0", "::ffff:255.255.255.255"),
    ("64:ff9b::", "64:ff9b::ffff:ffff"),
    ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"),
    ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
];

pub fn is_denied(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_denied_v4(address),
        IpAddr::V6(address) => is_denied_v6(address),
    }
}

fn is_denied_v4(address: Ipv4Addr) -> bool {
    address.is_multicast() || within(u128::from(u32::from(address)), true)
}

fn is_denied_v6(address: Ipv6Addr) -> bool {
    address.is_multicast() || address.is_unspecified() || within(u128::from(address), false)
}

fn within(number: u128, v4: bool) -> bool {
    DENIED.iter().any(|(first, last)| match (first.parse::<IpAddr>(), last.parse::<IpAddr>()) {
        (Ok(IpAddr::V4(first)), Ok(IpAddr::V4(last))) => {
            v4 && (u128::from(u32::from(first))..=u128::from(u32::from(last))).contains(&number)
        }
        (Ok(IpAddr::V6(first)), Ok(IpAddr::V6(last))) => {
            !v4 && (u128::from(first)..=u128::from(last)).contains(&number)
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn what_is_near_is_denied_and_the_internet_is_not() {
        for near in [
            "10.1.2.3",
            "172.17.0.2",
            "192.168.1.1",
            "127.0.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fd00::1",
            "fe80::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
        ] {
            assert!(is_denied(near.parse().unwrap()), "{near}");
        }
        for far in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2a00:1450::1", "2606:4700::1111"] {
            assert!(!is_denied(far.parse().unwrap()), "{far}");
        }
    }

    #[test]
    fn every_range_is_written_with_its_first_and_last_address() {
        for (first, last) in DENIED {
            let (first, last): (IpAddr, IpAddr) = (first.parse().unwrap(), last.parse().unwrap());
            assert!(first <= last && is_denied(first) && is_denied(last));
        }
    }
}
