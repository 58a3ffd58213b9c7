//! Opens the identity of an organization, seeds a demo's accounts, and lets bearers of tokens in. Who guesses is counted, not
//! audited one by one.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::identity::{Connection, DemoOnly, HeldProxy, Identity, Kind, Licence, SeedAccount, Settings};
use access::{Action, Caller, Labels, Object, ProxyCategories, Role, TypeRef};
use api::{ClientFacts, Identify};
use audit::event::Who;
use audit::{Event, Whence};
use crypto::Keyring;
use record::Record;
use store::{Backend, Desk, Evidence, Sqlite, Witness};
use zeroize::Zeroizing;

use crate::ServerError;
use crate::accounts::{Account, Accounts, from_base32};
use crate::assembly::Watch;
use crate::clock::Clock;

/// Addresses counted apart; what comes from further ones is counted together.
const NOISE_ADDRESSES_MAX: usize = 1_024;
const NOISE_EVERY: Duration = Duration::from_secs(60);
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// Where noise from further addresses is counted.
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
/// The login of the demo's integration client.
pub const INTEGRATION_LOGIN: &str = "integration";
/// Passkeys are bound to a name; an address has none.
const ORIGIN_OF_ADDRESSES: &str = "https://localhost";

pub struct Tokens {
    identity: Identity,
    noise: Mutex<HashMap<IpAddr, u64>>,
}

/// Over the desk of an organization; policy and names are the record's.
pub fn open(
    base_url: &str,
    desk: Arc<Desk>,
    store: &Sqlite,
    keyring: &Arc<Keyring>,
    record: &Record,
    watch: &Watch,
    clock: Clock,
) -> Result<Identity, ServerError> {
    let origin = origin(base_url);
    let host = origin.trim_start_matches("https://").split(':').next().unwrap_or_default().to_owned();
    let (policies, names, countries) = (record.clone(), keyring.clone(), watch.countries.clone());
    let people = &watch.people;
    let settings = Settings {
        may: Arc::new(move |caller: &Caller, action: Action| {
            policies.policies().decide(caller, action, &Object::of(TypeRef::SYSTEM, None, None)).is_ok()
        }),
        family: Arc::new(move |name: &str| names.family(name)),
        country: Arc::new(move |address| countries.country(address)),
        idle_minutes: people.idle_minutes,
        absolute_hours: people.absolute_hours,
        hours: people.hours()?,
        networks: people.networks()?,
        ..Settings::new(&people.organization, &origin, &host, clock)
    };
    Ok(Identity::open(settings, desk, Witness::of(store), keyring)?)
}

/// Scheme, host and port of an address; that of this machine where the host is a number.
fn origin(base_url: &str) -> String {
    let rest = base_url.strip_prefix("https://").unwrap_or(base_url);
    let authority = rest.split('/').next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let is_number = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() || host.is_empty();
    if is_number { ORIGIN_OF_ADDRESSES.to_owned() } else { format!("https://{authority}") }
}

/// Gives the demo's users their accounts. Those that are there stay as they are, deactivated ones too.
pub async fn seed(identity: &Identity, demo: &DemoOnly, accounts: &Accounts) -> Result<(), ServerError> {
    for account in &accounts.users {
        if identity.user_of(&account.username).is_none() {
            identity.seed(demo, seeded(account)?).await?;
        }
    }
    if let Some(token) = accounts.api_token.as_ref().filter(|_| identity.user_of(INTEGRATION_LOGIN).is_none()) {
        let integration = SeedAccount {
            login: INTEGRATION_LOGIN.into(),
            display_name: "Integration".into(),
            family_name: None,
            kind: Kind::Service,
            roles: vec![Role::Integration],
            own_chart: None,
            proxies: Vec::new(),
            practitioner: None,
            licence: None,
            npi: None,
            password: None,
            totp_secret: None,
            token: Some(Zeroizing::new(token.clone())),
        };
        identity.seed(demo, integration).await?;
    }
    Ok(())
}

