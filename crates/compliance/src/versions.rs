//! Policy versions: proposed by one person, replayed, put in force by another. Number 1 is what the product ships.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock, RwLockReadGuard};

use access::{Caller, DecisionKey, Policies, PolicySource, SAFEGUARDS};
use audit::Action;
use audit::event::Outcome;
use serde::{Deserialize, Serialize};
use store::desk::Change;
use store::log::LogReader;
use store::{Desk, Evidence, Shelf, StoreError, Witness};

use crate::replay::{DAYS_MAX, EVENTS_MAX, ReplayReport, decisions_since};
use crate::{Clock, ComplianceError, keep, queue};

/// The number of the version that the product ships; nobody proposes it, and it can always be gone back to.
pub const BUILT_IN: u64 = 1;
/// Versions that are kept; proposing more is refused.
const VERSIONS_MAX: usize = 1_000;

/// Called with the policies that decide from now on. Quick, and it does not fail.
pub type GoLive = Arc<dyn Fn(Policies) + Send + Sync>;

pub struct PolicyDeskParts {
    pub desk: Arc<Desk>,
    pub witness: Witness,
    /// For replays.
    pub reader: LogReader,
    pub clock: Clock,
    pub go_live: GoLive,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct PolicyDesk(Arc<Inner>);

struct Inner {
    parts: PolicyDeskParts,
    state: RwLock<State>,
    /// Who changes anything holds it.
    pen: Arc<tokio::sync::Mutex<()>>,
}

struct State {
    versions: BTreeMap<u64, Arc<PolicyVersion>>,
    active: Policies,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyVersion {
    pub number: u64,
    pub author: String,
    pub proposed_ms: i64,
    pub reason: String,
    pub sources: Vec<Source>,
    pub state: VersionState,
    /// Each time it was put in force: when, by whom and why.
    pub activations: Vec<Activation>,
}

/// One policy file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    pub file: String,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VersionState {
    Draft,
    Active,
    Retired,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activation {
    pub time_ms: i64,
    pub by: String,
    pub reason: String,
}

impl VersionState {
    pub fn name(self) -> &'static str {
        match self {
            VersionState::Draft => "draft",
            VersionState::Active => "active",
            VersionState::Retired => "retired",
        }
    }
}

impl PolicyDesk {
    /// Loads every version and puts the active one in force. Blocks. A version that was in force and does not load any more
    /// is an error: going back silently to other policies might open what they closed.
    pub fn open(parts: PolicyDeskParts) -> Result<PolicyDesk, ComplianceError> {
        let embedded = Policies::embedded()?;
        let mut versions = BTreeMap::new();
        for entry in parts.desk.load(Shelf::Policy)? {
            let version: PolicyVersion = keep::read(&entry)?;
            versions.insert(version.number, Arc::new(version));
        }
        versions.entry(BUILT_IN).or_insert_with(|| Arc::new(PolicyVersion::built_in(VersionState::Active)));
        let in_force = versions.values().find(|version| version.state == VersionState::Active);
        let active = match in_force {
            Some(version) if version.number != BUILT_IN => version
                .load_with_shipped_safeguards()
                .map_err(|source| ComplianceError::ActiveVersion { number: version.number, source })?,
            _ => embedded,
        };
        (parts.go_live)(active.clone());
        Ok(PolicyDesk(Arc::new(Inner { parts, state: RwLock::new(State { versions, active }), pen: Arc::default() })))
    }

    /// What decides now.
    pub fn active(&self) -> Policies {
        self.state().active.clone()
    }

    /// Newest first.
    pub fn list(&self) -> Vec<Arc<PolicyVersion>> {
        self.state().versions.values().rev().cloned().collect()
    }

    pub fn get(&self, number: u64) -> Result<Arc<PolicyVersion>, ComplianceError> {
        self.state().versions.get(&number).cloned().ok_or(ComplianceError::Unknown("policy version"))
    }

    /// Parses and validates strictly; nothing is kept. The error names the file and the reason.
    pub fn validate(&self, sources: &[Source]) -> Result<(), ComplianceError> {
        load(0, sources).map(drop).map_err(ComplianceError::from)
    }

    /// Keeps valid policies as a version that is not in force.
    pub async fn propose(
        &self,
        by: &Caller,
        sources: Vec<Source>,
        reason: &str,
    ) -> Result<Arc<PolicyVersion>, ComplianceError> {
        let reason = queue::explained(reason)?.to_owned();
        let pen = self.0.pen.clone().lock_owned().await;
        let number = {
            let state = self.state();
            if state.versions.len() >= VERSIONS_MAX {
                return Err(ComplianceError::Setting("policies: no more versions are kept"));
            }
            state.versions.keys().next_back().map_or(BUILT_IN, |last| *last) + 1
        };
        load(number, &sources)?;
        let version = PolicyVersion {
            number,
            author: by.login().to_owned(),
            proposed_ms: self.now_ms(),
            reason,
            sources,
            state: VersionState::Draft,
            activations: Vec::new(),
        };
        let put = keep::put(Shelf::Policy, of(number), &version)?;
        let subject = format!("policy version {number} proposed: {}", version.reason);
        let event = self.evidence(Outcome::Success, by, &subject)?;
        let version = Arc::new(version);
        let kept = version.clone();
        self.commit(pen, event, vec![put], move |state| {
            state.versions.insert(kept.number, kept);
            None
        })
        .await?;
        Ok(version)
    }

