//! Passing on what members say to one another, and telling who is there. `from` is always the server's word.

use super::{BACKLOG_BYTES_MAX, BACKLOG_MESSAGES_MAX, ConnectionId, Output, Random, Room};
use crate::UnixMs;
use crate::signal::{FromClient, MediaState, Member, ParticipantId, Refusal, Roster, ToClient};

impl Room {
    /// `who` is in.
    pub(super) fn relay(&mut self, who: &ParticipantId, said: FromClient) -> Result<(), Refusal> {
        match said {
            FromClient::Signal { to, body } => {
                let target = self.participants.get(&to).filter(|one| one.is_in() && one.id != *who);
                let connection = target.and_then(|one| one.connection).ok_or(Refusal::Absent)?;
                self.send(connection, ToClient::Signal { from: who.clone(), body });
            }
            FromClient::Say { r#box } => self.say(who, r#box),
            FromClient::Roster { epoch, members, signature } => {
                if self.roster.as_ref().is_some_and(|(_, last)| epoch <= last.epoch) {
                    return Err(Refusal::Epoch);
                }
                let roster = Roster { epoch, members, signature };
                self.tell_others(who, &ToClient::Roster { from: who.clone(), roster: roster.clone() });
                self.roster = Some((who.clone(), roster));
            }
            FromClient::State { audio, video, screen, modality, reason } => {
                let state = MediaState { audio, video, screen, modality, reason };
                self.tell_others(who, &ToClient::State { from: who.clone(), state: state.clone() });
                if let Some(participant) = self.participants.get_mut(who) {
                    participant.state = Some(state);
                }
            }
            _ => return Err(Refusal::Malformed),
        }
        Ok(())
    }

    fn say(&mut self, who: &ParticipantId, sealed: String) {
        self.said += 1;
        let message = ToClient::Say { from: who.clone(), n: self.said, r#box: sealed.clone() };
        self.tell_others(who, &message);
        self.backlog_bytes += sealed.len();
        self.backlog.push_back((who.clone(), self.said, sealed));
        while self.backlog.len() > BACKLOG_MESSAGES_MAX || self.backlog_bytes > BACKLOG_BYTES_MAX {
            let Some((_, _, oldest)) = self.backlog.pop_front() else { break };
            self.backlog_bytes -= oldest.len();
        }
    }

    fn tell_others(&mut self, who: &ParticipantId, message: &ToClient) {
        for connection in self.inside(Some(who)) {
            self.send(connection, message.clone());
        }
    }

    fn inside(&self, except: Option<&ParticipantId>) -> Vec<ConnectionId> {
        let others = self.participants.values().filter(|one| one.is_in() && Some(&one.id) != except);
        others.filter_map(|one| one.connection).collect()
    }

    /// What somebody missed who just came in or came back: the signed roster, states, sealed chat.
    pub(super) fn catch_up(&mut self, id: &ParticipantId) {
        let Some(connection) = self.participants.get(id).filter(|one| one.is_in()).and_then(|one| one.connection)
        else {
            return;
        };
        let mut missed = Vec::new();
        if let Some((from, roster)) = &self.roster {
            missed.push(ToClient::Roster { from: from.clone(), roster: roster.clone() });
        }
        for other in self.participants.values().filter(|other| other.is_in() && other.id != *id) {
            if let Some(state) = &other.state {
                missed.push(ToClient::State { from: other.id.clone(), state: state.clone() });
            }
        }
        for (from, n, sealed) in &self.backlog {
            missed.push(ToClient::Say { from: from.clone(), n: *n, r#box: sealed.clone() });
        }
        for message in missed {
            self.send(connection, message);
        }
    }

    /// Members see members; hosts also see who waits.
    pub(super) fn tell_present(&mut self) {
        let list = |waiting: bool| -> Vec<Member> {
            let mut shown: Vec<_> =
                self.participants.values().filter(|one| one.is_in() || waiting && one.is_waiting()).collect();
            shown.sort_by_key(|one| one.joined);
            shown
                .into_iter()
                .map(|one| Member {
                    id: one.id.clone(),
                    role: one.invite.role,
                    label: one.invite.label.clone(),
                    keys: one.keys.clone(),
                    admitted: one.is_in(),
                    away: one.is_away,
                })
                .collect()
        };
        let (for_hosts, for_members) = (list(true), list(false));
        let epoch = self.roster.as_ref().map_or(0, |(_, roster)| roster.epoch);
        let targets: Vec<(ConnectionId, bool)> = self
            .participants
            .values()
            .filter(|one| one.is_in())
            .filter_map(|one| Some((one.connection?, one.is_host())))
            .collect();
        for (connection, host) in targets {
            let members = if host { for_hosts.clone() } else { for_members.clone() };
            self.send(connection, ToClient::Present { members, epoch, locked: self.locked });
        }
    }

    /// What stands is said again.
    pub fn remind(&mut self) -> Vec<Output> {
        self.tell_present();
        std::mem::take(&mut self.out)
    }

    pub(super) fn tell_waiting(&mut self) {
        let mut waiting: Vec<_> = self.participants.values().filter(|one| one.is_waiting()).collect();
        waiting.sort_by_key(|one| one.joined);
        let targets: Vec<(usize, ConnectionId)> =
            waiting.iter().enumerate().filter_map(|(place, one)| Some((place, one.connection?))).collect();
        for (place, connection) in targets {
            let place = u16::try_from(place + 1).unwrap_or(u16::MAX).saturating_add(self.ahead);
            self.send(connection, ToClient::Waiting { place, late_minutes: self.late_minutes });
        }
    }

    /// Fresh credentials at half of their life.
    pub(super) fn renew_ice(&mut self, now_ms: UnixMs, random: Random<'_>) {
        let half_ms = self.relays.lifetime_ms() / 2;
        let mut due = Vec::new();
        for participant in self.participants.values_mut() {
            if let Some(connection) = participant.connection
                && participant.is_in()
                && now_ms - participant.ice_ms >= half_ms
            {
                participant.ice_ms = now_ms;
                due.push(connection);
            }
        }
        for connection in due {
            let servers = self.relays.servers(now_ms, random);
            self.send(connection, ToClient::Ice { servers });
        }
    }
}
