//! Passkeys of patients in visits of high risk: that of their account, or one enrolled with a link after the check of who they are.
//! The challenge is the caller's: a hash of the keys of the call, so that the signature is of them and of nothing else.

use std::collections::HashMap;

use audit::Action;
use audit::event::Outcome;
use store::Shelf;
use store::desk::EntryKey;
use webauthn_rs::prelude::{Passkey, PasskeyAuthentication, PasskeyRegistration, RequestChallengeResponse, Uuid};

use crate::account::{Account, HeldPasskey};
use crate::event::Actor;
use crate::factors::Proven;
use crate::passkey::parse;
use crate::sign_in::TICKET_MS;
use crate::{Connection, EnrolRefusal, Identity, IdentityError, SignInRefusal, lock};

/// Ceremonies at once, of all visits.
const BEGUN_MAX: usize = 10_000;
pub const NONCE_BYTES: usize = 32;

/// For whom a visit is.
#[derive(Clone, Copy)]
pub struct VisitPatient<'a> {
    /// Of the record.
    pub id: &'a str,
    pub chart: u64,
    /// Who comes stands for them, and has a passkey of their own.
    pub is_proxy: bool,
}

/// A passkey signed what it was asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VisitProof {
    /// Since when it is known to be theirs.
    pub known_ms: i64,
    pub of_account: bool,
}

/// What was begun and waits for its answer, by person of a visit.
#[derive(Default)]
pub(crate) struct VisitPasskeys {
    registrations: HashMap<String, (i64, PasskeyRegistration)>,
    proofs: HashMap<String, Begun>,
}

struct Begun {
    until_ms: i64,
    nonce: [u8; NONCE_BYTES],
    challenge: [u8; 32],
    ceremony: PasskeyAuthentication,
}

impl Identity {
    /// Whether there is a passkey to ask for.
    pub fn has_visit_passkey(&self, patient: VisitPatient<'_>) -> Result<bool, IdentityError> {
        Ok(self.account_of_patient(patient).is_some_and(|held| !held.proofs.passkeys.is_empty())
            || !self.kept_passkeys(patient)?.is_empty())
    }

    /// The options for `navigator.credentials.create`. `person` is whoever came by a link and was checked.
    pub fn begin_visit_enrolment(&self, patient: VisitPatient<'_>, person: &str) -> Result<String, IdentityError> {
        if self.has_visit_passkey(patient)? {
            return Err(IdentityError::Invalid("this patient has a passkey: it is the one to use"));
        }
        let handle = Uuid::from_bytes(self.hashes().handle.label(&key_text(patient)));
        let words = "Video visits";
        let started = self.inner().webauthn.start_passkey_registration(handle, words, words, None);
        let (challenge, registration) = started.map_err(|_| IdentityError::Invalid("no passkey ceremony"))?;
        let mut options = serde_json::to_value(&challenge).map_err(|_| IdentityError::Stored)?;
        // It is asked for by name, and is no way to sign in.
        options["publicKey"]["authenticatorSelection"]["residentKey"] = "discouraged".into();
        let until_ms = self.now_ms() + TICKET_MS;
        let mut begun = lock(&self.inner().visit_passkeys);
        begun.make_room(self.now_ms())?;
        begun.registrations.insert(person.to_owned(), (until_ms, registration));
        Ok(options.to_string())
    }

    /// When it was made. Nothing is proven by it.
    pub async fn finish_visit_enrolment(
        &self,
        patient: VisitPatient<'_>,
        person: &str,
        credential: &str,
        from: &Connection<'_>,
    ) -> Result<i64, EnrolRefusal> {
        let begun = lock(&self.inner().visit_passkeys).registrations.remove(person);
        let begun = begun.filter(|(until_ms, _)| self.now_ms() < *until_ms).map(|(_, begun)| begun);
        let made = self.check_registration(begun.as_ref(), credential, "visits")?;
        let pen = self.pen().await;
        // Who has one proves with it: a second one, begun elsewhere before, does not come in beside it.
        if self.has_visit_passkey(patient)? {
            return Err(EnrolRefusal::WrongPasskey);
        }
        let made_ms = made.added_ms;
        let held = [made];
        let event =
            self.evidence(Action::Visit, Outcome::Success, &Actor::nobody(), from, "passkey for visits enrolled")?;
        let put = crate::open::put(Shelf::VisitPasskey, self.key_of(patient), &held)?;
        self.commit(pen, vec![event], vec![put], |_| ()).await?;
        Ok(made_ms)
    }

    /// The options for `navigator.credentials.get`, and the number, used once, of which `challenge` makes it: whoever is asked to sign
    /// can see over what.
    pub fn begin_visit_proof(
        &self,
        patient: VisitPatient<'_>,
        person: &str,
        challenge: impl Fn(&[u8; NONCE_BYTES]) -> [u8; 32],
    ) -> Result<(String, [u8; NONCE_BYTES]), IdentityError> {
        let account = self.account_of_patient(patient);
        let of_account = account.iter().flat_map(|held| held.proofs.passkeys.iter().map(|held| held.passkey.clone()));
        let keys: Vec<Passkey> =
            of_account.chain(self.kept_passkeys(patient)?.into_iter().map(|held| held.passkey)).collect();
        if keys.is_empty() {
            return Err(IdentityError::Unknown("passkey"));
        }
        let mut nonce = [0; NONCE_BYTES];
        (self.settings().random)(&mut nonce)?;
        let challenge = challenge(&nonce);
        let started = self.inner().webauthn.start_passkey_authentication(&keys);
        let (options, ceremony) = started.map_err(|_| IdentityError::Invalid("no passkey ceremony"))?;
        let (options, ceremony) = over(options, &ceremony, challenge)?;
        let until_ms = self.now_ms() + TICKET_MS;
        let mut begun = lock(&self.inner().visit_passkeys);
        begun.make_room(self.now_ms())?;
        begun.proofs.insert(person.to_owned(), Begun { until_ms, nonce, challenge, ceremony });
        Ok((options, nonce))
    }

