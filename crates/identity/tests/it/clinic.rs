//! A clinic with a real desk and a real audit log, a clock that stands, and people who are there.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use access::{Action, Caller, Role, UserId};
use audit::Event;
use audit::event::Outcome;
use crypto::sign::SigningKey;
use crypto::{Keyring, SealKey};
use identity::{
    Connection, DemoOnly, FirstFactor, Identity, IdentityError, Kind, NewAccount, SeedAccount, Session, SessionRefusal,
    Settings, SignInRefusal, SignedIn,
};
use store::log::{AuditLog, DetailSealer, LogOptions, SealError};
use store::{Desk, Witness};
use tempfile::TempDir;
use totp_rs::Builder;
use zeroize::Zeroizing;

use crate::browser::Browser;

pub const ORIGIN: &str = "https://clinic.example";
pub const RP_ID: &str = "clinic.example";
pub const PASSWORD: &str = "grey heron over the lake";
/// Monday, 4 January 2027, 15:00 UTC.
pub const START_MS: i64 = 1_799_074_800_000;
pub const SECRET: [u8; 20] = [0x2a; 20];
pub const MINUTE_MS: i64 = 60_000;
pub const HOUR_MS: i64 = 60 * MINUTE_MS;
pub const DAY_MS: i64 = 24 * HOUR_MS;

pub struct Clinic {
    pub identity: Identity,
    pub now: Arc<AtomicI64>,
    directory: TempDir,
    desk: Arc<Desk>,
    log: Arc<AuditLog>,
    sealer: Arc<Sealer>,
}

/// Hides nothing; can be away.
#[derive(Default)]
struct Sealer {
    is_away: AtomicBool,
}

impl DetailSealer for Sealer {
    fn seal(&self, _: i32, _: &[u8], plain: &[u8], out: &mut Vec<u8>) -> Result<(), SealError> {
        if self.is_away.load(Ordering::SeqCst) {
            return Err(SealError::KeyUnavailable);
        }
        out.extend_from_slice(plain);
        Ok(())
    }

    fn open(&self, _: i32, _: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        Ok(sealed.to_vec())
    }
}

impl Clinic {
    pub async fn new() -> Self {
        Self::with(|_| ()).await
    }

