//! `wardstone role`

use clap::Subcommand;
use serde_json::json;

use super::Outcome;
use super::remote::show::{self, Column};
use super::remote::{RemoteArgs, segment};
use super::user::of;
use crate::ServerError;

const COLUMNS: [Column; 6] = [
    ("login", "login"),
    ("role", "role"),
    ("approver", "approver"),
    ("granted", "granted"),
    ("ends", "ends"),
    ("confirmed", "confirmed"),
];

/// Roles: grant, end, and confirm that they are still needed
///
/// Nobody grants a role to themselves, and no role works before its holder has enrolled a second factor.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    wardstone role grant ben nurse --reason \"ward 2\" --until 2027-06-30\n  \
    wardstone role end ben nurse --reason \"moved to billing\"\n  \
    wardstone role due\n  \
    wardstone role confirm ben billing\n\n\
    Roles: physician, psychiatrist, nurse, medical_assistant, pharmacist, front_desk, billing, admin, privacy_officer,\n\
    auditor, patient, proxy, research, integration.")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Give a role
    Grant {
        #[command(flatten)]
        remote: RemoteArgs,
        login: String,
        role: String,
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Last day, YYYY-MM-DD
        #[arg(long, value_name = "DATE")]
        until: Option<String>,
    },
    /// Take a role away, at once
    End {
        #[command(flatten)]
        remote: RemoteArgs,
        login: String,
        role: String,
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Say that a role is still needed
    Confirm {
        #[command(flatten)]
        remote: RemoteArgs,
        login: String,
        role: String,
    },
    /// Which roles nobody has confirmed for long
    Due {
        #[command(flatten)]
        remote: RemoteArgs,
    },
}

pub async fn run(args: Args) -> Result<Outcome, ServerError> {
    match args.command {
        Command::Grant { remote, login, role, reason, until } => {
            let remote = remote.open()?;
            let body = json!({"role": role, "reason": reason, "until": until});
            let answer = remote.post(&of(&remote, &login, "/roles").await?, body).await?;
            remote.done(&answer, format!("{login} has the role {role}."));
        }
        Command::End { remote, login, role, reason } => {
            let remote = remote.open()?;
            let path = of(&remote, &login, &format!("/roles/{}/end", segment(&role))).await?;
            let answer = remote.post(&path, json!({"reason": reason})).await?;
            remote.done(&answer, format!("{login} no longer has the role {role}."));
        }
        Command::Confirm { remote, login, role } => {
            let remote = remote.open()?;
            let path = of(&remote, &login, &format!("/roles/{}/confirm", segment(&role))).await?;
            let answer = remote.post(&path, json!({})).await?;
            remote.done(&answer, format!("{login}: {role} is confirmed."));
        }
        Command::Due { remote } => {
            let remote = remote.open()?;
            let answer = remote.get("/manage/recertification").await?;
            remote.say(&answer, |answer| show::table(&answer["grants"], &COLUMNS));
        }
    }
    Ok(Outcome::Done)
}
