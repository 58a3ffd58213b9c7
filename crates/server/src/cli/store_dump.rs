//! `wardstone store dump`

use std::path::PathBuf;

use access::Role;
use crypto::EnvironmentClass;

use super::{BASE_URL_DEFAULT, DataArgs, Outcome};
use crate::assembly::Keys;
use crate::operator::{OperatorArgs, PersonArgs};
use crate::{ServerError, clock, dump, offline, say};

/// Write every table as someone with the database keys would see it, so that anyone can look for what leaks
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  wardstone store dump --data wardstone-demo /tmp/dump && grep -ri smith /tmp/dump")]
pub struct Args {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    operator: OperatorArgs,
    #[command(flatten)]
    person: PersonArgs,
    /// An empty or new folder
    #[arg(value_name = "DIR")]
    destination: PathBuf,
}

pub async fn run(args: Args) -> Result<Outcome, ServerError> {
    let class = args.data.class()?;
    let mut operator = args.operator.named(class)?;
    // A demo's dump looks at files as they lie there, also of a directory that a server works on.
    if class == EnvironmentClass::Production {
        let house = args.data.house(BASE_URL_DEFAULT).await?;
        let proven = args.person.prove(&house, operator, &[Role::Admin]).await;
        house.close().await?;
        operator = proven?;
    }
    let directory = args.data.directory()?;
    let keys = Keys::open(&directory, &args.data.kek.for_directory(&directory)?, None)?;
    offline::keep(&directory, &keys.keyring, offline::Command::StoreDump, &operator, clock::now_ms())?;
    let rows = dump::write(&directory, &keys, &args.destination)?;
    say::line(format!("{rows} rows written to {}", args.destination.display()));
    Ok(Outcome::Done)
}
