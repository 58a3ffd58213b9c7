//! Who comes by a link: it is opened by one browser, then who they are is checked, then they wait to be let in.

use askama::Template;
use axum::body::Body;
use http::{Response, StatusCode};
use serde::Deserialize;
use serde_json::json;
use telehealth::guests::{GuestError, Known};
use telehealth::identity_check::Refused;
use telehealth::link::Purpose;
use telehealth::{Secret, TelehealthError};

use super::Answer;
use crate::answer;
use crate::assets::{Asset, Frame, VISIT, VISIT_CSS, call_modules, visit_modules};
use crate::client::Asked;
use crate::clinic::time;
use crate::refusal::Refusal;

/// The link and what binds it to this browser. Opens nothing else, and nothing when the link is over.
const VISIT_COOKIE: &str = "__Host-wardstone-visit";

#[derive(Template)]
#[template(path = "visit_guest.html")]
struct Page<'a> {
    frame: Frame<'a>,
    css: &'static Asset,
    script: &'static Asset,
}

#[derive(Deserialize)]
struct Link {
    /// Empty when the page was loaded anew: then the cookie knows it.
    #[serde(default)]
    link: String,
}

#[derive(Deserialize)]
struct Who {
    birth_date: String,
    number: String,
}

impl Page<'_> {
    fn call_modules(&self) -> impl Iterator<Item = &'static Asset> {
        call_modules()
    }

    fn visit_modules(&self) -> impl Iterator<Item = &'static Asset> {
        visit_modules()
    }
}

pub fn guest(asked: &Asked<'_>) -> Response<Body> {
    answer::calling(StatusCode::OK, &Page { frame: Frame::of(asked.web), css: &VISIT_CSS, script: &VISIT })
}

pub async fn open(asked: &Asked<'_>) -> Answer {
    asked.sent_by_our_page()?;
    let sent: Link = asked.json()?;
    let held = kept(asked);
    let link = match sent.link.as_str() {
        "" => held.as_ref().map(|(link, _)| link.clone()),
        text => Secret::parse(text).ok(),
    };
    let Some(link) = link else { return Err(Refusal::Invalid(REFUSED)) };
    let binding = match held {
        Some((_, binding)) => binding,
        None => asked.web.guests().binding().map_err(refused)?,
    };
    let known = asked.web.guests().open(&link, &binding).await.map_err(refused)?;
    let mut response = shown(&known);
    answer::set_cookie(&mut response, VISIT_COOKIE, &format!("{}.{}", link.text(), binding.text()));
    Ok(response)
}

pub async fn check(asked: &Asked<'_>) -> Answer {
    asked.sent_by_our_page()?;
    let sent: Who = asked.json()?;
    let (link, binding) = kept(asked).ok_or(Refusal::Invalid(REFUSED))?;
    let Some(birth_date) = time::typed(sent.birth_date.trim()).filter(|date| date.len() == 10) else {
        return Err(Refusal::Invalid("type the whole birth date, such as 14-Jul-1968; this was not counted"));
    };
    let known = asked.web.guests().check(&link, &binding, &birth_date, &sent.number).await.map_err(refused)?;
    note(asked, &known)?;
    Ok(shown(&known))
}

pub async fn ticket(asked: &Asked<'_>) -> Answer {
    asked.sent_by_our_page()?;
    let (link, binding) = kept(asked).ok_or(Refusal::Invalid(REFUSED))?;
    let (visit, invite) = asked.web.guests().entry(&link, &binding).await.map_err(refused)?;
    let sheet = asked.web.sheets().of(&visit).map_err(super::unread)?;
    let secret = asked.web.hall().invite(sheet.settings(&visit), invite).ok_or(Refusal::Defect)?;
    if let Some(slot) = sheet.slot {
        asked.web.hall().plan(&visit, slot);
    }
    Ok(answer::json(StatusCode::OK, &json!({ "ticket": secret.text(), "visit": visit })))
}

/// How they were known goes to the clinician's page.
fn note(asked: &Asked<'_>, known: &Known) -> Result<(), Refusal> {
    let Some(verified) = &known.verified else { return Ok(()) };
    let changed = asked.web.sheets().change(&known.visit, |sheet| sheet.identify(verified));
    changed.map_err(super::unread)
}

pub(super) const REFUSED: &str = "this link does not open a visit: ask the clinic for another";

fn shown(known: &Known) -> Response<Body> {
    let is_patient = known.purpose == Purpose::Patient;
    let value = json!({ "check": known.is_to_check, "patient": is_patient, "left": known.attempts_left });
    answer::json(StatusCode::OK, &value)
}

pub(super) fn kept(asked: &Asked<'_>) -> Option<(Secret, Secret)> {
    let (link, binding) = asked.cookie(VISIT_COOKIE)?.split_once('.')?;
    Some((Secret::parse(link).ok()?, Secret::parse(binding).ok()?))
}

pub(super) fn refused(error: GuestError) -> Refusal {
    Refusal::Invalid(match error {
        GuestError::Link(TelehealthError::LinkEarly) => {
            "this visit is not open yet: it opens half an hour before the appointment"
        }
        GuestError::Link(TelehealthError::LinkLate) => "this visit is over: ask the clinic for another appointment",
        GuestError::Link(TelehealthError::LinkBound) => {
            "this link is in use in another browser: open it there, or ask the clinic for another"
        }
        GuestError::Identity(Refused::Mismatch) => "this does not match what the clinic has on file",
        GuestError::Identity(Refused::Attempts) | GuestError::Link(TelehealthError::Attempts) => {
            "there were too many attempts: call the clinic, which sends another link"
        }
        GuestError::Unchecked => "say first who you are",
        GuestError::Link(_) => REFUSED,
        error => {
            tracing::error!(%error, "a guest of a visit");
            return Refusal::Defect;
        }
    })
}
