//! Tokens for programs: a person's own, and those of service accounts. Shown once, narrowed, ended by a date.

use access::{Purpose, UserId};
use identity::{Identity, NewToken, TokenView};
use serde::Deserialize;
use serde_json::{Value, json};

use super::problem::Problem;
use super::show::{id, instant};
use super::{Asked, Done};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    name: String,
    /// In the words of SMART App Launch 2.
    scopes: String,
    days: u32,
    purpose: Option<String>,
}

pub fn mine(asked: Asked<'_>) -> Result<Done, Problem> {
    list(asked.identity(), asked.guest()?.session.user)
}

pub async fn make_mine(asked: Asked<'_>) -> Result<Done, Problem> {
    let user = asked.guest()?.session.user;
    issue(&asked, user).await
}

pub async fn revoke_mine(asked: Asked<'_>) -> Result<Done, Problem> {
    let user = asked.guest()?.session.user;
    end(&asked, user, asked.number(0)?).await
}

pub fn of_user(asked: Asked<'_>) -> Result<Done, Problem> {
    list(asked.identity(), asked.user()?)
}

pub async fn make(asked: Asked<'_>) -> Result<Done, Problem> {
    let user = asked.user()?;
    issue(&asked, user).await
}

pub async fn revoke(asked: Asked<'_>) -> Result<Done, Problem> {
    let user = asked.user()?;
    end(&asked, user, asked.number(1)?).await
}

async fn issue(asked: &Asked<'_>, user: UserId) -> Result<Done, Problem> {
    let New { name, scopes, days, purpose } = asked.parse()?;
    let purpose = match purpose {
        Some(word) => Some(Purpose::from_name(&word).ok_or_else(|| Problem::invalid("no purpose has this name"))?),
        None => None,
    };
    let new = NewToken { user, label: name, scopes: Some(scopes.clone()), purpose, days };
    let issued = asked.identity().issue_token(asked.caller()?, new, &asked.from).await?;
    Done::created(json!({
        "id": id(issued.number),
        "secret": issued.secret.as_str(),
        "scopes": scopes,
        "until": instant(issued.expires_ms),
    }))
}

/// Only of the account that the address names: no number reaches another's.
async fn end(asked: &Asked<'_>, user: UserId, token: u64) -> Result<Done, Problem> {
    if !asked.identity().tokens_of(user).iter().any(|view| view.number == token) {
        return Err(Problem::not_found());
    }
    asked.identity().revoke_token(asked.caller()?, token, &asked.from).await?;
    Done::nothing()
}

fn list(identity: &Identity, user: UserId) -> Result<Done, Problem> {
    let tokens: Vec<Value> = identity.tokens_of(user).iter().map(shown).collect();
    Done::ok(json!({"tokens": tokens}))
}

fn shown(view: &TokenView) -> Value {
    json!({
        "id": id(view.number),
        "name": view.label,
        "scopes": view.scopes,
        "purpose": view.purpose,
        "issued": instant(view.issued_ms),
        "issued_by": view.issued_by,
        "until": instant(view.expires_ms),
        "expired": view.is_expired,
    })
}
