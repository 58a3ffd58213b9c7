//! Relays (TURN, RFC 8656): short-lived credentials, the configuration of an external coturn, and one of our own.

pub mod coturn;
pub mod credential;
pub mod embedded;
pub mod machine;
pub mod peer;

pub use credential::{IceServer, MayUse, Relays, TurnSecret, TurnSecrets};
