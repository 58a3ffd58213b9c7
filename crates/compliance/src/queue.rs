//! The alert queue: what rules found, until a person closes it with words. Every change is an audit event first; alerts and
//! the follower's mark are written in one transaction, so that nothing is raised twice or lost.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, RwLock, RwLockReadGuard};

use access::Caller;
use audit::event::{Outcome, Whence, Who};
use audit::{Action, Event, Purpose};
use serde::{Deserialize, Serialize};
use store::desk::{Change, EntryKey};
use store::{Desk, Evidence, Shelf, StoreError, Witness};
use tokio::sync::broadcast;

use crate::alert::{About, Alert, AlertState, Severity, Step, Verdict, WORDS_BYTES_MAX, WORDS_CHARS_MIN};
use crate::review::{SignedReview, Weekly, summarize};
use crate::rules::{Finding, OwnerRole, Rule};
use crate::{Clock, ComplianceError, keep};

/// Alerts of one answer.
pub const LIST_MAX: usize = 1_000;
/// Alerts that are not closed. What is found beyond them joins one alert for each rule, so that a flood hides nothing.
const OPEN_MAX: usize = 10_000;
/// News that a slow listener may be behind before it is told that it missed some.
const NEWS_MAX: usize = 1_024;
/// How an alert that is for another role is refused, and one that is not there.
const NOT_FOR: Outcome<'static> = Outcome::Denied { policy: "" };
const OVERFLOW: &str = "more than the queue takes one by one";

/// What a queue is opened with.
pub struct QueueParts {
    pub desk: Arc<Desk>,
    pub witness: Witness,
    pub clock: Clock,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Queue(Arc<Inner>);

struct Inner {
    parts: QueueParts,
    state: RwLock<Arc<State>>,
    /// Who changes anything holds it: look, event, desk and memory are one step.
    pen: Arc<tokio::sync::Mutex<()>>,
    news: broadcast::Sender<Arc<Alert>>,
}

#[derive(Clone, Default)]
struct State {
    alerts: BTreeMap<u64, Arc<Alert>>,
    /// Of rule and first event, so that nothing is raised twice.
    keys: HashSet<EntryKey>,
    /// Those that are not closed, and the newest of them for each thing.
    open: BTreeSet<u64>,
    lasting: HashMap<(Rule, About), u64>,
    reviews: Vec<SignedReview>,
}

/// What a list is narrowed to. The default is everything.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// `open`, `taken` or `closed`.
    pub state: Option<String>,
    pub rule: Option<Rule>,
    pub owner_role: Option<OwnerRole>,
    pub severity_min: Option<Severity>,
    /// Who took or closed it.
    pub owner: Option<String>,
    /// Whom it is about.
    pub login: Option<String>,
    pub raised_after_ms: Option<i64>,
    /// Only alerts with a smaller number: the next page.
    pub before: Option<u64>,
    /// [`LIST_MAX`] at most.
    pub limit: Option<usize>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kept {
    Alert(Alert),
    Review(SignedReview),
}

impl Queue {
    /// Loads every alert. Blocks for the time of that.
    pub fn open(parts: QueueParts) -> Result<Queue, ComplianceError> {
        let (mut state, mut alerts) = (State::default(), Vec::new());
        for entry in parts.desk.load(Shelf::Alert)? {
            match keep::read(&entry)? {
                Kept::Alert(alert) => alerts.push(Arc::new(alert)),
                Kept::Review(review) => state.reviews.push(review),
            }
        }
        alerts.sort_by_key(|alert: &Arc<Alert>| alert.id);
        alerts.into_iter().for_each(|alert| state.put(alert));
        state.reviews.sort_by_key(|review| review.signed_ms);
        let (news, _) = broadcast::channel(NEWS_MAX);
        Ok(Queue(Arc::new(Inner { parts, state: RwLock::new(Arc::new(state)), pen: Arc::default(), news })))
    }

    /// Every alert that is raised, grows or changes hands, as it is then.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Alert>> {
        self.0.news.subscribe()
    }

    pub fn get(&self, id: u64) -> Result<Arc<Alert>, ComplianceError> {
        self.state().alerts.get(&id).cloned().ok_or(ComplianceError::Unknown("alert"))
    }

    /// Newest first.
    pub fn list(&self, filter: &Filter) -> Vec<Arc<Alert>> {
        self.found(filter, |_| true)
    }

