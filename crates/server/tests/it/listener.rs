//! A client that does not take its answers, or takes all connections, does not keep the others out.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use server::config::Limits;
use server::listener::{Handle, Listener};
use server::{certificates, clock, tls};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsConnector, rustls};

/// A busy machine is slow; without the limits it would be for ever.
const SOON: Duration = Duration::from_secs(20);
const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
const BIG_BYTES: usize = 24 * 1024 * 1024;

/// Answers everything with so many bytes.
#[derive(Clone)]
struct Answering(usize);

impl Handle for Answering {
    async fn handle(&self, _request: Request<Body>, _peer: IpAddr) -> Response<Body> {
        Response::new(Body::from(vec![b'x'; self.0]))
    }
}

struct Served {
    _folder: TempDir,
    authority: PathBuf,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    serving: tokio::task::JoinHandle<()>,
}

impl Served {
    fn start(answer_bytes: usize, limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let certificate = certificates::for_localhost(folder.path(), clock::now_ms()).unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let tls = tls::server_config(&certificate).unwrap();
        let listener = Listener::bind(any, tls, limits, Arc::default()).unwrap();
        let address = listener.local_address().unwrap();
        let (stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(listener.serve(Answering(answer_bytes), stopped));
        Self { _folder: folder, authority: certificate.authority.unwrap(), address, stop, serving }
    }

    async fn connect_from(&self, from: Ipv4Addr) -> std::io::Result<TlsStream<TcpStream>> {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        let stream = socket.connect(self.address).await?;
        TlsConnector::from(trusting(&self.authority, b"http/1.1"))
            .connect(ServerName::try_from("localhost").unwrap(), stream)
            .await
    }

    async fn connect(&self) -> TlsStream<TcpStream> {
        self.connect_from(Ipv4Addr::LOCALHOST).await.unwrap()
    }
}

fn trusting(authority: &Path, protocol: &[u8]) -> Arc<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = versions.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    Arc::new(config)
}

/// Asks and reads the answer's first bytes.
async fn is_answered(stream: &mut TlsStream<TcpStream>) -> bool {
    let mut status = [0; 12];
    stream.write_all(GET).await.is_ok() && stream.read_exact(&mut status).await.is_ok() && &status == b"HTTP/1.1 200"
}

