//! Decisions already made. Bounded: a full shard starts over, since any decision can be made again.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{PoisonError, RwLock};

use crate::engine::Ruling;
use crate::key::{DecisionKey, PackedKey};

const SHARDS: usize = 32;
const SHARD_ENTRIES_MAX: usize = 2048;

/// Rulings of one policy set by packed key. Belongs to its policy set, so a new policy version starts empty.
pub(crate) struct Cache {
    shards: [RwLock<Shard>; SHARDS],
}

type Shard = HashMap<u128, Entry, BuildHasherDefault<Spread>>;

#[derive(Clone, Copy)]
struct Entry {
    /// The key carries the type by code; the name is compared so that a wrong pair can never borrow another type's ruling.
    type_name: &'static str,
    ruling: Ruling,
}

impl Cache {
    pub(crate) fn new() -> Cache {
        Cache { shards: std::array::from_fn(|_| RwLock::new(Shard::default())) }
    }

    pub(crate) fn get(&self, key: &DecisionKey) -> Option<Ruling> {
        let PackedKey(packed) = key.packed();
        // A poisoned shard holds whole entries all the same: they are Copy and written in one insert.
        let shard = self.shard(packed).read().unwrap_or_else(PoisonError::into_inner);
        let entry = shard.get(&packed)?;
        (entry.type_name == key.kind.name).then_some(entry.ruling)
    }

    pub(crate) fn put(&self, key: &DecisionKey, ruling: Ruling) {
        let PackedKey(packed) = key.packed();
        let mut shard = self.shard(packed).write().unwrap_or_else(PoisonError::into_inner);
        if shard.len() >= SHARD_ENTRIES_MAX {
            shard.clear();
        }
        shard.insert(packed, Entry { type_name: key.kind.name, ruling });
    }

    fn shard(&self, packed: u128) -> &RwLock<Shard> {
        &self.shards[(spread(folded(packed)) >> 40) as usize % SHARDS]
    }
}

/// Keys are dense words made by us, not by a client, so a multiply is hash enough.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = spread(self.0 ^ u64::from(*byte));
        }
    }
    fn write_u128(&mut self, word: u128) {
        self.0 = spread(folded(word));
    }
}

fn folded(word: u128) -> u64 {
    word as u64 ^ spread((word >> 64) as u64)
}

fn spread(word: u64) -> u64 {
    let mixed = word.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ mixed >> 29
}
