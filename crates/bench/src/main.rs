//! The load generator: starts the server as a child, drives it over loopback TLS, prints one table with a control in the same run.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool answers on its streams")]

mod check;
mod clinic;
mod control;
mod drive;
mod fsync;
mod pages;
mod plan;
mod process;
mod rows;
mod sign_in;
mod stages;
mod table;
mod wire;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Threads of the generator; the server and the control take as many as the machine has.
const WORKERS: usize = 2;

#[derive(Parser)]
#[command(name = "wardstone-bench", about = "Measures a Wardstone server over loopback TLS")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts the server, loads the data, measures every row and prints the table
    Run(plan::Options),
    /// Serves one stored answer from a bare axum + rustls handler, until it is stopped
    Control {
        /// A whole HTTP/1.1 answer, head and body
        #[arg(long)]
        bytes: PathBuf,
        /// Where to write the certificate and, once listening, the address
        #[arg(long)]
        ready: PathBuf,
    },
}

#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    #[error("{0}: {1}")]
    File(PathBuf, std::io::Error),
    #[error("connection: {0}")]
    Connection(#[from] std::io::Error),
    #[error("tls: {0}")]
    Tls(String),
    #[error("{0}")]
    Process(String),
    #[error("wrong answer: {0}")]
    Answer(String),
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build();
    let done = match (Arguments::parse().command, runtime) {
        (_, Err(error)) => Err(BenchError::Connection(error)),
        (Command::Run(options), Ok(runtime)) => runtime.block_on(plan::run(&options)),
        (Command::Control { bytes, ready }, Ok(runtime)) => runtime.block_on(control::serve(&bytes, &ready)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wardstone-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
