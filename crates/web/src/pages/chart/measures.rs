//! What was measured: vital signs with their course, and laboratory results with ranges and flags.

use fhir::Json;

use super::reading::Reading;
use super::spark::{Point, Spark};
use crate::clinic::read::{LOINC, all, text, words};
use crate::clinic::time;
use crate::clinic::value::{self, Flag, Value};
use crate::pages::vitals::sheet::Compared;

/// In the order in which they are read, with the name that people say (LOINC: vital signs panel 85353-1).
const VITALS: [(&[&str], &str); 10] = [
    (&["85354-9"], "Blood pressure"),
    (&["8867-4"], "Heart rate"),
    (&["9279-1"], "Respiratory rate"),
    (&["8310-5"], "Temperature"),
    (&["59408-5", "2708-6"], "SpO₂"),
    (&["29463-7"], "Weight"),
    (&["8302-2"], "Height"),
    (&["39156-5"], "BMI"),
    (&["9843-4", "8289-1"], "Head circumference"),
    (&["59576-9"], "BMI percentile"),
];
/// Results shown at once; the rest is behind a fold.
const RESULTS_SHOWN: usize = 20;

/// Vital signs that the latest readings do not hold, by code: measured rarely, and not to be missed for that.
pub fn rare(observations: &[Json<'_>]) -> Vec<&'static str> {
    let held: Vec<String> = observations.iter().filter_map(key).collect();
    let missing = VITALS.iter().filter(|(codes, _)| !codes.iter().any(|code| held.iter().any(|key| key == code)));
    missing.flat_map(|(codes, _)| codes.iter().copied()).collect()
}

/// What people call a vital sign.
pub fn vital_name(observation: &Json<'_>) -> Option<&'static str> {
    let key = key(observation)?;
    VITALS.iter().find(|(codes, _)| codes.contains(&key.as_str())).map(|(_, name)| *name)
}

/// When the oldest of them was taken.
pub fn oldest_ms(observations: &[Json<'_>]) -> Option<i64> {
    observations.iter().filter_map(|one| time::instant_ms(taken(one)?)).min()
}

/// One measure: its latest value, and the ones before.
pub struct Measure {
    pub name: String,
    pub value: Value,
    pub flag: Option<Flag>,
    pub range: String,
    pub when: String,
    pub source: String,
    /// Of the value before; empty for none.
    pub before: String,
    pub spark: Option<Spark>,
    /// `new` or `changed` since one last looked: one of the values.
    pub news: Option<&'static str>,
    /// The report of the latest value, where nobody acknowledged it.
    pub report: Option<String>,
}

pub struct Results {
    pub shown: Vec<Measure>,
    pub further: Vec<Measure>,
    pub out_of_range: usize,
    /// Where all that is shown comes from; none where they differ, and then each says it.
    pub source: Option<String>,
}

/// Observations of one code, newest first.
struct Series<'j, 'a> {
    key: String,
    all: Vec<&'j Json<'a>>,
}

/// Compared and flagged as on the flowsheet: in the units of the measures, by what is expected at the age.
pub fn vitals(
    observations: &[Json<'_>],
    birth: Option<&str>,
    reading: &Reading<'_>,
    from_ms: i64,
    now_ms: i64,
) -> Vec<Measure> {
    let mut measures: Vec<(usize, Measure)> = series(observations)
        .iter()
        .map(|series| {
            let rank = VITALS.iter().position(|(codes, _)| codes.contains(&series.key.as_str()));
            let mut measure = Measure::of(series, reading);
            if let Some(rank) = rank {
                measure.name = VITALS[rank].1.to_owned();
            }
            let points: Vec<Point> = series.all.iter().filter_map(|one| Point::of(one, birth, reading)).collect();
            let latest = series.all.first().and_then(|one| Some((*one, taken(one)?)));
            if let Some((latest, when)) = latest {
                measure.flag = Compared::of(latest, when, birth).flag;
            }
            measure.spark = Spark::of(&measure.name, &points, from_ms, now_ms);
            (rank.unwrap_or(VITALS.len()), measure)
        })
        .collect();
    measures.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.name.cmp(&b.1.name)));
    measures.into_iter().map(|(_, measure)| measure).collect()
}

/// The latest of each test: what is out of range first, then by date.
pub fn results(observations: &[Json<'_>], reading: &Reading<'_>) -> Results {
    let grouped = series(observations);
    let mut measures: Vec<(u8, &str, Measure)> = grouped
        .iter()
        .map(|series| {
            let measure = Measure::of(series, reading);
            let rank = match measure.flag.map(|flag| flag.class) {
                Some("critical") => 0,
                Some(_) => 1,
                None => 2,
            };
            (rank, series.all.first().and_then(|one| taken(one)).unwrap_or_default(), measure)
        })
        .collect();
    measures.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| b.1.cmp(a.1)).then_with(|| a.2.name.cmp(&b.2.name)));
    let out_of_range = measures.iter().filter(|(rank, ..)| *rank < 2).count();
    let mut shown: Vec<Measure> = measures.into_iter().map(|(_, _, measure)| measure).collect();
    let source = shown.first().map(|first| first.source.clone()).filter(|source| !source.is_empty());
    let source = source.filter(|source| shown.iter().all(|measure| measure.source == *source));
    if source.is_some() {
        shown.iter_mut().for_each(|measure| measure.source.clear());
    }
    let further = shown.split_off(shown.len().min(RESULTS_SHOWN.max(out_of_range)));
    Results { shown, further, out_of_range, source }
}

impl Measure {
    fn of(series: &Series<'_, '_>, reading: &Reading<'_>) -> Self {
        let Some(latest) = series.all.first() else { return Self::nothing() };
        let by = reading.names.first(latest, "performer");
        Self {
            name: latest.get("code").and_then(words).unwrap_or_else(|| "Measure without a name".to_owned()),
            value: value::of(latest),
            flag: value::flag(latest),
            range: value::range(latest),
            when: taken(latest).map(|at| reading.day(at)).unwrap_or_default(),
            source: by.unwrap_or_default(),
            before: series.all.get(1).map(|one| value::of(one).text).unwrap_or_default(),
            spark: None,
            news: series.all.iter().find_map(|one| reading.news(one)),
            report: reading.report(latest),
        }
    }

    fn nothing() -> Self {
        Self {
            name: String::new(),
            value: Value::default(),
            flag: None,
            range: String::new(),
            when: String::new(),
            source: String::new(),
            before: String::new(),
            spark: None,
            news: None,
            report: None,
        }
    }
}

/// By the first code that is known here, else the first, else the words; in the order given. Mistakes are left out.
fn series<'j, 'a>(observations: &'j [Json<'a>]) -> Vec<Series<'j, 'a>> {
    let mut series: Vec<Series<'j, 'a>> = Vec::new();
    for one in observations {
        if value::is_void(one) {
            continue;
        }
        let Some(key) = key(one) else { continue };
        match series.iter_mut().find(|held| held.key == key) {
            Some(held) => held.all.push(one),
            None => series.push(Series { key, all: vec![one] }),
        }
    }
    series
}

fn key(observation: &Json<'_>) -> Option<String> {
    let concept = observation.get("code")?;
    let loinc = || all(concept, "coding").iter().filter(|coding| text(coding, "system") == Some(LOINC));
    let known = loinc().filter_map(|coding| text(coding, "code")).find_map(|code| {
        let (codes, _) = VITALS.iter().find(|(codes, _)| codes.contains(&code))?;
        codes.first().copied()
    });
    let first = || all(concept, "coding").iter().find_map(|coding| text(coding, "code"));
    known.or_else(first).map(str::to_owned).or_else(|| words(concept))
}

/// When it was taken, not when it was written.
pub fn taken<'j>(observation: &'j Json<'_>) -> Option<&'j str> {
    text(observation, "effectiveDateTime")
        .or_else(|| text(observation.get("effectivePeriod")?, "start"))
        .or_else(|| text(observation, "effectiveInstant"))
        .or_else(|| text(observation, "issued"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clinic::names::Names;

    fn observation(code: &str, day: &str, value: &str, more: &str) -> String {
        format!(
            r#"{{"status":"final","code":{{"text":"{code}","coding":[{{"system":"{LOINC}","code":"{code}"}}]}},
            "effectiveDateTime":"{day}","valueQuantity":{{"value":{value},"unit":"kg","code":"kg"}}{more}}}"#
        )
    }

    fn parsed(texts: &[String]) -> Vec<Json<'_>> {
        texts.iter().filter_map(|text| Json::parse_str(text).ok()).collect()
    }

    #[test]
    fn the_latest_of_each_measure_is_shown_with_the_one_before() {
        let texts = [
            observation("29463-7", "2026-11-02", "83.4", ""),
            observation("8867-4", "2026-11-02", "78", ""),
            observation("29463-7", "2026-05-02", "81.0", ""),
        ];
        let now_ms = time::instant_ms("2026-11-22").unwrap_or_default();
        let vitals =
            vitals(&parsed(&texts), None, &Reading::plain(&Names::default()), now_ms - 365 * 86_400_000, now_ms);
        let said: Vec<_> = vitals.iter().map(|m| (m.name.as_str(), m.value.text.as_str(), m.before.as_str())).collect();
        assert_eq!(said, [("Heart rate", "78", ""), ("Weight", "83.4", "81.0")]);
        assert!(vitals[1].spark.is_some() && vitals[0].spark.is_none());
    }

    #[test]
    fn a_course_in_mixed_units_is_drawn_in_one() {
        let in_unit = |text: String, unit: &str| text.replace(r#""code":"kg""#, &format!(r#""code":"{unit}""#));
        let texts = [
            in_unit(observation("8310-5", "2026-11-20", "98.6", ""), "[degF]"),
            in_unit(observation("8310-5", "2026-11-10", "37", ""), "Cel"),
            in_unit(observation("8310-5", "2026-10-20", "98.6", ""), "[degF]"),
            in_unit(observation("8302-2", "2026-11-20", "177.8", ""), "cm"),
            in_unit(observation("8302-2", "2026-11-10", "70", ""), "[in_i]"),
        ];
        let now_ms = time::instant_ms("2026-11-22").unwrap_or_default();
        let names = Names::default();
        let vitals = vitals(&parsed(&texts), None, &Reading::plain(&names), now_ms - 365 * 86_400_000, now_ms);
        for measure in vitals {
            let lines = measure.spark.map(|spark| spark.lines).unwrap_or_default();
            let heights: Vec<f64> = lines
                .iter()
                .flat_map(|line| line.split(' '))
                .filter_map(|at| at.split_once(',')?.1.parse().ok())
                .collect();
            let is_level = heights.iter().all(|height| (height - heights[0]).abs() < 0.1);
            assert!(heights.len() > 1 && is_level, "{}: {lines:?}", measure.name);
        }
    }

    #[test]
    fn a_vital_sign_is_flagged_by_the_age_and_by_its_maker_before_that() {
        let pressure = |more: &str| {
            let part = |code: &str, value: &str| {
                format!(
                    r#"{{"code":{{"coding":[{{"system":"{LOINC}","code":"{code}"}}]}},"valueQuantity":{{"value":{value},"code":"mm[Hg]"}}}}"#
                )
            };
            let parts = [part("8480-6", "172"), part("8462-4", "98")].join(",");
            format!(
                r#"{{"status":"final","code":{{"coding":[{{"system":"{LOINC}","code":"85354-9"}}]}},
                "effectiveDateTime":"2026-11-20","component":[{parts}]{more}}}"#
            )
        };
        let low = r#","interpretation":[{"coding":[{"code":"L"}]}]"#;
        let names = Names::default();
        for (birth, more, word) in
            [(Some("1968-07-14"), "", Some("high")), (Some("1968-07-14"), low, Some("low")), (None, "", None)]
        {
            let texts = [pressure(more), pressure(more).replace("2026-11-20", "2026-11-10")];
            let vitals = vitals(&parsed(&texts), birth, &Reading::plain(&names), 0, i64::MAX / 2);
            let said: Vec<_> = vitals.iter().map(|measure| measure.flag.map(|flag| flag.word)).collect();
            assert_eq!(said, [word]);
            let listed = vitals.iter().filter_map(|measure| measure.spark.as_ref()).flat_map(|spark| &spark.readings);
            assert_eq!(listed.map(|one| one.flag.map(|flag| flag.word)).collect::<Vec<_>>(), [word, word]);
        }
    }

    #[test]
    fn what_is_out_of_range_comes_first_and_mistakes_do_not_come() {
        let high = r#","interpretation":[{"coding":[{"code":"H"}]}]"#;
        let texts = [
            observation("a", "2026-11-20", "1", ""),
            observation("b", "2026-11-01", "2", high),
            observation("c", "2026-11-21", "3", "").replace("final", "entered-in-error"),
        ];
        let results = results(&parsed(&texts), &Reading::plain(&Names::default()));
        let said: Vec<_> = results.shown.iter().map(|measure| measure.name.as_str()).collect();
        assert_eq!((said, results.out_of_range), (vec!["b", "a"], 1));
    }
}
