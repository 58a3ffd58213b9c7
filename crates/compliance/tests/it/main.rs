//! Compliance over a real audit log and a real desk in a temporary folder, at the time that each test says.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

extern crate wardstone_compliance as compliance;

mod agreements;
mod countries;
mod follower;
mod house;
mod policies;
mod queue;
mod scenarios;
