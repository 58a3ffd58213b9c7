//! Which of a day's appointments: of whom, and where. `WHO` or `WHO@PLACE` in an address, where a calendar, a team and a place tell
//! nothing of a patient.

use std::collections::BTreeMap;
use std::fmt;

use fhir::Json;
use record::ResourceKey;

use crate::client::Asked;
use crate::clinic::ask::{Asking, Sheet};
use crate::clinic::book::{Around, Clinician};
use crate::clinic::day::Day;
use crate::clinic::read::{all, reference, text};
use crate::forms::Form;
use crate::refusal::Refusal;

/// Clinicians with a calendar, for the choice on top.
const CALENDARS_MAX: &str = "200";
const PLACES_MAX: &str = "50";
const EVERYBODY: &str = "all";
const TEAM: &str = "team.";

#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Whose {
    pub who: Who,
    /// A Location's id.
    place: Option<String>,
}

#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub enum Who {
    #[default]
    Everybody,
    /// A Practitioner's id.
    Clinician(String),
    /// The code of what calendars are for (`Schedule.specialty`).
    Team(String),
}

/// Calendars of one specialty.
pub struct Team {
    pub code: String,
    pub name: String,
    members: Vec<String>,
}

/// What there is to choose from.
pub struct Choices {
    pub clinicians: Vec<Clinician>,
    /// None where all calendars are of one.
    pub teams: Vec<Team>,
    /// Id and name; none where there is one.
    pub places: Vec<(String, String)>,
}

impl Whose {
    pub fn of_clinician(id: &str) -> Self {
        Self { who: Who::Clinician(id.to_owned()), place: None }
    }

    pub fn parse(text: &str) -> Option<Self> {
        let (who, place) = text.split_once('@').unwrap_or((text, ""));
        let is_id = |text: &str| ResourceKey::parse("Practitioner", text).is_some();
        let who = match who.strip_prefix(TEAM) {
            Some(code) if is_id(code) => Who::Team(code.to_owned()),
            Some(_) => return None,
            _ if who == EVERYBODY => Who::Everybody,
            _ if is_id(who) => Who::Clinician(who.to_owned()),
            _ => return None,
        };
        (place.is_empty() || is_id(place)).then(|| Self { who, place: (!place.is_empty()).then(|| place.to_owned()) })
    }

    /// As a form says it; everybody's where it says nothing that there is.
    pub fn sent(form: &Form) -> Self {
        Self::parse(form.text("who")).unwrap_or_default()
    }

    /// As an address says it: `who`, and `place` where it was chosen in the form; `None` where it does not say.
    pub fn asked(query: &[(String, String)]) -> Result<Option<Self>, Refusal> {
        let value = |wanted: &str| query.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        let Some(who) = value("who") else { return Ok(None) };
        let asked = match value("place") {
            Some(place) => Self::parse(&format!("{who}@{place}")),
            None => Self::parse(who),
        };
        asked.map(Some).ok_or(Refusal::Invalid("there is no such list"))
    }

    /// The list of a day.
    pub fn address(&self, day: &str) -> String {
        format!("/today?day={day}&who={self}")
    }

    /// The clinician, for the pages that know no teams.
    pub fn calendar(&self) -> &str {
        match &self.who {
            Who::Clinician(id) => id,
            _ => EVERYBODY,
        }
    }

    pub fn is_one(&self) -> bool {
        matches!(self.who, Who::Clinician(_))
    }

    pub fn is_at(&self, place: &str) -> bool {
        self.place.as_deref() == Some(place)
    }

    pub fn is_of(&self, id: &str) -> bool {
        matches!(&self.who, Who::Clinician(who) if who == id)
    }

    pub fn is_team(&self, code: &str) -> bool {
        matches!(&self.who, Who::Team(team) if team == code)
    }

