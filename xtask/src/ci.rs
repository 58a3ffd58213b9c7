//! `cargo xtask ci`: what every change must pass, cheapest first, with one dev profile and no release build.

use std::path::Path;

use crate::{cargo, test, tidy};

pub fn run(workspace: &Path) -> Result<(), String> {
    test::prerequisites()?;
    tidy::run(workspace)?;
    cargo::must(workspace, &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    test::run(workspace, None)
}
