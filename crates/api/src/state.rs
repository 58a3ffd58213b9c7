//! What the server hands over at start, and what every request then shares.

use std::net::IpAddr;
use std::sync::Arc;

use access::Caller;
use bytes::Bytes;
use record::Record;

use crate::capability;

pub const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What the FHIR API needs of the server.
pub struct ApiState {
    pub record: Record,
    pub identify: Arc<dyn Identify>,
    pub base: BaseUrl,
    /// Milliseconds since 1970.
    pub clock: Arc<dyn Fn() -> i64 + Send + Sync>,
    /// A fresh random number for each request.
    pub request_id: Arc<dyn Fn() -> u128 + Send + Sync>,
    pub limits: Limits,
}

/// Who a token belongs to. Grows with identity.
pub trait Identify: Send + Sync {
    /// The caller behind a bearer token; `None` if the token is unknown, expired or revoked.
    fn identify(&self, token: &str, client: ClientFacts<'_>) -> Option<Caller>;

    /// Counts a request without a valid token. It is not audited one by one, so that nobody can fill the log with it.
    fn noise(&self, address: IpAddr);
}

/// What is known of the client before anything is known of the caller.
#[derive(Clone, Copy)]
pub struct ClientFacts<'a> {
    pub address: IpAddr,
    pub user_agent: &'a str,
    pub request_id: u128,
    pub time_ms: i64,
}

/// The absolute address of the FHIR API, `https://host/fhir`, without a slash at the end.
#[derive(Clone)]
pub struct BaseUrl(Box<str>);

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub body_bytes_max: usize,
}

/// The running API, cheap to clone.
#[derive(Clone)]
pub struct Api(Arc<Shared>);

pub struct Shared {
    pub(crate) state: ApiState,
    pub(crate) capability: Bytes,
}

impl Api {
    pub fn new(state: ApiState) -> Self {
        let capability = Bytes::from(capability::statement(&state.base, (state.clock)()));
        Self(Arc::new(Shared { state, capability }))
    }

    pub(crate) fn record(&self) -> &Record {
        &self.0.state.record
    }

    pub(crate) fn base(&self) -> &BaseUrl {
        &self.0.state.base
    }

    pub(crate) fn state(&self) -> &ApiState {
        &self.0.state
    }

    pub(crate) fn capability(&self) -> Bytes {
        self.0.capability.clone()
    }
}

impl BaseUrl {
    /// `None` unless it starts with `http://` or `https://` and a host, and has no query.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_end_matches('/');
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
        let clean = |b: u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\' | b'<' | b'>' | b'?' | b'#');
        (!rest.is_empty() && !rest.starts_with('/') && rest.bytes().all(clean)).then(|| Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path below the host: `/fhir`.
    pub(crate) fn path(&self) -> &str {
        let host_at = self.0.find("://").map_or(0, |at| at + 3);
        self.0[host_at..].find('/').map_or("", |at| &self.0[host_at + at..])
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { body_bytes_max: BODY_BYTES_MAX }
    }
}
