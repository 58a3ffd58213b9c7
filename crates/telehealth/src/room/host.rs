//! What only the host may do: admit, hold, remove, lock, end; and how anybody parts.

use super::{Audit, ConnectionId, Output, Random, Room};
use crate::UnixMs;
use crate::signal::{FromClient, MEMBERS_MAX, ParticipantId, Refusal, Report, ToClient};
use crate::status::{CallEvent, EndReason, VisitEvent};

/// Reports of one person, and words that are only the host's: each is written to the log.
pub const TOLD_MAX: u32 = 200;

impl Room {
    pub(super) fn obey(
        &mut self,
        connection: ConnectionId,
        who: &ParticipantId,
        message: FromClient,
        now_ms: UnixMs,
        random: Random<'_>,
    ) {
        let Some(participant) = self.participants.get(who) else { return };
        let (host, inside, role) = (participant.is_host(), participant.is_in(), participant.invite.role);
        let for_hosts = matches!(
            message,
            FromClient::Admit { .. }
                | FromClient::Hold { .. }
                | FromClient::Remove { .. }
                | FromClient::Lock { .. }
                | FromClient::End {}
                | FromClient::Roster { .. }
        );
        if for_hosts && !(host && inside) {
            if self.is_said_too_often(who) {
                return self.refuse_and_close(connection, Refusal::Rate, now_ms);
            }
            self.audit(Some((who.clone(), role)), Audit::NotHost, None);
            return self.send(connection, ToClient::Error { code: Refusal::NotHost });
        }
        let answer = match message {
            FromClient::Beat {} => {
                let heard = participant.heard;
                self.send(connection, ToClient::Beat { heard });
                Ok(())
            }
            FromClient::Hello { .. } => Ok(()),
            FromClient::Leave {} => {
                self.part(who, EndReason::Left, Audit::Left);
                Ok(())
            }
            FromClient::Admit { who: other } => self.admit(&other, now_ms, random),
            FromClient::Hold { who: other } => self.hold(&other),
            FromClient::Remove { who: other } => self.remove(&other),
            FromClient::Lock { on } => {
                self.lock(who, on);
                Ok(())
            }
            FromClient::End {} => {
                self.end(Some(who), EndReason::EndedForAll);
                Ok(())
            }
            // Who waits may say that something is wrong, and nothing about a call that they are not in.
            FromClient::Event { what: Report::SwitchedToAudio | Report::SasConfirmed, .. } if !inside => {
                Err(Refusal::NotAdmitted)
            }
            FromClient::Event { what, detail } => {
                if self.is_said_too_often(who) {
                    return self.refuse_and_close(connection, Refusal::Rate, now_ms);
                }
                if what == Report::SasConfirmed {
                    self.same_words(who, detail.as_deref());
                }
                self.audit(Some((who.clone(), role)), Audit::Reported(what), detail);
                Ok(())
            }
            said if inside => self.relay(who, said),
            _ => Err(Refusal::NotAdmitted),
        };
        if let Err(code) = answer {
            self.send(connection, ToClient::Error { code });
        }
    }

    /// What goes into the log by somebody's word: one person says so much in one room, and no more.
    fn is_said_too_often(&mut self, who: &ParticipantId) -> bool {
        let Some(participant) = self.participants.get_mut(who) else { return true };
        participant.told += 1;
        participant.told > TOLD_MAX
    }

    fn admit(&mut self, id: &ParticipantId, now_ms: UnixMs, random: Random<'_>) -> Result<(), Refusal> {
        let participant = self.participants.get(id).filter(|one| one.is_waiting()).ok_or(Refusal::Absent)?;
        let (role, connection) = (participant.invite.role, participant.connection);
        if !self.may_come_in(id) {
            self.audit(Some((id.clone(), role)), Audit::RiskRefused, None);
            return Err(Refusal::Risk);
        }
        if self.count_in() >= MEMBERS_MAX {
            return Err(Refusal::Full);
        }
        if !self.move_call(id, CallEvent::Admit) {
            return Err(Refusal::Absent);
        }
        self.audit(Some((id.clone(), role)), Audit::Admitted, None);
        if role.is_visited() {
            self.visit(VisitEvent::Resume);
            self.visit(VisitEvent::Start);
        }
        if let Some(connection) = connection {
            let servers = self.relays.servers(now_ms, random);
            if let Some(participant) = self.participants.get_mut(id) {
                participant.ice_ms = now_ms;
            }
            self.send(connection, ToClient::Ice { servers });
        }
        self.tell_of_risk();
        // Who the host is stands before what the host signed.
        self.tell_present();
        self.catch_up(id);
        self.tell_waiting();
        Ok(())
    }

