//! One thing that happened: what it was, when, and its page.

use std::collections::HashMap;

use fhir::Json;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Kind;
use crate::clinic::day::{self, Day};
use crate::clinic::note;
use crate::clinic::read::{all, at, text, words, words_of};
use crate::clinic::time;
use crate::pages::chart::panels::{self, Row};
use crate::pages::chart::reading::Reading;

/// What is needed to say what something is.
pub struct Telling<'t> {
    pub reading: Reading<'t>,
    pub zone: &'t TimeZone,
    pub today: Date,
    pub patient_id: &'t str,
    pub reasons: &'t HashMap<String, String>,
    /// Pages of notes by their visit.
    pub notes: HashMap<String, String>,
    /// Whether the pages of reports open.
    pub reviews: bool,
}

pub struct Entry {
    /// `2026-12-02`: the first day of what is partial; empty without a date.
    pub day: String,
    /// The same for people, as exact as it was written.
    pub dated: String,
    pub clock: String,
    pub word: &'static str,
    pub row: Row,
    pub at_ms: i64,
}

impl Entry {
    pub fn of(kind: Kind, one: &Json<'_>, telling: &Telling<'_>) -> Option<Self> {
        let when = when(kind, one).unwrap_or_default();
        let mut row = row(kind, one, telling)?;
        let said = day::day_of(when, telling.zone);
        row.under.retain(|part| part.strip_prefix("ordered ").unwrap_or(part) != said);
        let at_ms = time::instant_ms(when).unwrap_or(i64::MIN);
        let has_clock = when.contains('T');
        let zone = telling.zone;
        let word = if kind == Kind::Documents && note::is_text(one) { "Note" } else { kind.word() };
        Some(Self {
            day: if has_clock { Day::of(at_ms, zone).iso() } else { first_day(when) },
            dated: if when.is_empty() { String::new() } else { day::day_of(when, zone) },
            clock: if has_clock { day::clock(at_ms, zone) } else { String::new() },
            word,
            row,
            at_ms,
        })
    }
}

/// Of `2026` and `2026-11` the day on which they begin.
fn first_day(when: &str) -> String {
    match when.len() {
        4 => format!("{when}-01-01"),
        7 => format!("{when}-01"),
        _ => when.to_owned(),
    }
}

fn when<'j>(kind: Kind, one: &'j Json<'_>) -> Option<&'j str> {
    match kind {
        Kind::Visits => text(at(one, &["period"])?, "start"),
        Kind::Documents => text(one, "date"),
        Kind::Results => text(one, "issued"),
        Kind::Prescriptions | Kind::Orders => text(one, "authoredOn"),
        Kind::Immunizations => text(one, "occurrenceDateTime"),
        Kind::Messages => text(one, "sent"),
    }
}

/// As the chart says it; when it was stands beside it already.
fn row(kind: Kind, one: &Json<'_>, telling: &Telling<'_>) -> Option<Row> {
    let (reading, chart) = (&telling.reading, Some(telling.patient_id));
    let these = std::slice::from_ref(one);
    let mut row = match kind {
        Kind::Visits => panels::encounters(these, telling.reasons, &telling.notes, reading).pop()?,
        Kind::Documents => panels::documents(these, telling.patient_id, reading).pop()?,
        Kind::Results => report(one, telling),
        Kind::Prescriptions => Row { side: state(one), ..panels::medicines(these, &[], chart, reading).pop()? },
        Kind::Orders => Row { side: state(one), ..panels::orders(these, chart, reading, telling.today).pop()? },
        Kind::Immunizations => immunization(one, telling)?,
        Kind::Messages => message(one, telling),
    };
    if matches!(kind, Kind::Visits | Kind::Documents) {
        row.side.clear();
    }
    // "Overdue" is of today, and no part of what happened then.
    row.mark = row.mark.filter(|mark| *mark != "overdue" && !row.side.contains(mark));
    Some(row)
}

/// What became of it, where that is over.
fn state(one: &Json<'_>) -> String {
    match text(one, "status") {
        Some(over @ ("stopped" | "completed" | "cancelled" | "revoked")) => over.to_owned(),
        _ => String::new(),
    }
}

fn report(one: &Json<'_>, telling: &Telling<'_>) -> Row {
    let id = text(one, "id").filter(|_| telling.reviews);
    let changed = text(one, "status").filter(|status| matches!(*status, "amended" | "corrected" | "preliminary"));
    let by = telling.reading.names.first(one, "performer");
    Row {
        main: one.get("code").and_then(words).unwrap_or_else(|| "Result without a name".to_owned()),
        to: id.map(|id| format!("/results/{id}")),
        side: changed.unwrap_or_default().to_owned(),
        under: by.into_iter().collect(),
        ..Row::default()
    }
}

fn immunization(one: &Json<'_>, telling: &Telling<'_>) -> Option<Row> {
    let given = panels::immunizations(std::slice::from_ref(one), &telling.reading).pop()?;
    let is_refused = text(one, "status") == Some("not-done");
    Some(Row {
        to: Some(format!("/patients/{}/immunizations", telling.patient_id)),
        side: if is_refused { "not given".to_owned() } else { String::new() },
        ..given
    })
}

/// What it is about; its words are on its page.
fn message(one: &Json<'_>, telling: &Telling<'_>) -> Row {
    let by_patient =
        one.get("sender").and_then(crate::clinic::read::reference).is_some_and(|(kind, _)| kind == "Patient");
    let from = match by_patient {
        true => Some("the patient".to_owned()),
        false => one.get("sender").and_then(|sender| telling.reading.name(sender)),
    };
    let to: Vec<String> = all(one, "recipient").iter().filter_map(|to| telling.reading.name(to)).collect();
    let id = text(one, "id").unwrap_or_default();
    Row {
        main: words_of(one, "category").unwrap_or_else(|| "Message".to_owned()),
        to: Some(format!("/patients/{}/messages#m-{id}", telling.patient_id)),
        under: [from.map(|from| format!("from {from}")), (!to.is_empty()).then(|| format!("to {}", to.join(", ")))]
            .into_iter()
            .flatten()
            .collect(),
        ..Row::default()
    }
}
