//! The lines: a prescription or a report each, with what is said of it now.

use std::collections::HashSet;

use fhir::Json;

use super::{Form, list};
use crate::clinic::gone_through::Spoken;
use crate::clinic::names::Names;
use crate::clinic::read::{all, reference, text, words};
use crate::clinic::time;
use crate::pages::chart::panels::legible;

pub const SAYS: [(&str, &str); 3] =
    [("still", "Takes it so"), ("differently", "Takes it differently"), ("stopped", "Does not take it")];

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
    pub fn of(one: &Json<'_>, about: Option<&Json<'_>>, names: &Names) -> Self {
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
            said: about.map(|about| format!("takes it differently: {}", doses(about, "dosage"))),
            medicine: medicine_of(one),
            statement: about.and_then(|about| text(about, "id")).map(str::to_owned),
            id,
            is_request,
        }
    }
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

/// Prescriptions in force, then reports of what was not prescribed here. A report about a prescription stands with it.
pub fn lines(
    requests: &[Json<'static>],
    statements: &[Json<'static>],
    list: Option<&Json<'static>>,
    names: &Names,
) -> Vec<Line> {
    let about = |id: &str| {
        statements.iter().find(|one| all(one, "basedOn").iter().filter_map(reference).any(|(_, of)| of == id))
    };
    let held = requests.iter().filter(|one| text(one, "status") != Some("draft"));
    let mut lines: Vec<Line> = held
        .map(|one| {
            let mut line = Line::of(one, text(one, "id").and_then(about), names);
            line.said = line.said.or_else(|| list::said_of(list?, &line.id));
            line
        })
        .collect();
    let shown: HashSet<&str> = requests.iter().filter_map(|one| text(one, "id")).collect();
    let own = |one: &&Json<'_>| !all(one, "basedOn").iter().filter_map(reference).any(|(_, of)| shown.contains(of));
    lines.extend(statements.iter().filter(own).map(|one| Line::of(one, None, names)));
    lines.sort_by_key(|line| (!line.is_request, line.spoken.name.to_lowercase()));
    lines
}

/// Each line is spoken of, and what is said fits together.
pub fn check(form: &mut Form) {
    let mut slips = Vec::new();
    for (index, line) in form.lines.iter().map(AsRef::as_ref).enumerate() {
        let Spoken { name, how, .. } = line;
        match (line.say.as_str(), how.is_empty()) {
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
