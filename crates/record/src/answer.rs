//! What leaves the record: versions and pages, each covered by an audit receipt before `api` can see it.

use std::borrow::Cow;

use access::{Caller, Labels, TypeRef};
use fhir::{Issue, Json};
use store::{Disclosed, Discloses, Subject};

use crate::RecordError;

/// One version of one resource, projected to what its permit shows.
///
/// Only this crate makes one, and what leaves the crate leaves as [`Disclosed`]:
/// ```compile_fail
/// fn forge(held: wardstone_record::Version) -> wardstone_record::Version {
///     wardstone_record::Version { json: b"{}".to_vec(), ..held }
/// }
/// ```
/// A sealed row cannot be opened from outside, with or without a permit:
/// ```compile_fail
/// async fn peek(record: wardstone_record::Record) {
///     let _ = record.current(1).await;
/// }
/// ```
pub struct Version {
    pub(crate) subject: Subject,
    pub(crate) kind: TypeRef,
    pub(crate) id: Box<str>,
    pub(crate) last_updated_ms: i64,
    pub(crate) deleted: bool,
    /// None of what was deleted.
    pub(crate) labels: Labels,
    pub(crate) writer: u64,
    pub(crate) json: Vec<u8>,
}

impl Version {
    pub fn type_name(&self) -> &'static str {
        self.kind.name
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// `meta.versionId`.
    pub fn version(&self) -> u32 {
        self.subject.version
    }

    /// `meta.lastUpdated`, in milliseconds since 1970.
    pub fn last_updated_ms(&self) -> i64 {
        self.last_updated_ms
    }

    pub fn is_deleted(&self) -> bool {
        self.deleted
    }

    /// Content of a Part 2 program, which no answer carries without the notice of 42 CFR 2.32.
    pub fn is_part2(&self) -> bool {
        self.labels.contains(Labels::PART2)
    }

    /// The sensitive categories that it is in: what is open to all who see the chart must not say that it exists.
    pub fn categories(&self) -> Labels {
        self.labels.without(Labels::OF_ELEMENTS)
    }

    /// Whether the caller wrote this version. Who else did is not told.
    pub fn is_written_by(&self, caller: &Caller) -> bool {
        self.writer == caller.user().0
    }

    /// Compact JSON; empty for a deletion.
    pub fn json(&self) -> &[u8] {
        &self.json
    }

    /// The same as a tree. What the record holds parses.
    pub fn tree(&self) -> Result<Json<'_>, RecordError> {
        Json::parse(&self.json).map_err(|_| RecordError::Damaged)
    }

    pub fn into_json(self) -> Vec<u8> {
        self.json
    }
}

/// 42 CFR 2.32(a)(2), the short form: what accompanies every disclosure of Part 2 records.
pub const PART2_NOTICE: &str = "42 CFR part 2 prohibits unauthorized use or disclosure of these records.";

impl Discloses for Version {
    fn subjects(&self, each: &mut dyn FnMut(Subject)) {
        each(self.subject);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryMode {
    Match,
    Include,
}

/// One page of a search, of `$everything` or of a history.
pub struct Page {
    pub entries: Vec<(EntryMode, Version)>,
    /// Known only if asked for, or if this is the only page.
    pub total: Option<u64>,
    /// The sealed cursor of the next page.
    pub next: Option<String>,
    /// The parameters that were used, for the `self` link, in their order: names only, values stay with the caller.
    pub ignored: Vec<String>,
    pub summary: Option<fhir::search::Summary>,
    pub elements: Vec<String>,
}

impl Page {
    /// Whether any entry asks for the notice of 42 CFR 2.32.
    pub fn is_part2(&self) -> bool {
        self.entries.iter().any(|(_, version)| version.is_part2())
    }
}

impl Discloses for Page {
    fn subjects(&self, each: &mut dyn FnMut(Subject)) {
        for (_, version) in &self.entries {
            each(version.subject);
        }
    }
}

/// The outcome of a create, update, patch or delete.
pub struct Written {
    pub type_name: &'static str,
    pub id: String,
    pub version: u32,
    pub last_updated_ms: i64,
    pub effect: Effect,
    /// The resource as it stands now; `None` for a deletion, or where the writer may not read it.
    pub resource: Option<Disclosed<Version>>,
    /// What the collection policy left out, and warnings.
    pub issues: Vec<Issue>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    Created,
    Updated,
    Deleted,
    /// A conditional create found it, or an update changed nothing.
    Unchanged,
}

/// The answer to one entry of a batch or transaction.
pub struct BundleEntry {
    pub result: Result<EntryAnswer, crate::RecordError>,
}

pub enum EntryAnswer {
    Written(Written),
    Version(Disclosed<Version>),
    Page(Disclosed<Page>, SearchTarget),
    /// A conditional read whose version the client has (304).
    NotModified,
}

/// Which search a page answers, for its links: `Patient`, or `Patient/123/Observation`.
pub type SearchTarget = Cow<'static, str>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BundleKind {
    Batch,
    Transaction,
}

pub struct BundleAnswer {
    pub kind: BundleKind,
    pub entries: Vec<BundleEntry>,
}

impl BundleAnswer {
    /// Whether any answer asks for the notice of 42 CFR 2.32.
    pub fn is_part2(&self) -> bool {
        self.entries.iter().any(|entry| match &entry.result {
            Ok(EntryAnswer::Written(written)) => written.resource.as_ref().is_some_and(|r| r.get().is_part2()),
            Ok(EntryAnswer::Version(version)) => version.get().is_part2(),
            Ok(EntryAnswer::Page(page, _)) => page.get().is_part2(),
            Ok(EntryAnswer::NotModified) | Err(_) => false,
        })
    }
}
