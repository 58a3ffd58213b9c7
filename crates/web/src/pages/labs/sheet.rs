//! The flowsheet of laboratory tests: a test a row, times across; and which of them have a course that can be drawn.

use fhir::Json;
use jiff::tz::TimeZone;

use crate::clinic::day;
use crate::clinic::names::Names;
use crate::clinic::plot::{Axis, Ends, Plot, Reading, Span};
use crate::clinic::read::{LOINC, all, text, words};
use crate::clinic::time;
use crate::clinic::value;
use crate::pages::vitals::sheet::{Time, taken};

pub struct Test {
    key: String,
    pub name: String,
    /// Of the latest value, as its laboratory gave it: `4.0–5.6`.
    pub range: String,
    /// Newest first.
    pub readings: Vec<Reading>,
    /// The unit that the course is drawn in, as people write it; none where there is no course.
    course: Option<Course>,
}

struct Course {
    unit: String,
    band: Ends,
    range: String,
}

pub struct Sheet {
    /// By name.
    pub tests: Vec<Test>,
    /// Newest first.
    pub times: Vec<Time>,
}

impl Sheet {
    /// Of Observations, newest first.
    pub fn of(resources: &[Json<'_>], names: &Names, zone: &TimeZone) -> Self {
        let mut tests: Vec<(Test, Vec<&Json<'_>>)> = Vec::new();
        let mut times: Vec<Time> = Vec::new();
        for one in resources.iter().filter(|one| !value::is_void(one)) {
            let Some(when) = taken(one) else { continue };
            let (Some(key), Some(at_ms)) = (key(one), time::instant_ms(when)) else { continue };
            let at = tests.iter().position(|(test, _)| test.key == key).unwrap_or_else(|| {
                tests.push((Test::of(key, one), Vec::new()));
                tests.len() - 1
            });
            tests[at].0.readings.push(read(one, (when, at_ms), zone));
            tests[at].1.push(one);
            let at = times.iter().position(|time| time.holds(at_ms)).unwrap_or_else(|| {
                times.push(Time::new(when, at_ms, zone));
                times.len() - 1
            });
            if times[at].by.is_empty() {
                times[at].by = names.first(one, "performer").unwrap_or_default();
            }
        }
        times.sort_by_key(|time| std::cmp::Reverse(time.at_minute()));
        let mut tests: Vec<Test> = tests.into_iter().map(|(test, all)| test.with_course(&all)).collect();
        tests.sort_by_cached_key(|test| test.name.to_lowercase());
        Self { tests, times }
    }

    /// Tests with a course: those whose latest value is marked first, then what was measured last.
    pub fn courses(&self) -> Vec<&Test> {
        let mut courses: Vec<&Test> = self.tests.iter().filter(|test| test.course.is_some()).collect();
        let latest = |test: &Test| test.readings.first().map(|one| (one.flag.is_none(), std::cmp::Reverse(one.at_ms)));
        courses.sort_by_key(|test| latest(test));
        courses
    }
}

impl Test {
    fn of(key: String, latest: &Json<'_>) -> Self {
        let name = latest.get("code").and_then(words).unwrap_or_else(|| "Test without a name".to_owned());
        Self { key, name, range: value::range(latest), readings: Vec::new(), course: None }
    }

    /// In the unit of the newest values that are two at least; what is in another one keeps its place in the tables alone.
    fn with_course(mut self, all: &[&Json<'_>]) -> Self {
        let count = |unit: &str| self.readings.iter().filter(|one| !one.numbers.is_empty() && one.unit == unit).count();
        let newest = self.readings.iter().position(|one| !one.numbers.is_empty() && count(&one.unit) > 1);
        let Some(newest) = newest else { return self };
        let unit = self.readings[newest].unit.clone();
        self.readings.iter_mut().filter(|one| one.unit != unit).for_each(|one| one.numbers.clear());
        self.course = Some(Course {
            unit: self.readings[newest].value.unit.trim().to_owned(),
            band: (bound(all[newest], "low"), bound(all[newest], "high")),
            range: value::range(all[newest]),
        });
        self
    }

    pub fn plot(&self, span: Span, zone: &TimeZone) -> Option<Plot<'_>> {
        let Course { unit, band, range } = self.course.as_ref()?;
        let band_words = format!("Shaded: the reference range of the latest value, {range} {unit}");
        let axis = Axis { name: &self.name, unit, lines: 1, parts: Vec::new(), bands: vec![*band], band_words };
        Plot::of(&axis, &self.readings, |number| number, span, zone)
    }
}

/// An end of the range, where it is in the unit of the value.
fn bound(one: &Json<'_>, end: &str) -> Option<f64> {
    let end = all(one, "referenceRange").first()?.get(end)?;
    let of_value = one.get("valueQuantity").and_then(|quantity| text(quantity, "code"));
    let is_other = text(end, "code").zip(of_value).is_some_and(|(its, own)| its != own);
    end.get("value")?.as_number()?.parse().ok().filter(|_| !is_other)
}

fn read(one: &Json<'_>, (when, at_ms): (&str, i64), zone: &TimeZone) -> Reading {
    let quantity = one.get("valueQuantity");
    let unit = quantity.and_then(|quantity| text(quantity, "code").or_else(|| text(quantity, "unit")));
    // "Less than 0.5" is no place on an axis.
    let is_exact = quantity.is_some_and(|quantity| quantity.get("comparator").is_none());
    let numbers = if is_exact { value::numbers(one) } else { Vec::new() };
    let flag = value::flag(one);
    Reading {
        at_ms,
        when: day::moment_of(when, zone),
        flags: vec![flag; numbers.len()],
        numbers,
        unit: unit.unwrap_or_default().to_owned(),
        value: value::of(one),
        flag,
    }
}

/// By its LOINC code, else the first, else the words.
fn key(one: &Json<'_>) -> Option<String> {
    let concept = one.get("code")?;
    let codings = all(concept, "coding");
    let loinc = codings.iter().find(|coding| text(coding, "system") == Some(LOINC));
    let code = loinc.or(codings.first()).and_then(|coding| text(coding, "code"));
    code.map(str::to_owned).or_else(|| words(concept))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn observation(day: &str, quantity: &str, more: &str) -> String {
        format!(
            r#"{{"status":"final","code":{{"text":"Creatinine","coding":[{{"system":"{LOINC}","code":"2160-0"}}]}},
            "effectiveDateTime":"{day}","valueQuantity":{{{quantity}}}{more}}}"#
        )
    }

