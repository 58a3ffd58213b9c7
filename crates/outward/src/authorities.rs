//! Which authorities an endpoint's certificate may come from: those of one file, or those that the system trusts.

use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::OutwardError;

/// Where systems keep the authorities they trust, the first that exists.
const SYSTEM: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
];

pub fn authorities(named: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, OutwardError> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => SYSTEM
            .iter()
            .map(PathBuf::from)
            .find(|path| path.is_file())
            .ok_or(OutwardError::Setting("this system has no list of authorities: name one with ca_cert"))?,
    };
    let unreadable = || OutwardError::file(&path, "holds no certificate that can be trusted");
    let mut roots = rustls::RootCertStore::empty();
    let mut usable = Vec::new();
    for certificate in CertificateDer::pem_file_iter(&path).map_err(|_| unreadable())? {
        let certificate = certificate.map_err(|_| unreadable())?;
        // A system's list may hold a few that rustls does not take; a file that was named may not.
        match roots.add(certificate.clone()) {
            Ok(()) => usable.push(certificate),
            Err(_) if named.is_some() => return Err(unreadable()),
            Err(_) => {}
        }
    }
    if usable.is_empty() { Err(unreadable()) } else { Ok(usable) }
}
