//! `wardstone init`

use std::path::PathBuf;

use crypto::EnvironmentClass;

use super::Outcome;
use crate::directory::{DataDirectory, is_absent_or_empty};
use crate::kek::{KekArgs, PASSPHRASE_VARIABLE, read_kek_file, refuse_inside, write_kek_file};
use crate::{ServerError, say};

/// Make the data directory of an organization, under a key that lies elsewhere
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    wardstone init --data /srv/wardstone --kek-file /media/key/wardstone.kek --new-kek\n  \
    wardstone init --data /srv/wardstone --passphrase-file /run/secrets/passphrase\n  \
    WARDSTONE_PASSPHRASE=… wardstone init --data /srv/wardstone")]
pub struct Args {
    /// The directory to make
    #[arg(long, value_name = "DIR", env = "WARDSTONE_DATA")]
    data: PathBuf,
    #[command(flatten)]
    kek: KekArgs,
    /// Make the key file, which must not exist yet
    #[arg(long, requires = "kek_file")]
    new_kek: bool,
}

pub fn run(args: &Args) -> Result<Outcome, ServerError> {
    if !is_absent_or_empty(&args.data)? {
        return Err(ServerError::Refused(format!("{} is not empty", args.data.display())));
    }
    let kek = match &args.kek.kek_file {
        Some(path) => {
            refuse_inside(path, &args.data)?;
            if args.new_kek { write_kek_file(path, false)? } else { read_kek_file(path)? }
        }
        None => args.kek.read(&args.data)?.ok_or_else(|| {
            ServerError::Usage(format!(
                "name the key: --kek-file, --passphrase-file, --passphrase-fd or {PASSPHRASE_VARIABLE}"
            ))
        })?,
    };
    let directory = DataDirectory::create(&args.data, EnvironmentClass::Production, &kek)?;
    say::line(format!("{} is ready.", directory.path().display()));
    say::line("Keep the key elsewhere and keep a second copy of it: without it nothing here can ever be read again.");
    say::line(format!(
        "Next: wardstone user first-admin --data {} --login NAME --operator YOU --reason TEXT",
        directory.path().display()
    ));
    Ok(Outcome::Done)
}
