//! Rules and tools for data that may leave the record, and for data that never was in one: synthetic patients.

pub mod synthetic;
