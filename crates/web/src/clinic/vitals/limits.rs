//! What is expected at an age, and what is so far from it that whoever types it is asked again. Never a diagnosis.
//!
//! Sources. From 16 years on: NEWS2 (Royal College of Physicians 2017), zero points inside and three points (fever: two) asked
//! again; resting heart rate 60 to 100/min (American Heart Association); blood pressure from 130/80 high and from 180/120 severe
//! (ACC/AHA 2017). Below: the vital sign tables of Pediatric Advanced Life Support (AHA 2020), awake, with its limits for
//! hypotension, for bradycardia and supraventricular tachycardia; SpO₂ below 90 % is hypoxemia (WHO, Pocket Book of Hospital
//! Care for Children, 2013). From 13 years on the pressure is high from 130/80 (AAP 2017); before, it is judged by tables of sex
//! and height that are not here, so no upper end is claimed. Weights of children: the estimates of APLS (5th edition).

use jiff::civil::Date;

use super::{Measure, bmi};

const ADULT_VALUES_FROM_YEARS: i32 = 16;
const PRESSURE_HIGH_FROM_YEARS: i32 = 13;
/// Body mass index says something from two years on (CDC).
const BMI_FROM_DAYS: i32 = 731;
const GROWN_FROM_YEARS: i32 = 20;
/// Of the estimate for the age: a weight in pounds that was typed as kilograms is 2.2 of it.
const CHILD_WEIGHT: (f64, f64) = (0.55, 1.9);
/// Of the weight before. Ours: pounds for kilograms, a digit too many, another patient.
const WEIGHT_CHANGE: f64 = 0.15;
/// Centimetres of the height before, of somebody grown. Ours.
const HEIGHT_CHANGE: f64 = 5.0;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Age {
    pub days: i32,
    pub years: i32,
}

/// Both ends belong to it; none where nothing is claimed.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Band {
    pub low: Option<f64>,
    pub high: Option<f64>,
}

/// How a number stands to what is expected at its age.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    Expected,
    Low,
    High,
    VeryLow,
    VeryHigh,
}

impl Age {
    /// Of a whole birth date; a partial one claims nothing.
    pub fn at(birth: &str, on: Date) -> Option<Self> {
        let born: Date = birth.parse().ok()?;
        let days = on.since(born).ok()?.get_days();
        let had = i32::from((on.month(), on.day()) < (born.month(), born.day()));
        let years = i32::from(on.year()) - i32::from(born.year()) - had;
        (days >= 0).then_some(Self { days, years })
    }

    pub fn is_grown(self) -> bool {
        self.years >= GROWN_FROM_YEARS
    }

    pub fn has_bmi(self) -> bool {
        self.days >= BMI_FROM_DAYS
    }

    fn is_adult(self) -> bool {
        self.years >= ADULT_VALUES_FROM_YEARS
    }
}

impl Band {
    const fn of(low: f64, high: f64) -> Self {
        Self { low: Some(low), high: Some(high) }
    }

    const fn from(low: f64) -> Self {
        Self { low: Some(low), high: None }
    }

    pub fn holds(self, number: f64) -> bool {
        self.low.is_none_or(|low| number >= low) && self.high.is_none_or(|high| number <= high)
    }
}

/// What is expected: the band of a plot.
pub fn expected(measure: Measure, age: Option<Age>) -> Band {
    let Some(age) = age else { return Band::default() };
    let (pulse, breaths) = rates(age);
    match measure {
        Measure::Systolic if age.years >= PRESSURE_HIGH_FROM_YEARS => Band::of(91.0, 129.0),
        Measure::Systolic => Band::from(hypotension(age)),
        Measure::Diastolic if age.years >= PRESSURE_HIGH_FROM_YEARS => Band { low: None, high: Some(79.0) },
        Measure::Pulse => pulse,
        Measure::Breaths => breaths,
        Measure::Temperature => Band::of(36.1, 38.0),
        Measure::Saturation if age.is_adult() => Band::from(96.0),
        Measure::Saturation => Band::from(94.0),
        _ => Band::default(),
    }
}

