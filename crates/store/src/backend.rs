//! What a store keeps and promises, whichever engine is below.
//!
//! INVARIANTS every backend keeps (its behaviour suite is `tests/it/behaviour.rs`):
//! - a batch is all or nothing, and is durable before `commit` answers;
//! - commit sequences rise strictly, across restarts and when the clock goes backwards;
//! - a version number never means two contents;
//! - the batch's audit event is durable with it, and reaches the log in commit order.

use std::future::Future;

use crypto::keyring::WrappedChartKey;

use crate::{Evidence, Receipt, StoreError};

/// A row's number: internal, never shown (ids are a cipher over it).
pub type RowNo = u64;
/// Whose key seals the row: a patient's chart or a shared compartment.
pub type ChartNo = u64;
/// Milliseconds since 1970 in the upper bits, a counter in the lower [`SEQ_COUNTER_BITS`]: `lastUpdated` is in it.
pub type Seq = i64;
/// An index keyword under the index key: says nothing to whoever lacks it.
pub type Keyword = [u8; 16];

pub const SEQ_COUNTER_BITS: u32 = 20;

/// The time part of a commit sequence, in milliseconds since 1970.
pub fn seq_time_ms(seq: Seq) -> i64 {
    seq >> SEQ_COUNTER_BITS
}

/// The sealed head of a row's current version.
#[derive(Clone)]
pub struct HeadRow {
    pub chart: ChartNo,
    pub row: RowNo,
    pub version: u32,
    pub seq: Seq,
    pub head: Vec<u8>,
}

/// The sealed body of a row's current version, sensitive material in it under keys of its own.
#[derive(Clone)]
pub struct BodyRow {
    pub chart: ChartNo,
    pub row: RowNo,
    pub version: u32,
    pub seq: Seq,
    pub body: Vec<u8>,
}

/// A whole version that is no longer current.
#[derive(Clone)]
pub struct PastRow {
    pub chart: ChartNo,
    pub row: RowNo,
    pub version: u32,
    pub seq: Seq,
    pub head: Vec<u8>,
    pub body: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// The row does not exist yet.
    New,
    /// This version is current, in this chart.
    Current { version: u32, chart: ChartNo },
}

/// One new version of one row, sealed.
pub struct Write {
    pub row: RowNo,
    pub chart: ChartNo,
    pub version: u32,
    pub expected: Expected,
    pub head: Vec<u8>,
    pub body: Vec<u8>,
    /// For an id the client chose: where the id is found again.
    pub locator: Option<Keyword>,
}

/// "No resource that carries one of these keywords was committed after `since`": what makes a condition hold.
pub struct NoNewMatch {
    pub any_of: Vec<Keyword>,
    pub since: Seq,
}

/// A unit of work: all or nothing.
pub struct Batch {
    pub writes: Vec<Write>,
    /// Rows that were read to decide, and must still be at this version.
    pub unchanged: Vec<(RowNo, u32)>,
    pub no_new_match: Vec<NoNewMatch>,
    /// The keywords of what is written, for the conditions of others.
    pub keywords: Vec<Keyword>,
    /// Charts for patients that are referred to and do not exist yet: label and chart.
    pub reserved: Vec<(Keyword, ChartNo)>,
    /// Set by an import: a piece that was committed before is refused with [`StoreError::Done`].
    pub once: Option<Keyword>,
    /// The audit event that commits with the data.
    pub evidence: Evidence,
    /// Called after the commit and before its answer, in commit order: caches and index tail follow here.
    pub on_commit: Box<dyn FnOnce(Seq) + Send>,
}

pub struct Committed {
    pub seq: Seq,
    pub receipt: Receipt,
}

/// One run of the keyword index: written once, in label order, and never changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    pub run: u32,
    /// The commits it covers: after `from`, up to and with `to`.
    pub from: Seq,
    pub to: Seq,
    pub resources: u64,
}

/// Where sealed rows live. Reads answer from the last durable commit.
pub trait Backend: Send + Sync + 'static {
    fn body(&self, row: RowNo) -> impl Future<Output = Result<Option<BodyRow>, StoreError>> + Send;
    fn head(&self, chart: ChartNo, row: RowNo) -> impl Future<Output = Result<Option<HeadRow>, StoreError>> + Send;
    /// Every current head of a chart, by row; more than `limit` is cut.
    fn heads_of_chart(
        &self,
        chart: ChartNo,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<HeadRow>, StoreError>> + Send;
    /// Current heads by (chart, row), after a place: a full scan in pages.
    fn heads_after(
        &self,
        after: (ChartNo, RowNo),
        limit: usize,
    ) -> impl Future<Output = Result<Vec<HeadRow>, StoreError>> + Send;
    /// Current heads by commit sequence, after one.
    fn heads_since(
        &self,
        seq: Seq,
        row: RowNo,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<HeadRow>, StoreError>> + Send;
    /// Current heads by commit sequence, newest first, before (seq, row).
    fn heads_before(
        &self,
        seq: Seq,
        row: RowNo,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<HeadRow>, StoreError>> + Send;
    /// One past version.
    fn past(&self, row: RowNo, version: u32) -> impl Future<Output = Result<Option<PastRow>, StoreError>> + Send;
    /// Past versions of one row, newest first, older than `version`.
    fn past_of(
        &self,
        row: RowNo,
        version: u32,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<PastRow>, StoreError>> + Send;
    /// Past versions of all rows, newest first, before (seq, row).
    fn past_before(
        &self,
        seq: Seq,
        row: RowNo,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<PastRow>, StoreError>> + Send;
    fn locate(&self, locator: &Keyword) -> impl Future<Output = Result<Option<RowNo>, StoreError>> + Send;
    fn was_done(&self, once: &Keyword) -> impl Future<Output = Result<bool, StoreError>> + Send;
    /// The last commit.
    fn last_seq(&self) -> Seq;
    /// The highest row and chart numbers in use.
    fn high_water(&self) -> impl Future<Output = Result<(RowNo, ChartNo), StoreError>> + Send;
    fn commit(&self, batch: Batch) -> impl Future<Output = Result<Committed, StoreError>> + Send;
    /// Makes an event that writes nothing durable in the log. The receipt is the right to disclose.
    fn record_event(&self, evidence: Evidence) -> impl Future<Output = Result<Receipt, StoreError>> + Send;

    /// The wrapped keys of a chart; `None` for a chart that has none, as after its erasure.
    fn chart_key(&self, chart: ChartNo) -> impl Future<Output = Result<Option<WrappedChartKey>, StoreError>> + Send;
    /// Durable when it answers: a key comes before the first row that uses it.
    fn add_chart_keys(
        &self,
        keys: Vec<(ChartNo, WrappedChartKey)>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// The highest chart number that has a key.
    fn chart_key_max(&self) -> impl Future<Output = Result<ChartNo, StoreError>> + Send;

    /// The runs of the keyword index, oldest first.
    fn runs(&self) -> impl Future<Output = Result<Vec<Run>, StoreError>> + Send;
    /// Writes one run, and in the same transaction drops those it replaces. `postings` is in label order.
    fn write_run(
        &self,
        run: Run,
        replaces: Vec<u32>,
        postings: Vec<(Keyword, Vec<u8>)>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
    fn posting(&self, run: u32, label: &Keyword) -> impl Future<Output = Result<Option<Vec<u8>>, StoreError>> + Send;
}
