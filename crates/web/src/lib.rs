//! Pages for people: signing in and one's own account; finding a patient and the chart.
//!
//! They read without scripts; a script adds passkeys, the proof of the device and the warning before a session ends. What they
//! show of the record comes through `record`, and no address carries more about a person than an opaque id.

mod answer;
mod assets;
mod beside;
mod client;
mod clinic;
mod forms;
mod guard;
mod line;
mod pages;
mod phone;
mod place;
mod refusal;
mod route;
mod searches;
mod uploads;

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use compliance::Register;
use futures_util::FutureExt;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, header};
use identity::Identity;
use record::Record;

pub use client::Client;
pub use forms::BODY_BYTES_MAX;
pub use guard::{COOKIE, CSRF_HEADER, ENROL_COOKIE, STEP_COOKIE};
pub use pages::Hosts;
pub use phone::Phone;
pub use route::ROUTES;

use beside::Stand;
use refusal::Refusal;
use route::{Found, Route};

/// A year: whoever came once comes over TLS.
const TRANSPORT: &str = "max-age=31536000";

/// What the pages need of the server.
pub struct WebState {
    pub record: Record,
    pub identity: Identity,
    pub agreements: Register,
    /// Where the pages are: `https://clinic.example`, with a port if it is not 443.
    pub origin: String,
    /// Where the organization's days begin and end.
    pub zone: jiff::tz::TimeZone,
    /// When the organization works; none where it sets no hours.
    pub hours: Option<Arc<identity::Hours>>,
    /// Who runs this: stands on every page.
    pub organization: String,
    /// Where people call who cannot be seen or heard.
    pub phone: Option<Phone>,
    /// The rooms of visits, and those who come into them by a link.
    pub hall: telehealth::hall::Hall,
    pub guests: telehealth::guests::Guests,
    pub sheets: telehealth::sheets::Sheets,
    pub hosts: Hosts,
    /// Looks into files before they come into a chart; none where the organization has none.
    pub scanner: Option<telehealth::scan::Clamd>,
    pub quarantine: telehealth::quarantine::Quarantine,
    /// What goes out by e-mail and as text messages.
    pub outbox: outward::Outbox,
    /// A fresh random number for each request.
    pub request_id: Arc<dyn Fn() -> u128 + Send + Sync>,
}

/// Cheap to clone. And where what is being answered will stand.
#[derive(Clone)]
pub struct Web(Arc<WebState>, Stand, Arc<pages::ShownForms>, Arc<searches::Searches>);

impl Web {
    pub fn new(state: WebState) -> Self {
        Self(Arc::new(state), Stand::Alone, Arc::default(), Arc::default())
    }

    fn stands(&self, stand: Stand) -> Self {
        Self(self.0.clone(), stand, self.2.clone(), self.3.clone())
    }

    fn identity(&self) -> &Identity {
        &self.0.identity
    }

    fn hall(&self) -> &telehealth::hall::Hall {
        &self.0.hall
    }

    fn outbox(&self) -> &outward::Outbox {
        &self.0.outbox
    }

    fn guests(&self) -> &telehealth::guests::Guests {
        &self.0.guests
    }

    fn sheets(&self) -> &telehealth::sheets::Sheets {
        &self.0.sheets
    }

    /// Forms that are being filled in.
    fn shown_forms(&self) -> &pages::ShownForms {
        &self.2
    }

    fn searches(&self) -> &Arc<searches::Searches> {
        &self.3
    }

    /// The chart follows what happened in the room of a visit. Says in the error log what could not be written.
    pub async fn follow(&self, visit: &str, event: telehealth::status::VisitEvent) {
        if let Err(refusal) = pages::follow(self, visit, event).await {
            tracing::error!(status = %refusal.status(), "the chart could not follow a visit");
        }
    }

    fn quarantine(&self) -> &telehealth::quarantine::Quarantine {
        &self.0.quarantine
    }

    fn agreements(&self) -> &Register {
        &self.0.agreements
    }

    fn zone(&self) -> &jiff::tz::TimeZone {
        &self.0.zone
    }

    fn hours(&self) -> Option<&identity::Hours> {
        self.0.hours.as_deref()
    }

    fn record(&self) -> &Record {
        &self.0.record
    }
}

