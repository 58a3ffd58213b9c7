//! Facts about access: who may do what, what a list shows, what hides what, and that nobody can forge a permit.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod cases;
mod collection;
mod costs;
mod decisions;
mod labels;
mod lists;
mod loading;
mod matrix;
mod properties;
mod replays;
mod sealed;
mod views;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::OnceLock;

use wardstone_access::{
    Caller, CallerParts, ChartNo, Facts, Labels, Policies, ProxyCategories, ProxyGrant, Purpose, Role, RoleSet,
    TypeRef, UserId, resource_types,
};

const OWN_CHART: ChartNo = ChartNo(7);
const OTHER_CHART: ChartNo = ChartNo(8);
/// A grant of everything to a caller in the proxy role.
const WARD: ProxyGrant =
    ProxyGrant { chart: OWN_CHART, categories: ProxyCategories::ALL, labels: Labels::NONE, adolescent: false };
const PRACTITIONER_ROW: u64 = 70;
/// A session as it should be: second factor fresh, device proven, working hours, glass whole.
const GOOD: Facts = Facts::GOOD;

fn policies() -> &'static Policies {
    static POLICIES: OnceLock<Policies> = OnceLock::new();
    POLICIES.get_or_init(|| Policies::embedded().unwrap())
}

fn kind(name: &str) -> TypeRef {
    static KINDS: OnceLock<HashMap<&'static str, TypeRef>> = OnceLock::new();
    let kinds = KINDS.get_or_init(|| {
        let numbered = resource_types().zip(0..);
        numbered.map(|((name, _), code)| (name, TypeRef { name, code })).collect()
    });
    if name == "System" { TypeRef::SYSTEM } else { *kinds.get(name).unwrap_or_else(|| panic!("no type {name}")) }
}

/// Whoever broke the glass did so for `OTHER_CHART`.
fn caller(roles: RoleSet, purpose: Purpose, facts: Facts) -> Caller {
    caller_with(roles, purpose, facts, |_| ())
}

fn caller_with(roles: RoleSet, purpose: Purpose, facts: Facts, change: impl FnOnce(&mut CallerParts)) -> Caller {
    let mut parts = CallerParts {
        user: UserId(1),
        login: "ana".to_string(),
        roles,
        purpose,
        own_chart: roles.contains(Role::Patient).then_some(OWN_CHART),
        proxies: match roles.contains(Role::Proxy) {
            true => vec![WARD],
            false => Vec::new(),
        },
        broken_glass: facts.glass_broken.then_some(OTHER_CHART).into_iter().collect(),
        scopes: None,
        practitioner: Some(PRACTITIONER_ROW),
        family: None,
        session: 2,
        device: Some(3),
        facts,
        network: IpAddr::V4(Ipv4Addr::LOCALHOST),
        country: None,
        user_agent: "tests".to_string(),
        request_id: 4,
        time_ms: 0,
    };
    change(&mut parts);
    Caller::established(parts).unwrap()
}
