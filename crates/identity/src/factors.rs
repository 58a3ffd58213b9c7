//! What proves a person, and how each proof is used up: a step of TOTP once, a recovery code once, a counter only upwards.

use crypto::hash::equal;
use totp_rs::{Algorithm, Builder, Totp};
use webauthn_rs::prelude::AuthenticationResult;

use crate::IdentityError;
use crate::account::{HeldPasskey, HeldTotp, Proofs};

/// RFC 6238: six digits of SHA-1 each thirty seconds, what every authenticator app speaks; one step of skew each way.
pub(crate) const TOTP_SECRET_BYTES: usize = 20;
const DIGITS: u8 = 6;
const STEP_S: u64 = 30;
const SKEW_STEPS: u16 = 1;

/// A proof that was looked at and found good, not yet used up.
pub(crate) enum Proven {
    Totp { step: u64 },
    Recovery { hash: [u8; 16] },
    Passkey { result: AuthenticationResult },
}

/// What a session was opened with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Means {
    PasswordAndTotp,
    PasswordAndRecoveryCode,
    Passkey,
}

impl Means {
    pub fn word(self) -> &'static str {
        match self {
            Means::PasswordAndTotp => "password and totp",
            Means::PasswordAndRecoveryCode => "password and recovery code",
            Means::Passkey => "passkey",
        }
    }
}

impl Proven {
    pub fn means(&self) -> Means {
        match self {
            Proven::Totp { .. } => Means::PasswordAndTotp,
            Proven::Recovery { .. } => Means::PasswordAndRecoveryCode,
            Proven::Passkey { .. } => Means::Passkey,
        }
    }

    /// Uses the proof up. False if somebody else was quicker.
    pub fn spend(&self, proofs: &mut Proofs) -> bool {
        match self {
            Proven::Totp { step } => match &mut proofs.totp {
                Some(totp) if *step > totp.last_step => {
                    totp.last_step = *step;
                    true
                }
                _ => false,
            },
            Proven::Recovery { hash } => {
                let before = proofs.recovery.len();
                proofs.recovery.retain(|held| !equal(held, hash));
                proofs.recovery.len() < before
            }
            Proven::Passkey { .. } => self.spend_passkey(&mut proofs.passkeys),
        }
    }

    /// Of those, if it is one of them.
    pub fn spend_passkey(&self, passkeys: &mut [HeldPasskey]) -> bool {
        match self {
            Proven::Totp { .. } | Proven::Recovery { .. } => false,
            Proven::Passkey { result } => {
                let Some(held) = passkeys.iter_mut().find(|held| held.passkey.cred_id() == result.cred_id()) else {
                    return false;
                };
                // WebAuthn Level 3, 7.2 step 22: a counter that does not rise may be a copied authenticator.
                if (result.counter() > 0 || held.counter > 0) && result.counter() <= held.counter {
                    return false;
                }
                held.counter = result.counter();
                held.passkey.update_credential(result);
                result.user_verified()
            }
        }
    }
}

/// The step that the code is of, if it is one that was not used yet.
pub(crate) fn totp_step(held: &HeldTotp, code: &str, now_ms: i64) -> Result<Option<u64>, IdentityError> {
    let code: String = code.chars().filter(|c| !c.is_whitespace()).take(DIGITS as usize + 1).collect();
    let step = totp(&held.secret)?.check(&code, now_ms.max(0) as u64 / 1_000);
    Ok(step.filter(|step| *step > held.last_step))
}

pub(crate) fn totp(secret: &[u8]) -> Result<Totp, IdentityError> {
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(DIGITS)
        .with_skew(SKEW_STEPS)
        .with_step_duration(STEP_S)
        .with_secret(secret.to_vec())
        .build()
        .map_err(|_| IdentityError::Invalid("the TOTP secret is too short"))
}
