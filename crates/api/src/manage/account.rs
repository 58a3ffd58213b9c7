//! What is on file about an account beside its proofs: roles, licence, NPI, who it is in the record, for whom it acts.

use access::{Labels, ProxyCategories, ProxyGrant};
use identity::Licence;
use serde::Deserialize;
use serde_json::{Value, json};

use super::problem::Problem;
use super::show::{end_of_day, id, instant, maybe_instant};
use super::user::role_of;
use super::{Asked, Done};

/// Roles that nobody confirmed for this long are due.
pub const RECERTIFY_DAYS: u32 = 90;
const RECERTIFY_DAYS_MAX: u32 = 3_660;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Grant {
    role: String,
    reason: String,
    /// Last day.
    until: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Why {
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OnFile<T> {
    value: Option<T>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenLicence {
    number: String,
    state: String,
    from: String,
    until: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Proxy {
    /// Id of the Patient.
    patient: String,
    /// Empty for all.
    #[serde(default)]
    categories: Vec<String>,
    #[serde(default)]
    labels: Vec<String>,
    /// Last day.
    until: String,
    reason: String,
}

pub async fn grant_role(asked: Asked<'_>) -> Result<Done, Problem> {
    let Grant { role, reason, until } = asked.parse()?;
    let (role, ends_ms) = (role_of(&role)?, until.as_deref().map(end_of_day).transpose()?);
    asked.identity().grant_role(asked.caller()?, asked.user()?, role, ends_ms, &reason, &asked.from).await?;
    Done::nothing()
}

pub async fn end_role(asked: Asked<'_>) -> Result<Done, Problem> {
    let Why { reason } = asked.parse()?;
    let user = asked.user()?;
    let role = access::Role::from_name(&asked.segments[1]).ok_or_else(Problem::not_found)?;
    asked.identity().end_role(asked.caller()?, user, role, &reason, &asked.from).await?;
    Done::nothing()
}

pub async fn confirm_role(asked: Asked<'_>) -> Result<Done, Problem> {
    let user = asked.user()?;
    let role = access::Role::from_name(&asked.segments[1]).ok_or_else(Problem::not_found)?;
    asked.identity().confirm_role(asked.caller()?, user, role, &asked.from).await?;
    Done::nothing()
}

/// Roles in force that nobody confirmed for `days`.
pub fn recertification(asked: Asked<'_>) -> Result<Done, Problem> {
    asked.only_query(&["days"])?;
    let days = match asked.query("days")? {
        Some(text) => text.parse().ok().filter(|days| *days <= RECERTIFY_DAYS_MAX),
        None => Some(RECERTIFY_DAYS),
    };
    let days = days.ok_or_else(|| Problem::invalid("days is a number of at most 3660"))?;
    let grants: Vec<Value> = asked
        .identity()
        .recertification(days)
        .into_iter()
        .map(|due| {
            json!({
                "user": id(due.user.0),
                "login": due.login,
                "role": due.role,
                "approver": due.approver,
                "granted": instant(due.granted_ms),
                "confirmed": instant(due.confirmed_ms),
                "ends": maybe_instant(due.ends_ms),
            })
        })
        .collect();
    Done::ok(json!({"days": days, "grants": grants}))
}

pub async fn licence(asked: Asked<'_>) -> Result<Done, Problem> {
    let OnFile { value } = asked.parse::<OnFile<GivenLicence>>()?;
    let licence = match value {
        Some(given) => Some(Licence::new(&given.number, &given.state, &given.from, &given.until)?),
        None => None,
    };
    asked.identity().set_licence(asked.caller()?, asked.user()?, licence, &asked.from).await?;
    Done::nothing()
}

pub async fn npi(asked: Asked<'_>) -> Result<Done, Problem> {
    let OnFile { value } = asked.parse::<OnFile<String>>()?;
    asked.identity().set_npi(asked.caller()?, asked.user()?, value.as_deref(), &asked.from).await?;
    Done::nothing()
}

/// Which Practitioner the account is, by id.
pub async fn practitioner(asked: Asked<'_>) -> Result<Done, Problem> {
    let OnFile { value } = asked.parse::<OnFile<String>>()?;
    let (caller, user) = (asked.caller()?, asked.user()?);
    let row = match value {
        Some(practitioner) => Some(asked.record().practitioner_link(caller, &practitioner).await?.row),
        None => None,
    };
    asked.identity().set_practitioner(caller, user, row, &asked.from).await?;
    Done::nothing()
}

/// Which Patient the account is, by id.
pub async fn own_chart(asked: Asked<'_>) -> Result<Done, Problem> {
    let OnFile { value } = asked.parse::<OnFile<String>>()?;
    let (caller, user) = (asked.caller()?, asked.user()?);
    let chart = match value {
        Some(patient) => Some(asked.record().patient_link(caller, &patient).await?.chart.0),
        None => None,
    };
    asked.identity().set_own_chart(caller, user, chart, &asked.from).await?;
    Done::nothing()
}

pub async fn grant_proxy(asked: Asked<'_>) -> Result<Done, Problem> {
    let given: Proxy = asked.parse()?;
    let (caller, user) = (asked.caller()?, asked.user()?);
    let ends_ms = end_of_day(&given.until)?;
    let categories = categories(&given.categories)?;
    let labels = labels(&given.labels)?;
    let link = asked.record().patient_link(caller, &given.patient).await?;
    // The patient's age decides, not who fills in the form.
    let adolescent = link.is_adolescent(asked.now_ms());
    let grant = ProxyGrant { chart: link.chart, categories, labels, adolescent };
    asked.identity().grant_proxy(caller, user, grant, ends_ms, &given.reason, &asked.from).await?;
    Done::nothing()
}

pub async fn end_proxy(asked: Asked<'_>) -> Result<Done, Problem> {
    let Why { reason } = asked.parse()?;
    let (caller, user) = (asked.caller()?, asked.user()?);
    let link = asked.record().patient_link(caller, &asked.segments[1]).await?;
    asked.identity().end_proxy(caller, user, link.chart, &reason, &asked.from).await?;
    Done::nothing()
}

fn categories(words: &[String]) -> Result<ProxyCategories, Problem> {
    if words.is_empty() {
        return Ok(ProxyCategories::ALL);
    }
    let mut sets = words.iter().map(|word| ProxyCategories::from_name(word));
    let set = sets.try_fold(ProxyCategories::default(), |held, more| Some(held.union(more?)));
    set.ok_or_else(|| Problem::invalid("categories are clinical, medication, document, scheduling, billing"))
}

/// Sensitive categories by their words.
pub fn labels(words: &[String]) -> Result<Labels, Problem> {
    let mut sets = words.iter().map(|word| Labels::from_name(word));
    let set = sets.try_fold(Labels::NONE, |held, more| Some(held.union(more?)));
    set.ok_or_else(|| Problem::invalid("no label has this name"))
}
