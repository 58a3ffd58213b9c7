//! Vital signs: what is measured, in which units, and what of it can be. Codes and units are those of US Core 6.1.0.

pub mod limits;

use std::fmt::Write as _;

/// One number of a set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Measure {
    Systolic,
    Diastolic,
    Pulse,
    Breaths,
    Temperature,
    Saturation,
    Weight,
    Height,
    Pain,
    /// Computed, never typed.
    Bmi,
}

/// A unit: `canonical = number * factor + offset`, in °C, cm and kg.
#[derive(PartialEq, Debug)]
pub struct Unit {
    /// As forms send it.
    pub name: &'static str,
    pub shown: &'static str,
    /// UCUM.
    pub code: &'static str,
    pub factor: f64,
    pub offset: f64,
}

/// Why what was typed is no value: said beside its field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Mistyped {
    NoNumber,
    TooFine { decimals: u8 },
    Impossible { low: String, high: String },
}

const fn plain(shown: &'static str, code: &'static str) -> Unit {
    Unit { name: "", shown, code, factor: 1.0, offset: 0.0 }
}

/// The first is what a form begins with. Exact by definition: 1 in = 2.54 cm, 1 lb = 0.45359237 kg (NIST SP 811, B.8).
static MMHG: [Unit; 1] = [plain("mmHg", "mm[Hg]")];
static PER_MINUTE: [Unit; 1] = [plain("/min", "/min")];
static PERCENT: [Unit; 1] = [plain("%", "%")];
static SCORE: [Unit; 1] = [plain("of 10", "{score}")];
static BMI: [Unit; 1] = [plain("kg/m²", "kg/m2")];
static TEMPERATURES: [Unit; 2] = [
    Unit { name: "F", shown: "°F", code: "[degF]", factor: 1.0 / 1.8, offset: -32.0 / 1.8 },
    Unit { name: "C", shown: "°C", code: "Cel", factor: 1.0, offset: 0.0 },
];
static WEIGHTS: [Unit; 2] = [
    Unit { name: "lb", shown: "lb", code: "[lb_av]", factor: 0.453_592_37, offset: 0.0 },
    Unit { name: "kg", shown: "kg", code: "kg", factor: 1.0, offset: 0.0 },
];
static HEIGHTS: [Unit; 2] = [
    Unit { name: "in", shown: "in", code: "[in_i]", factor: 2.54, offset: 0.0 },
    Unit { name: "cm", shown: "cm", code: "cm", factor: 1.0, offset: 0.0 },
];
/// Units that others record in, for reading only.
static ELSEWHERE: [(Measure, Unit); 3] = [
    (Measure::Weight, Unit { name: "", shown: "g", code: "g", factor: 0.001, offset: 0.0 }),
    (Measure::Weight, Unit { name: "", shown: "oz", code: "[oz_av]", factor: 0.028_349_523_125, offset: 0.0 }),
    (Measure::Height, Unit { name: "", shown: "m", code: "m", factor: 100.0, offset: 0.0 }),
];

impl Unit {
    pub fn canonical(&self, number: f64) -> f64 {
        number * self.factor + self.offset
    }

    pub fn of_canonical(&self, number: f64) -> f64 {
        (number - self.offset) / self.factor
    }
}

impl Measure {
    /// In the order in which they are typed.
    pub const TYPED: [Measure; 9] = [
        Measure::Systolic,
        Measure::Diastolic,
        Measure::Pulse,
        Measure::Breaths,
        Measure::Temperature,
        Measure::Saturation,
        Measure::Weight,
        Measure::Height,
        Measure::Pain,
    ];

