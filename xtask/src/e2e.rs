//! Tests in a real browser (`e2e/`): brings what they need where it may, runs them, and counts them with the others.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cargo;
use crate::test::{Count, Stream, follow};

const FOLDER: &str = "e2e";
const TESTS: &str = "tests";
/// Programs, what asks them whether they are there, and the Debian packages that bring them.
const TOOLS: [(&str, &str, &str); 4] = [
    ("node", "--version", "nodejs"),
    ("npm", "--version", "npm"),
    ("chromium", "--version", "chromium"),
    ("certutil", "-H", "libnss3-tools"),
];
const NODE_MIN: u32 = 20;
/// How node marks what `--test-name-pattern` left out.
const LEFT_OUT: &str = "test name does not match pattern";

/// Tests that cannot run here count as skipped, and it is said what they lack.
#[expect(clippy::print_stdout, reason = "why tests are skipped is part of the answer")]
pub fn run(workspace: &Path, filter: Option<&str>) -> Result<(Count, bool), String> {
    let folder = workspace.join(FOLDER);
    let (mut files, mut declared) = (Vec::new(), 0);
    for file in test_files(&folder)? {
        let tests = declared_in(&folder.join(&file), filter)?;
        if tests > 0 {
            declared += tests;
            files.push(file);
        }
    }
    if files.is_empty() {
        return Ok((Count::default(), true));
    }
    if let Err(lacking) = prepare(&folder) {
        println!("SKIP: {declared} tests in the browser: {lacking}");
        return Ok((Count { skipped: declared, ..Count::default() }, true));
    }
    // The same selection as the tests before: what they built is not built again.
    cargo::must(workspace, &["test", "--quiet", "--workspace", "--no-run"])?;
    let binary = cargo::target_directory(workspace)?.join("debug/wardstone");
    let mut command = Command::new("node");
    command.current_dir(&folder).stdin(Stdio::null()).env("WARDSTONE_BINARY", binary);
    // One browser at a time: two cores carry one server and one browser.
    command.args(["--test", "--test-reporter=tap", "--test-concurrency=1"]);
    if let Some(filter) = filter {
        command.arg(format!("--test-name-pattern={}", escaped(filter)));
    }
    command.args(&files);
    let (ended_well, lines) = follow(command, Stream::Output)?;
    Ok((count_tap(&lines), ended_well))
}

/// From a click to the other's first picture: two browsers, the server as it is released.
pub fn bench_visit(workspace: &Path, arguments: &[&str]) -> Result<(), String> {
    let folder = workspace.join(FOLDER);
    prepare(&folder)?;
    cargo::must(workspace, &["build", "--release", "-p", "wardstone"])?;
    let binary = cargo::target_directory(workspace)?.join("release/wardstone");
    let mut command = Command::new("node");
    command.current_dir(&folder).stdin(Stdio::null()).env("WARDSTONE_BINARY", binary);
    let status = command.arg("bench-visit.js").args(arguments).status().map_err(|e| format!("node: {e}"))?;
    if status.success() { Ok(()) } else { Err("a visit does not begin in time".to_owned()) }
}

/// The pictures of the README, of a demo as it is now.
pub fn screenshots(workspace: &Path) -> Result<(), String> {
    let folder = workspace.join(FOLDER);
    prepare(&folder)?;
    cargo::must(workspace, &["build", "--quiet", "-p", "wardstone"])?;
    let binary = cargo::target_directory(workspace)?.join("debug/wardstone");
    let mut command = Command::new("node");
    command.current_dir(&folder).stdin(Stdio::null()).env("WARDSTONE_BINARY", binary).arg("pictures.js");
    let status = command.status().map_err(|error| format!("node: {error}"))?;
    if status.success() { Ok(()) } else { Err("the pictures were not made".to_owned()) }
}

