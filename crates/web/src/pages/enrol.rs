//! Enrolment, step by step: code, passkey or password with authenticator app, recovery codes, in.

use askama::Template;
use axum::body::Body;
use http::{Response, StatusCode};
use identity::{EnrolRefusal, Enrolment, IdentityError, TotpSetup};
use qrcodegen::{QrCode, QrCodeEcc};
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::Answer;
use super::guidance::Words;
use super::sign_in::{options, welcome};
use crate::answer;
use crate::assets::Frame;
use crate::client::Asked;
use crate::guard::ENROL_COOKIE;
use crate::refusal::Refusal;

#[derive(Template)]
#[template(path = "enrol_code.html")]
struct CodePage<'a> {
    frame: Frame<'a>,
    error: Option<String>,
}

#[derive(Template)]
#[template(path = "enrol_steps.html")]
struct StepsPage<'a> {
    frame: Frame<'a>,
    error: Option<String>,
    enrolment: &'a Enrolment,
    guidance: Words,
    totp: Option<Setup>,
    codes: Vec<Zeroizing<String>>,
    device_challenge: String,
}

const GUIDANCE_UNREAD: &str = "Read how to keep this account safe, and say that you did.";
pub const PASSWORDS_DIFFER: &str = "The two passwords differ.";

/// What an authenticator app needs: as a picture and as letters.
pub struct Setup {
    pub secret: String,
    pub qr_size: i32,
    /// An SVG path over the dark modules.
    pub qr_path: String,
}

#[derive(Deserialize)]
pub struct NewPasskey {
    pub credential: serde_json::Value,
}

pub fn page(asked: &Asked<'_>) -> Response<Body> {
    code_form(asked, StatusCode::OK, None)
}

pub fn code(asked: &Asked<'_>) -> Answer {
    asked.sent_by_our_page()?;
    match asked.web.identity().open_enrolment(asked.form().text("code"), &asked.from) {
        Ok(enrolment) => {
            let mut response = answer::see("/enrol/steps");
            answer::set_cookie(&mut response, ENROL_COOKIE, &enrolment.ticket);
            Ok(response)
        }
        Err(IdentityError::NoSuchCode) => {
            let refusal = Refusal::Identity(IdentityError::NoSuchCode);
            Ok(code_form(asked, refusal.status(), Some(refusal.words())))
        }
        Err(error) => Err(error.into()),
    }
}

pub fn steps(asked: &Asked<'_>) -> Answer {
    shown(asked, StatusCode::OK, None, None, Vec::new())
}

pub async fn password(asked: &Asked<'_>) -> Answer {
    asked.sent_by_our_page()?;
    let form = asked.form();
    if form.text("password") != form.text("again") {
        return shown(asked, StatusCode::UNPROCESSABLE_ENTITY, Some(PASSWORDS_DIFFER.into()), None, Vec::new());
    }
    let enrolled = asked.web.identity().enrol_password(ticket(asked)?, form.text("password"), &asked.from).await;
    done(asked, enrolled)
}

pub fn totp(asked: &Asked<'_>) -> Answer {
    asked.sent_by_our_page()?;
    let setup = asked.web.identity().enrol_totp(ticket(asked)?, &asked.from)?;
    shown(asked, StatusCode::OK, None, Some(drawn(&setup)?), Vec::new())
}

pub fn totp_confirm(asked: &Asked<'_>) -> Answer {
    asked.sent_by_our_page()?;
    done(asked, asked.web.identity().confirm_totp(ticket(asked)?, asked.form().text("code"), &asked.from))
}

pub fn passkey(asked: &Asked<'_>) -> Answer {
    asked.sent_by_our_page()?;
    options(&asked.web.identity().enrol_passkey(ticket(asked)?, &asked.from)?)
}

