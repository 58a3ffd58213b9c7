//! Opening a log: what the newest state does not cover is replayed from the segments, and every anchor is compared on the way.

use std::fs::File;
use std::path::Path;

use audit::leaf::LEAF_BYTES;
use audit::tile::Edge;
use audit::{Checkpoint, Hash, LeafIndex, VerifierKey, checkpoint};
use rustix::fs::FlockOperation;

use super::anchor::{CHECKPOINT_FILE, KEY_FILE, STATE_FILE, newest_in_sink, replace};
use super::format::{RECORD_HEADER_BYTES, SEGMENT_HEADER_BYTES, State};
use super::segment::{Scan, SegmentFile, Step, Tail, list};
use super::shared::Position;
use super::tiles::TileFiles;
use super::writer::month;
use super::{LogError, LogOptions};

const LOCK_FILE: &str = "lock";

/// What was found.
pub(super) struct Recovered {
    pub lock: File,
    pub segments: Vec<(SegmentFile, LeafIndex)>,
    /// None when the next event begins a new segment.
    pub tail: Option<Tail>,
    pub edge: Edge,
    /// Knows which of the replayed tiles the disk may not have yet.
    pub files: TileFiles,
    pub position: Position,
    pub checkpoint_size: u64,
}

pub(super) fn recover(dir: &Path, options: &LogOptions) -> Result<Recovered, LogError> {
    if !checkpoint::is_key_name(&options.origin) {
        return Err(LogError::BadOrigin);
    }
    std::fs::create_dir_all(dir).map_err(LogError::io("making the audit log's folder"))?;
    let lock = lock(dir)?;
    let key = VerifierKey::new(&options.origin, options.signing_key.verifying_key());
    let signed = read_checkpoint(dir, &key)?;
    let mut segments = list_with_first_leaves(dir)?;
    let mut files = TileFiles::new(dir);
    let state = read_state(dir, signed.as_ref())?;
    let (mut edge, mut position) = match state.and_then(|state| load_edge(&files, state)) {
        Some((edge, position)) => (edge, position),
        None => (Edge::new(), Position { segment: 0, offset: SEGMENT_HEADER_BYTES as u64, outbox: 0 }),
    };

    let mut anchors: Vec<(u64, Hash)> = Vec::new();
    anchors.extend(signed.as_ref().map(|checkpoint| (checkpoint.size, checkpoint.root)));
    let external = options.sink.as_ref().and_then(|sink| newest_in_sink(sink, &key));
    anchors.extend(external.as_ref().map(|checkpoint| (checkpoint.size, checkpoint.root)));
    compare(&edge, &anchors)?;

    if position.segment == 0 && segments.first().is_some_and(|(_, first_leaf)| *first_leaf != 0) {
        let path = &segments[0].0.path;
        return Err(LogError::corrupt(path, "earlier segments are missing and the state does not cover them"));
    }
    let mut torn = false;
    for place in 0..segments.len() {
        let (segment, _) = &segments[place];
        if segment.number < position.segment {
            continue;
        }
        if segment.number > position.segment {
            position.segment = segment.number;
            position.offset = SEGMENT_HEADER_BYTES as u64;
        }
        let limit = segments.get(place + 1).map(|(_, first_leaf)| *first_leaf);
        torn = replay(segment, limit, &mut position, &mut edge, &mut files, &anchors)?;
    }
    let held = edge.size();
    for anchored in [&signed, &external].into_iter().flatten() {
        if held < anchored.size {
            return Err(LogError::RolledBack { held, anchored: anchored.size });
        }
    }
    let tail = resume(&mut segments, position, torn, options)?;
    replace(&dir.join(KEY_FILE), format!("{}\n", key.to_text()).as_bytes())?;
    let checkpoint_size = signed.map_or(0, |checkpoint| checkpoint.size);
    Ok(Recovered { lock, segments, tail, edge, files, position, checkpoint_size })
}

fn lock(dir: &Path) -> Result<File, LogError> {
    let file = File::create(dir.join(LOCK_FILE)).map_err(LogError::io("making the lock file"))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(LogError::Locked),
        Err(error) => Err(LogError::Io { doing: "locking the audit log", kind: error.kind() }),
    }
}

