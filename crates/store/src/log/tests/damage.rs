//! No change goes unnoticed, and each is named for what it is; a stranger's verifier agrees.

use std::process::Command;

use super::recovery::{records, segment};
use super::*;

#[test]
fn every_flipped_byte_is_found() {
    let bench = Bench::new();
    let log = bench.open();
    append_many(&log, 0..3);
    log.append_now(event(3)).unwrap();
    log.checkpoint_now().unwrap();
    log.append_now(event(4)).unwrap();
    log.close();
    assert!(bench.verify(None).is_intact());
    let mut flipped = 0;
    for path in files(&bench.log_dir()) {
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            std::fs::write(&path, bytes).unwrap();
            assert!(!bench.verify(None).is_intact(), "byte {at} of {} was changed unnoticed", path.display());
            flipped += 1;
        }
        std::fs::write(&path, whole).unwrap();
    }
    assert!(flipped > 2000, "only {flipped} bytes were tried");
    assert!(bench.verify(None).is_intact());
}

#[test]
fn an_edited_leaf_is_named_even_under_a_correct_checksum() {
    let bench = five_records();
    let path = segment(&bench.log_dir());
    let mut bytes = std::fs::read(&path).unwrap();
    let (offsets, _) = records(&bench.log_dir());
    let start = offsets[2] as usize;
    bytes[start + 48 + 2] = 1;
    let end = offsets[3] as usize;
    let check = crypto::hash::sha256(&[&bytes[start..start + 40], &bytes[start + 48..end]].concat());
    bytes[start + 40..start + 48].copy_from_slice(&check[..8]);
    std::fs::write(&path, bytes).unwrap();
    let report = bench.verify(None);
    assert!(
        report.problems.iter().any(|p| p.kind == ProblemKind::Edited && p.place.starts_with("leaf 2 ")),
        "{report}"
    );
    strangers_verdict(&bench, &bench.log_dir(), None, Some("leaf 2"));
}

#[test]
fn a_deleted_record_and_reordered_records_are_named() {
    let bench = five_records();
    let path = segment(&bench.log_dir());
    let whole = std::fs::read(&path).unwrap();
    let (offsets, _) = records(&bench.log_dir());
    let (a, b, c) = (offsets[1] as usize, offsets[2] as usize, offsets[3] as usize);

    std::fs::write(&path, [&whole[..a], &whole[b..]].concat()).unwrap();
    let report = bench.verify(None);
    assert!(report.problems.iter().any(|p| p.kind == ProblemKind::Missing && p.place == "leaves 1 to 1"), "{report}");
    strangers_verdict(&bench, &bench.log_dir(), None, Some("leaf 2 where 1 was due"));

    std::fs::write(&path, [&whole[..a], &whole[b..c], &whole[a..b], &whole[c..]].concat()).unwrap();
    let report = bench.verify(None);
    assert!(report.has(ProblemKind::Reordered) && !report.has(ProblemKind::Missing), "{report}");
    strangers_verdict(&bench, &bench.log_dir(), None, Some("leaf 2 where 1 was due"));
}

#[test]
fn a_log_cut_below_its_checkpoint_is_truncated() {
    let bench = five_records();
    let path = segment(&bench.log_dir());
    let (offsets, _) = records(&bench.log_dir());
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..offsets[3] as usize]).unwrap();
    let report = bench.verify(None);
    assert!(report.has(ProblemKind::Truncated), "{report}");
    strangers_verdict(&bench, &bench.log_dir(), None, Some("Truncated"));
}

#[test]
fn a_missing_segment_and_a_missing_tile_are_named() {
    let bench = Bench::new();
    let mut options = bench.options();
    options.segment_bytes_max = 400;
    let log = AuditLog::open(&bench.log_dir(), options).unwrap();
    for row in 0..6 {
        log.append_now(event(row)).unwrap();
    }
    log.close();
    let segments = crate::log::segment::list(&bench.log_dir()).unwrap();
    let away = bench.path("away");
    std::fs::rename(&segments[1].path, &away).unwrap();
    let report = bench.verify(None);
    assert!(
        report.problems.iter().any(|p| p.kind == ProblemKind::Missing && p.what.contains("segments 2 to 2")),
        "{report}"
    );
    assert!(report.problems.iter().any(|p| p.place.starts_with("leaves ")), "{report}");
    std::fs::rename(&away, &segments[1].path).unwrap();

    std::fs::remove_file(bench.log_dir().join("tile/0/000.p/6")).unwrap();
    let report = bench.verify(None);
    assert!(report.problems.iter().any(|p| p.kind == ProblemKind::Missing && p.place == "tile/0/000.p/6"), "{report}");
    strangers_verdict(&bench, &bench.log_dir(), None, Some("tile/0/000.p/6"));
}