    fn found(&self, filter: &Filter, is_for: impl Fn(&Alert) -> bool) -> Vec<Arc<Alert>> {
        let limit = filter.limit.unwrap_or(LIST_MAX).min(LIST_MAX);
        let state = self.state();
        let alerts = state.alerts.range(..filter.before.unwrap_or(u64::MAX)).rev().map(|(_, alert)| alert);
        alerts.filter(|alert| filter.holds(alert) && is_for(alert)).take(limit).cloned().collect()
    }

    /// One alert as the caller may see it. The event that it was read is durable before this answers.
    pub async fn read(&self, by: &Caller, id: u64) -> Result<Arc<Alert>, ComplianceError> {
        let subject = format!("alert {id} read");
        let Some(alert) = self.get(id).ok().filter(|alert| alert.is_for(by)) else {
            self.0.parts.witness.record(act(Action::AlertRead, NOT_FOR, Some(by), self.now_ms(), &subject)?).await?;
            return Err(ComplianceError::Unknown("alert"));
        };
        self.reads(by, &subject).await?;
        Ok(alert.shown_to(by))
    }

    /// Those that are the caller's to know of, and how many of these are not closed. As audited as [`read`](Self::read).
    pub async fn look_up(&self, by: &Caller, filter: &Filter) -> Result<(Vec<Arc<Alert>>, usize), ComplianceError> {
        let alerts = self.found(filter, |alert| alert.is_for(by));
        let state = self.state().clone();
        let open = state.open.iter().filter_map(|id| state.alerts.get(id)).filter(|alert| alert.is_for(by)).count();
        self.reads(by, &format!("{} alerts listed", alerts.len())).await?;
        Ok((alerts.iter().map(|alert| alert.shown_to(by)).collect(), open))
    }

    /// The event that something of the privacy officer's desk was read.
    pub async fn reads(&self, by: &Caller, what: &str) -> Result<(), ComplianceError> {
        let read = act(Action::AlertRead, Outcome::Success, Some(by), self.now_ms(), what)?;
        Ok(self.0.parts.witness.record(read).await.map(drop)?)
    }

    /// Uses of broken glass that nobody has judged yet.
    pub fn glass_reviews_due(&self) -> Vec<Arc<Alert>> {
        let state = self.state();
        let open = state.open.iter().filter_map(|id| state.alerts.get(id));
        open.filter(|alert| alert.rule == Rule::BreakGlass).take(LIST_MAX).cloned().collect()
    }

    /// Becomes its owner; takes it over if it is somebody else's.
    pub async fn take(&self, by: &Caller, id: u64) -> Result<Arc<Alert>, ComplianceError> {
        let owner = by.login().to_owned();
        self.tend(by, id, "taken", "", move |alert| {
            alert.state = AlertState::Taken { owner };
            Ok(())
        })
        .await
    }

    /// Adds words without changing anything else.
    pub async fn note(&self, by: &Caller, id: u64, words: &str) -> Result<Arc<Alert>, ComplianceError> {
        let words = explained(words)?;
        self.tend(by, id, "noted", words, |_| Ok(())).await
    }

    /// For who took it, with words that an auditor will read.
    pub async fn close(
        &self,
        by: &Caller,
        id: u64,
        verdict: Verdict,
        words: &str,
    ) -> Result<Arc<Alert>, ComplianceError> {
        let words = explained(words)?;
        let (who, kept) = (by.login().to_owned(), words.to_owned());
        self.tend(by, id, verdict.name(), words, move |alert| {
            if alert.state != (AlertState::Taken { owner: who.clone() }) {
                return Err(ComplianceError::NotTheOwner);
            }
            alert.state = AlertState::Closed { by: who, verdict, words: kept };
            Ok(())
        })
        .await
    }

    /// What the last seven days brought, and what waits too long.
    pub fn weekly(&self, now_ms: i64, overdue_days: u32, recertifications_due: u64) -> Weekly {
        let state = self.state();
        let last = state.reviews.last().map(|review| review.signed_ms);
        summarize(state.alerts.values().map(Arc::as_ref), now_ms, overdue_days, recertifications_due, last)
    }

