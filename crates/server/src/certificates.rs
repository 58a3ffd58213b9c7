//! A demo's own certificate chain: one authority, one leaf for localhost, 127.0.0.1 and ::1.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

use crate::{ServerError, clock, files};

const AUTHORITY_FILE: &str = "ca.pem";
const AUTHORITY_KEY_FILE: &str = "ca-key.pem";
const CHAIN_FILE: &str = "chain.pem";
const KEY_FILE: &str = "key.pem";
/// Browsers refuse leaves that live longer than 398 days.
const LEAF_DAYS: i64 = 397;
const AUTHORITY_DAYS: i64 = 3650;
/// A chain older than this is made anew when the demo starts.
const RENEW_AFTER_MS: i64 = 300 * 86_400_000;
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Where a chain lies: `authority` is what clients have to trust.
#[derive(Debug, Clone)]
pub struct CertificateFiles {
    pub chain: PathBuf,
    pub key: PathBuf,
    pub authority: Option<PathBuf>,
}

/// The chain in `folder`, made if there is none or it is about to expire.
pub fn for_localhost(folder: &Path, now_ms: i64) -> Result<CertificateFiles, ServerError> {
    let file = |name: &str| folder.join(name);
    let found =
        CertificateFiles { chain: file(CHAIN_FILE), key: file(KEY_FILE), authority: Some(file(AUTHORITY_FILE)) };
    if !is_fresh(&found.chain, now_ms) || !found.key.is_file() || !file(AUTHORITY_FILE).is_file() {
        make(folder, now_ms).map_err(|error| ServerError::Tls(error.to_string()))??;
    }
    Ok(found)
}

fn is_fresh(chain: &Path, now_ms: i64) -> bool {
    clock::age_ms(chain, now_ms).is_some_and(|age_ms| age_ms < RENEW_AFTER_MS)
}

fn make(folder: &Path, now_ms: i64) -> Result<Result<(), ServerError>, rcgen::Error> {
    let authority_key = KeyPair::generate()?;
    let mut authority = CertificateParams::default();
    authority.distinguished_name.push(DnType::CommonName, "Wardstone demo authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    set_validity(&mut authority, now_ms, AUTHORITY_DAYS);
    let authority_certificate = authority.self_signed(&authority_key)?;
    let issuer = Issuer::from_params(&authority, &authority_key);

    let key = KeyPair::generate()?;
    let mut leaf = CertificateParams::new(NAMES.map(String::from))?;
    leaf.distinguished_name.push(DnType::CommonName, "localhost");
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    set_validity(&mut leaf, now_ms, LEAF_DAYS);
    let leaf_certificate = leaf.signed_by(&key, &issuer)?;

    let chain = format!("{}{}", leaf_certificate.pem(), authority_certificate.pem());
    Ok(files::create_folder(folder)
        .and_then(|()| {
            files::replace_secret(&folder.join(AUTHORITY_KEY_FILE), authority_key.serialize_pem().as_bytes())
        })
        .and_then(|()| files::replace_secret(&folder.join(AUTHORITY_FILE), authority_certificate.pem().as_bytes()))
        .and_then(|()| files::replace_secret(&folder.join(KEY_FILE), key.serialize_pem().as_bytes()))
        .and_then(|()| files::replace_secret(&folder.join(CHAIN_FILE), chain.as_bytes())))
}

/// From yesterday, for clocks that differ.
fn set_validity(params: &mut CertificateParams, now_ms: i64, days: i64) {
    let date = |day_offset: i64| {
        let (year, month, day) = audit::calendar::date_of_day(now_ms / 86_400_000 + day_offset);
        rcgen::date_time_ymd(i32::try_from(year).unwrap_or(2100), month, day)
    };
    params.not_before = date(-1);
    params.not_after = date(days - 1);
}
