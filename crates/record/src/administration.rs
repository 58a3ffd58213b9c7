//! Acts of administration, decided here and carried out elsewhere: what accounts are tied to, broken glass, explanations.

use access::{Action, Caller, ChartNo, DecisionKey, Object, PackedKey, TypeRef};
use audit::Event;
use fhir::Json;
use store::{Backend, RowNo, Sqlite};

use crate::evidence::{Deed, object};
use crate::open::Current;
use crate::{Record, RecordError, ResourceKey, tally, types};

/// A reason has to say something, and to fit the audit record.
pub const REASON_CHARS_MIN: usize = 10;
pub const REASON_BYTES_MAX: usize = 2_000;
/// From the 12th birthday to the 18th, state laws give a minor privacy of their own.
const ADOLESCENT_FROM_YEARS: i32 = 12;
const ADOLESCENT_UNTIL_YEARS: i32 = 18;

/// The chart whose glass was broken, once that is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glass {
    pub chart: ChartNo,
    pub patient: RowNo,
}

/// A patient, for the account of the person or of a proxy. To be kept sealed: the times come from the birth date.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PatientLink {
    pub chart: ChartNo,
    pub row: RowNo,
    adolescent_ms: Option<(i64, i64)>,
}

/// A Practitioner, for the account of the person.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PractitionerLink {
    pub row: RowNo,
    /// As [`access::CallerParts::family`] holds it.
    pub family: Option<u64>,
}

/// Why the decisions behind one audit event came out as they did, on the policies in force now.
#[derive(Debug, PartialEq, Eq)]
pub struct Explained {
    /// The event's place in the log.
    pub event: u64,
    pub policy_version: u64,
    pub decisions: Vec<ExplainedDecision>,
}

/// Names of policies and attributes, never values.
#[derive(Debug, PartialEq, Eq)]
pub struct ExplainedDecision {
    pub action: &'static str,
    pub type_name: &'static str,
    /// Times it was made for the event.
    pub count: u32,
    pub allowed_then: bool,
    pub allowed_now: bool,
    /// The forbidding policies, or those that permit too little; empty where it is allowed or nothing permits.
    pub policies: Vec<String>,
    /// Any one of these, had it been otherwise, would have opened it.
    pub attributes: Vec<&'static str>,
}

impl PatientLink {
    /// Whether the patient is of an age at which a proxy sees less. An unknown birth date counts as such.
    pub fn is_adolescent(&self, time_ms: i64) -> bool {
        self.adolescent_ms.is_none_or(|(from, until)| from <= time_ms && time_ms < until)
    }
}

impl<B: Backend> Record<B> {
    /// Whether an act of administration may be done. A denial is audited as the act that was tried; who goes on writes the
    /// event of the act before it takes effect.
    pub async fn may(&self, caller: &Caller, action: Action, audited: audit::Action) -> Result<(), RecordError> {
        match self.policies().decide(caller, action, &Object::of(TypeRef::SYSTEM, None, None)) {
            Ok(_) => Ok(()),
            Err(denial) => Err(self.refuse(caller, audited, None, &denial).await),
        }
    }

    /// Breaks the glass of one chart, for a reason. The event is durable when this answers; what opens the chart, and for
    /// how long, is the grant that identity then keeps.
    pub async fn break_glass(&self, caller: &Caller, patient_id: &str, reason: &str) -> Result<Glass, RecordError> {
        let audited = audit::Action::BreakGlass;
        let key = ResourceKey::parse("Patient", patient_id).ok_or(RecordError::NotFound)?;
        let Some(Current { head, .. }) = self.find(&key).await? else {
            return Err(self.absent(caller, Action::BreakGlass, audited, &key).await);
        };
        let permit = match self.judge(caller, Action::BreakGlass, &head, &head).await? {
            Ok(permit) => permit,
            Err(denial) => return Err(self.denied(caller, audited, &head, &denial).await),
        };
        let objects = [object(&head, access::View::FULL)];
        if head.deleted() {
            return Err(self.fail(caller, audited, Some(objects[0]), 410, RecordError::Gone).await);
        }
        let reason = match reasonable(reason, REASON_BYTES_MAX) {
            Ok(reason) => reason,
            Err(error) => return Err(self.fail(caller, audited, Some(objects[0]), 422, error).await),
        };
        let decided = tally::once(permit.key(), true);
        let deed = Deed { decisions: decided.as_slice(), reason: Some(reason), ..Deed::of(audited, &objects) };
        self.attest(caller, &deed).await?;
        Ok(Glass { chart: ChartNo(head.chart), patient: head.row })
    }

