//! What `first-admin` and `recover-admin` share: where they work, for whom, and how the code is told.

use identity::{IdentityError, Invited};

use super::remote::show;
use super::{BASE_URL_DEFAULT, DataArgs, Outcome};
use crate::assembly::House;
use crate::operator::{Operator, OperatorArgs};
use crate::{ServerError, say};

#[derive(Debug, clap::Args)]
pub struct CodeArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    operator: OperatorArgs,
    /// The administrator's account
    #[arg(long, value_name = "NAME")]
    pub login: String,
    /// Address of the server, where the code is taken
    #[arg(long, value_name = "URL", default_value = BASE_URL_DEFAULT)]
    base_url: String,
}

impl CodeArgs {
    pub async fn open(&self) -> Result<(House, Operator), ServerError> {
        let operator = self.operator.named(self.data.class()?)?;
        Ok((self.data.house(&self.base_url).await?, operator))
    }

    /// Closes the house and tells the code, this once. What was refused is in the log as that.
    pub async fn tell(
        &self,
        house: House,
        operator: &Operator,
        what: &str,
        made: Result<Invited, IdentityError>,
    ) -> Result<Outcome, ServerError> {
        if made.is_err() {
            let denied = audit::Outcome::Denied { policy: "" };
            let subject = operator.because(what);
            house.note_outcome(audit::Action::AccountChange, &operator.name, Some(&subject), None, denied).await?;
        }
        house.close().await?;
        let invited = made?;
        let Some(code) = invited.code else {
            return Err(ServerError::Refused("no code was made".into()));
        };
        say::line(format!("{} enrols at {}/enrol with this code:", show::clean(&self.login), self.base_url));
        say::line(format!("  {}", code.as_str()));
        say::line(format!("It is shown this once and good until {}.", crate::clock::instant(invited.expires_ms)));
        Ok(Outcome::Done)
    }
}
