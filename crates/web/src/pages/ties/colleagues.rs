//! Who works with whom: a clinician names the nurses and assistants who room their patients, with or without a last day; an administrator
//! does it for everybody. Who is named treats those patients along, in their own role. Their lists of results and tasks stay their own.

use askama::Template;
use jiff::tz::TimeZone;

use super::{Answer, Desk, Said, View, days, is_here};
use crate::answer;
use crate::assets::Frame;
use crate::client::Asked;
use crate::clinic::day::Day;
use crate::clinic::shell::{Place, Shell};
use crate::clinic::task;
use crate::clinic::ties::{Colleague, Kind, Tie, WORKING};
use crate::clinic::typed::Typed;

#[derive(Template)]
#[template(path = "colleagues.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    /// Who is here, by id and name.
    people: Vec<(String, String)>,
    /// One's own; none for an administrator, who names whose patients they are.
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
    whose_id: String,
    whose: String,
    by: String,
    since: String,
    until: Option<String>,
    /// What keeps it from holding.
    lame: Option<&'static str>,
    version: u32,
}

struct Working;

pub async fn page(asked: &Asked<'_>) -> Answer {
    super::page::<Working>(asked).await
}

pub async fn save(asked: &Asked<'_>) -> Answer {
    super::save::<Working>(asked).await
}

impl Desk for Working {
    const KIND: &'static Kind = &WORKING;
    const FIELDS: &'static [&'static str] = &["whose", "by", "until"];
    const SAVED: &'static str = "/colleagues?saved=yes";
    const IS_BOUNDED: bool = false;

    fn weigh(typed: &mut Typed, people: &[Colleague], now_ms: i64, zone: &TimeZone) -> Option<Tie> {
        let (whose, by) = (typed.get("whose").to_owned(), typed.get("by").to_owned());
        if !is_here(people, &whose) {
            typed.slip("whose", "Choose whose patients they are.");
        }
        if !is_here(people, &by) {
            typed.slip("by", "Choose a colleague.");
        } else if by == whose {
            typed.slip("by", "Nobody is their own colleague. Choose somebody else.");
        }
        let until = Day::parse(typed.get("until"), zone);
        match &until {
            None if !typed.is("until", "") => typed.slip("until", "Say a last day, or leave it open."),
            Some(until) if until.ends_ms() <= now_ms => typed.slip("until", "The last day is over."),
            _ => {}
        }
        let until_ms = until.map_or(i64::MAX, |until| until.ends_ms());
        let id = name_of(&whose, &by);
        typed.slips.is_empty().then_some(Tie { id, version: 0, whose, by, from_ms: now_ms, until_ms })
    }

    fn clash(held: &Tie, asked: &Tie) -> bool {
        held.by == asked.by && held.meets(asked)
    }

    fn is_done(held: &Tie, asked: &Tie, now_ms: i64) -> bool {
        held.holds(now_ms) && held.until_ms == asked.until_ms
    }

    fn in_the_way(held: &Tie, by: &str, zone: &TimeZone) -> (&'static str, String) {
        let (_, until) = days(held, zone);
        let until = until.map_or_else(|| ", with no last day".to_owned(), |until| format!(" until {until}"));
        ("by", format!("{by} is named already{until}. End that first to set it anew."))
    }

    fn page(view: View<'_>) -> Answer {
        let (now_ms, zone) = (view.asked.web.record().now_ms(), view.asked.web.zone());
        // Of others one sees it in the directory; here is what one answers for.
        let held = view.held.iter().filter(|tie| view.own.as_ref().is_none_or(|own| *own == tie.whose));
        let row = |tie: &Tie| {
            let (since, until) = days(tie, zone);
            Row {
                lame: match (is_here(&view.people, &tie.by) && is_here(&view.people, &tie.whose), tie.from_ms > now_ms)
                {
                    (false, _) => Some("not in the directory any more, so it opens nothing"),
                    (true, true) => Some("to come"),
                    (true, false) => None,
                },
                whose: view.name(&tie.whose),
                by: view.name(&tie.by),
                since: since.unwrap_or_else(|| "Not said".to_owned()),
                until,
                version: tie.version,
                id: tie.id.clone(),
                whose_id: tie.whose.clone(),
            }
        };
        let mut rows: Vec<Row> = held.map(row).collect();
        rows.sort_by(|a, b| (&a.whose, &a.by).cmp(&(&b.whose, &b.by)));
        let page = Page {
            frame: Frame::of(view.asked.web),
            shell: Shell::of(view.asked.web, view.session, Place::Elsewhere),
            people: view.choices(),
            rows,
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

/// One for each two, so that a form sent twice makes one.
fn name_of(whose: &str, by: &str) -> String {
    format!("works.{}", task::short(&format!("{by}.{whose}")))
}
