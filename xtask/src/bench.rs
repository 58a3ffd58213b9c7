//! `cargo xtask bench`: builds the server and the load generator for release and lets the generator run.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::cargo;

pub fn run(workspace: &Path, arguments: &[&str]) -> Result<(), String> {
    cargo::must(workspace, &["build", "--release", "-p", "wardstone", "-p", "wardstone-bench"])?;
    let release = cargo::target_directory(workspace)?.join("release");
    // Durability is measured on the disk of the checkout; a temporary folder may be memory.
    let scratch = release.join("bench-scratch");
    std::fs::create_dir_all(&scratch).map_err(|e| format!("{}: {e}", scratch.display()))?;
    let mut command = Command::new(release.join("wardstone-bench"));
    command.arg("run").arg("--server").arg(release.join("wardstone")).arg("--scratch").arg(&scratch);
    command.arg("--hospitals").arg(workspace.join("../shared/data")).args(arguments).stdin(Stdio::null());
    let status = command.status().map_err(|e| format!("wardstone-bench: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("the benchmark failed ({status})")) }
}