/// Outside of it whoever types is asked again.
pub fn likely(measure: Measure, age: Option<Age>) -> Band {
    let Some(age) = age else { return Band::default() };
    match measure {
        Measure::Systolic if age.is_adult() => Band::of(91.0, 179.0),
        Measure::Systolic => Band::of(hypotension(age), 179.0),
        Measure::Diastolic => Band::of(30.0, 119.0),
        Measure::Pulse if age.is_adult() => Band::of(41.0, 130.0),
        Measure::Pulse if age.years < 1 => Band::of(60.0, 219.0),
        Measure::Pulse => Band::of(60.0, 179.0),
        Measure::Breaths if age.is_adult() => Band::of(9.0, 24.0),
        Measure::Breaths => Band::of(10.0, 60.0),
        Measure::Temperature => Band::of(35.1, 39.0),
        Measure::Saturation if age.is_adult() => Band::from(92.0),
        Measure::Saturation => Band::from(90.0),
        Measure::Weight => match child_weight(age) {
            Some(estimate) => Band::of(estimate * CHILD_WEIGHT.0, estimate * CHILD_WEIGHT.1),
            None => Band::of(30.0, 250.0),
        },
        Measure::Height if age.is_grown() => Band::of(120.0, 220.0),
        Measure::Bmi if age.is_grown() => Band::of(12.0, 70.0),
        _ => Band::default(),
    }
}

pub fn standing(measure: Measure, age: Option<Age>, number: f64) -> Standing {
    let (expected, likely) = (expected(measure, age), likely(measure, age));
    // Size is no vital sign that is high or low by itself.
    if expected == Band::default() {
        return Standing::Expected;
    }
    let below = |band: Band| band.low.is_some_and(|low| number < low);
    let above = |band: Band| band.high.is_some_and(|high| number > high);
    match () {
        () if below(likely) => Standing::VeryLow,
        () if above(likely) => Standing::VeryHigh,
        () if below(expected) => Standing::Low,
        () if above(expected) => Standing::High,
        () => Standing::Expected,
    }
}

/// A value before, in the canonical unit.
#[derive(Clone, Copy, Default)]
pub struct Before {
    pub weight: Option<f64>,
    pub height: Option<f64>,
}

/// Why a number is asked for again.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Doubt {
    Unusual,
    WeightChanged { percent: f64 },
    HeightChanged { cm: f64 },
    Proportions,
}

pub fn doubt(measure: Measure, age: Option<Age>, number: f64, before: Before) -> Option<Doubt> {
    match (measure, before.weight, before.height) {
        (Measure::Weight, Some(held), _) if (number / held - 1.0).abs() > WEIGHT_CHANGE => {
            return Some(Doubt::WeightChanged { percent: (number / held - 1.0) * 100.0 });
        }
        (Measure::Height, _, Some(held)) if age.is_some_and(Age::is_grown) && (number - held).abs() > HEIGHT_CHANGE => {
            return Some(Doubt::HeightChanged { cm: number - held });
        }
        _ => {}
    }
    (!likely(measure, age).holds(number)).then_some(Doubt::Unusual)
}

/// Weight and height that do not fit each other: a unit, or the two exchanged.
pub fn proportions(age: Option<Age>, weight: f64, height: f64) -> Option<Doubt> {
    (!likely(Measure::Bmi, age).holds(bmi(weight, height))).then_some(Doubt::Proportions)
}

/// PALS 2020: awake, by the name that it has for the age.
fn rates(age: Age) -> (Band, Band) {
    match (age.days, age.years) {
        (..28, _) => (Band::of(100.0, 205.0), Band::of(30.0, 60.0)),
        (_, ..1) => (Band::of(100.0, 180.0), Band::of(30.0, 53.0)),
        (_, ..3) => (Band::of(98.0, 140.0), Band::of(22.0, 37.0)),
        (_, ..6) => (Band::of(80.0, 120.0), Band::of(20.0, 28.0)),
        (_, ..12) => (Band::of(75.0, 118.0), Band::of(18.0, 25.0)),
        _ => (Band::of(60.0, 100.0), Band::of(12.0, 20.0)),
    }
}

/// The lowest systolic pressure that is none: PALS.
fn hypotension(age: Age) -> f64 {
    match (age.days, age.years) {
        (..28, _) => 60.0,
        (_, ..1) => 70.0,
        (_, years @ ..10) => 70.0 + 2.0 * f64::from(years),
        _ => 90.0,
    }
}

