//! Reads leaves and their details by index, forwards or backwards, one record in memory at a time; makes proof files.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use audit::leaf::{LEAF_BYTES, Leaf, commitment};
use audit::proof::{TlogProof, inclusion};
use audit::{Checkpoint, LeafIndex};

use super::anchor::CHECKPOINT_FILE;
use super::format::{RECORD_HEADER_BYTES, RecordHeader, SEGMENT_HEADER_BYTES, aad, split_detail};
use super::segment::{Scan, SegmentFile, Step};
use super::shared::Shared;
use super::tiles::read_node;
use super::{DetailSealer, LogError, SealError};

/// A segment is remembered at every so many bytes.
const MARK_BYTES: u64 = 128 * 1024;
const CAUGHT_UP_MS_MAX: u32 = 1_000;

/// One leaf and its detail: `Event::decode` reads it. None when the audit day's key was destroyed.
#[derive(Clone)]
pub struct Entry {
    pub index: LeafIndex,
    pub leaf: Leaf,
    pub detail: Option<Vec<u8>>,
}

/// Cheap to clone; clones share what they learned about where leaves lie.
#[derive(Clone)]
pub struct LogReader {
    shared: Arc<Shared>,
    origin: Arc<str>,
    sealer: Arc<dyn DetailSealer>,
    marks: Arc<Mutex<HashMap<u32, Marks>>>,
}

impl LogReader {
    pub(super) fn new(shared: Arc<Shared>, origin: String, sealer: Arc<dyn DetailSealer>) -> Self {
        LogReader { shared, origin: origin.into(), sealer, marks: Arc::default() }
    }

    /// Durable leaves now.
    pub fn size(&self) -> u64 {
        self.shared.durable_leaves()
    }

