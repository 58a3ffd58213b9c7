//! Whoever edits the log or a row, with any key in hand, is found and the place is named.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::Connection;
use server::assembly::Keys;
use server::directory::DataDirectory;
use server::kek;
use store::sqlite::DatabaseKeys;

use crate::house::{House, copy_folder, patient, text, wardstone, wardstone_ok, wardstone_refused};

/// A stopped demo with some history, and copies of it to damage.
struct Scene {
    house: House,
}

impl Scene {
    fn new() -> Self {
        let mut house = House::start(0);
        let mut client = house.integration();
        for n in 0..6 {
            let id = format!("p{n}");
            assert_eq!(client.put(&format!("/fhir/Patient/{id}"), &patient(&id, "First")).unwrap().status, 201);
        }
        assert_eq!(client.put("/fhir/Patient/p0", &patient("p0", "Second")).unwrap().status, 200);
        assert_eq!(client.get("/fhir/Patient/p0").unwrap().status, 200);
        house.stop();
        Self { house }
    }

    fn copy(&self, name: &str) -> PathBuf {
        let to = self.house.folder.path().join(name);
        let _ = std::fs::remove_dir_all(&to);
        copy_folder(&self.house.data(), &to);
        to
    }

    fn kek(&self) -> String {
        self.house.path("data.kek")
    }

    /// What `audit verify` says about a damaged copy.
    fn verify(&self, data: &Path, against: Option<&Path>) -> String {
        let (data, against) = (data.display().to_string(), against.map(|path| path.display().to_string()));
        let kek = self.kek();
        let mut arguments = vec!["audit", "verify", "--data", &data, "--kek-file", &kek];
        if let Some(against) = &against {
            arguments.extend(["--against", against]);
        }
        wardstone_refused(&arguments, 1)
    }
}

fn segment(data: &Path) -> PathBuf {
    let entries = std::fs::read_dir(data.join("audit")).unwrap();
    let mut segments: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .collect();
    segments.sort();
    segments.remove(0)
}

/// Where each record begins; by what the format's document says of them.
fn record_starts(bytes: &[u8]) -> Vec<usize> {
    let magic = &bytes[32..36];
    (32..bytes.len() - 4).filter(|at| bytes[*at..].starts_with(magic)).collect()
}

#[test]
fn an_untouched_directory_verifies_and_says_what_it_cannot_exclude() {
    let scene = Scene::new();
    let said = wardstone_ok(&["audit", "verify", "--data", &scene.house.path("data")]);
    assert!(
        said.contains("the log is intact") && said.contains("rollback of the whole log cannot be excluded"),
        "{said}"
    );
    let checkpoint = scene.house.path("data/audit/checkpoint");
    let said = wardstone_ok(&["audit", "verify", "--data", &scene.house.path("data"), "--against", &checkpoint]);
    assert!(said.contains("external checkpoint") && !said.contains("cannot be excluded"), "{said}");
    // With the public key alone, as a stranger.
    let said = wardstone_ok(&["audit", "verify", "--log-folder", &scene.house.path("data/audit")]);
    assert!(said.contains("the log is intact"), "{said}");
}

#[test]
fn an_edited_deleted_reordered_or_truncated_log_is_named() {
    let scene = Scene::new();
    let damage = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let data = scene.copy(name);
        let path = segment(&data);
        let mut bytes = std::fs::read(&path).unwrap();
        change(&mut bytes);
        std::fs::write(&path, bytes).unwrap();
        scene.verify(&data, None)
    };
    let said = damage("edited", &|bytes| {
        let at = record_starts(bytes)[2] + 60;
        bytes[at] ^= 1;
    });
    assert!(said.contains("Edited") && said.contains("NOT INTACT"), "{said}");
    let said = damage("deleted", &|bytes| {
        let starts = record_starts(bytes);
        bytes.drain(starts[2]..starts[3]);
    });
    assert!(said.contains("Missing") || said.contains("Edited"), "{said}");
    let said = damage("reordered", &|bytes| {
        let starts = record_starts(bytes);
        let second = bytes[starts[2]..starts[3]].to_vec();
        bytes.drain(starts[2]..starts[3]);
        let place = starts[4] - second.len();
        bytes.splice(place..place, second);
    });
    assert!(said.contains("Reordered"), "{said}");
    let said = damage("truncated", &|bytes| {
        let starts = record_starts(bytes);
        bytes.truncate(starts[starts.len() - 2]);
    });
    assert!(said.contains("Truncated"), "{said}");
}

