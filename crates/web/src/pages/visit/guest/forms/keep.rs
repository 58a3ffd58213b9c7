//! What is typed is kept while it is typed, by the script of the page. The log of who opened the record has the form once, and not once for
//! each pause in typing: what was read for a page is at hand while it is filled in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;
use serde_json::json;
use telehealth::drafts::Kept;

use super::{Coming, ELSEWHERE, LONG, keep, no_longer};
use crate::answer;
use crate::client::Asked;
use crate::clinic::day::clock;
use crate::clinic::form_task::FormTask;
use crate::clinic::questionnaire::{Filled, Questionnaire, check};
use crate::forms::Form;
use crate::pages::Answer;
use crate::pages::visit::guest::{REFUSED, kept, refused};
use crate::refusal::Refusal;

/// At hand at a time; what was read longest ago makes room.
const SHOWN_MAX: usize = 128;
/// Then they are read anew: that a form was called off is known by then at the latest, and before anything is sent.
const FRESH_MS: i64 = 10 * 60_000;

/// Forms that are being filled in, as they were read for who came by a link.
#[derive(Default)]
pub struct ShownForms(Mutex<HashMap<(String, String), Shown>>);

#[derive(Clone)]
pub struct Shown {
    pub task: Arc<FormTask>,
    pub questions: Arc<Questionnaire>,
    read_ms: i64,
}

impl ShownForms {
    pub fn put(&self, coming: &Coming, task: FormTask, questions: Questionnaire, read_ms: i64) -> Shown {
        let shown = Shown { task: Arc::new(task), questions: Arc::new(questions), read_ms };
        let key = (coming.visited.link.clone(), shown.task.id.clone());
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.len() >= SHOWN_MAX && !held.contains_key(&key) {
            let oldest = held.iter().min_by_key(|(_, one)| one.read_ms).map(|(key, _)| key.clone());
            oldest.map(|key| held.remove(&key));
        }
        held.insert(key, shown.clone());
        shown
    }

    fn of(&self, coming: &Coming, task: &str, now_ms: i64) -> Option<Shown> {
        let key = (coming.visited.link.clone(), task.to_owned());
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(&key).filter(|one| now_ms < one.read_ms + FRESH_MS).cloned()
    }
}

/// Answers which questions are asked now.
pub(super) async fn typed(asked: &Asked<'_>, coming: &Coming, form: &Form) -> Answer {
    let (link, _) = kept(asked).ok_or(Refusal::Invalid(REFUSED))?;
    asked.web.guests().try_keep(&link).map_err(refused)?;
    let now_ms = asked.web.record().now_ms();
    let shown = match asked.web.shown_forms().of(coming, asked.ids[0], now_ms) {
        Some(shown) => shown,
        None => read(asked, coming, now_ms).await?,
    };
    let filled = Filled::of(&shown.questions, form.fields());
    let print = form.text("form");
    match keep(asked, coming, &shown.task.id, (&filled, form))? {
        Kept::Yes => {}
        Kept::TooLong => return Err(Refusal::Invalid(LONG)),
        Kept::Sent => return Err(Refusal::Invalid("this form was sent already")),
    }
    let checked = check(&shown.questions, &filled);
    // Of another form than stands on the page nothing is said.
    let open = (print == shown.questions.print).then(|| checked.asked(&shown.questions));
    Ok(answer::json(StatusCode::OK, &json!({ "open": open, "at": clock(now_ms, asked.web.zone()) })))
}

async fn read(asked: &Asked<'_>, coming: &Coming, now_ms: i64) -> Result<Shown, Refusal> {
    let asking = coming.asking(asked);
    let task = coming.task(&asking, asked.ids[0]).await?;
    if !task.is_open() {
        return Err(Refusal::Invalid(no_longer(&task)));
    }
    let questions = coming.questions(&asking, &task).await?.ok_or(Refusal::Invalid(ELSEWHERE))?;
    Ok(asked.web.shown_forms().put(coming, task, questions, now_ms))
}
