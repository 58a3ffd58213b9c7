//! From a bearer token or a session to the caller that policies see. The hot path: no await, no lock that a writer holds for long.

use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::Ordering;

use access::{Caller, CallerParts, ChartNo, Facts, GLASS_MAX, Purpose, Role, Scopes, UserId};

use crate::account::{Account, AccountState};
use crate::secret::presented;
use crate::state::{DeviceState, Glass, Live, Place, Token};
use crate::{Connection, Identity, lock};

/// A user verification counts as fresh for this long.
pub const FRESH_MS: i64 = 5 * 60_000;

struct Standing<'a> {
    session: u64,
    device: Option<u64>,
    facts: Facts,
    glass: Vec<ChartNo>,
    scopes: Option<Scopes>,
    purpose: Option<Purpose>,
    country: Option<[u8; 2]>,
    from: &'a Connection<'a>,
    now_ms: i64,
}

impl Identity {
    /// The caller behind a bearer token; none if it is unknown, expired, revoked, or its account has no role now.
    pub fn bearer(&self, token: &str, from: &Connection<'_>) -> Option<Caller> {
        let hash = presented(&self.hashes().token, token)?;
        let now_ms = self.now_ms();
        let (token, account, glass) = {
            let state = self.state();
            let token = state.tokens.get(&hash)?.clone();
            let account = state.accounts.get(&token.stored.user)?.clone();
            // What a person broke in a session is open to the person's programs too, as far as their scopes go.
            let glass = state.glass.get(&token.stored.user).map(|held| open(held, now_ms)).unwrap_or_default();
            (token, account, glass)
        };
        if now_ms >= token.stored.expires_ms || account.profile.state != AccountState::Active {
            return None;
        }
        let facts = if token.stored.is_demo { Facts::GOOD } else { self.facts(&account, from, now_ms) };
        let facts = Facts { glass_broken: !glass.is_empty(), ..facts };
        self.caller(
            &account,
            Standing {
                session: token.stored.number,
                device: None,
                facts,
                glass,
                scopes: token.scopes.clone(),
                purpose: token.purpose,
                country: self.country(&token.place, from.address),
                from,
                now_ms,
            },
        )
    }

    /// What is true of everybody who comes from there now, whatever they proved.
    fn facts(&self, account: &Account, from: &Connection<'_>, now_ms: i64) -> Facts {
        Facts {
            within_hours: self.settings().hours.are_open(now_ms),
            network_trusted: self.settings().networks.trust(from.address),
            licensed: account.profile.is_licensed(now_ms),
            ..Facts::default()
        }
    }

    pub(crate) fn caller_in_session(
        &self,
        live: &Live,
        account: &Account,
        device: Option<DeviceState>,
        glass: &[Glass],
        from: &Connection<'_>,
        now_ms: i64,
    ) -> Option<Caller> {
        let open = open(glass, now_ms);
        let facts = Facts {
            mfa_fresh: now_ms - live.verified_ms.load(Ordering::Relaxed) <= FRESH_MS,
            phishing_resistant: live.phishing_resistant.load(Ordering::Relaxed),
            device_verified: device == Some(DeviceState::Verified),
            glass_broken: !open.is_empty(),
            ..self.facts(account, from, now_ms)
        };
        self.caller(
            account,
            Standing {
                session: live.stored.number,
                device: live.stored.device,
                facts,
                glass: open,
                scopes: None,
                purpose: None,
                country: self.country(&live.place, from.address),
                from,
                now_ms,
            },
        )
    }

    fn caller(&self, account: &Account, standing: Standing<'_>) -> Option<Caller> {
        let profile = &account.profile;
        let roles = profile.roles(standing.now_ms);
        let first = roles.iter().next()?;
        Caller::established(CallerParts {
            user: UserId(profile.user),
            login: profile.login.clone(),
            roles,
            purpose: standing.purpose.unwrap_or(first.usual_purpose()),
            own_chart: profile.own_chart.filter(|_| roles.contains(Role::Patient)).map(ChartNo),
            proxies: if roles.contains(Role::Proxy) { profile.proxies_now(standing.now_ms) } else { Vec::new() },
            broken_glass: standing.glass,
            scopes: standing.scopes,
            practitioner: profile.practitioner,
            family: account.family,
            session: standing.session,
            device: standing.device,
            facts: standing.facts,
            network: standing.from.address,
            country: standing.country,
            user_agent: standing.from.user_agent.to_owned(),
            request_id: standing.from.request_id,
            time_ms: standing.now_ms,
        })
        .ok()
    }

    /// Looked up once for each place that a token or session comes from.
    fn country(&self, place: &Mutex<Place>, address: IpAddr) -> Option<[u8; 2]> {
        let mut place = lock(place);
        match *place {
            Some((known, country)) if known == address => country,
            _ => {
                let country = (self.settings().country)(address);
                *place = Some((address, country));
                country
            }
        }
    }
}

/// The charts that are open now.
fn open(held: &[Glass], now_ms: i64) -> Vec<ChartNo> {
    let open = held.iter().filter(|glass| now_ms < glass.until_ms);
    open.map(|glass| ChartNo(glass.chart)).take(GLASS_MAX).collect()
}

impl Token {
    pub fn is_expired(&self, now_ms: i64) -> bool {
        now_ms >= self.stored.expires_ms
    }
}
