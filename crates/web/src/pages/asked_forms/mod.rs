//! Forms that one patient was asked to fill in: which, how far they are, and asking for another. What was answered has a page of its own.

mod one;

use askama::Template;
use fhir::Json;
use http::StatusCode;
use identity::Session;
use record::PART2_NOTICE;
use serde_json::json;

use super::Answer;
use super::patients::asking;
use crate::answer;
use crate::assets::{Asset, Frame, LISTS};
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::banner::{Allergies, Banner};
use crate::clinic::day::{Day, day_of};
use crate::clinic::deed::{self, Author, Deed, Done};
use crate::clinic::form_task::{FormTask, Offered};
use crate::clinic::head::{Head, opened};
use crate::clinic::names::Names;
use crate::clinic::read::text;
use crate::clinic::shell::{Place, Shell};
use crate::clinic::tabs::{Tab, tabs};
use crate::clinic::token;
use crate::clinic::typed::Typed;
use crate::clinic::{task, time};
use crate::refusal::Refusal;

pub use one::page as one;

const KIND: &str = "Task";
const SHOWN_MAX: &str = "200";
const FORMS_MAX: &str = "100";
const FIELDS: [&str; 2] = ["form", "due"];
const OVERTAKEN: &str = "Somebody was faster: look at what the form is now. Nothing was changed.";

#[derive(Template)]
#[template(path = "asked_forms.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    css: &'static Asset,
    banner: Banner,
    tabs: Vec<Tab>,
    open: Vec<Row>,
    over: Vec<Row>,
    may_write: bool,
    reads_answers: bool,
    entry: Option<Entry>,
    said: Option<&'static str>,
    trouble: Option<&'static str>,
    part2_notice: Option<&'static str>,
    opened: String,
}

struct Row {
    task: FormTask,
    by: Option<String>,
    asked: String,
    due: String,
    changed: String,
}

/// Asking for one more.
struct Entry {
    typed: Typed,
    token: String,
    forms: Vec<Offered>,
}

struct Held {
    head: Head,
    rows: Vec<Row>,
}

/// For who is led there from the chart.
pub fn may_look(asking: &Asking<'_>) -> bool {
    asking.ever(KIND)
}

impl Held {
    async fn of(asked: &Asked<'_>, session: &Session, asking: &Asking<'_>) -> Result<Option<Self>, Refusal> {
        let code = FormTask::code();
        let pairs = [("code", code.as_str()), ("_sort", "-authored-on"), ("_count", SHOWN_MAX)];
        let Some((head, sheet)) = opened(asked, session, asking, (KIND, false), &pairs).await? else {
            return Ok(None);
        };
        let names = Names::of(asking, &[], std::iter::once(&sheet)).await?;
        let row = |one: &Json<'_>| {
            let task = FormTask::of(one)?;
            let day =
                |held: &Option<String>| held.as_deref().map(|at| day_of(at, asked.web.zone())).unwrap_or_default();
            let (asked, due, changed) = (day(&task.asked), day(&task.due), day(&task.changed));
            Some(Row { by: one.get("requester").and_then(|by| names.name(by)), asked, due, changed, task })
        };
        let rows = sheet.resources().iter().filter_map(row).collect();
        Ok(Some(Self { head, rows }))
    }
}

impl Entry {
    async fn of(asking: &Asking<'_>, typed: Typed, token: String) -> Result<Option<Self>, Refusal> {
        if !task::may_act(asking) || !asking.ever("Questionnaire") {
            return Ok(None);
        }
        let pairs = [("status", "active"), ("_sort", "title"), ("_count", FORMS_MAX)];
        let sheet = asking.search("Questionnaire", &pairs).await?;
        let forms = sheet.resources().iter().filter_map(Offered::of).collect();
        Ok(Some(Self { typed, token, forms }))
    }
}

impl Row {
    fn words(&self) -> &'static str {
        match self.task.status.as_str() {
            "completed" => "filled in",
            "cancelled" | "rejected" => "called off",
            "entered-in-error" => "asked by mistake",
            "failed" => "not possible",
            "in-progress" | "on-hold" => "begun",
            _ => "asked",
        }
    }
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let Some(held) = Held::of(asked, &session, &asking).await? else { return Ok(super::closed(asked)) };
    let said = match asked.parts.uri.query() {
        Some("asked") => Some("Asked. The patient finds it before their next visit by video."),
        Some("called-off") => Some("Called off. The patient is not asked for it any more."),
        _ => None,
    };
    let entry = Entry::of(&asking, Typed::default(), token::fresh(asked)).await?;
    shown(asked, &session, &asking, held, entry, (said, None), StatusCode::OK)
}

