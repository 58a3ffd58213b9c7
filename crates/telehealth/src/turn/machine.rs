//! The addresses of this machine: a relay that listens on all of them is to be none of them for its clients.

use std::net::IpAddr;
use std::sync::Arc;

/// Reads them, for tests that have others.
pub type Addresses = Arc<dyn Fn() -> std::io::Result<Vec<IpAddr>> + Send + Sync>;

/// Those that the interfaces have now. IPv4 written as IPv6 is denied by range in any case.
pub fn addresses() -> std::io::Result<Vec<IpAddr>> {
    let mut all: Vec<IpAddr> = if_addrs::get_if_addrs()?.iter().map(if_addrs::Interface::ip).collect();
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_machine_knows_its_own_addresses() {
        assert!(addresses().unwrap().contains(&"127.0.0.1".parse().unwrap()));
    }
}
