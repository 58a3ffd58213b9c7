//! Forms that the patient was asked to fill in before the visit: one after the other, for the patient or who stands for them, after the
//! check of who they are. Pages that read without scripts; a script keeps what is typed while it is typed.

mod coming;
mod file;
mod keep;

use std::collections::HashSet;

use askama::Template;
use http::{Method, StatusCode};
use serde_json::json;
use telehealth::drafts::{Kept, Typed};
use telehealth::guests::Visited;

use crate::answer;
use crate::assets::{Asset, FORMS, FORMS_CSS, Frame};
use crate::client::Asked;
use crate::clinic::day::{clock, day_of};
use crate::clinic::form_task::FormTask;
use crate::clinic::questionnaire::{Checked, FIELDS_MAX, Filled, Item, Look, Part, Questionnaire, check, parts, slips};
use crate::clinic::token;
use crate::forms::Form;
use crate::pages::Answer;
use crate::pages::visit::{GUEST_PATH, unread};
use crate::refusal::Refusal;

pub use coming::has_come;
use coming::{Coming, NotYet, is_proven};
use file::Filed;
pub use keep::ShownForms;

const FORMS_PATH: &str = "/visit/forms";

#[derive(Template)]
#[template(path = "visit_forms.html")]
struct List<'a> {
    frame: Frame<'a>,
    css: &'static Asset,
    was_sent: bool,
    is_proxy: bool,
    forms: Vec<Row>,
}

struct Row {
    id: String,
    title: String,
    due: Option<String>,
    /// Something is typed already.
    is_begun: bool,
    is_fillable: bool,
}

#[derive(Template)]
#[template(path = "visit_form.html")]
struct Page<'a> {
    frame: Frame<'a>,
    css: &'static Asset,
    script: &'static Asset,
    task: &'a FormTask,
    title: &'a str,
    words: Option<&'a str>,
    token: String,
    is_proxy: bool,
    parts: &'a [Part],
    slips: Vec<(&'a str, &'a str, &'a str)>,
    /// What the form says, as it is on the page.
    print: &'a str,
    /// Items that are on the page, as a list of their names: what is asked beyond them was never seen.
    shown: String,
    trouble: Option<&'static str>,
    kept: Option<String>,
}

/// What becomes of a form that was sent.
enum Became {
    Sent,
    /// A moment before, by the same press.
    SentBefore,
    /// Looked at once more.
    Again(Again),
    /// The Task is no longer open, and this is not why.
    Over(&'static str),
}

/// Why a form comes back. What was typed is kept, and its page is read anew: loading it once more sends nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    Wrong,
    More,
    Empty,
    Changed,
    /// It is more than is kept: the page comes back with what was typed, and stands on nothing that was kept.
    Long,
}

impl Again {
    const ALL: [Again; 4] = [Again::Wrong, Again::More, Again::Empty, Again::Changed];

    fn name(self) -> &'static str {
        match self {
            Again::Wrong => "wrong",
            Again::More => "more",
            Again::Empty => "empty",
            Again::Changed => "changed",
            Again::Long => "long",
        }
    }

    /// What is wrong with single answers stands beside them.
    fn words(self) -> Option<&'static str> {
        match self {
            Again::Wrong => None,
            Again::More => {
                Some("Your answers bring more questions. They are on the page now: answer them, and send the form.")
            }
            Again::Empty => Some("Nothing is answered yet. Answer at least one question, or leave the form for later."),
            Again::Long => Some(
                "This is more than can be kept for later. What you typed stands on this page: send the form, or say it more shortly.",
            ),
            Again::Changed => Some(
                "The clinic changed this form meanwhile. Look at the questions and your answers once more, and send the form.",
            ),
        }
    }
}

/// How many are still to be filled in, and whether who came wants to do it later. None where nobody is asked.
pub(super) async fn left(asked: &Asked<'_>, visited: Visited) -> Result<(usize, bool), Refusal> {
    let sheet = asked.web.sheets().of(&visited.visit).map_err(unread)?;
    let is_later = sheet.later.has(&visited.person);
    if sheet.patient.is_none() || !is_proven(&sheet, &visited) {
        return Ok((0, is_later));
    }
    let coming = Coming::known(asked, sheet, visited)?;
    let asking = coming.asking(asked);
    let left = match coming.visited.is_proxy {
        true => coming.open(&asking).await?.len(),
        false => FormTask::open_of(&asking, &coming.patient.id).await?.len(),
    };
    Ok((left, is_later))
}

