//! Counters of the log, cheap enough to stay on.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use super::shared::Shared;

/// Four buckets to the octave, from 1 µs to about 65 s.
const BUCKETS: usize = 64;

/// A reading of the counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogMetrics {
    pub groups: u64,
    pub events: u64,
    /// Write and fdatasync of a group, upper bound of the bucket (buckets are a quarter octave wide).
    pub sync_us_p50: u64,
    pub sync_us_p99: u64,
    pub queue_depth: u64,
    pub unanchored_leaves: u64,
    pub last_checkpoint_ms: u64,
    pub last_checkpoint_size: u64,
    pub write_failures: u64,
    pub seal_failures: u64,
    pub anchor_failures: u64,
    pub sink_failures: u64,
    /// The sink took the last checkpoint offered to it.
    pub is_sink_healthy: bool,
    /// Space could be reserved ahead of the writer.
    pub is_space_reserved: bool,
    pub is_available: bool,
}

pub(super) struct Counters {
    pub groups: AtomicU64,
    pub events: AtomicU64,
    pub write_failures: AtomicU64,
    pub seal_failures: AtomicU64,
    pub anchor_failures: AtomicU64,
    pub sink_failures: AtomicU64,
    pub last_checkpoint_ms: AtomicU64,
    pub checkpoint_size: AtomicU64,
    pub is_sink_healthy: AtomicBool,
    pub is_space_reserved: AtomicBool,
    sync_us: [AtomicU64; BUCKETS],
}

impl Counters {
    pub(super) fn new(checkpoint_size: u64) -> Self {
        Counters {
            groups: AtomicU64::new(0),
            events: AtomicU64::new(0),
            write_failures: AtomicU64::new(0),
            seal_failures: AtomicU64::new(0),
            anchor_failures: AtomicU64::new(0),
            sink_failures: AtomicU64::new(0),
            last_checkpoint_ms: AtomicU64::new(0),
            checkpoint_size: AtomicU64::new(checkpoint_size),
            is_sink_healthy: AtomicBool::new(true),
            is_space_reserved: AtomicBool::new(true),
            sync_us: [const { AtomicU64::new(0) }; BUCKETS],
        }
    }

    pub(super) fn synced(&self, events: u64, us: u64) {
        self.groups.fetch_add(1, Relaxed);
        self.events.fetch_add(events, Relaxed);
        self.sync_us[bucket(us)].fetch_add(1, Relaxed);
    }

    pub(super) fn snapshot(&self, shared: &Shared) -> LogMetrics {
        let counts: Vec<u64> = self.sync_us.iter().map(|count| count.load(Relaxed)).collect();
        let checkpoint_size = self.checkpoint_size.load(Relaxed);
        LogMetrics {
            groups: self.groups.load(Relaxed),
            events: self.events.load(Relaxed),
            sync_us_p50: quantile(&counts, 50),
            sync_us_p99: quantile(&counts, 99),
            queue_depth: shared.lock_queue().items.len() as u64,
            unanchored_leaves: shared.durable_leaves().saturating_sub(checkpoint_size),
            last_checkpoint_ms: self.last_checkpoint_ms.load(Relaxed),
            last_checkpoint_size: checkpoint_size,
            write_failures: self.write_failures.load(Relaxed),
            seal_failures: self.seal_failures.load(Relaxed),
            anchor_failures: self.anchor_failures.load(Relaxed),
            sink_failures: self.sink_failures.load(Relaxed),
            is_sink_healthy: self.is_sink_healthy.load(Relaxed),
            is_space_reserved: self.is_space_reserved.load(Relaxed),
            is_available: shared.is_available(),
        }
    }
}

/// Octave and the two bits below the leading one.
fn bucket(us: u64) -> usize {
    let us = us.max(4);
    let octave = us.ilog2() as usize;
    let quarter = (us >> (octave - 2)) as usize & 3;
    ((octave - 2) * 4 + quarter).min(BUCKETS - 1)
}

fn upper_bound_us(bucket: usize) -> u64 {
    (5 + bucket as u64 % 4) << (bucket / 4)
}

fn quantile(counts: &[u64], percent: u64) -> u64 {
    let total: u64 = counts.iter().sum();
    let rank = (total * percent).div_ceil(100);
    let mut seen = 0;
    for (bucket, count) in counts.iter().enumerate() {
        seen += count;
        if seen >= rank && *count > 0 {
            return upper_bound_us(bucket);
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_at_most_a_quarter_octave_above_the_value() {
        for us in [4, 5, 7, 100, 812, 4000, 65_000] {
            let mut counts = vec![0; BUCKETS];
            counts[bucket(us)] = 10;
            let bound = quantile(&counts, 50);
            assert!(bound > us && bound <= us + us / 4 + 1, "{us} gave {bound}");
        }
    }
}
