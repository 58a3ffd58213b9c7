//! The tree, tiles and proofs against `tlog_tiles`, an implementation by others.

use std::collections::HashMap;

use audit::leaf::LEAF_BYTES;
use audit::proof::{TlogProof, consistency, inclusion, root_at, verify_consistency, verify_inclusion};
use audit::tile::{Edge, Tile, locate};
use audit::tree::{CompactRange, Hash, leaf_hash, root_of};
use audit::{AuditError, Checkpoint, VerifierKey};
use tlog_tiles as oracle;

const SIZE: u64 = 2_000;

fn leaf(index: u64) -> [u8; LEAF_BYTES] {
    let mut leaf = [0; LEAF_BYTES];
    leaf[..8].copy_from_slice(&index.to_be_bytes());
    leaf
}

/// The oracle keeps every hash it ever stored, by its own numbering.
struct Stored(Vec<oracle::Hash>);

impl oracle::HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<oracle::Hash>, oracle::Error> {
        Ok(indexes.iter().map(|index| self.0[*index as usize]).collect())
    }
}

impl Stored {
    fn grow(size: u64) -> Self {
        let mut stored = Stored(Vec::new());
        for index in 0..size {
            let hashes = oracle::stored_hashes(index, &leaf(index), &stored).unwrap();
            stored.0.extend(hashes);
        }
        stored
    }

    fn node(&self, level: u8, index: u64) -> Result<Hash, AuditError> {
        Ok(self.0[oracle::stored_hash_index(level, index) as usize].0)
    }
}

#[test]
fn roots_of_every_size_are_the_oracles() {
    let stored = Stored::grow(SIZE);
    let mut range = CompactRange::new();
    let mut edge = Edge::new();
    for size in 0..=SIZE {
        let root = oracle::tree_hash(size, &stored).unwrap().0;
        assert_eq!(range.root(), root, "compact range at {size}");
        assert_eq!(edge.root(), root, "edge at {size}");
        assert_eq!(root_at(size, &mut |level, index| stored.node(level, index)), Ok(root));
        range.append(leaf_hash(&leaf(size)));
        edge.push(&leaf(size), leaf_hash(&leaf(size)), |_, _| Ok::<(), ()>(())).unwrap();
    }
}

#[test]
fn all_inclusion_proofs_are_the_oracles_and_verify() {
    let stored = Stored::grow(SIZE);
    for size in (1..=70).chain([255, 256, 257, 1023, 1024, 1025, 1999, 2000]) {
        let root = oracle::tree_hash(size, &stored).unwrap().0;
        for index in 0..size {
            let path = inclusion::<AuditError>(index, size, &mut |level, at| stored.node(level, at)).unwrap();
            let theirs = oracle::prove_record(size, index, &stored).unwrap();
            assert!(path.iter().eq(theirs.iter().map(|hash| &hash.0)), "leaf {index} of {size}");
            let hash = leaf_hash(&leaf(index));
            assert_eq!(verify_inclusion(&hash, index, size, &path, &root), Ok(()));
            assert!(verify_inclusion(&hash, index ^ 1, size, &path, &root).is_err());
            assert!(verify_inclusion(&leaf_hash(b"other"), index, size, &path, &root).is_err());
        }
    }
}

#[test]
fn all_consistency_proofs_are_the_oracles_and_verify() {
    let stored = Stored::grow(SIZE);
    let roots: Vec<Hash> = (0..=SIZE).map(|size| oracle::tree_hash(size, &stored).unwrap().0).collect();
    for new in (1..=66).chain([255, 256, 257, 1024, 1025, 2000]) {
        for old in 1..=new {
            let path = consistency::<AuditError>(old, new, &mut |level, at| stored.node(level, at)).unwrap();
            let theirs = oracle::prove_tree(new, old, &stored).unwrap();
            assert!(path.iter().eq(theirs.iter().map(|hash| &hash.0)), "{old} in {new}");
            let (old_root, new_root) = (roots[old as usize], roots[new as usize]);
            assert_eq!(verify_consistency(old, new, &path, &old_root, &new_root), Ok(()));
            assert!(verify_consistency(old, new, &path, &[1; 32], &new_root).is_err());
            assert!(verify_consistency(old, new, &path, &old_root, &[1; 32]).is_err());
        }
    }
}

#[test]
fn tiles_have_the_oracles_paths_and_bytes() {
    let stored = Stored::grow(SIZE);
    let mut edge = Edge::new();
    let mut tiles: HashMap<Tile, Vec<u8>> = HashMap::new();
    for index in 0..SIZE {
        let keep = |tile: Tile, bytes: &[u8]| {
            tiles.insert(tile, bytes.to_vec());
            Ok::<(), ()>(())
        };
        edge.push(&leaf(index), leaf_hash(&leaf(index)), keep).unwrap();
    }
    edge.partials(|tile, bytes| {
        tiles.insert(tile, bytes.to_vec());
        Ok::<(), ()>(())
    })
    .unwrap();
    let mut paths: Vec<String> =
        Tile::all_of(SIZE).filter(|tile| tile.level.is_some()).map(|tile| tile.path()).collect();
    let mut theirs = Vec::new();
    for tile in oracle::Tile::new_tiles(8, 0, SIZE) {
        // The oracle writes the height first: tile/8/0/001.
        theirs.push(tile.path().replacen("tile/8/", "tile/", 1));
        let ours = Tile::hashes(tile.level(), tile.level_index(), tile.width() as u16);
        assert_eq!(tiles[&ours], tile.read_data(&stored).unwrap(), "{}", ours.path());
    }
    paths.sort();
    theirs.sort();
    assert_eq!(paths, theirs);
    assert_eq!(Tile::hashes(0, 1_234_067, 256).path(), "tile/0/x001/x234/067");
    assert_eq!(Tile::entries(70_000 / 256, 112).path(), "tile/entries/273.p/112");

    // Every perfect subtree can be found in a tile, and the edge can be loaded from its partial tiles.
    for level in 0..=10 {
        for index in 0..SIZE >> level {
            let (tile_level, tile, range) = locate(level, index);
            let width = audit::tile::width_in(tile_level, tile, SIZE);
            let bytes = &tiles[&Tile::hashes(tile_level, tile, width)];
            let hashes = audit::tile::split_hashes(bytes, width).unwrap();
            assert_eq!(Ok(root_of(&hashes[range])), stored.node(level, index));
        }
    }
    let loaded = Edge::load::<AuditError>(SIZE, |tile| Ok(tiles[&tile].clone())).unwrap();
    assert_eq!(loaded.root(), edge.root());
}

#[test]
fn a_tlog_proof_convinces_a_stranger_with_the_key_alone() {
    let stored = Stored::grow(300);
    let key = crypto::sign::SigningKey::from_seed(&[5; 32]);
    let origin = "clinic.example/audit";
    let root = oracle::tree_hash(300, &stored).unwrap().0;
    let checkpoint = Checkpoint { origin: origin.into(), size: 300, root }.sign(&key);
    let path = inclusion::<AuditError>(7, 300, &mut |level, at| stored.node(level, at)).unwrap();
    let proof = TlogProof { extra: Some(leaf(7).to_vec()), index: 7, path, checkpoint };
    let parsed = TlogProof::parse(&proof.to_text()).unwrap();
    assert_eq!(parsed, proof);
    let verifier = VerifierKey::new(origin, key.verifying_key());
    assert!(parsed.verify(&leaf(7), &verifier).is_ok());
    assert_eq!(parsed.verify(&leaf(8), &verifier), Err(AuditError::ProofFailed));
}
