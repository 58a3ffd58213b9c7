//! Personal and service tokens: shown once, kept as a keyed hash, narrowed by scopes, ended by their date.

use std::sync::Arc;

use access::{Action, Caller, Purpose, Scopes, UserId};
use audit::event::Outcome;
use store::Evidence;
use zeroize::Zeroizing;

use crate::account::{AccountState, Kind};
use crate::event::Actor;
use crate::secret::{fresh, number};
use crate::state::{StoredToken, Token};
use crate::{Connection, Identity, IdentityError};

/// So that scanners find a token that leaked.
pub const TOKEN_PREFIX: &str = "wst_";
pub const TOKEN_DAYS_MAX: u32 = 365;
/// Tokens of one account, expired ones included.
pub const TOKENS_MAX: usize = 64;
pub const LABEL_CHARS_MAX: usize = 80;
const DAY_MS: i64 = 86_400_000;

/// A token to be issued.
pub struct NewToken {
    /// For whom: oneself, or a service account.
    pub user: UserId,
    pub label: String,
    /// Space-separated scopes. None gives all that the account's roles allow.
    pub scopes: Option<String>,
    /// Why what bears it asks; none for the role's usual purpose.
    pub purpose: Option<Purpose>,
    pub days: u32,
}

pub struct IssuedToken {
    pub number: u64,
    /// Shown now and never again.
    pub secret: Zeroizing<String>,
    pub expires_ms: i64,
}

#[derive(Clone, Debug)]
pub struct TokenView {
    pub number: u64,
    pub user: UserId,
    pub label: String,
    pub scopes: Option<String>,
    pub purpose: Option<String>,
    pub issued_ms: i64,
    pub expires_ms: i64,
    pub is_expired: bool,
    pub issued_by: String,
}

impl Identity {
    /// Issues a token for oneself, or, with the right to manage accounts, for a service account. Needs a fresh verification.
    pub async fn issue_token(
        &self,
        by: &Caller,
        new: NewToken,
        from: &Connection<'_>,
    ) -> Result<IssuedToken, IdentityError> {
        if new.user != by.user() {
            self.require(by, Action::ManageAccounts, from, true).await?;
        } else if !by.facts().mfa_fresh {
            return Err(IdentityError::StepUp);
        }
        if !(1..=TOKEN_DAYS_MAX).contains(&new.days) {
            return Err(IdentityError::Invalid("a token lasts for 1 to 365 days"));
        }
        if new.label.trim().is_empty() || new.label.chars().count() > LABEL_CHARS_MAX {
            return Err(IdentityError::Invalid("a token has a label of at most 80 characters"));
        }
        if new.scopes.as_deref().is_some_and(|text| Scopes::parse(text).is_err()) {
            return Err(IdentityError::Invalid("scopes are written as user/Observation.rs"));
        }
        let pen = self.pen().await;
        let account = self.account(new.user.0)?;
        if account.profile.state != AccountState::Active {
            return Err(IdentityError::Invalid("the account is not active"));
        }
        if new.user != by.user() && account.profile.kind != Kind::Service {
            return Err(IdentityError::Invalid("tokens of people are issued by themselves"));
        }
        if self.tokens_of(new.user).len() >= TOKENS_MAX {
            return Err(IdentityError::Invalid("the account has too many tokens: revoke some"));
        }
        let now_ms = self.now_ms();
        let stored = StoredToken {
            number: number(&self.settings().random)?,
            hash: [0; 32],
            user: new.user.0,
            label: new.label.trim().to_owned(),
            scopes: new.scopes,
            purpose: new.purpose.map(|purpose| purpose.name().to_owned()),
            issued_ms: now_ms,
            expires_ms: now_ms + i64::from(new.days) * DAY_MS,
            issued_by: by.login().to_owned(),
            is_demo: false,
        };
        let secret = Zeroizing::new(format!("{TOKEN_PREFIX}{}", fresh(&self.settings().random)?.as_str()));
        let subject = format!("token {} issued for user {}, {} days", stored.number, new.user.0, new.days);
        let evidence = self.token_event(by, from, &subject)?;
        let (number, expires_ms) = (stored.number, stored.expires_ms);
        let token = Token::of(StoredToken { hash: self.hashes().token.compute(secret.as_bytes()), ..stored })?;
        let change = self.put_token(&token.stored)?;
        self.commit(pen, vec![evidence], vec![change], move |state| {
            state.tokens.insert(token.stored.hash, Arc::new(token));
        })
        .await?;
        Ok(IssuedToken { number, secret, expires_ms })
    }

    /// Newest first.
    pub fn tokens_of(&self, user: UserId) -> Vec<TokenView> {
        let now_ms = self.now_ms();
        let state = self.state();
        let mut views: Vec<TokenView> =
            state.tokens.values().filter(|token| token.stored.user == user.0).map(|token| token.view(now_ms)).collect();
        views.sort_by_key(|view| std::cmp::Reverse((view.issued_ms, view.number)));
        views
    }

    /// Ends a token: one's own, or another's with the right to manage accounts.
    pub async fn revoke_token(&self, by: &Caller, number: u64, from: &Connection<'_>) -> Result<(), IdentityError> {
        let held =
            |identity: &Identity| identity.state().tokens.values().find(|token| token.stored.number == number).cloned();
        let owner = held(self).map(|token| token.stored.user);
        if owner != Some(by.user().0) {
            self.require(by, Action::ManageAccounts, from, false).await?;
        }
        let pen = self.pen().await;
        let token = held(self).ok_or(IdentityError::Unknown("token"))?;
        let evidence = self.token_event(by, from, &format!("token {number} revoked"))?;
        let change = self.remove_token(number);
        self.commit(pen, vec![evidence], vec![change], move |state| drop(state.tokens.remove(&token.stored.hash))).await
    }

    fn token_event(&self, by: &Caller, from: &Connection<'_>, subject: &str) -> Result<Evidence, IdentityError> {
        self.evidence(audit::Action::TokenChange, Outcome::Success, &Actor::caller(by), from, subject)
    }
}

impl Token {
    fn view(&self, now_ms: i64) -> TokenView {
        let stored = &self.stored;
        TokenView {
            number: stored.number,
            user: UserId(stored.user),
            label: stored.label.clone(),
            scopes: stored.scopes.clone(),
            purpose: stored.purpose.clone(),
            issued_ms: stored.issued_ms,
            expires_ms: stored.expires_ms,
            is_expired: self.is_expired(now_ms),
            issued_by: stored.issued_by.clone(),
        }
    }
}