    pub async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let base = if Path::new("/dev/shm").is_dir() { "/dev/shm".into() } else { std::env::temp_dir() };
        let directory = tempfile::tempdir_in(base).unwrap();
        let now = Arc::new(AtomicI64::new(START_MS));
        let sealer = Arc::new(Sealer::default());
        let clock = now.clone();
        let log_clock = Arc::new(move || clock.load(Ordering::SeqCst) as u64);
        let entropy = Arc::new(|out: &mut [u8]| {
            out.fill(7);
            Ok(())
        });
        let key = SigningKey::from_seed(&[42; 32]);
        let mut options = LogOptions::new(sealer.clone(), key, "clinic.example/audit", log_clock, entropy);
        options.checkpoint_interval_ms = 3_600_000;
        options.reserve_step_bytes = 64 * 1024;
        let log = Arc::new(AuditLog::open(&directory.path().join("audit"), options).unwrap());
        let desk = Arc::new(Desk::open(directory.path(), Zeroizing::new([1; 32]), SealKey::new(&[2; 32])).unwrap());
        let identity = open(&desk, &log, &now, change).unwrap();
        let clinic = Self { identity, now, directory, desk, log, sealer };
        for (login, role) in [("root", Role::Admin), ("vera", Role::Admin), ("ana", Role::Physician)] {
            clinic.seed(login, Kind::Workforce, role, true).await;
        }
        clinic
    }

    /// The same files, opened again: what was only in memory is gone.
    pub fn reopened(&self) -> Identity {
        assert!(self.directory.path().exists());
        self.open_with(|_| ()).unwrap()
    }

    pub fn open_with(&self, change: impl FnOnce(&mut Settings)) -> Result<Identity, IdentityError> {
        open(&self.desk, &self.log, &self.now, change)
    }

    pub async fn seed(&self, login: &str, kind: Kind, role: Role, has_factors: bool) -> UserId {
        let demo = DemoOnly::of(crypto::EnvironmentClass::Demo).unwrap();
        let seed = SeedAccount {
            login: login.into(),
            display_name: login.to_uppercase(),
            family_name: Some("Berg".into()),
            kind,
            roles: vec![role],
            own_chart: (role == Role::Patient).then_some(70),
            proxies: Vec::new(),
            practitioner: None,
            licence: None,
            npi: None,
            password: has_factors.then(|| Zeroizing::new(PASSWORD.into())),
            totp_secret: has_factors.then(|| Zeroizing::new(SECRET.to_vec())),
            token: Some(Zeroizing::new(format!("demo-{login}"))),
        };
        self.identity.seed(&demo, seed).await.unwrap().user
    }

    pub fn now_ms(&self) -> i64 {
        self.now.load(Ordering::SeqCst)
    }

    pub fn advance(&self, ms: i64) {
        self.now.fetch_add(ms, Ordering::SeqCst);
    }

    /// Nothing can be audited from now on.
    pub fn audit_is_away(&self, is_away: bool) {
        self.sealer.is_away.store(is_away, Ordering::SeqCst);
    }

    pub fn user(&self, login: &str) -> UserId {
        self.identity.user_of(login).unwrap()
    }

    /// A caller with fresh facts, as a demo's token gives.
    pub fn caller(&self, login: &str) -> Caller {
        self.identity.bearer(&format!("demo-{login}"), &here()).unwrap()
    }

    /// The code of this moment, once: each call waits for the next step.
    pub fn totp(&self) -> String {
        self.advance(30_000);
        totp_at(self.now_ms())
    }

    pub async fn password(&self, login: &str, browser: &Browser) -> Result<FirstFactor, SignInRefusal> {
        let claim = browser.claim(&self.identity);
        self.identity.sign_in_password(login, PASSWORD, Some(&claim), &browser.connection()).await
    }

    pub async fn sign_in(&self, login: &str, browser: &Browser) -> SignedIn {
        let first = self.password(login, browser).await.unwrap();
        let code = self.totp();
        self.identity.sign_in_totp(&first.ticket, &code, "laptop", &browser.connection()).await.unwrap()
    }

    pub async fn session(&self, signed_in: &SignedIn, browser: &Browser) -> Result<Session, SessionRefusal> {
        self.identity.session(&signed_in.cookie, &browser.connection()).await
    }

    pub async fn invite(&self, login: &str, role: Role) -> Result<identity::Invited, IdentityError> {
        let new = NewAccount { roles: vec![(role, None)], ..new_account(login) };
        self.identity.invite(&self.caller("root"), new, &here()).await
    }

    /// Events as `Action outcome who: subject`, oldest first, from one on.
    pub fn events_from(&self, from: u64) -> Vec<String> {
        let reader = self.log.reader(self.sealer.clone());
        let entries = reader.forwards(from, u64::MAX).map(|entry| entry.unwrap().detail.unwrap());
        entries
            .map(|detail| {
                let event = Event::decode(&detail).unwrap();
                let outcome = match event.outcome {
                    Outcome::Success => "ok".to_owned(),
                    Outcome::Denied { .. } => "denied".to_owned(),
                    Outcome::Failed { code } => code.to_string(),
                };
                format!("{:?} {outcome} {}: {}", event.action, event.who.user, event.subject.unwrap_or_default())
            })
            .collect()
    }

    pub fn events(&self) -> u64 {
        self.log.size()
    }
}

fn open(
    desk: &Arc<Desk>,
    log: &Arc<AuditLog>,
    now: &Arc<AtomicI64>,
    change: impl FnOnce(&mut Settings),
) -> Result<Identity, IdentityError> {
    let clock = now.clone();
    let mut settings = Settings::new("Lakeside Clinic", ORIGIN, RP_ID, Arc::new(move || clock.load(Ordering::SeqCst)));
    settings.may = Arc::new(|caller: &Caller, _: Action| caller.roles().contains(Role::Admin));
    settings.family = Arc::new(|name| name.len() as u64);
    change(&mut settings);
    let keyring = Keyring::new([1; 16], Zeroizing::new([2; 32]));
    Identity::open(settings, desk.clone(), Witness::on(log.clone()), &keyring)
}

pub fn new_account(login: &str) -> NewAccount {
    NewAccount {
        login: login.into(),
        display_name: "New Person".into(),
        family_name: None,
        kind: Kind::Workforce,
        roles: Vec::new(),
        reason: "joins".into(),
        own_chart: None,
        practitioner: None,
        proxies: Vec::new(),
        check: None,
    }
}

pub fn here() -> Connection<'static> {
    Connection { number: 1, address: "192.0.2.10".parse().unwrap(), user_agent: "test", request_id: 1 }
}

pub fn totp_at(now_ms: i64) -> String {
    totp_of(&SECRET, now_ms)
}

pub fn totp_of(secret: &[u8], now_ms: i64) -> String {
    let totp = Builder::new().with_secret(secret.to_vec()).build().unwrap();
    totp.generate(now_ms as u64 / 1_000).to_string()
}