    /// `challenge` as the keys are now: if they are others than those that were asked about, nothing is proven. Good once.
    pub async fn finish_visit_proof(
        &self,
        patient: VisitPatient<'_>,
        person: &str,
        credential: &str,
        challenge: impl Fn(&[u8; NONCE_BYTES]) -> [u8; 32],
        from: &Connection<'_>,
    ) -> Result<VisitProof, SignInRefusal> {
        let begun = lock(&self.inner().visit_passkeys).proofs.remove(person).ok_or(SignInRefusal::Expired)?;
        if self.now_ms() >= begun.until_ms {
            return Err(SignInRefusal::Expired);
        }
        let is_of_now = challenge(&begun.nonce) == begun.challenge;
        let Some(answer) = parse(credential).filter(|_| is_of_now) else { return Err(SignInRefusal::DoesNotMatch) };
        let pen = self.pen().await;
        let result = self.inner().webauthn.finish_passkey_authentication(&answer, &begun.ceremony);
        let result = result.map_err(|_| SignInRefusal::DoesNotMatch)?;
        let proven = Proven::Passkey { result };
        let event =
            self.evidence(Action::Visit, Outcome::Success, &Actor::nobody(), from, "passkey for a visit used")?;
        // Spending it looks at its counter, as signing in does.
        if let Some(account) = self.account_of_patient(patient) {
            let mut next = Account::clone(&account);
            if let Some(known_ms) = spent(&proven, &mut next.proofs.passkeys) {
                let put = self.put_account(&next)?;
                self.commit_account(pen, vec![event], vec![put], next).await?;
                return Ok(VisitProof { known_ms, of_account: true });
            }
        }
        let mut held = self.kept_passkeys(patient)?;
        let known_ms = spent(&proven, &mut held).ok_or(SignInRefusal::DoesNotMatch)?;
        used(&proven, &mut held, self.now_ms());
        let put = crate::open::put(Shelf::VisitPasskey, self.key_of(patient), &held)?;
        self.commit(pen, vec![event], vec![put], |_| ()).await?;
        Ok(VisitProof { known_ms, of_account: false })
    }

    fn account_of_patient(&self, patient: VisitPatient<'_>) -> Option<std::sync::Arc<Account>> {
        let profile = self.account_of_chart(patient.chart).filter(|_| !patient.is_proxy)?;
        let is_active = profile.state == crate::AccountState::Active;
        self.account(profile.user).ok().filter(|_| is_active)
    }

    pub(crate) fn kept_passkeys(&self, patient: VisitPatient<'_>) -> Result<Vec<HeldPasskey>, IdentityError> {
        match self.desk().get(Shelf::VisitPasskey, &self.key_of(patient))? {
            Some(plain) => serde_json::from_slice(&plain).map_err(|_| IdentityError::Stored),
            None => Ok(Vec::new()),
        }
    }

    pub(crate) fn key_of(&self, patient: VisitPatient<'_>) -> EntryKey {
        self.hashes().label.label(&key_text(patient))
    }
}

fn key_text(patient: VisitPatient<'_>) -> Vec<u8> {
    let kind: &[u8] = if patient.is_proxy { b"visit-proxy/" } else { b"visit-patient/" };
    [kind, patient.id.as_bytes()].concat()
}

/// Since when the passkey that was used is known. None: none of these, or its counter does not rise.
fn spent(proven: &Proven, passkeys: &mut [HeldPasskey]) -> Option<i64> {
    let Proven::Passkey { result } = proven else { return None };
    let known_ms = passkeys.iter().find(|held| held.passkey.cred_id() == result.cred_id())?.added_ms;
    proven.spend_passkey(passkeys).then_some(known_ms)
}

fn used(proven: &Proven, passkeys: &mut [HeldPasskey], now_ms: i64) {
    let Proven::Passkey { result } = proven else { return };
    for held in passkeys.iter_mut().filter(|held| held.passkey.cred_id() == result.cred_id()) {
        held.used_ms = Some(now_ms);
    }
}

/// The same ceremony over a challenge of ours: the library draws one and lets nobody else. Its state stays in this process.
fn over(
    mut options: RequestChallengeResponse,
    ceremony: &PasskeyAuthentication,
    challenge: [u8; 32],
) -> Result<(String, PasskeyAuthentication), IdentityError> {
    options.public_key.challenge = challenge.to_vec();
    let told = serde_json::to_value(&options).map_err(|_| IdentityError::Stored)?;
    let mut state = serde_json::to_value(ceremony).map_err(|_| IdentityError::Stored)?;
    let held = state.pointer_mut("/ast/challenge").ok_or(IdentityError::Stored)?;
    *held = told["publicKey"]["challenge"].clone();
    let ceremony = serde_json::from_value(state).map_err(|_| IdentityError::Stored)?;
    Ok((told.to_string(), ceremony))
}

impl VisitPasskeys {
    fn make_room(&mut self, now_ms: i64) -> Result<(), IdentityError> {
        self.registrations.retain(|_, (until_ms, _)| now_ms < *until_ms);
        self.proofs.retain(|_, begun| now_ms < begun.until_ms);
        let is_full = self.registrations.len() + self.proofs.len() >= BEGUN_MAX;
        if is_full { Err(IdentityError::Busy) } else { Ok(()) }
    }
}
