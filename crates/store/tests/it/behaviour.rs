//! The behaviour suite of [`Backend`]: one function a promise, generic over the engine.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use audit::event::{Object, Who};
use audit::{Action, Event, Purpose};
use futures_util::FutureExt;
use store::{
    Backend, Batch, Disclosed, Discloses, Evidence, Expected, NoNewMatch, Run, Seq, StoreError, Subject, Write,
};

/// What an engine brings to be tested: opened on the same data again by `reopen`, driven by a clock that tests set.
pub trait Engine: Sized {
    type Store: Backend;
    async fn new() -> Self;
    fn store(&self) -> &Arc<Self::Store>;
    fn clock_ms(&self) -> &AtomicI64;
    async fn reopen(self) -> Self;
}

pub fn write(row: u64, version: u32, expected: Expected) -> Write {
    Write {
        row,
        chart: 20,
        version,
        expected,
        head: format!("head {row} {version}").into_bytes(),
        body: format!("body {row} {version}").into_bytes(),
        locator: None,
    }
}

pub fn evidence(action: Action, objects: &[(u64, u32)]) -> Evidence {
    let objects: Vec<Object> =
        objects.iter().map(|&(row, version)| Object { row, chart: 20, version, type_code: 1, part: 1 }).collect();
    let mut event = Event::new(1, action, Purpose::Treatment, Who { user: "u", role: "nurse", ..Who::default() });
    event.objects = objects.into();
    Evidence::of(&event).unwrap()
}

pub fn batch(writes: Vec<Write>) -> Batch {
    let objects: Vec<(u64, u32)> = writes.iter().map(|w| (w.row, w.version)).collect();
    Batch {
        evidence: evidence(Action::Create, &objects),
        writes,
        unchanged: Vec::new(),
        no_new_match: Vec::new(),
        keywords: Vec::new(),
        reserved: Vec::new(),
        once: None,
        on_commit: Box::new(|_| {}),
    }
}

pub async fn a_batch_is_all_or_nothing<E: Engine>() {
    let engine = E::new().await;
    let store = engine.store();
    store.commit(batch(vec![write(1, 1, Expected::New)])).await.unwrap();
    let stale = Expected::Current { version: 7, chart: 20 };
    let refused = store.commit(batch(vec![write(2, 1, Expected::New), write(1, 8, stale)])).await;
    assert!(matches!(refused, Err(StoreError::VersionConflict { row: 1, held: 1, given: 7 })));
    assert!(store.body(2).await.unwrap().is_none());
    assert_eq!(store.heads_of_chart(20, 10).await.unwrap().len(), 1);
}

pub async fn versions_replace_each_other_and_none_is_lost<E: Engine>() {
    let engine = E::new().await;
    let store = engine.store();
    store.commit(batch(vec![write(1, 1, Expected::New)])).await.unwrap();
    for version in 2..=5 {
        let expected = Expected::Current { version: version - 1, chart: 20 };
        store.commit(batch(vec![write(1, version, expected)])).await.unwrap();
    }
    assert_eq!(store.body(1).await.unwrap().unwrap().body, b"body 1 5");
    assert_eq!(store.head(20, 1).await.unwrap().unwrap().head, b"head 1 5");
    let past: Vec<u32> = store.past_of(1, 5, 10).await.unwrap().iter().map(|p| p.version).collect();
    assert_eq!(past, [4, 3, 2, 1]);
    assert_eq!(store.past(1, 2).await.unwrap().unwrap().body, b"body 1 2");
    let moved = Write { chart: 21, ..write(1, 6, Expected::Current { version: 5, chart: 20 }) };
    store.commit(batch(vec![moved])).await.unwrap();
    assert!(store.heads_of_chart(20, 10).await.unwrap().is_empty(), "a row has one head");
    assert_eq!(store.heads_of_chart(21, 10).await.unwrap().len(), 1);
}

