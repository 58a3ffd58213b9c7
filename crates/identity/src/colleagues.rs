//! Who of the house has an account that works, by the Practitioner that the account is: for lists of whom something is given to.

use access::RoleSet;

use crate::Identity;
use crate::account::{AccountState, Kind};

/// Somebody who could sign in now.
pub struct Colleague {
    /// Row of their Practitioner.
    pub practitioner: u64,
    pub roles: RoleSet,
    pub is_licensed: bool,
}

impl Identity {
    /// Those of these Practitioners who have an active account with a role; of several accounts of one, each.
    pub fn colleagues(&self, practitioners: &[u64]) -> Vec<Colleague> {
        let now_ms = self.now_ms();
        let state = self.state();
        let profiles = state.accounts.values().map(|account| &account.profile);
        let active =
            profiles.filter(|profile| profile.state == AccountState::Active && profile.kind == Kind::Workforce);
        active
            .filter_map(|profile| {
                let practitioner = profile.practitioner.filter(|row| practitioners.contains(row))?;
                let roles = profile.roles(now_ms);
                let is_licensed = profile.is_licensed(now_ms);
                (!roles.is_empty()).then_some(Colleague { practitioner, roles, is_licensed })
            })
            .collect()
    }
}
