//! That an endpoint may be used: it is the organization's own machine, or an agreement in force covers what it does.

use serde::{Deserialize, Serialize};

use super::Service;

/// Whose machine an endpoint is, as the configuration declares it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Party {
    /// The organization's own: nobody is a business associate for it.
    Own,
    Vendor(String),
}

/// The register's word that a party may do something at a time. Only the register makes one, nobody can copy it, and an
/// adapter sends nothing without it.
#[derive(Debug)]
pub struct Cover {
    party: Party,
    service: Service,
    agreement: Option<u64>,
}

impl Cover {
    pub(super) fn new(party: Party, service: Service, agreement: Option<u64>) -> Cover {
        Cover { party, service, agreement }
    }

    /// Whether it was given for this.
    pub fn is_for(&self, party: &Party, service: Service) -> bool {
        self.party == *party && self.service == service
    }

    /// The agreement it rests on; none for the organization's own machine.
    pub fn agreement(&self) -> Option<u64> {
        self.agreement
    }
}

impl Party {
    /// What a configuration declares. None: it names neither, or both.
    pub fn declared(vendor: Option<&str>, own: bool) -> Option<Party> {
        match (vendor.map(str::trim), own) {
            (Some(vendor), false) if !vendor.is_empty() => Some(Party::Vendor(vendor.to_owned())),
            (None, true) => Some(Party::Own),
            _ => None,
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Party::Own => "the organization's own machine",
            Party::Vendor(vendor) => vendor,
        }
    }
}