fn seeded(account: &Account) -> Result<SeedAccount, ServerError> {
    let malformed = |reason: &str| ServerError::Malformed {
        path: crate::directory::ACCOUNTS_FILE.into(),
        reason: reason.to_owned(),
    };
    let role = Role::from_name(&account.role).ok_or_else(|| malformed("it names an unknown role"))?;
    let secret = from_base32(&account.totp_secret).ok_or_else(|| malformed("it holds a broken secret"))?;
    let kind = match role {
        Role::Patient => Kind::Patient,
        Role::Proxy => Kind::Proxy,
        Role::Research | Role::Integration => Kind::Service,
        _ => Kind::Workforce,
    };
    // `Rao` of `Asha Rao, MD`.
    let name = account.name.split(',').next().unwrap_or_default();
    let is_licensed = matches!(role, Role::Physician | Role::Psychiatrist);
    let licence = is_licensed.then(|| Licence::new("DEMO", "AZ", "2020-01-01", "2099-12-31")).transpose()?;
    Ok(SeedAccount {
        login: account.username.clone(),
        display_name: account.name.clone(),
        family_name: name.split_whitespace().last().map(str::to_owned),
        kind,
        roles: vec![role],
        own_chart: account.own_chart,
        proxies: account.proxy_chart.map(held_by_demo).into_iter().collect(),
        practitioner: account.practitioner,
        licence,
        npi: None,
        // A program has its token and nothing else.
        password: (kind != Kind::Service).then(|| Zeroizing::new(account.password.clone())),
        totp_secret: (kind != Kind::Service).then_some(Zeroizing::new(secret)),
        token: Some(Zeroizing::new(account.token.clone())),
    })
}

/// A grown patient's grant to somebody near: everything but what is sensitive.
fn held_by_demo(chart: u64) -> HeldProxy {
    HeldProxy {
        chart,
        categories: ProxyCategories::ALL.bits(),
        labels: Labels::NONE.bits(),
        adolescent: false,
        approver: "demo".to_owned(),
        ends_ms: i64::MAX,
    }
}

/// Ends what time ends, until dropped.
pub async fn sweep(identity: Identity) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        if let Err(error) = identity.sweep().await {
            tracing::warn!(%error, "sessions could not be swept");
        }
    }
}

impl Tokens {
    pub fn new(identity: Identity) -> Self {
        Self { identity, noise: Mutex::default() }
    }

    /// Writes what was counted into the audit log, each minute, until dropped.
    pub async fn report_noise(self: Arc<Self>, store: Arc<Sqlite>, clock: Clock) {
        loop {
            tokio::time::sleep(NOISE_EVERY).await;
            self.write_noise(&store, clock()).await;
        }
    }

    /// Writes what was counted since the last time: one event for each address.
    pub async fn write_noise(&self, store: &Sqlite, now_ms: i64) {
        let counted = std::mem::take(&mut *self.noise.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
        for (address, count) in counted {
            let who = Who { user: "", role: "", session: None, on_behalf_of: None };
            let time_ms = now_ms.max(0) as u64;
            let mut event = Event::new(time_ms, audit::Action::Noise, audit::Purpose::SystemAdministration, who);
            event.outcome = audit::Outcome::Failed { code: 401 };
            event.count = Some(count);
            event.whence = Whence { address: (address != ELSEWHERE).then_some(address), ..Whence::default() };
            let written = match Evidence::of(&event) {
                Ok(evidence) => store.record_event(evidence).await.is_ok(),
                Err(_) => false,
            };
            if !written {
                tracing::warn!(count, "unauthenticated requests could not be written to the audit log");
            }
        }
    }
}

impl Identify for Tokens {
    fn identify(&self, token: &str, client: ClientFacts<'_>) -> Option<Caller> {
        let ClientFacts { address, user_agent, request_id, .. } = client;
        // A token is bound to no connection.
        self.identity.bearer(token, &Connection { number: 0, address, user_agent, request_id })
    }

    fn noise(&self, address: IpAddr) {
        let mut counted = self.noise.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let is_counted = counted.len() < NOISE_ADDRESSES_MAX || counted.contains_key(&address);
        *counted.entry(if is_counted { address } else { ELSEWHERE }).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_are_bound_to_a_name() {
        assert_eq!(origin("https://localhost:8443/fhir"), "https://localhost:8443");
        assert_eq!(origin("https://clinic.example"), "https://clinic.example");
        assert_eq!(origin("https://127.0.0.1:8443/fhir"), "https://localhost");
        assert_eq!(origin("https://[::1]:8443"), "https://localhost");
    }
}
