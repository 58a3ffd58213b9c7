//! Values with their units, ranges and flags. The number is shown as it was recorded, to the digit; a unit always stands beside it; what
//! is out of range is said by a shape and a word before any colour.

use fhir::Json;

use super::read::{LOINC, all, any_code, at, code, text, words};
use super::time;

const SYSTOLIC: &str = "8480-6";
const DIASTOLIC: &str = "8462-4";
const KILOGRAM_IN_POUNDS: f64 = 2.204_622_621_8;
const INCH_IN_CENTIMETERS: f64 = 2.54;

/// A value as a cell shows it.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Value {
    pub text: String,
    /// Human, with a space before it where one belongs; empty for none.
    pub unit: String,
    /// The same in the unit that others think in: `183.9 lb`.
    pub also: String,
}

/// How a value stands to what is expected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Flag {
    /// A shape, for eyes.
    pub mark: &'static str,
    /// The same in words, for everybody.
    pub word: &'static str,
    pub class: &'static str,
}

const HIGH: Flag = Flag { mark: "▲", word: "high", class: "high" };
const LOW: Flag = Flag { mark: "▼", word: "low", class: "low" };
const CRITICAL_HIGH: Flag = Flag { mark: "▲▲", word: "critically high", class: "critical" };
const CRITICAL_LOW: Flag = Flag { mark: "▼▼", word: "critically low", class: "critical" };
const ABNORMAL: Flag = Flag { mark: "◆", word: "abnormal", class: "odd" };
const CRITICAL: Flag = Flag { mark: "◆◆", word: "critically abnormal", class: "critical" };

