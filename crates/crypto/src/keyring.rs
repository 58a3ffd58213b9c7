//! The keys of one organization: a root key in memory, purposes derived from it, random data keys wrapped under it.
//!
//! A chart has two data keys, wrapped apart: the general one, and the sensitive one from which each sensitive category
//! derives its own. The second is unwrapped only when a permit's view includes a category, for that one operation.

use std::sync::Arc;

use quick_cache::sync::Cache;
use zeroize::Zeroizing;

use crate::hash::{Prf, derive};
use crate::sign::SigningKey;
use crate::{CryptoError, IdCipher, SealKey, random_array};

/// Unwrapped chart keys held at once.
const CHART_KEYS_MAX: usize = 8_192;
/// Unwrapped audit-day keys held at once.
const DAY_KEYS_MAX: usize = 64;
/// The generation of data keys made now.
pub const GENERATION: u32 = 1;

/// Which sealed part of a version: bound into the AAD, so that parts cannot be exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Head,
    Body,
    /// The text of a note that is being written; its row is the note's to be.
    Draft,
    /// The material of one sensitive category, by its bit number in the label set.
    Category(u8),
}

impl Part {
    fn code(self) -> u8 {
        match self {
            Part::Head => 1,
            Part::Body => 2,
            Part::Draft => 3,
            Part::Category(bit) => 16 + bit,
        }
    }
}

/// Both wrapped data keys of a chart, as the key database keeps them.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedChartKey {
    pub general: Vec<u8>,
    pub sensitive: Vec<u8>,
}

/// The unwrapped general key of a chart and its still wrapped sensitive key.
pub struct ChartKey {
    pub chart: u64,
    general: SealKey,
    sensitive: Vec<u8>,
}

pub struct Keyring {
    organization: [u8; 16],
    root: Zeroizing<[u8; 32]>,
    wrap: SealKey,
    charts: Cache<u64, Arc<ChartKey>>,
    days: Cache<i32, Arc<SealKey>>,
}

impl Keyring {
    pub fn new(organization: [u8; 16], root: Zeroizing<[u8; 32]>) -> Self {
        let wrap = SealKey::new(&derive(root.as_ref(), "wardstone/wrap/v1"));
        Self { organization, root, wrap, charts: Cache::new(CHART_KEYS_MAX), days: Cache::new(DAY_KEYS_MAX) }
    }

    pub fn organization(&self) -> [u8; 16] {
        self.organization
    }

    /// 32 bytes for one named purpose (`wardstone/…/v1`).
    pub fn purpose(&self, name: &str) -> Zeroizing<[u8; 32]> {
        derive(self.root.as_ref(), name)
    }

    pub fn prf(&self, name: &str) -> Prf {
        Prf::new(self.purpose(name).as_ref())
    }

    pub fn seal_key(&self, name: &str) -> SealKey {
        SealKey::new(&self.purpose(name))
    }

