//! C2SP tlog-tiles: where hashes and entries lie, and the right edge of a growing tree that fills tiles as it goes.

use std::fmt::Write as _;

use crate::AuditError;
use crate::leaf::LEAF_BYTES;
use crate::tree::{Hash, node_hash, root_of};

/// Hashes in a full tile, entries in a full bundle.
pub const TILE_WIDTH: u64 = 256;
/// Levels that a 64-bit size can have.
const LEVELS_MAX: u8 = 8;

/// A tile of hashes (`level` given) or a bundle of entries (none). `width` is 256 when full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tile {
    pub level: Option<u8>,
    pub index: u64,
    pub width: u16,
}

impl Tile {
    pub fn hashes(level: u8, index: u64, width: u16) -> Self {
        Tile { level: Some(level), index, width }
    }

    pub fn entries(index: u64, width: u16) -> Self {
        Tile { level: None, index, width }
    }

    pub fn is_full(&self) -> bool {
        u64::from(self.width) == TILE_WIDTH
    }

    /// `tile/0/x001/234` or `tile/entries/005.p/17`.
    pub fn path(&self) -> String {
        let mut path = self.full_path();
        if !self.is_full() {
            let _ = write!(path, ".p/{}", self.width);
        }
        path
    }

    /// The path of the tile once it is full; its partial forms lie in a folder of that name with `.p` added.
    pub fn full_path(&self) -> String {
        let mut path = match self.level {
            Some(level) => format!("tile/{level}/"),
            None => "tile/entries/".to_owned(),
        };
        let digits = format!("{:03}", self.index);
        let digits = format!("{}{digits}", "0".repeat((3 - digits.len() % 3) % 3));
        let groups = digits.len() / 3;
        for group in 0..groups {
            if group + 1 < groups {
                path.push('x');
            }
            path.push_str(&digits[group * 3..group * 3 + 3]);
            if group + 1 < groups {
                path.push('/');
            }
        }
        path
    }

    /// Every tile and bundle of a tree of this size, partial ones at the right edge, level by level.
    pub fn all_of(size: u64) -> impl Iterator<Item = Tile> {
        let bundles = std::iter::once(None);
        let levels = (0..LEVELS_MAX).map(Some);
        bundles.chain(levels).flat_map(move |level| {
            let count = size >> (8 * level.unwrap_or(0));
            let full = (0..count / TILE_WIDTH).map(move |index| Tile { level, index, width: TILE_WIDTH as u16 });
            let rest = (count % TILE_WIDTH) as u16;
            full.chain((rest > 0).then_some(Tile { level, index: count / TILE_WIDTH, width: rest }))
        })
    }
}

/// One entry as a bundle holds it: its length in two bytes, big end first, and its bytes.
pub fn put_entry(bundle: &mut Vec<u8>, leaf: &[u8; LEAF_BYTES]) {
    bundle.extend_from_slice(&(LEAF_BYTES as u16).to_be_bytes());
    bundle.extend_from_slice(leaf);
}

/// The entries of a bundle of known width, one after the other.
pub fn split_bundle(bundle: &[u8], width: u16) -> Result<Vec<&[u8]>, AuditError> {
    let mut rest = bundle;
    let mut entries = Vec::with_capacity(width.into());
    for _ in 0..width {
        let (length, tail) = rest.split_first_chunk::<2>().ok_or(AuditError::Truncated("entry bundle"))?;
        let (entry, tail) =
            tail.split_at_checked(u16::from_be_bytes(*length).into()).ok_or(AuditError::Truncated("entry bundle"))?;
        entries.push(entry);
        rest = tail;
    }
    if rest.is_empty() { Ok(entries) } else { Err(AuditError::Malformed("entry bundle")) }
}

/// The hashes of a tile of known width.
pub fn split_hashes(tile: &[u8], width: u16) -> Result<Vec<Hash>, AuditError> {
    let (hashes, rest) = tile.as_chunks::<32>();
    if hashes.len() != usize::from(width) || !rest.is_empty() {
        return Err(AuditError::Malformed("tile"));
    }
    Ok(hashes.to_vec())
}

