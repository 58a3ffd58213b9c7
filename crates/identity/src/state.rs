//! Everything identity knows, in memory: read by every request, changed only after event and desk.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use access::{Purpose, Scopes};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::account::{Account, IdentityCheck};
use crate::ended::EndedSession;
use crate::hold::Held;
use crate::lock;

/// Connections of one session that are remembered; browsers hold six.
pub const CONNECTIONS_MAX: usize = 64;

/// Where something was used last, and the country of that address.
pub(crate) type Place = Option<(IpAddr, Option<[u8; 2]>)>;

#[derive(Default)]
pub(crate) struct State {
    pub accounts: HashMap<u64, Arc<Account>>,
    /// By login in lower case.
    pub logins: HashMap<String, u64>,
    /// By the user handle that passkeys carry.
    pub handles: HashMap<[u8; 16], u64>,
    pub sessions: HashMap<[u8; 32], Arc<Live>>,
    pub session_numbers: HashMap<u64, Arc<Live>>,
    pub tokens: HashMap<[u8; 32], Arc<Token>>,
    pub devices: HashMap<u64, Arc<Device>>,
    /// Devices by the thumbprint of their key: one for each account that uses it.
    pub keys: HashMap<[u8; 32], Vec<u64>>,
    pub invitations: HashMap<[u8; 32], Arc<Invitation>>,
    pub glass: HashMap<u64, Vec<Glass>>,
    /// By the hash of the last cookie.
    pub ended: HashMap<[u8; 32], EndedSession>,
    /// What goes on behind locked screens.
    pub holds: Vec<Held>,
}

/// A session as the desk keeps it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StoredSession {
    pub number: u64,
    pub hash: [u8; 32],
    pub user: u64,
    pub device: Option<u64>,
    /// Of a session without a device key: the only place it may come from.
    pub bound: Option<Bound>,
    pub started_ms: i64,
    pub active_ms: i64,
    pub verified_ms: i64,
    pub phishing_resistant: bool,
    pub country: Option<[u8; 2]>,
    pub address: IpAddr,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bound {
    pub address: IpAddr,
    pub user_agent: [u8; 32],
}

/// A session that runs.
pub(crate) struct Live {
    pub stored: StoredSession,
    pub active_ms: AtomicI64,
    /// The activity that the desk knows of.
    pub written_ms: AtomicI64,
    pub verified_ms: AtomicI64,
    pub phishing_resistant: AtomicBool,
    /// Roles changed: the cookie is to be replaced.
    pub is_rotation_due: AtomicBool,
    /// The hash of the cookie before this one, and until when it still opens.
    pub previous: Mutex<Option<([u8; 32], i64)>>,
    pub connections: Mutex<Connections>,
    pub ended: watch::Sender<bool>,
    pub place: Mutex<Place>,
}

/// Which connections proved the device key, and which were asked to.
#[derive(Default)]
pub(crate) struct Connections {
    pub proven: Vec<u64>,
    pub asked: Vec<Asked>,
    /// When a replayed cookie was last reported.
    pub reported_ms: Option<i64>,
}

pub(crate) struct Asked {
    pub connection: u64,
    pub since_ms: i64,
    pub address: IpAddr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceState {
    /// Used with both factors, and nobody vouched for it.
    New,
    Verified,
    Lost,
    Retired,
}

/// A browser's key, as one account uses it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Device {
    pub number: u64,
    pub user: u64,
    pub point: Vec<u8>,
    pub thumbprint: [u8; 32],
    pub label: String,
    pub state: DeviceState,
    pub since_ms: i64,
    pub last_ms: i64,
    /// Who vouched: an administrator's login, or `passkey`.
    pub verified_by: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StoredToken {
    pub number: u64,
    pub hash: [u8; 32],
    pub user: u64,
    pub label: String,
    pub scopes: Option<String>,
    pub purpose: Option<String>,
    pub issued_ms: i64,
    pub expires_ms: i64,
    pub issued_by: String,
    /// A demo's token: every fact is as policy would have it.
    pub is_demo: bool,
}

pub(crate) struct Token {
    pub stored: StoredToken,
    pub scopes: Option<Scopes>,
    pub purpose: Option<Purpose>,
    pub place: Mutex<Place>,
}

/// A code that opens an enrolment, of a new account or of one to be recovered.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Invitation {
    pub hash: [u8; 32],
    pub user: u64,
    pub expires_ms: i64,
    pub issued_by: String,
    pub check: Option<IdentityCheck>,
    pub is_recovery: bool,
}

