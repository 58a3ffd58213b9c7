//! THE room every use of ePHI passes: decide, open, audit, disclose. Nothing else opens a sealed row.
//!
//! Each public method ends in a [`Disclosed`] value, a [`Written`] or an error, and has written its audit record before
//! it returns. HTTP is not known here, SQL neither.

mod administration;
mod answer;
mod audit_read;
mod bundle;
mod cache;
mod calendar;
mod charts;
mod colleague;
mod collect;
mod confirm;
mod cursor;
mod documents;
mod drafts;
mod error;
mod everything;
mod evidence;
mod facts;
mod forms;
mod head;
mod history;
mod index;
mod labels;
mod looks;
mod merge;
mod numbers;
mod open;
mod outlook;
mod own;
mod pad;
mod prepare;
mod read;
mod request;
mod reseal;
mod search;
mod standing;
mod tally;
mod traits;
pub mod types;
mod write;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError, RwLock};

use access::{CollectionPolicy, Policies};
use crypto::hash::Prf;
use crypto::{IdCipher, Keyring, SealKey};
use store::{Backend, ChartNo, Desk, RowNo, Sqlite};

pub use administration::{
    Explained, ExplainedDecision, Glass, PatientLink, PractitionerLink, REASON_BYTES_MAX, REASON_CHARS_MIN, kind,
};
pub use answer::{
    BundleAnswer, BundleEntry, BundleKind, Effect, EntryAnswer, EntryMode, PART2_NOTICE, Page, SearchTarget, Version,
    Written,
};
/// What the log calls an act, for who asks whether it may be done.
pub use audit::Action as Audited;
pub use audit_read::AuditPage;
pub use calendar::CalendarChanges;
pub use charts::is_patient as is_patient_chart;
pub use documents::{
    DOCUMENT_BYTES_MAX, DOCUMENT_SYSTEM, Document, DocumentToFile, Filed, FromVisit, HASH_EXTENSION, OpenedDocument,
};
pub use drafts::{
    ASIDES_MAX, COSIGN, DIAGNOSES_MAX, DRAFT_BYTES_MAX, DRAFTS_MAX, Diagnosis, Draft, DraftHead, DraftKind, DraftPlace,
    DraftSave, DraftSaved, DraftText, DraftVersion, KeptForAuthor, NOTE_SYSTEM, NoteToSign, PAST_MAX, PLACEHOLDER,
    Signed, WITHHELD_SYSTEM, Withheld, WithheldWhy, withheld_coding, withheld_reason,
};
pub use error::{RecordError, Refusal};
pub use forms::{COMPLETE_QUESTIONNAIRE, SDC, TASK_OPEN, is_task_open};
pub use labels::categories_of;
pub use looks::Look;
pub use merge::Merging;
pub use outlook::{Facet, Outlook};
pub use own::{OWN_BYTES_MAX, OwnTexts};
pub use request::{
    EverythingRequest, HistoryOf, HistoryRequest, Pairs, Preconditions, ResourceKey, SearchRequest, Target,
};
pub use search::Unless;
pub use store::Disclosed;

use cache::Cache;
use calendar::Calendar;
use charts::Charts;
use drafts::Drafts;
use facts::{ChartFacts, Ties};
use head::Head;
use index::Index;
use looks::Looks;

/// Bytes of one resource's JSON.
pub const RESOURCE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Entries of one batch or transaction: as many as one audit record names.
pub const BUNDLE_ENTRIES_MAX: usize = audit::event::OBJECTS_MAX;
/// Resources on a page when the client names no number, and at most.
pub const PAGE_SIZE_DEFAULT: u32 = 20;
pub const PAGE_SIZE_MAX: u32 = 1_000;
/// Heads that one search looks at, at most.
pub const CANDIDATES_MAX: usize = 250_000;
/// Resources that `_include` and `_revinclude` add to a page, at most.
pub const INCLUDES_MAX: usize = 1_000;
/// Heads of one chart that a search looks at; a patient with more is beyond what this version serves.
pub const CHART_HEADS_MAX: usize = 200_000;
/// Opened heads kept in memory, by row and by chart. A page of a chart asks for its heads a dozen times, so one chart of 20,000
/// observations (some 10 MB) has to fit into a quarter.
const HEAD_CACHE_BYTES: usize = 40 * 1024 * 1024;
const CHART_CACHE_BYTES: usize = 64 * 1024 * 1024;
/// What charts say about standing: some 200 bytes each.
const FACTS_CACHE_BYTES: usize = 24 * 1024 * 1024;

