//! The bytes of segments and records. Numbers are big end first, as in tiles and entry bundles.

use audit::leaf::{LEAF_BYTES, SALT_BYTES};
use audit::{Hash, LeafIndex};

use super::{GROUP_DETAIL_BYTES_MAX, GROUP_LEAVES_MAX};

const SEGMENT_MAGIC: &[u8; 8] = b"WSAUDIT1";
pub(super) const SEGMENT_HEADER_BYTES: usize = 32;
pub(super) const RECORD_MAGIC: &[u8; 4] = b"WREC";
const RECORD_VERSION: u8 = 1;
pub(super) const RECORD_HEADER_BYTES: usize = 48;
const CHECK_BYTES: usize = 8;
/// The header up to the sealed length: what the sealed details are bound to.
pub(super) const RECORD_BOUND_BYTES: usize = 36;
/// What sealing may add, generously.
const SEAL_OVERHEAD_BYTES_MAX: usize = 1024;
const SEALED_BYTES_MAX: usize = GROUP_DETAIL_BYTES_MAX
    + audit::event::DETAIL_BYTES_MAX
    + GROUP_LEAVES_MAX * (SALT_BYTES + 4)
    + SEAL_OVERHEAD_BYTES_MAX;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub number: u32,
    pub first_leaf: LeafIndex,
}

impl SegmentHeader {
    pub(super) fn encode(&self) -> [u8; SEGMENT_HEADER_BYTES] {
        let mut bytes = [0; SEGMENT_HEADER_BYTES];
        bytes[..8].copy_from_slice(SEGMENT_MAGIC);
        bytes[8..12].copy_from_slice(&self.number.to_be_bytes());
        bytes[16..24].copy_from_slice(&self.first_leaf.to_be_bytes());
        let check = check(&[&bytes[..24]]);
        bytes[24..].copy_from_slice(&check);
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; SEGMENT_HEADER_BYTES] = bytes.first_chunk()?;
        let header = SegmentHeader { number: be_u32(&bytes[8..]), first_leaf: be_u64(&bytes[16..]) };
        (header.encode() == *bytes).then_some(header)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecordHeader {
    pub first_leaf: LeafIndex,
    pub count: u32,
    /// Days since 1970-01-01, UTC: names the key of the sealed details.
    pub day: i32,
    /// The highest outbox number in the log up to and with this record.
    pub outbox: u64,
    pub sealed_bytes: u32,
    check: [u8; CHECK_BYTES],
}

impl RecordHeader {
    /// The header without sealed length and check: first what the details are sealed with.
    pub(super) fn bound(first_leaf: LeafIndex, count: u32, day: i32, outbox: u64) -> [u8; RECORD_BOUND_BYTES] {
        let mut bytes = [0; RECORD_BOUND_BYTES];
        bytes[..4].copy_from_slice(RECORD_MAGIC);
        bytes[4] = RECORD_VERSION;
        bytes[8..16].copy_from_slice(&first_leaf.to_be_bytes());
        bytes[16..20].copy_from_slice(&count.to_be_bytes());
        bytes[20..24].copy_from_slice(&day.to_be_bytes());
        bytes[24..32].copy_from_slice(&outbox.to_be_bytes());
        bytes[32..36].copy_from_slice(&(count * LEAF_BYTES as u32).to_be_bytes());
        bytes
    }

    /// None unless these can be the first bytes of a record.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; RECORD_HEADER_BYTES] = bytes.first_chunk()?;
        let header = RecordHeader {
            first_leaf: be_u64(&bytes[8..]),
            count: be_u32(&bytes[16..]),
            day: be_u32(&bytes[20..]) as i32,
            outbox: be_u64(&bytes[24..]),
            sealed_bytes: be_u32(&bytes[36..]),
            check: *bytes.last_chunk()?,
        };
        let is_bounded = (1..=GROUP_LEAVES_MAX as u32).contains(&header.count)
            && header.sealed_bytes as usize <= SEALED_BYTES_MAX
            && header.first_leaf.checked_add(header.count.into()).is_some();
        (is_bounded && bytes[..RECORD_BOUND_BYTES] == header.to_bound()).then_some(header)
    }

