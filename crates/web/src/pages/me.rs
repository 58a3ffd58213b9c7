//! Oneself: roles, sessions, devices and tokens, and the way out.

use askama::Template;
use http::StatusCode;
use identity::{DeviceState, IssuedToken, NewToken, Session};

use super::Answer;
use super::visit::{self, KeptPasskey, Mine, VISIT_COOKIE};
use crate::answer;
use crate::assets::Frame;
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::day;
use crate::clinic::shell::{Place, Shell};
use crate::clinic::ties;
use crate::guard::{COOKIE, NEXT_COOKIE};
use crate::place;
use crate::refusal::Refusal;

#[derive(Template)]
#[template(path = "me.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    session: &'a Session,
    roles: Vec<String>,
    /// Says who works with whom.
    keeps_ties: bool,
    verified_device: bool,
    fresh: bool,
    minutes: i64,
    guidance: Option<String>,
    sessions: Vec<SessionRow>,
    devices: Vec<DeviceRow>,
    tokens: Vec<TokenRow>,
    issued: Option<Issued>,
    visits: Vec<Mine>,
    passkeys: Vec<KeptPasskey>,
}

struct SessionRow {
    number: u64,
    current: bool,
    started: String,
    active: String,
    address: String,
    how: &'static str,
}

struct DeviceRow {
    number: u64,
    current: bool,
    label: String,
    state: &'static str,
    last: String,
    open: bool,
}

struct TokenRow {
    number: u64,
    label: String,
    scopes: String,
    expires: String,
    expired: bool,
}

struct Issued {
    secret: String,
    expires: String,
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    shown(asked, &session, StatusCode::OK, None).await
}

pub async fn end_session(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    asked.web.identity().end_own_session(&session, form.number("number")?, &asked.from).await?;
    Ok(answer::see("/me"))
}

pub async fn end_others(asked: &Asked<'_>) -> Answer {
    let session = asked.writer(&asked.form()).await?;
    asked.web.identity().end_own_sessions(&session, true, &asked.from).await?;
    Ok(answer::see("/me"))
}

pub async fn close_device(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let is_lost = form.text("as") == "lost";
    asked.web.identity().close_own_device(&session, form.number("number")?, is_lost, &asked.from).await?;
    Ok(answer::see("/me"))
}

pub async fn new_token(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let caller = session.caller.as_ref().ok_or(Refusal::Invalid("a token needs an account with a role"))?;
    let scopes = Some(form.text("scopes").trim().to_owned()).filter(|text| !text.is_empty());
    let days = u32::try_from(form.number("days")?).map_err(|_| Refusal::Invalid("too many days"))?;
    let new = NewToken { user: session.user, label: form.text("label").to_owned(), scopes, purpose: None, days };
    let issued = asked.web.identity().issue_token(caller, new, &asked.from).await?;
    shown(asked, &session, StatusCode::CREATED, Some(&issued)).await
}

pub async fn revoke_token(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let caller = session.caller.as_ref().ok_or(Refusal::NotFound)?;
    asked.web.identity().revoke_token(caller, form.number("number")?, &asked.from).await?;
    Ok(answer::see("/me"))
}

/// Single letters as keys: on or off, for this person wherever they sign in.
pub async fn letters(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    asked.web.identity().set_letters(&session, form.text("letters") != "off").await?;
    Ok(answer::see("/me"))
}

pub async fn sign_out(asked: &Asked<'_>) -> Answer {
    let session = asked.writer(&asked.form()).await?;
    asked.web.identity().sign_out(&session, &asked.from).await?;
    let mut response = answer::see("/signin");
    answer::drop_cookie(&mut response, COOKIE);
    answer::drop_cookie(&mut response, VISIT_COOKIE);
    answer::set_cookie(&mut response, NEXT_COOKIE, place::NOWHERE);
    Ok(response)
}

async fn shown(asked: &Asked<'_>, session: &Session, status: StatusCode, issued: Option<&IssuedToken>) -> Answer {
    let identity = asked.web.identity();
    let time = |ms| day::moment(ms, asked.web.zone());
    let sessions = identity.sessions_of(session.user).into_iter().map(|one| SessionRow {
        number: one.number,
        current: one.number == session.number,
        started: time(one.started_ms),
        active: time(one.active_ms),
        address: one.address.to_string(),
        how: if one.phishing_resistant { "passkey" } else { "password and second factor" },
    });
    let devices = identity.devices_of(session.user).into_iter().map(|one| DeviceRow {
        number: one.number,
        current: session.device == Some(one.number),
        label: one.label,
        state: one.state.word(),
        last: time(one.last_ms),
        open: matches!(one.state, DeviceState::New | DeviceState::Verified),
    });
    let tokens = identity.tokens_of(session.user).into_iter().map(|one| TokenRow {
        number: one.number,
        label: one.label,
        scopes: one.scopes.unwrap_or_else(|| "all that my roles allow".to_owned()),
        expires: time(one.expires_ms),
        expired: one.is_expired,
    });
    let roles =
        session.caller.iter().flat_map(|caller| caller.roles().iter().map(|role| role.name().replace('_', " ")));
    let keeps_ties =
        { session.caller.as_ref() }.is_some_and(|caller| ties::keeps(&Asking { record: asked.web.record(), caller }));
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Me),
        session,
        keeps_ties,
        roles: roles.collect(),
        verified_device: session.device_state == Some(DeviceState::Verified),
        fresh: identity.is_fresh(session),
        minutes: identity.remaining(session).map_or(0, |remaining| (remaining.idle_s + 59) / 60),
        guidance: identity.guidance(session.user).ok().and_then(|held| held.acknowledged_ms).map(time),
        sessions: sessions.collect(),
        devices: devices.collect(),
        tokens: tokens.collect(),
        issued: issued.map(|one| Issued { secret: one.secret.to_string(), expires: time(one.expires_ms) }),
        visits: visit::mine(asked, session).await?,
        passkeys: visit::own_passkeys(asked, session).await?,
    };
    Ok(answer::page(status, &page))
}
