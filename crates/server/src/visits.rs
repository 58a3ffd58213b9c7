//! Visits by video: their rooms, what is written into the log of them, and those who come by a link.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use compliance::{Party, Service};
use serde::{Deserialize, Serialize};

use telehealth::guests::Guests;
use telehealth::hall::{Fill, Hall, Happened, LinkEvent, TICK_MS, Tell, What};
use telehealth::quarantine::Quarantine;
use telehealth::room::Audit;
use telehealth::scan::Clamd;
use telehealth::sheets::Sheets;
use telehealth::turn::credential::LIFETIME_MS_MAX;
use telehealth::turn::embedded::{Embedded, Options};
use telehealth::turn::{Relays, TurnSecret, TurnSecrets};
use tokio::sync::mpsc;

use web::Web;

use crate::ServerError;
use crate::assembly::House;
use crate::parties;

/// Events that wait to be written. A room that makes more is told to wait by the limits of its people.
const WAITING_MAX: usize = 16_384;
/// How often sheets of visits are looked at for what is over.
const SWEEP: Duration = Duration::from_secs(3_600);

/// How browsers reach one another. See docs/operating/visits.md.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Visits {
    /// Where the relay of this server listens, over UDP and TCP; none runs without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay_listen: Option<SocketAddr>,
    /// The same over TLS, with the certificate of the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay_tls_listen: Option<SocketAddr>,
    /// The address at which browsers reach the relay; needed where it listens on all addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay_address: Option<IpAddr>,
    /// Calls go through a relay alone, so that nobody sees the address of the other.
    pub relay_only: bool,
    /// What looks into files before they come into a chart: `unix:/run/clamav/clamd.ctl`, or `127.0.0.1:3310`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clamd: Option<String>,
    /// Addresses of a coturn instead, `turn:relay.example:3478?transport=udp`, udp first.
    pub coturn: Vec<String>,
    /// A file with the secret that it shares.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coturn_secret_file: Option<PathBuf>,
    /// Who runs that coturn, as the register of agreements names them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coturn_vendor: Option<String>,
    /// It is the organization's own machine.
    pub coturn_own: bool,
}

/// Relays as they run.
pub struct Relaying {
    relays: Relays,
    relay_only: bool,
    pub clamd: Option<Clamd>,
    /// Whose machine it is, where it is not this one.
    party: Option<Party>,
    /// Runs until it is dropped.
    _embedded: Option<Embedded>,
}

impl Relaying {
    /// Calls work where the two see each other.
    pub fn none() -> Self {
        Self { relays: Relays::none(), relay_only: false, clamd: None, party: None, _embedded: None }
    }

    pub fn party(&self) -> Option<(Service, Party)> {
        Some((Service::Turn, self.party.clone()?))
    }

    /// Reads what is set, and starts the relay of this server where it is.
    pub async fn start(visits: &Visits, host: &str, tls: &rustls::ServerConfig) -> Result<Self, ServerError> {
        visits.check()?;
        let (relay_only, clamd) = (visits.relay_only, visits.clamd()?);
        if !visits.coturn.is_empty() {
            let relays = Relays::new(visits.coturn.clone(), visits.coturn_secrets()?, LIFETIME_MS_MAX);
            let (relays, party) = (relays.map_err(refused)?, visits.party()?);
            return Ok(Self { relays, relay_only, clamd, party, _embedded: None });
        }
        let Some(listen) = visits.relay_listen.or(visits.relay_tls_listen) else {
            return Ok(Self { relays: Relays::none(), relay_only, clamd, party: None, _embedded: None });
        };
        // Of this process alone: who is in a call when it restarts is given another with the way back.
        let secret = crypto::random_array::<24>().map_err(ServerError::from)?;
        let secret = TurnSecret::new(&URL_SAFE_NO_PAD.encode(secret)).map_err(refused)?;
        let secrets = TurnSecrets { current: secret, previous: None };
        // Relays speak no HTTP, and some of their clients name a protocol of their own.
        let mut tls = tls.clone();
        tls.alpn_protocols.clear();
        let address = visits.relay_address.unwrap_or(listen.ip());
        let options = Options {
            udp: visits.relay_listen,
            tcp: visits.relay_listen,
            tls: visits.relay_tls_listen.map(|at| (at, Arc::new(tls))),
            relay: listen.ip(),
            advertised: address,
            realm: host.to_owned(),
            secrets: secrets.clone(),
            machine: Arc::new(telehealth::turn::machine::addresses),
            clock: Arc::new(crate::clock::now_ms),
        };
        let embedded = Embedded::start(options).await.map_err(refused)?;
        let named = match address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        };
        let plain = |bound: Option<SocketAddr>, how: &str| {
            bound.map(|bound| format!("turn:{named}:{}?transport={how}", bound.port()))
        };
        // A certificate names a host and not an address.
        let sealed = embedded.tls.map(|bound| format!("turns:{host}:{}?transport=tcp", bound.port()));
        let urls: Vec<String> =
            [plain(embedded.udp, "udp"), plain(embedded.tcp, "tcp"), sealed].into_iter().flatten().collect();
        let relays = Relays::new(urls, secrets, LIFETIME_MS_MAX).map_err(refused)?;
        Ok(Self { relays, relay_only, clamd, party: None, _embedded: Some(embedded) })
    }
}

