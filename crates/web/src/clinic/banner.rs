//! The patient banner: who this is, on every page of a chart, with allergies in three states (NHS CUI, PAB-0033 to 0062; SAFER 2025).

use access::ChartNo;
use fhir::Json;
use identity::Session;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::day;
use super::demographics::INTERPRETER;
use super::name::Name;
use super::names::Names;
use super::read::{all, any_code, at, extension, has_code, text, words, words_of};
use super::time;
use crate::Web;

/// "No known allergy" and its kin: an act of somebody, not an empty list.
pub const NONE_KNOWN: [(&str, &str); 5] = [
    ("716186003", "No known allergies"),
    ("409137002", "No known drug allergies"),
    ("428607008", "No known environmental allergies"),
    ("429625007", "No known food allergies"),
    ("428197003", "No known insect allergies"),
];
/// Past which the banner counts the rest; the chart lists them.
const SHOWN_MAX: usize = 6;

pub struct Banner {
    pub id: String,
    pub name: Name,
    pub born: String,
    pub age: Option<String>,
    pub sex: String,
    pub mrn: Option<String>,
    pub phone: Option<String>,
    pub language: Option<String>,
    pub died: Option<String>,
    pub has_photo: bool,
    pub allergies: Allergies,
    pub flags: Vec<String>,
    pub glass: Option<Glass>,
    /// The note that whoever looks is writing in this chart.
    pub note: Option<String>,
}

/// The glass of this chart is broken now, by whoever looks.
pub struct Glass {
    pub until: String,
    pub reason: String,
}

pub enum Allergies {
    /// The role or the chart does not open them here: nothing is said of what there is.
    NotShown,
    NotRecorded,
    /// What is known to be none, when it was recorded and by whom.
    NoneKnown {
        what: &'static str,
        recorded: String,
    },
    Listed(Vec<Allergy>),
}

#[derive(Clone)]
pub struct Allergy {
    pub id: String,
    pub substance: String,
    /// What happened then; empty if nobody wrote it.
    pub reaction: String,
    pub is_severe: bool,
    pub is_unconfirmed: bool,
    /// `severe`, `mild`, `high risk`.
    pub severity: Option<String>,
    /// When and by whom.
    pub source: String,
}

impl Banner {
    pub fn of(patient: &Json<'_>, today: Date) -> Self {
        let birth = text(patient, "birthDate");
        let died = match patient.get("deceasedDateTime").and_then(Json::as_str) {
            Some(date) => Some(time::day(date)),
            None if patient.get("deceasedBoolean").and_then(Json::as_bool) == Some(true) => {
                Some("date not recorded".to_owned())
            }
            None => None,
        };
        let mut banner = Self {
            id: text(patient, "id").unwrap_or_default().to_owned(),
            name: Name::of(patient),
            born: birth.map_or_else(|| time::NOT_KNOWN.to_owned(), time::day),
            age: birth.filter(|_| died.is_none()).and_then(|birth| time::age(birth, today)),
            sex: sex(patient),
            mrn: record_number(patient).map(str::to_owned),
            phone: phone(patient),
            language: language(patient),
            died,
            has_photo: crate::pages::has_photo(patient),
            allergies: Allergies::NotShown,
            flags: Vec::new(),
            glass: None,
            note: None,
        };
        if extension(patient, INTERPRETER, "valueBoolean").and_then(Json::as_bool) == Some(true) {
            banner.flags.push("Interpreter needed".to_owned());
        }
        if patient.get("active").and_then(Json::as_bool) == Some(false) {
            banner.flags.push("Record not in use".to_owned());
        }
        if all(patient, "link").iter().any(|link| text(link, "type") == Some("replaced-by")) {
            banner.flags.push("Replaced by another record of this patient".to_owned());
        }
        banner
    }

