//! A real coturn takes the file that we write.

use std::process::{Command, Stdio};
use std::time::Duration;

use wardstone_telehealth::turn::coturn::Coturn;
use wardstone_telehealth::turn::peer::DENIED;
use wardstone_telehealth::turn::{TurnSecret, TurnSecrets};

const TURNSERVER: &str = "/usr/bin/turnserver";

fn secrets() -> TurnSecrets {
    let secret = |text| TurnSecret::new(text).unwrap();
    TurnSecrets { current: secret("north-north-north"), previous: Some(secret("south-south-south")) }
}

fn site<'a>(certificate: &'a str, private_key: &'a str, port: u16) -> Coturn<'a> {
    Coturn {
        realm: "visits.example.org",
        listen: "127.0.0.1".parse().unwrap(),
        advertised: None,
        port,
        tls_port: port + 1,
        relay_ports: (49152, 49252),
        certificate,
        private_key,
        total_allocations_max: 200,
    }
}

#[test]
fn every_private_range_is_denied_and_a_value_adds_no_line() {
    let text = site("/c.pem", "/k.pem", 3478).configuration(&secrets()).unwrap();
    for line in [
        "use-auth-secret",
        "no-cli",
        "no-multicast-peers",
        "static-auth-secret=north-north-north",
        "static-auth-secret=south-south-south",
        "denied-peer-ip=10.0.0.0-10.255.255.255",
        "denied-peer-ip=169.254.0.0-169.254.255.255",
        "denied-peer-ip=fe80::-febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    ] {
        assert!(text.lines().any(|other| other == line), "{line}");
    }
    assert!(Coturn { realm: "x\nallowed-peer-ip=10.0.0.1", ..site("/c", "/k", 1) }.configuration(&secrets()).is_err());
}

#[test]
fn a_real_coturn_starts_with_the_file_and_complains_of_nothing() {
    if !std::path::Path::new(TURNSERVER).exists() {
        #[expect(clippy::print_stderr, reason = "a skipped test says so")]
        {
            eprintln!("SKIPPED: {TURNSERVER} is not installed");
        }
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let made = rcgen::generate_simple_self_signed(vec!["turn.example.org".into()]).unwrap();
    std::fs::write(path("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(path("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let port = free_port();
    let (certificate, key) = (path("cert.pem"), path("key.pem"));
    // The log goes to a file here, where a site sends it to syslog.
    let text = site(&certificate, &key, port).configuration(&secrets()).unwrap();
    let text = text.replace("no-stdout-log\nsyslog\n", "");
    std::fs::write(path("turnserver.conf"), text).unwrap();
    let mut server = Command::new(TURNSERVER)
        .args(["-c", &path("turnserver.conf"), "--log-file", "stdout", "--pidfile", &path("pid")])
        .args(["--db", &path("turndb")])
        .stdout(std::fs::File::create(path("log")).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let connected = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    server.kill().unwrap();
    server.wait().unwrap();
    let log = std::fs::read_to_string(path("log")).unwrap();
    assert!(connected, "{log}");
    for complaint in ["Bad configuration", "Wrong address", "ERROR", "error resolving", "cannot find"] {
        assert!(!log.contains(complaint), "{complaint}: {log}");
    }
    for (first, last) in DENIED {
        assert!(log.contains(&format!("Black listing: {first}-{last}\n")), "{first}: {log}");
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
