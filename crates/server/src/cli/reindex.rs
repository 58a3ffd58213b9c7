//! `wardstone reindex`

use std::time::Instant;

use store::sqlite::INDEX_FILE;

use super::{BASE_URL_DEFAULT, DataArgs, Outcome};
use crate::operator::OperatorArgs;
use crate::{ServerError, files, say};

/// Build the search index anew from the record; the server must not run
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  wardstone reindex --data /srv/wardstone --kek-file /media/key/kek --operator ana --reason repair"
)]
pub struct Args {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    operator: OperatorArgs,
}

pub async fn run(args: Args) -> Result<Outcome, ServerError> {
    let started = Instant::now();
    let directory = args.data.directory()?;
    let operator = args.operator.named(args.data.class()?)?;
    {
        let _lock = directory.lock()?;
        for suffix in ["", "-wal", "-shm"] {
            let path = files::sibling(&directory.join(INDEX_FILE), suffix);
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(ServerError::io("cannot be removed", &path)(error));
                }
                _ => {}
            }
        }
    }
    // Opening finds no index and takes every head into it.
    let house = args.data.house(BASE_URL_DEFAULT).await?;
    house.note(audit::Action::Configure, &operator.name, Some(&operator.because("index built anew"))).await?;
    house.record.flush_index(1).await?;
    house.close().await?;
    say::line(format!("The index was built anew in {:.1} s.", started.elapsed().as_secs_f64()));
    Ok(Outcome::Done)
}
