//! A full disk: nothing is acknowledged that is not durable, and the log comes back by itself.

use std::process::Command;
use std::time::{Duration, Instant};

use super::*;

#[test]
fn a_full_disk_refuses_events_and_space_brings_the_log_back() {
    let bench = Bench::new();
    let disk = bench.path("disk");
    std::fs::create_dir(&disk).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(&disk).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        println!("SKIP: no permission to mount a small disk");
        return;
    }
    let mount = Mount(disk.clone());
    let dir = disk.join("audit");
    let log = bench.open_in(&dir).unwrap();
    log.append_now(event(0)).unwrap();
    std::fs::write(disk.join("filler"), vec![7; 700 * 1024]).unwrap();

    // Reserved space lasts for a while after the disk is full.
    let mut acknowledged = 1;
    let refused = loop {
        match log.append_now(PendingEvent { detail: vec![1; 4000], ..event(0) }) {
            Ok(index) => assert_eq!(index, acknowledged),
            Err(error) => break error,
        }
        acknowledged += 1;
        assert!(acknowledged < 1000, "the disk never filled up");
    };
    assert_eq!(refused, LogError::Unavailable);
    assert!(acknowledged > 8, "what was reserved ahead was not used");
    assert!(!log.is_available());
    assert_eq!(log.append_now(event(1)), Err(LogError::Unavailable));
    assert_eq!(log.submit_outbox(1, event(1)), Err(LogError::Unavailable));
    assert_eq!(log.size(), acknowledged);

    std::fs::remove_file(disk.join("filler")).unwrap();
    let started = Instant::now();
    while !log.is_available() {
        assert!(started.elapsed() < Duration::from_secs(20), "the log did not come back");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(log.append_now(event(5)), Ok(acknowledged));
    assert_eq!(log.resume_outbox(), 0);
    log.submit_outbox(1, event(6)).unwrap();
    log.close();
    assert_eq!(log.moved_up_to(), 1);
    assert!(log.metrics().write_failures >= 1);
    let report = bench.verify_in(&dir, None);
    assert!(report.is_intact() && report.leaves == acknowledged + 2 && report.segments >= 2, "{report}");
    drop(log);
    assert_eq!(bench.open_in(&dir).unwrap().size(), acknowledged + 2);
    drop(mount);
}

struct Mount(PathBuf);

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a failing test may still hold files open.
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}
