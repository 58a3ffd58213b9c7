//! Versions of an organization's policies: proposed with a reason, replayed over last week, put in force by a second person.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use access::{AccessError, Action, Caller, Policies, PolicySource};
use audit::event::Outcome;
use serde::{Deserialize, Serialize};
use store::desk::{Change, ENTRY_BYTES_MAX, EntryKey};
use store::log::LogReader;
use store::{Desk, Shelf};
use zeroize::Zeroizing;

use crate::queue::blocking;
use crate::replay::{Decisions, ReplayReport};
use crate::{ComplianceError, Door, replay};

pub const VERSIONS_MAX: usize = 1_000;
pub const REASON_CHARS_MIN: usize = 10;
pub const REASON_CHARS_MAX: usize = 2_000;

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// From 1; 0 is what the product ships.
    pub number: u64,
    pub author: String,
    pub author_user: u64,
    pub time_ms: u64,
    pub reason: String,
    pub sources: Vec<Source>,
    pub state: VersionState,
    /// By whom and when it was last put in force.
    pub activated: Option<Activated>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    pub file: String,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VersionState {
    Draft,
    Active,
    Retired,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activated {
    pub by: String,
    pub at_ms: u64,
}

/// Puts policies in force everywhere that decides.
pub type GoLive = Arc<dyn Fn(Policies) + Send + Sync>;

/// Cheap to clone.
#[derive(Clone)]
pub struct PolicyDesk(Arc<Inner>);

struct Inner {
    desk: Arc<Desk>,
    door: Door,
    reader: LogReader,
    go_live: GoLive,
    versions: Mutex<BTreeMap<u64, Arc<Version>>>,
    pen: tokio::sync::Mutex<()>,
}

/// What a start begins with.
pub struct Started {
    pub desk: PolicyDesk,
    pub policies: Policies,
    /// Why the active version is not in force: those of the product are instead. To be told loudly.
    pub fallback: Option<AccessError>,
}

impl PolicyDesk {
    /// Reads the versions and loads the active one. One that no longer loads, as after an update that changed the safeguards,
    /// gives way to the product's own.
    pub async fn open(
        desk: Arc<Desk>,
        door: Door,
        reader: LogReader,
        go_live: GoLive,
    ) -> Result<Started, ComplianceError> {
        let held = desk.clone();
        let (versions, policies, fallback) = blocking(move || {
            let versions = restore(&held)?;
            let active = versions.values().find(|version| version.state == VersionState::Active);
            let (policies, fallback) = match active.map(|version| version.load()) {
                None => (Policies::embedded()?, None),
                Some(Ok(policies)) => (policies, None),
                Some(Err(error)) => (Policies::embedded()?, Some(error)),
            };
            Ok((versions, policies, fallback))
        })
        .await?;
        let (versions, pen) = (Mutex::new(versions), tokio::sync::Mutex::new(()));
        let desk = PolicyDesk(Arc::new(Inner { desk, door, reader, go_live, versions, pen }));
        Ok(Started { desk, policies, fallback })
    }

    /// Every version, the newest first.
    pub async fn list(&self, by: &Caller) -> Result<Vec<Arc<Version>>, ComplianceError> {
        self.may(by).await?;
        Ok(self.versions().values().rev().cloned().collect())
    }

    pub async fn get(&self, by: &Caller, number: u64) -> Result<Arc<Version>, ComplianceError> {
        self.may(by).await?;
        self.held(number)
    }

    /// Keeps a draft. Sources that do not load, or lack the product's safeguards, are refused with file and reason.
    pub async fn propose(
        &self,
        by: &Caller,
        reason: &str,
        sources: Vec<Source>,
    ) -> Result<Arc<Version>, ComplianceError> {
        self.may(by).await?;
        let reason = reason.trim();
        if !(REASON_CHARS_MIN..=REASON_CHARS_MAX).contains(&reason.chars().count()) {
            return Err(ComplianceError::Words { min: REASON_CHARS_MIN, max: REASON_CHARS_MAX });
        }
        let _pen = self.0.pen.lock().await;
        let number = self.versions().last_key_value().map_or(1, |(last, _)| last + 1);
        if number > VERSIONS_MAX as u64 {
            return Err(ComplianceError::TooMany(VERSIONS_MAX));
        }
        let version = Version {
            number,
            author: by.login().to_owned(),
            author_user: by.user().0,
            time_ms: self.0.door.now_ms(),
            reason: reason.to_owned(),
            sources,
            state: VersionState::Draft,
            activated: None,
        };
        let version = blocking(move || {
            version.load().map_err(named)?;
            Ok(version)
        })
        .await?;
        let subject = format!("policies {number}: proposed");
        self.keep(by, &subject, vec![version]).await?;
        self.held(number)
    }

    /// What a version would have said to the last seven days' decisions. Reads the log: audited.
    pub async fn replay(&self, by: &Caller, number: u64) -> Result<ReplayReport, ComplianceError> {
        self.may(by).await?;
        let version = self.held(number)?;
        let door = &self.0.door;
        let subject = format!("policies {number}: replayed");
        door.note(audit::Action::AuditRead, by, &subject, Outcome::Success).await?;
        let (reader, to_ms) = (self.0.reader.clone(), door.now_ms());
        blocking(move || {
            let candidate = version.load().map_err(named)?;
            let from_ms = replay::since(to_ms);
            Ok(replay::report(&candidate, &Decisions::since(&reader, from_ms)?, from_ms, to_ms))
        })
        .await
    }

    /// Puts a version in force, a retired one too. Its author never does.
    pub async fn activate(&self, by: &Caller, number: u64) -> Result<Arc<Version>, ComplianceError> {
        self.may(by).await?;
        let _pen = self.0.pen.lock().await;
        let version = self.held(number)?;
        if version.state == VersionState::Active {
            return Err(ComplianceError::InForce);
        }
        let door = &self.0.door;
        if version.author_user == by.user().0 || version.author == by.login() {
            let subject = format!("policies {number}: activation by their author");
            door.note(audit::Action::PolicyChange, by, &subject, Outcome::Denied { policy: "" }).await?;
            return Err(ComplianceError::ByTheAuthor);
        }
        let loading = version.clone();
        let policies = blocking(move || loading.load().map_err(named)).await?;
        let before = self.active();
        let activated = Some(Activated { by: by.login().to_owned(), at_ms: door.now_ms() });
        let mut changed = vec![Version { state: VersionState::Active, activated, ..Version::clone(&version) }];
        changed.extend(before.iter().map(|old| Version { state: VersionState::Retired, ..Version::clone(old) }));
        let subject = format!("policies {} -> {number}: activated", before.map_or(0, |old| old.number));
        self.keep(by, &subject, changed).await?;
        (self.0.go_live)(policies);
        self.held(number)
    }

    /// Returns to the product's own policies: the way out of a version that went wrong. Anybody who may activate may.
    pub async fn retire(&self, by: &Caller) -> Result<(), ComplianceError> {
        self.may(by).await?;
        let _pen = self.0.pen.lock().await;
        let old = self.active().ok_or(ComplianceError::NotFound)?;
        let policies = blocking(|| Ok(Policies::embedded()?)).await?;
        let subject = format!("policies {} -> 0: retired", old.number);
        let retired = Version { state: VersionState::Retired, ..Version::clone(&old) };
        self.keep(by, &subject, vec![retired]).await?;
        (self.0.go_live)(policies);
        Ok(())
    }

    /// The event, then the desk, then what is shown.
    async fn keep(&self, by: &Caller, subject: &str, changed: Vec<Version>) -> Result<(), ComplianceError> {
        let puts = changed.iter().map(put).collect::<Result<Vec<_>, _>>()?;
        self.0.door.note(audit::Action::PolicyChange, by, subject, Outcome::Success).await?;
        let desk = self.0.desk.clone();
        blocking(move || Ok(desk.write(&puts)?)).await?;
        self.versions().extend(changed.into_iter().map(|version| (version.number, Arc::new(version))));
        Ok(())
    }

    async fn may(&self, by: &Caller) -> Result<(), ComplianceError> {
        self.0.door.require(by, Action::ManagePolicies, audit::Action::PolicyChange).await
    }

    fn active(&self) -> Option<Arc<Version>> {
        self.versions().values().find(|version| version.state == VersionState::Active).cloned()
    }

    fn held(&self, number: u64) -> Result<Arc<Version>, ComplianceError> {
        self.versions().get(&number).cloned().ok_or(ComplianceError::NotFound)
    }

    fn versions(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Version>>> {
        self.0.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Version {
    fn load(&self) -> Result<Policies, AccessError> {
        let sources: Vec<_> =
            self.sources.iter().map(|source| PolicySource { file: &source.file, text: &source.text }).collect();
        Policies::from_sources(self.number, &sources)
    }
}

/// Which file, and why: what a proposer has to correct.
fn named(error: AccessError) -> ComplianceError {
    match error {
        AccessError::Policy { file, reason } => ComplianceError::Policy { file, reason },
        AccessError::Validation(reason) => ComplianceError::Policy { file: "*".to_owned(), reason },
        other => other.into(),
    }
}

fn put(version: &Version) -> Result<Change, ComplianceError> {
    let plain = serde_json::to_vec(version).map_err(|_| ComplianceError::Damaged("policies"))?;
    if plain.len() > ENTRY_BYTES_MAX {
        let reason = format!("all files together are more than {ENTRY_BYTES_MAX} bytes");
        return Err(ComplianceError::Policy { file: "*".to_owned(), reason });
    }
    Ok(Change::Put { shelf: Shelf::Policy, key: key(version.number), plain: Zeroizing::new(plain) })
}

fn key(number: u64) -> EntryKey {
    u128::from(number).to_be_bytes()
}

fn restore(desk: &Desk) -> Result<BTreeMap<u64, Arc<Version>>, ComplianceError> {
    let mut versions = BTreeMap::new();
    for entry in desk.load(Shelf::Policy)? {
        let damaged = |_| ComplianceError::Damaged("policies");
        let version: Version = serde_json::from_slice(&entry.plain).map_err(damaged)?;
        versions.insert(version.number, Arc::new(version));
    }
    Ok(versions)
}

impl std::fmt::Debug for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Version({}, {:?})", self.number, self.state)
    }
}
