//! A file that was received in a call comes into the chart when a clinician asks for it; until then the server does not hold it. It is
//! looked into first, and what cannot be looked into, or should not be kept, is held back.

use http::{Response, StatusCode};
use record::{DocumentToFile, FromVisit};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use telehealth::hall::KeepEvent;
use telehealth::quarantine::{Held, Quarantine, QuarantineError, Why};
use telehealth::scan::Verdict;

use super::Answer;
use super::beside::Chart;
use super::host::{Room, hosting};
use crate::answer;
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::day::Day;
use crate::clinic::token;
use crate::forms::Form;
use crate::pages::documents::{TYPES, may_file, shown_type};
use crate::refusal::Refusal;
use crate::uploads::Media;

const TITLE_CHARS_MAX: usize = 120;
const SENDERS: [&str; 6] = ["patient", "clinician", "proxy", "interpreter", "family", "guest"];

/// How a file is to be filed, as the clinician said.
#[derive(Serialize, Deserialize)]
struct Wish {
    kind: String,
    title: String,
    dated: String,
    /// The role of who sent it: the word of the clinician's browser, from the roster that it signed.
    from: String,
    token: String,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// What a look into a file said.
enum Look {
    Clean,
    /// No scanner is set up.
    Unlooked,
    Hold(Why),
}

pub async fn file(asked: &Asked<'_>) -> Answer {
    asked.sent_by_our_page()?;
    let upload = asked.upload().await?;
    let session = asked.scripted().await?;
    asked.web.identity().touch(&session);
    let asking = hosting(asked, &session)?;
    if !may_file(&asking) {
        return Err(Refusal::NotYours);
    }
    let wish = Wish::read(asked, &upload.form)?;
    let media = taken(&upload.bytes)?;
    let chart = Chart::open(asked, &session, &asking).await?;
    let event = match look(asked, &upload.bytes).await {
        Look::Hold(why) => {
            hold(asked, &chart.appointment, &wish, why, &upload.bytes)?;
            return listed(asked, &chart.appointment, "held", StatusCode::ACCEPTED);
        }
        Look::Clean => KeepEvent::FileKept,
        Look::Unlooked => KeepEvent::FileKeptUnscanned,
    };
    filed(&asking, &chart, &wish, media, &upload.bytes).await?;
    asked.web.quarantine().tell(&chart.appointment, event);
    listed(asked, &chart.appointment, "kept", StatusCode::CREATED)
}

/// What is held back in this visit, and whether there is a scanner.
pub async fn held(asked: &Asked<'_>) -> Answer {
    let session = asked.scripted().await?;
    let asking = hosting(asked, &session)?;
    let room = Room::of(asked, &asking).await?;
    listed(asked, &room.visit.id, "", StatusCode::OK)
}

/// Looks into it once more, and files it if there is nothing in it.
pub async fn again(asked: &Asked<'_>) -> Answer {
    let session = asked.scripted().await?;
    asked.web.identity().touch(&session);
    let asking = hosting(asked, &session)?;
    if !may_file(&asking) {
        return Err(Refusal::NotYours);
    }
    let Named { name } = asked.json()?;
    let chart = Chart::open(asked, &session, &asking).await?;
    let quarantine = asked.web.quarantine();
    let (held, bytes) = quarantine.open(&chart.appointment, &name).map_err(unheld)?;
    let wish: Wish = serde_json::from_str(&held.form).map_err(|_| Refusal::Defect)?;
    match look(asked, &bytes).await {
        Look::Clean => {}
        Look::Hold(why) => {
            hold(asked, &chart.appointment, &wish, why, &bytes)?;
            return listed(asked, &chart.appointment, "held", StatusCode::ACCEPTED);
        }
        // What was held back once does not come in because nobody looks any more.
        Look::Unlooked => return Err(Refusal::Invalid("no scanner is set up any more: the file stays held back")),
    }
    filed(&asking, &chart, &wish, taken(&bytes)?, &bytes).await?;
    quarantine.remove(&chart.appointment, &name, true).map_err(unheld)?;
    listed(asked, &chart.appointment, "kept", StatusCode::CREATED)
}

pub async fn throw_away(asked: &Asked<'_>) -> Answer {
    let session = asked.scripted().await?;
    let asking = hosting(asked, &session)?;
    let Named { name } = asked.json()?;
    let room = Room::of(asked, &asking).await?;
    asked.web.quarantine().remove(&room.visit.id, &name, false).map_err(unheld)?;
    listed(asked, &room.visit.id, "dropped", StatusCode::OK)
}

impl Wish {
    fn read(asked: &Asked<'_>, form: &Form) -> Result<Self, Refusal> {
        let token = token::parse(form.text("token")).ok_or(Refusal::Invalid("this is not the form of this page"))?;
        let kind = form.text("kind");
        let Some((_, display)) = TYPES.iter().find(|(code, _)| *code == kind) else {
            return Err(Refusal::Invalid("say what kind of document it is"));
        };
        let plain = |letter: &char| !letter.is_control();
        let title: String = form.text("title").trim().chars().filter(plain).collect();
        if title.chars().count() > TITLE_CHARS_MAX {
            return Err(Refusal::Invalid("the title is too long: 120 letters at most"));
        }
        let title = if title.is_empty() { shown_type(display).to_owned() } else { title };
        let from = SENDERS.iter().find(|role| **role == form.text("from")).copied().unwrap_or("guest");
        let dated = Day::of(asked.web.record().now_ms(), asked.web.zone()).iso();
        Ok(Self { kind: kind.to_owned(), title, dated, from: from.to_owned(), token: token.to_owned() })
    }
}

fn taken(bytes: &[u8]) -> Result<Media, Refusal> {
    Media::of(bytes).ok_or(Refusal::Invalid(
        "only PDF, pictures, DICOM objects and plain text go into a chart from here: what the file holds counts, not its name",
    ))
}

/// Fails closed: where a scanner is set up and says nothing, the file waits.
async fn look(asked: &Asked<'_>, bytes: &[u8]) -> Look {
    let Some(scanner) = &asked.web.0.scanner else { return Look::Unlooked };
    match scanner.scan(bytes).await {
        Ok(Verdict::Clean) => Look::Clean,
        Ok(Verdict::Found(name)) => Look::Hold(Why::Found(name)),
        Err(error) => {
            tracing::warn!(%error, "a file of a visit could not be looked into");
            Look::Hold(Why::Unscanned)
        }
    }
}

fn hold(asked: &Asked<'_>, visit: &str, wish: &Wish, why: Why, bytes: &[u8]) -> Result<(), Refusal> {
    let form = serde_json::to_string(wish).map_err(|_| Refusal::Defect)?;
    // Named by its form: sent again it is held once.
    asked.web.quarantine().hold(&wish.token.to_ascii_lowercase(), visit, why, form, bytes).map_err(unheld)
}

async fn filed(asking: &Asking<'_>, chart: &Chart, wish: &Wish, media: Media, bytes: &[u8]) -> Result<(), Refusal> {
    let (type_code, type_display) = *TYPES.iter().find(|(code, _)| *code == wish.kind).ok_or(Refusal::Defect)?;
    let author = match wish.from.as_str() {
        "patient" => Some(format!("Patient/{}", chart.patient)),
        "clinician" => asking.record.own_practitioner(asking.caller).await?.map(|id| format!("Practitioner/{id}")),
        // Of those who came by a link the record knows nobody.
        _ => None,
    };
    let filing = DocumentToFile {
        patient_id: &chart.patient,
        media_type: media.media_type(),
        bytes,
        type_code,
        type_display,
        title: &wish.title,
        dated: &wish.dated,
        order_id: None,
        withheld: None,
        visit: Some(FromVisit {
            appointment_id: &chart.appointment,
            encounter_id: chart.encounter.as_deref(),
            author: author.as_deref(),
        }),
        token: &wish.token,
    };
    asking.record.file_document(asking.caller, &filing).await?;
    Ok(())
}

fn listed(asked: &Asked<'_>, visit: &str, became: &str, status: StatusCode) -> Answer {
    let held: Vec<Held> = Quarantine::of_visit(asked.web.quarantine(), visit).map_err(unheld)?;
    let shown = |one: &Held| -> Value {
        let wish = serde_json::from_str::<Wish>(&one.form).ok();
        let why = match &one.why {
            Why::Found(name) => format!("something was found in it: {name}"),
            Why::Unscanned => "nothing could look into it".to_owned(),
        };
        json!({ "name": one.name, "title": wish.map(|wish| wish.title), "size": one.size, "why": why })
    };
    let held: Vec<Value> = held.iter().map(shown).collect();
    let has_scanner = asked.web.0.scanner.is_some();
    let told: Response<_> = answer::json(status, &json!({ "became": became, "held": held, "scanner": has_scanner }));
    Ok(told)
}

fn unheld(error: QuarantineError) -> Refusal {
    match error {
        QuarantineError::Full => {
            Refusal::Invalid("as many files are held back as may be: deal with those first. This one was not saved")
        }
        QuarantineError::Absent => Refusal::Invalid("this file is no longer held back"),
        error => {
            tracing::error!(%error, "files that are held back");
            Refusal::Defect
        }
    }
}
