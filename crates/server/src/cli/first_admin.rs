//! `wardstone user first-admin`

use super::remote::show;
use super::{BASE_URL_DEFAULT, DataArgs, Outcome};
use crate::operator::OperatorArgs;
use crate::{ServerError, say};

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
    data: DataArgs,
    #[command(flatten)]
    operator: OperatorArgs,
    /// The account to make
    #[arg(long, value_name = "NAME")]
    login: String,
    /// As colleagues see it [default: the login]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Address of the server, where the code is taken
    #[arg(long, value_name = "URL", default_value = BASE_URL_DEFAULT)]
    base_url: String,
}

pub async fn run(args: Args) -> Result<Outcome, ServerError> {
    let operator = args.operator.named(args.data.class()?)?;
    let house = args.data.house(&args.base_url).await?;
    // The event before the code: who it is for, who asked, and why.
    let subject = operator.because("first administrator");
    house.note(audit::Action::AccountChange, &operator.name, Some(&subject)).await?;
    let name = args.name.as_deref().unwrap_or(&args.login);
    let made = house.identity.first_admin(&args.login, name, &operator.name).await;
    house.close().await?;
    show_code(&args.login, &args.base_url, made?)
}

/// Tells the code, this once.
pub fn show_code(login: &str, base_url: &str, invited: identity::Invited) -> Result<Outcome, ServerError> {
    let Some(code) = invited.code else {
        return Err(ServerError::Refused("no code was made".into()));
    };
    say::line(format!("{} enrols at {base_url}/enrol with this code:", show::clean(login)));
    say::line(format!("  {}", code.as_str()));
    say::line(format!("It is shown this once and good until {}.", crate::clock::instant(invited.expires_ms)));
    Ok(Outcome::Done)
}
