//! The form of one set: what was typed stays as it was typed, with what is wrong or doubtful beside it.

use identity::Session;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::client::Asked;
use crate::clinic::day::{self, Day};
use crate::clinic::time;
use crate::clinic::token;
use crate::clinic::vitals::limits::{self, Age, Before, Doubt};
use crate::clinic::vitals::{Measure, Mistyped, Typed, Unit, bmi, echoed, rounded};
use crate::forms::Form;

/// The units that somebody last typed in, by measure: no value, no patient. In the browser, under the number of the account, so
/// that the next person at the same workstation begins with their own.
pub const UNITS_COOKIE: &str = "__Host-wardstone-units";
/// Clocks differ.
const AHEAD_MS_MAX: i64 = 2 * 60_000;

pub struct Entry {
    /// Names this set, so that a form sent twice is one set.
    pub token: String,
    pub day: String,
    pub clock: String,
    pub is_reported: bool,
    pub fields: Vec<Field>,
    /// When it was measured, in milliseconds.
    pub at_ms: i64,
    /// Refused: field, and why.
    pub slips: Vec<Word>,
    /// Possible and unlikely: asked once.
    pub doubts: Vec<Word>,
}

pub struct Field {
    pub measure: Measure,
    pub text: String,
    pub unit: &'static Unit,
    pub typed: Option<Typed>,
}

pub struct Word {
    pub field: &'static str,
    pub words: String,
}

impl Entry {
    pub fn blank(asked: &Asked<'_>, session: &Session) -> Self {
        let now_ms = asked.web.record().now_ms();
        let units = remembered(asked, session);
        let field = |measure: Measure| {
            let held = units.iter().find(|name| measure.units().iter().any(|unit| unit.name == *name));
            let unit = measure.unit(held.map_or("", String::as_str));
            Field { measure, text: String::new(), unit, typed: None }
        };
        Self {
            token: token::fresh(asked),
            day: Day::of(now_ms, asked.web.zone()).iso(),
            clock: day::clock(now_ms, asked.web.zone()),
            is_reported: false,
            fields: Measure::TYPED.map(field).into(),
            at_ms: now_ms,
            slips: Vec::new(),
            doubts: Vec::new(),
        }
    }

    pub fn read(asked: &Asked<'_>, form: &Form) -> Self {
        let mut slips = Vec::new();
        let mut fields = Vec::with_capacity(Measure::TYPED.len());
        for measure in Measure::TYPED {
            let unit = measure.unit(form.text(&format!("{}-unit", measure.name())));
            let text = form.text(measure.name()).to_owned();
            let typed = measure.typed(&text, unit).unwrap_or_else(|why| {
                slips.push(Word { field: measure.name(), words: said(measure, unit, &why) });
                None
            });
            fields.push(Field { measure, text, unit, typed });
        }
        Self {
            token: token::sent(asked, form),
            day: form.text("day").to_owned(),
            clock: form.text("clock").to_owned(),
            is_reported: form.text("reported") == "yes",
            fields,
            at_ms: 0,
            slips,
            doubts: Vec::new(),
        }
    }

    /// Looks at the set as a whole: what it says of this patient, at this age, after what was measured before.
    pub fn weigh(&mut self, birth: Option<&str>, before: Before, now_ms: i64, zone: &TimeZone) {
        match moment(&self.day, &self.clock, zone) {
            None => self.slip("day", "Say when it was measured: a day, and a time such as 14:05."),
            Some(at_ms) if at_ms > now_ms + AHEAD_MS_MAX => {
                self.slip("day", "The time of measurement is still to come.")
            }
            Some(at_ms) if birth.and_then(time::instant_ms).is_some_and(|born_ms| at_ms + DAY_MS < born_ms) => {
                self.slip("day", "The time of measurement is before the patient was born.");
            }
            Some(at_ms) => self.at_ms = at_ms,
        }
        let (above, below) = (self.typed(Measure::Systolic), self.typed(Measure::Diastolic));
        match (above, below, self.text(Measure::Systolic), self.text(Measure::Diastolic)) {
            (Some(above), Some(below), ..) if above <= below => {
                self.slip("systolic", "The systolic pressure must be above the diastolic: are they exchanged?");
            }
            (Some(_), _, _, "") => self.slip("diastolic", "Type the diastolic pressure too, or leave both out."),
            (_, Some(_), "", _) => self.slip("systolic", "Type the systolic pressure too, or leave both out."),
            _ => {}
        }
        if self.slips.is_empty() && self.fields.iter().all(|field| field.typed.is_none()) {
            self.slip("systolic", "Nothing was typed. Type at least one value.");
        }
        let age = birth.and_then(|birth| Age::at(birth, Day::of(self.at_ms.max(1), zone).date()));
        let mut doubts = Vec::new();
        for field in &self.fields {
            let Some(typed) = &field.typed else { continue };
            if let Some(doubt) = limits::doubt(field.measure, age, typed.canonical, before) {
                doubts.push(Word { field: field.measure.name(), words: field.doubted(doubt, age, before) });
            }
        }
        if let (Some(weight), Some(height)) = (self.typed(Measure::Weight), self.typed(Measure::Height))
            && let Some(_) = limits::proportions(age, weight, height)
        {
            let words = format!(
                "Weight and height make a BMI of {} kg/m². Are the units right, and the two not exchanged?",
                rounded(bmi(weight, height), 1)
            );
            doubts.push(Word { field: Measure::Height.name(), words });
        }
        self.doubts = doubts;
    }

    fn slip(&mut self, field: &'static str, words: &str) {
        self.slips.push(Word { field, words: words.to_owned() });
    }

