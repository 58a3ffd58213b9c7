//! Signing: a draft becomes a DocumentReference with its Provenance in one transaction that cannot happen twice, and then goes.

use access::{Action, Caller, Labels};
use audit::event::Object as Audited;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fhir::Json;
use fhir::build::{coding, concept, list, object, reference, text};
use store::{Backend, Batch, NoNewMatch, RowNo, StoreError};

use super::beside::{Beside, DIAGNOSES_MAX, Diagnosis, composition_json};
use super::{DraftKind, Held, PLACEHOLDER, document, draft_object};
use crate::administration::reasonable;
use crate::evidence::{Deed, evidence};
use crate::open::instant;
use crate::prepare::{Checked, Prepared};
use crate::tally::Tally;
use crate::write::{Newcomers, empty_write};
use crate::{Record, RecordError, ResourceKey, types};

/// Times signing is prepared again when another write came first.
const ATTEMPTS_MAX: usize = 8;
const REASON_BYTES_MAX: usize = 1_000;

/// Marks what its author keeps from the patient (HL7 v3 ActCode, refrain policy).
pub const WITHHELD_SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
const WITHHELD_CODE: &str = "NOPAT";
const WITHHELD_DISPLAY: &str =
    "no disclosure to patient, family or caregivers without attending provider's authorization";

/// What a draft's text becomes.
pub struct NoteToSign {
    /// What kind of note it is: LOINC code and display.
    pub type_code: &'static str,
    pub type_display: &'static str,
    pub title: String,
    pub text: String,
    pub withheld: Option<Withheld>,
    /// The first is the primary one.
    pub diagnoses: Vec<Diagnosis>,
    /// Orders and prescriptions of the visit, as references.
    pub plan: Vec<String>,
    /// The id of the Practitioner who is asked to sign it, too.
    pub cosigner: Option<String>,
}

/// The code of the Task by which somebody is asked to co-sign a note: system, code, display.
pub const COSIGN: [&str; 3] = ["urn:wardstone:task", "cosign-note", "Note to co-sign"];

/// Why a note is kept from the patient: one of the grounds that the law knows, and what it is here.
#[derive(Clone)]
pub struct Withheld {
    pub why: WithheldWhy,
    pub words: String,
}

/// 45 CFR 164.524(a)(3) and 171.201 to 171.204.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithheldWhy {
    Harm,
    Privacy,
    PatientAsked,
}

/// A signed note.
#[derive(Debug, PartialEq, Eq)]
pub struct Signed {
    pub note_id: String,
    /// It was signed before: by a second click, or before a crash.
    pub was_signed: bool,
}

impl WithheldWhy {
    pub const ALL: [WithheldWhy; 3] = [WithheldWhy::Harm, WithheldWhy::Privacy, WithheldWhy::PatientAsked];

    pub fn code(self) -> &'static str {
        match self {
            WithheldWhy::Harm => "harm",
            WithheldWhy::Privacy => "privacy",
            WithheldWhy::PatientAsked => "patient-request",
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            WithheldWhy::Harm => "It could endanger the patient or somebody else",
            WithheldWhy::Privacy => "It tells about another person, or was told in confidence",
            WithheldWhy::PatientAsked => "The patient asked not to see it",
        }
    }

    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.code() == code)
    }
}

