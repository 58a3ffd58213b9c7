//! Which items are asked at all: `enableWhen` and `enableBehavior` (FHIR R4, questionnaire.html).

use std::cmp::Ordering;

use fhir::Json;

use super::value::Value;
use super::{Item, Questionnaire};
use crate::clinic::read::{all, text};

pub struct When {
    /// A linkId.
    pub question: String,
    test: Test,
}

enum Test {
    Exists(bool),
    /// Some answer is; none where what it is compared with is of a kind that is not understood.
    Is(Operator, Value),
}

#[derive(Clone, Copy)]
enum Operator {
    Equal,
    /// No answer is equal.
    NotEqual,
    Above,
    Below,
    AtLeast,
    AtMost,
}

/// Whether an item is asked is found out once.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Unknown,
    /// What hangs on itself is not asked.
    Asking,
    Open,
    Closed,
}

struct Asked<'q, 'a> {
    flat: &'a [(&'q Item, Option<usize>)],
    answers: &'a [Vec<Value>],
    states: Vec<State>,
}

impl When {
    /// All of an item's conditions; none where one of them is not understood.
    pub fn read(item: &Json<'_>) -> Option<Vec<Self>> {
        all(item, "enableWhen").iter().map(Self::one).collect()
    }

    fn one(when: &Json<'_>) -> Option<Self> {
        let question = text(when, "question")?.to_owned();
        let operator = match text(when, "operator")? {
            "exists" => {
                let exists = when.get("answerBoolean").and_then(Json::as_bool)?;
                return Some(Self { question, test: Test::Exists(exists) });
            }
            "=" => Operator::Equal,
            "!=" => Operator::NotEqual,
            ">" => Operator::Above,
            "<" => Operator::Below,
            ">=" => Operator::AtLeast,
            "<=" => Operator::AtMost,
            _ => return None,
        };
        Some(Self { question, test: Test::Is(operator, Value::read(when, "answer")?) })
    }

    fn holds(&self, answers: &[Value]) -> bool {
        let (operator, wanted) = match &self.test {
            Test::Exists(exists) => return answers.is_empty() != *exists,
            Test::Is(operator, wanted) => (*operator, wanted),
        };
        let any = |fits: fn(Ordering) -> bool| answers.iter().filter_map(|one| one.compare(wanted)).any(fits);
        match operator {
            Operator::Equal => any(Ordering::is_eq),
            Operator::NotEqual => !any(Ordering::is_eq),
            Operator::Above => any(Ordering::is_gt),
            Operator::Below => any(Ordering::is_lt),
            Operator::AtLeast => any(Ordering::is_ge),
            Operator::AtMost => any(Ordering::is_le),
        }
    }
}

/// Of each item whether it is asked, given what every item was answered.
pub(super) fn open(questionnaire: &Questionnaire, answers: &[Vec<Value>]) -> Vec<bool> {
    let flat = questionnaire.flat();
    let mut asked = Asked { flat: &flat, answers, states: vec![State::Unknown; flat.len()] };
    (0..flat.len()).map(|number| asked.is_open(number)).collect()
}

impl Asked<'_, '_> {
    fn is_open(&mut self, number: usize) -> bool {
        match self.states[number] {
            State::Open => return true,
            State::Closed | State::Asking => return false,
            State::Unknown => self.states[number] = State::Asking,
        }
        let is_open = self.is_within_open(number) && self.is_wanted(number);
        self.states[number] = if is_open { State::Open } else { State::Closed };
        is_open
    }

    /// Below a question stands what its answer asks for: without one there is nowhere for it to go.
    fn is_within_open(&mut self, number: usize) -> bool {
        let Some(within) = self.flat[number].1 else { return true };
        let is_question = self.flat[within].0.kind.is_question();
        self.is_open(within) && (!is_question || !self.answers[within].is_empty())
    }

    fn is_wanted(&mut self, number: usize) -> bool {
        let item = self.flat[number].0;
        if item.when.is_empty() {
            return true;
        }
        let mut held = 0;
        for when in &item.when {
            let question = self.flat.iter().position(|(item, _)| item.link_id == when.question);
            // What is not asked has no answer, whatever stands in its field.
            let answers = match question {
                Some(at) if self.is_open(at) => self.answers[at].as_slice(),
                _ => &[],
            };
            held += usize::from(when.holds(answers));
        }
        if item.is_any { held > 0 } else { held == item.when.len() }
    }
}
