//! The queue of alerts: kept sealed on the desk, each change audited before it is made, told to who listens.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use access::{Action, Caller};
use audit::event::Outcome;
use store::desk::Change;
use store::{Desk, Shelf};
use tokio::sync::broadcast;
use zeroize::Zeroizing;

use crate::book::{Book, Noted};
use crate::rules::Finding;
use crate::{Alert, AlertId, ComplianceError, Door, Filter, OutcomeOfAlert, Review};

/// Alerts of one list.
pub const LIST_MAX: usize = 500;
/// Changes that wait for a listener; one that is slower is told that it missed some.
const CHANGES_WAITING_MAX: usize = 256;

/// Cheap to clone.
#[derive(Clone)]
pub struct Queue(Arc<Inner>);

struct Inner {
    desk: Arc<Desk>,
    door: Door,
    book: Mutex<Book>,
    /// One change at a time, so that what is on the desk is what is in the book.
    pen: tokio::sync::Mutex<()>,
    changes: broadcast::Sender<AlertChanged>,
}

/// What listeners are told: the alert as it is now.
#[derive(Clone, Debug)]
pub struct AlertChanged {
    pub alert: Arc<Alert>,
    pub is_new: bool,
}

impl Queue {
    pub async fn open(desk: Arc<Desk>, door: Door) -> Result<Queue, ComplianceError> {
        let held = desk.clone();
        let entries = blocking(move || Ok(held.load(Shelf::Alert)?)).await?;
        let alerts: Vec<Alert> = entries
            .iter()
            .map(|entry| serde_json::from_slice(&entry.plain).map_err(|_| ComplianceError::Damaged("alerts")))
            .collect::<Result<_, _>>()?;
        let changes = broadcast::Sender::new(CHANGES_WAITING_MAX);
        let book = Mutex::new(Book::restored(alerts));
        Ok(Queue(Arc::new(Inner { desk, door, book, pen: tokio::sync::Mutex::new(()), changes })))
    }

    /// Alerts, newest first, [`LIST_MAX`] at most. Looking at them is an event of its own.
    pub async fn list(&self, by: &Caller, filter: &Filter, limit: usize) -> Result<Vec<Arc<Alert>>, ComplianceError> {
        self.look(by, "alerts").await?;
        Ok(self.book().list(filter, limit.min(LIST_MAX)))
    }

    pub async fn get(&self, by: &Caller, id: AlertId) -> Result<Arc<Alert>, ComplianceError> {
        self.look(by, &format!("alert {}", id.word())).await?;
        self.held(id)
    }

    /// Changes from now on, for an event stream. The stream's owner ends it with the session.
    pub async fn subscribe(&self, by: &Caller) -> Result<broadcast::Receiver<AlertChanged>, ComplianceError> {
        self.look(by, "alerts, as they come").await?;
        Ok(self.0.changes.subscribe())
    }

    /// What the week was, for who reviews it.
    pub async fn review(&self, by: &Caller, open_days_max: u32) -> Result<Review, ComplianceError> {
        self.look(by, "alerts, the week").await?;
        let alerts: Vec<_> = self.book().iter().cloned().collect();
        Ok(crate::review::review(&alerts, self.0.door.now_ms(), open_days_max))
    }

    /// Makes an alert the caller's. `is_over` takes it from somebody else.
    pub async fn take(&self, by: &Caller, id: AlertId, is_over: bool) -> Result<Arc<Alert>, ComplianceError> {
        let change = |alert: &Alert, at_ms| alert.taken(by.login(), by.user().0, is_over, at_ms);
        self.change(by, id, "taken", change).await
    }

    pub async fn close(
        &self,
        by: &Caller,
        id: AlertId,
        words: &str,
        outcome: OutcomeOfAlert,
    ) -> Result<Arc<Alert>, ComplianceError> {
        let change = |alert: &Alert, at_ms| alert.closed(by.login(), by.user().0, words, outcome, at_ms);
        self.change(by, id, &format!("closed, {}", outcome.word()), change).await
    }

    async fn change(
        &self,
        by: &Caller,
        id: AlertId,
        what: &str,
        change: impl Fn(&Alert, u64) -> Result<Alert, ComplianceError>,
    ) -> Result<Arc<Alert>, ComplianceError> {
        let door = &self.0.door;
        door.require(by, Action::ReviewAlerts, audit::Action::AlertChange).await?;
        let _pen = self.0.pen.lock().await;
        let subject = format!("alert {}: {what}", id.word());
        let next = match change(&*self.held(id)?, door.now_ms()) {
            Ok(next) => Arc::new(next),
            // Somebody tried to look away from themselves: that is told too.
            Err(refused @ ComplianceError::AboutOneself) => {
                door.note(audit::Action::AlertChange, by, &subject, Outcome::Denied { policy: "" }).await?;
                return Err(refused);
            }
            Err(refused) => return Err(refused),
        };
        door.note(audit::Action::AlertChange, by, &subject, Outcome::Success).await?;
        self.write(vec![put(&next)?]).await?;
        self.book().put(next.clone());
        self.tell(&next, false);
        Ok(next)
    }

