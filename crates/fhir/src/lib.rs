//! The FHIR R4 vocabulary as data: JSON trees, structure tables, validation, search values. Pure: no I/O, no clock.

pub mod build;
pub mod compartment;
pub mod json;
pub mod patch;
pub mod primitive;
pub mod project;
pub mod references;
pub mod search;
pub mod structure;
mod validate;

pub use json::{Json, JsonError, Object};
pub use validate::{ISSUES_MAX, Issue, IssueCode, Severity, validate};
