//! Reads every text file of the checkout: sizes, first lines, words that have one room, words that have none.

use std::path::{Path, PathBuf};

use super::{Findings, logs};

const LINES_MAX: usize = 700;
const LINES_WARNED: usize = 500;
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Folders that are made, not written.
const MADE: [&str; 4] = ["target", ".git", "node_modules", "tables"];
/// What a demo makes begins so: its folder, and key and credentials beside it.
const DEMO: &str = "wardstone-demo";
const TEXTS: [&str; 14] =
    ["rs", "toml", "md", "cedar", "cedarschema", "json", "html", "css", "js", "py", "sh", "yml", "yaml", "lock"];
/// What a generated file says in its first lines.
const GENERATED: &str = "made by `cargo xtask codegen`";
/// Rooms whose log lines are looked at.
const LOGS_WATCHED: [&str; 5] = ["record", "store", "access", "audit", "api"];
const SQL: [&str; 4] = ["SELECT ", "INSERT ", "UPDATE ", "DELETE FROM"];
const CIPHERS: [&str; 5] = ["AES_256_GCM", "AES_128_GCM", "CHACHA20_POLY1305", "aead::", "ChaCha20"];
const UNFINISHED: [&str; 3] = ["todo!(", "unimplemented!(", "dbg!("];
const PRINTING: [&str; 4] = ["println!(", "print!(", "eprintln!(", "eprint!("];
/// Programs that answer on their streams; every other crate is a library.
const PROGRAMS: [&str; 3] = ["server", "bench", "testkit"];

pub fn check(workspace: &Path, findings: &mut Findings) -> Result<(), String> {
    let mut files = Vec::new();
    collect(workspace, &mut files)?;
    files.sort();
    for path in files {
        let file = path.strip_prefix(workspace).unwrap_or(&path).to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).map_err(|e| format!("{file}: {e}"))?;
        machine(&file, &text, findings);
        if file.ends_with(".rs") {
            rust(&file, &text, findings);
        }
    }
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let named = |e: std::io::Error| format!("{}: {e}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(named)? {
        let entry = entry.map_err(named)?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(named)?);
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(DEMO) {
            continue;
        }
        if kind.is_dir() {
            if !MADE.contains(&name.as_str()) {
                collect(&path, files)?;
            }
            continue;
        }
        let written = path.extension().map_or(name == "run", |e| TEXTS.iter().any(|text| e == *text));
        if kind.is_file() && written && entry.metadata().map_err(named)?.len() <= FILE_BYTES_MAX {
            files.push(path);
        }
    }
    Ok(())
}

/// No path of somebody's machine and no private registry.
fn machine(file: &str, text: &str, findings: &mut Findings) {
    // In halves, so that this file does not find itself.
    let folders =
        [["/ho", "me/"], ["/ro", "ot/"], ["/Us", "ers/"], ["/wo", "rk/"], ["C:\\Us", "ers"]].map(|half| half.concat());
    let registries = [["sparse", "+http"], ["[sour", "ce."], ["[regis", "tries"]].map(|half| half.concat());
    for (number, line) in text.lines().enumerate() {
        for folder in &folders {
            let found = line.match_indices(folder.as_str()).any(|(at, _)| {
                // The tail of a URL or of a longer path is no folder of a machine.
                line[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric() && !"./_-*}".contains(c))
            });
            if found {
                findings.breaches.push(format!("{file}:{}: a path of one machine ({folder})", number + 1));
            }
        }
        if registries.iter().any(|registry| line.contains(registry.as_str())) {
            findings.breaches.push(format!("{file}:{}: a registry of one machine", number + 1));
        }
        if file == "Cargo.lock"
            && line.starts_with("source = ")
            && !line.contains("github.com/rust-lang/crates.io-index")
        {
            findings.breaches.push(format!("{file}:{}: a source that is not crates.io", number + 1));
        }
    }
}

