//! Facts about accounts, sessions, devices and tokens, through the public door.
#![expect(clippy::unwrap_used, reason = "tests")]

extern crate wardstone_identity as identity;

mod accounts;
mod authenticator;
mod browser;
mod clinic;
mod devices;
mod enrolment;
mod factors;
mod holds;
mod machine;
mod own;
mod passkeys;
mod roles;
mod sessions;
mod throttles;
mod tokens;
mod visit_passkeys;
