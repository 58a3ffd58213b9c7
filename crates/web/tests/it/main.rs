//! What the pages answer, asked without a browser: headers, forged forms, guesses, streams, limits.
#![expect(clippy::unwrap_used, reason = "tests")]

extern crate wardstone_web as web;

mod allergies;
mod assets;
mod chart;
mod clinic;
mod documents;
mod enumeration;
mod find;
mod forgery;
mod headers;
mod inbox;
mod immunizations;
mod limits;
mod lists;
mod medicines;
mod note;
mod numbers;
mod orders;
mod results;
mod prescriptions;
mod problems;
mod merge;
mod register;
mod schedule;
mod sessions;
mod today;
mod vitals;
mod ward;