/// Whether the tests can run now; if not, what to do about it.
fn prepare(folder: &Path) -> Result<(), String> {
    let missing = missing();
    if !missing.is_empty() {
        let install: Vec<&str> = ["install", "-y", "--no-install-recommends"].into_iter().chain(missing).collect();
        if !(is_root() && succeeds("apt-get", &["update", "-q"]) && succeeds("apt-get", &install)) {
            return Err(format!("as root:  apt-get {}", install.join(" ")));
        }
    }
    let node = said("node", "--version").unwrap_or_default();
    let major = node.trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0);
    if major < NODE_MIN {
        return Err(format!("node {NODE_MIN} or later is needed, here is {}", node.trim()));
    }
    if is_installed(folder) {
        return Ok(());
    }
    let mut command = Command::new("npm");
    command.current_dir(folder).args(["ci", "--omit=optional"]).stdin(Stdio::null()).stdout(Stdio::null());
    match command.status() {
        Ok(status) if status.success() && is_installed(folder) => Ok(()),
        _ => Err(format!("in {FOLDER}:  npm ci --omit=optional")),
    }
}

fn missing() -> Vec<&'static str> {
    TOOLS.iter().filter(|(tool, question, _)| said(tool, question).is_none()).map(|(_, _, package)| *package).collect()
}

/// Whether the packages of the lock file are there, in its versions.
fn is_installed(folder: &Path) -> bool {
    let packages = |file: &str| {
        let text = std::fs::read_to_string(folder.join(file)).ok()?;
        let lock: serde_json::Value = serde_json::from_str(&text).ok()?;
        let mut packages = lock["packages"].as_object()?.clone();
        packages.remove("");
        packages.values_mut().for_each(|package| *package = package["version"].take());
        Some(packages)
    };
    let held = packages("node_modules/.package-lock.json");
    held.is_some() && held == packages("package-lock.json")
}

/// What a program answers to a question about itself; none if it is not there.
fn said(tool: &str, question: &str) -> Option<String> {
    let output = Command::new(tool).arg(question).stdin(Stdio::null()).output().ok()?;
    // certutil ends its help with a code of its own.
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null()).stdout(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn is_root() -> bool {
    said("id", "-u").is_some_and(|user| user.trim() == "0")
}

fn test_files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let tests = folder.join(TESTS);
    let read = std::fs::read_dir(&tests).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
    let entries = read.map_err(|e| format!("{}: {e}", tests.display()))?;
    let names = entries.into_iter().map(|entry| entry.file_name());
    let mut files: Vec<PathBuf> = names
        .filter(|name| name.to_string_lossy().ends_with(".test.js"))
        .map(|name| Path::new(TESTS).join(name))
        .collect();
    files.sort();
    Ok(files)
}

/// Tests of a file, as they stand in its text.
fn declared_in(file: &Path, filter: Option<&str>) -> Result<u64, String> {
    let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let tests = text.lines().filter(|line| line.starts_with("test("));
    Ok(tests.filter(|line| filter.is_none_or(|filter| line.contains(filter))).count() as u64)
}

/// The filter is a text; node takes a regular expression.
fn escaped(filter: &str) -> String {
    let mut out = String::with_capacity(filter.len());
    for letter in filter.chars() {
        if !letter.is_alphanumeric() && letter != ' ' && letter != '_' {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

/// Top-level results of the Test Anything Protocol; what a filter left out does not count.
fn count_tap(lines: &[String]) -> Count {
    let mut count = Count::default();
    for line in lines {
        if line.starts_with("not ok ") {
            count.failed += 1;
        } else if line.starts_with("ok ") {
            match line.split_once(" # SKIP") {
                Some((_, why)) if why.trim() == LEFT_OUT => {}
                Some(_) => count.skipped += 1,
                None => count.passed += 1,
            }
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_the_browser_count_like_the_others() {
        let lines = [
            "TAP version 13",
            "# Subtest: one",
            "    ok 1 - a part of it",
            "ok 1 - one",
            "not ok 2 - two",
            "ok 3 - three # SKIP no such authenticator",
            "ok 4 - four # SKIP test name does not match pattern",
            "# pass 1",
        ]
        .map(str::to_owned);
        assert_eq!(count_tap(&lines), Count { passed: 1, failed: 1, skipped: 1 });
    }

    #[test]
    fn a_filter_is_a_text() {
        assert_eq!(escaped("signs in (twice)"), r"signs in \(twice\)");
    }
}
