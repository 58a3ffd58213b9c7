//! The server through its doors: the binary, its command line, HTTPS. Nothing here knows how it works inside, except the
//! tests that play an attacker with the database key.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod backup;
mod command_line;
mod contract;
mod house;
mod idor;
mod import;
mod kill;
mod listener;
mod log_down;
mod manage;
mod matrix;
mod matrix_manage;
mod outside;
mod pages;
mod planted;
mod shared;
mod tamper;
