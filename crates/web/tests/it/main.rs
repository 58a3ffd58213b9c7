//! What the pages answer, asked without a browser: headers, forged forms, guesses, streams, limits.
#![expect(clippy::unwrap_used, reason = "tests")]

extern crate wardstone_web as web;

mod assets;
mod chart;
mod clinic;
mod enumeration;
mod find;
mod forgery;
mod headers;
mod limits;
mod merge;
mod note;
mod numbers;
mod register;
mod schedule;
mod sessions;
mod today;
mod vitals;
mod ward;
