//! Medicines: what the chart says beside what the patient says now, line by line, saved together with the fact that somebody went
//! through them. Nobody's prescription is changed here: what a patient says of it is a statement of its own.

pub mod lines;
mod list;

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
use crate::clinic::codes::{MEDICINES, Row};
use crate::clinic::deed::{self, Author, Done};
use crate::clinic::gone_through::list::{self as gone_list, Going, State, may_go_through};
use crate::clinic::gone_through::{self, Gone, LINES_MAX};
use crate::clinic::head::{Head, opened};
use crate::clinic::names::Names;
use crate::clinic::read::text;
use crate::clinic::shell::{Place, Shell};
use crate::clinic::tabs::{Tab, tabs};
use crate::clinic::token;
use crate::refusal::Refusal;

use lines::{Line, SAYS};

const KIND: &str = "MedicationRequest";
/// What is written of what a patient says.
const SAID: &str = "MedicationStatement";
/// Statements that hold: that a prescription is not taken, too.
const STATED: &str = "active,on-hold,intended,unknown,not-taken";

type Form = gone_through::Form<Line>;

#[derive(Template)]
#[template(path = "medicines.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    css: &'static Asset,
    banner: Banner,
    tabs: Vec<Tab>,
    gone_through: Option<State>,
    form: Form,
    drafts: Vec<Line>,
    may_prescribe: bool,
    reviews: bool,
    is_cut: bool,
    said: Option<&'static str>,
    part2_notice: Option<&'static str>,
    opened: String,
}

impl Page<'_> {
    fn may_go_through(&self) -> bool {
        self.gone_through.as_ref().is_some_and(|state| state.may_go)
    }

    /// Whether lines may stay without an answer.
    fn may_leave(&self) -> bool {
        self.form.lines.iter().any(|line| line.may_leave)
    }

    fn suggestions(&self) -> impl Iterator<Item = Row> {
        MEDICINES.rows()
    }
}

struct Held {
    head: Head,
    /// Each with the sensitive categories that it is in.
    requests: Vec<(Json<'static>, Labels)>,
    statements: Vec<(Json<'static>, Labels)>,
    list: Option<Json<'static>>,
    names: Names,
    is_cut: bool,
}

impl Held {
    async fn of(asked: &Asked<'_>, session: &Session, asking: &Asking<'_>) -> Result<Option<Self>, Refusal> {
        let (patient_id, count) = (asked.ids[0], LINES_MAX.to_string());
        let pairs = [("status", "active,on-hold,draft"), ("_count", &count)];
        let Some((mut head, requests)) = opened(asked, session, asking, (KIND, false), &pairs).await? else {
            return Ok(None);
        };
        let pairs = [("patient", patient_id), ("status", STATED), ("_count", &count)];
        let statements = asking.search_if_ever(SAID, &pairs).await?;
        let list = gone_list::MEDICINES.held(asking, patient_id).await?;
        head.is_part2 |= statements.is_part2() || list.is_part2();
        let names = Names::of(asking, &[], [&requests, &statements, &list].into_iter()).await?;
        Ok(Some(Self {
            head,
            is_cut: requests.next().is_some() || statements.next().is_some(),
            requests: requests.owned_with_categories(),
            statements: statements.owned_with_categories(),
            list: list.owned().into_iter().next(),
            names,
        }))
    }

    fn lines(&self) -> Vec<Line> {
        lines::lines(&self.requests, &self.statements, &self.names)
    }

    fn blank(&self, asked: &Asked<'_>) -> Form {
        Form::blank(asked, self.lines(), self.list.as_ref())
    }
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let Some(held) = Held::of(asked, &session, &asking).await? else { return Ok(super::closed(asked)) };
    let said = match asked.parts.uri.query() {
        Some("saved") => Some("Saved: the medicines were gone through."),
        Some("cancelled") => Some("The draft was discarded."),
        Some("stopped") => Some("The prescription was ended."),
        _ => None,
    };
    let form = held.blank(asked);
    shown(asked, &session, &asking, held, form, said, StatusCode::OK)
}

pub async fn reconcile(asked: &Asked<'_>) -> Answer {
    let sent = asked.form();
    let session = asked.writer(&sent).await?;
    let asking = asking(asked, &session)?;
    if !may_go_through(&asking, SAID) {
        return Err(Refusal::NotYours);
    }
    let Some(held) = Held::of(asked, &session, &asking).await? else { return Ok(super::closed(asked)) };
    let mut form = held.blank(asked);
    form.token = token::sent(asked, &sent);
    let seen = form.read(&sent);
    if sent.text("leave") == "yes" {
        lines::let_leave(&mut form);
    }
    if sent.text("act") == "more" {
        form.add_new_lines();
        return shown(asked, &session, &asking, held, form, None, StatusCode::OK);
    }
    if form.was_saved(&sent, &seen, held.list.as_ref(), &held.names) {
        return Ok(deed::to(asked, "medicines", "saved"));
    }
    if form.gone.is_some() {
        form.token = token::fresh(asked);
        return shown(asked, &session, &asking, held, form, None, StatusCode::CONFLICT);
    }
    lines::check(&mut form);
    if !form.slips.is_empty() {
        return shown(asked, &session, &asking, held, form, None, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let author = Author::of(asked, &asking).await?;
    let going = Going {
        of: &gone_list::MEDICINES,
        patient_id: asked.ids[0],
        token: &form.token,
        list: held.list.as_ref(),
        author: &author,
        said: gone_list::digest(&sent),
    };
    let deed = list::deed(&form, &held.statements, going)?;
    match deed.commit(&asking).await {
        Ok(Done::Saved) => return Ok(deed::to(asked, "medicines", "saved")),
        Ok(Done::Overtaken) => {}
        // What is said of a medicine is as sensitive as that, and not everybody who sees it writes there.
        Err(Refusal::Record(RecordError::Denied(_))) if form.lines.iter().any(Line::is_sensitive) => {
            lines::refuse(&mut form);
            return shown(asked, &session, &asking, held, form, None, StatusCode::FORBIDDEN);
        }
        Err(refusal) => return Err(refusal),
    }
    let Some(held) = Held::of(asked, &session, &asking).await? else { return Ok(super::closed(asked)) };
    let mut again = Form { token: form.token, ..held.blank(asked) };
    // Pressed twice: the first did it.
    if again.is_saved_meanwhile(asked, &sent, held.list.as_ref(), &held.names) {
        return Ok(deed::to(asked, "medicines", "saved"));
    }
    shown(asked, &session, &asking, held, again, None, StatusCode::CONFLICT)
}

fn shown(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    held: Held,
    form: Form,
    said: Option<&'static str>,
    status: StatusCode,
) -> Answer {
    let drafts = held.requests.iter().filter(|(one, _)| text(one, "status") == Some("draft"));
    let drafts = drafts.map(|one| Line::of(one, None, &held.names)).collect();
    let of = (&gone_list::MEDICINES, SAID, form.lines.is_empty());
    let gone_through = State::of(asking, of, held.list.as_ref(), &held.names, asked.web.zone());
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Patients),
        css: &LISTS,
        tabs: tabs(asking, "medicines"),
        gone_through,
        drafts,
        form,
        may_prescribe: deed::may_write(asking, KIND),
        reviews: asking.ever("DetectedIssue"),
        is_cut: held.is_cut,
        said,
        banner: held.head.banner,
        part2_notice: held.head.is_part2.then_some(PART2_NOTICE),
        opened: asked.clock(),
    };
    Ok(answer::page(status, &page))
}
