//! A patient's way into the own chart: whoever checked who they are hands over a code, shown once and to be printed.

use askama::Template;
use http::StatusCode;
use identity::{AccountState, IdentityCheck, IdentityError, Invited, PatientToActivate, Profile, Session};
use jiff::tz::TimeZone;

use super::Answer;
use super::patients::asking;
use super::register::Who;
use super::visit::{self, KeptPasskey};
use crate::answer;
use crate::assets::{Asset, Frame, PATIENT_CSS, PRINT};
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::day;
use crate::clinic::name::{Name, signed};
use crate::clinic::shell::{Place, Shell};
use crate::refusal::Refusal;

#[derive(Template)]
#[template(path = "patient_access.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    css: &'static Asset,
    who: Who,
    account: Option<Account>,
    origin: &'a str,
    login: &'a str,
    check: &'a str,
    slips: Vec<(&'static str, String)>,
    passkeys: Vec<KeptPasskey>,
}

struct Account {
    login: String,
    words: String,
    /// It has been used, so that a new code voids what is there.
    is_used: bool,
    is_closed: bool,
}

#[derive(Template)]
#[template(path = "patient_code.html")]
struct CodePage<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    css: &'static Asset,
    print: &'static Asset,
    who: Who,
    login: String,
    code: &'a str,
    origin: &'a str,
    until: String,
}

/// Whether policy ever lets somebody do this.
pub fn may_activate(asking: &Asking<'_>) -> bool {
    asking.record.may_activate(asking.caller)
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = activating(asked, &session)?;
    shown(asked, &session, &asking, ["", ""], Vec::new(), StatusCode::OK).await
}

pub async fn save(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = activating(asked, &session)?;
    let typed = [form.text("login").trim(), form.text("check")];
    // Before anything is looked up, so that the log does not tell of a code that never was.
    if !asking.caller.facts().mfa_fresh {
        return Err(IdentityError::StepUp.into());
    }
    let read = asking.read("Patient", asked.ids[0]).await?;
    let patient = read.get().tree()?;
    let chart = asking.record.own_chart_link(asking.caller, asked.ids[0]).await?.0;
    let held = asked.web.identity().account_of_chart(chart);
    let mut slips = Vec::new();
    if held.is_none() && typed[0].is_empty() {
        slips.push((
            "login",
            "Ask what they want to sign in with: their e-mail address, or a name of their own.".to_owned(),
        ));
    }
    let check = IdentityCheck::from_word(typed[1]).filter(|check| *check != IdentityCheck::Colleague);
    if check.is_none() {
        slips.push(("check", "Say how you know who they are.".to_owned()));
    }
    let (true, Some(check)) = (slips.is_empty(), check) else {
        return shown(asked, &session, &asking, typed, slips, StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    let name = Name::of(&patient);
    let new = PatientToActivate {
        chart,
        login: typed[0].to_owned(),
        display_name: signed(&patient).unwrap_or_else(|| name.listed()),
        family_name: Some(name.family).filter(|family| !family.is_empty()),
        check,
    };
    let invited = match asked.web.identity().activate_patient(asking.caller, new, &asked.from).await {
        Ok(invited) => invited,
        Err(IdentityError::Invalid(words)) => {
            let slips = vec![("login", format!("This was not done: {words}."))];
            return shown(asked, &session, &asking, typed, slips, StatusCode::UNPROCESSABLE_ENTITY).await;
        }
        Err(error) => return Err(error.into()),
    };
    let Invited { user, code: Some(code), expires_ms } = invited else { return Err(Refusal::Defect) };
    let page = CodePage {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, &session, Place::Patients),
        css: &PATIENT_CSS,
        print: &PRINT,
        who: Who::of(&patient),
        login: asked.web.identity().profile(user).map(|profile| profile.login).unwrap_or_default(),
        code: &code,
        origin: &asked.web.0.origin,
        until: day::moment(expires_ms, asked.web.zone()),
    };
    Ok(answer::page(StatusCode::CREATED, &page))
}

impl Page<'_> {
    fn wrong(&self, field: &str) -> bool {
        self.slips.iter().any(|(name, _)| *name == field)
    }
}

pub(super) async fn shown(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    [login, check]: [&str; 2],
    slips: Vec<(&'static str, String)>,
    status: StatusCode,
) -> Answer {
    let read = asking.read("Patient", asked.ids[0]).await?;
    let patient = read.get().tree()?;
    let chart = asking.record.own_chart_link(asking.caller, asked.ids[0]).await?.0;
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Patients),
        css: &PATIENT_CSS,
        who: Who::of(&patient),
        account: asked.web.identity().account_of_chart(chart).map(|held| account(held, asked.web.zone())),
        origin: &asked.web.0.origin,
        login,
        check,
        slips,
        passkeys: visit::passkeys_of_patient(asked, asked.ids[0], chart)?,
    };
    Ok(answer::page(status, &page))
}

fn account(profile: Profile, zone: &TimeZone) -> Account {
    let words = match profile.state {
        AccountState::Invited => "A code was given out and not used yet.".to_owned(),
        AccountState::Active => format!("The account is in use since {}.", day::moment(profile.created_ms, zone)),
        AccountState::Recovering => "A new code was given out and not used yet; nothing opens until it is.".to_owned(),
        AccountState::Deactivated => "The account was deactivated. An administrator opens it again.".to_owned(),
    };
    Account {
        login: profile.login,
        words,
        is_used: matches!(profile.state, AccountState::Active | AccountState::Recovering),
        is_closed: profile.state == AccountState::Deactivated,
    }
}

pub(super) fn activating<'a>(asked: &'a Asked<'_>, session: &'a Session) -> Result<Asking<'a>, Refusal> {
    let asking = asking(asked, session)?;
    if may_activate(&asking) { Ok(asking) } else { Err(Refusal::NotYours) }
}
