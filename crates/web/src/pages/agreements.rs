//! Business associate agreements: which there are, which are in force, and who changed what of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use access::{Action, Denial, Object, TypeRef};
use askama::Template;
use compliance::{Agreement, ComplianceError, Service, Standing, Terms};
use http::StatusCode;
use identity::Session;
use record::Audited;

use super::Answer;
use crate::answer;
use crate::assets::Frame;
use crate::client::Asked;
use crate::clinic::day;
use crate::clinic::shell::{Place, Shell};
use crate::forms::Form;
use crate::refusal::Refusal;

/// What is meant by each service, for people.
const SERVICES: [(Service, &str); 7] = [
    (Service::Email, "E-mail"),
    (Service::Sms, "Text messages"),
    (Service::Video, "Video"),
    (Service::Storage, "Storage"),
    (Service::Siem, "Logs (SIEM)"),
    (Service::Turn, "Relay of calls (TURN)"),
    (Service::Other, "Something else"),
];

#[derive(Template)]
#[template(path = "agreements.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    rows: Vec<Row>,
    draft: Draft,
    error: Option<String>,
    is_saved: bool,
    keeps: Keeps,
}

#[derive(Template)]
#[template(path = "agreement.html")]
struct One<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    row: Row,
    history: Vec<Step>,
    draft: Draft,
    error: Option<String>,
    is_saved: bool,
    keeps: Keeps,
}

struct Row {
    id: u64,
    vendor: String,
    services: String,
    signed: String,
    expires: String,
    document: String,
    reviewer: String,
    notes: String,
    standing: Standing,
}

struct Step {
    time: String,
    who: String,
    did: String,
    words: String,
    changes: Vec<(String, String, String)>,
}

/// The form as it was typed.
#[derive(Default)]
struct Draft {
    vendor: String,
    services: BTreeSet<&'static str>,
    signed: String,
    expires: String,
    document: String,
    reviewer: String,
    notes: String,
    words: String,
    version: usize,
}

/// Whether somebody changes the register, or would after confirming that it is them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keeps {
    Now,
    AfterStepUp,
    Never,
}

impl Keeps {
    fn now(self) -> bool {
        self == Keeps::Now
    }

    fn after_step_up(self) -> bool {
        self == Keeps::AfterStepUp
    }
}

impl Draft {
    fn read(form: &Form) -> Draft {
        let text = |name: &str| form.text(name).trim().to_owned();
        let chosen = |name: &str| form.each("service").any(|chosen| chosen == name);
        Draft {
            vendor: text("vendor"),
            services: SERVICES.iter().map(|(service, _)| service.name()).filter(|name| chosen(name)).collect(),
            signed: text("signed"),
            expires: text("expires"),
            document: text("document"),
            reviewer: text("reviewer"),
            notes: text("notes"),
            words: text("words"),
            version: text("version").parse().unwrap_or(0),
        }
    }

    fn of(agreement: &Agreement) -> Draft {
        let terms = &agreement.terms;
        Draft {
            vendor: terms.vendor.clone(),
            services: terms.services.iter().map(|service| service.name()).collect(),
            signed: terms.signed.to_string(),
            expires: terms.expires.to_string(),
            document: terms.document.to_string(),
            reviewer: terms.reviewer.clone(),
            notes: terms.notes.clone(),
            words: String::new(),
            version: agreement.version(),
        }
    }

    fn terms(&self) -> Result<Terms, ComplianceError> {
        Ok(Terms {
            vendor: self.vendor.clone(),
            services: self.services.iter().filter_map(|name| Service::from_name(name)).collect(),
            signed: self.signed.parse()?,
            expires: self.expires.parse()?,
            document: self.document.parse()?,
            reviewer: self.reviewer.clone(),
            notes: self.notes.clone(),
        })
    }

    /// Name, words, and whether it is chosen.
    fn choices(&self) -> Vec<(&'static str, &'static str, bool)> {
        let choice = |(service, words): &(Service, &'static str)| {
            (service.name(), *words, self.services.contains(service.name()))
        };
        SERVICES.iter().map(choice).collect()
    }
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    may(asked, &session, Action::ReadAgreements, Audited::AgreementRead).await?;
    list(asked, &session, Draft::default(), None, StatusCode::OK).await
}

pub async fn add(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    if keeps(asked, &session) == Keeps::AfterStepUp {
        return Ok(answer::see("/stepup?next=/agreements"));
    }
    may(asked, &session, Action::ManageAgreements, Audited::AgreementChange).await?;
    let mut draft = Draft::read(&form);
    let caller = session.caller.as_ref().ok_or(Refusal::NotYours)?;
    if draft.reviewer.is_empty() {
        draft.reviewer = caller.login().to_owned();
    }
    let added = match draft.terms() {
        Ok(terms) => asked.web.agreements().add(caller, terms, &draft.words).await,
        Err(error) => Err(error),
    };
    match added.map_err(Refusal::from) {
        Ok(agreement) => Ok(answer::see(&format!("/agreements/{}?saved=yes", agreement.id))),
        Err(refusal) if refusal.status() == StatusCode::UNPROCESSABLE_ENTITY => {
            list(asked, &session, draft, Some(refusal.words()), refusal.status()).await
        }
        Err(refusal) => Err(refusal),
    }
}

