//! Sends what is due: the try is durable and in the audit log before anything goes out, so that a crash repeats a try at most as
//! often as there are tries, and nothing leaves unseen.

use std::sync::Arc;
use std::time::Duration;

use audit::event::{Outcome, Who};
use audit::{Action, Event, Purpose};
use compliance::ComplianceError;
use store::desk::Change;
use store::{Evidence, Shelf};
use tokio::sync::watch;

use super::entry::{Contents, DeliveryState, Entry};
use super::{MessageId, Outbox, REMEMBERED_MS};
use crate::{Failure, OutwardError};

pub const TRIES_MAX: u32 = 10;
const DELAY_FIRST_MS: i64 = 30_000;
const DELAY_MAX_MS: i64 = 6 * 3_600_000;
/// How often it is looked what is due.
const POLL: Duration = Duration::from_secs(1);
/// Messages of one look; what is due beyond them waits for the next.
const BATCH_MAX: usize = 100;

/// How long after a try that failed the next one comes: four times longer each time, six hours at most. `tries` were made.
pub fn delay_ms(tries: u32) -> i64 {
    let times = 4_i64.saturating_pow(tries.saturating_sub(1));
    DELAY_FIRST_MS.saturating_mul(times).min(DELAY_MAX_MS)
}

impl Outbox {
    /// Sends until `stop` turns true or its sender is gone.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut is_stuck = false;
        loop {
            let worked = self.work().await;
            if let (Err(error), false) = (&worked, is_stuck) {
                tracing::warn!(%error, "the outbox cannot go on");
            }
            is_stuck = worked.is_err();
            tokio::select! {
                _ = stop.wait_for(|is_over| *is_over) => return,
                () = tokio::time::sleep(POLL) => {}
                // While it is stuck only time helps.
                () = self.0.news.notified(), if !is_stuck => {}
            }
        }
    }

    /// One look: what is due by the clock is tried once, what was settled long ago is forgotten. Answers how many were tried.
    pub async fn work(&self) -> Result<usize, OutwardError> {
        let _counter = self.0.counter.lock().await;
        let now_ms = self.now_ms();
        self.forget(now_ms).await?;
        let due: Vec<MessageId> = {
            let entries = self.entries();
            let due = entries.values().filter(|entry| entry.state.waits() && entry.next_ms <= now_ms);
            due.take(BATCH_MAX).map(|entry| entry.id).collect()
        };
        for id in &due {
            self.deliver(*id).await?;
        }
        Ok(due.len())
    }

    async fn deliver(&self, id: MessageId) -> Result<(), OutwardError> {
        let Some((entry, contents)) = self.begin(id).await? else { return Ok(()) };
        let tried = self.attempt(&entry, &contents).await?;
        let now_ms = self.now_ms();
        let _pen = self.0.pen.lock().await;
        // Withdrawn while it was being sent: it stays so, and the log has the try.
        let Some(held) = self.get(id).filter(|held| held.state.waits()) else { return Ok(()) };
        let mut next = Entry::clone(&held);
        let next = match tried {
            Ok(()) => next.settled(DeliveryState::Sent, "", now_ms),
            Err(failure) => {
                let is_last = matches!(failure, Failure::Refused(_)) || next.tries >= TRIES_MAX;
                next.state = DeliveryState::Failed;
                next.reason = Some(failure.reason().to_owned());
                if is_last || next.next_ms >= next.until_ms {
                    self.note(&next, "given up", Outcome::Failed { code: 0 }).await?;
                    next.settled(DeliveryState::GivenUp, failure.reason(), now_ms)
                } else {
                    next
                }
            }
        };
        tracing::info!(message = %id, state = next.state.name(), tries = next.tries, reason = next.reason, "outbox");
        self.keep(next).await
    }

    /// Makes the try durable. None if there is nothing to try any more.
    async fn begin(&self, id: MessageId) -> Result<Option<(Arc<Entry>, Contents)>, OutwardError> {
        let _pen = self.0.pen.lock().await;
        let now_ms = self.now_ms();
        let Some(held) = self.get(id).filter(|held| held.state.waits()) else { return Ok(None) };
        let mut entry = Entry::clone(&held);
        let reason = match &entry.contents {
            None => Some("damaged"),
            Some(_) if now_ms >= entry.until_ms => Some("too late"),
            // A crash in the middle of the last try.
            Some(_) if entry.tries >= TRIES_MAX => Some("interrupted"),
            Some(_) => None,
        };
        if let Some(reason) = reason {
            self.note(&entry, "given up", Outcome::Failed { code: 0 }).await?;
            tracing::info!(message = %id, state = DeliveryState::GivenUp.name(), reason, "outbox");
            self.keep(entry.settled(DeliveryState::GivenUp, reason, now_ms)).await?;
            return Ok(None);
        }
        let Some(contents) = entry.contents.clone() else { return Ok(None) };
        entry.tries += 1;
        entry.next_ms = now_ms.saturating_add(delay_ms(entry.tries));
        self.keep(entry.clone()).await?;
        Ok(Some((Arc::new(entry), contents)))
    }

    /// The register first, then the log, then the adapter. An error here is none of the endpoint's: the try stays open.
    async fn attempt(&self, entry: &Entry, contents: &Contents) -> Result<Result<(), Failure>, OutwardError> {
        let Some(adapter) = self.0.parts.adapters.of(entry.service) else {
            return Ok(Err(Failure::Later("not configured".into())));
        };
        let cover = match self.0.parts.register.cover(adapter.party(), entry.service).await {
            Ok(cover) => cover,
            // An agreement may come before the message is of no use.
            Err(ComplianceError::NoAgreement { .. }) => return Ok(Err(Failure::Later("no agreement in force".into()))),
            Err(error) => return Err(error.into()),
        };
        let under = cover.agreement().map_or_else(String::new, |id| format!(", agreement {id}"));
        let what = format!("try {}, by {}{under}", entry.tries, adapter.party().name());
        self.note(entry, &what, Outcome::Success).await?;
        let letter = contents.letter.render(&self.0.parts.clinic);
        Ok(adapter.send(cover, entry.id, &contents.to, &letter, self.now_ms()).await)
    }

    async fn forget(&self, now_ms: i64) -> Result<(), OutwardError> {
        let _pen = self.0.pen.lock().await;
        let old: Vec<MessageId> = {
            let entries = self.entries();
            let is_old = |entry: &Entry| entry.settled_ms.is_some_and(|at| now_ms.saturating_sub(at) > REMEMBERED_MS);
            entries.values().filter(|entry| is_old(entry)).take(BATCH_MAX).map(|entry| entry.id).collect()
        };
        if old.is_empty() {
            return Ok(());
        }
        self.write(old.iter().map(|id| Change::Remove { shelf: Shelf::Outbox, key: id.0 }).collect()).await?;
        self.entries_mut(|entries| entries.retain(|id, _| !old.contains(id)));
        Ok(())
    }

    /// In the audit log before it goes on. The message by its id, and nothing of it.
    async fn note(&self, entry: &Entry, what: &str, outcome: Outcome<'_>) -> Result<(), OutwardError> {
        let who = Who { user: "system", role: "system", session: None, on_behalf_of: None };
        let subject = format!("message {} by {}: {what}", entry.id, entry.service.name());
        let mut event = Event::new(self.now_ms().max(0) as u64, Action::Outward, Purpose::Operations, who);
        event.subject = Some(audit::event::clip(&subject, audit::event::TEXT_BYTES_MAX));
        event.outcome = outcome;
        self.0.parts.witness.record(Evidence::of(&event)?).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_come_ever_later_and_never_later_than_six_hours() {
        let minutes: Vec<i64> = (1..=7).map(|tries| delay_ms(tries) / 60_000).collect();
        assert_eq!(minutes, [0, 2, 8, 32, 128, 360, 360]);
        assert_eq!((delay_ms(1), delay_ms(u32::MAX)), (30_000, DELAY_MAX_MS));
    }
}
