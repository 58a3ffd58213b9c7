//! The door: opened over desk, witness and keys; every change goes through `commit`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, RwLock, RwLockReadGuard};

use access::{Action, Caller, Purpose, Scopes};
use audit::event::Outcome;
use crypto::Keyring;
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::desk::{Change, Entry};
use store::{Desk, Evidence, Shelf, Witness};
use webauthn_rs::prelude::{Url, Webauthn, WebauthnBuilder};
use zeroize::Zeroizing;

use crate::account::{Account, AccountState};
use crate::enrol::Enrolments;
use crate::event::Actor;
use crate::pool::HashPool;
use crate::secret::Hashes;
use crate::sign_in::Tickets;
use crate::state::{Device, Glass, Invitation, Live, State, StoredSession, StoredToken, Token};
use crate::step_up::StepUps;
use crate::throttle::Throttles;
use crate::visit_passkey::VisitPasskeys;
use crate::{Connection, IdentityError, Settings};

/// Cheap to clone.
#[derive(Clone)]
pub struct Identity(Arc<Inner>);

pub(crate) struct Inner {
    settings: Settings,
    desk: Arc<Desk>,
    door: Witness,
    hashes: Hashes,
    state: RwLock<State>,
    /// Who changes anything holds it: read, decide, event, desk and memory are one step.
    pen: Arc<tokio::sync::Mutex<()>>,
    pub(crate) webauthn: Webauthn,
    pub(crate) pool: HashPool,
    pub(crate) throttles: Throttles,
    pub(crate) tickets: Mutex<Tickets>,
    pub(crate) enrolments: Mutex<Enrolments>,
    pub(crate) step_ups: Mutex<StepUps>,
    pub(crate) visit_passkeys: Mutex<VisitPasskeys>,
}

/// The right to change: held from the first look to the last write.
pub(crate) type Pen = tokio::sync::OwnedMutexGuard<()>;

impl Identity {
    /// Loads everything. Blocks for the time of that.
    pub fn open(settings: Settings, desk: Arc<Desk>, door: Witness, keyring: &Keyring) -> Result<Self, IdentityError> {
        settings.check()?;
        let hashes = Hashes::new(keyring, &settings.random)?;
        let origin = Url::parse(&settings.origin).map_err(|_| IdentityError::Setting("the origin is no URL"))?;
        let webauthn = WebauthnBuilder::new(&settings.rp_id, &origin)
            .and_then(|builder| builder.rp_name(&settings.organization).build())
            .map_err(|_| IdentityError::Setting("the relying party id is not the origin's host or above it"))?;
        let state = load(&desk, &settings, &hashes)?;
        let pool = HashPool::new(settings.cores)?;
        Ok(Self(Arc::new(Inner {
            settings,
            desk,
            door,
            hashes,
            state: RwLock::new(state),
            pen: Arc::default(),
            webauthn,
            pool,
            throttles: Throttles::default(),
            tickets: Mutex::default(),
            enrolments: Mutex::default(),
            step_ups: Mutex::default(),
            visit_passkeys: Mutex::default(),
        })))
    }

    /// Who runs this, as people read it.
    pub fn organization(&self) -> &str {
        &self.settings().organization
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(crate) fn desk(&self) -> &Desk {
        &self.0.desk
    }

    pub(crate) fn hashes(&self) -> &Hashes {
        &self.0.hashes
    }

    pub(crate) fn door(&self) -> &Witness {
        &self.0.door
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }

    pub(crate) fn now_ms(&self) -> i64 {
        (self.0.settings.clock)()
    }

    pub(crate) fn state(&self) -> RwLockReadGuard<'_, State> {
        self.0.state.read().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// What time does to memory alone.
    pub(crate) fn change_state(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.state.write().unwrap_or_else(|poisoned| poisoned.into_inner()));
    }

    pub(crate) fn account(&self, user: u64) -> Result<Arc<Account>, IdentityError> {
        self.state().accounts.get(&user).cloned().ok_or(IdentityError::Unknown("account"))
    }

    pub(crate) async fn pen(&self) -> Pen {
        self.0.pen.clone().lock_owned().await
    }

    /// Event, then desk, then memory. Runs to its end also if whoever asked goes away.
    pub(crate) async fn commit(
        &self,
        pen: Pen,
        evidence: Vec<Evidence>,
        changes: Vec<Change>,
        apply: impl FnOnce(&mut State) + Send + 'static,
    ) -> Result<(), IdentityError> {
        let identity = self.clone();
        let task = async move {
            let durable: Vec<_> = evidence.into_iter().map(|one| identity.0.door.record(one)).collect();
            for event in durable {
                event.await?;
            }
            let desk = identity.0.desk.clone();
            tokio::task::spawn_blocking(move || desk.write(&changes)).await.map_err(|_| IdentityError::Ended)??;
            apply(&mut identity.0.state.write().unwrap_or_else(|poisoned| poisoned.into_inner()));
            drop(pen);
            Ok(())
        };
        tokio::spawn(task).await.map_err(|_| IdentityError::Ended)?
    }