impl<B: Backend> Record<B> {
    /// Signs the version of a draft that its author saw. `note_of` makes the note from what that version says, so that nothing
    /// else is signed.
    pub async fn sign_draft(
        &self,
        caller: &Caller,
        patient_id: &str,
        draft_id: &str,
        version: u32,
        note_of: impl FnOnce(&str) -> Result<NoteToSign, RecordError> + Send,
    ) -> Result<Signed, RecordError> {
        let audited = audit::Action::Create;
        let desktop = self.desktop_of(caller, patient_id, draft_id, audited).await?;
        let pen = self.0.drafts.pen().await;
        let Some(held) = self.own_draft(caller, &desktop, draft_id).await? else {
            return match self.0.ids.row(draft_id) {
                Some(row) if self.is_own_note(caller, row, desktop.chart).await? => {
                    Ok(Signed { note_id: draft_id.to_owned(), was_signed: true })
                }
                _ => Err(self.fail(caller, audited, None, 404, RecordError::NotFound).await),
            };
        };
        let named = Some(draft_object(held.row, held.chart, held.current.version, &desktop.permit)?);
        if held.current.version != version || !held.asides.is_empty() {
            let error = RecordError::PreconditionFailed { held: held.current.version };
            return Err(self.fail(caller, audited, named, 412, error).await);
        }
        let text = self.open_text(&desktop.permit, &held, &held.current).await?;
        let note = match note_of(&text.text).and_then(complete) {
            Ok(note) => note,
            Err(error) => return Err(self.fail(caller, audited, named, 422, error).await),
        };
        let signed = self.sign(caller, &held, &note).await;
        let (row, was_signed) = match signed {
            Ok(row) => (row, false),
            Err(RecordError::Done) => (held.row, true),
            Err(error) => return Err(error),
        };
        // If this fails the note counts all the same: the draft is known as signed, and goes with the next opening.
        self.0.drafts.remove(pen, held).await?;
        Ok(Signed { note_id: self.0.ids.id(row)?, was_signed })
    }

    /// Answers the row of the note.
    async fn sign(&self, caller: &Caller, held: &Held, note: &NoteToSign) -> Result<RowNo, RecordError> {
        let author = self.author(caller).await?;
        if note.cosigner.as_ref().is_some_and(|id| author == format!("Practitioner/{id}")) {
            let error = RecordError::Malformed("a note is co-signed by somebody else than its author");
            return Err(self.fail(caller, audit::Action::Create, None, 422, error).await);
        }
        match self.visit(held.chart, held.encounter_id.as_deref()).await {
            Err(error @ RecordError::Malformed(_)) => {
                return Err(self.fail(caller, audit::Action::Create, None, 422, error).await);
            }
            found => drop(found?),
        }
        let mut row = held.row;
        for _ in 0..ATTEMPTS_MAX {
            match self.sign_at(caller, held, note, &author, row).await {
                // Something else lies where the note was to be.
                Err(RecordError::ExistsAlready) => row = self.new_row(None)?.0,
                Err(RecordError::Conflict) => {}
                Err(error) => return Err(error),
                Ok(()) => return Ok(row),
            }
        }
        Err(RecordError::Conflict)
    }

    async fn sign_at(
        &self,
        caller: &Caller,
        held: &Held,
        note: &NoteToSign,
        author: &str,
        row: RowNo,
    ) -> Result<(), RecordError> {
        let id = self.0.ids.id(row)?;
        let now = instant(self.now_ms());
        let kind = |name| types::parse(name).ok_or(RecordError::Damaged);
        let beside = Box::pin(self.beside(caller, held, note, author, &now)).await?;
        // A note is as sensitive as what it adds to, and as its diagnoses.
        let inherited = self.labels_of_amended(held).await?.union(beside.labels);
        let json = document_json(held, note, author, &now);
        let prepared = self.prepare_signed(caller, document()?, &json, (row, id.clone()), inherited).await?;
        // These tell of the note, so they are as sensitive.
        let labels = prepared.labels;
        let json = composition_json(held, note, (author, &id, &now), &beside);
        let place = self.new_row(None)?;
        let composed = self.prepare_signed(caller, kind("Composition")?, &json, place, labels).await?;
        let json = provenance_json(held, note, author, &id, &now);
        let place = self.new_row(None)?;
        let traced = self.prepare_signed(caller, kind("Provenance")?, &json, place, labels).await?;
        let Beside { mut writes, conditions, .. } = beside;
        if let Some(cosigner) = &note.cosigner {
            let json = cosign_json(held, cosigner, author, &id, &now);
            let place = self.new_row(None)?;
            writes.push(self.prepare_signed(caller, kind("Task")?, &json, place, labels).await?);
        }
        let prepared = [prepared, composed, traced].into_iter().chain(writes).collect();
        self.commit_signed(caller, held, prepared, conditions).await
    }

