//! Chart numbers and their keys: made ahead in blocks, so that a new patient waits for no key to become durable.

use std::sync::atomic::{AtomicU64, Ordering};

use crypto::Keyring;
use crypto::keyring::ChartKey;
use std::sync::Arc;
use store::{Backend, ChartNo};
use tokio::sync::Mutex;

use crate::RecordError;

/// Organizations, practitioners, locations and the like.
pub const DIRECTORY: ChartNo = 1;
/// What belongs to no patient and no directory.
pub const UNOWNED: ChartNo = 2;
/// The first number of a patient's chart.
const PATIENTS_FROM: ChartNo = 16;
/// Keys made at once.
const BLOCK: u64 = 512;

pub struct Charts {
    next: AtomicU64,
    /// Charts below this number have durable keys.
    keyed: AtomicU64,
    making: Mutex<()>,
}

impl Charts {
    pub async fn open<B: Backend>(store: &B, keyring: &Keyring, chart_max: ChartNo) -> Result<Self, RecordError> {
        let keyed = store.chart_key_max().await? + 1;
        let next = PATIENTS_FROM.max(chart_max + 1);
        let charts = Self { next: AtomicU64::new(next), keyed: AtomicU64::new(keyed), making: Mutex::new(()) };
        charts.key_up_to(store, keyring, next).await?;
        Ok(charts)
    }

    /// A new chart whose key is durable.
    pub async fn allot<B: Backend>(&self, store: &B, keyring: &Keyring) -> Result<ChartNo, RecordError> {
        let chart = self.next.fetch_add(1, Ordering::Relaxed);
        if chart >= self.keyed.load(Ordering::Acquire) {
            self.key_up_to(store, keyring, chart).await?;
        }
        Ok(chart)
    }

    async fn key_up_to<B: Backend>(&self, store: &B, keyring: &Keyring, chart: ChartNo) -> Result<(), RecordError> {
        let _one_at_a_time = self.making.lock().await;
        let from = self.keyed.load(Ordering::Acquire);
        if chart < from {
            return Ok(());
        }
        let to = chart + BLOCK;
        let keys = (from..to).map(|n| Ok((n, keyring.make_chart_key(n)?))).collect::<Result<_, RecordError>>()?;
        store.add_chart_keys(keys).await?;
        self.keyed.store(to, Ordering::Release);
        Ok(())
    }
}

/// Whether a chart is a patient's, not a shared compartment.
pub fn is_patient(chart: ChartNo) -> bool {
    chart >= PATIENTS_FROM
}

/// The unwrapped key of a chart.
pub async fn key<B: Backend>(store: &B, keyring: &Keyring, chart: ChartNo) -> Result<Arc<ChartKey>, RecordError> {
    if let Some(key) = keyring.cached_chart(chart) {
        return Ok(key);
    }
    let wrapped = store.chart_key(chart).await?.ok_or(RecordError::Damaged)?;
    Ok(keyring.admit_chart(chart, wrapped)?)
}

/// The shared compartment of a type that no patient owns, or whose owner is not in the record.
pub fn shared(type_name: &str) -> ChartNo {
    match access::group_of(type_name) {
        Some("directory") => DIRECTORY,
        _ => UNOWNED,
    }
}
