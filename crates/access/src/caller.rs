//! Who asks. Built by identity, once per request, from an authenticated session or token.

use std::fmt;
use std::net::IpAddr;

use crate::error::AccessError;
use crate::purpose::Purpose;
use crate::words::closed;

pub const LOGIN_BYTES_MAX: usize = 256;
/// A longer user agent is cut, for audit keeps it with every event.
pub const USER_AGENT_BYTES_MAX: usize = 256;

/// An account, opaque.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(pub u64);

/// A chart: everything one patient owns. Opaque.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChartNo(pub u64);

closed! {
    pub enum Role {
        Physician = "physician",
        Nurse = "nurse",
        Billing = "billing",
        FrontDesk = "front_desk",
        Admin = "admin",
        Auditor = "auditor",
        Patient = "patient",
        Integration = "integration",
    }
}

/// The roles a caller acts in, as a bit set in the order of [`Role::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RoleSet(u8);

/// What is true of the session now, computed by identity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Facts {
    pub mfa_fresh: bool,
    pub device_verified: bool,
    /// True where the organization sets no working hours.
    pub within_hours: bool,
    /// Of a caller: the glass is broken for some chart. In a decision: for the very chart that is decided.
    pub glass_broken: bool,
}

/// What identity knows about a caller.
pub struct CallerParts {
    pub user: UserId,
    /// Login name, for the audit record.
    pub login: String,
    pub roles: RoleSet,
    pub purpose: Purpose,
    /// The chart of a caller in the patient role.
    pub own_chart: Option<ChartNo>,
    /// The chart for which the caller broke the glass, while the time limit runs.
    pub broken_glass: Option<ChartNo>,
    /// Row of the caller's Practitioner resource.
    pub practitioner: Option<u64>,
    pub session: u64,
    pub device: Option<u64>,
    pub facts: Facts,
    pub network: IpAddr,
    pub user_agent: String,
    pub request_id: u128,
    pub time_ms: i64,
}

/// Who asks, from where, in which roles and why.
pub struct Caller(CallerParts);

impl Caller {
    /// For identity code alone: whoever calls this vouches that the parts come from an authenticated session or token.
    pub fn established(mut parts: CallerParts) -> Result<Caller, AccessError> {
        if parts.roles.is_empty() {
            return Err(AccessError::NoRole);
        }
        if parts.own_chart.is_some() != parts.roles.contains(Role::Patient) {
            return Err(AccessError::OwnChart);
        }
        if parts.broken_glass.is_some() != parts.facts.glass_broken {
            return Err(AccessError::BrokenGlass);
        }
        if parts.login.len() > LOGIN_BYTES_MAX {
            return Err(AccessError::LoginTooLong { max: LOGIN_BYTES_MAX });
        }
        let cut = parts.user_agent.floor_char_boundary(USER_AGENT_BYTES_MAX);
        parts.user_agent.truncate(cut);
        Ok(Caller(parts))
    }

    pub fn user(&self) -> UserId {
        self.0.user
    }
    pub fn login(&self) -> &str {
        &self.0.login
    }
    pub fn roles(&self) -> RoleSet {
        self.0.roles
    }
    pub fn purpose(&self) -> Purpose {
        self.0.purpose
    }
    pub fn own_chart(&self) -> Option<ChartNo> {
        self.0.own_chart
    }
    pub fn broken_glass(&self) -> Option<ChartNo> {
        self.0.broken_glass
    }
    pub fn practitioner(&self) -> Option<u64> {
        self.0.practitioner
    }
    pub fn session(&self) -> u64 {
        self.0.session
    }
    pub fn device(&self) -> Option<u64> {
        self.0.device
    }
    pub fn facts(&self) -> Facts {
        self.0.facts
    }
    pub fn network(&self) -> IpAddr {
        self.0.network
    }
    pub fn user_agent(&self) -> &str {
        &self.0.user_agent
    }
    pub fn request_id(&self) -> u128 {
        self.0.request_id
    }
    pub fn time_ms(&self) -> i64 {
        self.0.time_ms
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Caller[redacted]")
    }
}

impl fmt::Debug for CallerParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallerParts[redacted]")
    }
}

impl RoleSet {
    pub const EMPTY: RoleSet = RoleSet(0);

    pub const fn of(role: Role) -> RoleSet {
        RoleSet(1 << role as u8)
    }
    pub const fn with(self, role: Role) -> RoleSet {
        RoleSet(self.0 | 1 << role as u8)
    }
    pub const fn contains(self, role: Role) -> bool {
        self.0 & 1 << role as u8 != 0
    }
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
    pub const fn bits(self) -> u8 {
        self.0
    }
    /// Every bit pattern is a set of roles.
    pub const fn from_bits(bits: u8) -> RoleSet {
        RoleSet(bits)
    }
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.iter().copied().filter(move |role| self.contains(*role))
    }
}

impl FromIterator<Role> for RoleSet {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> RoleSet {
        roles.into_iter().fold(RoleSet::EMPTY, RoleSet::with)
    }
}

impl Facts {
    pub(crate) const fn bits(self) -> u8 {
        self.mfa_fresh as u8
            | (self.device_verified as u8) << 1
            | (self.within_hours as u8) << 2
            | (self.glass_broken as u8) << 3
    }
}
