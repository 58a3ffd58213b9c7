//! Somebody's own templates and dot phrases: kept for them alone, put in by name in the notes they write.

use http::StatusCode;
use identity::Session;
use record::RecordError;

use super::{Answer, asking};
use crate::answer;
use crate::assets::{Asset, Frame, NOTE_CSS};
use crate::client::Asked;
use crate::clinic::note::{Content, PART_CHARS_MAX, Part};
use crate::clinic::own::{NAME_CHARS_MAX, Own, Phrase, Template};
use crate::clinic::shell::{Place, Shell};
use crate::refusal::Refusal;

const STALE: &str = "You changed these in another tab meanwhile. Nothing of this form was saved; it stands below. Save it again if it is right.";

#[derive(askama::Template)]
#[template(path = "note_own.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    style: &'static Asset,
    own: Own,
    phrase: Phrase,
    template: &'a str,
    parts: Vec<Part<'a>>,
    chars_max: usize,
    name_max: usize,
    /// Which of the two forms, and what is wrong with it.
    wrong: Option<(&'static str, &'static str)>,
    done: bool,
}

/// As it was typed.
#[derive(Default)]
struct Typed {
    phrase: (String, String),
    template: String,
    content: Content,
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let own = Own::of(&asking).await?;
    let mut typed = Typed::default();
    // To be changed: named by its place in the list, since a name may say anything.
    if let Some(one) = at(asked, "phrase").and_then(|at| own.phrases.get(at)) {
        typed.phrase = (one.name.clone(), one.text.clone());
    }
    if let Some(one) = at(asked, "template").and_then(|at| own.templates.get(at)) {
        typed.template = one.name.clone();
        typed.content.begin_with(one.parts.each_ref().map(String::as_str));
    }
    let done = asked.parts.uri.query() == Some("saved");
    Ok(shown(asked, &session, own, &typed, None, done, StatusCode::OK))
}

pub async fn save(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = asking(asked, &session)?;
    let mut own = Own::of(&asking).await?;
    let seen = form.version()?;
    let line = |name: &str| form.text(name).replace("\r\n", "\n");
    let typed = Typed {
        phrase: (form.text("name").trim().to_owned(), line("text")),
        template: form.text("title").trim().to_owned(),
        content: Content::of(|name| form.text(name)),
    };
    let act = form.text("act");
    let which = if act.contains("template") { "title" } else { "name" };
    let changed = match act {
        "phrase" => own.put_phrase(Phrase { name: typed.phrase.0.clone(), text: typed.phrase.1.clone() }),
        "template" => {
            let mut content = typed.content.clone();
            let parts = content.texts_mut().map(std::mem::take);
            own.put_template(Template { name: typed.template.clone(), parts })
        }
        "remove-phrase" => {
            own.phrases.retain(|one| one.name != form.text("which"));
            Ok(())
        }
        "remove-template" => {
            own.templates.retain(|one| one.name != form.text("which"));
            Ok(())
        }
        _ => return Err(Refusal::Invalid("the page did not say what to do")),
    };
    if let Err(words) = changed {
        let own = Own::of(&asking).await?;
        return Ok(shown(asked, &session, own, &typed, Some((which, words)), false, StatusCode::UNPROCESSABLE_ENTITY));
    }
    own.version = seen;
    match own.keep(&asking).await {
        Ok(_) => Ok(answer::see("/notes/own?saved")),
        Err(RecordError::PreconditionFailed { .. }) => {
            let held = Own::of(&asking).await?;
            // The same form, sent twice.
            if says_so(&held, act, &typed, form.text("which")) {
                return Ok(answer::see("/notes/own?saved"));
            }
            Ok(shown(asked, &session, held, &typed, Some((which, STALE)), false, StatusCode::CONFLICT))
        }
        Err(error) => Err(error.into()),
    }
}

fn says_so(held: &Own, act: &str, typed: &Typed, which: &str) -> bool {
    match act {
        "phrase" => held.phrase(&typed.phrase.0).is_some_and(|one| one.text == typed.phrase.1),
        "template" => held.template(&typed.template).is_some_and(|one| {
            let mut content = Content::default();
            content.begin_with(one.parts.each_ref().map(String::as_str));
            content == typed.content
        }),
        "remove-phrase" => held.phrase(which).is_none(),
        _ => held.template(which).is_none(),
    }
}

fn shown(
    asked: &Asked<'_>,
    session: &Session,
    own: Own,
    typed: &Typed,
    wrong: Option<(&'static str, &'static str)>,
    done: bool,
    status: StatusCode,
) -> http::Response<axum::body::Body> {
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Me),
        style: &NOTE_CSS,
        own,
        phrase: Phrase { name: typed.phrase.0.clone(), text: typed.phrase.1.clone() },
        template: &typed.template,
        parts: typed.content.parts(),
        chars_max: PART_CHARS_MAX,
        name_max: NAME_CHARS_MAX,
        wrong,
        done,
    };
    answer::page(status, &page)
}

fn at(asked: &Asked<'_>, name: &str) -> Option<usize> {
    super::named(asked, name)?.parse().ok()
}

impl Page<'_> {
    fn wrong_of(&self, field: &str) -> Option<&'static str> {
        self.wrong.filter(|(name, _)| *name == field).map(|(_, words)| words)
    }
}