    /// Flags of the chart that hold now.
    pub fn add_flags(&mut self, flags: &[Json<'_>]) {
        let holding = flags.iter().filter(|flag| text(flag, "status") == Some("active"));
        self.flags.extend(holding.filter_map(|flag| words(flag.get("code")?)));
    }

    pub fn has_alerts(&self) -> bool {
        !self.flags.is_empty() || !matches!(self.allergies, Allergies::NotShown)
    }

    /// For a phone, where the rest scrolls away under the name: a mark and a line, the gravest allergy first.
    pub fn brief(&self) -> Option<(&'static str, String)> {
        let (mark, allergies) = match &self.allergies {
            Allergies::NotShown => return None,
            Allergies::NotRecorded => ("◆", "not recorded".to_owned()),
            Allergies::NoneKnown { what, .. } => ("", (*what).to_owned()),
            Allergies::Listed(listed) => {
                let first = listed.iter().find(|one| one.is_severe).or(listed.first())?;
                let more = if listed.len() > 1 { format!(" +{}", listed.len() - 1) } else { String::new() };
                (if first.is_severe { "▲" } else { "" }, format!("{}{more}", first.substance))
            }
        };
        let flags = match self.flags.len() {
            0 => String::new(),
            1 => ", 1 flag".to_owned(),
            more => format!(", {more} flags"),
        };
        Some((mark, allergies + &flags))
    }

    /// Those that fit, and how many are left.
    pub fn shown(listed: &[Allergy]) -> (&[Allergy], usize) {
        let shown = listed.len().min(SHOWN_MAX);
        (&listed[..shown], listed.len() - shown)
    }
}

impl Glass {
    pub fn of(web: &Web, session: &Session, chart: ChartNo) -> Option<Self> {
        let held = web.identity().open_glass();
        let glass = held.into_iter().find(|glass| glass.user == session.user && glass.chart == chart)?;
        Some(Self { until: day::clock(glass.until_ms, web.zone()), reason: glass.reason })
    }
}

impl Allergies {
    /// Of the AllergyIntolerances of a chart that is open: severe ones first.
    pub fn of(resources: &[Json<'_>], names: &Names, zone: &TimeZone) -> Self {
        let holding: Vec<&Json<'_>> = resources.iter().filter(|one| holds(one)).collect();
        let none_known =
            |one: &Json<'_>| NONE_KNOWN.iter().find(|(code, _)| has_code(one, "code", code)).map(|(_, what)| *what);
        let mut listed: Vec<Allergy> =
            holding.iter().filter(|one| none_known(one).is_none()).map(|one| Allergy::of(one, names, zone)).collect();
        listed.sort_by_key(|one| (!one.is_severe, one.is_unconfirmed));
        let denied = holding.iter().find_map(|one| Some((none_known(one)?, *one)));
        match (listed.is_empty(), denied) {
            (false, _) => Self::Listed(listed),
            (true, Some((what, one))) => Self::NoneKnown { what, recorded: source(one, names, zone) },
            (true, None) => Self::NotRecorded,
        }
    }
}

impl Allergy {
    pub fn of(one: &Json<'_>, names: &Names, zone: &TimeZone) -> Self {
        let reactions = all(one, "reaction");
        let manifested: Vec<String> =
            reactions.iter().filter_map(|reaction| words_of(reaction, "manifestation")).collect();
        let worst = ["severe", "moderate", "mild"];
        let severity =
            worst.into_iter().find(|wanted| reactions.iter().any(|one| text(one, "severity") == Some(*wanted)));
        let is_high_risk = text(one, "criticality") == Some("high");
        Self {
            id: text(one, "id").unwrap_or_default().to_owned(),
            substance: one
                .get("code")
                .and_then(words)
                .map_or_else(|| "Substance not named".to_owned(), |said| bare(&said)),
            reaction: manifested.join(", ").to_lowercase(),
            is_severe: is_high_risk || severity == Some("severe"),
            is_unconfirmed: one.get("verificationStatus").and_then(any_code) == Some("unconfirmed"),
            severity: severity.or(is_high_risk.then_some("high risk")).map(str::to_owned),
            source: source(one, names, zone),
        }
    }