/// Milliseconds since 1970: the clock is an argument.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The record of one organization. Cheap to clone.
pub struct Record<B: Backend = Sqlite>(Arc<Inner<B>>);

impl<B: Backend> Clone for Record<B> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

struct Inner<B> {
    store: Arc<B>,
    keyring: Arc<Keyring>,
    ids: IdCipher,
    locator: Prf,
    cursor: SealKey,
    numbers: Prf,
    policies: RwLock<Policies>,
    collection: CollectionPolicy,
    clock: Clock,
    base_url: String,
    charts: Charts,
    rows: AtomicU64,
    heads: Arc<Cache<RowNo, Arc<Head>>>,
    chart_heads: Arc<Cache<ChartNo, Arc<head::ChartHeads>>>,
    facts: Arc<Cache<ChartNo, Arc<ChartFacts>>>,
    /// Rises with every commit to the directory of practitioners.
    directory: Arc<AtomicU64>,
    ties: Ties,
    index: Arc<Index>,
    calendar: Arc<Calendar>,
    drafts: Arc<Drafts>,
    looks: Arc<Looks>,
}

/// What a record is opened with.
pub struct Settings {
    pub policies: Policies,
    pub collection: CollectionPolicy,
    pub clock: Clock,
    /// The absolute FHIR base, without a slash at the end: references below it are local.
    pub base_url: String,
    /// Where notes lie that are being written.
    pub desk: Arc<Desk>,
}

impl<B: Backend> Record<B> {
    /// Opens the record over a store: finds the numbers in use, and rebuilds the index tail.
    pub async fn open(store: Arc<B>, keyring: Arc<Keyring>, settings: Settings) -> Result<Self, RecordError> {
        let (row_max, chart_max) = store.high_water().await?;
        let index = Arc::new(Index::new(&keyring, store.runs().await?));
        let looks = Arc::new(Looks::of(settings.desk.clone(), &keyring));
        let drafts = Arc::new(Drafts::open(settings.desk, &keyring)?);
        drafts.tidy(store.as_ref()).await?;
        let inner = Inner {
            charts: Charts::open(store.as_ref(), &keyring, chart_max).await?,
            rows: AtomicU64::new(row_max.max(drafts.row_max()) + 1),
            ids: keyring.id_cipher()?,
            locator: keyring.prf("wardstone/locator/v1"),
            cursor: keyring.seal_key("wardstone/cursor/v1"),
            numbers: keyring.prf("wardstone/record-number/v1"),
            policies: RwLock::new(settings.policies),
            collection: settings.collection,
            clock: settings.clock,
            base_url: settings.base_url,
            heads: Arc::new(Cache::new(HEAD_CACHE_BYTES)),
            chart_heads: Arc::new(Cache::of_large(CHART_CACHE_BYTES)),
            facts: Arc::new(Cache::new(FACTS_CACHE_BYTES)),
            directory: Arc::default(),
            ties: Ties::default(),
            calendar: Arc::default(),
            index,
            drafts,
            looks,
            store,
            keyring,
        };
        let record = Self(Arc::new(inner));
        record.follow_index().await?;
        Ok(record)
    }

    /// The policies in force. Who asks them more than once for one answer keeps what this gave.
    pub fn policies(&self) -> Policies {
        self.0.policies.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the organization keeps: forms ask for nothing else.
    pub fn collection(&self) -> &CollectionPolicy {
        &self.0.collection
    }

    /// Puts another policy version in force: what is decided from now on is decided by it, and paging links of the version
    /// before are refused. Who calls this has decided and audited the change.
    pub fn set_policies(&self, policies: Policies) {
        *self.0.policies.write().unwrap_or_else(PoisonError::into_inner) = policies;
    }

    /// Word of what changes on the calendar from now on.
    pub fn calendar_changes(&self) -> CalendarChanges {
        self.0.calendar.changes()
    }

    pub fn store(&self) -> &Arc<B> {
        &self.0.store
    }

    /// The id a row shows to the world, for rendering audit events.
    pub fn now_ms(&self) -> i64 {
        (self.0.clock)()
    }
}
