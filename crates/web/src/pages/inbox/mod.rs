//! The inbox: messages, refill requests and tasks in one list. Being done with something sends nothing to anybody.

mod act;
mod begin;
mod item;
mod reopen;

use askama::Template;
use http::StatusCode;
use identity::Session;
use record::PART2_NOTICE;

use super::Answer;
use super::documents;
use super::orders;
use super::prescriptions::may_prescribe;
use super::results::{Covering, Tab, chosen, covering, tabs};
use super::today::Work;
use crate::answer;
use crate::assets::{Asset, Frame, ONCE, WORK, WORK_CSS};
use crate::client::Asked;
use crate::clinic::addressed;
use crate::clinic::ask::Asking;
use crate::clinic::day::{self, Day};
use crate::clinic::duty::List;
use crate::clinic::inbox::{self, Item};
use crate::clinic::reports;
use crate::clinic::shell::{Place, Shell, keeps_tasks, reviews_results, signs_documents};
use crate::clinic::task;
use crate::refusal::Refusal;

pub use act::{message as act_on_message, task as act_on_task};
pub use begin::{may_begin, page as begin, save as make};
pub use item::{message, task as one_task};
use reopen::Undo;

const SHOWN_MAX: usize = 100;

#[derive(Template)]
#[template(path = "inbox.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    script: &'static Asset,
    once: &'static Asset,
    style: &'static Asset,
    tabs: Vec<Tab>,
    here: List,
    items: Vec<Item>,
    asleep: Vec<Item>,
    count: usize,
    messages: usize,
    overdue: usize,
    is_cut: bool,
    may_act: bool,
    may_begin: bool,
    keeps_covers: bool,
    covering: Vec<Covering>,
    tomorrow: String,
    done: Option<&'static str>,
    undo: Option<Undo>,
    as_of: String,
    part2_notice: Option<&'static str>,
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let own = asking.record.own_practitioner(asking.caller).await?;
    let query = super::today::query(asked);
    let is_all = query.iter().any(|(name, value)| name == "show" && value == List::All.name());
    let (zone, now_ms) = (asked.web.zone(), asking.record.now_ms());
    let gathered = inbox::waiting(&asking, own.as_deref(), is_all, zone).await?;
    let awake = |list| {
        let here = gathered.items.iter().filter(|item| item.standing.is_in(list, own.as_deref()));
        here.filter(|item| item.snoozed.is_none()).count()
    };
    let here = chosen(&query, |list| awake(list) > 0)?;
    let mut tabs = tabs(here, awake);
    // All that one may see is looked at only when it is asked for.
    if !is_all {
        tabs.iter_mut().filter(|tab| tab.name == List::All.name()).for_each(|tab| tab.count = None);
    }
    let covering = covering(&gathered.covers, own.as_deref(), now_ms, zone, |id| gathered.names.person(id));
    let (is_cut, is_part2) = (gathered.is_cut, gathered.is_part2);
    let (mut items, asleep) = gathered.of(here, own.as_deref());
    let (count, overdue) = (items.len(), items.iter().filter(|item| item.is_overdue).count());
    let messages = items.iter().filter(|item| item.kind.is_message()).count();
    items.truncate(SHOWN_MAX);
    inbox::look_at_notes(&asking, own.as_deref(), &mut items).await?;
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, &session, Place::Inbox),
        script: &WORK,
        once: &ONCE,
        style: &WORK_CSS,
        tabs,
        here,
        items,
        asleep,
        count,
        messages,
        overdue,
        is_cut,
        may_act: own.is_some() && task::may_change(&asking),
        may_begin: own.is_some() && may_begin(&asking),
        keeps_covers: crate::clinic::ties::keeps(&asking),
        covering,
        tomorrow: Day::of(now_ms, zone).plus(1).iso(),
        done: done(&query),
        undo: Undo::of(&query),
        as_of: day::clock(now_ms, zone),
        part2_notice: is_part2.then_some(PART2_NOTICE),
    };
    Ok(answer::page(StatusCode::OK, &page))
}

