//! The way of a patient into the own chart: a code from whoever checked who they are, for an account of their own. One account a
//! chart; another code replaces the one before, and what proved the person before is void then.

use access::{Action, Caller, Role};

use crate::account::{AccountState, Kind, Profile};
use crate::event::Actor;
use crate::{Connection, Identity, IdentityCheck, IdentityError, Invited, NewAccount};

/// Who gets a code.
pub struct PatientToActivate {
    pub chart: u64,
    /// What they will type to sign in; ignored where there is an account.
    pub login: String,
    pub display_name: String,
    pub family_name: Option<String>,
    pub check: IdentityCheck,
}

impl Identity {
    /// The account that opens this chart as its patient's own.
    pub fn account_of_chart(&self, chart: u64) -> Option<Profile> {
        let is_own = |profile: &&Profile| profile.kind == Kind::Patient && profile.own_chart == Some(chart);
        let state = self.state();
        state.accounts.values().map(|account| &account.profile).find(is_own).cloned()
    }

    /// A code for a patient, after a check of who they are: the first, another, or one of recovery. Needs a fresh verification.
    pub async fn activate_patient(
        &self,
        by: &Caller,
        patient: PatientToActivate,
        from: &Connection<'_>,
    ) -> Result<Invited, IdentityError> {
        self.require(by, Action::ActivatePatients, from, true).await?;
        if patient.check == IdentityCheck::Colleague {
            return Err(IdentityError::Invalid("patients are known in person or by two facts"));
        }
        let actor = Actor::caller(by);
        match self.account_of_chart(patient.chart) {
            None => {
                let new = NewAccount {
                    login: patient.login,
                    display_name: patient.display_name,
                    family_name: patient.family_name,
                    kind: Kind::Patient,
                    roles: vec![(Role::Patient, None)],
                    reason: "activated".to_owned(),
                    own_chart: Some(patient.chart),
                    practitioner: None,
                    proxies: Vec::new(),
                    check: Some(patient.check),
                };
                self.make(new, &actor, from).await
            }
            Some(held) if held.state == AccountState::Invited => {
                self.issue_again(held.id(), Some(patient.check), &actor, from).await
            }
            Some(held) if held.state == AccountState::Deactivated => {
                Err(IdentityError::Invalid("the account was deactivated: an administrator opens it again"))
            }
            Some(held) => self.recover_as(&actor, held.id(), patient.check, "asked for a new code", from).await,
        }
    }
}
