//! One result on a page of its own: whose it is, all its values, and the one step that ends its wait.

use askama::Template;
use http::StatusCode;
use identity::Session;
use record::{PART2_NOTICE, RecordError};

use super::{Answer, asking};
use crate::answer;
use crate::assets::{Asset, Frame, ONCE, WORK_CSS};
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::banner::{Allergies, Banner};
use crate::clinic::day::{self, Day};
use crate::clinic::hands::{self, Given, people};
use crate::clinic::head::Head;
use crate::clinic::names::Names;
use crate::clinic::read::{all, reference, text};
use crate::clinic::reports::{self, Report};
use crate::clinic::shell::{Place, Shell};
use crate::clinic::task;
use crate::clinic::time;
use crate::clinic::token;
use crate::forms::Form;
use crate::refusal::Refusal;

pub const MESSAGE_CHARS_MAX: usize = 4_000;
pub const WHAT_CHARS_MAX: usize = 300;
const ABOUT: (&str, bool) = ("DiagnosticReport", false);

#[derive(Template)]
#[template(path = "result.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    style: &'static Asset,
    once: &'static Asset,
    banner: Banner,
    report: Report,
    acknowledged: Option<Acknowledged>,
    draft: &'a Draft,
    people: Vec<(String, String)>,
    may_act: bool,
    why: Why,
    today: String,
    chars_max: (usize, usize),
    part2_notice: Option<&'static str>,
}

/// Who did it, when, and with what form.
pub struct Acknowledged {
    pub by: String,
    pub when: String,
    pub by_id: Option<String>,
    pub token: Option<String>,
}

/// What is typed, as it was typed.
#[derive(Default)]
pub struct Draft {
    pub token: String,
    pub show: String,
    pub message: String,
    pub what: String,
    pub due: String,
    pub owner: String,
    /// Refused: field, and why.
    pub slips: Vec<(&'static str, String)>,
}

/// Why the page is shown again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Why {
    Asked,
    Refused,
    /// Somebody else was first.
    Overtaken,
    /// The same form was sent before, with other words.
    Resent,
    /// The laboratory changed it since.
    Changed,
}

impl Draft {
    pub fn read(form: &Form) -> Self {
        let field = |name: &str| form.text(name).replace("\r\n", "\n").trim().to_owned();
        Self {
            token: field("token"),
            show: field("show"),
            message: field("message"),
            what: field("what"),
            due: field("due"),
            owner: field("owner"),
            slips: Vec::new(),
        }
    }

    pub fn has_more(&self) -> bool {
        !self.message.is_empty() || !self.what.is_empty()
    }

    pub fn slip(&self, field: &str) -> Option<&str> {
        self.slips.iter().find(|(name, _)| *name == field).map(|(_, words)| words.as_str())
    }

    /// The last day by which the follow-up is due, if what was typed can be done.
    pub fn weigh(&mut self, people: &[(String, String)], today: &Day, zone: &jiff::tz::TimeZone) -> Option<Day> {
        if self.message.chars().count() > MESSAGE_CHARS_MAX {
            self.slips.push(("message", format!("The message has more than {MESSAGE_CHARS_MAX} letters.")));
        }
        if self.what.chars().count() > WHAT_CHARS_MAX {
            self.slips.push(("what", format!("The follow-up has more than {WHAT_CHARS_MAX} letters.")));
        }
        if self.what.is_empty() {
            if !self.due.is_empty() {
                self.slips.push(("what", "Say what is to be done by that day, or leave the day out.".to_owned()));
            }
            return None;
        }
        if !self.owner.is_empty() && !people.iter().any(|(id, _)| *id == self.owner) {
            self.slips.push(("owner", "Choose who does it from the list.".to_owned()));
        }
        let due = Day::parse(&self.due, zone).or_else(|| Day::parse(&time::typed(&self.due)?, zone));
        match due {
            None => self.slips.push(("due", "Say by what day it is due, such as 14-Jul-2027.".to_owned())),
            Some(due) if due.date() < today.date() => {
                self.slips.push(("due", "The day by which it is due is over.".to_owned()))
            }
            Some(due) => return Some(due),
        }
        None
    }
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let query = super::super::today::query(asked);
    let show = query.into_iter().find(|(name, _)| name == "show").map_or_else(String::new, |(_, show)| show);
    let draft = Draft { token: token::fresh(asked), show, ..Draft::default() };
    shown(asked, &session, &asking, &draft, Why::Asked).await
}

