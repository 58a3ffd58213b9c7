//! Joiners and leavers: inviting, correcting, deactivating. Policy decides who may.

use std::sync::Arc;

use access::{Action, Caller, Role, UserId};
use audit::event::Outcome;
use store::Evidence;
use store::desk::Change;
use zeroize::Zeroizing;

use crate::account::{Account, AccountState, HeldProxy, Kind, Licence, Profile, Proofs, RoleGrant, is_npi};
use crate::event::Actor;
use crate::secret::{code, typed};
use crate::session::Ending;
use crate::state::Invitation;
use crate::{Connection, Identity, IdentityCheck, IdentityError};

/// An invitation waits this long to be taken up.
pub const INVITATION_HOURS: i64 = 72;
pub const ACCOUNTS_MAX: usize = 1_000_000;
/// 150 bits.
const CODE_GROUPS: usize = 6;
const NAME_CHARS_MAX: usize = 128;
const HOUR_MS: i64 = 3_600_000;

/// An account to be made.
pub struct NewAccount {
    pub login: String,
    pub display_name: String,
    pub family_name: Option<String>,
    pub kind: Kind,
    /// Given by whoever invites, with an end or none.
    pub roles: Vec<(Role, Option<i64>)>,
    pub reason: String,
    /// The chart of a patient.
    pub own_chart: Option<u64>,
    pub practitioner: Option<u64>,
    pub proxies: Vec<HeldProxy>,
    /// Of patients and proxies: how it is made sure that the code goes to them.
    pub check: Option<IdentityCheck>,
}

pub struct Invited {
    pub user: UserId,
    /// Shown now and never again; what `/enrol` takes. None for a service, which has tokens instead.
    pub code: Option<Zeroizing<String>>,
    pub expires_ms: i64,
}

impl Identity {
    /// Makes an account that waits for its person. Needs a fresh verification, as it gives roles.
    pub async fn invite(&self, by: &Caller, new: NewAccount, from: &Connection<'_>) -> Result<Invited, IdentityError> {
        self.require(by, Action::ManageAccounts, from, true).await?;
        if !new.roles.is_empty() {
            self.require(by, Action::ManageRoles, from, true).await?;
        }
        self.make(new, &Actor::caller(by), from).await
    }

    /// The very first account: a one-time link for an administrator, made on the machine itself by a named operator.
    pub async fn first_admin(
        &self,
        login: &str,
        display_name: &str,
        operator: &str,
        reason: &str,
    ) -> Result<Invited, IdentityError> {
        let now_ms = self.now_ms();
        let is_there = self.state().accounts.values().any(|account| {
            account.profile.state != AccountState::Deactivated
                && account.profile.state != AccountState::Invited
                && account.profile.roles(now_ms).contains(Role::Admin)
        });
        if is_there {
            return Err(IdentityError::Invalid("there is an administrator already"));
        }
        let new = NewAccount {
            login: login.to_owned(),
            display_name: display_name.to_owned(),
            family_name: None,
            kind: Kind::Workforce,
            roles: vec![(Role::Admin, None)],
            reason: reason.to_owned(),
            own_chart: None,
            practitioner: None,
            proxies: Vec::new(),
            check: None,
        };
        self.make(new, &Actor::operator(operator), &Connection::LOCAL).await
    }

    /// Another code for somebody who did not take up the first; that one is void.
    pub async fn invite_again(
        &self,
        by: &Caller,
        user: UserId,
        from: &Connection<'_>,
    ) -> Result<Invited, IdentityError> {
        self.require(by, Action::ManageAccounts, from, true).await?;
        let check = self.invitations_of(user.0).first().and_then(|held| held.check);
        self.issue_again(user, check, &Actor::caller(by), from).await
    }

    pub(crate) async fn issue_again(
        &self,
        user: UserId,
        check: Option<IdentityCheck>,
        actor: &Actor,
        from: &Connection<'_>,
    ) -> Result<Invited, IdentityError> {
        let pen = self.pen().await;
        let account = self.account(user.0)?;
        if account.profile.state != AccountState::Invited || account.profile.kind == Kind::Service {
            return Err(IdentityError::Invalid("the account does not wait for its person"));
        }
        let (invitation, code) = self.invitation(user.0, &actor.login, check, false)?;
        let (mut changes, old) = self.void_invitations(user.0);
        changes.push(self.put_invitation(&invitation)?);
        let subject = format!("user {}: invited again", user.0);
        let event = self.account_event(actor, from, &subject)?;
        let expires_ms = invitation.expires_ms;
        self.commit(pen, vec![event], changes, move |state| {
            old.iter().for_each(|hash| drop(state.invitations.remove(hash)));
            state.invitations.insert(invitation.hash, Arc::new(invitation));
        })
        .await?;
        Ok(Invited { user, code: Some(code), expires_ms })
    }

