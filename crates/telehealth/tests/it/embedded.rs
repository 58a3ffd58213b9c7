//! The relay in this process, spoken to over real sockets as a browser does.

use std::io::{Read, Write};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use turn_server_proto::types::message::{ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION, REFRESH};
use turn_server_proto::types::stun::message::BINDING;
use wardstone_telehealth::turn::embedded::{
    ADDRESSES_PER_CREDENTIAL_MAX, ALLOCATIONS_PER_CREDENTIAL_MAX, CONNECTIONS_PER_HOUSEHOLD_MAX, Embedded, Options,
    UNPROVEN_MS,
};
use wardstone_telehealth::turn::{TurnSecret, TurnSecrets, credential};

use crate::turn_client::{Client, REALM, Wire, connect};

const NOW: i64 = 1_800_000_000_000;

fn secret(text: &str) -> TurnSecret {
    TurnSecret::new(text).unwrap()
}

fn good(opaque: u8) -> (String, String) {
    credential::mint(&secret("north-north-north"), NOW + 600_000, &[opaque; 12])
}

struct Site {
    relay: Embedded,
    clock: Arc<AtomicI64>,
    certificate: rustls::pki_types::CertificateDer<'static>,
}

/// An address that no range denies, which the machine of the tests says is its own.
const OUTSIDE: &str = "8.8.4.4";

async fn site() -> Site {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let tls = rustls::ServerConfig::builder().with_no_client_auth();
    let tls = Arc::new(tls.with_single_cert(vec![certificate.clone()], key).unwrap());
    let clock = Arc::new(AtomicI64::new(NOW));
    let read = clock.clone();
    let anywhere: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let options = Options {
        udp: Some(anywhere),
        tcp: Some(anywhere),
        tls: Some((anywhere, tls)),
        relay: anywhere.ip(),
        advertised: anywhere.ip(),
        realm: REALM.to_owned(),
        secrets: TurnSecrets { current: secret("north-north-north"), previous: None },
        machine: Arc::new(|| Ok(vec![OUTSIDE.parse().unwrap()])),
        clock: Arc::new(move || read.load(Ordering::Relaxed)),
    };
    Site { relay: Embedded::start(options).await.unwrap(), clock, certificate }
}

impl Site {
    fn udp(&self, opaque: u8) -> Client {
        Client::udp(self.relay.udp.unwrap(), good(opaque))
    }

    fn tls(&self, opaque: u8) -> Client {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let name = "localhost".try_into().unwrap();
        let session = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
        let stream = rustls::StreamOwned::new(session, connect(self.relay.tls.unwrap()));
        Client::new(Wire::Stream(Box::new(stream)), good(opaque))
    }
}

