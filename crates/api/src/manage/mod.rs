//! `/manage`: the JSON API for accounts, roles, sessions, devices, tokens, broken glass, labels, alerts, policies and agreements. Each
//! address has a gate; what is done there, and its event, is identity's, compliance's and the record's affair.

mod account;
mod agreement;
mod alert;
mod body;
mod device;
mod gate;
mod glass;
mod patient;
mod policy;
mod problem;
mod refuse;
mod route;
mod session;
mod show;
mod token;
mod user;

use std::borrow::Cow;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use compliance::{PolicyDesk, Queue, Register};
use futures_util::FutureExt;
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use identity::{Connection, Identity};
use record::Record;
use serde_json::Value;

pub use body::BODY_BYTES_MAX;
pub use gate::{COOKIE_NAME, CSRF_HEADER};
pub use route::{Gate, ROUTES, Route};

use gate::Guest;
use problem::Problem;
use route::{Act, Segments};

use crate::extract::{OwnedPairs, parse_pairs};

/// Where all of it is.
pub const PATH: &str = "/manage";

/// What `/manage` needs of the server.
pub struct ManageState {
    pub record: Record,
    pub identity: Identity,
    pub queue: Queue,
    pub policies: PolicyDesk,
    pub agreements: Register,
    /// Where the pages are: `https://clinic.example`, with a port if it is not 443.
    pub origin: String,
    /// A fresh random number for each request.
    pub request_id: Arc<dyn Fn() -> u128 + Send + Sync>,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Manage(Arc<ManageState>);

/// A request that came through its gate.
struct Asked<'r> {
    manage: &'r Manage,
    guest: Option<Guest>,
    from: Connection<'r>,
    segments: Segments<'r>,
    query: OwnedPairs<'r>,
    body: Bytes,
}

/// What goes well.
struct Done {
    status: StatusCode,
    body: Value,
    cookie: Option<String>,
}

impl Manage {
    pub fn new(state: ManageState) -> Self {
        Self(Arc::new(state))
    }

    fn origin(&self) -> &str {
        &self.0.origin
    }
}

/// Answers one request at or below [`PATH`].
pub async fn serve(manage: &Manage, request: Request) -> Response {
    let started = Instant::now();
    let request_id = (manage.0.request_id)();
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().strip_prefix(PATH).unwrap_or_default();
    let found = route::find(&parts.method, path);
    let template = found.as_ref().map_or("unknown", |(route, _)| route.template);

    let answered = AssertUnwindSafe(answer(manage, &parts, body, found, request_id)).catch_unwind().await;
    let response = match answered.unwrap_or_else(|_| Err(Problem::defect())) {
        Ok(done) => done.into_response(),
        Err(problem) => problem.into_response(),
    };
    let (status, method) = (response.status().as_u16(), parts.method.as_str());
    let duration_us = started.elapsed().as_micros() as u64;
    tracing::info!(method, route = template, status, duration_us, request = %format_args!("{request_id:032x}"), "managed");
    response
}

async fn answer(
    manage: &Manage,
    parts: &Parts,
    body: Body,
    found: Result<(&'static Route, Segments<'_>), Problem>,
    request_id: u128,
) -> Result<Done, Problem> {
    let from = gate::connection(parts, request_id)?;
    let (route, segments) = match found {
        Ok(found) => found,
        // Who is not signed in does not learn which addresses there are.
        Err(problem) => return gate::pass(manage, Gate::Own, parts, &from).await.and(Err(problem)),
    };
    let guest = gate::pass(manage, route.gate, parts, &from).await?;
    let query = parse_pairs(parts.uri.query().unwrap_or_default())
        .map_err(|_| Problem::invalid("the query has a malformed percent encoding"))?;
    let body = body::read(&parts.headers, body).await?;
    perform(route.act, Asked { manage, guest, from, segments, query, body }).await
}

