//! Enrolment: from a code that was handed over to an account that opens. Before password and second factor, or a passkey, and
//! recovery codes are there, nothing does.

use std::collections::HashMap;

use audit::Action;
use audit::event::Outcome;
use totp_rs::Secret;
use webauthn_rs::prelude::{PasskeyRegistration, RegisterPublicKeyCredential, Uuid};
use zeroize::Zeroizing;

use crate::account::{Account, AccountState, HeldPasskey, HeldTotp, PASSKEYS_MAX, Proofs};
use crate::event::Actor;
use crate::factors::{Means, TOTP_SECRET_BYTES, totp};
use crate::guidance::{Acknowledged, Audience};
use crate::passkey::CREDENTIAL_BYTES_MAX;
use crate::password::{check, normalized};
use crate::secret::{code, fresh, presented, typed};
use crate::state::Bound;
use crate::{Connection, DeviceClaim, Identity, IdentityError, PasswordRefusal, SignInRefusal, SignedIn, lock};

/// Time to enrol, once begun.
pub const ENROLMENT_MS: i64 = 60 * 60_000;
pub const RECOVERY_CODES: usize = 10;
/// 75 bits a code.
const RECOVERY_CODE_GROUPS: usize = 3;
const ENROLMENTS_MAX: usize = 1_024;
const LABEL_CHARS_MAX: usize = 80;

/// What the pages of enrolment show.
#[derive(Clone)]
pub struct Enrolment {
    /// The value of the enrolment's own cookie.
    pub ticket: Zeroizing<String>,
    pub login: String,
    pub display_name: String,
    pub is_recovery: bool,
    pub has_password: bool,
    pub has_totp: bool,
    pub passkeys: usize,
    pub has_recovery_codes: bool,
    /// Of the security guidance, for the roles that the account has.
    pub audiences: Vec<Audience>,
    /// Everything is there: `finish_enrolment` will do.
    pub is_complete: bool,
}

/// For an authenticator app.
pub struct TotpSetup {
    pub secret_base32: Zeroizing<String>,
    /// `otpauth://totp/…`, for a QR code.
    pub uri: Zeroizing<String>,
}

#[derive(Default)]
pub(crate) struct Enrolments(HashMap<[u8; 32], Draft>);

