//! The store through its trait: what every backend must do, run on SQLite.
#![allow(clippy::unwrap_used)]

extern crate wardstone_store as store;

mod behaviour;
mod sqlite;
