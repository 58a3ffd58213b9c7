//! The matcher against a slow evaluation written apart from it, over the published synthetic patients.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use wardstone_fhir::Json;
use wardstone_fhir::search::{HeadMeta, Keyword, Problem, Query, SearchValues, extract, keywords};

use crate::search::{NOW_MS, OPTIONS};
use crate::search_keywords::Rng;

const PER_TYPE_MAX: usize = 300;
const QUERIES: usize = 1_500;

struct Held {
    value: Value,
    values: SearchValues,
    keywords: Vec<Keyword>,
}

/// Type, code, kind, dotted path to the element.
const LOOKED_AT: &[(&str, &str, &str, &str)] = &[
    ("Patient", "family", "string", "name.family"),
    ("Patient", "given", "string", "name.given"),
    ("Patient", "address-city", "string", "address.city"),
    ("Patient", "gender", "code", "gender"),
    ("Patient", "birthdate", "date", "birthDate"),
    ("Patient", "identifier", "identifier", "identifier"),
    ("Observation", "code", "concept", "code"),
    ("Observation", "category", "concept", "category"),
    ("Observation", "status", "code", "status"),
    ("Observation", "date", "period", "effectiveDateTime|effectivePeriod"),
    ("Observation", "value-quantity", "quantity", "valueQuantity"),
    ("Observation", "subject", "reference", "subject"),
    ("Observation", "encounter", "reference", "encounter"),
    ("Encounter", "date", "period", "period"),
    ("Encounter", "type", "concept", "type"),
    ("Encounter", "class", "coding", "class"),
    ("Encounter", "service-provider", "reference", "serviceProvider"),
    ("Condition", "code", "concept", "code"),
    ("Condition", "clinical-status", "concept", "clinicalStatus"),
    ("Condition", "onset-date", "period", "onsetDateTime|onsetPeriod"),
    ("Procedure", "code", "concept", "code"),
    ("Procedure", "date", "period", "performedPeriod|performedDateTime"),
    ("DiagnosticReport", "code", "concept", "code"),
    ("DiagnosticReport", "result", "reference", "result"),
    ("MedicationRequest", "status", "code", "status"),
    ("MedicationRequest", "authoredon", "date", "authoredOn"),
    ("Immunization", "vaccine-code", "concept", "vaccineCode"),
    ("Claim", "created", "date", "created"),
    ("Organization", "name", "string", "name"),
    ("Organization", "address-postalcode", "string", "address.postalCode"),
];

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn shared_random_queries_agree_with_a_naive_evaluation() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if !folder.is_dir() {
        eprintln!("SKIP: shared data absent");
        return;
    }
    let held = load(&folder);
    let mut rng = Rng(42);
    let (mut found, mut with_results) = (0, 0);
    for _ in 0..QUERIES {
        let (kind, first, ..) = LOOKED_AT[rng.below(LOOKED_AT.len())];
        let Some(resources) = held.get(kind) else { continue };
        let mut conditions = Vec::new();
        let looked_at: Vec<_> = LOOKED_AT.iter().filter(|l| l.0 == kind).collect();
        for n in 0..1 + rng.below(2) {
            let row = if n == 0 {
                looked_at.iter().find(|l| l.1 == first).unwrap()
            } else {
                &looked_at[rng.below(looked_at.len())]
            };
            conditions.extend(condition(&mut rng, row, resources));
        }
        if conditions.is_empty() {
            continue;
        }
        let pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> =
            conditions.iter().map(|c| (format!("{}{}", c.code, c.modifier).into(), c.text().into())).collect();
        let text = format!("{kind} {pairs:?}");
        let query = match Query::parse(kind, &pairs, &OPTIONS) {
            Err(error) if error.problem == Problem::NoLetters => continue,
            other => other.unwrap_or_else(|e| panic!("{text}: {e}")),
        };
        let lists = query.keywords();
        let mut any = false;
        for resource in resources {
            let naive = conditions.iter().all(|c| c.holds(&resource.value));
            let id = resource.value["id"].as_str().unwrap_or_default();
            let meta = HeadMeta { id, last_updated_ms: NOW_MS };
            assert_eq!(query.matches(&meta, resource.values.as_ref()), naive, "{text} on {kind}/{id}");
            if naive {
                let carries = |list: &Vec<Keyword>| list.iter().any(|k| resource.keywords.contains(k));
                assert!(lists.iter().all(carries), "{text} on {kind}/{id}");
                any = true;
            }
        }
        found += 1;
        with_results += usize::from(any);
    }
    assert!(found >= 1_000 && with_results > found / 2, "{found} queries, {with_results} with results");
}