/// Whoever has the signing key can write a log that is consistent in itself. Only a checkpoint kept elsewhere tells.
#[test]
fn rollback_and_fork_with_the_real_key_need_and_meet_an_external_checkpoint() {
    let bench = Bench::new();
    let log = bench.open();
    (0..3).for_each(|row| assert!(log.append_now(event(row)).is_ok()));
    log.checkpoint_now().unwrap();
    let rolled_back = bench.snapshot("rolled-back");
    (3..5).for_each(|row| assert!(log.append_now(event(row)).is_ok()));
    let external = log.checkpoint_now().unwrap();
    log.close();

    let report = bench.verify(Some(&external));
    assert!(report.is_intact() && report.is_rollback_excluded(), "{report}");
    assert_eq!(report.anchor, Anchor::External { size: 5 });

    // The old files as they were.
    let report = bench.verify_in(&rolled_back, None);
    assert!(report.is_intact() && !report.is_rollback_excluded(), "{report}");
    assert!(report.to_string().contains("rollback of the whole log cannot be excluded"));
    let report = bench.verify_in(&rolled_back, Some(&external));
    assert!(report.has(ProblemKind::RolledBack), "{report}");
    strangers_verdict(&bench, &rolled_back, Some(&external), Some("RolledBack"));

    // The old files, continued with other events and signed with the real key: as long, and then longer.
    for more in [2, 4] {
        let log = bench.open_in(&rolled_back).unwrap();
        (0..more).for_each(|row| assert!(log.append_now(event(90 + row)).is_ok()));
        log.close();
        assert!(bench.verify_in(&rolled_back, None).is_intact());
        let report = bench.verify_in(&rolled_back, Some(&external));
        assert!(report.has(ProblemKind::Forked), "{report}");
        strangers_verdict(&bench, &rolled_back, Some(&external), Some("Forked"));
    }
}

#[test]
fn a_forged_checkpoint_is_refused() {
    let bench = five_records();
    let note = std::fs::read_to_string(bench.log_dir().join("checkpoint")).unwrap();
    let own = audit::Checkpoint::verify(&note, &key()).unwrap();
    let forged = own.sign(&SigningKey::from_seed(&[1; 32]));
    std::fs::write(bench.log_dir().join("checkpoint"), forged).unwrap();
    let report = bench.verify(None);
    assert!(report.has(ProblemKind::BadSignature), "{report}");
    assert_eq!(report.anchor, Anchor::None);
    strangers_verdict(&bench, &bench.log_dir(), None, Some("BadSignature"));
}

#[test]
fn writes_are_handed_out_for_comparison_with_rows() {
    let bench = Bench::new();
    let log = bench.open();
    log.append_now(event(0)).unwrap();
    log.append_now(PendingEvent { seq: 7, written_root: [3; 32], ..event(1) }).unwrap();
    log.close();
    let mut seen = Vec::new();
    let mut keep = |written| seen.push(written);
    verify(&bench.log_dir(), VerifyOptions { key: key(), against: None, sealer: None, written: Some(&mut keep) })
        .unwrap();
    assert_eq!(seen, [Written { index: 1, seq: 7, root: [3; 32] }]);
}

#[test]
fn the_strangers_verifier_agrees_on_an_intact_log() {
    let bench = Bench::new();
    let mut options = bench.options();
    options.segment_bytes_max = 20_000;
    let log = AuditLog::open(&bench.log_dir(), options).unwrap();
    append_many(&log, 0..500);
    let external = log.checkpoint_now().unwrap();
    append_many(&log, 500..800);
    log.close();
    strangers_verdict(&bench, &bench.log_dir(), Some(&external), None);
    strangers_verdict(&bench, &bench.log_dir(), None, None);
}

#[test]
fn the_strangers_verifier_does_not_call_a_log_intact_that_is_gone() {
    let bench = Bench::new();
    strangers_verdict(&bench, &bench.path("nothing-is-here"), None, Some("Missing"));
}

fn five_records() -> Bench {
    let bench = Bench::new();
    let log = bench.open();
    (0..5).for_each(|row| assert!(log.append_now(event(row)).is_ok()));
    log.close();
    bench
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        if entry.path().is_dir() {
            files.extend(self::files(&entry.path()));
        } else {
            files.push(entry.path());
        }
    }
    files
}

/// Runs `conformance/verify_log.py`: it must find the log intact, or say this word and fail.
pub(super) fn strangers_verdict(bench: &Bench, dir: &Path, against: Option<&str>, complaint: Option<&str>) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/verify_log.py");
    let mut command = Command::new("python3");
    command.arg(script).arg(dir).arg("--key").arg(key().to_text());
    if let Some(against) = against {
        std::fs::write(bench.path("external"), against).unwrap();
        command.arg("--against").arg(bench.path("external"));
    }
    let Ok(output) = command.output() else {
        println!("SKIP: python3 absent");
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        output.status.code(),
        Some(i32::from(complaint.is_some())),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(complaint.is_none_or(|complaint| said.contains(complaint)), "{said}");
}
