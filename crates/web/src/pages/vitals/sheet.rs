//! The flowsheet: times across, newest first, a vital sign a row; and what was measured before, for the form.

use fhir::Json;
use jiff::tz::TimeZone;

use crate::clinic::day::{self, Day};
use crate::clinic::names::Names;
use crate::clinic::plot::Reading;
use crate::clinic::read::{LOINC, all, at, reference, text, words};
use crate::clinic::time;
use crate::clinic::value::{self, Flag};
use crate::clinic::vitals::Measure;
use crate::clinic::vitals::limits::{self, Age, Before, Standing};

/// Columns of the flowsheet; older ones are behind them.
pub const TIMES_MAX: usize = 12;
const MINUTE_MS: i64 = 60_000;
const PRESSURE: &str = "85354-9";

const HIGH: Flag = Flag { mark: "▲", word: "high", class: "high" };
const LOW: Flag = Flag { mark: "▼", word: "low", class: "low" };
const VERY_HIGH: Flag = Flag { mark: "▲▲", word: "very high", class: "critical" };
const VERY_LOW: Flag = Flag { mark: "▼▼", word: "very low", class: "critical" };

/// In the order in which they are read: codes, name, and the measures of its numbers.
static ROWS: [(&[&str], &str, &[Measure]); 9] = [
    (&[PRESSURE, "55284-4"], "Blood pressure", &[Measure::Systolic, Measure::Diastolic]),
    (&["8867-4"], "Heart rate", &[Measure::Pulse]),
    (&["9279-1"], "Respiratory rate", &[Measure::Breaths]),
    (&["8310-5"], "Temperature", &[Measure::Temperature]),
    (&["59408-5", "2708-6"], "SpO₂", &[Measure::Saturation]),
    (&["29463-7"], "Weight", &[Measure::Weight]),
    (&["8302-2"], "Height", &[Measure::Height]),
    (&["39156-5"], "BMI", &[Measure::Bmi]),
    (&["72514-3"], "Pain", &[Measure::Pain]),
];

pub struct Course {
    pub name: String,
    pub measures: &'static [Measure],
    /// Newest first.
    pub readings: Vec<Reading>,
}

/// What readings of one vital sign are compared by, in whatever units they were written.
pub struct Compared {
    /// In canonical units, of the measures of its row; empty where a unit is not known here.
    pub numbers: Vec<f64>,
    /// What its maker flagged, else how it stands at the age that the patient had.
    pub flag: Option<Flag>,
    /// The same of each number.
    pub flags: Vec<Option<Flag>>,
}

/// One column.
pub struct Time {
    minute: i64,
    pub day: String,
    pub clock: String,
    pub by: String,
    pub is_reported: bool,
    pub is_new: bool,
}

pub struct Sheet {
    pub courses: Vec<Course>,
    /// Newest first.
    pub times: Vec<Time>,
}

impl Sheet {
    /// Of Observations, newest first.
    pub fn of(resources: &[Json<'_>], birth: Option<&str>, names: &Names, zone: &TimeZone, saved: &str) -> Self {
        let mut courses: Vec<Course> =
            ROWS.iter().map(|(_, name, measures)| Course::new((*name).to_owned(), measures)).collect();
        let mut times: Vec<Time> = Vec::new();
        for one in resources {
            if value::is_void(one) {
                continue;
            }
            let Some(when) = taken(one) else { continue };
            let Some(at_ms) = time::instant_ms(when) else { continue };
            let row = match row(one) {
                Some(row) => row,
                None => {
                    let name = one.get("code").and_then(words).unwrap_or_else(|| "Measure without a name".to_owned());
                    let held = courses.iter().skip(ROWS.len()).position(|course| course.name == name);
                    held.map_or_else(
                        || {
                            courses.push(Course::new(name, &[]));
                            courses.len() - 1
                        },
                        |at| at + ROWS.len(),
                    )
                }
            };
            let course = &mut courses[row];
            let reading = read(one, (when, at_ms), course.measures, birth, zone);
            course.readings.push(reading);
            let minute = at_ms.div_euclid(MINUTE_MS);
            let column = match times.iter_mut().find(|time| time.minute == minute) {
                Some(column) => column,
                None => {
                    times.push(Time::new(when, at_ms, zone));
                    let Some(column) = times.last_mut() else { continue };
                    column
                }
            };
            column.is_reported |= is_reported(one);
            column.is_new |= !saved.is_empty() && set_of(one) == Some(saved);
            let by = all(one, "performer").iter().filter(|by| !matches!(reference(by), Some(("Patient", _))));
            if let Some(by) = by.filter_map(|by| names.name(by)).next().filter(|_| column.by.is_empty()) {
                column.by = by;
            }
        }
        courses.retain(|course| !course.readings.is_empty());
        times.sort_by_key(|time| std::cmp::Reverse(time.minute));
        Self { courses, times }
    }

    pub fn before(&self) -> Before {
        let last = |measure: Measure| {
            let course = self.courses.iter().find(|course| course.measures == [measure])?;
            course.readings.iter().find_map(|reading| reading.numbers.first().copied())
        };
        Before { weight: last(Measure::Weight), height: last(Measure::Height) }
    }

    /// `83.4 kg (183.9 lb), 12-Nov-2026`, beside the field of a measure.
    pub fn last(&self, measure: Measure) -> Option<String> {
        let course = self.courses.iter().find(|course| course.measures.contains(&measure))?;
        let reading = course.readings.first()?;
        let also = Some(&reading.value.also).filter(|also| !also.is_empty());
        let also = also.map_or_else(String::new, |also| format!(" ({also})"));
        Some(format!("{}{also}, {}", value::whole(&reading.value), reading.when.split(' ').next().unwrap_or_default()))
    }
}

impl Course {
    fn new(name: String, measures: &'static [Measure]) -> Self {
        Self { name, measures, readings: Vec::new() }
    }

