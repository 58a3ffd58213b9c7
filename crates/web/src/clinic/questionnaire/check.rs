//! What was typed, and whether it answers the form. Nothing that was typed changes here.

use super::value::Value;
use super::{Item, Kind, Questionnaire, WORDS_CHARS_MAX, when};
use crate::clinic::time;

/// Digits of a number with a point in it.
const DIGITS_MAX: usize = 18;
/// What a form sends for "something else" of an open choice.
pub(super) const OTHER: &str = "other";

/// Fields as they were sent or kept: names and values. With no `Debug`: it is what a patient typed.
#[derive(Clone, Default, PartialEq)]
pub struct Filled(pub Vec<(String, String)>);

pub struct Checked {
    /// By the number of the item: whether it is asked.
    pub open: Vec<bool>,
    /// By the number of the item; nothing of what is not asked.
    pub answers: Vec<Vec<Value>>,
    pub wrong: Vec<Wrong>,
}

/// An item that is not answered as it has to be.
pub struct Wrong {
    pub number: usize,
    pub words: String,
}

impl Filled {
    pub fn each<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.0.iter().filter(move |(held, _)| held == name).map(|(_, value)| value.as_str())
    }

    pub fn first(&self, name: &str) -> &str {
        self.0.iter().find(|(held, _)| held == name).map_or("", |(_, value)| value)
    }

    /// What belongs to this form, and no more of it than a form of this size sends.
    pub fn of<'f>(questionnaire: &Questionnaire, sent: impl Iterator<Item = (&'f str, &'f str)>) -> Self {
        let flat = questionnaire.flat();
        let names: std::collections::HashSet<String> =
            flat.iter().flat_map(|(item, _)| [item.name(), item.other_name()]).collect();
        let kept = sent.filter(|(name, _)| names.contains(*name));
        Self(kept.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

impl Item {
    /// Of its field. A later version of the form has the same for the same question.
    pub fn name(&self) -> String {
        format!("a.{}", self.link_id)
    }

    pub fn other_name(&self) -> String {
        format!("o.{}", self.link_id)
    }
}

pub fn check(questionnaire: &Questionnaire, filled: &Filled) -> Checked {
    let flat = questionnaire.flat();
    let typed: Vec<Result<Vec<Value>, String>> = flat.iter().map(|(item, _)| typed(item, filled)).collect();
    let mut answers: Vec<Vec<Value>> = typed.iter().map(|one| one.clone().unwrap_or_default()).collect();
    let open = when::open(questionnaire, &answers);
    let mut wrong = Vec::new();
    for (number, (item, _)) in flat.iter().enumerate() {
        if !open[number] {
            answers[number].clear();
            continue;
        }
        match &typed[number] {
            Err(words) => wrong.push(Wrong { number, words: words.clone() }),
            Ok(held) if held.is_empty() && item.is_required && item.kind.is_question() => {
                wrong.push(Wrong { number, words: unanswered(item).to_owned() });
            }
            Ok(_) => {}
        }
    }
    for (item, _) in flat.iter().filter(|(item, _)| item.is_required && item.kind == Kind::Group && open[item.number]) {
        let (mut first, mut is_answered) = (None, false);
        let first_and_answered = |one: &Item| {
            if open[one.number] && one.kind.is_question() {
                first.get_or_insert(one.number);
                is_answered |= !answers[one.number].is_empty();
            }
        };
        each_within(&item.items, first_and_answered);
        if let Some(number) = first.filter(|first| !is_answered && !wrong.iter().any(|one| one.number == *first)) {
            wrong.push(Wrong { number, words: "Answer at least one question of this part.".to_owned() });
        }
    }
    wrong.extend(too_long(&flat, &open, filled));
    wrong.sort_by_key(|one| one.number);
    Checked { open, answers, wrong }
}

impl Checked {
    /// The names of the items that are asked.
    pub fn asked<'q>(&self, questionnaire: &'q Questionnaire) -> Vec<&'q str> {
        let flat = questionnaire.flat().into_iter();
        flat.filter(|(item, _)| self.open[item.number]).map(|(item, _)| item.link_id.as_str()).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.answers.iter().all(Vec::is_empty)
    }
}