async fn perform(act: Act, asked: Asked<'_>) -> Result<Done, Problem> {
    match act {
        Act::SignIn => session::sign_in(asked).await,
        Act::Me => session::me(asked),
        Act::SignOut => session::sign_out(asked).await,
        Act::StepUp => session::step_up(asked).await,
        Act::MySessions => session::mine(asked),
        Act::EndMySession => session::end_mine(asked).await,
        Act::Sessions => session::of_user(asked),
        Act::EndSession => session::end(asked).await,
        Act::MyDevices => device::mine(asked),
        Act::MyDeviceLost => device::close_mine(asked, true).await,
        Act::RetireMyDevice => device::close_mine(asked, false).await,
        Act::Devices => device::of_user(asked),
        Act::VerifyDevice => device::verify(asked).await,
        Act::DeviceLost => device::lose(asked).await,
        Act::RetireDevice => device::retire(asked).await,
        Act::MyTokens => token::mine(asked),
        Act::MakeMyToken => token::make_mine(asked).await,
        Act::RevokeMyToken => token::revoke_mine(asked).await,
        Act::Tokens => token::of_user(asked),
        Act::MakeToken => token::make(asked).await,
        Act::RevokeToken => token::revoke(asked).await,
        Act::Users => user::list(asked),
        Act::Invite => user::invite(asked).await,
        Act::User => user::show(asked),
        Act::Deactivate => user::deactivate(asked).await,
        Act::Reactivate => user::reactivate(asked).await,
        Act::Recover => user::recover(asked).await,
        Act::Licence => account::licence(asked).await,
        Act::Npi => account::npi(asked).await,
        Act::Practitioner => account::practitioner(asked).await,
        Act::OwnChart => account::own_chart(asked).await,
        Act::GrantProxy => account::grant_proxy(asked).await,
        Act::EndProxy => account::end_proxy(asked).await,
        Act::GrantRole => account::grant_role(asked).await,
        Act::EndRole => account::end_role(asked).await,
        Act::ConfirmRole => account::confirm_role(asked).await,
        Act::Recertification => account::recertification(asked),
        Act::BreakGlass => glass::break_glass(asked).await,
        Act::GlassLog => glass::log(asked).await,
        Act::Label => patient::label(asked).await,
        Act::Explain => patient::explain(asked).await,
        Act::Alerts => alert::list(asked).await,
        Act::Alert => alert::show(asked).await,
        Act::TakeAlert => alert::take(asked).await,
        Act::NoteAlert => alert::note(asked).await,
        Act::CloseAlert => alert::close(asked).await,
        Act::Reviews => alert::reviews(asked).await,
        Act::Review => alert::review(asked).await,
        Act::Policies => policy::list(asked),
        Act::PolicyVersion => policy::show(asked),
        Act::Propose => policy::propose(asked).await,
        Act::Validate => policy::validate(asked),
        Act::Replay => policy::replay(asked).await,
        Act::Activate => policy::activate(asked).await,
        Act::Agreements => agreement::list(asked).await,
        Act::Agreement => agreement::show(asked).await,
        Act::AddAgreement => agreement::add(asked).await,
        Act::AmendAgreement => agreement::amend(asked).await,
        Act::EndAgreement => agreement::end(asked).await,
    }
}

impl Asked<'_> {
    fn identity(&self) -> &Identity {
        &self.manage.0.identity
    }

    fn queue(&self) -> &Queue {
        &self.manage.0.queue
    }

    fn policies(&self) -> &PolicyDesk {
        &self.manage.0.policies
    }

    fn agreements(&self) -> &Register {
        &self.manage.0.agreements
    }

    fn record(&self) -> &Record {
        &self.manage.0.record
    }

    fn now_ms(&self) -> i64 {
        self.manage.0.record.now_ms()
    }

    /// The gate of every address but the sign-in gives one.
    fn guest(&self) -> Result<&Guest, Problem> {
        self.guest.as_ref().ok_or_else(Problem::not_signed_in)
    }

    fn caller(&self) -> Result<&access::Caller, Problem> {
        self.guest()?.caller()
    }

    fn parse<T: serde::de::DeserializeOwned>(&self) -> Result<T, Problem> {
        body::parse(&self.body)
    }

    /// A number in the address. What is no number names nothing.
    fn number(&self, at: usize) -> Result<u64, Problem> {
        let text: &Cow<'_, str> = &self.segments[at];
        let is_canonical = !text.starts_with(['+', '0']) || text == "0";
        text.parse().ok().filter(|_| is_canonical).ok_or_else(Problem::not_found)
    }

    /// A value of the query; one that is named twice is refused.
    fn query(&self, name: &str) -> Result<Option<&str>, Problem> {
        let mut named = self.query.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_ref());
        match (named.next(), named.next()) {
            (_, Some(_)) => Err(Problem::invalid("a parameter is named twice")),
            (value, None) => Ok(value),
        }
    }

    /// Refuses parameters that the address does not have: a filter that is misspelt must not show everything.
    fn only_query(&self, names: &[&str]) -> Result<(), Problem> {
        let is_known = self.query.iter().all(|(name, _)| names.contains(&name.as_ref()));
        if is_known { Ok(()) } else { Err(Problem::invalid("a parameter is unknown here")) }
    }
}

impl Done {
    fn ok(body: Value) -> Result<Self, Problem> {
        Ok(Self { status: StatusCode::OK, body, cookie: None })
    }

    fn created(body: Value) -> Result<Self, Problem> {
        Ok(Self { status: StatusCode::CREATED, body, cookie: None })
    }

    fn nothing() -> Result<Self, Problem> {
        Ok(Self { status: StatusCode::NO_CONTENT, body: Value::Null, cookie: None })
    }

    fn into_response(self) -> Response {
        let body = if self.body.is_null() { Body::empty() } else { Body::from(self.body.to_string()) };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        problem::protect(headers);
        if !self.body.is_null() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(mut cookie) = self.cookie.and_then(|cookie| HeaderValue::try_from(cookie).ok()) {
            cookie.set_sensitive(true);
            headers.insert(header::SET_COOKIE, cookie);
        }
        response
    }
}
