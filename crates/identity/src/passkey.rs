//! Passkeys (WebAuthn Level 3): origin, relying party, user verification and counter are checked for each use.

use webauthn_rs::prelude::{AuthenticationResult, PublicKeyCredential, RequestChallengeResponse};
use zeroize::Zeroizing;

use crate::account::Account;
use crate::event::Actor;
use crate::factors::Proven;
use crate::networks::subscriber;
use crate::secret::fresh;
use crate::sign_in::{Ceremony, TICKET_MS, Ticket};
use crate::throttle::Tries;
use crate::{Connection, DeviceClaim, Identity, IdentityError, SignInRefusal, SignedIn};

/// Characters of what an authenticator answers.
pub(crate) const CREDENTIAL_BYTES_MAX: usize = 64 * 1024;

/// What the script gives to `navigator.credentials.get`.
pub struct PasskeyOptions {
    pub ticket: Zeroizing<String>,
    /// JSON: `{"publicKey": …}`, binary values as base64url.
    pub options: String,
}

impl Identity {
    /// Signing in with a passkey alone: the authenticator says whose it is, so nothing tells who has an account.
    pub fn begin_passkey(&self, from: &Connection<'_>) -> Result<PasskeyOptions, SignInRefusal> {
        let started = self.inner().webauthn.start_discoverable_authentication();
        let (mut challenge, ceremony) = started.map_err(|_| IdentityError::Invalid("no passkey ceremony"))?;
        // Asked for by a button, not offered while typing.
        challenge.mediation = None;
        let ticket = fresh(&self.settings().random)?;
        self.keep_ticket(
            &ticket,
            Ticket {
                user: None,
                expires_ms: self.now_ms() + TICKET_MS,
                bound: self.bound_to(from),
                key: None,
                // Counted by address alone, and only to keep the log short: a passkey that is right never waits.
                tries: Tries {
                    account: self
                        .hashes()
                        .label
                        .label(&[&b"passkey"[..], &subscriber(from.address).to_be_bytes()].concat()),
                    address: subscriber(from.address),
                    device: None,
                },
                attempts: 0,
                ceremony: Some(Ceremony::Discoverable(Box::new(ceremony))),
            },
        );
        Ok(PasskeyOptions { ticket, options: json(&challenge)? })
    }

    /// A passkey as the second step after a password.
    pub fn begin_second_passkey(&self, ticket: &str, from: &Connection<'_>) -> Result<String, SignInRefusal> {
        let held = self.ticket(ticket, from)?;
        let account = self.account(held.user.ok_or(SignInRefusal::Expired)?)?;
        let (options, ceremony) = self.ask_passkey(&account)?;
        self.change_ticket(ticket, |ticket| ticket.ceremony = Some(Ceremony::Named(Box::new(ceremony))));
        Ok(options)
    }

    /// Ends either. `credential` is the JSON of the answer; a challenge is good for one answer.
    pub async fn finish_passkey(
        &self,
        ticket: &str,
        credential: &str,
        claim: Option<&DeviceClaim>,
        device_label: &str,
        from: &Connection<'_>,
    ) -> Result<SignedIn, SignInRefusal> {
        let mut held = self.ticket(ticket, from)?;
        let ceremony = held.ceremony.take().ok_or(SignInRefusal::Expired)?;
        self.change_ticket(ticket, |ticket| ticket.ceremony = None);
        held.key = claim.and_then(|claim| self.claimed(claim)).or(held.key);
        let answer = parse(credential);
        let found = match (&answer, &ceremony) {
            (Some(answer), Ceremony::Named(_)) => held.user.map(|user| (answer, user)),
            (Some(answer), Ceremony::Discoverable(_)) => self.owner_of(answer).map(|user| (answer, user)),
            (None, _) => None,
        };
        let found = match found {
            Some((answer, user)) => Some((answer, self.account(user)?)),
            None => None,
        };
        let Some((answer, account)) = found else {
            self.drop_ticket(ticket);
            self.missed(&Actor::nobody(), from, "passkey", &held.tries).await?;
            return Err(SignInRefusal::DoesNotMatch);
        };
        let result = self.check_passkey(answer, ceremony, &account);
        self.second(
            ticket,
            held,
            account,
            result.map(|result| Proven::Passkey { result }),
            "passkey",
            device_label,
            from,
        )
        .await
    }

    pub(crate) fn ask_passkey(
        &self,
        account: &Account,
    ) -> Result<(String, webauthn_rs::prelude::PasskeyAuthentication), IdentityError> {
        let keys: Vec<_> = account.proofs.passkeys.iter().map(|held| held.passkey.clone()).collect();
        if keys.is_empty() {
            return Err(IdentityError::Unknown("passkey"));
        }
        let started = self.inner().webauthn.start_passkey_authentication(&keys);
        let (challenge, ceremony) = started.map_err(|_| IdentityError::Invalid("no passkey ceremony"))?;
        Ok((json(&challenge)?, ceremony))
    }

    /// The library checks signature, challenge, origin, relying party, user verification and counter.
    pub(crate) fn check_passkey(
        &self,
        answer: &PublicKeyCredential,
        ceremony: Ceremony,
        account: &Account,
    ) -> Option<AuthenticationResult> {
        let webauthn = &self.inner().webauthn;
        let result = match ceremony {
            Ceremony::Named(state) => webauthn.finish_passkey_authentication(answer, &state).ok()?,
            Ceremony::Discoverable(state) => {
                let (_, credential) = webauthn.identify_discoverable_authentication(answer).ok()?;
                let mut keys = account.proofs.passkeys.iter();
                let held = keys.find(|held| held.passkey.cred_id().as_slice() == credential)?;
                webauthn.finish_discoverable_authentication_v2(answer, *state, &held.passkey).ok()?
            }
        };
        result.user_verified().then_some(result)
    }

    fn owner_of(&self, answer: &PublicKeyCredential) -> Option<u64> {
        let (handle, _) = self.inner().webauthn.identify_discoverable_authentication(answer).ok()?;
        self.state().handles.get(handle.as_bytes()).copied()
    }
}

pub(crate) fn parse(credential: &str) -> Option<PublicKeyCredential> {
    if credential.len() > CREDENTIAL_BYTES_MAX {
        return None;
    }
    serde_json::from_str(credential).ok()
}

fn json(challenge: &RequestChallengeResponse) -> Result<String, IdentityError> {
    serde_json::to_string(challenge).map_err(|_| IdentityError::Stored)
}
