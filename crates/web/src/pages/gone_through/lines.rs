//! The lines: what the chart says of one allergy, problem or dose, with what is said of it now.

use access::Labels;
use fhir::Json;
use jiff::tz::TimeZone;

use super::Form;
use super::kind::{Kind, What};
use crate::clinic::banner::{self, Allergy};
use crate::clinic::gone_through::{New, Spoken};
use crate::clinic::names::Names;
use crate::clinic::read::text;
use crate::clinic::time;
use crate::pages::allergies::is_none_known;
use crate::pages::immunizations::Dose;
use crate::pages::problems;

pub struct Line {
    pub spoken: Spoken,
    pub chips: Vec<&'static str>,
    pub is_severe: bool,
    /// What stands under the name, part by part.
    pub details: Vec<String>,
    pub resource: Json<'static>,
    /// Its category is closed to some who see the chart: the List must not say that it exists.
    pub is_sensitive: bool,
}

impl AsRef<Spoken> for Line {
    fn as_ref(&self) -> &Spoken {
        &self.spoken
    }
}

impl AsMut<Spoken> for Line {
    fn as_mut(&mut self) -> &mut Spoken {
        &mut self.spoken
    }
}

impl Line {
    fn of(kind: &Kind, (one, categories): (&Json<'static>, Labels), names: &Names, zone: &TimeZone) -> Self {
        let (name, is_severe, chips, details) = match kind.what {
            What::Allergies => {
                let one = Allergy::of(one, names, zone);
                let detail = one.detail();
                (one.substance, one.is_severe, Vec::new(), vec![detail, one.source])
            }
            What::Problems => {
                let one = problems::Line::of(one, names, zone);
                let chips = one.is_provisional.then_some("provisional").into_iter().collect();
                let since = if one.onset.is_empty() { String::new() } else { format!("since {}", one.onset) };
                (one.name, false, chips, vec![since, one.source])
            }
            What::Immunizations => {
                let one = Dose::of(one, names, zone);
                let chips = one.is_reported.then_some("told of").into_iter().collect();
                (one.vaccine, false, chips, [vec![one.when], one.details].concat())
            }
        };
        Self {
            spoken: Spoken::of(one, name),
            chips,
            is_severe,
            details: details.into_iter().filter(|part| !part.is_empty()).collect(),
            resource: one.clone(),
            is_sensitive: !categories.is_empty(),
        }
    }

    /// What orders problems and doses: newest first.
    fn since(&self) -> &str {
        ["onsetDateTime", "recordedDate", "occurrenceDateTime"]
            .iter()
            .find_map(|name| text(&self.resource, name))
            .unwrap_or_default()
    }
}

/// What is listed and holds, in the order of its page; that none are known is no line.
pub fn lines(kind: &Kind, all: &[(Json<'static>, Labels)], names: &Names, zone: &TimeZone) -> Vec<Line> {
    let is_line = |one: &Json<'_>| match kind.what {
        What::Allergies => banner::holds(one) && !is_none_known(one),
        What::Problems => problems::fill::holds(one),
        What::Immunizations => text(one, "status") == Some("completed"),
    };
    let held = all.iter().filter(|(one, _)| is_line(one));
    let mut lines: Vec<Line> = held.map(|(one, categories)| Line::of(kind, (one, *categories), names, zone)).collect();
    lines.sort_by(|a, b| {
        let names = || a.spoken.name.to_lowercase().cmp(&b.spoken.name.to_lowercase());
        let newest = || b.since().cmp(a.since());
        match kind.what {
            What::Allergies => b.is_severe.cmp(&a.is_severe).then_with(names),
            What::Problems => newest().then_with(names),
            What::Immunizations => names().then_with(newest),
        }
    });
    lines
}

/// All that the page had shown and nothing was said of yet is as the chart has it.
pub fn answer_the_rest(form: &mut Form, seen: &[String]) {
    let is_open = |line: &&mut Line| line.spoken.say.is_empty() && seen.contains(&line.spoken.key);
    for line in form.lines.iter_mut().filter(is_open) {
        line.spoken.say = "still".to_owned();
    }
}

/// Each line is spoken of, what is new is named once, and that there are none fits the rest.
pub fn check(kind: &Kind, form: &mut Form) {
    let mut slips = Vec::new();
    for (index, line) in form.lines.iter().enumerate() {
        let Spoken { name, say, how, .. } = &line.spoken;
        if kind.words(say).is_empty() {
            slips.push((format!("say-{index}-still"), format!("{name}: say what the patient says of it.")));
        } else if how.is_empty() && kind.with_reason.contains(&say.as_str()) {
            slips.push((format!("how-{index}"), format!("{name}: say why, in a few words.")));
        }
    }
    for (index, new) in form.new.iter().enumerate() {
        if new.name.is_empty() && !(new.detail.is_empty() && new.pick.is_empty()) {
            slips.push((format!("new-{index}"), kind.nameless.to_owned()));
        } else if is_listed(kind, form, index, new) {
            slips.push((format!("new-{index}"), format!("{}: this is on the list already.", new.name)));
        }
    }
    let has_any = form.lines.iter().any(|line| matches!(line.spoken.say.as_str(), "" | "still")) || form.has_new();
    if form.is_none && has_any {
        slips.push(("none".to_owned(), format!("“{}” does not fit what else is filled in.", kind.none)));
    }
    if !form.is_none && !has_any {
        let words = format!("Type what the patient names, or tick “{}”.", kind.none);
        slips.push(("none".to_owned(), words));
    }
    form.slips = slips;
}

/// Whether it is in the chart, or in a line above. Of a vaccine there are several doses, each on its day.
fn is_listed(kind: &Kind, form: &Form, index: usize, new: &New) -> bool {
    let is_dose = kind.what == What::Immunizations;
    let day = time::typed(&new.detail);
    let is_named = |name: &str| name.to_lowercase() == new.name.to_lowercase();
    let holds = |line: &&Line| line.spoken.say == "still";
    let on_that_day = |line: &Line| {
        let held = text(&line.resource, "occurrenceDateTime").map(|at| at.get(..10).unwrap_or(at));
        !is_dose || held == day.as_deref()
    };
    let above = form.new.iter().take(index);
    !new.name.is_empty()
        && (form.lines.iter().filter(holds).any(|line| is_named(&line.spoken.name) && on_that_day(line)) || { above }
            .any(|one| is_named(&one.name) && (!is_dose || one.detail == new.detail)))
}
