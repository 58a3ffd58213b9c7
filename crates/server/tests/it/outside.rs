//! A relay on somebody else's machine: configured by a command, used under an agreement alone.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use access::{Purpose, Role};
use compliance::{Digest, Filter, Rule, Service, Terms};
use server::demo::{self, DemoPlan};
use server::visits::{self, Relaying, Visits};
use server::{certificates, clock, operator, tls};
use telehealth::hall::{Hall, Said};
use telehealth::room::{Invite, Settings};

use crate::house::{wardstone, wardstone_ok, wardstone_refused};

const SECRET: &str = "north-north-north-north";
const VENDOR: &str = "Relays, Inc.";
const TURNSERVER: &str = "/usr/bin/turnserver";
const CLIENT: &str = "/usr/bin/turnutils_uclient";
const DAY_MS: i64 = 86_400_000;

struct Folder(tempfile::TempDir);

impl Folder {
    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn config(&self, port: u16, whose: &str) -> String {
        let (config, secret) = (self.path("wardstone.toml"), self.path("turn-secret"));
        std::fs::write(&secret, SECRET).unwrap();
        let text = format!(
            "[visits]\ncoturn = ['turn:localhost:{port}?transport=udp']\ncoturn_secret_file = '{secret}'\n{whose}\n"
        );
        std::fs::write(&config, text).unwrap();
        config
    }
}

#[test]
fn whose_machine_a_coturn_is_has_to_be_said() {
    let folder = Folder(tempfile::tempdir().unwrap());
    let print = |whose: &str| {
        let config = folder.config(3478, whose);
        wardstone(&["serve", "--config", &config, "--print-config"]).status.code()
    };
    assert_eq!(print(""), Some(2));
    assert_eq!(print("coturn_vendor = 'Relays, Inc.'\ncoturn_own = true"), Some(2));
    assert_eq!((print("coturn_own = true"), print("coturn_vendor = 'Relays, Inc.'")), (Some(0), Some(0)));
}

