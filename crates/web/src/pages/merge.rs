//! Merging two records of one patient, and undoing it: found, laid side by side, done for a reason by who may.

use access::{Action, Denial};
use askama::Template;
use axum::body::Body;
use http::{Response, StatusCode};
use identity::Session;
use record::{Merging, REASON_BYTES_MAX, RecordError};

use super::Answer;
use super::patients::{asking, literal};
use super::register::{Double, Row, Who, doubles_of, rows};
use crate::answer;
use crate::assets::{Asset, Frame, PATIENT_CSS};
use crate::client::Asked;
use crate::clinic::ask::{Asking, known};
use crate::clinic::demographics::{Values, read};
use crate::clinic::shell::{Place, Shell};
use crate::forms::Form;
use crate::refusal::Refusal;

const NOT_FOUND: &str = "No other record has this number.";
const OVERTAKEN: &str =
    "One of the records was changed meanwhile, so nothing was merged. Both are shown as they are now: look again.";
const NOT_TREATED: &str = "You merge records of patients whom you treat. The other record is in somebody else's care: ask them to merge, or to add you to its care team. Nothing was merged.";

/// Which record is the other.
#[derive(Template)]
#[template(path = "patient_merge.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    css: &'static Asset,
    who: Who,
    found: Vec<Double>,
    number: &'a str,
    error: Option<&'static str>,
    /// The session has to be confirmed afresh before it merges.
    confirms_first: bool,
}

/// Both, side by side.
#[derive(Template)]
#[template(path = "patient_merge_pair.html")]
struct Pair<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    css: &'static Asset,
    one: Side,
    other: Side,
    rows: Vec<Row>,
    why: Vec<&'static str>,
    /// Id, name, number, and whether it is chosen.
    choices: [(String, String, String, bool); 2],
    reason: &'a str,
    error: Option<String>,
}

/// A record that was merged into another.
#[derive(Template)]
#[template(path = "patient_merged.html")]
struct Merged<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    css: &'static Asset,
    who: Side,
    surviving: Side,
    may_undo: bool,
    confirms_first: bool,
    reason: &'a str,
    error: Option<String>,
}

struct Side {
    who: Who,
    version: u32,
    values: Values,
}

/// Whether somebody merges records, or would after confirming that it is them.
pub fn may_merge(asking: &Asking<'_>) -> bool {
    leave(asking) != Leave::Never
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Leave {
    Now,
    AfterStepUp,
    Never,
}

fn leave(asking: &Asking<'_>) -> Leave {
    let Ok(kind) = known("Patient") else { return Leave::Never };
    match asking.record.policies().ever(asking.caller, Action::Merge, kind) {
        Ok(()) => Leave::Now,
        Err(denial) if Denial::wants_step_up(&denial) => Leave::AfterStepUp,
        Err(_) => Leave::Never,
    }
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = merging(asked, &session)?;
    choosing(asked, &session, &asking, "", None, StatusCode::OK).await
}

pub async fn step(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = merging(asked, &session)?;
    if leave(&asking) == Leave::AfterStepUp {
        return Ok(answer::see(&format!("/stepup?next=/patients/{}/merge", asked.ids[0])));
    }
    let other = match (form.text("other"), form.text("number").trim()) {
        ("", "") => {
            let error = Some("Choose the other record, or type its number.");
            return choosing(asked, &session, &asking, "", error, StatusCode::UNPROCESSABLE_ENTITY).await;
        }
        ("", number) => match numbered(&asking, number, asked.ids[0]).await? {
            Some(other) => other,
            None => {
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                return choosing(asked, &session, &asking, number, Some(NOT_FOUND), status).await;
            }
        },
        (other, _) => other.to_owned(),
    };
    if form.text("step") != "merge" {
        return pair(asked, &session, &asking, &form, &other, None, StatusCode::OK).await;
    }
    let version = |name: &str| form.text(name).parse::<u32>().map_err(|_| Refusal::Invalid("a version is missing"));
    let (own, theirs) = ((asked.ids[0], version("version")?), (other.as_str(), version("other-version")?));
    let (surviving, duplicate) = if form.text("goes-on") == other { (theirs, own) } else { (own, theirs) };
    let merging = Merging { surviving, duplicate, reason: form.text("reason") };
    match asking.record.merge(asking.caller, &merging).await {
        Ok(()) => Ok(answer::see(&format!("/patients/{}?merged", surviving.0))),
        Err(error) => {
            // A form sent twice finds done what it asks for.
            if asking.record.surviving(duplicate.0).await?.as_deref() == Some(surviving.0) {
                return Ok(answer::see(&format!("/patients/{}?merged", surviving.0)));
            }
            let (words, status) = told(error)?;
            pair(asked, &session, &asking, &form, &other, Some(words), status).await
        }
    }
}

/// The page of a record that was merged into another: where to go on, and the way back.
pub async fn merged(asked: &Asked<'_>, session: &Session, asking: &Asking<'_>, surviving: &str) -> Answer {
    shown_merged(asked, session, asking, surviving, "", None, StatusCode::OK).await
}

pub async fn undo(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = merging(asked, &session)?;
    let duplicate = asked.ids[0];
    if leave(&asking) == Leave::AfterStepUp {
        return Ok(answer::see(&format!("/stepup?next=/patients/{duplicate}")));
    }
    let Some(surviving) = asking.record.surviving(duplicate).await? else {
        // Undone already, by this form or by somebody else.
        return Ok(answer::see(&format!("/patients/{duplicate}")));
    };
    let version = |name: &str| form.text(name).parse::<u32>().map_err(|_| Refusal::Invalid("a version is missing"));
    let merging = Merging {
        surviving: (&surviving, version("other-version")?),
        duplicate: (duplicate, version("version")?),
        reason: form.text("reason"),
    };
    match asking.record.unmerge(asking.caller, &merging).await {
        Ok(()) => Ok(answer::see(&format!("/patients/{duplicate}?unmerged"))),
        Err(error) => {
            let (words, status) = told(error)?;
            shown_merged(asked, &session, &asking, &surviving, form.text("reason"), Some(words), status).await
        }
    }
}

fn merging<'a>(asked: &'a Asked<'_>, session: &'a Session) -> Result<Asking<'a>, Refusal> {
    let asking = asking(asked, session)?;
    if may_merge(&asking) { Ok(asking) } else { Err(Refusal::NotYours) }
}

