//! A log, a desk, a register and an outbox in a temporary folder, at the time that a test says; and certificates for its servers.

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use access::{Caller, CallerParts, Facts, Purpose, Role, RoleSet, UserId};
use audit::{Action, Event};
use compliance::{Clock, Cover, Digest, Party, Register, RegisterParts, Service, Terms};
use crypto::SealKey;
use crypto::sign::SigningKey;
use outward::{
    Adapter, Adapters, Clinic, Failure, Letter, Link, Message, MessageId, Occasion, Outbox, OutboxParts, Recipient,
    Rendered, Sending,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use store::log::{AuditLog, DetailSealer, LogOptions, SealError};
use store::{Desk, Witness};
use tempfile::TempDir;
use zeroize::Zeroizing;

/// 2026-11-26T12:00:00Z.
pub const NOON_MS: i64 = 1_795_694_400_000;
pub const VENDOR: &str = "Courier, Inc.";
pub const WORDS: &str = "decided at the meeting of vendors";

struct NoSeal;

impl DetailSealer for NoSeal {
    fn seal(&self, _: i32, _: &[u8], plain: &[u8], out: &mut Vec<u8>) -> Result<(), SealError> {
        out.extend(plain);
        Ok(())
    }

    fn open(&self, _: i32, _: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        Ok(sealed.to_vec())
    }
}

pub struct House {
    pub folder: TempDir,
    now_ms: Arc<AtomicI64>,
    pub log: Arc<AuditLog>,
    pub desk: Arc<Desk>,
    pub register: Register,
}

impl House {
    pub fn new() -> House {
        House::within(tempfile::tempdir().unwrap(), Arc::new(AtomicI64::new(NOON_MS)))
    }

    fn within(folder: TempDir, now_ms: Arc<AtomicI64>) -> House {
        let time = now_ms.clone();
        let log_clock = Arc::new(move || time.load(Ordering::Relaxed) as u64);
        let entropy = Arc::new(|out: &mut [u8]| {
            out.fill(7);
            Ok(())
        });
        let key = SigningKey::from_seed(&[42; 32]);
        let mut options = LogOptions::new(Arc::new(NoSeal), key, "clinic.example/audit", log_clock, entropy);
        options.reserve_step_bytes = 64 * 1024;
        let log = Arc::new(AuditLog::open(&folder.path().join("audit"), options).unwrap());
        let desk = Desk::open(folder.path(), Zeroizing::new([1; 32]), SealKey::new(&[2; 32])).unwrap();
        let desk = Arc::new(desk);
        let time = now_ms.clone();
        let clock: Clock = Arc::new(move || time.load(Ordering::Relaxed));
        let (held, witness, zone) = (desk.clone(), Witness::on(log.clone()), jiff::tz::TimeZone::UTC);
        let register = Register::open(RegisterParts { desk: held, witness, clock, zone }).unwrap();
        House { folder, now_ms, log, desk, register }
    }

    /// As after a crash: nothing that was only in memory is there.
    pub fn reopen(self) -> House {
        let House { folder, now_ms, log, desk, register } = self;
        log.close();
        drop((register, desk, log));
        House::within(folder, now_ms)
    }

    pub fn outbox(&self, adapters: Adapters) -> Outbox {
        let time = self.now_ms.clone();
        let clinic = Clinic::new("Harbor Clinic", "https://clinic.example", jiff::tz::TimeZone::UTC).unwrap();
        Outbox::open(OutboxParts {
            desk: self.desk.clone(),
            witness: Witness::on(self.log.clone()),
            register: self.register.clone(),
            clock: Arc::new(move || time.load(Ordering::Relaxed)),
            clinic,
            adapters,
        })
        .unwrap()
    }

    pub async fn agree(&self, services: &[Service]) -> u64 {
        let terms = Terms {
            vendor: VENDOR.into(),
            services: services.iter().copied().collect(),
            signed: "2026-11-01".parse().unwrap(),
            expires: "2026-12-31".parse().unwrap(),
            document: Digest::of(b"as signed"),
            reviewer: "counsel".into(),
            notes: String::new(),
        };
        self.register.add(&officer(), terms, WORDS).await.unwrap().id
    }

    pub fn advance(&self, ms: i64) {
        self.now_ms.fetch_add(ms, Ordering::Relaxed);
    }

    /// What the log says of what went out, or was kept from it.
    pub fn sent(&self) -> Vec<String> {
        let mut acts = Vec::new();
        for entry in self.log.reader(Arc::new(NoSeal)).forwards(0, u64::MAX) {
            let detail = entry.unwrap().detail.unwrap();
            let event = Event::decode(&detail).unwrap();
            if event.action == Action::Outward {
                acts.push(event.subject.unwrap_or_default().to_owned());
            }
        }
        acts
    }

    /// A file that its owner alone reads.
    pub fn secret(&self, name: &str, text: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// A server's side of TLS for `localhost`, and the file of the authority that vouches for it.
    pub fn tls(&self) -> (tokio_rustls::TlsAcceptor, PathBuf) {
        let authority_key = rcgen::KeyPair::generate().unwrap();
        let mut authority = rcgen::CertificateParams::default();
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let certificate = authority.self_signed(&authority_key).unwrap();
        let issuer = rcgen::Issuer::from_params(&authority, &authority_key);
        let key = rcgen::KeyPair::generate().unwrap();
        let leaf = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let leaf = leaf.signed_by(&key, &issuer).unwrap();
        let path = self.folder.path().join("authority.pem");
        std::fs::write(&path, certificate.pem()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .unwrap();
        (tokio_rustls::TlsAcceptor::from(Arc::new(config)), path)
    }
}

pub fn officer() -> Caller {
    Caller::established(CallerParts {
        user: UserId(3),
        login: "odera".into(),
        roles: RoleSet::of(Role::PrivacyOfficer),
        purpose: Purpose::Compliance,
        own_chart: None,
        proxies: Vec::new(),
        broken_glass: Vec::new(),
        scopes: None,
        practitioner: None,
        family: None,
        session: 1,
        device: None,
        facts: Facts::GOOD,
        network: [10, 0, 0, 7].into(),
        country: None,
        user_agent: "test".into(),
        request_id: 7,
        time_ms: NOON_MS,
    })
    .unwrap()
}

pub fn to_ana() -> Recipient {
    Recipient::Email("ana.rivera@mail.example".parse().unwrap())
}

pub fn invitation(id: u8, to: Recipient) -> Message {
    let link = Link::visit(&[id; 32]).unwrap();
    let letter = Letter::new(Occasion::VisitInvitation, Some(NOON_MS + 3 * 3_600_000), Some(link));
    Message { id: MessageId([id; 16]), to, letter, until_ms: NOON_MS + 4 * 86_400_000 }
}

/// Stands in for an endpoint: answers as it is told, and counts.
pub struct Told {
    party: Party,
    answers: Mutex<Vec<Result<(), Failure>>>,
    pub taken: Mutex<Vec<MessageId>>,
}

impl Told {
    /// The last answer is given again and again.
    pub fn to(party: Party, answers: Vec<Result<(), Failure>>) -> Arc<Told> {
        Arc::new(Told { party, answers: Mutex::new(answers), taken: Mutex::default() })
    }

    pub fn adapters(self: &Arc<Told>) -> Adapters {
        Adapters { email: Some(self.clone()), sms: None }
    }

    pub fn count(&self) -> usize {
        self.taken.lock().unwrap().len()
    }
}

impl Adapter for Told {
    fn service(&self) -> Service {
        Service::Email
    }

    fn party(&self) -> &Party {
        &self.party
    }

    fn send<'a>(&'a self, cover: Cover, id: MessageId, _: &'a Recipient, _: &'a Rendered, _: i64) -> Sending<'a> {
        Box::pin(async move {
            assert!(cover.is_for(&self.party, Service::Email));
            self.taken.lock().unwrap().push(id);
            let mut answers = self.answers.lock().unwrap();
            if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() }
        })
    }
}
