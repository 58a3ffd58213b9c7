//! `wardstone device`

use clap::Subcommand;
use serde_json::json;

use super::Outcome;
use super::remote::show::{self, Column};
use super::remote::{Remote, RemoteArgs, segment};
use super::user::of;
use crate::ServerError;

const COLUMNS: [Column; 5] =
    [("id", "id"), ("name", "name"), ("state", "state"), ("first seen", "first_seen"), ("last seen", "last_seen")];

/// Devices, yours or somebody else's: look, verify, report lost, retire
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    wardstone device list\n  \
    wardstone device list --user ben\n  \
    wardstone device verify --user ben 7\n  \
    wardstone device lost 7                          every session on it ends within a second")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Devices on which somebody signed in
    List(Whose),
    /// Say that a device is the organization's or known to it
    Verify(Which),
    /// Somebody has lost it
    Lost(Which),
    /// Nobody uses it any more
    Retire(Which),
}

#[derive(Debug, clap::Args)]
struct Whose {
    #[command(flatten)]
    remote: RemoteArgs,
    /// Whose, if not your own
    #[arg(long, value_name = "LOGIN")]
    user: Option<String>,
}

#[derive(Debug, clap::Args)]
struct Which {
    #[command(flatten)]
    whose: Whose,
    /// As `device list` shows it
    #[arg(value_name = "ID")]
    device: String,
}

pub async fn run(args: Args) -> Result<Outcome, ServerError> {
    match args.command {
        Command::List(whose) => {
            let remote = whose.remote.open()?;
            let answer = remote.get(&below(&remote, whose.user.as_deref(), "/devices").await?).await?;
            remote.say(&answer, |answer| show::table(&answer["devices"], &COLUMNS));
        }
        // Nobody verifies a device for themselves with a word: they sign in on it with a passkey.
        Command::Verify(which) if which.whose.user.is_none() => {
            return Err(ServerError::Usage("name whose device it is: --user".into()));
        }
        Command::Verify(which) => which.change("verify", "is verified").await?,
        Command::Lost(which) => which.change("lost", "is lost: its sessions have ended").await?,
        Command::Retire(which) => which.change("retire", "is retired: its sessions have ended").await?,
    }
    Ok(Outcome::Done)
}

impl Which {
    async fn change(&self, act: &str, done: &str) -> Result<(), ServerError> {
        let remote = self.whose.remote.open()?;
        let path = format!("/devices/{}/{act}", segment(&self.device));
        let answer = remote.post(&below(&remote, self.whose.user.as_deref(), &path).await?, json!({})).await?;
        remote.done(&answer, format!("device {} {done}.", self.device));
        Ok(())
    }
}

/// `path` below one's own things, or below somebody's account.
pub async fn below(remote: &Remote, user: Option<&str>, path: &str) -> Result<String, ServerError> {
    match user {
        Some(login) => of(remote, login, path).await,
        None => Ok(format!("/manage{path}")),
    }
}