/// What a person reads where the record refuses, and goes on from.
fn told(error: RecordError) -> Result<(String, StatusCode), Refusal> {
    Ok(match error {
        error if error.is_overtaken() => (OVERTAKEN.to_owned(), StatusCode::CONFLICT),
        RecordError::Denied(_) => (NOT_TREATED.to_owned(), StatusCode::FORBIDDEN),
        RecordError::Malformed(words) => (format!("Nothing was changed: {words}."), StatusCode::UNPROCESSABLE_ENTITY),
        RecordError::TooMany { .. } => (
            format!(
                "Nothing was changed: at most {REASON_BYTES_MAX} letters of a reason, and 16 records of one patient."
            ),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        error => return Err(error.into()),
    })
}

async fn numbered(asking: &Asking<'_>, number: &str, own: &str) -> Result<Option<String>, Refusal> {
    let wanted = format!("{},{}", literal(number), literal(&number.to_uppercase()));
    let sheet = asking.search("Patient", &[("identifier", &wanted), ("_count", "5")]).await?;
    let held = sheet.resources();
    let mut ids = held.iter().filter_map(|one| crate::clinic::read::text(one, "id")).filter(|id| *id != own);
    Ok(ids.next().map(str::to_owned))
}

async fn side(asking: &Asking<'_>, id: &str) -> Result<Side, Refusal> {
    let held = asking.read("Patient", id).await?;
    let patient = held.get().tree()?;
    Ok(Side { who: Who::of(&patient), version: held.get().version(), values: read(&patient) })
}

async fn choosing(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    number: &str,
    error: Option<&'static str>,
    status: StatusCode,
) -> Result<Response<Body>, Refusal> {
    let own = side(asking, asked.ids[0]).await?;
    let mut found = doubles_of(asking, &own.values).await?;
    found.retain(|one| one.who.id != own.who.id && !one.is_merged);
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Patients),
        css: &PATIENT_CSS,
        who: own.who,
        found,
        number,
        error,
        confirms_first: leave(asking) == Leave::AfterStepUp,
    };
    Ok(answer::page(status, &page))
}

async fn pair(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    form: &Form,
    other: &str,
    error: Option<String>,
    status: StatusCode,
) -> Result<Response<Body>, Refusal> {
    if other == asked.ids[0] {
        return choosing(asked, session, asking, "", Some(NOT_FOUND), StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let one = side(asking, asked.ids[0]).await?;
    let held = asking.read("Patient", other).await?;
    let patient = held.get().tree()?;
    let double = Double::of(&one.values, &patient);
    let goes_on = form.text("goes-on");
    let page = Pair {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Patients),
        css: &PATIENT_CSS,
        rows: rows(&one.values, std::slice::from_ref(&double)),
        choices: [choice(&one.who, goes_on != other), choice(&double.who, goes_on == other)],
        other: Side { who: double.who, version: held.get().version(), values: Values::default() },
        why: double.why,
        one,
        reason: form.text("reason"),
        error,
    };
    Ok(answer::page(status, &page))
}

fn choice(who: &Who, is_chosen: bool) -> (String, String, String, bool) {
    (who.id.clone(), who.name.clone(), who.mrn.clone(), is_chosen)
}

async fn shown_merged(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    surviving: &str,
    reason: &str,
    error: Option<String>,
    status: StatusCode,
) -> Result<Response<Body>, Refusal> {
    let page = Merged {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Patients),
        css: &PATIENT_CSS,
        who: side(asking, asked.ids[0]).await?,
        surviving: side(asking, surviving).await?,
        may_undo: may_merge(asking),
        confirms_first: leave(asking) == Leave::AfterStepUp,
        reason,
        error,
    };
    Ok(answer::page(status, &page))
}
