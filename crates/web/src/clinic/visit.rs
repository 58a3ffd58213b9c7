//! The visit in which somebody works now, and what was ordered and prescribed in it.

use fhir::Json;
use jiff::tz::TimeZone;

use super::ask::{Asking, Sheet};
use super::day::{self, Day};
use super::names::Names;
use super::orders::Order;
use super::read::text;
use crate::pages::{medicines_said, open_visit};
use crate::refusal::Refusal;

/// Who saved a note so lately is still writing it: what they order belongs to the visit of the note.
const WRITING_MS_MAX: i64 = 30 * 60_000;
const MADE_MAX: &str = "50";
/// Orders and prescriptions that hold, or wait for a signature.
const HOLDS: &str = "draft,active,on-hold,completed";

/// An order or a prescription.
pub struct Made {
    pub kind: &'static str,
    pub id: String,
    pub words: String,
    /// What the patient is to do for it.
    pub patient_note: String,
    pub is_draft: bool,
}

impl Made {
    pub fn address(&self, patient_id: &str) -> String {
        let place = if self.kind == "ServiceRequest" { "orders" } else { "prescriptions" };
        format!("/patients/{patient_id}/{place}/{}", self.id)
    }

    pub fn reference(&self) -> String {
        format!("{}/{}", self.kind, self.id)
    }

    pub fn said(&self) -> String {
        if self.is_draft { format!("{} (not signed)", self.words) } else { self.words.clone() }
    }
}

/// The encounter that what is made now belongs to: of the note that the caller is writing, else the one that is open.
pub async fn encounter(asking: &Asking<'_>, patient_id: &str) -> Result<Option<String>, Refusal> {
    match writing_now(asking, patient_id).await?.and_then(|note| note.encounter_id) {
        Some(encounter) => Ok(Some(encounter)),
        None => open_visit(asking, patient_id, asking.record.now_ms()).await,
    }
}

/// The note that the caller is at now, as far as can be told.
pub async fn writing_now(asking: &Asking<'_>, patient_id: &str) -> Result<Option<record::DraftHead>, Refusal> {
    let since_ms = asking.record.now_ms() - WRITING_MS_MAX;
    Ok(writing(asking, patient_id).await?.filter(|note| note.saved_ms > since_ms))
}

/// The caller's own unfinished note in a chart, the one saved last.
pub async fn writing(asking: &Asking<'_>, patient_id: &str) -> Result<Option<record::DraftHead>, Refusal> {
    if !asking.may_ever(access::Action::Create, "DocumentReference") {
        return Ok(None);
    }
    let drafts = asking.record.drafts(asking.caller).await?;
    let records = asking.record.records_of(patient_id).await?;
    Ok(drafts.into_iter().find(|draft| records.contains(&draft.patient_id) && draft.is_open))
}

/// What was ordered and prescribed in a visit; without one, what the caller ordered and prescribed today.
pub async fn made(
    asking: &Asking<'_>,
    patient_id: &str,
    encounter: Option<&str>,
    zone: &TimeZone,
) -> Result<Vec<Made>, Refusal> {
    let today = format!("ge{}", day::instant(Day::of(asking.record.now_ms(), zone).begins_ms()));
    let own = match encounter {
        Some(_) => None,
        None => asking.record.own_practitioner(asking.caller).await?.map(|id| format!("Practitioner/{id}")),
    };
    if encounter.is_none() && own.is_none() {
        return Ok(Vec::new());
    }
    let ask = async |kind: &str, since: &'static str| -> Result<Sheet, Refusal> {
        let mut pairs = vec![("patient", patient_id), ("status", HOLDS), ("_count", MADE_MAX)];
        match (encounter, &own) {
            (Some(encounter), _) => pairs.push(("encounter", encounter)),
            (None, Some(own)) => pairs.extend([("requester", own.as_str()), (since, today.as_str())]),
            _ => {}
        }
        asking.search_if_ever(kind, &pairs).await
    };
    let (orders, prescribed) =
        (ask("ServiceRequest", "authored").await?, ask("MedicationRequest", "authoredon").await?);
    let names = Names::of(asking, &[], [&orders, &prescribed].into_iter()).await?;
    let is_draft = |one: &Json<'_>| text(one, "status") == Some("draft");
    let mut made: Vec<Made> = Vec::new();
    for one in orders.resources() {
        let order = Order::of(&one, &names, zone);
        made.push(Made {
            kind: "ServiceRequest",
            words: order.name,
            patient_note: order.patient_note,
            is_draft: is_draft(&one),
            id: order.id,
        });
    }
    for one in prescribed.resources() {
        let words = medicines_said(std::slice::from_ref(&one), &names).pop().unwrap_or_default();
        let id = text(&one, "id").unwrap_or_default().to_owned();
        made.push(Made { kind: "MedicationRequest", id, words, patient_note: String::new(), is_draft: is_draft(&one) });
    }
    Ok(made)
}