    /// What the actors of an appointment have to be: each list any of its references.
    pub fn actors(&self, choices: &Choices) -> Vec<String> {
        let refer = |id: &String| format!("Practitioner/{id}");
        let who = match &self.who {
            Who::Everybody => None,
            Who::Clinician(id) => Some(refer(id)),
            Who::Team(code) => {
                let team = choices.teams.iter().find(|team| team.code == *code);
                let members = team.map_or_else(Vec::new, |team| team.members.iter().map(refer).collect());
                // A team that there is no more has nobody.
                Some(if members.is_empty() { "Practitioner/-".to_owned() } else { members.join(",") })
            }
        };
        who.into_iter().chain(self.place.iter().map(|id| format!("Location/{id}"))).collect()
    }

    /// In words, after `with`; empty for everybody.
    pub fn words(&self, choices: &Choices) -> String {
        let named = match &self.who {
            Who::Everybody => None,
            Who::Clinician(id) => choices.clinicians.iter().find(|one| one.id == *id).map(|one| one.name.clone()),
            Who::Team(code) => choices.teams.iter().find(|team| team.code == *code).map(|team| team.name.clone()),
        };
        named.unwrap_or_default()
    }
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.who {
            Who::Everybody => f.write_str(EVERYBODY)?,
            Who::Clinician(id) => f.write_str(id)?,
            Who::Team(code) => write!(f, "{TEAM}{code}")?,
        }
        match &self.place {
            Some(place) => write!(f, "@{place}"),
            None => Ok(()),
        }
    }
}

impl Choices {
    pub async fn of(asked: &Asked<'_>, asking: &Asking<'_>) -> Result<Self, Refusal> {
        let pairs = [("active", "true"), ("_include", "Schedule:actor"), ("_count", CALENDARS_MAX)];
        let calendars = asking.search_if_ever("Schedule", &pairs).await?;
        let places = asking.search_if_ever("Location", &[("status", "active"), ("_count", PLACES_MAX)]).await?;
        let today = Day::of(asked.web.record().now_ms(), asked.web.zone());
        let mut clinicians = Around::of(&[&calendars], &today).clinicians();
        clinicians.sort_by(|a, b| a.name.cmp(&b.name));
        let held = places.resources();
        let places = { held.iter() }
            .filter_map(|place| Some((text(place, "id")?.to_owned(), text(place, "name")?.to_owned())))
            .collect();
        Ok(Self { clinicians, teams: teams(&calendars), places: by_name(places) })
    }
}

/// Nothing is chosen among one.
fn by_name(mut places: Vec<(String, String)>) -> Vec<(String, String)> {
    places.sort_by(|a, b| a.1.cmp(&b.1));
    if places.len() < 2 { Vec::new() } else { places }
}

fn teams(calendars: &Sheet) -> Vec<Team> {
    let mut teams: BTreeMap<String, Team> = BTreeMap::new();
    for calendar in calendars.resources().iter().filter(|one| one.resource_type() == Some("Schedule")) {
        let coded = all(calendar, "specialty").iter().flat_map(|specialty| all(specialty, "coding"));
        for coding in coded {
            let Some(code) = text(coding, "code") else { continue };
            let team = teams.entry(code.to_owned()).or_insert_with(|| Team {
                code: code.to_owned(),
                name: text(coding, "display").unwrap_or(code).to_owned(),
                members: Vec::new(),
            });
            team.members.extend(practitioners(calendar));
        }
    }
    let mut teams: Vec<Team> = teams.into_values().collect();
    teams.sort_by(|a, b| a.name.cmp(&b.name));
    if teams.len() < 2 { Vec::new() } else { teams }
}

fn practitioners<'j>(calendar: &'j Json<'_>) -> impl Iterator<Item = String> + 'j {
    let actors = all(calendar, "actor").iter().filter_map(reference);
    actors.filter(|(kind, _)| *kind == "Practitioner").map(|(_, id)| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_written_as_it_is_read_and_nothing_else_is_one() {
        for written in ["all", "asha", "team.207Q00000X", "all@main", "asha@main", "team.207Q00000X@main"] {
            assert_eq!(Whose::parse(written).map(|whose| whose.to_string()).as_deref(), Some(written));
        }
        for wrong in ["", "team.", "a b", "asha@a b", "asha&day=1", "@main", "team.x y"] {
            assert_eq!(Whose::parse(wrong), None, "{wrong}");
        }
    }
}
