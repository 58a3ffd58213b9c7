//! Verifies a data directory without opening it for work: the log by itself, then every stored version against the log.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use crypto::hash::Sha256;
use store::log::{Report, VerifyOptions, Written, verify};
use store::sqlite::rows_at;

use crate::ServerError;
use crate::assembly::Keys;
use crate::directory::{AUDIT_FOLDER, DataDirectory};

/// More differences than this are counted and not listed.
const DIFFERENCES_MAX: usize = 1_000;

pub struct Findings {
    pub log: Report,
    /// Rows that are not what the log says was written.
    pub differences: Vec<String>,
    pub differences_unlisted: u64,
    pub commits: u64,
    pub versions: u64,
    /// Commits whose events are still in the data and reach the log with the next start.
    pub waiting: u64,
}

impl Findings {
    pub fn is_intact(&self) -> bool {
        self.log.is_intact() && self.differences.is_empty()
    }

    fn add(&mut self, difference: String) {
        if self.differences.len() < DIFFERENCES_MAX {
            self.differences.push(difference);
        } else {
            self.differences_unlisted += 1;
        }
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for difference in &self.differences {
            writeln!(f, "Rows: {difference}")?;
        }
        if self.differences_unlisted > 0 {
            writeln!(f, "and {} further differences", self.differences_unlisted)?;
        }
        writeln!(f, "{} stored versions of {} commits compared with the log", self.versions, self.commits)?;
        if self.waiting > 0 {
            writeln!(
                f,
                "note: {} commits have their events in the data, the next start moves them to the log",
                self.waiting
            )?;
        }
        write!(f, "{}", self.log)?;
        if self.log.is_intact() && !self.differences.is_empty() {
            write!(f, "; THE ROWS ARE NOT WHAT IT SAYS WAS WRITTEN")?;
        }
        Ok(())
    }
}

/// Verifies the log and the rows of a directory.
pub fn directory(directory: &DataDirectory, keys: &Keys, against: Option<&str>) -> Result<Findings, ServerError> {
    // Rows before the log: what a running server commits meanwhile is in the log and not in what was read.
    let mut commits = Commits::default();
    let rows = rows_at(directory.path(), &keys.databases, &mut |seq, row, version, digest| {
        commits.add(seq, row, version, digest);
    })?;
    let mut written: Vec<Written> = Vec::new();
    let log = verify(
        &directory.join(AUDIT_FOLDER),
        VerifyOptions {
            key: keys.verifier_key(),
            against,
            sealer: Some(keys.sealer.as_ref()),
            written: Some(&mut |leaf| written.push(leaf)),
        },
    )?;
    let mut findings = Findings {
        log,
        differences: Vec::new(),
        differences_unlisted: 0,
        commits: written.len() as u64,
        versions: commits.versions,
        waiting: 0,
    };
    commits.compare(&written, &rows.outbox, rows.last_seq, &mut findings);
    Ok(findings)
}

/// Verifies a log's folder alone, with the public key in it: nobody's secret is needed.
pub fn log_alone(folder: &Path, against: Option<&str>) -> Result<Report, ServerError> {
    let path = folder.join("vkey");
    let text = crate::files::read_text(&path)?;
    let malformed = |error: audit::AuditError| ServerError::Malformed {
        path: path.display().to_string(),
        reason: error.to_string(),
    };
    let key = audit::VerifierKey::parse(text.trim()).map_err(malformed)?;
    Ok(verify(folder, VerifyOptions { key, against, sealer: None, written: None })?)
}

/// The stored versions of each commit, hashed as its leaf does it.
#[derive(Default)]
struct Commits {
    by_seq: HashMap<i64, Commit>,
    versions: u64,
}

#[derive(Default)]
struct Commit {
    hash: Sha256,
    versions: u64,
    first_row: u64,
    first_version: u32,
}

impl Commits {
    /// Comes by commit and row.
    fn add(&mut self, seq: i64, row: u64, version: u32, digest: [u8; 32]) {
        let commit = self.by_seq.entry(seq).or_default();
        if commit.versions == 0 {
            (commit.first_row, commit.first_version) = (row, version);
        }
        commit.hash.update(&digest);
        commit.versions += 1;
        self.versions += 1;
    }

    fn compare(mut self, written: &[Written], outbox: &[i64], last_seq: i64, findings: &mut Findings) {
        for leaf in written {
            let Written { index, seq, root } = *leaf;
            let seq = seq as i64;
            match self.by_seq.remove(&seq) {
                // A server is running and committed this after the rows were read.
                None if seq > last_seq && last_seq > 0 => {}
                None => {
                    findings.add(format!("leaf {index} says that commit {seq} wrote; none of its versions is stored"))
                }
                Some(commit) => {
                    let name = commit.name();
                    if commit.hash.finish() != root {
                        findings.add(format!(
                            "commit {seq} (leaf {index}; {name}) is not stored as it was written: a version was edited, \
                             rolled back, deleted or added"
                        ));
                    }
                }
            }
        }
        let mut unlogged: Vec<_> = self.by_seq.into_iter().collect();
        unlogged.sort_unstable_by_key(|(seq, _)| *seq);
        for (seq, commit) in unlogged {
            if outbox.binary_search(&seq).is_ok() {
                findings.waiting += 1;
            } else {
                findings.add(format!("commit {seq} ({}) is stored and the log knows nothing of it", commit.name()));
            }
        }
    }
}

impl Commit {
    fn name(&self) -> String {
        let more = match self.versions {
            1 => String::new(),
            versions => format!(" and {} more", versions - 1),
        };
        format!("row {} version {}{more}", self.first_row, self.first_version)
    }
}
