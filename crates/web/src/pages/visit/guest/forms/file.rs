//! A form that is sent becomes a QuestionnaireResponse of the patient (FHIR R4), and the Task that asked for it is done: at once, and once.

use fhir::Json;
use record::RecordError;

use super::{Again, Became, Coming, no_longer};
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::day::instant;
use crate::clinic::form_task::{FormTask, OF_VISIT};
use crate::clinic::moves::object;
use crate::clinic::orders::write::{identifier, list, owned, refer};
use crate::clinic::questionnaire::{Checked, Questionnaire, items};
use crate::clinic::read::{all, text};
use crate::clinic::token;
use crate::refusal::Refusal;

pub(super) struct Filed<'a> {
    pub coming: &'a Coming,
    pub task: &'a FormTask,
    pub questions: &'a Questionnaire,
    pub checked: &'a Checked,
    /// Names the page that it was sent from.
    pub token: &'a str,
}

impl Filed<'_> {
    /// From the version of the Task that was seen on.
    pub async fn send(&self, asked: &Asked<'_>, asking: &Asking<'_>, seen: u32) -> Result<Became, Refusal> {
        let response = self.response(asked, asking).await?.to_vec();
        match asking.record.answer_form(asking.caller, &self.task.id, seen, &response).await {
            Ok(_) => Ok(Became::Sent),
            Err(error) if error.is_overtaken() => {
                let now = self.coming.task(asking, &self.task.id).await?;
                if self.was_sent(asking, &now).await? {
                    return Ok(Became::SentBefore);
                }
                Ok(match now.is_open() {
                    true => Became::Again(Again::Changed),
                    false => Became::Over(no_longer(&now)),
                })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// From this very page, with these very answers: pressed twice, it was sent once.
    pub async fn was_sent(&self, asking: &Asking<'_>, now: &FormTask) -> Result<bool, Refusal> {
        let Some(id) = now.response.as_deref().filter(|_| now.is_done()) else { return Ok(false) };
        let held = match asking.read("QuestionnaireResponse", id).await {
            Ok(held) => held,
            Err(RecordError::NotFound | RecordError::Gone | RecordError::Denied(_)) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let held = held.get().tree()?;
        let is_of_page = held.get("identifier").is_some_and(|one| text(one, "value") == Some(self.token));
        let said = Json::Array(all(&held, "item").to_vec()).to_vec();
        Ok(is_of_page && said == Json::Array(items(self.questions, self.checked)).to_vec())
    }

    async fn response(&self, asked: &Asked<'_>, asking: &Asking<'_>) -> Result<Json<'static>, Refusal> {
        let visited = &self.coming.visited;
        let patient = || refer(format!("Patient/{}", self.task.patient));
        // Who stands for the patient is nobody of the record; in which role they spoke is known all the same.
        let speaker = || match visited.is_proxy {
            true => object([
                ("type", Json::string("RelatedPerson")),
                ("display", Json::string("Who stands for the patient")),
            ]),
            false => patient(),
        };
        let visit = object([
            ("url", Json::string(OF_VISIT)),
            ("valueReference", refer(format!("Appointment/{}", visited.visit))),
        ]);
        let mut members = vec![("resourceType", Json::string("QuestionnaireResponse"))];
        members.extend(self.meta(asking).await?);
        members.extend([("extension", list([visit])), ("identifier", identifier(token::FORM_SYSTEM, self.token))]);
        members.extend(self.questions.canonical.as_deref().map(|canonical| ("questionnaire", owned(canonical))));
        members.extend([("status", Json::string("completed")), ("subject", patient())]);
        members
            .extend(encounter(asking, &visited.visit).await?.map(|id| ("encounter", refer(format!("Encounter/{id}")))));
        members.extend([
            ("authored", owned(&instant(asked.web.record().now_ms()))),
            ("author", speaker()),
            ("source", speaker()),
            ("item", Json::Array(items(self.questions, self.checked))),
        ]);
        Ok(object(members))
    }

    /// What the form, and each question that was answered, is about stands with the answers, so that they are as sensitive; and what the
    /// request for it is closed by.
    async fn meta(&self, asking: &Asking<'_>) -> Result<Option<(&'static str, Json<'static>)>, Refusal> {
        let flat = self.questions.flat();
        let answered = flat.iter().filter(|(item, _)| !self.checked.answers[item.number].is_empty());
        let codings = answered.flat_map(|(item, _)| &item.codings);
        let mut tags: Vec<Json<'static>> = Vec::new();
        for coding in self.questions.codings.iter().chain(codings) {
            if !tags.contains(coding) {
                tags.push(coding.clone());
            }
        }
        let held = asking.read("Task", &self.task.id).await?;
        let held = held.get().tree()?;
        let security = held.get("meta").and_then(|meta| meta.get("security")).map(|one| one.clone().into_owned());
        let mut meta = Vec::new();
        meta.extend(security.map(|security| ("security", security)));
        if !tags.is_empty() {
            meta.push(("tag", Json::Array(tags)));
        }
        Ok((!meta.is_empty()).then(|| ("meta", object(meta))))
    }
}

/// The encounter of the visit, where it has begun.
async fn encounter(asking: &Asking<'_>, visit: &str) -> Result<Option<String>, Refusal> {
    let found = asking
        .search_if_ever("Encounter", &[("appointment", &format!("Appointment/{visit}")), ("_count", "1")])
        .await?;
    Ok(found.resources().first().and_then(|one| text(one, "id")).map(str::to_owned))
}
