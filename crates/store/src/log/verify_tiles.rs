//! The part of the verifier that walks entry bundles and tiles.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use audit::LeafIndex;
use audit::leaf::LEAF_BYTES;
use audit::tile::{Edge, TILE_WIDTH, Tile, split_bundle};
use audit::tree::{CompactRange, leaf_hash};

use super::tiles::read_tile;
use super::verify::{Wanted, note_root};
use super::verify_report::{ProblemKind, Report};

/// Looks leaves up in entry bundles, one bundle in memory at a time.
pub(super) struct Bundles<'a> {
    dir: &'a Path,
    size: u64,
    held: Option<(u64, Option<Vec<u8>>)>,
}

impl<'a> Bundles<'a> {
    pub(super) fn new(dir: &'a Path, size: u64) -> Self {
        Bundles { dir, size, held: None }
    }

    /// The size of the log's own checkpoint.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// None beyond the checkpoint and where the bundle is missing or damaged (which `verify_tiles` names).
    pub(super) fn entry(&mut self, index: LeafIndex) -> Option<&[u8]> {
        let bundle = index / TILE_WIDTH;
        if index >= self.size {
            return None;
        }
        if self.held.as_ref().is_none_or(|(held, _)| *held != bundle) {
            let width = audit::tile::width_in(0, bundle, self.size);
            self.held = Some((bundle, read_tile(self.dir, Tile::entries(bundle, width)).ok()));
        }
        let bytes = self.held.as_ref()?.1.as_deref()?;
        bytes.get((index % TILE_WIDTH) as usize * (LEAF_BYTES + 2) + 2..)?.get(..LEAF_BYTES)
    }
}

/// Recomputes every tile of a tree of `size` leaves from the entry bundles, compares the files, and notes wanted roots.
pub(super) fn verify_tiles(dir: &Path, size: u64, wanted: &mut [Wanted], report: &mut Report) {
    let mut edge = Edge::new();
    let mut range = CompactRange::new();
    let mut partials = Partials::find(dir, report);
    for bundle in 0..size.div_ceil(TILE_WIDTH) {
        let tile = Tile::entries(bundle, audit::tile::width_in(0, bundle, size));
        let Some(bytes) = read(dir, tile, report) else {
            return;
        };
        let entries = match split_bundle(&bytes, tile.width) {
            Ok(entries) => entries,
            Err(error) => {
                report.add(ProblemKind::Edited, tile.path(), error.to_string());
                return;
            }
        };
        for (index, entry) in (bundle * TILE_WIDTH..).zip(entries) {
            let Ok(leaf) = entry.try_into() else {
                report.add(
                    ProblemKind::Edited,
                    format!("leaf {index} ({})", tile.path()),
                    "the entry has a wrong length",
                );
                return;
            };
            let hash = leaf_hash(entry);
            range.append(hash);
            note_root(wanted, &range);
            let Ok(()) = edge.push(leaf, hash, |tile, bytes| {
                compare(dir, tile, bytes, &mut partials, report);
                Ok::<(), std::convert::Infallible>(())
            });
        }
    }
    let Ok(()) = edge.partials(|tile, bytes| {
        compare(dir, tile, bytes, &mut partials, report);
        Ok::<(), std::convert::Infallible>(())
    });
    for path in partials.0.into_values().flatten() {
        report.notes.push(format!("{} is beyond the checkpoint", path.1.display()));
    }
}

/// Compares a tile's file, and every partial form of it that lies about, with what was recomputed.
fn compare(dir: &Path, tile: Tile, bytes: &[u8], partials: &mut Partials, report: &mut Report) {
    if let Some(found) = read(dir, tile, report) {
        differ(tile, &tile.path(), &found, bytes, report);
    }
    for (width, path) in partials.0.remove(&format!("{}.p", tile.full_path())).unwrap_or_default() {
        let entry_bytes = if tile.level.is_some() { 32 } else { LEAF_BYTES + 2 };
        match bytes.get(..usize::from(width) * entry_bytes) {
            Some(bytes) => {
                let found = std::fs::read(dir.join(&path)).unwrap_or_default();
                differ(tile, &path.to_string_lossy(), &found, bytes, report);
            }
            None => report.notes.push(format!("{} is beyond the checkpoint", path.display())),
        }
    }
}

fn differ(tile: Tile, path: &str, found: &[u8], expected: &[u8], report: &mut Report) {
    if found == expected {
        return;
    }
    let at = found.iter().zip(expected).take_while(|(a, b)| a == b).count();
    match tile.level {
        Some(0) => {
            let leaf = tile.index * TILE_WIDTH + at as u64 / 32;
            let what = "entry bundle and level-0 tile differ: one of them was edited";
            report.add(ProblemKind::Edited, format!("leaf {leaf} ({path})"), what);
        }
        Some(_) => report.add(ProblemKind::Edited, path, "the hashes below lead to another tile"),
        None => report.add(ProblemKind::Edited, path, "an older form of the bundle differs from the current one"),
    }
}

fn read(dir: &Path, tile: Tile, report: &mut Report) -> Option<Vec<u8>> {
    read_tile(dir, tile).map_err(|error| report.add(ProblemKind::Missing, tile.path(), error.to_string())).ok()
}

/// Every partial tile on disk, by the folder it lies in.
struct Partials(BTreeMap<String, Vec<(u16, PathBuf)>>);

impl Partials {
    fn find(dir: &Path, report: &mut Report) -> Self {
        let mut found = Partials(BTreeMap::new());
        let mut folders = vec![PathBuf::from("tile")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(dir.join(&folder)).into_iter().flatten().flatten() {
                let path = folder.join(entry.file_name());
                if entry.path().is_dir() {
                    folders.push(path);
                } else if folder.extension().is_some_and(|extension| extension == "p") {
                    match entry.file_name().to_str().and_then(|name| name.parse().ok()) {
                        Some(width) => {
                            found.0.entry(folder.to_string_lossy().into_owned()).or_default().push((width, path));
                        }
                        None => report.notes.push(format!("{} is no tile", path.display())),
                    }
                }
            }
        }
        found
    }
}
