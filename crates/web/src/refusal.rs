//! What goes wrong, and how a person or a script is told. Nothing here says whether an account exists.

use access::Denial;
use axum::body::Body;
use compliance::ComplianceError;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, header};
use identity::{EnrolRefusal, IdentityError, Session, SignInRefusal};
use record::{RecordError, Refusal as Denied};
use serde_json::json;

use crate::answer::{self, Notice, NoticeWithin};
use crate::guard::{COOKIE, NEXT_COOKIE, cookie};
use crate::place::{NOWHERE, Place};
use crate::{Web, pages};

const HEADING: &str = "This did not work";

#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("there is no page at this address")]
    NotFound,
    #[error("this address does not take that method")]
    Method,
    #[error("this is too large")]
    TooLarge,
    #[error("sign in first")]
    NotSignedIn,
    /// The connection has to prove the device: a page or a script does it and asks again.
    #[error("this connection has not proven its device")]
    Unproven { challenge: String },
    #[error("this session belongs to another device")]
    OtherDevice,
    #[error("this did not come from a page of ours")]
    CrossSite,
    /// It would stand in a frame, and does not.
    #[error("this page stands in a window of its own")]
    Framed,
    #[error("{0}")]
    Invalid(&'static str),
    #[error(transparent)]
    SignIn(#[from] SignInRefusal),
    #[error(transparent)]
    Enrol(#[from] EnrolRefusal),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Something is to be read first, once a year.
    #[error("read the security guidance first")]
    Guidance,
    #[error(transparent)]
    Compliance(#[from] ComplianceError),
    /// The role does nothing here, whatever is there.
    #[error("your role does not do this; if your work needs it, ask whoever grants roles")]
    NotYours,
    /// What is stored is not what was filed: nobody is shown it.
    #[error("this document is not the one that was filed, so it is not shown; the privacy officer has been told")]
    Damaged,
    #[error("this cannot be answered now")]
    Defect,
}

impl Refusal {
    pub fn status(&self) -> StatusCode {
        match self {
            Refusal::NotFound => StatusCode::NOT_FOUND,
            Refusal::Method => StatusCode::METHOD_NOT_ALLOWED,
            Refusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::NotSignedIn | Refusal::Unproven { .. } | Refusal::OtherDevice => StatusCode::UNAUTHORIZED,
            Refusal::CrossSite | Refusal::Framed => StatusCode::FORBIDDEN,
            Refusal::Invalid(_) => StatusCode::BAD_REQUEST,
            Refusal::SignIn(refusal) => sign_in_status(refusal),
            Refusal::Enrol(EnrolRefusal::Unavailable(error)) => identity_status(error),
            Refusal::Enrol(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Refusal::Identity(error) => identity_status(error),
            Refusal::Record(error) => record_status(error),
            Refusal::Compliance(error) => compliance_status(error),
            Refusal::NotYours | Refusal::Guidance => StatusCode::FORBIDDEN,
            Refusal::Damaged => StatusCode::CONFLICT,
            Refusal::Defect => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What a person reads. The details of a defect are the operator's.
    pub fn words(&self) -> String {
        match self.status() {
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::INTERNAL_SERVER_ERROR => {
                "This cannot be done now. Nothing was changed. Try again in a moment.".to_owned()
            }
            _ => match self {
                // To the byte the same, whether there is nothing or nothing that may be known.
                Refusal::Record(error) if record_status(error) == StatusCode::NOT_FOUND => {
                    Denial::ADVICE_ABSENT.to_owned()
                }
                Refusal::Record(RecordError::Denied(_) | RecordError::HiddenParameter { .. }) => {
                    sentence(&Refusal::NotYours.to_string())
                }
                _ => sentence(&self.to_string()),
            },
        }
    }

    /// With what stands around every page of theirs, where it is known whose session this is.
    pub fn answer(self, web: &Web, parts: &Parts, session: Option<&Session>) -> Response<Body> {
        if self.status().is_server_error() {
            tracing::error!(error = %self, "cannot answer");
        }
        let mut response = if wants_json(parts) { self.as_json() } else { self.as_page(web, parts, session) };
        if let Some(seconds) = self.wait() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    fn as_json(&self) -> Response<Body> {
        let mut value = json!({ "error": self.words() });
        if let Refusal::Unproven { challenge } = self {
            value["prove"] = json!(challenge);
        }
        answer::json(self.status(), &value)
    }

    fn as_page(&self, web: &Web, parts: &Parts, session: Option<&Session>) -> Response<Body> {
        match self {
            Refusal::NotSignedIn => to_the_door(web, parts),
            Refusal::Unproven { challenge } => pages::prove(web, challenge),
            Refusal::Guidance => to_the_guidance(parts),
            Refusal::Identity(IdentityError::StepUp)
            | Refusal::Enrol(EnrolRefusal::Unavailable(IdentityError::StepUp)) => to_confirm(parts),
            _ => match session {
                Some(session) => answer::page(self.status(), &NoticeWithin::new(web, session, HEADING, &self.words())),
                None => answer::page(self.status(), &Notice::new(web, HEADING, &self.words())),
            },
        }
    }

    /// Whether its page has the ways of who is signed in. The doors and the pages on the way through them have none, and of an address
    /// that is none of ours it is not asked who comes, except by who wants to see it: to ask is to use the cookie on this connection.
    pub fn is_within(&self, parts: &Parts) -> bool {
        let leads_elsewhere = matches!(
            self,
            Refusal::NotSignedIn
                | Refusal::Unproven { .. }
                | Refusal::OtherDevice
                | Refusal::Guidance
                | Refusal::Framed
                | Refusal::CrossSite
                | Refusal::TooLarge
                | Refusal::SignIn(_)
                | Refusal::Enrol(_)
                | Refusal::Identity(IdentityError::StepUp)
        );
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let is_seen = header("sec-fetch-dest").is_none_or(|wanted| matches!(wanted, "document" | "iframe"));
        let is_known = !matches!(self, Refusal::NotFound | Refusal::Method) || parts.method == Method::GET;
        !leads_elsewhere && !wants_json(parts) && is_seen && is_known
    }

    fn wait(&self) -> Option<u32> {
        match self {
            Refusal::SignIn(SignInRefusal::Wait { seconds }) | Refusal::Identity(IdentityError::Wait { seconds }) => {
                Some(*seconds)
            }
            Refusal::SignIn(SignInRefusal::Busy) | Refusal::Identity(IdentityError::Busy) => Some(1),
            _ => None,
        }
    }
}

/// And back to the page of the form.
fn to_confirm(parts: &Parts) -> Response<Body> {
    let place = Some(parts.uri.path()).filter(|path| Place::parse(path).is_some());
    answer::see(&format!("/stepup{}", place.map_or_else(String::new, |place| format!("?next={place}"))))
}

/// And from there on to where they were going.
fn to_the_guidance(parts: &Parts) -> Response<Body> {
    let place = parts.uri.path_and_query().and_then(|address| Place::parse(address.as_str()));
    answer::see(&format!("/guidance{}", place.map_or_else(String::new, |place| place.as_query())))
}

/// Whose place it was is known from the cookie that opened it; who comes with none is led on to what they asked for. After signing
/// out nobody is.
fn to_the_door(web: &Web, parts: &Parts) -> Response<Body> {
    let held = |name| cookie(&parts.headers, name);
    let ended = held(COOKIE).and_then(|cookie| web.identity().ended(cookie));
    let asked_for = parts.uri.path_and_query().and_then(|address| Place::parse(address.as_str()));
    let label = ended.as_ref().map(|ended| web.identity().place_label(ended.user));
    let place = match &label {
        Some(label) => asked_for.and_then(|place| place.of(label)),
        None if held(COOKIE).is_some() || held(NEXT_COOKIE) == Some(NOWHERE) => None,
        None => asked_for.filter(|_| parts.method == Method::GET),
    };
    if ended.is_some_and(|ended| ended.is_locked) {
        return answer::see(&format!("/lock{}", place.map_or_else(String::new, |place| place.as_query())));
    }
    let mut response = answer::see("/signin");
    // A cookie that opens nothing is of no use to anybody.
    if parts.headers.contains_key(header::COOKIE) {
        answer::drop_cookie(&mut response, COOKIE);
    }
    if let Some(place) = place {
        answer::set_cookie(&mut response, NEXT_COOKIE, &place.to_string());
    }
    response
}

fn sign_in_status(refusal: &SignInRefusal) -> StatusCode {
    match refusal {
        SignInRefusal::DoesNotMatch | SignInRefusal::Expired | SignInRefusal::DeviceRefused => StatusCode::UNAUTHORIZED,
        SignInRefusal::Wait { .. } | SignInRefusal::Busy => StatusCode::TOO_MANY_REQUESTS,
        SignInRefusal::Unavailable(error) => identity_status(error),
    }
}

fn identity_status(error: &IdentityError) -> StatusCode {
    match error {
        IdentityError::Unknown(_) => StatusCode::NOT_FOUND,
        IdentityError::Invalid(_) | IdentityError::NoSuchCode => StatusCode::UNPROCESSABLE_ENTITY,
        IdentityError::NotPermitted(_) | IdentityError::StepUp | IdentityError::NotByOneself => StatusCode::FORBIDDEN,
        IdentityError::Wait { .. } | IdentityError::Busy => StatusCode::TOO_MANY_REQUESTS,
        IdentityError::Store(_) | IdentityError::Audit(_) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn compliance_status(error: &ComplianceError) -> StatusCode {
    match error {
        ComplianceError::Unknown(_) => StatusCode::NOT_FOUND,
        ComplianceError::Changed | ComplianceError::AgreementEnded => StatusCode::CONFLICT,
        ComplianceError::Agreement(_) | ComplianceError::Words | ComplianceError::TooManyWords => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn record_status(error: &RecordError) -> StatusCode {
    match error {
        RecordError::Denied(Denied::Absent) | RecordError::NotFound | RecordError::Gone => StatusCode::NOT_FOUND,
        RecordError::Denied(Denied::Never | Denied::Withheld) | RecordError::HiddenParameter { .. } => {
            StatusCode::FORBIDDEN
        }
        RecordError::Malformed(_) | RecordError::Query(_) | RecordError::Cursor | RecordError::TooCostly { .. } => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        RecordError::Conflict => StatusCode::CONFLICT,
        RecordError::Unavailable | RecordError::Full => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

pub(crate) fn wants_json(parts: &Parts) -> bool {
    let accepts = parts.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepts.starts_with("application/json") || accepts.starts_with("text/event-stream")
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", letters.as_str())
}
