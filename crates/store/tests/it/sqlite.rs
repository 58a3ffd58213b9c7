//! The behaviour suite on SQLCipher, and what only files can do.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use audit::Action;
use crypto::Keyring;
use store::log::{AuditLog, LogError, LogOptions};
use store::sqlite::{DatabaseKeys, DaySealer};
use store::{Backend, Expected, Sqlite, StoreError, Write};
use zeroize::Zeroizing;

use crate::behaviour::{self, Engine, batch, evidence, write};

pub struct OnDisk {
    store: Arc<Sqlite>,
    clock_ms: Arc<AtomicI64>,
    directory: tempfile::TempDir,
}

impl Engine for OnDisk {
    type Store = Sqlite;

    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock_ms = Arc::new(AtomicI64::new(1_700_000_000_000));
        Self { store: open(directory.path(), [2; 32], &clock_ms).unwrap(), clock_ms, directory }
    }

    fn store(&self) -> &Arc<Sqlite> {
        &self.store
    }

    fn clock_ms(&self) -> &AtomicI64 {
        &self.clock_ms
    }

    async fn reopen(self) -> Self {
        self.store.close();
        drop(self.store);
        Self { store: open(self.directory.path(), [2; 32], &self.clock_ms).unwrap(), ..self }
    }
}

fn open(directory: &Path, root: [u8; 32], clock_ms: &Arc<AtomicI64>) -> Result<Arc<Sqlite>, StoreError> {
    let keyring = Arc::new(Keyring::new([1; 16], Zeroizing::new(root)));
    let keys = DatabaseKeys {
        record: keyring.purpose("record"),
        keys: keyring.purpose("keys"),
        index: keyring.purpose("index"),
    };
    let key_database = Sqlite::open_keys(directory, &keys)?;
    let sealer = Arc::new(DaySealer::new(keyring.clone(), key_database.clone()));
    let time = clock_ms.clone();
    let log_time = clock_ms.clone();
    let entropy = |out: &mut [u8]| crypto::random(out).map_err(|_| LogError::Random);
    let options = LogOptions::new(
        sealer.clone(),
        keyring.log_signing_key(),
        "test.example/audit",
        Arc::new(move || log_time.load(Ordering::Relaxed) as u64),
        Arc::new(entropy),
    );
    let log = Arc::new(AuditLog::open(&directory.join("audit"), options).map_err(StoreError::Log)?);
    let clock = Arc::new(move || time.load(Ordering::Relaxed));
    Ok(Arc::new(Sqlite::open(directory, &keys, key_database, log, sealer, clock)?))
}

macro_rules! promises {
    ($($name:ident),* $(,)?) => {
        $(#[tokio::test]
        async fn $name() {
            behaviour::$name::<OnDisk>().await;
        })*
    };
}

promises!(
    a_batch_is_all_or_nothing,
    versions_replace_each_other_and_none_is_lost,
    sequences_rise_also_when_the_clock_goes_back_and_across_a_restart,
    a_condition_holds_at_the_commit_or_the_batch_is_refused,
    a_piece_of_an_import_is_committed_once,
    done_before_is_said_when_it_can_be_found,
    a_chart_is_reserved_once_for_a_patient_to_come,
    an_id_that_a_client_chose_is_taken_once,
    a_follower_reads_what_it_follows,
    followers_run_in_commit_order_before_the_answer,
    a_receipt_covers_what_its_event_named_and_nothing_else,
    index_runs_are_found_by_label_and_replaced_as_one,
);