    /// Signs that somebody looked at the week (164.308(a)(1)(ii)(D)).
    pub async fn sign_review(
        &self,
        by: &Caller,
        words: &str,
        overdue_days: u32,
        recertifications_due: u64,
    ) -> Result<SignedReview, ComplianceError> {
        let words = explained(words)?.to_owned();
        let pen = self.0.pen.clone().lock_owned().await;
        let now_ms = self.now_ms();
        let week = self.weekly(now_ms, overdue_days, recertifications_due);
        let review = SignedReview { signed_ms: now_ms, reviewer: by.login().to_owned(), words, week };
        let evidence = self.evidence(Some(by), &format!("weekly review signed: {}", review.words))?;
        let key = keep::key(&[b"review", &now_ms.to_be_bytes(), by.login().as_bytes()]);
        let put = keep::put(Shelf::Alert, key, &Kept::Review(review.clone()))?;
        let signed = review.clone();
        self.commit(pen, vec![evidence], vec![put], move |state| {
            Arc::make_mut(state).reviews.push(signed);
            Vec::new()
        })
        .await?;
        Ok(review)
    }

    pub fn reviews(&self) -> Vec<SignedReview> {
        self.state().reviews.iter().rev().take(LIST_MAX).cloned().collect()
    }

    /// Takes in what rules found, and with it the marks up to which they have read. All or nothing.
    pub(crate) async fn admit(&self, findings: Vec<Finding>, marks: Vec<Change>) -> Result<(), ComplianceError> {
        let pen = self.0.pen.clone().lock_owned().await;
        let now_ms = self.now_ms();
        let mut next = Draft::of(&self.state());
        for finding in findings {
            next.admit(finding, now_ms);
        }
        let mut evidence = Vec::new();
        for id in &next.raised {
            let alert = &next.alerts[id];
            evidence.push(self.evidence(None, &format!("alert {id} raised: {}", alert.rule.name()))?);
        }
        let mut changes = marks;
        changes.extend(next.puts()?);
        if changes.is_empty() {
            return Ok(());
        }
        self.commit(pen, evidence, changes, |state| next.apply(state)).await
    }

    /// Raises what says that the log cannot be written, although that cannot be written there: its event follows.
    pub(crate) async fn admit_unwitnessed(&self, finding: Finding) -> Result<(), ComplianceError> {
        let pen = self.0.pen.clone().lock_owned().await;
        let mut next = Draft::of(&self.state());
        next.admit(finding, self.now_ms());
        for alert in next.alerts.values_mut() {
            alert.is_witnessed &= !next.raised.contains(&alert.id);
        }
        let changes = next.puts()?;
        if changes.is_empty() {
            return Ok(());
        }
        self.commit(pen, Vec::new(), changes, |state| next.apply(state)).await
    }

    /// Writes the events of alerts that were raised while the log was away.
    pub(crate) async fn witness_late(&self) -> Result<(), ComplianceError> {
        let pen = self.0.pen.clone().lock_owned().await;
        let mut next = Draft::of(&self.state());
        let held = next.held.clone();
        let mut evidence = Vec::new();
        for late in held.open.iter().filter_map(|id| held.alerts.get(id)).filter(|alert| !alert.is_witnessed) {
            if let Some(alert) = next.edit(late.id) {
                alert.is_witnessed = true;
                evidence.push(self.evidence(None, &format!("alert {} was raised: {}", alert.id, alert.rule.name()))?);
            }
        }
        drop(held);
        if evidence.is_empty() {
            return Ok(());
        }
        let changes = next.puts()?;
        self.commit(pen, evidence, changes, |state| next.apply(state)).await
    }

    pub(crate) fn desk(&self) -> &Arc<Desk> {
        &self.0.parts.desk
    }

    pub(crate) fn witness(&self) -> &Witness {
        &self.0.parts.witness
    }

    pub(crate) fn now_ms(&self) -> i64 {
        (self.0.parts.clock)()
    }