/// The result with what is known of it; none where its chart is closed to the caller.
pub async fn shown(asked: &Asked<'_>, session: &Session, asking: &Asking<'_>, draft: &Draft, why: Why) -> Answer {
    let zone = asked.web.zone();
    let sheet = asking.search("DiagnosticReport", &[("_id", asked.ids[0])]).await?;
    let mut gathered = reports::gather(asking, zone, &[sheet]).await?;
    reports::look_back(asking, &mut gathered.reports, zone).await?;
    let report = gathered.reports.pop().ok_or(RecordError::NotFound)?;
    let patient_id = report.patient.as_ref().map(|patient| patient.id.clone()).ok_or(RecordError::NotFound)?;
    let Some(head) = Head::of(asked.web, session, asking, &patient_id, ABOUT).await? else {
        return Ok(answer::see(&format!("/patients/{patient_id}")));
    };
    let acknowledged = acknowledged(asking, &report.id, report.version, zone).await?;
    let own = asking.record.own_practitioner(asking.caller).await?;
    let is_refused = matches!(why, Why::Refused);
    let status = match why {
        Why::Asked => StatusCode::OK,
        _ if is_refused => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::CONFLICT,
    };
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Results),
        style: &WORK_CSS,
        once: &ONCE,
        banner: head.banner,
        people: people(asked.web, asking, &patient_id, own.as_deref(), &follow_up(asked.ids[0])).await?,
        report,
        acknowledged,
        draft,
        may_act: own.is_some() && task::may_act(asking),
        why,
        today: Day::of(asking.record.now_ms(), zone).iso(),
        chars_max: (MESSAGE_CHARS_MAX, WHAT_CHARS_MAX),
        part2_notice: (head.is_part2 || gathered.is_part2).then_some(PART2_NOTICE),
    };
    Ok(answer::page(status, &page))
}

/// What is still to be done about a result is as sensitive as the result.
pub fn follow_up(report_id: &str) -> Given<'_> {
    Given { what: hands::Asked::Task, like: Some(("DiagnosticReport", report_id)), asked_by: None }
}

/// Who acknowledged this version, if somebody did.
pub async fn acknowledged(
    asking: &Asking<'_>,
    id: &str,
    version: u32,
    zone: &jiff::tz::TimeZone,
) -> Result<Option<Acknowledged>, Refusal> {
    let held = match asking.read("Task", &task::acknowledges(id, version)).await {
        Ok(held) => held,
        Err(RecordError::NotFound | RecordError::Gone) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let json = held.get().tree()?;
    if text(&json, "status") != Some("completed") {
        return Ok(None);
    }
    let by = json.get("owner");
    let names = Names::of(asking, by.into_iter().cloned().collect::<Vec<_>>().as_slice(), std::iter::empty()).await?;
    let when_ms = text(&json, "lastModified").and_then(time::instant_ms);
    let token = all(&json, "identifier").iter().find(|one| text(one, "system") == Some(token::FORM_SYSTEM));
    Ok(Some(Acknowledged {
        by: by.and_then(|by| names.name(by)).unwrap_or_else(|| "somebody whom the directory does not name".to_owned()),
        when: when_ms.map_or_else(String::new, |ms| format!("{} {}", Day::of(ms, zone).short(), day::clock(ms, zone))),
        by_id: by.and_then(reference).map(|(_, id)| id.to_owned()),
        token: token.and_then(|token| text(token, "value")).map(str::to_owned),
    }))
}
