//! Charts held open by broken glass. The record writes the event and the compliance room closes the review; here is the time limit.

use access::{ChartNo, GLASS_MAX, UserId};

use crate::state::Glass;
use crate::{Identity, IdentityError, Session};

pub const GLASS_MS: i64 = 60 * 60_000;

#[derive(Clone)]
pub struct GlassView {
    pub user: UserId,
    pub chart: ChartNo,
    pub since_ms: i64,
    pub until_ms: i64,
    pub reason: String,
}

impl Identity {
    /// Opens a chart for the person of a session, for an hour. Needs a fresh verification. The record has written the event
    /// before it calls this.
    pub async fn grant_glass(&self, session: &Session, chart: ChartNo, reason: &str) -> Result<i64, IdentityError> {
        let reason = crate::roles::reason(reason)?;
        if !session.caller.as_ref().is_some_and(|caller| caller.facts().mfa_fresh) || session.has_ended() {
            return Err(IdentityError::StepUp);
        }
        let pen = self.pen().await;
        let now_ms = self.now_ms();
        let user = session.user.0;
        let mut held = self.state().glass.get(&user).cloned().unwrap_or_default();
        held.retain(|glass| now_ms < glass.until_ms && glass.chart != chart.0);
        if held.len() >= GLASS_MAX {
            return Err(IdentityError::Invalid("too many charts are open by broken glass"));
        }
        let until_ms = now_ms + GLASS_MS;
        held.push(Glass { user, chart: chart.0, since_ms: now_ms, until_ms, reason });
        let change = self.put_glass(user, &held)?;
        self.commit(pen, vec![], vec![change], move |state| drop(state.glass.insert(user, held))).await?;
        Ok(until_ms)
    }

    /// The person is done before the hour is over.
    pub async fn close_glass(&self, session: &Session, chart: ChartNo) -> Result<(), IdentityError> {
        let pen = self.pen().await;
        let user = session.user.0;
        let mut held = self.state().glass.get(&user).cloned().unwrap_or_default();
        held.retain(|glass| glass.chart != chart.0);
        let change = self.put_glass(user, &held)?;
        self.commit(pen, vec![], vec![change], move |state| drop(state.glass.insert(user, held))).await
    }

    /// What is open now, whoever holds it.
    pub fn open_glass(&self) -> Vec<GlassView> {
        let now_ms = self.now_ms();
        let state = self.state();
        let open = state.glass.values().flatten().filter(|glass| now_ms < glass.until_ms);
        open.map(|glass| GlassView {
            user: UserId(glass.user),
            chart: ChartNo(glass.chart),
            since_ms: glass.since_ms,
            until_ms: glass.until_ms,
            reason: glass.reason.clone(),
        })
        .collect()
    }
}