    pub(super) fn to_bound(self) -> [u8; RECORD_BOUND_BYTES] {
        Self::bound(self.first_leaf, self.count, self.day, self.outbox)
    }

    pub(super) fn end_leaf(&self) -> LeafIndex {
        self.first_leaf + u64::from(self.count)
    }

    pub(super) fn leaves_bytes(&self) -> usize {
        self.count as usize * LEAF_BYTES
    }

    pub(super) fn record_bytes(&self) -> usize {
        RECORD_HEADER_BYTES + self.leaves_bytes() + self.sealed_bytes as usize
    }

    /// Whether a whole record, this header included, is what was written.
    pub(super) fn is_intact(&self, record: &[u8]) -> bool {
        let (head, body) = record.split_at(RECORD_HEADER_BYTES);
        check(&[&head[..RECORD_HEADER_BYTES - CHECK_BYTES], body]) == self.check
    }
}

/// Fills in what is known last: sealed length and check. `record` is bound header, 12 bytes of room, leaves, sealed.
pub(super) fn finish_record(record: &mut [u8], sealed_bytes: usize) {
    record[36..40].copy_from_slice(&(sealed_bytes as u32).to_be_bytes());
    let (head, body) = record.split_at_mut(RECORD_HEADER_BYTES);
    let check = check(&[&head[..40], body]);
    head[40..].copy_from_slice(&check);
}

/// What the sealed details are bound to: the log's origin and the record's place.
pub(super) fn aad(origin: &str, bound: &[u8; RECORD_BOUND_BYTES]) -> Vec<u8> {
    let mut aad = Vec::with_capacity(origin.len() + 1 + bound.len());
    aad.extend_from_slice(origin.as_bytes());
    aad.push(0);
    aad.extend_from_slice(bound);
    aad
}

/// One salted detail of the opened block, and the rest.
pub(super) fn split_detail(block: &[u8]) -> Option<(&[u8; SALT_BYTES], &[u8], &[u8])> {
    let (salt, rest) = block.split_first_chunk::<SALT_BYTES>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (detail, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    Some((salt, detail, rest))
}

/// Where the tiles up to `size` are durable and where the next leaf lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    pub size: u64,
    pub segment: u32,
    pub offset: u64,
    pub outbox: u64,
    pub root: Hash,
}

const STATE_MAGIC: &[u8; 8] = b"WSASTAT1";
pub(super) const STATE_BYTES: usize = 80;

impl State {
    pub(super) fn encode(&self) -> [u8; STATE_BYTES] {
        let mut bytes = [0; STATE_BYTES];
        bytes[..8].copy_from_slice(STATE_MAGIC);
        bytes[8..16].copy_from_slice(&self.size.to_be_bytes());
        bytes[16..20].copy_from_slice(&self.segment.to_be_bytes());
        bytes[24..32].copy_from_slice(&self.offset.to_be_bytes());
        bytes[32..40].copy_from_slice(&self.outbox.to_be_bytes());
        bytes[40..72].copy_from_slice(&self.root);
        let check = check(&[&bytes[..72]]);
        bytes[72..].copy_from_slice(&check);
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; STATE_BYTES] = bytes.try_into().ok()?;
        let mut root = [0; 32];
        root.copy_from_slice(&bytes[40..72]);
        let state = State {
            size: be_u64(&bytes[8..]),
            segment: be_u32(&bytes[16..]),
            offset: be_u64(&bytes[24..]),
            outbox: be_u64(&bytes[32..]),
            root,
        };
        (state.encode() == *bytes).then_some(state)
    }
}

/// The first eight bytes of SHA-256 over the pieces.
fn check(pieces: &[&[u8]]) -> [u8; CHECK_BYTES] {
    let mut hasher = crypto::hash::Sha256::new();
    for piece in pieces {
        hasher.update(piece);
    }
    let [a, b, c, d, e, f, g, h, ..] = hasher.finish();
    [a, b, c, d, e, f, g, h]
}

// INVARIANT: callers pass slices of arrays that are long enough.
fn be_u32(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

fn be_u64(bytes: &[u8]) -> u64 {
    u64::from(be_u32(bytes)) << 32 | u64::from(be_u32(&bytes[4..]))
}