/// The node at `level` (0 = leaves) and `index` lies in this tile (its last hash at least) and is the root of these hashes.
pub fn locate(level: u8, index: u64) -> (u8, u64, std::ops::Range<usize>) {
    let (tile_level, height) = (level / 8, level % 8);
    let first = index << height;
    let start = (first % TILE_WIDTH) as usize;
    (tile_level, first / TILE_WIDTH, start..start + (1 << height))
}

/// The width that a tile of this level and index has in a tree of this size: 0 when it does not exist yet.
pub fn width_in(level: u8, index: u64, size: u64) -> u16 {
    let count = size >> (8 * level);
    count.saturating_sub(index * TILE_WIDTH).min(TILE_WIDTH) as u16
}

/// The right edge of the tree: the partial tile of each level and the partial bundle. Holds at most 8 tiles.
#[derive(Debug, Clone, Default)]
pub struct Edge {
    size: u64,
    levels: Vec<Vec<Hash>>,
    entries: Vec<u8>,
}

impl Edge {
    pub fn new() -> Self {
        Self::default()
    }

    /// The edge of a tree of `size`, from its partial tiles and bundle, which `read` returns.
    pub fn load<E: From<AuditError>>(size: u64, mut read: impl FnMut(Tile) -> Result<Vec<u8>, E>) -> Result<Self, E> {
        let mut edge = Edge { size, ..Edge::default() };
        let rest = (size % TILE_WIDTH) as u16;
        if rest > 0 {
            edge.entries = read(Tile::entries(size / TILE_WIDTH, rest))?;
            split_bundle(&edge.entries, rest)?;
        }
        for level in 0..LEVELS_MAX {
            let count = size >> (8 * level);
            if count == 0 {
                break;
            }
            let width = (count % TILE_WIDTH) as u16;
            edge.levels.push(match width {
                0 => Vec::new(),
                _ => split_hashes(&read(Tile::hashes(level, count / TILE_WIDTH, width))?, width)?,
            });
        }
        Ok(edge)
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf; `emit` gets every tile and bundle that this fills.
    pub fn push<E>(
        &mut self,
        leaf: &[u8; LEAF_BYTES],
        leaf_hash: Hash,
        mut emit: impl FnMut(Tile, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        put_entry(&mut self.entries, leaf);
        let mut hash = leaf_hash;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::with_capacity(TILE_WIDTH as usize));
            }
            let hashes = &mut self.levels[level];
            hashes.push(hash);
            if (hashes.len() as u64) < TILE_WIDTH {
                break;
            }
            let index = self.size >> (8 * (level + 1));
            if level == 0 {
                emit(Tile::entries(index, TILE_WIDTH as u16), &self.entries)?;
                self.entries.clear();
            }
            emit(Tile::hashes(level as u8, index, TILE_WIDTH as u16), hashes.as_flattened())?;
            hash = root_of(hashes);
            hashes.clear();
        }
        self.size += 1;
        Ok(())
    }

    /// The partial tiles and the partial bundle of the tree as it is.
    pub fn partials<E>(&self, mut emit: impl FnMut(Tile, &[u8]) -> Result<(), E>) -> Result<(), E> {
        let rest = (self.size % TILE_WIDTH) as u16;
        if rest > 0 {
            emit(Tile::entries(self.size / TILE_WIDTH, rest), &self.entries)?;
        }
        for (level, hashes) in self.levels.iter().enumerate().filter(|(_, hashes)| !hashes.is_empty()) {
            let index = (self.size >> (8 * level)) / TILE_WIDTH;
            emit(Tile::hashes(level as u8, index, hashes.len() as u16), hashes.as_flattened())?;
        }
        Ok(())
    }

    pub fn root(&self) -> Hash {
        let mut root: Option<Hash> = None;
        for hashes in &self.levels {
            // Each level's hashes fall into perfect subtrees, one for each bit of their number, largest on the left.
            let mut end = hashes.len();
            while end > 0 {
                let start = end - (1 << end.trailing_zeros());
                let node = root_of(&hashes[start..end]);
                root = Some(root.map_or(node, |right| node_hash(&node, &right)));
                end = start;
            }
        }
        root.unwrap_or(crate::tree::EMPTY_ROOT)
    }
}
