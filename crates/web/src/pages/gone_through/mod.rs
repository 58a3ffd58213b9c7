//! Allergies, problems and immunizations, gone through with the patient: what the chart says on the left, what the patient says on the
//! right, and what they name beside it, saved together with the fact that somebody asked. Medicines have a page of their own.

mod kind;
mod lines;
mod write;

use access::Labels;
use askama::Template;
use fhir::Json;
use http::StatusCode;
use identity::Session;
use record::{PART2_NOTICE, RecordError};

use super::Answer;
use super::patients::asking;
use crate::answer;
use crate::assets::{Asset, Frame, LISTS};
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::banner::{Allergies, Banner};
use crate::clinic::deed::{self, Author, Done};
use crate::clinic::gone_through::list::{self, Going, Went, may_go_through};
use crate::clinic::gone_through::{self, Gone, LINES_MAX};
use crate::clinic::head::{Head, opened};
use crate::clinic::names::Names;
use crate::clinic::shell::{Place, Shell};
use crate::clinic::tabs::{Tab, tabs};
use crate::clinic::token;
use crate::refusal::Refusal;

use kind::Kind;
use lines::Line;

type Form = gone_through::Form<Line>;

#[derive(Template)]
#[template(path = "gone_through.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    css: &'static Asset,
    banner: Banner,
    tabs: Vec<Tab>,
    kind: &'static Kind,
    went: Option<Went>,
    form: Form,
    is_cut: bool,
    part2_notice: Option<&'static str>,
    opened: String,
}

struct Held {
    head: Head,
    /// Each with the sensitive categories that it is in.
    all: Vec<(Json<'static>, Labels)>,
    list: Option<Json<'static>>,
    names: Names,
    lines_left_out: bool,
}

impl Held {
    async fn of(
        asked: &Asked<'_>,
        session: &Session,
        asking: &Asking<'_>,
        kind: &Kind,
    ) -> Result<Option<Self>, Refusal> {
        let Some((mut head, sheet)) = opened(asked, session, asking, (kind.of, false), kind.pairs).await? else {
            return Ok(None);
        };
        let list = kind.list.held(asking, asked.ids[0]).await?;
        head.is_part2 |= list.is_part2();
        let names = Names::of(asking, &[], [&sheet, &list].into_iter()).await?;
        Ok(Some(Self {
            head,
            lines_left_out: sheet.next().is_some(),
            all: sheet.owned_with_categories(),
            list: list.owned().into_iter().next(),
            names,
        }))
    }

    fn blank(&mut self, asked: &Asked<'_>, kind: &Kind) -> Form {
        let mut lines = lines::lines(kind, &self.all, &self.names, asked.web.zone());
        self.lines_left_out |= lines.len() > LINES_MAX;
        lines.truncate(LINES_MAX);
        Form::blank(asked, lines, self.list.as_ref())
    }
}

fn kind_of(asked: &Asked<'_>, asking: &Asking<'_>) -> Result<&'static Kind, Refusal> {
    let kind = Kind::of_page(asked.ids[1]).ok_or(RecordError::NotFound)?;
    if may_go_through(asking, kind.of) { Ok(kind) } else { Err(Refusal::NotYours) }
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let kind = kind_of(asked, &asking)?;
    let Some(mut held) = Held::of(asked, &session, &asking, kind).await? else { return Ok(super::closed(asked)) };
    let form = held.blank(asked, kind);
    shown(asked, &session, &asking, (kind, held, form), StatusCode::OK)
}

pub async fn save(asked: &Asked<'_>) -> Answer {
    let sent = asked.form();
    let session = asked.writer(&sent).await?;
    let asking = asking(asked, &session)?;
    let kind = kind_of(asked, &asking)?;
    let Some(mut held) = Held::of(asked, &session, &asking, kind).await? else { return Ok(super::closed(asked)) };
    let mut form = held.blank(asked, kind);
    form.token = token::sent(asked, &sent);
    let seen = form.read(&sent);
    match sent.text("act") {
        "more" => form.add_new_lines(),
        "rest" => lines::answer_the_rest(&mut form, &seen),
        _ => {}
    }
    if matches!(sent.text("act"), "more" | "rest") {
        return shown(asked, &session, &asking, (kind, held, form), StatusCode::OK);
    }
    if form.was_saved(&sent, &seen, held.list.as_ref(), &held.names) {
        return Ok(deed::to(asked, kind.list.page, "gone-through"));
    }
    if form.gone.is_some() {
        form.token = token::fresh(asked);
        return shown(asked, &session, &asking, (kind, held, form), StatusCode::CONFLICT);
    }
    let author = Author::of(asked, &asking).await?;
    lines::check(kind, &mut form);
    let made = write::made(kind, asked, held.head.birth.as_deref(), &mut form, &author);
    if !form.slips.is_empty() {
        return shown(asked, &session, &asking, (kind, held, form), StatusCode::UNPROCESSABLE_ENTITY);
    }
    let going = Going {
        of: kind.list,
        patient_id: asked.ids[0],
        token: &form.token,
        list: held.list.as_ref(),
        author: &author,
        said: list::digest(&sent),
    };
    let deed = write::deed(kind, &held, &form, made, going)?;
    if let Done::Saved = deed.commit(&asking).await? {
        return Ok(deed::to(asked, kind.list.page, "gone-through"));
    }
    let Some(mut held) = Held::of(asked, &session, &asking, kind).await? else { return Ok(super::closed(asked)) };
    let mut again = Form { token: form.token, ..held.blank(asked, kind) };
    // Pressed twice: the first did it.
    if again.is_saved_meanwhile(asked, &sent, held.list.as_ref(), &held.names) {
        return Ok(deed::to(asked, kind.list.page, "gone-through"));
    }
    shown(asked, &session, &asking, (kind, held, again), StatusCode::CONFLICT)
}

fn shown(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    (kind, held, form): (&'static Kind, Held, Form),
    status: StatusCode,
) -> Answer {
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Patients),
        css: &LISTS,
        tabs: tabs(asking, kind.list.page),
        kind,
        went: held.list.as_ref().map(|list| Went::of(list, &held.names, asked.web.zone())),
        form,
        is_cut: held.lines_left_out,
        banner: held.head.banner,
        part2_notice: held.head.is_part2.then_some(PART2_NOTICE),
        opened: asked.clock(),
    };
    Ok(answer::page(status, &page))
}
