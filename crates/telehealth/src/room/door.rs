//! Coming in: a ticket or a resume token, once each, to a new place or back to one's own.

use super::member::{Allowance, Participant};
use super::{Audit, ConnectionId, Invite, PEOPLE_MAX, Random, Room, WAITING_MAX, drawn};
use crate::signal::{BEAT_MS, Keys, MEMBERS_MAX, ParticipantId, Refusal, ToClient};
use crate::status::{CallState, EndReason, VisitEvent};
use crate::{Hashed, Secret, UnixMs};

impl Room {
    pub(super) fn hello(
        &mut self,
        connection: ConnectionId,
        ticket: Option<String>,
        resume: Option<String>,
        keys: Keys,
        now_ms: UnixMs,
        random: Random<'_>,
    ) {
        let shown = resume.and_then(|text| Secret::parse(&text).ok()).map(|secret| secret.hashed("resume"));
        let found = match (ticket, &shown) {
            (Some(ticket), _) => self.by_ticket(&ticket, now_ms),
            (None, Some(shown)) => self.by_resume(shown),
            (None, None) => None,
        };
        let Some((invite, held)) = found else {
            self.audit(None, Audit::TicketRefused, None);
            return self.refuse_and_close(connection, Refusal::Ticket, now_ms);
        };
        let secret = Secret::new(drawn(random));
        let resume = secret.hashed("resume");
        let id = match held {
            Some(id) => {
                self.take_over(&id, connection, keys, resume, shown);
                id
            }
            None => match self.newcomer(connection, invite, keys, resume, now_ms, random) {
                Ok(id) => id,
                Err(refusal) => return self.refuse_and_close(connection, refusal, now_ms),
            },
        };
        if let Some(state) = self.connections.get_mut(&connection) {
            state.who = Some(id.clone());
        }
        self.welcome(connection, &id, &secret, now_ms, random);
    }

    /// A ticket is spent by being shown, also when it is too old.
    fn by_ticket(&mut self, text: &str, now_ms: UnixMs) -> Option<(Invite, Option<ParticipantId>)> {
        let hash = Secret::parse(text).ok()?.hashed("join-ticket");
        let place = self.tickets.iter().position(|ticket| ticket.hash.is(&hash))?;
        let ticket = self.tickets.swap_remove(place);
        if ticket.expires_ms <= now_ms {
            return None;
        }
        if self.was_removed(&ticket.invite.person) {
            return None;
        }
        let of_person = |participant: &&Participant| participant.invite.person == ticket.invite.person;
        // Another role of the same person is another place.
        let held = self
            .participants
            .values()
            .filter(of_person)
            .find(|participant| !participant.is_over() && participant.invite.role == ticket.invite.role)
            .map(|participant| participant.id.clone());
        Some((ticket.invite, held))
    }

    /// Whether a host took this person out.
    pub fn was_removed(&self, person: &str) -> bool {
        let removed = CallState::Ended(EndReason::Removed);
        self.participants.values().any(|one| one.invite.person == person && one.call == removed)
    }

    fn by_resume(&self, shown: &Hashed) -> Option<(Invite, Option<ParticipantId>)> {
        let fits = |one: &Participant| {
            one.resume.is(shown) || one.resume_before.as_ref().is_some_and(|before| before.is(shown))
        };
        let held = self.participants.values().find(|one| !one.is_over() && fits(one))?;
        Some((held.invite.clone(), Some(held.id.clone())))
    }

    fn take_over(
        &mut self,
        id: &ParticipantId,
        connection: ConnectionId,
        keys: Keys,
        resume: Hashed,
        shown: Option<Hashed>,
    ) {
        let Some(participant) = self.participants.get_mut(id) else { return };
        let older = participant.connection.replace(connection);
        participant.gone_ms = None;
        (participant.is_away, participant.is_missed) = (false, false);
        participant.keys = keys;
        participant.resume = resume;
        participant.resume_before = shown;
        let who = Some((id.clone(), participant.invite.role));
        match older.filter(|older| *older != connection) {
            Some(older) => {
                self.audit(who, Audit::Replaced, None);
                self.send(older, ToClient::Error { code: Refusal::Replaced });
                self.drop_connection(older);
            }
            None => self.audit(who, Audit::Resumed, None),
        }
    }

    fn newcomer(
        &mut self,
        connection: ConnectionId,
        invite: Invite,
        keys: Keys,
        resume: Hashed,
        now_ms: UnixMs,
        random: Random<'_>,
    ) -> Result<ParticipantId, Refusal> {
        let host = invite.role.is_host();
        if self.locked && !host {
            return Err(Refusal::Locked);
        }
        if self.participants.len() >= PEOPLE_MAX {
            let removed = CallState::Ended(EndReason::Removed);
            self.participants.retain(|_, one| !one.is_over() || one.call == removed);
        }
        let waiting = self.participants.values().filter(|other| other.is_waiting()).count();
        if self.participants.len() >= PEOPLE_MAX
            || (host && self.count_in() >= MEMBERS_MAX)
            || (!host && waiting >= WAITING_MAX)
        {
            return Err(Refusal::Full);
        }
        let id = ParticipantId::new(drawn(random));
        if self.participants.contains_key(&id) {
            return Err(Refusal::Full);
        }
        self.joined += 1;
        let role = invite.role;
        let call = if host { CallState::Admitted } else { CallState::Waiting };
        let participant = Participant {
            id: id.clone(),
            invite,
            keys,
            call,
            connection: Some(connection),
            gone_ms: None,
            is_away: false,
            is_missed: false,
            resume,
            resume_before: None,
            heard: 0,
            told: 0,
            state: None,
            allowance: Allowance::new(now_ms),
            ice_ms: now_ms,
            joined: self.joined,
            came_ms: now_ms,
        };
        self.participants.insert(id.clone(), participant);
        self.audit(Some((id.clone(), role)), Audit::Joined, None);
        if role.is_visited() {
            self.visit(VisitEvent::Arrive);
        }
        Ok(id)
    }

    fn welcome(
        &mut self,
        connection: ConnectionId,
        id: &ParticipantId,
        resume: &Secret,
        now_ms: UnixMs,
        random: Random<'_>,
    ) {
        self.part_unproven();
        let Some(participant) = self.participants.get_mut(id) else { return };
        let admitted = participant.is_in();
        let (role, heard) = (participant.invite.role, participant.heard);
        participant.ice_ms = now_ms;
        // Relay credentials are for those who are in: a waiting guest could use the relay for themselves.
        let ice = if admitted { self.relays.servers(now_ms, random) } else { Vec::new() };
        let message = ToClient::Welcome {
            you: id.clone(),
            role,
            resume: resume.text(),
            ice,
            relay_only: self.settings.relay_only,
            high_risk: self.settings.high_risk,
            beat_ms: BEAT_MS,
            visit: self.settings.visit.clone(),
            heard,
        };
        self.send(connection, message);
        self.tell_of_risk();
        // Who the host is stands before what the host signed.
        self.tell_present();
        if admitted {
            self.catch_up(id);
        } else {
            self.tell_waiting();
        }
    }
}
