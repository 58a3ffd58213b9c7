//! What the pages answer, asked without a browser: headers, forged forms, guesses, streams, limits.
#![expect(clippy::unwrap_used, reason = "tests")]

extern crate wardstone_web as web;

mod activate;
mod agreements;
mod allergies;
mod asked_forms;
mod assets;
#[path = "../../../identity/tests/it/authenticator.rs"]
mod authenticator;
mod beside;
mod chart;
mod clinic;
mod documents;
mod enumeration;
mod find;
mod forgery;
mod guidance;
mod headers;
mod immunizations;
mod inbox;
mod limits;
mod lists;
mod lock;
mod medicines;
mod merge;
mod merge_from;
mod merge_old;
mod note;
mod note_visit;
mod numbers;
mod orders;
mod palette;
mod prescriptions;
mod problems;
mod register;
mod results;
mod schedule;
mod sessions;
mod since;
mod social;
mod today;
mod visit;
mod visit_before;
mod visit_follow;
mod visit_forms;
mod visit_forms_risk;
mod visit_forms_typed;
mod visit_keep;
mod visit_passkey_early;
mod visit_risk;
mod vitals;
mod ward;
