//! Signing in: a passkey, or a password and then a second factor. Unknown accounts get the same answers.

use askama::Template;
use axum::body::Body;
use http::{Response, StatusCode};
use identity::{DeviceClaim, FirstFactor, SignInRefusal, SignedIn};
use serde::Deserialize;
use serde_json::json;

use super::Answer;
use crate::answer;
use crate::assets::Frame;
use crate::client::Asked;
use crate::guard::{COOKIE, NEXT_COOKIE, STEP_COOKIE};
use crate::place::Place;
use crate::refusal::{Refusal, wants_json};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Page<'a> {
    frame: Frame<'a>,
    error: Option<String>,
    device_challenge: String,
}

#[derive(Template)]
#[template(path = "second.html")]
struct SecondPage<'a> {
    frame: Frame<'a>,
    error: Option<String>,
    totp: bool,
    passkey: bool,
    recovery: bool,
    /// Where one goes on, for the addresses of the forms.
    next: String,
}

/// What the script sends after the authenticator answered.
#[derive(Deserialize)]
struct PasskeyAnswer {
    credential: serde_json::Value,
    device: Option<DeviceClaim>,
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    if asked.cookie(COOKIE).is_some() && asked.watcher().await.is_ok() {
        return Ok(answer::see("/"));
    }
    Ok(form(asked, StatusCode::OK, None))
}

pub async fn password(asked: &Asked<'_>) -> Answer {
    asked.sent_by_our_page()?;
    let form_sent = asked.form();
    let claim = form_sent.device();
    let signing = asked.web.identity().sign_in_password(
        form_sent.text("login"),
        form_sent.text("password"),
        claim.as_ref(),
        &asked.from,
    );
    match signing.await {
        Ok(first) => Ok(second_step(asked, &first)),
        Err(refusal) => told(asked, refusal, |status, words| form(asked, status, Some(words))),
    }
}

/// A page, or for a screen that is unlocked in place what to ask for next.
pub fn second_step(asked: &Asked<'_>, first: &FirstFactor) -> Response<Body> {
    if wants_json(asked.parts) {
        let ways = json!({ "totp": first.has_totp, "passkey": first.has_passkey, "recovery": first.has_recovery });
        let mut response = answer::json(StatusCode::OK, &ways);
        answer::set_cookie(&mut response, STEP_COOKIE, &first.ticket);
        return response;
    }
    let page = SecondPage {
        frame: Frame::of(asked.web),
        error: None,
        totp: first.has_totp,
        passkey: first.has_passkey,
        recovery: first.has_recovery,
        next: next(asked),
    };
    let mut response = answer::page(StatusCode::OK, &page);
    answer::set_cookie(&mut response, STEP_COOKIE, &first.ticket);
    response
}

pub async fn second(asked: &Asked<'_>) -> Answer {
    asked.sent_by_our_page()?;
    let sent = asked.form();
    let ticket = asked.cookie(STEP_COOKIE).ok_or(SignInRefusal::Expired)?;
    let (identity, label) = (asked.web.identity(), asked.device_label());
    let signed_in = match sent.text("recovery") {
        "" => identity.sign_in_totp(ticket, sent.text("code"), &label, &asked.from).await,
        code => identity.sign_in_recovery(ticket, code, &label, &asked.from).await,
    };
    match signed_in {
        Ok(signed_in) => Ok(welcome(asked, &signed_in)),
        // The ticket still holds; which ways there are the form itself said.
        Err(refusal @ SignInRefusal::DoesNotMatch) => told(asked, refusal, |status, words| {
            let has = |name: &str| sent.text(name) == "yes";
            let page = SecondPage {
                frame: Frame::of(asked.web),
                error: Some(words),
                totp: has("has_totp"),
                passkey: has("has_passkey"),
                recovery: has("has_recovery"),
                next: next(asked),
            };
            answer::page(status, &page)
        }),
        Err(refusal) => told(asked, refusal, |status, words| form(asked, status, Some(words))),
    }
}

pub fn passkey_begin(asked: &Asked<'_>) -> Answer {
    asked.sent_by_our_page()?;
    let begun = asked.web.identity().begin_passkey(&asked.from)?;
    let mut response = options(&begun.options)?;
    answer::set_cookie(&mut response, STEP_COOKIE, &begun.ticket);
    Ok(response)
}

pub fn second_passkey(asked: &Asked<'_>) -> Answer {
    asked.sent_by_our_page()?;
    let ticket = asked.cookie(STEP_COOKIE).ok_or(SignInRefusal::Expired)?;
    options(&asked.web.identity().begin_second_passkey(ticket, &asked.from)?)
}

pub async fn passkey_finish(asked: &Asked<'_>) -> Answer {
    asked.sent_by_our_page()?;
    let ticket = asked.cookie(STEP_COOKIE).ok_or(SignInRefusal::Expired)?;
    let sent: PasskeyAnswer = asked.json()?;
    let credential = sent.credential.to_string();
    let label = asked.device_label();
    let finishing = asked.web.identity().finish_passkey(ticket, &credential, sent.device.as_ref(), &label, &asked.from);
    let signed_in = finishing.await?;
    let mut response = answer::json(StatusCode::OK, &json!({ "next": asked.next_for(signed_in.user) }));
    signed(&mut response, &signed_in);
    Ok(response)
}

/// To where a signed-in person goes, with the cookie.
pub fn welcome(asked: &Asked<'_>, signed_in: &SignedIn) -> Response<Body> {
    let next = asked.next_for(signed_in.user);
    let mut response = match wants_json(asked.parts) {
        true => answer::json(StatusCode::OK, &json!({ "next": next })),
        false => answer::see(&next),
    };
    signed(&mut response, signed_in);
    response
}

pub fn signed(response: &mut Response<Body>, signed_in: &SignedIn) {
    answer::set_cookie(response, COOKIE, &signed_in.cookie);
    answer::drop_cookie(response, STEP_COOKIE);
    answer::drop_cookie(response, NEXT_COOKIE);
}

/// Of a screen that was locked.
fn next(asked: &Asked<'_>) -> String {
    let named = asked.named_place();
    named.as_deref().and_then(Place::parse).map_or_else(String::new, |place| place.as_query())
}

/// The options of a ceremony, as the library wrote them.
pub fn options(json_text: &str) -> Answer {
    let value: serde_json::Value = serde_json::from_str(json_text).map_err(|_| Refusal::Defect)?;
    Ok(answer::json(StatusCode::OK, &value))
}

fn form(asked: &Asked<'_>, status: StatusCode, error: Option<String>) -> Response<Body> {
    let device_challenge = asked.web.identity().door_challenge();
    answer::page(status, &Page { frame: Frame::of(asked.web), error, device_challenge })
}

/// A refusal that a person can do something about is said on the form; what is ours to mend is not.
pub fn told(
    asked: &Asked<'_>,
    refusal: SignInRefusal,
    on_form: impl FnOnce(StatusCode, String) -> Response<Body>,
) -> Answer {
    let refusal = Refusal::from(refusal);
    let (status, words) = (refusal.status(), refusal.words());
    if status.is_server_error() || wants_json(asked.parts) {
        return Err(refusal);
    }
    let waits = refusal.answer(asked.web, asked.parts, None).headers_mut().remove(http::header::RETRY_AFTER);
    let mut response = on_form(status, words);
    if let Some(seconds) = waits {
        response.headers_mut().insert(http::header::RETRY_AFTER, seconds);
    }
    Ok(response)
}
