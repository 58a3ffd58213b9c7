//! One account: who it is, in which roles, and what proves it.

use access::{ChartNo, Labels, ProxyCategories, ProxyGrant, Role, RoleSet, UserId};
use serde::{Deserialize, Serialize};
use webauthn_rs::prelude::Passkey;
use zeroize::Zeroize;

use crate::IdentityError;
use crate::guidance::Acknowledged;

/// Grants that one account keeps, ended ones included; the oldest ended ones make room.
pub const GRANTS_MAX: usize = 64;
pub const PASSKEYS_MAX: usize = 16;
/// Licences end at midnight after their last day, in UTC.
const DAY_MS: i64 = 86_400_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Workforce,
    Patient,
    Proxy,
    /// A program. It has tokens and never signs in.
    Service,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountState {
    /// Nothing opens yet: an invitation waits to be taken up.
    Invited,
    Active,
    /// A recovery code was issued: nothing opens until the person has enrolled anew.
    Recovering,
    Deactivated,
}

/// What everybody who may administer accounts may see of one. No secrets.
#[derive(Clone, Serialize, Deserialize)]
pub struct Profile {
    pub user: u64,
    pub login: String,
    pub display_name: String,
    pub family_name: Option<String>,
    pub kind: Kind,
    pub state: AccountState,
    pub grants: Vec<RoleGrant>,
    pub licence: Option<Licence>,
    /// National Provider Identifier, checked (45 CFR 162.406).
    pub npi: Option<String>,
    /// Row of the Practitioner resource.
    pub practitioner: Option<u64>,
    pub own_chart: Option<u64>,
    pub proxies: Vec<HeldProxy>,
    pub created_ms: i64,
    /// How the person was known when the account was activated or last recovered.
    pub checked: Option<IdentityCheck>,
}

