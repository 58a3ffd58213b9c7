//! A trend plot: true time from left to right, an axis with name and unit, the expected bands, a shape for what is out of them, and
//! each value in words (Sittig et al., JAMIA 2015). The words stand once, in the table beneath; a script says them at the points.

use jiff::tz::TimeZone;

use super::day::{self, Day};
use super::value::{self, Flag, Value};

pub const WIDTH: f64 = 400.0;
pub const HEIGHT: f64 = 190.0;
pub const LEFT: f64 = 44.0;
pub const RIGHT: f64 = WIDTH - 12.0;
pub const TOP: f64 = 30.0;
pub const BOTTOM: f64 = HEIGHT - 24.0;
/// Readings of one plot.
const READINGS_MAX: usize = 40;
/// Half the height of a shape.
const SHAPE: f64 = 5.0;
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
    /// Of the whole.
    pub flag: Option<Flag>,
    /// Of each number.
    pub flags: Vec<Option<Flag>>,
}

impl Reading {
    /// The value in words, with what it means: `134/71 mmHg, systolic high`. `parts` are what its numbers are called, if it has several.
    fn said(&self, parts: &[String]) -> String {
        let value = value::whole(&self.value);
        let is_parted = self.flags.len() == parts.len() && self.flags.windows(2).any(|pair| pair[0] != pair[1]);
        if is_parted {
            let each =
                parts.iter().zip(&self.flags).filter_map(|(part, flag)| Some(format!(", {part} {}", (*flag)?.word)));
            return value + &each.collect::<String>();
        }
        value + &self.flag.map_or_else(String::new, |flag| format!(", {}", flag.word))
    }
}

/// What one plot is of.
pub struct Axis<'s> {
    pub name: &'s str,
    /// In which numbers stand at the axis; empty for none.
    pub unit: &'s str,
    /// Numbers of a reading.
    pub lines: usize,
    /// What they are called; empty for one.
    pub parts: Vec<String>,
    /// Ends of what is expected of each number, as the axis has them.
    pub bands: Vec<Ends>,
    /// What they are.
    pub band_words: String,
}

/// Low and high, where there are such.
pub type Ends = (Option<f64>, Option<f64>);

pub struct Plot<'s> {
    /// `Weight (kg)`.
    pub axis: String,
    pub label: String,
    /// Top and height of the expected bands, and what they are.
    pub bands: Vec<(String, String)>,
    pub band_words: Option<String>,
    pub ys: Vec<(String, String)>,
    /// Place and words of the beginning, the middle and the end.
    pub xs: Vec<(String, String)>,
    /// Points of each number, newest first: one for each row that is drawn.
    pub lines: Vec<String>,
    /// Shapes of what is out of range, by class.
    pub marks: Vec<(&'static str, String)>,
    /// Newest first.
    pub rows: Vec<Row<'s>>,
    /// There are older ones.
    pub is_cut: bool,
}

/// A reading in the table of a plot.
pub struct Row<'s> {
    /// `12-Nov-2026 10:12`.
    pub when: &'s str,
    pub said: String,
    /// As its shape has it; empty for what is in range.
    pub class: &'static str,
    pub is_drawn: bool,
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

    fn ticks(self, zone: &TimeZone) -> Vec<(String, String)> {
        let is_short = self.to_ms - self.from_ms < CLOCK_BELOW_MS;
        let tick = |step| {
            let at_ms = self.from_ms + (self.to_ms - self.from_ms) / 2 * step;
            let day = Day::of(at_ms, zone).short();
            let words = if is_short { format!("{day} {}", day::clock(at_ms, zone)) } else { day };
            (short(self.x(at_ms)), words)
        };
        (0..3).map(tick).collect()
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
        let held = &readings[..readings.len().min(span.readings)];
        let is_drawn = |reading: &Reading| axis.lines > 0 && reading.numbers.len() == axis.lines;
        let drawn: Vec<&Reading> = held.iter().filter(|reading| is_drawn(reading)).collect();
        let [newest, .., oldest] = drawn[..] else { return None };
        let numbers = || drawn.iter().flat_map(|reading| reading.numbers.iter().map(|number| shown(*number)));
        let edges = || axis.bands.iter().flat_map(|(low, high)| [*low, *high]).flatten();
        let low = numbers().chain(edges()).fold(f64::INFINITY, f64::min);
        let high = numbers().chain(edges()).fold(f64::NEG_INFINITY, f64::max);
        let (ticks, step) = ticks(low, high);
        let (bottom, top) = (*ticks.first()?, *ticks.last()?);
        let y = |number: f64| BOTTOM - (number - bottom) / (top - bottom) * (BOTTOM - TOP);
        let lines = (0..axis.lines).map(|at| {
            let point =
                |reading: &&Reading| format!("{:.0},{}", span.x(reading.at_ms), short(y(shown(reading.numbers[at]))));
            drawn.iter().map(point).collect::<Vec<_>>().join(" ")
        });
        let mut marks: Vec<(&'static str, String)> = Vec::new();
        for reading in &drawn {
            for (number, flag) in reading.numbers.iter().zip(&reading.flags) {
                let Some(flag) = flag else { continue };
                let path = shape(span.x(reading.at_ms), y(shown(*number)), *flag);
                match marks.iter_mut().find(|(held, _)| *held == class(*flag)) {
                    Some((_, held)) => held.push_str(&path),
                    None => marks.push((class(*flag), path)),
                }
            }
        }
        let bands = axis.bands.iter().filter(|(low, high)| low.is_some() || high.is_some()).map(|(low, high)| {
            let (upper, lower) = (high.map_or(TOP, y), low.map_or(BOTTOM, y));
            (short(upper), short((lower - upper).max(1.0)))
        });
        let bands: Vec<_> = bands.collect();
        let row = |reading: &'s Reading| {
            let value = &reading.value;
            // What the axis does not say: the same in its unit, and that it has no place there.
            let is_other = !value.also.is_empty() && value.unit.trim() != axis.unit;
            let also = if is_other { format!(" ({})", value.also) } else { String::new() };
            let left_out = if is_drawn(reading) { "" } else { " (not drawn)" };
            Row {
                when: &reading.when,
                said: format!("{}{also}{left_out}", reading.said(&axis.parts)),
                class: reading.flag.map_or("", class),
                is_drawn: is_drawn(reading),
            }
        };
        let decimals = (-step.log10()).ceil().clamp(0.0, 4.0) as usize;
        Some(Self {
            axis: if axis.unit.is_empty() { axis.name.to_owned() } else { format!("{} ({})", axis.name, axis.unit) },
            label: format!(
                "{}, {} readings: {} on {}, to {} on {}",
                axis.name,
                drawn.len(),
                oldest.said(&axis.parts),
                oldest.when,
                newest.said(&axis.parts),
                newest.when
            ),
            band_words: (!bands.is_empty()).then(|| axis.band_words.clone()),
            bands,
            ys: ticks.iter().map(|tick| (short(y(*tick)), format!("{tick:.decimals$}"))).collect(),
            xs: span.ticks(zone),
            lines: lines.collect(),
            marks,
            rows: held.iter().map(row).collect(),
            is_cut: readings.len() > held.len(),
        })
    }
}

