//! Who treats along with whom, and until when: a PractitionerRole of who does, with a code and a period, and with an extension that
//! names whose patients they are; R4 has no element for it. What of it opens charts, and who may say so, is the record's (`record::facts`).

use access::Action;
use fhir::Json;
use record::RecordError;

use super::ask::{Asking, Sheet};
use super::day;
use super::moves::{self, Change, coding, object};
use super::name;
use super::read::{self, extension, has_code, reference, text};
use super::time;
use crate::refusal::Refusal;

const ROLE: &str = "PractitionerRole";
const SYSTEM: &str = "urn:wardstone:practitioner-role";
const TIES_MAX: &str = "500";
const STAFF_MAX: &str = "500";

pub struct Kind {
    code: &'static str,
    words: &'static str,
    extension: &'static str,
}

/// Somebody stands in for who is away: also their results, messages and tasks come to them.
pub const COVERING: Kind = Kind { code: "covering", words: "Covering clinician", extension: "urn:wardstone:covers" };
/// Somebody works with a clinician, as who rooms their patients.
pub const WORKING: Kind =
    Kind { code: "working-with", words: "Works with a clinician", extension: "urn:wardstone:works-with" };

/// From the first millisecond until the last, not included; the least and the greatest number where it is open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tie {
    /// Of the PractitionerRole.
    pub id: String,
    pub version: u32,
    pub whose: String,
    pub by: String,
    pub from_ms: i64,
    pub until_ms: i64,
}

/// What came of saving one.
pub enum Kept {
    Saved,
    /// Somebody else was first.
    Overtaken,
}

#[derive(Clone)]
pub struct Colleague {
    pub id: String,
    pub name: String,
    pub is_active: bool,
}

impl Tie {
    pub fn of(kind: &Kind, role: &Json<'_>) -> Option<Self> {
        if !has_code(role, "code", kind.code) || role.get("active").and_then(Json::as_bool) == Some(false) {
            return None;
        }
        let person = |named: &Json<'_>| match reference(named) {
            Some(("Practitioner", id)) => Some(id.to_owned()),
            _ => None,
        };
        let bound = |name: &str| role.get("period").and_then(|period| period.get(name));
        let (from, until) = (bound("start").map(Json::as_str), bound("end").map(Json::as_str));
        Some(Self {
            id: text(role, "id")?.to_owned(),
            version: read::version(role),
            whose: person(extension(role, kind.extension, "valueReference")?)?,
            by: person(role.get("practitioner")?)?,
            from_ms: from.map_or(Some(i64::MIN), |said| time::instant_ms(said?))?,
            until_ms: until.map_or(Some(i64::MAX), |said| ends_ms(said?))?,
        })
    }

    pub fn holds(&self, now_ms: i64) -> bool {
        (self.from_ms..self.until_ms).contains(&now_ms)
    }

    /// The last day that it says, if it says one.
    pub fn ends_ms(&self) -> Option<i64> {
        Some(self.until_ms).filter(|until_ms| *until_ms != i64::MAX)
    }

    pub fn is_bounded(&self) -> bool {
        self.from_ms != i64::MIN && self.until_ms != i64::MAX
    }

    /// Whether both hold at some time for the same person's patients.
    pub fn meets(&self, other: &Tie) -> bool {
        self.whose == other.whose && self.from_ms < other.until_ms && other.from_ms < self.until_ms
    }

    /// Ends now, and keeps when it began.
    pub fn end(&mut self, now_ms: i64) {
        self.until_ms = now_ms;
        self.from_ms = self.from_ms.min(now_ms - 1);
    }

    pub fn resource(&self, kind: &Kind) -> Json<'static> {
        let refer = |id: &str| object([("reference", Json::string(format!("Practitioner/{id}")))]);
        let whose = object([("url", Json::string(kind.extension)), ("valueReference", refer(&self.whose))]);
        let code = object([
            ("coding", Json::Array(vec![coding(SYSTEM, kind.code, kind.words)])),
            ("text", Json::string(kind.words)),
        ]);
        let bounds = [("start", self.from_ms), ("end", self.until_ms)].into_iter();
        let bounds = bounds.filter(|(_, ms)| ![i64::MIN, i64::MAX].contains(ms));
        let members = [
            ("resourceType", Json::string(ROLE)),
            ("id", Json::string(self.id.clone())),
            ("extension", Json::Array(vec![whose])),
            ("active", Json::Bool(true)),
            ("period", object(bounds.map(|(name, ms)| (name, Json::string(day::instant(ms)))))),
            ("practitioner", refer(&self.by)),
            ("code", Json::Array(vec![code])),
        ];
        object(members)
    }
}

/// A day that is the last is over at its end, as for the record.
fn ends_ms(said: &str) -> Option<i64> {
    let (low, high) = fhir::search::date_span_ms(said)?;
    Some(if said.contains('T') { low } else { high })
}

/// Whether a role is a tie: then it says nothing about where somebody works, and when.
pub fn is_tie(role: &Json<'_>) -> bool {
    [COVERING, WORKING].iter().any(|kind| has_code(role, "code", kind.code))
}

/// Whether somebody keeps ties: what lies in the directory.
pub fn keeps(asking: &Asking<'_>) -> bool {
    asking.may_ever(Action::Create, ROLE) && asking.may_ever(Action::Update, ROLE)
}

/// Those of a kind that hold, now and to come.
pub async fn held(asking: &Asking<'_>, kind: &Kind) -> Result<(Sheet, Vec<Tie>), Refusal> {
    // What is over ties nobody, and there is more of it with every year.
    let since = format!("ge{}", day::instant(asking.record.now_ms()));
    found(asking, kind, ("date", &since)).await
}

