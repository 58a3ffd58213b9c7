//! What a signed note brings with it: its diagnoses as Conditions and in the encounter, and the Composition that says who attests it.

use access::{Action, Caller, Labels};
use fhir::Json;
use fhir::build::{coding, concept, identifier, list, object, reference, text};
use std::borrow::Cow;
use store::{Backend, ChartNo, NoNewMatch};

use super::sign::{NoteToSign, withheld_coding};
use super::{DraftKind, Held};
use crate::open::Current;
use crate::prepare::Prepared;
use crate::request::Preconditions;
use crate::write::{Change, Matched, Newcomers};
use crate::{Record, RecordError, ResourceKey, types};

/// Diagnoses of one note: as many as a claim takes (ASC X12 837P).
pub const DIAGNOSES_MAX: usize = 12;
/// A Composition bears the id of its note under this.
pub const NOTE_SYSTEM: &str = "urn:wardstone:note";

const LOINC: &str = "http://loinc.org";
const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/condition-category";
const ENCOUNTER_DIAGNOSIS: (&str, &str, &str) = ("encounter-diagnosis", "Encounter Diagnosis", "encounter-diagnosis");
const PROBLEM: (&str, &str, &str) = ("problem-list-item", "Problem List Item", "problems-health-concerns");

/// A diagnosis as it is signed; the first of a note is the primary one.
pub struct Diagnosis {
    /// A CodeableConcept.
    pub code: Json<'static>,
    /// It goes on the problem list, too, unless it is there.
    pub is_new_problem: bool,
}

/// What is written with a note, in the same transaction.
#[derive(Default)]
pub(super) struct Beside {
    pub writes: Vec<Prepared>,
    /// The Conditions of the diagnoses, in their order.
    pub diagnoses: Vec<String>,
    /// What the diagnoses put the note under.
    pub labels: Labels,
    /// What must not be there at the commit.
    pub conditions: Vec<NoNewMatch>,
}

impl<B: Backend> Record<B> {
    /// The Conditions of a note's diagnoses, and the encounter that names them.
    pub(super) async fn beside(
        &self,
        caller: &Caller,
        held: &Held,
        note: &NoteToSign,
        author: &str,
        now: &str,
    ) -> Result<Beside, RecordError> {
        let mut beside = Beside::default();
        let visit = self.visit(held.chart, held.encounter_id.as_deref()).await?;
        let encounter = visit.as_ref().map(|visit| visit.head.reference());
        let condition = types::parse("Condition").ok_or(RecordError::Damaged)?;
        for diagnosis in &note.diagnoses {
            let made = |kind| condition_json(held, note, diagnosis, kind, author, encounter.as_deref(), now);
            let place = self.new_row(None)?;
            let one = self.prepare_signed(caller, condition, &made(ENCOUNTER_DIAGNOSIS), place, Labels::NONE).await?;
            beside.labels = beside.labels.union(one.labels.without(Labels::OF_ELEMENTS));
            beside.diagnoses.push(format!("Condition/{}", one.id));
            beside.writes.push(one);
            if !diagnosis.is_new_problem {
                continue;
            }
            match self.on_the_list(caller, held, diagnosis).await? {
                Listed::Already => continue,
                Listed::Not(condition) => beside.conditions.extend(condition),
            }
            let place = self.new_row(None)?;
            beside.writes.push(self.prepare_signed(caller, condition, &made(PROBLEM), place, Labels::NONE).await?);
        }
        // The patient reads the encounter: what is kept from them is not named there.
        if let Some(visit) = visit.filter(|_| !beside.diagnoses.is_empty() && note.withheld.is_none()) {
            beside.writes.push(self.named_in(caller, &visit, &beside.diagnoses).await?);
        }
        Ok(beside)
    }

    /// The encounter that a note in this chart names, if it is there. Another patient's is refused.
    pub(super) async fn visit(&self, chart: ChartNo, id: Option<&str>) -> Result<Option<Current>, RecordError> {
        let Some(key) = id.and_then(|id| ResourceKey::parse("Encounter", id)) else { return Ok(None) };
        match self.find(&key).await?.filter(|found| !found.head.deleted()) {
            Some(found) if !self.is_one_patients(chart, found.head.chart).await? => Err(RecordError::Malformed(
                "the visit of this note is another patient’s; begin another note and take the text along",
            )),
            found => Ok(found),
        }
    }

    /// Whether the problem list has it; if not, what keeps two people from adding it at the same time.
    async fn on_the_list(&self, caller: &Caller, held: &Held, diagnosis: &Diagnosis) -> Result<Listed, RecordError> {
        let member = |name: &str| diagnosis.code.get("coding")?.items().first()?.get(name)?.as_str();
        let Some((system, code)) = member("system").zip(member("code")) else { return Ok(Listed::Not(None)) };
        let pairs = [
            ("patient", held.patient_id.clone()),
            ("category", PROBLEM.0.to_owned()),
            ("clinical-status", "active".to_owned()),
            ("code", format!("{system}|{code}")),
        ];
        let pairs = pairs.map(|(name, value)| (Cow::Borrowed(name), Cow::Owned(value)));
        let kind = types::parse("Condition").ok_or(RecordError::Damaged)?;
        match self.matching(caller, kind, &pairs).await {
            Ok(Matched::None(condition)) => Ok(Listed::Not(Some(condition))),
            Ok(Matched::One(_)) | Err(RecordError::MultipleMatches) => Ok(Listed::Already),
            Err(error) => Err(error),
        }
    }

