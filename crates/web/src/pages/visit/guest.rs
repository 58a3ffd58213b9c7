//! Who comes by a link: it is opened by one browser, then who they are is checked, then they agree and say where they are, then they
//! wait to be let in.

mod agree;
pub mod forms;
mod relay;
mod who;

use askama::Template;
use axum::body::Body;
use http::{Response, StatusCode};
use identity::IdentityError;
use serde::Deserialize;
use serde_json::json;
use telehealth::choices::Choice;
use telehealth::consent::{self, COUNTRIES, ELSEWHERE, STATES};
use telehealth::guests::{GuestError, Known, place_of};
use telehealth::identity_check::Refused;
use telehealth::link::Purpose;
use telehealth::{Secret, TelehealthError};

use super::Answer;
use crate::answer;
use crate::assets::{Asset, Frame, VISIT, VISIT_CSS, call_modules, guest_modules};
use crate::client::Asked;
use crate::refusal::Refusal;

pub use agree::agree;
pub use relay::{guest as guest_relay, host as host_relay};
pub use who::{check, code, note};

/// The link and what binds it to this browser. Opens nothing else, and nothing when the link is over.
pub const VISIT_COOKIE: &str = "__Host-wardstone-visit";

#[derive(Template)]
#[template(path = "visit_guest.html")]
struct Page<'a> {
    frame: Frame<'a>,
    css: &'static Asset,
    script: &'static Asset,
    version: u16,
    countries: &'static [(&'static str, &'static str, &'static str)],
    states: &'static [(&'static str, &'static str)],
    elsewhere: &'static str,
}

#[derive(Deserialize)]
struct Wanted {
    /// The page asks by itself: nobody pressed.
    #[serde(default)]
    itself: bool,
}

#[derive(Deserialize)]
struct Link {
    /// Empty when the page was loaded anew: then the cookie knows it.
    #[serde(default)]
    link: String,
}

impl Page<'_> {
    fn call_modules(&self) -> impl Iterator<Item = &'static Asset> {
        call_modules()
    }

    fn visit_modules(&self) -> impl Iterator<Item = &'static Asset> {
        guest_modules()
    }
}

pub fn guest(asked: &Asked<'_>) -> Response<Body> {
    let page = Page {
        frame: Frame::of(asked.web),
        css: &VISIT_CSS,
        script: &VISIT,
        version: consent::VERSION,
        countries: COUNTRIES,
        states: STATES,
        elsewhere: ELSEWHERE,
    };
    answer::calling(StatusCode::OK, &page)
}

pub async fn open(asked: &Asked<'_>) -> Answer {
    asked.sent_by_our_page()?;
    let sent: Link = asked.json()?;
    let held = kept(asked);
    let link = match sent.link.as_str() {
        "" => held.as_ref().map(|(link, _)| link.clone()).ok_or(Refusal::Invalid(REFUSED))?,
        text => {
            // Whoever brought too many is not listened to, whatever they bring now.
            asked.web.guests().wait(asked.from.address).map_err(refused)?;
            Secret::parse(text).map_err(|error| turned(asked, error.into()))?
        }
    };
    let binding = match held {
        Some((_, binding)) => binding,
        None => asked.web.guests().binding().map_err(refused)?,
    };
    let known = asked.web.guests().open(&link, &binding).await.map_err(|error| turned(asked, error))?;
    let mut response = shown(asked, &known, (&link, &binding)).await?;
    hold(&mut response, &link, &binding);
    Ok(response)
}

pub async fn ticket(asked: &Asked<'_>) -> Answer {
    let (link, binding) = brought(asked)?;
    let wanted: Wanted = asked.json()?;
    let (visit, invite) = asked.web.guests().entry(&link, &binding).await.map_err(|error| turned(asked, error))?;
    let sheet = asked.web.sheets().of(&visit).map_err(super::unread)?;
    // Who was away when it ended would wait where nobody looks any more.
    if wanted.itself && sheet.course.is_over && asked.web.hall().view(&visit).is_none() {
        return Ok(answer::json(StatusCode::OK, &json!({ "over": true })));
    }
    let place = place_of(&visit, &invite);
    let secret = asked.web.hall().invite(sheet.settings(&visit), invite).ok_or(Refusal::Defect)?;
    if let Some(slot) = sheet.slot {
        asked.web.hall().plan(&visit, slot);
    }
    Ok(answer::json(StatusCode::OK, &json!({ "ticket": secret.text(), "visit": visit, "place": place })))
}

pub(super) const REFUSED: &str = "this link does not open a visit: ask the clinic for another";

