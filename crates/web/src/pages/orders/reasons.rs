//! What an order can be for: a problem of the list, or a diagnosis of the visit, also while it stands in a note that is not signed.

use fhir::Json;

use super::compose::{named, problems};
use crate::clinic::ask::Asking;
use crate::clinic::diagnoses::Diagnosis;
use crate::clinic::moves::object;
use crate::clinic::note::Content;
use crate::clinic::read::{all, any_code, at, reference, text};
use crate::clinic::visit;
use crate::refusal::Refusal;

/// Before what stands for a diagnosis that is no resource yet. No id of a resource has such a sign.
const OF_NOTE: &str = "note:";
const DIAGNOSES_MAX: &str = "50";

/// Resources, or diagnoses in the shape of one: an id and a code.
#[derive(Default)]
pub struct Reasons {
    problems: Vec<Json<'static>>,
    visit: Vec<Json<'static>>,
}

impl Reasons {
    /// With what a draft names already.
    pub async fn of(asking: &Asking<'_>, patient_id: &str, order: Option<&Json<'_>>) -> Result<Self, Refusal> {
        let mut reasons = Self { problems: problems(asking, patient_id).await?, visit: Vec::new() };
        for one in noted(asking, patient_id).await? {
            reasons.offer(one);
        }
        if let Some(encounter) = visit::encounter(asking, patient_id).await? {
            let of = [("encounter", &*encounter), ("category", "encounter-diagnosis"), ("_count", DIAGNOSES_MAX)];
            reasons.search(asking, patient_id, &of).await?;
        }
        let own = order.and_then(|order| at(order, &["reasonReference"])).and_then(reference);
        if let Some(("Condition", id)) = own
            && !reasons.all().any(|one| text(one, "id") == Some(id))
        {
            reasons.search(asking, patient_id, &[("_id", id), ("category", "encounter-diagnosis")]).await?;
        }
        if let Some(coded) = order.and_then(unreferenced) {
            reasons.offer(coded);
        }
        Ok(reasons)
    }

    async fn search(&mut self, asking: &Asking<'_>, patient_id: &str, by: &[(&str, &str)]) -> Result<(), Refusal> {
        let pairs: Vec<_> = [("patient", patient_id)].into_iter().chain(by.iter().copied()).collect();
        let found = asking.search_if_ever("Condition", &pairs).await?;
        let refuted = |one: &Json<'_>| {
            one.get("verificationStatus")
                .and_then(any_code)
                .is_some_and(|code| matches!(code, "refuted" | "entered-in-error"))
        };
        // An order is open to the patient: what is kept from them is named on none.
        let is_kept = |one: &Json<'_>| one.get("meta").is_some_and(|meta| has_coding(meta, "NOPAT"));
        found
            .resources()
            .into_iter()
            .filter(|one| !refuted(one) && !is_kept(one))
            .for_each(|one| self.offer(one.into_owned()));
        Ok(())
    }

    /// What is there already is not offered twice.
    fn offer(&mut self, new: Json<'static>) {
        let Some(said) = Diagnosis::of(&new) else { return };
        let is_there = { self.all() }.filter_map(Diagnosis::of).any(|one| one.is_same(&said));
        if !is_there {
            self.visit.push(new);
        }
    }

    fn all(&self) -> impl Iterator<Item = &Json<'static>> {
        self.problems.iter().chain(&self.visit)
    }

    pub fn find(&self, id: &str) -> Option<&Json<'static>> {
        self.all().find(|one| text(one, "id") == Some(id))
    }

    pub fn listed(&self) -> Vec<(String, String)> {
        named(&self.problems)
    }

    pub fn of_visit(&self) -> Vec<(String, String)> {
        named(&self.visit)
    }
}

/// The diagnoses of the note that the caller is writing now, unless the note is kept from the patient.
async fn noted(asking: &Asking<'_>, patient_id: &str) -> Result<Vec<Json<'static>>, Refusal> {
    let Some(head) = visit::writing_now(asking, patient_id).await? else { return Ok(Vec::new()) };
    let draft = asking.record.open_draft(asking.caller, &head.patient_id, &head.id).await?.into_inner();
    let content = Content::read(&draft.current.text);
    if !content.keep.is_empty() {
        return Ok(Vec::new());
    }
    Ok(content
        .diagnoses()
        .iter()
        .filter_map(|one| reason(value(&one.system, &one.code, &one.words), &one.concept()))
        .collect())
}

fn reason(id: String, concept: &serde_json::Value) -> Option<Json<'static>> {
    let code = Json::parse_str(&concept.to_string()).ok()?.into_owned();
    Some(object([("id", Json::string(id)), ("code", code)]))
}

/// How a form names it: it has no id of its own, and its place in the note may change.
fn value(system: &str, code: &str, words: &str) -> String {
    if code.is_empty() { format!("{OF_NOTE}{words}") } else { format!("{OF_NOTE}{system}|{code}") }
}

/// The coded reason of a draft that refers to nothing.
fn unreferenced(order: &Json<'_>) -> Option<Json<'static>> {
    let concept = at(order, &["reasonCode"])?;
    let id = of_code(order)?;
    Some(object([("id", Json::string(id)), ("code", concept.clone().into_owned())]))
}

/// What a form names the reason of a draft by, if it is a code and refers to nothing.
pub fn of_code(order: &Json<'_>) -> Option<String> {
    if order.get("reasonReference").is_some() {
        return None;
    }
    let concept = at(order, &["reasonCode"])?;
    let coding = all(concept, "coding").first()?;
    Some(value(text(coding, "system").unwrap_or_default(), text(coding, "code")?, ""))
}

fn has_coding(meta: &Json<'_>, code: &str) -> bool {
    all(meta, "security").iter().any(|coding| text(coding, "code") == Some(code))
}
