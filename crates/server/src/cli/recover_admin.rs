//! `wardstone user recover-admin`

use access::UserId;

use super::first_admin::show_code;
use super::{BASE_URL_DEFAULT, DataArgs, Outcome};
use crate::ServerError;
use crate::operator::OperatorArgs;

/// A new enrolment for the last administrator, while no server runs: old factors, sessions and tokens are void
///
/// Works only while no other administrator could do it with `wardstone user recover`. Who did it and why is in the audit
/// log, and an alert at the next start.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    wardstone user recover-admin --data /srv/wardstone --kek-file /media/key/kek --login ana \\\n      \
        --operator root --reason \"lost phone and codes, known in person\"")]
pub struct Args {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    operator: OperatorArgs,
    /// The administrator
    #[arg(long, value_name = "NAME")]
    login: String,
    /// Address of the server, where the code is taken
    #[arg(long, value_name = "URL", default_value = BASE_URL_DEFAULT)]
    base_url: String,
}

pub async fn run(args: Args) -> Result<Outcome, ServerError> {
    let operator = args.operator.named(args.data.class()?)?;
    let house = args.data.house(&args.base_url).await?;
    let found = house.identity.accounts().into_iter().find(|profile| profile.login == args.login);
    let recovered = match found {
        Some(profile) => {
            let subject = operator.because(&format!("recovery of user {}", profile.user));
            house.note(audit::Action::AccountChange, &operator.name, Some(&subject)).await?;
            let user = UserId(profile.user);
            house.identity.recover_on_machine(user, &operator.name, &operator.reason).await.map_err(ServerError::from)
        }
        None => Err(ServerError::Refused("no account has this login".into())),
    };
    house.close().await?;
    show_code(&args.login, &args.base_url, recovered?)
}