impl Value {
    fn plain(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

/// Taken back, or never there (R4, observation-status): no value of anybody.
pub fn is_void(observation: &Json<'_>) -> bool {
    matches!(text(observation, "status"), Some("entered-in-error" | "cancelled" | "registered"))
}

/// The value of an Observation: its `value[x]`, its components, or why there is none.
pub fn of(observation: &Json<'_>) -> Value {
    if let Some(pressure) = pressure(observation) {
        return pressure;
    }
    if let Some(value) = single(observation) {
        return value;
    }
    let parts: Vec<String> = all(observation, "component")
        .iter()
        .filter_map(|part| Some(format!("{} {}", words(part.get("code")?)?, whole(&single(part)?))))
        .collect();
    match (parts.is_empty(), observation.get("dataAbsentReason").and_then(words)) {
        (false, _) => Value::plain(parts.join("; ")),
        (true, Some(why)) => Value::plain(format!("No value: {why}")),
        (true, None) => Value::plain("No value recorded".to_owned()),
    }
}

/// The numbers to plot: one, or systolic and diastolic.
pub fn numbers(observation: &Json<'_>) -> Vec<f64> {
    let number = |quantity: &Json<'_>| quantity.get("value")?.as_number()?.parse::<f64>().ok();
    if let Some(pair) = pair(observation) {
        return pair.iter().filter_map(|quantity| number(quantity)).collect();
    }
    observation.get("valueQuantity").and_then(number).into_iter().collect()
}

/// What its maker flagged; without a flag, what the reference range of the value itself says. A part of it that is critical makes it so.
pub fn flag(observation: &Json<'_>) -> Option<Flag> {
    let parts = || all(observation, "component").iter().filter_map(flag);
    let is_critical = |flag: &Flag| flag.class == CRITICAL.class;
    if let Some(critical) = parts().find(is_critical) {
        return Some(critical);
    }
    if is_interpreted(observation) {
        let said = || codes(observation).filter_map(meaning);
        return said().find(is_critical).or_else(|| said().next());
    }
    if let Some(part) = parts().next() {
        return Some(part);
    }
    let range = all(observation, "referenceRange").first()?;
    let [value] = numbers(observation)[..] else { return None };
    if bound(range, "low").is_some_and(|low| value < low) {
        return Some(LOW);
    }
    bound(range, "high").is_some_and(|high| value > high).then_some(HIGH)
}

/// What its maker flagged of systolic and diastolic, each by itself.
pub fn flags_of_pair(observation: &Json<'_>) -> Option<[Option<Flag>; 2]> {
    Some([flag(component(observation, SYSTOLIC)?), flag(component(observation, DIASTOLIC)?)])
}

/// Whether its maker or a range says where the value stands, of all its parts: what nobody judged is not in range, it has to be read.
pub fn is_judged(observation: &Json<'_>) -> bool {
    if is_interpreted(observation) {
        return true;
    }
    let parts = all(observation, "component");
    if !parts.is_empty() {
        return parts.iter().all(is_judged);
    }
    let range = all(observation, "referenceRange").first();
    let has_bound = range.is_some_and(|range| ["low", "high"].iter().any(|name| bound(range, name).is_some()));
    has_bound && numbers(observation).len() == 1
}

fn bound(range: &Json<'_>, name: &str) -> Option<f64> {
    at(range, &[name, "value"])?.as_number()?.parse().ok()
}

fn codes<'j>(observation: &'j Json<'_>) -> impl Iterator<Item = &'j str> {
    all(observation, "interpretation").iter().filter_map(any_code)
}

fn is_interpreted(observation: &Json<'_>) -> bool {
    codes(observation).next().is_some()
}

/// HL7 v3 ObservationInterpretation; none for what is as it should be.
fn meaning(code: &str) -> Option<Flag> {
    match code {
        "H" | "HU" | ">" => Some(HIGH),
        "L" | "LU" | "<" => Some(LOW),
        "HH" => Some(CRITICAL_HIGH),
        "LL" => Some(CRITICAL_LOW),
        "A" | "POS" | "DET" | "R" => Some(ABNORMAL),
        "AA" => Some(CRITICAL),
        _ => None,
    }
}

/// `3.5–5.1`, `≤ 200`, `≥ 60`, or the text of the range.
pub fn range(observation: &Json<'_>) -> String {
    let Some(range) = all(observation, "referenceRange").first() else { return String::new() };
    let bound = |name: &str| at(range, &[name, "value"]).and_then(Json::as_number);
    match (bound("low"), bound("high")) {
        (Some(low), Some(high)) => format!("{low}–{high}"),
        (Some(low), None) => format!("≥ {low}"),
        (None, Some(high)) => format!("≤ {high}"),
        (None, None) => text(range, "text").unwrap_or_default().to_owned(),
    }
}

pub fn whole(value: &Value) -> String {
    format!("{}{}", value.text, value.unit)
}

/// A unit as people write it. UCUM defines codes for machines and no display (`mm[Hg]`); senders often repeat the code.
pub fn unit(quantity: &Json<'_>) -> String {
    let (code, said) = (text(quantity, "code").unwrap_or_default(), text(quantity, "unit").unwrap_or_default());
    let human = match (code, said) {
        ("mm[Hg]", _) => "mmHg",
        ("[degF]", _) | (_, "degF") => "°F",
        ("Cel", _) => "°C",
        ("[lb_av]", _) => "lb",
        ("[in_i]", _) => "in",
        ("10*3/uL", _) => "10³/µL",
        ("10*6/uL", _) => "10⁶/µL",
        ("10*9/L", _) => "10⁹/L",
        ("10*12/L", _) => "10¹²/L",
        ("m[IU]/L", _) => "mIU/L",
        ("u[IU]/mL", _) => "µIU/mL",
        ("[IU]/L", _) => "IU/L",
        ("mL/min/{1.73_m2}", _) => "mL/min/1.73 m²",
        ("kg/m2", _) => "kg/m²",
        ("umol/L", _) => "µmol/L",
        ("ug/L", _) => "µg/L",
        ("ug/dL", _) => "µg/dL",
        ("1" | "{score}" | "{count}" | "{ratio}", _) => "",
        (code, "") => code,
        (_, said) => said,
    };
    match human {
        "" => String::new(),
        // An annotation is for machines (UCUM, 2.4).
        human if human.starts_with('{') => String::new(),
        human => format!(" {human}"),
    }
}

fn single(node: &Json<'_>) -> Option<Value> {
    if let Some(quantity) = node.get("valueQuantity") {
        return Some(measured(quantity));
    }
    if let Some(concept) = node.get("valueCodeableConcept") {
        return words(concept).map(Value::plain);
    }
    for name in ["valueString", "valueTime"] {
        if let Some(said) = text(node, name) {
            return Some(Value::plain(said.to_owned()));
        }
    }
    if let Some(date) = text(node, "valueDateTime") {
        return Some(Value::plain(time::moment(date)));
    }
    if let Some(is_so) = node.get("valueBoolean").and_then(Json::as_bool) {
        return Some(Value::plain(if is_so { "Yes" } else { "No" }.to_owned()));
    }
    if let Some(number) = node.get("valueInteger").and_then(Json::as_number) {
        return Some(Value::plain(number.to_owned()));
    }
    if let Some(ratio) = node.get("valueRatio") {
        let (over, under) = (measured(ratio.get("numerator")?), measured(ratio.get("denominator")?));
        return Some(Value::plain(format!("{}:{}", whole(&over), whole(&under))));
    }
    let range = node.get("valueRange")?;
    let (low, high) = (measured(range.get("low")?), measured(range.get("high")?));
    Some(Value { text: format!("{}–{}", low.text, high.text), unit: high.unit, also: String::new() })
}

fn measured(quantity: &Json<'_>) -> Value {
    let Some(number) = quantity.get("value").and_then(Json::as_number) else {
        return Value::plain("No value recorded".to_owned());
    };
    let comparator = text(quantity, "comparator").map_or(String::new(), |sign| format!("{sign} "));
    Value { text: format!("{comparator}{number}"), unit: unit(quantity), also: also(quantity, number) }
}

/// Weight, height and temperature are thought of in two systems; both are shown (see research on entry units).
fn also(quantity: &Json<'_>, number: &str) -> String {
    let Ok(number) = number.parse::<f64>() else { return String::new() };
    match text(quantity, "code") {
        Some("kg") => format!("{:.1} lb", number * KILOGRAM_IN_POUNDS),
        Some("[lb_av]") => format!("{:.1} kg", number / KILOGRAM_IN_POUNDS),
        Some("cm") => format!("{:.1} in", number / INCH_IN_CENTIMETERS),
        Some("[in_i]") => format!("{:.1} cm", number * INCH_IN_CENTIMETERS),
        Some("[degF]") => format!("{:.1} °C", (number - 32.0) / 1.8),
        Some("Cel") => format!("{:.1} °F", number * 1.8 + 32.0),
        _ => String::new(),
    }
}

/// `148/91 mmHg` of the two components.
fn pressure(observation: &Json<'_>) -> Option<Value> {
    let [systolic, diastolic] = pair(observation)?;
    let number = |quantity: &Json<'_>| quantity.get("value").and_then(Json::as_number).map(str::to_owned);
    let text = format!("{}/{}", number(systolic)?, number(diastolic)?);
    Some(Value { text, unit: unit(systolic), also: String::new() })
}

fn pair<'j, 'a>(observation: &'j Json<'a>) -> Option<[&'j Json<'a>; 2]> {
    let part = |wanted: &str| component(observation, wanted)?.get("valueQuantity");
    Some([part(SYSTOLIC)?, part(DIASTOLIC)?])
}

fn component<'j, 'a>(observation: &'j Json<'a>, wanted: &str) -> Option<&'j Json<'a>> {
    let mut parts = all(observation, "component").iter();
    parts.find(|part| part.get("code").and_then(|concept| code(concept, LOINC)) == Some(wanted))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn shown(observation: &str) -> (String, String) {
        let Ok(json) = Json::parse_str(observation) else { return Default::default() };
        let value = of(&json);
        (whole(&value), value.also)
    }

    #[test]
    fn a_value_keeps_its_digits_and_gets_a_human_unit() {
        let pressure = r#"{"component":[
            {"code":{"coding":[{"system":"http://loinc.org","code":"8462-4"}]},"valueQuantity":{"value":91,"code":"mm[Hg]"}},
            {"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},"valueQuantity":{"value":148,"code":"mm[Hg]"}}]}"#;
        for (observation, text, also) in [
            (r#"{"valueQuantity":{"value":7.10,"unit":"%","code":"%"}}"#, "7.10 %", ""),
            (r#"{"valueQuantity":{"value":83.4,"unit":"kg","code":"kg"}}"#, "83.4 kg", "183.9 lb"),
            (r#"{"valueQuantity":{"value":98.6,"unit":"degF","code":"[degF]"}}"#, "98.6 °F", "37.0 °C"),
            (r#"{"valueQuantity":{"value":20,"comparator":"<","unit":"copies/mL"}}"#, "< 20 copies/mL", ""),
            (r#"{"valueQuantity":{"value":14,"unit":"{score}","code":"{score}"}}"#, "14", ""),
            (r#"{"valueCodeableConcept":{"text":"Nonreactive"}}"#, "Nonreactive", ""),
            (r#"{"valueBoolean":false}"#, "No", ""),
            (r#"{"dataAbsentReason":{"coding":[{"display":"Not performed"}]}}"#, "No value: Not performed", ""),
            ("{}", "No value recorded", ""),
            (pressure, "148/91 mmHg", ""),
        ] {
            assert_eq!(shown(observation), (text.to_owned(), also.to_owned()), "{observation}");
        }
    }

    #[test]
    fn what_is_out_of_range_is_said_in_shape_and_words() {
        let ranged = |value: &str, flags: &str| {
            let low_high = r#""low":{"value":3.5},"high":{"value":5.1}"#;
            let text = format!(r#"{{"valueQuantity":{{"value":{value}}},"referenceRange":[{{{low_high}}}]{flags}}}"#);
            Json::parse_str(&text).ok().and_then(|json| flag(&json)).map(|flag| (flag.mark, flag.word))
        };
        assert_eq!(ranged("4.6", ""), None);
        assert_eq!(ranged("5.1", ""), None);
        assert_eq!(ranged("5.2", ""), Some(("▲", "high")));
        assert_eq!(ranged("3.4", ""), Some(("▼", "low")));
        let flagged = |code: &str| ranged("4.6", &format!(r#","interpretation":[{{"coding":[{{"code":"{code}"}}]}}]"#));
        assert_eq!(flagged("HH"), Some(("▲▲", "critically high")));
        assert_eq!(flagged("A"), Some(("◆", "abnormal")));
        assert_eq!(
            ranged("4.6", r#","interpretation":[{"coding":[{"code":"H"}]},{"coding":[{"code":"HH"}]}]"#)
                .map(|flag| flag.1),
            Some("critically high")
        );
        // Its maker knows better than the range.
        assert_eq!(ranged("9", r#","interpretation":[{"coding":[{"code":"N"}]}]"#), None);
    }

    #[test]
    fn what_nobody_judged_is_not_in_range_and_what_is_critical_in_a_part_is_so_in_the_whole() {
        let part = |code: &str| {
            format!(
                r#"{{"code":{{"text":"a"}},"valueString":"x","interpretation":[{{"coding":[{{"code":"{code}"}}]}}]}}"#
            )
        };
        for (observation, word, is_judged) in [
            (r#"{"valueString":"malignant cells seen"}"#.to_owned(), None, false),
            (r#"{"valueQuantity":{"value":4}}"#.to_owned(), None, false),
            (r#"{"valueQuantity":{"value":4},"referenceRange":[{"text":"see report"}]}"#.to_owned(), None, false),
            (r#"{"valueQuantity":{"value":4},"referenceRange":[{"high":{"value":5}}]}"#.to_owned(), None, true),
            (r#"{"valueString":"none","interpretation":[{"coding":[{"code":"N"}]}]}"#.to_owned(), None, true),
            (format!(r#"{{"component":[{},{}]}}"#, part("N"), part("AA")), Some("critically abnormal"), true),
            (format!(r#"{{"component":[{},{{"valueString":"y"}}]}}"#, part("N")), None, false),
            (format!(r#"{{"component":[{},{}]}}"#, part("N"), part("A")), Some("abnormal"), true),
        ] {
            let json = Json::parse_str(&observation).unwrap();
            assert_eq!(flag(&json).map(|flag| flag.word), word, "{observation}");
            assert_eq!(super::is_judged(&json), is_judged, "{observation}");
        }
    }
}
