//! ePHI that may leave, and the proof that its audit record is durable.

use audit::{Event, LeafIndex};

use crate::RowNo;
use crate::log::PendingEvent;

/// One version of one row, as an audit event and a disclosure name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    pub row: RowNo,
    pub version: u32,
    /// The number of the view it was projected to; the event's object names it as its part.
    pub view: u8,
}

/// An audit event ready to be made durable, with what it names: the only thing receipts are made from.
pub struct Evidence {
    class: audit::Class,
    outcome: audit::LeafOutcome,
    time_ms: u64,
    detail: Vec<u8>,
    subjects: Vec<Subject>,
}

impl Evidence {
    /// Fails only if the event is beyond the limits of the log's format.
    pub fn of(event: &Event<'_>) -> Result<Self, audit::AuditError> {
        let mut subjects: Vec<Subject> =
            event.objects.iter().map(|o| Subject { row: o.row, version: o.version, view: o.part }).collect();
        subjects.sort_unstable();
        Ok(Self {
            class: event.action,
            outcome: audit::LeafOutcome::of(&event.outcome),
            time_ms: event.time_ms,
            detail: event.encode()?,
            subjects,
        })
    }

    /// What goes to the log, and what the receipt will name.
    pub(crate) fn into_pending(self, seq: u64, written_root: [u8; 32]) -> (PendingEvent, Vec<Subject>) {
        let Evidence { class, outcome, time_ms, detail, subjects } = self;
        (PendingEvent { class, outcome, time_ms, seq, written_root, detail }, subjects)
    }
}

/// Says that the audit record of one event is durable. Made only in this crate, after the log or the data transaction
/// that carries the event was flushed to the disk.
///
/// Nobody else can make one:
/// ```compile_fail
/// let receipt = wardstone_store::Receipt { leaf: None, subjects: Vec::new() };
/// ```
/// ```compile_fail
/// let receipt = wardstone_store::Receipt::mint(Vec::new(), None);
/// ```
/// or keep one for a second disclosure of something else by copying it:
/// ```compile_fail
/// fn twice(receipt: wardstone_store::Receipt) -> (wardstone_store::Receipt, wardstone_store::Receipt) {
///     (receipt.clone(), receipt)
/// }
/// ```
#[derive(Debug)]
pub struct Receipt {
    leaf: Option<LeafIndex>,
    subjects: Vec<Subject>,
}

/// What a value would disclose.
pub trait Discloses {
    /// Calls `each` with every version whose content is in the value, in the view it is shown.
    fn subjects(&self, each: &mut dyn FnMut(Subject));
}

/// A value that an audit record covers. `api` and `web` can serialize this and nothing else that holds ePHI.
///
/// Without a receipt there is none:
/// ```compile_fail
/// let shown = wardstone_store::Disclosed { value: "sinus rhythm", leaf: None };
/// ```
pub struct Disclosed<T> {
    value: T,
    leaf: Option<LeafIndex>,
}

/// The receipt does not name what the value contains. Nothing is disclosed.
#[derive(Debug, thiserror::Error)]
#[error("the audit receipt does not cover this disclosure")]
pub struct Mismatch;

impl Receipt {
    /// Only the store mints, when the evidence is durable.
    pub(crate) fn mint(subjects: Vec<Subject>, leaf: Option<LeafIndex>) -> Self {
        Self { leaf, subjects }
    }

    /// The event's place in the log, once it has one (a write's event reaches the log just after its transaction).
    pub fn leaf(&self) -> Option<LeafIndex> {
        self.leaf
    }
}

impl<T: Discloses> Disclosed<T> {
    pub fn new(value: T, receipt: &Receipt) -> Result<Self, Mismatch> {
        let mut covered = true;
        value.subjects(&mut |subject| covered &= receipt.subjects.binary_search(&subject).is_ok());
        if !covered {
            return Err(Mismatch);
        }
        Ok(Self { value, leaf: receipt.leaf })
    }
}

impl<T> Disclosed<T> {
    pub fn leaf(&self) -> Option<LeafIndex> {
        self.leaf
    }

    pub fn get(&self) -> &T {
        &self.value
    }

    pub fn into_inner(self) -> T {
        self.value
    }
}