    async fn tend(
        &self,
        by: &Caller,
        id: u64,
        did: &str,
        words: &str,
        change: impl FnOnce(&mut Alert) -> Result<(), ComplianceError>,
    ) -> Result<Arc<Alert>, ComplianceError> {
        let pen = self.0.pen.clone().lock_owned().await;
        let mut next = Draft::of(&self.state());
        let alert = next.edit(id).ok_or(ComplianceError::Unknown("alert"))?;
        if let Err(refusal) = alert.may_tend(by) {
            let denied = self.refusal(by, &format!("alert {id}: {did}"))?;
            self.0.parts.witness.record(denied).await?;
            return Err(refusal);
        }
        if alert.is_closed() {
            return Err(ComplianceError::Closed);
        }
        let before = alert.state.name();
        change(alert)?;
        let who = by.login().to_owned();
        alert.history.push(Step { time_ms: self.now_ms(), who, did: did.to_owned(), words: words.to_owned() });
        let subject = format!("alert {id}: {before} -> {}, {did}: {words}", alert.state.name());
        let evidence = self.evidence(Some(by), &subject)?;
        let changed = Arc::new(alert.clone());
        let puts = next.puts()?;
        self.commit(pen, vec![evidence], puts, |state| next.apply(state)).await?;
        Ok(changed.shown_to(by))
    }

    /// Events, then desk, then memory and news. Runs to its end also if whoever asked goes away.
    async fn commit(
        &self,
        pen: tokio::sync::OwnedMutexGuard<()>,
        evidence: Vec<Evidence>,
        changes: Vec<Change>,
        apply: impl FnOnce(&mut Arc<State>) -> Vec<Arc<Alert>> + Send + 'static,
    ) -> Result<(), ComplianceError> {
        let queue = self.clone();
        let task = async move {
            let durable: Vec<_> = evidence.into_iter().map(|one| queue.0.parts.witness.record(one)).collect();
            for event in durable {
                event.await?;
            }
            let desk = queue.0.parts.desk.clone();
            let written: Result<(), StoreError> =
                tokio::task::spawn_blocking(move || desk.write(&changes)).await.map_err(|_| ComplianceError::Ended)?;
            written?;
            let changed = apply(&mut queue.0.state.write().unwrap_or_else(|poisoned| poisoned.into_inner()));
            for alert in changed {
                // Nobody listens: nobody misses it.
                let _ = queue.0.news.send(alert);
            }
            drop(pen);
            Ok(())
        };
        tokio::spawn(task).await.map_err(|_| ComplianceError::Ended)?
    }

    fn state(&self) -> RwLockReadGuard<'_, Arc<State>> {
        self.0.state.read().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn evidence(&self, by: Option<&Caller>, subject: &str) -> Result<Evidence, ComplianceError> {
        act(Action::AlertChange, Outcome::Success, by, self.now_ms(), subject)
    }

    fn refusal(&self, by: &Caller, subject: &str) -> Result<Evidence, ComplianceError> {
        act(Action::AlertChange, NOT_FOR, Some(by), self.now_ms(), subject)
    }
}

impl Filter {
    fn holds(&self, alert: &Alert) -> bool {
        self.state.as_deref().is_none_or(|state| alert.state.name() == state)
            && self.rule.is_none_or(|rule| alert.rule == rule)
            && self.owner_role.is_none_or(|role| alert.owner_role == role)
            && self.severity_min.is_none_or(|severity| alert.severity >= severity)
            && self.owner.as_deref().is_none_or(|owner| alert.state.owner() == Some(owner))
            && self.login.as_deref().is_none_or(|login| alert.about.login.as_deref() == Some(login))
            && self.raised_after_ms.is_none_or(|after_ms| alert.raised_ms > after_ms)
    }
}

impl State {
    fn put(&mut self, alert: Arc<Alert>) {
        let same = (alert.rule, alert.about.clone());
        if alert.is_closed() {
            self.open.remove(&alert.id);
            if self.lasting.get(&same) == Some(&alert.id) {
                self.lasting.remove(&same);
            }
        } else {
            self.open.insert(alert.id);
            self.lasting.insert(same, alert.id);
        }
        self.keys.insert(alert.key);
        self.alerts.insert(alert.id, alert);
    }
}

/// Changes on their way: the alerts that will be new or other, over the state as it is.
struct Draft {
    held: Arc<State>,
    alerts: BTreeMap<u64, Alert>,
    lasting: HashMap<(Rule, About), u64>,
    raised: Vec<u64>,
}

impl Draft {
    fn of(state: &Arc<State>) -> Draft {
        Draft { held: state.clone(), alerts: BTreeMap::new(), lasting: HashMap::new(), raised: Vec::new() }
    }

