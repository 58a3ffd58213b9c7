//! Medicines: what the chart says beside what the patient says now, line by line, saved together with the fact that somebody went
//! through them. Nobody's prescription is changed here: what a patient says of it is a statement of its own.

pub mod lines;
mod list;

use askama::Template;
use fhir::Json;
use http::StatusCode;
use identity::Session;
use record::PART2_NOTICE;

use super::Answer;
use super::patients::asking;
use crate::answer;
use crate::assets::{Asset, Frame, LISTS};
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::banner::{Allergies, Banner};
use crate::clinic::codes::{MEDICINES, Row};
use crate::clinic::deed::{self, Author, Done};
use crate::clinic::head::{Head, opened};
use crate::clinic::names::Names;
use crate::clinic::read::text;
use crate::clinic::shell::{Place, Shell};
use crate::clinic::tabs::{Tab, tabs};
use crate::clinic::token;
use crate::refusal::Refusal;

use lines::{Line, New, SAYS};
use list::{Gone, Went};

const KIND: &str = "MedicationRequest";
/// Requests and statements that the page looks at.
const LINES_MAX: usize = 100;
/// Empty lines for what is new; another button brings as many again.
const NEW_LINES: usize = 3;

#[derive(Template)]
#[template(path = "medicines.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    css: &'static Asset,
    banner: Banner,
    tabs: Vec<Tab>,
    went: Option<Went>,
    form: Form,
    drafts: Vec<Line>,
    may_reconcile: bool,
    may_prescribe: bool,
    reviews: bool,
    is_cut: bool,
    said: Option<&'static str>,
    part2_notice: Option<&'static str>,
    opened: String,
}

/// What is typed, beside what the chart has.
pub struct Form {
    token: String,
    list_version: u32,
    lines: Vec<Line>,
    new: Vec<New>,
    takes_none: bool,
    slips: Vec<(String, String)>,
    gone: Option<Gone>,
}

impl Form {
    fn slip(&self, name: &str, index: &usize, behind: &str) -> Option<&str> {
        self.slip_of(&format!("{name}-{index}{behind}"))
    }

    fn slip_of(&self, name: &str) -> Option<&str> {
        self.slips.iter().find(|(field, _)| field == name).map(|(_, words)| words.as_str())
    }

    fn suggestions(&self) -> impl Iterator<Item = Row> {
        MEDICINES.rows()
    }
}

struct Held {
    head: Head,
    requests: Vec<Json<'static>>,
    statements: Vec<Json<'static>>,
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
        let pairs = [("patient", patient_id), ("status", "active,on-hold,intended,unknown"), ("_count", &count)];
        let statements = asking.search_if_ever("MedicationStatement", &pairs).await?;
        let list_id = list::id(patient_id);
        let list = asking.search_if_ever("List", &[("patient", patient_id), ("_id", &list_id)]).await?;
        head.is_part2 |= statements.is_part2() || list.is_part2();
        let names = Names::of(asking, &[], [&requests, &statements, &list].into_iter()).await?;
        Ok(Some(Self {
            head,
            is_cut: requests.next().is_some() || statements.next().is_some(),
            requests: requests.owned(),
            statements: statements.owned(),
            list: list.owned().into_iter().next(),
            names,
        }))
    }

    fn lines(&self) -> Vec<Line> {
        lines::lines(&self.requests, &self.statements, self.list.as_ref(), &self.names)
    }

    fn blank(&self, asked: &Asked<'_>) -> Form {
        Form {
            token: token::fresh(asked),
            list_version: self.list.as_ref().map_or(0, deed::version_of),
            lines: self.lines(),
            new: (0..NEW_LINES).map(|_| New::default()).collect(),
            takes_none: false,
            slips: Vec::new(),
            gone: None,
        }
    }
}

fn may_reconcile(asking: &Asking<'_>) -> bool {
    deed::may_write(asking, "MedicationStatement") && deed::may_write(asking, "List")
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
    if !may_reconcile(&asking) {
        return Err(Refusal::NotYours);
    }
    let Some(held) = Held::of(asked, &session, &asking).await? else { return Ok(super::closed(asked)) };
    let mut form = held.blank(asked);
    form.token = token::sent(asked, &sent);
    let seen = lines::read(&sent, &mut form);
    if sent.text("act") == "more" {
        form.new.extend((0..NEW_LINES).map(|_| New::default()));
        return shown(asked, &session, &asking, held, form, None, StatusCode::OK);
    }
    // Sent twice, it is done; sent again with something else in it, it is told what it was.
    let author = Author::of(asked, &asking).await?;
    if let Some(list) = held.list.as_ref().filter(|list| list::is_of(list, &form.token)) {
        if list::is_told(list, &sent) {
            return Ok(deed::to(asked, "medicines", "saved"));
        }
        form.gone = Some(Gone::SavedBefore);
    } else {
        form.gone = lines::overtaken(&seen, &sent, &mut form, held.list.as_ref(), &held.names);
    }
    if form.gone.is_some() {
        form.token = token::fresh(asked);
        return shown(asked, &session, &asking, held, form, None, StatusCode::CONFLICT);
    }
    lines::check(&mut form);
    if !form.slips.is_empty() {
        return shown(asked, &session, &asking, held, form, None, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let deed = list::deed(asked.ids[0], &form, &held.statements, held.list.as_ref(), &author, list::digest(&sent))?;
    if let Done::Saved = deed.commit(&asking).await? {
        return Ok(deed::to(asked, "medicines", "saved"));
    }
    let Some(held) = Held::of(asked, &session, &asking).await? else { return Ok(super::closed(asked)) };
    // Pressed twice: the first did it.
    if held.list.as_ref().is_some_and(|list| list::is_of(list, &form.token) && list::is_told(list, &sent)) {
        return Ok(deed::to(asked, "medicines", "saved"));
    }
    let mut again = held.blank(asked);
    let seen = lines::read(&sent, &mut again);
    again.gone = Some(
        lines::overtaken(&seen, &sent, &mut again, held.list.as_ref(), &held.names)
            .unwrap_or(Gone::Changed(Vec::new())),
    );
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
    let drafts = held.requests.iter().filter(|one| text(one, "status") == Some("draft"));
    let drafts = drafts.map(|one| Line::of(one, None, &held.names)).collect();
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Patients),
        css: &LISTS,
        tabs: tabs(asking, "medicines"),
        went: held.list.as_ref().map(|list| Went::of(list, &held.names)),
        drafts,
        form,
        may_reconcile: may_reconcile(asking),
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