pub fn passkey_finish(asked: &Asked<'_>) -> Answer {
    asked.sent_by_our_page()?;
    let sent: NewPasskey = asked.json()?;
    let (credential, label) = (sent.credential.to_string(), asked.device_label());
    asked.web.identity().confirm_passkey(ticket(asked)?, &credential, &label, &asked.from)?;
    Ok(answer::json(StatusCode::OK, &json!({ "next": "/enrol/steps" })))
}

pub fn recovery(asked: &Asked<'_>) -> Answer {
    asked.sent_by_our_page()?;
    let codes = asked.web.identity().enrol_recovery_codes(ticket(asked)?, &asked.from)?;
    shown(asked, StatusCode::OK, None, None, codes)
}

pub async fn finish(asked: &Asked<'_>) -> Answer {
    asked.sent_by_our_page()?;
    let form = asked.form();
    if form.text("guidance") != "read" {
        return shown(asked, StatusCode::UNPROCESSABLE_ENTITY, Some(GUIDANCE_UNREAD.into()), None, Vec::new());
    }
    asked.web.identity().enrol_guidance(ticket(asked)?, &asked.from).map_err(Refusal::Enrol)?;
    let claim = form.device();
    let label = asked.device_label();
    let finishing = asked.web.identity().finish_enrolment(ticket(asked)?, claim.as_ref(), &label, &asked.from);
    let signed_in = match finishing.await {
        Ok(signed_in) => signed_in,
        Err(refusal) => return done(asked, Err(refusal)),
    };
    let mut response = welcome(asked, &signed_in);
    answer::drop_cookie(&mut response, ENROL_COOKIE);
    Ok(response)
}

fn ticket<'a>(asked: &'a Asked<'_>) -> Result<&'a str, Refusal> {
    asked.cookie(ENROL_COOKIE).ok_or(Refusal::Identity(IdentityError::NoSuchCode))
}

/// What a person can mend is said on the page of the steps.
fn done(asked: &Asked<'_>, step: Result<(), EnrolRefusal>) -> Answer {
    match step {
        Ok(()) => Ok(answer::see("/enrol/steps")),
        Err(EnrolRefusal::Unavailable(error)) => Err(error.into()),
        Err(refusal) => {
            let refusal = Refusal::Enrol(refusal);
            shown(asked, refusal.status(), Some(refusal.words()), None, Vec::new())
        }
    }
}

fn shown(
    asked: &Asked<'_>,
    status: StatusCode,
    error: Option<String>,
    totp: Option<Setup>,
    codes: Vec<Zeroizing<String>>,
) -> Answer {
    let identity = asked.web.identity();
    let enrolment = match ticket(asked).and_then(|ticket| Ok(identity.enrolment(ticket, &asked.from)?)) {
        Ok(enrolment) => enrolment,
        Err(Refusal::Identity(IdentityError::NoSuchCode)) => return Ok(answer::see("/enrol")),
        Err(refusal) => return Err(refusal),
    };
    let device_challenge = identity.door_challenge();
    let page = StepsPage {
        frame: Frame::of(asked.web),
        error,
        enrolment: &enrolment,
        guidance: Words::of(&enrolment.audiences),
        totp,
        codes,
        device_challenge,
    };
    Ok(answer::page(status, &page))
}

fn code_form(asked: &Asked<'_>, status: StatusCode, error: Option<String>) -> Response<Body> {
    answer::page(status, &CodePage { frame: Frame::of(asked.web), error })
}

pub fn drawn(setup: &TotpSetup) -> Result<Setup, Refusal> {
    let code = QrCode::encode_text(&setup.uri, QrCodeEcc::Medium).map_err(|_| Refusal::Defect)?;
    let size = code.size();
    let dark = (0..size).flat_map(|y| (0..size).map(move |x| (x, y))).filter(|(x, y)| code.get_module(*x, *y));
    let qr_path = dark.map(|(x, y)| format!("M{x} {y}h1v1h-1z")).collect();
    // In fours, for whoever types it.
    let letters: Vec<char> = setup.secret_base32.chars().collect();
    let secret = letters.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join(" ");
    Ok(Setup { secret, qr_size: size, qr_path })
}
