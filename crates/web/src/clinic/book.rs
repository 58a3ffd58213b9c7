//! The book of a day: appointments as a waiting room reads them. When somebody came, was called in and left stands in the
//! appointment itself, as the period of each participant (R4, Appointment.participant.period), so that the front desk, which sees no
//! encounter, knows who waits. Who may see encounters learns from them, too, whose visit has begun.

use std::collections::HashMap;

use fhir::Json;
use jiff::tz::TimeZone;

use super::ask::Sheet;
use super::banner::record_number;
use super::day::{self, Day};
use super::demographics::INTERPRETER;
use super::name::{Name, signed};
use super::read::{all, at, extension, has_code, reference, text, words, words_of};
use super::time;

const MINUTE_MS: i64 = 60_000;
/// Of an appointment that names no end.
const MINUTES: i64 = 30;
/// SNOMED CT: telemedicine consultation.
const VIDEO: [&str; 2] = ["448337001", "VR"];
/// HL7 participant type of one who interprets.
pub const TRANSLATOR: &str = "translator";
const ENGLISH: &str = "en";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    Expected,
    Arrived,
    CheckedIn,
    WithClinician,
    Done,
    Missed,
    Cancelled,
}

/// One line of the list.
pub struct Visit {
    pub id: String,
    pub version: u32,
    pub start_ms: i64,
    pub time: String,
    pub minutes: i64,
    /// None where policy shows who comes to nobody in this role.
    pub patient: Option<Person>,
    /// None where this role is not told why people come.
    pub reason: Option<String>,
    pub language: Option<String>,
    pub interpreter: Option<&'static str>,
    pub is_video: bool,
    pub clinicians: Vec<Clinician>,
    pub status: Status,
    /// When it was over, where that is known.
    pub ended_ms: Option<i64>,
    /// Since when the status holds, and the minutes waited or late.
    pub since: Option<String>,
    pub waited: Option<i64>,
    pub late: Option<i64>,
    /// Both in words.
    pub spans: (String, String),
    /// Why it was cancelled.
    pub cancelled: Option<String>,
}

#[derive(Clone)]
pub struct Person {
    pub id: String,
    pub name: String,
    pub born: String,
    pub age: Option<String>,
    /// With the name and the birth date who they are on paper.
    pub mrn: Option<String>,
    language: Option<String>,
    pub needs_interpreter: bool,
}

#[derive(Clone, PartialEq, Eq)]
pub struct Clinician {
    pub id: String,
    pub name: String,
}

/// Who and what the appointments of a page refer to.
#[derive(Default)]
pub struct Around {
    patients: HashMap<String, Person>,
    clinicians: HashMap<String, String>,
    /// By appointment: when an encounter began and ended.
    encounters: HashMap<String, (Option<i64>, Option<i64>)>,
}

impl Status {
    pub fn word(self) -> &'static str {
        match self {
            Status::Expected => "Expected",
            Status::Arrived => "Arrived",
            Status::CheckedIn => "Checked in",
            Status::WithClinician => "With clinician",
            Status::Done => "Done",
            Status::Missed => "No-show",
            Status::Cancelled => "Cancelled",
        }
    }

    pub fn class(self) -> &'static str {
        match self {
            Status::Expected => "expected",
            Status::Arrived | Status::CheckedIn => "waits",
            Status::WithClinician => "inside",
            Status::Done => "over",
            Status::Missed | Status::Cancelled => "off",
        }
    }

    pub fn waits(self) -> bool {
        matches!(self, Status::Arrived | Status::CheckedIn)
    }

    /// Whether nobody else can have the time.
    pub fn holds_time(self) -> bool {
        !matches!(self, Status::Missed | Status::Cancelled)
    }

    /// Of the appointment alone; none for what is no appointment any more, or not yet.
    pub fn of(appointment: &Json<'_>) -> Option<Status> {
        Some(match text(appointment, "status")? {
            "booked" | "pending" => Status::Expected,
            "arrived" => Status::Arrived,
            "checked-in" if period(appointment, "Practitioner").0.is_some() => Status::WithClinician,
            "checked-in" => Status::CheckedIn,
            "fulfilled" => Status::Done,
            "noshow" => Status::Missed,
            "cancelled" => Status::Cancelled,
            _ => return None,
        })
    }
}

