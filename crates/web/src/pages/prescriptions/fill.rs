//! Between a MedicationRequest (US Core 6.1.0) and the fields of its form; and the sentence that the patient reads.

use fhir::Json;
use serde_json::{Value, json};

use super::KIND;
use crate::clinic::codes::MEDICINES;
use crate::clinic::deed::{self, Author};
use crate::clinic::names::Names;
use crate::clinic::read::{all, any_code, at, reference, text, words_of};
use crate::clinic::typed::Typed;
use crate::pages::medicines::lines;

pub const FIELDS: [&str; 13] = [
    "medicine", "amount", "unit", "route", "often", "needed", "for", "days", "quantity", "refills", "reason", "note",
    "exact",
];
/// UCUM codes, with curly braces around what people count.
pub const UNITS: [(&str, &str); 8] = [
    ("{tbl}", "tablet"),
    ("{capsule}", "capsule"),
    ("mL", "mL"),
    ("{puff}", "puff"),
    ("[drp]", "drop"),
    ("{patch}", "patch"),
    ("{application}", "application"),
    ("mg", "mg"),
];
/// SNOMED CT, children of 284009009 (R4, route-codes), as patients read them.
pub const ROUTES: [(&str, &str); 10] = [
    ("26643006", "by mouth"),
    ("37839007", "under the tongue"),
    ("447694001", "by inhalation"),
    ("6064005", "on the skin"),
    ("54485002", "into the eye"),
    ("10547007", "into the ear"),
    ("46713006", "into the nose"),
    ("37161004", "rectally"),
    ("34206005", "under the skin"),
    ("78421000", "into the muscle"),
];
/// Times, of how many, of what (FHIR Timing). No abbreviations: they are misread (ISMP, error-prone abbreviations).
pub const OFTEN: [(&str, &str); 11] = [
    ("1/1/d", "once daily"),
    ("2/1/d", "twice daily"),
    ("3/1/d", "three times daily"),
    ("4/1/d", "four times daily"),
    ("1/4/h", "every 4 hours"),
    ("1/6/h", "every 6 hours"),
    ("1/8/h", "every 8 hours"),
    ("1/12/h", "every 12 hours"),
    ("1/2/d", "every other day"),
    ("1/1/wk", "once weekly"),
    ("1", "once, as a single dose"),
];
/// Of these nobody counts what is given out.
pub const UNCOUNTED: [&str; 2] = ["mg", "{application}"];
const SNOMED: &str = "http://snomed.info/sct";
const UCUM: &str = "http://unitsofmeasure.org";
const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/medicationrequest-category";
const PROFILE: &str = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-medicationrequest";
/// A year of monthly supplies: 21 CFR 1306.22 allows five for some, states a year for most.
const REFILLS_MAX: u32 = 11;
const QUANTITY_MAX: f64 = 9_999.0;
const DAYS_MAX: u32 = 366;

/// What is counted and by which way are chosen: what stands there already is signed unread.
pub fn blank() -> Typed {
    Typed::of([("refills", "0".to_owned())])
}

/// A draft of what was typed, with what is wrong noted beside the fields.
pub fn made(typed: &mut Typed, patient_id: &str, conditions: &[(String, String)], author: &Author) -> Value {
    check(typed);
    let mut dosage = json!({ "text": sentence(typed) });
    let route = typed.choice("route", &ROUTES);
    if let Some((code, words)) = route {
        dosage["route"] = deed::coded(SNOMED, code, words);
    }
    if let Some((code, words)) = typed.choice("unit", &UNITS) {
        let amount = number(typed.get("amount"));
        dosage["doseAndRate"] =
            json!([{ "doseQuantity": { "value": amount, "unit": words, "system": UCUM, "code": code } }]);
    }
    if let Some(repeat) = repeat(typed) {
        dosage["timing"] = json!({ "repeat": repeat });
    }
    match (typed.is("needed", "yes"), typed.get("for")) {
        (true, "") => dosage["asNeededBoolean"] = json!(true),
        (true, what) => dosage["asNeededCodeableConcept"] = json!({ "text": what }),
        _ => {}
    }
    let mut quantity = json!({ "value": number(typed.get("quantity")) });
    if let Some((code, words)) = typed.choice("unit", &UNITS).filter(|(code, _)| !UNCOUNTED.contains(code)) {
        quantity["unit"] = json!(words);
        quantity["system"] = json!(UCUM);
        quantity["code"] = json!(code);
    }
    let mut dispense = json!({
        "numberOfRepeatsAllowed": typed.get("refills").parse::<u32>().unwrap_or(0),
        "quantity": quantity,
    });
    if let Some(days) = days(typed) {
        dispense["expectedSupplyDuration"] = json!({ "value": days, "unit": "days", "system": UCUM, "code": "d" });
    }
    let mut made = json!({
        "resourceType": KIND,
        "meta": { "profile": [PROFILE] },
        "status": "draft",
        "intent": "order",
        "category": [deed::coded(CATEGORY, "community", "Community")],
        "reportedBoolean": false,
        "medicationCodeableConcept": MEDICINES.concept(typed.get("medicine")),
        "subject": { "reference": format!("Patient/{patient_id}") },
        "authoredOn": author.now,
        "dosageInstruction": [dosage],
        "dispenseRequest": dispense,
        "substitution": { "allowedBoolean": !typed.is("exact", "yes") },
    });
    let reason = typed.get("reason");
    match conditions.iter().find(|(_, name)| name.eq_ignore_ascii_case(reason)) {
        Some((id, name)) => {
            made["reasonReference"] = json!([{ "reference": format!("Condition/{id}"), "display": name }])
        }
        None if !reason.is_empty() => made["reasonCode"] = json!([{ "text": reason }]),
        None => {}
    }
    if !typed.get("note").is_empty() {
        made["note"] = json!([author.note(typed.get("note"))]);
    }
    author.sign(&mut made, "requester");
    author.sign(&mut made, "recorder");
    made
}

