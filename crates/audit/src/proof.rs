//! Inclusion and consistency proofs (RFC 6962, sections 2.1.1 and 2.1.2) and the C2SP tlog-proof file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::checkpoint::{Checkpoint, VerifierKey};
use crate::tree::{EMPTY_ROOT, Hash, node_hash};
use crate::{AuditError, LeafIndex};

/// A path in a tree of 2^64 leaves has no more hashes than this.
pub const PATH_HASHES_MAX: usize = 64;
const TLOG_PROOF_HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Reads the root of the perfect subtree of height `level` that is the `index`-th of its level.
pub type ReadNode<'r, E> = &'r mut dyn FnMut(u8, u64) -> Result<Hash, E>;

/// The hashes that lead from leaf `index` to the root of the first `size` leaves.
pub fn inclusion<E: From<AuditError>>(index: LeafIndex, size: u64, read: ReadNode<'_, E>) -> Result<Vec<Hash>, E> {
    if index >= size {
        return Err(AuditError::OutOfRange.into());
    }
    // Walk down from the root, noting the sibling at each step; the proof lists them from the leaf up.
    let (mut low, mut high) = (0, size);
    let mut siblings = Vec::new();
    while high - low > 1 {
        let middle = low + split(high - low);
        if index < middle {
            siblings.push((middle, high));
            high = middle;
        } else {
            siblings.push((low, middle));
            low = middle;
        }
    }
    siblings.into_iter().rev().map(|(low, high)| range_root(low, high, read)).collect()
}

/// The hashes that show that the tree of `new` leaves begins with the tree of `old` leaves.
pub fn consistency<E: From<AuditError>>(old: u64, new: u64, read: ReadNode<'_, E>) -> Result<Vec<Hash>, E> {
    if old > new {
        return Err(AuditError::OutOfRange.into());
    }
    if old == 0 || old == new {
        return Ok(Vec::new());
    }
    let (mut low, mut high) = (0, new);
    let mut siblings = Vec::new();
    // The left tree is known to the verifier as long as it begins the whole tree.
    let mut is_prefix = true;
    while old < high {
        let middle = low + split(high - low);
        if old <= middle {
            siblings.push((middle, high));
            high = middle;
        } else {
            siblings.push((low, middle));
            low = middle;
            is_prefix = false;
        }
    }
    if !is_prefix {
        siblings.push((low, high));
    }
    siblings.into_iter().rev().map(|(low, high)| range_root(low, high, read)).collect()
}

/// The root of the first `size` leaves.
pub fn root_at<E: From<AuditError>>(size: u64, read: ReadNode<'_, E>) -> Result<Hash, E> {
    if size == 0 { Ok(EMPTY_ROOT) } else { range_root(0, size, read) }
}

/// RFC 9162, section 2.1.3.2.
pub fn verify_inclusion(
    leaf_hash: &Hash,
    index: LeafIndex,
    size: u64,
    path: &[Hash],
    root: &Hash,
) -> Result<(), AuditError> {
    if index >= size {
        return Err(AuditError::OutOfRange);
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = *leaf_hash;
    for sibling in path {
        if last == 0 {
            return Err(AuditError::ProofFailed);
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last == 0 && hash == *root { Ok(()) } else { Err(AuditError::ProofFailed) }
}

/// RFC 9162, section 2.1.4.2.
pub fn verify_consistency(
    old: u64,
    new: u64,
    path: &[Hash],
    old_root: &Hash,
    new_root: &Hash,
) -> Result<(), AuditError> {
    if old > new {
        return Err(AuditError::OutOfRange);
    }
    if old == 0 || old == new {
        let same = if old == 0 { *old_root == EMPTY_ROOT } else { old_root == new_root };
        return if same && path.is_empty() { Ok(()) } else { Err(AuditError::ProofFailed) };
    }
    let mut path = path.iter();
    let first = if old.is_power_of_two() { old_root } else { path.next().ok_or(AuditError::ProofFailed)? };
    let (mut node, mut last) = (old - 1, new - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (mut from_old, mut from_new) = (*first, *first);
    for sibling in path {
        if last == 0 {
            return Err(AuditError::ProofFailed);
        }
        if node & 1 == 1 || node == last {
            from_old = node_hash(sibling, &from_old);
            from_new = node_hash(sibling, &from_new);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            from_new = node_hash(&from_new, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last == 0 && from_old == *old_root && from_new == *new_root { Ok(()) } else { Err(AuditError::ProofFailed) }
}

/// A tlog-proof file: a leaf's index, its inclusion proof and the checkpoint it leads to. Checked offline by anyone
/// who has the leaf and the log's key. `extra` is not authenticated; we put the leaf itself there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    pub extra: Option<Vec<u8>>,
    pub index: LeafIndex,
    pub path: Vec<Hash>,
    pub checkpoint: String,
}

impl TlogProof {
    pub fn to_text(&self) -> String {
        let mut text = format!("{TLOG_PROOF_HEADER}\n");
        if let Some(extra) = &self.extra {
            text.push_str(&format!("extra {}\n", BASE64.encode(extra)));
        }
        text.push_str(&format!("index {}\n", self.index));
        for hash in &self.path {
            text.push_str(&BASE64.encode(hash));
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.checkpoint);
        text
    }

    pub fn parse(text: &str) -> Result<Self, AuditError> {
        const BAD: AuditError = AuditError::Malformed("tlog-proof");
        let (head, checkpoint) = text.split_once("\n\n").ok_or(BAD)?;
        let mut lines = head.split('\n');
        if lines.next() != Some(TLOG_PROOF_HEADER) {
            return Err(BAD);
        }
        let mut line = lines.next().ok_or(BAD)?;
        let mut extra = None;
        if let Some(encoded) = line.strip_prefix("extra ") {
            extra = Some(BASE64.decode(encoded).map_err(|_| BAD)?);
            line = lines.next().ok_or(BAD)?;
        }
        let index = crate::checkpoint::parse_decimal(line.strip_prefix("index ").ok_or(BAD)?).ok_or(BAD)?;
        let mut path = Vec::new();
        for line in lines {
            if path.len() == PATH_HASHES_MAX {
                return Err(BAD);
            }
            path.push(crate::checkpoint::parse_hash(line).ok_or(BAD)?);
        }
        Ok(TlogProof { extra, index, path, checkpoint: checkpoint.to_owned() })
    }

    /// Checks the checkpoint's signature and that the leaf is in its tree.
    pub fn verify(&self, leaf: &[u8], key: &VerifierKey) -> Result<Checkpoint, AuditError> {
        let checkpoint = Checkpoint::verify(&self.checkpoint, key)?;
        let leaf_hash = crate::tree::leaf_hash(leaf);
        verify_inclusion(&leaf_hash, self.index, checkpoint.size, &self.path, &checkpoint.root)?;
        Ok(checkpoint)
    }
}

/// The largest power of two below `count`.
fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

/// The root of leaves `low..high`, where `low` begins a subtree of the tree: perfect parts are read, the rest combined.
fn range_root<E: From<AuditError>>(low: u64, high: u64, read: ReadNode<'_, E>) -> Result<Hash, E> {
    let mut parts = Vec::new();
    let mut low = low;
    while low < high {
        let level = (high - low).ilog2() as u8;
        parts.push(read(level, low >> level)?);
        low += 1 << level;
    }
    parts.into_iter().rev().reduce(|right, left| node_hash(&left, &right)).ok_or(AuditError::HashMissing.into())
}
