//! Tiles and entry bundles as files, and the proofs that are read from them.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use audit::tile::{Tile, locate, split_hashes, width_in};
use audit::tree::root_of;
use audit::{Hash, LeafIndex};

use super::LogError;

/// Above this, one sync of the whole file system is cheaper.
const SYNCED_ONE_BY_ONE_MAX: usize = 64;

/// Writes tiles and remembers which of them the disk may not have yet.
pub(super) struct TileFiles {
    dir: PathBuf,
    unsynced: BTreeSet<PathBuf>,
}

impl TileFiles {
    pub(super) fn new(dir: &Path) -> Self {
        TileFiles { dir: dir.to_owned(), unsynced: BTreeSet::new() }
    }

    pub(super) fn read(&self, tile: Tile) -> Result<Vec<u8>, LogError> {
        read_tile(&self.dir, tile)
    }

    pub(super) fn write(&mut self, tile: Tile, bytes: &[u8]) -> Result<(), LogError> {
        let path = self.dir.join(tile.path());
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(LogError::io("making a tile's folder"))?;
        }
        // Replaying writes what is mostly there already, and file systems sync a file that is truncated and rewritten.
        if !std::fs::read(&path).is_ok_and(|held| held == bytes) {
            // Whole or not at all: what a full disk cuts off would look like a tile that somebody edited.
            let unfinished = path.with_extension("new");
            let written = std::fs::write(&unfinished, bytes).and_then(|()| std::fs::rename(&unfinished, &path));
            written.map_err(|error| {
                let _ = std::fs::remove_file(&unfinished);
                LogError::io("writing a tile")(error)
            })?;
        }
        self.unsynced.insert(path);
        if tile.is_full() {
            // A full tile serves whoever asks for a partial one.
            let _ = std::fs::remove_dir_all(self.dir.join(format!("{}.p", tile.full_path())));
        }
        Ok(())
    }

    /// Makes all that was written durable, folders included.
    pub(super) fn sync(&mut self) -> Result<(), LogError> {
        let failed = LogError::io("syncing a tile");
        if self.unsynced.len() > SYNCED_ONE_BY_ONE_MAX {
            let folder = File::open(&self.dir).map_err(&failed)?;
            rustix::fs::syncfs(folder).map_err(|error| failed(error.into()))?;
            self.unsynced.clear();
            return Ok(());
        }
        let mut folders = BTreeSet::new();
        for path in &self.unsynced {
            match File::open(path) {
                Ok(file) => file.sync_all().map_err(&failed)?,
                // A partial tile whose full one is there by now.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(failed(error)),
            }
            folders.extend(path.ancestors().skip(1).take_while(|folder| *folder != self.dir));
        }
        for folder in folders {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(&failed)?;
        }
        self.unsynced.clear();
        Ok(())
    }
}

/// A tile as a tree of this width needs it: the file itself, or the front of the full one that replaced it.
pub(super) fn read_tile(dir: &Path, tile: Tile) -> Result<Vec<u8>, LogError> {
    let doing = "reading a tile";
    let error = match std::fs::read(dir.join(tile.path())) {
        Ok(bytes) => return Ok(bytes),
        Err(error) => error,
    };
    if tile.is_full() {
        return Err(LogError::io(doing)(error));
    }
    let mut bytes = std::fs::read(dir.join(tile.full_path())).map_err(LogError::io(doing))?;
    let entry_bytes = if tile.level.is_some() { size_of::<Hash>() } else { audit::LEAF_BYTES + 2 };
    bytes.truncate(usize::from(tile.width) * entry_bytes);
    Ok(bytes)
}

/// The root of a perfect subtree, from the tiles of a tree of `size` leaves.
pub(super) fn read_node(dir: &Path, size: u64, level: u8, index: LeafIndex) -> Result<Hash, LogError> {
    let (tile_level, tile_index, range) = locate(level, index);
    let width = width_in(tile_level, tile_index, size);
    let hashes = split_hashes(&read_tile(dir, Tile::hashes(tile_level, tile_index, width))?, width)?;
    let hashes = hashes.get(range).ok_or(audit::AuditError::OutOfRange)?;
    Ok(root_of(hashes))
}
