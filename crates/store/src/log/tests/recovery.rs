//! What is there after a crash.

use super::damage::strangers_verdict;
use super::*;
use crate::log::format::{RECORD_HEADER_BYTES, SEGMENT_HEADER_BYTES};
use crate::log::segment::Scan;

#[test]
fn a_clean_close_and_a_crash_lose_nothing() {
    let bench = Bench::new();
    let log = bench.open();
    append_many(&log, 0..300);
    log.checkpoint_now().unwrap();
    append_many(&log, 300..900);
    let crashed = bench.snapshot("crashed");
    log.close();
    for dir in [bench.log_dir(), crashed] {
        let log = bench.open_in(&dir).unwrap();
        assert_eq!(log.size(), 900);
        assert_eq!(log.append_now(event(900)), Ok(900));
        log.close();
        let report = bench.verify_in(&dir, None);
        assert!(report.is_intact(), "{report}");
        assert_eq!((report.leaves, report.leaves_unanchored, report.details_checked), (901, 0, 901));
    }
}

#[test]
fn a_lost_state_and_lost_tiles_are_rebuilt_from_segments() {
    let bench = Bench::new();
    let log = bench.open();
    append_many(&log, 0..600);
    log.close();
    std::fs::remove_file(bench.log_dir().join("state")).unwrap();
    std::fs::remove_dir_all(bench.log_dir().join("tile")).unwrap();
    let log = bench.open();
    log.append_now(event(600)).unwrap();
    log.close();
    let report = bench.verify(None);
    assert!(report.is_intact(), "{report}");
}

/// Every length that a crash can leave the last record with, and every length padded with zeroes as reserved space is.
#[test]
fn a_torn_last_record_is_cut_off_wherever_it_tears() {
    let bench = Bench::new();
    let log = bench.open();
    for row in 0..3 {
        log.append_now(event(row)).unwrap();
    }
    log.checkpoint_now().unwrap();
    log.append_now(event(3)).unwrap();
    let snapshot = bench.snapshot("snapshot");
    drop(log);
    let (offsets, end) = records(&snapshot);
    let (last, whole) = (offsets[3], std::fs::read(segment(&snapshot)).unwrap());
    let torn = bench.path("torn");
    for cut in last..=end {
        for is_padded in [false, true] {
            let _ = std::fs::remove_dir_all(&torn);
            copy_all(&snapshot, &torn);
            let mut bytes = whole[..cut as usize].to_vec();
            if is_padded {
                bytes.resize(whole.len(), 0);
            }
            std::fs::write(segment(&torn), bytes).unwrap();
            let log = bench.open_in(&torn).unwrap();
            // The last byte of the sealed block may be a zero that was written.
            let expected = if cut == end { 4 } else { 3 };
            assert!(log.size() == expected || is_padded && whole[cut as usize..end as usize].iter().all(|b| *b == 0));
            let next = log.size();
            assert_eq!(log.append_now(event(9)), Ok(next));
            log.close();
            let report = bench.verify_in(&torn, None);
            assert!(report.is_intact(), "cut at {cut}: {report}");
        }
    }
    // Below the checkpoint nothing may be missing.
    for cut in [SEGMENT_HEADER_BYTES as u64, offsets[1], offsets[2] + 5] {
        std::fs::write(segment(&snapshot), &whole[..cut as usize]).unwrap();
        assert!(matches!(bench.open_in(&snapshot), Err(LogError::RolledBack { anchored: 3, .. })), "cut at {cut}");
    }
}

#[test]
fn damage_before_the_last_record_is_no_torn_write() {
    let bench = Bench::new();
    let log = bench.open();
    for row in 0..3 {
        log.append_now(event(row)).unwrap();
    }
    let snapshot = bench.snapshot("snapshot");
    drop(log);
    let (offsets, _) = records(&snapshot);
    let mut bytes = std::fs::read(segment(&snapshot)).unwrap();
    bytes[offsets[1] as usize + RECORD_HEADER_BYTES] ^= 1;
    std::fs::write(segment(&snapshot), bytes).unwrap();
    assert!(matches!(bench.open_in(&snapshot), Err(LogError::Corrupt { .. })));
}

