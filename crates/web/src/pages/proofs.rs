//! How one signs in oneself: passkeys, password, authenticator app, recovery codes. Changes ask for a fresh confirmation.

use askama::Template;
use axum::body::Body;
use http::{Response, StatusCode};
use identity::{EnrolRefusal, ProofsView, Session};
use serde_json::json;
use zeroize::Zeroizing;

use super::Answer;
use super::enrol::{NewPasskey, PASSWORDS_DIFFER, Setup, drawn};
use super::sign_in::options;
use crate::answer;
use crate::assets::Frame;
use crate::client::Asked;
use crate::clinic::day;
use crate::clinic::shell::{Place, Shell};
use crate::refusal::Refusal;

#[derive(Template)]
#[template(path = "proofs.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    session: &'a Session,
    proofs: ProofsView,
    passkeys: Vec<Row>,
    is_fresh: bool,
    shown: Shown,
}

struct Row {
    id: String,
    label: String,
    added: String,
}

/// What a page says once.
#[derive(Default)]
struct Shown {
    error: Option<String>,
    totp: Option<Setup>,
    codes: Vec<Zeroizing<String>>,
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    shown(asked, &session, StatusCode::OK, Shown::default())
}

pub async fn password(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let (current, new) = (form.text("current"), form.text("password"));
    if new != form.text("again") {
        let error = Some(PASSWORDS_DIFFER.to_owned());
        return shown(asked, &session, StatusCode::UNPROCESSABLE_ENTITY, Shown { error, ..Shown::default() });
    }
    let changed = asked.web.identity().change_password(&session, current, new, &asked.from).await;
    done(asked, &session, changed)
}

pub async fn totp(asked: &Asked<'_>) -> Answer {
    let session = asked.writer(&asked.form()).await?;
    let setup = asked.web.identity().begin_own_totp(&session)?;
    shown(asked, &session, StatusCode::OK, Shown { totp: Some(drawn(&setup)?), ..Shown::default() })
}

pub async fn totp_confirm(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let changed = asked.web.identity().finish_own_totp(&session, form.text("code"), &asked.from).await;
    done(asked, &session, changed)
}

pub async fn passkey(asked: &Asked<'_>) -> Answer {
    let session = asked.scripted().await?;
    options(&asked.web.identity().begin_own_passkey(&session)?)
}

pub async fn passkey_finish(asked: &Asked<'_>) -> Answer {
    let session = asked.scripted().await?;
    let sent: NewPasskey = asked.json()?;
    let (credential, label) = (sent.credential.to_string(), asked.device_label());
    asked.web.identity().finish_own_passkey(&session, &credential, &label, &asked.from).await?;
    Ok(answer::json(StatusCode::OK, &json!({ "next": "/me/proofs" })))
}

pub async fn remove_passkey(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let removed = asked.web.identity().remove_own_passkey(&session, form.text("id"), &asked.from).await;
    done(asked, &session, removed)
}

pub async fn recovery(asked: &Asked<'_>) -> Answer {
    let session = asked.writer(&asked.form()).await?;
    let codes = asked.web.identity().new_recovery_codes(&session, &asked.from).await?;
    shown(asked, &session, StatusCode::OK, Shown { codes, ..Shown::default() })
}

/// What a person can mend is said on the page.
fn done(asked: &Asked<'_>, session: &Session, step: Result<(), EnrolRefusal>) -> Answer {
    match step {
        Ok(()) => Ok(answer::see("/me/proofs")),
        Err(EnrolRefusal::Unavailable(error)) => Err(error.into()),
        Err(refusal) => {
            let refusal = Refusal::Enrol(refusal);
            let error = Some(refusal.words());
            shown(asked, session, refusal.status(), Shown { error, ..Shown::default() })
        }
    }
}

fn shown(asked: &Asked<'_>, session: &Session, status: StatusCode, shown: Shown) -> Result<Response<Body>, Refusal> {
    let proofs = asked.web.identity().proofs_of(session)?;
    let passkeys = proofs.passkeys.iter().map(|one| Row {
        id: one.id.clone(),
        label: one.label.clone(),
        added: day::moment(one.added_ms, asked.web.zone()),
    });
    let is_fresh = asked.web.identity().is_fresh(session);
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Me),
        session,
        passkeys: passkeys.collect(),
        proofs,
        is_fresh,
        shown,
    };
    Ok(answer::page(status, &page))
}