    /// What a version would have said to the decisions of the last days, beside what was said.
    pub async fn replay(&self, by: &Caller, number: u64, days: u32) -> Result<ReplayReport, ComplianceError> {
        let candidate = self.get(number)?.load()?;
        let active = self.active();
        let event = self.evidence(Outcome::Success, by, &format!("policy version {number} replayed"))?;
        self.0.parts.witness.record(event).await?;
        let (reader, now_ms) = (self.0.parts.reader.clone(), self.now_ms().max(0) as u64);
        let days = days.clamp(1, DAYS_MAX);
        let replaying = tokio::task::spawn_blocking(move || {
            let decisions = decisions_since(&reader, now_ms, days, EVENTS_MAX)?;
            Ok(decisions.ask(days, &|key| answer(&active, key), &|key| answer(&candidate, key)))
        });
        replaying.await.map_err(|_| ComplianceError::Ended)?
    }

    /// Puts a version in force: event, desk, and then every decision is by it. Four eyes: not by its author.
    pub async fn activate(
        &self,
        by: &Caller,
        number: u64,
        reason: &str,
    ) -> Result<Arc<PolicyVersion>, ComplianceError> {
        let reason = queue::explained(reason)?.to_owned();
        let pen = self.0.pen.clone().lock_owned().await;
        let mut version = PolicyVersion::clone(&*self.get(number)?);
        if version.state == VersionState::Active {
            return Err(ComplianceError::Active);
        }
        if version.author.eq_ignore_ascii_case(by.login()) {
            let subject = format!("policy version {number} by its author");
            self.0.parts.witness.record(self.evidence(Outcome::Denied { policy: "" }, by, &subject)?).await?;
            return Err(ComplianceError::OwnVersion);
        }
        let policies = version.load()?;
        let retired = {
            let state = self.state();
            state
                .versions
                .values()
                .find(|held| held.state == VersionState::Active)
                .map(|held| PolicyVersion { state: VersionState::Retired, ..PolicyVersion::clone(held) })
        };
        version.state = VersionState::Active;
        version.activations.push(Activation { time_ms: self.now_ms(), by: by.login().to_owned(), reason });
        let before = retired.as_ref().map_or(0, |held| held.number);
        let reason = version.activations.last().map_or("", |activation| &activation.reason);
        let subject = format!("policy version {before} -> {number}: {reason}");
        let event = self.evidence(Outcome::Success, by, &subject)?;
        let mut puts = vec![keep::put(Shelf::Policy, of(number), &version)?];
        if let Some(retired) = &retired {
            puts.push(keep::put(Shelf::Policy, of(retired.number), retired)?);
        }
        let version = Arc::new(version);
        let kept = version.clone();
        self.commit(pen, event, puts, move |state| {
            state.versions.extend(retired.map(|held| (held.number, Arc::new(held))));
            state.versions.insert(kept.number, kept);
            state.active = policies.clone();
            Some(policies)
        })
        .await?;
        Ok(version)
    }

    /// Event, then desk, then memory and what decides. Runs to its end also if whoever asked goes away.
    async fn commit(
        &self,
        pen: tokio::sync::OwnedMutexGuard<()>,
        event: Evidence,
        changes: Vec<Change>,
        apply: impl FnOnce(&mut State) -> Option<Policies> + Send + 'static,
    ) -> Result<(), ComplianceError> {
        let held = self.clone();
        let task = async move {
            held.0.parts.witness.record(event).await?;
            let desk = held.0.parts.desk.clone();
            let written: Result<(), StoreError> =
                tokio::task::spawn_blocking(move || desk.write(&changes)).await.map_err(|_| ComplianceError::Ended)?;
            written?;
            let live = apply(&mut held.0.state.write().unwrap_or_else(|poisoned| poisoned.into_inner()));
            live.into_iter().for_each(|policies| (held.0.parts.go_live)(policies));
            drop(pen);
            Ok(())
        };
        tokio::spawn(task).await.map_err(|_| ComplianceError::Ended)?
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.0.state.read().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn now_ms(&self) -> i64 {
        (self.0.parts.clock)()
    }

    fn evidence(&self, outcome: Outcome<'_>, by: &Caller, subject: &str) -> Result<Evidence, ComplianceError> {
        queue::act(Action::PolicyChange, outcome, Some(by), self.now_ms(), subject)
    }
}

impl PolicyVersion {
    fn built_in(state: VersionState) -> PolicyVersion {
        let sources =
            Policies::sources().iter().map(|source| Source { file: source.file.into(), text: source.text.into() });
        PolicyVersion {
            number: BUILT_IN,
            author: String::new(),
            proposed_ms: 0,
            reason: "what the product ships".into(),
            sources: sources.collect(),
            state,
            activations: Vec::new(),
        }
    }

    fn load(&self) -> Result<Policies, access::AccessError> {
        if self.number == BUILT_IN { Policies::embedded() } else { load(self.number, &self.sources) }
    }

    /// Safeguards are the product's and change with it; the rest is as it was proposed.
    fn load_with_shipped_safeguards(&self) -> Result<Policies, access::AccessError> {
        let mut sources = self.sources.clone();
        for source in sources.iter_mut().filter(|source| source.file == SAFEGUARDS) {
            let shipped = Policies::sources().iter().find(|shipped| shipped.file == SAFEGUARDS);
            source.text = shipped.map_or_else(String::new, |shipped| shipped.text.to_owned());
        }
        load(self.number, &sources)
    }
}

fn of(number: u64) -> store::desk::EntryKey {
    keep::key(&[b"policy", &number.to_be_bytes()])
}

fn load(number: u64, sources: &[Source]) -> Result<Policies, access::AccessError> {
    let sources: Vec<PolicySource<'_>> =
        sources.iter().map(|source| PolicySource { file: &source.file, text: &source.text }).collect();
    Policies::from_sources(number, &sources)
}

fn answer(policies: &Policies, key: &DecisionKey) -> Option<(access::View, access::Labels)> {
    policies.decide_key(key).ok()
}
