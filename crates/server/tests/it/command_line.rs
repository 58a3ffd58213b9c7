//! Commands that are called wrongly, on the wrong data or with the wrong key say so in one sentence.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;

use crate::house::{House, patient, wardstone, wardstone_ok, wardstone_refused};

#[test]
fn every_subcommand_has_help_with_an_example() {
    for command in [
        "demo",
        "init",
        "serve",
        "import",
        "export",
        "reindex",
        "backup",
        "restore",
        "audit verify",
        "audit export",
        "store dump",
        "doctor",
        "login",
        "logout",
        "user",
        "user first-admin",
        "role",
        "device",
        "session",
        "token",
        "policy",
        "alert",
        "baa",
        "relay coturn-config",
        "glass",
        "label",
        "explain",
    ] {
        let arguments: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let help = wardstone_ok(&arguments);
        assert!(help.contains("Example") && help.contains(&format!("wardstone {command}")), "{command}: {help}");
    }
    wardstone_refused(&["backup"], 2);
    wardstone_refused(&["demo", "--listen", "nowhere"], 2);
}

#[test]
fn demo_and_production_refuse_each_others_data() {
    let mut demo = House::start(0);
    demo.stop();
    let (data, production) = (demo.path("data"), demo.path("production"));
    let kek = demo.path("production-kek");
    wardstone_ok(&["init", "--data", &production, "--kek-file", &kek, "--new-kek"]);
    assert_eq!(std::fs::metadata(&kek).unwrap().permissions().mode() & 0o777, 0o600);
    let said = wardstone_refused(&["demo", "--data", &production, "--listen", "127.0.0.1:0"], 1);
    assert!(said.contains("production environment"), "{said}");

    let config = demo.path("wardstone.toml");
    std::fs::write(&config, format!("data = {data:?}\nlisten = \"127.0.0.1:0\"\n")).unwrap();
    let said = wardstone_refused(&["serve", "--config", &config], 1);
    assert!(said.contains("demo environment"), "{said}");

    // Relabelling does not help: the class is bound into the key.
    let root = demo.data().join("root.key");
    let text = std::fs::read_to_string(&root).unwrap().replace("class demo", "class production");
    std::fs::write(&root, text).unwrap();
    let said = wardstone_refused(&["serve", "--config", &config, "--kek-file", &demo.path("data.kek")], 1);
    assert!(said.contains("does not open"), "{said}");
}

#[test]
fn a_wrong_key_a_missing_key_and_a_key_in_the_data_directory_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (data, kek) = (path("data"), path("kek"));
    let said = wardstone_refused(&["init", "--data", &data, "--kek-file", &path("data/kek"), "--new-kek"], 1);
    assert!(said.contains("data directory"), "{said}");
    let said = wardstone_refused(&["init", "--data", &data], 2);
    assert!(said.contains("--kek-file"), "{said}");
    wardstone_ok(&["init", "--data", &data, "--kek-file", &kek, "--new-kek"]);
    wardstone_refused(&["init", "--data", &data, "--kek-file", &kek], 1);

    let said = wardstone_refused(&["audit", "verify", "--data", &data], 2);
    assert!(said.contains("--kek-file"), "{said}");
    let other = path("other-kek");
    std::fs::write(&other, "00".repeat(32)).unwrap();
    let said = wardstone_refused(&["audit", "verify", "--data", &data, "--kek-file", &other], 1);
    assert!(said.contains("does not open this root key"), "{said}");
    std::fs::write(&other, "not hexadecimal").unwrap();
    wardstone_refused(&["audit", "verify", "--data", &data, "--kek-file", &other], 1);
}

#[test]
fn a_passphrase_comes_by_file_descriptor_or_environment() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (data, file) = (path("data"), path("passphrase"));
    std::fs::write(&file, "correct horse battery staple\n").unwrap();
    wardstone_ok(&["init", "--data", &data, "--passphrase-file", &file]);
    let by_descriptor = format!("exec {} doctor --data {data} --passphrase-fd 3 3< {file}", crate::house::binary());
    let output = std::process::Command::new("sh").args(["-c", &by_descriptor]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("the key opens the root key"), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let output = std::process::Command::new(crate::house::binary())
        .args(["doctor", "--data", &data])
        .env("WARDSTONE_PASSPHRASE", "correct horse battery staple")
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("the key opens the root key"));
    std::fs::write(&file, "too short").unwrap();
    let said = wardstone_refused(&["init", "--data", &path("more"), "--passphrase-file", &file], 1);
    assert!(said.contains("shorter than"), "{said}");
}

#[test]
fn the_doctor_tells_a_new_directory_from_one_whose_log_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (data, kek) = (path("data"), path("kek"));
    wardstone_ok(&["init", "--data", &data, "--kek-file", &kek, "--new-kek"]);
    let doctor = ["doctor", "--data", &data, "--kek-file", &kek];
    let said = wardstone_ok(&doctor);
    assert!(said.contains("log: none yet"), "{said}");
    std::fs::write(folder.path().join("data/record.db"), b"").unwrap();
    let _ = std::fs::remove_dir_all(folder.path().join("data/audit"));
    let said = wardstone_refused(&doctor, 1);
    assert!(!said.contains("log: none yet"), "{said}");
}

