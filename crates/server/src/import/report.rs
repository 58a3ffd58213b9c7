//! The report of an import: one JSON line for what was refused or left out. Places and rules, never a value.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Mutex;

use crate::ServerError;

pub struct Report {
    out: Option<Mutex<BufWriter<File>>>,
}

impl Report {
    pub fn create(path: Option<&Path>) -> Result<Self, ServerError> {
        let out = match path {
            None => None,
            Some(path) => {
                let file = File::create(path).map_err(ServerError::io("cannot be created", path))?;
                Some(Mutex::new(BufWriter::new(file)))
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
        // Said again by `finish`, where it fails the import.
        let _ = writeln!(out, "{entry}");
    }

    pub fn finish(&self) -> Result<(), ServerError> {
        let Some(out) = &self.out else { return Ok(()) };
        out.lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .flush()
            .map_err(|error| ServerError::Refused(format!("the report cannot be written: {}", error.kind())))
    }
}
