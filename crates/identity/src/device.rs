//! Devices: a key that a browser made and never shows, as one account uses it.

use std::sync::Arc;

use access::{Action, Caller, UserId};
use audit::event::Outcome;
use crypto::DeviceKey;
use serde::Deserialize;

use crate::event::Actor;
use crate::secret::{base64, from_base64, number};
use crate::session::Ending;
use crate::state::{Device, DeviceState};
use crate::{Connection, Identity, IdentityError, Session};

/// Devices of one account; the one that was used longest ago makes room if nobody vouched for it.
pub const DEVICES_MAX: usize = 64;
/// A page of sign-in may lie open this long before its script has to ask for another challenge.
const CLAIM_MS: i64 = 10 * 60_000;
const LABEL_CHARS_MAX: usize = 80;

/// What the script of a page of sign-in sends: the public key of this browser, and its signature over `door_challenge`.
#[derive(Clone, Deserialize)]
pub struct DeviceClaim {
    /// SubjectPublicKeyInfo, base64url, or a JWK.
    pub public_key: String,
    pub challenge: String,
    /// `r ‖ s`, base64url.
    pub signature: String,
}

#[derive(Clone, Debug)]
pub struct DeviceView {
    pub number: u64,
    pub user: UserId,
    pub label: String,
    pub state: DeviceState,
    pub since_ms: i64,
    pub last_ms: i64,
    pub verified_by: Option<String>,
}

impl Identity {
    /// What the device key signs before there is a session.
    pub fn door_challenge(&self) -> String {
        self.door_challenge_of(self.now_ms())
    }

    /// Newest use first.
    pub fn devices_of(&self, user: UserId) -> Vec<DeviceView> {
        let mut views: Vec<DeviceView> = self.state().devices_of(user.0).map(|device| device.view()).collect();
        views.sort_by_key(|view| std::cmp::Reverse((view.last_ms, view.number)));
        views
    }

    /// An administrator vouches for a device.
    pub async fn verify_device(&self, by: &Caller, device: u64, from: &Connection<'_>) -> Result<(), IdentityError> {
        self.require(by, Action::ManageDevices, from, false).await?;
        let pen = self.pen().await;
        let held = self.device(device)?;
        if held.user == by.user().0 {
            return Err(IdentityError::NotByOneself);
        }
        if held.state != DeviceState::New {
            return Err(IdentityError::Invalid("only a new device can be verified"));
        }
        let verified_by = Some(by.login().to_owned());
        let next = Device { state: DeviceState::Verified, verified_by, ..Device::clone(&held) };
        let subject = format!("device {device} of user {}: new -> verified", held.user);
        let event = self.evidence(audit::Action::DeviceChange, Outcome::Success, &Actor::caller(by), from, &subject)?;
        let change = self.put_device(&next)?;
        self.commit(pen, vec![event], vec![change], move |state| state.put_device(next)).await
    }

    /// A device is gone: its sessions end, whoever's they are, and its key opens nothing any more.
    pub async fn lose_device(&self, by: &Caller, device: u64, from: &Connection<'_>) -> Result<(), IdentityError> {
        self.close_device_as(by, device, DeviceState::Lost, from).await
    }

    /// A device is used no more.
    pub async fn retire_device(&self, by: &Caller, device: u64, from: &Connection<'_>) -> Result<(), IdentityError> {
        self.close_device_as(by, device, DeviceState::Retired, from).await
    }

    /// One's own device is gone or used no more.
    pub async fn close_own_device(
        &self,
        session: &Session,
        device: u64,
        is_lost: bool,
        from: &Connection<'_>,
    ) -> Result<(), IdentityError> {
        let held = self.device(device)?;
        if held.user != session.user.0 {
            return Err(IdentityError::Unknown("device"));
        }
        let actor = self.actor_in(&*self.account(session.user.0)?, session.number, session.device);
        self.close_device(&held, if is_lost { DeviceState::Lost } else { DeviceState::Retired }, &actor, from).await
    }

    async fn close_device_as(
        &self,
        by: &Caller,
        device: u64,
        to: DeviceState,
        from: &Connection<'_>,
    ) -> Result<(), IdentityError> {
        self.require(by, Action::ManageDevices, from, false).await?;
        let held = self.device(device)?;
        self.close_device(&held, to, &Actor::caller(by), from).await
    }

