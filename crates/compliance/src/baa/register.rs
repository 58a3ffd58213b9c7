//! The register of agreements: every change is an audit event first, then durable on the desk, and only then does it count.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock, RwLockReadGuard};

use access::Caller;
use audit::Action;
use audit::event::Outcome;
use jiff::tz::TimeZone;
use store::{Desk, Evidence, Shelf, StoreError, Witness};

use super::agreement::{Agreement, Ended, HISTORY_MAX, Service, Terms, covering};
use super::{Cover, Day, Party};
use crate::{Clock, ComplianceError, keep, queue};

/// Agreements that are kept; adding more is refused.
const AGREEMENTS_MAX: usize = 10_000;
const NOT_COVERED: Outcome<'static> = Outcome::Denied { policy: "" };

pub struct RegisterParts {
    pub desk: Arc<Desk>,
    pub witness: Witness,
    pub clock: Clock,
    /// Where an agreement's last day ends.
    pub zone: TimeZone,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Register(Arc<Inner>);

struct Inner {
    parts: RegisterParts,
    agreements: RwLock<BTreeMap<u64, Arc<Agreement>>>,
    /// Who changes anything holds it.
    pen: Arc<tokio::sync::Mutex<()>>,
}

impl Register {
    /// Loads every agreement. Blocks for the time of that.
    pub fn open(parts: RegisterParts) -> Result<Register, ComplianceError> {
        let agreements = Register::kept(&parts.desk)?.into_iter().map(|agreement| (agreement.id, agreement)).collect();
        Ok(Register(Arc::new(Inner { parts, agreements: RwLock::new(agreements), pen: Arc::default() })))
    }

    /// What lies on a desk, for who only looks: `wardstone doctor`.
    pub fn kept(desk: &Desk) -> Result<Vec<Arc<Agreement>>, ComplianceError> {
        desk.load(Shelf::Agreement)?.iter().map(|entry| keep::read(entry).map(Arc::new)).collect()
    }

    /// Newest first, for the program itself: who shows them to a person asks by [`look_up`](Self::look_up).
    pub fn list(&self) -> Vec<Arc<Agreement>> {
        self.agreements().values().rev().cloned().collect()
    }

    /// All of them, for a person. The event that they were read is durable before this answers.
    pub async fn look_up(&self, by: &Caller) -> Result<Vec<Arc<Agreement>>, ComplianceError> {
        let all = self.list();
        let subject = format!("{} agreements listed", all.len());
        let read = queue::act(Action::AgreementRead, Outcome::Success, Some(by), self.now_ms(), &subject)?;
        self.0.parts.witness.record(read).await?;
        Ok(all)
    }

    pub fn get(&self, id: u64) -> Result<Arc<Agreement>, ComplianceError> {
        self.agreements().get(&id).cloned().ok_or(ComplianceError::Unknown("agreement"))
    }

    /// The agreement that lets a vendor do something at a time.
    pub fn in_force(&self, vendor: &str, service: Service, now_ms: i64) -> Option<Arc<Agreement>> {
        covering(self.agreements().values(), vendor, service, now_ms, &self.0.parts.zone).cloned()
    }

    /// Asked before anything goes out. A refusal is in the log before it is told; if it cannot be written, that is the refusal.
    pub async fn cover(&self, party: &Party, service: Service) -> Result<Cover, ComplianceError> {
        let Party::Vendor(vendor) = party else { return Ok(Cover::new(Party::Own, service, None)) };
        let now_ms = self.now_ms();
        if let Some(agreement) = self.in_force(vendor, service, now_ms) {
            return Ok(Cover::new(party.clone(), service, Some(agreement.id)));
        }
        let subject = format!("{} by {vendor}: no agreement in force", service.name());
        let refusal = queue::act(Action::Outward, NOT_COVERED, None, now_ms, &subject)?;
        self.0.parts.witness.record(refusal).await?;
        Err(ComplianceError::NoAgreement { vendor: vendor.clone(), service: service.name() })
    }

    pub async fn add(&self, by: &Caller, terms: Terms, words: &str) -> Result<Arc<Agreement>, ComplianceError> {
        let words = queue::explained(words)?;
        let pen = self.0.pen.clone().lock_owned().await;
        let now_ms = self.now_ms();
        let terms = terms.checked(Day::at(now_ms, &self.0.parts.zone)?)?;
        let id = {
            let held = self.agreements();
            if held.len() >= AGREEMENTS_MAX {
                return Err(ComplianceError::Agreement("no more agreements are kept"));
            }
            held.keys().next_back().map_or(1, |last| last + 1)
        };
        let agreement = Agreement::added(id, terms, by, now_ms, words);
        let terms = &agreement.terms;
        let (vendor, until) = (&terms.vendor, terms.expires);
        let subject = format!("agreement {id} added: {vendor}, {}, until {until}: {words}", terms.services_said());
        self.put(pen, by, agreement, &subject).await
    }

