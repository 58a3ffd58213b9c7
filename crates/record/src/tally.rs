//! The distinct decisions behind one audit event, each with how often it was made: what a later policy is asked again.

use access::{Denial, PackedKey, Permit};
use audit::event::{DECISIONS_MAX, Decided};

#[derive(Default)]
pub struct Tally {
    decided: Vec<Decided>,
    /// Where the last one was: hits of one search are mostly decided alike.
    last: usize,
}

impl Tally {
    /// Counts a decision and hands the permit on.
    pub fn judged(&mut self, decision: Result<Permit, Denial>) -> Result<Permit, Denial> {
        match &decision {
            Ok(permit) => self.note(permit.key(), true),
            Err(denial) => self.note(Some(denial.key()), false),
        }
        decision
    }

    /// Those beyond what one event names are not kept.
    pub fn note(&mut self, key: Option<PackedKey>, allowed: bool) {
        let Some(PackedKey(key)) = key else { return };
        let same = |decided: &Decided| decided.key == key && decided.allowed == allowed;
        if !self.decided.get(self.last).is_some_and(same) {
            match self.decided.iter().position(same) {
                Some(at) => self.last = at,
                None if self.decided.len() == DECISIONS_MAX => return,
                None => {
                    self.last = self.decided.len();
                    self.decided.push(Decided { key, allowed, count: 0 });
                }
            }
        }
        let decided = &mut self.decided[self.last];
        decided.count = decided.count.saturating_add(1);
    }

    pub fn decided(&self) -> &[Decided] {
        &self.decided
    }
}

/// A decision that stands for itself.
pub fn once(key: Option<PackedKey>, allowed: bool) -> Option<Decided> {
    key.map(|PackedKey(key)| Decided { key, allowed, count: 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_decisions_are_counted_and_no_more_are_kept_than_an_event_names() {
        let mut tally = Tally::default();
        for key in [1, 2, 1, 1, 2] {
            tally.note(Some(PackedKey(key)), true);
        }
        tally.note(Some(PackedKey(1)), false);
        let counts: Vec<_> = tally.decided().iter().map(|d| (d.key, d.allowed, d.count)).collect();
        assert_eq!(counts, [(1, true, 3), (2, true, 2), (1, false, 1)]);
        for key in 10..200 {
            tally.note(Some(PackedKey(key)), true);
        }
        assert_eq!(tally.decided().len(), DECISIONS_MAX);
        tally.note(Some(PackedKey(1)), true);
        assert_eq!(tally.decided()[0].count, 4);
    }
}