#[tokio::test]
async fn every_write_is_in_the_log_once_also_when_the_outbox_is_replayed() {
    let engine = OnDisk::new().await;
    for row in 1..=20 {
        engine.store.commit(batch(vec![write(row, 1, Expected::New)])).await.unwrap();
    }
    engine.store.record_event(evidence(Action::Read, &[(1, 1)])).await.unwrap();
    // Opened twice more: what still lies in the outbox is offered to the log again each time.
    let engine = engine.reopen().await.reopen().await;
    let seqs: Vec<u64> =
        engine.store.log_reader().forwards(0, u64::MAX).map(|e| e.unwrap().leaf.seq).filter(|s| *s != 0).collect();
    assert_eq!(seqs.len(), 20);
    assert!(seqs.is_sorted() && seqs.windows(2).all(|w| w[0] != w[1]));
}

#[tokio::test]
async fn a_wrong_key_and_a_damaged_file_are_told_apart_from_nothing_and_lose_nothing() {
    let engine = OnDisk::new().await;
    engine.store.commit(batch(vec![write(1, 1, Expected::New)])).await.unwrap();
    engine.store.close();
    drop(engine.store);
    let path = engine.directory.path();
    let wrong = open(path, [3; 32], &engine.clock_ms).err().unwrap();
    assert!(matches!(wrong, StoreError::Damaged { file: "keys.db" }), "{wrong}");
    assert_eq!(open(path, [2; 32], &engine.clock_ms).unwrap().body(1).await.unwrap().unwrap().body, b"body 1 1");
}

#[tokio::test]
async fn a_copy_made_while_writing_goes_on_is_one_moment() {
    let engine = OnDisk::new().await;
    for row in 1..=10 {
        engine.store.commit(batch(vec![write(row, 1, Expected::New)])).await.unwrap();
    }
    let store = engine.store.clone();
    let writing = tokio::spawn(async move {
        for row in 11..=60 {
            store.commit(batch(vec![write(row, 1, Expected::New)])).await.unwrap();
        }
    });
    let copied = engine.directory.path().join("copy");
    std::fs::create_dir(&copied).unwrap();
    let store = engine.store.clone();
    let record = copied.join("record.db");
    let seq = tokio::task::spawn_blocking(move || store.copy_with_log(&record)).await.unwrap().unwrap().seq;
    writing.await.unwrap();
    engine.store.keys().copy(&copied.join("keys.db")).unwrap();
    let restored = open(&copied, [2; 32], &engine.clock_ms).unwrap();
    assert_eq!(restored.last_seq(), seq);
    let heads = restored.heads_since(0, 0, 100).await.unwrap();
    assert_eq!(heads.last().unwrap().seq, seq);
    assert_eq!(restored.high_water().await.unwrap().0, heads.len() as u64);
}

#[tokio::test]
async fn a_record_that_is_older_than_its_log_does_not_open() {
    let engine = OnDisk::new().await;
    engine.store.commit(batch(vec![write(1, 1, Expected::New)])).await.unwrap();
    let engine = engine.reopen().await;
    let record = engine.directory.path().join("record.db");
    let older = std::fs::read(&record).unwrap();
    engine.store.commit(batch(vec![write(2, 1, Expected::New)])).await.unwrap();
    engine.store.close();
    drop(engine.store);
    std::fs::write(&record, older).unwrap();
    let refused = open(engine.directory.path(), [2; 32], &engine.clock_ms).err().unwrap();
    assert!(matches!(refused, StoreError::RolledBack), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_go_on_while_others_read_and_the_write_ahead_log_is_folded() {
    let engine = OnDisk::new().await;
    let large = |row| Write { body: vec![7; 512 * 1024], ..write(row, 1, Expected::New) };
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (store, stop) = (engine.store.clone(), stop.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    store.body(1).await.unwrap();
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    let mut slowest = std::time::Duration::ZERO;
    for row in 1..=300 {
        let started = std::time::Instant::now();
        engine.store.commit(batch(vec![large(row)])).await.unwrap();
        slowest = slowest.max(started.elapsed());
    }
    stop.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
    // 150 MB went through the write-ahead log; a writer that waits for readers to let it begin anew waits 10 s.
    assert!(slowest < std::time::Duration::from_secs(8), "{slowest:?}");
}