/// A write that failed may be on the disk all the same. The log went on in a fresh segment, and that decides.
#[test]
fn a_record_that_was_never_acknowledged_is_void() {
    let bench = Bench::new();
    let log = bench.open();
    (0..3).for_each(|row| assert!(log.append_now(event(row)).is_ok()));
    let dir = bench.snapshot("snapshot");
    drop(log);
    let (offsets, _) = records(&dir);
    let (first, whole) = (segment(&dir), std::fs::read(segment(&dir)).unwrap());
    std::fs::write(&first, &whole[..offsets[2] as usize]).unwrap();
    let log = AuditLog::open(&dir, LogOptions { segment_bytes_max: 100, ..bench.options() }).unwrap();
    assert_eq!(log.append_now(event(77)), Ok(2));
    log.close();
    std::fs::write(&first, &whole).unwrap();

    std::fs::remove_file(dir.join("state")).unwrap();
    let log = bench.open_in(&dir).unwrap();
    assert_eq!(rows_of(log.reader(bench.sealer.clone()).forwards(0, 9)), [0, 1, 77]);
    log.close();
    let report = bench.verify_in(&dir, None);
    assert!(report.is_intact() && report.notes.len() == 1, "{report}");
    strangers_verdict(&bench, &dir, None, None);
}

#[test]
fn outbox_events_are_moved_once_however_often_they_are_offered() {
    let bench = Bench::new();
    let log = bench.open();
    for number in 1..=5 {
        log.submit_outbox(number, event(number)).unwrap();
    }
    log.append_now(event(50)).unwrap();
    assert_eq!(log.moved_watermark().load(Ordering::Acquire), 5);
    let crashed = bench.snapshot("crashed");
    let log = bench.open_in(&crashed).unwrap();
    assert_eq!((log.moved_up_to(), log.resume_outbox()), (5, 5));
    for number in 3..=7 {
        log.submit_outbox(number, event(number)).unwrap();
    }
    log.append_now(event(60)).unwrap();
    assert_eq!(rows_of(log.reader(bench.sealer.clone()).forwards(0, 99)), [1, 2, 3, 4, 5, 50, 6, 7, 60]);
}

#[test]
fn a_log_behind_its_sink_does_not_open() {
    let bench = Bench::new();
    let sink = bench.path("sink");
    let options = || LogOptions { sink: Some(sink.clone()), ..bench.options() };
    let log = AuditLog::open(&bench.log_dir(), options()).unwrap();
    log.append_now(event(0)).unwrap();
    log.checkpoint_now().unwrap();
    let old = bench.snapshot("old");
    log.append_now(event(1)).unwrap();
    log.close();
    assert!(log.metrics().is_sink_healthy);
    let refused = AuditLog::open(&old, options());
    assert!(matches!(refused, Err(LogError::RolledBack { held: 1, anchored: 2 })));

    // Another history of the same length: the old state with another second event.
    let log = bench.open_in(&old).unwrap();
    log.append_now(event(77)).unwrap();
    log.close();
    assert!(matches!(AuditLog::open(&old, options()), Err(LogError::Forked { size: 2 })));
}

#[test]
fn a_log_is_open_once() {
    let bench = Bench::new();
    let log = bench.open();
    assert!(matches!(bench.open_in(&bench.log_dir()), Err(LogError::Locked)));
    log.close();
    assert_eq!(log.append_now(event(0)), Err(LogError::Closed));
    drop(log);
    bench.open();
}

pub(super) fn segment(dir: &Path) -> PathBuf {
    crate::log::segment::list(dir).unwrap().last().unwrap().path.clone()
}

/// Where the records of the last segment begin, and where the last one ends.
pub(super) fn records(dir: &Path) -> (Vec<u64>, u64) {
    let mut scan = Scan::open(&segment(dir)).unwrap();
    let mut offsets = Vec::new();
    while let Some((offset, _)) = scan.hop().unwrap() {
        offsets.push(offset);
    }
    (offsets, scan.position())
}
