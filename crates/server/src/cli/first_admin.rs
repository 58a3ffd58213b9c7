//! `wardstone user first-admin`

use super::Outcome;
use super::admin_code::CodeArgs;
use crate::ServerError;

const WHAT: &str = "first administrator";

/// The first administrator, while no server runs: a code with which this person enrols
///
/// Works only while nobody is an administrator. The code is good for one enrolment and three days; making another one voids
/// nothing that somebody enrolled with. Who made it and why is in the audit log, and an alert at the next start.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    wardstone user first-admin --data /srv/wardstone --kek-file /media/key/kek --login ana --name \"Ana Ruiz\" \\\n      \
        --operator ana --reason \"setting up the clinic\"")]
pub struct Args {
    #[command(flatten)]
    code: CodeArgs,
    /// As colleagues see it [default: the login]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

pub async fn run(args: Args) -> Result<Outcome, ServerError> {
    let (house, operator) = args.code.open().await?;
    let login = &args.code.login;
    let name = args.name.as_deref().unwrap_or(login);
    let made = house.identity.first_admin(login, name, &operator.name, &operator.because(WHAT)).await;
    args.code.tell(house, &operator, WHAT, made).await
}