    /// Waits, for a second at most, until the events of all writes that were answered before are durable leaves. Who wrote
    /// and then asks for the log finds it there.
    pub async fn caught_up(&self) {
        let accepted = self.shared.lock_queue().outbox_accepted;
        let is_behind = || self.shared.moved.load(Ordering::Acquire) < accepted && self.shared.is_available();
        for _ in 0..CAUGHT_UP_MS_MAX {
            if !is_behind() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    pub fn get(&self, index: LeafIndex) -> Result<Option<Entry>, LogError> {
        self.forwards(index, index.saturating_add(1)).next().transpose()
    }

    /// Leaves `from..to`, oldest first, as far as they are durable.
    pub fn forwards(&self, from: LeafIndex, to: LeafIndex) -> Entries {
        self.entries(from, to, false)
    }

    /// Leaves `from..to`, newest first.
    pub fn backwards(&self, from: LeafIndex, to: LeafIndex) -> Entries {
        self.entries(from, to, true)
    }

    /// The C2SP proof that a leaf is under the current checkpoint; its extra data is the leaf. None while it is not yet.
    pub fn prove(&self, index: LeafIndex) -> Result<Option<TlogProof>, LogError> {
        let path = self.shared.dir.join(CHECKPOINT_FILE);
        let checkpoint = std::fs::read_to_string(path).map_err(LogError::io("reading the checkpoint"))?;
        let size = Checkpoint::parse_unverified(&checkpoint)?.size;
        if index >= size {
            return Ok(None);
        }
        let Some(entry) = self.get(index)? else {
            return Ok(None);
        };
        let path = inclusion(index, size, &mut |level, at| read_node(&self.shared.dir, size, level, at))?;
        Ok(Some(TlogProof { extra: Some(entry.leaf.encode().to_vec()), index, path, checkpoint }))
    }

    fn entries(&self, from: LeafIndex, to: LeafIndex, is_backwards: bool) -> Entries {
        let to = to.min(self.size());
        Entries {
            reader: self.clone(),
            from: from.min(to),
            to,
            is_backwards,
            held: VecDeque::new(),
            scan: None,
            following: None,
        }
    }

    /// The segment that holds a leaf, the leaf it ends before and, for the last one, where its records end.
    fn segment_of(&self, leaf: LeafIndex) -> Option<SegmentFile> {
        let catalog = self.shared.catalog.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        let place = catalog.segments.partition_point(|(_, first_leaf)| *first_leaf <= leaf).checked_sub(1)?;
        Some(catalog.segments[place].0.clone())
    }

    /// Where the record that holds a leaf begins. Walks headers from the nearest mark and marks the way.
    fn locate(&self, scan: &mut Scan, segment: u32, leaf: LeafIndex) -> Result<u64, LogError> {
        let mut marks = self.marks.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let marks = marks.entry(segment).or_default();
        let place = marks.0.partition_point(|(first_leaf, _)| *first_leaf <= leaf);
        let mut last = place.checked_sub(1).map_or(SEGMENT_HEADER_BYTES as u64, |place| marks.0[place].1);
        let is_new_ground = place == marks.0.len();
        scan.seek(last);
        while let Some((offset, header)) = scan.hop().map_err(LogError::io("reading a segment"))? {
            if is_new_ground && (marks.0.is_empty() || offset >= last + MARK_BYTES) {
                marks.0.push((header.first_leaf, offset));
                last = offset;
            }
            if leaf < header.end_leaf() {
                return Ok(offset);
            }
        }
        Err(LogError::Corrupt { place: format!("leaf {leaf}"), what: "no record holds it" })
    }

    fn read_record(&self, scan: &mut Scan, offset: u64) -> Result<VecDeque<Entry>, LogError> {
        scan.seek(offset);
        let corrupt = |what| LogError::Corrupt { place: format!("offset {offset}"), what };
        let Step::Record { header, record } = scan.step().map_err(LogError::io("reading a segment"))? else {
            return Err(corrupt("a record is damaged"));
        };
        open_record(&self.origin, &*self.sealer, header, record)?
            .ok_or_else(|| corrupt("details do not fit their leaves"))
    }
}

/// Leaf and offset of some records of a segment, in order.
#[derive(Default)]
struct Marks(Vec<(LeafIndex, u64)>);

/// Ends after the first error.
pub struct Entries {
    reader: LogReader,
    from: LeafIndex,
    to: LeafIndex,
    is_backwards: bool,
    held: VecDeque<Entry>,
    /// Opened after `to` was set, so that nothing below `to` can be stale in it.
    scan: Option<(u32, Scan)>,
    /// The leaf that the record behind the last one begins with, and where that is.
    following: Option<(LeafIndex, u64)>,
}

impl Iterator for Entries {
    type Item = Result<Entry, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.from >= self.to {
            return None;
        }
        let wanted = if self.is_backwards { self.to - 1 } else { self.from };
        if self.held.is_empty()
            && let Err(error) = self.fill(wanted)
        {
            self.from = self.to;
            return Some(Err(error));
        }
        if self.is_backwards {
            self.to -= 1;
            self.held.pop_back().map(Ok)
        } else {
            self.from += 1;
            self.held.pop_front().map(Ok)
        }
    }
}

impl Entries {
    fn fill(&mut self, wanted: LeafIndex) -> Result<(), LogError> {
        let missing = || LogError::Corrupt { place: format!("leaf {wanted}"), what: "no segment holds it" };
        let segment = self.reader.segment_of(wanted).ok_or_else(missing)?;
        if self.scan.as_ref().is_none_or(|(number, _)| *number != segment.number) {
            let scan = Scan::open(&segment.path).map_err(LogError::io("opening a segment"))?;
            self.scan = Some((segment.number, scan));
            self.following = None;
        }
        // INVARIANT: set just above.
        #[expect(clippy::unwrap_used, reason = "see the invariant above")]
        let (_, scan) = self.scan.as_mut().unwrap();
        let offset = match self.following {
            Some((leaf, offset)) if leaf == wanted => offset,
            _ => self.reader.locate(scan, segment.number, wanted)?,
        };
        self.held = self.reader.read_record(scan, offset)?;
        self.following = self.held.back().map(|last| (last.index + 1, scan.position()));
        let (from, to) = (self.from, self.to);
        self.held.retain(|entry| (from..to).contains(&entry.index));
        if self.held.is_empty() { Err(missing()) } else { Ok(()) }
    }
}

/// The leaves of an intact record with their details, each compared with its commitment; none when they do not fit.
pub(super) fn open_record(
    origin: &str,
    sealer: &dyn DetailSealer,
    header: RecordHeader,
    record: &[u8],
) -> Result<Option<VecDeque<Entry>>, LogError> {
    let (leaves, sealed) = record[RECORD_HEADER_BYTES..].split_at(header.leaves_bytes());
    let block = match sealer.open(header.day, &aad(origin, &header.to_bound()), sealed) {
        Ok(block) => Some(block),
        Err(SealError::KeyDestroyed) => None,
        Err(error) => return Err(error.into()),
    };
    let mut rest = block.as_deref();
    let mut entries = VecDeque::with_capacity(header.count as usize);
    for (index, leaf) in (header.first_leaf..).zip(leaves.chunks_exact(LEAF_BYTES)) {
        let leaf = Leaf::decode(leaf)?;
        let mut detail = None;
        if let Some(block) = rest {
            let Some((salt, bytes, after)) = split_detail(block) else {
                return Ok(None);
            };
            if commitment(salt, bytes) != leaf.commitment {
                return Ok(None);
            }
            detail = Some(bytes.to_vec());
            rest = Some(after);
        }
        entries.push_back(Entry { index, leaf, detail });
    }
    Ok(rest.is_none_or(<[u8]>::is_empty).then_some(entries))
}
