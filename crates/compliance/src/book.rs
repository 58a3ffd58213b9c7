//! Alerts and what becomes of them, without I/O: findings are gathered into alerts, alerts are taken and closed with words.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use audit::LeafIndex;
use serde::{Deserialize, Serialize};

use crate::ComplianceError;
use crate::rules::{Finding, Rule, Severity};

/// Alerts that are kept; beyond it the longest closed leave, and open ones never.
pub const ALERTS_MAX: usize = 50_000;
/// Leaves that one alert names: the first ones and the last.
pub const EVIDENCE_MAX: usize = 64;
pub const HISTORY_MAX: usize = 64;
pub const WORDS_CHARS_MIN: usize = 10;
pub const WORDS_CHARS_MAX: usize = 2_000;
const ABOUT_MAX: usize = 16;

/// From the rule, the subject and the first leaf: the same event never makes a second alert.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AlertId(pub [u8; 16]);

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    pub id: AlertId,
    pub rule: Rule,
    pub severity: Severity,
    /// The role whose it is until somebody takes it.
    pub owner_role: String,
    pub first_ms: u64,
    pub last_ms: u64,
    /// Evidence: leaf indexes in the log.
    pub leaves: Vec<LeafIndex>,
    /// Login, address or `system`.
    pub subject: String,
    /// Logins and accounts it is about beside the subject.
    pub about: Vec<String>,
    pub about_user: Option<u64>,
    pub chart: Option<u64>,
    pub count: u64,
    /// What happened last, in closed words and numbers.
    pub words: String,
    pub state: AlertState,
    pub history: Vec<Step>,
    /// Its opening is in the log. False only while the log takes nothing.
    pub is_audited: bool,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum AlertState {
    Open,
    Taken { owner: String },
    Closed { by: String, at_ms: u64, words: String, outcome: OutcomeOfAlert },
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeOfAlert {
    /// It happened and was right.
    Justified,
    /// The rule was wrong about it.
    FalseAlarm,
    /// It was wrong: a sanction, a talk, a report follows.
    Violation,
    /// An attack or a loss: the incident is handled elsewhere.
    Incident,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub at_ms: u64,
    /// `system` for what the rules do.
    pub by: String,
    pub what: String,
}

/// Which alerts to list; what is not set does not narrow.
#[derive(Clone, Default)]
pub struct Filter {
    pub place: Option<Place>,
    pub rule: Option<Rule>,
    pub severity_min: Option<Severity>,
    pub owner: Option<String>,
    pub subject: Option<String>,
    pub since_ms: Option<u64>,
}

/// The state without what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Open,
    Taken,
    Closed,
}

/// Every alert that is kept, by id.
#[derive(Default, Clone)]
pub(crate) struct Book {
    alerts: BTreeMap<AlertId, Arc<Alert>>,
    /// The alert that the next finding of a kind joins.
    latest: HashMap<(Rule, String, Option<u64>), AlertId>,
}

/// What a finding did.
#[derive(Clone)]
pub(crate) enum Noted {
    Opened(Arc<Alert>),
    Joined(Arc<Alert>),
    /// It is in the alert already: the event was read again after a restart.
    Known,
}

impl Book {
    pub fn restored(alerts: impl IntoIterator<Item = Alert>) -> Book {
        let mut book = Book::default();
        let mut alerts: Vec<_> = alerts.into_iter().collect();
        alerts.sort_by_key(|alert| (alert.last_ms, alert.id));
        alerts.into_iter().for_each(|alert| book.put(Arc::new(alert)));
        book
    }

    pub fn get(&self, id: &AlertId) -> Option<&Arc<Alert>> {
        self.alerts.get(id)
    }

