//! What can be set, with safe defaults: a TOML file, each line of which an environment variable can override.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ::identity::{Hours, Networks};
use serde::{Deserialize, Serialize};

use crate::visits::Visits;
use crate::{ServerError, files};

pub const LISTEN_DEFAULT: &str = "127.0.0.1:8443";
/// Health and metrics; port 0 takes a free one.
pub const ADMIN_LISTEN_DEFAULT: &str = "127.0.0.1:0";
pub const CONNECTIONS_MAX: u32 = 4_096;
/// Of one address; of IPv6 one /64.
pub const CONNECTIONS_PER_ADDRESS_MAX: u32 = 1_024;
pub const HEADER_BYTES_MAX: usize = 64 * 1024;
pub const HEADERS_MAX: usize = 64;
/// One transaction of 32 MB passes, with room.
pub const BODY_BYTES_MAX: usize = 48 * 1024 * 1024;
pub const HANDSHAKE_MS: u64 = 10_000;
/// Also ends an HTTP/1.1 connection that sends nothing more.
pub const HEADER_READ_MS: u64 = 60_000;
pub const REQUEST_MS: u64 = 300_000;
/// Ends a connection without requests, and drops one whose peer takes nothing of what is written to it.
pub const IDLE_MS: u64 = 60_000;
/// What an idle connection that was told to end gets until it is dropped.
pub const ENDING_MS: u64 = 10_000;
/// What requests in flight get to end in when the server stops.
pub const SHUTDOWN_MS: u64 = 20_000;

/// Settings of `wardstone serve`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The data directory.
    pub data: PathBuf,
    /// Address and port of the FHIR API.
    pub listen: SocketAddr,
    /// How clients reach it, `https://host[:port]`; from it come `fullUrl`, `Location` and links.
    pub base_url: String,
    /// Health and metrics: loopback only.
    pub admin_listen: SocketAddr,
    pub tls: Tls,
    pub key: Key,
    pub audit: Audit,
    pub limits: Limits,
    /// Who works here, when and from where.
    pub people: People,
    /// Which country an address is in: a MaxMind DB file, see docs/operating/countries.md.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub countries: Option<PathBuf>,
    /// From when on something is an alert, see docs/alerts.md.
    pub alerts: compliance::Limits,
    /// What sends e-mail and text messages, see docs/operating/outward.md. Nothing unless it is set.
    pub outward: outward::Settings,
    /// How browsers reach one another in a visit by video, see docs/operating/visits.md.
    pub visits: Visits,
    /// Filter of the log on stderr, as in RUST_LOG.
    pub log: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// PEM files: the chain, leaf first, and its key.
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// Sessions, working hours, own networks: see docs/identity.md.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct People {
    /// What authenticators and pages show, and a word that no password is made of.
    pub organization: String,
    /// Where people call who cannot be seen or heard in a visit: `+1 555 010 0100`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// 1 to 30.
    pub idle_minutes: u32,
    /// 1 to 24.
    pub absolute_hours: u32,
    /// IANA name of the time zone that `hours` and `holidays` are in.
    pub zone: String,
    /// `Mon-Fri 08:00-18:00; Sat 09:00-13:00`; none is round the clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<String>,
    /// `YYYY-MM-DD`.
    pub holidays: Vec<String>,
    /// `10.1.0.0/16`; empty trusts every network.
    pub networks: Vec<String>,
}

impl People {
    pub fn hours(&self) -> Result<Hours, ServerError> {
        let holidays: Vec<&str> = self.holidays.iter().map(String::as_str).collect();
        // A zone that is none is said also where nothing hangs on it yet.
        let weekly = Hours::weekly(&self.zone, self.hours.as_deref().unwrap_or_default(), &holidays);
        let weekly = weekly.map_err(|error| ServerError::Usage(format!("people: {error}")))?;
        Ok(if self.hours.is_some() { weekly } else { Hours::always() })
    }

    pub fn time_zone(&self) -> Result<jiff::tz::TimeZone, ServerError> {
        jiff::tz::TimeZone::get(&self.zone)
            .map_err(|_| ServerError::Usage("people: the time zone is not an IANA name".into()))
    }

    pub fn phone(&self) -> Result<Option<web::Phone>, ServerError> {
        let refused = || ServerError::Usage("people: the phone number is none that a phone dials".into());
        self.phone.as_deref().map(|text| web::Phone::parse(text).ok_or_else(refused)).transpose()
    }

    pub fn networks(&self) -> Result<Networks, ServerError> {
        let networks: Vec<&str> = self.networks.iter().map(String::as_str).collect();
        Networks::parse(&networks).map_err(|error| ServerError::Usage(format!("people: {error}")))
    }
}

