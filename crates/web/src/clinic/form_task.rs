//! A Task that asks a patient for a form (HL7 Structured Data Capture, `complete-questionnaire`): which form, how far it is, and the
//! answers to it.

use access::Labels;
use fhir::Json;
use record::{COMPLETE_QUESTIONNAIRE, SDC, TASK_OPEN, is_task_open};
use serde_json::{Value, json};

use super::ask::{Asking, Sheet};
use super::deed::{self, Author};
use super::form_labels::{labels_of, security};
use super::questionnaire::{Questionnaire, Unfit};
use super::read::{all, has_code, reference, text, version, words};
use crate::refusal::Refusal;

/// Open at once of one patient that a page lists.
pub const OPEN_MAX: &str = "20";
/// Of QuestionnaireResponse: the appointment that it was filled in for.
pub const OF_VISIT: &str = "urn:wardstone:fhir:of-visit";

pub struct FormTask {
    pub id: String,
    pub version: u32,
    pub title: String,
    pub status: String,
    pub patient: String,
    /// A day, as FHIR has it.
    pub asked: Option<String>,
    pub due: Option<String>,
    pub changed: Option<String>,
    /// Why it was called off.
    pub reason: Option<String>,
    /// The id of the QuestionnaireResponse.
    pub response: Option<String>,
    which: Option<Which>,
}

enum Which {
    Canonical(String),
    Id(String),
}

/// A form that a patient can be asked for.
pub struct Offered {
    pub id: String,
    pub title: String,
    pub labels: Labels,
    canonical: Option<String>,
    /// A patient can answer all of it by themselves.
    pub is_fillable: bool,
}

impl FormTask {
    /// None where it asks for something else.
    pub fn of(one: &Json<'_>) -> Option<Self> {
        let is_form = one.resource_type() == Some("Task")
            && one.get("code").is_some_and(|held| super::read::code(held, SDC) == Some(COMPLETE_QUESTIONNAIRE));
        let (_, patient) = one.get("for").and_then(reference).filter(|(kind, _)| *kind == "Patient" && is_form)?;
        let said = |name| text(one, name).map(str::to_owned);
        let due = one.get("restriction").and_then(|held| held.get("period")).and_then(|period| text(period, "end"));
        Some(Self {
            id: said("id")?,
            version: version(one),
            title: said("description").unwrap_or_else(|| "Form".to_owned()),
            status: said("status").unwrap_or_default(),
            patient: patient.to_owned(),
            asked: said("authoredOn"),
            due: due.map(str::to_owned),
            changed: said("lastModified"),
            reason: one.get("statusReason").and_then(words),
            response: response(one),
            which: which(one),
        })
    }

    pub fn is_open(&self) -> bool {
        is_task_open(&self.status)
    }

    pub fn is_done(&self) -> bool {
        self.status == "completed"
    }

    /// As a search has it.
    pub fn code() -> String {
        format!("{SDC}|{COMPLETE_QUESTIONNAIRE}")
    }

    /// Tasks that ask these patients, one or several ids, for a form. None for who never sees Tasks.
    pub async fn search(asking: &Asking<'_>, patients: &str, more: &[(&str, &str)]) -> Result<Sheet, Refusal> {
        let code = Self::code();
        let pairs = [&[("patient", patients), ("code", &code)], more].concat();
        asking.search_if_ever("Task", &pairs).await
    }

    /// Those of one patient that are still to be filled in, the oldest first.
    pub async fn open_of(asking: &Asking<'_>, patient_id: &str) -> Result<Vec<Self>, Refusal> {
        let oldest = [("status", TASK_OPEN), ("_sort", "authored-on"), ("_count", OPEN_MAX)];
        let sheet = Self::search(asking, patient_id, &oldest).await?;
        Ok(sheet.resources().iter().filter_map(Self::of).collect())
    }