/// The whole of a draft is what its form says; what else it has stays.
pub fn change(one: &mut Json<'static>, made: &Value) {
    const OURS: [&str; 9] = [
        "medicationCodeableConcept",
        "authoredOn",
        "dosageInstruction",
        "dispenseRequest",
        "substitution",
        "reasonReference",
        "reasonCode",
        "note",
        "recorder",
    ];
    for name in OURS {
        match made.get(name) {
            Some(value) => deed::set(one, name, value.clone()),
            None if name != "recorder" => deed::remove(one, name),
            None => {}
        }
    }
}

/// Whether a draft says what the form would save.
pub fn is_same(held: &Json<'_>, made: &Value) -> bool {
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let held = String::from_utf8(held.to_vec()).map(|text| read(&text)).unwrap_or_default();
    let said = |of: &Value| {
        let note = of["note"][0]["text"].clone();
        [
            &of["medicationCodeableConcept"],
            &of["dosageInstruction"],
            &of["dispenseRequest"],
            &of["substitution"],
            &of["reasonReference"],
            &of["reasonCode"],
            &note,
        ]
        .map(Value::to_string)
    };
    said(&held) == said(made)
}

/// The fields as another prescription says them; what it does not say as this form says it is left to be chosen.
pub fn renewed(one: &Json<'_>, conditions: &[(String, String)]) -> Typed {
    let mut typed = filled(one, conditions);
    if typed.choice("unit", &UNITS).is_none() {
        // An amount of something else is no amount of this.
        typed.set("amount", "");
    }
    for (name, choices) in [("unit", &UNITS[..]), ("route", &ROUTES[..]), ("often", &OFTEN[..])] {
        if typed.choice(name, choices).is_none() {
            typed.set(name, "");
        }
    }
    typed
}

/// Whether its directions are more than one form holds: what is left out has to be looked at.
pub fn is_more(one: &Json<'_>) -> bool {
    const HELD: [&str; 8] =
        ["id", "sequence", "text", "timing", "route", "doseAndRate", "asNeededBoolean", "asNeededCodeableConcept"];
    let doses = all(one, "dosageInstruction");
    let is_held = |dose: &Json<'_>| {
        let timing = dose.get("timing");
        let is_plain = timing.is_none_or(|timing| {
            has_only(timing, &["id", "repeat", "code"])
                && timing.get("repeat").is_none_or(|repeat| often(repeat).is_some())
        });
        let has_dose = all(dose, "doseAndRate").iter().all(|rate| rate.get("doseQuantity").is_some());
        has_only(dose, &HELD) && is_plain && has_dose
    };
    doses.len() > 1 || !doses.iter().all(is_held)
}

fn has_only(json: &Json<'_>, known: &[&str]) -> bool {
    matches!(json, Json::Object(members) if members.iter().all(|(name, _)| known.contains(&name)))
}

