//! Sparklines: a measure's course on a true time axis, as SVG, and the same as a list for whoever does not see it.

use std::fmt::Write as _;

use fhir::Json;

use super::measures::taken;
use crate::clinic::time;
use crate::clinic::value::{self, Flag};

pub const WIDTH: f64 = 220.0;
pub const HEIGHT: f64 = 28.0;
/// So that the last dot is whole.
const MARGIN: f64 = 4.0;
const LINES_MAX: usize = 2;

/// One reading: when, and one or two numbers.
pub struct Point {
    at_ms: i64,
    when: String,
    numbers: Vec<f64>,
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
}

impl Point {
    pub fn of(observation: &Json<'_>, reading: &super::reading::Reading<'_>) -> Option<Self> {
        let (when, numbers) = (taken(observation)?, value::numbers(observation));
        let shown = value::whole(&value::of(observation));
        let at_ms = time::instant_ms(when)?;
        let flag = value::flag(observation);
        (!numbers.is_empty()).then(|| Self { at_ms, when: reading.moment(when), numbers, shown, flag })
    }
}

impl Spark {
    /// From newest to oldest; none with fewer than two readings in the time shown.
    pub fn of(name: &str, points: &[Point], from_ms: i64, to_ms: i64) -> Option<Self> {
        let mut shown: Vec<&Point> = points.iter().filter(|point| (from_ms..=to_ms).contains(&point.at_ms)).collect();
        shown.sort_by_key(|point| point.at_ms);
        let (first, last) = (shown.first()?, shown.last()?);
        if shown.len() < 2 || to_ms <= from_ms {
            return None;
        }
        let numbers = || shown.iter().flat_map(|point| point.numbers.iter().copied());
        let (low, high) = (numbers().fold(f64::INFINITY, f64::min), numbers().fold(f64::NEG_INFINITY, f64::max));
        // A flat course lies in the middle.
        let span = if high > low { high - low } else { 1.0 };
        let x = |at_ms: i64| MARGIN + (at_ms - from_ms) as f64 / (to_ms - from_ms) as f64 * (WIDTH - 2.0 * MARGIN);
        let y = |number: f64| match high > low {
            true => HEIGHT - MARGIN - (number - low) / span * (HEIGHT - 2.0 * MARGIN),
            false => HEIGHT / 2.0,
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
        let label =
            format!("{name}: {count} readings, {} on {} to {} on {}", first.shown, first.when, last.shown, last.when);
        let readings = shown.iter().rev().map(|point| Reading {
            when: point.when.clone(),
            shown: point.shown.clone(),
            flag: point.flag,
        });
        Some(Self { lines: lines.collect(), dots: dots.collect(), label, readings: readings.collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(at_ms: i64, numbers: &[f64]) -> Point {
        Point { at_ms, when: at_ms.to_string(), numbers: numbers.to_vec(), shown: format!("{numbers:?}"), flag: None }
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
}
