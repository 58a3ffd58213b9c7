//! Who may send what: the session behind the cookie, and that the request came from a page of ours.

use http::header::{COOKIE as COOKIES, ORIGIN};
use http::{HeaderMap, Method};
use identity::{Session, SessionRefusal};

use crate::client::Asked;
use crate::forms::Form;
use crate::refusal::Refusal;

/// Only over TLS, for this host alone, and not to be read by scripts (RFC 6265bis, section 4.1.3.2).
pub const COOKIE: &str = "__Host-wardstone";
/// Between the first and the second factor. Opens nothing.
pub const STEP_COOKIE: &str = "__Host-wardstone-step";
/// While an enrolment is under way. Opens nothing but it.
pub const ENROL_COOKIE: &str = "__Host-wardstone-enrol";
/// Where somebody was going who has to sign in first: an address of ours and nothing else.
pub const NEXT_COOKIE: &str = "__Host-wardstone-next";
pub const CSRF_HEADER: &str = "x-wardstone-csrf";
const FETCH_SITE: &str = "sec-fetch-site";

impl Asked<'_> {
    /// The session of a page that is only read. Looking at a page is activity, for a person asked for it.
    pub async fn reader(&self) -> Result<Session, Refusal> {
        let session = self.watcher().await?;
        if session.is_guidance_due {
            return Err(Refusal::Guidance);
        }
        self.active(session).await
    }

    /// The same, for the page of what is to be read before any other.
    pub async fn reader_of_guidance(&self) -> Result<Session, Refusal> {
        let session = self.watcher().await?;
        self.active(session).await
    }

    async fn active(&self, session: Session) -> Result<Session, Refusal> {
        self.web.identity().touch(&session);
        if session.is_rotation_due {
            let _ = self.renewed.set(self.web.identity().renew(&session).await?);
        }
        Ok(session)
    }

    /// The session of a script that looks by itself: no activity.
    pub async fn watcher(&self) -> Result<Session, Refusal> {
        let cookie = self.cookie(COOKIE).ok_or(Refusal::NotSignedIn)?;
        self.web.identity().session(cookie, &self.from).await.map_err(|refusal| match refusal {
            SessionRefusal::Unproven { challenge } => Refusal::Unproven { challenge },
            SessionRefusal::Unknown => Refusal::NotSignedIn,
            SessionRefusal::OtherDevice => Refusal::OtherDevice,
            SessionRefusal::Unavailable(error) => Refusal::Identity(error),
        })
    }

    /// The session of a form that changes something.
    pub async fn writer(&self, form: &Form) -> Result<Session, Refusal> {
        self.sent_by_our_page()?;
        let session = self.watcher().await?;
        if !session.is_csrf(form.text("csrf")) {
            return Err(Refusal::CrossSite);
        }
        self.web.identity().touch(&session);
        Ok(session)
    }

    /// The session of a script that changes something.
    pub async fn scripted(&self) -> Result<Session, Refusal> {
        self.sent_by_our_page()?;
        let session = self.watcher().await?;
        let sent = self.parts.headers.get(CSRF_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if session.is_csrf(sent) { Ok(session) } else { Err(Refusal::CrossSite) }
    }

    /// Browsers say where a form comes from, and no page can make them say otherwise (Fetch Metadata; Fetch, 3.1). A page that
    /// sends no referrer, as ours, has its forms say `Origin: null`: then only the site that the browser vouches for counts.
    pub fn sent_by_our_page(&self) -> Result<(), Refusal> {
        let headers = &self.parts.headers;
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
        let is_ours = |origin: &str| origin == self.web.0.origin;
        let is_own = match (text(FETCH_SITE), text(ORIGIN.as_str())) {
            (Some(site), sent) => site == "same-origin" && sent.is_none_or(|sent| is_ours(sent) || sent == "null"),
            (None, Some(sent)) => is_ours(sent),
            // Browsers send one or the other with every form.
            (None, None) => false,
        };
        if is_own || !changes(&self.parts.method) { Ok(()) } else { Err(Refusal::CrossSite) }
    }

    /// A script sends it, and reads the answer.
    pub fn sends_json(&self) -> bool {
        let kind = self.parts.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        kind.is_some_and(|kind| kind.starts_with("application/json"))
    }

    pub fn cookie(&self, name: &str) -> Option<&str> {
        cookie(&self.parts.headers, name)
    }
}

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD)
}

/// Two cookies of one name are somebody's trick: neither counts.
pub(crate) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let pairs =
        headers.get_all(COOKIES).iter().filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(';'));
    let mut found = pairs.filter_map(|pair| pair.trim().split_once('=')).filter(|(held, _)| *held == name);
    let (_, value) = found.next()?;
    found.next().is_none().then_some(value)
}
