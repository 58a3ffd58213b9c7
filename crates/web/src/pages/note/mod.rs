//! A visit note from the first letter to the signature. What is typed is saved as it is typed, and a save is never refused without
//! its text being kept: for a session that ended, a page that is old, a chart that closed.

mod cosign;
mod mine;
mod own;
mod sent;
mod summary;
mod view;

use access::{Action, Caller};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fhir::Json;
use http::StatusCode;
use identity::Session;
use jiff::tz::TimeZone;
use record::{Draft, DraftHead, DraftKind, DraftPlace, DraftSaved, NoteToSign, RecordError, Refusal as Denied};
use record::{Withheld, WithheldWhy};
use serde::Deserialize;
use serde_json::json;

use super::Answer;
use crate::answer;
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::day;
use crate::clinic::diagnoses::{self, Diagnosis, Step};
use crate::clinic::note::{Content, TYPE_CODE, TYPE_DISPLAY};
use crate::clinic::own::Own;
use crate::clinic::phrases;
use crate::clinic::read::text;
use crate::clinic::templates::{self, Template};
use crate::clinic::visit::{Made, made};
use crate::pages::orders::problems;
use crate::pages::vitals::visit;
use crate::refusal::Refusal;

use sent::{Act, Sent};
use view::{Choice, Editing, Look};

pub use cosign::cosign;
pub use mine::page as mine;
pub use own::{page as own, save as keep_own};
pub use summary::page as summary;

/// Before the name of a template of one's own.
const OWN_PREFIX: &str = "own:";

#[derive(Deserialize)]
struct Phrase {
    phrase: String,
    #[serde(default)]
    encounter: String,
}

/// What helps with writing: templates, and which of them the visit calls for; phrases of one's own.
#[derive(Default)]
struct Helps {
    templates: Vec<&'static Template>,
    chosen: &'static str,
    own: Own,
    /// What holds of the problem list, by id.
    problems: Vec<(String, Diagnosis)>,
    made: Vec<Made>,
    may_order: bool,
    may_prescribe: bool,
    may_measure: bool,
}

impl Helps {
    async fn of(
        asking: &Asking<'_>,
        patient_id: &str,
        encounter_id: Option<&str>,
        zone: &TimeZone,
    ) -> Result<Self, Refusal> {
        let chosen = match encounter_id {
            Some(id) => templates::of_visit(asking, patient_id, id).await?,
            None => "",
        };
        let held = problems(asking, patient_id).await?;
        let named = |one: &Json<'_>| Some((text(one, "id")?.to_owned(), Diagnosis::of(one)?));
        let problems = held.iter().filter_map(named).collect();
        Ok(Self {
            templates: templates::offered(asking),
            chosen,
            own: Own::of(asking).await?,
            problems,
            made: made(asking, patient_id, encounter_id, zone).await?,
            may_order: asking.may_ever(Action::Create, "ServiceRequest"),
            may_prescribe: asking.may_ever(Action::Create, "MedicationRequest"),
            may_measure: asking.may_ever(Action::Create, "Observation"),
        })
    }
}

/// A place for a new note, or for an addendum to a signed one (`?addendum=`), of a visit (`?encounter=`, or the one that is open).
pub async fn new(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let patient_id = asked.ids[0];
    let encounter = match named(asked, "encounter") {
        Some(id) => Some(id.to_owned()),
        None => visit(&asking, patient_id, asking.record.now_ms()).await.unwrap_or_default(),
    };
    let encounter_id = encounter.as_deref();
    let kind = match named(asked, "addendum") {
        Some(note_id) => {
            let note = asking.read("DocumentReference", note_id).await?;
            asking.whose(&note.get().tree()?, patient_id).await?;
            DraftKind::Addendum { note_id: note.get().id().to_owned() }
        }
        None => DraftKind::Note,
    };
    let place = match asking.record.new_draft(asking.caller, patient_id, &kind, encounter_id).await {
        Ok(place) => place,
        Err(error) => return closed(patient_id, error),
    };
    let unfinished = unfinished(&asking, patient_id).await?;
    let look = Look::of(asked, &session, &asking).await?;
    let helps = Helps::of(&asking, patient_id, encounter_id, asked.web.zone()).await?;
    let editing = Editing {
        place: &place,
        kind: &kind,
        encounter_id,
        content: &Content::default(),
        version: 0,
        saved: None,
        earlier: Vec::new(),
        unfinished,
        helps,
    };
    Ok(look.editor(StatusCode::OK, editing))
}

