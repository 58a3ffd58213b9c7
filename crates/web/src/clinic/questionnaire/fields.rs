//! The questions as a page shows them, with what was typed and what is wrong with it.

use super::check::{OTHER, range};
use super::value::Value;
use super::{Checked, Filled, Item, Kind, Questionnaire};

/// More answers to one question stand in a list that opens.
const RADIOS_MAX: usize = 8;

pub enum Part {
    /// A group begins; what is in it follows until its end.
    Begin(Heading),
    End,
    Said(Heading),
    /// The clinic asks it in the visit.
    Elsewhere(Heading),
    Ask(Box<Field>),
}

pub struct Heading {
    pub link_id: String,
    pub text: String,
    pub is_open: bool,
}

/// How a question looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    Line,
    Text,
    Radios,
    Boxes,
    List,
}

/// With no `Debug`: it holds what a patient typed.
pub struct Field {
    pub link_id: String,
    pub id: String,
    pub name: String,
    pub other_name: String,
    pub look: Look,
    pub text: String,
    pub hint: String,
    pub wrong: Option<String>,
    pub is_open: bool,
    pub is_required: bool,
    pub is_number: bool,
    pub value: String,
    pub choices: Vec<Choice>,
    /// Something else, in words: of an open choice.
    pub other: Option<String>,
    /// What the letters of the field are counted to by the browser: more than the form takes, so that who types too much is told.
    pub chars_max: usize,
}

pub struct Choice {
    pub id: String,
    pub value: String,
    pub words: String,
    pub is_on: bool,
}

impl Field {
    /// Where an error leads.
    pub fn first(&self) -> &str {
        match self.look {
            Look::Radios | Look::Boxes => self.choices.first().map_or(&self.id, |choice| &choice.id),
            _ => &self.id,
        }
    }
}

/// `is_asked`: what is wrong is told only after somebody wanted to send it.
pub fn parts(questionnaire: &Questionnaire, filled: &Filled, checked: &Checked, is_asked: bool) -> Vec<Part> {
    let mut parts = Vec::new();
    add(&questionnaire.items, filled, checked, is_asked, &mut parts);
    parts
}

/// What is wrong: where that is, the question, and why.
pub fn slips(parts: &[Part]) -> Vec<(&str, &str, &str)> {
    parts.iter().filter_map(slip).collect()
}

fn slip(part: &Part) -> Option<(&str, &str, &str)> {
    match part {
        Part::Ask(field) => Some((field.first(), &field.text, field.wrong.as_deref()?)),
        _ => None,
    }
}

fn add(items: &[Item], filled: &Filled, checked: &Checked, is_asked: bool, parts: &mut Vec<Part>) {
    for item in items {
        let is_open = checked.open[item.number];
        let heading = || Heading { link_id: item.link_id.clone(), text: item.text.clone(), is_open };
        match item.kind {
            Kind::Hidden => continue,
            Kind::Elsewhere => parts.push(Part::Elsewhere(heading())),
            Kind::Display => parts.push(Part::Said(heading())),
            Kind::Group => {
                parts.push(Part::Begin(heading()));
                add(&item.items, filled, checked, is_asked, parts);
                parts.push(Part::End);
                continue;
            }
            _ => parts.push(Part::Ask(Box::new(field(item, filled, checked, is_asked)))),
        }
        add(&item.items, filled, checked, is_asked, parts);
    }
}

fn field(item: &Item, filled: &Filled, checked: &Checked, is_asked: bool) -> Field {
    let id = format!("q{}", item.number);
    let (name, other_name) = (item.name(), item.other_name());
    let look = look(item);
    let choices = choices(item, &id, filled);
    let wrong = checked.wrong.iter().find(|one| one.number == item.number && is_asked);
    Field {
        look,
        text: item.text.clone(),
        hint: hint(item),
        wrong: wrong.map(|one| one.words.clone()),
        is_open: checked.open[item.number],
        is_required: item.is_required,
        is_number: matches!(item.kind, Kind::Integer | Kind::Decimal),
        value: if item.kind.is_choice() { String::new() } else { filled.first(&name).to_owned() },
        choices,
        other: (item.kind == Kind::OpenChoice).then(|| filled.first(&other_name).to_owned()),
        chars_max: item.chars_max.saturating_mul(2),
        link_id: item.link_id.clone(),
        id,
        name,
        other_name,
    }
}

fn look(item: &Item) -> Look {
    match item.kind {
        Kind::Boolean => Look::Radios,
        Kind::Choice | Kind::OpenChoice if item.repeats => Look::Boxes,
        Kind::Choice if item.options.len() > RADIOS_MAX => Look::List,
        Kind::Choice | Kind::OpenChoice => Look::Radios,
        Kind::Text => Look::Text,
        _ => Look::Line,
    }
}

fn choices(item: &Item, id: &str, filled: &Filled) -> Vec<Choice> {
    let name = item.name();
    let mut offered: Vec<(String, String)> = match item.kind {
        Kind::Boolean => vec![("yes".to_owned(), "Yes".to_owned()), ("no".to_owned(), "No".to_owned())],
        kind if kind.is_choice() => item.options.iter().map(|one| (one.key(), Value::words(one))).collect(),
        _ => return Vec::new(),
    };
    if item.kind == Kind::OpenChoice {
        offered.push((OTHER.to_owned(), "Something else".to_owned()));
    }
    // What was chosen by mistake can be taken back.
    if !item.is_required && look(item) == Look::Radios {
        offered.push((String::new(), "No answer".to_owned()));
    }
    let has_any = filled.each(&name).any(|value| !value.is_empty());
    let choice = |(at, (value, words)): (usize, (String, String))| {
        let is_on = if value.is_empty() { !has_any } else { filled.each(&name).any(|held| held == value) };
        Choice { id: format!("{id}-{at}"), value, words, is_on }
    };
    offered.into_iter().enumerate().map(choice).collect()
}

fn hint(item: &Item) -> String {
    let range = range(item);
    let number = |what: &str| match range.as_str() {
        "" => format!("{what}."),
        range => format!("{what} {range}."),
    };
    let mut hint = match item.kind {
        Kind::Integer => number("A whole number"),
        Kind::Decimal => number("A number"),
        Kind::Date if range.is_empty() => "Such as 14-Jul-2026. A month or a year will do.".to_owned(),
        Kind::Date => format!("Such as 14-Jul-2026, {range}."),
        Kind::Choice | Kind::OpenChoice if item.repeats => "Choose as many as are right.".to_owned(),
        _ => String::new(),
    };
    if let Some(unit) = &item.unit {
        hint = format!("{hint} In {unit}.").trim().to_owned();
    }
    hint
}
