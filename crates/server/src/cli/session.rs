//! `wardstone session`

use clap::Subcommand;

use super::Outcome;
use super::device::below;
use super::remote::show::{self, Column};
use super::remote::{RemoteArgs, segment};
use crate::ServerError;

const COLUMNS: [Column; 6] = [
    ("id", "id"),
    ("device", "device"),
    ("address", "address"),
    ("began", "began"),
    ("last used", "last_used"),
    ("this one", "current"),
];

/// Sessions, yours or somebody else's: look, and end
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    wardstone session list\n  \
    wardstone session list --user ben\n  \
    wardstone session end --user ben 41              its pages and event streams close within a second")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Sessions that are open
    List {
        #[command(flatten)]
        remote: RemoteArgs,
        /// Whose, if not your own
        #[arg(long, value_name = "LOGIN")]
        user: Option<String>,
    },
    /// End one
    End {
        #[command(flatten)]
        remote: RemoteArgs,
        /// Whose, if not your own
        #[arg(long, value_name = "LOGIN")]
        user: Option<String>,
        /// As `session list` shows it
        #[arg(value_name = "ID")]
        number: String,
    },
}

pub async fn run(args: Args) -> Result<Outcome, ServerError> {
    match args.command {
        Command::List { remote, user } => {
            let remote = remote.open()?;
            let answer = remote.get(&below(&remote, user.as_deref(), "/sessions").await?).await?;
            remote.say(&answer, |answer| show::table(&answer["sessions"], &COLUMNS));
        }
        Command::End { remote, user, number } => {
            let remote = remote.open()?;
            let path = format!("/sessions/{}", segment(&number));
            let answer = remote.delete(&below(&remote, user.as_deref(), &path).await?).await?;
            remote.done(&answer, format!("session {number} has ended."));
        }
    }
    Ok(Outcome::Done)
}
