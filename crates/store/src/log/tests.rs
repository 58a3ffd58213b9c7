//! Facts about the log's files: durability, recovery, detection of every change, a full disk, a stranger's verifier.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod damage;
mod disk;
mod recovery;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use audit::{Action, Event, Object, Purpose, VerifierKey, Who};
use crypto::sign::SigningKey;
use tempfile::TempDir;

use super::*;

pub(super) const ORIGIN: &str = "clinic.example/audit";
const NOON_MS: u64 = 1_795_348_800_000;

/// Stands in for the keyring: hides nothing, but binds what it seals to its place as an AEAD does.
#[derive(Default)]
pub(super) struct TestSealer {
    pub is_away: AtomicBool,
    pub is_destroyed: AtomicBool,
}

impl DetailSealer for TestSealer {
    fn seal(&self, day: i32, aad: &[u8], plain: &[u8], out: &mut Vec<u8>) -> Result<(), SealError> {
        if self.is_away.load(Ordering::Relaxed) {
            return Err(SealError::KeyUnavailable);
        }
        out.extend(plain.iter().map(|byte| byte ^ 0x5a));
        out.extend_from_slice(&tag(day, aad, plain));
        Ok(())
    }

    fn open(&self, day: i32, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        if self.is_destroyed.load(Ordering::Relaxed) {
            return Err(SealError::KeyDestroyed);
        }
        let (body, sealed_tag) = sealed.split_last_chunk::<32>().ok_or(SealError::DoesNotOpen)?;
        let plain: Vec<u8> = body.iter().map(|byte| byte ^ 0x5a).collect();
        if tag(day, aad, &plain) == *sealed_tag { Ok(plain) } else { Err(SealError::DoesNotOpen) }
    }
}

fn tag(day: i32, aad: &[u8], plain: &[u8]) -> [u8; 32] {
    crypto::hash::sha256(&[&day.to_be_bytes(), aad, plain].concat())
}

pub(super) struct Bench {
    pub dir: TempDir,
    pub sealer: Arc<TestSealer>,
    pub now_ms: Arc<AtomicU64>,
}

impl Bench {
    pub fn new() -> Self {
        // Memory when there is some: what is tested here is order and content, not the disk.
        let base = if Path::new("/dev/shm").is_dir() { "/dev/shm".into() } else { std::env::temp_dir() };
        Bench {
            dir: tempfile::tempdir_in(base).unwrap(),
            sealer: Arc::default(),
            now_ms: Arc::new(AtomicU64::new(NOON_MS)),
        }
    }

    pub fn log_dir(&self) -> PathBuf {
        self.dir.path().join("audit")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// No checkpoint unless asked for; salts that are the same in every run.
    pub fn options(&self) -> LogOptions {
        let now_ms = self.now_ms.clone();
        let clock = Arc::new(move || now_ms.load(Ordering::Relaxed));
        let counter = AtomicU64::new(0);
        let entropy = Arc::new(move |out: &mut [u8]| {
            out.fill(counter.fetch_add(1, Ordering::Relaxed) as u8);
            Ok(())
        });
        let mut options = LogOptions::new(self.sealer.clone(), signing_key(), ORIGIN, clock, entropy);
        options.checkpoint_interval_ms = 3_600_000;
        options.reserve_step_bytes = 64 * 1024;
        options
    }

    pub fn open(&self) -> AuditLog {
        self.open_in(&self.log_dir()).unwrap()
    }

    pub fn open_in(&self, dir: &Path) -> Result<AuditLog, LogError> {
        AuditLog::open(dir, self.options())
    }

    pub fn verify(&self, against: Option<&str>) -> Report {
        self.verify_in(&self.log_dir(), against)
    }

    pub fn verify_in(&self, dir: &Path, against: Option<&str>) -> Report {
        let options = VerifyOptions { key: key(), against, sealer: Some(&*self.sealer), written: None };
        verify(dir, options).unwrap()
    }

    /// The folder as a crash at this moment would leave it.
    pub fn snapshot(&self, name: &str) -> PathBuf {
        let copy = self.path(name);
        copy_all(&self.log_dir(), &copy);
        copy
    }
}

pub(super) fn signing_key() -> SigningKey {
    SigningKey::from_seed(&[42; 32])
}

pub(super) fn key() -> VerifierKey {
    VerifierKey::new(ORIGIN, signing_key().verifying_key())
}

pub(super) fn event(row: u64) -> PendingEvent {
    let who = Who { user: "u-7f3a", role: "clinician", ..Who::default() };
    let mut event = Event::new(NOON_MS + row, Action::Read, Purpose::Treatment, who);
    event.objects = vec![Object { row, chart: 9, version: 1, type_code: 96, part: 0 }].into();
    PendingEvent::reading(&event).unwrap()
}

/// Many events at once, so that they form large groups.
pub(super) fn append_many(log: &AuditLog, rows: std::ops::Range<u64>) {
    let futures: Vec<_> = rows.map(|row| log.submit(event(row))).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        for future in futures {
            future.await.unwrap();
        }
    });
}

