//! The record through its public doors, on a real store.
#![allow(clippy::unwrap_used)]

extern crate wardstone_record as record;

mod clinic;
mod findings;
mod interactions;
mod shared;
