//! The way to the audit log, to policy and to time: who may review, and the event that comes before every change.

use std::pin::Pin;
use std::sync::Arc;

use access::{Action, Caller, Object, Policies, TypeRef};
use audit::event::{Outcome, Whence, Who};
use audit::{Event, Purpose};
use store::{Backend, Evidence, StoreError};

use crate::ComplianceError;

/// Milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

type Recorded = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;

/// Makes an event durable in the log.
pub type Recorder = Arc<dyn Fn(Evidence) -> Recorded + Send + Sync>;

/// The policies in force now.
pub type InForce = Arc<dyn Fn() -> Policies + Send + Sync>;

#[derive(Clone)]
pub struct Door {
    pub record: Recorder,
    pub policies: InForce,
    pub clock: Clock,
}

/// The log of a store.
pub fn recorder<B: Backend>(store: Arc<B>) -> Recorder {
    Arc::new(move |evidence| {
        let store = store.clone();
        Box::pin(async move { store.record_event(evidence).await.map(|_receipt| ()) })
    })
}

impl Door {
    pub fn now_ms(&self) -> u64 {
        (self.clock)().max(0) as u64
    }

    /// Whether policy lets the caller do this; a denial is audited as one.
    pub async fn require(&self, by: &Caller, action: Action, audited: audit::Action) -> Result<(), ComplianceError> {
        let object = Object::of(TypeRef::SYSTEM, None, None);
        let denied = match (self.policies)().decide(by, action, &object) {
            Ok(_permit) => return Ok(()),
            Err(denial) => denial.policies().join(","),
        };
        let policy = audit::event::clip(&denied, audit::event::TEXT_BYTES_MAX);
        self.note(audited, by, action.name(), Outcome::Denied { policy }).await?;
        Err(ComplianceError::Denied)
    }

    /// An event of somebody.
    pub async fn note(
        &self,
        action: audit::Action,
        by: &Caller,
        subject: &str,
        outcome: Outcome<'_>,
    ) -> Result<(), ComplianceError> {
        let (session, request_id) = (by.session().to_string(), format!("{:032x}", by.request_id()));
        let device = by.device().map(|device| device.to_string());
        let role = by.roles().iter().next().map_or("", |role| role.name());
        let who = Who { user: by.login(), role, session: Some(&session), on_behalf_of: None };
        let purpose = Purpose::parse(by.purpose().name()).unwrap_or(Purpose::Compliance);
        let mut event = Event::new(self.now_ms(), action, purpose, who);
        event.whence = Whence {
            address: Some(by.network()),
            country: by.country(),
            device: device.as_deref(),
            user_agent: (!by.user_agent().is_empty()).then_some(by.user_agent()),
            request_id: Some(&request_id),
        };
        event.outcome = outcome;
        event.subject = Some(audit::event::clip(subject, audit::event::TEXT_BYTES_MAX));
        Ok((self.record)(Evidence::of(&event)?).await?)
    }

    /// An event of the system itself.
    pub async fn note_system(&self, action: audit::Action, subject: Option<&str>) -> Result<(), ComplianceError> {
        let who = Who { user: "system", role: "system", session: None, on_behalf_of: None };
        let mut event = Event::new(self.now_ms(), action, Purpose::Compliance, who);
        event.subject = subject.map(|subject| audit::event::clip(subject, audit::event::TEXT_BYTES_MAX));
        Ok((self.record)(Evidence::of(&event)?).await?)
    }
}
