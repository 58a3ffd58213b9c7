//! The pages over a real record, desk and audit log, with a clock that stands, and a browser that can be told to lie.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use access::{Caller, CallerParts, CollectionPolicy, Facts, Policies, Role, RoleSet, UserId};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crypto::{Keyring, SealKey};
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use identity::{Connection, DemoOnly, Identity, Invited, Kind, NewAccount, SeedAccount, Settings};
use record::{Preconditions, Record, RecordError, ResourceKey, SearchRequest, Target, types};
use store::log::{AuditLog, LogError, LogOptions};
use store::sqlite::{DatabaseKeys, DaySealer};
use store::{Desk, Sqlite, Witness};
use tempfile::TempDir;
use totp_rs::{Algorithm, Builder};
use web::{COOKIE, Client, STEP_COOKIE, Web, WebState};
use zeroize::Zeroizing;

pub const ORIGIN: &str = "https://clinic.example";
/// Of passkeys.
pub const RP_ID: &str = "clinic.example";
pub const ZONE: &str = "America/New_York";
pub const PASSWORD: &str = "grey heron over the lake";
/// Monday, 4 January 2027, 15:00 UTC.
const START_MS: i64 = 1_799_074_800_000;
const SECRET: [u8; 20] = [0x2a; 20];
pub const MINUTE_MS: i64 = 60_000;

static CONNECTIONS: AtomicU64 = AtomicU64::new(1);
static REQUESTS: AtomicU64 = AtomicU64::new(1);

pub struct Clinic {
    pub hall: telehealth::hall::Hall,
    pub guests: telehealth::guests::Guests,
    /// What the links of visits told.
    pub happened: Arc<std::sync::Mutex<Vec<telehealth::hall::What>>>,
    pub sheets: telehealth::sheets::Sheets,
    pub quarantine: telehealth::quarantine::Quarantine,
    pub outbox: outward::Outbox,
    pub web: Web,
    pub agreements: compliance::Register,
    pub identity: Identity,
    pub record: Record,
    now: Arc<AtomicI64>,
    _directory: TempDir,
}

/// Of who prescribes.
fn licence() -> identity::Licence {
    identity::Licence::new("A-1", "NY", "2026-01-01", "2028-12-31").unwrap()
}

/// An address with something for each `{}` of its template.
pub fn filled(template: &str) -> String {
    template.replace("{}", "x1")
}

/// One person's browser on one connection.
pub struct Browser {
    key: Option<EcdsaKeyPair>,
    address: &'static str,
    connection: u64,
    pub cookies: Vec<(String, String)>,
}

