//! Proving oneself again, for what asks for a fresh verification.

use askama::Template;
use axum::body::Body;
use http::{Method, Response, StatusCode};
use identity::{Renewed, Session, SignInRefusal};
use serde::Deserialize;
use serde_json::json;

use super::Answer;
use super::sign_in::options;
use crate::answer;
use crate::assets::Frame;
use crate::client::Asked;
use crate::clinic::shell::{Place, Shell};
use crate::guard::COOKIE;
use crate::refusal::Refusal;
use crate::route::Route;

#[derive(Template)]
#[template(path = "step_up.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    error: Option<String>,
    next: Next<'a>,
}

/// Where the person was going: a page of ours, named in the query, or nowhere else.
struct Next<'a>(Option<&'a str>);

/// What the dialog over a page sends.
#[derive(Deserialize)]
struct Code {
    code: String,
}

#[derive(Deserialize)]
struct PasskeyAnswer {
    credential: serde_json::Value,
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    Ok(form(asked, &session, StatusCode::OK, None))
}

pub async fn totp(asked: &Asked<'_>) -> Answer {
    if asked.sends_json() {
        let session = asked.scripted().await?;
        let sent: Code = asked.json()?;
        let renewed = asked.web.identity().step_up_totp(&session, &sent.code, &asked.from).await?;
        return Ok(again(answer::json(StatusCode::OK, &json!({ "next": Next::of(asked).address() })), &renewed));
    }
    let sent = asked.form();
    let session = asked.writer(&sent).await?;
    match asked.web.identity().step_up_totp(&session, sent.text("code"), &asked.from).await {
        Ok(renewed) => Ok(again(answer::see(Next::of(asked).address()), &renewed)),
        Err(refusal @ (SignInRefusal::DoesNotMatch | SignInRefusal::Wait { .. })) => {
            let refusal = Refusal::from(refusal);
            Ok(form(asked, &session, refusal.status(), Some(refusal.words())))
        }
        Err(refusal) => Err(refusal.into()),
    }
}

pub async fn passkey(asked: &Asked<'_>) -> Answer {
    let session = asked.scripted().await?;
    options(&asked.web.identity().begin_step_up_passkey(&session)?)
}

pub async fn passkey_finish(asked: &Asked<'_>) -> Answer {
    let session = asked.scripted().await?;
    let sent: PasskeyAnswer = asked.json()?;
    let credential = sent.credential.to_string();
    let renewed = asked.web.identity().finish_step_up_passkey(&session, &credential, &asked.from).await?;
    Ok(again(answer::json(StatusCode::OK, &json!({ "next": Next::of(asked).address() })), &renewed))
}

/// The session goes on under a new cookie.
pub fn again(mut response: Response<Body>, renewed: &Renewed) -> Response<Body> {
    answer::set_cookie(&mut response, COOKIE, &renewed.cookie);
    response
}

impl<'a> Next<'a> {
    fn of(asked: &Asked<'a>) -> Self {
        let query = asked.parts.uri.query().unwrap_or_default();
        let place = query.split('&').find_map(|pair| pair.strip_prefix("next="));
        Self(place.filter(|place| Route::parse(&Method::GET, place).is_ok_and(|found| found.route.is_page())))
    }

    fn address(&self) -> &str {
        self.0.unwrap_or("/me")
    }

    /// For the forms of the page.
    fn query(&self) -> String {
        self.0.map_or_else(String::new, |place| format!("?next={place}"))
    }
}

fn form(asked: &Asked<'_>, session: &Session, status: StatusCode, error: Option<String>) -> Response<Body> {
    let shell = Shell::of(asked.web, session, Place::Elsewhere);
    answer::page(status, &Page { frame: Frame::of(asked.web), shell, error, next: Next::of(asked) })
}
