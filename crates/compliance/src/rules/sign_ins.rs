//! Repeated failed sign-ins: of one account from anywhere, and of one address at many accounts.

use std::collections::BTreeSet;

use audit::{Action, LeafIndex};

use super::window::{Keyed, Recent};
use super::{Finding, Rule, Severity};
use crate::{Limits, Seen};

/// Leaves that one finding names.
const LEAVES_MAX: usize = 32;
/// Logins that one finding names.
const LOGINS_MAX: usize = 16;

#[derive(Default)]
pub struct SignIns {
    accounts: Keyed<String, Recent<LeafIndex>>,
    addresses: Keyed<String, Address>,
}

#[derive(Default)]
struct Address {
    failures: Recent<(LeafIndex, String)>,
    /// The limit was reached and told of, with what led to it.
    is_told: bool,
}

impl SignIns {
    pub fn see(&mut self, seen: &Seen, limits: &Limits, out: &mut Vec<Finding>) {
        if !matches!(seen.action, Action::SignIn | Action::StepUp) {
            return;
        }
        let account = account(seen);
        if seen.is_success() {
            self.succeeded(seen, limits, out);
            return;
        }
        let window_ms = limits.failed_window_ms;
        let failures = self.accounts.of(account.clone(), seen.time_ms);
        failures.add(seen.time_ms, window_ms, seen.leaf);
        if let Some(count) = news(failures.len(), limits.failed_per_account as usize) {
            let mut finding = Finding::about(Rule::FailedSignIns, seen, "failed sign-ins of one account");
            finding.subject = account.clone();
            finding.leaves = newest(failures.iter().copied(), count);
            finding.count = count as u64;
            out.push(finding);
        }
        let Some(address) = seen.subscriber() else { return };
        let Address { failures, is_told } = self.addresses.of(address.clone(), seen.time_ms);
        failures.add(seen.time_ms, window_ms, (seen.leaf, account));
        let accounts: BTreeSet<&String> = failures.iter().map(|(_, account)| account).collect();
        let is_many = accounts.len() >= limits.failed_accounts_per_address as usize;
        let is_told_before = *is_told;
        *is_told = is_many || failures.len() >= limits.failed_per_address as usize;
        if *is_told {
            let words = format!("failed at {} accounts", accounts.len());
            let mut finding = Finding::about(Rule::FailedByAddress, seen, words);
            finding.subject = address;
            let count = if is_told_before { 1 } else { failures.len() };
            finding.leaves = newest(failures.iter().map(|(leaf, _)| *leaf), count);
            finding.count = count as u64;
            if !is_many {
                finding.severity = Severity::Medium;
                finding.about = accounts.into_iter().take(LOGINS_MAX).cloned().collect();
            }
            out.push(finding);
        }
    }

    /// A success after so many failures may be a password that was guessed.
    fn succeeded(&mut self, seen: &Seen, limits: &Limits, out: &mut Vec<Finding>) {
        let failures = self.accounts.of(account(seen), seen.time_ms);
        failures.prune(seen.time_ms, limits.failed_window_ms);
        if failures.len() >= limits.failed_per_account as usize {
            let mut finding = Finding::about(Rule::FailedSignIns, seen, "signed in after failing again and again");
            finding.severity = Severity::High;
            out.push(finding);
        }
        failures.clear();
    }
}

/// The login, or for a login that is nobody's the keyed label that identity puts into the subject.
fn account(seen: &Seen) -> String {
    if !seen.user.is_empty() {
        return seen.user.clone();
    }
    match seen.subject.rsplit_once("login ") {
        Some((_, label)) => format!("login {label}"),
        None => "login unknown".to_owned(),
    }
}

/// How many events a finding is about when there are `len` and it begins at `limit`.
fn news(len: usize, limit: usize) -> Option<usize> {
    match len.cmp(&limit.max(1)) {
        std::cmp::Ordering::Less => None,
        std::cmp::Ordering::Equal => Some(len),
        std::cmp::Ordering::Greater => Some(1),
    }
}

fn newest(leaves: impl Iterator<Item = LeafIndex>, count: usize) -> Vec<LeafIndex> {
    let leaves: Vec<_> = leaves.collect();
    leaves[leaves.len().saturating_sub(count.min(LEAVES_MAX))..].to_vec()
}