    pub(super) async fn prepare_signed(
        &self,
        caller: &Caller,
        kind: access::TypeRef,
        json: &[u8],
        (row, id): (RowNo, String),
        labels: Labels,
    ) -> Result<Prepared, RecordError> {
        let mut checked: Checked<'_> = self.check(kind, Json::parse(json)?)?;
        checked.labels = checked.labels.union(labels);
        checked.named = checked.named.union(labels);
        let to = self.destination(&checked, row, id, None, &mut Newcomers::default()).await?;
        self.prepare_at(caller, Action::Create, audit::Action::Create, checked, to, None).await
    }

    async fn commit_signed(
        &self,
        caller: &Caller,
        held: &Held,
        mut prepared: Vec<Prepared>,
        conditions: Vec<NoNewMatch>,
    ) -> Result<(), RecordError> {
        let mut tally = Tally::default();
        let audited = prepared.iter().map(|p| {
            tally.note(p.decision, true);
            let part = access::View::FULL.id();
            Audited { row: p.row, chart: p.chart, version: p.version, type_code: p.kind.code, part }
        });
        let objects: Vec<Audited> = audited.collect();
        let deed =
            Deed { subject: Some("signed"), decisions: tally.decided(), ..Deed::of(audit::Action::Create, &objects) };
        let batch = Batch {
            evidence: evidence(caller, self.now_ms(), &deed)?,
            on_commit: self.follower(&prepared),
            keywords: prepared.iter().flat_map(|p| p.keywords.iter().copied()).collect(),
            writes: prepared.iter_mut().map(|p| std::mem::replace(&mut p.write, empty_write())).collect(),
            unchanged: Vec::new(),
            no_new_match: conditions,
            reserved: Vec::new(),
            once: Some(self.0.drafts.signed_label(held.row)),
        };
        match self.0.store.commit(batch).await {
            Ok(_) => Ok(()),
            Err(StoreError::Exists { .. }) => Err(RecordError::ExistsAlready),
            Err(error) => Err(error.into()),
        }
    }

    /// Only who is known as a practitioner signs.
    async fn author(&self, caller: &Caller) -> Result<String, RecordError> {
        let head = match caller.practitioner() {
            Some(row) => self.head_moved(row).await?,
            None => None,
        };
        match head.filter(|head| !head.deleted() && head.type_name() == "Practitioner") {
            Some(head) => Ok(head.reference()),
            None => {
                let error = RecordError::NotSupported("signing by an account that is tied to no practitioner");
                Err(self.fail(caller, audit::Action::Create, None, 422, error).await)
            }
        }
    }

    /// An addendum is as sensitive as what it adds to.
    async fn labels_of_amended(&self, held: &Held) -> Result<Labels, RecordError> {
        let DraftKind::Addendum { note_id } = &held.kind else { return Ok(Labels::NONE) };
        let key = ResourceKey::parse("DocumentReference", note_id).ok_or(RecordError::NotFound)?;
        match self.find(&key).await? {
            Some(note) if !note.head.deleted() && self.is_one_patients(held.chart, note.head.chart).await? => {
                Ok(note.head.labels.without(Labels::OF_ELEMENTS))
            }
            _ => Err(RecordError::NotFound),
        }
    }
}

/// A note that may be signed.
fn complete(note: NoteToSign) -> Result<NoteToSign, RecordError> {
    if note.text.trim().is_empty() {
        return Err(RecordError::Malformed("the note is empty"));
    }
    if note.text.contains(PLACEHOLDER) || note.title.contains(PLACEHOLDER) {
        return Err(RecordError::Malformed("the note still has *** where something is to be filled in"));
    }
    if note.diagnoses.len() > DIAGNOSES_MAX {
        return Err(RecordError::Malformed("the note has more than 12 diagnoses"));
    }
    if let Some(withheld) = &note.withheld {
        reasonable(&withheld.words, REASON_BYTES_MAX)?;
    }
    Ok(note)
}