#[derive(PartialEq, Eq)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Clinic {
    pub async fn new() -> Self {
        Self::with_scanner(None).await
    }

    /// Files that come into a chart are looked into there first.
    pub async fn with_scanner(scanner: Option<telehealth::scan::Clamd>) -> Self {
        let base = if Path::new("/dev/shm").is_dir() { "/dev/shm".into() } else { std::env::temp_dir() };
        let directory = tempfile::tempdir_in(base).unwrap();
        let now = Arc::new(AtomicI64::new(START_MS));
        let clock = now.clone();
        let keyring = Arc::new(Keyring::new([7; 16], Zeroizing::new([9; 32])));
        let keys = DatabaseKeys {
            record: keyring.purpose("wardstone/database/record/v1"),
            keys: keyring.purpose("wardstone/database/keys/v1"),
            index: keyring.purpose("wardstone/database/index/v1"),
        };
        let key_database = Sqlite::open_keys(directory.path(), &keys).unwrap();
        let sealer = Arc::new(DaySealer::new(keyring.clone(), key_database.clone()));
        let time: record::Clock = Arc::new(move || clock.load(Ordering::SeqCst));
        let log_clock = time.clone();
        let mut options = LogOptions::new(
            sealer.clone(),
            keyring.log_signing_key(),
            "clinic.example/audit",
            Arc::new(move || log_clock() as u64),
            Arc::new(|out: &mut [u8]| crypto::random(out).map_err(|_| LogError::Random)),
        );
        options.checkpoint_interval_ms = 3_600_000;
        options.reserve_step_bytes = 64 * 1024;
        let log = Arc::new(AuditLog::open(&directory.path().join("audit"), options).unwrap());
        let store = Sqlite::open(directory.path(), &keys, key_database, log, sealer, time.clone()).unwrap();
        let store = Arc::new(store);
        let desk = Arc::new(Desk::open(directory.path(), Zeroizing::new([1; 32]), SealKey::new(&[2; 32])).unwrap());
        let record_settings = record::Settings {
            policies: Policies::embedded().unwrap(),
            collection: CollectionPolicy::standard().unwrap(),
            clock: time.clone(),
            base_url: format!("{ORIGIN}/fhir"),
            desk: desk.clone(),
        };
        let record = Record::open(store.clone(), keyring.clone(), record_settings).await.unwrap();
        let (register_clock, letters_clock, letters_desk) = (time.clone(), time.clone(), desk.clone());
        let mut settings = Settings::new("Lakeside Clinic", ORIGIN, "clinic.example", time);
        let asked = record.clone();
        settings.may = Arc::new(move |caller: &Caller, action| {
            let system = access::Object::of(access::TypeRef::SYSTEM, None, None);
            asked.policies().decide(caller, action, &system).is_ok()
        });
        let names = keyring.clone();
        settings.family = Arc::new(move |name: &str| names.family(name));
        let (visit_clock, fill): (telehealth::hall::Clock, telehealth::hall::Fill) =
            (settings.clock.clone(), Arc::new(|bytes: &mut [u8]| crypto::random(bytes).is_ok()));
        let relays = telehealth::turn::Relays::none();
        let hall = telehealth::hall::Hall::new(relays, false, visit_clock.clone(), fill.clone(), Arc::new(|_| ()));
        let happened: Arc<std::sync::Mutex<Vec<telehealth::hall::What>>> = Arc::default();
        let heard = happened.clone();
        let tell: telehealth::hall::Tell = Arc::new(move |one| heard.lock().unwrap().push(one.what));
        let guests = telehealth::guests::Guests::new(desk.clone(), visit_clock.clone(), fill, tell);
        let sheets = telehealth::sheets::Sheets::new(desk.clone(), visit_clock.clone());
        let quarantine = telehealth::quarantine::Quarantine::new(desk.clone(), visit_clock, Arc::new(|_| ()));
        let parts = compliance::RegisterParts {
            desk: desk.clone(),
            witness: Witness::of(&store),
            clock: register_clock,
            zone: jiff::tz::TimeZone::get(ZONE).unwrap(),
        };
        let agreements = compliance::Register::open(parts).unwrap();
        let identity = Identity::open(settings, desk, Witness::of(&store), &keyring).unwrap();
        let outbox = outward::Outbox::open(outward::OutboxParts {
            desk: letters_desk,
            witness: Witness::of(&store),
            register: agreements.clone(),
            clock: letters_clock,
            clinic: outward::Clinic::new("Lakeside Clinic", ORIGIN, jiff::tz::TimeZone::UTC).unwrap(),
            adapters: outward::Adapters::default(),
        })
        .unwrap();
        let web = Web::new(WebState {
            record: record.clone(),
            identity: identity.clone(),
            agreements: agreements.clone(),
            origin: ORIGIN.into(),
            zone: jiff::tz::TimeZone::get(ZONE).unwrap(),
            hours: None,
            hall: hall.clone(),
            guests: guests.clone(),
            sheets: sheets.clone(),
            hosts: web::Hosts::default(),
            scanner,
            quarantine: quarantine.clone(),
            phone: web::Phone::parse("+1 (555) 010-0100"),
            outbox: outbox.clone(),
            organization: "Lakeside Clinic".into(),
            request_id: Arc::new(|| u128::from(REQUESTS.fetch_add(1, Ordering::SeqCst))),
        });
        let clinic = Self {
            hall,
            guests,
            happened,
            sheets,
            quarantine,
            outbox,
            web,
            agreements,
            identity,
            record,
            now,
            _directory: directory,
        };
        clinic.seed("root", Role::Admin).await;
        clinic.seed("ana", Role::Physician).await;
        clinic
    }

    pub async fn seed(&self, login: &str, role: Role) {
        self.seed_as(login, role, None).await;
    }

    /// With the row of a Practitioner, as whom the person treats.
    pub async fn seed_as(&self, login: &str, role: Role, practitioner: Option<u64>) {
        let demo = DemoOnly::of(crypto::EnvironmentClass::Demo).unwrap();
        let seed = SeedAccount {
            login: login.into(),
            display_name: login.to_uppercase(),
            family_name: None,
            kind: Kind::Workforce,
            roles: vec![role],
            own_chart: None,
            proxies: Vec::new(),
            practitioner,
            licence: matches!(role, Role::Physician | Role::Psychiatrist).then(licence),
            npi: None,
            password: Some(Zeroizing::new(PASSWORD.into())),
            totp_secret: Some(Zeroizing::new(SECRET.to_vec())),
            token: Some(Zeroizing::new(format!("demo-{login}"))),
        };
        self.identity.seed(&demo, seed).await.unwrap();
    }

    /// A resource of the record, written by the integration client: its members without the braces.
    pub async fn put(&self, type_name: &str, id: &str, members: &str) {
        let json = format!(r#"{{"resourceType":"{type_name}","id":"{id}",{members}}}"#);
        let target = Target::Id(ResourceKey::parse(type_name, id).unwrap());
        let integration = self.by(Role::Integration);
        let written = self.record.update(&integration, target, json.as_bytes(), Preconditions::default()).await;
        if let Err(error) = written {
            let RecordError::Invalid(issues) = error else { panic!("{type_name}/{id}: {error}") };
            panic!("{type_name}/{id}: {}", issues.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
        }
    }

    /// What the record has of a type, as a search of these pairs finds it.
    pub async fn all(&self, kind: &str, pairs: &[(&str, &str)]) -> Vec<String> {
        let pairs = pairs.iter().chain(&[("_count", "200")]);
        let pairs: Vec<_> = pairs.map(|(name, value)| (Cow::Borrowed(*name), Cow::Borrowed(*value))).collect();
        let request =
            SearchRequest { kind: types::parse(kind).unwrap(), compartment: None, pairs: &pairs, lenient: false };
        let page = self.record.search(&self.by(Role::Integration), &request).await.unwrap();
        page.get().entries.iter().map(|(_, one)| String::from_utf8(one.json().to_vec()).unwrap()).collect()
    }

    /// One resource, as it is now.
    pub async fn one(&self, kind: &str, id: &str) -> serde_json::Value {
        let key = ResourceKey::parse(kind, id).unwrap();
        let held = self.record.read(&self.by(Role::Integration), &key).await.unwrap();
        serde_json::from_slice(held.get().json()).unwrap()
    }

    /// Somebody who treats: a Practitioner and the account of the person.
    pub async fn seed_practitioner(&self, login: &str, role: Role) {
        let name = format!(r#""name":[{{"family":"{login}","given":["Dr"]}}]"#);
        self.put("Practitioner", login, &name).await;
        let link = self.record.practitioner_link(&self.by(Role::Admin), login).await.unwrap();
        self.seed_as(login, role, Some(link.row)).await;
    }

    /// Somebody of a role, as a program of the organization.
    pub fn by(&self, role: Role) -> Caller {
        let parts = CallerParts {
            user: UserId(900 + role as u64),
            login: format!("by-{}", role.name()),
            roles: RoleSet::of(role),
            purpose: role.usual_purpose(),
            own_chart: None,
            proxies: Vec::new(),
            broken_glass: Vec::new(),
            scopes: None,
            practitioner: None,
            family: None,
            session: 1,
            device: None,
            facts: Facts::GOOD,
            network: "127.0.0.1".parse().unwrap(),
            country: None,
            user_agent: "test".to_owned(),
            request_id: 1,
            time_ms: self.now_ms(),
        };
        Caller::established(parts).unwrap()
    }

    pub fn now_ms(&self) -> i64 {
        self.now.load(Ordering::SeqCst)
    }

    pub async fn invite(&self, login: &str) -> Invited {
        let by = self.identity.bearer("demo-root", &Connection::LOCAL).unwrap();
        let new = NewAccount {
            login: login.into(),
            display_name: "New Person".into(),
            family_name: None,
            kind: Kind::Workforce,
            roles: Vec::new(),
            reason: "joins".into(),
            own_chart: None,
            practitioner: None,
            proxies: Vec::new(),
            check: None,
        };
        self.identity.invite(&by, new, &Connection::LOCAL).await.unwrap()
    }

    pub fn advance(&self, ms: i64) {
        self.now.fetch_add(ms, Ordering::SeqCst);
    }

    /// The code of the next step: each is taken once.
    pub fn totp(&self) -> String {
        self.advance(30_000);
        self.totp_now(&SECRET)
    }

    pub fn totp_now(&self, secret: &[u8]) -> String {
        let totp = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6).with_secret(secret.to_vec()).build();
        totp.unwrap().generate(self.now.load(Ordering::SeqCst) as u64 / 1_000).to_string()
    }

    pub async fn signed_in(&self, login: &str, browser: &mut Browser) {
        let mut form = vec![("login", login.to_owned()), ("password", PASSWORD.to_owned())];
        form.extend(browser.claim(&self.identity));
        let first = browser.post(self, "/signin", &form).await;
        assert_eq!(first.status, StatusCode::OK, "{}", first.body);
        let second = browser.post(self, "/signin/second", &[("code", self.totp())]).await;
        assert_eq!((second.status, second.location()), (StatusCode::SEE_OTHER, "/"), "{}", second.body);
    }
}

impl Browser {
    /// With a key, as a browser with scripts has one.
    pub fn new() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { key: Some(key), ..Self::without_scripts() }
    }

    pub fn without_scripts() -> Self {
        let connection = CONNECTIONS.fetch_add(1, Ordering::SeqCst);
        Self { key: None, address: "192.0.2.10", connection, cookies: Vec::new() }
    }

    pub fn at(self, address: &'static str) -> Self {
        Self { address, ..self }
    }

    /// Another connection of the same browser.
    pub fn reconnects(&mut self) {
        self.connection = CONNECTIONS.fetch_add(1, Ordering::SeqCst);
    }

    pub fn claim(&self, identity: &Identity) -> Vec<(&'static str, String)> {
        let Some(key) = &self.key else { return Vec::new() };
        let challenge = identity.door_challenge();
        let point = key.public_key().as_ref();
        let coordinate = |range| URL_SAFE_NO_PAD.encode(&point[range]);
        let (x, y) = (coordinate(1..33), coordinate(33..65));
        let jwk = format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}"#);
        let signature = self.sign(&challenge);
        vec![("device_key", jwk), ("device_challenge", challenge), ("device_signature", signature)]
    }

    pub fn sign(&self, message: &str) -> String {
        let key = self.key.as_ref().unwrap();
        URL_SAFE_NO_PAD.encode(key.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref())
    }

    pub async fn get(&mut self, clinic: &Clinic, path: &str) -> Answer {
        self.ask(clinic, "GET", path, &[], Body::empty()).await
    }

    /// As a form of one of our pages.
    pub async fn post(&mut self, clinic: &Clinic, path: &str, form: &[(&str, String)]) -> Answer {
        self.post_from(clinic, path, form, &[("sec-fetch-site", "same-origin"), ("origin", "null")]).await
    }

    /// As a form that leads to a list, and on to that.
    pub async fn seek(&mut self, clinic: &Clinic, path: &str, form: &[(&str, String)]) -> Answer {
        let led = self.post(clinic, path, form).await;
        assert_eq!(led.status, http::StatusCode::SEE_OTHER, "{}", led.body);
        self.get(clinic, led.location()).await
    }

    /// As a form of a page that `headers` tell of.
    pub async fn post_from(
        &mut self,
        clinic: &Clinic,
        path: &str,
        form: &[(&str, String)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        self.ask(clinic, "POST", path, headers, Body::from(body)).await
    }

    pub async fn ask(
        &mut self,
        clinic: &Clinic,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Answer {
        let response = self.send(clinic, method, path, headers, body).await;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        Answer { status, headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    /// The answer with its body still to come.
    pub async fn send(
        &mut self,
        clinic: &Clinic,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(path).header(header::USER_AGENT, "Firefox");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !self.cookies.is_empty() {
            let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(header::COOKIE, pairs.join("; "));
        }
        let client = Client { address: self.address.parse().unwrap(), connection: self.connection };
        let response = web::serve(&clinic.web, request.body(body).unwrap(), client).await;
        for value in response.headers().get_all(header::SET_COOKIE) {
            let (pair, rules) = value.to_str().unwrap().split_once("; ").unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.retain(|(held, _)| held != name);
            if !rules.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        response
    }

    pub fn cookie(&self) -> Option<&str> {
        self.cookies.iter().find(|(name, _)| name == COOKIE).map(|(_, value)| value.as_str())
    }

    pub fn is_between_steps(&self) -> bool {
        self.cookies.iter().any(|(name, _)| name == STEP_COOKIE)
    }
}

impl Answer {
    pub fn location(&self) -> &str {
        self.headers.get(header::LOCATION).map_or("", |value| value.to_str().unwrap())
    }

    /// The value of an attribute or hidden field that starts like this.
    pub fn after(&self, start: &str) -> String {
        let (_, rest) = self.body.split_once(start).unwrap_or_else(|| panic!("no {start} in {}", self.body));
        rest.split('"').next().unwrap().to_owned()
    }

    /// What forms of the page send back.
    pub fn csrf(&self) -> String {
        self.after(r#"name="csrf" value=""#)
    }
}
