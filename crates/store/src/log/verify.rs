//! The offline verifier: reads everything, changes nothing, recomputes every hash and names every problem.
//! Segments and tiles are walked separately; both must lead to the same signed root.

use std::path::Path;

use audit::leaf::{LEAF_BYTES, Leaf};
use audit::tree::{CompactRange, leaf_hash};
use audit::{Checkpoint, Hash, LeafIndex, VerifierKey};

use super::anchor::{CHECKPOINT_FILE, KEY_FILE, STATE_FILE};
use super::format::{RECORD_HEADER_BYTES, RecordHeader, State};
use super::reader::open_record;
use super::segment::{Scan, SegmentFile, Step, list};
use super::verify_report::{Anchor, ProblemKind, Report};
use super::verify_tiles::{Bundles, verify_tiles};
use super::{DetailSealer, LogError, SealError};

/// How often what seems damaged is looked at again.
const LOOKS_AGAIN_MAX: u32 = 3;
const LOOK_AGAIN_AFTER: std::time::Duration = std::time::Duration::from_millis(2);

/// What is checked with what.
pub struct VerifyOptions<'a> {
    pub key: VerifierKey,
    /// The text of a checkpoint that was kept elsewhere.
    pub against: Option<&'a str>,
    /// Opens details, so that they are compared with their commitments.
    pub sealer: Option<&'a dyn DetailSealer>,
    /// Gets every leaf of a write in order, so that rows can be compared with the log.
    pub written: Option<&'a mut dyn FnMut(Written)>,
}

/// What a leaf says was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    pub index: LeafIndex,
    pub seq: u64,
    pub root: Hash,
}

/// Verifies a log's folder. An error means that the folder could not be read at all; damage is in the report.
pub fn verify(dir: &Path, options: VerifyOptions<'_>) -> Result<Report, LogError> {
    let mut report = Report::default();
    let own = read_own(dir, &options.key, &mut report);
    let external = options.against.and_then(|note| read_external(note, &options.key, &mut report));
    let state = read_state(dir, &mut report);

    // Roots that must come out at these sizes, whichever way the leaves are read.
    let mut wanted: Vec<Wanted> = Vec::new();
    wanted.extend(own.iter().map(|own| Wanted::new("the log's checkpoint", own.size, own.root)));
    wanted.extend(external.iter().map(|given| Wanted::new("the external checkpoint", given.size, given.root)));
    wanted.extend(state.iter().map(|state| Wanted::new("the state", state.size, state.root)));

    let mut walk = Walk {
        report: &mut report,
        origin: options.key.name.clone(),
        sealer: options.sealer,
        written: options.written,
        bundles: Bundles::new(dir, own.as_ref().map_or(0, |own| own.size)),
        wanted: wanted.clone(),
        range: CompactRange::new(),
        gaps: Vec::new(),
        next: 0,
    };
    walk.segments(&list(dir)?)?;
    let (held, contiguous) = (walk.next, walk.range.size());
    let from_segments = walk.wanted;

    let own_size = own.as_ref().map_or(0, |own| own.size);
    let mut from_tiles = wanted;
    if own.is_some() {
        verify_tiles(dir, own_size, &mut from_tiles, &mut report);
    }
    for (by_segments, by_tiles) in from_segments.iter().zip(&from_tiles) {
        judge(by_segments, by_tiles, held.max(own_size), contiguous, &mut report);
    }
    if held < own_size {
        let what = format!("segments end at leaf {held}, the checkpoint covers {own_size}");
        report.add(ProblemKind::Truncated, "segments", what);
    }
    if own.is_none() && held > 0 && !report.has(ProblemKind::BadSignature) {
        report.add(ProblemKind::Missing, CHECKPOINT_FILE, "there are leaves and no checkpoint");
    }
    report.leaves = held;
    report.leaves_unanchored = held.saturating_sub(own_size);
    report.anchor = match (&external, &own) {
        (Some(external), _) => Anchor::External { size: external.size },
        (None, Some(own)) => Anchor::Own { size: own.size },
        (None, None) => Anchor::None,
    };
    report.checkpoint = own;
    Ok(report)
}

