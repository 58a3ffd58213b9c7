//! The report of an import: one JSON line for what was refused or left out. Places and rules, never a value.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;

use crate::ServerError;

/// Written line by line and never cut: when an interrupted import goes on, so does its report.
pub struct Report {
    out: Option<Mutex<Out>>,
}

struct Out {
    file: File,
    failed: Option<io::ErrorKind>,
}

impl Report {
    /// Continues what is there.
    pub fn open(path: Option<&Path>) -> Result<Self, ServerError> {
        let out = match path {
            None => None,
            Some(path) => {
                let file = File::options().create(true).append(true).open(path);
                let file = file.map_err(ServerError::io("cannot be written", path))?;
                Some(Mutex::new(Out { file, failed: None }))
            }
        };
        Ok(Self { out })
    }

    /// `line` counts lines of a bulk file and entries of a bundle, from 1.
    pub fn file(&self, path: &Path, line: Option<usize>, expression: &str, rule: &str, outcome: &str) {
        let Some(out) = &self.out else { return };
        let entry = serde_json::json!({
            "file": path.display().to_string(),
            "line": line,
            "expression": expression,
            "rule": rule,
            "outcome": outcome,
        });
        let mut out = out.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // One write for each line. A failure is said by `finish`, where it fails the import.
        if let Err(error) = out.file.write_all(format!("{entry}\n").as_bytes()) {
            out.failed = Some(error.kind());
        }
    }

    pub fn finish(&self) -> Result<(), ServerError> {
        let Some(out) = &self.out else { return Ok(()) };
        match out.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).failed {
            Some(kind) => Err(ServerError::Refused(format!("the report cannot be written: {kind}"))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_report_that_was_cut_off_keeps_its_lines_and_is_gone_on_with() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.jsonl");
        let begun = |rule| {
            let report = Report::open(Some(&path)).unwrap();
            report.file(Path::new("one.json"), Some(1), "Patient.identifier[0]", rule, "dropped");
            report
        };
        // Never finished, as if the process were killed.
        let (_first, _second) = (begun("first"), begun("second"));
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains("first") && text.contains("second"), "{text}");
    }
}