    pub fn put(&mut self, alert: Arc<Alert>) {
        let kind = (alert.rule, alert.subject.clone(), alert.chart);
        match alert.state {
            AlertState::Closed { .. } => {
                if self.latest.get(&kind) == Some(&alert.id) {
                    self.latest.remove(&kind);
                }
            }
            _ => {
                self.latest.insert(kind, alert.id);
            }
        }
        self.alerts.insert(alert.id, alert);
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Alert>> {
        self.alerts.values()
    }

    /// Newest first.
    pub fn list(&self, filter: &Filter, limit: usize) -> Vec<Arc<Alert>> {
        let mut found: Vec<_> = self.iter().filter(|alert| filter.matches(alert)).cloned().collect();
        found.sort_by_key(|alert| std::cmp::Reverse((alert.last_ms, alert.id)));
        found.truncate(limit);
        found
    }

    /// Gathers a finding: into the alert of its kind if that is not closed and not too old, or into a new one.
    pub fn note(&mut self, finding: &Finding, aggregate_ms: u64) -> Noted {
        let id = AlertId::of(finding);
        if self.alerts.contains_key(&id) {
            return Noted::Known;
        }
        let kind = (finding.rule, finding.subject.clone(), finding.chart);
        let joined = self.latest.get(&kind).and_then(|id| self.alerts.get(id));
        let joined = joined.filter(|alert| finding.time_ms < alert.first_ms.saturating_add(aggregate_ms));
        let Some(alert) = joined else {
            let alert = Arc::new(Alert::open(id, finding));
            self.put(alert.clone());
            return Noted::Opened(alert);
        };
        let newest = finding.leaves.last();
        if newest.is_some() && alert.leaves.iter().max() >= newest {
            return Noted::Known;
        }
        let mut next = Alert::clone(alert);
        next.join(finding);
        let next = Arc::new(next);
        self.put(next.clone());
        Noted::Joined(next)
    }

    /// The closed alerts that have to leave, the longest untouched first.
    pub fn surplus(&self) -> Vec<AlertId> {
        let over = self.alerts.len().saturating_sub(ALERTS_MAX);
        if over == 0 {
            return Vec::new();
        }
        let mut closed: Vec<_> = self.iter().filter(|alert| alert.place() == Place::Closed).collect();
        closed.sort_by_key(|alert| alert.last_ms);
        closed.into_iter().take(over).map(|alert| alert.id).collect()
    }

    pub fn remove(&mut self, id: &AlertId) {
        self.alerts.remove(id);
    }
}

impl Alert {
    fn open(id: AlertId, finding: &Finding) -> Alert {
        let mut alert = Alert {
            id,
            rule: finding.rule,
            severity: finding.severity,
            owner_role: finding.rule.owner().name().to_owned(),
            first_ms: finding.time_ms,
            last_ms: finding.time_ms,
            leaves: finding.leaves.clone(),
            subject: finding.subject.clone(),
            about: finding.about.clone(),
            about_user: finding.about_user,
            chart: finding.chart,
            count: finding.count,
            words: finding.words.clone(),
            state: AlertState::Open,
            history: Vec::new(),
            is_audited: true,
        };
        alert.leaves.truncate(EVIDENCE_MAX);
        alert.step(finding.time_ms, "system", "opened");
        alert
    }

    fn join(&mut self, finding: &Finding) {
        self.last_ms = self.last_ms.max(finding.time_ms);
        self.severity = self.severity.max(finding.severity);
        self.count = self.count.saturating_add(finding.count);
        self.words.clone_from(&finding.words);
        for leaf in &finding.leaves {
            if self.leaves.len() == EVIDENCE_MAX {
                self.leaves.pop();
            }
            self.leaves.push(*leaf);
        }
        for login in &finding.about {
            if self.about.len() < ABOUT_MAX && !self.about.contains(login) {
                self.about.push(login.clone());
            }
        }
        // Granted again, to somebody else: then neither closes it, but only the first is known by number.
        self.about_user = self.about_user.or(finding.about_user);
    }

    fn step(&mut self, at_ms: u64, by: &str, what: impl Into<String>) {
        if self.history.len() < HISTORY_MAX {
            self.history.push(Step { at_ms, by: by.to_owned(), what: what.into() });
        }
    }

    pub fn place(&self) -> Place {
        match self.state {
            AlertState::Open => Place::Open,
            AlertState::Taken { .. } => Place::Taken,
            AlertState::Closed { .. } => Place::Closed,
        }
    }

    pub fn is_about(&self, login: &str, user: u64) -> bool {
        self.subject == login || self.about.iter().any(|about| about == login) || self.about_user == Some(user)
    }

    /// The alert once `login` has taken it; from somebody else only if `is_over` says that they mean it.
    pub fn taken(&self, login: &str, user: u64, is_over: bool, at_ms: u64) -> Result<Alert, ComplianceError> {
        match &self.state {
            AlertState::Closed { .. } => return Err(ComplianceError::Closed),
            AlertState::Taken { owner } if owner != login && !is_over => return Err(ComplianceError::TakenByAnother),
            _ if self.is_about(login, user) => return Err(ComplianceError::AboutOneself),
            _ => {}
        }
        let mut next = self.clone();
        next.state = AlertState::Taken { owner: login.to_owned() };
        next.step(at_ms, login, "taken");
        Ok(next)
    }

