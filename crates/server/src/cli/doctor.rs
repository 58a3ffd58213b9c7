//! `wardstone doctor`

use super::{DataArgs, Outcome};
use crate::doctor::{Verdict, examine};
use crate::{ServerError, clock, say};

/// Look at permissions, keys, space, the log, the last backup and the clock, and say what is wrong
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  wardstone doctor --data /srv/wardstone --kek-file /media/key/kek\n\n\
    Exit code 1 if something is bad; warnings leave it 0.")]
pub struct Args {
    #[command(flatten)]
    data: DataArgs,
}

pub fn run(args: &Args) -> Result<Outcome, ServerError> {
    let findings = examine(&args.data.directory()?, &args.data.kek, clock::now_ms())?;
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