/// The form of the bar is sent to the page that it stands on, so that nothing else need say where one comes back.
fn is_locking(parts: &Parts) -> bool {
    parts.method == Method::POST && parts.uri.query() == Some("lock")
}

impl WebState {
    /// Other servers on `localhost` would be bound by what we say of it: HSTS knows no ports (RFC 6797, section 8.2).
    fn is_on_this_machine(&self) -> bool {
        self.origin == "https://localhost" || self.origin.starts_with("https://localhost:")
    }
}

/// The answer to what is refused, with the places of who is signed in around it.
async fn refused(web: &Web, parts: &Parts, from: identity::Connection<'_>, refusal: Refusal) -> Response<Body> {
    if !refusal.is_within(parts) || guard::cookie(&parts.headers, COOKIE).is_none() {
        return refusal.answer(web, parts, None);
    }
    let ids = Default::default();
    let asked = client::Asked { web, from, parts, ids, body: Bytes::new(), renewed: OnceLock::new() };
    match asked.watcher().await {
        Ok(session) => refusal.answer(web, parts, Some(&session)),
        // Proven first, then asked for again.
        Err(unproven @ Refusal::Unproven { .. }) if parts.method == Method::GET => unproven.answer(web, parts, None),
        Err(_) => refusal.answer(web, parts, None),
    }
}

/// Answers one request. Whatever goes wrong, the answer has the headers that every page has.
pub async fn serve(web: &Web, request: Request<Body>, client: Client) -> Response<Body> {
    let started = Instant::now();
    let request_id = (web.0.request_id)();
    let (mut parts, body) = request.into_parts();
    // A line is not a page: it goes on after its answer.
    let upgrade = parts.extensions.remove::<hyper::upgrade::OnUpgrade>();
    let found = match is_locking(&parts) {
        true => Ok(Found { route: Route::LockScreen, ids: Default::default() }),
        false => Route::parse(&parts.method, parts.uri.path()),
    };
    let template = found.as_ref().map_or("unknown", |found| found.route.template());
    let stood = found.and_then(|found| Ok((Stand::of(found.route, &parts.headers)?, found)));
    let stand = stood.as_ref().map_or(Stand::Alone, |(stand, _)| *stand);
    let web = &web.stands(stand);
    let answering = async {
        let (_, Found { route, ids }) = stood?;
        if let Route::VisitLine = route {
            return line::open(web, &parts, ids[0], upgrade);
        }
        let from = client.connection(&parts, request_id);
        let surviving;
        let mut asked = client::Asked { web, from, parts: &parts, ids, body: Bytes::new(), renewed: OnceLock::new() };
        let _place = match route.takes_documents() {
            // Many bytes are taken from who is signed in alone, and from few at a time.
            true => {
                asked.watcher().await?;
                Some(uploads::place().await?)
            }
            false => None,
        };
        // A form of many pages is taken from who came into a visit alone.
        let is_large = body.size_hint().lower() > BODY_BYTES_MAX as u64;
        let bytes_max = match route {
            Route::SendVisitForm if !is_large || !pages::has_come(&asked).await => BODY_BYTES_MAX,
            _ => route.body_bytes_max(),
        };
        asked.body = forms::read(&parts, body, bytes_max).await?;
        let answered = match Box::pin(pages::way(route, &asked)).await? {
            pages::Way::Answered(answered) => answered,
            pages::Way::Here => pages::answer(route, &asked).await?,
            pages::Way::As(id) => {
                surviving = id;
                asked.ids[0] = &surviving;
                pages::answer(route, &asked).await?
            }
        };
        Ok(match asked.renewed.get() {
            Some(renewed) => pages::again(answered, renewed),
            None => answered,
        })
    };
    // A panic must cost one request and show nothing of what it worked on.
    let answered = AssertUnwindSafe(answering).catch_unwind().await.unwrap_or(Err(Refusal::Defect));
    let mut response = match answered {
        Ok(response) => response,
        Err(refusal) => refused(web, &parts, client.connection(&parts, request_id), refusal).await,
    };
    stand.mark(&mut response);
    if !web.0.is_on_this_machine() {
        let transport = HeaderValue::from_static(TRANSPORT);
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, transport);
    }
    let status = response.status().as_u16();
    let duration_us = started.elapsed().as_micros() as u64;
    tracing::info!(method = parts.method.as_str(), route = template, status, duration_us, request = %format_args!("{request_id:032x}"), "answered");
    response
}