/// The draft to go on with, what there is to choose from, or the note that it became.
pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let [patient_id, draft_id] = asked.ids;
    let draft = match asking.record.open_draft(asking.caller, patient_id, draft_id).await {
        Ok(draft) => draft.into_inner(),
        Err(RecordError::NotFound | RecordError::Denied(Denied::Never)) => {
            return signed(asked, &session, &asking).await;
        }
        Err(error) => return closed(patient_id, error),
    };
    let look = Look::of(asked, &session, &asking).await?;
    if let Some(version) = named(asked, "version").and_then(|version| version.parse().ok()) {
        return earlier(&asking, &look, &draft, version).await;
    }
    if !draft.asides.is_empty() {
        return Ok(look.choice(StatusCode::OK, &draft, Choice::Conflict));
    }
    let helps = Helps::of(&asking, patient_id, draft.head.encounter_id.as_deref(), asked.web.zone()).await?;
    Ok(look.draft(StatusCode::OK, &draft, helps))
}

/// What a page sends: by its button, by itself, or while it goes.
pub async fn save(asked: &Asked<'_>) -> Answer {
    asked.sent_by_our_page()?;
    let mut sent = Sent::of(asked)?;
    let session = match asked.watcher().await {
        Ok(session) if session.is_csrf(&sent.csrf) => session,
        // The script proves the device and sends it again.
        Err(refusal @ Refusal::Unproven { .. }) if sent.is_script => return Err(refusal),
        // Whoever signed in again in another tab has another token there; a form cannot prove anything by itself.
        Ok(_) => return kept(asked, &sent, Refusal::CrossSite).await,
        Err(refusal @ (Refusal::NotSignedIn | Refusal::OtherDevice | Refusal::Unproven { .. })) => {
            return kept(asked, &sent, refusal).await;
        }
        Err(_) => return Ok(view::unsaved(asked, &sent, StatusCode::SERVICE_UNAVAILABLE, view::LATER)),
    };
    asked.web.identity().touch(&session);
    let asking = asking(asked, &session)?;
    if sent.content.is_too_long() {
        return Ok(view::unsaved(asked, &sent, StatusCode::UNPROCESSABLE_ENTITY, view::LONG));
    }
    let expanded = match &sent.act {
        Act::Diagnose(step) => diagnosed(&asking, asked.ids[0], step.clone(), &mut sent.content).await,
        Act::Expand | Act::Template | Act::Pull => helped(&asking, asked.ids[0], asked.web.zone(), &mut sent).await,
        _ => Ok(()),
    };
    let answer = stored(asked, &asking, &sent).await;
    expanded.and(answer)
}

/// What the patient will see, and the signature below it.
pub async fn preview(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let [patient_id, draft_id] = asked.ids;
    let draft = match asking.record.open_draft(asking.caller, patient_id, draft_id).await {
        Ok(draft) => draft.into_inner(),
        Err(RecordError::NotFound) => return Ok(answer::see(&address(patient_id, draft_id))),
        Err(error) => return closed(patient_id, error),
    };
    if !draft.asides.is_empty() {
        return Ok(answer::see(&address(patient_id, draft_id)));
    }
    let look = Look::of(asked, &session, &asking).await?;
    let cosigners = cosign::cosigners(asked, &asking, patient_id).await?;
    Ok(look.preview(StatusCode::OK, &draft, cosigners, "", None))
}