    /// Everybody, by login.
    pub fn accounts(&self) -> Vec<Profile> {
        let mut profiles: Vec<Profile> =
            self.state().accounts.values().map(|account| account.profile.clone()).collect();
        profiles.sort_by(|a, b| a.login.cmp(&b.login));
        profiles
    }

    pub fn profile(&self, user: UserId) -> Option<Profile> {
        self.state().accounts.get(&user.0).map(|account| account.profile.clone())
    }

    pub fn user_of(&self, login: &str) -> Option<UserId> {
        self.by_login(login).map(|account| account.profile.id())
    }

    /// Nothing of the account works any more, before this returns: sessions, tokens, invitations, roles.
    pub async fn deactivate(
        &self,
        by: &Caller,
        user: UserId,
        reason: &str,
        from: &Connection<'_>,
    ) -> Result<(), IdentityError> {
        self.require(by, Action::ManageAccounts, from, true).await?;
        if user == by.user() {
            return Err(IdentityError::NotByOneself);
        }
        let pen = self.pen().await;
        let now_ms = self.now_ms();
        let mut next = Account::clone(&*self.account(user.0)?);
        let before = next.profile.state;
        next.profile.state = AccountState::Deactivated;
        next.profile.grants.iter_mut().filter(|g| g.is_in_force(now_ms)).for_each(|g| g.ended_ms = Some(now_ms));
        next.proofs = Proofs::default();
        let actor = Actor::caller(by);
        let subject = format!("user {}: {} -> deactivated: {reason}", user.0, before.word());
        let event = self.account_event(&actor, from, &subject)?;
        let (mut changes, tokens) = self.void_tokens(user.0);
        let (void, invitations) = self.void_invitations(user.0);
        changes.extend(void);
        changes.push(self.put_account(&next)?);
        let identity = self.clone();
        self.end(pen, vec![event], changes, self.numbers_of(user.0), Ending::Deactivated, &actor, from, move |state| {
            tokens.iter().for_each(|hash| drop(state.tokens.remove(hash)));
            invitations.iter().for_each(|hash| drop(state.invitations.remove(hash)));
            state.glass.remove(&next.profile.user);
            state.put_account(next, identity.hashes());
        })
        .await
    }

    pub async fn set_licence(
        &self,
        by: &Caller,
        user: UserId,
        licence: Option<Licence>,
        from: &Connection<'_>,
    ) -> Result<(), IdentityError> {
        let is_on = licence.is_some();
        let what = move |before: &Profile| format!("licence {} -> {}", said(before.licence.is_some()), said(is_on));
        self.correct(by, user, from, what, move |profile| profile.licence = licence).await
    }

    pub async fn set_npi(
        &self,
        by: &Caller,
        user: UserId,
        npi: Option<&str>,
        from: &Connection<'_>,
    ) -> Result<(), IdentityError> {
        if npi.is_some_and(|npi| !is_npi(npi)) {
            return Err(IdentityError::Invalid("an NPI has ten digits, the last of which checks the others"));
        }
        let npi = npi.map(str::to_owned);
        let is_on = npi.is_some();
        let what = move |before: &Profile| format!("npi {} -> {}", said(before.npi.is_some()), said(is_on));
        self.correct(by, user, from, what, move |profile| profile.npi = npi).await
    }

    /// Row of the Practitioner resource that the account is.
    pub async fn set_practitioner(
        &self,
        by: &Caller,
        user: UserId,
        row: Option<u64>,
        from: &Connection<'_>,
    ) -> Result<(), IdentityError> {
        let what = move |before: &Profile| format!("practitioner row {:?} -> {row:?}", before.practitioner);
        self.correct(by, user, from, what, move |profile| profile.practitioner = row).await
    }