/// All of it is more than a form takes: said where most is said.
fn too_long(flat: &[(&Item, Option<usize>)], open: &[bool], filled: &Filled) -> Option<Wrong> {
    let chars = |item: &Item| match item.kind.is_choice() {
        true => filled.first(&item.other_name()).chars().count(),
        false => filled.first(&item.name()).chars().count(),
    };
    let asked = flat.iter().filter(|(item, _)| open[item.number]);
    let said: Vec<(usize, usize)> = asked.map(|(item, _)| (chars(item), item.number)).collect();
    let sum: usize = said.iter().map(|(chars, _)| chars).sum();
    let (_, number) = said.into_iter().max().filter(|_| sum > WORDS_CHARS_MAX)?;
    let words = format!(
        "All answers together have {sum} letters, and a form takes {WORDS_CHARS_MAX}: say the longest ones more shortly, this one first."
    );
    Some(Wrong { number, words })
}

fn each_within(items: &[Item], mut each: impl FnMut(&Item)) {
    fn go(items: &[Item], each: &mut impl FnMut(&Item)) {
        for item in items {
            each(item);
            go(&item.items, each);
        }
    }
    go(items, &mut each);
}

fn unanswered(item: &Item) -> &'static str {
    match item.kind {
        Kind::Choice | Kind::OpenChoice | Kind::Boolean if item.repeats => "Choose at least one answer.",
        Kind::Choice | Kind::OpenChoice | Kind::Boolean => "Choose an answer.",
        _ => "This has to be answered.",
    }
}

/// What stands in the fields of one item, or what is wrong with it.
fn typed(item: &Item, filled: &Filled) -> Result<Vec<Value>, String> {
    if !item.kind.is_question() {
        return Ok(Vec::new());
    }
    if item.kind.is_choice() {
        return chosen(item, filled);
    }
    let name = item.name();
    let text = match item.kind {
        Kind::Text => plain(filled.first(&name), true),
        _ => plain(filled.first(&name), false),
    };
    let text = text.trim();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let value = match item.kind {
        Kind::Boolean => match text {
            "yes" => Value::Boolean(true),
            "no" => Value::Boolean(false),
            _ => return Err("Choose an answer.".to_owned()),
        },
        Kind::Integer => Value::Integer(text.parse().map_err(|_| "Type a whole number.".to_owned())?),
        Kind::Decimal => Value::Decimal(decimal(text).ok_or("Type a number, such as 36.5.")?),
        Kind::Date => Value::Date(time::typed(text).ok_or("Type a date, such as 14-Jul-2026.")?),
        _ => Value::Words(text.to_owned()),
    };
    fits(item, value).map(|value| vec![value])
}

fn fits(item: &Item, value: Value) -> Result<Value, String> {
    if let Value::Words(words) = &value {
        let chars = words.chars().count();
        if chars > item.chars_max {
            return Err(format!("This has {chars} letters: say it in at most {}.", item.chars_max));
        }
        return Ok(value);
    }
    let is_low = item.least.as_ref().is_some_and(|least| value.compare(least).is_some_and(std::cmp::Ordering::is_lt));
    let is_high = item.most.as_ref().is_some_and(|most| value.compare(most).is_some_and(std::cmp::Ordering::is_gt));
    if is_low || is_high {
        return Err(format!("This has to be {}.", range(item)));
    }
    Ok(value)
}

/// `from 0 to 10`; empty where the form sets no bounds.
pub(super) fn range(item: &Item) -> String {
    match (item.least.as_ref().map(Value::words), item.most.as_ref().map(Value::words)) {
        (Some(least), Some(most)) => format!("from {least} to {most}"),
        (Some(least), None) => format!("{least} or more"),
        (None, Some(most)) => format!("{most} or less"),
        (None, None) => String::new(),
    }
}

fn chosen(item: &Item, filled: &Filled) -> Result<Vec<Value>, String> {
    let name = item.name();
    let (mut values, mut has_other) = (Vec::new(), false);
    for key in filled.each(&name).filter(|key| !key.is_empty()) {
        if item.kind == Kind::OpenChoice && key == OTHER {
            has_other = true;
            continue;
        }
        let option = item.options.iter().find(|option| option.key() == key);
        values.push(option.ok_or("Choose one of the answers.")?.clone());
    }
    let said = plain(filled.first(&item.other_name()), false);
    let said = said.trim();
    if has_other && said.is_empty() {
        return Err("Say what else.".to_owned());
    }
    if has_other {
        values.push(fits(item, Value::Words(said.to_owned()))?);
    }
    if values.len() > 1 && !item.repeats {
        return Err("Choose one answer.".to_owned());
    }
    Ok(values)
}

/// Without what no text of FHIR holds; browsers send CR LF for a line.
fn plain(text: &str, has_lines: bool) -> String {
    text.chars().filter(|letter| !letter.is_control() || has_lines && *letter == '\n').collect()
}

/// As JSON writes a number; none where it is none.
fn decimal(text: &str) -> Option<String> {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(part) || digits.len() > DIGITS_MAX || digits.ends_with('.') {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") })
}
