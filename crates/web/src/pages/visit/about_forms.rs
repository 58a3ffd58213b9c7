//! Forms beside a call: what the patient was asked to fill in, and what of it they sent lately, for the clinician.

use serde_json::{Value, json};

use super::host::Room;
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::day::{Day, clock, instant};
use crate::clinic::form_task::FormTask;
use crate::clinic::time;
use crate::refusal::Refusal;

/// What was sent longer ago stands in the chart alone.
const LATELY_MS: i64 = 7 * 86_400_000;
const SHOWN_MAX: &str = "20";

/// Forms that were sent, the last one first.
pub(super) async fn sent_lately(asking: &Asking<'_>, patient_id: &str) -> Result<Vec<FormTask>, Refusal> {
    let since = format!("ge{}", instant(asking.record.now_ms() - LATELY_MS));
    let lately = [("status", "completed"), ("modified", &since), ("_sort", "-modified"), ("_count", SHOWN_MAX)];
    let done = FormTask::search(asking, patient_id, &lately).await?;
    Ok(done.resources().iter().filter_map(FormTask::of).collect())
}

/// Words, and where they lead. None where nothing was asked for, or nothing of it is for who looks.
pub(super) async fn told(asked: &Asked<'_>, asking: &Asking<'_>, room: &Room) -> Result<Option<Value>, Refusal> {
    let Some(person) = &room.visit.patient else { return Ok(None) };
    let (zone, now_ms) = (asked.web.zone(), asked.web.record().now_ms());
    let open = FormTask::open_of(asking, &person.id).await?;
    let done = sent_lately(asking, &person.id).await?;
    if open.is_empty() && done.is_empty() {
        return Ok(None);
    }
    let today = Day::of(now_ms, zone).iso();
    let when = |held: &Option<String>| {
        let at_ms = held.as_deref().and_then(time::instant_ms)?;
        let day = Day::of(at_ms, zone);
        Some(if day.iso() == today { clock(at_ms, zone) } else { day.short() })
    };
    let reads = asking.ever("QuestionnaireResponse");
    let sent = |one: &FormTask| {
        let address = one.response.as_deref().filter(|_| reads).map(|id| format!("/patients/{}/forms/{id}", person.id));
        json!([format!("{}: sent {}", one.title, when(&one.changed).unwrap_or_default()).trim_end(), address])
    };
    let mut lines: Vec<Value> = done.iter().map(sent).collect();
    lines.extend(open.iter().map(|one| json!([format!("{}: not sent yet", one.title), null])));
    lines.push(json!(["All forms", format!("/patients/{}/forms", person.id)]));
    Ok(Some(Value::Array(lines)))
}