/// Only in memory: who does not finish begins again with the same code.
struct Draft {
    invitation: [u8; 32],
    user: u64,
    expires_ms: i64,
    bound: Bound,
    proofs: Proofs,
    /// Shown and not confirmed by a code yet.
    pending_totp: Option<Zeroizing<Vec<u8>>>,
    registration: Option<PasskeyRegistration>,
    has_read_guidance: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum EnrolRefusal {
    #[error(transparent)]
    Password(#[from] PasswordRefusal),
    #[error("this does not match")]
    WrongPassword,
    #[error("the code of the authenticator app does not match")]
    WrongTotp,
    #[error("the passkey could not be registered")]
    WrongPasskey,
    #[error("a second factor, or recovery codes, are missing")]
    Incomplete,
    #[error("this device may not be used any more")]
    DeviceRefused,
    #[error(transparent)]
    Unavailable(#[from] IdentityError),
}

impl Identity {
    /// Opens an enrolment with a code, on this client. Whoever opened it before with the same code has to begin again.
    pub fn open_enrolment(&self, code: &str, from: &Connection<'_>) -> Result<Enrolment, IdentityError> {
        let hash = presented(&self.hashes().invitation, &typed(code)).ok_or(IdentityError::NoSuchCode)?;
        let now_ms = self.now_ms();
        let Some(invitation) = self.state().invitations.get(&hash).cloned() else {
            // 150 bits are not guessed; who tries is counted.
            (self.settings().noise)(from.address);
            return Err(IdentityError::NoSuchCode);
        };
        if now_ms >= invitation.expires_ms {
            return Err(IdentityError::NoSuchCode);
        }
        self.account(invitation.user)?;
        let ticket = fresh(&self.settings().random)?;
        let draft = Draft {
            invitation: hash,
            user: invitation.user,
            expires_ms: (now_ms + ENROLMENT_MS).min(invitation.expires_ms),
            bound: self.bound_to(from),
            proofs: Proofs::default(),
            pending_totp: None,
            registration: None,
            has_read_guidance: false,
        };
        {
            let mut enrolments = lock(&self.inner().enrolments);
            enrolments.0.retain(|_, held| held.invitation != hash && now_ms < held.expires_ms);
            if enrolments.0.len() >= ENROLMENTS_MAX {
                return Err(IdentityError::Busy);
            }
            enrolments.0.insert(self.hashes().ticket.compute(ticket.as_bytes()), draft);
        }
        self.enrolment(&ticket, from)
    }

    /// How far an enrolment is.
    pub fn enrolment(&self, ticket: &str, from: &Connection<'_>) -> Result<Enrolment, IdentityError> {
        let (user, invitation, has_password, has_totp, passkeys, has_recovery_codes, is_complete) =
            self.draft(ticket, from, |draft| {
                let proofs = &draft.proofs;
                (
                    draft.user,
                    draft.invitation,
                    proofs.password.is_some(),
                    proofs.totp.is_some(),
                    proofs.passkeys.len(),
                    !proofs.recovery.is_empty(),
                    proofs.are_complete(),
                )
            })?;
        let account = self.account(user)?;
        let is_recovery = self.state().invitations.get(&invitation).is_some_and(|held| held.is_recovery);
        Ok(Enrolment {
            ticket: Zeroizing::new(ticket.to_owned()),
            login: account.profile.login.clone(),
            display_name: account.profile.display_name.clone(),
            is_recovery,
            has_password,
            has_totp,
            passkeys,
            has_recovery_codes,
            audiences: self.guidance(account.profile.id())?.audiences,
            is_complete,
        })
    }

    pub async fn enrol_password(
        &self,
        ticket: &str,
        password: &str,
        from: &Connection<'_>,
    ) -> Result<(), EnrolRefusal> {
        let user = self.draft(ticket, from, |draft| draft.user)?;
        let profile = self.account(user)?.profile.clone();
        check(password, &[&profile.login, &profile.display_name, &self.settings().organization])?;
        let hash = self.inner().pool.hash(normalized(password)).await.map_err(busy)?;
        Ok(self.draft(ticket, from, |draft| draft.proofs.password = Some(hash.to_vec()))?)
    }

    /// A fresh secret for an authenticator app. Counts once a code of it was typed.
    pub fn enrol_totp(&self, ticket: &str, from: &Connection<'_>) -> Result<TotpSetup, EnrolRefusal> {
        let user = self.draft(ticket, from, |draft| draft.user)?;
        let mut secret = Zeroizing::new(vec![0; TOTP_SECRET_BYTES]);
        (self.settings().random)(&mut secret).map_err(IdentityError::from)?;
        let setup = self.totp_setup(&self.account(user)?.profile.login, &secret);
        self.draft(ticket, from, |draft| draft.pending_totp = Some(secret))?;
        Ok(setup)
    }

    pub fn confirm_totp(&self, ticket: &str, code: &str, from: &Connection<'_>) -> Result<(), EnrolRefusal> {
        let now_s = self.now_ms().max(0) as u64 / 1_000;
        let code: String = code.chars().filter(|c| !c.is_whitespace()).take(8).collect();
        self.draft(ticket, from, |draft| {
            let secret = draft.pending_totp.as_ref().ok_or(EnrolRefusal::WrongTotp)?;
            let step = totp(secret)?.check(&code, now_s).ok_or(EnrolRefusal::WrongTotp)?;
            draft.proofs.totp = Some(HeldTotp { secret: secret.to_vec(), last_step: step });
            draft.pending_totp = None;
            Ok(())
        })?
    }

    /// The options for `navigator.credentials.create`.
    pub fn enrol_passkey(&self, ticket: &str, from: &Connection<'_>) -> Result<String, EnrolRefusal> {
        let (user, held) = self.draft(ticket, from, |draft| {
            let held = draft.proofs.passkeys.iter().map(|held| held.passkey.cred_id().clone()).collect();
            (draft.user, held)
        })?;
        let (options, registration) = self.ask_registration(user, held)?;
        self.draft(ticket, from, |draft| draft.registration = Some(registration))?;
        Ok(options)
    }

    pub fn confirm_passkey(
        &self,
        ticket: &str,
        credential: &str,
        label: &str,
        from: &Connection<'_>,
    ) -> Result<(), EnrolRefusal> {
        let registration = self.draft(ticket, from, |draft| draft.registration.take())?;
        let passkey = self.check_registration(registration.as_ref(), credential, label)?;
        self.draft(ticket, from, |draft| {
            if draft.proofs.passkeys.len() >= PASSKEYS_MAX {
                return Err(EnrolRefusal::WrongPasskey);
            }
            draft.proofs.passkeys.push(passkey);
            Ok(())
        })?
    }

    /// Ten codes for the day when the other factors are gone. Shown now and never again; asking again makes new ones.
    pub fn enrol_recovery_codes(
        &self,
        ticket: &str,
        from: &Connection<'_>,
    ) -> Result<Vec<Zeroizing<String>>, EnrolRefusal> {
        let user = self.draft(ticket, from, |draft| draft.user)?;
        let (codes, hashes) = self.recovery_codes(user)?;
        self.draft(ticket, from, |draft| draft.proofs.recovery = hashes)?;
        Ok(codes)
    }

    /// The person says that they read the guidance. Who does not is asked at the first page.
    pub fn enrol_guidance(&self, ticket: &str, from: &Connection<'_>) -> Result<(), EnrolRefusal> {
        Ok(self.draft(ticket, from, |draft| draft.has_read_guidance = true)?)
    }

    /// The account opens, and its person is signed in on this device.
    pub async fn finish_enrolment(
        &self,
        ticket: &str,
        claim: Option<&DeviceClaim>,
        device_label: &str,
        from: &Connection<'_>,
    ) -> Result<SignedIn, EnrolRefusal> {
        let key = claim.and_then(|claim| self.claimed(claim));
        if key.as_ref().is_some_and(|key| self.is_closed(key)) {
            return Err(EnrolRefusal::DeviceRefused);
        }
        let pen = self.pen().await;
        let (user, hash, proofs, has_read_guidance) = self.draft(ticket, from, |draft| {
            (draft.user, draft.invitation, draft.proofs.clone(), draft.has_read_guidance)
        })?;
        if !proofs.are_complete() {
            return Err(EnrolRefusal::Incomplete);
        }
        let invitation = self.state().invitations.get(&hash).cloned().ok_or(IdentityError::NoSuchCode)?;
        let now_ms = self.now_ms();
        if now_ms >= invitation.expires_ms {
            return Err(IdentityError::NoSuchCode.into());
        }
        let mut account = Account::clone(&*self.account(user)?);
        let by_passkey = proofs.password.is_none() || proofs.totp.is_none();
        account.proofs = proofs;
        account.profile.state = AccountState::Active;
        account.profile.checked = invitation.check.or(account.profile.checked);
        if has_read_guidance {
            account.guidance = Some(Acknowledged::of(&account, now_ms));
        }
        let what = if invitation.is_recovery { "recovered" } else { "activated" };
        let actor = Actor::person(&account.profile, now_ms);
        let event =
            self.evidence(Action::AccountChange, Outcome::Success, &actor, from, &format!("user {user}: {what}"))?;
        let changes = vec![self.put_account(&account)?, self.remove_invitation(&hash)];
        let identity = self.clone();
        let opened = account.clone();
        self.commit(pen, vec![event], changes, move |state| {
            state.put_account(opened, identity.hashes());
            state.invitations.remove(&hash);
        })
        .await?;
        if let Some(hash) = presented(&self.hashes().ticket, ticket) {
            lock(&self.inner().enrolments).0.remove(&hash);
        }
        let pen = self.pen().await;
        let account = Account::clone(&*self.account(user)?);
        // Whoever enrols has just proven everything there is.
        let how = if by_passkey { Means::Passkey } else { Means::PasswordAndTotp };
        Ok(self.open_session(pen, account, how, key, device_label, from).await?)
    }

    pub(crate) fn totp_setup(&self, login: &str, secret: &[u8]) -> TotpSetup {
        let secret_base32 = Zeroizing::new(Secret::from(secret.to_vec()).to_base32());
        let organization = escaped(&self.settings().organization);
        let uri = format!(
            "otpauth://totp/{organization}:{}?secret={}&issuer={organization}",
            escaped(login),
            secret_base32.as_str()
        );
        TotpSetup { secret_base32, uri: Zeroizing::new(uri) }
    }

    pub(crate) fn ask_registration(
        &self,
        user: u64,
        held: Vec<webauthn_rs::prelude::CredentialID>,
    ) -> Result<(String, PasskeyRegistration), IdentityError> {
        let account = self.account(user)?;
        let handle = Uuid::from_bytes(self.hashes().handle.label(&user.to_be_bytes()));
        let (login, name) = (&account.profile.login, &account.profile.display_name);
        let started = self.inner().webauthn.start_passkey_registration(handle, login, name, Some(held));
        let (challenge, registration) = started.map_err(|_| IdentityError::Invalid("no passkey ceremony"))?;
        let mut options = serde_json::to_value(&challenge).map_err(|_| IdentityError::Stored)?;
        // So that it can be found without typing a login, where the authenticator has room.
        options["publicKey"]["authenticatorSelection"]["residentKey"] = "preferred".into();
        Ok((options.to_string(), registration))
    }

    pub(crate) fn check_registration(
        &self,
        registration: Option<&PasskeyRegistration>,
        credential: &str,
        label: &str,
    ) -> Result<HeldPasskey, EnrolRefusal> {
        let registration = registration.ok_or(EnrolRefusal::WrongPasskey)?;
        if credential.len() > CREDENTIAL_BYTES_MAX {
            return Err(EnrolRefusal::WrongPasskey);
        }
        let answer: RegisterPublicKeyCredential =
            serde_json::from_str(credential).map_err(|_| EnrolRefusal::WrongPasskey)?;
        let finished = self.inner().webauthn.finish_passkey_registration(&answer, registration);
        let passkey = finished.map_err(|_| EnrolRefusal::WrongPasskey)?;
        let label = label.chars().filter(|c| !c.is_control()).take(LABEL_CHARS_MAX).collect();
        Ok(HeldPasskey { label, added_ms: self.now_ms(), counter: 0, used_ms: None, passkey })
    }

    #[expect(clippy::type_complexity, reason = "what is shown and what is kept")]
    pub(crate) fn recovery_codes(&self, user: u64) -> Result<(Vec<Zeroizing<String>>, Vec<[u8; 16]>), IdentityError> {
        let mut codes = Vec::with_capacity(RECOVERY_CODES);
        for _ in 0..RECOVERY_CODES {
            codes.push(code(&self.settings().random, RECOVERY_CODE_GROUPS)?);
        }
        let hashes = codes.iter().map(|code| self.hashes().recovery_code(user, code)).collect();
        Ok((codes, hashes))
    }

    /// Works on the draft behind a ticket, on the client that opened it.
    fn draft<T>(
        &self,
        ticket: &str,
        from: &Connection<'_>,
        work: impl FnOnce(&mut Draft) -> T,
    ) -> Result<T, IdentityError> {
        let hash = presented(&self.hashes().ticket, ticket).ok_or(IdentityError::NoSuchCode)?;
        let (now_ms, bound) = (self.now_ms(), self.bound_to(from));
        let mut enrolments = lock(&self.inner().enrolments);
        let draft = enrolments.0.get_mut(&hash).ok_or(IdentityError::NoSuchCode)?;
        if now_ms >= draft.expires_ms || draft.bound != bound {
            return Err(IdentityError::NoSuchCode);
        }
        Ok(work(draft))
    }
}

impl Enrolments {
    pub(crate) fn sweep(&mut self, now_ms: i64) {
        self.0.retain(|_, draft| now_ms < draft.expires_ms);
    }
}

impl Proofs {
    fn are_complete(&self) -> bool {
        self.are_enough() && !self.recovery.is_empty()
    }
}

pub(crate) fn busy(refusal: SignInRefusal) -> IdentityError {
    match refusal {
        SignInRefusal::Busy => IdentityError::Busy,
        SignInRefusal::Unavailable(error) => error,
        _ => IdentityError::Ended,
    }
}

/// Percent-encoded for a URI (RFC 3986, 2.3).
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
