//! `wardstone doctor`

use std::path::PathBuf;

use super::{DataArgs, Outcome};
use crate::config::Config;
use crate::doctor::{Verdict, examine, scanner};
use crate::{ServerError, clock, say};

/// Look at permissions, keys, space, the log, the last backup, the clock and what sends messages, and say what is wrong
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  wardstone doctor --data /srv/wardstone --kek-file /media/key/kek --config /etc/wardstone.toml\n\n\
    Exit code 1 if something is bad; warnings leave it 0."
)]
pub struct Args {
    #[command(flatten)]
    data: DataArgs,
    /// The settings of `wardstone serve`: what sends messages, and whether an agreement covers it, is told too
    #[arg(long, value_name = "FILE", env = "WARDSTONE_CONFIG")]
    config: Option<PathBuf>,
}

pub async fn run(args: Args) -> Result<Outcome, ServerError> {
    let config = match &args.config {
        Some(file) => Some(Config::load(Some(file), |name| std::env::var(name).ok())?),
        None => None,
    };
    let mut findings = examine(&args.data.directory()?, &args.data.kek, config.as_ref(), clock::now_ms())?;
    findings.extend(scanner(config.as_ref()).await);
    for finding in &findings {
        let mark = match finding.verdict {
            Verdict::Good => "good   ",
            Verdict::Warning => "warning",
            Verdict::Bad => "BAD    ",
        };
        say::line(format!("{mark}  {}", finding.text));
    }
    let is_bad = findings.iter().any(|finding| finding.verdict == Verdict::Bad);
    Ok(if is_bad { Outcome::InPart } else { Outcome::Done })
}
