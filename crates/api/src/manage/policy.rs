//! Policy versions: what is in force, what it would have said to last week's decisions, and putting one in force.

use std::collections::BTreeMap;

use compliance::{DAYS_MAX, PolicyVersion, Source};
use serde::Deserialize;
use serde_json::{Value, json};

use super::problem::Problem;
use super::show::{id, instant};
use super::{Asked, Done};

/// Policy files by name: `nurse.cedar`.
type Sources = BTreeMap<String, String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Proposal {
    sources: Sources,
    words: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Draft {
    sources: Sources,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Span {
    days: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Activation {
    words: String,
}

pub fn list(asked: Asked<'_>) -> Result<Done, Problem> {
    let versions: Vec<Value> = asked.policies().list().iter().map(|version| shown(version)).collect();
    Done::ok(json!({"versions": versions}))
}

/// With its sources.
pub fn show(asked: Asked<'_>) -> Result<Done, Problem> {
    let version = asked.policies().get(asked.number(0)?)?;
    let mut json = shown(&version);
    let sources: Sources = version.sources.iter().map(|source| (source.file.clone(), source.text.clone())).collect();
    json["sources"] = json!(sources);
    Done::ok(json)
}

pub async fn propose(asked: Asked<'_>) -> Result<Done, Problem> {
    let Proposal { sources, words } = asked.parse()?;
    let version = asked.policies().propose(asked.caller()?, files(sources), &words).await?;
    Done::created(shown(&version))
}

/// What is wrong with policies that are being written; nothing is kept. They are the sender's own words, so that an error
/// may quote them.
pub fn validate(asked: Asked<'_>) -> Result<Done, Problem> {
    let Draft { sources } = asked.parse()?;
    let problems: Vec<String> =
        asked.policies().validate(&files(sources)).err().map(|error| error.to_string()).into_iter().collect();
    Done::ok(json!({"valid": problems.is_empty(), "problems": problems}))
}

pub async fn replay(asked: Asked<'_>) -> Result<Done, Problem> {
    let Span { days } = asked.parse()?;
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(Problem::invalid("days is a number from 1 to 31"));
    }
    let report = asked.policies().replay(asked.caller()?, asked.number(0)?, days).await?;
    Done::ok(serde_json::to_value(report).map_err(|_| Problem::defect())?)
}

pub async fn activate(asked: Asked<'_>) -> Result<Done, Problem> {
    let Activation { words } = asked.parse()?;
    let version = asked.policies().activate(asked.caller()?, asked.number(0)?, &words).await?;
    Done::ok(shown(&version))
}

fn files(sources: Sources) -> Vec<Source> {
    sources.into_iter().map(|(file, text)| Source { file, text }).collect()
}

fn shown(version: &PolicyVersion) -> Value {
    let last = version.activations.last();
    json!({
        "version": id(version.number),
        "state": version.state.name(),
        "author": version.author,
        "proposed": instant(version.proposed_ms),
        "words": version.reason,
        "activated": last.map(|last| instant(last.time_ms)),
        "activated_by": last.map(|last| last.by.as_str()),
        "activated_because": last.map(|last| last.reason.as_str()),
    })
}
