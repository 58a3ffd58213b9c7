//! Accounts of a demo: password, authenticator and token are known beforehand. Not in production, which cannot make the witness.

use std::sync::Arc;

use access::{Role, UserId};
use crypto::EnvironmentClass;
use zeroize::Zeroizing;

use crate::account::{AccountState, HeldTotp, Licence};
use crate::event::Actor;
use crate::guidance::Acknowledged;
use crate::password::normalized;
use crate::secret::number;
use crate::state::{StoredToken, Token};
use crate::token::TOKEN_DAYS_MAX;
use crate::{Connection, HeldProxy, Identity, IdentityCheck, IdentityError, Kind, NewAccount};

const DAY_MS: i64 = 86_400_000;

/// Says that this process runs a demo.
#[derive(Clone, Copy)]
pub struct DemoOnly(());

impl DemoOnly {
    pub fn of(class: EnvironmentClass) -> Option<Self> {
        match class {
            EnvironmentClass::Demo => Some(Self(())),
            EnvironmentClass::Production => None,
        }
    }
}

/// An account as the demo wants it.
pub struct SeedAccount {
    pub login: String,
    pub display_name: String,
    pub family_name: Option<String>,
    pub kind: Kind,
    pub roles: Vec<Role>,
    pub own_chart: Option<u64>,
    pub proxies: Vec<HeldProxy>,
    pub practitioner: Option<u64>,
    pub licence: Option<Licence>,
    pub npi: Option<String>,
    pub password: Option<Zeroizing<String>>,
    /// Raw bytes, at least 16.
    pub totp_secret: Option<Zeroizing<Vec<u8>>>,
    /// A bearer token, as it is sent.
    pub token: Option<Zeroizing<String>>,
}

pub struct Seeded {
    pub user: UserId,
}

impl Identity {
    /// Makes the account, active at once. An account of that login is left as it is, and its token is set.
    pub async fn seed(&self, _demo: &DemoOnly, seed: SeedAccount) -> Result<Seeded, IdentityError> {
        let actor = Actor::operator("demo");
        let from = Connection::LOCAL;
        let hash = match &seed.password {
            Some(password) => Some(self.inner().pool.hash(normalized(password)).await.map_err(crate::enrol::busy)?),
            None => None,
        };
        let pen = self.pen().await;
        let now_ms = self.now_ms();
        let mut account = match self.by_login(&seed.login) {
            Some(account) => crate::account::Account::clone(&account),
            None => {
                let new = NewAccount {
                    login: seed.login,
                    display_name: seed.display_name,
                    family_name: seed.family_name,
                    kind: seed.kind,
                    roles: seed.roles.into_iter().map(|role| (role, None)).collect(),
                    reason: "demo".to_owned(),
                    own_chart: seed.own_chart,
                    practitioner: seed.practitioner,
                    proxies: seed.proxies,
                    check: Some(IdentityCheck::InPerson),
                };
                self.new_account(&new, &actor.login, now_ms)?
            }
        };
        account.profile.state = AccountState::Active;
        account.profile.licence = seed.licence;
        account.profile.npi = seed.npi;
        // Whoever looks at a demo is shown the day at once; whom they invite into it reads the guidance.
        account.guidance = Some(Acknowledged::of(&account, now_ms));
        account.proofs.password = hash.map(|hash| hash.to_vec());
        account.proofs.totp = match seed.totp_secret {
            Some(secret) => {
                crate::factors::totp(&secret)?;
                Some(HeldTotp { secret: secret.to_vec(), last_step: 0 })
            }
            None => None,
        };
        let user = account.profile.user;
        let mut changes = vec![self.put_account(&account)?];
        let token = match &seed.token {
            Some(secret) => {
                let token = Token::of(StoredToken {
                    number: number(&self.settings().random)?,
                    hash: self.hashes().token.compute(secret.as_bytes()),
                    user,
                    label: "demo".to_owned(),
                    scopes: None,
                    purpose: None,
                    issued_ms: now_ms,
                    expires_ms: now_ms + i64::from(TOKEN_DAYS_MAX) * DAY_MS,
                    issued_by: "demo".to_owned(),
                    is_demo: true,
                })?;
                changes.push(self.put_token(&token.stored)?);
                Some(token)
            }
            None => None,
        };
        let (void, old) = if token.is_some() { self.void_tokens(user) } else { Default::default() };
        let event = self.account_event(&actor, &from, &format!("user {user}: seeded for a demo"))?;
        let identity = self.clone();
        self.commit(pen, vec![event], void.into_iter().chain(changes).collect(), move |state| {
            state.put_account(account, identity.hashes());
            old.iter().for_each(|hash| drop(state.tokens.remove(hash)));
            token.into_iter().for_each(|token| drop(state.tokens.insert(token.stored.hash, Arc::new(token))));
        })
        .await?;
        Ok(Seeded { user: UserId(user) })
    }
}
