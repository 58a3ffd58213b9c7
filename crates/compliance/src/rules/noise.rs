//! Bursts of requests that carry no valid token: they are counted into the log, one event an address and minute.

use audit::Action;

use super::window::{Keyed, Sum};
use super::{Finding, Rule};
use crate::{Limits, Seen};

#[derive(Default)]
pub struct Noise {
    addresses: Keyed<String, Sum>,
}

impl Noise {
    pub fn see(&mut self, seen: &Seen, limits: &Limits, out: &mut Vec<Finding>) {
        if seen.action != Action::Noise {
            return;
        }
        // Addresses beyond those that are counted apart come together, as from elsewhere.
        let address = seen.subscriber().unwrap_or_else(|| "elsewhere".to_owned());
        let total = self.addresses.of(address.clone(), seen.time_ms);
        let total = total.add(seen.time_ms, limits.noise_window_ms, seen.count.max(1));
        if total >= limits.noise_per_address {
            let mut finding = Finding::about(Rule::NoiseBurst, seen, format!("{total} requests without a valid token"));
            finding.subject = address;
            finding.count = seen.count.max(1);
            out.push(finding);
        }
    }
}
