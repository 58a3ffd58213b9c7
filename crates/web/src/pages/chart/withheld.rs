//! A chart that is not open: why, in words, and breaking the glass where policy offers it. For a named person, one chart, an hour,
//! with a reason, after a fresh verification; the privacy officer reviews it and the patient can see it.

use access::Action;
use http::StatusCode;
use identity::Session;
use record::RecordError;

use super::{Closed, Standing};
use crate::answer;
use crate::assets::Frame;
use crate::client::Asked;
use crate::clinic::ask::known;
use crate::clinic::banner::Banner;
use crate::clinic::shell::{Place, Shell};
use crate::clinic::ways::Ways;
use crate::pages::Answer;
use crate::pages::patients::asking;
use crate::refusal::Refusal;

/// What is offered to whoever stands before a closed chart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    Nothing,
    /// Policy lets this person break the glass, once it is certain that it is they.
    ConfirmFirst,
    BreakGlass,
}

pub async fn break_glass(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = asking(asked, &session)?;
    let patient_id = asked.ids[0];
    // Before the event, so that the log does not tell of a chart that was never opened.
    if !asking.caller.facts().mfa_fresh {
        return Ok(answer::see(&format!("/stepup?next=/patients/{patient_id}")));
    }
    let reason = form.text("reason");
    let error = match asking.record.break_glass(asking.caller, patient_id, reason).await {
        Ok(glass) => {
            asked.web.identity().grant_glass(&session, glass.chart, reason).await?;
            return Ok(answer::see(&format!("/patients/{patient_id}")));
        }
        Err(RecordError::Malformed(_)) => "Say in a few words why: ten letters at least. Nothing was opened.",
        Err(RecordError::TooMany { .. }) => "The reason is too long. Nothing was opened.",
        Err(error) => return Err(error.into()),
    };
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    page(asked, &session, None, Standing::Withheld, status, Some(error.to_owned()), reason).await
}

pub async fn close_glass(asked: &Asked<'_>) -> Answer {
    let session = asked.writer(&asked.form()).await?;
    let asking = asking(asked, &session)?;
    let patient = asking.read("Patient", asked.ids[0]).await?;
    let outlook = asking.record.outlook(asking.caller, patient.get(), &[]).await.map_err(Refusal::from)?;
    asked.web.identity().close_glass(&session, outlook.chart).await?;
    Ok(answer::see("/patients"))
}

pub(super) async fn page(
    asked: &Asked<'_>,
    session: &Session,
    banner: Option<Banner>,
    standing: Standing,
    status: StatusCode,
    error: Option<String>,
    reason: &str,
) -> Answer {
    let page = Closed {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Patients),
        banner,
        patient_id: asked.ids[0],
        offer: offer(asked, session, standing)?,
        // Who sees no chart keeps who a patient is all the same; of a chart that is closed to its reader nothing is offered.
        ways: if standing == Standing::NotYours {
            Ways::of(asked, &asking(asked, session)?, false).await?
        } else {
            Ways::default()
        },
        standing,
        error,
        reason,
    };
    Ok(answer::page(status, &page))
}

/// Of the role, not of the chart: whether it may be broken the record decides when somebody does.
fn offer(asked: &Asked<'_>, session: &Session, standing: Standing) -> Result<Offer, Refusal> {
    let Some(caller) = session.caller.as_ref().filter(|_| standing == Standing::Withheld) else {
        return Ok(Offer::Nothing);
    };
    let policies = asked.web.record().policies();
    Ok(match policies.ever(caller, Action::BreakGlass, known("Patient")?) {
        Ok(()) => Offer::BreakGlass,
        Err(denial) if denial.wants_step_up() => Offer::ConfirmFirst,
        Err(_) => Offer::Nothing,
    })
}
