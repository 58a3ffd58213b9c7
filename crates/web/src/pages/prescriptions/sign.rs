//! Acts on one prescription: a draft is changed, signed or discarded; what was signed is ended. Each from the version that was seen.

use fhir::Json;
use http::StatusCode;
use serde_json::json;

use super::check::{self, REASONS};
use super::doubts::Doubts;
use super::{Answer, Draft, Entry, FIELDS, Held, Shown, asking, fill, may_prescribe, shown, standing};
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

/// Letters of a reason, so that it says something.
const WHY_CHARS_MIN: usize = 5;
const OVERTAKEN: &str =
    "This prescription was changed meanwhile. Nothing was done. It is shown as it is now: look again.";

pub async fn act(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = asking(asked, &session)?;
    if !may_prescribe(&asking) {
        return Err(Refusal::NotYours);
    }
    let Some(held) = Held::of(asked, &session, &asking, asked.ids[1]).await? else { return Ok(closed(asked)) };
    let mut one = held.one.clone().ok_or(Refusal::Defect)?;
    let author = Author::of(asked, &asking).await?;
    let seen = form.version()?;
    let status = text(&one, "status").unwrap_or_default().to_owned();
    let act = form.text("act");
    let here = format!("/patients/{}/prescriptions/{}", asked.ids[0], asked.ids[1]);
    let is_seen = seen == deed::version_of(&one);
    // Sent twice: what was wanted is so already.
    if goal(act) == Some(status.as_str()) {
        return Ok(answer::see(&here));
    }
    match (act, status.as_str()) {
        ("save", "draft") => {
            let mut entry = Entry {
                typed: Typed::read(&form, &FIELDS),
                token: token::sent(asked, &form),
                of: Some((asked.ids[1].to_owned(), deed::version_of(&one))),
                trouble: None,
            };
            let made = fill::made(&mut entry.typed, asked.ids[0], &held.conditions, &author);
            if !entry.typed.slips.is_empty() {
                return shown(asked, &session, &asking, held, Shown::Form(entry), StatusCode::UNPROCESSABLE_ENTITY);
            }
            if fill::is_same(&one, &made) {
                return Ok(answer::see(&here));
            }
            if !is_seen {
                entry.trouble = Some(
                    "This draft was changed meanwhile, and what you typed was not saved. It is still here: saving now replaces what the draft says.",
                );
                return shown(asked, &session, &asking, held, Shown::Form(entry), StatusCode::CONFLICT);
            }
            fill::change(&mut one, &made);
        }
        _ if !is_seen => {
            let one = one.clone();
            return standing(asked, &session, &asking, held, &one, Some(OVERTAKEN), StatusCode::CONFLICT).await;
        }
        ("sign", "draft") => return sign(asked, &session, &asking, held, one, &form, &author).await,
        ("discard", "draft") => deed::set(&mut one, "status", json!("cancelled")),
        ("end" | "mistake", "active" | "on-hold") => {
            let why = form.text("why").trim();
            if why.chars().count() < WHY_CHARS_MIN {
                let words = "Nothing was changed: say in a few words why the prescription ends.";
                return standing(asked, &session, &asking, held, &one, Some(words), StatusCode::UNPROCESSABLE_ENTITY)
                    .await;
            }
            deed::set(&mut one, "status", json!(if act == "end" { "stopped" } else { "entered-in-error" }));
            deed::set(&mut one, "statusReason", json!({ "text": why }));
        }
        _ => return standing(asked, &session, &asking, held, &one, Some(OVERTAKEN), StatusCode::CONFLICT).await,
    }
    let mut deed = Deed::default();
    deed.update(one.clone())?;
    match (deed.commit(&asking).await?, act) {
        (Done::Saved, "discard") => Ok(deed::to(asked, "medicines", "cancelled")),
        (Done::Saved, "end" | "mistake") => Ok(deed::to(asked, "medicines", "stopped")),
        (Done::Saved, _) => Ok(answer::see(&here)),
        (Done::Overtaken, _) => overtaken(asked, &session, &asking, act).await,
    }
}

/// What an act leads to: who asks for what is so already has what they want.
fn goal(act: &str) -> Option<&'static str> {
    match act {
        "sign" => Some("active"),
        "discard" => Some("cancelled"),
        "end" => Some("stopped"),
        "mistake" => Some("entered-in-error"),
        _ => None,
    }
}

async fn overtaken(asked: &Asked<'_>, session: &identity::Session, asking: &Asking<'_>, act: &str) -> Answer {
    let Some(held) = Held::of(asked, session, asking, asked.ids[1]).await? else { return Ok(closed(asked)) };
    let one = held.one.clone().ok_or(Refusal::Defect)?;
    // Pressed twice: the first did it.
    if goal(act).is_some_and(|goal| text(&one, "status") == Some(goal)) {
        return Ok(answer::see(&format!("/patients/{}/prescriptions/{}", asked.ids[0], asked.ids[1])));
    }
    standing(asked, session, asking, held, &one, Some(OVERTAKEN), StatusCode::CONFLICT).await
}

/// Signed if nothing speaks against it, or for a reason that is kept. It asks once.
async fn sign(
    asked: &Asked<'_>,
    session: &identity::Session,
    asking: &Asking<'_>,
    held: Held,
    mut one: Json<'static>,
    form: &Form,
    author: &Author,
) -> Answer {
    let sheet = super::sheet::of(asked, asking, &one, &held.head).await?;
    let check = check::of(asking, asked.ids[0], &sheet.medicine).await?;
    let (reason, why) = (form.text("reason").to_owned(), form.text("why").trim().to_owned());
    let is_known = REASONS.iter().any(|(code, _)| *code == reason);
    let is_answered = form.text("asked") == check.asked_about() && is_known && why.chars().count() >= WHY_CHARS_MIN;
    if check.interrupts() && !is_answered {
        let is_first = form.text("asked") != check.asked_about();
        let draft = Draft {
            version: deed::version_of(&one),
            sheet,
            check,
            doubts: Doubts::of(asking, asked.ids[0], &one).await?,
            is_interrupted: true,
            slip: (!is_first).then_some("Choose a reason and say it in a few words: both are kept and reviewed."),
            reason,
            why,
            trouble: None,
        };
        return shown(asked, session, asking, held, Shown::Draft(draft), StatusCode::UNPROCESSABLE_ENTITY);
    }
    let mut deed = Deed::default();
    let token = format!("{}{}", deed::version_of(&one), asked.ids[1]);
    let mut issues = Vec::new();
    for (number, met) in check.interrupting().enumerate() {
        let mut issue = check::issue(met, asked.ids[0], (asked.ids[1], &sheet.medicine), (&reason, &why), author);
        let url = token::full_url(&token::fresh(asked), number);
        issue["identifier"] = deed::identifier(&token, &format!("issue-{number}"));
        deed.create(
            "DetectedIssue",
            deed::condition(&token, &format!("issue-{number}"), asked.ids[0]),
            Some(url.clone()),
            issue,
        );
        issues.push(json!({ "reference": url }));
    }
    deed::set(&mut one, "status", json!("active"));
    deed::set(&mut one, "authoredOn", json!(author.now));
    if let Some(signer) = author.reference() {
        deed::set(&mut one, "requester", signer);
    }
    if !issues.is_empty() {
        deed::set(&mut one, "detectedIssue", json!(issues));
    }
    deed.update(one)?;
    match deed.commit(asking).await? {
        Done::Saved => Ok(answer::see(&format!("/patients/{}/prescriptions/{}?signed", asked.ids[0], asked.ids[1]))),
        Done::Overtaken => overtaken(asked, session, asking, "sign").await,
    }
}