#[test]
fn a_directory_has_one_process_at_a_time() {
    let house = House::start(0);
    let data = house.path("data");
    let said = wardstone_refused(&["demo", "--data", &data, "--listen", "127.0.0.1:0"], 1);
    assert!(said.contains("in use"), "{said}");
    let said = wardstone_refused(&["reindex", "--data", &data], 1);
    assert!(said.contains("in use"), "{said}");
}

#[test]
fn a_damaged_file_and_a_missing_directory_are_clear_errors() {
    let mut house = House::start(0);
    assert_eq!(house.integration().put("/fhir/Patient/a", &patient("a", "A")).unwrap().status, 201);
    house.stop();
    let data = house.path("data");
    let record = house.data().join("record.db");
    let whole = std::fs::read(&record).unwrap();
    let mut damaged = whole.clone();
    damaged[..4096].fill(0x55);
    std::fs::write(&record, damaged).unwrap();
    let said = wardstone_refused(&["demo", "--data", &data, "--listen", "127.0.0.1:0"], 1);
    assert!(said.contains("record.db") && said.contains("damaged"), "{said}");
    std::fs::write(&record, whole).unwrap();
    house.start_again();
    assert_eq!(house.integration().get("/fhir/Patient/a").unwrap().status, 200);

    let said = wardstone_refused(&["doctor", "--data", &house.path("nowhere")], 1);
    assert!(said.contains("does not exist"), "{said}");
}

#[test]
fn a_lost_index_is_built_anew() {
    let mut house = House::start(2);
    house.stop();
    let index = house.data().join("index.db");
    std::fs::write(&index, b"this is no database, and never was one; it only stands here").unwrap();
    house.start_again();
    let found = house.integration().get("/fhir/Patient?_count=10").unwrap();
    assert_eq!(found.json()["entry"].as_array().unwrap().len(), 2);
    house.stop();
    wardstone_ok(&["reindex", "--data", &house.path("data")]);
    house.start_again();
    let found = house.integration().get("/fhir/Patient?_count=10").unwrap();
    assert_eq!(found.json()["entry"].as_array().unwrap().len(), 2);
}

#[test]
fn settings_are_printed_and_a_misspelt_one_is_refused() {
    let printed = wardstone_ok(&["serve", "--print-config"]);
    assert!(printed.contains("body_bytes_max") && printed.contains("listen"), "{printed}");
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("wardstone.toml").display().to_string();
    std::fs::write(&config, "lisen = \"127.0.0.1:1\"\n").unwrap();
    let said = wardstone_refused(&["serve", "--config", &config, "--print-config"], 1);
    assert!(said.contains("lisen"), "{said}");
}

#[test]
fn production_without_accounts_serves_its_capabilities_and_nothing_else() {
    let mut demo = House::start(0);
    demo.stop();
    let (data, kek) = (demo.path("production"), demo.path("kek"));
    wardstone_ok(&["init", "--data", &data, "--kek-file", &kek, "--new-kek"]);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let base_url = format!("https://localhost:{port}");
    let config = demo.path("wardstone.toml");
    let (chain, key) = (demo.path("data/tls/chain.pem"), demo.path("data/tls/key.pem"));
    let text = format!(
        "data = {data:?}\nlisten = \"127.0.0.1:{port}\"\nbase_url = {base_url:?}\n\
         [tls]\ncertificate = {chain:?}\nkey = {key:?}\n[key]\nkek_file = {kek:?}\n\
         [limits]\nhandshake_ms = 300\n"
    );
    std::fs::write(&config, text).unwrap();
    let log = std::fs::File::create(demo.path("serve.log")).unwrap();
    let mut child = std::process::Command::new(crate::house::binary())
        .args(["serve", "--config", &config])
        .stderr(log)
        .spawn()
        .unwrap();
    let authority = demo.data().join("tls/ca.pem");
    let mut client = testkit::Client::new(&base_url, &authority).unwrap();
    let began = std::time::Instant::now();
    let metadata = loop {
        match client.get("/fhir/metadata") {
            Ok(answer) => break answer,
            Err(_) if began.elapsed().as_secs() < 60 => std::thread::sleep(std::time::Duration::from_millis(20)),
            Err(error) => panic!("serve does not start: {error:?}"),
        }
    };
    assert_eq!(metadata.status, 200);
    assert_eq!(client.get("/fhir/Patient").unwrap().status, 401);

    // Who connects and says nothing is let go.
    let mut silent = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    silent.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
    assert_eq!(silent.read(&mut [0; 16]).unwrap(), 0);
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
    let log = std::fs::read_to_string(demo.path("serve.log")).unwrap();
    assert!(log.contains("there are no accounts"), "{log}");
    assert!(log.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{log}");
    let doctor = wardstone(&["doctor", "--data", &data, "--kek-file", &kek]);
    assert!(doctor.status.success(), "{}", crate::house::text(&doctor));
}
