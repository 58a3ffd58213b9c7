//! One HTTPS request to a Wardstone server. It trusts one authority, follows no redirection and knows no plaintext.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

use crate::ServerError;

const CONNECT_MAX: Duration = Duration::from_secs(10);
/// A replay of a week's decisions may take its time.
const ANSWER_MAX: Duration = Duration::from_secs(120);
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
const USER_AGENT: &str = concat!("wardstone-cli/", env!("CARGO_PKG_VERSION"));
/// Where systems keep the authorities they trust, the first that exists.
const SYSTEM_AUTHORITIES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
];

pub struct Client {
    tls: Arc<ClientConfig>,
    host: String,
    port: u16,
    token: Option<Zeroizing<String>>,
}

/// What came back. The body is null if it was empty.
pub struct Answer {
    pub status: StatusCode,
    pub body: Value,
}

impl Client {
    /// For `https://host[:port]`, under the authorities of a PEM file or of the system.
    pub fn new(server: &str, ca_cert: Option<&Path>) -> Result<Self, ServerError> {
        let (host, port) = address(server)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| ServerError::Tls(error.to_string()))?
            .with_root_certificates(authorities(ca_cert)?)
            .with_no_client_auth();
        Ok(Self { tls: Arc::new(tls), host, port, token: None })
    }

    pub fn with_token(mut self, token: Zeroizing<String>) -> Self {
        self.token = Some(token);
        self
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, ServerError> {
        let request = self.request(method, path, body)?;
        match tokio::time::timeout(ANSWER_MAX, self.exchange(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(self.failed("did not answer in time")),
        }
    }

    fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Request<Full<Bytes>>, ServerError> {
        let text = body.map(Value::to_string).unwrap_or_default();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, format!("{}:{}", self.host, self.port))
            .header(header::USER_AGENT, USER_AGENT)
            .header(header::ACCEPT, "application/json");
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        if let Some(token) = &self.token {
            let bearer = Zeroizing::new(format!("Bearer {}", token.as_str()));
            let mut value = HeaderValue::from_str(&bearer)
                .map_err(|_| ServerError::Refused("the session file holds no token".into()))?;
            value.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, value);
        }
        request.body(Full::from(text)).map_err(|_| ServerError::Usage("this makes no address".into()))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, ServerError> {
        let connecting = TcpStream::connect((self.host.as_str(), self.port));
        let stream = match tokio::time::timeout(CONNECT_MAX, connecting).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(self.failed(&format!("cannot be reached ({})", error.kind()))),
            Err(_) => return Err(self.failed("cannot be reached (timed out)")),
        };
        let name = ServerName::try_from(self.host.clone())
            .map_err(|_| ServerError::Usage("--server names no host that a certificate could name".into()))?;
        let stream = TlsConnector::from(self.tls.clone()).connect(name, stream).await.map_err(|error| {
            self.failed(&format!("does not prove who it is ({error}); name its authority with --ca-cert"))
        })?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|_| self.failed("speaks no HTTP"))?;
        let driver = tokio::spawn(connection);
        let response = sender.send_request(request).await.map_err(|_| self.failed("broke off"))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX)
            .collect()
            .await
            .map_err(|_| self.failed("broke off, or sent more than an answer may be"))?
            .to_bytes();
        driver.abort();
        if body.is_empty() {
            return Ok(Answer { status, body: Value::Null });
        }
        let body =
            serde_json::from_slice(&body).map_err(|_| self.failed("did not answer as a Wardstone server does"))?;
        Ok(Answer { status, body })
    }

    fn failed(&self, how: &str) -> ServerError {
        ServerError::Refused(format!("https://{}:{} {how}", self.host, self.port))
    }
}

/// Host and port of an address without a path.
fn address(server: &str) -> Result<(String, u16), ServerError> {
    let bad = || ServerError::Usage("--server is an address like https://clinic.example:8443".into());
    let rest = server.strip_prefix("https://").ok_or_else(bad)?.trim_end_matches('/');
    let authority: http::uri::Authority = rest.parse().map_err(|_| bad())?;
    if authority.as_str().contains('@') || authority.host().is_empty() {
        return Err(bad());
    }
    Ok((authority.host().to_owned(), authority.port_u16().unwrap_or(443)))
}

fn authorities(ca_cert: Option<&Path>) -> Result<RootCertStore, ServerError> {
    let path = match ca_cert {
        Some(path) => path.to_owned(),
        None => SYSTEM_AUTHORITIES.iter().map(PathBuf::from).find(|path| path.is_file()).ok_or_else(|| {
            ServerError::Usage("this system has no list of authorities: name one with --ca-cert".into())
        })?,
    };
    let malformed = |reason: &str| ServerError::Malformed { path: path.display().to_string(), reason: reason.into() };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(&path).map_err(|_| malformed("holds no certificate"))? {
        let certificate = certificate.map_err(|_| malformed("holds no certificate"))?;
        // A system's list may hold a few that rustls does not take; a file that was named may not.
        if roots.add(certificate).is_err() && ca_cert.is_some() {
            return Err(malformed("its certificate cannot be trusted"));
        }
    }
    if roots.is_empty() { Err(malformed("holds no certificate")) } else { Ok(roots) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_by_https_host_and_port() {
        let parsed = |text: &str| address(text).ok();
        assert_eq!(parsed("https://localhost:8443"), Some(("localhost".into(), 8443)));
        assert_eq!(parsed("https://clinic.example/"), Some(("clinic.example".into(), 443)));
        for text in ["http://localhost:8443", "localhost:8443", "https://", "https://a/b", "https://ana@clinic.example"]
        {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
