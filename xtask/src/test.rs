//! `cargo xtask test`: runs every test of the workspace, those in the browser last, and ends in a line that counts them.

use std::fmt;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::{cargo, e2e};

/// A test that could not run here says so with this word and returns.
const SKIP: &str = "SKIP:";
/// Perl modules that the build of the sealed database's OpenSSL loads.
const PERL_MODULES: [&str; 5] = ["-MFindBin", "-MIPC::Cmd", "-MFile::Compare", "-MFile::Copy", "-MTime::Piece"];
/// Where .config/nextest.toml puts the report, whatever the target directory is.
const JUNIT: &str = "target/nextest/default/junit.xml";

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub passed: u64,
    pub failed: u64,
    pub skipped: u64,
}

impl std::ops::AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// `filter` keeps tests whose name contains it; the others do not count as skipped. The error is empty after a count.
#[expect(clippy::print_stdout, reason = "the count is the answer")]
pub fn run(workspace: &Path, filter: Option<&str>) -> Result<(), String> {
    prerequisites()?;
    let (mut count, mut ended_well) =
        if cargo::has(workspace, "nextest") { nextest(workspace, filter)? } else { libtest(workspace, filter)? };
    let (in_the_browser, browser_ended_well) = e2e::run(workspace, filter)?;
    count += in_the_browser;
    ended_well &= browser_ended_well;
    let verdict = if count.failed > 0 {
        Err(format!("failed tests: {}", count.failed))
    } else if count.passed == 0 {
        Err("no test passed".to_owned())
    } else if !ended_well {
        Err("the test run ended in an error".to_owned())
    } else {
        Ok(())
    };
    if let Err(error) = &verdict {
        // Before the count, which stays the last line.
        println!("{error}");
    }
    println!("{count}");
    verdict.map_err(|_| String::new())
}

/// Says what to install if a tool that building needs is missing.
pub fn prerequisites() -> Result<(), String> {
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let mut perl = vec!["-e", "1"];
    perl.splice(0..0, PERL_MODULES);
    let mut missing = Vec::new();
    for (tool, arguments) in [(compiler.as_str(), vec!["--version"]), ("make", vec!["--version"]), ("perl", perl)] {
        // CC may carry arguments of its own.
        let mut words = tool.split_whitespace();
        let mut command = Command::new(words.next().unwrap_or("cc"));
        command.args(words).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if !command.status().is_ok_and(|status| status.success()) {
            missing.push(tool);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!(
        "missing: {} (a C compiler, make and perl with its core modules are needed)\n  \
         Debian, Ubuntu:  apt-get install build-essential perl\n  \
         Fedora, RHEL:    dnf install gcc make perl-core\n  \
         Alpine:          apk add build-base perl\n  \
         macOS:           xcode-select --install",
        missing.join(", ")
    ))
}

/// The report counts what ran; what nextest left out is only in its summary line.
fn nextest(workspace: &Path, filter: Option<&str>) -> Result<(Count, bool), String> {
    let report = workspace.join(JUNIT);
    if report.exists() {
        std::fs::remove_file(&report).map_err(|e| format!("{}: {e}", report.display()))?;
    }
    let mut command = cargo::command(workspace);
    command
        .args(["nextest", "run", "--workspace", "--no-fail-fast", "--retries", "0", "--color", "never"])
        // A filter may mean a test in the browser alone.
        .args(filter.map(|_| "--no-tests=pass"))
        .args(filter);
    let (ended_well, lines) = follow(command, Stream::Errors)?;
    let text = std::fs::read_to_string(&report).unwrap_or_default();
    let mut count = count_junit(&text);
    if filter.is_none() {
        count.skipped += lines.iter().rev().find_map(|line| left_out(line)).unwrap_or_default();
    }
    // nextest runs no documentation examples; those that must not compile are tests of our types.
    let mut command = cargo::command(workspace);
    command.args(["test", "--workspace", "--doc", "--no-fail-fast", "--"]).args(filter);
    let (examples_ended_well, lines) = follow(command, Stream::Output)?;
    count += count_libtest(&lines);
    Ok((count, ended_well && examples_ended_well))
}

fn libtest(workspace: &Path, filter: Option<&str>) -> Result<(Count, bool), String> {
    let mut command = cargo::command(workspace);
    command.args(["test", "--workspace", "--no-fail-fast", "--", "--show-output"]).args(filter);
    let (ended_well, lines) = follow(command, Stream::Output)?;
    Ok((count_libtest(&lines), ended_well))
}

pub enum Stream {
    Output,
    Errors,
}

/// Runs `command`, shows one of its streams as it comes and keeps its lines; the other goes through untouched.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "what the test runner says is shown as it comes")]
pub fn follow(mut command: Command, stream: Stream) -> Result<(bool, Vec<String>), String> {
    match stream {
        Stream::Output => command.stdout(Stdio::piped()),
        Stream::Errors => command.stderr(Stdio::piped()),
    };
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command.spawn().map_err(|e| format!("{program}: {e}"))?;
    let (output, errors) = (child.stdout.take(), child.stderr.take());
    let mut lines = Vec::new();
    if let Some(output) = output {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            println!("{line}");
            lines.push(line);
        }
    }
    if let Some(errors) = errors {
        for line in BufReader::new(errors).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            eprintln!("{line}");
            lines.push(line);
        }
    }
    let status = child.wait().map_err(|e| format!("{program}: {e}"))?;
    Ok((status.success(), lines))
}

