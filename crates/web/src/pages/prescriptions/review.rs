//! Warnings that somebody signed over, with their reasons, for who reviews them: of all charts that are open to them.

use std::collections::HashMap;

use access::Action;
use askama::Template;
use fhir::Json;
use http::StatusCode;
use identity::Session;
use jiff::tz::TimeZone;
use record::PART2_NOTICE;
use serde_json::json;

use super::{Answer, asking, sheet};
use crate::answer;
use crate::assets::{Asset, Frame, LISTS};
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::day;
use crate::clinic::deed::{self, Author, Deed, Done};
use crate::clinic::name::Name;
use crate::clinic::names::Names;
use crate::clinic::read::{all, has_code, reference, text, words};
use crate::clinic::shell::{Place, Shell};
use crate::refusal::Refusal;

const KIND: &str = "DetectedIssue";
const SHOWN_MAX: &str = "200";
const NOTE_CHARS_MAX: usize = 300;
const REVIEW_SYSTEM: &str = "urn:wardstone:issue-review";
const REVIEWED: &str = "reviewed";

#[derive(Template)]
#[template(path = "overrides.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    css: &'static Asset,
    rows: Vec<Row>,
    /// Each reason, and how often it was given.
    tally: Vec<(String, usize)>,
    is_cut: bool,
    said: Said,
    note_max: usize,
    part2_notice: Option<&'static str>,
    opened: String,
}

struct Row {
    id: String,
    version: u32,
    /// What was said, and by whom and when.
    review: Option<(String, String)>,
    may_review: bool,
    when: String,
    patient: String,
    patient_id: String,
    prescription_id: Option<String>,
    medicine: String,
    allergy: String,
    because: String,
    reason: String,
    by: String,
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let is_saved = asked.parts.uri.query() == Some("reviewed");
    shown(asked, &session, &asking, Said { is_saved, ..Said::default() }, StatusCode::OK).await
}

/// Somebody else than who signed says that they looked at it, and what follows from it: another mitigation of the issue.
pub async fn reviewed(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = asking(asked, &session)?;
    if !may_review(&asking) {
        return Err(Refusal::NotYours);
    }
    let (id, patient_id) = (form.text("id"), form.text("patient"));
    if record::ResourceKey::parse(KIND, id).is_none() {
        return Err(Refusal::NotFound);
    }
    let mut one = deed::held(&asking, KIND, id, patient_id).await?;
    let author = Author::of(asked, &asking).await?;
    if author.practitioner.is_none() || is_by(&one, author.practitioner.as_deref()) {
        return Err(Refusal::NotYours);
    }
    let seen = form.version()?;
    let note: String = form.text("note").trim().chars().take(NOTE_CHARS_MAX).collect();
    let says = if note.is_empty() { "Reviewed".to_owned() } else { format!("Reviewed: {note}") };
    let mut mitigation = json!({
        "action": { "coding": [{ "system": REVIEW_SYSTEM, "code": REVIEWED, "display": "Reviewed" }], "text": says },
        "date": author.now,
    });
    author.sign(&mut mitigation, "author");
    // Pressed twice, or reviewed by a colleague meanwhile: it is so, and who did it stands there.
    let lost = if review_of(&one).is_some() || seen != deed::version_of(&one) {
        Some(note)
    } else {
        deed::add(&mut one, "mitigation", &mitigation);
        let mut deed = Deed::default();
        deed.update(one)?;
        matches!(deed.commit(&asking).await?, Done::Overtaken).then_some(note)
    };
    match lost {
        None => Ok(answer::see("/overrides?reviewed")),
        Some(note) => {
            let said = Said { is_overtaken: true, note, ..Said::default() };
            shown(asked, &session, &asking, said, StatusCode::CONFLICT).await
        }
    }
}

/// What the page says on top.
#[derive(Default)]
struct Said {
    is_saved: bool,
    is_overtaken: bool,
    /// What was typed and not saved.
    note: String,
}

fn may_review(asking: &Asking<'_>) -> bool {
    asking.may_ever(Action::Update, KIND)
}

/// Whether somebody went past the warning themselves.
fn is_by(issue: &Json<'_>, practitioner: Option<&str>) -> bool {
    let by = all(issue, "mitigation").first().and_then(|one| one.get("author")).or_else(|| issue.get("author"));
    let by = by.and_then(reference);
    practitioner.is_some_and(|own| by == Some(("Practitioner", own)))
}

