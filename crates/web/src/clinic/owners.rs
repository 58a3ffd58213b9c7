//! Whose something is that came in about a patient: who asked for it; else the patient's own practitioner; else the first clinician of
//! their care team.

use std::collections::HashMap;

use fhir::Json;

use super::ask::Asking;
use super::duty::{self, Owner, Standing};
use super::names::Names;
use super::read::{all, reference, text};
use crate::refusal::Refusal;

/// Patients whose teams one search looks for.
const PATIENTS_AT_ONCE: usize = 8;

/// Of each resource the Practitioner's id, by the orders that it answers and by its `subject`; none where all are silent.
pub async fn of<'j>(
    asking: &Asking<'_>,
    resources: &[Json<'j>],
    orders_of: impl Fn(&Json<'j>) -> Vec<String>,
    (orders, patients): (&HashMap<String, Json<'_>>, &HashMap<String, Json<'_>>),
) -> Result<Vec<Option<String>>, Refusal> {
    let roles = role_persons(asking, orders.values().chain(patients.values())).await?;
    let owner = |one: &Json<'j>| {
        let order = orders_of(one).iter().find_map(|id| orders.get(id));
        let asked = order.and_then(|order| duty::first_person(order, "requester", &roles));
        let patient = one.get("subject").and_then(reference).and_then(|(_, id)| patients.get(id));
        asked.or_else(|| duty::first_person(patient?, "generalPractitioner", &roles))
    };
    let owners: Vec<Option<String>> = resources.iter().map(owner).collect();
    // Who has neither a requester nor a practitioner of their own has perhaps a team.
    let alone: Vec<&str> = { resources.iter().zip(&owners) }
        .filter(|(_, owner)| owner.is_none())
        .filter_map(|(one, _)| reference(one.get("subject")?).map(|(_, id)| id))
        .collect();
    let teams = teams(asking, &alone).await?;
    let of_team = |one: &Json<'_>| teams.get(one.get("subject").and_then(reference)?.1).cloned();
    Ok(owners.into_iter().zip(resources).map(|(owner, one)| owner.or_else(|| of_team(one))).collect())
}

/// Where something stands, in words.
#[derive(Default)]
pub struct Said {
    pub owner: String,
    pub cover: Option<String>,
    pub escalated: Option<String>,
}

impl Said {
    /// `lies`: what it did for too long, where it went on.
    pub fn of(standing: &Standing, names: &Names, lies: &str) -> Self {
        let person =
            |id: &str| names.person(id).unwrap_or_else(|| "a clinician whom the directory does not name".to_owned());
        Self {
            owner: match &standing.owner {
                Owner::Person(id) => person(id),
                Owner::Pool => "Nobody named: the team’s".to_owned(),
            },
            cover: standing.cover.as_deref().map(person),
            escalated: standing.escalated.as_ref().map(|to| match to {
                Owner::Person(id) => format!("{lies}: now also with {}, who covers", person(id)),
                Owner::Pool => format!("{lies}: now the team’s"),
            }),
        }
    }
}

/// Whom the roles of the directory that are named stand for.
async fn role_persons<'j, 'a: 'j>(
    asking: &Asking<'_>,
    resources: impl Iterator<Item = &'j Json<'a>>,
) -> Result<Vec<(String, String)>, Refusal> {
    let mut ids = Vec::new();
    for one in resources {
        let named = ["requester", "generalPractitioner"].iter().flat_map(|element| all(one, element));
        ids.extend(named.filter_map(reference).filter(|(kind, _)| *kind == "PractitionerRole").map(|(_, id)| id));
    }
    let mut persons = Vec::new();
    for sheet in asking.by_ids("PractitionerRole", &ids).await? {
        for role in sheet.resources() {
            let person = role.get("practitioner").and_then(reference).map(|(_, id)| id.to_owned());
            persons.extend(text(&role, "id").map(str::to_owned).zip(person));
        }
    }
    Ok(persons)
}

/// The first clinician of each patient's active care team, in the order of the team.
async fn teams(asking: &Asking<'_>, patients: &[&str]) -> Result<HashMap<String, String>, Refusal> {
    let mut teams = HashMap::new();
    let mut patients = patients.to_vec();
    patients.sort_unstable();
    patients.dedup();
    for some in patients.chunks(PATIENTS_AT_ONCE) {
        let pairs = [("patient", &*some.join(",")), ("status", "active"), ("_count", "200")];
        for team in asking.search_if_ever("CareTeam", &pairs).await?.resources() {
            let members = all(&team, "participant").iter().filter_map(|one| reference(one.get("member")?));
            let mut members = members.filter(|(kind, _)| *kind == "Practitioner");
            let patient = team.get("subject").and_then(reference).map(|(_, id)| id.to_owned());
            if let Some((patient, (_, person))) = patient.zip(members.next()) {
                teams.entry(patient).or_insert(person.to_owned());
            }
        }
    }
    Ok(teams)
}
