//! The right to write audit events and nothing else: what identity holds of the store beside its desk.

use std::sync::Arc;

use crate::log::AuditLog;
use crate::{Evidence, Sqlite, StoreError};

/// Makes events durable in the log. Reads no row and no event.
#[derive(Clone)]
pub struct Witness {
    log: Arc<AuditLog>,
}

impl Witness {
    pub fn of(store: &Sqlite) -> Self {
        Self::on(store.log().clone())
    }

    pub fn on(log: Arc<AuditLog>) -> Self {
        Self { log }
    }

    /// Queues the event at once; durable when the future answers.
    pub fn record(&self, evidence: Evidence) -> impl Future<Output = Result<(), StoreError>> + Send + 'static + use<> {
        let (event, _) = evidence.into_pending(0, [0; 32]);
        let durable = self.log.submit(event);
        async move { durable.await.map(drop).map_err(StoreError::Log) }
    }
}