fn load(folder: &Path) -> BTreeMap<String, Vec<Held>> {
    let mut held: BTreeMap<String, Vec<Held>> = BTreeMap::new();
    for (part, files) in [("synthea", 6), ("uscore-rich", 4), ("uscore-150", 150)] {
        let mut paths: Vec<_> = std::fs::read_dir(folder.join(part)).unwrap().map(|e| e.unwrap().path()).collect();
        paths.sort();
        for path in paths.iter().filter(|p| p.extension().is_some_and(|e| e == "json")).take(files) {
            let bundle: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            for entry in bundle["entry"].as_array().into_iter().flatten() {
                let value = entry["resource"].clone();
                let kind = value["resourceType"].as_str().unwrap().to_owned();
                let list = held.entry(kind.clone()).or_default();
                if list.len() < PER_TYPE_MAX {
                    let text = value.to_string();
                    let values = extract(&Json::parse_str(&text).unwrap());
                    let mut posted = Vec::new();
                    keywords(&kind, values.as_ref(), &mut posted);
                    list.push(Held { value, values, keywords: posted });
                }
            }
        }
    }
    held
}

struct Condition {
    code: &'static str,
    kind: &'static str,
    path: &'static str,
    modifier: &'static str,
    prefix: &'static str,
    value: String,
}

/// A condition made from a value that some resource has.
fn condition(
    rng: &mut Rng,
    row: &(&'static str, &'static str, &'static str, &'static str),
    all: &[Held],
) -> Option<Condition> {
    let (_, code, kind, path) = *row;
    let of = &all[rng.below(all.len())].value;
    let mut condition = Condition { code, kind, path, modifier: "", prefix: "", value: String::new() };
    if rng.below(12) == 0 {
        // Choice elements have other variants than the one path says.
        if ["date", "period", "quantity"].contains(&kind) {
            return None;
        }
        condition.modifier = ":missing";
        condition.value = (rng.below(2) == 0).to_string();
        return Some(condition);
    }
    let elements = at(of, path);
    if elements.is_empty() {
        return None;
    }
    let element = elements[rng.below(elements.len())];
    let plain = element.as_str().unwrap_or_default();
    condition.value = match kind {
        "string" => {
            condition.modifier = rng.pick(&["", "", ":exact", ":contains"]);
            let letters: Vec<char> = plain.chars().collect();
            let length = if condition.modifier == ":exact" { letters.len() } else { 1 + rng.below(letters.len()) };
            let text: String = letters[..length].iter().collect();
            if condition.modifier.is_empty() { text.to_uppercase() } else { text }
        }
        "code" => {
            condition.modifier = rng.pick(&["", ":not"]);
            plain.to_owned()
        }
        "concept" | "coding" | "identifier" => {
            condition.modifier = rng.pick(&["", "", ":not"]);
            let (system, code) = tokens(element, kind).into_iter().next()?;
            match rng.below(3) {
                0 => code,
                1 => format!("{system}|{code}"),
                _ => format!("http://elsewhere|{code}"),
            }
        }
        "reference" => {
            let literal = element["reference"].as_str()?;
            if literal.contains('?') || literal.contains('#') {
                return None;
            }
            literal.to_owned()
        }
        "quantity" => {
            condition.prefix = rng.pick(&["", "gt", "lt", "ge", "le", "ne"]);
            let text = element["value"].to_string();
            // The slow side computes in floating point, which cannot tell the last of so many digits.
            if text.len() > 9 {
                return None;
            }
            text
        }
        _ => {
            condition.prefix = rng.pick(&["", "gt", "lt", "ge", "le", "ne", "sa", "eb"]);
            let full = element.as_str().or(element["start"].as_str())?;
            let cut = [4, 7, 10, full.len()][rng.below(4)].min(full.len());
            full[..cut].to_owned()
        }
    };
    Some(condition)
}

impl Condition {
    fn text(&self) -> String {
        let escaped = self.value.replace(',', "\\,");
        format!("{}{escaped}", self.prefix)
    }