    /// What was measured in the minute of a column; the last, if it was measured twice.
    pub fn at(&self, time: &Time) -> Option<&Reading> {
        time.of(&self.readings)
    }
}

fn read(
    one: &Json<'_>,
    (when, at_ms): (&str, i64),
    measures: &'static [Measure],
    birth: Option<&str>,
    zone: &TimeZone,
) -> Reading {
    let unit = unit_code(one).to_owned();
    let Compared { numbers, flag, flags } = Compared::by(measures, one, when, birth);
    Reading { at_ms, when: day::moment_of(when, zone), numbers, unit, value: value::of(one), flag, flags }
}

impl Time {
    pub fn new(when: &str, at_ms: i64, zone: &TimeZone) -> Self {
        let has_clock = when.contains('T');
        Self {
            minute: at_ms.div_euclid(MINUTE_MS),
            day: if has_clock { Day::of(at_ms, zone).short() } else { time::day(when) },
            clock: if has_clock { day::clock(at_ms, zone) } else { String::new() },
            by: String::new(),
            is_reported: false,
            is_new: false,
        }
    }

    pub fn at_minute(&self) -> i64 {
        self.minute
    }

    pub fn holds(&self, at_ms: i64) -> bool {
        at_ms.div_euclid(MINUTE_MS) == self.minute
    }

    /// What was measured in its minute.
    pub fn of<'r>(&self, readings: &'r [Reading]) -> Option<&'r Reading> {
        readings.iter().find(|reading| self.holds(reading.at_ms))
    }
}

impl Compared {
    /// By the row of the flowsheet that it stands in; without one there are no numbers here.
    pub fn of(one: &Json<'_>, when: &str, birth: Option<&str>) -> Self {
        let measures = row(one).map_or(&[][..], |row| ROWS[row].2);
        Self::by(measures, one, when, birth)
    }

    fn by(measures: &[Measure], one: &Json<'_>, when: &str, birth: Option<&str>) -> Self {
        let (unit, numbers) = (unit_code(one), value::numbers(one));
        let canonical = |(number, measure): (&f64, &Measure)| Some(measure.unit_of_code(unit)?.canonical(*number));
        let numbers: Vec<f64> = match numbers.len() == measures.len() {
            true => numbers.iter().zip(measures).filter_map(canonical).collect(),
            false => Vec::new(),
        };
        let on = when.get(..10).and_then(|day| day.parse().ok());
        let age = birth.zip(on).and_then(|(birth, on)| Age::at(birth, on));
        let standings: Vec<Standing> =
            measures.iter().zip(&numbers).map(|(measure, number)| limits::standing(*measure, age, *number)).collect();
        let flag = value::flag(one).or_else(|| worst(&standings));
        let flags = each(one, &standings, flag);
        Self { numbers, flag, flags }
    }
}

fn row(one: &Json<'_>) -> Option<usize> {
    ROWS.iter().position(|(codes, ..)| codes.iter().any(|code| has_loinc(one, code)))
}

/// UCUM, of the value or of its first part; empty for none.
pub fn unit_code<'j>(one: &'j Json<'_>) -> &'j str {
    let quantity = one.get("valueQuantity").or_else(|| at(one, &["component", "valueQuantity"]));
    quantity.and_then(|quantity| text(quantity, "code")).unwrap_or_default()
}

/// Of each number: what its maker flagged of it, else how it stands. What is flagged as a whole, and in no number more than in the
/// other, is so in each.
fn each(one: &Json<'_>, standings: &[Standing], whole: Option<Flag>) -> Vec<Option<Flag>> {
    let made = value::flags_of_pair(one).filter(|_| standings.len() == 2).unwrap_or_default();
    let of = |(at, standing): (usize, &Standing)| made.get(at).copied().flatten().or_else(|| worst(&[*standing]));
    let flags: Vec<Option<Flag>> = standings.iter().enumerate().map(of).collect();
    if standings.len() > 1 && flags.iter().any(Option::is_some) { flags } else { vec![whole; standings.len()] }
}

fn worst(standings: &[Standing]) -> Option<Flag> {
    let worst =
        [(Standing::VeryHigh, VERY_HIGH), (Standing::VeryLow, VERY_LOW), (Standing::High, HIGH), (Standing::Low, LOW)];
    worst.into_iter().find(|(standing, _)| standings.contains(standing)).map(|(_, flag)| flag)
}

/// The set that a reading was saved with.
pub fn set_of<'j>(observation: &'j Json<'_>) -> Option<&'j str> {
    let own = all(observation, "identifier").iter().find(|one| text(one, "system") == Some(super::save::SET_SYSTEM))?;
    text(own, "value")?.split('.').next()
}

/// Whether the patient said so, whoever wrote it down.
pub fn is_reported(observation: &Json<'_>) -> bool {
    all(observation, "performer").iter().filter_map(reference).any(|(kind, _)| kind == "Patient")
}

fn has_loinc(observation: &Json<'_>, wanted: &str) -> bool {
    let codings = observation.get("code").map_or(&[][..], |code| all(code, "coding"));
    codings.iter().any(|coding| text(coding, "system") == Some(LOINC) && text(coding, "code") == Some(wanted))
}

pub fn taken<'j>(observation: &'j Json<'_>) -> Option<&'j str> {
    text(observation, "effectiveDateTime")
        .or_else(|| text(observation.get("effectivePeriod")?, "start"))
        .or_else(|| text(observation, "effectiveInstant"))
        .or_else(|| text(observation, "issued"))
}
