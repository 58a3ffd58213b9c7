//! Who is away: a phone rings, a page sleeps, a train is in a tunnel. Their place is kept for a while, and the others are told.

use super::{Audit, GRACE_MS, Room};
use crate::UnixMs;
use crate::signal::ParticipantId;
use crate::status::EndReason;

/// Shorter absences, such as a page that is loaded anew, are told to nobody.
pub const AWAY_TOLD_MS: i64 = 3_000;
/// Who is in comes back into the call within this; later they knock anew, and the host decides.
pub const AWAY_IN_MS: i64 = 5 * 60_000;
/// Who waits keeps their place in the line.
pub const AWAY_WAITING_MS: i64 = 15 * 60_000;

impl Room {
    pub(super) fn look_for_absent(&mut self, now_ms: UnixMs) {
        let away_ms = |gone: Option<UnixMs>| gone.map_or(0, |gone| now_ms - gone);
        let is_anybody_here = self.participants.values().any(|one| one.connection.is_some());
        // Before a host came, who waits is all there is, and is kept as where somebody is there.
        let is_kept = is_anybody_here || !self.participants.values().any(|one| one.is_host());
        let mut is_news = false;
        let (mut missed, mut over): (Vec<ParticipantId>, Vec<ParticipantId>) = (Vec::new(), Vec::new());
        for one in self.participants.values_mut().filter(|one| !one.is_over() && one.gone_ms.is_some()) {
            let away_ms = away_ms(one.gone_ms);
            let most_ms = match () {
                () if !is_kept => GRACE_MS,
                () if one.is_in() => AWAY_IN_MS,
                () => AWAY_WAITING_MS,
            };
            if away_ms >= most_ms {
                over.push(one.id.clone());
            } else if away_ms >= GRACE_MS && !one.is_missed {
                one.is_missed = true;
                missed.push(one.id.clone());
            }
            is_news |= away_ms >= AWAY_TOLD_MS && !one.is_away;
            one.is_away |= away_ms >= AWAY_TOLD_MS;
        }
        for id in missed {
            let role = self.participants.get(&id).map(|one| one.invite.role);
            self.audit(role.map(|role| (id, role)), Audit::Away, None);
        }
        for id in &over {
            self.part(id, EndReason::Expired, Audit::Lost);
        }
        if is_news && over.is_empty() {
            self.tell_present();
        }
    }
}