pub async fn one(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    may(asked, &session, Action::ReadAgreements, Audited::AgreementRead).await?;
    shown(asked, &session, None, None, StatusCode::OK).await
}

pub async fn change(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let id = number(asked)?;
    if keeps(asked, &session) == Keeps::AfterStepUp {
        return Ok(answer::see(&format!("/stepup?next=/agreements/{id}")));
    }
    may(asked, &session, Action::ManageAgreements, Audited::AgreementChange).await?;
    let draft = Draft::read(&form);
    let caller = session.caller.as_ref().ok_or(Refusal::NotYours)?;
    let register = asked.web.agreements();
    let changed = match form.text("act") {
        "end" => register.end(caller, id, draft.version, &draft.words).await,
        _ => match draft.terms() {
            Ok(terms) => register.amend(caller, id, draft.version, terms, &draft.words).await,
            Err(error) => Err(error),
        },
    };
    match changed.map_err(Refusal::from) {
        Ok(_) => Ok(answer::see(&format!("/agreements/{id}?saved=yes"))),
        Err(refusal) if matches!(refusal.status(), StatusCode::UNPROCESSABLE_ENTITY | StatusCode::CONFLICT) => {
            let draft = (form.text("act") != "end").then_some(draft);
            shown(asked, &session, draft, Some(refusal.words()), refusal.status()).await
        }
        Err(refusal) => Err(refusal),
    }
}

/// Policy decides, and the record audits what it denies.
async fn may(asked: &Asked<'_>, session: &Session, action: Action, audited: Audited) -> Result<(), Refusal> {
    let caller = session.caller.as_ref().ok_or(Refusal::NotYours)?;
    Ok(asked.web.record().may(caller, action, audited).await?)
}

fn keeps(asked: &Asked<'_>, session: &Session) -> Keeps {
    let Some(caller) = &session.caller else { return Keeps::Never };
    let system = Object::of(TypeRef::SYSTEM, None, None);
    match asked.web.record().policies().decide(caller, Action::ManageAgreements, &system) {
        Ok(_) => Keeps::Now,
        Err(denial) if Denial::wants_step_up(&denial) => Keeps::AfterStepUp,
        Err(_) => Keeps::Never,
    }
}

fn number(asked: &Asked<'_>) -> Result<u64, Refusal> {
    asked.ids[0].parse().map_err(|_| Refusal::NotFound)
}

fn is_saved(asked: &Asked<'_>) -> bool {
    asked.parts.uri.query() == Some("saved=yes")
}

async fn all(asked: &Asked<'_>, session: &Session) -> Result<Vec<Arc<Agreement>>, Refusal> {
    let caller = session.caller.as_ref().ok_or(Refusal::NotYours)?;
    Ok(asked.web.agreements().look_up(caller).await?)
}

async fn list(asked: &Asked<'_>, session: &Session, draft: Draft, error: Option<String>, status: StatusCode) -> Answer {
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Agreements),
        rows: all(asked, session).await?.iter().map(|agreement| row(asked, agreement)).collect(),
        draft,
        error,
        is_saved: is_saved(asked),
        keeps: keeps(asked, session),
    };
    Ok(answer::page(status, &page))
}

async fn shown(
    asked: &Asked<'_>,
    session: &Session,
    draft: Option<Draft>,
    error: Option<String>,
    status: StatusCode,
) -> Answer {
    let id = number(asked)?;
    let all = all(asked, session).await?;
    let agreement = all.iter().find(|agreement| agreement.id == id).ok_or(Refusal::NotFound)?;
    // What was typed stays, over the version that is there now.
    let draft = draft.map(|draft| Draft { version: agreement.version(), ..draft });
    let history = agreement.history.iter().rev().map(|step| Step {
        time: day::moment(step.time_ms, asked.web.zone()),
        who: step.who.clone(),
        did: step.did.clone(),
        words: step.words.clone(),
        changes: step.changes.iter().map(|c| (c.field.clone(), c.before.clone(), c.after.clone())).collect(),
    });
    let page = One {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Agreements),
        row: row(asked, agreement),
        history: history.collect(),
        draft: draft.unwrap_or_else(|| Draft::of(agreement)),
        error,
        is_saved: is_saved(asked),
        keeps: if agreement.ended.is_some() { Keeps::Never } else { keeps(asked, session) },
    };
    Ok(answer::page(status, &page))
}

fn row(asked: &Asked<'_>, agreement: &Agreement) -> Row {
    let (register, terms) = (asked.web.agreements(), &agreement.terms);
    let said = SERVICES.iter().filter(|(service, _)| terms.services.contains(service)).map(|(_, words)| *words);
    Row {
        id: agreement.id,
        vendor: terms.vendor.clone(),
        services: said.collect::<Vec<_>>().join(", "),
        signed: terms.signed.to_string(),
        expires: terms.expires.to_string(),
        document: terms.document.to_string(),
        reviewer: terms.reviewer.clone(),
        notes: terms.notes.clone(),
        standing: agreement.standing(register.now_ms(), register.zone()),
    }
}

impl Row {
    fn is_in_force(&self) -> bool {
        self.standing == Standing::InForce
    }

    fn said(&self) -> &'static str {
        match self.standing {
            Standing::InForce => "in force",
            Standing::Expired => "expired",
            Standing::Ended => "ended",
        }
    }
}
