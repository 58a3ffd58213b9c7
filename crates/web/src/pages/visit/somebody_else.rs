//! Whoever came to a visit was not the patient, says the clinician who sees them: the visit ends at once, and nothing that they said, sent
//! or made is the patient's. Each step is taken whatever became of the one before.

use fhir::Json;
use identity::{Session, VisitPatient};
use serde_json::json;
use telehealth::signal::Role;
use telehealth::status::EndReason;

use super::about_forms::sent_lately;
use super::guest::refused;
use super::host::{Room, hosting};
use crate::client::Asked;
use crate::clinic::deed::{self, Deed, Done};
use crate::clinic::form_task::OF_VISIT;
use crate::clinic::read::{all, extension, reference};
use crate::refusal::Refusal;

pub(super) async fn put_out(asked: &Asked<'_>, session: &Session, room: &Room) -> Result<(), Refusal> {
    let visit = room.visit.id.as_str();
    asked.web.hall().close(visit, EndReason::Revoked);
    let links = close_links(asked, visit).await;
    let passkeys = void_passkeys(asked, session, visit).await;
    let sheet = asked.web.sheets().change(visit, telehealth::sheets::Sheet::somebody_else).map_err(super::unread);
    let forms = disown_forms(asked, session, room).await;
    links.and(passkeys).and(sheet).and(forms)
}

/// Interpreters and family are who they are.
async fn close_links(asked: &Asked<'_>, visit: &str) -> Result<(), Refusal> {
    let mut done = Ok(());
    for link in asked.web.guests().of_visit(visit).map_err(refused)? {
        if !link.is_revoked && link.purpose.is_visited() {
            done = done.and(asked.web.guests().revoke(visit, &link.name).await.map(drop).map_err(refused));
        }
    }
    done
}

/// The passkeys that somebody else made in this visit are not the patient's, now or the next time.
async fn void_passkeys(asked: &Asked<'_>, session: &Session, visit: &str) -> Result<(), Refusal> {
    let sheet = asked.web.sheets().of(visit).map_err(super::unread)?;
    let (Some(held), Some(caller)) = (sheet.patient, session.caller.as_ref()) else { return Ok(()) };
    let mut done = Ok(());
    for made in sheet.enrolled {
        let patient = VisitPatient { id: &held.id, chart: held.chart, is_proxy: made.role == Role::Proxy };
        let voided = asked.web.identity().void_visit_passkey(caller, patient, made.at_ms, &asked.from).await;
        done = done.and(voided.map_err(Refusal::from));
    }
    done
}

/// What they filled in is marked as entered in error, and asked for again.
async fn disown_forms(asked: &Asked<'_>, session: &Session, room: &Room) -> Result<(), Refusal> {
    let (asking, Some(person)) = (hosting(asked, session)?, &room.visit.patient) else { return Ok(()) };
    let mut done = Ok(());
    for sent in sent_lately(&asking, &person.id).await? {
        let Some(response_id) = sent.response.as_deref() else { continue };
        let mut response = deed::held(&asking, "QuestionnaireResponse", response_id, &person.id).await?;
        let of_visit = extension(&response, OF_VISIT, "valueReference").and_then(reference);
        if of_visit != Some(("Appointment", room.visit.id.as_str())) {
            continue;
        }
        let mut task = deed::held(&asking, "Task", &sent.id, &person.id).await?;
        let is_other = |output: &&Json<'static>| {
            output.get("valueReference").and_then(reference) != Some(("QuestionnaireResponse", response_id))
        };
        let others: Vec<Json<'static>> = all(&task, "output").iter().filter(is_other).cloned().collect();
        deed::remove(&mut task, "output");
        if let Some(members) = task.as_object_mut().filter(|_| !others.is_empty()) {
            members.set("output", Json::Array(others));
        }
        deed::set(&mut task, "status", json!("requested"));
        deed::set(&mut response, "status", json!("entered-in-error"));
        let mut both = Deed::default();
        both.update(response)?;
        both.update(task)?;
        done = done.and(match both.commit(&asking).await {
            Ok(Done::Saved) => Ok(()),
            Ok(Done::Overtaken) => Err(Refusal::Invalid(
                "the visit has ended, but a form that they sent was changed at the same moment: mark it in the chart",
            )),
            Err(error) => Err(error),
        });
    }
    done
}
