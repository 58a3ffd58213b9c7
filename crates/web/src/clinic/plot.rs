//! A trend plot: true time from left to right, an axis with name and unit, the expected band, a shape for what is out of it, and
//! each value in words on focus (Sittig et al., JAMIA 2015). The table beneath is the same for whoever does not see it.

use std::fmt::Write as _;

use jiff::tz::TimeZone;

use super::day::{self, Day};
use super::value::{self, Flag, Value};

pub const WIDTH: f64 = 400.0;
pub const HEIGHT: f64 = 190.0;
pub const LEFT: f64 = 44.0;
pub const RIGHT: f64 = WIDTH - 12.0;
pub const TOP: f64 = 30.0;
pub const BOTTOM: f64 = HEIGHT - 24.0;
/// Readings of one plot: each can be reached by key and stands in a table.
const READINGS_MAX: usize = 40;
const DOT: f64 = 3.5;
/// Below this span the clock tells more than the day.
const CLOCK_BELOW_MS: i64 = 3 * 86_400_000;
const SPAN_MS_MIN: i64 = 3_600_000;
const NEARLY: f64 = 1e-9;

/// What was measured once.
pub struct Reading {
    pub at_ms: i64,
    /// In the clinic's time.
    pub when: String,
    /// What is drawn, a number for each line; none where it is not drawn.
    pub numbers: Vec<f64>,
    /// UCUM.
    pub unit: String,
    pub value: Value,
    pub flag: Option<Flag>,
}

impl Reading {
    /// `12-Nov-2026 10:12`.
    pub fn moment(&self) -> String {
        self.when.clone()
    }

    /// The value in words, with what it means.
    pub fn said(&self) -> String {
        let flag = self.flag.map_or_else(String::new, |flag| format!(", {}", flag.word));
        format!("{}{flag}", value::whole(&self.value))
    }
}

/// What one plot is of.
pub struct Axis<'s> {
    pub name: &'s str,
    /// In which numbers stand at the axis; empty for none.
    pub unit: &'s str,
    /// Numbers of a reading.
    pub lines: usize,
    /// Ends of what is expected, as the axis has them, and what it is.
    pub band: (Option<f64>, Option<f64>),
    pub band_words: String,
}

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
    /// Of courses, each newest first, when all plots of the page have so many readings: a page has a weight to keep.
    pub fn of<'r>(courses: impl Iterator<Item = &'r [Reading]> + Clone, readings_max: usize, now_ms: i64) -> Self {
        let plots = courses.clone().filter(|readings| readings.len() > 1).count();
        let readings = (readings_max / plots.max(1)).min(READINGS_MAX);
        let drawn = courses.flat_map(|course| course.iter().take(readings));
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
    /// None where there is no course: fewer than two readings. `shown` takes their numbers to the unit of the axis.
    pub fn of(
        axis: &Axis<'_>,
        readings: &'s [Reading],
        shown: impl Fn(f64) -> f64,
        span: Span,
        zone: &TimeZone,
    ) -> Option<Self> {
        let drawn: Vec<&Reading> = { readings.iter() }
            .take(span.readings)
            .filter(|reading| axis.lines > 0 && reading.numbers.len() == axis.lines)
            .collect();
        let newest = drawn.first()?;
        if drawn.len() < 2 {
            return None;
        }
        let (band_low, band_high) = axis.band;
        let numbers = || drawn.iter().flat_map(|reading| reading.numbers.iter().map(|number| shown(*number)));
        let edges = || [band_low, band_high].into_iter().flatten();
        let low = numbers().chain(edges()).fold(f64::INFINITY, f64::min);
        let high = numbers().chain(edges()).fold(f64::NEG_INFINITY, f64::max);
        let (ticks, step) = ticks(low, high);
        let (bottom, top) = (*ticks.first()?, *ticks.last()?);
        let y = |number: f64| BOTTOM - (number - bottom) / (top - bottom) * (BOTTOM - TOP);
        let lines = (0..axis.lines).map(|at| {
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
        let has_band = band_low.is_some() || band_high.is_some();
        let rect = has_band.then(|| {
            let upper = band_high.map_or(TOP, y);
            let lower = band_low.map_or(BOTTOM, y);
            (format!("{upper:.1}"), format!("{:.1}", (lower - upper).max(1.0)))
        });
        let decimals = (-step.log10()).ceil().clamp(0.0, 4.0) as usize;
        let oldest = drawn.last()?;
        Some(Self {
            axis: if axis.unit.is_empty() { axis.name.to_owned() } else { format!("{} ({})", axis.name, axis.unit) },
            label: format!(
                "{}, {} readings: {} on {}, to {} on {}",
                axis.name,
                drawn.len(),
                oldest.said(),
                oldest.moment(),
                newest.said(),
                newest.moment()
            ),
            band: rect,
            band_words: has_band.then(|| axis.band_words.clone()),
            ys: ticks.iter().map(|tick| (format!("{:.1}", y(*tick)), format!("{tick:.decimals$}"))).collect(),
            xs: span.ticks(zone),
            lines: lines.collect(),
            dots: dots.collect(),
            readings: &readings[..readings.len().min(span.readings)],
            is_cut: readings.len() > span.readings,
        })
    }
}

/// Round, or a triangle that points where the value lies; doubled in weight by its class.
fn shape(x: f64, y: f64, mark: &str) -> String {
    let r = DOT + 1.5;
    match mark.chars().next() {
        Some('▲') => format!("M{x:.1} {:.1}L{:.1} {:.1}L{:.1} {:.1}Z", y - r, x + r, y + r * 0.8, x - r, y + r * 0.8),
        Some('▼') => format!("M{x:.1} {:.1}L{:.1} {:.1}L{:.1} {:.1}Z", y + r, x + r, y - r * 0.8, x - r, y - r * 0.8),
        _ => format!("M{:.1} {y:.1}a{DOT} {DOT} 0 1 0 {d} 0 {DOT} {DOT} 0 1 0-{d} 0Z", x - DOT, d = DOT * 2.0),
    }
}

/// Round numbers around a range, three to six of them, and their step.
fn ticks(low: f64, high: f64) -> (Vec<f64>, f64) {
    // Of what hardly changes, a change that matters to nobody is not drawn as one.
    let size = high.abs().max(low.abs());
    let span = (high - low).max(if size > 0.0 { (size * 0.2).min(1.0) } else { 1.0 });
    let raw = span / 4.0;
    let size = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|times| times * size).find(|step| *step >= raw).unwrap_or(raw);
    // Tenths are not whole in binary: 1.1 is eleven of them, and no more.
    let first = (low / step + NEARLY).floor();
    let last = (high / step - NEARLY).ceil().max(first + 1.0);
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
            (0.8, 1.1, "0.8 0.9 1 1.1"),
            (0.0, 0.0, "0 0.5"),
        ] {
            let (ticks, _) = ticks(low, high);
            let said: Vec<String> = ticks.iter().map(|tick| crate::clinic::vitals::rounded(*tick, 1)).collect();
            assert!(ticks[0] <= low + NEARLY && *ticks.last().unwrap_or(&0.0) >= high - NEARLY, "{said:?}");
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