impl Around {
    pub fn of(sheets: &[&Sheet], day: &Day) -> Self {
        let mut around = Self::default();
        for resource in sheets.iter().flat_map(|sheet| sheet.resources()) {
            let Some(id) = text(&resource, "id").map(str::to_owned) else { continue };
            match resource.resource_type() {
                Some("Patient") => {
                    let person = Person::of(id.clone(), &resource, day);
                    around.patients.insert(id, person);
                }
                Some("Practitioner") => {
                    around.clinicians.insert(id, signed(&resource).unwrap_or_else(|| "Name not known".to_owned()));
                }
                Some("Encounter") => around.encounter(&resource),
                _ => {}
            }
        }
        around
    }

    fn encounter(&mut self, encounter: &Json<'_>) {
        let ms = |name| at(encounter, &["period", name]).and_then(Json::as_str).and_then(time::instant_ms);
        let span = match text(encounter, "status") {
            Some("in-progress" | "onleave") => (ms("start"), None),
            Some("finished") => (ms("start"), ms("end")),
            _ => return,
        };
        for (kind, id) in all(encounter, "appointment").iter().filter_map(reference) {
            if kind == "Appointment" {
                self.encounters.insert(id.to_owned(), span);
            }
        }
    }

    pub fn patient(&self, id: &str) -> Option<Person> {
        self.patients.get(id).cloned()
    }

    pub fn clinicians(&self) -> Vec<Clinician> {
        self.clinicians.iter().map(|(id, name)| Clinician { id: id.clone(), name: name.clone() }).collect()
    }

    pub fn clinician(&self, id: &str) -> String {
        self.clinicians.get(id).cloned().unwrap_or_else(|| "Name not known".to_owned())
    }
}

impl Person {
    pub fn of(id: String, patient: &Json<'_>, today: &Day) -> Self {
        let birth = text(patient, "birthDate");
        let on = today.iso().parse().ok();
        Self {
            id,
            name: Name::of(patient).listed(),
            born: birth.map_or_else(|| time::NOT_KNOWN.to_owned(), time::day),
            age: birth.zip(on).and_then(|(birth, on)| time::age(birth, on)),
            mrn: record_number(patient).map(str::to_owned),
            language: language(patient),
            needs_interpreter: extension(patient, INTERPRETER, "valueBoolean").and_then(Json::as_bool) == Some(true),
        }
    }
}

impl Person {
    /// What tells two of one name apart on paper: `14-Jul-1968 · MRN 4718`.
    pub fn known_by(&self) -> String {
        self.mrn.as_ref().map_or_else(|| self.born.clone(), |mrn| format!("{} · MRN {mrn}", self.born))
    }
}

impl Visit {
    /// As planned.
    pub fn end_ms(&self) -> i64 {
        let minutes = if self.minutes > 0 { self.minutes } else { MINUTES };
        self.start_ms + minutes * MINUTE_MS
    }

