//! Chores of the workspace: `cargo xtask test | ci | tidy | bench | screenshots | codegen`.

mod bench;
mod capture;
mod cargo;
mod ci;
mod codegen;
mod e2e;
mod test;
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask COMMAND

  test [--filter TEXT]                           every test, also in a browser; ends in `N passed, N failed, N skipped`
  tidy                                           the rules of the house that no compiler checks
  ci                                             tidy, clippy, test
  bench [NAME] [--quick] [--json FILE]           release build, load generator, one table; NAME is one row, or
                                                 stages, control, sign-in, pages
  bench visit [--relay-only]                     release build; from a click to the other's first picture, in a browser
  capture FILE                                   every packet of this machine, until the input ends (e2e asks for it)
  screenshots                                    the pictures of the README, of a demo's synthetic patients
  codegen [--definitions DIR]                    the tables of crates/fhir from the official packages";

#[expect(clippy::print_stderr, reason = "a command-line tool answers on its streams")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let tables = workspace.join("crates/fhir/tables");
    let done = match words.as_slice() {
        ["codegen"] => codegen::run(&workspace.join("../shared/definitions"), &tables),
        ["codegen", "--definitions", folder] => codegen::run(&PathBuf::from(folder), &tables),
        ["test"] => test::run(&workspace, None),
        ["test", "--filter", filter] => test::run(&workspace, Some(filter)),
        ["tidy"] => tidy::run(&workspace),
        ["screenshots"] => e2e::screenshots(&workspace),
        ["ci"] => ci::run(&workspace),
        ["capture", file] => capture::run(file),
        ["bench", "visit", rest @ ..] => e2e::bench_visit(&workspace, rest),
        ["bench", name, rest @ ..] if !name.starts_with('-') => {
            bench::run(&workspace, &[&["--only", name][..], rest].concat())
        }
        ["bench", rest @ ..] => bench::run(&workspace, rest),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A test run has said all before its count, which stays the last line.
            if !error.is_empty() {
                eprintln!("{}: {error}", words[0]);
            }
            ExitCode::FAILURE
        }
    }
}