    /// The alert once `login` has closed it. Whom it is about never does, and an owner does it before others.
    pub fn closed(
        &self,
        login: &str,
        user: u64,
        words: &str,
        outcome: OutcomeOfAlert,
        at_ms: u64,
    ) -> Result<Alert, ComplianceError> {
        match &self.state {
            AlertState::Closed { .. } => return Err(ComplianceError::Closed),
            AlertState::Taken { owner } if owner != login => return Err(ComplianceError::TakenByAnother),
            _ if self.is_about(login, user) => return Err(ComplianceError::AboutOneself),
            _ => {}
        }
        let words = words.trim();
        if !(WORDS_CHARS_MIN..=WORDS_CHARS_MAX).contains(&words.chars().count()) {
            return Err(ComplianceError::Words { min: WORDS_CHARS_MIN, max: WORDS_CHARS_MAX });
        }
        let mut next = self.clone();
        next.state = AlertState::Closed { by: login.to_owned(), at_ms, words: words.to_owned(), outcome };
        next.step(at_ms, login, format!("closed: {}", outcome.word()));
        Ok(next)
    }
}

impl AlertId {
    pub fn of(finding: &Finding) -> AlertId {
        let mut hasher = crypto::hash::Sha256::new();
        hasher.update(finding.rule.name().as_bytes());
        hasher.update(&[0]);
        hasher.update(finding.subject.as_bytes());
        hasher.update(&[0]);
        hasher.update(&finding.chart.unwrap_or(0).to_be_bytes());
        // What no event says is told apart by its time.
        hasher.update(&finding.leaves.last().copied().unwrap_or(finding.time_ms).to_be_bytes());
        let mut id = [0; 16];
        id.copy_from_slice(&hasher.finish()[..16]);
        AlertId(id)
    }

    pub fn word(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub fn parse(word: &str) -> Option<AlertId> {
        if word.len() != 32 || !word.is_ascii() {
            return None;
        }
        let mut id = [0; 16];
        for (byte, at) in id.iter_mut().zip((0..32).step_by(2)) {
            *byte = u8::from_str_radix(&word[at..at + 2], 16).ok()?;
        }
        (AlertId(id).word() == word).then_some(AlertId(id))
    }
}

impl Serialize for AlertId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.word())
    }
}

impl<'de> Deserialize<'de> for AlertId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<AlertId, D::Error> {
        let word = String::deserialize(deserializer)?;
        AlertId::parse(&word).ok_or_else(|| serde::de::Error::custom("not an alert's id"))
    }
}

impl Filter {
    fn matches(&self, alert: &Alert) -> bool {
        let owner = match &alert.state {
            AlertState::Taken { owner } => Some(owner),
            AlertState::Open | AlertState::Closed { .. } => None,
        };
        self.place.is_none_or(|place| place == alert.place())
            && self.rule.is_none_or(|rule| rule == alert.rule)
            && self.severity_min.is_none_or(|least| alert.severity >= least)
            && self.owner.as_ref().is_none_or(|asked| Some(asked) == owner)
            && self.subject.as_ref().is_none_or(|asked| *asked == alert.subject)
            && self.since_ms.is_none_or(|since_ms| alert.last_ms >= since_ms)
    }
}

impl OutcomeOfAlert {
    pub const ALL: [OutcomeOfAlert; 4] =
        [OutcomeOfAlert::Justified, OutcomeOfAlert::FalseAlarm, OutcomeOfAlert::Violation, OutcomeOfAlert::Incident];

    pub const fn word(self) -> &'static str {
        match self {
            OutcomeOfAlert::Justified => "justified",
            OutcomeOfAlert::FalseAlarm => "false-alarm",
            OutcomeOfAlert::Violation => "violation",
            OutcomeOfAlert::Incident => "incident",
        }
    }

    pub fn from_word(word: &str) -> Option<OutcomeOfAlert> {
        OutcomeOfAlert::ALL.into_iter().find(|outcome| outcome.word() == word)
    }
}

impl Place {
    pub fn from_word(word: &str) -> Option<Place> {
        match word {
            "open" => Some(Place::Open),
            "taken" => Some(Place::Taken),
            "closed" => Some(Place::Closed),
            _ => None,
        }
    }
}

impl std::fmt::Debug for AlertId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.word())
    }
}

impl std::fmt::Debug for Alert {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Alert({}, {}, {:?})", self.id.word(), self.rule.name(), self.place())
    }
}