#[test]
fn a_rolled_back_or_forked_log_is_named_when_a_checkpoint_was_kept_elsewhere() {
    let mut scene = Scene::new();
    let old = scene.copy("old");
    scene.house.start_again();
    assert_eq!(scene.house.integration().put("/fhir/Patient/new", &patient("new", "New")).unwrap().status, 201);
    scene.house.stop();
    let kept = scene.house.folder.path().join("kept-checkpoint");
    std::fs::copy(scene.house.data().join("audit/checkpoint"), &kept).unwrap();

    // Everything as it was, signed by the right key: only the checkpoint tells.
    let said = scene.verify(&old, Some(&kept));
    assert!(said.contains("RolledBack"), "{said}");

    // The old state lives on, with other events, beyond the size of the kept checkpoint.
    std::fs::remove_dir_all(scene.house.data()).unwrap();
    std::fs::rename(&old, scene.house.data()).unwrap();
    scene.house.start_again();
    let mut client = scene.house.integration();
    for n in 0..8 {
        let id = format!("other-{n}");
        assert_eq!(client.put(&format!("/fhir/Patient/{id}"), &patient(&id, "Other")).unwrap().status, 201);
    }
    scene.house.stop();
    let forked = scene.house.data();
    let said = scene.verify(&forked, Some(&kept));
    assert!(said.contains("Forked"), "{said}");

    // Cut back to before the fork with the old signed checkpoint put in place.
    let said = wardstone_ok(&["audit", "verify", "--data", &forked.display().to_string()]);
    assert!(said.contains("cannot be excluded"), "{said}");
}

#[test]
fn an_edited_rolled_back_or_deleted_row_is_named_though_the_database_key_is_known() {
    let scene = Scene::new();
    let tamper = |name: &str, sql: &str| {
        let data = scene.copy(name);
        open(&data, &scene.kek()).execute_batch(sql).unwrap();
        scene.verify(&data, None)
    };
    let said =
        tamper("edited", "UPDATE body SET body = zeroblob(length(body)) WHERE row = (SELECT max(row) FROM body)");
    assert!(said.contains("Rows: commit") && said.contains("version 1"), "{said}");
    let said = tamper(
        "deleted",
        "DELETE FROM head WHERE row = (SELECT max(row) FROM body); DELETE FROM body WHERE row = (SELECT max(row) FROM body)",
    );
    assert!(said.contains("none of its versions is stored"), "{said}");
    let said = tamper(
        "rolled-back",
        "DELETE FROM head WHERE row IN (SELECT row FROM past); DELETE FROM body WHERE row IN (SELECT row FROM past);
         INSERT INTO head (chart, row, version, seq, head) SELECT chart, row, version, seq, head FROM past;
         INSERT INTO body (row, chart, version, seq, body) SELECT row, chart, version, seq, body FROM past;
         DELETE FROM past",
    );
    assert!(said.contains("none of its versions is stored"), "{said}");
    let said = tamper("history-gone", "DELETE FROM past");
    assert!(said.contains("none of its versions is stored"), "{said}");
    let said = tamper("moved", "UPDATE head SET seq = seq + 1; UPDATE body SET seq = seq + 1");
    assert!(said.contains("the log knows nothing of it"), "{said}");
}

#[test]
fn a_record_that_was_put_back_is_named_and_not_served() {
    let mut scene = Scene::new();
    let old = std::fs::read(scene.house.data().join("record.db")).unwrap();
    scene.house.start_again();
    let mut client = scene.house.integration();
    for n in 0..5 {
        let id = format!("later-{n}");
        assert_eq!(client.put(&format!("/fhir/Patient/{id}"), &patient(&id, "Later")).unwrap().status, 201);
    }
    scene.house.stop();

    let data = scene.house.data();
    std::fs::write(data.join("record.db"), old).unwrap();
    for leftover in ["record.db-wal", "record.db-shm"] {
        let _ = std::fs::remove_file(data.join(leftover));
    }
    for against in [None, Some(data.join("audit/checkpoint"))] {
        let said = scene.verify(&data, against.as_deref());
        assert_eq!(said.matches("none of its versions is stored").count(), 5, "{said}");
        assert!(said.contains("THE ROWS ARE NOT"), "{said}");
    }
    let said = wardstone_refused(
        &["demo", "--data", &scene.house.path("data"), "--patients", "0", "--listen", "127.0.0.1:0"],
        1,
    );
    assert!(said.contains("the record is older than its audit log"), "{said}");
}

#[test]
fn a_server_that_commits_meanwhile_is_no_finding() {
    let house = House::start(0);
    let mut client = house.integration();
    // A log that is a second old has none yet, and says so.
    while !house.data().join("audit/checkpoint").exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let mut written = 0;
            while !is_over.load(Ordering::Relaxed) {
                let id = format!("p{written}");
                assert_eq!(client.put(&format!("/fhir/Patient/{id}"), &patient(&id, "Meanwhile")).unwrap().status, 201);
                written += 1;
            }
            written
        });
        let arguments = ["audit", "verify", "--data", &house.path("data")];
        let outputs: Vec<_> = (0..5).map(|_| wardstone(&arguments)).collect();
        is_over.store(true, Ordering::Relaxed);
        assert!(writing.join().unwrap() > 0);
        for output in outputs {
            assert!(output.status.success(), "{}", text(&output));
        }
    });
}