pub async fn sign(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = asking(asked, &session)?;
    let [patient_id, draft_id] = asked.ids;
    let version = form.version()?;
    let plan = match unsigned(&asking, patient_id, draft_id).await? {
        Some(draft) => made(&asking, patient_id, draft.encounter_id.as_deref(), asked.web.zone()).await?,
        None => Vec::new(),
    };
    let plan = plan.iter().map(Made::reference).collect();
    let cosigners = cosign::cosigners(asked, &asking, patient_id).await?;
    let cosigner = form.text("cosigner");
    if !cosigner.is_empty() && !cosigners.iter().any(|(id, _)| id == cosigner) {
        return Err(Refusal::Invalid(
            "whom you ask to co-sign is not among those who treat this patient and may read the note",
        ));
    }
    let asked_too = Some(cosigner.to_owned()).filter(|id| !id.is_empty());
    let note_of = |text: &str| to_sign(text, plan, asked_too);
    let signing = asking.record.sign_draft(asking.caller, patient_id, draft_id, version, note_of);
    let (status, words) = match signing.await {
        Ok(signed) => return Ok(answer::see(&address(patient_id, &signed.note_id))),
        Err(RecordError::PreconditionFailed { .. }) => (
            StatusCode::CONFLICT,
            "The note changed since you looked at it. Nothing was signed. Read it again below.".to_owned(),
        ),
        Err(RecordError::Malformed(why)) => {
            (StatusCode::UNPROCESSABLE_ENTITY, format!("Not signed: {why}. The draft is kept."))
        }
        Err(RecordError::NotSupported(_)) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "Not signed: your account is tied to no practitioner. Ask an administrator to tie it. The draft is kept."
                .to_owned(),
        ),
        Err(RecordError::NotFound) => return Ok(answer::see(&address(patient_id, draft_id))),
        Err(error) => return closed(patient_id, error),
    };
    let draft = match asking.record.open_draft(asking.caller, patient_id, draft_id).await {
        Ok(draft) => draft.into_inner(),
        Err(error) => return closed(patient_id, error),
    };
    if !draft.asides.is_empty() {
        return Ok(answer::see(&address(patient_id, draft_id)));
    }
    let look = Look::of(asked, &session, &asking).await?;
    Ok(look.preview(status, &draft, cosigners, cosigner, Some(words)))
}

pub async fn discard(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = asking(asked, &session)?;
    let [patient_id, draft_id] = asked.ids;
    let version = form.version()?;
    match asking.record.discard_draft(asking.caller, patient_id, draft_id, version).await {
        Ok(()) | Err(RecordError::NotFound) => Ok(answer::see(&format!("/patients/{patient_id}"))),
        // Something was typed since: it is shown, and can be discarded then.
        Err(RecordError::PreconditionFailed { .. }) => Ok(answer::see(&address(patient_id, draft_id))),
        Err(error) => closed(patient_id, error),
    }
}

/// What a dot phrase stands for, while one types.
pub async fn phrase(asked: &Asked<'_>) -> Answer {
    let session = asked.scripted().await?;
    let asking = asking(asked, &session)?;
    let sent: Phrase = asked.json()?;
    // The chart in which the note is; each look-up is decided and in the log as any other.
    asking.read("Patient", asked.ids[0]).await?;
    let own = Own::of(&asking).await?;
    let mut content = Content { plan: sent.phrase, ..Content::default() };
    let encounter = Some(sent.encounter.as_str()).filter(|id| !id.is_empty());
    phrases::expand(&asking, (asked.ids[0], encounter), &own, asked.web.zone(), &mut content).await?;
    Ok(answer::json(StatusCode::OK, &json!({ "text": content.plan })))
}

/// What opens the text that this author's browser kept and could not send.
pub async fn key(asked: &Asked<'_>) -> Answer {
    let session = asked.scripted().await?;
    let asking = asking(asked, &session)?;
    let [patient_id, draft_id] = asked.ids;
    let key = asking.record.draft_device_key(asking.caller, patient_id, draft_id).await?;
    Ok(answer::json(StatusCode::OK, &json!({ "key": STANDARD.encode(*key) })))
}

/// What a button does with the diagnoses. Of the problem list it takes what holds now.
async fn diagnosed(asking: &Asking<'_>, patient_id: &str, step: Step, content: &mut Content) -> Result<(), Refusal> {
    let problems = match step {
        Step::Take(_) => problems(asking, patient_id).await?,
        _ => Vec::new(),
    };
    let mut all = content.diagnoses();
    diagnoses::step(&mut all, &step, &mut content.dx, &problems);
    content.diagnoses = diagnoses::write(&all);
    Ok(())
}

/// Puts in what was asked for: a template where nothing stands yet, and what phrases stand for.
async fn helped(asking: &Asking<'_>, patient_id: &str, zone: &TimeZone, sent: &mut Sent) -> Result<(), Refusal> {
    let own = Own::of(asking).await?;
    let is_of_own = sent.template.strip_prefix(OWN_PREFIX).and_then(|name| own.template(name));
    match (&sent.act, is_of_own, Template::find(&sent.template)) {
        (Act::Template, Some(template), _) => sent.content.begin_with(template.parts.each_ref().map(String::as_str)),
        (Act::Template, None, Some(template)) => sent.content.begin_with(template.parts),
        (Act::Pull, _, _) => {
            let plan = &mut sent.content.plan;
            let gap = if plan.is_empty() || plan.ends_with('\n') { "" } else { "\n" };
            *plan = format!("{plan}{gap}{}", phrases::ORDERS);
        }
        _ => {}
    }
    let encounter = sent.encounter().map(str::to_owned);
    phrases::expand(asking, (patient_id, encounter.as_deref()), &own, zone, &mut sent.content).await
}

