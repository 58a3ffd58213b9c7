//! `wardstone user`

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::remote::show::{self, Column};
use super::remote::{Remote, RemoteArgs, query, segment};
use super::{Outcome, first_admin, recover_admin};
use crate::{ServerError, say};

const COLUMNS: [Column; 5] =
    [("login", "login"), ("name", "name"), ("kind", "kind"), ("state", "state"), ("roles", "roles")];
const CARD: [Column; 11] = [
    ("login", "login"),
    ("id", "id"),
    ("name", "name"),
    ("kind", "kind"),
    ("state", "state"),
    ("roles", "roles"),
    ("npi", "npi"),
    ("licence", "licence.number"),
    ("licence ends", "licence.until"),
    ("practitioner", "practitioner"),
    ("chart", "chart"),
];
const GRANTS: [Column; 6] = [
    ("role", "role"),
    ("approver", "approver"),
    ("reason", "reason"),
    ("granted", "granted"),
    ("ends", "ends"),
    ("ended", "ended"),
];
const PROXIES: [Column; 5] = [
    ("chart", "chart"),
    ("categories", "categories"),
    ("labels", "labels"),
    ("approver", "approver"),
    ("ends", "ends"),
];

/// Accounts: invite, look at, deactivate, recover
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    wardstone user list --state active\n  \
    wardstone user invite ben --name \"Ben Okoro\" --family Okoro --reason \"new nurse, ward 2\"\n  \
    wardstone user deactivate ben --reason \"left on 30 November\"\n  \
    wardstone user recover ben --checked colleague --reason \"lost her phone\"")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// All accounts, or those in one state
    List {
        #[command(flatten)]
        remote: RemoteArgs,
        #[arg(long, value_enum)]
        state: Option<State>,
    },
    /// One account, with its roles and who gave them
    Show {
        #[command(flatten)]
        remote: RemoteArgs,
        login: String,
    },
    /// Make an account and a link with which its owner enrols; the account has no role yet
    Invite {
        #[command(flatten)]
        remote: RemoteArgs,
        login: String,
        /// As colleagues see it
        #[arg(long)]
        name: String,
        /// Family name, for noticing who looks at people of the same name
        #[arg(long)]
        family: Option<String>,
        #[arg(long, value_enum, default_value_t = Kind::Workforce)]
        kind: Kind,
        /// Roles from the start; each can be granted later as well
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
        /// Of a patient: id of the Patient
        #[arg(long, value_name = "ID")]
        patient: Option<String>,
        /// Of a clinician: id of the Practitioner
        #[arg(long, value_name = "ID")]
        practitioner: Option<String>,
        /// Of a patient or proxy: how it was made sure that the code goes to this person
        #[arg(long, value_enum)]
        checked: Option<Checked>,
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// End an account: its sessions and tokens end within a second
    Deactivate {
        #[command(flatten)]
        remote: RemoteArgs,
        login: String,
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Open a deactivated account again; its owner enrols anew, and has no role yet
    Reactivate {
        #[command(flatten)]
        remote: RemoteArgs,
        login: String,
        /// How you made sure who it is
        #[arg(long, value_enum)]
        checked: Checked,
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// A code for somebody who lost password or device; the second person is you
    Recover {
        #[command(flatten)]
        remote: RemoteArgs,
        login: String,
        /// How you made sure who asks
        #[arg(long, value_enum)]
        checked: Checked,
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// The licence that prescribing, ordering and signing need
    Licence {
        #[command(flatten)]
        remote: RemoteArgs,
        login: String,
        #[arg(long, requires = "state", required_unless_present = "none")]
        number: Option<String>,
        /// Two letters
        #[arg(long, requires = "from")]
        state: Option<String>,
        /// First day, YYYY-MM-DD
        #[arg(long, requires = "until")]
        from: Option<String>,
        /// Last day, YYYY-MM-DD
        #[arg(long)]
        until: Option<String>,
        /// There is none any more
        #[arg(long, conflicts_with_all = ["number", "state", "from", "until"])]
        none: bool,
    },
    /// The National Provider Identifier; without NPI there is none any more
    Npi {
        #[command(flatten)]
        remote: RemoteArgs,
        login: String,
        npi: Option<String>,
    },
    /// Which Practitioner the account is, by id; without ID none
    Practitioner {
        #[command(flatten)]
        remote: RemoteArgs,
        login: String,
        id: Option<String>,
    },
    /// Which Patient the account is, by id
    Chart {
        #[command(flatten)]
        remote: RemoteArgs,
        login: String,
        id: String,
    },
    /// Who may act for a patient, how far and until when
    #[command(subcommand)]
    Proxy(Proxy),
    /// The first administrator, while no server runs: a link with which this person enrols
    FirstAdmin(first_admin::Args),
    /// The last administrator again, while no server runs: a new enrolment for who lost every factor
    RecoverAdmin(recover_admin::Args),
}

#[derive(Debug, Subcommand)]
enum Proxy {
    /// Let LOGIN act for a patient
    Grant {
        #[command(flatten)]
        remote: RemoteArgs,
        login: String,
        /// Id of the Patient
        #[arg(long)]
        patient: String,
        /// clinical, medication, document, scheduling, billing; all unless some are named
        #[arg(long = "category", value_name = "WORD")]
        categories: Vec<String>,
        /// Sensitive categories that it opens
        #[arg(long = "label", value_name = "WORD")]
        labels: Vec<String>,
        /// Last day, YYYY-MM-DD
        #[arg(long, value_name = "DATE")]
        until: String,
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// End it
    End {
        #[command(flatten)]
        remote: RemoteArgs,
        login: String,
        /// Id of the Patient
        #[arg(long)]
        patient: String,
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum State {
    Invited,
    Active,
    Recovering,
    Deactivated,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Kind {
    Workforce,
    Patient,
    Proxy,
    Service,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Checked {
    InPerson,
    TwoFacts,
    Colleague,
}

pub async fn run(args: Args) -> Result<Outcome, ServerError> {
    match args.command {
        Command::List { remote, state } => {
            let remote = remote.open()?;
            let state = state.map(|state| word(&state));
            let answer = remote.get(&format!("/manage/users{}", query(&[("state", state.as_deref())]))).await?;
            remote.say(&answer, |answer| show::table(&answer["users"], &COLUMNS));
        }
        Command::Show { remote, login } => {
            let remote = remote.open()?;
            let answer = remote.get(&of(&remote, &login, "").await?).await?;
            remote.say(&answer, say_user);
        }
        Command::Invite { remote, login, name, family, kind, roles, patient, practitioner, checked, reason } => {
            let roles: Vec<Value> = roles.iter().map(|role| json!({"role": role})).collect();
            let remote = remote.open()?;
            let body = json!({
                "login": login, "name": name, "family": family, "kind": word(&kind),
                "checked": checked.map(|checked| word(&checked)), "roles": roles, "patient": patient, "practitioner": practitioner,
                "reason": reason,
            });
            let answer = remote.post("/manage/users", body).await?;
            remote.say(&answer, say_link);
        }
        Command::Deactivate { remote, login, reason } => {
            let remote = remote.open()?;
            let answer = remote.post(&of(&remote, &login, "/deactivate").await?, json!({"reason": reason})).await?;
            remote.done(&answer, format!("{login} is deactivated: every session and token has ended."));
        }
        Command::Reactivate { remote, login, checked, reason } => {
            let remote = remote.open()?;
            let body = json!({"checked": word(&checked), "reason": reason});
            let answer = remote.post(&of(&remote, &login, "/reactivate").await?, body).await?;
            remote.say(&answer, say_link);
        }
        Command::Recover { remote, login, checked, reason } => {
            let remote = remote.open()?;
            let body = json!({"checked": word(&checked), "reason": reason});
            let answer = remote.post(&of(&remote, &login, "/recovery").await?, body).await?;
            remote.say(&answer, say_link);
        }
        Command::Licence { remote, login, number, state, from, until, none: _ } => {
            let remote = remote.open()?;
            let licence = number.map(|number| json!({"number": number, "state": state, "from": from, "until": until}));
            let answer = remote.put(&of(&remote, &login, "/licence").await?, json!({"value": licence})).await?;
            remote.done(&answer, format!("{login}: the licence is on file."));
        }
        Command::Npi { remote, login, npi } => {
            let remote = remote.open()?;
            let answer = remote.put(&of(&remote, &login, "/npi").await?, json!({"value": npi})).await?;
            remote.done(&answer, format!("{login}: the NPI is on file."));
        }
        Command::Practitioner { remote, login, id } => {
            let remote = remote.open()?;
            let answer = remote.put(&of(&remote, &login, "/practitioner").await?, json!({"value": id})).await?;
            remote.done(&answer, format!("{login} is linked to the practitioner."));
        }
        Command::Chart { remote, login, id } => {
            let remote = remote.open()?;
            let answer = remote.put(&of(&remote, &login, "/chart").await?, json!({"value": id})).await?;
            remote.done(&answer, format!("{login} is linked to the patient's chart."));
        }
        Command::Proxy(Proxy::Grant { remote, login, patient, categories, labels, until, reason }) => {
            let remote = remote.open()?;
            let body = json!({
                "patient": patient, "categories": categories, "labels": labels,
                "until": until, "reason": reason,
            });
            let answer = remote.post(&of(&remote, &login, "/proxies").await?, body).await?;
            remote.done(&answer, format!("{login} acts for the patient until {until}."));
        }
        Command::Proxy(Proxy::End { remote, login, patient, reason }) => {
            let remote = remote.open()?;
            let path = of(&remote, &login, &format!("/proxies/{}", segment(&patient))).await?;
            let answer = remote.delete_with(&path, json!({"reason": reason})).await?;
            remote.done(&answer, format!("{login} no longer acts for the patient."));
        }
        Command::FirstAdmin(args) => return first_admin::run(args).await,
        Command::RecoverAdmin(args) => return recover_admin::run(args).await,
    }
    Ok(Outcome::Done)
}

/// The address of somebody's account, found by login, with what is `below` it.
pub async fn of(remote: &Remote, login: &str, below: &str) -> Result<String, ServerError> {
    let found = remote.get(&format!("/manage/users{}", query(&[("login", Some(login))]))).await?;
    match found["users"][0]["id"].as_str() {
        Some(id) => Ok(format!("/manage/users/{}{below}", segment(id))),
        None => Err(ServerError::Refused(format!("nobody has the login {}", show::clean(login)))),
    }
}

fn say_user(user: &Value) {
    show::card(user, &CARD);
    say::line("");
    show::table(&user["grants"], &GRANTS);
    if user["proxies"].as_array().is_some_and(|proxies| !proxies.is_empty()) {
        say::line("");
        show::table(&user["proxies"], &PROXIES);
    }
}

/// What is shown once and never again.
pub fn say_link(answer: &Value) {
    show::card(answer, &[("link", "link"), ("code", "code"), ("until", "until")]);
    say::line("It is shown this once. Hand it to its owner in person or by a channel that you trust.");
}

fn word(value: &impl ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}