    pub fn of(appointment: &Json<'_>, around: &Around, now_ms: i64, zone: &TimeZone) -> Option<Visit> {
        let id = text(appointment, "id")?.to_owned();
        let start_ms = time::instant_ms(text(appointment, "start")?)?;
        let end_ms = text(appointment, "end").and_then(time::instant_ms).unwrap_or(start_ms);
        let (arrived, _) = period(appointment, "Patient");
        let (called_in, mut ended_ms) = period(appointment, "Practitioner");
        let mut status = Status::of(appointment)?;
        let mut begun = called_in;
        // A visit that was begun or ended from a note or another program.
        if let Some((start, end)) = around.encounters.get(&id)
            && matches!(status, Status::Expected | Status::Arrived | Status::CheckedIn)
        {
            status = if end.is_some() { Status::Done } else { Status::WithClinician };
            begun = begun.or(*start);
        }
        ended_ms = ended_ms.or(around.encounters.get(&id).and_then(|(_, end)| *end));
        // What came through another program says no time but that of its last change.
        let changed = at(appointment, &["meta", "lastUpdated"]).and_then(Json::as_str).and_then(time::instant_ms);
        let since_ms = match status {
            Status::Arrived | Status::CheckedIn => arrived.or(changed),
            Status::WithClinician => begun,
            _ => None,
        };
        let minutes_of = |from: i64| (now_ms - from).max(0) / MINUTE_MS;
        let waited = since_ms.filter(|_| status.waits()).map(minutes_of);
        let late = Some(minutes_of(start_ms)).filter(|late| status == Status::Expected && *late > 0);
        let spoken = |minutes: Option<i64>| minutes.map_or_else(String::new, day::span);
        let patient = first(appointment, "Patient").and_then(|id| around.patients.get(id).cloned());
        Some(Visit {
            version: at(appointment, &["meta", "versionId"]).and_then(Json::as_str)?.parse().ok()?,
            time: day::clock(start_ms, zone),
            minutes: (end_ms - start_ms) / MINUTE_MS,
            reason: words_of(appointment, "reasonCode").or_else(|| text(appointment, "description").map(str::to_owned)),
            language: patient.as_ref().and_then(|one| one.language.clone()),
            interpreter: interpreter(appointment, patient.as_ref().is_some_and(|one| one.needs_interpreter)),
            cancelled: appointment.get("cancelationReason").and_then(words),
            is_video: is_video(appointment),
            clinicians: clinicians(appointment, around),
            since: since_ms.map(|ms| day::clock(ms, zone)),
            spans: (spoken(waited), spoken(late)),
            ended_ms,
            waited,
            late,
            status,
            start_ms,
            patient,
            id,
        })
    }

    /// What a person compares when a page is stale.
    pub fn told(&self, day: &str) -> Vec<(&'static str, String)> {
        let with: Vec<&str> = self.clinicians.iter().map(|one| one.name.as_str()).collect();
        let since = self.since.as_ref().map_or_else(String::new, |since| format!(", since {since}"));
        vec![
            ("Status", format!("{}{since}", self.status.word())),
            ("When", format!("{day} {}, {} min", self.time, self.minutes)),
            ("With", with.join(", ")),
            ("Kind of visit", self.kind().to_owned()),
            ("Reason", self.reason.clone().unwrap_or_default()),
            ("Interpreter", self.interpreter.unwrap_or_default().to_owned()),
            ("Cancelled because", self.cancelled.clone().unwrap_or_default()),
        ]
    }

    pub fn kind(&self) -> &'static str {
        if self.is_video { "Video" } else { "In person" }
    }
}

pub fn is_video(appointment: &Json<'_>) -> bool {
    VIDEO.iter().any(|code| has_code(appointment, "serviceType", code))
}

/// Ids of the participants of a type.
pub fn actors<'j>(appointment: &'j Json<'_>, wanted: &'j str) -> impl Iterator<Item = &'j str> {
    let actors = all(appointment, "participant").iter().filter_map(|participant| reference(participant.get("actor")?));
    actors.filter(move |(kind, _)| *kind == wanted).map(|(_, id)| id)
}

fn first<'j>(appointment: &'j Json<'_>, wanted: &'j str) -> Option<&'j str> {
    actors(appointment, wanted).next()
}

fn clinicians(appointment: &Json<'_>, around: &Around) -> Vec<Clinician> {
    let named = |id: &str| Clinician { id: id.to_owned(), name: around.clinician(id) };
    actors(appointment, "Practitioner").map(named).collect()
}

/// When the first participant of a type that has a period came and left.
pub fn period(appointment: &Json<'_>, kind: &str) -> (Option<i64>, Option<i64>) {
    let of_kind = all(appointment, "participant")
        .iter()
        .filter(|participant| participant.get("actor").and_then(reference).is_some_and(|(of, _)| of == kind));
    let mut periods = of_kind.filter_map(|participant| participant.get("period"));
    let Some(period) = periods.next() else { return (None, None) };
    let ms = |name| text(period, name).and_then(time::instant_ms);
    (ms("start"), ms("end"))
}

