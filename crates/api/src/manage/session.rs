//! Sessions: sign in for the command line, who one is, step up, sign out; and the sessions that are open.

use access::UserId;
use identity::{Identity, Renewed, Session, SessionView, SignInRefusal};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::gate::COOKIE_NAME;
use super::problem::Problem;
use super::show::{country, id, instant};
use super::{Asked, Done, body};

/// What devices and sessions without a browser are called.
const CLI_LABEL: &str = "command line";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    login: String,
    password: String,
    totp: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepUp {
    totp: String,
}

/// Both factors at once. The session is bound to the address and program that it was made from.
pub async fn sign_in(asked: Asked<'_>) -> Result<Done, Problem> {
    let SignIn { login, password, totp } = body::parse(&asked.body)?;
    let (password, totp) = (Zeroizing::new(password), Zeroizing::new(totp));
    let (identity, from) = (asked.identity(), &asked.from);
    let first = identity.sign_in_password(&login, &password, None, from).await.map_err(refused)?;
    let signed_in = identity.sign_in_totp(&first.ticket, &totp, CLI_LABEL, from).await.map_err(refused)?;
    let session = identity.session(&signed_in.cookie, from).await.map_err(|_| Problem::unavailable())?;
    Done::created(json!({"token": signed_in.cookie.as_str(), "session": me_of(identity, &session)}))
}

pub fn me(asked: Asked<'_>) -> Result<Done, Problem> {
    let guest = asked.guest()?;
    let mut me = me_of(asked.identity(), &guest.session);
    if guest.by_cookie {
        // What a page's script has to send back.
        me["csrf"] = guest.session.csrf.as_str().into();
    }
    Done::ok(me)
}

pub async fn sign_out(asked: Asked<'_>) -> Result<Done, Problem> {
    let guest = asked.guest()?;
    asked.identity().sign_out(&guest.session, &asked.from).await?;
    let mut done = Done::nothing()?;
    done.cookie = guest.by_cookie.then(|| set_cookie("", "; Max-Age=0"));
    Ok(done)
}

/// A fresh proof, and a new secret for the session: the one before dies.
pub async fn step_up(asked: Asked<'_>) -> Result<Done, Problem> {
    let StepUp { totp } = body::parse(&asked.body)?;
    let guest = asked.guest()?;
    let Renewed { cookie } =
        asked.identity().step_up_totp(&guest.session, &totp, &asked.from).await.map_err(refused)?;
    if guest.by_cookie {
        let mut done = Done::ok(me_of(asked.identity(), &guest.session))?;
        done.cookie = Some(set_cookie(&cookie, ""));
        return Ok(done);
    }
    Done::ok(json!({"token": cookie.as_str(), "session": me_of(asked.identity(), &guest.session)}))
}

pub fn mine(asked: Asked<'_>) -> Result<Done, Problem> {
    let session = &asked.guest()?.session;
    list(asked.identity(), session.user, Some(session.number))
}

pub async fn end_mine(asked: Asked<'_>) -> Result<Done, Problem> {
    let session = &asked.guest()?.session;
    asked.identity().end_own_session(session, asked.number(0)?, &asked.from).await?;
    Done::nothing()
}

pub fn of_user(asked: Asked<'_>) -> Result<Done, Problem> {
    let user = asked.user()?;
    list(asked.identity(), user, Some(asked.guest()?.session.number))
}

pub async fn end(asked: Asked<'_>) -> Result<Done, Problem> {
    let (user, number) = (asked.user()?, asked.number(1)?);
    asked.identity().end_sessions_of(asked.caller()?, user, Some(number), &asked.from).await?;
    Done::nothing()
}

/// Wrong, unknown, spent and expired are one answer: which of them it is helps only who guesses.
pub fn refused(refusal: SignInRefusal) -> Problem {
    match refusal {
        SignInRefusal::DoesNotMatch | SignInRefusal::Expired => Problem::does_not_match(),
        SignInRefusal::Wait { seconds } => Problem::wait(seconds),
        SignInRefusal::Busy => Problem::unavailable(),
        SignInRefusal::DeviceRefused => Problem::not_permitted().with("this device may not be used any more"),
        SignInRefusal::Unavailable(error) => error.into(),
    }
}

fn list(identity: &Identity, user: UserId, current: Option<u64>) -> Result<Done, Problem> {
    let sessions: Vec<Value> = identity.sessions_of(user).iter().map(|view| shown(view, current)).collect();
    Done::ok(json!({"sessions": sessions}))
}

fn shown(view: &SessionView, current: Option<u64>) -> Value {
    json!({
        "id": id(view.number),
        "device": view.device.map(|device| device.to_string()),
        "address": view.address.to_string(),
        "country": country(view.country),
        "began": instant(view.started_ms),
        "last_used": instant(view.active_ms),
        "phishing_resistant": view.phishing_resistant,
        "current": current == Some(view.number),
    })
}

fn me_of(identity: &Identity, session: &Session) -> Value {
    let roles: Vec<&str> =
        session.caller.iter().flat_map(|caller| caller.roles().iter()).map(|role| role.name()).collect();
    let remaining = identity.remaining(session);
    json!({
        "id": id(session.number),
        "user": id(session.user.0),
        "login": session.login,
        "name": session.display_name,
        "roles": roles,
        "fresh": session.caller.as_ref().is_some_and(|caller| caller.facts().mfa_fresh),
        "idle_seconds": remaining.map(|remaining| remaining.idle_s),
        "absolute_seconds": remaining.map(|remaining| remaining.absolute_s),
    })
}

fn set_cookie(value: &str, more: &str) -> String {
    format!("{COOKIE_NAME}={value}; Path=/; Secure; HttpOnly; SameSite=Strict{more}")
}

impl Asked<'_> {
    /// The account that the address names. Who may come this far may know which there are.
    pub fn user(&self) -> Result<UserId, Problem> {
        let user = UserId(self.number(0)?);
        self.identity().profile(user).map(|_| user).ok_or_else(Problem::not_found)
    }
}
