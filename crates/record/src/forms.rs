//! What a patient answers: a form that the clinic asked for in a Task (HL7 Structured Data Capture). The response and that the Task is
//! done are one transaction, from the version of the Task that was seen on; nothing else of either can be written through this door.

use access::{Action, Caller};
use fhir::Json;
use fhir::build::{concept, object, reference, text};
use store::Backend;

use crate::open::instant;
use crate::prepare::Prepared;
use crate::request::{Preconditions, ResourceKey};
use crate::write::{Change, Newcomers};
use crate::{Record, RecordError, types};

/// HL7 Structured Data Capture: codes that are still to find a place of their own.
pub const SDC: &str = "http://hl7.org/fhir/uv/sdc/CodeSystem/temp";
pub const COMPLETE_QUESTIONNAIRE: &str = "complete-questionnaire";
const QUESTIONNAIRE_RESPONSE: &str = "questionnaire-response";
/// Times it is prepared again when another write came first.
const ATTEMPTS_MAX: usize = 8;
/// Statuses of a Task that is still to be done, as a search takes them.
pub const TASK_OPEN: &str = "requested,received,accepted,ready,in-progress,on-hold";

impl<B: Backend> Record<B> {
    /// Files a QuestionnaireResponse of the patient whom the Task is for, and completes the Task with it. The id of the response.
    /// A Task that has changed since `seen` is [`RecordError::PreconditionFailed`], and nothing is written.
    pub async fn answer_form(
        &self,
        caller: &Caller,
        task_id: &str,
        seen: u32,
        response: &[u8],
    ) -> Result<String, RecordError> {
        let audited = audit::Action::Transaction;
        for kind in ["Task", "QuestionnaireResponse"] {
            let kind = types::parse(kind).ok_or(RecordError::Damaged)?;
            if let Err(denial) = self.policies().ever(caller, Action::Answer, kind) {
                return Err(self.refuse(caller, audited, None, &denial).await);
            }
        }
        for _ in 0..ATTEMPTS_MAX {
            let (id, writes) = self.prepare_answer(caller, task_id, seen, response).await?;
            match self.commit_prepared(caller, writes).await {
                Err(RecordError::Conflict) => continue,
                Err(error) => return Err(error),
                Ok(()) => return Ok(id),
            }
        }
        Err(RecordError::Conflict)
    }

    async fn prepare_answer(
        &self,
        caller: &Caller,
        task_id: &str,
        seen: u32,
        response: &[u8],
    ) -> Result<(String, Vec<Prepared>), RecordError> {
        let audited = audit::Action::Update;
        let key = ResourceKey::parse("Task", task_id).ok_or(RecordError::NotFound)?;
        let Some(current) = self.find(&key).await? else {
            return Err(self.absent(caller, Action::Answer, audited, &key).await);
        };
        let head = &current.head;
        let permit = match self.judge(caller, Action::Answer, head, head).await? {
            Ok(permit) => permit,
            Err(denial) => return Err(self.denied(caller, audited, head, &denial).await),
        };
        let preconditions = Preconditions { if_match: Some(seen), ..Preconditions::default() };
        self.hold(caller, audited, &current, preconditions).await?;
        let held = self.open_version(&permit, head, &current.body.body).await?;
        let mut task = held.tree()?.into_owned();
        if head.deleted() || !is_open_form(&task) {
            return Err(RecordError::Malformed("the task is no form that is still to be filled in"));
        }

        let kind = types::parse("QuestionnaireResponse").ok_or(RecordError::Damaged)?;
        let mut newcomers = Newcomers::default();
        let checked = self.check(kind, Json::parse(response)?)?;
        let (row, id) = self.new_row(None)?;
        let to = self.destination(&checked, row, id.clone(), None, &mut newcomers).await?;
        if to.chart != head.chart {
            return Err(RecordError::Malformed("the response is not of the patient whom the task is for"));
        }
        let answer = self.prepare_at(caller, Action::Answer, audit::Action::Create, checked, to, None).await?;

        complete(&mut task, &id, &instant(self.now_ms()));
        let checked = self.check(types::reference(head.type_code), task)?;
        let change = Change { action: Action::Answer, audited, current: &current, preconditions };
        let done = self.prepare_update(caller, change, checked, &mut newcomers).await?;
        Ok((id, vec![answer, done]))
    }
}

/// Whether what has this status is still to be done.
pub fn is_task_open(status: &str) -> bool {
    TASK_OPEN.split(',').any(|open| open == status)
}

fn is_open_form(task: &Json<'_>) -> bool {
    let codings = task.get("code").and_then(|code| code.get("coding")).map_or(&[][..], Json::items);
    let said = |of: &Json<'_>, name: &str, wanted: &str| of.get(name).and_then(Json::as_str) == Some(wanted);
    let is_form =
        codings.iter().any(|coding| said(coding, "system", SDC) && said(coding, "code", COMPLETE_QUESTIONNAIRE));
    is_form && task.get("status").and_then(Json::as_str).is_some_and(is_task_open)
}

/// What else the Task says stays as it is.
fn complete(task: &mut Json<'static>, response_id: &str, now: &str) {
    let coding = object([("system", text(SDC)), ("code", text(QUESTIONNAIRE_RESPONSE))]);
    let response = reference(&format!("QuestionnaireResponse/{response_id}"));
    let output = object([("type", concept(coding)), ("valueReference", response)]);
    let Some(members) = task.as_object_mut() else { return };
    let mut outputs = match members.remove("output") {
        Some(Json::Array(held)) => held,
        _ => Vec::new(),
    };
    outputs.push(output);
    members.set("output", Json::Array(outputs));
    members.set("status", text("completed"));
    members.set("lastModified", text(now));
}