    /// The chart of a patient, for who manages accounts. Audited as work on an account that names the patient.
    pub async fn patient_link(&self, caller: &Caller, patient_id: &str) -> Result<PatientLink, RecordError> {
        let (head, json) = self.linked(caller, Action::ManageAccounts, "Patient", patient_id).await?;
        let patient = Json::parse(&json).map_err(|_| RecordError::Damaged)?;
        let adolescent_ms = patient.get("birthDate").and_then(Json::as_str).and_then(adolescence);
        Ok(PatientLink { chart: ChartNo(head.chart), row: head.row, adolescent_ms })
    }

    /// Whether policy ever lets somebody activate patients.
    pub fn may_activate(&self, caller: &Caller) -> bool {
        self.policies().decide(caller, Action::ActivatePatients, &Object::of(TypeRef::SYSTEM, None, None)).is_ok()
    }

    /// The chart that a patient's own account opens, for who activates patients.
    pub async fn own_chart_link(&self, caller: &Caller, patient_id: &str) -> Result<ChartNo, RecordError> {
        let (head, _) = self.linked(caller, Action::ActivatePatients, "Patient", patient_id).await?;
        Ok(ChartNo(head.chart))
    }

    /// The number of a patient's chart, for who reads the patient. Audited as that.
    pub async fn chart_number(&self, caller: &Caller, patient_id: &str) -> Result<ChartNo, RecordError> {
        let key = ResourceKey::parse("Patient", patient_id).ok_or(RecordError::NotFound)?;
        self.read(caller, &key).await?;
        Ok(ChartNo(self.chart_of_patient(patient_id).await?.ok_or(RecordError::NotFound)?))
    }

    /// The row of a Practitioner, for who manages accounts.
    pub async fn practitioner_link(&self, caller: &Caller, id: &str) -> Result<PractitionerLink, RecordError> {
        let (head, json) = self.linked(caller, Action::ManageAccounts, "Practitioner", id).await?;
        let person = Json::parse(&json).map_err(|_| RecordError::Damaged)?;
        let names = person.get("name").map_or(&[][..], Json::items);
        let family = names.iter().find_map(|name| name.get("family")?.as_str()).map(|family| self.family(family));
        Ok(PractitionerLink { row: head.row, family })
    }

    async fn linked(
        &self,
        caller: &Caller,
        action: Action,
        type_name: &str,
        id: &str,
    ) -> Result<(std::sync::Arc<crate::head::Head>, Vec<u8>), RecordError> {
        let audited = audit::Action::AccountChange;
        self.may(caller, action, audited).await?;
        let current = match ResourceKey::parse(type_name, id) {
            Some(key) => self.find(&key).await?.filter(|current| !current.head.deleted()),
            None => None,
        };
        let Some(Current { head, .. }) = current else {
            return Err(self.fail(caller, audited, None, 404, RecordError::NotFound).await);
        };
        let objects = [object(&head, access::View::FULL)];
        self.attest(caller, &Deed { subject: Some("link"), ..Deed::of(audited, &objects) }).await?;
        let json = self.opened(&head).await?;
        Ok((head, json))
    }
}

