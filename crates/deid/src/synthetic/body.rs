//! What a body measures, visit by visit: a resting level, an illness that moves it, a treatment that moves it back.

use super::day::Day;
use super::person::{Person, Smoking};
use super::rng::Rng;
use super::stories::{Drive, MEASURES, Measure, Story};

/// Share of the way to the treated level covered between two visits, and lost again when things go badly.
const GAIN: f64 = 0.6;
const SETBACK: f64 = 0.3;
/// What may be left of the way when a note calls an illness controlled.
const CONTROLLED: f64 = 0.3;

pub(super) struct Body {
    now: [f64; MEASURES],
    start: [f64; MEASURES],
    goal: [f64; MEASURES],
}

/// One visit's readings, rounded where they are recorded.
#[derive(Clone)]
pub(super) struct Reading {
    values: [f64; MEASURES],
    /// One decimal each, in kg and cm.
    pub(super) weight: f64,
    pub(super) height: f64,
}

impl Body {
    pub(super) fn resting(person: &Person, rng: &mut Rng) -> Self {
        let age = f64::from(person.age);
        let child = person.age < 14;
        let mut now = [0.0; MEASURES];
        let mut set = |measure: Measure, low: f64, high: f64| now[measure as usize] = rng.real(low, high);
        let (systolic, diastolic) =
            if child { (84.0 + age * 1.5, 53.0 + age) } else { (106.0 + age * 0.16, 66.0 + age * 0.08) };
        set(Measure::Systolic, systolic, systolic + 9.0);
        set(Measure::Diastolic, diastolic, diastolic + 7.0);
        let pulse = if child { 122.0 - age * 4.0 } else { 64.0 };
        set(Measure::Pulse, pulse, pulse + 12.0);
        let breaths = if child { 29.0 - age * 0.9 } else { 13.0 };
        set(Measure::Breaths, breaths, breaths + 3.0);
        set(Measure::Saturation, 97.2, 99.0);
        set(Measure::Celsius, 36.5, 36.9);
        set(Measure::A1c, 4.9, 5.4);
        set(Measure::Ldl, 82.0, 122.0);
        set(Measure::Hdl, 44.0, 66.0);
        set(Measure::Triglycerides, 75.0, 135.0);
        set(Measure::Tsh, 1.1, 2.9);
        set(Measure::FreeT4, 1.0, 1.4);
        match (child, person.female) {
            (true, _) => set(Measure::Creatinine, 0.38, 0.58),
            (_, true) => set(Measure::Creatinine, 0.62, 0.86),
            _ => set(Measure::Creatinine, 0.78, 1.06),
        }
        match (child, person.female) {
            (true, _) => set(Measure::Hemoglobin, 12.8, 13.8),
            (_, true) => set(Measure::Hemoglobin, 12.6, 14.2),
            _ => set(Measure::Hemoglobin, 14.0, 15.8),
        }
        set(Measure::Alt, 15.0, 34.0);
        set(Measure::UrineAlbumin, 4.0, 16.0);
        set(Measure::Cd4, 700.0, 950.0);
        set(Measure::Phq9, 0.0, 3.0);
        set(Measure::Gad7, 0.0, 3.0);
        set(Measure::AuditC, 0.0, 2.0);
        set(Measure::Pain, 0.0, 1.4);
        let fev = if person.smoking == Smoking::Daily { 76.0 } else { 80.0 };
        set(Measure::Fev1Ratio, fev, fev + 5.0);
        Body { now, start: now, goal: now }
    }

    /// The illness as it is found: measures at their untreated level, with a treated level ahead of them.
    pub(super) fn fall_ill(&mut self, story: &Story, person: &Person, rng: &mut Rng) {
        for Drive(measure, untreated, treated) in story.drives {
            let i = *measure as usize;
            self.start[i] = rng.real(untreated.0, untreated.1);
            self.goal[i] = rng.real(treated.0, treated.1);
            if *measure == Measure::Creatinine {
                self.start[i] = creatinine_for(self.start[i], person);
                self.goal[i] = creatinine_for(self.goal[i], person);
            }
            self.now[i] = self.start[i];
        }
    }

    /// An illness that has been treated for years.
    pub(super) fn long_treated(&mut self, story: &Story, person: &Person, rng: &mut Rng) {
        self.fall_ill(story, person, rng);
        for Drive(measure, ..) in story.drives {
            let i = *measure as usize;
            self.now[i] = self.goal[i];
            self.start[i] = self.goal[i];
        }
        self.now[Measure::WeightGain as usize] = 0.0;
        self.goal[Measure::WeightGain as usize] = 0.0;
    }

    pub(super) fn advance(&mut self, worse: bool) {
        for i in 0..MEASURES {
            let toward =
                if worse { (self.start[i] - self.now[i]) * SETBACK } else { (self.goal[i] - self.now[i]) * GAIN };
            self.now[i] += toward;
        }
    }

