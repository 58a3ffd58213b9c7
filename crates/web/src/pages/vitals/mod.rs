//! Vital signs of one patient: one set typed in a minute, the flowsheet, and their course.

mod entry;
mod plot;
mod save;
pub(super) mod sheet;

use access::Action;
use askama::Template;
use fhir::Json;
use http::StatusCode;
use identity::Session;
use record::PART2_NOTICE;

use super::Answer;
use super::patients::asking;
use crate::answer;
use crate::assets::{Asset, FLOWSHEET, Frame, VITALS};
use crate::client::Asked;
use crate::clinic;
use crate::clinic::ask::Asking;
use crate::clinic::banner::{Allergies, Banner};
use crate::clinic::day::{self, Day};
use crate::clinic::head::Head;
use crate::clinic::names::Names;
use crate::clinic::older::{self, Older};
use crate::clinic::plot::{BOTTOM, HEIGHT, LEFT, Plot, RIGHT, TOP, WIDTH};
use crate::clinic::read::{at, text};
use crate::clinic::shell::{Place, Shell};
use crate::clinic::token;
use crate::clinic::vitals::Measure;
use crate::clinic::vitals::limits::Age;
use crate::refusal::Refusal;

use entry::Entry;
use sheet::{Course, Sheet, TIMES_MAX, Time};

/// Vital signs that the page looks at, newest first.
const OBSERVATIONS_MAX: &str = "400";
/// What was measured before is not of the note that is being written.
const LATELY_MS: i64 = 30 * 60_000;
/// A visit that began before is not the one of now.
const VISIT_MS_MAX: i64 = 24 * 3_600_000;

#[derive(Template)]
#[template(path = "vitals.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    script: &'static Asset,
    style: &'static Asset,
    banner: Banner,
    /// None for who only reads.
    entry: Option<Entry>,
    lines: [Line; 8],
    /// What was measured at the times of this page.
    rows: Vec<&'a Course>,
    times: &'a [Time],
    /// All the times that the page looked at.
    of: usize,
    plots: Vec<Plot<'a>>,
    /// Some plot leaves older readings out.
    is_newest: bool,
    is_saved: bool,
    /// This form was saved before, and says something else now.
    is_stale: bool,
    is_cut: bool,
    /// These are not the newest.
    is_further: bool,
    /// The way to the times behind these, as a query of this page's address.
    older: Option<String>,
    part2_notice: Option<&'static str>,
    opened: String,
}

/// A line of the form: its numbers, and what goes with them.
struct Line {
    label: &'static str,
    measures: &'static [Measure],
    last: Option<String>,
}

const LINES: [(&str, &[Measure]); 8] = [
    ("Blood pressure", &[Measure::Systolic, Measure::Diastolic]),
    ("Heart rate", &[Measure::Pulse]),
    ("Respiratory rate", &[Measure::Breaths]),
    ("Temperature", &[Measure::Temperature]),
    ("SpO₂", &[Measure::Saturation]),
    ("Weight", &[Measure::Weight]),
    ("Height", &[Measure::Height]),
    ("Pain", &[Measure::Pain]),
];

/// What the page is about, as policy decides on it.
const ABOUT: (&str, bool) = ("Observation", true);

/// What is held of one patient.
struct Held {
    head: Head,
    sheet: Sheet,
    older: Older,
    /// Leads to what is older than the sheet.
    cursor: Option<String>,
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let mut query = older::queried(asked);
    let older = Older::of(&mut query);
    let saved = query.remove("saved").unwrap_or_default();
    let Some(held) = held(asked, &session, &asking, older, &saved).await? else { return Ok(closed(asked)) };
    let entry = (may_write(&asking) && !held.older.is_further()).then(|| Entry::blank(asked, &session));
    shown(asked, &session, held, entry, false, StatusCode::OK)
}