pub async fn sequences_rise_also_when_the_clock_goes_back_and_across_a_restart<E: Engine>() {
    let engine = E::new().await;
    engine.clock_ms().store(2_000_000, Ordering::Relaxed);
    let first = engine.store().commit(batch(vec![write(1, 1, Expected::New)])).await.unwrap().seq;
    assert_eq!(store::backend::seq_time_ms(first), 2_000_000);
    engine.clock_ms().store(1_000, Ordering::Relaxed);
    let second = engine.store().commit(batch(vec![write(2, 1, Expected::New)])).await.unwrap().seq;
    assert!(second > first);
    let engine = engine.reopen().await;
    assert_eq!(engine.store().last_seq(), second);
    let third = engine.store().commit(batch(vec![write(3, 1, Expected::New)])).await.unwrap().seq;
    assert!(third > second);
    let order: Vec<Seq> = engine.store().heads_since(0, 0, 10).await.unwrap().iter().map(|h| h.seq).collect();
    assert_eq!(order, [first, second, third]);
    assert_eq!(engine.store().high_water().await.unwrap(), (3, 20));
}

pub async fn a_condition_holds_at_the_commit_or_the_batch_is_refused<E: Engine>() {
    let engine = E::new().await;
    let store = engine.store();
    let since = store.last_seq();
    let keyword = [7; 16];
    let conditional = |row| {
        let mut batch = batch(vec![write(row, 1, Expected::New)]);
        batch.keywords = vec![keyword];
        batch.no_new_match = vec![NoNewMatch { any_of: vec![keyword], since }];
        batch
    };
    // At once, so that both may be in one group.
    let (first, second) = tokio::join!(store.commit(conditional(1)), store.commit(conditional(2)));
    assert!(first.is_ok() != second.is_ok(), "exactly one of two may win");
    let mut unrelated = conditional(3);
    unrelated.no_new_match[0].any_of = vec![[8; 16]];
    assert!(store.commit(unrelated).await.is_ok());
}

pub async fn a_piece_of_an_import_is_committed_once<E: Engine>() {
    let engine = E::new().await;
    let piece = |row| Batch { once: Some([1; 16]), ..batch(vec![write(row, 1, Expected::New)]) };
    engine.store().commit(piece(1)).await.unwrap();
    let engine = engine.reopen().await;
    assert!(engine.store().was_done(&[1; 16]).await.unwrap());
    assert!(matches!(engine.store().commit(piece(2)).await, Err(StoreError::Done)));
    assert!(engine.store().body(2).await.unwrap().is_none());
}

/// In one group, too: who is told "done before" may look for what was done.
pub async fn done_before_is_said_when_it_can_be_found<E: Engine>() {
    let engine = E::new().await;
    let store = engine.store();
    let piece = |row| Batch { once: Some([1; 16]), ..batch(vec![write(row, 1, Expected::New)]) };
    let (told, was_told) = std::sync::mpsc::channel::<()>();
    let is_followed = Arc::new(AtomicBool::new(false));
    let follows = is_followed.clone();
    // The first to commit holds the writer until both pieces wait behind it; the follower of a piece is slow.
    let (holds, held) = std::sync::mpsc::channel::<()>();
    let (go, may_go) = std::sync::mpsc::channel::<()>();
    let holding = move |_| {
        let _ = holds.send(());
        let _ = may_go.recv();
    };
    let before = Batch { on_commit: Box::new(holding), ..batch(vec![write(9, 1, Expected::New)]) };
    let mut before = std::pin::pin!(store.commit(before));
    assert!(before.as_mut().now_or_never().is_none());
    held.recv().unwrap();
    let following = move |_| {
        let _ = was_told.recv_timeout(Duration::from_millis(300));
        follows.store(true, Ordering::Release);
    };
    let first = Batch { on_commit: Box::new(following), ..piece(1) };
    let second = async {
        assert!(matches!(store.commit(piece(2)).await, Err(StoreError::Done)));
        assert!(is_followed.load(Ordering::Acquire), "done before, and nothing to be found");
        drop(told);
    };
    let (before, first, (), ()) = tokio::join!(before, store.commit(first), second, async move { drop(go) });
    assert!(before.is_ok() && first.is_ok());
}

pub async fn an_id_that_a_client_chose_is_taken_once<E: Engine>() {
    let engine = E::new().await;
    let store = engine.store();
    let named = |row| Write { locator: Some([5; 16]), ..write(row, 1, Expected::New) };
    store.commit(batch(vec![named(1)])).await.unwrap();
    assert!(matches!(store.commit(batch(vec![named(2)])).await, Err(StoreError::Exists { row: 1 })));
    assert_eq!(store.locate(&[5; 16]).await.unwrap(), Some(1));
    assert_eq!(store.locate(&[6; 16]).await.unwrap(), None);
}