    /// The key, not only this account's use of it: a shared workstation that is lost is lost for everybody.
    async fn close_device(
        &self,
        held: &Device,
        to: DeviceState,
        actor: &Actor,
        from: &Connection<'_>,
    ) -> Result<(), IdentityError> {
        let pen = self.pen().await;
        let (devices, numbers) = {
            let state = self.state();
            let same = state.devices_with(&held.thumbprint);
            let devices: Vec<Device> = same.map(|device| Device { state: to, ..Device::clone(device) }).collect();
            let is_on = |device: Option<u64>| devices.iter().any(|one| device == Some(one.number));
            let live = state.session_numbers.values().filter(|live| is_on(live.stored.device));
            let numbers: Vec<u64> = live.map(|live| live.stored.number).collect();
            (devices, numbers)
        };
        let (word, why) = match to {
            DeviceState::Lost => ("lost", Ending::DeviceLost),
            _ => ("retired", Ending::DeviceRetired),
        };
        let subject = format!("device {} of user {}: {} -> {word}", held.number, held.user, held.state.word());
        let event = self.evidence(audit::Action::DeviceChange, Outcome::Success, actor, from, &subject)?;
        let changes = devices.iter().map(|device| self.put_device(device)).collect::<Result<_, _>>()?;
        self.end(pen, vec![event], changes, numbers, why, actor, from, move |state| {
            devices.into_iter().for_each(|device| state.put_device(device));
        })
        .await
    }

    pub(crate) fn device(&self, number: u64) -> Result<Arc<Device>, IdentityError> {
        self.state().devices.get(&number).cloned().ok_or(IdentityError::Unknown("device"))
    }

    /// The key of a claim whose signature and challenge are good.
    pub(crate) fn claimed(&self, claim: &DeviceClaim) -> Option<DeviceKey> {
        let made_ms = claim.challenge.split('.').nth(1)?.parse().ok()?;
        let now_ms = self.now_ms();
        let is_ours = crypto::hash::equal(claim.challenge.as_bytes(), self.door_challenge_of(made_ms).as_bytes());
        let key = parse_key(&claim.public_key)?;
        let signature = from_base64(&claim.signature)?;
        let is_signed = key.has_signed(claim.challenge.as_bytes(), &signature);
        (is_ours && is_signed && (0..=CLAIM_MS).contains(&(now_ms - made_ms))).then_some(key)
    }

    /// This account's use of a key, if there was one.
    pub(crate) fn device_of(&self, user: u64, key: &DeviceKey) -> Option<Arc<Device>> {
        let thumbprint = key.thumbprint();
        self.state().devices_with(&thumbprint).find(|device| device.user == user).cloned()
    }

    /// Whether the key was reported lost or retired by anybody.
    pub(crate) fn is_closed(&self, key: &DeviceKey) -> bool {
        let thumbprint = key.thumbprint();
        let state = self.state();
        state.devices_with(&thumbprint).any(|device| matches!(device.state, DeviceState::Lost | DeviceState::Retired))
    }

    /// The device as it is after a sign-in on it now. A passkey vouches for it.
    pub(crate) fn used_device(
        &self,
        user: u64,
        key: &DeviceKey,
        label: &str,
        by_passkey: bool,
    ) -> Result<Device, IdentityError> {
        let now_ms = self.now_ms();
        let mut device = match self.device_of(user, key) {
            Some(device) => Device { last_ms: now_ms, ..Device::clone(&device) },
            None => Device {
                number: number(&self.settings().random)?,
                user,
                point: key.point().to_vec(),
                thumbprint: key.thumbprint(),
                label: label.chars().filter(|c| !c.is_control()).take(LABEL_CHARS_MAX).collect(),
                state: DeviceState::New,
                since_ms: now_ms,
                last_ms: now_ms,
                verified_by: None,
            },
        };
        if by_passkey && device.state == DeviceState::New {
            device.state = DeviceState::Verified;
            device.verified_by = Some("passkey".to_owned());
        }
        Ok(device)
    }

    fn door_challenge_of(&self, made_ms: i64) -> String {
        let input = [&b"door"[..], &made_ms.to_be_bytes()].concat();
        format!("wardstone-door.{made_ms}.{}", base64(&self.hashes().challenge.compute(&input)))
    }
}

/// The public coordinates of a JWK (RFC 7517).
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: String,
    x: String,
    y: String,
}

fn parse_key(text: &str) -> Option<DeviceKey> {
    const KEY_CHARS_MAX: usize = 1_024;
    if text.len() > KEY_CHARS_MAX {
        return None;
    }
    if text.trim_start().starts_with('{') {
        let jwk: Jwk = serde_json::from_str(text).ok()?;
        if (jwk.kty.as_str(), jwk.crv.as_str()) != ("EC", "P-256") {
            return None;
        }
        let coordinate = |text: &str| <[u8; 32]>::try_from(from_base64(text)?).ok();
        return DeviceKey::from_coordinates(&coordinate(&jwk.x)?, &coordinate(&jwk.y)?).ok();
    }
    DeviceKey::from_spki(&from_base64(text)?).ok()
}

impl DeviceState {
    pub fn word(self) -> &'static str {
        match self {
            DeviceState::New => "new",
            DeviceState::Verified => "verified",
            DeviceState::Lost => "lost",
            DeviceState::Retired => "retired",
        }
    }
}

impl Device {
    fn view(&self) -> DeviceView {
        DeviceView {
            number: self.number,
            user: UserId(self.user),
            label: self.label.clone(),
            state: self.state,
            since_ms: self.since_ms,
            last_ms: self.last_ms,
            verified_by: self.verified_by.clone(),
        }
    }
}