    /// The form, as it is held. None where it is not there, or the Task names none.
    pub async fn form(&self, asking: &Asking<'_>) -> Result<Option<Json<'static>>, Refusal> {
        match &self.which {
            None => Ok(None),
            Some(Which::Id(id)) => match asking.read("Questionnaire", id).await {
                Ok(held) => Ok(Some(held.get().tree()?.into_owned())),
                Err(record::RecordError::NotFound | record::RecordError::Gone | record::RecordError::Denied(_)) => {
                    Ok(None)
                }
                Err(error) => Err(error.into()),
            },
            Some(Which::Canonical(canonical)) => named(asking, canonical).await,
        }
    }

    /// The same as questions, and how sensitive they are. None where a page of ours cannot ask them all that have to be asked.
    pub async fn asks(&self, asking: &Asking<'_>) -> Result<(Labels, Option<Questionnaire>), Refusal> {
        let Some(form) = self.form(asking).await? else { return Ok((Labels::NONE, None)) };
        let questions = Questionnaire::read(&form).map_err(say).ok();
        Ok((labels_of(&form), questions.filter(Questionnaire::is_fillable)))
    }
}

impl Offered {
    pub fn of(one: &Json<'_>) -> Option<Self> {
        let questions = Questionnaire::read(one).ok()?;
        let is_fillable = questions.is_fillable();
        Some(Self {
            id: text(one, "id")?.to_owned(),
            title: questions.title,
            labels: labels_of(one),
            canonical: questions.canonical,
            is_fillable,
        })
    }

    /// The Task that asks for it, as FHIR R4 with HL7 Structured Data Capture has it.
    pub fn task(&self, patient_id: &str, author: &Author, due: Option<&str>, token: &str) -> Value {
        let patient = json!({ "reference": format!("Patient/{patient_id}") });
        let mut task = json!({
            "resourceType": "Task",
            "identifier": deed::identifier(token, "form"),
            "status": "requested",
            "intent": "order",
            "priority": "routine",
            "code": { "coding": [{ "system": SDC, "code": COMPLETE_QUESTIONNAIRE, "display": "Complete Questionnaire" }] },
            "description": self.title,
            "for": patient,
            "authoredOn": author.now,
            "lastModified": author.now,
            "owner": patient,
            "input": [self.input()],
        });
        if !self.labels.is_empty() {
            task["meta"] = json!({ "security": security(self.labels) });
        }
        author.sign(&mut task, "requester");
        if let Some(due) = due {
            task["restriction"] = json!({ "period": { "end": due } });
        }
        task
    }

    /// What `which` reads.
    fn input(&self) -> Value {
        let kind = json!({ "coding": [{ "system": SDC, "code": "questionnaire" }] });
        match &self.canonical {
            Some(canonical) => json!({ "type": kind, "valueCanonical": canonical }),
            None => json!({ "type": kind, "valueReference": { "reference": format!("Questionnaire/{}", self.id) } }),
        }
    }
}

fn say(unfit: Unfit) {
    tracing::warn!(why = %unfit, "a form that is asked for cannot be shown");
}

/// The form behind `http://clinic.example/intake|2`.
pub async fn named(asking: &Asking<'_>, canonical: &str) -> Result<Option<Json<'static>>, Refusal> {
    let (url, version) = canonical.split_once('|').unwrap_or((canonical, ""));
    // What searches split at is none of an address that a form has.
    if url.contains([',', '$', '\\']) || version.contains([',', '$', '|', '\\']) {
        return Ok(None);
    }
    let second = if version.is_empty() { ("status", "active") } else { ("version", version) };
    let found = asking
        .search_if_ever("Questionnaire", &[("url", url), second, ("_sort", "-_lastUpdated"), ("_count", "1")])
        .await?;
    Ok(found.resources().into_iter().next().map(Json::into_owned))
}

fn which(one: &Json<'_>) -> Option<Which> {
    let inputs = all(one, "input");
    let is_form = |input: &&Json<'_>| has_code(input, "type", "questionnaire");
    let canonical = |input: &Json<'_>| {
        let said = text(input, "valueCanonical").or(text(input, "valueUri")).or(text(input, "valueUrl"));
        said.map(str::to_owned).map(Which::Canonical)
    };
    let by_id =
        |held: &Json<'_>| reference(held).filter(|(kind, _)| *kind == "Questionnaire").map(|(_, id)| id.to_owned());
    let of_input =
        |input: &Json<'_>| canonical(input).or_else(|| input.get("valueReference").and_then(by_id).map(Which::Id));
    inputs
        .iter()
        .filter(is_form)
        .find_map(of_input)
        .or_else(|| one.get("focus").and_then(by_id).map(Which::Id))
        .or_else(|| text(one, "instantiatesCanonical").map(|held| Which::Canonical(held.to_owned())))
}

fn response(one: &Json<'_>) -> Option<String> {
    let outputs = all(one, "output").iter().rev();
    let mut answers = outputs.filter_map(|output| output.get("valueReference").and_then(reference));
    answers.find(|(kind, _)| *kind == "QuestionnaireResponse").map(|(_, id)| id.to_owned())
}