fn read_checkpoint(dir: &Path, key: &VerifierKey) -> Result<Option<Checkpoint>, LogError> {
    match std::fs::read_to_string(dir.join(CHECKPOINT_FILE)) {
        Ok(note) => Ok(Some(Checkpoint::verify(&note, key)?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(LogError::io("reading the checkpoint")(error)),
    }
}

/// A state that is damaged is only slower; a checkpoint older than the state was put back.
fn read_state(dir: &Path, signed: Option<&Checkpoint>) -> Result<Option<State>, LogError> {
    let state = match std::fs::read(dir.join(STATE_FILE)) {
        Ok(bytes) => State::decode(&bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(LogError::io("reading the state")(error)),
    };
    let signed_size = signed.map_or(0, |checkpoint| checkpoint.size);
    match state {
        Some(state) if state.size > signed_size => {
            Err(LogError::RolledBack { held: signed_size, anchored: state.size })
        }
        state => Ok(state),
    }
}

fn load_edge(files: &TileFiles, state: State) -> Option<(Edge, Position)> {
    let edge = Edge::load(state.size, |tile| files.read(tile)).ok().filter(|edge| edge.root() == state.root)?;
    Some((edge, Position { segment: state.segment, offset: state.offset, outbox: state.outbox }))
}

/// Each segment with the leaf it begins with. A last segment without a header was being made when the power went: it holds
/// nothing and is removed.
fn list_with_first_leaves(dir: &Path) -> Result<Vec<(SegmentFile, LeafIndex)>, LogError> {
    let failed = LogError::io("reading a segment");
    let files = list(dir)?;
    let count = files.len();
    let mut segments = Vec::with_capacity(count);
    for (place, file) in files.into_iter().enumerate() {
        let mut scan = Scan::open(&file.path).map_err(&failed)?;
        match scan.header().map_err(&failed)? {
            Some(header) if header.number == file.number => segments.push((file, header.first_leaf)),
            _ => {
                scan.seek(0);
                let is_blank = matches!(scan.step().map_err(&failed)?, Step::End);
                if place + 1 < count || !is_blank {
                    return Err(LogError::corrupt(&file.path, "the segment's header is wrong"));
                }
                std::fs::remove_file(&file.path).map_err(&failed)?;
            }
        }
    }
    Ok(segments)
}

/// Adds one segment's leaves to the edge. Returns whether the segment ends in a torn record.
fn replay(
    segment: &SegmentFile,
    limit: Option<LeafIndex>,
    position: &mut Position,
    edge: &mut Edge,
    files: &mut TileFiles,
    anchors: &[(u64, Hash)],
) -> Result<bool, LogError> {
    let failed = LogError::io("reading a segment");
    let mut scan = Scan::open(&segment.path).map_err(&failed)?;
    scan.seek(position.offset);
    let is_over = |leaf: LeafIndex| limit.is_some_and(|limit| leaf >= limit);
    loop {
        let (header, leaves) = match scan.step().map_err(&failed)? {
            Step::End => break,
            // The next segment took over here: what follows was never acknowledged.
            _ if is_over(edge.size()) => break,
            Step::Bad => {
                let offset = position.offset;
                let is_last = limit.is_none() && scan.find_record_after(offset).map_err(&failed)?.is_none();
                if is_last {
                    return Ok(true);
                }
                return Err(LogError::corrupt(&segment.path, "a record is damaged and others follow it"));
            }
            Step::Record { header, record } => (header, &record[RECORD_HEADER_BYTES..]),
        };
        if header.first_leaf != edge.size() {
            return Err(LogError::corrupt(&segment.path, "a record does not follow the one before it"));
        }
        let (leaves, _) = leaves[..header.leaves_bytes()].as_chunks::<LEAF_BYTES>();
        for leaf in leaves {
            edge.push(leaf, audit::tree::leaf_hash(leaf), |tile, bytes| files.write(tile, bytes))?;
            compare(edge, anchors)?;
        }
        position.offset += header.record_bytes() as u64;
        position.outbox = header.outbox;
    }
    if limit.is_some_and(|limit| limit != edge.size()) {
        return Err(LogError::corrupt(&segment.path, "the segment ends before the next one begins"));
    }
    Ok(false)
}

fn compare(edge: &Edge, anchors: &[(u64, Hash)]) -> Result<(), LogError> {
    match anchors.iter().find(|(size, root)| *size == edge.size() && *root != edge.root()) {
        Some((size, _)) => Err(LogError::Forked { size: *size }),
        None => Ok(()),
    }
}

/// What was read may only be in the page cache after a killed process, so it is made durable before anything builds on it.
fn resume(
    segments: &mut [(SegmentFile, LeafIndex)],
    position: Position,
    torn: bool,
    options: &LogOptions,
) -> Result<Option<Tail>, LogError> {
    let Some((segment, _)) = segments.last() else {
        return Ok(None);
    };
    let tail = Tail::resume(segment.clone(), position.offset).map_err(LogError::io("resuming a segment"))?;
    let is_usable =
        !torn && tail.segment.month == month((options.clock)()) && position.offset < options.segment_bytes_max;
    Ok(is_usable.then_some(tail))
}