    /// Field and id in forms.
    pub fn name(self) -> &'static str {
        match self {
            Measure::Systolic => "systolic",
            Measure::Diastolic => "diastolic",
            Measure::Pulse => "pulse",
            Measure::Breaths => "breaths",
            Measure::Temperature => "temperature",
            Measure::Saturation => "saturation",
            Measure::Weight => "weight",
            Measure::Height => "height",
            Measure::Pain => "pain",
            Measure::Bmi => "bmi",
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            Measure::Systolic => "Systolic blood pressure",
            Measure::Diastolic => "Diastolic blood pressure",
            Measure::Pulse => "Heart rate",
            Measure::Breaths => "Respiratory rate",
            Measure::Temperature => "Temperature",
            Measure::Saturation => "SpO₂",
            Measure::Weight => "Weight",
            Measure::Height => "Height",
            Measure::Pain => "Pain",
            Measure::Bmi => "BMI",
        }
    }

    /// LOINC; for the two pressures that of the component.
    pub fn loinc(self) -> &'static str {
        match self {
            Measure::Systolic => "8480-6",
            Measure::Diastolic => "8462-4",
            Measure::Pulse => "8867-4",
            Measure::Breaths => "9279-1",
            Measure::Temperature => "8310-5",
            Measure::Saturation => "59408-5",
            Measure::Weight => "29463-7",
            Measure::Height => "8302-2",
            Measure::Pain => "72514-3",
            Measure::Bmi => "39156-5",
        }
    }

    pub fn units(self) -> &'static [Unit] {
        match self {
            Measure::Systolic | Measure::Diastolic => &MMHG,
            Measure::Pulse | Measure::Breaths => &PER_MINUTE,
            Measure::Temperature => &TEMPERATURES,
            Measure::Saturation => &PERCENT,
            Measure::Weight => &WEIGHTS,
            Measure::Height => &HEIGHTS,
            Measure::Pain => &SCORE,
            Measure::Bmi => &BMI,
        }
    }

    /// The unit that a form names, or its first.
    pub fn unit(self, name: &str) -> &'static Unit {
        let units = self.units();
        units.iter().find(|unit| unit.name == name).unwrap_or(&units[0])
    }

    /// The unit of a recorded value.
    pub fn unit_of_code(self, code: &str) -> Option<&'static Unit> {
        let elsewhere = ELSEWHERE.iter().filter(|(measure, _)| *measure == self).map(|(_, unit)| unit);
        self.units().iter().chain(elsewhere).find(|unit| unit.code == code)
    }

    /// Digits behind the point that somebody measures.
    pub fn decimals(self) -> u8 {
        match self {
            Measure::Weight => 2,
            Measure::Temperature | Measure::Height | Measure::Bmi => 1,
            _ => 0,
        }
    }

    /// What a living person can have, in the canonical unit: outside it is a slip of the hand, and refused. Upper ends after the
    /// valid ranges of MIMIC-Extract (Wang et al., ACM CHIL 2020), wider where people on record were: 0.2 to 650 kg, up to 275 cm.
    pub fn possible(self) -> (f64, f64) {
        match self {
            Measure::Systolic => (30.0, 350.0),
            Measure::Diastolic => (10.0, 250.0),
            Measure::Pulse => (10.0, 350.0),
            Measure::Breaths => (1.0, 150.0),
            Measure::Temperature => (25.0, 45.0),
            Measure::Saturation => (20.0, 100.0),
            Measure::Weight => (0.2, 650.0),
            Measure::Height => (20.0, 275.0),
            Measure::Pain => (0.0, 10.0),
            Measure::Bmi => (3.0, 250.0),
        }
    }

    /// A typed number, as it will be recorded: to the digit.
    pub fn typed(self, text: &str, unit: &Unit) -> Result<Option<Typed>, Mistyped> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let written = decimal(text).ok_or(Mistyped::NoNumber)?;
        let fraction = written.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        if fraction > usize::from(self.decimals()) {
            return Err(Mistyped::TooFine { decimals: self.decimals() });
        }
        let number: f64 = written.parse().map_err(|_| Mistyped::NoNumber)?;
        let canonical = unit.canonical(number);
        let (low, high) = self.possible();
        // What was rounded in another unit still counts at the very edge.
        if !(low - EDGE..=high + EDGE).contains(&canonical) {
            let shown = |bound| rounded(unit.of_canonical(bound), self.decimals().min(1));
            return Err(Mistyped::Impossible { low: shown(low), high: shown(high) });
        }
        Ok(Some(Typed { written, canonical }))
    }
}

const EDGE: f64 = 1e-6;
const DIGITS_MAX: usize = 6;

/// A value that a person can have.
#[derive(Clone, PartialEq, Debug)]
pub struct Typed {
    /// A JSON number.
    pub written: String,
    pub canonical: f64,
}

/// Digits with at most one point or comma; leading zeros go.
fn decimal(text: &str) -> Option<String> {
    let text = text.replace(',', ".");
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text.as_str(), None),
    };
    let is_digits =
        |part: &str| (1..=DIGITS_MAX).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !fraction.is_none_or(is_digits) {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let mut out = if whole.is_empty() { "0".to_owned() } else { whole.to_owned() };
    if let Some(fraction) = fraction {
        let _ = write!(out, ".{fraction}");
    }
    Some(out)
}