    pub fn typed(&self, measure: Measure) -> Option<f64> {
        Some(self.field(measure)?.typed.as_ref()?.canonical)
    }

    pub fn field(&self, measure: Measure) -> Option<&Field> {
        self.fields.iter().find(|field| field.measure == measure)
    }

    /// As templates ask.
    pub fn shown(&self, measure: &Measure) -> Option<&Field> {
        self.field(*measure)
    }

    fn text(&self, measure: Measure) -> &str {
        self.field(measure).map_or("", |field| field.text.trim())
    }

    /// What is confirmed with the doubts: exactly these values. Another value is asked for again.
    pub fn confirmation(&self) -> String {
        let doubted =
            self.fields.iter().filter(|field| self.doubts.iter().any(|one| one.field == field.measure.name()));
        let said = doubted.map(|field| format!("{} {}{}", field.measure.name(), field.text.trim(), field.unit.name));
        said.collect::<Vec<_>>().join(", ")
    }

    pub fn slip_of(&self, name: &str) -> Option<&str> {
        self.slips.iter().find(|slip| slip.field == name).map(|slip| slip.words.as_str())
    }

    pub fn is_doubted(&self, name: &str) -> bool {
        self.doubts.iter().any(|doubt| doubt.field == name)
    }

    /// From both, where both are there.
    pub fn bmi(&self) -> Option<String> {
        let (weight, height) = (self.typed(Measure::Weight)?, self.typed(Measure::Height)?);
        Some(rounded(bmi(weight, height), 1))
    }

    /// The cookie that remembers the units.
    pub fn units(&self, session: &Session) -> String {
        let chosen = self.fields.iter().map(|field| field.unit.name).filter(|name| !name.is_empty());
        format!("{}.{}", session.user.0, chosen.collect::<Vec<_>>().join("."))
    }
}

const DAY_MS: i64 = 86_400_000;

impl Field {
    /// The same in the other unit.
    pub fn echo(&self) -> Option<String> {
        echoed(self.measure, self.unit, self.typed.as_ref()?.canonical)
    }

    fn doubted(&self, doubt: Doubt, age: Option<Age>, before: Before) -> String {
        let (measure, unit, text) = (self.measure, self.unit, self.text.trim());
        let (name, shown) = (measure.words(), unit.shown);
        let also = self.echo().map_or_else(String::new, |echo| format!(" ({echo})"));
        let held = |canonical: f64| format!("{} {shown}", rounded(unit.of_canonical(canonical), 1));
        match doubt {
            Doubt::WeightChanged { percent } => {
                let (last, way) = (before.weight.unwrap_or_default(), if percent > 0.0 { "more" } else { "less" });
                format!("{name} {text} {shown}{also} is {:.0} % {way} than the last, {}.", percent.abs(), held(last))
            }
            Doubt::HeightChanged { .. } => {
                let last = before.height.unwrap_or_default();
                format!("{name} {text} {shown}{also} differs from the last, {}.", held(last))
            }
            Doubt::Unusual | Doubt::Proportions => {
                let band = limits::likely(measure, age);
                let range = match (band.low.map(held), band.high.map(held)) {
                    (Some(low), Some(high)) => format!("{low} to {high}"),
                    (Some(low), None) => format!("{low} and more"),
                    (None, Some(high)) => format!("{high} and less"),
                    (None, None) => String::new(),
                };
                format!("{name} {text} {shown}{also} is unusual at this age: asked about is what lies outside {range}.")
            }
        }
    }
}

fn said(measure: Measure, unit: &Unit, why: &Mistyped) -> String {
    let name = measure.words();
    match why {
        Mistyped::NoNumber => format!("{name} must be a number, such as {}.", example(measure, unit)),
        Mistyped::TooFine { decimals: 0 } => format!("{name} is a whole number."),
        Mistyped::TooFine { decimals } => format!("{name} has at most {decimals} digits behind the point."),
        Mistyped::Impossible { low, high } => {
            format!("{name} cannot be that: type a value from {low} to {high} {}, or choose another unit.", unit.shown)
                .replace(
                    ", or choose another unit",
                    if measure.units().len() > 1 { ", or choose another unit" } else { "" },
                )
        }
    }
}

fn example(measure: Measure, unit: &Unit) -> &'static str {
    match (measure, unit.name) {
        (Measure::Systolic, _) => "120",
        (Measure::Temperature, "F") => "98.6",
        (Measure::Temperature, _) => "37.0",
        (Measure::Weight, "lb") => "165",
        (Measure::Height, "in") => "66.5",
        (Measure::Height, _) => "169",
        (Measure::Breaths, _) => "16",
        (Measure::Saturation, _) => "98",
        (Measure::Pain, _) => "3",
        _ => "75",
    }
}

/// When the clinic's clock shows this.
fn moment(day: &str, clock: &str, zone: &TimeZone) -> Option<i64> {
    let day = Day::parse(day.trim(), zone)?;
    let (hour, minute) = clock.trim().get(..5)?.split_once(':')?;
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then(|| day.at_minute(hour * 60 + minute))
}

/// As FHIR writes it, with the clinic's offset: read anywhere it shows the clock of the place where it was measured.
pub fn written(ms: i64, zone: &TimeZone) -> String {
    let at = Timestamp::from_millisecond(ms).unwrap_or_default().to_zoned(zone.clone());
    at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

fn remembered(asked: &Asked<'_>, session: &Session) -> Vec<String> {
    let mut parts = asked.cookie(UNITS_COOKIE).unwrap_or_default().split('.').map(str::to_owned);
    if parts.next() != Some(session.user.0.to_string()) { Vec::new() } else { parts.collect() }
}