/// What the form calls it. A rhythm of which it would lose a part (days of the week, times of the day, a range) has no name here.
fn often(repeat: &Json<'_>) -> Option<String> {
    let number = |name: &str| repeat.get(name).and_then(Json::as_number);
    if repeat.get("count").is_some() {
        return (has_only(repeat, &["id", "count"]) && number("count") == Some("1")).then(|| "1".to_owned());
    }
    let bounds = repeat.get("boundsDuration");
    let is_of_days = bounds.is_none_or(|bounds| in_days(bounds).is_some());
    let is_whole = has_only(repeat, &["id", "frequency", "period", "periodUnit", "boundsDuration"]) && is_of_days;
    let named = format!("{}/{}/{}", number("frequency")?, number("period")?, text(repeat, "periodUnit")?);
    (is_whole && OFTEN.iter().any(|(known, _)| *known == named)).then_some(named)
}

/// A Duration as whole days, if it is said in days.
fn in_days(duration: &Json<'_>) -> Option<String> {
    let is_days =
        text(duration, "code").or_else(|| text(duration, "unit")).is_some_and(|unit| matches!(unit, "d" | "days"));
    let value = duration.get("value").and_then(Json::as_number).filter(|value| value.parse::<u32>().is_ok());
    value.filter(|_| is_days).map(str::to_owned)
}

/// The fields as a draft says them.
pub fn filled(one: &Json<'_>, conditions: &[(String, String)]) -> Typed {
    let dose = all(one, "dosageInstruction").first();
    let amount = dose.and_then(|dose| at(dose, &["doseAndRate", "doseQuantity"]));
    let dispense = one.get("dispenseRequest");
    let value = |quantity: Option<&Json<'_>>| {
        quantity.and_then(|held| held.get("value")?.as_number().map(str::to_owned)).unwrap_or_default()
    };
    let often = dose.and_then(|dose| at(dose, &["timing", "repeat"])).and_then(often);
    let needed = dose.is_some_and(|dose| {
        let is_said = dose.get("asNeededBoolean").and_then(Json::as_bool) == Some(true);
        is_said || dose.get("asNeededCodeableConcept").is_some()
    });
    // The form counts what is given out as it counts what is taken: an inhaler is no puff.
    let counted = dispense.and_then(|held| held.get("quantity"));
    let unit_of = |quantity: Option<&Json<'_>>| {
        quantity.and_then(|held| text(held, "code").or_else(|| text(held, "unit"))).map(str::to_owned)
    };
    let is_alike = match unit_of(counted) {
        Some(unit) => Some(unit) == unit_of(amount),
        None => unit_of(amount).is_some_and(|unit| UNCOUNTED.contains(&&*unit)),
    };
    let known = all(one, "reasonReference")
        .first()
        .and_then(reference)
        .and_then(|(_, id)| conditions.iter().find(|(held, _)| held == id));
    let reason = known.map(|(_, name)| name.clone()).or_else(|| words_of(one, "reasonCode")).unwrap_or_default();
    let exact = one.get("substitution").and_then(|held| held.get("allowedBoolean")?.as_bool()) == Some(false);
    let yes = |is: bool| if is { "yes".to_owned() } else { String::new() };
    Typed::of([
        ("medicine", lines::name_of(one, &Names::default())),
        ("amount", value(amount)),
        ("unit", amount.and_then(|amount| text(amount, "code")).unwrap_or_default().to_owned()),
        ("route", dose.and_then(|dose| dose.get("route")).and_then(any_code).unwrap_or_default().to_owned()),
        ("often", often.unwrap_or_default()),
        ("needed", yes(needed)),
        ("for", dose.and_then(|dose| words_of(dose, "asNeededCodeableConcept")).unwrap_or_default()),
        ("days", dispense.and_then(|held| in_days(held.get("expectedSupplyDuration")?)).unwrap_or_default()),
        ("quantity", value(counted.filter(|_| is_alike))),
        (
            "refills",
            dispense
                .and_then(|held| held.get("numberOfRepeatsAllowed")?.as_number().map(str::to_owned))
                .unwrap_or_default(),
        ),
        ("reason", reason),
        ("note", all(one, "note").first().and_then(|note| text(note, "text")).unwrap_or_default().to_owned()),
        ("exact", yes(exact)),
    ])
}