#[test]
fn a_printed_coturn_configuration_runs_and_holds_no_secret_that_nobody_asked_for() {
    let folder = Folder(tempfile::tempdir().unwrap());
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = folder.config(port, "coturn_own = true");
    let command = ["relay", "coturn-config", "--config", &config, "--listen", "127.0.0.1"];
    let shown = wardstone_ok(&command);
    assert!(!shown.contains(SECRET) && shown.contains("turn-secret)"), "{shown}");
    assert!(wardstone_ok(&[&command[..], &["--with-secret"]].concat()).contains(SECRET));
    wardstone_refused(&[&command[..4], &["--listen", "0.0.0.0"]].concat(), 1);
    wardstone_refused(&[&command[..], &["--certificate", "/c.pem", "--key", "/k.pem"]].concat(), 2);
    let out = folder.path("turnserver.conf");
    let said = wardstone_ok(&[&command[..], &["--out", &out, "--ports", "50000-50999"]].concat());
    assert!(!said.contains(SECRET), "{said}");
    assert_eq!(std::fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
    wardstone_refused(&[&command[..], &["--out", &out]].concat(), 1);
    if !Path::new(TURNSERVER).exists() {
        println!("SKIP: {TURNSERVER} is not installed");
        return;
    }
    let text = std::fs::read_to_string(&out).unwrap();
    // The log goes to a file here, where a site sends it to syslog.
    std::fs::write(&out, text.replace("no-stdout-log\nsyslog\n", "")).unwrap();
    let mut coturn = Command::new(TURNSERVER)
        .args(["-c", &out, "--log-file", "stdout", "--pidfile", &folder.path("pid"), "--db", &folder.path("db")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let listens = (0..300).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    let client = |secret: &str| {
        let port = port.to_string();
        let arguments = ["-v", "-W", secret, "-u", "x", "-y", "-c", "-n", "1", "-p", &port, "127.0.0.1"];
        let output = Command::new(CLIENT).args(arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let (good, wrong) = (client(SECRET), client("another-secret-of-nobody"));
    coturn.kill().unwrap();
    coturn.wait().unwrap();
    assert!(listens);
    assert!(good.contains("Received relay addr: 127.0.0.1:50"), "an allocation: {good}");
    assert!(good.contains("403 (Forbidden IP)"), "and nothing near is a peer: {good}");
    assert!(!wrong.contains("Received relay addr"), "{wrong}");
}

#[test]
fn a_relay_of_a_vendor_is_offered_while_an_agreement_is_in_force_and_an_alert_tells_when_none_is() {
    let folder = Folder(tempfile::tempdir().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let now = Arc::new(AtomicI64::new(clock::now_ms()));
        let read = now.clone();
        let plan = DemoPlan { data: folder.0.path().join("data"), patients: 0, seed: 1, idle_minutes: 15 };
        demo::prepare(&plan.data).unwrap();
        let certificate = certificates::for_localhost(&plan.data.join("tls"), clock::now_ms()).unwrap();
        let clock: server::clock::Clock = Arc::new(move || read.load(Ordering::SeqCst));
        let (house, _) = demo::open(&plan, "https://localhost:1", clock).await.unwrap();
        folder.config(3478, "");
        let settings = Visits {
            coturn: vec!["turn:relay.example:3478".into()],
            coturn_secret_file: Some(folder.path("turn-secret").into()),
            coturn_vendor: Some(VENDOR.into()),
            ..Visits::default()
        };
        let tls = tls::server_config(&certificate).unwrap();
        let relaying = Relaying::start(&settings, "localhost", &tls).await.unwrap();
        let (rooms, _happened) = visits::open(&house, &relaying);
        assert!(!is_offered(&rooms.hall, "v1"), "before there is an agreement");
        raised(&house.queue).await;

        let day = |ms: i64| clock::instant(ms)[..10].parse().unwrap();
        let terms = Terms {
            vendor: VENDOR.into(),
            services: [Service::Turn].into(),
            signed: day(clock::now_ms() - DAY_MS),
            expires: day(clock::now_ms() + DAY_MS),
            document: Digest::of(b"agreement"),
            reviewer: "odera".into(),
            notes: String::new(),
        };
        let officer = operator::caller("odera", Role::PrivacyOfficer, Purpose::Compliance, &house.clock).unwrap();
        house.agreements.add(&officer, terms, "as decided by the board").await.unwrap();
        assert!(is_offered(&rooms.hall, "v2"), "while it is in force");
        now.fetch_add(3 * DAY_MS, Ordering::SeqCst);
        assert!(!is_offered(&rooms.hall, "v3"), "after its last day");
    });
}

/// The refusal is told beside the call, not before it.
async fn raised(queue: &compliance::Queue) {
    for _ in 0..600 {
        let alerts = queue.list(&Filter::default());
        if alerts.iter().any(|alert| alert.rule == Rule::PartyUncovered) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no alert");
}

/// What a clinician's browser is told that comes into the room.
fn is_offered(hall: &Hall, visit: &str) -> bool {
    let settings = Settings { visit: visit.into(), relay_only: true, high_risk: false };
    let invite = Invite { person: "user-1".into(), role: telehealth::signal::Role::Clinician, label: "Dr. Who".into() };
    let ticket = hall.invite(settings, invite).unwrap().text();
    let (line, mut said) = hall.connect(visit).unwrap();
    let keys = r#""keys":{"sign":"a","seal":"b","commit":"c"}"#;
    line.heard(&format!(r#"{{"v":1,"seq":1,"type":"hello","ticket":"{ticket}","resume":null,{keys}}}"#));
    while let Ok(Said::Text(text)) = said.try_recv() {
        if text.contains(r#""type":"welcome""#) {
            return text.contains("turn:relay.example:3478");
        }
    }
    panic!("no welcome")
}
