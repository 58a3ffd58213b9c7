//! What is open beside a call: the chart of its patient, and the note of this visit, begun or gone on with.

use identity::Session;

use super::Answer;
use super::host::{Room, hosting};
use crate::answer;
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::head::Head;
use crate::clinic::read::text;
use crate::clinic::visit::writing;
use crate::pages::documents::ABOUT;
use crate::refusal::Refusal;

/// The chart that a visit is about.
pub struct Chart {
    pub appointment: String,
    pub patient: String,
    /// Once the visit has begun.
    pub encounter: Option<String>,
}

impl Chart {
    /// For who hosts the visit.
    pub async fn of(asked: &Asked<'_>, asking: &Asking<'_>) -> Result<Self, Refusal> {
        let room = Room::of(asked, asking).await?;
        let patient = room.visit.patient.map(|patient| patient.id).ok_or(Refusal::NotYours)?;
        let booked = format!("Appointment/{}", room.visit.id);
        let pairs = [("patient", &*patient), ("appointment", &*booked), ("_sort", "-date"), ("_count", "1")];
        let found = asking.search_if_ever("Encounter", &pairs).await?;
        let encounter = found.resources().first().and_then(|one| text(one, "id")).map(str::to_owned);
        Ok(Self { appointment: room.visit.id, patient, encounter })
    }

    /// Also open to who hosts it: what goes into a chart goes through its door.
    pub async fn open(asked: &Asked<'_>, session: &Session, asking: &Asking<'_>) -> Result<Self, Refusal> {
        let chart = Self::of(asked, asking).await?;
        match Head::of(asked.web, session, asking, &chart.patient, ABOUT).await? {
            Some(_) => Ok(chart),
            None => Err(Refusal::Invalid("this chart is closed to you: open it beside the call, and save again")),
        }
    }
}

/// Leads to what the patient takes home of this visit, or to the note that it is made of.
pub async fn summary(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = hosting(asked, &session)?;
    let Chart { appointment, patient, encounter } = Chart::of(asked, &asking).await?;
    let Some(encounter) = encounter else { return Ok(answer::see(&format!("/appointments/{appointment}/visit/note"))) };
    let begun = writing(&asking, &patient).await?.filter(|note| note.encounter_id.as_deref() == Some(&*encounter));
    let of_visit = format!("Encounter/{encounter}");
    let pairs = [
        ("patient", &*patient),
        ("encounter", &of_visit),
        ("category", "clinical-note"),
        ("relation:not", "appends"),
        ("_sort", "-date"),
    ];
    let signed = asking.search_if_ever("DocumentReference", &pairs).await?;
    let signed = signed.resources().first().and_then(|one| text(one, "id")).map(str::to_owned);
    Ok(answer::see(&match begun.map(|note| note.id).or(signed) {
        Some(note) => format!("/patients/{patient}/notes/{note}/summary"),
        None => format!("/appointments/{appointment}/visit/note"),
    }))
}

/// Leads to the caller's unfinished note of this visit, or to a new one of it.
pub async fn note(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = hosting(asked, &session)?;
    let Chart { patient, encounter, .. } = Chart::of(asked, &asking).await?;
    let begun = writing(&asking, &patient).await?;
    let own = begun.filter(|note| encounter.is_none() || note.encounter_id == encounter);
    Ok(answer::see(&match (own, encounter) {
        (Some(note), _) => format!("/patients/{patient}/notes/{}", note.id),
        (None, Some(encounter)) => format!("/patients/{patient}/notes/new?encounter={encounter}"),
        (None, None) => format!("/patients/{patient}/notes/new"),
    }))
}
