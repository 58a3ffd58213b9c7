//! When each person last looked at each chart, so that a page can say what is new to them. It opens nothing, and what is new the page
//! finds among what it was shown anyway.
//!
//! Several looks within half an hour are one: who goes from the chart to a form and back still sees what was new. It lies on the desk
//! under a keyed hash of person and chart, and holds two times.

use std::sync::Arc;

use access::{Caller, ChartNo};
use crypto::Keyring;
use crypto::hash::Prf;
use store::Backend;
use store::desk::{Change, Desk, EntryKey, Shelf};
use zeroize::Zeroizing;

use crate::{Record, RecordError};

/// Who was away for so long looks anew.
const SITTING_MS: i64 = 30 * 60_000;
/// A look is written down once a minute at most.
const AGAIN_MS: i64 = 60_000;
const FORMAT: u8 = 1;

pub(crate) struct Looks {
    desk: Arc<Desk>,
    keys: Prf,
}

/// One person's look at one chart. Without times: the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// The end of the sitting before this one.
    pub since_ms: Option<i64>,
    last_ms: Option<i64>,
}

impl Looks {
    pub fn of(desk: Arc<Desk>, keyring: &Keyring) -> Self {
        Self { desk, keys: keyring.prf("wardstone/look/v1") }
    }

    fn key(&self, user: u64, chart: ChartNo) -> EntryKey {
        let mut input = [0; 16];
        input[..8].copy_from_slice(&user.to_be_bytes());
        input[8..].copy_from_slice(&chart.0.to_be_bytes());
        self.keys.label(&input)
    }
}

impl Look {
    fn now(self, now_ms: i64) -> Self {
        let is_same = self.last_ms.is_some_and(|last_ms| now_ms - last_ms < SITTING_MS);
        Self { since_ms: if is_same { self.since_ms } else { self.last_ms }, last_ms: Some(now_ms) }
    }

    fn is_due(self, now_ms: i64) -> bool {
        self.last_ms.is_none_or(|last_ms| now_ms - last_ms >= AGAIN_MS)
    }

    fn encode(self) -> Zeroizing<Vec<u8>> {
        let mut out = vec![FORMAT];
        for time_ms in [self.since_ms, self.last_ms] {
            out.extend_from_slice(&time_ms.unwrap_or(0).to_be_bytes());
        }
        Zeroizing::new(out)
    }

    fn decode(plain: &[u8]) -> Option<Self> {
        let (format, times) = plain.split_first()?;
        let (since, last) = times.split_first_chunk::<8>()?;
        let time = |bytes: [u8; 8]| Some(i64::from_be_bytes(bytes)).filter(|time_ms| *time_ms != 0);
        let look = Self { since_ms: time(*since), last_ms: time(last.try_into().ok()?) };
        (*format == FORMAT).then_some(look)
    }
}

impl<B: Backend> Record<B> {
    /// The caller's look at a chart that was opened to them, as it stands with this one.
    pub async fn look(&self, caller: &Caller, chart: ChartNo) -> Result<Look, RecordError> {
        let (looks, user, now_ms) = (self.0.looks.clone(), caller.user().0, self.now_ms());
        let reading = tokio::task::spawn_blocking(move || {
            let key = looks.key(user, chart);
            let held = looks.desk.get(Shelf::Look, &key)?.and_then(|plain| Look::decode(&plain)).unwrap_or_default();
            let look = held.now(now_ms);
            if held.is_due(now_ms) {
                looks.desk.write(&[Change::Put { shelf: Shelf::Look, key, plain: look.encode() }])?;
            }
            Ok(look)
        });
        reading.await.map_err(|_| RecordError::Unavailable)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_within_half_an_hour_are_one_and_the_next_goes_back_to_their_end() {
        let minute = 60_000;
        let first = Look::default().now(1_000 * minute);
        assert_eq!(first.since_ms, None);
        let still = first.now(1_029 * minute).now(1_050 * minute);
        assert_eq!(still.since_ms, None);
        let later = still.now(1_080 * minute);
        assert_eq!(later.since_ms, Some(1_050 * minute));
        assert_eq!(later.now(1_081 * minute).since_ms, Some(1_050 * minute));
        assert!(!later.is_due(1_080 * minute + 59_999) && later.is_due(1_081 * minute));
        assert_eq!(Look::decode(&later.encode()), Some(later));
        assert_eq!(Look::decode(&[2; 17]), None);
    }
}
