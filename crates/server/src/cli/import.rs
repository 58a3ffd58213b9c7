//! `wardstone import`

use std::io::IsTerminal;
use std::path::PathBuf;

use access::Role;

use super::{BASE_URL_DEFAULT, DataArgs, Outcome};
use crate::import::{self, ImportPlan, Summary};
use crate::operator::{OperatorArgs, PersonArgs};
use crate::{ServerError, say};

/// Import transaction and batch Bundles (.json) and bulk NDJSON (.ndjson) from files and folders
///
/// The server must not run. An import that was interrupted goes on where it stopped when it is run again: what was
/// committed before is not taken twice.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    wardstone import --data /srv/wardstone --kek-file /media/key/kek --operator ana --reason \"move from the old system\" hospital/\n  \
    wardstone import --data wardstone-demo --report report.jsonl Patient.ndjson Observation.ndjson\n\n\
    The report has one JSON line for what was refused or left out: file, line (of a bulk file) or entry (of a\n\
    bundle), expression, rule, outcome. It never has a value. Exit code 1 if anything was refused.")]
pub struct Args {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    operator: OperatorArgs,
    #[command(flatten)]
    person: PersonArgs,
    /// Where the report is written; what is there already stays, so that it goes on with an interrupted import
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Address of this server: absolute references below it become relative
    #[arg(long, value_name = "URL", default_value = BASE_URL_DEFAULT)]
    base_url: String,
    /// Files and folders
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

pub async fn run(args: Args) -> Result<Outcome, ServerError> {
    let operator = args.operator.named(args.data.class()?)?;
    let house = args.data.house(&args.base_url).await?;
    let operator = match args.person.prove(&house, operator, &[Role::Admin]).await {
        Ok(operator) => operator,
        Err(error) => {
            house.close().await?;
            return Err(error);
        }
    };
    let plan =
        ImportPlan { paths: args.paths, operator, report: args.report, progress: std::io::stderr().is_terminal() };
    let result = import::run(&house, &plan).await;
    house.close().await?;
    let summary = result?;
    say_summary(&summary);
    Ok(if summary.failed == 0 { Outcome::Done } else { Outcome::InPart })
}

fn say_summary(summary: &Summary) {
    for (name, count) in &summary.written {
        say::line(format!("{count:>10} {name}"));
    }
    let seconds = summary.took.as_secs_f64();
    let (resources, files) = (summary.resources(), summary.files);
    let rate = resources as f64 / seconds.max(0.001);
    say::line(format!("{resources:>10} resources from {files} files in {seconds:.1} s ({rate:.0}/s)"));
    if summary.already_there > 0 {
        say::line(format!("{:>10} already there", summary.already_there));
    }
    for (rule, count) in &summary.dropped {
        say::line(format!("{count:>10} elements left out by collection rule {rule}"));
    }
    if summary.failed > 0 {
        say::line(format!("{:>10} refused; --report says which and why", summary.failed));
    }
}