/// A role, who gave it and until when.
#[derive(Clone, Serialize, Deserialize)]
pub struct RoleGrant {
    /// The word of the role.
    pub role: String,
    pub approver: String,
    pub reason: String,
    pub granted_ms: i64,
    pub ends_ms: Option<i64>,
    pub ended_ms: Option<i64>,
    /// When somebody last said that it is still needed.
    pub confirmed_ms: i64,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Licence {
    pub number: String,
    /// Two letters.
    pub state: String,
    pub from_ms: i64,
    /// The end of its last day.
    pub until_ms: i64,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct HeldProxy {
    pub chart: u64,
    pub categories: u8,
    pub labels: u32,
    pub adolescent: bool,
    pub approver: String,
    pub ends_ms: i64,
}

/// How it was made sure that a patient's code goes to the patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentityCheck {
    InPerson,
    TwoFacts,
    /// A colleague known to the second person.
    Colleague,
}

/// What proves the person. Never leaves this crate.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Proofs {
    pub password: Option<Vec<u8>>,
    pub totp: Option<HeldTotp>,
    pub passkeys: Vec<HeldPasskey>,
    /// Keyed hashes of recovery codes that were not used yet.
    pub recovery: Vec<[u8; 16]>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct HeldTotp {
    pub secret: Vec<u8>,
    /// The last step that was used: it and all before are refused.
    pub last_step: u64,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct HeldPasskey {
    pub label: String,
    pub added_ms: i64,
    /// Beside the library's own: compared once more when the use is written.
    pub counter: u32,
    /// When it signed last, where that is kept: for visits.
    #[serde(default)]
    pub used_ms: Option<i64>,
    pub passkey: Passkey,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Account {
    pub profile: Profile,
    pub proofs: Proofs,
    /// Single letters are no keys to this person (WCAG 2.1.4).
    #[serde(default)]
    pub letters_off: bool,
    /// What they last said that they read of the security guidance.
    #[serde(default)]
    pub guidance: Option<Acknowledged>,
    /// The keyed hash of the family name, computed at load.
    #[serde(skip)]
    pub family: Option<u64>,
}

impl Drop for Proofs {
    fn drop(&mut self) {
        self.password.zeroize();
    }
}

impl Drop for HeldTotp {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Profile({}, [redacted])", self.user)
    }
}

impl RoleGrant {
    pub fn is_in_force(&self, now_ms: i64) -> bool {
        self.ended_ms.is_none() && self.ends_ms.is_none_or(|ends_ms| now_ms < ends_ms)
    }
}

impl Kind {
    /// Roles that accounts of this kind can have. Nobody is workforce and patient in one account.
    pub const fn can_be(self, role: Role) -> bool {
        match role {
            Role::Patient => matches!(self, Kind::Patient),
            Role::Proxy => matches!(self, Kind::Patient | Kind::Proxy),
            Role::Integration | Role::Research => matches!(self, Kind::Service),
            _ => matches!(self, Kind::Workforce),
        }
    }
}

impl Profile {
    pub fn id(&self) -> UserId {
        UserId(self.user)
    }

    /// The roles that hold now and can be acted in: a patient has a chart, a proxy a grant.
    pub fn roles(&self, now_ms: i64) -> RoleSet {
        self.grants
            .iter()
            .filter(|grant| grant.is_in_force(now_ms))
            .filter_map(|grant| Role::from_name(&grant.role))
            .filter(|role| match role {
                Role::Patient => self.own_chart.is_some(),
                Role::Proxy => self.proxies.iter().any(|held| now_ms < held.ends_ms),
                _ => true,
            })
            .collect()
    }

    pub fn is_licensed(&self, now_ms: i64) -> bool {
        self.licence.as_ref().is_some_and(|licence| (licence.from_ms..licence.until_ms).contains(&now_ms))
    }

    pub(crate) fn proxies_now(&self, now_ms: i64) -> Vec<ProxyGrant> {
        self.proxies
            .iter()
            .filter(|held| now_ms < held.ends_ms)
            .filter_map(|held| {
                Some(ProxyGrant {
                    chart: ChartNo(held.chart),
                    categories: ProxyCategories::from_bits(held.categories)?,
                    labels: Labels::from_bits(held.labels)?,
                    adolescent: held.adolescent,
                })
            })
            .collect()
    }
}

impl Proofs {
    /// Enough to let somebody in: two factors, or a passkey with user verification, which is two in one.
    pub(crate) fn are_enough(&self) -> bool {
        !self.passkeys.is_empty() || (self.password.is_some() && self.totp.is_some())
    }
}

impl Licence {
    /// `from` and `until` are the first and the last day, `YYYY-MM-DD`.
    pub fn new(number: &str, state: &str, from: &str, until: &str) -> Result<Self, IdentityError> {
        let number = number.trim();
        if number.is_empty() || number.len() > 32 || state.len() != 2 || !state.bytes().all(|b| b.is_ascii_uppercase())
        {
            return Err(IdentityError::Invalid("a licence has a number and a state of two letters"));
        }
        let (from_ms, last_ms) = (midnight(from)?, midnight(until)?);
        if last_ms < from_ms {
            return Err(IdentityError::Invalid("a licence ends after it begins"));
        }
        Ok(Self { number: number.to_owned(), state: state.to_owned(), from_ms, until_ms: last_ms + DAY_MS })
    }
}

fn midnight(day: &str) -> Result<i64, IdentityError> {
    const NO_DATE: IdentityError = IdentityError::Invalid("a date is written YYYY-MM-DD");
    let date: jiff::civil::Date = day.parse().map_err(|_| NO_DATE)?;
    let zoned = date.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| NO_DATE)?;
    Ok(zoned.timestamp().as_millisecond())
}

/// Ten digits whose last is the Luhn digit over `80840` and the others.
pub fn is_npi(text: &str) -> bool {
    if text.len() != 10 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let digits = b"80840".iter().chain(text.as_bytes()).rev();
    let sum: u32 = digits
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte - b'0') << (place % 2);
            digit / 10 + digit % 10
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_npi_has_its_check_digit() {
        // 1234567893 is the example of the NPI standard.
        assert!(is_npi("1234567893"));
        for text in ["1234567890", "123456789", "12345678933", "123456789x", ""] {
            assert!(!is_npi(text), "{text}");
        }
    }

    #[test]
    fn a_licence_holds_from_its_first_day_through_its_last() {
        let licence = Licence::new("A-1", "NY", "2026-01-01", "2026-12-31").unwrap();
        assert_eq!(licence.until_ms - licence.from_ms, 365 * DAY_MS);
        assert!(Licence::new("A-1", "ny", "2026-01-01", "2026-12-31").is_err());
        assert!(Licence::new("A-1", "NY", "2026-12-31", "2026-01-01").is_err());
        assert!(Licence::new("", "NY", "2026-01-01", "2026-01-02").is_err());
    }
}
