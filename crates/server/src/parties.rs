//! Whoever outside this machine the configuration names: who they are, and what asks the register each time before one is used.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use compliance::{ComplianceError, Party, Queue, Register, Service};
use telehealth::turn::MayUse;

use crate::ServerError;
use crate::assembly::House;
use crate::config::Config;
use crate::visits::Visits;

/// Refusals of one party are told once in so long: each browser of a call asks.
const TOLD_MS: i64 = 60_000;

/// Parts of the configuration that may name a machine of somebody else, and what they need of an agreement.
pub const OUTSIDE: [(&str, &str); 2] = [("outward", "email, sms"), ("visits", "turn")];
/// Parts that name nothing but this machine: its files, ports and rules. `audit.sink` gets checkpoints of the log, which hold
/// hashes and signatures and nothing of a record.
pub const INSIDE: [&str; 12] = [
    "data",
    "listen",
    "base_url",
    "admin_listen",
    "tls",
    "key",
    "audit",
    "limits",
    "people",
    "countries",
    "alerts",
    "log",
];

/// Each service that is configured to be used, and whose machine does it.
pub fn of(outward: &outward::Settings, visits: &Visits) -> Result<Vec<(Service, Party)>, ServerError> {
    let mut all = outward.parties()?;
    all.extend(visits.party()?.map(|party| (Service::Turn, party)));
    Ok(all)
}

impl Config {
    pub fn parties(&self) -> Result<Vec<(Service, Party)>, ServerError> {
        of(&self.outward, &self.visits)
    }
}

/// The register's word at each use, for who cannot wait for the log. A refusal is in the log and among the alerts right after.
pub fn asking(house: &House, service: Service, party: Party) -> MayUse {
    let (register, queue) = (house.agreements.clone(), house.queue.clone());
    let told_ms = AtomicI64::new(i64::MIN);
    Arc::new(move || {
        let Party::Vendor(vendor) = &party else { return true };
        let now_ms = register.now_ms();
        if register.in_force(vendor, service, now_ms).is_some() {
            return true;
        }
        if now_ms.saturating_sub(told_ms.load(Ordering::Relaxed)) >= TOLD_MS {
            told_ms.store(now_ms, Ordering::Relaxed);
            tokio::spawn(tell(register.clone(), queue.clone(), service, party.clone()));
        }
        false
    })
}

async fn tell(register: Register, queue: Queue, service: Service, party: Party) {
    match register.cover(&party, service).await {
        // An agreement came between.
        Ok(_) => return,
        // It is in the log by now.
        Err(ComplianceError::NoAgreement { .. }) => {}
        Err(error) => tracing::error!(%error, "that something is not covered could not be written down"),
    }
    if let Err(error) = register.look_at(&queue, &[(service, party)]).await {
        tracing::error!(%error, "that something is not covered could not be told");
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// A new part has to be looked at: does it name somebody else's machine, and who asks the register before it is used?
    #[test]
    fn every_part_of_the_configuration_is_known_to_stay_here_or_to_ask_for_an_agreement() {
        let config = Config { countries: Some("countries.mmdb".into()), ..Config::default() };
        let parts: toml::Table = config.to_toml().parse().unwrap();
        for part in parts.keys() {
            let is_outside = OUTSIDE.iter().any(|(name, _)| name == part);
            assert!(is_outside != INSIDE.contains(&part.as_str()), "{part}");
        }
        assert_eq!(parts.len(), OUTSIDE.len() + INSIDE.len());
    }
}
