//! What time does: sessions that are over end, connections that proved nothing are told, activity reaches the desk.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::state::Live;
use crate::{Connection, Identity, IdentityError, lock};

/// Activity is written when it is this much newer than what the desk has: after a crash a session has that much less.
const ACTIVITY_MS: i64 = 60_000;

impl Identity {
    /// To be called each second or so. An error leaves the rest for the next time.
    pub async fn sweep(&self) -> Result<(), IdentityError> {
        let now_ms = self.now_ms();
        lock(&self.inner().tickets).sweep(now_ms);
        lock(&self.inner().enrolments).sweep(now_ms);
        lock(&self.inner().step_ups).sweep(now_ms);
        let has_old = self.state().ended.values().any(|held| held.is_over(now_ms));
        if has_old {
            self.change_state(|state| state.forget_ended(now_ms));
        }
        let sessions: Vec<Arc<Live>> = self.state().session_numbers.values().cloned().collect();
        let mut moved = Vec::new();
        for live in sessions {
            if let Some(why) = self.is_over(&live, now_ms) {
                self.end_over(&live, why).await?;
                continue;
            }
            let overdue = lock(&live.connections).overdue(now_ms);
            if let Some(asked) = overdue {
                let from = Connection { address: asked.address, ..Connection::QUIET };
                self.report_replay(&live, asked.address, &from).await?;
            }
            if live.active_ms.load(Ordering::Relaxed) - live.written_ms.load(Ordering::Relaxed) >= ACTIVITY_MS {
                moved.push(live);
            }
        }
        if moved.is_empty() {
            return Ok(());
        }
        let pen = self.pen().await;
        // Those that ended or were rotated meanwhile have been written or removed.
        moved.retain(|live| self.live_by_number(live.stored.number).is_ok_and(|now| Arc::ptr_eq(&now, live)));
        let changes = moved.iter().map(|live| self.put_session(&live.snapshot())).collect::<Result<_, _>>()?;
        self.commit(pen, vec![], changes, move |_| {
            for live in moved {
                live.written_ms.store(live.active_ms.load(Ordering::Relaxed), Ordering::Relaxed);
            }
        })
        .await
    }
}

impl Connection<'static> {
    /// Nobody's: the clock did it.
    pub(crate) const QUIET: Connection<'static> = Connection { user_agent: "", ..Connection::LOCAL };
}
