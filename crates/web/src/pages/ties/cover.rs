//! Who covers whom: somebody names a colleague for the days on which they are away; an administrator does it for others. Each time away is
//! a cover of its own, which ends by itself; two that meet would leave it open who covers, and are refused.

use askama::Template;
use jiff::tz::TimeZone;

use super::{Answer, Desk, Said, View, days, is_here};
use crate::answer;
use crate::assets::Frame;
use crate::client::Asked;
use crate::clinic::day::Day;
use crate::clinic::shell::{Place, Shell};
use crate::clinic::task;
use crate::clinic::ties::{COVERING, Colleague, Kind, Tie};
use crate::clinic::typed::Typed;

/// Who is away for longer hands their patients over.
const DAYS_MAX: i64 = 366;
const DAY_MS: i64 = 86_400_000;

#[derive(Template)]
#[template(path = "cover.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    people: Vec<(String, String)>,
    /// One's own; none for an administrator, who names who is away.
    own: Option<String>,
    rows: Vec<Row>,
    typed: Typed,
    is_saved: bool,
    is_stale: bool,
    is_cut: bool,
    today: String,
}

struct Row {
    id: String,
    whose: String,
    absent: String,
    by: String,
    from: String,
    until: String,
    holds: bool,
    version: u32,
    may_end: bool,
}

struct Cover;

pub async fn page(asked: &Asked<'_>) -> Answer {
    super::page::<Cover>(asked).await
}

pub async fn save(asked: &Asked<'_>) -> Answer {
    super::save::<Cover>(asked).await
}

impl Desk for Cover {
    const KIND: &'static Kind = &COVERING;
    const FIELDS: &'static [&'static str] = &["whose", "by", "from", "until"];
    const SAVED: &'static str = "/cover?saved=yes";
    const IS_BOUNDED: bool = true;

    fn weigh(typed: &mut Typed, people: &[Colleague], now_ms: i64, zone: &TimeZone) -> Option<Tie> {
        let (whose, by) = (typed.get("whose").to_owned(), typed.get("by").to_owned());
        if !is_here(people, &whose) {
            typed.slip("whose", "Choose who is away.");
        }
        if !is_here(people, &by) {
            typed.slip("by", "Choose who covers.");
        } else if by == whose {
            typed.slip("by", "Nobody covers for themselves. Choose a colleague.");
        }
        let (from, until) = (Day::parse(typed.get("from"), zone), Day::parse(typed.get("until"), zone));
        match (&from, &until) {
            (None, _) => typed.slip("from", "Say on which day it begins."),
            (_, None) => typed.slip("until", "Say which day is the last."),
            (Some(from), Some(until)) if until.date() < from.date() => {
                typed.slip("until", "The last day is before the first.");
            }
            (_, Some(until)) if until.ends_ms() <= now_ms => typed.slip("until", "The last day is over."),
            (Some(from), Some(until)) if until.ends_ms() - from.begins_ms() > DAYS_MAX * DAY_MS => {
                typed.slip("until", "A cover lasts a year at most.");
            }
            _ => {}
        }
        let (from, until) = from.zip(until).filter(|_| typed.slips.is_empty())?;
        let id = name_of(&whose, &from);
        Some(Tie { id, version: 0, whose, by, from_ms: from.begins_ms(), until_ms: until.ends_ms() })
    }

    fn clash(held: &Tie, asked: &Tie) -> bool {
        held.meets(asked)
    }

    fn is_done(held: &Tie, asked: &Tie, _now_ms: i64) -> bool {
        (&held.by, held.from_ms, held.until_ms) == (&asked.by, asked.from_ms, asked.until_ms)
    }

    fn in_the_way(held: &Tie, by: &str, zone: &TimeZone) -> (&'static str, String) {
        let (from, until) = days(held, zone);
        let (from, until) = (from.unwrap_or_default(), until.unwrap_or_default());
        ("from", format!("{by} covers from {from} to {until} already. End that first, or choose other days."))
    }

    fn page(view: View<'_>) -> Answer {
        let (now_ms, zone) = (view.asked.web.record().now_ms(), view.asked.web.zone());
        let row = |tie: &Tie| {
            let (from, until) = days(tie, zone);
            Row {
                id: tie.id.clone(),
                whose: tie.whose.clone(),
                absent: view.name(&tie.whose),
                by: view.name(&tie.by),
                from: from.unwrap_or_default(),
                until: until.unwrap_or_default(),
                holds: tie.holds(now_ms),
                version: tie.version,
                may_end: view.own.as_ref().is_none_or(|own| *own == tie.whose),
            }
        };
        let mut held: Vec<&Tie> = view.held.iter().collect();
        held.sort_by_key(|tie| tie.from_ms);
        let page = Page {
            frame: Frame::of(view.asked.web),
            shell: Shell::of(view.asked.web, view.session, Place::Elsewhere),
            rows: held.into_iter().map(row).collect(),
            people: view.choices(),
            is_saved: view.said == Said::Saved,
            is_stale: view.said == Said::Stale,
            is_cut: view.is_cut,
            today: Day::of(now_ms, zone).iso(),
            own: view.own.clone(),
            typed: view.typed.clone(),
        };
        Ok(answer::page(view.status(), &page))
    }
}

/// One for each who is away and the day from which on, so that a form sent twice makes one.
fn name_of(absent: &str, from: &Day) -> String {
    format!("cover.{}.{}", task::short(absent), from.iso().replace('-', ""))
}
