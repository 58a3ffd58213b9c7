//! Words that were written in a call come into the chart as one Communication, when a clinician asks for it and after the others were
//! told. The server learns them at that moment and not before.

use access::Action;
use fhir::Json;
use http::StatusCode;
use record::RecordError;
use serde::Deserialize;
use serde_json::json;
use telehealth::hall::KeepEvent;

use super::Answer;
use super::beside::Chart;
use super::host::hosting;
use crate::answer;
use crate::client::Asked;
use crate::clinic::day;
use crate::clinic::moves::{self, Change, coding, object};
use crate::clinic::orders::write::{list, owned, refer};
use crate::clinic::token;
use crate::refusal::Refusal;

const LINES_MAX: usize = 200;
const LINE_CHARS_MAX: usize = 4_000;
const NAME_CHARS_MAX: usize = 80;
/// A call is no longer than this, and the clock of a browser no more wrong.
const AGE_MS_MAX: i64 = 24 * 3_600_000;

#[derive(Deserialize)]
struct Talk {
    token: String,
    lines: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    at_ms: i64,
    by: String,
    text: String,
}

pub async fn keep(asked: &Asked<'_>) -> Answer {
    let session = asked.scripted().await?;
    asked.web.identity().touch(&session);
    let asking = hosting(asked, &session)?;
    if !asking.may_ever(Action::Create, "Communication") {
        return Err(Refusal::NotYours);
    }
    let talk: Talk = asked.json()?;
    let now_ms = asking.record.now_ms();
    let payload = talk.payload(now_ms, asked.web.zone())?;
    let chart = Chart::open(asked, &session, &asking).await?;
    let own = asking.record.own_practitioner(asking.caller).await?.ok_or(Refusal::NotYours)?;
    let written = message(&talk.token, &chart, &own, &day::instant(now_ms), payload);
    match asking.transact(&moves::transaction(vec![written])).await {
        Ok(_) => asked.web.quarantine().tell(&chart.appointment, KeepEvent::TalkKept),
        // The same press, sent twice.
        Err(RecordError::PreconditionFailed { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(answer::json(StatusCode::CREATED, &json!({ "became": "kept" })))
}

impl Talk {
    fn payload(&self, now_ms: i64, zone: &jiff::tz::TimeZone) -> Result<Vec<Json<'static>>, Refusal> {
        const UNFIT: Refusal = Refusal::Invalid("these messages cannot be saved: choose fewer of them");
        if token::parse(&self.token).is_none() || self.lines.is_empty() || self.lines.len() > LINES_MAX {
            return Err(UNFIT);
        }
        let written = |line: &Line| {
            let by = plain(&line.by, false);
            let words = plain(&line.text, true);
            let fits = !words.trim().is_empty()
                && words.chars().count() <= LINE_CHARS_MAX
                && !by.trim().is_empty()
                && by.chars().count() <= NAME_CHARS_MAX
                && (line.at_ms - now_ms).abs() <= AGE_MS_MAX;
            let said = || format!("{}, {}: {}", day::clock(line.at_ms, zone), by.trim(), words.trim());
            fits.then(|| object([("contentString", owned(&said()))])).ok_or(UNFIT)
        };
        self.lines.iter().map(written).collect()
    }
}

/// Without what no text of FHIR holds.
fn plain(text: &str, has_lines: bool) -> String {
    text.chars().filter(|letter| !letter.is_control() || has_lines && *letter == '\n').collect()
}

fn message(token: &str, chart: &Chart, own: &str, now: &str, payload: Vec<Json<'static>>) -> Change {
    const MODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationMode";
    let id = format!("visit.{}", token.to_ascii_lowercase());
    let patient = || refer(format!("Patient/{}", chart.patient));
    let mut members = vec![
        ("resourceType", Json::string("Communication")),
        ("id", Json::string(id.clone())),
        ("status", Json::string("completed")),
        ("category", list([object([("text", Json::string("Messages of a visit by video"))])])),
        ("medium", list([object([("coding", list([coding(MODE, "ONLINEWRIT", "online written")]))])])),
        ("subject", patient()),
        ("about", list([refer(format!("Appointment/{}", chart.appointment))])),
    ];
    members.extend(chart.encounter.as_ref().map(|id| ("encounter", refer(format!("Encounter/{id}")))));
    members.extend([
        ("sent", owned(now)),
        ("recipient", list([patient()])),
        ("sender", refer(format!("Practitioner/{own}"))),
        ("payload", Json::Array(payload)),
    ]);
    Change {
        method: "PUT",
        url: format!("Communication/{id}"),
        if_match: None,
        is_new: true,
        resource: object(members),
    }
}
