//! Results as somebody reviews them: what was measured, against what is expected and what was measured before, how long it lies, and
//! whose it is.

use std::collections::HashMap;

use fhir::Json;
use jiff::tz::TimeZone;

use super::ask::{Asking, Sheet};
use super::banner::record_number;
use super::day::{self, Day};
use super::duty::{LIMITS, Owner, Standing};
use super::name::Name;
use super::names::Names;
use super::owners::{self, Said};
use super::read::{LOINC, all, code, reference, text, version, words};
use super::ties::{self, COVERING, Tie};
use super::time;
use super::value::{self, Flag, Value};
use crate::refusal::Refusal;

/// What is done with: not preliminary, not taken back (R4, diagnostic-report-status).
pub const REPORTED: &str = "final,amended,corrected,appended";
/// Reports that are taken into view, newest first, and of those that lie longest.
const NEWEST_MAX: &str = "300";
const OLDEST_MAX: &str = "100";
/// Patients whose earlier values one search looks for.
const PATIENTS_AT_ONCE: usize = 8;
const MINUTE_MS: i64 = 60_000;
const DAYS_FROM_MINUTES: i64 = 48 * 60;

pub struct Report {
    pub id: String,
    pub version: u32,
    pub patient: Option<Subject>,
    pub what: String,
    /// `amended`, `corrected`: a later word on what was known.
    pub changed: Option<&'static str>,
    pub reported: String,
    pub age: String,
    pub lines: Vec<Line>,
    /// Results of it that are not open to the caller.
    pub withheld: usize,
    pub conclusion: Option<String>,
    /// It says something in a document that is not shown here.
    pub has_document: bool,
    pub severity: Severity,
    pub standing: Standing,
    pub said: Said,
    issued_ms: i64,
}

/// Whose result it is, told apart from others (two identifiers).
#[derive(Clone)]
pub struct Subject {
    pub id: String,
    pub name: String,
    pub born: String,
    pub age: Option<String>,
    pub mrn: Option<String>,
}

pub struct Line {
    pub name: String,
    pub value: Value,
    pub flag: Option<Flag>,
    pub range: String,
    /// The value before, and its day.
    pub before: Option<(String, String)>,
    /// Somebody or a range says where it stands.
    is_judged: bool,
    id: String,
    loinc: Option<String>,
    taken_ms: Option<i64>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    Critical,
    Abnormal,
    /// A text without a flag, or a part that is not shown: only reading tells.
    Unflagged,
    InRange,
}

pub struct Gathered {
    pub reports: Vec<Report>,
    pub covers: Vec<Tie>,
    pub names: Names,
    /// All that lie there, if not all of them were looked at.
    pub of: Option<u64>,
    pub is_part2: bool,
}

/// Who covers whom, now and to come.
pub async fn covers(asking: &Asking<'_>) -> Result<(Sheet, Vec<Tie>), Refusal> {
    let (sheet, mut covers) = ties::held(asking, &COVERING).await?;
    covers.retain(Tie::is_bounded);
    Ok((sheet, covers))
}

/// Every result that the caller may see and nobody acknowledged.
pub async fn waiting(asking: &Asking<'_>, zone: &TimeZone) -> Result<Gathered, Refusal> {
    let newest = [("status", REPORTED), ("_sort", "-issued"), ("_count", NEWEST_MAX), ("_total", "accurate")];
    let oldest = [("status", REPORTED), ("_sort", "issued"), ("_count", OLDEST_MAX)];
    let ask = async |pairs: &[(&str, &str)]| {
        asking.search_unless("DiagnosticReport", pairs, &super::task::acknowledges, "completed").await
    };
    let mut sheets = vec![ask(&newest).await?];
    let is_cut = sheets[0].next().is_some();
    let of = sheets[0].total().filter(|_| is_cut);
    if is_cut {
        sheets.push(ask(&oldest).await?);
    }
    let mut gathered = gather(asking, zone, &sheets).await?;
    gathered.of = of;
    Ok(gathered)
}

