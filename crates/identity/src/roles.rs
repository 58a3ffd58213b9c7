//! Movers: roles with an approver, a reason and an end; each change is told as old -> new. Nobody gives themselves anything.

use access::{Action, Caller, Role, UserId};
use audit::event::Outcome;

use crate::account::{Account, GRANTS_MAX, HeldProxy, Kind, Profile, RoleGrant};
use crate::event::Actor;
use crate::{Connection, Identity, IdentityError};

const REASON_CHARS_MAX: usize = 200;
const DAY_MS: i64 = 86_400_000;

/// A role that nobody confirmed for long.
#[derive(Clone, Debug)]
pub struct Recertification {
    pub user: UserId,
    pub login: String,
    pub role: String,
    pub approver: String,
    pub granted_ms: i64,
    pub confirmed_ms: i64,
    pub ends_ms: Option<i64>,
}

impl Identity {
    pub async fn grant_role(
        &self,
        by: &Caller,
        user: UserId,
        role: Role,
        ends_ms: Option<i64>,
        reason: &str,
        from: &Connection<'_>,
    ) -> Result<(), IdentityError> {
        let why = self::reason(reason)?;
        let now_ms = self.now_ms();
        if ends_ms.is_some_and(|ends_ms| ends_ms <= now_ms) {
            return Err(IdentityError::Invalid("a role ends in the future"));
        }
        let approver = by.login().to_owned();
        self.change_roles(by, user, role, ends_ms, reason, from, move |profile| {
            if !profile.kind.can_be(role) {
                return Err(IdentityError::Invalid("an account of this kind cannot have this role"));
            }
            if role == Role::Patient && profile.own_chart.is_none() {
                return Err(IdentityError::Invalid("a patient has a chart"));
            }
            // A grant of a role that is there already replaces it, with its new end.
            let held = profile.grants.iter_mut().filter(|held| held.role == role.name() && held.is_in_force(now_ms));
            held.for_each(|held| held.ended_ms = Some(now_ms));
            if profile.grants.len() >= GRANTS_MAX {
                let oldest = profile.grants.iter().position(|held| !held.is_in_force(now_ms));
                profile.grants.remove(oldest.ok_or(IdentityError::Invalid("the account has too many roles"))?);
            }
            profile.grants.push(RoleGrant {
                role: role.name().to_owned(),
                approver,
                reason: why,
                granted_ms: now_ms,
                ends_ms,
                ended_ms: None,
                confirmed_ms: now_ms,
            });
            Ok(())
        })
        .await
    }

    pub async fn end_role(
        &self,
        by: &Caller,
        user: UserId,
        role: Role,
        reason: &str,
        from: &Connection<'_>,
    ) -> Result<(), IdentityError> {
        self::reason(reason)?;
        let now_ms = self.now_ms();
        self.change_roles(by, user, role, None, reason, from, move |profile| {
            let mut held =
                profile.grants.iter_mut().filter(|held| held.role == role.name() && held.is_in_force(now_ms));
            held.next().ok_or(IdentityError::Unknown("role of this account"))?.ended_ms = Some(now_ms);
            Ok(())
        })
        .await
    }

    /// Somebody looked, and the role is still needed.
    pub async fn confirm_role(
        &self,
        by: &Caller,
        user: UserId,
        role: Role,
        from: &Connection<'_>,
    ) -> Result<(), IdentityError> {
        let now_ms = self.now_ms();
        self.change_roles(by, user, role, None, "confirmed", from, move |profile| {
            let mut held =
                profile.grants.iter_mut().filter(|held| held.role == role.name() && held.is_in_force(now_ms));
            held.next().ok_or(IdentityError::Unknown("role of this account"))?.confirmed_ms = now_ms;
            Ok(())
        })
        .await
    }

    /// Roles in force that nobody confirmed for `days`, the longest first.
    pub fn recertification(&self, days: u32) -> Vec<Recertification> {
        let now_ms = self.now_ms();
        let before_ms = now_ms - i64::from(days) * DAY_MS;
        let state = self.state();
        let mut due: Vec<Recertification> = state
            .accounts
            .values()
            .flat_map(|account| account.profile.grants.iter().map(move |grant| (&account.profile, grant)))
            .filter(|(_, grant)| grant.is_in_force(now_ms) && grant.confirmed_ms <= before_ms)
            .map(|(profile, grant)| Recertification {
                user: profile.id(),
                login: profile.login.clone(),
                role: grant.role.clone(),
                approver: grant.approver.clone(),
                granted_ms: grant.granted_ms,
                confirmed_ms: grant.confirmed_ms,
                ends_ms: grant.ends_ms,
            })
            .collect();
        due.sort_by_key(|one| (one.confirmed_ms, one.user.0));
        due
    }

