//! Assembles the rooms into one server: command line, data directory, listener, demo, import, backup, verification.

pub mod accounts;
pub mod admin;
pub mod assembly;
pub mod backup;
pub mod certificates;
pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
pub mod demo;
pub mod directory;
pub mod doctor;
mod dump;
mod error;
pub mod export;
mod files;
pub mod identity;
pub mod import;
pub mod kek;
pub mod listener;
mod logging;
mod manifest;
pub mod metrics;
pub mod offline;
pub mod operator;
mod progress;
pub mod restore;
mod say;
mod seats;
pub mod serving;
pub mod tls;
mod unread;
pub mod verify;
pub mod visits;

pub use cli::run;
pub use error::ServerError;
