//! Passkeys for visits, to see and to remove: by a patient on their own page, and by who gives patients their access. What a passkey that is
//! gone vouched for in a room holds no longer.

use http::StatusCode;
use identity::{IdentityError, Session, VisitPasskeyView, VisitPatient};
use telehealth::signal::Role;

use super::{Answer, unread};
use crate::answer;
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::day;
use crate::clinic::read::text;
use crate::pages::activate;
use crate::refusal::Refusal;

/// One, on a page.
pub struct KeptPasskey {
    pub id: String,
    pub made: String,
    pub used: String,
    /// Of who stands for the patient.
    pub is_proxy: bool,
}

/// Of the patient that is signed in, and nobody else's.
pub async fn own(asked: &Asked<'_>, session: &Session) -> Result<Vec<KeptPasskey>, Refusal> {
    let Some((id, chart)) = patient_of(asked, session).await? else { return Ok(Vec::new()) };
    listed(asked, VisitPatient { id: &id, chart, is_proxy: false })
}

/// Of one patient and of who stands for them.
pub fn of_patient(asked: &Asked<'_>, id: &str, chart: u64) -> Result<Vec<KeptPasskey>, Refusal> {
    let mut all = Vec::new();
    for is_proxy in [false, true] {
        all.extend(listed(asked, VisitPatient { id, chart, is_proxy })?);
    }
    Ok(all)
}

pub async fn remove_own(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let Some((id, chart)) = patient_of(asked, &session).await? else { return Err(Refusal::NotYours) };
    let patient = VisitPatient { id: &id, chart, is_proxy: false };
    match asked.web.identity().remove_own_visit_passkey(&session, patient, form.text("id"), &asked.from).await {
        Err(IdentityError::StepUp) => return Ok(answer::see("/stepup?next=/me")),
        removed => removed?,
    }
    tell_rooms(asked, &id, Role::Patient)?;
    Ok(answer::see("/me"))
}

/// By staff, with a reason.
pub async fn remove(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = activate::activating(asked, &session)?;
    let id = asked.ids[0];
    let chart = asking.record.own_chart_link(asking.caller, id).await?.0;
    let is_proxy = form.text("of") == "proxy";
    let patient = VisitPatient { id, chart, is_proxy };
    let (named, reason) = (form.text("id"), form.text("reason"));
    match asked.web.identity().take_visit_passkey(asking.caller, patient, named, reason, &asked.from).await {
        Ok(()) => {}
        Err(IdentityError::StepUp) => return Ok(answer::see(&format!("/stepup?next=/patients/{id}/access"))),
        Err(IdentityError::Invalid(_)) => {
            let slips = vec![("reason", "Say in ten to 500 letters why the passkey is removed.".to_owned())];
            return activate::shown(asked, &session, &asking, ["", ""], slips, StatusCode::UNPROCESSABLE_ENTITY).await;
        }
        Err(error) => return Err(error.into()),
    }
    tell_rooms(asked, id, if is_proxy { Role::Proxy } else { Role::Patient })?;
    Ok(answer::see(&format!("/patients/{id}/access")))
}

/// In each room where it stood for them: whoever was let in by it waits again, and proves anew or is let in with a reason.
fn tell_rooms(asked: &Asked<'_>, patient: &str, role: Role) -> Result<(), Refusal> {
    for visit in asked.web.hall().visits() {
        let sheet = asked.web.sheets().of(&visit).map_err(unread)?;
        // What an account vouched for is another passkey's.
        let is_theirs = sheet.patient.as_ref().is_some_and(|held| held.id == patient);
        let is_by_it = sheet.signed.iter().any(|signed| signed.role == role && !signed.of_account);
        if is_theirs && is_by_it {
            unvouch(asked, &visit, role)?;
        }
    }
    Ok(())
}

pub(super) fn unvouch(asked: &Asked<'_>, visit: &str, role: Role) -> Result<(), Refusal> {
    asked.web.hall().unvouch(visit, role);
    asked.web.sheets().change(visit, |sheet| sheet.unsign(role)).map_err(unread)
}

fn listed(asked: &Asked<'_>, patient: VisitPatient<'_>) -> Result<Vec<KeptPasskey>, Refusal> {
    let time = |ms| day::moment(ms, asked.web.zone());
    let shown = |one: VisitPasskeyView| KeptPasskey {
        id: one.id,
        made: time(one.made_ms),
        used: one.used_ms.map_or_else(|| "not yet".to_owned(), time),
        is_proxy: patient.is_proxy,
    };
    Ok(asked.web.identity().visit_passkeys(patient)?.into_iter().map(shown).collect())
}

/// Who is signed in as a patient, by the record's id and the chart's number.
async fn patient_of(asked: &Asked<'_>, session: &Session) -> Result<Option<(String, u64)>, Refusal> {
    let Some(caller) = session.caller.as_ref() else { return Ok(None) };
    let Some(own) = caller.own_chart() else { return Ok(None) };
    let asking = Asking { record: asked.web.record(), caller };
    let sheet = asking.search_if_ever("Patient", &[]).await?;
    for one in sheet.resources() {
        let Some(id) = text(&one, "id").filter(|_| one.resource_type() == Some("Patient")) else { continue };
        // Who stands for others sees them too.
        if asking.record.chart_number(caller, id).await?.0 == own.0 {
            return Ok(Some((id.to_owned(), own.0)));
        }
    }
    Ok(None)
}
