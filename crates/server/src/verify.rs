//! Verifies a data directory without opening it for work: the log by itself, then every stored version against the log,
//! then that the keys of all of it are there.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::Path;

use audit::LeafIndex;
use crypto::Keyring;
use crypto::hash::Sha256;
use crypto::keyring::{Part, WrappedChartKey};
use store::log::{Report, VerifyOptions, Written, durable_leaves_at, verify};
use store::sqlite::{Rows, rows_at};

use crate::assembly::Keys;
use crate::directory::{AUDIT_FOLDER, DataDirectory};
use crate::{ServerError, clock};

/// More findings of a kind than this are counted and not listed.
const LISTED_MAX: usize = 1_000;
const MS_PER_DAY: i64 = 86_400_000;

pub struct Findings {
    pub log: Report,
    /// Rows that are not what the log says was written.
    pub differences: Listed,
    /// Keys that the data needs and that are not there. Nothing erases yet, so none may be missing.
    pub keys_missing: Listed,
    pub commits: u64,
    pub versions: u64,
    /// Commits whose events are still in the data and reach the log with the next start.
    pub waiting: u64,
}

/// Findings of one kind, as many as anyone will read.
#[derive(Default)]
pub struct Listed {
    pub listed: Vec<String>,
    pub unlisted: u64,
}

impl Listed {
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    fn add(&mut self, finding: String) {
        if self.listed.len() < LISTED_MAX {
            self.listed.push(finding);
        } else {
            self.unlisted += 1;
        }
    }

    fn write(&self, kind: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.listed {
            writeln!(f, "{kind}: {finding}")?;
        }
        match self.unlisted {
            0 => Ok(()),
            unlisted => writeln!(f, "{kind}: and {unlisted} more"),
        }
    }
}

impl Findings {
    pub fn is_intact(&self) -> bool {
        self.log.is_intact() && self.differences.is_empty() && self.keys_missing.is_empty()
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.differences.write("Rows", f)?;
        self.keys_missing.write("Keys", f)?;
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
        if !self.keys_missing.is_empty() {
            write!(f, "; KEYS ARE MISSING")?;
        }
        Ok(())
    }
}

/// Verifies the log and the rows of a directory.
pub fn directory(directory: &DataDirectory, keys: &Keys, against: Option<&str>) -> Result<Findings, ServerError> {
    // Rows before the log: what a running server commits meanwhile is in the log and not in what was read. What the log
    // holds already was committed before, so the rows under test have no say in what may be missing.
    let folder = directory.join(AUDIT_FOLDER);
    let leaves_before = durable_leaves_at(&folder)?;
    let mut commits = Commits::default();
    let rows = rows_at(directory.path(), &keys.databases, keys.sealer.as_ref(), &mut |seq, row, version, digest| {
        commits.add(seq, row, version, digest);
    })?;
    let mut written: Vec<Written> = Vec::new();
    let log = verify(
        &folder,
        VerifyOptions {
            key: keys.verifier_key(),
            against,
            sealer: Some(keys.sealer.as_ref()),
            written: Some(&mut |leaf| written.push(leaf)),
        },
    )?;
    let mut findings = Findings {
        log,
        differences: Listed::default(),
        keys_missing: Listed::default(),
        commits: written.len() as u64,
        versions: commits.versions,
        waiting: 0,
    };
    commits.compare(&written, leaves_before, &rows, &mut findings);
    check_keys(keys, &rows, &mut findings)?;
    Ok(findings)
}

/// That every sealed detail and every chart can be opened with the keys that are here.
fn check_keys(keys: &Keys, rows: &Rows, findings: &mut Findings) -> Result<(), ServerError> {
    for &day in &findings.log.days_without_key {
        let date = clock::instant(i64::from(day) * MS_PER_DAY);
        let date = date.split('T').next().unwrap_or_default();
        findings.keys_missing.add(format!(
            "the key of audit day {date} is not there or does not open; details of that day cannot be read"
        ));
    }
    for &chart in &rows.charts {
        let what = match keys.database.chart_key(chart)?.map(|wrapped| opens(&keys.keyring, chart, wrapped)) {
            Some(true) => continue,
            Some(false) => format!("the key of chart {chart} does not open; its versions cannot be read"),
            None => format!("chart {chart} has versions and no key; they cannot be read"),
        };
        findings.keys_missing.add(what);
    }
    Ok(())
}

/// Both keys of the chart: sealing for a category unwraps the sensitive one.
fn opens(keyring: &Keyring, chart: u64, wrapped: WrappedChartKey) -> bool {
    let sealed = keyring.admit_chart(chart, wrapped).and_then(|key| keyring.seal(&key, 0, 0, Part::Category(0), &[]));
    sealed.is_ok()
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

    /// `leaves_before` is how many leaves the log had before the rows were read.
    fn compare(mut self, written: &[Written], leaves_before: LeafIndex, rows: &Rows, findings: &mut Findings) {
        for leaf in written {
            let Written { index, seq, root } = *leaf;
            let seq = seq as i64;
            match self.by_seq.remove(&seq) {
                // A server is running and committed this after the rows were read.
                None if index >= leaves_before && seq > rows.last_seq => {}
                None => findings
                    .differences
                    .add(format!("leaf {index} says that commit {seq} wrote; none of its versions is stored")),
                Some(commit) => {
                    let name = commit.name();
                    if commit.hash.finish() != root {
                        findings.differences.add(format!(
                            "commit {seq} (leaf {index}; {name}) is not stored as it was written: a version was edited, \
                             rolled back, deleted or added"
                        ));
                    }
                }
            }
        }
        self.compare_waiting(written, rows, findings);
        let mut unlogged: Vec<_> = self.by_seq.into_iter().collect();
        unlogged.sort_unstable_by_key(|(seq, _)| *seq);
        for (seq, commit) in unlogged {
            let name = commit.name();
            findings.differences.add(format!("commit {seq} ({name}) is stored and the log knows nothing of it"));
        }
    }

    /// Commits whose events are in the outbox and not in the log: the event says what its commit wrote, as a leaf does.
    fn compare_waiting(&mut self, written: &[Written], rows: &Rows, findings: &mut Findings) {
        let logged: HashSet<u64> = written.iter().map(|leaf| leaf.seq).collect();
        for event in rows.outbox.iter().filter(|event| !logged.contains(&(event.seq as u64))) {
            let seq = event.seq;
            let commit = self.by_seq.remove(&seq);
            let name = commit.as_ref().map_or_else(|| "none of its versions is stored".to_owned(), Commit::name);
            let stored = commit.map(|commit| commit.hash.finish());
            match event.written_root {
                None => findings.differences.add(format!("the waiting event of commit {seq} ({name}) does not open")),
                Some(root) if stored == Some(root) => findings.waiting += 1,
                Some(_) => findings.differences.add(format!(
                    "commit {seq} ({name}) is not stored as its waiting event says: a version was edited, rolled back, \
                     deleted or added"
                )),
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
