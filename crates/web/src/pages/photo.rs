//! The photo of a patient: shown in the banner, chosen on a page of its own, kept sealed in the record as Patient.photo.

use access::Action;
use askama::Template;
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fhir::Json;
use http::{Response, StatusCode};
use identity::Session;
use record::{Preconditions, ResourceKey, Target};

use super::Answer;
use super::patients::asking;
use super::register::Who;
use crate::answer;
use crate::assets::{Asset, Frame, PATIENT, PATIENT_CSS};
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::day;
use crate::clinic::moves::object;
use crate::clinic::picture::{Picture, clean, media_type};
use crate::clinic::read::{all, text};
use crate::clinic::shell::{Place, Shell};
use crate::refusal::Refusal;

#[derive(Template)]
#[template(path = "patient_photo.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    css: &'static Asset,
    script: &'static Asset,
    who: Who,
    version: u32,
    has_photo: bool,
    error: Option<&'static str>,
}

/// The bytes, decided and audited as a read of the patient.
pub async fn picture(asked: &Asked<'_>) -> Answer {
    let session = asked.watcher().await?;
    let asking = asking(asked, &session)?;
    let read = asking.read("Patient", asked.ids[0]).await?;
    let patient = read.get().tree()?;
    let bytes = held(&patient).and_then(|data| STANDARD.decode(data).ok()).ok_or(Refusal::NotFound)?;
    // By what it is and not by what it is called: others' systems may have written it.
    let kind = media_type(&bytes).ok_or(Refusal::NotFound)?;
    Ok(answer::with(StatusCode::OK, kind, Body::from(bytes)))
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = keeping(asked, &session)?;
    shown(asked, &session, &asking, None, StatusCode::OK).await
}

pub async fn save(asked: &Asked<'_>) -> Answer {
    asked.sent_by_our_page()?;
    let sent = asked.upload().await?;
    let session = asked.writer(&sent.form).await?;
    let asking = keeping(asked, &session)?;
    let version: u32 = sent.form.text("version").parse().map_err(|_| Refusal::Invalid("the version is missing"))?;
    let picture = if sent.form.text("act") == "remove" {
        None
    } else {
        match clean(&sent.bytes) {
            Ok(picture) => Some(picture),
            Err(unfit) => {
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                return shown(asked, &session, &asking, Some(unfit.words()), status).await;
            }
        }
    };
    let read = asking.read("Patient", asked.ids[0]).await?;
    let mut patient = read.get().tree()?.into_owned();
    set(&mut patient, picture, &day::instant(asking.record.now_ms()));
    let key = ResourceKey::parse("Patient", asked.ids[0]).ok_or(Refusal::NotFound)?;
    let preconditions = Preconditions { if_match: Some(version), if_none_match: false };
    match asking.record.update(asking.caller, Target::Id(key), &patient.to_vec(), preconditions).await {
        Ok(_) => Ok(answer::see(&format!("/patients/{}?saved", asked.ids[0]))),
        Err(error) if error.is_overtaken() => {
            let words = "Somebody saved this patient before you, so nothing was changed. Look at the photo as it is now, and choose again if it is not right.";
            shown(asked, &session, &asking, Some(words), StatusCode::CONFLICT).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether photos are kept at all, and this role keeps them.
pub fn may_keep(asking: &Asking<'_>) -> bool {
    let policy = asking.record.collection();
    asking.shows(Action::Update, "Patient", "photo")
        && policy.keeps("Patient", "photo", access::CollectValue::default())
}

/// Whether there is a photo that a page shows.
pub fn has_photo(patient: &Json<'_>) -> bool {
    held(patient).is_some()
}

fn held<'j>(patient: &'j Json<'_>) -> Option<&'j str> {
    let photos = all(patient, "photo").iter();
    let mut shown = photos.filter(|one| matches!(text(one, "contentType"), Some("image/jpeg" | "image/png")));
    text(shown.next()?, "data")
}

fn set(patient: &mut Json<'static>, picture: Option<Picture>, now: &str) {
    let Some(members) = patient.as_object_mut() else { return };
    match picture {
        None => drop(members.remove("photo")),
        Some(picture) => {
            let photo = object([
                ("contentType", Json::string(picture.media_type)),
                ("data", Json::string(STANDARD.encode(&picture.bytes))),
                ("creation", Json::string(now.to_owned())),
            ]);
            members.set("photo", Json::Array(vec![photo]));
        }
    }
}

fn keeping<'a>(asked: &'a Asked<'_>, session: &'a Session) -> Result<Asking<'a>, Refusal> {
    let asking = asking(asked, session)?;
    if may_keep(&asking) { Ok(asking) } else { Err(Refusal::NotYours) }
}

async fn shown(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    error: Option<&'static str>,
    status: StatusCode,
) -> Result<Response<Body>, Refusal> {
    let read = asking.read("Patient", asked.ids[0]).await?;
    let patient = read.get().tree()?;
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Patients),
        css: &PATIENT_CSS,
        script: &PATIENT,
        who: Who::of(&patient),
        version: read.get().version(),
        has_photo: has_photo(&patient),
        error,
    };
    Ok(answer::page(status, &page))
}
