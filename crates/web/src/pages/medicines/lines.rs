//! The lines: a prescription or a report each, with what is said of it now.

use std::collections::HashSet;

use access::Labels;
use fhir::Json;

use super::Form;
use crate::clinic::gone_through::Spoken;
use crate::clinic::names::Names;
use crate::clinic::read::{all, reference, text, words};
use crate::clinic::time;
use crate::pages::chart::panels::legible;

pub const SAYS: [(&str, &str); 3] =
    [("still", "Takes it so"), ("differently", "Takes it differently"), ("stopped", "Does not take it")];

/// R4, data-absent-reason: it is known, and not told here.
pub const MASKED: &str = "masked";

pub struct Line {
    pub spoken: Spoken,
    pub id: String,
    pub is_request: bool,
    pub dose: String,
    pub source: Vec<String>,
    pub state: Option<&'static str>,
    /// What the patient said of it before.
    pub said: Option<String>,
    /// The medicine as the resource has it.
    pub medicine: (&'static str, Json<'static>),
    /// The statement about this prescription that holds.
    pub statement: Option<String>,
    /// Those that close it, or what is said of it, to some who see the chart.
    pub categories: Labels,
    /// It may stay without an answer: policy did not let who gave one write it down.
    pub may_leave: bool,
    /// `meta.security`, as far as it is shown.
    pub labels: Option<Json<'static>>,
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
    pub fn of((one, categories): &(Json<'_>, Labels), about: Option<&(Json<'_>, Labels)>, names: &Names) -> Self {
        let is_request = text(one, "resourceType") == Some("MedicationRequest");
        let id = text(one, "id").unwrap_or_default().to_owned();
        let (dated, by) = if is_request { ("authoredOn", "requester") } else { ("dateAsserted", "informationSource") };
        let patient =
            one.get(by).and_then(reference).filter(|(kind, _)| *kind == "Patient").map(|_| "the patient".to_owned());
        let by = one.get(by).and_then(|by| names.name(by)).or(patient);
        let source = [text(one, dated).map(time::day), by].into_iter().flatten().collect();
        let dosed = if is_request { "dosageInstruction" } else { "dosage" };
        Self {
            spoken: Spoken::of(one, name_of(one, names)),
            dose: doses(one, dosed),
            source,
            state: match (text(one, "status"), is_request) {
                (Some("on-hold"), _) => Some("on hold"),
                (Some("draft"), _) => Some("not signed"),
                (_, false) => Some("reported"),
                _ => None,
            },
            said: about.map(|(about, _)| said_of(about)),
            medicine: medicine_of(one),
            statement: about.and_then(|(about, _)| text(about, "id")).map(str::to_owned),
            id,
            is_request,
            may_leave: false,
            categories: about.map_or(*categories, |(_, about)| categories.union(*about)),
            labels: { one.get("meta").and_then(|meta| meta.get("security")) }
                .filter(|labels| !labels.items().is_empty())
                .map(|labels| labels.clone().into_owned()),
        }
    }

    /// Whether what it is called stands with it alone.
    pub fn is_sensitive(&self) -> bool {
        !self.categories.is_empty()
    }
}

/// What a statement says of the prescription that it is about.
fn said_of(about: &Json<'_>) -> String {
    if text(about, "status") != Some("not-taken") {
        return format!("takes it differently: {}", doses(about, "dosage"));
    }
    let why: Vec<String> = all(about, "statusReason").iter().filter_map(words).collect();
    let day = text(about, "dateAsserted").map(|day| format!(" ({})", time::day(day))).unwrap_or_default();
    format!("does not take it: {}{day}", why.join("; "))
}

pub fn name_of(one: &Json<'_>, names: &Names) -> String {
    let coded = one.get("medicationCodeableConcept").and_then(words);
    let named = coded.or_else(|| names.name(one.get("medicationReference")?));
    named.map_or_else(|| "Medicine without a name".to_owned(), |name| legible(&name))
}

pub fn doses(one: &Json<'_>, element: &str) -> String {
    let said = all(one, element).iter().filter_map(|dose| text(dose, "text")).map(|said| said.trim_end_matches('.'));
    said.collect::<Vec<_>>().join("; ")
}

