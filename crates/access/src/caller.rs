//! Who asks. Built by identity, once per request, from an authenticated session or token.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::error::AccessError;
use crate::labels::Labels;
use crate::purpose::Purpose;
use crate::scopes::Scopes;
use crate::words::closed;

pub const LOGIN_BYTES_MAX: usize = 256;
/// A longer user agent is cut, for audit keeps it with every event.
pub const USER_AGENT_BYTES_MAX: usize = 256;

/// Charts that one caller acts for as a proxy.
pub const PROXIES_MAX: usize = 32;
/// Charts that one caller holds open by broken glass at once.
pub const GLASS_MAX: usize = 8;

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
        Psychiatrist = "psychiatrist",
        MedicalAssistant = "medical_assistant",
        /// Looks at medication to advise on it; dispenses and prescribes nothing here.
        Pharmacist = "pharmacist",
        PrivacyOfficer = "privacy_officer",
        /// Acts for a patient, within what the grant names.
        Proxy = "proxy",
        /// An app that works on research data under its protocol.
        Research = "research",
    }
}

/// The roles a caller acts in, as a bit set in the order of [`Role::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RoleSet(u16);

/// What is true of the session now, computed by identity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Facts {
    /// A user verification within the step-up window (5 minutes).
    pub mfa_fresh: bool,
    /// The session's second factor cannot be phished: a passkey.
    pub phishing_resistant: bool,
    pub device_verified: bool,
    /// True where the organization sets no working hours.
    pub within_hours: bool,
    /// From one of the organization's own networks; true where it names none.
    pub network_trusted: bool,
    /// A licence in force is on file for what only licensed people may do.
    pub licensed: bool,
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
    /// For whom a caller in the proxy role acts, and how far. Grants that have ended are not here.
    pub proxies: Vec<ProxyGrant>,
    /// Charts for which the caller broke the glass, while the time limit runs.
    pub broken_glass: Vec<ChartNo>,
    /// What the token was narrowed to; none for what the roles allow.
    pub scopes: Option<Scopes>,
    /// Row of the caller's Practitioner resource.
    pub practitioner: Option<u64>,
    /// Keyed hash of the caller's family name, as the record computes it of patients.
    pub family: Option<u64>,
    pub session: u64,
    pub device: Option<u64>,
    pub facts: Facts,
    pub network: IpAddr,
    /// ISO 3166 alpha-2, where the address says.
    pub country: Option<[u8; 2]>,
    pub user_agent: String,
    pub request_id: u128,
    pub time_ms: i64,
}

/// One patient's grant to a proxy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ProxyGrant {
    pub chart: ChartNo,
    pub categories: ProxyCategories,
    /// Sensitive categories that the grant opens.
    pub labels: Labels,
    /// The patient is a minor whom state law gives privacy of their own (12 to 17 years).
    pub adolescent: bool,
}

/// Parts of a chart that a proxy may be given, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ProxyCategories(u8);

/// Who asks, from where, in which roles and why. Cheap to clone.
#[derive(Clone)]
pub struct Caller(Arc<CallerParts>);