/// Asks the patient for a form.
pub async fn ask(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = acting(asked, &session)?;
    let Some(held) = Held::of(asked, &session, &asking).await? else { return Ok(super::closed(asked)) };
    let entry = Entry::of(&asking, Typed::read(&form, &FIELDS), token::sent(asked, &form)).await?;
    let Some(mut entry) = entry else { return Err(Refusal::NotYours) };
    if deed::made_before(&asking, KIND, &entry.token, "form", asked.ids[0]).await?.is_some() {
        return Ok(deed::to(asked, "forms", "asked"));
    }
    let today = Day::of(asking.record.now_ms(), asked.web.zone()).iso();
    let due = due(&mut entry.typed, &today);
    let chosen = entry.forms.iter().find(|one| one.id == entry.typed.get("form"));
    let slip = match chosen {
        None => Some("Choose the form."),
        Some(one) if !one.is_fillable => Some("This form has questions that a patient cannot answer on a page."),
        Some(one) if is_asked(&asking, &held, one).await? => {
            Some("The patient was asked for this form already, and has not sent it yet.")
        }
        Some(_) => None,
    };
    let author = Author::of(asked, &asking).await?;
    let wanted = chosen.map(|one| one.task(asked.ids[0], &author, due.as_deref(), &entry.token));
    if let Some(slip) = slip {
        entry.typed.slip("form", slip);
    }
    let (true, Some(wanted)) = (entry.typed.slips.is_empty(), wanted) else {
        return shown(asked, &session, &asking, held, Some(entry), (None, None), StatusCode::UNPROCESSABLE_ENTITY);
    };
    let mut deed = Deed::default();
    deed.create(KIND, deed::condition(&entry.token, "form", asked.ids[0]), None, wanted);
    deed.commit(&asking).await?;
    Ok(deed::to(asked, "forms", "asked"))
}

fn acting<'a>(asked: &'a Asked<'_>, session: &'a Session) -> Result<Asking<'a>, Refusal> {
    let asking = asking(asked, session)?;
    if task::may_act(&asking) { Ok(asking) } else { Err(Refusal::NotYours) }
}

fn due(typed: &mut Typed, today: &str) -> Option<String> {
    let said = typed.get("due").to_owned();
    if said.is_empty() {
        return None;
    }
    match time::typed(&said).filter(|day| day.len() == 10) {
        Some(day) if day.as_str() < today => typed.slip("due", "This day is over."),
        Some(day) => return Some(day),
        None => typed.slip("due", "Type a day, such as 14-Jul-2027."),
    }
    None
}

/// Whether one of the open Tasks asks for this form.
async fn is_asked(asking: &Asking<'_>, held: &Held, wanted: &Offered) -> Result<bool, Refusal> {
    for row in held.rows.iter().filter(|row| row.task.is_open()) {
        let form = row.task.form(asking).await?;
        if form.is_some_and(|form| text(&form, "id") == Some(&wanted.id)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A form that is no longer wanted: it stays, and says why.
pub async fn call_off(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = acting(asked, &session)?;
    if Held::of(asked, &session, &asking).await?.is_none() {
        return Ok(super::closed(asked));
    }
    let seen = form.version()?;
    let mut one = deed::held(&asking, KIND, asked.ids[1], asked.ids[0]).await?;
    let task = FormTask::of(&one).ok_or(Refusal::NotFound)?;
    let why = form.text("why").trim();
    let trouble = if !task.is_open() || task.version != seen {
        (StatusCode::CONFLICT, OVERTAKEN)
    } else if why.is_empty() || why.chars().count() > 500 {
        (StatusCode::UNPROCESSABLE_ENTITY, "Nothing was changed: say in a few words why it is called off.")
    } else {
        deed::set(&mut one, "status", json!("cancelled"));
        deed::set(&mut one, "statusReason", json!({ "text": why }));
        deed::set(&mut one, "lastModified", json!(Author::of(asked, &asking).await?.now));
        let mut deed = Deed::default();
        deed.update(one)?;
        match deed.commit(&asking).await? {
            Done::Saved => return Ok(deed::to(asked, "forms", "called-off")),
            Done::Overtaken => (StatusCode::CONFLICT, OVERTAKEN),
        }
    };
    // As it is now, not as it was before somebody was faster.
    let Some(held) = Held::of(asked, &session, &asking).await? else { return Ok(super::closed(asked)) };
    let entry = Entry::of(&asking, Typed::default(), token::fresh(asked)).await?;
    shown(asked, &session, &asking, held, entry, (None, Some(trouble.1)), trouble.0)
}

fn shown(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    held: Held,
    entry: Option<Entry>,
    (said, trouble): (Option<&'static str>, Option<&'static str>),
    status: StatusCode,
) -> Answer {
    let (open, over): (Vec<Row>, Vec<Row>) = held.rows.into_iter().partition(|row| row.task.is_open());
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Patients),
        css: &LISTS,
        banner: held.head.banner,
        tabs: tabs(asking, "forms"),
        open,
        over,
        may_write: task::may_act(asking),
        reads_answers: asking.ever("QuestionnaireResponse"),
        entry,
        said,
        trouble,
        part2_notice: held.head.is_part2.then_some(PART2_NOTICE),
        opened: asked.clock(),
    };
    Ok(answer::page(status, &page))
}
