//! Notes to begin with, by the kind of visit. `***` is to be filled in; dot phrases bring the chart's own data.

use access::{Action, Labels};
use fhir::Json;
use record::types;

use super::ask::Asking;
use super::read::{any_code, reference, text, words, words_of};
use crate::refusal::Refusal;

pub struct Template {
    pub id: &'static str,
    pub name: &'static str,
    pub parts: [&'static str; 5],
    writers: Writers,
}

/// Whom a template is offered to, as policy tells them apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writers {
    /// Whoever writes notes.
    All,
    /// Who judges what a patient has: may write a ClinicalImpression.
    Assess,
    /// Who may keep psychotherapy notes.
    Psychotherapy,
}

const fn template(id: &'static str, name: &'static str, writers: Writers, parts: [&'static str; 5]) -> Template {
    Template { id, name, parts, writers }
}

pub const TEMPLATES: [Template; 9] = [
    template(
        "visit",
        "SOAP follow-up",
        Writers::All,
        [
            "Reason for the visit: ***\nSince the last visit: ***",
            ".vitals\nExamination: ***",
            "***",
            "***\nReturn: ***",
            "",
        ],
    ),
    template(
        "new",
        "New patient",
        Writers::Assess,
        [
            "Reason for the visit: ***\nHistory: ***\nPast illnesses and operations: ***\nFamily: ***\nLives, works, smokes, drinks: ***",
            "Problems: .problems\nMedicines: .meds\nAllergies: .allergies\n.vitals\nExamination: ***",
            "***",
            "***\nRecords asked for from: ***\nReturn: ***",
            "",
        ],
    ),
    template(
        "physical",
        "Annual physical",
        Writers::Assess,
        [
            "Concerns: ***\nEating, moving, sleeping: ***\nTobacco, alcohol, other: ***\nSafe at home: ***",
            "Problems: .problems\nMedicines: .meds\nAllergies: .allergies\n.vitals\nExamination: ***",
            "***",
            "Immunizations due: ***\nScreening due: ***\nReturn: ***",
            "***",
        ],
    ),
    template(
        "telehealth",
        "Telehealth visit",
        Writers::All,
        [
            "By video or telephone: ***\nPatient is at: ***, and agrees to a visit from afar: ***\nReason for the visit: ***\nHistory: ***",
            "Seen and heard: ***\nMeasured at home: ***",
            "***",
            "***\nIf it gets worse: ***\nReturn: ***",
            "",
        ],
    ),
    // 45 CFR 164.501 keeps these out of psychotherapy notes: they are the ordinary record of a session.
    template(
        "psychotherapy",
        "Psychotherapy progress",
        Writers::Psychotherapy,
        [
            "Session from *** to ***\nSymptoms: ***",
            "Kind and frequency of treatment: ***\nTests: ***\nDanger to self or others: ***",
            "Diagnosis: ***\nFunctional status: ***\nPrognosis: ***",
            "Treatment plan: ***\nProgress to date: ***\nNext session: ***",
            "",
        ],
    ),
    template(
        "nurse",
        "Nurse visit",
        Writers::All,
        [
            "Comes for: ***\nSays: ***",
            ".vitals\nAllergies: .allergies\nDone: ***\nTolerated: ***",
            "***",
            "Told to: ***\nNext: ***",
            "",
        ],
    ),
    template(
        "pressure",
        "Blood pressure follow-up",
        Writers::All,
        [
            "Home readings: ***\nSide effects: ***",
            ".bp\nMedicines: .meds",
            "Hypertension, ***",
            "***\nReturn: ***",
            "Measure your blood pressure at home *** and bring the readings.",
        ],
    ),
    template("phone", "Telephone call", Writers::All, ["Called about: ***", "Not examined.", "***", "***", ""]),
    template(
        "reconcile",
        "Review of the lists",
        Writers::All,
        ["***", "Problems: .problems\nMedicines: .meds\nAllergies: .allergies", "***", "***", ""],
    ),
];

impl Template {
    pub fn find(id: &str) -> Option<&'static Template> {
        TEMPLATES.iter().find(|template| template.id == id)
    }
}