pub async fn followers_run_in_commit_order_before_the_answer<E: Engine>() {
    let engine = E::new().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut answers = Vec::new();
    for row in 1..=50 {
        let seen = seen.clone();
        let follower = move |seq| seen.lock().unwrap().push(seq);
        let store = engine.store().clone();
        let batch = Batch { on_commit: Box::new(follower), ..batch(vec![write(row, 1, Expected::New)]) };
        answers.push(async move { store.commit(batch).await.unwrap().seq });
    }
    for answer in answers {
        let seq = answer.await;
        assert_eq!(seen.lock().unwrap().last(), Some(&seq));
    }
    assert!(seen.lock().unwrap().is_sorted());
}

pub async fn a_follower_reads_what_it_follows<E: Engine>() {
    let engine = E::new().await;
    let store = engine.store();
    store.commit(batch(vec![write(1, 1, Expected::New)])).await.unwrap();
    // A reader has looked before, and may have kept what it saw.
    assert_eq!(store.body(1).await.unwrap().unwrap().version, 1);
    let (reading, seen) = (store.clone(), Arc::new(Mutex::new(None)));
    let follower = {
        let seen = seen.clone();
        move |_| *seen.lock().unwrap() = reading.body(1).now_or_never().map(|row| row.unwrap().unwrap().version)
    };
    let expected = Expected::Current { version: 1, chart: 20 };
    let batch = Batch { on_commit: Box::new(follower), ..batch(vec![write(1, 2, expected)]) };
    store.commit(batch).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), Some(2));
}

pub async fn a_receipt_covers_what_its_event_named_and_nothing_else<E: Engine>() {
    struct Shown(Vec<Subject>);
    impl Discloses for Shown {
        fn subjects(&self, each: &mut dyn FnMut(Subject)) {
            self.0.iter().for_each(|s| each(*s));
        }
    }
    let engine = E::new().await;
    let named = Subject { row: 1, version: 2, view: 1 };
    let receipt = engine.store().record_event(evidence(Action::Read, &[(1, 2)])).await.unwrap();
    assert!(receipt.leaf().is_some());
    assert!(Disclosed::new(Shown(vec![named]), &receipt).is_ok());
    for other in [Subject { row: 2, ..named }, Subject { version: 1, ..named }, Subject { view: 2, ..named }] {
        assert!(Disclosed::new(Shown(vec![named, other]), &receipt).is_err());
    }
}

pub async fn index_runs_are_found_by_label_and_replaced_as_one<E: Engine>() {
    let engine = E::new().await;
    let store = engine.store();
    let run = |run, from, to| Run { run, from, to, resources: 1 };
    store.write_run(run(1, 0, 5), vec![], vec![([1; 16], b"a".to_vec())]).await.unwrap();
    store.write_run(run(2, 5, 9), vec![], vec![([1; 16], b"b".to_vec())]).await.unwrap();
    assert_eq!(store.posting(2, &[1; 16]).await.unwrap().unwrap(), b"b");
    store.write_run(run(3, 0, 9), vec![1, 2], vec![([2; 16], b"c".to_vec())]).await.unwrap();
    assert_eq!(store.runs().await.unwrap(), [run(3, 0, 9)]);
    assert_eq!(store.posting(1, &[1; 16]).await.unwrap(), None);
    assert_eq!(store.posting(3, &[2; 16]).await.unwrap().unwrap(), b"c");
}

pub async fn a_chart_is_reserved_once_for_a_patient_to_come<E: Engine>() {
    let engine = E::new().await;
    let store = engine.store();
    let reserving =
        |row, chart| Batch { reserved: vec![([9; 16], chart)], ..batch(vec![write(row, 1, Expected::New)]) };
    store.commit(reserving(1, 30)).await.unwrap();
    store.commit(reserving(2, 30)).await.unwrap();
    assert!(matches!(store.commit(reserving(3, 31)).await, Err(StoreError::NewMatch)));
    assert_eq!(store.locate(&[9; 16]).await.unwrap(), Some(30));
}
