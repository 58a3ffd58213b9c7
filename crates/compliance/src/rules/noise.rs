//! Bursts of requests without a valid sign-in, which the log keeps as one event for each address and minute.

use std::net::IpAddr;

use audit::Action;

use super::sign_ins::subscriber;
use super::window::{Each, Recent};
use super::{Finding, Limits, Rule, Seen};
use crate::alert::{About, Severity};

const MINUTE_MS: u64 = 60_000;

pub struct Noise {
    addresses: Each<IpAddr, Recent>,
    all: Recent,
}

impl Noise {
    pub fn new(limits: &Limits) -> Self {
        Noise { addresses: Each::new(limits.noise_minutes * MINUTE_MS), all: Recent::default() }
    }

    pub fn observe(&mut self, seen: Seen<'_>, now_ms: u64, limits: &Limits, out: &mut Vec<Finding>) {
        if seen.event.action != Action::Noise {
            return;
        }
        let (span_ms, count) = (limits.noise_minutes * MINUTE_MS, seen.event.count.unwrap_or(1));
        if let Some(address) = seen.event.whence.address.map(subscriber) {
            let recent = self.addresses.of(now_ms, &address);
            if recent.add(now_ms, span_ms, seen.leaf, count, limits.noise_address) {
                out.push(burst(recent, Some(address), now_ms));
            }
        }
        if self.all.add(now_ms, span_ms, seen.leaf, count, limits.noise_all) {
            out.push(burst(&self.all, None, now_ms));
        }
    }
}

fn burst(recent: &Recent, address: Option<IpAddr>, now_ms: u64) -> Finding {
    let what = address.is_none().then(|| "all addresses".to_owned());
    Finding {
        rule: Rule::Noise,
        severity: if address.is_some() { Severity::Low } else { Severity::Medium },
        about: About { address, what, ..About::default() },
        evidence: recent.leaves(),
        first_ms: recent.first_ms(),
        last_ms: now_ms,
        count: recent.sum(),
        is_running_total: true,
    }
}