/// Those that say no time.
pub async fn timeless(asking: &Asking<'_>, kind: &Kind) -> Result<(Sheet, Vec<Tie>), Refusal> {
    found(asking, kind, ("date:missing", "true")).await
}

async fn found(asking: &Asking<'_>, kind: &Kind, when: (&str, &str)) -> Result<(Sheet, Vec<Tie>), Refusal> {
    let role = format!("{SYSTEM}|{}", kind.code);
    let sheet = asking.search_if_ever(ROLE, &[("role", &role), when, ("_count", TIES_MAX)]).await?;
    let ties = sheet.resources().iter().filter_map(|role| Tie::of(kind, role)).collect();
    Ok((sheet, ties))
}

/// Of one under this name that is over: its place is taken by the new one.
pub async fn version_of(asking: &Asking<'_>, id: &str) -> Result<u32, Refusal> {
    match asking.read(ROLE, id).await {
        Ok(held) => Ok(held.get().version()),
        Err(RecordError::NotFound | RecordError::Gone) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// Writes it in the place of the version that it bears.
pub async fn keep(asking: &Asking<'_>, kind: &Kind, tie: &Tie) -> Result<Kept, Refusal> {
    let change = Change {
        method: "PUT",
        url: format!("{ROLE}/{}", tie.id),
        if_match: Some(tie.version).filter(|version| *version > 0),
        is_new: tie.version == 0,
        resource: tie.resource(kind),
    };
    match asking.transact(&moves::transaction(vec![change])).await {
        Ok(_) => Ok(Kept::Saved),
        Err(error) if error.is_overtaken() => came_to(asking, kind, tie).await,
        Err(error) => Err(error.into()),
    }
}

/// Of two who want the same at once, both have it.
async fn came_to(asking: &Asking<'_>, kind: &Kind, wanted: &Tie) -> Result<Kept, Refusal> {
    let held = asking.read(ROLE, &wanted.id).await?;
    let held = Json::parse(held.get().json()).ok().and_then(|role| Tie::of(kind, &role));
    let now_ms = asking.record.now_ms();
    let is_so = held.is_some_and(|held| {
        let is_over = held.until_ms <= now_ms && wanted.until_ms <= now_ms;
        held.whose == wanted.whose && held.by == wanted.by && (held.until_ms == wanted.until_ms || is_over)
    });
    Ok(if is_so { Kept::Saved } else { Kept::Overtaken })
}

/// Everybody of the directory, by name.
pub async fn colleagues(asking: &Asking<'_>) -> Result<Vec<Colleague>, Refusal> {
    let found = asking.search("Practitioner", &[("_count", STAFF_MAX)]).await?;
    let one = |person: &Json<'_>| {
        let is_active = person.get("active").and_then(Json::as_bool) != Some(false);
        Some(Colleague { id: text(person, "id")?.to_owned(), name: name::signed(person)?, is_active })
    };
    let mut people: Vec<_> = found.resources().iter().filter_map(one).collect();
    people.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(people)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    fn tie(whose: &str, by: &str, from_ms: i64, until_ms: i64) -> Tie {
        Tie { id: "c".into(), version: 0, whose: whose.into(), by: by.into(), from_ms, until_ms }
    }

    #[test]
    fn ties_of_one_person_stand_side_by_side_and_meet_where_both_hold() {
        let runs = tie("asha", "ben", 0, 3 * HOUR_MS);
        for (from, until, whose, meets) in [
            (3, 5, "asha", false),
            (2, 5, "asha", true),
            (1, 2, "asha", true),
            (-2, 0, "asha", false),
            (-2, 9, "asha", true),
            (1, 2, "zoe", false),
        ] {
            let other = tie(whose, "max", from * HOUR_MS, until * HOUR_MS);
            assert_eq!((runs.meets(&other), other.meets(&runs)), (meets, meets), "{from} {until} {whose}");
        }
    }

    #[test]
    fn a_tie_is_read_as_it_was_written_and_as_the_kind_that_it_is() {
        for (from_ms, until_ms) in [(0, 24 * HOUR_MS), (0, i64::MAX)] {
            let one = tie("asha", "ben", from_ms, until_ms);
            assert_eq!(Tie::of(&WORKING, &one.resource(&WORKING)), Some(one.clone()));
            assert_eq!(Tie::of(&COVERING, &one.resource(&WORKING)), None);
            assert!(is_tie(&one.resource(&WORKING)) && is_tie(&one.resource(&COVERING)));
        }
    }

    #[test]
    fn a_last_day_is_part_of_it_and_what_is_no_time_makes_none() {
        let role = |period: &str| {
            let said = format!(
                r#"{{"id":"t","practitioner":{{"reference":"Practitioner/ben"}},"code":[{{"coding":[{{"code":"working-with"}}]}}],
                "extension":[{{"url":"urn:wardstone:works-with","valueReference":{{"reference":"Practitioner/asha"}}}}],"period":{period}}}"#
            );
            Tie::of(&WORKING, &Json::parse_str(&said).unwrap_or(Json::Null)).map(|tie| (tie.from_ms, tie.until_ms))
        };
        assert_eq!(role("{}"), Some((i64::MIN, i64::MAX)));
        assert_eq!(role(r#"{"end":"1970-01-01"}"#), Some((i64::MIN, 24 * HOUR_MS)));
        assert_eq!(role(r#"{"end":"soon"}"#), None);
    }
}