    fn holds(&self, resource: &Value) -> bool {
        let elements = at(resource, self.path);
        if self.modifier == ":missing" {
            return elements.is_empty() == (self.value == "true");
        }
        let wanted = self.value.as_str();
        let any = |test: &dyn Fn(&Value) -> bool| elements.iter().any(|e| test(e));
        match self.kind {
            "string" => any(&|e| {
                let text = e.as_str().unwrap_or_default();
                match self.modifier {
                    ":exact" => text == wanted,
                    ":contains" => simple(text).contains(&simple(wanted)),
                    _ => simple(text).starts_with(&simple(wanted)),
                }
            }),
            "code" => {
                any(&|e| e.as_str().is_some_and(|c| c.to_lowercase() == wanted.to_lowercase()))
                    == self.modifier.is_empty()
            }
            "concept" | "coding" | "identifier" => {
                let is = |(system, code): &(String, String)| match wanted.split_once('|') {
                    Some((s, c)) => s == system && c.to_lowercase() == code.to_lowercase(),
                    None => wanted.to_lowercase() == code.to_lowercase(),
                };
                any(&|e| tokens(e, self.kind).iter().any(is)) == self.modifier.is_empty()
            }
            "reference" => any(&|e| e["reference"] == wanted),
            "quantity" => any(&|e| {
                let (held, x): (f64, f64) = (e["value"].as_f64().unwrap(), wanted.parse().unwrap());
                let digits = wanted.split_once('.').map_or(0, |(_, d)| d.len());
                let half = 0.5 * 10f64.powi(-(digits as i32));
                match self.prefix {
                    "gt" => held > x,
                    "lt" => held < x,
                    "ge" => held >= x,
                    "le" => held <= x,
                    "ne" => !(x - half..x + half).contains(&held),
                    _ => (x - half..x + half).contains(&held),
                }
            }),
            _ => any(&|e| {
                let (low, high) = match e.as_str() {
                    Some(text) => micros(text),
                    None => (
                        e["start"].as_str().map_or(i64::MIN, |t| micros(t).0),
                        e["end"].as_str().map_or(i64::MAX, |t| micros(t).1),
                    ),
                };
                let (from, to) = micros(wanted);
                let within = from <= low && high <= to;
                match self.prefix {
                    "gt" => high > to,
                    "lt" => low < from,
                    "ge" => high > to || within,
                    "le" => low < from || within,
                    "ne" => !within,
                    "sa" => low >= to,
                    "eb" => high <= from,
                    _ => within,
                }
            }),
        }
    }
}

/// Elements at a dotted path, or at any of several by `|`.
fn at<'v>(value: &'v Value, paths: &str) -> Vec<&'v Value> {
    let step = |level: Vec<&'v Value>, name: &str| -> Vec<&'v Value> {
        let members = level.into_iter().filter_map(|v| v.get(name));
        members.flat_map(|v| v.as_array().map_or(vec![v], |items| items.iter().collect())).collect()
    };
    paths.split('|').flat_map(|path| path.split('.').fold(vec![value], step)).collect()
}

fn tokens(element: &Value, kind: &str) -> Vec<(String, String)> {
    let text = |v: &Value, name: &str| v[name].as_str().unwrap_or_default().to_owned();
    match kind {
        "concept" => at(element, "coding").iter().map(|c| (text(c, "system"), text(c, "code"))).collect(),
        "coding" => vec![(text(element, "system"), text(element, "code"))],
        _ => vec![(text(element, "system"), text(element, "value"))],
    }
}

/// Letters and digits in lower case, single spaces between words.
fn simple(text: &str) -> String {
    let kept: String = text.to_lowercase().chars().filter(|c| c.is_alphanumeric() || c.is_whitespace()).collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// First and last moment of a date as microseconds since 1800, counted day by day.
fn micros(text: &str) -> (i64, i64) {
    let number = |from: usize, to: usize| text[from..to].parse::<i64>().unwrap();
    let leap = |y: i64| (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    let length =
        |y: i64, m: i64| [31, if leap(y) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][m as usize - 1];
    let days = |y: i64, m: i64, d: i64| {
        let years: i64 = (1800..y).map(|y| if leap(y) { 366 } else { 365 }).sum();
        years + (1..m).map(|m| length(y, m)).sum::<i64>() + d - 1
    };
    const SECOND: i64 = 1_000_000;
    const DAY: i64 = 86_400 * SECOND;
    let year = number(0, 4);
    if text.len() == 4 {
        return (days(year, 1, 1) * DAY, days(year + 1, 1, 1) * DAY);
    }
    let month = number(5, 7);
    if text.len() == 7 {
        let first = days(year, month, 1);
        return (first * DAY, (first + length(year, month)) * DAY);
    }
    let day = days(year, month, number(8, 10)) * DAY;
    if text.len() == 10 {
        return (day, day + DAY);
    }
    let clock = (number(11, 13) * 3600 + number(14, 16) * 60 + number(17, 19)) * SECOND;
    let (fraction, width) = match text[19..].strip_prefix('.') {
        Some(rest) => {
            let digits: String = rest.chars().take_while(char::is_ascii_digit).take(6).collect();
            let width = 10i64.pow(6 - digits.len() as u32);
            (digits.parse::<i64>().unwrap() * width, width)
        }
        None => (0, SECOND),
    };
    let offset = match text.get(text.len() - 6..).filter(|z| z.starts_with(['+', '-']) && z.as_bytes()[3] == b':') {
        Some(z) => {
            let minutes = z[1..3].parse::<i64>().unwrap() * 60 + z[4..6].parse::<i64>().unwrap();
            minutes * if z.starts_with('-') { -60 } else { 60 } * SECOND
        }
        None => 0,
    };
    let low = day + clock + fraction - offset;
    (low, low + width)
}
