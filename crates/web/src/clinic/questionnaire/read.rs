//! A Questionnaire as the record holds it, as far as a page of ours asks it. What is more in it is kept as asked elsewhere.

use std::collections::HashSet;

use fhir::Json;

use super::value::Value;
use super::when::When;
use super::{
    DEPTH_MAX, ITEMS_MAX, Item, Kind, LINE_CHARS_MAX, NAMES_BYTES_MAX, OPTIONS_MAX, OPTIONS_OF_ALL_MAX, Questionnaire,
    TEXT_CHARS_MAX,
};
use crate::clinic::read::{all, extension, text};

const MIN_VALUE: &str = "http://hl7.org/fhir/StructureDefinition/minValue";
const MAX_VALUE: &str = "http://hl7.org/fhir/StructureDefinition/maxValue";
const HIDDEN: &str = "http://hl7.org/fhir/StructureDefinition/questionnaire-hidden";
const UNIT: &str = "http://hl7.org/fhir/StructureDefinition/questionnaire-unit";

/// Why a Questionnaire is none that a page of ours asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("it asks nothing")]
    Empty,
    #[error("it is too long, or too deep")]
    TooLarge,
    #[error("two of its items have one name, or one has none")]
    Names,
    #[error("it has something in it that changes its meaning and is not understood")]
    Modified,
}

struct Reading {
    names: HashSet<String>,
    count: usize,
    options: usize,
    /// Of what a page sends back.
    bytes: usize,
}

impl Questionnaire {
    pub fn read(json: &Json<'_>) -> Result<Self, Unfit> {
        if !all(json, "modifierExtension").is_empty() {
            return Err(Unfit::Modified);
        }
        let mut reading = Reading { names: HashSet::new(), count: 0, options: 0, bytes: 0 };
        let items = reading.items(json, 0)?;
        if items.is_empty() {
            return Err(Unfit::Empty);
        }
        let canonical = text(json, "url").map(|url| match text(json, "version") {
            Some(version) => format!("{url}|{version}"),
            None => url.to_owned(),
        });
        let title = text(json, "title").or(text(json, "name")).unwrap_or("Form").to_owned();
        let said =
            ["url", "version", "title", "name", "description", "item"].map(|name| json.get(name).map(Json::to_vec));
        let print = telehealth::drafts::print_of(&said.map(Option::unwrap_or_default).join(&0));
        let codings = all(json, "code").iter().map(|code| code.clone().into_owned()).collect();
        Ok(Self { canonical, title, words: text(json, "description").map(str::to_owned), items, print, codings })
    }
}

impl Reading {
    fn items(&mut self, holder: &Json<'_>, depth: usize) -> Result<Vec<Item>, Unfit> {
        let held = all(holder, "item");
        if depth >= DEPTH_MAX && !held.is_empty() {
            return Err(Unfit::TooLarge);
        }
        held.iter().map(|item| self.item(item, depth)).collect()
    }

    fn item(&mut self, json: &Json<'_>, depth: usize) -> Result<Item, Unfit> {
        let number = self.count;
        self.count += 1;
        if self.count > ITEMS_MAX {
            return Err(Unfit::TooLarge);
        }
        let link_id = text(json, "linkId").ok_or(Unfit::Names)?.to_owned();
        if !self.names.insert(link_id.clone()) {
            return Err(Unfit::Names);
        }
        let is = |name: &str| json.get(name).and_then(Json::as_bool).unwrap_or(false);
        let options = options(json);
        let held = options.as_deref().unwrap_or_default();
        self.options += held.len();
        self.bytes += held.iter().map(|one| link_id.len() + one.key().len()).sum::<usize>() + 2 * link_id.len();
        if self.options > OPTIONS_OF_ALL_MAX || self.bytes > NAMES_BYTES_MAX {
            return Err(Unfit::TooLarge);
        }
        let when = When::read(json);
        let mut kind = kind(json, options.as_deref());
        if when.is_none() || !all(json, "modifierExtension").is_empty() || is("readOnly") {
            kind = Kind::Elsewhere;
        }
        if extension(json, HIDDEN, "valueBoolean").and_then(Json::as_bool) == Some(true) {
            kind = Kind::Hidden;
        }
        let said = [text(json, "prefix"), text(json, "text")].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let chars = if kind == Kind::Text { TEXT_CHARS_MAX } else { LINE_CHARS_MAX };
        let asked_max = json.get("maxLength").and_then(Json::as_number).and_then(|max| max.parse().ok());
        let items = self.items(json, depth + 1)?;
        let mut is_required = is("required");
        // Words that ask nothing have nothing below them; what there is all the same is asked with them.
        if kind == Kind::Display && !items.is_empty() {
            kind = Kind::Elsewhere;
            is_required |= items.iter().any(|item| item.is_required);
        }
        Ok(Item {
            number,
            kind,
            text: if said.is_empty() { link_id.clone() } else { said },
            link_id,
            is_required,
            repeats: is("repeats"),
            when: when.unwrap_or_default(),
            is_any: text(json, "enableBehavior") == Some("any"),
            chars_max: asked_max.map_or(chars, |max: usize| max.clamp(1, chars)),
            least: bound(json, MIN_VALUE),
            most: bound(json, MAX_VALUE),
            unit: extension(json, UNIT, "valueCoding")
                .and_then(|unit| text(unit, "display").or(text(unit, "code")))
                .map(str::to_owned),
            options: options.unwrap_or_default(),
            items: if kind == Kind::Elsewhere || kind == Kind::Hidden { elsewhere(items) } else { items },
            codings: all(json, "code").iter().map(|code| code.clone().into_owned()).collect(),
        })
    }
}

/// What lies below something that is asked elsewhere is asked there with it.
fn elsewhere(mut items: Vec<Item>) -> Vec<Item> {
    for item in &mut items {
        item.kind = Kind::Hidden;
        item.is_required = false;
        item.items = elsewhere(std::mem::take(&mut item.items));
    }
    items
}

fn kind(json: &Json<'_>, options: Option<&[Value]>) -> Kind {
    match text(json, "type") {
        Some("group") => Kind::Group,
        Some("display") => Kind::Display,
        Some("boolean") => Kind::Boolean,
        Some("decimal") => Kind::Decimal,
        Some("integer") => Kind::Integer,
        Some("date") => Kind::Date,
        Some("string") => Kind::Line,
        Some("text") => Kind::Text,
        Some(kind @ ("choice" | "open-choice")) => match options {
            Some(options) if !options.is_empty() && kind == "choice" => Kind::Choice,
            Some(options) if !options.is_empty() => Kind::OpenChoice,
            // To be chosen from a list that is not in the form.
            _ => Kind::Elsewhere,
        },
        _ => Kind::Elsewhere,
    }
}

/// None where one of them is of a kind that is not understood, or there are too many.
fn options(json: &Json<'_>) -> Option<Vec<Value>> {
    let held = all(json, "answerOption");
    if held.len() > OPTIONS_MAX || !all(json, "answerValueSet").is_empty() {
        return None;
    }
    let all: Option<Vec<Value>> = held.iter().map(|option| Value::read(option, "value")).collect();
    let keys: Option<HashSet<String>> = all.as_ref().map(|all| all.iter().map(Value::key).collect());
    all.filter(|all| keys.is_some_and(|keys| keys.len() == all.len()))
}

fn bound(json: &Json<'_>, url: &str) -> Option<Value> {
    let held = all(json, "extension").iter().find(|one| text(one, "url") == Some(url))?;
    Value::read(held, "value")
}