/// A root that must come out, and what came out so far.
#[derive(Clone)]
pub(super) struct Wanted {
    of: &'static str,
    pub size: u64,
    root: Hash,
    pub found: Option<Hash>,
}

impl Wanted {
    fn new(of: &'static str, size: u64, root: Hash) -> Self {
        Wanted { of, size, root, found: (size == 0).then_some(audit::tree::EMPTY_ROOT) }
    }
}

/// Notes the root for whoever wants it at this size.
pub(super) fn note_root(wanted: &mut [Wanted], range: &CompactRange) {
    for wanted in wanted.iter_mut().filter(|wanted| wanted.size == range.size()) {
        wanted.found = Some(range.root());
    }
}

fn judge(by_segments: &Wanted, by_tiles: &Wanted, held: u64, contiguous: u64, report: &mut Report) {
    let Wanted { of, size, root, .. } = by_segments;
    let place = format!("{of} of size {size}");
    let is_external = *of == "the external checkpoint";
    if held < *size {
        let what = format!("the log has {held} leaves: it was rolled back or cut behind this checkpoint");
        report.add(if is_external { ProblemKind::RolledBack } else { ProblemKind::Truncated }, place, what);
        return;
    }
    for (by, found) in [("segments", by_segments.found), ("tiles", by_tiles.found)] {
        match found {
            Some(found) if found == *root => {}
            Some(_) if is_external => {
                let what =
                    format!("the {by} lead to another root: this is another history than the one that was signed");
                report.add(ProblemKind::Forked, &place, what);
            }
            Some(_) => {
                let what =
                    format!("the {by} lead to another root: leaves before {size} were edited, reordered or replaced");
                report.add(ProblemKind::Edited, &place, what);
            }
            // A gap that is named elsewhere keeps the root from being computed.
            None if by == "segments" && contiguous < *size => {}
            None => report.notes.push(format!("{place} could not be compared with the {by}")),
        }
    }
}

fn read_own(dir: &Path, key: &VerifierKey, report: &mut Report) -> Option<Checkpoint> {
    match std::fs::read_to_string(dir.join(KEY_FILE)) {
        Ok(text) if text == format!("{}\n", key.to_text()) => {}
        Ok(_) => report.add(ProblemKind::Edited, KEY_FILE, "the folder names another key than the one given"),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => report.add(ProblemKind::Malformed, KEY_FILE, error.kind().to_string()),
    }
    match std::fs::read_to_string(dir.join(CHECKPOINT_FILE)) {
        Ok(note) => match Checkpoint::verify(&note, key) {
            Ok(checkpoint) => Some(checkpoint),
            Err(error) => {
                report.add(ProblemKind::BadSignature, CHECKPOINT_FILE, error.to_string());
                None
            }
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            report.add(ProblemKind::BadSignature, CHECKPOINT_FILE, error.kind().to_string());
            None
        }
    }
}

fn read_external(note: &str, key: &VerifierKey, report: &mut Report) -> Option<Checkpoint> {
    Checkpoint::verify(note, key)
        .map_err(|error| report.add(ProblemKind::BadSignature, "the external checkpoint", error.to_string()))
        .ok()
}

fn read_state(dir: &Path, report: &mut Report) -> Option<State> {
    let bytes = match std::fs::read(dir.join(STATE_FILE)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => {
            report.add(ProblemKind::Malformed, STATE_FILE, error.kind().to_string());
            return None;
        }
    };
    let state = State::decode(&bytes);
    if state.is_none() {
        report.add(ProblemKind::Edited, STATE_FILE, "its checksum is wrong");
    }
    state
}