pub(super) fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_all(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

pub(super) fn rows_of(entries: Entries) -> Vec<u64> {
    entries
        .map(|entry| {
            let detail = entry.unwrap().detail.unwrap();
            Event::decode(&detail).unwrap().objects[0].row
        })
        .collect()
}

#[test]
fn what_was_submitted_is_read_back_in_both_directions_and_proved() {
    let bench = Bench::new();
    let log = bench.open();
    append_many(&log, 0..700);
    for row in 700..720 {
        assert_eq!(log.append_now(event(row)), Ok(row));
    }
    let reader = log.reader(bench.sealer.clone());
    assert_eq!(rows_of(reader.forwards(0, u64::MAX)), (0..720).collect::<Vec<_>>());
    assert_eq!(rows_of(reader.backwards(690, 715)), (690..715).rev().collect::<Vec<_>>());
    assert!(reader.get(720).unwrap().is_none());
    assert!(reader.prove(0).is_err(), "there is no checkpoint yet");

    log.checkpoint_now().unwrap();
    for index in [0, 255, 256, 511, 512, 719] {
        let proof = reader.prove(index).unwrap().unwrap();
        let leaf = reader.get(index).unwrap().unwrap().leaf.encode();
        assert_eq!(proof.verify(&leaf, &key()).unwrap().size, 720);
    }
    log.append_now(event(720)).unwrap();
    assert!(reader.prove(720).unwrap().is_none(), "not under the checkpoint yet");
    let metrics = log.metrics();
    assert_eq!((metrics.events, metrics.unanchored_leaves, metrics.is_available), (721, 1, true));
}

#[test]
fn a_destroyed_day_key_leaves_leaves_and_proofs() {
    let bench = Bench::new();
    let log = bench.open();
    log.append_now(event(1)).unwrap();
    log.close();
    bench.sealer.is_destroyed.store(true, Ordering::Relaxed);
    let entry = log.reader(bench.sealer.clone()).get(0).unwrap().unwrap();
    assert!(entry.detail.is_none());
    let report = bench.verify(None);
    assert!(report.is_intact(), "{report}");
    assert_eq!((report.details_checked, report.details_destroyed), (0, 1));
}

#[test]
fn segments_roll_by_month_and_by_size() {
    let bench = Bench::new();
    let mut options = bench.options();
    options.segment_bytes_max = 1000;
    let log = AuditLog::open(&bench.log_dir(), options).unwrap();
    for row in 0..8 {
        log.append_now(event(row)).unwrap();
    }
    bench.now_ms.fetch_add(31 * 86_400_000, Ordering::Relaxed);
    log.append_now(event(8)).unwrap();
    log.close();
    let mut names: Vec<String> = std::fs::read_dir(bench.log_dir())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("segment"))
        .collect();
    names.sort();
    assert!(names.len() > 2);
    assert_eq!(names[0], "segment-2026-11-0001.log");
    assert!(names.last().unwrap().starts_with("segment-2026-12-"));
    let report = bench.verify(None);
    assert!(report.is_intact(), "{report}");
    let log = bench.open();
    assert_eq!(rows_of(log.reader(bench.sealer.clone()).backwards(0, 9)), (0..9).rev().collect::<Vec<_>>());
}

#[test]
fn a_key_that_is_away_fails_the_events_and_outbox_order_is_kept() {
    let bench = Bench::new();
    let log = bench.open();
    log.submit_outbox(1, event(1)).unwrap();
    log.append_now(event(100)).unwrap();
    bench.sealer.is_away.store(true, Ordering::Relaxed);
    assert_eq!(log.append_now(event(101)), Err(LogError::Seal(SealError::KeyUnavailable)));
    log.submit_outbox(2, event(2)).unwrap();
    while !log.is_outbox_refused() {
        std::thread::yield_now();
    }
    bench.sealer.is_away.store(false, Ordering::Relaxed);
    assert_eq!(log.submit_outbox(3, event(3)), Err(LogError::OutboxRefused), "3 must not overtake 2");
    assert_eq!(log.resume_outbox(), 1);
    for number in 1..=3 {
        log.submit_outbox(number, event(number)).unwrap();
    }
    log.append_now(event(102)).unwrap();
    assert_eq!(log.moved_up_to(), 3);
    assert_eq!(rows_of(log.reader(bench.sealer.clone()).forwards(0, 9)), [1, 100, 2, 3, 102]);
}