    /// `anaphylaxis, severe`; empty if nothing is known.
    pub fn detail(&self) -> String {
        let unconfirmed = self.is_unconfirmed.then_some("unconfirmed");
        let parts =
            [Some(self.reaction.as_str()).filter(|text| !text.is_empty()), self.severity.as_deref(), unconfirmed];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

/// Medical record number; never a number that a government gave.
pub fn record_number<'j>(patient: &'j Json<'_>) -> Option<&'j str> {
    let identifiers = all(patient, "identifier").iter();
    let mut numbers = identifiers.filter(|identifier| has_code(identifier, "type", "MR"));
    text(numbers.next()?, "value")
}

/// What the registration says; other facts about sex and gender are in the chart.
pub fn sex(patient: &Json<'_>) -> String {
    match text(patient, "gender") {
        Some("female") => "Female",
        Some("male") => "Male",
        Some("other") => "Other",
        _ => time::NOT_KNOWN,
    }
    .to_owned()
}

/// Refuted and mistaken entries, and those that are over, are no warnings.
pub fn holds(one: &Json<'_>) -> bool {
    let status = |name: &str| one.get(name).and_then(any_code);
    !matches!(status("clinicalStatus"), Some("inactive" | "resolved"))
        && !matches!(status("verificationStatus"), Some("refuted" | "entered-in-error"))
}

fn source(one: &Json<'_>, names: &Names, zone: &TimeZone) -> String {
    let recorded = text(one, "recordedDate").map(|at| day::day_of(at, zone));
    let by = one.get("recorder").and_then(|by| names.name(by));
    [recorded, by].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Under a heading that says allergies, "Allergy to penicillin" is "Penicillin".
fn bare(said: &str) -> String {
    let rest = said.strip_prefix("Allergy to ").unwrap_or(said);
    let mut letters = rest.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

fn phone(patient: &Json<'_>) -> Option<String> {
    let mut numbers: Vec<&Json<'_>> =
        all(patient, "telecom").iter().filter(|one| text(one, "system") == Some("phone")).collect();
    numbers.sort_by_key(|one| match text(one, "use") {
        Some("mobile") => 0,
        Some("old") => 2,
        _ => 1,
    });
    numbers.into_iter().find_map(|one| text(one, "value")).map(str::to_owned)
}

/// The preferred language, or the only one.
fn language(patient: &Json<'_>) -> Option<String> {
    let spoken = all(patient, "communication");
    let preferred = spoken.iter().find(|one| one.get("preferred").and_then(Json::as_bool) == Some(true));
    words(at(preferred.or(spoken.first())?, &["language"])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allergies(resources: &[&str]) -> Allergies {
        let parsed: Vec<Json<'_>> = resources.iter().filter_map(|text| Json::parse_str(text).ok()).collect();
        assert_eq!(parsed.len(), resources.len());
        Allergies::of(&parsed, &Names::default(), &TimeZone::UTC)
    }

    const PENICILLIN: &str = r#"{"code":{"coding":[{"display":"Allergy to penicillin (finding)"}]},"criticality":"high",
        "reaction":[{"manifestation":[{"text":"Anaphylaxis"}],"severity":"severe"}]}"#;
    const LATEX: &str = r#"{"code":{"text":"Latex"},"verificationStatus":{"coding":[{"code":"unconfirmed"}]}}"#;
    const NONE: &str =
        r#"{"code":{"coding":[{"system":"http://snomed.info/sct","code":"716186003"}]},"recordedDate":"2026-11-02"}"#;
    const REFUTED: &str = r#"{"code":{"text":"Egg"},"verificationStatus":{"coding":[{"code":"refuted"}]}}"#;

    #[test]
    fn nothing_recorded_is_not_nothing_known() {
        assert!(matches!(allergies(&[]), Allergies::NotRecorded));
        assert!(matches!(allergies(&[REFUTED]), Allergies::NotRecorded));
        let Allergies::NoneKnown { what, recorded } = allergies(&[NONE]) else { panic!("none known") };
        assert_eq!((what, recorded.as_str()), ("No known allergies", "02-Nov-2026"));
    }

    #[test]
    fn what_is_severe_comes_first_and_outweighs_none_known() {
        let Allergies::Listed(listed) = allergies(&[NONE, LATEX, PENICILLIN]) else { panic!("listed") };
        let said: Vec<String> = listed.iter().map(|one| format!("{}: {}", one.substance, one.detail())).collect();
        assert_eq!(said, ["Penicillin: anaphylaxis, severe", "Latex: unconfirmed"]);
    }

    #[test]
    fn a_patient_of_whom_little_is_known_has_a_banner() {
        let Ok(patient) = Json::parse_str(r#"{"id":"p","deceasedBoolean":true}"#) else { panic!("json") };
        let banner = Banner::of(&patient, Date::constant(2026, 11, 22));
        assert_eq!(banner.name.listed(), crate::clinic::name::NOT_KNOWN);
        assert_eq!((banner.born.as_str(), banner.sex.as_str(), banner.mrn), ("Not known", "Not known", None));
        assert_eq!(banner.died.as_deref(), Some("date not recorded"));
    }
}
