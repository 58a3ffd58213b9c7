//! `wardstone logout`

use http::Method;
use zeroize::Zeroizing;

use super::Outcome;
use super::remote::{Client, SessionArgs, session_file};
use crate::{ServerError, say};

/// End the session of `wardstone login`, on the server and here
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  wardstone logout\n\n\
    Exit code 1 if the server could not be told: there the session ends by itself after 15 minutes.")]
pub struct Args {
    #[command(flatten)]
    session: SessionArgs,
}

pub async fn run(args: Args) -> Result<Outcome, ServerError> {
    let held = args.session.load()?;
    // Here first: whatever the server says, nobody finds the token in this file any more.
    session_file::remove(&args.session.path()?)?;
    let client = Client::new(&held.server, held.ca_cert.as_deref())?.with_token(Zeroizing::new(held.token.clone()));
    let answer = client.send(Method::DELETE, "/manage/session", None).await?;
    match answer.status.as_u16() {
        // It had ended already.
        200..=299 | 401 => say::line(format!("{} is signed out.", held.login)),
        status => return Err(super::remote::refusal(status, &answer.body)),
    }
    Ok(Outcome::Done)
}
