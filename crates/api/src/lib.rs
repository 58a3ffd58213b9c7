//! HTTP for machines: FHIR R4 REST over the record. What is decided, opened and audited is the record's affair; this room
//! speaks HTTP: routes, headers, content types, bundles around resources that it never parses on the way out, and errors
//! as OperationOutcomes. `manage` is the JSON API for people who administer: accounts, devices, tokens, policies, alerts.

mod capability;
mod error;
mod extract;
mod interactions;
pub mod manage;
mod respond;
mod route;
mod serve;
mod state;

pub use error::ApiError;
pub use extract::{Authenticated, ConnectionNo, Peer};
pub use serve::{router, serve};
pub use state::{Api, ApiState, BaseUrl, ClientFacts, Identify, Limits};
