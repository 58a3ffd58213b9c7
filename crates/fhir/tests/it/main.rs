//! What the FHIR room promises, through its public doors.
#![expect(clippy::unwrap_used, reason = "tests")]

mod json;
mod patch;
mod project;
mod references;
mod robust;
mod search;
mod search_keywords;
mod search_query;
mod search_shared;
mod shared;
mod structure;
mod validate;