    /// Straight from start to goal, for what follows a calendar (pregnancy). `share` runs from 0 to 1.
    pub(super) fn reach(&mut self, share: f64) {
        for i in 0..MEASURES {
            self.now[i] = self.start[i] + (self.goal[i] - self.start[i]) * share;
        }
    }

    /// Whether the measure that defines the story has come close to its goal.
    pub(super) fn mostly_treated(&self, story: &Story) -> bool {
        story.drives.first().is_none_or(|Drive(measure, ..)| {
            let i = *measure as usize;
            (self.now[i] - self.goal[i]).abs() <= (self.start[i] - self.goal[i]).abs() * CONTROLLED
        })
    }

    pub(super) fn read(&self, person: &Person, day: Day, fever: f64, rng: &mut Rng) -> Reading {
        let mut values = self.now;
        for (i, value) in values.iter_mut().enumerate() {
            *value = (*value + rng.noise(SPREAD[i])).max(0.0);
        }
        let at = |m: Measure| m as usize;
        values[at(Measure::Celsius)] += fever;
        values[at(Measure::Pulse)] += fever * 9.0;
        values[at(Measure::Saturation)] = values[at(Measure::Saturation)].min(100.0);
        values[at(Measure::Phq9)] = values[at(Measure::Phq9)].min(27.0);
        values[at(Measure::Gad7)] = values[at(Measure::Gad7)].min(21.0);
        values[at(Measure::AuditC)] = values[at(Measure::AuditC)].min(12.0);
        values[at(Measure::Pain)] = values[at(Measure::Pain)].min(10.0);
        let gain = self.now[at(Measure::WeightGain)];
        let weight = person.weight_at(day) + gain + rng.noise(if person.age < 14 { 0.05 } else { 0.3 });
        Reading { values, weight: tenth(weight), height: tenth(person.height_at(day)) }
    }
}

/// The measurement noise of each [`Measure`], in its order.
const SPREAD: [f64; MEASURES] = [
    2.6, 1.8, 2.2, 0.6, 0.4, 0.12, 0.0, 0.08, 4.0, 1.6, 9.0, 0.14, 0.05, 0.02, 0.2, 2.2, 2.0, 0.0, 24.0, 0.7, 0.7, 0.4,
    0.4, 0.8,
];

fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

impl Reading {
    pub(super) fn get(&self, measure: Measure) -> f64 {
        self.values[measure as usize]
    }

    pub(super) fn set(&mut self, measure: Measure, value: f64) {
        self.values[measure as usize] = value;
    }

    pub(super) fn whole(&self, measure: Measure) -> i64 {
        self.get(measure).round() as i64
    }

    pub(super) fn bmi(&self) -> f64 {
        let meters = self.height / 100.0;
        self.weight / (meters * meters)
    }

    pub(super) fn egfr(&self, female: bool, age: i32) -> f64 {
        egfr((self.get(Measure::Creatinine) * 100.0).round() / 100.0, female, age)
    }
}

/// CKD-EPI 2021 (Inker et al., NEJM 2021), without race, in mL/min/1.73 m². Its exponents are reached by roots, so
/// that every platform gets the same digits; −0.241 is taken as −0.24 and −0.302 as −0.30.
fn egfr(creatinine: f64, female: bool, age: i32) -> f64 {
    let (kappa, sex) = if female { (0.7, 1.012) } else { (0.9, 1.0) };
    let ratio = creatinine / kappa;
    let low = ratio.min(1.0);
    let below =
        if female { fifth_root(low) * twenty_fifth_root(low) } else { fifth_root(low) * fifth_root(low.sqrt()) };
    let high = ratio.max(1.0);
    let above = high * fifth_root(high);
    let mut aging = 1.0;
    for _ in 0..age {
        aging *= 0.9938;
    }
    142.0 / below / above * aging * sex
}

/// The creatinine, in mg/dL, whose estimate is `target`.
fn creatinine_for(target: f64, person: &Person) -> f64 {
    let (mut low, mut high) = (0.3, 4.0);
    for _ in 0..30 {
        let middle = (low + high) / 2.0;
        if egfr(middle, person.female, person.age) > target { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

/// Newton's method; exact to the last digits for the ratios of laboratory values.
fn fifth_root(x: f64) -> f64 {
    let mut y = 1.0;
    for _ in 0..40 {
        let fourth = y * y * y * y;
        y -= (y * fourth - x) / (5.0 * fourth);
    }
    y
}

fn twenty_fifth_root(x: f64) -> f64 {
    fifth_root(fifth_root(x))
}

#[cfg(test)]
mod tests {
    use super::egfr;

    #[test]
    fn egfr_agrees_with_published_ckd_epi_2021_values() {
        // Creatinine, female, age and the estimate of the NKF calculator.
        for (creatinine, female, age, expected) in
            [(1.0, false, 50, 92.0), (1.5, false, 65, 51.0), (0.6, true, 30, 124.0), (1.3, true, 70, 44.0)]
        {
            assert!((egfr(creatinine, female, age) - expected).abs() < 1.0, "{}", egfr(creatinine, female, age));
        }
    }
}
