//! Audit events of identity: who did what to whom, by opaque numbers and closed words.

use access::{Caller, RoleSet};
use audit::event::{Outcome, Whence, Who};
use audit::{Action, Event, Purpose};
use store::Evidence;

use crate::account::Profile;
use crate::{Connection, Identity, IdentityError};

/// Who acts, as far as it is known.
#[derive(Clone, Default)]
pub(crate) struct Actor {
    pub login: String,
    pub role: String,
    pub session: Option<u64>,
    pub device: Option<u64>,
    pub purpose: Option<Purpose>,
}

impl Actor {
    pub fn nobody() -> Self {
        Self::default()
    }

    pub fn caller(caller: &Caller) -> Self {
        Self {
            login: caller.login().to_owned(),
            role: first(caller.roles()),
            session: Some(caller.session()),
            device: caller.device(),
            purpose: Purpose::parse(caller.purpose().name()),
        }
    }

    pub fn person(profile: &Profile, now_ms: i64) -> Self {
        Self { login: profile.login.clone(), role: first(profile.roles(now_ms)), ..Self::default() }
    }

    pub fn operator(name: &str) -> Self {
        Self { login: name.to_owned(), role: "operator".into(), ..Self::default() }
    }

    pub fn in_session(self, session: u64, device: Option<u64>) -> Self {
        Self { session: Some(session), device, ..self }
    }
}

fn first(roles: RoleSet) -> String {
    roles.iter().next().map_or("", |role| role.name()).to_owned()
}

impl Identity {
    pub(crate) fn evidence(
        &self,
        action: Action,
        outcome: Outcome<'_>,
        actor: &Actor,
        from: &Connection<'_>,
        subject: &str,
    ) -> Result<Evidence, IdentityError> {
        let decimal = |number: Option<u64>| number.map(|number| number.to_string());
        let (session, device) = (decimal(actor.session), decimal(actor.device));
        let request_id = format!("{:032x}", from.request_id);
        let who = Who { user: clip(&actor.login), role: &actor.role, session: session.as_deref(), on_behalf_of: None };
        let purpose = actor.purpose.unwrap_or(Purpose::SystemAdministration);
        let mut event = Event::new(self.now_ms().max(0) as u64, action, purpose, who);
        event.outcome = outcome;
        event.subject = (!subject.is_empty()).then(|| clip(subject));
        event.whence = Whence {
            address: Some(from.address),
            country: (self.settings().country)(from.address),
            device: device.as_deref(),
            user_agent: (!from.user_agent.is_empty()).then(|| clip(from.user_agent)),
            request_id: Some(&request_id),
        };
        Ok(Evidence::of(&event)?)
    }

    /// Writes an event of something that changes nothing here: a failure, a denial, a step-up.
    pub(crate) async fn witness(
        &self,
        action: Action,
        outcome: Outcome<'_>,
        actor: &Actor,
        from: &Connection<'_>,
        subject: &str,
    ) -> Result<(), IdentityError> {
        let evidence = self.evidence(action, outcome, actor, from, subject)?;
        Ok(self.door().record(evidence).await?)
    }
}

fn clip(text: &str) -> &str {
    audit::event::clip(text, audit::event::TEXT_BYTES_MAX)
}
