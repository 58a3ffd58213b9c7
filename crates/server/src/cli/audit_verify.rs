//! `wardstone audit verify`

use std::path::PathBuf;

use super::Outcome;
use crate::assembly::Keys;
use crate::directory::DataDirectory;
use crate::kek::KekArgs;
use crate::operator::OperatorArgs;
use crate::{ServerError, clock, files, offline, say, verify};

/// Verify the audit log, and every stored version against it; changes neither and names every problem
///
/// With --data the keys are used, so that details and rows are compared too. With --log-folder the public key in the log's
/// folder is enough. Without a checkpoint that was kept elsewhere, a rollback of everything cannot be excluded.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    wardstone audit verify --data wardstone-demo\n  \
    wardstone audit verify --data /srv/wardstone --kek-file /media/key/kek --against /mnt/witness/checkpoint \\\n      \
        --operator ana --reason \"monthly review\"\n  \
    wardstone audit verify --log-folder /mnt/copy/audit --against checkpoint\n\n\
    Exit code 1 if anything is wrong.")]
#[command(group = clap::ArgGroup::new("what").required(true).args(["data", "log_folder"]))]
pub struct Args {
    /// The data directory
    #[arg(long, value_name = "DIR", env = "WARDSTONE_DATA")]
    data: Option<PathBuf>,
    /// Only this folder of a log
    #[arg(long, value_name = "DIR")]
    log_folder: Option<PathBuf>,
    /// A checkpoint that was kept elsewhere
    #[arg(long, value_name = "CHECKPOINT")]
    against: Option<PathBuf>,
    #[command(flatten)]
    kek: KekArgs,
    #[command(flatten)]
    operator: OperatorArgs,
}

pub fn run(args: &Args) -> Result<Outcome, ServerError> {
    let against = args.against.as_deref().map(files::read_text).transpose()?;
    let (text, is_intact) = match (&args.data, &args.log_folder) {
        (_, Some(folder)) => {
            let report = verify::log_alone(folder, against.as_deref())?;
            (report.to_string(), report.is_intact())
        }
        (Some(data), None) => {
            let directory = DataDirectory::open(data)?;
            let keys = Keys::open(&directory, &args.kek.for_directory(&directory)?, None)?;
            let operator = args.operator.named(keys.class)?;
            // What is verified may lie on a disk that nobody writes any more: that is no reason not to look.
            let kept =
                offline::keep(&directory, &keys.keyring, offline::Command::AuditVerify, &operator, clock::now_ms());
            if let Err(error) = kept {
                say::error(format!("wardstone: the audit log will not learn of this: {error}"));
            }
            let findings = verify::directory(&directory, &keys, against.as_deref())?;
            (findings.to_string(), findings.is_intact())
        }
        (None, None) => return Err(ServerError::Usage("name --data or --log-folder".into())),
    };
    say::line(text);
    Ok(if is_intact { Outcome::Done } else { Outcome::InPart })
}
