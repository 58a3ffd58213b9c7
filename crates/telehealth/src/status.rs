//! What a visit is (for the record) and what a call is (for one participant): two machines, since a call may drop and
//! come back many times within one visit, and a visit may end without a call.

use serde::{Deserialize, Serialize};

use crate::TelehealthError;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VisitStatus {
    Scheduled,
    Arrived,
    /// Seen to by staff, waiting for the clinician.
    Waiting,
    InProgress,
    OnHold,
    Finished,
    Cancelled,
    NoShow,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VisitEvent {
    Arrive,
    Triage,
    Start,
    Hold,
    Resume,
    Finish,
    Cancel,
    MissedByPatient,
}

impl VisitStatus {
    pub const ALL: [Self; 8] = [
        Self::Scheduled,
        Self::Arrived,
        Self::Waiting,
        Self::InProgress,
        Self::OnHold,
        Self::Finished,
        Self::Cancelled,
        Self::NoShow,
    ];

    pub fn after(self, event: VisitEvent) -> Result<Self, TelehealthError> {
        use VisitEvent as E;
        use VisitStatus as S;
        match (self, event) {
            (S::Scheduled, E::Arrive) => Ok(S::Arrived),
            (S::Arrived, E::Triage) => Ok(S::Waiting),
            (S::Arrived | S::Waiting, E::Start) => Ok(S::InProgress),
            (S::InProgress, E::Hold) => Ok(S::OnHold),
            (S::OnHold, E::Resume) => Ok(S::InProgress),
            (S::InProgress | S::OnHold, E::Finish) => Ok(S::Finished),
            (S::Scheduled | S::Arrived | S::Waiting, E::Cancel) => Ok(S::Cancelled),
            // Who arrived and left before the start was there: that is a cancellation, not a no-show.
            (S::Scheduled, E::MissedByPatient) => Ok(S::NoShow),
            _ => Err(TelehealthError::Transition { status: self.word(), event: event.word() }),
        }
    }

    pub fn is_final(self) -> bool {
        matches!(self, Self::Finished | Self::Cancelled | Self::NoShow)
    }

    /// Appointment.status, R4 (http://hl7.org/fhir/appointmentstatus).
    pub fn appointment(self) -> &'static str {
        match self {
            Self::Scheduled => "booked",
            Self::Arrived => "arrived",
            Self::Waiting => "checked-in",
            // R4 has no code for "in progress": the appointment was kept, the encounter says the rest.
            Self::InProgress | Self::OnHold | Self::Finished => "fulfilled",
            Self::Cancelled => "cancelled",
            Self::NoShow => "noshow",
        }
    }

    /// Encounter.status, R4 (http://hl7.org/fhir/encounter-status).
    pub fn encounter(self) -> &'static str {
        match self {
            Self::Scheduled => "planned",
            Self::Arrived => "arrived",
            Self::Waiting => "triaged",
            Self::InProgress => "in-progress",
            Self::OnHold => "onleave",
            Self::Finished => "finished",
            Self::Cancelled | Self::NoShow => "cancelled",
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Arrived => "arrived",
            Self::Waiting => "waiting",
            Self::InProgress => "in-progress",
            Self::OnHold => "on-hold",
            Self::Finished => "finished",
            Self::Cancelled => "cancelled",
            Self::NoShow => "no-show",
        }
    }
}