pub async fn save(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = asking(asked, &session)?;
    if !may_write(&asking) {
        return Err(Refusal::NotYours);
    }
    let Some(held) = held(asked, &session, &asking, Older::default(), "").await? else { return Ok(closed(asked)) };
    let (now_ms, zone) = (asking.record.now_ms(), asked.web.zone());
    let mut entry = Entry::read(asked, &form);
    entry.weigh(held.head.birth.as_deref(), held.sheet.before(), now_ms, zone);
    if !entry.slips.is_empty() {
        return shown(asked, &session, held, Some(entry), false, StatusCode::UNPROCESSABLE_ENTITY);
    }
    // Before anything is asked: who sends a form twice has nothing to confirm any more.
    match saved_before(asked, &asking, &entry).await? {
        Before::Same => return Ok(saved(asked, &session, &entry)),
        Before::Other => {
            entry.token = token::fresh(asked);
            return shown(asked, &session, held, Some(entry), true, StatusCode::CONFLICT);
        }
        Before::None => {}
    }
    if !entry.doubts.is_empty() && form.text("confirm") != entry.confirmation() {
        return shown(asked, &session, held, Some(entry), false, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let practitioner = asking.record.own_practitioner(asking.caller).await?;
    let encounter = match now_ms - entry.at_ms < LATELY_MS {
        true => clinic::visit::encounter(&asking, asked.ids[0]).await?,
        false => visit(&asking, asked.ids[0], entry.at_ms).await?,
    };
    let of = save::Of {
        patient_id: asked.ids[0],
        practitioner: practitioner.as_deref(),
        encounter: encounter.as_deref(),
        age: age_at(held.head.birth.as_deref(), Day::of(entry.at_ms, zone)),
    };
    let made = save::observations(&entry, &of, zone);
    let bundle = save::transaction(&entry, asked.ids[0], made);
    match asking.transact(&bundle).await {
        Ok(_) => Ok(saved(asked, &session, &entry)),
        Err(error) => Err(error.into()),
    }
}

/// The list again, where the new set stands first; the units are remembered without any value.
fn saved(asked: &Asked<'_>, session: &Session, entry: &Entry) -> http::Response<axum::body::Body> {
    let mut response = answer::see(&format!("/patients/{}/vitals?saved={}", asked.ids[0], entry.token));
    answer::set_cookie(&mut response, entry::UNITS_COOKIE, &entry.units(session));
    response
}

/// The page of the chart says why it is closed, and offers what policy offers.
fn closed(asked: &Asked<'_>) -> http::Response<axum::body::Body> {
    answer::see(&format!("/patients/{}", asked.ids[0]))
}

pub fn may_write(asking: &Asking<'_>) -> bool {
    asking.may_ever(Action::Create, "Observation")
}

/// None where the chart is closed to who asks; who never sees the kind is told so before anything is read.
async fn held(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    older: Older,
    saved: &str,
) -> Result<Option<Held>, Refusal> {
    if !asking.ever(ABOUT.0) {
        return Err(Refusal::NotYours);
    }
    let patient_id = asked.ids[0];
    let Some(mut head) = Head::of(asked.web, session, asking, patient_id, ABOUT).await? else { return Ok(None) };
    let pairs = [("category", "vital-signs"), ("_sort", "-date"), ("_count", OBSERVATIONS_MAX)];
    let found = older.found(asking, ABOUT.0, patient_id, &pairs).await?;
    head.is_part2 |= found.is_part2();
    let names = Names::of(asking, &[], std::iter::once(&found)).await?;
    let sheet = Sheet::of(&found.resources(), head.birth.as_deref(), &names, asked.web.zone(), saved);
    Ok(Some(Held { head, sheet, older, cursor: found.next().map(str::to_owned) }))
}

enum Before {
    None,
    Same,
    Other,
}

/// Whether the set of this form is there, and says the same.
async fn saved_before(asked: &Asked<'_>, asking: &Asking<'_>, entry: &Entry) -> Result<Before, Refusal> {
    let identifiers = save::identifiers(entry);
    let pairs = [("patient", asked.ids[0]), ("identifier", &identifiers)];
    let found = asking.search("Observation", &pairs).await?;
    let held = found.resources();
    if held.is_empty() {
        return Ok(Before::None);
    }
    let of = save::Of { patient_id: asked.ids[0], practitioner: None, encounter: None, age: None };
    let made = save::observations(entry, &of, asked.web.zone());
    let same = |code: &str, one: &Json<'_>| {
        let own =
            |held: &&Json<'_>| at(held, &["code", "coding"]).and_then(|coding| text(coding, "code")) == Some(code);
        held.iter().find(own).is_some_and(|held| {
            let is_kept = |name: &&str| held.get(name).map(Json::to_vec) == one.get(name).map(Json::to_vec);
            ["valueQuantity", "component", "effectiveDateTime"].iter().all(is_kept)
                && sheet::is_reported(held) == entry.is_reported
        })
    };
    let bmi = Measure::Bmi.loinc();
    let typed = made.iter().filter(|(code, _)| *code != bmi);
    let count = held
        .iter()
        .filter(|one| at(one, &["code", "coding"]).and_then(|coding| text(coding, "code")) != Some(bmi))
        .count();
    let is_same = typed.clone().count() == count && typed.clone().all(|(code, one)| same(code, one));
    Ok(if is_same { Before::Same } else { Before::Other })
}

/// The visit that this belongs to: the one that is going on, if it is one.
pub async fn visit(asking: &Asking<'_>, patient_id: &str, at_ms: i64) -> Result<Option<String>, Refusal> {
    let since = format!("ge{}", day::instant(at_ms - VISIT_MS_MAX));
    let pairs = [("patient", patient_id), ("status", "arrived,triaged,in-progress"), ("date", &since), ("_count", "2")];
    let found = asking.search_if_ever("Encounter", &pairs).await?;
    let visits = found.resources();
    let [visit] = &visits[..] else { return Ok(None) };
    Ok(text(visit, "id").map(str::to_owned))
}

fn age_at(birth: Option<&str>, day: Day) -> Option<Age> {
    Age::at(birth?, day.date())
}

fn shown(
    asked: &Asked<'_>,
    session: &Session,
    held: Held,
    entry: Option<Entry>,
    is_stale: bool,
    status: StatusCode,
) -> Answer {
    let (now_ms, zone) = (asked.web.record().now_ms(), asked.web.zone());
    let Held { head, sheet, older, cursor } = held;
    let times = older.shown(&sheet.times, TIMES_MAX);
    let age = age_at(head.birth.as_deref(), Day::of(now_ms, zone));
    let line = |(label, measures): (&'static str, &'static [Measure])| Line {
        label,
        measures,
        last: measures.first().and_then(|measure| sheet.last(*measure)),
    };
    let plots = plot::all(&sheet.courses, age, now_ms, zone);
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Patients),
        script: &VITALS,
        style: &FLOWSHEET,
        banner: head.banner,
        entry,
        lines: LINES.map(line),
        is_newest: plots.iter().any(|plot| plot.is_cut),
        plots,
        is_saved: times.iter().any(|time| time.is_new),
        rows: sheet.courses.iter().filter(|course| times.iter().any(|time| course.at(time).is_some())).collect(),
        times,
        of: sheet.times.len(),
        is_stale,
        is_cut: cursor.is_some(),
        is_further: older.is_further(),
        older: older.behind(sheet.times.len(), TIMES_MAX, cursor.as_deref()).map(|older| older.query()),
        part2_notice: head.is_part2.then_some(PART2_NOTICE),
        opened: asked.clock(),
    };
    Ok(answer::page(status, &page))
}
