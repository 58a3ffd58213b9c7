//! The outbox over a real log and desk, and messages to servers that are real but for what they do with what they take.
#![expect(clippy::unwrap_used, reason = "tests")]

extern crate wardstone_outward as outward;

mod endpoints;
mod fake_http;
mod fake_smtp;
mod house;
mod outbox;