    /// The chart of a patient.
    pub async fn set_own_chart(
        &self,
        by: &Caller,
        user: UserId,
        chart: Option<u64>,
        from: &Connection<'_>,
    ) -> Result<(), IdentityError> {
        if self.profile(user).is_some_and(|profile| profile.kind != Kind::Patient) {
            return Err(IdentityError::Invalid("only patients have a chart of their own"));
        }
        let what = move |before: &Profile| format!("own chart {:?} -> {chart:?}", before.own_chart);
        self.correct(by, user, from, what, move |profile| profile.own_chart = chart).await
    }

    pub async fn set_names(
        &self,
        by: &Caller,
        user: UserId,
        display_name: &str,
        family_name: Option<&str>,
        from: &Connection<'_>,
    ) -> Result<(), IdentityError> {
        let display_name = name(display_name)?;
        let family_name = family_name.map(name).transpose()?;
        let what = |_: &Profile| "names changed".to_owned();
        self.correct(by, user, from, what, move |profile| {
            profile.display_name = display_name;
            profile.family_name = family_name;
        })
        .await
    }

    async fn correct(
        &self,
        by: &Caller,
        user: UserId,
        from: &Connection<'_>,
        what: impl FnOnce(&Profile) -> String,
        change: impl FnOnce(&mut Profile),
    ) -> Result<(), IdentityError> {
        self.require(by, Action::ManageAccounts, from, true).await?;
        if user == by.user() {
            return Err(IdentityError::NotByOneself);
        }
        let pen = self.pen().await;
        let mut next = Account::clone(&*self.account(user.0)?);
        let subject = format!("user {}: {}", user.0, what(&next.profile));
        change(&mut next.profile);
        next.family = self.family_of(&next);
        let event = self.account_event(&Actor::caller(by), from, &subject)?;
        let put = self.put_account(&next)?;
        self.commit_account(pen, vec![event], vec![put], next).await
    }

    pub(crate) async fn make(
        &self,
        new: NewAccount,
        actor: &Actor,
        from: &Connection<'_>,
    ) -> Result<Invited, IdentityError> {
        let pen = self.pen().await;
        let now_ms = self.now_ms();
        let account = self.new_account(&new, &actor.login, now_ms)?;
        let user = account.profile.user;
        let subject = format!("user {user}: invited as {}", new.kind.word());
        let mut evidence = vec![self.account_event(actor, from, &subject)?];
        for (role, ends_ms) in &new.roles {
            let subject = crate::roles::subject(user, "", role.name(), *ends_ms, &new.reason);
            evidence.push(self.evidence(audit::Action::RoleChange, Outcome::Success, actor, from, &subject)?);
        }
        let mut changes = vec![self.put_account(&account)?];
        let is_service = new.kind == Kind::Service;
        let invited = if is_service { None } else { Some(self.invitation(user, &actor.login, new.check, false)?) };
        let (invitation, code) = invited.unzip();
        if let Some(invitation) = &invitation {
            changes.push(self.put_invitation(invitation)?);
        }
        let expires_ms = invitation.as_ref().map_or(0, |invitation| invitation.expires_ms);
        let identity = self.clone();
        self.commit(pen, evidence, changes, move |state| {
            state.put_account(account, identity.hashes());
            invitation.into_iter().for_each(|held| drop(state.invitations.insert(held.hash, Arc::new(held))));
        })
        .await?;
        Ok(Invited { user: UserId(user), code, expires_ms })
    }

    /// Checked, and not stored yet. Under the pen: logins and numbers are taken once.
    pub(crate) fn new_account(&self, new: &NewAccount, approver: &str, now_ms: i64) -> Result<Account, IdentityError> {
        let login = login(&new.login)?;
        let next = {
            let state = self.state();
            if state.logins.contains_key(&login.to_lowercase()) {
                return Err(IdentityError::Invalid("the login is taken"));
            }
            if state.accounts.len() >= ACCOUNTS_MAX {
                return Err(IdentityError::Invalid("there are too many accounts"));
            }
            state.accounts.keys().max().map_or(1, |highest| highest + 1)
        };
        if let Some((role, _)) = new.roles.iter().find(|(role, _)| !new.kind.can_be(*role)) {
            tracing::debug!(role = role.name(), "a role that this kind of account cannot have");
            return Err(IdentityError::Invalid("an account of this kind cannot have this role"));
        }
        if matches!(new.kind, Kind::Patient | Kind::Proxy) && new.check.is_none() {
            return Err(IdentityError::Invalid("say how it was made sure who the person is"));
        }
        if new.own_chart.is_some() && new.kind != Kind::Patient {
            return Err(IdentityError::Invalid("only patients have a chart of their own"));
        }
        let reason = crate::roles::reason(&new.reason)?;
        let grants = new.roles.iter().map(|(role, ends_ms)| RoleGrant {
            role: role.name().to_owned(),
            approver: approver.to_owned(),
            reason: reason.clone(),
            granted_ms: now_ms,
            ends_ms: *ends_ms,
            ended_ms: None,
            confirmed_ms: now_ms,
        });
        let profile = Profile {
            user: next,
            login,
            display_name: name(&new.display_name)?,
            family_name: new.family_name.as_deref().map(name).transpose()?,
            kind: new.kind,
            // A program has nothing to enrol.
            state: if new.kind == Kind::Service { AccountState::Active } else { AccountState::Invited },
            grants: grants.collect(),
            licence: None,
            npi: None,
            practitioner: new.practitioner,
            own_chart: new.own_chart,
            proxies: new.proxies.clone(),
            created_ms: now_ms,
            checked: None,
        };
        let mut account =
            Account { profile, proofs: Proofs::default(), letters_off: false, guidance: None, family: None };
        account.family = self.family_of(&account);
        Ok(account)
    }

