//! Orders and referrals of one patient: drafts that wait for a signature, what waits for an answer, and what came back.

mod compose;
mod entry;
mod favourites;
mod letter;
mod mine;
mod one;
mod reasons;
mod sign;

use std::collections::HashMap;

use access::Action;
use askama::Template;
use axum::body::Body;
use fhir::Json;
use http::{Response, StatusCode};
use identity::Session;
use record::PART2_NOTICE;

use super::Answer;
use super::patients::asking;
use crate::answer;
use crate::assets::{Asset, Frame, ORDERS_CSS};
use crate::client::Asked;
use crate::clinic::ask::{Asking, Sheet};
use crate::clinic::banner::{Allergies, Banner};
use crate::clinic::day::Day;
use crate::clinic::head::{Head, opened};
use crate::clinic::names::Names;
use crate::clinic::orders::confirm::Identifier;
use crate::clinic::orders::{Answered, Follow, Order, State, answers};
use crate::clinic::read::text;
use crate::clinic::shell::{Place, Shell};
use crate::clinic::time;
use crate::refusal::Refusal;

pub use compose::{add, new, problems, refer, refer_add};
pub use letter::page as letter;
pub use mine::{lists_own, page as mine};
pub use one::{change, page as one};
pub use sign::sign;

/// Orders that the page looks at, newest first.
const ORDERS_MAX: &str = "200";
/// Results looked at for them.
const ANSWERS_MAX: &str = "400";
/// What is over and shown at once.
const ENDED_MAX: usize = 30;

/// What the page is about, as policy decides on it.
const ABOUT: (&str, bool) = ("ServiceRequest", false);

/// An order with how it stands.
pub struct Line {
    pub order: Order,
    pub follow: Option<Follow>,
    pub answered: Vec<Answered>,
    pub state: State,
    /// The day by which an answer is expected, for people.
    pub due: String,
    /// An open order of the same code.
    pub twin: Option<String>,
}

/// What is held of one patient.
pub struct Held {
    pub head: Head,
    pub lines: Vec<Line>,
    pub is_cut: bool,
}

#[derive(Template)]
#[template(path = "orders.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    style: &'static Asset,
    banner: Banner,
    may_order: bool,
    drafts: Vec<Line>,
    open: Vec<Line>,
    ended: Vec<Line>,
    ended_of: usize,
    signing: Signing<'a>,
    done: &'static str,
    is_cut: bool,
    part2_notice: Option<&'static str>,
    opened: String,
}

/// The box of the signature, as it was sent.
#[derive(Default)]
pub struct Signing<'a> {
    pub asked: Option<[Identifier; 2]>,
    pub wrong: Vec<Identifier>,
    pub error: Option<String>,
    pub typed: [&'a str; 2],
    /// Ids of drafts that were left out.
    pub left_out: Vec<String>,
}

impl Signing<'_> {
    fn is_in(&self, id: &str) -> bool {
        !self.left_out.iter().any(|one| one == id)
    }

    fn is_wrong(&self, identifier: &Identifier) -> bool {
        self.wrong.contains(identifier)
    }
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let Some(held) = held(asked, &session, &asking).await? else { return Ok(closed(asked)) };
    let done = match asked.parts.uri.query() {
        Some("done=added") => "Drafted. Nothing is ordered before it is signed below.",
        Some("done=signed") => "Signed. Each order waits for its answer below.",
        Some("done=closed") => "Done.",
        Some("done=discarded") => "The draft is discarded.",
        Some("done=cancelled") => "The order is cancelled.",
        _ => "",
    };
    Ok(shown(asked, &session, &asking, held, Signing::default(), done, StatusCode::OK))
}

fn shown(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    held: Held,
    signing: Signing<'_>,
    done: &'static str,
    status: StatusCode,
) -> Response<Body> {
    let Held { head, lines, is_cut } = held;
    let (drafts, others): (Vec<Line>, Vec<Line>) = lines.into_iter().partition(|line| line.state == State::Draft);
    let (mut open, mut ended): (Vec<Line>, Vec<Line>) = others.into_iter().partition(|line| line.state.is_open());
    open.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| sooner(a).cmp(&sooner(b))));
    // A draft that was thrown away was never an order.
    ended.retain(|line| line.order.status != "entered-in-error");
    let ended_of = ended.len();
    ended.truncate(ENDED_MAX);
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Patients),
        style: &ORDERS_CSS,
        signing: Signing { asked: signing.asked.or(head.identifiers), ..signing },
        banner: head.banner,
        may_order: may_order(asking),
        drafts,
        open,
        ended,
        ended_of,
        done,
        is_cut,
        part2_notice: head.is_part2.then_some(PART2_NOTICE),
        opened: asked.clock(),
    };
    answer::page(status, &page)
}

