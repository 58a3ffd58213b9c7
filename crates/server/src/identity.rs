//! From a bearer token to a caller. Tokens are held as keyed hashes only; who guesses is counted, not audited one by one.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use access::{Caller, CallerParts, ChartNo, Facts, Role, RoleSet, UserId};
use api::{ClientFacts, Identify};
use audit::event::Who;
use audit::{Event, Whence};
use crypto::Keyring;
use crypto::hash::Prf;
use store::{Backend, Evidence, Sqlite};

use crate::ServerError;
use crate::accounts::Accounts;
use crate::clock::Clock;

/// Addresses counted apart; what comes from further ones is counted together.
const NOISE_ADDRESSES_MAX: usize = 1_024;
const NOISE_EVERY: Duration = Duration::from_secs(60);
/// Where noise from further addresses is counted.
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
/// The login of the demo's integration client.
pub const INTEGRATION_LOGIN: &str = "integration";

pub struct Tokens {
    prf: Prf,
    holders: HashMap<[u8; 32], Holder>,
    noise: Mutex<HashMap<IpAddr, u64>>,
}

struct Holder {
    user: UserId,
    login: String,
    role: Role,
    own_chart: Option<ChartNo>,
    practitioner: Option<u64>,
    session: u64,
}

impl Tokens {
    pub fn new(keyring: &Keyring, accounts: &Accounts) -> Result<Self, ServerError> {
        let prf = keyring.prf("wardstone/token/v1");
        let mut holders = HashMap::with_capacity(accounts.users.len() + 1);
        for (number, account) in (1..).zip(&accounts.users) {
            let role = Role::from_name(&account.role).ok_or_else(|| ServerError::Malformed {
                path: crate::directory::ACCOUNTS_FILE.into(),
                reason: "it names an unknown role".into(),
            })?;
            let holder = Holder {
                user: UserId(number),
                login: account.username.clone(),
                role,
                own_chart: account.own_chart.map(ChartNo),
                practitioner: account.practitioner,
                session: number,
            };
            holders.insert(prf.compute(account.token.as_bytes()), holder);
        }
        if let Some(token) = &accounts.api_token {
            let user = accounts.users.len() as u64 + 1;
            let holder = Holder {
                user: UserId(user),
                login: INTEGRATION_LOGIN.into(),
                role: Role::Integration,
                own_chart: None,
                practitioner: None,
                session: user,
            };
            holders.insert(prf.compute(token.as_bytes()), holder);
        }
        Ok(Self { prf, holders, noise: Mutex::default() })
    }

    pub fn is_empty(&self) -> bool {
        self.holders.is_empty()
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
        let holder = self.holders.get(&self.prf.compute(token.as_bytes()))?;
        Caller::established(CallerParts {
            user: holder.user,
            login: holder.login.clone(),
            roles: RoleSet::of(holder.role),
            purpose: holder.role.usual_purpose(),
            own_chart: holder.own_chart,
            proxies: Vec::new(),
            broken_glass: Vec::new(),
            scopes: None,
            practitioner: holder.practitioner,
            family: None,
            session: holder.session,
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

    fn noise(&self, address: IpAddr) {
        let mut counted = self.noise.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let is_counted = counted.len() < NOISE_ADDRESSES_MAX || counted.contains_key(&address);
        *counted.entry(if is_counted { address } else { ELSEWHERE }).or_default() += 1;
    }
}
