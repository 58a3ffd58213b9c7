//! A visit of high risk: whom it is about comes in only while a passkey vouches for the keys that they hold in this room.
//!
//! INVARIANT: in a room of high risk nobody for whom the visit is, is in without it: not by being admitted, not by having been in
//! before, and not by coming back with other keys.

use std::collections::BTreeMap;

use super::{Audit, Output, Room};
use crate::risk::{KeysDigest, digest_of};
use crate::signal::{ParticipantId, Role, ToClient, Vouch};
use crate::status::{CallEvent, VisitEvent};

/// What was proven in this room, each for the keys it was proven with.
#[derive(Default)]
pub(super) struct Proven {
    passkeys: BTreeMap<ParticipantId, KeysDigest>,
    /// Who told that the words are the same, of whom, with the keys that both held then.
    words: BTreeMap<(ParticipantId, ParticipantId), (KeysDigest, KeysDigest)>,
    /// What was told last.
    was_clear: bool,
}

impl Room {
    /// More or less is asked from now on. More: who does not meet it waits again.
    pub fn ask(&mut self, high_risk: bool) -> Vec<Output> {
        self.settings.high_risk = high_risk;
        self.part_unproven();
        self.tell_risk();
        self.tell_present();
        self.tell_waiting();
        std::mem::take(&mut self.out)
    }

    /// The keys of this person's place, if they have one.
    pub fn keys_of(&self, person: &str) -> Option<(ParticipantId, KeysDigest)> {
        let theirs = self.participants.values().find(|one| !one.is_over() && one.invite.person == person)?;
        Some((theirs.id.clone(), self.digest(&theirs.id)?))
    }

    /// A passkey signed these keys. Nothing if the person holds others by now.
    pub fn vouch(&mut self, id: &ParticipantId, keys: KeysDigest) -> Option<Vec<Output>> {
        if self.digest(id)? != keys {
            return None;
        }
        let role = self.participants.get(id)?.invite.role;
        self.proven.passkeys.insert(id.clone(), keys);
        self.audit(Some((id.clone(), role)), Audit::Vouched, None);
        self.tell_risk();
        Some(std::mem::take(&mut self.out))
    }

    /// The passkeys of all in this role vouch for nothing any more: who is in by one waits again. Nothing if none did.
    pub fn unvouch(&mut self, role: Role) -> Vec<Output> {
        let is_theirs = |id: &ParticipantId| self.participants.get(id).is_some_and(|one| one.invite.role == role);
        let theirs: Vec<ParticipantId> = self.proven.passkeys.keys().filter(|id| is_theirs(id)).cloned().collect();
        if theirs.is_empty() {
            return Vec::new();
        }
        for id in theirs {
            self.proven.passkeys.remove(&id);
            self.audit(Some((id, role)), Audit::Unvouched, None);
        }
        self.part_unproven();
        self.tell_risk();
        self.tell_present();
        self.tell_waiting();
        std::mem::take(&mut self.out)
    }

    /// Whether what is asked of this person is met.
    pub(super) fn may_come_in(&self, id: &ParticipantId) -> bool {
        let Some(participant) = self.participants.get(id) else { return false };
        let is_proven = || self.digest(id).is_some_and(|keys| self.proven.passkeys.get(id) == Some(&keys));
        !self.settings.high_risk || !participant.invite.role.is_visited() || is_proven()
    }

    /// `detail` of a report names the other.
    pub(super) fn same_words(&mut self, who: &ParticipantId, other: Option<&str>) {
        let other = self.participants.keys().find(|id| Some(id.as_str()) == other).cloned();
        let Some(other) = other.filter(|other| other != who) else { return };
        if let (Some(mine), Some(theirs)) = (self.digest(who), self.digest(&other)) {
            self.proven.words.insert((who.clone(), other), (mine, theirs));
            self.tell_risk();
        }
    }

    /// After anybody came or was let in.
    pub(super) fn tell_of_risk(&mut self) {
        if self.settings.high_risk {
            self.tell_risk();
        }
    }

    /// Who is in with other keys than those that were proven waits again. Whoever calls tells all who is there.
    pub(super) fn part_unproven(&mut self) {
        let unproven: Vec<ParticipantId> = self
            .participants
            .values()
            .filter(|one| one.is_in() && !self.may_come_in(&one.id))
            .map(|one| one.id.clone())
            .collect();
        for id in unproven {
            let role = self.participants.get(&id).map(|one| one.invite.role);
            if self.move_call(&id, CallEvent::Hold) {
                self.audit(role.map(|role| (id, role)), Audit::Held, None);
                if !self.participants.values().any(|one| one.is_in() && one.invite.role.is_visited()) {
                    self.visit(VisitEvent::Hold);
                }
            }
        }
    }

    /// Passkeys vouch for all for whom the visit is, and each of them and a host told that the words are the same.
    fn is_clear(&self) -> bool {
        let is_said = |a: &ParticipantId, b: &ParticipantId| {
            let keys = self.digest(a).zip(self.digest(b));
            keys.is_some() && self.proven.words.get(&(a.clone(), b.clone())).copied() == keys
        };
        let mut visited = self.participants.values().filter(|one| one.is_in() && one.invite.role.is_visited());
        let hosts = || self.participants.values().filter(|one| one.is_in() && one.is_host());
        !self.settings.high_risk
            || visited.all(|one| hosts().any(|host| is_said(&one.id, &host.id) && is_said(&host.id, &one.id)))
    }

    fn digest(&self, id: &ParticipantId) -> Option<KeysDigest> {
        digest_of(&self.settings.visit, id, &self.participants.get(id)?.keys)
    }

    /// Hosts learn for which keys a passkey vouches, and compare them with those they hold; others learn it of themselves.
    fn tell_risk(&mut self) {
        let (is_high, is_clear) = (self.settings.high_risk, self.is_clear());
        let has_visited = self.participants.values().any(|one| one.is_in() && one.invite.role.is_visited());
        if is_high && has_visited && is_clear != self.proven.was_clear {
            self.proven.was_clear = is_clear;
            self.audit(None, if is_clear { Audit::RiskCleared } else { Audit::RiskOpen }, None);
        }
        let vouched: Vec<Vouch> = self
            .participants
            .keys()
            .filter_map(|id| {
                let keys = self.digest(id).filter(|keys| self.proven.passkeys.get(id) == Some(keys))?;
                Some(Vouch { who: id.clone(), keys: keys.text() })
            })
            .collect();
        let targets: Vec<_> = self
            .participants
            .values()
            .filter(|one| !one.is_over())
            .filter_map(|one| Some((one.connection?, one.id.clone(), one.is_host())))
            .collect();
        for (connection, id, is_host) in targets {
            let shown = vouched.iter().filter(|vouch| is_host || vouch.who == id).cloned().collect();
            self.send(connection, ToClient::Risk { high: is_high, clear: is_clear, vouched: shown });
        }
    }
}
