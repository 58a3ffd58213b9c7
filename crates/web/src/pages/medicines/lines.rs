//! The lines: a prescription or a report each, with what is said of it now.

use std::collections::HashSet;

use fhir::Json;

use super::Form as Page;
use super::list::{self, Gone};
use crate::clinic::names::Names;
use crate::clinic::read::{all, reference, text, words};
use crate::clinic::{deed, time};
use crate::forms::Form;
use crate::pages::chart::panels::legible;

/// Letters of what is said of a line.
const CHARS_MAX: usize = 300;
/// Lines of new medicines in one form.
const NEW_MAX: usize = 40;
pub const SAYS: [(&str, &str); 3] =
    [("still", "Takes it so"), ("differently", "Takes it differently"), ("stopped", "Does not take it")];

pub struct Line {
    /// `MedicationRequest/ID/VERSION`: what the page showed.
    pub key: String,
    pub id: String,
    pub is_request: bool,
    pub name: String,
    pub dose: String,
    pub source: Vec<String>,
    pub state: Option<&'static str>,
    /// What the patient said of it before.
    pub said: Option<String>,
    pub say: String,
    pub how: String,
    /// New or changed since the page was opened.
    pub mark: Option<&'static str>,
    /// The medicine as the resource has it.
    pub medicine: (&'static str, Json<'static>),
    /// The statement about this prescription that holds.
    pub statement: Option<String>,
}

#[derive(Default)]
pub struct New {
    pub name: String,
    pub dose: String,
}

impl Line {
    pub fn of(one: &Json<'_>, about: Option<&Json<'_>>, names: &Names) -> Self {
        let kind = text(one, "resourceType").unwrap_or_default();
        let is_request = kind == "MedicationRequest";
        let id = text(one, "id").unwrap_or_default().to_owned();
        let (dated, by) = if is_request { ("authoredOn", "requester") } else { ("dateAsserted", "informationSource") };
        let patient =
            one.get(by).and_then(reference).filter(|(kind, _)| *kind == "Patient").map(|_| "the patient".to_owned());
        let by = one.get(by).and_then(|by| names.name(by)).or(patient);
        let source = [text(one, dated).map(time::day), by].into_iter().flatten().collect();
        let dosed = if is_request { "dosageInstruction" } else { "dosage" };
        Self {
            key: format!("{kind}/{id}/{}", deed::version_of(one)),
            name: name_of(one, names),
            dose: doses(one, dosed),
            source,
            state: match (text(one, "status"), is_request) {
                (Some("on-hold"), _) => Some("on hold"),
                (Some("draft"), _) => Some("not signed"),
                (_, false) => Some("reported"),
                _ => None,
            },
            said: about.map(|about| format!("takes it differently: {}", doses(about, "dosage"))),
            say: String::new(),
            how: String::new(),
            mark: None,
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
    lines.sort_by_key(|line| (!line.is_request, line.name.to_lowercase()));
    lines
}

/// Fills in what was typed, and gives the lines that the page had shown.
pub fn read(sent: &Form, form: &mut Page) -> Vec<String> {
    let cut = |name: &str| sent.text(name).trim().chars().take(CHARS_MAX).collect::<String>();
    let seen: Vec<String> = (0..super::LINES_MAX * 2)
        .map_while(|index| Some(sent.text(&format!("line-{index}"))).filter(|key| !key.is_empty()))
        .map(str::to_owned)
        .collect();
    for (index, key) in seen.iter().enumerate() {
        let Some(line) = form.lines.iter_mut().find(|line| same(&line.key, key)) else { continue };
        line.say = cut(&format!("say-{index}"));
        line.how = cut(&format!("how-{index}"));
    }
    let count = sent.text("rows").parse::<usize>().unwrap_or(0).min(NEW_MAX);
    form.new = (0..count)
        .map(|index| New { name: cut(&format!("new-{index}")), dose: cut(&format!("dose-{index}")) })
        .collect();
    form.takes_none = sent.text("none") == "yes";
    seen
}

/// The same resource, in whichever version.
fn same(one: &str, other: &str) -> bool {
    one.rsplit_once('/').map(|(id, _)| id) == other.rsplit_once('/').map(|(id, _)| id)
}

/// What differs between what the page had shown and what holds now; lines are marked.
pub fn overtaken(
    seen: &[String],
    sent: &Form,
    form: &mut Page,
    list: Option<&Json<'_>>,
    names: &Names,
) -> Option<Gone> {
    let mut changes = Vec::new();
    for line in &mut form.lines {
        match seen.iter().find(|key| same(key, &line.key)) {
            None => line.mark = Some("new since you opened the page"),
            Some(key) if *key != line.key => line.mark = Some("changed since you opened the page"),
            Some(_) => continue,
        }
        changes.extend(line.mark.map(|mark| format!("{}: {mark}", line.name)));
    }
    let gone = seen.iter().filter(|key| !form.lines.iter().any(|line| same(&line.key, key))).count();
    if gone > 0 {
        changes.push(format!("{gone} of the lines you saw are not current any more"));
    }
    let version = list.map_or(0, deed::version_of).to_string();
    if let Some(list) = list.filter(|_| sent.text("list") != version) {
        changes.push(format!("Gone through meanwhile: {}", list::Went::of(list, names).who));
    }
    (!changes.is_empty()).then_some(Gone::Changed(changes))
}

/// Each line is spoken of, and what is said fits together.
pub fn check(form: &mut Page) {
    let mut slips = Vec::new();
    for (index, line) in form.lines.iter().enumerate() {
        let how = line.how.is_empty();
        match line.say.as_str() {
            "still" => {}
            "differently" if how => {
                slips.push((format!("how-{index}"), format!("{}: say how it is taken.", line.name)))
            }
            "stopped" if how => {
                slips.push((format!("how-{index}"), format!("{}: say why it is not taken.", line.name)))
            }
            "differently" | "stopped" => {}
            _ => {
                slips.push((format!("say-{index}-still"), format!("{}: say whether the patient takes it.", line.name)))
            }
        }
    }
    for (index, new) in form.new.iter().enumerate() {
        if new.name.is_empty() && !new.dose.is_empty() {
            slips.push((format!("new-{index}"), "Say which medicine this dose is of.".to_owned()));
        }
    }
    let takes = form.lines.iter().any(|line| line.say != "stopped") || form.new.iter().any(|new| !new.name.is_empty());
    if form.takes_none && takes {
        slips.push(("none".to_owned(), "“Takes no medicines” does not fit what else is filled in.".to_owned()));
    }
    if !form.takes_none && !takes {
        let words = "Type what the patient takes, or tick that they take no medicines.";
        slips.push(("none".to_owned(), words.to_owned()));
    }
    form.slips = slips;
}
