//! One message or task by itself: all of it, and what can be done with it.

use askama::Template;
use fhir::Json;
use http::StatusCode;
use identity::Session;
use record::{PART2_NOTICE, RecordError};

use super::reopen::{self, Undo};
use super::{Answer, asking};
use crate::answer;
use crate::assets::{Asset, Frame, ONCE, WORK_CSS};
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::banner::{Allergies, Banner};
use crate::clinic::day::Day;
use crate::clinic::hands::{self, Given, people};
use crate::clinic::head::Head;
use crate::clinic::inbox::{self, Item};
use crate::clinic::read::{has_code, reference, text};
use crate::clinic::shell::{Place, Shell};
use crate::clinic::task;
use crate::clinic::token;
use crate::forms::Form;

pub const WORDS_CHARS_MAX: usize = 4_000;
pub const WHY_CHARS_MAX: usize = 300;

#[derive(Template)]
#[template(path = "inbox_item.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    style: &'static Asset,
    once: &'static Asset,
    banner: Banner,
    /// None where it is done.
    item: Option<Item>,
    draft: &'a Draft,
    people: Vec<(String, String)>,
    may_act: bool,
    may_answer: bool,
    may_prescribe: bool,
    sees_medicines: bool,
    /// Of what one is done with oneself, and could take back.
    undo: Option<Undo>,
    is_stale: bool,
    tomorrow: String,
    chars_max: (usize, usize),
    part2_notice: Option<&'static str>,
}

/// What is typed, as it was typed.
#[derive(Default)]
pub struct Draft {
    pub token: String,
    pub show: String,
    pub until: String,
    pub owner: String,
    pub why: String,
    pub answer: String,
    /// The form was sent before: what came of it.
    pub sent: Option<&'static str>,
    pub slips: Vec<(&'static str, &'static str)>,
}

impl Draft {
    pub fn read(form: &Form) -> Self {
        let field = |name: &str| form.text(name).replace("\r\n", "\n").trim().to_owned();
        Self {
            token: field("token"),
            show: field("show"),
            until: field("until"),
            owner: field("owner"),
            why: field("why"),
            answer: field("answer"),
            sent: None,
            slips: Vec::new(),
        }
    }

    pub fn slip(&self, field: &str) -> Option<&str> {
        self.slips.iter().find(|(name, _)| *name == field).map(|(_, words)| *words)
    }
}

pub async fn task(asked: &Asked<'_>) -> Answer {
    page(asked, "Task").await
}

pub async fn message(asked: &Asked<'_>) -> Answer {
    page(asked, "Communication").await
}

/// What becomes of a message is a Task that is made by whoever sees to it first.
pub fn may_act(asking: &Asking<'_>, kind: &str) -> bool {
    if kind == "Task" { task::may_change(asking) } else { task::may_act(asking) }
}

/// Whom it may be given on to: who could read it and end it.
pub fn given<'g>(kind: &'g str, id: &'g str, json: &'g Json<'_>) -> Given<'g> {
    let what = match () {
        () if kind != "Task" || has_code(json, "code", task::HANDLE.0) => hands::Asked::Message,
        () if has_code(json, "code", task::COSIGN) => hands::Asked::Cosign,
        () if task::order(json).is_some() => hands::Asked::Order,
        () => hands::Asked::Task,
    };
    let by = json.get("requester").and_then(reference).filter(|(kind, _)| *kind == "Practitioner");
    Given { what, like: Some((kind, id)), asked_by: by.map(|(_, id)| id) }
}

async fn page(asked: &Asked<'_>, kind: &'static str) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let query = crate::pages::today::query(asked);
    let show = query.into_iter().find(|(name, _)| name == "show").map_or_else(String::new, |(_, show)| show);
    let draft = Draft { token: token::fresh(asked), show, ..Draft::default() };
    shown(asked, &session, &asking, kind, &draft, StatusCode::OK).await
}

pub async fn shown(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    kind: &'static str,
    draft: &Draft,
    status: StatusCode,
) -> Answer {
    let (zone, now_ms) = (asked.web.zone(), asking.record.now_ms());
    let held = asking.read(kind, asked.ids[0]).await?;
    let json = held.get().tree()?;
    let subject = json.get(if kind == "Task" { "for" } else { "subject" });
    let patient = match subject.and_then(reference) {
        Some(("Patient", id)) => id.to_owned(),
        _ => return Err(RecordError::NotFound.into()),
    };
    let Some(head) = Head::of(asked.web, session, asking, &patient, (kind, false)).await? else {
        return Ok(answer::see(&format!("/patients/{patient}")));
    };
    let is_over = kind == "Task" && !text(&json, "status").is_some_and(record::is_task_open);
    let mut item = if is_over { None } else { inbox::one(asking, kind, asked.ids[0], zone).await? };
    let own = asking.record.own_practitioner(asking.caller).await?;
    let may_act = own.is_some() && may_act(asking, kind);
    let undo = match own.as_deref().filter(|_| may_act && item.is_none()) {
        Some(own) => reopen::offered(asking, kind, asked.ids[0], own).await?,
        None => None,
    };
    let given = given(kind, asked.ids[0], &json);
    inbox::look_at_notes(asking, own.as_deref(), item.as_mut_slice()).await?;
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Inbox),
        style: &WORK_CSS,
        once: &ONCE,
        people: people(asked.web, asking, &patient, own.as_deref(), &given).await?,
        banner: head.banner,
        may_answer: may_act && kind == "Communication" && asking.may_ever(access::Action::Create, "Communication"),
        may_prescribe: asking.may_ever(access::Action::Create, "MedicationRequest"),
        sees_medicines: asking.ever("MedicationRequest"),
        item,
        draft,
        may_act,
        undo,
        is_stale: status == StatusCode::CONFLICT,
        tomorrow: Day::of(now_ms, zone).plus(1).iso(),
        chars_max: (WORDS_CHARS_MAX, WHY_CHARS_MAX),
        part2_notice: head.is_part2.then_some(PART2_NOTICE),
    };
    Ok(answer::page(status, &page))
}