    /// Lets somebody act for a patient, within the grant, until its end. Replaces a grant for the same chart.
    pub async fn grant_proxy(
        &self,
        by: &Caller,
        user: UserId,
        grant: access::ProxyGrant,
        ends_ms: i64,
        reason: &str,
        from: &Connection<'_>,
    ) -> Result<(), IdentityError> {
        self::reason(reason)?;
        let now_ms = self.now_ms();
        if ends_ms <= now_ms {
            return Err(IdentityError::Invalid("a grant ends in the future"));
        }
        let approver = by.login().to_owned();
        self.change_roles(by, user, Role::Proxy, Some(ends_ms), reason, from, move |profile| {
            if !matches!(profile.kind, Kind::Proxy | Kind::Patient) {
                return Err(IdentityError::Invalid("an account of this kind cannot be a proxy"));
            }
            profile.proxies.retain(|held| held.chart != grant.chart.0 && now_ms < held.ends_ms);
            if profile.proxies.len() >= access::PROXIES_MAX {
                return Err(IdentityError::Invalid("the account acts for too many patients"));
            }
            profile.proxies.push(HeldProxy {
                chart: grant.chart.0,
                categories: grant.categories.bits(),
                labels: grant.labels.bits(),
                adolescent: grant.adolescent,
                approver: approver.clone(),
                ends_ms,
            });
            let name = Role::Proxy.name();
            if !profile.grants.iter().any(|held| held.role == name && held.is_in_force(now_ms)) {
                profile.grants.push(RoleGrant {
                    role: name.to_owned(),
                    approver,
                    reason: "acts for a patient".to_owned(),
                    granted_ms: now_ms,
                    ends_ms: None,
                    ended_ms: None,
                    confirmed_ms: now_ms,
                });
            }
            Ok(())
        })
        .await
    }

    pub async fn end_proxy(
        &self,
        by: &Caller,
        user: UserId,
        chart: access::ChartNo,
        reason: &str,
        from: &Connection<'_>,
    ) -> Result<(), IdentityError> {
        self::reason(reason)?;
        self.change_roles(by, user, Role::Proxy, None, reason, from, move |profile| {
            let before = profile.proxies.len();
            profile.proxies.retain(|held| held.chart != chart.0);
            if profile.proxies.len() == before { Err(IdentityError::Unknown("grant for this chart")) } else { Ok(()) }
        })
        .await
    }

    #[expect(clippy::too_many_arguments, reason = "the five doors above share it")]
    async fn change_roles(
        &self,
        by: &Caller,
        user: UserId,
        role: Role,
        ends_ms: Option<i64>,
        reason: &str,
        from: &Connection<'_>,
        change: impl FnOnce(&mut Profile) -> Result<(), IdentityError>,
    ) -> Result<(), IdentityError> {
        self.require(by, Action::ManageRoles, from, true).await?;
        if user == by.user() {
            let denied = Outcome::Denied { policy: "" };
            let subject = format!("user {}: {} by oneself", user.0, role.name());
            self.witness(audit::Action::RoleChange, denied, &Actor::caller(by), from, &subject).await?;
            return Err(IdentityError::NotByOneself);
        }
        let pen = self.pen().await;
        let now_ms = self.now_ms();
        let mut next = Account::clone(&*self.account(user.0)?);
        let before = words(&next.profile, now_ms);
        change(&mut next.profile)?;
        let subject = subject(user.0, &before, &words(&next.profile, now_ms), ends_ms, reason);
        let event = self.evidence(audit::Action::RoleChange, Outcome::Success, &Actor::caller(by), from, &subject)?;
        let put = self.put_account(&next)?;
        let identity = self.clone();
        self.commit(pen, vec![event], vec![put], move |state| {
            // What sessions may do changed: their cookies are to be replaced.
            for live in state.sessions_of(user.0) {
                live.is_rotation_due.store(true, std::sync::atomic::Ordering::Relaxed);
            }
            state.put_account(next, identity.hashes());
        })
        .await
    }
}

/// Roles that are granted now, whether they can be acted in or not.
fn words(profile: &Profile, now_ms: i64) -> String {
    let held = profile.grants.iter().filter(|grant| grant.is_in_force(now_ms)).map(|grant| grant.role.as_str());
    held.collect::<Vec<_>>().join(",")
}

/// `user 7: nurse -> nurse,billing until 1795348800000: covers for a colleague`
pub(crate) fn subject(user: u64, before: &str, after: &str, ends_ms: Option<i64>, reason: &str) -> String {
    let none = |words: &str| if words.is_empty() { "none".to_owned() } else { words.to_owned() };
    let until = ends_ms.map(|ends_ms| format!(" until {ends_ms}")).unwrap_or_default();
    format!("user {user}: {} -> {}{until}: {reason}", none(before), none(after))
}

pub(crate) fn reason(text: &str) -> Result<String, IdentityError> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > REASON_CHARS_MAX || text.chars().any(char::is_control) {
        return Err(IdentityError::Invalid("a reason has 1 to 200 characters"));
    }
    Ok(text.to_owned())
}