    #[test]
    fn a_course_is_of_one_unit_and_of_exact_values() {
        let range = r#","referenceRange":[{"low":{"value":0.6},"high":{"value":1.2}}]"#;
        let texts = [
            observation("2026-12-01", r#""value":97,"code":"umol/L""#, ""),
            observation("2026-11-01", r#""value":1.3,"code":"mg/dL""#, range),
            observation("2026-10-01", r#""value":0.3,"code":"mg/dL","comparator":"<""#, range),
            observation("2026-09-01", r#""value":1.1,"code":"mg/dL""#, range),
            observation("2026-08-01", r#""value":1.1,"code":"mg/dL""#, range).replace("final", "entered-in-error"),
        ];
        let held: Vec<Json<'_>> = texts.iter().map(|text| Json::parse_str(text).unwrap()).collect();
        let sheet = Sheet::of(&held, &Names::default(), &TimeZone::UTC);
        let [test] = &sheet.tests[..] else { panic!("one test") };
        assert_eq!((test.readings.len(), sheet.times.len()), (4, 4));
        let span = Span::of(std::iter::once(&test.readings[..]), 40, time::instant_ms("2026-12-31").unwrap());
        let plot = test.plot(span, &TimeZone::UTC).unwrap();
        let drawn: Vec<bool> = plot.rows.iter().map(|row| row.is_drawn).collect();
        assert_eq!((plot.axis.as_str(), &drawn[..]), ("Creatinine (mg/dL)", &[false, true, false, true][..]));
        assert!(plot.bands.len() == 1 && plot.band_words.unwrap().ends_with("0.6–1.2 mg/dL"));
        let [ref left_out, ref high, ..] = plot.rows[..] else { panic!("four rows") };
        assert_eq!((high.when, high.said.as_str(), high.class), ("01-Nov-2026", "1.3 mg/dL, high", "up"));
        assert!(left_out.said.ends_with("(not drawn)"), "{}", left_out.said);
    }

    #[test]
    fn one_value_is_no_course() {
        let texts = [
            observation("2026-12-01", r#""value":97,"code":"umol/L""#, ""),
            observation("2026-11-01", r#""value":1.3,"code":"mg/dL""#, ""),
        ];
        let held: Vec<Json<'_>> = texts.iter().map(|text| Json::parse_str(text).unwrap()).collect();
        assert!(Sheet::of(&held, &Names::default(), &TimeZone::UTC).courses().is_empty());
    }
}
