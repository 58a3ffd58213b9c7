//! Results of this patient that nobody acknowledged, each with the way to where that is done.

use std::collections::HashMap;

use fhir::Json;

use super::reading::Reading;
use crate::clinic::ask::{Asking, Sheet};
use crate::clinic::read::{all, reference, text, words};
use crate::clinic::reports::REPORTED;
use crate::clinic::task::acknowledges;
use crate::clinic::value;
use crate::refusal::Refusal;

const ASKED_MAX: &str = "50";

pub struct Waiting {
    pub id: String,
    pub what: String,
    pub reported: String,
    /// Critical before out of range; none where nothing is flagged.
    pub flag: Option<(&'static str, &'static str, &'static str)>,
}

/// Asked only for who reviews results; the list is a search that leaves out what was answered.
pub async fn asked(asking: &Asking<'_>, patient_id: &str) -> Result<Sheet, Refusal> {
    let patient = asking.of_patient(patient_id).await?;
    let pairs = [("patient", &*patient), ("status", REPORTED), ("_sort", "-issued"), ("_count", ASKED_MAX)];
    asking.search_unless("DiagnosticReport", &pairs, &acknowledges, "completed").await
}

/// What is worst first, then the newest. The results that they are made of learn of their report.
pub fn reports(sheet: &Sheet, observations: &[Json<'_>], reading: &mut Reading<'_>) -> Vec<Waiting> {
    let flags: HashMap<&str, &str> =
        observations.iter().filter_map(|one| Some((text(one, "id")?, value::flag(one)?.class))).collect();
    let mut waiting: Vec<(u8, Waiting)> = Vec::new();
    for one in sheet.resources() {
        let Some(id) = text(&one, "id") else { continue };
        let results: Vec<&str> = all(&one, "result").iter().filter_map(reference).map(|(_, id)| id).collect();
        results.iter().for_each(|result| reading.add_report(result, id));
        let classes = || results.iter().filter_map(|result| flags.get(result));
        let (rank, flag) = match (classes().any(|class| *class == "critical"), classes().next()) {
            (true, _) => (0, Some(("critical", "▲▲", "critical"))),
            (false, Some(_)) => (1, Some(("odd", "◆", "out of range"))),
            (false, None) => (2, None),
        };
        let issued = text(&one, "issued").or_else(|| text(&one, "effectiveDateTime"));
        waiting.push((
            rank,
            Waiting {
                id: id.to_owned(),
                what: one.get("code").and_then(words).unwrap_or_else(|| "Result without a name".to_owned()),
                reported: issued.map(|issued| reading.moment(issued)).unwrap_or_default(),
                flag,
            },
        ));
    }
    waiting.sort_by_key(|(rank, _)| *rank);
    waiting.into_iter().map(|(_, one)| one).collect()
}
