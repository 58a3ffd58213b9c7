//! `wardstone export`

use std::path::PathBuf;

use access::Role;

use super::{BASE_URL_DEFAULT, DataArgs, Outcome};
use crate::export::{self, ExportPlan, Form};
use crate::kek::KekArgs;
use crate::operator::{OperatorArgs, PersonArgs};
use crate::{ServerError, say};

/// Export resources as NDJSON, one file for each type; the server must not run
///
/// Files are sealed under a key made for this export, unless a named person says why they must not be. What is
/// exported is in the audit log, resource by resource.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    wardstone export --data /srv/wardstone --kek-file /media/key/kek --export-key /media/key/export.key /mnt/out\n  \
    wardstone export --open /mnt/out/Patient.ndjson.sealed --export-key /media/key/export.key > Patient.ndjson\n  \
    wardstone export --data wardstone-demo --plaintext --operator ana --reason \"migration test\" /tmp/out")]
pub struct Args {
    /// The data directory
    #[arg(long, value_name = "DIR", env = "WARDSTONE_DATA", required_unless_present = "open")]
    data: Option<PathBuf>,
    #[command(flatten)]
    kek: KekArgs,
    #[command(flatten)]
    operator: OperatorArgs,
    #[command(flatten)]
    person: PersonArgs,
    /// Where the key of this export is written (or, with --open, read)
    #[arg(long, value_name = "FILE", conflicts_with = "plaintext", required_unless_present = "plaintext")]
    export_key: Option<PathBuf>,
    /// Leave the files readable by everyone who gets them
    #[arg(long, requires = "reason")]
    plaintext: bool,
    /// Only these types
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Print the content of one sealed file of an export, and end
    #[arg(long, value_name = "FILE", conflicts_with_all = ["plaintext", "data", "destination"])]
    open: Option<PathBuf>,
    /// An empty or new folder
    #[arg(value_name = "DEST", required_unless_present = "open")]
    destination: Option<PathBuf>,
}

pub async fn run(args: Args) -> Result<Outcome, ServerError> {
    if let (Some(sealed), Some(key_file)) = (&args.open, &args.export_key) {
        export::open_sealed(sealed, key_file, &mut std::io::stdout().lock())?;
        return Ok(Outcome::Done);
    }
    let (Some(data), Some(destination)) = (args.data, args.destination) else {
        return Err(ServerError::Usage("name --data and DEST".into()));
    };
    if let Some(unknown) = args.types.iter().find(|name| record::types::parse(name).is_none()) {
        return Err(ServerError::Usage(format!("--type {unknown}: FHIR R4 has no such resource type")));
    }
    let form = match args.export_key {
        Some(key_file) => Form::Sealed { key_file },
        None if args.operator.operator.is_some() && args.operator.reason.is_some() => Form::Plaintext,
        None => return Err(ServerError::Usage("--plaintext needs --operator and --reason".into())),
    };
    let data = DataArgs { data, kek: args.kek };
    let operator = args.operator.named(data.class()?)?;
    let house = data.house(BASE_URL_DEFAULT).await?;
    let operator = match args.person.prove(&house, operator, &[Role::Admin]).await {
        Ok(operator) => operator,
        Err(error) => {
            house.close().await?;
            return Err(error);
        }
    };
    let plan = ExportPlan { destination, form, operator, types: args.types };
    let result = export::run(&house, &plan).await;
    house.close().await?;
    for (name, count) in result? {
        say::line(format!("{count:>10} {name}"));
    }
    say::line(format!("written to {}", plan.destination.display()));
    Ok(Outcome::Done)
}
