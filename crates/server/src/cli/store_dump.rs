//! `wardstone store dump`

use std::path::PathBuf;

use super::{DataArgs, Outcome};
use crate::assembly::Keys;
use crate::operator::OperatorArgs;
use crate::{ServerError, clock, dump, offline, say};

/// Write every table as someone with the database keys would see it, so that anyone can look for what leaks
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  wardstone store dump --data wardstone-demo /tmp/dump && grep -ri smith /tmp/dump")]
pub struct Args {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    operator: OperatorArgs,
    /// An empty or new folder
    #[arg(value_name = "DIR")]
    destination: PathBuf,
}

pub fn run(args: &Args) -> Result<Outcome, ServerError> {
    let directory = args.data.directory()?;
    let keys = Keys::open(&directory, &args.data.kek.for_directory(&directory)?, None)?;
    let operator = args.operator.named(keys.class)?;
    offline::keep(&directory, &keys.keyring, offline::Command::StoreDump, &operator, clock::now_ms())?;
    let rows = dump::write(&directory, &keys, &args.destination)?;
    say::line(format!("{rows} rows written to {}", args.destination.display()));
    Ok(Outcome::Done)
}
