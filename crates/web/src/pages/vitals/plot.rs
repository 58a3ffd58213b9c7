//! The course of a vital sign as a plot: in the unit of its newest reading, with what is expected at the patient's age.

use jiff::tz::TimeZone;

use super::sheet::Course;
use crate::clinic::plot::{Axis, Plot, Span};
use crate::clinic::vitals::limits::{self, Age};
use crate::clinic::vitals::{Measure, Unit, rounded};

/// Readings of all plots of the page, which has a weight to keep.
const READINGS_MAX: usize = 216;

pub fn all<'s>(courses: &'s [Course], age: Option<Age>, now_ms: i64, zone: &TimeZone) -> Vec<Plot<'s>> {
    let span = Span::of(courses.iter().map(|course| &course.readings[..]), READINGS_MAX, now_ms);
    courses.iter().filter_map(|course| of(course, age, span, zone)).collect()
}

/// None where there is no course, or where a unit is not known here.
fn of<'s>(course: &'s Course, age: Option<Age>, span: Span, zone: &TimeZone) -> Option<Plot<'s>> {
    let measures = course.measures;
    let newest = course.readings.iter().find(|reading| reading.numbers.len() == measures.len())?;
    let unit = measures.first()?.unit_of_code(&newest.unit)?;
    let bands: Vec<_> = measures.iter().map(|measure| limits::expected(*measure, age)).collect();
    let shown = |canonical: f64| unit.of_canonical(canonical);
    let axis = Axis {
        name: &course.name,
        unit: unit.shown,
        lines: measures.len(),
        parts: parts(measures),
        bands: bands.iter().map(|band| (band.low.map(shown), band.high.map(shown))).collect(),
        band_words: band_words(measures, &bands, unit),
    };
    Plot::of(&axis, &course.readings, shown, span, zone)
}

/// `systolic` and `diastolic`; one number needs no name.
fn parts(measures: &[Measure]) -> Vec<String> {
    let part = |measure: &Measure| measure.words().split(' ').next().unwrap_or_default().to_lowercase();
    if measures.len() > 1 { measures.iter().map(part).collect() } else { Vec::new() }
}

fn band_words(measures: &[Measure], bands: &[limits::Band], unit: &Unit) -> String {
    let parts = parts(measures);
    let each = bands.iter().enumerate().filter_map(|(at, band)| {
        let shown = |number: f64| rounded(unit.of_canonical(number), 1);
        let range = match (band.low.map(shown), band.high.map(shown)) {
            (Some(low), Some(high)) => format!("{low} to {high}"),
            (Some(low), None) => format!("{low} and more"),
            (None, Some(high)) => format!("{high} and less"),
            (None, None) => return None,
        };
        let name = parts.get(at).map_or_else(String::new, |part| format!("{part} "));
        Some(format!("{name}{range}"))
    });
    format!("Shaded: expected at this age, {} {}", each.collect::<Vec<_>>().join(", "), unit.shown)
}