/// US Core 6.1.0 DocumentReference of a clinical note.
fn document_json(held: &Held, note: &NoteToSign, author: &str, now: &str) -> Vec<u8> {
    let patient = format!("Patient/{}", held.patient_id);
    let withheld = withheld_coding();
    let mut members = vec![("resourceType", text("DocumentReference"))];
    if note.withheld.is_some() {
        members.push(("meta", object([("security", list([withheld.clone()]))])));
    }
    members.extend([
        ("status", text("current")),
        ("docStatus", text("final")),
        ("type", concept(coding("http://loinc.org", note.type_code, note.type_display))),
        (
            "category",
            list([concept(coding(
                "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category",
                "clinical-note",
                "Clinical Note",
            ))]),
        ),
        ("subject", reference(&patient)),
        ("date", text(now)),
        ("author", list([reference(author)])),
    ]);
    if let DraftKind::Addendum { note_id } = &held.kind {
        let target = reference(&format!("DocumentReference/{note_id}"));
        members.push(("relatesTo", list([object([("code", text("appends")), ("target", target)])])));
    }
    if note.withheld.is_some() {
        members.push(("securityLabel", list([concept(withheld)])));
    }
    let attachment = object([
        ("contentType", text("text/plain; charset=utf-8")),
        ("data", text(&STANDARD.encode(&note.text))),
        ("title", text(&note.title)),
        ("creation", text(now)),
    ]);
    members.push(("content", list([object([("attachment", attachment)])])));
    if let Some(encounter) = &held.encounter_id {
        let encounter = reference(&format!("Encounter/{encounter}"));
        members.push(("context", object([("encounter", list([encounter]))])));
    }
    object(members).to_vec()
}

/// Who signed what, when, and why the patient does not see it.
fn provenance_json(held: &Held, note: &NoteToSign, author: &str, note_id: &str, now: &str) -> Vec<u8> {
    let agent = object([
        (
            "type",
            concept(coding("http://terminology.hl7.org/CodeSystem/provenance-participant-type", "author", "Author")),
        ),
        ("who", reference(author)),
    ]);
    // The patient is named so that it lies in the patient's chart.
    let targets =
        [reference(&format!("DocumentReference/{note_id}")), reference(&format!("Patient/{}", held.patient_id))];
    let mut members = vec![
        ("resourceType", text("Provenance")),
        ("target", list(targets)),
        ("recorded", text(now)),
        (
            "activity",
            concept(coding(
                "http://terminology.hl7.org/CodeSystem/v3-DocumentCompletion",
                "LA",
                "legally authenticated",
            )),
        ),
        ("agent", list([agent])),
    ];
    if let Some(withheld) = &note.withheld {
        members.push(("reason", list([withheld_reason(withheld)])));
    }
    object(members).to_vec()
}

/// Whoever is asked finds it among their tasks.
fn cosign_json(held: &Held, cosigner: &str, author: &str, note_id: &str, now: &str) -> Vec<u8> {
    let [system, code, display] = COSIGN;
    let mut members = vec![
        ("resourceType", text("Task")),
        ("status", text("requested")),
        ("intent", text("order")),
        ("code", concept(coding(system, code, display))),
        ("focus", reference(&format!("DocumentReference/{note_id}"))),
        ("for", reference(&format!("Patient/{}", held.patient_id))),
    ];
    if let Some(encounter) = &held.encounter_id {
        members.push(("encounter", reference(&format!("Encounter/{encounter}"))));
    }
    members.extend([
        ("authoredOn", text(now)),
        ("requester", reference(author)),
        ("owner", reference(&format!("Practitioner/{cosigner}"))),
    ]);
    object(members).to_vec()
}

/// The label of what is kept from the patient.
pub fn withheld_coding() -> Json<'static> {
    coding(WITHHELD_SYSTEM, WITHHELD_CODE, WITHHELD_DISPLAY)
}

/// Why it is, as a Provenance says it.
pub fn withheld_reason(withheld: &Withheld) -> Json<'static> {
    let code = coding("urn:wardstone:withheld", withheld.why.code(), withheld.why.words());
    object([("coding", list([code])), ("text", text(withheld.words.trim()))])
}
