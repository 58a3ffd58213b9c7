//! `wardstone baa`

use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use serde_json::{Map, Value, json};

use super::Outcome;
use super::remote::show::{self, Column};
use super::remote::{Remote, RemoteArgs, segment};
use crate::{ServerError, say};

/// An agreement is some pages; a file of another size is another file.
const DOCUMENT_BYTES_MAX: u64 = 256 * 1024 * 1024;
const COLUMNS: [Column; 6] = [
    ("id", "id"),
    ("state", "state"),
    ("vendor", "vendor"),
    ("services", "services"),
    ("signed", "signed"),
    ("expires", "expires"),
];
const CARD: [Column; 9] = [
    ("id", "id"),
    ("state", "state"),
    ("vendor", "vendor"),
    ("services", "services"),
    ("signed", "signed"),
    ("expires", "expires"),
    ("sha-256", "document"),
    ("reviewer", "reviewer"),
    ("notes", "notes"),
];
const HISTORY: [Column; 4] = [("when", "when"), ("who", "who"), ("did", "did"), ("words", "words")];

/// Business associate agreements: which there are, and which are in force (45 CFR 164.308(b), 164.502(e))
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    wardstone baa list\n  \
    wardstone baa add \"Courier Mail, Inc.\" --service email --signed 2026-11-01 --expires 2027-10-31 \\\n    \
        --document agreement.pdf --words \"as decided on 12 November\"\n  \
    wardstone baa amend 3 --expires 2028-10-31 --document renewal.pdf --words \"renewed for a year\"\n  \
    wardstone baa end 3 --words \"we moved to another vendor\"")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// All agreements, newest first
    List {
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// One agreement, with who changed what
    Show {
        #[command(flatten)]
        remote: RemoteArgs,
        #[arg(value_name = "ID")]
        agreement: String,
    },
    /// Enter an agreement that was signed
    Add {
        #[command(flatten)]
        remote: RemoteArgs,
        /// As the configuration of endpoints names it
        vendor: String,
        /// What it covers; several times
        #[arg(long = "service", value_enum, required = true)]
        services: Vec<Service>,
        #[arg(long, value_name = "YYYY-MM-DD")]
        signed: String,
        /// Its last day; of one without an end the day by which it is reviewed
        #[arg(long, value_name = "YYYY-MM-DD")]
        expires: String,
        /// The signed document: its SHA-256 is kept, the file is not sent
        #[arg(long, value_name = "FILE")]
        document: PathBuf,
        /// Who read it [default: you]
        #[arg(long, value_name = "NAME")]
        reviewer: Option<String>,
        #[arg(long, value_name = "TEXT", default_value = "")]
        notes: String,
        /// Why, for the history
        #[arg(long, value_name = "TEXT")]
        words: String,
    },
    /// Change what an agreement says; what is not named stays
    Amend {
        #[command(flatten)]
        remote: RemoteArgs,
        #[arg(value_name = "ID")]
        agreement: String,
        #[arg(long = "service", value_enum)]
        services: Vec<Service>,
        #[arg(long, value_name = "YYYY-MM-DD")]
        signed: Option<String>,
        #[arg(long, value_name = "YYYY-MM-DD")]
        expires: Option<String>,
        #[arg(long, value_name = "FILE")]
        document: Option<PathBuf>,
        #[arg(long, value_name = "NAME")]
        reviewer: Option<String>,
        #[arg(long, value_name = "TEXT")]
        notes: Option<String>,
        #[arg(long, value_name = "TEXT")]
        words: String,
    },
    /// End an agreement: from now on it covers nothing
    End {
        #[command(flatten)]
        remote: RemoteArgs,
        #[arg(value_name = "ID")]
        agreement: String,
        #[arg(long, value_name = "TEXT")]
        words: String,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Service {
    Email,
    Sms,
    Video,
    Storage,
    Siem,
    Turn,
    Other,
}

pub async fn run(args: Args) -> Result<Outcome, ServerError> {
    match args.command {
        Command::List { remote } => {
            let remote = remote.open()?;
            let answer = remote.get("/manage/baa").await?;
            remote.say(&answer, |answer| show::table(&answer["agreements"], &COLUMNS));
        }
        Command::Show { remote, agreement } => {
            let remote = remote.open()?;
            let answer = remote.get(&place(&agreement)).await?;
            remote.say(&answer, |agreement| {
                show::card(agreement, &CARD);
                say::line("");
                show::table(&agreement["history"], &HISTORY);
            });
        }
        Command::Add { remote, vendor, services, signed, expires, document, reviewer, notes, words } => {
            let remote = remote.open()?;
            let body = json!({
                "vendor": vendor, "services": words_of(&services), "signed": signed, "expires": expires,
                "document": digest(&document)?, "reviewer": reviewer.unwrap_or_default(), "notes": notes, "words": words,
            });
            let answer = remote.post("/manage/baa", body).await?;
            let id = answer["id"].as_str().unwrap_or_default();
            remote.done(&answer, format!("agreement {id} is in the register."));
        }
        Command::Amend { remote, agreement, services, signed, expires, document, reviewer, notes, words } => {
            let remote = remote.open()?;
            let document = document.as_deref().map(digest).transpose()?;
            let mut body = Map::new();
            let texts = [
                ("signed", signed),
                ("expires", expires),
                ("document", document),
                ("reviewer", reviewer),
                ("notes", notes),
            ];
            for (name, text) in texts {
                if let Some(text) = text {
                    body.insert(name.into(), text.into());
                }
            }
            if !services.is_empty() {
                body.insert("services".into(), words_of(&services));
            }
            body.insert("words".into(), words.into());
            body.insert("version".into(), version(&remote, &agreement).await?);
            let answer = remote.put(&place(&agreement), Value::Object(body)).await?;
            remote.done(&answer, format!("agreement {agreement} is amended."));
        }
        Command::End { remote, agreement, words } => {
            let remote = remote.open()?;
            let body = json!({"words": words, "version": version(&remote, &agreement).await?});
            let answer = remote.post(&format!("{}/end", place(&agreement)), body).await?;
            remote.done(&answer, format!("agreement {agreement} has ended."));
        }
    }
    Ok(Outcome::Done)
}

fn place(agreement: &str) -> String {
    format!("/manage/baa/{}", segment(agreement))
}

/// As it is now: a command changes what it was not shown.
async fn version(remote: &Remote, agreement: &str) -> Result<Value, ServerError> {
    Ok(remote.get(&place(agreement)).await?["version"].clone())
}

fn digest(path: &Path) -> Result<String, ServerError> {
    let length = std::fs::metadata(path).map_err(ServerError::io("cannot be read", path))?.len();
    if length > DOCUMENT_BYTES_MAX {
        return Err(ServerError::Usage(format!("{}: larger than a document may be", path.display())));
    }
    let bytes = std::fs::read(path).map_err(ServerError::io("cannot be read", path))?;
    Ok(compliance::Digest::of(&bytes).to_string())
}

fn words_of(services: &[Service]) -> Value {
    let name = |service: &Service| service.to_possible_value().map(|value| value.get_name().to_owned());
    services.iter().filter_map(name).collect()
}
