//! A seeded generator whose stream never changes: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
//!
//! Not for keys or tokens. It uses integer operations and exact IEEE arithmetic only, so every platform draws the
//! same.

#[derive(Clone)]
pub(super) struct Rng(u64);

impl Rng {
    /// A stream of its own for every (seed, lane), so that patient 7 is the same in a clinic of 10 and of 10,000.
    pub(super) fn new(seed: u64, lane: u64) -> Self {
        let mut root = Rng(seed ^ lane.wrapping_mul(0xD134_2543_DE82_EF95));
        let start = root.next();
        Rng(start ^ u64::from(super::GENERATOR_VERSION))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in `0..n`; 0 when `n` is 0.
    pub(super) fn below(&mut self, n: u32) -> u32 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u32
    }

    /// Uniform in `low..=high`.
    pub(super) fn between(&mut self, low: i32, high: i32) -> i32 {
        low + self.below((high - low + 1) as u32) as i32
    }

    /// Uniform in `low..high`.
    pub(super) fn real(&mut self, low: f64, high: f64) -> f64 {
        let unit = (self.next() >> 11) as f64 / (1u64 << 53) as f64;
        low + (high - low) * unit
    }

    /// Bell-shaped around 0, within three `spread`s: the sum of three uniforms has a deviation of one half.
    pub(super) fn noise(&mut self, spread: f64) -> f64 {
        (self.real(-1.0, 1.0) + self.real(-1.0, 1.0) + self.real(-1.0, 1.0)) * spread
    }

    pub(super) fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    pub(super) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u32) as usize]
    }

    pub(super) fn word(&mut self, words: &[&'static str]) -> &'static str {
        words[self.below(words.len() as u32) as usize]
    }

    /// The index drawn in proportion to its weight.
    pub(super) fn weighted(&mut self, weights: &[u32]) -> usize {
        let mut left = self.below(weights.iter().sum());
        for (i, &weight) in weights.iter().enumerate() {
            if left < weight {
                return i;
            }
            left -= weight;
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn the_stream_is_split_mix_64() {
        let mut rng = Rng(1234567);
        let first: Vec<u64> = (0..3).map(|_| rng.next()).collect();
        assert_eq!(first, [6457827717110365317, 3203168211198807973, 9817491932198370423]);
    }

    #[test]
    fn draws_stay_in_range() {
        let mut rng = Rng::new(1, 2);
        for _ in 0..10_000 {
            assert!((3..=5).contains(&rng.between(3, 5)));
            assert!(rng.noise(0.5).abs() <= 1.5);
            assert!(rng.weighted(&[0, 3, 0, 1]) % 2 == 1);
        }
    }
}