impl Default for People {
    fn default() -> Self {
        Self {
            organization: "Wardstone".into(),
            phone: None,
            idle_minutes: ::identity::IDLE_MINUTES,
            absolute_hours: ::identity::ABSOLUTE_HOURS,
            zone: "UTC".into(),
            hours: None,
            holidays: Vec::new(),
            networks: Vec::new(),
        }
    }
}

/// Where the key-encryption key is. It is never in this file.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Key {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kek_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Audit {
    /// Folder that gets a copy of every checkpoint: one that this machine's administrator cannot rewrite.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sink: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    pub connections_max: u32,
    pub connections_per_address_max: u32,
    pub header_bytes_max: usize,
    pub headers_max: usize,
    pub body_bytes_max: usize,
    pub handshake_ms: u64,
    pub header_read_ms: u64,
    pub request_ms: u64,
    pub idle_ms: u64,
    pub ending_ms: u64,
    pub shutdown_ms: u64,
}

impl Config {
    /// From a file, with the variables of the environment over it.
    pub fn load(file: Option<&Path>, environment: impl Fn(&str) -> Option<String>) -> Result<Self, ServerError> {
        let mut table = match file {
            None => toml::Table::new(),
            Some(path) => files::read_text(path)?.parse().map_err(|error: toml::de::Error| malformed(path, &error))?,
        };
        for (variable, keys) in VARIABLES {
            let Some(text) = environment(variable) else { continue };
            let value = text.parse::<i64>().map_or(toml::Value::String(text), toml::Value::Integer);
            set(&mut table, keys, value);
        }
        let config: Config =
            table.try_into().map_err(|error| malformed(file.unwrap_or(Path::new("environment variables")), &error))?;
        config.check()?;
        Ok(config)
    }

    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).unwrap_or_default()
    }

    fn check(&self) -> Result<(), ServerError> {
        if !self.admin_listen.ip().is_loopback() {
            return Err(ServerError::Usage(
                "admin_listen: health and metrics are served on a loopback address only".into(),
            ));
        }
        if !self.base_url.starts_with("https://") {
            return Err(ServerError::Usage("base_url: an address that starts with https://".into()));
        }
        self.people.hours()?;
        self.people.networks()?;
        self.people.phone()?;
        let Limits { connections_max, connections_per_address_max, body_bytes_max, .. } = self.limits;
        if connections_max == 0 || connections_per_address_max == 0 || body_bytes_max == 0 {
            return Err(ServerError::Usage("limits: none of them is 0".into()));
        }
        self.alerts.check()?;
        self.outward.check()?;
        self.visits.check()?;
        Ok(())
    }
}

/// Which variable overrides which line.
pub const VARIABLES: &[(&str, &[&str])] = &[
    ("WARDSTONE_DATA", &["data"]),
    ("WARDSTONE_LISTEN", &["listen"]),
    ("WARDSTONE_BASE_URL", &["base_url"]),
    ("WARDSTONE_ADMIN_LISTEN", &["admin_listen"]),
    ("WARDSTONE_TLS_CERTIFICATE", &["tls", "certificate"]),
    ("WARDSTONE_TLS_KEY", &["tls", "key"]),
    ("WARDSTONE_KEK_FILE", &["key", "kek_file"]),
    ("WARDSTONE_PASSPHRASE_FILE", &["key", "passphrase_file"]),
    ("WARDSTONE_AUDIT_SINK", &["audit", "sink"]),
    ("WARDSTONE_COUNTRIES", &["countries"]),
    ("WARDSTONE_LOG", &["log"]),
    ("WARDSTONE_CONNECTIONS_MAX", &["limits", "connections_max"]),
    ("WARDSTONE_CONNECTIONS_PER_ADDRESS_MAX", &["limits", "connections_per_address_max"]),
    ("WARDSTONE_BODY_BYTES_MAX", &["limits", "body_bytes_max"]),
    ("WARDSTONE_REQUEST_MS", &["limits", "request_ms"]),
];

fn set(table: &mut toml::Table, keys: &[&str], value: toml::Value) {
    match keys {
        [] => {}
        [last] => {
            table.insert((*last).to_owned(), value);
        }
        [first, rest @ ..] => {
            let below = table.entry(*first).or_insert_with(|| toml::Value::Table(toml::Table::new()));
            if let toml::Value::Table(below) = below {
                set(below, rest, value);
            }
        }
    }
}

fn malformed(path: &Path, error: &toml::de::Error) -> ServerError {
    ServerError::Malformed { path: path.display().to_string(), reason: error.message().to_owned() }
}