fn review_of<'i, 'j>(issue: &'i Json<'j>) -> Option<&'i Json<'j>> {
    let is_review = |one: &&Json<'_>| has_code(one, "action", REVIEWED);
    all(issue, "mitigation").iter().find(is_review)
}

async fn shown(asked: &Asked<'_>, session: &Session, asking: &Asking<'_>, said: Said, status: StatusCode) -> Answer {
    if !asking.ever(KIND) {
        return Err(Refusal::NotYours);
    }
    let sheet = asking.search(KIND, &[("code", "ALGY"), ("_sort", "-identified"), ("_count", SHOWN_MAX)]).await?;
    let issues: Vec<Json<'_>> = sheet.resources().into_iter().filter(|one| sheet::code_of(one).is_some()).collect();
    let names = Names::of(asking, &issues, std::iter::empty()).await?;
    let mut ids: Vec<&str> = issues.iter().filter_map(|one| reference(one.get("patient")?)).map(|(_, id)| id).collect();
    ids.sort_unstable();
    ids.dedup();
    let patients = match ids.is_empty() {
        true => Default::default(),
        false => asking.search_if_ever("Patient", &[("_id", &ids.join(",")), ("_count", SHOWN_MAX)]).await?,
    };
    let called: HashMap<String, String> = patients
        .resources()
        .iter()
        .filter_map(|one| Some((text(one, "id")?.to_owned(), Name::of(one).listed())))
        .collect();
    let own = asking.record.own_practitioner(asking.caller).await?.filter(|_| may_review(asking));
    let mut rows: Vec<Row> =
        issues.iter().map(|one| row(one, &called, &names, own.as_deref(), asked.web.zone())).collect();
    // What waits for a review first; within both the newest.
    rows.sort_by_key(|row| row.review.is_some());
    let mut tally: Vec<(String, usize)> = Vec::new();
    for row in &rows {
        let kind = row.reason.split(": ").next().unwrap_or_default();
        match tally.iter_mut().find(|(held, _)| held == kind) {
            Some((_, count)) => *count += 1,
            None => tally.push((kind.to_owned(), 1)),
        }
    }
    tally.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Elsewhere),
        css: &LISTS,
        is_cut: sheet.next().is_some(),
        rows,
        tally,
        said,
        note_max: NOTE_CHARS_MAX,
        part2_notice: sheet.is_part2().then_some(PART2_NOTICE),
        opened: asked.clock(),
    };
    Ok(answer::page(status, &page))
}

fn row(issue: &Json<'_>, called: &HashMap<String, String>, names: &Names, own: Option<&str>, zone: &TimeZone) -> Row {
    let named =
        |kind: &str| all(issue, "implicated").iter().find(|one| reference(one).is_some_and(|(of, _)| of == kind));
    let said = |kind: &str| named(kind).and_then(|one| text(one, "display")).unwrap_or_default().to_owned();
    let patient_id = issue.get("patient").and_then(reference).map(|(_, id)| id.to_owned()).unwrap_or_default();
    let mitigation = all(issue, "mitigation").first();
    let review = review_of(issue).map(|one| {
        let by = one.get("author").and_then(|by| names.name(by)).unwrap_or_else(|| "somebody not named".to_owned());
        let day = text(one, "date").map(|at| day::day_of(at, zone)).unwrap_or_default();
        (one.get("action").and_then(words).unwrap_or_default(), format!("{by}, {day}"))
    });
    Row {
        id: text(issue, "id").unwrap_or_default().to_owned(),
        version: deed::version_of(issue),
        may_review: review.is_none() && own.is_some() && !is_by(issue, own),
        review,
        when: text(issue, "identifiedDateTime").map(|at| day::moment_of(at, zone)).unwrap_or_default(),
        patient: called.get(&patient_id).cloned().unwrap_or_else(|| "Name not open to you".to_owned()),
        prescription_id: named("MedicationRequest").and_then(reference).map(|(_, id)| id.to_owned()),
        medicine: said("MedicationRequest"),
        allergy: said("AllergyIntolerance"),
        because: text(issue, "detail").unwrap_or_default().to_owned(),
        reason: mitigation.and_then(|one| one.get("action")).and_then(words).unwrap_or_default(),
        by: mitigation.and_then(|one| one.get("author")).and_then(|by| names.name(by)).unwrap_or_default(),
        patient_id,
    }
}