pub async fn list(asked: &Asked<'_>) -> Answer {
    let coming = match Coming::of(asked).await? {
        Ok(coming) => coming,
        Err(not_yet) => return Ok(not_yet.shown(asked)),
    };
    let asking = coming.asking(asked);
    let mut forms = Vec::new();
    for (task, is_fillable) in coming.open(&asking).await? {
        let is_begun = asked.web.sheets().drafts.of(coming.place(&task.id)).map_err(unread)?.is_some();
        let due = task.due.as_deref().map(|due| day_of(due, asked.web.zone()));
        forms.push(Row { id: task.id, title: task.title, due, is_begun, is_fillable });
    }
    let was_sent = asked.parts.uri.query() == Some("sent");
    let (frame, is_proxy) = (Frame::of(asked.web), coming.visited.is_proxy);
    Ok(answer::page(StatusCode::OK, &List { frame, css: &FORMS_CSS, was_sent, is_proxy, forms }))
}

/// Later, or in the visit: not asked again on the way to the waiting room.
pub async fn later(asked: &Asked<'_>) -> Answer {
    asked.sent_by_our_page()?;
    let coming = Coming::of(asked).await?.map_err(NotYet::refused)?;
    let person = coming.visited.person;
    asked.web.sheets().change(&coming.visited.visit, |sheet| sheet.later.put_off(&person)).map_err(unread)?;
    match crate::refusal::wants_json(asked.parts) {
        true => Ok(answer::json(StatusCode::OK, &json!({ "became": "later" }))),
        false => Ok(answer::see(GUEST_PATH)),
    }
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let coming = match Coming::of(asked).await? {
        Ok(coming) => coming,
        Err(not_yet) => return Ok(not_yet.shown(asked)),
    };
    let asking = coming.asking(asked);
    let task = coming.task(&asking, asked.ids[0]).await?;
    if !task.is_open() {
        return Ok(over(asked, no_longer(&task), FORMS_PATH));
    }
    let Some(questions) = coming.questions(&asking, &task).await? else {
        return Ok(over(asked, ELSEWHERE, FORMS_PATH));
    };
    let held = asked.web.sheets().drafts.of(coming.place(&task.id)).map_err(unread)?;
    let is_other = held.as_ref().is_some_and(|draft| draft.print != questions.print);
    let kept = held.as_ref().map(|draft| clock(draft.at_ms, asked.web.zone()));
    let filled = held.map(|draft| Filled(draft.fields)).unwrap_or_default();
    let query = asked.parts.uri.query().unwrap_or_default();
    let again = Again::ALL.into_iter().find(|one| one.name() == query).or(is_other.then_some(Again::Changed));
    let read = asked.web.shown_forms().put(&coming, task, questions, asked.web.record().now_ms());
    Ok(shown(asked, &coming, &read.task, &read.questions, &filled, (again, kept)))
}

pub async fn send(asked: &Asked<'_>) -> Answer {
    asked.sent_by_our_page()?;
    let form = asked.form_of(FIELDS_MAX);
    let coming = match Coming::of(asked).await? {
        Ok(coming) => coming,
        Err(NotYet::Unproven) if form.text("act") != "keep" => return Ok(NotYet::Unproven.shown(asked)),
        Err(not_yet) => return Err(not_yet.refused()),
    };
    if form.fields().count() >= FIELDS_MAX {
        return Err(Refusal::TooLarge);
    }
    if form.text("act") == "keep" {
        return keep::typed(asked, &coming, &form).await;
    }
    let asking = coming.asking(asked);
    let (task, token) = (coming.task(&asking, asked.ids[0]).await?, token::sent(asked, &form));
    let Some(questions) = coming.questions(&asking, &task).await? else {
        return Ok(over(asked, ELSEWHERE, FORMS_PATH));
    };
    let filled = Filled::of(&questions, form.fields());
    let checked = check(&questions, &filled);
    let filed = Filed { coming: &coming, task: &task, questions: &questions, checked: &checked, token: &token };
    if !task.is_open() {
        return match filed.was_sent(&asking, &task).await? {
            true => Ok(answer::see(&format!("{FORMS_PATH}?sent"))),
            false => Ok(over(asked, no_longer(&task), FORMS_PATH)),
        };
    }
    // What cannot be kept can be sent all the same.
    let is_kept = keep(asked, &coming, &task.id, (&filled, &form))? == Kept::Yes;
    match form.text("act") {
        "later" | "stay" if !is_kept => {
            return Ok(shown(asked, &coming, &task, &questions, &filled, (Some(Again::Long), None)));
        }
        "later" => return Ok(answer::see(FORMS_PATH)),
        // Enter in a line: nobody meant to send anything.
        "stay" => return Ok(answer::see(&format!("{FORMS_PATH}/{}", task.id))),
        _ => {}
    }
    let seen = form.version()?;
    // Answers are to the questions that were read.
    let is_same = form.text("form") == questions.print;
    let again = if is_same { ready(&questions, &checked, &form, seen == task.version) } else { Some(Again::Changed) };
    let became = match again {
        Some(again) => Became::Again(again),
        None => filed.send(asked, &asking, seen).await?,
    };
    match became {
        Became::Sent => {
            asked.web.guests().answered_form(&coming.visited);
            asked.web.sheets().drafts.sent(coming.place(&task.id), seen).map_err(unread)?;
            asked.web.hall().remind(&coming.visited.visit);
            Ok(answer::see(&format!("{FORMS_PATH}?sent")))
        }
        Became::SentBefore => Ok(answer::see(&format!("{FORMS_PATH}?sent"))),
        Became::Over(words) => Ok(over(asked, words, FORMS_PATH)),
        Became::Again(again) if !is_kept => {
            let task = coming.task(&asking, &task.id).await?;
            Ok(shown(asked, &coming, &task, &questions, &filled, (Some(again), None)))
        }
        Became::Again(again) => Ok(answer::see(&format!("{FORMS_PATH}/{}?{}", task.id, again.name()))),
    }
}

