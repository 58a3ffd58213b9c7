//! The drill: back up a running server, lose the machine, restore elsewhere.

use crate::house::{House, copy_folder, patient, wardstone_ok, wardstone_refused};

#[test]
fn a_backup_of_a_running_server_restores_elsewhere_with_both_sets_and_the_key() {
    let mut house = House::start(1);
    let mut client = house.integration();
    assert_eq!(client.put("/fhir/Patient/before", &patient("before", "Before")).unwrap().status, 201);
    assert_eq!(client.put("/fhir/Patient/before", &patient("before", "Changed")).unwrap().status, 200);

    // Under write load: what is copied must agree with itself.
    let token_client = house.integration();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stopping = stop.clone();
    let load = std::thread::spawn(move || {
        let mut client = token_client;
        let mut written = 0;
        while !stopping.load(std::sync::atomic::Ordering::Relaxed) {
            let id = format!("load-{written}");
            assert_eq!(client.put(&format!("/fhir/Patient/{id}"), &patient(&id, "Load")).unwrap().status, 201);
            written += 1;
        }
        written
    });
    let (data, backup) = (house.path("data"), house.path("backup"));
    let said = wardstone_ok(&["backup", "--data", &data, &backup]);
    assert!(said.contains("audit events"), "{said}");
    // And so must what lies there, while it grows.
    for _ in 0..3 {
        wardstone_ok(&["audit", "verify", "--data", &data]);
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(load.join().unwrap() > 0);
    wardstone_refused(&["backup", "--data", &data, &backup], 1);
    wardstone_refused(&["backup", "--data", &data, &house.path("data/backup")], 1);
    assert_eq!(client.put("/fhir/Patient/after", &patient("after", "After")).unwrap().status, 201);
    house.stop();

    // On another machine: the sets apart, and the key.
    let elsewhere = tempfile::tempdir().unwrap();
    let path = |name: &str| elsewhere.path().join(name).display().to_string();
    copy_folder(&house.folder.path().join("backup/data"), &elsewhere.path().join("set-of-data"));
    copy_folder(&house.folder.path().join("backup/keys"), &elsewhere.path().join("set-of-keys"));
    let kek = house.path("data.kek");
    let restore = ["restore", &path("set-of-data"), "--keys", &path("set-of-keys"), "--data", &path("data")];
    let with_key: Vec<&str> = restore.iter().copied().chain(["--kek-file", &kek]).collect();

    wardstone_refused(&["restore", &path("set-of-data"), "--data", &path("data"), "--kek-file", &kek], 1);
    let other = path("other-kek");
    std::fs::write(&other, "11".repeat(32)).unwrap();
    let wrong: Vec<&str> = restore.iter().copied().chain(["--kek-file", &other]).collect();
    let said = wardstone_refused(&wrong, 1);
    assert!(said.contains("does not open"), "{said}");

    let said = wardstone_ok(&with_key);
    assert!(said.contains("the log is intact") && said.contains(" s."), "{said}");
    let said = wardstone_refused(&with_key, 1);
    assert!(said.contains("not empty"), "{said}");
    wardstone_ok(&["audit", "verify", "--data", &path("data")]);

    // A demo's key is found where it lay, also for a directory with another name.
    let backup_sets = house.path("backup");
    wardstone_ok(&["restore", &backup_sets, "--data", &path("found-by-itself")]);
    wardstone_ok(&["audit", "verify", "--data", &path("found-by-itself")]);

    // Served there: all that was before the backup, as it was, and nothing after it.
    let mut restored = House::start(0);
    restored.stop();
    std::fs::remove_dir_all(restored.data()).unwrap();
    std::fs::rename(elsewhere.path().join("data"), restored.data()).unwrap();
    std::fs::rename(elsewhere.path().join("data.kek"), restored.folder.path().join("data.kek")).unwrap();
    restored.start_again();
    let mut client = restored.integration();
    let read = client.get("/fhir/Patient/before").unwrap();
    assert_eq!(read.json()["name"][0]["family"], "Changed");
    let past = client.get("/fhir/Patient/before/_history/1").unwrap();
    assert_eq!(past.json()["name"][0]["family"], "Before");
    assert_eq!(client.get("/fhir/Patient/after").unwrap().status, 404);
    assert_eq!(restored.credentials()["api_token"], house.credentials()["api_token"]);
}

#[test]
fn a_damaged_backup_is_refused_and_says_which_file() {
    let mut house = House::start(0);
    assert_eq!(house.integration().put("/fhir/Patient/a", &patient("a", "A")).unwrap().status, 201);
    house.stop();
    let (data, kek) = (house.path("data"), house.path("data.kek"));
    wardstone_ok(&["backup", "--data", &data, &house.path("backup")]);
    let target = house.path("restored");
    for (damage, file) in [("data/record.db", "record.db"), ("keys/keys.db", "keys.db"), ("keys/root.key", "root.key")]
    {
        let copy = house.folder.path().join("damaged");
        let _ = std::fs::remove_dir_all(&copy);
        copy_folder(&house.folder.path().join("backup"), &copy);
        let path = copy.join(damage);
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let copy = copy.display().to_string();
        let said = wardstone_refused(&["restore", &copy, "--data", &target, "--kek-file", &kek], 1);
        assert!(said.contains(file), "{said}");
    }
    // A manifest that was made to fit is not signed.
    let copy = house.folder.path().join("forged");
    copy_folder(&house.folder.path().join("backup"), &copy);
    let manifest = copy.join("data/manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replacen("\"leaves\": ", "\"leaves\": 1", 1)).unwrap();
    let said = wardstone_refused(&["restore", &copy.display().to_string(), "--data", &target, "--kek-file", &kek], 1);
    assert!(said.contains("altered"), "{said}");
    assert!(!std::path::Path::new(&target).exists());
}