/// What came back is looked at first, then what did not come in time.
fn rank(line: &Line) -> u8 {
    match line.state {
        State::Answered | State::Partial => 0,
        State::Overdue => 1,
        _ => 2,
    }
}

/// What has no day comes last.
fn sooner(line: &Line) -> (bool, String) {
    let due = line.order.due(line.follow.as_ref());
    (due.is_empty(), due.to_owned())
}

/// The page of the chart says why it is closed, and offers what policy offers.
fn closed(asked: &Asked<'_>) -> Response<Body> {
    answer::see(&format!("/patients/{}", asked.ids[0]))
}

fn address(patient_id: &str, done: &str) -> String {
    format!("/patients/{patient_id}/orders?done={done}")
}

/// Whether this person ever orders: by role, and with a licence in force.
pub fn may_order(asking: &Asking<'_>) -> bool {
    asking.may_ever(Action::Create, "ServiceRequest")
}

async fn held(asked: &Asked<'_>, session: &Session, asking: &Asking<'_>) -> Result<Option<Held>, Refusal> {
    let pairs = [("_sort", "-authored"), ("_count", ORDERS_MAX)];
    let Some((mut head, orders)) = opened(asked, session, asking, ABOUT, &pairs).await? else { return Ok(None) };
    let (follows, answered) = behind(asking, asked.ids[0], &orders).await?;
    head.is_part2 |= answered.iter().any(Sheet::is_part2);
    let names = Names::of(asking, &[], [&orders, &follows].into_iter()).await?;
    let today = Day::of(asking.record.now_ms(), asked.web.zone());
    let lines = lines(&orders.resources(), &follows.resources(), &answered, &names, &today);
    Ok(Some(Held { head, lines, is_cut: orders.next().is_some() }))
}

/// The Tasks behind orders, and what answers them.
async fn behind(asking: &Asking<'_>, patient_id: &str, orders: &Sheet) -> Result<(Sheet, Vec<Sheet>), Refusal> {
    let orders = orders.resources();
    let ids: Vec<String> =
        orders.iter().filter_map(|one| Some(format!("ServiceRequest/{}", text(one, "id")?))).collect();
    if ids.is_empty() {
        return Ok(Default::default());
    }
    let ids = ids.join(",");
    let asked = [("patient", patient_id), ("focus", &*ids), ("_count", ANSWERS_MAX)];
    let follows = asking.search_if_ever("Task", &asked).await?;
    Ok((follows, answering(asking, patient_id, &ids).await?))
}

/// Reports, results and documents that name these orders. Of each only what says so, not what it says.
async fn answering(asking: &Asking<'_>, patients: &str, orders: &str) -> Result<Vec<Sheet>, Refusal> {
    let mut answered = Vec::new();
    for (kind, param, element) in [
        ("DiagnosticReport", "based-on", "basedOn"),
        ("Observation", "based-on", "basedOn"),
        ("DocumentReference", "related", "context"),
    ] {
        let elements = format!("{element},status,code,issued,effectiveDateTime,date,description,type");
        let pairs = [("patient", patients), (param, orders), ("_count", ANSWERS_MAX), ("_elements", &elements)];
        answered.push(asking.search_if_ever(kind, &pairs).await?);
    }
    Ok(answered)
}

fn lines(orders: &[Json<'_>], follows: &[Json<'_>], answered: &[Sheet], names: &Names, today: &Day) -> Vec<Line> {
    let mut follows: HashMap<String, Follow> = follows
        .iter()
        .filter_map(|task| Follow::of(task, names))
        .map(|follow| (follow.order_id.clone(), follow))
        .collect();
    let answered: Vec<Json<'_>> = answered.iter().flat_map(Sheet::resources).collect();
    let iso = today.iso();
    let mut by_order = answers(&answered, today.zone());
    let mut lines: Vec<Line> = orders
        .iter()
        .map(|one| {
            let order = Order::of(one, names, today.zone());
            let (follow, answered) = (follows.remove(&order.id), by_order.remove(&order.id).unwrap_or_default());
            let state = order.state(follow.as_ref(), &answered, &iso);
            let due = order.due(follow.as_ref());
            let due = if due.is_empty() { String::new() } else { time::day(due) };
            Line { order, follow, answered, state, due, twin: None }
        })
        .collect();
    let open: Vec<(Option<String>, String, String)> = lines
        .iter()
        .filter(|line| line.state.is_open() && !line.order.is_referral())
        .map(|line| (line.order.code.clone(), line.order.name.clone(), line.order.authored.clone()))
        .collect();
    for line in lines.iter_mut().filter(|line| line.state == State::Draft) {
        let same = |(code, name, _): &&(Option<String>, String, String)| match (code, &line.order.code) {
            (Some(code), Some(own)) => code == own,
            _ => *name == line.order.name,
        };
        line.twin = open.iter().find(same).map(|(_, _, day)| day.clone());
    }
    lines
}
