//! Failed sign-ins: many for one account, or for many accounts from one address.

use std::net::IpAddr;

use audit::Action;
use audit::event::Outcome;

use super::window::{Distinct, Each, Recent};
use super::{Finding, Limits, Rule, Seen};
use crate::alert::{About, Severity};

const MINUTE_MS: u64 = 60_000;

pub struct SignIns {
    accounts: Each<String, Recent>,
    addresses: Each<IpAddr, Distinct>,
}

impl SignIns {
    pub fn new(limits: &Limits) -> Self {
        SignIns {
            accounts: Each::new(limits.failed_sign_ins_minutes * MINUTE_MS),
            addresses: Each::new(limits.sprayed_minutes * MINUTE_MS),
        }
    }

    pub fn observe(&mut self, seen: Seen<'_>, now_ms: u64, limits: &Limits, out: &mut Vec<Finding>) {
        if !matches!(seen.event.action, Action::SignIn | Action::StepUp) {
            return;
        }
        let Some(account) = account(seen) else { return };
        if seen.event.outcome == Outcome::Success {
            self.succeeded(seen, account, limits, out);
            return;
        }
        let span_ms = limits.failed_sign_ins_minutes * MINUTE_MS;
        let recent = self.accounts.of(now_ms, &account);
        if recent.add(now_ms, span_ms, seen.leaf, 1, limits.failed_sign_ins) {
            out.push(total(Rule::FailedSignIns, Severity::Medium, about(&account, seen), recent, now_ms));
        }
        let Some(address) = seen.event.whence.address.map(subscriber) else { return };
        let span_ms = limits.sprayed_minutes * MINUTE_MS;
        let accounts = self.addresses.of(now_ms, &address);
        if accounts.add(now_ms, span_ms, seen.leaf, [hashed(&account)], limits.sprayed_accounts) {
            out.push(Finding {
                rule: Rule::SprayedSignIns,
                severity: Severity::High,
                about: About { address: Some(address), ..About::default() },
                evidence: accounts.leaves(),
                first_ms: accounts.first_ms(),
                last_ms: now_ms,
                count: accounts.len(),
                is_running_total: true,
            });
        }
    }

    /// A success after so many failures may be the one guess that was right.
    fn succeeded(&mut self, seen: Seen<'_>, account: String, limits: &Limits, out: &mut Vec<Finding>) {
        let now_ms = seen.event.time_ms;
        let Some(recent) = self.accounts.get(&account) else { return };
        let is_recent = now_ms.saturating_sub(recent.last_ms()) <= limits.failed_sign_ins_minutes * MINUTE_MS;
        if is_recent && recent.sum() >= limits.failed_sign_ins {
            let mut finding = total(Rule::FailedSignIns, Severity::High, about(&account, seen), recent, now_ms);
            finding.evidence.push(seen.leaf);
            out.push(finding);
        }
        self.accounts.remove(&account);
    }
}

/// The login of an account that is there, or the keyed label of a login that is nobody's.
fn account(seen: Seen<'_>) -> Option<String> {
    let label = || Some(seen.event.subject?.rsplit_once("login ")?.1.to_owned());
    seen.login().or_else(label)
}

/// Whoever's account is tried has to do with it, and does not close the alert: it may have been they.
fn about(account: &str, seen: Seen<'_>) -> About {
    match seen.login() {
        Some(login) => About { login: Some(login), ..About::default() },
        None => About { what: Some(account.to_owned()), ..About::default() },
    }
}

fn total(rule: Rule, severity: Severity, about: About, recent: &Recent, now_ms: u64) -> Finding {
    Finding {
        rule,
        severity,
        about,
        evidence: recent.leaves(),
        first_ms: recent.first_ms(),
        last_ms: now_ms,
        count: recent.sum(),
        is_running_total: true,
    }
}

/// One subscriber: an IPv4 address, or the /64 that is theirs.
pub fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        address => address,
    }
}

fn hashed(text: &str) -> u64 {
    let hash = crypto::hash::sha256(text.as_bytes());
    u64::from_be_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]])
}
