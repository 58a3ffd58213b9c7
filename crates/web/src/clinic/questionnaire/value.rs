//! One answer, or one that may be chosen: the kinds of FHIR R4 that a page of ours asks for.

use std::cmp::Ordering;

use fhir::Json;

use crate::clinic::moves::object;
use crate::clinic::read::text;
use crate::clinic::time;

/// With no `Debug`: it is what a patient said.
#[derive(Clone, PartialEq)]
pub enum Value {
    Boolean(bool),
    Integer(i32),
    /// As it was written: FHIR keeps its digits.
    Decimal(String),
    /// A year, a month or a day.
    Date(String),
    Words(String),
    Coding(Coding),
}

#[derive(Clone, PartialEq)]
pub struct Coding {
    pub system: Option<String>,
    pub version: Option<String>,
    pub code: Option<String>,
    pub display: Option<String>,
}

impl Value {
    /// The member `valueDate`, `answerDate` and so on; none where there is none, or of another kind.
    pub fn read(holder: &Json<'_>, prefix: &str) -> Option<Self> {
        let member = |kind: &str| holder.get(&format!("{prefix}{kind}"));
        let words = |kind: &str| member(kind).and_then(Json::as_str).map(str::to_owned);
        if let Some(value) = member("Boolean").and_then(Json::as_bool) {
            return Some(Value::Boolean(value));
        }
        if let Some(value) = member("Integer").and_then(Json::as_number) {
            return value.parse().ok().map(Value::Integer);
        }
        if let Some(value) = member("Decimal").and_then(Json::as_number) {
            return Some(Value::Decimal(value.to_owned()));
        }
        if let Some(value) = words("Date") {
            return Some(Value::Date(value));
        }
        if let Some(value) = words("String") {
            return Some(Value::Words(value));
        }
        let coding = member("Coding")?;
        let said = |name| text(coding, name).map(str::to_owned);
        let coding =
            Coding { system: said("system"), version: said("version"), code: said("code"), display: said("display") };
        (coding.code.is_some() || coding.display.is_some()).then_some(Value::Coding(coding))
    }

    /// As an answer has it.
    pub fn member(&self) -> (&'static str, Json<'static>) {
        match self {
            Value::Boolean(value) => ("valueBoolean", Json::Bool(*value)),
            Value::Integer(value) => ("valueInteger", Json::Number(value.to_string().into())),
            Value::Decimal(value) => ("valueDecimal", Json::Number(value.clone().into())),
            Value::Date(value) => ("valueDate", Json::string(value.clone())),
            Value::Words(value) => ("valueString", Json::string(value.clone())),
            Value::Coding(coding) => {
                let said = |name, value: &Option<String>| value.clone().map(|value| (name, Json::string(value)));
                let members = [
                    said("system", &coding.system),
                    said("version", &coding.version),
                    said("code", &coding.code),
                    said("display", &coding.display),
                ];
                ("valueCoding", object(members.into_iter().flatten()))
            }
        }
    }

    /// As people read it.
    pub fn words(&self) -> String {
        match self {
            Value::Boolean(true) => "Yes".to_owned(),
            Value::Boolean(false) => "No".to_owned(),
            Value::Integer(value) => value.to_string(),
            Value::Decimal(value) | Value::Words(value) => value.clone(),
            Value::Date(value) => time::day(value),
            Value::Coding(coding) => coding.display.clone().or(coding.code.clone()).unwrap_or_default(),
        }
    }

    /// What a form sends for it: the same however its words change.
    pub fn key(&self) -> String {
        match self {
            Value::Coding(coding) => {
                let said = |part: &Option<String>| part.clone().unwrap_or_default();
                match &coding.code {
                    Some(code) => format!("c|{}|{code}", said(&coding.system)),
                    None => format!("d|{}", said(&coding.display)),
                }
            }
            Value::Date(value) => format!("v|{value}"),
            other => format!("v|{}", other.words()),
        }
    }

    /// None where the two cannot be compared: of other kinds, or a month with a day in it.
    pub fn compare(&self, other: &Value) -> Option<Ordering> {
        match (self, other) {
            (Value::Boolean(a), Value::Boolean(b)) => Some(a.cmp(b)),
            (Value::Words(a), Value::Words(b)) => Some(a.cmp(b)),
            (Value::Date(a), Value::Date(b)) => {
                let len = a.len().min(b.len());
                match a.get(..len)?.cmp(b.get(..len)?) {
                    Ordering::Equal if a.len() != b.len() => None,
                    order => Some(order),
                }
            }
            (Value::Coding(a), Value::Coding(b)) => {
                let same_system = a.system == b.system || a.system.is_none() || b.system.is_none();
                let is_same =
                    if a.code.is_some() || b.code.is_some() { a.code == b.code } else { a.display == b.display };
                (same_system && is_same).then_some(Ordering::Equal)
            }
            _ => self.number()?.partial_cmp(&other.number()?),
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Value::Integer(value) => Some(f64::from(*value)),
            Value::Decimal(value) => value.parse().ok(),
            _ => None,
        }
    }
}