/// What the page asks next.
async fn shown(asked: &Asked<'_>, known: &Known, held: (&Secret, &Secret)) -> Answer {
    let (forms, is_later) = forms_of(asked, known, held).await?;
    let ways = &known.ways;
    let has = |service| asked.web.outbox().has(service);
    let days = ways.choices.iter().map(|one| json!({ "id": one.id, "words": day(one) })).collect::<Vec<_>>();
    let value = json!({
        "check": known.is_to_check,
        "agree": known.is_to_agree,
        "patient": known.purpose == Purpose::Patient,
        // Which one a page that is loaded anew is back in.
        "visit": (!known.is_to_check && !known.is_to_agree).then_some(&known.visit),
        "passkey": super::passkey::before(asked, known)?,
        // Still to be filled in, and whether they are to wait.
        "forms": forms,
        "later": is_later,
        "left": known.attempts_left,
        "ways": {
            "number": ways.number,
            "days": days,
            // Only what could be sent is offered; whether it may be is said when it is asked for.
            "email": ways.email && has(compliance::Service::Email),
            "sms": ways.phone && has(compliance::Service::Sms),
            "codes": ways.codes_left,
        },
    });
    Ok(answer::json(StatusCode::OK, &value))
}

/// Asked of who has said who they are and agreed, and of nobody else.
async fn forms_of(
    asked: &Asked<'_>,
    known: &Known,
    (link, binding): (&Secret, &Secret),
) -> Result<(usize, bool), Refusal> {
    let is_asked = known.purpose.is_visited();
    if !is_asked || known.is_to_check || known.is_to_agree {
        return Ok((0, false));
    }
    let visited = asked.web.guests().visited(link, binding).await.map_err(|error| turned(asked, error))?;
    forms::left(asked, visited).await
}

/// `Tuesday, 3 November 2026, in the morning`.
fn day(choice: &Choice) -> String {
    let half = if choice.is_morning { "in the morning" } else { "in the afternoon" };
    format!("{}, {half}", choice.date.strftime("%A, %-d %B %Y"))
}

/// The visit is this browser's from now on.
pub fn hold(response: &mut Response<Body>, link: &Secret, binding: &Secret) {
    answer::set_cookie(response, VISIT_COOKIE, &format!("{}.{}", link.text(), binding.text()));
}

/// The link of a page of ours.
fn brought(asked: &Asked<'_>) -> Result<(Secret, Secret), Refusal> {
    asked.sent_by_our_page()?;
    kept(asked).ok_or(Refusal::Invalid(REFUSED))
}

pub(super) fn kept(asked: &Asked<'_>) -> Option<(Secret, Secret)> {
    let (link, binding) = asked.cookie(VISIT_COOKIE)?.split_once('.')?;
    Some((Secret::parse(link).ok()?, Secret::parse(binding).ok()?))
}

/// A link that is nobody's counts against who brings it.
fn turned(asked: &Asked<'_>, error: GuestError) -> Refusal {
    let is_strange = matches!(error, GuestError::Link(TelehealthError::LinkRefused | TelehealthError::Malformed));
    match is_strange.then(|| asked.web.guests().strange(asked.from.address)) {
        Some(Err(waits)) => refused(waits),
        _ => refused(error),
    }
}

pub fn refused(error: GuestError) -> Refusal {
    Refusal::Invalid(match error {
        GuestError::Wait { seconds } => return Refusal::Identity(IdentityError::Wait { seconds }),
        GuestError::Link(TelehealthError::LinkEarly) => {
            "this visit is not open yet: it opens half an hour before the appointment"
        }
        GuestError::Link(TelehealthError::LinkLate) => "this visit is over: ask the clinic for another appointment",
        GuestError::Link(TelehealthError::LinkBound) => {
            "this link is in use in another browser: open it there, or ask the clinic for another"
        }
        GuestError::Identity(Refused::Mismatch) => "this does not match what the clinic has on file",
        GuestError::TakenOut => "you were taken out of this visit: call the clinic",
        GuestError::Identity(Refused::Picks) => "that was not it, twice: say who you are in another way",
        GuestError::Identity(Refused::Attempts) | GuestError::Link(TelehealthError::Attempts) => {
            "there were too many attempts: call the clinic, which sends another link"
        }
        GuestError::NoCode => "no more codes are sent: say who you are in another way, or call the clinic",
        GuestError::Unchecked => "say first who you are",
        GuestError::NotAgreed => "read first what a visit by video means, and say where you are",
        GuestError::NotTheirs => "only the patient does this, or who stands for them",
        GuestError::OtherWords => {
            "these words have changed since the page was opened: load it anew and read them again"
        }
        GuestError::Link(_) => REFUSED,
        error => {
            tracing::error!(%error, "a guest of a visit");
            return Refusal::Defect;
        }
    })
}
