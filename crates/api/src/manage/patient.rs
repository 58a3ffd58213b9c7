//! What the privacy officer does about single resources and events: correct labels, explain decisions.

use record::{ExplainedDecision, ResourceKey};
use serde::Deserialize;
use serde_json::{Value, json};

use super::account::labels;
use super::problem::Problem;
use super::show::id;
use super::{Asked, Done};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Correction {
    /// `Observation/6f1c`
    resource: String,
    #[serde(default)]
    add: Vec<String>,
    #[serde(default)]
    remove: Vec<String>,
    reason: String,
}

pub async fn label(asked: Asked<'_>) -> Result<Done, Problem> {
    let Correction { resource, add, remove, reason } = asked.parse()?;
    let change = (labels(&add)?, labels(&remove)?);
    let key = resource.split_once('/').and_then(|(kind, id)| ResourceKey::parse(kind, id));
    let key = key.ok_or_else(Problem::not_found)?;
    asked.record().correct_labels(asked.caller()?, &key, change, &reason).await?;
    Done::nothing()
}

pub async fn explain(asked: Asked<'_>) -> Result<Done, Problem> {
    let explained = asked.record().explain(asked.caller()?, &asked.segments[0]).await?;
    let decisions: Vec<Value> = explained.decisions.iter().map(shown).collect();
    Done::ok(json!({
        "event": id(explained.event),
        "policy_version": explained.policy_version.to_string(),
        "decisions": decisions,
    }))
}

fn shown(decision: &ExplainedDecision) -> Value {
    json!({
        "action": decision.action,
        "type": decision.type_name,
        "count": decision.count,
        "allowed_then": decision.allowed_then,
        "allowed_now": decision.allowed_now,
        "policies": decision.policies,
        "attributes": decision.attributes,
    })
}