#[test]
fn a_missing_or_foreign_key_is_named() {
    let scene = Scene::new();
    let tamper = |name: &str, sql: &str| {
        let data = scene.copy(name);
        open_keys(&data, &scene.kek()).execute_batch(sql).unwrap();
        scene.verify(&data, None)
    };
    let said = tamper("no-day", "DELETE FROM day_key");
    assert!(said.contains("Keys: the key of audit day 20") && said.contains("KEYS ARE MISSING"), "{said}");
    let said = tamper("foreign-day", "UPDATE day_key SET wrapped = zeroblob(length(wrapped))");
    assert!(said.contains("Keys: the key of audit day 20"), "{said}");
    // Keys are made ahead: one that is used.
    let record = open(&scene.copy("whole"), &scene.kek());
    let chart: i64 = record.query_row("SELECT max(chart) FROM head", [], |row| row.get(0)).unwrap();
    let said = tamper("no-chart", &format!("DELETE FROM chart_key WHERE chart = {chart}"));
    assert!(said.contains(&format!("Keys: chart {chart} has versions and no key")), "{said}");
    for part in ["general", "sensitive"] {
        let said = tamper(part, &format!("UPDATE chart_key SET {part} = zeroblob(length({part}))"));
        assert!(said.contains("Keys: the key of chart ") && said.contains("does not open"), "{said}");
    }
}

#[test]
fn a_waiting_event_is_opened_and_compared_with_what_its_commit_stored() {
    let mut scene = Scene::new();
    let audit = scene.house.folder.path().join("audit-before");
    copy_folder(&scene.house.data().join("audit"), &audit);
    scene.house.start_again();
    assert_eq!(scene.house.integration().put("/fhir/Patient/late", &patient("late", "Late")).unwrap().status, 201);
    scene.house.stop();
    // As if the log had failed before the commit's event reached it.
    std::fs::remove_dir_all(scene.house.data().join("audit")).unwrap();
    std::fs::rename(&audit, scene.house.data().join("audit")).unwrap();
    let said = wardstone_ok(&["audit", "verify", "--data", &scene.house.path("data")]);
    assert!(said.contains("note: 1 commits have their events in the data"), "{said}");

    let tamper = |name: &str, sql: &str| {
        let data = scene.copy(name);
        open(&data, &scene.kek()).execute_batch(sql).unwrap();
        scene.verify(&data, None)
    };
    let said = tamper(
        "edited",
        "UPDATE body SET body = zeroblob(length(body)) WHERE seq = (SELECT value FROM mark WHERE name = 'last_seq')",
    );
    assert!(said.contains("is not stored as its waiting event says"), "{said}");
    let said = tamper(
        "deleted",
        "DELETE FROM head WHERE seq = (SELECT value FROM mark WHERE name = 'last_seq');
         DELETE FROM body WHERE seq = (SELECT value FROM mark WHERE name = 'last_seq')",
    );
    assert!(said.contains("(none of its versions is stored) is not stored as its waiting event says"), "{said}");
    let said = tamper("forged", "UPDATE outbox SET event = zeroblob(64)");
    assert!(said.contains("the waiting event of commit") && said.contains("does not open"), "{said}");
    let said = tamper("gone", "DELETE FROM outbox");
    assert!(said.contains("the log knows nothing of it"), "{said}");
}

/// As an attacker with the database keys.
fn open(data: &Path, kek: &str) -> Connection {
    open_file(data, "record.db", kek, |databases| databases.record.as_ref())
}

fn open_keys(data: &Path, kek: &str) -> Connection {
    open_file(data, "keys.db", kek, |databases| databases.keys.as_ref())
}

fn open_file(data: &Path, file: &str, kek: &str, key: impl Fn(&DatabaseKeys) -> &[u8]) -> Connection {
    let directory = DataDirectory::open(data).unwrap();
    let keys = Keys::open(&directory, &kek::read_kek_file(Path::new(kek)).unwrap(), None).unwrap();
    let connection = Connection::open(data.join(file)).unwrap();
    let hex = crypto::kek::hex_encode(key(&keys.databases));
    connection
        .execute_batch(&format!("PRAGMA key = \"x'{hex}'\"; PRAGMA cipher_hmac_algorithm = HMAC_SHA256;"))
        .unwrap();
    connection
}
