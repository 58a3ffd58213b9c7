//! A small blocking HTTPS/1.1 client that trusts one authority. It keeps its connection and opens a new one when it has to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

const ANSWER_MAX: Duration = Duration::from_secs(120);

type Stream = BufReader<StreamOwned<ClientConnection, TcpStream>>;

pub struct Client {
    tls: Arc<ClientConfig>,
    host: String,
    port: u16,
    token: Option<String>,
    held: Option<Stream>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// A request that is more than a path.
#[derive(Debug, Clone, Copy, Default)]
pub struct Request<'a> {
    pub method: &'a str,
    /// Below the host: `/fhir/Patient`.
    pub path: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    pub body: Option<&'a [u8]>,
}

/// The connection broke or spoke no HTTP: nothing is known of what the server did.
#[derive(Debug)]
pub struct ClientError(pub String);

impl From<std::io::Error> for ClientError {
    fn from(error: std::io::Error) -> Self {
        ClientError(error.to_string())
    }
}

impl Client {
    /// For `https://host:port` under the authority in a PEM file.
    pub fn new(base_url: &str, authority: &Path) -> Result<Self, ClientError> {
        let bad = |what: &str| ClientError(format!("{what}: {base_url}"));
        let (host, port) = base_url
            .strip_prefix("https://")
            .and_then(|rest| rest.split('/').next()?.rsplit_once(':'))
            .ok_or_else(|| bad("not https://host:port"))?;
        let mut roots = RootCertStore::empty();
        let certificate = CertificateDer::from_pem_file(authority).map_err(|error| ClientError(error.to_string()))?;
        roots.add(certificate).map_err(|error| ClientError(error.to_string()))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| ClientError(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let port = port.parse().map_err(|_| bad("no port"))?;
        Ok(Self { tls: Arc::new(tls), host: host.to_owned(), port, token: None, held: None })
    }

    /// The same server as someone else, on a connection of its own.
    pub fn with_token(&self, token: Option<&str>) -> Self {
        Self {
            tls: self.tls.clone(),
            host: self.host.clone(),
            port: self.port,
            token: token.map(str::to_owned),
            held: None,
        }
    }

    pub fn get(&mut self, path: &str) -> Result<Answer, ClientError> {
        self.send(&Request { method: "GET", path, ..Request::default() })
    }

    pub fn post(&mut self, path: &str, body: &[u8]) -> Result<Answer, ClientError> {
        self.send(&Request { method: "POST", path, body: Some(body), ..Request::default() })
    }

    pub fn put(&mut self, path: &str, body: &[u8]) -> Result<Answer, ClientError> {
        self.send(&Request { method: "PUT", path, body: Some(body), ..Request::default() })
    }

    /// Sends once; a connection that the server closed meanwhile is replaced before anything is sent on it.
    pub fn send(&mut self, request: &Request<'_>) -> Result<Answer, ClientError> {
        let mut stream = match self.held.take() {
            Some(stream) if is_open(&stream) => stream,
            _ => self.connect()?,
        };
        let mut head = format!("{} {} HTTP/1.1\r\nhost: {}:{}\r\n", request.method, request.path, self.host, self.port);
        if let Some(token) = &self.token {
            head.push_str(&format!("authorization: Bearer {token}\r\n"));
        }
        for (name, value) in request.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = request.body {
            if !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                head.push_str("content-type: application/fhir+json\r\n");
            }
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let out = stream.get_mut();
        out.write_all(head.as_bytes())?;
        out.write_all(request.body.unwrap_or_default())?;
        out.flush()?;
        let answer = read_answer(&mut stream, request.method == "HEAD")?;
        if answer.header("connection") != Some("close") {
            self.held = Some(stream);
        }
        Ok(answer)
    }

    fn connect(&self) -> Result<Stream, ClientError> {
        let stream = TcpStream::connect((self.host.as_str(), self.port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        let name = ServerName::try_from(self.host.clone()).map_err(|error| ClientError(error.to_string()))?;
        let connection =
            ClientConnection::new(self.tls.clone(), name).map_err(|error| ClientError(error.to_string()))?;
        Ok(BufReader::new(StreamOwned::new(connection, stream)))
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(held, _)| held.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Null if the body is no JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Whether an idle connection has neither ended nor said anything.
fn is_open(stream: &Stream) -> bool {
    let socket = &stream.get_ref().sock;
    let mut byte = [0; 1];
    let is_quiet = socket.set_nonblocking(true).is_ok()
        && matches!(socket.peek(&mut byte), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock);
    socket.set_nonblocking(false).is_ok() && is_quiet && stream.buffer().is_empty()
}

fn read_answer(stream: &mut Stream, is_head: bool) -> Result<Answer, ClientError> {
    let status_line = read_line(stream)?;
    let status = status_line
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .ok_or_else(|| ClientError("no HTTP answer".into()))?;
    let mut headers = Vec::new();
    loop {
        let line = read_line(stream)?;
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    let mut answer = Answer { status, headers, body: Vec::new() };
    if is_head || status == 204 || status == 304 {
        return Ok(answer);
    }
    if answer.header("transfer-encoding") == Some("chunked") {
        loop {
            let size = usize::from_str_radix(read_line(stream)?.trim(), 16).map_err(|e| ClientError(e.to_string()))?;
            let start = answer.body.len();
            answer.body.resize(start + size, 0);
            stream.read_exact(&mut answer.body[start..])?;
            read_line(stream)?;
            if size == 0 {
                return Ok(answer);
            }
        }
    }
    let length = answer.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    answer.body.resize(length, 0);
    stream.read_exact(&mut answer.body)?;
    Ok(answer)
}

fn read_line(stream: &mut Stream) -> Result<String, ClientError> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err(ClientError("the connection ended".into()));
    }
    Ok(line.trim_end().to_owned())
}
