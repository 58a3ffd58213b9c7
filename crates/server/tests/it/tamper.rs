//! Whoever edits the log or a row, with any key in hand, is found and the place is named.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use server::assembly::Keys;
use server::directory::DataDirectory;
use server::kek;

use crate::house::{House, copy_folder, patient, wardstone_ok, wardstone_refused};

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

/// As an attacker with the database key.
fn open(data: &Path, kek: &str) -> Connection {
    let directory = DataDirectory::open(data).unwrap();
    let keys = Keys::open(&directory, &kek::read_kek_file(Path::new(kek)).unwrap(), None).unwrap();
    let connection = Connection::open(data.join("record.db")).unwrap();
    let hex = crypto::kek::hex_encode(keys.databases.record.as_ref());
    connection
        .execute_batch(&format!("PRAGMA key = \"x'{hex}'\"; PRAGMA cipher_hmac_algorithm = HMAC_SHA256;"))
        .unwrap();
    connection
}
