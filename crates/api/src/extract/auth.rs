//! From a bearer token (RFC 6750) to a [`Caller`].

use std::net::IpAddr;

use access::Caller;
use axum::extract::FromRequestParts;
use axum::response::Response;
use http::header;
use http::request::Parts;

use crate::error::ApiError;
use crate::state::{Api, ClientFacts};

/// The address of the client, put into the request's extensions by the listener.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// The number of the TLS connection, put into the request's extensions by the listener; never used twice.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionNo(pub u64);

/// Who sends the request. A handler that takes this runs for nobody else.
pub struct Authenticated(pub Caller);

impl Authenticated {
    pub(crate) fn of(api: &Api, parts: &Parts, request_id: u128) -> Result<Self, ApiError> {
        let Peer(address) = *parts.extensions.get::<Peer>().ok_or(ApiError::NoPeer)?;
        let state = api.state();
        let Some(token) = bearer(parts) else {
            state.identify.noise(address);
            return Err(ApiError::NoToken);
        };
        let user_agent =
            parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let client = ClientFacts { address, user_agent, request_id, time_ms: (state.clock)() };
        let Some(caller) = state.identify.identify(token, client) else {
            state.identify.noise(address);
            return Err(ApiError::InvalidToken);
        };
        Ok(Self(caller))
    }
}

impl FromRequestParts<Api> for Authenticated {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Response> {
        let request_id = (api.state().request_id)();
        Self::of(api, parts, request_id).map_err(|error| crate::respond::refuse(&error))
    }
}

pub fn bearer(parts: &Parts) -> Option<&str> {
    let (scheme, token) = parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