fn check(typed: &mut Typed) {
    if typed.get("medicine").is_empty() {
        typed.slip("medicine", "Say which medicine, with its strength and form.");
    }
    for (name, what) in [("amount", "How much at a time"), ("quantity", "How much is given out")] {
        if let Some(slip) = misread(typed.get(name), what) {
            typed.slip(name, slip);
        }
    }
    for (name, choices, words) in [
        ("unit", &UNITS[..], "Choose what is counted."),
        ("route", &ROUTES[..], "Choose how it is taken."),
        ("often", &OFTEN[..], "Choose how often."),
    ] {
        if typed.choice(name, choices).is_none() {
            typed.slip(name, words);
        }
    }
    if typed.get("refills").parse::<u32>().is_ok_and(|refills| refills <= REFILLS_MAX) {
    } else {
        typed.slip("refills", format!("A whole number from 0 to {REFILLS_MAX}."));
    }
    if !typed.get("days").is_empty() && days(typed).is_none() {
        typed.slip("days", "A whole number of days, or nothing.");
    }
}

/// A leading zero, and none behind: .5 is read as 5, and 1.0 as 10 (ISMP).
fn misread(text: &str, what: &str) -> Option<String> {
    let decimal = text.split_once('.');
    let is_number = !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && text.matches('.').count() <= 1;
    let value: f64 = if is_number { text.parse().unwrap_or(0.0) } else { 0.0 };
    if !is_number || value <= 0.0 || value > QUANTITY_MAX {
        return Some(format!("{what}: type a number, such as 1 or 0.5."));
    }
    match decimal {
        Some(("", _)) => Some(format!("{what}: write 0{text}, not {text}: without the zero it is read as more.")),
        Some((whole, rest)) if rest.ends_with('0') || rest.is_empty() => {
            let rest = rest.trim_end_matches('0');
            let shorter = if rest.is_empty() { whole.to_owned() } else { format!("{whole}.{rest}") };
            Some(format!("{what}: write {shorter}, not {text}: a zero behind the point is read as ten times as much."))
        }
        None if text.len() > 1 && text.starts_with('0') => Some(format!("{what}: type a number, such as 1 or 0.5.")),
        _ => None,
    }
}

