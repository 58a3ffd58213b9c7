//! Calls of cargo: what the workspace consists of, and commands that must succeed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// A cargo command in the workspace, without standard input.
pub fn command(workspace: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace).stdin(Stdio::null());
    command
}

pub fn must(workspace: &Path, arguments: &[&str]) -> Result<(), String> {
    let status = command(workspace).args(arguments).status().map_err(|e| format!("cargo: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("`cargo {}` failed ({status})", arguments.join(" "))) }
}

/// Output of `cargo metadata` with these further arguments.
pub fn metadata(workspace: &Path, arguments: &[&str]) -> Result<Value, String> {
    let mut command = command(workspace);
    command.args(["metadata", "--format-version", "1"]).args(arguments).stderr(Stdio::inherit());
    let output = command.output().map_err(|e| format!("cargo: {e}"))?;
    if !output.status.success() {
        return Err(format!("`cargo metadata` failed ({})", output.status));
    }
    serde_json::from_slice(&output.stdout).map_err(|e| format!("cargo metadata: {e}"))
}

pub fn target_directory(workspace: &Path) -> Result<PathBuf, String> {
    let metadata = metadata(workspace, &["--no-deps"])?;
    let folder = metadata["target_directory"].as_str().ok_or("cargo metadata names no target directory")?;
    Ok(PathBuf::from(folder))
}

/// Whether `cargo NAME` is installed.
pub fn has(workspace: &Path, name: &str) -> bool {
    let asked = command(workspace).args([name, "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}