fn rust(file: &str, text: &str, findings: &mut Findings) {
    let generated = text.lines().take(5).any(|line| line.contains(GENERATED));
    let lines = text.lines().count();
    if lines > LINES_MAX && !generated {
        findings.breaches.push(format!("{file}: {lines} lines, {LINES_MAX} at most"));
    } else if lines > LINES_WARNED && !generated {
        findings.warnings.push(format!("{file}: {lines} lines; past {LINES_WARNED} ask what the second room is"));
    }
    // Programs that must not compile are inputs of a test, not rooms.
    let specimen = file.contains("/tests/") && !file.contains("/tests/it/") && !file.contains("/src/");
    if !text.starts_with("//!") && !specimen {
        findings.breaches.push(format!("{file}:1: opens without a `//!` line"));
    }
    let room = file.strip_prefix("crates/").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let in_product =
        file.contains("/src/") && !file.contains("/tests/") && !file.ends_with("/tests.rs") && !room.is_empty();
    // Tests stand last in a file.
    let product_lines = text.lines().position(|line| line.trim() == "#[cfg(test)]").unwrap_or(lines);
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        let mut breach = |what: String| findings.breaches.push(format!("{file}:{}: {what}", number + 1));
        if file.starts_with("crates/") {
            for word in UNFINISHED.iter().filter(|word| has_word(code, word)) {
                breach(format!("{word}) is unfinished work"));
            }
        }
        if !in_product || number >= product_lines {
            continue;
        }
        if room != "store" && SQL.iter().any(|word| has_word(code, word)) {
            breach("SQL outside crates/store".to_owned());
        }
        if room != "crypto" && CIPHERS.iter().any(|word| has_word(code, word)) {
            breach("a cipher outside crates/crypto".to_owned());
        }
        if !PROGRAMS.contains(&room) && PRINTING.iter().any(|word| has_word(code, word)) {
            breach("a library does not print".to_owned());
        }
    }
    if in_product && LOGS_WATCHED.contains(&room) {
        let product: Vec<&str> = text.lines().take(product_lines).collect();
        for (number, word) in logs::suspicious(file, &product.join("\n")) {
            findings.breaches.push(format!("{file}:{}: a log line with `{word}` could carry ePHI", number + 1));
        }
    }
}

/// `word` stands alone on its left: `TLS13_AES_256_GCM_SHA384` names a TLS suite, not a cipher.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word)
        .any(|(at, _)| line[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric() && c != '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(file: &str, text: &str) -> Vec<String> {
        let mut findings = Findings::default();
        rust(file, text, &mut findings);
        machine(file, text, &mut findings);
        findings.breaches
    }

    #[test]
    fn words_have_their_rooms() {
        let sql = "//! Rows.\nconst HEAD: &str = \"SELECT version FROM resource\";\n";
        assert_eq!(breaches("crates/store/src/rows.rs", sql), Vec::<String>::new());
        assert_eq!(
            breaches("crates/record/src/rows.rs", sql),
            ["crates/record/src/rows.rs:2: SQL outside crates/store"]
        );
        let cipher = "//! X.\nuse aws_lc_rs::aead::LessSafeKey;\n";
        assert_eq!(breaches("crates/crypto/src/x.rs", cipher), Vec::<String>::new());
        assert_eq!(breaches("crates/audit/src/x.rs", cipher).len(), 1);
        assert_eq!(breaches("crates/server/src/tls.rs", "//! X.\nlet s = TLS13_AES_256_GCM_SHA384;\n").len(), 0);
        assert_eq!(breaches("crates/fhir/src/x.rs", "//! X.\nfn f() { println!(\"x\"); }\n").len(), 1);
        assert_eq!(
            breaches("crates/fhir/src/x.rs", "//! X.\n#[cfg(test)]\nmod t { fn f() { println!(\"x\"); } }\n").len(),
            0
        );
    }

    #[test]
    fn a_file_says_what_it_is_for_and_stays_small() {
        assert_eq!(breaches("crates/fhir/src/x.rs", "fn f() {}\n").len(), 1);
        assert_eq!(breaches("crates/fhir/src/x.rs", &format!("//! X.\n{}", "\n".repeat(700))).len(), 1);
        assert_eq!(breaches("crates/record/tests/compile_fail/x.rs", "fn main() {}\n").len(), 0);
    }

    #[test]
    fn paths_of_a_machine_are_found_and_urls_are_not() {
        let folder = ["/ho", "me/someone/x"].concat();
        assert_eq!(
            breaches("docs/a.md", &format!("see {folder}\n")).iter().filter(|b| b.contains("machine")).count(),
            1
        );
        let url = ["https://example.org/ho", "me/someone"].concat();
        assert_eq!(breaches("docs/a.md", &format!("see {url}\n")).iter().filter(|b| b.contains("machine")).count(), 0);
    }
}
