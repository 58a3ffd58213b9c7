//! Co-signing: who is asked to sign a note, too, and the signature. The note stays as it was signed; that somebody read it and stands
//! by it is a Provenance of its own, made together with the end of the task by which they were asked.

use access::Action;
use fhir::Json;
use serde_json::json;

use super::{Answer, address, asking};
use crate::answer;
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::deed::{Author, Deed, held, set, version_of};
use crate::clinic::duty::{Owner, Standing};
use crate::clinic::hands::{self, Given, people};
use crate::clinic::inbox::LIMITS;
use crate::clinic::names::Names;
use crate::clinic::read::{at, reference, text};
use crate::clinic::reports::covers;
use crate::clinic::{day, task};
use crate::refusal::Refusal;

/// How a note stands with whom it was given to co-sign.
pub struct Cosigning {
    /// Of the Task.
    pub version: u32,
    pub by: String,
    /// When it was signed; none while it waits.
    pub signed: Option<String>,
    /// Nobody is asked any more.
    pub is_withdrawn: bool,
    /// Who was asked declined: it is with its author.
    pub is_declined: bool,
    /// It waits for whoever looks.
    pub is_mine: bool,
}

/// Whom the author may ask: those who treat the patient by name, have a licence and may read the note, but not oneself.
pub async fn cosigners(
    asked: &Asked<'_>,
    asking: &Asking<'_>,
    patient_id: &str,
) -> Result<Vec<(String, String)>, Refusal> {
    if !asking.may_ever(Action::Create, "Task") {
        return Ok(Vec::new());
    }
    let own = asking.record.own_practitioner(asking.caller).await?;
    let given = Given { what: hands::Asked::Cosign, like: None, asked_by: None };
    people(asked.web, asking, patient_id, own.as_deref(), &given).await
}

impl Cosigning {
    pub async fn of(
        asked: &Asked<'_>,
        asking: &Asking<'_>,
        patient_id: &str,
        note_id: &str,
    ) -> Result<Option<Self>, Refusal> {
        let Some(one) = given(asking, patient_id, note_id).await? else { return Ok(None) };
        let names = Names::of(asking, std::slice::from_ref(&one), std::iter::empty()).await?;
        let by = one.get("owner").and_then(|owner| names.name(owner));
        let is_signed = text(&one, "status") == Some("completed");
        let is_open = is_open(&one);
        let named = |element: &str| one.get(element).and_then(reference).map(|(_, id)| id);
        let when = at(&one, &["executionPeriod", "end"]).and_then(Json::as_str);
        let when = when.map(|at| day::moment_of(at, asked.web.zone()));
        Ok(Some(Self {
            version: version_of(&one),
            by: by.unwrap_or_else(|| "a clinician whom the directory does not name".to_owned()),
            signed: is_signed.then(|| when.unwrap_or_default()),
            is_withdrawn: !is_signed && !is_open,
            is_declined: is_open && named("owner").is_some() && named("owner") == named("requester"),
            is_mine: is_open && is_mine(asking, &one).await?,
        }))
    }
}

/// Signs what was shown: the version of the note and the task by which one was asked.
pub async fn cosign(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = asking(asked, &session)?;
    let [patient_id, note_id] = asked.ids;
    let author = Author::of(asked, &asking).await?;
    let own = author.reference().ok_or(Refusal::NotYours)?;
    let note = held(&asking, "DocumentReference", note_id, patient_id).await?;
    // The signature lies beside the note, in whichever of the patient's records that is.
    let whose = asking.whose(&note, patient_id).await?;
    let Some(mut one) = given(&asking, patient_id, note_id).await? else { return Err(Refusal::NotYours) };
    let back = Ok(answer::see(&address(patient_id, note_id)));
    let seen = (form.number("version")?, form.number("task")?);
    let is_as_seen = seen == (u64::from(version_of(&note)), u64::from(version_of(&one)));
    if !is_open(&one) || !is_as_seen {
        // Signed already, by a second click or by who covers; withdrawn; or changed: what is so now stands there.
        return back;
    }
    if !is_mine(&asking, &one).await? {
        return Err(Refusal::NotYours);
    }
    set(&mut one, "status", json!("completed"));
    set(&mut one, "owner", own.clone());
    set(&mut one, "lastModified", json!(author.now));
    set(&mut one, "executionPeriod", json!({ "end": author.now }));
    let mut signature = json!({
        "resourceType": "Provenance",
        "id": task::cosigns(note_id),
        "target": [
            { "reference": format!("DocumentReference/{note_id}") },
            { "reference": format!("Patient/{whose}") },
        ],
        "recorded": author.now,
        "activity": { "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/v3-DocumentCompletion",
            "code": "AU",
            "display": "authenticated",
        }] },
        "agent": [{
            "type": { "coding": [{
                "system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type",
                "code": "attester",
                "display": "Attester",
            }] },
            "who": own,
        }],
    });
    // It tells of the note, so it is as sensitive.
    let labels = task::security(&note).next().map(|(_, meta)| String::from_utf8_lossy(&meta.to_vec()).into_owned());
    if let Some(meta) = labels.and_then(|meta| serde_json::from_str(&meta).ok()) {
        signature["meta"] = meta;
    }
    let mut deed = Deed::default();
    deed.update(one)?;
    deed.found("Provenance", &task::cosigns(note_id), signature);
    // Who was faster, signed: the page says who.
    deed.commit(&asking).await?;
    back
}

/// The Task by which somebody was asked, as far as the caller may see it.
async fn given(asking: &Asking<'_>, patient_id: &str, note_id: &str) -> Result<Option<Json<'static>>, Refusal> {
    let focus = format!("DocumentReference/{note_id}");
    let code = format!("{}|{}", task::SYSTEM, task::COSIGN);
    let pairs = [("patient", patient_id), ("focus", &*focus), ("code", &*code), ("_count", "1")];
    let found = asking.search_if_ever("Task", &pairs).await?;
    Ok(found.resources().into_iter().next().map(Json::into_owned))
}

fn is_open(task: &Json<'_>) -> bool {
    text(task, "status").is_some_and(record::is_task_open)
}

/// Whether it waits for the caller: as its owner, or as who covers the owner now.
async fn is_mine(asking: &Asking<'_>, one: &Json<'_>) -> Result<bool, Refusal> {
    let Some(own) = asking.record.own_practitioner(asking.caller).await? else { return Ok(false) };
    let Some(("Practitioner", owner)) = one.get("owner").and_then(reference) else { return Ok(false) };
    // Nobody co-signs their own note, whoever they cover.
    if one.get("requester").and_then(reference) == Some(("Practitioner", &own)) {
        return Ok(false);
    }
    let (_, covers) = covers(asking).await?;
    let now_ms = asking.record.now_ms();
    let standing = Standing::of(Owner::Person(owner.to_owned()), now_ms, false, &covers, now_ms, LIMITS);
    Ok(owner == own || standing.cover.as_deref() == Some(&own))
}
