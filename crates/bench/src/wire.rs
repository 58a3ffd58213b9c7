//! HTTP/1.1 over rustls by hand: prebuilt requests out, status and body in, nothing else, so that the generator stays cheap.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::BenchError;

/// An answer's head is refused past this size.
const HEAD_BYTES_MAX: usize = 64 * 1024;
const READ_BYTES: usize = 32 * 1024;

/// Where to connect and whom to trust.
#[derive(Clone)]
pub struct Target {
    pub address: SocketAddr,
    /// `host:port`, for the Host header
    pub authority: String,
    /// Path in front of every FHIR request, without a trailing slash
    pub base: String,
    pub token: String,
    name: ServerName<'static>,
    connector: TlsConnector,
}

pub struct Connection<S = TlsStream<TcpStream>> {
    stream: S,
    /// Bytes read and not yet consumed
    buffer: Vec<u8>,
    /// The last answer's whole head, and its body without chunk marks
    head: Vec<u8>,
    body: Vec<u8>,
}

pub struct Answer<'a> {
    pub status: u16,
    pub head: &'a [u8],
    pub body: &'a [u8],
}

impl Target {
    /// `url` is `https://host:port/base`; the connection always goes to loopback.
    pub fn new(url: &str, ca_cert: &Path, token: &str) -> Result<Self, BenchError> {
        let bad = || BenchError::Process(format!("not a usable url: {url}"));
        let rest = url.strip_prefix("https://").ok_or_else(bad)?;
        let (authority, base) = rest.split_once('/').map_or((rest, String::new()), |(a, b)| (a, format!("/{b}")));
        let (host, port) = authority.rsplit_once(':').ok_or_else(bad)?;
        let port: u16 = port.parse().map_err(|_| bad())?;
        let mut roots = RootCertStore::empty();
        let certificates = CertificateDer::pem_file_iter(ca_cert).map_err(|e| BenchError::Tls(e.to_string()))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|e| BenchError::Tls(e.to_string()))?;
            roots.add(certificate).map_err(|e| BenchError::Tls(e.to_string()))?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| BenchError::Tls(e.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            authority: authority.to_owned(),
            base: base.trim_end_matches('/').to_owned(),
            token: token.to_owned(),
            name: ServerName::try_from(host.to_owned()).map_err(|e| BenchError::Tls(e.to_string()))?,
            connector: TlsConnector::from(Arc::new(config)),
        })
    }

    pub fn get(&self, path: &str) -> Vec<u8> {
        format!(
            "GET {}/{path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nAccept: application/fhir+json\r\n\r\n",
            self.base, self.authority, self.token
        )
        .into_bytes()
    }

    /// An empty `path` posts to the base, as bundles are.
    pub fn post(&self, path: &str, body: &str) -> Vec<u8> {
        let slash = if path.is_empty() { "" } else { "/" };
        format!(
            "POST {}{slash}{path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nAccept: application/fhir+json\r\n\
             Content-Type: application/fhir+json\r\nContent-Length: {}\r\n\r\n{body}",
            self.base,
            self.authority,
            self.token,
            body.len()
        )
        .into_bytes()
    }

    pub async fn connect(&self) -> Result<Connection, io::Error> {
        let tcp = TcpStream::connect(self.address).await?;
        tcp.set_nodelay(true)?;
        let stream = self.connector.connect(self.name.clone(), tcp).await?;
        Ok(Connection::over(stream))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    fn over(stream: S) -> Self {
        Self { stream, buffer: Vec::with_capacity(READ_BYTES), head: Vec::new(), body: Vec::new() }
    }

    pub async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.stream.flush().await?;
        let head_end = loop {
            if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                break at + 4;
            }
            if self.buffer.len() > HEAD_BYTES_MAX {
                return Err(malformed("head too long"));
            }
            self.fill().await?;
        };
        self.head.clear();
        self.head.extend_from_slice(&self.buffer[..head_end]);
        self.body.clear();
        let status = status_of(&self.head).ok_or_else(|| malformed("no status"))?;
        if header(&self.head, "transfer-encoding").is_some() {
            self.buffer.drain(..head_end);
            self.read_chunks().await?;
        } else {
            let length = match header(&self.head, "content-length") {
                Some(text) => text.parse().map_err(|_| malformed("content-length"))?,
                None => 0,
            };
            while self.buffer.len() < head_end + length {
                self.fill().await?;
            }
            self.body.extend_from_slice(&self.buffer[head_end..head_end + length]);
            self.buffer.drain(..head_end + length);
        }
        Ok(Answer { status, head: &self.head, body: &self.body })
    }

    async fn read_chunks(&mut self) -> io::Result<()> {
        loop {
            let line = loop {
                if let Some(at) = find(&self.buffer, b"\r\n") {
                    break at;
                }
                self.fill().await?;
            };
            let text = std::str::from_utf8(&self.buffer[..line]).map_err(|_| malformed("chunk"))?;
            let size = text.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(|_| malformed("chunk size"))?;
            let start = line + 2;
            while self.buffer.len() < start + size + 2 {
                self.fill().await?;
            }
            self.body.extend_from_slice(&self.buffer[start..start + size]);
            self.buffer.drain(..start + size + 2);
            if size == 0 {
                return Ok(());
            }
        }
    }

    async fn fill(&mut self) -> io::Result<()> {
        self.buffer.reserve(READ_BYTES);
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

/// The value of a header in a raw head, whatever the case of its name.
pub fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(head).ok()?;
    text.split("\r\n").skip(1).find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn status_of(head: &[u8]) -> Option<u16> {
    std::str::from_utf8(head.get(9..12)?).ok()?.parse().ok()
}

fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len()).position(|w| w == needle)
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// What an exchange makes of an answer that arrives in pieces of `piece` bytes.
    async fn exchanged(answer: &'static [u8], piece: usize) -> io::Result<(u16, Vec<u8>)> {
        let (near, mut far) = tokio::io::duplex(1024);
        let sending = tokio::spawn(async move {
            let mut request = [0; 4];
            far.read_exact(&mut request).await.unwrap();
            for part in answer.chunks(piece) {
                far.write_all(part).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let mut connection = Connection::over(near);
        let read = connection.exchange(b"GET ").await.map(|answer| (answer.status, answer.body.to_vec()));
        sending.await.unwrap();
        read
    }

    #[tokio::test]
    async fn answers_are_read_whole_however_they_arrive() {
        let plain = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        let chunked = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n";
        for piece in [1, 2, 7, 1000] {
            assert_eq!(exchanged(plain, piece).await.unwrap(), (200, b"hello".to_vec()));
            assert_eq!(exchanged(chunked, piece).await.unwrap(), (201, b"hello".to_vec()));
        }
        assert_eq!(exchanged(b"HTTP/1.1 204 No Content\r\n\r\n", 3).await.unwrap(), (204, Vec::new()));
    }

    #[tokio::test]
    async fn an_answer_cut_short_is_an_error() {
        let cut = exchanged(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", 100).await;
        assert_eq!(cut.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
