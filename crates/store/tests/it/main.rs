//! The store through its trait: what every backend must do, run on SQLite.
#![expect(clippy::unwrap_used, reason = "tests")]

extern crate wardstone_store as store;

mod behaviour;
mod sqlite;