impl Visits {
    pub fn clamd(&self) -> Result<Option<Clamd>, ServerError> {
        let refused = || usage("clamd is neither unix:/path nor an address of this machine such as 127.0.0.1:3310");
        self.clamd.as_deref().map(|text| Clamd::parse(text).ok_or_else(refused)).transpose()
    }

    /// Whose machine the coturn is; none where none is set.
    pub fn party(&self) -> Result<Option<Party>, ServerError> {
        if self.coturn.is_empty() {
            return match (&self.coturn_vendor, self.coturn_own) {
                (None, false) => Ok(None),
                _ => Err(usage("coturn_vendor and coturn_own say whose machine coturn is, and none is set")),
            };
        }
        let neither =
            "coturn is somebody's machine: name them as coturn_vendor, or say coturn_own = true, and not both";
        Party::declared(self.coturn_vendor.as_deref(), self.coturn_own).map(Some).ok_or_else(|| usage(neither))
    }

    pub fn coturn_secrets(&self) -> Result<TurnSecrets, ServerError> {
        let file = self.coturn_secret_file.as_ref().ok_or_else(|| usage("coturn_secret_file is not set"))?;
        let text = std::fs::read_to_string(file).map_err(ServerError::io("cannot be read", file))?;
        let text = zeroize::Zeroizing::new(text);
        Ok(TurnSecrets { current: TurnSecret::new(text.trim()).map_err(refused)?, previous: None })
    }

    pub fn check(&self) -> Result<(), ServerError> {
        self.clamd()?;
        let listens = [self.relay_listen, self.relay_tls_listen].into_iter().flatten();
        let is_everywhere = { listens.clone() }.any(|at| at.ip().is_unspecified());
        if is_everywhere && self.relay_address.is_none() {
            return Err(usage("relay_address is not set: say at which address browsers reach the relay"));
        }
        if listens.count() > 0 && !self.coturn.is_empty() {
            return Err(usage("set the relay of this server or a coturn, not both"));
        }
        if !self.coturn.is_empty() && self.coturn_secret_file.is_none() {
            return Err(usage("coturn_secret_file is not set"));
        }
        self.party()?;
        let has_relay = self.relay_listen.is_some() || self.relay_tls_listen.is_some() || !self.coturn.is_empty();
        if self.relay_only && !has_relay {
            return Err(usage("relay_only needs a relay"));
        }
        Ok(())
    }
}

/// `https://clinic.example:8443` without scheme and port.
pub fn host_of(base_url: &str) -> &str {
    let authority = base_url.trim_start_matches("https://").split('/').next().unwrap_or_default();
    authority.rsplit_once(':').map_or(authority, |(host, _)| host)
}

fn usage(words: &str) -> ServerError {
    ServerError::Usage(format!("visits: {words}"))
}

pub(crate) fn refused(error: telehealth::TelehealthError) -> ServerError {
    ServerError::Refused(format!("visits: {error}"))
}

/// The rooms, the links into them, and what happens.
pub struct Rooms {
    pub hall: Hall,
    pub guests: Guests,
    pub sheets: Sheets,
    pub quarantine: Quarantine,
}

pub fn open(house: &House, relaying: &Relaying) -> (Rooms, mpsc::Receiver<Happened>) {
    let (to, happened) = mpsc::channel(WAITING_MAX);
    let tell: Tell = Arc::new(move |one: Happened| {
        if to.try_send(one).is_err() {
            tracing::error!("what happened in a visit could not be written down");
        }
    });
    let (relays, clock, fill): (_, _, Fill) = (relaying.relays.clone(), house.clock.clone(), Arc::new(fill));
    let relays = match &relaying.party {
        Some(party) => relays.asking(parties::asking(house, Service::Turn, party.clone())),
        None => relays,
    };
    let guests = Guests::new(house.desk.clone(), clock.clone(), fill.clone(), tell.clone());
    let sheets = Sheets::new(house.desk.clone(), clock.clone());
    let quarantine = Quarantine::new(house.desk.clone(), clock.clone(), tell.clone());
    let hall = Hall::new(relays, relaying.relay_only, clock, fill, tell);
    (Rooms { hall, guests, sheets, quarantine }, happened)
}

fn fill(bytes: &mut [u8]) -> bool {
    crypto::random(bytes).is_ok()
}

