//! `wardstone policy`

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::{Map, Value, json};

use super::Outcome;
use super::remote::show::{self, Column};
use super::remote::{RemoteArgs, segment};
use crate::{ServerError, files, say};

const DAYS_DEFAULT: u32 = 7;
const POLICY_EXTENSION: &str = "cedar";
const VERSIONS: [Column; 6] = [
    ("version", "version"),
    ("state", "state"),
    ("proposed by", "author"),
    ("proposed", "proposed"),
    ("active since", "activated"),
    ("words", "words"),
];
const CHANGES: [Column; 7] = [
    ("now", "change"),
    ("times", "count"),
    ("roles", "roles"),
    ("action", "action"),
    ("type", "type"),
    ("labels", "labels"),
    ("relation", "relations"),
];

/// Policy versions: look, propose, replay over last week's decisions, activate
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    wardstone policy list\n  \
    wardstone policy download 1 policies/\n  \
    wardstone policy validate policies/\n  \
    wardstone policy propose policies/ --words \"billing sees appointments\"\n  \
    wardstone policy replay 2 --days 7\n  \
    wardstone policy activate 2 --words \"as decided on 12 November\"")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Versions, and which is active
    List {
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// Write the sources of a version into a folder
    Download {
        #[command(flatten)]
        remote: RemoteArgs,
        version: String,
        /// An empty or new folder
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Check the policies of a folder against the schema and their cases; nothing is kept
    Validate {
        #[command(flatten)]
        remote: RemoteArgs,
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Keep the policies of a folder as a version that is not active
    Propose {
        #[command(flatten)]
        remote: RemoteArgs,
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        #[arg(long, value_name = "TEXT")]
        words: String,
    },
    /// What a version would have allowed or denied instead, in the decisions of the last days
    Replay {
        #[command(flatten)]
        remote: RemoteArgs,
        version: String,
        #[arg(long, default_value_t = DAYS_DEFAULT)]
        days: u32,
    },
    /// Decide by a version from now on
    Activate {
        #[command(flatten)]
        remote: RemoteArgs,
        version: String,
        #[arg(long, value_name = "TEXT")]
        words: String,
    },
}

pub async fn run(args: Args) -> Result<Outcome, ServerError> {
    match args.command {
        Command::List { remote } => {
            let remote = remote.open()?;
            let answer = remote.get("/manage/policies").await?;
            remote.say(&answer, |answer| show::table(&answer["versions"], &VERSIONS));
        }
        Command::Download { remote, version, folder } => {
            let remote = remote.open()?;
            let answer = remote.get(&format!("/manage/policies/{}", segment(&version))).await?;
            let count = write_sources(&answer["sources"], &folder)?;
            remote.done(&answer, format!("{count} files written to {}", folder.display()));
        }
        Command::Validate { remote, folder } => {
            let remote = remote.open()?;
            let answer = remote.post("/manage/policies/validate", json!({"sources": read_sources(&folder)?})).await?;
            remote.say(&answer, say_problems);
            return Ok(if answer["valid"] == true { Outcome::Done } else { Outcome::InPart });
        }
        Command::Propose { remote, folder, words } => {
            let remote = remote.open()?;
            let body = json!({"sources": read_sources(&folder)?, "words": words});
            let answer = remote.post("/manage/policies", body).await?;
            remote.say(&answer, |answer| say::line(format!("version {} is proposed.", answer["version"])));
        }
        Command::Replay { remote, version, days } => {
            let remote = remote.open()?;
            let path = format!("/manage/policies/{}/replay", segment(&version));
            let answer = remote.post(&path, json!({"days": days})).await?;
            remote.say(&answer, say_replay);
        }
        Command::Activate { remote, version, words } => {
            let remote = remote.open()?;
            let path = format!("/manage/policies/{}/activate", segment(&version));
            let answer = remote.post(&path, json!({"words": words})).await?;
            remote.done(&answer, format!("version {version} decides from now on."));
        }
    }
    Ok(Outcome::Done)
}

fn say_problems(answer: &Value) {
    let problems: Vec<&str> = answer["problems"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for problem in &problems {
        say::line(show::clean(problem));
    }
    say::line(if problems.is_empty() { "valid".to_owned() } else { format!("{} problems", problems.len()) });
}

fn say_replay(answer: &Value) {
    let count = |name: &str| answer[name].as_u64().unwrap_or(0);
    say::line(format!(
        "{} decisions replayed: {} would be allowed that were denied, {} denied that were allowed",
        count("decisions"),
        count("newly_allowed"),
        count("newly_denied")
    ));
    if answer["is_whole"] == false {
        say::line("The log has more events of these days than one replay looks at: the newest two million were.");
    }
    if count("not_asked") > 0 {
        say::line(format!("{} decisions were not asked again.", count("not_asked")));
    }
    if count("newly_allowed") + count("newly_denied") > 0 {
        show::table(&answer["changes"], &CHANGES);
    }
}

/// The policies of a folder, by file name. Schema, views and types are the program's own.
fn read_sources(folder: &Path) -> Result<Value, ServerError> {
    let mut sources = Map::new();
    for entry in std::fs::read_dir(folder).map_err(ServerError::io("cannot be read", folder))? {
        let path = entry.map_err(ServerError::io("cannot be read", folder))?.path();
        let is_policy = path.extension().is_some_and(|extension| extension == POLICY_EXTENSION);
        if let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|_| is_policy) {
            sources.insert(name.to_owned(), files::read_text(&path)?.into());
        }
    }
    if sources.is_empty() {
        return Err(ServerError::Refused(format!("{} holds no policies", folder.display())));
    }
    Ok(Value::Object(sources))
}

fn write_sources(sources: &Value, folder: &Path) -> Result<usize, ServerError> {
    if !crate::directory::is_absent_or_empty(folder)? {
        return Err(ServerError::Refused(format!("{} is not empty", folder.display())));
    }
    let none = Map::new();
    let sources = sources.as_object().unwrap_or(&none);
    files::create_folder(folder)?;
    for (name, text) in sources {
        // A server names files in the folder, never beside it.
        let is_name = name.strip_suffix(".cedar").is_some_and(|stem| {
            !stem.is_empty() && stem.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
        });
        if !is_name {
            return Err(ServerError::Refused("the server named a file outside of the folder".into()));
        }
        let path = folder.join(name);
        files::create_secret(&path, text.as_str().unwrap_or_default().as_bytes())?;
    }
    Ok(sources.len())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn sources_come_back_as_they_were_and_stay_in_their_folder() {
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().join("policies");
        let sources = json!({"nurse.cedar": "permit", "billing.cedar": "permit too"});
        assert_eq!(write_sources(&sources, &there).unwrap(), 2);
        assert_eq!(read_sources(&there).unwrap(), sources);
        assert!(write_sources(&sources, &there).is_err(), "the folder is not empty");
        for name in ["../out.cedar", "/etc/out.cedar", "a/b.cedar", "out.sh", ".cedar"] {
            assert!(write_sources(&json!({name: "x"}), &folder.path().join("other")).is_err(), "{name}");
        }
    }
}
