//! The organization's own networks, as CIDR blocks (RFC 4632, RFC 4291).

use std::net::IpAddr;

use crate::IdentityError;

pub const NETWORKS_MAX: usize = 256;

#[derive(Clone, Debug, Default)]
pub struct Networks(Vec<Block>);

#[derive(Clone, Copy, Debug)]
struct Block {
    address: IpAddr,
    bits: u32,
}

impl Networks {
    pub fn parse(blocks: &[&str]) -> Result<Self, IdentityError> {
        const REFUSED: IdentityError = IdentityError::Setting("a network is written as 10.1.0.0/16 or 2001:db8::/32");
        if blocks.len() > NETWORKS_MAX {
            return Err(IdentityError::Setting("too many networks"));
        }
        blocks.iter().map(|text| Block::parse(text).ok_or(REFUSED)).collect::<Result<_, _>>().map(Networks)
    }

    /// True where the organization names none.
    pub fn trust(&self, address: IpAddr) -> bool {
        self.0.is_empty() || self.0.iter().any(|block| block.contains(address.to_canonical()))
    }
}

impl Block {
    fn parse(text: &str) -> Option<Block> {
        let (address, bits) = text.trim().split_once('/')?;
        let (address, bits): (IpAddr, u32) = (address.parse().ok()?, bits.parse().ok()?);
        let most = if address.is_ipv4() { 32 } else { 128 };
        (bits <= most).then_some(Block { address, bits })
    }

    fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => (u32::from(own) ^ u32::from(other)).leading_zeros() >= self.bits,
            (IpAddr::V6(own), IpAddr::V6(other)) => (u128::from(own) ^ u128::from(other)).leading_zeros() >= self.bits,
            _ => false,
        }
    }
}

/// Whom a throttle counts as one: an IPv4 address, or the /64 that one IPv6 subscriber has.
pub fn subscriber(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address) >> 64 << 64 | 1,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_block_holds_what_shares_its_first_bits() {
        let own = Networks::parse(&["10.1.0.0/16", "2001:db8::/32", "192.0.2.7/32"]).unwrap();
        for (address, trusted) in [
            ("10.1.255.1", true),
            ("10.2.0.1", false),
            ("192.0.2.7", true),
            ("192.0.2.6", false),
            ("::ffff:10.1.2.3", true),
            ("2001:db8:1::1", true),
            ("2001:db9::1", false),
        ] {
            assert_eq!(own.trust(address.parse().unwrap()), trusted, "{address}");
        }
        assert!(Networks::parse(&["0.0.0.0/0"]).unwrap().trust("203.0.113.9".parse().unwrap()));
        assert!(!Networks::parse(&["0.0.0.0/0"]).unwrap().trust("2001:db8::1".parse().unwrap()));
        assert!(Networks::default().trust("203.0.113.9".parse().unwrap()));
        for text in ["10.0.0.0", "10.0.0.0/33", "::/129", "x/8"] {
            assert!(Networks::parse(&[text]).is_err(), "{text}");
        }
    }

    #[test]
    fn an_ipv6_subscriber_is_a_64() {
        let number = |text: &str| subscriber(text.parse().unwrap());
        assert_eq!(number("2001:db8::1"), number("2001:db8::ffff"));
        assert_ne!(number("2001:db8::1"), number("2001:db8:0:1::1"));
        assert_ne!(number("192.0.2.1"), number("192.0.2.2"));
    }
}
