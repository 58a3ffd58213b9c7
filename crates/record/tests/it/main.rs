//! The record through its public doors, on a real store.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

extern crate wardstone_record as record;

mod administration;
mod clinic;
mod drafts;
mod findings;
mod forms;
mod interactions;
mod labelled;
mod lists;
mod merge;
mod roles;
mod shared;
mod standing;
mod ties;
mod world;
