//! When the factors are gone: a second person issues a code, everything that was open ends, and the person enrols anew.

use std::sync::Arc;

use access::{Action, Caller, Role, UserId};

use crate::account::{Account, AccountState, Kind, Proofs};
use crate::event::Actor;
use crate::session::Ending;
use crate::{Connection, Identity, IdentityCheck, IdentityError, Invited};

impl Identity {
    /// Issues a recovery code after `check`. Never for oneself. Old factors, sessions and tokens are void at once.
    pub async fn recover(
        &self,
        by: &Caller,
        user: UserId,
        check: IdentityCheck,
        reason: &str,
        from: &Connection<'_>,
    ) -> Result<Invited, IdentityError> {
        self.require(by, Action::ManageAccounts, from, true).await?;
        if user == by.user() {
            return Err(IdentityError::NotByOneself);
        }
        self.recover_as(&Actor::caller(by), user, check, reason, from).await
    }

    /// For the last administrator, whom no second person can help: a named operator on the machine itself issues the code.
    /// The server tells it at its next start.
    pub async fn recover_on_machine(
        &self,
        user: UserId,
        operator: &str,
        reason: &str,
    ) -> Result<Invited, IdentityError> {
        let now_ms = self.now_ms();
        let is_admin = |account: &Account| account.profile.roles(now_ms).contains(Role::Admin);
        if !is_admin(self.account(user.0)?.as_ref()) {
            return Err(IdentityError::Invalid("only an administrator is recovered on the machine itself"));
        }
        let helps = |account: &Account| account.profile.state == AccountState::Active && is_admin(account);
        if self.state().accounts.values().any(|account| account.profile.user != user.0 && helps(account)) {
            return Err(IdentityError::Invalid("another administrator can recover this account"));
        }
        let actor = Actor::operator(operator);
        self.recover_as(&actor, user, IdentityCheck::InPerson, reason, &Connection::LOCAL).await
    }

    pub(crate) async fn recover_as(
        &self,
        actor: &Actor,
        user: UserId,
        check: IdentityCheck,
        reason: &str,
        from: &Connection<'_>,
    ) -> Result<Invited, IdentityError> {
        let reason = crate::roles::reason(reason)?;
        let pen = self.pen().await;
        let mut next = Account::clone(&*self.account(user.0)?);
        if next.profile.kind == Kind::Service {
            return Err(IdentityError::Invalid("a service has tokens, and nothing to recover"));
        }
        if next.profile.kind != Kind::Workforce && check == IdentityCheck::Colleague {
            return Err(IdentityError::Invalid("patients and proxies are known in person or by two facts"));
        }
        let before = next.profile.state;
        next.profile.state = AccountState::Recovering;
        next.proofs = Proofs::default();
        let (invitation, code) = self.invitation(user.0, &actor.login, Some(check), true)?;
        let subject = format!("user {}: {} -> recovering, known by {}: {reason}", user.0, before.word(), check.word());
        let event = self.account_event(actor, from, &subject)?;
        let (mut changes, tokens) = self.void_tokens(user.0);
        let (void, old) = self.void_invitations(user.0);
        changes.extend(void);
        changes.push(self.put_account(&next)?);
        changes.push(self.put_invitation(&invitation)?);
        let expires_ms = invitation.expires_ms;
        let identity = self.clone();
        self.end(pen, vec![event], changes, self.numbers_of(user.0), Ending::Recovery, actor, from, move |state| {
            tokens.iter().for_each(|hash| drop(state.tokens.remove(hash)));
            old.iter().for_each(|hash| drop(state.invitations.remove(hash)));
            state.invitations.insert(invitation.hash, Arc::new(invitation));
            state.put_account(next, identity.hashes());
        })
        .await?;
        Ok(Invited { user, code: Some(code), expires_ms })
    }
}

impl IdentityCheck {
    pub fn word(self) -> &'static str {
        match self {
            IdentityCheck::InPerson => "in_person",
            IdentityCheck::TwoFacts => "two_facts",
            IdentityCheck::Colleague => "colleague",
        }
    }

    pub fn from_word(word: &str) -> Option<IdentityCheck> {
        [IdentityCheck::InPerson, IdentityCheck::TwoFacts, IdentityCheck::Colleague]
            .into_iter()
            .find(|check| check.word() == word)
    }
}