    /// The encounter with these diagnoses behind those it names already.
    async fn named_in(&self, caller: &Caller, visit: &Current, diagnoses: &[String]) -> Result<Prepared, RecordError> {
        let audited = audit::Action::Patch;
        let permit = match self.judge(caller, Action::Patch, &visit.head, &visit.head).await? {
            Ok(permit) => permit,
            Err(denial) => return Err(self.denied(caller, audited, &visit.head, &denial).await),
        };
        let shown = self.open_version(&permit, &visit.head, &visit.body.body).await?;
        let mut encounter = shown.tree()?.into_owned();
        let held = encounter.get("diagnosis").map_or(&[][..], Json::items);
        let mut all: Vec<Json<'static>> = held.iter().map(|one| one.clone().into_owned()).collect();
        for condition in diagnoses {
            let rank = Json::Number((all.len() + 1).to_string().into());
            all.push(object([("condition", reference(condition)), ("rank", rank)]));
        }
        encounter.as_object_mut().ok_or(RecordError::Damaged)?.set("diagnosis", Json::Array(all));
        let kind = types::parse("Encounter").ok_or(RecordError::Damaged)?;
        let checked = self.check(kind, encounter)?;
        let preconditions = Preconditions::default();
        let change = Change { action: Action::Patch, audited, current: visit, preconditions };
        self.prepare_update(caller, change, checked, &mut Newcomers::default()).await
    }
}

enum Listed {
    Already,
    Not(Option<NoNewMatch>),
}

/// US Core 6.1.0 Condition: of the encounter, or of the problem list.
fn condition_json(
    held: &Held,
    note: &NoteToSign,
    diagnosis: &Diagnosis,
    (category, display, profile): (&'static str, &'static str, &'static str),
    author: &str,
    encounter: Option<&str>,
    now: &str,
) -> Vec<u8> {
    let status = |set: &str, code: &str| {
        let system = format!("http://terminology.hl7.org/CodeSystem/{set}");
        concept(object([("system", text(&system)), ("code", text(code))]))
    };
    let profile = format!("http://hl7.org/fhir/us/core/StructureDefinition/us-core-condition-{profile}");
    let mut meta = vec![("profile", list([text(&profile)]))];
    if note.withheld.is_some() {
        meta.push(("security", list([withheld_coding()])));
    }
    let mut members = vec![
        ("resourceType", text("Condition")),
        ("meta", object(meta)),
        ("clinicalStatus", status("condition-clinical", "active")),
        ("verificationStatus", status("condition-ver-status", "confirmed")),
        ("category", list([concept(coding(CATEGORY, category, display))])),
        ("code", diagnosis.code.clone()),
        ("subject", reference(&format!("Patient/{}", held.patient_id))),
    ];
    members.extend(encounter.map(|encounter| ("encounter", reference(encounter))));
    members.extend([("recordedDate", text(now)), ("recorder", reference(author)), ("asserter", reference(author))]);
    object(members).to_vec()
}

/// The note as a whole: what it is made of, and who attests it. Its text is in the DocumentReference.
pub(super) fn composition_json(
    held: &Held,
    note: &NoteToSign,
    (author, note_id, now): (&str, &str, &str),
    beside: &Beside,
) -> Vec<u8> {
    let section = |title: &str, code: Json<'static>, entries: &[String]| {
        let entries = entries.iter().map(|entry| reference(entry));
        object([("title", text(title)), ("code", concept(code)), ("entry", list(entries))])
    };
    let attests = |mode: &str| object([("mode", text(mode)), ("time", text(now)), ("party", reference(author))]);
    let mut members = vec![("resourceType", text("Composition"))];
    if note.withheld.is_some() {
        members.push(("meta", object([("security", list([withheld_coding()]))])));
    }
    members.extend([
        ("identifier", identifier(NOTE_SYSTEM, note_id)),
        ("status", text("final")),
        ("type", concept(coding(LOINC, note.type_code, note.type_display))),
        ("subject", reference(&format!("Patient/{}", held.patient_id))),
    ]);
    members.extend(held.encounter_id.iter().map(|id| ("encounter", reference(&format!("Encounter/{id}")))));
    members.extend([
        ("date", text(now)),
        ("author", list([reference(author)])),
        ("title", text(&note.title)),
        ("attester", list(["professional", "legal"].map(attests))),
    ]);
    if let DraftKind::Addendum { note_id } = &held.kind {
        let target = identifier(NOTE_SYSTEM, note_id);
        members.push(("relatesTo", list([object([("code", text("appends")), ("targetIdentifier", target)])])));
    }
    let mut sections = vec![section(
        "Note",
        coding(LOINC, note.type_code, note.type_display),
        &[format!("DocumentReference/{note_id}")],
    )];
    if !beside.diagnoses.is_empty() {
        sections.push(section("Diagnoses", coding(LOINC, "51848-0", "Evaluation note"), &beside.diagnoses));
    }
    if !note.plan.is_empty() {
        sections.push(section("Plan", coding(LOINC, "18776-5", "Plan of care note"), &note.plan));
    }
    members.push(("section", Json::Array(sections)));
    object(members).to_vec()
}
