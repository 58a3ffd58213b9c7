//! `cargo xtask tidy`: the rules of the house that no compiler checks. Every breach is one line; warnings do not fail.

mod arrows;
mod asvs;
mod licences;
mod logs;
mod source;

use std::path::Path;

use crate::cargo;

/// What was found: breaches fail, warnings are only said.
#[derive(Default)]
pub struct Findings {
    pub breaches: Vec<String>,
    pub warnings: Vec<String>,
}

#[expect(clippy::print_stdout, reason = "a command-line tool answers on its streams")]
pub fn run(workspace: &Path) -> Result<(), String> {
    let mut findings = Findings::default();
    if let Err(error) = cargo::must(workspace, &["fmt", "--all", "--", "--check", "-l"]) {
        findings.breaches.push(format!("unformatted code, or no rustfmt: {error}"));
    }
    let members = cargo::metadata(workspace, &["--no-deps"])?;
    arrows::check(&members, &mut findings);
    licences::check(workspace, &mut findings)?;
    source::check(workspace, &mut findings)?;
    asvs::check(workspace, &mut findings)?;
    for warning in &findings.warnings {
        println!("warning: {warning}");
    }
    for breach in &findings.breaches {
        println!("{breach}");
    }
    match findings.breaches.len() {
        0 => Ok(()),
        some => Err(format!("{some} breaches")),
    }
}