    /// A family name, so that names can be compared and not read: the same for the record and for who keeps accounts.
    pub fn family(&self, name: &str) -> u64 {
        let folded: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        let hash = self.prf("wardstone/family/v1").compute(folded.as_bytes());
        hash.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    pub fn id_cipher(&self) -> Result<IdCipher, CryptoError> {
        IdCipher::new(&self.purpose("wardstone/id/v1"))
    }

    pub fn log_signing_key(&self) -> SigningKey {
        SigningKey::from_seed(&self.purpose("wardstone/log-signing/v1"))
    }

    /// Makes a chart's data keys. They must be durable in the key database before the first row that uses them.
    pub fn make_chart_key(&self, chart: u64) -> Result<WrappedChartKey, CryptoError> {
        Ok(WrappedChartKey {
            general: self.wrap.seal(&self.key_aad(b'c', chart), Zeroizing::new(random_array::<32>()?).as_ref())?,
            sensitive: self.wrap.seal(&self.key_aad(b's', chart), Zeroizing::new(random_array::<32>()?).as_ref())?,
        })
    }

    /// The chart's key, if it is unwrapped now.
    pub fn cached_chart(&self, chart: u64) -> Option<Arc<ChartKey>> {
        self.charts.get(&chart)
    }

    /// Unwraps a chart's key and keeps it for a while.
    pub fn admit_chart(&self, chart: u64, wrapped: WrappedChartKey) -> Result<Arc<ChartKey>, CryptoError> {
        let general = self.unwrap(b'c', chart, &wrapped.general)?;
        let key = Arc::new(ChartKey { chart, general: SealKey::new(&general), sensitive: wrapped.sensitive });
        self.charts.insert(chart, key.clone());
        Ok(key)
    }

    /// Drops a chart's key from memory, as when the chart is erased.
    pub fn forget_chart(&self, chart: u64) {
        self.charts.remove(&chart);
    }

    pub fn make_day_key(&self, day: i32) -> Result<Vec<u8>, CryptoError> {
        self.wrap.seal(&self.key_aad(b'd', day as u64), Zeroizing::new(random_array::<32>()?).as_ref())
    }

    /// The key that seals one day's audit detail (`day` counts from 1970-01-01).
    pub fn day<E: From<CryptoError>>(
        &self,
        day: i32,
        fetch: impl FnOnce() -> Result<Option<Vec<u8>>, E>,
    ) -> Result<Option<Arc<SealKey>>, E> {
        if let Some(key) = self.days.get(&day) {
            return Ok(Some(key));
        }
        let Some(wrapped) = fetch()? else { return Ok(None) };
        let key = Arc::new(SealKey::new(&*self.unwrap(b'd', day as u64, &wrapped)?));
        self.days.insert(day, key.clone());
        Ok(Some(key))
    }

    /// Seals one part of one version of one row.
    pub fn seal(
        &self,
        key: &ChartKey,
        row: u64,
        version: u32,
        part: Part,
        plain: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let aad = self.part_aad(row, version, part);
        match part {
            Part::Head | Part::Body | Part::Draft => key.general.seal(&aad, plain),
            Part::Category(bit) => self.category_key(key, bit)?.seal(&aad, plain),
        }
    }

    pub fn open(
        &self,
        key: &ChartKey,
        row: u64,
        version: u32,
        part: Part,
        sealed: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let aad = self.part_aad(row, version, part);
        match part {
            Part::Head | Part::Body | Part::Draft => key.general.open(&aad, sealed),
            Part::Category(bit) => self.category_key(key, bit)?.open(&aad, sealed),
        }
    }

    fn category_key(&self, key: &ChartKey, bit: u8) -> Result<SealKey, CryptoError> {
        let sensitive = self.unwrap(b's', key.chart, &key.sensitive)?;
        Ok(SealKey::new(&derive(sensitive.as_ref(), &format!("wardstone/category/{bit}/v1"))))
    }

    fn unwrap(&self, kind: u8, number: u64, wrapped: &[u8]) -> Result<Zeroizing<[u8; 32]>, CryptoError> {
        let opened = self.wrap.open_secret(&self.key_aad(kind, number), wrapped)?;
        let key = opened.as_slice().try_into().map_err(|_| CryptoError::Malformed("a data key is not 32 bytes"))?;
        Ok(Zeroizing::new(key))
    }

    fn key_aad(&self, kind: u8, number: u64) -> [u8; 29] {
        let mut aad = [0; 29];
        aad[0] = kind;
        aad[1..17].copy_from_slice(&self.organization);
        aad[17..25].copy_from_slice(&number.to_be_bytes());
        aad[25..].copy_from_slice(&GENERATION.to_be_bytes());
        aad
    }

    /// Format version, organization, row, version, part, key generation.
    fn part_aad(&self, row: u64, version: u32, part: Part) -> [u8; 34] {
        let mut aad = [0; 34];
        aad[0] = 1;
        aad[1..17].copy_from_slice(&self.organization);
        aad[17..25].copy_from_slice(&row.to_be_bytes());
        aad[25..29].copy_from_slice(&version.to_be_bytes());
        aad[29] = part.code();
        aad[30..].copy_from_slice(&GENERATION.to_be_bytes());
        aad
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn keyring() -> Keyring {
        Keyring::new([1; 16], Zeroizing::new([2; 32]))
    }

    fn chart(ring: &Keyring, number: u64) -> Arc<ChartKey> {
        let wrapped = ring.make_chart_key(number).unwrap();
        ring.admit_chart(number, wrapped).unwrap()
    }

    #[test]
    fn a_part_opens_only_as_the_part_row_version_chart_and_organization_it_was_sealed_for() {
        let ring = keyring();
        let (key, other) = (chart(&ring, 5), chart(&ring, 6));
        let sealed = ring.seal(&key, 10, 3, Part::Body, b"note").unwrap();
        assert_eq!(ring.open(&key, 10, 3, Part::Body, &sealed).unwrap(), b"note");
        for (key, row, version, part) in [
            (&key, 11, 3, Part::Body),
            (&key, 10, 2, Part::Body),
            (&key, 10, 3, Part::Head),
            (&key, 10, 3, Part::Draft),
            (&key, 10, 3, Part::Category(0)),
            (&other, 10, 3, Part::Body),
        ] {
            assert_eq!(ring.open(key, row, version, part, &sealed), Err(CryptoError::DoesNotOpen));
        }
        let elsewhere = Keyring::new([9; 16], Zeroizing::new([2; 32]));
        assert_eq!(elsewhere.open(&key, 10, 3, Part::Body, &sealed), Err(CryptoError::DoesNotOpen));
    }

    #[test]
    fn each_sensitive_category_has_its_own_key() {
        let ring = keyring();
        let key = chart(&ring, 5);
        let sealed = ring.seal(&key, 10, 1, Part::Category(1), b"hiv").unwrap();
        assert_eq!(ring.open(&key, 10, 1, Part::Category(1), &sealed).unwrap(), b"hiv");
        assert_eq!(ring.open(&key, 10, 1, Part::Category(2), &sealed), Err(CryptoError::DoesNotOpen));
    }

    #[test]
    fn a_wrapped_key_put_under_another_chart_does_not_open() {
        let ring = keyring();
        let wrapped = ring.make_chart_key(5).unwrap();
        assert!(matches!(ring.admit_chart(6, wrapped), Err(CryptoError::DoesNotOpen)));
    }
}
