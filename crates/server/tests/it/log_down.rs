//! The audit log cannot be written: the answer is 503 and holds no data, and when the log is back nothing is missing.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::house::{House, copy_folder, patient, wardstone_ok, wardstone_refused};

/// Blocks of 512 bytes that no file of the server may outgrow.
const FILE_BLOCKS_MAX: u32 = 1_200;
/// Room for the log's reserve and some rows.
const VOLUME_MIB: usize = 48;
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn while_the_log_takes_no_event_there_is_no_data() {
    // The signal that a file is too large is ignored, as the process inherits it; what is left is a failing write.
    let mut house = House::start_under(0, &format!("trap '' XFSZ; ulimit -f {FILE_BLOCKS_MAX}"));
    let mut client = house.integration();
    let family = "Unmistakable";
    assert_eq!(client.put("/fhir/Patient/held", &patient("held", family)).unwrap().status, 201);

    let (mut refused, mut answered) = (0, 0);
    let began = Instant::now();
    while refused == 0 {
        assert!(began.elapsed() < PATIENCE, "the log never came to its end after {answered} reads");
        let answer = client.get("/fhir/Patient/held").unwrap();
        match answer.status {
            200 => answered += 1,
            503 => {
                assert!(!String::from_utf8_lossy(&answer.body).contains(family), "data without an audit record");
                assert_eq!(answer.json()["resourceType"], "OperationOutcome");
                refused += 1;
            }
            other => panic!("{other}: {}", String::from_utf8_lossy(&answer.body)),
        }
    }
    // A new segment has room again: the log comes back by itself.
    while client.get("/fhir/Patient/held").unwrap().status != 200 {
        assert!(began.elapsed() < PATIENCE, "the log does not come back");
        std::thread::sleep(Duration::from_millis(50));
    }
    answered += 1;
    house.stop();
    let (data, events) = (house.path("data"), house.path("events.ndjson"));
    let said = wardstone_ok(&["audit", "verify", "--data", &data]);
    assert!(said.contains("the log is intact"), "{said}");
    wardstone_ok(&["audit", "export", "--data", &data, "--out", &events]);
    let text = std::fs::read_to_string(&events).unwrap();
    let reads = text.lines().filter(|line| line.contains("\"action\":\"R\"") && line.contains("Patient/held")).count();
    assert!(reads >= answered, "{answered} answered, {reads} in the log");
}

/// A volume of its own that is soon full; taken down with the test.
struct SmallVolume(PathBuf);

impl SmallVolume {
    /// `None` where one may not mount.
    fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let options = format!("size={VOLUME_MIB}m,mode=0700");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at).output().ok()?;
        mounted.status.success().then(|| Self(at.to_owned()))
    }
}

impl Drop for SmallVolume {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

#[test]
fn a_full_disk_refuses_writes_and_loses_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let Some(volume) = SmallVolume::mount(&folder.path().join("data")) else {
        println!("SKIP: mounting a volume is not permitted");
        return;
    };
    let mut house = House::start_in(folder, 0);
    let mut client = house.integration();
    let blob = "QUJD".repeat(128 * 1024);
    let mut acknowledged = Vec::new();
    let refusal = loop {
        let id = format!("full-{}", acknowledged.len());
        let body = format!(r#"{{"resourceType":"Binary","id":"{id}","contentType":"text/plain","data":"{blob}"}}"#);
        let answer = client.put(&format!("/fhir/Binary/{id}"), body.as_bytes()).unwrap();
        if answer.status != 201 {
            break answer;
        }
        acknowledged.push(id);
        assert!(acknowledged.len() < 4 * VOLUME_MIB, "the volume never gets full");
    };
    assert!(matches!(refusal.status, 503 | 507), "{}: {}", refusal.status, String::from_utf8_lossy(&refusal.body));
    assert_eq!(refusal.json()["resourceType"], "OperationOutcome");
    house.kill();

    // On a volume with room, as after a larger disk was put in.
    let roomy = house.folder.path().join("roomy");
    copy_folder(&house.data(), &roomy);
    drop(volume);
    let _ = std::fs::remove_dir(house.data());
    std::fs::rename(&roomy, house.data()).unwrap();
    house.start_again();
    let mut client = house.integration();
    for id in &acknowledged {
        assert_eq!(client.get(&format!("/fhir/Binary/{id}")).unwrap().status, 200, "{id} was acknowledged");
    }
    house.stop();
    let said = wardstone_ok(&["audit", "verify", "--data", &house.path("data")]);
    assert!(said.contains("the log is intact"), "{said}");
}

#[test]
fn a_read_only_directory_is_a_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let Some(volume) = SmallVolume::mount(&folder.path().join("data")) else {
        println!("SKIP: mounting a volume is not permitted");
        return;
    };
    let mut house = House::start_in(folder, 0);
    house.stop();
    let remounted = Command::new("mount").args(["-o", "remount,ro"]).arg(&volume.0).output().unwrap();
    assert!(remounted.status.success());
    let data = house.path("data");
    let said = wardstone_refused(&["demo", "--data", &data, "--listen", "127.0.0.1:0"], 1);
    assert!(said.contains("read-only"), "{said}");
}
