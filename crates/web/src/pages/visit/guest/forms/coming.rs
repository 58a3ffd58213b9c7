//! Who came for the forms of a visit: the patient, or who stands for them, after the check of who they are; and which forms are theirs to know
//! of. The record decides.

use access::{Caller, Labels, ProxyGrant};
use identity::Visitor;
use record::RecordError;
use telehealth::drafts::Place;
use telehealth::guests::{GuestError, Visited};
use telehealth::sheets::{Patient, Sheet, Signed};
use telehealth::signal::Role;

use super::over;
use crate::answer;
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::form_labels::is_within;
use crate::clinic::form_task::FormTask;
use crate::clinic::questionnaire::Questionnaire;
use crate::pages::visit::guest::{REFUSED, kept, refused, turned};
use crate::pages::visit::{GUEST_PATH, unread, user_of};
use crate::refusal::Refusal;

const UNPROVEN: &str = "The clinic asks this in the visit. Forms of this visit open only once your passkey has said who you are, in the waiting room.";

/// Who came, as whom the record lets them ask and answer.
pub struct Coming {
    pub visited: Visited,
    pub patient: Patient,
    pub caller: Caller,
    /// Of the visit.
    pub start_ms: i64,
}

/// Why who came gets no form.
pub enum NotYet {
    /// Something comes before.
    Unknown(GuestError),
    Unproven,
}

impl NotYet {
    pub fn shown(self, asked: &Asked<'_>) -> http::Response<axum::body::Body> {
        match self {
            NotYet::Unknown(_) => answer::see(GUEST_PATH),
            NotYet::Unproven => over(asked, UNPROVEN, GUEST_PATH),
        }
    }

    pub fn refused(self) -> Refusal {
        match self {
            NotYet::Unknown(error) => refused(error),
            NotYet::Unproven => Refusal::Invalid(UNPROVEN),
        }
    }
}

/// What lets nobody into the call shows nobody a form: where the visit is of high risk, who came by a link proves who they are with a
/// passkey first, or the clinician says why they go on without. An account has factors of its own.
pub fn is_proven(sheet: &Sheet, visited: &Visited) -> bool {
    let role = if visited.is_proxy { Role::Proxy } else { Role::Patient };
    let is_theirs = |signed: &Signed| signed.role == role && signed.person == visited.person;
    let is_asked = visited.account.is_none() && sheet.settings(&visited.visit).high_risk;
    !is_asked || sheet.signed.iter().any(is_theirs)
}

/// Whether this browser came by a link and is known, or signed in: looked at before much of what it sends is read.
pub async fn has_come(asked: &Asked<'_>) -> bool {
    match kept(asked) {
        Some((link, binding)) => asked.web.guests().visited(&link, &binding).await.is_ok(),
        None => false,
    }
}

pub fn is_patients(error: &GuestError) -> bool {
    matches!(error, GuestError::Unchecked | GuestError::NotAgreed)
}

impl Coming {
    pub async fn of(asked: &Asked<'_>) -> Result<Result<Self, NotYet>, Refusal> {
        let (link, binding) = kept(asked).ok_or(Refusal::Invalid(REFUSED))?;
        let visited = match asked.web.guests().visited(&link, &binding).await {
            Ok(visited) => visited,
            Err(error) if is_patients(&error) => return Ok(Err(NotYet::Unknown(error))),
            Err(error) => return Err(turned(asked, error)),
        };
        let sheet = asked.web.sheets().of(&visited.visit).map_err(unread)?;
        if !is_proven(&sheet, &visited) {
            return Ok(Err(NotYet::Unproven));
        }
        Self::known(asked, sheet, visited).map(Ok)
    }

    pub fn known(asked: &Asked<'_>, sheet: Sheet, visited: Visited) -> Result<Self, Refusal> {
        let start_ms = sheet.slot.as_ref().map_or(0, |slot| slot.start_ms);
        let patient = sheet.patient.ok_or(Refusal::NotYours)?;
        let account = visited.account.as_deref();
        let user = account.map(|account| user_of(account).map(|user| user.0).ok_or(Refusal::Defect)).transpose()?;
        let visitor = Visitor { link: &visited.link, chart: patient.chart, is_proxy: visited.is_proxy, user };
        let caller = asked.web.identity().visitor(visitor, &asked.from).ok_or(Refusal::NotYours)?;
        Ok(Self { visited, patient, caller, start_ms })
    }

    pub fn asking<'a>(&'a self, asked: &'a Asked<'_>) -> Asking<'a> {
        Asking { record: asked.web.record(), caller: &self.caller }
    }

    /// Of what they type into a form.
    pub fn place<'p>(&'p self, task: &'p str) -> Place<'p> {
        Place { visit: &self.visited.visit, task, person: &self.visited.person }
    }

    /// A form of this patient; of another, or hidden from them, it is not there.
    pub async fn task(&self, asking: &Asking<'_>, id: &str) -> Result<FormTask, Refusal> {
        let held = asking.read("Task", id).await?;
        let json = held.get().tree()?;
        let task = FormTask::of(&json).ok_or(RecordError::NotFound)?;
        asking.whose(&json, &self.patient.id).await?;
        Ok(task)
    }

    /// What a form asks. Of what is not for them nothing is there, even where the Task that asks for it does not say how sensitive it is.
    pub async fn questions(&self, asking: &Asking<'_>, task: &FormTask) -> Result<Option<Questionnaire>, Refusal> {
        let (labels, questions) = task.asks(asking).await?;
        if self.may_know(labels) { Ok(questions) } else { Err(RecordError::NotFound.into()) }
    }

    /// What is still to be filled in, and whether it can be here.
    pub async fn open(&self, asking: &Asking<'_>) -> Result<Vec<(FormTask, bool)>, Refusal> {
        let mut open = Vec::new();
        for task in FormTask::open_of(asking, &self.patient.id).await? {
            let (labels, questions) = task.asks(asking).await?;
            if self.may_know(labels) {
                open.push((task, questions.is_some()));
            }
        }
        Ok(open)
    }

    fn may_know(&self, labels: Labels) -> bool {
        let opens = |grant: &ProxyGrant| grant.chart.0 == self.patient.chart && is_within(labels, grant);
        !self.visited.is_proxy || self.caller.proxies().iter().any(opens)
    }
}
