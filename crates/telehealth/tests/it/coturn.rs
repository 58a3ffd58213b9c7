//! A real coturn takes the file that we write.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use turn_server_proto::types::message::{ALLOCATE, CREATE_PERMISSION};
use wardstone_telehealth::turn::coturn::{Coturn, CoturnTls, SecretLine};
use wardstone_telehealth::turn::peer::DENIED;
use wardstone_telehealth::turn::{TurnSecret, TurnSecrets, credential};

use crate::turn_client::Client;

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
        tls: Some(CoturnTls { port: port + 1, certificate, private_key }),
        relay_ports: (49152, 49252),
        total_allocations_max: 200,
    }
}

#[test]
fn every_private_range_is_denied_and_a_value_adds_no_line() {
    let text = site("/c.pem", "/k.pem", 3478).configuration(&SecretLine::Written(&secrets())).unwrap();
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
    assert!(
        Coturn { realm: "x\nallowed-peer-ip=10.0.0.1", ..site("/c", "/k", 1) }
            .configuration(&SecretLine::Written(&secrets()))
            .is_err()
    );
}

#[test]
fn a_file_that_may_be_shown_says_where_the_secret_is_and_not_what() {
    let named = SecretLine::Named(Path::new("/etc/wardstone/turn-secret"));
    let text = site("/c.pem", "/k.pem", 3478).configuration(&named).unwrap();
    assert!(text.contains("# static-auth-secret=(the text of /etc/wardstone/turn-secret)"));
    assert!(!text.contains("north-north-north") && !text.lines().any(|line| line.starts_with("static-auth-secret")));
}

#[test]
fn a_site_without_tls_offers_none_and_no_address_is_every_address() {
    let plain = Coturn { tls: None, ..site("/c.pem", "/k.pem", 3478) };
    let text = plain.configuration(&SecretLine::Written(&secrets())).unwrap();
    assert!(text.lines().any(|line| line == "no-tls") && !text.contains("pkey"));
    let everywhere = Coturn { listen: "0.0.0.0".parse().unwrap(), ..site("/c.pem", "/k.pem", 3478) };
    assert!(everywhere.configuration(&SecretLine::Written(&secrets())).is_err());
}

#[test]
fn a_real_coturn_starts_with_the_file_gives_allocations_and_refuses_what_is_near() {
    if !Path::new(TURNSERVER).exists() {
        #[expect(clippy::print_stderr, reason = "a skipped test says so")]
        {
            eprintln!("SKIPPED: {TURNSERVER} is not installed");
        }
        return;
    }
    let coturn = Running::start();
    let log = coturn.log();
    // As coturn reads the clock: its credentials end by it.
    let now_ms = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    let good = credential::mint(&TurnSecret::new("north-north-north").unwrap(), now_ms + 600_000, &[7; 12]);
    let mut client = Client::udp(coturn.at, good);
    assert_eq!(client.allocate().ip(), coturn.at.ip());
    for near in ["10.0.0.1:80", "169.254.169.254:80", "192.168.1.1:53", "127.0.0.1:22", "224.0.0.1:5000"] {
        assert_eq!(client.request(CREATE_PERMISSION, Some(near.parse().unwrap())), Err(403), "{near}");
    }
    let far = client.request(CREATE_PERMISSION, Some("8.8.8.8:5000".parse().unwrap()));
    assert!(far.is_ok(), "{far:?}: {}", coturn.log());
    let previous = credential::mint(&TurnSecret::new("south-south-south").unwrap(), now_ms + 600_000, &[8; 12]);
    assert!(Client::udp(coturn.at, previous).request(ALLOCATE, None).is_ok(), "while it is turned over");
    for (name, bad) in [
        ("expired", credential::mint(&TurnSecret::new("north-north-north").unwrap(), now_ms - 60_000, &[1; 12])),
        ("invented", ("1900000000:AQEB".to_owned(), "AQEBAQEBAQEB".to_owned())),
    ] {
        assert_eq!(Client::udp(coturn.at, bad).request(ALLOCATE, None), Err(401), "{name}");
    }
    drop(coturn);
    for complaint in ["Bad configuration", "Wrong address", "ERROR", "error resolving", "cannot find"] {
        assert!(!log.contains(complaint), "{complaint}: {log}");
    }
    for (first, last) in DENIED {
        let range = if first == last { first.to_owned() } else { format!("{first}-{last}") };
        assert!(log.contains(&format!("Black listing: {range}")), "{first}: {log}");
    }
}

struct Running {
    server: Child,
    at: SocketAddr,
    folder: tempfile::TempDir,
}

impl Running {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let made = rcgen::generate_simple_self_signed(vec!["turn.example.org".into()]).unwrap();
        std::fs::write(path("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(path("key.pem"), made.signing_key.serialize_pem()).unwrap();
        let port = free_port();
        let (certificate, key) = (path("cert.pem"), path("key.pem"));
        // The log goes to a file here, where a site sends it to syslog.
        let text = site(&certificate, &key, port).configuration(&SecretLine::Written(&secrets())).unwrap();
        let text = text.replace("no-stdout-log\nsyslog\n", "");
        std::fs::write(path("turnserver.conf"), text).unwrap();
        let server = Command::new(TURNSERVER)
            .args(["-c", &path("turnserver.conf"), "--log-file", "stdout", "--pidfile", &path("pid")])
            .args(["--db", &path("turndb")])
            .stdout(std::fs::File::create(path("log")).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let at = SocketAddr::from(([127, 0, 0, 1], port));
        let running = Self { server, at, folder };
        for _ in 0..300 {
            std::thread::sleep(Duration::from_millis(100));
            if std::net::TcpStream::connect(at).is_ok() {
                return running;
            }
        }
        panic!("coturn does not listen: {}", running.log());
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
