//! A visit note from the first letter to the signature. What is typed is saved as it is typed, and a save is never refused without
//! its text being kept: for a session that ended, a page that is old, a chart that closed.

mod sent;
mod view;

use access::Caller;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use identity::Session;
use record::{Draft, DraftHead, DraftKind, DraftPlace, DraftSaved, NoteToSign, RecordError, Refusal as Denied};
use record::{Withheld, WithheldWhy};
use serde::Deserialize;
use serde_json::json;

use super::Answer;
use crate::answer;
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::note::{Content, TYPE_CODE, TYPE_DISPLAY, Template};
use crate::clinic::{phrases, time};
use crate::refusal::Refusal;

use sent::{Act, Sent};
use view::{Choice, Editing, Look};

#[derive(Deserialize)]
struct Phrase {
    phrase: String,
}

/// A place for a new note, or for an addendum to a signed one (`?addendum=`), of a visit (`?encounter=`).
pub async fn new(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let patient_id = asked.ids[0];
    let encounter_id = named(asked, "encounter");
    let kind = match named(asked, "addendum") {
        Some(note_id) => {
            let note = asking.read("DocumentReference", note_id).await?;
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
    let editing = Editing {
        place: &place,
        kind: &kind,
        encounter_id,
        content: &Content::default(),
        version: 0,
        saved: None,
        earlier: Vec::new(),
        unfinished,
    };
    Ok(look.editor(StatusCode::OK, &editing))
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
    Ok(look.draft(StatusCode::OK, &draft))
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
    if let Act::Template = sent.act
        && let Some(template) = Template::find(&sent.template)
    {
        sent.content.begin_with(template);
    }
    let expanded = match sent.act {
        Act::Expand | Act::Template => phrases::expand(&asking, asked.ids[0], &mut sent.content).await,
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
    Ok(look.preview(StatusCode::OK, &draft, None))
}

pub async fn sign(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = asking(asked, &session)?;
    let [patient_id, draft_id] = asked.ids;
    let version = u32::try_from(form.number("version")?).map_err(|_| Refusal::Invalid("a number is missing"))?;
    let signing = asking.record.sign_draft(asking.caller, patient_id, draft_id, version, to_sign);
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
    Ok(look.preview(status, &draft, Some(words)))
}

pub async fn discard(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = asking(asked, &session)?;
    let [patient_id, draft_id] = asked.ids;
    let version = u32::try_from(form.number("version")?).map_err(|_| Refusal::Invalid("a number is missing"))?;
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
    let text = phrases::one(&asking, asked.ids[0], &sent.phrase).await?;
    Ok(answer::json(StatusCode::OK, &json!({ "text": text })))
}

/// What opens the text that this author's browser kept and could not send.
pub async fn key(asked: &Asked<'_>) -> Answer {
    let session = asked.scripted().await?;
    let asking = asking(asked, &session)?;
    let [patient_id, draft_id] = asked.ids;
    let key = asking.record.draft_device_key(asking.caller, patient_id, draft_id).await?;
    Ok(answer::json(StatusCode::OK, &json!({ "key": STANDARD.encode(*key) })))
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
                let saved = time::clock(saved_ms);
                return Ok(answer::json(
                    StatusCode::OK,
                    &json!({ "place": place, "version": version, "saved": saved }),
                ));
            }
            let further = if let Act::Preview = sent.act { "/preview" } else { "" };
            Ok(answer::see(&format!("{place}{further}")))
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

/// The caller's other drafts in this chart.
async fn unfinished(asking: &Asking<'_>, patient_id: &str) -> Result<Vec<DraftHead>, Refusal> {
    let mut drafts = asking.record.drafts(asking.caller).await?;
    drafts.retain(|draft| draft.patient_id == patient_id);
    Ok(drafts)
}

/// What a draft's text becomes when it is signed.
fn to_sign(text: &str) -> Result<NoteToSign, RecordError> {
    let content = Content::read(text);
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
    })
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
