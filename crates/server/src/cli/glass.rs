//! `wardstone glass`

use clap::Subcommand;
use serde_json::json;

use super::Outcome;
use super::remote::RemoteArgs;
use super::remote::show::{self, Column};
use crate::{ServerError, say};

const COLUMNS: [Column; 5] =
    [("when", "when"), ("who", "login"), ("chart", "chart"), ("reason", "reason"), ("until", "until")];

/// Break the glass: open one patient's chart in an emergency, seen by everyone afterwards
///
/// Needs a fresh sign-in (`wardstone login --step-up`) and a reason. It opens one chart for an hour, is told to the privacy
/// officer at once, shows in the patient's own list, and has to be reviewed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    wardstone glass break 6f1c --reason \"unconscious in the waiting room, looking for allergies\"\n  \
    wardstone glass list")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Open a patient's chart
    Break {
        #[command(flatten)]
        remote: RemoteArgs,
        /// Id of the Patient
        patient: String,
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Charts that are open by broken glass now
    List {
        #[command(flatten)]
        remote: RemoteArgs,
    },
}

pub async fn run(args: Args) -> Result<Outcome, ServerError> {
    match args.command {
        Command::Break { remote, patient, reason } => {
            let remote = remote.open()?;
            let answer = remote.post("/manage/glass", json!({"patient": patient, "reason": reason})).await?;
            remote.say(&answer, |answer| {
                let until = answer["until"].as_str().map(show::clean).unwrap_or_default();
                say::line(format!("the chart is open for you until {until}. This will be reviewed."));
            });
        }
        Command::List { remote } => {
            let remote = remote.open()?;
            let answer = remote.get("/manage/glass").await?;
            remote.say(&answer, |answer| show::table(&answer["glass"], &COLUMNS));
        }
    }
    Ok(Outcome::Done)
}