impl Record<Sqlite> {
    /// Asks each decision behind an audit event again, of the policies in force, and says what it hangs on.
    pub async fn explain(&self, caller: &Caller, event_id: &str) -> Result<Explained, RecordError> {
        let audited = audit::Action::Explain;
        self.may(caller, Action::Explain, audited).await?;
        let index = event_id.split('-').next().unwrap_or_default().parse::<u64>().ok();
        let entry = match index {
            Some(index) => self.0.store.log_reader().get(index).map_err(|_| RecordError::Damaged)?,
            None => None,
        };
        let Some((index, detail)) = entry.and_then(|entry| Some((entry.index, entry.detail?))) else {
            return Err(self.fail(caller, audited, None, 404, RecordError::NotFound).await);
        };
        let event = Event::decode(&detail)?;
        let policies = self.policies();
        let mut decisions = Vec::with_capacity(event.decisions.len());
        for decided in event.decisions.iter() {
            let Some(key) = DecisionKey::unpack(PackedKey(decided.key), kind) else { continue };
            let denial = policies.decide_key(&key).err();
            let because = denial.as_ref().map(access::Denial::explain);
            let (named, attributes) = because.map_or_else(Default::default, |why| (why.policies, why.attributes));
            decisions.push(ExplainedDecision {
                action: key.action.name(),
                type_name: key.kind.name,
                count: decided.count,
                allowed_then: decided.allowed,
                allowed_now: denial.is_none(),
                policies: named,
                attributes,
            });
            tokio::task::yield_now().await;
        }
        let subject = format!("event {index}");
        self.attest(caller, &Deed { subject: Some(&subject), ..Deed::of(audited, &[]) }).await?;
        Ok(Explained { event: index, policy_version: policies.version(), decisions })
    }
}

/// A reason as it is kept: trimmed, long enough to say something, short enough to keep.
pub(crate) fn reasonable(reason: &str, bytes_max: usize) -> Result<&str, RecordError> {
    let reason = reason.trim();
    if reason.chars().filter(|c| c.is_alphanumeric()).count() < REASON_CHARS_MIN {
        return Err(RecordError::Malformed("the reason has to say something: ten letters at least"));
    }
    if reason.len() > bytes_max {
        return Err(RecordError::TooMany { what: "bytes of a reason", limit: bytes_max });
    }
    Ok(reason)
}

/// The type of a code as decision keys hold it.
pub fn kind(code: u16) -> Option<TypeRef> {
    match code == TypeRef::SYSTEM.code {
        true => Some(TypeRef::SYSTEM),
        false => Some(types::reference(code)).filter(|kind| types::parse(kind.name).is_some()),
    }
}

/// The times of the 12th and the 18th birthday. A date without day or month begins early and ends late.
fn adolescence(birth_date: &str) -> Option<(i64, i64)> {
    let year: i32 = birth_date.get(..4)?.parse().ok()?;
    let at = |years: i32| {
        let rest = match birth_date.get(4..)? {
            "-02-29" => "-03-01",
            rest => rest,
        };
        fhir::search::date_span_ms(&format!("{:04}{rest}", year + years))
    };
    Some((
        at(ADOLESCENT_FROM_YEARS)?.0,
        at(ADOLESCENT_UNTIL_YEARS).map(|(low, high)| if birth_date.len() == 10 { low } else { high })?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adolescence_is_from_the_twelfth_birthday_to_the_eighteenth() {
        let day = |text: &str| fhir::search::date_span_ms(text).map(|(low, _)| low);
        let span = adolescence("2010-06-15");
        assert_eq!(span.map(|s| s.0), day("2022-06-15"));
        assert_eq!(span.map(|s| s.1), day("2028-06-15"));
        assert_eq!(adolescence("2008-02-29").map(|s| s.1), day("2026-03-01"));
        assert_eq!(adolescence("2010").map(|s| s.1), day("2029"));
    }

    #[test]
    fn a_reason_has_to_say_something() {
        for reason in ["", "          ", "..........", "short", "a b c d e f"] {
            assert!(reasonable(reason, 100).is_err(), "{reason}");
        }
        assert_eq!(reasonable("  unconscious in the waiting room ", 100).ok(), Some("unconscious in the waiting room"));
        assert!(reasonable(&"long ".repeat(50), 100).is_err());
    }
}