/// Without a trailing zero behind the point.
pub fn rounded(number: f64, decimals: u8) -> String {
    let text = format!("{number:.*}", usize::from(decimals));
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// `183.9 lb` beside `83.4 kg`: what was meant, in the unit that others think in. Nothing where there is one unit.
pub fn echoed(measure: Measure, unit: &Unit, canonical: f64) -> Option<String> {
    let other = measure.units().iter().find(|other| other.code != unit.code)?;
    Some(format!("{:.1} {}", other.of_canonical(canonical), other.shown))
}

/// kg and cm.
pub fn bmi(weight: f64, height: f64) -> f64 {
    weight / (height / 100.0).powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_in_one_unit_is_the_same_person_in_the_other() {
        for measure in Measure::TYPED {
            for unit in measure.units() {
                let (low, high) = measure.possible();
                for step in 0..=1_000 {
                    let canonical = low + (high - low) * f64::from(step) / 1_000.0;
                    let there = unit.of_canonical(canonical);
                    assert!((unit.canonical(there) - canonical).abs() < 1e-9, "{measure:?} {}", unit.shown);
                }
            }
        }
        for (measure, unit, written, other) in [
            (Measure::Weight, "kg", "83.4", "183.9 lb"),
            (Measure::Weight, "lb", "183.9", "83.4 kg"),
            (Measure::Height, "in", "70", "177.8 cm"),
            (Measure::Height, "cm", "177.8", "70.0 in"),
            (Measure::Temperature, "F", "98.6", "37.0 °C"),
            (Measure::Temperature, "C", "37", "98.6 °F"),
        ] {
            let unit = measure.unit(unit);
            let Ok(Some(typed)) = measure.typed(written, unit) else { panic!("{written}") };
            assert_eq!(echoed(measure, unit, typed.canonical).as_deref(), Some(other));
        }
        assert_eq!(echoed(Measure::Pulse, Measure::Pulse.unit(""), 80.0), None);
    }

    #[test]
    fn every_possible_number_is_taken_and_no_other_in_either_unit() {
        for measure in Measure::TYPED {
            for unit in measure.units() {
                let (low, high) = measure.possible();
                for tenth in 0..8_000_u32 {
                    let number = f64::from(tenth) / 10.0;
                    let written = rounded(number, measure.decimals().min(1));
                    let number: f64 = written.parse().unwrap_or(f64::NAN);
                    let is_possible = (low..=high).contains(&unit.canonical(number));
                    let is_edge = [low, high].iter().any(|edge| (unit.canonical(number) - edge).abs() < 1e-3);
                    let taken = measure.typed(&written, unit);
                    assert!(is_edge || is_possible == matches!(taken, Ok(Some(_))), "{measure:?} {written} {taken:?}");
                }
            }
        }
    }

    #[test]
    fn a_number_is_kept_to_the_digit_and_what_is_none_is_told() {
        let weight = |text: &str| Measure::Weight.typed(text, Measure::Weight.unit("kg"));
        for (text, written) in [("83.40", "83.40"), (" 83,4 ", "83.4"), ("083", "83"), ("0.35", "0.35")] {
            assert_eq!(weight(text).map(|typed| typed.map(|typed| typed.written)), Ok(Some(written.to_owned())));
        }
        assert_eq!(weight("  "), Ok(None));
        for text in ["83.4.1", "-5", "1e2", "eighty", ".5", "5.", "٣", "1234567", "NaN"] {
            assert_eq!(weight(text), Err(Mistyped::NoNumber), "{text}");
        }
        assert_eq!(weight("83.412"), Err(Mistyped::TooFine { decimals: 2 }));
        let pulse = |text: &str| Measure::Pulse.typed(text, Measure::Pulse.unit(""));
        assert_eq!(pulse("72.5"), Err(Mistyped::TooFine { decimals: 0 }));
        assert_eq!(pulse("720"), Err(Mistyped::Impossible { low: "10".to_owned(), high: "350".to_owned() }));
        let hot = Measure::Temperature.typed("120", Measure::Temperature.unit("F"));
        assert_eq!(hot, Err(Mistyped::Impossible { low: "77".to_owned(), high: "113".to_owned() }));
    }
}
