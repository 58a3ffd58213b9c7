//! What a verification found, in words that name the place.

use std::collections::BTreeSet;
use std::fmt;

use audit::Checkpoint;

/// More problems than this are counted and not listed.
pub const PROBLEMS_MAX: usize = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// Bytes differ from what the log committed to.
    Edited,
    /// Leaves, a segment, a tile or a checkpoint are not there.
    Missing,
    /// A record stands where it was not written.
    Reordered,
    /// The segments end before the log's own checkpoint.
    Truncated,
    /// The log is not the one that the checkpoint was made for.
    Forked,
    /// The log is behind an external checkpoint.
    RolledBack,
    BadSignature,
    /// A file cannot be read or has a form that was never written.
    Malformed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub kind: ProblemKind,
    /// A file with offset, a leaf, a checkpoint.
    pub place: String,
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}: {}", self.kind, self.place, self.what)
    }
}

/// What the log was compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// A checkpoint kept elsewhere: rollback and forks before it are excluded.
    External { size: u64 },
    /// Only the log's own checkpoint: whoever holds the signing key or old copies of all files could have put an older log here.
    Own { size: u64 },
    /// Nothing signed at all.
    None,
}

#[derive(Debug, Clone)]
pub struct Report {
    pub problems: Vec<Problem>,
    pub problems_unlisted: u64,
    /// Facts that are no damage: records that were never acknowledged, tiles beyond the checkpoint.
    pub notes: Vec<String>,
    pub segments: usize,
    /// Leaves found in segments.
    pub leaves: u64,
    pub checkpoint: Option<Checkpoint>,
    pub anchor: Anchor,
    /// Leaves behind the log's own checkpoint: nothing signed covers them yet.
    pub leaves_unanchored: u64,
    /// Details opened and compared with their commitments; details whose key was destroyed.
    pub details_checked: u64,
    pub details_destroyed: u64,
    /// Days (since 1970-01-01) with details whose key is not there or cannot be had.
    pub days_without_key: BTreeSet<i32>,
}

impl Default for Report {
    fn default() -> Self {
        Report {
            problems: Vec::new(),
            problems_unlisted: 0,
            notes: Vec::new(),
            segments: 0,
            leaves: 0,
            checkpoint: None,
            anchor: Anchor::None,
            leaves_unanchored: 0,
            details_checked: 0,
            details_destroyed: 0,
            days_without_key: BTreeSet::new(),
        }
    }
}

impl Report {
    pub fn is_intact(&self) -> bool {
        self.problems.is_empty()
    }

    /// Whether an older state of the whole log, put back with all its files, would have been seen.
    pub fn is_rollback_excluded(&self) -> bool {
        matches!(self.anchor, Anchor::External { .. })
    }

    pub fn has(&self, kind: ProblemKind) -> bool {
        self.problems.iter().any(|problem| problem.kind == kind)
    }

    pub(super) fn add(&mut self, kind: ProblemKind, place: impl Into<String>, what: impl Into<String>) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(Problem { kind, place: place.into(), what: what.into() });
        } else {
            self.problems_unlisted += 1;
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "{problem}")?;
        }
        if self.problems_unlisted > 0 {
            writeln!(f, "and {} further problems", self.problems_unlisted)?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        writeln!(f, "{} leaves in {} segments", self.leaves, self.segments)?;
        if self.details_checked + self.details_destroyed > 0 {
            let (checked, destroyed) = (self.details_checked, self.details_destroyed);
            writeln!(f, "{checked} details fit their commitments, the keys of {destroyed} are not there")?;
        }
        match self.anchor {
            Anchor::External { size } => writeln!(f, "anchor: the external checkpoint of size {size}")?,
            Anchor::Own { size } => {
                writeln!(f, "anchor: the log's own checkpoint of size {size}")?;
                writeln!(f, "a rollback of the whole log cannot be excluded: no external checkpoint was given")?;
            }
            Anchor::None => {
                writeln!(f, "no anchor: nothing signed covers this log, and no change to it can be excluded")?
            }
        }
        if self.leaves_unanchored > 0 {
            writeln!(
                f,
                "{} leaves are newer than the checkpoint: nothing signed covers them yet",
                self.leaves_unanchored
            )?;
        }
        write!(f, "{}", if self.is_intact() { "the log is intact" } else { "THE LOG IS NOT INTACT" })
    }
}