    pub(crate) fn invitation(
        &self,
        user: u64,
        issued_by: &str,
        check: Option<IdentityCheck>,
        is_recovery: bool,
    ) -> Result<(Invitation, Zeroizing<String>), IdentityError> {
        let code = code(&self.settings().random, CODE_GROUPS)?;
        let invitation = Invitation {
            hash: self.hashes().invitation.compute(typed(&code).as_bytes()),
            user,
            expires_ms: self.now_ms() + INVITATION_HOURS * HOUR_MS,
            issued_by: issued_by.to_owned(),
            check,
            is_recovery,
        };
        Ok((invitation, code))
    }

    pub(crate) fn invitations_of(&self, user: u64) -> Vec<Arc<Invitation>> {
        self.state().invitations.values().filter(|held| held.user == user).cloned().collect()
    }

    pub(crate) fn void_invitations(&self, user: u64) -> (Vec<Change>, Vec<[u8; 32]>) {
        let hashes: Vec<[u8; 32]> = self.invitations_of(user).iter().map(|held| held.hash).collect();
        (hashes.iter().map(|hash| self.remove_invitation(hash)).collect(), hashes)
    }

    pub(crate) fn void_tokens(&self, user: u64) -> (Vec<Change>, Vec<[u8; 32]>) {
        let state = self.state();
        let held: Vec<_> = state.tokens.values().filter(|token| token.stored.user == user).collect();
        let changes = held.iter().map(|token| self.remove_token(token.stored.number)).collect();
        (changes, held.iter().map(|token| token.stored.hash).collect())
    }

    pub(crate) fn account_event(
        &self,
        actor: &Actor,
        from: &Connection<'_>,
        subject: &str,
    ) -> Result<Evidence, IdentityError> {
        self.evidence(audit::Action::AccountChange, Outcome::Success, actor, from, subject)
    }
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Kind::Workforce => "workforce",
            Kind::Patient => "patient",
            Kind::Proxy => "proxy",
            Kind::Service => "service",
        }
    }

    pub fn from_word(word: &str) -> Option<Kind> {
        [Kind::Workforce, Kind::Patient, Kind::Proxy, Kind::Service].into_iter().find(|kind| kind.word() == word)
    }
}

impl AccountState {
    pub fn word(self) -> &'static str {
        match self {
            AccountState::Invited => "invited",
            AccountState::Active => "active",
            AccountState::Recovering => "recovering",
            AccountState::Deactivated => "deactivated",
        }
    }
}

fn said(is_there: bool) -> &'static str {
    if is_there { "on file" } else { "none" }
}

fn name(text: &str) -> Result<String, IdentityError> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > NAME_CHARS_MAX || text.chars().any(char::is_control) {
        return Err(IdentityError::Invalid("a name has 1 to 128 characters"));
    }
    Ok(text.to_owned())
}

fn login(text: &str) -> Result<String, IdentityError> {
    let text = text.trim();
    let is_good = |c: char| c.is_ascii_alphanumeric() || "._-@+".contains(c);
    if text.is_empty() || text.len() > NAME_CHARS_MAX || !text.chars().all(is_good) {
        return Err(IdentityError::Invalid("a login is made of letters, digits and . _ - @ +"));
    }
    Ok(text.to_owned())
}
