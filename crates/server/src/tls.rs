//! TLS 1.2 and 1.3 only, HTTP/2 and HTTP/1.1 by ALPN.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::ServerError;
use crate::certificates::CertificateFiles;

pub fn server_config(files: &CertificateFiles) -> Result<Arc<ServerConfig>, ServerError> {
    let unreadable = |path: &std::path::Path, reason: rustls::pki_types::pem::Error| ServerError::Malformed {
        path: path.display().to_string(),
        reason: match reason {
            rustls::pki_types::pem::Error::Io(error) => error.kind().to_string(),
            _ => "not the PEM that is needed here".to_owned(),
        },
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&files.chain)
        .and_then(Iterator::collect)
        .map_err(|error| unreadable(&files.chain, error))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| unreadable(&files.key, error))?;
    let tls = |error: rustls::Error| ServerError::Tls(error.to_string());

    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(tls)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(tls)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().map_err(tls)?;
    Ok(Arc::new(config))
}