    /// Back to the waiting room. Nobody holds a host.
    fn hold(&mut self, id: &ParticipantId) -> Result<(), Refusal> {
        let participant = self.participants.get(id).filter(|one| one.is_in() && !one.is_host());
        let role = participant.ok_or(Refusal::Absent)?.invite.role;
        if !self.move_call(id, CallEvent::Hold) {
            return Err(Refusal::Absent);
        }
        self.audit(Some((id.clone(), role)), Audit::Held, None);
        if !self.participants.values().any(|one| one.is_in() && one.invite.role.is_visited()) {
            self.visit(VisitEvent::Hold);
        }
        self.tell_present();
        self.tell_waiting();
        Ok(())
    }

    fn remove(&mut self, id: &ParticipantId) -> Result<(), Refusal> {
        let participant = self.participants.get(id).filter(|one| !one.is_over() && !one.is_host());
        if let Some(connection) = participant.ok_or(Refusal::Absent)?.connection {
            self.send(connection, ToClient::Removed);
        }
        self.part(id, EndReason::Removed, Audit::Removed);
        Ok(())
    }

    fn lock(&mut self, who: &ParticipantId, on: bool) {
        if self.locked == on {
            return;
        }
        self.locked = on;
        let role = self.participants.get(who).map(|one| one.invite.role);
        let what = if on { Audit::Locked } else { Audit::Unlocked };
        self.audit(role.map(|role| (who.clone(), role)), what, None);
        self.tell_present();
    }

    /// One goes; the others are told.
    pub(super) fn part(&mut self, id: &ParticipantId, reason: EndReason, what: Audit) {
        if !self.move_call(id, CallEvent::End(reason)) {
            return;
        }
        let Some(participant) = self.participants.get_mut(id) else { return };
        let role = participant.invite.role;
        let connection = participant.connection.take();
        if let Some(connection) = connection {
            self.drop_connection(connection);
        }
        self.audit(Some((id.clone(), role)), what, None);
        // What they signed is of their keys, and whoever hosts after them has others.
        self.roster = self.roster.take().filter(|(from, _)| from != id);
        // Nor do their words mean anything to who comes later: the keys are gone, and a list without them makes a ghost of who said them.
        self.backlog.retain(|(from, ..)| from != id);
        self.backlog_bytes = self.backlog.iter().map(|(.., sealed)| sealed.len()).sum();
        self.tell_present();
        self.tell_waiting();
    }

    pub(super) fn end(&mut self, by: Option<&ParticipantId>, reason: EndReason) {
        if self.over {
            return;
        }
        let role = by.and_then(|by| self.participants.get(by)).map(|one| one.invite.role);
        let (what, word) = match reason {
            EndReason::EndedForAll => (Audit::EndedForAll, "ended"),
            EndReason::Revoked => (Audit::Revoked, "revoked"),
            _ => (Audit::EndedForAll, "closed"),
        };
        self.audit(by.cloned().zip(role), what, None);
        for participant in self.participants.values_mut() {
            if let Ok(call) = participant.call.after(CallEvent::End(reason)) {
                participant.call = call;
            }
            participant.connection = None;
        }
        let connections: Vec<ConnectionId> = self.connections.keys().copied().collect();
        for connection in connections {
            self.send(connection, ToClient::Ended { reason: word });
            self.drop_connection(connection);
        }
        // Who was cut off has finished nothing: the visit goes on in another room.
        if reason != EndReason::Revoked {
            self.visit(VisitEvent::Finish);
        }
        self.over = true;
        self.tickets.clear();
        self.backlog.clear();
        self.roster = None;
        self.out.push(Output::Over);
    }
}