/// As typed: JSON numbers are kept to the digit.
fn number(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

fn days(typed: &Typed) -> Option<u32> {
    typed.get("days").parse().ok().filter(|days| (1..=DAYS_MAX).contains(days))
}

fn repeat(typed: &Typed) -> Option<Value> {
    let (code, _) = typed.choice("often", &OFTEN)?;
    let mut parts = code.split('/');
    let times: u32 = parts.next()?.parse().ok()?;
    let (Some(period), Some(unit)) = (parts.next(), parts.next()) else { return Some(json!({ "count": times })) };
    let mut repeat = json!({ "frequency": times, "period": number(period), "periodUnit": unit });
    if let Some(days) = days(typed) {
        repeat["boundsDuration"] = json!({ "value": days, "unit": "days", "system": UCUM, "code": "d" });
    }
    Some(repeat)
}

/// `Take 2 tablets by mouth twice daily as needed for pain, for 10 days.`
pub fn sentence(typed: &Typed) -> String {
    let words = |name: &str, choices: &[(&'static str, &'static str)]| {
        typed.choice(name, choices).map_or("", |(_, words)| words)
    };
    let (amount, unit, route) = (typed.get("amount"), words("unit", &UNITS), words("route", &ROUTES));
    let verb = match route {
        "by mouth" => "Take",
        "by inhalation" => "Inhale",
        "on the skin" => "Apply",
        "under the skin" | "into the muscle" => "Inject",
        "under the tongue" | "into the eye" | "into the ear" | "into the nose" => "Put",
        _ => "Use",
    };
    let is_more = amount.parse::<f64>().is_ok_and(|amount| amount > 1.0) && !matches!(unit, "mL" | "mg");
    let mut said =
        format!("{verb} {amount} {unit}{} {route} {}", if is_more { "s" } else { "" }, words("often", &OFTEN));
    match (typed.is("needed", "yes"), typed.get("for")) {
        (true, "") => said.push_str(" as needed"),
        (true, what) => said.push_str(&format!(" as needed for {what}")),
        _ => {}
    }
    if let Some(days) = days(typed) {
        said.push_str(&format!(", for {days} day{}", if days == 1 { "" } else { "s" }));
    }
    said.push('.');
    said
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_read_as_more_are_not_taken() {
        for (typed, is_taken) in [
            ("1", true),
            ("0.5", true),
            ("2.25", true),
            ("30", true),
            (".5", false),
            ("1.0", false),
            ("1.", false),
            ("0", false),
            ("05", false),
            ("one", false),
            ("", false),
            ("1e9", false),
            ("10000", false),
            ("0.50", false),
            ("-1", false),
        ] {
            assert_eq!(misread(typed, "x").is_none(), is_taken, "{typed}");
        }
    }

    fn prescription(dosage: &str, dispense: &str) -> Typed {
        let text = format!(
            r#"{{"resourceType":"MedicationRequest","dosageInstruction":[{dosage}],"dispenseRequest":{dispense}}}"#
        );
        filled(&Json::parse_str(&text).unwrap(), &[])
    }

    #[test]
    fn a_renewal_says_nothing_that_the_prescription_before_did_not() {
        let timed = |repeat: &str| format!(r#"{{"timing":{{"repeat":{{{repeat}}}}}}}"#);
        for (repeat, said) in [
            (r#""frequency":2,"period":1,"periodUnit":"d""#, "2/1/d"),
            (r#""frequency":1,"period":1,"periodUnit":"d","dayOfWeek":["mon"]"#, ""),
            (r#""frequency":1,"frequencyMax":3,"period":1,"periodUnit":"d""#, ""),
            (r#""count":1"#, "1"),
            (r#""count":10"#, ""),
            (r#""count":1,"frequency":1,"period":1,"periodUnit":"d""#, ""),
            (r#""frequency":1,"period":1,"periodUnit":"d","boundsDuration":{"value":3,"code":"mo"}"#, ""),
            (r#""frequency":1,"period":1,"periodUnit":"mo""#, ""),
        ] {
            let typed = prescription(&timed(repeat), "{}");
            assert_eq!(typed.get("often"), said, "{repeat}");
            let text = format!(r#"{{"dosageInstruction":[{}]}}"#, timed(repeat));
            assert_eq!(is_more(&Json::parse_str(&text).unwrap()), said.is_empty(), "{repeat}");
        }
        for (needed, said) in [("true", "yes"), ("false", "")] {
            assert_eq!(prescription(&format!(r#"{{"asNeededBoolean":{needed}}}"#), "{}").get("needed"), said);
        }
        assert_eq!(prescription(r#"{"asNeededCodeableConcept":{"text":"pain"}}"#, "{}").get("needed"), "yes");
        let dose = |code: &str| format!(r#"{{"doseAndRate":[{{"doseQuantity":{{"value":2,"code":"{code}"}}}}]}}"#);
        for (dose, dispense, said) in [
            (dose("{tbl}"), r#"{"quantity":{"value":30,"code":"{tbl}"}}"#, "30"),
            (dose("{puff}"), r#"{"quantity":{"value":1,"code":"{inhaler}"}}"#, ""),
            (dose("{tbl}"), r#"{"quantity":{"value":30}}"#, ""),
            (dose("mg"), r#"{"quantity":{"value":30}}"#, "30"),
        ] {
            assert_eq!(prescription(&dose, dispense).get("quantity"), said, "{dose} {dispense}");
        }
        for (duration, said) in [
            (r#"{"value":10,"code":"d"}"#, "10"),
            (r#"{"value":3,"code":"mo"}"#, ""),
            (r#"{"value":3}"#, ""),
            (r#"{"value":2.5,"code":"d"}"#, ""),
        ] {
            let typed = prescription("{}", &format!(r#"{{"expectedSupplyDuration":{duration}}}"#));
            assert_eq!(typed.get("days"), said, "{duration}");
        }
        for (more, is) in [
            (r#"{"text":"Take it","route":{"text":"by mouth"}}"#, false),
            (r#"{"maxDosePerPeriod":{"numerator":{"value":8}}}"#, true),
            (r#"{"doseAndRate":[{"doseRange":{"low":{"value":1}}}]}"#, true),
            (r#"{"additionalInstruction":[{"text":"with food"}]}"#, true),
            (r#"{},{}"#, true),
        ] {
            let text = format!(r#"{{"dosageInstruction":[{more}]}}"#);
            assert_eq!(is_more(&Json::parse_str(&text).unwrap()), is, "{more}");
        }
    }

    #[test]
    fn the_sentence_is_one_that_a_patient_reads() {
        let typed = Typed::of([
            ("amount", "2".into()),
            ("unit", "{tbl}".into()),
            ("route", "26643006".into()),
            ("often", "2/1/d".into()),
            ("needed", "yes".into()),
            ("for", "pain".into()),
            ("days", "10".into()),
        ]);
        assert_eq!(sentence(&typed), "Take 2 tablets by mouth twice daily as needed for pain, for 10 days.");
        let typed = Typed::of([
            ("amount", "0.5".into()),
            ("unit", "mL".into()),
            ("route", "78421000".into()),
            ("often", "1".into()),
        ]);
        assert_eq!(sentence(&typed), "Inject 0.5 mL into the muscle once, as a single dose.");
    }
}
