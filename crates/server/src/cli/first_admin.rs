//! `wardstone user first-admin`

use super::{DataArgs, Outcome};
use crate::ServerError;
use crate::operator::OperatorArgs;

/// The first administrator, while no server runs: a link with which this person enrols
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    operator: OperatorArgs,
    /// The account to make
    #[arg(long, value_name = "NAME")]
    login: String,
}

pub async fn run(args: Args) -> Result<Outcome, ServerError> {
    let _ = args;
    Err(ServerError::Refused("not wired".into()))
}