/// Saves and says where to go on; whatever goes wrong, the text is in the answer or kept.
async fn stored(asked: &Asked<'_>, asking: &Asking<'_>, sent: &Sent) -> Answer {
    let patient_id = asked.ids[0];
    let text = sent.content.write();
    let saved = asking.record.save_draft(asking.caller, patient_id, &sent.save(asked.ids[1], &text)).await;
    match saved {
        Ok(DraftSaved::Kept { id, version, saved_ms }) => {
            let place = address(patient_id, &id);
            if sent.is_script {
                let saved = day::clock(saved_ms, asked.web.zone());
                return Ok(answer::json(
                    StatusCode::OK,
                    &json!({ "place": place, "version": version, "saved": saved }),
                ));
            }
            Ok(answer::see(&match sent.act {
                Act::Preview => format!("{place}/preview"),
                Act::Own => "/notes/own".to_owned(),
                Act::Go(page) => format!("/patients/{patient_id}/{page}"),
                Act::Pull => format!("{place}#plan"),
                Act::Diagnose(_) => format!("{place}#diagnoses"),
                _ => place,
            }))
        }
        Ok(DraftSaved::Conflict { .. }) => Ok(sent.elsewhere(&address(patient_id, asked.ids[1]))),
        Ok(DraftSaved::Signed { note_id }) => beside(asked, asking, sent, note_id).await,
        Err(RecordError::Denied(_)) => kept(asked, sent, Refusal::NotYours).await,
        Err(RecordError::TooMany { .. }) => {
            Ok(view::unsaved(asked, sent, StatusCode::UNPROCESSABLE_ENTITY, view::FULL))
        }
        Err(RecordError::NotFound | RecordError::Gone) => {
            Ok(view::unsaved(asked, sent, StatusCode::NOT_FOUND, view::NOWHERE))
        }
        Err(error) => {
            tracing::error!(%error, "a draft cannot be saved");
            Ok(view::unsaved(asked, sent, StatusCode::SERVICE_UNAVAILABLE, view::LATER))
        }
    }
}

/// The draft was signed meanwhile: what came now becomes an addendum to be.
async fn beside(asked: &Asked<'_>, asking: &Asking<'_>, sent: &Sent, note_id: String) -> Answer {
    let patient_id = asked.ids[0];
    let kind = DraftKind::Addendum { note_id };
    let later = async {
        let DraftPlace { id, .. } = asking.record.new_draft(asking.caller, patient_id, &kind, None).await?;
        let text = sent.content.write();
        let save = record::DraftSave { kind: kind.clone(), based_on: 0, ..sent.save(&id, &text) };
        asking.record.save_draft(asking.caller, patient_id, &save).await.map(|_| id)
    };
    match later.await {
        Ok(id) => Ok(sent.elsewhere(&address(patient_id, &id))),
        Err(_) => Ok(view::unsaved(asked, sent, StatusCode::SERVICE_UNAVAILABLE, view::LATER)),
    }
}

/// Keeps the text for its author, whom this request does not prove, and says where it will be.
async fn kept(asked: &Asked<'_>, sent: &Sent, otherwise: Refusal) -> Answer {
    let text = sent.content.write();
    match asked.web.record().keep_for_author(&sent.ticket, &sent.save(asked.ids[1], &text)).await {
        Ok(Some(held)) => {
            let place = address(&held.patient_id, &held.id);
            if sent.is_script {
                let error = "Your session has ended. What you typed is kept for you.";
                return Ok(answer::json(StatusCode::UNAUTHORIZED, &json!({ "error": error, "next": place })));
            }
            if matches!(otherwise, Refusal::NotYours) {
                let words =
                    "You may not write in this chart now. What you typed is kept, and open to you when the chart is.";
                let notice = answer::Notice::new(asked.web, "This chart is closed to you", words);
                return Ok(answer::page(StatusCode::FORBIDDEN, &notice));
            }
            Ok(answer::see(&place))
        }
        Ok(None) => Err(otherwise),
        Err(RecordError::TooMany { .. }) => {
            Ok(view::unsaved(asked, sent, StatusCode::UNPROCESSABLE_ENTITY, view::FULL))
        }
        Err(_) => Ok(view::unsaved(asked, sent, StatusCode::SERVICE_UNAVAILABLE, view::LATER)),
    }
}

