//! An alert: what a rule found, whom it is about, who looks after it, and each step with its person.
//! Opaque numbers, logins and closed words only; what people write when they close one is theirs.

use std::net::IpAddr;
use std::sync::Arc;

use access::{Caller, Role};
use audit::LeafIndex;
use serde::{Deserialize, Serialize};
use store::desk::EntryKey;

use crate::rules::{Finding, OwnerRole, Rule};
use crate::{ComplianceError, Severity as S};

/// Closing takes at least so much of an explanation.
pub const WORDS_CHARS_MIN: usize = 10;
pub const WORDS_BYTES_MAX: usize = 4096;
/// Leaves that an alert names: the first and the newest. The count goes on.
const EVIDENCE_MAX: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Low,
    Medium,
    High,
    Critical,
}

/// Whom and what an alert is about; equal rule and equal about are one alert while it lasts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct About {
    /// Who did it.
    pub login: Option<String>,
    /// The role it was done in.
    pub role: Option<String>,
    /// The account it was done to, by number.
    pub user: Option<u64>,
    pub chart: Option<u64>,
    pub address: Option<IpAddr>,
    /// A closed word or a keyed label.
    pub what: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    pub id: u64,
    /// Of the rule and what it rests on: where it lies on the desk.
    pub(crate) key: EntryKey,
    pub rule: Rule,
    pub severity: Severity,
    pub owner_role: OwnerRole,
    pub about: About,
    /// Time of the first and of the last event.
    pub first_ms: u64,
    pub last_ms: u64,
    /// When the alert came to be.
    pub raised_ms: i64,
    /// Events, charts, rows or requests, as the rule counts.
    pub count: u64,
    /// The events in the audit log that it rests on.
    pub evidence: Vec<LeafIndex>,
    pub state: AlertState,
    pub history: Vec<Step>,
    /// False while the log could not take the event that it was raised.
    pub is_witnessed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum AlertState {
    Open,
    Taken { owner: String },
    Closed { by: String, verdict: Verdict, words: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// What was done was right.
    Justified,
    /// Nothing had happened.
    FalseAlarm,
    /// Somebody of the workforce broke the rules.
    Violation,
    /// A security incident (164.308(a)(6)): goes on as one.
    Incident,
}

/// One step of an alert's life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub time_ms: i64,
    pub who: String,
    /// `raised`, `taken`, `noted`, `closed`.
    pub did: String,
    pub words: String,
}

impl Verdict {
    pub const ALL: [Verdict; 4] = [Verdict::Justified, Verdict::FalseAlarm, Verdict::Violation, Verdict::Incident];

    pub fn name(self) -> &'static str {
        match self {
            Verdict::Justified => "justified",
            Verdict::FalseAlarm => "false_alarm",
            Verdict::Violation => "violation",
            Verdict::Incident => "incident",
        }
    }

    pub fn from_name(name: &str) -> Option<Verdict> {
        Verdict::ALL.into_iter().find(|verdict| verdict.name() == name)
    }
}

impl Severity {
    pub const ALL: [Severity; 4] = [S::Low, S::Medium, S::High, S::Critical];

    pub fn name(self) -> &'static str {
        match self {
            S::Low => "low",
            S::Medium => "medium",
            S::High => "high",
            S::Critical => "critical",
        }
    }

    pub fn from_name(name: &str) -> Option<Severity> {
        Severity::ALL.into_iter().find(|severity| severity.name() == name)
    }
}

impl AlertState {
    pub fn name(&self) -> &'static str {
        match self {
            AlertState::Open => "open",
            AlertState::Taken { .. } => "taken",
            AlertState::Closed { .. } => "closed",
        }
    }

    pub fn owner(&self) -> Option<&str> {
        match self {
            AlertState::Open => None,
            AlertState::Taken { owner } => Some(owner),
            AlertState::Closed { by, .. } => Some(by),
        }
    }
}

impl Alert {
    pub(crate) fn raised(id: u64, key: EntryKey, finding: Finding, now_ms: i64) -> Alert {
        let raised = Step { time_ms: now_ms, who: "system".into(), did: "raised".into(), words: String::new() };
        let mut alert = Alert {
            id,
            key,
            rule: finding.rule,
            severity: finding.severity,
            owner_role: finding.rule.owner(),
            about: finding.about,
            first_ms: finding.first_ms,
            last_ms: finding.last_ms,
            raised_ms: now_ms,
            count: finding.count,
            evidence: Vec::new(),
            state: AlertState::Open,
            history: vec![raised],
            is_witnessed: true,
        };
        alert.rest_on(&finding.evidence);
        alert
    }

    /// Takes in what the same rule found about the same. False if it was known already.
    pub(crate) fn grow(&mut self, finding: &Finding) -> bool {
        let is_new = finding.evidence.is_empty() || finding.evidence.iter().any(|leaf| !self.evidence.contains(leaf));
        if !is_new {
            return false;
        }
        self.count = match finding.is_running_total {
            true => self.count.max(finding.count),
            false => self.count.saturating_add(finding.count),
        };
        self.severity = self.severity.max(finding.severity);
        self.first_ms = self.first_ms.min(finding.first_ms);
        self.last_ms = self.last_ms.max(finding.last_ms);
        self.rest_on(&finding.evidence);
        true
    }

    fn rest_on(&mut self, leaves: &[LeafIndex]) {
        for leaf in leaves {
            if self.evidence.contains(leaf) {
                continue;
            }
            if self.evidence.len() == EVIDENCE_MAX {
                self.evidence.remove(EVIDENCE_MAX / 2);
            }
            self.evidence.push(*leaf);
        }
    }

    pub fn is_closed(&self) -> bool {
        matches!(self.state, AlertState::Closed { .. })
    }

    /// Whether the person did it, or it was done to their account.
    pub fn is_about(&self, caller: &Caller) -> bool {
        self.about.login.as_deref().is_some_and(|login| login.eq_ignore_ascii_case(caller.login()))
            || self.about.user == Some(caller.user().0)
    }

    /// Whether it is the caller's to know of. That the caller may look at alerts at all is policy's affair.
    pub(crate) fn is_for(&self, caller: &Caller) -> bool {
        let roles = caller.roles();
        // Where the privacy officer is whom it is about, somebody else has to be able to.
        let about_privacy = self.about.role.as_deref() == Some(Role::PrivacyOfficer.name());
        let for_admin = self.owner_role == OwnerRole::Admin || about_privacy;
        roles.contains(Role::PrivacyOfficer) || roles.contains(Role::Admin) && for_admin
    }

    /// Whether the caller may take, note and close it.
    pub(crate) fn may_tend(&self, caller: &Caller) -> Result<(), ComplianceError> {
        match (self.is_for(caller), self.is_about(caller)) {
            (false, _) => Err(ComplianceError::Unknown("alert")),
            (true, true) => Err(ComplianceError::AboutOneself),
            (true, false) => Ok(()),
        }
    }

    /// As the caller is shown it: an administrator reads no chart number.
    pub(crate) fn shown_to(self: &Arc<Self>, caller: &Caller) -> Arc<Self> {
        if self.about.chart.is_none() || caller.roles().contains(Role::PrivacyOfficer) {
            return self.clone();
        }
        let mut shown = Self::clone(self);
        shown.about.chart = None;
        Arc::new(shown)
    }

    /// A sentence without names: the rule and its count.
    pub fn summary(&self) -> String {
        let count = self.count;
        match self.rule.counts() {
            "" => self.rule.says().to_owned(),
            unit => format!("{} ({count} {unit})", self.rule.says()),
        }
    }
}
