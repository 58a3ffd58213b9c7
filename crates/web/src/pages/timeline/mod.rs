//! The timeline of one chart: what happened, day by day, newest first, each with the way to its page. A search for each kind, bounded,
//! so that the log says what was shown.

mod entry;
mod pages;

use std::collections::HashMap;

use askama::Template;
use futures_util::future::try_join_all;
use http::StatusCode;
use identity::Session;
use record::{PART2_NOTICE, RecordError};

use super::Answer;
use super::chart::{panels, reading, reasons};
use super::patients::asking;
use crate::answer;
use crate::assets::{Asset, Frame, LISTS};
use crate::client::Asked;
use crate::clinic::ask::{Asking, Sheet};
use crate::clinic::banner::{Allergies, Banner};
use crate::clinic::day::{self, Day};
use crate::clinic::head::Head;
use crate::clinic::inbox::SENT;
use crate::clinic::names::Names;
use crate::clinic::shell::{Place, Shell, reviews_results};
use crate::refusal::Refusal;

use entry::{Entry, Telling};
use pages::{Found, Shown};

/// Of each kind that one page looks at.
const EACH_MAX: &str = "50";

/// A kind of what happens, and how it is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Visits,
    Documents,
    Results,
    Prescriptions,
    Orders,
    Immunizations,
    Messages,
}

const KINDS: [Kind; 7] = [
    Kind::Visits,
    Kind::Documents,
    Kind::Results,
    Kind::Prescriptions,
    Kind::Orders,
    Kind::Immunizations,
    Kind::Messages,
];

impl Kind {
    /// As addresses name it.
    fn name(self) -> &'static str {
        match self {
            Kind::Visits => "visits",
            Kind::Documents => "documents",
            Kind::Results => "results",
            Kind::Prescriptions => "prescriptions",
            Kind::Orders => "orders",
            Kind::Immunizations => "immunizations",
            Kind::Messages => "messages",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Kind::Visits => "Visits",
            Kind::Documents => "Notes and documents",
            Kind::Results => "Results",
            Kind::Prescriptions => "Prescriptions",
            Kind::Orders => "Orders",
            Kind::Immunizations => "Immunizations",
            Kind::Messages => "Messages",
        }
    }

    /// Of one of them.
    fn word(self) -> &'static str {
        match self {
            Kind::Visits => "Visit",
            Kind::Documents => "Document",
            Kind::Results => "Result",
            Kind::Prescriptions => "Prescription",
            Kind::Orders => "Order",
            Kind::Immunizations => "Immunization",
            Kind::Messages => "Message",
        }
    }

    /// Type, the parameter of its time, and what else is asked: what was taken back never happened.
    fn question(self) -> (&'static str, &'static str, &'static [(&'static str, &'static str)]) {
        match self {
            Kind::Visits => ("Encounter", "date", &[("status:not", "cancelled,entered-in-error")]),
            Kind::Documents => ("DocumentReference", "date", &[("status:not", "entered-in-error")]),
            Kind::Results => ("DiagnosticReport", "issued", &[("status:not", "entered-in-error,cancelled,registered")]),
            Kind::Prescriptions => ("MedicationRequest", "authoredon", &[("status:not", "entered-in-error")]),
            Kind::Orders => ("ServiceRequest", "authored", &[("status:not", "entered-in-error")]),
            Kind::Immunizations => ("Immunization", "date", &[("status:not", "entered-in-error")]),
            Kind::Messages => ("Communication", "sent", &[("status", SENT)]),
        }
    }
}

#[derive(Template)]
#[template(path = "timeline.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    css: &'static Asset,
    banner: Banner,
    tabs: Vec<Tab>,
    /// The kind alone that is shown; empty for all.
    only: &'static str,
    shown: Shown,
    /// These are not the newest.
    is_further: bool,
    part2_notice: Option<&'static str>,
    opened: String,
}

struct Tab {
    words: &'static str,
    /// Empty for all kinds.
    name: &'static str,
    is_here: bool,
}

/// What is asked for: a kind, and before how many days from today. An address says no day of a patient.
struct View {
    only: Option<Kind>,
    back: Option<i64>,
}