async fn signed(asked: &Asked<'_>, session: &Session, asking: &Asking<'_>) -> Answer {
    let note = asking.read("DocumentReference", asked.ids[1]).await?;
    let look = Look::of(asked, session, asking).await?;
    look.note(asking, note.get()).await
}

async fn earlier(asking: &Asking<'_>, look: &Look<'_>, draft: &Draft, version: u32) -> Answer {
    let (patient_id, id) = (&draft.head.patient_id, &draft.head.id);
    match asking.record.draft_version(asking.caller, patient_id, id, version).await {
        Ok(held) => Ok(look.choice(StatusCode::OK, draft, Choice::Earlier(&held.get().text))),
        Err(error) => closed(patient_id, error),
    }
}

/// What is known of a draft that the caller has in this chart.
async fn unsigned(asking: &Asking<'_>, patient_id: &str, draft_id: &str) -> Result<Option<DraftHead>, Refusal> {
    let drafts = asking.record.drafts(asking.caller).await?;
    let records = asking.record.records_of(patient_id).await?;
    Ok(drafts.into_iter().find(|draft| records.contains(&draft.patient_id) && draft.id == draft_id))
}

/// The caller's other drafts in this chart.
async fn unfinished(asking: &Asking<'_>, patient_id: &str) -> Result<Vec<DraftHead>, Refusal> {
    let mut drafts = asking.record.drafts(asking.caller).await?;
    let records = asking.record.records_of(patient_id).await?;
    drafts.retain(|draft| records.contains(&draft.patient_id));
    Ok(drafts)
}

/// What a draft's text becomes when it is signed.
fn to_sign(text: &str, plan: Vec<String>, cosigner: Option<String>) -> Result<NoteToSign, RecordError> {
    let content = Content::read(text);
    if !content.dx.trim().is_empty() {
        return Err(RecordError::Malformed("a diagnosis is typed and not among the diagnoses yet"));
    }
    let withheld = match (content.keep.as_str(), WithheldWhy::parse(&content.keep)) {
        ("", _) => None,
        (_, Some(why)) => Some(Withheld { why, words: content.why.clone() }),
        (_, None) => {
            return Err(RecordError::Malformed("the ground for keeping it from the patient is none that is known"));
        }
    };
    Ok(NoteToSign {
        type_code: TYPE_CODE,
        type_display: TYPE_DISPLAY,
        title: TYPE_DISPLAY.to_owned(),
        text: content.signed(),
        withheld,
        plan,
        cosigner,
        diagnoses: content.diagnoses().iter().map(to_sign_too).collect(),
    })
}

fn to_sign_too(one: &Diagnosis) -> record::Diagnosis {
    let code = Json::parse_str(&one.concept().to_string()).map_or(Json::Null, Json::into_owned);
    record::Diagnosis { code, is_new_problem: one.is_new_problem }
}

fn asking<'a>(asked: &'a Asked<'_>, session: &'a Session) -> Result<Asking<'a>, Refusal> {
    let caller: &Caller = session.caller.as_ref().ok_or(Refusal::NotYours)?;
    Ok(Asking { record: asked.web.record(), caller })
}

/// A chart that is withheld says so on its own page, with the way through where there is one.
fn closed(patient_id: &str, error: RecordError) -> Answer {
    match error {
        RecordError::Denied(Denied::Withheld) => Ok(answer::see(&format!("/patients/{patient_id}"))),
        error => Err(error.into()),
    }
}

fn address(patient_id: &str, draft_id: &str) -> String {
    format!("/patients/{patient_id}/notes/{draft_id}")
}

/// An opaque id of the query.
fn named<'a>(asked: &Asked<'a>, name: &str) -> Option<&'a str> {
    let query = asked.parts.uri.query().unwrap_or_default();
    let value = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(held, _)| *held == name)?.1;
    let is_id = (1..=64).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.');
    is_id.then_some(value)
}
