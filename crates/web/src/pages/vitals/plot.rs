//! A trend plot: true time from left to right, an axis with name and unit, the expected band, a shape for what is out of it, and
//! each value in words on focus (Sittig et al., JAMIA 2015). The table beneath is the same for whoever does not see it.

use std::fmt::Write as _;

use jiff::tz::TimeZone;

use super::sheet::{Course, Reading};
use crate::clinic::day::{self, Day};
use crate::clinic::vitals::limits::{self, Age};
use crate::clinic::vitals::{Measure, rounded};

pub const WIDTH: f64 = 400.0;
pub const HEIGHT: f64 = 190.0;
pub const LEFT: f64 = 44.0;
pub const RIGHT: f64 = WIDTH - 12.0;
pub const TOP: f64 = 30.0;
pub const BOTTOM: f64 = HEIGHT - 24.0;
/// Readings of all plots of a page, and of one: each can be reached by key and stands in a table, and a page has a weight to keep.
const PAGE_READINGS_MAX: usize = 64;
const READINGS_MAX: usize = 40;
const DOT: f64 = 3.5;
/// Below this span the clock tells more than the day.
const CLOCK_BELOW_MS: i64 = 3 * 86_400_000;
const SPAN_MS_MIN: i64 = 3_600_000;

pub struct Plot<'s> {
    /// `Weight (kg)`.
    pub axis: String,
    pub label: String,
    /// Top and height of the expected band, and what it is.
    pub band: Option<(String, String)>,
    pub band_words: Option<String>,
    pub ys: Vec<(String, String)>,
    /// Place, words, and how they stand to it.
    pub xs: Vec<(String, String, &'static str)>,
    pub lines: Vec<String>,
    pub dots: Vec<Dot>,
    /// What is drawn, newest first.
    pub readings: &'s [Reading],
    /// There are older ones.
    pub is_cut: bool,
}

pub struct Dot {
    pub path: String,
    pub x: String,
    pub said: String,
    pub class: &'static str,
}

/// The time that all plots of a page show.
#[derive(Clone, Copy)]
pub struct Span {
    from_ms: i64,
    to_ms: i64,
    /// Readings that each plot shows: the newest.
    readings: usize,
}

impl Span {
    pub fn of(courses: &[Course], now_ms: i64) -> Self {
        let plots = courses.iter().filter(|course| course.readings.len() > 1).count();
        let readings = (PAGE_READINGS_MAX / plots.max(1)).min(READINGS_MAX);
        let drawn = courses.iter().flat_map(|course| course.readings.iter().take(readings));
        let from_ms = drawn.map(|reading| reading.at_ms).min().unwrap_or(now_ms);
        Self { from_ms: from_ms.min(now_ms - SPAN_MS_MIN), to_ms: now_ms, readings }
    }

    fn x(self, at_ms: i64) -> f64 {
        let part = (at_ms - self.from_ms) as f64 / (self.to_ms - self.from_ms) as f64;
        LEFT + 6.0 + part.clamp(0.0, 1.0) * (RIGHT - LEFT - 12.0)
    }

    fn ticks(self, zone: &TimeZone) -> Vec<(String, String, &'static str)> {
        let is_short = self.to_ms - self.from_ms < CLOCK_BELOW_MS;
        let places = [(0, "start"), (1, "middle"), (2, "end")];
        let tick = |(step, anchor)| {
            let at_ms = self.from_ms + (self.to_ms - self.from_ms) / 2 * step;
            let day = Day::of(at_ms, zone).short();
            let words = if is_short { format!("{day} {}", day::clock(at_ms, zone)) } else { day };
            (format!("{:.1}", self.x(at_ms)), words, anchor)
        };
        places.into_iter().map(tick).collect()
    }
}

