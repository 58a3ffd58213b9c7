//! The anchoring thread: puts durable leaves into tiles, signs a checkpoint over them and copies it to the sink.
//! Tiles are made durable once a minute; after a crash the leaves since then are replayed from the segments.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use audit::leaf::LEAF_BYTES;
use audit::tile::{Edge, Tile};
use audit::{Checkpoint, VerifierKey, calendar};
use crypto::sign::SigningKey;

use super::format::State;
use super::shared::{Position, Shared};
use super::tiles::TileFiles;
use super::{Clock, LogError, LogOptions, STATE_INTERVAL_MS};

pub(super) const CHECKPOINT_FILE: &str = "checkpoint";
pub(super) const STATE_FILE: &str = "state";
pub(super) const KEY_FILE: &str = "vkey";

pub(super) struct Anchorer {
    shared: Arc<Shared>,
    clock: Clock,
    key: SigningKey,
    origin: String,
    sink: Option<PathBuf>,
    interval: Duration,
    tiles: TileFiles,
    edge: Edge,
    /// Tiles that the edge has filled and that are not written yet.
    filled: VecDeque<(Tile, Vec<u8>)>,
    signed_size: u64,
    position: Position,
    state_size: Option<u64>,
    state_ms: u64,
}

impl Anchorer {
    pub(super) fn new(
        shared: Arc<Shared>,
        options: LogOptions,
        edge: Edge,
        tiles: TileFiles,
        signed_size: u64,
    ) -> Self {
        Anchorer {
            tiles,
            shared,
            state_ms: (options.clock)(),
            clock: options.clock,
            key: options.signing_key,
            origin: options.origin,
            sink: options.sink,
            interval: Duration::from_millis(options.checkpoint_interval_ms),
            edge,
            filled: VecDeque::new(),
            signed_size,
            position: Position::default(),
            state_size: None,
        }
    }

    pub(super) fn run(mut self) {
        let _exit = Exit(self.shared.clone());
        loop {
            let backlog = self.shared.take_backlog(self.interval);
            self.position = backlog.position;
            self.take(&backlog.leaves);
            let result = self.anchor(backlog.is_closed);
            if result.is_err() {
                self.shared.metrics.anchor_failures.fetch_add(1, Relaxed);
            }
            self.shared.backlog_done(backlog.requested, result);
            if backlog.is_closed {
                return;
            }
        }
    }

    fn take(&mut self, leaves: &[[u8; LEAF_BYTES]]) {
        let filled = &mut self.filled;
        for leaf in leaves {
            let keep = |tile, bytes: &[u8]| {
                filled.push_back((tile, bytes.to_vec()));
                Ok::<(), std::convert::Infallible>(())
            };
            let Ok(()) = self.edge.push(leaf, audit::tree::leaf_hash(leaf), keep);
        }
    }

    fn anchor(&mut self, is_closing: bool) -> Result<(), LogError> {
        // One at a time off the front, so that a failure is taken up again where it happened.
        while let Some((tile, bytes)) = self.filled.front() {
            self.tiles.write(*tile, bytes)?;
            self.filled.pop_front();
        }
        let now_ms = (self.clock)();
        if self.edge.size() != self.signed_size {
            let tiles = &mut self.tiles;
            self.edge.partials(|tile, bytes| tiles.write(tile, bytes))?;
            self.sign(now_ms)?;
        }
        let is_due = now_ms.saturating_sub(self.state_ms) >= STATE_INTERVAL_MS;
        if self.signed_size > 0 && self.state_size != Some(self.signed_size) && (is_due || is_closing) {
            self.save_state()?;
            self.state_ms = now_ms;
        }
        Ok(())
    }

    fn sign(&mut self, now_ms: u64) -> Result<(), LogError> {
        let checkpoint = Checkpoint { origin: self.origin.clone(), size: self.edge.size(), root: self.edge.root() };
        let note = checkpoint.sign(&self.key);
        replace(&self.shared.dir.join(CHECKPOINT_FILE), note.as_bytes())?;
        self.signed_size = checkpoint.size;
        let metrics = &self.shared.metrics;
        metrics.checkpoint_size.store(checkpoint.size, Relaxed);
        metrics.last_checkpoint_ms.store(now_ms, Relaxed);
        if let Some(sink) = &self.sink {
            // A sink that is away must not stop care; it is seen in the metrics.
            let is_healthy = copy_to_sink(sink, now_ms, checkpoint.size, &note).is_ok();
            metrics.is_sink_healthy.store(is_healthy, Relaxed);
            if !is_healthy {
                metrics.sink_failures.fetch_add(1, Relaxed);
            }
        }
        Ok(())
    }

    fn save_state(&mut self) -> Result<(), LogError> {
        self.tiles.sync()?;
        let state = State {
            size: self.signed_size,
            segment: self.position.segment,
            offset: self.position.offset,
            outbox: self.position.outbox,
            root: self.edge.root(),
        };
        replace(&self.shared.dir.join(STATE_FILE), &state.encode())?;
        self.state_size = Some(state.size);
        Ok(())
    }
}

/// However this thread ends, nobody waits for a checkpoint forever.
struct Exit(Arc<Shared>);

impl Drop for Exit {
    fn drop(&mut self) {
        self.0.close_anchor();
    }
}

/// The newest checkpoint in the sink that verifies with the key.
pub(super) fn newest_in_sink(sink: &Path, key: &VerifierKey) -> Option<Checkpoint> {
    // Two days are enough: a copy is made with every checkpoint.
    newest_names(sink, 2)
        .iter()
        .flat_map(|day| newest_names(&sink.join(day), 1).into_iter().map(move |name| sink.join(day).join(name)))
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .filter_map(|note| Checkpoint::verify(&note, key).ok())
        .max_by_key(|checkpoint| checkpoint.size)
}

/// Replaces a file as a whole, durably.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), LogError> {
    let failed = LogError::io("replacing a file of the audit log");
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    let mut file = File::create(&new).map_err(&failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(&failed)?;
    std::fs::rename(&new, path).map_err(&failed)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(&failed)
}

/// `2026-11-22/checkpoint-00000000000000012345`: never overwritten. Another text of the same size is a fork.
fn copy_to_sink(sink: &Path, now_ms: u64, size: u64, note: &str) -> std::io::Result<()> {
    let (year, month, day) = calendar::date_of_day((now_ms / 86_400_000) as i64);
    let folder = sink.join(format!("{year:04}-{month:02}-{day:02}"));
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(format!("checkpoint-{size:020}"));
    match File::create_new(&path) {
        Ok(mut file) => {
            file.write_all(note.as_bytes())?;
            file.sync_all()?;
            File::open(&folder)?.sync_all()
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && std::fs::read(&path)? == note.as_bytes() => {
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn newest_names(folder: &Path, count: usize) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort_unstable_by(|a, b| b.cmp(a));
    names.truncate(count);
    names
}
