//! `wardstone explain`

use serde_json::Value;

use super::Outcome;
use super::remote::show::{self, Column};
use super::remote::{RemoteArgs, segment};
use crate::{ServerError, say};

const COLUMNS: [Column; 7] = [
    ("action", "action"),
    ("type", "type"),
    ("times", "count"),
    ("allowed then", "allowed_then"),
    ("allowed now", "allowed_now"),
    ("policies", "policies"),
    ("hangs on", "attributes"),
];

/// Why somebody was let through or not, from the event of it
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  wardstone explain 4711                           4711 is the id of an AuditEvent")]
pub struct Args {
    #[command(flatten)]
    remote: RemoteArgs,
    /// Id of the AuditEvent
    event: String,
}

pub async fn run(args: Args) -> Result<Outcome, ServerError> {
    let remote = args.remote.open()?;
    let answer = remote.get(&format!("/manage/explanations/{}", segment(&args.event))).await?;
    remote.say(&answer, say_explanation);
    Ok(Outcome::Done)
}

fn say_explanation(answer: &Value) {
    show::card(answer, &[("event", "event"), ("policy version", "policy_version")]);
    say::line("");
    show::table(&answer["decisions"], &COLUMNS);
}