/// A chart that one account holds open by broken glass.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Glass {
    pub user: u64,
    pub chart: u64,
    pub since_ms: i64,
    pub until_ms: i64,
    pub reason: String,
}

impl Live {
    pub fn new(stored: StoredSession) -> Self {
        Self {
            active_ms: AtomicI64::new(stored.active_ms),
            written_ms: AtomicI64::new(stored.active_ms),
            verified_ms: AtomicI64::new(stored.verified_ms),
            phishing_resistant: AtomicBool::new(stored.phishing_resistant),
            is_rotation_due: AtomicBool::new(false),
            previous: Mutex::new(None),
            connections: Mutex::default(),
            ended: watch::Sender::new(false),
            place: Mutex::new(None),
            stored,
        }
    }

    pub fn verified_ms(&self) -> i64 {
        self.verified_ms.load(Ordering::Relaxed)
    }

    /// As it would be stored now.
    pub fn snapshot(&self) -> StoredSession {
        StoredSession {
            active_ms: self.active_ms.load(Ordering::Relaxed),
            verified_ms: self.verified_ms.load(Ordering::Relaxed),
            phishing_resistant: self.phishing_resistant.load(Ordering::Relaxed),
            ..self.stored.clone()
        }
    }

    /// The same session under another cookie: watchers and proven connections stay.
    pub fn rotated(&self, hash: [u8; 32], previous_until_ms: i64) -> Self {
        let connections = std::mem::take(&mut *lock(&self.connections));
        Self {
            stored: StoredSession { hash, ..self.snapshot() },
            active_ms: AtomicI64::new(self.active_ms.load(Ordering::Relaxed)),
            written_ms: AtomicI64::new(self.active_ms.load(Ordering::Relaxed)),
            verified_ms: AtomicI64::new(self.verified_ms.load(Ordering::Relaxed)),
            phishing_resistant: AtomicBool::new(self.phishing_resistant.load(Ordering::Relaxed)),
            is_rotation_due: AtomicBool::new(false),
            previous: Mutex::new(Some((self.stored.hash, previous_until_ms))),
            connections: Mutex::new(connections),
            ended: self.ended.clone(),
            place: Mutex::new(*lock(&self.place)),
        }
    }
}

impl State {
    pub fn account_of(&self, login: &str) -> Option<&Arc<Account>> {
        self.accounts.get(self.logins.get(&login.to_lowercase())?)
    }

    pub fn put_session(&mut self, live: Live) -> Arc<Live> {
        let live = Arc::new(live);
        if let Some((hash, _)) = *lock(&live.previous) {
            self.sessions.insert(hash, live.clone());
        }
        if let Some(old) = self.session_numbers.insert(live.stored.number, live.clone())
            && let Some((older, _)) = *lock(&old.previous)
        {
            self.sessions.remove(&older);
        }
        self.sessions.insert(live.stored.hash, live.clone());
        live
    }

    /// Takes the session out and tells everybody who watches it.
    pub fn end_session(&mut self, number: u64) {
        let Some(live) = self.session_numbers.remove(&number) else { return };
        self.sessions.remove(&live.stored.hash);
        if let Some((previous, _)) = *lock(&live.previous) {
            self.sessions.remove(&previous);
        }
        live.ended.send_replace(true);
    }

    pub fn sessions_of(&self, user: u64) -> impl Iterator<Item = &Arc<Live>> {
        self.session_numbers.values().filter(move |live| live.stored.user == user)
    }

    pub fn put_device(&mut self, device: Device) {
        let numbers = self.keys.entry(device.thumbprint).or_default();
        if !numbers.contains(&device.number) {
            numbers.push(device.number);
        }
        if matches!(device.state, DeviceState::Lost | DeviceState::Retired) {
            self.let_go_of_device(device.number);
        }
        self.devices.insert(device.number, Arc::new(device));
    }

    pub fn remove_device(&mut self, number: u64) {
        if let Some(device) = self.devices.remove(&number)
            && let Some(numbers) = self.keys.get_mut(&device.thumbprint)
        {
            numbers.retain(|held| *held != number);
            if numbers.is_empty() {
                self.keys.remove(&device.thumbprint);
            }
        }
    }

    pub fn devices_with(&self, thumbprint: &[u8; 32]) -> impl Iterator<Item = &Arc<Device>> {
        self.keys.get(thumbprint).into_iter().flatten().filter_map(|number| self.devices.get(number))
    }

    pub fn devices_of(&self, user: u64) -> impl Iterator<Item = &Arc<Device>> {
        self.devices.values().filter(move |device| device.user == user)
    }
}