    /// Whether policy lets the caller administer this. A denial is audited.
    pub(crate) async fn require(
        &self,
        by: &Caller,
        action: Action,
        from: &Connection<'_>,
        is_fresh: bool,
    ) -> Result<(), IdentityError> {
        let act = match action {
            Action::ManageRoles => audit::Action::RoleChange,
            Action::ManageDevices => audit::Action::DeviceChange,
            _ => audit::Action::AccountChange,
        };
        if !(self.0.settings.may)(by, action) {
            let denied = Outcome::Denied { policy: "" };
            self.witness(act, denied, &Actor::caller(by), from, action.name()).await?;
            return Err(IdentityError::NotPermitted(action));
        }
        if is_fresh && !by.facts().mfa_fresh {
            return Err(IdentityError::StepUp);
        }
        Ok(())
    }

    pub(crate) fn put_account(&self, account: &Account) -> Result<Change, IdentityError> {
        put(Shelf::Account, self.hashes().label("account", account.profile.user), account)
    }

    pub(crate) fn put_session(&self, session: &StoredSession) -> Result<Change, IdentityError> {
        put(Shelf::Session, self.hashes().label("session", session.number), session)
    }

    pub(crate) fn remove_session(&self, number: u64) -> Change {
        Change::Remove { shelf: Shelf::Session, key: self.hashes().label("session", number) }
    }

    pub(crate) fn put_device(&self, device: &Device) -> Result<Change, IdentityError> {
        put(Shelf::Device, self.hashes().label("device", device.number), device)
    }

    pub(crate) fn remove_device(&self, number: u64) -> Change {
        Change::Remove { shelf: Shelf::Device, key: self.hashes().label("device", number) }
    }

    pub(crate) fn put_token(&self, token: &StoredToken) -> Result<Change, IdentityError> {
        put(Shelf::Token, self.hashes().label("token", token.number), token)
    }

    pub(crate) fn remove_token(&self, number: u64) -> Change {
        Change::Remove { shelf: Shelf::Token, key: self.hashes().label("token", number) }
    }

    pub(crate) fn put_invitation(&self, invitation: &Invitation) -> Result<Change, IdentityError> {
        put(Shelf::Invitation, half(&invitation.hash), invitation)
    }

    pub(crate) fn remove_invitation(&self, hash: &[u8; 32]) -> Change {
        Change::Remove { shelf: Shelf::Invitation, key: half(hash) }
    }

    /// The glass that one account holds open is one entry.
    pub(crate) fn put_glass(&self, user: u64, glass: &[Glass]) -> Result<Change, IdentityError> {
        put(Shelf::Glass, self.hashes().label("glass", user), glass)
    }

    pub(crate) fn family_of(&self, account: &Account) -> Option<u64> {
        account.profile.family_name.as_deref().map(|name| (self.settings().family)(name))
    }
}

fn half(hash: &[u8; 32]) -> [u8; 16] {
    let mut key = [0; 16];
    key.copy_from_slice(&hash[..16]);
    key
}

pub(crate) fn put<T: Serialize + ?Sized>(shelf: Shelf, key: [u8; 16], entry: &T) -> Result<Change, IdentityError> {
    let plain = Zeroizing::new(serde_json::to_vec(entry).map_err(|_| IdentityError::Stored)?);
    Ok(Change::Put { shelf, key, plain })
}

fn read<T: DeserializeOwned>(entry: &Entry) -> Result<T, IdentityError> {
    serde_json::from_slice(&entry.plain).map_err(|_| IdentityError::Stored)
}

fn load(desk: &Desk, settings: &Settings, hashes: &Hashes) -> Result<State, IdentityError> {
    let mut state = State::default();
    for entry in desk.load(Shelf::Account)? {
        let mut account: Account = read(&entry)?;
        account.family = account.profile.family_name.as_deref().map(|name| (settings.family)(name));
        state.put_account(account, hashes);
    }
    for entry in desk.load(Shelf::Session)? {
        state.put_session(Live::new(read(&entry)?));
    }
    for entry in desk.load(Shelf::Device)? {
        let device: Device = read(&entry)?;
        state.put_device(device);
    }
    for entry in desk.load(Shelf::Token)? {
        let token = Token::of(read(&entry)?)?;
        state.tokens.insert(token.stored.hash, Arc::new(token));
    }
    for entry in desk.load(Shelf::Invitation)? {
        let invitation: Invitation = read(&entry)?;
        state.invitations.insert(invitation.hash, Arc::new(invitation));
    }
    let mut glass: HashMap<u64, Vec<Glass>> = HashMap::new();
    for entry in desk.load(Shelf::Glass)? {
        for one in read::<Vec<Glass>>(&entry)? {
            glass.entry(one.user).or_default().push(one);
        }
    }
    state.glass = glass;
    Ok(state)
}

impl Token {
    pub fn of(stored: StoredToken) -> Result<Self, IdentityError> {
        let scopes = stored.scopes.as_deref().map(Scopes::parse).transpose().map_err(|_| IdentityError::Stored)?;
        let purpose = match &stored.purpose {
            Some(name) => Some(Purpose::from_name(name).ok_or(IdentityError::Stored)?),
            None => None,
        };
        Ok(Self { stored, scopes, purpose, place: Mutex::new(None) })
    }
}

impl State {
    pub fn put_account(&mut self, account: Account, hashes: &Hashes) {
        let user = account.profile.user;
        self.logins.insert(account.profile.login.to_lowercase(), user);
        self.handles.insert(hashes.handle.label(&user.to_be_bytes()), user);
        if account.profile.state != AccountState::Active {
            self.let_go_of_user(user, None);
        }
        self.accounts.insert(user, Arc::new(account));
    }
}
