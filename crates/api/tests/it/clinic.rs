//! A router over a record in a directory of its own, and a client that looks at answers.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use access::{Caller, CallerParts, CollectionPolicy, Facts, Policies, Purpose, Role, RoleSet, UserId};
use api::{ApiState, BaseUrl, ClientFacts, Identify, Limits, Peer};
use axum::Router;
use axum::body::Body;
use crypto::Keyring;
use fhir::Json;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use record::{Record, Settings};
use store::log::{AuditLog, LogOptions};
use store::sqlite::{DatabaseKeys, DaySealer, Sqlite};
use tower::ServiceExt;

pub const BASE: &str = "https://clinic.example/fhir";
pub const FHIR_JSON: &str = "application/fhir+json";
pub const BODY_BYTES_MAX: usize = 64 * 1024;
pub const START_MS: i64 = 1_795_348_800_000;

pub struct Clinic {
    pub router: Router,
    pub desk: Arc<Desk>,
    pub shelves: Arc<store::Desk>,
    pub record: Record,
    pub store: Arc<Sqlite>,
    pub keyring: Arc<Keyring>,
    pub clock: Arc<dyn Fn() -> i64 + Send + Sync>,
    /// Milliseconds since the start.
    pub ticks: Arc<AtomicU64>,
    _directory: tempfile::TempDir,
}

/// Tokens are names of roles.
#[derive(Default)]
pub struct Desk {
    pub noise: AtomicUsize,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: http::HeaderMap,
    pub body: String,
}