/// The walk over segments.
struct Walk<'a, 'o> {
    report: &'a mut Report,
    origin: String,
    sealer: Option<&'o dyn DetailSealer>,
    written: Option<&'o mut dyn FnMut(Written)>,
    bundles: Bundles<'a>,
    wanted: Vec<Wanted>,
    /// Over the leaves as long as they follow one another.
    range: CompactRange,
    /// Leaves that were jumped over: missing, unless they turn up later.
    gaps: Vec<(LeafIndex, LeafIndex)>,
    next: LeafIndex,
}

impl Walk<'_, '_> {
    fn segments(&mut self, files: &[SegmentFile]) -> Result<(), LogError> {
        self.report.segments = files.len();
        // A segment's first leaf bounds the one before it: what that wrote beyond was never acknowledged.
        let mut firsts = Vec::with_capacity(files.len());
        for file in files {
            let header =
                Scan::open(&file.path).and_then(|scan| scan.header()).map_err(LogError::io("reading a segment"))?;
            match header {
                Some(header) if header.number == file.number => firsts.push(Some(header.first_leaf)),
                _ => {
                    self.report.add(ProblemKind::Edited, name(file), "the segment's header is wrong");
                    firsts.push(None);
                }
            }
        }
        for (place, file) in files.iter().enumerate() {
            let before = place.checked_sub(1).map_or(0, |before| files[before].number);
            if file.number != before + 1 {
                let what = format!("segments {} to {} are not there", before + 1, file.number - 1);
                self.report.add(ProblemKind::Missing, name(file), what);
            }
            self.segment(file, firsts[place + 1..].iter().copied().flatten().next())
                .map_err(LogError::io("reading a segment"))?;
        }
        for (from, to) in std::mem::take(&mut self.gaps) {
            let what = "no intact record holds them";
            self.report.add(ProblemKind::Missing, format!("leaves {from} to {}", to - 1), what);
        }
        Ok(())
    }

    fn segment(&mut self, file: &SegmentFile, limit: Option<LeafIndex>) -> std::io::Result<()> {
        let mut scan = Scan::open(&file.path)?;
        let mut looks = 0;
        loop {
            let offset = scan.position();
            match scan.step()? {
                // A running server may be writing right here: what was read ahead is read again.
                Step::Bad if looks < LOOKS_AGAIN_MAX => {
                    looks += 1;
                    std::thread::sleep(LOOK_AGAIN_AFTER);
                    scan.forget();
                    continue;
                }
                Step::End => return Ok(()),
                Step::Record { header, .. }
                    if limit.is_some_and(|limit| header.first_leaf >= limit && self.next >= limit) =>
                {
                    let note = format!("{} at {offset}: a record that was never acknowledged", name(file));
                    self.report.notes.push(note);
                    return Ok(());
                }
                Step::Record { header, record } => {
                    looks = 0;
                    // Taken out of the scan's buffer by reference: `self` is not part of it.
                    self.record(file, offset, header, record, true);
                }
                Step::Bad if limit.is_some_and(|limit| self.next >= limit) => {
                    self.report.notes.push(format!("{} at {offset}: a write that did not succeed", name(file)));
                    return Ok(());
                }
                Step::Bad => {
                    let next = scan.find_record_after(offset)?;
                    if limit.is_none() && next.is_none() && self.next >= self.bundles.size() {
                        let what = "a torn write, as a crash leaves it; opening the log cuts it off";
                        self.report.notes.push(format!("{} at {offset}: {what}", name(file)));
                        return Ok(());
                    }
                    let place = format!("{} at {offset}", name(file));
                    self.report.add(ProblemKind::Edited, place, "the record's checksum is wrong or its end is missing");
                    if !self.damaged(file, offset, &mut scan)? {
                        let Some(next) = next else {
                            return Ok(());
                        };
                        scan.seek(next);
                    }
                }
            }
        }
    }

