//! `wardstone alert`

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::Outcome;
use super::remote::show::{self, Column};
use super::remote::{RemoteArgs, query, segment};
use crate::{ServerError, say};

const COLUMNS: [Column; 7] = [
    ("id", "id"),
    ("when", "raised"),
    ("rule", "rule"),
    ("severity", "severity"),
    ("state", "state"),
    ("owner", "owner"),
    ("about", "summary"),
];
const CARD: [Column; 9] = [
    ("id", "id"),
    ("rule", "rule"),
    ("severity", "severity"),
    ("state", "state"),
    ("owner", "owner"),
    ("raised", "raised"),
    ("about", "summary"),
    ("by", "login"),
    ("events", "events"),
];
const HISTORY: [Column; 4] = [("when", "when"), ("who", "who"), ("did", "did"), ("words", "words")];
const WEEK: [Column; 8] = [
    ("from", "from"),
    ("raised", "raised"),
    ("open", "open"),
    ("overdue", "overdue"),
    ("which", "overdue_ids"),
    ("glass to review", "glass_reviews_due"),
    ("roles to confirm", "recertifications_due"),
    ("last review", "last_review"),
];
const REVIEWS: [Column; 5] =
    [("signed", "signed"), ("by", "reviewer"), ("raised", "week.raised"), ("open", "week.open"), ("words", "words")];

/// The alert queue: what the audit log shows that somebody has to look at
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    wardstone alert list --state open\n  \
    wardstone alert show 17\n  \
    wardstone alert take 17\n  \
    wardstone alert close 17 --verdict justified --words \"spoke with Dr Ruiz: the patient had collapsed in the waiting room\"\n  \
    wardstone alert review --words \"looked at every alert of the week\"")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Alerts, newest first
    List {
        #[command(flatten)]
        remote: RemoteArgs,
        #[arg(long, value_enum)]
        state: Option<State>,
        /// Only those of one rule
        #[arg(long, value_name = "WORD")]
        rule: Option<String>,
    },
    /// One alert, with the events it rests on
    Show {
        #[command(flatten)]
        remote: RemoteArgs,
        #[arg(value_name = "ID")]
        alert: String,
    },
    /// Become its owner
    Take {
        #[command(flatten)]
        remote: RemoteArgs,
        #[arg(value_name = "ID")]
        alert: String,
    },
    /// Close it, with words that an auditor will read
    Close {
        #[command(flatten)]
        remote: RemoteArgs,
        #[arg(value_name = "ID")]
        alert: String,
        #[arg(long, value_name = "TEXT")]
        words: String,
        /// What came of it
        #[arg(long, value_enum)]
        verdict: Verdict,
    },
    /// Sign the review of the last week
    Review {
        #[command(flatten)]
        remote: RemoteArgs,
        #[arg(long, value_name = "TEXT")]
        words: String,
    },
    /// Add words to an alert
    Note {
        #[command(flatten)]
        remote: RemoteArgs,
        #[arg(value_name = "ID")]
        alert: String,
        #[arg(long, value_name = "TEXT")]
        words: String,
    },
    /// The week as it stands, and the reviews that were signed
    Reviews {
        #[command(flatten)]
        remote: RemoteArgs,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum State {
    Open,
    Taken,
    Closed,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Verdict {
    /// What was done was right
    Justified,
    /// Nothing had happened
    FalseAlarm,
    /// Somebody broke the rules
    Violation,
    /// A security incident, which goes on as one
    Incident,
}

pub async fn run(args: Args) -> Result<Outcome, ServerError> {
    match args.command {
        Command::List { remote, state, rule } => {
            let remote = remote.open()?;
            let state = state.map(|state| word(&state));
            let path = format!("/manage/alerts{}", query(&[("state", state.as_deref()), ("rule", rule.as_deref())]));
            let answer = remote.get(&path).await?;
            remote.say(&answer, |answer| show::table(&answer["alerts"], &COLUMNS));
        }
        Command::Show { remote, alert } => {
            let remote = remote.open()?;
            let answer = remote.get(&format!("/manage/alerts/{}", segment(&alert))).await?;
            remote.say(&answer, say_alert);
        }
        Command::Take { remote, alert } => {
            let remote = remote.open()?;
            let answer = remote.post(&format!("/manage/alerts/{}/take", segment(&alert)), json!({})).await?;
            remote.done(&answer, format!("alert {alert} is {}'s.", remote.login));
        }
        Command::Close { remote, alert, words, verdict } => {
            let remote = remote.open()?;
            let body = json!({"words": words, "verdict": word(&verdict)});
            let answer = remote.post(&format!("/manage/alerts/{}/close", segment(&alert)), body).await?;
            remote.done(&answer, format!("alert {alert} is closed."));
        }
        Command::Note { remote, alert, words } => {
            let remote = remote.open()?;
            let path = format!("/manage/alerts/{}/note", segment(&alert));
            let answer = remote.post(&path, json!({"words": words})).await?;
            remote.done(&answer, format!("noted in alert {alert}."));
        }
        Command::Review { remote, words } => {
            let remote = remote.open()?;
            let answer = remote.post("/manage/reviews", json!({"words": words})).await?;
            remote.done(&answer, "the review is signed.");
        }
        Command::Reviews { remote } => {
            let remote = remote.open()?;
            let answer = remote.get("/manage/reviews").await?;
            remote.say(&answer, |answer| {
                show::card(&answer["week"], &WEEK);
                say::line("");
                show::table(&answer["reviews"], &REVIEWS);
            });
        }
    }
    Ok(Outcome::Done)
}

fn say_alert(alert: &Value) {
    show::card(alert, &CARD);
    say::line("");
    show::table(&alert["history"], &HISTORY);
}

fn word(value: &impl ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}