/// What policy lets this person write.
pub fn offered(asking: &Asking<'_>) -> Vec<&'static Template> {
    let assesses = asking.may_ever(Action::Create, "ClinicalImpression");
    let keeps = types::parse("DocumentReference")
        .and_then(|kind| asking.record.policies().scope(asking.caller, Action::Search, kind).ok())
        .is_some_and(|scope| scope.categories().contains(Labels::PSYCHOTHERAPY));
    let is_for = |writers| match writers {
        Writers::All => true,
        Writers::Assess => assesses,
        Writers::Psychotherapy => assesses && keeps,
    };
    TEMPLATES.iter().filter(|template| is_for(template.writers)).collect()
}

/// The template that the kind of visit names, as its encounter and appointment tell it.
pub async fn of_visit(asking: &Asking<'_>, patient_id: &str, encounter_id: &str) -> Result<&'static str, Refusal> {
    let found = asking.search_if_ever("Encounter", &[("patient", patient_id), ("_id", encounter_id)]).await?;
    let encounters = found.resources();
    let Some(encounter) = encounters.first() else { return Ok("") };
    let appointment = super::read::all(encounter, "appointment").iter().find_map(reference).map(|(_, id)| id);
    let booked = match appointment {
        Some(id) => asking.search_if_ever("Appointment", &[("patient", patient_id), ("_id", id)]).await?,
        None => Default::default(),
    };
    Ok(named(encounter, booked.resources().first()))
}

fn named(encounter: &Json<'_>, appointment: Option<&Json<'_>>) -> &'static str {
    let said = |one: &Json<'_>, element: &str| words_of(one, element).unwrap_or_default();
    let booked = appointment.and_then(|one| one.get("appointmentType"));
    let kinds = [
        said(encounter, "type"),
        encounter.get("serviceType").and_then(words).unwrap_or_default(),
        booked.and_then(words).unwrap_or_default(),
        appointment.map_or_else(String::new, |one| said(one, "serviceType")),
    ];
    let kinds = kinds.join("\n").to_lowercase();
    let says = |any: &[&str]| any.iter().any(|word| kinds.contains(word));
    let class = encounter.get("class").and_then(|class| text(class, "code"));
    match booked.and_then(any_code) {
        _ if says(&["psychother", "counsel"]) => "psychotherapy",
        _ if says(&["new patient", "initial"]) => "new",
        _ if says(&["nurse"]) => "nurse",
        _ if class == Some("VR") || says(&["telemedicine", "telehealth", "video"]) => "telehealth",
        // HL7 v2 table 0276: "a routine check-up, such as an annual physical".
        Some("CHECKUP") => "physical",
        _ if says(&["annual", "physical exam", "wellness", "well child"]) => "physical",
        _ => "visit",
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_visit_names_the_template() {
        let booked = |code: &str| format!(r#"{{"appointmentType":{{"coding":[{{"code":"{code}"}}]}}}}"#);
        for (encounter, appointment, id) in [
            (r#"{"class":{"code":"AMB"}}"#, None, "visit"),
            (r#"{"class":{"code":"VR"}}"#, Some(booked("ROUTINE")), "telehealth"),
            (r#"{"type":[{"text":"New patient visit"}]}"#, None, "new"),
            (r#"{"type":[{"text":"Follow-up"}]}"#, Some(booked("CHECKUP")), "physical"),
            (
                r#"{"type":[{"coding":[{"display":"Psychotherapy session"}]}]}"#,
                Some(booked("FOLLOWUP")),
                "psychotherapy",
            ),
            (r#"{"type":[{"text":"Nurse visit"}]}"#, None, "nurse"),
        ] {
            let encounter = Json::parse_str(encounter).unwrap();
            let appointment = appointment.as_deref().map(|text| Json::parse_str(text).unwrap());
            assert_eq!(named(&encounter, appointment.as_ref()), id);
            assert!(Template::find(id).is_some());
        }
    }

    #[test]
    fn every_template_leaves_something_to_fill_in() {
        for template in &TEMPLATES {
            assert!(template.parts.iter().any(|part| part.contains(record::PLACEHOLDER)), "{}", template.id);
        }
    }
}
