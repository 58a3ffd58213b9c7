//! Answers as the items of a QuestionnaireResponse (FHIR R4).

use fhir::Json;

use super::{Checked, Item, Kind, Questionnaire};
use crate::clinic::moves::object;

/// What was answered, where it stands in the form. Parts in which nothing was are left out.
pub fn items(questionnaire: &Questionnaire, checked: &Checked) -> Vec<Json<'static>> {
    within(&questionnaire.items, checked)
}

fn within(items: &[Item], checked: &Checked) -> Vec<Json<'static>> {
    items.iter().filter_map(|item| answered(item, checked)).collect()
}

fn answered(item: &Item, checked: &Checked) -> Option<Json<'static>> {
    if !checked.open[item.number] {
        return None;
    }
    let below = within(&item.items, checked);
    let mut members = vec![("linkId", Json::string(item.link_id.clone())), ("text", Json::string(item.text.clone()))];
    match item.kind {
        Kind::Group if !below.is_empty() => members.push(("item", Json::Array(below))),
        kind if kind.is_question() && !checked.answers[item.number].is_empty() => {
            let mut below = Some(below).filter(|below| !below.is_empty());
            // What hangs on a question stands with its first answer: it is asked once, however many there are.
            let answers = checked.answers[item.number].iter().map(|value| {
                let below = below.take().map(|below| ("item", Json::Array(below)));
                object([value.member()].into_iter().chain(below))
            });
            members.push(("answer", Json::Array(answers.collect())));
        }
        _ => return None,
    }
    Some(object(members))
}
