//! What a patient takes home of a visit, to be printed: why they came, what it is, what changed, what to do, and when to come again.

use askama::Template;
use fhir::Json;
use http::StatusCode;
use jiff::tz::TimeZone;
use record::RecordError;

use super::view::{Look, is_withheld};
use super::{Answer, address, asking};
use crate::answer;
use crate::assets::{Asset, Frame, ORDERS_CSS, PRINT};
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::banner::{Allergies, Banner};
use crate::clinic::day::{self, Day};
use crate::clinic::names::Names;
use crate::clinic::note::{Content, INSTRUCTIONS};
use crate::clinic::read::{all, at, reference, text, words_of};
use crate::clinic::shell::Shell;
use crate::clinic::visit::{Made, made};
use crate::clinic::{diagnoses, time};
use crate::pages::written;
use crate::refusal::Refusal;

#[derive(Template)]
#[template(path = "note_summary.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    style: &'static Asset,
    script: &'static Asset,
    banner: Banner,
    back: String,
    is_signed: bool,
    by: String,
    visited: String,
    /// Of a visit by video, from when to when.
    by_video: String,
    reason: String,
    diagnoses: Vec<String>,
    medicines: Vec<String>,
    orders: Vec<Made>,
    instructions: String,
    next: Option<Next>,
    today: String,
}

struct Next {
    when: String,
    with: String,
}

/// What a note says that goes home.
#[derive(Default)]
struct Said {
    diagnoses: Vec<String>,
    instructions: String,
    encounter: Option<String>,
    by: String,
    date: String,
    is_signed: bool,
    is_withheld: bool,
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let [patient_id, id] = asked.ids;
    let said = match asking.record.open_draft(asking.caller, patient_id, id).await {
        Ok(draft) => {
            let draft = draft.get();
            let content = Content::read(&draft.current.text);
            Said {
                diagnoses: content.diagnoses().into_iter().map(|one| one.words).collect(),
                instructions: content.instructions.trim().to_owned(),
                encounter: draft.head.encounter_id.clone(),
                by: session.display_name.clone(),
                is_withheld: !content.keep.is_empty(),
                ..Said::default()
            }
        }
        Err(RecordError::NotFound | RecordError::Denied(record::Refusal::Never)) => signed(asked, &asking).await?,
        Err(error) => return super::closed(patient_id, error),
    };
    // Nothing of what is kept from the patient goes home with them.
    if said.is_withheld {
        return Ok(answer::see(&address(patient_id, id)));
    }
    let look = Look::of(asked, &session, &asking).await?;
    let (zone, now_ms) = (asked.web.zone(), asking.record.now_ms());
    let visit = Visited::of(&asking, patient_id, said.encounter.as_deref(), zone).await?;
    // Without a visit nobody knows what else belongs to it.
    let mut made = match &said.encounter {
        Some(encounter) => made(&asking, patient_id, Some(encounter), zone).await?,
        None => Vec::new(),
    };
    made.retain(|one| !one.is_draft);
    let (orders, medicines): (Vec<Made>, Vec<Made>) = made.into_iter().partition(|one| one.kind == "ServiceRequest");
    let since = [visit.began, said.date].into_iter().find(|date| !date.is_empty());
    let page = Page {
        frame: Frame::of(asked.web),
        shell: look.shell(),
        style: &ORDERS_CSS,
        script: &PRINT,
        banner: look.banner(),
        back: address(patient_id, id),
        is_signed: said.is_signed,
        by: said.by,
        visited: since.map_or_else(|| Day::of(now_ms, zone).short(), |date| day::day_of(&date, zone)),
        by_video: visit.by_video,
        reason: visit.reason,
        diagnoses: said.diagnoses,
        medicines: medicines.into_iter().map(|one| one.words).collect(),
        orders,
        instructions: said.instructions,
        next: next(asked, &asking).await?,
        today: Day::of(now_ms, zone).short(),
    };
    Ok(answer::page(StatusCode::OK, &page))
}

async fn signed(asked: &Asked<'_>, asking: &Asking<'_>) -> Result<Said, Refusal> {
    let held = asking.read("DocumentReference", asked.ids[1]).await?;
    let note = held.get().tree()?;
    asking.whose(&note, asked.ids[0]).await?;
    let names = Names::of(asking, std::slice::from_ref(&note), std::iter::empty()).await?;
    let body = written(&note).unwrap_or_default();
    let encounter = at(&note, &["context", "encounter"]).and_then(reference).map(|(_, id)| id.to_owned());
    Ok(Said {
        diagnoses: diagnoses::of_note(&body),
        // The last part of a note.
        instructions: body
            .rsplit_once(&format!("{INSTRUCTIONS}: "))
            .map_or_else(String::new, |(_, said)| said.to_owned()),
        encounter,
        by: names.first(&note, "author").unwrap_or_default(),
        date: text(&note, "date").unwrap_or_default().to_owned(),
        is_signed: true,
        is_withheld: is_withheld(&note),
    })
}

/// Why they came, and when.
#[derive(Default)]
struct Visited {
    reason: String,
    began: String,
    by_video: String,
}

impl Visited {
    async fn of(
        asking: &Asking<'_>,
        patient_id: &str,
        encounter: Option<&str>,
        zone: &TimeZone,
    ) -> Result<Self, Refusal> {
        let Some(id) = encounter else { return Ok(Self::default()) };
        let found = asking.search_if_ever("Encounter", &[("patient", patient_id), ("_id", id)]).await?;
        let visits = found.resources();
        let Some(visit) = visits.first() else { return Ok(Self::default()) };
        let instant = |end: &str| visit.get("period").and_then(|period| text(period, end));
        let clock = |end: &str| instant(end).and_then(time::instant_ms).map(|ms| day::clock(ms, zone));
        let is_video = visit.get("class").and_then(|class| text(class, "code")) == Some("VR");
        let by_video = match (clock("start"), clock("end")) {
            (Some(start), Some(end)) if is_video => format!("By video, {start} to {end}"),
            _ if is_video => "By video".to_owned(),
            _ => String::new(),
        };
        let began = instant("start").unwrap_or_default().to_owned();
        Ok(Self { reason: words_of(visit, "reasonCode").unwrap_or_default(), began, by_video })
    }
}

async fn next(asked: &Asked<'_>, asking: &Asking<'_>) -> Result<Option<Next>, Refusal> {
    let since = format!("gt{}", day::instant(asking.record.now_ms()));
    let pairs =
        [("patient", asked.ids[0]), ("status", "booked"), ("date", &*since), ("_sort", "date"), ("_count", "1")];
    let found = asking.search_if_ever("Appointment", &pairs).await?;
    let booked = found.resources();
    let Some(one) = booked.first() else { return Ok(None) };
    let Some(start_ms) = text(one, "start").and_then(time::instant_ms) else { return Ok(None) };
    let names = Names::of(asking, &[], std::iter::once(&found)).await?;
    let is_clinician = |actor: &Json<'_>| reference(actor).is_some_and(|(kind, _)| kind == "Practitioner");
    let actor =
        { all(one, "participant").iter() }.filter_map(|part| part.get("actor")).find(|actor| is_clinician(actor));
    let zone = asked.web.zone();
    let when = format!("{}, {}", Day::of(start_ms, zone).short(), day::clock(start_ms, zone));
    Ok(Some(Next { when, with: actor.and_then(|actor| names.name(actor)).unwrap_or_default() }))
}
