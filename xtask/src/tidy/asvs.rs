//! The tables of OWASP ASVS are held to the code: every requirement of level 2 or below names a test or a document that exists, or
//! says why it does not apply.

use std::path::Path;

use super::Findings;

/// Each table, and how many requirements there are in each chapter that it covers (ASVS 5.0.0).
const TABLES: [(&str, &[(&str, usize)]); 2] =
    [("docs/asvs.md", &[("6.", 47), ("7.", 19), ("8.", 13)]), ("docs/asvs-v17.md", &[("17.", 12)])];
/// Level that has to be met whole.
const LEVEL_MET: u8 = 2;
const MUST_HOLD: [&str; 3] = ["test:", "doc:", "n/a:"];
const OPEN: &str = "open:";

struct Row<'a> {
    id: &'a str,
    level: u8,
    held_by: &'a str,
}

pub fn check(workspace: &Path, findings: &mut Findings) -> Result<(), String> {
    let tests = tests(workspace)?;
    for (table, chapters) in TABLES {
        let path = workspace.join(table);
        if !path.exists() {
            continue;
        }
        let text = std::fs::read_to_string(&path).map_err(|e| format!("{table}: {e}"))?;
        let rows: Vec<Row<'_>> = text.lines().filter_map(row).collect();
        for (chapter, count) in chapters {
            let found = rows.iter().filter(|row| row.id.starts_with(chapter)).count();
            if found != *count {
                findings.breaches.push(format!("{table}: chapter V{chapter}* has {found} rows, not {count}"));
            }
        }
        for row in &rows {
            findings.breaches.extend(breach(row, workspace, &tests).map(|what| format!("{table}: {}: {what}", row.id)));
        }
    }
    Ok(())
}

/// `| 6.2.1 | 1 | requirement | test: a, b |`
fn row(line: &str) -> Option<Row<'_>> {
    let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
    let (id, level, _, held_by) = (cells.next()?, cells.next()?, cells.next()?, cells.next()?);
    id.starts_with(|c: char| c.is_ascii_digit()).then_some(())?;
    Some(Row { id, level: level.parse().ok()?, held_by })
}

fn breach(row: &Row<'_>, workspace: &Path, tests: &[String]) -> Option<String> {
    if row.held_by.starts_with(OPEN) {
        return (row.level <= LEVEL_MET).then(|| "open, though of a level that is met whole".to_owned());
    }
    let kind = MUST_HOLD.iter().find(|kind| row.held_by.starts_with(**kind));
    let Some(kind) = kind else { return Some("says neither test:, doc:, n/a: nor open:".to_owned()) };
    let named = row.held_by[kind.len()..].split('`').skip(1).step_by(2);
    match *kind {
        "n/a:" => (row.held_by.len() < 12).then(|| "gives no reason".to_owned()),
        kind => {
            let named: Vec<&str> = named.collect();
            let missing = named.iter().find(|name| match kind {
                "test:" => !tests.iter().any(|test| test == *name),
                _ => !workspace.join(name.split('#').next().unwrap_or_default()).exists(),
            });
            match missing {
                _ if named.is_empty() => Some("names nothing".to_owned()),
                Some(name) => Some(format!("names {name}, which does not exist")),
                None => None,
            }
        }
    }
}

/// Names of the tests of the checkout: Rust test functions and titles of browser tests.
fn tests(workspace: &Path) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    for folder in ["crates", "e2e"] {
        collect(&workspace.join(folder), &mut names)?;
    }
    Ok(names)
}

fn collect(folder: &Path, names: &mut Vec<String>) -> Result<(), String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let path = entry.map_err(|e| format!("{}: {e}", folder.display()))?.path();
        if path.is_dir() {
            if !path.ends_with("node_modules") {
                collect(&path, names)?;
            }
            continue;
        }
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("rs") => names.extend(rust_tests(&text)),
            Some("js" | "mjs") => names.extend(browser_tests(&text)),
            _ => {}
        }
    }
    Ok(())
}

fn rust_tests(text: &str) -> impl Iterator<Item = String> + '_ {
    let after_mark = |mark: &'static str| text.split(mark).skip(1);
    after_mark("#[test]").chain(after_mark("#[tokio::test")).filter_map(|rest| {
        let rest = rest.split_once("fn ")?.1;
        Some(rest.split('(').next()?.trim().to_owned())
    })
}

/// The titles of `test("…")`.
fn browser_tests(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split("test(").skip(1).filter_map(|rest| {
        let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\'' | '`'))?;
        Some(rest[1..].split(quote).next()?.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_must_name_what_exists() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let tests = vec!["it_holds".to_owned()];
        let fails = |line| breach(&row(line).unwrap_or(Row { id: "", level: 1, held_by: "" }), here, &tests).is_some();
        assert!(!fails("| 6.2.1 | 1 | x | test: `it_holds` |"));
        assert!(fails("| 6.2.1 | 1 | x | test: `it_holds`, `another` |"));
        assert!(fails("| 6.2.1 | 1 | x | test: |"));
        assert!(!fails("| 6.2.1 | 1 | x | doc: `Cargo.toml#part` |"));
        assert!(fails("| 6.2.1 | 1 | x | doc: `Nothing.toml` |"));
        assert!(!fails("| 6.2.1 | 1 | x | n/a: no such thing is here |"));
        assert!(fails("| 6.2.1 | 1 | x | n/a: |"));
        assert!(fails("| 6.2.1 | 2 | x | open: later |"));
        assert!(!fails("| 6.2.1 | 3 | x | open: later |"));
        assert!(row("| requirement | level | what | held by |").is_none());
    }

    #[test]
    fn tests_are_found_by_their_names() {
        let rust =
            "#[test]\nfn one() {}\n#[tokio::test(flavor = \"multi_thread\")]\nasync fn two() {}\nfn three() {}\n";
        assert_eq!(rust_tests(rust).collect::<Vec<_>>(), ["one", "two"]);
        let browser = "test(\"a stolen cookie fails\", async () => {});\ntest('another', f);\ntest(name, f);\n";
        assert_eq!(browser_tests(browser).collect::<Vec<_>>(), ["a stolen cookie fails", "another"]);
    }
}
