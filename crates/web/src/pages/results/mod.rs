//! Results that nobody acknowledged: what is worst first, each with its owner. Nothing leaves the list but by being acknowledged.

mod one;
mod save;

use askama::Template;
use http::StatusCode;
use identity::Session;
use record::PART2_NOTICE;

use super::Answer;
use crate::answer;
use crate::assets::{Asset, Frame, ONCE, WORK, WORK_CSS};
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::day;
use crate::clinic::duty::List;
use crate::clinic::reports::{self, Report};
use crate::clinic::shell::{Place, Shell, reviews_results, signs_documents};
use crate::clinic::task;
use crate::clinic::ties::{self, Tie};
use crate::clinic::token;
use crate::refusal::Refusal;

pub use one::page as one;
pub use save::{save, says_what_it_said};

/// Results of a list that are shown in full; the next come up as these are acknowledged.
const SHOWN_MAX: usize = 40;

#[derive(Template)]
#[template(path = "results.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    script: &'static Asset,
    once: &'static Asset,
    style: &'static Asset,
    tabs: Vec<Tab>,
    here: List,
    reports: Vec<Report>,
    /// In the list that is shown.
    count: usize,
    critical: usize,
    abnormal: usize,
    of: Option<u64>,
    may_act: bool,
    keeps_covers: bool,
    signs_documents: bool,
    token: String,
    covering: Vec<Covering>,
    done: Option<&'static str>,
    as_of: String,
    part2_notice: Option<&'static str>,
}

pub struct Tab {
    pub name: &'static str,
    pub words: &'static str,
    /// None where it was not looked at.
    pub count: Option<usize>,
    pub is_here: bool,
}

/// A cover that concerns whoever looks.
pub struct Covering {
    pub words: String,
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let own = asking.record.own_practitioner(asking.caller).await?;
    let query = super::today::query(asked);
    let (zone, now_ms) = (asked.web.zone(), asking.record.now_ms());
    let mut gathered = reports::waiting(&asking, zone).await?;
    let count = |list| gathered.reports.iter().filter(|report| report.standing.is_in(list, own.as_deref())).count();
    let here = chosen(&query, |list| count(list) > 0)?;
    let tabs = tabs(here, count);
    gathered.reports.retain(|report| report.standing.is_in(here, own.as_deref()));
    let count = gathered.reports.len();
    let of_severity = |wanted| gathered.reports.iter().filter(|report| report.severity == wanted).count();
    let (critical, abnormal) = (of_severity(reports::Severity::Critical), of_severity(reports::Severity::Abnormal));
    gathered.reports.truncate(SHOWN_MAX);
    reports::look_back(&asking, &mut gathered.reports, zone).await?;
    let names = &gathered.names;
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, &session, Place::Results),
        script: &WORK,
        once: &ONCE,
        style: &WORK_CSS,
        tabs,
        here,
        count,
        critical,
        abnormal,
        of: gathered.of,
        may_act: own.is_some() && task::may_act(&asking),
        keeps_covers: ties::keeps(&asking),
        signs_documents: signs_documents(asked.web, asking.caller),
        token: token::fresh(asked),
        covering: covering(&gathered.covers, own.as_deref(), now_ms, zone, |id| names.person(id)),
        done: done(&query),
        as_of: day::clock(now_ms, zone),
        part2_notice: gathered.is_part2.then_some(PART2_NOTICE),
        reports: gathered.reports,
    };
    Ok(answer::page(StatusCode::OK, &page))
}

/// Nobody else learns that there is such a page.
pub fn asking<'a>(asked: &Asked<'a>, session: &'a Session) -> Result<Asking<'a>, Refusal> {
    let caller = session.caller.as_ref().filter(|caller| reviews_results(asked.web, caller));
    Ok(Asking { record: asked.web.record(), caller: caller.ok_or(Refusal::NotFound)? })
}

/// The list that is asked for; without a word the first of one's own lists that has something in it.
pub fn chosen(query: &[(String, String)], has: impl Fn(List) -> bool) -> Result<List, Refusal> {
    match query.iter().find(|(name, _)| name == "show") {
        Some((_, name)) => List::parse(name).ok_or(Refusal::Invalid("there is no such list")),
        None => Ok([List::Mine, List::Covered, List::Team].into_iter().find(|list| has(*list)).unwrap_or(List::Mine)),
    }
}

pub fn tabs(here: List, count: impl Fn(List) -> usize) -> Vec<Tab> {
    let tab =
        |list: List| Tab { name: list.name(), words: list.words(), count: Some(count(list)), is_here: list == here };
    List::EACH.map(tab).into()
}

fn done(query: &[(String, String)]) -> Option<&'static str> {
    match query.iter().find(|(name, _)| name == "done")?.1.as_str() {
        "plain" => Some("Acknowledged."),
        "message" => Some("Acknowledged. The message is in the patient’s record. Nothing was sent to them."),
        "task" => Some("Acknowledged. The follow-up is a task now."),
        "both" => Some(
            "Acknowledged. The message is in the patient’s record, nothing was sent to them, and the follow-up is a task now.",
        ),
        _ => None,
    }
}

/// Whom one covers now, and who covers oneself.
pub fn covering(
    covers: &[Tie],
    own: Option<&str>,
    now_ms: i64,
    zone: &jiff::tz::TimeZone,
    name: impl Fn(&str) -> Option<String>,
) -> Vec<Covering> {
    let name = |id: &str| name(id).unwrap_or_else(|| "a colleague".to_owned());
    let until = |cover: &Tie| day::Day::of(cover.until_ms - 1, zone).short();
    let said = covers.iter().filter(|cover| cover.holds(now_ms)).filter_map(|cover| {
        let words = match own {
            Some(own) if cover.by == own => format!("You cover {} until {}.", name(&cover.whose), until(cover)),
            Some(own) if cover.whose == own => format!("{} covers you until {}.", name(&cover.by), until(cover)),
            _ => return None,
        };
        Some(Covering { words })
    });
    said.collect()
}
