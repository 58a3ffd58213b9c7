//! A draft is changed from the version that was seen. Who was overtaken sees what it says now, keeps what they typed, and decides.

use fhir::Json;
use http::StatusCode;
use identity::Session;
use serde_json::Value;

use super::fill::{OFTEN, ROUTES, UNITS};
use super::sheet::{self, Sheet};
use super::{Answer, Entry, FIELDS, Held, Shown, fill, shown};
use crate::answer;
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::deed::{self, Author, Deed, Done};
use crate::clinic::read::text;
use crate::clinic::token;
use crate::clinic::typed::Typed;
use crate::forms::Form;
use crate::pages::closed;
use crate::refusal::Refusal;

/// The fields, as the form calls them.
const CALLED: [(&str, &str); 13] = [
    ("medicine", "Medicine"),
    ("amount", "How much at a time"),
    ("unit", "Of what"),
    ("route", "How"),
    ("often", "How often"),
    ("needed", "Only as needed"),
    ("for", "Needed for what"),
    ("days", "For how many days"),
    ("quantity", "How much is given out"),
    ("refills", "Refills"),
    ("reason", "What it is for"),
    ("note", "To the pharmacist"),
    ("exact", "Dispense as written"),
];

/// What was typed into a draft that is none any more: another can begin with it.
pub struct Kept {
    pub token: String,
    pub fields: Vec<(&'static str, String)>,
    pub said: Vec<(&'static str, String)>,
}

pub async fn save(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    held: Held,
    form: &Form,
    author: &Author,
) -> Answer {
    let mut one = held.one.clone().ok_or(Refusal::Defect)?;
    let seen = form.version()?;
    let mut typed = Typed::read(form, &FIELDS);
    let made = fill::made(&mut typed, asked.ids[0], &held.conditions, author);
    if typed.slips.is_empty() && seen == deed::version_of(&one) && text(&one, "status") == Some("draft") {
        if fill::is_same(&one, &made) {
            return Ok(answer::see(&here(asked)));
        }
        fill::change(&mut one, &made);
        let mut deed = Deed::default();
        deed.update(one)?;
        if let Done::Saved = deed.commit(asking).await? {
            return Ok(answer::see(&here(asked)));
        }
    }
    // Asked for again: somebody may have been faster by a moment.
    let Some(held) = Held::of(asked, session, asking, asked.ids[1]).await? else { return Ok(closed(asked)) };
    let one = held.one.clone().ok_or(Refusal::Defect)?;
    let status = text(&one, "status");
    // Sent twice, or changed by somebody else to what is wanted: it is so already.
    if typed.slips.is_empty() && matches!(status, Some("draft" | "active")) && fill::is_same(&one, &made) {
        return Ok(answer::see(&here(asked)));
    }
    if status != Some("draft") {
        return left(asked, session, asking, held, &one, &typed).await;
    }
    let mut entry = Entry {
        token: token::sent(asked, form),
        // What is put right on this page is still from the version that was seen.
        of: Some((asked.ids[1].to_owned(), seen)),
        trouble: None,
        changes: None,
        typed,
    };
    if !entry.typed.slips.is_empty() {
        return shown(asked, session, asking, held, Shown::Form(entry), StatusCode::UNPROCESSABLE_ENTITY);
    }
    entry.of = Some((asked.ids[1].to_owned(), deed::version_of(&one)));
    entry.changes = Some(differences(&one, &made, &held.conditions)?);
    shown(asked, session, asking, held, Shown::Form(entry), StatusCode::CONFLICT)
}

fn here(asked: &Asked<'_>) -> String {
    format!("/patients/{}/prescriptions/{}", asked.ids[0], asked.ids[1])
}

/// Signed or discarded meanwhile: shown as it is now, with what was typed beside it.
async fn left(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    held: Held,
    one: &Json<'static>,
    typed: &Typed,
) -> Answer {
    let trouble = match text(one, "status") {
        Some("active") => "This draft was signed meanwhile, and what you typed was not saved. It is still here, below.",
        Some("cancelled") => {
            "This draft was discarded meanwhile, and what you typed was not saved. It is still here, below."
        }
        _ => "This is no draft any more, and what you typed was not saved. It is still here, below.",
    };
    let said = CALLED.iter().filter(|(name, _)| !typed.get(name).is_empty());
    let kept = Kept {
        token: token::fresh(asked),
        fields: FIELDS.iter().map(|name| (*name, typed.get(name).to_owned())).collect(),
        said: said.map(|(name, called)| (*called, words(typed, name))).collect(),
    };
    let sheet = sheet::of(asked, asking, one, &held.head).await?;
    let sheet = Sheet { trouble: Some(trouble), kept: Some(kept), ..sheet };
    shown(asked, session, asking, held, Shown::Signed(Box::new(sheet)), StatusCode::CONFLICT)
}

/// Where the draft says something else than what would be saved, both read by the same rules.
fn differences(one: &Json<'_>, made: &Value, conditions: &[(String, String)]) -> Result<Vec<String>, Refusal> {
    let made = made.to_string();
    let made = Json::parse_str(&made).map_err(|_| Refusal::Defect)?;
    let (now, typed) = (fill::filled(one, conditions), fill::filled(&made, conditions));
    let differing = CALLED.iter().filter(|(name, _)| typed.differs(&now, name));
    let mut changes: Vec<String> = differing
        .map(|(name, called)| {
            format!("{called}: the draft says now {}; you typed {}.", words(&now, name), words(&typed, name))
        })
        .collect();
    if fill::is_more(one) || changes.is_empty() {
        changes.push("It says more than this form holds: read the draft before you save.".to_owned());
    }
    Ok(changes)
}

fn words(typed: &Typed, name: &str) -> String {
    let choices: &[(&str, &str)] = match name {
        "unit" => &UNITS,
        "route" => &ROUTES,
        "often" => &OFTEN,
        _ => &[],
    };
    match (name, typed.choice(name, choices), typed.get(name)) {
        (_, Some((_, words)), _) => words.to_owned(),
        ("needed" | "exact", _, "") => "no".to_owned(),
        (_, _, "") => "nothing".to_owned(),
        (_, _, said) => said.to_owned(),
    }
}
