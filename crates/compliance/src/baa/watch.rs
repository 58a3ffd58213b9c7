//! Alerts of agreements that expire soon, or have: by the calendar, since no event tells of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::{Agreement, Party, Register, Service, Standing};
use crate::alert::{About, Severity};
use crate::rules::{Finding, Rule};
use crate::{ComplianceError, Queue};

/// How often the calendar is looked at.
const LOOK: Duration = Duration::from_secs(900);
const DAY_MS: i64 = 86_400_000;

impl Register {
    /// Looks until `stop` turns true or its sender is gone. `parties` are those whom the configuration names.
    pub async fn watch(self, queue: Queue, days: u64, parties: Vec<(Service, Party)>, mut stop: watch::Receiver<bool>) {
        loop {
            if let Err(error) = self.look(&queue, days).await {
                tracing::warn!(%error, "agreements that expire could not be told of");
            }
            if let Err(error) = self.look_at(&queue, &parties).await {
                tracing::warn!(%error, "vendors without an agreement could not be told of");
            }
            if tokio::time::timeout(LOOK, stop.wait_for(|is_over| *is_over)).await.is_ok() {
                break;
            }
        }
    }

    /// One look: what expires within `days`, or has, is in the queue. Each is told once for each of its terms.
    pub async fn look(&self, queue: &Queue, days: u64) -> Result<(), ComplianceError> {
        let found = self.expiring(self.now_ms(), days);
        if found.is_empty() { Ok(()) } else { queue.admit(found, Vec::new()).await }
    }

    /// Whoever is configured and not covered is in the queue, one alert for each while it lasts.
    pub async fn look_at(&self, queue: &Queue, parties: &[(Service, Party)]) -> Result<(), ComplianceError> {
        let now_ms = self.now_ms();
        let mut found = Vec::new();
        for (service, party) in parties {
            let Party::Vendor(vendor) = party else { continue };
            if self.in_force(vendor, *service, now_ms).is_none() {
                let service = service.name();
                tracing::error!(service, by = vendor, "no agreement in force: it is not used");
                found.push(uncovered(service, vendor, now_ms));
            }
        }
        if found.is_empty() { Ok(()) } else { queue.admit(found, Vec::new()).await }
    }

    fn expiring(&self, now_ms: i64, days: u64) -> Vec<Finding> {
        let all = self.list();
        let ahead_ms = i64::try_from(days).unwrap_or(i64::MAX).saturating_mul(DAY_MS);
        let due = all.iter().filter(|agreement| !self.is_followed(agreement, &all, now_ms));
        due.filter_map(|agreement| match agreement.standing(now_ms, self.zone()) {
            Standing::Ended => None,
            Standing::Expired => Some(finding(Rule::AgreementExpired, Severity::High, agreement)),
            Standing::InForce => {
                let left_ms = agreement.terms.expires.end_ms(self.zone()).saturating_sub(now_ms);
                (left_ms <= ahead_ms).then(|| finding(Rule::AgreementExpiring, Severity::Medium, agreement))
            }
        })
        .collect()
    }

    /// Whether others in force cover all of it for longer.
    fn is_followed(&self, one: &Agreement, all: &[Arc<Agreement>], now_ms: i64) -> bool {
        let lasts_longer = |other: &&Arc<Agreement>| {
            other.id != one.id
                && other.terms.expires > one.terms.expires
                && other.standing(now_ms, self.zone()) == Standing::InForce
        };
        one.terms
            .services
            .iter()
            .all(|service| all.iter().filter(lasts_longer).any(|other| other.covers(&one.terms.vendor, *service)))
    }
}

fn uncovered(service: &str, vendor: &str, now_ms: i64) -> Finding {
    let at_ms = now_ms.max(0) as u64;
    Finding {
        rule: Rule::PartyUncovered,
        severity: Severity::High,
        about: About { what: Some(format!("{service} by {vendor}")), ..About::default() },
        evidence: Vec::new(),
        first_ms: at_ms,
        last_ms: at_ms,
        count: 1,
        is_running_total: false,
    }
}

fn finding(rule: Rule, severity: Severity, agreement: &Agreement) -> Finding {
    // The last change makes it another alert: terms that were amended expire anew.
    let changed_ms = agreement.history.last().map_or(0, |step| step.time_ms).max(0) as u64;
    let what = format!("agreement {} until {}", agreement.id, agreement.terms.expires);
    Finding {
        rule,
        severity,
        about: About { what: Some(what), ..About::default() },
        evidence: Vec::new(),
        first_ms: changed_ms,
        last_ms: changed_ms,
        count: 1,
        is_running_total: false,
    }
}
