//! Whom tasks and messages name otherwise than by name: somebody's roles in the directory, the houses where they work and the teams they
//! are in. A role stands for its person; what no person is behind is everybody's who treats the patient.

use std::collections::{BTreeSet, HashMap};

use fhir::Json;

use super::ask::{Asking, Sheet};
use super::read::{all, reference, text};
use super::ties::is_tie;
use crate::refusal::Refusal;

/// One search takes so many names.
const NAMES_MAX: usize = 200;
const ROLES_MAX: &str = "500";
const STAFF_MAX: &str = "500";
/// Teams of one person and of those whom they cover.
const TEAMS_MAX: usize = 500;

/// References, as a search asks for them.
pub struct Addressed {
    /// Somebody, those whom they cover, and their roles; the houses where they work, their teams, and roles without a person.
    pub here: Vec<String>,
    /// Whoever of the clinic may be written to.
    pub anybody: Vec<String>,
    /// There is more than was looked at.
    pub is_cut: bool,
}

/// The Practitioner behind a role, by the role's id.
#[derive(Default)]
pub struct Persons(HashMap<String, String>);

impl Addressed {
    /// `people` are Practitioners: somebody, who is `own`, and those whom they cover.
    pub async fn of(asking: &Asking<'_>, own: Option<&str>, people: &[String]) -> Result<Self, Refusal> {
        let mut here: BTreeSet<String> = people.iter().cloned().collect();
        let mut houses = BTreeSet::new();
        let roles = roles_of(asking, people).await?;
        for role in roles.resources() {
            here.extend(text(&role, "id").map(|id| format!("PractitionerRole/{id}")));
            if role.get("practitioner").and_then(reference).is_some_and(|(_, id)| Some(id) == own) {
                houses.extend(house(&role));
            }
        }
        let named = here.iter().cloned().collect::<Vec<_>>();
        let mut is_cut = false;
        for some in named.chunks(NAMES_MAX) {
            let (teams, is_more) = asking.record.teams_of(asking.caller, &some.join(","), TEAMS_MAX).await?;
            here.extend(teams.into_iter().map(|id| format!("CareTeam/{id}")));
            is_cut |= is_more;
        }
        let all_roles = asking.search_if_ever("PractitionerRole", &[("_count", ROLES_MAX)]).await?;
        let staff = asking.search_if_ever("Practitioner", &[("_count", STAFF_MAX)]).await?;
        here.extend(houses);
        let mut anybody = here.clone();
        for role in all_roles.resources().iter().filter(|role| !is_tie(role)) {
            let named = text(role, "id").map(|id| format!("PractitionerRole/{id}"));
            if role.get("practitioner").and_then(reference).is_none() {
                here.extend(named.clone());
            }
            anybody.extend(named);
            anybody.extend(house(role));
        }
        let people = staff.resources();
        anybody.extend(people.iter().filter_map(|one| Some(format!("Practitioner/{}", text(one, "id")?))));
        is_cut |= [&all_roles, &staff].into_iter().any(|sheet| sheet.next().is_some());
        Ok(Self { here: here.into_iter().collect(), anybody: anybody.into_iter().collect(), is_cut })
    }
}

impl Persons {
    /// Behind the roles that an element of these names.
    pub async fn of<'j, 'a: 'j>(
        asking: &Asking<'_>,
        elements: impl Iterator<Item = &'j Json<'a>>,
    ) -> Result<Self, Refusal> {
        let ids: Vec<&str> =
            elements.filter_map(reference).filter(|(kind, _)| *kind == "PractitionerRole").map(|(_, id)| id).collect();
        let mut persons = Self::default();
        for role in asking.by_ids("PractitionerRole", &ids).await?.iter().flat_map(Sheet::resources) {
            if let (Some(id), Some(("Practitioner", person))) =
                (text(&role, "id"), role.get("practitioner").and_then(reference))
            {
                persons.0.insert(id.to_owned(), person.to_owned());
            }
        }
        Ok(persons)
    }

    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(String::as_str)
    }

    /// The person whom a Reference names, by name or by their role.
    pub fn named(&self, one: &Json<'_>) -> Option<String> {
        match reference(one)? {
            ("Practitioner", id) => Some(id.to_owned()),
            ("PractitionerRole", id) => self.0.get(id).cloned(),
            _ => None,
        }
    }
}

/// Somebody and their roles, to be asked for at once.
pub async fn self_and_roles(asking: &Asking<'_>, own: &str) -> Result<String, Refusal> {
    let mut named = vec![format!("Practitioner/{own}")];
    let roles = roles_of(asking, &named).await?;
    let roles = roles.resources();
    named.extend(roles.iter().filter_map(|role| Some(format!("PractitionerRole/{}", text(role, "id")?))));
    named.truncate(NAMES_MAX);
    Ok(named.join(","))
}

/// Each search of as many names as one takes.
pub fn searches(names: &[String]) -> impl Iterator<Item = String> {
    names.chunks(NAMES_MAX).map(|some| some.join(","))
}

/// What somebody here is to read; what went to the patient waits for nobody here, and what names nobody waits for all.
pub fn is_for_us(message: &Json<'_>) -> bool {
    let named = all(message, "recipient");
    let to = |wanted: &str| named.iter().filter_map(reference).any(|(kind, _)| kind == wanted);
    named.is_empty()
        || ["Practitioner", "PractitionerRole", "Organization"].into_iter().any(to)
        || (to("CareTeam") && !to("Patient"))
}

async fn roles_of(asking: &Asking<'_>, people: &[String]) -> Result<Sheet, Refusal> {
    if people.is_empty() {
        return Ok(Sheet::default());
    }
    let people = people.iter().take(NAMES_MAX).cloned().collect::<Vec<_>>().join(",");
    asking.search_if_ever("PractitionerRole", &[("practitioner", &people), ("_count", ROLES_MAX)]).await
}

fn house(role: &Json<'_>) -> Option<String> {
    match role.get("organization").and_then(reference)? {
        ("Organization", id) => Some(format!("Organization/{id}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_waits_here_unless_it_went_to_the_patient() {
        for (to, is_ours) in [
            (vec![], true),
            (vec!["Practitioner/a"], true),
            (vec!["PractitionerRole/a"], true),
            (vec!["Organization/a"], true),
            (vec!["CareTeam/a"], true),
            (vec!["CareTeam/a", "Patient/p"], false),
            (vec!["Patient/p"], false),
            (vec!["RelatedPerson/p"], false),
            (vec!["Practitioner/a", "Patient/p"], true),
        ] {
            let named: Vec<String> = to.iter().map(|to| format!(r#"{{"reference":"{to}"}}"#)).collect();
            let said = format!(r#"{{"recipient":[{}]}}"#, named.join(","));
            assert_eq!(is_for_us(&Json::parse_str(&said).unwrap_or(Json::Null)), is_ours, "{to:?}");
        }
    }
}
