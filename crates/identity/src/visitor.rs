//! The caller that a visit by video lets answer for its patient: by a link, after the check of who somebody is, or by an account of theirs.
//! It stands to one chart, as the patient or as who stands for them, and to nothing else.

use access::{Caller, CallerParts, ChartNo, Facts, Labels, ProxyCategories, ProxyGrant, Role, RoleSet, UserId};

use crate::account::AccountState;
use crate::{Connection, Identity};

/// Nobody's account: whoever came by a link. Which link the login says.
pub const VISITOR: UserId = UserId(u64::MAX);

/// Who came into a visit, known and agreed.
#[derive(Clone, Copy)]
pub struct Visitor<'a> {
    /// Names the link and opens nothing: for the log.
    pub link: &'a str,
    pub chart: u64,
    /// Stands for the patient.
    pub is_proxy: bool,
    /// The account that they are signed in with.
    pub user: Option<u64>,
}

impl Identity {
    /// None where an account does not, or no longer, stand to the chart so.
    pub fn visitor(&self, visitor: Visitor<'_>, from: &Connection<'_>) -> Option<Caller> {
        let now_ms = self.now_ms();
        let chart = ChartNo(visitor.chart);
        let role = if visitor.is_proxy { Role::Proxy } else { Role::Patient };
        let (user, login, proxies) = match visitor.user {
            None => {
                // Of the sensitive parts nothing: that takes a grant of the patient, which a link is not.
                let grant = ProxyGrant {
                    chart,
                    categories: ProxyCategories::CLINICAL.union(ProxyCategories::SCHEDULING),
                    labels: Labels::NONE,
                    adolescent: false,
                };
                (VISITOR, format!("visit link {}", visitor.link), vec![grant])
            }
            Some(user) => {
                let state = self.state();
                let profile = &state.accounts.get(&user)?.profile;
                let stands = match role {
                    Role::Patient => profile.own_chart == Some(visitor.chart),
                    _ => true,
                };
                if profile.state != AccountState::Active || !profile.roles(now_ms).contains(role) || !stands {
                    return None;
                }
                let grants = profile.proxies_now(now_ms).into_iter().filter(|grant| grant.chart == chart);
                (UserId(user), profile.login.clone(), grants.collect())
            }
        };
        let facts = Facts {
            within_hours: self.settings().hours.are_open(now_ms),
            network_trusted: self.settings().networks.trust(from.address),
            ..Facts::default()
        };
        Caller::established(CallerParts {
            user,
            login,
            roles: RoleSet::of(role),
            purpose: role.usual_purpose(),
            own_chart: (role == Role::Patient).then_some(chart),
            proxies: if role == Role::Proxy { proxies } else { Vec::new() },
            broken_glass: Vec::new(),
            scopes: None,
            practitioner: None,
            family: None,
            session: 0,
            device: None,
            facts,
            network: from.address,
            country: (self.settings().country)(from.address),
            user_agent: from.user_agent.to_owned(),
            request_id: from.request_id,
            time_ms: now_ms,
        })
        .ok()
    }
}