/// How much waits for whoever looks: numbers, of what they may see, and nothing of what it is. Nothing where their role has no lists.
pub async fn counts(asked: &Asked<'_>, asking: &Asking<'_>) -> Result<Vec<Work>, Refusal> {
    let mut work = Vec::new();
    let unsigned = asking.record.drafts(asking.caller).await?.len() as u64;
    work.push((Some(unsigned), ["note to sign", "notes to sign"], "/notes"));
    if reviews_results(asked.web, asking.caller) {
        let pairs = [("status", reports::REPORTED), ("_summary", "count")];
        let found = asking.search_unless("DiagnosticReport", &pairs, &task::acknowledges, "completed").await?;
        // Whose a result is no search tells, so all of them are counted, and the link leads to all of them.
        let words =
            ["result to acknowledge, yours and your colleagues’", "results to acknowledge, yours and your colleagues’"];
        work.push((found.total(), words, "/results?show=all"));
    }
    if signs_documents(asked.web, asking.caller) {
        let words = ["filed document that nobody signed", "filed documents that nobody signed"];
        work.push((documents::unsigned_count(asking).await?, words, "/documents?show=all"));
    }
    let own = asking.record.own_practitioner(asking.caller).await?;
    if let Some(own) = own.as_deref().filter(|_| orders::lists_own(asking) && may_prescribe(asking)) {
        let mine = format!("Practitioner/{own}");
        let pairs = [("requester", &*mine), ("status", "draft"), ("_summary", "count")];
        let unsigned = asking.search("MedicationRequest", &pairs).await?;
        work.push((unsigned.total(), ["prescription to sign", "prescriptions to sign"], "/orders#unsigned"));
    }
    if let Some(own) = own.as_deref().filter(|_| orders::lists_own(asking) && orders::may_order(asking)) {
        let mine = format!("Practitioner/{own}");
        let pairs = [("requester", &*mine), ("status", "draft"), ("_summary", "count")];
        let unsigned = asking.search("ServiceRequest", &pairs).await?;
        work.push((unsigned.total(), ["order to sign", "orders to sign"], "/orders#unsigned"));
    }
    if let Some(own) = own.filter(|_| keeps_tasks(asked.web, asking.caller)) {
        let me = addressed::self_and_roles(asking, &own).await?;
        let pairs = [("recipient", &*me), ("status", inbox::SENT), ("_summary", "count")];
        let name = |id: &str, _: u32| task::handles(id);
        let messages = asking.search_unless("Communication", &pairs, &name, "completed").await?;
        work.push((messages.total(), ["message to you", "messages to you"], "/inbox?show=mine"));
        let pairs = [("owner", &*me), ("status", record::TASK_OPEN), ("_summary", "count")];
        let tasks = asking.search_if_ever("Task", &pairs).await?;
        work.push((tasks.total(), ["task of yours", "tasks of yours"], "/inbox?show=mine"));
    }
    let said = work.into_iter().filter_map(|(count, [one, many], address)| {
        let count = count.filter(|count| *count > 0)?;
        Some(Work { count, words: if count == 1 { one } else { many }, address })
    });
    Ok(said.collect())
}

/// Nobody else learns that there is such a page.
pub fn asking<'a>(asked: &Asked<'a>, session: &'a Session) -> Result<Asking<'a>, Refusal> {
    let caller = session.caller.as_ref().filter(|caller| keeps_tasks(asked.web, caller));
    Ok(Asking { record: asked.web.record(), caller: caller.ok_or(Refusal::NotFound)? })
}

fn done(query: &[(String, String)]) -> Option<&'static str> {
    match query.iter().find(|(name, _)| name == "done")?.1.as_str() {
        "done" => Some("Done. Nothing was sent to anybody."),
        "snooze" => Some("Snoozed. It comes back on its day."),
        "decline" => Some("Declined, with your reason. Its author decides who else is to co-sign."),
        "withdraw" => Some("Withdrawn. Nobody is asked to co-sign it any more."),
        "assign" => Some("Given on, with your reason."),
        "begun-task" => Some("Saved. The task is in the inbox of whom you gave it to."),
        "begun-message" => Some("Saved. The message is in the inbox of whom you wrote to."),
        "reopen" => Some("It is as it was before."),
        "wake" => Some("It is back in the list."),
        "answer" => {
            Some("The answer is in the patient’s record. Nothing was sent to them. The message is still in the list.")
        }
        "answer-done" => Some("The answer is in the patient’s record. Nothing was sent to them. The message is done."),
        _ => None,
    }
}
