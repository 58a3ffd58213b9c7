//! Broken glass: one chart, for a reason, for an hour, after a fresh proof. The record writes the event before identity opens it.

use std::collections::HashMap;

use record::RecordError;
use serde::Deserialize;
use serde_json::{Value, json};

use super::problem::Problem;
use super::show::{id, instant};
use super::{Asked, Done};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Break {
    /// Id of the Patient.
    patient: String,
    reason: String,
}

pub async fn break_glass(asked: Asked<'_>) -> Result<Done, Problem> {
    let Break { patient, reason } = asked.parse()?;
    let guest = asked.guest()?;
    let caller = guest.caller()?;
    // Before the event, so that the log does not tell of a chart that was never opened.
    if !caller.facts().mfa_fresh {
        return Err(Problem::step_up());
    }
    let glass = asked.record().break_glass(caller, &patient, &reason).await.map_err(|error| match error {
        RecordError::TooMany { .. } => Problem::invalid("the reason is too long"),
        other => other.into(),
    })?;
    let until_ms = asked.identity().grant_glass(&guest.session, glass.chart, &reason).await?;
    Done::created(json!({"chart": id(glass.chart.0), "until": instant(until_ms)}))
}

/// What is open now, whoever holds it. What was open before is in the alert queue, to be reviewed.
pub async fn log(asked: Asked<'_>) -> Result<Done, Problem> {
    asked.queue().reads(asked.caller()?, "broken glass listed").await?;
    let logins: HashMap<u64, String> =
        asked.identity().accounts().into_iter().map(|profile| (profile.user, profile.login)).collect();
    let glass: Vec<Value> = asked
        .identity()
        .open_glass()
        .into_iter()
        .map(|view| {
            json!({
                "login": logins.get(&view.user.0),
                "chart": id(view.chart.0),
                "when": instant(view.since_ms),
                "until": instant(view.until_ms),
                "reason": view.reason,
            })
        })
        .collect();
    Done::ok(json!({"glass": glass}))
}