impl View {
    fn of(asked: &Asked<'_>) -> Self {
        let query = asked.parts.uri.query().unwrap_or_default();
        let query: HashMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let only = query.get("kind").and_then(|name| KINDS.into_iter().find(|kind| kind.name() == name));
        let back = query.get("back").and_then(|days| days.parse::<u16>().ok()).map(i64::from);
        Self { only, back }
    }
}

/// Whether this role ever sees something of what a timeline is made of.
pub fn opens(asking: &Asking<'_>) -> bool {
    KINDS.iter().any(|kind| asking.ever(kind.question().0))
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let kinds: Vec<Kind> = KINDS.into_iter().filter(|kind| asking.ever(kind.question().0)).collect();
    if kinds.is_empty() {
        return Err(Refusal::NotYours);
    }
    let Some(head) = head(asked, &session, &asking, &kinds).await? else { return Ok(super::closed(asked)) };
    let view = View::of(asked);
    let (zone, now_ms) = (asked.web.zone(), asking.record.now_ms());
    let today = Day::of(now_ms, zone);
    let before = view.back.map(|days| today.plus(-days));
    let wanted: Vec<Kind> = kinds.iter().copied().filter(|kind| view.only.is_none_or(|only| only == *kind)).collect();
    let sheets = try_join_all(wanted.iter().map(|kind| found(&asking, *kind, asked.ids[0], before.as_ref()))).await?;
    let of =
        |wanted_kind: Kind| wanted.iter().zip(&sheets).find(|(kind, _)| **kind == wanted_kind).map(|(_, held)| held);
    let reasons = reasons(&asking, of(Kind::Visits)).await?;
    let names = Names::of(&asking, &[], sheets.iter()).await?;
    let documents = of(Kind::Documents).map(Sheet::resources).unwrap_or_default();
    let telling = Telling {
        reading: reading::Reading::at(&names, zone),
        zone,
        today: today.date(),
        patient_id: asked.ids[0],
        reasons: &reasons,
        notes: panels::notes_of_visits(&documents, asked.ids[0]),
        reviews: reviews_results(asked.web, asking.caller),
    };
    let each = wanted.iter().zip(&sheets).map(|(kind, sheet)| Found {
        entries: sheet.resources().into_iter().filter_map(|one| Entry::of(*kind, &one, &telling)).collect(),
        is_cut: sheet.next().is_some(),
    });
    let part2 = head.is_part2 || sheets.iter().any(Sheet::is_part2);
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, &session, Place::Patients),
        css: &LISTS,
        banner: head.banner,
        tabs: tabs(&kinds, view.only),
        only: view.only.map_or("", Kind::name),
        shown: Shown::of(each.collect(), before.as_ref(), &today),
        is_further: before.is_some(),
        part2_notice: part2.then_some(PART2_NOTICE),
        opened: asked.clock(),
    };
    Ok(answer::page(StatusCode::OK, &page))
}

/// The top of the page, where one kind at least is open in this chart.
async fn head(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    kinds: &[Kind],
) -> Result<Option<Head>, Refusal> {
    for kind in kinds {
        let about = (kind.question().0, false);
        if let Some(head) = Head::of(asked.web, session, asking, asked.ids[0], about).await? {
            return Ok(Some(head));
        }
    }
    Ok(None)
}

/// The newest of a kind, or the newest before a day.
async fn found(asking: &Asking<'_>, kind: Kind, patient_id: &str, before: Option<&Day>) -> Result<Sheet, Refusal> {
    let (of, when, more) = kind.question();
    let sort = format!("-{when}");
    let until = before.map(|day| format!("lt{}", day::instant(day.begins_ms())));
    let mut pairs = vec![("patient", patient_id), ("_sort", sort.as_str()), ("_count", EACH_MAX)];
    pairs.extend(until.iter().map(|until| (when, until.as_str())));
    pairs.extend(more);
    match asking.search(of, &pairs).await {
        // An organization's own policy may hide what is asked by.
        Err(Refusal::Record(RecordError::Denied(_) | RecordError::HiddenParameter { .. })) => Ok(Sheet::default()),
        found => found,
    }
}

fn tabs(kinds: &[Kind], only: Option<Kind>) -> Vec<Tab> {
    let all = Tab { words: "Everything", name: "", is_here: only.is_none() };
    let each = kinds.iter().map(|kind| Tab { words: kind.words(), name: kind.name(), is_here: only == Some(*kind) });
    std::iter::once(all).chain(each).collect()
}