    /// Takes what the rules found, with other entries that belong to the same step: all or nothing.
    pub(crate) async fn note(
        &self,
        findings: &[Finding],
        aggregate_ms: u64,
        mut beside: Vec<Change>,
    ) -> Result<(), ComplianceError> {
        let _pen = self.0.pen.lock().await;
        if findings.is_empty() {
            return self.write(beside).await;
        }
        let mut next = std::collections::BTreeMap::new();
        let mut ahead = self.book().clone();
        for finding in findings {
            match ahead.note(finding, aggregate_ms) {
                Noted::Opened(alert) => next.insert(alert.id, (alert, true)),
                Noted::Joined(alert) => {
                    let is_new = next.get(&alert.id).is_some_and(|(_, is_new)| *is_new);
                    next.insert(alert.id, (alert, is_new))
                }
                Noted::Known => None,
            };
        }
        for (alert, is_new) in next.values_mut() {
            let what = if *is_new { "opened" } else { "joined" };
            let subject = format!("alert {}: {what}, {}, {}", alert.id.word(), alert.rule.name(), alert.count);
            let noted = self.0.door.note_system(audit::Action::AlertChange, Some(&subject)).await;
            match noted {
                Ok(()) => {}
                // That the log takes nothing is what this alert says: it may not wait for the log. Its event is owed.
                Err(_) if alert.rule == crate::Rule::StalledAudit => {
                    let mut owed = Alert::clone(alert);
                    owed.is_audited = false;
                    *alert = Arc::new(owed);
                    ahead.put(alert.clone());
                }
                Err(error) => return Err(error),
            }
            beside.push(put(alert)?);
        }
        for id in ahead.surplus() {
            ahead.remove(&id);
            beside.push(Change::Remove { shelf: Shelf::Alert, key: id.0 });
        }
        self.write(beside).await?;
        *self.book() = ahead;
        next.values().for_each(|(alert, is_new)| self.tell(alert, *is_new));
        Ok(())
    }

    /// Writes the events that could not be written while the log took nothing.
    pub(crate) async fn pay_owed(&self) -> Result<(), ComplianceError> {
        let _pen = self.0.pen.lock().await;
        let owed: Vec<_> = self.book().iter().filter(|alert| !alert.is_audited).cloned().collect();
        for alert in owed {
            let subject = format!("alert {}: opened, {}, told late", alert.id.word(), alert.rule.name());
            self.0.door.note_system(audit::Action::AlertChange, Some(&subject)).await?;
            let paid = Arc::new(Alert { is_audited: true, ..Alert::clone(&alert) });
            self.write(vec![put(&paid)?]).await?;
            self.book().put(paid);
        }
        Ok(())
    }

    pub(crate) fn desk(&self) -> &Arc<Desk> {
        &self.0.desk
    }

    pub(crate) fn door(&self) -> &Door {
        &self.0.door
    }

    async fn look(&self, by: &Caller, what: &str) -> Result<(), ComplianceError> {
        self.0.door.require(by, Action::ReviewAlerts, audit::Action::AuditRead).await?;
        self.0.door.note(audit::Action::AuditRead, by, what, Outcome::Success).await
    }

    fn held(&self, id: AlertId) -> Result<Arc<Alert>, ComplianceError> {
        self.book().get(&id).cloned().ok_or(ComplianceError::NotFound)
    }

    async fn write(&self, changes: Vec<Change>) -> Result<(), ComplianceError> {
        let desk = self.0.desk.clone();
        blocking(move || Ok(desk.write(&changes)?)).await
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody listening is no error.
    fn tell(&self, alert: &Arc<Alert>, is_new: bool) {
        let _ = self.0.changes.send(AlertChanged { alert: alert.clone(), is_new });
    }
}

/// The desk blocks for the time of a flush.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ComplianceError> + Send + 'static,
) -> Result<T, ComplianceError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| ComplianceError::CutOff)?
}

fn put(alert: &Alert) -> Result<Change, ComplianceError> {
    let plain = serde_json::to_vec(alert).map_err(|_| ComplianceError::Damaged("alerts"))?;
    Ok(Change::Put { shelf: Shelf::Alert, key: alert.id.0, plain: Zeroizing::new(plain) })
}
