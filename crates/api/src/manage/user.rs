//! Accounts of people and programs: who is there, joiners, leavers, recovery. Secrets are shown once, to who hands them over.

use access::Role;
use identity::{AccountState, HeldProxy, IdentityCheck, Invited, Kind, Licence, NewAccount, Profile, RoleGrant};
use serde::Deserialize;
use serde_json::{Value, json};

use super::problem::Problem;
use super::show::{end_of_day, id, instant, maybe_instant};
use super::{Asked, Done};

/// Where an invitation or recovery code is taken.
const ENROL_PATH: &str = "/enrol";
/// Accounts of one answer; narrow it by state or login beyond that.
const USERS_MAX: usize = 10_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    login: String,
    name: String,
    family: Option<String>,
    kind: Kind,
    #[serde(default)]
    roles: Vec<NewRole>,
    checked: Option<IdentityCheck>,
    /// Id of the Patient who it is.
    patient: Option<String>,
    /// Id of the Practitioner who it is.
    practitioner: Option<String>,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRole {
    role: String,
    /// Last day.
    until: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Leaver {
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recovery {
    checked: IdentityCheck,
    reason: String,
}

pub fn list(asked: Asked<'_>) -> Result<Done, Problem> {
    asked.only_query(&["state", "login"])?;
    let (state, login) = (asked.query("state")?, asked.query("login")?);
    if state.is_some_and(|word| !STATES.iter().any(|state| state.word() == word)) {
        return Err(Problem::invalid("no account is in a state of this name"));
    }
    let now_ms = asked.now_ms();
    let users: Vec<Value> = asked
        .identity()
        .accounts()
        .iter()
        .filter(|profile| state.is_none_or(|word| profile.state.word() == word))
        .filter(|profile| login.is_none_or(|login| profile.login.eq_ignore_ascii_case(login)))
        .take(USERS_MAX + 1)
        .map(|profile| shown(&asked, profile, now_ms))
        .collect();
    if users.len() > USERS_MAX {
        return Err(Problem::invalid("there are too many accounts for one answer: narrow it by state or login"));
    }
    Done::ok(json!({"users": users}))
}

pub fn show(asked: Asked<'_>) -> Result<Done, Problem> {
    let profile = asked.identity().profile(asked.user()?).ok_or_else(Problem::not_found)?;
    Done::ok(shown(&asked, &profile, asked.now_ms()))
}

pub async fn invite(asked: Asked<'_>) -> Result<Done, Problem> {
    let new: New = asked.parse()?;
    let caller = asked.caller()?;
    let mut roles = Vec::with_capacity(new.roles.len());
    for NewRole { role, until } in &new.roles {
        roles.push((role_of(role)?, until.as_deref().map(end_of_day).transpose()?));
    }
    let own_chart = match &new.patient {
        Some(patient) => Some(asked.record().patient_link(caller, patient).await?.chart.0),
        None => None,
    };
    let practitioner = match &new.practitioner {
        Some(practitioner) => Some(asked.record().practitioner_link(caller, practitioner).await?.row),
        None => None,
    };
    let account = NewAccount {
        login: new.login,
        display_name: new.name,
        family_name: new.family,
        kind: new.kind,
        roles,
        reason: new.reason,
        own_chart,
        practitioner,
        proxies: Vec::new(),
        check: new.checked,
    };
    let invited = asked.identity().invite(caller, account, &asked.from).await?;
    Done::created(code(&asked, &invited))
}

pub async fn deactivate(asked: Asked<'_>) -> Result<Done, Problem> {
    let Leaver { reason } = asked.parse()?;
    asked.identity().deactivate(asked.caller()?, asked.user()?, &reason, &asked.from).await?;
    Done::nothing()
}

/// A deactivated account comes back as one that has to enrol anew, without roles.
pub async fn reactivate(asked: Asked<'_>) -> Result<Done, Problem> {
    recover_if(&asked, |state| state == AccountState::Deactivated).await
}

pub async fn recover(asked: Asked<'_>) -> Result<Done, Problem> {
    recover_if(&asked, |state| matches!(state, AccountState::Active | AccountState::Recovering)).await
}

/// The word of a role, or a refusal that does not repeat it.
pub fn role_of(word: &str) -> Result<Role, Problem> {
    Role::from_name(word).ok_or_else(|| Problem::invalid("no role has this name"))
}

const STATES: [AccountState; 4] =
    [AccountState::Invited, AccountState::Active, AccountState::Recovering, AccountState::Deactivated];

async fn recover_if(asked: &Asked<'_>, is_state: impl Fn(AccountState) -> bool) -> Result<Done, Problem> {
    let Recovery { checked, reason } = asked.parse()?;
    let profile = asked.identity().profile(asked.user()?).ok_or_else(Problem::not_found)?;
    if profile.state == AccountState::Invited && is_state(AccountState::Active) {
        // The code before was lost: another one, and that one is void.
        let invited = asked.identity().invite_again(asked.caller()?, profile.id(), &asked.from).await?;
        return Done::created(code(asked, &invited));
    }
    if !is_state(profile.state) {
        return Err(Problem::conflict());
    }
    let invited = asked.identity().recover(asked.caller()?, profile.id(), checked, &reason, &asked.from).await?;
    Done::created(code(asked, &invited))
}

fn code(asked: &Asked<'_>, invited: &Invited) -> Value {
    json!({
        "user": id(invited.user.0),
        "code": invited.code.as_ref().map(|code| code.as_str()),
        "link": invited.code.as_ref().map(|_| format!("{}{ENROL_PATH}", asked.manage.origin())),
        "until": invited.code.as_ref().map(|_| instant(invited.expires_ms)),
    })
}

fn shown(asked: &Asked<'_>, profile: &Profile, now_ms: i64) -> Value {
    let guidance = asked.identity().guidance(profile.id()).ok();
    let roles: Vec<&str> = profile.roles(now_ms).iter().map(|role| role.name()).collect();
    json!({
        "id": id(profile.user),
        "login": profile.login,
        "name": profile.display_name,
        "family": profile.family_name,
        "kind": profile.kind.word(),
        "state": profile.state.word(),
        "roles": roles,
        "grants": profile.grants.iter().map(grant).collect::<Vec<_>>(),
        "licence": profile.licence.as_ref().map(licence),
        "licensed": profile.is_licensed(now_ms),
        "npi": profile.npi,
        "practitioner": profile.practitioner.map(|_| true),
        "chart": profile.own_chart.map(|chart| chart.to_string()),
        "proxies": profile.proxies.iter().map(proxy).collect::<Vec<_>>(),
        "created": instant(profile.created_ms),
        "checked": profile.checked.map(IdentityCheck::word),
        "guidance": guidance.map(|held| json!({
            "due": held.is_due,
            "version": held.acknowledged_version,
            "acknowledged": maybe_instant(held.acknowledged_ms),
        })),
    })
}

fn grant(grant: &RoleGrant) -> Value {
    json!({
        "role": grant.role,
        "approver": grant.approver,
        "reason": grant.reason,
        "granted": instant(grant.granted_ms),
        "confirmed": instant(grant.confirmed_ms),
        "ends": maybe_instant(grant.ends_ms),
        "ended": maybe_instant(grant.ended_ms),
    })
}

fn licence(licence: &Licence) -> Value {
    json!({
        "number": licence.number,
        "state": licence.state,
        "from": instant(licence.from_ms),
        "until": instant(licence.until_ms),
    })
}

fn proxy(held: &HeldProxy) -> Value {
    let categories = access::ProxyCategories::from_bits(held.categories);
    let labels = access::Labels::from_bits(held.labels);
    json!({
        "chart": id(held.chart),
        "categories": categories.map(|set| set.names().collect::<Vec<_>>()),
        "labels": labels.map(|set| set.names().collect::<Vec<_>>()),
        "adolescent": held.adolescent,
        "approver": held.approver,
        "ends": instant(held.ends_ms),
    })
}