impl Caller {
    /// For identity code alone: whoever calls this vouches that the parts come from an authenticated session or token.
    pub fn established(mut parts: CallerParts) -> Result<Caller, AccessError> {
        if parts.roles.is_empty() {
            return Err(AccessError::NoRole);
        }
        if parts.own_chart.is_some() != parts.roles.contains(Role::Patient) {
            return Err(AccessError::OwnChart);
        }
        if parts.broken_glass.is_empty() == parts.facts.glass_broken || parts.broken_glass.len() > GLASS_MAX {
            return Err(AccessError::BrokenGlass);
        }
        if parts.login.len() > LOGIN_BYTES_MAX {
            return Err(AccessError::LoginTooLong { max: LOGIN_BYTES_MAX });
        }
        if parts.proxies.is_empty() == parts.roles.contains(Role::Proxy) || parts.proxies.len() > PROXIES_MAX {
            return Err(AccessError::Proxy);
        }
        let cut = parts.user_agent.floor_char_boundary(USER_AGENT_BYTES_MAX);
        parts.user_agent.truncate(cut);
        Ok(Caller(Arc::new(parts)))
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
    pub fn proxies(&self) -> &[ProxyGrant] {
        &self.0.proxies
    }
    pub fn broken_glass(&self) -> &[ChartNo] {
        &self.0.broken_glass
    }
    pub fn scopes(&self) -> Option<&Scopes> {
        self.0.scopes.as_ref()
    }
    pub fn practitioner(&self) -> Option<u64> {
        self.0.practitioner
    }
    pub fn family(&self) -> Option<u64> {
        self.0.family
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
    pub fn country(&self) -> Option<[u8; 2]> {
        self.0.country
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

impl ProxyCategories {
    pub const CLINICAL: ProxyCategories = ProxyCategories(1);
    pub const MEDICATION: ProxyCategories = ProxyCategories(2);
    pub const DOCUMENT: ProxyCategories = ProxyCategories(4);
    pub const SCHEDULING: ProxyCategories = ProxyCategories(8);
    pub const BILLING: ProxyCategories = ProxyCategories(16);
    pub const ALL: ProxyCategories = ProxyCategories(31);

    pub const fn union(self, other: ProxyCategories) -> ProxyCategories {
        ProxyCategories(self.0 | other.0)
    }
    pub const fn contains(self, other: ProxyCategories) -> bool {
        self.0 & other.0 == other.0
    }
    pub const fn bits(self) -> u8 {
        self.0
    }
    pub const fn from_bits(bits: u8) -> Option<ProxyCategories> {
        if bits & !ProxyCategories::ALL.0 == 0 { Some(ProxyCategories(bits)) } else { None }
    }
    pub fn from_name(name: &str) -> Option<ProxyCategories> {
        PROXY_CATEGORIES.iter().position(|known| *known == name).map(|bit| ProxyCategories(1 << bit))
    }
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        PROXY_CATEGORIES.iter().enumerate().filter(move |(bit, _)| self.0 & 1 << bit != 0).map(|(_, name)| *name)
    }

    /// What a group of `types.txt` falls under; the patient's own entry comes with any grant, and who opened the chart.
    pub(crate) fn of_group(group: &str) -> Option<ProxyCategories> {
        match group {
            "patient" | "security" => Some(ProxyCategories(0)),
            "clinical" | "governance" => Some(ProxyCategories::CLINICAL),
            "medication" => Some(ProxyCategories::MEDICATION),
            "document" => Some(ProxyCategories::DOCUMENT),
            "scheduling" => Some(ProxyCategories::SCHEDULING),
            "billing" => Some(ProxyCategories::BILLING),
            _ => None,
        }
    }
}

/// In the order of the bits.
const PROXY_CATEGORIES: [&str; 5] = ["clinical", "medication", "document", "scheduling", "billing"];

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
    pub const fn bits(self) -> u16 {
        self.0
    }
    /// None if a bit names no role, which a newer version may have written.
    pub const fn from_bits(bits: u16) -> Option<RoleSet> {
        if bits >> Role::ALL.len() == 0 { Some(RoleSet(bits)) } else { None }
    }
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.iter().copied().filter(move |role| self.contains(*role))
    }
}

impl Role {
    /// Why the role ordinarily asks, where the caller does not say.
    pub const fn usual_purpose(self) -> Purpose {
        match self {
            Role::Physician | Role::Psychiatrist | Role::Nurse | Role::MedicalAssistant | Role::Pharmacist => {
                Purpose::Treatment
            }
            Role::Integration => Purpose::Treatment,
            Role::Billing => Purpose::Payment,
            Role::FrontDesk => Purpose::PatientAdministration,
            Role::Admin => Purpose::SystemAdministration,
            Role::Auditor | Role::PrivacyOfficer => Purpose::Compliance,
            Role::Patient => Purpose::PatientRequest,
            Role::Proxy => Purpose::FamilyRequest,
            Role::Research => Purpose::Research,
        }
    }
}

impl FromIterator<Role> for RoleSet {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> RoleSet {
        roles.into_iter().fold(RoleSet::EMPTY, RoleSet::with)
    }
}

impl Facts {
    /// Everything as policy would have it, no glass broken: a demo's tokens, and tests.
    pub const GOOD: Facts = Facts {
        mfa_fresh: true,
        phishing_resistant: true,
        device_verified: true,
        within_hours: true,
        network_trusted: true,
        licensed: true,
        glass_broken: false,
    };

    pub(crate) const fn from_bits(bits: u8) -> Option<Facts> {
        if bits >> 7 != 0 {
            return None;
        }
        Some(Facts {
            mfa_fresh: bits & 1 != 0,
            device_verified: bits & 1 << 1 != 0,
            within_hours: bits & 1 << 2 != 0,
            glass_broken: bits & 1 << 3 != 0,
            phishing_resistant: bits & 1 << 4 != 0,
            network_trusted: bits & 1 << 5 != 0,
            licensed: bits & 1 << 6 != 0,
        })
    }

    pub(crate) const fn bits(self) -> u8 {
        self.mfa_fresh as u8
            | (self.device_verified as u8) << 1
            | (self.within_hours as u8) << 2
            | (self.glass_broken as u8) << 3
            | (self.phishing_resistant as u8) << 4
            | (self.network_trusted as u8) << 5
            | (self.licensed as u8) << 6
    }
}