fn count_junit(report: &str) -> Count {
    let mut count = Count::default();
    for case in report.split("<testcase ").skip(1) {
        let case = case.split("</testcase>").next().unwrap_or_default();
        if case.contains("<failure") || case.contains("<error") {
            count.failed += 1;
        } else if case.contains("<skipped") || case.lines().any(says_skip) {
            count.skipped += 1;
        } else {
            count.passed += 1;
        }
    }
    count
}

/// Whether a line of a test's output, perhaps behind the report's mark, says that the test could not run.
fn says_skip(line: &str) -> bool {
    let line = line.trim_start();
    let line = ["<system-out>", "<system-err>"].iter().find_map(|mark| line.split(mark).nth(1)).unwrap_or(line);
    line.starts_with(SKIP)
}

/// `3` from `Summary [ 0.1s] 9 tests run: 9 passed, 3 skipped`.
fn left_out(line: &str) -> Option<u64> {
    let counts = line.trim_start().strip_prefix("Summary")?.split_once("run:")?.1;
    counts.split(',').find_map(|part| part.trim().strip_suffix(" skipped")?.parse().ok())
}

fn count_libtest(lines: &[String]) -> Count {
    let mut count = Count::default();
    let mut said_so = 0;
    // Only a test that succeeded can have been skipped; each counts once.
    let mut counts_next = false;
    let mut among_successes = false;
    for line in lines {
        if line == "successes:" || line == "failures:" {
            among_successes = line == "successes:";
        } else if line.starts_with("---- ") {
            counts_next = among_successes;
        } else if says_skip(line) && counts_next {
            counts_next = false;
            said_so += 1;
        } else if let Some(counts) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")) {
            (counts_next, among_successes) = (false, false);
            for part in counts.1.split(';') {
                let mut words = part.split_whitespace();
                let number: u64 = words.next().and_then(|word| word.parse().ok()).unwrap_or_default();
                match words.next() {
                    Some("passed") => count.passed += number,
                    Some("failed") => count.failed += number,
                    Some("ignored") => count.skipped += number,
                    _ => {}
                }
            }
        }
    }
    count.passed = count.passed.saturating_sub(said_so);
    count.skipped += said_so;
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_counts_passed_failed_and_tests_that_said_skip() {
        let report = r#"<testsuites><testsuite>
            <testcase name="a" time="0.1"><system-out>fine</system-out></testcase>
            <testcase name="b" time="0.1"><system-out>SKIP: shared data absent</system-out></testcase>
            <testcase name="c" time="0.1"><failure type="x">SKIP: is no excuse</failure></testcase>
            <testcase name="d" time="0.1"/>
            <testcase name="e" time="0.1"><system-err>SKIP: no browser</system-err></testcase>
            <testcase name="f" time="0.1"><system-out>speaks of SKIP: as a word</system-out></testcase>
            </testsuite></testsuites>"#;
        assert_eq!(count_junit(report), Count { passed: 3, failed: 1, skipped: 2 });
    }

    #[test]
    fn the_summary_line_says_what_was_left_out() {
        assert_eq!(left_out("     Summary [   0.017s] 12 tests run: 11 passed, 1 failed, 3 skipped"), Some(3));
        assert_eq!(left_out("     Summary [   0.017s] 12 tests run: 12 passed"), None);
        assert_eq!(left_out("        PASS [   0.017s] Summary run: 3 skipped"), None);
    }

    #[test]
    fn without_nextest_the_same_is_counted() {
        let lines = [
            "running 4 tests",
            "successes:",
            "---- a stdout ----",
            "SKIP: shared data absent",
            "SKIP: shared data absent",
            "---- b stdout ----",
            "other words",
            "failures:",
            "---- c stdout ----",
            "SKIP: is no excuse",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.00s",
            "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        ]
        .map(str::to_owned);
        assert_eq!(count_libtest(&lines), Count { passed: 3, failed: 2, skipped: 2 });
    }

    #[test]
    fn the_count_reads_as_promised() {
        assert_eq!(Count { passed: 1, failed: 0, skipped: 2 }.to_string(), "1 passed, 0 failed, 2 skipped");
    }
}