    fn admit(&mut self, mut finding: Finding, now_ms: i64) {
        if let Some(id) = self.lasting(&finding) {
            return self.grow(id, &finding);
        }
        if self.held.open.len() + self.raised.len() >= OPEN_MAX {
            finding.about = About { what: Some(OVERFLOW.into()), ..About::default() };
            if let Some(id) = self.lasting(&finding) {
                return self.grow(id, &finding);
            }
        }
        let key = finding.key();
        if self.held.keys.contains(&key) || self.alerts.values().any(|alert| alert.key == key) {
            return;
        }
        let last = |alerts: Option<&u64>| alerts.copied().unwrap_or(0);
        let id = last(self.held.alerts.keys().next_back()).max(last(self.alerts.keys().next_back())) + 1;
        self.lasting.insert((finding.rule, finding.about.clone()), id);
        self.alerts.insert(id, Alert::raised(id, key, finding, now_ms));
        self.raised.push(id);
    }

    /// The alert of the same rule about the same that is not closed and not older than the rule lets it grow.
    fn lasting(&mut self, finding: &Finding) -> Option<u64> {
        let same = (finding.rule, finding.about.clone());
        let id = *self.lasting.get(&same).or_else(|| self.held.lasting.get(&same))?;
        let alert = self.alerts.get(&id).or_else(|| self.held.alerts.get(&id).map(Arc::as_ref))?;
        let is_overflow = alert.about.what.as_deref() == Some(OVERFLOW);
        let lasts_ms = if is_overflow { u64::MAX } else { finding.rule.lasts_ms() };
        (finding.first_ms.saturating_sub(alert.last_ms) <= lasts_ms && lasts_ms > 0).then_some(id)
    }

    fn grow(&mut self, id: u64, finding: &Finding) {
        let is_drafted = self.alerts.contains_key(&id);
        let Some(alert) = self.edit(id) else { return };
        if !alert.grow(finding) && !is_drafted {
            self.alerts.remove(&id);
        }
    }

    fn edit(&mut self, id: u64) -> Option<&mut Alert> {
        if !self.alerts.contains_key(&id) {
            let alert = Alert::clone(self.held.alerts.get(&id)?);
            self.alerts.insert(id, alert);
        }
        self.alerts.get_mut(&id)
    }

    fn puts(&self) -> Result<Vec<Change>, ComplianceError> {
        self.alerts.values().map(|alert| keep::put(Shelf::Alert, alert.key, &Kept::Alert(alert.clone()))).collect()
    }

    fn apply(self, state: &mut Arc<State>) -> Vec<Arc<Alert>> {
        // Before the state is changed, so that it need not be copied.
        drop(self.held);
        let state = Arc::make_mut(state);
        let changed: Vec<Arc<Alert>> = self.alerts.into_values().map(Arc::new).collect();
        for alert in &changed {
            state.put(alert.clone());
        }
        changed
    }
}

/// An event of this room.
pub(crate) fn act(
    action: Action,
    outcome: Outcome<'_>,
    by: Option<&Caller>,
    now_ms: i64,
    subject: &str,
) -> Result<Evidence, ComplianceError> {
    let (session, device) = (by.map(|by| by.session().to_string()), by.and_then(Caller::device).map(|d| d.to_string()));
    let request_id = by.map(|by| format!("{:032x}", by.request_id()));
    let role = by.map_or("system", |by| by.roles().iter().next().map_or("", |role| role.name()));
    let who = Who { user: by.map_or("system", Caller::login), role, session: session.as_deref(), on_behalf_of: None };
    let purpose = by.and_then(|by| Purpose::parse(by.purpose().name())).unwrap_or(Purpose::Compliance);
    let mut event = Event::new(now_ms.max(0) as u64, action, purpose, who);
    event.outcome = outcome;
    event.subject = Some(audit::event::clip(subject, audit::event::TEXT_BYTES_MAX));
    event.whence = Whence {
        address: by.map(Caller::network),
        country: by.and_then(Caller::country),
        device: device.as_deref(),
        user_agent: by.map(Caller::user_agent).filter(|agent| !agent.is_empty()),
        request_id: request_id.as_deref(),
    };
    Ok(Evidence::of(&event)?)
}

/// Words that say something.
pub(crate) fn explained(words: &str) -> Result<&str, ComplianceError> {
    let words = words.trim();
    if words.len() > WORDS_BYTES_MAX {
        return Err(ComplianceError::TooManyWords);
    }
    if words.chars().filter(|c| !c.is_whitespace()).count() < WORDS_CHARS_MIN {
        return Err(ComplianceError::Words);
    }
    Ok(words)
}