/// What keeps a form from being sent; none where nothing does.
fn ready(questions: &Questionnaire, checked: &Checked, form: &Form, is_current: bool) -> Option<Again> {
    let shown: HashSet<String> = serde_json::from_str(form.text("shown")).unwrap_or_default();
    let is_new = |item: &Item| item.kind.is_question() && checked.open[item.number] && !shown.contains(&item.link_id);
    if questions.flat().iter().any(|(item, _)| is_new(item)) {
        return Some(Again::More);
    }
    if !checked.wrong.is_empty() {
        return Some(Again::Wrong);
    }
    if checked.is_empty() {
        return Some(Again::Empty);
    }
    (!is_current).then_some(Again::Changed)
}

fn keep(asked: &Asked<'_>, coming: &Coming, task: &str, (filled, form): (&Filled, &Form)) -> Result<Kept, Refusal> {
    let version = form.text("version").parse().unwrap_or_default();
    let typed = Typed { fields: filled.0.clone(), print: form.text("form").to_owned(), version };
    asked.web.sheets().drafts.keep(coming.place(task), typed, coming.start_ms).map_err(unread)
}

fn shown(
    asked: &Asked<'_>,
    coming: &Coming,
    task: &FormTask,
    questions: &Questionnaire,
    filled: &Filled,
    (again, kept): (Option<Again>, Option<String>),
) -> http::Response<axum::body::Body> {
    let checked = check(questions, filled);
    let parts = parts(questions, filled, &checked, again == Some(Again::Wrong));
    let page = Page {
        frame: Frame::of(asked.web),
        css: &FORMS_CSS,
        script: &FORMS,
        task,
        title: &task.title,
        words: questions.words.as_deref(),
        token: token::fresh(asked),
        is_proxy: coming.visited.is_proxy,
        slips: slips(&parts),
        parts: &parts,
        print: &questions.print,
        shown: serde_json::to_string(&checked.asked(questions)).unwrap_or_default(),
        trouble: again.and_then(Again::words),
        kept,
    };
    let status = if asked.parts.method == Method::GET { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    answer::page(status, &page)
}

const LONG: &str = "it is more than can be kept for later, and can be sent all the same";
const ELSEWHERE: &str = "This form cannot be filled in here. The clinic asks you its questions in the visit.";

fn no_longer(task: &FormTask) -> &'static str {
    if task.is_done() {
        "This form was filled in already. What stands here now was not sent: tell your clinician in the visit what is different."
    } else {
        "The clinic no longer asks for this form. Nothing of it was sent."
    }
}

fn over(asked: &Asked<'_>, words: &str, to: &str) -> http::Response<axum::body::Body> {
    #[derive(Template)]
    #[template(path = "visit_form_over.html")]
    struct Over<'a> {
        frame: Frame<'a>,
        css: &'static Asset,
        words: &'a str,
        to: &'a str,
    }
    let status = if asked.parts.method == Method::GET { StatusCode::OK } else { StatusCode::CONFLICT };
    answer::page(status, &Over { frame: Frame::of(asked.web), css: &FORMS_CSS, words, to })
}
