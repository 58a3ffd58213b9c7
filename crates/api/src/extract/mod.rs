//! What a request says beside its path: who sends it, what it accepts and prefers, its conditions, parameters and body.

mod auth;
mod body;
mod condition;
mod media;
mod prefer;
mod query;

pub use auth::{Authenticated, ConnectionNo, Peer, bearer};
pub use body::{Expected, read_body};
pub use condition::{is_unmodified, preconditions};
pub use media::accept;
pub use prefer::{Prefer, Return};
pub use query::{OwnedPairs, encode_pairs, find, parse_pairs, percent_decode};

use http::{HeaderMap, HeaderName};

use crate::error::ApiError;

/// A header as text; `None` if it is absent.
fn text<'h>(headers: &'h HeaderMap, name: &HeaderName, shown: &'static str) -> Result<Option<&'h str>, ApiError> {
    let value = headers.get(name).map(|value| value.to_str());
    value.transpose().map_err(|_| ApiError::Header { name: shown, problem: "the value is not plain ASCII" })
}