/// Looks after the rooms until the server stops.
pub async fn watch(hall: Hall, sheets: Sheets, quarantine: Quarantine) {
    let mut ticks = tokio::time::interval(Duration::from_millis(TICK_MS));
    let mut sweeps = tokio::time::interval(SWEEP);
    loop {
        tokio::select! {
            _ = ticks.tick() => hall.tick(),
            _ = sweeps.tick() => {
                if let Err(error) = sheets.sweep() {
                    tracing::error!(%error, "old sheets of visits could not be removed");
                }
                if let Err(error) = quarantine.sweep() {
                    tracing::error!(%error, "old files that are held back could not be removed");
                }
            }
        }
    }
}

/// Each event with the opaque id of the visit, the role, whose account or link it was, and a closed word.
/// Then the sheet of the visit, and the chart.
pub async fn write_down(house: Arc<House>, sheets: Sheets, pages: Web, mut happened: mpsc::Receiver<Happened>) {
    while let Some(one) = happened.recv().await {
        write(&house, &one).await;
        keep(&sheets, &one);
        if let What::Visit { event, .. } = one.what {
            pages.follow(&one.visit, event).await;
        }
    }
}

/// What the chart will be told.
fn keep(sheets: &Sheets, happened: &Happened) {
    let read = sheets.of(&happened.visit).map(|mut sheet| sheet.take(happened));
    let kept = match read {
        Ok(false) => return,
        Ok(true) => sheets.change(&happened.visit, |sheet| sheet.take(happened)).map(|_| ()),
        Err(error) => Err(error),
    };
    if let Err(error) = kept {
        tracing::error!(%error, "what happened in a visit is not on its sheet");
    }
}

async fn write(house: &House, happened: &Happened) {
    let Happened { visit, role, who, what, .. } = happened;
    let role = role.map_or("nobody".to_owned(), |role| format!("{role:?}").to_lowercase());
    let person = who.as_ref().map_or_else(String::new, |who| format!(" {}", who.person));
    let (words, is_failure) = match what {
        What::Room { what, detail } => {
            let failed = matches!(
                what,
                Audit::TicketRefused
                    | Audit::NotHost
                    | Audit::RateLimited
                    | Audit::RiskRefused
                    | Audit::VouchRefused
                    | Audit::SomebodyElse
            );
            let detail = detail.as_ref().map_or_else(String::new, |detail| format!(" {detail}"));
            (format!("{what:?}{detail}"), failed)
        }
        What::Visit { status, .. } => (format!("status {}", status.word()), false),
        What::Keep(event) => (format!("keep {event:?}"), event.is_failure()),
        What::Link(event) => (format!("link {event:?}"), matches!(event, LinkEvent::Refused | LinkEvent::CheckFailed)),
    };
    let subject = format!("visit {visit}: {role}{person}: {words}");
    let outcome = match is_failure {
        true => audit::event::Outcome::Failed { code: 403 },
        false => audit::event::Outcome::Success,
    };
    if let Err(error) = house.note_outcome(audit::Action::Visit, "system", Some(&subject), None, outcome).await {
        tracing::error!(%error, "what happened in a visit could not be written down");
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_relay_says_where_it_is_reached_and_there_is_one_kind_of_it() {
        let any: SocketAddr = "0.0.0.0:3478".parse().unwrap();
        let near: SocketAddr = "192.0.2.1:3478".parse().unwrap();
        let of = |change: fn(&mut Visits)| {
            let mut visits = Visits::default();
            change(&mut visits);
            visits
        };
        let external = |vendor: Option<&str>, coturn_own| Visits {
            coturn: vec!["turn:relay.example:3478".into()],
            coturn_secret_file: Some("secret".into()),
            coturn_vendor: vendor.map(str::to_owned),
            coturn_own,
            ..Visits::default()
        };
        assert_eq!(external(None, true).party().unwrap(), Some(Party::Own));
        assert!(external(Some("Relays, Inc."), false).check().is_ok());
        assert!(Visits::default().check().is_ok());
        assert!(Visits { relay_listen: Some(near), relay_only: true, ..Visits::default() }.check().is_ok());
        let refused = [
            Visits { relay_listen: Some(any), ..Visits::default() },
            of(|visits| visits.relay_only = true),
            of(|visits| visits.clamd = Some("203.0.113.9:3310".into())),
            of(|visits| visits.coturn = vec!["turn:relay.example:3478".into()]),
            Visits {
                relay_listen: Some(near),
                coturn: vec!["turn:relay.example:3478".into()],
                coturn_secret_file: Some("secret".into()),
                ..Visits::default()
            },
            // Whose machine it is, is not said; or both; or of none.
            external(None, false),
            external(Some("Relays, Inc."), true),
            external(Some(" "), false),
            Visits { coturn_own: true, ..Visits::default() },
        ];
        for visits in refused {
            assert!(visits.check().unwrap_err().to_string().contains("visits"), "{visits:?}");
        }
    }
}