fn medicine_of(one: &Json<'_>) -> (&'static str, Json<'static>) {
    let held = |name| one.get(name).map(|held| held.clone().into_owned());
    match (held("medicationCodeableConcept"), held("medicationReference")) {
        (Some(concept), _) => ("medicationCodeableConcept", concept),
        (None, Some(reference)) => ("medicationReference", reference),
        _ => ("medicationCodeableConcept", Json::Null),
    }
}

/// Prescriptions in force, then reports of what was not prescribed here. A report about a prescription stands with it; one that names
/// no medicine stands nowhere else.
pub fn lines(requests: &[(Json<'static>, Labels)], statements: &[(Json<'static>, Labels)], names: &Names) -> Vec<Line> {
    fn of<'j>(one: &'j Json<'_>) -> impl Iterator<Item = &'j str> {
        all(one, "basedOn").iter().filter_map(reference).map(|(_, id)| id)
    }
    let about = |id: &str| statements.iter().find(|(one, _)| of(one).any(|of| of == id));
    let held = requests.iter().filter(|(one, _)| text(one, "status") != Some("draft"));
    let mut lines: Vec<Line> = held.map(|one| Line::of(one, text(&one.0, "id").and_then(about), names)).collect();
    let shown: HashSet<&str> = requests.iter().filter_map(|(one, _)| text(one, "id")).collect();
    let is_own = |(one, _): &&(Json<'_>, Labels)| {
        let is_taken = text(one, "status") != Some("not-taken");
        is_taken && !is_masked(one) && !of(one).any(|of| shown.contains(of))
    };
    lines.extend(statements.iter().filter(is_own).map(|one| Line::of(one, None, names)));
    lines.sort_by_key(|line| (!line.is_request, line.spoken.name.to_lowercase()));
    lines
}

/// What is said of a medicine whose name is for who may see the prescription.
pub fn is_masked(statement: &Json<'_>) -> bool {
    let concept = statement.get("medicationCodeableConcept");
    concept.is_some_and(|concept| all(concept, "extension").iter().any(|one| text(one, "valueCode") == Some(MASKED)))
}

/// Each line is spoken of, and what is said fits together.
pub fn check(form: &mut Form) {
    let mut slips = Vec::new();
    for (index, line) in form.lines.iter().enumerate() {
        let Spoken { name, how, say, .. } = &line.spoken;
        match (say.as_str(), how.is_empty()) {
            ("", _) if line.may_leave => {}
            ("still", _) | ("differently" | "stopped", false) => {}
            ("differently", true) => slips.push((format!("how-{index}"), format!("{name}: say how it is taken."))),
            ("stopped", true) => slips.push((format!("how-{index}"), format!("{name}: say why it is not taken."))),
            _ => slips.push((format!("say-{index}-still"), format!("{name}: say whether the patient takes it."))),
        }
    }
    for (index, new) in form.new.iter().enumerate() {
        if new.name.is_empty() && !new.detail.is_empty() {
            slips.push((format!("new-{index}"), "Say which medicine this dose is of.".to_owned()));
        }
    }
    let takes = form.lines.iter().any(|line| line.spoken.say != "stopped") || form.has_new();
    if form.is_none && takes {
        slips.push(("none".to_owned(), "“Takes no medicines” does not fit what else is filled in.".to_owned()));
    }
    if !form.is_none && !takes {
        let words = "Type what the patient takes, or tick that they take no medicines.";
        slips.push(("none".to_owned(), words.to_owned()));
    }
    form.slips = slips;
}

/// Policy refused an answer, and it can only be one of what is sensitive: those are open again, and may stay so.
pub fn refuse(form: &mut Form) {
    let_leave(form);
    form.slips.clear();
    for (index, line) in form.lines.iter_mut().enumerate().filter(|(_, line)| line.may_leave) {
        line.spoken.say.clear();
        let words = format!("{}: you may not write down what is said of it. Leave it open.", line.spoken.name);
        form.slips.push((format!("say-{index}-still"), words));
    }
}

pub fn let_leave(form: &mut Form) {
    for line in &mut form.lines {
        line.may_leave = line.is_sensitive();
    }
}