/// What the reports of these searches say, with their values and owners.
pub async fn gather(asking: &Asking<'_>, zone: &TimeZone, sheets: &[Sheet]) -> Result<Gathered, Refusal> {
    let mut resources: Vec<Json<'_>> = sheets.iter().flat_map(Sheet::resources).collect();
    let mut seen = std::collections::BTreeSet::new();
    resources.retain(|one| seen.insert(text(one, "id").unwrap_or_default().to_owned()));
    let named = |element: &'static str, kind: &'static str| {
        let of = move |one: &'_ Json<'_>| -> Vec<String> {
            let references = all(one, element).iter().filter_map(reference);
            references.filter(|(named, _)| *named == kind).map(|(_, id)| id.to_owned()).collect()
        };
        resources.iter().flat_map(of).collect::<Vec<String>>()
    };
    let (patients, orders, results) =
        (named("subject", "Patient"), named("basedOn", "ServiceRequest"), named("result", "Observation"));
    let (patients, orders, results) = (
        asking.by_ids("Patient", &patients).await?,
        asking.by_ids("ServiceRequest", &orders).await?,
        asking.by_ids("Observation", &results).await?,
    );
    let (cover_sheet, covers) = covers(asking).await?;
    let (patients_by, orders_by, results_by) = (by_id(&patients), by_id(&orders), by_id(&results));
    let orders_of =
        |one: &Json<'_>| all(one, "basedOn").iter().filter_map(reference).map(|(_, id)| id.to_owned()).collect();
    let owners = owners::of(asking, &resources, orders_of, (&orders_by, &patients_by)).await?;
    let known = owners.iter().flatten().map(|id| super::task::refer("Practitioner", id)).collect::<Vec<_>>();
    let names = Names::of(asking, &known, orders.iter().chain(&patients).chain([&cover_sheet])).await?;
    let now_ms = asking.record.now_ms();
    let mut reports: Vec<Report> = Vec::with_capacity(resources.len());
    for (one, owner) in resources.iter().zip(owners) {
        let Some(mut report) = Report::of(one, &patients_by, &results_by, now_ms, zone) else { continue };
        let owner = owner.map_or(Owner::Pool, Owner::Person);
        let is_critical = report.severity == Severity::Critical;
        report.standing = Standing::of(owner, report.issued_ms, is_critical, &covers, now_ms, LIMITS);
        let lies = match is_critical {
            true => format!("Critical and unacknowledged for over {} hours", LIMITS.critical_hours),
            false => format!("Unacknowledged for over {} days", LIMITS.other_days),
        };
        report.said = Said::of(&report.standing, &names, &lies);
        reports.push(report);
    }
    // What is worst first; among equals what lies longest.
    reports.sort_by_key(|report| (report.severity, report.issued_ms));
    let is_part2 = sheets.iter().chain(&patients).chain(&orders).chain(&results).any(Sheet::is_part2);
    Ok(Gathered { reports, covers, names, of: None, is_part2 })
}

pub fn by_id(sheets: &[Sheet]) -> HashMap<String, Json<'_>> {
    let each = sheets.iter().flat_map(Sheet::resources);
    each.filter_map(|one| Some((text(&one, "id")?.to_owned(), one))).collect()
}

/// The value before of each that is shown: of the same test and patient, taken earlier.
pub async fn look_back(asking: &Asking<'_>, reports: &mut [Report], zone: &TimeZone) -> Result<(), Refusal> {
    for some in reports.chunks_mut(PATIENTS_AT_ONCE) {
        let of = |one: &Report| one.patient.as_ref().map(|patient| patient.id.clone());
        let (mut patients, mut codes): (Vec<String>, Vec<String>) = (some.iter().filter_map(of).collect(), Vec::new());
        for line in some.iter().flat_map(|report| &report.lines) {
            codes.extend(line.loinc.as_ref().map(|code| format!("{LOINC}|{code}")));
        }
        for list in [&mut patients, &mut codes] {
            list.sort_unstable();
            list.dedup();
        }
        if patients.is_empty() || codes.is_empty() {
            continue;
        }
        codes.truncate(250);
        let (patients, codes) = (patients.join(","), codes.join(","));
        let pairs = [("patient", &*patients), ("code", &*codes), ("_sort", "-date"), ("_count", "1000")];
        let sheet = asking.search_if_ever("Observation", &pairs).await?;
        let earlier = sheet.resources();
        for report in some {
            let Some(patient) = report.patient.as_ref().map(|patient| patient.id.clone()) else { continue };
            for line in &mut report.lines {
                line.before = earlier.iter().find_map(|one| line.is_before(one, &patient, zone));
            }
        }
    }
    Ok(())
}