    /// Puts other terms in place of those that the caller saw (`seen` is their version). Another vendor is another agreement.
    pub async fn amend(
        &self,
        by: &Caller,
        id: u64,
        seen: usize,
        terms: Terms,
        words: &str,
    ) -> Result<Arc<Agreement>, ComplianceError> {
        let words = queue::explained(words)?;
        let pen = self.0.pen.clone().lock_owned().await;
        let now_ms = self.now_ms();
        let terms = terms.checked(Day::at(now_ms, &self.0.parts.zone)?)?;
        let mut agreement = self.open_one(id, seen)?;
        if agreement.history.len() >= HISTORY_MAX {
            return Err(ComplianceError::Agreement("it was changed too often: end it and add another"));
        }
        let changes = agreement.terms.changes(&terms);
        if changes.is_empty() {
            return Err(ComplianceError::Agreement("nothing of it changes"));
        }
        if changes.iter().any(|change| change.field == "vendor") {
            return Err(ComplianceError::Agreement("another vendor is another agreement"));
        }
        let fields: Vec<&str> = changes.iter().map(|change| change.field.as_str()).collect();
        let subject = format!("agreement {id} amended ({}): {words}", fields.join(", "));
        agreement.terms = terms;
        agreement.step("amended", changes, by, now_ms, words);
        self.put(pen, by, agreement, &subject).await
    }

    /// From now on it covers nothing.
    pub async fn end(&self, by: &Caller, id: u64, seen: usize, words: &str) -> Result<Arc<Agreement>, ComplianceError> {
        let words = queue::explained(words)?;
        let pen = self.0.pen.clone().lock_owned().await;
        let now_ms = self.now_ms();
        let mut agreement = self.open_one(id, seen)?;
        agreement.ended = Some(Ended { time_ms: now_ms, by: by.login().to_owned(), words: words.to_owned() });
        agreement.step("ended", Vec::new(), by, now_ms, words);
        let subject = format!("agreement {id} ended: {words}");
        self.put(pen, by, agreement, &subject).await
    }

    pub fn zone(&self) -> &TimeZone {
        &self.0.parts.zone
    }

    pub fn now_ms(&self) -> i64 {
        (self.0.parts.clock)()
    }

    /// One that can still be changed, as the caller saw it.
    fn open_one(&self, id: u64, seen: usize) -> Result<Agreement, ComplianceError> {
        let agreement = Agreement::clone(&*self.get(id)?);
        if agreement.ended.is_some() {
            return Err(ComplianceError::AgreementEnded);
        }
        if agreement.version() != seen {
            return Err(ComplianceError::Changed);
        }
        Ok(agreement)
    }

    /// Event, then desk, then memory. Runs to its end also if whoever asked goes away.
    async fn put(
        &self,
        pen: tokio::sync::OwnedMutexGuard<()>,
        by: &Caller,
        agreement: Agreement,
        subject: &str,
    ) -> Result<Arc<Agreement>, ComplianceError> {
        let event: Evidence = queue::act(Action::AgreementChange, Outcome::Success, Some(by), self.now_ms(), subject)?;
        let put = keep::put(Shelf::Agreement, keep::key(&[b"agreement", &agreement.id.to_be_bytes()]), &agreement)?;
        let (held, agreement) = (self.clone(), Arc::new(agreement));
        let task = async move {
            held.0.parts.witness.record(event).await?;
            let desk = held.0.parts.desk.clone();
            let written: Result<(), StoreError> =
                tokio::task::spawn_blocking(move || desk.write(&[put])).await.map_err(|_| ComplianceError::Ended)?;
            written?;
            let mut agreements = held.0.agreements.write().unwrap_or_else(|poisoned| poisoned.into_inner());
            agreements.insert(agreement.id, agreement.clone());
            drop((agreements, pen));
            Ok(agreement)
        };
        tokio::spawn(task).await.map_err(|_| ComplianceError::Ended)?
    }

    fn agreements(&self) -> RwLockReadGuard<'_, BTreeMap<u64, Arc<Agreement>>> {
        self.0.agreements.read().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
