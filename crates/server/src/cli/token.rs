//! `wardstone token`

use clap::Subcommand;
use serde_json::json;

use super::Outcome;
use super::device::below;
use super::remote::show::{self, Column};
use super::remote::{RemoteArgs, segment};
use crate::{ServerError, say};

const DAYS_DEFAULT: u32 = 30;
const COLUMNS: [Column; 5] =
    [("id", "id"), ("name", "name"), ("scopes", "scopes"), ("until", "until"), ("issued by", "issued_by")];

/// Tokens of the FHIR API: your own, or those of a service account
///
/// A token never may more than its owner, and less if it has scopes. It is shown once, and ends on a day.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    wardstone token create \"report script\" --scope \"user/Observation.rs user/Patient.r\" --days 30\n  \
    wardstone token create \"lab interface\" --user lab --scope \"system/*.cruds\" --days 90\n  \
    wardstone token revoke 12")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Tokens that are open
    List {
        #[command(flatten)]
        remote: RemoteArgs,
        /// Whose, if not your own
        #[arg(long, value_name = "LOGIN")]
        user: Option<String>,
    },
    /// Make one and print it, this once
    Create {
        #[command(flatten)]
        remote: RemoteArgs,
        /// The service account it is for, if it is not for yourself
        #[arg(long, value_name = "LOGIN")]
        user: Option<String>,
        /// What it is for
        name: String,
        /// What it is narrowed to, in the words of SMART App Launch 2
        #[arg(long, value_name = "SCOPES")]
        scope: String,
        /// Days until it ends
        #[arg(long, default_value_t = DAYS_DEFAULT)]
        days: u32,
    },
    /// End one
    Revoke {
        #[command(flatten)]
        remote: RemoteArgs,
        /// Whose, if not your own
        #[arg(long, value_name = "LOGIN")]
        user: Option<String>,
        /// As `token list` shows it
        #[arg(value_name = "ID")]
        token: String,
    },
}

pub async fn run(args: Args) -> Result<Outcome, ServerError> {
    match args.command {
        Command::List { remote, user } => {
            let remote = remote.open()?;
            let answer = remote.get(&below(&remote, user.as_deref(), "/tokens").await?).await?;
            remote.say(&answer, |answer| show::table(&answer["tokens"], &COLUMNS));
        }
        Command::Create { remote, user, name, scope, days } => {
            let remote = remote.open()?;
            let body = json!({"name": name, "scopes": scope, "days": days});
            let answer = remote.post(&below(&remote, user.as_deref(), "/tokens").await?, body).await?;
            remote.say(&answer, |answer| {
                show::card(answer, &[("token", "secret"), ("id", "id"), ("scopes", "scopes"), ("until", "until")]);
                say::line("It is shown this once.");
            });
        }
        Command::Revoke { remote, user, token } => {
            let remote = remote.open()?;
            let path = format!("/tokens/{}", segment(&token));
            let answer = remote.delete(&below(&remote, user.as_deref(), &path).await?).await?;
            remote.done(&answer, format!("token {token} is revoked."));
        }
    }
    Ok(Outcome::Done)
}