impl Default for Config {
    fn default() -> Self {
        let loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Self {
            data: PathBuf::from("/var/lib/wardstone"),
            listen: loopback(8443),
            base_url: "https://localhost:8443".into(),
            admin_listen: loopback(0),
            tls: Tls::default(),
            key: Key::default(),
            audit: Audit::default(),
            limits: Limits::default(),
            people: People::default(),
            countries: None,
            alerts: compliance::Limits::default(),
            outward: outward::Settings::default(),
            visits: Visits::default(),
            log: "info".into(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: CONNECTIONS_MAX,
            connections_per_address_max: CONNECTIONS_PER_ADDRESS_MAX,
            header_bytes_max: HEADER_BYTES_MAX,
            headers_max: HEADERS_MAX,
            body_bytes_max: BODY_BYTES_MAX,
            handshake_ms: HANDSHAKE_MS,
            header_read_ms: HEADER_READ_MS,
            request_ms: REQUEST_MS,
            idle_ms: IDLE_MS,
            ending_ms: ENDING_MS,
            shutdown_ms: SHUTDOWN_MS,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_variable_overrides_its_line_and_the_rest_keeps_its_default() {
        let config = Config::load(None, |name| match name {
            "WARDSTONE_LISTEN" => Some("0.0.0.0:443".into()),
            "WARDSTONE_BODY_BYTES_MAX" => Some("1000".into()),
            _ => None,
        })
        .unwrap();
        assert_eq!(config.listen.port(), 443);
        assert_eq!(config.limits.body_bytes_max, 1000);
        assert_eq!(config.limits.headers_max, HEADERS_MAX);
    }

    #[test]
    fn metrics_are_never_served_beyond_loopback() {
        let config = Config::load(None, |name| (name == "WARDSTONE_ADMIN_LISTEN").then(|| "0.0.0.0:9000".into()));
        assert!(matches!(config, Err(ServerError::Usage(_))));
    }

    #[test]
    fn an_organization_has_hours_in_its_zone_and_what_is_none_is_refused() {
        let config = |text: &str| {
            let config: Config = text.parse::<toml::Table>().unwrap().try_into().unwrap();
            config.check().map(|()| config.people)
        };
        // Monday 2026-11-23, midnight in Lisbon.
        let night_ms = 1_795_392_000_000;
        let lisbon = "zone = 'Europe/Lisbon'\nholidays = ['2026-12-25']\nnetworks = ['10.1.0.0/16']";
        let people = config(&format!("[people]\nhours = 'Mon-Fri 08:00-18:00'\n{lisbon}")).unwrap();
        assert!(
            !people.hours().unwrap().are_open(night_ms) && people.hours().unwrap().are_open(night_ms + 12 * 3_600_000)
        );
        assert!(!people.networks().unwrap().trust([10, 2, 0, 1].into()));
        assert!(config("").unwrap().hours().unwrap().are_open(night_ms));
        for wrong in ["zone = 'Mars/Olympus'", "hours = 'always'", "networks = ['here']", "holidays = ['Xmas']"] {
            assert!(matches!(config(&format!("[people]\n{wrong}")), Err(ServerError::Usage(_))), "{wrong}");
        }
    }

    #[test]
    fn what_sends_messages_is_printed_as_it_was_read_and_has_to_say_whose_it_is() {
        let text = "[outward.email]\nhost = 'mail.example'\nfrom = 'a@clinic.example'\nsecurity = 'starttls'\nvendor = 'V'\n\
            [outward.sms]\nurl = 'https://sms.example/'\nown = true\n[outward.sms.fields]\nmessages = [{to = '{to}', text = '{text}'}]\n";
        let read = |text: &str| -> Config { text.parse::<toml::Table>().unwrap().try_into().unwrap() };
        let config = read(text);
        config.check().unwrap();
        assert_eq!(read(&config.to_toml()).to_toml(), config.to_toml());
        let parties = config.outward.parties().unwrap();
        assert_eq!(parties[0], (compliance::Service::Email, compliance::Party::Vendor("V".into())));
        assert_eq!(parties[1], (compliance::Service::Sms, compliance::Party::Own));
        let nobodys = read(&text.replace("own = true", ""));
        assert!(matches!(nobodys.check(), Err(ServerError::Outward(_))));
    }

    #[test]
    fn what_is_printed_is_read_back() {
        let printed = Config::default().to_toml();
        let table: toml::Table = printed.parse().unwrap();
        let read: Config = table.try_into().unwrap();
        assert_eq!(read.to_toml(), printed);
    }
}
