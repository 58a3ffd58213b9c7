//! The passkeys for visits that are kept of a patient: seen, and removed by the patient themselves or by who gives patients their access.

use access::{Action as May, Caller};
use audit::Action;
use audit::event::Outcome;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use store::Shelf;

use crate::account::HeldPasskey;
use crate::event::Actor;
use crate::{Connection, Identity, IdentityError, Session, VisitPatient};

/// Of the words in which staff says why.
pub const REASON_CHARS_MIN: usize = 10;
pub const REASON_CHARS_MAX: usize = 500;

/// One that was made for visits by video: no way to sign in, and none of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisitPasskeyView {
    /// Names it to be removed; opens nothing.
    pub id: String,
    pub made_ms: i64,
    pub used_ms: Option<i64>,
}

impl Identity {
    /// Which there are. Who may see them the caller has found out.
    pub fn visit_passkeys(&self, patient: VisitPatient<'_>) -> Result<Vec<VisitPasskeyView>, IdentityError> {
        let view =
            |held: &HeldPasskey| VisitPasskeyView { id: id_of(held), made_ms: held.added_ms, used_ms: held.used_ms };
        Ok(self.kept_passkeys(patient)?.iter().map(view).collect())
    }

    /// One of the patient's own. A patient who is signed in, and not who stands for them; with a fresh verification, for who is without one
    /// is known by less.
    pub async fn remove_own_visit_passkey(
        &self,
        session: &Session,
        patient: VisitPatient<'_>,
        id: &str,
        from: &Connection<'_>,
    ) -> Result<(), IdentityError> {
        let caller = session.caller.as_ref().ok_or(IdentityError::Unknown("passkey"))?;
        let is_own = !patient.is_proxy && caller.own_chart().is_some_and(|own| own.0 == patient.chart);
        if !is_own {
            return Err(IdentityError::Unknown("passkey"));
        }
        if !caller.facts().mfa_fresh {
            return Err(IdentityError::StepUp);
        }
        self.remove_visit_passkey(patient, id, &Actor::caller(caller), from, "by the patient").await
    }

    /// For who activates patients, with a fresh verification and the reason in words, which is in the log.
    pub async fn take_visit_passkey(
        &self,
        by: &Caller,
        patient: VisitPatient<'_>,
        id: &str,
        reason: &str,
        from: &Connection<'_>,
    ) -> Result<(), IdentityError> {
        self.require(by, May::ActivatePatients, from, true).await?;
        let reason = reason.trim();
        let is_said = (REASON_CHARS_MIN..=REASON_CHARS_MAX).contains(&reason.chars().count());
        if !is_said || reason.chars().any(char::is_control) {
            return Err(IdentityError::Invalid("say in ten to 500 letters why it is removed"));
        }
        self.remove_visit_passkey(patient, id, &Actor::caller(by), from, reason).await
    }

    /// Whoever came was somebody else, says the clinician who sees them: what they made is nobody's.
    pub async fn void_visit_passkey(
        &self,
        by: &Caller,
        patient: VisitPatient<'_>,
        made_ms: i64,
        from: &Connection<'_>,
    ) -> Result<(), IdentityError> {
        let held = self.kept_passkeys(patient)?;
        let Some(made) = held.iter().find(|held| held.added_ms == made_ms) else { return Ok(()) };
        let (id, why) = (id_of(made), "made by somebody else");
        self.remove_visit_passkey(patient, &id, &Actor::caller(by), from, why).await
    }

    async fn remove_visit_passkey(
        &self,
        patient: VisitPatient<'_>,
        id: &str,
        actor: &Actor,
        from: &Connection<'_>,
        why: &str,
    ) -> Result<(), IdentityError> {
        let pen = self.pen().await;
        let mut held = self.kept_passkeys(patient)?;
        let before = held.len();
        held.retain(|one| id_of(one) != id);
        if held.len() == before {
            return Err(IdentityError::Unknown("passkey"));
        }
        let whose = if patient.is_proxy { "who stands for the patient of chart" } else { "the patient of chart" };
        let subject = format!("passkey for visits of {whose} {} removed: {why}", patient.chart);
        let event = self.evidence(Action::Visit, Outcome::Success, actor, from, &subject)?;
        let change = if held.is_empty() {
            store::desk::Change::Remove { shelf: Shelf::VisitPasskey, key: self.key_of(patient) }
        } else {
            crate::open::put(Shelf::VisitPasskey, self.key_of(patient), &held)?
        };
        self.commit(pen, vec![event], vec![change], |_| ()).await
    }
}

fn id_of(held: &HeldPasskey) -> String {
    URL_SAFE_NO_PAD.encode(held.passkey.cred_id())
}