    /// What can still be said about a damaged record: which of its leaves differ from the entry bundles. False when not even
    /// its length can be believed.
    fn damaged(&mut self, file: &SegmentFile, offset: u64, scan: &mut Scan) -> std::io::Result<bool> {
        let header = RecordHeader::decode(scan.peek(offset, RECORD_HEADER_BYTES)?);
        let Some(header) = header.filter(|header| header.first_leaf == self.next) else {
            return Ok(false);
        };
        let record = scan.peek(offset, header.record_bytes())?;
        if record.len() < header.record_bytes() {
            return Ok(false);
        }
        self.record(file, offset, header, record, false);
        scan.seek(offset + header.record_bytes() as u64);
        Ok(true)
    }

    fn record(&mut self, file: &SegmentFile, offset: u64, header: RecordHeader, record: &[u8], is_intact: bool) {
        let place = || format!("{} at {offset}", name(file));
        let (first, end) = (header.first_leaf, header.end_leaf());
        if first > self.next {
            self.gaps.push((self.next, first));
        } else if first < self.next {
            let what = format!("leaves {first} to {} stand behind leaf {}", end - 1, self.next - 1);
            self.report.add(ProblemKind::Reordered, place(), what);
            fill_gap(&mut self.gaps, first, end);
        }
        let leaves = record[RECORD_HEADER_BYTES..][..header.leaves_bytes()].as_chunks::<LEAF_BYTES>().0;
        for (index, bytes) in (first..).zip(leaves) {
            self.leaf(file, offset, index, bytes);
        }
        self.next = self.next.max(end);
        if is_intact && let Some(sealer) = self.sealer {
            match open_record(&self.origin, sealer, header, record) {
                Ok(Some(entries)) => {
                    let checked = entries.iter().filter(|entry| entry.detail.is_some()).count() as u64;
                    self.report.details_checked += checked;
                    let closed = entries.len() as u64 - checked;
                    self.report.details_destroyed += closed;
                    if closed > 0 {
                        self.report.days_without_key.insert(header.day);
                    }
                }
                Ok(None) => {
                    self.report.add(ProblemKind::Edited, place(), "a detail does not fit its leaf's commitment")
                }
                Err(LogError::Seal(SealError::KeyUnavailable)) => {
                    self.report.notes.push(format!("{}: its key cannot be had now, details not checked", place()));
                    self.report.days_without_key.insert(header.day);
                }
                Err(error) => self.report.add(ProblemKind::Edited, place(), error.to_string()),
            }
        }
    }

    fn leaf(&mut self, file: &SegmentFile, offset: u64, index: LeafIndex, bytes: &[u8; LEAF_BYTES]) {
        let place = || format!("leaf {index} ({} at {offset})", name(file));
        if self.bundles.entry(index).is_some_and(|entry| entry != bytes) {
            self.report.add(ProblemKind::Edited, place(), "segment and entry bundle differ");
        }
        if index == self.range.size() {
            self.range.append(leaf_hash(bytes));
            note_root(&mut self.wanted, &self.range);
        }
        match Leaf::decode(bytes) {
            Ok(leaf) if leaf.seq != 0 => {
                if let Some(written) = &mut self.written {
                    written(Written { index, seq: leaf.seq, root: leaf.written_root });
                }
            }
            Ok(_) => {}
            Err(error) => self.report.add(ProblemKind::Malformed, place(), error.to_string()),
        }
    }
}

/// Takes leaves that turned up out of the gaps.
fn fill_gap(gaps: &mut Vec<(LeafIndex, LeafIndex)>, first: LeafIndex, end: LeafIndex) {
    let Some(place) = gaps.iter().position(|(from, to)| *from <= first && end <= *to) else {
        return;
    };
    let (from, to) = gaps.remove(place);
    gaps.extend([(from, first), (end, to)].into_iter().filter(|(from, to)| from < to));
}

fn name(file: &SegmentFile) -> String {
    file.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