/// APLS: months / 2 + 4, 2 × years + 8, 3 × years + 7.
fn child_weight(age: Age) -> Option<f64> {
    match age.years {
        ..1 => Some(f64::from(age.days) / 30.44 / 2.0 + 4.0),
        years @ 1..=5 => Some(2.0 * f64::from(years) + 8.0),
        years @ 6..=12 => Some(3.0 * f64::from(years) + 7.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Measure; 10] = [
        Measure::Systolic,
        Measure::Diastolic,
        Measure::Pulse,
        Measure::Breaths,
        Measure::Temperature,
        Measure::Saturation,
        Measure::Weight,
        Measure::Height,
        Measure::Pain,
        Measure::Bmi,
    ];

    fn ages() -> impl Iterator<Item = Option<Age>> {
        let each = (0..=110 * 365).step_by(13).map(|days| Some(Age { days, years: days / 365 }));
        each.chain([None])
    }

    #[test]
    fn what_is_expected_is_likely_and_what_is_likely_is_possible_at_every_age() {
        for age in ages() {
            for measure in ALL {
                let (expected, likely, (low, high)) =
                    (expected(measure, age), likely(measure, age), measure.possible());
                let edges = |band: Band| [band.low, band.high].into_iter().flatten();
                assert!(edges(expected).all(|edge| likely.holds(edge)), "{measure:?} {age:?} {expected:?} {likely:?}");
                assert!(edges(likely).all(|edge| (low..=high).contains(&edge)), "{measure:?} {age:?} {likely:?}");
                assert!(expected.low.zip(expected.high).is_none_or(|(low, high)| low < high));
            }
        }
    }

    #[test]
    fn standing_never_jumps_over_a_step() {
        let rank = |standing| match standing {
            Standing::VeryLow => 0,
            Standing::Low => 1,
            Standing::Expected => 2,
            Standing::High => 3,
            Standing::VeryHigh => 4,
        };
        for age in ages() {
            for measure in ALL {
                let (low, high) = measure.possible();
                let mut held = 0;
                for step in 0..=400 {
                    let now = rank(standing(measure, age, low + (high - low) * f64::from(step) / 400.0));
                    assert!(step == 0 || now >= held, "{measure:?} {age:?}");
                    held = now;
                }
            }
        }
    }

    #[test]
    fn the_same_number_means_another_thing_at_another_age() {
        let at = |years| Some(Age { days: years * 366, years });
        assert_eq!(standing(Measure::Pulse, at(40), 150.0), Standing::VeryHigh);
        assert_eq!(standing(Measure::Pulse, at(0), 150.0), Standing::Expected);
        assert_eq!(standing(Measure::Breaths, at(40), 35.0), Standing::VeryHigh);
        assert_eq!(standing(Measure::Breaths, at(1), 35.0), Standing::Expected);
        assert_eq!(standing(Measure::Systolic, at(2), 80.0), Standing::Expected);
        assert_eq!(standing(Measure::Systolic, at(40), 80.0), Standing::VeryLow);
        assert_eq!(standing(Measure::Systolic, at(40), 148.0), Standing::High);
        assert_eq!(standing(Measure::Saturation, at(40), 95.0), Standing::Low);
        // Whose age is not known nothing is claimed of.
        assert_eq!(standing(Measure::Pulse, None, 150.0), Standing::Expected);
    }

    #[test]
    fn pounds_typed_as_kilograms_are_asked_for_at_every_age() {
        for age in ages().flatten() {
            let Some(estimate) = child_weight(age) else { continue };
            assert!(doubt(Measure::Weight, Some(age), estimate, Before::default()).is_none(), "{age:?}");
            assert!(doubt(Measure::Weight, Some(age), estimate * 2.2, Before::default()).is_some(), "{age:?}");
        }
        let grown = Some(Age { days: 20_000, years: 54 });
        let before = Before { weight: Some(83.4), height: Some(170.0) };
        assert_eq!(doubt(Measure::Weight, grown, 84.0, before), None);
        assert!(
            matches!(doubt(Measure::Weight, grown, 183.9, before), Some(Doubt::WeightChanged { percent }) if percent > 100.0)
        );
        assert_eq!(doubt(Measure::Height, grown, 67.0, before), Some(Doubt::HeightChanged { cm: -103.0 }));
        assert_eq!(proportions(grown, 170.0, 83.4), Some(Doubt::Proportions));
        assert_eq!(proportions(grown, 83.4, 170.0), None);
    }

    #[test]
    fn an_age_is_counted_to_the_birthday() {
        let on = Date::constant(2027, 1, 4);
        assert_eq!(Age::at("2026-12-05", on), Some(Age { days: 30, years: 0 }));
        assert_eq!(Age::at("2011-01-05", on).map(|age| age.years), Some(15));
        assert_eq!(Age::at("2011-01-04", on).map(|age| age.years), Some(16));
        assert_eq!((Age::at("2011", on), Age::at("2028-01-01", on)), (None, None));
    }
}
