//! The control: a bare axum + rustls handler that answers every request with one stored answer, in a process of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::BenchError;

/// Headers that the control's own HTTP layer writes.
const OWN_HEADERS: [&str; 4] = ["content-length", "date", "connection", "transfer-encoding"];

/// What the control says of itself once it listens.
#[derive(Serialize, Deserialize)]
pub struct Ready {
    pub url: String,
    pub certificate_pem: String,
}

pub async fn serve(bytes: &Path, ready: &Path) -> Result<(), BenchError> {
    let stored = std::fs::read(bytes).map_err(|e| BenchError::File(bytes.to_owned(), e))?;
    let answer = parse(&stored).ok_or_else(|| BenchError::Answer("the stored answer is no HTTP answer".to_owned()))?;
    let router = Router::new().fallback(move || {
        let mut response = Response::new(axum::body::Body::from(answer.body.clone()));
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers.clone();
        async move { response }
    });
    let tls = |e: &dyn std::fmt::Display| BenchError::Tls(e.to_string());
    let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).map_err(|e| tls(&e))?;
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| tls(&e))?
        .with_no_client_auth()
        .with_single_cert(vec![key.cert.der().clone()], private)
        .map_err(|e| tls(&e))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    let port = listener.local_addr()?.port();
    announce(ready, &Ready { url: format!("https://localhost:{port}"), certificate_pem: key.cert.pem() })?;
    loop {
        let (tcp, _) = listener.accept().await?;
        tcp.set_nodelay(true)?;
        let acceptor = acceptor.clone();
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(tcp).await else { return };
            // The generator closes its connections without ceremony at the end of a run.
            let _closed =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

struct Stored {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

fn parse(stored: &[u8]) -> Option<Stored> {
    let end = stored.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&stored[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = StatusCode::from_bytes(lines.next()?.as_bytes().get(9..12)?).ok()?;
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':')?;
        if !OWN_HEADERS.iter().any(|own| name.eq_ignore_ascii_case(own)) {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            headers.append(name, HeaderValue::from_str(value.trim()).ok()?);
        }
    }
    Some(Stored { status, headers, body: Bytes::copy_from_slice(&stored[end + 4..]) })
}

/// The file appears whole or not at all, so whoever waits for it reads it whole.
fn announce(path: &Path, ready: &Ready) -> Result<(), BenchError> {
    let text = serde_json::to_vec(ready).map_err(|e| BenchError::Process(e.to_string()))?;
    let partial = path.with_extension("partial");
    std::fs::write(&partial, text).map_err(|e| BenchError::File(partial.clone(), e))?;
    std::fs::rename(&partial, path).map_err(|e| BenchError::File(path.to_owned(), e))
}
