//! A record on a temporary directory, and callers of every role.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use access::{Caller, CallerParts, ChartNo, CollectionPolicy, Facts, Policies, Purpose, Role, RoleSet, UserId};
use crypto::Keyring;
use record::{Record, Settings};
use store::Desk;
use store::log::{AuditLog, LogOptions};
use store::sqlite::{DatabaseKeys, DaySealer, Sqlite};

pub struct Clinic {
    pub record: Record,
    pub directory: tempfile::TempDir,
    pub clock_ms: Arc<AtomicI64>,
}

/// 2026-11-22T12:00:00Z.
pub const NOW_MS: i64 = 1_795_348_800_000;
pub const BASE: &str = "https://clinic.example/fhir";

impl Clinic {
    pub async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock_ms = Arc::new(AtomicI64::new(NOW_MS));
        let record = open(directory.path(), clock_ms.clone()).await;
        Self { record, directory, clock_ms }
    }

    /// Closes everything and opens it again, as after a restart.
    pub async fn restart(self) -> Self {
        let Self { record, directory, clock_ms } = self;
        record.store().close();
        drop(record);
        Self::again(directory, clock_ms).await
    }

    /// Over what lies in a directory.
    pub async fn again(directory: tempfile::TempDir, clock_ms: Arc<AtomicI64>) -> Self {
        let record = open(directory.path(), clock_ms.clone()).await;
        Self { record, directory, clock_ms }
    }
}

async fn open(directory: &Path, clock_ms: Arc<AtomicI64>) -> Record {
    let keyring = Arc::new(Keyring::new([7; 16], zeroize::Zeroizing::new([9; 32])));
    let keys = DatabaseKeys {
        record: keyring.purpose("wardstone/database/record/v1"),
        keys: keyring.purpose("wardstone/database/keys/v1"),
        index: keyring.purpose("wardstone/database/index/v1"),
    };
    let key_database = Sqlite::open_keys(directory, &keys).unwrap();
    let sealer = Arc::new(DaySealer::new(keyring.clone(), key_database.clone()));
    let clock = move || clock_ms.load(Ordering::Relaxed);
    let log_clock = clock.clone();
    let entropy = |out: &mut [u8]| crypto::random(out).map_err(|_| store::log::LogError::Random);
    let options = LogOptions::new(
        sealer.clone(),
        keyring.log_signing_key(),
        "clinic.example/audit",
        Arc::new(move || log_clock() as u64),
        Arc::new(entropy),
    );
    let log = Arc::new(AuditLog::open(&directory.join("audit"), options).unwrap());
    let clock: record::Clock = Arc::new(clock);
    let store = Arc::new(Sqlite::open(directory, &keys, key_database, log, sealer, clock.clone()).unwrap());
    let settings = Settings {
        policies: Policies::embedded().unwrap(),
        collection: CollectionPolicy::standard().unwrap(),
        clock,
        base_url: BASE.to_owned(),
        desk: desk(directory, &keyring),
    };
    Record::open(store, keyring, settings).await.unwrap()
}

fn desk(directory: &Path, keyring: &Keyring) -> Arc<Desk> {
    let key = keyring.purpose("wardstone/database/desk/v1");
    Arc::new(Desk::open(directory, key, keyring.seal_key("wardstone/desk/v1")).unwrap())
}

pub fn caller(role: Role) -> Caller {
    caller_of(role, None)
}

/// A patient with a chart.
pub fn patient(chart: u64) -> Caller {
    caller_of(Role::Patient, Some(ChartNo(chart)))
}

fn caller_of(role: Role, own_chart: Option<ChartNo>) -> Caller {
    Caller::established(CallerParts { own_chart, ..parts(role) }).unwrap()
}

/// What identity would know of somebody in a role; the patient's chart is to be filled in.
pub fn parts(role: Role) -> CallerParts {
    let purpose = match role {
        Role::FrontDesk => Purpose::Operations,
        role => role.usual_purpose(),
    };
    CallerParts {
        user: UserId(role as u64 + 1),
        login: role.name().to_owned(),
        roles: RoleSet::of(role),
        purpose,
        own_chart: None,
        proxies: Vec::new(),
        broken_glass: Vec::new(),
        scopes: None,
        practitioner: None,
        family: None,
        session: 1,
        device: None,
        facts: Facts::GOOD,
        network: IpAddr::V4(Ipv4Addr::LOCALHOST),
        country: None,
        user_agent: "test".to_owned(),
        request_id: 1,
        time_ms: NOW_MS,
    }
}
