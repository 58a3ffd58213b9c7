//! The locked screen: whose it is, and the way back for that person. It shows nothing of what they were doing.

use askama::Template;
use axum::body::Body;
use http::{Response, StatusCode};
use identity::Ended;
use serde_json::json;

use super::Answer;
use super::sign_in::{second_step, told};
use crate::answer;
use crate::assets::Frame;
use crate::client::Asked;
use crate::guard::{COOKIE, NEXT_COOKIE};
use crate::place::Place;
use crate::refusal::{Refusal, wants_json};

#[derive(Template)]
#[template(path = "lock.html")]
struct Page<'a> {
    frame: Frame<'a>,
    name: &'a str,
    /// Goes with every form, so that each tab comes back to its own place.
    next: String,
    error: Option<String>,
    device_challenge: String,
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    match asked.watcher().await {
        Ok(session) => return Ok(answer::see(&asked.next_for(session.user))),
        Err(Refusal::NotSignedIn) => {}
        Err(refusal) => return Err(refusal),
    }
    match asked.ended() {
        // A screen that is unlocked where it is: what the key of this browser signs.
        Some(ended) if ended.is_locked && wants_json(asked.parts) => {
            let challenge = asked.web.identity().door_challenge();
            Ok(answer::json(StatusCode::OK, &json!({ "device_challenge": challenge })))
        }
        Some(ended) if ended.is_locked => Ok(form(asked, &ended, StatusCode::OK, None)),
        ended => Ok(to_the_door(asked, ended.as_ref())),
    }
}

/// Sent to any page of ours with `?lock`: that page is where one comes back.
pub async fn lock(asked: &Asked<'_>) -> Answer {
    let sent = asked.form();
    let session = asked.writer(&sent).await?;
    asked.web.identity().lock(&session, &asked.from).await?;
    let label = asked.web.identity().place_label(session.user);
    let place = Place::parse(sent.text("place")).or_else(|| Place::parse(asked.parts.uri.path()));
    let next = place.and_then(|place| place.of(&label)).map_or_else(String::new, |place| place.as_query());
    Ok(answer::see(&format!("/lock{next}")))
}

/// The first step of the person whose screen it is.
pub async fn password(asked: &Asked<'_>) -> Answer {
    asked.sent_by_our_page()?;
    let sent = asked.form();
    let Some(ended) = asked.ended().filter(|ended| ended.is_locked) else { return Ok(to_the_door(asked, None)) };
    let claim = sent.device();
    let identity = asked.web.identity();
    match identity.sign_in_password(&ended.login, sent.text("password"), claim.as_ref(), &asked.from).await {
        Ok(first) => Ok(second_step(asked, &first)),
        Err(refusal) => told(asked, refusal, |status, words| form(asked, &ended, status, Some(words))),
    }
}

fn form(asked: &Asked<'_>, ended: &Ended, status: StatusCode, error: Option<String>) -> Response<Body> {
    let identity = asked.web.identity();
    let (named, label) = (asked.named_place(), identity.place_label(ended.user));
    let place = named.as_deref().and_then(Place::parse).and_then(|place| place.of(&label));
    let page = Page {
        frame: Frame::of(asked.web),
        name: &ended.display_name,
        next: place.map_or_else(String::new, |place| place.as_query()),
        error,
        device_challenge: identity.door_challenge(),
    };
    answer::page(status, &page)
}

/// Nobody's screen any more. A place whose owner is known waits for them at the door.
fn to_the_door(asked: &Asked<'_>, ended: Option<&Ended>) -> Response<Body> {
    let mut response = answer::see("/signin");
    if asked.cookie(COOKIE).is_some() {
        answer::drop_cookie(&mut response, COOKIE);
    }
    let (named, label) = (asked.named_place(), ended.map(|ended| asked.web.identity().place_label(ended.user)));
    let place = named.as_deref().and_then(Place::parse);
    let place = match &label {
        Some(label) => place.and_then(|place| place.of(label)),
        None => place.filter(Place::is_somebodys),
    };
    if let Some(place) = place {
        answer::set_cookie(&mut response, NEXT_COOKIE, &place.to_string());
    }
    response
}
