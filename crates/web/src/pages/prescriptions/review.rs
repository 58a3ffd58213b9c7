//! Warnings that somebody signed over, with their reasons, for who reviews them: of all charts that are open to them.

use std::collections::HashMap;

use askama::Template;
use fhir::Json;
use http::StatusCode;
use record::PART2_NOTICE;

use super::{Answer, asking, sheet};
use crate::answer;
use crate::assets::{Asset, Frame, LISTS};
use crate::client::Asked;
use crate::clinic::name::Name;
use crate::clinic::names::Names;
use crate::clinic::read::{all, reference, text, words};
use crate::clinic::shell::{Place, Shell};
use crate::clinic::time;
use crate::refusal::Refusal;

const KIND: &str = "DetectedIssue";
const SHOWN_MAX: &str = "200";

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
    part2_notice: Option<&'static str>,
    opened: String,
}

struct Row {
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
    if !asking.ever(KIND) {
        return Err(Refusal::NotYours);
    }
    let sheet = asking.search(KIND, &[("code", "ALGY"), ("_sort", "-identified"), ("_count", SHOWN_MAX)]).await?;
    let issues: Vec<Json<'_>> = sheet.resources().into_iter().filter(|one| sheet::code_of(one).is_some()).collect();
    let names = Names::of(&asking, &issues, std::iter::empty()).await?;
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
    let rows: Vec<Row> = issues.iter().map(|one| row(one, &called, &names)).collect();
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
        shell: Shell::of(asked.web, &session, Place::Elsewhere),
        css: &LISTS,
        is_cut: sheet.next().is_some(),
        rows,
        tally,
        part2_notice: sheet.is_part2().then_some(PART2_NOTICE),
        opened: time::clock(asking.record.now_ms()),
    };
    Ok(answer::page(StatusCode::OK, &page))
}

fn row(issue: &Json<'_>, called: &HashMap<String, String>, names: &Names) -> Row {
    let named =
        |kind: &str| all(issue, "implicated").iter().find(|one| reference(one).is_some_and(|(of, _)| of == kind));
    let said = |kind: &str| named(kind).and_then(|one| text(one, "display")).unwrap_or_default().to_owned();
    let patient_id = issue.get("patient").and_then(reference).map(|(_, id)| id.to_owned()).unwrap_or_default();
    let mitigation = all(issue, "mitigation").first();
    Row {
        when: text(issue, "identifiedDateTime").map(time::moment).unwrap_or_default(),
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
