//! `wardstone backup`

use std::path::PathBuf;
use std::sync::Arc;

use super::{BASE_URL_DEFAULT, DataArgs, Outcome};
use crate::control::{self, Command};
use crate::operator::OperatorArgs;
use crate::{ServerError, backup, say};

/// Back up data and keys into two sets, while the server runs or without it
///
/// Neither set opens without the other and the key-encryption key. Keep all three apart.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    wardstone backup --data /srv/wardstone --operator cron --reason nightly /backup/2026-11-22\n  \
    wardstone backup --data wardstone-demo /tmp/demo-backup")]
pub struct Args {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    operator: OperatorArgs,
    /// An empty or new folder
    #[arg(value_name = "DEST")]
    destination: PathBuf,
}

pub async fn run(args: Args) -> Result<Outcome, ServerError> {
    let directory = args.data.directory()?;
    let destination =
        std::path::absolute(&args.destination).map_err(ServerError::io("is no path", &args.destination))?;
    let operator = args.operator.named(args.data.class()?)?;
    let made = if directory.is_in_use() {
        control::ask(&directory, &Command::Backup { destination, operator: operator.name, reason: operator.reason })
            .await?
    } else {
        let house = Arc::new(args.data.house(BASE_URL_DEFAULT).await?);
        let made = backup::make(&house, &destination, &operator).await;
        if let Some(house) = Arc::into_inner(house) {
            house.close().await?;
        }
        made?.to_string()
    };
    say::line(made);
    Ok(Outcome::Done)
}
