//! The register of business associate agreements: looking, adding, amending, ending.

use std::collections::BTreeSet;

use compliance::{Agreement, Amendment, Service, Terms};
use serde::Deserialize;
use serde_json::{Value, json};

use super::problem::Problem;
use super::show::{id, instant};
use super::{Asked, Done};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Addition {
    vendor: String,
    services: BTreeSet<Service>,
    signed: String,
    expires: String,
    /// SHA-256 of the signed document, hexadecimal.
    document: String,
    #[serde(default)]
    reviewer: String,
    #[serde(default)]
    notes: String,
    words: String,
}

/// Members that are not named stay as they are.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Amending {
    /// The version that was looked at.
    version: usize,
    services: Option<BTreeSet<Service>>,
    signed: Option<String>,
    expires: Option<String>,
    document: Option<String>,
    reviewer: Option<String>,
    notes: Option<String>,
    words: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ending {
    version: usize,
    words: String,
}

pub async fn list(asked: Asked<'_>) -> Result<Done, Problem> {
    asked.only_query(&[])?;
    let agreements = asked.agreements().look_up(asked.caller()?).await?;
    let agreements: Vec<Value> = agreements.iter().map(|agreement| shown(&asked, agreement)).collect();
    Done::ok(json!({"agreements": agreements}))
}

pub async fn show(asked: Asked<'_>) -> Result<Done, Problem> {
    let number = asked.number(0)?;
    let agreements = asked.agreements().look_up(asked.caller()?).await?;
    let agreement = agreements.iter().find(|agreement| agreement.id == number).ok_or_else(Problem::not_found)?;
    Done::ok(in_full(&asked, agreement))
}

pub async fn add(asked: Asked<'_>) -> Result<Done, Problem> {
    let Addition { vendor, services, signed, expires, document, reviewer, notes, words } = asked.parse()?;
    let caller = asked.caller()?;
    // Who enters it has read it, unless somebody else is named.
    let reviewer = if reviewer.trim().is_empty() { caller.login().to_owned() } else { reviewer };
    let (signed, expires, document) = (signed.parse()?, expires.parse()?, document.parse()?);
    let terms = Terms { vendor, services, signed, expires, document, reviewer, notes };
    let agreement = asked.agreements().add(caller, terms, &words).await?;
    Done::created(in_full(&asked, &agreement))
}

pub async fn amend(asked: Asked<'_>) -> Result<Done, Problem> {
    let amending: Amending = asked.parse()?;
    let number = asked.number(0)?;
    let mut terms = asked.agreements().get(number)?.terms.clone();
    if let Some(services) = amending.services {
        terms.services = services;
    }
    if let Some(signed) = amending.signed {
        terms.signed = signed.parse()?;
    }
    if let Some(expires) = amending.expires {
        terms.expires = expires.parse()?;
    }
    if let Some(document) = amending.document {
        terms.document = document.parse()?;
    }
    terms.reviewer = amending.reviewer.unwrap_or(terms.reviewer);
    terms.notes = amending.notes.unwrap_or(terms.notes);
    let caller = asked.caller()?;
    let agreement = asked.agreements().amend(caller, number, amending.version, terms, &amending.words).await?;
    Done::ok(in_full(&asked, &agreement))
}

pub async fn end(asked: Asked<'_>) -> Result<Done, Problem> {
    let Ending { version, words } = asked.parse()?;
    let agreement = asked.agreements().end(asked.caller()?, asked.number(0)?, version, &words).await?;
    Done::ok(in_full(&asked, &agreement))
}

fn shown(asked: &Asked<'_>, agreement: &Agreement) -> Value {
    let terms = &agreement.terms;
    let services: Vec<&str> = terms.services.iter().map(|service| service.name()).collect();
    json!({
        "id": id(agreement.id),
        "version": agreement.version(),
        "state": agreement.standing(asked.now_ms(), asked.agreements().zone()).name(),
        "vendor": terms.vendor,
        "services": services,
        "signed": terms.signed.to_string(),
        "expires": terms.expires.to_string(),
        "document": terms.document.to_string(),
        "reviewer": terms.reviewer,
        "notes": terms.notes,
    })
}

fn in_full(asked: &Asked<'_>, agreement: &Agreement) -> Value {
    let mut json = shown(asked, agreement);
    json["history"] = agreement.history.iter().map(step).collect();
    json
}

fn step(step: &Amendment) -> Value {
    let changes: Vec<Value> = step
        .changes
        .iter()
        .map(|change| json!({"field": change.field, "before": change.before, "after": change.after}))
        .collect();
    json!({
        "when": instant(step.time_ms),
        "who": step.who,
        "did": step.did,
        "words": step.words,
        "changes": changes,
    })
}
