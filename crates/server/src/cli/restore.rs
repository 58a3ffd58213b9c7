//! `wardstone restore`

use std::path::PathBuf;

use crypto::EnvironmentClass;

use super::Outcome;
use crate::kek::KekArgs;
use crate::operator::OperatorArgs;
use crate::restore::{RestorePlan, Sets, restore};
use crate::{ServerError, kek, say};

/// Restore a backup into a new directory, and verify its log and rows before saying so
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    wardstone restore /backup/2026-11-22 --data /srv/wardstone --kek-file /media/key/kek \\\n      \
        --operator ana --reason \"the disk failed\"\n  \
    wardstone restore /backup/data --keys /vault/keys --data /srv/wardstone --passphrase-fd 3 3< passphrase")]
pub struct Args {
    /// The backup, or its data set
    #[arg(value_name = "SRC")]
    source: PathBuf,
    /// The key set, where it is kept elsewhere [default: SRC/keys]
    #[arg(long, value_name = "DIR")]
    keys: Option<PathBuf>,
    /// The directory to make
    #[arg(long, value_name = "NEWDIR")]
    data: PathBuf,
    #[command(flatten)]
    kek: KekArgs,
    #[command(flatten)]
    operator: OperatorArgs,
}

pub async fn run(args: Args) -> Result<Outcome, ServerError> {
    let sets = Sets::find(&args.source, args.keys.as_deref());
    let class = sets.root_file()?.class;
    let operator = args.operator.named(class)?;
    let plan = RestorePlan { sets, destination: args.data, operator };
    let named = args.kek.read(&plan.destination)?;
    let kek = match named {
        Some(kek) => kek,
        None if class == EnvironmentClass::Demo => kek::read_kek_file(&plan.sets.demo_kek(&plan.destination)?)?,
        None => {
            return Err(ServerError::Usage(
                "name the key: --kek-file, --passphrase-file, --passphrase-fd or WARDSTONE_PASSPHRASE".into(),
            ));
        }
    };
    let restored = restore(&plan, &kek).await?;
    say::line(restored.findings.to_string());
    if !restored.findings.is_intact() {
        say::line("Nothing was restored.");
        return Ok(Outcome::InPart);
    }
    let (seconds, place) = (restored.took.as_secs_f64(), plan.destination.display());
    say::line(format!("Restored the backup of {} to {place} in {seconds:.1} s.", restored.made));
    Ok(Outcome::Done)
}