/// Asks for more than the buffers on the way hold, and takes nothing of it.
async fn ask_and_take_nothing(served: &Served) -> TlsStream<TcpStream> {
    let mut stream = served.connect().await;
    for _ in 0..20 {
        stream.write_all(GET).await.unwrap();
    }
    stream.flush().await.unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_take_its_answers_gives_its_place_to_the_next() {
    let limits = Limits { connections_max: 1, idle_ms: 400, ending_ms: 60_000, ..Limits::default() };
    let served = Served::start(BIG_BYTES, limits);
    let _holding = ask_and_take_nothing(&served).await;
    let next = async { is_answered(&mut served.connect().await).await };
    assert!(timeout(SOON, next).await.expect("the first client still holds the only place"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_http2_client_that_never_opens_its_window_gives_its_place_to_the_next() {
    let limits = Limits { connections_max: 1, idle_ms: 400, ending_ms: 400, handshake_ms: 60_000, ..Limits::default() };
    let served = Served::start(BIG_BYTES, limits);
    let stream = TcpStream::connect(served.address).await.unwrap();
    let connector = TlsConnector::from(trusting(&served.authority, b"h2"));
    let mut holding = connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
    let mut asking = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    // SETTINGS: the window of a stream is 0. Then HEADERS: GET https://localhost/, and no more from this side.
    asking.extend_from_slice(&[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0]);
    asking.extend_from_slice(&[0, 0, 14, 1, 5, 0, 0, 0, 1, 0x82, 0x87, 0x84, 1, 9]);
    asking.extend_from_slice(b"localhost");
    holding.write_all(&asking).await.unwrap();
    holding.flush().await.unwrap();
    let next = async { is_answered(&mut served.connect().await).await };
    assert!(timeout(SOON, next).await.expect("the first client still holds the only place"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_does_not_wait_for_a_client_longer_than_it_was_given() {
    let limits = Limits { shutdown_ms: 400, ..Limits::default() };
    let served = Served::start(BIG_BYTES, limits);
    let mut holding = ask_and_take_nothing(&served).await;
    assert!(is_answered(&mut holding).await);
    served.stop.send(true).unwrap();
    timeout(SOON, served.serving).await.expect("the listener waits for the client").unwrap();
    // Cut off: what is left of 20 answers never comes.
    let mut rest = Vec::new();
    let taken = timeout(SOON, holding.read_to_end(&mut rest)).await.expect("the connection is still held");
    assert!(taken.is_err() && rest.len() < 20 * BIG_BYTES);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_client_that_goes_on_taking_gets_all_of_its_answer() {
    let limits = Limits { idle_ms: 1_000, ending_ms: 1, ..Limits::default() };
    let served = Served::start(BIG_BYTES, limits);
    let mut stream = served.connect().await;
    stream.write_all(GET).await.unwrap();
    let (mut taken, mut piece) = (0, vec![0; 64 * 1024]);
    while taken < BIG_BYTES {
        let read = stream.read(&mut piece).await.unwrap();
        assert_ne!(read, 0, "cut off after {taken} bytes");
        taken += read;
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_gets_its_connections_and_others_theirs() {
    let limits = Limits { connections_per_address_max: 2, ..Limits::default() };
    let served = Served::start(10, limits);
    let mut first = served.connect().await;
    let mut second = served.connect().await;
    assert!(is_answered(&mut first).await && is_answered(&mut second).await);
    assert!(served.connect_from(Ipv4Addr::LOCALHOST).await.is_err(), "a third connection of one address");
    let mut other = served.connect_from(Ipv4Addr::new(127, 0, 0, 2)).await.unwrap();
    assert!(is_answered(&mut other).await);
    drop(first);
    let again = async {
        while served.connect_from(Ipv4Addr::LOCALHOST).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, again).await.expect("a place that became free is given again");
}

/// Reads an answer's head and what came with it.
async fn answer(stream: &mut TlsStream<TcpStream>) -> String {
    let mut piece = [0; 4096];
    let read = timeout(SOON, stream.read(&mut piece)).await.expect("no answer").unwrap();
    String::from_utf8_lossy(&piece[..read]).into_owned()
}

fn post(length: usize, more: &str) -> String {
    format!("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n{more}\r\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_refused_before_its_body_is_read_keeps_its_connection() {
    let served = Served::start(10, Limits::default());
    let mut stream = served.connect().await;
    for _ in 0..3 {
        let body = vec![b' '; 300_000];
        stream.write_all(post(body.len(), "").as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        // As of a client that is slower than the refusal.
        tokio::time::sleep(Duration::from_millis(50)).await;
        stream.write_all(&body).await.unwrap();
        stream.flush().await.unwrap();
        let said = answer(&mut stream).await;
        assert!(said.starts_with("HTTP/1.1 200") && !said.contains("connection: close"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_not_waited_for_ends_the_connection_and_the_answer_says_so() {
    let served = Served::start(10, Limits { body_bytes_max: 1_000, ..Limits::default() });
    for head in [post(1_001, ""), post(1_000, "expect: 100-continue\r\n")] {
        let mut stream = served.connect().await;
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        let said = answer(&mut stream).await;
        assert!(said.starts_with("HTTP/1.1 200") && said.contains("connection: close"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_http2_request_that_is_refused_before_its_body_is_read_is_answered_and_not_reset() {
    let served = Served::start(10, Limits::default());
    let stream = TcpStream::connect(served.address).await.unwrap();
    let connector = TlsConnector::from(trusting(&served.authority, b"h2"));
    let mut stream = connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
    let mut asking = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    // SETTINGS, empty. HEADERS: POST https://localhost/, with more to come.
    asking.extend_from_slice(&[0, 0, 0, 4, 0, 0, 0, 0, 0]);
    asking.extend_from_slice(&[0, 0, 14, 1, 4, 0, 0, 0, 1, 0x83, 0x87, 0x84, 1, 9]);
    asking.extend_from_slice(b"localhost");
    stream.write_all(&asking).await.unwrap();
    stream.flush().await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    // DATA: two bytes, the last.
    stream.write_all(&[0, 0, 2, 0, 1, 0, 0, 0, 1, b'{', b'}']).await.unwrap();
    stream.flush().await.unwrap();
    while frame(&mut stream).await != (DATA, END_STREAM) {}
    // PING: its answer comes behind whatever was still to be said of the stream.
    stream.write_all(&[0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]).await.unwrap();
    stream.flush().await.unwrap();
    while frame(&mut stream).await.0 != PING {}
}

const DATA: u8 = 0;
const RST_STREAM: u8 = 3;
const PING: u8 = 6;
const END_STREAM: u8 = 1;

/// Type and flags of the next frame, which does not reset the stream.
async fn frame(stream: &mut TlsStream<TcpStream>) -> (u8, u8) {
    let mut head = [0; 9];
    timeout(SOON, stream.read_exact(&mut head)).await.expect("no answer").unwrap();
    let mut content = vec![0; usize::from(head[1]) * 256 + usize::from(head[2])];
    stream.read_exact(&mut content).await.unwrap();
    assert_ne!(head[3], RST_STREAM, "the stream was reset");
    (head[3], head[4])
}
