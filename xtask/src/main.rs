//! Chores of the workspace: `cargo xtask codegen [--definitions DIR]`.

mod codegen;

use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask codegen [--definitions DIR]";

#[expect(clippy::print_stderr, reason = "a command-line tool answers on its streams")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let definitions = match words.as_slice() {
        ["codegen"] => workspace.join("../shared/definitions"),
        ["codegen", "--definitions", folder] => PathBuf::from(folder),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match codegen::run(&definitions, &workspace.join("crates/fhir/tables")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("codegen: {error}");
            ExitCode::FAILURE
        }
    }
}
