//! From a caller and what was done to the audit event that proves it.

use std::borrow::Cow;

use access::{Caller, Denial, View};
use audit::event::{Decided, Object, Outcome, Search, Whence, Who};
use audit::{Action, Event};
use store::{Backend, Evidence, Receipt};

use crate::head::Head;
use crate::{Record, RecordError, Refusal, tally};

/// The object of an event for one version, shown in one view.
pub fn object(head: &Head, view: View) -> Object {
    Object { row: head.row, chart: head.chart, version: head.version, type_code: head.type_code, part: view.id() }
}

/// What happened, to be completed by the caller's side.
pub struct Deed<'a> {
    pub action: Action,
    pub outcome: Outcome<'a>,
    pub objects: &'a [Object],
    pub search: Option<Search<'a>>,
    pub count: Option<u64>,
    /// What was decided to do it, those that came out as a denial too.
    pub decisions: &'a [Decided],
    /// Why the glass was broken.
    pub reason: Option<&'a str>,
    /// What the deed is about where rows do not say it.
    pub subject: Option<&'a str>,
}

impl<'a> Deed<'a> {
    pub fn of(action: Action, objects: &'a [Object]) -> Self {
        Self {
            action,
            outcome: Outcome::Success,
            objects,
            search: None,
            count: None,
            decisions: &[],
            reason: None,
            subject: None,
        }
    }
}

pub fn evidence(caller: &Caller, now_ms: i64, deed: &Deed<'_>) -> Result<Evidence, RecordError> {
    let mut request_id = [0; 32];
    let request_id = hex(caller.request_id(), &mut request_id);
    let session = decimal(caller.session());
    let device = caller.device().map(decimal);
    let role = caller.roles().iter().next().map_or("", |r| r.name());
    let who = Who { user: caller.login(), role, session: Some(&session), on_behalf_of: None };
    // INVARIANT: audit knows every code that access does; a test keeps the two lists equal.
    let purpose = audit::Purpose::parse(caller.purpose().name()).unwrap_or(audit::Purpose::Operations);
    let mut event = Event::new(now_ms.max(0) as u64, deed.action, purpose, who);
    event.outcome = deed.outcome;
    event.objects = Cow::Borrowed(deed.objects);
    event.search = deed.search;
    event.count = deed.count;
    event.decisions = Cow::Borrowed(deed.decisions);
    event.subject = deed.subject;
    event.break_glass = deed.reason.or(caller.facts().glass_broken.then_some(""));
    event.whence = Whence {
        address: Some(caller.network()),
        country: caller.country(),
        device: device.as_deref(),
        user_agent: (!caller.user_agent().is_empty()).then_some(caller.user_agent()),
        request_id: Some(request_id),
    };
    Ok(Evidence::of(&event)?)
}

impl<B: Backend> Record<B> {
    /// Makes the deed durable in the log: the receipt is the right to disclose.
    pub(crate) async fn attest(&self, caller: &Caller, deed: &Deed<'_>) -> Result<Receipt, RecordError> {
        Ok(self.0.store.record_event(evidence(caller, self.now_ms(), deed)?).await?)
    }

    /// Audits a denial and turns it into the error that the caller may see.
    pub(crate) async fn refuse(
        &self,
        caller: &Caller,
        action: Action,
        object: Option<Object>,
        denial: &Denial,
    ) -> RecordError {
        let policies = denial.policies().join(",");
        let policy = audit::event::clip(&policies, audit::event::TEXT_BYTES_MAX);
        let objects = object.as_slice();
        let decided = tally::once(Some(denial.key()), false);
        let outcome = Outcome::Denied { policy };
        let deed = Deed { outcome, decisions: decided.as_slice(), ..Deed::of(action, objects) };
        match self.attest(caller, &deed).await {
            Ok(_) => RecordError::Denied(Refusal::from(denial)),
            Err(error) => error,
        }
    }

    /// Audits an attempt that failed for another reason than a denial, with an HTTP-like code.
    pub(crate) async fn fail(
        &self,
        caller: &Caller,
        action: Action,
        object: Option<Object>,
        code: u32,
        error: RecordError,
    ) -> RecordError {
        let objects = object.as_slice();
        let deed = Deed { outcome: Outcome::Failed { code }, ..Deed::of(action, objects) };
        match self.attest(caller, &deed).await {
            Ok(_) => error,
            Err(unavailable) => unavailable,
        }
    }
}

fn decimal(number: u64) -> String {
    number.to_string()
}

fn hex(number: u128, out: &mut [u8; 32]) -> &str {
    for (i, slot) in out.iter_mut().enumerate() {
        *slot = b"0123456789abcdef"[(number >> (124 - 4 * i)) as usize & 15];
    }
    std::str::from_utf8(out).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_purpose_that_access_knows_is_recorded_as_itself() {
        for purpose in access::Purpose::ALL {
            let recorded = audit::Purpose::parse(purpose.name()).map(audit::Purpose::code);
            assert_eq!(recorded, Some(purpose.name()));
        }
    }
}