fn talk(a: &mut Client, b: &mut Client) {
    let (at_a, at_b) = (a.allocate(), b.allocate());
    a.request(CREATE_PERMISSION, Some(at_b)).unwrap();
    b.request(CREATE_PERMISSION, Some(at_a)).unwrap();
    a.tell(at_b, b"from a");
    assert_eq!(b.heard(), (at_a, b"from a".to_vec()));
    b.tell(at_a, b"from b, of another length");
    assert_eq!(a.heard(), (at_b, b"from b, of another length".to_vec()));
    // By channel: four bytes before the data.
    a.request(CHANNEL_BIND, Some(at_b)).unwrap();
    a.send(&[0x40, 0x01, 0, 4, b'd', b'a', b't', b'a']);
    assert_eq!(b.heard(), (at_a, b"data".to_vec()));
    b.tell(at_a, b"back");
    assert_eq!(a.receive().unwrap(), [0x40, 0x01, 0, 4, b'b', b'a', b'c', b'k']);
    // Of any length, one after the other: in a stream each ends at a multiple of four.
    for length in [1_u8, 3, 2, 5, 7, 4] {
        let data = vec![length; usize::from(length)];
        let mut channel = [&[0x40, 0x01, 0, length], data.as_slice()].concat();
        let is_stream = matches!(a.wire, Wire::Stream(_));
        if is_stream {
            channel.resize(channel.len().next_multiple_of(4), 0);
        }
        a.send(&channel);
        assert_eq!(b.heard(), (at_a, data.clone()));
        b.tell(at_a, &data);
        assert_eq!(a.receive().unwrap(), channel);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_allocations_talk_both_ways_over_udp_tcp_and_tls() {
    let site = site().await;
    talk(&mut site.udp(1), &mut site.udp(2));
    talk(&mut site.udp(3), &mut Client::tcp(site.relay.tcp.unwrap(), good(4)));
    talk(&mut Client::tcp(site.relay.tcp.unwrap(), good(7)), &mut site.udp(8));
    talk(&mut site.tls(5), &mut Client::tcp(site.relay.tcp.unwrap(), good(6)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_another_listener_took_in_is_served_too() {
    let site = site().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let door = listener.local_addr().unwrap();
    let mut other = site.udp(2);
    let serving = async {
        let (stream, from) = listener.accept().await.unwrap();
        site.relay.serve(stream, from).await;
    };
    let talking = tokio::task::spawn_blocking(move || talk(&mut Client::tcp(door, good(1)), &mut other));
    let (talked, ()) = tokio::join!(talking, serving);
    talked.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_permission_nothing_arrives() {
    let site = site().await;
    let (mut a, mut b) = (site.udp(1), site.udp(2));
    let (at_a, at_b) = (a.allocate(), b.allocate());
    a.request(CREATE_PERMISSION, Some(at_b)).unwrap();
    // Permissions are by address and all relayed ports share one: b's is missing altogether.
    a.tell(at_b, b"unasked");
    assert_eq!(b.hushed(), None);
    b.tell(at_a, b"unpermitted");
    assert_eq!(a.hushed(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expired_wrong_and_invented_credentials_are_refused() {
    let site = site().await;
    let server = site.relay.udp.unwrap();
    let north = secret("north-north-north");
    for (name, bad) in [
        ("expired", credential::mint(&north, NOW, &[1; 12])),
        ("too long", credential::mint(&north, NOW + 2 * 3_600_000, &[1; 12])),
        ("another secret", credential::mint(&secret("west-west-west-west"), NOW + 600_000, &[1; 12])),
        ("a changed end", ("1800003000:AQEBAQEBAQEBAQEB".to_owned(), good(1).1)),
        ("a name", ("ana".to_owned(), "password".to_owned())),
    ] {
        assert_eq!(Client::udp(server, bad).request(ALLOCATE, None), Err(401), "{name}");
    }
    assert!(site.udp(1).request(ALLOCATE, None).is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_allocation_is_not_extended_after_its_credential_ended() {
    let site = site().await;
    let mut client = site.udp(1);
    client.allocate();
    assert!(client.request(REFRESH, None).is_ok());
    site.clock.store(NOW + 600_000, Ordering::Relaxed);
    assert_eq!(client.request(REFRESH, None), Err(401));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_secrets_overlap_while_they_are_turned_over() {
    let site = site().await;
    let south = secret("south-south-south");
    let overlap = TurnSecrets { current: south.clone(), previous: Some(secret("north-north-north")) };
    site.relay.turn_over(overlap).await;
    let new = credential::mint(&south, NOW + 600_000, &[2; 12]);
    assert!(site.udp(1).request(ALLOCATE, None).is_ok());
    assert!(Client::udp(site.relay.udp.unwrap(), new).request(ALLOCATE, None).is_ok());
    site.relay.turn_over(TurnSecrets { current: south, previous: None }).await;
    assert_eq!(site.udp(1).request(ALLOCATE, None), Err(401));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_near_is_no_peer_and_neither_is_the_machine_itself() {
    let site = site().await;
    let mut client = site.udp(1);
    let relayed = client.allocate();
    for near in ["10.0.0.1:80", "169.254.169.254:80", "192.168.1.1:53", "127.0.0.2:22"] {
        assert_eq!(client.request(CREATE_PERMISSION, Some(near.parse().unwrap())), Err(403), "{near}");
        assert_eq!(client.request(CHANNEL_BIND, Some(near.parse().unwrap())), Err(403), "{near}");
    }
    let service = UdpSocket::bind("127.0.0.1:0").unwrap();
    service.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    client.request(CREATE_PERMISSION, Some(service.local_addr().unwrap())).unwrap();
    client.tell(service.local_addr().unwrap(), b"let me in");
    assert!(service.recv(&mut [0; 64]).is_err());
    // And back: what the machine itself sends to a relayed port goes nowhere.
    service.send_to(b"spoofed", relayed).unwrap();
    assert_eq!(client.hushed(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_public_address_of_the_machine_is_no_peer() {
    let site = site().await;
    let mut client = site.udp(1);
    client.allocate();
    let at = |address: &str| Some(SocketAddr::new(address.parse().unwrap(), 22));
    assert_eq!(client.request(CREATE_PERMISSION, at(OUTSIDE)), Err(403));
    assert_eq!(client.request(CHANNEL_BIND, at(OUTSIDE)), Err(403));
    assert!(client.request(CREATE_PERMISSION, at("8.8.8.8")).is_ok(), "of somebody else");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_does_not_know_its_machine_does_not_start() {
    let anywhere: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let options = Options {
        udp: Some(anywhere),
        tcp: None,
        tls: None,
        relay: anywhere.ip(),
        advertised: anywhere.ip(),
        realm: REALM.to_owned(),
        secrets: TurnSecrets { current: secret("north-north-north"), previous: None },
        machine: Arc::new(|| Err(std::io::ErrorKind::PermissionDenied.into())),
        clock: Arc::new(|| NOW),
    };
    assert!(Embedded::start(options).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_has_a_quota_and_others_have_theirs() {
    let site = site().await;
    let mut held = Vec::new();
    for _ in 0..ALLOCATIONS_PER_CREDENTIAL_MAX {
        let mut client = site.udp(1);
        client.allocate();
        held.push(client);
    }
    assert_eq!(site.udp(1).request(ALLOCATE, None), Err(508));
    assert!(site.udp(2).request(ALLOCATE, None).is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn noise_stops_nobody() {
    let site = site().await;
    let noise = UdpSocket::bind("127.0.0.1:0").unwrap();
    for length in 0..200u8 {
        noise.send_to(&vec![length; usize::from(length)], site.relay.udp.unwrap()).unwrap();
    }
    connect(site.relay.tcp.unwrap()).write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut client = site.udp(1);
    assert!(client.attempt(BINDING, None, false).is_ok());
    client.allocate();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_no_credential_uses_up_nothing() {
    let site = site().await;
    let mut running = site.udp(1);
    running.allocate();
    for _ in 0..3_000 {
        assert_eq!(Client::udp(site.relay.udp.unwrap(), good(9)).attempt(ALLOCATE, None, false), Err(401));
    }
    assert!(site.udp(2).request(ALLOCATE, None).is_ok(), "a new call");
    assert_eq!(running.request(REFRESH, None), Ok(None), "and one that runs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_to_a_challenge_is_of_the_address_that_was_asked_and_does_not_hold_for_ever() {
    let site = site().await;
    let (mut here, mut there) = (site.udp(1), site.udp(1));
    here.allocate();
    there.answers_what_was_asked_of(&here);
    assert_eq!(there.attempt(ALLOCATE, None, true), Err(438));
    assert!(there.attempt(ALLOCATE, None, true).is_ok(), "asked for itself");
    // A credential lives no longer than a nonce, so that its successor is asked anew.
    site.clock.store(NOW + 3_600_000, Ordering::Relaxed);
    here.becomes(credential::mint(&secret("north-north-north"), NOW + 3_700_000, &[1; 12]));
    assert_eq!(here.attempt(REFRESH, None, true), Err(438));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_credential_is_used_from_so_many_addresses() {
    let site = site().await;
    // Kept, so that each has a port of its own. Without an allocation there is nothing to permit.
    let mut clients: Vec<Client> = (0..ADDRESSES_PER_CREDENTIAL_MAX).map(|_| site.udp(1)).collect();
    for client in &mut clients {
        assert_eq!(client.request(CREATE_PERMISSION, Some("8.8.8.8:9".parse().unwrap())), Err(437));
    }
    let mut one_more = site.udp(1);
    one_more.attempt(ALLOCATE, None, false).unwrap_err();
    one_more.ask(ALLOCATE, None, true);
    assert_eq!(one_more.hushed(), None);
    assert!(site.udp(2).request(ALLOCATE, None).is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_shows_no_credential_is_closed_and_one_household_has_so_many() {
    let site = site().await;
    let door = site.relay.tcp.unwrap();
    let mut proven = Client::tcp(door, good(1));
    proven.allocate();
    let mut asks_only = Client::tcp(door, good(2));
    assert_eq!(asks_only.attempt(ALLOCATE, None, false), Err(401));
    let mut silent: Vec<_> = (2..CONNECTIONS_PER_HOUSEHOLD_MAX).map(|_| connect(door)).collect();
    let is_closed = |stream: &mut std::net::TcpStream| matches!(stream.read(&mut [0]), Ok(0) | Err(_));
    assert!(is_closed(&mut connect(door)), "one too many, at once");
    assert_eq!(asks_only.attempt(ALLOCATE, None, false), Err(401), "all others stand");
    site.clock.store(NOW + UNPROVEN_MS, Ordering::Relaxed);
    for stream in &mut silent {
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    }
    assert_eq!(asks_only.receive(), None);
    assert!(proven.request(REFRESH, None).is_ok());
    Client::tcp(door, good(3)).allocate();
}

/// Another's client: Debian's coturn has one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_of_coturn_loses_nothing_over_udp_and_tcp() {
    const CLIENT: &str = "/usr/bin/turnutils_uclient";
    if !std::path::Path::new(CLIENT).exists() {
        #[expect(clippy::print_stderr, reason = "a skipped test says so")]
        {
            eprintln!("SKIPPED: {CLIENT} is not installed");
        }
        return;
    }
    let site = site().await;
    let (username, password) = good(9);
    for (transport, port) in [(None, site.relay.udp), (Some("-t"), site.relay.tcp)] {
        let mut client = std::process::Command::new(CLIENT);
        // -y: from client to client through the relay, -c: without a second port for RTCP.
        client.args(transport).args(["-y", "-c", "-n", "20", "-m", "2", "-l", "200"]);
        client.args(["-u", &username, "-w", &password, "-p", &port.unwrap().port().to_string(), "127.0.0.1"]);
        let output = tokio::task::spawn_blocking(move || client.output().unwrap()).await.unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}");
        assert!(said.contains("tot_send_msgs=40, tot_recv_msgs=40"), "{said}");
    }
}