impl Clinic {
    pub async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let keyring = Arc::new(Keyring::new([7; 16], zeroize::Zeroizing::new([9; 32])));
        let keys = DatabaseKeys {
            record: keyring.purpose("wardstone/database/record/v1"),
            keys: keyring.purpose("wardstone/database/keys/v1"),
            index: keyring.purpose("wardstone/database/index/v1"),
        };
        let key_database = Sqlite::open_keys(directory.path(), &keys).unwrap();
        let sealer = Arc::new(DaySealer::new(keyring.clone(), key_database.clone()));
        // Every look at the clock is one millisecond later.
        let ticks = Arc::new(AtomicU64::new(0));
        let counted = ticks.clone();
        let clock = move || START_MS + counted.fetch_add(1, Ordering::Relaxed) as i64;
        let log_clock = clock.clone();
        let options = LogOptions::new(
            sealer.clone(),
            keyring.log_signing_key(),
            "clinic.example/audit",
            Arc::new(move || log_clock() as u64),
            Arc::new(|out: &mut [u8]| crypto::random(out).map_err(|_| store::log::LogError::Random)),
        );
        let log = Arc::new(AuditLog::open(&directory.path().join("audit"), options).unwrap());
        let clock: Arc<dyn Fn() -> i64 + Send + Sync> = Arc::new(clock);
        let store = Arc::new(Sqlite::open(directory.path(), &keys, key_database, log, sealer, clock.clone()).unwrap());
        let desk_key = keyring.purpose("wardstone/database/desk/v1");
        let desk_seal = keyring.seal_key("wardstone/desk/v1");
        let shelves = Arc::new(store::Desk::open(directory.path(), desk_key, desk_seal).unwrap());
        let settings = Settings {
            policies: Policies::embedded().unwrap(),
            collection: CollectionPolicy::standard().unwrap(),
            clock: clock.clone(),
            base_url: BASE.to_owned(),
            desk: shelves.clone(),
        };
        let record = Record::open(store.clone(), keyring.clone(), settings).await.unwrap();
        let desk = Arc::new(Desk::default());
        let state = ApiState {
            record: record.clone(),
            identify: desk.clone(),
            base: BaseUrl::parse(BASE).unwrap(),
            clock: clock.clone(),
            request_id: Arc::new(|| 0xabc),
            limits: Limits { body_bytes_max: BODY_BYTES_MAX },
        };
        let router = Router::new().merge(api::router(state));
        Self { router, desk, shelves, record, store, keyring, clock, ticks, _directory: directory }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.as_role("physician", "GET", path, &[], "").await
    }

    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.as_role("physician", method, path, headers, body).await
    }

    /// With a body, `Content-Type` is FHIR JSON unless the headers say otherwise.
    pub async fn as_role(&self, role: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let token = format!("Bearer {role}");
        let mut all = vec![("authorization", token.as_str())];
        if !body.is_empty() && !headers.iter().any(|(name, _)| *name == "content-type") {
            all.push(("content-type", FHIR_JSON));
        }
        all.extend_from_slice(headers);
        self.bare(method, path, &all, body).await
    }

    pub async fn bare(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("/fhir{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        request.extensions_mut().insert(Peer(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        Answer::of(self.router.clone().oneshot(request).await.unwrap()).await
    }

    /// Creates a resource and says its id.
    pub async fn create(&self, kind: &str, body: &str) -> String {
        let answer = self.send("POST", &format!("/{kind}"), &[], body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.text("id")
    }
}

impl Answer {
    pub async fn of(response: axum::response::Response) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Self { status: parts.status, headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    pub fn json(&self) -> Json<'_> {
        Json::parse(self.body.as_bytes()).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// A text at a path of names and numbers: `entry.0.response.status`.
    pub fn text(&self, path: &str) -> String {
        let root = self.json();
        let mut at = &root;
        for step in path.split('.') {
            let next = match step.parse::<usize>() {
                Ok(index) => at.items().get(index),
                Err(_) => at.get(step),
            };
            at = next.unwrap_or_else(|| panic!("no {path} in {}", self.body));
        }
        at.as_str().or(at.as_number()).unwrap_or_else(|| panic!("{path} is no text in {}", self.body)).to_owned()
    }

    pub fn entries(&self) -> usize {
        self.json().get("entry").map_or(0, |entries| entries.items().len())
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// `404 not-found`. An outcome is valid FHIR and no cache keeps it.
    pub fn outcome(&self) -> String {
        assert_eq!(self.text("resourceType"), "OperationOutcome");
        self.assert_valid();
        assert_eq!(self.header("cache-control"), "no-store");
        assert_eq!(self.header("content-type"), "application/fhir+json; charset=utf-8");
        format!("{} {}", self.status.as_u16(), self.text("issue.0.code"))
    }

    pub fn assert_valid(&self) {
        let json = self.json();
        let errors: Vec<_> =
            fhir::validate(&json).into_iter().filter(|issue| issue.severity == fhir::Severity::Error).collect();
        assert!(errors.is_empty(), "{errors:?} in {}", self.body);
    }
}

impl Identify for Desk {
    fn identify(&self, token: &str, client: ClientFacts<'_>) -> Option<Caller> {
        assert_eq!(client.address, IpAddr::V4(Ipv4Addr::LOCALHOST));
        assert_eq!(client.request_id, 0xabc);
        assert_ne!(token, "defect", "a defect that knows the token of Okafor");
        let role = Role::ALL.iter().copied().find(|role| role.name() == token)?;
        let purpose = match role {
            Role::Billing => Purpose::Payment,
            Role::FrontDesk | Role::Admin => Purpose::Operations,
            Role::Auditor => Purpose::Compliance,
            _ => Purpose::Treatment,
        };
        Caller::established(CallerParts {
            user: UserId(role as u64 + 1),
            login: role.name().to_owned(),
            roles: RoleSet::of(role),
            purpose,
            own_chart: None,
            proxies: Vec::new(),
            broken_glass: Vec::new(),
            scopes: None,
            practitioner: None,
            family: None,
            session: 1,
            device: None,
            facts: Facts::GOOD,
            network: client.address,
            country: None,
            user_agent: client.user_agent.to_owned(),
            request_id: client.request_id,
            time_ms: client.time_ms,
        })
        .ok()
    }

    fn noise(&self, _address: IpAddr) {
        self.noise.fetch_add(1, Ordering::Relaxed);
    }
}
