//! A log, a desk and a queue in a temporary folder, and the people who use them.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use access::{Caller, CallerParts, Facts, Purpose, Role, RoleSet, UserId};
use audit::event::{Object, Whence, Who};
use audit::{Action, Event};
use compliance::{Clock, Follower, FollowerParts, Limits, LogHealth, Queue, QueueParts};
use crypto::SealKey;
use crypto::sign::SigningKey;
use store::log::{AuditLog, DetailSealer, LogOptions, LogReader, PendingEvent, SealError};
use store::{Desk, Witness};
use tempfile::TempDir;
use zeroize::Zeroizing;

/// 2026-11-26T12:00:00Z, a Thursday.
pub const NOON_MS: i64 = 1_795_694_400_000;

/// Stands in for the keyring, which may be away.
#[derive(Default)]
pub struct TestSealer {
    pub is_away: AtomicBool,
}

impl DetailSealer for TestSealer {
    fn seal(&self, _: i32, _: &[u8], plain: &[u8], out: &mut Vec<u8>) -> Result<(), SealError> {
        if self.is_away.load(Ordering::Relaxed) {
            return Err(SealError::KeyUnavailable);
        }
        out.extend(plain.iter().map(|byte| byte ^ 0x5a));
        Ok(())
    }

    fn open(&self, _: i32, _: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        Ok(sealed.iter().map(|byte| byte ^ 0x5a).collect())
    }
}

pub struct House {
    pub folder: TempDir,
    pub sealer: Arc<TestSealer>,
    pub now_ms: Arc<AtomicI64>,
    pub log: Arc<AuditLog>,
    pub desk: Arc<Desk>,
    pub queue: Queue,
}

impl House {
    pub fn new() -> House {
        // Memory when there is some: the disk is not what is tested.
        let base = if Path::new("/dev/shm").is_dir() { "/dev/shm".into() } else { std::env::temp_dir() };
        House::within(tempfile::tempdir_in(base).unwrap(), Arc::new(AtomicI64::new(NOON_MS)))
    }

    fn within(folder: TempDir, now_ms: Arc<AtomicI64>) -> House {
        let sealer = Arc::new(TestSealer::default());
        let time = now_ms.clone();
        let clock = Arc::new(move || time.load(Ordering::Relaxed) as u64);
        let entropy = Arc::new(|out: &mut [u8]| {
            out.fill(7);
            Ok(())
        });
        let key = SigningKey::from_seed(&[42; 32]);
        let mut options = LogOptions::new(sealer.clone(), key, "clinic.example/audit", clock, entropy);
        options.reserve_step_bytes = 64 * 1024;
        let log = Arc::new(AuditLog::open(&folder.path().join("audit"), options).unwrap());
        let desk = Desk::open(folder.path(), Zeroizing::new([1; 32]), SealKey::new(&[2; 32])).unwrap();
        let desk = Arc::new(desk);
        let time = now_ms.clone();
        let clock: Clock = Arc::new(move || time.load(Ordering::Relaxed));
        let parts = QueueParts { desk: desk.clone(), witness: Witness::on(log.clone()), clock };
        let queue = Queue::open(parts).unwrap();
        House { folder, sealer, now_ms, log, desk, queue }
    }

    pub fn reopen(self) -> House {
        self.reopen_after(|| ())
    }

    pub fn reopen_after(self, between: impl FnOnce()) -> House {
        let House { folder, now_ms, log, desk, queue, .. } = self;
        log.close();
        drop((queue, desk, log));
        between();
        House::within(folder, now_ms)
    }

    pub fn reader(&self) -> LogReader {
        self.log.reader(self.sealer.clone())
    }

    pub fn clock(&self) -> Clock {
        let time = self.now_ms.clone();
        Arc::new(move || time.load(Ordering::Relaxed))
    }

    pub fn advance(&self, ms: i64) {
        self.now_ms.fetch_add(ms, Ordering::Relaxed);
    }

    pub fn now_ms(&self) -> i64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    pub async fn follower(&self) -> Follower {
        let log = self.log.clone();
        let health = Arc::new(move || LogHealth::of(&log));
        let parts =
            FollowerParts { queue: self.queue.clone(), reader: self.reader(), limits: Limits::default(), health };
        Follower::open(parts).await.unwrap()
    }

    /// Writes an event at the clock's time.
    pub async fn event(&self, event: Event<'_>) -> u64 {
        let event = Event { time_ms: self.now_ms() as u64, ..event };
        self.log.submit(PendingEvent::reading(&event).unwrap()).await.unwrap()
    }

    pub async fn break_glass(&self, login: &str) -> u64 {
        let mut event = act(Action::BreakGlass, login, "physician");
        event.break_glass = Some("found unconscious");
        event.objects = vec![chart_object(900)].into();
        self.event(event).await
    }

    /// What the log says that happened to alerts and policies.
    pub fn acts(&self, of: Action) -> Vec<String> {
        let mut acts = Vec::new();
        for entry in self.reader().forwards(0, u64::MAX) {
            let detail = entry.unwrap().detail.unwrap();
            let event = Event::decode(&detail).unwrap();
            if event.action == of {
                acts.push(format!("{} {}", event.who.user, event.subject.unwrap_or_default()));
            }
        }
        acts
    }
}

pub fn act<'a>(action: Action, login: &'a str, role: &'a str) -> Event<'a> {
    let who = Who { user: login, role, session: Some("11"), on_behalf_of: None };
    let mut event = Event::new(0, action, audit::Purpose::Treatment, who);
    event.whence = Whence { address: Some(IpAddr::from([10, 0, 0, 7])), ..Whence::default() };
    event
}

pub fn chart_object(chart: u64) -> Object {
    Object { row: chart * 1_000, chart, version: 1, type_code: 96, part: 0 }
}

pub fn person(login: &str, user: u64, role: Role) -> Caller {
    Caller::established(CallerParts {
        user: UserId(user),
        login: login.into(),
        roles: RoleSet::of(role),
        purpose: Purpose::Compliance,
        own_chart: None,
        proxies: Vec::new(),
        broken_glass: Vec::new(),
        scopes: None,
        practitioner: None,
        family: None,
        session: 11,
        device: None,
        facts: Facts::GOOD,
        network: IpAddr::from([10, 0, 0, 7]),
        country: None,
        user_agent: "test".into(),
        request_id: 7,
        time_ms: NOON_MS,
    })
    .unwrap()
}