impl Report {
    fn of(
        one: &Json<'_>,
        patients: &HashMap<String, Json<'_>>,
        results: &HashMap<String, Json<'_>>,
        now_ms: i64,
        zone: &TimeZone,
    ) -> Option<Self> {
        let named: Vec<&str> = all(one, "result").iter().filter_map(reference).map(|(_, id)| id).collect();
        let mut lines: Vec<Line> = { named.iter().filter_map(|id| results.get(*id)) }
            .filter(|one| !value::is_void(one))
            .filter_map(Line::of)
            .collect();
        let withheld = named.iter().filter(|id| !results.contains_key(**id)).count();
        lines.sort_by_key(Line::severity);
        let updated = one.get("meta").and_then(|meta| text(meta, "lastUpdated"));
        let issued = text(one, "issued").or_else(|| text(one, "effectiveDateTime")).or(updated);
        let issued_ms = issued.and_then(time::instant_ms).unwrap_or(now_ms);
        let minutes = ((now_ms - issued_ms) / MINUTE_MS).max(0);
        let patient = one.get("subject").and_then(reference).and_then(|(_, id)| patients.get(id));
        let conclusion = text(one, "conclusion").map(str::to_owned);
        let has_document = !all(one, "presentedForm").is_empty();
        let severity = match lines.iter().map(Line::severity).min() {
            Some(Severity::InRange) | None if withheld > 0 || lines.is_empty() || has_document => Severity::Unflagged,
            Some(worst) => worst,
            None => Severity::Unflagged,
        };
        Some(Self {
            id: text(one, "id")?.to_owned(),
            version: version(one),
            patient: patient.map(|patient| Subject::of(patient, now_ms)),
            what: one.get("code").and_then(words).unwrap_or_else(|| "Result without a name".to_owned()),
            changed: match text(one, "status") {
                Some("amended") => Some("amended"),
                Some("corrected") => Some("corrected"),
                Some("appended") => Some("added to"),
                _ => None,
            },
            reported: format!("{} {}", Day::of(issued_ms, zone).short(), day::clock(issued_ms, zone)),
            age: age(minutes),
            lines,
            withheld,
            conclusion,
            has_document,
            severity,
            standing: Standing { owner: Owner::Pool, cover: None, escalated: None },
            said: Said::default(),
            issued_ms,
        })
    }

    /// Those that say something, and how many are within their range.
    pub fn telling(&self) -> (&[Line], &[Line]) {
        const AT_LEAST: usize = 3;
        let telling = self.lines.iter().filter(|line| line.severity() < Severity::InRange).count();
        self.lines.split_at(telling.max(AT_LEAST).min(self.lines.len()))
    }

    pub fn is_critical(&self) -> bool {
        self.severity == Severity::Critical
    }
}

impl Subject {
    pub fn of(patient: &Json<'_>, now_ms: i64) -> Self {
        let birth = text(patient, "birthDate");
        Self {
            id: text(patient, "id").unwrap_or_default().to_owned(),
            name: Name::of(patient).listed(),
            born: birth.map_or_else(|| time::NOT_KNOWN.to_owned(), time::day),
            age: birth.and_then(|birth| time::age(birth, time::today(now_ms))),
            mrn: record_number(patient).map(str::to_owned),
        }
    }
}

impl Line {
    fn of(one: &Json<'_>) -> Option<Self> {
        Some(Self {
            name: one.get("code").and_then(words).unwrap_or_else(|| "Test without a name".to_owned()),
            value: value::of(one),
            flag: value::flag(one),
            range: value::range(one),
            is_judged: value::is_judged(one),
            before: None,
            id: text(one, "id")?.to_owned(),
            loinc: one.get("code").and_then(|concept| code(concept, LOINC)).map(str::to_owned),
            taken_ms: taken(one).and_then(time::instant_ms),
        })
    }

    fn severity(&self) -> Severity {
        match self.flag {
            Some(flag) if flag.class == "critical" => Severity::Critical,
            Some(_) => Severity::Abnormal,
            None if self.is_judged => Severity::InRange,
            None => Severity::Unflagged,
        }
    }

    fn is_before(&self, one: &Json<'_>, patient: &str, zone: &TimeZone) -> Option<(String, String)> {
        let is_of = one.get("subject").and_then(reference) == Some(("Patient", patient));
        let is_it = text(one, "id") == Some(self.id.as_str());
        if !is_of || is_it || value::is_void(one) {
            return None;
        }
        let loinc = one.get("code").and_then(|concept| code(concept, LOINC));
        let when = taken(one)?;
        let is_earlier = time::instant_ms(when)? < self.taken_ms?;
        (is_earlier && loinc == self.loinc.as_deref()).then(|| (value::whole(&value::of(one)), day::day_of(when, zone)))
    }
}

fn taken<'j>(observation: &'j Json<'_>) -> Option<&'j str> {
    text(observation, "effectiveDateTime")
        .or_else(|| text(observation.get("effectivePeriod")?, "start"))
        .or_else(|| text(observation, "issued"))
}

/// `35 min`, `26 h`, `9 days`.
pub fn age(minutes: i64) -> String {
    match minutes {
        ..60 => day::span(minutes),
        60..DAYS_FROM_MINUTES => format!("{} h", minutes / 60),
        _ => format!("{} days", minutes / (24 * 60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_in_the_unit_that_says_something() {
        for (minutes, said) in [(0, "0 min"), (59, "59 min"), (61, "1 h"), (2_879, "47 h"), (2_880, "2 days")] {
            assert_eq!(age(minutes), said);
        }
    }
}