/// The language to speak with them, where it is another than English.
fn language(patient: &Json<'_>) -> Option<String> {
    let spoken = all(patient, "communication");
    let is_preferred = |one: &&Json<'_>| one.get("preferred").and_then(Json::as_bool) == Some(true);
    let language = spoken.iter().find(is_preferred).or(spoken.first())?.get("language")?;
    let is_english = all(language, "coding")
        .iter()
        .any(|coding| text(coding, "code").is_some_and(|code| code == ENGLISH || code.starts_with("en-")));
    words(language).filter(|_| !is_english)
}

/// Where one comes, or is to be found: the appointment names one, or the patient needs one.
fn interpreter(appointment: &Json<'_>, is_needed: bool) -> Option<&'static str> {
    let participants = all(appointment, "participant").iter();
    let mut interpreters = participants.filter(|participant| has_code(participant, "type", TRANSLATOR));
    Some(match interpreters.next().map(|named| text(named, "status")) {
        None if !is_needed => return None,
        Some(Some("accepted")) => "interpreter booked",
        Some(Some("declined")) => "interpreter declined",
        _ => "interpreter to be found",
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_interpreter_is_to_be_found_where_the_patient_needs_one_and_nobody_is_named() {
        let of = |participants: &str, is_needed| {
            interpreter(&Json::parse_str(&format!(r#"{{"participant":[{participants}]}}"#)).unwrap(), is_needed)
        };
        let named = |status: &str| {
            let kind = r#"{"coding":[{"code":"translator"}]}"#;
            format!(r#"{{"type":[{kind}],"status":"{status}"}}"#)
        };
        assert_eq!((of("", false), of("", true)), (None, Some("interpreter to be found")));
        for is_needed in [false, true] {
            assert_eq!(of(&named("accepted"), is_needed), Some("interpreter booked"));
            assert_eq!(of(&named("needs-action"), is_needed), Some("interpreter to be found"));
        }
    }

    fn visit(status: &str, patient: &str, clinician: &str, now: &str) -> (Status, Option<i64>, Option<i64>) {
        let period = |text: &str| if text.is_empty() { String::new() } else { format!(r#","period":{{{text}}}"#) };
        let appointment = format!(
            r#"{{"resourceType":"Appointment","id":"a","meta":{{"versionId":"3","lastUpdated":"2026-11-26T15:20:00Z"}},
            "status":"{status}","start":"2026-11-26T08:30:00-07:00","end":"2026-11-26T09:00:00-07:00","participant":[
            {{"actor":{{"reference":"Patient/p"}},"status":"accepted"{}}},
            {{"actor":{{"reference":"Practitioner/d"}},"status":"accepted"{}}}]}}"#,
            period(patient),
            period(clinician),
        );
        let zone = TimeZone::get("America/Phoenix").unwrap();
        let now_ms = now.parse::<jiff::Timestamp>().unwrap().as_millisecond();
        let visit = Visit::of(&Json::parse_str(&appointment).unwrap(), &Around::default(), now_ms, &zone).unwrap();
        assert_eq!((visit.time.as_str(), visit.minutes, visit.version), ("08:30", 30, 3));
        (visit.status, visit.waited, visit.late)
    }

    #[test]
    fn a_line_tells_who_waits_since_they_came_and_who_is_late() {
        let came = r#""start":"2026-11-26T15:18:00Z""#;
        let now = "2026-11-26T15:42:30Z";
        assert_eq!(visit("booked", "", "", "2026-11-26T15:29:00Z"), (Status::Expected, None, None));
        assert_eq!(visit("booked", "", "", now), (Status::Expected, None, Some(12)));
        assert_eq!(visit("arrived", came, "", now), (Status::Arrived, Some(24), None));
        // No time of its own: that of the change.
        assert_eq!(visit("arrived", "", "", now), (Status::Arrived, Some(22), None));
        assert_eq!(visit("checked-in", came, "", now), (Status::CheckedIn, Some(24), None));
        assert_eq!(visit("checked-in", came, came, now), (Status::WithClinician, None, None));
        assert_eq!(visit("fulfilled", came, came, now), (Status::Done, None, None));
        assert_eq!(visit("noshow", "", "", now), (Status::Missed, None, None));
        // A clock that is behind makes nobody wait less than nothing.
        assert_eq!(visit("arrived", came, "", "2026-11-26T15:00:00Z").1, Some(0));
    }
}