impl VisitEvent {
    pub fn word(self) -> &'static str {
        match self {
            Self::Arrive => "arrive",
            Self::Triage => "triage",
            Self::Start => "start",
            Self::Hold => "hold",
            Self::Resume => "resume",
            Self::Finish => "finish",
            Self::Cancel => "cancel",
            Self::MissedByPatient => "missed-by-patient",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndReason {
    Left,
    Removed,
    EndedForAll,
    Expired,
    Failed,
    /// Who hosted it may not any more: signed out, told to leave, or their device lost.
    Revoked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state", content = "reason")]
pub enum CallState {
    Idle,
    Waiting,
    Admitted,
    Connecting,
    Connected,
    Reconnecting,
    Held,
    Ended(EndReason),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallEvent {
    Join,
    Admit,
    /// Back to the waiting room.
    Hold,
    Dial,
    MediaUp,
    MediaLost,
    End(EndReason),
}

impl CallState {
    pub fn after(self, event: CallEvent) -> Result<Self, TelehealthError> {
        use CallEvent as E;
        use CallState as S;
        match (self, event) {
            (S::Ended(_), _) => Err(TelehealthError::Transition { status: "ended", event: "any event" }),
            (_, E::End(reason)) => Ok(S::Ended(reason)),
            (S::Idle, E::Join) => Ok(S::Waiting),
            (S::Waiting | S::Held, E::Admit) => Ok(S::Admitted),
            (S::Admitted | S::Connecting | S::Connected | S::Reconnecting, E::Hold) => Ok(S::Held),
            (S::Admitted | S::Reconnecting, E::Dial) => Ok(S::Connecting),
            (S::Connecting | S::Reconnecting, E::MediaUp) => Ok(S::Connected),
            (S::Connecting | S::Connected, E::MediaLost) => Ok(S::Reconnecting),
            (state, _) => Err(TelehealthError::Transition { status: state.word(), event: "this event" }),
        }
    }

    /// Whether media and messages of the room may reach this participant.
    pub fn is_in(self) -> bool {
        matches!(self, Self::Admitted | Self::Connecting | Self::Connected | Self::Reconnecting)
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Waiting => "waiting",
            Self::Admitted => "admitted",
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Reconnecting => "reconnecting",
            Self::Held => "held",
            Self::Ended(_) => "ended",
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    fn visit_events() -> impl Strategy<Value = VisitEvent> {
        use VisitEvent as E;
        prop::sample::select(vec![
            E::Arrive,
            E::Triage,
            E::Start,
            E::Hold,
            E::Resume,
            E::Finish,
            E::Cancel,
            E::MissedByPatient,
        ])
    }

    fn call_events() -> impl Strategy<Value = CallEvent> {
        use CallEvent as E;
        prop::sample::select(vec![
            E::Join,
            E::Admit,
            E::Hold,
            E::Dial,
            E::MediaUp,
            E::MediaLost,
            E::End(EndReason::Left),
            E::End(EndReason::Removed),
        ])
    }

    #[test]
    fn a_visit_as_it_goes_maps_to_the_codes_of_r4() {
        use VisitEvent as E;
        let mut status = VisitStatus::Scheduled;
        let mut said = vec![(status.appointment(), status.encounter())];
        for event in [E::Arrive, E::Triage, E::Start, E::Hold, E::Resume, E::Finish] {
            status = status.after(event).unwrap();
            said.push((status.appointment(), status.encounter()));
        }
        let expected = [
            ("booked", "planned"),
            ("arrived", "arrived"),
            ("checked-in", "triaged"),
            ("fulfilled", "in-progress"),
            ("fulfilled", "onleave"),
            ("fulfilled", "in-progress"),
            ("fulfilled", "finished"),
        ];
        assert_eq!(said, expected);
    }

    #[test]
    fn every_status_has_codes_of_the_r4_value_sets() {
        let appointment = ["booked", "arrived", "checked-in", "fulfilled", "cancelled", "noshow"];
        let encounter = ["planned", "arrived", "triaged", "in-progress", "onleave", "finished", "cancelled"];
        for status in VisitStatus::ALL {
            assert!(appointment.contains(&status.appointment()), "{status:?}");
            assert!(encounter.contains(&status.encounter()), "{status:?}");
        }
    }

    proptest! {
        #[test]
        fn a_visit_never_starts_without_arrival_and_its_end_is_final(events in prop::collection::vec(visit_events(), 0..30)) {
            let mut status = VisitStatus::Scheduled;
            let mut arrived = false;
            for event in events {
                let Ok(next) = status.after(event) else { continue };
                prop_assert!(!status.is_final());
                arrived |= next == VisitStatus::Arrived;
                if matches!(next, VisitStatus::InProgress | VisitStatus::OnHold | VisitStatus::Finished) {
                    prop_assert!(arrived);
                }
                prop_assert!(next != VisitStatus::NoShow || !arrived);
                status = next;
            }
        }

        #[test]
        fn nobody_is_connected_who_was_not_admitted_since_they_last_waited(events in prop::collection::vec(call_events(), 0..40)) {
            let mut state = CallState::Idle;
            let mut admitted = false;
            for event in events {
                let before = state;
                let Ok(next) = state.after(event) else { continue };
                prop_assert!(!matches!(before, CallState::Ended(_)), "ended is final");
                match event {
                    CallEvent::Admit => admitted = true,
                    CallEvent::Hold => admitted = false,
                    _ => {}
                }
                if next.is_in() {
                    prop_assert!(admitted);
                }
                state = next;
            }
        }
    }
}
