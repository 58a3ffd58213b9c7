//! The medicine of a draft beside the allergies of the chart: what interrupts, what is shown, and what was not looked at.

use fhir::Json;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::Meeting;
use crate::clinic::allergens::Medicine;
use crate::clinic::ask::Asking;
use crate::clinic::banner::{Allergies, Allergy, holds};
use crate::clinic::deed::{self, Author};
use crate::clinic::names::Names;
use crate::clinic::read::{all, any_code, at, reference, text, words};
use crate::clinic::time;
use crate::refusal::Refusal;

/// Why one goes on: HL7 v3 ActCode, ActDetectedIssueManagementCode.
pub const REASONS: [(&str, &str); 5] = [
    (TOLERATED, "The patient took it before without trouble"),
    ("2", "The patient was assessed: the entry is doubtful"),
    ("1", "No better choice: it is needed all the same"),
    ("9", "It is given under watch"),
    ("8", "Another reason"),
];
const DISPLAYS: [(&str, &str); 5] = [
    (TOLERATED, "prior therapy documented"),
    ("2", "Assessed Patient"),
    ("1", "Therapy Appropriate"),
    ("9", "Instituted Ongoing Monitoring Program"),
    ("8", "Other Action Taken"),
];
/// Who took it without trouble is not asked about again.
const TOLERATED: &str = "23";
const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";

pub struct Check {
    pub meetings: Vec<Met>,
    /// Those that hold and that the name was not compared with, since no ingredient of it is known; severe ones first.
    pub uncompared: Vec<Allergy>,
    /// Whether an ingredient of the tables was found in the name.
    pub is_known: bool,
    pub has_allergies: bool,
    pub is_recorded: bool,
    /// Whether the role sees allergies at all.
    pub is_open: bool,
}

pub struct Met {
    pub meeting: Meeting,
    /// Said before of this allergy and ingredient: it was tolerated.
    pub tolerated: Option<String>,
}

impl Met {
    pub fn interrupts(&self) -> bool {
        self.meeting.interrupts() && self.tolerated.is_none()
    }
}

impl Check {
    pub fn interrupting(&self) -> impl Iterator<Item = &Met> {
        self.meetings.iter().filter(|met| met.interrupts())
    }

    pub fn interrupts(&self) -> bool {
        self.interrupting().next().is_some()
    }

    /// What a reason is given for: these allergies, and no other.
    pub fn asked_about(&self) -> String {
        joined(self.interrupting().map(|met| met.meeting.allergy_id.as_str()))
    }

    /// Nobody signs over a severe allergy because the program knew no ingredient: somebody has to have looked.
    pub fn wants_a_look(&self) -> bool {
        self.uncompared.iter().any(|allergy| allergy.is_severe)
    }

    /// What was looked at: these allergies, and no other.
    pub fn looked_at(&self) -> String {
        joined(self.uncompared.iter().map(|allergy| allergy.id.as_str()))
    }
}

fn joined<'a>(ids: impl Iterator<Item = &'a str>) -> String {
    let mut ids: Vec<&str> = ids.collect();
    ids.sort_unstable();
    ids.join(" ")
}

pub async fn of(asking: &Asking<'_>, patient_id: &str, medicine: &str) -> Result<Check, Refusal> {
    let is_open = asking.ever("AllergyIntolerance");
    let sheet = asking.search_if_ever("AllergyIntolerance", &[("patient", patient_id), ("_count", "200")]).await?;
    let resources = sheet.resources();
    let names = Names::default();
    // Whether any are recorded is the same in every zone.
    let is_recorded = !matches!(Allergies::of(&resources, &names, &TimeZone::UTC), Allergies::NotRecorded);
    let holding: Vec<(&Json<'_>, Allergy)> = resources
        .iter()
        .filter(|one| holds(one) && !super::super::allergies::is_none_known(one))
        .map(|one| (one, Allergy::of(one, &names, &TimeZone::UTC)))
        .collect();
    let name = Medicine::of(medicine);
    let meetings = name.meetings(&holding);
    let issues = match meetings.iter().any(Meeting::interrupts) {
        true => asking.search_if_ever("DetectedIssue", &[("patient", patient_id), ("_count", "200")]).await?,
        false => Default::default(),
    };
    let issues = issues.resources();
    let meetings: Vec<Met> =
        meetings.into_iter().map(|meeting| Met { tolerated: tolerated(&issues, &meeting), meeting }).collect();
    let (is_known, has_allergies) = (name.is_known(), !holding.is_empty());
    let is_met = |one: &Allergy| meetings.iter().any(|met| met.meeting.allergy_id == one.id);
    let uncompared = holding.into_iter().map(|(_, allergy)| allergy).filter(|one| !is_known && !is_met(one));
    let mut uncompared: Vec<Allergy> = uncompared.collect();
    uncompared.sort_by_key(|one| (!one.is_severe, one.is_unconfirmed));
    Ok(Check { meetings, uncompared, is_known, has_allergies, is_recorded, is_open })
}

fn tolerated(issues: &[Json<'_>], meeting: &Meeting) -> Option<String> {
    let is_about = |issue: &&Json<'_>| {
        let allergy = ("AllergyIntolerance", meeting.allergy_id.as_str());
        let ingredient = at(issue, &["evidence", "code"]).and_then(words);
        text(issue, "status") == Some("final")
            && all(issue, "implicated").iter().filter_map(reference).any(|one| one == allergy)
            && ingredient.as_deref() == Some(meeting.ingredient.as_str())
            && at(issue, &["mitigation", "action"]).and_then(any_code) == Some(TOLERATED)
    };
    let issue = issues.iter().find(is_about)?;
    let why = at(issue, &["mitigation", "action"]).and_then(words).unwrap_or_default();
    let day = text(issue, "identifiedDateTime").map(time::day).unwrap_or_default();
    Some(format!("{why} ({day})"))
}

/// That it was asked about, and why it went on: a DetectedIssue with its mitigation.
pub fn issue(met: &Met, patient_id: &str, prescription: (&str, &str), reason: (&str, &str), author: &Author) -> Value {
    let (code, why) = reason;
    let display = DISPLAYS.iter().find(|(one, _)| *one == code).map_or("", |(_, display)| *display);
    let said = REASONS.iter().find(|(one, _)| *one == code).map_or("", |(_, words)| *words);
    let allergy = &met.meeting.allergy;
    let detail = allergy.detail();
    let (id, medicine) = prescription;
    let mut mitigation = json!({
        "action": { "coding": [{ "system": ACT_CODE, "code": code, "display": display }], "text": format!("{said}: {why}") },
        "date": author.now,
    });
    author.sign(&mut mitigation, "author");
    let mut issue = json!({
        "resourceType": "DetectedIssue",
        "status": "final",
        "code": deed::coded(ACT_CODE, "ALGY", "Allergy Alert"),
        "severity": "high",
        "patient": { "reference": format!("Patient/{patient_id}") },
        "identifiedDateTime": author.now,
        "implicated": [
            { "reference": format!("AllergyIntolerance/{}", met.meeting.allergy_id), "display": format!("{}: {}", allergy.substance, if detail.is_empty() { "reaction not recorded" } else { &detail }) },
            { "reference": format!("MedicationRequest/{id}"), "display": medicine },
        ],
        "evidence": [{ "code": [{ "text": met.meeting.ingredient }] }],
        "detail": met.meeting.because,
        "mitigation": [mitigation],
    });
    author.sign(&mut issue, "author");
    issue
}
