//! The addresses of a record that was merged into another: pages lead to the chart that goes on, and a form that comes late writes
//! nothing before somebody has seen where it would.

use askama::Template;
use http::header::CONTENT_TYPE;
use http::{Method, Response, StatusCode};

use axum::body::Body;

use super::patients::asking;
use super::register::Who;
use crate::answer;
use crate::assets::{Asset, Frame, PATIENT_CSS};
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::shell::{Place, Shell};
use crate::forms::Form;
use crate::refusal::Refusal;
use crate::route::Route;

/// Fields that say nothing to who typed.
const UNSEEN: [&str; 5] = ["csrf", "token", "version", "act", "file"];

/// Where a request is answered.
pub(crate) enum Way {
    /// At its own address.
    Here,
    /// As if it had been sent to the patient of this id.
    As(String),
    Answered(Response<Body>),
}

#[derive(Template)]
#[template(path = "patient_elsewhere.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    css: &'static Asset,
    who: Who,
    surviving: Who,
    /// Where the form goes on, if it does.
    action: Option<String>,
    fields: Vec<(&'a str, &'a str)>,
}

impl Page<'_> {
    /// What somebody typed or chose, with the names that the form has for it.
    fn typed(&self) -> impl Iterator<Item = (String, &str)> {
        let seen = self.fields.iter().filter(|(name, value)| !UNSEEN.contains(name) && !value.trim().is_empty());
        seen.map(|(name, value)| (name.replace(['-', '_'], " "), *value))
    }
}

/// Who may not see the old record is answered by its page, as ever, and learns of no other.
pub(crate) async fn way(route: Route, asked: &Asked<'_>) -> Result<Way, Refusal> {
    let old = asked.ids[0];
    if !route.template().starts_with("/patients/{}") || is_its_own(route) {
        return Ok(Way::Here);
    }
    let Some(surviving) = asked.web.record().surviving(old).await? else { return Ok(Way::Here) };
    if keeps_its_text(route) {
        return Ok(Way::As(surviving));
    }
    let path = asked.parts.uri.path();
    let rest = path.strip_prefix("/patients/").and_then(|path| path.strip_prefix(old)).unwrap_or_default();
    let place = format!("/patients/{surviving}{rest}");
    if matches!(asked.parts.method, Method::GET | Method::HEAD) {
        let Ok(session) = asked.watcher().await else { return Ok(Way::Here) };
        return Ok(match asking(asked, &session) {
            Ok(asking) if !session.is_guidance_due && asking.read("Patient", old).await.is_ok() => {
                let query = asked.parts.uri.query().map_or_else(String::new, |query| format!("?{query}"));
                Way::Answered(answer::see(&format!("{place}{query}")))
            }
            _ => Way::Here,
        });
    }
    late(route, asked, &surviving, place).await
}

/// What is about the record itself: that it was merged, how that is undone, what it looks like, an emergency.
fn is_its_own(route: Route) -> bool {
    matches!(
        route,
        Route::Chart | Route::Picture | Route::MergeStep | Route::Unmerge | Route::BreakGlass | Route::CloseGlass
    )
}

/// A note is saved as it is typed, whatever happens: one that was begun goes on where it lies, and a new one begins in the other chart.
fn keeps_its_text(route: Route) -> bool {
    matches!(
        route,
        Route::SaveNote | Route::SignNote | Route::CosignNote | Route::DiscardNote | Route::NotePhrase | Route::NoteKey
    )
}

/// Whether what was typed can go on by a button. Who somebody is and how they look is of one record, a file is chosen again.
fn goes_along(route: Route) -> bool {
    !matches!(route, Route::SavePatient | Route::SavePhoto | Route::FileDocument | Route::ActivatePatient)
}

/// A form of a page that was open when the records were merged.
async fn late(route: Route, asked: &Asked<'_>, surviving: &str, place: String) -> Result<Way, Refusal> {
    let form = sent(asked).await;
    let Ok(session) = asked.writer(&form).await else { return Ok(Way::Here) };
    let Ok(asking) = asking(asked, &session) else { return Ok(Way::Here) };
    let (Ok(who), Ok(goes_on)) = (who(&asking, asked.ids[0]).await, who(&asking, surviving).await) else {
        return Ok(Way::Here);
    };
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, &session, Place::Patients),
        css: &PATIENT_CSS,
        who,
        surviving: goes_on,
        action: goes_along(route).then_some(place),
        fields: form.fields().filter(|(name, _)| *name != "csrf").collect(),
    };
    Ok(Way::Answered(answer::page(StatusCode::CONFLICT, &page)))
}

async fn sent(asked: &Asked<'_>) -> Form {
    let kind = asked.parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.starts_with("multipart/") {
        return asked.upload().await.map_or_else(|_| Form::of(Vec::new()), |sent| sent.form);
    }
    asked.form()
}

async fn who(asking: &Asking<'_>, id: &str) -> Result<Who, Refusal> {
    let held = asking.read("Patient", id).await?;
    Ok(Who::of(&held.get().tree()?))
}