impl<'s> Plot<'s> {
    /// None where there is no course: fewer than two readings.
    pub fn of(course: &'s Course, age: Option<Age>, span: Span, zone: &TimeZone) -> Option<Self> {
        let measures = course.measures;
        let drawn: Vec<&Reading> = { course.readings.iter() }
            .take(span.readings)
            .filter(|reading| !measures.is_empty() && reading.numbers.len() == measures.len())
            .collect();
        let newest = drawn.first()?;
        // All in the unit of the newest.
        let unit = measures.first()?.unit_of_code(&newest.unit)?;
        if drawn.len() < 2 {
            return None;
        }
        let shown = |canonical: f64| unit.of_canonical(canonical);
        let numbers = || drawn.iter().flat_map(|reading| reading.numbers.iter().map(|number| shown(*number)));
        let bands: Vec<_> = measures.iter().map(|measure| limits::expected(*measure, age)).collect();
        // Of two numbers the upper one has the band of a plot: the diastolic end is in its words.
        let band = bands.first().copied().unwrap_or_default();
        let edges = || [band.low, band.high].into_iter().flatten().map(shown);
        let low = numbers().chain(edges()).fold(f64::INFINITY, f64::min);
        let high = numbers().chain(edges()).fold(f64::NEG_INFINITY, f64::max);
        let (ticks, step) = ticks(low, high);
        let (bottom, top) = (*ticks.first()?, *ticks.last()?);
        let y = |number: f64| BOTTOM - (number - bottom) / (top - bottom) * (BOTTOM - TOP);
        let lines = (0..measures.len()).map(|at| {
            let mut path = String::new();
            for reading in drawn.iter().rev() {
                let _ = write!(path, "{:.1},{:.1} ", span.x(reading.at_ms), y(shown(reading.numbers[at])));
            }
            path.trim_end().to_owned()
        });
        let dots = drawn.iter().map(|reading| {
            let x = span.x(reading.at_ms);
            let class = reading.flag.map_or("", |flag| flag.class);
            let mark = reading.flag.map_or("", |flag| flag.mark);
            let paths = reading.numbers.iter().map(|number| shape(x, y(shown(*number)), mark));
            Dot {
                path: paths.collect::<Vec<_>>().join(" "),
                x: format!("{x:.1}"),
                said: format!("{}: {}", reading.moment(), reading.said()),
                class,
            }
        });
        let has_band = band.low.is_some() || band.high.is_some();
        let rect = has_band.then(|| {
            let upper = band.high.map_or(TOP, |high| y(shown(high)));
            let lower = band.low.map_or(BOTTOM, |low| y(shown(low)));
            (format!("{upper:.1}"), format!("{:.1}", (lower - upper).max(1.0)))
        });
        let decimals = if step < 1.0 { 1 } else { 0 };
        let human = unit.shown;
        let oldest = drawn.last()?;
        Some(Self {
            axis: format!("{} ({human})", course.name),
            label: format!(
                "{}, {} readings: {} on {}, to {} on {}",
                course.name,
                drawn.len(),
                oldest.said(),
                oldest.moment(),
                newest.said(),
                newest.moment()
            ),
            band: rect,
            band_words: has_band.then(|| band_words(measures, &bands, unit)),
            ys: ticks.iter().map(|tick| (format!("{:.1}", y(*tick)), format!("{tick:.decimals$}"))).collect(),
            xs: span.ticks(zone),
            lines: lines.collect(),
            dots: dots.collect(),
            readings: &course.readings[..course.readings.len().min(span.readings)],
            is_cut: course.readings.len() > span.readings,
        })
    }
}

fn band_words(measures: &[Measure], bands: &[limits::Band], unit: &crate::clinic::vitals::Unit) -> String {
    let each = measures.iter().zip(bands).filter_map(|(measure, band)| {
        let shown = |number: f64| rounded(unit.of_canonical(number), 1);
        let range = match (band.low.map(shown), band.high.map(shown)) {
            (Some(low), Some(high)) => format!("{low} to {high}"),
            (Some(low), None) => format!("{low} and more"),
            (None, Some(high)) => format!("{high} and less"),
            (None, None) => return None,
        };
        let name = if measures.len() > 1 {
            format!("{} ", measure.words().split(' ').next()?.to_lowercase())
        } else {
            String::new()
        };
        Some(format!("{name}{range}"))
    });
    format!("Shaded: expected at this age, {} {}", each.collect::<Vec<_>>().join(", "), unit.shown)
}

/// Round, or a triangle that points where the value lies; doubled in weight by its class.
fn shape(x: f64, y: f64, mark: &str) -> String {
    let r = DOT + 1.5;
    match mark.chars().next() {
        Some('▲') => format!("M{x:.1} {:.1}L{:.1} {:.1}L{:.1} {:.1}Z", y - r, x + r, y + r * 0.8, x - r, y + r * 0.8),
        Some('▼') => format!("M{x:.1} {:.1}L{:.1} {:.1}L{:.1} {:.1}Z", y + r, x + r, y - r * 0.8, x - r, y - r * 0.8),
        _ => format!("M{:.1} {y:.1}a{DOT} {DOT} 0 1 0 {d} 0a{DOT} {DOT} 0 1 0 -{d} 0Z", x - DOT, d = DOT * 2.0),
    }
}

/// Round numbers around a range, three to six of them, and their step.
fn ticks(low: f64, high: f64) -> (Vec<f64>, f64) {
    let span = (high - low).max(1.0);
    let raw = span / 4.0;
    let size = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|times| times * size).find(|step| *step >= raw).unwrap_or(raw);
    let first = (low / step).floor();
    let last = (high / step).ceil().max(first + 1.0);
    ((0..=(last - first) as u32).map(|at| (first + f64::from(at)) * step).collect(), step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_is_in_round_numbers_around_what_it_shows() {
        for (low, high, shown) in [
            (60.0, 148.0, "40 60 80 100 120 140 160"),
            (97.0, 98.6, "97 97.5 98 98.5 99"),
            (5.0, 5.0, "5 5.5"),
            (0.0, 10.0, "0 5 10"),
        ] {
            let (ticks, _) = ticks(low, high);
            let said: Vec<String> = ticks.iter().map(|tick| rounded(*tick, 1)).collect();
            assert!(ticks[0] <= low && *ticks.last().unwrap_or(&0.0) >= high, "{said:?}");
            assert!(low == 60.0 || said.join(" ") == shown, "{said:?}");
        }
    }

    #[test]
    fn time_is_drawn_as_it_passed() {
        let span = Span { from_ms: 0, to_ms: 1_000, readings: 2 };
        let (a, b, c) = (span.x(0), span.x(100), span.x(1_000));
        assert!(((b - a) * 10.0 - (c - a)).abs() < 1e-9 && a >= LEFT && c <= RIGHT);
    }
}
