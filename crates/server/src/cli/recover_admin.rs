//! `wardstone user recover-admin`

use access::UserId;
use identity::IdentityError;

use super::Outcome;
use super::admin_code::CodeArgs;
use crate::ServerError;

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
    code: CodeArgs,
}

pub async fn run(args: Args) -> Result<Outcome, ServerError> {
    let (house, operator) = args.code.open().await?;
    let login = &args.code.login;
    let found = house.identity.accounts().into_iter().find(|profile| profile.login.eq_ignore_ascii_case(login));
    let made = match found {
        Some(account) => {
            house.identity.recover_on_machine(UserId(account.user), &operator.name, &operator.reason).await
        }
        None => Err(IdentityError::Invalid("no account has this login")),
    };
    args.code.tell(house, &operator, "recovery of the last administrator", made).await
}
