//! Sparklines: a measure's course on a true time axis, as SVG, and the same as a list for whoever does not see it.

use std::fmt::Write as _;

use fhir::Json;

use super::measures::taken;
use crate::clinic::time;
use crate::clinic::value::{self, Flag};
use crate::pages::vitals::sheet::Compared;

pub const WIDTH: f64 = 220.0;
pub const HEIGHT: f64 = 28.0;
/// So that the last dot is whole.
const MARGIN: f64 = 4.0;
const LINES_MAX: usize = 2;
/// What converting leaves between equal numbers is no course.
const FLAT: f64 = 1e-6;

/// What numbers are on: they are drawn beside those on the same one.
#[derive(Clone, PartialEq, Debug)]
enum Scale {
    /// The unit of the measure, into which others are converted.
    Measure,
    /// As it was written: a unit that is not known here.
    Written(String),
}

/// One reading: when, and one or two numbers.
pub struct Point {
    at_ms: i64,
    when: String,
    numbers: Vec<f64>,
    scale: Scale,
    shown: String,
    flag: Option<Flag>,
}

pub struct Spark {
    /// `x,y` pairs: one line, or systolic and diastolic.
    pub lines: Vec<String>,
    pub dots: Vec<(String, String)>,
    /// What the picture shows, in words.
    pub label: String,
    pub readings: Vec<Reading>,
}

pub struct Reading {
    pub when: String,
    pub shown: String,
    pub flag: Option<Flag>,
    /// Of a unit that cannot be converted to that of the line.
    pub is_left_out: bool,
}

impl Point {
    pub fn of(observation: &Json<'_>, birth: Option<&str>, reading: &super::reading::Reading<'_>) -> Option<Self> {
        let (when, written) = (taken(observation)?, value::numbers(observation));
        let value = value::of(observation);
        let at_ms = time::instant_ms(when)?;
        let Compared { numbers, flag, .. } = Compared::of(observation, when, birth);
        let (numbers, scale) = match numbers.is_empty() {
            true => (written, Scale::Written(value.unit.clone())),
            false => (numbers, Scale::Measure),
        };
        let shown = value::whole(&value);
        (!numbers.is_empty()).then(|| Self { at_ms, when: reading.moment(when), numbers, scale, shown, flag })
    }
}

impl Spark {
    /// From newest to oldest; none with fewer than two readings in the time shown.
    pub fn of(name: &str, points: &[Point], from_ms: i64, to_ms: i64) -> Option<Self> {
        let mut held: Vec<&Point> = points.iter().filter(|point| (from_ms..=to_ms).contains(&point.at_ms)).collect();
        held.sort_by_key(|point| point.at_ms);
        // The unit of the measure; where no reading can be converted to it, that of the newest.
        let is_converted = |point: &&&Point| point.scale == Scale::Measure;
        let scale = &held.iter().find(is_converted).or(held.last())?.scale;
        let shown: Vec<&Point> = held.iter().copied().filter(|point| point.scale == *scale).collect();
        let (first, last) = (shown.first()?, shown.last()?);
        if shown.len() < 2 || to_ms <= from_ms {
            return None;
        }
        let numbers = || shown.iter().flat_map(|point| point.numbers.iter().copied());
        let (low, high) = (numbers().fold(f64::INFINITY, f64::min), numbers().fold(f64::NEG_INFINITY, f64::max));
        // A flat course lies in the middle.
        let is_flat = high - low < FLAT;
        let x = |at_ms: i64| MARGIN + (at_ms - from_ms) as f64 / (to_ms - from_ms) as f64 * (WIDTH - 2.0 * MARGIN);
        let y = |number: f64| match is_flat {
            true => HEIGHT / 2.0,
            false => HEIGHT - MARGIN - (number - low) / (high - low) * (HEIGHT - 2.0 * MARGIN),
        };
        let lines = (0..LINES_MAX).filter_map(|line| {
            let mut path = String::new();
            for point in &shown {
                let number = point.numbers.get(line)?;
                let _ = write!(path, "{:.1},{:.1} ", x(point.at_ms), y(*number));
            }
            Some(path.trim_end().to_owned())
        });
        let dots = last.numbers.iter().map(|number| (format!("{:.1}", x(last.at_ms)), format!("{:.1}", y(*number))));
        let count = shown.len();
        let mut label =
            format!("{name}: {count} readings, {} on {} to {} on {}", first.shown, first.when, last.shown, last.when);
        if held.len() > count {
            let _ = write!(label, "; {} in another unit not drawn", held.len() - count);
        }
        let readings = held.iter().rev().map(|point| Reading {
            when: point.when.clone(),
            shown: point.shown.clone(),
            flag: point.flag,
            is_left_out: point.scale != *scale,
        });
        Some(Self { lines: lines.collect(), dots: dots.collect(), label, readings: readings.collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(at_ms: i64, numbers: &[f64]) -> Point {
        Point {
            at_ms,
            when: at_ms.to_string(),
            numbers: numbers.to_vec(),
            scale: Scale::Measure,
            shown: format!("{numbers:?}"),
            flag: None,
        }
    }

    #[test]
    fn unequal_times_are_drawn_unequally_and_the_newest_stands_right() {
        let points = [point(1_000, &[3.0]), point(100, &[2.0]), point(0, &[1.0])];
        let spark = Spark::of("Weight", &points, 0, 1_000);
        let lines = spark.map(|spark| (spark.lines, spark.dots));
        let line = "4.0,24.0 25.2,14.0 216.0,4.0".to_owned();
        assert_eq!(lines, Some((vec![line], vec![("216.0".to_owned(), "4.0".to_owned())])));
    }

    #[test]
    fn one_reading_is_no_course_and_what_is_older_is_not_drawn() {
        assert!(Spark::of("x", &[point(5, &[1.0])], 0, 10).is_none());
        assert!(Spark::of("x", &[point(5, &[1.0]), point(-1, &[9.0])], 0, 10).is_none());
        let pressure = Spark::of("x", &[point(1, &[120.0, 80.0]), point(9, &[130.0, 80.0])], 0, 10);
        assert_eq!(pressure.map(|spark| spark.lines.len()), Some(2));
    }

    #[test]
    fn a_reading_in_a_unit_that_cannot_be_converted_is_told_and_not_drawn() {
        let written =
            |at_ms, number, unit: &str| Point { scale: Scale::Written(unit.to_owned()), ..point(at_ms, &[number]) };
        let points = [point(0, &[37.0]), written(500, 9_000.0, " mK"), point(1_000, &[37.0])];
        let spark = Spark::of("Temperature", &points, 0, 1_000);
        let spark = spark.map(|spark| (spark.lines, spark.readings[1].is_left_out, spark.label));
        let label = "Temperature: 2 readings, [37.0] on 0 to [37.0] on 1000; 1 in another unit not drawn".to_owned();
        assert_eq!(spark, Some((vec!["4.0,14.0 216.0,14.0".to_owned()], true, label)));
        // Of a measure without units known here, those are drawn that are in the unit of the newest.
        let points = [written(0, 34.0, " cm"), written(500, 13.4, " in"), written(1_000, 35.0, " cm")];
        let spark = Spark::of("Head circumference", &points, 0, 1_000);
        assert_eq!(spark.map(|spark| spark.lines), Some(vec!["4.0,24.0 216.0,4.0".to_owned()]));
    }
}
