//! A QuestionnaireResponse as people read it: questions and answers, whoever wrote it and with whatever form.

use fhir::Json;

use super::value::Value;
use super::{DEPTH_MAX, Questionnaire};
use crate::clinic::read::{all, at, text, words};
use crate::clinic::time;

/// With no `Debug`: it is what a patient said.
pub struct Line {
    pub level: usize,
    pub text: String,
    pub is_part: bool,
    pub answers: Vec<String>,
}

impl Line {
    /// As deep as a page shows it.
    pub fn depth(&self) -> usize {
        self.level.min(2)
    }
}

/// In the order of the response. A question without words has those of the form, where it is at hand.
pub fn told(response: &Json<'_>, form: Option<&Questionnaire>) -> Vec<Line> {
    let mut lines = Vec::new();
    add(response, form, 0, &mut lines);
    lines
}

fn add(holder: &Json<'_>, form: Option<&Questionnaire>, level: usize, lines: &mut Vec<Line>) {
    if level > DEPTH_MAX {
        return;
    }
    for item in all(holder, "item") {
        let answers = all(item, "answer");
        let link_id = text(item, "linkId").unwrap_or_default();
        let of_form = || {
            let all = form?.flat();
            all.iter().find(|(one, _)| one.link_id == link_id).map(|(one, _)| one.text.clone())
        };
        let said = text(item, "text").map(str::to_owned).or_else(of_form).unwrap_or_else(|| link_id.to_owned());
        let unit = form.and_then(|form| {
            let all = form.flat();
            all.iter().find(|(one, _)| one.link_id == link_id).and_then(|(one, _)| one.unit.clone())
        });
        let one = |answer: &Json<'_>| match (answer_words(answer), &unit) {
            (said, Some(unit)) => format!("{said} {unit}"),
            (said, None) => said,
        };
        let is_part = answers.is_empty() && !all(item, "item").is_empty();
        lines.push(Line { level, text: said, is_part, answers: answers.iter().map(one).collect() });
        for answer in answers {
            add(answer, form, level + 1, lines);
        }
        add(item, form, level + 1, lines);
    }
}

/// Every kind of answer that R4 has.
fn answer_words(answer: &Json<'_>) -> String {
    if let Some(value) = Value::read(answer, "value") {
        return value.words();
    }
    let plain = |name| text(answer, name).map(str::to_owned);
    let quantity = || {
        let quantity = answer.get("valueQuantity")?;
        let value = quantity.get("value").and_then(Json::as_number)?;
        Some(
            format!("{value} {}", text(quantity, "unit").or(text(quantity, "code")).unwrap_or_default())
                .trim()
                .to_owned(),
        )
    };
    let reference = || {
        let held = answer.get("valueReference")?;
        text(held, "display").or(text(held, "reference")).map(str::to_owned)
    };
    plain("valueDateTime")
        .map(|moment| time::moment(&moment))
        .or_else(|| plain("valueTime"))
        .or_else(|| plain("valueUri"))
        .or_else(quantity)
        .or_else(reference)
        .or_else(|| at(answer, &["valueAttachment", "title"]).and_then(Json::as_str).map(str::to_owned))
        .or_else(|| answer.get("valueCodeableConcept").and_then(words))
        .unwrap_or_else(|| "An answer that cannot be shown here".to_owned())
}
