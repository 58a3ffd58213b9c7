//! `wardstone label`

use serde_json::json;

use super::Outcome;
use super::remote::RemoteArgs;
use crate::ServerError;

/// Correct the security labels of one resource, with a trace
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    wardstone label Observation/6f1c --add hiv --reason \"the panel names the virus\"\n  \
    wardstone label Condition/77ab --remove substance_use --reason \"family history, not the patient's\"")]
pub struct Args {
    #[command(flatten)]
    remote: RemoteArgs,
    /// Type/id
    #[arg(value_name = "TYPE/ID")]
    resource: String,
    /// A category to add
    #[arg(long, value_name = "WORD", required_unless_present = "remove")]
    add: Vec<String>,
    /// A category to take away
    #[arg(long, value_name = "WORD")]
    remove: Vec<String>,
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

pub async fn run(args: Args) -> Result<Outcome, ServerError> {
    let remote = args.remote.open()?;
    let body = json!({"resource": args.resource, "add": args.add, "remove": args.remove, "reason": args.reason});
    let answer = remote.post("/manage/labels", body).await?;
    remote.done(&answer, format!("the labels of {} are corrected.", args.resource));
    Ok(Outcome::Done)
}