/// To a tenth, without a tenth that is none: a page has a weight to keep.
fn short(number: f64) -> String {
    let tenths = format!("{number:.1}");
    tenths.strip_suffix(".0").map(str::to_owned).unwrap_or(tenths)
}

/// Which way a flag points, and whether it is of the worse kind.
fn class(flag: Flag) -> &'static str {
    match flag.mark {
        "▲" => "up",
        "▲▲" => "up twice",
        "▼" => "down",
        "▼▼" => "down twice",
        "◆" => "odd",
        _ => "odd twice",
    }
}

/// A triangle that points where the value lies, or a diamond.
fn shape(x: f64, y: f64, flag: Flag) -> String {
    let from = |y: f64| format!("M{} {}", short(x), short(y));
    match flag.mark.chars().next() {
        Some('▲') => from(y - SHAPE) + "l5 9h-10z",
        Some('▼') => from(y + SHAPE) + "l5-9h-10z",
        _ => from(y - SHAPE) + "l5 5-5 5-5-5z",
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

    #[test]
    fn each_number_has_its_own_band_and_shape_and_words_say_which_is_out_of_range() {
        const HIGH: Flag = Flag { mark: "▲", word: "high", class: "high" };
        let reading = |at_ms: i64, systolic: f64, diastolic: f64, flags: [Option<Flag>; 2]| Reading {
            at_ms,
            when: format!("day {at_ms}"),
            numbers: vec![systolic, diastolic],
            unit: "mm[Hg]".to_owned(),
            value: Value { text: format!("{systolic}/{diastolic}"), unit: " mmHg".to_owned(), also: String::new() },
            flag: flags.into_iter().flatten().next(),
            flags: flags.to_vec(),
        };
        let readings = [
            reading(900, 134.0, 71.0, [Some(HIGH), None]),
            reading(500, 134.0, 88.0, [Some(HIGH), Some(HIGH)]),
            reading(100, 118.0, 70.0, [None, None]),
        ];
        let axis = Axis {
            name: "Blood pressure",
            unit: "mmHg",
            lines: 2,
            parts: vec!["systolic".to_owned(), "diastolic".to_owned()],
            bands: vec![(Some(91.0), Some(129.0)), (None, Some(79.0))],
            band_words: String::new(),
        };
        let span = Span { from_ms: 0, to_ms: 1_000, readings: 3 };
        let plot = Plot::of(&axis, &readings, |number| number, span, &TimeZone::UTC);
        let Some(plot) = plot else { panic!("a plot") };
        let said: Vec<&str> = plot.rows.iter().map(|row| row.said.as_str()).collect();
        assert_eq!(said, ["134/71 mmHg, systolic high", "134/88 mmHg, high", "118/70 mmHg"]);
        let [(class, path)] = &plot.marks[..] else { panic!("one kind of mark") };
        // Two of the systolic line, one of the diastolic.
        assert_eq!((*class, path.matches('M').count()), ("up", 3));
        assert!(plot.lines.iter().all(|line| line.split(' ').count() == 3));
        // From 60 to 140 on the axis, which is from 166 to 30 in the picture.
        assert_eq!(plot.bands, [("48.7".to_owned(), "64.6".to_owned()), ("133.7".to_owned(), "32.3".to_owned())]);
    }
}
